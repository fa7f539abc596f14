//! The inputs of one partition's merge, brought down to a width that memory and open files allow.

use super::ShuffleError;
use super::comparator::Order;
use super::cursor::{Cursor, DiskCursor, MemoryCursor};
use super::memory::MemoryPlan;
use super::merge::{Merge, RecordStream};
use super::run::Run;
use super::spill::{Spill, SpillWriter};
use crate::local_fs::{Place, Scratch};
use crate::stop::StopFlag;
use std::ops::Range;
use std::sync::Arc;

/// A merge by whichever order the job has.
pub(crate) fn merge<'a>(inputs: Vec<Cursor<'a>>, order: &Order) -> Box<dyn RecordStream + 'a>
where
    Order: 'a,
{
    match order {
        Order::Bytes(order) => Box::new(Merge::new(inputs, order.clone())),
        Order::Number(order) => Box::new(Merge::new(inputs, order.clone())),
        Order::Fields(order) => Box::new(Merge::new(inputs, order.clone())),
    }
}

/// Writes all records of `stream` to a new spill.
pub(crate) fn write_all(
    stream: &mut dyn RecordStream,
    place: impl Into<Place>,
    block_bytes: u64,
    partitions: u32,
    stop: &StopFlag,
) -> Result<Spill, ShuffleError> {
    let mut writer = SpillWriter::create(place, block_bytes)?.heeding(stop);
    stream.append_to(&mut writer)?;
    writer.finish(partitions)
}

/// A merge over `partitions` of `runs`, which stand in rank order. Of each on disk so many bytes are read at once.
pub(crate) fn merge_runs<'a>(
    runs: &'a [Arc<Run>],
    partitions: Range<u32>,
    order: &Order,
    read_bytes: u64,
) -> Box<dyn RecordStream + 'a> {
    let cursors = runs.iter().map(|run| match &**run {
        Run::Memory(run) => {
            let start = run.partition(partitions.start).start;
            let end = run.partition(partitions.end).start;
            Cursor::Memory(MemoryCursor::new(run, start..end))
        }
        Run::Disk(spill) => Cursor::Disk(Box::new(DiskCursor::new(spill, partitions.clone(), read_bytes))),
    });
    merge(cursors.collect(), order)
}

/// What a merge pass needs to know.
pub(crate) struct Passes<'a> {
    pub(crate) order: &'a Order,
    pub(crate) memory: &'a MemoryPlan,
    pub(crate) scratch: &'a Scratch,
    /// Begins the names of its files; unique in the job.
    pub(crate) name: String,
}

impl Passes<'_> {
    /// Leaves out runs without records in `partition` and merges neighbours on disk until few enough are
    /// left for one merge. Returns the runs and how many records were written on the way.
    ///
    /// Neighbours only, so that equal keys stay in rank order; the cheapest ones first. Runs in memory
    /// cost no file and no buffer and do not count.
    pub(crate) fn narrow(
        &self,
        runs: &[Arc<Run>],
        partition: u32,
    ) -> Result<(Vec<Arc<Run>>, u64), ShuffleError> {
        let mut left = Vec::new();
        for run in runs {
            let bytes = bytes_of(run, partition)?;
            if bytes > 0 {
                left.push((Arc::clone(run), bytes));
            }
        }
        let width = self.width(&left, partition)?;
        let (mut pass, mut records) = (0, 0);
        loop {
            let on_disk = left.iter().filter(|(run, _)| matches!(**run, Run::Disk(_))).count();
            if on_disk <= width {
                return Ok((left.into_iter().map(|(run, _)| run).collect(), records));
            }
            // The first pass takes just so many that all later ones are full.
            let window = cheapest_window(&left, width.min(on_disk - width + 1));
            let inputs: Vec<_> = left[window.clone()].iter().map(|(run, _)| Arc::clone(run)).collect();
            let place = self.scratch.place(format!("{}_merge{pass}", self.name));
            let mut stream =
                merge_runs(&inputs, partition..partition + 1, self.order, self.memory.read_bytes);
            let (block_bytes, stop) = (self.memory.block_bytes, self.scratch.stop());
            let spill = write_all(&mut *stream, place, block_bytes, partition + 1, stop)?;
            drop(stream);
            records += spill.records();
            let bytes = spill.bytes();
            left.splice(window, [(Arc::new(Run::Disk(spill)), bytes)]);
            pass += 1;
        }
    }
}

impl Passes<'_> {
    /// How many runs on disk one merge may read: fewer if their blocks are large, for a block holds a whole record.
    fn width(&self, runs: &[(Arc<Run>, u64)], partition: u32) -> Result<usize, ShuffleError> {
        let MemoryPlan { merge_width_max, read_bytes, .. } = *self.memory;
        let mut largest = read_bytes;
        for (run, bytes) in runs {
            if let Run::Disk(spill) = &**run {
                largest = largest.max(bytes / spill.span(partition)?.records.max(1));
            }
        }
        Ok(usize::try_from(merge_width_max as u64 * read_bytes / largest).unwrap_or(usize::MAX).max(2))
    }
}

fn bytes_of(run: &Run, partition: u32) -> Result<u64, ShuffleError> {
    Ok(match run {
        Run::Memory(run) => run.partition(partition).len() as u64,
        Run::Disk(spill) => spill.span(partition)?.length,
    })
}

/// The neighbours with up to `on_disk` runs on disk among them, as many as can be, and the fewest bytes to move.
/// All of them are folded or none is: a spill of both kinds could not be merged again.
fn cheapest_window(runs: &[(Arc<Run>, u64)], on_disk: usize) -> Range<usize> {
    let disk: Vec<usize> = runs
        .iter()
        .enumerate()
        .filter(|(_, (run, _))| matches!(**run, Run::Disk(_)))
        .map(|(i, _)| i)
        .collect();
    let unfolded = disk.partition_point(|&at| !runs[at].0.is_folded());
    let kinds = [&disk[..unfolded], &disk[unfolded..]];
    let on_disk = on_disk.min(kinds[0].len().max(kinds[1].len()));
    let windows = kinds.into_iter().flat_map(|kind| kind.windows(on_disk));
    let cost = |window: &Range<usize>| runs[window.clone()].iter().map(|(_, bytes)| *bytes).sum::<u64>();
    let windows = windows.map(|ends| ends[0]..ends[on_disk - 1] + 1);
    windows.min_by_key(cost).expect("there are more runs on disk than the window takes")
}

#[cfg(test)]
mod tests {
    use super::super::comparator::ByteOrder;
    use super::*;
    use crate::record::RecordRef;

    const MEMORY: MemoryPlan = MemoryPlan {
        sort_buffer_bytes: 1,
        record_bytes_max: 1 << 20,
        copied_bytes_max: 1 << 20,
        own_copied_bytes: 1 << 20,
        held_bytes: 0,
        shared_table_bytes: 0,
        block_bytes: 4_096,
        read_bytes: 4_096,
        merge_width_max: 64,
    };

    #[test]
    fn a_merge_of_large_records_reads_fewer_runs() {
        let scratch = Scratch::create(&[std::env::temp_dir()]).unwrap();
        let memory = MEMORY;
        let name = "job".to_owned();
        let passes = Passes { order: &Order::Bytes(ByteOrder), memory: &memory, scratch: &scratch, name };
        for (value_bytes, expect) in [(10, 64), (4_000, 64), (8_192, 31), (70_000, 3), (1 << 20, 2)] {
            let path = scratch.next_dir().join(value_bytes.to_string());
            let mut writer = SpillWriter::create(path, memory.block_bytes).unwrap();
            let value = vec![b'v'; value_bytes];
            for _ in 0..3 {
                writer.write(0, RecordRef { key: b"k", value: &value }, 1).unwrap();
            }
            let spill = writer.finish(1).unwrap();
            let bytes = spill.span(0).unwrap().length;
            assert_eq!(
                passes.width(&[(Arc::new(Run::Disk(spill)), bytes)], 0).unwrap(),
                expect,
                "{value_bytes}"
            );
        }
    }

    #[test]
    fn a_job_that_ends_merges_no_further() {
        let scratch = Scratch::create(&[std::env::temp_dir()]).unwrap();
        let memory = MemoryPlan { merge_width_max: 2, ..MEMORY };
        let runs: Vec<_> = (0..3)
            .map(|number| {
                let path = scratch.first_dir().join(number.to_string());
                let mut writer = SpillWriter::create(path, memory.block_bytes).unwrap();
                writer.write(0, RecordRef { key: b"k", value: b"v" }, 1).unwrap();
                Arc::new(Run::Disk(writer.finish(1).unwrap()))
            })
            .collect();
        let order = Order::Bytes(ByteOrder);
        let stop = StopFlag::default();
        scratch.heed(&stop);
        let passes = |name: &str| {
            let passes = Passes { order: &order, memory: &memory, scratch: &scratch, name: name.to_owned() };
            passes.narrow(&runs, 0).map(|(left, _)| left.len())
        };
        assert_eq!(passes("before").unwrap(), 2);
        stop.set();
        assert!(matches!(passes("after"), Err(ShuffleError::Stopped(_))));
    }
}
