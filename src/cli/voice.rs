//! Everything that the program prints: the only place that names standard output and standard error.
//!
//! Lines about a job are printed plainly, or as the log of Hadoop's client when the program is called by one of Hadoop's
//! names: programs that drive Hadoop read that log. The first word of a line says what kind of line it is, so that the
//! caller need not know which of the two ways applies.
//!
//! What can be hostile is escaped here ([`crate::printable`]), by one rule:
//!
//! | what | terminal | pipe or file |
//! |---|---|---|
//! | a message ([`say`], [`put`]) | one line, escaped | the same |
//! | text of several lines ([`say_lines`], [`put_lines`], [`print()`]) | escaped but for line ends | as it is |
//! | a child's standard error ([`child_line`]), the output of `hadoop fs` ([`Stream`]) | escaped but for line ends | every byte as it is |
//!
//! Names inside a text of several lines are made [`one_line`] where that text is put together.

mod stderr;

pub(super) use stderr::{Stderr, drop_what_nobody_reads};

use super::exit;
use crate::clock;
use crate::printable::{one_line, printable, whole_characters};
use std::io::{self, IsTerminal, Stdout, Write};
use std::sync::atomic::{AtomicBool, Ordering};

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

/// Standard output or standard error. Escapes what goes to a terminal, and passes on all else as it is.
pub(super) struct Stream<W> {
    out: W,
    is_terminal: bool,
    /// A character at the end of the last write that was cut off.
    cut: Vec<u8>,
}

impl<W: Write> Write for Stream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if !self.is_terminal {
            return self.out.write(bytes);
        }
        let mut text = std::mem::take(&mut self.cut);
        text.extend_from_slice(bytes);
        self.cut = text.split_off(whole_characters(&text));
        self.out.write_all(printable(&text).as_bytes())?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let cut = std::mem::take(&mut self.cut);
        self.out.write_all(printable(&cut).as_bytes())?;
        self.out.flush()
    }
}

/// Standard output.
pub(super) fn stdout() -> Stream<Stdout> {
    let out = io::stdout();
    Stream { is_terminal: out.is_terminal(), out, cut: Vec::new() }
}

/// Whether standard output is a terminal.
pub(super) fn stdout_is_terminal() -> bool {
    io::stdout().is_terminal()
}

/// Standard error.
pub(super) fn stderr() -> Stream<Stderr> {
    Stream { out: Stderr, is_terminal: Stderr::is_terminal(), cut: Vec::new() }
}

/// Columns of standard output, if it is a terminal that says so.
pub(super) fn stdout_columns() -> Option<usize> {
    let out = std::io::stdout();
    let columns = rustix::termios::tcgetwinsize(&out).ok()?.ws_col;
    (out.is_terminal() && columns > 0).then_some(columns.into())
}

/// Standard error without escapes, for a display that draws on a terminal and escapes by itself.
pub(super) fn drawn_stderr() -> Stderr {
    Stderr
}

/// Prints a line if that is possible now.
pub(super) fn say_unless_blocked(line: &str) {
    drop_what_nobody_reads();
    if Stderr::is_free() {
        say(line);
    }
}

/// Prints text on standard output; returns the exit code. A reader that went away is no failure of ours.
pub(super) fn print(text: &str) -> u8 {
    print_bytes(text.as_bytes())
}

/// The same with text that may not be UTF-8.
pub(super) fn print_bytes(text: &[u8]) -> u8 {
    let mut out = stdout();
    match out.write_all(text).and_then(|()| out.flush()) {
        Ok(()) => exit::OK,
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => exit::OK,
        Err(error) => {
            say(&format!("mr-stream: cannot write to standard output: {error}"));
            exit::USAGE
        }
    }
}

/// Says one line.
pub(super) fn say(line: &str) {
    say_lines(&one_line(line));
}

/// Says several lines that belong together.
pub(super) fn say_lines(text: &str) {
    if is_hadoops() {
        put_lines(&as_record(&clock::log_stamp(), text));
    } else {
        put_lines(text);
    }
}

/// Prints one line on standard error, never as a log.
pub(super) fn put(line: &str) {
    put_lines(&one_line(line));
}

/// The same with several lines that belong together.
pub(super) fn put_lines(text: &str) {
    child_line(text.as_bytes());
}

/// Passes on a line that a child wrote on its standard error.
pub(super) fn child_line(line: &[u8]) {
    let mut out = stderr();
    // No other place is left for a message when standard error is closed.
    drop(out.write_all(&[line, b"\n"].concat()));
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
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        say_lines(String::from_utf8_lossy(bytes).trim_end_matches('\n'));
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
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
