//! Verbs in Hadoop's words. The same commands run against real Hadoop in `scripts/compare_fs_shell.sh`.

mod classes;

use super::*;
use crate::dfs::Scheme;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;

/// A disk with a folder for HDFS and a local folder in it.
struct Disk {
    folder: tempfile::TempDir,
    trash: TrashPolicy,
}

impl Disk {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        for name in ["dfs/tmp", "dfs/user/ann", "local/dir/sub", "home"] {
            std::fs::create_dir_all(folder.path().join(name)).unwrap();
        }
        for (name, text) in
            [("one.txt", "one\n"), ("two.txt", "two\n"), ("empty", ""), ("dir/x", "x"), ("dir/sub/y", "y")]
        {
            std::fs::write(folder.path().join("local").join(name), text).unwrap();
        }
        Self { folder, trash: TrashPolicy::default() }
    }

    fn root(&self) -> std::path::PathBuf {
        self.folder.path().canonicalize().unwrap()
    }

    /// Code, output and messages of a command.
    fn run_with(&self, line: &str, input: &[u8]) -> (u8, String, String) {
        let mut out = Vec::new();
        let (code, err) = self.run_into(line, input, &mut out);
        (code, String::from_utf8(out).unwrap(), err)
    }

    /// Code and messages of a command.
    fn run_into(&self, line: &str, mut input: &[u8], out: &mut dyn Write) -> (u8, String) {
        let mut err = Vec::new();
        let mut shell = Shell {
            addresses: Addresses {
                root: self.root().join("dfs"),
                user: "ann".into(),
                working_dir: self.root().join("local"),
                default: Scheme::Hdfs,
            },
            trash: self.trash,
            home: self.root().join("home"),
            accounts: Accounts::default(),
            unfinished: Unfinished::default(),
            input: &mut input,
            out,
            err: &mut err,
        };
        let code = shell.run(line.split(' ').map(str::to_owned).collect());
        (code, String::from_utf8(err).unwrap())
    }

    fn run(&self, line: &str) -> (u8, String, String) {
        self.run_with(line, b"")
    }

    /// Commands that work and say nothing.
    #[track_caller]
    fn quiet(&self, lines: &[&str]) {
        for line in lines {
            assert_eq!(self.run(line), (0, String::new(), String::new()), "{line}");
        }
    }

    #[track_caller]
    fn check(&self, line: &str, out: &str) {
        assert_eq!(self.run(line), (0, out.to_owned(), String::new()), "{line}");
    }

    #[track_caller]
    fn check_fails(&self, line: &str, err: &str) {
        assert_eq!(self.run(line), (1, String::new(), format!("{err}\n")), "{line}");
    }

    fn has(&self, name: &str) -> bool {
        Path::new(&self.root().join("dfs").join(name)).exists()
    }
}

/// Without the columns that differ from disk to disk: owner, group, time.
fn listing(text: &str) -> Vec<String> {
    let fields = |line: &str| {
        let fields: Vec<&str> = line.split_whitespace().collect();
        match fields[..] {
            [mode, copies, _, _, bytes, _, _, path] => format!("{mode} {copies} {bytes} {path}"),
            _ => line.to_owned(),
        }
    };
    text.lines().map(fields).collect()
}

#[test]
fn ls() {
    let disk = Disk::new();
    disk.quiet(&["-mkdir -p /d/e", "-put one.txt /d", "-put one.txt", "-chmod -R 755 /d"]);
    let check = |line: &str, expect: &[&str]| assert_eq!(listing(&disk.run(line).1), expect, "{line}");
    check("-ls /d", &["Found 2 items", "drwxr-xr-x - 0 /d/e", "-rwxr-xr-x 1 4 /d/one.txt"]);
    check("-ls -R /d", &["drwxr-xr-x - 0 /d/e", "-rwxr-xr-x 1 4 /d/one.txt"]);
    check("-lsr /d/e", &[]);
    check("-ls -C -S /d", &["/d/one.txt", "/d/e"]);
    check("-ls -C -r hdfs://h:1/d/", &["hdfs://h:1/d/one.txt", "hdfs://h:1/d/e"]);
    check("-ls -d -C /d /d/*", &["/d", "/d/e", "/d/one.txt"]);
    check("-ls -C", &["one.txt"]);
    check("-ls -C ..", &["../ann"]);
    check("-ls -C ../../d", &["../../d/e", "../../d/one.txt"]);
    check("-ls -d -R -C /d", &["/d"]);
    disk.check_fails("-ls /nope", "ls: `/nope': No such file or directory");
    disk.check_fails("-ls /d/q*", "ls: `/d/q*': No such file or directory");
    disk.check_fails("-ls s3://b/x", "ls: No FileSystem for scheme \"s3\"");
    let (code, _, err) = disk.run("-ls -z /d");
    assert_eq!(code, 255);
    assert!(err.starts_with("-ls: Illegal option -z\nUsage: hadoop fs [generic options]"), "{err}");
    let (_, line, _) = disk.run("-ls /d/one.txt");
    let stamp: String = line.chars().map(|c| if c.is_ascii_digit() { '9' } else { c }).collect();
    assert!(stamp.ends_with("9999-99-99 99:99 /d/one.txt\n"), "{line}");
}

#[test]
fn listings_are_sorted_and_aligned() {
    // Ls.adjustColumnWidths, getOrderComparator, PrintableString.
    let disk = Disk::new();
    disk.quiet(&["-mkdir /d", "-put one.txt two.txt /d", "-put empty /d/odd\u{1}.txt"]);
    for (name, time) in
        [("one", "20200102:030405"), ("two", "20200103:030405"), ("odd\u{1}", "20200101:030405")]
    {
        disk.quiet(&[&format!("-touch -t {time} /d/{name}.txt")]);
    }
    disk.check("-ls -C -t /d", "/d/two.txt\n/d/one.txt\n/d/odd\u{1}.txt\n");
    disk.check("-ls -C -t -r /d", "/d/odd\u{1}.txt\n/d/one.txt\n/d/two.txt\n");
    assert!(disk.run("-ls /d").1.contains("/d/odd\u{1}.txt\n"));
    assert!(disk.run("-ls -q /d").1.contains("/d/odd?.txt\n"));
    std::fs::File::create(disk.root().join("dfs/d/big.txt")).unwrap().set_len(123_456_789_012).unwrap();
    let (_, text, _) = disk.run("-ls /d/one.txt /d/big.txt");
    assert!(text.lines().all(|line| line.contains(" 1 ")), "{text}");
    let (_, text, _) = disk.run("-ls /d");
    let times: Vec<_> = text.lines().skip(1).map(|line| line.rfind(':')).collect();
    assert!(times.iter().all(|at| *at == times[0]), "{text}");
}

#[test]
fn copy_commands() {
    let disk = Disk::new();
    disk.quiet(&["-mkdir /d", "-put one.txt two.txt /d", "-put dir /d", "-cp /d/one.txt /d/copy"]);
    disk.check_fails("-put one.txt /d", "put: `/d/one.txt': File exists");
    disk.check_fails("-put nope /d", "put: `nope': No such file or directory");
    disk.check_fails("-put one.txt /x/y", "put: `/x/y': No such file or directory: `hdfs:///x/y'");
    disk.check_fails("-put one.txt hdfs:///x/y", "put: `hdfs:///x/y': No such file or directory");
    disk.check_fails("-put one.txt two.txt /x", "put: `/x': No such file or directory");
    disk.check_fails("-cp /d/one.txt /d/two.txt /d/copy", "cp: `/d/copy': Is not a directory");
    disk.check_fails(
        "-cp /d/dir /d/dir/sub",
        "cp: `/d/dir' to `/d/dir/sub/dir': is a subdirectory of itself",
    );
    disk.check_fails("-cp /d/dir /d", "cp: `/d/dir' to `hdfs:///d/dir': are identical");
    disk.check_fails("-moveFromLocal dir /d", "moveFromLocal: `/d/dir': File exists");
    disk.check_fails("-cp -f -d /d/one.txt /d/one.txt", "cp: `/d/one.txt' to `/d/one.txt': are identical");
    disk.quiet(&["-cp -f /d/one.txt /d/one.txt"]);
    disk.check("-cat /d/one.txt", "one\n");
    disk.quiet(&["-put -f two.txt /d/one.txt", "-get /d/dir got"]);
    disk.check_fails("-copyToLocal /d/one.txt", "copyToLocal: `one.txt': File exists");
    assert_eq!(std::fs::read(disk.root().join("local/got/sub/y")).unwrap(), b"y");
    assert_eq!(std::fs::read(disk.root().join("local/one.txt")).unwrap(), b"one\n", "it was there");
    disk.check("-cat /d/one.txt /d/copy", "two\none\n");
    assert_eq!(disk.run_with("-put - /d/in", b"typed").0, 0);
    assert_eq!(disk.run_with("-appendToFile - /d/in", b" more").0, 0);
    disk.quiet(&["-appendToFile one.txt two.txt /d/in", "-moveFromLocal empty /d/moved"]);
    disk.check("-cat /d/in", "typed moreone\ntwo\n");
    disk.check_fails(
        "-appendToFile - one.txt /d/in",
        "appendToFile: stdin (-) must be the sole input argument when present",
    );
    std::fs::set_permissions(disk.root().join("dfs"), std::fs::Permissions::from_mode(0o700)).unwrap();
    disk.quiet(&["-appendToFile one.txt /made/above/it"]);
    disk.check("-stat %a /made /made/above", "755\n755\n");
    disk.quiet(&["-mkdir /open", "-chmod 757 /open", "-appendToFile one.txt /open/a/b/it"]);
    disk.check("-stat %a /open/a /open/a/b", "757\n757\n");
    disk.check_fails(
        "-appendToFile one.txt /d",
        "appendToFile: Cannot append to directory /d; already exists as a directory.",
    );
    assert!(disk.has("d/moved") && !disk.root().join("local/empty").exists());
    disk.quiet(&["-getmerge -nl /d/dir /d/copy merged"]);
    assert_eq!(std::fs::read(disk.root().join("local/merged")).unwrap(), b"x\none\n\n");
    assert!(!disk.has("d/one.txt._COPYING_"));
    // What cannot be read to its end leaves nothing.
    let (code, _, err) = disk.run("-put /proc/self/mem /d/half");
    assert!(code == 1 && err.contains("Input/output error"), "{err}");
    assert!(!disk.has("d/half") && !disk.has("d/half._COPYING_"));
}

#[test]
fn patterns_and_names() {
    // PathData.expandAsGlob: sorted as whole paths, in which a dot comes before a slash.
    let disk = Disk::new();
    disk.quiet(&["-mkdir -p /d/a/x /d/a.b/x /d/\u{10000}/y /d/\u{ffee}/y"]);
    disk.check("-ls -C -d /d/*/x", "/d/a.b/x\n/d/a/x\n");
    disk.check("-ls -C -d /d/*/y", "/d/\u{10000}/y\n/d/\u{ffee}/y\n");
    disk.check("-ls -C -d /d/{a/x,a.b/x}", "/d/a.b/x\n/d/a/x\n");
    disk.check("-ls -C -d hdfs:///d/?/x hdfs://h:1/d/?/x", "hdfs:///d/a/x\nhdfs://h:1/d/a/x\n");
    disk.quiet(&["-mkdir /d/s\\*r /d/star"]);
    assert!(disk.has("d/s*r"));
    disk.quiet(&["-rmdir /d/s\\*r"]);
    assert!(!disk.has("d/s*r") && disk.has("d/star"));
    disk.check_fails("-mkdir /d/{q/x,w/y}", "mkdir: `/d/{q/x,w/y}': No such file or directory");
    let below_file = format!("file://{}/local/one.txt/a/*", disk.root().display());
    disk.check_fails(&format!("-ls {below_file}"), &format!("ls: `{below_file}': No such file or directory"));
    disk.check_fails("-put one.txt /new/", "put: `/new/': No such file or directory: `hdfs:///new'");
    disk.check_fails("-ls /d/{a", "ls: Illegal file pattern: an unclosed brace in \"{a\"");
}

#[test]
fn copies_keep_times_and_permissions() {
    let disk = Disk::new();
    disk.quiet(&["-put one.txt /tmp/a", "-touch -t 20200102:030405 /tmp/a", "-chmod 640 /tmp/a"]);
    disk.quiet(&["-cp -p /tmp/a /tmp/b", "-cp /tmp/a /tmp/c"]);
    let facts = |name: &str| disk.run(&format!("-stat %a:%Y {name}")).1;
    assert_eq!(facts("/tmp/a"), facts("/tmp/b"));
    assert_ne!(facts("/tmp/a"), facts("/tmp/c"));
    disk.quiet(&["-put dir /tmp/d", "-chmod 710 /tmp/d", "-cp -p /tmp/d /tmp/e", "-cp /tmp/d /tmp/f"]);
    disk.check("-stat %a /tmp/e", "710\n");
    assert_ne!(disk.run("-stat %a /tmp/f").1, "710\n");
}

#[test]
fn delete() {
    let disk = Disk::new();
    disk.quiet(&["-mkdir -p /d/e", "-put one.txt two.txt /d"]);
    disk.check_fails("-rm /d", "rm: `/d': Is a directory");
    disk.check_fails("-rm /nope", "rm: `/nope': No such file or directory");
    disk.check_fails("-rm -r /", "rm: `/': Input/output error");
    disk.check_fails("-rmdir /d", "rmdir: `/d': Directory is not empty");
    disk.check_fails("-rmdir /d/one.txt", "rmdir: `/d/one.txt': Is not a directory");
    disk.quiet(&["-rm -f /nope /no*", "-rmdir --ignore-fail-on-non-empty /d", "-rmdir /d/e"]);
    disk.check("-rm /d/*.txt", "Deleted /d/one.txt\nDeleted /d/two.txt\n");
    let (code, out, err) = disk.run("-rmr -skipTrash /d");
    assert_eq!((code, out.as_str()), (0, "Deleted /d\n"));
    assert_eq!(err, "rmr: DEPRECATED: Please use '-rm -r' instead.\n");
    let (code, out, _) = disk.run("-rm /nope /tmp/none");
    assert_eq!((code, out.as_str()), (1, ""));
}

#[test]
fn trash() {
    let mut disk = Disk::new();
    disk.trash = TrashPolicy { minutes: 60.0 };
    disk.quiet(&["-put one.txt /tmp/a", "-put one.txt /tmp/b"]);
    let (code, out, err) = disk.run("-rm /tmp/a");
    assert_eq!((code, out.as_str()), (0, ""));
    let moved = "Moved: 'hdfs:///tmp/a' to trash at: hdfs:///user/ann/.Trash/Current/tmp/a\n";
    assert!(err.ends_with(&format!(" INFO fs.TrashPolicyDefault: {moved}")), "{err}");
    disk.quiet(&["-put two.txt /tmp/a"]);
    assert!(disk.run("-rm /tmp/a").2.contains("/.Trash/Current/tmp/a1"), "a second one gets the time");
    disk.check("-rm /user/ann/.Trash/Current/tmp/a", "Deleted /user/ann/.Trash/Current/tmp/a\n");
    disk.check("-rm -skipTrash /tmp/b", "Deleted /tmp/b\n");
    let (code, _, err) = disk.run("-rm -r /user");
    assert!(
        code == 1 && err.contains("Cannot move \"hdfs:///user\" to the trash, as it contains the trash"),
        "{err}"
    );
    assert!(disk.run("-expunge").2.contains("Created trash checkpoint: "));
    assert!(!disk.has("user/ann/.Trash/Current") && disk.has("user/ann/.Trash"));
    assert_eq!(disk.run("-expunge").2, "", "it is young");
    std::fs::create_dir(disk.root().join("dfs/user/ann/.Trash/200101000000")).unwrap();
    assert!(disk.run("-expunge").2.contains("Deleted trash checkpoint: "));
    assert!(!disk.has("user/ann/.Trash/200101000000"), "it was old");
    assert!(disk.run("-expunge -immediate").2.contains("Deleted trash checkpoint: "));
    disk.check("-ls -R .Trash", "");
}

#[test]
fn mkdir_and_move_commands() {
    let disk = Disk::new();
    disk.quiet(&["-mkdir /d rel", "-mkdir -p /d /d/e/f", "-put one.txt /d/a"]);
    disk.check_fails("-mkdir /d", "mkdir: `/d': File exists");
    disk.check_fails("-mkdir /x/y", "mkdir: `hdfs:///x': No such file or directory");
    disk.check_fails("-mkdir -p /d/a", "mkdir: `/d/a': Is not a directory");
    disk.quiet(&["-mv /d/a /d/b", "-mv /d/b /d/e", "-mv hdfs:///d/e/f hdfs://h/d/"]);
    assert!(disk.has("d/e/b") && disk.has("d/f") && disk.has("user/ann/rel"));
    disk.check_fails("-mv /d/e/b /nope/x", "mv: `/nope/x': No such file or directory: `hdfs:///nope/x'");
    disk.check_fails("-mv /d/nope /d/e", "mv: `/d/nope': No such file or directory");
    disk.check_fails("-mv /d /d/e", "mv: `/d' to `/d/e/d': is a subdirectory of itself");
    disk.quiet(&["-put one.txt /d/b"]);
    disk.check_fails("-mv /d/b /d/e", "mv: `/d/e/b': File exists");
    let file = disk.root().join("local/one.txt").display().to_string();
    let line = format!("-mv file://{file} /d/new");
    disk.check_fails(&line, &format!("mv: `file://{file}': Does not match target filesystem"));
}

#[test]
fn display_head_and_tail() {
    let disk = Disk::new();
    let long = "line of eleven\n".repeat(100);
    let put =
        |name: &str, bytes: &[u8]| std::fs::write(disk.root().join("dfs/tmp").join(name), bytes).unwrap();
    put("long", long.as_bytes());
    put("plain", b"a\n");
    // printf 'zipped\n' | gzip -n
    let zipped = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\x03\xab\xca\x2c\x28\x48\x4d\xe1\x02\x00\xac\x00\x3a\xc7\x07\x00\x00\x00";
    put("odd-name", zipped);
    // printf 'squeezed\n' | bzip2
    put("b.bz2", b"\x42\x5a\x68\x39\x31\x41\x59\x26\x53\x59\x9f\x07\x99\x95\x00\x00\x03\x41\x80\x00\x10\x06\x00\x2a\x10\x20\x00\x22\x0c\x9b\x42\x18\x0e\x40\x88\x3a\x2e\xe4\x8a\x70\xa1\x21\x3e\x0f\x33\x2a");
    disk.check("-text /tmp/b.bz2", "squeezed\n");
    disk.check("-head /tmp/long", &long[..1024]);
    disk.check("-tail /tmp/long", &long[long.len() - 1024..]);
    disk.check("-tail /tmp/plain", "a\n");
    disk.check("-text /tmp/plain", "a\n");
    disk.check_fails("-cat /tmp", "cat: `/tmp': Is a directory");
    disk.check_fails("-tail /tmp", "tail: `/tmp': Is a directory");
    let (code, out, err) = disk.run("-cat /tmp/plain /nope /tmp/plain");
    assert_eq!(
        (code, out.as_str(), err.as_str()),
        (1, "a\na\n", "cat: `/nope': No such file or directory\n")
    );
    let (code, out, _) = disk.run("-text /tmp/odd-name");
    assert_eq!((code, out.as_str()), (0, "zipped\n"));
}

#[test]
fn sequence_files_are_text() {
    let disk = Disk::new();
    let samples = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats");
    std::fs::copy(samples.join("text-text.seq"), disk.root().join("dfs/tmp/s")).unwrap();
    let (code, out, err) = disk.run("-text /tmp/s");
    assert_eq!((code, err.as_str()), (0, ""));
    assert!(!out.is_empty() && out.lines().all(|line| line.contains('\t')), "{out}");
}

#[test]
fn test_command() {
    let disk = Disk::new();
    disk.quiet(&["-put one.txt /tmp/a", "-touchz /tmp/z"]);
    let check = |flag: &str, path: &str, expect: u8| {
        assert_eq!(
            disk.run(&format!("-test -{flag} {path}")),
            (expect, String::new(), String::new()),
            "{flag} {path}"
        );
    };
    for (path, answers) in
        [("/tmp", [0, 0, 1, 1, 0, 0, 0]), ("/tmp/a", [0, 1, 0, 0, 1, 0, 0]), ("/no", [1; 7])]
    {
        for (flag, answer) in ["e", "d", "f", "s", "z", "r", "w"].iter().zip(answers) {
            check(flag, path, answer);
        }
    }
    check("z", "/tmp/z", 0);
    assert!(disk.run("-test /tmp").2.starts_with("-test: No test flag given\n"));
    assert!(disk.run("-test -e -d /tmp").2.starts_with("-test: Only one test flag is allowed\n"));
}

#[test]
fn stat_count_and_fs_usage() {
    let disk = Disk::new();
    disk.quiet(&["-mkdir -p /d/e", "-put one.txt /d/a", "-put two.txt /d/e/bb", "-chmod 1755 /d"]);
    disk.check(
        "-stat %F:%b:%n:%o:%r:%a:%A%% /d /d/a",
        &format!(
            "directory:0:d:0:0:1755:rwxr-xr-t%\nregular file:4:a:134217728:1:{}%\n",
            disk.run("-stat %a:%A /d/a").1.trim_end()
        ),
    );
    disk.check("-count /d", &format!("{:>12} {:>12} {:>18} /d\n", 2, 2, 8));
    let quotas = format!("{:>12} {:>15} {:>15} {:>15} ", "none", "inf", "none", "inf");
    disk.check("-count -q /d/a", &format!("{quotas}{:>12} {:>12} {:>18} /d/a\n", 0, 1, 4));
    disk.check("-du /d", "4  4  /d/a\n4  4  /d/e\n");
    disk.check("-du -s -h /d", "8  8  /d\n");
    disk.check("-du -v /d/a", "SIZE  DISK_SPACE_CONSUMED_WITH_ALL_REPLICAS  FULL_PATH_NAME\n4     4                                      /d/a\n");
    disk.check("-du /d/e/bb /d/a", "4  4  /d/e/bb\n4  4  /d/a\n");
    let (code, out, _) = disk.run("-df");
    assert!(code == 0 && out.starts_with("Filesystem ") && out.lines().count() == 2, "{out}");
    let row: Vec<&str> = out.lines().nth(1).unwrap().split_whitespace().collect();
    let [size, used] = [row[1], row[2]].map(|bytes| bytes.parse::<f64>().unwrap());
    assert_eq!(row[4], format!("{:.0}%", used / size * 100.0), "{out}");
    let local = disk.root().join("local/one.txt").display().to_string();
    disk.check("-stat %x:%X /d", "1970-01-01 00:00:00:0\n");
    disk.check(&format!("-stat %o file://{local}"), "33554432\n");
    disk.check_fails("-du /nope", "du: `/nope': No such file or directory");
}

#[test]
fn touch_commands() {
    let disk = Disk::new();
    disk.quiet(&["-touchz /tmp/z", "-touchz /tmp/z", "-touch -c /tmp/none", "-put one.txt /tmp/a"]);
    assert!(disk.has("tmp/z") && !disk.has("tmp/none"));
    disk.check_fails("-touchz /tmp/a", "touchz: `/tmp/a': Not a zero-length file");
    disk.check_fails("-touchz /tmp", "touchz: `/tmp': Is a directory");
    disk.check_fails("-touchz /x/y", "touchz: `/x/y': No such file or directory: `hdfs:///x/y'");
    disk.quiet(&["-touch -m -t 20200102:030405 /tmp/a"]);
    assert!(disk.run("-stat %y /tmp/a").1.starts_with("2020-01-0"));
    assert!(!disk.run("-stat %x /tmp/a").1.starts_with("2020-01-0"));
}

#[test]
fn permissions_replication_and_truncate() {
    let disk = Disk::new();
    disk.quiet(&["-put one.txt /tmp/a", "-chmod 640 /tmp/a", "-chmod g+w,o=r /tmp/a"]);
    disk.check("-stat %a /tmp/a", "664\n");
    let owner = disk.run("-stat %u:%g /tmp/a").1;
    let (user, group) = owner.trim_end().split_once(':').unwrap();
    disk.quiet(&[
        &format!("-chown {user}:{group} /tmp/a"),
        &format!("-chown -R {user} /tmp"),
        &format!("-chgrp {group} /tmp/a"),
    ]);
    let (code, _, err) = disk.run("-chmod z /tmp/a");
    assert_eq!(code, 255);
    assert!(err.starts_with("-chmod: chmod : mode 'z' does not match the expected pattern.\n"), "{err}");
    disk.check("-setrep 3 /tmp", "Replication 3 set: /tmp/a\n");
    disk.check("-truncate 2 /tmp/a", "Truncated /tmp/a to length: 2\n");
    disk.check("-cat /tmp/a", "on");
}

#[test]
fn find() {
    let disk = Disk::new();
    disk.quiet(&["-put dir /d", "-put one.txt /d/One.TXT", "-mkdir rel"]);
    disk.check("-find /d", "/d\n/d/One.TXT\n/d/sub\n/d/sub/y\n/d/x\n");
    disk.check("-find /d -iname one*", "/d/One.TXT\n");
    disk.check("-find /d -name [xy] -a -print0", "/d/sub/y\0/d/x\0");
    disk.check("-find .", ".\nrel\n");
    disk.check("-find -name r*", "rel\n");
    disk.check_fails("-find /d -type f", "find: Unexpected argument: -type");
}

#[test]
fn command_lines() {
    let disk = Disk::new();
    let check = |line: &str, code: u8, start: &str| {
        let (ended, _, err) = disk.run(line);
        assert!(ended == code && err.starts_with(start), "{line}: {ended} {err}");
    };
    check("-nope", 255, "-nope: Unknown command\nUsage: hadoop fs [generic options]\n\t[-appendToFile ");
    check("ls", 255, "ls: Unknown command\nDid you mean -ls?  This command begins with a dash.\n");
    check(
        "-mkdir",
        255,
        "-mkdir: Not enough arguments: expected 1 but got 0\nUsage: hadoop fs [generic options] -mkdir [-p] <path> ...\n",
    );
    check("-help nope", 255, "-help: `nope': Unknown command\n");
    disk.check("-usage mkdir", "Usage: hadoop fs [generic options] -mkdir [-p] <path> ...\n");
    assert!(disk.run("-help rm").1.starts_with("-rm [-f] [-r|-R] [-skipTrash] [-safely] <src> ... :\n  "));
}

#[test]
fn nothing_leads_out_of_hdfs() {
    let disk = Disk::new();
    let dfs = disk.root().join("dfs");
    std::os::unix::fs::symlink(disk.root().join("local"), dfs.join("out")).unwrap();
    std::os::unix::fs::symlink("tmp", dfs.join("in")).unwrap();
    disk.quiet(&["-put one.txt /in/a", "-mkdir /tmp/e"]);
    std::os::unix::fs::symlink("e", dfs.join("tmp/to-e")).unwrap();
    disk.check("-rm -r /tmp/to-e", "Deleted /tmp/to-e\n");
    assert!(disk.has("tmp/e"), "of a link the link goes");
    std::os::unix::fs::symlink("nowhere", dfs.join("tmp/dangling")).unwrap();
    disk.check("-ls -C /tmp", "/tmp/a\n/tmp/e\n");
    disk.check_fails("-ls -C /out*", "ls: `/out*': No such file or directory");
    assert!(disk.has("tmp/a"));
    disk.check("-ls -C /", "/in\n/tmp\n/user\n");
    for line in
        ["-cat /out/one.txt", "-rm /out/one.txt", "-put one.txt /out/new", "-rm -r /out", "-mv /tmp/a /out/"]
    {
        let (code, _, err) = disk.run(line);
        assert!(
            code == 1 && err.contains("a link leads out of the folder that stands for HDFS"),
            "{line}: {err}"
        );
    }
    disk.quiet(&["-put one.txt /../../../up"]);
    assert!(disk.has("up"));
    // Of a folder with a link in it the link goes, not what it leads to.
    std::os::unix::fs::symlink(disk.root().join("local"), dfs.join("tmp/link")).unwrap();
    disk.check("-rm -r /tmp", "Deleted /tmp\n");
    assert!(disk.root().join("local/one.txt").exists());
}

/// Changes a file whenever what was read of it has been flushed, and breaks at last.
struct Follower {
    path: std::path::PathBuf,
    seen: Vec<u8>,
    rounds: u32,
}

impl Write for Follower {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.seen.extend(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        let mut file = std::fs::OpenOptions::new().append(true).open(&self.path)?;
        self.rounds += 1;
        match self.rounds {
            1 => file.write_all(b"two\n"),
            2 => file.set_len(1),
            3 => file.write_all(b"three\n"),
            _ => Err(std::io::ErrorKind::BrokenPipe.into()),
        }
    }
}

#[test]
fn tail_follows_a_file_that_grows_and_shrinks() {
    let disk = Disk::new();
    disk.quiet(&["-put one.txt /tmp/a"]);
    let mut out = Follower { path: disk.root().join("dfs/tmp/a"), seen: Vec::new(), rounds: 0 };
    assert_eq!(
        disk.run_into("-tail -f -s 1 /tmp/a", b"", &mut out),
        (1, "tail: Unable to write to output stream.\n".to_owned())
    );
    assert_eq!(String::from_utf8(out.seen).unwrap(), "one\ntwo\nthree\n");
}

#[test]
fn without_a_reader_the_output_ends() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    let disk = Disk::new();
    let ended = disk.run_into("-cat one.txt two.txt", b"", &mut Closed);
    assert_eq!(ended, (1, "cat: Unable to write to output stream.\n".to_owned()));
}

#[test]
fn nothing_is_below_a_file() {
    // FSPermissionChecker.checkTraverse; what is compared with Hadoop is in scripts/compare_fs_shell/commands.txt.
    let disk = Disk::new();
    disk.quiet(&["-put one.txt /f", "-put one.txt f"]);
    for verb in
        ["mkdir", "mkdir -p", "touchz", "touch", "put one.txt", "appendToFile one.txt", "cp /f", "mv /f"]
    {
        let name = verb.split(' ').next().unwrap();
        disk.check_fails(&format!("-{verb} /f/x"), &format!("{name}: /f (is not a directory)"));
        disk.check_fails(&format!("-{verb} f/x"), &format!("{name}: /user/ann/f (is not a directory)"));
    }
    disk.check_fails("-mkdir -p /f/x/y", "mkdir: /f (is not a directory)");
    disk.check_fails("-cat /f/a/{a,b}", "cat: /f (is not a directory)");
    disk.check_fails("-cat /f/*", "cat: `/f/*': No such file or directory");
    disk.check_fails("-cat /f/a", "cat: `/f/a': No such file or directory");
    disk.check_fails("-mkdir /f/x/y", "mkdir: `hdfs:///f/x': No such file or directory");
    disk.check_fails("-cp /nope /f/x", "cp: `/nope': No such file or directory");
    assert_eq!(std::fs::read(disk.root().join("dfs/f")).unwrap(), b"one\n");
}

#[test]
fn checksums_are_those_of_hdfs() {
    let disk = Disk::new();
    disk.quiet(&["-put one.txt empty /"]);
    let none = "MD5-of-0MD5-of-0CRC32\t00000000000000000000000070bc8f4b72a86921468bf8e8441dce51";
    let one = "MD5-of-0MD5-of-512CRC32C\t000002000000000000000000d223122e13484739b68e59311f04fa91";
    disk.check("-checksum /empty /one.txt", &format!("/empty\t{none}\n/one.txt\t{one}\n"));
    disk.check("-checksum -v /one.txt", &format!("/one.txt\t{one}\tBlockSize=134217728\n"));
    let local = format!("file://{}/local/one.txt", disk.root().display());
    disk.check(&format!("-checksum {local}"), &format!("{local}\tNONE\n"));
    disk.check_fails("-checksum /tmp", "checksum: `/tmp': Is a directory");
}

#[test]
fn pipes_and_links_are_written_through() {
    let disk = Disk::new();
    disk.quiet(&["-mkdir /d", "-put one.txt /d"]);
    let pipe = disk.root().join("local/pipe");
    rustix::fs::mknodat(rustix::fs::CWD, &pipe, rustix::fs::FileType::Fifo, 0o600.into(), 0).unwrap();
    let mut reader = std::fs::OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
    disk.quiet(&["-get -f /d/one.txt pipe", "-getmerge /d pipe"]);
    assert!(!pipe.metadata().unwrap().is_file());
    let mut read = [0; 8];
    reader.read_exact(&mut read).unwrap();
    assert_eq!(&read, b"one\none\n");
    std::os::unix::fs::symlink("two.txt", disk.root().join("local/link")).unwrap();
    disk.quiet(&["-getmerge /d link"]);
    assert!(disk.root().join("local/link").is_symlink());
    assert_eq!(std::fs::read(disk.root().join("local/two.txt")).unwrap(), b"one\n");
}

#[test]
fn an_append_is_whole_or_nothing() {
    let disk = Disk::new();
    disk.quiet(&["-mkdir /d", "-put one.txt /d/x"]);
    disk.check_fails("-appendToFile two.txt nope /d/x", "appendToFile: `nope': No such file or directory");
    disk.check_fails("-appendToFile two.txt nope /d/y", "appendToFile: `nope': No such file or directory");
    let (code, _, err) = disk.run("-appendToFile two.txt /proc/self/mem /d/x");
    assert!(code == 1 && err.contains("Input/output error"), "{err}");
    disk.check("-cat /d/x", "one\n");
    disk.check("-ls -C /d", "/d/x\n");
}
