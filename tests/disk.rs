//! Disks that are full, broken or read-only: every operation of a job fails once, by the points of `src/fault.rs`,
//! and the job must end as if it had been told so politely.

use crate::harness::JobDir;
use std::fs;

/// What each job of these tests begins with.
const WORD_COUNT: [&str; 8] = ["-input", "in", "-output", "out", "-mapper", "cat", "-reducer", "uniq -c"];

fn job_dir() -> JobDir {
    let dir = JobDir::new();
    dir.write("in/a.txt", "one\ntwo\nthree\n").write("in/b.txt", "two\nfour\n");
    dir
}

/// The points that the job passes, as lines of the log.
fn points(dir: &JobDir, args: &[&str], rules: &str) -> Vec<String> {
    let log = dir.beside("points");
    fs::write(&log, "").unwrap();
    dir.command(args).with("MRSTREAM_FAULT_LOG", &log).with("MRSTREAM_FAULT", rules).run();
    fs::read_to_string(log).unwrap().lines().map(str::to_owned).collect()
}

#[test]
fn points_are_passed_and_faults_happen_there() {
    let dir = job_dir();
    let passed = points(&dir, &WORD_COUNT, "");
    for kind in
        ["open", "create", "read", "write", "sync", "rename", "mkdir", "remove", "look", "spawn", "wait"]
    {
        let prefix = format!("{kind} ");
        assert!(passed.iter().any(|line| line.starts_with(&prefix)), "no {kind} in\n{}", passed.join("\n"));
    }
    assert!(!passed.iter().any(|line| line.contains(" <- ")), "a fault that nobody asked for");

    let dir = job_dir();
    let failed = points(&dir, &WORD_COUNT, "create:1:ENOSPC:part-00000");
    let last = failed.iter().find(|line| line.contains(" <- ")).unwrap();
    assert!(last.starts_with("create ") && last.ends_with("part-00000 <- ENOSPC"), "{last}");
    dir.assert_no_output();

    let killed = dir.command(&WORD_COUNT).with("MRSTREAM_FAULT", "rename:1:kill").run();
    assert_eq!(killed.code, None, "{}", killed.report());
    assert!(killed.stderr.contains("signal 9"), "{}", killed.report());

    dir.command(&WORD_COUNT).with("MRSTREAM_FAULT", "rename:1:nonsense").run().expect_code(1);
}
