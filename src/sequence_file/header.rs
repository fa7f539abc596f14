//! The header of a sequence file.

use super::reader::Source;
use super::{Compression, MAGIC, MARKER_BYTES, SequenceFileError};
use crate::codec::Codec;
use crate::writable::WritableKind;
use std::io::{Read, Seek};

/// The version that is written, the last there is.
const VERSION: u8 = 6;

/// From this version on names are `Text` and blocks exist; older files are not read.
const VERSION_OLDEST: u8 = 4;

/// From this version on the header names the codec.
const VERSION_WITH_CODEC: u8 = 5;

/// From this version on the header has metadata.
const VERSION_WITH_METADATA: u8 = 6;

/// Name and value of each metadata entry, both text.
pub type Metadata = Vec<(Vec<u8>, Vec<u8>)>;

/// What a sequence file says about itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Header {
    /// Full Java name of the keys' class.
    pub key_class: String,
    /// Full Java name of the values' class.
    pub value_class: String,
    /// What is compressed.
    pub compression: Compression,
    /// What it is compressed with; means nothing in a file that is not.
    pub codec: Codec,
    /// What the writer wanted to tell; nothing here reads it.
    pub metadata: Metadata,
    /// The file's sync marker.
    pub marker: [u8; MARKER_BYTES],
}

impl Header {
    /// Appends the header in the newest version.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        let text = |text: &[u8], out: &mut Vec<u8>| WritableKind::Text.write_serialized(text, out);
        out.extend_from_slice(MAGIC);
        out.push(VERSION);
        text(self.key_class.as_bytes(), out);
        text(self.value_class.as_bytes(), out);
        out.push(u8::from(self.compression != Compression::None));
        out.push(u8::from(self.compression == Compression::Block));
        if self.compression != Compression::None {
            text(self.codec.class_name().as_bytes(), out);
        }
        out.extend_from_slice(&(self.metadata.len() as u32).to_be_bytes());
        for (name, value) in &self.metadata {
            text(name, out);
            text(value, out);
        }
        out.extend_from_slice(&self.marker);
    }

    /// Reads the header from the start of a file.
    pub(super) fn read<R: Read + Seek>(source: &mut Source<R>) -> Result<Self, SequenceFileError> {
        let version = read_version(source)?;
        let key_class = read_name(source)?;
        let value_class = read_name(source)?;
        let flags_at = source.position();
        let compression = match (source.read_byte()?, source.read_byte()?) {
            (0, 0) => Compression::None,
            (1.., 0) => Compression::Record,
            (1.., 1..) => Compression::Block,
            (0, 1..) => {
                return Err(SequenceFileError::malformed(
                    flags_at,
                    "a file of blocks that is not compressed",
                ));
            }
        };
        let codec = if compression != Compression::None && version >= VERSION_WITH_CODEC {
            read_codec(source)?
        } else {
            Codec::Deflate
        };
        let metadata = if version >= VERSION_WITH_METADATA { read_metadata(source)? } else { Vec::new() };
        let marker = source.read_marker()?;
        Ok(Self { key_class, value_class, compression, codec, metadata, marker })
    }
}

fn read_version<R: Read + Seek>(source: &mut Source<R>) -> Result<u8, SequenceFileError> {
    let mut magic = Vec::new();
    let length = source.remaining().min(MAGIC.len() as u64);
    source.read_bytes(length, &mut magic)?;
    if magic != MAGIC {
        return Err(SequenceFileError::malformed(0, "not a sequence file, which starts with SEQ"));
    }
    let version = source.read_byte()?;
    if !(VERSION_OLDEST..=VERSION).contains(&version) {
        let what = format!("sequence file of version {version}, expected {VERSION_OLDEST} to {VERSION}");
        return Err(SequenceFileError::malformed(MAGIC.len() as u64, what));
    }
    Ok(version)
}

fn read_text<R: Read + Seek>(source: &mut Source<R>) -> Result<Vec<u8>, SequenceFileError> {
    let length = source.read_vint_length("a length in the header")?;
    let mut text = Vec::new();
    source.read_bytes(length, &mut text)?;
    Ok(text)
}

fn read_name<R: Read + Seek>(source: &mut Source<R>) -> Result<String, SequenceFileError> {
    let at = source.position();
    String::from_utf8(read_text(source)?)
        .map_err(|_| SequenceFileError::malformed(at, "a class name in the header is not UTF-8"))
}

fn read_codec<R: Read + Seek>(source: &mut Source<R>) -> Result<Codec, SequenceFileError> {
    let at = source.position();
    let class = read_name(source)?;
    Codec::from_class(&class).ok_or_else(|| {
        SequenceFileError::malformed(at, format!("unknown codec {class}, expected one of Hadoop's own"))
    })
}

fn read_metadata<R: Read + Seek>(source: &mut Source<R>) -> Result<Metadata, SequenceFileError> {
    let at = source.position();
    let count = source.read_i32()?;
    if count < 0 {
        return Err(SequenceFileError::malformed(at, format!("{count} metadata entries")));
    }
    let mut metadata = Vec::new();
    for _ in 0..count {
        metadata.push((read_text(source)?, read_text(source)?));
    }
    Ok(metadata)
}
