//! Records as a child reads them. Hadoop: `TextInputWriter`, `RawBytesInputWriter`,
//! `TypedBytesInputWriter`, `KeyOnlyTextInputWriter`.

use super::typed_bytes;
use crate::plan::{Encoding, StreamSpec};
use crate::record::RecordRef;
use crate::writable::{WritableError, WritableKind};

/// Whether a record of these classes is key bytes, separator, value bytes and LF with nothing to convert, so
/// that records may be written in bulk.
pub(crate) fn is_plain_text(spec: &StreamSpec, key_kind: &WritableKind, value_kind: &WritableKind) -> bool {
    let plain = |kind: &WritableKind| matches!(kind, WritableKind::Text | WritableKind::Bytes);
    spec.input == Encoding::Text && !spec.ignore_key && plain(key_kind) && plain(value_kind)
}

/// Turns records into the bytes of a child's standard input.
#[derive(Clone, Debug)]
pub(crate) struct InputWriter<'a> {
    spec: &'a StreamSpec,
    key_kind: WritableKind,
    value_kind: WritableKind,
}

impl<'a> InputWriter<'a> {
    /// A writer for records of these classes.
    pub(crate) fn new(spec: &'a StreamSpec, key_kind: WritableKind, value_kind: WritableKind) -> Self {
        Self { spec, key_kind, value_kind }
    }

    /// Appends one record.
    ///
    /// # Errors
    /// When a key or value has no text form.
    pub(crate) fn write(&self, record: RecordRef<'_>, out: &mut Vec<u8>) -> Result<(), WritableError> {
        match self.spec.input {
            Encoding::Text => {
                if !self.spec.ignore_key {
                    self.key_kind.write_pipe_text(record.key, out)?;
                    out.extend_from_slice(&self.spec.input_separator);
                }
                self.value_kind.write_pipe_text(record.value, out)?;
                out.push(b'\n');
            }
            Encoding::KeyOnlyText => {
                if !self.spec.ignore_key {
                    self.key_kind.write_pipe_text(record.key, out)?;
                    out.push(b'\n');
                }
            }
            Encoding::RawBytes => {
                if !self.spec.ignore_key {
                    write_raw(&self.key_kind, record.key, out);
                }
                write_raw(&self.value_kind, record.value, out);
            }
            Encoding::TypedBytes => {
                if !self.spec.ignore_key {
                    typed_bytes::write_value(&self.key_kind, record.key, out);
                }
                typed_bytes::write_value(&self.value_kind, record.value, out);
            }
        }
        Ok(())
    }
}

/// The serialised value behind its length; of `BytesWritable` and its kin the content alone.
fn write_raw(kind: &WritableKind, payload: &[u8], out: &mut Vec<u8>) {
    let length_at = out.len();
    out.extend_from_slice(&[0; 4]);
    match kind {
        WritableKind::Bytes | WritableKind::TypedBytes => out.extend_from_slice(payload),
        _ => kind.write_serialized(payload, out),
    }
    let length = (out.len() - length_at - 4) as u32;
    out[length_at..length_at + 4].copy_from_slice(&length.to_be_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(input: Encoding, ignore_key: bool, kinds: [WritableKind; 2], expect: &[u8]) {
        let spec = StreamSpec {
            input,
            output: Encoding::Text,
            input_separator: b"::".to_vec(),
            output_separator: b"\t".to_vec(),
            key_fields: 1,
            ignore_key,
        };
        let [key_kind, value_kind] = kinds;
        let key = if key_kind == WritableKind::Long { 5i64.to_be_bytes().to_vec() } else { b"k".to_vec() };
        let mut out = Vec::new();
        let writer = InputWriter::new(&spec, key_kind, value_kind);
        writer.write(RecordRef { key: &key, value: b"v" }, &mut out).unwrap();
        assert_eq!(out, expect, "{input:?}");
    }

    #[test]
    fn each_encoding_frames_in_its_way() {
        use WritableKind::{Bytes, Long, Text};
        check(Encoding::Text, false, [Text, Text], b"k::v\n");
        check(Encoding::Text, true, [Long, Text], b"v\n");
        check(Encoding::Text, false, [Long, Bytes], b"5::v\n");
        check(Encoding::KeyOnlyText, false, [Long, Text], b"5\n");
        check(Encoding::RawBytes, false, [Bytes, Text], b"\0\0\0\x01k\0\0\0\x02\x01v");
        check(Encoding::TypedBytes, false, [Text, Bytes], b"\x07\0\0\0\x01k\0\0\0\0\x01v");
    }
}
