//! Sequence files: files of serialised keys and values. Hadoop: `SequenceFile`.
//!
//! ```text
//! header   "SEQ" version | key class | value class | compressed? | blocks? | [codec class]
//!          | metadata count, names and values | sync marker of 16 bytes
//! records  [-1 | marker]   record length | key length | key | value, compressed alone in RECORD files
//! blocks   -1 | marker | count | key lengths | keys | value lengths | values, each compressed
//! ```
//!
//! Lengths are four bytes, big-endian, except in blocks and names, where they are variable-length integers.
//! The marker, random to the file, comes again every [`SYNC_INTERVAL_BYTES`] so that a reader can start
//! anywhere. [`SequenceReader`] and [`SequenceWriter`] pass serialised bytes; what the bytes mean is
//! [`WritableKind`](crate::writable::WritableKind)'s part, and which records belong to a split the input's.

mod header;
mod reader;
mod writer;

pub use header::{Header, Metadata};
pub use reader::SequenceReader;
pub use writer::{BLOCK_BYTES, SequenceSpec, SequenceWriter, sync_marker};

use std::io;

/// The first bytes of every sequence file; a version byte follows.
pub const MAGIC: &[u8; 3] = b"SEQ";

/// Bytes of the marker that separates runs of records.
const MARKER_BYTES: usize = 16;

/// The "record length" in front of a marker.
const MARKER_ESCAPE: i32 = -1;

/// Escape and marker in bytes.
const SYNC_BYTES: u64 = 4 + MARKER_BYTES as u64;

/// How far apart markers are, and the least split of `SequenceFileInputFormat`, in bytes.
/// Hadoop: `SequenceFile.SYNC_INTERVAL`.
pub const SYNC_INTERVAL_BYTES: u64 = 5 * 1_024 * SYNC_BYTES;

/// The longest record, in bytes: Java's arrays hold no more.
const RECORD_BYTES_MAX: usize = i32::MAX as usize;

/// What of a sequence file is compressed. Hadoop: `SequenceFile.CompressionType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compression {
    /// Nothing.
    None,
    /// Each value by itself.
    Record,
    /// Many keys and many values together.
    Block,
}

/// A sequence file that cannot be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SequenceFileError {
    /// The operating system refused.
    #[error("cannot read at byte {offset}")]
    Read {
        /// Where, from the file's start.
        offset: u64,
        /// What the operating system said.
        source: io::Error,
    },
    /// The bytes are no sequence file.
    #[error("at byte {offset}: {what}")]
    Malformed {
        /// Where the header field, record or block starts, from the file's start.
        offset: u64,
        /// What was found and what was expected.
        what: String,
    },
    /// A record, or a block of them, does not fit into memory.
    #[error("at byte {offset}: {bytes} bytes or more, and a record or a block may have {limit}")]
    TooLarge {
        /// Where it starts, from the file's start.
        offset: u64,
        /// Its bytes, or those of one of its parts, as stored or more.
        bytes: usize,
        /// What it may have.
        limit: usize,
    },
}

impl SequenceFileError {
    fn malformed(offset: u64, what: impl Into<String>) -> Self {
        Self::Malformed { offset, what: what.into() }
    }
}

#[cfg(test)]
mod tests;
