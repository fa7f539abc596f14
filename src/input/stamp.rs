//! Whether input files stay what they were when the job was planned.
//!
//! Tasks read them at different times. Were one written to in between, the output could hold half of the old and half
//! of the new, and no count would tell. So each task looks at its files before it reads them and once more when it
//! has. A change that leaves length, time and place alone is not seen.

use super::InputError;
use crate::fs::Metadata;
use crate::plan::{FileStamp, InputSplit, MapTask};
use std::io;
use std::os::unix::fs::MetadataExt;

/// The stamp of a regular file.
pub(super) fn of(metadata: &Metadata) -> Option<FileStamp> {
    metadata.is_file().then(|| FileStamp {
        length: metadata.len(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        identity: (metadata.dev(), metadata.ino()),
    })
}

/// Looks whether the files of a task are what they were when the job was planned.
///
/// # Errors
/// The first one that is not, and what became of it.
pub fn check_unchanged(task: &MapTask) -> Result<(), InputError> {
    for split in &task.splits {
        let Some(stamp) = &split.stamp else { continue };
        if let Some(what) = change(stamp, crate::fs::metadata(&split.path)) {
            let InputSplit { path, start, length, .. } = split.clone();
            return Err(InputError::Changed { path, start, end: start.saturating_add(length), what });
        }
    }
    Ok(())
}

fn change(before: &FileStamp, now: io::Result<Metadata>) -> Option<String> {
    let now = match now {
        Ok(now) => now,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Some("it is gone".to_owned()),
        Err(error) => return Some(format!("it cannot be looked at: {error}")),
    };
    match of(&now) {
        Some(now) if now == *before => None,
        Some(now) if now.identity != before.identity => Some("another file is in its place".to_owned()),
        Some(now) if now.length != before.length => {
            Some(format!("it had {} bytes and has {}", before.length, now.length))
        }
        Some(_) => Some("it was written to".to_owned()),
        None => Some("it is no regular file any more".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::Folder;
    use super::*;
    use std::fs::{self, File, FileTimes};
    use std::path::Path;
    use std::time::{Duration, SystemTime};

    fn check(act: impl Fn(&Path), expect: Option<&str>) {
        let folder = Folder::new();
        let path = folder.write("in", b"12345");
        let stamp = of(&path.metadata().unwrap());
        let task =
            MapTask { splits: vec![InputSplit { stamp, ..InputSplit::new(path.clone(), 2, 3, None) }] };
        check_unchanged(&task).unwrap();
        act(&path);
        let said = check_unchanged(&task).err().map(|error| error.to_string());
        let expect = expect.map(|what| {
            format!(
                "input file {} changed since the job was planned: {what}; bytes 2 to 5 of it are this task's: run the \
                 job again on files that stay as they are",
                path.display()
            )
        });
        assert_eq!(said, expect);
    }

    #[test]
    fn every_change_has_its_words() {
        let write = |bytes: &'static [u8]| move |path: &Path| fs::write(path, bytes).unwrap();
        check(|_| {}, None);
        check(write(b"1234"), Some("it had 5 bytes and has 4"));
        check(write(b"123456"), Some("it had 5 bytes and has 6"));
        check(
            |path| {
                let later = SystemTime::now() + Duration::from_secs(9);
                File::open(path).unwrap().set_times(FileTimes::new().set_modified(later)).unwrap();
            },
            Some("it was written to"),
        );
        check(|path| fs::remove_file(path).unwrap(), Some("it is gone"));
        check(
            |path| {
                fs::copy(path, path.with_extension("new")).unwrap();
                fs::rename(path.with_extension("new"), path).unwrap();
            },
            Some("another file is in its place"),
        );
        check(
            |path| {
                fs::remove_file(path).unwrap();
                fs::create_dir(path).unwrap();
            },
            Some("it is no regular file any more"),
        );
    }
}
