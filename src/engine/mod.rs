//! Engines: who runs the attempts of a plan, and where.
//!
//! [`local`] runs them on threads of this process. An engine for a cluster stands beside it and runs the
//! same attempts through [`task::remote`](crate::task::remote); both take a plan and nothing else.
//! [`sampler`] runs some map attempts before a job, to learn which keys there will be.

mod done;
pub mod event;
pub mod local;
pub mod sampler;
pub mod scheduler;

use crate::archive::ArchiveError;
use crate::counters::Counters;
use crate::error::IoError;
use crate::output::committer::CommitError;
use crate::plan::JobPlan;
use crate::shuffle::ShuffleError;
use crate::task::TaskError;
use crossbeam_channel::Receiver;
use event::JobEvents;
use std::io;
use std::time::Duration;

/// How long a signal may be on its way to this process after it has ended a child.
const SIGNAL_WAIT: Duration = Duration::from_millis(100);

/// Why a job failed.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum JobError {
    /// The output cannot be set up or published.
    #[error(transparent)]
    Commit(#[from] CommitError),
    /// A folder for temporary files cannot be made or removed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// An archive of the job cannot be unpacked, so no task was started.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// No thread can be started to run tasks on.
    #[error("cannot start a thread for the tasks; {}", crate::error::THREAD_LIMITS)]
    Thread {
        /// What the operating system said.
        #[source]
        source: io::Error,
    },
    /// The thread that hands out the tasks panicked.
    #[error("{text}; this is a bug in mr-stream, please report it")]
    Panic {
        /// What it said.
        text: String,
    },
    /// Map output cannot be made ready for the reducers.
    #[error(transparent)]
    Shuffle(#[from] ShuffleError),
    /// A task failed as often as it may.
    #[error(transparent)]
    Task(Box<TaskError>),
    /// The user stopped the job.
    #[error("stopped by signal {signal}")]
    Stopped {
        /// The signal.
        signal: i32,
    },
}

/// The signal that stops the job, if a child was ended by one: signals to a whole session or service come to children
/// and to this process at the same time, and then the failure of a child is part of the stop.
fn signal_on_its_way(error: &TaskError, stop: &Receiver<i32>) -> Option<i32> {
    if error.is_by_stop_signal() { stop.recv_timeout(SIGNAL_WAIT).ok() } else { None }
}

/// Runs plans.
pub trait Engine {
    /// Runs a plan to its end. When this returns, the output is published whole or not at all, no child
    /// runs and no temporary file is left. A job that is stopped although it may be continued leaves what is done.
    fn run(&self, plan: &JobPlan, events: &dyn JobEvents) -> Result<Counters, JobError>;
}
