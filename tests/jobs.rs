//! The list of runs on this machine.

use crate::harness::{JobDir, MrCommand, Output, wait_until};
use rustix::fs::{CWD, FileType, Mode};
use std::os::unix::fs::PermissionsExt;
use std::time::{Duration, SystemTime};

fn command(dir: &JobDir, args: &str) -> MrCommand {
    let words: Vec<&str> = args.split_whitespace().collect();
    dir.command(&words).with("HOME", dir.path("home"))
}

fn run(dir: &JobDir, args: &str) -> Output {
    command(dir, args).run()
}

/// Lines of `mr-stream jobs`, cut into their first two fields.
fn listed(dir: &JobDir) -> Vec<[String; 2]> {
    let list = run(dir, "jobs").expect_code(0).stdout;
    let fields = |line: &str| {
        let mut fields = line.split_whitespace().map(str::to_owned);
        [fields.next().unwrap(), fields.next().unwrap()]
    };
    list.lines().map(fields).collect()
}

#[test]
fn each_run_leaves_a_record() {
    let dir = JobDir::new();
    dir.write("in", "b\na\n");
    dir.script("bad.sh", "#!/bin/sh\necho oops >&2\nexit 4\n");
    assert_eq!(listed(&dir).len(), 0);
    run(&dir, "-D mapreduce.job.name=first -input in -output out -mapper cat -reducer cat").expect_code(0);
    run(&dir, "-input in -output out2 -mapper bad.sh -file bad.sh").expect_code(1);
    let jobs = listed(&dir);
    assert_eq!([&jobs[0][1], &jobs[1][1]], ["SUCCEEDED", "FAILED"]);
    let shown = run(&dir, &format!("jobs show {}", jobs[0][0])).expect_code(0).stdout;
    for part in [
        "name:     first\n",
        "-mapper cat -reducer cat\n",
        "  m_000000  done, attempts: 1, failed: 0\n",
        "\t\tMap input records=2\n",
        "exit code: 0\n",
    ] {
        assert!(shown.contains(part), "no {part}\n{shown}");
    }
    let shown = run(&dir, &format!("jobs show {}", jobs[1][0])).expect_code(0).stdout;
    for part in [
        "state:    FAILED\n",
        "  m_000000  not done, attempts: 1, failed: 1\n",
        "failure:\nmap task failed\n",
        "    | oops",
    ] {
        assert!(shown.contains(part), "no {part}\n{shown}");
    }
    run(&dir, &format!("jobs wait {}", jobs[1][0])).expect_code(1);
    run(&dir, "jobs show job_1_0001").expect_code(255).expect_stderr(&["Could not find job job_1_0001"]);
    run(&dir, "jobs show job_../../x").expect_code(255);
    let folder = dir.path("home/.local/state/mr-stream/jobs");
    std::fs::copy(folder.join(format!("{}.json", jobs[0][0])), folder.join("job_1.x.json")).unwrap();
    run(&dir, "jobs show job_1.x").expect_code(255);
    let mode = |path: &std::path::Path| path.metadata().unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&folder), 0o700);
    assert_eq!(mode(&folder.join(format!("{}.json", jobs[0][0]))), 0o600);
    dir.assert_clean();
}

#[test]
fn the_oldest_records_go_with_their_logs() {
    let dir = JobDir::new();
    dir.write("in", "x\n");
    let name =
        |number: u32, kind: &str| format!("home/.local/state/mr-stream/jobs/job_{number:03}_0001.{kind}");
    for number in 0..200 {
        dir.write(&name(number, "json"), "{}").write(&name(number, "log"), "");
    }
    run(&dir, "-input in -output out -mapper cat").expect_code(0);
    for kind in ["json", "log"] {
        assert!(!dir.path(&name(0, kind)).exists(), "{kind}");
        assert!(dir.path(&name(1, kind)).exists(), "{kind}");
    }
}

#[test]
fn jobs_at_once_have_an_id_and_a_record_each() {
    let dir = JobDir::new();
    dir.write("in", "x\n");
    for round in 0..10 {
        let job = |number: u32| format!("-input in -output out/{round}.{number} -mapper cat");
        let running: Vec<_> = (0..8).map(|number| command(&dir, &job(number)).start()).collect();
        for job in running {
            job.finish().expect_code(0);
        }
    }
    let jobs = listed(&dir);
    assert_eq!(jobs.len(), 80);
    assert!(jobs.iter().all(|[_, state]| state == "SUCCEEDED"), "{jobs:?}");
    let is_id = |id: &str| {
        let (stamp, number) = id.strip_prefix("job_").unwrap().split_once('_').unwrap();
        number.len() == 4 && (stamp.to_owned() + number).bytes().all(|byte| byte.is_ascii_digit())
    };
    assert!(jobs.iter().all(|[id, _]| is_id(id)), "{jobs:?}");
}

#[test]
fn a_job_that_is_refused_leaves_no_record() {
    let dir = JobDir::new();
    run(&dir, "-input nope -output out -mapper cat").expect_code(5);
    run(&dir, "plan --json -input jobs.rs -output out -mapper cat").expect_code(5);
    let folder = dir.path("home/.local/state/mr-stream/jobs");
    assert_eq!(std::fs::read_dir(folder).unwrap().count(), 0);
}

#[test]
fn a_run_can_be_found_ended_and_waited_for() {
    let dir = JobDir::new();
    dir.write("in", "x\n").script("slow.sh", "#!/bin/sh\ncat > /dev/null\n: > \"$MARK\"\ncat \"$PIPE\"\n");
    let pipe = dir.path("pipe");
    rustix::fs::mknodat(CWD, &pipe, FileType::Fifo, Mode::RWXU, 0).unwrap();
    let job = format!(
        "-input in -output out -mapper slow.sh -file slow.sh -cmdenv MARK={} -cmdenv PIPE={}",
        dir.path("mark").display(),
        pipe.display()
    );
    let running = command(&dir, &job).start();
    wait_until("the mapper runs", || dir.path("mark").exists());
    let jobs = listed(&dir);
    assert_eq!(jobs[0][1], "RUNNING");
    let id = &jobs[0][0];
    run(&dir, &format!("jobs kill {id}")).expect_code(0);
    assert_eq!(running.finish().code, Some(143));
    run(&dir, &format!("jobs wait {id}")).expect_code(143);
    assert_eq!(listed(&dir)[0][1], "KILLED");
    run(&dir, &format!("jobs kill {id}")).expect_code(1).expect_stderr(&["does not run: KILLED"]);
    dir.assert_no_output();
}

#[test]
fn a_run_that_was_killed_outright_is_not_running() {
    let dir = JobDir::new();
    dir.write("in", "x\n");
    let job = command(&dir, "-input in -output out -mapper cat")
        .with("MRSTREAM_FAULT", "create:1:kill:/out/_temporary");
    assert_eq!(job.run().code, None);
    let [id, state] = listed(&dir).remove(0);
    assert_eq!(state, "KILLED");
    // It is over since its record was written last.
    let path = dir.path(&format!("home/.local/state/mr-stream/jobs/{id}.json"));
    let record: serde_json::Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
    let begun = Duration::from_millis(record["begun_ms"].as_u64().unwrap());
    let written = SystemTime::UNIX_EPOCH + begun + Duration::from_millis(7_200);
    std::fs::File::options().append(true).open(path).unwrap().set_modified(written).unwrap();
    let list = run(&dir, "jobs").stdout;
    assert!(list.contains("       7.2 s  "), "{list}");
    assert!(run(&dir, &format!("jobs show {id}")).stdout.contains("\nended:    "));
    dir.wait_until_clean();
}

#[test]
fn without_a_home_nothing_is_remembered() {
    let dir = JobDir::new();
    dir.write("in", "x\n");
    dir.run("-input in -output out -mapper cat").expect_code(0);
    assert_eq!(dir.run("jobs").expect_code(0).stdout, "");
    let nowhere =
        dir.command(&["-input", "in", "-output", "out2", "-mapper", "cat"]).with("HOME", "/dev/null").run();
    assert!(!nowhere.expect_code(0).stderr.contains("/dev/null"));
}
