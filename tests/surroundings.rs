//! What the caller gives mr-stream besides arguments: a terminal, ignored and blocked signals, small limits on files,
//! memory and processes, and a temp folder that is not there. A job runs under it, or is refused with the limit's name.

use crate::harness::{JobDir, Output, say, skip_without, wait_until};
use rustix::process::{Signal, kill_process};
use std::fs;
use std::path::{Path, PathBuf};

const ARGS: &str = "-input in -output out -mapper cat -reducer cat";

/// A job folder with some lines, and the output of [`ARGS`] over them.
fn lines() -> (JobDir, Vec<u8>) {
    let dir = JobDir::new();
    let mut lines: Vec<String> = (0..20_000_u32)
        .map(|number| format!("{:010}\t{number}\n", number.wrapping_mul(2_654_435_761)))
        .collect();
    dir.write("in/a.txt", lines.concat());
    lines.sort();
    (dir, lines.concat().into_bytes())
}

/// Runs the job after shell commands that set a limit: it succeeds, or it says one of these things and leaves nothing.
/// Returns whether it succeeded.
#[track_caller]
fn succeeds_or_says(prelude: &str, more: &str, texts: &[&str]) -> bool {
    let (dir, expect) = lines();
    let words = format!("{ARGS} {more}");
    let output = dir.command(&words.split_whitespace().collect::<Vec<_>>()).after(prelude).run();
    if output.code == Some(0) {
        assert!(dir.parts_joined() == expect, "{}", output.report());
        dir.assert_clean();
        return true;
    }
    let names_it = texts.iter().any(|text| output.stderr.contains(text));
    assert!(matches!(output.code, Some(1 | 5)) && names_it, "{}", output.report());
    assert!(!output.stderr.contains("bug in mr-stream"), "{}", output.report());
    dir.assert_no_output();
    false
}

/// Runs the job in a terminal of its own.
fn in_terminal(dir: &JobDir, args: &str) -> Output {
    let script = r#"exec script -qec "\"$0\" $*" /dev/null;"#;
    dir.command(&args.split_whitespace().collect::<Vec<_>>()).after(script).run()
}

#[test]
fn a_child_that_uses_the_terminal_fails_by_name() {
    if skip_without("script", "a_child_that_uses_the_terminal_fails_by_name") {
        return;
    }
    let once = "-numReduceTasks 0 -D mapreduce.map.maxattempts=1";
    for (mapper, says) in [
        ("read x </dev/tty\n", "stopped by SIGTTIN and then ended: it reads from the terminal"),
        ("exec >&- 2>&-\nread x </dev/tty\n", "stopped by SIGTTIN and then ended"),
        ("cat\nexec stty -echo </dev/tty\n", "stopped by SIGTTOU and then ended: it changes the settings"),
    ] {
        for ships in ["", " -file mapper.sh"] {
            let dir = JobDir::new();
            dir.write("in/a.txt", "one\ntwo\n").script("mapper.sh", &format!("#!/bin/sh\n{mapper}"));
            let output =
                in_terminal(&dir, &format!("-input in -output out -mapper ./mapper.sh {once}{ships}"));
            let output = output.expect_code(1);
            assert!(output.stdout.contains(says), "{says}\n{}", output.report());
            dir.assert_no_output();
        }
    }
}

#[test]
fn a_child_that_is_stopped_otherwise_goes_on() {
    let dir = JobDir::new();
    // The first thread of mr-stream waits anew ten times a second: so the child is stopped for several looks at it.
    let stops = "#!/bin/sh\n\
                 turns() { sed -n 's/^voluntary_ctxt_switches:.//p' /proc/$PPID/status; }\n\
                 (until grep -q '^State:.T' /proc/$$/status; do :; done\n\
                 seen=$(turns); until test $(turns) -gt $((seen + 4)); do :; done; kill -CONT $$) &\n\
                 kill -STOP $$\ncat\n";
    dir.write("in/a.txt", "one\ntwo\n").script("mapper.sh", stops);
    dir.run("-input in -output out -mapper ./mapper.sh -numReduceTasks 0").expect_code(0);
    assert_eq!(dir.parts_joined(), b"one\t\ntwo\t\n");
    dir.assert_clean();
}

#[test]
fn an_ignored_sigchld_does_no_harm() {
    // Some shells handle this signal themselves, whatever a trap says.
    let ignore =
        r#"env --ignore-signal=CHLD true || exec "$0" "$@"; exec env --ignore-signal=CHLD "$0" "$@";"#;
    assert!(succeeds_or_says(ignore, "", &[]));
    // Children find the default action, as those of a JVM do: bit 16 is SIGCHLD's.
    let dir = JobDir::new();
    dir.write("in/a.txt", "x\n").script("mapper.sh", "#!/bin/sh\ngrep SigIgn /proc/self/status\n");
    let args = ["-input", "in", "-output", "out", "-mapper", "./mapper.sh", "-numReduceTasks", "0"];
    dir.command(&args).after(ignore).run().expect_code(0);
    let text = String::from_utf8(dir.parts_joined()).unwrap();
    let mask = u64::from_str_radix(text.split_whitespace().nth(1).unwrap(), 16).unwrap();
    assert_eq!(mask & 1 << 16, 0, "{text}");
}

#[test]
fn a_blocked_sigterm_stops_a_job_all_the_same() {
    let dir = JobDir::new();
    dir.write("in/a.txt", "x\n").script("mapper.sh", "#!/bin/sh\n: >begun\nexec sleep 100000\n");
    let args = ["-input", "in", "-output", "out", "-mapper", "./mapper.sh", "-numReduceTasks", "0"];
    let block = r#"env --block-signal=TERM true || exec "$0" "$@"; exec env --block-signal=TERM "$0" "$@";"#;
    let running = dir.command(&args).after(block).start();
    wait_until("the mapper to begin", || dir.path("begun").exists());
    kill_process(running.pid, Signal::TERM).unwrap();
    running.finish().expect_code(143);
    dir.assert_no_output();
}

#[test]
fn few_descriptors_are_refused_by_name() {
    for limit in 4..20 {
        let ran =
            succeeds_or_says(&format!("ulimit -n {limit};"), "", &["the limit on open files (`ulimit -n`)"]);
        assert!(ran || limit < 18, "{limit}");
    }
    // What the caller left open counts too.
    let others = (4..10).map(|file| format!("exec {file}</dev/null;")).collect::<Vec<_>>().concat();
    succeeds_or_says(&format!("{others} ulimit -n 20;"), "", &["the limit on open files (`ulimit -n`)"]);
}

#[test]
fn little_memory_is_enough_or_refused_by_name() {
    for mib in (40..320).step_by(24) {
        for more in ["", "-combiner cat -D mrstream.map.slots=8 -D mapreduce.job.maps=8"] {
            let ran =
                succeeds_or_says(&format!("ulimit -v {};", mib << 10), more, &["memory", "`ulimit -v`"]);
            assert!(ran || mib < 128, "{mib} {more}");
        }
    }
    for kib in [30_000, 34_000, 38_000] {
        succeeds_or_says(
            &format!("ulimit -v {kib};"),
            "",
            &["the limit on memory (`ulimit -v`)", "`ulimit -v`"],
        );
    }
}

#[test]
fn a_variable_of_the_allocator_is_not_seen_by_children() {
    let dir = JobDir::new();
    dir.write("in/a.txt", "x\n").script("mapper.sh", "#!/bin/sh\nenv | grep -c 'ARENA'\nexit 0\n");
    let args = ["-input", "in", "-output", "out", "-mapper", "./mapper.sh", "-numReduceTasks", "0"];
    dir.command(&args).after("ulimit -v 500000;").run().expect_code(0);
    assert_eq!(dir.parts_joined(), b"0\t\n");
}

/// A control group of our own with so many processes, if we may make one. Removed at the end.
struct ProcessGroup(PathBuf);

impl ProcessGroup {
    fn create(name: &str) -> Option<Self> {
        let groups = fs::read_to_string("/proc/self/cgroup").ok()?;
        groups.lines().find_map(|line| {
            let (root, ours) = match line.split(':').collect::<Vec<_>>()[..] {
                [_, "pids", ours] => ("/sys/fs/cgroup/pids", ours),
                [_, "", ours] => ("/sys/fs/cgroup", ours),
                _ => return None,
            };
            let name = format!("mr-test-{name}-{}", std::process::id());
            let group = Self(Path::new(root).join(ours.trim_start_matches('/')).join(name));
            fs::create_dir(&group.0).ok()?;
            // Without the controller there is no such file.
            group.0.join("pids.max").exists().then_some(group)
        })
    }
}

impl Drop for ProcessGroup {
    fn drop(&mut self) {
        // One that was not made is not there.
        fs::remove_dir(&self.0).ok();
    }
}

#[test]
fn few_processes_are_enough_or_refused_by_name() {
    let Some(group) = ProcessGroup::create("few") else {
        say(
            "SKIPPED for want of a control group that may be divided: few_processes_are_enough_or_refused_by_name",
        );
        return;
    };
    for limit in 1..24 {
        fs::write(group.0.join("pids.max"), limit.to_string()).unwrap();
        let enter = format!("echo $$ > {}/cgroup.procs;", group.0.display());
        succeeds_or_says(&enter, "", &["the control group's pids.max"]);
        wait_until("the group to be empty", || {
            fs::read_to_string(group.0.join("cgroup.procs")).unwrap().is_empty()
        });
    }
}

#[test]
fn a_missing_temp_folder_is_made_and_removed() {
    for args in
        [ARGS, "-input in -output out -mapper false", "-input in -output out -mapper cat -reducer NONE"]
    {
        let (dir, _) = lines();
        let temp = dir.beside("tmp/deep/er");
        dir.command(&args.split_whitespace().collect::<Vec<_>>()).with("TMPDIR", &temp).run();
        let is_kept = args.ends_with("false");
        assert_eq!(dir.beside("tmp/deep").exists(), is_kept, "{args}");
        if is_kept {
            // Only the failed attempt, which is the user's, is there.
            let names = fs::read_dir(&temp).unwrap().map(|entry| entry.unwrap().file_name());
            let names: Vec<_> = names.map(|name| name.into_string().unwrap()).collect();
            assert!(matches!(&names[..], [name] if name.starts_with("mr-stream-failed-")), "{names:?}");
        }
    }
}

#[test]
fn an_endless_configuration_is_refused() {
    let (dir, _) = lines();
    let output = dir.run(&format!("-conf /dev/zero {ARGS}"));
    output.expect_code(1).expect_stderr(&["cannot read /dev/zero: it has more than 64.0 MiB"]);
    dir.assert_no_output();
    // A pipe is read to its end, as before.
    let args: Vec<&str> = ["-conf", "pipe"].into_iter().chain(ARGS.split_whitespace()).collect();
    let feeds = "mkfifo pipe; (echo '<c><property><name>mapreduce.job.name</name><value>v</value></property></c>' >pipe) &";
    dir.command(&args).after(&format!("{feeds}\n")).run().expect_code(0);
}
