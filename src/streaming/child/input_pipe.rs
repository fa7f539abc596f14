//! The child's standard input, and how much of it the child let us write.

use super::widened;
use crate::fault::{self, Op};
use crate::fs::File;
use crate::streaming::pace::Pace;
use rustix::fs::OFlags;
use rustix::io::Errno;
use rustix::pipe::{SpliceFlags, splice};
use std::io::{self, PipeWriter, Write};
use std::path::Path;

/// Hadoop writes to a child through a buffer of this size and forgives what the last, partial one meets:
/// so little input may be left unread (`PipeMapRed.BUFFER_SIZE`, `mapRedFinished`).
const FORGIVEN_BYTES: u64 = 128 << 10;

/// The writing end of a child's standard input.
#[derive(Debug)]
pub(crate) struct InputPipe {
    /// `None` once either side has closed it.
    pipe: Option<PipeWriter>,
    offered_bytes: u64,
    accepted_bytes: u64,
    /// The child closed its end after so many bytes.
    closed_at: Option<u64>,
    /// Set once the child has shown that it reads a lot.
    wide: Option<Wide>,
    /// Whether a full pipe is waited for.
    waits: bool,
    /// What a pipe that must not be waited for did not take.
    held: Vec<u8>,
}

/// A pipe that was widened. It does not block: a full one is left alone for a while.
#[derive(Debug)]
struct Wide {
    bytes: usize,
    pace: Pace,
    /// Bytes written since the last pause.
    moved: usize,
}

impl Wide {
    /// Lets the child read for a while.
    fn wait(&mut self) {
        self.pace.moved(std::mem::take(&mut self.moved), self.bytes);
        self.pace.wait();
    }
}

/// Where the records of a child go: its pipe, or what stands for it.
pub(crate) trait ChildInput {
    /// Takes `block`, or only counts it once nobody reads it any more.
    fn write(&mut self, block: &[u8]) -> io::Result<Feed>;

    /// As [`Self::write`], for a block that stands in `file` at `offset` too.
    fn write_from(&mut self, _: &File, _: u64, block: &[u8]) -> io::Result<Feed> {
        self.write(block)
    }
}

/// Whether more input is of use.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Feed {
    /// Go on.
    More,
    /// The pipe is full and nobody may wait here: return, and go on when called again. Nothing is lost.
    Full,
    /// The child reads no longer and Hadoop would fail it for that: stop.
    Refused,
}

impl ChildInput for InputPipe {
    /// The records of an input that need not be read are still the mapper's input records, as in Hadoop.
    fn write(&mut self, block: &[u8]) -> io::Result<Feed> {
        self.offered_bytes += block.len() as u64;
        if self.held.is_empty() {
            let written = self.write_some(block)?;
            self.held.extend_from_slice(&block[written..]);
        } else {
            self.held.extend_from_slice(block);
        }
        Ok(match self.refused_at() {
            Some(_) => Feed::Refused,
            None if self.is_behind() => Feed::Full,
            None => Feed::More,
        })
    }

    /// Once the child has shown that it reads, the pages of the file go into the pipe themselves: a mapper that
    /// does little takes an eighth less time.
    fn write_from(&mut self, file: &File, offset: u64, block: &[u8]) -> io::Result<Feed> {
        let moved =
            if self.wide.is_some() && !self.is_behind() { self.splice(file, offset, block.len()) } else { 0 };
        self.offered_bytes += moved as u64;
        self.write(&block[moved..])
    }
}

impl InputPipe {
    pub(super) fn new(pipe: PipeWriter) -> Self {
        let pipe = Some(pipe);
        let (wide, held) = (None, Vec::new());
        Self { pipe, offered_bytes: 0, accepted_bytes: 0, closed_at: None, wide, waits: true, held }
    }

    /// Moves so many bytes, or less: why it cannot move more, if it matters, the next write will say.
    fn splice(&mut self, file: &File, mut offset: u64, bytes: usize) -> usize {
        let mut moved = 0;
        while let Some(pipe) = self.pipe.as_ref().filter(|_| moved < bytes) {
            if fault::point(Op::Read, Path::new("splice")).is_err() {
                break;
            }
            match splice(file, Some(&mut offset), pipe, None, bytes - moved, SpliceFlags::empty()) {
                // The file has become shorter.
                Ok(0) => break,
                Ok(count) => {
                    moved += count;
                    self.took(count);
                }
                Err(Errno::INTR) => {}
                Err(Errno::AGAIN) if self.waits => match &mut self.wide {
                    Some(wide) => wide.wait(),
                    None => break,
                },
                Err(_) => break,
            }
        }
        moved
    }

    /// From now on a full pipe is not waited for.
    pub(super) fn stop_waiting(&mut self) -> io::Result<()> {
        self.waits = false;
        self.set_flags(OFlags::NONBLOCK)
    }

    /// Whether there is something that the pipe has not taken yet.
    pub(super) fn is_behind(&self) -> bool {
        !self.held.is_empty()
    }

    /// From now on a full pipe is waited for, and at once for what is held.
    pub(super) fn catch_up(&mut self) -> io::Result<()> {
        self.waits = true;
        if self.wide.is_none() {
            self.set_flags(OFlags::empty())?;
        }
        if self.is_behind() {
            let held = std::mem::take(&mut self.held);
            self.write_some(&held)?;
        }
        Ok(())
    }

    /// The child sees the end of its input.
    pub(super) fn close(&mut self) {
        self.pipe = None;
    }

    /// Bytes that the child took, if it missed some that Hadoop's last, forgiven buffer would not have held.
    pub(super) fn refused_at(&self) -> Option<u64> {
        let unforgiven = self.offered_bytes - self.offered_bytes % FORGIVEN_BYTES;
        self.closed_at.filter(|at| *at < unforgiven)
    }

    /// Writes until the pipe is full, if that is not waited for; returns how much need not be written again.
    fn write_some(&mut self, block: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while let Some(pipe) = self.pipe.as_mut().filter(|_| written < block.len()) {
            let room = fault::write_point(Path::new("stdin"), block.len() - written);
            match room.and_then(|room| pipe.write(&block[written..written + room])) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    written += count;
                    self.took(count);
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => match &mut self.wide {
                    Some(wide) if self.waits => wide.wait(),
                    _ => return Ok(written),
                },
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => {
                    self.closed_at = Some(self.accepted_bytes);
                    self.pipe = None;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(block.len())
    }

    /// Notes that the pipe took so many bytes more.
    ///
    /// It starts at the size that Hadoop's has, because that decides how much a child may leave unread, and grows
    /// once the child has shown that it reads.
    fn took(&mut self, written: usize) {
        self.accepted_bytes += written as u64;
        if let Some(wide) = &mut self.wide {
            wide.moved += written;
        } else if let Some(pipe) = &self.pipe
            && self.accepted_bytes > 2 * FORGIVEN_BYTES
        {
            let bytes = widened(pipe);
            // The flag is of our end alone: the child's reads go on to block.
            if self.set_flags(OFlags::NONBLOCK).is_ok() {
                self.wide = Some(Wide { bytes, pace: Pace::of_input(), moved: 0 });
            }
        }
    }

    fn set_flags(&self, flags: OFlags) -> io::Result<()> {
        match &self.pipe {
            Some(pipe) => Ok(rustix::fs::fcntl_setfl(pipe, flags)?),
            None => Ok(()),
        }
    }
}
