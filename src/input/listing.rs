//! From input paths to files. Hadoop: `mapred.FileInputFormat.listStatus` over `Globber`.
//!
//! A path may be a pattern (`crate::glob`); its matches are sorted by their whole path. A folder
//! stands for the files in it, which Hadoop takes as the disk gives them and we take by name, so that the
//! same folder is always read in the same order. Names that start with `_` or `.` are hidden: left out of
//! folders and matches, and not there at all when named outright. Only the last name of a path counts for
//! that. The files are not opened.

use super::stamp;
use crate::dfs;
use crate::error::{At, IoError};
use crate::fs::Metadata;
use crate::glob::{self, Entry, GlobError, java_order, read_folder};
use crate::plan::FileStamp;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};

/// A file to be read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InputFile {
    /// The file, absolute.
    pub path: PathBuf,
    /// Its length in bytes, as stored.
    pub length: u64,
    /// What tells it from itself after a change.
    pub stamp: Option<FileStamp>,
}

impl InputFile {
    fn new(path: PathBuf, metadata: &Metadata) -> Result<Self, ListError> {
        let kind = metadata.file_type();
        let what = match () {
            () if kind.is_fifo() => "a pipe",
            () if kind.is_socket() => "a socket",
            () if is_null_device(metadata) => {
                return Ok(Self { path, length: 0, stamp: None });
            }
            () if kind.is_char_device() || kind.is_block_device() => "a device",
            () => return Ok(Self { path, length: metadata.len(), stamp: stamp::of(metadata) }),
        };
        Err(ListError::Special { path, what })
    }
}

/// `/dev/null`, wherever it stands: the one device that may be input, for it ends.
fn is_null_device(metadata: &Metadata) -> bool {
    metadata.file_type().is_char_device() && metadata.rdev() == rustix::fs::makedev(1, 3)
}

/// How folders are looked through.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListSettings {
    /// Take the files of subfolders too (`mapreduce.input.fileinputformat.input.dir.recursive`).
    pub recursive: bool,
    /// Pass over subfolders, when not recursive
    /// (`mapreduce.input.fileinputformat.input.dir.nonrecursive.ignore.subdirs`). `CombineTextInputFormat`
    /// always does.
    pub ignore_subdirs: bool,
    /// Take a subfolder for a `MapFile` and read the `data` in it, when not recursive
    /// (`SequenceFileInputFormat` and its kind do).
    pub map_files: bool,
    /// The folder that relative paths start from, absolute.
    pub cwd: PathBuf,
    /// The folder that stands for HDFS; links in it must not lead out of it.
    pub hdfs_root: PathBuf,
}

/// Why the input could not be listed. The wording of missing input is Hadoop's: scripts look for it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ListError {
    /// Paths that are not there and patterns that match nothing, a sentence for each.
    #[error("{}", .0.join("; "))]
    Missing(Vec<String>),
    /// A folder where only files are expected.
    #[error(
        "Not a file: file:{}: it is a folder inside an input folder; expected files only, or \
         mapreduce.input.fileinputformat.input.dir.recursive=true", .0.display()
    )]
    NotAFile(PathBuf),
    /// What cannot be cut, read twice, or come to an end.
    #[error("Not a file: file:{}: it is {what}; expected regular files: write what it gives to one", path.display())]
    Special {
        /// What stands there.
        path: PathBuf,
        /// What it is.
        what: &'static str,
    },
    /// A pattern that cannot be read.
    #[error("Illegal file pattern: {what}")]
    Pattern {
        /// What is wrong where.
        what: String,
    },
    /// A path on another file system, or no path at all.
    #[error("cannot use {path:?} as input path: {what}")]
    Path {
        /// The path as given.
        path: String,
        /// What was expected.
        what: &'static str,
    },
    /// A link that leads out of the folder that stands for HDFS.
    #[error("cannot read {}: a link leads out of the folder that stands for HDFS, {}", dfs::address(root, path), root.display())]
    Outside {
        /// The file.
        path: PathBuf,
        /// That folder.
        root: PathBuf,
    },
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

impl From<GlobError> for ListError {
    fn from(error: GlobError) -> Self {
        match error {
            GlobError::Bad(what) => Self::Pattern { what },
            GlobError::Io(error) => Self::Io(error),
        }
    }
}

/// Lists the files that `patterns` stand for, in their order. A file that is named twice is there twice.
///
/// # Errors
/// All missing paths together; anything else at once.
pub fn list<P: AsRef<OsStr>>(patterns: &[P], settings: &ListSettings) -> Result<Vec<InputFile>, ListError> {
    if patterns.is_empty() {
        return Err(ListError::Missing(vec!["No input paths specified in job".to_owned()]));
    }
    let mut files = Vec::new();
    let mut missing = Vec::new();
    for pattern in patterns {
        let pattern = absolute(pattern.as_ref(), &settings.cwd)?;
        match find(&pattern)? {
            Matches::Missing => {
                missing.push(format!("Input path does not exist: {}", shown(&pattern, settings)));
            }
            Matches::Found(found) if found.is_empty() => {
                missing.push(format!("Input Pattern {} matches 0 files", shown(&pattern, settings)));
            }
            Matches::Found(found) => {
                for entry in found {
                    add_match(entry, settings, &mut files)?;
                }
            }
        }
    }
    if !missing.is_empty() {
        return Err(ListError::Missing(missing));
    }
    let root = &settings.hdfs_root;
    match files.iter().find(|file| file.path.starts_with(root) && !dfs::is_inside(root, &file.path)) {
        Some(file) => Err(ListError::Outside { path: file.path.clone(), root: root.clone() }),
        None => Ok(files),
    }
}

/// An input path for messages.
fn shown(pattern: &[u8], settings: &ListSettings) -> String {
    dfs::address(&settings.hdfs_root, Path::new(OsStr::from_bytes(pattern)))
}

/// Cuts a comma-separated list of paths; commas in braces belong to a pattern. Hadoop:
/// `FileInputFormat.getPathStrings`, which every `-input` value goes through.
pub fn split_paths(paths: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut depth, mut in_pattern, mut start) = (0_i64, false, 0);
    for (at, byte) in paths.bytes().enumerate() {
        match byte {
            b'{' => (depth, in_pattern) = (depth + 1, true),
            b'}' => {
                depth -= 1;
                in_pattern &= depth != 0;
            }
            b',' if !in_pattern => {
                parts.push(&paths[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&paths[start..]);
    parts
}

/// Strips `file:` and makes a path absolute and plain: no `.`, no `..`, no empty components. `..` takes back
/// the name before it without a look at the disk, as Hadoop's `Path` does.
fn absolute(given: &OsStr, cwd: &Path) -> Result<Vec<u8>, ListError> {
    let refuse = |what| Err(ListError::Path { path: given.to_string_lossy().into_owned(), what });
    let mut path = given.as_bytes();
    if path.is_empty() {
        return refuse("it is empty; expected the path of a file or a folder");
    }
    let slash = path.iter().position(|&byte| byte == b'/').unwrap_or(path.len());
    if let Some(colon) = path[..slash].iter().position(|&byte| byte == b':') {
        if &path[..colon] != b"file" {
            return refuse("only local files can be read; expected a path, or file: and an absolute path");
        }
        path = &path[colon + 1..];
        if path.starts_with(b"//") && path.len() > 2 {
            path = &path[2..];
        }
        if !path.starts_with(b"/") {
            return refuse("expected an absolute path behind file: and no host");
        }
    }
    let base = if path.starts_with(b"/") { b"" } else { cwd.as_os_str().as_bytes() };
    let mut names: Vec<&[u8]> = Vec::new();
    for name in base.split(|&byte| byte == b'/').chain(path.split(|&byte| byte == b'/')) {
        match name {
            b"" | b"." => {}
            b".." => drop(names.pop()),
            name => names.push(name),
        }
    }
    Ok(names.iter().fold(Vec::new(), |path, name| [&path, b"/".as_slice(), name].concat()))
}

enum Matches {
    /// A plain path, and nothing is there.
    Missing,
    /// What matched, sorted; of a pattern maybe nothing.
    Found(Vec<Entry>),
}

/// Finds what an absolute pattern stands for.
fn find(pattern: &[u8]) -> Result<Matches, ListError> {
    let (mut found, is_pattern) = glob::find(pattern)?;
    found.retain(|entry| !entry.path.file_name().is_some_and(is_hidden));
    if found.is_empty() && !is_pattern {
        return Ok(Matches::Missing);
    }
    found.sort_by(|a, b| java_order(a.path.as_os_str(), b.path.as_os_str()));
    Ok(Matches::Found(found))
}

/// Adds a match: a file, or the files of a folder.
fn add_match(entry: Entry, settings: &ListSettings, files: &mut Vec<InputFile>) -> Result<(), ListError> {
    if !entry.metadata.is_dir() {
        files.push(InputFile::new(entry.path, &entry.metadata)?);
        return Ok(());
    }
    for child in read_folder(&entry.path)? {
        if child.path.file_name().is_some_and(is_hidden) {
            continue;
        }
        if !child.metadata.is_dir() || settings.recursive {
            add_match(child, settings, files)?;
        } else if settings.map_files {
            let path = child.path.join("data");
            let metadata = crate::fs::metadata(&path).at("read MapFile", &path)?;
            files.push(InputFile::new(path, &metadata)?);
        } else if !settings.ignore_subdirs {
            return Err(ListError::NotAFile(child.path));
        }
    }
    Ok(())
}

fn is_hidden(name: &OsStr) -> bool {
    matches!(name.as_bytes().first(), Some(b'_' | b'.'))
}

#[cfg(test)]
mod tests {
    use super::super::testing::Folder;
    use super::*;

    fn settings(cwd: &Path) -> ListSettings {
        ListSettings {
            recursive: false,
            ignore_subdirs: false,
            map_files: false,
            cwd: cwd.to_path_buf(),
            hdfs_root: cwd.join("dfs"),
        }
    }

    /// The files of the golden jobs and some more.
    fn folder() -> Folder {
        let folder = Folder::new();
        for name in
            ["in/b.txt", "in/a.txt", "in/c.dat", "in/.dot", "in/_log", "in/s*r", "two/d.txt", "empty/.keep"]
        {
            folder.write(name, name.as_bytes());
        }
        for name in ["deep/z", "deep/b/y", "deep/b/x", "deep/_b/w", "deep/a.txt", "maps/part-00000/data"] {
            folder.write(name, b"1");
        }
        folder
    }

    fn names(files: &[InputFile], cwd: &Path) -> Vec<String> {
        files.iter().map(|file| file.path.strip_prefix(cwd).unwrap().to_str().unwrap().to_owned()).collect()
    }

    fn check(patterns: &[&str], expect: &[&str]) {
        let folder = folder();
        let files = list(patterns, &settings(folder.path())).unwrap();
        assert_eq!(names(&files, folder.path()), expect, "{patterns:?}");
    }

    #[test]
    fn files_folders_and_patterns() {
        check(&["in"], &["in/a.txt", "in/b.txt", "in/c.dat", "in/s*r"]);
        check(&["in/b.txt", "in/b.txt"], &["in/b.txt", "in/b.txt"]);
        check(&["two", "in/a.txt"], &["two/d.txt", "in/a.txt"]);
        check(&["./in/../two//d.txt/"], &["two/d.txt"]);
        check(&["in/*.txt"], &["in/a.txt", "in/b.txt"]);
        check(&["*/[a-d].*"], &["deep/a.txt", "in/a.txt", "in/b.txt", "in/c.dat", "two/d.txt"]);
        check(&["in/s\\*r"], &["in/s*r"]);
        check(&["in/{c,a}.*"], &["in/a.txt", "in/c.dat"]);
        check(&["{two/d,in/a}.txt"], &["in/a.txt", "two/d.txt"]);
        check(&["t*"], &["two/d.txt"]);
        check(&["in/a.txt/*", "in/a*"][1..], &["in/a.txt"]);
        check(&["empty"], &[]);
        check(&["deep/_b/w"], &["deep/_b/w"]);
    }

    fn fails(patterns: &[&str], change: impl Fn(&mut ListSettings)) -> String {
        let folder = folder();
        let mut settings = settings(folder.path());
        change(&mut settings);
        let message = list(patterns, &settings).unwrap_err().to_string();
        message.replace(folder.path().to_str().unwrap(), "")
    }

    #[test]
    fn what_is_not_there_is_told_all_at_once() {
        let same = |_: &mut ListSettings| {};
        assert_eq!(
            fails(&["in/nope", "in", "gone"], same),
            concat!("Input path does not exist: file:/in/nope; ", "Input path does not exist: file:/gone")
        );
        assert_eq!(fails(&["in/.dot"], same), "Input path does not exist: file:/in/.dot");
        assert_eq!(fails(&["in/a.txt/x"], same), "Input path does not exist: file:/in/a.txt/x");
        assert_eq!(fails(&["in/*.gz"], same), "Input Pattern file:/in/*.gz matches 0 files");
        assert_eq!(fails(&["in/_*"], same), "Input Pattern file:/in/_* matches 0 files");
        assert_eq!(fails(&["in/a.txt/*"], same), "Input Pattern file:/in/a.txt/* matches 0 files");
        assert_eq!(fails(&["{x/a,x/b}"], same), "Input Pattern file:/{x/a,x/b} matches 0 files");
        assert!(fails(&["in/[a"], same).starts_with("Illegal file pattern: an unclosed character class"));
        assert!(fails(&["hdfs://host/in"], same).contains("only local files"));
        assert!(fails(&["file:in"], same).contains("absolute"));
        assert!(fails(&[""], same).contains("empty"));
        assert!(fails(&[], same).contains("No input paths"));
    }

    #[test]
    fn subfolders_are_an_error_unless_the_settings_say_more() {
        let folder = folder();
        let read = |pattern: &str, change: fn(&mut ListSettings)| {
            let mut settings = settings(folder.path());
            change(&mut settings);
            names(&list(&[pattern], &settings).unwrap(), folder.path())
        };
        let message = fails(&["deep"], |_| {});
        assert!(message.starts_with("Not a file: file:/deep/b: "), "{message}");
        assert_eq!(read("deep", |settings| settings.ignore_subdirs = true), ["deep/a.txt", "deep/z"]);
        let all = ["deep/a.txt", "deep/b/x", "deep/b/y", "deep/z"];
        assert_eq!(read("deep", |settings| settings.recursive = true), all);
        assert_eq!(read("maps", |settings| settings.map_files = true), ["maps/part-00000/data"]);
    }

    #[test]
    fn file_addresses_lengths_and_odd_names() {
        let folder = folder();
        let odd = folder.write(Path::new("odd").join(OsStr::from_bytes(b"\xFF\xFE")), b"12345");
        let plain = folder.path().join("odd").into_os_string().into_string().unwrap();
        let expect = vec![InputFile::new(odd.clone(), &odd.metadata().unwrap()).unwrap()];
        for pattern in [plain.clone(), format!("file:{plain}"), format!("file://{plain}/??")] {
            assert_eq!(list(&[&pattern], &settings(Path::new("/"))).unwrap(), expect, "{pattern}");
        }
        std::os::unix::fs::symlink("nowhere", folder.path().join("odd/dangling")).unwrap();
        std::os::unix::fs::symlink("../in/a.txt", folder.path().join("odd/link")).unwrap();
        let files = list(&["odd"], &settings(folder.path())).unwrap();
        assert_eq!(files.iter().map(|file| file.length).collect::<Vec<_>>(), [8, 5]);
    }

    #[test]
    fn what_has_no_end_is_refused() {
        let folder = Folder::new();
        folder.write("in/a", b"1");
        let (pipe, socket) = (folder.path().join("pipe"), folder.path().join("in/socket"));
        rustix::fs::mkfifoat(rustix::fs::CWD, &pipe, rustix::fs::Mode::RWXU).unwrap();
        let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
        let check = |path: &str, named: &str, what: &str| {
            let message = list(&[path], &settings(folder.path())).unwrap_err().to_string();
            assert!(message.starts_with("Not a file: file:/"), "{message}");
            assert!(message.contains(&format!("{named}: it is {what};")), "{message}");
        };
        check("pipe", "/pipe", "a pipe");
        check("in", "/in/socket", "a socket");
        check("/dev/zero", "/dev/zero", "a device");
        let null = list(&["/dev/null"], &settings(folder.path())).unwrap();
        assert_eq!((null[0].length, null[0].stamp), (0, None));
    }

    #[test]
    fn matches_are_in_the_order_of_java_strings_of_whole_paths() {
        let folder = Folder::new();
        for name in ["a/x", "a.b/x", "\u{FFFD}/x", "\u{1F600}/x"] {
            folder.write(name, b"");
        }
        let files = list(&["*/x"], &settings(folder.path())).unwrap();
        assert_eq!(names(&files, folder.path()), ["a.b/x", "a/x", "\u{1F600}/x", "\u{FFFD}/x"]);
    }

    #[test]
    fn commas_in_braces_do_not_split_a_path_list() {
        let check = |paths: &str, expect: &[&str]| assert_eq!(split_paths(paths), expect, "{paths:?}");
        check("a", &["a"]);
        check("a,b/c", &["a", "b/c"]);
        check("in/{a,c}.*,two", &["in/{a,c}.*", "two"]);
        check("{a,{b},c},d", &["{a,{b},c}", "d"]);
    }
}
