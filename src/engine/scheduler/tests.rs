//! Short stories; `tests/simulation.rs` tells the long ones.

use super::Command::{AbortJob, CommitJob, End, EndChildren, Launch, OpenShuffle};
use super::*;

/// Two map tasks and a reduce task, one slot of each kind, two tries for everybody.
const LIMITS: Limits = Limits {
    maps: KindLimits { tasks: 2, slots: 1, attempts_max: 2, failures_percent_max: 0 },
    reduces: KindLimits { tasks: 1, slots: 1, attempts_max: 2, failures_percent_max: 0 },
};

fn map(number: u32, attempt: u32) -> AttemptId {
    AttemptId { task: TaskId::map(number), attempt }
}

fn reduce(number: u32, attempt: u32) -> AttemptId {
    AttemptId { task: TaskId::reduce(number), attempt }
}

/// Tells a story: each event, and what the scheduler does about it.
fn check(limits: Limits, story: &[(Event, &[Command])]) -> Scheduler {
    let mut scheduler = Scheduler::new(limits);
    for (event, expect) in story {
        assert_eq!(scheduler.on(event), *expect, "{event:?}");
    }
    assert!(scheduler.is_over());
    scheduler
}

#[test]
fn a_job_with_one_retry() {
    check(
        LIMITS,
        &[
            (Event::Begin, &[Launch(map(0, 0))]),
            (Event::Failed(map(0, 0)), &[Launch(map(0, 1))]),
            (Event::Finished(map(0, 1)), &[Launch(map(1, 0))]),
            (Event::Finished(map(1, 0)), &[OpenShuffle, Launch(reduce(0, 0))]),
            (Event::Finished(reduce(0, 0)), &[CommitJob]),
        ],
    );
}

#[test]
fn a_job_without_tasks_commits_at_once() {
    let none = KindLimits { tasks: 0, ..LIMITS.maps };
    check(Limits { maps: none, reduces: none }, &[(Event::Begin, &[CommitJob])]);
}

#[test]
fn a_last_failure_ends_the_others_first() {
    let maps = KindLimits { slots: 2, attempts_max: 1, ..LIMITS.maps };
    check(
        Limits { maps, ..LIMITS },
        &[
            (Event::Begin, &[Launch(map(0, 0)), Launch(map(1, 0))]),
            (Event::Failed(map(0, 0)), &[EndChildren]),
            (Event::Stop, &[]),
            (Event::Failed(map(1, 0)), &[AbortJob]),
        ],
    );
}

#[test]
fn a_silent_attempt_is_told_to_end_and_may_have_finished() {
    check(
        LIMITS,
        &[
            (Event::Begin, &[Launch(map(0, 0))]),
            (Event::TimedOut(map(0, 0)), &[End(map(0, 0))]),
            (Event::Failed(map(0, 0)), &[Launch(map(0, 1))]),
            (Event::TimedOut(map(0, 0)), &[]),
            (Event::TimedOut(map(0, 1)), &[End(map(0, 1))]),
            (Event::Finished(map(0, 1)), &[Launch(map(1, 0))]),
            (Event::Stop, &[EndChildren]),
            (Event::TimedOut(map(1, 0)), &[]),
            (Event::Failed(map(1, 0)), &[AbortJob]),
        ],
    );
}

/// Hadoop: more than the percentage fails the job, so one of two is within 50 and not within 49.
#[test]
fn some_tasks_may_fail_for_good() {
    let limits = |failures_percent_max| Limits {
        maps: KindLimits { attempts_max: 1, failures_percent_max, ..LIMITS.maps },
        ..LIMITS
    };
    let begin = (Event::Begin, &[Launch(map(0, 0))][..]);
    let job = check(
        limits(50),
        &[
            begin.clone(),
            (Event::Failed(map(0, 0)), &[Launch(map(1, 0))]),
            (Event::Finished(map(1, 0)), &[OpenShuffle, Launch(reduce(0, 0))]),
            (Event::Finished(reduce(0, 0)), &[CommitJob]),
        ],
    );
    assert_eq!(job.given_up(), [TaskId::map(0)]);
    check(limits(49), &[begin, (Event::Failed(map(0, 0)), &[EndChildren, AbortJob])]);
}

#[test]
fn lost_map_output_is_made_again() {
    let lost = |attempt, maps: &[u32]| Event::MapOutputLost { reader: attempt, maps: maps.to_vec() };
    let until_reduce: [(Event, &[Command]); 3] = [
        (Event::Begin, &[Launch(map(0, 0))]),
        (Event::Finished(map(0, 0)), &[Launch(map(1, 0))]),
        (Event::Finished(map(1, 0)), &[OpenShuffle, Launch(reduce(0, 0))]),
    ];
    let healed: [(Event, &[Command]); 3] = [
        (lost(reduce(0, 0), &[1]), &[Launch(map(1, 1))]),
        (Event::Finished(map(1, 1)), &[OpenShuffle, Launch(reduce(0, 1))]),
        (Event::Finished(reduce(0, 1)), &[CommitJob]),
    ];
    check(LIMITS, &[&until_reduce[..], &healed].concat());
    // The map has no try left, or the reduce has none.
    let failed = [(lost(reduce(0, 0), &[1]), &[EndChildren, AbortJob][..])];
    let once = KindLimits { attempts_max: 1, ..LIMITS.maps };
    check(Limits { maps: once, ..LIMITS }, &[&until_reduce[..], &failed].concat());
    let once = KindLimits { attempts_max: 1, ..LIMITS.reduces };
    check(Limits { reduces: once, ..LIMITS }, &[&until_reduce[..], &failed].concat());
}

/// A map that is run again and fails for good fails the job: some reduces have its records already.
#[test]
fn lost_map_output_is_not_given_up() {
    let maps = KindLimits { tasks: 1, failures_percent_max: 100, ..LIMITS.maps };
    check(
        Limits { maps, ..LIMITS },
        &[
            (Event::Begin, &[Launch(map(0, 0))]),
            (Event::Finished(map(0, 0)), &[OpenShuffle, Launch(reduce(0, 0))]),
            (Event::MapOutputLost { reader: reduce(0, 0), maps: vec![0] }, &[Launch(map(0, 1))]),
            (Event::Failed(map(0, 1)), &[EndChildren, AbortJob]),
        ],
    );
}
