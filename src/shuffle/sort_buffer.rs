//! Where map output lands: one arena of bytes and one fixed-size entry per record.
//!
//! ```text
//!   arena    the 1 | cat 1 | the 1 | pending bytes of an unfinished record ...free...
//!            ^0      ^6      ^12     ^cut
//!   entries  [p, "the", 0, 3, 1] [p, "cat", 6, 3, 1] [p, "the", 12, 3, 1]
//!             partition, first 8 key bytes, position, key length, value length
//! ```
//!
//! A child's output is read straight into the arena and its lines are cut where they lie, so a record is
//! never copied before it is merged. Sorting moves entries only, by partition, key prefix and position as
//! one 128-bit number; keys are looked at again only where prefixes tie. The position last makes the order
//! of equal keys their order of emission without a stable sort's second buffer.

use super::ShuffleError;
use super::arena::{ARENA_BYTES_MAX, Arena};
use super::comparator::KeyOrder;
use super::partitioner::Partitioner;
use crate::record::{KeyFields, RecordRef};
use crate::writable::{text_serialized_len, vlong_len};
use memchr::{memchr, memchr_iter, memchr2_iter};
use rayon::slice::ParallelSliceMut;
use std::sync::LazyLock;

/// Below this many entries one core sorts alone. A split of usual size has fewer, and then its neighbours keep the
/// other cores busy; a buffer that has more comes of a large budget, and perhaps of the only mapper.
const PARALLEL_SORT_FROM: usize = 1 << 20;

/// The threads that sort; `None` if the system allows no more threads. Rayon's own pool panics then.
static SORTERS: LazyLock<Option<rayon::ThreadPool>> =
    LazyLock::new(|| rayon::ThreadPoolBuilder::new().build().ok());

/// No read is worth its system call for fewer bytes than this.
const ROOM_BYTES_MIN: usize = 4 << 10;

/// What the system gives memory by.
const PAGE_BYTES: usize = 4 << 10;

/// Read at once of a record that has outgrown its buffer.
const LONG_READ_BYTES: usize = 256 << 10;

/// One record of a buffer. The order of `rank` is partition, key prefix, position in the arena.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Entry {
    rank_high: u64,
    rank_low: u64,
    key_len: u32,
    value_len: u32,
}

impl Entry {
    /// No record.
    pub(super) const NONE: Self = Self { rank_high: 0, rank_low: 0, key_len: 0, value_len: 0 };

    fn new(partition: u32, prefix: u64, at: usize, key_len: usize, value_len: usize) -> Self {
        assert!(at <= ARENA_BYTES_MAX, "the arena is bounded so that positions fit");
        Self {
            rank_high: u64::from(partition) << 32 | prefix >> 32,
            rank_low: prefix << 32 | at as u64,
            key_len: key_len as u32,
            value_len: value_len as u32,
        }
    }

    fn rank(&self) -> u128 {
        u128::from(self.rank_high) << 64 | u128::from(self.rank_low)
    }

    pub(crate) fn partition(&self) -> u32 {
        (self.rank_high >> 32) as u32
    }

    pub(crate) fn prefix(&self) -> u64 {
        self.rank_high << 32 | self.rank_low >> 32
    }

    fn at(&self) -> usize {
        (self.rank_low & u64::from(u32::MAX)) as usize
    }

    fn moved_to(self, at: usize) -> Self {
        let rank_low = self.rank_low & !u64::from(u32::MAX) | at as u64;
        Self { rank_low, ..self }
    }

    fn ties_with(&self, other: &Self) -> bool {
        self.rank_high == other.rank_high && self.rank_low >> 32 == other.rank_low >> 32
    }

    fn key<'a>(&self, arena: &'a [u8]) -> &'a [u8] {
        &arena[self.at()..self.at() + self.key_len as usize]
    }

    /// Bytes of key, gap and value. What has no value may have lost its separator.
    fn line_len(&self, gap: usize) -> usize {
        let behind_key = if self.value_len == 0 { 0 } else { gap + self.value_len as usize };
        self.key_len as usize + behind_key
    }

    fn value<'a>(&self, arena: &'a [u8], gap: usize) -> &'a [u8] {
        if self.value_len == 0 {
            return &[]; // a line without separator has no gap behind its key
        }
        let at = self.at() + self.key_len as usize + gap;
        &arena[at..at + self.value_len as usize]
    }
}

/// How large buffers may be, in bytes of arena and entries together.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BufferLimits {
    /// A buffer is full from here on.
    pub(crate) bytes: usize,
    /// One record may push a buffer up to here.
    pub(crate) record_bytes_max: usize,
}

impl BufferLimits {
    /// What records may take that are not long ones, which outgrow their buffer.
    pub(super) fn own_bytes(&self) -> usize {
        self.bytes.max(2 * ROOM_BYTES_MIN)
    }
}

/// What was taken in: a batch of map output for the counters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Collected {
    /// Records.
    pub(crate) records: u64,
    /// Their serialised keys and values.
    pub(crate) bytes: u64,
    /// What Hadoop's map output file (`IFile`) adds to them: two lengths a record.
    pub(crate) framing_bytes: u64,
}

impl Collected {
    pub(crate) fn add(&mut self, more: Self) {
        self.records += more.records;
        self.bytes += more.bytes;
        self.framing_bytes += more.framing_bytes;
    }

    /// Counts a record by the serialised lengths of its key and value.
    pub(crate) fn count(&mut self, key_bytes: u64, value_bytes: u64) {
        self.count_copies(key_bytes, value_bytes, 1);
    }

    /// Counts a record so many times.
    pub(super) fn count_copies(&mut self, key_bytes: u64, value_bytes: u64, copies: u64) {
        let framing = (vlong_len(key_bytes as i64) + vlong_len(value_bytes as i64)) as u64;
        self.records += copies;
        self.bytes += (key_bytes + value_bytes) * copies;
        self.framing_bytes += framing * copies;
    }
}

/// Bytes of a record's number of copies, which stands before it in the arena of a folded buffer.
pub(super) const COPIES_BYTES: usize = 8;

/// Map output being collected.
#[derive(Debug)]
pub(crate) struct SortBuffer {
    arena: Arena,
    entries: Vec<Entry>,
    /// Records have their number of copies before them, and equal keys are to be ordered by value.
    folded: bool,
    /// Records, copies included.
    records: u64,
    /// End of the last whole record; what follows is pending.
    cut: usize,
    /// Pending bytes before this position are known to hold no line end, so that a record that arrives in
    /// a thousand reads is not searched a thousand times.
    searched: usize,
    /// Bytes between a record's key and its value: the separator the child wrote.
    gap: usize,
    limits: BufferLimits,
}

impl SortBuffer {
    /// An empty buffer that expects about `expected_bytes` of output, with `gap` bytes between keys and
    /// values.
    pub(crate) fn new(limits: BufferLimits, expected_bytes: usize, gap: usize) -> Result<Self, ShuffleError> {
        let limits = BufferLimits {
            bytes: limits.bytes.min(ARENA_BYTES_MAX),
            record_bytes_max: limits.record_bytes_max.min(ARENA_BYTES_MAX),
        };
        let capacity = expected_bytes.clamp(ROOM_BYTES_MIN, limits.bytes.max(ROOM_BYTES_MIN));
        let arena =
            Arena::new(capacity).map_err(|source| ShuffleError::Memory { bytes: capacity, source })?;
        let entries = Vec::new();
        Ok(Self { arena, entries, folded: false, records: 0, cut: 0, searched: 0, gap, limits })
    }

    /// Sets when the buffer is full.
    pub(super) fn limit(&mut self, limits: BufferLimits) {
        self.limits = limits;
    }

    /// Bytes between keys and values.
    pub(super) fn gap(&self) -> usize {
        self.gap
    }

    /// How many entries there are.
    pub(super) fn entries(&self) -> usize {
        self.entries.len()
    }

    /// A record as the line that it came as, without its end; one of no value may have lost its separator.
    pub(super) fn line(&self, entry: usize) -> &[u8] {
        let entry = self.entries[entry];
        &self.arena.bytes()[entry.at()..entry.at() + entry.line_len(self.gap)]
    }

    /// The bytes behind the last whole record.
    pub(super) fn pending(&self) -> &[u8] {
        &self.arena.bytes()[self.cut..]
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// Bytes in use, by arena and entries.
    pub(crate) fn bytes(&self) -> usize {
        self.arena.used() + size_of_val(self.entries.as_slice())
    }

    /// Space to read a child's output into; `None` when the buffer is full and must be sorted first.
    ///
    /// # Errors
    /// When a single record is larger than the limits allow.
    pub(crate) fn room(&mut self) -> Result<Option<&mut [u8]>, ShuffleError> {
        if !self.make_room(ROOM_BYTES_MIN)? {
            return Ok(None);
        }
        let least = if self.entries.is_empty() { LONG_READ_BYTES } else { ROOM_BYTES_MIN };
        let left = self.limits.bytes.saturating_sub(self.bytes()).max(least);
        let free = self.arena.free();
        let count = free.len().min(left);
        Ok(Some(&mut free[..count]))
    }

    /// What was read into [`Self::room`] and not taken in.
    pub(super) fn peek(&mut self, count: usize) -> &[u8] {
        &self.arena.free()[..count]
    }

    /// Takes in the beginning of a folded record that comes once, as pending. The buffer must be empty and take no
    /// other: where there is no room for their number, the first record is one.
    pub(super) fn begin_folded(&mut self, bytes: &[u8]) -> Result<(), ShuffleError> {
        debug_assert!(self.arena.used() == 0, "a record begins behind another");
        self.folded = true;
        self.make_room(bytes.len().max(ROOM_BYTES_MIN))?;
        self.arena.free()[..bytes.len()].copy_from_slice(bytes);
        self.arena.extend(bytes.len());
        Ok(())
    }

    /// Takes in `count` bytes that were read into [`Self::room`], as pending.
    pub(crate) fn extend(&mut self, count: usize) {
        self.arena.extend(count);
    }

    /// Sees to `wanted` bytes of free space; false when the records here must leave first.
    fn make_room(&mut self, wanted: usize) -> Result<bool, ShuffleError> {
        let in_use = self.bytes();
        if in_use + wanted > self.limits.bytes && !self.entries.is_empty() {
            return Ok(false);
        }
        if self.arena.capacity() - self.arena.used() >= wanted {
            return Ok(true);
        }
        // Doubling keeps the copying linear. Past the buffer's own limit only a single record may push,
        // since a buffer with others in it was full above.
        let limit = if self.entries.is_empty() { self.limits.record_bytes_max } else { self.limits.bytes };
        let needed = self.arena.used() + wanted;
        if needed > limit.max(2 * ROOM_BYTES_MIN) {
            return Err(ShuffleError::RecordTooLarge { bytes: needed as u64, limit: limit as u64 });
        }
        // A long record moves once, for a copy would take as much again: what it does not fill takes no memory.
        let own = self.limits.own_bytes();
        if needed > own && self.arena.grow(limit.max(needed)).is_ok() {
            return Ok(true);
        }
        let limit = if needed > own { limit } else { limit.min(own) };
        let capacity = (self.arena.capacity() * 2).clamp(needed, limit.max(needed));
        self.arena.grow(capacity).map_err(|source| ShuffleError::Memory { bytes: capacity, source })?;
        Ok(true)
    }

    /// A record that has begun is about to outgrow the buffer.
    pub(super) fn is_outgrown(&self) -> bool {
        self.entries.is_empty() && self.arena.used() + ROOM_BYTES_MIN > self.limits.own_bytes()
    }

    /// Cuts the pending bytes into records, a line each. The lines must end in LF alone.
    pub(crate) fn cut_lines<O: KeyOrder>(
        &mut self,
        fields: &KeyFields<'_>,
        order: &O,
        partitioner: &Partitioner,
    ) -> Collected {
        debug_assert_eq!(self.gap, fields.separator.len());
        if memchr(b'\n', &self.arena.bytes()[self.searched.max(self.cut)..]).is_none() {
            self.searched = self.arena.used();
            return Collected::default();
        }
        match *fields.separator {
            [tab] if fields.key_fields <= 1 => self.cut_at_byte(tab, order, partitioner),
            _ => self.cut_at_fields(fields, order, partitioner),
        }
    }

    /// The common case in one pass: a one-byte separator behind a one-field key.
    fn cut_at_byte<O: KeyOrder>(&mut self, tab: u8, order: &O, partitioner: &Partitioner) -> Collected {
        let bytes = self.arena.bytes();
        let base = self.cut;
        let (mut start, mut key_end) = (base, None);
        let mut collected = Collected::default();
        for at in memchr2_iter(b'\n', tab, &bytes[base..]) {
            let at = base + at;
            if bytes[at] != b'\n' {
                key_end.get_or_insert(at);
                continue;
            }
            let (key_end, value_len) = key_end.take().map_or((at, 0), |end| (end, at - end - 1));
            let key = &bytes[start..key_end];
            collected.count(text_serialized_len(key.len()), text_serialized_len(value_len));
            let partition = partitioner.partition(key);
            self.entries.push(Entry::new(partition, order.prefix(key), start, key.len(), value_len));
            start = at + 1;
        }
        self.cut = start;
        self.records += collected.records;
        collected
    }

    fn cut_at_fields<O: KeyOrder>(
        &mut self,
        fields: &KeyFields<'_>,
        order: &O,
        partitioner: &Partitioner,
    ) -> Collected {
        let bytes = self.arena.bytes();
        let base = self.cut;
        let mut start = base;
        let mut collected = Collected::default();
        for at in memchr_iter(b'\n', &bytes[base..]) {
            let record = fields.split(&bytes[start..base + at]);
            let (key, value_len) = (record.key, record.value.len());
            collected.count(text_serialized_len(key.len()), text_serialized_len(value_len));
            let partition = partitioner.partition(key);
            self.entries.push(Entry::new(partition, order.prefix(key), start, key.len(), value_len));
            start = base + at + 1;
        }
        self.cut = start;
        self.records += collected.records;
        collected
    }

    /// Copies one record in; false when the buffer is full. Not to be mixed with pending bytes.
    pub(crate) fn collect(
        &mut self,
        partition: u32,
        prefix: u64,
        record: RecordRef<'_>,
    ) -> Result<bool, ShuffleError> {
        debug_assert_eq!(self.cut, self.arena.used(), "no pending bytes");
        let bytes = record.key.len() + self.gap + record.value.len();
        if !self.make_room(bytes)? {
            return Ok(false);
        }
        let at = self.arena.used();
        let free = self.arena.free();
        free[..record.key.len()].copy_from_slice(record.key);
        free[record.key.len() + self.gap..bytes].copy_from_slice(record.value);
        self.arena.extend(bytes);
        self.cut = at + bytes;
        self.records += 1;
        self.entries.push(Entry::new(partition, prefix, at, record.key.len(), record.value.len()));
        Ok(true)
    }

    /// Copies a line in that came so many times, its key and value being what `record` says. Only for buffers
    /// that hold nothing else. Room is made whatever the limits are, for it was counted already.
    pub(super) fn collect_folded(
        &mut self,
        partition: u32,
        prefix: u64,
        line: &[u8],
        record: RecordRef<'_>,
        copies: u64,
    ) -> Result<(), ShuffleError> {
        let bytes = COPIES_BYTES + line.len();
        let used = self.arena.used();
        if used + bytes > ARENA_BYTES_MAX {
            let limit = ARENA_BYTES_MAX as u64;
            return Err(ShuffleError::RecordTooLarge { bytes: (used + bytes) as u64, limit });
        }
        if self.arena.capacity() - used < bytes {
            let capacity = (self.arena.capacity() * 2).max(used + bytes);
            self.arena.grow(capacity).map_err(|source| ShuffleError::Memory { bytes: capacity, source })?;
        }
        let free = self.arena.free();
        free[..COPIES_BYTES].copy_from_slice(&copies.to_le_bytes());
        free[COPIES_BYTES..bytes].copy_from_slice(line);
        self.arena.extend(bytes);
        self.cut = used + bytes;
        (self.folded, self.records) = (true, self.records + copies);
        let at = used + COPIES_BYTES;
        self.entries.push(Entry::new(partition, prefix, at, record.key.len(), record.value.len()));
        Ok(())
    }

    /// Moves the pending bytes to the start of `next`, which must be empty.
    pub(crate) fn hand_pending_to(&mut self, next: &mut Self) -> Result<(), ShuffleError> {
        let pending = &self.arena.bytes()[self.cut..];
        if next.arena.capacity() < pending.len() {
            let bytes = pending.len();
            next.arena.grow(bytes).map_err(|source| ShuffleError::Memory { bytes, source })?;
        }
        next.arena.free()[..pending.len()].copy_from_slice(pending);
        next.arena.extend(pending.len());
        self.arena.truncate(self.cut);
        Ok(())
    }

    /// Sorts the records by partition, key and order of emission.
    pub(crate) fn sort<O: KeyOrder>(mut self, order: &O) -> MemoryRun {
        debug_assert_eq!(self.cut, self.arena.used(), "pending bytes would be lost");
        let value_gap = self.folded.then_some(self.gap);
        sort_entries(self.arena.bytes(), &mut self.entries, order, value_gap);
        if self.folded && self.entries.len() > 1 {
            self.arrange();
        }
        self.into_run()
    }

    /// Puts folded records into the order of their entries: a merge then reads the arena from front to back.
    /// There are few of them, and a merge has all maps' waiting for memory by turns.
    fn arrange(&mut self) {
        // It only saves time, so no memory is no error.
        let Ok(mut arranged) = Arena::new(self.arena.used()) else { return };
        let bytes = self.arena.bytes();
        for entry in &mut self.entries {
            let line = &bytes[entry.at() - COPIES_BYTES..entry.at() + entry.line_len(self.gap)];
            let at = arranged.used() + COPIES_BYTES;
            arranged.free()[..line.len()].copy_from_slice(line);
            arranged.extend(line.len());
            *entry = entry.moved_to(at);
        }
        self.arena = arranged;
    }

    /// Takes the records as they are, for a combiner's output: Hadoop does not sort it again
    /// (`Task.CombineOutputCollector` appends).
    pub(crate) fn into_run(self) -> MemoryRun {
        let Self { arena, entries, folded, records, gap, .. } = self;
        MemoryRun { arena, entries, folded, records, gap }
    }
}

/// Sorts by partition, key and position, or with a `value_gap` by partition, key and value.
fn sort_entries<O: KeyOrder>(arena: &[u8], entries: &mut [Entry], order: &O, value_gap: Option<usize>) {
    if entries.len() >= PARALLEL_SORT_FROM {
        match &*SORTERS {
            Some(sorters) => sorters.install(|| entries.par_sort_unstable_by_key(Entry::rank)),
            None => entries.sort_unstable_by_key(Entry::rank),
        }
    } else {
        entries.sort_unstable_by_key(Entry::rank);
    }
    let mut rest = entries;
    while let Some(first) = rest.first() {
        let count = rest.iter().take_while(|entry| entry.ties_with(first)).count();
        let (ties, after) = rest.split_at_mut(count);
        if count > 1 {
            match value_gap {
                Some(gap) => ties.sort_unstable_by(|a, b| {
                    order
                        .compare(a.key(arena), b.key(arena))
                        .then_with(|| a.value(arena, gap).cmp(b.value(arena, gap)))
                }),
                None => sort_ties(arena, ties, order),
            }
        }
        rest = after;
    }
}

/// Sorts entries of one partition and one prefix by their whole keys.
fn sort_ties<O: KeyOrder>(arena: &[u8], ties: &mut [Entry], order: &O) {
    let len = ties[0].key_len;
    let decided = order.prefix_decides(len as usize, len as usize);
    if decided && ties.iter().all(|entry| entry.key_len == len) {
        return; // equal keys, already in order of emission
    }
    ties.sort_unstable_by(|a, b| {
        order.compare(a.key(arena), b.key(arena)).then_with(|| a.rank_low.cmp(&b.rank_low))
    });
}

/// Records in memory, by partition, then key, then order of emission (a combiner's output: by partition,
/// then as it was written).
#[derive(Debug)]
pub(crate) struct MemoryRun {
    arena: Arena,
    entries: Vec<Entry>,
    folded: bool,
    records: u64,
    gap: usize,
}

impl MemoryRun {
    pub(crate) fn entries(&self) -> &[Entry] {
        &self.entries
    }

    /// Indices of the entries of `partition`.
    pub(crate) fn partition(&self, partition: u32) -> std::ops::Range<usize> {
        // Searched for rather than kept: 100 000 runs of 10 000 bounds each would not fit any budget.
        let start = self.entries.partition_point(|entry| entry.partition() < partition);
        let end = start + self.entries[start..].partition_point(|entry| entry.partition() == partition);
        start..end
    }

    pub(crate) fn key(&self, entry: &Entry) -> &[u8] {
        entry.key(self.arena.bytes())
    }

    pub(crate) fn record(&self, entry: &Entry) -> RecordRef<'_> {
        let bytes = self.arena.bytes();
        RecordRef { key: entry.key(bytes), value: entry.value(bytes, self.gap) }
    }

    /// The record as a line with its LF, if it lies here just so.
    pub(super) fn line(&self, entry: &Entry, separator: &[u8]) -> Option<&[u8]> {
        let key_len = entry.key_len as usize;
        let lf = key_len + separator.len() + entry.value_len as usize;
        let line = self.arena.bytes().get(entry.at()..=entry.at() + lf)?;
        let is_line =
            self.gap == separator.len() && line[key_len..].starts_with(separator) && line[lf] == b'\n';
        is_line.then_some(line)
    }

    /// How many times the record of an entry is there.
    pub(crate) fn copies(&self, entry: &Entry) -> u64 {
        if !self.folded {
            return 1;
        }
        let before = &self.arena.bytes()[..entry.at()];
        before.last_chunk().map_or(1, |copies| u64::from_le_bytes(*copies))
    }

    /// Whether records have their number of copies, and lie by value where keys are equal.
    pub(crate) fn is_folded(&self) -> bool {
        self.folded
    }

    /// Records, copies included.
    pub(crate) fn records(&self) -> u64 {
        self.records
    }

    /// Memory held, in bytes. A page counts whole: 100 000 small tasks took ten times what their records did.
    pub(crate) fn bytes_held(&self) -> usize {
        self.arena.used().next_multiple_of(PAGE_BYTES) + size_of::<Entry>() * self.entries.capacity()
    }

    /// Forgets the records and keeps the memory, whose pages are there already, for the next buffer; not that of a
    /// record which outgrew the limits.
    pub(crate) fn recycle(mut self, limits: BufferLimits) -> Option<SortBuffer> {
        if self.arena.used() > limits.own_bytes() {
            return None;
        }
        self.arena.truncate(0);
        self.entries.clear();
        let Self { arena, entries, gap, .. } = self;
        Some(SortBuffer { arena, entries, folded: false, records: 0, cut: 0, searched: 0, gap, limits })
    }

    /// Gives back what was reserved and not used, so that the run can be kept until the reducers come.
    ///
    /// A map that is mostly empty moves to one that fits: untouched pages are free, but the kernel's
    /// number of maps per process is not, and 10 000 small tasks must fit under it. So does one whose pages were
    /// touched by an earlier run: a budget of 64 MB had 124 MB in use because of those.
    pub(crate) fn shrink(mut self) -> std::io::Result<Self> {
        self.entries.shrink_to_fit();
        let used = self.arena.used();
        if used < self.arena.capacity() / 4 || self.arena.is_roomy() {
            self.arena.grow(used.max(1))?;
        }
        Ok(self)
    }
}
