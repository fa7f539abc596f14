//! What a user can do about a refusal, a warning or a failed task: one table, one row for each case.
//!
//! A row finds its case in [`Facts`], which the caller fills with what it knows, and answers one line: the likely cause
//! and the command that mends it. Each row has an example, which the tests check. To add a hint, add a row.

mod failed;
mod nearest;
mod shell;

pub use failed::{NOT_FOUND, NOT_RUNNABLE, interpreter_of, is_shell, script_of};
pub use nearest::{edit_distance, nearest};
pub use shell::{shell_word, words_of};

use failed::{
    on_carriage_return, on_keys_alone, on_missing_file, on_no_match, on_not_found, on_not_runnable,
    on_script_in_shell, on_unread,
};
use rustix::process::Signal;
use shell::{on_expansion_in_text, on_operator_in_text, on_shell_syntax};

/// When a hint is looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Before the job begins: all that apply are warnings. The job goes on.
    Warning,
    /// The job was refused: the first that applies.
    Refusal,
    /// A task failed, or the whole job: the first that applies.
    Failure,
    /// The job begins: what would make it faster, the first that applies.
    Speed,
}

/// What is known of a case. What is not known is empty or `None`.
#[derive(Clone, Copy, Debug)]
pub struct Facts<'a> {
    /// The words of the command that failed.
    pub command: &'a [&'a str],
    /// The command as the user wrote it, before it is cut into words.
    pub text: &'a str,
    /// Its exit code, for a death by signal 128 and the number.
    pub code: Option<i32>,
    /// The last lines that it wrote to standard error.
    pub stderr: &'a str,
    /// It succeeded, but read only so many bytes of a longer input.
    pub read_bytes: Option<u64>,
    /// A reducer was given so many records, and none of them has a value.
    pub records_without_value: Option<u64>,
    /// What separates keys from values in the output of the mapper.
    pub separator: &'a str,
    /// Properties of the job that are set, by their present names.
    pub settings: &'a [(&'a str, &'a str)],
    /// A variable that makes the environment of the commands too large.
    pub variable: Option<&'a str>,
    /// The output folder, which exists.
    pub output: Option<&'a str>,
    /// That folder holds the output of a job.
    pub output_is_finished: bool,
    /// What could not be written belongs to this part of the job.
    pub refused_by_disk: Option<Place>,
    /// A large compressed file that one task reads while slots are idle.
    pub idle: Option<Idle<'a>>,
}

/// Where a job writes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// The output folder, or a folder above it.
    Output,
    /// A folder for temporary files.
    Temporary,
}

/// A large compressed file that one task reads while slots are idle.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Idle<'a> {
    /// The file.
    pub path: &'a str,
    /// Its size, for people.
    pub size: &'a str,
    /// Slots without a task.
    pub idle: usize,
    /// All slots.
    pub slots: u32,
    /// The property that cuts such files.
    pub property: &'a str,
}

impl Facts<'_> {
    /// Nothing is known.
    pub const NONE: Facts<'static> = Facts {
        command: &[],
        text: "",
        code: None,
        stderr: "",
        read_bytes: None,
        records_without_value: None,
        separator: "",
        settings: &[],
        variable: None,
        output: None,
        output_is_finished: false,
        refused_by_disk: None,
        idle: None,
    };

    fn setting(&self, name: &str) -> Option<&str> {
        self.settings.iter().find(|(known, _)| *known == name).map(|(_, value)| *value)
    }

    /// The name of the program, without folders and without a version: `python` of `/usr/bin/python3.11`.
    fn program(&self) -> &str {
        shell::program_of(self.command.first().copied().unwrap_or_default())
    }
}

/// One hint.
pub struct Hint {
    /// Its name in the tests.
    pub name: &'static str,
    /// When it is looked for.
    pub stage: Stage,
    find: fn(&Facts<'_>) -> Option<String>,
    /// A case in which it applies, and what it says then.
    pub example: (Facts<'static>, &'static str),
}

const fn hint(
    name: &'static str,
    stage: Stage,
    find: fn(&Facts<'_>) -> Option<String>,
    example: (Facts<'static>, &'static str),
) -> Hint {
    Hint { name, stage, find, example }
}

/// The first hint for a case.
pub fn first(stage: Stage, facts: &Facts<'_>) -> Option<String> {
    HINTS.iter().filter(|hint| hint.stage == stage).find_map(|hint| (hint.find)(facts))
}

/// All hints for a case.
pub fn all(stage: Stage, facts: &Facts<'_>) -> Vec<String> {
    HINTS.iter().filter(|hint| hint.stage == stage).filter_map(|hint| (hint.find)(facts)).collect()
}

const KEY_COMPARATOR: &str = "org.apache.hadoop.mapred.lib.KeyFieldBasedComparator";
const KEY_PARTITIONER: &str = "org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner";
const COMPARATOR_OPTIONS: &str = "mapreduce.partition.keycomparator.options";
const PARTITIONER_OPTIONS: &str = "mapreduce.partition.keypartitioner.options";

/// Every hint, in the order in which they are looked for.
pub const HINTS: &[Hint] = &[
    hint(
        "shell-operator",
        Stage::Warning,
        on_operator_in_text,
        (
            Facts { text: "grep x | sort", ..Facts::NONE },
            "commands run without a shell, so | is an argument of grep: write sh -c 'grep x | sort'",
        ),
    ),
    hint(
        "shell-expansion",
        Stage::Warning,
        on_expansion_in_text,
        (
            Facts { text: "cat $HOME/x", ..Facts::NONE },
            "commands run without a shell, so $HOME/x stays as it is: write sh -c 'cat $HOME/x'",
        ),
    ),
    hint(
        "separator-of-two-characters",
        Stage::Warning,
        on_escaped_separator,
        (
            Facts { settings: &[("stream.map.output.field.separator", "\\t")], ..Facts::NONE },
            "stream.map.output.field.separator is the two characters \\ and t: for a tab leave it out, or in bash \
             write -D $'stream.map.output.field.separator=\\t'",
        ),
    ),
    hint(
        "comparator-options-without-class",
        Stage::Warning,
        on_comparator_options,
        (
            Facts { settings: &[(COMPARATOR_OPTIONS, "-n")], ..Facts::NONE },
            "mapreduce.partition.keycomparator.options has no effect without \
             -D mapreduce.job.output.key.comparator.class=org.apache.hadoop.mapred.lib.KeyFieldBasedComparator",
        ),
    ),
    hint(
        "partitioner-options-without-class",
        Stage::Warning,
        on_partitioner_options,
        (
            Facts { settings: &[(PARTITIONER_OPTIONS, "-k1,1")], ..Facts::NONE },
            "mapreduce.partition.keypartitioner.options has no effect without \
             -partitioner org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner",
        ),
    ),
    hint(
        "comparator-options-misread",
        Stage::Warning,
        |facts| on_misread_options(facts, COMPARATOR_OPTIONS),
        (
            Facts {
                settings: &[
                    (COMPARATOR_OPTIONS, "-nk2"),
                    ("mapreduce.job.output.key.comparator.class", KEY_COMPARATOR),
                ],
                ..Facts::NONE
            },
            "mapreduce.partition.keycomparator.options: -nk2 is passed over; understood are -n, -r, -nr and \
             -kFIELD[.CHAR][n][r][,FIELD[.CHAR][n][r]], as in -k2,2nr",
        ),
    ),
    hint(
        "partitioner-options-misread",
        Stage::Warning,
        |facts| on_misread_options(facts, PARTITIONER_OPTIONS),
        (
            Facts {
                settings: &[(PARTITIONER_OPTIONS, "k2"), ("mapred.partitioner.class", KEY_PARTITIONER)],
                ..Facts::NONE
            },
            "mapreduce.partition.keypartitioner.options: k2 is passed over; understood are -n, -r, -nr and \
             -kFIELD[.CHAR][n][r][,FIELD[.CHAR][n][r]], as in -k2,2nr",
        ),
    ),
    hint(
        "output-exists",
        Stage::Refusal,
        on_output,
        (
            Facts { output: Some("my out"), output_is_finished: true, ..Facts::NONE },
            "remove it with rm -r 'my out', or give -overwrite",
        ),
    ),
    hint(
        "environment-too-large",
        Stage::Refusal,
        on_variable,
        (
            Facts { variable: Some("mapreduce_input_fileinputformat_inputdir"), ..Facts::NONE },
            "give -input a folder or a glob, or cut what commands see of properties with \
             -D stream.jobconf.truncate.limit=20000",
        ),
    ),
    hint(
        "disk-of-the-output",
        Stage::Failure,
        |facts| {
            told(facts.refused_by_disk == Some(Place::Output), "another -output puts the output elsewhere")
        },
        (
            Facts { refused_by_disk: Some(Place::Output), ..Facts::NONE },
            "another -output puts the output elsewhere",
        ),
    ),
    hint(
        "disk-of-temporary-files",
        Stage::Failure,
        |facts| told(facts.refused_by_disk == Some(Place::Temporary), TEMPORARY_ELSEWHERE),
        (Facts { refused_by_disk: Some(Place::Temporary), ..Facts::NONE }, TEMPORARY_ELSEWHERE),
    ),
    hint(
        "stops-reading",
        Stage::Failure,
        on_unread,
        (
            Facts { command: &["head", "-10"], read_bytes: Some(8192), ..Facts::NONE },
            "head stops after 10 lines and leaves the rest unread: sed -n 1,10p reads to the end",
        ),
    ),
    signal(
        "SIGHUP",
        |facts| on_signal(facts, Signal::HUP, "its terminal was closed"),
        129,
        "its terminal was closed",
    ),
    signal("SIGINT", |facts| on_signal(facts, Signal::INT, "it was interrupted"), 130, "it was interrupted"),
    signal("SIGILL", |facts| on_signal(facts, Signal::ILL, ILLEGAL), 132, ILLEGAL),
    signal("SIGABRT", |facts| on_signal(facts, Signal::ABORT, ABORTED), 134, ABORTED),
    signal("SIGBUS", |facts| on_signal(facts, Signal::BUS, SHRUNK), 135, SHRUNK),
    signal("SIGFPE", |facts| on_signal(facts, Signal::FPE, DIVIDED), 136, DIVIDED),
    signal("SIGKILL", |facts| on_signal(facts, Signal::KILL, KILLED), 137, KILLED),
    signal("SIGSEGV", |facts| on_signal(facts, Signal::SEGV, CRASHED), 139, CRASHED),
    signal("SIGPIPE", |facts| on_signal(facts, Signal::PIPE, BROKEN_PIPE), 141, BROKEN_PIPE),
    signal("SIGTERM", |facts| on_signal(facts, Signal::TERM, STOPPED), 143, STOPPED),
    signal("SIGXCPU", |facts| on_signal(facts, Signal::XCPU, CPU_LIMIT), 152, CPU_LIMIT),
    signal("SIGXFSZ", |facts| on_signal(facts, Signal::XFSZ, FILE_LIMIT), 153, FILE_LIMIT),
    signal("SIGSYS", |facts| on_signal(facts, Signal::SYS, FORBIDDEN), 159, FORBIDDEN),
    hint(
        "shell-syntax-in-arguments",
        Stage::Failure,
        on_shell_syntax,
        (
            Facts { command: &["sort", "|", "uniq"], code: Some(2), ..Facts::NONE },
            "commands run without a shell, so | is an argument of sort: write sh -c 'sort | uniq'",
        ),
    ),
    hint(
        "no-interpreter-line",
        Stage::Failure,
        on_script_in_shell,
        (
            Facts {
                command: &["m.py"],
                code: Some(2),
                stderr: "./m.py: 1: import: not found",
                ..Facts::NONE
            },
            "m.py has no #! line, so the shell ran it: write python3 m.py",
        ),
    ),
    hint(
        "windows-line-ends",
        Stage::Failure,
        on_carriage_return,
        (
            Facts {
                command: &["sh", "m.sh"],
                code: Some(127),
                stderr: "m.sh: 2: cat\r: not found",
                ..Facts::NONE
            },
            "a script has Windows line ends; to mend it: sed -i 's/\\r$//' m.sh",
        ),
    ),
    hint(
        "file-is-not-shipped",
        Stage::Failure,
        on_missing_file,
        (
            Facts {
                command: &["python3", "m.py"],
                code: Some(2),
                stderr: "python3: can't open file '/task/m.py': [Errno 2] No such file or directory",
                ..Facts::NONE
            },
            "m.py is not in the task's folder: ship it with -files m.py",
        ),
    ),
    hint(
        "program-not-found",
        Stage::Failure,
        on_not_found,
        (
            Facts {
                command: &["sh", "m.sh"],
                code: Some(127),
                stderr: "m.sh: 3: frob: not found",
                ..Facts::NONE
            },
            "frob is not installed, not in PATH, not shipped with -files, or a script whose #! line names such a \
             program",
        ),
    ),
    hint(
        "program-not-runnable",
        Stage::Failure,
        on_not_runnable,
        (
            Facts {
                command: &["sh", "m.sh"],
                code: Some(126),
                stderr: "m.sh: 1: ./tool: Permission denied",
                ..Facts::NONE
            },
            "to mend it: chmod +x ./tool",
        ),
    ),
    hint(
        "grep-without-match",
        Stage::Failure,
        on_no_match,
        (
            Facts { command: &["grep", "zzz"], code: Some(1), ..Facts::NONE },
            "grep exits with 1 when no line matches: allow it with -D stream.non.zero.exit.is.failure=false",
        ),
    ),
    hint(
        "records-without-value",
        Stage::Failure,
        on_keys_alone,
        (
            Facts { code: Some(1), records_without_value: Some(58_139), separator: "\t", ..Facts::NONE },
            "none of the 58139 records that the reducer was given has a value: a mapper line without a tab is all key",
        ),
    ),
    hint(
        "idle-slots",
        Stage::Speed,
        on_idle,
        (
            Facts {
                idle: Some(Idle { path: "in.gz", size: "64.0 MiB", idle: 3, slots: 4, property: "p" }),
                ..Facts::NONE
            },
            "one map task reads all of in.gz (64.0 MiB) while 3 of 4 map slots stay idle; several can share it with \
             -D p=auto, if no mapper has to see the whole file",
        ),
    ),
];

const TEMPORARY_ELSEWHERE: &str = "-D mapreduce.cluster.local.dir=DIR[,DIR...] puts temporary files elsewhere, and so \
                                   does TMPDIR where that is not set";
const ILLEGAL: &str = "it met a machine instruction that this processor does not have";
const ABORTED: &str = "it ended itself after an internal error";
const SHRUNK: &str = "a file it had mapped may have shrunk, or a disk may be full";
const DIVIDED: &str = "a whole number was divided by zero";
const KILLED: &str =
    "perhaps memory ran out: see dmesg, and try fewer tasks at once or a program that holds less";
const CRASHED: &str = "it crashed in native code, or its stack overflowed (ulimit -s)";
const BROKEN_PIPE: &str = "it wrote to a pipe whose reader was gone";
const STOPPED: &str = "it was asked to stop from outside";
const CPU_LIMIT: &str = "its limit of processor time was used up (ulimit -t)";
const FILE_LIMIT: &str = "its limit of file size was reached (ulimit -f)";
const FORBIDDEN: &str = "it made a system call that is not allowed here";

/// What shells and Java add to the number of the signal that ended a child.
pub const SIGNAL_BASE: i32 = 128;

const fn signal(
    name: &'static str,
    find: fn(&Facts<'_>) -> Option<String>,
    code: i32,
    says: &'static str,
) -> Hint {
    hint(name, Stage::Failure, find, (Facts { code: Some(code), ..Facts::NONE }, says))
}

fn on_signal(facts: &Facts<'_>, signal: Signal, says: &str) -> Option<String> {
    told(facts.code == Some(SIGNAL_BASE + signal.as_raw()), says)
}

fn told(applies: bool, says: &str) -> Option<String> {
    applies.then(|| says.to_owned())
}

/// Properties whose value separates fields.
const SEPARATORS: [&str; 8] = [
    "stream.map.input.field.separator",
    "stream.map.output.field.separator",
    "stream.reduce.input.field.separator",
    "stream.reduce.output.field.separator",
    "mapreduce.map.output.key.field.separator",
    "mapreduce.output.textoutputformat.separator",
    "mapreduce.input.keyvaluelinerecordreader.key.value.separator",
    "mapreduce.fieldsel.data.field.separator",
];

fn on_escaped_separator(facts: &Facts<'_>) -> Option<String> {
    let escaped =
        |name: &&str| facts.setting(name).is_some_and(|value| ["\\t", "\\n", "\\001"].contains(&value));
    let name = SEPARATORS.into_iter().find(|name| escaped(name))?;
    let value = facts.setting(name)?;
    let (count, character) = if value.len() == 2 { ("two", &value[1..]) } else { ("four", &value[1..]) };
    let tab = if value == "\\t" { "for a tab leave it out, or " } else { "" };
    Some(format!(
        "{name} is the {count} characters \\ and {character}: {tab}in bash write -D $'{name}={value}'"
    ))
}

fn on_comparator_options(facts: &Facts<'_>) -> Option<String> {
    facts.setting(COMPARATOR_OPTIONS).filter(|options| !options.is_empty())?;
    let name = "mapreduce.job.output.key.comparator.class";
    let is_read = [name, "mapreduce.job.output.group.comparator.class"]
        .iter()
        .any(|name| facts.setting(name).is_some_and(|class| class.ends_with("KeyFieldBasedComparator")));
    told(!is_read, &format!("{COMPARATOR_OPTIONS} has no effect without -D {name}={KEY_COMPARATOR}"))
}

fn on_partitioner_options(facts: &Facts<'_>) -> Option<String> {
    let name = [PARTITIONER_OPTIONS, "num.key.fields.for.partition"]
        .into_iter()
        .find(|name| facts.setting(name).is_some_and(|options| !options.is_empty()))?;
    let class = facts.setting("mapred.partitioner.class").unwrap_or_default();
    let is_read = class.ends_with("KeyFieldBasedPartitioner");
    told(!is_read, &format!("{name} has no effect without -partitioner {KEY_PARTITIONER}"))
}

/// Options that `KeyFieldHelper.parseOption` passes over without a message.
fn on_misread_options(facts: &Facts<'_>, name: &str) -> Option<String> {
    let mut words = facts.setting(name)?.split_whitespace().peekable();
    while let Some(word) = words.next() {
        if word == "-k" {
            words.next();
        } else if !["-n", "-r", "-nr"].contains(&word) && !word.starts_with("-k") {
            return Some(format!(
                "{name}: {word} is passed over; understood are -n, -r, -nr and \
                 -kFIELD[.CHAR][n][r][,FIELD[.CHAR][n][r]], as in -k2,2nr"
            ));
        }
    }
    None
}

fn on_variable(facts: &Facts<'_>) -> Option<String> {
    let input = if facts.variable? == "mapreduce_input_fileinputformat_inputdir" {
        "give -input a folder or a glob, or "
    } else {
        ""
    };
    Some(format!("{input}cut what commands see of properties with -D stream.jobconf.truncate.limit=20000"))
}

fn on_output(facts: &Facts<'_>) -> Option<String> {
    let output = shell_word(facts.output?);
    let overwrite = if facts.output_is_finished { ", or give -overwrite" } else { "" };
    Some(format!("remove it with rm -r {output}{overwrite}"))
}

fn on_idle(facts: &Facts<'_>) -> Option<String> {
    let Idle { path, size, idle, slots, property } = facts.idle?;
    Some(format!(
        "one map task reads all of {path} ({size}) while {idle} of {slots} map slots stay idle; several can share it \
         with -D {property}=auto, if no mapper has to see the whole file"
    ))
}

#[cfg(test)]
mod tests;
