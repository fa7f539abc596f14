//! A second process that ends what the first one cannot any more.
//!
//! ```text
//!   mr-stream ──"+123" "-123" "f/tmp/mr-stream-x" ... "."──> guard
//! ```
//!
//! Children run in process groups of their own, so nothing ends them when mr-stream is killed with a signal that
//! nobody can catch. Its guard is told which groups run and which folders are temporary. When the line breaks off
//! without a goodbye it ends the groups, ends whoever has left them, and removes the folders ([`watch`]).
//!
//! A message is a letter and its words, with a NUL behind: paths hold anything else.

mod watch;

pub use watch::{end_marked, stand_guard};

use super::child::start_guard;
use super::process_table;
use crate::error::uninterrupted;
use crate::fault::{self, Op};
use crate::sync::lock;
use rustix::fs::{OFlags, fcntl_setfl};
use rustix::process::{Pid, Signal, kill_process};
use std::ffi::OsStr;
use std::io::{self, PipeWriter, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::sync::{Arc, Mutex, OnceLock};
use std::thread::{self, JoinHandle};

/// The command line of a guard: this program, also when its file was renamed or replaced meanwhile, and a word that is
/// not for people and must come to [`stand_guard`].
pub const COMMAND_LINE: [&str; 2] = ["/proc/self/exe", "guard"];

/// A group of this number runs.
const ENTERED: u8 = b'+';
/// It does not any more.
const LEFT: u8 = b'-';
/// A folder that goes with the job.
const FOLDER: u8 = b'f';
/// A folder that shall stay after all.
const KEEP: u8 = b'k';
/// The session that children are in.
const SESSION: u8 = b's';
/// All is in order: nothing needs to be done.
const GOODBYE: u8 = b'.';

/// The guard of this process. Copies speak to the same one.
#[derive(Clone, Debug)]
pub struct Guard(Arc<Line>);

#[derive(Debug)]
struct Line {
    /// It does not block. `None` once nobody listens.
    pipe: Mutex<Option<PipeWriter>>,
    starting: Mutex<Option<JoinHandle<io::Result<i32>>>>,
    /// The guard's number, once it has one.
    id: OnceLock<io::Result<i32>>,
    /// Whoever leaves its group and loses its parent becomes a child of this process.
    takes_orphans: bool,
}

impl Guard {
    /// Starts [`COMMAND_LINE`] and returns before that is done: a job of one line would feel it. Only its first child
    /// waits for it ([`Self::id`]). What is said meanwhile waits in the pipe.
    ///
    /// From here on this process takes in orphans: who leaves its group and loses its parent becomes our child. So
    /// it must be a process that does nothing but run a job. One that had children before it became mr-stream could
    /// not tell their orphans from the job's; there the guard ends those in the end.
    ///
    /// # Errors
    /// When there is no pipe or no thread to be had.
    pub fn start() -> io::Result<Self> {
        let takes_orphans = process_table::our_children().is_empty();
        if takes_orphans {
            rustix::process::set_child_subreaper(Some(rustix::process::getpid()))?;
        }
        let (line, pipe) = io::pipe()?;
        // A guard that is held up must not hold us up.
        fcntl_setfl(&pipe, OFlags::NONBLOCK)?;
        let starting =
            thread::Builder::new().name("guard".into()).spawn(move || start_guard(&COMMAND_LINE, &line))?;
        let guard = Self(Arc::new(Line {
            pipe: Mutex::new(Some(pipe)),
            starting: Mutex::new(Some(starting)),
            id: OnceLock::new(),
            takes_orphans,
        }));
        // It is 0 where the session began outside of the container that we run in, which rustix takes for impossible.
        let session = nix::unistd::getsid(None).map_or(0, nix::unistd::Pid::as_raw);
        guard.say(SESSION, session.to_string().as_bytes());
        Ok(guard)
    }

    /// All is in order: the guard ends, without doing anything unless there may be orphans.
    ///
    /// # Errors
    /// When the guard could not be started.
    pub fn dismiss(&self) -> Result<(), &io::Error> {
        if self.0.takes_orphans {
            self.say(GOODBYE, b"");
        }
        drop(lock(&self.0.pipe).take());
        self.id().map(drop)
    }

    /// The guard's own number; waits until it has one.
    pub(super) fn id(&self) -> Result<i32, &io::Error> {
        let started = self.0.id.get_or_init(|| {
            let starting = lock(&self.0.starting).take().map(JoinHandle::join);
            starting.and_then(Result::ok).unwrap_or_else(|| Err(io::ErrorKind::Other.into()))
        });
        started.as_ref().copied()
    }

    /// Whether orphans become children of this process.
    pub(super) fn takes_orphans(&self) -> bool {
        self.0.takes_orphans
    }

    pub(super) fn entered(&self, group: i32) {
        self.say(ENTERED, group.to_string().as_bytes());
    }

    pub(super) fn left(&self, group: i32) {
        self.say(LEFT, group.to_string().as_bytes());
    }

    /// A folder to remove if this process cannot.
    pub(super) fn folder(&self, folder: &Path) {
        self.say(FOLDER, folder.as_os_str().as_bytes());
    }

    /// A folder, told of before, to leave alone.
    pub(super) fn keep(&self, folder: &Path) {
        self.say(KEEP, folder.as_os_str().as_bytes());
    }

    fn say(&self, letter: u8, words: &[u8]) {
        let message = [&[letter], words, b"\0"].concat();
        let mut line = lock(&self.0.pipe);
        let Some(pipe) = line.as_mut() else { return };
        // A stop or a kill here stands between a child's start and the word of it.
        let reached = fault::point(Op::Write, Path::new(OsStr::from_bytes(&message)));
        match reached.and_then(|()| uninterrupted(|| pipe.write(&message))) {
            Ok(written) if written == message.len() => return,
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {}
            // Thousands of messages wait: it was stopped, or worse. One that does not know all must not act.
            Ok(_) | Err(_) => {
                if let Some(guard) = self.id().ok().and_then(Pid::from_raw) {
                    kill_process(guard, Signal::KILL).ok();
                }
            }
        }
        *line = None;
    }
}

#[cfg(test)]
mod tests;
