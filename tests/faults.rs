//! What goes wrong, and how the job then ends: the exit code, one message that names the trouble, no
//! output that looks finished, no temporary file, no process left.

use crate::harness::{JobDir, Output, repository, say};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;

/// A job folder with a small input and the child of bad habits.
fn job_dir() -> JobDir {
    let dir = JobDir::new();
    let child = fs::read_to_string(repository().join("tests/children/fake_child.sh")).unwrap();
    dir.script("fake_child.sh", &child).write("in/a.txt", "one\ntwo\nthree\n");
    dir
}

/// Runs `in` to `out` with a child of this habit as mapper.
fn run_habit(dir: &JobDir, habit: &str, more: &[&str]) -> Output {
    let mapper = format!("fake_child.sh {habit}");
    let args = ["-files", "fake_child.sh", "-input", "in", "-output", "out", "-mapper", &mapper];
    dir.command(&[&args, more].concat()).run()
}

/// The job ended with this code and said these texts; nothing is left of it.
#[track_caller]
fn check(dir: &JobDir, output: Output, code: i32, says: &[&str]) {
    let output = output.expect_code(code).expect_stderr(says);
    assert!(!output.stderr.contains("panicked"), "a panic is no message\n{}", output.report());
    dir.assert_no_output();
}

#[test]
fn missing_input() {
    for (input, named) in [("gone", "gone"), ("in,gone/x*", "gone/x*"), ("in/a.txt,in/b.txt", "b.txt")] {
        let dir = job_dir();
        let output = dir.run(&format!("-input {input} -output out -mapper cat"));
        check(&dir, output, 5, &[named]);
    }
}

/// Hadoop looks for these while it reads the command line, the others once the output was looked for and before
/// the input is.
#[test]
fn missing_shipped_files() {
    for (options, code) in [
        ("-files gone -input in", 1),
        ("-archives gone.zip -input nowhere", 1),
        ("-file gone -input in", 1),
        ("-cacheFile gone#x -input nowhere", 2),
        ("-cacheArchive gone.zip#x -input in", 2),
        ("-D tmpfiles=file:/nowhere/gone -input in", 2),
    ] {
        let dir = job_dir();
        let output = dir.run(&format!("{options} -output out -mapper cat"));
        check(&dir, output, code, &["cannot ship", "gone"]);
    }
    let dir = job_dir();
    dir.write("out/keep.txt", "mine");
    dir.run("-files gone -input in -output out -mapper cat").expect_code(1);
    dir.run("-cacheFile gone#x -input in -output out -mapper cat").expect_code(5);
}

#[test]
fn existing_output_is_left_alone() {
    let dir = job_dir();
    dir.write("out/keep.txt", "mine");
    let output = dir.run("-input in -output out -mapper cat").expect_code(5);
    output.expect_stderr(&["out", "already exists"]);
    assert_eq!(dir.files("out"), [("keep.txt".to_owned(), b"mine".to_vec())].into());
    dir.assert_clean();
}

#[test]
fn mapper_fails() {
    for (habit, named) in [
        ("exit-3", "3"),
        ("exit-3-mid-record", "3"),
        ("killed", "SIGKILL"),
        ("segfault", "SIGSEGV"),
        ("grandchild-stays", "3"),
    ] {
        let dir = job_dir();
        let output = run_habit(&dir, habit, &["-reducer", "cat"]);
        check(&dir, output, 1, &["fake_child.sh", named]);
    }
}

#[test]
fn reducer_and_combiner_fail() {
    let dir = job_dir();
    let output = dir.run("-input in -output out -mapper cat -reducer no-such-reducer");
    check(&dir, output, 1, &["no-such-reducer"]);
    let dir = job_dir();
    let output = dir.run("-input in -output out -mapper cat -reducer false");
    check(&dir, output, 1, &["false"]);
    let dir = job_dir();
    let output = dir.run("-input in -output out -mapper cat -combiner false -reducer cat");
    check(&dir, output, 1, &["false"]);
}

#[test]
fn one_failing_task_stops_the_others() {
    let dir = job_dir();
    dir.write("in/a.txt", "fail\n").write("in/b.txt", "stay\n").write("in/c.txt", "stay\n");
    let slots = ["-D", "mapreduce.local.map.tasks.maximum=3"];
    let output = run_habit(&dir, "as-told", &slots);
    check(&dir, output, 1, &["fake_child.sh", "in/a.txt"]);
}

#[test]
fn output_cannot_be_made() {
    // A path under a file and one in /proc are refused to everybody, root included.
    for place in ["in/a.txt/out", "/proc/out"] {
        let dir = job_dir();
        let output = dir.run(&format!("-input in -output {place} -mapper cat -reducer cat"));
        check(&dir, output, 1, &[place]);
    }
}

/// Files and folders whose permissions do not allow what is needed.
#[test]
fn closed_places() {
    // Root may do all; in a user namespace of its own it has no more than what permissions say.
    let is_root = rustix::process::geteuid().is_root();
    let namespace = || std::process::Command::new("unshare").args(["-U", "true"]).output();
    if is_root && !namespace().is_ok_and(|output| output.status.success()) {
        say("SKIPPED for want of a user without privileges: closed_places");
        return;
    }
    let prelude = if is_root { "exec unshare -U \"$0\" \"$@\";" } else { "" };
    for (closed, mode, output, says) in [
        ("in/a.txt", 0o000, "out", "cannot open input file"),
        ("closed", 0o555, "closed/out", "cannot make output folder"),
        ("closed", 0o555, "closed/deep/out", "cannot make output folder"),
        ("../tmp", 0o555, "out", "cannot make a temp folder in"),
    ] {
        let dir = job_dir();
        fs::create_dir(dir.path("closed")).unwrap();
        fs::set_permissions(dir.path(closed), fs::Permissions::from_mode(mode)).unwrap();
        let args = ["-input", "in", "-output", output, "-mapper", "cat"];
        let ended = dir.command(&args).after(prelude).run();
        check(&dir, ended, 1, &[says, closed.trim_start_matches("../"), "ermission denied"]);
    }
}

#[test]
fn truncated_gzip_input() {
    let dir = job_dir();
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    for number in 0..50_000_u32 {
        writeln!(encoder, "{}", number.wrapping_mul(2_654_435_761)).unwrap();
    }
    let whole = encoder.finish().unwrap();
    dir.write("in/b.gz", &whole[..whole.len() / 2]);
    let output = dir.run("-input in -output out -mapper cat -reducer cat");
    check(&dir, output, 1, &["in/b.gz"]);
}

/// Lines enough to fill any pipe many times.
fn many_lines() -> String {
    (0..60_000).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{number}");
        text
    })
}

#[test]
fn files_cannot_grow() {
    // Past a file size limit with its signal ignored, writing fails as it does on a full disk.
    let args = "-input in -output out -mapper cat -reducer cat";
    for (what, memory) in [("the part file", ""), ("the spill", " -D mrstream.memory.bytes=65536")] {
        let dir = job_dir();
        dir.write("in/a.txt", many_lines());
        let words: Vec<String> = format!("{args}{memory}").split_whitespace().map(str::to_owned).collect();
        let output = dir.command(&words).after("trap '' XFSZ; ulimit -f 16;").run();
        assert!(output.code == Some(1), "{what} must not fit\n{}", output.report());
        check(&dir, output, 1, &["File too large"]);
    }
}

#[test]
fn output_larger_than_all_pipes_before_input_is_read() {
    for (habit, lines) in [("flood-stderr", 60_000), ("flood-stdout", 80_000)] {
        let dir = job_dir();
        dir.write("in/a.txt", many_lines());
        run_habit(&dir, habit, &["-reducer", "cat"]).expect_code(0);
        let written = dir.parts_joined().split_inclusive(|&byte| byte == b'\n').count();
        assert_eq!(written, lines, "{habit}");
        dir.assert_clean();
    }
}

#[test]
fn input_left_unread() {
    for (habit, want) in
        [("never-read", ""), ("close-early", "one\t\n"), ("no-final-newline", "a\tb\nc\td\n")]
    {
        let dir = job_dir();
        run_habit(&dir, habit, &["-reducer", "cat"]).expect_code(0);
        assert_eq!(String::from_utf8_lossy(&dir.parts_joined()), want, "{habit}");
        dir.assert_clean();
    }
    // Hadoop: a mapper that leaves more unread than the pipe holds fails on the broken pipe.
    let dir = job_dir();
    dir.write("in/a.txt", many_lines().repeat(10));
    let output = run_habit(&dir, "never-read", &["-reducer", "cat"]);
    check(&dir, output, 1, &["fake_child.sh"]);
}

#[test]
fn a_damaged_plan_is_refused() {
    let dir = job_dir();
    let plan = dir.beside("job.plan");
    let plan_name = plan.to_str().unwrap();
    let args = ["plan", "-input", "in", "-output", "out", "-mapper", "cat", "-o", plan_name];
    dir.command(&args).run().expect_code(0);
    let bytes = fs::read(&plan).unwrap();
    fs::write(&plan, &bytes[..bytes.len() - 1]).unwrap();
    let work = dir.beside("work");
    fs::create_dir(&work).unwrap();
    let args = ["task", "--plan", plan_name, "--work", work.to_str().unwrap(), "map", "0"];
    let output = dir.command(&args).run().expect_code(1);
    check(&dir, output, 1, &["job.plan", "damaged"]);
}
