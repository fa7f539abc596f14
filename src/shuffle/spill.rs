//! Runs on disk: one file per spill, its segments one after another, their index at the end.
//!
//! ```text
//!   segment*                  of partition 0, then of partition 1, ...
//!   index                     per partition: six u64, the fields of a SegmentSpan and their checksum
//!   footer                    index offset u64, partitions u32, version u16, folded u16, checksum u64 of index and
//!                             footer, magic
//!
//!   segment = block*, keys    the keys that blocks begin with, see block_keys.rs
//!   block = length u32, checksum u64, record*
//!   record = twice the key length, and one more if copies follow, varint; value length varint;
//!            copies varint, else there is one; key; value
//! ```
//!
//! Numbers are little-endian. A block holds whole records of one partition, and its checksum (xxh3)
//! guards every byte that is read back. A record longer than a block is one alone, and goes from where it lies to
//! the file. Files are private to the job, so there is one version at a time.

use super::ShuffleError;
use super::block_keys::{BlockKeys, BlockKeysWriter};
use super::block_reader::BlockReader;
use super::comparator::Order;
use crate::checksum::{self, Checksum};
use crate::error::{At, IoError};
use crate::fs::File;
use crate::local_fs::{KeptOpen, Place, ScratchFile};
use crate::page_cache::{self, PAGE_BYTES};
use crate::record::RecordRef;
use crate::stop::StopFlag;
use serde::{Deserialize, Serialize};
use std::ops::{Deref, Range};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};

const MAGIC: &[u8; 8] = b"mrspill\n";
const VERSION: u16 = 5;
/// Bytes before a block's records.
pub(super) const BLOCK_HEADER_BYTES: usize = 12;
const INDEX_ENTRY_BYTES: u64 = 48;
const FOOTER_BYTES: u64 = 32;
/// What is read at once of a spill that is only looked at.
const CHECK_READ_BYTES: u64 = 1 << 20;
/// Blocks that are written at once.
const WRITE_BLOCKS: usize = 16;

/// Where one partition lies in a spill.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct SegmentSpan {
    /// First byte of its first block.
    pub(crate) offset: u64,
    /// Bytes of its blocks, headers included; 0 when it has no records.
    pub(crate) length: u64,
    /// Records in it.
    pub(crate) records: u64,
    /// Records in it, without their copies.
    pub(crate) entries: u64,
    /// Bytes of its keys, which stand behind its blocks.
    pub(crate) keys_bytes: u64,
}

impl SegmentSpan {
    /// Its blocks, as places in the file.
    pub(super) fn blocks(&self) -> Range<u64> {
        self.offset..self.offset + self.length
    }

    fn encode(&self) -> [u8; INDEX_ENTRY_BYTES as usize] {
        let numbers = [self.offset, self.length, self.records, self.entries, self.keys_bytes];
        let mut entry = [0; INDEX_ENTRY_BYTES as usize];
        let (fields, checksum) = entry.split_at_mut(8 * numbers.len());
        for (field, number) in fields.chunks_exact_mut(8).zip(numbers) {
            field.copy_from_slice(&number.to_le_bytes());
        }
        checksum.copy_from_slice(&checksum::of(fields).to_le_bytes());
        entry
    }

    /// `None` if the checksum is another, or the segment does not end before the index. A length with a flipped bit
    /// would lose records, or take in those of the next partition.
    fn decode(entry: &[u8], index_at: u64) -> Option<Self> {
        let (fields, checksum) = entry.split_at(entry.len() - 8);
        let [offset, length, records, entries, keys_bytes] =
            std::array::from_fn(|number| le_u64(&fields[8 * number..]));
        let end = offset.checked_add(length)?.checked_add(keys_bytes)?;
        let is_sound = checksum::of(fields) == le_u64(checksum) && end <= index_at;
        is_sound.then_some(Self { offset, length, records, entries, keys_bytes })
    }
}

/// Writes one spill. Records must come by partition.
#[derive(Debug)]
pub(crate) struct SpillWriter {
    file: ScratchFile,
    /// Whole blocks that are still to be written, and the one that is being filled.
    buffer: Vec<u8>,
    /// Begin of the latter.
    block: usize,
    block_bytes: usize,
    /// Bytes given to the file.
    written: u64,
    spans: Vec<SegmentSpan>,
    keys: BlockKeysWriter,
    folded: bool,
    stop: StopFlag,
}

impl SpillWriter {
    /// Creates the file, readable by its owner only. `block_bytes` is the size blocks are closed at.
    pub(crate) fn create(place: impl Into<Place>, block_bytes: u64) -> Result<Self, IoError> {
        let file = ScratchFile::create(place)?;
        let block_bytes = block_bytes as usize;
        let buffer = Vec::with_capacity((WRITE_BLOCKS + 1) * block_bytes);
        let (spans, keys, stop) = (Vec::new(), BlockKeysWriter::new(), StopFlag::default());
        Ok(Self { file, buffer, block: 0, block_bytes, written: 0, spans, keys, folded: false, stop })
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
        let is_long = record.key.len() + record.value.len() > self.block_bytes;
        if is_long {
            self.end_block()?;
        }
        if self.buffer.len() == self.block {
            self.buffer.resize(self.block + BLOCK_HEADER_BYTES, 0);
            let span = self.spans.last().expect("a block has a partition");
            self.keys.add(self.position() - span.offset, record.key);
        }
        push_lengths(&mut self.buffer, record, copies);
        let span = self.spans.last_mut().expect("a record has a partition");
        span.records += copies;
        span.entries += 1;
        if is_long {
            return self.write_alone(record);
        }
        self.buffer.extend_from_slice(record.key);
        self.buffer.extend_from_slice(record.value);
        if self.buffer.len() - self.block >= self.block_bytes {
            self.end_block()?;
        }
        Ok(())
    }

    /// Ends the block, which holds the lengths of one record, with that record, without copying it.
    fn write_alone(&mut self, record: RecordRef<'_>) -> Result<(), ShuffleError> {
        let parts = [&self.buffer[self.block + BLOCK_HEADER_BYTES..], record.key, record.value];
        let mut checksum = Checksum::new();
        for part in parts {
            checksum.update(part);
        }
        let body_bytes = parts.iter().map(|part| part.len() as u64).sum();
        let header = block_header(body_bytes, checksum.digest())?;
        self.buffer[self.block..][..BLOCK_HEADER_BYTES].copy_from_slice(&header);
        self.flush()?;
        self.file.append([record.key, record.value])?;
        self.written += (record.key.len() + record.value.len()) as u64;
        Ok(())
    }

    /// Where in the file the current block begins.
    fn position(&self) -> u64 {
        self.written + self.block as u64
    }

    fn turn_to(&mut self, partition: u32) -> Result<(), ShuffleError> {
        assert!(self.spans.len() <= partition as usize, "records must come by partition");
        self.end_segment()?;
        let empty = SegmentSpan { offset: self.position(), ..SegmentSpan::default() };
        self.spans.resize(partition as usize + 1, empty);
        Ok(())
    }

    fn end_block(&mut self) -> Result<(), ShuffleError> {
        self.stop.check()?;
        if self.buffer.len() == self.block {
            return Ok(());
        }
        let body = &self.buffer[self.block + BLOCK_HEADER_BYTES..];
        let header = block_header(body.len() as u64, checksum::of(body))?;
        self.buffer[self.block..][..BLOCK_HEADER_BYTES].copy_from_slice(&header);
        self.block = self.buffer.len();
        if self.block >= WRITE_BLOCKS * self.block_bytes {
            self.flush_pages()?;
        }
        Ok(())
    }

    fn end_segment(&mut self) -> Result<(), ShuffleError> {
        self.end_block()?;
        let position = self.position();
        if let Some(span) = self.spans.last_mut() {
            let keys = self.keys.finish();
            (span.length, span.keys_bytes) = (position - span.offset, keys.len() as u64);
            self.buffer.extend_from_slice(&keys);
            self.block = self.buffer.len();
        }
        Ok(())
    }

    /// Writes all that is in the buffer.
    fn flush(&mut self) -> Result<(), ShuffleError> {
        self.file.append([&self.buffer, &[]])?;
        self.written += self.buffer.len() as u64;
        self.buffer.clear();
        self.block = 0;
        Ok(())
    }

    /// Writes what is in the buffer, all of it whole blocks, up to the last page of the file that it fills.
    fn flush_pages(&mut self) -> Result<(), ShuffleError> {
        let behind_page = self.position() % PAGE_BYTES as u64;
        let Some(now) = self.buffer.len().checked_sub(behind_page as usize) else { return Ok(()) };
        self.file.append([&self.buffer[..now], &[]])?;
        self.written += now as u64;
        self.buffer.drain(..now);
        self.block = self.buffer.len();
        Ok(())
    }

    /// Writes index and footer and gives the spill out for reading. A writer dropped without it leaves a
    /// file without a footer, which no reader accepts.
    pub(crate) fn finish(mut self, partitions: u32) -> Result<Spill, ShuffleError> {
        self.end_segment()?;
        assert!(self.spans.len() <= partitions as usize, "no records beyond the last partition");
        self.flush()?;
        let empty = SegmentSpan { offset: self.written, ..SegmentSpan::default() };
        self.spans.resize(partitions as usize, empty);
        let mut tail: Vec<u8> = self.spans.iter().flat_map(SegmentSpan::encode).collect();
        tail.extend_from_slice(&self.written.to_le_bytes());
        tail.extend_from_slice(&partitions.to_le_bytes());
        tail.extend_from_slice(&VERSION.to_le_bytes());
        tail.extend_from_slice(&u16::from(self.folded).to_le_bytes());
        tail.extend_from_slice(&checksum::of(&tail).to_le_bytes());
        tail.extend_from_slice(MAGIC);
        self.file.append([&tail, &[]])?;
        // Not synced: what a crash of the machine takes is found out and made again.
        let records = self.spans.iter().map(|span| span.records).sum();
        let bytes = self.written + tail.len() as u64;
        let Self { file, written: index_at, folded, .. } = self;
        let (file, path) = file.finish();
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
        if checksum::of(&index) != le_u64(&footer[16..]) {
            return Err(corrupt(index_at, "the index does not match its checksum"));
        }
        let entries = index[..(footer_at - index_at) as usize].chunks_exact(INDEX_ENTRY_BYTES as usize);
        let spans = entries.filter_map(|entry| SegmentSpan::decode(entry, index_at));
        let records = spans.fold(0, |records: u64, span| records.saturating_add(span.records));
        let (kept, folded) = (KeptOpen::new(file), folded == 1);
        Ok(Self { kept, path, index_at, partitions, records, bytes, folded })
    }

    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// How many partitions it has.
    pub(crate) fn partitions(&self) -> u32 {
        self.partitions
    }

    /// Reads all of it and compares the checksums.
    pub(crate) fn check(&self, order: &Order) -> Result<(), ShuffleError> {
        let mut blocks = BlockReader::new(self, CHECK_READ_BYTES);
        (0..self.partitions).try_for_each(|partition| {
            let span = self.span(partition)?;
            blocks.go_to(span.blocks());
            while blocks.next_block()?.is_some() {}
            self.keys(span, usize::MAX, order).map(drop)
        })
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
        self.read_at(&*self.file()?, &mut entry, at)?;
        let wrong = || self.corrupt(at, "an entry of the index does not match its checksum or the file");
        SegmentSpan::decode(&entry, self.index_at).ok_or_else(wrong)
    }

    /// The file, opened unless it is open already.
    pub(super) fn file(&self) -> Result<OpenSpill<'_>, IoError> {
        if let Some(kept) = &self.kept {
            return Ok(OpenSpill::Kept(kept));
        }
        let file = File::open(&self.path).at("open spill", &self.path)?;
        page_cache::is_read_in_pieces(&file);
        Ok(OpenSpill::Own(file))
    }

    /// Reads each `every`th of the keys that the blocks of a segment begin with.
    pub(super) fn keys(
        &self,
        span: SegmentSpan,
        every: usize,
        order: &Order,
    ) -> Result<BlockKeys, ShuffleError> {
        let at = span.blocks().end;
        let mut bytes = vec![0; span.keys_bytes as usize];
        self.read_at(&*self.file()?, &mut bytes, at)?;
        BlockKeys::read(&bytes, span.blocks(), every, order)
            .ok_or_else(|| self.corrupt(at, "the keys of a segment do not match their checksum"))
    }

    /// Has a part of the file read that will be asked for soon.
    pub(super) fn read_ahead(&self, part: Range<u64>) {
        if let Some(kept) = &self.kept {
            page_cache::read_ahead(kept.file(), part);
        }
    }

    /// Fills `bytes` from `offset` of the opened file.
    pub(super) fn read_at(&self, file: &File, bytes: &mut [u8], offset: u64) -> Result<(), ShuffleError> {
        Ok(page_cache::read_exact_at(file, &self.path, bytes, offset).at("read spill", &self.path)?)
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

/// Where the parts of a record are in the bytes of a block.
#[derive(Debug, Default)]
pub(super) struct StoredRecord {
    pub(super) key: Range<usize>,
    pub(super) value: Range<usize>,
    pub(super) copies: u64,
}

impl StoredRecord {
    /// Reads the first of the records that are at `records`, and moves past it; `None` when they end first, or it is
    /// there no time at all.
    #[inline]
    pub(super) fn read(bytes: &[u8], records: &mut Range<usize>) -> Option<Self> {
        let bytes = &bytes[..records.end];
        let mut at = records.start;
        let key_len_and_flag = read_varint(bytes, &mut at)?;
        let value_len = read_varint(bytes, &mut at)?;
        let copies = if key_len_and_flag & 1 == 1 { read_varint(bytes, &mut at)? as u64 } else { 1 };
        let key_end = at.checked_add(key_len_and_flag >> 1)?;
        let value_end = key_end.checked_add(value_len)?;
        if value_end > bytes.len() || copies == 0 {
            return None;
        }
        records.start = value_end;
        Some(Self { key: at..key_end, value: key_end..value_end, copies })
    }
}

/// Reads a varint at `*at` and moves past it; `None` when the bytes end first.
fn read_varint(bytes: &[u8], at: &mut usize) -> Option<usize> {
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
    use super::super::comparator::ByteOrder;
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
            at += span.length + span.keys_bytes;
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
            let (mut blocks, mut lengths) = (BlockReader::new(&spill, 100), Vec::new());
            blocks.go_to(spill.span(partition).unwrap().blocks());
            while let Some(records) = blocks.next_block().unwrap() {
                lengths.push(records.len());
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
        let read = |spill: &Spill| spill.check(&Order::Bytes(ByteOrder));
        let good = std::fs::read(spill.path()).unwrap();
        for bit in 0..good.len() * 8 {
            let mut bad = good.clone();
            bad[bit / 8] ^= 1 << (bit % 8);
            let path = dir.path().join("bad");
            std::fs::write(&path, &bad).unwrap();
            let outcome = Spill::open(path).and_then(|spill| read(&spill));
            assert!(outcome.is_err(), "bit {bit} flipped unseen");
            // Who wrote the file does not read its footer.
            std::fs::write(spill.path(), &bad).unwrap();
            let in_footer = bit / 8 >= good.len() - FOOTER_BYTES as usize;
            assert_eq!(read(&spill).is_ok(), in_footer, "bit {bit} flipped unseen by its writer");
        }
    }

    /// What checksums say to be in order, though no writer made it.
    #[test]
    fn records_that_no_writer_made_are_refused() {
        let check = |bytes: &[u8], expect: Option<u64>| {
            let record = StoredRecord::read(bytes, &mut (0..bytes.len()));
            assert_eq!(record.map(|record| record.copies), expect, "{bytes:?}");
        };
        check(&[3, 1, 5, b'k', b'v'], Some(5));
        check(&[3, 1, 0, b'k', b'v'], None);
        check(&[3, 2, 5, b'k', b'v'], None);
        check(&[3, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 5, b'k'], None);
        check(&[0x80; 12], None);
    }

    #[test]
    fn a_segment_beyond_its_file_is_refused() {
        let check = |span: SegmentSpan, expect: bool| {
            assert_eq!(SegmentSpan::decode(&span.encode(), 100).is_some(), expect, "{span:?}");
        };
        let good = SegmentSpan { offset: 10, length: 70, records: 1, entries: 1, keys_bytes: 20 };
        check(good, true);
        check(SegmentSpan { offset: 11, ..good }, false);
        check(SegmentSpan { length: u64::MAX, ..good }, false);
        check(SegmentSpan { keys_bytes: u64::MAX - 79, ..good }, false);
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
