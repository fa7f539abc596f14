//! A path in a verb's hands: what the user calls it, where it is, and what is there. Hadoop: `PathData`.

use super::error::FsError;
use super::stat::Stat;
use super::unfinished::{self, is_private};
use crate::dfs::{Address, Addresses, Purpose, Scheme, is_inside};
use crate::glob::{self, java_order};
use std::path::{Path, PathBuf};

/// A file or folder, there or not.
#[derive(Clone, Debug)]
pub(super) struct Item {
    /// What Hadoop calls it: the user's words, for relative paths stay relative.
    pub(super) shown: String,
    pub(super) scheme: Scheme,
    /// Where it is on this machine.
    pub(super) path: PathBuf,
    /// What is there, if anything is.
    pub(super) stat: Option<Stat>,
}

impl Item {
    /// The thing at an address, taken by its letters.
    pub(super) fn plain(addresses: &Addresses, given: &str, purpose: Purpose) -> Result<Self, FsError> {
        let place = addresses.locate(given, purpose).map_err(|error| FsError::address(given, error))?;
        let stat = Stat::look(place.scheme, &place.path).map_err(|error| FsError::io(given, &error))?;
        Ok(Self { shown: given.to_owned(), scheme: place.scheme, path: place.path, stat })
    }

    /// All that a pattern matches, in order; of no pattern the one thing, there or not. Hadoop:
    /// `PathData.expandAsGlob`.
    ///
    /// # Errors
    /// A pattern that matches nothing, among others.
    pub(super) fn expand(addresses: &Addresses, given: &str, purpose: Purpose) -> Result<Vec<Self>, FsError> {
        if !given.contains(['*', '?', '[', '{', '\\']) {
            return Ok(vec![Self::plain(addresses, given, purpose)?.renamed(addresses, given)]);
        }
        let failed = |error| FsError::address(given, error);
        let (scheme, pattern) = addresses.locate_pattern(given, purpose).map_err(failed)?;
        let (mut found, is_pattern) =
            glob::find(pattern.as_bytes()).map_err(|error| FsError::glob(given, error))?;
        found.retain(|entry| scheme == Scheme::File || is_inside(&addresses.root, &entry.path));
        // Copies that are not finished are matched by their own name alone.
        found.retain(|entry| given.contains(unfinished::PREFIX) || !is_private(&entry.path));
        found.sort_by(|one, other| java_order(one.path.as_os_str(), other.path.as_os_str()));
        if found.is_empty() && is_pattern {
            let special = given.find(['*', '?', '[', '{', '\\']).unwrap_or(0);
            if let Some(end) = given[..special].rfind('/').filter(|end| *end > 0) {
                Self::plain(addresses, &given[..end], purpose)?.refuse_below_file(addresses)?;
            }
            return Err(FsError::NotFound(given.to_owned()));
        }
        if found.is_empty() {
            return Ok(vec![Self::plain(addresses, &unquoted(given), purpose)?]);
        }
        let item = |entry: glob::Entry| {
            let stat = Some(Stat::new(scheme, &entry.path, &entry.metadata));
            Self { shown: String::new(), scheme, path: entry.path, stat }.renamed(addresses, given)
        };
        Ok(found.into_iter().map(item).collect())
    }

    /// With the name that Hadoop gives to what it found by `given`; what is not there keeps the user's words.
    fn renamed(mut self, addresses: &Addresses, given: &str) -> Self {
        let Ok(address) = Address::parse(given) else { return self };
        if self.stat.is_none() {
            return self;
        }
        let path = self.path_in_fs(addresses);
        self.shown = match address.scheme {
            Some(scheme) => {
                let bare = if scheme == Scheme::Hdfs { "hdfs://" } else { "file://" };
                let with_host = address.prefix.len() > bare.len() && address.prefix.starts_with(bare);
                format!("{}{path}", if with_host { address.prefix } else { bare })
            }
            None if address.path.starts_with('/') => path,
            None => {
                let home = match self.scheme {
                    Scheme::Hdfs => addresses.home(),
                    Scheme::File => addresses.working_dir.to_string_lossy().into_owned(),
                };
                relative(&home, &path, self.is_dir())
            }
        };
        self
    }

    /// The path as the file system calls it: `/d/in`.
    pub(super) fn path_in_fs(&self, addresses: &Addresses) -> String {
        match (self.scheme, self.path.strip_prefix(&addresses.root)) {
            (Scheme::Hdfs, Ok(below)) => format!("/{}", below.to_string_lossy()),
            _ => self.path.to_string_lossy().into_owned(),
        }
    }

    /// The whole address, as Hadoop's log names it.
    pub(super) fn qualified(&self, addresses: &Addresses) -> String {
        let scheme = if self.scheme == Scheme::Hdfs { "hdfs://" } else { "file:" };
        format!("{scheme}{}", self.path_in_fs(addresses))
    }

    pub(super) fn exists(&self) -> bool {
        self.stat.is_some()
    }

    pub(super) fn is_dir(&self) -> bool {
        self.stat.as_ref().is_some_and(|stat| stat.is_dir)
    }

    /// What is there.
    pub(super) fn stat(&self) -> Result<&Stat, FsError> {
        self.stat.as_ref().ok_or_else(|| FsError::NotFound(self.shown.clone()))
    }

    /// What is there, which must be no folder.
    pub(super) fn file(&self) -> Result<&Stat, FsError> {
        let stat = self.stat()?;
        if stat.is_dir { Err(FsError::IsDirectory(self.shown.clone())) } else { Ok(stat) }
    }

    /// Whether the words can only mean a folder: they end with a slash or dots.
    pub(super) fn says_folder(&self) -> bool {
        matches!(self.shown.rsplit('/').next(), Some("" | "." | ".."))
    }

    pub(super) fn parent_exists(&self) -> bool {
        if self.says_folder() {
            return self.exists();
        }
        self.path.parent().is_none_or(Path::exists)
    }

    /// HDFS tells whoever looks or makes something below a file of that file. Hadoop: `FSPermissionChecker`.
    pub(super) fn refuse_below_file(&self, addresses: &Addresses) -> Result<(), FsError> {
        let there = self.path.ancestors().skip(1).find(|above| above.exists());
        let Some(file) = there.filter(|above| self.scheme == Scheme::Hdfs && !above.is_dir()) else {
            return Ok(());
        };
        let file = Self { path: file.to_path_buf(), ..self.clone() };
        Err(FsError::Other(format!("{} (is not a directory)", file.path_in_fs(addresses))))
    }

    pub(super) fn name(&self) -> String {
        self.path.file_name().unwrap_or_default().to_string_lossy().into_owned()
    }

    /// What `name` would be in this folder.
    pub(super) fn child(&self, name: &std::ffi::OsStr) -> Result<Self, FsError> {
        let stat = self.stat()?;
        if !stat.is_dir {
            return Err(FsError::IsNotDirectory(self.shown.clone()));
        }
        let path = self.path.join(name);
        let shown = self.shown_child(&name.to_string_lossy());
        let stat = Stat::look(self.scheme, &path).map_err(|error| FsError::io(&shown, &error))?;
        Ok(Self { shown, scheme: self.scheme, path, stat })
    }

    fn shown_child(&self, name: &str) -> String {
        match self.shown.as_str() {
            "." => name.to_owned(),
            shown if shown.ends_with('/') => format!("{shown}{name}"),
            shown => format!("{shown}/{name}"),
        }
    }

    /// What is in the folder, by name. Links that lead nowhere, or out of HDFS, are not there.
    pub(super) fn children(&self, addresses: &Addresses) -> Result<Vec<Self>, FsError> {
        let found = glob::read_folder(&self.path).map_err(|error| FsError::io(&self.shown, &error.source))?;
        if !self.path.is_dir() {
            // Removed while it was listed: some of its files were passed over.
            return Err(FsError::NotFound(self.shown.clone()));
        }
        let is_ours = |path: &Path| {
            let is_link = || path.symlink_metadata().is_ok_and(|metadata| metadata.is_symlink());
            self.scheme == Scheme::File || !is_link() || is_inside(&addresses.root, path)
        };
        let found = found.into_iter().filter(|entry| is_ours(&entry.path));
        let item = |entry: glob::Entry| Self {
            shown: self.shown_child(&entry.path.file_name().unwrap_or_default().to_string_lossy()),
            scheme: self.scheme,
            stat: Some(Stat::new(self.scheme, &entry.path, &entry.metadata)),
            path: entry.path,
        };
        Ok(found.map(item).collect())
    }
}

/// A path that is no pattern, without the backslashes.
fn unquoted(given: &str) -> String {
    let mut plain = String::new();
    let mut letters = given.chars();
    while let Some(letter) = letters.next() {
        plain.extend(if letter == '\\' { letters.next() } else { Some(letter) });
    }
    plain
}

/// `path` as seen from `home`. Hadoop: `PathData.relativize`.
fn relative(home: &str, path: &str, is_dir: bool) -> String {
    if home == path {
        return ".".to_owned();
    }
    let slashed = |text: &str, is_dir: bool| {
        if is_dir && !text.ends_with('/') { format!("{text}/") } else { text.to_owned() }
    };
    let (from, to) = (slashed(home, true), slashed(path, is_dir));
    let same = from.bytes().zip(to.bytes()).take_while(|(one, other)| one == other);
    let shared =
        same.enumerate().filter(|(_, (byte, _))| *byte == b'/').map(|(at, _)| at + 1).last().unwrap_or(0);
    let ups = from[shared..].matches('/').count();
    let rest = path.get(shared..).unwrap_or_default();
    let mut parts = vec![".."; ups];
    parts.extend(Some(rest).filter(|rest| !rest.is_empty()));
    parts.join("/")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn relative_paths_stay_relative() {
        // PathData.relativize.
        let check = |home: &str, path: &str, expect: &str| {
            assert_eq!(relative(home, path, true), expect, "{path} from {home}");
        };
        check("/user/ann", "/user/ann", ".");
        check("/user/ann", "/user/ann/in/a", "in/a");
        check("/user/ann", "/user", "..");
        check("/user/ann", "/user/bob", "../bob");
        check("/user/ann", "/user/annabel", "../annabel");
        check("/user/ann", "/d/in", "../../d/in");
        assert_eq!(unquoted("a\\*b\\\\c"), "a*b\\c");
    }
}
