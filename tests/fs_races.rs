//! Commands of `hadoop fs` that run at the same time, or that are stopped, leave whole files and nothing temporary.

use crate::harness::{JobDir, MrCommand, Output, wait_until};
use rustix::process::{Pid, Signal, kill_process};
use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

/// Bytes of a local file: more than one buffer of a copy.
const BYTES: usize = 300_000;
/// What a name holds while a file is not whole or a folder is being removed.
const UNFINISHED: &str = "_COPYING_";
/// Bytes of a file in the random test: enough for copies to overlap.
const LARGE_BYTES: usize = 4_000_000;
/// Processes that run at once in a round of the random test.
const PROCESSES: usize = 8;

/// A job's folder with Hadoop's commands, HDFS in `dfs`, and local files: `A` holds only `a`, `B` only `b`.
struct Disk {
    dir: JobDir,
}

impl Disk {
    fn new() -> Self {
        let dir = JobDir::new();
        dir.run("install-commands hadoop").expect_code(0);
        let disk = Self { dir };
        disk.reset();
        disk
    }

    /// Puts everything back to the beginning.
    fn reset(&self) {
        for folder in ["dfs", "local"] {
            fs::remove_dir_all(self.dir.path(folder)).ok();
        }
        for folder in ["dfs/tmp", "dfs/user/ann", "local"] {
            fs::create_dir_all(self.dir.path(folder)).unwrap();
        }
        self.dir.write("A", vec![b'a'; BYTES]).write("B", vec![b'b'; BYTES]);
        self.dir.write("dfs/d/x", "oooo").write("dfs/d/empty", "").write("dfs/d/n/z", "zzz");
        self.dir.write("dirA/f", "a").write("dirB/f", "b");
    }

    /// The command `hadoop fs` with these arguments.
    fn fs(&self, line: &str) -> MrCommand {
        let words: Vec<&str> = ["fs"].into_iter().chain(line.split(' ')).collect();
        self.dir
            .command(&words)
            .after("exec hadoop/bin/hadoop \"$@\";")
            .with("MRSTREAM_HDFS_ROOT", self.dir.path("dfs"))
            .with("HADOOP_USER_NAME", "ann")
            .with("HOME", self.dir.beside("tmp"))
    }

    /// What is in HDFS and in the folder `local`: names of files with their bytes as runs, names of folders.
    fn tree(&self) -> BTreeMap<String, String> {
        let mut found = BTreeMap::new();
        walk(&self.dir.path("dfs"), "", &mut found);
        walk(&self.dir.path("local"), "local", &mut found);
        found
    }

    /// Whether it worked, and what is there then, of commands one after another.
    fn serial(&self, lines: &[&str]) -> (Vec<bool>, BTreeMap<String, String>) {
        self.reset();
        let good = lines.iter().map(|line| worked(&self.fs(line).run())).collect();
        (good, self.tree())
    }

    /// The number of operations of a command.
    fn operations(&self, line: &str) -> usize {
        self.reset();
        let log = self.dir.beside("points");
        fs::remove_file(&log).ok();
        self.fs(line).with("MRSTREAM_FAULT_LOG", &log).run();
        fs::read_to_string(&log).unwrap().lines().count()
    }

    /// Runs a command to its operation `number`, does something, and lets it go on.
    fn interrupt(&self, line: &str, number: usize, act: impl FnOnce(Pid)) -> Output {
        let running = self.fs(line).with("MRSTREAM_FAULT", format!("all:{number}:stop")).start();
        wait_until("the command stops", || is_stopped(running.pid));
        act(running.pid);
        kill_process(running.pid, Signal::CONT).unwrap();
        running.finish()
    }
}

fn walk(folder: &Path, prefix: &str, found: &mut BTreeMap<String, String>) {
    for entry in fs::read_dir(folder).unwrap().map(Result::unwrap) {
        let name = format!("{prefix}/{}", entry.file_name().to_str().unwrap());
        if entry.file_type().unwrap().is_dir() {
            found.insert(format!("{name}/"), String::new());
            walk(&entry.path(), &name, found);
        } else {
            found.insert(name, runs(&fs::read(entry.path()).unwrap()));
        }
    }
}

/// Equal bytes as one letter with their number.
fn runs(bytes: &[u8]) -> String {
    let runs = bytes.chunk_by(|one, next| one == next);
    runs.map(|run| format!("{}{}", char::from(run[0]), run.len())).collect::<Vec<_>>().join(" ")
}

fn is_stopped(pid: Pid) -> bool {
    let stat = fs::read_to_string(format!("/proc/{}/stat", pid.as_raw_nonzero())).unwrap_or_default();
    stat.rsplit(')').next().is_some_and(|fields| fields.starts_with(" T"))
}

/// Whether a command worked. What it says when it did not is in Hadoop's words.
#[track_caller]
fn worked(output: &Output) -> bool {
    assert!(matches!(output.code, Some(0 | 1)), "{}", output.report());
    assert!(
        !output.stderr.contains("panicked") && !output.stderr.contains("os error"),
        "{}",
        output.report()
    );
    let says_why = output.stderr.lines().any(|line| line.contains(": ") && !line.contains(" INFO "));
    assert_eq!(output.code == Some(1), says_why, "{}", output.report());
    output.code == Some(0)
}

/// The second command runs whole while the first is stopped, at each of its operations in turn. Then all is as after
/// one of both orders; or one of them failed and changed nothing.
fn check_pairs(pairs: &[(&str, &str)]) {
    let disk = Disk::new();
    for (first, second) in pairs {
        let (good, both) = disk.serial(&[first, second]);
        let mut allowed = vec![([good[0], good[1]], both)];
        let (good, both) = disk.serial(&[second, first]);
        allowed.push(([good[1], good[0]], both));
        let (good, first_alone) = disk.serial(&[first]);
        allowed.push(([good[0], false], first_alone));
        let (good, second_alone) = disk.serial(&[second]);
        allowed.push(([false, good[0]], second_alone));
        for number in 1..=disk.operations(first) {
            disk.reset();
            let mut other = None;
            let one = disk.interrupt(first, number, |_| other = Some(disk.fs(second).run()));
            let other = other.unwrap();
            let found = ([worked(&one), worked(&other)], disk.tree());
            assert!(
                allowed.contains(&found),
                "{first}, stopped at operation {number}, and {second}\n{found:#?}\nallowed: {allowed:#?}\n{}\n{}",
                one.report(),
                other.report()
            );
        }
    }
}

#[test]
fn copies_to_one_name_leave_one_whole_file() {
    check_pairs(&[
        ("-put A /d/new", "-put B /d/new"),
        ("-put -f A /d/x", "-put -f B /d/x"),
        ("-put A /d/new", "-put -f B /d/new"),
        ("-put -d -f A /d/x", "-put -d -f B /d/x"),
        ("-put -f A /d/x", "-rm /d/x"),
        ("-put A /d/new", "-mkdir /d/new"),
        ("-put -f A /d/new", "-mkdir /d/new"),
        ("-put dirA /d/new", "-put dirB /d/new"),
        ("-cp /d/x /d/new", "-put B /d/new"),
        ("-cp -f -p /d/n/z /d/x", "-put -f B /d/x"),
        ("-moveFromLocal A /d/new", "-put B /d/new"),
        ("-moveFromLocal -f A /d/x", "-put -f B /d/x"),
    ]);
}

#[test]
fn copies_to_the_local_disk_leave_one_whole_file() {
    check_pairs(&[
        ("-get /d/x local/got", "-get /d/n/z local/got"),
        ("-get -f /d/x local/got", "-put -f B /d/x"),
        ("-get -f /d/x local/got", "-rm /d/x"),
        ("-getmerge /d local/got", "-getmerge /d/n local/got"),
        ("-getmerge /d local/got", "-put -f B /d/x"),
        ("-getmerge /d local/got", "-put B /d/new"),
        ("-getmerge /d local/got", "-rm /d/x"),
        ("-put A /d/new", "-getmerge /d local/got"),
        ("-put A /d/new", "-get /d local/got"),
        ("-put A /d/new", "-cp /d /e"),
    ]);
}

#[test]
fn names_that_were_taken_are_not_taken_over() {
    check_pairs(&[
        ("-mv /d/x /d/new", "-put B /d/new"),
        ("-mv /d/x /d/new", "-mv /d/n/z /d/new"),
        ("-mv /d/n /d/new", "-mkdir /d/new"),
        ("-mv /d/x /d/new", "-rm /d/x"),
        ("-touchz /d/new", "-put B /d/new"),
        ("-touchz /d/empty", "-put -f B /d/empty"),
        ("-touch /d/new", "-put B /d/new"),
        ("-touch /d/new", "-touchz /d/new"),
        ("-mkdir -p /q/r", "-mkdir -p /q/s"),
        ("-mkdir /d/new", "-touchz /d/new"),
    ]);
}

#[test]
fn only_one_writer_appends_to_a_file() {
    check_pairs(&[
        ("-appendToFile A /d/x", "-appendToFile B /d/x"),
        ("-appendToFile A /d/new", "-appendToFile B /d/new"),
        ("-appendToFile A /d/x", "-put -f B /d/x"),
        ("-appendToFile A /d/x", "-rm /d/x"),
        ("-appendToFile A /d/x", "-mv /d/x /d/y"),
        ("-appendToFile A /d/x", "-truncate 1 /d/x"),
        ("-truncate 1 /d/x", "-appendToFile A /d/x"),
        ("-appendToFile A /u/v/w", "-appendToFile B /u/v/y"),
    ]);
    let disk = Disk::new();
    let mut refused = None;
    let operations = disk.operations("-appendToFile A /d/x");
    disk.reset();
    let appended = disk.interrupt("-appendToFile A /d/x", operations, |_| {
        refused = Some(disk.fs("-appendToFile B /d/x").run());
    });
    appended.expect_code(0);
    refused.unwrap().expect_code(1).expect_stderr(&[
        "appendToFile: Failed to APPEND_FILE /d/x for ",
        " because this file lease is currently owned by ",
    ]);
}

#[test]
fn a_folder_is_removed_at_once() {
    check_pairs(&[
        ("-rm -r /d/n", "-put B /d/n/new"),
        ("-rm -r /d/n", "-mkdir /d/n/m"),
        ("-rm -r /d/n", "-mkdir -p /d/n/m/o"),
        ("-rm -r /d/n", "-mkdir /d/n"),
        ("-rm -r /d/n", "-mv /d/n /d/m"),
        ("-put B /d/n/new", "-rm -r /d/n"),
        ("-getmerge /d/n local/got", "-rm -r /d/n"),
    ]);
    // Of two that remove one thing, one does.
    let disk = Disk::new();
    for line in ["-rm -r -skipTrash /d/n", "-rm /d/x", "-D fs.trash.interval=9 -rm -r /d/n"] {
        for number in 1..=disk.operations(line) {
            disk.reset();
            let mut other = None;
            let one = disk.interrupt(line, number, |_| other = Some(disk.fs(line).run()));
            let codes = [one.code, other.as_ref().unwrap().code];
            let is_one = codes.contains(&Some(0)) && codes.contains(&Some(1));
            assert!(is_one, "{number}\n{}\n{}", one.report(), other.unwrap().report());
            let name = line.rsplit(' ').next().unwrap();
            assert!(
                !disk
                    .tree()
                    .keys()
                    .any(|path| path.trim_end_matches('/') == name || path.contains(UNFINISHED))
            );
        }
    }
}

#[test]
fn the_trash_keeps_both_files_of_one_name() {
    let disk = Disk::new();
    let line = "-D fs.trash.interval=9 -rm /d/x";
    for number in 1..=disk.operations(line) {
        disk.reset();
        let one = disk.interrupt(line, number, |_| {
            disk.fs(line).run().expect_code(0);
            disk.fs("-put B /d/x").run().expect_code(0);
        });
        assert_eq!(one.code, Some(0), "{number}\n{}", one.report());
        let tree = disk.tree();
        let kept: Vec<&str> = tree
            .iter()
            .filter(|(path, _)| path.starts_with("/user/ann/.Trash/Current/d/x"))
            .map(|(_, bytes)| bytes.as_str())
            .collect();
        assert_eq!(kept.len(), 2, "{number}: {tree:#?}");
        assert!(kept.contains(&"o4") && kept.contains(&format!("b{BYTES}").as_str()), "{number}: {tree:#?}");
    }
    // The trash is put aside while something is moved there.
    for number in 1..=disk.operations(line) {
        disk.reset();
        disk.dir.write("dfs/user/ann/.Trash/Current/other", "");
        let one = disk.interrupt(line, number, |_| {
            drop(disk.fs("-D fs.trash.interval=9 -expunge").run().expect_code(0));
        });
        assert_eq!(one.code, Some(0), "{number}\n{}", one.report());
        let tree = disk.tree();
        assert!(
            tree.keys().any(|path| path.starts_with("/user/ann/.Trash/") && path.ends_with("/d/x")),
            "{tree:#?}"
        );
    }
}

#[test]
fn a_command_that_is_stopped_leaves_nothing_temporary() {
    let signals = [Signal::TERM, Signal::INT, Signal::HUP, Signal::QUIT, Signal::XCPU];
    let disk = Disk::new();
    for line in [
        "-put A /d/new",
        "-put -f A /d/x",
        "-put dirA /d/new",
        "-moveFromLocal A /d/new",
        "-cp /d/n/z /d/new",
        "-get /d/x local/got",
        "-getmerge /d local/got",
        "-appendToFile A B /d/x",
        "-appendToFile A /d/new",
        "-rm -r /d/n",
        "-D fs.trash.interval=9 -rm -r /d/n",
    ] {
        let (_, whole) = disk.serial(&[line]);
        let operations = disk.operations(line);
        for number in 1..=operations {
            // Each operation gets one of the signals, the last ones get all.
            let tried = if number + 2 > operations { &signals[..] } else { &signals[number % 5..][..1] };
            for signal in tried {
                disk.reset();
                let before = disk.tree();
                let ended = disk.interrupt(line, number, |pid| kill_process(pid, *signal).unwrap());
                let by_signal = format!("(ended by signal {})", signal.as_raw());
                let at = format!("{line} at {number}: {signal:?}\n{}", ended.report());
                assert!(ended.code == Some(0) || ended.stderr.contains(&by_signal), "{at}");
                let tree = disk.tree();
                let is_new = |path: &&String| !before.contains_key(*path) || before[*path] != tree[*path];
                for path in tree.keys().filter(is_new) {
                    let is_folder = path.ends_with('/') && whole.contains_key(path);
                    assert!(is_folder || whole.get(path) == tree.get(path), "{path} is left: {at}");
                }
                for path in before.keys().filter(|path| !tree.contains_key(*path)) {
                    assert!(!whole.contains_key(path), "{path} is gone: {at}");
                }
            }
        }
    }
}

#[test]
fn a_command_that_waits_for_input_ends_at_a_signal_and_leaves_nothing() {
    let disk = Disk::new();
    for (line, signal) in [("-put - /d/new", Signal::TERM), ("-appendToFile - /d/x", Signal::INT)] {
        let running = disk
            .fs(line)
            .after("mkfifo pipe; exec 3<>pipe; echo begun >&3; exec hadoop/bin/hadoop \"$@\" <&3;")
            .with("MRSTREAM_FAULT_LOG", disk.dir.beside("log"))
            .start();
        let has_written =
            || fs::read_to_string(disk.dir.beside("log")).is_ok_and(|log| log.contains("write "));
        wait_until("the command writes", has_written);
        kill_process(running.pid, signal).unwrap();
        let ended = running.finish();
        assert!(
            ended.stderr.contains(&format!("(ended by signal {})", signal.as_raw())),
            "{}",
            ended.report()
        );
        fs::remove_file(disk.dir.beside("log")).unwrap();
        fs::remove_file(disk.dir.path("pipe")).unwrap();
        let before = disk.tree();
        disk.reset();
        assert_eq!(before, disk.tree());
    }
}

#[test]
fn ignored_signals_stay_ignored() {
    let disk = Disk::new();
    let line = "-put A /d/new";
    let operations = disk.operations(line);
    disk.reset();
    let command = disk.fs(line).after("trap '' HUP INT; exec hadoop/bin/hadoop \"$@\";");
    let running = command.with("MRSTREAM_FAULT", format!("all:{operations}:stop")).start();
    wait_until("the command stops", || is_stopped(running.pid));
    for signal in [Signal::HUP, Signal::INT, Signal::CONT] {
        kill_process(running.pid, signal).unwrap();
    }
    running.finish().expect_code(0);
    assert_eq!(disk.tree()["/d/new"], format!("a{BYTES}"));
}

#[test]
fn a_reader_that_goes_away_leaves_nothing_temporary() {
    let disk = Disk::new();
    for line in ["-rm -r /d/n", "-put A /d/new", "-getmerge /d local/got", "-cat /d/x"] {
        disk.reset();
        disk.fs(line).after("hadoop/bin/hadoop \"$@\" | true; exit 0;").run().expect_code(0);
        let tree = disk.tree();
        assert!(!tree.keys().any(|path| path.contains(UNFINISHED)), "{line}: {tree:#?}");
    }
}

#[test]
fn what_a_killed_copy_leaves_is_no_data() {
    let disk = Disk::new();
    let operations = disk.operations("-put A /d/new");
    disk.reset();
    disk.fs("-put A /d/new").with("MRSTREAM_FAULT", format!("all:{operations}:kill")).run();
    let tree = disk.tree();
    let left: Vec<&String> = tree.keys().filter(|path| path.contains(UNFINISHED)).collect();
    assert_eq!(left.len(), 1, "{tree:#?}");
    assert!(left[0].starts_with("/d/._COPYING_"), "{left:?}");
    // It is seen, but no command and no job takes it for a file.
    let listed = disk.fs("-ls -C /d").run().expect_code(0).stdout;
    assert!(listed.lines().any(|path| path == left[0]), "{listed}");
    let got = |line: &str| {
        disk.fs(line).run().expect_code(0);
        disk.tree()
    };
    assert_eq!(got("-getmerge /d local/merged")["local/merged"], "o4");
    assert!(!got("-get /d local/got").keys().any(|path| path.starts_with("local/got/._")));
    assert!(!got("-cp /d /copy").keys().any(|path| path.starts_with("/copy/._")));
    assert_eq!(disk.fs("-cat /d/*x /d/[.ex]*").run().stdout, "oooooooo");
    disk.fs("-put A /d/new").run().expect_code(0);
    disk.fs("-rm /d/new").run().expect_code(0);
    for (input, output) in [("hdfs:///d", "local/one"), ("hdfs:///d/*", "local/two")] {
        let recursive = "mapreduce.input.fileinputformat.input.dir.recursive=true";
        let args = ["-D", recursive, "-input", input, "-output", output, "-mapper", "cat"];
        disk.dir.command(&args).with("MRSTREAM_HDFS_ROOT", disk.dir.path("dfs")).run().expect_code(0);
        let read = &disk.tree()[&format!("{output}/part-00000")];
        assert!(read.contains("o4") && !read.contains('a'), "{read}");
    }
    disk.fs("-rm /d/._COPYING_*").run().expect_code(0);
    assert!(!disk.tree().keys().any(|path| path.contains(UNFINISHED)));
}

/// Commands that random processes choose from; `W` is a file of the writer's own. Nothing reads what is appended to: as in
/// HDFS a reader sees the part that is there.
const CHOICES: [&str; 18] = [
    "-put W /r/x",
    "-put -f W /r/x",
    "-put -f W /r/x",
    "-put -f W /r/y",
    "-appendToFile W /q/a",
    "-appendToFile W /r/s/t/u/g",
    "-put -f W /r/s/t/u/f",
    "-rm /r/x",
    "-rm -r -skipTrash /r/s",
    "-mkdir -p /r/s/t/u",
    "-mkdir -p /r/s/t/u",
    "-mv /r/x /r/y",
    "-mv /r/y /r/z",
    "-cp -f /r/x /r/y",
    "-getmerge /r local/m",
    "-get -f /r/x local/g",
    "-D fs.trash.interval=9 -rm -r /r/s",
    "-D fs.trash.interval=9 -expunge",
];

#[test]
fn random_commands_at_once_leave_whole_files() {
    let disk = Disk::new();
    let mut state = 88_172_645_463_325_252_u64;
    let mut random = move |below: usize| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state % below as u64) as usize
    };
    for writer in 0..PROCESSES {
        disk.dir.write(&format!("w{writer}"), vec![b'0' + writer as u8; LARGE_BYTES]);
    }
    fs::create_dir(disk.dir.path("dfs/r")).unwrap();
    for round in 0..20 {
        let begin = |writer| {
            let line = CHOICES[random(CHOICES.len())].replace('W', &format!("w{writer}"));
            (line.clone(), disk.fs(&line).start())
        };
        let running: Vec<_> = (0..PROCESSES).map(begin).collect();
        for (line, running) in running {
            let ended = running.finish();
            let report = ended.report();
            assert!(matches!(ended.code, Some(0 | 1)), "round {round}\n{report}");
            let is_raw = ended.stderr.contains("panicked") || ended.stderr.contains("os error");
            assert!(!is_raw, "round {round}\n{report}");
            let must_work = line.starts_with("-mkdir") || line.starts_with("-put -f W /r/x");
            assert!(!must_work || ended.code == Some(0), "round {round}\n{report}");
        }
        for (path, bytes) in disk.tree() {
            assert!(!path.contains(UNFINISHED), "round {round}: {path}");
            let is_whole =
                |run: &str| run[1..].parse::<usize>().is_ok_and(|length| length % LARGE_BYTES == 0);
            let is_ours = path.starts_with("/r/")
                || path.starts_with("/q/")
                || path.starts_with("local/")
                || path.contains("/r/");
            assert!(!is_ours || bytes.split_whitespace().all(is_whole), "round {round}: {path}: {bytes}");
        }
    }
}
