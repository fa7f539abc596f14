//! The output of finished map tasks until the reducers come for it: in memory while there is room.

use super::ShuffleError;
use super::comparator::Order;
use super::fold::{FoldBuffer, FoldTables};
use super::memory::MemoryPlan;
use super::passes;
use super::run::{Run, RunRank};
use super::shared_fold::{LineSpec, SharedFold};
use super::sort_buffer::MemoryRun;
use super::spill::Spill;
use crate::local_fs::Scratch;
use crate::sync::lock;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, RwLock};

/// Groups of runs that are written out at once, at most: more would be small, and share one disk.
const EVICTIONS_MAX: u32 = 4;

/// Runs in memory at most: each is a map of its own, and the system allows a process 65 530 of them.
const RUNS_HELD_MAX: u64 = 1 << 15;

/// Map output that is on disk now, in one file.
#[derive(Debug)]
pub(crate) struct OnDisk {
    /// Map tasks and which run of theirs, in the order of the runs; folded lines that were left are a task's run 0.
    pub(crate) pieces: Vec<(u32, u32)>,
    /// The file.
    pub(crate) path: PathBuf,
    /// Its size.
    pub(crate) bytes: u64,
}

/// Runs of all finished map tasks of a job.
///
/// They stay until the job ends. When one of them cannot be read any more, the tasks whose records it holds are
/// forgotten with all their runs, and bring them again.
///
/// When they outgrow their share of memory, runs that stand next to each other in rank order are merged
/// into one spill: one file instead of hundreds, and in rank order still, so nothing later can tell that it
/// happened. Once the share has been full, the task that fills a part of it, one of as many as there are slots,
/// writes a group out while others go on; who finds all of it full waits.
pub(crate) struct MapOutputs<'a> {
    state: Mutex<State>,
    /// Read while output is on its way in, or from one place in here to another.
    coming: RwLock<()>,
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
    runs: BTreeMap<RunRank, Held>,
    /// Map tasks whose runs are here, also those that left none.
    added: BTreeSet<u32>,
    /// Those of them that brought folded lines.
    folding: BTreeSet<u32>,
    held_bytes: u64,
    leaving_bytes: u64,
    has_been_full: bool,
    spills: u32,
    /// Runs that were a table of several tasks.
    tables: u32,
    /// Whose lines those have.
    sources: BTreeMap<RunRank, Vec<u32>>,
}

/// A run and whose records are in it: those of the map task in its rank and of all others up to `last_map`, or, if it
/// is folded, of any that fold.
struct Held {
    run: Arc<Run>,
    last_map: u32,
    /// It is being written out.
    leaving: bool,
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
        let (coming, left) = (RwLock::new(()), Condvar::new());
        let (folded, order) = (SharedFold::new(lines, &memory, tables), lines.order);
        Self {
            state,
            coming,
            left,
            folded,
            order,
            memory,
            scratch,
            maps: maps as usize,
            partitions,
            part_bytes,
        }
    }

    /// Takes in the runs of a map task, in the order it made them, or its folded lines. Returns when memory is
    /// within its bounds again, so the task that fills it is the one that waits; and with what came on disk or went
    /// there.
    ///
    /// # Errors
    /// When no room can be made. The output is gone again then, unless it is among other tasks' already: there it has
    /// what another attempt of the task would bring.
    pub(crate) fn add(
        &self,
        map: u32,
        runs: Vec<Run>,
        folded: Option<Box<FoldBuffer>>,
    ) -> Result<Vec<OnDisk>, ShuffleError> {
        let mut on_disk = Vec::new();
        let added = self.take_in(map, runs, folded, &mut on_disk).and_then(|()| self.make_room(&mut on_disk));
        added.inspect_err(|_| self.withdraw(map)).map(|()| on_disk)
    }

    fn take_in(
        &self,
        map: u32,
        runs: Vec<Run>,
        folded: Option<Box<FoldBuffer>>,
        on_disk: &mut Vec<OnDisk>,
    ) -> Result<(), ShuffleError> {
        let _coming = self.coming.read().unwrap_or_else(PoisonError::into_inner);
        if !self.lock().added.contains(&map) {
            let is_folded = folded.is_some() || runs.iter().any(Run::is_folded);
            let full = folded.map_or(Ok(None), |lines| self.folded.add(map, lines));
            let mut state = self.lock();
            for (spill, run) in (0..).zip(runs) {
                if let Run::Disk(file) = &run {
                    on_disk.push(OnDisk::new(vec![(map, spill)], file));
                }
                state.put(map, spill, run);
            }
            state.added.insert(map);
            if is_folded {
                state.folding.insert(map);
            }
            state.put_tables(full?);
        }
        if self.lock().added.len() == self.maps {
            let sorted = self.folded.take_runs()?;
            self.lock().put_tables(sorted);
        }
        Ok(())
    }

    /// Lets go of what a task has added, if it stands alone.
    fn withdraw(&self, map: u32) {
        let mut state = self.lock();
        let alone = BTreeSet::from([map]);
        if !state.folding.contains(&map) && state.sharing(alone.clone()) == alone {
            state.forget(&alone);
        }
        drop(state);
        self.left.notify_all();
    }

    fn make_room(&self, on_disk: &mut Vec<OnDisk>) -> Result<(), ShuffleError> {
        let mut state = self.lock();
        loop {
            let is_full = state.held_bytes + self.folded.bytes() > self.memory.held_bytes;
            state.has_been_full |= is_full;
            let staying = state.held_bytes.saturating_sub(state.leaving_bytes);
            if state.has_been_full && staying > self.part_bytes {
                let Some(eviction) = Eviction::begin(self, &mut state) else { return Ok(()) };
                drop(state);
                on_disk.extend(eviction.write()?);
                state = self.lock();
            } else if is_full && state.leaving_bytes > 0 {
                state = self.left.wait(state).unwrap_or_else(PoisonError::into_inner);
            } else {
                return Ok(());
            }
        }
    }

    /// Brings all that is in memory to disk, and returns what went there. What finds no room there stays.
    pub(crate) fn write_out(&self) -> Vec<OnDisk> {
        {
            let _coming = self.coming.read().unwrap_or_else(PoisonError::into_inner);
            let Ok(sorted) = self.folded.take_runs() else { return Vec::new() };
            self.lock().put_tables(sorted);
        }
        let mut on_disk = Vec::new();
        loop {
            let Some(eviction) = Eviction::begin(self, &mut self.lock()) else { return on_disk };
            let Ok(written) = eviction.write() else { return on_disk };
            on_disk.extend(written);
        }
    }

    /// Takes in a map task whose runs are in [files](Self::restore) of an earlier process.
    pub(crate) fn restore_task(&self, map: u32) {
        self.lock().added.insert(map);
    }

    /// Takes in a file of an earlier process, with the [pieces](OnDisk::pieces) in it.
    pub(crate) fn restore(&self, pieces: &[(u32, u32)], file: Spill) {
        let Some(&(map, spill)) = pieces.first() else { return };
        let mut state = self.lock();
        let rank = RunRank { folded: file.is_folded(), map, spill };
        if rank.folded {
            state.folding.extend(pieces.iter().map(|(map, _)| map));
        }
        let last_map = pieces.iter().map(|(map, _)| *map).max().unwrap_or(map);
        state.runs.insert(rank, Held::new(last_map, Run::Disk(file)));
    }

    /// All runs, in rank order, of the tasks that have added their output: no other is waited for.
    pub(crate) fn runs(&self) -> Result<Vec<Arc<Run>>, ShuffleError> {
        let sorted = self.folded.take_runs()?;
        let mut state = self.lock();
        state.put_tables(sorted);
        Ok(state.runs.values().map(|held| Arc::clone(&held.run)).collect())
    }

    /// Whether the output of a map task is here.
    pub(crate) fn has(&self, map: u32) -> bool {
        self.lock().added.contains(&map)
    }

    /// Forgets the map tasks that have records in the run in this file, and tells which they were: none if there is
    /// no such run.
    pub(crate) fn lose(&self, path: &Path) -> BTreeSet<u32> {
        // No task may be half in.
        let _coming = self.coming.write().unwrap_or_else(PoisonError::into_inner);
        let mut state = self.lock();
        let is_bad = |held: &Held| matches!(&*held.run, Run::Disk(spill) if spill.path() == path);
        let bad = state.runs.iter().find(|(_, held)| is_bad(held));
        let Some(lost) = bad.map(|(rank, held)| state.tasks_of(*rank, held)) else { return BTreeSet::new() };
        // Its tasks have other runs too, and those may hold records of more tasks.
        let lost = state.sharing(lost);
        if state.forget(&lost) {
            self.folded.clear();
        }
        drop(state);
        self.left.notify_all();
        lost
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked holding the lock ends the job; what it left here is only dropped.
        lock(&self.state)
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
        let mut runs = Vec::with_capacity(ranks.len());
        for rank in &ranks {
            let held = state.runs.get_mut(rank)?;
            held.leaving = true;
            runs.push(Arc::clone(&held.run));
        }
        let bytes = runs.iter().map(|run| state.held(run)).sum();
        state.leaving_bytes += bytes;
        state.spills += 1;
        Some(Self { outputs, ranks, runs, bytes, number: state.spills })
    }

    /// Writes the group and puts the spill in its place. `None` if one of its tasks was forgotten meanwhile.
    fn write(mut self) -> Result<Option<OnDisk>, ShuffleError> {
        let MapOutputs { order, memory, scratch, partitions, .. } = *self.outputs;
        let place = scratch.place(format!("held_{}", self.number));
        let mut stream = passes::merge_runs(&self.runs, 0..partitions, order, memory.read_bytes);
        let spill = passes::write_all(&mut *stream, place, memory.block_bytes, partitions, scratch.stop())?;
        drop(stream);
        let mut state = self.outputs.lock();
        if !self.ranks.iter().zip(&self.runs).all(|(rank, run)| state.holds(*rank, run)) {
            // Some were forgotten meanwhile; the others stay where they are.
            return Ok(None);
        }
        let mut pieces = Vec::new();
        for rank in &self.ranks {
            state.runs.remove(rank);
            match state.sources.remove(rank) {
                Some(maps) => pieces.extend(maps.into_iter().map(|map| (map, 0))),
                None => pieces.push((rank.map, rank.spill)),
            }
        }
        let on_disk = OnDisk::new(pieces, &spill);
        state.held_bytes -= self.bytes;
        state.leaving_bytes -= std::mem::take(&mut self.bytes);
        let last_map = self.ranks.last().map_or(0, |rank| rank.map);
        state.runs.insert(self.ranks[0], Held::new(last_map, Run::Disk(spill)));
        drop(state);
        // Given back before others are told that there is room.
        self.runs.clear();
        Ok(Some(on_disk))
    }
}

impl OnDisk {
    fn new(pieces: Vec<(u32, u32)>, file: &Spill) -> Self {
        Self { pieces, path: file.path().to_path_buf(), bytes: file.bytes() }
    }
}

impl Drop for Eviction<'_, '_> {
    fn drop(&mut self) {
        let mut state = self.outputs.lock();
        for (rank, run) in self.ranks.iter().zip(&self.runs) {
            if state.holds(*rank, run)
                && let Some(held) = state.runs.get_mut(rank)
            {
                held.leaving = false;
            }
        }
        state.leaving_bytes -= self.bytes;
        drop(state);
        self.outputs.left.notify_all();
    }
}

impl Held {
    fn new(last_map: u32, run: Run) -> Self {
        Self { run: Arc::new(run), last_map, leaving: false }
    }
}

impl State {
    fn put(&mut self, map: u32, spill: u32, run: Run) {
        self.held_bytes += self.held(&run);
        self.runs.insert(RunRank { folded: run.is_folded(), map, spill }, Held::new(map, run));
    }

    /// Takes in what were tables of several tasks.
    fn put_tables(&mut self, runs: impl IntoIterator<Item = (MemoryRun, Vec<u32>)>) {
        for (run, maps) in runs {
            self.tables += 1;
            self.sources.insert(RunRank { folded: run.is_folded(), map: u32::MAX, spill: self.tables }, maps);
            self.put(u32::MAX, self.tables, Run::Memory(run));
        }
    }

    /// Whether this very run stands at `rank`.
    fn holds(&self, rank: RunRank, run: &Arc<Run>) -> bool {
        self.runs.get(&rank).is_some_and(|held| Arc::ptr_eq(&held.run, run))
    }

    /// The tasks that may have records in a run. Folded lines of all tasks meet in the same tables.
    fn tasks_of(&self, rank: RunRank, held: &Held) -> BTreeSet<u32> {
        if rank.folded {
            return self.folding.clone();
        }
        self.added.range(rank.map..=held.last_map).copied().collect()
    }

    /// The tasks that share runs with these, and those that share runs with them, and so on.
    fn sharing(&self, mut tasks: BTreeSet<u32>) -> BTreeSet<u32> {
        loop {
            let before = tasks.len();
            for (rank, held) in self.runs.iter().filter(|(rank, _)| !rank.folded) {
                if tasks.range(rank.map..=held.last_map).next().is_some() {
                    tasks.extend(self.tasks_of(*rank, held));
                }
            }
            if !self.folding.is_disjoint(&tasks) {
                tasks.extend(&self.folding);
            }
            if tasks.len() == before {
                return tasks;
            }
        }
    }

    /// Lets go of all runs of these tasks, which share none with others; says whether folded ones were among them.
    fn forget(&mut self, tasks: &BTreeSet<u32>) -> bool {
        let folded = !self.folding.is_disjoint(tasks);
        // A table without a line in it is not folded.
        let is_table = |rank: &RunRank| rank.folded || rank.map == u32::MAX;
        let gone = |rank: &RunRank| if is_table(rank) { folded } else { tasks.contains(&rank.map) };
        let bytes =
            |(rank, held_run): (&RunRank, &Held)| if gone(rank) { self.held(&held_run.run) } else { 0 };
        self.held_bytes -= self.runs.iter().map(bytes).sum::<u64>();
        self.runs.retain(|rank, _| !gone(rank));
        self.sources.retain(|rank, _| !gone(rank));
        self.added.retain(|map| !tasks.contains(map));
        self.folding.retain(|map| !tasks.contains(map));
        folded
    }

    /// The neighbours in memory, with no task missing between them, that hold most bytes. Between folded ones none is
    /// missed, for their place says nothing.
    fn largest_group(&self) -> Vec<RunRank> {
        let mut ranks = Vec::<RunRank>::new();
        let (mut best, mut best_bytes) = (0..0, 0);
        let (mut group_at, mut bytes) = (0, 0);
        for (&rank, entry) in &self.runs {
            let run_bytes = if entry.leaving { 0 } else { self.held(&entry.run) };
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
