//! The engine on this machine: the scheduler's commands, carried out by threads of this process.

mod dispatcher;
mod tally;

use super::done::Done;
use super::event::JobEvents;
use super::{Engine, JobError};
use crate::counters::Counters;
use crate::error::{self, IoError};
use crate::ids::{AttemptId, TaskKind};
use crate::local_fs::{self, Scratch};
use crate::output::committer::JobCommitter;
use crate::output::journal::{self, Begun, Fact};
use crate::plan::{Existing, JobPlan, Launch, PartitionerSpec};
use crate::shuffle::ShuffleError;
use crate::shuffle::outputs::{MapOutputs, OnDisk};
use crate::streaming::ChildGroups;
use crate::streaming::guard::end_marked;
use crate::sync::lock;
use crate::task::map_task::{self, MapOutcome};
use crate::task::reduce_task::{self, MapOutput};
use crate::task::{self, TaskError, TaskHost};
use crossbeam_channel::{Receiver, Sender, unbounded};
use dispatcher::Dispatcher;
use std::panic::{self, AssertUnwindSafe};
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, Mutex, Once};
use std::thread;
use std::time::{Duration, Instant};

/// Runs jobs on this machine.
#[derive(Debug)]
pub struct LocalEngine {
    /// What children get from this process.
    pub launch: Launch,
    /// Signals that shall stop the job, as numbers.
    pub stop: Option<Receiver<i32>>,
    /// Where children are taken in. Whoever sends a signal may have stopped them already.
    pub children: ChildGroups,
    /// What decides about the job's result, for its journal.
    pub facts: Vec<Fact>,
}

impl Engine for LocalEngine {
    fn run(&self, plan: &JobPlan, events: &dyn JobEvents) -> Result<Counters, JobError> {
        let mut scratch_prefix = local_fs::scratch_prefix(&plan.job_id.stamp);
        let begun = self.begun(plan, &scratch_prefix);
        let (mut committer, earlier) =
            JobCommitter::setup(&plan.output, begun, |paths| end_marked(paths.into_iter()))?;
        let mut done = Done::default();
        if let Some(mut earlier) = earlier {
            earlier.scratch_prefix().clone_into(&mut scratch_prefix);
            done = Done::of(plan, &mut earlier);
            committer.go_on(earlier)?;
        }
        let ran = self.run_tasks(plan, events, &committer, done, &scratch_prefix);
        match ran {
            Ok(counters) => match committer.commit_job() {
                Ok(left) => {
                    for error in &left {
                        left_behind(events, error);
                    }
                    Ok(counters)
                }
                Err(error) => {
                    events.failed_with(&counters);
                    // What was moved already comes back out; why it could not all be moved says more than
                    // a second failure on the way.
                    drop(committer.abort_job());
                    Err(error.into())
                }
            },
            // Whoever wants to continue what was killed wants to continue what was stopped.
            Err(error @ JobError::Stopped { .. }) if plan.output.existing == Existing::Continue => Err(error),
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

    /// What the journal begins with.
    fn begun(&self, plan: &JobPlan, scratch_prefix: &str) -> Begun {
        let cuts = match &plan.shuffle.partitioner {
            PartitionerSpec::TotalOrder { cuts, .. } => Some(cuts.clone()),
            _ => None,
        };
        Begun {
            job: plan.job_id.clone(),
            scratch_prefix: scratch_prefix.to_owned(),
            local_dirs: plan.resources.local_dirs.clone(),
            made: Vec::new(),
            clears: false,
            cuts,
            facts: self.facts.clone(),
        }
    }

    /// Runs the tasks that are not `done`; when this returns, children and temporary files are gone.
    fn run_tasks(
        &self,
        plan: &JobPlan,
        events: &dyn JobEvents,
        committer: &JobCommitter,
        mut done: Done,
        scratch_prefix: &str,
    ) -> Result<Counters, JobError> {
        let scratch = Scratch::create_named(&plan.resources.local_dirs, scratch_prefix)?;
        let children = self.children.clone();
        let host = TaskHost::new(plan, &scratch, committer, &self.launch, events, children)
            .map_err(|error| self.stopped().unwrap_or(error.into()))?;
        let floor = Floor::new(&host);
        done.restore(&floor.outputs);
        host.reduces_done.store(done.numbers().1, Relaxed);
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
            let dispatch =
                || Dispatcher::new(&floor, &done, events, orders).run(&results, self.stop.as_ref());
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
        match ran {
            Err(JobError::Stopped { .. }) if plan.output.existing == Existing::Continue => scratch.leave(),
            // Neither a good output nor the cause of a failure shall be lost to it.
            _ => scratch.remove().unwrap_or_else(|error| left_behind(events, &error)),
        }
        ran
    }
}

/// Tells of what cannot be removed, with its name.
fn left_behind(events: &dyn JobEvents, error: &IoError) {
    events.notice(&format!("WARN {}; it is of no more use", error::chain(error)));
}

/// Where attempts run: what they share, and map output between the phases.
struct Floor<'a> {
    host: &'a TaskHost<'a>,
    outputs: MapOutputs<'a>,
    /// All map output, once every map task is committed or given up.
    map_output: Mutex<Arc<MapOutput>>,
    /// When map output was last written out for a run after this one.
    written_out: Mutex<Instant>,
    /// The guard was told to leave the temporary folders alone.
    folders_kept: Once,
}

/// A committed attempt.
struct Ended {
    counters: Counters,
    /// In how many pieces its output for reducers is.
    pieces: u32,
    /// Map output that went to disk meanwhile.
    on_disk: Vec<OnDisk>,
}

/// An attempt and how it ended.
type Report = (AttemptId, Result<Counters, Box<TaskError>>);

impl<'a> Floor<'a> {
    fn new(host: &'a TaskHost<'a>) -> Self {
        let plan = host.plan;
        let numbers = [plan.maps.len() as u32, plan.reduces, plan.resources.map_slots];
        let outputs = MapOutputs::new(host.lines(), &host.fold_tables, host.memory, host.scratch, numbers);
        let (map_output, written_out) = (Mutex::default(), Mutex::new(Instant::now()));
        Self { host, outputs, map_output, written_out, folders_kept: Once::new() }
    }

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
        let Ended { counters, pieces, on_disk } = match attempt.task.kind {
            TaskKind::Map => self.map(attempt)?,
            TaskKind::Reduce => {
                let counters = reduce_task::run(self.host, attempt, &self.map_output())?;
                Ended { counters, pieces: 0, on_disk: Vec::new() }
            }
        };
        // What is not written down is done again by a run after this one, so it is not done.
        let noted = self.host.committer.note(attempt, &counters, pieces, self.as_noted(on_disk));
        noted.map_err(|error| Box::new(TaskError::without_child(attempt, error)))?;
        Ok(counters)
    }

    fn map(&self, attempt: AttemptId) -> Result<Ended, Box<TaskError>> {
        let MapOutcome { counters, runs, folded } = map_task::run(self.host, attempt)?;
        let pieces = runs.len() as u32 + u32::from(folded.is_some());
        let mut ended = Ended { counters, pieces, on_disk: Vec::new() };
        if self.host.plan.reduces > 0 {
            let failed = |error: ShuffleError| Box::new(TaskError::without_child(attempt, error));
            ended.on_disk = self.outputs.add(attempt.task.number, runs, folded).map_err(failed)?;
            ended.on_disk.extend(self.write_out_in_time());
        }
        Ok(ended)
    }

    /// Brings map output to disk if it was in memory for long: a kill shall not cost more than that. Short jobs
    /// write nothing, and where there is no room on disk the job does without.
    fn write_out_in_time(&self) -> Vec<OnDisk> {
        let every = Duration::from_secs(self.host.plan.resources.checkpoint_seconds.into());
        {
            let mut last = lock(&self.written_out);
            if last.elapsed() < every || !self.host.committer.has_journal() {
                return Vec::new();
            }
            *last = Instant::now();
        }
        self.outputs.write_out()
    }

    /// Map output on disk, as the journal has it. From now on the folders it is in outlive this process.
    fn as_noted(&self, on_disk: Vec<OnDisk>) -> Vec<journal::MapOutput> {
        if !on_disk.is_empty() && self.host.committer.has_journal() {
            let folders = self.host.scratch.dirs();
            self.folders_kept.call_once(|| folders.for_each(|folder| self.host.groups.keep_folder(folder)));
        }
        let noted = |OnDisk { pieces, path, bytes }| journal::MapOutput { pieces, path, bytes };
        on_disk.into_iter().map(noted).collect()
    }

    /// Gives the output of the committed map tasks, which are so many, to the next reduces.
    fn open_shuffle(&self, maps: u32) -> Result<(), ShuffleError> {
        let on_disk = self.write_out_in_time();
        // It only saves a run after this one some work.
        drop(self.host.committer.note_outputs(self.as_noted(on_disk)));
        let opened = Arc::new(MapOutput { runs: self.outputs.runs()?, maps });
        *lock(&self.map_output) = opened;
        Ok(())
    }

    fn map_output(&self) -> Arc<MapOutput> {
        Arc::clone(&lock(&self.map_output))
    }

    /// Keeps a failed attempt for its user, if that is wanted.
    fn keep(&self, error: &mut TaskError) {
        task::keep(self.host, &self.map_output().runs, error);
    }
}
