//! What an exit status means: a number for Hadoop's message, words for the user, and a hint where the cause
//! can be told from the command and from what was last said on standard error.
//!
//! Whether a failure counts (`stream.non.zero.exit.is.failure`) is decided by the caller.

use super::command::shell_word;
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// What shells and Java add to the number of the signal that ended a child.
const SIGNAL_BASE: i32 = 128;
/// The program was found and could not be run.
const NOT_RUNNABLE: i32 = 126;
/// The program was not found.
const NOT_FOUND: i32 = 127;

/// An exit status in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The exit code as Java's `Process.waitFor` tells it: 128 and the number for a death by signal.
    pub code: i32,
    /// Whether the code is 0.
    pub success: bool,
    /// How the child ended, to go behind "the mapper": `exited with code 3`.
    pub text: String,
    /// What may be the cause, or what mends it; one line.
    pub hint: Option<String>,
}

/// Judges how `command` ended. `stderr_tail` are the last bytes it wrote to standard error, as many as were
/// kept.
pub fn judge(status: ExitStatus, command: &[String], stderr_tail: &[u8]) -> Verdict {
    let stderr = String::from_utf8_lossy(stderr_tail);
    if let Some(number) = status.signal() {
        let core = if status.core_dumped() { ", leaving a core dump" } else { "" };
        let text = format!("was killed by {}{core}", signal_name(number));
        return Verdict {
            code: SIGNAL_BASE + number,
            success: false,
            text,
            hint: signal_hint(number).map(str::to_owned),
        };
    }
    // A child that was waited for has either a signal or a code.
    let code = status.code().unwrap_or_default();
    let (meaning, hint) = match code {
        0 => return Verdict { code, success: true, text: "exited with code 0".to_owned(), hint: None },
        NOT_FOUND => (Some("program not found".to_owned()), Some(not_found_hint(command, &stderr))),
        NOT_RUNNABLE => (Some("program cannot be run".to_owned()), Some(not_runnable_hint(command, &stderr))),
        _ if known_signal(code - SIGNAL_BASE).is_some() => {
            let number = code - SIGNAL_BASE;
            (
                Some(format!("a shell's word for {}", signal_name(number))),
                signal_hint(number).map(str::to_owned),
            )
        }
        _ => (None, missing_file_hint(command, &stderr)),
    };
    let meaning = meaning.map(|meaning| format!(" ({meaning})")).unwrap_or_default();
    Verdict { code, success: false, text: format!("exited with code {code}{meaning}"), hint }
}

/// The signals that end programs, each with what it hints at.
const SIGNALS: &[(Signal, &str, Option<&str>)] = &[
    (Signal::HUP, "SIGHUP", Some("its terminal was closed")),
    (Signal::INT, "SIGINT", Some("it was interrupted")),
    (Signal::QUIT, "SIGQUIT", None),
    (Signal::ILL, "SIGILL", Some("it met a machine instruction that this processor does not have")),
    (Signal::TRAP, "SIGTRAP", None),
    (Signal::ABORT, "SIGABRT", Some("it ended itself after an internal error")),
    (Signal::BUS, "SIGBUS", Some("a file it had mapped may have shrunk, or a disk may be full")),
    (Signal::FPE, "SIGFPE", Some("a whole number was divided by zero")),
    (
        Signal::KILL,
        "SIGKILL",
        Some("perhaps memory ran out: see dmesg, and try fewer tasks at once or a program that holds less"),
    ),
    (Signal::USR1, "SIGUSR1", None),
    (Signal::SEGV, "SIGSEGV", Some("it crashed in native code, or its stack overflowed (ulimit -s)")),
    (Signal::USR2, "SIGUSR2", None),
    (Signal::PIPE, "SIGPIPE", Some("it wrote to a pipe whose reader was gone")),
    (Signal::ALARM, "SIGALRM", None),
    (Signal::TERM, "SIGTERM", Some("it was asked to stop from outside")),
    (Signal::XCPU, "SIGXCPU", Some("its limit of processor time was used up (ulimit -t)")),
    (Signal::XFSZ, "SIGXFSZ", Some("its limit of file size was reached (ulimit -f)")),
    (Signal::SYS, "SIGSYS", Some("it made a system call that is not allowed here")),
];

fn known_signal(number: i32) -> Option<&'static (Signal, &'static str, Option<&'static str>)> {
    SIGNALS.iter().find(|(signal, ..)| signal.as_raw() == number)
}

fn signal_name(number: i32) -> String {
    match known_signal(number) {
        Some((_, name, _)) => format!("{name} (signal {number})"),
        None => format!("signal {number}"),
    }
}

fn signal_hint(number: i32) -> Option<&'static str> {
    known_signal(number).and_then(|(_, _, hint)| *hint)
}

fn not_found_hint(command: &[String], stderr: &str) -> String {
    if let Some(hint) = missing_file_hint(command, stderr) {
        return hint;
    }
    let complaints = [
        ": not found",
        ": command not found",
        ": No such file or directory",
        ": cannot execute: required file not found",
    ];
    let Some(name) = complained_of(stderr, &complaints).or_else(|| command.first().cloned()) else {
        return "the command is empty".to_owned();
    };
    // env spells the character out, shells pass it on.
    if name.ends_with('\r') || name.ends_with("\\r") {
        return carriage_return_hint(command);
    }
    format!(
        "{name} is not installed, not in PATH, not shipped with -files, or a script whose #! line names such a program"
    )
}

fn not_runnable_hint(command: &[String], stderr: &str) -> String {
    if stderr.contains("^M: bad interpreter") || stderr.contains("\r: bad interpreter") {
        return carriage_return_hint(command);
    }
    if let Some(script) = complained_of(stderr, &[": bad interpreter"]) {
        return format!("the #! line names {script}, which is not there");
    }
    match complained_of(stderr, &[": Permission denied"]).or_else(|| command.first().cloned()) {
        Some(name) => format!("to mend it: chmod +x {}", shell_word(&name)),
        None => "the command is empty".to_owned(),
    }
}

/// Programs whose first plain argument is a script.
const SCRIPT_RUNNERS: [&str; 8] = ["sh", "bash", "dash", "ksh", "zsh", "python", "perl", "ruby"];

fn carriage_return_hint(command: &[String]) -> String {
    let program = command.first().map_or("", |word| word.rsplit('/').next().unwrap_or(word));
    let runs_script =
        SCRIPT_RUNNERS.contains(&program.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit()));
    let words = command.iter().skip(usize::from(runs_script));
    let script = words.into_iter().find(|word| !word.starts_with('-')).map_or("SCRIPT", String::as_str);
    format!("a script has Windows line ends; to mend it: sed -i 's/\\r$//' {}", shell_word(script))
}

/// The commonest mistake of all: an interpreter is given a script that was not shipped.
fn missing_file_hint(command: &[String], stderr: &str) -> Option<String> {
    let line = stderr.lines().rev().find(|line| {
        let line = line.to_lowercase();
        line.contains("no such file") || line.contains("can't open") || line.contains("cannot open")
    })?;
    let names = command.iter().skip(1).filter(|word| !word.starts_with('-') && word.len() > 1);
    let name = names.into_iter().find(|word| mentions(line, word))?;
    Some(format!("{name} is not in the task's folder: ship it with -files {}", shell_word(name)))
}

/// Whether a line names a file, by itself or at the end of a path.
fn mentions(line: &str, name: &str) -> bool {
    let boundary = |c: char| !c.is_alphanumeric() && !"_-.".contains(c);
    line.match_indices(name).any(|(at, _)| {
        line[..at].chars().next_back().is_none_or(boundary)
            && line[at + name.len()..].chars().next().is_none_or(boundary)
    })
}

/// The name before a complaint in the last line that has one, without quotes: `foo` of
/// `m.sh: line 3: foo: command not found` and of `env: ‘foo’: No such file or directory`.
fn complained_of(stderr: &str, complaints: &[&str]) -> Option<String> {
    let before = stderr.split('\n').rev().find_map(|line| {
        complaints.iter().find_map(|complaint| line.find(complaint).map(|at| &line[..at]))
    })?;
    let name = before.rsplit(": ").next()?.trim_matches([' ', '\'', '"', '`', '‘', '’']);
    (!name.is_empty()).then(|| name.to_owned())
}

#[cfg(test)]
mod tests;
