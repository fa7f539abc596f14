//! Where an attempt's records go: to the collector of the shuffle, or to a part file.

use super::TaskFailure;
use crate::output::{Stored, TaskOutput};
use crate::record::{KeyFields, RecordRef};
use crate::record_room::RecordRoom;
use crate::shuffle::ShuffleError;
use crate::shuffle::collector::{Collector, MapRuns};
use crate::shuffle::comparator::KeyOrder;
use crate::shuffle::sort_buffer::Collected;
use crate::writable::WritableKind;
use memchr::{memchr_iter, memrchr};
use std::io;

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
    kinds: (&'env WritableKind, &'env WritableKind),
    /// Records that did not come as lines.
    collected: Collected,
}

impl<'scope, 'env, O: KeyOrder + 'env> CollectorSink<'scope, 'env, O> {
    pub(super) fn new(
        collector: Collector<'scope, 'env, O>,
        kinds: (&'env WritableKind, &'env WritableKind),
    ) -> Self {
        Self { collector, kinds, collected: Collected::default() }
    }

    pub(super) fn finish(self) -> Result<(MapRuns, Collected), TaskFailure> {
        let runs = self.collector.finish()?;
        let mut collected = self.collected;
        collected.add(runs.collected);
        Ok((runs, collected))
    }
}

impl<'env, O: KeyOrder + 'env> RecordSink for CollectorSink<'_, 'env, O> {
    fn room(&mut self) -> Result<&mut [u8], TaskFailure> {
        Ok(self.collector.room()?)
    }

    fn take_lines(&mut self, count: usize) -> Result<(), TaskFailure> {
        Ok(self.collector.take_lines(count)?)
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<(), TaskFailure> {
        let (key_kind, value_kind) = self.kinds;
        self.collected.count(key_kind.serialized_len(record.key), value_kind.serialized_len(record.value));
        Ok(self.collector.collect(record)?)
    }
}

/// A child's lines as they are read: whole ones to be taken in, and one that is broken off.
pub(super) struct LineBlock {
    bytes: Vec<u8>,
    filled: usize,
    /// Bytes that are read at once.
    read_bytes: usize,
    /// Where a line is that is longer.
    long: RecordRoom,
}

impl LineBlock {
    /// Reads so much at once, and has longer lines in that room.
    pub(super) fn new(read_bytes: usize, long: RecordRoom) -> Self {
        Self { bytes: Vec::new(), filled: 0, read_bytes, long }
    }

    /// Space to read into, never empty.
    ///
    /// # Errors
    /// A line longer than allowed, or than there is memory for.
    pub(super) fn room(&mut self) -> Result<&mut [u8], ShuffleError> {
        if self.bytes.len() - self.filled < self.read_bytes / 4 {
            // A line longer than the block makes it grow. Its capacity doubles, so that copying stays linear, and
            // only what is about to be filled is touched: the rest takes no memory.
            let bytes = self.filled + self.read_bytes;
            let limit = self.long.limit();
            if self.filled > limit {
                return Err(ShuffleError::RecordTooLarge { bytes: bytes as u64, limit: limit as u64 });
            }
            self.long.wait_for(self.filled);
            let refused = |error| ShuffleError::Memory { bytes, source: io::Error::other(error) };
            self.bytes.try_reserve(bytes - self.bytes.len()).map_err(refused)?;
            self.bytes.resize(bytes, 0);
        }
        Ok(&mut self.bytes[self.filled..])
    }

    /// Takes in `count` bytes of [`Self::room`] and shows `take` the whole lines, if there is one.
    pub(super) fn take<T>(&mut self, count: usize, take: impl FnOnce(&[u8]) -> T) -> Option<T> {
        let end = self.filled + count;
        let Some(last) = memrchr(b'\n', &self.bytes[self.filled..end]) else {
            self.filled = end;
            return None;
        };
        let whole = self.filled + last + 1;
        let taken = take(&self.bytes[..whole]);
        self.bytes.copy_within(whole..end, 0);
        self.filled = end - whole;
        Some(taken)
    }

    /// The line that is broken off has grown as long as the block.
    fn is_crowded(&self) -> bool {
        self.filled >= self.read_bytes
    }

    /// Shows `take` what there is of a line and lets go of it.
    fn take_begun<T>(&mut self, take: impl FnOnce(&[u8]) -> T) -> T {
        let filled = std::mem::take(&mut self.filled);
        take(&self.bytes[..filled])
    }

    /// No line is broken off.
    fn is_empty(&self) -> bool {
        self.filled == 0
    }
}

/// Output on its way to a part file.
pub(super) struct OutputSink<'a> {
    output: TaskOutput,
    fields: KeyFields<'a>,
    /// Lines may go to the file as they are, but for the separator that some lack.
    verbatim: bool,
    block: LineBlock,
    records: u64,
}

impl<'a> OutputSink<'a> {
    /// `fields` is how lines are cut; one that cannot pass through in pieces is in that room.
    pub(super) fn new(output: TaskOutput, fields: KeyFields<'a>, room: RecordRoom) -> Self {
        let verbatim = matches!(&output, TaskOutput::Text(writer) if writer.takes_lines())
            && fields.key_fields <= 1
            && fields.separator == b"\t";
        let block = LineBlock::new(BLOCK_BYTES, room);
        Self { output, fields, verbatim, block, records: 0 }
    }

    /// Closes the file; returns how many records were written, and the files.
    pub(super) fn finish(self) -> Result<(u64, Stored), TaskFailure> {
        debug_assert!(self.block.is_empty(), "a broken line would be lost");
        let stored = self.output.finish()?;
        Ok((self.records, stored))
    }
}

impl RecordSink for OutputSink<'_> {
    fn room(&mut self) -> Result<&mut [u8], TaskFailure> {
        Ok(self.block.room()?)
    }

    fn take_lines(&mut self, count: usize) -> Result<(), TaskFailure> {
        let Self { output, fields, verbatim, block, records } = self;
        let mut write = |lines: &[u8]| write_lines(output, fields, *verbatim, lines);
        *records += match block.take(count, &mut write) {
            Some(written) => written?,
            // A line of any length passes through if nothing has to be known of its end.
            None if *verbatim && block.is_crowded() => block.take_begun(write)?,
            None => 0,
        };
        Ok(())
    }

    fn record(&mut self, record: RecordRef<'_>) -> Result<(), TaskFailure> {
        self.records += 1;
        Ok(self.output.write(record)?)
    }
}

/// Writes lines, of which the last one may be broken off if they are verbatim; returns how many end here.
fn write_lines(
    output: &mut TaskOutput,
    fields: &KeyFields<'_>,
    verbatim: bool,
    lines: &[u8],
) -> Result<u64, TaskFailure> {
    if let (TaskOutput::Text(writer), true) = (&mut *output, verbatim) {
        return Ok(writer.write_lines(lines)?);
    }
    let (mut start, mut records) = (0, 0);
    for at in memchr_iter(b'\n', lines) {
        output.write(fields.split(&lines[start..at]))?;
        records += 1;
        start = at + 1;
    }
    Ok(records)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AttemptId, TaskId};
    use crate::plan::{OutputFormat, OutputSpec};
    use crate::record_room::LongRecords;
    use crate::task::writer::{self, Part};

    /// What a text file holds after `lines` were cut behind so many fields at one separator and joined by another.
    fn check(cut_at: &str, key_fields: usize, join_by: &str, lines: &str, expect: &str) {
        let dir = tempfile::tempdir().unwrap();
        let kinds = (WritableKind::Text, WritableKind::Text);
        let spec = OutputSpec {
            dir: dir.path().to_path_buf(),
            shown: "out".into(),
            format: OutputFormat::Text,
            lazy: false,
            key_kind: kinds.0.clone(),
            value_kind: kinds.1.clone(),
            separator: join_by.as_bytes().to_vec(),
            codec: None,
            block_compressed: false,
            block_bytes: 1_000_000,
            index_interval: 128,
            trailing_legs: 0,
            success_marker: true,
            existing: crate::plan::Existing::Refuse,
        };
        let part = Part { dir: dir.path(), number: 0, seed: 0, input_file: None };
        let output = writer::open(&spec, kinds, part).unwrap();
        let mut sink = OutputSink::new(
            output,
            KeyFields { separator: cut_at.as_bytes(), key_fields },
            RecordRoom::unlimited(),
        );
        sink.room().unwrap()[..lines.len()].copy_from_slice(lines.as_bytes());
        sink.take_lines(lines.len()).unwrap();
        sink.finish().unwrap();
        let file = std::fs::read_to_string(dir.path().join("part-00000")).unwrap();
        assert_eq!(file, expect, "{cut_at:?} {key_fields} {join_by:?}");
    }

    /// A line longer than a block keeps no block waiting, and its tab may be in any piece.
    #[test]
    fn a_long_line_passes_through() {
        let attempt = AttemptId { task: TaskId::map(0), attempt: 0 };
        let room = |most| RecordRoom::new(&LongRecords::new(most, most), attempt);
        let mut block = LineBlock::new(8, room(8));
        let fill = |block: &mut LineBlock, text: &[u8]| {
            block.room().unwrap()[..text.len()].copy_from_slice(text);
            block.take(text.len(), <[u8]>::to_vec)
        };
        assert_eq!(fill(&mut block, b"abcdef"), None);
        assert!(!block.is_crowded());
        assert_eq!(fill(&mut block, b"gh"), None);
        assert!(block.is_crowded());
        assert_eq!(block.take_begun(<[u8]>::to_vec), b"abcdefgh");
        let mut strict = LineBlock::new(8, room(7));
        assert_eq!(fill(&mut strict, b"abcdefgh"), None);
        assert!(matches!(strict.room(), Err(ShuffleError::RecordTooLarge { bytes: 16, limit: 7 })));
        assert_eq!(fill(&mut block, b"\ni"), Some(b"\n".to_vec()));
        assert!(!block.is_empty());
    }

    #[test]
    fn every_line_gets_the_separator_of_the_file() {
        let lines = "a=b\tc\nd\n\t\n";
        check("\t", 1, "\t", lines, "a=b\tc\nd\t\n\t\n");
        check("=", 1, "=", lines, "a=b\tc\nd=\n\t=\n");
        check("\t", 1, "=", lines, "a=b=c\nd=\n=\n");
        check("=", 1, "\t", lines, "a\tb\tc\nd\t\n\t\t\n");
        check("\t", 2, "\t", lines, "a=b\tc\t\nd\t\n\t\t\n");
    }
}
