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
use crate::sync::lock;
use std::io;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Mutex, MutexGuard};
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
    tables: Mutex<Vec<Table>>,
    /// Memory that the tables take.
    bytes: AtomicU64,
}

/// Lines, and the map tasks that they are of.
struct Table {
    lines: FoldBuffer,
    maps: Vec<u32>,
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

    /// Takes in the lines of a map task. A table that is full by them is given out as a run, with its tasks.
    ///
    /// # Errors
    /// There is no memory to sort them in. They stay here, and are tried again with the next task's.
    pub(super) fn add(
        &self,
        map: u32,
        mut lines: Box<FoldBuffer>,
    ) -> Result<Option<(MemoryRun, Vec<u32>)>, ShuffleError> {
        let known = self.lock().pop();
        let mut table = if let Some(mut table) = known {
            self.bytes.fetch_sub(table.lines.table_bytes() as u64, Relaxed);
            table.lines.absorb(&lines);
            lines.clear();
            self.spare.give_back(*lines);
            table
        } else {
            lines.limit(self.limits);
            Table { lines: *lines, maps: Vec::new() }
        };
        table.maps.push(map);
        let run = if table.lines.is_full() { Some(self.sorted(&table.lines)) } else { None };
        if let Some(Ok(run)) = run {
            return Ok(Some((run, table.maps)));
        }
        self.bytes.fetch_add(table.lines.table_bytes() as u64, Relaxed);
        self.lock().push(table);
        run.map_or(Ok(None), |failed| failed.map(|_| None))
    }

    /// Empties all tables, side by side. Each run comes with its tasks.
    ///
    /// # Errors
    /// There is no memory to sort them in. All lines stay here.
    pub(super) fn take_runs(&self) -> Result<Vec<(MemoryRun, Vec<u32>)>, ShuffleError> {
        let mut tables = self.lock();
        let runs = self.sort_all(&tables)?;
        let maps = tables.drain(..).map(|table| table.maps);
        self.bytes.store(0, Relaxed);
        Ok(runs.into_iter().zip(maps).collect())
    }

    /// Forgets all lines.
    pub(super) fn clear(&self) {
        self.lock().clear();
        self.bytes.store(0, Relaxed);
    }

    fn sort_all(&self, tables: &[Table]) -> Result<Vec<MemoryRun>, ShuffleError> {
        thread::scope(|scope| {
            let sorting: Vec<_> = tables
                .iter()
                .map(|table| {
                    (table, thread::Builder::new().spawn_scoped(scope, || self.sorted(&table.lines)))
                })
                .collect();
            let join = |(table, sorting): (&Table, io::Result<thread::ScopedJoinHandle<'_, _>>)| match sorting
            {
                Ok(sorting) => sorting.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)),
                // The system allows no more threads.
                Err(_) => self.sorted(&table.lines),
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

    fn lock(&self) -> MutexGuard<'_, Vec<Table>> {
        lock(&self.tables)
    }
}
