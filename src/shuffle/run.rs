//! A run, wherever it lies, and its place in the order of all runs.

use super::sort_buffer::MemoryRun;
use super::spill::Spill;

/// Where a run stands among the runs of a job: by map task, then by the order in which the task made it.
/// Merges break ties between equal keys by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunRank {
    pub(crate) map: u32,
    pub(crate) spill: u32,
}

/// Everything that one sort made.
#[derive(Debug)]
pub(crate) enum Run {
    Memory(MemoryRun),
    Disk(Spill),
}
