//! How long to leave a pipe alone, so that each look at it moves a good part of what it can hold.
//!
//! A thread that waits inside `read` or `write` is woken for every block of 8 KiB that a Python child writes or
//! reads, and the child pays for the waking: feeding `mappers/wordcount_reduce.py` its 63 MB took 1.8 s that way
//! and takes 1.6 s with pauses, as long as reading them from a file.
//!
//! A feed may leave its pipe alone until little is left in it: `grep` over 1 GB is disturbed 5 300 instead of 8 600
//! times and takes a twentieth less. A child's output must find room earlier, or the child waits: `cat` took a
//! fifth longer with the pauses of a feed.

use std::thread;
use std::time::Duration;

/// Below this a pause costs more than the wake-up that it saves.
const PAUSE_MIN: Duration = Duration::from_micros(50);
/// What a child's end may be noticed too late.
const PAUSE_MAX: Duration = Duration::from_millis(2);

/// The pauses of one pipe. Starts without any.
#[derive(Debug)]
pub(super) struct Pace {
    /// What the pipe holds.
    pipe_bytes: usize,
    pause: Duration,
    /// Eighths of a pipe that are right for one look: not less and not more.
    eighths: (usize, usize),
}

impl Pace {
    /// For a pipe that is written and holds so many bytes.
    pub(super) fn of_input(pipe_bytes: usize) -> Self {
        Self { pipe_bytes, pause: Duration::ZERO, eighths: (4, 7) }
    }

    /// For a pipe that is read and holds so many bytes.
    pub(super) fn of_output(pipe_bytes: usize) -> Self {
        Self { pipe_bytes, pause: Duration::ZERO, eighths: (1, 4) }
    }

    /// Learns that a read found all there was room for: more than that was there.
    pub(super) fn moved_all(&mut self) {
        self.moved(self.pipe_bytes);
    }

    /// Lets the other end go on for a while.
    pub(super) fn wait(&self) {
        if !self.pause.is_zero() {
            thread::sleep(self.pause);
        }
    }

    /// Learns that so many bytes could be moved since the last pause.
    pub(super) fn moved(&mut self, bytes: usize) {
        let (least, most) = self.eighths;
        if bytes > self.pipe_bytes / 8 * most {
            self.pause /= 2;
            if self.pause < PAUSE_MIN {
                self.pause = Duration::ZERO;
            }
        } else if bytes < self.pipe_bytes / 8 * least {
            self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(pace: &mut Pace, bytes: usize, micros: u64) {
        pace.moved(bytes);
        assert_eq!(pace.pause, Duration::from_micros(micros), "{bytes}");
    }

    #[test]
    fn a_feed_waits_for_more_room() {
        let mut pace = Pace::of_input(1 << 20);
        for (bytes, micros) in
            [(500 << 10, 50), (500 << 10, 100), (600 << 10, 100), (800 << 10, 100), (1000 << 10, 50)]
        {
            check(&mut pace, bytes, micros);
        }
    }

    #[test]
    fn pauses_follow_what_is_moved() {
        let mut pace = Pace::of_output(1 << 20);
        let mut check = |bytes, micros| check(&mut pace, bytes, micros);
        check(1 << 20, 0);
        check(200 << 10, 0);
        check(8 << 10, 50);
        check(8 << 10, 100);
        check(200 << 10, 100);
        check(600 << 10, 50);
        check(600 << 10, 0);
        for micros in [50, 100, 200, 400, 800, 1600, 2000, 2000] {
            check(0, micros);
        }
    }
}
