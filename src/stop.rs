//! How a job is told to end: the signals, and the flag that long work looks at.

use rustix::process::Signal;
use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};

/// The signals that stop a job in order.
pub const STOP_SIGNALS: [Signal; 5] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::XCPU];

/// Set once, when a job is to end. What reads, sorts, merges or unpacks for more than a moment looks at it and
/// fails with [`Stopped`].
#[derive(Clone, Debug, Default)]
pub struct StopFlag(Arc<AtomicBool>);

/// Bytes that fail with [`Stopped`] when the job is to end.
#[derive(Debug)]
pub struct Stoppable<R> {
    bytes: R,
    stop: StopFlag,
}

/// Work was broken off because the job is to end.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the job was stopped")]
pub struct Stopped;

impl StopFlag {
    /// The job is to end.
    pub fn set(&self) {
        self.0.store(true, SeqCst);
    }

    /// Whether the job is to end.
    pub fn is_set(&self) -> bool {
        self.0.load(SeqCst)
    }

    /// Goes on, or not.
    pub fn check(&self) -> Result<(), Stopped> {
        if self.is_set() { Err(Stopped) } else { Ok(()) }
    }
}

impl From<Stopped> for io::Error {
    fn from(stopped: Stopped) -> Self {
        Self::other(stopped)
    }
}

impl Stopped {
    /// Whether an error is this one on its way through a reader.
    pub fn is_in(error: &io::Error) -> bool {
        error.get_ref().and_then(|inner| inner.downcast_ref::<Self>()).is_some()
    }
}

impl<R> Stoppable<R> {
    /// `bytes` until `stop` is set.
    pub fn new(bytes: R, stop: &StopFlag) -> Self {
        Self { bytes, stop: stop.clone() }
    }
}

impl<R: Read> Read for Stoppable<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.stop.check()?;
        self.bytes.read(into)
    }
}

impl<R: Seek> Seek for Stoppable<R> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.bytes.seek(to)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_come_until_the_flag_is_set() {
        let stop = StopFlag::default();
        let mut bytes = Stoppable::new(&b"abc"[..], &stop);
        let mut one = [0];
        bytes.read_exact(&mut one).unwrap();
        stop.set();
        assert!(Stopped::is_in(&bytes.read(&mut one).unwrap_err()));
        assert!(!Stopped::is_in(&io::Error::other("something else")));
    }
}
