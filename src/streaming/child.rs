//! One child process: started in a group of its own, fed, read, and judged when all its pipes are done.
//!
//! ```text
//!   feed ──stdin──> child ──stdout──> drain        (this thread)
//!  (thread)            └────stderr──> reporter     (thread)
//! ```
//!
//! Each pipe has one owner. Nothing is decided before all three are done, and then the first cause wins:
//! what went wrong on our side, then the child's exit, then a pipe it closed too early. This is the only
//! room that starts processes.

use super::pace::Pace;
use super::reporter::Reporter;
use crate::error::IoError;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::pipe::{fcntl_getpipe_size, fcntl_setpipe_size};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, kill_process_group, waitid};
use std::collections::BTreeSet;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::os::fd::AsFd;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::thread;

/// Hadoop writes to a child through a buffer of this size and forgives what the last, partial one meets:
/// so little input may be left unread (`PipeMapRed.BUFFER_SIZE`, `mapRedFinished`).
const FORGIVEN_BYTES: u64 = 128 << 10;

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

/// What to start.
#[derive(Clone, Debug)]
pub(crate) struct ChildCommand<'a> {
    /// The program, looked up already.
    pub program: PathBuf,
    /// Its arguments, without the program.
    pub args: Vec<OsString>,
    /// Its current folder.
    pub dir: &'a Path,
    /// Its whole environment.
    pub environment: &'a [(OsString, OsString)],
}

impl ChildCommand<'_> {
    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
    fn spawn(&self) -> io::Result<Child> {
        Command::new(&self.program)
            .args(&self.args)
            .current_dir(self.dir)
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .spawn()
    }
}

/// The child's standard input, and how much of it the child let us write.
pub(crate) struct InputPipe {
    pipe: Option<ChildStdin>,
    offered_bytes: u64,
    accepted_bytes: u64,
    /// The child closed its end after so many bytes.
    closed_at: Option<u64>,
    /// Set once the child has shown that it reads a lot.
    wide: Option<Wide>,
}

/// A pipe that was widened. It does not block: a full one is left alone for a while.
struct Wide {
    bytes: usize,
    pace: Pace,
    /// Bytes written since the last pause.
    moved: usize,
}

/// Whether more input is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    /// Go on.
    More,
    /// The child reads no longer and Hadoop would fail it for that: stop.
    Refused,
}

impl InputPipe {
    fn new(pipe: ChildStdin) -> Self {
        Self { pipe: Some(pipe), offered_bytes: 0, accepted_bytes: 0, closed_at: None, wide: None }
    }

    /// Writes `block`, or only counts it once the child has closed its end: the records of an input that
    /// need not be read are still the mapper's input records, as in Hadoop.
    pub(crate) fn write(&mut self, block: &[u8]) -> io::Result<Feed> {
        self.offered_bytes += block.len() as u64;
        match self.write_counted(block) {
            Ok(()) => self.widen(),
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                self.closed_at = Some(self.accepted_bytes);
                self.pipe = None;
            }
            Err(error) => return Err(error),
        }
        Ok(if self.refused() { Feed::Refused } else { Feed::More })
    }

    /// Whether the child missed bytes that Hadoop's last, forgiven buffer would not have held.
    fn refused(&self) -> bool {
        let unforgiven = self.offered_bytes - self.offered_bytes % FORGIVEN_BYTES;
        self.closed_at.is_some_and(|at| at < unforgiven)
    }

    fn write_counted(&mut self, mut block: &[u8]) -> io::Result<()> {
        let Some(pipe) = &mut self.pipe else { return Ok(()) };
        while !block.is_empty() {
            match pipe.write(block) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    self.accepted_bytes += count as u64;
                    block = &block[count..];
                    if let Some(wide) = &mut self.wide {
                        wide.moved += count;
                    }
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => match &mut self.wide {
                    Some(wide) if error.kind() == io::ErrorKind::WouldBlock => wide.wait(),
                    _ => return Err(error),
                },
            }
        }
        Ok(())
    }

    /// A pipe starts at the size that Hadoop's has, because it decides how much a child may leave unread,
    /// and grows once the child has shown that it reads.
    fn widen(&mut self) {
        if let (Some(pipe), None) = (&self.pipe, &self.wide)
            && self.accepted_bytes > 2 * FORGIVEN_BYTES
        {
            let bytes = widened(pipe);
            // The flag is of our end alone: the child's reads go on to block.
            if fcntl_setfl(pipe, OFlags::NONBLOCK).is_ok() {
                self.wide = Some(Wide { bytes, pace: Pace::default(), moved: 0 });
            }
        }
    }
}

impl Wide {
    /// Lets the child read for a while.
    fn wait(&mut self) {
        self.pace.moved(std::mem::take(&mut self.moved), self.bytes);
        self.pace.wait();
    }
}

/// Widens a pipe if it can be, and says what it holds.
fn widened(pipe: impl AsFd) -> usize {
    // A limit on pipe memory may refuse it, and then the pipe stays as it is.
    fcntl_setpipe_size(&pipe, PIPE_BYTES).or_else(|_| fcntl_getpipe_size(&pipe)).unwrap_or(PIPE_BYTES)
}

/// The child's standard output.
pub(crate) struct OutputPipe {
    pipe: ChildStdout,
    reads: u32,
    /// What the pipe holds, once it was widened.
    bytes: usize,
    pace: Pace,
}

/// A child that is read so often writes a lot. Before that, its end must be seen at once.
const EAGER_READS: u32 = 32;

impl OutputPipe {
    fn new(pipe: ChildStdout) -> Self {
        Self { pipe, reads: 0, bytes: 0, pace: Pace::default() }
    }
}

impl Read for OutputPipe {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        self.pace.wait();
        let count = self.pipe.read(space)?;
        if self.reads < EAGER_READS {
            self.reads += 1;
            if self.reads == EAGER_READS {
                self.bytes = widened(&self.pipe);
            }
        } else {
            // Who asks for little finds more the next time.
            self.pace.moved(if count == space.len() { self.bytes } else { count }, self.bytes);
        }
        Ok(count)
    }
}

/// Which failures of a child are none.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Leniency {
    /// `stream.non.zero.exit.is.failure=false`: exit codes and signals are forgiven.
    pub any_exit: bool,
    /// Unread input is forgiven.
    pub unread: bool,
}

/// Runs a child from start to end. `feed` writes its input and `drain` reads its output to the end, both
/// at once; a child whose feed or drain fails is ended with its whole group.
///
/// # Errors
/// See [`ChildError`]: the first cause in its order.
pub(crate) fn run<T, E>(
    command: &ChildCommand<'_>,
    groups: &ChildGroups,
    reporter: &mut Reporter<'_>,
    leniency: Leniency,
    feed: impl FnOnce(&mut InputPipe) -> Result<(), E> + Send,
    drain: impl FnOnce(&mut OutputPipe) -> Result<T, E>,
) -> Result<T, ChildError<E>>
where
    E: std::error::Error + Send + 'static,
{
    let start = |source| ChildError::Start { program: command.program.clone(), source };
    let mut child = command.spawn().map_err(start)?;
    let group = child.id() as i32;
    groups.enter(group);
    let missing = "all three were asked for";
    let mut input = InputPipe::new(child.stdin.take().expect(missing));
    let mut stdout = OutputPipe::new(child.stdout.take().expect(missing));
    let mut stderr = child.stderr.take().expect(missing);
    let ends = thread::scope(|scope| {
        let feeder = scope.spawn(move || {
            let fed = feed(&mut input);
            input.pipe = None; // the child sees the end of its input
            if fed.is_err() {
                end_group(group);
            }
            (fed, input.refused().then_some(input.accepted_bytes))
        });
        let reporting = scope.spawn(|| reporter.drain(&mut stderr));
        let waiting = scope.spawn(move || {
            // A grandchild that holds the pipes must not make us wait for a child that has failed.
            if !wait_until_dead(group) && !leniency.any_exit {
                end_group(group);
            }
        });
        let drained = drain(&mut stdout);
        if drained.is_err() {
            end_group(group);
        }
        drop(stdout); // a child that writes on is told so
        join(waiting);
        // What is left of the group goes, and only then the child's number: a number that is still taken
        // cannot name somebody else's group.
        end_group(group);
        let exit = child.wait();
        let (fed, unread) = join(feeder);
        Ends { fed, unread, drained, reported: join(reporting), exit }
    });
    groups.leave(group);
    if groups.stopped() { Err(ChildError::Stopped) } else { ends.judge(leniency) }
}

/// How the three pipes and the child itself ended.
struct Ends<T, E> {
    fed: Result<(), E>,
    /// Bytes its pipe had taken when the child refused more.
    unread: Option<u64>,
    drained: Result<T, E>,
    reported: io::Result<()>,
    exit: io::Result<ExitStatus>,
}

impl<T, E: std::error::Error> Ends<T, E> {
    fn judge(self, leniency: Leniency) -> Result<T, ChildError<E>> {
        let output = self.drained.map_err(ChildError::Ours)?;
        self.fed.map_err(ChildError::Ours)?;
        let pipe = |action| move |source| ChildError::Pipe { action, source };
        self.reported.map_err(pipe("read standard error"))?;
        let status = self.exit.map_err(pipe("wait for the end"))?;
        if !status.success() && !leniency.any_exit {
            // A child that failed also stopped reading; its code says more than our broken pipe.
            return Err(ChildError::Exit { status });
        }
        match self.unread {
            Some(accepted_bytes) if !leniency.unread => Err(ChildError::Unread { accepted_bytes }),
            _ => Ok(output),
        }
    }
}

/// Waits until the child is dead, but leaves its number taken. True if it ended well.
fn wait_until_dead(child: i32) -> bool {
    let Some(pid) = Pid::from_raw(child) else { return true };
    let options = WaitIdOptions::EXITED | WaitIdOptions::NOWAIT;
    loop {
        match waitid(WaitId::Pid(pid), options) {
            Err(rustix::io::Errno::INTR) => {}
            Ok(Some(status)) => return status.exit_status() == Some(0),
            // Nobody to wait for: the status that is asked for later says what happened.
            Ok(None) | Err(_) => return true,
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
