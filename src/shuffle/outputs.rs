//! The output of finished map tasks until the reducers come for it: in memory while there is room.

use super::ShuffleError;
use super::comparator::Order;
use super::memory::MemoryPlan;
use super::merge::Ties;
use super::passes;
use super::run::{Run, RunRank};
use crate::local_fs::Scratch;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Runs of all finished map tasks of a job.
///
/// When they outgrow their share of memory, runs that stand next to each other in rank order are merged
/// into one spill: one file instead of hundreds, and in rank order still, so nothing later can tell that it
/// happened.
pub(crate) struct MapOutputs<'a> {
    state: Mutex<State>,
    /// Held by the one thread that evicts. Others that find memory full wait for it, so that what is held
    /// stays bounded.
    evicting: Mutex<()>,
    order: &'a Order,
    memory: MemoryPlan,
    scratch: &'a Scratch,
    partitions: u32,
}

#[derive(Default)]
struct State {
    runs: BTreeMap<RunRank, Arc<Run>>,
    /// Map tasks whose runs are here, also those that left none.
    added: BTreeSet<u32>,
    held_bytes: u64,
    spills: u32,
}

impl<'a> MapOutputs<'a> {
    pub(crate) fn new(order: &'a Order, memory: MemoryPlan, scratch: &'a Scratch, partitions: u32) -> Self {
        let (state, evicting) = (Mutex::default(), Mutex::default());
        Self { state, evicting, order, memory, scratch, partitions }
    }

    /// Takes in the runs of a map task, in the order it made them. Returns when memory is within its
    /// bounds again, so the task that fills it is the one that waits.
    pub(crate) fn add(&self, map: u32, runs: Vec<Run>) -> Result<(), ShuffleError> {
        let full = {
            let mut state = self.lock();
            assert!(state.added.insert(map), "a map task commits once");
            state.held_bytes += runs.iter().map(held).sum::<u64>();
            let ranked = (0..).zip(runs).map(|(spill, run)| (RunRank { map, spill }, Arc::new(run)));
            state.runs.extend(ranked);
            state.held_bytes > self.memory.held_bytes
        };
        if !full {
            return Ok(());
        }
        let turn = self.evicting.lock().unwrap_or_else(PoisonError::into_inner);
        while self.lock().held_bytes > self.memory.held_bytes {
            if !self.evict()? {
                break;
            }
        }
        drop(turn);
        Ok(())
    }

    /// Gives all runs out, in rank order.
    pub(crate) fn take_runs(&self) -> Vec<Arc<Run>> {
        std::mem::take(&mut *self.lock()).runs.into_values().collect()
    }

    /// Writes the largest group of neighbours to disk; false if nothing is in memory.
    fn evict(&self) -> Result<bool, ShuffleError> {
        let (ranks, runs, path) = {
            let mut state = self.lock();
            let ranks = state.largest_group();
            state.spills += 1;
            let runs: Vec<_> = ranks.iter().map(|rank| Arc::clone(&state.runs[rank])).collect();
            (ranks, runs, self.scratch.next_dir().join(format!("held_{}", state.spills)))
        };
        let Some(&first) = ranks.first() else { return Ok(false) };
        let mut stream = passes::merge_runs(&runs, 0..self.partitions, self.order, Ties::ByInput);
        let spill = passes::write_all(&mut *stream, path, self.memory.block_bytes, self.partitions)?;
        drop(stream);
        let mut state = self.lock();
        for rank in &ranks {
            state.runs.remove(rank);
        }
        state.held_bytes -= runs.iter().map(|run| held(run)).sum::<u64>();
        state.runs.insert(first, Arc::new(Run::Disk(spill)));
        Ok(true)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A thread that panicked holding the lock ends the job; what it left here is only dropped.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// The neighbours in memory, with no task missing between them, that hold most bytes.
    fn largest_group(&self) -> Vec<RunRank> {
        let (mut best, mut best_bytes) = (Vec::new(), 0);
        let (mut group, mut bytes) = (Vec::<RunRank>::new(), 0);
        for (&rank, run) in &self.runs {
            let run_bytes = held(run);
            let adjoins = group.last().is_none_or(|last| self.all_added(last.map, rank.map));
            if run_bytes == 0 || !adjoins {
                group.clear();
                bytes = 0;
            }
            if run_bytes > 0 {
                group.push(rank);
                bytes += run_bytes;
            }
            if bytes > best_bytes {
                best.clone_from(&group);
                best_bytes = bytes;
            }
        }
        best
    }

    /// Whether no task between two is still to come.
    fn all_added(&self, after: u32, before: u32) -> bool {
        (after + 1..before).all(|map| self.added.contains(&map))
    }
}

/// Memory that a run takes; 0 on disk.
fn held(run: &Run) -> u64 {
    match run {
        Run::Memory(run) => run.bytes_held() as u64,
        Run::Disk(_) => 0,
    }
}
