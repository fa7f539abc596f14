//! Opens an attempt's output for records of the classes that really come.
//!
//! Text formats print whatever they are given. Files with typed records declare the job's classes when they
//! are made, and Hadoop refuses the first record of other ones; a task without records succeeds.

use crate::checksum;
use crate::ids::TaskId;
use crate::output::{self, OutputError, RecordWriter, Stored, TaskOutput};
use crate::plan::{JobPlan, OutputFormat, OutputSpec};
use crate::record::RecordRef;
use crate::writable::WritableKind;
use std::path::Path;

/// Where an attempt's output goes.
#[derive(Clone, Copy)]
pub(super) struct Part<'a> {
    /// The attempt's folder, which is there.
    pub(super) dir: &'a Path,
    /// Number of the task.
    pub(super) number: u32,
    /// Of its sync markers, see [`marker_seed`].
    pub(super) seed: u64,
    /// The file that a map task reads.
    pub(super) input_file: Option<&'a Path>,
}

/// The seed of a task's sync markers: the job's commands and classes, and the task.
///
/// Nothing in it differs from run to run, so that the same job writes the same bytes. It is not the file's name alone: a
/// value may be a copy of another job's file, and a reader of a split must not take a marker in it for its own.
pub(super) fn marker_seed(plan: &JobPlan, task: TaskId) -> u64 {
    let commands = (&plan.mapper, &plan.combiner, &plan.reducer);
    let classes = (&plan.output.key_kind, &plan.output.value_kind);
    checksum::of(format!("{commands:?} {classes:?} {task}").as_bytes())
}

/// Opens the output of `spec` for keys and values of classes `kinds`.
pub(super) fn open(
    spec: &OutputSpec,
    (key_kind, value_kind): (WritableKind, WritableKind),
    part: Part<'_>,
) -> Result<TaskOutput, OutputError> {
    let Part { dir, number, seed, input_file } = part;
    let open = |spec: &OutputSpec| output::open(spec, dir, &output::part_name(number), input_file, seed);
    let declared = match spec.format {
        OutputFormat::Text | OutputFormat::MultipleText | OutputFormat::Null => {
            return open(&OutputSpec { key_kind, value_kind, ..spec.clone() });
        }
        OutputFormat::SequenceFile | OutputFormat::MapFile => (&spec.key_kind, &spec.value_kind),
        // It writes what is serialised already, whatever it declares.
        OutputFormat::SequenceFileAsBinary => (&WritableKind::Bytes, &WritableKind::Bytes),
    };
    let opened = open(spec)?;
    // `TypedBytesWritable` is a `BytesWritable` to who casts and not to who compares classes.
    let cast = |kind| match kind {
        WritableKind::TypedBytes if spec.format == OutputFormat::SequenceFileAsBinary => WritableKind::Bytes,
        kind => kind,
    };
    let key = mismatch("key", declared.0, &cast(key_kind));
    match key.or_else(|| mismatch("value", declared.1, &cast(value_kind))) {
        None => Ok(opened),
        Some(message) => Ok(TaskOutput::Other(Box::new(Refusing { output: opened, message }))),
    }
}

/// What is wrong with records of class `received`, if something is. Hadoop: `SequenceFile.Writer.append`.
fn mismatch(what: &str, declared: &WritableKind, received: &WritableKind) -> Option<String> {
    (declared != received).then(|| {
        let (declared, received) = (declared.class_name(), received.class_name());
        format!(
            "wrong {what} class: {received} is not {declared}; set mapreduce.job.output.{what}.class, or use \
             another output format"
        )
    })
}

/// A file whose records would be of the wrong class.
struct Refusing {
    output: TaskOutput,
    message: String,
}

impl RecordWriter for Refusing {
    fn write(&mut self, _: RecordRef<'_>) -> Result<(), OutputError> {
        Err(OutputError::Record(self.message.clone()))
    }

    fn finish(self: Box<Self>) -> Result<Stored, OutputError> {
        self.output.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use WritableKind::{Bytes, Long, Null, Text, TypedBytes};

    /// Writes one record to a job's output with keys declared as longs and values as texts.
    fn check(format: OutputFormat, kinds: [WritableKind; 2], expect: Result<&str, &str>) {
        let kinds: (_, _) = kinds.into();
        let dir = tempfile::tempdir().unwrap();
        let spec = OutputSpec {
            dir: dir.path().to_path_buf(),
            shown: "out".into(),
            format,
            lazy: false,
            key_kind: Long,
            value_kind: Text,
            separator: b"\t".to_vec(),
            codec: None,
            block_compressed: false,
            block_bytes: 1_000_000,
            index_interval: 128,
            trailing_legs: 0,
            success_marker: true,
            existing: crate::plan::Existing::Refuse,
        };
        let part = Part { dir: dir.path(), number: 0, seed: 0, input_file: None };
        // Without records every class will do.
        assert!(open(&spec, kinds.clone(), part).unwrap().finish().is_ok());
        let mut output = open(&spec, kinds.clone(), part).unwrap();
        let key = if kinds.0 == Long { &[0, 0, 0, 0, 0, 0, 0, 7][..] } else { b"k" };
        let written = output.write(RecordRef { key, value: b"v" }).map_err(|error| error.to_string());
        output.finish().unwrap();
        match expect {
            Ok(text) => {
                written.unwrap();
                let file = std::fs::read(dir.path().join("part-00000")).unwrap();
                assert!(file.starts_with(text.as_bytes()), "{format:?} {kinds:?}: {file:?}");
            }
            Err(message) => assert!(written.unwrap_err().starts_with(message), "{format:?} {kinds:?}"),
        }
    }

    #[test]
    fn text_prints_what_comes_and_typed_files_refuse_other_classes() {
        check(OutputFormat::Text, [Text, Text], Ok("k\tv\n"));
        check(OutputFormat::Text, [Long, Text], Ok("7\tv\n"));
        check(OutputFormat::Text, [Null, Text], Ok("v\n"));
        check(OutputFormat::MultipleText, [Text, Null], Ok("k\n"));
        check(OutputFormat::SequenceFile, [Long, Text], Ok("SEQ"));
        let key = "wrong key class: org.apache.hadoop.io.Text is not org.apache.hadoop.io.LongWritable; set";
        check(OutputFormat::SequenceFile, [Text, Text], Err(key));
        check(OutputFormat::MapFile, [Text, Text], Err(key));
        let value = "wrong value class: org.apache.hadoop.io.LongWritable is not org.apache.hadoop.io.Text";
        check(OutputFormat::SequenceFile, [Long, Long], Err(value));
        check(OutputFormat::SequenceFileAsBinary, [Long, Text], Err("wrong key class"));
        check(OutputFormat::SequenceFileAsBinary, [Bytes, Text], Err("wrong value class"));
        check(OutputFormat::SequenceFileAsBinary, [Bytes, Bytes], Ok("SEQ"));
        check(OutputFormat::SequenceFileAsBinary, [TypedBytes, TypedBytes], Ok("SEQ"));
        check(OutputFormat::SequenceFile, [TypedBytes, Text], Err("wrong key class"));
    }
}
