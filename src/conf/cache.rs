//! The files and archives that every attempt finds in its folder, as the properties name them.

use super::error::{ConfError, Warning};
use super::path;
use super::properties::{Properties, Source};
use super::uri::{self, FileUri};
use crate::archive::ArchiveKind;
use crate::dfs::{Addresses, Purpose};
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
    /// How to unpack it, if it is a file; the link then leads to what was in it.
    pub archive: Option<ArchiveKind>,
    /// The property that names it, for messages.
    pub property: &'static str,
    /// Named by `-files`, `-archives` or `-file`, which Hadoop looks at while it reads the command line, and not
    /// by a property or an older option, which it looks at when the job is submitted.
    pub by_option: bool,
}

/// The properties that name files and archives, in the order in which names for them are given away: all
/// archives first (`MRApps.setupDistributedCache`), and of each what names a place on the cluster before what
/// is sent along (`JobResourceUploader`).
const PROPERTIES: [(&str, bool); 4] = [
    ("mapreduce.job.cache.archives", true),
    ("tmparchives", true),
    ("mapreduce.job.cache.files", false),
    ("tmpfiles", false),
];

/// All files and archives of a job. The first one of a link name has it;
/// others are left out with a remark. Hadoop: `LocalResourceBuilder.createLocalResources`.
pub(super) fn read(
    properties: &Properties,
    addresses: &Addresses,
) -> Result<(Vec<CacheFile>, Vec<Warning>), ConfError> {
    let (mut files, mut warnings) = (Vec::<CacheFile>::new(), Vec::new());
    for (property, is_archive) in PROPERTIES {
        let by_option =
            matches!(properties.source(property), Source::Option("-files" | "-archives" | "-file"));
        for given in properties.get(property)?.unwrap_or_default().split(',').filter(|item| !item.is_empty())
        {
            let uri = FileUri::parse(property, given)?;
            let path = PathBuf::from(path::located(property, &uri.path, addresses, Purpose::Read)?);
            let own_name = || path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            let link = uri.fragment.map_or_else(own_name, |link| link.trim_start_matches("./").to_owned());
            if !is_link_name(&link) {
                let expected = "paths, each with #NAME if it shall have another name; a name without slashes";
                return Err(properties.malformed(property, given.to_owned(), expected));
            }
            let archive = ArchiveKind::from_path(&path).filter(|_| is_archive);
            if is_archive && archive.is_none() {
                warnings.push(Warning::NotUnpacked { given: given.to_owned() });
            }
            let file = CacheFile { given: given.to_owned(), path, link, archive, property, by_option };
            match files.iter_mut().find(|other| other.link == file.link) {
                None => files.push(file),
                // The same file once more: as it was named last.
                Some(same) if same.path == file.path => *same = file,
                Some(other) => {
                    let (link, kept) = (file.link, other.given.clone());
                    warnings.push(Warning::LinkTaken { given: file.given, link, kept });
                }
            }
        }
    }
    Ok((files, warnings))
}

/// Whether a name stands for an entry of the attempt's folder and no other.
fn is_link_name(name: &str) -> bool {
    !name.is_empty() && !name.contains(['/', '\0']) && name != "." && name != ".."
}

/// A list of `-files` or `-archives` as Hadoop writes it into its property: local and absolute. Commas at the end mean
/// nothing. Hadoop: `GenericOptionsParser.validateFiles`, which decodes escapes where this keeps them, so that it
/// refuses what they stand for when it reads the property.
pub(super) fn qualified(
    option: &'static str,
    list: &str,
    addresses: &Addresses,
) -> Result<String, ConfError> {
    let qualify = |item: &str| {
        let uri = FileUri::parse(option, item)?;
        let fragment = &item[item.find('#').unwrap_or(item.len())..];
        let path = path::located(option, &uri.path, addresses, Purpose::Send)?;
        Ok(format!("file:{}{fragment}", uri::encode(&path)))
    };
    let items: Result<Vec<String>, ConfError> = list.trim_end_matches(',').split(',').map(qualify).collect();
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
            let link = FileUri::parse(option, uri)?.fragment.map(|link| link.to_lowercase());
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
    use crate::dfs::Scheme;

    fn addresses(working_dir: &str) -> Addresses {
        let working_dir = working_dir.into();
        Addresses { root: "/dfs".into(), user: "ann".into(), working_dir, default: Scheme::File }
    }

    #[test]
    fn lists_become_absolute_files_with_links() {
        let mut properties = Properties::new(&HostFacts::example());
        let list = qualified("-files", "a.py,sub/b#c,file:///d", &addresses("/start")).unwrap();
        assert_eq!(list, "file:/start/a.py,file:/start/sub/b#c,file:/d");
        properties.set("tmpfiles", list, "-files");
        properties.set("mapreduce.job.cache.archives", "x.zip#x", "-cacheArchive");
        let (files, warnings) = read(&properties, &addresses("/start")).unwrap();
        let seen: Vec<_> =
            files.iter().map(|f| (f.path.to_str().unwrap(), f.link.as_str(), f.archive)).collect();
        let expect = [
            ("/start/x.zip", "x", Some(ArchiveKind::Zip)),
            ("/start/a.py", "a.py", None),
            ("/start/sub/b", "c", None),
            ("/d", "d", None),
        ];
        assert_eq!((seen.as_slice(), warnings.len()), (&expect[..], 0));
        assert_eq!(
            qualified("-files", "a,b,,", &addresses("/start")).unwrap(),
            "file:/start/a,file:/start/b"
        );
        assert!(qualified("-files", "a,,b", &addresses("/start")).is_err());
        assert!(qualified("-files", "s3://h/a", &addresses("/start")).is_err());
    }

    /// What `-files` and `-archives` put into the attempts' folders, and what is said about it.
    fn check(files: &str, archives: &str, expect: &[&str], says: &[&str]) {
        let mut properties = Properties::new(&HostFacts::example());
        properties.set("tmpfiles", files, "-files");
        properties.set("tmparchives", archives, "-archives");
        let (read, warnings) = read(&properties, &addresses("/")).unwrap();
        let shown = |f: &CacheFile| {
            format!("{}={}{}", f.link, f.given, if f.archive.is_some() { " unpacked" } else { "" })
        };
        assert_eq!(read.iter().map(shown).collect::<Vec<_>>(), expect, "{files} {archives}");
        let warnings: Vec<String> = warnings.iter().map(ToString::to_string).collect();
        assert_eq!(warnings.len(), says.len(), "{warnings:?}");
        for (warning, part) in warnings.iter().zip(says) {
            assert!(warning.contains(part), "{warning}");
        }
    }

    #[test]
    fn the_first_of_a_link_name_has_it() {
        // LocalResourceBuilder.createLocalResources, and jobs of real Hadoop with these options.
        check("a#k,b#k", "", &["k=a#k"], &["b#k is left out"]);
        check("a#k", "b.zip#k", &["k=b.zip#k unpacked"], &["a#k is left out"]);
        check("a,sub/a", "", &["a=a"], &["sub/a is left out"]);
        check("a#k,a#l,a#k", "", &["k=a#k", "l=a#l"], &[]);
        check("b.zip", "b.zip", &["b.zip=b.zip"], &[]);
        check(
            "",
            "b.tar.bz2,c.TGZ",
            &["b.tar.bz2=b.tar.bz2", "c.TGZ=c.TGZ unpacked"],
            &["b.tar.bz2 is linked"],
        );
    }

    #[test]
    fn entries_are_uris() {
        // Path: what is looked for; link: what attempts find.
        let check = |given: &str, path: &str, link: &str| {
            let mut properties = Properties::new(&HostFacts::example());
            properties.set("mapreduce.job.cache.files", given, "-cacheFile");
            let file = read(&properties, &addresses("/")).unwrap().0.remove(0);
            assert_eq!((file.path.to_str().unwrap(), file.link.as_str()), (path, link), "{given}");
        };
        check("file:/d/my%20file.txt#l", "/d/my file.txt", "l");
        check("/d/f#a%41b", "/d/f", "aAb");
        check("/d/f#./l1", "/d/f", "l1");
        check("/d/my%20file", "/d/my file", "my file");
        let list = qualified("-files", "a%20b#c%20d", &addresses("/my dir")).unwrap();
        assert_eq!(list, "file:/my%20dir/a%20b#c%20d");
        check(&list, "/my dir/a b", "c d");
        assert!(qualified("-files", "a b", &addresses("/")).is_err());
    }

    #[test]
    fn links_stay_in_the_attempts_folder() {
        for given in ["a#", "a#b/c", "a#../b", "a#/b", "a#.", "a#..", "/"] {
            let mut properties = Properties::new(&HostFacts::example());
            properties.set("tmpfiles", given, "-files");
            let error = read(&properties, &addresses("/")).unwrap_err().to_string();
            assert!(error.contains(&format!("{given:?} (from -files): expected paths")), "{error}");
        }
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
