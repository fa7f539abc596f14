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
//! those tie. Equal keys go to the lower input, so the order of inputs decides the order of values.

use super::ShuffleError;
use super::comparator::KeyOrder;
use super::cursor::{Cursor, Head};
use crate::record::RecordRef;
use std::cmp::Ordering;

/// A record of a merge.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Merged<'a> {
    pub(crate) partition: u32,
    pub(crate) record: RecordRef<'a>,
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
    /// records end. A batch at a time, so that the loop inside knows its comparator.
    fn fill_lines(
        &mut self,
        out: &mut Vec<u8>,
        separator: &[u8],
        bytes: usize,
    ) -> Result<Filled, ShuffleError>;
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
    /// Key of the record before, where it begins a group.
    group_key: Vec<u8>,
    /// Partition of the record before.
    group_partition: u32,
}

impl<'a, O: KeyOrder> Merge<'a, O> {
    /// A merge of `inputs`, in the order in which equal keys shall come.
    pub(crate) fn new(inputs: Vec<Cursor<'a>>, order: O) -> Self {
        let heads = vec![Head::END; inputs.len()];
        let tree = vec![0; inputs.len().max(1)];
        let group_partition = Head::END.partition;
        Self { order, inputs, heads, tree, started: false, group_key: Vec::new(), group_partition }
    }

    /// Whether input `a` comes before input `b`.
    fn beats(&self, a: u32, b: u32) -> bool {
        let (one, two) = (self.heads[a as usize], self.heads[b as usize]);
        match one.cmp(&two) {
            Ordering::Less => true,
            Ordering::Greater => false,
            Ordering::Equal if one == Head::END => a < b,
            Ordering::Equal => {
                let (key, other) = (self.inputs[a as usize].key(), self.inputs[b as usize].key());
                if key.len() == other.len() && self.order.prefix_decides(key.len(), other.len()) {
                    return a < b;
                }
                self.order.compare(key, other).then(a.cmp(&b)).is_lt()
            }
        }
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
        self.heads[winner as usize] = self.inputs[winner as usize].advance(&self.order)?;
        let mut node = self.inputs.len() + winner as usize;
        while node > 1 {
            node /= 2;
            let other = self.tree[node];
            if self.beats(other, winner) {
                self.tree[node] = winner;
                winner = other;
            }
        }
        self.tree[0] = winner;
        Ok(())
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
        let key = self.inputs[winner].key();
        // Hadoop's ReduceContext compares whole keys here, also where the sort order looked at a few
        // fields only: KeyFieldBasedComparator leaves WritableComparator.compare(a, b) as it is.
        let new_group = head.partition != self.group_partition || key != self.group_key;
        if new_group {
            self.group_key.clear();
            self.group_key.extend_from_slice(key);
            self.group_partition = head.partition;
        }
        Ok(Some(new_group))
    }
}

impl<O: KeyOrder> RecordStream for Merge<'_, O> {
    fn next_record(&mut self) -> Result<Option<Merged<'_>>, ShuffleError> {
        let Some(new_group) = self.step()? else { return Ok(None) };
        let winner = self.tree[0] as usize;
        let (partition, record) = (self.heads[winner].partition, self.inputs[winner].record());
        Ok(Some(Merged { partition, record, new_group }))
    }

    fn fill_lines(
        &mut self,
        out: &mut Vec<u8>,
        separator: &[u8],
        bytes: usize,
    ) -> Result<Filled, ShuffleError> {
        let mut filled = Filled::default();
        while out.len() < bytes {
            let Some(new_group) = self.step()? else { break };
            let record = self.inputs[self.tree[0] as usize].record();
            out.extend_from_slice(record.key);
            out.extend_from_slice(separator);
            out.extend_from_slice(record.value);
            out.push(b'\n');
            filled.records += 1;
            filled.groups += u64::from(new_group);
        }
        Ok(filled)
    }
}
