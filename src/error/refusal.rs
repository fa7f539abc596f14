//! What a disk that refuses had left: told at once, for a moment later the job's own files are gone from it.

use crate::units;
use rustix::fs::statvfs;
use rustix::io::Errno;
use rustix::process::{Resource, getrlimit};
use std::error::Error;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

/// Why a disk refused, beyond the operating system's word for it, which is the source.
#[derive(Debug, thiserror::Error)]
#[error("{told}")]
pub struct Refusal {
    /// The file or folder that could not be written, read or made.
    pub path: PathBuf,
    told: String,
    source: io::Error,
}

impl Refusal {
    /// The refusal among the causes of an error.
    pub fn of<'e>(error: &'e (dyn Error + 'static)) -> Option<&'e Self> {
        let here = error.downcast_ref::<io::Error>().and_then(|error| error.get_ref()?.downcast_ref());
        here.or_else(|| Self::of(error.source()?))
    }
}

/// Adds what is known of the disk to an error that is about one; others stay as they are. `needed_bytes` were to
/// be written to `path`.
pub(super) fn explain(source: io::Error, path: &Path, needed_bytes: Option<u64>) -> io::Error {
    let folder = path.ancestors().find(|folder| folder.is_dir()).unwrap_or(path);
    let shown = folder.display();
    let needed = needed_bytes.map_or(String::new(), |bytes| format!("{} more needed, ", units::bytes(bytes)));
    let told = match source.kind() {
        ErrorKind::StorageFull => format!("{needed}{}", room_in(folder)),
        ErrorKind::QuotaExceeded => format!("{needed}the user's quota there is used up; {}", room_in(folder)),
        ErrorKind::ReadOnlyFilesystem => format!("the file system of {shown} is read-only"),
        ErrorKind::FileTooLarge => match getrlimit(Resource::Fsize).current {
            Some(most) => format!("{needed}a file may have {} here (ulimit -f)", units::bytes(most)),
            None => format!("{needed}the file system of {shown} takes no larger file"),
        },
        _ if source.raw_os_error() == Some(Errno::IO.raw_os_error()) => {
            format!("the disk of {shown} failed; the system's log (dmesg) may say more")
        }
        _ => return source,
    };
    io::Error::new(source.kind(), Refusal { path: path.to_path_buf(), told, source })
}

/// The same for an error that may be one of reading, which is another disk's then: only what no reader meets is told.
pub(crate) fn explain_write(source: io::Error, path: &Path) -> io::Error {
    if source.raw_os_error() == Some(Errno::IO.raw_os_error()) { source } else { explain(source, path, None) }
}

/// What is free in a folder.
fn room_in(folder: &Path) -> String {
    let shown = folder.display();
    let Ok(room) = statvfs(folder) else { return format!("no room in {shown}") };
    if room.f_files > 0 && room.f_favail == 0 {
        return format!("all {} files that the file system of {shown} can hold are there", room.f_files);
    }
    let [free, total] = [room.f_bavail, room.f_blocks].map(|blocks| units::bytes(blocks * room.f_frsize));
    format!("{free} of {total} are free in {shown}")
}

#[cfg(test)]
mod tests {
    use crate::error::{At, Refusal, chain};
    use rustix::io::Errno;
    use std::io;
    use std::path::Path;

    #[track_caller]
    fn check(errno: Errno, needed_bytes: Option<u64>, expect: &[&str]) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("gone/spill");
        let failed = || Err::<(), _>(io::Error::from(errno));
        let error = match needed_bytes {
            Some(bytes) => failed().at_write("write", &path, bytes),
            None => failed().at("write", &path),
        }
        .unwrap_err();
        let text = chain(&error);
        let folder = folder.path().to_str().unwrap();
        for part in expect {
            let part = part.replace("FOLDER", folder);
            assert!(text.contains(&part), "no {part:?} in {text:?}");
        }
        assert_eq!(Refusal::of(&error).is_some(), expect.len() > 1, "{text}");
        assert_eq!(error.source.kind(), io::Error::from(errno).kind());
        assert_eq!(text.matches("os error").count(), 1, "{text}");
    }

    #[test]
    fn a_disk_that_refuses_is_described() {
        check(Errno::NOSPC, Some(2048), &["2.0 KiB more needed, ", " are free in FOLDER: No space left"]);
        check(Errno::NOSPC, None, &[": ", " are free in FOLDER: No space left"]);
        check(Errno::DQUOT, Some(1), &["1 B more needed, the user's quota", "free in FOLDER"]);
        check(Errno::ROFS, None, &["file system of FOLDER is read-only: ", "os error"]);
        check(Errno::FBIG, Some(1), &["FOLDER", "file"]);
        check(Errno::IO, None, &["the disk of FOLDER failed", "os error 5"]);
        check(Errno::ACCESS, Some(1), &["Permission denied"]);
        assert_eq!(
            chain(&Err::<(), _>(io::Error::from(Errno::ACCESS)).at("open", Path::new("/a")).unwrap_err()),
            "cannot open /a: Permission denied (os error 13)"
        );
    }
}
