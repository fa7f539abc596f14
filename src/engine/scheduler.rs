//! Which attempt runs when: a pure state machine, events in, commands out.
//!
//! ```text
//!               launch              finished
//!   waiting ───────────> running ───────────> committed ──┐
//!      ^                    │ failed                      │ its output is lost:
//!      ├── attempts left ───┤                             │ a reduce could not read it
//!      │                    ├── none left, but so many    │
//!      │                    │   may fail ──> given up     │
//!      │                    └── none left ──> the job     │
//!      │                                      fails       │
//!      └────────────────── attempts left ─────────────────┘
//! ```
//!
//! A job that fails launches nothing any more, ends the children, and is aborted once nothing runs. A silent
//! attempt is told to end; what becomes of it is what it then reports, for it may just have finished.
//!
//! It knows no clock, no thread and no file, so every interleaving can be tried. Reduce tasks wait for
//! all map tasks: a merge cannot give out its first record before it has seen every input. Those that run
//! while map tasks are run again go on: what they read may be whole.

mod tasks;
#[cfg(test)]
mod tests;

use crate::ids::{AttemptId, TaskId, TaskKind};
use tasks::Tasks;

/// What happened.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Event {
    /// The job begins; always the first event.
    Begin,
    /// An attempt ended well and its output is committed.
    Finished(AttemptId),
    /// An attempt failed.
    Failed(AttemptId),
    /// A reduce attempt failed because output of committed map tasks cannot be read any more.
    MapOutputLost {
        /// The reduce attempt.
        reader: AttemptId,
        /// The map tasks, by number.
        maps: Vec<u32>,
    },
    /// An attempt has shown no sign of life for too long. It still has to report.
    TimedOut(AttemptId),
    /// The user wants the job to end.
    Stop,
}

/// What the engine shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run this attempt.
    Launch(AttemptId),
    /// All maps are committed or given up: make their output ready for the reducers. Comes before the first
    /// reduce, and again when maps had to be run again.
    OpenShuffle,
    /// End the children of this attempt; it will report.
    End(AttemptId),
    /// End all running children; their attempts will report.
    EndChildren,
    /// Nothing runs and every task is committed or given up: publish the output. The last command of a good job.
    CommitJob,
    /// Nothing runs: remove what there is. The last command of a failed job.
    AbortJob,
}

/// What follows from the failure of an attempt.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// The task is tried again.
    Retry,
    /// The task was tried often enough, and the job may do without it.
    GiveUp,
    /// The job fails of it.
    Fatal,
    /// Nothing: the job is failing already.
    Moot,
}

/// Numbers of the tasks of one kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KindLimits {
    /// Tasks of the job.
    pub tasks: u32,
    /// Attempts at once.
    pub slots: u32,
    /// Tries of each task.
    pub attempts_max: u32,
    /// How many in a hundred may be given up without failing the job.
    pub failures_percent_max: u32,
}

/// The numbers a scheduler is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Of map tasks.
    pub maps: KindLimits,
    /// Of reduce tasks.
    pub reduces: KindLimits,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Running,
    Failing,
    Over,
}

/// The state of a job.
#[derive(Debug)]
pub struct Scheduler {
    phase: Phase,
    maps: Tasks,
    reduces: Tasks,
    /// Reduces can read all map output.
    shuffle_is_open: bool,
    /// Some could once.
    was_open: bool,
}

impl Scheduler {
    /// A job that has not begun.
    pub fn new(limits: Limits) -> Self {
        Self {
            phase: Phase::Running,
            maps: Tasks::new(TaskKind::Map, limits.maps),
            reduces: Tasks::new(TaskKind::Reduce, limits.reduces),
            shuffle_is_open: false,
            was_open: false,
        }
    }

    /// Takes in, before the job begins, what an earlier run of it came to: the attempts that were committed, and tasks
    /// that were given up.
    pub fn restore(&mut self, committed: &[AttemptId], given_up: &[TaskId]) {
        // Of a map that is run now, some records may be in the output already.
        self.was_open = committed.iter().any(|attempt| attempt.task.kind == TaskKind::Reduce);
        for tasks in [&mut self.maps, &mut self.reduces] {
            tasks.restore(committed, given_up);
        }
    }

    /// Takes an event and says what to do about it.
    pub fn on(&mut self, event: &Event) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Begin => {}
            Event::Finished(attempt) => self.of(*attempt).finished(*attempt),
            Event::Failed(attempt) | Event::MapOutputLost { reader: attempt, .. } => {
                let verdict = self.verdict(event);
                self.of(*attempt).failed(*attempt, verdict);
                match (verdict, event) {
                    (Verdict::Fatal, _) => self.fail(&mut commands),
                    (Verdict::Retry | Verdict::GiveUp, Event::MapOutputLost { maps, .. })
                        if !self.reduces.are_done() =>
                    {
                        let lost = self.maps.lose(maps);
                        self.shuffle_is_open &= lost == 0;
                    }
                    _ => {}
                }
            }
            Event::TimedOut(attempt) => {
                if self.phase == Phase::Running && self.of(*attempt).is_running(*attempt) {
                    commands.push(Command::End(*attempt));
                }
            }
            Event::Stop => self.fail(&mut commands),
        }
        self.proceed(&mut commands);
        commands
    }

    /// What a failure will lead to; of any other event nothing.
    pub fn verdict(&self, event: &Event) -> Verdict {
        let (attempt, lost) = match event {
            _ if self.phase != Phase::Running => return Verdict::Moot,
            Event::Failed(attempt) => (attempt, &[][..]),
            Event::MapOutputLost { reader, maps } => (reader, &maps[..]),
            _ => return Verdict::Moot,
        };
        if !lost.iter().all(|map| self.maps.may_lose(*map)) {
            // Reduces that are done have their records, so the job cannot do without them.
            return Verdict::Fatal;
        }
        let (tasks, may_give_up) = match attempt.task.kind {
            // As above: of a map that is run again some records are in the output already.
            TaskKind::Map => (&self.maps, !self.was_open),
            TaskKind::Reduce => (&self.reduces, true),
        };
        if tasks.may_retry(attempt.task.number) {
            Verdict::Retry
        } else if may_give_up && tasks.may_give_up_one() {
            Verdict::GiveUp
        } else {
            Verdict::Fatal
        }
    }

    /// Whether a task is committed.
    pub fn is_committed(&self, task: TaskId) -> bool {
        match task.kind {
            TaskKind::Map => self.maps.is_committed(task.number),
            TaskKind::Reduce => self.reduces.is_committed(task.number),
        }
    }

    /// Tasks without which the job goes on, maps first.
    pub fn given_up(&self) -> Vec<TaskId> {
        self.maps.given_up().chain(self.reduces.given_up()).collect()
    }

    fn of(&mut self, attempt: AttemptId) -> &mut Tasks {
        match attempt.task.kind {
            TaskKind::Map => &mut self.maps,
            TaskKind::Reduce => &mut self.reduces,
        }
    }

    fn fail(&mut self, commands: &mut Vec<Command>) {
        if self.phase == Phase::Running {
            self.phase = Phase::Failing;
            commands.push(Command::EndChildren);
        }
    }

    /// Launches what there is room for, opens the shuffle and ends the job when it is time.
    fn proceed(&mut self, commands: &mut Vec<Command>) {
        let nothing_runs = self.maps.running() + self.reduces.running() == 0;
        match self.phase {
            Phase::Running => {}
            Phase::Failing if nothing_runs => {
                self.phase = Phase::Over;
                commands.push(Command::AbortJob);
                return;
            }
            Phase::Failing | Phase::Over => return,
        }
        // Reduces may be running still when maps are run again.
        let slots = self.maps.slots().max(self.reduces.slots());
        self.maps.launch(slots - self.reduces.running(), commands);
        if !self.maps.are_done() {
            return;
        }
        if !self.shuffle_is_open && !self.reduces.are_done() {
            self.shuffle_is_open = true;
            self.was_open = true;
            commands.push(Command::OpenShuffle);
        }
        self.reduces.launch(slots, commands);
        if self.reduces.are_done() {
            self.phase = Phase::Over;
            commands.push(Command::CommitJob);
        }
    }

    /// Whether the last command was given.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }
}
