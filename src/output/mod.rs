//! From records to committed files.
//!
//! ```text
//! records ─ write ─────┐                     attempt's folder        task's folder      job's output
//!                      ├─> TaskOutput ─────> part-00000[.gz] ──────> part-00000 ──────> part-00000
//! lines ─ write_lines ─┘   (open)                        commit_task         commit_job  _SUCCESS last
//! ```
//!
//! [`open`] makes the writer of one attempt by the job's output format; [`committer`] alone moves files out
//! of the attempt's folder. This module knows no child process and no counters: a writer returns how many
//! bytes it stored.

pub mod committer;
pub mod existing;
pub mod journal;
mod lazy;
mod lock;
mod manifest;
mod multiple;
mod part_file;
mod sequence;
mod text;
mod write_back;

pub use manifest::TaskFile;
pub use text::TextWriter;

use crate::error::IoError;
use crate::plan::{OutputFormat, OutputSpec};
use crate::record::RecordRef;
use crate::writable::WritableError;
use lazy::LazyWriter;
use std::path::Path;

/// Why output could not be written.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputError {
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
    /// A record cannot stand in this format.
    #[error("{0}")]
    Record(String),
    /// A key or a value is not what its class says, or has no text form.
    #[error("cannot write a record as text")]
    Writable(#[from] WritableError),
}

/// Writes the records of one task to its part file or files.
pub trait RecordWriter: Send {
    /// Adds one record.
    fn write(&mut self, record: RecordRef<'_>) -> Result<(), OutputError>;

    /// Flushes, syncs nothing, closes; returns what was written. Dropping a writer instead leaves a file
    /// that must not be committed.
    fn finish(self: Box<Self>) -> Result<Stored, OutputError>;
}

/// What a writer has stored.
#[derive(Debug, Default)]
pub struct Stored {
    /// Bytes of all its files.
    pub bytes: u64,
    /// The files, by their whole paths.
    pub files: Vec<TaskFile>,
}

/// The output of one attempt. Text is apart because it can be written in bulk.
pub enum TaskOutput {
    /// A text file; see [`TextWriter::write_lines`].
    Text(TextWriter),
    /// Anything else.
    Other(Box<dyn RecordWriter>),
}

impl TaskOutput {
    /// Adds one record.
    pub fn write(&mut self, record: RecordRef<'_>) -> Result<(), OutputError> {
        match self {
            Self::Text(writer) => writer.write(record),
            Self::Other(writer) => writer.write(record),
        }
    }

    /// Flushes and closes, without a sync; returns what is stored. Dropping an output instead leaves a
    /// file that must not be committed.
    pub fn finish(self) -> Result<Stored, OutputError> {
        match self {
            Self::Text(writer) => writer.finish(),
            Self::Other(writer) => writer.finish(),
        }
    }
}

/// Name of a task's file: `part-00000`. Hadoop: `Task.getOutputName`.
pub fn part_name(number: u32) -> String {
    format!("part-{number:05}")
}

/// Opens the output of one attempt.
///
/// Files appear below `dir`, the attempt's own folder, and are named `part` unless the format has another
/// name for them. `input_file` is the file that a map task of a job without reduce tasks reads, if it is one. `seed`
/// makes the sync markers of sequence files: it depends on the job's commands and the task, and is the same in each run.
pub fn open(
    spec: &OutputSpec,
    dir: &Path,
    part: &str,
    input_file: Option<&Path>,
    seed: u64,
) -> Result<TaskOutput, OutputError> {
    let path = dir.join(multiple::file_name(spec, part, input_file));
    match spec.format {
        OutputFormat::Text => Ok(TaskOutput::Text(TextWriter::create(spec, &path, spec.lazy)?)),
        // Its files are made by their first record, with -lazyOutput or without.
        OutputFormat::MultipleText => Ok(TaskOutput::Text(TextWriter::create(spec, &path, true)?)),
        OutputFormat::Null => Ok(TaskOutput::Other(Box::new(NullWriter))),
        OutputFormat::SequenceFile | OutputFormat::SequenceFileAsBinary | OutputFormat::MapFile => {
            if !spec.lazy {
                return Ok(TaskOutput::Other(sequence::create(spec, &path, seed)?));
            }
            let spec = spec.clone();
            Ok(TaskOutput::Other(Box::new(LazyWriter::new(move || sequence::create(&spec, &path, seed)))))
        }
    }
}

/// Writes nothing. Hadoop: `NullOutputFormat`.
struct NullWriter;

impl RecordWriter for NullWriter {
    fn write(&mut self, _: RecordRef<'_>) -> Result<(), OutputError> {
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Stored, OutputError> {
        Ok(Stored::default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::Codec;
    use crate::writable::WritableKind;
    use std::io::Read as _;

    /// A job's output with Hadoop's defaults.
    pub(super) fn spec(format: OutputFormat, dir: &Path) -> OutputSpec {
        OutputSpec {
            dir: dir.to_path_buf(),
            shown: "out".into(),
            format,
            lazy: false,
            key_kind: WritableKind::Text,
            value_kind: WritableKind::Text,
            separator: b"\t".to_vec(),
            codec: None,
            block_compressed: false,
            block_bytes: 1_000_000,
            index_interval: 128,
            trailing_legs: 0,
            success_marker: true,
            existing: crate::plan::Existing::Refuse,
        }
    }

    fn record<'a>(key: &'a str, value: &'a str) -> RecordRef<'a> {
        RecordRef { key: key.as_bytes(), value: value.as_bytes() }
    }

    /// Every file below `dir`: path, size.
    fn files(dir: &Path) -> Vec<(String, u64)> {
        let mut found = Vec::new();
        for entry in std::fs::read_dir(dir).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                found.extend(files(&path));
            } else {
                found.push((path.to_str().unwrap().to_owned(), path.metadata().unwrap().len()));
            }
        }
        found
    }

    /// Writes `records` records of four bytes and returns the files, by name, that are then there.
    fn written(format: OutputFormat, lazy: bool, legs: u32, records: usize) -> Vec<(String, u64)> {
        let dir = tempfile::tempdir().unwrap();
        let spec = OutputSpec { lazy, trailing_legs: legs, ..spec(format, dir.path()) };
        let mut output = open(&spec, dir.path(), &part_name(3), Some(Path::new("/in/a.txt")), 1).unwrap();
        for _ in 0..records {
            output.write(record("a", "b")).unwrap();
        }
        let stored = output.finish().unwrap().bytes;
        let mut found = files(dir.path());
        found.sort();
        assert_eq!(stored, found.iter().map(|(_, size)| size).sum::<u64>(), "{format:?}");
        let root = format!("{}/", dir.path().display());
        found.into_iter().map(|(path, size)| (path.strip_prefix(&root).unwrap().to_owned(), size)).collect()
    }

    fn check(format: OutputFormat, lazy: bool, legs: u32, records: usize, expect: &[(&str, u64)]) {
        let expect: Vec<_> = expect.iter().map(|(name, size)| ((*name).to_owned(), *size)).collect();
        assert_eq!(written(format, lazy, legs, records), expect, "{format:?} lazy {lazy}, {records} records");
    }

    /// As [`check`], for files that are more than their records.
    fn check_names(format: OutputFormat, lazy: bool, records: usize, expect: &[&str]) {
        let found = written(format, lazy, 0, records);
        let names: Vec<_> = found.iter().map(|(name, _)| name.as_str()).collect();
        assert_eq!(names, expect, "{format:?} lazy {lazy}, {records} records");
        assert!(found.iter().all(|(_, size)| *size > 0), "{format:?}: even an empty file has a header");
    }

    #[test]
    fn a_task_without_records_leaves_the_files_of_its_format() {
        check(OutputFormat::Text, false, 0, 0, &[("part-00003", 0)]);
        check(OutputFormat::Text, false, 1, 2, &[("part-00003", 8)]);
        check(OutputFormat::Text, true, 0, 0, &[]);
        check(OutputFormat::Text, true, 0, 2, &[("part-00003", 8)]);
        check(OutputFormat::MultipleText, false, 2, 0, &[]);
        check(OutputFormat::MultipleText, false, 2, 1, &[("in/a.txt", 4)]);
        check(OutputFormat::MultipleText, false, 0, 1, &[("part-00003", 4)]);
        let (data, index) = ("part-00003/data", "part-00003/index");
        check_names(OutputFormat::SequenceFile, false, 0, &["part-00003"]);
        check_names(OutputFormat::SequenceFile, true, 0, &[]);
        check_names(OutputFormat::SequenceFile, true, 2, &["part-00003"]);
        check_names(OutputFormat::MapFile, false, 0, &[data, index]);
        check_names(OutputFormat::MapFile, true, 0, &[]);
        check_names(OutputFormat::MapFile, true, 2, &[data, index]);
        check(OutputFormat::Null, false, 0, 5, &[]);
        check(OutputFormat::Null, true, 0, 5, &[]);
    }

    #[test]
    fn a_compressed_file_has_its_codecs_name_and_is_valid_when_empty() {
        let dir = tempfile::tempdir().unwrap();
        for (lines, expect) in [("", ""), ("a\nb\tc\n", "a\t\nb\tc\n")] {
            let spec = OutputSpec { codec: Some(Codec::Gzip), ..spec(OutputFormat::Text, dir.path()) };
            let TaskOutput::Text(mut output) = open(&spec, dir.path(), &part_name(0), None, 1).unwrap()
            else {
                panic!("text is written by a text writer");
            };
            output.write_lines(lines.as_bytes()).unwrap();
            let stored = output.finish().unwrap().bytes;
            let path = dir.path().join("part-00000.gz");
            assert_eq!(stored, path.metadata().unwrap().len());
            let mut text = String::new();
            let file = std::fs::File::open(&path).unwrap();
            Codec::Gzip.decoder(Box::new(file)).read_to_string(&mut text).unwrap();
            assert_eq!(text, expect);
        }
    }

    #[test]
    fn part_numbers_have_five_digits_or_more() {
        assert_eq!(part_name(7), "part-00007");
        assert_eq!(part_name(123_456), "part-123456");
    }
}
