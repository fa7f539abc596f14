//! Random jobs against an oracle too simple to be wrong.
//!
//! `MRSTREAM_TEST_CASES` sets how many random jobs are run, `MRSTREAM_TEST_SEED` which ones. A failure
//! shows the smallest job that still fails, the seed and the command.

use crate::harness::JobDir;
use mr_stream::codec::Codec;
use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestError, TestRng, TestRunner};
use std::fmt::Write as _;
use std::io::Write as _;

/// Random jobs per run when the environment does not say.
const CASES_DEFAULT: u32 = 32;

/// Map tasks per random job at most: each is a process.
const SPLITS_MAX: usize = 24;

/// A job of `cat` and `cat`: what it reads, and everything that must not change its answer.
#[derive(Clone, Debug)]
struct Job {
    files: Vec<Vec<u8>>,
    split_bytes: usize,
    reduces: usize,
    memory_bytes: Option<u32>,
    merge_width: Option<u32>,
    slots: u32,
    combiner: bool,
    fold: &'static str,
}

impl Job {
    /// The options, without the folders.
    fn args(&self) -> String {
        let mut args = format!("-numReduceTasks {} -mapper cat -reducer cat", self.reduces);
        let mut set = |name: &str, value: u32| {
            let _ = write!(args, " -D {name}={value}");
        };
        set("fs.local.block.size", self.split_bytes as u32);
        set("mapreduce.local.map.tasks.maximum", self.slots);
        set("mapreduce.local.reduce.tasks.maximum", self.slots);
        if let Some(bytes) = self.memory_bytes {
            set("mrstream.memory.bytes", bytes);
        }
        if let Some(width) = self.merge_width {
            set("mapreduce.task.io.sort.factor", width);
        }
        if self.combiner {
            args.push_str(" -combiner cat");
        }
        let _ = write!(args, " -D mrstream.map.output.fold={}", self.fold);
        args
    }
}

/// The part files that the job must write.
fn oracle(job: &Job) -> Vec<Vec<u8>> {
    let mut splits = Vec::new();
    for file in &job.files {
        let (mut start, mut left) = (0, file.len());
        // FileInputFormat: a rest of up to a tenth of a split joins the last one.
        while left * 10 > job.split_bytes * 11 {
            splits.push((file, start, job.split_bytes));
            (start, left) = (start + job.split_bytes, left - job.split_bytes);
        }
        splits.push((file, start, left));
    }
    // JobSubmitter: the longest split is the first map task.
    splits.sort_by_key(|&(_, _, length)| std::cmp::Reverse(length));

    let mut parts = vec![Vec::new(); if job.reduces == 0 { splits.len() } else { job.reduces }];
    for (task, &(file, start, length)) in splits.iter().enumerate() {
        for (at, line) in lines(file) {
            // LineRecordReader: a line that begins at a split's first byte belongs to the split before.
            if (at == 0 && start == 0) || (start < at && at <= start + length) {
                let tab = line.iter().position(|&byte| byte == b'\t').unwrap_or(line.len());
                let (key, value) = (&line[..tab], line.get(tab + 1..).unwrap_or_default());
                let hash =
                    key.iter().fold(1_i32, |h, &b| h.wrapping_mul(31).wrapping_add(i32::from(b as i8)));
                let part = if job.reduces == 0 { task } else { (hash & i32::MAX) as usize % job.reduces };
                parts[part].push((key, task, value));
            }
        }
    }
    if job.reduces > 0 {
        for part in &mut parts {
            // A stable sort: equal keys stay in order of task and emission. Those of folded tasks are in order of value.
            part.sort_by_key(|&(key, _, value)| match job.fold {
                "always" => (key, value),
                _ => (key, &b""[..]),
            });
        }
    }
    let text = |&(key, _, value): &(&[u8], usize, &[u8])| [key, b"\t", value, b"\n"].concat();
    parts.iter().map(|part| part.iter().flat_map(text).collect()).collect()
}

/// The lines of a file with the offset of each. LF, CR LF and CR end a line; a byte order mark is dropped.
fn lines(file: &[u8]) -> Vec<(usize, &[u8])> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < file.len() {
        let rest = &file[at..];
        let end = rest.iter().position(|byte| b"\r\n".contains(byte)).unwrap_or(rest.len());
        let end_bytes = if rest[end..].starts_with(b"\r\n") { 2 } else { usize::from(end < rest.len()) };
        let mark = if at == 0 && rest.starts_with(b"\xEF\xBB\xBF") { 3 } else { 0 };
        if mark < end + end_bytes {
            found.push((at, &rest[mark..end]));
        }
        at += end + end_bytes;
    }
    found
}

/// Runs the job and compares; `Err` shows all there is to know.
fn check(job: &Job) -> Result<(), String> {
    let dir = JobDir::new();
    for (number, file) in job.files.iter().enumerate() {
        dir.write(&format!("in/{number:02}"), file);
    }
    let output = dir.run(&format!("-input in -output out {}", job.args()));
    if output.code != Some(0) {
        return Err(output.report());
    }
    for (number, want) in oracle(job).iter().enumerate() {
        let name = format!("part-{number:05}");
        let got = dir.files("out").remove(&name).ok_or_else(|| format!("no {name}\n{}", output.report()))?;
        if &got != want {
            let shown = |bytes: &[u8]| bytes.escape_ascii().to_string();
            return Err(format!("{name}\n want {}\n  got {}\n{}", shown(want), shown(&got), output.shown));
        }
    }
    dir.assert_clean();
    Ok(())
}

/// Pieces of which inputs are made: every line end, tabs, and bytes that are not text.
fn piece() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        4 => Just(b"\n".to_vec()),
        2 => Just(b"\r\n".to_vec()),
        2 => Just(b"\r".to_vec()),
        3 => Just(b"\t".to_vec()),
        6 => "[a-c]{1,3}".prop_map(String::into_bytes),
        1 => Just(b"\0".to_vec()),
        1 => Just(b"\xC3\x28\xFF\x80".to_vec()),
        1 => Just("\u{e9}\u{20ac}".as_bytes().to_vec()),
        1 => (1_usize..3000).prop_map(|count| vec![b'x'; count]),
    ]
}

fn file() -> impl Strategy<Value = Vec<u8>> {
    let mark = prop_oneof![9 => Just(&b""[..]), 1 => Just(&b"\xEF\xBB\xBF"[..])];
    (mark, prop::collection::vec(piece(), 0..40)).prop_map(|(mark, pieces)| [mark, &pieces.concat()].concat())
}

fn job() -> impl Strategy<Value = Job> {
    let settings = (
        prop::sample::select(vec![0_usize, 1, 1, 2, 3, 7]),
        prop::option::of(prop::sample::select(vec![8_u32 << 10, 64 << 10])),
        prop::option::of(prop::sample::select(vec![2_u32, 3, 10])),
        1_u32..4,
        prop::bool::weighted(0.25),
        prop::sample::select(vec!["auto", "never", "always"]),
    );
    let files = prop::collection::vec(file(), 1..4);
    (files, 1_usize..4000, settings).prop_map(|(files, split_bytes, settings)| {
        let (reduces, memory_bytes, merge_width, slots, combiner, fold) = settings;
        // What a combiner is given at once depends on memory, and so does the order of what it leaves.
        let fold = if combiner { "never" } else { fold };
        let total: usize = files.iter().map(Vec::len).sum();
        // Splits larger than the input are all alike; splits much smaller are too many processes.
        let split_bytes = (split_bytes % (total + 2)).max(total / SPLITS_MAX).max(1);
        Job { files, split_bytes, reduces, memory_bytes, merge_width, slots, combiner, fold }
    })
}

/// A number from the environment.
fn switch(name: &str, default: u32) -> u32 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}

#[test]
fn random_jobs_give_the_oracles_bytes() {
    let (cases, seed) = (switch("MRSTREAM_TEST_CASES", CASES_DEFAULT), switch("MRSTREAM_TEST_SEED", 1));
    let mut bytes = [0; 32];
    bytes[..4].copy_from_slice(&seed.to_le_bytes());
    let config = Config { cases, failure_persistence: None, ..Config::default() };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, &bytes);
    let result =
        TestRunner::new_with_rng(config, rng).run(&job(), |job| check(&job).map_err(TestCaseError::fail));
    match result {
        Ok(()) => {}
        Err(TestError::Fail(why, job)) => panic!("MRSTREAM_TEST_SEED={seed}: {job:?}\n{why}"),
        Err(TestError::Abort(why)) => panic!("{why}"),
    }
}

#[test]
fn every_byte_can_be_a_split_boundary() {
    let file = b"a\tb\r\n\r\nc\rd\n\n\xC3\xA9\te\r\rf\r\n".to_vec();
    for split_bytes in 1..=file.len() + 1 {
        for reduces in [0, 2] {
            let files = vec![file.clone()];
            let job = Job {
                files,
                split_bytes,
                reduces,
                memory_bytes: None,
                merge_width: None,
                slots: 2,
                combiner: false,
                fold: "auto",
            };
            check(&job).unwrap_or_else(|why| panic!("split size {split_bytes}: {why}"));
        }
    }
}

/// A budget that a partition does not fit in and that has room for ranges of what is on disk.
#[test]
fn what_is_on_disk_is_merged_by_ranges() {
    for (reduces, fold) in [(1, "never"), (3, "never"), (1, "always")] {
        let mut file = Vec::new();
        for number in 0..200_000_u64 {
            writeln!(file, "{}\t{}", number * number % 50_021, number % 8).unwrap();
        }
        let job = Job {
            split_bytes: file.len() / 12,
            files: vec![file],
            reduces,
            memory_bytes: Some(4 << 20),
            merge_width: None,
            slots: 2,
            combiner: false,
            fold,
        };
        check(&job).unwrap_or_else(|why| panic!("{reduces} reduces, fold {fold}: {why:.2000}"));
    }
}

#[test]
fn tasks_that_share_a_compressed_file_read_each_line_once() {
    // Two members, as `cat a.gz b.gz` makes them, and a line that spans both.
    let mut text = String::new();
    for number in 0..4_000 {
        let _ = write!(text, "{}\t{number}\r\n", number * 7_919 % 4_001);
    }
    let (one, two) = text.split_at(20_011);
    let mut stored = Vec::new();
    for member in [one, two] {
        let mut encoder = Codec::Gzip.encoder(Box::new(&mut stored)).unwrap();
        encoder.write_all(member.as_bytes()).unwrap();
        encoder.finish().unwrap();
    }
    let mut sorted: Vec<&str> = text.lines().collect();
    sorted.sort_unstable();
    for (splits, tasks) in [("1", 1), ("2", 2), ("5", 5), ("auto", 4)] {
        let dir = JobDir::new();
        dir.write("in.gz", &stored);
        let job = format!(
            "-input in.gz -mapper cat -D fs.local.block.size=4096 -D mrstream.input.compressed.splits={splits}"
        );
        dir.run(&format!("{job} -output maps -numReduceTasks 0")).expect_code(0);
        let parts: Vec<_> =
            dir.files("maps").into_iter().filter(|(name, _)| name.starts_with("part")).collect();
        assert_eq!(parts.len(), tasks, "{splits}");
        // In order of tasks the lines are those of the file in its order, for no task's part is longer than the first.
        let all = parts.into_iter().flat_map(|(_, part)| part).collect::<Vec<u8>>();
        assert!(all == text.replace('\r', "").into_bytes(), "{splits}");
        let output = dir.run(&format!("{job} -output sorted -reducer cat")).expect_code(0);
        let part = dir.files("sorted").remove("part-00000").unwrap();
        let expect = sorted.iter().flat_map(|line| [line, "\n"]).collect::<String>();
        assert!(part == expect.into_bytes(), "{splits}");
        assert!(output.stderr.contains("Map input records=4000"), "{splits}: {}", output.report());
    }
}

#[test]
fn the_oracle_knows_hadoops_answers() {
    // From the golden jobs split-exact-line-end and split-crlf-cut-between, made smaller.
    let job = |text: &[u8], split_bytes| Job {
        files: vec![text.to_vec()],
        split_bytes,
        reduces: 0,
        memory_bytes: None,
        merge_width: None,
        slots: 1,
        combiner: false,
        fold: "auto",
    };
    let parts = |text: &[u8], split_bytes| -> Vec<String> {
        oracle(&job(text, split_bytes)).into_iter().map(|part| String::from_utf8(part).unwrap()).collect()
    };
    assert_eq!(parts(b"ab\ncd\nef\n", 3), ["ab\t\ncd\t\n", "ef\t\n", ""]);
    assert_eq!(parts(b"ab\r\ncd\r\n", 3), ["ab\t\n", "cd\t\n", ""]);
    assert_eq!(parts(b"\xEF\xBB\xBFa\tb\tc\r", 99), ["a\tb\tc\n"]);
    assert_eq!(parts(b"\xEF\xBB\xBF", 99), [""]);
}
