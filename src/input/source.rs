//! The bytes of a split, as stored or decompressed, and the window through which readers see them.
//!
//! Files are read at given offsets into a buffer of our own. They are not mapped: a file that shrinks while
//! it is read must be an error that names it, not a SIGBUS. What a line or a record is, this room does not
//! know.

use super::InputError;
use super::cut_stream::CutStream;
use crate::codec::bzip2_blocks::{Bzip2Blocks, Piece};
use crate::codec::{self, Codec};
use crate::error::{At, IoError, uninterrupted};
use crate::fs::File;
use crate::plan::InputSplit;
use crate::record_room::RecordRoom;
use crate::stop::{StopFlag, Stopped};
use std::io::{self, Read};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

/// Bytes read at once by the readers of this room: large enough that calls do not matter, small enough that
/// a block is still in the cache when it is searched and sent on.
pub(super) const BUFFER_BYTES: usize = /* 256 KiB */ 256 * 1_024;

/// Bytes read behind a split's end at first, in the hope that they end its last line.
const TAIL_BYTES: u64 = 4_096;

/// Whether a file begins with `magic`; false if it is shorter.
pub(super) fn begins_with(path: &Path, magic: &[u8]) -> Result<bool, InputError> {
    let file = File::open(path).at("open input file", path)?;
    let mut first = Vec::with_capacity(magic.len());
    file.take(magic.len() as u64).read_to_end(&mut first).at("read", path)?;
    Ok(first == magic)
}

/// Where bytes come from: a range of a file and what follows it; a decompressor over a whole file; one over the
/// blocks that begin in a range, and what follows them; or one over a file from its start, for what a range adds.
enum Source {
    Stored(StoredFile),
    Decoded { bytes: Box<dyn Read + Send>, path: PathBuf, taken: Arc<AtomicU64> },
    Blocks { blocks: Box<Bzip2Blocks<StoredFile>>, path: PathBuf, start: u64, taken: Arc<AtomicU64> },
    Cut { stream: Box<CutStream>, path: PathBuf, given: Arc<AtomicU64> },
}

impl Source {
    fn open(split: &InputSplit, stop: &StopFlag) -> Result<Self, InputError> {
        if let (Some(codec), Some(file_bytes)) = (split.codec, split.cut_stream_bytes) {
            return Self::open_cut(split, codec, file_bytes, stop);
        }
        let file = StoredFile::open(split, stop)?;
        let Some(codec) = split.codec else { return Ok(Self::Stored(file)) };
        let (path, taken) = (split.path.clone(), Arc::clone(&file.taken));
        if codec == Codec::Bzip2 && !file.is_whole()? {
            let (start, end) = (file.start, file.end);
            let blocks = Box::new(Bzip2Blocks::new(file, start, end));
            return Ok(Self::Blocks { blocks, path, start, taken });
        }
        if split.start != 0 {
            return Err(InputError::Malformed {
                path,
                offset: split.start,
                what: "a compressed file cannot be read from its middle; expected one split from byte 0"
                    .to_owned(),
            });
        }
        let whole = WholeFile { file, stops: vec![split.length] };
        Ok(Self::Decoded { bytes: codec.decoder(Box::new(whole)), path, taken })
    }

    fn open_cut(
        split: &InputSplit,
        codec: Codec,
        file_bytes: u64,
        stop: &StopFlag,
    ) -> Result<Self, InputError> {
        let file = StoredFile::open(&InputSplit { start: 0, length: file_bytes, ..split.clone() }, stop)?;
        let (path, given) = (split.path.clone(), Arc::clone(&file.taken));
        let (start, end) = (split.start, split.start.saturating_add(split.length));
        let whole = WholeFile { file, stops: vec![file_bytes, end.min(file_bytes), start.min(file_bytes)] };
        let stream = CutStream::new(codec.decoder(Box::new(whole)), Arc::clone(&given), start, end);
        Ok(Self::Cut { stream: Box::new(stream), path, given })
    }

    /// Goes to where the split's bytes or text begin, and returns the offset.
    fn begin(&mut self, split: &InputSplit, space: &mut [u8]) -> Result<u64, InputError> {
        let Self::Cut { stream, path, given } = self else { return Ok(split.start) };
        stream.skip_to_start(space).map_err(|error| decode_error(path, given.load(Ordering::Relaxed), error))
    }

    /// Reads to the front of `into`, which must not be empty.
    fn read(&mut self, into: &mut [u8]) -> Result<Piece, InputError> {
        let result = uninterrupted(|| match self {
            Self::Stored(file) => file.read_some(into).map(piece),
            Self::Decoded { bytes, .. } => bytes.read(into).map(piece),
            Self::Blocks { blocks, .. } => blocks.read(into),
            Self::Cut { stream, .. } => stream.read(into),
        });
        result.map_err(|error| match self {
            Self::Stored(file) => file.explain(error),
            Self::Decoded { path, taken, .. } => decode_error(path, taken.load(Ordering::Relaxed), error),
            Self::Blocks { path, start, taken, .. } => {
                decode_error(path, *start + taken.load(Ordering::Relaxed), error)
            }
            Self::Cut { path, given, .. } => decode_error(path, given.load(Ordering::Relaxed), error),
        })
    }

    /// Bytes taken from the split so far, as stored.
    fn taken(&self) -> u64 {
        match self {
            Self::Stored(file) => file.taken.load(Ordering::Relaxed),
            Self::Decoded { taken, .. } | Self::Blocks { taken, .. } => taken.load(Ordering::Relaxed),
            Self::Cut { stream, .. } => stream.taken(),
        }
    }
}

/// The outcome of a read that knows no splits.
fn piece(bytes: usize) -> Piece {
    if bytes == 0 { Piece::End } else { Piece::Text(bytes) }
}

/// Tells a disk that failed from bytes that make no sense. `offset` is what was read until then: a decoder may know better
/// where the fault is.
fn decode_error(path: &Path, offset: u64, error: io::Error) -> InputError {
    if Stopped::is_in(&error) {
        return Stopped.into();
    }
    if error.raw_os_error().is_some() {
        return IoError { action: "read", path: path.to_path_buf(), source: error }.into();
    }
    let offset = codec::fault_offset(&error).unwrap_or(offset);
    InputError::Malformed { path: path.to_path_buf(), offset, what: error.to_string() }
}

/// A file read forward from a split's start, past its end if asked to.
struct StoredFile {
    file: File,
    path: PathBuf,
    start: u64,
    /// First byte behind the split; the file must reach at least to here.
    end: u64,
    /// Bytes read since `start`; shared so that progress can be seen through a decompressor.
    taken: Arc<AtomicU64>,
    stop: StopFlag,
}

impl StoredFile {
    fn open(split: &InputSplit, stop: &StopFlag) -> Result<Self, InputError> {
        let file = File::open(&split.path).at("open input file", &split.path)?;
        let (start, end) = (split.start, split.start.saturating_add(split.length));
        let (path, taken, stop) = (split.path.clone(), Arc::default(), stop.clone());
        Ok(Self { file, path, start, end, taken, stop })
    }

    /// Whether the split is all of the file.
    fn is_whole(&self) -> Result<bool, InputError> {
        let length = self.file.metadata().at("look at", &self.path)?.len();
        Ok(self.start == 0 && self.end >= length)
    }

    fn read_some(&mut self, into: &mut [u8]) -> io::Result<usize> {
        // Every byte of a split comes through here, be it given out, decompressed or dropped.
        self.stop.check()?;
        let taken = self.taken.load(Ordering::Relaxed);
        let at = self.start + taken;
        let count = uninterrupted(|| self.file.read_at(into, at))?;
        if count == 0 && !into.is_empty() && at < self.end {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!(
                    "the file ends here, but it had {} bytes or more when the job was planned: \
                     it was cut short since",
                    self.end
                ),
            ));
        }
        self.taken.store(taken + count as u64, Ordering::Relaxed);
        Ok(count)
    }

    fn explain(&self, error: io::Error) -> InputError {
        decode_error(&self.path, self.start + self.taken.load(Ordering::Relaxed), error)
    }
}

impl Read for StoredFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.read_some(into)
    }
}

/// A file up to the length it was planned with, as a decompressor wants it.
struct WholeFile {
    file: StoredFile,
    /// Offsets that no read goes across, the last one first; behind the file's planned end there is nothing.
    stops: Vec<u64>,
}

impl Read for WholeFile {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let at = self.file.taken.load(Ordering::Relaxed);
        let stop = loop {
            match *self.stops {
                [.., stop] if stop > at => break stop,
                [] => return Ok(0),
                _ => drop(self.stops.pop()),
            }
        };
        let most = usize::try_from(stop - at).unwrap_or(usize::MAX).min(into.len());
        self.file.read_some(&mut into[..most])
    }
}

/// The part of a split that is in memory.
///
/// ```text
/// bytes: | consumed |   data()   |  free  |
///        0         head        filled   size
///                   ^ offset
/// ```
pub(super) struct Window {
    /// As much as has been in use; the rest, up to `size`, is not there yet and takes no memory.
    bytes: Vec<u8>,
    size: usize,
    head: usize,
    filled: usize,
    /// Offset in the file (decompressed, if it is compressed) of the first byte of `data`.
    offset: u64,
    /// Where the split ends; beyond it only small pieces are read. `u64::MAX` while it is not known: in a
    /// bzip2 file until its blocks have been read, in other compressed files for ever.
    end: u64,
    compressed: bool,
    source: Option<Source>,
    at_end: bool,
    stop: StopFlag,
    /// What is read, for messages.
    path: PathBuf,
    /// Where a record is that is longer than the window was at first.
    room: RecordRoom,
}

impl Window {
    /// A window of `buffer_bytes` at first, with nothing to read.
    pub(super) fn new(buffer_bytes: usize) -> Self {
        let size = buffer_bytes.max(1);
        Self {
            bytes: vec![0; size],
            size,
            head: 0,
            filled: 0,
            offset: 0,
            end: 0,
            compressed: false,
            source: None,
            at_end: true,
            stop: StopFlag::default(),
            path: PathBuf::new(),
            room: RecordRoom::unlimited(),
        }
    }

    /// Longer records are in that room from now on.
    pub(super) fn stay_within(&mut self, room: RecordRoom) {
        self.room = room;
    }

    /// A buffer of this size holds all of a split, and more helps nobody.
    pub(super) fn bytes_wanted(split: &InputSplit) -> usize {
        let stored = if split.codec.is_some() { u64::MAX } else { split.length.saturating_add(TAIL_BYTES) };
        usize::try_from(stored).unwrap_or(usize::MAX)
    }

    /// Whatever is opened from now on fails when `stop` is set.
    pub(super) fn heed(&mut self, stop: &StopFlag) {
        self.stop = stop.clone();
    }

    /// Turns to another split; the memory stays.
    pub(super) fn open(&mut self, split: &InputSplit) -> Result<(), InputError> {
        let mut source = Source::open(split, &self.stop)?;
        (self.head, self.filled, self.at_end) = (0, 0, false);
        self.offset = source.begin(split, &mut self.bytes)?;
        self.source = Some(source);
        self.path.clone_from(&split.path);
        self.compressed = split.codec.is_some();
        self.end = if self.compressed { u64::MAX } else { split.start.saturating_add(split.length) };
        Ok(())
    }

    /// The bytes that were read and not consumed.
    pub(super) fn data(&self) -> &[u8] {
        &self.bytes[self.head..self.filled]
    }

    /// Bytes by their place in the buffer; they stay there until the next [`fill`](Self::fill).
    pub(super) fn slice(&self, range: std::ops::Range<usize>) -> &[u8] {
        &self.bytes[range]
    }

    /// Place of the first byte of `data` in the buffer.
    pub(super) fn head(&self) -> usize {
        self.head
    }

    /// Bytes of memory in use.
    #[cfg(test)]
    pub(super) fn capacity(&self) -> usize {
        self.bytes.capacity()
    }

    /// Bytes of memory that are there.
    #[cfg(test)]
    pub(super) fn touched(&self) -> usize {
        self.bytes.len()
    }

    /// More than half of the buffer holds `data`: it will grow if none of it is consumed.
    pub(super) fn is_crowded(&self) -> bool {
        self.data().len() > self.size / 2
    }

    /// Offset in the file of the first byte of `data`.
    pub(super) fn offset(&self) -> u64 {
        self.offset
    }

    /// Where the split ends, or `u64::MAX` while that is not known, as in compressed files.
    pub(super) fn end(&self) -> u64 {
        self.end
    }

    /// The split is of a compressed file: its length says nothing of the text.
    pub(super) fn is_compressed(&self) -> bool {
        self.compressed
    }

    /// The split's bytes before its end, counted from `data`'s first; more than `data` holds, maybe.
    pub(super) fn until_end(&self) -> usize {
        usize::try_from(self.end.saturating_sub(self.offset)).unwrap_or(usize::MAX)
    }

    /// The file whose bytes, at their offsets, are those of `data`; `None` if they were decompressed.
    pub(super) fn file(&self) -> Option<&File> {
        match &self.source {
            Some(Source::Stored(stored)) => Some(&stored.file),
            _ => None,
        }
    }

    /// Nothing is left to read behind `data`.
    pub(super) fn at_end(&self) -> bool {
        self.at_end
    }

    /// Bytes of the split that were read, as stored.
    pub(super) fn taken(&self) -> u64 {
        self.source.as_ref().map_or(0, Source::taken)
    }

    /// Steps over bytes of `data`.
    pub(super) fn consume(&mut self, bytes: usize) {
        debug_assert!(bytes <= self.data().len(), "only what was read can be consumed");
        self.head += bytes;
        self.offset += bytes as u64;
    }

    /// Puts a newline behind `data`, which must be the last of the file, and returns the place of both.
    pub(super) fn end_with_newline(&mut self) -> std::ops::Range<usize> {
        debug_assert!(self.at_end, "bytes would be overwritten by the next read");
        if self.filled == self.bytes.len() {
            self.bytes.push(b'\n');
        } else {
            self.bytes[self.filled] = b'\n';
        }
        self.head..self.filled + 1
    }

    /// Reads more behind `data`: to the end of the buffer inside the split, in small steps behind it.
    ///
    /// The buffer doubles when half of it is still in use, so that a record of any length costs only a few
    /// searches of its bytes.
    pub(super) fn fill(&mut self) -> Result<(), InputError> {
        if self.is_crowded() {
            let limit = self.room.limit();
            if self.data().len() > limit {
                return Err(self.too_large(limit));
            }
            let wanted = self.size.saturating_mul(2).min(limit.saturating_add(BUFFER_BYTES));
            self.room.wait_for(wanted.min(limit));
            self.size = self.size.max(wanted);
        }
        self.bytes.copy_within(self.head..self.filled, 0);
        self.filled -= self.head;
        self.head = 0;
        let Some(mut source) = self.source.take() else { return Ok(()) };
        let filled = self.fill_from(&mut source);
        self.source = Some(source);
        filled
    }

    /// The error of a record that is all of `data` and more.
    pub(super) fn too_large(&self, limit: usize) -> InputError {
        let (path, offset, bytes) = (self.path.clone(), self.offset, self.data().len());
        InputError::RecordTooLarge { path, offset, bytes, limit }
    }

    fn fill_from(&mut self, source: &mut Source) -> Result<(), InputError> {
        let mut stop = self.fill_to();
        while self.filled < stop && !self.at_end {
            let step = stop.min(self.filled + BUFFER_BYTES);
            if self.bytes.len() < step {
                let more = step - self.bytes.len();
                self.bytes.try_reserve(more).map_err(|_| self.too_large(self.bytes.len()))?;
                self.bytes.resize(step, 0);
            }
            match source.read(&mut self.bytes[self.filled..step])? {
                Piece::Text(count) => self.filled += count,
                Piece::End => self.at_end = true,
                Piece::SplitEnd => {
                    self.end = self.offset + self.filled as u64;
                    stop = self.fill_to().min(stop);
                }
            }
        }
        Ok(())
    }

    /// To where the buffer is to be filled.
    fn fill_to(&self) -> usize {
        let reached = self.offset.saturating_add(self.filled as u64);
        let tail = TAIL_BYTES.max(self.filled as u64);
        let wanted = self.end.saturating_sub(reached).saturating_add(tail);
        let room = self.size - self.filled;
        self.filled + usize::try_from(wanted).unwrap_or(usize::MAX).min(room)
    }
}
