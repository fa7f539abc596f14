//! The child's standard input, and how much of it the child read.

use super::life::{LOOK_EVERY, Life};
use super::widened;
use crate::error::uninterrupted;
use crate::fault::{self, Op};
use crate::fs::File;
use crate::streaming::pace::Pace;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::{Errno, ioctl_fionread};
use rustix::pipe::{SpliceFlags, splice};
use std::io::{self, PipeWriter, Write};
use std::os::fd::AsRawFd;
use std::path::Path;
use std::sync::{Arc, LazyLock};

/// Hadoop writes to a child through a buffer of this size and forgives what the last, partial one meets:
/// so little input may be left unread (`PipeMapRed.BUFFER_SIZE`, `mapRedFinished`).
const FORGIVEN_BYTES: u64 = 128 << 10;

/// What a pipe takes that nobody reads. Hadoop's, which never grows, would have taken so much more than was read.
const PIPE_BYTES: u64 = 64 << 10;

/// The writing end of a child's standard input.
#[derive(Debug)]
pub(crate) struct InputPipe {
    /// It does not block. `None` once either side has closed it.
    pipe: Option<PipeWriter>,
    /// After we have closed it: what the child has left in there can be seen here.
    rest: Option<File>,
    life: Arc<Life>,
    offered_bytes: u64,
    accepted_bytes: u64,
    /// What the child had read when it closed its end.
    read_bytes: Option<u64>,
    /// Set once the child has shown that it reads a lot.
    wide: Option<Wide>,
    /// Whatever is left unread is forgiven.
    forgives: bool,
    /// Whether a full pipe is waited for.
    waits: bool,
    /// What a pipe that must not be waited for did not take.
    held: Vec<u8>,
}

/// A pipe that was widened: a full one is left alone for a while.
#[derive(Debug)]
struct Wide {
    pace: Pace,
    /// Bytes written since the last pause.
    moved: usize,
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
        let wide = self.wide.is_some() && !self.is_behind();
        let moved = if wide && *SPLICE_IS_SAFE { self.splice(file, offset, block.len())? } else { 0 };
        self.offered_bytes += moved as u64;
        self.write(&block[moved..])
    }
}

impl InputPipe {
    /// Of a pipe that does not block. A full one is not waited for yet.
    pub(super) fn new(pipe: PipeWriter, life: Arc<Life>, forgives: bool) -> Self {
        Self {
            pipe: Some(pipe),
            rest: None,
            life,
            offered_bytes: 0,
            accepted_bytes: 0,
            read_bytes: None,
            wide: None,
            forgives,
            waits: false,
            held: Vec::new(),
        }
    }

    /// Moves so many bytes, or less: why it cannot move more, if it matters, the next write will say.
    fn splice(&mut self, file: &File, mut offset: u64, bytes: usize) -> io::Result<usize> {
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
                Err(Errno::AGAIN) if self.waits => self.wait()?,
                Err(_) => break,
            }
        }
        Ok(moved)
    }

    /// Whether there is something that the pipe has not taken yet.
    pub(super) fn is_behind(&self) -> bool {
        !self.held.is_empty()
    }

    /// From now on a full pipe is waited for, and at once for what is held.
    pub(super) fn catch_up(&mut self) -> io::Result<()> {
        self.waits = true;
        if self.is_behind() {
            let held = std::mem::take(&mut self.held);
            self.write_some(&held)?;
        }
        Ok(())
    }

    /// The child sees the end of its input.
    pub(super) fn close(&mut self) {
        let Some(pipe) = self.pipe.take() else { return };
        // Where there is no such folder it is not seen what the child leaves, and forgiven.
        self.rest = File::open(format!("/proc/self/fd/{}", pipe.as_raw_fd())).ok();
    }

    /// Looks how much the child has left unread; to be called once when it is dead.
    pub(super) fn look_at_rest(&mut self) {
        if let Some(rest) = self.rest.take() {
            self.read_bytes = Some(self.accepted_bytes.saturating_sub(left_in(rest)));
        }
    }

    /// Bytes that the child read; `None` if that cannot be seen.
    pub(super) fn read_bytes(&self) -> Option<u64> {
        self.read_bytes
    }

    /// Bytes that the child read, if it left more than Hadoop forgives.
    ///
    /// This depends on what it read alone. How far ahead of it a pipe has been filled is a matter of timing, hence the
    /// most that Hadoop's could have taken is forgiven always.
    pub(super) fn refused_at(&self) -> Option<u64> {
        self.read_bytes.filter(|read| read + PIPE_BYTES < self.unforgiven_bytes())
    }

    fn unforgiven_bytes(&self) -> u64 {
        if self.forgives {
            return 0;
        }
        self.offered_bytes - self.offered_bytes % FORGIVEN_BYTES
    }

    /// Writes until the pipe is full, if that is not waited for; returns how much need not be written again.
    fn write_some(&mut self, block: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while let Some(pipe) = self.pipe.as_mut().filter(|_| written < block.len()) {
            let taken = uninterrupted(|| {
                let room = fault::write_point(Path::new("stdin"), block.len() - written)?;
                pipe.write(&block[written..written + room])
            });
            match taken {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => {
                    written += count;
                    self.took(count);
                }
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                    if !self.waits {
                        return Ok(written);
                    }
                    self.wait()?;
                }
                Err(error) if error.kind() == io::ErrorKind::BrokenPipe => self.give_up(),
                Err(error) => return Err(error),
            }
        }
        Ok(block.len())
    }

    /// Lets the child read for a while.
    fn wait(&mut self) -> io::Result<()> {
        if self.life.is_over() {
            self.give_up();
        } else if let Some(wide) = &mut self.wide {
            wide.pace.moved(std::mem::take(&mut wide.moved));
            wide.pace.wait();
        } else if let Some(pipe) = &self.pipe {
            let at_most = Timespec::try_from(LOOK_EVERY).map_err(io::Error::other)?;
            match poll(&mut [PollFd::new(pipe, PollFlags::OUT)], Some(&at_most)) {
                Ok(_) | Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// The child reads no more.
    fn give_up(&mut self) {
        if let Some(pipe) = self.pipe.take() {
            self.read_bytes = Some(self.accepted_bytes.saturating_sub(left_in(pipe)));
        }
    }

    /// Notes that the pipe took so many bytes more.
    ///
    /// It starts at the size that Hadoop's has, because that decides how much a child may leave unread, and grows
    /// once the child has shown that it reads.
    fn took(&mut self, written: usize) {
        self.accepted_bytes += written as u64;
        self.life.beat();
        if let Some(wide) = &mut self.wide {
            wide.moved += written;
        } else if let Some(pipe) = &self.pipe
            && self.accepted_bytes > 2 * FORGIVEN_BYTES
        {
            self.wide = Some(Wide { pace: Pace::of_input(widened(pipe)), moved: 0 });
        }
    }
}

/// Bytes that stand in a pipe; either end of it will do.
fn left_in(pipe: impl std::os::fd::AsFd) -> u64 {
    ioctl_fionread(pipe).unwrap_or(0)
}

/// Whether this kernel keeps apart what is written to a pipe and a file's pages in it.
static SPLICE_IS_SAFE: LazyLock<bool> =
    LazyLock::new(|| splice_is_safe(&rustix::system::uname().release().to_string_lossy()));

/// Linux 5.8 and later could write into the file's cached pages when a write follows a splice into the same pipe
/// (CVE-2022-0847), and we do both: there, every block is copied. A distribution's kernel may have been mended without a
/// new version, but that cannot be seen.
fn splice_is_safe(release: &str) -> bool {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse::<u32>().ok());
    match (numbers.next().flatten(), numbers.next().flatten(), numbers.next().flatten()) {
        (Some(5), Some(10), Some(patch)) => patch >= 102,
        (Some(5), Some(15), Some(patch)) => patch >= 25,
        (Some(5), Some(16), Some(patch)) => patch >= 11,
        (Some(5), Some(8..=16), _) => false,
        (Some(_), Some(_), _) => true,
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn kernels_that_mix_up_pages_are_known() {
        for (release, safe) in [
            ("4.19.0-27-amd64", true),
            ("5.7.19", true),
            ("5.8.0-63-generic", false),
            ("5.10.101", false),
            ("5.10.102-1.el7", true),
            ("5.13.0-30-generic", false),
            ("5.15.24", false),
            ("5.15.25", true),
            ("5.16.10", false),
            ("5.16.11-arch1-1", true),
            ("5.16-rc1", false),
            ("5.17.0", true),
            ("6.1.0+", true),
            ("6", false),
            ("", false),
        ] {
            assert_eq!(splice_is_safe(release), safe, "{release}");
        }
    }
}
