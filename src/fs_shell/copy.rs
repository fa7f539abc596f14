//! Copying: `-put`, `-get`, `-cp`, `-moveFromLocal`, `-appendToFile`, `-getmerge`. Hadoop: `CopyCommands`,
//! `CommandWithDestination`, `MoveCommands`.
//!
//! A file is written under a private name and renamed when it is whole ([`super::unfinished`]).

use super::Call;
use super::change::{leased, no_parent, set_times};
use super::display::{copy, open};
use super::error::FsError;
use super::item::Item;
use super::options::Format;
use super::unfinished::{Unfinished, create_folders, is_private, rename_new};
use crate::dfs::Purpose;
use crate::fs::{File, Permissions};
use std::io::{self, ErrorKind, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// How files are copied.
#[derive(Clone, Copy, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each switch is an option of its own")]
struct Manner {
    overwrite: bool,
    /// Keep times and permissions.
    preserve: bool,
    /// `-d`: Hadoop then writes under the final name at once. Here each file is renamed when it is whole.
    direct: bool,
    /// Remove the source.
    removes: bool,
}

/// Where something goes.
pub(super) struct Destination {
    item: Item,
    /// Below the arguments a folder always is one.
    is_nested: bool,
}

impl Destination {
    /// The last argument, in the default file system. Hadoop: `getRemoteDestination`.
    pub(super) fn remote(call: &Call<'_, '_>, args: &mut Vec<String>) -> Result<Self, FsError> {
        let given = if args.len() < 2 { ".".to_owned() } else { args.pop().unwrap_or_default() };
        let mut found = Item::expand(call.addresses(), &given, Purpose::Write)?;
        match (found.pop(), found.is_empty()) {
            (Some(item), true) => Ok(Self { item, is_nested: false }),
            _ => Err(FsError::Path(given, "Too many matches".to_owned())),
        }
    }

    /// The last argument, on the local disk. Hadoop: `getLocalDestination`.
    fn local(call: &Call<'_, '_>, args: &mut Vec<String>) -> Result<Self, FsError> {
        let given = if args.len() < 2 { ".".to_owned() } else { args.pop().unwrap_or_default() };
        let item = Item::plain(call.addresses(), &given, Purpose::Send)?;
        Ok(Self { item, is_nested: false })
    }

    /// Whether the sources can go there at all. Hadoop: `CommandWithDestination.processArguments`.
    pub(super) fn check(
        &self,
        call: &Call<'_, '_>,
        sources: &[Item],
        overwrite: bool,
    ) -> Result<(), FsError> {
        let item = &self.item;
        if sources.len() > 1 {
            let is_dir = item.stat()?.is_dir;
            return if is_dir { Ok(()) } else { Err(FsError::IsNotDirectory(item.shown.clone())) };
        }
        match &item.stat {
            Some(stat) if !stat.is_dir && !overwrite => Err(FsError::Exists(item.shown.clone())),
            None if !item.parent_exists() => Err(no_parent(call, item)),
            _ => Ok(()),
        }
    }

    /// Where a source goes. Hadoop: `getTargetPath`.
    pub(super) fn for_source(&self, source: &Item) -> Result<Item, FsError> {
        if self.is_nested || self.item.is_dir() || self.item.says_folder() {
            return self.item.child(source.path.file_name().unwrap_or_default());
        }
        Ok(self.item.clone())
    }

    /// Hadoop: `CommandWithDestination.processPathArgument`.
    pub(super) fn refuse_inside_itself(&self, call: &Call<'_, '_>, source: &Item) -> Result<(), FsError> {
        if !source.is_dir() || source.scheme != self.item.scheme {
            return Ok(());
        }
        let to = self.for_source(source)?;
        if to.path == source.path {
            let to = to.qualified(call.addresses());
            return Err(FsError::Paths(source.shown.clone(), to, "are identical"));
        }
        if to.path.starts_with(&source.path) {
            return Err(FsError::Paths(source.shown.clone(), to.shown, "is a subdirectory of itself"));
        }
        Ok(())
    }
}

const PUT: Format = Format { valued: &["t", "q"], ..Format::new(1, usize::MAX, &["f", "p", "l", "d"]) };

pub(super) fn put(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    let mut given = PUT.parse(words)?;
    let manner = Manner {
        overwrite: given.has("f"),
        preserve: given.has("p"),
        direct: given.has("d"),
        removes: false,
    };
    let to = Destination::remote(call, &mut given.args)?;
    if given.args.iter().map(String::as_str).eq(["-"]) {
        return put_input(call, &to, manner);
    }
    let sources = local_sources(call, &given.args)?;
    copy_all(call, &sources, &to, manner)
}

/// Standard input as a file.
fn put_input(call: &mut Call<'_, '_>, to: &Destination, manner: Manner) -> Result<(), FsError> {
    let target = if to.item.is_dir() { to.item.child("-".as_ref())? } else { to.item.clone() };
    if target.exists() && (target.is_dir() || !manner.overwrite) {
        return Err(FsError::Exists(target.shown));
    }
    let unfinished = call.shell.unfinished.clone();
    let from = &mut *call.shell.input;
    write_file(&unfinished, &target, manner.overwrite, |file| copy(from, file, "-"), |_| Ok(()))
}

/// Local files, which are taken by their letters. Hadoop: `Put.expandArgument`.
fn local_sources(call: &mut Call<'_, '_>, args: &[String]) -> Result<Vec<Item>, FsError> {
    args.iter().map(|arg| Item::plain(call.addresses(), arg, Purpose::Send)).collect()
}

pub(super) fn move_from_local(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(1, usize::MAX, &["f", "p", "l", "d"]);
    let mut given = FORMAT.parse(words)?;
    let manner =
        Manner { overwrite: given.has("f"), preserve: given.has("p"), direct: given.has("d"), removes: true };
    let to = Destination::remote(call, &mut given.args)?;
    let sources = local_sources(call, &given.args)?;
    copy_all(call, &sources, &to, manner)
}

pub(super) fn move_to_local(_: &mut Call<'_, '_>, _: Vec<String>) -> Result<(), FsError> {
    Err(FsError::Other("Option '-moveToLocal' is not implemented yet.".to_owned()))
}

pub(super) fn get(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format =
        Format { valued: &["t", "q"], ..Format::new(1, usize::MAX, &["crc", "ignoreCrc", "p", "f"]) };
    let mut given = FORMAT.parse(words)?;
    let manner = Manner { overwrite: given.has("f"), preserve: given.has("p"), ..Manner::default() };
    let to = Destination::local(call, &mut given.args)?;
    let sources = call.expand(&given.args, Purpose::Read)?;
    copy_all(call, &sources, &to, manner)
}

pub(super) fn cp(call: &mut Call<'_, '_>, mut words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format { valued: &["t", "q"], ..Format::new(2, usize::MAX, &["f", "d"]) };
    // `-p` may carry letters of what is to be kept. Hadoop: popPreserveOption.
    let ends = words.iter().position(|word| word == "--").unwrap_or(words.len());
    let keeps = words[..ends].iter().position(|word| word.starts_with("-p"));
    if let Some(at) = keeps {
        words.remove(at);
    }
    let mut given = FORMAT.parse(words)?;
    let manner = Manner {
        overwrite: given.has("f"),
        preserve: keeps.is_some(),
        direct: given.has("d"),
        removes: false,
    };
    let to = Destination::remote(call, &mut given.args)?;
    let sources = call.expand(&given.args, Purpose::Read)?;
    copy_all(call, &sources, &to, manner)
}

fn copy_all(
    call: &mut Call<'_, '_>,
    sources: &[Item],
    to: &Destination,
    manner: Manner,
) -> Result<(), FsError> {
    to.check(call, sources, manner.overwrite)?;
    for source in sources {
        call.attempt(|call| {
            source.stat()?;
            to.refuse_inside_itself(call, source)?;
            copy_tree(call, source, to, manner)
        })?;
    }
    Ok(())
}

fn copy_tree(
    call: &mut Call<'_, '_>,
    source: &Item,
    to: &Destination,
    manner: Manner,
) -> Result<(), FsError> {
    let target = to.for_source(source)?;
    target.refuse_below_file(call.addresses())?;
    if source.is_dir() {
        copy_folder(call, source, target, manner)?;
    } else {
        copy_file(call, source, &target, manner)?;
    }
    if manner.removes {
        let removed = if source.is_dir() {
            crate::fs::remove_dir(&source.path)
        } else {
            crate::fs::remove_file(&source.path)
        };
        removed
            .map_err(|_| FsError::Other(format!("remove {}", FsError::InputOutput(source.shown.clone()))))?;
    }
    Ok(())
}

fn copy_folder(
    call: &mut Call<'_, '_>,
    source: &Item,
    mut target: Item,
    manner: Manner,
) -> Result<(), FsError> {
    // Hadoop: MoveFromLocal does not merge folders.
    if manner.removes && target.is_dir() {
        return Err(FsError::Exists(target.shown));
    }
    // Listed first: the target may come to stand in the source by a link.
    let children = source.children(call.addresses())?;
    if !target.exists() {
        create_folders(&target.path).map_err(|error| FsError::io(&target.shown, &error))?;
        target = Item { stat: source.stat.clone(), ..target };
    } else if !target.is_dir() {
        return Err(FsError::IsNotDirectory(target.shown));
    }
    let below = Destination { item: target, is_nested: true };
    for child in children.iter().filter(|child| !is_private(&child.path)) {
        call.attempt(|call| copy_tree(call, child, &below, manner))?;
    }
    if manner.preserve {
        preserve(source, &below.item.path).map_err(|error| FsError::io(&below.item.shown, &error))?;
    }
    Ok(())
}

fn copy_file(call: &Call<'_, '_>, source: &Item, target: &Item, manner: Manner) -> Result<(), FsError> {
    let mut from = open(source)?;
    if target.exists() && (target.is_dir() || !manner.overwrite) {
        return Err(FsError::Exists(target.shown.clone()));
    }
    if manner.direct && target.exists() && is_same(source, target) {
        // Hadoop empties it. Without `-d` it is copied beside itself and stays what it was.
        return Err(FsError::Paths(source.shown.clone(), target.shown.clone(), "are identical"));
    }
    write_file(
        &call.shell.unfinished,
        target,
        manner.overwrite,
        |file| copy(&mut from, file, &source.shown),
        |path| if manner.preserve { preserve(source, path) } else { Ok(()) },
    )
}

fn is_same(source: &Item, target: &Item) -> bool {
    let real = |item: &Item| item.path.canonicalize().ok();
    real(source).is_some_and(|path| real(target) == Some(path))
}

/// Writes a file whole or not at all, and dresses it before it gets its name. Hadoop: `copyStreamToTarget`.
///
/// A device or a pipe is written to as it is.
fn write_file(
    unfinished: &Unfinished,
    target: &Item,
    overwrite: bool,
    fill: impl FnOnce(&mut dyn Write) -> Result<(), FsError>,
    dress: impl FnOnce(&Path) -> io::Result<()>,
) -> Result<(), FsError> {
    let failed = |error: io::Error| FsError::io(&target.shown, &error);
    if is_stream(&target.path) {
        let mut file = File::create(&target.path).map_err(failed)?;
        return fill(&mut file).map_err(|error| unwritten(target, error));
    }
    let mut new = unfinished.create(&target.path).map_err(failed)?;
    fill(&mut new).map_err(|error| unwritten(target, error))?;
    dress(new.path()).map_err(failed)?;
    let give_name = |path: &Path| {
        if overwrite { crate::fs::rename(path, &target.path) } else { rename_new(path, &target.path) }
    };
    new.finish(give_name).map_err(failed)
}

/// The error of a copy whose reader is the disk.
pub(super) fn unwritten(target: &Item, error: FsError) -> FsError {
    match error {
        FsError::Output => {
            FsError::Path(target.shown.clone(), "cannot be written to the end; is the disk full?".to_owned())
        }
        error => error,
    }
}

/// Whether a path is a device, a pipe, or a descriptor of this process, such as `/dev/stdout`.
fn is_stream(path: &Path) -> bool {
    let link = path.read_link().unwrap_or_default();
    path.metadata().is_ok_and(|there| !there.is_file() && !there.is_dir())
        || [path, &link].iter().any(|path| path.starts_with("/proc") || path.starts_with("/dev/fd"))
}

/// Times and permissions of the source for what is at a path.
fn preserve(source: &Item, path: &Path) -> io::Result<()> {
    let Some(stat) = &source.stat else { return Ok(()) };
    crate::fs::set_permissions(path, Permissions::from_mode(stat.mode))?;
    set_times(path, Some(stat.read_ms), Some(stat.modified_ms))
}

pub(super) fn append_to_file(call: &mut Call<'_, '_>, mut words: Vec<String>) -> Result<(), FsError> {
    // Hadoop begins a new block with it.
    if words.first().is_some_and(|word| word == "-n") {
        words.remove(0);
    }
    if words.len() < 2 {
        return Err(FsError::Other("missing destination argument".to_owned()));
    }
    let to = Destination::remote(call, &mut words)?.item;
    if to.is_dir() {
        let path = to.path_in_fs(call.addresses());
        return Err(FsError::Other(format!(
            "Cannot append to directory {path}; already exists as a directory."
        )));
    }
    let reads_input = words.iter().any(|word| word == "-");
    if reads_input && words.len() > 1 {
        let what = "stdin (-) must be the sole input argument when present";
        return Err(FsError::Other(what.to_owned()));
    }
    to.refuse_below_file(call.addresses())?;
    let sources = if reads_input { Vec::new() } else { local_sources(call, &words)? };
    for source in &sources {
        source.file()?;
    }
    let unfinished = call.shell.unfinished.clone();
    if !to.exists() {
        if let Some(above) = to.path.parent() {
            // Of all that makes files only this verb makes the folders above: HDFS does, and no check comes before.
            make_above(above, &call.addresses().root).map_err(|error| FsError::io(&to.shown, &error))?;
        }
        return write_file(&unfinished, &to, false, |file| fill(call, &sources, file), |_| Ok(()));
    }
    let mut longer = unfinished.extend(&to.path).map_err(|error| leased(call, &to, "APPEND_FILE", &error))?;
    fill(call, &sources, &mut longer).map_err(|error| unwritten(&to, error))?;
    // No reader would find the bytes in a file that another process removed or replaced.
    let is_in_place = longer.is_in_place();
    longer.finish(|_| if is_in_place { Ok(()) } else { Err(FsError::NotFound(to.shown.clone())) })
}

/// Copies local files to the end of a file, or standard input if there are none.
fn fill(call: &mut Call<'_, '_>, sources: &[Item], file: &mut dyn Write) -> Result<(), FsError> {
    if sources.is_empty() {
        return copy(&mut *call.shell.input, file, "-");
    }
    sources.iter().try_for_each(|source| copy(&mut open(source)?, file, &source.shown))
}

/// Makes a folder and those above it with the permissions of the lowest that is there. Hadoop:
/// `FSDirMkdirOp.createParentDirectories`.
///
/// HDFS's own folder is private here, and open to be read in HDFS.
fn make_above(folder: &Path, hdfs_root: &Path) -> std::io::Result<()> {
    let missing: Vec<&Path> = folder.ancestors().take_while(|path| !path.exists()).collect();
    let Some(there) = missing.last().and_then(|path| path.parent()) else { return Ok(()) };
    let mode = if there == hdfs_root {
        0o755
    } else {
        // The owner gets in at least.
        crate::fs::metadata(there)?.permissions().mode() & 0o777 | 0o300
    };
    for path in missing.iter().rev() {
        match crate::fs::create_dir(path) {
            // Another process made it.
            Err(error) if error.kind() == ErrorKind::AlreadyExists && path.is_dir() => {}
            made => {
                made?;
                crate::fs::set_permissions(path, Permissions::from_mode(mode))?;
            }
        }
    }
    Ok(())
}

pub(super) fn getmerge(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(2, usize::MAX, &["nl", "skip-empty-file"]);
    let mut given = FORMAT.parse(words)?;
    let to = Destination::local(call, &mut given.args)?.item;
    if to.is_dir() {
        return Err(FsError::IsDirectory(to.shown));
    }
    let mut sources = Vec::new();
    for item in call.expand(&given.args, Purpose::Read)? {
        if item.is_dir() {
            // Of a folder the files in it, but no further.
            call.attempt(|call| {
                let children = item.children(call.addresses())?;
                sources
                    .extend(children.into_iter().filter(|child| !child.is_dir() && !is_private(&child.path)));
                Ok(())
            })?;
        } else if item.exists() {
            sources.push(item);
        } else {
            call.fail(&FsError::NotFound(item.shown));
        }
    }
    // Hadoop: Merge.processArguments.
    if call.errors > 0 {
        return Ok(());
    }
    // A link stays, and what it leads to is written.
    let real = to.path.canonicalize().ok().filter(|_| !is_stream(&to.path));
    let to = Item { path: real.unwrap_or_else(|| to.path.clone()), ..to };
    let merge = |file: &mut dyn Write| {
        for source in &sources {
            copy(&mut open(source)?, file, &source.shown)?;
            let is_empty = source.file()?.bytes == 0;
            if given.has("nl") && !(is_empty && given.has("skip-empty-file")) {
                copy(&mut &b"\n"[..], file, &source.shown)?;
            }
        }
        Ok(())
    };
    write_file(&call.shell.unfinished, &to, true, merge, |_| Ok(()))
}
