//! The engine on this machine: the scheduler's commands, carried out by threads of this process.

mod dispatcher;
mod tally;

use super::event::JobEvents;
use super::{Engine, JobError};
use crate::counters::Counters;
use crate::error;
use crate::ids::{AttemptId, TaskKind};
use crate::local_fs::Scratch;
use crate::output::committer::JobCommitter;
use crate::plan::JobPlan;
use crate::shuffle::ShuffleError;
use crate::shuffle::outputs::MapOutputs;
use crate::streaming::ChildGroups;
use crate::task::reduce_task::{self, MapOutput};
use crate::task::{self, TaskError, TaskHost, map_task};
use crossbeam_channel::{Receiver, Sender, unbounded};
use dispatcher::Dispatcher;
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::thread;

/// Runs jobs on this machine.
#[derive(Debug)]
pub struct LocalEngine {
    /// The folder mr-stream was started in.
    pub launch_dir: PathBuf,
    /// Signals that shall stop the job, as numbers.
    pub stop: Option<Receiver<i32>>,
    /// Where children are taken in. Whoever sends a signal may have stopped them already.
    pub children: ChildGroups,
}

impl Engine for LocalEngine {
    fn run(&self, plan: &JobPlan, events: &dyn JobEvents) -> Result<Counters, JobError> {
        let mut committer = JobCommitter::setup(&plan.output, &plan.job_id)?;
        let ran = self.run_tasks(plan, events, &committer);
        match ran {
            Ok(counters) => match committer.commit_job() {
                Ok(()) => Ok(counters),
                Err(error) => {
                    // What was moved already comes back out; why it could not all be moved says more than
                    // a second failure on the way.
                    drop(committer.abort_job());
                    Err(error.into())
                }
            },
            Err(error) => {
                committer.abort_job()?;
                Err(error)
            }
        }
    }
}

impl LocalEngine {
    /// Why the job ends, if a signal has come.
    fn stopped(&self) -> Option<JobError> {
        let signal = self.stop.as_ref()?.try_recv().ok()?;
        Some(JobError::Stopped { signal })
    }

    /// Runs all tasks; when this returns, children and temporary files are gone.
    fn run_tasks(
        &self,
        plan: &JobPlan,
        events: &dyn JobEvents,
        committer: &JobCommitter,
    ) -> Result<Counters, JobError> {
        let scratch = Scratch::create(&plan.resources.local_dirs)?;
        let children = self.children.clone();
        let host = TaskHost::new(plan, &scratch, committer, &self.launch_dir, events, children)
            .map_err(|error| self.stopped().unwrap_or(error.into()))?;
        let floor = Floor {
            outputs: MapOutputs::new(
                host.lines(),
                &host.fold_tables,
                host.memory,
                &scratch,
                [plan.maps.len() as u32, plan.reduces, plan.resources.map_slots],
            ),
            map_output: Mutex::default(),
            host: &host,
        };
        let (orders, work) = unbounded();
        let (reports, results) = unbounded();
        let ran = thread::scope(|scope| {
            let tasks = plan.maps.len().max(plan.reduces as usize);
            let slots = plan.resources.map_slots.max(plan.resources.reduce_slots) as usize;
            for slot in 0..slots.clamp(1, tasks.max(1)) {
                let (work, reports) = (work.clone(), reports.clone());
                let floor = &floor;
                let worker = thread::Builder::new().name(format!("slot {slot}"));
                match worker.spawn_scoped(scope, move || floor.work(&work, &reports)) {
                    Ok(_) => {}
                    Err(source) if slot == 0 => return Err(JobError::Thread { source }),
                    // The system allows no more of them: those that are there do all the work.
                    Err(_) => break,
                }
            }
            // Workers end when no order can come any more.
            let dispatch = || Dispatcher::new(&floor, events, orders).run(&results, self.stop.as_ref());
            panic::catch_unwind(AssertUnwindSafe(dispatch)).unwrap_or_else(|payload| {
                host.groups.stop();
                Err(JobError::Panic { text: error::panic_text(&*payload) })
            })
        });
        drop(floor);
        drop(host);
        for refusal in scratch.left_out() {
            events.notice(&format!("WARN a folder for temporary files was left out: {refusal}"));
        }
        scratch.remove()?;
        ran
    }
}

/// Where attempts run: what they share, and map output between the phases.
struct Floor<'a> {
    host: &'a TaskHost<'a>,
    outputs: MapOutputs<'a>,
    /// All map output, once every map task is committed or given up.
    map_output: Mutex<Arc<MapOutput>>,
}

/// An attempt and how it ended.
type Report = (AttemptId, Result<Counters, Box<TaskError>>);

impl Floor<'_> {
    fn work(&self, orders: &Receiver<AttemptId>, reports: &Sender<Report>) {
        while let Ok(attempt) = orders.recv() {
            // What a panic leaves half done is the attempt's own, or behind locks that expect it.
            let ended = panic::catch_unwind(AssertUnwindSafe(|| self.run(attempt)))
                .unwrap_or_else(|payload| Err(Box::new(TaskError::panicked(attempt, &*payload))));
            self.host.vitals.attempt_ended(attempt);
            if ended.is_err() {
                // What stays behind is removed with the job; the attempt's own error says more.
                drop(self.host.committer.abort_task(attempt));
                drop(self.host.committer.revoke_task(attempt.task));
            }
            if reports.send((attempt, ended)).is_err() {
                return;
            }
        }
    }

    fn run(&self, attempt: AttemptId) -> Result<Counters, Box<TaskError>> {
        match attempt.task.kind {
            TaskKind::Map => self.map(attempt),
            TaskKind::Reduce => reduce_task::run(self.host, attempt, &self.map_output()),
        }
    }

    fn map(&self, attempt: AttemptId) -> Result<Counters, Box<TaskError>> {
        let outcome = map_task::run(self.host, attempt)?;
        if self.host.plan.reduces > 0 {
            self.outputs
                .add(attempt.task.number, outcome.runs, outcome.folded)
                .map_err(|error| Box::new(TaskError::without_child(attempt, error)))?;
        }
        Ok(outcome.counters)
    }

    /// Gives the output of the committed map tasks, which are so many, to the next reduces.
    fn open_shuffle(&self, maps: u32) -> Result<(), ShuffleError> {
        let opened = Arc::new(MapOutput { runs: self.outputs.runs()?, maps });
        *self.map_output.lock().unwrap_or_else(PoisonError::into_inner) = opened;
        Ok(())
    }

    fn map_output(&self) -> Arc<MapOutput> {
        Arc::clone(&self.map_output.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Keeps a failed attempt for its user, if that is wanted.
    fn keep(&self, error: &mut TaskError) {
        task::keep(self.host, &self.map_output().runs, error);
    }
}
