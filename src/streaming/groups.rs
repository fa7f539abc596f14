//! The process groups of running children, the word that ends them, and the orphans they leave.
//!
//! A child's number is taken from when it starts until it is taken off the system's list, and so is that of its
//! group. Whoever wants to signal a group asks here: a group that has left is signalled no more, and it leaves
//! before its child's number is free.
//!
//! A process that leaves its group and outlives its parent becomes a child of ours ([`Guard::start`]). Dead ones are
//! taken off the list now and then, those that live end with the job ([`ChildGroups::end_orphans`]).

use super::guard::Guard;
use super::inner;
use super::process_table::{self, Held};
use crate::stop::StopFlag;
use crate::sync::lock;
use nix::sys::wait::{Id, WaitPidFlag, WaitStatus, waitid};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitOptions, kill_process, kill_process_group, pidfd_open, waitpid,
};
use std::collections::BTreeSet;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed, Ordering::SeqCst};
use std::sync::{Arc, Mutex, MutexGuard};

/// Generations of orphans that are looked for: each may leave the next.
const ROUNDS_MAX: usize = 100;

/// How long to wait for the end of an orphan that was killed. One that waits for a disk may take long.
const END_WAIT: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// The process groups of all running children, so that a job that stops can end them.
#[derive(Clone, Debug, Default)]
pub struct ChildGroups(Arc<Shared>, Arc<Part>);

/// What is told of some of the children alone, those of an attempt.
#[derive(Debug, Default)]
struct Part {
    ended: AtomicBool,
    groups: Mutex<BTreeSet<i32>>,
    beats: AtomicU64,
}

#[derive(Debug, Default)]
struct Shared {
    stop: StopFlag,
    running: Mutex<Running>,
    /// Is there only in a process that does nothing but run a job.
    guard: Option<Guard>,
}

#[derive(Debug, Default)]
struct Running {
    groups: BTreeSet<i32>,
    /// Children that are being started: they have no number yet.
    starting: u32,
    /// Runs of mr-stream that children have started and that were asked to stop.
    asked: inner::Asked,
}

impl ChildGroups {
    /// Groups that `guard` ends when this process cannot.
    pub fn guarded(guard: Guard) -> Self {
        Self(Arc::new(Shared { guard: Some(guard), ..Shared::default() }), Arc::default())
    }

    /// Ends all children with their descendants, now and from now on. Runs of mr-stream among them get the time to
    /// clean up.
    pub fn stop(&self) {
        // Set first: who enters now sees it, who has entered is seen.
        self.0.stop.set();
        let groups = self.running().groups.clone();
        self.ask_inner_runs(&groups);
        for group in groups {
            self.kill_running(group);
        }
    }

    /// Lets the runs of mr-stream in these groups clean up, and waits until they have ended.
    fn ask_inner_runs(&self, groups: &BTreeSet<i32>) {
        let runs = {
            // While this lock is held no group leaves, so each number means what it did.
            let mut running = self.running();
            let groups: BTreeSet<i32> = groups.intersection(&running.groups).copied().collect();
            // While they stand still none of them starts a run that is not seen.
            for group in groups.iter().filter_map(|group| Pid::from_raw(*group)) {
                kill_process_group(group, Signal::STOP).ok();
            }
            running.asked.ask(&groups)
        };
        inner::wait_for(&runs);
    }

    /// A part of these groups, for the children of one attempt.
    pub(crate) fn part(&self) -> Self {
        Self(Arc::clone(&self.0), Arc::default())
    }

    /// Ends the children of this part, now and from now on.
    pub(crate) fn stop_part(&self) {
        // As in [`Self::stop`].
        self.1.ended.store(true, SeqCst);
        let groups = self.part_groups().clone();
        self.ask_inner_runs(&groups);
        for group in groups {
            self.kill_running(group);
        }
    }

    /// Whether [`Self::stop`] was called, or [`Self::stop_part`] for this part.
    pub(crate) fn stopped(&self) -> bool {
        self.0.stop.is_set() || self.1.ended.load(SeqCst)
    }

    /// Something moved on a pipe of a child of this part: it lives.
    pub(super) fn beat(&self) {
        self.1.beats.fetch_add(1, Relaxed);
    }

    /// How often something has moved.
    pub(crate) fn beats(&self) -> u64 {
        self.1.beats.load(Relaxed)
    }

    /// Set by [`Self::stop`].
    pub(crate) fn stop_flag(&self) -> &StopFlag {
        &self.0.stop
    }

    /// A temporary folder whose name cannot be guessed and that children have in their environment. The guard removes
    /// it, and knows by it who is the job's.
    pub(crate) fn guard_folder(&self, folder: &Path) {
        if let Some(guard) = &self.0.guard {
            guard.folder(folder);
        }
    }

    /// A folder that was guarded and shall outlive this process, however it ends.
    pub fn keep_folder(&self, folder: &Path) {
        if let Some(guard) = &self.0.guard {
            guard.keep(folder);
        }
    }

    /// Starts a child, whose number `id` tells, and takes in its group.
    pub(super) fn entering<T>(
        &self,
        start: impl FnOnce() -> io::Result<T>,
        id: impl FnOnce(&T) -> i32,
    ) -> io::Result<T> {
        if let Some(guard) = &self.0.guard {
            // No child without a guard; one that cannot be started is told of in the end.
            guard.id().ok();
        }
        self.running().starting += 1;
        let started = start();
        let mut running = self.running();
        running.starting -= 1;
        if let Ok(child) = &started {
            let group = id(child);
            running.groups.insert(group);
            self.part_groups().insert(group);
            if let Some(guard) = &self.0.guard {
                guard.entered(group);
            }
            drop(running);
            if self.stopped() {
                self.end(group);
            }
        }
        started
    }

    /// Ends a group, unless it has left.
    pub(super) fn end(&self, group: i32) {
        self.ask_if_stopped(group);
        self.kill_running(group);
    }

    /// A run that the child has started may be cleaning up: the job stops, or the same signal has ended the child.
    fn ask_if_stopped(&self, group: i32) {
        if self.stopped() || was_ended_by_signal(group) {
            self.ask_inner_runs(&[group].into());
        }
    }

    fn kill_running(&self, group: i32) {
        let running = self.running();
        if running.groups.contains(&group) {
            kill(group);
        }
    }

    /// Ends what is left of a group. Only then its child may be taken off the system's list.
    pub(super) fn leave(&self, group: i32) {
        self.ask_if_stopped(group);
        let mut running = self.running();
        kill(group);
        if let Some(guard) = &self.0.guard {
            guard.left(group);
            if guard.takes_orphans() {
                running.bury_orphans(guard);
            }
        }
        running.groups.remove(&group);
        self.part_groups().remove(&group);
    }

    /// Ends the processes that have left their group and live on. To be called when no child runs. Guards of inner
    /// runs are waited for, and inner runs are asked before they are killed.
    pub(crate) fn end_orphans(&self) {
        let Some(guard) = self.0.guard.as_ref().filter(|guard| guard.takes_orphans()) else { return };
        let mut spared: BTreeSet<i32> = guard.id().into_iter().collect();
        for _ in 0..ROUNDS_MAX {
            let orphans = process_table::our_children().into_iter().filter(|child| !spared.contains(child));
            let orphans: Vec<Pid> = orphans.filter_map(Pid::from_raw).collect();
            if orphans.is_empty() {
                return;
            }
            // Their numbers are taken until we have waited for them.
            for orphan in &orphans {
                let number = orphan.as_raw_nonzero().get();
                if inner::is_guard(number) {
                    // One that takes longer than the wait below ends by itself.
                    spared.insert(number);
                } else if let Some(run) = self.ask_orphan(number) {
                    inner::wait_for(&[run]);
                } else {
                    kill_process(*orphan, Signal::KILL).ok();
                }
            }
            for orphan in orphans {
                if let Ok(held) = pidfd_open(orphan, PidfdFlags::empty()) {
                    poll(&mut [PollFd::new(&held, PollFlags::IN)], Some(&END_WAIT)).ok();
                }
                waitpid(Some(orphan), WaitOptions::NOHANG).ok();
            }
        }
    }

    /// Asks an orphan to stop, if it is a run of mr-stream that was not asked yet.
    fn ask_orphan(&self, orphan: i32) -> Option<Held> {
        self.running().asked.ask_process(orphan)
    }

    fn part_groups(&self) -> MutexGuard<'_, BTreeSet<i32>> {
        lock(&self.1.groups)
    }

    fn running(&self) -> MutexGuard<'_, Running> {
        lock(&self.0.running)
    }

    #[cfg(test)]
    pub(super) fn are_empty(&self) -> bool {
        self.running().groups.is_empty()
    }
}

impl Running {
    /// Takes dead orphans off the system's list, which is not endless. One that stands behind a child which nobody
    /// has waited for yet is found the next time.
    fn bury_orphans(&self, guard: &Guard) {
        let how = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
        // While this lock is held nobody begins to start a child, so each is known.
        while self.starting == 0
            && let Ok(Some(dead)) = waitid(Id::All, how).map(|status| status.pid())
            && !self.groups.contains(&dead.as_raw())
            && guard.id().ok() != Some(dead.as_raw())
        {
            waitpid(Pid::from_raw(dead.as_raw()), WaitOptions::NOHANG).ok();
        }
    }
}

/// Whether a signal has ended a child that was not waited for yet.
fn was_ended_by_signal(child: i32) -> bool {
    let how = WaitPidFlag::WEXITED | WaitPidFlag::WNOHANG | WaitPidFlag::WNOWAIT;
    matches!(waitid(Id::Pid(nix::unistd::Pid::from_raw(child)), how), Ok(WaitStatus::Signaled(..)))
}

/// Ends a child and its group: it may have gone to another one.
fn kill(group: i32) {
    if let Some(pid) = Pid::from_raw(group) {
        // Refused only when nobody is left, which is what was wanted.
        kill_process_group(pid, Signal::KILL).ok();
        kill_process(pid, Signal::KILL).ok();
    }
}
