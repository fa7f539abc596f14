//! The engine under a watcher of ours: what it does about panics, which no command line can bring about.

use crate::harness::JobDir;
use mr_stream::counters::Counters;
use mr_stream::engine::event::{JobEvents, Snapshot};
use mr_stream::engine::local::LocalEngine;
use mr_stream::engine::scheduler::Verdict;
use mr_stream::engine::{Engine, JobError};
use mr_stream::error;
use mr_stream::ids::{AttemptId, TaskId};
use mr_stream::plan::{Launch, wire};
use mr_stream::streaming::ChildGroups;
use mr_stream::task::{TaskError, TaskEvents};
use std::sync::Mutex;

/// Panics where it is told to, and keeps what it hears of failures.
#[derive(Default)]
struct Watcher {
    panics_at_line: bool,
    panics_at_progress: bool,
    failures: Mutex<Vec<String>>,
}

impl TaskEvents for Watcher {
    fn stderr_line(&self, _: AttemptId, _: &[u8]) {
        assert!(!self.panics_at_line, "told to panic at a line");
    }

    fn status(&self, _: AttemptId, _: &str) {}

    fn warning(&self, _: AttemptId, _: &str) {}
}

impl JobEvents for Watcher {
    fn continued(&self, _: u32, _: u32) {}
    fn progress(&self, now: &Snapshot) {
        assert!(!self.panics_at_progress || now.running == 0, "told to panic at progress");
    }

    fn attempt_failed(&self, error: &TaskError, verdict: Verdict, _: u32) {
        let text = format!("{}: {} {verdict:?}", error.attempt, error::chain(&error.failure));
        self.failures.lock().unwrap().push(text);
    }

    fn map_output_lost(&self, _: &[u32]) {}

    fn incomplete(&self, _: &[TaskId]) {}

    fn attempt_finished(&self, _: AttemptId) {}
}

/// Plans a job over `in` with these arguments and runs it in this process.
fn run(dir: &JobDir, args: &[&str], watcher: &Watcher) -> Result<Counters, JobError> {
    let plan_file = dir.beside("job.plan");
    let common = ["plan", "-o", plan_file.to_str().unwrap(), "-input", "in", "-output", "out"];
    dir.command(&[&common, args].concat()).run().expect_code(0);
    let plan = wire::from_bytes(&std::fs::read(plan_file).unwrap()).unwrap();
    let environment = vec![("PATH".into(), std::env::var_os("PATH").unwrap())];
    let launch = Launch { dir: dir.path(""), environment, temp_dir: dir.beside("tmp") };
    let children = ChildGroups::default();
    LocalEngine { launch, stop: None, children, facts: Vec::new() }.run(&plan, watcher)
}

const SAYS_AND_STAYS: &str = "sh -c 'echo said >&2; exec sleep 100000'";

#[test]
fn a_panic_in_a_task_fails_its_attempt() {
    let bug = "told to panic at a line; this is a bug in mr-stream, please report it";
    for (mapper, reducer, task) in [(SAYS_AND_STAYS, "NONE", "m_000000"), ("cat", SAYS_AND_STAYS, "r_000000")]
    {
        let dir = JobDir::new();
        dir.write("in/a.txt", "one\n");
        let watcher = Watcher { panics_at_line: true, ..Watcher::default() };
        let tries = ["-D", "mapreduce.map.maxattempts=2", "-D", "mapreduce.reduce.maxattempts=2"];
        let args = [&tries[..], &["-mapper", mapper, "-reducer", reducer]].concat();
        let error = run(&dir, &args, &watcher).unwrap_err();
        assert!(matches!(error, JobError::Task(_)), "{error}");
        let expect = [format!("{task}_0: {bug} Retry"), format!("{task}_1: {bug} Fatal")];
        assert_eq!(*watcher.failures.lock().unwrap(), expect);
        dir.assert_no_output();
    }
}

#[test]
fn a_panic_of_the_dispatcher_ends_the_children() {
    let dir = JobDir::new();
    dir.write("in/a.txt", "one\n").write("in/b.txt", "two\n");
    let watcher = Watcher { panics_at_progress: true, ..Watcher::default() };
    let error = run(&dir, &["-mapper", SAYS_AND_STAYS], &watcher).unwrap_err();
    assert!(matches!(error, JobError::Panic { .. }), "{error}");
    dir.assert_no_output();
}
