//! The options of a streaming job: one table, and the parser it feeds.
//!
//! The table [`OPTIONS`] also makes the texts of `-help` and `-info` ([`super::usage`]). The parser follows
//! commons-cli 1.2, which Hadoop's `StreamJob` (`BasicParser`) and `GenericOptionsParser` (`GnuParser`) use:
//! one or two hyphens before a name, names in exact case, a value is whatever follows unless it is the name
//! of an option. clap has neither long names behind one hyphen nor that rule for values, and with both done
//! here nothing would be left for it to do. Unlike Hadoop, generic options are taken at any place.
//!
//! This file reads no environment and no file and prints nothing.

use super::generic_options::{in_cluster_order, property, strip_quotes};
use crate::conf::StreamOptions;
use crate::hint;
use crate::plan::Existing;
use crate::streaming::command::shell_word;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

/// What an option takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Argument {
    /// Nothing: the option is a switch.
    None,
    /// One value; when the option is repeated, the first value counts.
    One(&'static str),
    /// One value each time; all count.
    Each(&'static str),
    /// All words up to the next option; repeated, all count.
    Many(&'static str),
}

impl Argument {
    /// What the value is called in messages and in the help; `None` for a switch.
    pub fn name(self) -> Option<&'static str> {
        match self {
            Self::None => None,
            Self::One(name) | Self::Each(name) | Self::Many(name) => Some(name),
        }
    }

    fn values_max(self) -> usize {
        match self {
            Self::None => 0,
            Self::One(_) | Self::Each(_) => 1,
            Self::Many(_) => usize::MAX,
        }
    }
}

/// What becomes of an option that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// It does what it does in Hadoop.
    Honoured,
    /// As [`Support::Honoured`], but Hadoop warns that this other option took its place.
    Deprecated(&'static str),
    /// It is accepted and does nothing, for this reason.
    NoEffect(&'static str),
}

/// Who defines an option: the Hadoop class, or this program.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// `org.apache.hadoop.util.GenericOptionsParser`: the generic options.
    GenericOptionsParser,
    /// `org.apache.hadoop.streaming.StreamJob.setupOptions`.
    StreamJob,
    /// Not Hadoop's.
    Own,
}

/// One option.
#[derive(Clone, Copy, Debug)]
pub struct Opt {
    /// The name without its hyphen.
    pub name: &'static str,
    /// What it takes.
    pub argument: Argument,
    /// One line for the help.
    pub help: &'static str,
    /// Who defines it.
    pub class: Class,
    /// What becomes of it.
    pub support: Support,
}

impl Opt {
    /// Whether a Hadoop cluster wants the option before all streaming options.
    pub fn generic(&self) -> bool {
        self.class == Class::GenericOptionsParser
    }
}

const fn opt(class: Class, name: &'static str, argument: Argument, help: &'static str) -> Opt {
    Opt { name, argument, help, class, support: Support::Honoured }
}

const fn generic(name: &'static str, argument: Argument, help: &'static str) -> Opt {
    opt(Class::GenericOptionsParser, name, argument, help)
}

const fn stream(name: &'static str, argument: Argument, help: &'static str) -> Opt {
    opt(Class::StreamJob, name, argument, help)
}

const fn own(name: &'static str, argument: Argument, help: &'static str) -> Opt {
    opt(Class::Own, name, argument, help)
}

/// The same option with other support.
const fn but(option: Opt, support: Support) -> Opt {
    Opt { support, ..option }
}

use Argument::{Each, Many, One};
use Support::{Deprecated, NoEffect};

/// Every option, in the order of the help.
pub const OPTIONS: &[Opt] = &[
    stream("input", Many("path"), "files, folders or globs to read; may be repeated"),
    stream("output", One("path"), "folder to write, which must not exist"),
    stream("mapper", One("cmd|class"), "command of the map tasks; without it records pass unchanged"),
    stream("combiner", One("cmd|class"), "command that shrinks the output of each map task"),
    stream("reducer", One("cmd|class|NONE"), "command of the reduce tasks, aggregate, or NONE: map only"),
    stream("numReduceTasks", One("number"), "number of reduce tasks and of part files; 0: map only"),
    stream("inputformat", One("class"), "how files become records; TextInputFormat unless given"),
    stream("outputformat", One("class"), "how records become files; TextOutputFormat unless given"),
    stream("partitioner", One("class"), "which reduce task gets a key; by hash unless given"),
    stream("inputreader", One("class,n=v,..."), "record reader with its settings: StreamXmlRecordReader"),
    stream("io", One("identifier"), "records on the pipes: text, rawbytes, typedbytes, keyonlytext"),
    stream("cmdenv", Each("name=value"), "variable for the commands' environment; may be repeated"),
    stream("lazyOutput", Argument::None, "no part file for a task that writes no record"),
    stream("background", Argument::None, "return once the job is under way; see mr-stream jobs"),
    stream("verbose", Argument::None, "tell how the job was understood"),
    but(stream("debug", Argument::None, "keep the job's jar"), NoEffect("there is no job jar to keep")),
    but(
        stream("mapdebug", One("cmd"), "command after a failed map task"),
        NoEffect("no command is run after a failed task"),
    ),
    but(
        stream("reducedebug", One("cmd"), "command after a failed reduce task"),
        NoEffect("no command is run after a failed task"),
    ),
    but(stream("file", Many("path"), "files to link into the tasks' folder"), Deprecated("files")),
    but(stream("cacheFile", Many("uri#name"), "files to link into the tasks' folder"), Deprecated("files")),
    but(stream("cacheArchive", Many("uri#name"), "archives to unpack there"), Deprecated("archives")),
    but(stream("jobconf", Each("name=value"), "property that wins over -D"), Deprecated("D")),
    but(stream("additionalconfspec", One("file"), "one more configuration file"), Deprecated("conf")),
    but(stream("dfs", One("uri"), "default file system"), Deprecated("fs")),
    stream("info", Argument::None, "explain the options and properties, with examples"),
    stream("help", Argument::None, "print this text"),
    own("version", Argument::None, "print the version"),
    own("keep-failed", One("folder"), "keep each failed attempt in FOLDER, with a script that repeats it"),
    own("resume", Argument::None, "go on where a run of the same command was killed"),
    own("overwrite", Argument::None, "clear the output folder if it is the output of a job"),
    own("counters-json", One("file"), "write the job's counters to FILE as JSON; - is standard output"),
    generic("D", Each("name=value"), "set a property; of one name the last counts"),
    generic("conf", Each("file"), "read properties from a Hadoop configuration file; may be repeated"),
    generic("files", One("path#name,..."), "files to link into the tasks' folder"),
    generic("archives", One("path#name,..."), "archives to unpack there: zip, jar, tar, tgz"),
    generic("fs", One("uri"), "default file system: file:///"),
    generic("jt", One("address"), "resource manager: local"),
    but(generic("libjars", One("path,..."), "jars with classes"), NoEffect("no Java class is ever loaded")),
    but(
        generic("tokenCacheFile", One("file"), "security tokens"),
        NoEffect("jobs on one machine need no security tokens"),
    ),
];

/// What the command line asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Parsed {
    /// `-help`: print [`super::usage::help`].
    Help,
    /// `-info`: print [`super::usage::info`].
    Info,
    /// `-version`: print [`super::usage::version`].
    Version,
    /// A job.
    Job {
        /// Its options as typed.
        options: Box<StreamOptions>,
        /// Advice for the user, one line each, in the order of the command line.
        notes: Vec<String>,
        /// The order of options that a cluster wants, if this is another.
        order: Option<String>,
    },
}

/// Why the command line cannot be understood. All of these end with [`super::exit::USAGE`].
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ArgsError {
    /// Hadoop: `HadoopStreaming.main`.
    #[error("no arguments given: expected at least -input, -output and -mapper")]
    NoArguments,
    /// Names and paths travel to the tasks as text.
    #[error("cannot read argument {0}: expected UTF-8")]
    NotUtf8(String),
    /// Hadoop: `UnrecognizedOptionException`.
    #[error("unrecognized option: {option}{}", hint.as_ref().map(|h| format!(": {h}")).unwrap_or_default())]
    Unknown {
        /// The word as typed.
        option: String,
        /// What may have been meant.
        hint: Option<String>,
    },
    /// Hadoop: `MissingArgumentException`.
    #[error("missing argument for option: -{option}: expected <{argument}>{}", found_instead(found.as_deref()))]
    MissingArgument {
        /// The option, without hyphen.
        option: &'static str,
        /// What it takes.
        argument: &'static str,
        /// The option that stands in its place.
        found: Option<String>,
    },
    /// Hadoop: `StreamJob.parseArgv`.
    #[error(
        "found {} unexpected arguments on the command line [{}]: expected an option; values with blanks need quotes",
        .0.len(), .0.join(", ")
    )]
    Unexpected(Vec<String>),
    /// Hadoop: `StreamJob.postProcessArgs`.
    #[error("required argument: -{option} <path>")]
    Required {
        /// The option, without hyphen.
        option: &'static str,
    },
    /// Hadoop fails with an `ArrayIndexOutOfBoundsException` here.
    #[error("cannot use -jobconf {0}: expected name=value")]
    JobconfWithoutValue(String),
    /// One goes on from what the other clears.
    #[error("cannot use -resume and -overwrite together: give one of them")]
    ResumeAndOverwrite,
    /// `-output -` would make a folder of that name.
    #[error(
        "cannot write the output to standard output: -output - names no folder; give one, and read it with cat FOLDER/part-*"
    )]
    OutputToStdout,
    /// A job in the background has no standard output.
    #[error("cannot use -counters-json - with -background: give a file")]
    CountersInBackground,
}

fn found_instead(option: Option<&str>) -> String {
    option.map(|option| format!(" but found the option {option}")).unwrap_or_default()
}

/// Reads the arguments of a streaming job, the program's name left out.
///
/// A leading `streamjob`, the subcommand of Hadoop's `HadoopStreaming`, is passed over. Help, info and
/// version win over everything but errors, the requirement of `-input` and `-output` excepted.
pub fn parse(argv: Vec<OsString>) -> Result<Parsed, ArgsError> {
    let mut words = Vec::with_capacity(argv.len());
    for word in argv {
        words.push(word.into_string().map_err(|word| ArgsError::NotUtf8(word.display().to_string()))?);
    }
    if words.first().is_some_and(|word| word.eq_ignore_ascii_case("streamjob")) {
        words.remove(0);
    }
    if words.is_empty() {
        return Err(ArgsError::NoArguments);
    }
    let line = CommandLine::read(without_double_dashes(words))?;
    if line.has("info") {
        return Ok(Parsed::Info);
    }
    if line.has("help") {
        return Ok(Parsed::Help);
    }
    if line.has("version") {
        return Ok(Parsed::Version);
    }
    let options = Box::new(line.options()?);
    Ok(Parsed::Job { options, notes: line.notes(), order: in_cluster_order(&line.given) })
}

/// `GnuParser` drops every `--`, unless a generic option takes it as its value.
fn without_double_dashes(words: Vec<String>) -> Vec<String> {
    let mut kept: Vec<String> = Vec::with_capacity(words.len());
    for word in words {
        let is_value = || kept.last().and_then(|last| exact(last)).is_some_and(Opt::generic);
        if word != "--" || is_value() {
            kept.push(word);
        }
    }
    kept
}

/// One option as given, with its values as typed.
#[derive(Clone, Debug)]
pub(super) struct Given {
    pub(super) option: &'static Opt,
    pub(super) values: Vec<String>,
}

/// The command line, cut into options.
struct CommandLine {
    given: Vec<Given>,
}

impl CommandLine {
    fn read(words: Vec<String>) -> Result<Self, ArgsError> {
        let mut given = Vec::new();
        let mut unexpected = Vec::new();
        let mut words = words.into_iter().peekable();
        while let Some(word) = words.next() {
            if !word.starts_with('-') || word == "-" {
                unexpected.push(word);
                continue;
            }
            let Some((option, glued)) = recognise(&word) else {
                return Err(unknown(word, given.last()));
            };
            let mut values: Vec<String> = glued.map(str::to_owned).into_iter().collect();
            while values.len() < option.argument.values_max() {
                match words.next_if(|next| recognise(next).is_none()) {
                    Some(value) => values.push(value),
                    None => break,
                }
            }
            if let (Some(argument), true) = (option.argument.name(), values.is_empty()) {
                let found = words.peek().cloned();
                return Err(ArgsError::MissingArgument { option: option.name, argument, found });
            }
            given.push(Given { option, values });
        }
        if unexpected.is_empty() { Ok(Self { given }) } else { Err(ArgsError::Unexpected(unexpected)) }
    }

    fn has(&self, name: &str) -> bool {
        self.given.iter().any(|given| given.option.name == name)
    }

    /// Every value of an option, in order. The quotes go here, once, for all options alike.
    fn all(&self, name: &str) -> Vec<String> {
        debug_assert!(OPTIONS.iter().any(|option| option.name == name), "no option -{name}");
        self.given
            .iter()
            .filter(|given| given.option.name == name)
            .flat_map(|given| &given.values)
            .map(|value| strip_quotes(value).to_owned())
            .collect()
    }

    /// The value that counts of an option that has one. Hadoop: `CommandLine.getOptionValue`.
    fn first(&self, name: &str) -> Option<String> {
        self.all(name).into_iter().next()
    }

    fn options(&self) -> Result<StreamOptions, ArgsError> {
        let mut jobconf = Vec::new();
        for value in self.all("jobconf") {
            jobconf.push(property(&value).ok_or(ArgsError::JobconfWithoutValue(value))?);
        }
        let options = StreamOptions {
            properties: self.all("D").iter().filter_map(|value| property(value)).collect(),
            jobconf,
            conf_files: self.all("conf").into_iter().map(PathBuf::from).collect(),
            additional_conf: self.first("additionalconfspec").map(PathBuf::from),
            // StreamJob sets the file system of -dfs after GenericOptionsParser has set that of -fs.
            fs: self.first("dfs").or_else(|| self.first("fs")),
            jt: self.first("jt"),
            files: self.first("files"),
            archives: self.first("archives"),
            libjars: self.first("libjars"),
            inputs: self.all("input"),
            output: self.first("output"),
            mapper: self.first("mapper"),
            combiner: self.first("combiner"),
            reducer: self.first("reducer"),
            num_reduce_tasks: self.first("numReduceTasks"),
            file: self.all("file"),
            cache_file: self.all("cacheFile"),
            cache_archive: self.all("cacheArchive"),
            cmdenv: self.all("cmdenv"),
            input_format: self.first("inputformat"),
            output_format: self.first("outputformat"),
            partitioner: self.first("partitioner"),
            input_reader: self.first("inputreader"),
            io: self.first("io"),
            map_debug: self.first("mapdebug"),
            reduce_debug: self.first("reducedebug"),
            lazy_output: self.has("lazyOutput"),
            background: self.has("background"),
            verbose: self.has("verbose"),
            debug: self.has("debug"),
            keep_failed: self.first("keep-failed"),
            existing: self.existing()?,
            counters_json: self.first("counters-json").map(PathBuf::from),
        };
        if options.inputs.is_empty() {
            return Err(ArgsError::Required { option: "input" });
        }
        if options.output.is_none() {
            return Err(ArgsError::Required { option: "output" });
        }
        if options.output.as_deref() == Some("-") {
            return Err(ArgsError::OutputToStdout);
        }
        if options.background && options.counters_json.as_deref() == Some(Path::new("-")) {
            return Err(ArgsError::CountersInBackground);
        }
        Ok(options)
    }

    fn existing(&self) -> Result<Existing, ArgsError> {
        match (self.has("resume"), self.has("overwrite")) {
            (false, false) => Ok(Existing::Refuse),
            (false, true) => Ok(Existing::Clear),
            (true, false) => Ok(Existing::Continue),
            (true, true) => Err(ArgsError::ResumeAndOverwrite),
        }
    }

    fn notes(&self) -> Vec<String> {
        let mut notes = Vec::new();
        for (at, given) in self.given.iter().enumerate() {
            let name = given.option.name;
            let earlier = self.given[..at].iter().filter(|other| other.option.name == name).count();
            match given.option.support {
                Deprecated(instead) if earlier == 0 => {
                    notes.push(format!("-{name} is deprecated: use -{instead}"));
                }
                NoEffect(why) if earlier == 0 => notes.push(format!("-{name} has no effect: {why}")),
                Support::Honoured | Deprecated(_) | NoEffect(_) => {}
            }
            if matches!(given.option.argument, One(_)) && earlier == 1 {
                notes.push(format!("-{name} is given more than once: the first value counts"));
            }
            notes.extend(given.values.iter().filter_map(|value| doubtful_value(given.option, value)));
        }
        notes
    }
}

/// A note on a value that is taken as Hadoop takes it and was hardly meant so.
fn doubtful_value(option: &Opt, value: &str) -> Option<String> {
    let name = option.name;
    if name == "D" && property(strip_quotes(value)).is_none() {
        return Some(format!("-D {value} is ignored: expected name=value"));
    }
    if value.starts_with('-')
        && let Some(near) = nearest(value)
    {
        return Some(format!("{value} is read as a value of -{name}: did you mean -{near}?"));
    }
    None
}

/// The option that a word names by itself, with one hyphen or two.
fn exact(word: &str) -> Option<&'static Opt> {
    let name = word.strip_prefix("--").or_else(|| word.strip_prefix('-'))?;
    OPTIONS.iter().find(|option| option.name == name)
}

/// The option that a word is, with the value that is glued to it: `-files=a.py`, `-Dname=value`. Only generic
/// options can have glued values. Hadoop: `GnuParser.flatten`.
fn recognise(word: &str) -> Option<(&'static Opt, Option<&str>)> {
    if let Some(option) = exact(word) {
        return Some((option, None));
    }
    if let Some((name, value)) = word.split_once('=')
        && let Some(option) = exact(name).filter(|option| option.class != Class::StreamJob)
        && option.argument != Argument::None
    {
        return Some((option, Some(value)));
    }
    let property = word.strip_prefix("-D")?;
    Some((exact("-D")?, Some(property)))
}

fn unknown(word: String, before: Option<&Given>) -> ArgsError {
    let hint = without_equals(&word)
        .or_else(|| flag_of_command(&word, before?))
        .or_else(|| nearest(&word).map(|near| format!("did you mean -{near}?")));
    ArgsError::Unknown { option: word, hint }
}

/// For `-mapper=cat`.
fn without_equals(word: &str) -> Option<String> {
    let (name, value) = word.split_once('=')?;
    exact(name)?;
    Some(format!("write {name} {value}, without ="))
}

/// For `-mapper wc -l`, where the command should have been quoted.
fn flag_of_command(word: &str, before: &Given) -> Option<String> {
    let is_flag = word.len() == 2;
    let is_command = before.option.argument.name()?.starts_with("cmd");
    let command = before.values.first().filter(|_| is_flag && is_command)?;
    let name = before.option.name;
    Some(format!(
        "a command with arguments needs quotes: -{name} {}",
        shell_word(&format!("{command} {word}"))
    ))
}

/// The option whose name is nearest to a misspelt one: by edits, of which one in three letters may be wrong,
/// or the only one that begins so.
fn nearest(word: &str) -> Option<&'static str> {
    let typed = word.split('=').next().unwrap_or(word).trim_start_matches('-').to_lowercase();
    if typed.is_empty() {
        return None;
    }
    let names = || OPTIONS.iter().map(|option| option.name);
    if let Some(near) = hint::nearest(&typed, names()) {
        return Some(near);
    }
    let mut longer = names().filter(|name| name.to_lowercase().starts_with(&typed));
    longer.next().filter(|_| longer.next().is_none())
}

#[cfg(test)]
mod tests;
