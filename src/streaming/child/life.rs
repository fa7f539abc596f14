//! What the threads that serve a child know of its life.

use super::spawn;
use crate::streaming::ChildGroups;
use std::io;
use std::process::ExitStatus;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::thread;
use std::time::Duration;

/// How often a thread that waits for a pipe looks whether it is still worth waiting. A child that ends closes its
/// pipes, so this matters only when another process holds them.
pub(super) const LOOK_EVERY: Duration = Duration::from_millis(50);

/// A child that runs and has entered the groups, until [`Self::reap`], or until its threads are through with it.
#[derive(Debug)]
pub(super) struct Life {
    groups: ChildGroups,
    pub(super) child: i32,
    over: AtomicBool,
}

impl Life {
    pub(super) fn new(groups: &ChildGroups, child: i32) -> Self {
        Self { groups: groups.clone(), child, over: AtomicBool::new(false) }
    }

    /// Ends the child and its group, if they have not been left.
    pub(super) fn end(&self) {
        self.groups.end(self.child);
    }

    /// Something moved on one of its pipes.
    pub(super) fn beat(&self) {
        self.groups.beat();
    }

    /// Ends what is left of the group and takes the child off the system's list.
    pub(super) fn reap(&self) -> io::Result<ExitStatus> {
        // First the group: a number that is still taken cannot name somebody else's.
        self.groups.leave(self.child);
        self.over.store(true, SeqCst);
        spawn::wait(self.child)
    }

    /// Nobody is left whose pipes are worth waiting for: the child and its group have ended, or the job ends. Who
    /// holds the pipes now has left the group.
    pub(super) fn is_over(&self) -> bool {
        self.over.load(SeqCst) || self.groups.stopped()
    }
}

impl Drop for Life {
    fn drop(&mut self) {
        if !self.over.load(SeqCst) {
            // After a panic, which says more than the child's status.
            drop(self.reap());
        }
    }
}

/// Ends a child when a panic goes by: one that lived on would hold the pipes that another thread waits at.
pub(super) struct EndOnPanic<'a>(pub(super) &'a Life);

impl Drop for EndOnPanic<'_> {
    fn drop(&mut self) {
        if thread::panicking() {
            self.0.end();
        }
    }
}
