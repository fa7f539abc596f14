//! The folder for what the last failed job of a user leaves behind.
//!
//! It stands in a folder that others may write to, under a name that can be guessed, since the next failure must
//! find it: so it is only used if it is a real folder of this user's that nobody else can enter.

use crate::error::{At, IoError};
use crate::fs::DirBuilder;
use rustix::fs::{FlockOperation, Mode, OFlags, flock, fstat};
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};

/// The folder `mr-stream-failed-<user's number>`, empty, and no other job's until this is dropped.
#[derive(Debug)]
pub struct LastFailure {
    path: PathBuf,
    /// Open, and locked.
    _folder: OwnedFd,
}

impl LastFailure {
    /// Takes the folder below `dir` and removes what is in it.
    ///
    /// # Errors
    /// It cannot be made, somebody else can enter it, or another job is writing there now.
    pub fn take(dir: &Path) -> Result<Self, IoError> {
        let user = rustix::process::geteuid();
        let path = dir.join(format!("mr-stream-failed-{}", user.as_raw()));
        match DirBuilder::new().mode(0o700).create(&path) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                return Err(error).at("make folder", &path);
            }
            _ => {}
        }
        let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let folder = rustix::fs::open(&path, flags, Mode::empty()).map_err(io::Error::from);
        let folder = folder.at("use folder", &path)?;
        let facts = fstat(&folder).map_err(io::Error::from).at("look at", &path)?;
        if facts.st_uid != user.as_raw() || facts.st_mode & 0o077 != 0 {
            let refused = io::Error::new(io::ErrorKind::PermissionDenied, "others can enter it");
            return Err(refused).at("use folder", &path);
        }
        let locked = flock(&folder, FlockOperation::NonBlockingLockExclusive);
        let busy = |_| io::Error::new(io::ErrorKind::WouldBlock, "another job is at work in it");
        locked.map_err(busy).at("use folder", &path)?;
        empty(&path).at("empty folder", &path)?;
        Ok(Self { path, _folder: folder })
    }

    /// The folder.
    pub fn path(&self) -> &Path {
        &self.path
    }
}

fn empty(folder: &Path) -> io::Result<()> {
    for entry in crate::fs::read_dir(folder)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            crate::fs::remove_dir_all(entry.path())?;
        } else {
            crate::fs::remove_file(entry.path())?;
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs::{self, Permissions};
    use std::os::unix::fs::{PermissionsExt, symlink};

    fn name() -> String {
        format!("mr-stream-failed-{}", rustix::process::geteuid().as_raw())
    }

    fn refused(dir: &Path) -> io::ErrorKind {
        let error = LastFailure::take(dir).unwrap_err();
        assert_eq!(error.action, "use folder");
        error.source.kind()
    }

    #[test]
    fn it_is_private_and_empty_each_time() {
        let root = tempfile::tempdir().unwrap();
        let first = LastFailure::take(root.path()).unwrap();
        assert_eq!(first.path(), root.path().join(name()));
        assert_eq!(first.path().metadata().unwrap().permissions().mode() & 0o777, 0o700);
        fs::create_dir_all(first.path().join("a/b")).unwrap();
        fs::write(first.path().join("c"), "").unwrap();
        // Nobody else comes in meanwhile.
        assert_eq!(refused(root.path()), io::ErrorKind::WouldBlock);
        drop(first);
        let second = LastFailure::take(root.path()).unwrap();
        assert_eq!(fs::read_dir(second.path()).unwrap().count(), 0);
    }

    #[test]
    fn what_others_have_planted_is_not_used() {
        let root = tempfile::tempdir().unwrap();
        let (path, elsewhere) = (root.path().join(name()), root.path().join("elsewhere"));
        fs::create_dir(&elsewhere).unwrap();
        fs::write(elsewhere.join("precious"), "").unwrap();
        symlink(&elsewhere, &path).unwrap();
        assert_ne!(refused(root.path()), io::ErrorKind::WouldBlock);
        assert!(elsewhere.join("precious").exists());
        fs::remove_file(&path).unwrap();
        fs::create_dir(&path).unwrap();
        fs::set_permissions(&path, Permissions::from_mode(0o777)).unwrap();
        assert_eq!(refused(root.path()), io::ErrorKind::PermissionDenied);
    }
}
