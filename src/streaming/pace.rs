//! How long to leave a pipe alone, so that each look at it moves a good part of what it can hold.
//!
//! A thread that waits inside `read` or `write` is woken for every block of 8 KiB that a Python child writes or
//! reads, and the child pays for the waking: feeding `mappers/wordcount_reduce.py` its 63 MB took 1.8 s that way
//! and takes 1.6 s with pauses, as long as reading them from a file.

use std::thread;
use std::time::Duration;

/// Below this a pause costs more than the wake-up that it saves.
const PAUSE_MIN: Duration = Duration::from_micros(50);
/// What a child's end may be noticed too late.
const PAUSE_MAX: Duration = Duration::from_millis(2);

/// The pauses of one pipe. Starts without any.
#[derive(Debug, Default)]
pub(super) struct Pace {
    pause: Duration,
}

impl Pace {
    /// Lets the other end go on for a while.
    pub(super) fn wait(&self) {
        if !self.pause.is_zero() {
            thread::sleep(self.pause);
        }
    }

    /// Learns that so many bytes could be moved since the last pause, of a pipe that holds `pipe_bytes`: between
    /// an eighth and a half of it is right.
    pub(super) fn moved(&mut self, bytes: usize, pipe_bytes: usize) {
        if bytes > pipe_bytes / 2 {
            self.pause /= 2;
            if self.pause < PAUSE_MIN {
                self.pause = Duration::ZERO;
            }
        } else if bytes < pipe_bytes / 8 {
            self.pause = (self.pause * 2).clamp(PAUSE_MIN, PAUSE_MAX);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_follow_what_is_moved() {
        let mut pace = Pace::default();
        let mut check = |bytes, micros| {
            pace.moved(bytes, 1 << 20);
            assert_eq!(pace.pause, Duration::from_micros(micros), "{bytes}");
        };
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
