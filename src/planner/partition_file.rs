//! The partition file of a total order: a sequence file of the cut points, one less than reduce tasks.
//! Hadoop: `TotalOrderPartitioner.readPartitions`, `InputSampler.writePartitionFile`.
//!
//! Which keys are cut points, and whether they suit a job, is not decided here.

use crate::codec::Codec;
use crate::conf::JobConf;
use crate::error::{At, IoError};
use crate::fs::File;
use crate::record::RecordRef;
use crate::sequence_file::{
    BLOCK_BYTES, Compression, SequenceReader, SequenceSpec, SequenceWriter, sync_marker,
};
use crate::writable::WritableKind;
use std::io::BufReader;
use std::path::{Path, PathBuf};

/// The partition file that a job reads, whether it exists or not; `None` for a job without a total order.
///
/// A file that is shipped under the name counts where there is none in place: in Hadoop tasks look for it in
/// their own folder.
pub fn path(conf: &JobConf) -> Option<PathBuf> {
    let file = conf.total_order.as_ref()?;
    let shipped = conf.cache.iter().find(|shipped| shipped.link == file.given);
    match shipped {
        Some(shipped) if !file.path.exists() => Some(shipped.path.clone()),
        _ => Some(file.path.clone()),
    }
}

/// The keys of a partition file, as payloads.
pub(super) fn read(
    path: &Path,
    kind: &WritableKind,
) -> Result<Vec<Vec<u8>>, Box<dyn std::error::Error + Send + Sync>> {
    let file = File::open(path)?;
    let length = file.metadata()?.len();
    let mut reader = SequenceReader::open(BufReader::new(file), length)?;
    let mut cuts = Vec::new();
    while let Some(record) = reader.next_record()? {
        cuts.push(kind.read_serialized(record.key)?.0.to_vec());
    }
    Ok(cuts)
}

/// Writes a partition file of these payloads, over one that exists, and the folders above it. As Hadoop's it
/// is record-compressed by the default codec.
///
/// # Errors
/// The disk refused.
pub fn write(path: &Path, kind: &WritableKind, cuts: &[Vec<u8>]) -> Result<(), IoError> {
    let spec = SequenceSpec {
        key_class: kind.class_name().to_owned(),
        value_class: WritableKind::Null.class_name().to_owned(),
        compression: Compression::Record,
        codec: Codec::Deflate,
        block_bytes: BLOCK_BYTES,
        marker: sync_marker(b"partition file"),
    };
    // Whole in memory first: it is small, and a file that is there is a whole one.
    let mut bytes = Vec::new();
    let mut writer = SequenceWriter::new(&mut bytes, spec).at("make partition file", path)?;
    let mut key = Vec::new();
    for cut in cuts {
        key.clear();
        kind.write_serialized(cut, &mut key);
        writer.append(RecordRef { key: &key, value: &[] }).at("make partition file", path)?;
    }
    writer.finish().at("make partition file", path)?;
    if let Some(folder) = path.parent() {
        crate::fs::create_dir_all(folder).at("make folder", folder)?;
    }
    crate::fs::write(path, bytes).at("write partition file", path)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &WritableKind, cuts: &[&[u8]]) {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a/b/cuts");
        let cuts: Vec<Vec<u8>> = cuts.iter().map(|cut| cut.to_vec()).collect();
        write(&path, kind, &[b"an older one".to_vec()]).unwrap();
        write(&path, kind, &cuts).unwrap();
        assert_eq!(read(&path, kind).unwrap(), cuts);
        let header = std::fs::read(&path).unwrap();
        let shown = String::from_utf8_lossy(&header);
        assert!(shown.contains(kind.class_name()) && shown.contains("org.apache.hadoop.io.NullWritable"));
        assert!(shown.contains("org.apache.hadoop.io.compress.DefaultCodec"));
    }

    #[test]
    fn what_is_written_can_be_read() {
        check(&WritableKind::Text, &[b"", b"f", b"m"]);
        check(&WritableKind::Text, &[]);
        check(&WritableKind::Bytes, &[b"\0\xff"]);
        check(&WritableKind::Long, &[&7_i64.to_be_bytes()]);
    }

    #[test]
    fn a_place_that_cannot_be_written_is_named() {
        let error = write(Path::new("/dev/null/cuts"), &WritableKind::Text, &[]).unwrap_err();
        assert_eq!(error.to_string(), "cannot make folder /dev/null");
    }
}
