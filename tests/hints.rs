//! What a user is told about a mistake: before the job where it can be known then, and how to mend it.

use crate::harness::{JobDir, Output, repository};
use std::fmt::Write as _;
use std::os::unix::fs::symlink;

fn job_dir() -> JobDir {
    let dir = JobDir::new();
    dir.write("in", "one\ntwo\nthree\n");
    dir
}

/// Runs the job of `in` to `out` with these options; it must end with this code and these texts.
#[track_caller]
fn check(dir: &JobDir, options: &[&str], code: i32, says: &[&str]) -> Output {
    let output = dir.command(&[&["-input", "in", "-output", "out"], options].concat()).run();
    output.expect_code(code).expect_stderr(says)
}

/// The same for a job that must not begin.
#[track_caller]
fn check_refused(dir: &JobDir, options: &[&str], code: i32, says: &[&str]) {
    let output = check(dir, options, code, says);
    assert!(!output.stderr.contains("Running job"), "it began\n{}", output.report());
    assert!(!dir.path("out").exists());
}

#[test]
fn scripts_that_cannot_run_are_refused_before_the_job() {
    let dir = job_dir();
    dir.write("m.sh", "#!/bin/sh\ncat\n").write("mapper.py", "import sys\n");
    check_refused(&dir, &["-mapper", "m.sh"], 1, &["m.sh is not executable; to mend it: chmod +x m.sh\n"]);
    dir.script("bare.py", "import sys\n");
    let says = "bare.py: it has no #! line, so the shell would run it: write python3 bare.py\n";
    check_refused(&dir, &["-mapper", "bare.py"], 1, &[says]);
    check_refused(&dir, &["-mapper", "python3 maper.py"], 1, &["did you mean mapper.py?\n"]);
    check_refused(&dir, &["-mapper", "maper.py"], 1, &["did you mean mapper.py?\n"]);
    let files = ["-files", "maper.py", "-mapper", "cat"];
    check_refused(&dir, &files, 1, &["cannot ship ", "; did you mean mapper.py?\n"]);
}

#[test]
fn shell_syntax_is_named_before_the_job_and_not_taken_for_a_file() {
    let dir = job_dir();
    let says = "WARN commands run without a shell, so > is an argument of cat: write sh -c 'cat > /tmp/x'\n";
    let output = check(&dir, &["-mapper", "cat > /tmp/x"], 1, &[says]);
    assert!(output.stderr.find(says) < output.stderr.find("Running job"), "{}", output.report());
    assert!(!output.stderr.contains("-files"), "{}", output.report());
    let says = "WARN commands run without a shell, so $HOME/x stays as it is: write sh -c 'cat $HOME/x'\n";
    check(&dir, &["-mapper", "cat $HOME/x"], 1, &[says]);
    let output = check(&dir, &["-mapper", "sh -c 'cat | cat'"], 0, &[]);
    assert!(!output.stderr.contains("WARN"), "{}", output.report());
}

#[test]
fn a_reducer_that_fails_on_lines_without_a_tab_is_explained() {
    let dir = job_dir();
    let options = ["-mapper", "cat", "-reducer", "sh -c 'cat; exit 3'"];
    let says = "none of the 3 records that the reducer was given has a value: a mapper line without a tab is all key\n";
    check(&dir, &options, 1, &[says]);
    dir.write("in", "one\t1\ntwo\nthree\n");
    let output = check(&dir, &options, 1, &[]);
    assert!(!output.stderr.contains("has a value"), "{}", output.report());
}

#[test]
fn grep_and_head_are_explained() {
    let dir = job_dir();
    let says = "  hint:    grep exits with 1 when no line matches: allow it with -D stream.non.zero.exit.is.failure=false\n";
    check(&dir, &["-mapper", "grep zzz"], 1, &[says]);
    dir.write("in", "some words\n".repeat(40_000));
    let says =
        "  hint:    head stops after 10 lines and leaves the rest unread: sed -n 1,10p reads to the end\n";
    check(&dir, &["-mapper", "cat", "-reducer", "head -10"], 1, &[says]);
}

#[test]
fn an_output_that_exists_has_a_way_out() {
    let dir = job_dir();
    check(&dir, &["-mapper", "cat"], 0, &[]);
    let says =
        "mr-stream: Output directory out already exists: remove it with rm -r out, or give -overwrite\n";
    check(&dir, &["-mapper", "cat"], 5, &[says]);
    std::fs::create_dir(dir.path("mine")).unwrap();
    let output = dir.run("-input in -output mine -mapper cat").expect_code(5);
    output.expect_stderr(&["already exists: remove it with rm -r mine\n"]);
    dir.write("deep/sub/x", "x");
    let says = "to read the files in it: -D mapreduce.input.fileinputformat.input.dir.recursive=true\n";
    dir.run("-input deep -output out2 -mapper cat").expect_code(5).expect_stderr(&[says]);
}

#[test]
fn properties_that_do_nothing_are_named() {
    let dir = job_dir();
    let says = "WARN stream.map.output.field.separator is the two characters \\ and t: ";
    check(&dir, &["-D", "stream.map.output.field.separator=\\t", "-mapper", "cat"], 0, &[says]);
    std::fs::remove_dir_all(dir.path("out")).unwrap();
    let options = ["-D", "mapreduce.partition.keycomparator.options=-rn", "-mapper", "cat"];
    let says = [
        "WARN mapreduce.partition.keycomparator.options has no effect without -D mapreduce.job.output.key.comparator",
        "WARN mapreduce.partition.keycomparator.options: -rn is passed over; understood are ",
    ];
    check(&dir, &options, 0, &says);
}

#[test]
fn short_names_of_classes_and_codecs_are_taken() {
    let dir = job_dir();
    let options = [
        "-D",
        "mapreduce.output.fileoutputformat.compress=true",
        "-D",
        "mapreduce.output.fileoutputformat.compress.codec=gzip",
        "-D",
        "mapreduce.job.output.key.comparator.class=KeyFieldBasedComparator",
        "-D",
        "mapreduce.partition.keycomparator.options=-r",
        "-D",
        "mapreduce.partition.keypartitioner.options=-k1,1",
        "-partitioner",
        "KeyFieldBasedPartitioner",
        "-mapper",
        "cat",
        "-numReduceTasks",
        "2",
    ];
    let output = check(&dir, &options, 0, &[]);
    assert!(!output.stderr.contains("WARN"), "{}", output.report());
    assert!(dir.path("out/part-00000.gz").exists());
    let options = ["-D", "mapreduce.output.fileoutputformat.compress=true", "-mapper", "cat"];
    let codec = ["-D", "mapreduce.output.fileoutputformat.compress.codec=zip"];
    std::fs::remove_dir_all(dir.path("out")).unwrap();
    check_refused(
        &dir,
        &[&options[..], &codec].concat(),
        1,
        &["expected gzip, deflate, bzip2, zstd, snappy, lz4, or"],
    );
}

#[test]
fn an_environment_that_is_too_large_is_refused_before_the_job() {
    if !cfg!(target_arch = "x86_64") {
        return;
    }
    let dir = JobDir::new();
    let mut inputs = String::new();
    for number in 0..1200 {
        let name = format!("in/{}{number:06}", "x".repeat(120));
        dir.write(&name, "");
        write!(inputs, "{name} ").unwrap();
    }
    let output = dir.run(&format!("-input {inputs} -output out -mapper cat")).expect_code(1);
    assert!(!output.stderr.contains("Running job"), "it began\n{}", output.report());
    output.expect_stderr(&[
        "cannot start cat: its environment is too large: mapreduce_input_fileinputformat_inputdir has ",
        "and the system takes 131071 in a variable; give -input a folder or a glob, or cut ",
    ]);
}

#[test]
fn a_failure_says_each_thing_once() {
    let dir = job_dir();
    dir.write("in", "some words\n".repeat(4_000));
    dir.script("bad.sh", "#!/bin/sh\necho 'first line' >&2\necho 'last line' >&2\nexit 1\n");
    let output = check(&dir, &["-mapper", "./bad.sh"], 1, &[]);
    for (text, count) in [("first line", 1), ("last line", 1), ("repeat.sh", 1)] {
        assert_eq!(output.stderr.matches(text).count(), count, "{text}\n{}", output.report());
    }
    // It read nothing.
    let says = ["  reached: before the first record, byte 0 of ", "  stderr:  the 2 lines above\n"];
    let output = output.expect_stderr(&says);
    assert!(output.stderr.lines().all(|line| line.len() < 250), "{}", output.report());
    let output = check(&dir, &["-mapper", "sh -c 'dd bs=1 count=30 >&2; exit 1'"], 1, &[]);
    output.expect_stderr(&["  reached: record 3, byte 33 of "]);
    let output = check(&dir, &["-mapper", "cat", "-reducer", "sh -c 'dd bs=1 count=30 >&2; exit 1'"], 1, &[]);
    output.expect_stderr(&["  reached: record 3\n"]);
}

#[test]
fn help_and_version_have_their_usual_names() {
    let dir = job_dir();
    let help = dir.run("-help").expect_code(0).stdout;
    for (name, _) in
        [("jobs", ""), ("plan", ""), ("sample", ""), ("properties", ""), ("install-commands", "")]
    {
        assert!(help.contains(&format!("\n  {name} ")), "{name}\n{help}");
    }
    for name in ["-h", "--help", "help"] {
        assert_eq!(dir.run(name).expect_code(0).stdout, help, "{name}");
    }
    let version = dir.run("-version").expect_code(0).stdout;
    for name in ["-V", "--version", "version"] {
        assert_eq!(dir.run(name).expect_code(0).stdout, version, "{name}");
    }
    assert!(dir.run("help jobs").expect_code(0).stdout.contains("Usage: mr-stream jobs"));
    let says = "mr-stream: there is no command jbos: did you mean jobs?\n";
    dir.run("jbos").expect_code(1).expect_stderr(&[says]);
    dir.run("frobnicate").expect_code(1).expect_stderr(&["found 1 unexpected arguments on the command line"]);
}

#[test]
fn the_order_of_options_matters_to_a_cluster_alone() {
    let dir = job_dir();
    symlink(env!("CARGO_BIN_EXE_mr-stream"), dir.path("hadoop")).unwrap();
    let note = "a Hadoop cluster wants generic options first: ";
    let options = ["-mapper", "cat", "-D", "a=b"];
    assert!(!check(&dir, &options, 0, &[]).stderr.contains(note));
    let job = "hadoop jar streaming.jar -mapper cat -input in -output o -D fs.defaultFS=file:///";
    let run = dir.command(&[] as &[&str]).after(&format!("PATH=.:$PATH; {job}; exit;"));
    run.with("HOME", dir.path("home")).run().expect_code(0).expect_stderr(&[note]);
}

#[test]
fn a_dash_is_standard_output() {
    let dir = job_dir();
    let run = dir.run("-input in -output out -mapper cat -counters-json -").expect_code(0);
    let counters: serde_json::Value = serde_json::from_str(&run.stdout).unwrap();
    assert_eq!(counters["Map-Reduce Framework"]["Map input records"], 3);
    assert!(!dir.path("-").exists());
    let says = "cannot write the output to standard output: -output - names no folder; give one";
    dir.run("-input in -output - -mapper cat").expect_code(1).expect_stderr(&[says]);
    assert!(!dir.path("-").exists());
}

#[test]
fn a_package_has_plain_names_and_is_small() {
    let cargo = std::env::var_os("CARGO").unwrap_or("cargo".into());
    let list = std::process::Command::new(cargo)
        .args(["package", "--list", "--allow-dirty", "--offline"])
        .current_dir(repository())
        .output()
        .unwrap();
    assert!(list.status.success(), "{}", String::from_utf8_lossy(&list.stderr));
    let names = String::from_utf8(list.stdout).unwrap();
    assert!(names.lines().any(|name| name == "src/main.rs") && names.lines().any(|name| name == "README.md"));
    let odd: Vec<&str> =
        names.lines().filter(|name| name.contains(['*', '?', ':', '"', '<', '>', '|'])).collect();
    assert!(odd.is_empty(), "{odd:?}");
    let size = |name: &str| repository().join(name).metadata().map_or(0, |file| file.len());
    assert!(names.lines().map(size).sum::<u64>() < 10_000_000);
}
