//! The child's standard output as records. Hadoop: `TextOutputReader`, `RawBytesOutputReader`,
//! `KeyOnlyTextOutputReader`, `TypedBytesOutputReader`.

use super::typed_bytes;
use crate::error::uninterrupted;
use crate::lines::LineEnds;
use crate::record::RecordRef;
use crate::record_room::RecordRoom;
use std::io::{self, Read};

/// Bytes read at once for encodings that are read record by record.
const READ_BYTES: usize = 128 << 10;

/// A record that is longer is not looked through whenever a little more of it comes.
const LONG_BYTES: usize = 1 << 20;

/// Text output in bulk: what is read has lines that end in LF alone, the last one included.
pub(crate) struct LineSource<'a> {
    stdout: &'a mut dyn Read,
    ends: LineEnds,
    last: u8,
}

impl<'a> LineSource<'a> {
    /// Lines of `stdout`.
    pub(crate) fn new(stdout: &'a mut dyn Read) -> Self {
        Self { stdout, ends: LineEnds::default(), last: b'\n' }
    }

    /// Reads some bytes into `space`, which must not be empty; 0 is the end.
    pub(crate) fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            match uninterrupted(|| self.stdout.read(space))? {
                0 if self.last != b'\n' => {
                    // A last line without an end loses nothing; the end is added.
                    self.last = b'\n';
                    space[0] = b'\n';
                    return Ok(1);
                }
                0 => return Ok(0),
                count => {
                    let kept = self.ends.normalise(&mut space[..count]);
                    if kept > 0 {
                        self.last = space[kept - 1];
                        return Ok(kept);
                    }
                }
            }
        }
    }
}

/// How the records of a binary encoding are framed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Framing {
    /// Four bytes of length, big-endian, before each key and value.
    RawBytes,
    /// One typed-bytes value each.
    TypedBytes,
    /// Lines that are all key.
    KeyOnlyLines,
}

/// Output record by record.
pub(crate) struct RecordSource<'a> {
    stdout: Box<dyn Read + 'a>,
    framing: Framing,
    ends: LineEnds,
    buffer: Vec<u8>,
    start: usize,
    /// So many bytes behind `start` are known to hold no line end.
    searched: usize,
    /// There is no whole record behind `start` in fewer bytes, or it is not looked for.
    whole_from: usize,
    /// Where a record is that is longer than what is read at once.
    room: RecordRoom,
    ended: bool,
}

impl<'a> RecordSource<'a> {
    /// Records of `stdout`, the longer ones in that room.
    pub(crate) fn new(stdout: &'a mut dyn Read, framing: Framing, room: RecordRoom) -> Self {
        Self {
            stdout: Box::new(stdout),
            framing,
            ends: LineEnds::default(),
            buffer: Vec::new(),
            start: 0,
            searched: 0,
            whole_from: 0,
            room,
            ended: false,
        }
    }

    /// The next record; `None` at the end.
    ///
    /// # Errors
    /// When the pipe fails, the output breaks off inside a record, or a record is too large.
    pub(crate) fn next_record(&mut self) -> io::Result<Option<RecordRef<'_>>> {
        let Some(cut) = self.find_record()? else { return Ok(None) };
        let record = &self.buffer[self.start..self.start + cut.length];
        self.start += cut.length;
        Ok(Some(RecordRef { key: &record[cut.key], value: &record[cut.value] }))
    }

    fn find_record(&mut self) -> io::Result<Option<Cut>> {
        loop {
            let pending = &self.buffer[self.start..];
            if pending.len() < self.whole_from && !self.ended {
                self.fill()?;
                continue;
            }
            if self.framing.is_end(pending) {
                return Ok(None);
            }
            match self.framing.cut(pending, self.searched, self.ended)? {
                Some(cut) => {
                    (self.searched, self.whole_from) = (0, 0);
                    return Ok(Some(cut));
                }
                // RawBytesOutputReader takes an end of file inside a key's length for the end.
                None if self.ended => return Ok(None),
                None => {
                    self.searched = pending.len();
                    if self.framing == Framing::TypedBytes && pending.len() >= LONG_BYTES {
                        // A list is measured from its begin each time: not for every piece of a long one.
                        self.whole_from = (pending.len() + pending.len() / 4).min(self.room.limit());
                    }
                    self.fill()?;
                }
            }
        }
    }

    fn fill(&mut self) -> io::Result<()> {
        self.buffer.drain(..self.start);
        self.start = 0;
        let end = self.buffer.len();
        let limit = self.room.limit();
        if end > limit {
            let what = format!(
                "a record of at least {end} bytes is larger than the {limit} bytes that one record may have; raise \
                 mrstream.memory.mb"
            );
            return Err(io::Error::new(io::ErrorKind::OutOfMemory, what));
        }
        self.room.wait_for(end);
        self.buffer.try_reserve(READ_BYTES).map_err(|_| io::ErrorKind::OutOfMemory)?;
        self.buffer.resize(end + READ_BYTES, 0);
        let count = uninterrupted(|| self.stdout.read(&mut self.buffer[end..]))?;
        self.ended = count == 0;
        let kept = match self.framing {
            Framing::KeyOnlyLines => self.ends.normalise(&mut self.buffer[end..end + count]),
            _ => count,
        };
        self.buffer.truncate(end + kept);
        Ok(())
    }
}

/// Where key and value of a record lie in its bytes.
struct Cut {
    key: std::ops::Range<usize>,
    value: std::ops::Range<usize>,
    length: usize,
}

impl Framing {
    /// Whether `bytes` begin with what the format takes for the end where a key begins: a negative length, or the
    /// marker behind a list's values.
    fn is_end(self, bytes: &[u8]) -> bool {
        match self {
            Self::RawBytes => bytes.first_chunk().is_some_and(|length| i32::from_be_bytes(*length) < 0),
            Self::TypedBytes => typed_bytes::is_marker(bytes),
            Self::KeyOnlyLines => false,
        }
    }

    /// Cuts the first record off `bytes`, the first of which were `searched` for a line end; `None` when more are
    /// needed, or when there is none at the end.
    fn cut(self, bytes: &[u8], searched: usize, ended: bool) -> io::Result<Option<Cut>> {
        if self == Self::KeyOnlyLines {
            return Ok(match memchr::memchr(b'\n', &bytes[searched..]).map(|end| searched + end) {
                Some(end) => Some(Cut { key: 0..end, value: 0..0, length: end + 1 }),
                None if ended && !bytes.is_empty() => {
                    Some(Cut { key: 0..bytes.len(), value: 0..0, length: bytes.len() })
                }
                None => None,
            });
        }
        let parts = self.part(bytes)?.and_then(|key| {
            let value = self.part(&bytes[key.end..]).transpose()?;
            Some(value.map(|value| (key, value)))
        });
        match parts.transpose()? {
            Some((key, value)) => {
                let length = key.end + value.end;
                Ok(Some(Cut { value: key.end + value.start..length, key, length }))
            }
            // A raw key length that breaks off is the end; anything later is a broken record.
            None if ended && !(bytes.is_empty() || self == Self::RawBytes && bytes.len() < 4) => {
                Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the output ends inside a record"))
            }
            None => Ok(None),
        }
    }

    /// Where the payload of the key or value at the start of `bytes` lies.
    fn part(self, bytes: &[u8]) -> io::Result<Option<std::ops::Range<usize>>> {
        if self == Self::TypedBytes {
            return Ok(typed_bytes::value_len(bytes)?.map(|length| 0..length));
        }
        let Some(length) = bytes.first_chunk::<4>() else { return Ok(None) };
        let length = usize::try_from(i32::from_be_bytes(*length))
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "a record has a negative length"))?;
        Ok((bytes.len() - 4 >= length).then_some(4..4 + length))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::{AttemptId, TaskId};
    use crate::record_room::LongRecords;

    /// Gives out one byte at a time.
    struct Slow<'a>(&'a [u8]);

    impl Read for Slow<'_> {
        fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
            let count = self.0.len().min(space.len()).min(1);
            space[..count].copy_from_slice(&self.0[..count]);
            self.0 = &self.0[count..];
            Ok(count)
        }
    }

    fn lines_of(mut stdout: impl Read) -> Vec<u8> {
        let mut source = LineSource::new(&mut stdout);
        let (mut all, mut space) = (Vec::new(), [0; 16]);
        loop {
            match source.read(&mut space).unwrap() {
                0 => return all,
                count => all.extend_from_slice(&space[..count]),
            }
        }
    }

    #[test]
    fn lines_end_in_one_newline_each() {
        for (stdout, expect) in
            [("", ""), ("a", "a\n"), ("a\r", "a\n"), ("a\r\nb", "a\nb\n"), ("\r\r\n\n", "\n\n\n")]
        {
            assert_eq!(lines_of(stdout.as_bytes()), expect.as_bytes(), "{stdout:?}");
            assert_eq!(lines_of(Slow(stdout.as_bytes())), expect.as_bytes(), "{stdout:?} slowly");
        }
    }

    fn records_of(mut stdout: impl Read, framing: Framing) -> io::Result<Vec<(Vec<u8>, Vec<u8>)>> {
        let attempt = AttemptId { task: TaskId::map(0), attempt: 0 };
        let room = RecordRoom::new(&LongRecords::new(1 << 10, 1 << 10), attempt);
        let mut source = RecordSource::new(&mut stdout, framing, room);
        let mut all = Vec::new();
        while let Some(record) = source.next_record()? {
            all.push((record.key.to_vec(), record.value.to_vec()));
        }
        Ok(all)
    }

    #[test]
    fn raw_bytes_come_by_length() {
        let stdout = b"\0\0\0\x02ab\0\0\0\0\0\0\0\0\0\0\0\x01c";
        let expect = vec![(b"ab".to_vec(), vec![]), (vec![], b"c".to_vec())];
        assert_eq!(records_of(stdout.as_slice(), Framing::RawBytes).unwrap(), expect);
        assert_eq!(records_of(Slow(stdout), Framing::RawBytes).unwrap(), expect);
        assert!(records_of(&stdout[..5], Framing::RawBytes).is_err());
        assert_eq!(records_of(&stdout[..2], Framing::RawBytes).unwrap(), vec![]);
    }

    /// Hadoop: `RawBytesOutputReader.readKeyValue`, `TypedBytesOutputReader.readKeyValue`.
    #[test]
    fn an_end_mark_at_a_key_ends_the_records() {
        let check = |framing: Framing, record: &[u8], end: &[u8], rest: &[u8]| {
            let one = records_of(record, framing).unwrap();
            assert_eq!(one.len(), 1);
            for stdout in [[record, end].concat(), [record, end, rest].concat()] {
                assert_eq!(records_of(stdout.as_slice(), framing).unwrap(), one);
                assert_eq!(records_of(Slow(&stdout), framing).unwrap(), one);
            }
            let value = record.len() / 2;
            assert!(records_of([&record[..value], end, rest].concat().as_slice(), framing).is_err());
        };
        check(Framing::RawBytes, b"\0\0\0\x01a\0\0\0\x01b", b"\xff\xff\xff\xff", b"c");
        check(Framing::TypedBytes, b"\x01\x07\x01\x08", b"\xff", b"\x01");
    }

    #[test]
    fn long_lists_are_records_too() {
        let list = |values: usize| [&[9][..], &[1, 7].repeat(values), &[255]].concat();
        for values in [LONG_BYTES / 2 - 2, LONG_BYTES / 2, 2 * LONG_BYTES] {
            let stdout = [list(0), list(values), list(1), list(values)].concat();
            let attempt = AttemptId { task: TaskId::map(0), attempt: 0 };
            let room = RecordRoom::new(&LongRecords::new(u64::MAX, list(values).len() as u64 + 2), attempt);
            let mut stdout = stdout.as_slice();
            let mut source = RecordSource::new(&mut stdout, Framing::TypedBytes, room);
            for expect in [[list(0), list(values)], [list(1), list(values)]] {
                let record = source.next_record().unwrap().unwrap();
                assert!([record.key, record.value] == expect, "{values}");
            }
            assert!(source.next_record().unwrap().is_none());
        }
    }

    #[test]
    fn key_only_lines_are_all_key() {
        let expect = vec![(b"a\tb".to_vec(), vec![]), (b"c".to_vec(), vec![])];
        assert_eq!(records_of(b"a\tb\r\nc".as_slice(), Framing::KeyOnlyLines).unwrap(), expect);
        assert_eq!(records_of(Slow(b"a\tb\r\nc"), Framing::KeyOnlyLines).unwrap(), expect);
        let error = records_of(Slow(&[b'x'; 2_000]), Framing::KeyOnlyLines).unwrap_err().to_string();
        assert!(error.contains("at least 1025 bytes is larger than the 1024 bytes"), "{error}");
    }
}
