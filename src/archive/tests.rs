//! Archives made here, sound and not, and what comes out of them.

use super::*;
use crate::local_fs::Scratch;
use proptest::prelude::*;
use std::fmt::Write as _;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;

/// An entry of a tar file: type, name, content or target.
type Entry<'a> = (tar::EntryType, &'a str, &'a str);

const FILE: tar::EntryType = tar::EntryType::Regular;
const FOLDER: tar::EntryType = tar::EntryType::Directory;
const LINK: tar::EntryType = tar::EntryType::Symlink;
const HARD_LINK: tar::EntryType = tar::EntryType::Link;

/// A tar file without the crate's care for names.
fn tar_of(entries: &[Entry<'_>]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for (kind, name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(*kind);
        header.set_mode(0o600);
        let fields = header.as_gnu_mut().unwrap();
        fields.name[..name.len()].copy_from_slice(name.as_bytes());
        let is_link = [LINK, HARD_LINK].contains(kind);
        if is_link {
            fields.linkname[..content.len()].copy_from_slice(content.as_bytes());
        }
        let content = if is_link { "" } else { content };
        header.set_size(content.len() as u64);
        header.set_cksum();
        bytes.extend_from_slice(header.as_bytes());
        bytes.extend_from_slice(content.as_bytes());
        bytes.resize(bytes.len().next_multiple_of(512), 0);
    }
    bytes.resize(bytes.len() + 1_024, 0);
    bytes
}

fn zip_of(entries: &[(&str, &str)]) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (number, (name, content)) in entries.iter().enumerate() {
        let method =
            if number % 2 == 0 { zip::CompressionMethod::Deflated } else { zip::CompressionMethod::Stored };
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        zip.start_file(*name, options).unwrap();
        zip.write_all(content.as_bytes()).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

fn gzip(bytes: &[u8]) -> Vec<u8> {
    let mut packed = Vec::new();
    let mut encoder = Codec::Gzip.encoder(Box::new(&mut packed)).unwrap();
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap();
    packed
}

/// What is in a folder, in order: names, and what files hold or links lead to.
fn listing(folder: &Path) -> String {
    let mut names: Vec<_> = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()).collect();
    names.sort();
    let mut text = String::new();
    for path in names {
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        let there = path.symlink_metadata().unwrap();
        if there.is_symlink() {
            write!(text, "{name}->{} ", std::fs::read_link(&path).unwrap().display()).unwrap();
        } else if there.is_dir() {
            assert_eq!(there.permissions().mode() & 0o777, 0o755, "{name}");
            write!(text, "{name}/( {}) ", listing(&path)).unwrap();
        } else {
            assert_eq!(there.permissions().mode() & 0o777, 0o555, "{name}");
            write!(text, "{name}={} ", std::fs::read_to_string(&path).unwrap()).unwrap();
        }
    }
    text
}

/// Unpacks bytes as an archive of that name, with a limit; nothing may appear beside the folder.
fn unpack_bytes(name: &str, bytes: &[u8], bytes_max: u64) -> Result<String, String> {
    let scratch = Scratch::create(&[std::env::temp_dir()]).unwrap();
    let (archive, into) = (scratch.first_dir().join(name), scratch.first_dir().join("into"));
    std::fs::write(&archive, bytes).unwrap();
    let kind = ArchiveKind::from_path(&archive).unwrap();
    let mut left = Allowance { bytes: bytes_max, entries: 40 };
    let unpacked = unpack(&archive, kind, &into, &mut left, &StopFlag::default());
    assert_eq!(std::fs::read_dir(scratch.first_dir()).unwrap().count(), 2, "{name}");
    match unpacked {
        Ok(()) => Ok(listing(&into)),
        Err(error) => Err(crate::error::chain(&error)),
    }
}

#[track_caller]
fn check(name: &str, bytes: &[u8], expect: &str) {
    assert_eq!(unpack_bytes(name, bytes, 1 << 20).unwrap(), expect, "{name}");
}

#[track_caller]
fn check_error(name: &str, bytes: &[u8], says: &[&str]) {
    let error = unpack_bytes(name, bytes, 1 << 20).unwrap_err();
    for part in [name].iter().chain(says) {
        assert!(error.contains(part), "{part:?} is not in {error}");
    }
}

#[test]
fn the_name_says_the_kind() {
    let check = |name: &str, expect: Option<ArchiveKind>| {
        assert_eq!(ArchiveKind::from_path(Path::new(name)), expect, "{name}");
    };
    check("a/b.zip", Some(ArchiveKind::Zip));
    check("b.JAR", Some(ArchiveKind::Jar));
    check("b.tar", Some(ArchiveKind::Tar));
    check("b.Tar.Gz", Some(ArchiveKind::TarGz));
    check("b.tgz", Some(ArchiveKind::TarGz));
    check("b.gz", None);
    check("b.tar.bz2", None);
    check("zip", None);
}

#[test]
fn tar_files_come_out_as_they_are() {
    let tar = tar_of(&[
        (FILE, "a", "one"),
        (FOLDER, "empty/", ""),
        (FILE, "./d/./run", "two"),
        (FILE, "/absolute", "three"),
        (LINK, "d/up", "../a"),
        (LINK, "dangling", "d/none"),
        (HARD_LINK, "same", "/d/run"),
        (FILE, "a", "later"),
    ]);
    let expect = "a=later absolute=three d/( run=two up->../a ) dangling->d/none empty/( ) same=two ";
    check("a.tar", &tar, expect);
    check("a.tgz", &gzip(&tar), expect);
    check("a.tar.gz", &gzip(&tar), expect);
    // Without the two empty blocks at the end, too.
    check("a.tar", &tar_of(&[(FILE, "a", "")])[..512], "a= ");
}

#[test]
fn zip_files_come_out_without_folders_and_links() {
    let zip = zip_of(&[("a", "one"), ("d/x", "two"), ("e/", ""), ("./d/y", "three")]);
    check("a.zip", &zip, "a=one d/( x=two y=three ) ");
    check("a.zip", &zip_of(&[]), "");
    let mut link = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    link.add_symlink("l", "/etc/hosts", zip::write::SimpleFileOptions::default()).unwrap();
    check("a.zip", &link.finish().unwrap().into_inner(), "l=/etc/hosts ");
}

#[test]
fn a_jar_keeps_its_manifest_if_that_comes_first() {
    // RunJar.unJar reads with a JarInputStream, as the real one showed.
    let manifest = ("META-INF/MANIFEST.MF", "m");
    check("a.jar", &zip_of(&[manifest, ("a", "1")]), "a=1 ");
    check("a.jar", &zip_of(&[("META-INF/", ""), manifest, ("META-INF/b", "1")]), "META-INF/( b=1 ) ");
    check("a.jar", &zip_of(&[("a", "1"), manifest]), "META-INF/( MANIFEST.MF=m ) a=1 ");
    check("a.zip", &zip_of(&[manifest]), "META-INF/( MANIFEST.MF=m ) ");
}

#[test]
fn nothing_leaves_the_folder() {
    let tar = |entries: &[Entry<'_>], says: &[&str]| check_error("a.tar", &tar_of(entries), says);
    tar(&[(FILE, "../x", "")], &["\"../x\"", "`..`"]);
    tar(&[(FILE, "d/../../x", "")], &["`..`"]);
    tar(&[(LINK, "/", "a")], &["has no name"]);
    tar(&[(LINK, "l", "")], &["entry \"l\"", "is no path"]);
    tar(&[(LINK, "l", "."), (FILE, "l/x", "")], &["entry \"l/x\"", "in its way at \"l\""]);
    tar(&[(LINK, "l", "."), (FOLDER, "l", "")], &["in its way"]);
    tar(&[(HARD_LINK, "h", "../into.tar")], &["`..`"]);
    tar(&[(LINK, "d/l", ".."), (HARD_LINK, "h", "d/l")], &["entry \"h\"", "not a file of this archive"]);
    tar(&[(FILE, "f", ""), (LINK, "d", "."), (HARD_LINK, "h", "d/f")], &["not a file of this archive"]);
    check_error("a.zip", &zip_of(&[("../x", "")]), &["`..`"]);
    check("a.zip", &zip_of(&[("/x", "1")]), "x=1 ");
}

/// As that of a Python environment to its interpreter.
#[test]
fn a_link_may_lead_outside() {
    let tar = tar_of(&[
        (LINK, "bin/python3", "/usr/bin/python3"),
        (LINK, "up", "../x"),
        (LINK, "a/b/up", "../.."),
        (LINK, "m", "a/b/up/../x"),
        (LINK, "lib64", "lib"),
        (FILE, "lib/x", "1"),
    ]);
    let expect = "a/( b/( up->../.. ) ) bin/( python3->/usr/bin/python3 ) lib/( x=1 ) lib64->lib m->a/b/up/../x \
                  up->../x ";
    check("a.tar", &tar, expect);
}

#[test]
fn nothing_is_written_through_a_link() {
    let outside = tempfile::tempdir().unwrap();
    let (dir, file) = (outside.path().join("d"), outside.path().join("f"));
    std::fs::create_dir(&dir).unwrap();
    std::fs::write(&file, "before").unwrap();
    let (to_dir, to_file) = (dir.to_str().unwrap(), file.to_str().unwrap());
    let tar = |entries: &[Entry<'_>], says: &[&str]| check_error("a.tar", &tar_of(entries), says);
    tar(&[(LINK, "l", to_dir), (FILE, "l/x", "1")], &["entry \"l/x\"", "in its way at \"l\""]);
    tar(&[(LINK, "l", to_dir), (FOLDER, "l", "")], &["in its way"]);
    tar(&[(LINK, "l", to_dir), (LINK, "l/x", "y")], &["in its way"]);
    tar(&[(LINK, "l", to_dir), (FILE, "f", ""), (HARD_LINK, "l/x", "f")], &["in its way"]);
    tar(&[(LINK, "l", to_file), (HARD_LINK, "h", "l")], &["not a file of this archive"]);
    check("a.tar", &tar_of(&[(LINK, "l", to_file), (FILE, "l", "own")]), "l=own ");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "before");
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
}

#[test]
fn only_files_folders_and_links_come_out() {
    for kind in [tar::EntryType::Fifo, tar::EntryType::Char, tar::EntryType::Block] {
        check_error("a.tar", &tar_of(&[(kind, "x", "")]), &["entry \"x\"", "of type", "no device, no pipe"]);
    }
    check_error("a.tar", &tar_of(&[(FOLDER, "x", ""), (FILE, "x", "")]), &["folder of that name"]);
    check_error("a.tar", &tar_of(&[(FILE, "x", ""), (FILE, "x/y", "")]), &["in its way"]);
}

#[test]
fn damage_is_an_error_that_names_the_place() {
    let tar = tar_of(&[(FILE, "first", "1"), (FILE, "second", "22")]);
    check_error("a.tar", &tar[..1_024 + 100], &["not a sound tar file, behind entry \"first\""]);
    check_error("a.tar", &tar[..1_024 + 513], &["entry \"second\"", "1 of its 2 bytes"]);
    check_error("a.tar", b"", &["it is empty"]);
    check_error("a.tar", b"no tar file", &["not a sound tar file"]);
    check_error("a.tar", &[b'x'; 2_000], &["not a sound tar file"]);
    let packed = gzip(&tar);
    check_error(
        "a.tgz",
        &packed[..packed.len() - 3],
        &["not a sound gzipped tar file, behind", "ends early"],
    );
    check_error("a.tgz", &tar, &["not a sound gzipped tar file"]);
    check_error("a.zip", b"no zip file", &["not a sound zip file"]);
    let mut zip = zip_of(&[("a", "1"), ("b", "stored")]);
    let at = zip.windows(6).position(|bytes| bytes == b"stored").unwrap();
    zip[at] ^= 1;
    check_error("a.zip", &zip, &["entry \"b\"", "checksum"]);
}

#[test]
fn what_is_unpacked_has_a_limit() {
    let check =
        |name: &str, bytes: &[u8], bytes_max: u64, fits: bool| match unpack_bytes(name, bytes, bytes_max) {
            Ok(_) => assert!(fits, "{name} {bytes_max}"),
            Err(error) => assert!(!fits && error.contains("mrstream.archive.max.mb"), "{error}"),
        };
    let many: Vec<String> = (0..41).map(|number| format!("f{number}")).collect();
    let zip_of_many = |count: usize| {
        let entries: Vec<_> = many[..count].iter().map(|name| (name.as_str(), "")).collect();
        unpack_bytes("a.zip", &zip_of(&entries), 1 << 20)
    };
    zip_of_many(40).unwrap();
    let error = zip_of_many(41).unwrap_err();
    assert!(
        error.contains("more than the 40 entries") && error.contains("mrstream.archive.max.entries"),
        "{error}"
    );
    let text = "x".repeat(1_000_000);
    let tar = tar_of(&[(FILE, "small", ""), (FILE, "big", &text)]);
    check("a.tgz", &gzip(&tar), 1_000_512, true);
    check("a.tgz", &gzip(&tar), 1_000_511, false);
    check("a.zip", &zip_of(&[("big", &text)]), 1_000_000, true);
    check("a.zip", &zip_of(&[("big", &text)]), 999_999, false);
    check("a.tar", &tar_of(&[(FOLDER, "a", ""), (LINK, "b", "a")]), 1_023, false);
}

#[test]
fn a_long_name_does_not_fill_memory() {
    let name = "n".repeat(2_000_000);
    let tar = tar_of(&[(tar::EntryType::GNULongName, "././@LongLink", &name), (FILE, "x", "")]);
    check_error("a.tar", &tar, &["a header of more than"]);
    let name = "long/".repeat(60);
    let tar = tar_of(&[(tar::EntryType::GNULongName, "././@LongLink", &name), (FOLDER, "x", "")]);
    assert!(unpack_bytes("a.tar", &tar, 1 << 20).unwrap().starts_with("long/( long/( "));
}

proptest! {
    /// Whatever links an archive has, and in whatever order: nothing is written outside.
    #[test]
    fn no_chain_of_links_is_written_through(
        entries in prop::collection::vec(
            (
                prop::sample::select(vec!["a", "b", "a/c", "a/b/d", "b/e"]),
                prop::sample::select(vec!["..", ".", "a", "../..", "a/..", "../a/c", "a/b/d/..", "../../b", "c/../..", "/"]),
                0..4,
            ),
            1..8,
        ),
    ) {
        let scratch = Scratch::create(&[std::env::temp_dir()]).unwrap();
        let into = scratch.first_dir().join("into");
        let mut left = Allowance { bytes: 1 << 20, entries: 100 };
        let mut folder = Folder::create(&into, &mut left).unwrap();
        for (name, target, kind) in entries {
            // An entry that is refused does not matter here; those that are not do.
            drop(match kind {
                0 => folder.add_folder(name.as_bytes()),
                1 => folder.add_hard_link(name.as_bytes(), target.as_bytes()),
                2 => folder.add_file(name.as_bytes(), &mut &b""[..]).map(drop),
                _ => folder.add_link(name.as_bytes(), target.as_bytes()),
            });
        }
        prop_assert_eq!(std::fs::read_dir(scratch.first_dir()).unwrap().count(), 1);
    }
}

#[test]
fn a_job_that_ends_unpacks_no_further() {
    let dir = tempfile::tempdir().unwrap();
    let stop = StopFlag::default();
    stop.set();
    for (name, bytes) in [("a.zip", zip_of(&[("a", "x")])), ("a.tgz", gzip(&tar_of(&[])))] {
        let archive = dir.path().join(name);
        std::fs::write(&archive, bytes).unwrap();
        let kind = ArchiveKind::from_path(&archive).unwrap();
        let into = dir.path().join(format!("{name}.d"));
        let mut left = Allowance { bytes: 1_000_000, entries: 40 };
        let error = unpack(&archive, kind, &into, &mut left, &stop).unwrap_err();
        assert!(crate::error::chain(&error).contains("stopped"), "{name}: {error}");
    }
}
