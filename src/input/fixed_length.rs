//! Records of a fixed length. Hadoop: `FixedLengthInputFormat`, `FixedLengthRecordReader`.
//!
//! A record belongs to the split that holds its first byte. A file that does not end with a whole record
//! fails the job.

use super::source::{BUFFER_BYTES, Window};
use super::{InputError, Position, RecordReader};
use crate::plan::InputSplit;
use crate::record::RecordRef;
use crate::record_room::RecordRoom;
use crate::writable::WritableKind;
use std::path::PathBuf;

/// The records of one split: offset and bytes.
pub(super) struct FixedLengthReader {
    window: Window,
    record_bytes: usize,
    path: PathBuf,
    start: u64,
    length: u64,
    compressed: bool,
    key: [u8; 8],
}

impl FixedLengthReader {
    /// Opens the split; `record_bytes` must be above zero.
    pub(super) fn open(split: &InputSplit, record_bytes: u64, room: RecordRoom) -> Result<Self, InputError> {
        let size = usize::try_from(record_bytes).ok().filter(|&size| size > 0);
        let Some(record_bytes) = size else {
            return Err(InputError::Setting {
                property: "fixedlengthinputformat.record.length",
                value: record_bytes.to_string(),
                expected: "a number above zero",
            });
        };
        // The first whole record in the split; there is none when that lies behind the split's end.
        let start = split.start.next_multiple_of(record_bytes as u64);
        let past = (start - split.start).min(split.length);
        let rest = InputSplit { start, length: split.length - past, ..split.clone() };
        let mut window = Window::new(BUFFER_BYTES);
        window.stay_within(room);
        window.open(&rest)?;
        Ok(Self {
            window,
            record_bytes,
            path: split.path.clone(),
            start: split.start,
            length: split.length,
            compressed: split.codec.is_some(),
            key: [0; 8],
        })
    }
}

impl RecordReader for FixedLengthReader {
    fn kinds(&self) -> (WritableKind, WritableKind) {
        (WritableKind::Long, WritableKind::Bytes)
    }

    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, InputError> {
        let offset = self.window.offset();
        if offset >= self.window.end() {
            return Ok(None);
        }
        while self.window.data().len() < self.record_bytes && !self.window.at_end() {
            self.window.fill()?;
        }
        let found = self.window.data().len().min(self.record_bytes);
        if found == 0 {
            return Ok(None);
        }
        if found < self.record_bytes {
            return Err(InputError::Malformed {
                path: self.path.clone(),
                offset,
                what: format!("the last record has {found} bytes; expected {}", self.record_bytes),
            });
        }
        let head = self.window.head();
        self.window.consume(found);
        self.key = offset.to_be_bytes();
        Ok(Some(RecordRef { key: &self.key, value: self.window.slice(head..head + found) }))
    }

    fn position(&self) -> Position {
        let offset = self.window.offset();
        let read = if self.compressed { self.window.taken() } else { offset.saturating_sub(self.start) };
        Position { path: self.path.clone(), offset, consumed: read.min(self.length) }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Folder, split};
    use super::*;

    fn read(
        data: &[u8],
        start: usize,
        end: usize,
        record_bytes: u64,
    ) -> Result<Vec<(u64, String)>, InputError> {
        let folder = Folder::new();
        let path = folder.write("data", data);
        let mut reader =
            FixedLengthReader::open(&split(&path, start, end), record_bytes, RecordRoom::unlimited())?;
        let mut records = Vec::new();
        while let Some(record) = reader.next_record()? {
            let offset = u64::from_be_bytes(record.key.try_into().unwrap());
            records.push((offset, String::from_utf8(record.value.to_vec()).unwrap()));
        }
        assert!(reader.position().consumed <= (end - start) as u64);
        Ok(records)
    }

    #[test]
    fn every_cut_gives_each_record_once() {
        let data = b"aaaabbbbccccdddd";
        let whole = read(data, 0, 16, 4).unwrap();
        let expect = [(0, "aaaa"), (4, "bbbb"), (8, "cccc"), (12, "dddd")];
        assert_eq!(whole, expect.map(|(offset, text)| (offset, text.to_owned())));
        for one in 0..=16 {
            for two in one..=16 {
                let parts = [(0, one), (one, two), (two, 16)];
                let parts = parts.map(|(start, end)| read(data, start, end, 4).unwrap());
                assert_eq!(parts.concat(), whole, "cut at {one} and {two}");
            }
        }
    }

    #[test]
    fn a_partial_record_and_a_missing_length_are_errors() {
        let error = read(b"aaaabb", 0, 6, 4).unwrap_err();
        assert!(matches!(error, InputError::Malformed { offset: 4, .. }), "{error}");
        let error = read(b"aaaa", 0, 4, 0).unwrap_err();
        assert!(error.to_string().contains("fixedlengthinputformat.record.length is 0"), "{error}");
    }
}
