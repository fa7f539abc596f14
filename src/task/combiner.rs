//! Combiners as the shuffle's [`Combine`]: commands (Hadoop: `PipeCombiner`) and classes that are built in.
//! Hadoop: `Task.OldCombinerRunner`.

use super::builtin;
use super::failure::CombinerFailure;
use super::pipes::Child;
use super::reduce_task::feed_stream;
use super::sink::{LineBlock, RecordSink};
use super::workdir::Workplace;
use super::{SharedCounters, TaskFailure, TaskHost};
use crate::counters::TaskCounter;
use crate::ids::AttemptId;
use crate::plan::{Processor, ShuffleSpec};
use crate::record::{KeyFields, RecordRef};
use crate::shuffle::ShuffleError;
use crate::shuffle::combine::Combine;
use crate::shuffle::merge::RecordStream;
use crate::streaming::child::{InputLength, InputPipe};
use crate::sync::{into_inner, lock};
use memchr::memchr_iter;
use std::sync::Mutex;

/// Bytes of a combiner's output that are read at once.
const BLOCK_BYTES: usize = 64 << 10;

/// One process for each call: a run's records of one partition in, fewer out.
pub(super) struct CommandCombiner<'a> {
    pub(super) host: &'a TaskHost<'a>,
    pub(super) attempt: AttemptId,
    pub(super) command: &'a [String],
    pub(super) workplace: &'a Workplace<'a>,
    pub(super) counters: &'a SharedCounters,
}

impl Combine for CommandCombiner<'_> {
    fn combine(
        &self,
        input: &mut dyn RecordStream,
        output: &mut dyn FnMut(RecordRef<'_>) -> Result<(), ShuffleError>,
    ) -> Result<(), ShuffleError> {
        let plan = self.host.plan;
        let stream = &plan.reduce_stream;
        let mut child = Child::new(self.host, self.attempt, self.command, self.workplace);
        child.counters = Some(self.counters);
        let fields = KeyFields { separator: &stream.output_separator, key_fields: stream.key_fields };
        let block = LineBlock::new(BLOCK_BYTES, self.host.record_room(self.attempt));
        let mut sink = CombinedSink { output, fields, block, records: 0 };
        let kinds = (&plan.shuffle.key_kind, &plan.shuffle.value_kind);
        let fed = Mutex::new(0);
        let feed = |pipe: &mut InputPipe| {
            feed_stream(input, stream, kinds, pipe, &mut |filled| *lock(&fed) += filled.records)
        };
        let ran = child.run((InputLength::Unknown, feed), &mut sink);
        let fed = into_inner(fed);
        self.counters.with(|counters| {
            counters.add(TaskCounter::CombineInputRecords, fed);
            counters.add(TaskCounter::CombineOutputRecords, sink.records);
        });
        ran.map_err(|failure| match failure {
            TaskFailure::Shuffle(error) => error,
            failure => ShuffleError::Combine(Box::new(CombinerFailure {
                command: self.command.to_vec(),
                stderr_tail: child.into_tail(),
                failure,
            })),
        })
    }
}

/// A reducer of Hadoop's own, one instance for each call.
pub(super) struct BuiltInCombiner<'a> {
    pub(super) shuffle: &'a ShuffleSpec,
    pub(super) class: &'a Processor,
    pub(super) counters: &'a SharedCounters,
}

impl BuiltInCombiner<'_> {
    /// Returns how many records it read and wrote.
    fn reduce(
        &self,
        input: &mut dyn RecordStream,
        output: &mut dyn FnMut(RecordRef<'_>) -> Result<(), ShuffleError>,
    ) -> Result<(u64, u64), TaskFailure> {
        let kinds = (self.shuffle.key_kind.clone(), self.shuffle.value_kind.clone());
        builtin::kinds::check_reducer(self.class, &kinds)?;
        builtin::kinds::check_combined(self.class, &kinds)?;
        let mut reducer = builtin::reducer(self.class, &kinds.1)?;
        let (mut read, mut written) = (0, 0);
        let mut emit = |record: RecordRef<'_>| {
            written += 1;
            Ok(output(record)?)
        };
        builtin::reduce_groups(input, &mut *reducer, &mut emit, &mut |filled| read += filled.records)?;
        Ok((read, written))
    }
}

impl Combine for BuiltInCombiner<'_> {
    fn combine(
        &self,
        input: &mut dyn RecordStream,
        output: &mut dyn FnMut(RecordRef<'_>) -> Result<(), ShuffleError>,
    ) -> Result<(), ShuffleError> {
        let (read, written) = self.reduce(input, output).map_err(|failure| match failure {
            TaskFailure::Shuffle(error) => error,
            failure => ShuffleError::Combine(Box::new(failure)),
        })?;
        self.counters.with(|counters| {
            counters.add(TaskCounter::CombineInputRecords, read);
            counters.add(TaskCounter::CombineOutputRecords, written);
        });
        Ok(())
    }
}

/// A combiner's output on its way back into the shuffle.
struct CombinedSink<'a> {
    output: &'a mut dyn FnMut(RecordRef<'_>) -> Result<(), ShuffleError>,
    fields: KeyFields<'a>,
    block: LineBlock,
    records: u64,
}

impl RecordSink for CombinedSink<'_> {
    fn room(&mut self) -> Result<&mut [u8], TaskFailure> {
        Ok(self.block.room()?)
    }

    fn take_lines(&mut self, count: usize) -> Result<(), TaskFailure> {
        let Self { output, fields, block, records } = self;
        let taken = block.take(count, |lines| {
            let mut start = 0;
            for at in memchr_iter(b'\n', lines) {
                output(fields.split(&lines[start..at]))?;
                *records += 1;
                start = at + 1;
            }
            Ok(())
        });
        taken.unwrap_or(Ok(()))
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<(), TaskFailure> {
        self.records += 1;
        Ok((self.output)(record)?)
    }
}

#[cfg(test)]
mod tests {
    use super::super::builtin::testing::{Given, Record, long, text};
    use super::*;
    use crate::plan::{BuiltIn, KeyOrderSpec, PartitionerSpec};
    use crate::writable::WritableKind::{self, Long, Text};

    fn combine(
        class: BuiltIn,
        value_kind: WritableKind,
        records: &[(&[u8], &[u8])],
        counters: &SharedCounters,
    ) -> Result<Vec<Record>, ShuffleError> {
        let shuffle = ShuffleSpec {
            key_kind: Text,
            value_kind,
            order: KeyOrderSpec::Natural,
            partitioner: PartitionerSpec::Hash,
            merge_width_max: None,
            combine_spills_min: 3,
            fold: crate::plan::Fold::Never,
        };
        let class = Processor::BuiltIn(class);
        let combiner = BuiltInCombiner { shuffle: &shuffle, class: &class, counters };
        let mut combined = Vec::new();
        combiner.combine(&mut Given { records, next: 0 }, &mut |record| {
            combined.push((record.key.to_vec(), record.value.to_vec()));
            Ok(())
        })?;
        Ok(combined)
    }

    /// Hadoop: `Task.CombineValuesIterator`, `Task.CombineOutputCollector`.
    #[test]
    fn a_class_combines_groups_and_counts_records() {
        let counters = SharedCounters::default();
        let records = [(&b"a"[..], &long(1)[..]), (b"a", &long(2)), (b"b", &long(3))];
        for _ in 0..2 {
            let combined = combine(BuiltIn::LongSum, Long, &records, &counters).unwrap();
            assert_eq!(combined, [(text("a"), long(3)), (text("b"), long(3))]);
        }
        let counters = counters.into_inner();
        assert_eq!(counters.get(TaskCounter::CombineInputRecords), 6);
        assert_eq!(counters.get(TaskCounter::CombineOutputRecords), 4);
    }

    #[test]
    fn what_cannot_be_combined_fails_the_attempt() {
        let check = |class: BuiltIn, value_kind: WritableKind, expect: &str| {
            let records = [(&b"LongValueSum:a"[..], &b"x"[..])];
            let error = combine(class, value_kind, &records, &SharedCounters::default()).unwrap_err();
            let error = crate::error::chain(&error);
            assert!(error.starts_with(expect), "{error}");
        };
        let aggregate = || BuiltIn::AggregateCombiner { unique_values_max: 1 };
        check(BuiltIn::LongSum, Text, "the combiner failed: LongSumReducer cannot take values of class");
        check(aggregate(), Text, "the combiner failed: aggregate: LongValueSum cannot read value \"x\"");
        check(aggregate(), Long, "the combiner failed: ValueAggregatorCombiner writes values of class");
    }
}
