//! The counters of the tasks that are committed.

use crate::counters::{Counters, TaskCounter};
use crate::engine::done::Done;
use crate::ids::{TaskId, TaskKind};
use crate::plan::{JobPlan, wire};
use std::collections::BTreeMap;

/// Sums up counters. Those of a map task can be taken back while its output can still be lost.
pub(super) struct Tally {
    sum: Counters,
    /// Of reduce tasks alone; not in `sum`.
    reduces: Counters,
    /// Of map tasks, by number, encoded: a tenth of the size, for there may be many. `None` if nothing is taken back,
    /// because a lost task or who needs it could not be run again.
    maps: Option<BTreeMap<u32, Vec<u8>>>,
}

impl Tally {
    pub(super) fn new(plan: &JobPlan) -> Self {
        let heals = plan.reduces > 0 && plan.attempts.map_max > 1 && plan.attempts.reduce_max > 1;
        Self { sum: Counters::new(), reduces: Counters::new(), maps: heals.then(BTreeMap::new) }
    }

    /// Adds the counters of a task.
    pub(super) fn committed(&mut self, task: TaskId, counters: &Counters) {
        match (&mut self.maps, task.kind) {
            (_, TaskKind::Reduce) => self.reduces.merge(counters),
            (Some(maps), TaskKind::Map) => {
                maps.insert(task.number, wire::to_bytes(counters));
            }
            (None, TaskKind::Map) => self.sum.merge(counters),
        }
    }

    /// Adds what an earlier run of the job has done. Its failed attempts are known by how often tasks were tried.
    pub(super) fn restore(&mut self, plan: &JobPlan, done: &Done) {
        for (attempt, counters) in &done.tasks {
            self.committed(attempt.task, counters);
            self.failed(attempt.task.kind, attempt.attempt.into());
        }
        for task in &done.given_up {
            let tries = match task.kind {
                TaskKind::Map => plan.attempts.map_max,
                TaskKind::Reduce => plan.attempts.reduce_max,
            };
            self.failed(task.kind, tries.into());
        }
    }

    /// Counts failed attempts; a job that has none does not name the counter.
    pub(super) fn failed(&mut self, kind: TaskKind, attempts: u64) {
        if attempts == 0 {
            return;
        }
        self.sum.add_failed_attempts(kind, attempts);
    }

    /// Takes the counters of a map task back; its attempt failed after all. Hadoop: `JobImpl`, for map output that
    /// reducers could not fetch.
    pub(super) fn lost(&mut self, map: u32) {
        if let Some(maps) = &mut self.maps {
            maps.remove(&map);
        }
        self.failed(TaskKind::Map, 1);
    }

    /// Records that the map tasks have written.
    pub(super) fn map_output_records(&self) -> u64 {
        let maps: i64 = self.maps().map(|counters| counters.get(TaskCounter::MapOutputRecords)).sum();
        (maps + self.sum.get(TaskCounter::MapOutputRecords)) as u64
    }

    /// The sum of the reduce tasks.
    pub(super) fn reduces(&self) -> &Counters {
        &self.reduces
    }

    pub(super) fn into_counters(self) -> Counters {
        let mut sum = self.sum.clone();
        sum.merge(&self.reduces);
        self.maps().for_each(|counters| sum.merge(&counters));
        sum
    }

    fn maps(&self) -> impl Iterator<Item = Counters> {
        let encoded = self.maps.iter().flat_map(BTreeMap::values);
        encoded.map(|bytes| wire::from_bytes(bytes).expect("what was encoded here is whole"))
    }
}
