//! Blocks of a spill, read ahead in large pieces and checked one by one.

use super::ShuffleError;
use super::spill::{BLOCK_HEADER_BYTES, OpenSpill, Spill};
use crate::checksum;
use crate::page_cache;
use std::io;
use std::ops::Range;

/// A buffer of so many bytes is large: its memory is not kept for smaller blocks.
const LARGE_BUFFER_BYTES: usize = 1 << 20;
/// Of what was read so much stays in the page cache: the next range of keys begins with the last block of this one.
const KEPT_BYTES: u64 = 32 << 10;

/// Reads the blocks of a part of a spill, one after another.
#[derive(Debug)]
pub(super) struct BlockReader<'a> {
    spill: &'a Spill,
    /// Its file, from the first read on.
    file: Option<OpenSpill<'a>>,
    /// The part of the file that is not yet read.
    rest: Range<u64>,
    /// Bytes that were read, up to `filled`.
    buffer: Vec<u8>,
    filled: usize,
    /// End of the current block in the buffer.
    end: usize,
    /// What is read at once, in bytes; more if a block is larger.
    read_bytes: usize,
}

impl<'a> BlockReader<'a> {
    /// A reader that is at its end.
    pub(super) fn new(spill: &'a Spill, read_bytes: u64) -> Self {
        let read_bytes = read_bytes as usize;
        Self { spill, file: None, rest: 0..0, buffer: Vec::new(), filled: 0, end: 0, read_bytes }
    }

    /// Goes to the first of these blocks, given as a part of the file.
    pub(super) fn go_to(&mut self, blocks: Range<u64>) {
        self.rest = blocks;
        (self.filled, self.end) = (0, 0);
    }

    /// Bytes that were read, the current block among them.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.buffer
    }

    /// Steps to the next block and says where among [`Self::bytes`] its records are; `None` at the end.
    pub(super) fn next_block(&mut self) -> Result<Option<Range<usize>>, ShuffleError> {
        if self.end == self.filled && self.rest.is_empty() {
            return Ok(None);
        }
        self.read_up_to(BLOCK_HEADER_BYTES)?;
        let header = &self.buffer[self.end..self.end + BLOCK_HEADER_BYTES];
        let (length, stored) = header.split_at(4);
        let length = u32::from_le_bytes(length.try_into().expect("four bytes")) as usize;
        let stored = u64::from_le_bytes(stored.try_into().expect("eight bytes"));
        self.read_up_to(BLOCK_HEADER_BYTES + length)?;
        let start = self.end + BLOCK_HEADER_BYTES;
        let records = start..start + length;
        if checksum::of(&self.buffer[records.clone()]) != stored {
            return Err(self.corrupt("a block does not match its checksum"));
        }
        self.end = records.end;
        Ok(Some(records))
    }

    /// Sees to so many bytes behind the current block.
    fn read_up_to(&mut self, bytes: usize) -> Result<(), ShuffleError> {
        let ahead = self.filled - self.end;
        let Some(missing) = bytes.checked_sub(ahead).filter(|missing| *missing > 0) else { return Ok(()) };
        let rest = self.rest.end - self.rest.start;
        if missing as u64 > rest {
            return Err(self.corrupt("a block reaches past the end of its segment"));
        }
        self.buffer.copy_within(self.end..self.filled, 0);
        (self.end, self.filled) = (0, ahead);
        let read = rest.min(missing.max(self.read_bytes.saturating_sub(ahead)) as u64) as usize;
        let filled = ahead + read;
        self.make_room(filled)?;
        let file = match self.file.take() {
            Some(file) => file,
            None => self.spill.file()?,
        };
        self.spill.read_at(&file, &mut self.buffer[ahead..filled], self.rest.start)?;
        let read = self.rest.start..self.rest.start + read as u64;
        self.rest.start = read.end;
        let ahead = self.rest.end.min(read.end + self.read_bytes as u64);
        page_cache::read_ahead(&file, read.end..ahead);
        let [from, to] = [read.start, read.end].map(|offset| offset.saturating_sub(KEPT_BYTES));
        page_cache::drop_read(&file, from..to);
        self.file = Some(file);
        self.filled = filled;
        Ok(())
    }

    /// Makes the buffer hold so many bytes, and gives back what a much larger block took.
    fn make_room(&mut self, bytes: usize) -> Result<(), ShuffleError> {
        let room = self.buffer.capacity();
        if room > LARGE_BUFFER_BYTES && bytes < room / 2 {
            self.buffer.truncate(bytes);
            self.buffer.shrink_to(bytes);
        }
        if let Some(more) = bytes.checked_sub(self.buffer.len()) {
            let refused = |error| ShuffleError::Memory { bytes, source: io::Error::other(error) };
            self.buffer.try_reserve_exact(more).map_err(refused)?;
            self.buffer.resize(bytes, 0);
        }
        Ok(())
    }

    /// Whether nothing was read behind the current block.
    pub(super) fn is_at_end(&self) -> bool {
        self.end == self.filled
    }

    /// Gives all that was read away, for memory that may be used. Nothing may have been read behind the block.
    pub(super) fn exchange(&mut self, other: &mut Vec<u8>) {
        debug_assert!(self.is_at_end(), "blocks would be lost");
        std::mem::swap(&mut self.buffer, other);
        (self.filled, self.end) = (0, 0);
    }

    /// An error at the current block.
    pub(super) fn corrupt(&self, what: &'static str) -> ShuffleError {
        self.spill.corrupt(self.rest.start - (self.filled - self.end) as u64, what)
    }
}

#[cfg(test)]
mod tests {
    use super::super::spill::SpillWriter;
    use super::*;
    use crate::record::RecordRef;

    #[test]
    fn blocks_come_whole_whatever_is_read_at_once() {
        let dir = tempfile::tempdir().unwrap();
        let mut writer = SpillWriter::create(dir.path().join("spill"), 32).unwrap();
        let values: Vec<Vec<u8>> = [1, 50, 5_000, 3, 3, 3, 200, 0].map(|length| vec![b'v'; length]).to_vec();
        for value in &values {
            writer.write(0, RecordRef { key: b"key", value }, 1).unwrap();
        }
        let spill = writer.finish(1).unwrap();
        let blocks = spill.span(0).unwrap().blocks();
        let read_all = |read_bytes| {
            let mut reader = BlockReader::new(&spill, read_bytes);
            reader.go_to(blocks.clone());
            let mut records = Vec::new();
            while let Some(place) = reader.next_block().unwrap() {
                records.push(reader.bytes()[place].to_vec());
            }
            records
        };
        let expect = read_all(1 << 20);
        assert_eq!(expect.len(), 6); // long ones are alone, three of the short ones are together
        let bytes_beside_values: usize = 8 * (2 + 3) + 2; // lengths and keys; two values are long
        assert_eq!(expect.concat().len(), values.concat().len() + bytes_beside_values);
        for read_bytes in [1, 13, 40, 64, 100, 5_000] {
            assert_eq!(read_all(read_bytes), expect, "{read_bytes}");
        }
        let mut reader = BlockReader::new(&spill, 64);
        reader.go_to(blocks.start..blocks.end - 1);
        while let Ok(Some(_)) = reader.next_block() {}
        assert!(matches!(reader.next_block(), Err(ShuffleError::Corrupt { .. })));
    }
}
