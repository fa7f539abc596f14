//! The scheduler against a world that goes wrong at random: completions, failures, timeouts, lost map output and
//! stops in every order, and after each step the rules that must hold whatever happened.
//!
//! `MRSTREAM_TEST_CASES` sets how many worlds are played, `MRSTREAM_TEST_SEED` the first one's seed.

use mr_stream::engine::scheduler::{Command, Event, KindLimits, Limits, Scheduler, Verdict};
use mr_stream::ids::{AttemptId, TaskId, TaskKind};
use std::collections::{BTreeMap, BTreeSet};

/// Worlds per run when the environment does not say.
const CASES_DEFAULT: u64 = 5_000;
/// No world of this size takes so many steps.
const STEPS_MAX: usize = 5_000;

/// Random numbers from a seed: `SplitMix64`.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut number = self.0;
        number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((number ^ (number >> 31)) % sides as u64) as usize
    }

    fn limits(&mut self, tasks: usize) -> KindLimits {
        KindLimits {
            tasks: self.roll(tasks) as u32,
            slots: 1 + self.roll(4) as u32,
            attempts_max: 1 + self.roll(4) as u32,
            failures_percent_max: [0, 0, 10, 34, 50, 100][self.roll(6)],
        }
    }
}

/// What the rules are checked against.
struct World {
    limits: Limits,
    running: Vec<AttemptId>,
    launched: BTreeMap<TaskId, u32>,
    committed: BTreeSet<TaskId>,
    given_up: BTreeSet<TaskId>,
    shuffle_is_open: bool,
    was_open: bool,
    /// There is a reason for the job to fail.
    failing: bool,
    ended: Option<Command>,
}

impl World {
    fn limits_of(&self, kind: TaskKind) -> KindLimits {
        match kind {
            TaskKind::Map => self.limits.maps,
            TaskKind::Reduce => self.limits.reduces,
        }
    }

    fn running(&self, kind: TaskKind) -> u32 {
        self.running.iter().filter(|attempt| attempt.task.kind == kind).count() as u32
    }

    /// Tasks of a kind in one of the final states.
    fn closed(&self, kind: TaskKind) -> u32 {
        self.committed.iter().chain(&self.given_up).filter(|task| task.kind == kind).count() as u32
    }

    fn is_spent(&self, task: TaskId) -> bool {
        self.launched[&task] == self.limits_of(task.kind).attempts_max
    }

    fn may_give_up_one(&self, kind: TaskKind) -> bool {
        let limits = self.limits_of(kind);
        let failed = 1 + self.given_up.iter().filter(|task| task.kind == kind).count() as u32;
        failed * 100 <= limits.failures_percent_max * limits.tasks
    }

    /// Begins where an earlier run of the job was killed.
    fn continued(&mut self, dice: &mut Dice) -> (Vec<AttemptId>, Vec<TaskId>) {
        let mut committed = Vec::new();
        for kind in [TaskKind::Map, TaskKind::Reduce] {
            let limits = self.limits_of(kind);
            for number in 0..limits.tasks {
                let task = TaskId { kind, number };
                match dice.roll(4) {
                    0 | 1 => {
                        let attempt = dice.roll(limits.attempts_max as usize) as u32;
                        committed.push(AttemptId { task, attempt });
                        self.launched.insert(task, attempt + 1);
                        self.committed.insert(task);
                        self.was_open |= kind == TaskKind::Reduce;
                    }
                    2 if self.may_give_up_one(kind) => assert!(self.given_up.insert(task)),
                    _ => {}
                }
            }
        }
        (committed, self.given_up.iter().copied().collect())
    }

    /// Carries a command out, if it is one that may be given now.
    fn obey(&mut self, command: Command) {
        assert_eq!(self.ended, None, "{command:?} after the end");
        let all_maps = self.closed(TaskKind::Map) == self.limits.maps.tasks;
        let all_reduces = self.closed(TaskKind::Reduce) == self.limits.reduces.tasks;
        match command {
            Command::Launch(attempt) => {
                let (task, kind) = (attempt.task, attempt.task.kind);
                assert!(!self.failing, "{attempt} is launched though the job fails");
                assert!(!self.committed.contains(&task) && !self.given_up.contains(&task), "{attempt}");
                assert!(self.running.iter().all(|other| other.task != task), "{attempt} runs twice");
                assert!(kind == TaskKind::Map || all_maps && self.shuffle_is_open, "{attempt} is too early");
                let launched = self.launched.entry(task).or_default();
                assert_eq!(attempt.attempt, *launched, "{attempt} has another's name");
                *launched += 1;
                assert!(*launched <= self.limits_of(kind).attempts_max, "{attempt} is one too many");
                self.running.push(attempt);
                assert!(self.running(kind) <= self.limits_of(kind).slots, "no slot for {attempt}");
                let slots = self.limits.maps.slots.max(self.limits.reduces.slots);
                assert!(self.running.len() <= slots as usize, "no slot of any kind for {attempt}");
            }
            Command::OpenShuffle => {
                assert!(all_maps && !self.shuffle_is_open && self.limits.reduces.tasks > 0);
                (self.shuffle_is_open, self.was_open) = (true, true);
            }
            Command::End(attempt) => assert!(!self.failing && self.running.contains(&attempt), "{attempt}"),
            Command::EndChildren => assert!(self.failing),
            Command::CommitJob => {
                assert!(self.running.is_empty() && !self.failing && all_maps && all_reduces);
                for kind in [TaskKind::Map, TaskKind::Reduce] {
                    let limits = self.limits_of(kind);
                    let failed = self.given_up.iter().filter(|task| task.kind == kind).count() as u32;
                    assert!(failed * 100 <= limits.failures_percent_max * limits.tasks);
                }
                self.ended = Some(command);
            }
            Command::AbortJob => {
                assert!(self.running.is_empty() && self.failing);
                self.ended = Some(command);
            }
        }
    }

    /// What the failure of an attempt has to lead to.
    fn judge(&mut self, attempt: AttemptId, lost: &[u32], verdict: Verdict) {
        self.running.retain(|other| *other != attempt);
        if self.failing {
            assert_eq!(verdict, Verdict::Moot);
            return;
        }
        let task = attempt.task;
        let lost: Vec<TaskId> =
            lost.iter().map(|map| TaskId::map(*map)).filter(|map| self.committed.contains(map)).collect();
        let may_lose = lost.iter().all(|map| !self.is_spent(*map));
        let too_late = task.kind == TaskKind::Map && self.was_open;
        let expect = match (may_lose, self.is_spent(task)) {
            (true, false) => Verdict::Retry,
            (true, true) if !too_late && self.may_give_up_one(task.kind) => Verdict::GiveUp,
            (false, _) | (true, true) => Verdict::Fatal,
        };
        assert_eq!(verdict, expect, "{attempt}");
        match verdict {
            Verdict::Fatal => self.failing = true,
            Verdict::GiveUp => assert!(self.given_up.insert(task)),
            _ => {}
        }
        if !self.failing && !lost.is_empty() && self.closed(TaskKind::Reduce) < self.limits.reduces.tasks {
            self.shuffle_is_open = false;
            self.committed.retain(|task| !lost.contains(task));
        }
    }
}

/// Plays one world to its end; how it ended and whether map output was lost on the way.
fn play(seed: u64) -> (Command, bool) {
    let mut dice = Dice(seed);
    let limits = Limits { maps: dice.limits(9), reduces: dice.limits(6) };
    let mut world = World {
        limits,
        running: Vec::new(),
        launched: BTreeMap::new(),
        committed: BTreeSet::new(),
        given_up: BTreeSet::new(),
        shuffle_is_open: false,
        was_open: false,
        failing: false,
        ended: None,
    };
    // Of a hundred reports so many are failures, and of those so many for lost map output.
    let (failures, losses) = ([0, 5, 20, 50][dice.roll(4)], [0, 20, 80][dice.roll(3)]);
    let stops_once_in = [200, 2_000][dice.roll(2)];
    let mut has_lost = false;
    let mut scheduler = Scheduler::new(limits);
    if dice.roll(3) == 0 {
        let (committed, given_up) = world.continued(&mut dice);
        scheduler.restore(&committed, &given_up);
    }
    let mut event = Event::Begin;
    for _ in 0..STEPS_MAX {
        let verdict = scheduler.verdict(&event);
        let commands = scheduler.on(&event);
        match &event {
            Event::Begin | Event::TimedOut(_) => {}
            Event::Finished(attempt) => {
                world.running.retain(|other| other != attempt);
                assert!(world.committed.insert(attempt.task), "{attempt} commits again");
            }
            Event::Failed(attempt) => world.judge(*attempt, &[], verdict),
            Event::MapOutputLost { reader, maps } => {
                has_lost = true;
                world.judge(*reader, maps, verdict);
            }
            Event::Stop => world.failing = true,
        }
        for command in commands {
            world.obey(command);
        }
        assert_eq!(scheduler.given_up(), world.given_up.iter().copied().collect::<Vec<_>>());
        assert_eq!(scheduler.is_over(), world.ended.is_some());
        if let Some(ended) = world.ended {
            return (ended, has_lost);
        }
        assert!(!world.running.is_empty(), "nothing runs and nothing happens");
        event = next_event(&mut dice, &world, (failures, losses, stops_once_in));
    }
    panic!("the job does not end");
}

fn next_event(
    dice: &mut Dice,
    world: &World,
    (failures, losses, stops_once_in): (usize, usize, usize),
) -> Event {
    let attempt = world.running[dice.roll(world.running.len())];
    if dice.roll(stops_once_in) == 0 {
        return Event::Stop;
    }
    if dice.roll(20) == 0 {
        // A clock may also ring for an attempt that is no more.
        let earlier = AttemptId { attempt: attempt.attempt.saturating_sub(dice.roll(2) as u32), ..attempt };
        return Event::TimedOut(earlier);
    }
    if dice.roll(100) >= failures {
        return Event::Finished(attempt);
    }
    if attempt.task.kind == TaskKind::Reduce && dice.roll(100) < losses {
        let maps = (0..world.limits.maps.tasks).filter(|_| dice.roll(3) == 0).collect();
        return Event::MapOutputLost { reader: attempt, maps };
    }
    Event::Failed(attempt)
}

fn switch(name: &str, default: u64) -> u64 {
    std::env::var(name).ok().and_then(|text| text.parse().ok()).unwrap_or(default)
}

#[test]
fn every_world_ends_by_the_rules() {
    let (cases, first) = (switch("MRSTREAM_TEST_CASES", CASES_DEFAULT), switch("MRSTREAM_TEST_SEED", 1));
    let mut ended: BTreeMap<(bool, bool), u64> = BTreeMap::new();
    for seed in first..first + cases {
        let Ok((command, has_lost)) = std::panic::catch_unwind(|| play(seed)) else {
            panic!("MRSTREAM_TEST_SEED={seed} breaks a rule");
        };
        *ended.entry((command == Command::CommitJob, has_lost)).or_default() += 1;
    }
    // Worlds of every sort were among them.
    assert!(cases < CASES_DEFAULT || ended.len() == 4, "{ended:?}");
}
