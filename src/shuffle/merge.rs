//! Many sorted inputs to one, by a tree of losers.
//!
//! ```text
//!            winner: 2
//!               |
//!              (0)              each inner node keeps the input that lost there;
//!            /     \            the winner is replaced along one path only:
//!         (1)       (3)         log2(k) comparisons a record
//!        /   \     /   \
//!      in 0 in 1 in 2 in 3
//! ```
//!
//! Comparisons look at partition and key prefix, which lie beside the tree, and at whole keys only where
//! those tie. Equal keys go to the lower input, so the order of inputs decides the order of values; between inputs of
//! folded records the lower value goes first, so that nothing tells which of them a record was in.

use super::ShuffleError;
use super::comparator::KeyOrder;
use super::cursor::{Cursor, Head};
use super::sort_buffer::{Entry, MemoryRun};
use super::spill::SpillWriter;
use crate::record::RecordRef;
use std::hint::{black_box, select_unpredictable};
use std::ops::Range;

/// A record of a merge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merged<'a> {
    pub(crate) record: RecordRef<'a>,
    /// How many times it is there; one at least.
    pub(crate) copies: u64,
    /// Its key differs from that of the record before.
    pub(crate) new_group: bool,
}

/// What [`RecordStream::fill_lines`] took.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Filled {
    pub(crate) records: u64,
    pub(crate) groups: u64,
}

/// Sorted records, for whoever does not care by which order.
pub(crate) trait RecordStream: Send {
    /// The next record; `None` at the end. The slices live until the next call.
    fn next_record(&mut self) -> Result<Option<Merged<'_>>, ShuffleError>;

    /// Appends records to `out` as lines, key, separator, value, LF, until it holds `bytes` or more or the
    /// records end: then it appends nothing. A batch at a time, so that the loop inside knows its comparator.
    ///
    /// A line longer than `bytes` comes in pieces, and is counted with its first.
    fn fill_lines(
        &mut self,
        out: &mut Vec<u8>,
        separator: &[u8],
        bytes: usize,
    ) -> Result<Filled, ShuffleError>;

    /// Writes all records that are left behind those of a spill.
    fn append_to(&mut self, spill: &mut SpillWriter) -> Result<(), ShuffleError>;
}

/// A merge in progress.
#[derive(Debug)]
pub(crate) struct Merge<'a, O> {
    order: O,
    inputs: Vec<Cursor<'a>>,
    heads: Vec<Head>,
    /// Input that lost at each inner node; node 0 holds the winner.
    tree: Vec<u32>,
    started: bool,
    group: Group<'a>,
    /// Copies of the current record that [`RecordStream::fill_lines`] has still to write.
    copies_left: u64,
    /// Bytes of a long line that have been given out; 0 if there is none.
    given: usize,
}

impl<'a, O: KeyOrder> Merge<'a, O> {
    /// A merge of `inputs`, in the order in which equal keys shall come; folded ones stand together.
    pub(crate) fn new(inputs: Vec<Cursor<'a>>, order: O) -> Self {
        let heads = vec![Head::END; inputs.len()];
        let tree = vec![0; inputs.len().max(1)];
        let group = Group::default();
        Self { order, inputs, heads, tree, started: false, group, copies_left: 0, given: 0 }
    }

    /// Whether input `a` comes before input `b`.
    fn beats(&self, a: u32, b: u32) -> bool {
        let (one, two) = (self.heads[a as usize], self.heads[b as usize]);
        if one == two { self.beats_in_tie(a, b) } else { one < two }
    }

    /// Whether input `a` comes before input `b`, their heads being equal.
    fn beats_in_tie(&self, a: u32, b: u32) -> bool {
        if self.heads[a as usize] == Head::END {
            return a < b;
        }
        let (one, two) = (&self.inputs[a as usize], &self.inputs[b as usize]);
        if one.is_folded() && two.is_folded() {
            let (one, two) = (one.record(), two.record());
            let keys = self.order.compare(one.key, two.key);
            return keys.then_with(|| one.value.cmp(two.value)).then(a.cmp(&b)).is_lt();
        }
        let (key, other) = (one.key(), two.key());
        if key.len() == other.len() && self.order.prefix_decides(key.len(), other.len()) {
            return a < b;
        }
        self.order.compare(key, other).then(a.cmp(&b)).is_lt()
    }

    /// Plays all matches. Leaf `i` hangs below inner node `(k + i) / 2`.
    fn build(&mut self) -> Result<(), ShuffleError> {
        for (input, head) in self.inputs.iter_mut().zip(&mut self.heads) {
            *head = input.advance(&self.order)?;
        }
        let count = self.inputs.len();
        let mut winners: Vec<u32> = vec![0; 2 * count];
        for node in (1..2 * count).rev() {
            if node >= count {
                winners[node] = (node - count) as u32;
                continue;
            }
            let (left, right) = (winners[2 * node], winners[2 * node + 1]);
            let left_wins = self.beats(left, right);
            winners[node] = if left_wins { left } else { right };
            self.tree[node] = if left_wins { right } else { left };
        }
        if count > 1 {
            self.tree[0] = winners[1];
        }
        Ok(())
    }

    /// Steps the winner's input and replays its path.
    fn replay(&mut self) -> Result<(), ShuffleError> {
        let mut winner = self.tree[0];
        self.group.keep(&mut self.inputs[winner as usize]);
        self.heads[winner as usize] = self.inputs[winner as usize].advance(&self.order)?;
        let mut node = self.inputs.len() + winner as usize;
        while node > 1 {
            node /= 2;
            let other = self.tree[node];
            // Who wins is a coin toss, and guessing it wrong costs more than both outcomes.
            let stays = self.beats(winner, other);
            self.tree[node] = select_unpredictable(stays, other, winner);
            winner = select_unpredictable(stays, winner, other);
        }
        self.tree[0] = winner;
        Ok(())
    }

    /// Appends more of the current record, as a line, until `out` holds so many bytes.
    fn give_piece(&mut self, out: &mut Vec<u8>, separator: &[u8], bytes: usize) {
        let record = self.inputs[self.tree[0] as usize].record();
        let mut skip = self.given;
        for part in [record.key, separator, record.value, b"\n"] {
            let rest = &part[skip.min(part.len())..];
            skip -= part.len() - rest.len();
            let piece = &rest[..rest.len().min(bytes.saturating_sub(out.len()))];
            out.extend_from_slice(piece);
            self.given += piece.len();
            if piece.len() < rest.len() {
                return;
            }
        }
        self.given = 0;
    }

    /// Steps to the next record; `None` at the end, otherwise whether it begins a group.
    fn step(&mut self) -> Result<Option<bool>, ShuffleError> {
        if self.inputs.is_empty() {
            return Ok(None);
        }
        if self.started {
            self.replay()?;
        } else {
            self.started = true;
            self.build()?;
        }
        let winner = self.tree[0] as usize;
        let head = self.heads[winner];
        if head == Head::END {
            return Ok(None);
        }
        Ok(Some(self.group.turn_to(head, &self.inputs[winner])))
    }
}

/// Head and key of the record that began a group.
///
/// A key in memory is lent and not looked at before another record has the same head. It is not in a cache then,
/// and waiting for the key of each record took a fifth of all processor time of a sort of random records.
#[derive(Debug)]
struct Group<'a> {
    head: Head,
    lent: &'a [u8],
    /// The key of a record on disk, whose place is used again, somewhere in these bytes.
    kept: Vec<u8>,
    kept_key: Range<usize>,
    /// The key is still in the block of the input that had it, which has not advanced since.
    in_block: bool,
}

impl Default for Group<'_> {
    fn default() -> Self {
        Self { head: Head::END, lent: &[], kept: Vec::new(), kept_key: 0..0, in_block: false }
    }
}

impl<'a> Group<'a> {
    /// Goes on to the record at which `input` stands; true if it begins a group.
    ///
    /// Hadoop's `ReduceContext` compares whole keys here, also where the sort order looked at a few fields only:
    /// `KeyFieldBasedComparator` leaves `WritableComparator.compare(a, b)` as it is.
    fn turn_to(&mut self, head: Head, input: &Cursor<'a>) -> bool {
        let begun = if self.kept_key.is_empty() { self.lent } else { &self.kept[self.kept_key.clone()] };
        if head == self.head && input.key() == begun {
            return false;
        }
        self.head = head;
        self.kept_key = 0..0;
        self.lent = &[];
        match input {
            Cursor::Memory(cursor) => self.lent = cursor.record().key,
            Cursor::Disk(cursor) if cursor.is_alone() => {
                self.kept = Vec::new();
                self.in_block = true;
            }
            Cursor::Disk(cursor) => {
                let key = cursor.record().key;
                self.kept.clear();
                self.kept.extend_from_slice(key);
                self.kept_key = 0..key.len();
            }
        }
        true
    }

    /// Takes the key out of the input that is about to advance. A long one is not copied: its block changes hands.
    fn keep(&mut self, input: &mut Cursor<'a>) {
        if std::mem::take(&mut self.in_block)
            && let Cursor::Disk(cursor) = input
        {
            self.kept_key = cursor.exchange_block(&mut self.kept);
        }
    }
}

impl<O: KeyOrder> RecordStream for Merge<'_, O> {
    fn next_record(&mut self) -> Result<Option<Merged<'_>>, ShuffleError> {
        let Some(new_group) = self.step()? else { return Ok(None) };
        let input = &self.inputs[self.tree[0] as usize];
        Ok(Some(Merged { record: input.record(), copies: input.copies(), new_group }))
    }

    fn fill_lines(
        &mut self,
        out: &mut Vec<u8>,
        separator: &[u8],
        bytes: usize,
    ) -> Result<Filled, ShuffleError> {
        let mut filled = Filled::default();
        let mut lines = LineBatch { separator, lines: Vec::with_capacity(BATCH), bytes: out.len() };
        while lines.bytes < bytes {
            if self.given > 0 {
                self.give_piece(out, separator, bytes);
                lines.bytes = out.len();
                continue;
            }
            if self.copies_left == 0 {
                let Some(new_group) = self.step()? else { break };
                self.copies_left = self.inputs[self.tree[0] as usize].copies();
                filled.groups += u64::from(new_group);
            }
            let copies = match &self.inputs[self.tree[0] as usize] {
                Cursor::Memory(cursor) => {
                    let copies = lines.count(cursor.record(), self.copies_left, bytes);
                    if copies > 0 {
                        lines.lines.push((cursor.place(), copies));
                    }
                    if lines.lines.len() == BATCH {
                        lines.write(out);
                    }
                    copies
                }
                // Its record is in a buffer that the next step may fill anew.
                Cursor::Disk(cursor) => {
                    lines.write(out);
                    let record = cursor.record();
                    let copies = lines.count(record, self.copies_left, bytes);
                    if copies > 0 {
                        write_line(out, record, separator, copies);
                    }
                    copies
                }
            };
            if copies == 0 {
                lines.write(out);
                self.give_piece(out, separator, bytes);
                lines.bytes = out.len();
            }
            self.copies_left -= copies.max(1);
            filled.records += copies.max(1);
        }
        lines.write(out);
        Ok(filled)
    }

    fn append_to(&mut self, spill: &mut SpillWriter) -> Result<(), ShuffleError> {
        spill.mark(self.inputs.iter().all(Cursor::is_folded));
        let mut waiting = Vec::with_capacity(BATCH);
        while self.step()?.is_some() {
            let winner = self.tree[0] as usize;
            let partition = self.heads[winner].partition();
            match &self.inputs[winner] {
                Cursor::Memory(cursor) => waiting.push((partition, cursor.place())),
                input @ Cursor::Disk(_) => {
                    append_waiting(&mut waiting, spill)?;
                    spill.write(partition, input.record(), input.copies())?;
                }
            }
            if waiting.len() == BATCH {
                append_waiting(&mut waiting, spill)?;
            }
        }
        append_waiting(&mut waiting, spill)
    }
}

/// A record in memory.
type Place<'a> = (&'a MemoryRun, &'a Entry);

fn append_waiting(waiting: &mut Vec<(u32, Place<'_>)>, spill: &mut SpillWriter) -> Result<(), ShuffleError> {
    touch(waiting.iter().map(|(_, place)| *place));
    waiting.drain(..).try_for_each(|(partition, (run, entry))| {
        spill.write(partition, run.record(entry), run.copies(entry))
    })
}

/// Records whose bytes are asked of the memory together. They lie anywhere, and waiting for one after the other
/// would take most of the time of a merge or of a spill.
pub(super) const BATCH: usize = 64;

/// Asks the memory for records that are going to be copied.
pub(super) fn touch<'a>(places: impl Iterator<Item = Place<'a>>) {
    let touched = places.fold(0, |touched, (run, entry)| {
        let record = run.record(entry);
        touched | record.key.first().unwrap_or(&0) | record.value.last().unwrap_or(&0)
    });
    black_box(touched);
}

/// Lines to be written.
struct LineBatch<'a> {
    separator: &'a [u8],
    lines: Vec<(Place<'a>, u64)>,
    /// Length of the output when they have been written.
    bytes: usize,
}

impl LineBatch<'_> {
    /// Counts the bytes of a record that is there so many times, or of as many as begin before `bytes_max`; returns
    /// how many that are. None if a single one is longer than that.
    fn count(&mut self, record: RecordRef<'_>, copies: u64, bytes_max: usize) -> u64 {
        let line_bytes = record.key.len() + self.separator.len() + record.value.len() + 1;
        if line_bytes > bytes_max {
            return 0;
        }
        let copies = copies.min(bytes_max.saturating_sub(self.bytes).div_ceil(line_bytes) as u64);
        self.bytes += line_bytes * copies as usize;
        copies
    }

    fn write(&mut self, out: &mut Vec<u8>) {
        touch(self.lines.iter().map(|(place, _)| *place));
        for ((run, entry), copies) in self.lines.drain(..) {
            match run.line(entry, self.separator) {
                Some(line) => {
                    out.extend_from_slice(line);
                    repeat_last(out, line.len(), copies);
                }
                None => write_line(out, run.record(entry), self.separator, copies),
            }
        }
    }
}

fn write_line(out: &mut Vec<u8>, record: RecordRef<'_>, separator: &[u8], copies: u64) {
    let start = out.len();
    out.extend_from_slice(record.key);
    out.extend_from_slice(separator);
    out.extend_from_slice(record.value);
    out.push(b'\n');
    let bytes = out.len() - start;
    repeat_last(out, bytes, copies);
}

/// Makes so many copies out of the last bytes of `out`, in pieces that double.
fn repeat_last(out: &mut Vec<u8>, bytes: usize, copies: u64) {
    let start = out.len() - bytes;
    let end = start + bytes * copies as usize;
    while out.len() < end {
        let piece = (out.len() - start).min(end - out.len());
        out.extend_from_within(start..start + piece);
    }
}
