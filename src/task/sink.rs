//! Where an attempt's records go: to the collector of the shuffle, or to a part file.

use super::TaskFailure;
use crate::output::TaskOutput;
use crate::record::{KeyFields, RecordRef};
use crate::shuffle::collector::{Collector, MapRuns};
use crate::shuffle::comparator::KeyOrder;
use crate::shuffle::sort_buffer::Collected;
use crate::writable::WritableKind;
use memchr::{memchr_iter, memrchr};

/// Bytes of a child's output that are taken in at once on the way to a part file.
const BLOCK_BYTES: usize = 256 << 10;

/// Takes an attempt's records: lines in bulk, or one record at a time.
pub(super) trait RecordSink {
    /// Space to read a child's lines into, never empty.
    fn room(&mut self) -> Result<&mut [u8], TaskFailure>;
    /// Takes in `count` bytes of [`Self::room`]: lines that end in LF, the last one perhaps broken off.
    fn take_lines(&mut self, count: usize) -> Result<(), TaskFailure>;
    /// Takes one record. Not to be mixed with lines.
    fn record(&mut self, record: RecordRef<'_>) -> Result<(), TaskFailure>;
}

/// Map output on its way to the reducers.
pub(super) struct CollectorSink<'scope, 'env, O> {
    collector: Collector<'scope, 'env, O>,
    fields: KeyFields<'env>,
    kinds: (&'env WritableKind, &'env WritableKind),
    collected: Collected,
}

impl<'scope, 'env, O: KeyOrder + 'env> CollectorSink<'scope, 'env, O> {
    pub(super) fn new(
        collector: Collector<'scope, 'env, O>,
        fields: KeyFields<'env>,
        kinds: (&'env WritableKind, &'env WritableKind),
    ) -> Self {
        Self { collector, fields, kinds, collected: Collected::default() }
    }

    pub(super) fn finish(self) -> Result<(MapRuns, Collected), TaskFailure> {
        Ok((self.collector.finish()?, self.collected))
    }
}

impl<'env, O: KeyOrder + 'env> RecordSink for CollectorSink<'_, 'env, O> {
    fn room(&mut self) -> Result<&mut [u8], TaskFailure> {
        Ok(self.collector.room()?)
    }

    fn take_lines(&mut self, count: usize) -> Result<(), TaskFailure> {
        let taken = self.collector.take_lines(count, &self.fields);
        self.collected.add(taken);
        Ok(())
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<(), TaskFailure> {
        let (key_kind, value_kind) = self.kinds;
        self.collected.count(key_kind.serialized_len(record.key), value_kind.serialized_len(record.value));
        Ok(self.collector.collect(record)?)
    }
}

/// Output on its way to a part file.
pub(super) struct OutputSink<'a> {
    output: TaskOutput,
    fields: KeyFields<'a>,
    /// Lines may go to the file as they are, but for the separator that some lack.
    verbatim: bool,
    block: Vec<u8>,
    filled: usize,
    records: u64,
}

impl<'a> OutputSink<'a> {
    /// `fields` is how lines are cut, `separator` what the format puts between key and value.
    pub(super) fn new(output: TaskOutput, fields: KeyFields<'a>, separator: &[u8]) -> Self {
        let verbatim = matches!(output, TaskOutput::Text(_))
            && fields.key_fields <= 1
            && fields.separator == separator
            && separator.len() == 1;
        Self { output, fields, verbatim, block: Vec::new(), filled: 0, records: 0 }
    }

    /// Closes the file; returns records and bytes written.
    pub(super) fn finish(self) -> Result<(u64, u64), TaskFailure> {
        debug_assert_eq!(self.filled, 0, "a broken line would be lost");
        let bytes = self.output.finish()?;
        Ok((self.records, bytes))
    }

    fn write_lines(&mut self, end: usize) -> Result<(), TaskFailure> {
        let lines = &self.block[..end];
        if let (TaskOutput::Text(writer), true) = (&mut self.output, self.verbatim) {
            self.records += writer.write_lines(lines)?;
            return Ok(());
        }
        let mut start = 0;
        for at in memchr_iter(b'\n', lines) {
            self.output.write(self.fields.split(&lines[start..at]))?;
            self.records += 1;
            start = at + 1;
        }
        Ok(())
    }
}

impl RecordSink for OutputSink<'_> {
    fn room(&mut self) -> Result<&mut [u8], TaskFailure> {
        if self.block.len() - self.filled < BLOCK_BYTES / 4 {
            // A line longer than the block makes it grow, doubling so that copying stays linear.
            self.block.resize((self.block.len() * 2).max(BLOCK_BYTES), 0);
        }
        Ok(&mut self.block[self.filled..])
    }

    fn take_lines(&mut self, count: usize) -> Result<(), TaskFailure> {
        let end = self.filled + count;
        let Some(last) = memrchr(b'\n', &self.block[self.filled..end]) else {
            self.filled = end;
            return Ok(());
        };
        let whole = self.filled + last + 1;
        self.write_lines(whole)?;
        self.block.copy_within(whole..end, 0);
        self.filled = end - whole;
        Ok(())
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<(), TaskFailure> {
        self.records += 1;
        Ok(self.output.write(record)?)
    }
}

/// Nowhere: the output of a reducer that had no input. Hadoop: `PipeMapRed.waitOutputThreads`.
pub(super) struct NoSink {
    block: Vec<u8>,
}

impl NoSink {
    pub(super) fn new() -> Self {
        Self { block: vec![0; 16 << 10] }
    }
}

impl RecordSink for NoSink {
    fn room(&mut self) -> Result<&mut [u8], TaskFailure> {
        Ok(&mut self.block)
    }

    fn take_lines(&mut self, _: usize) -> Result<(), TaskFailure> {
        Ok(())
    }

    fn record(&mut self, _: RecordRef<'_>) -> Result<(), TaskFailure> {
        Ok(())
    }
}
