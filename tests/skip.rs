//! Records on which a mapper fails, and groups on which a reducer does, are found, left out, counted and kept.

use crate::harness::{JobDir, Output};
use std::fmt::Write as _;

/// A mapper that fails on a line with `bad` in it, after it has read ahead and with some output on its way.
const MAPPER: &str = r#"#!/bin/sh
while IFS= read -r line; do
    case $line in *bad*) echo "boom $line" >&2; exit 3 ;; esac
    printf '%s\t%s\n' "$line" "$mapreduce_job_skiprecords"
done
"#;

/// Attempts enough, and no file of skipped records but the one that is asked for.
const SKIP: &str = "-input in -output out -mapper ./mapper.sh -D mapreduce.map.skip.maxrecords=1 \
                    -D mapreduce.map.maxattempts=3";

/// A job folder with 50 lines, these of them bad.
fn job_dir(bad: &[usize]) -> JobDir {
    let dir = JobDir::new();
    let mut text = String::new();
    for number in 0..50 {
        let word = if bad.contains(&number) { "bad" } else { "good" };
        writeln!(text, "{number:02} {word}").unwrap();
    }
    dir.script("mapper.sh", MAPPER).write("in/a.txt", text);
    dir
}

/// The lines that are left of the 50 without these.
fn left(gone: &[usize]) -> String {
    let numbers = (0..50).filter(|number| !gone.contains(number));
    numbers.fold(String::new(), |text, number| text + &format!("{number:02} good\ttrue\n"))
}

/// Checks what a job has left and counted; the lines on which the mapper fails are `gone`.
#[track_caller]
fn check(dir: &JobDir, output: Output, gone: &[usize]) {
    let output = output.expect_code(0);
    assert_eq!(String::from_utf8(dir.parts_joined()).unwrap(), left(gone), "{}", output.report());
    let counted = [
        format!("\t\tMap input records={}\n", 50 - gone.len()),
        format!("\t\tMap skipped records={}\n", gone.len()),
    ];
    output.expect_stderr(&[&counted[0], &counted[1]]);
    dir.assert_clean();
}

/// The records in the one file of skipped records, as key, tab, value.
fn skipped(dir: &JobDir, folder: &str, kind: char) -> String {
    let files = dir.files(folder);
    let [name] = files.keys().map(String::as_str).collect::<Vec<_>>()[..] else {
        panic!("{:?}", files.keys())
    };
    assert!(name.starts_with("attempt_") && name.ends_with(&format!("_{kind}_000000_2")), "{name}");
    let format = "-inputformat org.apache.hadoop.mapred.SequenceFileAsTextInputFormat";
    dir.run(&format!("-input {folder}/{name} -output read -mapper cat -numReduceTasks 0 {format}"))
        .expect_code(0);
    String::from_utf8(dir.files("read").remove("part-00000").unwrap()).unwrap()
}

#[test]
fn bad_records_are_left_out_and_kept() {
    for more in
        ["-numReduceTasks 0", "-reducer cat", "-reducer cat -combiner cat", "-reducer NONE -lazyOutput"]
    {
        let dir = job_dir(&[3, 4, 49]);
        let output = dir.run(&format!("{SKIP} {more}"));
        let says =
            ["skips 3 records on which the mapper fails, by number: 3, 4, 49; they are in", "boom 03 bad"];
        check(&dir, output.expect_stderr(&says), &[3, 4, 49]);
        assert_eq!(skipped(&dir, "out/_logs/skip", 'm'), "24\t03 bad\n31\t04 bad\n390\t49 bad\n");
    }
}

#[test]
fn as_much_is_skipped_as_is_allowed() {
    let dir = job_dir(&[20]);
    let output = dir.run(&format!("{SKIP} -numReduceTasks 0 -D mapreduce.map.skip.maxrecords=5"));
    check(&dir, output, &[18, 19, 20]);
    let dir = job_dir(&[20]);
    let output =
        dir.run(&format!("{SKIP} -numReduceTasks 0 -D mapreduce.map.skip.maxrecords=9223372036854775807"));
    check(&dir, output, &(0..50).collect::<Vec<_>>());
}

#[test]
fn the_folder_of_skipped_records_can_be_chosen() {
    let dir = job_dir(&[7]);
    check(&dir, dir.run(&format!("{SKIP} -numReduceTasks 0 -D mapreduce.job.skip.outdir=none")), &[7]);
    assert_eq!(dir.files("out").len(), 2);
    let dir = job_dir(&[0]);
    check(&dir, dir.run(&format!("{SKIP} -numReduceTasks 0 -D mapred.skip.out.dir=elsewhere/bad")), &[0]);
    assert_eq!(dir.files("out").len(), 2);
    assert_eq!(skipped(&dir, "elsewhere/bad", 'm'), "0\t00 bad\n");
}

#[test]
fn a_task_without_bad_records_is_as_always() {
    let dir = job_dir(&[]);
    let output = dir.run(&format!("{SKIP} -numReduceTasks 0")).expect_code(0);
    assert!(!output.stderr.contains("skipped") && dir.files("out").len() == 2, "{}", output.report());
    // A mapper that fails of something else, until records may be skipped, does not lose any.
    let dir = job_dir(&[]);
    let cured = "printf '%s\\ttrue\\n' \"$line\"; done";
    let text = format!(
        "#!/bin/sh\ncase $mapreduce_task_attempt_id in *_2) ;; *) exit 1 ;; esac\nwhile read -r line; do {cured}\n"
    );
    dir.script("mapper.sh", &text);
    check(&dir, dir.run(&format!("{SKIP} -numReduceTasks 0")), &[]);
}

/// Another process ends the mapper while it tries one good record alone.
#[test]
fn a_kill_from_outside_makes_no_record_bad() {
    for good in [18, 19] {
        let dir = job_dir(&[20]);
        let text = format!(
            "#!/bin/sh\nlines=$(cat)\n\
             if [ \"$lines\" = '{good} good' ] && mkdir {0}/killed 2>/dev/null; then kill -9 $$; fi\n\
             printf '%s\\n' \"$lines\" | {0}/bad.sh\n",
            dir.beside("job").display()
        );
        dir.script("bad.sh", MAPPER).script("mapper.sh", &text);
        let output = dir.run(&format!("{SKIP} -numReduceTasks 0"));
        assert!(dir.path("killed").exists(), "{}", output.report());
        check(&dir, output, &[20]);
    }
}

#[test]
fn what_skipping_cannot_mend_fails_the_job() {
    let fails = |dir: &JobDir, args: &str, says: &[&str]| {
        dir.run(args).expect_code(1).expect_stderr(says);
        dir.assert_no_output();
    };
    // Too few attempts.
    fails(&job_dir(&[1]), &format!("{SKIP} -D mapreduce.task.skip.start.attempts=3"), &["_m_000000_2"]);
    // Not for any record.
    let dir = job_dir(&[1]);
    dir.script("mapper.sh", "#!/bin/sh\ncat\nexit 4\n");
    fails(&dir, SKIP, &["cannot skip records that make the mapper fail: it fails without any record too"]);
    let dir = job_dir(&[1]);
    dir.script("mapper.sh", "#!/bin/sh\ntest $(wc -l) -lt 40\n");
    fails(&dir, SKIP, &["records 0 to 49 fail together, but not their halves"]);
}

#[test]
fn bad_groups_are_left_out_and_kept() {
    // Every key has two values, and the reducer fails at some of them; with several slots its input is merged in
    // ranges until groups are left out.
    for more in [
        "",
        "-D mapreduce.local.reduce.tasks.maximum=1",
        "-combiner cat",
        "-D mrstream.map.output.fold=always",
    ] {
        let dir = job_dir(&[3, 4, 49]);
        let text = String::from_utf8(dir.files("in").remove("a.txt").unwrap()).unwrap().replace(' ', "\t");
        dir.write("in/a.txt", &text)
            .write("in/b.txt", text.replace("bad", "fine"))
            .script("reducer.sh", MAPPER);
        let skip = "-D mapreduce.reduce.skip.maxgroups=1 -D mapreduce.reduce.maxattempts=3";
        let output =
            dir.run(&format!("-input in -output out -mapper cat -reducer ./reducer.sh {skip} {more}"));
        let output = output.expect_code(0).expect_stderr(&[
            "skips 3 groups on which the reducer fails, by number: 3, 4, 49; they are in",
            "\t\tReduce input groups=47\n",
            "\t\tReduce input records=94\n",
            "\t\tReduce skipped groups=3\n",
            "\t\tReduce skipped records=6\n",
            "\t\tReduce output records=94\n",
        ]);
        let numbers = (0..50).filter(|number| ![3, 4, 49].contains(number));
        let mut lines: Vec<_> =
            String::from_utf8(dir.parts_joined()).unwrap().lines().map(str::to_owned).collect();
        lines.sort();
        let expect: Vec<_> = numbers.flat_map(|number| vec![format!("{number:02}\tgood\ttrue"); 2]).collect();
        assert_eq!(lines, expect, "{}", output.report());
        let mut kept: Vec<_> = skipped(&dir, "out/_logs/skip", 'r').lines().map(str::to_owned).collect();
        kept.sort();
        assert_eq!(kept, ["03\tbad", "03\tfine", "04\tbad", "04\tfine", "49\tbad", "49\tfine"]);
        dir.assert_clean();
    }
}
