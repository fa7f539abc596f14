//! What an exit status means: a number for Hadoop's message, and words for the user. What mends it is in
//! [`crate::hint`].
//!
//! Whether a failure counts (`stream.non.zero.exit.is.failure`) is decided by the caller.

use crate::hint::{NOT_FOUND, NOT_RUNNABLE, SIGNAL_BASE};
use rustix::process::Signal;
use std::os::unix::process::ExitStatusExt;
use std::process::ExitStatus;

/// An exit status in words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The exit code as Java's `Process.waitFor` tells it: 128 and the number for a death by signal.
    pub code: i32,
    /// Whether the code is 0.
    pub success: bool,
    /// How the child ended, to go behind "the mapper": `exited with code 3`.
    pub text: String,
}

/// Says how a command ended.
pub fn judge(status: ExitStatus) -> Verdict {
    if let Some(number) = status.signal() {
        let core = if status.core_dumped() { ", leaving a core dump" } else { "" };
        let text = format!("was killed by {}{core}", signal_name(number));
        return Verdict { code: SIGNAL_BASE + number, success: false, text };
    }
    // A child that was waited for has either a signal or a code.
    let code = status.code().unwrap_or_default();
    let meaning = match code {
        NOT_FOUND => " (program not found)".to_owned(),
        NOT_RUNNABLE => " (program cannot be run)".to_owned(),
        _ if known_signal(code - SIGNAL_BASE).is_some() => {
            format!(" (a shell's code for {})", signal_name(code - SIGNAL_BASE))
        }
        _ => String::new(),
    };
    Verdict { code, success: code == 0, text: format!("exited with code {code}{meaning}") }
}

/// The signals that end programs.
const SIGNALS: [(Signal, &str); 18] = [
    (Signal::HUP, "SIGHUP"),
    (Signal::INT, "SIGINT"),
    (Signal::QUIT, "SIGQUIT"),
    (Signal::ILL, "SIGILL"),
    (Signal::TRAP, "SIGTRAP"),
    (Signal::ABORT, "SIGABRT"),
    (Signal::BUS, "SIGBUS"),
    (Signal::FPE, "SIGFPE"),
    (Signal::KILL, "SIGKILL"),
    (Signal::USR1, "SIGUSR1"),
    (Signal::SEGV, "SIGSEGV"),
    (Signal::USR2, "SIGUSR2"),
    (Signal::PIPE, "SIGPIPE"),
    (Signal::ALARM, "SIGALRM"),
    (Signal::TERM, "SIGTERM"),
    (Signal::XCPU, "SIGXCPU"),
    (Signal::XFSZ, "SIGXFSZ"),
    (Signal::SYS, "SIGSYS"),
];

fn known_signal(number: i32) -> Option<&'static str> {
    SIGNALS.iter().find(|(signal, _)| signal.as_raw() == number).map(|(_, name)| *name)
}

fn signal_name(number: i32) -> String {
    known_signal(number)
        .map_or_else(|| format!("signal {number}"), |name| format!("{name} (signal {number})"))
}

#[cfg(test)]
mod tests;
