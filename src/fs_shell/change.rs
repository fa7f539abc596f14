//! Making and changing: `-mkdir`, `-mv`, `-touchz`, `-touch`, `-chmod`, `-chown`, `-chgrp`, `-setrep`, `-truncate`.
//! Hadoop: `Mkdir`, `MoveCommands.Rename`, `TouchCommands`, `FsShellPermissions`, `SetReplication`, `Truncate`.

use super::Call;
use super::attributes;
use super::copy::Destination;
use super::error::FsError;
use super::item::Item;
use super::mode::Mode;
use super::options::Format;
use super::stat::Names;
use super::unfinished::{create_folders, is_private, open_locked, rename_new};
use crate::clock;
use crate::dfs::{Purpose, Scheme};
use crate::fs::{File, OpenOptions, Permissions};
use rustix::fs::{CWD, Gid, Timespec, Timestamps, UTIME_NOW, UTIME_OMIT, Uid};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

pub(super) fn mkdir(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(1, usize::MAX, &["p"]);
    let given = FORMAT.parse(words)?;
    let with_parents = given.has("p");
    for item in call.expand(&given.args, Purpose::Write)? {
        call.attempt(|call| make_folder(call, &item, with_parents))?;
    }
    Ok(())
}

fn make_folder(call: &Call<'_, '_>, item: &Item, with_parents: bool) -> Result<(), FsError> {
    match &item.stat {
        Some(stat) if !stat.is_dir => return Err(FsError::IsNotDirectory(item.shown.clone())),
        Some(_) if with_parents => return Ok(()),
        Some(_) => return Err(FsError::Exists(item.shown.clone())),
        None => {}
    }
    let failed = |error| FsError::io(&item.shown, &error);
    if with_parents {
        item.refuse_below_file(call.addresses())?;
        return create_folders(&item.path).map_err(failed);
    }
    // Hadoop names the folder above, by its whole address.
    let above = item.path.parent().unwrap_or(Path::new("/"));
    if !above.exists() {
        let above = Item { path: above.to_path_buf(), ..item.clone() };
        return Err(FsError::NotFound(above.qualified(call.addresses())));
    }
    item.refuse_below_file(call.addresses())?;
    match crate::fs::create_dir(&item.path) {
        // Given twice in one command, which HDFS takes: nothing was there when the arguments were looked up.
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && item.path.is_dir() => Ok(()),
        made => made.map_err(failed),
    }
}

pub(super) fn mv(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(2, usize::MAX, &[]);
    let mut given = FORMAT.parse(words)?;
    let target = Destination::remote(call, &mut given.args)?;
    let sources = call.expand(&given.args, Purpose::Write)?;
    target.check(call, &sources, false)?;
    for source in &sources {
        call.attempt(|call| {
            source.stat()?;
            target.refuse_inside_itself(call, source)?;
            let to = target.for_source(source)?;
            if source.scheme != to.scheme {
                let what = "Does not match target filesystem".to_owned();
                return Err(FsError::Path(source.shown.clone(), what));
            }
            if to.exists() {
                return Err(FsError::Exists(to.shown));
            }
            to.refuse_below_file(call.addresses())?;
            rename_new(&source.path, &to.path).map_err(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => FsError::Exists(to.shown.clone()),
                io::ErrorKind::NotFound if source.path.exists() => no_parent(call, &to),
                _ => FsError::io(&source.shown, &error),
            })
        })?;
    }
    Ok(())
}

pub(super) fn touchz(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(1, usize::MAX, &[]);
    let given = FORMAT.parse(words)?;
    for item in call.expand(&given.args, Purpose::Write)? {
        call.attempt(|call| {
            if item.exists() {
                item.file()?;
            }
            let file = make_file(call, &item)?;
            let failed = |error| FsError::io(&item.shown, &error);
            if file.metadata().map_err(failed)?.len() > 0 {
                return Err(FsError::Path(item.shown.clone(), "Not a zero-length file".to_owned()));
            }
            let now = Timespec { tv_sec: 0, tv_nsec: UTIME_NOW };
            let times = Timestamps { last_access: now, last_modification: now };
            rustix::fs::futimens(&file, &times).map_err(|error| failed(error.into()))
        })?;
    }
    Ok(())
}

/// Makes an empty file in a folder that must be there. A file that another process made there stays as it is.
fn make_file(call: &Call<'_, '_>, item: &Item) -> Result<File, FsError> {
    if !item.parent_exists() {
        return Err(no_parent(call, item));
    }
    item.refuse_below_file(call.addresses())?;
    let made = OpenOptions::new().write(true).create(true).truncate(false).open(&item.path);
    made.map_err(|error| FsError::io(&item.shown, &error))
}

/// Why a file cannot be written on. Hadoop: `FSNamesystem.recoverLeaseInternal`.
pub(super) fn leased(call: &Call<'_, '_>, item: &Item, action: &str, error: &io::Error) -> FsError {
    if error.kind() != io::ErrorKind::WouldBlock {
        return FsError::io(&item.shown, error);
    }
    let path = item.path_in_fs(call.addresses());
    FsError::Other(format!(
        "Failed to {action} {path} for this client because this file lease is currently owned by another client"
    ))
}

/// Nothing can be made there, since the folder is missing.
pub(super) fn no_parent(call: &Call<'_, '_>, item: &Item) -> FsError {
    let address = item.qualified(call.addresses());
    if address == item.shown {
        return FsError::NotFound(item.shown.clone());
    }
    FsError::NoParent(item.shown.clone(), address)
}

pub(super) fn touch(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const PATTERN: &str = "%Y%m%d:%H%M%S";
    const FORMAT: Format = Format { valued: &["t"], ..Format::new(1, usize::MAX, &["a", "m", "c"]) };
    let given = FORMAT.parse(words)?;
    let time = match given.value("t") {
        None => None,
        Some(text) => Some(clock::parse_local(text, PATTERN).ok_or_else(|| {
            let expected = "The expected format is yyyyMMdd:HHmmss";
            FsError::Usage(format!("Unable to parse the specified timestamp {text}. {expected}"))
        })?),
    };
    let (read_only, modified_only) = (given.has("a") && !given.has("m"), given.has("m") && !given.has("a"));
    for item in call.expand(&given.args, Purpose::Write)? {
        call.attempt(|call| {
            if item.exists() {
                item.file()?;
            } else if !given.has("c") {
                make_file(call, &item)?;
            } else if item.parent_exists() {
                return Ok(());
            } else {
                return Err(no_parent(call, &item));
            }
            let time = time.unwrap_or_else(clock::now_ms);
            let read = (!modified_only).then_some(time);
            let modified = (!read_only).then_some(time);
            set_times(&item.path, read, modified).map_err(|error| FsError::io(&item.shown, &error))
        })?;
    }
    Ok(())
}

/// Sets the times of reading and changing, in milliseconds; `None` leaves one as it is.
pub(super) fn set_times(path: &Path, read: Option<i64>, modified: Option<i64>) -> std::io::Result<()> {
    let spec = |ms: Option<i64>| match ms {
        Some(ms) => Timespec { tv_sec: ms.div_euclid(1000), tv_nsec: ms.rem_euclid(1000) * 1_000_000 },
        None => Timespec { tv_sec: 0, tv_nsec: UTIME_OMIT },
    };
    let times = Timestamps { last_access: spec(read), last_modification: spec(modified) };
    Ok(rustix::fs::utimensat(CWD, path, &times, rustix::fs::AtFlags::empty())?)
}

pub(super) fn chmod(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format { lenient: true, ..Format::new(2, usize::MAX, &["R"]) };
    let mut given = FORMAT.parse(words)?;
    let text = given.args.remove(0);
    let mode = Mode::parse(&text).ok_or_else(|| {
        FsError::Usage(format!("chmod : mode '{text}' does not match the expected pattern."))
    })?;
    change_all(call, &given.args, given.has("R"), |_, item| {
        let stat = item.stat()?;
        let bits = mode.apply(stat.mode, stat.is_dir);
        if bits == stat.mode {
            return Ok(());
        }
        let set = crate::fs::set_permissions(&item.path, Permissions::from_mode(bits));
        set.map_err(|error| FsError::Other(format!("changing permissions of '{}': {error}", item.shown)))
    })
}

/// Changes what the arguments stand for, and with `recursive` all below.
fn change_all(
    call: &mut Call<'_, '_>,
    args: &[String],
    recursive: bool,
    mut change: impl FnMut(&mut Call<'_, '_>, &Item) -> Result<(), FsError>,
) -> Result<(), FsError> {
    call.each(args, Purpose::Write, |call, item| {
        if !recursive {
            return change(call, item);
        }
        call.descend(item, 0, &mut |call, item, _| {
            if is_private(&item.path) { Ok(()) } else { change(call, item) }
        })
    })
}

pub(super) fn chown(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(2, usize::MAX, &["R"]);
    let mut given = FORMAT.parse(words)?;
    let text = given.args.remove(0);
    let refuse = |why: &str| FsError::Usage(format!("'{text}' does not {why}"));
    let (owner, group) = text.trim().split_once(':').unwrap_or((text.trim(), ""));
    if !is_account(owner) || !is_account(group) {
        return Err(refuse("match expected pattern for [owner][:group]."));
    }
    if owner.is_empty() && group.is_empty() {
        return Err(refuse("specify owner or group."));
    }
    set_owner(call, &given.args, given.has("R"), [owner, group])
}

pub(super) fn chgrp(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(2, usize::MAX, &["R"]);
    let mut given = FORMAT.parse(words)?;
    let text = given.args.remove(0);
    let group = text.trim();
    if group.is_empty() || !is_account(group) {
        return Err(FsError::Usage(format!("'{text}' does not match expected pattern for group")));
    }
    set_owner(call, &given.args, given.has("R"), ["", group])
}

/// Hadoop: `FsShellPermissions.Chown.allowedChars`.
fn is_account(name: &str) -> bool {
    name.chars().all(|letter| letter.is_ascii_alphanumeric() || "-_./@".contains(letter))
}

/// Empty names leave things as they are. In HDFS any name will do: one that is no account of this machine, or that only
/// root could give, is kept beside the file.
fn set_owner(
    call: &mut Call<'_, '_>,
    args: &[String],
    recursive: bool,
    [owner, group]: [&str; 2],
) -> Result<(), FsError> {
    let accounts = &call.shell.accounts;
    let (uid, gid) = (accounts.user_number(owner), accounts.group_number(group));
    let unknown =
        [(owner, uid), (group, gid)].into_iter().find(|(name, id)| !name.is_empty() && id.is_none());
    change_all(call, args, recursive, |call, item| {
        let failed = |why: String| FsError::Other(format!("changing ownership of '{}': {why}", item.shown));
        let changed = match unknown {
            Some((name, _)) => Err(failed(format!("no account of this machine has the name '{name}'"))),
            None => rustix::fs::chown(&item.path, uid.map(Uid::from_raw), gid.map(Gid::from_raw))
                .map_err(|error| failed(error.to_string())),
        };
        if item.scheme == Scheme::File {
            return changed;
        }
        for (attribute, name) in Names::ATTRIBUTES.into_iter().zip([owner, group]) {
            let kept = match (&changed, name) {
                (_, "") => Ok(()),
                (Ok(()), _) => attributes::remove(&item.path, attribute).map(drop),
                (Err(_), name) => attributes::set(&item.path, attribute, name.as_bytes()),
            };
            if let Err(error) = kept {
                call.warn(&format!(
                    "the disk cannot keep the name '{name}' beside '{}': {error}",
                    item.shown
                ));
            }
        }
        Ok(())
    })
}

pub(super) fn setrep(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(2, usize::MAX, &["R", "w"]);
    let mut given = FORMAT.parse(words)?;
    let text = given.args.remove(0);
    let Ok(copies) = text.parse::<i16>() else {
        call.warn("Illegal replication, a positive integer expected");
        return Err(FsError::Usage(format!("For input string: \"{text}\"")));
    };
    if copies < 1 {
        return Err(FsError::Usage("replication must be >= 1".to_owned()));
    }
    let mut files = Vec::new();
    change_all(call, &given.args, true, |call, item| {
        if item.is_dir() {
            return Ok(());
        }
        files.push(item.shown.clone());
        call.line(&format!("Replication {copies} set: {}", item.shown))
    })?;
    if given.has("w") {
        files.iter().try_for_each(|file| call.line(&format!("Waiting for {file} ... done")))?;
    }
    Ok(())
}

pub(super) fn truncate(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(2, usize::MAX, &["w"]);
    let mut given = FORMAT.parse(words)?;
    let text = given.args.remove(0);
    let Ok(bytes) = text.parse::<u64>() else {
        call.warn("Illegal length, a non-negative integer expected");
        return Err(FsError::Usage(format!("For input string: \"{text}\"")));
    };
    call.each(&given.args, Purpose::Write, |call, item| {
        item.file()?;
        let failed = |error: std::io::Error| FsError::io(&item.shown, &error);
        let file = open_locked(&item.path).map_err(|error| leased(call, item, "TRUNCATE_FILE", &error))?;
        let present = file.metadata().map_err(failed)?.len();
        if bytes > present {
            return Err(FsError::Usage(format!(
                "Cannot truncate to a larger file size. Current size: {present}, truncate size: {bytes}."
            )));
        }
        rustix::fs::ftruncate(&file, bytes).map_err(|error| failed(error.into()))?;
        call.line(&format!("Truncated {} to length: {bytes}", item.shown))
    })
}
