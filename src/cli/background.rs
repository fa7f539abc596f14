//! `-background`: the job runs on in a process of its own after the command has returned.
//!
//! ```text
//!   mr-stream ARGS -background ──starts──> mr-stream background ARGS -background
//!        waits <── a byte on its standard output: the output folder is its own, tasks begin
//! ```
//!
//! The second process does all of the work. Until the job is under way it has our standard error, and we answer its
//! exit code: whatever a job is refused for is said and answered as without the option. From then on its words go into
//! the log beside its record ([`super::jobs`]), and nothing of the terminal is left to it. If we are ended before
//! that, it ends. Hadoop: `StreamJob.submitAndMonitorJob`.

use super::guard::OURSELVES;
use super::voice::{self, say};
use super::{exit, shim};
use crate::conf::HostFacts;
use crate::fs::File;
use rustix::process::{Signal, set_parent_process_death_signal, setsid};
use std::ffi::{OsStr, OsString};
use std::io::{self, Read, Write};
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
        Ok(None) => exit::OK,
        Ok(Some(status)) => status.code().map_or_else(|| ended_by_signal(status), |code| code as u8),
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

/// `None` if the job is under way, else how the process ended.
fn run_second() -> io::Result<Option<ExitStatus>> {
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
    let mut second = second.spawn()?;
    let mut is_under_way = [0];
    let mut line = second.stdout.take().ok_or(io::ErrorKind::BrokenPipe)?;
    if line.read_exact(&mut is_under_way).is_ok() {
        return Ok(None);
    }
    second.wait().map(Some)
}

/// The second process lets go of the first one: the job is under way.
///
/// # Errors
/// The signal that the job ends with: whoever started us is gone, and wants no job then.
pub(super) fn go_on(log: &File) -> Result<(), i32> {
    let let_go = || {
        set_parent_process_death_signal(None)?;
        rustix::stdio::dup2_stderr(log)?;
        let mut out = voice::stdout();
        out.write_all(b"\n")?;
        out.flush()?;
        rustix::stdio::dup2_stdout(log)?;
        Ok(())
    };
    let_go().map_err(|error: io::Error| {
        say(&format!("mr-stream: the command that started this job is gone: {error}"));
        Signal::TERM.as_raw()
    })
}
