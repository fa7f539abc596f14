//! The last line of a job: what stands where, and how to go on.
//!
//! It is the same line for every end of a job, so that nobody has to look at the disk to learn whether there is an
//! output. Whoever calls has looked.

use super::failure::repeat_command;
use std::path::PathBuf;

/// What is in the place of the output folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputState {
    /// The whole output of this job.
    Finished,
    /// Nothing.
    Absent,
    /// What was there before the job.
    AsBefore,
    /// What was done until the job was stopped, for a run after it.
    Unfinished,
    /// Parts of an output that could not be removed.
    Remains,
}

/// How a job ended, for those who come after it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EndState<'a> {
    /// The output folder as the user wrote it.
    pub shown: &'a str,
    /// What is there.
    pub output: OutputState,
    /// Whether any task was started.
    pub started: bool,
    /// The folder of a failed attempt that is kept, with the script that repeats it.
    pub kept: Option<PathBuf>,
}

impl EndState<'_> {
    /// The line, without a newline.
    pub fn render(&self) -> String {
        let shown = self.shown;
        let mut parts = vec![match self.output {
            OutputState::Finished => format!("output folder {shown} is finished"),
            OutputState::Absent => format!("there is no output folder {shown}"),
            OutputState::AsBefore => format!("output folder {shown} is left as it was"),
            OutputState::Unfinished => {
                format!("output folder {shown} is unfinished: the same command with -resume goes on with it")
            }
            OutputState::Remains => {
                format!("output folder {shown} holds remains that could not be removed: they are no output")
            }
        }];
        match (self.started, &self.kept) {
            (false, _) => parts.push("nothing was started".to_owned()),
            (true, Some(dir)) => {
                parts.push(format!("kept for inspection: {}", dir.display()));
                parts.push(format!("repeat the failed attempt: {}", repeat_command(dir)));
            }
            (true, None) => parts.push("nothing else is kept".to_owned()),
        }
        format!("State: {}", parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: OutputState, started: bool, kept: Option<&str>, expect: &str) {
        let state = EndState { shown: "out", output, started, kept: kept.map(PathBuf::from) };
        assert_eq!(state.render(), expect);
    }

    #[test]
    fn each_end_has_its_line() {
        use OutputState::{Absent, AsBefore, Finished, Remains, Unfinished};
        check(Finished, true, None, "State: output folder out is finished; nothing else is kept");
        check(Absent, true, None, "State: there is no output folder out; nothing else is kept");
        check(AsBefore, false, None, "State: output folder out is left as it was; nothing was started");
        check(
            Unfinished,
            true,
            None,
            "State: output folder out is unfinished: the same command with -resume goes on with it; nothing else is \
             kept",
        );
        check(
            Absent,
            true,
            Some("/tmp/it's"),
            "State: there is no output folder out; kept for inspection: /tmp/it's; repeat the failed attempt: \
             sh '/tmp/it'\\''s/repeat.sh'",
        );
        check(
            Remains,
            true,
            None,
            "State: output folder out holds remains that could not be removed: they are no output; nothing else \
             is kept",
        );
    }
}
