//! Which attempt runs when: a pure state machine, events in, commands out.
//!
//! ```text
//!               launch              finished
//!   waiting ───────────> running ───────────> committed
//!      ^                    │ failed
//!      └── attempts left ───┤
//!                           └── none left ──> the job fails: nothing is launched any more, children
//!                                             are ended, and once nothing runs the job is aborted
//! ```
//!
//! It knows no clock, no thread and no file, so every interleaving can be tried. Reduce tasks wait for
//! all map tasks: a merge cannot give out its first record before it has seen every input.

use crate::ids::{AttemptId, TaskId, TaskKind};
use std::collections::{BTreeSet, VecDeque};

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Event {
    /// The job begins; always the first event.
    Begin,
    /// An attempt ended well and its output is committed.
    Finished(AttemptId),
    /// An attempt failed.
    Failed(AttemptId),
    /// The user wants the job to end.
    Stop,
}

/// What the engine shall do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Command {
    /// Run this attempt.
    Launch(AttemptId),
    /// All maps are committed: make their output ready for the reducers. Comes before the first reduce.
    OpenShuffle,
    /// End all running children; their attempts will report.
    EndChildren,
    /// Everything is committed and nothing runs: publish the output. The last command of a good job.
    CommitJob,
    /// Nothing runs: remove what there is. The last command of a failed job.
    AbortJob,
}

/// The numbers a scheduler is made from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Map tasks of the job.
    pub maps: u32,
    /// Reduce tasks of the job.
    pub reduces: u32,
    /// Map attempts at once.
    pub map_slots: u32,
    /// Reduce attempts at once.
    pub reduce_slots: u32,
    /// Tries of each map task.
    pub map_attempts_max: u32,
    /// Tries of each reduce task.
    pub reduce_attempts_max: u32,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Phase {
    Map,
    Reduce,
    Failing,
    Over,
}

/// The state of a job.
#[derive(Debug)]
pub struct Scheduler {
    limits: Limits,
    phase: Phase,
    waiting: VecDeque<AttemptId>,
    running: BTreeSet<AttemptId>,
    /// Tasks of the phase that are not committed yet.
    left: u32,
}

impl Scheduler {
    /// A job that has not begun.
    pub fn new(limits: Limits) -> Self {
        let (waiting, running) = (VecDeque::new(), BTreeSet::new());
        Self { limits, phase: Phase::Map, waiting, running, left: 0 }
    }

    /// Takes an event and says what to do about it.
    pub fn on(&mut self, event: Event) -> Vec<Command> {
        let mut commands = Vec::new();
        match event {
            Event::Begin => self.enter(Phase::Map),
            Event::Finished(attempt) => self.finished(attempt),
            Event::Failed(attempt) => self.failed(attempt, &mut commands),
            Event::Stop => self.fail(&mut commands),
        }
        self.proceed(&mut commands);
        commands
    }

    fn enter(&mut self, phase: Phase) {
        self.phase = phase;
        let (kind, tasks) = match phase {
            Phase::Map => (TaskKind::Map, self.limits.maps),
            _ => (TaskKind::Reduce, self.limits.reduces),
        };
        self.left = tasks;
        self.waiting =
            (0..tasks).map(|number| AttemptId { task: TaskId { kind, number }, attempt: 0 }).collect();
    }

    fn finished(&mut self, attempt: AttemptId) {
        assert!(self.running.remove(&attempt), "{attempt} finished but was not running");
        if self.phase != Phase::Failing {
            self.left -= 1;
        }
    }

    fn failed(&mut self, attempt: AttemptId, commands: &mut Vec<Command>) {
        assert!(self.running.remove(&attempt), "{attempt} failed but was not running");
        let tries = match attempt.task.kind {
            TaskKind::Map => self.limits.map_attempts_max,
            TaskKind::Reduce => self.limits.reduce_attempts_max,
        };
        if self.phase == Phase::Failing {
            return;
        }
        if attempt.attempt + 1 < tries {
            // At the front: a task that fails always should not make us wait for all others first.
            self.waiting.push_front(AttemptId { attempt: attempt.attempt + 1, ..attempt });
        } else {
            self.fail(commands);
        }
    }

    fn fail(&mut self, commands: &mut Vec<Command>) {
        if matches!(self.phase, Phase::Map | Phase::Reduce) {
            self.phase = Phase::Failing;
            self.waiting.clear();
            commands.push(Command::EndChildren);
        }
    }

    /// Launches what there is room for and moves to the next phase when one is done.
    fn proceed(&mut self, commands: &mut Vec<Command>) {
        loop {
            let slots = match self.phase {
                Phase::Map => self.limits.map_slots,
                Phase::Reduce => self.limits.reduce_slots,
                Phase::Failing if self.running.is_empty() => {
                    self.phase = Phase::Over;
                    commands.push(Command::AbortJob);
                    return;
                }
                Phase::Failing | Phase::Over => return,
            };
            while self.running.len() < slots.max(1) as usize {
                let Some(attempt) = self.waiting.pop_front() else { break };
                self.running.insert(attempt);
                commands.push(Command::Launch(attempt));
            }
            if self.left > 0 {
                return;
            }
            if self.phase == Phase::Map && self.limits.reduces > 0 {
                commands.push(Command::OpenShuffle);
                self.enter(Phase::Reduce);
            } else {
                self.phase = Phase::Over;
                commands.push(Command::CommitJob);
                return;
            }
        }
    }

    /// Whether the last command was given.
    pub fn is_over(&self) -> bool {
        self.phase == Phase::Over
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMITS: Limits = Limits {
        maps: 2,
        reduces: 1,
        map_slots: 1,
        reduce_slots: 1,
        map_attempts_max: 2,
        reduce_attempts_max: 1,
    };

    fn map(number: u32, attempt: u32) -> AttemptId {
        AttemptId { task: TaskId::map(number), attempt }
    }

    fn reduce(number: u32) -> AttemptId {
        AttemptId { task: TaskId::reduce(number), attempt: 0 }
    }

    #[test]
    fn a_job_with_one_retry() {
        use Command::{CommitJob, Launch, OpenShuffle};
        let mut scheduler = Scheduler::new(LIMITS);
        assert_eq!(scheduler.on(Event::Begin), [Launch(map(0, 0))]);
        assert_eq!(scheduler.on(Event::Failed(map(0, 0))), [Launch(map(0, 1))]);
        assert_eq!(scheduler.on(Event::Finished(map(0, 1))), [Launch(map(1, 0))]);
        assert_eq!(scheduler.on(Event::Finished(map(1, 0))), [OpenShuffle, Launch(reduce(0))]);
        assert_eq!(scheduler.on(Event::Finished(reduce(0))), [CommitJob]);
        assert!(scheduler.is_over());
    }

    #[test]
    fn a_job_without_tasks_commits_at_once() {
        let mut scheduler = Scheduler::new(Limits { maps: 0, reduces: 0, ..LIMITS });
        assert_eq!(scheduler.on(Event::Begin), [Command::CommitJob]);
    }

    #[test]
    fn a_last_failure_ends_the_others_first() {
        let mut scheduler = Scheduler::new(Limits { map_slots: 2, map_attempts_max: 1, ..LIMITS });
        scheduler.on(Event::Begin);
        assert_eq!(scheduler.on(Event::Failed(map(0, 0))), [Command::EndChildren]);
        assert_eq!(scheduler.on(Event::Stop), []);
        assert_eq!(scheduler.on(Event::Failed(map(1, 0))), [Command::AbortJob]);
    }

    /// Plays one job: every choice of who reports next and how comes from `choices`.
    fn play(limits: Limits, choices: &[u8]) {
        let mut scheduler = Scheduler::new(limits);
        let (mut running, mut committed) = (Vec::new(), BTreeSet::new());
        let mut commands = scheduler.on(Event::Begin);
        let mut choices = choices.iter().copied().chain(std::iter::repeat(0));
        let mut ended = None;
        for _ in 0..10_000 {
            for command in commands.drain(..) {
                assert_eq!(ended, None, "a command after the last one");
                match command {
                    Command::Launch(attempt) => running.push(attempt),
                    Command::OpenShuffle => assert_eq!(committed.len(), limits.maps as usize),
                    Command::EndChildren => {}
                    Command::CommitJob => ended = Some(true),
                    Command::AbortJob => ended = Some(false),
                }
            }
            let slots = |kind| running.iter().filter(|a: &&AttemptId| a.task.kind == kind).count();
            assert!(slots(TaskKind::Map) <= limits.map_slots as usize);
            assert!(slots(TaskKind::Reduce) <= limits.reduce_slots as usize);
            if let Some(good) = ended {
                assert!(running.is_empty() && scheduler.is_over());
                // A job that was stopped may have committed its last task on the way.
                assert!(!good || committed.len() == (limits.maps + limits.reduces) as usize);
                return;
            }
            let choice = choices.next().unwrap_or(0);
            let attempt = running.swap_remove(choice as usize % running.len());
            commands = match choice / 16 {
                0..13 => {
                    assert!(committed.insert(attempt.task), "{attempt} commits twice");
                    scheduler.on(Event::Finished(attempt))
                }
                13..15 => scheduler.on(Event::Failed(attempt)),
                _ => {
                    running.push(attempt);
                    scheduler.on(Event::Stop)
                }
            };
        }
        panic!("the job does not end");
    }

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2000) })]

        #[test]
        fn every_interleaving_ends_and_commits_each_task_once(
            (maps, reduces) in (0..6u32, 0..4u32),
            (map_slots, reduce_slots) in (1..4u32, 1..3u32),
            (map_attempts_max, reduce_attempts_max) in (1..4u32, 1..3u32),
            choices in proptest::collection::vec(any::<u8>(), 0..60),
        ) {
            play(
                Limits { maps, reduces, map_slots, reduce_slots, map_attempts_max, reduce_attempts_max },
                &choices,
            );
        }
    }
}
