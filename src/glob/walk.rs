//! From a pattern to what is there.

use super::{BadPattern, Component, expand};
use crate::error::{At, IoError};
use crate::fs::Metadata;
use std::ffi::OsStr;
use std::io::{self, ErrorKind};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

/// A match: a path and what is there, links followed.
pub(crate) struct Entry {
    pub(crate) path: PathBuf,
    pub(crate) metadata: Metadata,
}

/// Why a pattern finds nothing.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GlobError {
    /// It cannot be read; where and why.
    #[error("Illegal file pattern: {0}")]
    Bad(String),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

impl From<BadPattern> for GlobError {
    fn from(bad: BadPattern) -> Self {
        Self::Bad(bad.0)
    }
}

/// Everything that an absolute pattern matches, in no order that could be relied on, and whether it is a pattern at
/// all: a plain path that is there matches itself.
pub(crate) fn find(pattern: &[u8]) -> Result<(Vec<Entry>, bool), GlobError> {
    let patterns = expand(pattern)?;
    let mut is_pattern = patterns.len() > 1;
    let mut found = Vec::new();
    for pattern in &patterns {
        let names = pattern.split(|&byte| byte == b'/').filter(|name| !name.is_empty());
        let components: Vec<Component> = names.map(Component::new).collect::<Result<_, _>>()?;
        is_pattern |= components.iter().any(|component| matches!(component, Component::Pattern(_)));
        found.append(&mut follow(&components)?);
    }
    Ok((found, is_pattern))
}

/// Follows the components down from the root.
fn follow(components: &[Component]) -> Result<Vec<Entry>, IoError> {
    let mut paths = vec![PathBuf::from("/")];
    for (depth, component) in components.iter().enumerate() {
        match component {
            Component::Name(name) => paths.iter_mut().for_each(|path| path.push(OsStr::from_bytes(name))),
            Component::Pattern(regex) => {
                let last = depth + 1 == components.len();
                let mut matches = Vec::new();
                for path in paths {
                    let children = if is_folder(&path)? { read_folder(&path)? } else { Vec::new() };
                    matches.extend(children.into_iter().filter_map(|child| {
                        let name = child.path.file_name()?.to_string_lossy();
                        let fits = (last || child.metadata.is_dir()) && regex.is_match(&name);
                        fits.then_some(child.path)
                    }));
                }
                paths = matches;
            }
        }
    }
    let entries = paths.into_iter().filter_map(|path| {
        let metadata = look_at(&path).transpose()?;
        Some(metadata.map(|metadata| Entry { path, metadata }))
    });
    entries.collect()
}

/// The entries of a folder by name; links are followed, dangling ones left out as in Hadoop.
pub(crate) fn read_folder(path: &Path) -> Result<Vec<Entry>, IoError> {
    let names = crate::fs::read_dir(path).and_then(|entries| {
        entries.map(|entry| entry.map(|entry| entry.path())).collect::<io::Result<Vec<PathBuf>>>()
    });
    let mut entries = Vec::new();
    for path in names.at("list input folder", path)? {
        if let Some(metadata) = look_at(&path)? {
            entries.push(Entry { path, metadata });
        }
    }
    entries.sort_by(|a, b| java_order(a.path.as_os_str(), b.path.as_os_str()));
    Ok(entries)
}

fn is_folder(path: &Path) -> Result<bool, IoError> {
    Ok(look_at(path)?.is_some_and(|metadata| metadata.is_dir()))
}

/// What is at a path, if anything is.
fn look_at(path: &Path) -> Result<Option<Metadata>, IoError> {
    match crate::fs::metadata(path) {
        Ok(metadata) => Ok(Some(metadata)),
        Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
        other => other.map(Some).at("look at input path", path),
    }
}

/// The order of Java strings: by UTF-16 units, which is not the order of UTF-8 bytes beyond U+FFFF.
pub(crate) fn java_order(a: &OsStr, b: &OsStr) -> std::cmp::Ordering {
    let units = |name: &OsStr| name.to_string_lossy().encode_utf16().collect::<Vec<u16>>();
    units(a).cmp(&units(b)).then_with(|| a.cmp(b))
}
