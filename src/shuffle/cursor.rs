//! One sorted input of a merge: a place in a run, moving forward.

use super::ShuffleError;
use super::block_keys::Bound;
use super::block_reader::BlockReader;
use super::comparator::KeyOrder;
use super::sort_buffer::{Entry, MemoryRun};
use super::spill::{Spill, StoredRecord};
use crate::record::RecordRef;
use std::ops::Range;

/// Partition and key prefix of the record a cursor stands at: what most comparisons need. One number, so that
/// comparing two takes no branch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Head(u128);

impl Head {
    /// Behind every record. No job has so many partitions.
    pub(super) const END: Self = Self::new(u32::MAX, u64::MAX);

    const fn new(partition: u32, prefix: u64) -> Self {
        Self((partition as u128) << 64 | prefix as u128)
    }

    pub(super) fn partition(self) -> u32 {
        (self.0 >> 64) as u32
    }
}

/// An input of a merge.
#[derive(Debug)]
pub(crate) enum Cursor<'a> {
    Memory(MemoryCursor<'a>),
    Disk(Box<DiskCursor<'a>>),
}

impl Cursor<'_> {
    /// Steps to the next record (the first one at the first call) and returns its head.
    pub(super) fn advance<O: KeyOrder>(&mut self, order: &O) -> Result<Head, ShuffleError> {
        match self {
            Self::Memory(cursor) => Ok(cursor.advance()),
            Self::Disk(cursor) => cursor.advance(order),
        }
    }

    /// The record it stands at.
    pub(super) fn record(&self) -> RecordRef<'_> {
        match self {
            Self::Memory(cursor) => cursor.record(),
            Self::Disk(cursor) => cursor.record(),
        }
    }

    /// How many times that record is there.
    pub(super) fn copies(&self) -> u64 {
        match self {
            Self::Memory(cursor) => cursor.run.copies(cursor.entry),
            Self::Disk(cursor) => cursor.record.copies,
        }
    }

    /// Whether its records are folded, and ordered by value where keys are equal.
    pub(super) fn is_folded(&self) -> bool {
        match self {
            Self::Memory(cursor) => cursor.run.is_folded(),
            Self::Disk(cursor) => cursor.spill.is_folded(),
        }
    }

    pub(super) fn key(&self) -> &[u8] {
        match self {
            Self::Memory(cursor) => cursor.run.key(cursor.entry),
            Self::Disk(cursor) => cursor.record().key,
        }
    }
}

/// A place in a run in memory.
#[derive(Debug)]
pub(crate) struct MemoryCursor<'a> {
    run: &'a MemoryRun,
    rest: std::slice::Iter<'a, Entry>,
    /// The one it stands at.
    entry: &'a Entry,
}

impl<'a> MemoryCursor<'a> {
    /// Before the first of `entries` (indices into the run's).
    pub(crate) fn new(run: &'a MemoryRun, entries: Range<usize>) -> Self {
        Self { run, rest: run.entries()[entries].iter(), entry: &Entry::NONE }
    }

    /// The record it stands at.
    pub(super) fn record(&self) -> RecordRef<'a> {
        self.run.record(self.entry)
    }

    /// The run and the entry it stands at.
    pub(super) fn place(&self) -> (&'a MemoryRun, &'a Entry) {
        (self.run, self.entry)
    }

    fn advance(&mut self) -> Head {
        let Some(entry) = self.rest.next() else { return Head::END };
        self.entry = entry;
        Head::new(entry.partition(), entry.prefix())
    }
}

/// Keys of this length are not copied where their block can be had instead.
const LONG_KEY_BYTES: usize = 64 << 10;

/// A place in the segments of a spill.
#[derive(Debug)]
pub(crate) struct DiskCursor<'a> {
    spill: &'a Spill,
    blocks: BlockReader<'a>,
    /// Partitions not yet begun.
    partitions: Range<u32>,
    partition: u32,
    /// Records of the block not yet passed.
    records: Range<usize>,
    /// The one it stands at.
    record: StoredRecord,
    /// Keys before this one are passed over.
    begin: Option<&'a Bound>,
    /// From this key on there are none.
    end: Option<&'a Bound>,
}

impl<'a> DiskCursor<'a> {
    /// Before the first record of `partitions`. Reads so many bytes at once.
    pub(crate) fn new(spill: &'a Spill, partitions: Range<u32>, read_bytes: u64) -> Self {
        Self {
            spill,
            blocks: BlockReader::new(spill, read_bytes),
            partition: partitions.start,
            partitions,
            records: 0..0,
            record: StoredRecord::default(),
            begin: None,
            end: None,
        }
    }

    /// Before the first record of `partition` whose key is not before `begin`, up to the last that is before `end`.
    /// They are in `blocks`, a part of the file.
    pub(super) fn between(
        spill: &'a Spill,
        partition: u32,
        blocks: Range<u64>,
        [begin, end]: [Option<&'a Bound>; 2],
        read_bytes: u64,
    ) -> Self {
        let mut cursor = Self { begin, end, ..Self::new(spill, partition..partition, read_bytes) };
        cursor.blocks.go_to(blocks);
        cursor
    }

    fn advance<O: KeyOrder>(&mut self, order: &O) -> Result<Head, ShuffleError> {
        loop {
            if self.records.is_empty() && !self.next_block()? {
                return Ok(Head::END);
            }
            let record = StoredRecord::read(self.blocks.bytes(), &mut self.records);
            self.record = record.ok_or_else(|| self.blocks.corrupt("a record does not fit its block"))?;
            let key = &self.blocks.bytes()[self.record.key.clone()];
            let prefix = order.prefix(key);
            let comes_before = |bound: &Bound| bound.is_after(prefix, key, |a, b| order.compare(a, b));
            if self.begin.is_some_and(comes_before) {
                continue;
            }
            self.begin = None;
            if self.end.is_some_and(|end| !comes_before(end)) {
                // Nothing is left here, whoever asks again.
                self.blocks.go_to(0..0);
                self.records = 0..0;
                return Ok(Head::END);
            }
            return Ok(Head::new(self.partition, prefix));
        }
    }

    /// Reads the next block, of a later partition if need be; false at the end.
    fn next_block(&mut self) -> Result<bool, ShuffleError> {
        loop {
            if let Some(records) = self.blocks.next_block()? {
                self.records = records;
                return Ok(true);
            }
            let Some(partition) = self.partitions.next() else { return Ok(false) };
            self.partition = partition;
            self.blocks.go_to(self.spill.span(partition)?.blocks());
        }
    }

    /// The record it stands at is all of its block, of all that was read, and a long one.
    pub(super) fn is_alone(&self) -> bool {
        self.record.key.len() >= LONG_KEY_BYTES && self.records.is_empty() && self.blocks.is_at_end()
    }

    /// Gives the block away for another, which must be done when it stands at the last record and before it advances.
    /// Returns where in the block that record's key lies.
    pub(super) fn exchange_block(&mut self, other: &mut Vec<u8>) -> Range<usize> {
        debug_assert!(self.records.is_empty(), "records would be lost");
        self.blocks.exchange(other);
        std::mem::take(&mut self.record).key
    }

    pub(super) fn record(&self) -> RecordRef<'_> {
        let bytes = self.blocks.bytes();
        RecordRef { key: &bytes[self.record.key.clone()], value: &bytes[self.record.value.clone()] }
    }
}
