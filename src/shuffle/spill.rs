//! Runs on disk: one file per spill, its segments one after another, their index at the end.
//!
//! ```text
//!   block*                    of partition 0, then of partition 1, ...
//!   index                     per partition: offset u64, length u64, records u64
//!   footer                    index offset u64, partitions u32, version u16, folded u16, checksum u64 of index and
//!                             footer, magic
//!
//!   block = length u32, checksum u64, record*
//!   record = twice the key length, and one more if copies follow, varint; value length varint;
//!            copies varint, else there is one; key; value
//! ```
//!
//! Numbers are little-endian. A block holds whole records of one partition, and its checksum (xxh3)
//! guards every byte that is read back. A record longer than a block is one alone, and goes from where it lies to
//! the file. Files are private to the job, so there is one version at a time.

use super::ShuffleError;
use crate::error::{At, IoError};
use crate::fs::{File, OpenOptions};
use crate::local_fs::KeptOpen;
use crate::record::RecordRef;
use crate::stop::StopFlag;
use serde::{Deserialize, Serialize};
use std::io::{self, Write};
use std::ops::Deref;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use xxhash_rust::xxh3::{Xxh3, xxh3_64};

const MAGIC: &[u8; 8] = b"mrspill\n";
const VERSION: u16 = 3;
/// Bytes before a block's records.
pub(super) const BLOCK_HEADER_BYTES: usize = 12;
const INDEX_ENTRY_BYTES: u64 = 24;
const FOOTER_BYTES: u64 = 32;
const VARINT_BYTES_MAX: usize = 10;

/// A block of so many bytes is large: its memory is not kept for the next one.
const LARGE_BLOCK_BYTES: usize = 1 << 20;

/// Where one partition lies in a spill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentSpan {
    /// First byte of its first block.
    pub(crate) offset: u64,
    /// Bytes of its blocks, headers included; 0 when it has no records.
    pub(crate) length: u64,
    /// Records in it.
    pub(crate) records: u64,
}

/// Writes one spill. Records must come by partition.
#[derive(Debug)]
pub(crate) struct SpillWriter {
    file: File,
    path: PathBuf,
    block: Vec<u8>,
    block_records: u64,
    block_bytes: usize,
    written: u64,
    spans: Vec<SegmentSpan>,
    folded: bool,
    stop: StopFlag,
}

impl SpillWriter {
    /// Creates the file, readable by its owner only. `block_bytes` is the size blocks are closed at.
    pub(crate) fn create(path: PathBuf, block_bytes: u64) -> Result<Self, IoError> {
        let file = OpenOptions::new()
            .write(true)
            .read(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .at("create spill", &path)?;
        let block_bytes = block_bytes as usize;
        let block = Vec::with_capacity(block_bytes + BLOCK_HEADER_BYTES);
        Ok(Self {
            file,
            path,
            block,
            block_records: 0,
            block_bytes,
            written: 0,
            spans: Vec::new(),
            folded: false,
            stop: StopFlag::default(),
        })
    }

    /// Writes no more once `stop` is set: a merge may have hours to go.
    #[must_use]
    pub(crate) fn heeding(mut self, stop: &StopFlag) -> Self {
        self.stop = stop.clone();
        self
    }

    /// Says whether its records are folded, which they all are or none is.
    pub(crate) fn mark(&mut self, folded: bool) {
        self.folded = folded;
    }

    /// Adds a record that is there so many times.
    pub(crate) fn write(
        &mut self,
        partition: u32,
        record: RecordRef<'_>,
        copies: u64,
    ) -> Result<(), ShuffleError> {
        if self.spans.len() != partition as usize + 1 {
            self.turn_to(partition)?;
        }
        if record.key.len() + record.value.len() > self.block_bytes {
            return self.write_alone(record, copies);
        }
        if self.block.is_empty() {
            self.block.resize(BLOCK_HEADER_BYTES, 0);
        }
        push_lengths(&mut self.block, record, copies);
        self.block.extend_from_slice(record.key);
        self.block.extend_from_slice(record.value);
        self.block_records += copies;
        if self.block.len() >= self.block_bytes {
            self.flush_block()?;
        }
        Ok(())
    }

    /// Writes a block of one record without copying it.
    fn write_alone(&mut self, record: RecordRef<'_>, copies: u64) -> Result<(), ShuffleError> {
        self.flush_block()?;
        let mut lengths = Vec::with_capacity(BLOCK_HEADER_BYTES + 3 * VARINT_BYTES_MAX);
        push_lengths(&mut lengths, record, copies);
        let parts = [&lengths, record.key, record.value];
        let mut checksum = Xxh3::new();
        for part in parts {
            checksum.update(part);
        }
        let body_bytes = parts.iter().map(|part| part.len() as u64).sum();
        let header = block_header(body_bytes, checksum.digest())?;
        for part in [&header[..]].iter().chain(&parts) {
            self.file.write_all(part).at("write spill", &self.path)?;
        }
        self.count_block(BLOCK_HEADER_BYTES as u64 + body_bytes, copies);
        Ok(())
    }

    fn turn_to(&mut self, partition: u32) -> Result<(), ShuffleError> {
        assert!(self.spans.len() <= partition as usize, "records must come by partition");
        self.flush_block()?;
        let empty = SegmentSpan { offset: self.written, ..SegmentSpan::default() };
        self.spans.resize(partition as usize + 1, empty);
        Ok(())
    }

    fn flush_block(&mut self) -> Result<(), ShuffleError> {
        self.stop.check()?;
        if self.block_records == 0 {
            return Ok(());
        }
        let body = &self.block[BLOCK_HEADER_BYTES..];
        let header = block_header(body.len() as u64, xxh3_64(body))?;
        self.block[..BLOCK_HEADER_BYTES].copy_from_slice(&header);
        self.file.write_all(&self.block).at("write spill", &self.path)?;
        self.count_block(self.block.len() as u64, self.block_records);
        self.block.clear();
        self.block_records = 0;
        Ok(())
    }

    fn count_block(&mut self, bytes: u64, records: u64) {
        let span = self.spans.last_mut().expect("a block has a partition");
        span.length += bytes;
        span.records += records;
        self.written += bytes;
    }

    /// Writes index and footer and gives the spill out for reading. A writer dropped without it leaves a
    /// file without a footer, which no reader accepts.
    pub(crate) fn finish(mut self, partitions: u32) -> Result<Spill, ShuffleError> {
        self.flush_block()?;
        assert!(self.spans.len() <= partitions as usize, "no records beyond the last partition");
        let empty = SegmentSpan { offset: self.written, ..SegmentSpan::default() };
        self.spans.resize(partitions as usize, empty);
        let mut tail = Vec::with_capacity(self.spans.len() * INDEX_ENTRY_BYTES as usize);
        for span in &self.spans {
            for number in [span.offset, span.length, span.records] {
                tail.extend_from_slice(&number.to_le_bytes());
            }
        }
        tail.extend_from_slice(&self.written.to_le_bytes());
        tail.extend_from_slice(&partitions.to_le_bytes());
        tail.extend_from_slice(&VERSION.to_le_bytes());
        tail.extend_from_slice(&u16::from(self.folded).to_le_bytes());
        tail.extend_from_slice(&xxh3_64(&tail).to_le_bytes());
        tail.extend_from_slice(MAGIC);
        self.file.write_all(&tail).at("write spill", &self.path)?;
        // Not synced: a spill does not outlive the job, and a crash of the machine ends the job.
        let records = self.spans.iter().map(|span| span.records).sum();
        let bytes = self.written + tail.len() as u64;
        let Self { file, path, written: index_at, folded, .. } = self;
        Ok(Spill { kept: KeptOpen::new(file), path, index_at, partitions, records, bytes, folded })
    }
}

/// A finished spill. Whoever reads it opens the file, for there may be any number of them; the first ones stay open,
/// which saves that. The file goes with it when it lies in a scratch folder.
#[derive(Debug)]
pub(crate) struct Spill {
    kept: Option<KeptOpen>,
    path: PathBuf,
    index_at: u64,
    partitions: u32,
    records: u64,
    bytes: u64,
    folded: bool,
}

impl Spill {
    /// Opens a spill that another process wrote.
    pub(crate) fn open(path: PathBuf) -> Result<Self, ShuffleError> {
        let file = File::open(&path).at("open spill", &path)?;
        let bytes = file.metadata().at("look at spill", &path)?.len();
        let corrupt = |offset, what| ShuffleError::Corrupt { path: path.clone(), offset, what };
        let footer_at = bytes.checked_sub(FOOTER_BYTES).ok_or_else(|| corrupt(0, "no room for a footer"))?;
        let mut footer = [0; FOOTER_BYTES as usize];
        file.read_exact_at(&mut footer, footer_at).at("read spill", &path)?;
        let (version, folded) = (le_u16(&footer[12..]), le_u16(&footer[14..]));
        if footer[24..] != *MAGIC || version != VERSION || folded > 1 {
            return Err(corrupt(footer_at, "no footer of this version"));
        }
        let (index_at, partitions) = (le_u64(&footer), le_u32(&footer[8..]));
        if index_at.checked_add(u64::from(partitions) * INDEX_ENTRY_BYTES) != Some(footer_at) {
            return Err(corrupt(footer_at, "the index has the wrong size"));
        }
        let mut index = vec![0; (footer_at - index_at) as usize];
        file.read_exact_at(&mut index, index_at).at("read spill", &path)?;
        index.extend_from_slice(&footer[..16]);
        if xxh3_64(&index) != le_u64(&footer[16..]) {
            return Err(corrupt(index_at, "the index does not match its checksum"));
        }
        index.truncate((footer_at - index_at) as usize);
        let records = index.chunks_exact(INDEX_ENTRY_BYTES as usize).map(|entry| le_u64(&entry[16..])).sum();
        Ok(Self {
            kept: KeptOpen::new(file),
            path,
            index_at,
            partitions,
            records,
            bytes,
            folded: folded == 1,
        })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Records of all partitions.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Whether its records are folded, and by value where keys are equal.
    pub(crate) fn is_folded(&self) -> bool {
        self.folded
    }

    /// Size of the file.
    pub(crate) fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Where `partition` lies. Read from the file each time: the indexes of many spills of many partitions
    /// would outgrow the budget.
    pub(crate) fn span(&self, partition: u32) -> Result<SegmentSpan, ShuffleError> {
        debug_assert!(partition < self.partitions);
        let mut entry = [0; INDEX_ENTRY_BYTES as usize];
        let at = self.index_at + u64::from(partition) * INDEX_ENTRY_BYTES;
        self.file()?.read_exact_at(&mut entry, at).at("read spill", &self.path)?;
        Ok(SegmentSpan { offset: le_u64(&entry), length: le_u64(&entry[8..]), records: le_u64(&entry[16..]) })
    }

    /// The file, opened unless it is open already.
    pub(super) fn file(&self) -> Result<OpenSpill<'_>, IoError> {
        match &self.kept {
            Some(kept) => Ok(OpenSpill::Kept(kept)),
            None => Ok(OpenSpill::Own(File::open(&self.path).at("open spill", &self.path)?)),
        }
    }

    /// Reads the block at `offset` of the opened file into `block` and returns the offset after it.
    pub(super) fn read_block(
        &self,
        file: &File,
        offset: u64,
        block: &mut Vec<u8>,
    ) -> Result<u64, ShuffleError> {
        let mut header = [0; BLOCK_HEADER_BYTES];
        file.read_exact_at(&mut header, offset).at("read spill", &self.path)?;
        let length = le_u32(&header) as usize;
        let end = offset + (BLOCK_HEADER_BYTES + length) as u64;
        if end > self.index_at {
            return Err(self.corrupt(offset, "a block reaches into the index"));
        }
        if block.capacity() > LARGE_BLOCK_BYTES && length < block.capacity() / 2 {
            *block = Vec::new();
        }
        if let Some(more) = length.checked_sub(block.len()).filter(|more| *more > LARGE_BLOCK_BYTES) {
            let refused = |error| ShuffleError::Memory { bytes: length, source: io::Error::other(error) };
            block.try_reserve_exact(more).map_err(refused)?;
        }
        block.resize(length, 0); // not cleared first: what is left of the last block is overwritten
        file.read_exact_at(block, offset + BLOCK_HEADER_BYTES as u64).at("read spill", &self.path)?;
        if xxh3_64(block) != le_u64(&header[4..]) {
            return Err(self.corrupt(offset, "a block does not match its checksum"));
        }
        Ok(end)
    }

    pub(super) fn corrupt(&self, offset: u64, what: &'static str) -> ShuffleError {
        ShuffleError::Corrupt { path: self.path.clone(), offset, what }
    }
}

/// The file of a spill while it is read.
#[derive(Debug)]
pub(super) enum OpenSpill<'a> {
    Kept(&'a KeptOpen),
    Own(File),
}

impl Deref for OpenSpill<'_> {
    type Target = File;

    fn deref(&self) -> &File {
        match self {
            Self::Kept(kept) => kept.file(),
            Self::Own(file) => file,
        }
    }
}

fn le_u64(bytes: &[u8]) -> u64 {
    u64::from_le_bytes(bytes[..8].try_into().expect("eight bytes"))
}

fn le_u16(bytes: &[u8]) -> u16 {
    u16::from_le_bytes(bytes[..2].try_into().expect("two bytes"))
}

fn le_u32(bytes: &[u8]) -> u32 {
    u32::from_le_bytes(bytes[..4].try_into().expect("four bytes"))
}

fn block_header(body_bytes: u64, checksum: u64) -> Result<[u8; BLOCK_HEADER_BYTES], ShuffleError> {
    let limit = u64::from(u32::MAX);
    let length =
        u32::try_from(body_bytes).map_err(|_| ShuffleError::RecordTooLarge { bytes: body_bytes, limit })?;
    let mut header = [0; BLOCK_HEADER_BYTES];
    header[..4].copy_from_slice(&length.to_le_bytes());
    header[4..].copy_from_slice(&checksum.to_le_bytes());
    Ok(header)
}

/// What stands before the bytes of a record.
fn push_lengths(out: &mut Vec<u8>, record: RecordRef<'_>, copies: u64) {
    push_varint(out, (record.key.len() as u64) << 1 | u64::from(copies != 1));
    push_varint(out, record.value.len() as u64);
    if copies != 1 {
        push_varint(out, copies);
    }
}

fn push_varint(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reads a varint at `*at` and moves past it; `None` when the bytes end first.
pub(super) fn read_varint(bytes: &[u8], at: &mut usize) -> Option<usize> {
    let mut number = 0u64;
    for shift in (0..64).step_by(7) {
        let byte = *bytes.get(*at)?;
        *at += 1;
        number |= u64::from(byte & 0x7f) << shift;
        if byte < 0x80 {
            return usize::try_from(number).ok();
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spill_of(dir: &Path, records: &[(u32, &str, &str)], partitions: u32) -> Spill {
        let mut writer = SpillWriter::create(dir.join("spill"), 32).unwrap();
        for (partition, key, value) in records {
            writer.write(*partition, RecordRef { key: key.as_bytes(), value: value.as_bytes() }, 1).unwrap();
        }
        writer.finish(partitions).unwrap()
    }

    #[test]
    fn spans_tile_the_file_and_empty_partitions_are_empty() {
        let dir = tempfile::tempdir().unwrap();
        let written = spill_of(dir.path(), &[(1, "a", "1"), (1, "b", &"x".repeat(100)), (3, "c", "")], 5);
        let read = Spill::open(written.path().to_path_buf()).unwrap();
        let mut at = 0;
        for (partition, records) in [0, 2, 0, 1, 0].into_iter().enumerate() {
            let span = read.span(partition as u32).unwrap();
            assert_eq!((span.offset, span.records), (at, records), "partition {partition}");
            at += span.length;
        }
        assert_eq!((read.records(), at), (3, read.index_at));
        assert_eq!(read.bytes(), written.bytes());
    }

    #[test]
    fn a_long_record_is_a_block_alone() {
        let dir = tempfile::tempdir().unwrap();
        let long = "v".repeat(33);
        let records = [(0, "a", "1"), (0, "b", &long), (0, "c", "2"), (1, &long, ""), (1, "d", "3")];
        let spill = spill_of(dir.path(), &records, 2);
        let check = |partition: u32, expect: &[usize]| {
            let span = spill.span(partition).unwrap();
            let (mut at, mut block, mut lengths) = (span.offset, Vec::new(), Vec::new());
            while at < span.offset + span.length {
                at = spill.read_block(&spill.file().unwrap(), at, &mut block).unwrap();
                lengths.push(block.len());
            }
            assert_eq!(lengths, expect, "partition {partition}");
        };
        check(0, &[4, 36, 4]);
        check(1, &[35, 4]);
    }

    #[test]
    fn every_flipped_bit_is_seen() {
        let dir = tempfile::tempdir().unwrap();
        let long = "v".repeat(40);
        let spill = spill_of(dir.path(), &[(0, "key", "value"), (1, "k", "v"), (1, "l", &long)], 2);
        let good = std::fs::read(spill.path()).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let path = dir.path().join("bad");
            std::fs::write(&path, &bad).unwrap();
            let outcome = Spill::open(path).and_then(|spill| {
                let mut block = Vec::new();
                (0..2).try_for_each(|partition| {
                    let span = spill.span(partition)?;
                    let mut at = span.offset;
                    while at < span.offset + span.length {
                        at = spill.read_block(&*spill.file()?, at, &mut block)?;
                    }
                    Ok(())
                })
            });
            assert!(outcome.is_err(), "bit {bit} flipped unseen");
        }
    }

    #[test]
    fn a_file_cut_short_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let spill = spill_of(dir.path(), &[(0, "key", "value")], 1);
        let good = std::fs::read(spill.path()).unwrap();
        for length in 0..good.len() {
            let path = dir.path().join("short");
            std::fs::write(&path, &good[..length]).unwrap();
            assert!(Spill::open(path).is_err(), "{length} bytes accepted");
        }
    }
}
