//! Temporary folders that any later run removes when their owner was killed.
//!
//! The owner holds a lock on a file in each folder. The system releases the lock when the owner ends, however it ends,
//! and knows nothing of process numbers, which containers that share a disk do not share. The folders of a job are not
//! of this kind: its journal names them, and a later run may go on from what they hold.

use super::{SCRATCH_PREFIX, Scratch, named, remove_left};
use crate::error::IoError;
use crate::fs::{File, OpenOptions, rename};
use rustix::fs::{FlockOperation, OFlags, flock};
use std::io;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

/// The file whose lock says that the owner lives.
const OWNER: &str = "owner";

fn prefix() -> String {
    format!("{SCRATCH_PREFIX}owned-")
}

impl Scratch {
    /// As [`Scratch::create`], with folders that [`sweep_ownerless`] removes when this process is gone.
    ///
    /// # Errors
    /// As [`Scratch::create`].
    pub fn create_owned(local_dirs: &[PathBuf]) -> Result<Self, IoError> {
        let mut scratch = Self::create_named(local_dirs, &prefix())?;
        // A folder on a disk without locks stays after a kill.
        scratch.owner = scratch.dirs().filter_map(|folder| own(folder).ok()).collect();
        Ok(scratch)
    }
}

/// Makes the file of the owner. It gets its name when it is locked, so that no other run finds it without its lock.
fn own(folder: &Path) -> io::Result<File> {
    let (unnamed, named) = (folder.join("owner.new"), folder.join(OWNER));
    let file = File::create_new(&unnamed)?;
    flock(&file, FlockOperation::NonBlockingLockExclusive)?;
    rename(unnamed, named)?;
    Ok(file)
}

/// Removes the folders of [`Scratch::create_owned`] whose owners are gone. `end` ends the processes that have a path in
/// their environment which begins with what it is given.
pub fn sweep_ownerless(local_dirs: &[PathBuf], mut end: impl FnMut(PathBuf)) {
    for folder in named(local_dirs, &prefix()) {
        let mut options = OpenOptions::new();
        let file =
            options.read(true).custom_flags(OFlags::NOFOLLOW.bits().cast_signed()).open(folder.join(OWNER));
        let Ok(file) = file else { continue };
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            end(folder.clone());
            // A later run tries again.
            drop(remove_left(&folder));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn folders_are_removed_when_their_owner_is_gone() {
        let root = tempfile::tempdir().unwrap();
        let dirs = [root.path().to_path_buf()];
        let living = Scratch::create_owned(&dirs).unwrap();
        let mut dead = Scratch::create_owned(&dirs).unwrap();
        let other = Scratch::create(&dirs).unwrap();
        let unowned = Scratch::create_named(&dirs, &prefix()).unwrap();
        dead.owner.clear();
        let mut ended = Vec::new();
        sweep_ownerless(&dirs, |folder| ended.push(folder));
        assert_eq!(ended, [dead.first_dir()]);
        assert!(!dead.first_dir().exists());
        for kept in [&living, &other, &unowned] {
            assert!(kept.first_dir().exists());
        }
    }
}
