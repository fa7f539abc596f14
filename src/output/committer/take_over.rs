//! Output folders that are there already: cleared, or gone on with from where a run was killed.

use super::{CommitError, JobCommitter, SUCCESS, TEMPORARY, remove_entries, remove_tree};
use crate::error::{At, IoError};
use crate::fs;
use crate::ids::TaskId;
use crate::local_fs;
use crate::output::existing::{self, Left};
use crate::output::journal::{Begun, Committed, Entry, Journal, Lock, MapOutput, OutputFile};
use crate::output::manifest;
use crate::plan::{Existing, OutputSpec};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What an earlier run of the job left, and the right to go on from it.
#[derive(Debug)]
pub struct Earlier {
    lock: Lock,
    begun: Begun,
    /// The committed tasks whose files are as they were written.
    pub tasks: Vec<Committed>,
    /// Where map output is; nobody has looked whether it still is.
    pub outputs: Vec<MapOutput>,
    /// Tasks without which the job goes on.
    pub given_up: Vec<TaskId>,
    committing: bool,
}

impl Earlier {
    /// What the names of the job's temporary folders begin with.
    pub fn scratch_prefix(&self) -> &str {
        &self.begun.scratch_prefix
    }
}

impl JobCommitter {
    /// Makes a folder that is there this job's own.
    pub(super) fn take_over(
        &mut self,
        spec: &OutputSpec,
        run: Begun,
        end: impl FnMut(Vec<PathBuf>),
    ) -> Result<Option<Earlier>, CommitError> {
        let temporary = self.out.join(TEMPORARY);
        fs::create_dir_all(&temporary).at("make output folder", &temporary)?;
        let running = || CommitError::Running { shown: spec.shown.clone() };
        let lock = Lock::take(&temporary)?.ok_or_else(running)?;
        existing::refuse_change(spec, &run.facts)?;
        let left = Left::read(&temporary)?;
        // A child of that run that is still there would write where this one's children do.
        left.iter().map(|left| left.begun.scratch_paths()).for_each(end);
        self.made = left.as_ref().map_or_else(|| vec![self.out.clone()], |left| left.begun.made.clone());
        match left {
            Some(left) if spec.existing == Existing::Continue && left.cleared => {
                Ok(Some(self.look_at(spec, left, lock, run)?))
            }
            left => {
                self.clear(left, lock, run)?;
                let pending = self.job_dir();
                fs::create_dir_all(&pending).at("make output folder", &pending)?;
                Ok(None)
            }
        }
    }

    /// Clears the folder. A run that is killed on the way leaves a journal that says so, and the marker of what
    /// stood there before goes first.
    fn clear(&mut self, left: Option<Left>, lock: Lock, run: Begun) -> Result<(), IoError> {
        let temporary = self.out.join(TEMPORARY);
        if let Some(Left { begun, .. }) = left {
            local_fs::sweep(&begun.local_dirs, &begun.scratch_prefix)?;
        }
        let begun = Entry::Begun(Begun { made: self.made.clone(), clears: true, ..run });
        let journal = Journal::begin(&temporary, lock, &[begun])?;
        remove_tree(&self.out.join(SUCCESS))?;
        remove_entries(&self.out, |name| name == TEMPORARY)?;
        remove_entries(&temporary, Journal::owns)?;
        journal.add(&Entry::Cleared)?;
        self.journal = Some(journal);
        Ok(())
    }

    /// Finds the committed tasks whose files are as they were written.
    fn look_at(&self, spec: &OutputSpec, left: Left, lock: Lock, run: Begun) -> Result<Earlier, CommitError> {
        let Left { mut begun, mut tasks, outputs, given_up, committing, .. } = left;
        if committing {
            // Files may be on their way from one folder to the other, and a user may have worked on them.
            if let Some(path) = self.first_changed(&tasks)? {
                return Err(CommitError::Changed {
                    shown: spec.shown.clone(),
                    what: format!("the output file {}", path.display()),
                    before: "whole".into(),
                    now: "changed or missing".into(),
                });
            }
        } else {
            let mut whole = Vec::new();
            for task in tasks {
                if self.is_whole(&task)? {
                    whole.push(task);
                }
            }
            tasks = whole;
        }
        let new_dirs = run.local_dirs.into_iter().filter(|dir| !begun.local_dirs.contains(dir));
        let new_dirs: Vec<_> = new_dirs.collect();
        begun.local_dirs.extend(new_dirs);
        begun.clears = false;
        Ok(Earlier { lock, begun, tasks, outputs, given_up, committing })
    }

    /// Goes on from what an earlier run left: `earlier` without the tasks and the map output that shall be made
    /// again. Removes what there is of these.
    pub fn go_on(&mut self, earlier: Earlier) -> Result<(), CommitError> {
        let Earlier { lock, begun, tasks, outputs, given_up, committing } = earlier;
        if !committing {
            let kept: Vec<_> = tasks.iter().map(|task| task.attempt.task.in_job(&self.job)).collect();
            match remove_entries(&self.job_dir(), |name| kept.iter().any(|kept| name == kept.as_str())) {
                // Killed before it was made.
                Err(error) if error.source.kind() == ErrorKind::NotFound => {}
                removed => removed?,
            }
        }
        if outputs.is_empty() {
            local_fs::sweep(&begun.local_dirs, &begun.scratch_prefix)?;
        }
        self.swept = Some((begun.local_dirs.clone(), begun.scratch_prefix.clone()));
        let mut entries = vec![Entry::Begun(begun)];
        entries.extend(tasks.into_iter().map(|task| Entry::Task(Box::new(task))));
        entries.extend(outputs.into_iter().map(Entry::MapOutput));
        entries.extend(given_up.into_iter().map(Entry::GivenUp));
        entries.extend(committing.then_some(Entry::Committing));
        self.journal = Some(Journal::begin(&self.out.join(TEMPORARY), lock, &entries)?);
        let pending = self.job_dir();
        Ok(fs::create_dir_all(&pending).at("make output folder", &pending)?)
    }

    /// Removes the temporary folders of the runs that this one goes on from.
    pub(super) fn sweep(&self) -> Result<(), IoError> {
        self.swept.iter().try_for_each(|(local_dirs, prefix)| local_fs::sweep(local_dirs, prefix))
    }

    /// Whether a committed task's folder has its files as they were written.
    fn is_whole(&self, task: &Committed) -> Result<bool, IoError> {
        let folder = self.task_dir(task.attempt.task);
        for file in &task.files {
            if manifest::read(&folder, &file.path)?.as_ref() != Some(file) {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The first file that is not as it was written, of an output that may have been moved in part.
    fn first_changed(&self, tasks: &[Committed]) -> Result<Option<PathBuf>, IoError> {
        // In the order in which they are moved, later ones over earlier ones.
        let mut tasks: Vec<_> = tasks.iter().collect();
        tasks.sort_by_key(|task| task.attempt.task.in_job(&self.job));
        let mut expected: Vec<(TaskId, &OutputFile)> = Vec::new();
        for task in tasks {
            for file in &task.files {
                expected.retain(|(_, other)| !overlap(&other.path, &file.path));
                expected.push((task.attempt.task, file));
            }
        }
        for (task, file) in expected {
            let waiting = manifest::read(&self.task_dir(task), &file.path)?;
            let found = if waiting.is_some() { waiting } else { manifest::read(&self.out, &file.path)? };
            if found.as_ref() != Some(file) {
                return Ok(Some(file.path.clone()));
            }
        }
        Ok(None)
    }
}

/// Whether one of two paths is in the way of the other.
fn overlap(one: &Path, other: &Path) -> bool {
    one.starts_with(other) || other.starts_with(one)
}
