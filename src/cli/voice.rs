//! How the program speaks on standard error: plainly, or as the log of Hadoop's client when it is called by one of
//! Hadoop's names. Programs that drive Hadoop read that log.
//!
//! Everything that is said is a line that tells by its first word how it is meant, so that whoever says it need not
//! know in which of the two ways it will be printed.

use crate::clock;
use crate::report::printable;
use crate::sync::lock;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use std::io::{self, IsTerminal, Write};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, TryLockError};

/// Whether we are Hadoop's client to those who read. Set once, before anything is said.
static IS_HADOOPS: AtomicBool = AtomicBool::new(false);

/// From now on speaks as Hadoop's client does.
pub(super) fn be_hadoops() {
    IS_HADOOPS.store(true, Ordering::Relaxed);
}

/// Whether it does.
pub(super) fn is_hadoops() -> bool {
    IS_HADOOPS.load(Ordering::Relaxed)
}

/// Prints a line, or several that belong together.
pub(super) fn say(line: &str) {
    if is_hadoops() {
        return put(&as_record(&clock::log_stamp(), line));
    }
    let stderr = std::io::stderr();
    put(&if stderr.is_terminal() { printable(line.as_bytes()) } else { line.into() });
}

/// Prints a line as it is.
pub(super) fn put(line: &str) {
    // A closed standard error is no reason to fail.
    drop(Stderr.write_all(format!("{line}\n").as_bytes()));
}

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
pub(super) fn drop_what_nobody_reads() {
    IS_STOPPING.store(true, Ordering::SeqCst);
}

/// Prints a line if that is possible now.
pub(super) fn say_unless_blocked(line: &str) {
    drop_what_nobody_reads();
    match WRITER.try_lock() {
        Ok(free) => drop(free),
        Err(TryLockError::Poisoned(poisoned)) => drop(poisoned.into_inner()),
        Err(TryLockError::WouldBlock) => return,
    }
    say(line);
}

/// Standard error. A write waits while the reader is slow, but not if this process is to stop.
pub(super) struct Stderr;

impl Write for Stderr {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _alone = lock(&WRITER);
        let stderr = io::stderr();
        loop {
            let is_stopping = IS_STOPPING.load(Ordering::SeqCst);
            let is_hopeless = is_stopping && IS_BLOCKED.load(Ordering::SeqCst);
            let time = if is_hopeless { Timespec::default() } else { LOOK_EVERY };
            match poll(&mut [PollFd::new(&stderr, PollFlags::OUT)], Some(&time)) {
                Ok(0) if is_stopping => {
                    IS_BLOCKED.store(true, Ordering::SeqCst);
                    return Err(io::ErrorKind::TimedOut.into());
                }
                Ok(0) | Err(Errno::INTR) => continue,
                // The write says what is wrong.
                Ok(_) | Err(_) => {}
            }
            match rustix::io::write(&stderr, &bytes[..bytes.len().min(PIECE)]) {
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

/// A line as Hadoop's client logs it. log4j: `%d{ISO8601} %p %c{2}: %m`.
fn as_record(stamp: &str, line: &str) -> String {
    const STREAM_JOB: &str = "streaming.StreamJob";
    let (level, logger, text) = if let Some(text) = line.strip_prefix("WARN ") {
        ("WARN", STREAM_JOB, text)
    } else if let Some(text) = line.strip_prefix("mr-stream: ") {
        ("ERROR", STREAM_JOB, text)
    } else if line.starts_with("Job not successful!") {
        ("ERROR", STREAM_JOB, line)
    } else if line == "Job is running in background." {
        ("INFO", STREAM_JOB, line)
    } else if line.starts_with("Submitted application ") {
        ("INFO", "impl.YarnClientImpl", line)
    } else if ["HINT ", "Output directory: ", "State: "].iter().any(|start| line.starts_with(start)) {
        ("INFO", STREAM_JOB, line)
    } else {
        ("INFO", "mapreduce.Job", line)
    };
    format!("{stamp} {level} {logger}: {text}")
}

/// A writer to standard error of lines that are logged, each by one call. For the progress of a job.
pub(super) struct Log;

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        say(String::from_utf8_lossy(bytes).trim_end_matches('\n'));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_records_of_hadoops_client() {
        let check = |line: &str, expect: &str| assert_eq!(as_record("TIME", line), format!("TIME {expect}"));
        check("WARN x is deprecated", "WARN streaming.StreamJob: x is deprecated");
        check("mr-stream: no such file", "ERROR streaming.StreamJob: no such file");
        check("Job not successful!", "ERROR streaming.StreamJob: Job not successful!");
        check("Running job: job_1_0001", "INFO mapreduce.Job: Running job: job_1_0001");
        check(" map 0% reduce 0%", "INFO mapreduce.Job:  map 0% reduce 0%");
        check("Counters: 1\n\tG\n\t\tc=1", "INFO mapreduce.Job: Counters: 1\n\tG\n\t\tc=1");
        check("Output directory: hdfs:///o", "INFO streaming.StreamJob: Output directory: hdfs:///o");
        check(
            "Submitted application application_1_0001",
            "INFO impl.YarnClientImpl: Submitted application application_1_0001",
        );
    }
}
