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
mod life;
mod output_pipe;
mod spawn;

pub(crate) use input_pipe::{ChildInput, Feed, InputPipe};
pub(crate) use output_pipe::OutputPipe;
pub(crate) use spawn::{ChildCommand, environment_line};
pub(super) use spawn::{close_others, start_guard};

use super::ChildGroups;
use super::reporter::Reporter;
use crate::error::IoError;
use life::{EndOnPanic, Life};
use output_pipe::{Listener, Watch};
use rustix::pipe::{fcntl_getpipe_size, fcntl_setpipe_size};
use spawn::Started;
use std::io;
use std::os::fd::AsFd;
use std::path::PathBuf;
use std::process::ExitStatus;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

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
        /// Bytes of its input that it read, if that can be seen.
        read_bytes: Option<u64>,
    },
    /// The child exited well but left input unread, more than Hadoop forgives.
    #[error("the child stopped reading after {read_bytes} bytes of its input")]
    Unread {
        /// Bytes that it read.
        read_bytes: u64,
    },
    /// The child used the terminal, which stopped it for ever; it was ended.
    #[error("the child was stopped by {signal} for using the terminal")]
    Terminal {
        /// `SIGTTIN` or `SIGTTOU`.
        signal: &'static str,
    },
    /// No thread could be started to write the child's input; the child was ended.
    #[error("cannot start a thread to write standard input")]
    Thread {
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The job was stopped.
    #[error("stopped")]
    Stopped,
}

/// Widens a pipe if it can be, and says what it holds.
fn widened(pipe: impl AsFd) -> usize {
    // A limit on pipe memory may refuse it, and then the pipe stays as it is.
    fcntl_setpipe_size(&pipe, PIPE_BYTES).or_else(|_| fcntl_getpipe_size(&pipe)).unwrap_or(PIPE_BYTES)
}

/// Which failures of a child are none, and how patiently its end is awaited.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leniency {
    /// `stream.non.zero.exit.is.failure=false`: exit codes and signals are forgiven.
    pub any_exit: bool,
    /// Unread input is forgiven.
    pub unread: bool,
    /// For so long the output of a child that has ended is waited for while another process holds it; `None` is for
    /// ever.
    pub join_delay: Option<Duration>,
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
    let Started { id, stdin, stdout, stderr } =
        groups.entering(|| command.start(), |started| started.id).map_err(start)?;
    let life = Arc::new(Life::new(groups, id));
    let mut input = InputPipe::new(stdin, Arc::clone(&life), leniency.unread);
    let watch = Watch::new(Arc::clone(&life), leniency);
    let mut stdout = OutputPipe::new(stdout, Listener::new(stderr, reporter, watch));
    let ends = thread::scope(|scope| {
        let _end = EndOnPanic(&life);
        let fed = if length == InputLength::Short { feed(&mut input) } else { Ok(()) };
        let feeding = if length == InputLength::Short && !input.is_behind() {
            Ok(Fed::end(fed, Ok(()), input, &life))
        } else {
            let life = &life;
            let feeding = thread::Builder::new().spawn_scoped(scope, move || {
                let _end = EndOnPanic(life);
                let caught_up = if fed.is_ok() { input.catch_up() } else { Ok(()) };
                let goes_on = fed.is_ok() && caught_up.is_ok();
                let fed = if goes_on { feed(&mut input) } else { fed };
                Fed::end(fed, caught_up, input, life)
            });
            // The child, ended, is waited for when the scope is left.
            let failed = |source| -> ChildError<E> { ChildError::Thread { source } };
            Err(feeding.inspect_err(|_| life.end()).map_err(failed)?)
        };
        let drained = drain(&mut stdout);
        if drained.is_err() {
            life.end();
        }
        let mut listener = stdout.close();
        listener.until_dead();
        let exit = life.reap();
        let (stopped_by, heard) = (listener.stopped_by(), listener.rest());
        let mut fed = feeding.unwrap_or_else(join);
        fed.input.look_at_rest();
        Ok::<_, ChildError<E>>(Ends { fed, drained, heard, exit, stopped_by })
    });
    if groups.stopped() { Err(ChildError::Stopped) } else { ends?.judge(leniency) }
}

/// How the feeding of a child ended.
struct Fed<E> {
    feed: Result<(), E>,
    /// Of what was held back because the pipe was full.
    written: io::Result<()>,
    input: InputPipe,
}

impl<E> Fed<E> {
    /// Closes the pipe. A child whose input is not all there must not take it for all.
    fn end(feed: Result<(), E>, written: io::Result<()>, mut input: InputPipe, life: &Life) -> Self {
        if feed.is_err() || written.is_err() {
            life.end();
        }
        input.close();
        Self { feed, written, input }
    }
}

/// How the three pipes and the child itself ended.
struct Ends<T, E> {
    fed: Fed<E>,
    drained: Result<T, E>,
    heard: io::Result<()>,
    exit: io::Result<ExitStatus>,
    /// The signal that stopped the child for using the terminal.
    stopped_by: Option<&'static str>,
}

impl<T, E: std::error::Error> Ends<T, E> {
    fn judge(self, leniency: Leniency) -> Result<T, ChildError<E>> {
        if let Some(signal) = self.stopped_by {
            // The child was ended for it, so every other cause is a consequence.
            return Err(ChildError::Terminal { signal });
        }
        let output = self.drained.map_err(ChildError::Ours)?;
        self.fed.feed.map_err(ChildError::Ours)?;
        let pipe = |action| move |source| ChildError::Pipe { action, source };
        self.fed.written.map_err(pipe("write standard input"))?;
        self.heard.map_err(pipe("read standard error"))?;
        let status = self.exit.map_err(pipe("wait for the end"))?;
        if !status.success() && !leniency.any_exit {
            // A child that failed also stopped reading; its code says more than our broken pipe.
            return Err(ChildError::Exit { status, read_bytes: self.fed.input.read_bytes() });
        }
        match self.fed.input.refused_at() {
            Some(read_bytes) => Err(ChildError::Unread { read_bytes }),
            None => Ok(output),
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
