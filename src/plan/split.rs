//! What one map task reads.

use crate::codec::Codec;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// Into how many splits a compressed file is cut that no reader can begin in the middle of.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum StreamSplits {
    /// One, as in Hadoop: one mapper sees the whole file.
    #[default]
    Whole,
    /// So many, or one for each byte of a shorter file.
    Count(u32),
    /// As many as a plain file of its size would be cut into.
    BySize,
}

impl StreamSplits {
    /// The property that sets it.
    pub const PROPERTY: &str = "mrstream.input.compressed.splits";
}

/// A range of one file. Hadoop: `FileSplit`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSplit {
    /// The file, absolute.
    #[serde(with = "super::wire::path_bytes")]
    pub path: PathBuf,
    /// First byte of the range.
    pub start: u64,
    /// Length of the range in bytes; the reader may read past it to end its last record.
    pub length: u64,
    /// How the file is compressed, by its extension.
    pub codec: Option<Codec>,
    /// Length in bytes of a compressed file that is cut although no reader can begin in its middle, because the
    /// job asked for it (`mrstream.input.compressed.splits`); `None` for every other split.
    pub cut_stream_bytes: Option<u64>,
    /// What the file was when the job was planned; `None` for what is no regular file.
    pub stamp: Option<FileStamp>,
}

/// What tells a file from the same file after a change.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileStamp {
    /// Length in bytes, as stored.
    pub length: u64,
    /// When it was written to: seconds and nanoseconds since 1970.
    pub modified: (i64, i64),
    /// The numbers of the disk and of the file on it.
    pub identity: (u64, u64),
}

impl InputSplit {
    /// A range of a file that is not a cut stream.
    pub fn new(path: PathBuf, start: u64, length: u64, codec: Option<Codec>) -> Self {
        Self { path, start, length, codec, cut_stream_bytes: None, stamp: None }
    }
}

/// The input of one map task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapTask {
    /// One split, or several whole files that one task reads after another (`CombineFileSplit`).
    pub splits: Vec<InputSplit>,
}

impl MapTask {
    /// Sum of the split lengths in bytes: what tasks are ordered by.
    pub fn length(&self) -> u64 {
        self.splits.iter().map(|split| split.length).sum()
    }
}
