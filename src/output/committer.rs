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

use super::part_file::create_unlinked;
use crate::error::{At, IoError};
use crate::fs::{self, File, FileType};
use crate::ids::{AttemptId, JobId, TaskId};
use crate::plan::{OutputFormat, OutputSpec};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

const TEMPORARY: &str = "_temporary";
const SUCCESS: &str = "_SUCCESS";

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
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// The output folder of one job.
#[derive(Clone, Debug)]
pub struct JobCommitter {
    out: PathBuf,
    job: JobId,
    success_marker: bool,
    /// Folders that this job made, the output folder included, outermost first.
    made: Vec<PathBuf>,
    /// What stands in the output folder by this job's commit.
    promoted: Vec<PathBuf>,
}

/// Refuses an output folder that exists. Hadoop: `FileOutputFormat.checkOutputSpecs`, and
/// `NullOutputFormat.checkOutputSpecs`, which looks at nothing.
pub fn refuse_existing(spec: &OutputSpec) -> Result<(), CommitError> {
    if spec.format != OutputFormat::Null && spec.dir.symlink_metadata().is_ok() {
        return Err(CommitError::Exists { shown: spec.shown.clone() });
    }
    Ok(())
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
        }
    }

    /// Makes the output folder, its missing parents, and the folder of pending attempts.
    ///
    /// # Errors
    /// The output folder exists, or cannot be made; then what was made is gone again.
    pub fn setup(spec: &OutputSpec, job: &JobId) -> Result<Self, CommitError> {
        refuse_existing(spec)?;
        let mut committer = Self::of(spec, job);
        if let Err(error) = committer.make_folders() {
            committer.remove_made();
            // Another job can have made the folder since it was looked for.
            let raced = error.source.kind() == ErrorKind::AlreadyExists && error.path == spec.dir;
            return Err(if raced { CommitError::Exists { shown: spec.shown.clone() } } else { error.into() });
        }
        Ok(committer)
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
    /// folder has no files, which is no error.
    ///
    /// The files reach the disk here and not at the end of the job, so that tasks wait for it side by side.
    pub fn commit_task(&self, attempt: AttemptId) -> Result<(), CommitError> {
        let (from, to) = (self.attempt_dir(attempt), self.task_dir(attempt.task));
        if from.is_symlink() {
            // What stands elsewhere is not ours to publish, and must not be missed either.
            let moved = io::Error::other("a link is in the folder's place");
            return Err(moved).at("commit the task's output from", &from).map_err(Into::into);
        }
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

    /// Moves the files of every committed task to the output folder, and writes `_SUCCESS` last.
    ///
    /// Of two files with one name that of the task with the higher number stays. After an error call
    /// [`Self::abort_job`].
    pub fn commit_job(&mut self) -> Result<(), CommitError> {
        let job_dir = self.job_dir();
        for (name, kind) in entries(&job_dir)? {
            let task = job_dir.join(&name);
            if name != TEMPORARY && kind.is_dir() {
                self.promote(&task)?;
            }
        }
        remove_tree(&self.out.join(TEMPORARY))?;
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
        Ok(())
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

/// Names and kinds in a folder, by name.
fn entries(folder: &Path) -> Result<Vec<(std::ffi::OsString, FileType)>, IoError> {
    let read = || -> io::Result<Vec<_>> {
        let found = fs::read_dir(folder)?;
        found.map(|entry| entry.and_then(|entry| Ok((entry.file_name(), entry.file_type()?)))).collect()
    };
    let mut found = read().at("list output folder", folder)?;
    found.sort_by(|one, other| one.0.cmp(&other.0));
    Ok(found)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::spec;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn job() -> JobId {
        JobId { stamp: "local1".into(), number: 1 }
    }

    fn attempt(number: u32, attempt: u32) -> AttemptId {
        AttemptId { task: TaskId::map(number), attempt }
    }

    fn text(out: &Path) -> OutputSpec {
        spec(OutputFormat::Text, out)
    }

    /// Writes files (`path=content`) as an attempt.
    fn write(committer: &JobCommitter, attempt: AttemptId, files: &[&str]) {
        for file in files {
            let (path, content) = file.split_once('=').unwrap();
            let path = committer.attempt_dir(attempt).join(path);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, content).unwrap();
        }
    }

    /// Everything below `folder`, as `path=content` or `path/`, by name.
    fn tree(folder: &Path) -> Vec<String> {
        fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
            for (name, kind) in entries(folder).unwrap() {
                let name = format!("{prefix}{}", name.to_str().unwrap());
                let path = folder.join(name.rsplit('/').next().unwrap());
                if kind.is_dir() {
                    found.push(format!("{name}/"));
                    walk(&path, &format!("{name}/"), found);
                } else {
                    found.push(format!("{name}={}", fs::read_to_string(path).unwrap_or_default()));
                }
            }
        }
        let mut found = Vec::new();
        walk(folder, "", &mut found);
        found
    }

    /// Commits one attempt of each task and expects this output folder.
    fn check(tasks: &[&[&str]], expect: &[&str]) {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        let mut committer = JobCommitter::setup(&text(&out), &job()).unwrap();
        for (number, files) in tasks.iter().enumerate() {
            let attempt = attempt(number as u32, 0);
            write(&committer, attempt, files);
            committer.commit_task(attempt).unwrap();
        }
        committer.commit_job().unwrap();
        assert_eq!(tree(&out), expect, "{tasks:?}");
    }

    #[test]
    fn the_files_of_all_tasks_are_published() {
        check(&[], &["_SUCCESS="]);
        check(&[&["part-00000=a"], &[], &["part-00002=c"]], &["_SUCCESS=", "part-00000=a", "part-00002=c"]);
        check(&[&[".side=s", "_log=l"]], &[".side=s", "_SUCCESS=", "_log=l"]);
        check(&[&["in/a=1"], &["in/b=2"]], &["_SUCCESS=", "in/", "in/a=1", "in/b=2"]);
        check(&[&["in/a=1"], &["in/a=2"]], &["_SUCCESS=", "in/", "in/a=2"]);
        check(&[&["in/a/b=1"], &["in/a=2"]], &["_SUCCESS=", "in/", "in/a=2"]);
        check(&[&["in=1"], &["in/a=2"]], &["_SUCCESS=", "in/", "in/a=2"]);
        check(
            &[&["part-00000/data=d", "part-00000/index=i"]],
            &["_SUCCESS=", "part-00000/", "part-00000/data=d", "part-00000/index=i"],
        );
    }

    #[test]
    fn one_attempt_of_a_task_counts() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        let mut committer = JobCommitter::setup(&text(&out), &job()).unwrap();
        for (number, content) in [(0, "part=lost"), (1, "part=old"), (2, "part=new")] {
            write(&committer, attempt(7, number), &[content]);
        }
        committer.abort_task(attempt(7, 0)).unwrap();
        committer.abort_task(attempt(7, 0)).unwrap();
        // As a task process does, which has only the plan.
        let elsewhere = JobCommitter::of(&text(&out), &job());
        elsewhere.commit_task(attempt(7, 1)).unwrap();
        elsewhere.commit_task(attempt(7, 2)).unwrap();
        let waiting = out.join("_temporary/0/task_local1_0001_m_000007/part");
        assert_eq!(fs::read_to_string(waiting).unwrap(), "new");
        // Never committed, so never seen.
        write(&committer, attempt(8, 0), &["part-8=x"]);
        committer.commit_job().unwrap();
        assert_eq!(tree(&out), ["_SUCCESS=", "part=new"]);
    }

    #[test]
    fn a_marker_is_only_written_on_request() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        let spec = OutputSpec { success_marker: false, ..text(&out) };
        JobCommitter::setup(&spec, &job()).unwrap().commit_job().unwrap();
        assert_eq!(tree(root.path()), ["out/"]);
    }

    #[test]
    fn an_output_that_exists_is_refused_and_kept() {
        let root = tempfile::tempdir().unwrap();
        let (folder, file, link) = (root.path().join("d"), root.path().join("f"), root.path().join("l"));
        fs::create_dir(&folder).unwrap();
        fs::write(&file, "precious").unwrap();
        symlink("nowhere", &link).unwrap();
        for out in [folder, file, link] {
            let error = JobCommitter::setup(&text(&out), &job()).unwrap_err();
            assert_eq!(error.to_string(), "Output directory out already exists");
        }
        assert_eq!(tree(root.path()), ["d/", "f=precious", "l="]);
    }

    #[test]
    fn without_an_output_format_an_existing_folder_will_do() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        fs::create_dir(&out).unwrap();
        fs::write(out.join("precious"), "").unwrap();
        let spec = spec(OutputFormat::Null, &out);
        let mut committer = JobCommitter::setup(&spec, &job()).unwrap();
        committer.commit_job().unwrap();
        assert_eq!(tree(&out), ["_SUCCESS=", "precious="]);
        let committer = JobCommitter::setup(&spec, &job()).unwrap();
        committer.abort_job().unwrap();
        assert_eq!(tree(&out), ["_SUCCESS=", "precious="]);
    }

    #[test]
    fn a_failed_job_leaves_nothing_of_its_own() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("new/deep/out");
        for committed in [false, true] {
            let mut committer = JobCommitter::setup(&text(&out), &job()).unwrap();
            write(&committer, attempt(0, 0), &["in/a=1", "part=2"]);
            committer.commit_task(attempt(0, 0)).unwrap();
            write(&committer, attempt(1, 0), &["part=2"]);
            if committed {
                committer.commit_job().unwrap();
            }
            committer.abort_job().unwrap();
            assert_eq!(tree(root.path()), Vec::<String>::new());
        }
        let committer = JobCommitter::setup(&text(&out), &job()).unwrap();
        fs::write(root.path().join("new/other"), "kept").unwrap();
        committer.abort_job().unwrap();
        assert_eq!(tree(root.path()), ["new/", "new/other=kept"]);
    }

    #[test]
    fn an_output_folder_that_cannot_be_made_says_which() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("file"), "").unwrap();
        let out = root.path().join("file/out");
        let error = JobCommitter::setup(&text(&out), &job()).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot make output folder {}", out.display()));
        // Only what was made is taken away again.
        let out = root.path().join("new").join("x".repeat(300));
        assert!(JobCommitter::setup(&text(&out), &job()).is_err());
        assert_eq!(tree(root.path()), ["file="]);
    }

    #[test]
    fn planted_links_are_not_followed() {
        let root = tempfile::tempdir().unwrap();
        let (out, precious) = (root.path().join("out"), root.path().join("precious"));
        fs::write(&precious, "kept").unwrap();
        let mut committer = JobCommitter::setup(&text(&out), &job()).unwrap();
        write(&committer, attempt(0, 0), &["part-00000=a"]);
        symlink(&precious, committer.attempt_dir(attempt(0, 0)).join(SUCCESS)).unwrap();
        committer.commit_task(attempt(0, 0)).unwrap();
        let error = committer.commit_job().unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write {}", out.join(SUCCESS).display()));
        committer.abort_job().unwrap();
        assert_eq!(tree(root.path()), ["precious=kept"]);
    }

    /// Else it would be a task without output.
    #[test]
    fn an_attempt_whose_folder_was_moved_away_is_not_committed() {
        let root = tempfile::tempdir().unwrap();
        let committer = JobCommitter::setup(&text(&root.path().join("out")), &job()).unwrap();
        write(&committer, attempt(0, 0), &["part-00000=a"]);
        let (folder, moved) = (committer.attempt_dir(attempt(0, 0)), root.path().join("moved"));
        fs::rename(&folder, &moved).unwrap();
        symlink(&moved, &folder).unwrap();
        let error = committer.commit_task(attempt(0, 0)).unwrap_err();
        assert_eq!(error.to_string(), format!("cannot commit the task's output from {}", folder.display()));
    }

    #[test]
    fn a_commit_that_breaks_off_can_be_taken_back() {
        let root = tempfile::tempdir().unwrap();
        let out = root.path().join("out");
        let mut committer = JobCommitter::setup(&text(&out), &job()).unwrap();
        write(&committer, attempt(0, 0), &["part-00000=a"]);
        committer.commit_task(attempt(0, 0)).unwrap();
        // A folder in the marker's place stops the commit after everything has been moved.
        fs::create_dir(out.join(SUCCESS)).unwrap();
        let error = committer.commit_job().unwrap_err();
        assert_eq!(error.to_string(), format!("cannot write {}", out.join(SUCCESS).display()));
        committer.abort_job().unwrap();
        assert_eq!(tree(root.path()), ["out/", "out/_SUCCESS/"]);
    }
}
