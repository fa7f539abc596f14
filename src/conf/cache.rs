//! The files and archives that every attempt finds in its folder, as the properties name them.

use super::error::ConfError;
use super::path;
use super::properties::Properties;
use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A file or archive to put into the attempts' folders. That it exists is not checked here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CacheFile {
    /// What the user gave, for messages.
    pub given: String,
    /// Where it is, absolute.
    pub path: PathBuf,
    /// Its name in the attempt's folder: what follows `#`, else its own.
    pub link: String,
    /// Unpack it there instead of linking it.
    pub archive: bool,
    /// The property that names it, for messages.
    pub property: &'static str,
}

/// The properties that name files and archives, in the order in which Hadoop's `JobResourceUploader` has
/// them: first what names a place on the cluster, then what is sent along.
const PROPERTIES: [(&str, bool); 4] = [
    ("mapreduce.job.cache.files", false),
    ("tmpfiles", false),
    ("mapreduce.job.cache.archives", true),
    ("tmparchives", true),
];

/// All files and archives of a job; paths are relative to `current_dir`.
pub(super) fn read(properties: &Properties, current_dir: &str) -> Result<Vec<CacheFile>, ConfError> {
    let mut files = Vec::new();
    for (property, archive) in PROPERTIES {
        for given in properties.get(property)?.unwrap_or_default().split(',').filter(|item| !item.is_empty())
        {
            let (uri, fragment) = match given.split_once('#') {
                Some((uri, fragment)) => (uri, Some(fragment)),
                None => (given, None),
            };
            let path = PathBuf::from(path::absolute(property, uri, current_dir)?);
            let own_name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let link = fragment.filter(|name| !name.is_empty()).map_or_else(own_name, str::to_owned);
            files.push(CacheFile { given: given.to_owned(), path, link, archive, property });
        }
    }
    Ok(files)
}

/// A list of `-files` or `-file` as Hadoop writes it into its property: local and absolute.
pub(super) fn qualified(option: &'static str, list: &str, current_dir: &str) -> Result<String, ConfError> {
    let qualify = |item: &str| {
        let (uri, fragment) = item.split_at(item.find('#').unwrap_or(item.len()));
        path::absolute(option, uri, current_dir).map(|path| format!("file:{path}{fragment}"))
    };
    let items: Result<Vec<String>, ConfError> = list.split(',').map(qualify).collect();
    Ok(items?.join(","))
}

/// `DistributedCache.checkURIs`: what `-cacheFile` and `-cacheArchive` name needs a link name each, all
/// different, capitals or not.
pub(super) fn check_links(files: &[String], archives: &[String]) -> Result<(), ConfError> {
    let mut links = HashSet::new();
    let options = [("-cacheFile", files), ("-cacheArchive", archives)];
    for (option, value) in
        options.iter().flat_map(|(option, values)| values.iter().map(move |v| (*option, v)))
    {
        for uri in value.split(',') {
            let link = uri.split_once('#').map(|(_, link)| link.to_lowercase());
            if !link.is_some_and(|link| links.insert(link)) {
                let expected = "PATH#LINK, with another link name for each";
                return Err(ConfError::Option { option, value: uri.to_owned(), expected });
            }
        }
    }
    Ok(())
}

/// The command with its program's path cut down to the bare name, if `-file` sends that very file along:
/// the attempt finds it in its folder. Hadoop: `StreamJob.unqualifyIfLocalPath`.
pub(super) fn unqualified(command: &str, shipped: &[PathBuf], current_dir: &Path) -> String {
    let (program, arguments) = match command.split_once(' ') {
        Some((program, arguments)) => (program, Some(arguments)),
        None => (command, None),
    };
    let sent = current_dir.join(program).canonicalize().is_ok_and(|path| shipped.contains(&path));
    match (Path::new(program).file_name(), arguments) {
        (Some(name), arguments) if sent => {
            let name = name.to_string_lossy();
            match arguments.filter(|text| !text.is_empty()) {
                Some(arguments) => format!("{name} {arguments}"),
                None => name.into_owned(),
            }
        }
        _ => command.to_owned(),
    }
}

/// The files among what `-file` names, links resolved.
pub(super) fn shipped(files: &[String], current_dir: &Path) -> Vec<PathBuf> {
    let real = |file: &String| current_dir.join(file).canonicalize().ok();
    files.iter().filter_map(real).filter(|path| path.is_file()).collect()
}

#[cfg(test)]
mod tests {
    use super::super::host::HostFacts;
    use super::*;

    #[test]
    fn lists_become_absolute_files_with_links() {
        let mut properties = Properties::new(&HostFacts::example());
        let list = qualified("-files", "a.py,sub/b#c,file:///d", "/work").unwrap();
        assert_eq!(list, "file:/work/a.py,file:/work/sub/b#c,file:/d");
        properties.set("tmpfiles", list, "-files");
        properties.set("mapreduce.job.cache.archives", "x.zip#x", "-cacheArchive");
        let files = read(&properties, "/work").unwrap();
        let seen: Vec<_> =
            files.iter().map(|f| (f.path.to_str().unwrap(), f.link.as_str(), f.archive)).collect();
        let expect = [
            ("/work/a.py", "a.py", false),
            ("/work/sub/b", "c", false),
            ("/d", "d", false),
            ("/work/x.zip", "x", true),
        ];
        assert_eq!(seen, expect);
        assert!(qualified("-files", "a,,b", "/work").is_err());
        assert!(qualified("-files", "hdfs://h/a", "/work").is_err());
    }

    #[test]
    fn links_are_there_and_differ() {
        let check = |files: &[&str], archives: &[&str], fine: bool| {
            let own = |list: &[&str]| list.iter().map(ToString::to_string).collect::<Vec<_>>();
            assert_eq!(check_links(&own(files), &own(archives)).is_ok(), fine, "{files:?} {archives:?}");
        };
        check(&["a#x", "b#y"], &["c#z"], true);
        check(&["a#x,b#y"], &[], true);
        check(&["a"], &[], false);
        check(&["a#x"], &["c#X"], false);
    }

    #[test]
    fn a_shipped_program_is_run_by_its_bare_name() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("sub")).unwrap();
        std::fs::write(folder.path().join("sub/m.py"), "").unwrap();
        let sent = shipped(&["sub/m.py".into(), "sub".into(), "gone".into()], folder.path());
        assert_eq!(sent.len(), 1);
        let check = |command: &str, expect: &str| {
            assert_eq!(unqualified(command, &sent, folder.path()), expect, "{command}");
        };
        check("sub/m.py", "m.py");
        check("./sub/../sub/m.py a  b", "m.py a  b");
        check("sub/m.py ", "m.py");
        check("python3 sub/m.py", "python3 sub/m.py");
        check("cat", "cat");
        check("", "");
    }
}
