//! A run, wherever it lies, and its place in the order of all runs.

use super::sort_buffer::MemoryRun;
use super::spill::Spill;

/// Where a run stands among the runs of a job: by map task, then by the order in which the task made it.
/// Merges break ties between equal keys by it; folded runs come last, for among them values decide.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct RunRank {
    pub(crate) folded: bool,
    pub(crate) map: u32,
    pub(crate) spill: u32,
}

/// Everything that one sort made.
#[derive(Debug)]
pub(crate) enum Run {
    Memory(MemoryRun),
    Disk(Spill),
}

impl Run {
    /// Whether its records are folded, and by value where keys are equal.
    pub(crate) fn is_folded(&self) -> bool {
        match self {
            Self::Memory(run) => run.is_folded(),
            Self::Disk(spill) => spill.is_folded(),
        }
    }
}
