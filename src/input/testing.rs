//! Files for this room's tests.

use super::InputFile;
use crate::local_fs::Scratch;
use crate::plan::InputSplit;
use std::path::{Path, PathBuf};

/// A folder that vanishes with the test.
pub(super) struct Folder(Scratch);

impl Folder {
    pub(super) fn new() -> Self {
        Self(Scratch::create(&[std::env::temp_dir()]).unwrap())
    }

    pub(super) fn path(&self) -> &Path {
        self.0.first_dir()
    }

    /// Writes a file, its folders included.
    pub(super) fn write(&self, name: impl AsRef<Path>, bytes: &[u8]) -> PathBuf {
        let path = self.path().join(name);
        crate::fs::create_dir_all(path.parent().unwrap()).unwrap();
        crate::fs::write(&path, bytes).unwrap();
        path
    }
}

pub(super) fn file(path: &Path, length: usize) -> InputFile {
    InputFile { path: path.to_path_buf(), length: length as u64, stamp: None }
}

pub(super) fn split(path: &Path, start: usize, end: usize) -> InputSplit {
    InputSplit::new(path.to_path_buf(), start as u64, (end - start) as u64, None)
}
