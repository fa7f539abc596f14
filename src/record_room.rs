//! Room in memory for long records: how long one may be, and whose turn it is to have one.
//!
//! Every attempt has a share of the memory budget for the record it is at. A record that outgrows the share waits
//! until no other attempt of the job is beyond its own, so that the budget holds for any number of slots. Nobody
//! waits for anything else while it is its turn, hence nobody waits for ever. Who has memory for short records, and
//! for many, is the shuffle's plan.

use crate::ids::AttemptId;
use crate::sync::lock;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// So many copies of a record are in memory at once, at most, where it does not pass through in pieces: in its reader,
/// as its child shall read it, as the child wrote it, in the sort buffer or on its way to a part file.
pub(crate) const RECORD_COPIES: u64 = 4;

/// The long records of a whole job.
#[derive(Debug)]
pub(crate) struct LongRecords {
    /// An attempt's share, in bytes.
    own_bytes: usize,
    /// The most bytes of a record of which several stages of an attempt have a copy.
    copied_bytes_max: usize,
    turn: Mutex<Turn>,
    freed: Condvar,
}

/// Whose turn it is.
#[derive(Debug, Default)]
struct Turn {
    holder: Option<AttemptId>,
    /// Rooms of that attempt that are in use.
    rooms: u32,
}

impl LongRecords {
    /// For attempts that may have `own_bytes` each, and one of them `copied_bytes_max`.
    pub(crate) fn new(own_bytes: u64, copied_bytes_max: u64) -> Arc<Self> {
        let [own_bytes, copied_bytes_max] =
            [own_bytes, copied_bytes_max].map(|bytes| usize::try_from(bytes).unwrap_or(usize::MAX));
        Arc::new(Self { own_bytes, copied_bytes_max, turn: Mutex::default(), freed: Condvar::new() })
    }

    fn turn(&self) -> MutexGuard<'_, Turn> {
        // Two numbers cannot be left half-changed.
        lock(&self.turn)
    }
}

/// Where one stage of an attempt has a record.
#[derive(Debug)]
pub(crate) struct RecordRoom {
    /// `None` for records of any length that are nobody's concern.
    records: Option<(Arc<LongRecords>, AttemptId)>,
    /// Copies of a record, at most, at once.
    copies: u64,
    in_turn: bool,
}

impl RecordRoom {
    /// Room in a stage of `attempt`.
    pub(crate) fn new(records: &Arc<LongRecords>, attempt: AttemptId) -> Self {
        Self { records: Some((Arc::clone(records), attempt)), copies: RECORD_COPIES, in_turn: false }
    }

    /// Room for anything at any time.
    pub(crate) fn unlimited() -> Self {
        Self { records: None, copies: RECORD_COPIES, in_turn: false }
    }

    /// Room for records of which there is one copy more than of others.
    pub(crate) fn with_one_copy_more(mut self) -> Self {
        self.copies += 1;
        self
    }

    /// The most bytes that a record may have.
    pub(crate) fn limit(&self) -> usize {
        self.records.as_ref().map_or(usize::MAX, |(records, _)| self.part_of(records.copied_bytes_max))
    }

    /// Waits until there is room for so many bytes.
    pub(crate) fn wait_for(&mut self, bytes: usize) {
        if self.records.as_ref().is_some_and(|(records, _)| bytes > self.part_of(records.own_bytes)) {
            self.wait_for_turn();
        }
    }

    /// How long a record may be of which there are more copies, where others may have so many bytes.
    fn part_of(&self, bytes: usize) -> usize {
        (bytes as u128 * u128::from(RECORD_COPIES) / u128::from(self.copies)) as usize
    }

    /// Waits until no other attempt has a long record.
    pub(crate) fn wait_for_turn(&mut self) {
        let (false, Some((records, attempt))) = (self.in_turn, &self.records) else { return };
        let mut turn = records.turn();
        while turn.holder.is_some_and(|holder| holder != *attempt) {
            turn = records.freed.wait(turn).unwrap_or_else(PoisonError::into_inner);
        }
        turn.holder = Some(*attempt);
        turn.rooms += 1;
        self.in_turn = true;
    }
}

impl Drop for RecordRoom {
    fn drop(&mut self) {
        let (true, Some((records, _))) = (self.in_turn, &self.records) else { return };
        let mut turn = records.turn();
        turn.rooms -= 1;
        if turn.rooms == 0 {
            turn.holder = None;
            records.freed.notify_all();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;
    use std::sync::mpsc::{TryRecvError, channel};

    #[test]
    fn one_attempt_at_a_time_goes_beyond_its_share() {
        let records = LongRecords::new(10, 100);
        let room = |number| RecordRoom::new(&records, AttemptId { task: TaskId::map(number), attempt: 0 });
        let [mut reader, mut output, mut other] = [room(0), room(0), room(1)];
        assert_eq!(reader.limit(), 100);
        reader.wait_for(11);
        output.wait_for(100);
        other.wait_for(10);
        let (told, hears) = channel();
        std::thread::scope(|scope| {
            scope.spawn(move || {
                told.send(()).unwrap();
                other.wait_for(11);
                told.send(()).unwrap();
            });
            drop(reader);
            hears.recv().unwrap();
            // It gets every chance not to wait. The attempt has a long record still.
            (0..1_000).for_each(|_| std::thread::yield_now());
            assert_eq!(hears.try_recv(), Err(TryRecvError::Empty));
            drop(output);
            hears.recv().unwrap();
        });
        // It is over with the thread.
        assert!(records.turn().holder.is_none());
        let mut more = room(0).with_one_copy_more();
        assert_eq!(more.limit(), 80);
        more.wait_for(8);
        assert!(records.turn().holder.is_none());
        more.wait_for(9);
        assert!(records.turn().holder.is_some());
        let mut free = RecordRoom::unlimited();
        free.wait_for(usize::MAX);
        assert_eq!(free.limit(), usize::MAX);
    }
}
