//! `SequenceFileInputFormat`, and its forms that give text or serialised bytes.
//!
//! A split's records are those behind the first marker that ends behind the split's start, up to the first
//! marker at or behind its end: a record, or block, belongs to the split in which the marker before it
//! starts. Hadoop: `SequenceFileRecordReader`, `SequenceFileAsTextRecordReader`,
//! `SequenceFileAsBinaryRecordReader`.

use super::{InputError, Position, RecordReader};
use crate::error::{At, IoError};
use crate::fs::File;
use crate::plan::InputSplit;
use crate::record::RecordRef;
use crate::record_room::RecordRoom;
use crate::sequence_file::{SequenceFileError, SequenceReader};
use crate::writable::{WritableError, WritableKind};
use std::path::{Path, PathBuf};

/// What is made of keys and values.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Flavour {
    /// The classes of the file.
    Plain,
    /// Text, by Java's `toString`.
    AsText,
    /// Bytes, as serialised.
    AsBinary,
}

/// Opens the records of a split.
///
/// # Errors
/// The file cannot be read or is no sequence file.
pub(crate) fn open(
    split: &InputSplit,
    flavour: Flavour,
    room: RecordRoom,
) -> Result<Box<dyn RecordReader>, InputError> {
    let path = &split.path;
    let file = File::open(path).at("open input file", path)?;
    let length = file.metadata().at("look at input file", path)?.len();
    let mut reader = SequenceReader::open(file, length).map_err(|error| place(error, path))?.within(room);
    if split.start > reader.position() {
        reader.sync(split.start).map_err(|error| place(error, path))?;
    }
    let header = reader.header();
    let file_kinds =
        (WritableKind::from_class(&header.key_class), WritableKind::from_class(&header.value_class));
    let end = split.start + split.length;
    Ok(Box::new(SplitReader {
        done: reader.position() >= end,
        start: split.start,
        end,
        path: path.clone(),
        reader,
        file_kinds,
        flavour,
        key_text: Vec::new(),
        value_text: Vec::new(),
    }))
}

/// The records of one split.
struct SplitReader {
    reader: SequenceReader<File>,
    path: PathBuf,
    start: u64,
    end: u64,
    done: bool,
    /// Classes in the file.
    file_kinds: (WritableKind, WritableKind),
    flavour: Flavour,
    /// The last record as text.
    key_text: Vec<u8>,
    value_text: Vec<u8>,
}

impl SplitReader {
    /// Reads the next record of the split; false at its end.
    fn advance(&mut self) -> Result<bool, InputError> {
        if self.done {
            return Ok(false);
        }
        let before = self.reader.position();
        let found = self.reader.advance().map_err(|error| place(error, &self.path))?;
        // Behind the split's end the first marker begins the next split's part.
        self.done = !found || (before >= self.end && self.reader.sync_seen());
        Ok(!self.done)
    }

    fn payloads(&self) -> Result<RecordRef<'_>, InputError> {
        let record = self.reader.record();
        let (key_kind, value_kind) = &self.file_kinds;
        let key = payload(key_kind, record.key).map_err(|what| self.malformed("key", &what))?;
        let value = payload(value_kind, record.value).map_err(|what| self.malformed("value", &what))?;
        Ok(RecordRef { key, value })
    }

    fn write_text(&mut self) -> Result<(), InputError> {
        let stored = self.reader.record();
        let (key_kind, value_kind) = &self.file_kinds;
        let bytes =
            text_bytes_max(key_kind, stored.key.len()) + text_bytes_max(value_kind, stored.value.len());
        self.reader.make_room(bytes).map_err(|error| place(error, &self.path))?;
        let (mut key_text, mut value_text) =
            (std::mem::take(&mut self.key_text), std::mem::take(&mut self.value_text));
        key_text.clear();
        value_text.clear();
        let record = self.payloads()?;
        let (key_kind, value_kind) = &self.file_kinds;
        let text = |error: WritableError| error.to_string();
        key_kind.write_string(record.key, &mut key_text).map_err(|e| self.malformed("key", &text(e)))?;
        value_kind
            .write_string(record.value, &mut value_text)
            .map_err(|e| self.malformed("value", &text(e)))?;
        (self.key_text, self.value_text) = (key_text, value_text);
        Ok(())
    }

    fn malformed(&self, part: &str, what: &str) -> InputError {
        InputError::Malformed {
            path: self.path.clone(),
            offset: self.reader.record_offset(),
            what: format!("{part} of a record: {what}"),
        }
    }
}

impl RecordReader for SplitReader {
    fn kinds(&self) -> (WritableKind, WritableKind) {
        match self.flavour {
            Flavour::Plain => self.file_kinds.clone(),
            Flavour::AsText => (WritableKind::Text, WritableKind::Text),
            Flavour::AsBinary => (WritableKind::Bytes, WritableKind::Bytes),
        }
    }

    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, InputError> {
        if !self.advance()? {
            return Ok(None);
        }
        match self.flavour {
            Flavour::Plain => self.payloads().map(Some),
            Flavour::AsText => {
                self.write_text()?;
                Ok(Some(RecordRef { key: &self.key_text, value: &self.value_text }))
            }
            Flavour::AsBinary => Ok(Some(self.reader.record())),
        }
    }

    fn position(&self) -> Position {
        let offset = self.reader.position();
        let consumed = if self.done { self.end } else { offset.clamp(self.start, self.end) } - self.start;
        Position { path: self.path.clone(), offset, consumed }
    }
}

/// How many bytes of text so many stored ones may become, where that is much.
fn text_bytes_max(kind: &WritableKind, stored: usize) -> usize {
    match kind {
        WritableKind::Text => stored,
        // Two digits and a blank for each byte, if it is bytes.
        _ => stored.saturating_mul(3),
    }
}

/// The payload of a serialised value that must be all of `bytes`.
fn payload<'a>(kind: &WritableKind, bytes: &'a [u8]) -> Result<&'a [u8], String> {
    match kind.read_serialized(bytes) {
        Ok((payload, [])) => Ok(payload),
        Ok((_, rest)) => Err(format!(
            "{} of its {} bytes are left over by class {}",
            rest.len(),
            bytes.len(),
            kind.class_name()
        )),
        Err(error) => Err(error.to_string()),
    }
}

/// Adds the file to an error.
fn place(error: SequenceFileError, path: &Path) -> InputError {
    let path = path.to_path_buf();
    match error {
        SequenceFileError::Read { source, .. } => {
            InputError::Io(IoError { action: "read input file", path, source })
        }
        SequenceFileError::Malformed { offset, what } => InputError::Malformed { path, offset, what },
        SequenceFileError::TooLarge { offset, bytes, limit } => {
            InputError::RecordTooLarge { path, offset, bytes, limit }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Folder, split};
    use super::*;
    use crate::codec::Codec;
    use crate::sequence_file::{BLOCK_BYTES, Compression, SequenceSpec, SequenceWriter, sync_marker};

    type Records = Vec<(Vec<u8>, Vec<u8>)>;

    fn fixture(name: &str) -> PathBuf {
        Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats").join(name)
    }

    fn whole(path: &Path) -> InputSplit {
        split(path, 0, std::fs::metadata(path).unwrap().len() as usize)
    }

    fn read(split: &InputSplit, flavour: Flavour) -> Result<Records, InputError> {
        let mut reader = open(split, flavour, RecordRoom::unlimited())?;
        let mut records = Vec::new();
        while let Some(record) = reader.next_record()? {
            records.push((record.key.to_vec(), record.value.to_vec()));
        }
        assert!(reader.next_record()?.is_none());
        assert_eq!(reader.position().consumed, split.length);
        Ok(records)
    }

    /// Reads a file of a Hadoop job; records as key, tab, value, newline, as a text mapper gets them.
    fn check(name: &str, flavour: Flavour, kinds: &(WritableKind, WritableKind), expect: &[u8]) {
        let split = whole(&fixture(name));
        assert_eq!(open(&split, flavour, RecordRoom::unlimited()).unwrap().kinds(), *kinds, "{name}");
        let mut lines = Vec::new();
        for (key, value) in read(&split, flavour).unwrap() {
            kinds.0.write_pipe_text(&key, &mut lines).unwrap();
            lines.push(b'\t');
            kinds.1.write_pipe_text(&value, &mut lines).unwrap();
            lines.push(b'\n');
        }
        let (lines, expect) = (String::from_utf8_lossy(&lines), String::from_utf8_lossy(expect));
        assert_eq!(lines, expect, "{name} {flavour:?}");
    }

    #[test]
    fn each_flavour_gives_what_hadoop_gives() {
        use WritableKind::{Bytes, Long, Text, TypedBytes};
        let lines =
            "0\tdelta\t4\n8\talpha\t1\n16\tcharlie\t3 and more\n35\tbravo\t2\n43\tempty\n49\tzulu\t\u{e9}\n";
        check("long-text.seq", Flavour::Plain, &(Long, Text), lines.as_bytes());
        check("long-text.seq", Flavour::AsText, &(Text, Text), lines.as_bytes());
        check("bytes-bytes.seq", Flavour::Plain, &(Bytes, Bytes), b"k1\tv1\n\0\xff\ta\tb\n\t\x80\n");
        check("bytes-bytes.seq", Flavour::AsText, &(Text, Text), b"6b 31\t76 31\n00 ff\t61 09 62\n\t80\n");
        check("typed.seq", Flavour::AsText, &(Text, Text), b"a\t5\n-3\t2.5\n7\t[x, 1]\n");
        check("empty.seq", Flavour::AsText, &(Text, Text), b"");
        let fruit = b"apple\t7\nfig\t1\nkiwi\t4\nlime\t6\npear\t3\nplum\t10\nquince\t2\n";
        check("block.seq", Flavour::Plain, &(Text, Text), fruit);
        check("mapfile/data", Flavour::AsText, &(Text, Text), fruit);
        assert_eq!(
            open(&whole(&fixture("typed.seq")), Flavour::Plain, RecordRoom::unlimited()).unwrap().kinds(),
            (TypedBytes, TypedBytes)
        );
    }

    #[test]
    fn as_binary_gives_serialised_bytes() {
        let split = whole(&fixture("text-text.seq"));
        assert_eq!(
            open(&split, Flavour::AsBinary, RecordRoom::unlimited()).unwrap().kinds(),
            (WritableKind::Bytes, WritableKind::Bytes)
        );
        let records = read(&split, Flavour::AsBinary).unwrap();
        assert_eq!(records[4], (b"\x05empty".to_vec(), b"\0".to_vec()));
    }

    /// A file of `records`, Text and Text, in blocks or not.
    fn write(path: &Path, compression: Compression, records: usize, value_bytes: usize) -> Records {
        let spec = SequenceSpec {
            key_class: WritableKind::Text.class_name().to_owned(),
            value_class: WritableKind::Text.class_name().to_owned(),
            compression,
            codec: Codec::Deflate,
            // Small blocks, so that there are many.
            block_bytes: BLOCK_BYTES / 1_000,
            marker: sync_marker(b"test"),
        };
        let mut writer = SequenceWriter::new(File::create(path).unwrap(), spec).unwrap();
        let mut written = Vec::new();
        for number in 0..records {
            let (key, value) = (format!("k{number}").into_bytes(), vec![b'v'; value_bytes]);
            let (mut key_bytes, mut value_bytes) = (Vec::new(), Vec::new());
            WritableKind::Text.write_serialized(&key, &mut key_bytes);
            WritableKind::Text.write_serialized(&value, &mut value_bytes);
            writer.append(RecordRef { key: &key_bytes, value: &value_bytes }).unwrap();
            written.push((key, value));
        }
        writer.finish().unwrap();
        written
    }

    fn check_every_split(compression: Compression, records: usize, value_bytes: usize, step: usize) {
        let folder = Folder::new();
        let path = folder.path().join("file.seq");
        let written = write(&path, compression, records, value_bytes);
        let length = std::fs::metadata(&path).unwrap().len() as usize;
        let mut cut_counts = std::collections::BTreeSet::new();
        for cut in (0..=length).step_by(step) {
            let mut first = read(&split(&path, 0, cut), Flavour::Plain).unwrap();
            cut_counts.insert(first.len());
            first.extend(read(&split(&path, cut, length), Flavour::Plain).unwrap());
            assert!(first == written, "{compression:?} cut at {cut}");
        }
        assert!(cut_counts.len() > 2, "{compression:?} was never cut in the middle");
    }

    #[test]
    fn every_record_is_in_one_split_wherever_it_is_cut() {
        check_every_split(Compression::Block, 120, 50, 1);
        check_every_split(Compression::None, 250, 1_000, 977);
        check_every_split(Compression::Record, 60_000, 1, 100_003);
    }

    #[test]
    fn bytes_that_do_not_fit_the_class_are_an_error_with_their_place() {
        let folder = Folder::new();
        let refused = |class: &str, flavour: Flavour, what: &str| {
            let mut file = std::fs::read(fixture("text-text.seq")).unwrap();
            // Another class name of the same length.
            file[5 + 25 - class.len()..5 + 25].copy_from_slice(class.as_bytes());
            let path = folder.write("broken.seq", &file);
            let error = read(&whole(&path), flavour).unwrap_err().to_string();
            assert!(
                error.contains("broken.seq: at byte 78: key of a record") && error.contains(what),
                "{error}"
            );
        };
        refused("Tex2", Flavour::AsText, "cannot be shown as text");
        let mut file = std::fs::read(fixture("text-text.seq")).unwrap();
        file[86] = 4;
        let path = folder.write("long.seq", &file);
        let error = read(&whole(&path), Flavour::Plain).unwrap_err().to_string();
        assert!(error.contains("1 of its 6 bytes are left over"), "{error}");
        let path = folder.write("not.seq", b"text");
        let error = read(&whole(&path), Flavour::Plain).unwrap_err().to_string();
        assert!(error.contains("not.seq: at byte 0: not a sequence file"), "{error}");
    }
}
