//! The user's view of a running job: events in, lines on standard error out.

use crate::engine::event::{JobEvents, Snapshot};
use crate::error;
use crate::ids::AttemptId;
use crate::plan::JobPlan;
use crate::report::{self, FailureReport, Progress, Style, TaskInput, printable};
use crate::streaming::exit_status;
use crate::task::{TaskError, TaskEvents, TaskFailure};
use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Instant;

/// Columns of a terminal that does not say.
const COLUMNS_UNKNOWN: u16 = 80;

/// Prints what happens.
pub(super) struct Watcher<'a> {
    plan: &'a JobPlan,
    progress: Mutex<Progress>,
    verbose: bool,
    began: Instant,
    /// The folder of the last failed attempt that was kept.
    kept: Mutex<Option<PathBuf>>,
}

impl<'a> Watcher<'a> {
    pub(super) fn new(plan: &'a JobPlan, verbose: bool) -> Self {
        let stderr = std::io::stderr();
        let style = if stderr.is_terminal() {
            let columns = rustix::termios::tcgetwinsize(&stderr).map_or(COLUMNS_UNKNOWN, |size| size.ws_col);
            Style::Live { columns }
        } else {
            Style::Plain
        };
        let progress = Progress::new(style, plan.maps.len() as u32, plan.reduces, Box::new(stderr));
        Self { plan, progress: Mutex::new(progress), verbose, began: Instant::now(), kept: Mutex::default() }
    }

    /// Prints a line below the progress.
    pub(super) fn line(&self, line: &[u8]) {
        self.progress().print(line);
    }

    /// Leaves the display in order when the job is over. Returns where the last failed attempt is kept.
    pub(super) fn finish(self) -> Option<PathBuf> {
        self.progress.into_inner().unwrap_or_else(PoisonError::into_inner).finish();
        self.kept.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn progress(&self) -> MutexGuard<'_, Progress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TaskEvents for Watcher<'_> {
    fn stderr_line(&self, _: AttemptId, line: &[u8]) {
        self.line(line);
    }

    fn status(&self, attempt: AttemptId, text: &str) {
        if self.verbose {
            self.line(format!("{}: {text}", attempt.in_job(&self.plan.job_id)).as_bytes());
        }
    }

    fn warning(&self, attempt: AttemptId, text: &str) {
        self.line(format!("WARN {}: {text}", attempt.in_job(&self.plan.job_id)).as_bytes());
    }
}

impl JobEvents for Watcher<'_> {
    fn progress(&self, now: &Snapshot) {
        self.progress().update(&report::Snapshot {
            map: now.map_fraction(),
            reduce: now.reduce_fraction(),
            running: now.running,
            done: now.maps_done + now.reduces_done,
            input_bytes: now.bytes_read,
            input_bytes_total: now.bytes_total,
            elapsed: self.began.elapsed(),
        });
    }

    fn attempt_failed(&self, error: &TaskError, retried: bool) {
        self.line(failure_text(self.plan, error).trim_end().as_bytes());
        if let Some(dir) = &error.kept {
            *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Some(dir.clone());
        }
        if retried {
            self.line(b"the task is tried again");
        }
    }

    fn attempt_finished(&self, attempt: AttemptId) {
        if self.verbose {
            self.line(format!("{} is done", attempt.in_job(&self.plan.job_id)).as_bytes());
        }
    }
}

/// A failed attempt in the lines that its user needs.
pub(super) fn failure_text(plan: &JobPlan, failed: &TaskError) -> String {
    let command = failed.command.as_deref().unwrap_or_default();
    let task = failed.attempt.task;
    let input = match plan.maps.get(task.number as usize) {
        Some(map) if failed.position.is_some() => TaskInput::Splits(map.splits.clone()),
        _ => TaskInput::Partition(task.number),
    };
    let tail = failed.stderr_tail.join(&b'\n');
    let (verdict, cause, hint) = match &failed.failure {
        TaskFailure::Exit { status } => {
            let verdict = exit_status::judge(*status, command, &tail);
            (Some(verdict.text), None, verdict.hint)
        }
        failure => (None, Some(error::chain(failure)), None),
    };
    let command = failed.command.as_ref().map(|words| words.join(" "));
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
    }
    .render()
}

/// Prints a line on standard error where no job is displayed.
pub(super) fn say(line: &str) {
    let mut stderr = std::io::stderr();
    let line = if stderr.is_terminal() { printable(line.as_bytes()) } else { line.into() };
    // Nobody is left to tell when standard error is closed.
    drop(writeln!(stderr, "{line}"));
}
