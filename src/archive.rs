//! Archives unpacked into a folder: zip, jar, tar and gzipped tar. Hadoop: `FSDownload.unpack`, with
//! `FileUtil.unZip`, `FileUtil.unTar` and `RunJar.unJar`.
//!
//! As in Hadoop the name decides what an archive is, a `/` that begins an entry's name means nothing, and
//! all that was unpacked may be read and run by all, whatever the archive says. Unlike there nothing can
//! come to stand outside the folder, only files, folders and links come out of an archive, and all of it
//! together has a limit. `folder` sees to that; here the two formats are read. Which archives a
//! job has, and where they go, is not known here.

mod folder;
#[cfg(test)]
mod tests;

use crate::codec::Codec;
use crate::error::{self, At, IoError};
use crate::fs::File;
use crate::stop::{StopFlag, Stoppable};
use folder::Folder;
use serde::{Deserialize, Serialize};
use std::cell::Cell;
use std::io::{self, BufReader, Read};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// How to unpack an archive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum ArchiveKind {
    /// `.zip`
    Zip,
    /// `.jar`: a zip file whose manifest stays behind.
    Jar,
    /// `.tar`
    Tar,
    /// `.tar.gz`, `.tgz`
    TarGz,
}

impl ArchiveKind {
    /// The kind that a file's name says, capitals or not; `None` for a file to be taken as it is.
    pub fn from_path(path: &Path) -> Option<Self> {
        const KINDS: [(&str, ArchiveKind); 5] = [
            (".jar", ArchiveKind::Jar),
            (".zip", ArchiveKind::Zip),
            (".tar.gz", ArchiveKind::TarGz),
            (".tgz", ArchiveKind::TarGz),
            (".tar", ArchiveKind::Tar),
        ];
        let name = path.file_name()?.to_string_lossy().to_ascii_lowercase();
        KINDS.iter().find(|(end, _)| name.ends_with(end)).map(|(_, kind)| *kind)
    }

    fn name(self) -> &'static str {
        match self {
            Self::Zip => "zip",
            Self::Jar => "jar",
            Self::Tar => "tar",
            Self::TarGz => "gzipped tar",
        }
    }
}

/// Why an archive could not be unpacked.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArchiveError {
    /// The operating system refused the archive or its folder.
    #[error("cannot unpack an archive")]
    Io(#[from] IoError),
    /// It is not what its name says, or damaged.
    #[error("cannot unpack {}: not a sound {kind} file{}", path.display(), behind(after.as_deref()))]
    Malformed {
        /// The archive.
        path: PathBuf,
        /// What it should be.
        kind: &'static str,
        /// The last entry that was in order.
        after: Option<String>,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
    /// An entry cannot, or must not, be unpacked.
    #[error("cannot unpack {}: entry {entry:?}", path.display())]
    Entry {
        /// The archive.
        path: PathBuf,
        /// The entry's name.
        entry: String,
        /// What is wrong.
        #[source]
        source: io::Error,
    },
}

fn behind(entry: Option<&str>) -> String {
    entry.map(|entry| format!(", behind entry {entry:?}")).unwrap_or_default()
}

/// What archives may unpack to, all together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Allowance {
    /// Bytes; an entry counts as 512 at least.
    pub bytes: u64,
    /// Entries: files, folders and links.
    pub entries: u64,
}

/// Unpacks `archive` into the new folder `into`. `left` is what may be unpacked, and less by so much afterwards.
///
/// # Errors
/// An archive that is damaged or encrypted, an entry that would leave the folder, is neither file, folder
/// nor link, or goes beyond the limit; a `stop` on the way. What was unpacked before stays.
pub fn unpack(
    archive: &Path,
    kind: ArchiveKind,
    into: &Path,
    left: &mut Allowance,
    stop: &StopFlag,
) -> Result<(), ArchiveError> {
    let file = Stoppable::new(File::open(archive).at("open archive", archive)?, stop);
    let folder = Folder::create(into, left).at("make folder", into)?;
    let mut unpacking = Unpacking { archive, kind, folder, after: None };
    match kind {
        ArchiveKind::Zip | ArchiveKind::Jar => unpacking.zip(BufReader::new(file)),
        ArchiveKind::Tar => unpacking.tar(Box::new(BufReader::new(file))),
        ArchiveKind::TarGz => unpacking.tar(Codec::Gzip.decoder(Box::new(file))),
    }
}

/// Bytes that may stand between the contents of two entries of a tar file: padding, headers, long names.
/// The reader of tar files takes them into memory.
const TAR_HEADER_BYTES_MAX: u64 = /* 1 MiB */ 1_024 * 1_024;

/// What a jar says about itself; `JarInputStream` takes it for itself if it comes first.
const MANIFEST: &str = "META-INF/MANIFEST.MF";

struct Unpacking<'a> {
    archive: &'a Path,
    kind: ArchiveKind,
    folder: Folder<'a>,
    /// The last entry that was unpacked.
    after: Option<String>,
}

impl Unpacking<'_> {
    /// Files only: as in Hadoop empty folders do not come out, and a link is a file that holds its target.
    fn zip(&mut self, file: BufReader<Stoppable<File>>) -> Result<(), ArchiveError> {
        let mut zip = zip::ZipArchive::new(file).map_err(|error| self.malformed(error.into()))?;
        // Java reads from front to back, hence the later one of two entries of a name stays.
        let mut entries = Vec::with_capacity(zip.len());
        for index in 0..zip.len() {
            let entry = zip.by_index_raw(index).map_err(|error| self.malformed(error.into()))?;
            entries.push((entry.header_start(), index, entry.name_raw().to_vec()));
        }
        entries.sort_unstable();
        if self.kind == ArchiveKind::Jar {
            let named = |at: usize, name: &str| {
                entries.get(at).is_some_and(|(.., bytes)| bytes.eq_ignore_ascii_case(name.as_bytes()))
            };
            let at = usize::from(named(0, "META-INF/"));
            if named(at, MANIFEST) {
                entries.remove(at);
            }
        }
        for (_, index, name) in entries {
            if name.ends_with(b"/") {
                continue;
            }
            let entry = zip.by_index(index).map_err(io::Error::from);
            let written = entry.and_then(|mut entry| self.folder.add_file(&name, &mut entry));
            self.done(&name, written)?;
        }
        Ok(())
    }

    fn tar(&mut self, stream: Box<dyn Read + Send>) -> Result<(), ArchiveError> {
        let metered = Metered { stream, left: Rc::new(Cell::new(TAR_HEADER_BYTES_MAX)), read: 0 };
        let left = Rc::clone(&metered.left);
        let mut tar = tar::Archive::new(metered);
        let entries = tar.entries().map_err(|error| self.malformed(error))?;
        for entry in entries {
            let mut entry = entry.map_err(|error| self.malformed(error))?;
            left.set(u64::MAX);
            let name = entry.path_bytes().into_owned();
            let written = self.tar_entry(&name, &mut entry);
            self.done(&name, written)?;
            left.set(TAR_HEADER_BYTES_MAX);
        }
        // To the end, for the checksum behind gzipped data and for data that stops early.
        left.set(u64::MAX);
        let mut metered = tar.into_inner();
        io::copy(&mut metered, &mut io::sink()).map_err(|error| self.malformed(error))?;
        if metered.read == 0 {
            return Err(self.malformed(io::Error::new(io::ErrorKind::UnexpectedEof, "it is empty")));
        }
        Ok(())
    }

    fn tar_entry<R: Read>(&mut self, name: &[u8], entry: &mut tar::Entry<'_, R>) -> io::Result<()> {
        let kind = entry.header().entry_type();
        let target = entry.link_name_bytes().map(std::borrow::Cow::into_owned);
        let target = target.as_deref().unwrap_or_default();
        match kind {
            tar::EntryType::Directory => self.folder.add_folder(name),
            tar::EntryType::Symlink => self.folder.add_link(name, target),
            tar::EntryType::Link => self.folder.add_hard_link(name, target),
            // An old archive has folders as files with a slash.
            tar::EntryType::Regular if name.ends_with(b"/") => self.folder.add_folder(name),
            tar::EntryType::Regular | tar::EntryType::Continuous | tar::EntryType::GNUSparse => {
                let bytes = entry.size();
                let written = self.folder.add_file(name, entry)?;
                if written < bytes {
                    let what = format!("{written} of its {bytes} bytes are there");
                    return Err(io::Error::new(io::ErrorKind::UnexpectedEof, what));
                }
                Ok(())
            }
            tar::EntryType::XGlobalHeader => Ok(()),
            kind => {
                let letter = char::from(kind.as_byte());
                Err(refused(format!(
                    "it is of type {letter:?}; expected a file, a folder or a link (no device, no pipe)"
                )))
            }
        }
    }

    fn done<T>(&mut self, name: &[u8], written: io::Result<T>) -> Result<(), ArchiveError> {
        let entry = String::from_utf8_lossy(name).into_owned();
        match written {
            Ok(_) => {
                self.after = Some(entry);
                Ok(())
            }
            Err(source) => {
                let source = error::explain_write(source, self.folder.root());
                Err(ArchiveError::Entry { path: self.archive.to_path_buf(), entry, source })
            }
        }
    }

    fn malformed(&self, source: io::Error) -> ArchiveError {
        let (path, after) = (self.archive.to_path_buf(), self.after.clone());
        ArchiveError::Malformed { path, kind: self.kind.name(), after, source }
    }
}

/// An entry that could be unpacked but shall not be.
fn refused(what: impl Into<String>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what.into())
}

/// A stream of which only so much may be read.
struct Metered {
    stream: Box<dyn Read + Send>,
    left: Rc<Cell<u64>>,
    read: u64,
}

impl Read for Metered {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left.get()).unwrap_or(usize::MAX).min(into.len());
        if most == 0 && !into.is_empty() {
            return Err(refused(format!("a header of more than {TAR_HEADER_BYTES_MAX} bytes")));
        }
        let count = self.stream.read(&mut into[..most])?;
        self.left.set(self.left.get() - count as u64);
        self.read += count as u64;
        Ok(count)
    }
}
