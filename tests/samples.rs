//! The sample mappers and the sample data: each pair gives what the same programs give in a pipe with
//! `LC_ALL=C sort`, and the word counts agree with `tr`, `sort` and `uniq`.

use crate::harness::{JobDir, repository, say, skip_without};
use std::path::{Path, PathBuf};
use std::process::Command;

/// What the script prints, run in the repository's root.
fn shell(script: &str) -> Vec<u8> {
    let output = Command::new("sh").args(["-c", script]).current_dir(repository()).output().unwrap();
    assert!(output.status.success(), "{script}\n{}", String::from_utf8_lossy(&output.stderr));
    output.stdout
}

/// The absolute form of a path in the repository.
fn absolute(path: &str) -> String {
    repository().join(path).to_str().unwrap().to_owned()
}

/// The word counts of the sample text, made without mr-stream and without the samples.
fn word_counts() -> Vec<u8> {
    shell(
        "tr -cs A-Za-z '\\n' <testdata/98.txt | tr A-Z a-z | LC_ALL=C sort | uniq -c |
         awk 'NF == 2 { print $2 \"\\t\" $1 }'",
    )
}

/// Counts words with this pair for several reduces, slots and budgets. The parts together hold the words
/// that the shell counted; slots, budget and time of day change no byte.
fn check_word_count(mapper: &str, reducer: &str) {
    let want = word_counts();
    for reduces in [1, 2, 7] {
        let mut first = None;
        for (slots, memory) in
            [(1, ""), (2, ""), (2, " -D mrstream.memory.mb=1"), (2, " -D mrstream.memory.mb=1")]
        {
            let dir = JobDir::new();
            let options = format!(
                "-D fs.local.block.size=100000 -D mapreduce.local.map.tasks.maximum={slots} \
                 -D mapreduce.local.reduce.tasks.maximum={slots}{memory} -numReduceTasks {reduces} -output out"
            );
            let input = absolute("testdata/98.txt");
            let mut args: Vec<&str> = options.split_whitespace().collect();
            args.extend(["-mapper", mapper, "-reducer", reducer, "-input", &input]);
            let output = dir.command(&args).run().expect_code(0);
            let joined = dir.parts_joined();
            let mut lines: Vec<&[u8]> = joined.split_inclusive(|&byte| byte == b'\n').collect();
            lines.sort_unstable();
            assert!(lines.concat() == want, "not what tr, sort and uniq count\n{}", output.report());
            let files = dir.files("out");
            assert!(first.get_or_insert_with(|| files.clone()) == &files, "other bytes\n{}", output.report());
            dir.assert_clean();
        }
    }
}

#[test]
fn word_count_in_shell() {
    check_word_count(&absolute("mappers/wordcount_map.sh"), &absolute("mappers/wordcount_reduce.sh"));
}

#[test]
fn word_count_in_python() {
    if !skip_without("python3", "word_count_in_python") {
        check_word_count(&absolute("mappers/wordcount_map.py"), &absolute("mappers/wordcount_reduce.py"));
    }
}

#[test]
fn word_count_in_rust() {
    let example = Path::new(env!("CARGO_BIN_EXE_mr-stream")).with_file_name("examples").join("wordcount");
    if !example.is_file() {
        say("SKIPPED for want of the example program, which a plain `cargo test` builds: word_count_in_rust");
        return;
    }
    let example = example.to_str().unwrap();
    check_word_count(&format!("{example} map"), &format!("{example} reduce"));
}

/// Runs a job of one reduce over `input` and compares with what the pipe prints.
fn check_pair(mapper: &str, reducer: &str, options: &str, input: &str, pipe: &str) {
    let dir = JobDir::new();
    let (mapper, reducer, input) = (absolute(mapper), absolute(reducer), absolute(input));
    let mut args: Vec<&str> = options.split_whitespace().collect();
    args.extend(["-mapper", &mapper, "-reducer", &reducer, "-input", &input, "-output", "out"]);
    let output = dir.command(&args).run().expect_code(0);
    let want = shell(pipe);
    assert!(want.len() > 300, "the pipe printed next to nothing");
    assert!(dir.parts_joined() == want, "not what the pipe prints\n{}", output.report());
    dir.assert_clean();
}

#[test]
fn max_temperature() {
    check_pair(
        "mappers/max_temperature_map.sh",
        "mappers/max_temperature_reduce.sh",
        &format!("-combiner {}", absolute("mappers/max_temperature_reduce.sh")),
        "testdata/weather.txt",
        // The greatest value is the last one of its station.
        "mappers/max_temperature_map.sh <testdata/weather.txt | LC_ALL=C sort -k1,1 -k2,2n |
         awk -F '\\t' '{ highest[$1] = $2 } END { for (s in highest) print s \"\\t\" highest[s] }' | LC_ALL=C sort",
    );
}

#[test]
fn distinct_users() {
    if skip_without("python3", "distinct_users") {
        return;
    }
    check_pair(
        "mappers/distinct_users_map.py",
        "mappers/distinct_users_reduce.py",
        "-D stream.num.map.output.key.fields=2 -D mapreduce.partition.keypartitioner.options=-k1,1 \
         -partitioner org.apache.hadoop.mapred.lib.KeyFieldBasedPartitioner",
        "testdata/visits.csv",
        "mappers/distinct_users_map.py <testdata/visits.csv 2>/dev/null | LC_ALL=C sort -u | cut -f 1 | uniq -c |
         awk '{ print $2 \"\\t\" $1 }'",
    );
}

#[test]
fn inverted_index() {
    if skip_without("python3", "inverted_index") {
        return;
    }
    check_pair(
        "mappers/inverted_index_map.py",
        "mappers/inverted_index_reduce.py",
        "",
        "testdata/books",
        "for book in mill river winter; do
             tr A-Z a-z <testdata/books/$book.txt | tr -cs a-z '\\n' | sed \"/^$/d; s/$/ $book.txt/\"
         done | LC_ALL=C sort | uniq -c | awk '
             $2 != word { if (word) print word \"\\t\" list; word = $2; list = \"\" }
             { list = (list ? list \",\" : \"\") $3 \":\" $1 }
             END { print word \"\\t\" list }'",
    );
}

#[test]
fn sample_data_is_what_its_script_makes() {
    let dir = JobDir::new();
    let made = dir.path("made");
    shell(&format!("scripts/gen_data.sh '{}'", made.display()));
    let files = dir.files("made");
    assert_eq!(files.len(), 6);
    for (name, bytes) in files {
        let committed = std::fs::read(repository().join("testdata").join(&name)).unwrap_or_default();
        assert!(committed == bytes, "testdata/{name} differs from what scripts/gen_data.sh makes");
    }
    let text = std::fs::read(repository().join("testdata/98.txt")).unwrap();
    assert!(text.ends_with(b"\r\n"), "98.txt is the sample with CR LF line ends");
}

#[test]
fn every_sample_says_how_it_is_used() {
    let samples: Vec<PathBuf> =
        std::fs::read_dir(repository().join("mappers")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(samples.len() >= 11, "samples are missing");
    for sample in samples {
        let text = std::fs::read_to_string(&sample).unwrap();
        assert!(
            text.lines().take(14).any(|line| line.contains("usage:")),
            "{}: no usage line",
            sample.display()
        );
        assert!(!text.contains('\r'), "{}: not LF line ends", sample.display());
    }
}
