//! The shuffle: map output in, sorted records with their group boundaries out.
//!
//! ```text
//!  map attempt                                                    reduce attempt
//!  child's stdout ─> SortBuffer ──sort──> MemoryRun ─┐
//!                      │ full                        ├─> MapOutputs ─> Merge ─> records of one
//!                      └──sort──(combine)──> Spill ──┘   (by map,      (loser   partition, group
//!                                            on disk      then spill)   tree)    by group
//! ```
//!
//! A *run* is everything one sort made: all partitions, each in key order. It stays in memory as a
//! [`MemoryRun`](sort_buffer::MemoryRun) while the budget allows and is a [`Spill`](spill::Spill) on disk
//! otherwise. A *segment* is one partition of one run. Segments are merged in the order of their
//! [`RunRank`](run::RunRank), so records with equal keys come out by map task and then by emission,
//! whatever the slots, the memory and the timing were.
//!
//! This room starts no process and knows no plan but the parts of it that it is handed. Combining is a
//! trait, [`combine::Combine`], that the task room implements.

mod arena;
mod block_keys;
mod block_reader;
pub(crate) mod collector;
pub(crate) mod combine;
pub(crate) mod comparator;
pub(crate) mod cursor;
pub(crate) mod cut_points;
pub(crate) mod fold;
pub(crate) mod memory;
pub(crate) mod merge;
pub(crate) mod outputs;
pub(crate) mod partitioner;
pub(crate) mod passes;
pub(crate) mod ranges;
pub(crate) mod run;
pub mod sample;
pub(crate) mod shared_fold;
pub(crate) mod sort_buffer;
pub(crate) mod spill;
#[cfg(test)]
mod tests;

pub use cut_points::TooFewKeys;

use crate::error::IoError;
use crate::stop::Stopped;
use std::io;
use std::path::PathBuf;

/// Why map output could not be taken through to the reducers.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ShuffleError {
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The machine has no memory for a buffer.
    #[error("cannot get {bytes} bytes of memory for records; lower mrstream.memory.mb")]
    Memory {
        /// What was asked for.
        bytes: usize,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// A thread that sorts, merges or spills could not be started.
    #[error("cannot start a thread to {action}; {}", crate::error::THREAD_LIMITS)]
    Thread {
        /// What it was for.
        action: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// One record does not fit.
    #[error(
        "a record of at least {bytes} bytes is larger than the {limit} bytes that one record may have; \
         raise mrstream.memory.mb"
    )]
    RecordTooLarge {
        /// The record's bytes so far.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// A file of ours does not hold what was written.
    #[error("{}: at byte {offset}: {what}; the disk or something else changed it", path.display())]
    Corrupt {
        /// The spill.
        path: PathBuf,
        /// Where in it.
        offset: u64,
        /// What is wrong.
        what: &'static str,
    },
    /// The job is to end.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The combiner failed.
    #[error("the combiner failed")]
    Combine(#[source] Box<dyn std::error::Error + Send + Sync>),
}
