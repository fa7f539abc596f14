//! The seam on which distributed engines will stand: a job run task by task, each in a process of its
//! own that shares only files with the others, gives the bytes of the plain run.

use crate::harness::{JobDir, repository, run_task_by_task};

/// Puts 0..count into an order that is neither ascending nor descending.
fn scrambled(count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|number| (number * 7 + 3) % 11);
    order
}

/// Runs the job plainly and in pieces; both must write the same files.
fn check(args: &[&str], fill: impl Fn(&JobDir)) {
    let whole = JobDir::new();
    fill(&whole);
    whole.command(args).run().expect_code(0);
    assert!(whole.files("out").len() > 1, "the plain run wrote no part");

    let pieces = JobDir::new();
    fill(&pieces);
    run_task_by_task(&pieces, args, scrambled);
    assert_eq!(pieces.files("out"), whole.files("out"));
    pieces.assert_clean();
}

#[test]
fn word_count_in_pieces() {
    let samples = repository().join("mappers");
    let (mapper, reducer) = (samples.join("wordcount_map.sh"), samples.join("wordcount_reduce.sh"));
    let (mapper, reducer) = (mapper.to_str().unwrap(), reducer.to_str().unwrap());
    let text = std::fs::read(repository().join("testdata/98.txt")).unwrap();
    let args = ["-D", "fs.local.block.size=30000", "-numReduceTasks", "5", "-mapper", mapper];
    let args =
        [&args[..], &["-combiner", reducer, "-reducer", reducer, "-input", "in", "-output", "out"]].concat();
    check(&args, |dir| {
        dir.write("in/98.txt", &text);
    });
}

#[test]
fn equal_keys_keep_map_order_in_pieces() {
    let args = "-D fs.local.block.size=40 -mapper cat -reducer cat -numReduceTasks 3 -input in -output out";
    check(&args.split(' ').collect::<Vec<_>>(), |dir| {
        let line = |number: usize| format!("k{}\t{number}", number % 4);
        let text = (0..60).map(line).collect::<Vec<_>>().join("\n");
        dir.write("in/a", &text).write("in/b", text.replace('k', "l"));
    });
}

#[test]
fn sequence_files_have_the_same_bytes_in_each_run() {
    for (format, codec) in [("SequenceFileOutputFormat", "false"), ("MapFileOutputFormat", "true")] {
        let format = format!("org.apache.hadoop.mapred.{format}");
        let compress = format!("mapreduce.output.fileoutputformat.compress={codec}");
        let args = ["-D", &compress, "-mapper", "cat", "-reducer", "cat", "-numReduceTasks", "2"];
        let args = [&args[..], &["-outputformat", &format, "-input", "in", "-output", "out"]].concat();
        check(&args, |dir| {
            dir.write("in/a", "one\t1\ntwo\t2\nthree\tIII\n");
        });
    }
}

#[test]
fn map_only_in_pieces() {
    let args = "-D fs.local.block.size=7 -mapper cat -reducer NONE -input in -output out";
    check(&args.split(' ').collect::<Vec<_>>(), |dir| {
        dir.write("in/a", "one\ntwo\r\nthree\tIII\n\nfour\n").write("in/empty", "");
    });
}

#[test]
fn files_travel_with_the_plan() {
    let args = "-files m.sh -mapper m.sh -reducer cat -input in -output out";
    check(&args.split(' ').collect::<Vec<_>>(), |dir| {
        dir.write("in/a", "x\ny\n").script("m.sh", "#!/bin/sh\nsed 's/^/seen\t/'\n");
    });
}
