//! `-overwrite` refuses to clear a folder that holds something which the job or its user needs.

use crate::harness::{JobDir, MrCommand};
use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

const JOB: &str = "-input in -output out";

/// A job's folder with an input, and an output of an earlier job that holds more than that job wrote.
fn world() -> JobDir {
    let dir = JobDir::new();
    dir.write("in/a.txt", "one\n").write("out/_SUCCESS", "").write("out/part-00000", "old\n");
    dir.script("out/m.sh", "#!/bin/sh\ncat\n").script("real.sh", "#!/bin/sh\ncat\n").write("out/list", "x");
    dir
}

/// Nothing is cleared, and the message names what is in the folder.
#[track_caller]
fn check_kept(dir: &JobDir, command: MrCommand, what: &str) {
    let before = dir.files(".");
    let output = command.run().expect_code(5).expect_stderr(&["cannot overwrite out: ", what, " is in it"]);
    assert!(dir.files(".") == before, "something is gone\n{}", output.report());
}

/// The same for a job of these words; `HERE` is the absolute path of the job's folder.
#[track_caller]
fn check(dir: &JobDir, line: &str, what: &str) {
    let here = dir.path("").display().to_string();
    let line = line.replace("HERE", here.trim_end_matches('/'));
    let words: Vec<&str> = line.split_whitespace().collect();
    check_words(dir, &words, what);
}

#[track_caller]
fn check_words(dir: &JobDir, words: &[&str], what: &str) {
    check_kept(dir, dir.command(&[words, &["-overwrite"]].concat()), what);
}

#[test]
fn programs_and_the_files_that_commands_name_are_kept() {
    let dir = world();
    for program in ["HERE/out/m.sh", "out/m.sh"] {
        check(&dir, &format!("{JOB} -mapper {program}"), "program ");
        check(&dir, &format!("{JOB} -mapper cat -reducer {program} -combiner cat"), "program ");
        check(&dir, &format!("{JOB} -mapper cat -reducer cat -combiner {program}"), "program ");
    }
    let job: Vec<&str> = JOB.split(' ').collect();
    for command in ["sh out/m.sh", "grep -f out/list", "sed --file=out/list", "sh -c 'cat;sh out/m.sh'"] {
        check_words(&dir, &[&job[..], &["-mapper", command]].concat(), "program ");
    }
    // Of these names none is in the folder.
    dir.command(&["-input", "in", "-output", "out", "-mapper", "grep one", "-overwrite"])
        .run()
        .expect_code(0);
}

#[test]
fn files_of_the_configuration_are_kept() {
    let dir = world();
    dir.write("out/c.xml", "<configuration/>");
    check(&dir, &format!("-conf out/c.xml {JOB} -mapper cat"), "configuration file ");
    check(&dir, &format!("{JOB} -mapper cat -additionalconfspec HERE/out/c.xml"), "configuration file ");
    dir.write("out/counters.json", "{}").write("out/kept/one", "");
    check(&dir, &format!("{JOB} -mapper cat -counters-json out/counters.json"), "file of -counters-json ");
    check(&dir, &format!("{JOB} -mapper cat -keep-failed out/kept"), "folder of -keep-failed ");
    let order = "-D mapreduce.job.reduces=2";
    let path = |path| format!("-D mapreduce.totalorderpartitioner.path={path}");
    let partitioner = "-mapper cat -partitioner org.apache.hadoop.mapred.lib.TotalOrderPartitioner";
    dir.write("in/b.txt", "b\nc\nd\n");
    dir.run(&format!("sample {order} {} -input in -output new {partitioner}", path("out/cuts")))
        .expect_code(0);
    check(&dir, &format!("{order} {} {JOB} {partitioner}", path("out/cuts")), "partition file ");
}

#[test]
fn folders_of_the_user_and_of_mr_stream_are_kept() {
    let dir = world();
    for folder in ["state/mr-stream", "home", "scratch", "tmp", "dfs", "logs"] {
        dir.write(&format!("out/{folder}/precious"), "");
    }
    let words: Vec<&str> = "-input in -output out -mapper cat -overwrite".split(' ').collect();
    let with = |name: &str, folder: &str| dir.command(&words).with(name, dir.path(folder));
    check_kept(&dir, with("XDG_STATE_HOME", "out/state"), "folder of the records of jobs ");
    check_kept(&dir, with("HOME", "out/home"), "home folder ");
    check_kept(&dir, with("TMPDIR", "out/tmp"), "folder for temporary files ");
    check_kept(&dir, with("MRSTREAM_HDFS_ROOT", "out/dfs"), "folder that stands for HDFS ");
    check(
        &dir,
        &format!("-D mrstream.hdfs.root=HERE/out/dfs {JOB} -mapper cat"),
        "folder that stands for HDFS ",
    );
    let local = "-D mapreduce.cluster.local.dir=HERE/out/scratch";
    check(&dir, &format!("{local} {JOB} -mapper cat"), "folder for temporary files ");
    dir.run("install-commands hadoop").expect_code(0);
    let hadoop = dir.command(&[&["jar", "streaming.jar", "-fs", "file:///"], &words[..]].concat());
    let hadoop = hadoop.after("exec hadoop/bin/hadoop \"$@\";").with("HADOOP_LOG_DIR", dir.path("out/logs"));
    check_kept(&dir, hadoop, "folder of the logs of tasks ");
    fs::copy(env!("CARGO_BIN_EXE_mr-stream"), dir.path("out/mr-stream")).unwrap();
    fs::set_permissions(dir.path("out/mr-stream"), fs::Permissions::from_mode(0o755)).unwrap();
    check_kept(&dir, dir.command(&words).after("exec out/mr-stream \"$@\";"), "this program ");
}

#[test]
fn links_are_kept_with_what_they_lead_to() {
    let dir = world();
    let link = |to: &str, name: &str| symlink(to, dir.path(name)).unwrap();
    // What a link outside leads to, a link inside, and a link on the way.
    link("out/m.sh", "to-inside.sh");
    link("../real.sh", "out/to-outside.sh");
    link("out/to-outside.sh", "through.sh");
    link("..", "out/up");
    for program in ["to-inside.sh", "out/to-outside.sh", "through.sh", "out/up/real.sh"] {
        check(&dir, &format!("{JOB} -mapper HERE/{program}"), "program ");
        check(&dir, &format!("{JOB} -files {program}#m -mapper cat"), "shipped file ");
    }
    fs::create_dir(dir.path("in2")).unwrap();
    link("../out/list", "in2/list");
    check(&dir, "-input in2 -output out -mapper cat", "input ");
    // The output by another name.
    link(".", "here");
    let words = ["-input", "in", "-output", "here/out", "-mapper", "sh out/m.sh", "-overwrite"];
    let output = dir.command(&words).run().expect_code(5);
    output.expect_stderr(&["cannot overwrite here/out: program ", " is in it"]);
    // A link that leads past the folder needs nothing in it.
    link("real.sh", "past.sh");
    dir.run(&format!("{JOB} -mapper {} -overwrite", dir.path("past.sh").display())).expect_code(0);
}
