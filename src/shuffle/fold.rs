//! Map output that repeats itself: each different line once, with the number of its copies.
//!
//! ```text
//!   read     the TAB 1 LF cat TAB 1 LF the TAB 1 LF the TA      the child's output, small enough for a cache
//!             |
//!             v  by its bytes
//!   short    [..., ("the\t1\n", 2), ..., ("cat\t1\n", 1), ...]  lines of up to 15 bytes lie in the table
//!   long     [..., (hash, line 7), ...]                        longer ones in `text`, the table points there
//! ```
//!
//! Counting words makes the same few thousand lines again and again. Found in a table, they need not be
//! partitioned, sorted, merged or written more than once: of 65 million records of a test, six million were left.
//! A line is not cut into key and value before it leaves the table. The ends of lines are found 64 bytes at a time,
//! which leaves the processor free to begin with the next line before the last is done (a quarter less time), and a
//! short line is compared as two words of eight bytes in one line of cache.
//!
//! A task's table whose lines all fit is put together with those of other tasks ([`super::shared_fold`]).
//!
//! The price is the order of emission. Records of a folded task come out by key and then by value, so that
//! their order does not tell when the table was full. [`Sample`] decides by the first records of a task alone,
//! hence what comes out is a function of the input and the command.

use super::ShuffleError;
use super::arena::ARENA_BYTES_MAX;
use super::comparator::KeyOrder;
use super::partitioner::Partitioner;
use super::sort_buffer::{BufferLimits, COPIES_BYTES, Collected, Entry, SortBuffer};
use crate::record::KeyFields;
use crate::sync::lock;
use crate::writable::text_serialized_len;
use memchr::memchr;
use std::collections::HashSet;
use std::convert::Infallible;
use std::sync::{Mutex, MutexGuard};
use xxhash_rust::xxh3::xxh3_64;

/// Records that decide whether a task's output repeats itself.
const SAMPLE_RECORDS: usize = 16_384;
/// Only those that end within so many bytes count.
const SAMPLE_BYTES: usize = 256 << 10;
/// A buffer takes a sample in whatever its limit is, or the limit would decide.
pub(super) const SAMPLE_BUFFER_BYTES: usize = 4 * SAMPLE_BYTES + SAMPLE_RECORDS * size_of::<Entry>();

/// The child's output is read in pieces of this size: they stay in the cache until they are folded.
const READ_BYTES: usize = 256 << 10;
/// Lines of this length and their ends fit two words.
const SHORT_BYTES: usize = 16;
/// A longer line is not looked for in a table.
const LONG_LINE_BYTES: usize = 4 << 20;
/// Slots of an empty table. A table is made for what has thousands of records already.
const SLOTS_MIN: usize = 1 << 15;
/// What a line takes in the table: slots are at most five eighths full, and rarely less than a third.
const SLOT_AND_LINE_BYTES: usize = 2 * size_of::<ShortSlot>();
/// Ends of lines are looked for in so many bytes at once, and as many lie behind the read ones.
const SCAN_BYTES: usize = 64;
/// Lines looked up at a time: so many waits for memory overlap.
const BATCH: usize = 64;

/// Whether the first records of a task repeat: at least half of them were there before.
pub(super) struct Sample {
    seen: HashSet<u64>,
    records: usize,
    bytes: usize,
}

impl Sample {
    pub(super) fn new() -> Self {
        Self { seen: HashSet::new(), records: 0, bytes: 0 }
    }

    /// Looks at the records of `buffer` that it has not seen, until there is a decision.
    pub(super) fn decide(&mut self, buffer: &SortBuffer) -> Option<bool> {
        while self.records < SAMPLE_RECORDS {
            if self.records == buffer.entries() {
                // The line that has begun does not count if it ends too late, however little of it is here; of
                // its separator nothing may be left in the end.
                let begun = buffer.pending().len().saturating_sub(buffer.gap());
                if self.bytes + begun > SAMPLE_BYTES {
                    break;
                }
                return None;
            }
            let line = buffer.line(self.records);
            if self.bytes + line.len() + 1 > SAMPLE_BYTES {
                break;
            }
            self.seen.insert(xxh3_64(line));
            self.records += 1;
            self.bytes += line.len() + 1;
        }
        Some(self.seen.len() * 2 <= self.records && self.records > 0)
    }
}

/// A line of up to 15 bytes and its LF, little-endian, zeros behind. Only an empty slot has no LF.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
struct ShortLine {
    low: u64,
    high: u64,
}

#[derive(Clone, Copy, Debug, Default)]
struct ShortSlot {
    line: ShortLine,
    copies: u64,
}

/// A longer line, without its LF.
#[derive(Debug)]
struct LongLine {
    hash: u64,
    at: usize,
    len: usize,
    copies: u64,
}

/// The table.
#[derive(Debug)]
pub(crate) struct FoldBuffer {
    read: Vec<u8>,
    filled: usize,
    /// So many of the first bytes are known to hold no LF.
    searched: usize,
    short: Vec<ShortSlot>,
    short_used: usize,
    /// Short lines not yet in the table, and how many.
    batch: [ShortLine; BATCH],
    batched: usize,
    long: Vec<LongLine>,
    /// Indices into `long`, and one more; 0 is an empty slot.
    long_slots: Vec<u32>,
    text: Vec<u8>,
    limits: BufferLimits,
}

/// Empty tables of tasks that have ended, for those to come: pages that are there already and a size that fits.
#[derive(Debug, Default)]
pub(crate) struct FoldTables(Mutex<Vec<FoldBuffer>>);

/// Larger tables are not kept, for they are not in anybody's budget between two tasks.
const KEPT_BYTES_MAX: usize = 32 << 20;

impl FoldTables {
    pub(super) fn take(&self, limits: BufferLimits) -> FoldBuffer {
        self.lock().pop().unwrap_or_else(|| FoldBuffer::new(limits))
    }

    /// Takes a table back, which must have been drained.
    pub(super) fn give_back(&self, table: FoldBuffer) {
        debug_assert!(table.is_empty() && table.filled == 0, "lines would go to another task");
        if table.table_bytes() + table.read.len() <= KEPT_BYTES_MAX.min(table.limits.bytes) {
            self.lock().push(table);
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<FoldBuffer>> {
        lock(&self.0)
    }
}

impl FoldBuffer {
    pub(super) fn new(limits: BufferLimits) -> Self {
        let limits = in_one_arena(limits);
        let read_bytes = READ_BYTES.min(limits.bytes / 4).max(1 << 10);
        let slots =
            SLOTS_MIN.min((limits.bytes / size_of::<ShortSlot>() / 4).next_power_of_two()).max(2 * BATCH);
        Self {
            read: vec![0; read_bytes + SCAN_BYTES],
            filled: 0,
            searched: 0,
            short: vec![ShortSlot::default(); slots],
            short_used: 0,
            batch: [ShortLine::default(); BATCH],
            batched: 0,
            long: Vec::new(),
            long_slots: vec![0; slots],
            text: Vec::new(),
            limits,
        }
    }

    /// Takes over what a buffer collected so far.
    pub(super) fn take_over(&mut self, buffer: &SortBuffer) {
        for entry in 0..buffer.entries() {
            let line = buffer.line(entry);
            self.read.truncate(0);
            self.read.extend_from_slice(line);
            self.read.push(b'\n');
            self.filled = self.read.len();
            self.read.resize(self.filled + SCAN_BYTES, 0);
            self.fold();
        }
        self.take_in(buffer.pending());
    }

    /// Nothing is in the table.
    pub(super) fn is_empty(&self) -> bool {
        self.short_used == 0 && self.long.is_empty()
    }

    /// The lines take as much memory as there is, in the table or when they are sorted. Slots without a line do not
    /// count, or an empty table could be full.
    pub(super) fn is_full(&self) -> bool {
        let lines = self.short_used + self.long.len();
        let table = lines * SLOT_AND_LINE_BYTES + self.text.len();
        // Arranging them takes a second arena.
        let sorted = lines * size_of::<Entry>() + 2 * self.drained_bytes();
        !self.is_empty() && table.max(sorted) > self.limits.bytes
    }

    /// What the lines will take in a buffer's arena, at most.
    pub(super) fn drained_bytes(&self) -> usize {
        (self.short_used + self.long.len()) * COPIES_BYTES + self.short_used * SHORT_BYTES + self.text.len()
    }

    /// So many more short lines would make the table grow.
    fn is_crowded(&self, more: usize) -> bool {
        (self.short_used + more) * 8 > self.short.len() * 5
    }

    /// Memory held, in bytes, but for what is read.
    pub(super) fn table_bytes(&self) -> usize {
        self.short.len() * size_of::<ShortSlot>()
            + self.long.len() * size_of::<LongLine>()
            + self.long_slots.len() * size_of::<u32>()
            + self.text.len()
    }

    /// Space to read a child's output into.
    pub(super) fn room(&mut self) -> &mut [u8] {
        let capacity = self.read.len() - SCAN_BYTES;
        if self.filled > capacity / 2 {
            self.read.resize(capacity * 2 + SCAN_BYTES, 0);
        }
        let end = self.read.len() - SCAN_BYTES;
        &mut self.read[self.filled..end]
    }

    /// The line that has begun is too long to be kept here.
    pub(super) fn is_outgrown(&self) -> bool {
        self.filled > LONG_LINE_BYTES.min(self.limits.bytes / 2).max(1 << 10)
    }

    /// Takes in lines, the last of which may have begun only. What was read before must have been taken.
    pub(super) fn take_in(&mut self, bytes: &[u8]) {
        debug_assert_eq!(self.filled, 0, "bytes would be lost");
        self.read.clear();
        self.read.resize((bytes.len() * 2).max(READ_BYTES) + SCAN_BYTES, 0);
        self.read[..bytes.len()].copy_from_slice(bytes);
        self.filled = bytes.len();
        self.fold();
    }

    /// Gives out what there is of a line.
    pub(super) fn take_begun(&mut self) -> &[u8] {
        let filled = std::mem::take(&mut self.filled);
        self.searched = 0;
        &self.read[..filled]
    }

    /// Takes in `count` bytes that were read into [`Self::room`].
    pub(super) fn take_lines(&mut self, count: usize) {
        self.filled += count;
        self.fold();
    }

    /// Folds the whole lines of what was read and moves the rest to the front.
    fn fold(&mut self) {
        let mut start = 0;
        let mut at = self.searched;
        while at < self.filled {
            let Some(bytes) = self.read[at..].first_chunk::<SCAN_BYTES>() else { break };
            // Behind what was read lies older text.
            let read_bytes = (self.filled - at).min(SCAN_BYTES);
            let mut ends = line_ends(bytes) & (u64::MAX >> (SCAN_BYTES - read_bytes));
            while ends != 0 {
                let end = at + ends.trailing_zeros() as usize;
                ends &= ends - 1;
                self.take_line(start, end);
                start = end + 1;
            }
            at += SCAN_BYTES;
        }
        self.add_batch();
        self.read.copy_within(start..self.filled, 0);
        self.filled -= start;
        self.searched = self.filled;
    }

    /// Takes in the line that begins and ends there.
    #[inline]
    fn take_line(&mut self, start: usize, end: usize) {
        let len = end - start;
        match self.read[start..].first_chunk::<SHORT_BYTES>() {
            Some(bytes) if len < SHORT_BYTES => {
                let words = u128::from_le_bytes(*bytes) & (u128::MAX >> (8 * (SHORT_BYTES - 1 - len)));
                self.batch[self.batched] = ShortLine { low: words as u64, high: (words >> 64) as u64 };
                self.batched += 1;
                if self.batched == BATCH {
                    self.add_batch();
                }
            }
            _ => {
                let read = std::mem::take(&mut self.read);
                let line = &read[start..end];
                self.add_long(line, xxh3_64(line), 1);
                self.read = read;
            }
        }
    }

    /// Adds the batched lines. All of their slots are asked of the memory before the first is looked at: what is
    /// found there decides branches, and behind one wrongly foreseen nothing is loaded ahead. A third less time.
    fn add_batch(&mut self) {
        let batched = std::mem::take(&mut self.batched);
        if self.is_crowded(batched) {
            self.grow_short();
        }
        let mask = self.short.len() - 1;
        let mut homes = [0; BATCH];
        let mut touched = 0;
        for (home, line) in homes.iter_mut().zip(&self.batch[..batched]) {
            *home = line.hash() as usize & mask;
            touched |= self.short[*home].copies;
        }
        std::hint::black_box(touched);
        for (home, line) in homes.into_iter().zip(&self.batch[..batched]) {
            self.short_used += usize::from(add_short(&mut self.short, home, *line, 1));
        }
    }

    #[cold]
    fn grow_short(&mut self) {
        let larger = vec![ShortSlot::default(); self.short.len() * 2];
        let lines = std::mem::replace(&mut self.short, larger);
        let mask = self.short.len() - 1;
        for slot in lines.iter().filter(|slot| slot.copies > 0) {
            add_short(&mut self.short, slot.line.hash() as usize & mask, slot.line, slot.copies);
        }
    }

    /// Adds a line that does not fit two words.
    fn add_long(&mut self, line: &[u8], hash: u64, copies: u64) {
        let mask = self.long_slots.len() - 1;
        let mut index = hash as usize;
        loop {
            let slot = self.long_slots[index & mask];
            let Some(known) = slot.checked_sub(1).map(|known| &mut self.long[known as usize]) else { break };
            if known.hash == hash && self.text[known.at..known.at + known.len] == *line {
                known.copies += copies;
                return;
            }
            index += 1;
        }
        self.long.push(LongLine { hash, at: self.text.len(), len: line.len(), copies });
        self.text.extend_from_slice(line);
        self.long_slots[index & mask] = self.long.len() as u32;
        if self.long.len() * 2 > self.long_slots.len() {
            self.grow_long();
        }
    }

    #[cold]
    fn grow_long(&mut self) {
        let mask = self.long_slots.len() * 4 - 1;
        self.long_slots = vec![0; mask + 1];
        for (number, line) in (1..).zip(&self.long) {
            let mut index = line.hash as usize & mask;
            while self.long_slots[index] != 0 {
                index = (index + 1) & mask;
            }
            self.long_slots[index] = number;
        }
    }

    /// Copies the lines to `buffer`, which must be empty, cut into keys and values.
    pub(super) fn lay_out<O: KeyOrder>(
        &self,
        buffer: &mut SortBuffer,
        fields: &KeyFields<'_>,
        order: &O,
        partitioner: &Partitioner,
    ) -> Result<(), ShuffleError> {
        debug_assert_eq!(buffer.gap(), fields.separator.len());
        self.each_line(|line, copies| {
            let record = fields.split(line);
            let (partition, prefix) = (partitioner.partition(record.key), order.prefix(record.key));
            buffer.collect_folded(partition, prefix, line, record, copies)
        })
    }

    /// What the lines are as records, copies included.
    pub(super) fn collected(&self, fields: &KeyFields<'_>) -> Collected {
        let mut collected = Collected::default();
        let counted: Result<(), Infallible> = self.each_line(|line, copies| {
            let record = fields.split(line);
            let (key, value) = (record.key.len(), record.value.len());
            collected.count_copies(text_serialized_len(key), text_serialized_len(value), copies);
            Ok(())
        });
        let Ok(()) = counted;
        collected
    }

    /// Adds the lines of another table.
    pub(super) fn absorb(&mut self, other: &Self) {
        for slots in other.short.chunks(BATCH) {
            if self.is_crowded(slots.len()) {
                self.grow_short();
            }
            let mask = self.short.len() - 1;
            for slot in slots.iter().filter(|slot| slot.copies > 0) {
                let home = slot.line.hash() as usize & mask;
                self.short_used += usize::from(add_short(&mut self.short, home, slot.line, slot.copies));
            }
        }
        for line in &other.long {
            self.add_long(&other.text[line.at..line.at + line.len], line.hash, line.copies);
        }
    }

    fn each_line<E>(&self, mut take: impl FnMut(&[u8], u64) -> Result<(), E>) -> Result<(), E> {
        for slot in self.short.iter().filter(|slot| slot.copies > 0) {
            let mut bytes = [0; SHORT_BYTES];
            bytes[..8].copy_from_slice(&slot.line.low.to_le_bytes());
            bytes[8..].copy_from_slice(&slot.line.high.to_le_bytes());
            let len = memchr(b'\n', &bytes).unwrap_or(SHORT_BYTES);
            take(&bytes[..len], slot.copies)?;
        }
        self.long.iter().try_for_each(|line| take(&self.text[line.at..line.at + line.len], line.copies))
    }

    /// Forgets the lines; what is read of an unfinished one stays.
    pub(super) fn clear(&mut self) {
        if self.short_used > 0 {
            self.short.fill(ShortSlot::default());
        }
        self.short_used = 0;
        if !self.long.is_empty() {
            self.long_slots.fill(0);
        }
        self.long.clear();
        self.text.clear();
    }

    /// Sets when the table is full.
    pub(super) fn limit(&mut self, limits: BufferLimits) {
        self.limits = in_one_arena(limits);
    }
}

/// Lines are laid out in one arena, with what comes beyond the limit.
fn in_one_arena(limits: BufferLimits) -> BufferLimits {
    BufferLimits { bytes: limits.bytes.min(ARENA_BYTES_MAX / 2), ..limits }
}

impl ShortLine {
    /// Both words multiplied, the halves of the product mixed.
    #[inline]
    fn hash(self) -> u64 {
        let product =
            u128::from(self.low ^ 0x9e37_79b9_7f4a_7c15) * u128::from(self.high ^ 0xd6e8_feb8_6659_fd93);
        (product >> 64) as u64 ^ product as u64
    }
}

/// Adds a line to a table that is not full, beginning at a slot; whether it was not there.
#[inline]
fn add_short(slots: &mut [ShortSlot], mut index: usize, line: ShortLine, copies: u64) -> bool {
    loop {
        let Some(slot) = slots.get_mut(index) else {
            index = 0;
            continue;
        };
        if slot.line == line {
            slot.copies += copies;
            return false;
        }
        if slot.copies == 0 {
            *slot = ShortSlot { line, copies };
            return true;
        }
        index += 1;
    }
}

/// A bit for each byte that is an LF, the first byte's lowest.
#[inline]
fn line_ends(bytes: &[u8; SCAN_BYTES]) -> u64 {
    let (words, _) = bytes.as_chunks::<8>();
    let ends = |word: &[u8; 8]| {
        const LOW_BITS: u64 = 0x7f7f_7f7f_7f7f_7f7f;
        let zero_for_ends = u64::from_le_bytes(*word) ^ 0x0a0a_0a0a_0a0a_0a0a;
        // The top bit of each byte that is an LF, and no other bit; a product gathers them in the top byte.
        let tops = !(((zero_for_ends & LOW_BITS) + LOW_BITS) | zero_for_ends | LOW_BITS);
        (tops >> 7).wrapping_mul(0x0102_0408_1020_4080) >> 56
    };
    words.iter().enumerate().fold(0, |all, (at, word)| all | ends(word) << (8 * at))
}

#[cfg(test)]
mod tests;
