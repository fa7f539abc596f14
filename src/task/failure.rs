//! Why an attempt failed, with all that its user needs to see.

use super::BuiltInError;
use crate::archive::ArchiveError;
use crate::counters::CounterError;
use crate::error::{self, IoError, naming_limit};
use crate::ids::AttemptId;
use crate::input::InputError;
use crate::output::OutputError;
use crate::output::committer::CommitError;
use crate::plan::wire::WireError;
use crate::shuffle::ShuffleError;
use crate::stop::{STOP_SIGNALS, Stopped};
use crate::streaming::child::ChildError;
use crate::writable::{WritableError, WritableKind};
use std::any::Any;
use std::io;
use std::os::unix::process::ExitStatusExt;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;

/// What shells add to the number of a signal that ended a program, for their own exit code.
const SIGNAL_CODE_BASE: i32 = 128;

/// What went wrong.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TaskFailure {
    /// An archive of the job could not be unpacked.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// The input could not be read.
    #[error(transparent)]
    Input(#[from] InputError),
    /// Map output could not be carried through.
    #[error(transparent)]
    Shuffle(#[from] ShuffleError),
    /// Output could not be written.
    #[error(transparent)]
    Output(#[from] OutputError),
    /// A file of the task could not be made or read.
    #[error(transparent)]
    Io(#[from] IoError),
    /// The attempt's output could not be committed.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A document of another attempt cannot be read.
    #[error("cannot read {}", path.display())]
    Wire {
        /// The document.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        source: WireError,
    },
    /// A key or value has bytes that its class does not allow.
    #[error(transparent)]
    Writable(#[from] WritableError),
    /// A counter that Hadoop would not have allowed.
    #[error(transparent)]
    Counter(#[from] CounterError),
    /// A pipe of the child failed.
    #[error("cannot {action} of the child")]
    Pipe {
        /// What was being done.
        action: &'static str,
        /// What the operating system, or the framing, said.
        #[source]
        source: io::Error,
    },
    /// The child could not be started.
    #[error("cannot start {}", program.display())]
    Start {
        /// The program as it was looked up.
        program: PathBuf,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The child failed.
    #[error("the child failed: {status}")]
    Exit {
        /// How it ended.
        status: ExitStatus,
        /// Bytes of its input that it read, if that can be seen.
        read_bytes: Option<u64>,
    },
    /// The child left more input unread than Hadoop forgives.
    #[error(
        "the child read {read_bytes} bytes of its input{} and exited; let it read to the end{}",
        record.map(|number| format!(", to record {number},")).unwrap_or_default(),
        if *.mapper { ", or allow it with -D stream.minRecWrittenToEnableSkip_=0" } else { "" }
    )]
    Unread {
        /// Bytes that it read.
        read_bytes: u64,
        /// The record, counted from 1, that the last of them is of.
        record: Option<u64>,
        /// Whether it was a mapper, for which there is a property.
        mapper: bool,
    },
    /// Keys or values are not of the class that the job says. Hadoop: `MapTask.MapOutputBuffer.collect`.
    #[error(
        "type mismatch in {what} from map: expected {}, received {}; set {property}",
        expected.class_name(), received.class_name()
    )]
    Kind {
        /// `key` or `value`.
        what: &'static str,
        /// Class of the job's configuration.
        expected: WritableKind,
        /// Class that came.
        received: WritableKind,
        /// The property that says which class is expected.
        property: &'static str,
    },
    /// A class that is built in cannot do its work.
    #[error(transparent)]
    BuiltIn(#[from] BuiltInError),
    /// The child was ended because it was silent for too long. Hadoop: `TaskHeartbeatHandler`.
    #[error(
        "no sign of life for {seconds:.1} seconds, so the child was ended: it read nothing, wrote nothing and said \
         nothing on standard error; mapreduce.task.timeout={timeout_ms} (milliseconds) can allow more, 0 any silence"
    )]
    Silent {
        /// How long it was silent.
        seconds: f64,
        /// What it was allowed.
        timeout_ms: u64,
    },
    /// What a map attempt left went with output of other tasks that could not be read any more.
    #[error("its output was lost before the task was committed")]
    Lost,
    /// The child used the terminal, and was ended.
    #[error(
        "the child was stopped by {signal} and then ended: it {}, which the programs of a job cannot do; \
         give it what it asks for by an option, a file or -cmdenv",
        if *.signal == "SIGTTIN" { "reads from the terminal" } else { "changes the settings of the terminal" }
    )]
    Terminal {
        /// `SIGTTIN` or `SIGTTOU`.
        signal: &'static str,
    },
    /// A thread of the attempt could not be started.
    #[error("cannot {action}; {}", crate::error::THREAD_LIMITS)]
    Thread {
        /// What was being done.
        action: &'static str,
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The job was stopped.
    #[error(transparent)]
    Stopped(#[from] Stopped),
    /// A thread of the attempt panicked.
    #[error("{text}; this is a bug in mr-stream, please report it")]
    Panic {
        /// What it said.
        text: String,
    },
}

impl TaskFailure {
    /// Whether the child may do better when it is run again by hand, perhaps mended: it is not for want of room,
    /// of input or of time that it failed.
    pub(super) fn is_the_childs(&self) -> bool {
        matches!(
            self,
            Self::Exit { .. }
                | Self::Unread { .. }
                | Self::Start { .. }
                | Self::Pipe { .. }
                | Self::Silent { .. }
                | Self::Terminal { .. }
                | Self::Counter(_)
                | Self::Writable(_)
        )
    }

    /// Whether a record can be to blame, and is to be searched for. Not of silence: all that the attempt starts later
    /// is ended at once, and would seem to fail without any record too.
    pub(super) fn may_be_a_records(&self) -> bool {
        let was_silent = matches!(self, Self::Silent { .. });
        !was_silent && (self.is_the_childs() || matches!(self, Self::BuiltIn(_)))
    }

    /// The failure in a child's end. `mapper` says which rules it was under.
    pub(super) fn from_child(error: ChildError<Self>, mapper: bool) -> Self {
        match error {
            ChildError::Start { program, source } => Self::Start { program, source: naming_limit(source) },
            ChildError::Ours(failure) => failure,
            ChildError::Pipe { action, source } => Self::Pipe { action, source },
            ChildError::Exit { status, read_bytes } => Self::Exit { status, read_bytes },
            ChildError::Unread { read_bytes } => Self::Unread { read_bytes, record: None, mapper },
            ChildError::Terminal { signal } => Self::Terminal { signal },
            ChildError::Thread { source } => {
                Self::Thread { action: "start a thread to write standard input", source }
            }
            ChildError::Stopped => Stopped.into(),
        }
    }
}

/// The failure of a combiner command, on its way through the shuffle that called it.
#[derive(Debug, thiserror::Error)]
#[error("the combiner {} failed", command.join(" "))]
pub(super) struct CombinerFailure {
    pub(super) command: Vec<String>,
    pub(super) stderr_tail: Vec<Vec<u8>>,
    #[source]
    pub(super) failure: TaskFailure,
}

impl TaskError {
    /// Names the combiner instead of the mapper when it was the combiner that failed.
    pub(super) fn blame_combiner(mut self) -> Self {
        self.failure = match self.failure {
            TaskFailure::Shuffle(ShuffleError::Combine(cause)) => match cause.downcast::<CombinerFailure>() {
                Ok(combiner) => {
                    self.command = Some(combiner.command);
                    self.stderr_tail = combiner.stderr_tail;
                    combiner.failure
                }
                Err(cause) => TaskFailure::Shuffle(ShuffleError::Combine(cause)),
            },
            other => other,
        };
        self
    }

    /// The failure of an attempt that panicked, with what the panic carried.
    pub(crate) fn panicked(attempt: AttemptId, payload: &(dyn Any + Send)) -> Self {
        Self::without_child(attempt, TaskFailure::Panic { text: error::panic_text(payload) })
    }

    /// Whether the child was ended by a signal that stops a job, itself or a program that it ran.
    pub(crate) fn is_by_stop_signal(&self) -> bool {
        let TaskFailure::Exit { status, .. } = &self.failure else { return false };
        let by_code = || status.code().map(|code| code - SIGNAL_CODE_BASE);
        let signal = status.signal().or_else(by_code);
        STOP_SIGNALS.iter().any(|stop| Some(stop.as_raw()) == signal)
    }

    /// The file of the shuffle that could not be read, if that is why it failed.
    pub(crate) fn unreadable_file(&self) -> Option<&Path> {
        match &self.failure {
            TaskFailure::Shuffle(ShuffleError::Corrupt { path, .. }) => Some(path),
            TaskFailure::Shuffle(ShuffleError::Io(error)) => Some(&error.path),
            _ => None,
        }
    }

    /// A failure outside any child.
    pub(crate) fn without_child(attempt: AttemptId, failure: impl Into<TaskFailure>) -> Self {
        let failure = failure.into();
        Self {
            attempt,
            command: None,
            records: 0,
            position: None,
            records_without_value: None,
            stderr_tail: Vec::new(),
            kept: None,
            failure,
        }
    }
}

/// A failed attempt.
#[derive(Debug, thiserror::Error)]
#[error("{attempt} failed")]
pub struct TaskError {
    /// The attempt.
    pub attempt: AttemptId,
    /// The child's command, if it has one.
    pub command: Option<Vec<String>>,
    /// Records that it had read, as far as that can be seen, else those that it had been given.
    pub records: u64,
    /// For a map task, the file it was reading and the offset it had reached there.
    pub position: Option<(PathBuf, u64)>,
    /// Records that a reducer was to be given, if none of them has a value.
    pub records_without_value: Option<u64>,
    /// The child's last lines on standard error.
    pub stderr_tail: Vec<Vec<u8>>,
    /// The folder in which the attempt is kept, to be repeated; see [`KeepSpec`](crate::plan::KeepSpec).
    pub kept: Option<PathBuf>,
    /// The cause.
    #[source]
    pub failure: TaskFailure,
}
