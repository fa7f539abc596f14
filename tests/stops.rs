//! Signals that stop a job: one, several or a burst of them, in every phase, to the process, its group or all its
//! processes. Afterwards nothing is left of the job, or it was finished and its output is whole.

use crate::children::guard_of;
use crate::harness::Random;
use crate::harness::{JobDir, MrCommand, Output, Running, say, wait_until};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::collections::BTreeMap;
use std::fs;
use std::os::unix::fs::OpenOptionsExt;
use std::time::{Duration, Instant};

const STOPS: [Signal; 5] = [Signal::INT, Signal::TERM, Signal::HUP, Signal::QUIT, Signal::XCPU];

/// A standard error that is full, for the prelude of a command: nothing reads from it.
const FULL_STDERR: &str =
    "exec 2<>full; dd if=/dev/zero of=full bs=65536 count=1 oflag=nonblock 2>/dev/null;";

/// The code of a process that a signal stopped.
fn code(signal: Signal) -> i32 {
    128 + signal.as_raw()
}

/// The folder of a job whose mapper says that it runs, and then waits until it is ended or released.
fn waiting_dir() -> JobDir {
    let dir = JobDir::new();
    dir.write("in/a.txt", "one\n");
    let script = format!("#!/bin/sh\n: > {0}\nread line < {1}\n", path(&dir, "mark"), path(&dir, "go"));
    dir.script("m.sh", &script);
    make_fifo(&dir, "go");
    dir
}

fn path(dir: &JobDir, name: &str) -> String {
    dir.path(name).to_str().unwrap().to_owned()
}

fn make_fifo(dir: &JobDir, name: &str) {
    use rustix::fs::{CWD, FileType, Mode, mknodat};
    mknodat(CWD, dir.path(name), FileType::Fifo, Mode::RWXU, 0).unwrap();
}

/// Waits until the mapper of [`waiting_dir`] runs.
#[track_caller]
fn wait_for_mapper(dir: &JobDir) {
    wait_until("the mapper runs", || dir.path("mark").exists());
}

fn waiting_job(dir: &JobDir) -> MrCommand {
    dir.command(&["-input", "in", "-output", "out", "-mapper", &path(dir, "m.sh"), "-reducer", "cat"])
}

/// The state of a process, as `/proc` tells it; `None` if it is gone.
fn state(process: Pid) -> Option<char> {
    let stat = fs::read_to_string(format!("/proc/{}/stat", process.as_raw_nonzero())).ok()?;
    stat.rsplit_once(") ")?.1.chars().next()
}

/// Waits until a process stands still at a fault, or has ended.
#[track_caller]
fn wait_until_still(process: Pid) {
    wait_until("it stands still or ends", || matches!(state(process), None | Some('T' | 'Z')));
}

#[test]
fn each_stop_signal_ends_the_job() {
    for signal in STOPS {
        let dir = waiting_dir();
        let running = waiting_job(&dir).start();
        wait_for_mapper(&dir);
        kill_process(running.pid, signal).unwrap();
        running.finish().expect_code(code(signal)).expect_stderr(&["stopped by signal"]);
        dir.assert_no_output();
        assert!(!dir.path("out").exists());
    }
}

/// A job that gets a signal, stands still in its clean-up, gets another signal, and goes on.
fn two_signals(dir: &JobDir, command: MrCommand) -> Output {
    let running = command.with("MRSTREAM_FAULT", "remove:1:stop:out/_temporary").start();
    wait_for_mapper(dir);
    kill_process(running.pid, Signal::INT).unwrap();
    wait_until_still(running.pid);
    kill_process(running.pid, Signal::TERM).unwrap();
    kill_process(running.pid, Signal::CONT).unwrap();
    running.finish()
}

#[test]
fn a_second_signal_of_the_same_stop_changes_nothing() {
    let dir = waiting_dir();
    two_signals(&dir, waiting_job(&dir)).expect_code(130);
    dir.assert_no_output();
    assert!(!dir.path("out").exists());
}

#[test]
fn a_later_signal_ends_the_clean_up_and_the_guard_does_the_rest() {
    let dir = waiting_dir();
    // The clean-up waits for an inner run, which stands still in its own.
    let inner = inner_job(&dir, "env -u MRSTREAM_STOP_MS MRSTREAM_FAULT=remove:1:stop:inner/_temporary", "");
    let running = inner.with("MRSTREAM_STOP_MS", "0").start();
    wait_for_mapper(&dir);
    kill_process(running.pid, Signal::INT).unwrap();
    wait_until("the inner run stands still", || is_any_still(&dir));
    kill_process(running.pid, Signal::TERM).unwrap();
    running.finish().expect_code(143).expect_stderr(&["the output folder may hold unfinished output"]);
    dir.wait_until_clean();
    assert!(!dir.path("out/_SUCCESS").exists());
}

#[test]
fn a_repeated_xcpu_does_not_end_the_clean_up() {
    let dir = waiting_dir();
    let command = waiting_job(&dir).with("MRSTREAM_STOP_MS", "0");
    let running = command.with("MRSTREAM_FAULT", "remove:1:stop:out/_temporary").start();
    wait_for_mapper(&dir);
    kill_process(running.pid, Signal::XCPU).unwrap();
    wait_until_still(running.pid);
    kill_process(running.pid, Signal::XCPU).unwrap();
    kill_process(running.pid, Signal::CONT).unwrap();
    running.finish().expect_code(code(Signal::XCPU));
    assert!(!dir.path("out").exists());
    dir.assert_clean();
}

#[test]
fn an_ignored_hangup_does_not_stop_the_job() {
    let dir = waiting_dir();
    let running = waiting_job(&dir).after("trap '' HUP;").start();
    wait_for_mapper(&dir);
    kill_process(running.pid, Signal::HUP).unwrap();
    fs::write(dir.path("go"), "\n").unwrap();
    running.finish().expect_code(0);
    assert!(dir.path("out/_SUCCESS").exists());
    dir.assert_clean();
}

/// A child may get the signal too, and end before mr-stream has looked at its own.
#[test]
fn a_signal_to_all_processes_is_a_stop_and_no_failed_attempt() {
    for sampling in [false, true] {
        let dir = waiting_dir();
        let job = if sampling { sampling_job(&dir) } else { waiting_job(&dir) };
        let running = job.start();
        wait_for_mapper(&dir);
        for process in dir.processes().into_iter().rev() {
            kill_process(Pid::from_raw(process).unwrap(), Signal::TERM).ok();
        }
        let output = running.finish().expect_code(143);
        assert!(!output.stderr.contains("failed"), "{}", output.report());
        assert!(!dir.path("out").exists());
        dir.assert_clean();
    }
}

/// A job that samples its mapper first.
fn sampling_job(dir: &JobDir) -> MrCommand {
    let partitioner = "org.apache.hadoop.mapred.lib.TotalOrderPartitioner";
    let cuts = "mapreduce.totalorderpartitioner.path=cuts";
    let properties = ["-D", "mrstream.totalorder.sample=true", "-D", cuts, "-D", "mapreduce.job.reduces=2"];
    let job = ["-partitioner", partitioner, "-input", "in", "-output", "out", "-mapper", &path(dir, "m.sh")];
    dir.command(&[&properties[..], &job[..], &["-reducer", "cat"]].concat())
}

#[test]
fn a_sampler_killed_with_its_guard_is_swept_by_the_next_run() {
    let dir = waiting_dir();
    let running = sampling_job(&dir).start();
    wait_for_mapper(&dir);
    kill_process(guard_of(&running).expect("no child is started without a guard"), Signal::KILL).unwrap();
    kill_process(running.pid, Signal::KILL).unwrap();
    assert_eq!(running.finish().code, None);
    assert_eq!(fs::read_dir(dir.beside("tmp")).unwrap().count(), 1, "its folder is left");
    dir.run("-input in -output out -mapper cat").expect_code(0);
    dir.wait_until_clean();
}

/// A job whose mapper runs mr-stream over the same input, with these words before and behind it in its shell.
fn inner_job(dir: &JobDir, before: &str, behind: &str) -> MrCommand {
    let program = env!("CARGO_BIN_EXE_mr-stream");
    let [input, output, mapper] = ["in", "inner", "m.sh"].map(|name| path(dir, name));
    let inner = format!("{program} -input {input} -output {output} -mapper {mapper}");
    dir.script("inner.sh", &format!("#!/bin/sh\n{before} {inner}\n{behind}\n"));
    dir.command(&["-input", "in", "-output", "out", "-mapper", &path(dir, "inner.sh"), "-reducer", "cat"])
}

#[test]
fn inner_runs_clean_up_when_the_outer_one_is_stopped() {
    for before in ["", "exec", "setsid", "exec setsid"] {
        let dir = waiting_dir();
        let running = inner_job(&dir, before, &format!(": > {}", path(&dir, "next"))).start();
        wait_for_mapper(&dir);
        kill_process(running.pid, Signal::TERM).unwrap();
        running.finish().expect_code(143);
        for left in ["inner", "out", "next"] {
            assert!(!dir.path(left).exists(), "{before:?} left {left}");
        }
        dir.wait_until_clean();
    }
}

/// The process ended by this signal, in order or, before it had anything to clean up, at once.
#[track_caller]
fn assert_stopped_by(output: &Output, signal: Signal) {
    let at_once = output.stderr.contains(&format!("(ended by signal {})", signal.as_raw()));
    assert!(output.code == Some(code(signal)) || at_once, "{}", output.report());
}

#[test]
fn a_full_standard_error_does_not_hold_up_a_stop() {
    let dir = waiting_dir();
    make_fifo(&dir, "full");
    let running = waiting_job(&dir).after(FULL_STDERR).start();
    wait_until("there is a guard", || guard_of(&running).is_some());
    kill_process(running.pid, Signal::TERM).unwrap();
    assert_stopped_by(&running.finish(), Signal::TERM);
    assert!(!dir.path("out").exists());
    dir.assert_clean();

    // It becomes full while the job runs.
    dir.script("flood.sh", &format!("#!/bin/sh\n: > {}\nyes >&2\n", path(&dir, "mark")));
    let args = ["-input", "in", "-output", "out", "-mapper", &path(&dir, "flood.sh")];
    let running = dir.command(&args).after("exec 2<>full;").start();
    wait_for_mapper(&dir);
    let full = fs::File::options().write(true).custom_flags(nonblocking()).open(dir.path("full")).unwrap();
    wait_until("it is full", || {
        let writable = rustix::event::PollFlags::OUT;
        rustix::event::poll(&mut [rustix::event::PollFd::new(&full, writable)], Some(&NOW)) == Ok(0)
    });
    kill_process(running.pid, Signal::TERM).unwrap();
    running.finish().expect_code(143);
    assert!(!dir.path("out").exists());
    dir.assert_clean();
}

const NOW: rustix::event::Timespec = rustix::event::Timespec { tv_sec: 0, tv_nsec: 0 };

fn nonblocking() -> i32 {
    rustix::fs::OFlags::NONBLOCK.bits().cast_signed()
}

#[test]
fn a_standard_error_that_fails_is_no_failure() {
    // Closed, a full disk, and a pipe without a reader.
    for prelude in ["exec 2>&-;", "exec 2>/dev/full;", "exec 7<>full; exec 2>full; exec 7<&-;"] {
        let dir = waiting_dir();
        make_fifo(&dir, "full");
        let job = ["-input", "in", "-output", "out", "-mapper", "cat"];
        dir.command(&job).after(prelude).run().expect_code(0);
        assert_eq!(dir.parts_joined(), b"one\t\n", "{prelude}");
        fs::remove_dir_all(dir.path("out")).unwrap();

        let running = waiting_job(&dir).after(prelude).start();
        wait_for_mapper(&dir);
        kill_process(running.pid, Signal::TERM).unwrap();
        running.finish().expect_code(143);
        assert!(!dir.path("out").exists(), "{prelude}");
        dir.assert_clean();
    }
}

#[test]
fn a_stop_while_a_job_goes_to_the_background_waits_for_its_clean_up() {
    let dir = waiting_dir();
    let job = ["-input", "in", "-output", "out", "-mapper", &path(&dir, "m.sh"), "-background"];
    let command = dir.command(&job).with("HOME", dir.path("home"));
    // The second process stands still when it has an output folder.
    let running = command.with("MRSTREAM_FAULT", "mkdir:2:stop:/out").start();
    wait_until("the second process stands still", || is_any_still(&dir));
    kill_process(running.pid, Signal::INT).unwrap();
    kill_process(running.pid, Signal::TERM).unwrap();
    go_on(&dir);
    let output = running.finish();
    assert!([Some(130), Some(143)].contains(&output.code), "{}", output.report());
    // A task may have begun before the signal was passed on.
    assert!(!dir.path("out").exists());
    dir.assert_clean();
}

/// Whether a process of the job stands still.
fn is_any_still(dir: &JobDir) -> bool {
    dir.processes().into_iter().filter_map(Pid::from_raw).any(|process| state(process) == Some('T'))
}

/// Lets the processes that stand still go on.
fn go_on(dir: &JobDir) {
    for process in dir.processes().into_iter().filter_map(Pid::from_raw) {
        if state(process) == Some('T') {
            kill_process(process, Signal::CONT).ok();
        }
    }
}

/// A job that is stopped at random, and how it looks when it is not.
struct Shape {
    name: &'static str,
    dir: JobDir,
    args: Vec<String>,
    files: BTreeMap<String, Vec<u8>>,
    took: Duration,
    /// Operations of the process that was started.
    points: usize,
}

const SHAPES: [(&str, &str); 7] = [
    ("reduce", "-mapper cat -reducer cat -numReduceTasks 2"),
    ("spill", "-mapper cat -reducer cat -numReduceTasks 2 -D mrstream.memory.bytes=4096"),
    ("map only", "-mapper cat -reducer NONE"),
    (
        "sample",
        "-D mrstream.totalorder.sample=true -D mapreduce.totalorderpartitioner.path=cuts -D mapreduce.job.reduces=2 \
         -partitioner org.apache.hadoop.mapred.lib.TotalOrderPartitioner -mapper cat -reducer cat",
    ),
    ("archive", "-archives many.tar#many -mapper cat -reducer cat"),
    ("inner", "-mapper ./twice.sh -reducer cat"),
    ("background", "-mapper cat -reducer cat -background"),
];

impl Shape {
    fn new(name: &'static str, args: &str) -> Self {
        let dir = JobDir::new();
        for file in 0..4 {
            let lines = (0..150).map(|line| format!("{}\t{file}-{line}\n", (line * 7919 + file * 31) % 97));
            dir.write(&format!("in/{file}.txt"), lines.collect::<String>());
            dir.write(&format!("many/{file}"), "x".repeat(200_000));
        }
        let mut tar = std::process::Command::new("tar");
        let made = tar.args(["-cf", "many.tar", "many"]).current_dir(dir.path("")).status();
        assert!(made.unwrap().success());
        let program = env!("CARGO_BIN_EXE_mr-stream");
        let inner = format!("{program} -input {} -mapper cat -reducer cat", path(&dir, "in/0.txt"));
        let twice = format!(
            "#!/bin/sh\nrm -rf inner-$mapreduce_task_partition\n{inner} -output inner-$mapreduce_task_partition\nexec cat\n"
        );
        dir.script("twice.sh", &twice);
        let args = format!("-input in -output out {args}").split_whitespace().map(str::to_owned).collect();
        let mut shape = Self { name, dir, args, files: BTreeMap::new(), took: Duration::ZERO, points: 0 };
        let log = shape.dir.beside("log");
        let began = Instant::now();
        shape.command().with("MRSTREAM_FAULT_LOG", &log).run().expect_code(0);
        shape.dir.wait_for_background();
        shape.took = began.elapsed();
        shape.points = fs::read_to_string(log).unwrap().lines().count();
        shape.files = shape.dir.files("out");
        assert!(shape.files.contains_key("_SUCCESS"));
        shape
    }

    fn command(&self) -> MrCommand {
        self.clear();
        // QUIT and XCPU to a child would leave the memory of it.
        self.dir.command(&self.args).after("ulimit -c 0;").with("HOME", self.dir.path("home"))
    }

    fn clear(&self) {
        for name in ["out", "inner-0", "inner-1", "inner-2", "inner-3"] {
            fs::remove_dir_all(self.dir.path(name)).ok();
        }
    }

    /// Stops the job at random; the exit code.
    fn stop(&self, random: &mut Random) -> Option<i32> {
        let at = random.below(self.points) + 1;
        let is_still = random.one_in(2);
        let command = self.command();
        let running = if is_still {
            command.with("MRSTREAM_FAULT", format!("all:{at}:stop")).start()
        } else {
            command.start()
        };
        let began = Instant::now();
        let instant = self.took.mul_f64(random.below(1000) as f64 / 1000.0);
        let is_over = || matches!(state(running.pid), None | Some('Z'));
        wait_until("the instant comes", || {
            is_over() || if is_still { is_any_still(&self.dir) } else { began.elapsed() >= instant }
        });
        let burst: Vec<Signal> = (0..=random.below(4)).map(|_| random.pick(&STOPS)).collect();
        let whom = random.below(3);
        for signal in &burst {
            self.send(&running, *signal, whom);
        }
        wait_until("it ends", || {
            go_on(&self.dir);
            is_over()
        });
        let output = running.finish();
        let when = if is_still { format!("at operation {at}") } else { format!("after {instant:?}") };
        self.check(&output, &burst, &format!("{}: {burst:?} to {whom} {when}", self.name));
        output.code
    }

    /// Sends a signal to the process, its group, or all processes of the job.
    fn send(&self, running: &Running, signal: Signal, whom: usize) {
        match whom {
            0 => drop(kill_process(running.pid, signal)),
            1 => drop(kill_process_group(running.pid, signal)),
            _ => {
                for process in self.dir.processes().into_iter().filter_map(Pid::from_raw) {
                    kill_process(process, signal).ok();
                }
            }
        }
    }

    #[track_caller]
    fn check(&self, output: &Output, burst: &[Signal], what: &str) {
        if output.code == Some(0) {
            // The job itself may have been stopped after it went to the background.
            wait_until("the job is over", || {
                go_on(&self.dir);
                self.dir.processes().is_empty()
            });
            let is_left = self.dir.path("out").exists();
            assert!(is_left || self.name == "background", "{what}: no output\n{}", output.report());
            assert!(!is_left || self.dir.files("out") == self.files, "{what}\n{}", output.report());
        } else {
            let ended = |signal: &Signal| format!("(ended by signal {})", signal.as_raw());
            let is_by = |signal| output.code == Some(code(signal)) || output.stderr.contains(&ended(&signal));
            assert!(burst.iter().any(|signal| is_by(*signal)), "{what}\n{}", output.report());
            assert!(!self.dir.path("out").exists(), "{what}\n{}", output.report());
        }
        self.dir.assert_clean();
        for number in 0..4 {
            let inner = self.dir.path(&format!("inner-{number}"));
            let left: Vec<_> = self.dir.files(&format!("inner-{number}")).into_keys().collect();
            let is_whole = !inner.exists() || inner.join("_SUCCESS").exists();
            assert!(is_whole, "{what}: an inner run left {number}, {left:?}\n{}", output.report());
        }
    }
}

/// 28 stops, or `MRSTREAM_STOP_CASES`; `MRSTREAM_TEST_SEED` says which.
#[test]
fn random_stops_leave_nothing() {
    let number = |name| std::env::var(name).ok().map(|text| text.parse::<u64>().unwrap());
    let cases = number("MRSTREAM_STOP_CASES").unwrap_or(28) as usize;
    let mut random = Random::new(number("MRSTREAM_TEST_SEED").unwrap_or(1));
    let shapes = SHAPES.map(|(name, args)| Shape::new(name, args));
    let mut codes = BTreeMap::<_, u32>::new();
    for case in 0..cases {
        let shape = &shapes[case % shapes.len()];
        *codes.entry((shape.name, shape.stop(&mut random))).or_default() += 1;
    }
    if number("MRSTREAM_STOP_CASES").is_some() {
        say(&format!("stops at random (job, exit code): {codes:?}"));
    }
}
