//! What an engine tells whoever watches a job.

use super::scheduler::Verdict;
use crate::counters::Counters;
use crate::ids::{AttemptId, TaskId};
use crate::task::{TaskError, TaskEvents};

/// How far a job is.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Snapshot {
    /// Map tasks of the job.
    pub maps: u32,
    /// Map tasks committed.
    pub maps_done: u32,
    /// Attempts running now.
    pub running: u32,
    /// Reduce tasks of the job.
    pub reduces: u32,
    /// Reduce tasks committed.
    pub reduces_done: u32,
    /// Bytes of input, as stored.
    pub bytes_total: u64,
    /// Bytes of input read.
    pub bytes_read: u64,
    /// Map output records so far; all of them once the maps are done.
    pub records_total: u64,
    /// Records given to reducers.
    pub records_reduced: u64,
}

impl Snapshot {
    /// Share of the map phase that is done, 0 to 1; 1 only when every task is committed.
    pub fn map_fraction(&self) -> f64 {
        fraction(self.maps_done == self.maps, self.bytes_read, self.bytes_total)
    }

    /// Share of the reduce phase that is done, 0 to 1.
    pub fn reduce_fraction(&self) -> f64 {
        let begun = self.maps_done == self.maps && self.reduces > 0;
        let done = if begun { self.records_reduced } else { 0 };
        fraction(begun && self.reduces_done == self.reduces, done, self.records_total)
    }
}

fn fraction(over: bool, done: u64, total: u64) -> f64 {
    if over {
        return 1.0;
    }
    (done as f64 / total.max(1) as f64).min(0.99)
}

/// Watches a job.
pub trait JobEvents: TaskEvents {
    /// Once, when the output folder is the job's own and its first task is about to begin. A signal in the answer
    /// stops the job as if it had come.
    fn begun(&self) -> Result<(), i32> {
        Ok(())
    }
    /// Once, if an earlier run of the job did so many of its map and reduce tasks.
    fn continued(&self, maps: u32, reduces: u32);
    /// Called a few times a second and after each task.
    fn progress(&self, snapshot: &Snapshot);
    /// Something the user should know though the job went on.
    fn notice(&self, _: &str) {}
    /// An attempt begins.
    fn attempt_started(&self, _: AttemptId) {}
    /// An attempt failed, of so many that its task may have.
    fn attempt_failed(&self, error: &TaskError, verdict: Verdict, attempts_max: u32);
    /// The output of these map tasks cannot be read any more. They are run again.
    fn map_output_lost(&self, maps: &[u32]);
    /// The job is about to be committed without these tasks.
    fn incomplete(&self, lacking: &[TaskId]);
    /// An attempt ended well.
    fn attempt_finished(&self, attempt: AttemptId);
    /// No task runs any more: the counters of the reduce tasks that were committed.
    fn reduces_counted(&self, _: &Counters) {}
    /// The job fails or is stopped: the counters of the tasks that were committed, and of the attempts that failed. Not
    /// called if it fails before its first task.
    fn failed_with(&self, _: &Counters) {}
}
