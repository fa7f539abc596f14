//! Bytes from outside that nobody promised to be well-formed: every reader of them answers with a value or
//! an error, never with a panic, a hang or memory without bounds.
//!
//! `MRSTREAM_FUZZ_CASES` sets how many inputs each reader gets; a failure prints the smallest one found.

use crate::harness::repository;
use mr_stream::codec::{Codec, FinishWrite};
use mr_stream::conf::{HostFacts, StreamOptions, resolve};
use mr_stream::input::listing::{ListSettings, list};
use mr_stream::input::{self, InputFile, SplitSettings, splitter};
use mr_stream::plan::{
    InputFormat, InputSpec, InputSplit, JobPlan, MapTask, StreamSplits, XmlReaderSpec, parse_key_specs, wire,
};
use mr_stream::sequence_file::SequenceReader;
use mr_stream::stop::StopFlag;
use mr_stream::streaming::command::split_args;
use proptest::prelude::*;
use std::ffi::OsString;
use std::io::{Cursor, Read, Write};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// Inputs for each reader in a plain test run.
const CASES_DEFAULT: u32 = 150;

/// A stream may not blow up beyond this many bytes before it is left alone.
const DECODED_BYTES_MAX: u64 = 16 << 20;

const CODECS: [Codec; 6] =
    [Codec::Gzip, Codec::Deflate, Codec::Bzip2, Codec::Zstd, Codec::Snappy, Codec::Lz4];

fn config() -> ProptestConfig {
    let cases = std::env::var("MRSTREAM_FUZZ_CASES").ok().and_then(|cases| cases.parse().ok());
    ProptestConfig {
        failure_persistence: None,
        max_shrink_time: 20_000,
        ..ProptestConfig::with_cases(cases.unwrap_or(CASES_DEFAULT))
    }
}

/// A change to well-formed bytes.
#[derive(Clone, Debug)]
enum Damage {
    Flip(usize, u8),
    Cut(usize),
    Insert(usize, Vec<u8>),
    Repeat(usize, usize),
}

fn damage() -> impl Strategy<Value = Vec<Damage>> {
    let one = prop_oneof![
        3 => (any::<usize>(), 1..=255u8).prop_map(|(at, mask)| Damage::Flip(at, mask)),
        1 => any::<usize>().prop_map(Damage::Cut),
        1 => (any::<usize>(), prop::collection::vec(any::<u8>(), 1..6)).prop_map(|(at, new)| Damage::Insert(at, new)),
        1 => (any::<usize>(), 1..64usize).prop_map(|(at, count)| Damage::Repeat(at, count)),
    ];
    prop::collection::vec(one, 0..5)
}

fn damaged(mut bytes: Vec<u8>, damage: &[Damage]) -> Vec<u8> {
    for change in damage {
        if bytes.is_empty() {
            break;
        }
        match change {
            Damage::Flip(at, mask) => {
                let at = at % bytes.len();
                bytes[at] ^= mask;
            }
            Damage::Cut(at) => bytes.truncate(at % bytes.len()),
            Damage::Insert(at, new) => {
                let at = at % bytes.len();
                bytes.splice(at..at, new.iter().copied());
            }
            Damage::Repeat(at, count) => {
                let at = at % bytes.len();
                let end = (at + count).min(bytes.len());
                bytes.extend_from_within(at..end);
            }
        }
    }
    bytes
}

/// Text made of the letters that a little language knows, and some that it does not.
fn words_of(alphabet: &'static [&'static str]) -> impl Strategy<Value = String> {
    let word = prop_oneof![8 => prop::sample::select(alphabet).prop_map(str::to_owned), 1 => any::<String>()];
    prop::collection::vec(word, 0..12).prop_map(|words| words.concat())
}

fn sample_sequence_files() -> Vec<Vec<u8>> {
    let names = ["block.seq", "bytes-bytes.seq", "empty.seq", "text-text.seq", "typed.seq"];
    let folder = repository().join("testdata/formats");
    names.iter().map(|name| std::fs::read(folder.join(name)).unwrap()).collect()
}

fn host() -> HostFacts {
    HostFacts {
        environment: vec![("PATH".into(), "/bin".into())],
        user: "ann".into(),
        host_name: None,
        home: "/nowhere".into(),
        current_dir: "/".into(),
        temp_dir: "/tmp".into(),
        hdfs_root: "/nowhere/hdfs".into(),
        default_fs: "file:///",
        state_dir: None,
        program: None,
        command_line: Vec::new(),
        logs_dir: None,
        memory_bytes: 1 << 30,
        cores: 2,
        slots_max: 8,
    }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn option_lists(words in prop::collection::vec(
        prop_oneof![
            prop::sample::select(vec![
                "-input", "-output", "-mapper", "-reducer", "-D", "-Dx=y", "-D=", "-conf", "-files", "-file", "-help",
                "-io", "--", "-", "", "a=b", "\"a=b\"", "-numReduceTasks", "-cmdenv", "-5", "streamjob", "-lazyOutput",
            ]).prop_map(OsString::from),
            prop::collection::vec(any::<u8>(), 0..8).prop_map(OsString::from_vec),
        ], 0..10)
    ) {
        drop(mr_stream::cli::args::parse(words));
    }

    #[test]
    fn key_options(text in words_of(&["-k", "1", "2", ",", ".", "n", "r", "-", " ", "0", "99999999999", "-nr"])) {
        drop(parse_key_specs(&text));
    }

    #[test]
    fn commands(text in words_of(&["'", "\"", " ", "a", "\\", "\t", "é"])) {
        for word in split_args(&text) {
            prop_assert!(!word.is_empty());
        }
    }

    #[test]
    fn globs(text in words_of(&["*", "?", "[", "]", "{", "}", ",", "^", "-", "\\", "a", "/", "..", "!"])) {
        let settings = ListSettings { recursive: false, ignore_subdirs: false, map_files: false, cwd: "/nowhere".into(), hdfs_root: "/nowhere/hdfs".into() };
        drop(list(&[text], &settings));
    }

    #[test]
    fn properties(
        pairs in prop::collection::vec((
            prop::sample::select(vec![
                "mapreduce.job.reduces", "mapreduce.task.io.sort.mb", "stream.num.map.output.key.fields",
                "mapreduce.partition.keycomparator.options", "mapreduce.job.maps", "mapred.reduce.tasks", "x",
                "mapreduce.input.fileinputformat.split.minsize", "stream.map.output.field.separator",
                "mapreduce.output.fileoutputformat.compress", "mapreduce.map.maxattempts", "fs.defaultFS",
                "mapreduce.input.linerecordreader.line.maxlength", "fs.local.block.size", "stream.map.output",
            ]),
            words_of(&["${x}", "${", "}", "${env.PATH:-y}", "1", "-1", "0x", "true", "k", "999999999999999999", ","]),
        ), 0..6)
    ) {
        let options = StreamOptions {
            properties: pairs.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
            inputs: vec!["in".into()],
            output: Some("out".into()),
            mapper: Some("cat".into()),
            ..StreamOptions::default()
        };
        drop(resolve(&options, &host()));
    }

    #[test]
    fn configuration_files(
        text in words_of(&[
            "<configuration>", "</configuration>", "<property>", "</property>", "<name>", "</name>", "<value>", "</value>",
            "a", "&lt;", "&x;", "<!--", "-->", "<![CDATA[", "]]>", "<!DOCTYPE x [<!ENTITY y 'z'>]>", "<final>true</final>",
            "<?xml version='1.0'?>", "<xi:include href='a'/>", "<property name='a' value='b'/>",
        ])
    ) {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("conf.xml");
        std::fs::write(&file, text).unwrap();
        let options = StreamOptions {
            conf_files: vec![file],
            inputs: vec!["in".into()],
            output: Some("out".into()),
            ..StreamOptions::default()
        };
        drop(resolve(&options, &host()));
    }

    #[test]
    fn splits_tile_any_files(
        lengths in prop::collection::vec(prop_oneof![0..200u64, any::<u64>().prop_map(|n| n >> 20)], 0..6),
        (maps_wanted, split_bytes_min, split_bytes_max) in (0..50u64, 1..300u64, 0..500u64),
        block_bytes in prop_oneof![Just(None), (1..300u64).prop_map(Some)],
        format in prop::sample::select(vec![InputFormat::Text, InputFormat::CombineText, InputFormat::SequenceFile]),
    ) {
        // Splits of a byte of a file of terabytes would be a test of our patience.
        let least = lengths.iter().sum::<u64>() / 200 + 1;
        let block_bytes = block_bytes.map(|bytes| bytes.max(least));
        let split_bytes_max = if split_bytes_max == 0 { 0 } else { split_bytes_max.max(least) };
        let settings = SplitSettings {
            format, maps_wanted, split_bytes_min, split_bytes_max, block_bytes, lines_per_map: 1,
            streams: StreamSplits::BySize,
        };
        let files: Vec<_> = lengths.iter().enumerate()
            .map(|(number, &length)| InputFile { path: PathBuf::from(format!("/f{number}")), length, stamp: None })
            .collect();
        let tasks = splitter::plan_splits(&files, &settings);
        let total: u64 = tasks.iter().map(mr_stream::plan::MapTask::length).sum();
        prop_assert_eq!(total, lengths.iter().sum::<u64>());
    }

    #[test]
    fn plan_documents(damage in damage(), noise in prop::collection::vec(any::<u8>(), 0..40)) {
        drop(wire::from_bytes::<JobPlan>(&noise));
        let good = wire::to_bytes(&vec![("a".to_owned(), 1u64), ("b".to_owned(), 2)]);
        drop(wire::from_bytes::<Vec<(String, u64)>>(&damaged(good, &damage)));
    }

    #[test]
    fn sequence_files(which in 0..5usize, damage in damage(), from in 0..400u64) {
        let bytes = damaged(sample_sequence_files().swap_remove(which), &damage);
        let length = bytes.len() as u64;
        let Ok(mut reader) = SequenceReader::open(Cursor::new(bytes), length) else { return Ok(()) };
        if from > 100 && reader.sync(from).is_err() {
            return Ok(());
        }
        for _ in 0..100_000 {
            match reader.next_record() {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return Ok(()),
            }
        }
        prop_assert!(false, "a small file has no hundred thousand records");
    }

    #[test]
    fn compressed_streams(
        which in 0..6usize,
        data in prop::collection::vec(prop::sample::select(b"ab\n\0".to_vec()), 0..2000),
        damage in damage(),
    ) {
        let codec = CODECS[which];
        let bytes = damaged(encoded(codec, &data), &damage);
        let mut decoded = Vec::new();
        let source: Box<dyn Read + Send> = Box::new(Cursor::new(bytes));
        let outcome = codec.decoder(source).take(DECODED_BYTES_MAX).read_to_end(&mut decoded);
        if damage.is_empty() {
            prop_assert!(outcome.is_ok() && decoded == data);
        }
    }

    #[test]
    fn lines_of_compressed_files(which in 0..6usize, cut in 0..200u64, damage in damage()) {
        let codec = CODECS[which];
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join(format!("in{}", codec.extension()));
        let twice = [encoded(codec, b"one\r\ntwo\rthree\n\nfour"), encoded(codec, b"five\r\rsix\n")].concat();
        let bytes = damaged(twice, &damage);
        std::fs::write(&path, &bytes).unwrap();
        let length = bytes.len() as u64;
        let cut = cut.min(length);
        let cut_stream_bytes = (!codec.splittable() && cut > 0).then_some(length);
        for (start, length) in [(0, cut), (cut, length - cut)] {
            let split = InputSplit { cut_stream_bytes, ..InputSplit::new(path.clone(), start, length, Some(codec)) };
            let mut reader = input::LineReader::new(vec![split], &input::LineOptions::default());
            while let Ok(Some(block)) = reader.next_block() {
                // A line that is longer than the buffer comes in pieces, of which only the last one counts.
                prop_assert!(block.records == 0 || block.bytes.ends_with(b"\n"));
            }
        }
    }

    #[test]
    fn xml_records(
        text in words_of(&["<a>", "</a>", "<a", "x", "\n", "<![CDATA[", "]]>", "é", "<a>text</a>", "</"]),
        begin in words_of(&["<a>", "<", "a", "(", "[", "*", ".", "\\s"]),
        end in words_of(&["</a>", "<", "/", ")", "]", "+", "?"]),
        slow_match in any::<bool>(),
        (record_bytes_max, look_ahead_bytes) in (0..100u32, 0..100u32),
        (from, to) in (0..100u64, 0..100u64),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("in");
        std::fs::write(&path, &text).unwrap();
        let to = to.min(text.len() as u64);
        let split = InputSplit::new(path, from.min(to), to - from.min(to), None);
        let spec = InputSpec {
            format: InputFormat::Text,
            record_delimiter: None,
            line_bytes_max: u64::MAX,
            key_value_separator: b'\t',
            record_bytes: 1,
            xml_reader: Some(XmlReaderSpec { begin, end, slow_match, record_bytes_max, look_ahead_bytes }),
        };
        let Ok(mut reader) = input::open(&spec, &MapTask { splits: vec![split] }, &StopFlag::default(), 1 << 30) else { return Ok(()) };
        for _ in 0..10_000 {
            match reader.records().next_record() {
                Ok(Some(_)) => {}
                Ok(None) | Err(_) => return Ok(()),
            }
        }
        prop_assert!(false, "a small file has no ten thousand records");
    }
}

fn encoded(codec: Codec, data: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut encoder: Box<dyn FinishWrite + '_> = codec.encoder(Box::new(Shared(&mut bytes))).unwrap();
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap();
    bytes
}

/// Writes to bytes that outlive the writer.
struct Shared<'a>(&'a mut Vec<u8>);

impl Write for Shared<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
