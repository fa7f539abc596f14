//! The plan of a job: plain data, decided once, the same for every engine.
//!
//! A plan names everything a task needs and nothing that changes while the job runs. Engines, tasks and
//! the mechanisms below them take a [`JobPlan`], never the configuration it was made from. It does no
//! input or output itself; [`wire`] turns it into bytes for a task in another process and into JSON for
//! people. Unlike the guide's proposal there is no separate serialisable mirror: the plan exists to be
//! carried, so the type itself is the protocol, and `wire` guards it with a version.

mod built_in;
mod environment;
mod key_spec;
mod split;
pub mod wire;

pub use built_in::{BuiltIn, FieldSelection, SelectedFields};
pub use environment::{Environment, Launch};
pub(crate) use environment::{find, name_length};
pub use key_spec::{KeySpec, KeySpecError, parse_key_specs};
pub use split::{FileStamp, InputSplit, MapTask, StreamSplits};

use crate::archive::ArchiveKind;
use crate::codec::Codec;
use crate::counters::Limits;
use crate::ids::JobId;
use crate::writable::WritableKind;
use serde::{Deserialize, Serialize};
use std::path::PathBuf;

/// A whole job.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobPlan {
    /// The job's identity.
    pub job_id: JobId,
    /// `mapreduce.job.name`.
    pub job_name: String,
    /// The map tasks, in Hadoop's numbering: longest input first, then listing order.
    pub maps: Vec<MapTask>,
    /// Number of reduce tasks; 0 makes map output the job's output.
    pub reduces: u32,
    /// What map tasks run.
    pub mapper: Processor,
    /// What shrinks map output before the shuffle.
    pub combiner: Option<Processor>,
    /// What reduce tasks run.
    pub reducer: Processor,
    /// How splits become records.
    pub input: InputSpec,
    /// How the mapper's pipes carry records.
    pub map_stream: StreamSpec,
    /// How the reducer's (and the combiner's) pipes carry records.
    pub reduce_stream: StreamSpec,
    /// How records travel from map to reduce.
    pub shuffle: ShuffleSpec,
    /// What becomes of the output.
    pub output: OutputSpec,
    /// How children are run and judged.
    pub children: ChildSpec,
    /// Files and archives linked into each attempt's folder.
    pub cache: Vec<CacheEntry>,
    /// Bounds on the counters that a task may make up.
    pub counter_limits: Limits,
    /// How often tasks are tried.
    pub attempts: AttemptSpec,
    /// Skipping of bad records, when switched on.
    pub skip: Option<SkipSpec>,
    /// What is kept of failed attempts.
    pub keep_failed: KeepSpec,
    /// Memory and disk.
    pub resources: ResourceSpec,
}

/// What processes the records of a task.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Processor {
    /// Passes records on unchanged (Hadoop's `IdentityMapper`, `IdentityReducer`).
    Identity,
    /// A program and its arguments, fed through its pipes (`PipeMapper`, `PipeReducer`).
    Command(Vec<String>),
    /// A class built in under its Java name.
    BuiltIn(BuiltIn),
}

/// How splits become records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputSpec {
    /// The input format.
    pub format: InputFormat,
    /// `textinputformat.record.delimiter`; `None` is any of LF, CR LF, CR.
    pub record_delimiter: Option<Vec<u8>>,
    /// `mapreduce.input.linerecordreader.line.maxlength` in bytes, line end included.
    pub line_bytes_max: u64,
    /// `mapreduce.input.keyvaluelinerecordreader.key.value.separator`, its first byte.
    pub key_value_separator: u8,
    /// `fixedlengthinputformat.record.length` in bytes.
    pub record_bytes: u64,
    /// `StreamXmlRecordReader` in place of the format's own reader; the format then only makes the splits.
    pub xml_reader: Option<XmlReaderSpec>,
}

/// How `StreamXmlRecordReader` finds records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct XmlReaderSpec {
    /// `stream.recordreader.begin`: what begins a record.
    pub begin: String,
    /// `stream.recordreader.end`: what ends a record.
    pub end: String,
    /// `stream.recordreader.slowmatch`: read the marks as regular expressions and know CDATA.
    pub slow_match: bool,
    /// `stream.recordreader.maxrec`: longest record of slow matching in bytes.
    pub record_bytes_max: u32,
    /// `stream.recordreader.lookahead`: bytes that slow matching reads ahead.
    pub look_ahead_bytes: u32,
}

/// The input formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum InputFormat {
    /// `TextInputFormat`: offset, line. The only format that hides its key from a text mapper.
    Text,
    /// `KeyValueTextInputFormat`: the line cut at its first separator.
    KeyValueText,
    /// `NLineInputFormat`: as text, a fixed number of lines per map task.
    NLine,
    /// `CombineTextInputFormat`: as text, many files per map task.
    CombineText,
    /// `SequenceFileInputFormat`.
    SequenceFile,
    /// `SequenceFileAsTextInputFormat`.
    SequenceFileAsText,
    /// `SequenceFileAsBinaryInputFormat`.
    SequenceFileAsBinary,
    /// `AutoInputFormat`: sequence files by their magic, text otherwise.
    Auto,
    /// `FixedLengthInputFormat`.
    FixedLength,
}

impl InputFormat {
    /// Whether its records are lines that a reader finds from anywhere in a compressed stream's text.
    pub(crate) fn can_cut_streams(self) -> bool {
        matches!(self, Self::Text | Self::KeyValueText | Self::Auto)
    }
}

/// How records are framed on a child's pipes. Hadoop: `IdentifierResolver`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Encoding {
    /// key, separator, value, newline.
    Text,
    /// Four-byte big-endian length before each key and each value.
    RawBytes,
    /// One typed-bytes value each.
    TypedBytes,
    /// The key alone on a line.
    KeyOnlyText,
}

/// How the pipes of one kind of child carry records.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct StreamSpec {
    /// Framing of the child's standard input.
    pub input: Encoding,
    /// Framing of the child's standard output.
    pub output: Encoding,
    /// `stream.map|reduce.input.field.separator`.
    pub input_separator: Vec<u8>,
    /// `stream.map|reduce.output.field.separator`.
    pub output_separator: Vec<u8>,
    /// `stream.num.map|reduce.output.key.fields`.
    pub key_fields: usize,
    /// Leave the key out of the child's input (`stream.map.input.ignoreKey`).
    pub ignore_key: bool,
}

/// How records travel from map to reduce.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShuffleSpec {
    /// Class of map output keys.
    pub key_kind: WritableKind,
    /// Class of map output values.
    pub value_kind: WritableKind,
    /// Order of keys.
    pub order: KeyOrderSpec,
    /// Which reduce task a key goes to.
    pub partitioner: PartitionerSpec,
    /// `mapreduce.task.io.sort.factor`: how many segments one merge reads; `None` lets the engine choose.
    pub merge_width_max: Option<u32>,
    /// `mapreduce.map.combine.minspills`: merges of at least so many spills combine again.
    pub combine_spills_min: u32,
    /// `mrstream.map.output.fold`: whether lines that repeat are kept once, with their number.
    pub fold: Fold,
}

/// When map output lines that repeat are kept once. Their order then is by value, not by emission.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Fold {
    /// If half of a task's first lines repeat others.
    #[default]
    IfRepeated,
    /// Whatever they are.
    Always,
    /// Not at all.
    Never,
}

/// Order of keys.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeyOrderSpec {
    /// The class's own order: bytes for text, numbers for numbers.
    Natural,
    /// The class's own order, the last key first: `LongWritable$DecreasingComparator`.
    Decreasing,
    /// `KeyFieldBasedComparator`.
    KeyFields {
        /// `mapreduce.partition.keycomparator.options`; with none whole keys are compared.
        specs: Vec<KeySpec>,
        /// `mapreduce.map.output.key.field.separator`.
        separator: Vec<u8>,
    },
}

/// Which reduce task a key goes to.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum PartitionerSpec {
    /// `HashPartitioner`: the key class's `hashCode`.
    Hash,
    /// `KeyFieldBasedPartitioner`: hash of fields, or of the whole key as a Java string without options.
    KeyFields {
        /// `mapreduce.partition.keypartitioner.options`; may be empty.
        specs: Vec<KeySpec>,
        /// `mapreduce.map.output.key.field.separator`.
        separator: Vec<u8>,
    },
    /// `BinaryPartitioner`: hash of a range of the key's bytes; offsets as in the class, negative from the end.
    Binary {
        /// `mapreduce.partition.binarypartitioner.left.offset`.
        left: i32,
        /// `mapreduce.partition.binarypartitioner.right.offset`.
        right: i32,
    },
    /// `TotalOrderPartitioner`: keys below the first cut go to 0, from cut i on to i + 1.
    TotalOrder {
        /// The cut points, in key order: one less than reduces.
        cuts: Vec<Vec<u8>>,
        /// Search them by the bytes of keys, whatever order the job sorts by; for keys that are bytes,
        /// unless `mapreduce.totalorderpartitioner.naturalorder` says otherwise.
        by_bytes: bool,
    },
}

/// What becomes of the output.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct OutputSpec {
    /// The output folder, absolute.
    #[serde(with = "wire::path_bytes")]
    pub dir: PathBuf,
    /// The output folder as the user wrote it, for messages.
    pub shown: String,
    /// The output format.
    pub format: OutputFormat,
    /// `LazyOutputFormat`: no file for a task without records.
    pub lazy: bool,
    /// Class of output keys.
    pub key_kind: WritableKind,
    /// Class of output values.
    pub value_kind: WritableKind,
    /// `mapreduce.output.textoutputformat.separator`.
    pub separator: Vec<u8>,
    /// `mapreduce.output.fileoutputformat.compress` and its codec.
    pub codec: Option<Codec>,
    /// `mapreduce.output.fileoutputformat.compress.type` of sequence files.
    pub block_compressed: bool,
    /// `io.seqfile.compress.blocksize`: bytes of keys and values in a block of such a file; below 1 each
    /// record is a block.
    pub block_bytes: i32,
    /// `io.map.index.interval`: every so manieth record of a map file is in its index; 0 is as 1, and with a
    /// negative number none is.
    pub index_interval: i32,
    /// `mapred.outputformat.numOfTrailingLegs`: name the output after this much of the input's path.
    pub trailing_legs: u32,
    /// `mapreduce.fileoutputcommitter.marksuccessfuljobs`.
    pub success_marker: bool,
    /// What becomes of an output folder that is there already.
    pub existing: Existing,
}

/// What becomes of an output folder that is there already.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub enum Existing {
    /// It is refused, as in Hadoop.
    #[default]
    Refuse,
    /// `-overwrite`: it is cleared, if it is the output of a job.
    Clear,
    /// `-resume`: the run that was killed there is continued.
    Continue,
}

/// The output formats.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum OutputFormat {
    /// `TextOutputFormat`: key, separator, value, newline.
    Text,
    /// `MultipleTextOutputFormat`: as text; named after the input on request, no empty files.
    MultipleText,
    /// `SequenceFileOutputFormat`.
    SequenceFile,
    /// `SequenceFileAsBinaryOutputFormat`.
    SequenceFileAsBinary,
    /// `MapFileOutputFormat`: a folder with `data` and `index`.
    MapFile,
    /// `NullOutputFormat`: nothing.
    Null,
}

/// How children are run and judged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChildSpec {
    /// What the job adds to the children's environment, the attempt's own names excepted.
    pub environment: Environment,
    /// `stream.non.zero.exit.is.failure`.
    pub non_zero_exit_is_failure: bool,
    /// `stream.stderr.reporter.prefix`.
    pub reporter_prefix: String,
    /// `stream.minRecWrittenToEnableSkip_`: with at least so many records written, a mapper may stop reading.
    pub unread_allowed_after: Option<u64>,
    /// `stream.joindelay.milli`: milliseconds for which the output of a child that ended well is waited for while
    /// another process holds it. `None` is for ever.
    pub join_delay_ms: Option<u64>,
}

/// A file or archive that every attempt finds in its folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct CacheEntry {
    /// The file, absolute.
    #[serde(with = "wire::path_bytes")]
    pub path: PathBuf,
    /// Its name in the attempt's folder.
    pub link: String,
    /// How to unpack it; the link then leads to the folder with what was in it.
    pub archive: Option<ArchiveKind>,
    /// It came in the folder of a `-file`: Hadoop has it in the job's jar and not in its cache.
    pub in_jar: bool,
}

/// How often tasks are tried and what becomes of those that fail. One attempt each and no clock unless the user says
/// more, as Hadoop's local mode has it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptSpec {
    /// `mapreduce.map.maxattempts`.
    pub map_max: u32,
    /// `mapreduce.reduce.maxattempts`.
    pub reduce_max: u32,
    /// `mapreduce.map.failures.maxpercent`.
    pub map_failures_percent_max: u32,
    /// `mapreduce.reduce.failures.maxpercent`.
    pub reduce_failures_percent_max: u32,
    /// `mapreduce.task.timeout`: milliseconds without a sign of life after which children are ended.
    pub timeout_ms: Option<u64>,
}

/// Skipping of records that make attempts fail. Hadoop: `SkipBadRecords`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SkipSpec {
    /// Failed attempts before skipping starts.
    pub start_after_attempts: u32,
    /// Records that a map task may lose round a bad one; 0 is none.
    pub map_records_max: u64,
    /// Groups that a reduce task may lose round a bad one; 0 is none.
    pub reduce_groups_max: u64,
    /// Folder for skipped records, absolute; `None` keeps none.
    #[serde(with = "wire::optional_path_bytes")]
    pub dir: Option<PathBuf>,
}

/// What is kept of failed attempts, for their users to look at and to repeat.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeepSpec {
    /// Which of them, and where.
    pub place: KeepPlace,
    /// Most bytes of one attempt (`mrstream.keep.failed.max.mb`).
    pub bytes_max: u64,
}

/// Which failed attempts are kept, and where (`mrstream.keep.failed`).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum KeepPlace {
    /// None.
    Nowhere,
    /// The last of all jobs of this user, in the first local folder.
    Last,
    /// Each, in a folder of its own below this one, which is absolute.
    Below(#[serde(with = "wire::path_bytes")] PathBuf),
}

/// Memory and disk of the job's engine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ResourceSpec {
    /// Memory for records in bytes, the whole engine together (`mrstream.memory.mb`).
    pub memory_bytes: u64,
    /// Memory of one map slot's sort buffer in bytes, when the user set it (`mapreduce.task.io.sort.mb`).
    pub sort_buffer_bytes: Option<u64>,
    /// Map attempts at once.
    pub map_slots: u32,
    /// Reduce attempts at once.
    pub reduce_slots: u32,
    /// What the job's archives may unpack to in bytes, all together (`mrstream.archive.max.mb`).
    pub archive_bytes_max: u64,
    /// How many files, folders and links may come out of them (`mrstream.archive.max.entries`).
    pub archive_entries_max: u64,
    /// Map output that was in memory for so many seconds goes to disk (`mrstream.checkpoint.seconds`).
    pub checkpoint_seconds: u32,
    /// Folders for spills (`mapreduce.cluster.local.dir`), at least one.
    #[serde(with = "wire::paths_bytes")]
    pub local_dirs: Vec<PathBuf>,
}
