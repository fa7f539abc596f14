//! The trash: removed files stand in the user's `.Trash/Current` under their whole path until they are too old.
//! Hadoop: `TrashPolicyDefault`.

use super::Call;
use super::error::FsError;
use super::item::Item;
use super::unfinished::{TRIES, rename_new};
use crate::clock;
use crate::dfs::Scheme;
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

/// How long removed files are kept.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct TrashPolicy {
    /// Minutes after which the trash may be emptied (`fs.trash.interval`); 0 is no trash at all.
    pub minutes: f64,
}

/// Folders of the trash are the user's alone.
const MODE: u32 = 0o700;
/// What a checkpoint is called: the time at which it was made.
const CHECKPOINT: &str = "%y%m%d%H%M%S";
/// The same in the days of Hadoop 1.
const OLD_CHECKPOINT: &str = "%y%m%d%H%M";
/// Checkpoints of one second.
const CHECKPOINTS_MAX: u32 = 1000;

/// Where the trash of a file system is.
fn trash_of(call: &Call<'_, '_>, scheme: Scheme) -> PathBuf {
    let addresses = call.addresses();
    match scheme {
        Scheme::Hdfs => addresses.root.join("user").join(&addresses.user).join(".Trash"),
        Scheme::File => call.shell.home.join(".Trash"),
    }
}

/// Moves an item into the trash, if there is one and it is not there already. Hadoop: `moveToTrash`.
pub(super) fn keep(call: &mut Call<'_, '_>, item: &Item) -> Result<bool, FsError> {
    let trash = trash_of(call, item.scheme);
    if call.shell.trash.minutes <= 0.0 || item.path.starts_with(&trash) {
        return Ok(false);
    }
    if trash.starts_with(&item.path) {
        let from = item.qualified(call.addresses());
        return Err(FsError::Other(format!(
            "Cannot move \"{from}\" to the trash, as it contains the trash. Consider using -skipTrash option"
        )));
    }
    let root = if item.scheme == Scheme::Hdfs { call.addresses().root.clone() } else { PathBuf::from("/") };
    let below = item.path.strip_prefix(&root).unwrap_or(&item.path);
    let kept = trash.join("Current").join(below);
    let (folder, name) = (kept.parent().unwrap_or(&trash), kept.file_name().unwrap_or_default());
    let failed = |error: std::io::Error| FsError::io(&item.shown, &error);
    let mut free = kept.clone();
    let mut moved = Ok(());
    for _ in 0..TRIES {
        moved = make_folder(folder);
        if moved.is_ok() {
            moved = rename_new(&item.path, &free);
            if moved.as_ref().is_err_and(|error| error.kind() == ErrorKind::AlreadyExists) {
                // A name that is taken gets the time behind it.
                free.set_file_name(format!("{}{}", name.to_string_lossy(), clock::now_ms()));
                continue;
            }
        }
        // Another process put the trash aside before the move.
        let is_there = || item.path.symlink_metadata().is_ok();
        if !moved.as_ref().is_err_and(|error| error.kind() == ErrorKind::NotFound && is_there()) {
            break;
        }
    }
    moved.map_err(failed)?;
    let from = item.qualified(call.addresses());
    let to = Item { path: free, ..item.clone() }.qualified(call.addresses());
    say(call, &format!("Moved: '{from}' to trash at: {to}"));
    Ok(true)
}

fn make_folder(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
    crate::fs::DirBuilder::new().recursive(true).mode(MODE).create(path)
}

/// A line of Hadoop's log.
fn say(call: &mut Call<'_, '_>, text: &str) {
    call.shell.complain(&format!("{} INFO fs.TrashPolicyDefault: {text}", clock::log_stamp()));
}

/// Removes checkpoints that are too old, or all of them. Hadoop: `deleteCheckpoint`.
pub(super) fn empty(call: &mut Call<'_, '_>, scheme: Scheme, at_once: bool) -> Result<(), FsError> {
    let trash = trash_of(call, scheme);
    let oldest = clock::now_ms() - (call.shell.trash.minutes * 60_000.0) as i64;
    let Ok(entries) = crate::fs::read_dir(&trash) else { return Ok(()) };
    for entry in entries.filter_map(Result::ok) {
        let name = entry.file_name().to_string_lossy().into_owned();
        let stamp = name.split('-').next().unwrap_or_default();
        let made =
            clock::parse_local(stamp, CHECKPOINT).or_else(|| clock::parse_local(stamp, OLD_CHECKPOINT));
        if made.is_some_and(|made| at_once || made < oldest) {
            let path = entry.path();
            match call.shell.unfinished.remove_tree(&path) {
                // Another process removed it.
                Err(error) if error.kind() == ErrorKind::NotFound => continue,
                removed => removed.map_err(|error| FsError::io(&path.to_string_lossy(), &error))?,
            }
            say(call, &format!("Deleted trash checkpoint: {}", path.display()));
        }
    }
    Ok(())
}

/// Puts what is in the trash now under the present time. Hadoop: `createCheckpoint`.
pub(super) fn checkpoint(call: &mut Call<'_, '_>, scheme: Scheme) -> Result<(), FsError> {
    let trash = trash_of(call, scheme);
    let current = trash.join("Current");
    if !current.is_dir() {
        return Ok(());
    }
    let stamp = clock::local(clock::now_ms(), CHECKPOINT);
    let names = (0..CHECKPOINTS_MAX).map(|number| match number {
        0 => trash.join(&stamp),
        number => trash.join(format!("{stamp}-{number}")),
    });
    for free in names {
        match rename_new(&current, &free) {
            Ok(()) => {
                say(call, &format!("Created trash checkpoint: {}", free.display()));
                return Ok(());
            }
            Err(error) if error.kind() == ErrorKind::AlreadyExists => {}
            // Another process made the checkpoint.
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(FsError::io(&current.to_string_lossy(), &error)),
        }
    }
    Err(FsError::Other(format!("Failed to checkpoint trash: {}", trash.join(stamp).display())))
}
