//! The guard's own side: it listens, and when the line breaks off it ends what is left and removes the folders.
//!
//! It must not touch strangers, though numbers of processes are used again. So a process is ended only if it is the one
//! that was judged, while it is held by a descriptor where the kernel has them. It is the job's if it carries one of the job's folders, whose
//! names cannot be guessed, in its environment; if it is in a group that was still running when the line broke off, and
//! in the session of the job; or if one that is the job's has started it or leads its group.

use super::{ENTERED, FOLDER, GOODBYE, KEEP, LEFT, SESSION};
use crate::streaming::child::close_others;
use crate::streaming::inner::is_guard;
use crate::streaming::process_table::{self, Entry, Held};
use memchr::memmem;
use rustix::event::{Timespec, poll};
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Read};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// How often it is looked for processes. One round finds all but those that were started during it.
const ROUNDS_MAX: usize = 100;

/// How long to wait for the end of a process that was killed. One that waits for a disk may take long.
const END_WAIT: Duration = Duration::from_secs(2);

/// How long to wait for a program that is just being started.
const START_WAIT: Timespec = Timespec { tv_sec: 0, tv_nsec: 10_000_000 };

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

/// What one look at all processes has found.
struct Found {
    /// The job's, by their numbers.
    ours: BTreeMap<i32, Entry>,
    /// Of some process it cannot be seen yet whose it is.
    is_unsure: bool,
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
        let mut led = BTreeSet::new();
        for _ in 0..ROUNDS_MAX {
            let found = self.look(&mut led);
            let held = found.ours.iter().filter_map(|(process, entry)| Held::new(*process, entry));
            let killed: Vec<Held> = held.filter(|process| process.send(Signal::KILL)).collect();
            if killed.is_empty() && !found.is_unsure {
                break;
            }
            // All of them, whether or not one could be waited for.
            if killed.iter().filter(|process| process.wait(END_WAIT)).count() == 0 {
                poll(&mut [], Some(&START_WAIT)).ok();
            }
        }
        for folder in &self.folders {
            // Nobody is left to be told.
            std::fs::remove_dir_all(folder).ok();
        }
    }

    /// Looks once at all processes. Groups, with their sessions, are added to `led` if a process of the job leads them:
    /// we may not have been told of one, if mr-stream was killed just after it had started the leader.
    fn look(&self, led: &mut BTreeSet<(i32, i32)>) -> Found {
        let us = rustix::process::getpid().as_raw_nonzero().get();
        let entries = process_table::all().filter(|process| *process != us);
        let entries = entries.filter_map(|process| Some((process, process_table::entry(process)?)));
        let mut others: BTreeMap<i32, Entry> = entries.filter(|(_, entry)| !entry.is_dead).collect();
        let mut is_unsure = false;
        let mut ours = BTreeMap::new();
        for (&process, &entry) in &others {
            let environment = process_table::environment(process);
            let is_told = self.groups.contains(&entry.group) && self.session == Some(entry.session);
            if is_told || environment.as_ref().is_some_and(|environment| self.is_marked(environment)) {
                ours.insert(process, entry);
            } else if environment.is_none() {
                is_unsure = true;
            }
        }
        loop {
            others.retain(|process, _| !ours.contains_key(process));
            let leaders = ours.iter().filter(|(process, entry)| **process == entry.group);
            led.extend(leaders.map(|(_, entry)| (entry.group, entry.session)));
            let follows = |entry: &Entry| {
                led.contains(&(entry.group, entry.session)) || ours.contains_key(&entry.parent)
            };
            let more = others.iter().filter(|(process, entry)| follows(entry) && !is_guard(**process));
            let more: Vec<(i32, Entry)> = more.map(|(process, entry)| (*process, *entry)).collect();
            if more.is_empty() {
                return Found { ours, is_unsure };
            }
            ours.extend(more);
        }
    }

    fn is_marked(&self, environment: &[u8]) -> bool {
        let names = |folder: &Path| memmem::find(environment, folder.as_os_str().as_bytes()).is_some();
        self.folders.iter().chain(&self.kept).any(|folder| names(folder))
    }
}
