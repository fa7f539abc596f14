//! `SequenceFileOutputFormat`, its form for serialised bytes, and `MapFileOutputFormat`.
//!
//! The writers here write to any destination; [`create`] gives them files.

use super::part_file::PartFile;
use super::{OutputError, RecordWriter, Stored};
use crate::codec::Codec;
use crate::error::At;
use crate::plan::{OutputFormat, OutputSpec};
use crate::record::RecordRef;
use crate::sequence_file::{Compression, SequenceSpec, SequenceWriter, sync_marker};
use crate::writable::WritableKind;
use std::cmp::Ordering;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Name of the file of records in a map file. Hadoop: `MapFile.DATA_FILE_NAME`.
const DATA_FILE: &str = "data";

/// Name of the file of keys and positions in a map file. Hadoop: `MapFile.INDEX_FILE_NAME`.
const INDEX_FILE: &str = "index";

/// Makes the output of one attempt at `path`: a file, or the folder of a map file. The sync markers are made from
/// `seed`.
pub(super) fn create(
    spec: &OutputSpec,
    path: &Path,
    seed: u64,
) -> Result<Box<dyn RecordWriter>, OutputError> {
    if spec.format != OutputFormat::MapFile {
        let (file, destination) = part(path, "", seed)?;
        let writer = sequence_file(spec, destination)?;
        return Ok(Box::new(FileWriter { writer, files: vec![file] }));
    }
    let (data_file, data) = part(path, DATA_FILE, seed)?;
    let (index_file, index) = part(path, INDEX_FILE, seed)?;
    let writer = map_file(spec, data, index)?;
    Ok(Box::new(FileWriter { writer, files: vec![data_file, index_file] }))
}

/// Makes the file `name` in the folder `path`, or the file `path` if there is no name.
fn part(path: &Path, name: &str, seed: u64) -> Result<(PartFile, Destination), OutputError> {
    let path = if name.is_empty() { path.to_path_buf() } else { path.join(name) };
    let file = PartFile::create(&path)?;
    let marker = sync_marker(&[&seed.to_le_bytes(), name.as_bytes()].concat());
    Ok((file.clone(), Destination { out: Box::new(file), path, marker }))
}

/// A writer and the files it writes to, which are told when it is done.
struct FileWriter {
    writer: Box<dyn RecordWriter>,
    files: Vec<PartFile>,
}

impl RecordWriter for FileWriter {
    fn write(&mut self, record: RecordRef<'_>) -> Result<(), OutputError> {
        self.writer.write(record)
    }

    fn finish(self: Box<Self>) -> Result<Stored, OutputError> {
        self.writer.finish()?;
        let mut stored = Stored::default();
        for file in self.files {
            let Stored { bytes, files } = file.finish()?;
            stored.bytes += bytes;
            stored.files.extend(files);
        }
        Ok(stored)
    }
}

/// Where a sequence file goes.
pub(super) struct Destination {
    /// Takes the bytes; is flushed at the end.
    pub(super) out: Box<dyn Write + Send>,
    /// Its name, for messages.
    pub(super) path: PathBuf,
    /// The file's sync marker.
    pub(super) marker: [u8; 16],
}

/// A writer of one sequence file: of payloads of the job's classes, or for `SequenceFileAsBinaryOutputFormat`
/// of `BytesWritable` that hold them serialised.
///
/// # Errors
/// The destination failed.
pub(super) fn sequence_file(
    spec: &OutputSpec,
    destination: Destination,
) -> Result<Box<dyn RecordWriter>, OutputError> {
    let kinds = match spec.format {
        OutputFormat::SequenceFileAsBinary => None,
        _ => Some((spec.key_kind.clone(), spec.value_kind.clone())),
    };
    let file = DataFile::create(destination, &spec.key_kind, &spec.value_kind, compression(spec), spec)?;
    Ok(Box::new(SequenceFileWriter { kinds, file, key: Vec::new(), value: Vec::new() }))
}

/// A writer of a map file. Hadoop: `MapFile.Writer`.
///
/// # Errors
/// A destination failed.
pub(super) fn map_file(
    spec: &OutputSpec,
    data: Destination,
    index: Destination,
) -> Result<Box<dyn RecordWriter>, OutputError> {
    let plain_spec = OutputSpec { codec: None, ..spec.clone() };
    Ok(Box::new(MapFileWriter {
        key_kind: spec.key_kind.clone(),
        value_kind: spec.value_kind.clone(),
        data: DataFile::create(data, &spec.key_kind, &spec.value_kind, compression(spec), spec)?,
        // The index is in blocks of Hadoop's default codec whatever the data is.
        index: DataFile::create(index, &spec.key_kind, &WritableKind::Long, Compression::Block, &plain_spec)?,
        records: 0,
        index_interval: spec.index_interval,
        indexed: None,
        last_key: Vec::new(),
        key: Vec::new(),
        value: Vec::new(),
    }))
}

fn compression(spec: &OutputSpec) -> Compression {
    match (spec.codec, spec.block_compressed) {
        (None, _) => Compression::None,
        (Some(_), false) => Compression::Record,
        (Some(_), true) => Compression::Block,
    }
}

/// A sequence file whose errors name it.
struct DataFile {
    writer: SequenceWriter<Box<dyn Write + Send>>,
    path: PathBuf,
}

impl DataFile {
    fn create(
        destination: Destination,
        key_kind: &WritableKind,
        value_kind: &WritableKind,
        compression: Compression,
        spec: &OutputSpec,
    ) -> Result<Self, OutputError> {
        let file_spec = SequenceSpec {
            key_class: key_kind.class_name().to_owned(),
            value_class: value_kind.class_name().to_owned(),
            compression,
            codec: spec.codec.unwrap_or(Codec::Deflate),
            // A block ends when it is at least as long, so that 0 does for what is below it.
            block_bytes: usize::try_from(spec.block_bytes).unwrap_or(0),
            marker: destination.marker,
        };
        let path = destination.path;
        let writer = SequenceWriter::new(destination.out, file_spec).at("write output file", &path)?;
        Ok(Self { writer, path })
    }

    fn append(&mut self, key: &[u8], value: &[u8]) -> Result<(), OutputError> {
        Ok(self.writer.append(RecordRef { key, value }).at("write output file", &self.path)?)
    }

    fn finish(self) -> Result<u64, OutputError> {
        Ok(self.writer.finish().at("write output file", &self.path)?)
    }
}

/// Replaces `bytes` with the serialised form of a payload.
fn serialize<'a>(kind: &WritableKind, payload: &[u8], bytes: &'a mut Vec<u8>) -> &'a [u8] {
    bytes.clear();
    kind.write_serialized(payload, bytes);
    bytes
}

struct SequenceFileWriter {
    /// `None` when records come serialised.
    kinds: Option<(WritableKind, WritableKind)>,
    file: DataFile,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl RecordWriter for SequenceFileWriter {
    fn write(&mut self, record: RecordRef<'_>) -> Result<(), OutputError> {
        let Some((key_kind, value_kind)) = &self.kinds else {
            return self.file.append(record.key, record.value);
        };
        let key = serialize(key_kind, record.key, &mut self.key);
        let value = serialize(value_kind, record.value, &mut self.value);
        self.file.append(key, value)
    }

    fn finish(self: Box<Self>) -> Result<Stored, OutputError> {
        Ok(Stored { bytes: self.file.finish()?, files: Vec::new() })
    }
}

struct MapFileWriter {
    key_kind: WritableKind,
    value_kind: WritableKind,
    data: DataFile,
    index: DataFile,
    /// Records written.
    records: u64,
    /// Records from one index entry to the next.
    index_interval: i32,
    /// The last index entry: which record it is of, and the position it holds.
    indexed: Option<(u64, u64)>,
    /// Payload of the last key.
    last_key: Vec<u8>,
    key: Vec<u8>,
    value: Vec<u8>,
}

impl MapFileWriter {
    /// Refuses a key below the one before it, in the class's own order.
    fn check_order(&mut self, key: &[u8]) -> Result<(), OutputError> {
        if self.records > 0 && self.key_kind.compare(&self.last_key, key) == Ordering::Greater {
            let shown = |payload: &[u8]| {
                let mut text = Vec::new();
                match self.key_kind.write_display(payload, &mut text) {
                    Ok(()) => String::from_utf8_lossy(&text).into_owned(),
                    Err(_) => format!("{payload:02x?}"),
                }
            };
            return Err(OutputError::Record(format!(
                "cannot write map file {}: key out of order: {} after {}, expected keys in the order of {}",
                self.data.path.display(),
                shown(key),
                shown(&self.last_key),
                self.key_kind.class_name(),
            )));
        }
        self.last_key.clear();
        self.last_key.extend_from_slice(key);
        Ok(())
    }

    /// Whether the next record gets an index entry. In blocks many records have one position, which is
    /// listed once.
    fn index_due(&self, position: u64) -> bool {
        let Ok(interval) = u64::try_from(self.index_interval) else {
            // Hadoop counts from the least number there is, and a step back from there is out of reach.
            return false;
        };
        self.indexed.is_none_or(|(record, last)| self.records >= record + interval && position > last)
    }
}

impl RecordWriter for MapFileWriter {
    fn write(&mut self, record: RecordRef<'_>) -> Result<(), OutputError> {
        self.check_order(record.key)?;
        let position = self.data.writer.position();
        let index_due = self.index_due(position);
        let key = serialize(&self.key_kind, record.key, &mut self.key);
        if index_due {
            self.index.append(key, &position.to_be_bytes())?;
            self.indexed = Some((self.records, position));
        }
        let value = serialize(&self.value_kind, record.value, &mut self.value);
        self.data.append(key, value)?;
        self.records += 1;
        Ok(())
    }

    fn finish(self: Box<Self>) -> Result<Stored, OutputError> {
        Ok(Stored { bytes: self.data.finish()? + self.index.finish()?, files: Vec::new() })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::spec as text_spec;
    use super::*;
    use crate::sequence_file::SequenceReader;
    use std::io::Cursor;

    type Records = Vec<(Vec<u8>, Vec<u8>)>;

    fn spec(format: OutputFormat, codec: Option<Codec>, block_compressed: bool, dir: &Path) -> OutputSpec {
        OutputSpec { codec, block_compressed, ..text_spec(format, dir) }
    }

    fn write(spec: &OutputSpec, path: &Path, records: &[(&[u8], &[u8])]) -> Result<u64, OutputError> {
        let mut writer = create(spec, path, 1)?;
        for (key, value) in records {
            writer.write(RecordRef { key, value })?;
        }
        Ok(writer.finish()?.bytes)
    }

    fn read(path: &Path) -> (Compression, Records) {
        let file = std::fs::read(path).unwrap();
        let mut reader = SequenceReader::open(Cursor::new(&file), file.len() as u64).unwrap();
        let mut records = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            records.push((record.key.to_vec(), record.value.to_vec()));
        }
        (reader.header().compression, records)
    }

    /// Writes a and b and expects these serialised records.
    fn check(
        format: OutputFormat,
        kind: &WritableKind,
        (codec, blocks): (Option<Codec>, bool),
        compression: Compression,
        expect: &[u8],
    ) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("part-00000");
        let mut spec = spec(format, codec, blocks, dir.path());
        (spec.key_kind, spec.value_kind) = (kind.clone(), kind.clone());
        let stored = write(&spec, &path, &[(b"a", b"a")]).unwrap();
        assert_eq!(stored, path.metadata().unwrap().len());
        assert_eq!(
            read(&path),
            (compression, vec![(expect.to_vec(), expect.to_vec())]),
            "{format:?} {kind:?}"
        );
    }

    #[test]
    fn records_are_serialised_by_their_class() {
        use OutputFormat::{SequenceFile, SequenceFileAsBinary};
        let zlib = Some(Codec::Deflate);
        check(SequenceFile, &WritableKind::Text, (None, true), Compression::None, b"\x01a");
        check(SequenceFile, &WritableKind::Bytes, (None, false), Compression::None, b"\0\0\0\x01a");
        check(SequenceFile, &WritableKind::Text, (zlib, false), Compression::Record, b"\x01a");
        check(SequenceFile, &WritableKind::Text, (Some(Codec::Snappy), true), Compression::Block, b"\x01a");
        check(SequenceFileAsBinary, &WritableKind::Text, (None, false), Compression::None, b"a");
        check(SequenceFileAsBinary, &WritableKind::Text, (zlib, true), Compression::Block, b"a");
    }

    #[test]
    fn a_small_map_file_is_hadoop_s_but_for_its_marker() {
        let dir = tempfile::tempdir().unwrap();
        let part = dir.path().join("part-00000");
        let fruit: [(&[u8], &[u8]); 7] = [
            (b"apple", b"7"),
            (b"fig", b"1"),
            (b"kiwi", b"4"),
            (b"lime", b"6"),
            (b"pear", b"3"),
            (b"plum", b"10"),
            (b"quince", b"2"),
        ];
        let spec = spec(OutputFormat::MapFile, None, false, dir.path());
        let stored = write(&spec, &part, &fruit).unwrap();
        let hadoop = Path::new(env!("CARGO_MANIFEST_DIR")).join("testdata/formats/mapfile");
        let mut length = 0;
        for name in ["data", "index"] {
            assert_eq!(read(&part.join(name)), read(&hadoop.join(name)), "{name}");
            length += part.join(name).metadata().unwrap().len();
        }
        assert_eq!(stored, length);
    }

    /// A map file's index, in numbers of records, with a blocksize and an index interval.
    fn indexed(codec: Option<Codec>, sizes: (i32, i32), records: u64, value: &[u8]) -> Vec<u64> {
        let dir = tempfile::tempdir().unwrap();
        let part = dir.path().join("part-00000");
        let mut spec = spec(OutputFormat::MapFile, codec, true, dir.path());
        spec.key_kind = WritableKind::Long;
        (spec.block_bytes, spec.index_interval) = sizes;
        let mut writer = create(&spec, &part, 1).unwrap();
        for number in 0..records {
            writer.write(RecordRef { key: &number.to_be_bytes(), value }).unwrap();
        }
        writer.finish().unwrap();
        let number = |bytes: Vec<u8>| u64::from_be_bytes(bytes.try_into().unwrap());
        read(&part.join("index")).1.into_iter().map(|(key, _)| number(key)).collect()
    }

    #[test]
    fn the_index_has_every_so_manieth_record_or_every_block() {
        let sizes = (1_000_000, 128);
        assert_eq!(indexed(None, sizes, 0, b""), [0_u64; 0]);
        assert_eq!(indexed(None, sizes, 128, b""), [0]);
        assert_eq!(indexed(None, sizes, 300, b"value"), [0, 128, 256]);
        assert_eq!(indexed(None, (1_000_000, 100), 300, b"value"), [0, 100, 200]);
        assert_eq!(indexed(None, (1_000_000, 0), 3, b"value"), [0, 1, 2]);
        assert_eq!(indexed(None, (1_000_000, -1), 300, b"value"), [0_u64; 0]);
        let zlib = Some(Codec::Deflate);
        // All in one block.
        assert_eq!(indexed(zlib, sizes, 300, b"value"), [0]);
        // Blocks of 100 records: the first entry in a new block once 128 records have passed.
        assert_eq!(indexed(zlib, sizes, 400, &[0; 9_990]), [0, 128, 256, 384]);
        // Blocks of 10 records, with 8 + 2 bytes each.
        assert_eq!(indexed(zlib, (100, 1), 25, b"v"), [0, 10, 20]);
    }

    /// How many records each block of a file holds: its positions, counted.
    fn blocks(block_bytes: i32, records: u64) -> Vec<usize> {
        let dir = tempfile::tempdir().unwrap();
        let mut spec = spec(OutputFormat::SequenceFile, Some(Codec::Deflate), true, dir.path());
        (spec.key_kind, spec.block_bytes) = (WritableKind::Long, block_bytes);
        let path = dir.path().join("part-00000");
        let mut writer = create(&spec, &path, 1).unwrap();
        for number in 0..records {
            writer.write(RecordRef { key: &number.to_be_bytes(), value: b"v" }).unwrap();
        }
        writer.finish().unwrap();
        let file = std::fs::read(path).unwrap();
        // Each block stands behind an escape and the marker, which also ends the header.
        let marker = sync_marker(&1_u64.to_le_bytes());
        let sync = [&[0xFF; 4][..], &marker].concat();
        let starts = memchr::memmem::find_iter(&file, &sync);
        starts.map(|at| usize::from(file[at + sync.len()])).collect()
    }

    /// Hadoop: `SequenceFile.BlockCompressWriter.append`: keys and values serialised, ten bytes each here.
    #[test]
    fn a_block_ends_with_the_record_that_fills_it() {
        let check =
            |block_bytes, expect: &[usize]| assert_eq!(blocks(block_bytes, 10), expect, "{block_bytes}");
        check(1_000_000, &[10]);
        check(100, &[10]);
        check(41, &[5, 5]);
        check(40, &[4, 4, 2]);
        check(1, &[1; 10]);
        check(0, &[1; 10]);
        check(-5, &[1; 10]);
    }

    #[test]
    fn a_map_file_s_keys_must_not_decrease() {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec(OutputFormat::MapFile, None, false, dir.path());
        let part = dir.path().join("part-00000");
        write(&spec, &part, &[(b"a", b""), (b"a", b""), (b"b", b"")]).unwrap();
        let error = write(&spec, &part, &[(b"b", b""), (b"a", b"")]).unwrap_err().to_string();
        assert!(error.contains("part-00000/data: key out of order: a after b"), "{error}");
    }

    #[test]
    fn the_marker_depends_on_the_seed_and_not_on_the_path() {
        let dir = tempfile::tempdir().unwrap();
        let spec = spec(OutputFormat::SequenceFile, None, false, dir.path());
        let bytes = |name: &str, seed| {
            let path = dir.path().join(name);
            create(&spec, &path, seed).unwrap().finish().unwrap();
            std::fs::read(&path).unwrap()
        };
        assert_eq!(bytes("attempt_1/part-00000", 1), bytes("attempt_2/part-00000", 1));
        assert_ne!(bytes("part-00000", 1), bytes("part-00000", 2));
    }

    #[test]
    fn a_full_disk_is_an_error_that_names_the_file() {
        let spec = spec(OutputFormat::SequenceFile, None, false, Path::new("/"));
        let error = write(&spec, Path::new("/dev/full"), &[]).unwrap_err();
        assert_eq!(error.to_string(), "cannot write output file /dev/full");
    }
}
