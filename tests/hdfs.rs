//! Addresses in HDFS: one folder stands for it, and nothing leads out of it.

use crate::harness::JobDir;
use std::os::unix::fs::symlink;

/// A job's folder with some files in HDFS, and the words of a job that counts them.
fn job() -> JobDir {
    let dir = JobDir::new();
    dir.write("dfs/d/in/a.txt", "b\na\n")
        .write("dfs/user/ann/s.sh", "#!/bin/sh\ncat\n")
        .write("else/b.txt", "c\n");
    dir
}

fn run(dir: &JobDir, args: &str) -> crate::harness::Output {
    let words: Vec<&str> = args.split_whitespace().collect();
    dir.command(&words).with("MRSTREAM_HDFS_ROOT", dir.path("dfs")).run()
}

#[test]
fn jobs_read_and_write_hdfs() {
    let dir = job();
    run(
        &dir,
        "-files hdfs:///user/ann/s.sh#m -mapper m -input hdfs://host:9000/d/i*/* -output hdfs:///d/out",
    )
    .expect_code(0);
    assert_eq!(dir.files("dfs/d/out")["part-00000"], b"a\t\nb\t\n");
    run(&dir, "-mapper cat -input hdfs:///d/in -output hdfs:///d/out").expect_code(5);
    run(&dir, "-D fs.defaultFS=hdfs:/// -mapper cat -input /d/out,else -output /d/two").expect_code(0);
    assert_eq!(dir.files("dfs/d/two")["part-00000"], b"a\t\nb\t\nc\t\n");
    let property = format!("-D mrstream.hdfs.root={}", dir.path("else").display());
    run(&dir, &format!("{property} -mapper cat -input hdfs:///b.txt -output hdfs:///out")).expect_code(0);
    assert_eq!(dir.files("else/out")["part-00000"], b"c\t\n");
}

#[test]
fn messages_name_hdfs() {
    let dir = job();
    run(&dir, "-mapper cat -input hdfs:///nope -output out")
        .expect_code(5)
        .expect_stderr(&["Input path does not exist: hdfs:///nope\n"]);
    run(&dir, "-mapper cat -input hdfs:///d/*.gz -output out")
        .expect_code(5)
        .expect_stderr(&["Input Pattern hdfs:///d/*.gz matches 0 files"]);
    run(&dir, "-mapper cat -input s3://b/x -output out")
        .expect_code(1)
        .expect_stderr(&["only file: and hdfs:"]);
}

#[test]
fn no_job_gets_out_of_hdfs() {
    let dir = job();
    symlink(dir.path("else"), dir.path("dfs/d/out")).unwrap();
    symlink(dir.path("else/b.txt"), dir.path("dfs/d/in/link")).unwrap();
    let outside = "a link leads out of the folder that stands for HDFS";
    for (input, output, code) in [
        ("hdfs:///d/in", "hdfs:///new", 5),
        ("hdfs:///d/*/l*", "hdfs:///new", 5),
        ("hdfs:///d/in/a.txt", "hdfs:///d/out/new", 1),
    ] {
        run(&dir, &format!("-mapper cat -input {input} -output {output}"))
            .expect_code(code)
            .expect_stderr(&[outside]);
    }
    run(&dir, "-mapper cat -input hdfs:///d/in/a.txt -output hdfs:///../../new").expect_code(0);
    assert!(dir.path("dfs/new/part-00000").is_file());
}
