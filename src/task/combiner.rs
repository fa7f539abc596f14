//! A combiner command as the shuffle's [`Combine`]. Hadoop: `PipeCombiner`.

use super::pipes::Child;
use super::reduce_task::feed_stream;
use super::sink::RecordSink;
use super::workdir::Workplace;
use super::{SharedCounters, TaskFailure, TaskHost};
use crate::counters::TaskCounter;
use crate::ids::AttemptId;
use crate::record::{KeyFields, RecordRef};
use crate::shuffle::ShuffleError;
use crate::shuffle::combine::Combine;
use crate::shuffle::merge::RecordStream;
use memchr::memchr_iter;
use std::sync::Mutex;

/// One process for each call: a run's records of one partition in, fewer out.
pub(super) struct CommandCombiner<'a> {
    pub(super) host: &'a TaskHost<'a>,
    pub(super) attempt: AttemptId,
    pub(super) command: &'a [String],
    pub(super) workplace: &'a Workplace,
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
        let child = Child {
            host: self.host,
            attempt: self.attempt,
            command: self.command,
            workplace: self.workplace,
            output: stream.output,
            counters: Some(self.counters),
            mapper: false,
            tail: Mutex::default(),
        };
        let fields = KeyFields { separator: &stream.output_separator, key_fields: stream.key_fields };
        let mut sink = CombinedSink { output, fields, block: Vec::new(), filled: 0, records: 0 };
        let kinds = (&plan.shuffle.key_kind, &plan.shuffle.value_kind);
        let fed = Mutex::new(0);
        let ran = child.run(
            |pipe| {
                feed_stream(input, stream, kinds, pipe, &mut |filled| {
                    *fed.lock().unwrap_or_else(std::sync::PoisonError::into_inner) += filled.records;
                })
            },
            &mut sink,
        );
        let fed = fed.into_inner().unwrap_or_else(std::sync::PoisonError::into_inner);
        self.counters.with(|counters| {
            counters.add(TaskCounter::CombineInputRecords, fed);
            counters.add(TaskCounter::CombineOutputRecords, sink.records);
        });
        ran.map_err(|failure| match failure {
            TaskFailure::Shuffle(error) => error,
            failure => ShuffleError::Combine(Box::new(failure)),
        })
    }
}

/// A combiner's output on its way back into the shuffle.
struct CombinedSink<'a> {
    output: &'a mut dyn FnMut(RecordRef<'_>) -> Result<(), ShuffleError>,
    fields: KeyFields<'a>,
    block: Vec<u8>,
    filled: usize,
    records: u64,
}

impl RecordSink for CombinedSink<'_> {
    fn room(&mut self) -> Result<&mut [u8], TaskFailure> {
        if self.block.len() - self.filled < 32 << 10 {
            self.block.resize((self.block.len() * 2).max(64 << 10), 0);
        }
        Ok(&mut self.block[self.filled..])
    }

    fn take_lines(&mut self, count: usize) -> Result<(), TaskFailure> {
        let end = self.filled + count;
        let mut start = 0;
        for at in memchr_iter(b'\n', &self.block[..end]) {
            (self.output)(self.fields.split(&self.block[start..at]))?;
            self.records += 1;
            start = at + 1;
        }
        self.block.copy_within(start..end, 0);
        self.filled = end - start;
        Ok(())
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<(), TaskFailure> {
        self.records += 1;
        Ok((self.output)(record)?)
    }
}
