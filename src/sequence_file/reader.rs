//! Reading the records of a sequence file, from its start or from a marker on.

use super::{
    Compression, Header, MARKER_BYTES, MARKER_ESCAPE, RECORD_BYTES_MAX, SYNC_BYTES, SequenceFileError,
};
use crate::record::RecordRef;
use crate::record_room::RecordRoom;
use crate::writable::{WritableError, read_vint};
use memchr::memmem;
use std::io::{self, BufReader, Read, Seek, SeekFrom};
use std::ops::Range;

/// Bytes read from the file at a time.
const BUFFER_BYTES: usize = 64 * 1_024;

/// The records of a sequence file. Hadoop: `SequenceFile.Reader`.
///
/// A record cut short by the end of the file is an error. (Hadoop takes a block cut short for the end.)
pub struct SequenceReader<R> {
    source: Source<R>,
    header: Header,
    header_bytes: u64,
    /// The record read last; its value is still compressed in [`Compression::Record`].
    record: Vec<u8>,
    /// The decompressed value of that record.
    value: Vec<u8>,
    block: Block,
    /// Where the key of the record read last is, in `record` or the block's keys.
    key_at: Range<usize>,
    /// Where its value is, in `record`, `value` or the block's values.
    value_at: Range<usize>,
    /// Where that record starts in the file, or its block.
    offset: u64,
    sync_seen: bool,
    /// Where a record or a block is that is long.
    room: RecordRoom,
}

impl<R: Read + Seek> SequenceReader<R> {
    /// Reads the header of `input`, a file of `length` bytes, and stands at the first record.
    ///
    /// # Errors
    /// The file cannot be read, or is no sequence file of versions 4 to 6.
    pub fn open(input: R, length: u64) -> Result<Self, SequenceFileError> {
        let mut source = Source::new(input, length);
        let header = Header::read(&mut source)?;
        Ok(Self {
            header_bytes: source.position(),
            source,
            header,
            record: Vec::new(),
            value: Vec::new(),
            block: Block::default(),
            key_at: 0..0,
            value_at: 0..0,
            offset: 0,
            sync_seen: false,
            room: RecordRoom::unlimited(),
        })
    }

    /// Has long records, and blocks of them, in that room.
    #[must_use]
    pub(crate) fn within(mut self, room: RecordRoom) -> Self {
        self.room = room;
        self
    }

    /// What the file says about itself.
    pub fn header(&self) -> &Header {
        &self.header
    }

    /// Offset in the file in bytes behind what was read last: a record, or a whole block.
    pub fn position(&self) -> u64 {
        self.source.position()
    }

    /// Offset in the file in bytes where the record read last starts, or the block it is in.
    pub fn record_offset(&self) -> u64 {
        self.offset
    }

    /// Whether a marker stood before the record read last.
    pub fn sync_seen(&self) -> bool {
        self.sync_seen
    }

    /// Goes to the first marker that ends behind `position`, to the first record for a position in the
    /// header, or to the end. Hadoop: `SequenceFile.Reader.sync`.
    ///
    /// # Errors
    /// The file cannot be read.
    pub fn sync(&mut self, position: u64) -> Result<(), SequenceFileError> {
        self.block.start(0);
        if position + SYNC_BYTES >= self.source.length {
            return self.source.seek(self.source.length);
        }
        if position < self.header_bytes {
            self.sync_seen = true;
            return self.source.seek(self.header_bytes);
        }
        // The marker, not its escape, is looked for.
        self.source.seek(position + 4)?;
        let mut window = Vec::new();
        loop {
            let kept = window.len().min(MARKER_BYTES - 1);
            window.drain(..window.len() - kept);
            let count = self.source.remaining().min(BUFFER_BYTES as u64);
            if count == 0 {
                return Ok(());
            }
            self.source.read_more(count, &mut window)?;
            if let Some(at) = memmem::find(&window, &self.header.marker) {
                let marker_at = self.source.position() - (window.len() - at) as u64;
                // A marker at the very end has no records behind it.
                let behind = marker_at + MARKER_BYTES as u64;
                let target = if behind < self.source.length { marker_at - 4 } else { self.source.length };
                return self.source.seek(target);
            }
        }
    }

    /// The next record's serialised key and value, or `None` at the end of the file.
    ///
    /// # Errors
    /// The file cannot be read or is malformed; nothing can be read from it after that.
    pub fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, SequenceFileError> {
        Ok(if self.advance()? { Some(self.record()) } else { None })
    }

    /// Reads the next record for [`SequenceReader::record`]; false at the end of the file.
    ///
    /// # Errors
    /// As [`SequenceReader::next_record`].
    pub fn advance(&mut self) -> Result<bool, SequenceFileError> {
        match self.header.compression {
            Compression::Block => self.advance_in_block(),
            Compression::None | Compression::Record => self.advance_alone(),
        }
    }

    /// The serialised key and value of the record read last.
    pub fn record(&self) -> RecordRef<'_> {
        let (keys, values) = match self.header.compression {
            Compression::None => (&self.record, &self.record),
            Compression::Record => (&self.record, &self.value),
            Compression::Block => (&self.block.keys.bytes, &self.block.values.bytes),
        };
        RecordRef { key: &keys[self.key_at.clone()], value: &values[self.value_at.clone()] }
    }

    fn advance_alone(&mut self) -> Result<bool, SequenceFileError> {
        let Some(length) = self.read_record_length()? else { return Ok(false) };
        self.offset = self.source.position() - 4;
        let key_length = self.source.read_i32()?;
        if length < 0 || !(0..=length).contains(&key_length) {
            return Err(self.malformed(format!("a record of {length} bytes with a key of {key_length}")));
        }
        self.see_to_room(length as u64)?;
        self.source.read_bytes(length as u64, &mut self.record)?;
        self.key_at = 0..key_length as usize;
        self.value_at = key_length as usize..length as usize;
        if self.header.compression == Compression::Record {
            self.value.clear();
            let limit = self.room.limit().min(RECORD_BYTES_MAX);
            let stored = &self.record[self.value_at.clone()];
            let decoded = self.header.codec.decode(stored, limit, &mut self.value);
            let bytes = self.value.len();
            decoded.map_err(|error| not_decoded(self.offset, [bytes, limit], "a record's value", &error))?;
            self.room.wait_for(bytes);
            self.value_at = 0..self.value.len();
        }
        Ok(true)
    }

    /// The length of the next record, a marker before it passed; `None` at the end.
    fn read_record_length(&mut self) -> Result<Option<i32>, SequenceFileError> {
        self.sync_seen = false;
        if self.source.remaining() == 0 {
            return Ok(None);
        }
        let length = self.source.read_i32()?;
        if length != MARKER_ESCAPE {
            return Ok(Some(length));
        }
        self.check_marker()?;
        self.sync_seen = true;
        if self.source.remaining() == 0 {
            return Ok(None);
        }
        self.source.read_i32().map(Some)
    }

    fn check_marker(&mut self) -> Result<(), SequenceFileError> {
        let at = self.source.position();
        if self.source.read_marker()? == self.header.marker {
            return Ok(());
        }
        Err(SequenceFileError::malformed(at, "a sync marker that is not the file's own"))
    }

    fn advance_in_block(&mut self) -> Result<bool, SequenceFileError> {
        self.sync_seen = false;
        if self.block.records_left == 0 {
            if self.source.remaining() == 0 {
                return Ok(false);
            }
            self.read_block()?;
            self.sync_seen = true;
        }
        (self.key_at, self.value_at) =
            self.block.next_record().map_err(|error| self.malformed(format!("a block: {error}")))?;
        Ok(true)
    }

    fn read_block(&mut self) -> Result<(), SequenceFileError> {
        self.offset = self.source.position();
        let escape = self.source.read_i32()?;
        if escape != MARKER_ESCAPE {
            return Err(self.malformed(format!("{escape} where a block starts, expected -1")));
        }
        self.check_marker()?;
        let count = self.source.read_vint_length("the number of records of a block")?;
        if count == 0 {
            return Err(self.malformed("a block without records"));
        }
        self.block.start(count);
        let limit = self.room.limit().min(RECORD_BYTES_MAX);
        for part in 0..self.block.parts().len() {
            let length = self.source.read_vint_length("a length in a block")?;
            self.see_to_room(length)?;
            self.source.read_bytes(length, &mut self.record)?;
            // Nothing at all is nothing, though no codec writes that.
            if length > 0 {
                let part = &mut self.block.parts()[part].bytes;
                let decoded = self.header.codec.decode(&self.record, limit, part);
                let bytes = part.len();
                decoded.map_err(|error| not_decoded(self.offset, [bytes, limit], "a block", &error))?;
                self.room.wait_for(bytes);
            }
        }
        Ok(())
    }

    /// Waits for room for so many bytes of what begins at `offset`.
    fn see_to_room(&mut self, bytes: u64) -> Result<(), SequenceFileError> {
        let (bytes, limit) = (usize::try_from(bytes).unwrap_or(usize::MAX), self.room.limit());
        // What the file does not have is not long but broken.
        if bytes > limit && bytes as u64 <= self.source.remaining() {
            return Err(SequenceFileError::TooLarge { offset: self.offset, bytes, limit });
        }
        self.room.wait_for(bytes);
        Ok(())
    }

    /// Waits for room for so many bytes that the last record will have in another form.
    ///
    /// # Errors
    /// [`SequenceFileError::TooLarge`].
    pub(crate) fn make_room(&mut self, bytes: usize) -> Result<(), SequenceFileError> {
        let limit = self.room.limit();
        if bytes > limit {
            return Err(SequenceFileError::TooLarge { offset: self.offset, bytes, limit });
        }
        self.room.wait_for(bytes);
        Ok(())
    }

    fn malformed(&self, what: impl Into<String>) -> SequenceFileError {
        SequenceFileError::malformed(self.offset, what)
    }
}

/// Why `what` could not be decompressed, of which so many bytes came.
fn not_decoded(offset: u64, [bytes, limit]: [usize; 2], what: &str, error: &io::Error) -> SequenceFileError {
    if bytes > limit && limit < RECORD_BYTES_MAX {
        return SequenceFileError::TooLarge { offset, bytes, limit };
    }
    SequenceFileError::malformed(offset, format!("{what}: {error}"))
}

/// The decompressed records of one block.
#[derive(Default)]
struct Block {
    records_left: u64,
    key_lengths: Part,
    keys: Part,
    value_lengths: Part,
    values: Part,
}

/// Bytes that are taken from the front.
#[derive(Default)]
struct Part {
    bytes: Vec<u8>,
    taken: usize,
}

impl Block {
    /// The parts in the order of the file.
    fn parts(&mut self) -> [&mut Part; 4] {
        [&mut self.key_lengths, &mut self.keys, &mut self.value_lengths, &mut self.values]
    }

    /// Forgets the records and expects `records` others.
    fn start(&mut self, records: u64) {
        self.records_left = records;
        for part in self.parts() {
            part.bytes.clear();
            part.taken = 0;
        }
    }

    /// Where the next record's key and value are in their parts.
    fn next_record(&mut self) -> Result<(Range<usize>, Range<usize>), WritableError> {
        let key_length = self.key_lengths.take_length()?;
        let value_length = self.value_lengths.take_length()?;
        self.records_left -= 1;
        Ok((self.keys.take(key_length)?, self.values.take(value_length)?))
    }
}

impl Part {
    fn take_length(&mut self) -> Result<i32, WritableError> {
        let bytes = &self.bytes[self.taken..];
        let (length, rest) = read_vint(bytes)?;
        self.taken = self.bytes.len() - rest.len();
        Ok(length)
    }

    fn take(&mut self, length: i32) -> Result<Range<usize>, WritableError> {
        let needed = u64::try_from(length).map_err(|_| WritableError::Range {
            what: "the length of a key or value",
            value: i64::from(length),
            expected: "0 or more",
        })?;
        let found = (self.bytes.len() - self.taken) as u64;
        if needed > found {
            return Err(WritableError::Short { class: "a key or value", needed, found });
        }
        let start = self.taken;
        self.taken += length as usize;
        Ok(start..self.taken)
    }
}

/// A file with a position, of which only bytes that are there are asked for.
pub(super) struct Source<R> {
    input: BufReader<R>,
    position: u64,
    length: u64,
}

impl<R: Read + Seek> Source<R> {
    fn new(input: R, length: u64) -> Self {
        Self { input: BufReader::with_capacity(BUFFER_BYTES, input), position: 0, length }
    }

    pub(super) fn position(&self) -> u64 {
        self.position
    }

    /// Bytes up to the end of the file.
    pub(super) fn remaining(&self) -> u64 {
        self.length.saturating_sub(self.position)
    }

    fn seek(&mut self, position: u64) -> Result<(), SequenceFileError> {
        self.input
            .seek(SeekFrom::Start(position))
            .map_err(|source| SequenceFileError::Read { offset: position, source })?;
        self.position = position;
        Ok(())
    }

    /// Replaces `bytes` with the next `count` bytes.
    pub(super) fn read_bytes(&mut self, count: u64, bytes: &mut Vec<u8>) -> Result<(), SequenceFileError> {
        bytes.clear();
        self.read_more(count, bytes)
    }

    /// Appends the next `count` bytes.
    fn read_more(&mut self, count: u64, bytes: &mut Vec<u8>) -> Result<(), SequenceFileError> {
        self.check_remaining(count)?;
        let start = bytes.len();
        let refused = |_| self.error(io::ErrorKind::OutOfMemory.into());
        bytes.try_reserve(count as usize).map_err(refused)?;
        bytes.resize(start + count as usize, 0);
        self.input.read_exact(&mut bytes[start..]).map_err(|source| self.error(source))?;
        self.position += count;
        Ok(())
    }

    fn read_array<const N: usize>(&mut self) -> Result<[u8; N], SequenceFileError> {
        self.check_remaining(N as u64)?;
        let mut bytes = [0; N];
        self.input.read_exact(&mut bytes).map_err(|source| self.error(source))?;
        self.position += N as u64;
        Ok(bytes)
    }

    pub(super) fn read_byte(&mut self) -> Result<u8, SequenceFileError> {
        self.read_array::<1>().map(|[byte]| byte)
    }

    pub(super) fn read_i32(&mut self) -> Result<i32, SequenceFileError> {
        self.read_array().map(i32::from_be_bytes)
    }

    pub(super) fn read_marker(&mut self) -> Result<[u8; MARKER_BYTES], SequenceFileError> {
        self.read_array()
    }

    /// Reads a variable-length integer that must not be negative; `what` it is goes into the message.
    pub(super) fn read_vint_length(&mut self, what: &str) -> Result<u64, SequenceFileError> {
        let at = self.position;
        let mut bytes = vec![self.read_byte()?];
        // Its first byte tells how many follow.
        while let Err(WritableError::Short { needed, found, .. }) = read_vint(&bytes) {
            self.read_more(needed - found, &mut bytes)?;
        }
        match read_vint(&bytes) {
            Ok((length @ 0.., _)) => Ok(length as u64),
            Ok((length, _)) => Err(SequenceFileError::malformed(at, format!("{what} is {length}"))),
            Err(error) => Err(SequenceFileError::malformed(at, format!("{what}: {error}"))),
        }
    }

    fn check_remaining(&self, count: u64) -> Result<(), SequenceFileError> {
        if count <= self.remaining() {
            return Ok(());
        }
        let left = self.remaining();
        let what = format!("{count} bytes should follow but the file ends after {left}, it may be cut short");
        Err(SequenceFileError::malformed(self.position, what))
    }

    fn error(&self, source: io::Error) -> SequenceFileError {
        SequenceFileError::Read { offset: self.position, source }
    }
}
