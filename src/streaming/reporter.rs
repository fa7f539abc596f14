//! The child's standard error: counters and status in reporter lines, everything else passed on.
//! Hadoop: `PipeMapRed.MRErrorThread`.

use crate::error::uninterrupted;
use crate::fault::{self, Op};
use crate::lines::LineEnds;
use crate::writable::{decode_utf8, parse_long};
use std::collections::VecDeque;
use std::io::{self, Read};
use std::path::Path;

/// Bytes of lines kept for the report of a failure.
const TAIL_BYTES_MAX: usize = 64 << 10;
/// A line longer than this is cut, so that a child cannot fill our memory with one.
const LINE_BYTES_MAX: usize = 64 << 10;
/// Of a line in the tail no more than this is kept.
const TAIL_LINE_BYTES_MAX: usize = 2 << 10;

/// Who hears what a child says on standard error.
pub(crate) trait StderrSink: Sync {
    /// `reporter:counter:group,name,amount`.
    fn counter(&self, group: &str, name: &str, amount: i64);
    /// `reporter:status:text`.
    fn status(&self, text: &str);
    /// Any other line, without its end.
    fn line(&self, line: &[u8]);
    /// A line with the prefix that says nothing we know.
    fn malformed(&self, line: &str);
}

/// Reads one child's standard error.
pub(crate) struct Reporter<'a> {
    prefix: &'a str,
    sink: &'a dyn StderrSink,
    ends: LineEnds,
    /// A line that is broken off.
    line: Vec<u8>,
    tail: VecDeque<Vec<u8>>,
    /// Bytes in the tail, line ends included.
    tail_bytes: usize,
}

impl<'a> Reporter<'a> {
    /// `prefix` is `stream.stderr.reporter.prefix`.
    pub(crate) fn new(prefix: &'a str, sink: &'a dyn StderrSink) -> Self {
        let (ends, line, tail) = (LineEnds::default(), Vec::new(), VecDeque::new());
        Self { prefix, sink, ends, line, tail, tail_bytes: 0 }
    }

    /// The last lines that were no reporter lines.
    pub(crate) fn into_tail(self) -> Vec<Vec<u8>> {
        self.tail.into()
    }

    /// Reads some, once, and says how much; 0 is the end.
    pub(super) fn hear(&mut self, stderr: &mut dyn Read) -> io::Result<usize> {
        let mut block = [0; 8 << 10];
        let count = uninterrupted(|| {
            fault::point(Op::Read, Path::new("stderr"))?;
            stderr.read(&mut block)
        })?;
        let kept = self.ends.normalise(&mut block[..count]);
        for part in block[..kept].split_inclusive(|byte| *byte == b'\n') {
            let (text, ended) = part.strip_suffix(b"\n").map_or((part, false), |text| (text, true));
            let room = LINE_BYTES_MAX - self.line.len();
            self.line.extend_from_slice(&text[..text.len().min(room)]);
            if ended {
                self.take_line();
            }
        }
        Ok(count)
    }

    /// The end: what stands behind the last line end is a line too.
    pub(super) fn end(&mut self) {
        if !self.line.is_empty() {
            self.take_line();
        }
    }

    fn take_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        self.take(&line);
        line.clear();
        self.line = line;
    }

    fn take(&mut self, line: &[u8]) {
        if !line.starts_with(self.prefix.as_bytes()) {
            self.sink.line(line);
            self.keep(line);
            return;
        }
        let text = decode_utf8(line);
        let order = &text[self.prefix.len()..];
        if let Some(counter) = order.strip_prefix("counter:") {
            match parse_counter(counter) {
                Some((group, name, amount)) => self.sink.counter(group, name, amount),
                None => self.sink.malformed(&text),
            }
        } else if let Some(status) = order.strip_prefix("status:") {
            self.sink.status(java_trim(status));
        } else {
            self.sink.malformed(&text);
        }
    }

    fn keep(&mut self, line: &[u8]) {
        let line = &line[..line.len().min(TAIL_LINE_BYTES_MAX)];
        self.tail_bytes += line.len() + 1;
        while self.tail_bytes > TAIL_BYTES_MAX {
            self.tail_bytes -= self.tail.pop_front().map_or(0, |first| first.len() + 1);
        }
        self.tail.push_back(line.to_vec());
    }
}

/// `group,name,amount`: trimmed as a whole, cut at commas, empty fields at the end dropped.
fn parse_counter(text: &str) -> Option<(&str, &str, i64)> {
    let fields: Vec<&str> = java_trim(text).trim_end_matches(',').split(',').collect();
    match fields[..] {
        [group, name, amount] => Some((group, name, parse_long(amount)?)),
        _ => None,
    }
}

/// `String.trim`: everything up to the blank goes, at both ends.
fn java_trim(text: &str) -> &str {
    text.trim_matches(|c| c <= ' ')
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    #[derive(Default)]
    struct Heard(Mutex<Vec<String>>);

    impl Heard {
        fn push(&self, text: String) {
            self.0.lock().unwrap().push(text);
        }
    }

    impl StderrSink for Heard {
        fn counter(&self, group: &str, name: &str, amount: i64) {
            self.push(format!("{group}/{name}={amount}"));
        }
        fn status(&self, text: &str) {
            self.push(format!("status {text}"));
        }
        fn line(&self, line: &[u8]) {
            self.push(format!("line {}", String::from_utf8_lossy(line)));
        }
        fn malformed(&self, line: &str) {
            self.push(format!("malformed {line}"));
        }
    }

    fn hear_all(reporter: &mut Reporter<'_>, stderr: &str) {
        let mut stderr = stderr.as_bytes();
        while reporter.hear(&mut stderr).unwrap() > 0 {}
        reporter.end();
    }

    fn check(stderr: &str, expect: &[&str]) {
        let heard = Heard::default();
        hear_all(&mut Reporter::new("reporter:", &heard), stderr);
        assert_eq!(*heard.0.lock().unwrap(), expect, "{stderr:?}");
    }

    #[test]
    fn reporter_lines_are_read_as_hadoop_reads_them() {
        check("reporter:counter:G,c,3\n", &["G/c=3"]);
        check("reporter:counter: G,c,3 \r\nreporter:counter:G,c,-4", &["G/c=3", "G/c=-4"]);
        check("reporter:counter:G,c,3,\n", &["G/c=3"]);
        check("reporter:counter:G,c,+4\n", &["G/c=4"]);
        check("reporter:counter:G,c,\u{661}\u{662}\n", &["G/c=12"]);
        check("reporter:counter:,,1\n", &["/=1"]);
        check("reporter:counter:G,c, 3\n", &["malformed reporter:counter:G,c, 3"]);
        check("reporter:counter:G,c\n", &["malformed reporter:counter:G,c"]);
        check("reporter:status: at work \n", &["status at work"]);
        check("reporter:other\n", &["malformed reporter:other"]);
        check(
            " reporter:counter:G,c,3\nReporter:status:x",
            &["line  reporter:counter:G,c,3", "line Reporter:status:x"],
        );
    }

    #[test]
    fn the_tail_holds_the_last_lines() {
        let heard = Heard::default();
        let mut reporter = Reporter::new("reporter:", &heard);
        let text = (0..30_000).fold(String::new(), |text, number| text + &format!("{number:07}\n"));
        hear_all(&mut reporter, &text);
        let tail = reporter.into_tail();
        assert_eq!(tail.len(), TAIL_BYTES_MAX / 8);
        assert_eq!(tail.last().map(Vec::as_slice), Some(&b"0029999"[..]));
    }

    #[test]
    fn a_line_without_end_is_cut() {
        let heard = Heard::default();
        let text = "x".repeat(3 * LINE_BYTES_MAX);
        hear_all(&mut Reporter::new("reporter:", &heard), &text);
        assert_eq!(heard.0.lock().unwrap()[0].len(), "line ".len() + LINE_BYTES_MAX);
    }
}
