//! What the user sees of a job: progress while it runs, a failed task in a few lines, the counters at its
//! end, and last what stands where.
//!
//! Everything here turns values into text. [`Progress`] writes to the writer it is given; the rest returns
//! strings. Whether standard error is a terminal, and which events there are, is known further up.

pub mod advice;
pub mod failure;
pub mod history;
pub mod progress;
pub mod record;
pub mod state;
pub mod summary;

pub use failure::{FailureReport, TaskInput};
pub use progress::{Progress, Snapshot, Style};
pub use state::{EndState, OutputState};
