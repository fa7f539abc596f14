//! Publishes the output of a job: all of it or nothing. Hadoop: `FileOutputCommitter`, algorithm 1.
//!
//! ```text
//! out/_temporary/0/_temporary/<attempt>/   an attempt writes here
//! out/_temporary/0/<task>/                 commit_task: one rename, so one attempt of a task counts
//! out/                                     commit_job: the tasks' files, folders merged; then _SUCCESS
//! ```
//!
//! Whatever an attempt leaves in its folder is published, the files that its child put there included.
//! Which attempt may commit is the scheduler's decision; nobody but this room names a path in `out`.

use super::existing;
use super::journal::{Begun, Committed, Entry, Journal, Lock, MapOutput, OutputFile};
use super::manifest;
use super::part_file::create_unlinked;
use crate::counters::Counters;
use crate::error::{At, IoError};
use crate::fs::{self, File, FileType};
use crate::ids::{AttemptId, JobId, TaskId};
use crate::plan::{Existing, OutputFormat, OutputSpec};
use crate::sync::lock;
use crate::units;
use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

mod take_over;
#[cfg(test)]
mod tests;

pub use take_over::Earlier;

pub(super) const TEMPORARY: &str = "_temporary";
pub(super) const SUCCESS: &str = "_SUCCESS";

/// Why output could not be published.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CommitError {
    /// The output folder is there, as a folder or as a file. In Hadoop's words, for which scripts look.
    #[error("Output directory {shown} already exists")]
    Exists {
        /// The folder as the user wrote it.
        shown: String,
    },
    /// A run was killed before its output was whole.
    #[error(
        "Output directory {shown} already exists: it is left from a run that was killed at {}: continue it with \
         -resume, or clear it with -overwrite", when(*at)
    )]
    Unfinished {
        /// The folder as the user wrote it.
        shown: String,
        /// When that run last wrote anything down, if that is known.
        at: Option<SystemTime>,
    },
    /// Another process is at it.
    #[error("Output directory {shown} already exists: another mr-stream is writing into it")]
    Running {
        /// The folder as the user wrote it.
        shown: String,
    },
    /// An output is to be continued that is whole.
    #[error("Output directory {shown} already exists: it is finished, there is nothing to continue")]
    NothingLeft {
        /// The folder as the user wrote it.
        shown: String,
    },
    /// What is to be cleared may be somebody's work.
    #[error(
        "cannot overwrite {shown}: it is no output of a job: no folder, or one without _SUCCESS that holds more \
         than part files; move it away"
    )]
    Foreign {
        /// The folder as the user wrote it.
        shown: String,
    },
    /// What is to be cleared holds something that the job or the user needs.
    #[error("cannot overwrite {shown}: {what} is in it")]
    Protected {
        /// The folder as the user wrote it.
        shown: String,
        /// What is there.
        what: String,
    },
    /// A run is to be continued with another job.
    #[error(
        "cannot continue the run that left {shown}: {what} was {before} and is {now} now; give the same command \
         over the same input, or clear the folder with -overwrite"
    )]
    Changed {
        /// The folder as the user wrote it.
        shown: String,
        /// What is another.
        what: String,
        /// How it was when the run began.
        before: String,
        /// How it is.
        now: String,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

impl CommitError {
    /// Whether the folder is as it was before.
    pub fn is_refusal(&self) -> bool {
        !matches!(self, Self::Io(_))
    }
}

fn when(time: Option<SystemTime>) -> String {
    time.map_or_else(|| "an unknown time".into(), units::utc)
}

/// The output folder of one job.
#[derive(Debug)]
pub struct JobCommitter {
    out: PathBuf,
    job: JobId,
    success_marker: bool,
    /// Folders that this job made, the output folder included, outermost first.
    made: Vec<PathBuf>,
    /// What stands in the output folder by this job's commit.
    promoted: Vec<PathBuf>,
    /// What is done so far, for a run after this one. `None` for a task in another process, and where the folder
    /// may be shared (`NullOutputFormat`).
    journal: Option<Journal>,
    /// Files of committed attempts whose contents are known, until that is written down.
    written: Mutex<BTreeMap<TaskId, Vec<OutputFile>>>,
    /// Where the runs that this one goes on from left temporary folders, and what those are called.
    swept: Option<(Vec<PathBuf>, String)>,
}

impl JobCommitter {
    /// The committer of a job whose output folder [`JobCommitter::setup`] has made, for a task in another
    /// process. It makes nothing and so removes no folder of the user's.
    pub fn of(spec: &OutputSpec, job: &JobId) -> Self {
        Self {
            out: spec.dir.clone(),
            job: job.clone(),
            success_marker: spec.success_marker,
            made: Vec::new(),
            promoted: Vec::new(),
            journal: None,
            written: Mutex::default(),
            swept: None,
        }
    }

    /// Makes the output folder, its missing parents, and the folder of pending attempts; or clears the folder
    /// that is there. `run` is what the journal shall begin with; which folders were made is filled in. `end` ends the
    /// processes of an earlier run, which have a path in their environment that begins with what it is given. If the
    /// job goes on from what that run left, nothing is changed yet, and [`Self::go_on`] comes next.
    ///
    /// # Errors
    /// The output folder may not be used, or cannot be made; then what was made is gone again.
    pub fn setup(
        spec: &OutputSpec,
        run: Begun,
        end: impl FnMut(Vec<PathBuf>),
    ) -> Result<(Self, Option<Earlier>), CommitError> {
        existing::refuse(spec)?;
        let mut committer = Self::of(spec, &run.job);
        if spec.existing != Existing::Refuse && spec.format != OutputFormat::Null && spec.dir.exists() {
            let earlier = committer.take_over(spec, run, end)?;
            return Ok((committer, earlier));
        }
        if let Err(error) = committer.make_folders().and_then(|()| committer.begin(spec, run)) {
            drop(remove_tree(&committer.out.join(TEMPORARY)));
            committer.remove_made();
            // Another job can have made the folder since it was looked for.
            let raced = error.source.kind() == ErrorKind::AlreadyExists && error.path == spec.dir;
            return Err(if raced { CommitError::Exists { shown: spec.shown.clone() } } else { error.into() });
        }
        Ok((committer, None))
    }

    /// Begins the journal of a folder that was just made.
    fn begin(&mut self, spec: &OutputSpec, run: Begun) -> Result<(), IoError> {
        let temporary = self.out.join(TEMPORARY);
        if spec.format == OutputFormat::Null {
            return Ok(());
        }
        // Nobody else writes into a folder that this process made.
        if let Some(lock) = Lock::take(&temporary)? {
            let begun = Entry::Begun(Begun { made: self.made.clone(), ..run });
            self.journal = Some(Journal::begin(&temporary, lock, &[begun])?);
        }
        Ok(())
    }

    /// Writes down that an attempt is committed, which must be true: what it counted, in how many pieces its output
    /// for reducers is, and what of this and other tasks' output went to disk meanwhile.
    pub fn note(
        &self,
        attempt: AttemptId,
        counters: &Counters,
        pieces: u32,
        outputs: Vec<MapOutput>,
    ) -> Result<(), CommitError> {
        let Some(journal) = &self.journal else { return Ok(()) };
        let written = self.written().remove(&attempt.task).unwrap_or_default();
        let files = manifest::of(&self.task_dir(attempt.task), &written)?;
        let task = Committed { attempt, counters: counters.clone(), files, pieces };
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

    /// Whether a run after this one can go on from what this one does.
    pub fn has_journal(&self) -> bool {
        self.journal.is_some()
    }

    fn written(&self) -> MutexGuard<'_, BTreeMap<TaskId, Vec<OutputFile>>> {
        // What a thread that panicked left is only what need not be read again.
        lock(&self.written)
    }

    fn make_folders(&mut self) -> Result<(), IoError> {
        let missing: Vec<_> = self.out.ancestors().take_while(|folder| !folder.exists()).collect();
        for folder in missing.into_iter().rev() {
            match fs::create_dir(folder) {
                Ok(()) => self.made.push(folder.to_path_buf()),
                // A parent that two jobs make at once is the user's business; the output folder is not.
                Err(error) if error.kind() == ErrorKind::AlreadyExists && folder != self.out => {}
                Err(error) => return Err(error).at("make output folder", folder),
            }
        }
        let pending = self.job_dir();
        fs::create_dir_all(&pending).at("make output folder", &pending)
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
        self.out.join(TEMPORARY).join("0")
    }

    /// Makes this attempt's files the task's, in place of those of an earlier one. An attempt without a
    /// folder has no files, which is no error. `written` are those whose contents are known; others may be there.
    ///
    /// The files reach the disk here and not at the end of the job, so that tasks wait for it side by side.
    pub fn commit_task(&self, attempt: AttemptId, written: Vec<OutputFile>) -> Result<(), CommitError> {
        let (from, to) = (self.attempt_dir(attempt), self.task_dir(attempt.task));
        if from.is_symlink() {
            // What stands elsewhere is not ours to publish, and must not be missed either.
            let moved = io::Error::other("a link is in the folder's place");
            return Err(moved).at("commit the task's output from", &from).map_err(Into::into);
        }
        let relative = |file: OutputFile| {
            let path = file.path.strip_prefix(&from).ok()?.to_path_buf();
            Some(OutputFile { path, ..file })
        };
        let written = written.into_iter().filter_map(relative).collect();
        self.written().insert(attempt.task, written);
        match sync_files(&from) {
            Err(error) if error.source.kind() == ErrorKind::NotFound && error.path == from => return Ok(()),
            synced => synced?,
        }
        remove_tree(&to)?;
        fs::rename(&from, &to).at("commit the task's output to", &to)?;
        Ok(())
    }

    /// Removes what a task has committed, for it failed after all.
    pub fn revoke_task(&self, task: TaskId) -> Result<(), CommitError> {
        Ok(remove_tree(&self.task_dir(task))?)
    }

    /// Removes what an attempt has written.
    pub fn abort_task(&self, attempt: AttemptId) -> Result<(), CommitError> {
        Ok(remove_tree(&self.attempt_dir(attempt))?)
    }

    /// Moves the files of every committed task to the output folder, and writes `_SUCCESS` last. The journal
    /// outlives it: a run that is killed before that is gone can be ended by another.
    ///
    /// Of two files with one name that of the task with the higher number stays. After an error call
    /// [`Self::abort_job`]. What could not be removed of all that is of no more use is no error: it is returned.
    pub fn commit_job(&mut self) -> Result<Vec<IoError>, CommitError> {
        let job_dir = self.job_dir();
        let mut left = Vec::from_iter(self.sweep().err());
        if let Some(journal) = &self.journal {
            journal.add(&Entry::Committing)?;
        }
        for (name, kind) in entries(&job_dir)? {
            let task = job_dir.join(&name);
            if name != TEMPORARY && kind.is_dir() {
                self.promote(&task)?;
            }
        }
        match &self.journal {
            Some(_) => remove_tree(&job_dir)?,
            None => remove_tree(&self.out.join(TEMPORARY))?,
        }
        // The marker says that the output is complete, and readers trust it after a power cut too. Renames
        // are only safe once their folders are on disk, hence first those, then the marker, then its name.
        self.sync_folders()?;
        if self.success_marker {
            let marker = self.out.join(SUCCESS);
            if marker.symlink_metadata().is_err() {
                self.promoted.push(marker.clone());
            }
            create_unlinked(&marker).and_then(|file| file.sync_all()).at("write", &marker)?;
            sync_folder(&self.out)?;
        }
        if let Some(journal) = &self.journal {
            // A run after this one that finds it sees the output is whole.
            left.extend(journal.remove().err());
        }
        Ok(left)
    }

    /// Moves what a task left into the output folder.
    fn promote(&mut self, task: &Path) -> Result<(), IoError> {
        for (name, kind) in entries(task)? {
            let to = self.out.join(&name);
            // An output folder that was there before (NullOutputFormat) holds files that are not ours.
            if to.symlink_metadata().is_err() {
                self.promoted.push(to.clone());
            }
            merge(&task.join(&name), kind, &to)?;
        }
        Ok(())
    }

    fn sync_folders(&self) -> Result<(), IoError> {
        for path in &self.promoted {
            sync_folders_below(path)?;
        }
        sync_folder(&self.out)?;
        // The entry of each folder that was made is in the folder above it.
        self.made.iter().filter_map(|folder| folder.parent()).try_for_each(sync_folder)
    }

    /// Takes back whatever the job has put on disk, so that a failed job leaves no output folder. Folders
    /// that this job made go if nobody else has put anything into them.
    pub fn abort_job(mut self) -> Result<(), CommitError> {
        // The marker, the last thing promoted, goes first: without it nothing looks finished.
        for path in std::mem::take(&mut self.promoted).into_iter().rev() {
            remove_tree(&path)?;
        }
        self.sweep()?;
        remove_tree(&self.out.join(TEMPORARY))?;
        self.remove_made();
        Ok(())
    }

    fn remove_made(&mut self) {
        while let Some(folder) = self.made.pop() {
            // A folder that is not empty has files of somebody else's, and stays with all above it.
            if fs::remove_dir(&folder).is_err() {
                return;
            }
        }
    }
}

/// Moves `from` to `to`; of two folders the entries, of anything else what comes replaces what is there.
/// Hadoop: `FileOutputCommitter.mergePaths`.
fn merge(from: &Path, kind: FileType, to: &Path) -> Result<(), IoError> {
    let there = to.symlink_metadata().ok().map(|meta| meta.file_type());
    if let (true, Some(there)) = (kind.is_dir(), there)
        && there.is_dir()
    {
        for (name, kind) in entries(from)? {
            merge(&from.join(&name), kind, &to.join(&name))?;
        }
        return Ok(());
    }
    if there.is_some_and(|there| there.is_dir() || kind.is_dir()) {
        remove_tree(to)?;
    }
    fs::rename(from, to).at("move output to", to)
}

/// Names and kinds in a folder, by name. What a link leads to is not listed: whoever asks may remove it all.
pub(super) fn entries(folder: &Path) -> Result<Vec<(std::ffi::OsString, FileType)>, IoError> {
    let read = || -> io::Result<Vec<_>> {
        if folder.is_symlink() {
            return Err(io::Error::other("a link is in its place, which is not followed"));
        }
        let found = fs::read_dir(folder)?;
        found.map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?)))).collect()
    };
    let mut found = read().at("list output folder", folder)?;
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
}

/// Removes what is in a folder but for the names that are kept.
fn remove_entries(folder: &Path, keep: impl Fn(&std::ffi::OsStr) -> bool) -> Result<(), IoError> {
    for (name, _) in entries(folder)? {
        if !keep(&name) {
            remove_tree(&folder.join(name))?;
        }
    }
    Ok(())
}

/// Removes a file or a folder with all it holds; one that is not there is no error.
fn remove_tree(path: &Path) -> Result<(), IoError> {
    let removed = match path.symlink_metadata() {
        Ok(meta) if meta.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
        Err(error) => Err(error),
    };
    match removed {
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.at("remove", path),
    }
}

/// Sees that the contents of every file below `folder` are on disk. A rename can reach the disk before the
/// bytes of the file it moves; after a power cut a published part would then be empty.
fn sync_files(folder: &Path) -> Result<(), IoError> {
    for (name, kind) in entries(folder)? {
        let path = folder.join(name);
        if kind.is_dir() {
            sync_files(&path)?;
        } else if kind.is_file() {
            // Only regular files: opening a pipe that a child left would wait for its writer for ever.
            match File::open(&path).and_then(|file| file.sync_all()) {
                // A file that a child made unreadable is its own affair.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
                synced => synced.at("sync output file", &path)?,
            }
        }
    }
    Ok(())
}

fn sync_folders_below(path: &Path) -> Result<(), IoError> {
    if !path.symlink_metadata().is_ok_and(|meta| meta.is_dir()) {
        return Ok(());
    }
    for (name, kind) in entries(path)? {
        if kind.is_dir() {
            sync_folders_below(&path.join(name))?;
        }
    }
    sync_folder(path)
}

/// Sees that the names in a folder are on disk.
fn sync_folder(folder: &Path) -> Result<(), IoError> {
    // The parent of a relative name's first part; paths are absolute, but the current folder is one too.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).at("sync output folder", folder)
}
