//! One partition merged by several threads: its keys are cut into ranges, and each range is a merge of its own.
//!
//! ```text
//!   run 0  | a a b | c c d | e f |         worker 1 merges range 0, then 2, ...
//!   run 1  | a b b | d     | e e |         worker 2 merges range 1, then 3, ...
//!            range 0  1      2             whoever consumes takes blocks of lines in order of ranges
//! ```
//!
//! A range begins at a key, so no key is in two of them and each range counts its groups alone. Runs must be in
//! memory: a run on disk has no index of its keys. Without this a job of one reduce task would keep one core busy
//! while the others wait: 1 GB of random records took 4.5 seconds without and 3.8 with it, on two cores.

use super::ShuffleError;
use super::comparator::Order;
use super::cursor::{Cursor, MemoryCursor};
use super::merge::Filled;
use super::passes;
use super::run::Run;
use super::sort_buffer::{Entry, MemoryRun};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::cmp::Ordering;
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::thread;

/// Entries of a range: so few that all workers end at about the same time, so many that cutting costs nothing.
const RANGE_ENTRIES: usize = 1 << 15;
/// Entries that a range should have of each run.
const RUN_ENTRIES: usize = 1 << 5;
/// More ranges serve nobody.
const RANGES_MAX: usize = 1 << 10;
/// Keys looked at for each cut.
const SAMPLES: usize = 4;
/// A range may be so far ahead of the consumer, if a quarter of the budget holds it: the lines of a whole range, or its
/// worker would wait for those before it.
const AHEAD_BYTES_MAX: u64 = 4 << 20;
/// And so many blocks in any case.
const BLOCKS_AHEAD_MIN: usize = 2;

/// A partition's runs in memory, cut into ranges of keys.
pub(crate) struct Ranges<'a> {
    runs: Vec<&'a MemoryRun>,
    order: &'a Order,
    /// The entries of each range, by run.
    entries: Vec<Vec<Range<usize>>>,
}

/// Lines of a range.
type Block = Result<(Vec<u8>, Filled), ShuffleError>;

impl<'a> Ranges<'a> {
    /// Cuts a partition of runs in rank order. `None` if a run is on disk, or for two ranges there is too little.
    pub(crate) fn cut(runs: &'a [Arc<Run>], partition: u32, order: &'a Order) -> Option<Self> {
        Self::cut_by([RANGE_ENTRIES, RUN_ENTRIES], runs, partition, order)
    }

    fn cut_by(
        [range_entries, run_entries]: [usize; 2],
        runs: &'a [Arc<Run>],
        partition: u32,
        order: &'a Order,
    ) -> Option<Self> {
        let memory = |run: &'a Arc<Run>| match &**run {
            Run::Memory(run) => Some(run),
            Run::Disk(_) => None,
        };
        let runs: Vec<&MemoryRun> = runs.iter().map(memory).collect::<Option<_>>()?;
        let all: Vec<Range<usize>> = runs.iter().map(|run| run.partition(partition)).collect();
        let entries: usize = all.iter().map(Range::len).sum();
        // Many small runs are cut into few ranges: each cut is searched for in every run.
        let per_run = entries / (runs.len() * run_entries).max(1);
        let wanted = (entries / range_entries).min(per_run).min(RANGES_MAX);
        if wanted < 2 {
            return None;
        }
        let mut ranges = Vec::with_capacity(wanted);
        let mut starts: Vec<usize> = all.iter().map(|range| range.start).collect();
        for cut in cuts(&runs, &all, order, wanted) {
            let ends = runs.iter().zip(&all).zip(&starts).map(|((run, all), &start)| {
                let rest = &run.entries()[start..all.end];
                start + rest.partition_point(|entry| compare(order, (run, entry), cut).is_lt())
            });
            let ends: Vec<usize> = ends.collect();
            ranges.push(starts.iter().zip(&ends).map(|(&start, &end)| start..end).collect());
            starts = ends;
        }
        ranges.push(starts.iter().zip(&all).map(|(&start, all)| start..all.end).collect());
        Some(Self { runs, order, entries: ranges })
    }

    /// Merges the ranges on `workers` threads and gives their lines to `consume` in order, in blocks of about
    /// `block_bytes`, until it fails or says that it has enough. `budget_bytes` is the memory of all.
    ///
    /// # Errors
    /// What `consume` returns.
    pub(crate) fn lines<E: From<ShuffleError>>(
        &self,
        workers: usize,
        budget_bytes: u64,
        separator: &[u8],
        block_bytes: usize,
        mut consume: impl FnMut(&[u8], Filled) -> Result<bool, E>,
    ) -> Result<(), E> {
        let (give_back, used) = unbounded();
        let each = (budget_bytes / 4 / (workers as u64 + 1)).min(AHEAD_BYTES_MAX);
        let blocks_ahead = (each as usize / block_bytes.max(1)).max(BLOCKS_AHEAD_MIN);
        let (todo, work) = unbounded::<(usize, Sender<Block>)>();
        // Ranges are handed out as they are consumed, or a slow consumer would find all of them in memory.
        let mut begin = (0..self.entries.len()).map(move |range| {
            let (sender, receiver) = bounded(blocks_ahead);
            todo.send((range, sender)).ok(); // the other end is in this function
            receiver
        });
        let mut begun: VecDeque<Receiver<Block>> = begin.by_ref().take(workers + 1).collect();
        thread::scope(move |scope| {
            for _ in 0..workers {
                let (work, used) = (work.clone(), used.clone());
                scope.spawn(move || {
                    for (range, sender) in work {
                        self.merge(range, separator, block_bytes, &sender, &used);
                    }
                });
            }
            drop((work, used)); // so that nobody waits for workers that are gone
            // What is not received when this returns is dropped, and then the workers stop.
            let mut consume_all = || {
                while let Some(receiver) = begun.pop_front() {
                    for block in receiver {
                        let (lines, filled) = block?;
                        if !consume(&lines, filled)? {
                            return Ok(());
                        }
                        give_back.send(lines).ok(); // memory to be used again, if a worker is left
                    }
                    begun.extend(begin.next());
                }
                Ok(())
            };
            let outcome = consume_all();
            drop((begin, begun));
            outcome
        })
    }

    /// Sends the lines of one range until they end or nobody wants them.
    fn merge(
        &self,
        range: usize,
        separator: &[u8],
        bytes: usize,
        sender: &Sender<Block>,
        used: &Receiver<Vec<u8>>,
    ) {
        let runs = self.runs.iter().zip(&self.entries[range]);
        let cursors = runs
            .filter(|(_, entries)| !entries.is_empty())
            .map(|(run, entries)| Cursor::Memory(MemoryCursor::new(run, entries.clone())));
        let mut stream = passes::merge(cursors.collect(), self.order);
        loop {
            let mut lines = used.try_recv().unwrap_or_else(|_| Vec::with_capacity(bytes + (8 << 10)));
            lines.clear();
            let filled = stream.fill_lines(&mut lines, separator, bytes);
            let done = filled.is_err() || lines.is_empty();
            if done && filled.is_ok() {
                return;
            }
            if sender.send(filled.map(|filled| (lines, filled))).is_err() || done {
                return;
            }
        }
    }
}

/// The keys at which ranges begin, in order, each once: every fourth of those that evenly spaced entries have.
///
/// The spaces run on from run to run. Were the first entry of each looked at, thousands of small runs would be cut
/// into as many ranges, and each cut is searched for in all of them: 10 000 files of 2 KB took half again as long.
fn cuts<'a>(
    runs: &[&'a MemoryRun],
    all: &[Range<usize>],
    order: &Order,
    wanted: usize,
) -> Vec<(&'a MemoryRun, &'a Entry)> {
    let entries: usize = all.iter().map(Range::len).sum();
    let step = (entries / (wanted * SAMPLES)).max(1);
    let mut samples: Vec<(&MemoryRun, &Entry)> = Vec::with_capacity(wanted * SAMPLES + 1);
    let mut skipped = 0;
    for (&run, range) in runs.iter().zip(all) {
        let looked_at = (skipped..range.len()).step_by(step);
        skipped = skipped + looked_at.len() * step - range.len();
        samples.extend(looked_at.map(|at| (run, &run.entries()[range.start + at])));
    }
    samples.sort_by(|a, b| compare(order, *a, *b));
    let mut cuts: Vec<_> = samples.into_iter().skip(SAMPLES).step_by(SAMPLES).collect();
    cuts.dedup_by(|a, b| compare(order, *a, *b).is_eq());
    cuts
}

fn compare(
    order: &Order,
    (run, entry): (&MemoryRun, &Entry),
    (other, cut): (&MemoryRun, &Entry),
) -> Ordering {
    entry.prefix().cmp(&cut.prefix()).then_with(|| order.compare(run.key(entry), other.key(cut)))
}

#[cfg(test)]
mod tests {
    use super::super::comparator::{ByteOrder, KeyOrder};
    use super::super::sort_buffer::{BufferLimits, SortBuffer};
    use super::*;
    use crate::record::RecordRef;
    use proptest::prelude::*;

    const ORDER: Order = Order::Bytes(ByteOrder);

    fn run_of(records: &[(Vec<u8>, u8)]) -> Arc<Run> {
        let limits = BufferLimits { bytes: 1 << 20, record_bytes_max: 1 << 20 };
        let mut buffer = SortBuffer::new(limits, 0, 1).unwrap();
        for (key, value) in records {
            let record = RecordRef { key, value: &[*value] };
            assert!(buffer.collect(0, ByteOrder.prefix(key), record).unwrap());
        }
        Arc::new(Run::Memory(buffer.sort(&ByteOrder)))
    }

    fn add(total: &mut Filled, more: Filled) {
        total.records += more.records;
        total.groups += more.groups;
    }

    /// All lines and what they count, by one merge.
    fn merged(runs: &[Arc<Run>]) -> (Vec<u8>, Filled) {
        let mut stream = passes::merge_runs(runs, 0..1, &ORDER);
        let mut lines = Vec::new();
        let filled = stream.fill_lines(&mut lines, b"=", usize::MAX).unwrap();
        (lines, filled)
    }

    proptest! {
        #[test]
        fn ranges_are_one_merge_cut_up(
            runs in prop::collection::vec(
                prop::collection::vec((prop::collection::vec(b'a'..b'd', 0..12), 0..9_u8), 0..60), 1..6),
            (range_entries, workers, block) in (1..40_usize, 1..4_usize, 1..200_usize),
        ) {
            let runs: Vec<Arc<Run>> = runs.iter().map(|records| run_of(records)).collect();
            let (expect, expect_filled) = merged(&runs);
            let Some(ranges) = Ranges::cut_by([range_entries, 1], &runs, 0, &ORDER) else { return Ok(()) };
            let (mut lines, mut filled) = (Vec::new(), Filled::default());
            let outcome: Result<(), ShuffleError> = ranges.lines(workers, 1 << 20, b"=", block, |block, more| {
                lines.extend_from_slice(block);
                add(&mut filled, more);
                Ok(true)
            });
            outcome.unwrap();
            prop_assert_eq!(lines, expect);
            prop_assert_eq!(filled, expect_filled);
        }
    }

    #[test]
    fn many_small_runs_make_few_ranges() {
        let check = |runs: u32, records: u32, range_entries, expect| {
            let run = |number| run_of(&vec![(u32::to_be_bytes(number).to_vec(), b'x'); records as usize]);
            let runs: Vec<_> = (0..runs).map(run).collect();
            let ranges = Ranges::cut_by([range_entries, 1], &runs, 0, &ORDER);
            assert_eq!(ranges.map_or(1, |ranges| ranges.entries.len()), expect, "{records} {range_entries}");
        };
        check(1000, 8, 2000, 4);
        check(1000, 1, 250, 1);
        check(100, 8, 80, 8);
        check(2, 800, 400, 3); // one before the first key
    }

    #[test]
    fn a_consumer_may_stop() {
        let records: Vec<_> = (0..5_000_u32).map(|key| (key.to_be_bytes().to_vec(), b'x')).collect();
        let runs = [run_of(&records), run_of(&records)];
        let ranges = Ranges::cut_by([10, 1], &runs, 0, &ORDER).unwrap();
        let mut blocks = 0;
        let outcome: Result<(), ShuffleError> = ranges.lines(3, 0, b"=", 50, |_, _| {
            blocks += 1;
            Ok(blocks < 7)
        });
        outcome.unwrap();
        assert_eq!(blocks, 7);
        let failed =
            ranges.lines(3, 0, b"=", 50, |_, _| Err(ShuffleError::RecordTooLarge { bytes: 1, limit: 0 }));
        assert!(failed.is_err());
    }
}
