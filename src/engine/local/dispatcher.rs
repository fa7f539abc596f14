//! Hands out work as the scheduler says, keeps the counters, rings for silent attempts and tells the watcher.

use super::tally::Tally;
use super::{Floor, Report};
use crate::counters::Counters;
use crate::engine::done::Done;
use crate::engine::event::{JobEvents, Snapshot};
use crate::engine::scheduler::{Command, Event, KindLimits, Limits, Scheduler, Verdict};
use crate::engine::{JobError, signal_on_its_way};
use crate::ids::{AttemptId, TaskId, TaskKind};
use crate::plan::JobPlan;
use crate::task::{TaskError, TaskFailure};
use crossbeam_channel::{Receiver, Sender, never, select_biased};
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};

/// How often progress is told, and the clocks are looked at, while nothing else happens.
const PROGRESS_EVERY: Duration = Duration::from_millis(100);

/// The thread that owns the state of a job.
pub(super) struct Dispatcher<'a> {
    floor: &'a Floor<'a>,
    events: &'a dyn JobEvents,
    orders: Sender<AttemptId>,
    scheduler: Scheduler,
    limits: Limits,
    tally: Tally,
    snapshot: Snapshot,
    failure: Option<JobError>,
}

impl<'a> Dispatcher<'a> {
    pub(super) fn new(
        floor: &'a Floor<'a>,
        done: &Done,
        events: &'a dyn JobEvents,
        orders: Sender<AttemptId>,
    ) -> Self {
        let plan = floor.host.plan;
        let limits = limits(plan);
        let bytes_total = plan.maps.iter().map(crate::plan::MapTask::length).sum();
        let (maps_done, reduces_done) = done.numbers();
        if maps_done + reduces_done > 0 {
            events.continued(maps_done, reduces_done);
        }
        let (maps, reduces) = (limits.maps.tasks, plan.reduces);
        let snapshot =
            Snapshot { maps, maps_done, reduces, reduces_done, bytes_total, ..Snapshot::default() };
        let (mut scheduler, mut tally) = (Scheduler::new(limits), Tally::new(plan));
        let committed: Vec<_> = done.tasks.iter().map(|(attempt, _)| *attempt).collect();
        scheduler.restore(&committed, &done.given_up);
        tally.restore(plan, done);
        Self { floor, events, orders, scheduler, limits, tally, snapshot, failure: None }
    }

    /// Runs the job until nothing of it runs any more.
    pub(super) fn run(
        mut self,
        results: &Receiver<Report>,
        stop: Option<&Receiver<i32>>,
    ) -> Result<Counters, JobError> {
        let nobody = never();
        let mut stop = stop.unwrap_or(&nobody);
        self.events.begun().map_err(|signal| JobError::Stopped { signal })?;
        self.tell();
        // A stop that came before, while messages waited to be read, starts no children.
        let mut commands = match stop.try_recv() {
            Ok(signal) => self.stop(signal),
            Err(_) => self.scheduler.on(&Event::Begin),
        };
        loop {
            while !commands.is_empty() {
                commands = commands.into_iter().flat_map(|command| self.carry_out(command)).collect();
            }
            if self.scheduler.is_over() {
                break;
            }
            // First the signal: attempts that fail because of it are not news.
            select_biased! {
                recv(stop) -> signal => match signal {
                    Ok(signal) => commands = self.stop(signal),
                    Err(_) => stop = &nobody, // whoever watches for signals is gone
                },
                recv(results) -> report => {
                    let (attempt, ended) = report.expect("workers outlive the dispatcher");
                    let signal = ended.as_ref().err().and_then(|error| signal_on_its_way(error, stop));
                    commands = signal.map_or_else(Vec::new, |signal| self.stop(signal));
                    commands.extend(self.take(attempt, ended));
                }
                default(PROGRESS_EVERY) => {}
            }
            self.ring(&mut commands);
            self.tell();
        }
        self.events.reduces_counted(self.tally.reduces());
        if let Some(failure) = self.failure {
            self.events.failed_with(&self.tally.into_counters());
            return Err(failure);
        }
        let given_up = self.scheduler.given_up();
        if !given_up.is_empty() {
            self.events.incomplete(&given_up);
        }
        Ok(self.tally.into_counters())
    }

    /// Ends the job because of a signal.
    fn stop(&mut self, signal: i32) -> Vec<Command> {
        self.failure.get_or_insert(JobError::Stopped { signal });
        self.scheduler.on(&Event::Stop)
    }

    /// Does what the scheduler says; what it says about the consequences is returned.
    fn carry_out(&mut self, command: Command) -> Vec<Command> {
        match command {
            Command::Launch(attempt) => {
                self.snapshot.running += 1;
                self.events.attempt_started(attempt);
                self.orders.send(attempt).expect("workers outlive the dispatcher");
            }
            Command::OpenShuffle => {
                self.snapshot.records_total = self.tally.map_output_records();
                if let Err(error) = self.floor.open_shuffle(self.snapshot.maps_done) {
                    self.failure.get_or_insert(error.into());
                    return self.scheduler.on(&Event::Stop);
                }
            }
            Command::End(attempt) => self.floor.host.vitals.end(attempt, Instant::now()),
            Command::EndChildren => self.floor.host.groups.stop(),
            // The caller commits or aborts when all threads are gone.
            Command::CommitJob | Command::AbortJob => {}
        }
        Vec::new()
    }

    /// Asks what to do about attempts that have been silent for too long.
    fn ring(&mut self, commands: &mut Vec<Command>) {
        let Some(timeout_ms) = self.floor.host.plan.attempts.timeout_ms else { return };
        let limit = Duration::from_millis(timeout_ms);
        for attempt in self.floor.host.vitals.silent(limit, Instant::now()) {
            commands.extend(self.scheduler.on(&Event::TimedOut(attempt)));
        }
    }

    /// Takes in how an attempt ended.
    fn take(&mut self, attempt: AttemptId, ended: Result<Counters, Box<TaskError>>) -> Vec<Command> {
        self.snapshot.running -= 1;
        match ended {
            Ok(_) if self.lacks_output(attempt.task) => {
                self.failed(Box::new(TaskError::without_child(attempt, TaskFailure::Lost)))
            }
            Ok(counters) => {
                self.tally.committed(attempt.task, &counters);
                match attempt.task.kind {
                    TaskKind::Map => self.snapshot.maps_done += 1,
                    TaskKind::Reduce => self.snapshot.reduces_done += 1,
                }
                self.events.attempt_finished(attempt);
                self.scheduler.on(&Event::Finished(attempt))
            }
            // Attempts that end because the job does are not news.
            Err(_) if self.failure.is_some() => self.scheduler.on(&Event::Failed(attempt)),
            Err(error) => self.failed(error),
        }
    }

    /// Whether what a map task has left for the reducers is not there: it was lost with that of others.
    fn lacks_output(&self, task: TaskId) -> bool {
        task.kind == TaskKind::Map && self.limits.reduces.tasks > 0 && !self.floor.outputs.has(task.number)
    }

    fn failed(&mut self, mut error: Box<TaskError>) -> Vec<Command> {
        let attempt = error.attempt;
        let outputs = &self.floor.outputs;
        let maps = match (attempt.task.kind, error.unreadable_file()) {
            (TaskKind::Reduce, Some(path)) => {
                let lost = outputs.lose(path).into_iter();
                lost.filter(|map| self.scheduler.is_committed(TaskId::map(*map))).collect()
            }
            _ => Vec::new(),
        };
        let event = match maps.len() {
            0 => Event::Failed(attempt),
            _ => Event::MapOutputLost { reader: attempt, maps: maps.clone() },
        };
        let (mut verdict, mut commands) = (self.scheduler.verdict(&event), Vec::new());
        if verdict == Verdict::GiveUp
            && attempt.task.kind == TaskKind::Map
            && outputs.has(attempt.task.number)
        {
            // The disk is full, and another task's spill has its records already: there is no job without them.
            verdict = Verdict::Fatal;
            commands = self.scheduler.on(&Event::Stop);
        }
        self.tally.failed(attempt.task.kind, 1);
        let tries = match attempt.task.kind {
            TaskKind::Map => self.limits.maps.attempts_max,
            TaskKind::Reduce => self.limits.reduces.attempts_max,
        };
        self.floor.keep(&mut error);
        self.events.attempt_failed(&error, verdict, tries);
        if verdict == Verdict::GiveUp
            && let Err(error) = self.floor.host.committer.note_given_up(attempt.task)
        {
            // A run after this one would try again, and some reduces could have what others lack.
            self.failure.get_or_insert(error.into());
            commands.extend(self.scheduler.on(&Event::Stop));
        }
        if verdict == Verdict::Fatal {
            self.failure = Some(JobError::Task(error));
        } else if !maps.is_empty() {
            self.lost(&maps);
        }
        commands.extend(self.scheduler.on(&event));
        commands
    }

    /// Takes back what committed map tasks have left.
    fn lost(&mut self, maps: &[u32]) {
        self.events.map_output_lost(maps);
        self.snapshot.maps_done -= maps.len() as u32;
        for &map in maps {
            self.tally.lost(map);
            // What cannot be removed is replaced when the task commits again.
            drop(self.floor.host.committer.revoke_task(TaskId::map(map)));
        }
    }

    fn tell(&mut self) {
        self.snapshot.bytes_read = self.floor.host.bytes_read.load(Relaxed);
        self.snapshot.records_reduced = self.floor.host.records_reduced.load(Relaxed);
        self.events.progress(&self.snapshot);
    }
}

fn limits(plan: &JobPlan) -> Limits {
    let (attempts, resources) = (&plan.attempts, &plan.resources);
    Limits {
        maps: KindLimits {
            tasks: plan.maps.len() as u32,
            slots: resources.map_slots,
            attempts_max: attempts.map_max,
            failures_percent_max: attempts.map_failures_percent_max,
        },
        reduces: KindLimits {
            tasks: plan.reduces,
            slots: resources.reduce_slots,
            attempts_max: attempts.reduce_max,
            failures_percent_max: attempts.reduce_failures_percent_max,
        },
    }
}
