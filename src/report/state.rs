//! The last line of a job: what stands where, and how to go on.
//!
//! It is the same line for every end of a job, so that nobody has to look at the disk to learn whether there is an
//! output. Whoever calls has looked.

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
    /// A failed attempt is kept. Its report, further up, has the command that repeats it.
    pub kept: bool,
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
        parts.push(match (self.started, self.kept) {
            (false, _) => "nothing was started".to_owned(),
            (true, true) => "the failed attempt is kept, see \"repeat:\" above".to_owned(),
            (true, false) => "nothing else is kept".to_owned(),
        });
        format!("State: {}", parts.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(output: OutputState, started: bool, kept: bool, expect: &str) {
        let state = EndState { shown: "out", output, started, kept };
        assert_eq!(state.render(), expect);
    }

    #[test]
    fn each_end_has_its_line() {
        use OutputState::{Absent, AsBefore, Finished, Remains, Unfinished};
        check(Finished, true, false, "State: output folder out is finished; nothing else is kept");
        check(Absent, true, false, "State: there is no output folder out; nothing else is kept");
        check(AsBefore, false, false, "State: output folder out is left as it was; nothing was started");
        check(
            Unfinished,
            true,
            false,
            "State: output folder out is unfinished: the same command with -resume goes on with it; nothing else is \
             kept",
        );
        check(
            Absent,
            true,
            true,
            "State: there is no output folder out; the failed attempt is kept, see \"repeat:\" above",
        );
        check(
            Remains,
            true,
            false,
            "State: output folder out holds remains that could not be removed: they are no output; nothing else \
             is kept",
        );
    }
}
