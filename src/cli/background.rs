//! `-background`: the job runs on in a process of its own after the command has returned.
//!
//! ```text
//!   mr-stream ARGS -background ──starts──> mr-stream background ARGS -background
//!        waits <── the job's id on its standard output: the output folder is its own, tasks begin
//! ```
//!
//! The second process does all of the work. Until the job is under way it has our standard error, and we answer its
//! exit code: whatever a job is refused for is said and answered as without the option. From then on its words go into
//! the log beside its record ([`super::jobs`]), and nothing of the terminal is left to it. A signal that stops
//! us before that is passed on to it, and if we are killed it ends. Hadoop: `StreamJob.submitAndMonitorJob`.

use super::guard::OURSELVES;
use super::signals;
use super::voice::{self, say};
use super::{exit, shim};
use crate::conf::HostFacts;
use crate::fs::File;
use crate::ids::JobId;
use rustix::process::{Pid, Signal, set_parent_process_death_signal, setsid};
use std::ffi::{OsStr, OsString};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::process::{Command, ExitStatus, Stdio};
use std::sync::atomic::{AtomicBool, Ordering};

/// The first word of a command line that makes this program the second process. Not for people.
const COMMAND: &str = "background";

/// Whether this process is the second one. Set once, before anything else is done.
static IS_BEGUN: AtomicBool = AtomicBool::new(false);

/// Whether a job is to be handed on to a second process.
pub(super) fn is_to_start(wanted: bool) -> bool {
    wanted && !IS_BEGUN.load(Ordering::Relaxed)
}

/// If this process is to be the second one, takes the word off that says so, and leaves the first one's session.
pub(super) fn begin_if_wanted(argv: &mut Vec<OsString>, host: &mut HostFacts) {
    if argv.first().is_none_or(|word| word != OsStr::new(COMMAND)) {
        return;
    }
    argv.remove(0);
    host.command_line.remove(1);
    // What tasks print without end has its bounds there, and none in one log.
    host.logs_dir = host.state_dir.as_ref().map(|state| state.join("logs"));
    // Typed at a terminal this may fail, and does no harm.
    setsid().ok();
    set_parent_process_death_signal(Some(Signal::TERM)).ok();
    IS_BEGUN.store(true, Ordering::Relaxed);
}

/// Starts the second process; returns when its job is under way or refused, with the exit code.
pub(super) fn start() -> u8 {
    match run_second() {
        // Hadoop prints nothing there.
        Ok(Ended::UnderWay { .. }) if voice::is_hadoops() => exit::OK,
        Ok(Ended::UnderWay { id }) => voice::print(&id),
        Ok(Ended::Refused(status)) => {
            status.code().map_or_else(|| ended_by_signal(status), |code| code as u8)
        }
        Err(error) => {
            say(&format!("mr-stream: cannot start a process for the job in the background: {error}"));
            exit::NOT_STARTED
        }
    }
}

fn ended_by_signal(status: ExitStatus) -> u8 {
    say(&format!("mr-stream: the process of the job ended before the job began: {status}"));
    exit::SIGNAL_BASE + status.signal().unwrap_or_default() as u8
}

/// How the wait for the second process ended.
enum Ended {
    /// The job is under way. Its id is a line.
    UnderWay { id: String },
    /// The process ended before the job began.
    Refused(ExitStatus),
}

fn run_second() -> io::Result<Ended> {
    let mut words: Vec<_> = std::env::args_os().collect();
    let mut program = words.remove(0);
    if let Some(script) = shim::take_name(&mut words) {
        program = script;
    }
    #[expect(
        clippy::disallowed_methods,
        reason = "no child of a job: it has our environment and outlives us"
    )]
    let mut second = Command::new(OURSELVES);
    second.arg0(program).arg(COMMAND).args(words).stdin(Stdio::null()).stdout(Stdio::piped());
    // Where no signal can be caught, the second process ends when this one does.
    signals::keep().ok();
    let mut second = second.spawn()?;
    signals::pass_on_to(Pid::from_child(&second));
    let mut id = String::new();
    let stdout = second.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    let is_under_way = BufReader::new(stdout).read_line(&mut id).is_ok_and(|read| read > 0);
    // A process that was told to stop is waited for: what it has made is gone then.
    if signals::release().is_none() && is_under_way {
        return Ok(Ended::UnderWay { id });
    }
    second.wait().map(Ended::Refused)
}

/// The second process lets go of the first one: the job is under way.
///
/// # Errors
/// The signal that the job ends with: whoever started us is gone, and wants no job then.
pub(super) fn go_on(job: &JobId, log: &File) -> Result<(), i32> {
    let let_go = || {
        set_parent_process_death_signal(None)?;
        rustix::stdio::dup2_stderr(log)?;
        let mut out = voice::stdout();
        writeln!(out, "{job}")?;
        out.flush()?;
        rustix::stdio::dup2_stdout(log)?;
        Ok(())
    };
    let_go().map_err(|error: io::Error| {
        say(&format!("mr-stream: the command that started this job is gone: {error}"));
        Signal::TERM.as_raw()
    })
}
