//! `mapred job -history`, as text and as JSON. Hadoop: `HumanReadableHistoryViewerPrinter`,
//! `JSONHistoryViewerPrinter`.
//!
//! A cluster knows more of a job than one machine: its setup and cleanup tasks are none here, each attempt ran on
//! `localhost`, and a reduce attempt has no shuffle of its own, so the times of shuffle and sort are those of its start.
//! Counters of single tasks are not kept. Quirks of Hadoop's printers stay, for programs cut these lines apart: a table
//! row has no bar at its end, a head stands before each task, and JSON shows the last attempt of a task alone.

use super::record::{AttemptRow, RunRecord, RunState, TaskRow};
use crate::clock;
use crate::counters::{Counters, JOB_CLASS, SHUFFLE_ERRORS_GROUP};
use crate::ids::{TaskId, TaskKind};
use crate::printable::one_line;
use serde::ser::SerializeMap;
use serde::{Deserialize, Serialize, Serializer};
use std::cmp::Reverse;
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Rows of the slowest tasks that are shown.
const SLOWEST_SHOWN: usize = 10;
/// The node that every attempt runs on.
const NODE: &str = "localhost";
/// Where Hadoop would say that the input of a map task is.
const SPLIT_LOCATION: &str = "/default-rack/localhost";
/// Hadoop: the class that the printer has in place of a group's name.
const SHUFFLE_ERRORS_CLASS: &str = "org.apache.hadoop.mapreduce.task.reduce.Fetcher.ShuffleErrors";

/// What a history shows and a [`RunRecord`] does not say elsewhere.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct History {
    /// The counters, split by phase.
    groups: Vec<GroupRow>,
    maps: Phase,
    reduces: Phase,
}

/// A group of counters.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct GroupRow {
    name: String,
    shown: String,
    counters: Vec<CounterRow>,
}

/// A counter, by phase.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct CounterRow {
    name: String,
    shown: String,
    map: i64,
    reduce: i64,
    total: i64,
}

/// All attempts of one phase, also those of tasks that a record leaves out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
struct Phase {
    /// Attempts, as Hadoop counts.
    total: u32,
    /// Tasks that were done.
    successful: u32,
    failed: u32,
    killed: u32,
    start_ms: i64,
    finish_ms: i64,
}

impl History {
    /// The history of a run that is over: its counters, those of its reduce tasks among them, and its tasks.
    pub fn new(total: &Counters, reduces: &Counters, tasks: &BTreeMap<TaskId, TaskRow>) -> Self {
        let phase = |kind| Phase::of(tasks.iter().filter(|(task, _)| task.kind == kind).map(|(_, row)| row));
        Self {
            groups: by_phase(total, reduces),
            maps: phase(TaskKind::Map),
            reduces: phase(TaskKind::Reduce),
        }
    }
}

impl Phase {
    fn of<'a>(rows: impl Iterator<Item = &'a TaskRow>) -> Self {
        let mut phase = Self::default();
        for row in rows {
            phase.successful += u32::from(row.done);
            for attempt in &row.tries {
                phase.total += 1;
                match attempt.state() {
                    RunState::Failed => phase.failed += 1,
                    RunState::Killed => phase.killed += 1,
                    _ => {}
                }
                if phase.start_ms == 0 || phase.start_ms > attempt.begun_ms {
                    phase.start_ms = attempt.begun_ms;
                }
                phase.finish_ms = phase.finish_ms.max(attempt.ended_ms.unwrap_or(0));
            }
        }
        phase
    }
}

/// What is not of the reduce tasks is of the map tasks, but for the counters of the job itself.
fn by_phase(total: &Counters, reduces: &Counters) -> Vec<GroupRow> {
    let of_reduces = reduces.named_groups();
    let groups = total.named_groups().into_iter().map(|group| {
        let same = of_reduces.iter().find(|other| other.name == group.name);
        let of_reduce = |name: &str| {
            let counters = same.map(|group| group.counters.as_slice()).unwrap_or_default();
            counters.iter().find(|counter| counter.name == name).map_or(0, |counter| counter.value)
        };
        let is_of_job = group.name == JOB_CLASS;
        let counters = group.counters.iter().map(|counter| {
            let reduce = if is_of_job { 0 } else { of_reduce(&counter.name) };
            let map = if is_of_job { 0 } else { counter.value.wrapping_sub(reduce) };
            let (name, shown) = (counter.name.to_string(), counter.shown.to_string());
            CounterRow { name, shown, map, reduce, total: counter.value }
        });
        GroupRow { name: group.name.to_owned(), shown: group.shown.to_owned(), counters: counters.collect() }
    });
    groups.collect()
}

impl AttemptRow {
    fn state(&self) -> RunState {
        match (&self.error, self.ended_ms) {
            (Some(_), _) => RunState::Failed,
            (None, Some(_)) => RunState::Succeeded,
            (None, None) => RunState::Killed,
        }
    }
}

/// One task or attempt of a finished run, as the printers want it.
struct Task<'a> {
    /// Behind `task_` or `attempt_`.
    tail: String,
    kind: TaskKind,
    row: &'a TaskRow,
}

impl Task<'_> {
    fn id(&self) -> String {
        format!("task_{}", self.tail)
    }

    fn attempt_id(&self, attempt: &AttemptRow) -> String {
        format!("attempt_{}_{}", self.tail, attempt.number)
    }

    fn state(&self) -> RunState {
        match self.row {
            TaskRow { done: true, .. } => RunState::Succeeded,
            row if row.tries.iter().any(|attempt| attempt.error.is_some()) => RunState::Failed,
            _ => RunState::Killed,
        }
    }

    fn start_ms(&self) -> i64 {
        self.row.tries.first().map_or(0, |attempt| attempt.begun_ms)
    }

    fn finish_ms(&self) -> i64 {
        self.row.ended_ms
    }

    fn error(&self) -> &str {
        let last = self.row.tries.iter().rev().find_map(|attempt| attempt.error.as_deref());
        last.filter(|_| !self.row.done).unwrap_or_default()
    }
}

fn tasks(record: &RunRecord) -> Vec<Task<'_>> {
    let job = record.id.strip_prefix("job_").unwrap_or(&record.id);
    let task = |(name, row): (&String, _)| {
        let kind = if name.starts_with('m') { TaskKind::Map } else { TaskKind::Reduce };
        Task { tail: format!("{job}_{name}"), kind, row }
    };
    record.tasks.iter().map(task).collect()
}

fn type_word(kind: TaskKind) -> &'static str {
    match kind {
        TaskKind::Map => "MAP",
        TaskKind::Reduce => "REDUCE",
    }
}

/// The history of a run that is over, for people; with all its tasks, or only those that were not done.
pub fn human(record: &RunRecord, with_all: bool) -> String {
    let (tasks, mut text) = (tasks(record), job_details(record));
    text.push_str(&task_summary(record));
    text.push_str(&analysis(record, &tasks));
    let list = |kind, state| task_list(record, &tasks, kind, state);
    for kind in [TaskKind::Map, TaskKind::Reduce] {
        text.push_str(&list(kind, RunState::Failed));
        text.push_str(&list(kind, RunState::Killed));
    }
    if with_all {
        text.push_str(&list(TaskKind::Map, RunState::Succeeded));
        text.push_str(&list(TaskKind::Reduce, RunState::Succeeded));
        for word in ["JOB_SETUP", "MAP", "REDUCE", "JOB_CLEANUP"] {
            text.push_str(&attempt_list(record, &tasks, word));
        }
    }
    text.push_str(&nodes(&tasks, RunState::Failed));
    text.push_str(&nodes(&tasks, RunState::Killed));
    text
}

fn job_details(record: &RunRecord) -> String {
    let (begun, rule) = (record.begun_ms, "=".repeat(37));
    let mut text = format!(
        "\nHadoop job: {}\n{rule}\nUser: {}\nJobName: {}\nJobConf: \nSubmitted At: {}\nLaunched At: {}\nFinished At: \
         {}\nStatus: {}",
        record.id,
        record.user,
        one_line(&record.name),
        time(begun, 0),
        time(begun, begun),
        time(record.ended_ms.unwrap_or(0), begun),
        record.state.word()
    );
    if let Some(history) = &record.history {
        let head = ["Group Name", "Counter name", "Map Value", "Reduce Value", "Total Value"];
        let rule = "-".repeat(87);
        text.extend(["\nCounters: \n\n", &table_row(&head), "|\n", &rule]);
        for group in &history.groups {
            for counter in &group.counters {
                let [map, reduce, total] = [counter.map, counter.reduce, counter.total].map(decimal);
                let names = [one_line(&group.shown), one_line(&counter.shown)];
                text.push('\n');
                text.push_str(&table_row(&[&names[0], &names[1], &map, &reduce, &total]));
            }
        }
    }
    format!("{text}\n\n{rule}\n")
}

fn table_row([group, counter, map, reduce, total]: &[&str; 5]) -> String {
    format!("|{group:<30}|{counter:<30}|{map:<10}|{reduce:<10}|{total:<10}")
}

fn task_summary(record: &RunRecord) -> String {
    let history = record.history.clone().unwrap_or_default();
    let rule = "=".repeat(28);
    let mut text =
        format!("\nTask Summary\n{rule}\nKind\tTotal\tSuccessful\tFailed\tKilled\tStartTime\tFinishTime\n");
    let none = Phase::default();
    for (name, phase) in
        [("Setup", &none), ("Map", &history.maps), ("Reduce", &history.reduces), ("Cleanup", &none)]
    {
        let Phase { total, successful, failed, killed, start_ms, finish_ms } = *phase;
        let (start, finish) = (time(start_ms, 0), time(finish_ms, start_ms));
        write!(text, "\n{name}\t{total}\t{successful}\t\t{failed}\t{killed}\t{start}\t{finish}")
            .expect("a string takes everything");
    }
    format!("{text}\n{rule}\n\n")
}

/// An attempt that was successful, with its task.
type Success<'a> = (&'a Task<'a>, &'a AttemptRow);

fn analysis(record: &RunRecord, tasks: &[Task<'_>]) -> String {
    if record.state != RunState::Succeeded {
        return "No Analysis available as job did not finish\n".to_owned();
    }
    let of = |kind| -> Vec<Success<'_>> {
        let tasks = tasks.iter().filter(|task| task.kind == kind);
        let done = tasks.filter_map(|task| {
            Some((task, task.row.tries.iter().find(|attempt| attempt.state() == RunState::Succeeded)?))
        });
        done.collect()
    };
    let whole = |attempt: &AttemptRow| (attempt.begun_ms, attempt.ended_ms.unwrap_or(attempt.begun_ms));
    let shuffle = |attempt: &AttemptRow| (attempt.begun_ms, attempt.begun_ms);
    let mut text = "\nAnalysis\n=========\n".to_owned();
    text.push_str(&phase_analysis(record, of(TaskKind::Map), "map", whole));
    text.push_str(&phase_analysis(record, of(TaskKind::Reduce), "shuffle", shuffle));
    text.push_str(&phase_analysis(record, of(TaskKind::Reduce), "reduce", whole));
    text + "=========\n"
}

/// `span` is when what is analysed began and ended in an attempt.
fn phase_analysis(
    record: &RunRecord,
    mut attempts: Vec<Success<'_>>,
    what: &str,
    span: fn(&AttemptRow) -> (i64, i64),
) -> String {
    let millis = |(_, attempt): &Success<'_>| span(attempt).1 - span(attempt).0;
    attempts.sort_by_key(|success| Reverse(millis(success)));
    let Some(best) = attempts.last() else { return String::new() };
    let average = attempts.iter().map(millis).sum::<i64>() / attempts.len() as i64;
    let mut text = format!(
        "\nTime taken by best performing {what} task {}: {}\nAverage time taken by {what} tasks: {}\nWorse performing \
         {what} tasks: \nTaskId\t\tTimetaken\n",
        best.0.id(),
        duration(millis(best)),
        duration(average)
    );
    for success in attempts.iter().take(SLOWEST_SHOWN) {
        writeln!(text, "{} {}", success.0.id(), duration(millis(success)))
            .expect("a string takes everything");
    }
    attempts.sort_by_key(|(_, attempt)| Reverse(attempt.ended_ms));
    let last = &attempts[0];
    writeln!(
        text,
        "The last {what} task {} finished at (relative to the Job launch time): {}",
        last.0.id(),
        time(span(last.1).1, record.begun_ms)
    )
    .expect("a string takes everything");
    text
}

/// The tasks of a kind that ended so, each under a head of its own.
fn task_list(record: &RunRecord, tasks: &[Task<'_>], kind: TaskKind, state: RunState) -> String {
    let mut text = String::new();
    let splits = kind == TaskKind::Map;
    for task in tasks.iter().filter(|task| task.kind == kind && task.state() == state) {
        let (word, kind, id) = (state.word(), type_word(kind), &record.id);
        let head = if splits { "\tInputSplits" } else { "" };
        let split = if splits { format!("\t{SPLIT_LOCATION}") } else { String::new() };
        writeln!(
            text,
            "\n{word} {kind} task list for {id}\nTaskId\t\tStartTime\tFinishTime\tError{head}\n{}\n{}\t{}\t{}\t{}{split}",
            "=".repeat(52),
            task.id(),
            time(task.start_ms(), 0),
            time(task.finish_ms(), task.start_ms()),
            one_line(task.error()),
        )
        .expect("a string takes everything");
    }
    text
}

/// All attempts of the tasks of a kind, given by Hadoop's word.
fn attempt_list(record: &RunRecord, tasks: &[Task<'_>], word: &str) -> String {
    let is_reduce = word == "REDUCE";
    let phases = if is_reduce { "\tShuffleFinished\tSortFinished" } else { "" };
    let mut text = format!(
        "\n{word} task list for {}\nTaskId\t\tStartTime{phases}\tFinishTime\tHostName\tError\tTaskLogs\n{}\n",
        record.id,
        "=".repeat(52)
    );
    for task in tasks.iter().filter(|task| type_word(task.kind) == word) {
        for attempt in &task.row.tries {
            let begun = attempt.begun_ms;
            let at_start = time(begun, begun);
            let phases = if is_reduce { format!("{at_start}\t{at_start}") } else { String::new() };
            writeln!(
                text,
                "{}\t{}\t{phases}{}\t{NODE}\t{}n/a",
                task.attempt_id(attempt),
                time(begun, 0),
                time(attempt.ended_ms.unwrap_or(0), begun),
                one_line(attempt.error.as_deref().unwrap_or_default()),
            )
            .expect("a string takes everything");
        }
    }
    text
}

/// The tasks with attempts that ended so, by node.
fn nodes(tasks: &[Task<'_>], state: RunState) -> String {
    let is_so = |task: &&Task<'_>| task.row.tries.iter().any(|attempt| attempt.state() == state);
    let ids: String = tasks.iter().filter(is_so).map(|task| task.id() + ", ").collect();
    if ids.is_empty() {
        return ids;
    }
    let rule = "=".repeat(31);
    format!("\n{} task attempts by nodes\nHostname\tFailedTasks\n{rule}\n{NODE}\t{ids}\n", state.word())
}

/// A time, and how long it is after another. Nothing of a time that is not known. Hadoop:
/// `StringUtils.getFormattedTimeWithDiff`.
fn time(ms: i64, since_ms: i64) -> String {
    if ms == 0 {
        return String::new();
    }
    let time = clock::local(ms, "%-d-%b-%Y %H:%M:%S");
    if since_ms == 0 { time } else { format!("{time} ({})", duration(ms - since_ms)) }
}

/// Hadoop: `StringUtils.formatTime`.
fn duration(ms: i64) -> String {
    let (hours, minutes, seconds) = (ms / 3_600_000, ms / 60_000 % 60, ms / 1_000 % 60);
    let mut text = String::new();
    if hours != 0 {
        write!(text, "{hours}hrs, ").expect("a string takes everything");
    }
    if minutes != 0 {
        write!(text, "{minutes}mins, ").expect("a string takes everything");
    }
    text + &format!("{seconds}sec")
}

/// Java: `DecimalFormat` without a pattern.
fn decimal(value: i64) -> String {
    let digits = value.unsigned_abs().to_string();
    let mut text = if value < 0 { "-".to_owned() } else { String::new() };
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonJob<'a> {
    hadoop_job: &'a str,
    user: &'a str,
    job_name: &'a str,
    job_conf: &'a str,
    submitted_at: i64,
    launched_at: i64,
    finished_at: i64,
    status: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    counters: Option<Ordered<Vec<JsonCounter<'a>>>>,
    task_summary: JsonSummary,
    tasks: Vec<JsonTask>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonCounter<'a> {
    counter_name: &'a str,
    map_value: i64,
    reduce_value: i64,
    total_value: i64,
}

#[derive(Serialize)]
struct JsonSummary {
    setup: JsonPhase,
    map: JsonPhase,
    reduce: JsonPhase,
    cleanup: JsonPhase,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonPhase {
    total: u32,
    successful: u32,
    failed: u32,
    killed: u32,
    start_time: i64,
    finish_time: i64,
}

impl From<Phase> for JsonPhase {
    fn from(phase: Phase) -> Self {
        let Phase { total, successful, failed, killed, start_ms, finish_ms } = phase;
        Self { total, successful, failed, killed, start_time: start_ms, finish_time: finish_ms }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonTask {
    task_id: String,
    #[serde(rename = "type")]
    kind: &'static str,
    status: &'static str,
    start_time: i64,
    finish_time: i64,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    input_splits: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    attempts: Option<JsonAttempt>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct JsonAttempt {
    attempt_id: String,
    start_time: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    shuffle_finished: Option<i64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    sort_finished: Option<i64>,
    finish_time: i64,
    host_name: &'static str,
    #[serde(skip_serializing_if = "String::is_empty")]
    error: String,
}

/// An object whose fields stay in order.
struct Ordered<T>(Vec<(String, T)>);

impl<T: Serialize> Serialize for Ordered<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, value) in &self.0 {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// The history of a run that is over as one line of JSON without an end of line; with all its tasks, or only those that
/// were not done.
pub fn json(record: &RunRecord, with_all: bool) -> String {
    let history = record.history.clone().unwrap_or_default();
    let tasks = tasks(record);
    let shown = tasks.iter().filter(|task| with_all || task.state() != RunState::Succeeded);
    let job = JsonJob {
        hadoop_job: &record.id,
        user: &record.user,
        job_name: &record.name,
        job_conf: "",
        submitted_at: record.begun_ms,
        launched_at: record.begun_ms,
        finished_at: record.ended_ms.unwrap_or(0),
        status: record.state.word(),
        counters: record.history.as_ref().map(|history| json_groups(&history.groups)),
        task_summary: JsonSummary {
            setup: Phase::default().into(),
            map: history.maps.into(),
            reduce: history.reduces.into(),
            cleanup: Phase::default().into(),
        },
        tasks: shown.map(|task| json_task(task, with_all)).collect(),
    };
    serde_json::to_string(&job).expect("names and numbers always encode")
}

fn json_counter(row: &CounterRow) -> JsonCounter<'_> {
    let CounterRow { name, map, reduce, total, .. } = row;
    JsonCounter { counter_name: name, map_value: *map, reduce_value: *reduce, total_value: *total }
}

fn json_groups(groups: &[GroupRow]) -> Ordered<Vec<JsonCounter<'_>>> {
    let group = |group: &'_ GroupRow| match group.name.as_str() {
        SHUFFLE_ERRORS_GROUP => SHUFFLE_ERRORS_CLASS.to_owned(),
        name => name.to_owned(),
    };
    Ordered(groups.iter().map(|row| (group(row), row.counters.iter().map(json_counter).collect())).collect())
}

fn json_task(task: &Task<'_>, with_attempts: bool) -> JsonTask {
    let is_reduce = task.kind == TaskKind::Reduce;
    let attempt = |attempt: &AttemptRow| JsonAttempt {
        attempt_id: task.attempt_id(attempt),
        start_time: attempt.begun_ms,
        shuffle_finished: is_reduce.then_some(attempt.begun_ms),
        sort_finished: is_reduce.then_some(attempt.begun_ms),
        finish_time: attempt.ended_ms.unwrap_or(0),
        host_name: NODE,
        error: attempt.error.clone().unwrap_or_default(),
    };
    JsonTask {
        task_id: task.id(),
        kind: type_word(task.kind),
        status: task.state().word(),
        start_time: task.start_ms(),
        finish_time: task.finish_ms(),
        error: task.error().to_owned(),
        input_splits: (!is_reduce).then_some(SPLIT_LOCATION),
        attempts: if with_attempts { task.row.tries.last().map(attempt) } else { None },
    }
}

/// The attempts of a run that ended, in that order: how, and its name. Hadoop: `TaskCompletionEvent`.
pub fn events(record: &RunRecord) -> Vec<(&'static str, String)> {
    let tasks = tasks(record);
    let attempts = tasks.iter().flat_map(|task| task.row.tries.iter().map(move |attempt| (task, attempt)));
    let mut ended: Vec<_> = attempts.filter(|(_, attempt)| attempt.ended_ms.is_some()).collect();
    ended.sort_by_key(|(_, attempt)| attempt.ended_ms);
    ended.iter().map(|(task, attempt)| (attempt.state().word(), task.attempt_id(attempt))).collect()
}

/// The attempts by which the tasks of a kind were done. Hadoop: `CLI.displayTasks`.
pub fn successes(record: &RunRecord, kind: TaskKind) -> Vec<String> {
    let tasks = tasks(record);
    let done = tasks.iter().filter(|task| task.kind == kind && task.row.done);
    let attempt = |task: &Task<'_>| {
        let row = task.row.tries.iter().find(|attempt| attempt.state() == RunState::Succeeded)?;
        Some(task.attempt_id(row))
    };
    done.filter_map(attempt).collect()
}

#[cfg(test)]
mod tests;
