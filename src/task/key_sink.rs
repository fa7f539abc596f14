//! Where an attempt's records go when only their keys matter, and perhaps only the first of them.

use super::TaskFailure;
use super::sink::RecordSink;
use crate::record::{KeyFields, RecordRef};
use crate::streaming::ChildGroups;
use memchr::{memchr_iter, memrchr};
use std::ops::ControlFlow;

/// Bytes of a child's output that are taken in at once.
const BLOCK_BYTES: usize = 64 << 10;

/// Hands the key of each record on and forgets the rest.
pub(super) struct KeySink<'a> {
    fields: KeyFields<'a>,
    /// Says whether the job was stopped.
    groups: &'a ChildGroups,
    take: &'a mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    block: Vec<u8>,
    filled: usize,
    full: bool,
}

impl<'a> KeySink<'a> {
    /// `fields` is how lines are cut. When `take` breaks off, the sink is full and fails.
    pub(super) fn new(
        fields: KeyFields<'a>,
        groups: &'a ChildGroups,
        take: &'a mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Self {
        Self { fields, groups, take, block: Vec::new(), filled: 0, full: false }
    }

    /// Whether it has failed only because no more keys are wanted.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    fn check_more_wanted(&self) -> Result<(), TaskFailure> {
        // A class that is built in has no child to end: it would run on after a signal.
        if self.full || self.groups.stopped() { Err(TaskFailure::Stopped) } else { Ok(()) }
    }
}

impl RecordSink for KeySink<'_> {
    fn room(&mut self) -> Result<&mut [u8], TaskFailure> {
        if self.block.len() - self.filled < BLOCK_BYTES / 4 {
            self.block.resize((self.block.len() * 2).max(BLOCK_BYTES), 0);
        }
        Ok(&mut self.block[self.filled..])
    }

    fn take_lines(&mut self, count: usize) -> Result<(), TaskFailure> {
        let before = self.filled;
        self.filled += count;
        let Some(last) = memrchr(b'\n', &self.block[before..self.filled]) else { return Ok(()) };
        let last = before + last;
        let mut start = 0;
        for end in memchr_iter(b'\n', &self.block[..=last]) {
            let line = self.fields.split(&self.block[start..end]);
            if (self.take)(line.key).is_break() {
                self.full = true;
                break;
            }
            start = end + 1;
        }
        self.block.copy_within(last + 1..self.filled, 0);
        self.filled -= last + 1;
        self.check_more_wanted()
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<(), TaskFailure> {
        self.full = (self.take)(record.key).is_break();
        self.check_more_wanted()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Takes lines in pieces of so many bytes; the sink wants so many keys.
    fn check(piece: usize, wanted: usize, expect: &[&str], full: bool) {
        let (groups, mut keys) = (ChildGroups::default(), Vec::new());
        let mut take = |key: &[u8]| {
            keys.push(String::from_utf8(key.to_vec()).unwrap());
            if keys.len() == wanted { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        let mut sink = KeySink::new(KeyFields { separator: b"\t", key_fields: 1 }, &groups, &mut take);
        let ended = b"a\t1\nbb\n\tx\nccc\t\n".chunks(piece).try_for_each(|bytes| {
            sink.room()?[..bytes.len()].copy_from_slice(bytes);
            sink.take_lines(bytes.len())
        });
        assert_eq!((ended.is_err(), sink.is_full()), (full, full));
        assert_eq!(keys, expect, "{piece} {wanted}");
    }

    #[test]
    fn keys_are_handed_on_until_enough() {
        for piece in [1, 2, 5, 100] {
            check(piece, 9, &["a", "bb", "", "ccc"], false);
            check(piece, 2, &["a", "bb"], true);
        }
    }

    #[test]
    fn a_stopped_job_ends_it_too() {
        let groups = ChildGroups::default();
        groups.stop();
        let mut take = |_: &[u8]| ControlFlow::Continue(());
        let mut sink = KeySink::new(KeyFields { separator: b"\t", key_fields: 1 }, &groups, &mut take);
        assert!(sink.record(RecordRef::default()).is_err() && !sink.is_full());
    }
}
