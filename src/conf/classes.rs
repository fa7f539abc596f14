//! The Java classes of Hadoop that can be named in options and properties, and what stands for them here.
//!
//! No class is ever loaded. A name is one of those in the table, or it is a command (where a command may
//! stand), or it is an error that lists what is built in.

use super::error::ConfError;
use crate::plan::{BuiltIn, InputFormat, OutputFormat};
use crate::writable::WritableKind;

/// What processes the records of a task, its command not yet split into words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProcessorChoice {
    /// Passes records on unchanged.
    Identity,
    /// A program and its arguments, as the user typed them.
    Command(String),
    /// A class built in under its Java name.
    BuiltIn(BuiltIn),
}

/// What a class can be used as.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    Mapper,
    Reducer,
    InputFormat,
    OutputFormat,
    Partitioner,
    RecordReader,
    Comparator,
    /// Something that no option asks for, but that exists.
    Other,
}

impl Role {
    fn described(self) -> &'static str {
        match self {
            Role::Mapper => "a mapper (org.apache.hadoop.mapred.Mapper)",
            Role::Reducer => "a reducer (org.apache.hadoop.mapred.Reducer)",
            Role::InputFormat => "an input format (org.apache.hadoop.mapred.InputFormat)",
            Role::OutputFormat => "an output format (org.apache.hadoop.mapred.OutputFormat)",
            Role::Partitioner => "a partitioner (org.apache.hadoop.mapred.Partitioner)",
            Role::RecordReader => "a record reader of streaming",
            Role::Comparator => "a comparator (org.apache.hadoop.io.RawComparator)",
            Role::Other => "a class",
        }
    }
}

/// A class of Hadoop's that an option or property can name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KnownClass {
    /// What it is: `mapper`, `input format` and the like.
    pub place: &'static str,
    /// The full name.
    pub name: &'static str,
    /// Whether it works here. Otherwise it is an error that names those that do.
    pub built_in: bool,
}

/// Every class that an option or property can name, by place. The codecs are elsewhere, in
/// [`Codec::classes`](crate::codec::Codec::classes).
pub fn known_classes() -> Vec<KnownClass> {
    let places = [
        (Role::InputFormat, "input format"),
        (Role::RecordReader, "record reader"),
        (Role::Mapper, "mapper"),
        (Role::Partitioner, "partitioner"),
        (Role::Comparator, "comparator"),
        (Role::Reducer, "reducer"),
        (Role::OutputFormat, "output format"),
    ];
    let of_place = |(role, place)| {
        let works = built_in(role);
        let named = CLASSES.iter().filter(move |(_, roles)| roles.contains(&role));
        named.map(move |(name, _)| KnownClass { place, name, built_in: works.contains(name) })
    };
    places.into_iter().flat_map(of_place).collect()
}

/// The package in which streaming looks for a name without dots.
const STREAMING: &str = "org.apache.hadoop.streaming.";

pub(super) const PIPE_MAPPER: &str = "org.apache.hadoop.streaming.PipeMapper";
pub(super) const PIPE_REDUCER: &str = "org.apache.hadoop.streaming.PipeReducer";
pub(super) const PIPE_COMBINER: &str = "org.apache.hadoop.streaming.PipeCombiner";
pub(super) const PIPE_MAP_RUNNER: &str = "org.apache.hadoop.streaming.PipeMapRunner";
pub(super) const AGGREGATE_REDUCER: &str = "org.apache.hadoop.mapred.lib.aggregate.ValueAggregatorReducer";
pub(super) const AGGREGATE_COMBINER: &str = "org.apache.hadoop.mapred.lib.aggregate.ValueAggregatorCombiner";
pub(super) const TEXT_INPUT: &str = "org.apache.hadoop.mapred.TextInputFormat";
pub(super) const KEY_VALUE_INPUT: &str = "org.apache.hadoop.mapred.KeyValueTextInputFormat";
pub(super) const SEQUENCE_INPUT: &str = "org.apache.hadoop.mapred.SequenceFileInputFormat";
pub(super) const SEQUENCE_TEXT_INPUT: &str = "org.apache.hadoop.mapred.SequenceFileAsTextInputFormat";
pub(super) const STREAM_INPUT: &str = "org.apache.hadoop.streaming.StreamInputFormat";
pub(super) const XML_READER: &str = "org.apache.hadoop.streaming.StreamXmlRecordReader";
pub(super) const LINE_READER: &str = "org.apache.hadoop.mapred.LineRecordReader";
pub(super) const TEXT_OUTPUT: &str = "org.apache.hadoop.mapred.TextOutputFormat";
pub(super) const LAZY_OUTPUT: &str = "org.apache.hadoop.mapred.lib.LazyOutputFormat";

/// The classes that exist in Hadoop and could be named where they work or where they do not.
const CLASSES: &[(&str, &[Role])] = &[
    ("org.apache.hadoop.mapred.lib.IdentityMapper", &[Role::Mapper]),
    ("org.apache.hadoop.mapred.lib.InverseMapper", &[Role::Mapper]),
    ("org.apache.hadoop.mapred.lib.RegexMapper", &[Role::Mapper]),
    ("org.apache.hadoop.mapred.lib.TokenCountMapper", &[Role::Mapper]),
    ("org.apache.hadoop.mapred.lib.ChainMapper", &[Role::Mapper]),
    ("org.apache.hadoop.mapred.lib.DelegatingMapper", &[Role::Mapper]),
    ("org.apache.hadoop.mapred.lib.aggregate.ValueAggregatorMapper", &[Role::Mapper]),
    ("org.apache.hadoop.mapred.lib.FieldSelectionMapReduce", &[Role::Mapper, Role::Reducer]),
    (PIPE_MAPPER, &[Role::Mapper]),
    ("org.apache.hadoop.mapred.lib.IdentityReducer", &[Role::Reducer]),
    ("org.apache.hadoop.mapred.lib.LongSumReducer", &[Role::Reducer]),
    ("org.apache.hadoop.mapred.lib.ChainReducer", &[Role::Reducer]),
    (AGGREGATE_REDUCER, &[Role::Reducer]),
    (AGGREGATE_COMBINER, &[Role::Reducer]),
    (PIPE_REDUCER, &[Role::Reducer]),
    (PIPE_COMBINER, &[Role::Reducer]),
    (TEXT_INPUT, &[Role::InputFormat]),
    (KEY_VALUE_INPUT, &[Role::InputFormat]),
    (SEQUENCE_INPUT, &[Role::InputFormat]),
    (SEQUENCE_TEXT_INPUT, &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.SequenceFileAsBinaryInputFormat", &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.SequenceFileInputFilter", &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.FixedLengthInputFormat", &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.MultiFileInputFormat", &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.lib.NLineInputFormat", &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.lib.CombineFileInputFormat", &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.lib.CombineTextInputFormat", &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.lib.CombineSequenceFileInputFormat", &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.lib.DelegatingInputFormat", &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.lib.db.DBInputFormat", &[Role::InputFormat]),
    ("org.apache.hadoop.mapred.join.CompositeInputFormat", &[Role::InputFormat]),
    (STREAM_INPUT, &[Role::InputFormat]),
    ("org.apache.hadoop.streaming.AutoInputFormat", &[Role::InputFormat]),
    (XML_READER, &[Role::RecordReader]),
    (LINE_READER, &[Role::RecordReader]),
    (TEXT_OUTPUT, &[Role::OutputFormat]),
    ("org.apache.hadoop.mapred.SequenceFileOutputFormat", &[Role::OutputFormat]),
    ("org.apache.hadoop.mapred.SequenceFileAsBinaryOutputFormat", &[Role::OutputFormat]),
    ("org.apache.hadoop.mapred.MapFileOutputFormat", &[Role::OutputFormat]),
    ("org.apache.hadoop.mapred.lib.MultipleTextOutputFormat", &[Role::OutputFormat]),
    ("org.apache.hadoop.mapred.lib.MultipleSequenceFileOutputFormat", &[Role::OutputFormat]),
    ("org.apache.hadoop.mapred.lib.NullOutputFormat", &[Role::OutputFormat]),
    ("org.apache.hadoop.mapred.lib.db.DBOutputFormat", &[Role::OutputFormat]),
    (LAZY_OUTPUT, &[Role::OutputFormat]),
    ("org.apache.hadoop.mapred.lib.HashPartitioner", &[Role::Partitioner]),
    ("org.apache.hadoop.mapred.lib.BinaryPartitioner", &[Role::Partitioner]),
    ("org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner", &[Role::Partitioner]),
    ("org.apache.hadoop.mapred.lib.TotalOrderPartitioner", &[Role::Partitioner]),
    ("org.apache.hadoop.mapred.lib.KeyFieldBasedComparator", &[Role::Comparator]),
    ("org.apache.hadoop.mapreduce.lib.partition.KeyFieldBasedComparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.Text$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.BytesWritable$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.LongWritable$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.LongWritable$DecreasingComparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.IntWritable$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.ShortWritable$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.ByteWritable$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.DoubleWritable$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.FloatWritable$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.BooleanWritable$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.NullWritable$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.MD5Hash$Comparator", &[Role::Comparator]),
    ("org.apache.hadoop.io.UTF8$Comparator", &[Role::Comparator]),
    // The rest of streaming's package, whose names need no dots.
    ("org.apache.hadoop.streaming.DumpTypedBytes", &[Role::Other]),
    ("org.apache.hadoop.streaming.Environment", &[Role::Other]),
    ("org.apache.hadoop.streaming.HadoopStreaming", &[Role::Other]),
    ("org.apache.hadoop.streaming.JarBuilder", &[Role::Other]),
    ("org.apache.hadoop.streaming.LoadTypedBytes", &[Role::Other]),
    ("org.apache.hadoop.streaming.PathFinder", &[Role::Other]),
    ("org.apache.hadoop.streaming.PipeMapRed", &[Role::Other]),
    (PIPE_MAP_RUNNER, &[Role::Other]),
    ("org.apache.hadoop.streaming.StreamBaseRecordReader", &[Role::Other]),
    ("org.apache.hadoop.streaming.StreamJob", &[Role::Other]),
    ("org.apache.hadoop.streaming.StreamKeyValUtil", &[Role::Other]),
    ("org.apache.hadoop.streaming.StreamUtil", &[Role::Other]),
];

/// The full name of a class that Hadoop would find under `given`, or `None`. A name that Hadoop finds but
/// that cannot stand in this place is an error, as it is there. Hadoop: `StreamUtil.goodClassOrNull` and
/// `Configuration.setClass`.
pub(super) fn find(what: &'static str, given: &str, role: Role) -> Result<Option<&'static str>, ConfError> {
    let full = |class: &str| CLASSES.iter().find(|(name, _)| *name == class);
    let short = || (!given.contains('.')).then(|| full(&format!("{STREAMING}{given}"))).flatten();
    match full(given).or_else(short) {
        Some((name, roles)) if roles.contains(&role) => Ok(Some(name)),
        Some(_) => Err(wrong(what, given, role)),
        // Streaming uses the older of Hadoop's two interfaces; the newer has twins of most classes.
        None if given.starts_with("org.apache.hadoop.mapreduce.lib.") => Err(wrong(what, given, role)),
        None => Ok(None),
    }
}

/// As [`find`], where nothing but a class can stand. Its name without the package will do, which Hadoop does not take.
pub(super) fn require(what: &'static str, given: &str, role: Role) -> Result<&'static str, ConfError> {
    match by_simple_name(given, role) {
        Some(class) => Ok(class),
        None => find(what, given, role)?.ok_or_else(|| not_found(what, given, role)),
    }
}

/// The class that has this name without its package.
pub(super) fn by_simple_name(given: &str, role: Role) -> Option<&'static str> {
    let fits = |class: &str| class.rsplit('.').next() == Some(given);
    CLASSES.iter().find(|(class, roles)| roles.contains(&role) && fits(class)).map(|(class, _)| *class)
}

/// As [`find`], where a command can stand too, so that only what is plainly a class is an error.
pub(super) fn find_or_command(
    what: &'static str,
    given: &str,
    role: Role,
) -> Result<Option<&'static str>, ConfError> {
    match find(what, given, role)? {
        None if looks_like_class(given) => Err(not_found(what, given, role)),
        found => Ok(found),
    }
}

/// `org.example.Thing`: no program is called so.
fn looks_like_class(given: &str) -> bool {
    let is_word = |word: &str| {
        word.starts_with(|c: char| c.is_ascii_alphabetic())
            && word.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'$'))
    };
    let words: Vec<&str> = given.split('.').collect();
    words.len() >= 3
        && matches!(words[0], "org" | "com" | "net" | "edu" | "io")
        && words.iter().all(|word| is_word(word))
        && words[words.len() - 1].starts_with(|c: char| c.is_ascii_uppercase())
}

fn wrong(what: &'static str, given: &str, role: Role) -> ConfError {
    ConfError::WrongClass { what, class: given.to_owned(), expected: role.described() }
}

fn not_found(what: &'static str, given: &str, role: Role) -> ConfError {
    ConfError::ClassNotFound { what, class: given.to_owned(), built_in: built_in(role) }
}

/// The error for a class that exists in Hadoop and not here.
pub(super) fn not_built_in(what: &'static str, class: &str, role: Role) -> ConfError {
    ConfError::ClassNotBuiltIn { what, class: class.to_owned(), built_in: built_in(role) }
}

/// The classes that work in a role.
fn built_in(role: Role) -> Vec<&'static str> {
    let works = |class: &str| match role {
        Role::Mapper | Role::Reducer => processor(class).is_some(),
        Role::InputFormat => input_format(class).is_some() || class == STREAM_INPUT,
        Role::OutputFormat => output_format(class).is_some() || class == LAZY_OUTPUT,
        Role::Comparator => comparator(class).is_some(),
        Role::Partitioner | Role::RecordReader => true,
        Role::Other => false,
    };
    let named = CLASSES.iter().filter(|(class, roles)| roles.contains(&role) && works(class));
    named.map(|(class, _)| *class).collect()
}

/// The mappers and reducers that are built in, their settings not yet read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum ProcessorClass {
    Identity,
    Inverse,
    TokenCount,
    Regex,
    LongSum,
    FieldSelection,
    AggregateMapper,
    AggregateReducer,
    AggregateCombiner,
}

/// The mapper or reducer of a class name, commands apart.
pub(super) fn processor(class: &str) -> Option<ProcessorClass> {
    match class.strip_prefix("org.apache.hadoop.mapred.lib.")? {
        "IdentityMapper" | "IdentityReducer" => Some(ProcessorClass::Identity),
        "InverseMapper" => Some(ProcessorClass::Inverse),
        "TokenCountMapper" => Some(ProcessorClass::TokenCount),
        "RegexMapper" => Some(ProcessorClass::Regex),
        "LongSumReducer" => Some(ProcessorClass::LongSum),
        "FieldSelectionMapReduce" => Some(ProcessorClass::FieldSelection),
        "aggregate.ValueAggregatorMapper" => Some(ProcessorClass::AggregateMapper),
        "aggregate.ValueAggregatorReducer" => Some(ProcessorClass::AggregateReducer),
        "aggregate.ValueAggregatorCombiner" => Some(ProcessorClass::AggregateCombiner),
        _ => None,
    }
}

/// The input format of a class name, `StreamInputFormat` apart, which depends on its reader.
pub(super) fn input_format(class: &str) -> Option<InputFormat> {
    match class {
        TEXT_INPUT => Some(InputFormat::Text),
        KEY_VALUE_INPUT => Some(InputFormat::KeyValueText),
        SEQUENCE_INPUT => Some(InputFormat::SequenceFile),
        SEQUENCE_TEXT_INPUT => Some(InputFormat::SequenceFileAsText),
        "org.apache.hadoop.mapred.SequenceFileAsBinaryInputFormat" => Some(InputFormat::SequenceFileAsBinary),
        "org.apache.hadoop.mapred.FixedLengthInputFormat" => Some(InputFormat::FixedLength),
        "org.apache.hadoop.mapred.lib.NLineInputFormat" => Some(InputFormat::NLine),
        "org.apache.hadoop.mapred.lib.CombineTextInputFormat" => Some(InputFormat::CombineText),
        "org.apache.hadoop.streaming.AutoInputFormat" => Some(InputFormat::Auto),
        _ => None,
    }
}

/// The output format of a class name, `LazyOutputFormat` apart, which stands before another.
pub(super) fn output_format(class: &str) -> Option<OutputFormat> {
    match class {
        TEXT_OUTPUT => Some(OutputFormat::Text),
        "org.apache.hadoop.mapred.lib.MultipleTextOutputFormat" => Some(OutputFormat::MultipleText),
        "org.apache.hadoop.mapred.SequenceFileOutputFormat" => Some(OutputFormat::SequenceFile),
        "org.apache.hadoop.mapred.SequenceFileAsBinaryOutputFormat" => {
            Some(OutputFormat::SequenceFileAsBinary)
        }
        "org.apache.hadoop.mapred.MapFileOutputFormat" => Some(OutputFormat::MapFile),
        "org.apache.hadoop.mapred.lib.NullOutputFormat" => Some(OutputFormat::Null),
        _ => None,
    }
}

/// How a comparator class orders keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum ComparatorClass {
    /// As keys of this class do by themselves.
    Natural(WritableKind),
    /// Keys of this class, the last one first.
    Decreasing(WritableKind),
    /// By fields.
    KeyFields,
}

/// The comparator of a class name.
pub(super) fn comparator(class: &str) -> Option<ComparatorClass> {
    use ComparatorClass::{Decreasing, KeyFields, Natural};
    match class.strip_prefix("org.apache.hadoop.")? {
        "mapred.lib.KeyFieldBasedComparator" | "mapreduce.lib.partition.KeyFieldBasedComparator" => {
            Some(KeyFields)
        }
        "io.Text$Comparator" => Some(Natural(WritableKind::Text)),
        "io.BytesWritable$Comparator" => Some(Natural(WritableKind::Bytes)),
        "io.LongWritable$Comparator" => Some(Natural(WritableKind::Long)),
        "io.LongWritable$DecreasingComparator" => Some(Decreasing(WritableKind::Long)),
        "io.IntWritable$Comparator" => Some(Natural(WritableKind::Int)),
        "io.ShortWritable$Comparator" => Some(Natural(WritableKind::Short)),
        "io.ByteWritable$Comparator" => Some(Natural(WritableKind::Byte)),
        "io.DoubleWritable$Comparator" => Some(Natural(WritableKind::Double)),
        "io.FloatWritable$Comparator" => Some(Natural(WritableKind::Float)),
        "io.BooleanWritable$Comparator" => Some(Natural(WritableKind::Boolean)),
        "io.NullWritable$Comparator" => Some(Natural(WritableKind::Null)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_are_found_by_full_name_and_in_the_package_of_streaming() {
        let check = |given: &str, role: Role, expect: Option<&str>| {
            assert_eq!(find_or_command("-x", given, role).unwrap(), expect, "{given}");
        };
        let identity = "org.apache.hadoop.mapred.lib.IdentityReducer";
        check(identity, Role::Reducer, Some(identity));
        check("IdentityReducer", Role::Reducer, None);
        check("AutoInputFormat", Role::InputFormat, Some("org.apache.hadoop.streaming.AutoInputFormat"));
        check("cat", Role::Mapper, None);
        check("com.example.sh", Role::Mapper, None);
        check("org.example.Thing -v", Role::Mapper, None);
        check("my.script.R", Role::Mapper, None);
        check("", Role::Mapper, None);
    }

    #[test]
    fn classes_in_the_wrong_place_are_refused() {
        let check = |given: &str, role: Role, expect: &str| {
            let error = find_or_command("-x", given, role).unwrap_err().to_string();
            assert!(error.starts_with(expect), "{error}");
        };
        let unknown = "-x: class not found: org.example.Thing (jars are not run here; built in: org.apache";
        check("org.example.Thing", Role::Mapper, unknown);
        let reducer = "org.apache.hadoop.mapred.lib.IdentityReducer";
        check(reducer, Role::Mapper, &format!("-x: class {reducer} is not a mapper"));
        let newer = "org.apache.hadoop.mapreduce.lib.output.TextOutputFormat";
        check(newer, Role::OutputFormat, &format!("-x: class {newer} is not an output format"));
        check("Environment", Role::Mapper, "-x: class Environment is not a mapper");
        let short = require("-partitioner", "KeyFieldBasedPartitioner", Role::Partitioner).unwrap();
        assert_eq!(short, "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner");
        let short = require("-inputformat", "NLineInputFormat", Role::InputFormat).unwrap();
        assert_eq!(short, "org.apache.hadoop.mapred.lib.NLineInputFormat");
        assert!(require("-inputformat", "KeyFieldBasedPartitioner", Role::InputFormat).is_err());
        let error = require("-partitioner", "NoSuchPartitioner", Role::Partitioner).unwrap_err().to_string();
        assert!(error.starts_with("-partitioner: class not found: NoSuchPartitioner"), "{error}");
    }

    #[test]
    fn every_role_names_what_is_built_in() {
        for role in [Role::Mapper, Role::Reducer, Role::InputFormat, Role::OutputFormat, Role::Comparator] {
            assert!(!built_in(role).is_empty(), "{role:?}");
        }
        assert!(!built_in(Role::Comparator).contains(&"org.apache.hadoop.io.UTF8$Comparator"));
        assert!(built_in(Role::Reducer).iter().all(|class| !class.contains("Mapper")));
        let count = |role: Role| built_in(role).len();
        assert_eq!((count(Role::Mapper), count(Role::Reducer)), (6, 5));
    }
}
