//! One sorted input of a merge: a place in a run, moving forward.

use super::ShuffleError;
use super::comparator::KeyOrder;
use super::sort_buffer::{Entry, MemoryRun};
use super::spill::{OpenSpill, Spill, read_varint};
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
            Self::Disk(cursor) => cursor.copies,
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
    /// Its file, from the first read on.
    file: Option<OpenSpill<'a>>,
    /// Partitions not yet begun.
    partitions: Range<u32>,
    partition: u32,
    /// Blocks of the partition not yet read.
    blocks: Range<u64>,
    block: Vec<u8>,
    next: usize,
    key: Range<usize>,
    value: Range<usize>,
    copies: u64,
}

impl<'a> DiskCursor<'a> {
    /// Before the first record of `partitions`.
    pub(crate) fn new(spill: &'a Spill, partitions: Range<u32>) -> Self {
        Self {
            spill,
            file: None,
            partition: partitions.start,
            partitions,
            blocks: 0..0,
            block: Vec::new(),
            next: 0,
            key: 0..0,
            value: 0..0,
            copies: 1,
        }
    }

    fn advance<O: KeyOrder>(&mut self, order: &O) -> Result<Head, ShuffleError> {
        if self.next == self.block.len() && !self.next_block()? {
            return Ok(Head::END);
        }
        let damaged = || self.spill.corrupt(self.blocks.start, "a record reaches past the end of its block");
        let mut at = self.next;
        let key_len_and_flag = read_varint(&self.block, &mut at).ok_or_else(damaged)?;
        let value_len = read_varint(&self.block, &mut at).ok_or_else(damaged)?;
        self.copies = 1;
        if key_len_and_flag & 1 == 1 {
            self.copies = read_varint(&self.block, &mut at).ok_or_else(damaged)? as u64;
        }
        let key_len = key_len_and_flag >> 1;
        let key_end = at.checked_add(key_len).ok_or_else(damaged)?;
        let value_end = key_end.checked_add(value_len).ok_or_else(damaged)?;
        if value_end > self.block.len() {
            return Err(damaged());
        }
        self.key = at..key_end;
        self.value = key_end..value_end;
        self.next = value_end;
        Ok(Head::new(self.partition, order.prefix(&self.block[self.key.clone()])))
    }

    /// Reads the next block, of a later partition if need be; false at the end.
    fn next_block(&mut self) -> Result<bool, ShuffleError> {
        while self.blocks.is_empty() {
            let Some(partition) = self.partitions.next() else { return Ok(false) };
            let span = self.spill.span(partition)?;
            self.partition = partition;
            self.blocks = span.offset..span.offset + span.length;
        }
        let file = match self.file.take() {
            Some(file) => file,
            None => self.spill.file()?,
        };
        self.blocks.start = self.spill.read_block(&file, self.blocks.start, &mut self.block)?;
        self.file = Some(file);
        self.next = 0;
        Ok(true)
    }

    /// The record it stands at is all of its block, and a long one.
    pub(super) fn is_alone(&self) -> bool {
        self.key.len() >= LONG_KEY_BYTES && self.next == self.block.len()
    }

    /// Gives the block away for another, which must be done when it stands at the last record and before it advances.
    /// Returns where in the block that record's key lies.
    pub(super) fn exchange_block(&mut self, other: &mut Vec<u8>) -> Range<usize> {
        debug_assert_eq!(self.next, self.block.len(), "records would be lost");
        std::mem::swap(&mut self.block, other);
        self.next = self.block.len();
        std::mem::take(&mut self.key)
    }

    pub(super) fn record(&self) -> RecordRef<'_> {
        RecordRef { key: &self.block[self.key.clone()], value: &self.block[self.value.clone()] }
    }
}
