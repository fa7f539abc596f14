//! What is remembered of a run: as JSON for the disk, and as text for people, also in the words of `mapred job`.

use super::history::History;
use super::summary::counters_shown;
use crate::clock;
use crate::counters::Counters;
use crate::hint::shell_word;
use crate::printable::{one_line, printable};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fmt::Write as _;

/// Most tasks that a record tells of one by one.
pub const TASKS_MAX: usize = 1_000;
/// Longest text of a failure and of a word of the command line in a record, in bytes.
const TEXT_BYTES_MAX: usize = 16 * 1_024;

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum RunState {
    /// At work.
    Running,
    /// Its output is there.
    Succeeded,
    /// It ended without one.
    Failed,
    /// A signal ended it, or its process is gone and nobody said how.
    Killed,
}

impl RunState {
    /// Hadoop's word. Hadoop: `JobStatus.State`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "RUNNING",
            Self::Succeeded => "SUCCEEDED",
            Self::Failed => "FAILED",
            Self::Killed => "KILLED",
        }
    }
}

/// What became of one task.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaskRow {
    /// Attempts that ended.
    pub attempts: u32,
    /// Those of them that failed.
    pub failed: u32,
    /// When its last attempt ended, in milliseconds since 1970.
    pub ended_ms: i64,
    /// Whether it was done in the end.
    pub done: bool,
    /// Its attempts, in the order in which they began.
    #[serde(default)]
    pub tries: Vec<AttemptRow>,
}

/// What became of one attempt.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRow {
    /// Its number among the attempts of its task.
    pub number: u32,
    /// When it began, in milliseconds since 1970.
    pub begun_ms: i64,
    /// When it ended; `None` if it was running when the job ended.
    pub ended_ms: Option<i64>,
    /// Why it failed, as Hadoop would say it.
    pub error: Option<String>,
}

impl TaskRow {
    /// The attempt of this number.
    pub fn attempt(&mut self, number: u32) -> Option<&mut AttemptRow> {
        self.tries.iter_mut().rev().find(|row| row.number == number)
    }
}

/// A process, and when the kernel started it, so that a later process of the same number is not taken for it.
pub type ProcessStart = (u32, u64);

/// The fields of a claim, which a record has too.
#[derive(Serialize, Deserialize)]
struct Owner {
    process: ProcessStart,
    /// `None` in a claim.
    #[serde(default)]
    state: Option<RunState>,
}

/// The JSON of a file that belongs to a process and is not a record.
pub fn claim(process: ProcessStart) -> Vec<u8> {
    serde_json::to_vec(&Owner { process, state: None }).expect("numbers always encode")
}

/// The process that a claim or the record of a run belongs to; `None` if the run is over, or it is neither.
pub fn owner(bytes: &[u8]) -> Option<ProcessStart> {
    let owner: Owner = serde_json::from_slice(bytes).ok()?;
    Some(owner.process).filter(|_| owner.state.is_none_or(|state| state == RunState::Running))
}

/// One run of a job.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunRecord {
    /// `job_<digits>_0001`.
    pub id: String,
    /// The job's name.
    pub name: String,
    /// In whose name it ran.
    pub user: String,
    /// The command line, the program's name included.
    pub command: Vec<String>,
    /// The folder it was started in.
    pub folder: String,
    /// The process of the run.
    pub process: ProcessStart,
    /// Milliseconds since 1970.
    pub begun_ms: i64,
    /// The same; `None` while it runs. For a run that was killed outright, when its record was written last.
    pub ended_ms: Option<i64>,
    /// How it stands, or ended.
    pub state: RunState,
    /// The exit code, when it has ended.
    pub exit_code: Option<u8>,
    /// Shares of the map and the reduce phase that are done, 0 to 1.
    #[serde(default)]
    pub progress: [f32; 2],
    /// `mapreduce.job.queuename`.
    #[serde(default = "default_queue")]
    pub queue: String,
    /// Map tasks.
    pub maps: u32,
    /// Reduce tasks.
    pub reduces: u32,
    /// The output folder as the user wrote it.
    pub output: String,
    /// The folder of what tasks print, if that is kept.
    pub logs: Option<String>,
    /// The log of what a job in the background says.
    #[serde(default)]
    pub log: Option<String>,
    /// Counters by group, as they are shown.
    pub counters: BTreeMap<String, BTreeMap<String, i64>>,
    /// What `mapred job -history` shows beside this; a run has it when it is over.
    #[serde(default)]
    pub history: Option<History>,
    /// Tasks by name; of very many only the first.
    pub tasks: BTreeMap<String, TaskRow>,
    /// Why it failed, in the words that were said.
    pub failure: Option<String>,
}

impl RunRecord {
    /// Sets the counters.
    pub fn set_counters(&mut self, counters: &Counters) {
        self.counters = counters_shown(counters);
    }

    /// The record as JSON, long texts cut.
    pub fn to_json(&self) -> Vec<u8> {
        serde_json::to_vec(&self.bounded()).expect("names and numbers always encode")
    }

    fn bounded(&self) -> Self {
        let mut record = self.clone();
        record.command.iter_mut().chain(&mut record.failure).for_each(cut);
        record
    }

    /// Reads a record; `None` if it is none.
    pub fn from_json(bytes: &[u8]) -> Option<Self> {
        serde_json::from_slice(bytes).ok()
    }

    /// The records as a JSON array with a final newline, long texts cut.
    pub fn list_json(records: &[Self]) -> String {
        let records: Vec<Self> = records.iter().map(Self::bounded).collect();
        serde_json::to_string_pretty(&records).expect("names and numbers always encode") + "\n"
    }

    /// The record as indented JSON with a final newline, long texts cut.
    pub fn shown_json(&self) -> String {
        serde_json::to_string_pretty(&self.bounded()).expect("names and numbers always encode") + "\n"
    }

    /// The list of runs: a header, and a line for each. Lines are cut to so many columns, if any.
    pub fn list(records: &[Self], now_ms: i64, columns: Option<usize>) -> String {
        let id_width = records.iter().map(|record| record.id.len()).max().unwrap_or(0).max("JOB ID".len());
        let mut lines = vec![format!(
            "{:<id_width$}  {:<9}  {:<19}  {:>10}  COMMAND",
            "JOB ID", "STATE", "STARTED", "TIME"
        )];
        lines.extend(records.iter().map(|record| record.line(now_ms, id_width)));
        let cut = |line: String| match columns {
            Some(columns) if line.chars().count() > columns => cut_to(&line, columns.saturating_sub(1)) + "…",
            _ => line,
        };
        lines.into_iter().map(|line| cut(line) + "\n").collect()
    }

    /// One line of the list: id, state, when it began, how long it took, command.
    fn line(&self, now_ms: i64, id_width: usize) -> String {
        let seconds = (self.ended_ms.unwrap_or(now_ms) - self.begun_ms).max(0) as f64 / 1000.0;
        format!(
            "{:<id_width$}  {:<9}  {}  {seconds:>8.1} s  {}",
            self.id,
            self.state.word(),
            clock::local(self.begun_ms, "%Y-%m-%d %H:%M:%S"),
            one_line(&self.command_line())
        )
    }

    /// The command line as it can be typed again.
    fn command_line(&self) -> String {
        self.command.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ")
    }

    /// All there is to know.
    pub fn show(&self) -> String {
        let mut text = String::new();
        let mut field = |name: &str, value: &str| {
            writeln!(text, "{:<9} {}", format!("{name}:"), one_line(value))
                .expect("a string takes everything");
        };
        let time = |ms: i64| clock::local(ms, "%Y-%m-%d %H:%M:%S");
        field("job", &self.id);
        field("name", &self.name);
        field("user", &self.user);
        field("command", &self.command_line());
        field("folder", &self.folder);
        field("process", &self.process.0.to_string());
        field("state", self.state.word());
        field("begun", &time(self.begun_ms));
        if let Some(ended) = self.ended_ms {
            field("ended", &time(ended));
        }
        if let Some(code) = self.exit_code {
            field("exit code", &code.to_string());
        }
        field("output", &self.output);
        if let Some(logs) = &self.logs {
            field("logs", logs);
        }
        if let Some(log) = &self.log {
            field("log", log);
        }
        if self.state == RunState::Running {
            let [map, reduce] = self.progress.map(|share| share * 100.0);
            field("progress", &format!("map {map:.0}% reduce {reduce:.0}%"));
        }
        field("tasks", &format!("{} map, {} reduce", self.maps, self.reduces));
        for (name, task) in &self.tasks {
            let how = if task.done { "done" } else { "not done" };
            let begun_ms = task.tries.first().map_or(0, |attempt| attempt.begun_ms);
            let took = if begun_ms > 0 && task.ended_ms > 0 {
                let seconds = (task.ended_ms - begun_ms).max(0) as f64 / 1000.0;
                format!(", began: {}, took: {seconds:.1} s", clock::local(begun_ms, "%H:%M:%S"))
            } else {
                String::new()
            };
            writeln!(text, "  {name}  {how}, attempts: {}, failed: {}{took}", task.attempts, task.failed)
                .expect("a string takes everything");
        }
        text.push_str(&self.counters_text());
        if let Some(failure) = &self.failure {
            let failure = printable(failure.trim_end().as_bytes());
            writeln!(text, "failure:\n{failure}").expect("a string takes everything");
        }
        text
    }

    fn counters_text(&self) -> String {
        let count: usize = self.counters.values().map(BTreeMap::len).sum();
        let mut text = format!("Counters: {count}\n");
        for (group, counters) in &self.counters {
            writeln!(text, "\t{}", one_line(group)).expect("a string takes everything");
            for (name, value) in counters {
                writeln!(text, "\t\t{}={value}", one_line(name)).expect("a string takes everything");
            }
        }
        text
    }

    /// Shares of the map and the reduce phase that are done, 0 to 1.
    pub fn completion(&self) -> [f32; 2] {
        if self.state == RunState::Succeeded { [1.0; 2] } else { self.progress }
    }

    /// The value of a counter, 0 if there is none. Hadoop's own are found by the names of their classes as well.
    pub fn counter(&self, group: &str, name: &str) -> i64 {
        let mut alone = Counters::new();
        // Of Hadoop's own this makes what is shown; a name that is none stays as it is.
        alone.add_user(group, name, 1).ok();
        let shown = counters_shown(&alone);
        let names =
            shown.iter().find_map(|(group, values)| Some((group.as_str(), values.keys().next()?.as_str())));
        let (group, name) = names.unwrap_or((group, name));
        let value = self.counters.get(group).and_then(|values| values.get(name));
        value.copied().unwrap_or_default()
    }

    /// `mapred job -status`. Hadoop: `CLI.run`, `Job.toString`.
    pub fn status(&self) -> String {
        let [map, reduce] = self.completion();
        // Hadoop.Job.toString: a blank where nothing failed.
        let failure = self.failure.as_deref().and_then(|text| text.lines().next()).unwrap_or(" ");
        let mut text = format!(
            "\nJob: {}\nJob File: \nJob Tracking URL : \nUber job : false\nNumber of maps: {}\nNumber of reduces: {}\n\
             map() completion: {map:?}\nreduce() completion: {reduce:?}\nJob state: {}\nretired: false\nreason for failure: {}\n",
            self.id,
            self.maps,
            self.reduces,
            self.state.word(),
            one_line(failure),
        );
        text.push_str(&self.counters_text());
        text
    }

    /// The head of `mapred job -list`. Hadoop: `CLI.displayJobList`.
    pub fn list_head() -> String {
        let names = ["JobId", "JobName", "State", "StartTime", "UserName", "Queue", "Priority"];
        let rest = ["UsedContainers", "RsvdContainers", "UsedMem", "RsvdMem", "NeededMem", "AM info"];
        list_row(names, rest)
    }

    /// A line of it, with a newline.
    pub fn list_line(&self) -> String {
        let (name, begun) = (cut_to(&one_line(&self.name), 20), self.begun_ms.to_string());
        let fields = [&self.id, &name, self.state.word(), &begun, &self.user, &self.queue, "DEFAULT"];
        let log = self.log.as_deref().unwrap_or("N/A");
        list_row(fields, ["N/A", "N/A", "N/A", "N/A", "N/A", log])
    }
}

/// The queue of records that do not say one.
fn default_queue() -> String {
    "default".to_owned()
}

fn list_row([id, name, state, begun, user, queue, priority]: [&str; 7], rest: [&str; 6]) -> String {
    let [used, reserved, memory, reserved_memory, needed, info] = rest;
    format!(
        "{id:>23}\t{name:>20}\t{state:>10}\t{begun:>14}\t{user:>12}\t{queue:>12}\t{priority:>10}\t{used:>15}\t\
         {reserved:>15}\t{memory:>8}\t{reserved_memory:>8}\t{needed:>10}\t{info:>10}\n"
    )
}

fn cut_to(text: &str, letters: usize) -> String {
    text.chars().take(letters).collect()
}

fn cut(text: &mut String) {
    if text.len() > TEXT_BYTES_MAX {
        let end = (0..=TEXT_BYTES_MAX).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        text.truncate(end);
        text.push_str(" ...");
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;

    pub(crate) fn record() -> RunRecord {
        let tries = vec![AttemptRow { begun_ms: 2_000, ..AttemptRow::default() }];
        let row = TaskRow { attempts: 2, failed: 1, ended_ms: 3_250, done: true, tries };
        RunRecord {
            id: "job_7_0001".into(),
            name: "n".into(),
            user: "ann".into(),
            command: vec!["mr-stream".into(), "-input".into(), "x".repeat(TEXT_BYTES_MAX + 9)],
            folder: "/start".into(),
            process: (3, 4),
            begun_ms: 1_000,
            ended_ms: Some(3_500),
            state: RunState::Succeeded,
            exit_code: Some(0),
            progress: [1.0, 0.0],
            queue: "q".into(),
            maps: 1,
            reduces: 0,
            output: "out".into(),
            logs: None,
            log: None,
            counters: [("G".to_owned(), [("c".to_owned(), 5)].into())].into(),
            history: None,
            tasks: [("m_000000".to_owned(), row)].into(),
            failure: None,
        }
    }

    #[test]
    fn records_survive_the_disk_and_are_bounded() {
        let read = RunRecord::from_json(&record().to_json()).unwrap();
        assert_eq!(read.command[2].len(), TEXT_BYTES_MAX + 4);
        assert_eq!(RunRecord { command: Vec::new(), ..read }, RunRecord { command: Vec::new(), ..record() });
        assert_eq!(RunRecord::from_json(b"{}"), None);
    }

    #[test]
    fn owners_are_those_of_runs_that_are_not_over() {
        assert_eq!(owner(&claim((3, 4))), Some((3, 4)));
        assert_eq!(owner(&RunRecord { state: RunState::Running, ..record() }.to_json()), Some((3, 4)));
        assert_eq!(owner(&record().to_json()), None);
        assert_eq!(owner(b""), None);
        assert_eq!(owner(b"{}"), None);
    }

    #[test]
    fn names_in_a_record_stay_on_their_line() {
        let hostile = RunRecord {
            name: "a\nb".into(),
            command: vec!["mr-stream".into(), "\x1b[2J\n".into()],
            counters: [("G\u{85}".to_owned(), [("c\r".to_owned(), 5)].into())].into(),
            failure: Some("one\n\x1b[2J".into()),
            ..record()
        };
        assert!(hostile.line(0, 0).ends_with("  mr-stream '\\u{1b}[2J\\n'"));
        let shown = hostile.show();
        for part in ["name:     a\\nb\n", "\tG\\u{85}\n\t\tc\\r=5\n", "failure:\none\n\\u{1b}[2J\n"] {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(hostile.list_line().contains("\t                a\\nb\t"));
    }

    #[test]
    fn records_are_shown() {
        let record = RunRecord { command: vec!["mr-stream".into()], ..record() };
        let line = record.line(0, 0);
        assert!(
            line.starts_with("job_7_0001  SUCCEEDED  ") && line.ends_with("       2.5 s  mr-stream"),
            "{line}"
        );
        let shown = record.show();
        for part in
            ["job:      job_7_0001\n", "  m_000000  done, attempts: 2, failed: 1, began: ", "\tG\n\t\tc=5\n"]
        {
            assert!(shown.contains(part), "{part}: {shown}");
        }
        assert!(shown.contains(", took: 1.2 s\n"), "{shown}");
        let failed =
            RunRecord { failure: Some("map task failed\n x".into()), state: RunState::Failed, ..record };
        assert!(
            failed
                .status()
                .contains("Job state: FAILED\nretired: false\nreason for failure: map task failed\n")
        );
        assert!(failed.show().ends_with("failure:\nmap task failed\n x\n"));
    }

    #[test]
    fn lists_have_a_header_and_fit_the_terminal() {
        let command = ["mr-stream", "-mapper", "sh -c 'sort | uniq'"].map(str::to_owned).to_vec();
        let record = RunRecord { command, ..record() };
        let list = RunRecord::list(&[record.clone(), record.clone()], 0, None);
        let lines: Vec<&str> = list.lines().collect();
        assert_eq!(lines.len(), 3);
        assert_eq!(lines[0], "JOB ID      STATE      STARTED                    TIME  COMMAND");
        assert!(lines[1].ends_with("  mr-stream -mapper 'sh -c '\\''sort | uniq'\\'''"), "{list}");
        let narrow = RunRecord::list(&[record], 0, Some(40));
        assert!(narrow.lines().all(|line| line.chars().count() == 40 && line.ends_with('…')), "{narrow}");
        assert_eq!(
            RunRecord::list(&[], 0, None),
            "JOB ID  STATE      STARTED                    TIME  COMMAND\n"
        );
    }
}
