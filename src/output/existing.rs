//! State of an output folder that exists, and whether a job may use, clear or continue it.
//!
//! Nothing is changed here: [`super::committer`] does that while it holds the folder's lock.

use super::committer::{CommitError, SUCCESS, TEMPORARY, entries};
use super::journal::{self, Begun, Committed, Entry, Fact, MapOutput, Written};
use super::lock::{self, LOCK};
use crate::error::{At, IoError};
use crate::ids::{TaskId, TaskKind};
use crate::plan::{Existing, OutputFormat, OutputSpec, wire};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::Path;
use std::time::SystemTime;

/// What a run left that did not come to its end.
#[derive(Debug)]
pub(super) struct Left {
    pub(super) begun: Begun,
    /// What was in the folder before is gone.
    pub(super) cleared: bool,
    /// The committed tasks, each once.
    pub(super) tasks: Vec<Committed>,
    /// Map output on disk.
    pub(super) outputs: Vec<MapOutput>,
    /// Tasks without which the job goes on.
    pub(super) given_up: Vec<TaskId>,
    /// All tasks are committed, and their files may have been moved to the output folder.
    pub(super) committing: bool,
}

impl Left {
    /// What the journal below `temporary` says; `None` without one.
    pub(super) fn read(temporary: &Path) -> Result<Option<Self>, IoError> {
        Ok(Self::of(journal::read(temporary)?))
    }

    fn of(written: Written) -> Option<Self> {
        let mut entries = written.entries.into_iter();
        let Some(Entry::Begun(begun)) = entries.next() else { return None };
        let cleared = !begun.clears;
        let (tasks, outputs, given_up) = (Vec::new(), Vec::new(), Vec::new());
        let mut left = Self { begun, cleared, tasks, outputs, given_up, committing: false };
        let mut tasks = BTreeMap::new();
        for entry in entries {
            match entry {
                Entry::Begun(_) => {}
                Entry::Cleared => left.cleared = true,
                Entry::MapOutput(output) => left.outputs.push(output),
                Entry::Task(task) => {
                    let TaskId { kind, number } = task.attempt.task;
                    let again = tasks.insert(task.attempt.task, *task).is_some();
                    // A map task that was done again: what it made before stands no longer for it.
                    let of_it = |output: &MapOutput| output.pieces.iter().any(|(map, _)| *map == number);
                    left.outputs.retain(|output| !(again && kind == TaskKind::Map && of_it(output)));
                }
                Entry::GivenUp(task) => left.given_up.push(task),
                Entry::Committing => left.committing = true,
            }
        }
        left.tasks = tasks.into_values().collect();
        Some(left)
    }
}

/// State of an output folder.
#[derive(Debug)]
enum FolderState {
    Missing,
    Empty,
    /// A run ended before its output was whole.
    Unfinished {
        at: Option<SystemTime>,
    },
    /// The output of a job.
    Finished,
    /// No folder, or one that is not a job's.
    Foreign,
}

impl FolderState {
    /// Looks at the folder. Its lock is not looked at, and counts for nothing when it is all that a run left.
    fn of(dir: &Path) -> Result<Self, IoError> {
        match dir.symlink_metadata() {
            // Under a file there is nothing either; that no folder can be made there is found out soon enough.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
                return Ok(Self::Missing);
            }
            found => {
                if !found.at("look at output folder", dir)?.is_dir() {
                    return Ok(Self::Foreign);
                }
            }
        }
        let temporary = dir.join(TEMPORARY);
        if temporary.is_symlink() {
            // What a planted link leads to is not a job's to clear.
            return Ok(Self::Foreign);
        }
        let mut names: Vec<_> = entries(dir)?.into_iter().map(|(name, _)| name).collect();
        let has_temporary = names.iter().any(|name| name == TEMPORARY);
        names.retain(|name| name != TEMPORARY);
        let without = Self::of_names(&names);
        let is_marked = names.iter().any(|name| name == SUCCESS);
        let written = if has_temporary { journal::read(&temporary)? } else { Written::default() };
        let left_something = has_temporary && entries(&temporary)?.iter().any(|(name, _)| name != LOCK);
        let at = written.at;
        Ok(match Left::of(written) {
            // All that is missing is the end of the journal.
            Some(left) if left.committing && is_marked => Self::Finished,
            Some(_) => Self::Unfinished { at },
            // A run began, or committed: its journal is lost, or it is Hadoop's.
            None if left_something && !is_marked => Self::Unfinished { at },
            None => without,
        })
    }

    /// The state of a folder that has these names, a job's temporary folder not among them.
    fn of_names(names: &[OsString]) -> Self {
        match names {
            [] => Self::Empty,
            // The marker is written last and removed first, so what is beside it is whole.
            names if names.iter().any(|name| name == SUCCESS) => Self::Finished,
            names if names.iter().all(|name| is_part(name)) => Self::Finished,
            _ => Self::Foreign,
        }
    }
}

/// Whether a file without a `_SUCCESS` beside it can be a job's.
fn is_part(name: &OsStr) -> bool {
    let name = name.as_encoded_bytes();
    name.starts_with(b"part-") || name.starts_with(b".part-")
}

/// Refuses an output folder that the job may not use. Hadoop: `FileOutputFormat.checkOutputSpecs`, which
/// refuses all that exist, and `NullOutputFormat.checkOutputSpecs`, which looks at nothing.
pub fn refuse(spec: &OutputSpec) -> Result<(), CommitError> {
    if spec.format == OutputFormat::Null {
        return Ok(());
    }
    let temporary = spec.dir.join(TEMPORARY);
    if !temporary.is_symlink() && lock::is_taken(&temporary)? {
        return Err(CommitError::Running { shown: spec.shown.clone() });
    }
    refuse_state(spec, FolderState::of(&spec.dir)?)
}

/// The same for the process that holds the folder's lock.
pub(super) fn refuse_locked(spec: &OutputSpec) -> Result<(), CommitError> {
    if spec.format == OutputFormat::Null {
        return Ok(());
    }
    match FolderState::of(&spec.dir)? {
        // The folder that this process made.
        FolderState::Empty => Ok(()),
        state => refuse_state(spec, state),
    }
}

/// The same for the process that commits what tasks in other processes wrote: all but the temporary folder was in
/// the output folder before them.
pub(super) fn refuse_beside_tasks(spec: &OutputSpec) -> Result<(), CommitError> {
    if spec.format == OutputFormat::Null {
        return Ok(());
    }
    let names: Vec<_> = entries(&spec.dir)?.into_iter().map(|(name, _)| name).collect();
    let names: Vec<_> = names.into_iter().filter(|name| name != TEMPORARY).collect();
    match FolderState::of_names(&names) {
        FolderState::Empty => Ok(()),
        state => refuse_state(spec, state),
    }
}

fn refuse_state(spec: &OutputSpec, state: FolderState) -> Result<(), CommitError> {
    let shown = || spec.shown.clone();
    Err(match (state, spec.existing) {
        (FolderState::Missing, _)
        | (FolderState::Empty, Existing::Clear | Existing::Continue)
        | (FolderState::Unfinished { .. } | FolderState::Finished, Existing::Clear)
        | (FolderState::Unfinished { .. }, Existing::Continue) => return Ok(()),
        (FolderState::Finished, Existing::Continue) => match Left::read(&spec.dir.join(TEMPORARY))? {
            Some(_) => return Ok(()),
            None => CommitError::NothingLeft { shown: shown() },
        },
        (FolderState::Unfinished { at }, Existing::Refuse) => CommitError::Unfinished { shown: shown(), at },
        (FolderState::Foreign, Existing::Clear) => CommitError::Foreign { shown: shown() },
        (FolderState::Empty | FolderState::Finished, Existing::Refuse)
        | (FolderState::Foreign, Existing::Refuse | Existing::Continue) => {
            CommitError::Exists { shown: shown() }
        }
    })
}

/// How the run began that is to be continued here, if there is one.
pub fn run_to_continue(spec: &OutputSpec) -> Option<Begun> {
    let wanted = spec.format != OutputFormat::Null && spec.existing == Existing::Continue;
    // What cannot be read is reported when the folder is looked at again, with the lock held.
    let left = Left::read(&spec.dir.join(TEMPORARY)).ok().flatten().filter(|_| wanted)?;
    Some(left.begun)
}

/// Refuses to continue a run whose result was decided by something else than `facts`.
pub fn refuse_change(spec: &OutputSpec, facts: &[Fact]) -> Result<(), CommitError> {
    if spec.format == OutputFormat::Null || spec.existing != Existing::Continue {
        return Ok(());
    }
    let written = journal::read(&spec.dir.join(TEMPORARY))?;
    refuse_version(spec, &written)?;
    Left::of(written).map_or(Ok(()), |left| compare(spec, &left.begun.facts, facts))
}

/// Refuses to continue what another version of mr-stream left.
fn refuse_version(spec: &OutputSpec, written: &Written) -> Result<(), CommitError> {
    let Some(found) = written.other_version else { return Ok(()) };
    Err(CommitError::Changed {
        shown: spec.shown.clone(),
        what: "the version of mr-stream's documents".into(),
        before: found.to_string(),
        now: wire::VERSION.to_string(),
    })
}

fn compare(spec: &OutputSpec, then: &[Fact], now: &[Fact]) -> Result<(), CommitError> {
    let by_name = |facts: &[Fact]| -> BTreeMap<String, String> {
        facts.iter().map(|fact| (fact.what.clone(), fact.value.clone())).collect()
    };
    let (before, after) = (by_name(then), by_name(now));
    let changed = then.iter().chain(now).find(|fact| before.get(&fact.what) != after.get(&fact.what));
    let Some(Fact { what, .. }) = changed else { return Ok(()) };
    let value =
        |facts: &BTreeMap<String, String>| facts.get(what).cloned().unwrap_or_else(|| "not there".into());
    Err(CommitError::Changed {
        shown: spec.shown.clone(),
        what: what.clone(),
        before: value(&before),
        now: value(&after),
    })
}
