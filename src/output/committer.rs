//! Publishes the output of a job: all of it or nothing. Hadoop: `FileOutputCommitter`, algorithm 1.
//!
//! ```text
//! out/_temporary/lock                      held from before the first change until after the last one
//! out/_temporary/0/_temporary/<attempt>/   an attempt writes here
//! out/_temporary/0/<task>/                 commit_task: one rename, so one attempt of a task counts
//! out/                                     commit_job: the tasks' files, folders merged; then _SUCCESS
//! ```
//!
//! Everything that an attempt leaves in its folder is published, files that its child put there included. Its
//! *manifest* is taken when the task commits. The job's commit compares the folders with the manifests before it
//! moves the first file, before it writes `_SUCCESS` and after that. What is missing, added or changed fails the job.
//!
//! The scheduler decides which attempt may commit. This module is the only one that names a path in `out`. It removes
//! only what it made, which it knows by identity (device and inode) and not by name.

use super::existing;
use super::journal::{Begun, Committed, Entry, FileKind, Journal, MapOutput, OutputFile};
use super::lock::{self, FileId, LockError, OutputLock};
use super::manifest::{self, Difference, Differs, Manifests, TaskFile};
use super::part_file::create_unlinked;
use crate::counters::Counters;
use crate::error::{At, IoError};
use crate::fs::{self, OpenOptions};
use crate::ids::{AttemptId, JobId, TaskId};
use crate::plan::{Existing, OutputFormat, OutputSpec};
use crate::sync;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};

mod error;
mod take_over;
#[cfg(test)]
mod tests;
mod tree;

pub use error::CommitError;
pub use take_over::Earlier;
pub(super) use tree::entries;

use tree::{Made, remove_entries, remove_made, remove_tree, sync_files, sync_folder};

pub(super) const TEMPORARY: &str = "_temporary";
pub(super) const SUCCESS: &str = "_SUCCESS";

/// Number of attempts to make an output folder whose parents other jobs remove at the same time.
const FOLDER_TRIES: usize = 100;

/// The right to write into the output folder.
#[derive(Debug)]
struct Claim {
    lock: OutputLock,
    /// Folders that this job made, the output folder included, outermost first.
    made: Vec<Made>,
}

/// The output folder of one job.
#[derive(Debug)]
pub struct JobCommitter {
    out: PathBuf,
    /// The folder as the user wrote it.
    shown: String,
    job: JobId,
    success_marker: bool,
    /// Others may have files in the output folder (`NullOutputFormat`).
    is_shared: bool,
    /// `None` for a task in another process.
    claim: Option<Claim>,
    /// What is done so far, for a run after this one. `None` for a task in another process, and for a shared folder.
    journal: Option<Journal>,
    /// What the committed tasks wrote.
    manifests: Mutex<Manifests>,
    /// What this job's commit put into the output folder.
    published: Vec<Made>,
    /// An earlier run of this job was killed while it committed.
    commit_begun: bool,
    /// Where the runs that this one continues left temporary folders, and what those are called.
    swept: Option<(Vec<PathBuf>, String)>,
}

impl JobCommitter {
    /// The committer of a job whose output folder another process has set up.
    pub fn of(spec: &OutputSpec, job: &JobId) -> Self {
        Self {
            out: spec.dir.clone(),
            shown: spec.shown.clone(),
            job: job.clone(),
            success_marker: spec.success_marker,
            is_shared: spec.format == OutputFormat::Null,
            claim: None,
            journal: None,
            manifests: Mutex::default(),
            published: Vec::new(),
            commit_begun: false,
            swept: None,
        }
    }

    /// Makes the output folder with its missing parents and takes its lock; or takes over the folder that is there.
    /// `run` is the first entry of the journal; the made folders are filled in. `end` ends the processes of an
    /// earlier run, which have a path in their environment that begins with one of the given ones. If the job
    /// continues that run, nothing is changed yet, and [`Self::go_on`] comes next.
    ///
    /// # Errors
    /// The output folder may not be used, or cannot be made; then everything is as it was before.
    pub fn setup(
        spec: &OutputSpec,
        run: Begun,
        end: impl FnMut(Vec<PathBuf>),
    ) -> Result<(Self, Option<Earlier>), CommitError> {
        existing::refuse(spec)?;
        let mut committer = Self::of(spec, &run.job);
        committer.refuse_nested(spec)?;
        committer.claim(spec, spec.existing == Existing::Refuse && !committer.is_shared)?;
        match committer.begin(spec, run, end) {
            Ok(earlier) => Ok((committer, earlier)),
            Err(error) => {
                committer.give_back();
                Err(error)
            }
        }
    }

    /// The committer of a job whose tasks ran in other processes, with the lock of its output folder. What was in the
    /// folder before is refused, or cleared if the job says so.
    pub fn of_tasks(spec: &OutputSpec, job: &JobId) -> Result<Self, CommitError> {
        let mut committer = Self::of(spec, job);
        committer.claim(spec, false)?;
        if let Err(error) = committer.begin_commit(spec) {
            committer.give_back();
            return Err(error);
        }
        Ok(committer)
    }

    fn begin_commit(&self, spec: &OutputSpec) -> Result<(), CommitError> {
        existing::refuse_beside_tasks(spec)?;
        if spec.existing == Existing::Clear && !self.is_shared {
            // The marker first: without it nothing looks finished.
            remove_tree(&self.out.join(SUCCESS))?;
            sync_folder(&self.out)?;
            remove_entries(&self.out, |name| name == TEMPORARY)?;
        }
        let pending = self.job_dir();
        Ok(fs::create_dir_all(&pending).at("make output folder", &pending)?)
    }

    /// Makes what is missing of the output folder, which must not be there if it `is_new`, and takes the lock.
    fn claim(&mut self, spec: &OutputSpec, is_new: bool) -> Result<(), CommitError> {
        for _ in 0..FOLDER_TRIES {
            let mut made = Vec::new();
            let taken = self.make_folders(is_new, &mut made).map_err(LockError::Io);
            let taken = taken.and_then(|()| OutputLock::take(&self.temporary()));
            match taken {
                Ok(Some(lock)) => {
                    self.claim = Some(Claim { lock, made });
                    return Ok(());
                }
                Ok(None) => {
                    remove_made(made);
                    return Err(CommitError::Running { shown: self.shown.clone() });
                }
                Err(error) => {
                    remove_made(made);
                    match error {
                        // Another job made the folder since it was looked for.
                        LockError::Io(error)
                            if error.source.kind() == ErrorKind::AlreadyExists && error.path == spec.dir =>
                        {
                            existing::refuse(spec)?;
                            return Err(CommitError::Exists { shown: self.shown.clone() });
                        }
                        // Another job removed a folder that it had made.
                        LockError::Io(error) if error.source.kind() == ErrorKind::NotFound => {}
                        LockError::Io(error) => return Err(error.into()),
                        error @ LockError::Unsupported { .. } => return Err(error.into()),
                    }
                }
            }
        }
        Err(io::Error::from(ErrorKind::NotFound)).at("make output folder", &self.out).map_err(Into::into)
    }

    fn make_folders(&self, is_new: bool, made: &mut Vec<Made>) -> Result<(), IoError> {
        let missing: Vec<_> = self.out.ancestors().take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Ok(()) => made.extend(Made::folder(folder)),
                // Two jobs may make one parent, but not one output folder.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && !(is_new && folder == self.out) => {
                }
                Err(error) => return Err(error).at("make output folder", folder),
            }
        }
        let is_there = is_new && made.last().is_none_or(|made| made.path != self.out);
        if is_there {
            Err(ErrorKind::AlreadyExists.into()).at("make output folder", &self.out)
        } else {
            Ok(())
        }
    }

    /// Looks once more at the folder, which no other run changes from now on, and makes it this run's.
    fn begin(
        &mut self,
        spec: &OutputSpec,
        run: Begun,
        end: impl FnMut(Vec<PathBuf>),
    ) -> Result<Option<Earlier>, CommitError> {
        self.refuse_nested(spec)?;
        existing::refuse_locked(spec)?;
        let mut earlier = None;
        if self.is_shared {
            // An earlier run's leftovers are no part of this one's output.
            remove_tree(&self.job_dir())?;
        } else if spec.existing == Existing::Refuse {
            let begun = Entry::Begun(Begun { made: self.made_paths(), ..run });
            self.journal = Some(Journal::begin(&self.temporary(), &[begun])?);
        } else {
            earlier = self.take_over(spec, run, end)?;
        }
        if earlier.is_none() {
            let pending = self.job_dir();
            fs::create_dir_all(&pending).at("make output folder", &pending)?;
        }
        Ok(earlier)
    }

    /// Refuses an output folder above which a live run writes, or below which one does if it is to be cleared.
    fn refuse_nested(&self, spec: &OutputSpec) -> Result<(), CommitError> {
        let above = lock::taken_above(&self.out, TEMPORARY);
        let clears = spec.existing != Existing::Refuse && !self.is_shared;
        let found = match above {
            None if clears => lock::taken_below(&self.out, TEMPORARY)?,
            above => above,
        };
        found.map_or(Ok(()), |other| Err(CommitError::RunningBeside { shown: self.shown.clone(), other }))
    }

    /// Removes what this run made, after it was refused or failed to begin.
    fn give_back(&mut self) {
        let Some(claim) = self.claim.take() else { return };
        if claim.lock.is_held()
            && !claim.made.is_empty()
            && claim.made.last().is_some_and(|made| made.path == self.out)
        {
            drop(self.journal.take().map(|journal| journal.remove()));
            drop(remove_entries(&self.temporary(), |name| name == lock::LOCK));
        }
        claim.lock.give_back();
        remove_made(claim.made);
    }

    fn made_paths(&self) -> Vec<PathBuf> {
        self.claim.iter().flat_map(|claim| &claim.made).map(|made| made.path.clone()).collect()
    }

    /// Writes down that an attempt is committed, which must be true: what it counted, in how many pieces its output
    /// for reducers is, and what of this and other tasks' output went to disk since the last time.
    pub fn note(
        &self,
        attempt: AttemptId,
        counters: &Counters,
        pieces: u32,
        outputs: Vec<MapOutput>,
    ) -> Result<(), CommitError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let task =
            Committed { attempt, counters: counters.clone(), files: self.files_of(attempt.task), pieces };
        journal.add(&Entry::Task(Box::new(task)))?;
        Ok(self.note_outputs(outputs)?)
    }

    /// Writes down that the job goes on without a task.
    pub fn note_given_up(&self, task: TaskId) -> Result<(), CommitError> {
        self.journal.iter().try_for_each(|journal| Ok(journal.add(&Entry::GivenUp(task))?))
    }

    /// Writes down that map output is on disk now.
    pub fn note_outputs(&self, outputs: Vec<MapOutput>) -> Result<(), IoError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        outputs.into_iter().try_for_each(|output| journal.add(&Entry::MapOutput(output)))
    }

    /// Whether a run after this one can continue from what this one does.
    pub fn has_journal(&self) -> bool {
        self.journal.is_some()
    }

    /// What a committed task wrote.
    pub fn files_of(&self, task: TaskId) -> Vec<OutputFile> {
        self.manifests().get(&task).into_iter().flatten().map(|file| file.file.clone()).collect()
    }

    /// Adds the manifest of a task that another process committed.
    pub fn expect_files(&self, task: TaskId, files: Vec<OutputFile>) {
        self.manifests().insert(task, files.into_iter().map(TaskFile::from).collect());
    }

    fn manifests(&self) -> MutexGuard<'_, Manifests> {
        // Each change is one call, so a thread that panicked left nothing half done.
        sync::lock(&self.manifests)
    }

    fn temporary(&self) -> PathBuf {
        self.out.join(TEMPORARY)
    }

    /// The folder in which an attempt writes; made by its first file.
    pub fn attempt_dir(&self, attempt: AttemptId) -> PathBuf {
        self.job_dir().join(TEMPORARY).join(attempt.in_job(&self.job))
    }

    /// Where a committed task's files wait for the job's commit.
    fn task_dir(&self, task: TaskId) -> PathBuf {
        self.job_dir().join(task.in_job(&self.job))
    }

    /// `0` is the number of the application's attempt, of which there is only ever one here.
    fn job_dir(&self) -> PathBuf {
        self.temporary().join("0")
    }

    /// Makes this attempt's files the task's, in place of those of an earlier one. An attempt without a
    /// folder has no files, which is no error. `written` are those whose contents are known; others may be there.
    ///
    /// The files reach the disk here and not at the end of the job, so that tasks wait for it side by side.
    pub fn commit_task(&self, attempt: AttemptId, written: Vec<TaskFile>) -> Result<(), CommitError> {
        let (from, to) = (self.attempt_dir(attempt), self.task_dir(attempt.task));
        if from.is_symlink() {
            // What stands elsewhere is not this job's to publish, and must not be missed either.
            let moved = io::Error::other("a link is in the folder's place");
            return Err(moved).at("commit the task's output from", &from).map_err(Into::into);
        }
        let written: Vec<_> = written.into_iter().filter_map(|file| file.below(&from)).collect();
        self.manifests().remove(&attempt.task);
        let is_missing = match sync_files(&from) {
            Err(error) if error.source.kind() == ErrorKind::NotFound && error.path == from => true,
            synced => synced.map(|()| false)?,
        };
        remove_tree(&to)?;
        if is_missing && written.is_empty() {
            return Ok(());
        }
        let manifest = manifest::of(&from, &written, |_| true)?;
        let found: BTreeSet<_> = manifest.iter().map(|found| &found.file).collect();
        if let Some(lost) = written.iter().find(|written| !found.contains(&written.file)) {
            return Err(self.altered(Some((from.join(&lost.file.path), Difference::Changed))));
        }
        fs::rename(&from, &to).at("commit the task's output to", &to)?;
        self.manifests().insert(attempt.task, manifest);
        Ok(())
    }

    /// Removes what a task has committed, for it failed after all.
    pub fn revoke_task(&self, task: TaskId) -> Result<(), CommitError> {
        self.manifests().remove(&task);
        Ok(remove_tree(&self.task_dir(task))?)
    }

    /// Removes what an attempt has written.
    pub fn abort_task(&self, attempt: AttemptId) -> Result<(), CommitError> {
        Ok(remove_tree(&self.attempt_dir(attempt))?)
    }

    /// Moves the files of every committed task to the output folder, and writes `_SUCCESS` last. The journal
    /// outlives it: a run that is killed before that is gone can be ended by another.
    ///
    /// Of two files with one name that of the later task stays. After an error call [`Self::abort_job`]. The returned
    /// errors are of temporary files that could not be removed, which no longer matter.
    pub fn commit_job(&mut self) -> Result<Vec<IoError>, CommitError> {
        let mut left = Vec::from_iter(self.sweep().err());
        let mut manifests = std::mem::take(&mut *self.manifests());
        self.check_lock()?;
        self.check_waiting(&mut manifests)?;
        if let Some(journal) = &self.journal {
            journal.add(&Entry::Committing)?;
            journal.sync()?;
        }
        for (task, files) in &mut manifests {
            self.promote(&self.task_dir(*task), files)?;
        }
        let mut published = manifest::merged(&mut manifests, is_published);
        remove_tree(&self.job_dir())?;
        // The marker says that the output is complete, and readers trust it after a power cut too. Renames
        // are only safe once their folders are on disk, hence first those, then the marker, then its name.
        self.sync_folders(published.iter().filter(|(_, file)| file.file.kind == FileKind::Folder))?;
        self.check_published(&mut published, None)?;
        if self.success_marker {
            let marker = self.write_marker()?;
            self.check_published(&mut published, Some(marker))?;
        }
        if let Some(journal) = &self.journal {
            // A run after this one that finds it sees the output is whole.
            left.extend(journal.remove().err());
        }
        match &self.claim {
            Some(claim) => left.extend(claim.lock.remove().err()),
            None => remove_tree(&self.temporary())?,
        }
        Ok(left)
    }

    fn check_lock(&self) -> Result<(), CommitError> {
        match &self.claim {
            Some(claim) if !claim.lock.is_held() => Err(CommitError::LockLost {
                shown: self.shown.clone(),
                path: claim.lock.path().to_path_buf(),
            }),
            _ => Ok(()),
        }
    }

    fn altered(&self, differs: Differs) -> CommitError {
        let (path, how) = differs.map_or((PathBuf::new(), ""), |(path, how)| (path, how.text()));
        CommitError::Altered { shown: self.shown.clone(), path, how }
    }

    fn same(&self, differs: Differs) -> Result<(), CommitError> {
        if differs.is_some() { Err(self.altered(differs)) } else { Ok(()) }
    }

    /// Checks, before anything is moved, that the folders of the committed tasks hold what those wrote, and that
    /// there is nothing else to publish.
    fn check_waiting(&self, manifests: &mut Manifests) -> Result<(), CommitError> {
        if self.commit_begun {
            return self.check_partly_published(manifests);
        }
        for (task, files) in manifests.iter_mut() {
            let folder = self.task_dir(*task);
            let differs = manifest::compare(&folder, files)?;
            self.same(differs.map(|(path, how)| (folder.join(path), how)))?;
        }
        let expected: BTreeSet<_> =
            manifests.keys().map(|task| OsString::from(task.in_job(&self.job))).collect();
        self.refuse_additions(&self.job_dir(), |name| name == TEMPORARY || expected.contains(name))?;
        if self.is_shared { Ok(()) } else { self.refuse_additions(&self.out, |name| name == TEMPORARY) }
    }

    fn refuse_additions(
        &self,
        folder: &Path,
        is_expected: impl Fn(&OsStr) -> bool,
    ) -> Result<(), CommitError> {
        let added = entries(folder)?.into_iter().find(|(name, _)| !is_expected(name));
        self.same(added.map(|(name, _)| (folder.join(name), Difference::Added)))
    }

    /// Checks that the output folder holds what the tasks wrote, and nothing else but the marker once it is written.
    fn check_published(
        &self,
        published: &mut BTreeMap<PathBuf, &mut TaskFile>,
        marker: Option<FileId>,
    ) -> Result<(), CommitError> {
        self.check_lock()?;
        let path = self.out.join(SUCCESS);
        let marker_stands = marker.is_none_or(|marker| marker.is_at(&path));
        self.same((!marker_stands).then_some((path, Difference::Changed)))?;
        let expected = published.iter_mut().map(|(path, file)| (path.clone(), &mut **file)).collect();
        let differs = if self.is_shared {
            manifest::compare_some(&self.out, expected)?
        } else {
            let counts = |path: &Path| is_published(path) || marker.is_none() && path == Path::new(SUCCESS);
            manifest::compare_all(&self.out, expected, counts)?
        };
        self.same(differs.map(|(path, how)| (self.out.join(path), how)))
    }

    /// Moves what a task left into the output folder. Of two folders the entries; a file replaces what is there.
    /// Hadoop: `FileOutputCommitter.mergePaths`.
    fn promote(&mut self, from: &Path, files: &mut [TaskFile]) -> Result<(), IoError> {
        let mut moved: Option<PathBuf> = None;
        for file in files.iter_mut().filter(|file| is_published(&file.file.path)) {
            let (path, kind) = (file.file.path.clone(), file.file.kind);
            let to = self.out.join(&path);
            if !moved.as_ref().is_some_and(|folder| path.starts_with(folder)) {
                let from = from.join(&path);
                if self.commit_begun && from.symlink_metadata().is_err() {
                    // An earlier run moved it.
                    continue;
                }
                let there = to.symlink_metadata().ok().map(|there| there.is_dir());
                match (there, kind) {
                    (Some(true), FileKind::Folder) => continue,
                    (Some(true), _) | (Some(false), FileKind::Folder) => remove_tree(&to)?,
                    _ => {}
                }
                fs::rename(from, &to).at("move output to", &to)?;
                file.was_renamed(&to);
                moved = (kind == FileKind::Folder).then_some(path);
            }
            let made = file.id().map(|id| Made { path: to, id, is_folder: kind == FileKind::Folder });
            self.published.extend(made);
        }
        Ok(())
    }

    fn write_marker(&mut self) -> Result<FileId, CommitError> {
        let path = self.out.join(SUCCESS);
        let is_there = path.symlink_metadata().is_ok();
        let file = if self.is_shared {
            create_unlinked(&path)
        } else {
            OpenOptions::new().write(true).create_new(true).open(&path)
        };
        let file = file.at("write", &path)?;
        let id = match file.metadata() {
            Ok(metadata) => FileId::of(&metadata),
            Err(error) => {
                // Without its identity the marker would not be taken back later.
                if !(self.is_shared && is_there) {
                    drop(fs::remove_file(&path));
                }
                return Err(error).at("write", &path)?;
            }
        };
        if !(self.is_shared && is_there) {
            self.published.push(Made { path: path.clone(), id, is_folder: false });
        }
        file.sync_all().at("write", &path)?;
        sync_folder(&self.out)?;
        Ok(id)
    }

    fn sync_folders<'a>(
        &self,
        published: impl Iterator<Item = (&'a PathBuf, &'a &'a mut TaskFile)>,
    ) -> Result<(), IoError> {
        for (path, _) in published {
            sync_folder(&self.out.join(path))?;
        }
        sync_folder(&self.out)?;
        // The entry of each folder that was made is in the folder above it.
        let made = self.claim.iter().flat_map(|claim| &claim.made);
        made.filter_map(|made| made.path.parent()).try_for_each(sync_folder)
    }

    /// Takes back what the job has put on disk, so that a failed job leaves no output folder. Files of others stay,
    /// and so do the folders that hold them.
    pub fn abort_job(mut self) -> Result<(), CommitError> {
        // The marker, the last thing published, goes first: without it nothing looks finished.
        let published = std::mem::take(&mut self.published).into_iter().rev();
        // What one error leaves must not keep the rest.
        let removed = published.map(|made| made.remove()).fold(Ok(()), Result::and);
        let swept = self.sweep();
        let Some(Claim { lock, made }) = self.claim.take() else {
            return Ok(removed.and(swept).and_then(|()| remove_tree(&self.temporary()))?);
        };
        let mut unlocked = Ok(());
        if lock.is_held() {
            // The lock last: what is in the folder after that may be the next run's.
            unlocked =
                remove_entries(&self.temporary(), |name| name == lock::LOCK).and_then(|()| lock.remove());
        }
        remove_made(made);
        Ok(removed.and(swept).and(unlocked)?)
    }
}

/// Whether what a task wrote at this path is published. Two names at the top are the job's own; Hadoop replaces the
/// one and removes the other too.
fn is_published(path: &Path) -> bool {
    !path.starts_with(TEMPORARY) && !path.starts_with(SUCCESS)
}
