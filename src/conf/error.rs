//! What can be wrong with a configuration, and what is worth a remark.

use super::properties::Source;
use crate::dfs::AddressError;
use crate::error::IoError;
use crate::java_regex::JavaRegexError;
use crate::plan::KeySpecError;
use std::path::PathBuf;

/// Why options and properties do not make a job.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfError {
    /// A configuration file could not be read.
    #[error("cannot load configuration")]
    Io(#[from] IoError),
    /// A configuration file is not well-formed, or not a configuration.
    #[error("configuration file {}: line {line}, column {column}: {what}", path.display())]
    Xml {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in bytes, from 1.
        column: usize,
        /// What was found and what was expected.
        what: String,
    },
    /// A value is not of its property's kind.
    #[error("property {name} = {value:?} ({origin}): expected {expected}")]
    Value {
        /// The property's present name.
        name: String,
        /// The value, references resolved.
        value: String,
        /// Where it was set.
        origin: Source,
        /// What it should have been.
        expected: &'static str,
    },
    /// References among properties never end.
    #[error("property {name} = {value:?}: references to other properties are nested more than {depth} deep")]
    Expansion {
        /// The property.
        name: String,
        /// Its value as given.
        value: String,
        /// How deep they may be.
        depth: usize,
    },
    /// A property that would change the result in a way that is not built in.
    #[error("property {name} = {value:?} ({origin}) is not supported: {why}")]
    Refused {
        /// The property's present name.
        name: &'static str,
        /// Its value.
        value: String,
        /// Where it was set.
        origin: Source,
        /// What it stands for.
        why: &'static str,
    },
    /// Properties that the output format refuses together.
    #[error("property {name} = {value:?}: {why}")]
    InvalidJob {
        /// The property's present name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it does not go with.
        why: &'static str,
    },
    /// A required option is missing.
    #[error("required argument {option} is missing")]
    MissingOption {
        /// The option and what it takes.
        option: &'static str,
    },
    /// An option's value cannot be read.
    #[error("option {option} {value:?}: expected {expected}")]
    Option {
        /// The option.
        option: &'static str,
        /// Its value.
        value: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// A class that nobody knows, or that only Java could load.
    #[error("{what}: class not found: {class} (jars are not run here; built in: {})", built_in.join(", "))]
    ClassNotFound {
        /// The option or property.
        what: &'static str,
        /// The class as given.
        class: String,
        /// The classes that would do.
        built_in: Vec<&'static str>,
    },
    /// A class of Hadoop's that is not built in.
    #[error("{what}: class {class} of Hadoop is not built in here (built in: {})", built_in.join(", "))]
    ClassNotBuiltIn {
        /// The option or property.
        what: &'static str,
        /// The class as given.
        class: String,
        /// The classes that would do.
        built_in: Vec<&'static str>,
    },
    /// A class of Hadoop's in a place where it cannot stand.
    #[error("{what}: class {class} is not {expected}")]
    WrongClass {
        /// The option or property.
        what: &'static str,
        /// The class as given.
        class: String,
        /// What could stand there.
        expected: &'static str,
    },
    /// A comparator for keys of another class.
    #[error(
        "{name}: {class} cannot order the job's keys, which are {keys}; for numbers in text set \
         org.apache.hadoop.mapred.lib.KeyFieldBasedComparator and mapreduce.partition.keycomparator.options=-n"
    )]
    ComparatorKeys {
        /// The property.
        name: &'static str,
        /// The comparator.
        class: String,
        /// The class of the keys.
        keys: String,
    },
    /// The options of `KeyFieldBasedComparator` or `KeyFieldBasedPartitioner` cannot be read.
    #[error("property {name} = {value:?}")]
    KeySpec {
        /// The property.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong.
        #[source]
        source: KeySpecError,
    },
    /// A regular expression cannot be read.
    #[error("property {name} = {value:?}")]
    Pattern {
        /// The property.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong.
        #[source]
        source: JavaRegexError,
    },
    /// A path that means no file.
    #[error("{what} {given:?}: {source}")]
    Address {
        /// The option or property.
        what: &'static str,
        /// The path as given.
        given: String,
        /// Why.
        #[source]
        source: AddressError,
    },
    /// A shipped file that is no URI.
    #[error("{what} {given:?}: {why}")]
    Uri {
        /// The option or property.
        what: &'static str,
        /// The URI as given.
        given: String,
        /// What is wrong with it.
        why: String,
    },
    /// A path in HDFS for what the engine itself keeps.
    #[error("{what} {given:?}: expected a folder of this machine, not of HDFS")]
    NotOnDisk {
        /// The option or property.
        what: &'static str,
        /// The path as given.
        given: String,
    },
    /// A default file system that is none of ours.
    #[error("fs.defaultFS {uri:?}: only the local file system (file:) and HDFS (hdfs:) are known here")]
    DefaultFs {
        /// The value.
        uri: String,
    },
}

/// What is worth a remark without being an error.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Warning {
    /// A property was set by an older name.
    DeprecatedName {
        /// The name as given.
        given: String,
        /// The name to use instead.
        present: &'static str,
    },
    /// An option has a better successor.
    DeprecatedOption {
        /// The option as given.
        given: &'static str,
        /// What to use instead.
        present: &'static str,
    },
    /// A name of Hadoop's kind that nobody knows.
    UnknownName {
        /// The name as given.
        given: String,
        /// The known name that is most like it.
        nearest: Option<&'static str>,
    },
    /// A value that is not of its property's kind and counts as unset.
    Malformed {
        /// The property's present name.
        name: &'static str,
        /// Its value.
        value: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// A file whose name in the attempts' folders is another one's.
    LinkTaken {
        /// The file as given.
        given: String,
        /// The name that both would have.
        link: String,
        /// The file that has it, as given.
        kept: String,
    },
    /// An archive of no known kind.
    NotUnpacked {
        /// The archive as given.
        given: String,
    },
    /// A configuration file that does not exist.
    MissingFile {
        /// The file.
        path: PathBuf,
    },
    /// An option that is accepted and does nothing.
    NoEffect {
        /// The option as given.
        given: &'static str,
        /// Why.
        why: &'static str,
    },
    /// What was hardly meant so, with what mends it; see [`crate::hint`].
    Hint(String),
}

impl std::fmt::Display for Warning {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Warning::DeprecatedName { given, present } => {
                write!(to, "{given} is deprecated, use {present}")
            }
            Warning::DeprecatedOption { given, present } => {
                write!(to, "option {given} is deprecated, use {present}")
            }
            Warning::UnknownName { given, nearest: Some(nearest) } => {
                write!(to, "property {given} is unknown, did you mean {nearest}?")
            }
            Warning::UnknownName { given, nearest: None } => write!(to, "property {given} is unknown"),
            Warning::Malformed { name, value, expected } => {
                write!(to, "property {name} = {value:?} counts as unset: expected {expected}")
            }
            Warning::LinkTaken { given, link, kept } => {
                write!(to, "{given} is left out: its name in the tasks' folder, {link}, is that of {kept}")
            }
            Warning::NotUnpacked { given } => {
                write!(to, "{given} is linked as it is: only .zip, .jar, .tar, .tar.gz and .tgz are unpacked")
            }
            Warning::MissingFile { path } => {
                write!(
                    to,
                    "configuration file {} does not exist and is passed over, as in Hadoop",
                    path.display()
                )
            }
            Warning::Hint(text) => to.write_str(text),
            Warning::NoEffect { given, why } => write!(to, "option {given} has no effect: {why}"),
        }
    }
}
