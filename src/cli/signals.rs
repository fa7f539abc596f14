//! Signals that stop this process in order.
//!
//! ```text
//!   first signal ──> children end, the job cleans up, exit code 128 + n
//!   more of them within ONE_STOP ──> the same stop: nothing more happens
//!   one that comes later ──> this process ends at once; the guard removes temporary folders and ends children
//! ```
//!
//! Signals often come in bursts: a terminal that closes sends HUP and then the shell does, `timeout` signals the
//! process and its group. So only a signal that comes later means that the user does not want to wait.

use super::exit::SIGNAL_BASE;
use super::{host, voice};
use crate::stop::STOP_SIGNALS;
use crate::streaming::ChildGroups;
use crate::sync::lock;
use crossbeam_channel::{Receiver, Sender, bounded};
use rustix::process::{Pid, Signal, kill_process};
use signal_hook::consts::{SIGHUP, SIGXCPU, SIGXFSZ};
use signal_hook::iterator::Signals;
use std::sync::{Arc, Mutex};
use std::thread;
use std::time::{Duration, Instant};

/// Signals that come within this time after the first one are part of the same stop.
const ONE_STOP: Duration = Duration::from_secs(3);

/// What this process does when a signal comes.
static WATCH: Mutex<Watch> = Mutex::new(Watch { is_installed: false, first: None, target: Target::Nothing });

struct Watch {
    /// A thread receives the signals.
    is_installed: bool,
    /// The first signal, and when it came.
    first: Option<(i32, Instant)>,
    target: Target,
}

/// What a signal stops.
enum Target {
    /// Nothing needs to be cleaned up: the process ends at once.
    Nothing,
    /// A process that is being started.
    Starting,
    /// The children of a job; the job learns of the signal from its channel.
    Job { children: ChildGroups, signals: Sender<i32> },
    /// The process of a job in the background, until it is under way.
    Process(Pid),
}

/// A write beyond `ulimit -f` fails from now on, as one to a full disk does, instead of ending this process.
/// Children find the signal as we did.
pub(super) fn let_large_writes_fail() {
    // Where no signal can be caught, the old way is what is left.
    signal_hook::flag::register(SIGXFSZ, Arc::default()).ok();
}

/// From now on the first signal ends all children and comes out of the channel.
///
/// # Errors
/// Signals cannot be caught.
pub(super) fn watch(children: &ChildGroups) -> std::io::Result<Receiver<i32>> {
    let (sender, receiver) = bounded(1);
    install(Target::Job { children: children.clone(), signals: sender })?;
    Ok(receiver)
}

/// From now on the first signal is kept for a process that is about to be started; [`pass_on_to`] comes next.
///
/// # Errors
/// Signals cannot be caught.
pub(super) fn keep() -> std::io::Result<()> {
    install(Target::Starting)
}

/// Passes the first signal on to a process, which ends then; also one that came since [`keep`].
pub(super) fn pass_on_to(process: Pid) {
    let mut watch = lock(&WATCH);
    if watch.is_installed {
        watch.target = Target::Process(process);
        if let Some((signal, _)) = watch.first {
            watch.stop(signal);
        }
    }
}

/// There is nothing to clean up any more: from now on a signal ends this process at once. Returns the signal that came
/// before, if any.
pub(super) fn release() -> Option<i32> {
    let mut watch = lock(&WATCH);
    watch.target = Target::Nothing;
    watch.first.map(|(signal, _)| signal)
}

fn install(target: Target) -> std::io::Result<()> {
    let mut watch = lock(&WATCH);
    watch.target = target;
    if watch.is_installed {
        return Ok(());
    }
    let stops = STOP_SIGNALS.map(Signal::as_raw).into_iter();
    // `nohup` ignores HUP, and a job that was started so goes on when its terminal is closed.
    let mut signals =
        Signals::new(stops.filter(|signal| *signal != SIGHUP || host::is_ignored(SIGHUP) != Some(true)))?;
    thread::Builder::new().name("signals".into()).spawn(move || {
        for signal in &mut signals {
            lock(&WATCH).take(signal);
        }
    })?;
    watch.is_installed = true;
    Ok(())
}

impl Watch {
    fn take(&mut self, signal: i32) {
        let now = Instant::now();
        let Some((_, first)) = self.first else {
            self.first = Some((signal, now));
            return self.stop(signal);
        };
        // The kernel repeats XCPU each second: it tells of no impatient user.
        if signal != SIGXCPU && now.duration_since(first) >= host::one_stop().unwrap_or(ONE_STOP) {
            voice::say_unless_blocked(
                "WARN stopped before the clean-up was done: the output folder may hold unfinished output",
            );
            end(signal);
        }
    }

    fn stop(&self, signal: i32) {
        voice::drop_what_nobody_reads();
        match &self.target {
            Target::Nothing => end(signal),
            Target::Starting => {}
            Target::Job { children, signals } => {
                // The job is told first, so that it does not take the end of its children for a failure of theirs.
                signals.try_send(signal).ok();
                let stopped = children.clone();
                // It may wait for children, and more signals may come in that time.
                if thread::Builder::new().name("stop".into()).spawn(move || stopped.stop()).is_err() {
                    children.stop();
                }
            }
            Target::Process(process) => {
                if let Some(signal) = Signal::from_named_raw(signal) {
                    kill_process(*process, signal).ok();
                }
            }
        }
    }
}

/// Ends this process with the exit code of a signal, without the core file that QUIT and XCPU would leave.
fn end(signal: i32) {
    signal_hook::low_level::exit(i32::from(SIGNAL_BASE) + signal);
}
