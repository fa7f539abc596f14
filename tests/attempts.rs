//! Attempts that fail, fall silent or lose what they left, and the tasks that are tried again, given up, or healed.

use crate::harness::{JobDir, Output};
use std::fmt::Write as _;

/// `fails.sh WHEN HOW`: as `cat`, but for attempts whose name or input has WHEN in it. Those fail in the way HOW.
const FAILS: &str = r#"#!/bin/sh
text=$(cat)
echo "reporter:counter:test,attempts,1" >&2
case "$mapreduce_task_attempt_id $text" in *$1*)
    case $2 in
    exit) echo half; exit 3 ;;
    silent) echo half; sleep 100000 & read -r never < never ;;
    esac ;;
esac
[ -z "$text" ] || printf '%s\n' "$text"
"#;

/// A job folder with three files of a line each.
fn job_dir() -> JobDir {
    let dir = JobDir::new();
    dir.script("fails.sh", FAILS);
    dir.write("in/a.txt", "one\n").write("in/b.txt", "two\n").write("in/c.txt", "three\n");
    assert!(std::process::Command::new("mkfifo").arg(dir.path("never")).status().unwrap().success());
    dir
}

/// Runs `in` to `out`, with all of the three files' lines in one part file if there is a reducer.
fn run(dir: &JobDir, properties: &str, mapper: &str, reducer: &str) -> Output {
    let mut args: Vec<&str> = properties.split_whitespace().flat_map(|property| ["-D", property]).collect();
    args.extend(["-input", "in", "-output", "out", "-mapper", mapper, "-reducer", reducer]);
    dir.command(&args).run()
}

/// The job ended well with these lines in its parts, and said these texts.
#[track_caller]
fn check(dir: &JobDir, output: Output, lines: &str, says: &[&str]) {
    output.expect_code(0).expect_stderr(says);
    assert_eq!(String::from_utf8_lossy(&dir.parts_joined()), lines);
    dir.assert_clean();
}

#[test]
fn a_failed_attempt_is_tried_again_and_leaves_nothing() {
    for (properties, mapper, reducer, lines, failed) in [
        ("mapreduce.map.maxattempts=2", "fails.sh m_000001_0 exit", "NONE", "three\t\none\t\ntwo\t\n", "map"),
        ("mapred.map.max.attempts=2", "fails.sh m_000001_0 exit", "cat", "one\t\nthree\t\ntwo\t\n", "map"),
        (
            "mapreduce.reduce.maxattempts=2",
            "cat",
            "fails.sh r_000000_0 exit",
            "one\t\nthree\t\ntwo\t\n",
            "reduce",
        ),
        (
            "mapred.reduce.max.attempts=2",
            "cat",
            "fails.sh r_000000_0 exit",
            "one\t\nthree\t\ntwo\t\n",
            "reduce",
        ),
    ] {
        let dir = job_dir();
        let output = run(&dir, properties, mapper, reducer);
        let counted = format!("Failed {failed} tasks=1\n");
        let attempts = format!("\t\tattempts={}\n", if failed == "map" { 3 } else { 1 });
        let again = "WARN attempt 1 of 2 failed: the task is tried again";
        check(&dir, output, lines, &["exited with code 3", again, &counted, &attempts]);
    }
}

#[test]
fn the_last_attempt_fails_the_job() {
    let dir = job_dir();
    let output = run(&dir, "mapreduce.map.maxattempts=3", "fails.sh m_000001_ exit", "cat").expect_code(1);
    output.expect_stderr(&[
        "_m_000001_1",
        "attempt 2 of 3 failed: the task",
        "attempt 3 of 3 failed: the job fails",
    ]);
    dir.assert_no_output();
}

#[test]
fn silence_is_ended_with_all_that_the_child_started() {
    let properties = "mapreduce.task.timeout=300 mapreduce.map.maxattempts=2 mapreduce.reduce.maxattempts=2";
    for (mapper, combiner, reducer) in [
        ("fails.sh m_000001_0 silent", "cat", "cat"),
        ("cat", "cat", "fails.sh r_000000_0 silent"),
        ("cat", "fails.sh m_000001_0 silent", "cat"),
    ] {
        let dir = job_dir();
        let mut args: Vec<&str> = properties.split(' ').flat_map(|property| ["-D", property]).collect();
        args.extend(["-input", "in", "-output", "out", "-mapper", mapper, "-combiner", combiner]);
        args.extend(["-reducer", reducer]);
        let output = dir.command(&args).run();
        let says =
            ["no sign of life for", "mapreduce.task.timeout=300", "attempt 1 of 2 failed: the task is tried"];
        check(&dir, output, "one\t\nthree\t\ntwo\t\n", &says);
    }
    for properties in [
        "mapred.task.timeout=300",
        "mapred.task.timeout=300 mapreduce.map.skip.maxrecords=1 mapreduce.task.skip.start.attempts=0",
    ] {
        let dir = job_dir();
        let output = run(&dir, properties, "fails.sh m_000001 silent", "NONE").expect_code(1);
        let output = output.expect_stderr(&["no sign of life for", "_m_000001_0"]);
        assert!(!output.stderr.contains("without any record"), "{}", output.report());
        dir.assert_no_output();
    }
}

/// An attempt can fail when its output is committed already, and then nothing of that is published.
#[test]
fn what_a_task_committed_goes_when_the_task_is_given_up() {
    let dir = job_dir();
    let side = "#!/bin/sh\nout=${mapreduce_task_output_dir#file:}; mkdir -p \"$out\"\n\
                echo side > \"$out/side-$mapreduce_task_partition\"\nexec cat\n";
    dir.script("side.sh", side);
    let mapper = dir.path("side.sh").display().to_string();
    let properties = ["mapreduce.map.failures.maxpercent=34", "mrstream.map.slots=1"];
    let mut args: Vec<&str> = properties.iter().flat_map(|property| ["-D", property]).collect();
    args.extend(["-input", "in", "-output", "out", "-mapper", &mapper, "-reducer", "NONE"]);
    // The journal's second entry is of the first task.
    let output = dir.command(&args).with("MRSTREAM_FAULT", "write:2:EIO:/journal").run().expect_code(0);
    output.expect_stderr(&["WARN THE OUTPUT LACKS 1 of 3 map tasks"]);
    let names: Vec<String> = dir.files("out").into_keys().collect();
    assert_eq!(names, ["_SUCCESS", "part-00001", "part-00002", "side-1", "side-2"]);
    dir.assert_clean();
}

/// Hadoop: `JobImpl.checkJobAfterTaskCompletion`, where one of three is more than 33 percent.
#[test]
fn some_tasks_may_fail_and_the_output_says_so() {
    let dir = job_dir();
    let output = run(&dir, "mapreduce.map.failures.maxpercent=34", "fails.sh two exit", "cat");
    let says = [
        "attempt 1 of 1 failed: the job goes on without the task, as mapreduce.map.failures.maxpercent allows",
        "WARN THE OUTPUT LACKS 1 of 3 map tasks",
        "in/b.txt:0+4)",
        "Failed map tasks=1\n",
        "Shuffled Maps =2\n",
        "Map output records=2\n",
    ];
    check(&dir, output, "one\t\nthree\t\n", &says);

    let dir = job_dir();
    let output = run(&dir, "mapreduce.map.failures.maxpercent=34", "fails.sh two exit", "NONE");
    check(&dir, output, "three\t\none\t\n", &["LACKS 1 of 3 map tasks"]);
    assert_eq!(dir.files("out").keys().collect::<Vec<_>>(), ["_SUCCESS", "part-00000", "part-00001"]);

    let dir = job_dir();
    // The three words are in the second partition.
    let properties = "mapred.max.reduce.failures.percent=50 mapreduce.job.reduces=2";
    let output = run(&dir, properties, "cat", "fails.sh r_000000 exit");
    let says = ["LACKS 1 of 2 reduce tasks", "(partition 0)", "Failed reduce tasks=1\n"];
    check(&dir, output, "one\t\nthree\t\ntwo\t\n", &says);
    assert_eq!(dir.files("out").keys().collect::<Vec<_>>(), ["_SUCCESS", "part-00001"]);

    let dir = job_dir();
    run(&dir, "mapreduce.map.failures.maxpercent=33", "fails.sh two exit", "cat").expect_code(1);
    dir.assert_no_output();
}

/// The mapper of the last file spoils what the first one has on disk, once.
const SPOILS: &str = r#"#!/bin/sh
cat
case $mapreduce_map_input_file in */small)
    if mkdir ../spoilt 2>/dev/null; then
        for file in "${mapreduce_cluster_local_dir%/*}"/*_spill* "${mapreduce_cluster_local_dir%/*}"/held_*; do
            [ ! -e "$file" ] || printf 'spoilt' | dd of="$file" bs=1 seek=1000 conv=notrunc 2>/dev/null
        done
    fi ;;
esac
"#;

#[test]
fn spoilt_map_output_is_made_again() {
    let large = (0..40_000).fold(String::new(), |mut text, number| {
        let _ = writeln!(text, "{}", number * 7919 % 40_009);
        text
    });
    let run = |mapper: &str, attempts: u32| {
        let dir = JobDir::new();
        dir.script("spoils.sh", SPOILS).write("in/large", &large).write("in/small", "end\n");
        let properties = format!(
            "mrstream.memory.bytes=65536 mapreduce.local.map.tasks.maximum=1 fs.local.block.size=100000000 \
             mapreduce.job.reduces=3 mapreduce.map.maxattempts={attempts} mapreduce.reduce.maxattempts={attempts}"
        );
        let output = self::run(&dir, &properties, mapper, "cat");
        (dir, output)
    };
    let (plain, output) = run("cat", 2);
    output.expect_code(0);
    let (healed, output) = run("spoils.sh", 2);
    let says = [
        "does not match its checksum",
        "WARN map output cannot be read any more; these tasks are run again: task_",
        "Map output records=40001\n",
        "Reduce input records=40001\n",
        "Failed map tasks=",
    ];
    output.expect_code(0).expect_stderr(&says);
    assert!(plain.files("out") == healed.files("out"), "another output");
    healed.assert_clean();
    let (failed, output) = run("spoils.sh", 1);
    output.expect_code(1).expect_stderr(&["at byte", "does not match its checksum", "spill"]);
    failed.assert_no_output();
}
