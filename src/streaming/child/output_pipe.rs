//! The child's standard output. Who waits for it hears meanwhile what the child says on standard error, and
//! looks from time to time whether the child still lives; so one thread serves a child.

use super::life::{LOOK_EVERY, Life};
use super::{Leniency, widened};
use crate::fault::{self, Op};
use crate::streaming::pace::Pace;
use crate::streaming::reporter::Reporter;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionread};
use rustix::process::{Pid, Signal, WaitId, WaitIdOptions, waitid};
use std::io::{self, PipeReader, Read};
use std::os::fd::{AsFd, BorrowedFd};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

/// A child that is read so often writes a lot. Before that, its end must be seen at once.
const EAGER_READS: u32 = 32;

/// The first look after the end of standard output; each later one takes twice as long to come.
const FIRST_LOOK: Duration = Duration::from_millis(1);

/// The reading end of a child's standard output.
pub(crate) struct OutputPipe<'a, 'r> {
    pipe: PipeReader,
    reads: u32,
    /// Set once it was widened.
    pace: Option<Pace>,
    listener: Listener<'a, 'r>,
}

impl<'a, 'r> OutputPipe<'a, 'r> {
    pub(super) fn new(pipe: PipeReader, listener: Listener<'a, 'r>) -> Self {
        Self { pipe, reads: 0, pace: None, listener }
    }

    /// Closes it; a child that writes on is told so.
    pub(super) fn close(self) -> Listener<'a, 'r> {
        self.listener
    }
}

impl Read for OutputPipe<'_, '_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        // A child that has much to say on standard error is not left alone: it would soon wait for us.
        if let Some(pace) = self.pace.as_ref().filter(|_| !self.listener.has_heard) {
            pace.wait();
        }
        if !self.listener.until_readable(&self.pipe)? {
            return Ok(0);
        }
        fault::point(Op::Read, Path::new("stdout"))?;
        let count = self.pipe.read(space)?;
        self.listener.watch.life.beat();
        match &mut self.pace {
            None => {
                self.reads += 1;
                if self.reads == EAGER_READS {
                    self.pace = Some(Pace::of_output(widened(&self.pipe)));
                }
            }
            // Who asks for little finds more the next time.
            Some(pace) if count == space.len() => pace.moved_all(),
            Some(pace) => pace.moved(count),
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

    /// Listens until there is something to read from `stdout`, or its end; false if what comes is of no use any
    /// more.
    fn until_readable(&mut self, stdout: &PipeReader) -> io::Result<bool> {
        loop {
            let readable = self.wait(Some(stdout.as_fd()), LOOK_EVERY)?;
            self.watch.look_if_due();
            if self.watch.failed || self.watch.life.is_over() {
                return Ok(false);
            }
            if readable {
                return Ok(true);
            }
            if self.watch.is_given_up() {
                return Ok(false);
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

    /// The signal that stopped the child for using the terminal.
    pub(super) fn stopped_by(&self) -> Option<&'static str> {
        self.watch.stopped_by
    }

    /// Hears what the child has said, when it is dead. Who has left its group and holds the pipe is not listened to.
    pub(super) fn rest(mut self) -> io::Result<()> {
        let left = self.stderr.as_ref().map_or(Ok(0), ioctl_fionread)?;
        let mut heard = 0;
        while let Some(stderr) = self.stderr.as_mut().filter(|_| heard < left) {
            match self.reporter.hear(stderr) {
                Ok(0) => break,
                Ok(count) => heard += count as u64,
                Err(error) => return Err(error),
            }
        }
        self.end();
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
        self.watch.life.beat();
        match self.reporter.hear(stderr) {
            Ok(0) => self.end(),
            Ok(_) => {}
            Err(error) => {
                self.heard = Err(error);
                self.stderr = None;
            }
        }
    }

    fn end(&mut self) {
        if self.stderr.take().is_some() {
            self.reporter.end();
        }
    }
}

/// Whether the child lives.
pub(super) struct Watch {
    life: Arc<Life>,
    /// Its group goes when it failed.
    end_if_failed: bool,
    dead: bool,
    /// When that was seen.
    died: Instant,
    /// For so long others may hold its output.
    join_delay: Option<Duration>,
    /// It ended badly and that was not forgiven.
    failed: bool,
    /// The signal that stopped it for using the terminal; it was ended for that.
    stopped_by: Option<&'static str>,
    looked: Instant,
}

impl Watch {
    pub(super) fn new(life: Arc<Life>, leniency: Leniency) -> Self {
        let (now, end_if_failed, join_delay) = (Instant::now(), !leniency.any_exit, leniency.join_delay);
        Self {
            life,
            end_if_failed,
            dead: false,
            died: now,
            join_delay,
            failed: false,
            stopped_by: None,
            looked: now,
        }
    }

    /// The child is dead, and whoever holds its output has had the time that the job gives.
    fn is_given_up(&self) -> bool {
        self.dead && self.join_delay.is_some_and(|delay| self.died.elapsed() >= delay)
    }

    fn look_if_due(&mut self) {
        if !self.dead && self.looked.elapsed() >= LOOK_EVERY {
            self.look();
        }
    }

    fn look(&mut self) {
        self.looked = Instant::now();
        self.ask(WaitIdOptions::NOHANG | WaitIdOptions::STOPPED);
    }

    fn wait_for_death(&mut self) {
        // Returns at once while the child is stopped, so this is asked once.
        self.ask(WaitIdOptions::STOPPED);
        while !self.dead {
            self.ask(WaitIdOptions::empty());
        }
    }

    /// Asks whether the child is dead, or stopped, without reaping it.
    fn ask(&mut self, how: WaitIdOptions) {
        let child = Pid::from_raw(self.life.child).map(WaitId::Pid);
        let asked = child.map(|child| waitid(child, WaitIdOptions::EXITED | WaitIdOptions::NOWAIT | how));
        let dead = match asked {
            Some(Err(Errno::INTR) | Ok(None)) => false,
            Some(Ok(Some(status))) if status.stopped() => {
                self.end_if_stopped_by_terminal(status.stopping_signal());
                false
            }
            Some(Ok(Some(status))) => {
                self.failed = self.end_if_failed && status.exit_status() != Some(0);
                if self.failed {
                    // A grandchild that holds the pipes must not make us wait.
                    self.life.end();
                }
                true
            }
            // Nobody to wait for: the status that is asked for later says what happened.
            Some(Err(_)) | None => true,
        };
        if dead && !self.dead {
            (self.dead, self.died) = (true, Instant::now());
        }
    }

    /// Ends a child that reads from the terminal or changes its settings. The system has stopped it, and nothing
    /// would let it go on, since its process group never becomes the terminal's foreground group.
    fn end_if_stopped_by_terminal(&mut self, signal: Option<i32>) {
        let terminal = [(Signal::TTIN, "SIGTTIN"), (Signal::TTOU, "SIGTTOU")];
        let found = terminal.into_iter().find(|(number, _)| signal == Some(number.as_raw()));
        if let Some((_, name)) = found {
            self.stopped_by = Some(name);
            self.failed = true;
            self.life.end();
        }
    }
}
