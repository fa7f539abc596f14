//! The golden jobs: every folder of `testdata/jobs` is a job that real Hadoop Streaming 3.4.2 ran.
//!
//! A job is a `cmd` file (one argument a line), its inputs and scripts, `expect/` (output files, `exit`,
//! `counters.json`, `stderr_contains`) and `meta.json` (area, what it pins, whether the order of the
//! lines in a part is defined). Every failing job is reported, not only the first one.
//!
//! Jobs outside the areas of [`REQUIRED`] may be listed in `testdata/jobs.pending` while they fail. The
//! list only shrinks: a listed job that passes fails the test until its line is deleted. With
//! `MRSTREAM_GOLDEN_UPDATE=1` the test rewrites the list; `MRSTREAM_GOLDEN=text` runs the jobs whose name
//! holds that text.

mod decode;

use crate::harness::{JobDir, collect_files, copy_tree, has_program, repository, say};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Areas of which no job may be pending.
const REQUIRED: [&str; 7] = ["input", "split", "text-io", "output", "partition", "sort", "reduce"];

/// Groups of counters that belong to the framework: `expect/counters.json` names those that matter.
const FRAMEWORK_GROUPS: [&str; 6] = [
    "Map-Reduce Framework",
    "File System Counters",
    "Job Counters",
    "Shuffle Errors",
    "File Input Format Counters",
    "File Output Format Counters",
];

/// Files of `expect/` that are not output.
const BOOKKEEPING: [&str; 3] = ["exit", "counters.json", "stderr_contains"];

/// One golden job.
struct Case {
    name: String,
    folder: PathBuf,
    area: String,
    ordered: bool,
    needs_python: bool,
}

#[test]
fn golden_jobs() {
    let only = std::env::var("MRSTREAM_GOLDEN").unwrap_or_default();
    let update = std::env::var_os("MRSTREAM_GOLDEN_UPDATE").is_some() && only.is_empty();
    let python = has_program("python3");
    let (cases, skipped): (Vec<Case>, Vec<Case>) = all_cases()
        .into_iter()
        .filter(|case| case.name.contains(&only))
        .partition(|c| python || !c.needs_python);
    assert!(!cases.is_empty(), "no golden job's name holds {only:?}");
    if !skipped.is_empty() {
        say(&format!(
            "SKIPPED for want of python3: {} of {} golden jobs",
            skipped.len(),
            cases.len() + skipped.len()
        ));
    }
    let failures = run_all(&cases);

    let list = repository().join("testdata/jobs.pending");
    if update {
        write_pending(&list, &failures, &skipped);
    }
    let pending = read_pending(&list);
    let complaints = judge(&cases, &failures, &pending);
    assert!(
        complaints.is_empty(),
        "{} of {} golden jobs are not as they should be:\n{}",
        complaints.len(),
        cases.len(),
        complaints.join("\n")
    );
}

/// What is wrong with the run as a whole: failures that are not pending, and pending ones that are done.
fn judge(cases: &[Case], failures: &BTreeMap<String, String>, pending: &BTreeSet<String>) -> Vec<String> {
    let mut complaints = Vec::new();
    for case in cases {
        let name = &case.name;
        let (required, listed) = (REQUIRED.contains(&case.area.as_str()), pending.contains(name));
        match failures.get(name) {
            _ if required && listed => {
                complaints
                    .push(format!("{name}: area {} may have no pending job: delete its line", case.area));
            }
            Some(why) if !listed => complaints.push(format!("{name}: {why}")),
            None if listed => complaints.push(format!("{name}: passes now: delete its line in jobs.pending")),
            _ => {}
        }
    }
    complaints
}

#[test]
fn pending_jobs_exist() {
    let names: BTreeSet<String> = all_cases().into_iter().map(|case| case.name).collect();
    let unknown: Vec<_> = read_pending(&repository().join("testdata/jobs.pending"))
        .into_iter()
        .filter(|n| !names.contains(n))
        .collect();
    assert!(unknown.is_empty(), "no such golden job: {unknown:?}");
}

#[test]
fn judging_reports_new_failures_and_finished_jobs() {
    let case = |name: &str, area: &str| Case {
        name: name.into(),
        folder: PathBuf::new(),
        area: area.into(),
        ordered: true,
        needs_python: false,
    };
    let cases = [case("a", "sort"), case("b", "xml"), case("c", "xml"), case("d", "xml"), case("e", "sort")];
    let failures = ["a", "b", "d"].map(|name| (name.to_owned(), "differs".to_owned())).into();
    let pending = ["b", "c", "e"].map(str::to_owned).into();
    let named: Vec<String> =
        judge(&cases, &failures, &pending).iter().map(|text| text[..1].to_owned()).collect();
    assert_eq!(named, ["a", "c", "d", "e"]);
}

/// Every job folder, by name.
fn all_cases() -> Vec<Case> {
    let folders =
        fs::read_dir(repository().join("testdata/jobs")).unwrap().map(|entry| entry.unwrap().path());
    let mut cases: Vec<Case> = folders.filter(|folder| folder.join("cmd").is_file()).map(read_case).collect();
    cases.sort_by(|a, b| a.name.cmp(&b.name));
    cases
}

fn read_case(folder: PathBuf) -> Case {
    let meta: Value = serde_json::from_slice(&fs::read(folder.join("meta.json")).unwrap()).unwrap();
    let mut files = BTreeMap::new();
    collect_files(&folder, "", &mut files);
    let python = |(name, bytes): (&String, &Vec<u8>)| {
        !name.starts_with("expect/") && memchr::memmem::find(bytes, b"python3").is_some()
    };
    Case {
        name: folder.file_name().unwrap().to_string_lossy().into_owned(),
        area: meta["area"].as_str().unwrap().to_owned(),
        ordered: meta["order"] == "exact",
        needs_python: files.iter().any(python),
        folder,
    }
}

/// Runs the jobs on every core; the failing ones with the reason.
fn run_all(cases: &[Case]) -> BTreeMap<String, String> {
    let (next, failures) = (AtomicUsize::new(0), Mutex::new(BTreeMap::new()));
    let work = || {
        while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
            if let Err(why) = run_case(case) {
                failures.lock().unwrap().insert(case.name.clone(), why);
            }
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(2, usize::from) {
            scope.spawn(work);
        }
    });
    failures.into_inner().unwrap()
}

/// Runs one job and compares all that came of it.
fn run_case(case: &Case) -> Result<(), String> {
    let dir = JobDir::new();
    copy_tree(&case.folder, &dir.path(""), &["expect", "meta.json", "cmd"]);
    let counters_file = dir.beside("counters.json");
    let text = fs::read_to_string(case.folder.join("cmd")).unwrap();
    let mut args = vec!["-counters-json", counters_file.to_str().unwrap()];
    args.extend(text.strip_suffix('\n').unwrap_or(&text).split('\n'));
    let in_background = args.contains(&"-background");
    let command = dir.command(&args);
    let output = if in_background { command.with("HOME", dir.beside("home")) } else { command }.run();
    if in_background {
        dir.wait_for_background();
    }

    let mut expect = BTreeMap::new();
    collect_files(&case.folder.join("expect"), "", &mut expect);
    let code: i32 = String::from_utf8_lossy(&expect["exit"]).trim().parse().unwrap();
    if output.code != Some(code) {
        return Err(format!(
            "exit code: expected {code}, got {:?}\n{}",
            output.code,
            indent(&output.report())
        ));
    }
    let message = expect.get("stderr_contains").map(|text| String::from_utf8_lossy(text).into_owned());
    let message = message.unwrap_or_default();
    if !format!("{}{}", output.stdout, output.stderr).contains(message.trim_end_matches('\n')) {
        return Err(format!("message lacks {message:?}\n{}", indent(&output.report())));
    }
    let counters = expect.get("counters.json").cloned();
    expect.retain(|name, _| !BOOKKEEPING.contains(&name.as_str()));
    if code == 0 || !expect.is_empty() {
        compare_files(&expect, &dir.files("out"), case.ordered)?;
    }
    counters.map_or(Ok(()), |want| compare_counters(&want, &counters_file))
}

/// The same files, with the same bytes once decoded.
fn compare_files(
    want: &BTreeMap<String, Vec<u8>>,
    got: &BTreeMap<String, Vec<u8>>,
    ordered: bool,
) -> Result<(), String> {
    let is_checksum = |name: &str| {
        let base = name.rsplit('/').next().unwrap_or(name);
        base.starts_with('.') && Path::new(base).extension().is_some_and(|extension| extension == "crc")
    };
    let missing: Vec<_> = want.keys().filter(|name| !got.contains_key(*name)).collect();
    let extra: Vec<_> = got.keys().filter(|name| !want.contains_key(*name) && !is_checksum(name)).collect();
    if !missing.is_empty() || !extra.is_empty() {
        return Err(format!("output files: missing {missing:?}, unexpected {extra:?}"));
    }
    for (name, bytes) in want {
        let want = decode::normalise(name, bytes, ordered);
        let got = decode::normalise(name, &got[name], ordered).map_err(|why| format!("{name}: {why}"))?;
        if want.as_ref() != Ok(&got) {
            return Err(format!("{name} differs: {}", first_difference(&want?, &got)));
        }
    }
    Ok(())
}

/// Every expected counter, and no other in groups of the user's.
fn compare_counters(want: &[u8], file: &Path) -> Result<(), String> {
    let got = fs::read(file).map_err(|_| "no counters file")?;
    let got: Value = serde_json::from_slice(&got).map_err(|why| format!("counters file: {why}"))?;
    let want: Value = serde_json::from_slice(want).unwrap();
    for (group, counters) in want.as_object().unwrap() {
        for (name, value) in counters.as_object().unwrap() {
            let have = got[group].get(name).and_then(Value::as_i64).unwrap_or(0);
            if Some(have) != value.as_i64() {
                return Err(format!("counter {group} / {name}: expected {value}, got {have}"));
            }
        }
    }
    for (group, counters) in got.as_object().ok_or("counters file: not an object")? {
        let names = counters.as_object().ok_or("counters file: a group is not an object")?.keys();
        let unexpected = names.into_iter().find(|name| want[group].get(name).is_none());
        if let Some(name) = unexpected.filter(|_| !FRAMEWORK_GROUPS.contains(&group.as_str())) {
            return Err(format!("unexpected counter {group} / {name}"));
        }
    }
    Ok(())
}

/// The first line that differs, on both sides.
fn first_difference(want: &[u8], got: &[u8]) -> String {
    let line = |bytes: &[u8], number: usize| {
        let line = bytes.split_inclusive(|&byte| byte == b'\n').nth(number);
        line.map_or_else(|| "nothing".to_owned(), |line| format!("{:?}", String::from_utf8_lossy(line)))
    };
    let last = want.len().max(got.len());
    let number = (0..last).find(|&number| line(want, number) != line(got, number)).unwrap_or(last);
    format!("line {}: expected {}, got {}", number + 1, line(want, number), line(got, number))
}

fn indent(text: &str) -> String {
    text.lines().map(|line| format!("    {line}")).collect::<Vec<_>>().join("\n")
}

/// Names of the pending jobs; `#` begins a comment line.
fn read_pending(list: &Path) -> BTreeSet<String> {
    let text = fs::read_to_string(list).unwrap_or_default();
    text.lines().filter(|line| !line.is_empty() && !line.starts_with('#')).map(str::to_owned).collect()
}

/// Rewrites the list from a run: what failed, and what could not be tried.
fn write_pending(list: &Path, failures: &BTreeMap<String, String>, skipped: &[Case]) {
    let old = read_pending(list);
    let untried = skipped.iter().map(|case| case.name.clone()).filter(|name| old.contains(name));
    let names: BTreeSet<String> = failures.keys().cloned().chain(untried).collect();
    let head = "# Golden jobs that do not pass yet; see tests/golden.rs. This list only shrinks.\n";
    fs::write(list, names.iter().fold(head.to_owned(), |text, name| text + name + "\n")).unwrap();
}
