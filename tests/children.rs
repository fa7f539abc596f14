//! Children of bad habits, and kills of everybody: what the job then says, and that nothing is left of it, neither
//! processes nor temporary files nor output that looks finished.

use crate::harness::{JobDir, MrCommand, Output, Running, repository, skip_without, wait_until};
use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::process::{Pid, Signal, kill_process, kill_process_group};
use std::fs;
use std::io::Read as _;
use std::os::unix::fs::OpenOptionsExt;

/// After this long somebody counts as hung.
const HUNG_AFTER: Timespec = Timespec { tv_sec: 240, tv_nsec: 0 };

/// A job folder with a small input, the child of bad habits, and the FIFOs at which it waits.
fn job_dir() -> JobDir {
    let dir = JobDir::new();
    let child = fs::read_to_string(repository().join("tests/children/fake_child.sh")).unwrap();
    dir.script("fake_child.sh", &child).write("in/a.txt", "one\ntwo\nthree\n");
    for name in ["ready", "go"] {
        let made = std::process::Command::new("mkfifo").arg(dir.path(name)).status().unwrap();
        assert!(made.success());
    }
    dir
}

/// A job with a mapper of this habit.
fn command_for(dir: &JobDir, habit: &str, more: &[&str]) -> MrCommand {
    let (mapper, here) = (format!("fake_child.sh {habit}"), format!("HERE={}", dir.path("").display()));
    let args = ["-files", "fake_child.sh", "-cmdenv", &here, "-mapper", &mapper, "-input", "in"];
    dir.command(&[&args[..], &["-output", "out", "-reducer", "cat"], more].concat())
}

/// Starts a job with a mapper of this habit.
fn start(dir: &JobDir, habit: &str, more: &[&str]) -> Running {
    command_for(dir, habit, more).start()
}

/// Waits until a child is where it stays, and returns its number.
#[track_caller]
fn wait_for_child(dir: &JobDir) -> Pid {
    // Without a writer it opens all the same, so that a child that never comes is no hang.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let mut ready = fs::File::options().read(true).custom_flags(nonblocking).open(dir.path("ready")).unwrap();
    let mut said = String::new();
    while !said.ends_with('\n') {
        let waited = poll(&mut [PollFd::new(&ready, PollFlags::IN)], Some(&HUNG_AFTER)).unwrap();
        assert!(waited > 0, "no child came");
        // The end of a FIFO that nobody has opened yet is none.
        let mut block = [0; 64];
        let count = ready.read(&mut block).unwrap_or(0);
        said.push_str(std::str::from_utf8(&block[..count]).unwrap());
    }
    Pid::from_raw(said.trim().parse().unwrap()).unwrap()
}

/// Lets a child that waits go on.
fn release(dir: &JobDir) {
    drop(fs::File::options().write(true).open(dir.path("go")).unwrap());
}

/// The job failed with this code and said these texts; nothing is left of it.
#[track_caller]
fn check_failed(dir: &JobDir, output: Output, code: i32, says: &[&str]) {
    let output = output.expect_code(code).expect_stderr(says);
    assert!(!output.stderr.contains("panicked"), "a panic is no message\n{}", output.report());
    dir.assert_no_output();
}

/// Children that stay for ever, in every way there is.
const STAYING: [&str; 12] = [
    "stay",
    "stay-closed",
    "stay-deaf",
    "stay-stopped",
    "stay-family",
    "stay-nameless",
    "stay-renamed",
    "stay-job",
    "stay-daemon",
    "stay-daemon-closed",
    "stay-elsewhere",
    "stay-unmarked",
];

fn staying() -> impl Iterator<Item = &'static str> {
    let perl = !skip_without("perl", "a child that changes its process group");
    STAYING.into_iter().filter(move |habit| *habit != "stay-elsewhere" || perl)
}

#[test]
fn signals_end_the_job_and_whatever_its_children_do() {
    let signals = [(Signal::INT, 130), (Signal::TERM, 143), (Signal::HUP, 129)];
    for (habit, (signal, code)) in staying().zip(signals.into_iter().cycle()) {
        let dir = job_dir();
        let running = start(&dir, habit, &[]);
        wait_for_child(&dir);
        kill_process(running.pid, signal).unwrap();
        check_failed(&dir, running.finish(), code, &["stopped by signal"]);
    }
}

#[test]
fn who_is_killed_at_once_is_survived_by_nobody() {
    for habit in staying() {
        for whole_group in [false, true] {
            println!("{habit}, the whole group: {whole_group}");
            let dir = job_dir();
            let running = start(&dir, habit, &[]);
            wait_for_child(&dir);
            if whole_group {
                kill_process_group(running.pid, Signal::KILL).unwrap();
            } else {
                kill_process(running.pid, Signal::KILL).unwrap();
            }
            let output = running.finish();
            assert_eq!(output.code, None, "{habit}\n{}", output.report());
            dir.wait_until_clean();
            assert!(!dir.path("out/_SUCCESS").exists(), "{habit}");
        }
    }
}

/// Kills mr-stream alone, and waits until nothing is left of it.
#[track_caller]
fn check_killed(dir: &JobDir, running: Running) {
    kill_process(running.pid, Signal::KILL).unwrap();
    assert_eq!(running.finish().code, None);
    dir.wait_until_clean();
}

/// The guard is told of a child only after its start.
#[test]
fn a_child_is_ended_that_nobody_was_told_of() {
    for habit in ["stay", "stay-nameless", "stay-unmarked"] {
        println!("{habit}");
        let dir = job_dir();
        // It stops with the word on its lips: there is no other message that begins so.
        let command = command_for(&dir, habit, &[]).with("MRSTREAM_FAULT", "write:1:stop:+");
        let running = command.start();
        wait_for_child(&dir);
        check_killed(&dir, running);
    }
}

/// A mapper that runs a job of its own, with a guard of its own.
#[test]
fn a_job_within_a_job_is_cleared_with_it() {
    let dir = job_dir();
    let inner = format!(
        "#!/bin/sh\nexec {} -files {} -mapper 'fake_child.sh stay' -input {} -output {}\n",
        env!("CARGO_BIN_EXE_mr-stream"),
        dir.path("fake_child.sh").display(),
        dir.path("in").display(),
        dir.path("inner").display()
    );
    dir.script("inner.sh", &inner);
    let (here, mapper) = (format!("HERE={}", dir.path("").display()), dir.path("inner.sh"));
    let args = ["-cmdenv", &here, "-mapper", mapper.to_str().unwrap(), "-input", "in", "-output", "out"];
    let running = dir.command(&args).start();
    wait_for_child(&dir);
    check_killed(&dir, running);
}

#[test]
fn children_may_be_killed() {
    for whole_group in [false, true] {
        let dir = job_dir();
        let running = start(&dir, "stay-family", &[]);
        let child = wait_for_child(&dir);
        if whole_group {
            kill_process_group(child, Signal::KILL).unwrap();
        } else {
            kill_process(child, Signal::KILL).unwrap();
        }
        check_failed(&dir, running.finish(), 1, &["SIGKILL"]);
    }
}

/// The guard of a run, which is its child.
pub(crate) fn guard_of(running: &Running) -> Option<Pid> {
    let us = running.pid.as_raw_nonzero().get().to_string();
    fs::read_dir("/proc").unwrap().flatten().find_map(|process| {
        let read = |name: &str| fs::read_to_string(process.path().join(name)).unwrap_or_default();
        let stat = read("stat");
        let parent = stat.rsplit_once(") ")?.1.split(' ').nth(1)?.to_owned();
        let is_guard = parent == us && read("cmdline").ends_with("\0guard\0");
        Pid::from_raw(process.file_name().to_str()?.parse().ok()?).filter(|_| is_guard)
    })
}

#[test]
fn a_job_does_without_its_guard() {
    for signal in [Signal::KILL, Signal::STOP] {
        let dir = job_dir();
        let running = start(&dir, "stay", &[]);
        wait_for_child(&dir);
        wait_until("there is a guard", || guard_of(&running).is_some());
        let guard = guard_of(&running).unwrap();
        // Signals that others may send to all processes of a terminal do not reach it.
        for ignored in [Signal::INT, Signal::TERM, Signal::HUP] {
            kill_process(guard, ignored).unwrap();
        }
        kill_process(guard, signal).unwrap();
        release(&dir);
        running.finish().expect_code(0);
        if signal == Signal::STOP {
            kill_process(guard, Signal::CONT).unwrap();
        }
        dir.assert_clean();
        assert!(dir.path("out/_SUCCESS").exists());
    }
}

#[test]
fn a_job_that_ends_well_leaves_nobody_behind() {
    for habit in ["daemon-stays", "daemon-hears", "family-stays"] {
        let dir = job_dir();
        start(&dir, habit, &[]).finish().expect_code(0);
        assert_eq!(String::from_utf8_lossy(&dir.parts_joined()), "one\t\nthree\t\ntwo\t\n", "{habit}");
        dir.assert_clean();
    }
}

/// A shell that starts something and then becomes mr-stream leaves it a child that is none of the job's.
#[test]
fn children_from_before_are_left_alone() {
    let dir = job_dir();
    let (mapper, here) = ("fake_child.sh daemon-stays", format!("HERE={}", dir.path("").display()));
    let args = ["-files", "fake_child.sh", "-cmdenv", &here, "-mapper", mapper, "-input", "in"];
    let command = dir.command(&[&args[..], &["-output", "out", "-reducer", "NONE"]].concat());
    command.after("(read line <go; echo here >ready) </dev/null >/dev/null 2>&1 &").run().expect_code(0);
    // Nobody can open it to write unless somebody waits for that.
    let nonblocking = rustix::fs::OFlags::NONBLOCK.bits() as i32;
    let open = || fs::File::options().write(true).custom_flags(nonblocking).open(dir.path("go")).is_ok();
    wait_until("the shell's own child is let go", open);
    assert_eq!(fs::read_to_string(dir.path("ready")).unwrap(), "here\n");
    dir.wait_until_clean();
}

/// Else processes of thousands of attempts would run at the end of a job.
#[test]
fn what_a_child_leaves_in_its_group_goes_with_its_attempt() {
    let dir = JobDir::new();
    let leaves = "#!/bin/sh\ncat\nsleep 100000 > /dev/null 2>&1 < /dev/null &\necho $! > \"$1\"\n";
    // Who was killed may take a moment to die.
    let looks = "#!/bin/sh\ncat\nfor look in $(seq 1000); do\n\
                 grep -q '^State:.[RSD]' /proc/$(cat \"$1\")/status || exec echo gone\ndone\n";
    dir.write("in/a.txt", "one\n").script("leaves.sh", leaves).script("looks.sh", looks);
    let command = |name: &str| format!("{} {}", dir.path(name).display(), dir.path("left").display());
    let (mapper, reducer) = (command("leaves.sh"), command("looks.sh"));
    let args = ["-input", "in", "-output", "out", "-mapper", &mapper, "-reducer", &reducer];
    dir.command(&args).run().expect_code(0);
    assert_eq!(String::from_utf8(dir.parts_joined()).unwrap(), "one\t\ngone\t\n");
    dir.assert_clean();
}

#[test]
fn a_failed_child_is_not_waited_for_by_its_daemon() {
    let dir = job_dir();
    let output = start(&dir, "daemon-fails", &[]).finish();
    check_failed(&dir, output, 1, &["exited with code 3"]);
}

#[test]
fn a_task_of_its_own_process_ends_its_children_too() {
    let dir = job_dir();
    let (plan, work) = (dir.beside("job.plan"), dir.beside("tmp/work"));
    let (plan, work) = (plan.to_str().unwrap(), work.to_str().unwrap());
    let (mapper, here) = ("fake_child.sh stay", format!("HERE={}", dir.path("").display()));
    let job =
        ["-files", "fake_child.sh", "-cmdenv", &here, "-mapper", mapper, "-input", "in", "-output", "out"];
    dir.command(&[&["plan", "-o", plan], &job[..]].concat()).run().expect_code(0);
    let running = dir.command(&["task", "--plan", plan, "--work", work, "map", "0"]).start();
    wait_for_child(&dir);
    kill_process(running.pid, Signal::TERM).unwrap();
    assert_eq!(running.finish().code, None);
    // What tasks leave for each other is not the guard's.
    wait_until("the task's folder is gone", || fs::read_dir(work).unwrap().next().is_none());
    fs::remove_dir(work).unwrap();
    dir.wait_until_clean();
}

#[test]
fn an_interrupted_sample_leaves_nothing() {
    let dir = job_dir();
    let (mapper, here) = ("fake_child.sh stay", format!("HERE={}", dir.path("").display()));
    let job =
        ["-files", "fake_child.sh", "-cmdenv", &here, "-mapper", mapper, "-input", "in", "-output", "out"];
    let running =
        dir.command(&[&["sample", "-o", "cuts"], &job[..], &["-numReduceTasks", "2"]].concat()).start();
    wait_for_child(&dir);
    kill_process(running.pid, Signal::INT).unwrap();
    running.finish().expect_code(130);
    dir.assert_clean();
    assert!(!dir.path("cuts").exists());
}

#[test]
fn closed_pipes_are_no_hang() {
    for (habit, expect) in [("close-stdout", ""), ("close-all", "")] {
        let dir = job_dir();
        start(&dir, habit, &[]).finish().expect_code(0);
        assert_eq!(String::from_utf8_lossy(&dir.parts_joined()), expect, "{habit}");
        dir.assert_clean();
    }
}

/// Address space that no run may exceed, in KiB: far below what these children write.
const MEMORY: &str = "ulimit -v 460000;";

fn start_small(dir: &JobDir, habit: &str, more: &[&str]) -> Output {
    let (mapper, slots) = (format!("fake_child.sh {habit}"), "mapreduce.local.map.tasks.maximum=1");
    let args = ["-D", slots, "-files", "fake_child.sh", "-mapper", &mapper, "-input", "in", "-output", "out"];
    dir.command(&[&args[..], more].concat()).after(MEMORY).run()
}

#[test]
fn floods_without_a_line_end_take_no_memory() {
    let dir = job_dir();
    start_small(&dir, "one-line-stderr", &["-reducer", "NONE"]).expect_code(0);
    assert_eq!(String::from_utf8_lossy(&dir.parts_joined()), "one\t\ntwo\t\nthree\t\n");
    dir.assert_clean();
    let dir = job_dir();
    start_small(&dir, "one-line-stdout", &["-reducer", "NONE"]).expect_code(0);
    assert_eq!(dir.parts_joined().len(), 100_000_000 + 2);
    dir.assert_clean();
}

#[test]
fn a_record_larger_than_memory_is_an_error() {
    let dir = job_dir();
    let memory = ["-D", "mrstream.memory.bytes=16777216", "-reducer", "cat"];
    let output = start_small(&dir, "one-line-stdout", &memory);
    check_failed(&dir, output, 1, &["attempt_", "_m_000000_0", "record"]);
}

#[test]
fn much_on_standard_error_is_passed_on() {
    let dir = job_dir();
    let output = start(&dir, "many-lines-stderr", &[]).finish().expect_code(0);
    assert_eq!(output.stderr.matches("so much to say\n").count(), 20_000_000 / 15);
    dir.assert_clean();
}

/// What is decided depends on how much the child read, and on nothing else.
#[test]
fn unread_input_is_judged_the_same_way_every_time() {
    let lines = (0..50_000).map(|number| format!("{number:09}")).collect::<Vec<_>>().join("\n") + "\n";
    for (bytes, record) in [(10, None), (327_679, Some("32768")), (327_680, None)] {
        for _ in 0..3 {
            let dir = job_dir();
            dir.write("in/a.txt", if bytes == 10 { &lines[..100_000] } else { &lines });
            let output = start(&dir, &format!("half-read {bytes}"), &["-reducer", "NONE"]).finish();
            match record {
                None => {
                    output.expect_code(0);
                    dir.assert_clean();
                }
                Some(record) => {
                    let property = "stream.minRecWrittenToEnableSkip_=0";
                    let says = ["327679 bytes", &format!("record {record}"), property, "in/a.txt"];
                    assert!(!output.stderr.contains("roken pipe"), "{}", output.report());
                    check_failed(&dir, output, 1, &says);
                }
            }
        }
    }
    let dir = job_dir();
    dir.write("in/a.txt", &lines);
    let counters = dir.path("counters.json");
    let allowed = ["-D", "stream.minRecWrittenToEnableSkip_=0", "-counters-json", counters.to_str().unwrap()];
    start(&dir, "half-read 10", &allowed).finish().expect_code(0);
    assert_eq!(dir.parts_joined(), b"000000000\t\n");
    // As in Hadoop, a record that nobody read is an input record all the same.
    let counters = fs::read_to_string(counters).unwrap();
    assert!(counters.contains("\"Map input records\": 50000"), "{counters}");
}
