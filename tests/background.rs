//! `-background`: the command returns once the job is under way, and the job is found, waited for and ended.

use crate::harness::{JobDir, MrCommand, Output, wait_until};
use rustix::fs::{CWD, FileType, Mode};
use rustix::process::{Pid, Signal, getsid, kill_process};
use std::path::PathBuf;

/// The folder of a job whose mapper says when it runs and then waits for a word in a pipe.
struct Waiting {
    dir: JobDir,
}

impl Waiting {
    fn new() -> Self {
        let dir = JobDir::new();
        dir.write("in", "x\n");
        dir.script(
            "m.sh",
            "#!/bin/sh\ncat\n: > \"$MARK\"\nread code < \"$PIPE\"\necho end >&2\nexit $code\n",
        );
        rustix::fs::mknodat(CWD, dir.path("pipe"), FileType::Fifo, Mode::RWXU, 0).unwrap();
        Self { dir }
    }

    fn run(&self, args: &str) -> Output {
        self.command(args).run()
    }

    fn command(&self, args: &str) -> MrCommand {
        let words: Vec<&str> = args.split_whitespace().collect();
        let command = self.dir.command(&words).with("HOME", self.dir.path("home"));
        command.with("MARK", self.dir.path("mark")).with("PIPE", self.dir.path("pipe"))
    }

    /// Starts the job and waits until its mapper runs; returns its name.
    fn start(&self, args: &str) -> String {
        let began = self.run(&format!("{JOB} {args}")).expect_code(0);
        wait_until("the mapper runs", || self.dir.path("mark").exists());
        let id = began.stderr.split_once("HINT mr-stream jobs wait ").unwrap().1.split(' ').next().unwrap();
        assert_eq!(
            began.stderr,
            format!(
                "Job is running in background.\nHINT mr-stream jobs wait {id} waits for it and answers its exit \
                 code; there are also show and kill\nOutput directory: out\n"
            )
        );
        assert_eq!(began.stdout, "");
        id.to_owned()
    }

    /// Lets the mapper end with this exit code.
    fn end_mapper(&self, code: u8) {
        std::fs::write(self.dir.path("pipe"), format!("{code}\n")).unwrap();
    }

    /// A line of what is shown of a job.
    fn shown(&self, id: &str, field: &str) -> String {
        let shown = self.run(&format!("jobs show {id}")).expect_code(0).stdout;
        let line = shown.lines().find_map(|line| line.strip_prefix(field)?.strip_prefix(':'));
        line.unwrap_or_else(|| panic!("no {field}\n{shown}")).trim().to_owned()
    }

    fn process(&self, id: &str) -> Pid {
        Pid::from_raw(self.shown(id, "process").parse().unwrap()).unwrap()
    }
}

impl Drop for Waiting {
    /// A test that failed shall not leave its job waiting.
    fn drop(&mut self) {
        let list = self.run("jobs").stdout;
        for line in list.lines().filter(|line| line.contains(" RUNNING ")) {
            self.run(&format!("jobs kill {}", line.split(' ').next().unwrap()));
        }
    }
}

const JOB: &str = "-files m.sh -input in -output out -mapper m.sh -reducer NONE -background";

#[test]
fn the_job_goes_on_after_the_command() {
    let job = Waiting::new();
    let id = job.start("");
    assert_eq!(job.shown(&id, "state"), "RUNNING");
    assert!(job.shown(&id, "progress").starts_with("map "));
    let process = job.process(&id);
    assert_eq!(getsid(Some(process)), Ok(process), "it is in a session of its own");
    let list = job.run("jobs").stdout;
    assert!(list.contains("/mr-stream -files m.sh -input "), "as it was given: {list}");
    assert!(list.starts_with(&format!("{id}  RUNNING ")) && list.contains("-reducer NONE -background\n"));
    let shown = job.run(&format!("jobs show {id}")).stdout;
    assert!(shown.contains(&format!("end of the log:\n  Running job: {id}\n   map ")), "{shown}");

    let waiting = job.command(&format!("jobs wait {id}")).start();
    job.end_mapper(0);
    waiting.finish().expect_code(0);
    assert_eq!(job.shown(&id, "state"), "SUCCEEDED");
    assert_eq!(job.dir.parts_joined(), b"x\t\n");
    let log = std::fs::read_to_string(job.shown(&id, "log")).unwrap();
    for line in [&format!("Job {id} completed successfully\n"), "Output directory: out\n", "State: "] {
        assert!(log.contains(line), "no {line}\n{log}");
    }
    assert!(!log.contains("end\n"), "what tasks print is kept apart");
    let task = PathBuf::from(job.shown(&id, "logs")).join(format!("container_{}_01_000002/stderr", &id[4..]));
    assert_eq!(std::fs::read(task).unwrap(), b"end\n");
    job.dir.assert_nobody_runs();
}

#[test]
fn the_record_and_logs_of_a_job_that_runs_stay() {
    let job = Waiting::new();
    let id = job.start("");
    for number in 0..203 {
        job.dir.write(&format!("home/.local/state/mr-stream/jobs/job_9{number:012}_0001.json"), "{}");
    }
    for number in 0..60 {
        let folder = format!("home/.local/state/mr-stream/logs/userlogs/application_0{number:03}_0001");
        job.dir.write(&format!("{folder}/.mr-stream"), "");
    }
    job.run("-input in -output out2 -mapper cat").expect_code(0);
    assert_eq!(job.shown(&id, "state"), "RUNNING");
    let log = PathBuf::from(job.shown(&id, "log"));
    assert!(log.is_file());
    let jobs = std::fs::read_dir(log.parent().unwrap()).unwrap().map(|entry| entry.unwrap().path());
    assert_eq!(jobs.filter(|path| path.extension().is_some_and(|kind| kind == "json")).count(), 200);
    job.end_mapper(0);
    job.run(&format!("jobs wait {id}")).expect_code(0);
    assert!(PathBuf::from(job.shown(&id, "logs")).is_dir());
}

#[test]
fn its_exit_code_is_kept_and_it_can_be_ended() {
    let job = Waiting::new();
    let id = job.start("");
    job.end_mapper(3);
    job.run(&format!("jobs wait {id}")).expect_code(1);
    assert!(job.run(&format!("jobs show {id}")).stdout.contains("\n  status:  exited with code 3\n"));
    std::fs::remove_file(job.dir.path("mark")).unwrap();

    let id = job.start("");
    // Another one in its place is refused, and does not touch its record.
    job.run(&format!("{JOB} -resume")).expect_code(5).expect_stderr(&["another mr-stream is writing"]);
    assert_eq!(job.shown(&id, "state"), "RUNNING");
    job.run(&format!("jobs kill {id}")).expect_code(0);
    job.run(&format!("jobs wait {id}")).expect_code(143);
    assert_eq!(job.shown(&id, "state"), "KILLED");
    job.dir.assert_no_output();
}

#[test]
fn a_job_that_was_stopped_goes_on_in_the_background() {
    let job = Waiting::new();
    let id = job.start("-resume");
    job.run(&format!("jobs kill {id}")).expect_code(0);
    job.run(&format!("jobs wait {id}")).expect_code(143);
    std::fs::remove_file(job.dir.path("mark")).unwrap();
    assert_eq!(job.start("-resume"), id, "it keeps its name");
    job.end_mapper(0);
    job.run(&format!("jobs wait {id}")).expect_code(0);
    let log = std::fs::read_to_string(job.shown(&id, "log")).unwrap();
    assert_eq!(log.matches(&format!("Running job: {id}\n")).count(), 2, "{log}");
}

#[test]
fn what_cannot_start_is_told_by_the_command() {
    let job = Waiting::new();
    let check = |home: PathBuf, args: &str, code: i32, expect: &[&str]| {
        let words: Vec<&str> = args.split_whitespace().collect();
        let ended = job.dir.command(&words).with("HOME", home).run().expect_code(code).expect_stderr(expect);
        assert!(!ended.stderr.contains("in background"), "{}", ended.report());
        job.dir.assert_no_output();
    };
    let home = || job.dir.path("home");
    let start = "-mapper cat -output out -background -input";
    check(home(), &format!("{start} nope"), 5, &["Input path does not exist: ", "no output folder out"]);
    check(home(), &format!("{start} in -partitioner x.Y"), 1, &["x.Y"]);
    check(home(), &format!("{start}s in"), 1, &["unrecognized option: -inputs", "Try -help"]);
    check(PathBuf::new(), &format!("{start} in"), 5, &["set XDG_STATE_HOME or HOME", "nothing was started"]);
    check("/dev/null".into(), &format!("{start} in"), 5, &["XDG_STATE_HOME", "/dev/null/.local"]);
    assert_eq!(job.run("jobs").stdout, "");
    job.dir.write("out/mine", "");
    job.run(&format!("{start} in")).expect_code(5).expect_stderr(&["already exists"]);
}

#[test]
fn it_does_not_begin_when_the_command_was_ended_before() {
    let job = Waiting::new();
    // The second process stands still before it has an output folder.
    let command = job.command(JOB).with("MRSTREAM_FAULT", "mkdir:1:stop:/out").start();
    let state = |id: &str| job.run("jobs").stdout.contains(id);
    wait_until("there is a record", || state("RUNNING"));
    let id = job.run("jobs").stdout.split(' ').next().unwrap().to_owned();
    let process = job.process(&id);
    let stat = format!("/proc/{}/stat", process.as_raw_nonzero());
    wait_until("it stands still", || std::fs::read_to_string(&stat).is_ok_and(|stat| stat.contains(") T ")));
    kill_process(command.pid, Signal::KILL).unwrap();
    let parent = format!(") T {} ", command.pid.as_raw_nonzero());
    wait_until("the command is gone", || !std::fs::read_to_string(&stat).unwrap().contains(&parent));
    kill_process(process, Signal::CONT).unwrap();
    command.finish();
    job.run(&format!("jobs wait {id}")).expect_code(143);
    assert!(!job.dir.path("mark").exists(), "no task began");
    job.dir.assert_no_output();
}
