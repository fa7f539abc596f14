//! A failed task in a few lines: what ran, where, on what, how far it came, how it ended, and what it said.

use crate::ids::TaskKind;
use crate::plan::InputSplit;
use crate::printable::{one_line, printable};
use crate::streaming::command::shell_word;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// Lines of standard error shown.
pub const STDERR_LINES_MAX: usize = 20;
/// Longest line of standard error shown, in characters; the rest is cut off.
const LINE_CHARS_MAX: usize = 500;

/// What a task reads.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskInput {
    /// The splits of a map task.
    Splits(Vec<InputSplit>),
    /// The partition of a reduce task.
    Partition(u32),
}

impl TaskInput {
    /// `file:start+length`, or `partition 3`.
    pub fn text(&self) -> String {
        match self {
            Self::Splits(splits) => splits_text(splits),
            Self::Partition(number) => format!("partition {number}"),
        }
    }
}

/// A task that failed. Fields that do not apply are `None` or empty and leave no line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FailureReport {
    /// Map or reduce.
    pub kind: TaskKind,
    /// The attempt, in Hadoop's spelling: `attempt_local1_0001_m_000000_0`.
    pub attempt: String,
    /// The command as the user wrote it; `None` for a class that is built in.
    pub command: Option<String>,
    /// What the task read.
    pub input: TaskInput,
    /// Records read so far.
    pub records: u64,
    /// The file being read and the offset reached in it, decompressed bytes if it is compressed.
    pub offset: Option<(PathBuf, u64)>,
    /// How the child ended: `exited with code 3`. `None` when the failure was not the child's.
    pub verdict: Option<String>,
    /// What went wrong on our side, with its causes on one line, as [`crate::error::chain`] puts it.
    pub cause: Option<String>,
    /// What may mend it.
    pub hint: Option<String>,
    /// The folder in which the attempt is kept, with the script that repeats it.
    pub kept: Option<PathBuf>,
    /// The last lines of the child's standard error, without line ends.
    pub stderr_tail: Vec<Vec<u8>>,
}

impl FailureReport {
    /// The report as lines, the last with its newline.
    pub fn render(&self) -> String {
        let mut text = self.facts();
        self.add_stderr(&mut text);
        text
    }

    /// The report without what the child said, for where that stands by itself.
    pub fn facts(&self) -> String {
        let mut text = format!("{} task failed\n", self.kind.word());
        let mut field = |name: &str, value: &str| {
            writeln!(text, "  {:<8} {}", format!("{name}:"), on_one_line(value))
                .expect("a string takes everything");
        };
        if let Some(command) = &self.command {
            field("command", command);
        }
        field("attempt", &self.attempt);
        let name = if matches!(self.input, TaskInput::Splits(_)) { "split" } else { "input" };
        field(name, &self.input.text());
        field("reached", &self.reached());
        if let Some(verdict) = &self.verdict {
            field("status", verdict);
        }
        if let Some(cause) = &self.cause {
            field("cause", cause);
        }
        if let Some(hint) = &self.hint {
            field("hint", hint);
        }
        if let Some(dir) = &self.kept {
            field("repeat", &repeat_command(dir));
        }
        text
    }

    fn reached(&self) -> String {
        let records = match self.records {
            0 => "before the first record".to_owned(),
            records => format!("record {records}"),
        };
        match &self.offset {
            Some((path, offset)) => format!("{records}, byte {offset} of {}", path.display()),
            None => records,
        }
    }

    fn add_stderr(&self, text: &mut String) {
        let first = self.stderr_tail.len().saturating_sub(STDERR_LINES_MAX);
        let lines = &self.stderr_tail[first..];
        let title = match lines.len() {
            // Silence is worth a word only of a child that had something to explain.
            0 if self.verdict.is_none() => return,
            0 => "  stderr:  nothing".to_owned(),
            1 => "  stderr:  last line".to_owned(),
            count => format!("  stderr:  last {count} lines"),
        };
        text.push_str(&title);
        text.push('\n');
        for line in lines {
            text.push_str("    | ");
            text.push_str(&on_one_line(&printable(line.trim_ascii_end())));
            text.push('\n');
        }
    }
}

/// The command that repeats a kept attempt.
pub(super) fn repeat_command(dir: &Path) -> String {
    format!("sh {}", shell_word(&dir.join("repeat.sh").to_string_lossy()))
}

/// `file:start+length` of the first split, and how many more there are.
fn splits_text(splits: &[InputSplit]) -> String {
    let Some(first) = splits.first() else {
        return "none".to_owned();
    };
    let text = format!("{}:{}+{}", first.path.display(), first.start, first.length);
    match splits.len() - 1 {
        0 => text,
        more => format!("{text} and {more} more"),
    }
}

/// Text on one line of bounded length.
fn on_one_line(text: &str) -> String {
    let text = text.trim_end();
    match text.char_indices().nth(LINE_CHARS_MAX) {
        Some((end, _)) => format!("{} ...", one_line(&text[..end])),
        None => one_line(text).into_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(path: &str, start: u64, length: u64) -> InputSplit {
        InputSplit::new(path.into(), start, length, None)
    }

    fn report() -> FailureReport {
        FailureReport {
            kind: TaskKind::Map,
            attempt: "attempt_local1_0001_m_000003_0".into(),
            command: Some("python3 map.py".into()),
            input: TaskInput::Splits(vec![split("/data/in.txt", 100, 50)]),
            records: 7,
            offset: Some(("/data/in.txt".into(), 123)),
            verdict: Some("exited with code 1".into()),
            cause: None,
            hint: None,
            kept: None,
            stderr_tail: vec![b"Traceback:".to_vec(), b"\tboom \xff\x1b[2J\r".to_vec()],
        }
    }

    fn check(report: &FailureReport, expect: &[&str]) {
        assert_eq!(report.render(), format!("{}\n", expect.join("\n")));
    }

    #[test]
    fn a_failed_mapper_is_told_in_order() {
        check(
            &report(),
            &[
                "map task failed",
                "  command: python3 map.py",
                "  attempt: attempt_local1_0001_m_000003_0",
                "  split:   /data/in.txt:100+50",
                "  reached: record 7, byte 123 of /data/in.txt",
                "  status:  exited with code 1",
                "  stderr:  last 2 lines",
                "    | Traceback:",
                "    | \tboom \\xff\\u{1b}[2J",
            ],
        );
    }

    #[test]
    fn what_does_not_apply_leaves_no_line() {
        let reduce = FailureReport {
            kind: TaskKind::Reduce,
            command: None,
            input: TaskInput::Partition(2),
            records: 0,
            offset: None,
            verdict: None,
            cause: Some("cannot open /x: No such file".into()),
            hint: Some("make room".into()),
            kept: Some("/tmp/a b".into()),
            stderr_tail: Vec::new(),
            ..report()
        };
        check(
            &reduce,
            &[
                "reduce task failed",
                "  attempt: attempt_local1_0001_m_000003_0",
                "  input:   partition 2",
                "  reached: before the first record",
                "  cause:   cannot open /x: No such file",
                "  hint:    make room",
                "  repeat:  sh '/tmp/a b/repeat.sh'",
            ],
        );
        let silent = FailureReport { stderr_tail: Vec::new(), ..report() };
        assert!(silent.render().ends_with("  stderr:  nothing\n"));
        let terse = FailureReport { stderr_tail: vec![b"x".to_vec()], ..report() };
        assert!(terse.render().ends_with("  stderr:  last line\n    | x\n"));
    }

    #[test]
    fn long_things_are_cut() {
        let lines = (0..30).map(|number| format!("line {number}").into_bytes());
        let many = FailureReport { stderr_tail: lines.collect(), ..report() }.render();
        assert!(many.contains("stderr:  last 20 lines\n    | line 10\n") && many.ends_with("| line 29\n"));
        let long = FailureReport { stderr_tail: vec![vec![b'x'; 10_000]], ..report() }.render();
        let last = long.lines().last().unwrap();
        assert_eq!(last, format!("    | {} ...", "x".repeat(LINE_CHARS_MAX)));
        let splits = vec![split("/a", 0, 5), split("/b", 0, 6), split("/c", 0, 7)];
        let combined = FailureReport { input: TaskInput::Splits(splits), ..report() }.render();
        assert!(combined.contains("  split:   /a:0+5 and 2 more\n"));
    }
}
