//! What the user reads: the failing task's message, checks before the job starts, help with a mistyped
//! option, and the lines that every job prints.

use crate::harness::{JobDir, Output, repository};

/// A job folder with three lines of input.
fn job_dir() -> JobDir {
    let dir = JobDir::new();
    let child = std::fs::read_to_string(repository().join("tests/children/fake_child.sh")).unwrap();
    dir.script("fake_child.sh", &child).write("in/a.txt", "one\ntwo\nthree\n");
    dir
}

/// Runs `in` to `out` with this mapper; the job must fail with these texts in its message.
#[track_caller]
fn check(dir: &JobDir, mapper: &str, says: &[&str]) -> Output {
    let args =
        ["-files", "fake_child.sh", "-input", "in", "-output", "out", "-mapper", mapper, "-reducer", "cat"];
    let output = dir.command(&args).run().expect_code(1).expect_stderr(says);
    dir.assert_no_output();
    output
}

#[test]
fn a_failing_task_shows_all_about_itself() {
    // Command, attempt, split, exit status, last words.
    let split = "in/a.txt:0+14";
    check(
        &job_dir(),
        "sh fake_child.sh many-last-words",
        &[
            "sh fake_child.sh many-last-words",
            "attempt_",
            "_m_000000_0",
            split,
            "4",
            "last words 11",
            "last words 30",
        ],
    );
    check(&job_dir(), "sh fake_child.sh killed", &["SIGKILL", split]);
    check(&job_dir(), "sh fake_child.sh segfault", &["SIGSEGV", split]);
}

#[test]
fn a_bad_compressed_file_is_told_with_the_place_of_its_fault() {
    let dir = JobDir::new();
    let text = "just a line of text that is no header\n".repeat(5_000);
    dir.write("text", "right\n");
    for kind in ["gz", "bz2", "zst", "snappy", "lz4", "deflate"] {
        let class = match kind {
            "gz" => "GzipCodec",
            "bz2" => "BZip2Codec",
            "zst" => "ZStandardCodec",
            "snappy" => "SnappyCodec",
            "lz4" => "Lz4Codec",
            _ => "DeflateCodec",
        };
        let codec =
            format!("mapreduce.output.fileoutputformat.compress.codec=org.apache.hadoop.io.compress.{class}");
        let good = format!("good-{kind}");
        let words = ["-D", "mapreduce.output.fileoutputformat.compress=true", "-D", &codec, "-input", "text"];
        let words = [&words[..], &["-output", &good, "-mapper", "cat", "-numReduceTasks", "0"]].concat();
        dir.command(&words).run().expect_code(0);
        let member = std::fs::read(dir.path(&format!("{good}/part-00000.{kind}"))).unwrap();
        for (name, bytes, at) in [
            ("all", text.clone().into_bytes(), 0),
            ("end", [&member[..], text.as_bytes()].concat(), member.len()),
        ] {
            let name = format!("{name}.{kind}");
            dir.write(&name, bytes);
            let output = dir.command(&["-input", &name, "-output", "out", "-mapper", "cat"]).run();
            output.expect_code(1).expect_stderr(&[&format!("{name}: at byte {at}: ")]);
        }
    }
}

#[test]
fn a_failing_reducer_shows_its_attempt() {
    let dir = job_dir();
    let args = ["-files", "fake_child.sh", "-input", "in", "-output", "out", "-mapper", "cat"];
    let args = [&args[..], &["-reducer", "sh fake_child.sh exit-3"]].concat();
    let output = dir.command(&args).run().expect_code(1);
    output.expect_stderr(&["sh fake_child.sh exit-3", "attempt_", "_r_000000_0", "3", "last words"]);
    dir.assert_no_output();
}

#[test]
fn exit_codes_of_the_shell_are_explained() {
    let dir = job_dir();
    dir.write("plain", "cat\n");
    let plain = dir.path("plain");
    check(&dir, "sh -c no-such-program-here", &["127", "no-such-program-here"]);
    check(&dir, &format!("sh -c {}", plain.display()), &["126", "chmod +x"]);
}

#[test]
fn scripts_are_looked_at_before_the_job() {
    let dir = job_dir();
    dir.script("crlf.sh", "#!/bin/sh\r\ncat\r\n");
    dir.script("interpreter.sh", "#!/no/such/interpreter\ncat\n");
    dir.write("plain.sh", "#!/bin/sh\ncat\n");
    for (script, says) in [
        ("crlf.sh", ["carriage return", "sed -i"]),
        ("interpreter.sh", ["/no/such/interpreter", "interpreter.sh"]),
        ("plain.sh", ["plain.sh", "chmod +x"]),
    ] {
        let path = dir.path(script);
        let output = check(&dir, path.to_str().unwrap(), &says).expect_stderr(&[script]);
        assert!(!output.stderr.contains("attempt_"), "no task may have started\n{}", output.report());
    }
}

#[test]
fn a_mistyped_option_names_the_nearest() {
    for (typed, near) in
        [("-maper", "-mapper"), ("-numReduceTask", "-numReduceTasks"), ("-outptu", "-output")]
    {
        let dir = job_dir();
        let output = dir.run(&format!("{typed} cat -input in -output out")).expect_code(1);
        output.expect_stderr(&[typed, near]);
        dir.assert_no_output();
    }
}

#[test]
fn generic_options_are_taken_anywhere_with_one_note() {
    let dir = job_dir();
    let args = "-input in -output out -mapper cat -D mapreduce.job.reduces=2 -reducer cat -D a.b=c";
    let output = dir.run(args).expect_code(0);
    assert_eq!(dir.files("out").keys().filter(|name| name.starts_with("part-")).count(), 2);
    let notes = output.stderr.lines().filter(|line| line.contains("cluster")).count();
    assert_eq!(notes, 1, "one note on the order a cluster needs\n{}", output.report());
}

#[test]
fn a_job_prints_hadoops_lines() {
    let dir = job_dir();
    let output = dir.run("-input in -output out -mapper cat -reducer cat").expect_code(0);
    output.expect_stderr(&[
        " map 0% reduce 0%",
        " map 100% reduce 100%",
        "Map-Reduce Framework",
        "\t\tMap input records=3\n",
        "\t\tReduce output records=3\n",
        "Output directory: out\n",
    ]);
    dir.assert_clean();
}

/// The last line of each end of a job.
#[test]
fn the_last_line_says_what_stands_where() {
    let check = |dir: &JobDir, args: &str, code: i32, expect: &str| {
        let output = dir.run(args).expect_code(code);
        let last = output.stderr.lines().last().unwrap_or_default();
        assert!(last.starts_with(expect), "expected {expect:?}\n{}", output.report());
    };
    let dir = job_dir();
    check(&dir, "-input in -output out -mapper false", 1, "State: there is no output folder out; ");
    check(&dir, "-input gone -output out", 5, "State: there is no output folder out; nothing was started");
    check(&dir, "-input in -output in/a.txt/x", 1, "State: there is no output folder in/a.txt/x; ");
    check(&dir, "-input in -output out -mapper cat", 0, "State: output folder out is finished; ");
    check(
        &dir,
        "-input in -output out",
        5,
        "State: output folder out is left as it was; nothing was started",
    );
}
