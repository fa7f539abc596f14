//! Random jobs of every option there is, run in this process, against an oracle too simple to be wrong.
//!
//! Each case is a number. `MRSTREAM_MODEL_CASES=n` runs so many, `MRSTREAM_MODEL_FIRST=n` begins with that one and
//! `MRSTREAM_MODEL_SECONDS=n` goes on for so long and now and then wants no more open files, threads, children and
//! memory than at its beginning, for which nothing else may run in the process:
//! `cargo test --test integration model::random_jobs`.
//!
//! In one of five an operation fails, on purpose (`src/fault.rs`): it must give the right output, or none and say why.
//! `MRSTREAM_MODEL_FAULTS=n` runs so many jobs with a fault as processes of their own.

mod answer;
mod job;

use crate::harness::Random;
use crate::harness::{JobDir, say};
use answer::{Answer, answer};
use job::Job;
use mr_stream::cli::args::{self, Parsed};
use mr_stream::conf::HostFacts;
use mr_stream::counters::{Counters, TaskCounter};
use mr_stream::engine::event::{JobEvents, Snapshot};
use mr_stream::engine::local::LocalEngine;
use mr_stream::engine::scheduler::Verdict;
use mr_stream::ids::{AttemptId, JobId, TaskId};
use mr_stream::streaming::ChildGroups;
use mr_stream::task::{TaskError, TaskEvents};
use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

/// Cases per run when the environment does not say.
const CASES_DEFAULT: u64 = 500;

/// Cases with a fault per run when the environment does not say; each is a process.
const FAULTS_DEFAULT: u64 = 40;

/// Wrong cases that are shown in full.
const SHOWN_MAX: usize = 5;

/// Cases after which open files and memory must have settled.
const WARM_UP: u64 = 300;

/// How often a long run looks at what it holds.
const ROUNDS: u32 = 12;

/// What ends after a round has so long.
const SETTLE_MAX: Duration = Duration::from_secs(10);

/// Jobs in this process that failed because an operation did.
static ENDED_BY_FAULT: AtomicU64 = AtomicU64::new(0);

/// Among so many cases in this process there is one in which an operation fails.
const FAULTY_ONE_IN: u64 = 5;

/// A script that fails the first attempt of each task, after some of its output.
const FLAKY: &str =
    "case $mapreduce_task_attempt_id in *_0) head -n 2; echo more; exit 3 ;; esac\nexec cat\n";

/// Nobody watches.
struct Quiet;

impl TaskEvents for Quiet {
    fn stderr_line(&self, _: AttemptId, _: &[u8]) {}
    fn status(&self, _: AttemptId, _: &str) {}
    fn warning(&self, _: AttemptId, _: &str) {}
}

impl JobEvents for Quiet {
    fn continued(&self, _: u32, _: u32) {}
    fn progress(&self, _: &Snapshot) {}
    fn attempt_failed(&self, _: &TaskError, _: Verdict, _: u32) {}
    fn map_output_lost(&self, _: &[u32]) {}
    fn incomplete(&self, _: &[TaskId]) {}
    fn attempt_finished(&self, _: AttemptId) {}
}

/// Runs a job in a folder as the command would.
fn run(job: &Job, dir: &Path) -> Result<Counters, String> {
    for (number, file) in job.files.iter().enumerate() {
        fs::write(dir.join("in").join(file.name(number)), file.stored()).unwrap();
    }
    fs::write(dir.join("flaky.sh"), FLAKY).unwrap();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let host = HostFacts {
        environment: vec![("PATH".into(), path)],
        user: "ann".into(),
        host_name: None,
        home: dir.to_path_buf(),
        current_dir: dir.to_path_buf(),
        temp_dir: dir.join("tmp"),
        hdfs_root: dir.join("hdfs"),
        default_fs: "file:///",
        state_dir: None,
        program: None,
        command_line: Vec::new(),
        logs_dir: None,
        memory_bytes: 256 << 20,
        cores: 2,
        slots_max: u32::MAX,
    };
    let shown = |error: &dyn std::error::Error| mr_stream::error::chain(error);
    let words = job.args().into_iter().map(Into::into).collect();
    let Parsed::Job { options, .. } = args::parse(words).map_err(|error| shown(&error))? else {
        return Err("the words make no job".to_owned());
    };
    let (conf, _) = mr_stream::job::Job::configure(&options, &host).map_err(|error| shown(&error))?;
    let id = JobId { stamp: "1".to_owned(), number: 1 };
    let planned = mr_stream::job::Job::plan(conf, &host, id).map_err(|error| shown(&error))?;
    let (launch_dir, children) = (dir.to_path_buf(), ChildGroups::default());
    let engine = LocalEngine { launch_dir, stop: None, children, facts: Vec::new() };
    planned.run(&engine, &Quiet).map_err(|error| shown(&error))
}

/// The files of a folder, by name.
fn files(dir: &Path) -> BTreeMap<String, Vec<u8>> {
    let mut found = BTreeMap::new();
    crate::harness::collect_files(dir, "", &mut found);
    found
}

/// What is wrong with the outcome of a job.
fn fault(job: &Job, expect: &Answer, counters: &Counters, dir: &Path) -> Option<String> {
    if let Some(fault) = fault_in_files(job, expect, &dir.join("out")) {
        return Some(fault);
    }
    let reduces = job.reduces > 0;
    for (counter, want) in [
        (TaskCounter::MapInputRecords, expect.map_input),
        (TaskCounter::MapOutputRecords, expect.map_output),
        (TaskCounter::ReduceInputRecords, if reduces { expect.map_output } else { 0 }),
        (TaskCounter::ReduceInputGroups, expect.groups),
        (TaskCounter::ReduceOutputRecords, expect.reduce_output),
    ] {
        let got = counters.get(counter);
        if got != want as i64 {
            return Some(format!("{counter:?}: want {want}, got {got}"));
        }
    }
    None
}

/// What is wrong with the files of an output folder.
fn fault_in_files(job: &Job, expect: &Answer, out: &Path) -> Option<String> {
    let mut found = files(out);
    if found.remove("_SUCCESS").is_none() {
        return Some("no _SUCCESS".to_owned());
    }
    for (number, want) in expect.parts.iter().enumerate() {
        let name = format!("part-{number:05}{}", job.codec.map_or("", |codec| codec.extension()));
        let got = match (found.remove(&name), job.codec) {
            (Some(stored), Some(codec)) => {
                let mut text = Vec::new();
                if let Err(error) = codec.decode(&stored, 1 << 24, &mut text) {
                    return Some(format!("{name}: {error}"));
                }
                Some(text)
            }
            (got, _) => got,
        };
        let is_right = match &got {
            Some(got) => got == want && (!want.is_empty() || !job.lazy),
            None => want.is_empty() && job.lazy,
        };
        if !is_right {
            let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
            return Some(format!("{name}\n want {}\n  got {:?}", shown(want), got.as_deref().map(shown)));
        }
    }
    (!found.is_empty()).then(|| format!("more files: {:?}", found.keys()))
}

/// Runs the case of a number, one of some with an operation that fails; what is wrong with its outcome.
fn check(case: u64, root: &Path) -> Result<(), String> {
    let random = &mut Random::new(case);
    let job = Job::random(random);
    let rule = if case.is_multiple_of(FAULTY_ONE_IN) { fault_rule(random) } else { String::new() };
    let dir = root.join(case.to_string());
    for folder in ["in", "tmp"] {
        fs::create_dir_all(dir.join(folder)).unwrap();
    }
    let outcome = run_with_fault(&job, &rule, &dir);
    let is_faulty = !rule.is_empty();
    clear_journal(&dir.join("out"), &rule);
    let fault = match outcome {
        Ok(counters) => fault(&job, &answer(&job), &counters, &dir),
        // A limit, which is named.
        Err(error) if job.refuses_long_record(&error) => None,
        Err(error) if is_faulty => {
            ENDED_BY_FAULT.fetch_add(1, Ordering::Relaxed);
            fault_of_failed(&job, &error, &rule, &dir.join("out"))
        }
        Err(error) => Some(error),
    };
    let fault = fault.or_else(|| left_behind(&dir.join("tmp"), &rule));
    fs::remove_dir_all(&dir).unwrap();
    fault.map_or(Ok(()), |fault| {
        Err(format!(
            "case {case}, fault {rule:?}: {fault}\n{job:?}\nmr-stream {}\nagain: MRSTREAM_MODEL_FIRST={case} \
             MRSTREAM_MODEL_CASES=1 cargo test --test integration model::random_jobs",
            job.args().join(" ")
        ))
    })
}

/// Runs a job whose operations below its folder meet a fault, if there is a rule.
#[cfg(debug_assertions)]
fn run_with_fault(job: &Job, rule: &str, dir: &Path) -> Result<Counters, String> {
    let rule = (!rule.is_empty()).then(|| format!("{rule}:{}/", dir.display()));
    let faults = rule.map(|rule| mr_stream::fault::arm(&rule, None).unwrap());
    let outcome = run(job, dir);
    drop(faults);
    outcome
}

/// What is wrong with what a job has left that failed because of a fault.
fn fault_of_failed(job: &Job, message: &str, rule: &str, out: &Path) -> Option<String> {
    if !message.contains("cannot ") {
        return Some(format!("no message: {message}"));
    }
    if !is_lasting(rule) {
        return out.exists().then(|| "an output folder".to_owned());
    }
    // It was there when nothing worked any more: it may stay over a complete output only.
    let marker = out.join("_SUCCESS").exists();
    marker.then(|| fault_in_files(job, &answer(job), out)).flatten().map(|fault| format!("a marker: {fault}"))
}

/// Removes the journal, which is left, with a warning, beside what is published when nothing can be removed any more.
fn clear_journal(out: &Path, rule: &str) {
    if is_lasting(rule) {
        fs::remove_dir_all(out.join("_temporary")).ok();
    }
}

/// What a job has left in its temporary folder.
fn left_behind(temp_dir: &Path, rule: &str) -> Option<String> {
    let left = files(temp_dir);
    (!left.is_empty() && !is_lasting(rule)).then(|| format!("left behind: {:?}", left.keys()))
}

/// Whether nothing works any more from some point on: what cannot be removed then stays, and is no output.
fn is_lasting(rule: &str) -> bool {
    rule.contains('+')
}

/// Runs the case of a number as a process that meets a fault: it must give the right output, or none and say why.
fn check_with_fault(case: u64) -> Result<(), String> {
    let random = &mut Random::new(case);
    let job = Job::random(random);
    let rule = fault_rule(random);
    let dir = JobDir::new();
    for (number, file) in job.files.iter().enumerate() {
        dir.write(&format!("in/{}", file.name(number)), file.stored());
    }
    dir.write("flaky.sh", FLAKY);
    let output = dir.command(&job.args()).with("MRSTREAM_FAULT", &rule).run();
    let out = dir.path("out");
    clear_journal(&out, &rule);
    let fault = match output.code {
        Some(0) => fault_in_files(&job, &answer(&job), &out),
        Some(1) if job.refuses_long_record(&output.stderr) => None,
        Some(1 | 5) => fault_of_failed(&job, &output.stderr, &rule, &out),
        _ => Some("a strange end".to_owned()),
    };
    let fault = fault.or_else(|| left_behind(&dir.beside("tmp"), &rule));
    fault.map_or(Ok(()), |fault| {
        Err(format!(
            "case {case}: MRSTREAM_FAULT={rule}: {fault}\n{}\nagain: MRSTREAM_MODEL_FIRST={case} \
             MRSTREAM_MODEL_FAULTS=1 cargo test --test integration model::random_faults",
            output.report()
        ))
    })
}

/// An operation that fails, once or from some point on.
fn fault_rule(random: &mut Random) -> String {
    let kinds = [
        "all", "open", "create", "read", "write", "sync", "rename", "mkdir", "link", "look", "spawn", "wait",
    ];
    let kind = random.pick(&kinds);
    let count = 1 + random.below(if kind == "all" { 300 } else { 12 });
    let later = if random.one_in(4) { "+" } else { "" };
    format!(
        "{kind}:{count}{later}:{}",
        random.pick(&["EIO", "ENOSPC", "EMFILE", "EACCES", "ENOMEM", "short"])
    )
}

/// A number from the environment.
fn switch(name: &str) -> Option<u64> {
    std::env::var(name).ok().map(|text| text.parse().unwrap())
}

/// Where files are quick to make: there are thousands of jobs, and each waits for the disk.
fn fast_folder() -> PathBuf {
    let memory = Path::new("/dev/shm");
    if tempfile::tempfile_in(memory).is_ok() { memory.to_path_buf() } else { std::env::temp_dir() }
}

/// What this process holds.
#[derive(Debug)]
struct Held {
    open_files: usize,
    threads: usize,
    /// Processes that have not been waited for.
    children: usize,
    memory_kib: u64,
}

impl Held {
    /// Whether there is no more of anything; memory goes up and down a little.
    fn is_within(&self, before: &Self) -> bool {
        self.open_files <= before.open_files
            && self.threads <= before.threads
            && self.children <= before.children
            && self.memory_kib < before.memory_kib + before.memory_kib / 4 + (16 << 10)
    }
}

fn held() -> Held {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap_or_default();
    let entries = |dir: &str| fs::read_dir(dir).into_iter().flatten().flatten();
    let children =
        |thread: fs::DirEntry| fs::read_to_string(thread.path().join("children")).unwrap_or_default();
    Held {
        open_files: entries("/proc/self/fd").count(),
        threads: entries("/proc/self/task").count(),
        children: entries("/proc/self/task").map(|thread| children(thread).split_whitespace().count()).sum(),
        memory_kib: line.trim().trim_end_matches(" kB").parse().unwrap_or(0),
    }
}

/// Runs cases on two threads, from `next` on as long as `goes_on` says; what was wrong with them.
fn run_cases(
    next: &AtomicU64,
    goes_on: impl Fn(u64) -> bool + Sync,
    check: impl Fn(u64) -> Result<(), String> + Sync,
) -> Vec<String> {
    let work = || {
        let mut wrong = Vec::new();
        loop {
            let case = next.fetch_add(1, Ordering::Relaxed);
            if !goes_on(case) {
                return wrong;
            }
            wrong.extend(check(case).err());
        }
    };
    thread::scope(|scope| {
        let other = scope.spawn(work);
        let mut wrong = work();
        wrong.extend(other.join().unwrap());
        wrong
    })
}

#[test]
fn random_jobs_give_the_models_bytes() {
    let root = &tempfile::Builder::new().prefix("mr-model-").tempdir_in(fast_folder()).unwrap();
    let check = |case| check(case, root.path());
    let first = switch("MRSTREAM_MODEL_FIRST").unwrap_or(0);
    let next = AtomicU64::new(first);
    let wrong = match switch("MRSTREAM_MODEL_SECONDS") {
        None => {
            let last = first + switch("MRSTREAM_MODEL_CASES").unwrap_or(CASES_DEFAULT);
            run_cases(&next, |case| case < last, check)
        }
        Some(seconds) => {
            let wrong = run_cases(&next, |case| case < first + WARM_UP, check);
            [wrong, run_and_watch(&next, Duration::from_secs(seconds), check)].concat()
        }
    };
    assert_right(&wrong);
}

/// Runs cases for so long, and looks now and then, between two cases, at what is open and used; what was wrong.
fn run_and_watch(
    next: &AtomicU64,
    duration: Duration,
    check: impl Fn(u64) -> Result<(), String> + Sync,
) -> Vec<String> {
    let mut wrong = Vec::new();
    let before = held();
    for round in 1..=ROUNDS {
        let began = Instant::now();
        wrong.extend(run_cases(next, |_| began.elapsed() < duration / ROUNDS, &check));
        let mut now = held();
        // A thread that was joined may still be on its way out.
        let until = Instant::now() + SETTLE_MAX;
        while !now.is_within(&before) && Instant::now() < until {
            thread::yield_now();
            now = held();
        }
        say(&format!(
            "round {round}: up to case {}, {} ended by a fault; {before:?}, {now:?}",
            next.load(Ordering::Relaxed),
            ENDED_BY_FAULT.load(Ordering::Relaxed),
        ));
        assert!(now.is_within(&before), "more is held than at the beginning");
    }
    wrong
}

#[test]
fn random_faults_leave_the_right_output_or_none() {
    let first = switch("MRSTREAM_MODEL_FIRST").unwrap_or(0);
    let last = first + switch("MRSTREAM_MODEL_FAULTS").unwrap_or(FAULTS_DEFAULT);
    assert_right(&run_cases(&AtomicU64::new(first), |case| case < last, check_with_fault));
}

#[track_caller]
fn assert_right(wrong: &[String]) {
    let shown = wrong.iter().take(SHOWN_MAX).map(String::as_str).collect::<Vec<_>>().join("\n\n");
    assert!(wrong.is_empty(), "{} cases are wrong:\n{shown}", wrong.len());
}
