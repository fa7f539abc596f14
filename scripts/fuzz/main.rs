//! Bytes that a coverage-guided fuzzer makes up, for one reader at a time: a value or an error must come of them, no
//! panic, no hang and no memory without bounds. `scripts/fuzz.sh` builds and runs it.
//!
//! `MRSTREAM_FUZZ_READER` names the reader, `MRSTREAM_FUZZ_DIR` an empty folder for its files. With
//! `MRSTREAM_FUZZ_SEEDS`, a folder, sound bytes for the reader are written there instead.
#![no_main]

use libfuzzer_sys::fuzz_target;
use mr_stream::archive::{Allowance, ArchiveKind, unpack};
use mr_stream::codec::Codec;
use mr_stream::conf::{HostFacts, StreamOptions, resolve};
use mr_stream::fuzz;
use mr_stream::input::{self, LineOptions, LineReader};
use mr_stream::output::journal::{Entry, MapOutput};
use mr_stream::plan::{InputFormat, InputSpec, InputSplit, JobPlan, MapTask, XmlReaderSpec, wire};
use mr_stream::report::record::RunRecord;
use mr_stream::sequence_file::SequenceReader;
use mr_stream::stop::StopFlag;
use std::io::{Cursor, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::LazyLock;
use std::{env, fs, process};

const CODECS: [Codec; 6] =
    [Codec::Gzip, Codec::Deflate, Codec::Bzip2, Codec::Zstd, Codec::Snappy, Codec::Lz4];

const ARCHIVES: [ArchiveKind; 4] = [ArchiveKind::Tar, ArchiveKind::TarGz, ArchiveKind::Zip, ArchiveKind::Jar];

/// A stream may not blow up beyond this many bytes before it is left alone.
const DECODED_BYTES_MAX: u64 = 1 << 20;

/// Of a file so many records are read at most: some formats have records of no bytes.
const RECORDS_MAX: usize = 10_000;

/// A reader: its name, what it does with bytes, and sound bytes for it.
type Reader = (&'static str, fn(&[u8]), fn(&Path) -> Vec<Vec<u8>>);

const READERS: [Reader; 8] = [
    ("segments", segments, segment_seeds),
    ("plans", plans, plan_seeds),
    ("xml", xml, xml_seeds),
    ("sequence-files", sequence_files, no_seeds),
    ("codecs", codecs, codec_seeds),
    ("archives", archives, archive_seeds),
    ("children", children, no_seeds),
    ("splits", splits, codec_seeds),
];

/// The reader of this process, and a folder for its files.
static CHOSEN: LazyLock<(Reader, PathBuf)> = LazyLock::new(|| {
    let name = env::var("MRSTREAM_FUZZ_READER").unwrap_or_default();
    let reader = READERS.iter().find(|(known, ..)| *known == name);
    let Some(reader) = reader else { panic!("MRSTREAM_FUZZ_READER={name} is none of the readers") };
    let dir = PathBuf::from(env::var_os("MRSTREAM_FUZZ_DIR").expect("MRSTREAM_FUZZ_DIR is set"));
    if let Some(seeds) = env::var_os("MRSTREAM_FUZZ_SEEDS") {
        for (number, seed) in reader.2(&dir).iter().enumerate() {
            fs::write(Path::new(&seeds).join(number.to_string()), seed).unwrap();
        }
        process::exit(0);
    }
    (*reader, dir)
});

fuzz_target!(|bytes: &[u8]| (CHOSEN.0.1)(bytes));

fn no_seeds(_: &Path) -> Vec<Vec<u8>> {
    Vec::new()
}

/// A file in this process's folder.
fn file(name: &str, bytes: &[u8]) -> PathBuf {
    let path = CHOSEN.1.join(name);
    fs::write(&path, bytes).unwrap();
    path
}

fn segments(bytes: &[u8]) {
    drop(fuzz::read_spill(&file("spill", bytes)));
}

fn segment_seeds(dir: &Path) -> Vec<Vec<u8>> {
    let path = dir.join("spill");
    fuzz::write_spill(&path);
    vec![fs::read(&path).unwrap()]
}

fn plans(bytes: &[u8]) {
    if let Ok(plan) = wire::from_bytes::<JobPlan>(bytes) {
        drop(wire::to_json(&plan));
        let again = wire::to_bytes(&plan);
        assert!(wire::from_bytes::<JobPlan>(&again).is_ok());
    }
    for entry in fuzz::read_journal(bytes) {
        drop(wire::to_bytes(&entry));
    }
    drop(wire::from_bytes::<Entry>(bytes));
    if let Some(record) = RunRecord::from_json(bytes) {
        drop((record.line(0), record.show(), record.status(), record.list_line()));
    }
}

fn plan_seeds(_: &Path) -> Vec<Vec<u8>> {
    let options = StreamOptions {
        inputs: vec!["/dev/null".into()],
        output: Some("/nowhere".into()),
        mapper: Some("cat".into()),
        reducer: Some("cat".into()),
        ..StreamOptions::default()
    };
    let (conf, _) = mr_stream::job::Job::configure(&options, &host()).unwrap();
    let id = mr_stream::ids::JobId { stamp: "1".to_owned(), number: 1 };
    let plan = mr_stream::job::Job::plan(conf, &host(), id).unwrap().plan;
    let entry = wire::to_bytes(&Entry::MapOutput(MapOutput {
        pieces: vec![(0, 1), (2, 0)],
        path: "/nowhere/spill-1".into(),
        bytes: 5,
    }));
    let length = (entry.len() as u32).to_le_bytes();
    vec![wire::to_bytes(&plan), [&length[..], &entry, &length[..], &entry].concat()]
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
        command_line: Vec::new(),
        logs_dir: None,
        memory_bytes: 1 << 30,
        cores: 2,
        slots_max: 8,
    }
}

/// A configuration file; or, behind a zero byte, records between two tags, in two splits.
fn xml(bytes: &[u8]) {
    if let [0, cut, slow, text @ ..] = bytes {
        let path = file("records.xml", text);
        let length = text.len() as u64;
        let cut = u64::from(*cut).min(length);
        for (start, length) in [(0, cut), (cut, length - cut)] {
            let split = InputSplit::new(path.clone(), start, length, None);
            read_xml_records(split, *slow % 2 == 1);
        }
        return;
    }
    let options = StreamOptions {
        conf_files: vec![file("conf.xml", bytes)],
        inputs: vec!["/dev/null".into()],
        output: Some("/nowhere".into()),
        ..StreamOptions::default()
    };
    drop(resolve(&options, &host()));
}

fn read_xml_records(split: InputSplit, slow_match: bool) {
    let spec = InputSpec {
        format: InputFormat::Text,
        record_delimiter: None,
        line_bytes_max: u64::MAX,
        key_value_separator: b'\t',
        record_bytes: 1,
        xml_reader: Some(XmlReaderSpec {
            begin: "<a>".into(),
            end: "</a>".into(),
            slow_match,
            record_bytes_max: 300,
            look_ahead_bytes: 600,
        }),
    };
    let task = MapTask { splits: vec![split] };
    let Ok(mut reader) = input::open(&spec, &task, &StopFlag::default(), 1 << 30) else { return };
    while let Ok(Some(_)) = reader.records().next_record() {}
}

fn xml_seeds(_: &Path) -> Vec<Vec<u8>> {
    let conf = "<?xml version='1.0'?>\n<!DOCTYPE x [<!ENTITY y 'z'>]>\n<configuration><!-- c --><property><name>a</name>\
        <value>${b} &lt;&#x41;<![CDATA[<]]></value><final>true</final></property><property name='b' value='1'/>\
        <xi:include href='a'/></configuration>";
    let records = b"\0\x0a\0x<a>one</a>\n<a><![CDATA[</a>]]></a><a></a><a>open";
    vec![conf.into(), records.to_vec(), [b"\0\x0a\x01", &records[3..]].concat()]
}

fn sequence_files(bytes: &[u8]) {
    let Some((from, bytes)) = bytes.split_first() else { return };
    let Ok(mut reader) = SequenceReader::open(Cursor::new(bytes), bytes.len() as u64) else { return };
    if *from > 0 && reader.sync(u64::from(*from)).is_err() {
        return;
    }
    for _ in 0..RECORDS_MAX {
        let Ok(Some(_)) = reader.next_record() else { return };
    }
}

fn codec_of(number: u8) -> Codec {
    CODECS[usize::from(number) % CODECS.len()]
}

fn codecs(bytes: &[u8]) {
    let Some((number, bytes)) = bytes.split_first() else { return };
    let source: Box<dyn Read + Send> = Box::new(Cursor::new(bytes.to_vec()));
    let mut decoded = Vec::new();
    let outcome = codec_of(*number).decoder(source).take(DECODED_BYTES_MAX).read_to_end(&mut decoded);
    if outcome.is_ok() && (decoded.len() as u64) < DECODED_BYTES_MAX {
        let codec = codec_of(*number);
        let again = encoded(codec, &decoded);
        let mut back = Vec::new();
        codec.decoder(Box::new(Cursor::new(again))).read_to_end(&mut back).unwrap();
        assert!(back == decoded, "what was encoded is another when decoded");
    }
}

fn encoded(codec: Codec, data: &[u8]) -> Vec<u8> {
    let bytes = std::sync::Arc::new(std::sync::Mutex::new(Vec::new()));
    let mut encoder = codec.encoder(Box::new(Shared(bytes.clone()))).unwrap();
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap();
    bytes.lock().unwrap().clone()
}

/// Writes to bytes that outlive the writer.
struct Shared(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn codec_seeds(_: &Path) -> Vec<Vec<u8>> {
    let text = b"one\r\ntwo\rthree\n\nfour four four four four four four\n";
    let of = |number: u8| {
        let once = encoded(codec_of(number), text);
        [&[number][..], &once, &once].concat()
    };
    (0..CODECS.len() as u8).map(of).collect()
}

/// Lines of a packed file in two splits.
fn splits(bytes: &[u8]) {
    let [number, cut, bytes @ ..] = bytes else { return };
    let (codec, length) = (codec_of(*number), bytes.len() as u64);
    let path = file("in", bytes);
    let cut = u64::from(*cut).min(length);
    let cut_stream_bytes = (!codec.splittable() && cut > 0).then_some(length);
    for (start, length) in [(0, cut), (cut, length - cut)] {
        let split =
            InputSplit { cut_stream_bytes, ..InputSplit::new(path.clone(), start, length, Some(codec)) };
        let mut reader = LineReader::new(vec![split], &LineOptions::default());
        for _ in 0..RECORDS_MAX {
            let Ok(Some(block)) = reader.next_block() else { break };
            // A line that is longer than the buffer comes in pieces, of which only the last one counts.
            assert!(block.records == 0 || block.bytes.ends_with(b"\n"));
        }
    }
}

fn archives(bytes: &[u8]) {
    let Some((number, bytes)) = bytes.split_first() else { return };
    let (archive, into) = (file("archive", bytes), CHOSEN.1.join("into"));
    let beside = file("beside", b"untouched");
    let kind = ARCHIVES[usize::from(*number) % ARCHIVES.len()];
    let mut left = Allowance { bytes: 1 << 20, entries: 100 };
    drop(unpack(&archive, kind, &into, &mut left, &StopFlag::default()));
    assert!(fs::read(&beside).unwrap() == b"untouched", "an entry left its folder");
    assert!(fs::read_dir(&CHOSEN.1).unwrap().count() <= 3, "an entry left its folder");
    make_removable(&into);
    if into.exists() {
        fs::remove_dir_all(&into).unwrap();
    }
}

/// Folders of an archive may not be written to.
fn make_removable(dir: &Path) {
    use std::os::unix::fs::PermissionsExt;
    let Ok(there) = dir.symlink_metadata() else { return };
    if !there.is_dir() {
        return;
    }
    fs::set_permissions(dir, fs::Permissions::from_mode(0o700)).unwrap();
    for entry in fs::read_dir(dir).unwrap() {
        make_removable(&entry.unwrap().path());
    }
}

fn archive_seeds(_: &Path) -> Vec<Vec<u8>> {
    let mut tar = tar::Builder::new(Vec::new());
    let mut add = |kind: tar::EntryType, name: &str, link: &str, content: &str| {
        let mut header = tar::Header::new_gnu();
        header.set_entry_type(kind);
        header.set_mode(0o644);
        header.set_size(content.len() as u64);
        if !link.is_empty() {
            header.set_link_name(link).unwrap();
        }
        tar.append_data(&mut header, name, content.as_bytes()).unwrap();
    };
    add(tar::EntryType::Directory, "dir/", "", "");
    add(tar::EntryType::Regular, "dir/file", "", "text");
    add(tar::EntryType::Symlink, "dir/link", "file", "");
    add(tar::EntryType::Link, "hard", "dir/file", "");
    add(tar::EntryType::Regular, &"long/".repeat(40), "", "");
    let tar = tar.into_inner().unwrap();
    let packed = encoded(Codec::Gzip, &tar);
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, method) in [("a/b", zip::CompressionMethod::Deflated), ("c", zip::CompressionMethod::Stored)] {
        let options = zip::write::SimpleFileOptions::default().compression_method(method);
        zip.start_file(name, options).unwrap();
        zip.write_all(b"text text text").unwrap();
    }
    zip.add_symlink("link", "a/b", zip::write::SimpleFileOptions::default()).unwrap();
    let zip = zip.finish().unwrap().into_inner();
    [(0, &tar), (1, &packed), (2, &zip), (3, &zip)]
        .map(|(kind, bytes)| [&[kind][..], bytes].concat())
        .to_vec()
}

fn children(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    fuzz::read_child(*kind, bytes);
}
