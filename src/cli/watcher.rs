//! The user's view of a running job: events in, lines on standard error out.

use super::background;
use super::jobs::Run;
use super::task_logs::{TaskLogs, application};
use super::voice::{self, Log, say_lines};
use crate::clock;
use crate::conf::OutputFilter;
use crate::counters::Counters;
use crate::engine::JobError;
use crate::engine::event::{JobEvents, Snapshot};
use crate::engine::scheduler::Verdict;
use crate::error;
use crate::fs::File;
use crate::hint::{self, Facts, Stage, shell_word};
use crate::ids::{AttemptId, TaskId, TaskKind};
use crate::plan::JobPlan;
use crate::printable::one_line;
use crate::report::record::{AttemptRow, TaskRow};
use crate::report::{self, FailureReport, Progress, Style, TaskInput, advice};
use crate::streaming::exit_status;
use crate::sync::{into_inner, lock};
use crate::task::{TaskError, TaskEvents, TaskFailure};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::io::Write;
use std::path::Path;
use std::sync::{Mutex, MutexGuard};
use std::time::Instant;

/// Tasks shown that an output lacks.
const LACKING_MAX: usize = 20;

/// Prints what happens.
pub(super) struct Watcher<'a> {
    plan: &'a JobPlan,
    progress: Mutex<Progress>,
    verbose: bool,
    filter: OutputFilter,
    began: Instant,
    left: Mutex<Left>,
    /// The log of a job in the background.
    log: Option<File>,
    /// Where the children's standard error goes instead of ours.
    logs: Option<TaskLogs>,
    /// Whose lines were passed on last, and how many without one of another attempt between.
    heard: Mutex<Option<(AttemptId, usize)>>,
}

/// What is to be said at the end of a job.
#[derive(Default)]
pub(super) struct Left {
    /// The record of this run, if it has one.
    pub(super) run: Option<Run>,
    /// A failed attempt was kept.
    pub(super) kept: bool,
    /// Tasks that the output does without.
    pub(super) lacking: Vec<TaskId>,
    /// What became of the tasks.
    pub(super) tasks: BTreeMap<TaskId, TaskRow>,
    /// The last failure that was told.
    pub(super) failure: Option<String>,
    /// The counters of a job that failed.
    pub(super) counters: Option<Counters>,
    /// The sum of the counters of its reduce tasks.
    pub(super) reduces: Counters,
}

impl Left {
    /// Adds what Hadoop's `JobImpl` counts of the attempts.
    pub(super) fn add_job_counters(&self, counters: &mut Counters) {
        let now = clock::now_ms();
        for kind in [TaskKind::Map, TaskKind::Reduce] {
            let rows = self.tasks.iter().filter(|(task, _)| task.kind == kind);
            let tries: Vec<&AttemptRow> = rows.flat_map(|(_, row)| &row.tries).collect();
            let millis = tries.iter().map(|row| (row.ended_ms.unwrap_or(now) - row.begun_ms).max(0) as u64);
            if !tries.is_empty() {
                counters.add_launched_attempts(kind, tries.len() as u64, millis.sum());
            }
        }
    }
}

impl<'a> Watcher<'a> {
    /// Prints what happens to a job, and keeps its record. Logs of its tasks are kept below `logs`, and what is said
    /// of one in the background goes to its `log` once it is under way.
    pub(super) fn new(
        plan: &'a JobPlan,
        verbose: bool,
        filter: OutputFilter,
        logs: Option<&Path>,
        run: Option<Run>,
        log: Option<File>,
    ) -> Self {
        let stderr = voice::drawn_stderr();
        // Programs that run Hadoop at a terminal of their own read its log there.
        let style = if voice::Stderr::is_terminal() && !voice::is_hadoops() && log.is_none() {
            Style::Live
        } else {
            Style::Plain
        };
        let out: Box<dyn Write + Send> = match style {
            Style::Live => Box::new(stderr),
            Style::Plain if voice::is_hadoops() => Box::new(Log),
            Style::Plain => Box::new(voice::stderr()),
        };
        let progress = Progress::new(style, plan.maps.len() as u32, plan.reduces, out);
        let (progress, left) = (Mutex::new(progress), Mutex::new(Left { run, ..Left::default() }));
        let logs = logs.map(|logs| TaskLogs::new(logs, &plan.job_id));
        Self {
            plan,
            progress,
            verbose,
            filter,
            began: Instant::now(),
            left,
            log,
            logs,
            heard: Mutex::default(),
        }
    }

    /// Says that the job is handed over.
    pub(super) fn begin(&self) {
        let job = &self.plan.job_id;
        if voice::is_hadoops() {
            self.line(format!("Submitted application {}", application(job)).as_bytes());
        }
        if self.log.is_none() {
            self.running();
        }
    }

    /// Says that the job is running.
    fn running(&self) {
        let job = &self.plan.job_id;
        self.line(format!("Running job: {job}").as_bytes());
        if voice::is_hadoops() {
            self.line(format!("Job {job} running in uber mode : false").as_bytes());
        }
    }

    /// Prints bytes of a child, or text whose names are one line each, above the progress.
    pub(super) fn line(&self, line: &[u8]) {
        self.progress().print(line);
    }

    /// Prints a message.
    fn message(&self, text: &str) {
        self.line(one_line(text).as_bytes());
    }

    /// Leaves the display in order when the job is over.
    pub(super) fn finish(self) -> Left {
        into_inner(self.progress).finish();
        into_inner(self.left)
    }

    /// Counts an attempt that ended, with its error if it failed.
    fn count(&self, attempt: AttemptId, error: Option<String>) {
        let (mut left, now) = (self.left(), clock::now_ms());
        let row = left.tasks.entry(attempt.task).or_default();
        row.attempts += 1;
        row.failed += u32::from(error.is_some());
        row.done |= error.is_none();
        row.ended_ms = now;
        if let Some(attempt) = row.attempt(attempt.attempt) {
            (attempt.ended_ms, attempt.error) = (Some(now), error);
        }
    }

    fn tell_failure(&self, error: &TaskError) {
        let mut report = failure_report(self.plan, error);
        let exception = exception(error);
        self.count(error.attempt, Some(format!("Error: {exception}")));
        self.left().failure = Some(report.render());
        report.stderr_is_above = self.is_right_above(error);
        let text = report.render();
        if !voice::is_hadoops() {
            return self.line(text.trim_end().as_bytes());
        }
        if let Some(logs) = &self.logs {
            let split = (error.attempt.task.kind == TaskKind::Map).then(|| report.input.text());
            logs.failed(error.attempt, split.as_deref(), &exception, &report.facts());
        }
        if !self.filter.shows(false) {
            return;
        }
        let attempt = error.attempt.in_job(&self.plan.job_id);
        let head = format!("Task Id : {attempt}, Status : FAILED\nError: {exception}");
        self.line(format!("{head}\n{}", text.trim_end()).as_bytes());
    }

    /// Whether the last lines of a failed attempt were passed on with no other task's between.
    fn is_right_above(&self, error: &TaskError) -> bool {
        let shown = error.stderr_tail.len().min(report::failure::STDERR_LINES_MAX);
        let heard = lock(&self.heard).take();
        heard.is_some_and(|(attempt, lines)| attempt == error.attempt && lines >= shown)
    }

    fn left(&self) -> MutexGuard<'_, Left> {
        lock(&self.left)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        lock(&self.progress)
    }
}

impl TaskEvents for Watcher<'_> {
    fn stderr_line(&self, attempt: AttemptId, line: &[u8]) {
        match &self.logs {
            Some(logs) => logs.stderr_line(attempt, line),
            // Hadoop logs what it says itself, and passes this on.
            None if voice::is_hadoops() => voice::child_line(line),
            None => {
                let mut heard = lock(&self.heard);
                let before = heard.filter(|(last, _)| *last == attempt).map_or(0, |(_, lines)| lines);
                *heard = Some((attempt, before + 1));
                self.line(line);
            }
        }
    }

    fn status(&self, attempt: AttemptId, text: &str) {
        if self.verbose {
            self.message(&format!("{}: {text}", attempt.in_job(&self.plan.job_id)));
        }
    }

    fn warning(&self, attempt: AttemptId, text: &str) {
        self.message(&format!("WARN {}: {text}", attempt.in_job(&self.plan.job_id)));
    }
}

impl JobEvents for Watcher<'_> {
    /// Hadoop: `StreamJob.submitAndMonitorJob`.
    fn begun(&self) -> Result<(), i32> {
        let Some(log) = &self.log else { return Ok(()) };
        let (job, output) = (&self.plan.job_id, &self.plan.output.shown);
        self.line(b"Job is running in background.");
        self.line(format!("HINT mr-stream jobs wait {job} waits for it and answers its exit code; there are also show and kill").as_bytes());
        self.message(&format!("Output directory: {output}"));
        background::go_on(job, log)?;
        self.running();
        Ok(())
    }

    fn continued(&self, maps: u32, reduces: u32) {
        let (all_maps, all_reduces) = (self.plan.maps.len(), self.plan.reduces);
        let line = format!(
            "Continuing: {maps} of {all_maps} map tasks and {reduces} of {all_reduces} reduce tasks are done already"
        );
        self.line(line.as_bytes());
    }

    fn progress(&self, now: &Snapshot) {
        if let Some(run) = &mut self.left().run {
            run.progress([now.map_fraction() as f32, now.reduce_fraction() as f32]);
        }
        self.progress().update(&report::Snapshot {
            map: now.map_fraction(),
            reduce: now.reduce_fraction(),
            running: now.running,
            done: now.maps_done + now.reduces_done,
            input_bytes: now.bytes_read,
            input_bytes_total: now.bytes_total,
            elapsed: self.began.elapsed(),
            columns: rustix::termios::tcgetwinsize(voice::drawn_stderr()).map_or(0, |size| size.ws_col),
        });
    }

    fn notice(&self, text: &str) {
        self.message(text);
    }

    fn attempt_failed(&self, error: &TaskError, verdict: Verdict, attempts_max: u32) {
        self.tell_failure(error);
        self.left().kept |= error.kept.is_some();
        let kind = error.attempt.task.kind.word();
        let follows = match verdict {
            Verdict::Retry => "the task is tried again".to_owned(),
            Verdict::GiveUp => {
                format!("the job goes on without the task, as mapreduce.{kind}.failures.maxpercent allows")
            }
            Verdict::Fatal if attempts_max > 1 => "the job fails".to_owned(),
            Verdict::Fatal | Verdict::Moot => return,
        };
        let number = error.attempt.attempt + 1;
        self.line(format!("WARN attempt {number} of {attempts_max} failed: {follows}").as_bytes());
    }

    fn map_output_lost(&self, maps: &[u32]) {
        let names: Vec<_> = maps.iter().map(|map| TaskId::map(*map).in_job(&self.plan.job_id)).collect();
        let text = format!(
            "WARN map output cannot be read any more; these tasks are run again: {}",
            names.join(" ")
        );
        self.line(text.as_bytes());
    }

    fn incomplete(&self, lacking: &[TaskId]) {
        self.left().lacking = lacking.to_vec();
    }

    fn attempt_started(&self, attempt: AttemptId) {
        let begun =
            AttemptRow { number: attempt.attempt, begun_ms: clock::now_ms(), ..AttemptRow::default() };
        self.left().tasks.entry(attempt.task).or_default().tries.push(begun);
    }

    fn attempt_finished(&self, attempt: AttemptId) {
        self.count(attempt, None);
        if self.filter.shows(true) {
            self.message(&format!("Task Id : {}, Status : SUCCEEDED", attempt.in_job(&self.plan.job_id)));
        }
        if self.verbose {
            self.line(format!("{} is done", attempt.in_job(&self.plan.job_id)).as_bytes());
        }
    }

    fn reduces_counted(&self, counters: &Counters) {
        self.left().reduces = counters.clone();
    }

    fn failed_with(&self, counters: &Counters) {
        self.left().counters = Some(counters.clone());
    }
}

/// What the user has to know of an output that lacks tasks.
pub(super) fn lacking_text(plan: &JobPlan, lacking: &[TaskId]) -> String {
    let mut text = String::new();
    for (kind, tasks) in [(TaskKind::Map, plan.maps.len()), (TaskKind::Reduce, plan.reduces as usize)] {
        let lacking: Vec<&TaskId> = lacking.iter().filter(|task| task.kind == kind).collect();
        if lacking.is_empty() {
            continue;
        }
        let (count, word) = (lacking.len(), kind.word());
        let property = format!("mapreduce.{word}.failures.maxpercent");
        let _ =
            writeln!(text, "WARN THE OUTPUT LACKS {count} of {tasks} {word} tasks, which {property} allows:");
        for task in lacking.iter().take(LACKING_MAX) {
            let input = match plan.maps.get(task.number as usize) {
                Some(map) if kind == TaskKind::Map => TaskInput::Splits(map.splits.clone()),
                _ => TaskInput::Partition(task.number),
            };
            let _ = writeln!(text, "  {} ({})", task.in_job(&plan.job_id), one_line(&input.text()));
        }
        if count > LACKING_MAX {
            let _ = writeln!(text, "  and {} more", count - LACKING_MAX);
        }
    }
    text
}

/// What a failed attempt read.
fn split_of(plan: &JobPlan, failed: &TaskError) -> TaskInput {
    let task = failed.attempt.task;
    match plan.maps.get(task.number as usize) {
        Some(map) if failed.position.is_some() => TaskInput::Splits(map.splits.clone()),
        _ => TaskInput::Partition(task.number),
    }
}

/// What Hadoop Streaming would have thrown; programs look for these words. Hadoop: `PipeMapRed`.
fn exception(failed: &TaskError) -> String {
    use std::os::unix::process::ExitStatusExt;
    let what = match &failed.failure {
        TaskFailure::Exit { status, .. } => {
            let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
            format!("PipeMapRed.waitOutputThreads(): subprocess failed with code {code}")
        }
        failure => error::chain(failure),
    };
    format!("java.lang.RuntimeException: {what}")
}

/// Says as Hadoop's client does that the job failed, and what it counted until then. Hadoop: `Job.monitorAndPrintJob`.
pub(super) fn say_failed(plan: &JobPlan, error: &JobError, counters: Option<&Counters>) {
    if !voice::is_hadoops() {
        return;
    }
    let state = if matches!(error, JobError::Stopped { .. }) { "KILLED" } else { "FAILED" };
    let why = match error {
        JobError::Task(failed) => {
            let task = failed.attempt.task;
            let of = |kind| u32::from(task.kind == kind);
            // Hadoop: `JobImpl`. With a blank in one place, and an empty line behind it.
            format!(
                "Task failed {}\nJob failed as tasks failed. failedMaps:{} failedReduces:{} killedMaps:0 \
                 killedReduces: 0\n",
                task.in_job(&plan.job_id),
                of(TaskKind::Map),
                of(TaskKind::Reduce)
            )
        }
        error => error::chain(error),
    };
    say_lines(&format!("Job {} failed with state {state} due to: {why}", plan.job_id));
    if let Some(counters) = counters {
        say_lines(report::summary::counters_text(counters).trim_end());
    }
}

/// A failed attempt in the lines that its user needs.
pub(super) fn failure_text(plan: &JobPlan, failed: &TaskError) -> String {
    failure_report(plan, failed).render()
}

fn failure_report(plan: &JobPlan, failed: &TaskError) -> FailureReport {
    let task = failed.attempt.task;
    let input = split_of(plan, failed);
    let (verdict, cause) = match &failed.failure {
        TaskFailure::Exit { status, .. } => (Some(exit_status::judge(*status)), None),
        failure => (None, Some(error::chain(failure))),
    };
    let hint = failure_hint(plan, failed, verdict.as_ref().map(|verdict| verdict.code));
    let verdict = verdict.map(|verdict| verdict.text);
    let shell_words =
        |words: &Vec<String>| words.iter().map(|word| shell_word(word)).collect::<Vec<_>>().join(" ");
    let command = failed.command.as_ref().map(shell_words);
    FailureReport {
        kind: task.kind,
        attempt: failed.attempt.in_job(&plan.job_id),
        command,
        input,
        records: failed.records,
        offset: failed.position.clone(),
        verdict,
        cause,
        hint,
        kept: failed.kept.clone(),
        stderr_tail: failed.stderr_tail.clone(),
        stderr_is_above: false,
    }
}

/// What may mend a failed attempt, whose command ended with this code.
fn failure_hint(plan: &JobPlan, failed: &TaskError, code: Option<i32>) -> Option<String> {
    let words: Vec<&str> = failed.command.iter().flatten().map(String::as_str).collect();
    let tail = failed.stderr_tail.join(&b'\n');
    let facts = Facts {
        command: &words,
        code,
        stderr: &String::from_utf8_lossy(&tail),
        read_bytes: match &failed.failure {
            TaskFailure::Unread { read_bytes, .. } => Some(*read_bytes),
            _ => None,
        },
        records_without_value: failed.records_without_value,
        separator: &String::from_utf8_lossy(&plan.map_stream.output_separator),
        refused_by_disk: advice::refused_by_disk(
            &failed.failure,
            &plan.output.dir,
            &plan.resources.local_dirs,
        ),
        ..Facts::NONE
    };
    hint::first(Stage::Failure, &facts)
}
