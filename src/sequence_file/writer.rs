//! Writing a sequence file.

use super::{Compression, Header, MARKER_BYTES, MARKER_ESCAPE, SYNC_BYTES, SYNC_INTERVAL_BYTES};
use crate::codec::Codec;
use crate::record::RecordRef;
use crate::writable::write_vint;
use std::io::{self, BufWriter, Write};

/// Default of [`SequenceSpec::block_bytes`] (`io.seqfile.compress.blocksize`).
pub const BLOCK_BYTES: usize = 1_000_000;

/// Bytes handed to the file at a time.
const BUFFER_BYTES: usize = 64 * 1_024;

/// What a sequence file is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SequenceSpec {
    /// Full Java name of the keys' class.
    pub key_class: String,
    /// Full Java name of the values' class.
    pub value_class: String,
    /// What is compressed.
    pub compression: Compression,
    /// What it is compressed with, if anything is.
    pub codec: Codec,
    /// A block is written when its keys and values reach this many bytes; usually [`BLOCK_BYTES`].
    pub block_bytes: usize,
    /// The file's sync marker, see [`sync_marker`].
    pub marker: [u8; MARKER_BYTES],
}

/// A sync marker made from a seed that other files do not have. Hadoop's is random; this one makes two runs of a job
/// write the same bytes.
pub fn sync_marker(seed: &[u8]) -> [u8; MARKER_BYTES] {
    xxhash_rust::xxh3::xxh3_128(seed).to_be_bytes()
}

/// Writes serialised records. Hadoop: `SequenceFile.Writer` and its two subclasses.
pub struct SequenceWriter<W: Write> {
    out: BufWriter<W>,
    spec: SequenceSpec,
    /// Bytes written so far.
    position: u64,
    /// Position behind the last marker; the header's does not count.
    sync_position: u64,
    /// The record or part being put together.
    scratch: Vec<u8>,
    block: Block,
}

/// The records of a block not yet written.
#[derive(Default)]
struct Block {
    records: i32,
    key_lengths: Vec<u8>,
    keys: Vec<u8>,
    value_lengths: Vec<u8>,
    values: Vec<u8>,
}

impl<W: Write> SequenceWriter<W> {
    /// Writes the header to `out`.
    ///
    /// # Errors
    /// `out` failed.
    pub fn new(out: W, spec: SequenceSpec) -> io::Result<Self> {
        let header = Header {
            key_class: spec.key_class.clone(),
            value_class: spec.value_class.clone(),
            compression: spec.compression,
            codec: spec.codec,
            metadata: Vec::new(),
            marker: spec.marker,
        };
        let mut scratch = Vec::new();
        header.write(&mut scratch);
        let mut writer = Self {
            out: BufWriter::with_capacity(BUFFER_BYTES, out),
            spec,
            position: 0,
            sync_position: 0,
            scratch: Vec::new(),
            block: Block::default(),
        };
        writer.put(&scratch)?;
        Ok(writer)
    }

    /// Bytes written so far: where the next record starts, or the block it will be in.
    pub fn position(&self) -> u64 {
        self.position
    }

    /// Adds a record of serialised bytes.
    ///
    /// # Errors
    /// The file failed, or the record is longer than 2 GiB ([`io::ErrorKind::InvalidInput`]).
    pub fn append(&mut self, record: RecordRef<'_>) -> io::Result<()> {
        match self.spec.compression {
            Compression::None => self.append_alone(record),
            Compression::Record => {
                let mut value = std::mem::take(&mut self.scratch);
                value.clear();
                compress(self.spec.codec, record.value, &mut value)?;
                self.append_alone(RecordRef { key: record.key, value: &value })?;
                self.scratch = value;
                Ok(())
            }
            Compression::Block => self.append_to_block(record),
        }
    }

    /// Writes what is held back and flushes; returns the file's length in bytes.
    ///
    /// # Errors
    /// The file failed.
    pub fn finish(mut self) -> io::Result<u64> {
        self.write_block()?;
        self.out.flush()?;
        Ok(self.position)
    }

    fn append_alone(&mut self, record: RecordRef<'_>) -> io::Result<()> {
        let length = record_length(record)?;
        if self.position >= self.sync_position + SYNC_INTERVAL_BYTES {
            self.write_sync()?;
        }
        self.put(&length.to_be_bytes())?;
        self.put(&(record.key.len() as u32).to_be_bytes())?;
        self.put(record.key)?;
        self.put(record.value)
    }

    fn append_to_block(&mut self, record: RecordRef<'_>) -> io::Result<()> {
        record_length(record)?;
        let block = &mut self.block;
        write_vint(record.key.len() as i32, &mut block.key_lengths);
        block.keys.extend_from_slice(record.key);
        write_vint(record.value.len() as i32, &mut block.value_lengths);
        block.values.extend_from_slice(record.value);
        block.records += 1;
        if block.keys.len() + block.values.len() >= self.spec.block_bytes {
            self.write_block()?;
        }
        Ok(())
    }

    fn write_block(&mut self) -> io::Result<()> {
        if self.block.records == 0 {
            return Ok(());
        }
        self.write_sync()?;
        let mut block = std::mem::take(&mut self.block);
        let mut part = Vec::new();
        write_vint(block.records, &mut part);
        self.put(&part)?;
        for bytes in [&block.key_lengths, &block.keys, &block.value_lengths, &block.values] {
            self.scratch.clear();
            compress(self.spec.codec, bytes, &mut self.scratch)?;
            part.clear();
            write_vint(self.scratch.len() as i32, &mut part);
            part.append(&mut self.scratch);
            self.put(&part)?;
        }
        block.clear();
        self.block = block;
        Ok(())
    }

    fn write_sync(&mut self) -> io::Result<()> {
        let mut sync = [0; SYNC_BYTES as usize];
        sync[..4].copy_from_slice(&MARKER_ESCAPE.to_be_bytes());
        sync[4..].copy_from_slice(&self.spec.marker);
        self.put(&sync)?;
        self.sync_position = self.position;
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.position += bytes.len() as u64;
        self.out.write_all(bytes)
    }
}

impl Block {
    /// Empties the block and keeps its memory.
    fn clear(&mut self) {
        self.records = 0;
        for part in [&mut self.key_lengths, &mut self.keys, &mut self.value_lengths, &mut self.values] {
            part.clear();
        }
    }
}

/// Length of key and value together, which Java's numbers must hold.
fn record_length(record: RecordRef<'_>) -> io::Result<i32> {
    let length = record.key.len() + record.value.len();
    i32::try_from(length).map_err(|_| {
        let what = format!("a record of {length} bytes, a sequence file takes {}", i32::MAX);
        io::Error::new(io::ErrorKind::InvalidInput, what)
    })
}

/// Appends `bytes`, compressed.
fn compress(codec: Codec, bytes: &[u8], out: &mut Vec<u8>) -> io::Result<()> {
    let mut encoder = codec.encoder(Box::new(out))?;
    encoder.write_all(bytes)?;
    encoder.finish()
}
