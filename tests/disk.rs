//! Disks that are full, broken or read-only: each operation of a job fails once, by the points of `src/fault.rs`,
//! and the job must end as if it had been told so politely.
//!
//! `MRSTREAM_TEST_FAULTS` sets how many operations of each job fail, `all` for all of them, and
//! `MRSTREAM_TEST_SEED` which ones; `MRSTREAM_TEST_ERRORS` by which errors. A failure shows the rule that brings it
//! about.

use crate::harness::{JobDir, Output, repository, say};
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;

/// Operations of each job that fail when the environment does not say.
const FAULTS_DEFAULT: usize = 6;

/// Errors, and by what they are known in a message. The first two are enough unless all operations fail in turn.
const ERRORS: [(&str, &str); 8] = [
    ("EIO", "(os error 5)"),
    ("ENOSPC", "(os error 28)"),
    ("EDQUOT", "(os error 122)"),
    ("EROFS", "(os error 30)"),
    ("EACCES", "(os error 13)"),
    ("EMFILE", "(os error 24)"),
    ("ENOMEM", "(os error 12)"),
    ("EINTR", "(os error 4)"),
];

/// Errors that a disk, once it has one, has at all that follows too.
const DISK_ERRORS: [&str; 2] = ["EIO", "ENOSPC"];

/// One slot, so that the points come in the same order each time.
const ONE_SLOT: &str = "-D mapreduce.local.map.tasks.maximum=1 -D mapreduce.local.reduce.tasks.maximum=1";
/// Many spills, and merges of them.
const SMALL_MEMORY: &str =
    "-D mrstream.memory.bytes=16384 -D mapreduce.task.io.sort.factor=3 -D mrstream.map.output.fold=never";

fn tar_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = tar::Builder::new(Vec::new());
    for (name, content) in entries {
        let mut header = tar::Header::new_gnu();
        header.set_size(content.len() as u64);
        header.set_mode(0o644);
        archive.append_data(&mut header, name, *content).unwrap();
    }
    archive.into_inner().unwrap()
}

/// A folder with all that the jobs read.
fn job_dir() -> JobDir {
    let dir = JobDir::new();
    for (name, lines) in [("in/a.txt", 3000), ("in/b.txt", 2000), ("more/c.txt", 50)] {
        let mut text = String::new();
        for number in 0..lines {
            writeln!(text, "key{}\t{number}", number * 7919 % 499).unwrap();
        }
        dir.write(name, text);
    }
    dir.script("mapper.sh", "#!/bin/sh\ncat data/one data/two\ncat\n");
    dir.write("data.tar", tar_of(&[("one", b"x\ty\n"), ("two", b"x\ty\n")]));
    let sequence = repository().join("testdata/formats/text-text.seq");
    dir.write("seq/text.seq", fs::read(sequence).unwrap());
    dir
}

/// Runs a job with these rules; returns what it did and the points it passed, as lines of the log.
fn run(dir: &JobDir, args: &str, rules: &str) -> (Output, Vec<String>) {
    for left in ["out", "tmp"] {
        let folder = if left == "tmp" { dir.beside(left) } else { dir.path(left) };
        fs::remove_dir_all(folder).ok();
    }
    fs::create_dir(dir.beside("tmp")).unwrap();
    fs::remove_file(dir.path("counters.json")).ok();
    let log = dir.beside("points");
    fs::write(&log, "").unwrap();
    let words: Vec<&str> = args.split_whitespace().collect();
    let output = dir.command(&words).with("MRSTREAM_FAULT_LOG", &log).with("MRSTREAM_FAULT", rules).run();
    let points = fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect();
    (output, points)
}

/// What is left when a job that met a fault is over: right output or none, no panic.
#[track_caller]
fn check_output(dir: &JobDir, rule: &str, output: &Output, reference: &BTreeMap<String, Vec<u8>>) -> bool {
    let report = || format!("MRSTREAM_FAULT={rule}\n{}", output.report());
    assert!(!output.stderr.contains("panicked"), "a panic is no message\n{}", report());
    // Whoever finds the folder takes what is there for the whole output.
    let published = dir.path("out").exists();
    let mut files = dir.files("out");
    let is_dead = rule.starts_with("all:") && rule.contains('+');
    // What belongs to the run alone, and cannot be removed when nothing works any more, is hidden from readers.
    files.retain(|name, _| !(is_dead && name.contains("_temporary/")));
    assert!(!published || files == *reference, "output that is wrong or not whole\n{}", report());
    assert!(published || output.code != Some(0), "success without output\n{}", report());
    published
}

/// A job that met a fault: right output or none, nothing temporary, and one message with the cause for each attempt.
#[track_caller]
fn check_end(dir: &JobDir, rule: &str, cause: &str, output: &Output, reference: &BTreeMap<String, Vec<u8>>) {
    let report = || format!("MRSTREAM_FAULT={rule}\n{}", output.report());
    let published = check_output(dir, rule, output, reference);
    dir.assert_clean();
    if output.code == Some(0) {
        return;
    }
    let only_told_late = output.stderr.contains("the job succeeded, but");
    assert!(!published || only_told_late, "a failure with output\n{}", report());
    assert!(!dir.path("counters.json").exists(), "half a file of counters\n{}", report());
    assert!(output.stderr.contains(cause), "the cause is not told\n{}", report());
    let is_message = |line: &&str| line.starts_with("mr-stream: ") || line.ends_with(" task failed");
    let messages = output.stderr.lines().filter(is_message).count();
    let retried = output.stderr.lines().filter(|line| line.ends_with("the task is tried again")).count();
    assert_eq!(messages, 1 + retried, "one message an attempt\n{}", report());
}

/// A disk that does nothing more from one operation on: neither output nor rubbish can be removed then, but nothing
/// looks finished that is not, and nobody runs. A marker that was there before it could be synced stays, over output
/// that is whole.
#[track_caller]
fn check_dead(dir: &JobDir, rule: &str, output: &Output, reference: &BTreeMap<String, Vec<u8>>) {
    if dir.files("out").keys().any(|name| name.ends_with("_SUCCESS")) {
        check_output(dir, rule, output, reference);
    } else {
        assert_ne!(
            output.code,
            Some(0),
            "success without output: MRSTREAM_FAULT={rule}\n{}",
            output.report()
        );
        assert!(!output.stderr.contains("panicked"), "MRSTREAM_FAULT={rule}\n{}", output.report());
    }
    dir.assert_nobody_runs();
}

/// How the operations of a job are made to fail.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Way {
    /// One of them, as on a disk with a bad spot.
    Once,
    /// All writes from one on, as on a disk that is full.
    Full,
    /// Everything from one on, as on a disk that is gone.
    Dead,
}

/// Lets operations of a job fail: some, spread over all of them, or each.
#[track_caller]
fn check(args: &str) {
    let dir = job_dir();
    let args = format!("{ONE_SLOT} {args}");
    let (clean, points) = run(&dir, &args, "");
    clean.expect_code(0);
    let reference = dir.files("out");
    let switch = |name: &str| std::env::var(name).ok();
    let all = switch("MRSTREAM_TEST_FAULTS").is_some_and(|text| text == "all");
    let faults = match switch("MRSTREAM_TEST_FAULTS") {
        Some(_) if all => points.len(),
        text => text.map_or(FAULTS_DEFAULT, |text| text.parse().unwrap()),
    };
    let seed = switch("MRSTREAM_TEST_SEED").map_or(1, |text| text.parse::<usize>().unwrap());
    let writes = points.iter().filter(|point| point.starts_with("write ")).count();
    let ways = [(Way::Once, points.len()), (Way::Full, writes), (Way::Dead, points.len())];
    let mut came: BTreeMap<String, [usize; 2]> = BTreeMap::new();
    let named = switch("MRSTREAM_TEST_ERRORS");
    let is_wanted = |number: usize, error: &str| match &named {
        Some(names) => names.split(',').any(|name| name == error),
        None => all || number < 2,
    };
    let errors = ERRORS.iter().enumerate().filter(|(number, (error, _))| is_wanted(*number, error));
    for (_, (error, cause)) in errors {
        for (way, count) in
            ways.into_iter().filter(|(way, _)| *way == Way::Once || DISK_ERRORS.contains(error))
        {
            let faults = faults.min(count);
            let step = count / faults.max(1);
            for number in (0..faults).map(|fault| fault * step + seed % step + 1) {
                let rule = match way {
                    Way::Once => format!("all:{number}:{error}"),
                    Way::Full => format!("write:{number}+:{error}"),
                    Way::Dead => format!("all:{number}+:{error}"),
                };
                let (output, points) = run(&dir, &args, &rule);
                let Some(hit) = points.iter().find(|point| point.contains(" <- ")) else { continue };
                match way {
                    Way::Dead => check_dead(&dir, &rule, &output, &reference),
                    _ => check_end(&dir, &rule, cause, &output, &reference),
                }
                let kind = format!("{way:?} {error} {}", hit.split(' ').next().unwrap());
                came.entry(kind).or_default()[usize::from(output.code != Some(0))] += 1;
            }
        }
    }
    if all {
        let lines = came.iter().map(|(kind, [good, bad])| format!("\n  {kind}: {good} good, {bad} failed"));
        say(&format!("{args}: {} operations{}", points.len(), lines.collect::<String>()));
    }
}

#[test]
fn maps_alone() {
    check("-D mapreduce.job.reduces=0 -input in -output out -mapper cat");
}

#[test]
fn a_shuffle_in_memory() {
    check("-input in -output out -mapper cat -reducer cat");
}

#[test]
fn a_shuffle_on_disk() {
    check(&format!("{SMALL_MEMORY} -numReduceTasks 2 -input in -output out -mapper cat -reducer cat"));
}

#[test]
fn a_shuffle_on_disk_that_is_folded() {
    let folded = SMALL_MEMORY.replace("fold=never", "fold=always");
    check(&format!("{folded} -input in -output out -mapper cat -reducer cat"));
}

#[test]
fn a_combiner() {
    check(&format!("{SMALL_MEMORY} -input in -output out -mapper cat -combiner cat -reducer cat"));
}

#[test]
fn many_reduces_with_compressed_output() {
    check(
        "-D mapreduce.output.fileoutputformat.compress=true -numReduceTasks 5 -input in -output out/deep \
         -mapper cat -reducer cat -counters-json counters.json",
    );
}

#[test]
fn archives_and_several_inputs() {
    check(
        "-archives data.tar#data -files mapper.sh -input in -input more -output out -mapper mapper.sh -reducer cat",
    );
}

#[test]
fn several_attempts() {
    check(&format!(
        "{SMALL_MEMORY} -D mapreduce.map.maxattempts=2 -D mapreduce.reduce.maxattempts=2 -input in -output out \
         -mapper cat -reducer cat"
    ));
}

#[test]
fn sequence_files() {
    check("-inputformat SequenceFileAsTextInputFormat -input seq -output out -mapper cat -reducer cat");
}

#[test]
fn points_are_passed_and_faults_happen_there() {
    let (dir, args) = (job_dir(), "-input in -output out -mapper cat -reducer cat");
    let (_, passed) = run(&dir, args, "");
    for kind in
        ["open", "create", "read", "write", "sync", "rename", "mkdir", "remove", "look", "spawn", "wait"]
    {
        let prefix = format!("{kind} ");
        assert!(passed.iter().any(|line| line.starts_with(&prefix)), "no {kind} in\n{}", passed.join("\n"));
    }
    assert!(!passed.iter().any(|line| line.contains(" <- ")), "a fault that nobody asked for");

    let (failed, passed) = run(&dir, args, "create:1:ENOSPC:part-00000");
    let hit = passed.iter().find(|line| line.contains(" <- ")).unwrap();
    assert!(hit.starts_with("create ") && hit.ends_with("part-00000 <- ENOSPC"), "{hit}");
    failed.expect_code(1);
    dir.assert_no_output();

    let (killed, _) = run(&dir, args, "rename:1:kill");
    assert_eq!(killed.code, None, "{}", killed.report());
    assert!(killed.stderr.contains("signal 9"), "{}", killed.report());

    run(&dir, args, "rename:1:nonsense").0.expect_code(1);
}

/// After a power cut whoever finds `_SUCCESS` finds all that it stands for: what is published was brought to the disk
/// before, its names too, and the marker in the end.
#[test]
fn what_is_published_is_on_the_disk_before() {
    let (dir, args) = (job_dir(), "-numReduceTasks 2 -input in -output new/out -mapper cat -reducer cat");
    fs::remove_dir_all(dir.path("new")).ok();
    let (output, points) = run(&dir, &format!("{ONE_SLOT} {args}"), "");
    output.expect_code(0);
    let find = |what: &str, begin: &str, end: &str, from: usize| {
        let is_it = |point: &&String| point.starts_with(begin) && point.ends_with(end);
        let found = points.iter().skip(from).position(|point| is_it(&point));
        from + found.unwrap_or_else(|| panic!("{what} is not in\n{}", points.join("\n")))
    };
    let marker = find("the marker", "create ", "/new/out/_SUCCESS", 0);
    for number in ["0", "1"] {
        let task = format!("_r_00000{number}");
        let committed = find("the commit of a task", "rename ", &task, 0);
        let end = format!("/part-0000{number}");
        let written = points[..committed]
            .iter()
            .rposition(|point| point.starts_with("write ") && point.ends_with(&end));
        let synced = find("the sync of a part", "sync ", &end, written.unwrap());
        assert!(synced < committed, "part {number} is committed before it is on the disk");
        let moved = find("its name", "rename ", &format!("/new/out/part-0000{number}"), committed);
        let name_synced = find("the sync of its name", "sync ", "/new/out", moved);
        assert!(name_synced < marker, "the marker stands before the name of part {number} is on the disk");
    }
    // The folder that was made for the output, and the one that was there.
    for folder in ["/new", "/job"] {
        assert!(find("the sync of a folder above", "sync ", folder, 0) < marker);
    }
    let synced = find("the sync of the marker", "sync ", "/new/out/_SUCCESS", marker);
    find("the sync of its name", "sync ", "/new/out", synced);
}

/// Neither is an error: what was not done is done again.
#[test]
fn short_writes_and_interruptions() {
    let (dir, args) = (job_dir(), format!("{SMALL_MEMORY} -input in -output out -mapper cat -reducer cat"));
    run(&dir, &args, "").0.expect_code(0);
    let reference = dir.files("out");
    let rules = [
        "write:1+:short",
        "write:1:EINTR:_spill,write:3:EINTR:_spill,write:9:EINTR:_spill",
        "read:17:EINTR,read:30:EINTR,read:80:EINTR",
    ];
    for rule in rules {
        run(&dir, &args, rule).0.expect_code(0);
        assert!(dir.files("out") == reference, "{rule}");
    }
}

/// Runs the job where these shell words mount something over `tmp` or over `mounted`, and looks there for what is
/// left.
#[track_caller]
fn run_mounted(dir: &JobDir, mount: &str, args: &str) -> Option<Output> {
    let user_namespace = std::process::Command::new("unshare").args(["-rm", "true"]).output();
    if !user_namespace.is_ok_and(|output| output.status.success()) {
        say("SKIPPED for want of namespaces: disks that are small or read-only");
        return None;
    }
    fs::create_dir(dir.path("mounted")).unwrap();
    let inside = format!(
        "{mount} && {{ \"$0\" \"$@\"; code=$?; find ../tmp mounted -mindepth 1 > left; exit $code; }}; exit 99"
    );
    let prelude = format!("exec unshare -rm sh -c '{inside}' \"$0\" \"$@\";");
    let words: Vec<&str> = args.split_whitespace().collect();
    let output = dir.command(&words).after(&prelude).run();
    let left = fs::read_to_string(dir.path("left")).unwrap();
    let left: Vec<&str> =
        left.lines().filter(|path| !path.contains("/mr-stream-failed-") && *path != "mounted/kept").collect();
    assert!(left.is_empty(), "{left:?}\n{}", output.report());
    Some(output)
}

/// Disks that are really full, read-only or closed to large files; the message names the place, what was needed,
/// what is free, and what puts it elsewhere.
#[test]
fn real_limits() {
    const TEMPORARY: &str = "-D mapreduce.cluster.local.dir=DIR";
    let spilling = format!("{SMALL_MEMORY} -mapper cat -reducer cat -input in");
    for (mount, output, says) in [
        (
            "mount -t tmpfs -o size=16k none ../tmp",
            "out",
            ["cannot write spill", " more needed, ", "of 16.0 KiB are free in", TEMPORARY],
        ),
        (
            "mount -t tmpfs -o nr_inodes=2 none ../tmp",
            "out",
            ["cannot create spill", "all 2 files", "/tmp/mr-stream-", TEMPORARY],
        ),
        (
            "mount -t tmpfs -o ro none ../tmp",
            "out",
            ["cannot make a temp folder in", "is read-only", "/tmp", TEMPORARY],
        ),
        (
            "mount -t tmpfs -o size=32k none mounted",
            "mounted/out",
            ["cannot write output file", " more needed, ", "of 32.0 KiB are free in", "another -output"],
        ),
        (
            "mount -t tmpfs -o ro none mounted",
            "mounted/a/out",
            ["cannot make output folder", "is read-only", "/mounted", "another -output"],
        ),
    ] {
        let dir = job_dir();
        let args = format!("{ONE_SLOT} {spilling} -output {output}");
        let Some(ended) = run_mounted(&dir, mount, &args) else { return };
        let ended = ended.expect_code(1).expect_stderr(&says);
        assert!(!ended.stderr.contains("panicked"), "{}", ended.report());
        dir.assert_no_output();
    }
}

/// What is shipped, and what is kept of a failure, has its own messages.
#[test]
fn real_limits_of_what_is_unpacked_and_kept() {
    let kept = "-keep-failed mounted/kept -mapper false";
    for (mount, more, says) in [
        (
            "size=16k none ../tmp",
            "-archives large.tar -mapper cat",
            ["entry \"large\": ", " are free in ", "local.dir=DIR"],
        ),
        ("size=16k none mounted", kept, ["cannot be kept: cannot write ", "/input: ", " are free in "]),
        ("ro none mounted", kept, ["cannot be kept: cannot make folder ", "/mounted/kept", "is read-only"]),
    ] {
        let dir = job_dir();
        dir.write("large.tar", tar_of(&[("small", b"x"), ("large", &vec![b'x'; 100_000])]));
        let mount = format!("mount -t tmpfs -o {mount}");
        let args = format!("{ONE_SLOT} {more} -reducer cat -input in -output out");
        let Some(ended) = run_mounted(&dir, &mount, &args) else { return };
        assert!(![Some(0), Some(99)].contains(&ended.code), "{}", ended.report());
        ended.expect_stderr(&says);
        dir.assert_no_output();
    }
}

/// What is of no more use costs neither a good output nor the cause of a failure.
#[test]
fn what_cannot_be_removed_is_a_warning() {
    // A mount in the attempt's own temporary folder cannot be removed with it.
    let mounts = "#!/bin/sh\nmkdir -p \"$mapreduce_cluster_local_dir/busy\"\n\
                  mount -t tmpfs none \"$mapreduce_cluster_local_dir/busy\" || exit 9\ncat\nexit $1\n";
    for (code, says) in [(0, "Output directory: out"), (3, "exited with code 3")] {
        let dir = job_dir();
        dir.script("mounts.sh", mounts);
        let mapper = format!("{} {code}", dir.path("mounts.sh").display());
        let prelude = "exec unshare -rm sh -c '\"$0\" \"$@\"' \"$0\" \"$@\";";
        let args = ["-input", "in/a.txt", "-output", "out", "-mapper", &mapper, "-reducer", "cat"];
        if std::process::Command::new("unshare").args(["-rm", "true"]).status().is_ok_and(|it| it.success()) {
            let output = dir.command(&args).after(prelude).run().expect_code(i32::from(code != 0));
            output.expect_stderr(&["WARN cannot remove temp folder ", "/tmp/mr-stream-", says]);
            assert_eq!(dir.path("out/_SUCCESS").exists(), code == 0);
        } else {
            say("SKIPPED for want of namespaces: a temporary folder that cannot be removed");
        }
    }
    let (dir, args) = (job_dir(), "-input in -output out -mapper cat -reducer cat");
    run(&dir, args, "").0.expect_code(0);
    let reference = dir.files("out");
    let (output, _) = run(&dir, args, "remove:1+:EIO:_temporary/journal");
    output.expect_code(0).expect_stderr(&["WARN cannot remove ", "out/_temporary/journal"]);
    let mut files = dir.files("out");
    files.retain(|name, _| !name.starts_with("_temporary/"));
    assert!(files == reference);
    dir.run(&format!("{args} -overwrite")).expect_code(0);
    assert!(dir.files("out") == reference);
}

/// Who does not hear about a job has its output all the same.
#[test]
fn full_streams_cost_no_job() {
    let args = ["-input", "in", "-output", "out", "-mapper", "cat", "-reducer", "cat"];
    for streams in
        ["exec 2>/dev/full;", "exec >/dev/full;", "exec >/dev/full 2>&1;", "exec 2>&-;", "exec <&- >&- 2>&-;"]
    {
        let dir = job_dir();
        dir.command(&args).after(streams).run().expect_code(0);
        assert_eq!(dir.files("out").len(), 2, "{streams}");
        dir.assert_clean();
    }
}

#[test]
fn files_may_be_small_only() {
    for (more, says) in [
        ("", ["cannot write output file", "another -output"]),
        (SMALL_MEMORY, ["cannot write spill", "-D mapreduce.cluster.local.dir=DIR"]),
    ] {
        let dir = job_dir();
        let args = format!("{more} -input in -output out -mapper cat -reducer cat");
        let args: Vec<&str> = args.split_whitespace().collect();
        let output = dir.command(&args).after("ulimit -f 8;").run().expect_code(1);
        output.expect_stderr(&says).expect_stderr(&["a file may have 4.0 KiB here (ulimit -f)"]);
        dir.assert_no_output();
    }
}

#[test]
fn refusals_that_no_test_machine_makes() {
    for (rule, says) in [
        (
            "write:1+:EDQUOT:/tmp/mr-stream-",
            ["cannot write spill", "quota", "-D mapreduce.cluster.local.dir"],
        ),
        ("create:1:EDQUOT:part-", ["cannot create output file", "quota", "another -output"]),
        ("create:1:ENOSPC:_SUCCESS", ["cannot write", "are free in", "another -output"]),
        (
            "read:1:EIO:_spill",
            ["cannot read spill", "failed; the system's log", "-D mapreduce.cluster.local.dir"],
        ),
        ("sync:1:EIO:part-", ["cannot sync output file", "failed; the system's log", "another -output"]),
    ] {
        let dir = job_dir();
        let args = format!("{SMALL_MEMORY} -input in -output out -mapper cat -reducer cat");
        let (output, _) = run(&dir, &args, rule);
        output.expect_code(1).expect_stderr(&says);
        dir.assert_no_output();
    }
    let dir = job_dir();
    let output = dir.run("-input in -output out -mapper cat -counters-json /dev/full").expect_code(1);
    output.expect_stderr(&["the job succeeded, but", "cannot write counters to /dev/full", "are free in"]);
}

/// A folder that fails while the job runs is left out, what it has already is written again in the next one, and
/// the user hears of it.
#[test]
fn folders_that_fail_are_left_out_while_another_works() {
    let dir = job_dir();
    let folders = "-D mapreduce.cluster.local.dir=../tmp/one,../tmp/two";
    let args = format!("{ONE_SLOT} {SMALL_MEMORY} {folders} -input in -output out -mapper cat -reducer cat");
    let clean = run(&dir, &args, "").0.expect_code(0);
    assert!(!clean.stderr.contains("left out"), "{}", clean.report());
    let reference = dir.files("out");
    for rule in [
        "mkdir:1:EROFS:/tmp/one",
        "create:1+:EROFS:/tmp/one/",
        "write:1+:ENOSPC:/tmp/one/",
        "write:2+:EDQUOT:/tmp/two/",
        "write:5:EIO:/tmp/two/",
    ] {
        let (output, _) = run(&dir, &args, rule);
        let output =
            output.expect_code(0).expect_stderr(&["a folder for temporary files was left out: cannot "]);
        assert!(dir.files("out") == reference, "{rule}\n{}", output.report());
        for folder in ["one", "two"] {
            // One that could not be made is not there.
            fs::remove_dir(dir.beside("tmp").join(folder)).ok();
        }
        dir.assert_clean();
    }
    let (output, _) = run(&dir, &args, "write:2+:ENOSPC:/tmp/one/,write:2+:EIO:/tmp/two/");
    output.expect_code(1).expect_stderr(&["cannot write spill", "-D mapreduce.cluster.local.dir"]);
    assert!(!dir.path("out").exists());
}
