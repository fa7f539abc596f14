//! Runs of mr-stream that children of a job have started, and their guards.
//!
//! A run removes what it has made when it gets SIGTERM. If it is killed, its guard removes the temporary folders but not
//! the unfinished output. So a job that ends its children asks the runs among them first, and leaves guards alone: they
//! end by themselves when their run has ended.

use super::guard::COMMAND_LINE;
use super::process_table::{self, Entry, Signalled};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a run may take to clean up.
const CLEAN_UP_WAIT: Duration = Duration::from_secs(10);

/// Runs that were asked to stop.
#[derive(Debug, Default)]
pub(super) struct Asked(Vec<Signalled>);

/// Asks the runs in these process groups to stop. In a group with a run all other processes are killed, for a shell
/// would start its next command. No group may get another meaning while this looks.
pub(super) fn ask(groups: &BTreeSet<i32>) -> Asked {
    let entries: BTreeMap<i32, Entry> = process_table::all()
        .filter_map(|process| Some((process, process_table::entry(process)?)))
        .filter(|(_, entry)| !entry.is_dead)
        .collect();
    let guarded: BTreeSet<i32> =
        entries.iter().filter(|(process, _)| is_guard(**process)).map(|(_, entry)| entry.parent).collect();
    let members = entries.iter().filter(|(_, entry)| groups.contains(&entry.group));
    let (runs, others): (Vec<_>, Vec<_>) =
        members.partition(|(process, _)| guarded.contains(process) || is_run(**process));
    let with_runs: BTreeSet<i32> = runs.iter().map(|(_, entry)| entry.group).collect();
    for (process, entry) in others {
        if with_runs.contains(&entry.group) {
            process_table::signal(*process, entry, Signal::KILL);
        }
    }
    let asked = runs.into_iter();
    Asked(asked.filter_map(|(process, entry)| process_table::signal(*process, entry, Signal::TERM)).collect())
}

/// Asks one process to stop, if it is a run.
pub(super) fn ask_process(process: i32) -> Option<Asked> {
    let entry = process_table::entry(process).filter(|_| is_run(process))?;
    Some(Asked(process_table::signal(process, &entry, Signal::TERM).into_iter().collect()))
}

impl Asked {
    /// Waits until they have ended, or have had the time to.
    pub(super) fn wait(self) {
        let until = Instant::now() + CLEAN_UP_WAIT;
        for run in self.0.iter().filter_map(|run| run.held.as_ref()) {
            let left = until.saturating_duration_since(Instant::now());
            // A descriptor of a process can be read from when it has ended.
            poll(&mut [PollFd::new(run, PollFlags::IN)], Timespec::try_from(left).ok().as_ref()).ok();
        }
    }
}

/// Whether a process is the guard of a run.
pub(super) fn is_guard(process: i32) -> bool {
    let [program, word] = COMMAND_LINE;
    process_table::command_line(process) == format!("{program}\0{word}\0").as_bytes()
}

/// Whether a process runs this program, and is no guard.
fn is_run(process: i32) -> bool {
    process_table::is_our_program(process) && !is_guard(process)
}
