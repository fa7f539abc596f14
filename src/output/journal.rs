//! What a run has done so far, beside its output, so that a later run can continue from there.
//!
//! ```text
//!   out/_temporary/journal   entry*
//!   entry = length u32, document with its checksum (plan::wire)
//! ```
//!
//! The length is little-endian. Entries are only ever added, one write each. A kill loses none; a power cut may lose
//! the last ones that were not synced, and a reader checks the files that entries name. What follows the first entry
//! that is not whole is ignored. An entry on which a removal or a rename in the output folder depends is synced
//! first ([`Journal::sync`]). Whether an entry is true is not known here.

use super::part_file::create_unlinked_with;
use crate::counters::Counters;
use crate::error::{At, IoError};
use crate::fs::{self, File, OpenOptions};
use crate::ids::{AttemptId, JobId, TaskId};
use crate::plan::wire::{self, WireError};
use crate::sync::lock;
use rustix::fs::OFlags;
use serde::{Deserialize, Serialize};
use std::io::{ErrorKind, Read};
use std::os::unix::fs::{FileExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard};
use std::time::SystemTime;

const JOURNAL: &str = "journal";
/// A journal that is being written anew.
const NEXT: &str = "journal.next";

/// What the name of a fact begins with that may decide about the result, or not: an inherited variable.
pub const MAY_DECIDE: &str = "inherited variable ";

/// Something that decides about the result of a job, and that a later run can look at again.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Fact {
    /// What it is: `property mapreduce.job.reduces`, `input /data/a.txt`.
    pub what: String,
    /// How it is.
    pub value: String,
}

/// How a run began.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Begun {
    /// Its job; a run that goes on from here has the same.
    pub job: JobId,
    /// What its temporary folders' names begin with, in each of these.
    pub scratch_prefix: String,
    /// Where its temporary folders are.
    #[serde(with = "wire::paths_bytes")]
    pub local_dirs: Vec<PathBuf>,
    /// The folders it made for its output, outermost first.
    #[serde(with = "wire::paths_bytes")]
    pub made: Vec<PathBuf>,
    /// It clears a folder that held something; [`Entry::Cleared`] says when that is done.
    pub clears: bool,
    /// The cut points of its total order, if it has one: a sample might give others the next time.
    pub cuts: Option<Vec<Vec<u8>>>,
    /// What decides about its result.
    pub facts: Vec<Fact>,
}

impl Begun {
    /// What the paths of its temporary folders begin with.
    pub(super) fn scratch_paths(&self) -> Vec<PathBuf> {
        self.local_dirs.iter().map(|dir| dir.join(&self.scratch_prefix)).collect()
    }
}

/// A task whose output is committed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Committed {
    /// The attempt.
    pub attempt: AttemptId,
    /// What it counted.
    pub counters: Counters,
    /// All that is in the task's folder.
    pub files: Vec<OutputFile>,
    /// In how many pieces a map task's output for reducers is; 0 for others.
    pub pieces: u32,
}

/// A file of map output in a temporary folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MapOutput {
    /// The pieces in it, in order: map task, and which of its pieces.
    pub pieces: Vec<(u32, u32)>,
    /// The file.
    #[serde(with = "wire::path_bytes")]
    pub path: PathBuf,
    /// Its size. What is in it has checksums of its own.
    pub bytes: u64,
}

/// What stands at a path of a task's output.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum FileKind {
    /// A regular file.
    File,
    /// A folder.
    Folder,
    /// A symbolic link.
    Link,
    /// A pipe, a socket or a device.
    Other,
}

/// A file or folder of a task's output.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct OutputFile {
    /// Its path in the output folder.
    #[serde(with = "wire::path_bytes")]
    pub path: PathBuf,
    /// What it is.
    pub kind: FileKind,
    /// Size of a regular file in bytes; 0 for all others.
    pub bytes: u64,
    /// xxh3 of a regular file's contents or of a link's target; 0 for all others and for a file that cannot be read.
    pub checksum: u64,
}

impl OutputFile {
    /// A regular file.
    pub fn file(path: PathBuf, bytes: u64, checksum: u64) -> Self {
        Self { path, kind: FileKind::File, bytes, checksum }
    }
}

/// One step of a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Entry {
    /// The first one.
    Begun(Begun),
    /// What stood in the output folder before is gone.
    Cleared,
    /// A task is committed.
    Task(Box<Committed>),
    /// Map output is on disk.
    MapOutput(MapOutput),
    /// A task was tried often enough, and the job goes on without it.
    GivenUp(TaskId),
    /// All tasks are: the job commits.
    Committing,
}

/// The journal of this process's run. The holder of the output's lock is its only writer.
#[derive(Debug)]
pub struct Journal {
    folder: PathBuf,
    tail: Mutex<Tail>,
}

#[derive(Debug)]
struct Tail {
    file: File,
    /// Bytes of whole entries: what was left half-written by an error is written over.
    length: u64,
}

/// What is in a journal.
#[derive(Debug, Default)]
pub(super) struct Written {
    pub(super) entries: Vec<Entry>,
    /// When it last grew; for one that was not begun yet, when its folder was made.
    pub(super) at: Option<SystemTime>,
    /// The version of its documents, if they are not of ours: then there are no entries.
    pub(super) other_version: Option<u32>,
}

/// Opens files for this user only, without following a planted link or waiting for a planted pipe.
fn options() -> OpenOptions {
    let mut options = OpenOptions::new();
    options.mode(0o600).custom_flags((OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32);
    options
}

/// Reads the journal below `folder`; one that is not there is empty.
pub(super) fn read(folder: &Path) -> Result<Written, IoError> {
    let path = folder.join(JOURNAL);
    let mut bytes = Vec::new();
    match options().read(true).open(&path) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        opened => {
            let mut file = opened.at("open", &path)?;
            let meta = file.metadata().at("look at", &path)?;
            // Whoever else has put one here could say what is done, and what is to be removed.
            if meta.is_file() && meta.uid() == rustix::process::geteuid().as_raw() {
                file.read_to_end(&mut bytes).at("read", &path)?;
            }
        }
    }
    let time = |path: &Path| path.metadata().and_then(|file| file.modified());
    let at = time(&path).or_else(|_| time(folder)).ok();
    let other_version = match first_document(&bytes).map(|(document, _)| wire::from_bytes::<Entry>(document))
    {
        Some(Err(WireError::Version { found })) => Some(found),
        _ => None,
    };
    Ok(Written { entries: whole_entries(&bytes), at, other_version })
}

pub(crate) fn whole_entries(mut bytes: &[u8]) -> Vec<Entry> {
    let mut entries = Vec::new();
    while let Some((document, rest)) = first_document(bytes)
        && let Ok(entry) = wire::from_bytes(document)
    {
        entries.push(entry);
        bytes = rest;
    }
    entries
}

fn first_document(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let (length, rest) = bytes.split_first_chunk::<4>()?;
    rest.split_at_checked(u32::from_le_bytes(*length) as usize)
}

fn push_entry(bytes: &mut Vec<u8>, entry: &Entry) {
    let document = wire::to_bytes(entry);
    let length = u32::try_from(document.len()).expect("no entry has four gigabytes");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(&document);
}

impl Journal {
    /// Makes a journal of these entries, in place of an earlier one.
    pub(super) fn begin(folder: &Path, entries: &[Entry]) -> Result<Self, IoError> {
        let (next, path) = (folder.join(NEXT), folder.join(JOURNAL));
        let mut bytes = Vec::new();
        for entry in entries {
            push_entry(&mut bytes, entry);
        }
        let file = create_unlinked_with(&mut options(), &next).at("create", &next)?;
        file.write_all_at(&bytes, 0).at("write", &next)?;
        fs::rename(&next, &path).at("rename to", &path)?;
        let tail = Mutex::new(Tail { file, length: bytes.len() as u64 });
        Ok(Self { folder: folder.to_path_buf(), tail })
    }

    /// Brings all entries so far, and the journal's name, to the disk.
    pub(super) fn sync(&self) -> Result<(), IoError> {
        self.tail().file.sync_data().at("sync", &self.folder.join(JOURNAL))?;
        File::open(&self.folder).and_then(|folder| folder.sync_all()).at("sync output folder", &self.folder)
    }

    /// Adds an entry.
    pub(super) fn add(&self, entry: &Entry) -> Result<(), IoError> {
        let mut bytes = Vec::new();
        push_entry(&mut bytes, entry);
        let mut tail = self.tail();
        tail.file.write_all_at(&bytes, tail.length).at("write", &self.folder.join(JOURNAL))?;
        tail.length += bytes.len() as u64;
        Ok(())
    }

    /// Removes the journal. Until it is gone, another run can finish what this one began.
    pub(super) fn remove(&self) -> Result<(), IoError> {
        let path = self.folder.join(JOURNAL);
        // Tried twice, so that a disk that failed once leaves nothing beside a good output.
        fs::remove_file(&path).or_else(|_| fs::remove_file(&path)).at("remove", &path)
    }

    /// Whether a name in the folder of temporary files is the journal's.
    pub(super) fn owns(name: &std::ffi::OsStr) -> bool {
        name == JOURNAL
    }

    fn tail(&self) -> MutexGuard<'_, Tail> {
        // What a thread that panicked had written is written over.
        lock(&self.tail)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn task(number: u32) -> Entry {
        let attempt = AttemptId { task: TaskId::map(number), attempt: 0 };
        let files = vec![OutputFile::file("part-00000".into(), 3, 7)];
        Entry::Task(Box::new(Committed { attempt, counters: Counters::new(), files, pieces: 0 }))
    }

    fn begun() -> Entry {
        let fact = Fact { what: "input".into(), value: "3 bytes".into() };
        Entry::Begun(Begun {
            job: JobId { stamp: "1".into(), number: 1 },
            scratch_prefix: "mr-stream-1-".into(),
            local_dirs: vec!["/tmp".into()],
            made: Vec::new(),
            clears: false,
            cuts: None,
            facts: vec![fact],
        })
    }

    #[test]
    fn what_is_added_is_read_and_a_torn_tail_ignored() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::begin(folder.path(), &[begun()]).unwrap();
        journal.add(&task(1)).unwrap();
        journal.add(&Entry::Committing).unwrap();
        let all = [begun(), task(1), Entry::Committing];
        assert_eq!(read(folder.path()).unwrap().entries, all);
        let path = folder.path().join(JOURNAL);
        let whole = fs::read(&path).unwrap();
        let mut ends = Vec::new();
        for length in 0..whole.len() {
            fs::write(&path, &whole[..length]).unwrap();
            let found = read(folder.path()).unwrap().entries;
            assert_eq!(found, all[..found.len()], "{length} bytes");
            ends.push(found.len());
        }
        assert_eq!((ends.first(), ends.last()), (Some(&0), Some(&2)));
        assert!(ends.is_sorted());
    }

    #[test]
    fn a_flipped_bit_ends_the_journal_before_it() {
        let mut bytes = Vec::new();
        for entry in [begun(), task(1), task(2)] {
            push_entry(&mut bytes, &entry);
        }
        for at in 0..bytes.len() {
            bytes[at] ^= 1;
            assert!(whole_entries(&bytes).len() < 3, "byte {at}");
            bytes[at] ^= 1;
        }
        assert_eq!(whole_entries(&bytes).len(), 3);
    }

    #[test]
    fn a_journal_of_another_version_is_known_as_such() {
        let folder = tempfile::tempdir().unwrap();
        let mut bytes = Vec::new();
        push_entry(&mut bytes, &begun());
        let version_at = 4 + b"mrstream".len();
        bytes[version_at..][..4].copy_from_slice(&5_u32.to_le_bytes());
        fs::write(folder.path().join(JOURNAL), &bytes).unwrap();
        let written = read(folder.path()).unwrap();
        assert_eq!((written.other_version, written.entries.len()), (Some(5), 0));
    }

    #[test]
    fn a_planted_journal_is_not_followed() {
        let folder = tempfile::tempdir().unwrap();
        let elsewhere = folder.path().join("elsewhere");
        fs::write(&elsewhere, "precious").unwrap();
        for name in [JOURNAL, NEXT] {
            std::os::unix::fs::symlink(&elsewhere, folder.path().join(name)).unwrap();
        }
        assert!(read(folder.path()).is_err());
        assert!(Journal::begin(folder.path(), &[begun()]).is_err());
        assert_eq!(fs::read(&elsewhere).unwrap(), b"precious");
    }

    #[test]
    fn what_an_error_left_half_written_is_written_over() {
        let folder = tempfile::tempdir().unwrap();
        let journal = Journal::begin(folder.path(), &[begun()]).unwrap();
        let length = journal.tail().length;
        journal.tail().file.write_all_at(b"torn", length).unwrap();
        journal.add(&task(2)).unwrap();
        assert_eq!(read(folder.path()).unwrap().entries, [begun(), task(2)]);
    }
}
