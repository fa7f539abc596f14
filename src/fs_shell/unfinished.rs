//! Changes that happen whole or not at all, whatever else runs and however the process ends.
//!
//! A file is written under a private name in the folder of its target and then renamed; a folder is renamed to such a
//! name before it is removed. Private names begin with [`PREFIX`], so jobs pass them by as hidden files. `-ls` shows
//! them, as Hadoop's shows `NAME._COPYING_`; verbs that copy or match several files pass them by.
//!
//! A signal ends the process by another thread. It undoes what is in [`Unfinished`] first, and each step that makes,
//! renames or removes something holds that lock. Only SIGKILL leaves a private name behind.

use crate::fault::{self, Op};
use crate::fs::{File, OpenOptions};
use rustix::fs::{
    AtFlags, CWD, FlockOperation, Mode, OFlags, RenameFlags, flock, ftruncate, open, renameat_with, statat,
    unlinkat,
};
use rustix::io::Errno;
use std::ffi::OsString;
use std::io::{self, ErrorKind, Write};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// What private names begin with; the numbers of the process and of the name follow.
pub(super) const PREFIX: &str = "._COPYING_";

/// How often a step is tried again that another process disturbed.
pub(super) const TRIES: u32 = 1000;

/// What a verb has begun and not finished.
#[derive(Clone, Debug, Default)]
pub struct Unfinished(Arc<Mutex<Option<Begun>>>);

#[derive(Debug)]
enum Begun {
    /// A file of this private name in a folder, which may get another path before the file is whole.
    New(OwnedFd, OsString),
    /// A file that had this many bytes gets more.
    Longer(File, u64),
}

impl Begun {
    /// Errors are passed over: the verb failed already, or the process ends.
    fn undo(self) {
        match self {
            Self::New(folder, name) => drop(unlinkat(folder, name, AtFlags::empty())),
            Self::Longer(file, bytes) => drop(ftruncate(&file, bytes)),
        }
    }
}

impl Unfinished {
    /// Undoes what was begun, and lets no verb take another step: for a process that ends now.
    pub fn undo_and_stop(&self) {
        let mut begun = self.lock();
        if let Some(begun) = begun.take() {
            begun.undo();
        }
        std::mem::forget(begun);
    }

    fn lock(&self) -> MutexGuard<'_, Option<Begun>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes an empty file under a private name beside `target`.
    pub(super) fn create(&self, target: &Path) -> io::Result<Growing> {
        let mut begun = self.lock();
        let folder = open_parent(target)?;
        let (file, path) = with_private_name(target, |path| File::create_new(path))?;
        let name = path.file_name().unwrap_or_default().to_owned();
        let is_there = file.metadata().is_ok_and(|made| {
            let there = statat(&folder, &name, AtFlags::SYMLINK_NOFOLLOW);
            there.is_ok_and(|there| (there.st_dev, there.st_ino) == (made.dev(), made.ino()))
        });
        if !is_there {
            // Another folder has this path now.
            drop(crate::fs::remove_file(&path));
            return Err(ErrorKind::NotFound.into());
        }
        *begun = Some(Begun::New(folder, name));
        Ok(Growing { unfinished: self.clone(), file, path })
    }

    /// Opens a file at its end for the only writer.
    ///
    /// # Errors
    /// [`ErrorKind::WouldBlock`] while another process writes on the file.
    pub(super) fn extend(&self, path: &Path) -> io::Result<Growing> {
        let file = open_locked(path)?;
        let bytes = file.metadata()?.len();
        *self.lock() = Some(Begun::Longer(file.try_clone()?, bytes));
        Ok(Growing { unfinished: self.clone(), file, path: path.to_path_buf() })
    }

    /// Removes a folder with all in it. Others see it whole or not at all; a signal waits until it is gone.
    pub(super) fn remove_tree(&self, path: &Path) -> io::Result<()> {
        let _held = self.lock();
        let folder = open_parent(path)?;
        let ((), aside) = with_private_name(path, |aside| rename_new(path, aside))?;
        // The folder around it may get another path.
        let number = folder.as_raw_fd().to_string();
        let by_number = Path::new("/proc/self/fd").join(number).join(aside.file_name().unwrap_or_default());
        let aside = if by_number.symlink_metadata().is_ok() { by_number } else { aside };
        let mut removed = crate::fs::remove_dir_all(&aside);
        // A process that had the folder in its hands may have made something in it.
        for _ in 0..TRIES {
            match removed {
                Err(error) if error.kind() == ErrorKind::DirectoryNotEmpty => {
                    removed = crate::fs::remove_dir_all(&aside);
                }
                _ => break,
            }
        }
        // What cannot be removed stays under its name.
        removed.inspect_err(|_| drop(rename_new(&aside, path)))
    }
}

/// A file that is being written. What was written is undone when this is dropped before [`Self::finish`].
pub(super) struct Growing {
    unfinished: Unfinished,
    file: File,
    /// Where it is: under a private name if it is new.
    path: PathBuf,
}

impl Growing {
    /// Takes the last step with the path of the file, after which nothing is undone.
    pub(super) fn finish<E>(self, last: impl FnOnce(&Path) -> Result<(), E>) -> Result<(), E> {
        let mut begun = self.unfinished.lock();
        last(&self.path)?;
        *begun = None;
        Ok(())
    }

    /// Where the file is now.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Whether the path still names this file.
    pub(super) fn is_in_place(&self) -> bool {
        is_at(&self.file, &self.path)
    }
}

impl Write for Growing {
    /// After a signal nothing is written any more, or what was undone would come back.
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let _held = self.unfinished.lock();
        self.file.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.file.flush()
    }
}

impl Drop for Growing {
    fn drop(&mut self) {
        if let Some(begun) = self.unfinished.lock().take() {
            begun.undo();
        }
    }
}

/// Opens a file to be written at its end and locks it, as HDFS gives a lease to one client.
///
/// # Errors
/// [`ErrorKind::WouldBlock`] while another process has the lock.
pub(super) fn open_locked(path: &Path) -> io::Result<File> {
    loop {
        let file = OpenOptions::new().append(true).open(path)?;
        flock(&file, FlockOperation::NonBlockingLockExclusive)?;
        // A file that was replaced before the lock was taken can no longer be reached by its name.
        if is_at(&file, path) {
            return Ok(file);
        }
    }
}

fn is_at(file: &File, path: &Path) -> bool {
    match (file.metadata(), path.metadata()) {
        (Ok(open), Ok(there)) => (open.dev(), open.ino()) == (there.dev(), there.ino()),
        _ => false,
    }
}

fn open_parent(path: &Path) -> io::Result<OwnedFd> {
    let flags = OFlags::PATH | OFlags::DIRECTORY | OFlags::CLOEXEC;
    Ok(open(path.parent().unwrap_or(path), flags, Mode::empty())?)
}

/// Does something with the first private name beside `target` that is free.
fn with_private_name<T>(target: &Path, act: impl Fn(&Path) -> io::Result<T>) -> io::Result<(T, PathBuf)> {
    let mut number = 0_u64;
    loop {
        let path = target.with_file_name(format!("{PREFIX}{}-{number}", std::process::id()));
        match act(&path) {
            Err(error) if error.kind() == ErrorKind::AlreadyExists => number += 1,
            done => return Ok((done?, path)),
        }
    }
}

/// Whether a path is, or is below, one with a private name.
pub(super) fn is_private(path: &Path) -> bool {
    path.iter().any(|name| name.as_encoded_bytes().starts_with(PREFIX.as_bytes()))
}

/// Renames, unless the new name is taken.
///
/// # Errors
/// [`ErrorKind::AlreadyExists`] if it is.
pub(super) fn rename_new(from: &Path, to: &Path) -> io::Result<()> {
    fault::point(Op::Rename, to)?;
    match renameat_with(CWD, from, CWD, to, RenameFlags::NOREPLACE) {
        // Some file systems, NFS among them, cannot do it in one step. A link to a file can; folders have none.
        Err(Errno::INVAL | Errno::NOSYS | Errno::NOTSUP) => match crate::fs::hard_link(from, to) {
            Ok(()) => crate::fs::remove_file(from),
            Err(_) if to.symlink_metadata().is_ok() => Err(ErrorKind::AlreadyExists.into()),
            Err(_) => crate::fs::rename(from, to),
        },
        renamed => Ok(renamed?),
    }
}

/// Makes a folder and those above it, also while others remove them.
pub(super) fn create_folders(path: &Path) -> io::Result<()> {
    let mut made = crate::fs::create_dir_all(path);
    for _ in 0..TRIES {
        match made {
            // What was there a moment ago is gone.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::AlreadyExists) => {
                if path.symlink_metadata().is_ok() {
                    return if path.is_dir() { Ok(()) } else { Err(error) };
                }
                made = crate::fs::create_dir_all(path);
            }
            _ => break,
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_that_is_not_finished_leaves_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let (target, unfinished) = (folder.path().join("x"), Unfinished::default());
        let names = || std::fs::read_dir(folder.path()).unwrap().count();
        std::fs::write(folder.path().join(format!("{PREFIX}{}-0", std::process::id())), "another's").unwrap();
        let mut new = unfinished.create(&target).unwrap();
        new.write_all(b"half").unwrap();
        assert!(is_private(&new.path) && names() == 2);
        drop(new);
        assert_eq!(names(), 1, "the name that was taken stays");
        std::fs::write(&target, "old").unwrap();
        let mut longer = unfinished.extend(&target).unwrap();
        assert_eq!(unfinished.extend(&target).err().unwrap().kind(), ErrorKind::WouldBlock);
        longer.write_all(b" and more").unwrap();
        drop(longer);
        assert_eq!(std::fs::read(&target).unwrap(), b"old");
        let new = unfinished.create(&target).unwrap();
        let refused = new.finish(|path| rename_new(path, &target)).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::AlreadyExists);
        assert_eq!(names(), 2);
        let new = unfinished.create(&target).unwrap();
        unfinished.undo_and_stop();
        assert_eq!(names(), 2);
        assert!(unfinished.0.try_lock().is_err(), "no verb goes on");
        // Dropping it would wait for ever.
        std::mem::forget(new);
    }

    #[test]
    fn a_folder_that_cannot_be_removed_stays() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("file");
        std::fs::write(&file, "x").unwrap();
        let error = Unfinished::default().remove_tree(&file).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotADirectory);
        assert_eq!(std::fs::read(&file).unwrap(), b"x");
    }
}
