//! The second process that cleans up when this one is killed: started here, and run here.

use super::voice::say;
use super::{exit, signals};
use crate::streaming::ChildGroups;
use crate::streaming::guard::{COMMAND_LINE, Guard, stand_guard};
use crossbeam_channel::Receiver;
use std::ffi::OsStr;

/// This program, also when its file was renamed or replaced meanwhile.
pub(super) const OURSELVES: &str = COMMAND_LINE[0];

/// Whether a first word makes this process a guard.
pub(super) fn is_wanted(word: &OsStr) -> bool {
    word == COMMAND_LINE[1]
}

/// Is a guard, to the end.
pub(super) fn run() -> u8 {
    // A folder that is somebody's current one cannot be unmounted.
    std::env::set_current_dir("/").ok();
    stand_guard();
    exit::OK
}

/// Children of this process and the guard that has an eye on them.
pub(super) struct Guarded {
    pub(super) children: ChildGroups,
    guard: Option<Guard>,
}

impl Guarded {
    /// Starts the guard, or warns and does without.
    pub(super) fn start() -> Self {
        match Guard::start() {
            Ok(guard) => Self { children: ChildGroups::guarded(guard.clone()), guard: Some(guard) },
            Err(error) => {
                warn(&error);
                Self { children: ChildGroups::default(), guard: None }
            }
        }
    }

    /// The same, and the signals that stop its children from now on; without them after a warning.
    pub(super) fn start_and_watch() -> (Self, Option<Receiver<i32>>) {
        let guarded = Self::start();
        let stop = signals::watch(&guarded.children);
        if let Err(error) = &stop {
            say(&format!("WARN cannot watch for signals, an interrupt will not clean up: {error}"));
        }
        (guarded, stop.ok())
    }

    /// To be called when everything is in order.
    pub(super) fn dismiss(self) {
        if let Some(Err(error)) = self.guard.as_ref().map(Guard::dismiss) {
            warn(error);
        }
    }
}

fn warn(error: &std::io::Error) {
    say(&format!(
        "WARN no guard could be started, kill -9 of this process will not end its children: {error}"
    ));
}
