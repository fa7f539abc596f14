//! Files of real Hadoop, files of our own in every form, cut and broken files, and starting anywhere.

use super::*;
use crate::codec::Codec;
use crate::record::RecordRef;
use proptest::prelude::*;
use std::io::Cursor;
use std::path::Path;

type Records = Vec<(Vec<u8>, Vec<u8>)>;

fn fixture(name: &str) -> Vec<u8> {
    std::fs::read(Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats").join(name)).unwrap()
}

fn open(file: &[u8]) -> Result<SequenceReader<Cursor<&[u8]>>, SequenceFileError> {
    SequenceReader::open(Cursor::new(file), file.len() as u64)
}

fn rest<R: io::Read + io::Seek>(reader: &mut SequenceReader<R>) -> Result<Records, SequenceFileError> {
    let mut records = Vec::new();
    while let Some(record) = reader.next_record()? {
        records.push((record.key.to_vec(), record.value.to_vec()));
    }
    Ok(records)
}

fn read(file: &[u8]) -> Result<Records, SequenceFileError> {
    rest(&mut open(file)?)
}

fn spec(compression: Compression, codec: Codec) -> SequenceSpec {
    SequenceSpec {
        key_class: "org.apache.hadoop.io.Text".to_owned(),
        value_class: "org.apache.hadoop.io.Text".to_owned(),
        compression,
        codec,
        block_bytes: BLOCK_BYTES,
        marker: sync_marker(b"test"),
    }
}

fn write(spec: SequenceSpec, records: &Records) -> Vec<u8> {
    let mut file = Vec::new();
    let mut writer = SequenceWriter::new(&mut file, spec).unwrap();
    for (key, value) in records {
        writer.append(RecordRef { key, value }).unwrap();
    }
    let length = writer.finish().unwrap();
    assert_eq!(length, file.len() as u64);
    file
}

fn numbered(count: usize, value_bytes: usize) -> Records {
    (0..count).map(|i| (format!("{i:05}").into_bytes(), vec![i as u8; value_bytes])).collect()
}

fn check_fixture(name: &str, classes: [&str; 2], records: &[(&[u8], &[u8])]) {
    let file = fixture(name);
    let header = open(&file).unwrap().header().clone();
    assert_eq!([header.key_class.as_str(), header.value_class.as_str()], classes, "{name}");
    let found = read(&file).unwrap();
    let found: Vec<(&[u8], &[u8])> = found.iter().map(|(k, v)| (&k[..], &v[..])).collect();
    assert_eq!(found, records, "{name}");
}

const TEXT: &str = "org.apache.hadoop.io.Text";
const LONG: &str = "org.apache.hadoop.io.LongWritable";
const BYTES: &str = "org.apache.hadoop.io.BytesWritable";

/// The records of `block.seq`, and with other keys of `mapfile/data`.
const FRUIT: [(&[u8], &[u8]); 7] = [
    (b"\x05apple", b"\x017"),
    (b"\x03fig", b"\x011"),
    (b"\x04kiwi", b"\x014"),
    (b"\x04lime", b"\x016"),
    (b"\x04pear", b"\x013"),
    (b"\x04plum", b"\x0210"),
    (b"\x06quince", b"\x012"),
];

#[test]
fn files_of_hadoop_jobs_are_read() {
    check_fixture("empty.seq", [TEXT, TEXT], &[]);
    check_fixture("block.seq", [TEXT, TEXT], &FRUIT);
    check_fixture("mapfile/data", [TEXT, TEXT], &FRUIT);
    check_fixture("mapfile/index", [TEXT, LONG], &[(b"\x05apple", &[0, 0, 0, 0, 0, 0, 0, 78])]);
    check_fixture(
        "bytes-bytes.seq",
        [BYTES, BYTES],
        &[
            (b"\0\0\0\x02k1", b"\0\0\0\x02v1"),
            (b"\0\0\0\x02\0\xff", b"\0\0\0\x03a\tb"),
            (b"\0\0\0\0", b"\0\0\0\x01\x80"),
        ],
    );
    let long = read(&fixture("long-text.seq")).unwrap();
    assert_eq!(long[2], (vec![0, 0, 0, 0, 0, 0, 0, 16], b"\x12charlie\t3 and more".to_vec()));
    assert_eq!(long.len(), 6);
}

#[test]
fn the_same_records_make_the_bytes_of_hadoop() {
    for name in
        ["empty.seq", "text-text.seq", "long-text.seq", "bytes-bytes.seq", "typed.seq", "mapfile/data"]
    {
        let file = fixture(name);
        let header = open(&file).unwrap().header().clone();
        let spec = SequenceSpec {
            key_class: header.key_class,
            value_class: header.value_class,
            compression: header.compression,
            codec: header.codec,
            block_bytes: BLOCK_BYTES,
            marker: header.marker,
        };
        assert_eq!(write(spec, &read(&file).unwrap()), file, "{name}");
    }
}

#[test]
fn every_form_is_read_as_it_was_written() {
    let codecs = [
        Codec::Deflate,
        Codec::Gzip,
        Codec::Bzip2,
        Codec::Zstd,
        Codec::Snappy,
        Codec::Lz4,
        Codec::DeflateAlias,
    ];
    for compression in [Compression::None, Compression::Record, Compression::Block] {
        for codec in codecs {
            // Long enough for several markers and two blocks.
            for records in [numbered(0, 0), numbered(50, 3), numbered(30, 50_000)] {
                let file = write(spec(compression, codec), &records);
                let mut reader = open(&file).unwrap();
                assert_eq!(reader.header().compression, compression);
                assert!(rest(&mut reader).unwrap() == records, "{compression:?} {codec:?}");
                assert_eq!(reader.position(), file.len() as u64);
                assert!(reader.next_record().unwrap().is_none());
            }
        }
    }
}

#[test]
fn markers_come_at_hadoop_s_interval() {
    let marker = sync_marker(b"test");
    let file = write(spec(Compression::None, Codec::Deflate), &numbered(300, 987));
    let found: Vec<usize> = memchr::memmem::find_iter(&file, &marker).collect();
    // The header has 78 bytes, a record 1000; markers are due 102400 bytes after the last one's end.
    assert_eq!(found, [62, 78 + 103_000 + 4, 78 + 103_000 + 20 + 103_000 + 4]);
}

#[test]
fn a_cut_file_is_an_error_unless_cut_between_records() {
    for compression in [Compression::None, Compression::Record, Compression::Block] {
        let mut ends = vec![];
        let records = numbered(3, 5);
        for count in 0..=3 {
            ends.push(write(spec(compression, Codec::Deflate), &records[..count].to_vec()).len());
        }
        let file = write(spec(compression, Codec::Deflate), &records);
        for cut in 0..file.len() {
            // A block's end is an end only if it is this file's.
            let whole = ends.contains(&cut) && (compression != Compression::Block || cut == ends[0]);
            assert_eq!(read(&file[..cut]).is_ok(), whole, "{compression:?} cut at {cut}");
        }
    }
}

fn check_refused(file: &[u8], at: u64, what: &str) {
    match read(file).unwrap_err() {
        SequenceFileError::Malformed { offset, what: said } => {
            assert_eq!(offset, at, "{said}");
            assert!(said.contains(what), "{said:?} should say {what:?}");
        }
        error => panic!("{error}"),
    }
}

#[test]
fn malformed_files_are_refused_with_their_place() {
    check_refused(b"", 0, "not a sequence file");
    check_refused(b"text, not a sequence file", 0, "not a sequence file");
    check_refused(b"SEQ", 3, "cut short");
    check_refused(b"SEQ\x07", 3, "version 7, expected 4 to 6");
    check_refused(b"SEQ\x03", 3, "version 3");
    check_refused(b"SEQ\x06\x87\xff", 4, "header is -256");
    let changed = |name: &str, at: usize, bytes: &[u8]| {
        let mut file = fixture(name);
        file[at..at + bytes.len()].copy_from_slice(bytes);
        file
    };
    check_refused(&changed("text-text.seq", 57, b"\x01"), 56, "not compressed");
    check_refused(&changed("text-text.seq", 58, &[0xff; 4]), 58, "-1 metadata");
    check_refused(&changed("text-text.seq", 78, &[0xff, 0xff, 0xff, 0xfe]), 78, "a record of -2 bytes");
    check_refused(&changed("text-text.seq", 78, &[0xff; 4]), 82, "not the file's own");
    check_refused(&changed("text-text.seq", 82, &[0, 0, 0, 9]), 78, "a key of 9");
    check_refused(&changed("text-text.seq", 78, &[0x7f, 0, 0, 0]), 86, "cut short");
    check_refused(&changed("block.seq", 80, b"X"), 58, "unknown codec");
    check_refused(&changed("block.seq", 122, &[0; 4]), 121, "where a block starts");
    check_refused(&changed("block.seq", 130, b"X"), 125, "not the file's own");
    check_refused(&changed("block.seq", 141, b"\0"), 121, "without records");
    check_refused(&changed("block.seq", 141, b"\x08"), 121, "needs 1 bytes");
    check_refused(&changed("block.seq", 144, b"X"), 121, "a block: corrupt");
}

#[test]
fn sync_finds_the_first_marker_behind_a_position() {
    let file = write(spec(Compression::None, Codec::Deflate), &numbered(300, 987));
    let (header, first, second) = (78, 78 + 103_000, 78 + 103_000 + 20 + 103_000);
    let length = file.len() as u64;
    let mut reader = open(&file).unwrap();
    let mut check = |from: u64, to: u64, records: usize| {
        reader.sync(from).unwrap();
        assert_eq!(reader.position(), to, "from {from}");
        assert_eq!(rest(&mut reader).unwrap().len(), records, "from {from}");
    };
    check(0, header, 300);
    check(header - 1, header, 300);
    check(header, first, 197);
    check(first - 1, first, 197);
    // The marker lies across two windows of the search.
    check(first + 8 - 65_536, first, 197);
    check(first, first, 197);
    check(first + 1, second, 94);
    check(second, second, 94);
    check(second + 1, length, 0);
    check(length - 20, length, 0);
    check(length, length, 0);
    check(length + 5, length, 0);

    let ended = [&file[..], &[0xff; 4], &sync_marker(b"test")].concat();
    let mut reader = open(&ended).unwrap();
    reader.sync(second + 1).unwrap();
    assert_eq!(reader.position(), ended.len() as u64, "a marker without records behind it");
}

/// Hadoop's older files: version 5 has no metadata, version 4 no codec name either.
#[test]
fn older_versions_are_read() {
    let file = fixture("text-text.seq");
    for version in [4, 5] {
        let mut old = [&file[..58], &file[62..]].concat();
        old[3] = version;
        assert_eq!(read(&old).unwrap(), read(&file).unwrap());
    }
    let block = fixture("block.seq");
    let codec_name = 58..58 + 43;
    let mut old = [&block[..codec_name.start], &block[codec_name.end + 4..]].concat();
    old[3] = 4;
    assert_eq!(read(&old).unwrap(), read(&block).unwrap());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]
    #[test]
    fn a_changed_byte_never_panics(at: usize, byte: u8) {
        for name in ["block.seq", "text-text.seq"] {
            let mut file = fixture(name);
            let at = at % file.len();
            file[at] = byte;
            let _unused = read(&file);
        }
    }
}
