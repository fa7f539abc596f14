//! The local disk: private temp folders that vanish, and the limits of this process.
//!
//! The only room that knows tempfile. Who writes which bytes into these folders is not its business.

mod last_failure;

pub use last_failure::LastFailure;

use crate::error::{At, IoError};
use crate::fault::{self, Op};
use crate::fs::Permissions;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use tempfile::TempDir;

/// Descriptors kept free for pipes, part files and whatever the libraries open.
const OPEN_FILES_RESERVED: u64 = 48;

/// A folder of this job in each of the local folders, removed with all it holds when dropped.
///
/// The folders are open to their owner only and their names cannot be guessed, so that nobody else on the
/// machine can read records or plant links there.
#[derive(Debug)]
pub struct Scratch {
    folders: Vec<TempDir>,
    next: AtomicUsize,
}

impl Scratch {
    /// Makes a folder in each of `local_dirs`, which are made first where they are missing.
    ///
    /// # Errors
    /// When none can be made. A folder that cannot be used is left out while another one works.
    pub fn create(local_dirs: &[PathBuf]) -> Result<Self, IoError> {
        let mut folders = Vec::new();
        let mut refused = None;
        for dir in local_dirs {
            match make_private(dir) {
                Ok(folder) => folders.push(folder),
                Err(error) => refused = Some(error),
            }
        }
        match (folders.is_empty(), refused) {
            (true, Some(error)) => Err(error),
            _ => Ok(Self { folders, next: AtomicUsize::new(0) }),
        }
    }

    /// The folder for the next large file; the folders take turns.
    pub fn next_dir(&self) -> &Path {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        self.folders[turn % self.folders.len()].path()
    }

    /// All folders.
    pub fn dirs(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(TempDir::path)
    }

    /// The folder for small files.
    pub fn first_dir(&self) -> &Path {
        self.folders[0].path()
    }

    /// Removes the folders now and says whether that worked; dropping does it silently.
    pub fn remove(self) -> Result<(), IoError> {
        for folder in self.folders {
            let path = folder.path().to_path_buf();
            fault::point(Op::Remove, &path).at("remove temp folder", &path)?;
            folder.close().at("remove temp folder", &path)?;
        }
        Ok(())
    }
}

fn make_private(dir: &Path) -> Result<TempDir, IoError> {
    crate::fs::create_dir_all(dir).at("make local folder", dir)?;
    fault::point(Op::Mkdir, dir).at("make a temp folder in", dir)?;
    tempfile::Builder::new()
        .prefix("mr-stream-")
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(dir)
        .at("make a temp folder in", dir)
}

/// How many files the engine may hold open for spills: the process's soft limit less a reserve.
pub fn open_files_max() -> usize {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile).current;
    let limit = limit.unwrap_or(u64::MAX);
    usize::try_from(limit.saturating_sub(OPEN_FILES_RESERVED)).unwrap_or(usize::MAX).max(8)
}

/// Lifts the soft limit of open files to the hard one: many temp files at once are our normal work.
pub fn raise_open_files() {
    let mut limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    limit.current = limit.maximum;
    // Refused only by odd sandboxes, and then the limit that stands is honoured as it is.
    rustix::process::setrlimit(rustix::process::Resource::Nofile, limit).ok();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn scratch_folders_are_private_take_turns_and_vanish() {
        let root = tempfile::tempdir().unwrap();
        let dirs = [root.path().join("a"), root.path().join("b")];
        let scratch = Scratch::create(&dirs).unwrap();
        let (one, two) = (scratch.next_dir().to_path_buf(), scratch.next_dir().to_path_buf());
        assert_ne!(one, two);
        assert_eq!(one.metadata().unwrap().permissions().mode() & 0o777, 0o700);
        std::fs::write(one.join("spill"), b"x").unwrap();
        drop(scratch);
        assert!(!one.exists() && !two.exists());
    }

    #[test]
    fn a_bad_folder_is_left_out_while_another_works() {
        let root = tempfile::tempdir().unwrap();
        let file = root.path().join("file");
        std::fs::write(&file, b"").unwrap();
        let bad = file.join("below");
        assert!(Scratch::create(std::slice::from_ref(&bad)).is_err());
        let scratch = Scratch::create(&[bad, root.path().to_path_buf()]).unwrap();
        assert!(scratch.next_dir().starts_with(root.path()));
    }
}
