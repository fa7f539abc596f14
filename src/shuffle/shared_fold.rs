//! Folded output of many map tasks in as few tables as there are slots.
//!
//! ```text
//!   task 0  [the 7, cat 2] ─┐
//!   task 2  [the 5, dog 1] ─┴─> table [the 12, cat 2, dog 1] ─┐
//!   task 1  [the 9, cow 3] ───> table [the 9, cow 3] ─────────┴─ sorted when all maps are done, or when full
//! ```
//!
//! Tasks that count words bring mostly the same lines: 16 tasks of a test had 5.6 million different ones each for
//! itself and one million together. What is put together here is sorted, arranged and merged once.
//!
//! A task keeps a table of its own while it runs: that one fits a cache, and an attempt that fails has touched nothing
//! else. Which tasks meet in which table depends on timing, and nothing shows it, for folded records of equal keys come
//! out by value wherever they were.

use super::ShuffleError;
use super::comparator::Order;
use super::fold::{FoldBuffer, FoldTables};
use super::memory::MemoryPlan;
use super::partitioner::Partitioner;
use super::sort_buffer::{BufferLimits, MemoryRun, SortBuffer};
use crate::record::KeyFields;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::thread;

/// How lines become records.
#[derive(Clone, Copy)]
pub(crate) struct LineSpec<'a> {
    pub(crate) order: &'a Order,
    pub(crate) partitioner: &'a Partitioner,
    pub(crate) fields: KeyFields<'a>,
}

/// The tables of a job.
pub(crate) struct SharedFold<'a> {
    spec: LineSpec<'a>,
    limits: BufferLimits,
    /// Where the tables of tasks go once they are empty.
    spare: &'a FoldTables,
    tables: Mutex<Vec<FoldBuffer>>,
    /// Memory that the tables take.
    bytes: AtomicU64,
}

impl<'a> SharedFold<'a> {
    pub(super) fn new(spec: LineSpec<'a>, memory: &MemoryPlan, spare: &'a FoldTables) -> Self {
        let bytes = usize::try_from(memory.shared_table_bytes).unwrap_or(usize::MAX);
        let limits = BufferLimits { bytes, ..memory.buffer_limits() };
        Self { spec, limits, spare, tables: Mutex::default(), bytes: AtomicU64::new(0) }
    }

    /// Memory that the tables take, in bytes.
    pub(super) fn bytes(&self) -> u64 {
        self.bytes.load(Relaxed)
    }

    /// Takes in the lines of a task. A table that is full by them is given out as a run.
    ///
    /// # Errors
    /// There is no memory to sort them in. They stay here, and are tried again with the next task's.
    pub(super) fn add(&self, mut lines: Box<FoldBuffer>) -> Result<Option<MemoryRun>, ShuffleError> {
        let known = self.lock().pop();
        let table = if let Some(mut table) = known {
            self.bytes.fetch_sub(table.table_bytes() as u64, Relaxed);
            table.absorb(&lines);
            lines.clear();
            self.spare.give_back(*lines);
            table
        } else {
            lines.limit(self.limits);
            *lines
        };
        let run = if table.is_full() { Some(self.sorted(&table)) } else { None };
        if !matches!(run, Some(Ok(_))) {
            self.bytes.fetch_add(table.table_bytes() as u64, Relaxed);
            self.lock().push(table);
        }
        run.transpose()
    }

    /// Empties all tables, side by side.
    ///
    /// # Errors
    /// There is no memory to sort them in. All lines stay here.
    pub(super) fn take_runs(&self) -> Result<Vec<MemoryRun>, ShuffleError> {
        let mut tables = self.lock();
        let runs = self.sort_all(&tables)?;
        tables.clear();
        self.bytes.store(0, Relaxed);
        Ok(runs)
    }

    /// Forgets all lines.
    pub(super) fn clear(&self) {
        self.lock().clear();
        self.bytes.store(0, Relaxed);
    }

    fn sort_all(&self, tables: &[FoldBuffer]) -> Result<Vec<MemoryRun>, ShuffleError> {
        thread::scope(|scope| {
            let sorting: Vec<_> = tables.iter().map(|table| scope.spawn(|| self.sorted(table))).collect();
            let join = |sorting: thread::ScopedJoinHandle<'_, _>| match sorting.join() {
                Ok(run) => run,
                Err(panic) => std::panic::resume_unwind(panic),
            };
            sorting.into_iter().map(join).collect()
        })
    }

    fn sorted(&self, table: &FoldBuffer) -> Result<MemoryRun, ShuffleError> {
        let LineSpec { order, partitioner, fields } = self.spec;
        let mut buffer = SortBuffer::new(self.limits, table.drained_bytes(), fields.separator.len())?;
        match order {
            Order::Bytes(order) => {
                table.lay_out(&mut buffer, &fields, order, partitioner)?;
                Ok(buffer.sort(order))
            }
            Order::Number(order) => {
                table.lay_out(&mut buffer, &fields, order, partitioner)?;
                Ok(buffer.sort(order))
            }
            Order::Fields(order) => {
                table.lay_out(&mut buffer, &fields, order, partitioner)?;
                Ok(buffer.sort(order))
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, Vec<FoldBuffer>> {
        self.tables.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
