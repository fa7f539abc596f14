//! One attempt in a process of its own, which meets the others in a folder only: the seam on which
//! engines for clusters stand.
//!
//! ```text
//!   WORK/m_000000.done   what map task 0 left: its spills by name, its counters
//!   WORK/m_000000_0      its spills
//!   WORK/r_000000.done   what reduce task 0 counted
//! ```
//!
//! Output goes through the committer, as in any engine. A `.done` file appears by rename when everything
//! it names is in place, so a task that was cut short has left nothing that counts.

use super::reduce_task::{self, MapOutput};
use super::{TaskError, TaskEvents, TaskFailure, TaskHost, map_task};
use crate::counters::Counters;
use crate::error::{At, IoError};
use crate::ids::{AttemptId, TaskId, TaskKind};
use crate::local_fs::Scratch;
use crate::output::committer::{CommitError, JobCommitter};
use crate::output::journal::OutputFile;
use crate::plan::{JobPlan, Launch, wire};
use crate::shuffle::passes;
use crate::shuffle::run::Run;
use crate::shuffle::spill::Spill;
use crate::streaming::ChildGroups;
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Where a job's processes meet.
#[derive(Debug)]
pub struct RemoteTask<'a> {
    /// The plan.
    pub plan: &'a JobPlan,
    /// The folder they all see.
    pub work_dir: &'a Path,
    /// What its children inherit, and the folder they run in when the job ships no files.
    pub launch: &'a Launch,
    /// Where its children are taken in.
    pub children: &'a ChildGroups,
}

/// What a task leaves for the others.
#[derive(Debug, Serialize, Deserialize)]
struct TaskReport {
    spills: Vec<String>,
    counters: Counters,
    /// What the task wrote to the job's output.
    files: Vec<OutputFile>,
}

impl RemoteTask<'_> {
    /// Runs the first attempt of a task.
    pub fn run(&self, task: TaskId, events: &dyn TaskEvents) -> Result<(), Box<TaskError>> {
        let attempt = AttemptId { task, attempt: 0 };
        self.run_attempt(attempt, events).map_err(|error| match error {
            RemoteError::Task(error) => error,
            RemoteError::Failure(failure) => Box::new(TaskError::without_child(attempt, failure)),
        })
    }

    fn run_attempt(&self, attempt: AttemptId, events: &dyn TaskEvents) -> Result<(), RemoteError> {
        crate::fs::create_dir_all(self.work_dir).at("make folder", self.work_dir)?;
        let scratch = Scratch::create(&[self.work_dir.to_path_buf()])?;
        let committer = JobCommitter::of(&self.plan.output, &self.plan.job_id);
        let groups = self.children.clone();
        let mut host = TaskHost::new(self.plan, &scratch, &committer, self.launch, events, groups)?;
        host.memory.shared_table_bytes = 0; // there is nobody to share with
        let (spills, counters) = match attempt.task.kind {
            TaskKind::Map => {
                let outcome = map_task::run(&host, attempt)?;
                (self.keep(outcome.runs, attempt.task, &host)?, outcome.counters)
            }
            TaskKind::Reduce => {
                let map_output = MapOutput { runs: self.map_output()?, maps: self.plan.maps.len() as u32 };
                (Vec::new(), reduce_task::run(&host, attempt, &map_output)?)
            }
        };
        drop(host);
        let report = TaskReport { spills, counters, files: committer.files_of(attempt.task) };
        let (path, half) = (self.done(attempt.task), self.work_dir.join(format!("{}.half", attempt.task)));
        crate::fs::write(&half, wire::to_bytes(&report)).at("write", &half)?;
        Ok(crate::fs::rename(&half, &path).at("rename to", &path)?)
    }

    /// Publishes the output of all tasks and returns their counters.
    ///
    /// # Errors
    /// When a task has not left its report, or the output cannot be published.
    pub fn commit(&self) -> Result<Counters, CommitError> {
        let mut counters = Counters::new();
        let mut written = Vec::new();
        let maps = (0..self.plan.maps.len() as u32).map(TaskId::map);
        for task in maps.chain((0..self.plan.reduces).map(TaskId::reduce)) {
            let report = self.report(task).map_err(|failure| match failure {
                TaskFailure::Io(error) => error,
                other => IoError {
                    action: "read the report of a task in",
                    path: self.work_dir.to_path_buf(),
                    source: std::io::Error::other(other.to_string()),
                },
            })?;
            counters.merge(&report.counters);
            written.push((task, report.files));
        }
        // Not before all reports are there: it may clear an earlier job's output.
        let mut committer = JobCommitter::of_tasks(&self.plan.output, &self.plan.job_id)?;
        for (task, files) in written {
            committer.expect_files(task, files);
        }
        committer.commit_job()?;
        Ok(counters)
    }

    /// Brings runs to disk under names that stay.
    fn keep(&self, runs: Vec<Run>, task: TaskId, host: &TaskHost<'_>) -> Result<Vec<String>, TaskFailure> {
        let mut names = Vec::new();
        for (number, run) in runs.into_iter().enumerate() {
            let name = format!("{task}_{number}");
            let path = self.work_dir.join(&name);
            match run {
                Run::Disk(spill) => crate::fs::rename(spill.path(), &path).at("rename to", &path)?,
                memory @ Run::Memory(_) => {
                    let (runs, read_bytes) = ([Arc::new(memory)], host.memory.read_bytes);
                    let mut stream = passes::merge_runs(&runs, 0..self.plan.reduces, &host.order, read_bytes);
                    // A task that was cut short may have left its half of this file.
                    drop(crate::fs::remove_file(&path));
                    passes::write_all(
                        &mut *stream,
                        path,
                        host.memory.block_bytes,
                        self.plan.reduces,
                        host.scratch.stop(),
                    )?;
                }
            }
            names.push(name);
        }
        Ok(names)
    }

    /// All runs in the order of the local engine's [ranks](crate::shuffle::run::RunRank): those of tasks that fold
    /// repeated lines come last.
    fn map_output(&self) -> Result<Vec<Arc<Run>>, TaskFailure> {
        let mut runs = Vec::new();
        for number in 0..self.plan.maps.len() as u32 {
            for name in self.report(TaskId::map(number))?.spills {
                runs.push(Arc::new(Run::Disk(Spill::open(self.work_dir.join(name))?)));
            }
        }
        runs.sort_by_key(|run| run.is_folded());
        Ok(runs)
    }

    fn report(&self, task: TaskId) -> Result<TaskReport, TaskFailure> {
        let path = self.done(task);
        let bytes = crate::fs::read(&path).at("read the report of a task:", &path)?;
        wire::from_bytes(&bytes).map_err(|source| TaskFailure::Wire { path, source })
    }

    fn done(&self, task: TaskId) -> PathBuf {
        self.work_dir.join(format!("{task}.done"))
    }
}

enum RemoteError {
    Task(Box<TaskError>),
    Failure(TaskFailure),
}

impl<E: Into<TaskFailure>> From<E> for RemoteError {
    fn from(error: E) -> Self {
        Self::Failure(error.into())
    }
}

impl From<Box<TaskError>> for RemoteError {
    fn from(error: Box<TaskError>) -> Self {
        Self::Task(error)
    }
}
