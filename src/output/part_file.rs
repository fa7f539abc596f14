//! One file of an attempt's output: a large buffer, errors that name the file, and a count of the bytes
//! that reached it.
//!
//! Codecs and sequence files want a writer to own; what they own is a clone, and the clone that stays here
//! flushes and reports after they are done. So no byte is left to a `Drop` that cannot fail.

use super::Stored;
use super::journal::OutputFile;
use super::manifest::{Stamp, TaskFile};
use super::write_back::WriteBack;
use crate::checksum::Checksum;
use crate::error::{At, IoError};
use crate::fs::{File, OpenOptions};
use crate::page_cache::{self, PAGE_BYTES};
use crate::sync::lock;
use rustix::fs::{OFlags, ftruncate};
use rustix::io::Errno;
use std::io::{self, Write};
use std::os::unix::fs::{FileTypeExt, MetadataExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard};

/// Bytes gathered before they are handed to the file: enough to make the cost of a system call vanish, and
/// little beside the memory of a task.
pub(super) const BUFFER_BYTES: usize = 256 * 1024;

/// A file being written; clones write to the same one.
#[derive(Clone)]
pub(super) struct PartFile {
    path: PathBuf,
    shared: Arc<Mutex<Shared>>,
}

struct Shared {
    file: File,
    path: PathBuf,
    /// Never as long as [`BUFFER_BYTES`] after a write.
    buffer: Vec<u8>,
    /// Bytes that the file took.
    stored: u64,
    /// Of those bytes. Taken while they are in the cache; a committed file is not read again for it.
    checksum: Checksum,
    /// Of the file right after the last write, so that a write of another program from then on shows.
    stamp: Option<Stamp>,
    write_back: WriteBack,
}

impl PartFile {
    /// Makes the file and the folders it is in.
    ///
    /// A file that is there is overwritten, as Hadoop does: only the attempt's own child can have put it
    /// into the attempt's folder.
    pub(super) fn create(path: &Path) -> Result<Self, IoError> {
        if let Some(folder) = path.parent() {
            crate::fs::create_dir_all(folder).at("make output folder", folder)?;
        }
        let file = create_unlinked(path).at("create output file", path)?;
        let path = path.to_path_buf();
        let (buffer, write_back) = (Vec::new(), WriteBack::default());
        let shared = Shared {
            file,
            path: path.clone(),
            buffer,
            stored: 0,
            checksum: Checksum::new(),
            stamp: None,
            write_back,
        };
        Ok(Self { path, shared: Arc::new(Mutex::new(shared)) })
    }

    /// Where the file is.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Hands the rest to the file and returns what it has.
    pub(super) fn finish(self) -> Result<Stored, IoError> {
        let mut shared = self.lock();
        let bytes = shared.buffer.len() as u64;
        shared.store(&[]).at_write("write output file", &self.path, bytes)?;
        shared.write_back.finish().at("sync output file", &self.path)?;
        let (bytes, checksum) = (shared.stored, shared.checksum.digest());
        let stamp = shared.stamp.or_else(|| Stamp::of_open(&shared.file));
        let file = OutputFile::file(self.path.clone(), bytes, checksum);
        Ok(Stored { bytes, files: vec![TaskFile::written(file, stamp)] })
    }

    /// A panic in the middle of a write leaves nothing half-done that a further write would make worse.
    fn lock(&self) -> MutexGuard<'_, Shared> {
        lock(&self.shared)
    }
}

impl Shared {
    /// Hands what is gathered and `bytes` to the file, and leaves nothing gathered.
    fn store(&mut self, bytes: &[u8]) -> io::Result<()> {
        let gathered = std::mem::take(&mut self.buffer);
        for part in [&gathered, bytes] {
            self.checksum.update(part);
        }
        let stored = page_cache::write_all(&self.file, &self.path, [&gathered, bytes]);
        let count = (gathered.len() + bytes.len()) as u64;
        self.buffer = gathered;
        self.buffer.clear();
        stored?;
        if count > 0 {
            self.stamp = Stamp::of_open(&self.file);
        }
        self.stored += count;
        self.write_back.wrote(&self.file, count);
        Ok(())
    }
}

/// Makes a file, or empties the one that is there. A planted link is an error, and so is a pipe: what it leads to is
/// not ours to write to.
pub(super) fn create_unlinked(path: &Path) -> io::Result<File> {
    create_unlinked_with(&mut OpenOptions::new(), path)
}

/// As [`create_unlinked`], with further options.
pub(super) fn create_unlinked_with(options: &mut OpenOptions, path: &Path) -> io::Result<File> {
    let flags = (OFlags::NOFOLLOW | OFlags::NONBLOCK).bits() as i32;
    let opened = options.write(true).create(true).truncate(false).custom_flags(flags).open(path);
    let file = opened.map_err(|error| match Errno::from_io_error(&error) {
        Some(Errno::LOOP) => io::Error::other("a link is in its place, which is not followed"),
        _ => error,
    })?;
    // Only now: a file that has another name too is left as it is.
    let file = ours_alone(file)?;
    ftruncate(&file, 0).or_else(|error| if error == Errno::INVAL { Ok(()) } else { Err(error) })?;
    Ok(file)
}

/// Refuses a file that was opened to be written and has another name, by which somebody else may know it, or is a pipe.
pub(super) fn ours_alone(file: File) -> io::Result<File> {
    let meta = file.metadata()?;
    if meta.file_type().is_fifo() {
        return Err(io::Error::other("a pipe is in its place"));
    }
    if meta.is_file() && meta.nlink() > 1 {
        return Err(io::Error::other("a file that has another name too (a hard link) is in its place"));
    }
    Ok(file)
}

impl Write for PartFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let mut shared = self.lock();
        let gathered = shared.buffer.len() + bytes.len();
        let mut rest = bytes;
        if gathered >= BUFFER_BYTES {
            let now;
            (now, rest) = bytes.split_at(bytes.len() - gathered % PAGE_BYTES);
            shared.store(now)?;
        }
        shared.buffer.extend_from_slice(rest);
        Ok(bytes.len())
    }

    /// Does nothing: codecs flush more often than the disk would like, and [`PartFile::finish`] does it.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustix::fs::{CWD, FileType, Mode, mknodat};

    /// Writes pieces of these sizes and looks at the file.
    fn check(pieces: &[usize]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a/b/part");
        let file = PartFile::create(&path).unwrap();
        let mut expect = Vec::new();
        for (number, length) in pieces.iter().enumerate() {
            let piece = vec![number as u8; *length];
            file.clone().write_all(&piece).unwrap();
            expect.extend_from_slice(&piece);
        }
        let stored = file.finish().unwrap();
        let checksum = crate::checksum::of(&expect);
        let files: Vec<_> = stored.files.iter().map(|found| found.file.clone()).collect();
        assert_eq!(files, [OutputFile::file(path.clone(), stored.bytes, checksum)]);
        assert_eq!(stored.bytes, expect.len() as u64, "{pieces:?}");
        assert!(std::fs::read(&path).unwrap() == expect, "{pieces:?}");
    }

    #[test]
    fn pieces_of_any_size_arrive_in_order() {
        check(&[]);
        check(&[1, 0, 2]);
        check(&[BUFFER_BYTES - 1, 1, 1]);
        check(&[10, BUFFER_BYTES, 10]);
        check(&[100_000; 7]);
    }

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let mut file = PartFile::create(Path::new("/dev/full")).unwrap();
        file.write_all(b"lost").unwrap();
        let error = file.finish().unwrap_err();
        assert_eq!(error.to_string(), "cannot write output file /dev/full");
        assert_eq!(error.source.kind(), io::ErrorKind::StorageFull);
    }

    /// What becomes of a file in whose place something was planted.
    fn check_planted(plant: fn(&Path, &Path) -> io::Result<()>, expect: Option<&str>) {
        let folder = tempfile::tempdir().unwrap();
        let [path, other] = ["part", "other"].map(|name| folder.path().join(name));
        std::fs::write(&other, "precious").unwrap();
        plant(&other, &path).unwrap();
        let error = PartFile::create(&path).and_then(PartFile::finish).err().map(|error| error.source);
        match (error, expect) {
            (None, None) => assert_eq!(std::fs::read(&path).unwrap(), b""),
            (error, expect) => assert!(error.unwrap().to_string().starts_with(expect.unwrap())),
        }
        assert_eq!(std::fs::read(&other).unwrap(), b"precious");
    }

    #[test]
    fn a_pipe_that_somebody_reads_gets_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        mknodat(CWD, &path, FileType::Fifo, Mode::RWXU, 0).unwrap();
        let mut options = std::fs::OpenOptions::new();
        let _reader = options.read(true).custom_flags(OFlags::NONBLOCK.bits() as i32).open(&path).unwrap();
        let error = PartFile::create(&path).err().unwrap();
        assert_eq!(error.source.to_string(), "a pipe is in its place");
    }

    #[test]
    fn planted_links_are_not_followed() {
        use std::os::unix::fs::symlink;
        let link = Some("a link is in its place");
        check_planted(|_, path| std::fs::write(path, "old"), None);
        let hard = Some("a file that has another name too (a hard link) is in its place");
        check_planted(|other, path| std::fs::hard_link(other, path), hard);
        check_planted(|other, path| symlink(other, path), link);
        check_planted(|_, path| symlink("nowhere", path), link);
        check_planted(|_, path| symlink("part", path), link);
        check_planted(
            |_, path| Ok(mknodat(CWD, path, FileType::Fifo, Mode::RWXU, 0)?),
            Some("No such device"),
        );
    }
}
