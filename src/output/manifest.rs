//! The files of a committed task, with what their contents come to.

use super::committer::entries;
use super::journal::OutputFile;
use crate::checksum::Checksum;
use crate::error::{At, IoError};
use crate::fs::OpenOptions;
use rustix::fs::OFlags;
use std::io::{ErrorKind, Read};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

const BLOCK_BYTES: usize = 256 << 10;

/// The regular files below `folder`; none if it is not there. Of those `known` only the size is looked at, so only
/// files that a child made are read. Links, pipes and empty folders have no contents that could be looked at later.
pub(super) fn of(folder: &Path, known: &[OutputFile]) -> Result<Vec<OutputFile>, IoError> {
    let mut found = Vec::new();
    match walk(folder, Path::new(""), known, &mut found) {
        Err(error) if error.source.kind() == ErrorKind::NotFound && error.path == folder => Ok(found),
        walked => walked.map(|()| found),
    }
}

fn walk(
    folder: &Path,
    below: &Path,
    known: &[OutputFile],
    found: &mut Vec<OutputFile>,
) -> Result<(), IoError> {
    for (name, kind) in entries(&folder.join(below))? {
        let path = below.join(name);
        if kind.is_dir() {
            walk(folder, &path, known, found)?;
        } else if kind.is_file() {
            let bytes = folder.join(&path).metadata().map_or(0, |file| file.len());
            match known.iter().find(|file| file.path == path && file.bytes == bytes) {
                Some(file) => found.push(file.clone()),
                None => found.extend(read(folder, &path)?),
            }
        }
    }
    Ok(())
}

/// What the file at `path` below `folder` is; `None` if no regular file is there that can be read.
pub(super) fn read(folder: &Path, path: &Path) -> Result<Option<OutputFile>, IoError> {
    let full: PathBuf = folder.join(path);
    // Only regular files: opening a pipe that a child left would wait for its writer for ever.
    if !full.symlink_metadata().is_ok_and(|meta| meta.is_file()) {
        return Ok(None);
    }
    // Something else may have come into its place since.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(&full) {
        // A file that a child made unreadable is its own affair.
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::PermissionDenied) => {
            return Ok(None);
        }
        opened => opened.at("open output file", &full)?,
    };
    let (mut hash, mut bytes, mut block) = (Checksum::new(), 0, vec![0; BLOCK_BYTES]);
    loop {
        let read = file.read(&mut block).at("read output file", &full)?;
        if read == 0 {
            return Ok(Some(OutputFile { path: path.to_path_buf(), bytes, checksum: hash.digest() }));
        }
        hash.update(&block[..read]);
        bytes += read as u64;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;

    #[test]
    fn every_file_of_a_tree_is_there_with_its_checksum() {
        let folder = tempfile::tempdir().unwrap();
        assert_eq!(of(&folder.path().join("gone"), &[]).unwrap(), []);
        fs::create_dir(folder.path().join("in")).unwrap();
        fs::write(folder.path().join("in/a"), "one").unwrap();
        fs::write(folder.path().join("b"), vec![7; BLOCK_BYTES + 1]).unwrap();
        std::os::unix::fs::symlink("b", folder.path().join("c")).unwrap();
        let found = of(folder.path(), &[]).unwrap();
        let shown: Vec<_> = found.iter().map(|file| (file.path.to_str().unwrap(), file.bytes)).collect();
        assert_eq!(shown, [("b", BLOCK_BYTES as u64 + 1), ("in/a", 3)]);
        assert_eq!(read(folder.path(), Path::new("in/a")).unwrap().as_ref(), Some(&found[1]));
        fs::write(folder.path().join("in/a"), "onf").unwrap();
        assert_ne!(read(folder.path(), Path::new("in/a")).unwrap().as_ref(), Some(&found[1]));
        assert_eq!(read(folder.path(), Path::new("c")).unwrap(), None);
    }
}
