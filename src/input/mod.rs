//! From input paths to records.
//!
//! ```text
//! -input --listing--> files --splitter, nline, combine--> map tasks --open--> Reader --> records
//! ```
//!
//! [`listing::list`] turns paths and globs into files, [`plan_tasks`] turns files into map tasks, and
//! [`open`] turns a map task into records. The first two run once, when the job is planned; the last in each
//! map attempt. This room starts no process and knows no output.

mod combine;
mod cut_stream;
mod fixed_length;
mod key_value_text;
mod line_end;
pub mod listing;
mod nline;
mod selected;
mod sequence;
mod source;
pub mod splitter;
mod stamp;
mod stream_xml;
#[cfg(test)]
mod testing;
mod text;

pub use listing::InputFile;
pub(crate) use selected::Selected;
pub use splitter::SplitSettings;
pub use stamp::check_unchanged;
pub use text::{LineOptions, LineReader};

use crate::error::IoError;
use crate::fs::File;
use crate::ids::{AttemptId, TaskId};
use crate::plan::{InputFormat, InputSpec, InputSplit, MapTask};
use crate::record::RecordRef;
use crate::record_room::{LongRecords, RecordRoom};
use crate::stop::{StopFlag, Stopped};
use crate::writable::WritableKind;
use sequence::Flavour;
use std::path::PathBuf;

/// Why input could not be read.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InputError {
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The job is to end.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// The bytes are not what the format or codec says they are.
    #[error("cannot read {}: at byte {offset}: {what}", path.display())]
    Malformed {
        /// The file.
        path: PathBuf,
        /// Where in it, as stored (compressed) bytes.
        offset: u64,
        /// What was found and what was expected.
        what: String,
    },
    /// A file is not what it was when the job was planned.
    #[error(
        "input file {} changed since the job was planned: {what}; bytes {start} to {end} of it are this task's: \
         run the job again on files that stay as they are", path.display()
    )]
    Changed {
        /// The file.
        path: PathBuf,
        /// First byte of the task's part of it.
        start: u64,
        /// The byte behind that part.
        end: u64,
        /// What became of it.
        what: String,
    },
    /// A record does not fit into memory.
    #[error(
        "cannot read {}: the record at byte {offset} has {bytes} bytes or more, and one may have {limit}; raise \
         mrstream.memory.mb", path.display()
    )]
    RecordTooLarge {
        /// The file.
        path: PathBuf,
        /// Where the record begins, in decompressed bytes if the file is compressed.
        offset: u64,
        /// Its bytes so far.
        bytes: usize,
        /// What one may have, or the machine has.
        limit: usize,
    },
    /// A property that the input format needs has no usable value.
    #[error("cannot read records: {property} is {value}; expected {expected}")]
    Setting {
        /// The property.
        property: &'static str,
        /// Its value.
        value: String,
        /// What it should be.
        expected: &'static str,
    },
}

/// Records of one map task, one at a time.
pub trait RecordReader: Send {
    /// The classes of the keys and the values.
    fn kinds(&self) -> (WritableKind, WritableKind);

    /// The next record, or `None` at the end. The slices live until the next call.
    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, InputError>;

    /// Where the reader stands, for progress and for messages.
    fn position(&self) -> Position;
}

/// Where a reader stands.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// The file being read.
    pub path: PathBuf,
    /// Offset of the next unread record in it (decompressed bytes when the file is compressed).
    pub offset: u64,
    /// Bytes of the task's splits consumed so far, as stored; never more than `MapTask::length`.
    pub consumed: u64,
}

/// A run of whole records as a text mapper reads them: each record's bytes and one `\n`.
#[derive(Clone, Copy, Debug)]
pub struct LineBlock<'a> {
    /// The lines.
    pub bytes: &'a [u8],
    /// How many.
    pub records: u64,
    /// A file that has all these bytes, and where in it they begin.
    pub(crate) file: Option<(&'a File, u64)>,
}

/// The records of one map task.
pub enum Reader {
    /// Lines, which can be taken in bulk: when the mapper wants no keys, a block of the file can go to its
    /// pipe as it is.
    Lines(Box<LineReader>),
    /// Anything else.
    Records(Box<dyn RecordReader>),
}

impl Reader {
    /// The reader as one of records.
    pub fn records(&mut self) -> &mut dyn RecordReader {
        match self {
            Self::Lines(lines) => lines.as_mut(),
            Self::Records(records) => records.as_mut(),
        }
    }

    /// The reader as one of records alone.
    pub(crate) fn into_records(self) -> Box<dyn RecordReader> {
        match self {
            Self::Lines(lines) => lines,
            Self::Records(records) => records,
        }
    }

    /// The classes of the keys and the values.
    pub fn kinds(&self) -> (WritableKind, WritableKind) {
        match self {
            Self::Lines(lines) => lines.kinds(),
            Self::Records(records) => records.kinds(),
        }
    }

    /// Where the reader stands.
    pub fn position(&self) -> Position {
        match self {
            Self::Lines(lines) => lines.position(),
            Self::Records(records) => records.position(),
        }
    }
}

/// Turns files into map tasks, in Hadoop's numbering. Reads the files only for `NLineInputFormat`.
pub fn plan_tasks(files: &[InputFile], settings: &SplitSettings) -> Result<Vec<MapTask>, InputError> {
    match settings.format {
        InputFormat::NLine => nline::plan_splits(files, settings.lines_per_map),
        _ => Ok(splitter::plan_splits(files, settings)),
    }
}

/// Opens a map task's input, of which nothing is read any more once `stop` is set. Records longer than
/// `record_bytes_max` are an error where they must be in memory as one.
///
/// # Errors
/// As [`open_within`].
pub fn open(
    spec: &InputSpec,
    task: &MapTask,
    stop: &StopFlag,
    record_bytes_max: u64,
) -> Result<Reader, InputError> {
    let alone = AttemptId { task: TaskId::map(0), attempt: 0 };
    open_within(spec, task, stop, RecordRoom::new(&LongRecords::new(u64::MAX, record_bytes_max), alone))
}

/// Opens a map task's input, of which nothing is read any more once `stop` is set. Records that must be in memory as
/// one are in that room.
///
/// # Errors
/// What the first bytes of the input say to the format, and marks of XML records that cannot be used. Lines
/// are opened later, by the first read.
pub(crate) fn open_within(
    spec: &InputSpec,
    task: &MapTask,
    stop: &StopFlag,
    room: RecordRoom,
) -> Result<Reader, InputError> {
    let splits = task.splits.clone();
    // A task of several splits is lines: CombineTextInputFormat alone makes such.
    let Some(split) = task.splits.first() else { return Ok(lines(spec, splits, stop, room)) };
    if let Some(xml) = &spec.xml_reader {
        return Ok(Reader::Records(Box::new(stream_xml::XmlReader::open(split, xml, stop, room)?)));
    }
    Ok(match spec.format {
        InputFormat::Text | InputFormat::CombineText => lines(spec, splits, stop, room),
        InputFormat::NLine => Reader::Lines(Box::new(plain_lines(spec, splits, stop, room))),
        InputFormat::KeyValueText => Reader::Records(Box::new(key_value_text::KeyValueReader::new(
            plain_lines(spec, splits, stop, room),
            spec.key_value_separator,
        ))),
        InputFormat::FixedLength => {
            Reader::Records(Box::new(fixed_length::FixedLengthReader::open(split, spec.record_bytes, room)?))
        }
        InputFormat::Auto if !source::begins_with(&split.path, b"SEQ")? => lines(spec, splits, stop, room),
        InputFormat::Auto | InputFormat::SequenceFile => sequence_records(split, Flavour::Plain, room)?,
        InputFormat::SequenceFileAsText => {
            // As it is stored, and as text.
            sequence_records(split, Flavour::AsText, room.with_one_copy_more())?
        }
        InputFormat::SequenceFileAsBinary => sequence_records(split, Flavour::AsBinary, room)?,
    })
}

fn sequence_records(split: &InputSplit, flavour: Flavour, room: RecordRoom) -> Result<Reader, InputError> {
    Ok(Reader::Records(sequence::open(split, flavour, room)?))
}

fn lines(spec: &InputSpec, splits: Vec<InputSplit>, stop: &StopFlag, room: RecordRoom) -> Reader {
    let delimiter = spec.record_delimiter.clone();
    let line_bytes_max = spec.line_bytes_max;
    let options = LineOptions { delimiter, line_bytes_max, ..LineOptions::default() };
    Reader::Lines(Box::new(LineReader::new(splits, &options).heeding(stop).within(room)))
}

/// Lines without the job's delimiter: Hadoop's older readers of lines do not look at that property.
fn plain_lines(spec: &InputSpec, splits: Vec<InputSplit>, stop: &StopFlag, room: RecordRoom) -> LineReader {
    let line_bytes_max = spec.line_bytes_max;
    let options = LineOptions { line_bytes_max, ..LineOptions::default() };
    LineReader::new(splits, &options).heeding(stop).within(room)
}

#[cfg(test)]
mod tests {
    use super::testing::{Folder, file};
    use super::*;
    use crate::codec::Codec;
    use std::io::Write as _;

    fn spec(format: InputFormat) -> InputSpec {
        InputSpec {
            format,
            record_delimiter: Some(b"|".to_vec()),
            line_bytes_max: u64::MAX,
            key_value_separator: b'=',
            record_bytes: 4,
            xml_reader: None,
        }
    }

    /// Plans and reads a file of one format: keys as numbers or text, and values.
    fn check(format: InputFormat, name: &str, data: &[u8], expect: &[(&str, &str)]) {
        let folder = Folder::new();
        let path = folder.write(name, data);
        let settings = SplitSettings { format, ..SplitSettings::default() };
        let tasks = plan_tasks(&[file(&path, data.len())], &settings).unwrap();
        let mut records = Vec::new();
        for task in &tasks {
            let mut reader = open(&spec(format), task, &StopFlag::default(), 1 << 20).unwrap();
            let (key_kind, _) = reader.kinds();
            while let Some(record) = reader.records().next_record().unwrap() {
                let key = match (&key_kind, record.key.try_into()) {
                    (WritableKind::Long, Ok(bytes)) => u64::from_be_bytes(bytes).to_string(),
                    _ => String::from_utf8_lossy(record.key).into_owned(),
                };
                records.push((key, String::from_utf8_lossy(record.value).into_owned()));
            }
            assert_eq!(reader.position().consumed, task.length());
        }
        let expect: Vec<(String, String)> =
            expect.iter().map(|&(key, value)| (key.to_owned(), value.to_owned())).collect();
        assert_eq!(records, expect, "{format:?}");
    }

    #[test]
    fn each_format_has_its_records() {
        let text = b"a=1|b\nc";
        check(InputFormat::Text, "in", text, &[("0", "a=1"), ("4", "b\nc")]);
        check(InputFormat::CombineText, "in", text, &[("0", "a=1"), ("4", "b\nc")]);
        check(InputFormat::Auto, "in", b"SEx|y", &[("0", "SEx"), ("4", "y")]);
        check(InputFormat::Auto, "in", b"S", &[("0", "S")]);
        // These do not know the delimiter.
        check(InputFormat::KeyValueText, "in", text, &[("a", "1|b"), ("c", "")]);
        check(InputFormat::NLine, "in", text, &[("0", "a=1|b"), ("6", "c")]);
        check(InputFormat::FixedLength, "in", b"aaaabb|b", &[("0", "aaaa"), ("4", "bb|b")]);
    }

    /// Reads a split of a large file, of a cut stream if `cut`, and stops after some records; how many more come.
    fn check_stopped(format: InputFormat, codec: Option<Codec>, cut: bool, records: usize) {
        let text: Vec<u8> =
            (0..300_000_u32).flat_map(|n| n.wrapping_mul(2_654_435_761).to_be_bytes()).collect();
        let text: Vec<u8> = text.iter().map(|byte| byte % 64 + b' ').collect();
        let text = text.chunks(7).collect::<Vec<_>>().join(&b'\n');
        let mut stored = Vec::new();
        match codec {
            None => stored = text,
            Some(codec) => {
                let mut encoder = codec.encoder(Box::new(&mut stored)).unwrap();
                encoder.write_all(&text).unwrap();
                encoder.finish().unwrap();
            }
        }
        let folder = Folder::new();
        let path = folder.write("in", &stored);
        let length = stored.len() as u64;
        let mut split = InputSplit::new(path, 0, length, codec);
        if cut {
            (split.start, split.length) = (length / 2, length - length / 2);
            split.cut_stream_bytes = Some(length);
        }
        let stop = StopFlag::default();
        let spec = InputSpec { record_delimiter: None, ..spec(format) };
        let mut reader = open(&spec, &MapTask { splits: vec![split] }, &stop, 1 << 20).unwrap();
        for _ in 0..records {
            assert!(reader.records().next_record().unwrap().is_some());
        }
        stop.set();
        let stopped = loop {
            match reader.records().next_record() {
                Ok(Some(_)) => {}
                Ok(None) => break false,
                Err(error) => break matches!(error, InputError::Stopped(_)),
            }
        };
        assert!(stopped, "{format:?} {codec:?} cut: {cut}, after {records} records");
    }

    #[test]
    fn nothing_is_read_when_the_job_is_to_end() {
        for codec in [None, Some(Codec::Gzip), Some(Codec::Bzip2)] {
            for records in [0, 10] {
                check_stopped(InputFormat::Text, codec, false, records);
                check_stopped(InputFormat::KeyValueText, codec, false, records);
            }
        }
        check_stopped(InputFormat::Text, Some(Codec::Gzip), true, 0);
        check_stopped(InputFormat::Text, Some(Codec::Gzip), true, 10);
    }
}
