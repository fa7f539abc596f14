//! Where `hdfs:///` lives on this machine, and which file an address means.
//!
//! One folder stands for HDFS, whatever host an address names: `hdfs://host/d/in` is `ROOT/d/in`. What an address
//! without a scheme means depends on the default file system (`fs.defaultFS`):
//!
//! | default | plain path | means |
//! |---|---|---|
//! | `file:` | `/d/in`, `in` | the local disk, relative paths from the current folder |
//! | `hdfs:` | `/d/in` | `ROOT/d/in` |
//! | `hdfs:` | `in` | `ROOT/user/NAME/in` |
//! | `hdfs:` | either, to be *read*, not in HDFS but on the local disk | the local disk |
//!
//! The last row lets scripts read what was never copied to HDFS. It holds for reading only: no command that means HDFS
//! ever changes or removes a file that stands elsewhere, be the paths alike. What a command makes and removes is in
//! HDFS, and it is looked for there first.
//!
//! Nothing leads out of the folder: `..` ends at its top, and what a link leads to must be inside it.
//! Here nothing is opened or made, [`Addresses::prepare`] excepted.

use crate::error::{At, IoError};
use crate::glob;
use std::path::{Component, Path, PathBuf};

/// The property that names the folder.
pub const ROOT_PROPERTY: &str = "mrstream.hdfs.root";

/// A file system of ours.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scheme {
    /// The local disk.
    File,
    /// The folder that stands for HDFS.
    Hdfs,
}

impl Scheme {
    /// The file system that a value of `fs.defaultFS` names; `None` for any other. Hadoop: `FileSystem.fixName`.
    pub fn from_default_fs(uri: &str) -> Option<Self> {
        match uri.split_once(':') {
            None if uri == "local" => Some(Self::File),
            Some(("file", _)) => Some(Self::File),
            Some(("hdfs", _)) => Some(Self::Hdfs),
            _ => None,
        }
    }
}

/// What is to be done at an address, which decides about plain paths.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    /// To read what is there.
    Read,
    /// To make, change or remove something.
    Write,
    /// To send a file of the user's along; plain paths are local. Hadoop: `GenericOptionsParser.validateFiles`.
    Send,
}

/// Why an address means no file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AddressError {
    /// No letters.
    #[error("a path is empty")]
    Empty,
    /// A scheme before a relative path.
    #[error("expected an absolute path behind {0}:")]
    Relative(&'static str),
    /// Neither `file:` nor `hdfs:`.
    #[error("only file: and hdfs: are known here, not {0}:")]
    Scheme(String),
    /// A link in the folder that stands for HDFS leads out of it.
    #[error("a link leads out of the folder that stands for HDFS, {}", .0.display())]
    Outside(PathBuf),
}

/// A file or folder, there or not.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Place {
    /// The file system.
    pub scheme: Scheme,
    /// The path on this machine: absolute, without `.` and `..`.
    pub path: PathBuf,
}

/// An address, cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Address<'a> {
    /// The scheme, if one was given.
    pub scheme: Option<Scheme>,
    /// All before the path: `hdfs://host`, `file:`, or nothing.
    pub prefix: &'a str,
    /// The path; absolute behind a scheme, but for an HDFS address that ends with the host.
    pub path: &'a str,
}

impl<'a> Address<'a> {
    /// Cuts what the user wrote.
    pub fn parse(given: &'a str) -> Result<Self, AddressError> {
        if given.is_empty() {
            return Err(AddressError::Empty);
        }
        let known = [("file", Scheme::File), ("hdfs", Scheme::Hdfs)];
        for (name, scheme) in known {
            let Some(rest) = given.strip_prefix(name).and_then(|rest| rest.strip_prefix(':')) else {
                continue;
            };
            let path = match rest.strip_prefix("//") {
                // The host of a file is none, so what follows is the path.
                Some(local) if scheme == Scheme::File => local,
                Some(behind) => &behind[behind.find('/').unwrap_or(behind.len())..],
                None => rest,
            };
            if !path.starts_with('/') && (scheme == Scheme::File || !rest.starts_with("//")) {
                return Err(AddressError::Relative(name));
            }
            return Ok(Self { scheme: Some(scheme), prefix: &given[..given.len() - path.len()], path });
        }
        let is_scheme = |text: &&str| {
            let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
            !text.is_empty() && text.bytes().all(plain)
        };
        match given.split_once("://").map(|(scheme, _)| scheme).filter(is_scheme) {
            Some(scheme) => Err(AddressError::Scheme(scheme.to_owned())),
            None => Ok(Self { scheme: None, prefix: "", path: given }),
        }
    }
}

/// What addresses mean in one run of the program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Addresses {
    /// The folder that stands for HDFS, absolute.
    pub root: PathBuf,
    /// Whose folder relative paths start from in HDFS.
    pub user: String,
    /// The folder that relative paths start from on the local disk.
    pub working_dir: PathBuf,
    /// The file system of plain paths.
    pub default: Scheme,
}

impl Addresses {
    /// Where an address is.
    ///
    /// # Errors
    /// It is none, or a link leads out of HDFS.
    pub fn locate(&self, given: &str, purpose: Purpose) -> Result<Place, AddressError> {
        let address = Address::parse(given)?;
        let place = self.choose(address, purpose, |path| path.symlink_metadata().is_ok());
        self.refuse_outside(&place)?;
        Ok(place)
    }

    /// Where a pattern looks for matches, as an absolute pattern. What it matches must still be [inside](is_inside).
    ///
    /// # Errors
    /// It is no address.
    pub fn locate_pattern(&self, given: &str, purpose: Purpose) -> Result<(Scheme, String), AddressError> {
        let address = Address::parse(given)?;
        let place = self.choose(address, purpose, |path| {
            let found = glob::find(Self::pattern_below(address, path).as_bytes());
            found.is_ok_and(|(found, _)| !found.is_empty())
        });
        Ok((place.scheme, Self::pattern_below(address, &place.path)))
    }

    /// The pattern whose letters are at `path`: what stands before the address's own part is no pattern.
    fn pattern_below(address: Address<'_>, path: &Path) -> String {
        let text = path.to_string_lossy();
        let given = plain(Path::new(address.path));
        let given = given.to_string_lossy();
        let own = given.trim_start_matches('/');
        match text.strip_suffix(own) {
            Some(before) => format!("{}{own}", glob::escape(before)),
            // `..` took away letters of the folder it started from.
            None => glob::escape(&text),
        }
    }

    fn choose(&self, address: Address<'_>, purpose: Purpose, is_there: impl Fn(&Path) -> bool) -> Place {
        let in_hdfs = Place { scheme: Scheme::Hdfs, path: self.in_hdfs(address.path) };
        let on_disk = Place { scheme: Scheme::File, path: plain(&self.working_dir.join(address.path)) };
        match (address.scheme, self.default, purpose) {
            (Some(Scheme::File), ..) | (None, _, Purpose::Send) | (None, Scheme::File, _) => on_disk,
            (None, Scheme::Hdfs, Purpose::Read) if !is_there(&in_hdfs.path) && is_there(&on_disk.path) => {
                on_disk
            }
            (Some(Scheme::Hdfs), ..) | (None, Scheme::Hdfs, _) => in_hdfs,
        }
    }

    fn in_hdfs(&self, path: &str) -> PathBuf {
        let absolute = plain(&Path::new("/user").join(&self.user).join(path));
        self.root.join(absolute.strip_prefix("/").unwrap_or(&absolute))
    }

    /// The user's folder in HDFS, as HDFS calls it.
    pub fn home(&self) -> String {
        format!("/user/{}", self.user)
    }

    fn refuse_outside(&self, place: &Place) -> Result<(), AddressError> {
        if place.scheme == Scheme::Hdfs && !is_inside(&self.root, &place.path) {
            return Err(AddressError::Outside(self.root.clone()));
        }
        Ok(())
    }

    /// Makes the folder that stands for HDFS with what every cluster has: `/tmp` and the user's own folder. Other users
    /// of the machine cannot read it. Several processes may do it at once.
    pub fn prepare(&self) -> Result<(), IoError> {
        use std::os::unix::fs::DirBuilderExt;
        let home = self.in_hdfs("");
        if home.is_dir() {
            return Ok(());
        }
        let mut private = crate::fs::DirBuilder::new();
        private.recursive(true).mode(0o700);
        private.create(&self.root).at("make the folder that stands for HDFS,", &self.root)?;
        // The user's folder is the last: where it is, all is there, also after a run that was killed here.
        let shared = self.root.join("tmp");
        crate::fs::create_dir_all(&shared).at("make", &shared)?;
        crate::fs::create_dir_all(&home).at("make", &home)
    }
}

/// A path in letters alone, links unseen: no empty, `.` or `..` parts. `..` ends at the top.
fn plain(path: &Path) -> PathBuf {
    let mut kept = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(kept.pop()),
            Component::CurDir => {}
            part => kept.push(part),
        }
    }
    kept
}

/// Whether `path`, every link in it followed, is `root` or below it. What is not there yet counts as where it would be
/// made; a link to nowhere, as outside.
pub fn is_inside(root: &Path, path: &Path) -> bool {
    let Ok(real_root) = root.canonicalize() else {
        // Nothing is in a folder that does not exist, no link either.
        return root.symlink_metadata().is_err() && path.starts_with(root);
    };
    let there = path.ancestors().find(|part| part.symlink_metadata().is_ok());
    there.is_some_and(|part| part.canonicalize().is_ok_and(|real| real.starts_with(&real_root)))
}

/// What Hadoop would call a path of this machine: `hdfs:///d/in` below `root`, else `file:/d/in`.
pub fn address(root: &Path, path: &Path) -> String {
    let escaped = glob::escape(&root.to_string_lossy());
    match path.strip_prefix(root).or_else(|_| path.strip_prefix(&escaped)) {
        Ok(below) => format!("hdfs:///{}", below.display()),
        Err(_) => format!("file:{}", path.display()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    /// A disk with a folder for HDFS in it, `HDFS` default.
    struct Disk {
        folder: tempfile::TempDir,
        addresses: Addresses,
    }

    impl Disk {
        fn new(default: Scheme) -> Self {
            let folder = tempfile::tempdir().unwrap();
            let path = folder.path().canonicalize().unwrap();
            for name in ["dfs/d", "dfs/user/ann", "dfs/x[1]", "start/sub", "else"] {
                std::fs::create_dir_all(path.join(name)).unwrap();
            }
            for name in
                ["dfs/d/in", "dfs/user/ann/both", "start/both", "start/mine", "else/a.txt", "dfs/x[1]/f"]
            {
                std::fs::write(path.join(name), "").unwrap();
            }
            let (root, working_dir) = (path.join("dfs"), path.join("start"));
            Self { folder, addresses: Addresses { root, user: "ann".into(), working_dir, default } }
        }

        fn path(&self, name: &str) -> PathBuf {
            self.folder.path().canonicalize().unwrap().join(name)
        }

        #[track_caller]
        fn check(&self, given: &str, purpose: Purpose, expect: &str) {
            let place = self.addresses.locate(given, purpose).unwrap();
            assert_eq!(place.path, self.path(expect), "{given}");
            assert_eq!(place.scheme == Scheme::Hdfs, expect.starts_with("dfs"), "{given}");
        }

        #[track_caller]
        fn check_outside(&self, given: &str) {
            let found = self.addresses.locate(given, Purpose::Read);
            assert!(matches!(found, Err(AddressError::Outside(_))), "{given}: {found:?}");
        }
    }

    #[test]
    fn addresses_with_a_scheme_mean_one_file_system() {
        for default in [Scheme::File, Scheme::Hdfs] {
            let disk = Disk::new(default);
            for given in
                ["hdfs:///d/in", "hdfs:/d/in", "hdfs://host:9000/d//./in/", "hdfs://h/../../d/x/../in"]
            {
                disk.check(given, Purpose::Read, "dfs/d/in");
            }
            disk.check("hdfs://host", Purpose::Read, "dfs/user/ann");
            disk.check("hdfs:///", Purpose::Write, "dfs");
            let local = disk.path("else/a.txt");
            for scheme in ["file:", "file://"] {
                disk.check(&format!("{scheme}{}", local.display()), Purpose::Write, "else/a.txt");
            }
        }
    }

    #[test]
    fn plain_paths_are_of_the_default_file_system() {
        use Purpose::{Read, Send, Write};
        let disk = Disk::new(Scheme::File);
        disk.check("mine", Read, "start/mine");
        disk.check("../else/new", Write, "else/new");
        let disk = Disk::new(Scheme::Hdfs);
        let local = disk.path("else/a.txt").to_string_lossy().into_owned();
        let below_root = format!("dfs{local}");
        disk.check("/d/in", Read, "dfs/d/in");
        disk.check("/nowhere/x", Read, "dfs/nowhere/x");
        // Found on the local disk only: read there, but never written there.
        disk.check(&local, Read, "else/a.txt");
        disk.check(&local, Write, &below_root);
        disk.check(&local, Send, "else/a.txt");
        disk.check("mine", Read, "start/mine");
        disk.check("mine", Write, "dfs/user/ann/mine");
        disk.check("both", Read, "dfs/user/ann/both");
        disk.check("both", Send, "start/both");
        disk.check("new", Read, "dfs/user/ann/new");
    }

    #[test]
    fn patterns_look_where_they_find_something() {
        let disk = Disk::new(Scheme::Hdfs);
        let pattern = |given: &str| disk.addresses.locate_pattern(given, Purpose::Read).unwrap();
        let start = disk.path("start").to_string_lossy().into_owned();
        let root = disk.path("dfs").to_string_lossy().into_owned();
        assert_eq!(pattern("/d/*"), (Scheme::Hdfs, format!("{root}/d/*")));
        assert_eq!(pattern("m*"), (Scheme::File, format!("{start}/m*")));
        assert_eq!(pattern("b*"), (Scheme::Hdfs, format!("{root}/user/ann/b*")));
        assert_eq!(pattern("q*"), (Scheme::Hdfs, format!("{root}/user/ann/q*")));
        assert_eq!(pattern(&format!("{start}/{{m,b}}*")), (Scheme::File, format!("{start}/{{m,b}}*")));
        // The letters of the folder itself are no pattern.
        let odd = Addresses { root: disk.path("dfs/x[1]"), ..disk.addresses.clone() };
        let (_, pattern) = odd.locate_pattern("/f*", Purpose::Read).unwrap();
        assert_eq!(glob::find(pattern.as_bytes()).unwrap().0.len(), 1, "{pattern}");
        assert_eq!(address(&odd.root, Path::new(&pattern)), "hdfs:///f*");
    }

    #[test]
    fn nothing_leads_out() {
        let disk = Disk::new(Scheme::Hdfs);
        symlink(disk.path("else"), disk.path("dfs/out")).unwrap();
        symlink("/no/such/place", disk.path("dfs/dangling")).unwrap();
        symlink("d", disk.path("dfs/same")).unwrap();
        disk.check("hdfs:///../../else/a.txt", Purpose::Read, "dfs/else/a.txt");
        disk.check("/same/in", Purpose::Read, "dfs/same/in");
        for given in ["/out", "/out/a.txt", "hdfs:///out/new/file", "/dangling", "/dangling/x"] {
            disk.check_outside(given);
        }
    }

    #[test]
    fn what_is_no_address_is_refused() {
        let check = |given: &str, expect: &str| {
            assert_eq!(Address::parse(given).unwrap_err().to_string(), expect, "{given}");
        };
        check("", "a path is empty");
        check("file:a", "expected an absolute path behind file:");
        check("hdfs:a", "expected an absolute path behind hdfs:");
        check("s3://bucket/a", "only file: and hdfs: are known here, not s3:");
        assert_eq!(Address::parse("a:b").unwrap().scheme, None);
        assert_eq!(Address::parse("hdfs://h:1/a").unwrap().prefix, "hdfs://h:1");
        for (uri, expect) in [
            ("file:///", Some(Scheme::File)),
            ("local", Some(Scheme::File)),
            ("hdfs://h:9000", Some(Scheme::Hdfs)),
            ("h:9000", None),
            ("s3://b", None),
        ] {
            assert_eq!(Scheme::from_default_fs(uri), expect, "{uri}");
        }
    }

    #[test]
    fn the_folder_is_made_once_and_private() {
        use std::os::unix::fs::PermissionsExt;
        let disk = Disk::new(Scheme::Hdfs);
        let fresh = Addresses { root: disk.path("a/b/hdfs"), ..disk.addresses.clone() };
        fresh.prepare().unwrap();
        // A run was killed before the folder was complete.
        std::fs::remove_dir(disk.path("a/b/hdfs/tmp")).unwrap();
        std::fs::remove_dir_all(disk.path("a/b/hdfs/user")).unwrap();
        fresh.prepare().unwrap();
        fresh.prepare().unwrap();
        assert!(disk.path("a/b/hdfs/tmp").is_dir() && disk.path("a/b/hdfs/user/ann").is_dir());
        assert_eq!(disk.path("a/b/hdfs").metadata().unwrap().permissions().mode() & 0o777, 0o700);
    }
}
