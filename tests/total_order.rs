//! Jobs whose part files, one after the other, are sorted as one; and `mr-stream sample`, which says where
//! parts begin.

use crate::harness::{JobDir, Output};
use std::fmt::Write as _;

const TOTAL_ORDER: &str = "-partitioner org.apache.hadoop.mapred.lib.TotalOrderPartitioner \
                           -D mapreduce.totalorderpartitioner.path=cuts";

/// Three files of words, in no order and some of them often; one word a line behind its length.
fn words() -> JobDir {
    let dir = JobDir::new();
    let mut state = 12_345_u32;
    for name in ["in/a", "in/b", "in/c"] {
        let mut text = String::new();
        for _ in 0..400 {
            state = state.wrapping_mul(1_103_515_245).wrapping_add(12_345);
            let kinds = if state >> 28 == 0 { 5 } else { 3000 };
            let word = format!("{:x}", (state >> 8) % kinds);
            writeln!(text, "{} {word}", word.len()).unwrap();
        }
        dir.write(name, text);
    }
    dir.script("second.sh", "#!/bin/sh\ncut -d ' ' -f 2\n");
    dir
}

/// The job, whose mapper makes keys that the input's lines do not begin with.
fn job(reduces: u32, more: &str) -> String {
    format!(
        "-D fs.local.block.size=700 {more} -files second.sh -mapper second.sh -reducer cat \
         -numReduceTasks {reduces} -input in -output out {TOTAL_ORDER}"
    )
}

/// The parts of the output, as lines.
fn parts(dir: &JobDir) -> Vec<Vec<String>> {
    let files = dir.files("out").into_iter().filter(|(name, _)| name.starts_with("part-"));
    let lines = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect();
    files.map(|(_, bytes)| lines(bytes)).collect()
}

/// All input words are there, in order across the parts.
#[track_caller]
fn assert_sorted_as_one(dir: &JobDir, reduces: usize) -> Vec<usize> {
    let parts = parts(dir);
    assert_eq!(parts.len(), reduces);
    let input = dir.files("in").into_values().map(|bytes| String::from_utf8(bytes).unwrap());
    let word = |line: &str| format!("{}\t", line.split(' ').nth(1).unwrap());
    let mut expect: Vec<String> = input.flat_map(|text| text.lines().map(word).collect::<Vec<_>>()).collect();
    expect.sort();
    let sizes = parts.iter().map(Vec::len).collect();
    assert_eq!(parts.concat(), expect);
    sizes
}

#[test]
fn a_sample_makes_parts_that_are_sorted_as_one() {
    for (options, even) in [
        ("", true),
        ("--method split --records 60 --splits 0", false),
        ("--method=interval --splits=0 --frequency=0.3", false),
        ("--records 200 --splits 3 --frequency 0.5 --seed 7", false),
    ] {
        let dir = words();
        let output = dir.run(&format!("sample {options} {}", job(4, ""))).expect_code(0);
        output.expect_stderr(&["3 cut points from", "written to", "/cuts"]);
        dir.run(&job(4, "")).expect_code(0);
        let sizes = assert_sorted_as_one(&dir, 4);
        assert!(!even || sizes.iter().all(|size| *size > 150), "{sizes:?}");
        dir.assert_clean();
    }
}

#[test]
fn the_same_seed_gives_the_same_file() {
    let dir = words();
    // To one path, of which the file's sync marker is made.
    let sample = |seed: u32| {
        let options = format!("sample --records 40 --splits 2 --seed {seed}");
        dir.run(&format!("{options} {}", job(8, ""))).expect_code(0);
        std::fs::read(dir.path("cuts")).unwrap()
    };
    let one = sample(1);
    assert_ne!(sample(2), one);
    assert_eq!(sample(1), one);
}

#[test]
fn a_file_that_is_there_is_replaced() {
    let dir = words();
    dir.write("cuts", "no sequence file");
    dir.run(&job(3, "")).expect_code(1).expect_stderr(&["cannot use partition file"]);
    dir.run(&format!("sample {}", job(3, ""))).expect_code(0);
    dir.run(&job(3, "")).expect_code(0);
    assert_sorted_as_one(&dir, 3);
}

#[test]
fn a_resumed_job_keeps_its_sampled_cut_points() {
    let dir = words();
    let command = format!(
        "{} -D mrstream.checkpoint.seconds=0 -D mrstream.map.slots=1 -D mrstream.reduce.slots=1",
        job(5, "-D mrstream.totalorder.sample=true")
    );
    let words: Vec<&str> = command.split_whitespace().collect();
    dir.run(&command).expect_code(0);
    let whole = dir.files("out");
    std::fs::remove_dir_all(dir.path("out")).unwrap();
    let killed = dir.command(&words).with("MRSTREAM_FAULT", "rename:2:kill:_temporary/0/task_").run();
    assert_eq!(killed.code, None, "{}", killed.report());
    let resumed = dir.run(&format!("{command} -resume")).expect_code(0).expect_stderr(&["Continuing: "]);
    assert!(!resumed.stderr.contains("cut points from"), "{}", resumed.report());
    assert!(dir.files("out") == whole, "{}", resumed.report());
    dir.assert_clean();
}

#[test]
fn a_job_samples_for_itself_when_asked() {
    let dir = words();
    dir.run(&job(5, "")).expect_code(1).expect_stderr(&["cannot use partition file"]);
    let output = dir.run(&job(5, "-D mrstream.totalorder.sample=true")).expect_code(0);
    output.expect_stderr(&["4 cut points from 1200 keys"]);
    assert_sorted_as_one(&dir, 5);
    assert!(!dir.path("cuts").exists());
    dir.assert_clean();
}

#[test]
fn the_job_s_order_is_that_of_the_cut_points() {
    let dir = words();
    let order = "-D mapreduce.job.output.key.comparator.class=org.apache.hadoop.mapred.lib.KeyFieldBasedComparator \
                 -D mapreduce.partition.keycomparator.options=-r";
    let warned = dir.run(&format!("sample -o other {}", job(3, order))).expect_code(0);
    warned.expect_stderr(&["mapreduce.totalorderpartitioner.naturalorder=false"]);
    let more = format!("{order} -D mapreduce.totalorderpartitioner.naturalorder=false");
    dir.run(&format!("sample {}", job(3, &more))).expect_code(0);
    dir.run(&job(3, &more)).expect_code(0);
    let lines = parts(&dir).concat();
    assert!(lines.len() == 1200 && lines.is_sorted_by(|a, b| a >= b));
}

/// Samples; must fail with this code and these texts, and leave nothing.
#[track_caller]
fn check_refused(dir: &JobDir, args: &str, code: i32, says: &[&str]) -> Output {
    let output = dir.run(args).expect_code(code).expect_stderr(says);
    assert!(!dir.path("cuts").exists());
    dir.assert_clean();
    output
}

#[test]
fn what_cannot_be_sampled_is_told() {
    let dir = words();
    dir.write("few/a", "1 a\n1 a\n1 b\n").write("empty/a", "");
    let plain = "-mapper cat -reducer cat -numReduceTasks 4 -output out";
    let total = format!("{plain} {TOTAL_ORDER}");
    let few = "the sample of 3 keys has 2 different ones, 4 reduce tasks need at least 3";
    check_refused(&dir, &format!("sample {total} -input few"), 1, &[few]);
    check_refused(&dir, &format!("sample {total} -input empty"), 1, &["the sample of 0 keys"]);
    check_refused(&dir, &format!("sample {total} -input missing"), 5, &["missing"]);
    check_refused(&dir, &format!("sample {plain} -input few"), 1, &["give -o FILE"]);
    check_refused(&dir, &format!("sample {}", job(1, "")), 1, &["-numReduceTasks 2 or more"]);
    check_refused(&dir, "sample", 1, &["-input"]);
    for bad in ["--records 0", "--frequency 0", "--frequency x", "--method odd", "--splits -1"] {
        check_refused(&dir, &format!("sample {bad} {total} -input few"), 1, &["error: invalid value"]);
    }
    check_refused(&dir, "sample --help", 0, &[]);
}

#[test]
fn a_mapper_that_fails_fails_the_sample() {
    let dir = words();
    dir.script("bad.sh", "#!/bin/sh\necho last words >&2\nexit 3\n");
    let args = format!(
        "-files bad.sh -mapper bad.sh -reducer cat -numReduceTasks 4 -input in -output out {TOTAL_ORDER}"
    );
    let says = ["bad.sh", "attempt_", "_m_00000", "last words", "No cut points were found"];
    check_refused(&dir, &format!("sample {args}"), 1, &says);
    check_refused(&dir, &format!("-D mrstream.totalorder.sample=true {args}"), 1, &says);
}

/// The split method needs only the first keys: it ends mappers that would never end.
#[test]
fn a_mapper_is_ended_when_enough_is_known() {
    let dir = words();
    dir.script("endless.sh", "#!/bin/sh\nexec yes \"$(sort | uniq)\"\n");
    let args = format!(
        "-files endless.sh -mapper endless.sh -reducer cat -numReduceTasks 3 -input in -output out {TOTAL_ORDER}"
    );
    dir.run(&format!("sample --method split --records 100 {args}")).expect_code(0);
    assert!(dir.path("cuts").exists());
    dir.assert_clean();
}
