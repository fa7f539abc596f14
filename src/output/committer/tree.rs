//! Folders and files on the disk: listed, synced, and removed by identity.

use crate::error::{At, IoError};
use crate::fs::{self, File, FileType};
use crate::output::lock::FileId;
use std::ffi::{OsStr, OsString};
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// A file or folder that this process made.
#[derive(Clone, Debug)]
pub(super) struct Made {
    pub(super) path: PathBuf,
    pub(super) id: FileId,
    pub(super) is_folder: bool,
}

impl Made {
    pub(super) fn folder(path: &Path) -> Option<Self> {
        Some(Self { path: path.to_path_buf(), id: FileId::at(path).ok()?, is_folder: true })
    }

    /// Removes the file, or the folder if it is empty. Another file in its place stays.
    pub(super) fn remove(&self) -> Result<(), IoError> {
        if !self.id.is_at(&self.path) {
            return Ok(());
        }
        let removed = if self.is_folder { fs::remove_dir(&self.path) } else { fs::remove_file(&self.path) };
        match removed {
            // What is in the folder is not this job's.
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::DirectoryNotEmpty) => {
                Ok(())
            }
            removed => removed.at("remove", &self.path),
        }
    }
}

/// Removes empty folders that this job made, innermost first.
pub(super) fn remove_made(mut made: Vec<Made>) {
    while let Some(folder) = made.pop() {
        // One that is not empty holds files of others, and stays with all above it.
        drop(folder.remove());
    }
}

/// Names and kinds in a folder, by name. A link in the folder's place is not followed: the caller may remove what is
/// listed.
pub(in crate::output) fn entries(folder: &Path) -> Result<Vec<(OsString, FileType)>, IoError> {
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
pub(super) fn remove_entries(folder: &Path, keep: impl Fn(&OsStr) -> bool) -> Result<(), IoError> {
    for (name, _) in entries(folder)? {
        if !keep(&name) {
            remove_tree(&folder.join(name))?;
        }
    }
    Ok(())
}

/// Removes a file or a folder with all it holds; one that is not there is no error.
pub(super) fn remove_tree(path: &Path) -> Result<(), IoError> {
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

/// Syncs the contents of every file below `folder`. A rename can reach the disk before the
/// bytes of the file it moves; after a power cut a published part would then be empty.
pub(super) fn sync_files(folder: &Path) -> Result<(), IoError> {
    for (name, kind) in entries(folder)? {
        let path = folder.join(name);
        if kind.is_dir() {
            sync_files(&path)?;
        } else if kind.is_file() {
            // Only regular files: opening a pipe that a child left would wait for its writer for ever.
            match File::open(&path).and_then(|file| file.sync_all()) {
                // A child made it unreadable.
                Err(error) if error.kind() == ErrorKind::PermissionDenied => {}
                synced => synced.at("sync output file", &path)?,
            }
        }
    }
    Ok(())
}

/// Syncs the names in a folder.
pub(super) fn sync_folder(folder: &Path) -> Result<(), IoError> {
    // The parent of a relative name's first part; paths are absolute, but the current folder is one too.
    let folder = if folder.as_os_str().is_empty() { Path::new(".") } else { folder };
    File::open(folder).and_then(|folder| folder.sync_all()).at("sync output folder", folder)
}
