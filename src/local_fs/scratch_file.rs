//! A large file of a job's own that changes its place when the folder it is written to fails.

use super::Scratch;
use crate::error::{At, IoError, chain};
use crate::fs::{File, OpenOptions};
use crate::page_cache;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};

/// Bytes that are copied at once from a folder that failed.
const COPY_BYTES: usize = 1 << 20;

/// The folders of a job, and which of them failed.
#[derive(Debug)]
pub(super) struct Folders {
    folders: Vec<Folder>,
    next: AtomicUsize,
}

#[derive(Debug)]
struct Folder {
    path: PathBuf,
    /// What it refused first.
    failed: OnceLock<String>,
}

impl Folders {
    pub(super) fn new(paths: impl Iterator<Item = PathBuf>) -> Self {
        let folders = paths.map(|path| Folder { path, failed: OnceLock::new() }).collect();
        Self { folders, next: AtomicUsize::new(0) }
    }

    /// The folders take turns, but for those that failed, while another works.
    pub(super) fn next(&self) -> &Path {
        let turn = self.next.fetch_add(1, Ordering::Relaxed);
        let mut order = self.folders.iter().cycle().skip(turn % self.folders.len()).take(self.folders.len());
        order.find(|folder| folder.works()).unwrap_or(&self.folders[0]).path.as_path()
    }

    /// Notes that the folder in which `error` came about failed; whether another one works.
    fn leave_out(&self, error: &IoError) -> bool {
        for folder in self.folders.iter().filter(|folder| error.path.starts_with(&folder.path)) {
            folder.failed.get_or_init(|| chain(error));
        }
        self.folders.iter().any(Folder::works)
    }

    /// What the folders refused that were left out. When all failed, none was: there was nowhere else to go.
    pub(super) fn refusals(&self) -> impl Iterator<Item = &str> {
        let left_out = if self.folders.iter().any(Folder::works) { &self.folders[..] } else { &[] };
        left_out.iter().filter_map(|folder| folder.failed.get()).map(String::as_str)
    }
}

impl Folder {
    fn works(&self) -> bool {
        self.failed.get().is_none()
    }
}

/// Where a file is to be made.
#[derive(Debug)]
pub struct Place(PlaceKind);

#[derive(Debug)]
enum PlaceKind {
    /// Here and nowhere else.
    Path(PathBuf),
    /// Under this name in whichever folder takes it.
    Scratch(Arc<Folders>, String),
}

impl From<PathBuf> for Place {
    fn from(path: PathBuf) -> Self {
        Self(PlaceKind::Path(path))
    }
}

impl Scratch {
    /// The place of the next large file; the folders take turns. The name must be the only one of the job.
    pub fn place(&self, name: String) -> Place {
        Place(PlaceKind::Scratch(Arc::clone(&self.places), name))
    }
}

/// The file, readable by its owner only, while it is written from its beginning to its end.
#[derive(Debug)]
pub struct ScratchFile {
    file: File,
    path: PathBuf,
    written: u64,
    /// Where else it can go.
    elsewhere: Option<(Arc<Folders>, String)>,
}

impl ScratchFile {
    /// Makes the file.
    ///
    /// # Errors
    /// No folder takes it.
    pub fn create(place: impl Into<Place>) -> Result<Self, IoError> {
        match place.into().0 {
            PlaceKind::Path(path) => Ok(Self { file: create(&path)?, path, written: 0, elsewhere: None }),
            PlaceKind::Scratch(folders, name) => loop {
                let path = folders.next().join(&name);
                match create(&path) {
                    Ok(file) => return Ok(Self { file, path, written: 0, elsewhere: Some((folders, name)) }),
                    Err(error) if is_of_folder(&error) && folders.leave_out(&error) => {}
                    Err(error) => return Err(error),
                }
            },
        }
    }

    /// Adds both parts at the end. If the folder fails, what is there already is copied to the next one first.
    ///
    /// # Errors
    /// No folder is left that works, or what was written cannot be read back.
    pub fn append(&mut self, parts: [&[u8]; 2]) -> Result<(), IoError> {
        let bytes = parts.iter().map(|part| part.len() as u64).sum();
        loop {
            let written = page_cache::write_all(&self.file, &self.path, parts);
            match written.at_write("write spill", &self.path, bytes) {
                Ok(()) => {
                    self.written += bytes;
                    return Ok(());
                }
                Err(error) if is_of_folder(&error) => self.move_on(error)?,
                Err(error) => return Err(error),
            }
        }
    }

    /// Goes on in another folder.
    fn move_on(&mut self, error: IoError) -> Result<(), IoError> {
        let Some((folders, name)) = &self.elsewhere else { return Err(error) };
        if !folders.leave_out(&error) {
            return Err(error);
        }
        let mut moved = Self::create(Place(PlaceKind::Scratch(Arc::clone(folders), name.clone())))?;
        let mut block = vec![0; COPY_BYTES];
        while moved.written < self.written {
            let left = (self.written - moved.written).min(COPY_BYTES as u64) as usize;
            self.file.read_exact_at(&mut block[..left], moved.written).at("read spill", &self.path)?;
            moved.append([&block[..left], &[]])?;
        }
        // What cannot be removed now goes with its folder.
        drop(crate::fs::remove_file(&self.path));
        *self = moved;
        Ok(())
    }

    /// The file, open for reading too, and where it is.
    pub(crate) fn finish(self) -> (File, PathBuf) {
        (self.file, self.path)
    }
}

fn create(path: &Path) -> Result<File, IoError> {
    let mut options = OpenOptions::new();
    options.write(true).read(true).create_new(true).mode(0o600).open(path).at("create spill", path)
}

/// Whether another folder may do better: the disk refused, or the folder is gone or closed.
fn is_of_folder(error: &IoError) -> bool {
    use std::io::ErrorKind::{NotFound, PermissionDenied};
    crate::error::Refusal::of(error).is_some() || matches!(error.source.kind(), NotFound | PermissionDenied)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_goes_where_a_folder_takes_it() {
        let root = tempfile::tempdir().unwrap();
        let dirs = ["a", "b"].map(|name| root.path().join(name));
        let scratch = Scratch::create(&dirs).unwrap();
        let place_of = |name: &str| {
            let mut file = ScratchFile::create(scratch.place(name.into())).unwrap();
            file.append([b"o", b"ne"]).unwrap();
            file.append([b"two", b""]).unwrap();
            let path = file.finish().1;
            assert_eq!(std::fs::read(&path).unwrap(), b"onetwo");
            path
        };
        assert_ne!(place_of("1").parent(), place_of("2").parent());
        assert_eq!(scratch.left_out().count(), 0);
        std::fs::remove_dir_all(&dirs[0]).unwrap();
        for name in ["3", "4"] {
            assert!(place_of(name).starts_with(&dirs[1]));
        }
        assert_eq!(scratch.left_out().count(), 1);
        std::fs::remove_dir_all(&dirs[1]).unwrap();
        assert!(ScratchFile::create(scratch.place("5".into())).is_err());
    }

    #[test]
    fn a_file_of_one_place_stays_there() {
        let root = tempfile::tempdir().unwrap();
        let path = root.path().join("file");
        ScratchFile::create(path.clone()).unwrap().append([b"x", b""]).unwrap();
        assert!(ScratchFile::create(path).is_err(), "what is there is not written over");
    }
}
