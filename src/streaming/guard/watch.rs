//! The guard's own side: it listens, and when the line breaks off it ends what is left and removes the folders.
//!
//! It must not touch strangers, though numbers of processes are used again. So a process is ended only while it is
//! held by a descriptor, and if then it carries one of the job's folders, whose names cannot be guessed, in its
//! environment; or if it is in a group that was still running when the line broke off, and in the session of the job.

use super::{ENTERED, FOLDER, GOODBYE, KEEP, LEFT, SESSION};
use crate::streaming::child::close_others;
use crate::streaming::process_table;
use memchr::memmem;
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// How often it is looked for processes. One round finds all but those that were started during it.
const ROUNDS_MAX: usize = 100;

/// How long to wait for the end of a process that was killed. One that waits for a disk may take long.
const END_WAIT: Timespec = Timespec { tv_sec: 2, tv_nsec: 0 };

/// What a guard does from start to end: listens to its standard input, and cleans up if there is no goodbye.
pub fn stand_guard() {
    // Files that whoever started mr-stream left open to it: a pipe among them would not end before us.
    close_others();
    let told = Told::from(std::io::stdin().lock());
    if !told.goodbye {
        told.clean_up();
    }
}

/// Ends all processes that have something in their environment which begins with one of these paths. A guard that is
/// dead, or has not come to it, may have left them.
pub fn end_marked(paths: impl Iterator<Item = PathBuf>) {
    Told { kept: paths.collect(), ..Told::default() }.clean_up();
}

/// What the guard knows at the end.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Told {
    pub(super) groups: BTreeSet<i32>,
    pub(super) folders: BTreeSet<PathBuf>,
    /// Folders that stay, but tell whose a process is.
    pub(super) kept: BTreeSet<PathBuf>,
    pub(super) session: Option<i32>,
    pub(super) goodbye: bool,
}

/// A process that will soon be dead.
struct Killed {
    /// What tells its end, if the kernel has such descriptors.
    held: Option<OwnedFd>,
}

impl Told {
    /// Listens to the end of the line.
    pub(super) fn from(line: impl Read) -> Self {
        let mut told = Self::default();
        for message in BufReader::new(line).split(0) {
            // What cannot be read is over.
            let Ok(message) = message else { break };
            told.take(&message);
        }
        told
    }

    fn take(&mut self, message: &[u8]) {
        let Some((letter, words)) = message.split_first() else { return };
        let number = || std::str::from_utf8(words).ok()?.parse::<i32>().ok();
        let path = || PathBuf::from(OsStr::from_bytes(words));
        match *letter {
            ENTERED => self.groups.extend(number()),
            LEFT => drop(number().map(|group| self.groups.remove(&group))),
            FOLDER => drop(self.folders.insert(path())),
            KEEP => {
                self.folders.remove(&path());
                self.kept.insert(path());
            }
            SESSION => self.session = number(),
            GOODBYE => self.goodbye = true,
            _ => {}
        }
    }

    pub(super) fn clean_up(&self) {
        for _ in 0..ROUNDS_MAX {
            let killed: Vec<_> = process_table::all().filter_map(|process| self.kill(process)).collect();
            if killed.is_empty() {
                break;
            }
            for process in killed.iter().filter_map(|killed| killed.held.as_ref()) {
                // A descriptor of a process can be read from when it has ended.
                poll(&mut [PollFd::new(process, PollFlags::IN)], Some(&END_WAIT)).ok();
            }
        }
        for folder in &self.folders {
            // Nobody is left to be told.
            std::fs::remove_dir_all(folder).ok();
        }
    }

    /// Kills a process if it is the job's.
    fn kill(&self, process: i32) -> Option<Killed> {
        let id = Pid::from_raw(process).filter(|_| self.is_ours(process))?;
        match pidfd_open(id, PidfdFlags::empty()) {
            // Asked once more: if what is held has ended meanwhile, the signal goes nowhere.
            Ok(held) if self.is_ours(process) => {
                pidfd_send_signal(&held, Signal::KILL).ok()?;
                Some(Killed { held: Some(held) })
            }
            Err(Errno::NOSYS) => {
                kill_process(id, Signal::KILL).ok()?;
                Some(Killed { held: None })
            }
            _ => None,
        }
    }

    fn is_ours(&self, process: i32) -> bool {
        let Some(entry) = process_table::entry(process).filter(|entry| !entry.is_dead) else { return false };
        self.groups.contains(&entry.group) && self.session == Some(entry.session)
            || self.is_marked(&process_table::environment(process))
    }

    fn is_marked(&self, environment: &[u8]) -> bool {
        let names = |folder: &Path| memmem::find(environment, folder.as_os_str().as_bytes()).is_some();
        self.folders.iter().chain(&self.kept).any(|folder| names(folder))
    }
}
