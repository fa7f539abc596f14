//! One partition merged by several threads: its keys are cut into ranges, and each range is a merge of its own.
//!
//! ```text
//!   run 0  | a a b | c c d | e f |         worker 1 merges range 0, then 2, ...
//!   run 1  | a b b | d     | e e |         worker 2 merges range 1, then 3, ...
//!            range 0  1      2             whoever consumes takes blocks of lines in order of ranges
//! ```
//!
//! A range begins at a key, so no key is in two of them and each range counts its groups alone. In a run on disk it
//! begins with a block, and what of that block comes before it is read twice: there, ranges are larger the more runs
//! there are. Without this a job of one reduce task would keep one core busy while the others wait: 1 GB of random
//! records in memory took 4.5 seconds without and 3.8 with it, on two cores.

use super::ShuffleError;
use super::block_keys::{BlockKeys, Bound};
use super::comparator::Order;
use super::cursor::{Cursor, DiskCursor, MemoryCursor};
use super::memory::MemoryPlan;
use super::merge::Filled;
use super::passes;
use super::run::Run;
use super::sort_buffer::MemoryRun;
use super::spill::{SegmentSpan, Spill};
use crossbeam_channel::{Receiver, Sender, bounded, unbounded};
use std::collections::VecDeque;
use std::ops::Range;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};
use std::thread::{self, Scope};

/// Entries of a range: so few that all workers end at about the same time, so many that cutting costs nothing.
const RANGE_ENTRIES: usize = 1 << 15;
/// Entries that a range should have of each run.
const RUN_ENTRIES: usize = 1 << 5;
/// More ranges serve nobody: of a terabyte they are some 30 MB.
const RANGES_MAX: usize = 1 << 15;
/// Keys looked at for each cut.
const SAMPLES: usize = 4;
/// A range may be so far ahead of the consumer, if a quarter of the budget holds it: the lines of a whole range, or its
/// worker would wait for those before it.
const AHEAD_BYTES_MAX: u64 = 4 << 20;
/// The same if a range reads from disk, where it has to be larger.
const DISK_AHEAD_BYTES_MAX: u64 = 32 << 20;
/// And so many blocks in any case.
const BLOCKS_AHEAD_MIN: usize = 2;
/// A range should have so many times the entries that its begin makes it read in vain, and must have twice as many.
const GOOD_PER_BORDER: u64 = 20;
const LEAST_PER_BORDER: u64 = 2;

/// What the merge of a partition may use.
#[derive(Clone, Copy)]
pub(crate) struct Means<'a> {
    /// Threads, at most.
    pub(crate) workers: usize,
    /// Memory of all that is done here, in bytes.
    pub(crate) budget_bytes: u64,
    pub(crate) memory: &'a MemoryPlan,
}

/// A partition's runs, cut into ranges of keys.
pub(crate) struct Ranges<'a> {
    inputs: Vec<Input<'a>>,
    order: &'a Order,
    /// Where all ranges but the first begin.
    bounds: Vec<Bound>,
    workers: usize,
    /// Lines of a range that wait for the consumer, in bytes.
    ahead_bytes: u64,
    /// What is read of a run at once.
    read_bytes: u64,
}

/// One run's part of the partition.
enum Input<'a> {
    Memory(&'a MemoryRun, Range<usize>),
    Disk(Segment<'a>),
}

struct Segment<'a> {
    spill: &'a Spill,
    partition: u32,
    span: SegmentSpan,
    keys: BlockKeys,
}

/// Lines of a range.
type Block = Result<(Vec<u8>, Filled), ShuffleError>;

impl<'a> Ranges<'a> {
    /// Cuts a partition of runs in rank order. `None` if for two ranges there is too little, or for two workers.
    ///
    /// # Errors
    /// When the keys of a run on disk cannot be read.
    pub(crate) fn cut(
        runs: &'a [Arc<Run>],
        partition: u32,
        order: &'a Order,
        means: Means<'_>,
    ) -> Result<Option<Self>, ShuffleError> {
        Self::cut_by([RANGE_ENTRIES, RUN_ENTRIES], runs, partition, order, means)
    }

    fn cut_by(
        [range_entries, run_entries]: [usize; 2],
        runs: &'a [Arc<Run>],
        partition: u32,
        order: &'a Order,
        means: Means<'_>,
    ) -> Result<Option<Self>, ShuffleError> {
        let inputs = inputs(runs, partition, order, means.budget_bytes)?;
        let Some(sizes) = Sizes::of(&inputs, range_entries, means) else { return Ok(None) };
        let entries: usize = inputs.iter().map(Input::entries).sum();
        // Many small runs are cut into few ranges: each cut is searched for in every run.
        let per_run = entries / (runs.len() * run_entries).max(1);
        let wanted = (entries / sizes.range_entries).min(per_run).min(RANGES_MAX);
        if wanted < 2 {
            return Ok(None);
        }
        let bounds = bounds(&inputs, order, wanted);
        let Sizes { workers, ahead_bytes, read_bytes, .. } = sizes;
        Ok(Some(Self { inputs, order, bounds, workers, ahead_bytes, read_bytes }))
    }

    /// Merges the ranges on as many threads as `share` says, which is asked again at each range, and gives their lines
    /// to `consume` in order, in blocks of about `block_bytes`, until it fails or says that it has enough.
    ///
    /// # Errors
    /// What `consume` returns.
    pub(crate) fn lines<E: From<ShuffleError>>(
        &self,
        share: &(dyn Fn() -> usize + Sync),
        separator: &[u8],
        block_bytes: usize,
        mut consume: impl FnMut(&[u8], Filled) -> Result<bool, E>,
    ) -> Result<(), E> {
        let (give_back, used) = unbounded();
        let blocks_ahead = (self.ahead_bytes as usize / block_bytes.max(1)).max(BLOCKS_AHEAD_MIN);
        let (todo, work) = unbounded::<(usize, Sender<Block>)>();
        // Ranges are handed out as they are consumed, or a slow consumer would find all of them in memory.
        let mut begin = (0..=self.bounds.len()).map(move |range| {
            let (sender, receiver) = bounded(blocks_ahead);
            todo.send((range, sender)).ok(); // the other end is in this function
            receiver
        });
        let mut begun: VecDeque<Receiver<Block>> = begin.by_ref().take(self.workers + 1).collect();
        let crew = Crew { ranges: self, share, separator, block_bytes, workers: AtomicUsize::new(1) };
        thread::scope(|scope| {
            // Only workers hold these, so that nobody waits for workers that are gone.
            let desk = Desk { work, used };
            let worker = thread::Builder::new().spawn_scoped(scope, || crew.work(scope, desk));
            worker.map_err(|source| ShuffleError::Thread { action: "merge map output", source })?;
            // What is not received when this returns is dropped, and then the workers stop.
            let mut consume_all = move || {
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
            consume_all()
        })
    }

    /// The keys before which a range begins and ends, unless it is the first or the last.
    fn begin_and_end(&self, range: usize) -> [Option<&Bound>; 2] {
        [range.checked_sub(1).and_then(|before| self.bounds.get(before)), self.bounds.get(range)]
    }

    /// Has the disk fetch what a range begins with, while the one before it is merged.
    fn read_ahead(&self, range: usize) {
        if range > self.bounds.len() {
            return;
        }
        let [begin, end] = self.begin_and_end(range);
        for Segment { spill, keys, .. } in self.inputs.iter().filter_map(Input::segment) {
            let blocks = keys.between(begin, end, self.order);
            spill.read_ahead(blocks.start..blocks.end.min(blocks.start + self.read_bytes));
        }
    }

    /// A place in each run that has records in a range.
    fn cursors(&self, range: usize) -> Vec<Cursor<'_>> {
        let [begin, end] = self.begin_and_end(range);
        let cursors = self.inputs.iter().filter_map(|input| match input {
            Input::Memory(run, all) => {
                let start = begin.map_or(all.start, |bound| first_from(run, all, bound, self.order));
                let end = end.map_or(all.end, |bound| first_from(run, all, bound, self.order));
                (start < end).then(|| Cursor::Memory(MemoryCursor::new(run, start..end)))
            }
            Input::Disk(Segment { spill, partition, keys, .. }) => {
                let blocks = keys.between(begin, end, self.order);
                let cursor =
                    || DiskCursor::between(spill, *partition, blocks.clone(), [begin, end], self.read_bytes);
                (!blocks.is_empty()).then(|| Cursor::Disk(Box::new(cursor())))
            }
        });
        cursors.collect()
    }
}

/// The threads that merge ranges.
struct Crew<'a> {
    ranges: &'a Ranges<'a>,
    share: &'a (dyn Fn() -> usize + Sync),
    separator: &'a [u8],
    block_bytes: usize,
    /// How many there are.
    workers: AtomicUsize,
}

/// Where a worker finds what to do, and memory to do it in.
struct Desk {
    work: Receiver<(usize, Sender<Block>)>,
    used: Receiver<Vec<u8>>,
}

impl Crew<'_> {
    /// Merges ranges until there are no more. Calls in another worker when the share has grown.
    fn work<'scope>(&'scope self, scope: &'scope Scope<'scope, '_>, desk: Desk) {
        let Desk { work, used } = desk;
        for (range, sender) in &work {
            let workers = self.workers.load(Relaxed);
            if workers < (self.share)().min(self.ranges.workers)
                && self.workers.compare_exchange(workers, workers + 1, Relaxed, Relaxed).is_ok()
            {
                let desk = Desk { work: work.clone(), used: used.clone() };
                // Without another thread, this one does all the work.
                drop(thread::Builder::new().spawn_scoped(scope, || self.work(scope, desk)));
            }
            self.merge(range, &sender, &used);
        }
    }

    /// Sends the lines of one range until they end or nobody wants them.
    fn merge(&self, range: usize, sender: &Sender<Block>, used: &Receiver<Vec<u8>>) {
        let cursors = self.ranges.cursors(range);
        self.ranges.read_ahead(range + 1);
        let mut stream = passes::merge(cursors, self.ranges.order);
        loop {
            let mut lines =
                used.try_recv().unwrap_or_else(|_| Vec::with_capacity(self.block_bytes + (8 << 10)));
            lines.clear();
            let filled = stream.fill_lines(&mut lines, self.separator, self.block_bytes);
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

/// Each run's part of the partition, with so many keys of those on disk as a sixteenth of the budget holds.
fn inputs<'a>(
    runs: &'a [Arc<Run>],
    partition: u32,
    order: &Order,
    budget_bytes: u64,
) -> Result<Vec<Input<'a>>, ShuffleError> {
    let mut spans = Vec::new();
    for run in runs {
        spans.push(match &**run {
            Run::Memory(_) => SegmentSpan::default(),
            Run::Disk(spill) => spill.span(partition)?,
        });
    }
    // A key of usual length takes twice as much in memory.
    let keys_bytes: u64 = spans.iter().map(|span| 2 * span.keys_bytes).sum();
    let every = keys_bytes.div_ceil((budget_bytes / 16).max(1)).max(1) as usize;
    let inputs = runs.iter().zip(spans).map(|(run, span)| match &**run {
        Run::Memory(run) => Ok(Input::Memory(run, run.partition(partition))),
        Run::Disk(spill) => {
            let keys = spill.keys(span, every, order)?;
            Ok(Input::Disk(Segment { spill, partition, span, keys }))
        }
    });
    inputs.collect()
}

impl<'a> Input<'a> {
    /// Its part on disk, if there is one.
    fn segment(&self) -> Option<&Segment<'a>> {
        match self {
            Self::Disk(segment) if segment.span.entries > 0 => Some(segment),
            Self::Disk(_) | Self::Memory(..) => None,
        }
    }

    fn entries(&self) -> usize {
        match self {
            Self::Memory(_, entries) => entries.len(),
            Self::Disk(segment) => segment.span.entries as usize,
        }
    }

    /// Prefix and key of about this entry.
    fn key_near(&self, entry: usize) -> Option<(u64, &[u8])> {
        match self {
            Self::Memory(run, entries) => {
                let entry = &run.entries()[entries.start + entry];
                Some((entry.prefix(), run.key(entry)))
            }
            Self::Disk(Segment { keys, span, .. }) => {
                let number = entry as u64 * keys.len() as u64 / span.entries;
                (keys.len() > 0).then(|| keys.key(number as usize))
            }
        }
    }
}

/// How large ranges are and what they take.
#[derive(Debug, PartialEq, Eq)]
struct Sizes {
    range_entries: usize,
    workers: usize,
    ahead_bytes: u64,
    read_bytes: u64,
}

impl Sizes {
    /// `None` if two workers have no room, or would read too much twice.
    fn of(inputs: &[Input<'_>], range_entries: usize, means: Means<'_>) -> Option<Self> {
        let Means { workers, budget_bytes, memory } = means;
        let part_bytes = budget_bytes / 4; // for lines that wait, and as much again for what is read
        let ahead = |workers: usize, bytes_max: u64| (part_bytes / (workers as u64 + 1)).min(bytes_max);
        let segments: Vec<_> = inputs.iter().filter_map(Input::segment).collect();
        if segments.is_empty() {
            let ahead_bytes = ahead(workers, AHEAD_BYTES_MAX);
            return Some(Self { range_entries, workers, ahead_bytes, read_bytes: memory.read_bytes });
        }
        let sum = |field: fn(&Segment<'_>) -> u64| segments.iter().map(|segment| field(segment)).sum::<u64>();
        let entries = sum(|segment| segment.span.entries);
        let line_bytes = sum(|segment| segment.span.length) / entries
            * sum(|segment| segment.span.records).div_ceil(entries);
        // What a block of each run holds, or as many blocks as have one key.
        let border_entries = sum(|segment| segment.span.entries / segment.keys.len().max(1) as u64);
        let least_entries = LEAST_PER_BORDER * border_entries;
        // Each worker, and the consumer, must have room for a range. Blocks of all runs fit in as much.
        let rooms = (part_bytes / (least_entries * line_bytes)) as usize;
        let workers = workers.min(rooms.saturating_sub(1));
        let ahead_bytes = ahead(workers, DISK_AHEAD_BYTES_MAX);
        let wanted = (GOOD_PER_BORDER * border_entries).max(range_entries as u64);
        let range_entries = wanted.min(ahead_bytes / line_bytes);
        let read_bytes = part_bytes / segments.len() as u64 / (workers as u64).max(1);
        (workers >= 2 && range_entries >= least_entries).then_some(Self {
            range_entries: range_entries as usize,
            workers,
            ahead_bytes,
            read_bytes: read_bytes.min(memory.read_bytes),
        })
    }
}

/// The keys at which ranges begin, in order, each once: every fourth of those that evenly spaced entries have.
///
/// The spaces run on from run to run. Were the first entry of each looked at, thousands of small runs would be cut
/// into as many ranges, and each cut is searched for in all of them: 10 000 files of 2 KB took half again as long.
fn bounds(inputs: &[Input<'_>], order: &Order, wanted: usize) -> Vec<Bound> {
    let entries: usize = inputs.iter().map(Input::entries).sum();
    let step = (entries / (wanted * SAMPLES)).max(1);
    let mut samples: Vec<(u64, &[u8])> = Vec::with_capacity(wanted * SAMPLES + 1);
    let mut skipped = 0;
    for input in inputs {
        let looked_at = (skipped..input.entries()).step_by(step);
        skipped = skipped + looked_at.len() * step - input.entries();
        samples.extend(looked_at.filter_map(|entry| input.key_near(entry)));
    }
    let compare = |a: &(u64, &[u8]), b: &(u64, &[u8])| a.0.cmp(&b.0).then_with(|| order.compare(a.1, b.1));
    samples.sort_by(compare);
    let mut cuts: Vec<_> = samples.into_iter().skip(SAMPLES).step_by(SAMPLES).collect();
    cuts.dedup_by(|a, b| compare(a, b).is_eq());
    cuts.into_iter().map(|(prefix, key)| Bound { prefix, key: key.into() }).collect()
}

/// The first of the entries `all` whose key is not before `bound`.
fn first_from(run: &MemoryRun, all: &Range<usize>, bound: &Bound, order: &Order) -> usize {
    let entries = &run.entries()[all.clone()];
    all.start
        + entries.partition_point(|entry| {
            bound.is_after(entry.prefix(), run.key(entry), |a, b| order.compare(a, b))
        })
}

#[cfg(test)]
mod tests;
