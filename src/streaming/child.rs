//! One child process: started in a group of its own, fed, read, and judged when all its pipes are done.
//!
//! ```text
//!   feed ──stdin──> child ──stdout──> drain      (this thread)
//!  (thread)            └────stderr──> reporter   (this thread, while it waits for standard output)
//! ```
//!
//! An input that fits into the pipe is written before the output is read and needs no thread.
//!
//! Each pipe has one owner. Nothing is decided before all three are done, and then the first cause wins:
//! what went wrong on our side, then the child's exit, then a pipe it closed too early. This is the only
//! room that starts processes.

mod input_pipe;
mod output_pipe;
mod spawn;

pub(crate) use input_pipe::{ChildInput, Feed, InputPipe};
pub(crate) use output_pipe::OutputPipe;
pub(crate) use spawn::{ChildCommand, environment_line};

use super::reporter::Reporter;
use crate::error::IoError;
use output_pipe::{Listener, Watch};
use rustix::pipe::{fcntl_getpipe_size, fcntl_setpipe_size};
use rustix::process::{Pid, Signal, kill_process_group};
use spawn::Started;
use std::cell::Cell;
use std::collections::BTreeSet;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::{Arc, Mutex};
use std::thread;

/// A pipe that carries a lot becomes this large: fewer switches between its two ends.
const PIPE_BYTES: usize = 1 << 20;

/// Why a child's run is void, in the order in which causes are looked for.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum ChildError<E: std::error::Error + 'static> {
    /// The program could not be started.
    #[error("cannot start {}", program.display())]
    Start {
        /// The program, as it was looked up.
        program: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// Our own side of the pipes failed; the child was ended.
    #[error(transparent)]
    Ours(E),
    /// A pipe failed under us.
    #[error("cannot {action} of the child")]
    Pipe {
        /// What was being done.
        action: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The child exited with a code other than 0, or was ended by a signal.
    #[error("the child failed: {status}")]
    Exit {
        /// Its status.
        status: ExitStatus,
    },
    /// The child exited well but left input unread, more than Hadoop forgives.
    #[error("the child stopped reading after {accepted_bytes} bytes of its input")]
    Unread {
        /// Bytes its pipe had taken.
        accepted_bytes: u64,
    },
    /// The job was stopped.
    #[error("stopped")]
    Stopped,
}

/// The process groups of all running children, so that a job that stops can end them.
#[derive(Clone, Debug, Default)]
pub struct ChildGroups(Arc<Mutex<Groups>>);

#[derive(Debug, Default)]
struct Groups {
    stopped: bool,
    running: BTreeSet<i32>,
}

impl ChildGroups {
    /// Ends all children with their descendants, now and from now on.
    pub(crate) fn stop(&self) {
        let mut groups = self.lock();
        groups.stopped = true;
        for &group in &groups.running {
            end_group(group);
        }
    }

    /// Whether [`Self::stop`] was called.
    pub(crate) fn stopped(&self) -> bool {
        self.lock().stopped
    }

    fn enter(&self, group: i32) {
        let mut groups = self.lock();
        groups.running.insert(group);
        if groups.stopped {
            end_group(group);
        }
    }

    fn leave(&self, group: i32) {
        self.lock().running.remove(&group);
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Groups> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner)
    }
}

fn end_group(group: i32) {
    if let Some(pid) = Pid::from_raw(group) {
        // Refused only when nobody is left in the group, which is what was wanted.
        kill_process_group(pid, Signal::KILL).ok();
    }
}

/// Widens a pipe if it can be, and says what it holds.
fn widened(pipe: impl AsFd) -> usize {
    // A limit on pipe memory may refuse it, and then the pipe stays as it is.
    fcntl_setpipe_size(&pipe, PIPE_BYTES).or_else(|_| fcntl_getpipe_size(&pipe)).unwrap_or(PIPE_BYTES)
}

/// Which failures of a child are none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leniency {
    /// `stream.non.zero.exit.is.failure=false`: exit codes and signals are forgiven.
    pub any_exit: bool,
    /// Unread input is forgiven.
    pub unread: bool,
}

/// How long a child's input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InputLength {
    /// A pipe holds it, most likely.
    Short,
    /// Anything.
    Unknown,
}

/// Runs a child from start to end. `feed` writes its input and `drain` reads its output to the end, both
/// at once; a child whose feed or drain fails is ended with its whole group.
///
/// A feed is called a second time, to go on, if the pipe of an input that was called short is full.
///
/// # Errors
/// See [`ChildError`]: the first cause in its order.
pub(crate) fn run<T, E>(
    command: &ChildCommand<'_>,
    groups: &ChildGroups,
    reporter: &mut Reporter<'_>,
    leniency: Leniency,
    (length, mut feed): (InputLength, impl FnMut(&mut InputPipe) -> Result<(), E> + Send),
    drain: impl FnOnce(&mut OutputPipe<'_, '_>) -> Result<T, E>,
) -> Result<T, ChildError<E>>
where
    E: std::error::Error + Send + 'static,
{
    let start = |source| ChildError::Start { program: command.program.clone(), source };
    let Started { id: group, stdin, stdout, stderr } = command.start().map_err(start)?;
    groups.enter(group);
    let reaper = Reaper { groups, group, reaped: Cell::new(false) };
    let mut input = InputPipe::new(stdin);
    // A grandchild that holds the pipes must not make us wait for a child that has failed.
    let watch = Watch::new(group, !leniency.any_exit);
    let mut stdout = OutputPipe::new(stdout, Listener::new(stderr, reporter, watch));
    let ends = thread::scope(|scope| {
        let _end = EndOnPanic(group);
        let mut fed = Fed { feed: Ok(()), written: Ok(()), unread: None };
        if length == InputLength::Short {
            fed.written = input.stop_waiting();
            fed.feed = feed(&mut input);
        }
        let is_done = length == InputLength::Short && !input.is_behind();
        let to_the_end = move || {
            let _end = EndOnPanic(group);
            if !is_done && fed.is_ok() {
                fed.written = input.catch_up();
            }
            if !is_done && fed.is_ok() {
                fed.feed = feed(&mut input);
            }
            input.close();
            if !fed.is_ok() {
                end_group(group);
            }
            Fed { unread: input.refused_at(), ..fed }
        };
        let feeding = if is_done { Ok(to_the_end()) } else { Err(scope.spawn(to_the_end)) };
        let drained = drain(&mut stdout);
        if drained.is_err() {
            end_group(group);
        }
        let mut listener = stdout.close();
        listener.until_dead();
        let exit = reaper.reap();
        // Heard to the end first: who writes to standard error may be who still reads the input.
        let heard = listener.until_end();
        let fed = feeding.unwrap_or_else(join);
        Ends { fed, drained, heard, exit }
    });
    if groups.stopped() { Err(ChildError::Stopped) } else { ends.judge(leniency) }
}

/// Ends a group when a panic goes by: a child that lived on would hold the pipes that another thread waits at.
struct EndOnPanic(i32);

impl Drop for EndOnPanic {
    fn drop(&mut self) {
        if thread::panicking() {
            end_group(self.0);
        }
    }
}

/// Takes a child off the system's list, when its threads are through with its number at the latest.
struct Reaper<'a> {
    groups: &'a ChildGroups,
    group: i32,
    reaped: Cell<bool>,
}

impl Reaper<'_> {
    fn reap(&self) -> io::Result<ExitStatus> {
        // What is left of the group goes, and only then the child's number: a number that is still taken
        // cannot name somebody else's group.
        end_group(self.group);
        self.groups.leave(self.group);
        self.reaped.set(true);
        spawn::wait(self.group)
    }
}

impl Drop for Reaper<'_> {
    fn drop(&mut self) {
        if !self.reaped.get() {
            drop(self.reap());
        }
    }
}

/// How the feeding of a child ended.
struct Fed<E> {
    feed: Result<(), E>,
    /// Of what was held back because the pipe was full.
    written: io::Result<()>,
    /// Bytes its pipe had taken when the child refused more.
    unread: Option<u64>,
}

impl<E> Fed<E> {
    fn is_ok(&self) -> bool {
        self.feed.is_ok() && self.written.is_ok()
    }
}

/// How the three pipes and the child itself ended.
struct Ends<T, E> {
    fed: Fed<E>,
    drained: Result<T, E>,
    heard: io::Result<()>,
    exit: io::Result<ExitStatus>,
}

impl<T, E: std::error::Error> Ends<T, E> {
    fn judge(self, leniency: Leniency) -> Result<T, ChildError<E>> {
        let output = self.drained.map_err(ChildError::Ours)?;
        self.fed.feed.map_err(ChildError::Ours)?;
        let pipe = |action| move |source| ChildError::Pipe { action, source };
        self.fed.written.map_err(pipe("write standard input"))?;
        self.heard.map_err(pipe("read standard error"))?;
        let status = self.exit.map_err(pipe("wait for the end"))?;
        if !status.success() && !leniency.any_exit {
            // A child that failed also stopped reading; its code says more than our broken pipe.
            return Err(ChildError::Exit { status });
        }
        match self.fed.unread {
            Some(accepted_bytes) if !leniency.unread => Err(ChildError::Unread { accepted_bytes }),
            _ => Ok(output),
        }
    }
}

fn join<T>(thread: thread::ScopedJoinHandle<'_, T>) -> T {
    thread.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))
}

impl<E: std::error::Error> From<IoError> for ChildError<E> {
    fn from(error: IoError) -> Self {
        Self::Pipe { action: error.action, source: error.source }
    }
}

#[cfg(test)]
mod tests;
