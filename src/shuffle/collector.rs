//! Map output of one attempt, collected in two buffers: one fills while the other is sorted and spilled.

use super::ShuffleError;
use super::combine::Combine;
use super::comparator::{KeyOrder, Order};
use super::cursor::{Cursor, MemoryCursor};
use super::fold::{FoldBuffer, FoldTables, SAMPLE_BUFFER_BYTES, Sample};
use super::memory::MemoryPlan;
use super::merge::{BATCH, RecordStream, touch};
use super::partitioner::Partitioner;
use super::passes;
use super::run::Run;
use super::sort_buffer::{BufferLimits, Collected, MemoryRun, SortBuffer};
use super::spill::{Spill, SpillWriter};
use crate::ids::AttemptId;
use crate::local_fs::Scratch;
use crate::plan::Fold;
use crate::record::{KeyFields, RecordRef};
use crate::record_room::{LongRecords, RecordRoom};
use crate::writable::WritableKind;
use memchr::memchr;
use std::sync::Arc;
use std::thread::{self, Scope, ScopedJoinHandle};

/// What an attempt's collecting needs to know.
#[derive(Clone, Copy)]
pub(crate) struct CollectSpec<'a> {
    pub(crate) order: &'a Order,
    pub(crate) partitioner: &'a Partitioner,
    pub(crate) partitions: u32,
    pub(crate) memory: &'a MemoryPlan,
    pub(crate) scratch: &'a Scratch,
    pub(crate) combiner: Option<&'a dyn Combine>,
    /// `mapreduce.map.combine.minspills`.
    pub(crate) combine_spills_min: u32,
    /// Begins the names of its spills; unique in the job.
    pub(crate) name: &'a str,
    /// Bytes of output to expect, roughly.
    pub(crate) expected_bytes: u64,
    /// How lines are cut.
    pub(crate) fields: KeyFields<'a>,
    /// Whether lines that repeat are kept once.
    pub(crate) fold: Fold,
    /// Tables for those.
    pub(crate) tables: &'a FoldTables,
    /// Records that outgrow their buffer, in a whole job: one at a time, for each may take all the memory there is.
    /// It goes to disk at once and is not combined on the way. Hadoop: `MapTask.MapOutputBuffer.spillSingleRecord`.
    pub(crate) long_records: &'a Arc<LongRecords>,
    /// Whose they are.
    pub(crate) attempt: AttemptId,
    /// Classes of keys and values, for the serialised lengths of what a combiner leaves.
    pub(crate) kinds: (&'a WritableKind, &'a WritableKind),
}

/// What an attempt leaves.
#[derive(Debug, Default)]
pub(crate) struct MapRuns {
    /// Its runs, in the order it made them.
    pub(crate) runs: Vec<Run>,
    /// All of its records instead, if a table holds them and may be put together with others.
    pub(crate) folded: Option<Box<FoldBuffer>>,
    /// Records that its sorts and merges wrote, in memory or on disk.
    pub(crate) spilled_records: u64,
    /// The lines that were collected.
    pub(crate) collected: Collected,
    /// What a combiner left of its records; without one, all that was collected is left.
    pub(crate) combined: Collected,
}

/// A buffer that was spilled.
struct Spilled {
    spill: Spill,
    /// The buffer, empty again, unless it had outgrown its limit.
    recycled: Option<SortBuffer>,
    combined: Collected,
}

/// Collects the output of one map attempt. `O` is the variant of `spec.order`, so that the loop over
/// records knows it.
pub(crate) struct Collector<'scope, 'env, O> {
    spec: CollectSpec<'env>,
    order: O,
    scope: &'scope Scope<'scope, 'env>,
    buffer: SortBuffer,
    stage: Stage,
    spilling: Option<ScopedJoinHandle<'scope, Result<Spilled, ShuffleError>>>,
    /// The buffer holds a long record, or will.
    long: Option<RecordRoom>,
    done: MapRuns,
}

/// What is done with lines before they are sorted.
enum Stage {
    /// Not known yet: the buffer holds the first of them.
    Sampling(Sample),
    /// Nothing: each is a record of the buffer.
    Sorting,
    /// They repeat. The buffer is empty.
    Folding(Box<FoldBuffer>),
}

impl<'scope, 'env, O: KeyOrder + 'env> Collector<'scope, 'env, O> {
    /// A collector whose spills run on threads of `scope`.
    pub(crate) fn new(
        spec: CollectSpec<'env>,
        order: O,
        scope: &'scope Scope<'scope, 'env>,
    ) -> Result<Self, ShuffleError> {
        let mut limits = spec.memory.buffer_limits();
        let stage = match spec.fold {
            // What a combiner is given at once depends on memory; in order of emission that does not show.
            _ if !O::EQUAL_IS_SAME || spec.combiner.is_some() => Stage::Sorting,
            Fold::Never => Stage::Sorting,
            Fold::Always => Stage::Folding(Box::new(spec.tables.take(limits))),
            Fold::IfRepeated => {
                limits.bytes = limits.bytes.max(SAMPLE_BUFFER_BYTES);
                Stage::Sampling(Sample::new())
            }
        };
        let expected = usize::try_from(spec.expected_bytes).unwrap_or(usize::MAX);
        let buffer = SortBuffer::new(limits, expected, spec.gap())?;
        Ok(Self { spec, order, scope, buffer, stage, spilling: None, long: None, done: MapRuns::default() })
    }

    /// Space to read the child's output into.
    pub(crate) fn room(&mut self) -> Result<&mut [u8], ShuffleError> {
        match &self.stage {
            Stage::Folding(_) if self.long.is_some() => {}
            Stage::Folding(fold) if fold.is_full() => self.rotate_folded()?,
            Stage::Folding(fold) if fold.is_outgrown() => self.begin_long()?,
            Stage::Folding(_) => {}
            _ if self.buffer.room()?.is_none() => self.rotate()?,
            _ if self.buffer.is_outgrown() => self.begin_long()?,
            _ => {}
        }
        match &mut self.stage {
            Stage::Folding(fold) if self.long.is_none() => Ok(fold.room()),
            _ => Ok(self.buffer.room()?.expect("an empty buffer has room or is an error")),
        }
    }

    /// Takes in `count` bytes of whole and broken lines that were read into [`Self::room`].
    pub(crate) fn take_lines(&mut self, count: usize) -> Result<(), ShuffleError> {
        match &mut self.stage {
            Stage::Folding(_) if self.long.is_some() => return self.take_long(count),
            Stage::Folding(fold) => {
                fold.take_lines(count);
                return Ok(());
            }
            Stage::Sorting | Stage::Sampling(_) => {}
        }
        self.buffer.extend(count);
        self.cut_lines();
        if let Stage::Sampling(sample) = &mut self.stage {
            match sample.decide(&self.buffer) {
                None => {}
                Some(false) => self.stop_sampling(),
                Some(true) => self.begin_folding()?,
            }
        }
        Ok(())
    }

    /// Copies one record in. Not to be mixed with lines.
    pub(crate) fn collect(&mut self, record: RecordRef<'_>) -> Result<(), ShuffleError> {
        if !matches!(self.stage, Stage::Sorting) {
            self.stop_sampling();
        }
        if record.key.len() + self.spec.gap() + record.value.len()
            > self.spec.memory.buffer_limits().own_bytes()
        {
            if !self.buffer.is_empty() {
                self.rotate()?;
            }
            self.begin_long()?;
        }
        let partition = self.spec.partitioner.partition(record.key);
        let prefix = self.order.prefix(record.key);
        while !self.buffer.collect(partition, prefix, record)? {
            self.rotate()?;
        }
        Ok(())
    }

    fn cut_lines(&mut self) {
        let taken = self.buffer.cut_lines(&self.spec.fields, &self.order, self.spec.partitioner);
        self.done.collected.add(taken);
    }

    /// Makes ready for a record that outgrows the buffer, which holds what there is of it, or the table does.
    fn begin_long(&mut self) -> Result<(), ShuffleError> {
        if self.long.is_some() {
            return Ok(());
        }
        self.wait_for_spill()?;
        let mut room = RecordRoom::new(self.spec.long_records, self.spec.attempt);
        room.wait_for_turn();
        self.long = Some(room);
        if let Stage::Folding(fold) = &mut self.stage {
            self.buffer.begin_folded(fold.take_begun())?;
        }
        Ok(())
    }

    /// Takes in so many bytes of a line that is too long for the table. What comes behind its end is not: lines of
    /// a table must be sorted by value.
    fn take_long(&mut self, count: usize) -> Result<(), ShuffleError> {
        let Some(end) = memchr(b'\n', self.buffer.peek(count)) else {
            self.buffer.extend(count);
            return Ok(());
        };
        let behind = self.buffer.peek(count)[end + 1..].to_vec();
        self.buffer.extend(end + 1);
        self.cut_lines();
        self.rotate()?;
        if let Stage::Folding(fold) = &mut self.stage {
            fold.take_in(&behind);
        }
        Ok(())
    }

    fn stop_sampling(&mut self) {
        self.stage = Stage::Sorting;
        self.buffer.limit(self.spec.memory.buffer_limits());
    }

    fn begin_folding(&mut self) -> Result<(), ShuffleError> {
        let limits = self.spec.memory.buffer_limits();
        let mut fold = self.spec.tables.take(limits);
        fold.take_over(&self.buffer);
        self.buffer = SortBuffer::new(limits, 0, self.spec.gap())?;
        self.done.collected = Collected::default(); // counted when they leave the table
        self.stage = Stage::Folding(Box::new(fold));
        Ok(())
    }

    /// Sends the full buffer to be spilled and goes on with an empty one.
    fn rotate(&mut self) -> Result<(), ShuffleError> {
        if matches!(self.stage, Stage::Sampling(_)) {
            self.stop_sampling();
        }
        let mut next = self.next_buffer(self.buffer.bytes())?;
        self.buffer.hand_pending_to(&mut next)?;
        let full = std::mem::replace(&mut self.buffer, next);
        self.spill(full)?;
        if self.long.is_some() {
            self.wait_for_spill()?;
            self.long = None;
        }
        Ok(())
    }

    /// Empties the table into a buffer and sends that to be spilled.
    fn rotate_folded(&mut self) -> Result<(), ShuffleError> {
        if let Stage::Folding(mut fold) = std::mem::replace(&mut self.stage, Stage::Sorting) {
            let buffer = self.drain(&mut fold)?;
            self.spill(buffer)?;
            self.stage = Stage::Folding(fold);
        }
        Ok(())
    }

    /// Empties a table into a buffer.
    fn drain(&mut self, fold: &mut FoldBuffer) -> Result<SortBuffer, ShuffleError> {
        let mut buffer = self.next_buffer(fold.drained_bytes())?;
        self.done.collected.add(fold.collected(&self.spec.fields));
        fold.lay_out(&mut buffer, &self.spec.fields, &self.order, self.spec.partitioner)?;
        fold.clear();
        Ok(buffer)
    }

    /// An empty buffer, the last one if that has been spilled: one spill at a time, for two buffers are what the
    /// memory plan grants a slot.
    fn next_buffer(&mut self, expected_bytes: usize) -> Result<SortBuffer, ShuffleError> {
        match self.wait_for_spill()? {
            Some(recycled) => Ok(recycled),
            None => SortBuffer::new(self.spec.memory.buffer_limits(), expected_bytes, self.spec.gap()),
        }
    }

    fn spill(&mut self, full: SortBuffer) -> Result<(), ShuffleError> {
        let (spec, order) = (self.spec, self.order.clone());
        let number = self.done.runs.len();
        let combiner = spec.combiner.filter(|_| self.long.is_none());
        let spill = move || spec.spill(full.sort(&order), number, combiner);
        let started = thread::Builder::new().spawn_scoped(self.scope, spill);
        self.spilling =
            Some(started.map_err(|source| ShuffleError::Thread { action: "spill map output", source })?);
        Ok(())
    }

    fn wait_for_spill(&mut self) -> Result<Option<SortBuffer>, ShuffleError> {
        let Some(spilling) = self.spilling.take() else { return Ok(None) };
        let spilled = match spilling.join() {
            Ok(outcome) => outcome?,
            Err(panic) => std::panic::resume_unwind(panic),
        };
        self.done.spilled_records += spilled.spill.records();
        self.done.combined.add(spilled.combined);
        self.done.runs.push(Run::Disk(spilled.spill));
        Ok(spilled.recycled)
    }

    /// Sorts what is left and gives all runs out; merges them if the combiner shall see them again, or if they
    /// are folded.
    pub(crate) fn finish(mut self) -> Result<MapRuns, ShuffleError> {
        let mut folded = false;
        if let Stage::Folding(mut fold) = std::mem::replace(&mut self.stage, Stage::Sorting) {
            folded = true;
            let all_in_table = self.spilling.is_none() && self.done.runs.is_empty();
            if all_in_table && self.spec.memory.shared_table_bytes > 0 {
                let collected = fold.collected(&self.spec.fields);
                let spilled_records = collected.records;
                return Ok(MapRuns { folded: Some(fold), collected, spilled_records, ..MapRuns::default() });
            }
            self.buffer = self.drain(&mut fold)?;
            self.spec.tables.give_back(*fold);
        }
        self.wait_for_spill()?;
        if self.long.is_some() {
            self.rotate()?;
        }
        if !self.buffer.is_empty() {
            let mut run = self.buffer.sort(&self.order);
            if let Some(combiner) = self.spec.combiner {
                let combined;
                (run, combined) = self.spec.combine_in_memory(&run, &self.order, combiner)?;
                self.done.combined.add(combined);
            }
            self.done.spilled_records += run.records();
            let run = run.shrink().map_err(|source| ShuffleError::Memory { bytes: 0, source })?;
            self.done.runs.push(Run::Memory(run));
        }
        let runs = self.done.runs.len();
        match self.spec.combiner {
            Some(combiner) if runs >= self.spec.combine_spills_min.max(2) as usize => {
                self.spec.combine_runs(self.done, combiner)
            }
            None if folded && runs > 1 => self.spec.merge_folded(self.done),
            _ => Ok(self.done),
        }
    }
}

impl CollectSpec<'_> {
    /// Writes a run to disk, combined if there is a combiner for it, and empties its buffer for the next one.
    fn spill(
        &self,
        run: MemoryRun,
        number: usize,
        combiner: Option<&dyn Combine>,
    ) -> Result<Spilled, ShuffleError> {
        let place = self.scratch.place(format!("{}_spill{number}", self.name));
        let mut writer = SpillWriter::create(place, self.memory.block_bytes)?.heeding(self.scratch.stop());
        writer.mark(run.is_folded() && self.combiner.is_none());
        let mut combined = Collected::default();
        match combiner {
            Some(combiner) => self.combine_partitions(&run, combiner, &mut |partition, record| {
                self.count(record, &mut combined);
                writer.write(partition, record, 1)
            })?,
            None => {
                for batch in run.entries().chunks(BATCH) {
                    touch(batch.iter().map(|entry| (&run, entry)));
                    batch.iter().try_for_each(|entry| {
                        if self.combiner.is_some() {
                            self.count(run.record(entry), &mut combined);
                        }
                        writer.write(entry.partition(), run.record(entry), run.copies(entry))
                    })?;
                }
            }
        }
        let spill = writer.finish(self.partitions)?;
        Ok(Spilled { spill, recycled: run.recycle(self.memory.buffer_limits()), combined })
    }

    fn combine_in_memory(
        &self,
        run: &MemoryRun,
        order: &impl KeyOrder,
        combiner: &dyn Combine,
    ) -> Result<(MemoryRun, Collected), ShuffleError> {
        // The combiner may write more than it read; its output is not spilled again half-way.
        let limits = BufferLimits { bytes: usize::MAX, record_bytes_max: usize::MAX };
        let mut buffer = SortBuffer::new(limits, run.bytes_held() / 4, self.gap())?;
        let mut combined = Collected::default();
        self.combine_partitions(run, combiner, &mut |partition, record| {
            self.count(record, &mut combined);
            let taken = buffer.collect(partition, order.prefix(record.key), record)?;
            if taken { Ok(()) } else { Err(ShuffleError::RecordTooLarge { bytes: 1 << 32, limit: 1 << 32 }) }
        })?;
        Ok((buffer.into_run(), combined))
    }

    fn count(&self, record: RecordRef<'_>, combined: &mut Collected) {
        let (key_kind, value_kind) = self.kinds;
        combined.count(key_kind.serialized_len(record.key), value_kind.serialized_len(record.value));
    }

    /// One combiner call for each partition that has records. Hadoop: `MapTask.sortAndSpill`.
    fn combine_partitions(
        &self,
        run: &MemoryRun,
        combiner: &dyn Combine,
        output: &mut dyn FnMut(u32, RecordRef<'_>) -> Result<(), ShuffleError>,
    ) -> Result<(), ShuffleError> {
        let mut next = 0;
        while let Some(entry) = run.entries().get(next) {
            let partition = entry.partition();
            let range = run.partition(partition);
            next = range.end;
            let cursor = Cursor::Memory(MemoryCursor::new(run, range));
            let mut stream = passes::merge(vec![cursor], self.order);
            combiner.combine(&mut *stream, &mut |record| output(partition, record))?;
        }
        Ok(())
    }

    /// Merges all runs of the attempt into one, combining again. Hadoop: `MapTask.mergeParts`.
    fn combine_runs(&self, done: MapRuns, combiner: &dyn Combine) -> Result<MapRuns, ShuffleError> {
        let runs: Vec<_> = done.runs.into_iter().map(Arc::new).collect();
        let place = self.scratch.place(format!("{}_combined", self.name));
        let mut writer = SpillWriter::create(place, self.memory.block_bytes)?.heeding(self.scratch.stop());
        let mut combined = Collected::default();
        for partition in 0..self.partitions {
            let (inputs, _) = self.passes(partition).narrow(&runs, partition)?;
            if inputs.is_empty() {
                continue;
            }
            let mut stream = self.merge(&inputs, partition);
            combiner.combine(&mut *stream, &mut |record| {
                self.count(record, &mut combined);
                writer.write(partition, record, 1)
            })?;
        }
        let spill = writer.finish(self.partitions)?;
        let spilled_records = done.spilled_records + spill.records();
        let runs = vec![Run::Disk(spill)];
        Ok(MapRuns { runs, folded: None, spilled_records, collected: done.collected, combined })
    }

    /// Merges all runs of the attempt into one by value, so that nothing tells where one of them ended.
    fn merge_folded(&self, done: MapRuns) -> Result<MapRuns, ShuffleError> {
        let MapRuns { runs, collected, combined, folded, .. } = done;
        let runs: Vec<_> = runs.into_iter().map(Arc::new).collect();
        let place = self.scratch.place(format!("{}_folded", self.name));
        let mut writer = SpillWriter::create(place, self.memory.block_bytes)?.heeding(self.scratch.stop());
        for partition in 0..self.partitions {
            let (inputs, _) = self.passes(partition).narrow(&runs, partition)?;
            if inputs.is_empty() {
                continue;
            }
            let mut stream = self.merge(&inputs, partition);
            stream.append_to(&mut writer)?;
        }
        let spill = writer.finish(self.partitions)?;
        let spilled_records = done.spilled_records + spill.records();
        Ok(MapRuns { runs: vec![Run::Disk(spill)], folded, spilled_records, collected, combined })
    }

    fn merge<'r>(&self, runs: &'r [Arc<Run>], partition: u32) -> Box<dyn RecordStream + 'r> {
        passes::merge_runs(runs, partition..partition + 1, self.order, self.memory.read_bytes)
    }

    fn passes(&self, partition: u32) -> passes::Passes<'_> {
        passes::Passes {
            order: self.order,
            memory: self.memory,
            scratch: self.scratch,
            name: format!("{}_{partition}", self.name),
        }
    }

    /// Bytes between key and value of a line.
    fn gap(&self) -> usize {
        self.fields.separator.len()
    }
}
