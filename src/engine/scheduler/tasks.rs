//! The tasks of one kind: which wait, which run, how often each was tried.

use super::{Command, KindLimits, Verdict};
use crate::ids::{AttemptId, TaskId, TaskKind};
use std::collections::{BTreeSet, VecDeque};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    /// Waiting or running.
    Open,
    Committed,
    GivenUp,
}

/// All map tasks or all reduce tasks of a job.
#[derive(Debug)]
pub(super) struct Tasks {
    kind: TaskKind,
    limits: KindLimits,
    /// By number, in the order of their launch.
    waiting: VecDeque<u32>,
    running: BTreeSet<AttemptId>,
    /// Attempts launched of each task, and how it stands.
    states: Vec<(u32, State)>,
    /// Tasks that are open.
    left: u32,
    given_up: u32,
}

impl Tasks {
    pub(super) fn new(kind: TaskKind, limits: KindLimits) -> Self {
        Self {
            kind,
            limits,
            waiting: (0..limits.tasks).collect(),
            running: BTreeSet::new(),
            states: vec![(0, State::Open); limits.tasks as usize],
            left: limits.tasks,
            given_up: 0,
        }
    }

    /// Closes those that are committed or given up from the beginning.
    pub(super) fn restore(&mut self, committed: &[AttemptId], given_up: &[TaskId]) {
        let kind = self.kind;
        for attempt in committed.iter().filter(|attempt| attempt.task.kind == kind) {
            self.states[attempt.task.number as usize].0 = attempt.attempt + 1;
            self.close(attempt.task.number, State::Committed);
        }
        for task in given_up.iter().filter(|task| task.kind == kind) {
            self.states[task.number as usize].0 = self.limits.attempts_max;
            self.give_up(task.number);
        }
        self.waiting.retain(|number| self.states[*number as usize].1 == State::Open);
    }

    /// Launches as many as there are slots for, while no more than `at_once` run.
    pub(super) fn launch(&mut self, at_once: usize, commands: &mut Vec<Command>) {
        while self.running.len() < self.slots().min(at_once) {
            let Some(number) = self.waiting.pop_front() else { return };
            let (tries, _) = &mut self.states[number as usize];
            let attempt = AttemptId { task: TaskId { kind: self.kind, number }, attempt: *tries };
            *tries += 1;
            self.running.insert(attempt);
            commands.push(Command::Launch(attempt));
        }
    }

    pub(super) fn finished(&mut self, attempt: AttemptId) {
        assert!(self.running.remove(&attempt), "{attempt} finished but was not running");
        self.close(attempt.task.number, State::Committed);
    }

    pub(super) fn failed(&mut self, attempt: AttemptId, verdict: Verdict) {
        assert!(self.running.remove(&attempt), "{attempt} failed but was not running");
        match verdict {
            // At the front: a task that fails always should not make us wait for all others first.
            Verdict::Retry => self.waiting.push_front(attempt.task.number),
            Verdict::GiveUp => self.give_up(attempt.task.number),
            Verdict::Fatal | Verdict::Moot => {}
        }
    }

    fn give_up(&mut self, number: u32) {
        self.close(number, State::GivenUp);
        self.given_up += 1;
    }

    fn close(&mut self, number: u32, state: State) {
        self.states[number as usize].1 = state;
        self.left -= 1;
    }

    /// Takes back that these tasks are committed, of those that are; says how many that were.
    pub(super) fn lose(&mut self, numbers: &[u32]) -> u32 {
        let before = self.left;
        for &number in numbers {
            let (_, state) = &mut self.states[number as usize];
            if *state == State::Committed {
                *state = State::Open;
                self.left += 1;
                self.waiting.push_back(number);
            }
        }
        self.left - before
    }

    pub(super) fn is_committed(&self, number: u32) -> bool {
        self.states[number as usize].1 == State::Committed
    }

    pub(super) fn may_retry(&self, number: u32) -> bool {
        self.states[number as usize].0 < self.limits.attempts_max
    }

    /// Whether nothing stands in the way of [`Self::lose`].
    pub(super) fn may_lose(&self, number: u32) -> bool {
        !self.is_committed(number) || self.may_retry(number)
    }

    /// Whether one more may be given up. Hadoop: `JobImpl.checkJobAfterTaskCompletion`.
    pub(super) fn may_give_up_one(&self) -> bool {
        let failed = u64::from(self.given_up) + 1;
        failed * 100 <= u64::from(self.limits.failures_percent_max) * u64::from(self.limits.tasks)
    }

    pub(super) fn is_running(&self, attempt: AttemptId) -> bool {
        self.running.contains(&attempt)
    }

    pub(super) fn running(&self) -> usize {
        self.running.len()
    }

    pub(super) fn slots(&self) -> usize {
        self.limits.slots.max(1) as usize
    }

    /// Whether all are committed or given up.
    pub(super) fn are_done(&self) -> bool {
        self.left == 0
    }

    pub(super) fn given_up(&self) -> impl Iterator<Item = TaskId> {
        let numbered = (0..).zip(&self.states).filter(|(_, (_, state))| *state == State::GivenUp);
        numbered.map(|(number, _)| TaskId { kind: self.kind, number })
    }
}
