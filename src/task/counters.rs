//! Counters whose values follow from Hadoop's file formats rather than from what happens here.

use crate::counters::{Counters, TaskCounter};
use crate::plan::{InputFormat, JobPlan, MapTask};
use crate::shuffle::sort_buffer::Collected;
use crate::writable::text_serialized_len;

/// Two end marks and a checksum close each partition of Hadoop's map output file. Hadoop: `IFile.Writer`.
const SEGMENT_CLOSING_BYTES: u64 = 6;

/// Counts a map task's output: `collected` is what its mapper wrote, `kept` what a combiner left of it.
pub(super) fn count_map_output(
    counters: &mut Counters,
    plan: &JobPlan,
    collected: Collected,
    kept: Collected,
) {
    let materialized = kept.bytes + kept.framing_bytes + SEGMENT_CLOSING_BYTES * u64::from(plan.reduces);
    counters.add(TaskCounter::MapOutputRecords, collected.records);
    counters.add(TaskCounter::MapOutputBytes, collected.bytes);
    counters.add(TaskCounter::MapOutputMaterializedBytes, materialized);
    // Each byte is fetched once, by one reducer or another: the job's sum can be counted here.
    counters.add(TaskCounter::ReduceShuffleBytes, materialized);
    // Hadoop prints these of every job that reduces, with a combiner or without.
    counters.add(TaskCounter::CombineInputRecords, 0);
    counters.add(TaskCounter::CombineOutputRecords, 0);
}

/// A task's entry in Hadoop's split file: a class name and the split. Hadoop: `MapTask.getSplitDetails`,
/// `FileSplit.write`, `CombineFileSplit.write`.
pub(super) fn split_bytes(format: InputFormat, task: &MapTask) -> u64 {
    let text = |length: usize| text_serialized_len(length);
    let path = |split: &crate::plan::InputSplit| text("file:".len() + split.path.as_os_str().len());
    match task.splits.as_slice() {
        [one] if format != InputFormat::CombineText => {
            text("org.apache.hadoop.mapred.FileSplit".len()) + path(one) + 8 + 8
        }
        several => {
            let each: u64 = several.iter().map(|split| path(split) + 8 + 8).sum();
            // Total length; counts of lengths, paths and offsets.
            text("org.apache.hadoop.mapred.lib.CombineFileSplit".len()) + 8 + 3 * 4 + each
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::InputSplit;

    #[test]
    fn a_split_is_as_long_as_in_hadoops_split_file() {
        let split = InputSplit::new("/tmp/in/a.txt".into(), 0, 10, None);
        // 1 + 34 for the class, 1 + 18 for file:/tmp/in/a.txt, 16 for start and length.
        assert_eq!(split_bytes(InputFormat::Text, &MapTask { splits: vec![split] }), 70);
    }
}
