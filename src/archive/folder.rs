//! The folder that an archive is unpacked into. Nothing is written outside of it.
//!
//! Names are taken apart and looked at part by part, and nothing is ever written through a link: each folder on the
//! way to an entry must be a real one, an entry replaces a link of its name, and a hard link is made to a file only,
//! by a way without links. So a link may lead anywhere, as that of a Python environment to its interpreter does.

use super::{Allowance, refused};
use crate::fault::{self, Op};
use crate::fs::{self, File, OpenOptions, Permissions};
use std::ffi::OsStr;
use std::io::{self, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

/// Permissions of what is unpacked. Hadoop: `FSDownload.changePermissions`, for files that all may read.
const FILE_MODE: u32 = 0o555;
const FOLDER_MODE: u32 = 0o755;

/// Bytes that an entry counts for at least, so that an archive of very many empty files meets the limit too.
pub(super) const ENTRY_BYTES_MIN: u64 = 512;

pub(super) struct Folder<'a> {
    root: PathBuf,
    left: &'a mut Allowance,
    max: Allowance,
}

impl<'a> Folder<'a> {
    pub(super) fn create(root: &Path, left: &'a mut Allowance) -> io::Result<Self> {
        make_folder(root)?;
        let max = *left;
        Ok(Self { root: root.to_path_buf(), left, max })
    }

    /// Where it is.
    pub(super) fn root(&self) -> &Path {
        &self.root
    }

    /// Writes a file and returns its length in bytes.
    pub(super) fn add_file(&mut self, name: &[u8], content: &mut dyn Read) -> io::Result<u64> {
        self.count_entry()?;
        let path = self.make_room(&parts(name)?)?;
        let mut file = OpenOptions::new().write(true).create_new(true).open(&path)?;
        let most = self.left.bytes.saturating_add(ENTRY_BYTES_MIN);
        let written = io::copy(&mut content.take(most.saturating_add(1)), &mut file)?;
        self.count_bytes(written.saturating_sub(ENTRY_BYTES_MIN))?;
        set_mode(&file, FILE_MODE)?;
        Ok(written)
    }

    pub(super) fn add_folder(&mut self, name: &[u8]) -> io::Result<()> {
        self.count_entry()?;
        self.make_folders(&parts(name)?).map(drop)
    }

    /// Adds a link that leads to `target` from the folder it stands in, wherever that is.
    pub(super) fn add_link(&mut self, name: &[u8], target: &[u8]) -> io::Result<()> {
        self.count_entry()?;
        if target.is_empty() || target.contains(&0) {
            let target = String::from_utf8_lossy(target);
            return Err(refused(format!("its target {target:?} is no path")));
        }
        let path = self.make_room(&parts(name)?)?;
        fault::point(Op::Link, &path)?;
        symlink(OsStr::from_bytes(target), path)
    }

    /// Adds another name for a file that was unpacked before.
    pub(super) fn add_hard_link(&mut self, name: &[u8], target: &[u8]) -> io::Result<()> {
        self.count_entry()?;
        let target_parts = parts(target)?;
        let mut file = self.root.clone();
        for (number, part) in target_parts.iter().enumerate() {
            file.push(part);
            // A link has another meaning elsewhere, so only a file may be linked, by a way without links.
            let kind = file.symlink_metadata()?.file_type();
            let last = number + 1 == target_parts.len();
            if last && !kind.is_file() || !last && !kind.is_dir() {
                let target = String::from_utf8_lossy(target);
                return Err(refused(format!("its target {target:?} is not a file of this archive")));
            }
        }
        let path = self.make_room(&parts(name)?)?;
        fs::hard_link(file, path)
    }

    /// Counts one more entry.
    fn count_entry(&mut self) -> io::Result<()> {
        let Some(left) = self.left.entries.checked_sub(1) else {
            let max = self.max.entries;
            return Err(too_large(format!(
                "more than the {max} entries that archives may still unpack to; raise mrstream.archive.max.entries"
            )));
        };
        self.left.entries = left;
        self.count_bytes(ENTRY_BYTES_MIN)
    }

    fn count_bytes(&mut self, bytes: u64) -> io::Result<()> {
        let Some(left) = self.left.bytes.checked_sub(bytes) else {
            let max = self.max.bytes;
            return Err(too_large(format!(
                "more than the {max} bytes that archives may still unpack to; raise mrstream.archive.max.mb"
            )));
        };
        self.left.bytes = left;
        Ok(())
    }

    /// The path of an entry, with its folders made, and what stood there before taken away: the later one of
    /// two entries of a name stays.
    fn make_room(&self, parts: &[&OsStr]) -> io::Result<PathBuf> {
        let Some((last, folders)) = parts.split_last() else {
            return Err(refused("it has no name; expected a name in the archive's folder"));
        };
        let path = self.make_folders(folders)?.join(last);
        match path.symlink_metadata() {
            Ok(there) if there.is_dir() => Err(refused("another entry is a folder of that name")),
            Ok(_) => fs::remove_file(&path).map(|()| path),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(path),
            Err(error) => Err(error),
        }
    }

    fn make_folders(&self, parts: &[&OsStr]) -> io::Result<PathBuf> {
        let mut path = self.root.clone();
        for part in parts {
            path.push(part);
            match path.symlink_metadata() {
                Ok(there) if there.is_dir() => {}
                Ok(_) => {
                    let part = part.to_string_lossy();
                    return Err(refused(format!("another entry, not a folder, is in its way at {part:?}")));
                }
                Err(error) if error.kind() == io::ErrorKind::NotFound => make_folder(&path)?,
                Err(error) => return Err(error),
            }
        }
        Ok(path)
    }
}

fn too_large(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, what)
}

fn make_folder(path: &Path) -> io::Result<()> {
    fs::create_dir(path)?;
    // Not left to the process's mask.
    fs::set_permissions(path, Permissions::from_mode(FOLDER_MODE))
}

fn set_mode(file: &File, mode: u32) -> io::Result<()> {
    file.set_permissions(Permissions::from_mode(mode))
}

/// The parts of an entry's name. A slash in front means nothing, as to Java and to tar.
fn parts(name: &[u8]) -> io::Result<Vec<&OsStr>> {
    if name.contains(&0) {
        return Err(refused("its name has a NUL byte; expected a file name"));
    }
    let parts = name.split(|byte| *byte == b'/').filter(|part| !part.is_empty() && *part != b".");
    parts
        .map(|part| match part {
            b".." => Err(refused("its name has a part `..`; expected a name in the archive's folder")),
            part => Ok(OsStr::from_bytes(part)),
        })
        .collect()
}
