//! Output folders that exist: cleared, or continued from where a run was killed.

use super::tree::{Made, remove_entries, remove_tree, sync_folder};
use super::{CommitError, JobCommitter, SUCCESS, TEMPORARY, is_published};
use crate::error::{At, IoError};
use crate::fs;
use crate::ids::TaskId;
use crate::local_fs;
use crate::output::existing::{self, Left};
use crate::output::journal::{Begun, Committed, Entry, Journal, MapOutput, OutputFile};
use crate::output::lock::LOCK;
use crate::output::manifest::{self, Difference, Differs, Manifests, TaskFile};
use crate::plan::{Existing, OutputSpec};
use std::collections::{BTreeMap, BTreeSet};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// What an earlier run of the job left.
#[derive(Debug)]
pub struct Earlier {
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
    /// Makes a folder that exists this job's own. The lock is held.
    pub(super) fn take_over(
        &mut self,
        spec: &OutputSpec,
        run: Begun,
        end: impl FnMut(Vec<PathBuf>),
    ) -> Result<Option<Earlier>, CommitError> {
        existing::refuse_change(spec, &run.facts)?;
        let left = Left::read(&self.temporary())?;
        // A child of that run that is still alive would write where this one's children do.
        left.iter().map(|left| left.begun.scratch_paths()).for_each(end);
        match (&left, &mut self.claim) {
            // The earlier run made these folders, so this one removes them if it fails.
            (Some(left), Some(claim)) => {
                claim.made = left.begun.made.iter().filter_map(|path| Made::folder(path)).collect();
            }
            (None, Some(claim)) if claim.made.is_empty() => claim.made.extend(Made::folder(&self.out)),
            _ => {}
        }
        match left {
            Some(left) if spec.existing == Existing::Continue && left.cleared => {
                Ok(Some(self.look_at(spec, left, run)?))
            }
            left => self.clear(left, run).map(|()| None).map_err(Into::into),
        }
    }

    /// Clears the folder. A run that is killed on the way leaves a journal that says so. The marker of what
    /// stood there before goes first.
    fn clear(&mut self, left: Option<Left>, run: Begun) -> Result<(), IoError> {
        let temporary = self.temporary();
        if let Some(Left { begun, .. }) = left {
            local_fs::sweep(&begun.local_dirs, &begun.scratch_prefix)?;
        }
        let begun = Entry::Begun(Begun { made: self.made_paths(), clears: true, ..run });
        let journal = Journal::begin(&temporary, &[begun])?;
        journal.sync()?;
        remove_tree(&self.out.join(SUCCESS))?;
        sync_folder(&self.out)?;
        remove_entries(&self.out, |name| name == TEMPORARY)?;
        remove_entries(&temporary, |name| name == LOCK || Journal::owns(name))?;
        journal.add(&Entry::Cleared)?;
        self.journal = Some(journal);
        Ok(())
    }

    /// Finds the committed tasks whose files are as they were written.
    fn look_at(&self, spec: &OutputSpec, left: Left, run: Begun) -> Result<Earlier, CommitError> {
        let Left { mut begun, mut tasks, outputs, given_up, committing, .. } = left;
        if committing {
            // Files may have been moved from one folder to the other, and a user may have worked on them.
            if let Some((path, how)) = self.first_difference(&mut manifests_of(&tasks))? {
                return Err(CommitError::Changed {
                    shown: spec.shown.clone(),
                    what: format!("the output file {}", path.display()),
                    before: "whole".into(),
                    now: match how {
                        Difference::Added => "one that no task wrote".into(),
                        Difference::Changed | Difference::Missing => "changed or missing".into(),
                    },
                });
            }
        } else {
            let mut whole = Vec::new();
            for task in tasks {
                let mut files: Vec<_> = task.files.iter().cloned().map(TaskFile::from).collect();
                let differs = manifest::compare(&self.task_dir(task.attempt.task), &mut files)?;
                whole.extend(differs.is_none().then_some(task));
            }
            tasks = whole;
            self.refuse_additions(&self.out, |name| name == TEMPORARY)?;
        }
        let new_dirs = run.local_dirs.into_iter().filter(|dir| !begun.local_dirs.contains(dir));
        let new_dirs: Vec<_> = new_dirs.collect();
        begun.local_dirs.extend(new_dirs);
        begun.clears = false;
        Ok(Earlier { begun, tasks, outputs, given_up, committing })
    }

    /// Continues from what an earlier run left: `earlier` without the tasks and the map output that are to be made
    /// again. Removes what there is of these.
    pub fn go_on(&mut self, earlier: Earlier) -> Result<(), CommitError> {
        let Earlier { begun, tasks, outputs, given_up, committing } = earlier;
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
        if committing {
            // It is written again when all files have been compared.
            remove_tree(&self.out.join(SUCCESS))?;
        }
        self.commit_begun = committing;
        *self.manifests() = manifests_of(&tasks);
        self.swept = Some((begun.local_dirs.clone(), begun.scratch_prefix.clone()));
        let mut entries = vec![Entry::Begun(begun)];
        entries.extend(tasks.into_iter().map(|task| Entry::Task(Box::new(task))));
        entries.extend(outputs.into_iter().map(Entry::MapOutput));
        entries.extend(given_up.into_iter().map(Entry::GivenUp));
        entries.extend(committing.then_some(Entry::Committing));
        self.journal = Some(Journal::begin(&self.temporary(), &entries)?);
        let pending = self.job_dir();
        Ok(fs::create_dir_all(&pending).at("make output folder", &pending)?)
    }

    /// Removes the temporary folders of the runs that this one goes on from.
    pub(super) fn sweep(&self) -> Result<(), IoError> {
        self.swept.iter().try_for_each(|(local_dirs, prefix)| local_fs::sweep(local_dirs, prefix))
    }

    /// Checks a commit that an earlier run began: each file is in its task's folder or in the output folder.
    pub(super) fn check_partly_published(&self, manifests: &mut Manifests) -> Result<(), CommitError> {
        let differs = self.first_difference(manifests)?;
        self.same(differs)
    }

    /// The first file that is not as its task wrote it, or that no task wrote, of an output that may have been moved
    /// in part.
    fn first_difference(&self, manifests: &mut Manifests) -> Result<Differs, IoError> {
        let mut present = BTreeSet::new();
        let folders = manifests.iter().map(|(task, files)| (self.task_dir(*task), files.iter().collect()));
        let published = (self.out.clone(), manifests.values().flatten().collect::<Vec<_>>());
        for (folder, written) in folders.chain([published]) {
            let mut by_path = BTreeMap::<&Path, Vec<&OutputFile>>::new();
            for file in written {
                by_path.entry(&file.file.path).or_default().push(&file.file);
            }
            for found in manifest::of(&folder, &[], is_published)? {
                let path = found.file.path.clone();
                match by_path.get(&*path) {
                    Some(files) if files.contains(&&found.file) => present.insert(found.file),
                    Some(_) => return Ok(Some((path, Difference::Changed))),
                    None => return Ok(Some((path, Difference::Added))),
                };
            }
        }
        let merged = manifest::merged(manifests, is_published);
        let missing = merged.into_iter().find(|(_, file)| !present.contains(&file.file));
        Ok(missing.map(|(path, _)| (path, Difference::Missing)))
    }
}

fn manifests_of(tasks: &[Committed]) -> Manifests {
    let files = |task: &Committed| task.files.iter().cloned().map(TaskFile::from).collect();
    tasks.iter().map(|task| (task.attempt.task, files(task))).collect()
}
