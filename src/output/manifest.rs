//! Manifests: what the committed tasks wrote, and whether a folder still holds exactly that.
//!
//! A manifest lists every file and folder of a task's output with kind, size and checksum. To read all output again
//! at every check would cost as much as to write it. So a check trusts a file whose *stamp* (inode, size, times) is
//! the one that was taken when its contents were known, and reads all others. A file that was written to within
//! [`SETTLE`] before its stamp was taken is read too: another write in the same tick of the clock would not show.

use super::committer::entries;
use super::journal::{FileKind, OutputFile};
use super::lock::FileId;
use crate::checksum::{self, Checksum};
use crate::error::{At, IoError};
use crate::fs::{File, FileType, Metadata, OpenOptions};
use crate::ids::TaskId;
use rustix::fs::{AtFlags, OFlags, StatxFlags, StatxTimestamp, makedev, statx};
use std::collections::BTreeMap;
use std::io::{ErrorKind, Read};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const BLOCK_BYTES: usize = 256 << 10;

/// Longer than a tick of any kernel's file clock.
const SETTLE: Duration = Duration::from_millis(20);

/// What a file looked like when its contents were known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    id: FileId,
    bytes: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Any later write changes `modified`.
    settled: bool,
}

impl Stamp {
    fn of(metadata: &Metadata) -> Self {
        let modified = (metadata.mtime(), metadata.mtime_nsec());
        Self {
            id: FileId::of(metadata),
            bytes: metadata.len(),
            modified,
            changed: (metadata.ctime(), metadata.ctime_nsec()),
            settled: is_settled(modified),
        }
    }

    /// The stamp of an open file; `None` where the system cannot tell. Passes no fault point: a test could not stop a
    /// run between a write and this.
    pub(super) fn of_open(file: &File) -> Option<Self> {
        let found = statx(file, "", AtFlags::EMPTY_PATH, StatxFlags::BASIC_STATS | StatxFlags::BTIME).ok()?;
        let time = |time: StatxTimestamp| (time.tv_sec, i64::from(time.tv_nsec));
        let modified = time(found.stx_mtime);
        let has_birth = StatxFlags::from_bits_retain(found.stx_mask).contains(StatxFlags::BTIME);
        Some(Self {
            id: FileId {
                device: makedev(found.stx_dev_major, found.stx_dev_minor),
                inode: found.stx_ino,
                born: has_birth.then(|| UNIX_EPOCH + since_epoch(time(found.stx_btime))),
            },
            bytes: found.stx_size,
            modified,
            changed: time(found.stx_ctime),
            settled: is_settled(modified),
        })
    }

    /// Whether two stamps are of a file that was not written to in between, but for a write in the same tick of the
    /// clock.
    fn equals(self, other: Self) -> bool {
        self == Self { settled: self.settled, ..other }
    }

    fn proves_unchanged(self, now: &Metadata) -> bool {
        self.settled && self.equals(Self::of(now))
    }

    /// The stamp after this process renamed the file.
    fn renamed(self, now: &Metadata) -> Self {
        let found = Self::of(now);
        let same = Self { changed: found.changed, ..self }.equals(found);
        Self { settled: self.settled && same, ..found }
    }
}

fn is_settled(modified: (i64, i64)) -> bool {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    now.saturating_sub(since_epoch(modified)) > SETTLE
}

fn since_epoch((seconds, nanos): (i64, i64)) -> Duration {
    Duration::new(seconds.max(0) as u64, nanos as u32)
}

/// A file of a task's output, with the stamp that it had when its contents were known.
#[derive(Clone, Debug)]
pub struct TaskFile {
    pub(super) file: OutputFile,
    /// `None` until this process has seen the file.
    stamp: Option<Stamp>,
}

impl From<OutputFile> for TaskFile {
    fn from(file: OutputFile) -> Self {
        Self { file, stamp: None }
    }
}

impl TaskFile {
    /// A file that this process wrote, with its stamp after the last write. Its path is where it stands now.
    pub(super) fn written(file: OutputFile, stamp: Option<Stamp>) -> Self {
        Self { file, stamp }
    }

    /// The file by its path below `folder`; `None` if it is not there.
    pub(super) fn below(mut self, folder: &Path) -> Option<Self> {
        self.file.path = self.file.path.strip_prefix(folder).ok()?.to_path_buf();
        Some(self)
    }

    /// The file's identity, once it was seen.
    pub(super) fn id(&self) -> Option<FileId> {
        self.stamp.map(|stamp| stamp.id)
    }

    /// Notes that this process renamed the file to `path`.
    pub(super) fn was_renamed(&mut self, path: &Path) {
        let metadata = path.symlink_metadata().ok();
        self.stamp = self.stamp.zip(metadata).map(|(stamp, now)| stamp.renamed(&now));
    }

    /// Whether what stands at `path` is this file with these contents.
    fn is_at(&mut self, path: &Path) -> Result<bool, IoError> {
        let Ok(now) = path.symlink_metadata() else { return Ok(false) };
        if kind_of(now.file_type()) != self.file.kind {
            return Ok(false);
        }
        if self.stamp.is_some_and(|stamp| stamp.proves_unchanged(&now)) {
            return Ok(true);
        }
        // Before the file is read, so that a write from now on shows.
        self.stamp = Some(Stamp::of(&now));
        let found = match read(path) {
            _ if self.file.kind == FileKind::Folder => Some((0, 0)),
            // A child made it unreadable, so its contents were not known before either.
            Err(error) if is_denied(&error) && self.file.checksum == 0 => Some((now.len(), 0)),
            found => found?,
        };
        Ok(found.is_some_and(|(bytes, checksum)| (bytes, checksum) == (self.file.bytes, self.file.checksum)))
    }
}

/// Manifests by task.
pub(super) type Manifests = BTreeMap<TaskId, Vec<TaskFile>>;

/// How a folder differs from its manifest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Difference {
    Missing,
    Added,
    Changed,
}

impl Difference {
    pub(super) fn text(self) -> &'static str {
        match self {
            Self::Missing => "is missing",
            Self::Added => "was added",
            Self::Changed => "was changed or replaced",
        }
    }
}

/// The first difference between a folder and its manifest, with its path.
pub(super) type Differs = Option<(PathBuf, Difference)>;

/// Lists all that is below `folder`, folders before what is in them; nothing if it is not there. Files are read,
/// except those `known` ones that have not been written to since. What `counts` refuses is left out.
pub(super) fn of(
    folder: &Path,
    known: &[TaskFile],
    counts: impl Fn(&Path) -> bool,
) -> Result<Vec<TaskFile>, IoError> {
    let known: BTreeMap<&Path, &TaskFile> = known.iter().map(|known| (&*known.file.path, known)).collect();
    let mut found = Vec::new();
    for (path, kind) in walk(folder, &counts)? {
        let full = folder.join(&path);
        let metadata = full.symlink_metadata().at("look at output file", &full)?;
        let stamp = Some(Stamp::of(&metadata));
        let same = |known: &&&TaskFile| known.stamp.zip(stamp).is_some_and(|(then, now)| then.equals(now));
        let file = if let Some(known) = known.get(&*path).filter(same) {
            known.file.clone()
        } else {
            let found = match read(&full) {
                // A child made it unreadable. This process can read what it wrote itself.
                Err(error) if is_denied(&error) && !known.contains_key(&*path) => None,
                found => found?,
            };
            let (bytes, checksum) = found.unwrap_or((metadata.len(), 0));
            OutputFile { path, kind, bytes, checksum }
        };
        found.push(TaskFile { file, stamp });
    }
    Ok(found)
}

/// Files with the paths at which they are expected.
pub(super) type Expected<'a> = BTreeMap<PathBuf, &'a mut TaskFile>;

/// Compares a folder with its manifest: every file with its contents, and nothing else.
pub(super) fn compare(folder: &Path, expected: &mut [TaskFile]) -> Result<Differs, IoError> {
    let expected = expected.iter_mut().map(|file| (file.file.path.clone(), file)).collect();
    compare_all(folder, expected, |_| true)
}

/// As [`compare`], without the paths for which `counts` is false.
pub(super) fn compare_all(
    folder: &Path,
    mut expected: Expected<'_>,
    counts: impl Fn(&Path) -> bool,
) -> Result<Differs, IoError> {
    for (path, _) in walk(folder, &counts)? {
        let Some(file) = expected.remove(&path) else {
            return Ok(Some((path, Difference::Added)));
        };
        if !file.is_at(&folder.join(&path))? {
            return Ok(Some((path, Difference::Changed)));
        }
    }
    Ok(expected.into_keys().next().map(|path| (path, Difference::Missing)))
}

/// Compares only the expected files; the folder may hold more.
pub(super) fn compare_some(folder: &Path, expected: Expected<'_>) -> Result<Differs, IoError> {
    for (path, file) in expected {
        let full = folder.join(&path);
        if !file.is_at(&full)? {
            let is_there = full.symlink_metadata().is_ok();
            return Ok(Some((path, if is_there { Difference::Changed } else { Difference::Missing })));
        }
    }
    Ok(None)
}

/// Everything below `folder` by path, folders before what is in them. What `counts` refuses is left out with all that
/// is in it.
fn walk(folder: &Path, counts: &dyn Fn(&Path) -> bool) -> Result<Vec<(PathBuf, FileKind)>, IoError> {
    let (mut found, mut folders) = (Vec::new(), vec![PathBuf::new()]);
    while let Some(below) = folders.pop() {
        let listed = match entries(&folder.join(&below)) {
            Err(error) if error.source.kind() == ErrorKind::NotFound && below.as_os_str().is_empty() => break,
            listed => listed?,
        };
        for (name, kind) in listed {
            let path = below.join(name);
            if counts(&path) {
                found.push((path.clone(), kind_of(kind)));
                folders.extend(kind.is_dir().then_some(path));
            }
        }
    }
    found.sort();
    Ok(found)
}

fn kind_of(kind: FileType) -> FileKind {
    match kind {
        kind if kind.is_file() => FileKind::File,
        kind if kind.is_dir() => FileKind::Folder,
        kind if kind.is_symlink() => FileKind::Link,
        _ => FileKind::Other,
    }
}

fn is_denied(error: &IoError) -> bool {
    error.source.kind() == ErrorKind::PermissionDenied
}

/// Size and checksum as [`OutputFile`] has them; `None` if the file is gone.
fn read(path: &Path) -> Result<Option<(u64, u64)>, IoError> {
    let Ok(metadata) = path.symlink_metadata() else { return Ok(None) };
    if metadata.is_symlink() {
        let target = crate::fs::read_link(path).at("read link", path)?;
        return Ok(Some((0, checksum::of(target.as_os_str().as_bytes()))));
    }
    // Only regular files: opening a pipe that a child left would wait for its writer for ever.
    if !metadata.is_file() {
        return Ok(Some((0, 0)));
    }
    // Something else may stand in its place since.
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let mut file = match OpenOptions::new().read(true).custom_flags(flags).open(path) {
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        opened => opened.at("open output file", path)?,
    };
    let (mut hash, mut bytes, mut block) = (Checksum::new(), 0, vec![0; BLOCK_BYTES]);
    loop {
        let count = file.read(&mut block).at("read output file", path)?;
        if count == 0 {
            return Ok(Some((bytes, hash.digest())));
        }
        hash.update(&block[..count]);
        bytes += count as u64;
    }
}

/// The output of all tasks together: of two files at one path that of the later task, and of a file and a folder at
/// one path the later one too. Hadoop: `FileOutputCommitter.mergePaths`.
pub(super) fn merged(manifests: &mut Manifests, counts: impl Fn(&Path) -> bool) -> Expected<'_> {
    let mut merged = Expected::new();
    for file in manifests.values_mut().flatten().filter(|file| counts(&file.file.path)) {
        let path = file.file.path.clone();
        let is_folder = |file: &TaskFile| file.file.kind == FileKind::Folder;
        match merged.get(&path) {
            Some(there) if is_folder(there) && is_folder(file) => continue,
            Some(_) => {
                let below = merged.range(path.clone()..).map(|(other, _)| other.clone());
                let below: Vec<_> = below.take_while(|other| other.starts_with(&path)).collect();
                for other in &below {
                    merged.remove(other);
                }
            }
            None => {}
        }
        merged.insert(path, file);
    }
    merged
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::os::unix::fs::symlink;

    fn tree() -> tempfile::TempDir {
        let folder = tempfile::tempdir().unwrap();
        fs::create_dir(folder.path().join("in")).unwrap();
        fs::write(folder.path().join("in/a"), "one").unwrap();
        fs::write(folder.path().join("b"), vec![7; BLOCK_BYTES + 1]).unwrap();
        symlink("b", folder.path().join("c")).unwrap();
        folder
    }

    #[test]
    fn a_manifest_lists_every_file_folder_and_link() {
        let folder = tree();
        assert!(of(&folder.path().join("gone"), &[], |_| true).unwrap().is_empty());
        let found = of(folder.path(), &[], |_| true).unwrap();
        let shown: Vec<_> =
            found.iter().map(|found| (found.file.path.to_str().unwrap(), found.file.bytes)).collect();
        assert_eq!(shown, [("b", BLOCK_BYTES as u64 + 1), ("c", 0), ("in", 0), ("in/a", 3)]);
    }

    /// Changes a tree and expects this difference. Stamps are those of the manifest, or none, as after a resume.
    #[track_caller]
    fn check(change: impl Fn(&Path), expect: Option<(&str, Difference)>) {
        for stamped in [true, false] {
            let folder = tree();
            let mut manifest = of(folder.path(), &[], |_| true).unwrap();
            if !stamped {
                for file in &mut manifest {
                    file.stamp = None;
                }
            }
            change(folder.path());
            let found = compare(folder.path(), &mut manifest).unwrap();
            let expect = expect.map(|(path, how)| (PathBuf::from(path), how));
            assert_eq!(found, expect, "stamped: {stamped}");
        }
    }

    #[test]
    fn every_difference_from_a_manifest_is_found() {
        use Difference::{Added, Changed, Missing};
        check(|_| {}, None);
        check(|folder| fs::write(folder.join("in/a"), "onf").unwrap(), Some(("in/a", Changed)));
        check(|folder| fs::write(folder.join("in/a"), "on").unwrap(), Some(("in/a", Changed)));
        check(|folder| fs::remove_file(folder.join("b")).unwrap(), Some(("b", Missing)));
        check(|folder| fs::remove_dir_all(folder.join("in")).unwrap(), Some(("in", Missing)));
        check(|folder| fs::write(folder.join("in/z"), "").unwrap(), Some(("in/z", Added)));
        check(|folder| fs::rename(folder.join("b"), folder.join("d")).unwrap(), Some(("d", Added)));
        check(
            |folder| {
                fs::remove_file(folder.join("c")).unwrap();
                symlink("in/a", folder.join("c")).unwrap();
            },
            Some(("c", Changed)),
        );
        check(
            |folder| {
                fs::remove_file(folder.join("c")).unwrap();
                fs::create_dir(folder.join("c")).unwrap();
            },
            Some(("c", Changed)),
        );
        check(|folder| fs::remove_dir_all(folder).unwrap(), Some(("b", Missing)));
    }

    /// Both ways to look at a file give one stamp.
    #[test]
    fn an_open_file_has_the_stamp_of_its_path() {
        let folder = tree();
        let path = folder.path().join("b");
        let by_path = Stamp::of(&path.symlink_metadata().unwrap());
        let open = Stamp::of_open(&File::open(&path).unwrap()).unwrap();
        assert!(open.equals(by_path), "{open:?} {by_path:?}");
    }

    /// Without a look at the contents, so it must come from the stamp.
    #[test]
    fn a_settled_stamp_tells_that_a_file_was_written_to() {
        let folder = tree();
        let path = folder.path().join("b");
        let old = SystemTime::now() - Duration::from_secs(9);
        fs::File::options().append(true).open(&path).unwrap().set_modified(old).unwrap();
        let stamp = Stamp::of(&path.symlink_metadata().unwrap());
        assert!(stamp.settled && stamp.proves_unchanged(&path.symlink_metadata().unwrap()));
        fs::rename(&path, folder.path().join("d")).unwrap();
        let path = folder.path().join("d");
        let renamed = stamp.renamed(&path.symlink_metadata().unwrap());
        assert!(renamed.proves_unchanged(&path.symlink_metadata().unwrap()));
        fs::write(&path, "x").unwrap();
        assert!(!renamed.proves_unchanged(&path.symlink_metadata().unwrap()));
        assert!(!stamp.renamed(&path.symlink_metadata().unwrap()).settled);
    }
}
