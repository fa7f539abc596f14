//! Removing: `-rm`, `-rmr`, `-rmdir`, `-expunge`. Hadoop: `Delete`.

use super::error::FsError;
use super::item::Item;
use super::options::Format;
use super::{Call, trash};
use crate::dfs::Purpose;
use std::io;

pub(super) fn rm(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(1, usize::MAX, &["f", "r", "R", "skipTrash", "safely"]);
    let given = FORMAT.parse(words)?;
    let (with_folders, is_silent) = (given.any(&["r", "R"]), given.has("f"));
    // All are looked up before the first is removed. Hadoop: Command.processRawArguments.
    let mut items = Vec::new();
    for arg in &given.args {
        match Item::expand(call.addresses(), arg, Purpose::Write) {
            Ok(found) => items.extend(found),
            Err(FsError::NotFound(_)) if is_silent => {}
            Err(error @ FsError::Usage(_)) => return Err(error),
            Err(error) => call.fail(&error),
        }
    }
    for item in items.iter().filter(|item| item.exists() || !is_silent) {
        call.attempt(|call| remove(call, item, with_folders, given.has("skipTrash")))?;
    }
    Ok(())
}

pub(super) fn rmr(call: &mut Call<'_, '_>, mut words: Vec<String>) -> Result<(), FsError> {
    words.insert(0, "-r".to_owned());
    rm(call, words)
}

fn remove(
    call: &mut Call<'_, '_>,
    item: &Item,
    with_folders: bool,
    skips_trash: bool,
) -> Result<(), FsError> {
    let is_dir = item.stat()?.is_dir;
    if is_dir && !with_folders {
        return Err(FsError::IsDirectory(item.shown.clone()));
    }
    // HDFS does not remove its root; nor do we remove that of the disk.
    if item.path == call.addresses().root || item.path.parent().is_none() {
        return Err(FsError::InputOutput(item.shown.clone()));
    }
    if !skips_trash && trash::keep(call, item)? {
        return Ok(());
    }
    // Of a link the link goes, not what it leads to.
    let removed = if is_dir {
        call.shell.unfinished.remove_tree(&item.path)
    } else {
        crate::fs::remove_file(&item.path)
    };
    removed.map_err(|error| match error.kind() {
        // Another argument or another process removed it before. HDFS says that it removed nothing.
        io::ErrorKind::NotFound => FsError::InputOutput(item.shown.clone()),
        _ => FsError::io(&item.shown, &error),
    })?;
    call.line(&format!("Deleted {}", item.shown))
}

pub(super) fn rmdir(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(1, usize::MAX, &["-ignore-fail-on-non-empty"]);
    let given = FORMAT.parse(words)?;
    let is_lenient = given.has("-ignore-fail-on-non-empty");
    call.each(&given.args, Purpose::Write, |call, item| {
        if !item.is_dir() {
            return Err(FsError::IsNotDirectory(item.shown.clone()));
        }
        if item.path == call.addresses().root {
            return Err(FsError::InputOutput(item.shown.clone()));
        }
        match crate::fs::remove_dir(&item.path) {
            Err(error) if error.kind() == io::ErrorKind::DirectoryNotEmpty && is_lenient => Ok(()),
            other => other.map_err(|error| FsError::io(&item.shown, &error)),
        }
    })
}

pub(super) fn expunge(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format { valued: &["fs"], ..Format::new(0, 2, &["immediate"]) };
    let given = FORMAT.parse(words)?;
    let scheme = match given.value("fs").filter(|uri| !uri.is_empty()) {
        None => call.addresses().default,
        Some(uri) => crate::dfs::Scheme::from_default_fs(uri)
            .ok_or_else(|| FsError::Other(format!("No FileSystem for scheme in \"{uri}\"")))?,
    };
    if given.has("immediate") {
        return trash::empty(call, scheme, true);
    }
    trash::empty(call, scheme, false)?;
    trash::checkpoint(call, scheme)
}
