//! What options and properties put into a task's environment and folder, and which of them are refused. Where it
//! says so, real Hadoop 3.4.2 gave the same answer.

use crate::harness::{JobDir, Output, skip_without};

/// A folder with a job's input.
fn job_dir() -> JobDir {
    let dir = JobDir::new();
    dir.write("in/a.txt", "one\n");
    dir
}

/// Runs `in` to `out` with these words.
#[track_caller]
fn run(dir: &JobDir, words: &[&str]) -> Output {
    dir.command(&[words, &["-input", "in", "-output", "out"]].concat()).run()
}

/// The job succeeds with this output.
#[track_caller]
fn check(dir: &JobDir, words: &[&str], expect: &str) {
    run(dir, words).expect_code(0);
    assert_eq!(String::from_utf8(dir.parts_joined()).unwrap(), expect, "{words:?}");
    std::fs::remove_dir_all(dir.path("out")).unwrap();
}

/// The job is refused with this exit code and text.
#[track_caller]
fn check_refused(words: &[&str], code: i32, says: &str) {
    let dir = job_dir();
    run(&dir, words).expect_code(code).expect_stderr(&[says]);
    assert!(!dir.path("out").exists(), "{words:?}");
}

/// Hadoop: `Job.setUseNewAPI`, whose letters these are.
#[test]
fn properties_of_the_newer_interface_are_refused() {
    let check = |property: &str, reduces: &str, refused: Option<&str>| {
        let (property, reduces) = (format!("{property}=x"), format!("mapreduce.job.reduces={reduces}"));
        let words = ["-D", &property, "-D", &reduces, "-mapper", "cat", "-reducer", "cat"];
        match refused {
            Some(says) => check_refused(&words, 5, says),
            None => drop(run(&job_dir(), &words).expect_code(0)),
        }
    };
    let map = |name: &str| format!("{name} is incompatible with map compatibility mode.");
    for name in ["mapreduce.job.inputformat.class", "mapreduce.job.map.class"] {
        check(name, "0", Some(&map(name)));
        check(name, "2", Some(&map(name)));
    }
    check("mapreduce.job.partitioner.class", "2", Some(&map("mapreduce.job.partitioner.class")));
    check("mapreduce.partitioner.class", "1", Some(&map("mapreduce.job.partitioner.class")));
    check("mapreduce.job.partitioner.class", "0", None);
    check("mapreduce.job.outputformat.class", "0", Some(&map("mapreduce.job.outputformat.class")));
    for name in ["mapreduce.job.outputformat.class", "mapreduce.job.reduce.class"] {
        check(name, "1", Some(&format!("{name} is incompatible with reduce compatibility mode.")));
    }
    check("mapreduce.job.reduce.class", "0", None);
}

#[test]
fn a_combiner_of_the_newer_interface_is_refused_unless_another_counts() {
    let property = "mapreduce.job.combine.class=x";
    let words = ["-D", property, "-mapper", "cat", "-reducer", "cat"];
    check_refused(&words, 1, "mapreduce.job.combine.class");
    run(&job_dir(), &[&words[..], &["-combiner", "cat"]].concat()).expect_code(0);
}

/// Hadoop: `MRApps.setEnvFromInputProperty`, MAPREDUCE-7069.
#[test]
fn properties_define_variables_of_tasks() {
    let dir = job_dir();
    let (mapper, reducer) = ("sh -c 'echo map $q $QUX'", "sh -c 'cat; echo reduce $q $QUX'");
    let words = |set: &[&'static str]| {
        let set = set.iter().flat_map(|property| ["-D", *property]);
        set.chain(["-mapper", mapper, "-reducer", reducer]).collect::<Vec<_>>()
    };
    check(&dir, &words(&["mapreduce.map.env=q=fox"]), "map fox\t\nreduce\t\n");
    check(&dir, &words(&["mapreduce.reduce.env=q=fox,QUX=$q-2"]), "map\t\nreduce fox fox-2\t\n");
    check(
        &dir,
        &words(&["mapred.child.env=q=fox", "mapreduce.map.env.QUX=7"]),
        "map fox 7\t\nreduce fox\t\n",
    );
    let both = ["mapreduce.admin.user.env=q=a", "mapreduce.map.env=q=b"];
    check(&dir, &words(&both), "map a:b\t\nreduce a\t\n");
    let output = run(&dir, &words(&["mapreduce.map.env.QUX=7"])).expect_code(0);
    assert!(!output.stderr.contains("unknown"), "{}", output.report());
}

#[test]
fn programs_are_found_by_the_path_that_a_property_sets() {
    let dir = job_dir();
    dir.script("bin/own-reducer", "#!/bin/sh\nsed s/^/own-/\n");
    let property = format!("mapreduce.reduce.env=PATH={}:$PATH", dir.path("bin").display());
    check(&dir, &["-D", &property, "-mapper", "cat", "-reducer", "own-reducer"], "own-one\t\n");
    check_refused(&["-mapper", "cat", "-reducer", "own-reducer"], 1, "own-reducer");
}

/// Hadoop: `StreamJob.packageJobJar`.
#[test]
fn the_content_of_a_folder_that_file_names_is_in_the_tasks_folder() {
    let dir = job_dir();
    dir.write("dd/q", "packed\n").write("dd/sub/deep", "deep\n").write("other/q", "shipped\n");
    let words = ["-mapper", "cat q dd/q sub/deep", "-reducer", "NONE"];
    check(&dir, &[&["-file", "dd"][..], &words].concat(), "packed\t\npacked\t\ndeep\t\n");
    // What is shipped by its name counts.
    check(
        &dir,
        &[&["-files", "other/q", "-file", "dd"][..], &words].concat(),
        "shipped\t\npacked\t\ndeep\t\n",
    );
    let words =
        ["-file", "dd", "-mapper", "sh -c 'echo $mapreduce_job_cache_local_files'", "-reducer", "NONE"];
    check(&dir, &words, &format!("file://{}\t\n", dir.path("dd").display()));
}

#[test]
fn shipped_files_are_uris() {
    let dir = job_dir();
    dir.write("my file.txt", "blank\n").write("f", "plain\n");
    let map = |mapper: &'static str| ["-mapper", mapper, "-reducer", "NONE"];
    let file = |uri: &str| format!("file:{}", dir.path(uri).display());
    check(&dir, &[&["-cacheFile", &file("my%20file.txt#l")][..], &map("cat l")].concat(), "blank\t\n");
    check(&dir, &[&["-cacheFile", &file("f#a%41b")][..], &map("cat aAb")].concat(), "plain\t\n");
    check(&dir, &[&["-files", "my%20file.txt,f#a%41b"][..], &map("cat aAb")].concat(), "plain\t\n");
    check(&dir, &[&["-files", "f#./l1"][..], &map("cat l1")].concat(), "plain\t\n");
    for (option, uri) in [
        ("-cacheFile", "f#te st"),
        ("-cacheFile", "f#x^"),
        ("-files", "my file.txt"),
        ("-files", "f#b#c"),
        ("-files", "f%4"),
        ("-archives", "x[1].zip"),
    ] {
        let words = [&[option, uri][..], &map("cat")].concat();
        check_refused(&words, 1, &format!("{uri:?}: "));
    }
    // A folder whose name is no URI is not the user's fault.
    let blank = JobDir::new();
    blank.write("a b/in/x", "one\n").write("a b/f", "plain\n");
    let command = blank
        .command(&["-files", "f", "-mapper", "cat f", "-input", "in", "-output", "out", "-reducer", "NONE"]);
    command.after("cd 'a b';").run().expect_code(0);
    assert_eq!(blank.files("a b/out")["part-00000"], b"plain\t\n");
}

/// A Python environment leads to its interpreter by an absolute link.
#[test]
fn an_archive_may_have_links_that_lead_outside() {
    if skip_without("tar", "archives with links") {
        return;
    }
    let dir = job_dir();
    std::fs::create_dir_all(dir.path("venv/bin")).unwrap();
    std::os::unix::fs::symlink("/bin/sh", dir.path("venv/bin/interpreter")).unwrap();
    let mut tar = std::process::Command::new("tar");
    tar.args(["czf", "venv.tar.gz", "-C", "venv", "bin"]).current_dir(dir.path(""));
    assert!(tar.status().unwrap().success());
    let words = ["-archives", "venv.tar.gz#env", "-mapper", "env/bin/interpreter -c cat", "-reducer", "NONE"];
    check(&dir, &words, "one\t\n");
}

/// Hadoop 3.4: commons-cli 1.9.
#[test]
fn quotes_go_from_around_a_whole_value_only() {
    let dir = job_dir();
    dir.script("args.sh", "#!/bin/sh\nfor word; do echo \"[$word]\"; done\n");
    let mapper = |text: &'static str| ["-mapper", text, "-reducer", "NONE"];
    check(&dir, &mapper("\"./args.sh\" \"a b\""), "[a b]\t\n");
    check(&dir, &mapper("./args.sh a \" \""), "[a]\t\n[ ]\t\n");
    check(&dir, &mapper("\"./args.sh a\""), "[a]\t\n");
    check(&dir, &["-D", "p=\"x\"", "-mapper", "sh -c 'echo $p'", "-reducer", "NONE"], "\"x\"\t\n");
}

/// Hadoop: `Configuration.loadResource`.
#[test]
fn configuration_files_may_be_uris() {
    let dir = job_dir();
    let text = "<configuration><property><name>p</name><value>read</value></property></configuration>";
    dir.write("c.xml", text);
    let path = dir.path("c.xml").display().to_string();
    let mapper = ["-mapper", "sh -c 'echo $p'", "-reducer", "NONE"];
    for uri in [format!("file://{path}"), format!("file:{path}"), format!("hdfs://host{path}"), path.clone()]
    {
        for option in ["-conf", "-additionalconfspec"] {
            check(&dir, &[&[option, &uri][..], &mapper].concat(), "read\t\n");
        }
    }
    let output = run(&dir, &[&["-conf", "gone.xml"][..], &mapper].concat()).expect_code(0);
    output.expect_stderr(&["gone.xml does not exist and is passed over"]);
}

/// Each of these succeeds in Hadoop.
#[test]
fn settings_that_hadoop_does_not_look_at_are_accepted() {
    let check = |set: &[&str], input: &str, expect: &str| {
        let dir = JobDir::new();
        dir.write("in/a.txt", input);
        let set = set.iter().flat_map(|property| ["-D", *property]).collect::<Vec<_>>();
        check(&dir, &[&set[..], &["-mapper", "cat", "-reducer", "cat"]].concat(), expect);
    };
    check(&["mapreduce.job.maps=x"], "one\n", "one\t\n");
    check(&["mapred.map.runner.class=org.apache.hadoop.streaming.PipeMapRunner"], "one\n", "one\t\n");
    check(&["mapred.map.runner.class=nope"], "one\n", "one\t\n");
    check(&["mapreduce.map.output.compress.codec=Nope"], "one\n", "one\t\n");
    let dir = JobDir::new();
    dir.write("in/a.txt", "1\n2\n3\n");
    let lines = |count: &str| {
        let property = format!("mapreduce.input.lineinputformat.linespermap={count}");
        let format = "org.apache.hadoop.mapred.lib.NLineInputFormat";
        run(&dir, &["-D", &property, "-inputformat", format, "-mapper", "wc -l", "-reducer", "NONE"])
            .expect_code(0);
        let parts = String::from_utf8(dir.parts_joined()).unwrap();
        std::fs::remove_dir_all(dir.path("out")).unwrap();
        parts
    };
    assert_eq!([lines("0"), lines("-2"), lines("1")], ["3\t\n", "3\t\n", "1\t\n1\t\n1\t\n"]);
}

/// Each of these fails in Hadoop, with this exit code.
#[test]
fn settings_that_hadoop_refuses_are_refused() {
    let check = |words: &[&str], says: &str| {
        check_refused(&[words, &["-mapper", "cat", "-reducer", "cat"]].concat(), 1, says);
    };
    check(&["-D", "io.compression.codecs=no.such.Codec"], "io.compression.codecs = \"no.such.Codec\"");
    let codec =
        ["-D", "mapreduce.map.output.compress=true", "-D", "mapreduce.map.output.compress.codec=Nope"];
    check(&codec, "mapreduce.map.output.compress.codec = \"Nope\"");
    check(&["-D", "mapreduce.task.io.sort.mb=99999"], "mapreduce.task.io.sort.mb = \"99999\"");
    check(&["-D", "mapreduce.map.sort.spill.percent=2"], "mapreduce.map.sort.spill.percent = \"2\"");
    check(&["-D", "mapreduce.framework.name=nosuch"], "mapreduce.framework.name = \"nosuch\"");
    check(&["-fs", ""], "fs.defaultFS \"\"");
    let fine = "io.compression.codecs=org.apache.hadoop.io.compress.GzipCodec, org.apache.hadoop.io.compress.Lz4Codec,";
    let words = ["-D", fine, "-D", "mapreduce.framework.name=yarn", "-mapper", "cat", "-reducer", "cat"];
    run(&job_dir(), &words).expect_code(0);
}
