//! Why output could not be published.

use crate::error::IoError;
use crate::output::lock::LockError;
use crate::units;
use std::path::PathBuf;
use std::time::SystemTime;

/// Why output could not be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The output folder is there, as a folder or as a file. In Hadoop's words, for which scripts look.
    #[error("Output directory {shown} already exists")]
    Exists {
        /// The folder as the user wrote it.
        shown: String,
    },
    /// A run was killed before its output was whole.
    #[error(
        "Output directory {shown} already exists: it is left from a run that was killed at {}: continue it with \
         -resume, or clear it with -overwrite", when(*at)
    )]
    Unfinished {
        /// The folder as the user wrote it.
        shown: String,
        /// When that run last wrote anything down, if that is known.
        at: Option<SystemTime>,
    },
    /// Another process writes into it.
    #[error("Output directory {shown} already exists: another mr-stream is writing into it")]
    Running {
        /// The folder as the user wrote it.
        shown: String,
    },
    /// Another process writes into a folder above or below.
    #[error("cannot use output directory {shown}: another mr-stream is writing into {}", other.display())]
    RunningBeside {
        /// The folder as the user wrote it.
        shown: String,
        /// The other output folder.
        other: PathBuf,
    },
    /// The folder cannot be locked.
    #[error(transparent)]
    Lock(#[from] LockError),
    /// An output is to be continued that is whole.
    #[error("Output directory {shown} already exists: it is finished, there is nothing to continue")]
    NothingLeft {
        /// The folder as the user wrote it.
        shown: String,
    },
    /// What is to be cleared may be the user's work.
    #[error(
        "cannot overwrite {shown}: it is no output of a job: no folder, or one without _SUCCESS that holds more \
         than part files; move it away"
    )]
    Foreign {
        /// The folder as the user wrote it.
        shown: String,
    },
    /// What is to be cleared holds something that the job or the user needs.
    #[error("cannot overwrite {shown}: {what} is in it")]
    Protected {
        /// The folder as the user wrote it.
        shown: String,
        /// What is there.
        what: String,
    },
    /// A run is to be continued with another job.
    #[error(
        "cannot continue the run that left {shown}: {what} was {before} and is {now} now; give the same command \
         over the same input, or clear the folder with -overwrite"
    )]
    Changed {
        /// The folder as the user wrote it.
        shown: String,
        /// What is another.
        what: String,
        /// How it was when the run began.
        before: String,
        /// How it is.
        now: String,
    },
    /// The output folder is not what the tasks made of it.
    #[error(
        "the output in {shown} is not what the tasks wrote: {} {how}: another program changed the folder while the \
         job ran; run the job again", path.display()
    )]
    Altered {
        /// The folder as the user wrote it.
        shown: String,
        /// What differs.
        path: PathBuf,
        /// How it differs.
        how: &'static str,
    },
    /// The lock file is gone or replaced.
    #[error(
        "the output in {shown} is not this job's alone: its lock {} was removed while the job ran, so another run may \
         have written into it; run the job again", path.display()
    )]
    LockLost {
        /// The folder as the user wrote it.
        shown: String,
        /// The lock file.
        path: PathBuf,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

impl CommitError {
    /// Whether the folder is as it was before.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Io(_) | Self::Altered { .. } | Self::LockLost { .. })
    }
}

fn when(time: Option<SystemTime>) -> String {
    time.map_or_else(|| "an unknown time".into(), units::utc)
}
