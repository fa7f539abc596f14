//! Lines of text, in bulk or one by one. Hadoop: `TextInputFormat`, `mapred.LineRecordReader`.
//!
//! Every split but a file's first skips its first line, whole or not, and every split reads on to the end
//! of the line that starts at or before its end; so each line is read once, whatever the splits.
//!
//! ```text
//! file:   | line | line | line | line |
//! splits: |---------|------|----------|
//! lines:  |  0   |  0   |  0   |  2   |     the split of the middle ends where the third line starts, and
//!                                           skips its first: that was read by the split before
//! ```
//!
//! Blocks are the hot path. When a block holds no CR and the job has neither a delimiter nor a longest line
//! of its own, its bytes are the read buffer itself: two searches of the block (one for CR, one that counts
//! LF) are all that is done to it. Anything else takes the slow path record by record, into a second buffer.
//! The rule of where a record ends is in [`line_end`](super::line_end).

use super::line_end::{Bounds, Cut, LineEnd};
use super::source::{BUFFER_BYTES, Window};
use super::{InputError, LineBlock, Position, RecordReader};
use crate::plan::InputSplit;
use crate::record::RecordRef;
use crate::record_room::RecordRoom;
use crate::stop::StopFlag;
use crate::writable::WritableKind;
use memchr::{memchr, memchr_iter, memrchr};
use std::ops::Range;

/// The UTF-8 byte order mark, which is dropped at the start of a file.
const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// From this length on there is no maximum: Hadoop's default, and its lines cannot be longer.
const LINE_BYTES_UNLIMITED: u64 = i32::MAX as u64;

/// How lines are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LineOptions {
    /// What ends a record, instead of LF, CR LF and CR (`textinputformat.record.delimiter`). Empty is none.
    pub delimiter: Option<Vec<u8>>,
    /// Lines that have so many bytes or more, line end included, are dropped
    /// (`mapreduce.input.linerecordreader.line.maxlength`). 2^31 - 1 and more is no limit.
    pub line_bytes_max: u64,
    /// Bytes read at once. Changes nothing but speed; a longer line makes the buffer grow.
    pub buffer_bytes: usize,
}

impl Default for LineOptions {
    fn default() -> Self {
        Self { delimiter: None, line_bytes_max: LINE_BYTES_UNLIMITED, buffer_bytes: BUFFER_BYTES }
    }
}

/// The lines of one split, or of several one after another.
///
/// [`next_block`](Self::next_block) and [`next_record`](RecordReader::next_record) may be mixed; each goes
/// on where the other stopped. After an error the reader must not be used again.
pub struct LineReader {
    // Rules, fixed.
    line_end: LineEnd,
    line_bytes_max: Option<u64>,
    // Splits.
    splits: Vec<InputSplit>,
    /// Splits opened so far; the last of them is the current one.
    opened: usize,
    /// The current split has no more records.
    exhausted: bool,
    /// Lengths of the splits before the current one, added up.
    bytes_before: u64,
    // The current split.
    window: Window,
    /// Offset of the first byte of the next line; before the window's when a line too long to be kept has
    /// been let go in part.
    line_start: u64,
    /// One more record belongs to the split though it starts behind its end.
    one_more: bool,
    /// A first part of the line was given out by [`next_block`](Self::next_block).
    begun: bool,
    // What callers borrow.
    rewritten: Vec<u8>,
    key: [u8; 8],
}

/// A record in the window.
struct Found {
    /// Offset of its first byte in the file, a byte order mark included.
    start: u64,
    /// Its place in the window.
    content: Range<usize>,
}

/// One step of the slow path.
enum Step {
    Record(Found),
    /// The bytes at hand are used up.
    Pause,
    End,
}

/// What the bytes at hand offer the fast path.
enum Plain {
    /// So many bytes of whole lines.
    Lines(usize),
    /// So many bytes of a line that is longer than the buffer.
    Begun(usize),
    /// The last line of the file, which lacks its newline.
    Unended,
    More,
    /// There is a CR.
    Slow,
    End,
}

/// Lines that need no rewriting.
struct PlainBlock {
    /// Their place in the window.
    place: Range<usize>,
    records: u64,
    /// Where they begin in the file; `None` if the file lacks their last line end.
    offset: Option<u64>,
}

impl LineReader {
    /// Reads `splits` in their order. Nothing is opened yet.
    pub fn new(splits: Vec<InputSplit>, options: &LineOptions) -> Self {
        let limit = options.line_bytes_max;
        // A small file needs no large buffer: zeroing it took a tenth of the instructions of a task of 2 KB.
        let longest = splits.iter().map(Window::bytes_wanted).max().unwrap_or(0);
        let window = Window::new(options.buffer_bytes.min(longest));
        Self {
            line_end: LineEnd::new(options.delimiter.as_deref()),
            line_bytes_max: (limit < LINE_BYTES_UNLIMITED).then_some(limit),
            splits,
            opened: 0,
            exhausted: true,
            bytes_before: 0,
            window,
            line_start: 0,
            one_more: false,
            begun: false,
            rewritten: Vec::new(),
            key: [0; 8],
        }
    }

    /// Reads no more once `stop` is set.
    #[must_use]
    pub fn heeding(mut self, stop: &StopFlag) -> Self {
        self.window.heed(stop);
        self
    }

    /// Has longer records in that room, where one must be in memory as a whole.
    #[must_use]
    pub(crate) fn within(mut self, room: RecordRoom) -> Self {
        self.window.stay_within(room);
        self
    }

    /// As many whole records as are in the buffer, each followed by one LF; `None` at the end. A record that was
    /// ended by a delimiter of the job's may hold LFs of its own.
    ///
    /// A line longer than the buffer may come in several blocks: it is counted in the one that ends it, so the
    /// blocks before have no records.
    pub fn next_block(&mut self) -> Result<Option<LineBlock<'_>>, InputError> {
        while self.open_next()? {
            if self.is_plain()?
                && let Some(PlainBlock { place, records, offset }) = self.plain_block()?
            {
                let file = offset.and_then(|offset| Some((self.window.file()?, offset)));
                return Ok(Some(LineBlock { bytes: self.window.slice(place), records, file }));
            }
            let records = self.rewrite_block()?;
            if records > 0 {
                return Ok(Some(LineBlock { bytes: &self.rewritten, records, file: None }));
            }
            self.exhausted = true;
        }
        Ok(None)
    }

    /// Makes sure of a split that may have records; false at the end of the last one.
    fn open_next(&mut self) -> Result<bool, InputError> {
        while self.exhausted {
            let Some(split) = self.splits.get(self.opened) else { return Ok(false) };
            self.window.open(split)?;
            self.bytes_before += self.opened.checked_sub(1).map_or(0, |last| self.splits[last].length);
            self.opened += 1;
            self.line_start = self.window.offset();
            (self.exhausted, self.one_more, self.begun) = (false, false, false);
            if split.start != 0 {
                self.skip_line()?;
            }
        }
        Ok(true)
    }

    /// The rule of the split's end.
    fn wants_line(&self) -> bool {
        !self.exhausted && (self.line_start <= self.window.end() || self.one_more)
    }

    /// The fast path may be tried: no rule of the job's forbids it, and no byte order mark has to go.
    fn is_plain(&mut self) -> Result<bool, InputError> {
        if self.line_bytes_max.is_some() || !matches!(self.line_end, LineEnd::Any) {
            return Ok(false);
        }
        if self.line_start > 0 {
            return Ok(true);
        }
        while self.window.data().len() < BYTE_ORDER_MARK.len() && !self.window.at_end() {
            self.window.fill()?;
        }
        Ok(!self.window.data().starts_with(BYTE_ORDER_MARK))
    }

    /// A block that is the buffer itself, or `None` if there is none (any more): the slow path knows.
    fn plain_block(&mut self) -> Result<Option<PlainBlock>, InputError> {
        loop {
            let (head, offset) = (self.window.head(), self.window.offset());
            let (place, bytes) = match self.look_ahead() {
                Plain::Lines(bytes) => (head..head + bytes, bytes),
                Plain::Unended => (self.window.end_with_newline(), self.window.data().len()),
                Plain::Begun(bytes) => {
                    self.window.consume(bytes);
                    self.begun = true;
                    let place = head..head + bytes;
                    return Ok(Some(PlainBlock { place, records: 0, offset: Some(offset) }));
                }
                Plain::More => {
                    self.window.fill()?;
                    continue;
                }
                Plain::Slow | Plain::End => return Ok(None),
            };
            self.window.consume(bytes);
            (self.line_start, self.begun) = (self.window.offset(), false);
            let records = memchr_iter(b'\n', self.window.slice(place.clone())).count() as u64;
            let offset = (place.len() == bytes).then_some(offset);
            return Ok(Some(PlainBlock { place, records, offset }));
        }
    }

    fn look_ahead(&self) -> Plain {
        let data = self.window.data();
        if !self.wants_line() || (data.is_empty() && self.window.at_end() && !self.begun) {
            return Plain::End;
        }
        // The split's last line is the one that holds the byte at its end, or begins there.
        let until_end = self.window.until_end();
        let ends_split = data.get(until_end..).and_then(|beyond| memchr(b'\n', beyond));
        let last = match ends_split {
            Some(at) => Some(until_end + at),
            None => memrchr(b'\n', &data[..until_end.min(data.len())]),
        };
        let lines = last.map_or(data, |at| &data[..=at]);
        if memchr(b'\r', lines).is_some() {
            return Plain::Slow;
        }
        match last {
            Some(_) => Plain::Lines(lines.len()),
            None if self.window.at_end() => Plain::Unended,
            // To keep it would take memory of the length of the line.
            None if self.window.is_crowded() => Plain::Begun(data.len()),
            None => Plain::More,
        }
    }

    /// Fills `rewritten` with the records at hand, one at least; returns how many, 0 at the split's end.
    fn rewrite_block(&mut self) -> Result<u64, InputError> {
        self.rewritten.clear();
        let mut records = 0;
        while let Step::Record(found) = self.step(records == 0)? {
            self.rewritten.extend_from_slice(self.window.slice(found.content));
            self.rewritten.push(b'\n');
            records += 1;
        }
        Ok(records)
    }

    /// The split's next record that is not too long. Reads only if it `may_read`.
    fn step(&mut self, may_read: bool) -> Result<Step, InputError> {
        while self.wants_line() {
            match self.cut() {
                Cut::End => return Ok(Step::End),
                Cut::More if !may_read => return Ok(Step::Pause),
                Cut::More => self.read_on(self.line_bytes_max)?,
                Cut::Record { content, total, delimiter_cut } => {
                    let start = self.line_start;
                    let mut place = self.window.head()..self.window.head() + content;
                    let mut line_bytes = self.window.offset() - start + total as u64;
                    if start == 0
                        && !self.begun
                        && self.window.slice(place.clone()).starts_with(BYTE_ORDER_MARK)
                    {
                        place.start += BYTE_ORDER_MARK.len();
                        line_bytes -= BYTE_ORDER_MARK.len() as u64;
                    }
                    self.take(total, delimiter_cut);
                    if line_bytes == 0 {
                        return Ok(Step::End); // a file that is only a byte order mark
                    }
                    if self.line_bytes_max.is_none_or(|most| line_bytes < most) {
                        return Ok(Step::Record(Found { start, content: place }));
                    }
                }
            }
        }
        Ok(Step::End)
    }

    /// Steps over the line that the split before reads.
    fn skip_line(&mut self) -> Result<(), InputError> {
        loop {
            match self.cut() {
                Cut::End => return Ok(()),
                Cut::More => self.read_on(Some(0))?,
                Cut::Record { total, delimiter_cut, .. } => {
                    self.take(total, delimiter_cut);
                    return Ok(());
                }
            }
        }
    }

    fn cut(&self) -> Cut {
        let left = self.window.end().saturating_sub(self.line_start);
        let (until_end, at_end) = (self.window.until_end(), self.window.at_end());
        // Hadoop has no such limit in a compressed file.
        let inside = until_end > 0 && !self.window.is_compressed();
        let stop_at_split = inside && self.line_bytes_max.is_some_and(|most| left >= most);
        self.line_end.cut(self.window.data(), Bounds { until_end, at_end, stop_at_split })
    }

    /// Steps over a record and what ended it.
    fn take(&mut self, total: usize, delimiter_cut: bool) {
        self.window.consume(total);
        self.line_start = self.window.offset();
        self.exhausted = self.one_more;
        (self.one_more, self.begun) = (delimiter_cut, false);
    }

    /// Reads more of a line. What is longer than `keep` and will be dropped in the end is let go at once,
    /// so that a file without line ends cannot fill the memory of a job that has a maximum.
    fn read_on(&mut self, keep: Option<u64>) -> Result<(), InputError> {
        let data = self.window.data().len();
        let undecided = self.line_end.undecided_bytes();
        let droppable = keep.is_some_and(|keep| {
            let kept = keep.saturating_add((BYTE_ORDER_MARK.len() + undecided) as u64);
            self.window.offset() - self.line_start + data as u64 > kept
        });
        if droppable && data > undecided {
            let until_end = self.window.until_end();
            let drop = data - undecided;
            // A delimiter that the split's end may cut is judged from both sides of it.
            if data <= until_end || drop >= until_end {
                self.window.consume(drop);
            }
        }
        self.window.fill()
    }
}

impl RecordReader for LineReader {
    fn kinds(&self) -> (WritableKind, WritableKind) {
        (WritableKind::Long, WritableKind::Text)
    }

    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, InputError> {
        while self.open_next()? {
            if let Step::Record(found) = self.step(true)? {
                self.key = found.start.to_be_bytes();
                return Ok(Some(RecordRef { key: &self.key, value: self.window.slice(found.content) }));
            }
            self.exhausted = true;
        }
        Ok(None)
    }

    fn position(&self) -> Position {
        let Some(split) = self.splits.get(self.opened.saturating_sub(1)) else { return Position::default() };
        if self.opened == 0 {
            return Position { path: split.path.clone(), offset: split.start, consumed: 0 };
        }
        let read = if split.codec.is_some() { self.window.taken() } else { self.line_start - split.start };
        Position {
            path: split.path.clone(),
            offset: self.line_start,
            consumed: self.bytes_before + read.min(split.length),
        }
    }
}

#[cfg(test)]
mod tests;
