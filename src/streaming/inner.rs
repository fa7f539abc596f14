//! Runs of mr-stream that children of a job have started, and their guards.
//!
//! A run removes what it has made when it gets SIGTERM. If it is killed, its guard removes the temporary folders but not
//! the unfinished output. So a job that ends its children asks the runs among them first, and leaves guards alone: they
//! end by themselves when their run has ended.

use super::guard::COMMAND_LINE;
use super::process_table::{self, Entry, Held};
use rustix::process::Signal;
use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

/// How long a run may take to clean up.
const CLEAN_UP_WAIT: Duration = Duration::from_secs(10);

/// Runs that were asked to stop. Each is asked once: a later signal would end its clean-up.
#[derive(Debug, Default)]
pub(super) struct Asked(BTreeSet<(i32, u64)>);

impl Asked {
    /// Asks the runs in these process groups to stop; returns those that have not ended. In a group with a run all
    /// other processes are killed, for a shell would start its next command. No group may get another meaning while
    /// this looks.
    pub(super) fn ask(&mut self, groups: &BTreeSet<i32>) -> Vec<Held> {
        let entries: BTreeMap<i32, Entry> = process_table::all()
            .filter_map(|process| Some((process, process_table::entry(process)?)))
            .filter(|(_, entry)| !entry.is_dead)
            .collect();
        let guards = entries.iter().filter(|(process, _)| is_guard(**process));
        let guarded: BTreeSet<i32> = guards.map(|(_, entry)| entry.parent).collect();
        let members = entries.iter().filter(|(_, entry)| groups.contains(&entry.group));
        let (runs, others): (Vec<_>, Vec<_>) =
            members.partition(|(process, _)| guarded.contains(process) || is_run(**process));
        let with_runs: BTreeSet<i32> = runs.iter().map(|(_, entry)| entry.group).collect();
        for (process, entry) in others.into_iter().filter(|(_, entry)| with_runs.contains(&entry.group)) {
            if let Some(held) = Held::new(*process, entry) {
                held.send(Signal::KILL);
            }
        }
        runs.into_iter().filter_map(|(process, entry)| self.ask_once(*process, entry)).collect()
    }

    /// Asks one process to stop, if it is a run that was not asked yet.
    pub(super) fn ask_process(&mut self, process: i32) -> Option<Held> {
        let entry = process_table::entry(process).filter(|_| is_run(process))?;
        if self.0.contains(&(process, entry.started)) { None } else { self.ask_once(process, &entry) }
    }

    fn ask_once(&mut self, process: i32, entry: &Entry) -> Option<Held> {
        let held = Held::new(process, entry)?;
        if self.0.insert((process, entry.started)) {
            held.send(Signal::TERM);
        }
        // One that stands still could not clean up.
        held.send(Signal::CONT);
        Some(held)
    }
}

/// Waits until runs have ended, or have had the time to clean up.
pub(super) fn wait_for(runs: &[Held]) {
    let until = Instant::now() + CLEAN_UP_WAIT;
    for run in runs {
        run.wait(until.saturating_duration_since(Instant::now()));
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
