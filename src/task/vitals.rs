//! What is known of attempts while they run: their children, and how long those have been silent.
//!
//! The clock stands still while an attempt has no child: whatever it does then is our own work, which ends by itself.
//! Hadoop: `TaskHeartbeatHandler`, which hears of an attempt when a record was read or written, and when its child has
//! said something on standard error.

use crate::ids::AttemptId;
use crate::streaming::ChildGroups;
use crate::sync::lock;
use std::collections::BTreeMap;
use std::sync::Mutex;
use std::time::{Duration, Instant};

/// The attempts of a job that have children.
pub(crate) struct Vitals {
    groups: ChildGroups,
    attempts: Mutex<BTreeMap<AttemptId, Vital>>,
}

struct Vital {
    children: ChildGroups,
    /// Children that run.
    running: u32,
    /// Signs of life at the last look that found new ones, and when that was.
    beats: u64,
    since: Instant,
    /// The children were ended after so long a silence.
    ended_after: Option<Duration>,
}

impl Vitals {
    /// For attempts whose children go to `groups`.
    pub(super) fn new(groups: ChildGroups) -> Self {
        Self { groups, attempts: Mutex::default() }
    }

    /// Another child of an attempt is about to start: where it goes.
    pub(super) fn child_begins(&self, attempt: AttemptId) -> ChildGroups {
        let mut attempts = lock(&self.attempts);
        let vital = attempts.entry(attempt).or_insert_with(|| Vital {
            children: self.groups.part(),
            running: 0,
            beats: 0,
            since: Instant::now(),
            ended_after: None,
        });
        vital.running += 1;
        vital.since = Instant::now();
        vital.children.clone()
    }

    pub(super) fn child_ended(&self, attempt: AttemptId) {
        if let Some(vital) = lock(&self.attempts).get_mut(&attempt) {
            vital.running -= 1;
        }
    }

    /// Forgets an attempt.
    pub(crate) fn attempt_ended(&self, attempt: AttemptId) {
        lock(&self.attempts).remove(&attempt);
    }

    /// Attempts whose children have been silent for longer than `limit`, each until it is ended.
    pub(crate) fn silent(&self, limit: Duration, now: Instant) -> Vec<AttemptId> {
        let mut silent = Vec::new();
        for (attempt, vital) in &mut *lock(&self.attempts) {
            let beats = vital.children.beats();
            if beats != vital.beats {
                (vital.beats, vital.since) = (beats, now);
            } else if vital.running > 0 && vital.ended_after.is_none() && vital.silence(now) > limit {
                silent.push(*attempt);
            }
        }
        silent
    }

    /// Ends the children of an attempt that has been silent.
    pub(crate) fn end(&self, attempt: AttemptId, now: Instant) {
        if let Some(vital) = lock(&self.attempts).get_mut(&attempt) {
            vital.ended_after = Some(vital.silence(now));
            vital.children.stop_part();
        }
    }

    /// How long the attempt had been silent when its children were ended for it.
    pub(super) fn ended_after(&self, attempt: AttemptId) -> Option<Duration> {
        lock(&self.attempts).get(&attempt)?.ended_after
    }
}

impl Vital {
    fn silence(&self, now: Instant) -> Duration {
        now.saturating_duration_since(self.since)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;

    const LIMIT: Duration = Duration::from_secs(10);

    fn attempt(attempt: u32) -> AttemptId {
        AttemptId { task: TaskId::map(0), attempt }
    }

    #[test]
    fn only_an_attempt_with_a_child_is_silent() {
        let vitals = Vitals::new(ChildGroups::default());
        let later = |seconds| Instant::now() + Duration::from_secs(seconds);
        let check = |seconds, expect: &[AttemptId]| assert_eq!(vitals.silent(LIMIT, later(seconds)), expect);
        let children = vitals.child_begins(attempt(0));
        let others = vitals.child_begins(attempt(1));
        vitals.child_ended(attempt(1));
        check(9, &[]);
        check(12, &[attempt(0)]);
        check(12, &[attempt(0)]);
        vitals.end(attempt(0), later(12));
        check(20, &[]);
        assert!(vitals.ended_after(attempt(0)).unwrap() > LIMIT);
        assert!(children.stopped() && !others.stopped());
        vitals.attempt_ended(attempt(0));
        assert_eq!(vitals.ended_after(attempt(0)), None);
    }

    #[test]
    fn a_job_that_stops_ends_the_children_of_all_attempts() {
        let groups = ChildGroups::default();
        let vitals = Vitals::new(groups.clone());
        let running = vitals.child_begins(attempt(0));
        groups.stop();
        assert!(running.stopped() && vitals.child_begins(attempt(1)).stopped());
        assert_eq!(vitals.ended_after(attempt(0)), None);
    }
}
