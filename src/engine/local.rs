//! The engine on this machine: the scheduler's commands, carried out by threads of this process.

use super::event::{JobEvents, Snapshot};
use super::scheduler::{Command, Event, Limits, Scheduler};
use super::{Engine, JobError};
use crate::counters::{Counters, TaskCounter};
use crate::error;
use crate::ids::{AttemptId, TaskKind};
use crate::local_fs::Scratch;
use crate::output::committer::JobCommitter;
use crate::plan::JobPlan;
use crate::shuffle::outputs::MapOutputs;
use crate::shuffle::run::Run;
use crate::streaming::ChildGroups;
use crate::task::{self, TaskError, TaskHost, map_task, reduce_task};
use crossbeam_channel::{Receiver, Sender, never, select_biased, unbounded};
use std::panic::{self, AssertUnwindSafe};
use std::path::PathBuf;
use std::sync::atomic::Ordering::Relaxed;
use std::sync::{Arc, OnceLock};
use std::thread;
use std::time::Duration;

/// How often progress is told while nothing else happens.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

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
            runs: OnceLock::new(),
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
        scratch.remove()?;
        ran
    }
}

/// Where attempts run: what they share, and map output between the phases.
struct Floor<'a> {
    host: &'a TaskHost<'a>,
    outputs: MapOutputs<'a>,
    /// All map output, once every map task is committed.
    runs: OnceLock<Vec<Arc<Run>>>,
}

/// An attempt and how it ended.
type Report = (AttemptId, Result<Counters, Box<TaskError>>);

impl Floor<'_> {
    fn work(&self, orders: &Receiver<AttemptId>, reports: &Sender<Report>) {
        while let Ok(attempt) = orders.recv() {
            // What a panic leaves half done is the attempt's own, or behind locks that expect it.
            let ended = panic::catch_unwind(AssertUnwindSafe(|| self.run(attempt)))
                .unwrap_or_else(|payload| Err(Box::new(TaskError::panicked(attempt, &*payload))));
            if ended.is_err() {
                // What stays behind is removed with the job; the attempt's own error says more.
                drop(self.host.committer.abort_task(attempt));
            }
            if reports.send((attempt, ended)).is_err() {
                return;
            }
        }
    }

    fn run(&self, attempt: AttemptId) -> Result<Counters, Box<TaskError>> {
        match attempt.task.kind {
            TaskKind::Map => self.map(attempt),
            TaskKind::Reduce => {
                let runs = self.runs.get().expect("the shuffle is opened before the first reduce");
                reduce_task::run(self.host, attempt, runs)
            }
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
}

impl Floor<'_> {
    /// Keeps a failed attempt for its user, if that is wanted.
    fn keep(&self, error: &mut TaskError) {
        task::keep(self.host, self.runs.get().map_or(&[], Vec::as_slice), error);
    }
}

/// Hands out work as the scheduler says and tells the watcher.
struct Dispatcher<'a> {
    floor: &'a Floor<'a>,
    events: &'a dyn JobEvents,
    orders: Sender<AttemptId>,
    scheduler: Scheduler,
    counters: Counters,
    snapshot: Snapshot,
    failure: Option<JobError>,
}

impl<'a> Dispatcher<'a> {
    fn new(floor: &'a Floor<'a>, events: &'a dyn JobEvents, orders: Sender<AttemptId>) -> Self {
        let plan = floor.host.plan;
        let maps = plan.maps.len() as u32;
        let limits = Limits {
            maps,
            reduces: plan.reduces,
            map_slots: plan.resources.map_slots,
            reduce_slots: plan.resources.reduce_slots,
            map_attempts_max: plan.attempts.map_max,
            reduce_attempts_max: plan.attempts.reduce_max,
        };
        let bytes_total = plan.maps.iter().map(crate::plan::MapTask::length).sum();
        let snapshot = Snapshot { maps, reduces: plan.reduces, bytes_total, ..Snapshot::default() };
        Self {
            floor,
            events,
            orders,
            scheduler: Scheduler::new(limits),
            counters: Counters::new(),
            snapshot,
            failure: None,
        }
    }

    fn run(mut self, results: &Receiver<Report>, stop: Option<&Receiver<i32>>) -> Result<Counters, JobError> {
        let nobody = never();
        let mut stop = stop.unwrap_or(&nobody);
        self.tell();
        let mut commands = self.scheduler.on(Event::Begin);
        loop {
            for command in commands.drain(..) {
                self.carry_out(command);
            }
            if self.scheduler.is_over() {
                break;
            }
            // First the signal: attempts that fail because of it are not news.
            select_biased! {
                recv(stop) -> signal => match signal {
                    Ok(signal) => {
                        self.failure.get_or_insert(JobError::Stopped { signal });
                        commands = self.scheduler.on(Event::Stop);
                    }
                    Err(_) => stop = &nobody, // whoever watches for signals is gone
                },
                recv(results) -> report => {
                    let (attempt, ended) = report.expect("workers outlive the dispatcher");
                    let event = self.take(attempt, ended);
                    commands = self.scheduler.on(event);
                }
                default(PROGRESS_EVERY) => {}
            }
            self.tell();
        }
        match self.failure {
            Some(failure) => Err(failure),
            None => Ok(self.counters),
        }
    }

    fn carry_out(&mut self, command: Command) {
        match command {
            Command::Launch(attempt) => {
                self.snapshot.running += 1;
                self.orders.send(attempt).expect("workers outlive the dispatcher");
            }
            Command::OpenShuffle => {
                self.snapshot.records_total = self.counters.get(TaskCounter::MapOutputRecords) as u64;
                self.floor.runs.set(self.floor.outputs.take_runs()).expect("opened once");
            }
            Command::EndChildren => self.floor.host.groups.stop(),
            // The caller commits or aborts when all threads are gone.
            Command::CommitJob | Command::AbortJob => {}
        }
    }

    fn take(&mut self, attempt: AttemptId, ended: Result<Counters, Box<TaskError>>) -> Event {
        self.snapshot.running -= 1;
        match ended {
            Ok(counters) => {
                self.counters.merge(&counters);
                match attempt.task.kind {
                    TaskKind::Map => self.snapshot.maps_done += 1,
                    TaskKind::Reduce => self.snapshot.reduces_done += 1,
                }
                self.events.attempt_finished(attempt);
                Event::Finished(attempt)
            }
            Err(mut error) => {
                let tries = match attempt.task.kind {
                    TaskKind::Map => self.floor.host.plan.attempts.map_max,
                    TaskKind::Reduce => self.floor.host.plan.attempts.reduce_max,
                };
                // Attempts that end because the job does are not news.
                if self.failure.is_none() {
                    let retried = attempt.attempt + 1 < tries;
                    self.floor.keep(&mut error);
                    self.events.attempt_failed(&error, retried);
                    if !retried {
                        self.failure = Some(JobError::Task(error));
                    }
                }
                Event::Failed(attempt)
            }
        }
    }

    fn tell(&mut self) {
        self.snapshot.bytes_read = self.floor.host.bytes_read.load(Relaxed);
        self.snapshot.records_reduced = self.floor.host.records_reduced.load(Relaxed);
        self.events.progress(&self.snapshot);
    }
}
