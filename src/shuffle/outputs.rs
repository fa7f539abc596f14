//! The output of finished map tasks until the reducers come for it: in memory while there is room.

use super::ShuffleError;
use super::comparator::Order;
use super::fold::{FoldBuffer, FoldTables};
use super::memory::MemoryPlan;
use super::passes;
use super::run::{Run, RunRank};
use super::shared_fold::{LineSpec, SharedFold};
use super::sort_buffer::MemoryRun;
use crate::local_fs::Scratch;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

/// Groups of runs that are written out at once, at most: more would be small, and share one disk.
const EVICTIONS_MAX: u32 = 4;

/// Runs in memory at most: each is a map of its own, and the system allows a process 65 530 of them.
const RUNS_HELD_MAX: u64 = 1 << 15;

/// Runs of all finished map tasks of a job.
///
/// When they outgrow their share of memory, runs that stand next to each other in rank order are merged
/// into one spill: one file instead of hundreds, and in rank order still, so nothing later can tell that it
/// happened. Once the share has been full, the task that fills a part of it, one of as many as there are slots,
/// writes a group out while others go on; who finds all of it full waits.
pub(crate) struct MapOutputs<'a> {
    state: Mutex<State>,
    /// Told when runs have left memory, or did not.
    left: Condvar,
    /// Output that repeats itself.
    folded: SharedFold<'a>,
    order: &'a Order,
    memory: MemoryPlan,
    scratch: &'a Scratch,
    maps: usize,
    partitions: u32,
    /// Bytes in memory, but for those on their way out, above which a group of runs has to go if not all fits.
    part_bytes: u64,
}

#[derive(Default)]
struct State {
    /// What a run in memory counts at least.
    run_bytes_min: u64,
    runs: BTreeMap<RunRank, Arc<Run>>,
    /// Map tasks whose runs are here, also those that left none.
    added: BTreeSet<u32>,
    /// Runs that are being written out.
    leaving: BTreeSet<RunRank>,
    held_bytes: u64,
    leaving_bytes: u64,
    has_been_full: bool,
    spills: u32,
    /// Runs that were a table of several tasks.
    tables: u32,
}

impl<'a> MapOutputs<'a> {
    /// For so many `maps`, which run in so many `slots` at once.
    pub(crate) fn new(
        lines: LineSpec<'a>,
        tables: &'a FoldTables,
        memory: MemoryPlan,
        scratch: &'a Scratch,
        [maps, partitions, slots]: [u32; 3],
    ) -> Self {
        let part_bytes = memory.held_bytes / u64::from(slots.clamp(1, EVICTIONS_MAX));
        let run_bytes_min = memory.held_bytes / RUNS_HELD_MAX;
        let state = Mutex::new(State { run_bytes_min, ..State::default() });
        let left = Condvar::new();
        let (folded, order) = (SharedFold::new(lines, &memory, tables), lines.order);
        Self { state, left, folded, order, memory, scratch, maps: maps as usize, partitions, part_bytes }
    }

    /// Takes in the runs of a map task, in the order it made them, or its folded lines. Returns when memory is
    /// within its bounds again, so the task that fills it is the one that waits.
    pub(crate) fn add(
        &self,
        map: u32,
        runs: Vec<Run>,
        folded: Option<Box<FoldBuffer>>,
    ) -> Result<(), ShuffleError> {
        // An attempt before this one may have left its output here and failed only to make room for it.
        if !self.lock().added.contains(&map) {
            let full = folded.map_or(Ok(None), |lines| self.folded.add(lines));
            let mut state = self.lock();
            (0..).zip(runs).for_each(|(spill, run)| state.put(map, spill, run));
            state.added.insert(map);
            state.put_tables(full?);
        }
        if self.lock().added.len() == self.maps {
            let sorted = self.folded.take_runs()?;
            self.lock().put_tables(sorted);
        }
        self.make_room()
    }

    fn make_room(&self) -> Result<(), ShuffleError> {
        let mut state = self.lock();
        loop {
            let is_full = state.held_bytes + self.folded.bytes() > self.memory.held_bytes;
            state.has_been_full |= is_full;
            if state.has_been_full && state.held_bytes - state.leaving_bytes > self.part_bytes {
                let Some(eviction) = Eviction::begin(self, &mut state) else { return Ok(()) };
                drop(state);
                eviction.write()?;
                state = self.lock();
            } else if is_full && state.leaving_bytes > 0 {
                state = self.left.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                return Ok(());
            }
        }
    }

    /// Gives all runs out, in rank order, once every map task has added its output.
    pub(crate) fn take_runs(&self) -> Vec<Arc<Run>> {
        std::mem::take(&mut *self.lock()).runs.into_values().collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked holding the lock ends the job; what it left here is only dropped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A group of neighbours on its way to disk. Dropped before it is there, the group stays in memory.
struct Eviction<'o, 'a> {
    outputs: &'o MapOutputs<'a>,
    ranks: Vec<RunRank>,
    runs: Vec<Arc<Run>>,
    bytes: u64,
    number: u32,
}

impl<'o, 'a> Eviction<'o, 'a> {
    /// Chooses the largest group; `None` if nothing is in memory that does not leave already.
    fn begin(outputs: &'o MapOutputs<'a>, state: &mut State) -> Option<Self> {
        let ranks = state.largest_group();
        if ranks.is_empty() {
            return None;
        }
        let runs: Vec<_> = ranks.iter().map(|rank| Arc::clone(&state.runs[rank])).collect();
        let bytes = runs.iter().map(|run| state.held(run)).sum();
        state.leaving.extend(&ranks);
        state.leaving_bytes += bytes;
        state.spills += 1;
        Some(Self { outputs, ranks, runs, bytes, number: state.spills })
    }

    /// Writes the group and puts the spill in its place.
    fn write(mut self) -> Result<(), ShuffleError> {
        let MapOutputs { order, memory, scratch, partitions, .. } = *self.outputs;
        let path = scratch.next_dir().join(format!("held_{}", self.number));
        let mut stream = passes::merge_runs(&self.runs, 0..partitions, order, memory.read_bytes);
        let spill = passes::write_all(&mut *stream, path, memory.block_bytes, partitions, scratch.stop())?;
        drop(stream);
        let mut state = self.outputs.lock();
        for rank in &self.ranks {
            state.runs.remove(rank);
        }
        state.held_bytes -= self.bytes;
        state.leaving_bytes -= std::mem::take(&mut self.bytes);
        state.runs.insert(self.ranks[0], Arc::new(Run::Disk(spill)));
        drop(state);
        // Given back before others are told that there is room.
        self.runs.clear();
        Ok(())
    }
}

impl Drop for Eviction<'_, '_> {
    fn drop(&mut self) {
        let mut state = self.outputs.lock();
        for rank in &self.ranks {
            state.leaving.remove(rank);
        }
        state.leaving_bytes -= self.bytes;
        drop(state);
        self.outputs.left.notify_all();
    }
}

impl State {
    fn put(&mut self, map: u32, spill: u32, run: Run) {
        self.held_bytes += self.held(&run);
        self.runs.insert(RunRank { folded: run.is_folded(), map, spill }, Arc::new(run));
    }

    /// Takes in what were tables of several tasks.
    fn put_tables(&mut self, runs: impl IntoIterator<Item = MemoryRun>) {
        for run in runs {
            self.tables += 1;
            self.put(u32::MAX, self.tables, Run::Memory(run));
        }
    }

    /// The neighbours in memory, with no task missing between them, that hold most bytes. Between folded ones none is
    /// missed, for their place says nothing.
    fn largest_group(&self) -> Vec<RunRank> {
        let mut ranks = Vec::<RunRank>::new();
        let (mut best, mut best_bytes) = (0..0, 0);
        let (mut group_at, mut bytes) = (0, 0);
        for (&rank, run) in &self.runs {
            let run_bytes = if self.leaving.contains(&rank) { 0 } else { self.held(run) };
            let adjoins = ranks[group_at..].last().is_none_or(|last| {
                last.folded == rank.folded && (last.folded || self.all_added(last.map, rank.map))
            });
            if run_bytes == 0 || !adjoins {
                (group_at, bytes) = (ranks.len(), 0);
            }
            if run_bytes > 0 {
                ranks.push(rank);
                bytes += run_bytes;
            }
            if bytes > best_bytes {
                (best, best_bytes) = (group_at..ranks.len(), bytes);
            }
        }
        ranks[best].to_vec()
    }

    /// Memory that a run takes, as it counts here; 0 on disk.
    fn held(&self, run: &Run) -> u64 {
        match run {
            Run::Memory(run) => (run.bytes_held() as u64).max(self.run_bytes_min),
            Run::Disk(_) => 0,
        }
    }

    /// Whether no task between two is still to come.
    fn all_added(&self, after: u32, before: u32) -> bool {
        (after + 1..before).all(|map| self.added.contains(&map))
    }
}
