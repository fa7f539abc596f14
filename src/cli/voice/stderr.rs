//! Standard error that no stop waits for.

use crate::sync::lock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, IsTerminal, Write};
use std::os::fd::{AsFd, BorrowedFd};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, TryLockError};

/// Bytes that a pipe takes at once without blocking if it takes any (`PIPE_BUF`).
const PIECE: usize = 4096;

/// How long a writer waits before it looks whether this process is to stop.
const LOOK_EVERY: Timespec = Timespec { tv_sec: 0, tv_nsec: 100_000_000 };

/// Whether this process is to stop, so that no writer may wait for a reader for long.
static IS_STOPPING: AtomicBool = AtomicBool::new(false);

/// Whether a writer has given up waiting.
static IS_BLOCKED: AtomicBool = AtomicBool::new(false);

/// One writer at a time: what one has found free in a pipe must not be taken by another.
static WRITER: Mutex<()> = Mutex::new(());

/// From now on messages are dropped if standard error does not take them: a stop must not wait for a reader.
pub(in crate::cli) fn drop_what_nobody_reads() {
    IS_STOPPING.store(true, Ordering::SeqCst);
}

/// Standard error. A write waits while the reader is slow, but not if this process is to stop.
pub(in crate::cli) struct Stderr;

impl Stderr {
    /// Whether no thread is writing to it now.
    pub(super) fn is_free() -> bool {
        !matches!(WRITER.try_lock(), Err(TryLockError::WouldBlock))
    }

    /// Whether it is a terminal.
    pub(in crate::cli) fn is_terminal() -> bool {
        io::stderr().is_terminal()
    }
}

impl AsFd for Stderr {
    fn as_fd(&self) -> BorrowedFd<'_> {
        rustix::stdio::stderr()
    }
}

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _alone = lock(&WRITER);
        loop {
            let is_stopping = IS_STOPPING.load(Ordering::SeqCst);
            let is_hopeless = is_stopping && IS_BLOCKED.load(Ordering::SeqCst);
            let time = if is_hopeless { Timespec::default() } else { LOOK_EVERY };
            match poll(&mut [PollFd::new(self, PollFlags::OUT)], Some(&time)) {
                Ok(0) if is_stopping => {
                    IS_BLOCKED.store(true, Ordering::SeqCst);
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Ok(0) | Err(Errno::INTR) => continue,
                // The write says what is wrong.
                Ok(_) | Err(_) => {}
            }
            match rustix::io::write(&*self, &bytes[..bytes.len().min(PIECE)]) {
                // Another program may have made the file one that does not block.
                Err(Errno::INTR | Errno::AGAIN) => {}
                written => return Ok(written?),
            }
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
