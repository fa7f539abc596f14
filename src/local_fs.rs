//! The local disk: private temp folders that vanish, and the limits of this process.
//!
//! The only room that knows tempfile. Who writes which bytes into these folders is not its business.

mod last_failure;
mod owned;
mod scratch_file;

pub use last_failure::LastFailure;
pub use owned::sweep_ownerless;
pub use scratch_file::{Place, ScratchFile};

use crate::error::{At, IoError, chain};
use crate::fault::{self, Op};
use crate::fs::{File, Metadata, Permissions};
use crate::stop::StopFlag;
use crate::units;
use scratch_file::Folders;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, OnceLock};
use tempfile::TempDir;

/// Descriptors of the process itself: its standard streams, signals, what the libraries open for a moment.
const OPEN_FILES_OWN: u64 = 20;
/// Descriptors of an attempt: the pipes of its child, both ends while it is started, its input, its part file or its
/// spill, a folder that is looked through.
const OPEN_FILES_PER_SLOT: u64 = 10;
/// Files on disk that a merge may always read at once.
const MERGE_FILES_MIN: u64 = 2;
/// One descriptor in so many keeps a file open that will be read again.
const KEPT_OPEN_PART: u64 = 8;

/// What the names of all temp folders begin with.
const SCRATCH_PREFIX: &str = "mr-stream-";

/// A folder of this job in each of the local folders, removed with all it holds when dropped.
///
/// The folders are open to their owner only and their names cannot be guessed, so that nobody else on the
/// machine can read records or plant links there.
#[derive(Debug)]
pub struct Scratch {
    folders: Vec<TempDir>,
    /// Dropped after them: local folders that were made for this job.
    _made: MadeFolders,
    /// The same, for files that are large.
    places: Arc<Folders>,
    /// Why local folders were left out from the beginning.
    refused: Vec<String>,
    /// Set when nothing more is to be written here.
    stop: OnceLock<StopFlag>,
    /// Locks that say that the owner of these folders lives, if later runs may remove them when it does not.
    owner: Vec<File>,
}

impl Scratch {
    /// Makes a folder in each of `local_dirs`, which are made first where they are missing.
    ///
    /// # Errors
    /// When none can be made. A folder that cannot be used is left out while another one works.
    pub fn create(local_dirs: &[PathBuf]) -> Result<Self, IoError> {
        Self::create_named(local_dirs, SCRATCH_PREFIX)
    }

    /// As [`Scratch::create`], with names that begin with `prefix`, by which [`sweep`] finds them.
    pub fn create_named(local_dirs: &[PathBuf], prefix: &str) -> Result<Self, IoError> {
        let (mut folders, mut made) = (Vec::new(), MadeFolders::default());
        let (mut refused, mut texts) = (None, Vec::new());
        for dir in local_dirs {
            match made.make(dir).and_then(|()| make_private(dir, prefix)) {
                Ok(folder) => folders.push(folder),
                Err(error) => {
                    texts.push(chain(&error));
                    refused = Some(error);
                }
            }
        }
        if let (true, Some(error)) = (folders.is_empty(), refused) {
            return Err(error);
        }
        let places = Arc::new(Folders::new(folders.iter().map(|folder| folder.path().to_path_buf())));
        Ok(Self { folders, _made: made, places, refused: texts, stop: OnceLock::new(), owner: Vec::new() })
    }

    /// Whoever writes large files here ends when `stop` is set.
    pub fn heed(&self, stop: &StopFlag) {
        // A second flag would be of a second job, and scratch folders have one.
        self.stop.set(stop.clone()).ok();
    }

    /// The flag that [`Self::heed`] gave, or one that nobody sets.
    pub fn stop(&self) -> &StopFlag {
        self.stop.get_or_init(StopFlag::default)
    }

    /// The folder for what comes next and is large; the folders take turns. [`Scratch::place`] is better for a
    /// single file, which can go elsewhere when the folder fails.
    pub fn next_dir(&self) -> &Path {
        self.places.next()
    }

    /// Why folders are not used, or no longer.
    pub fn left_out(&self) -> impl Iterator<Item = &str> {
        self.refused.iter().map(String::as_str).chain(self.places.refusals())
    }

    /// All folders.
    pub fn dirs(&self) -> impl Iterator<Item = &Path> {
        self.folders.iter().map(TempDir::path)
    }

    /// The folder for small files.
    pub fn first_dir(&self) -> &Path {
        self.folders[0].path()
    }

    /// Leaves the folders where they are, for [`sweep`] to find.
    pub fn leave(self) {
        for folder in self.folders {
            drop(folder.keep());
        }
    }

    /// Removes the folders now, all that can be, and says of the first one that stays why; dropping does it silently.
    pub fn remove(self) -> Result<(), IoError> {
        let mut removed = Ok(());
        for folder in self.folders {
            let path = folder.path().to_path_buf();
            let this = fault::point(Op::Remove, &path).and_then(|()| crate::fs::remove_dir_all(&path));
            // It tries once more, for a disk that failed only once.
            drop(folder);
            if path.symlink_metadata().is_ok() {
                removed = removed.and(this.at("remove temp folder", &path));
            }
        }
        removed
    }
}

/// Folders that were missing and were made, outermost first; each is removed when this is dropped, unless it holds
/// something by then.
#[derive(Debug, Default)]
struct MadeFolders(Vec<PathBuf>);

impl MadeFolders {
    /// Makes `dir` and the folders above it, where they are missing.
    fn make(&mut self, dir: &Path) -> Result<(), IoError> {
        let missing = dir.ancestors().take_while(|folder| folder.symlink_metadata().is_err());
        let missing: Vec<_> = missing.filter(|folder| !folder.as_os_str().is_empty()).collect();
        self.0.extend(missing.into_iter().rev().map(Path::to_path_buf));
        crate::fs::create_dir_all(dir).at("make local folder", dir)
    }
}

impl Drop for MadeFolders {
    fn drop(&mut self) {
        for folder in self.0.iter().rev() {
            // It stays if others use it by now.
            drop(crate::fs::remove_dir(folder));
        }
    }
}

fn make_private(dir: &Path, prefix: &str) -> Result<TempDir, IoError> {
    fault::point(Op::Mkdir, dir).at("make a temp folder in", dir)?;
    tempfile::Builder::new()
        .prefix(prefix)
        .permissions(Permissions::from_mode(0o700))
        .tempdir_in(dir)
        .at("make a temp folder in", dir)
}

/// What the names of this process's temp folders begin with, by which a later run finds them.
pub fn scratch_prefix(stamp: &str) -> String {
    format!("{SCRATCH_PREFIX}{stamp}-{}-", std::process::id())
}

/// Removes the folders in each of `local_dirs` whose names begin with `prefix`: those of a run that was killed.
/// Anything but a private folder of this user's stays, since names can be planted.
pub fn sweep(local_dirs: &[PathBuf], prefix: &str) -> Result<(), IoError> {
    named(local_dirs, prefix).try_for_each(|path| remove_left(&path))
}

/// The private folders of this user in each of `local_dirs` whose names begin with `prefix`.
fn named(local_dirs: &[PathBuf], prefix: &str) -> impl Iterator<Item = PathBuf> {
    let user = rustix::process::geteuid().as_raw();
    let is_ours = move |meta: &Metadata| meta.is_dir() && meta.uid() == user && meta.mode() & 0o777 == 0o700;
    // A folder that cannot be listed, or is gone, holds nothing that could be removed.
    let entries = local_dirs
        .iter()
        .filter(move |_| prefix.starts_with(SCRATCH_PREFIX))
        .flat_map(|dir| crate::fs::read_dir(dir).into_iter().flatten().flatten());
    let has_name = move |name: &std::ffi::OsStr| name.as_encoded_bytes().starts_with(prefix.as_bytes());
    entries
        .filter(move |entry| {
            has_name(&entry.file_name()) && entry.metadata().is_ok_and(|meta| is_ours(&meta))
        })
        .map(|entry| entry.path())
}

fn remove_left(path: &Path) -> Result<(), IoError> {
    match crate::fs::remove_dir_all(path) {
        // The guard of that run is at it too.
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(()),
        removed => removed.at("remove temp folder", path),
    }
}

/// Reads a file that is small if it is the right one, such as a configuration file.
///
/// # Errors
/// It cannot be read, or has more than `bytes_max` bytes: a device or the wrong file, which need not fit in memory.
pub(crate) fn read_small(path: &Path, bytes_max: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    File::open(path)?.take(bytes_max.saturating_add(1)).read_to_end(&mut bytes)?;
    if bytes.len() as u64 > bytes_max {
        let what =
            format!("it has more than {}, the most that is read of such a file", units::bytes(bytes_max));
        return Err(io::Error::new(ErrorKind::InvalidData, what));
    }
    Ok(bytes)
}

/// The process's soft limit of open files.
fn open_files_limit() -> u64 {
    rustix::process::getrlimit(rustix::process::Resource::Nofile).current.unwrap_or(u64::MAX)
}

/// How many files the merges of so many attempts at once may read, all together.
pub fn open_files_max(slots: u32) -> usize {
    let limit = open_files_limit();
    let others = limit / KEPT_OPEN_PART + OPEN_FILES_OWN + OPEN_FILES_PER_SLOT * u64::from(slots);
    usize::try_from(limit.saturating_sub(others)).unwrap_or(usize::MAX)
}

/// How many attempts may run at once for the files that they open; at least one.
pub fn slots_max() -> u32 {
    slots_within(open_files_limit())
}

fn slots_within(limit: u64) -> u32 {
    let left = limit.saturating_sub(limit / KEPT_OPEN_PART + OPEN_FILES_OWN);
    u32::try_from(left / (OPEN_FILES_PER_SLOT + MERGE_FILES_MIN)).unwrap_or(u32::MAX).max(1)
}

/// A file that is kept open to be read again. There are so few of them that any number of files works under any limit.
#[derive(Debug)]
pub(crate) struct KeptOpen(File);

/// How many there are.
static KEPT_OPEN: AtomicUsize = AtomicUsize::new(0);

impl KeptOpen {
    /// Keeps `file` open if there is room for one more.
    pub(crate) fn new(file: File) -> Option<Self> {
        Self::within(file, usize::try_from(open_files_limit() / KEPT_OPEN_PART).unwrap_or(usize::MAX))
    }

    fn within(file: File, most: usize) -> Option<Self> {
        let add_one = |kept: usize| (kept < most).then_some(kept + 1);
        KEPT_OPEN.fetch_update(Ordering::Relaxed, Ordering::Relaxed, add_one).ok()?;
        Some(Self(file))
    }

    pub(crate) fn file(&self) -> &File {
        &self.0
    }
}

impl Drop for KeptOpen {
    fn drop(&mut self) {
        KEPT_OPEN.fetch_sub(1, Ordering::Relaxed);
    }
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
    fn slots_and_merges_fit_the_limit_of_open_files() {
        let check = |limit: u64, slots: u32| {
            assert_eq!(slots_within(limit), slots, "{limit}");
        };
        check(16, 1);
        check(64, 3);
        check(256, 17);
        check(1_024, 73);
        check(u64::MAX, u32::MAX);
    }

    #[test]
    fn only_so_many_files_are_kept_open() {
        let file = || File::open("/dev/null").unwrap();
        // Other tests keep files too.
        assert!(KeptOpen::within(file(), 0).is_none());
        let kept = KeptOpen::within(file(), usize::MAX).unwrap();
        kept.file().metadata().unwrap();
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

    #[test]
    fn only_private_folders_of_that_name_are_swept() {
        let root = tempfile::tempdir().unwrap();
        let dirs = [root.path().to_path_buf(), root.path().join("gone")];
        let ours = Scratch::create_named(&dirs[..1], "mr-stream-1-2-").unwrap();
        let others = Scratch::create(&dirs[..1]).unwrap();
        std::fs::write(root.path().join("mr-stream-1-2-file"), "").unwrap();
        std::os::unix::fs::symlink(others.first_dir(), root.path().join("mr-stream-1-2-link")).unwrap();
        std::fs::create_dir(root.path().join("mr-stream-1-2-open")).unwrap();
        std::fs::set_permissions(root.path().join("mr-stream-1-2-open"), Permissions::from_mode(0o755))
            .unwrap();
        sweep(&dirs, "mr-stream-1-2-").unwrap();
        sweep(&dirs, "").unwrap();
        assert!(!ours.first_dir().exists() && others.first_dir().exists());
        assert_eq!(std::fs::read_dir(root.path()).unwrap().count(), 4);
    }
}
