//! Where an attempt's records go when only their keys matter, and perhaps only the first of them.

use super::TaskFailure;
use super::sink::{LineBlock, RecordSink};
use crate::record::{KeyFields, RecordRef};
use crate::record_room::RecordRoom;
use crate::stop::Stopped;
use crate::streaming::ChildGroups;
use memchr::memchr_iter;
use std::ops::ControlFlow;

/// Bytes of a child's output that are taken in at once.
const BLOCK_BYTES: usize = 64 << 10;

/// Hands the key of each record on and forgets the rest.
pub(super) struct KeySink<'a> {
    fields: KeyFields<'a>,
    /// Says whether the job was stopped.
    groups: &'a ChildGroups,
    take: &'a mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    block: LineBlock,
    full: bool,
}

impl<'a> KeySink<'a> {
    /// `fields` is how lines are cut, for which there is so much room. When `take` breaks off, the sink is full and fails.
    pub(super) fn new(
        fields: KeyFields<'a>,
        groups: &'a ChildGroups,
        room: RecordRoom,
        take: &'a mut dyn FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Self {
        Self { fields, groups, take, block: LineBlock::new(BLOCK_BYTES, room), full: false }
    }

    /// Whether it has failed only because no more keys are wanted.
    pub(super) fn is_full(&self) -> bool {
        self.full
    }

    fn check_more_wanted(&self) -> Result<(), TaskFailure> {
        // A class that is built in has no child to end: it would run on after a signal.
        if self.full || self.groups.stopped() { Err(Stopped.into()) } else { Ok(()) }
    }
}

impl RecordSink for KeySink<'_> {
    fn room(&mut self) -> Result<&mut [u8], TaskFailure> {
        Ok(self.block.room()?)
    }

    fn take_lines(&mut self, count: usize) -> Result<(), TaskFailure> {
        let (fields, take) = (self.fields, &mut self.take);
        let full = self.block.take(count, |lines| {
            let mut start = 0;
            memchr_iter(b'\n', lines).any(|end| {
                let line = fields.split(&lines[start..end]);
                start = end + 1;
                take(line.key).is_break()
            })
        });
        match full {
            None => Ok(()),
            Some(full) => {
                self.full |= full;
                self.check_more_wanted()
            }
        }
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
        let mut sink = KeySink::new(
            KeyFields { separator: b"\t", key_fields: 1 },
            &groups,
            RecordRoom::unlimited(),
            &mut take,
        );
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
        let mut sink = KeySink::new(
            KeyFields { separator: b"\t", key_fields: 1 },
            &groups,
            RecordRoom::unlimited(),
            &mut take,
        );
        assert!(sink.record(RecordRef::default()).is_err() && !sink.is_full());
    }
}
