//! The child's standard output. Who waits for it hears meanwhile what the child says on standard error, and
//! looks from time to time whether the child still lives; so one thread serves a child.

use super::{end_group, widened};
use crate::fault::{self, Op};
use crate::streaming::pace::Pace;
use crate::streaming::reporter::Reporter;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, WaitId, WaitIdOptions, waitid};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::time::{Duration, Instant};

/// A child that is read so often writes a lot. Before that, its end must be seen at once.
const EAGER_READS: u32 = 32;

/// How often it is looked whether a child lives whose pipes are open. A child that ends closes them, so this
/// matters only when it has failed and another process holds them.
const LOOK_EVERY: Duration = Duration::from_millis(50);
/// The first look after the end of standard output; each later one takes twice as long to come.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// The reading end of a child's standard output.
pub(crate) struct OutputPipe<'a, 'r> {
    pipe: PipeReader,
    reads: u32,
    /// What the pipe holds, once it was widened.
    bytes: usize,
    pace: Pace,
    listener: Listener<'a, 'r>,
}

impl<'a, 'r> OutputPipe<'a, 'r> {
    pub(super) fn new(pipe: PipeReader, listener: Listener<'a, 'r>) -> Self {
        Self { pipe, reads: 0, bytes: 0, pace: Pace::of_output(), listener }
    }

    /// Closes it; a child that writes on is told so.
    pub(super) fn close(self) -> Listener<'a, 'r> {
        self.listener
    }
}

impl Read for OutputPipe<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        // Nor is a child left alone that has much to say on standard error: it would soon wait for us.
        if !self.listener.has_heard {
            self.pace.wait();
        }
        self.listener.until_readable(&self.pipe)?;
        fault::point(Op::Read, Path::new("stdout"))?;
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

/// Hears what a child says on standard error.
pub(super) struct Listener<'a, 'r> {
    /// `None` behind its end.
    stderr: Option<PipeReader>,
    reporter: &'a mut Reporter<'r>,
    heard: io::Result<()>,
    /// The last look found something on standard error.
    has_heard: bool,
    watch: Watch,
}

impl<'a, 'r> Listener<'a, 'r> {
    pub(super) fn new(stderr: PipeReader, reporter: &'a mut Reporter<'r>, watch: Watch) -> Self {
        Self { stderr: Some(stderr), reporter, heard: Ok(()), has_heard: false, watch }
    }

    /// Listens until there is something to read from `stdout`, or nothing any more.
    fn until_readable(&mut self, stdout: &PipeReader) -> io::Result<()> {
        loop {
            let readable = self.wait(Some(stdout.as_fd()), LOOK_EVERY)?;
            self.watch.look_if_due();
            if readable {
                return Ok(());
            }
        }
    }

    /// Listens until the child is dead, but leaves its number taken.
    pub(super) fn until_dead(&mut self) {
        let mut pause = FIRST_LOOK;
        while !self.watch.dead {
            if self.stderr.is_none() || self.wait(None, pause).is_err() {
                self.watch.wait_for_death();
            } else if self.stderr.is_some() && self.watch.looked.elapsed() >= pause {
                self.watch.look();
                pause = LOOK_EVERY.min(pause * 2);
            }
        }
    }

    /// Listens to the end.
    pub(super) fn until_end(mut self) -> io::Result<()> {
        while self.stderr.is_some() {
            self.hear();
        }
        self.heard
    }

    /// Waits for so long at most until there is something to read, hears standard error, and says whether
    /// standard output is readable.
    fn wait(&mut self, stdout: Option<BorrowedFd<'_>>, at_most: Duration) -> io::Result<bool> {
        let stderr = self.stderr.as_ref().map(AsFd::as_fd);
        let Some(first) = stdout.or(stderr) else { return Ok(false) };
        let mut pipes =
            [first, stderr.unwrap_or(first)].map(|pipe| PollFd::from_borrowed_fd(pipe, PollFlags::IN));
        let count = [stdout, stderr].iter().flatten().count();
        let at_most = Timespec::try_from(at_most).map_err(io::Error::other)?;
        match poll(&mut pipes[..count], Some(&at_most)) {
            Ok(_) => {}
            Err(Errno::INTR) => return Ok(false),
            Err(error) => return Err(error.into()),
        }
        let ready = pipes.map(|pipe| pipe.revents());
        self.has_heard = false;
        if stderr.is_some() {
            match ready[count - 1] {
                nothing if nothing.is_empty() => {}
                PollFlags::HUP => self.end(),
                _ => {
                    self.has_heard = true;
                    self.hear();
                }
            }
        }
        Ok(stdout.is_some() && !ready[0].is_empty())
    }

    /// Reads some of standard error.
    fn hear(&mut self) {
        let Some(stderr) = &mut self.stderr else { return };
        match self.reporter.hear(stderr) {
            Ok(true) => {}
            Ok(false) => self.end(),
            Err(error) => {
                self.heard = Err(error);
                self.stderr = None;
            }
        }
    }

    fn end(&mut self) {
        self.reporter.end();
        self.stderr = None;
    }
}

/// Whether the child lives.
pub(super) struct Watch {
    child: i32,
    /// Its group goes when it failed.
    end_if_failed: bool,
    dead: bool,
    looked: Instant,
}

impl Watch {
    pub(super) fn new(child: i32, end_if_failed: bool) -> Self {
        Self { child, end_if_failed, dead: false, looked: Instant::now() }
    }

    fn look_if_due(&mut self) {
        if !self.dead && self.looked.elapsed() >= LOOK_EVERY {
            self.look();
        }
    }

    fn look(&mut self) {
        self.looked = Instant::now();
        self.ask(WaitIdOptions::NOHANG);
    }

    fn wait_for_death(&mut self) {
        while !self.dead {
            self.ask(WaitIdOptions::empty());
        }
    }

    /// Asks for the child's death without taking it off the system's list.
    fn ask(&mut self, how: WaitIdOptions) {
        let child = Pid::from_raw(self.child).map(WaitId::Pid);
        let asked = child.map(|child| waitid(child, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | how));
        self.dead = match asked {
            Some(Err(Errno::INTR) | Ok(None)) => false,
            Some(Ok(Some(status))) => {
                if self.end_if_failed && status.exit_status() != Some(0) {
                    end_group(self.child);
                }
                true
            }
            // Nobody to wait for: the status that is asked for later says what happened.
            Some(Err(_)) | None => true,
        };
    }
}
