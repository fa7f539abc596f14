//! The lock of an output folder: one process at a time writes below it.
//!
//! ```text
//!   out/_temporary/lock      locked (fcntl) from before the first change until after the last one
//! ```
//!
//! A run takes the lock before it makes or removes anything else in the folder. Only the holder removes the lock
//! file. A holder proves itself by the file, not by its name: the file at the path is the one that it has open.
//!
//! Runs with nested outputs take their own locks first and look for the other's lock after that, so at least one of
//! them sees the other.

use super::part_file::ours_alone;
use crate::error::{At, IoError};
use crate::fault::{self, Op};
use crate::fs::{self, File, Metadata, OpenOptions};
use rustix::fs::{FlockOperation, OFlags, fcntl_lock, fstatfs};
use rustix::io::Errno;
use rustix::process::{Flock, FlockType, fcntl_getlk};
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

/// Name of the lock file, in the folder of temporary files.
pub(super) const LOCK: &str = "lock";

/// Number of attempts to take a lock whose file other runs remove at the same time.
const TRIES: usize = 100;

/// Names of file systems, by the type that statfs reports.
const FILE_SYSTEMS: [(i64, &str); 6] = [
    (0x6969, "nfs"),
    (0xfe53_4d42, "smb2"),
    (0xff53_4d42, "cifs"),
    (0x6573_5546, "fuse"),
    (0x0102_1997, "9p"),
    (0x00c3_6400, "ceph"),
];

/// Why a lock was not taken.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LockError {
    /// The file system has no locks.
    #[error(
        "cannot lock {}: the file system ({file_system}) has no locks, so two runs could write into one output; \
         use an output folder on a local disk", path.display()
    )]
    Unsupported {
        /// The lock file.
        path: PathBuf,
        /// Name or number of the file system's type.
        file_system: String,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

/// Identity of a file or folder on this machine. It stays the same when the file gets another name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct FileId {
    pub(super) device: u64,
    pub(super) inode: u64,
    /// Time of birth, where the file system has one: numbers of inodes are used again.
    pub(super) born: Option<SystemTime>,
}

impl FileId {
    pub(super) fn of(metadata: &Metadata) -> Self {
        Self { device: metadata.dev(), inode: metadata.ino(), born: metadata.created().ok() }
    }

    /// The identity of what stands at `path`. Links are not followed.
    pub(super) fn at(path: &Path) -> io::Result<Self> {
        path.symlink_metadata().map(|metadata| Self::of(&metadata))
    }

    /// Whether this file stands at `path`.
    pub(super) fn is_at(self, path: &Path) -> bool {
        Self::at(path).is_ok_and(|found| found == self)
    }
}

/// The lock, held until it is dropped.
#[derive(Debug)]
pub(super) struct OutputLock {
    /// Keeps the lock: the kernel releases it when this process closes the file.
    _file: File,
    id: FileId,
    path: PathBuf,
    /// The folder of temporary files, if this process made it.
    folder_made: Option<FileId>,
}

impl OutputLock {
    /// Takes the lock below `temporary`, the folder of a job's temporary files, which is made if it is missing.
    /// Returns `None` if a live run holds it.
    ///
    /// # Errors
    /// The file system has no locks, or the operating system refuses. Then nothing is left behind.
    pub(super) fn take(temporary: &Path) -> Result<Option<Self>, LockError> {
        let path = temporary.join(LOCK);
        for _ in 0..TRIES {
            let folder_made = match fs::create_dir(temporary) {
                Ok(()) => FileId::at(temporary).ok(),
                Err(error) if error.kind() == ErrorKind::AlreadyExists => None,
                Err(error) => return Err(error).at("make output folder", temporary)?,
            };
            let undo = |created: bool| {
                if created {
                    drop(fs::remove_file(&path));
                }
                if folder_made.is_some_and(|id| id.is_at(temporary)) {
                    drop(fs::remove_dir(temporary));
                }
            };
            let (file, created) = match open_or_create(&path) {
                // The run before removed the folder or the file since it was seen.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                Err(error) => {
                    undo(false);
                    return Err(error).at("open", &path)?;
                }
                Ok(opened) => opened,
            };
            match lock_now(&file, &path) {
                Ok(false) => return Ok(None),
                Ok(true) => {}
                Err(error) => {
                    undo(created);
                    return Err(refused(&file, path, error));
                }
            }
            let id = match file.metadata() {
                Ok(metadata) => FileId::of(&metadata),
                Err(error) => {
                    // No other run has it: this one has locked it.
                    undo(created);
                    return Err(error).at("look at", &path)?;
                }
            };
            // The run before can have removed the file since it was opened.
            if id.is_at(&path) {
                return Ok(Some(Self { _file: file, id, path, folder_made }));
            }
        }
        Ok(None)
    }

    /// Whether the lock file still stands where it was made. If not, another run may have taken its place.
    pub(super) fn is_held(&self) -> bool {
        self.id.is_at(&self.path)
    }

    /// The lock file.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Removes the lock file and the folder it is in, if that is empty then. Does nothing once another file stands
    /// in its place.
    pub(super) fn remove(&self) -> Result<(), IoError> {
        if !self.is_held() {
            return Ok(());
        }
        // Tried twice, so that a disk that failed once leaves nothing beside a good output.
        fs::remove_file(&self.path).or_else(|_| fs::remove_file(&self.path)).at("remove", &self.path)?;
        let folder = self.path.parent().expect("a lock file is in a folder");
        match fs::remove_dir(folder).or_else(|_| fs::remove_dir(folder)) {
            // The next run is there already.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                Ok(())
            }
            removed => removed.at("remove", folder),
        }
    }

    /// As [`Self::remove`], but leaves a folder that this process did not make.
    pub(super) fn give_back(&self) {
        let folder = self.path.parent().expect("a lock file is in a folder");
        let only_lock = fs::read_dir(folder).is_ok_and(|entries| entries.count() == 1);
        if self.is_held() && only_lock {
            drop(fs::remove_file(&self.path));
            if self.folder_made.is_some_and(|id| id.is_at(folder)) {
                drop(fs::remove_dir(folder));
            }
        }
    }
}

/// Opens the lock file for this user only, without following a planted link or waiting for a planted pipe. Says also
/// whether it was made.
fn open_or_create(path: &Path) -> io::Result<(File, bool)> {
    match options().write(true).create_new(true).open(path) {
        Ok(file) => Ok((file, true)),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            Ok((options().write(true).open(path).and_then(ours_alone)?, false))
        }
        Err(error) => Err(error),
    }
}

fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    options
}

/// Locks the file if no other process has locked it. The lock belongs to this process alone: with `flock` a child
/// that does not run its program yet would hold it for a moment after this process is gone.
fn lock_now(file: &File, path: &Path) -> io::Result<bool> {
    fault::point(Op::Lock, path)?;
    match fcntl_lock(file, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => Ok(true),
        Err(Errno::AGAIN | Errno::ACCESS) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn refused(file: &File, path: PathBuf, error: io::Error) -> LockError {
    match Errno::from_io_error(&error) {
        Some(Errno::NOTSUP | Errno::NOLCK | Errno::NOSYS) => {
            let kind = fstatfs(file).map_or(0, |found| found.f_type);
            let name = FILE_SYSTEMS.iter().find(|(number, _)| *number == kind);
            let file_system = name.map_or_else(|| format!("type {kind:#x}"), |(_, name)| (*name).to_owned());
            LockError::Unsupported { path, file_system }
        }
        _ => Err::<(), _>(error).at("lock", &path).expect_err("it is an error").into(),
    }
}

/// Whether a live run writes below `temporary`. Takes no lock, so that it is in no other run's way. Must not be called
/// for a folder whose lock this process holds: to close the file would release the lock.
pub(super) fn is_taken(temporary: &Path) -> Result<bool, IoError> {
    let path = temporary.join(LOCK);
    let file = match options().read(true).open(&path) {
        Ok(file) => file,
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => {
            return Ok(false);
        }
        Err(error) => return Err(error).at("open", &path),
    };
    // On a file system without locks no run can have begun.
    Ok(matches!(fcntl_getlk(&file, &Flock::from(FlockType::WriteLock)), Ok(Some(_))))
}

/// The nearest folder above `out` into which a live run writes. A folder inside that run's own temporary files is
/// exempt: an attempt may run mr-stream there.
pub(super) fn taken_above(out: &Path, temporary_name: &str) -> Option<PathBuf> {
    let existing = out.ancestors().find(|folder| folder.exists())?;
    let real = existing.canonicalize().ok()?.join(out.strip_prefix(existing).ok()?);
    let above = real.ancestors().skip(1).filter(|folder| {
        let below = real.strip_prefix(folder).ok();
        below.is_none_or(|below| !below.starts_with(temporary_name))
    });
    // In a folder that many users share, such as /tmp, another user's lock could keep everybody's jobs away. A folder
    // that may not be looked into is another user's, who decides who writes below it.
    let taken = |folder: &&Path| {
        let temporary = folder.join(temporary_name);
        let user = rustix::process::geteuid().as_raw();
        let owner = temporary.join(LOCK).symlink_metadata().map_or(user, |lock| lock.uid());
        let is_trusted = owner == user || folder.metadata().is_ok_and(|folder| folder.uid() == owner);
        is_trusted && is_taken(&temporary).unwrap_or(false)
    };
    above.into_iter().find(|folder| taken(folder)).map(Path::to_path_buf)
}

/// A folder below `out` into which a live run writes.
pub(super) fn taken_below(out: &Path, temporary_name: &str) -> Result<Option<PathBuf>, IoError> {
    let mut folders = vec![out.to_path_buf()];
    while let Some(folder) = folders.pop() {
        if folder != out && is_taken(&folder.join(temporary_name))? {
            return Ok(Some(folder));
        }
        let entries = match fs::read_dir(&folder) {
            Err(error) if error.kind() == ErrorKind::NotFound => continue,
            entries => entries.at("list output folder", &folder)?,
        };
        let below = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
        folders.extend(below.map(|entry| entry.path()));
    }
    Ok(None)
}

#[cfg(test)]
mod tests {
    use super::*;

    // That another process does not get a lock is shown by `tests/races.rs`.

    #[test]
    fn a_lock_is_gone_with_its_folder_after_removal() {
        let root = tempfile::tempdir().unwrap();
        let temporary = root.path().join("_temporary");
        let lock = OutputLock::take(&temporary).unwrap().unwrap();
        assert!(lock.is_held());
        lock.remove().unwrap();
        assert!(!lock.is_held() && !temporary.exists());
        assert!(!is_taken(&temporary).unwrap());
    }

    #[test]
    fn a_lock_file_that_was_replaced_is_left_alone() {
        let root = tempfile::tempdir().unwrap();
        let temporary = root.path().join("_temporary");
        let lock = OutputLock::take(&temporary).unwrap().unwrap();
        fs::remove_dir_all(&temporary).unwrap();
        fs::create_dir(&temporary).unwrap();
        fs::write(temporary.join(LOCK), "").unwrap();
        assert!(!lock.is_held());
        lock.remove().unwrap();
        lock.give_back();
        assert!(temporary.join(LOCK).exists());
    }

    #[test]
    fn a_folder_that_was_there_before_is_given_back_as_it_was() {
        let root = tempfile::tempdir().unwrap();
        let temporary = root.path().join("_temporary");
        fs::create_dir(&temporary).unwrap();
        OutputLock::take(&temporary).unwrap().unwrap().give_back();
        assert_eq!(fs::read_dir(&temporary).unwrap().count(), 0);
        fs::remove_dir(&temporary).unwrap();
        OutputLock::take(&temporary).unwrap().unwrap().give_back();
        assert!(!temporary.exists());
    }

    #[test]
    fn a_planted_lock_is_not_followed() {
        let root = tempfile::tempdir().unwrap();
        fs::write(root.path().join("precious"), "kept").unwrap();
        std::os::unix::fs::symlink(root.path().join("precious"), root.path().join(LOCK)).unwrap();
        assert!(OutputLock::take(root.path()).is_err());
        assert!(root.path().join(LOCK).is_symlink());
    }
}
