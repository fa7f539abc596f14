//! The Hadoop types that keys and values can have, and what each means for its bytes.
//!
//! Inside the engine a key or value is its *payload*: the bytes a `Writable` serialises to, less any
//! length that Hadoop writes in front. `Text` and `BytesWritable` are their content, `LongWritable` is
//! eight big-endian bytes, `NullWritable` is nothing. This file says for each class how payloads are
//! serialised, hashed, ordered and shown; it reads and writes no stream.

mod java_number;
mod text;
mod utf8;
mod vint;

pub use java_number::{parse_long, write_double, write_float};
pub use utf8::decode_utf8;
pub use vint::{read_vint, read_vlong, vlong_len, write_vint, write_vlong};

use serde::{Deserialize, Serialize};
use std::cmp::Ordering;

/// The class of a key or a value.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum WritableKind {
    /// `org.apache.hadoop.io.Text`: bytes that should be UTF-8 and are never decoded.
    Text,
    /// `org.apache.hadoop.io.BytesWritable`: any bytes.
    Bytes,
    /// `org.apache.hadoop.typedbytes.TypedBytesWritable`: one typed-bytes value, type code included.
    TypedBytes,
    /// `org.apache.hadoop.io.LongWritable`.
    Long,
    /// `org.apache.hadoop.io.IntWritable`.
    Int,
    /// `org.apache.hadoop.io.NullWritable`: always empty.
    Null,
    /// Any other class, by its full name: the serialised bytes, passed through unread.
    Other(String),
    /// `org.apache.hadoop.io.DoubleWritable`: the eight bytes of the IEEE number, big-endian.
    Double,
    /// `org.apache.hadoop.io.FloatWritable`: the four bytes of the IEEE number, big-endian.
    Float,
    /// `org.apache.hadoop.io.BooleanWritable`: one byte, 0 for false.
    Boolean,
    /// `org.apache.hadoop.io.ByteWritable`: one signed byte.
    Byte,
    /// `org.apache.hadoop.io.ShortWritable`: two bytes, big-endian.
    Short,
    /// `org.apache.hadoop.io.VIntWritable`: the serialised bytes, see [`write_vint`].
    VInt,
    /// `org.apache.hadoop.io.VLongWritable`: the serialised bytes, see [`write_vlong`].
    VLong,
}

/// Every class known by name; [`WritableKind::Other`] is what is not here.
const CLASSES: [(WritableKind, &str); 13] = [
    (WritableKind::Text, "org.apache.hadoop.io.Text"),
    (WritableKind::Bytes, "org.apache.hadoop.io.BytesWritable"),
    (WritableKind::TypedBytes, "org.apache.hadoop.typedbytes.TypedBytesWritable"),
    (WritableKind::Long, "org.apache.hadoop.io.LongWritable"),
    (WritableKind::Int, "org.apache.hadoop.io.IntWritable"),
    (WritableKind::Null, "org.apache.hadoop.io.NullWritable"),
    (WritableKind::Double, "org.apache.hadoop.io.DoubleWritable"),
    (WritableKind::Float, "org.apache.hadoop.io.FloatWritable"),
    (WritableKind::Boolean, "org.apache.hadoop.io.BooleanWritable"),
    (WritableKind::Byte, "org.apache.hadoop.io.ByteWritable"),
    (WritableKind::Short, "org.apache.hadoop.io.ShortWritable"),
    (WritableKind::VInt, "org.apache.hadoop.io.VIntWritable"),
    (WritableKind::VLong, "org.apache.hadoop.io.VLongWritable"),
];

/// Bytes that are not what their class says, or a class that cannot do what is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum WritableError {
    /// The bytes end too early.
    #[error("{class} needs {needed} bytes, found {found}")]
    Short {
        /// What was being read.
        class: &'static str,
        /// Bytes needed.
        needed: u64,
        /// Bytes there.
        found: u64,
    },
    /// A number that must lie in a range does not.
    #[error("{what} is {value}, expected {expected}")]
    Range {
        /// What was being read.
        what: &'static str,
        /// The number found.
        value: i64,
        /// What would have been right.
        expected: &'static str,
    },
    /// A typed-bytes value that has no text, in Hadoop an exception.
    #[error("typed bytes: {0}")]
    TypedBytes(String),
    /// A class without a text form here.
    #[error("class {0} cannot be shown as text, expected one of org.apache.hadoop.io's own types")]
    NoText(String),
}

impl WritableKind {
    /// The class of a full Java name; [`WritableKind::Other`] if it is not one of those known here.
    pub fn from_class(name: &str) -> Self {
        match CLASSES.iter().find(|(_, class)| *class == name) {
            Some((kind, _)) => kind.clone(),
            None => Self::Other(name.to_owned()),
        }
    }

    /// The full Java name.
    pub fn class_name(&self) -> &str {
        if let Self::Other(name) = self {
            return name;
        }
        CLASSES.iter().find(|(kind, _)| kind == self).map_or("", |(_, class)| *class)
    }

    /// Length of the serialised form in bytes: what Map output bytes counts.
    pub fn serialized_len(&self, payload: &[u8]) -> u64 {
        let length = payload.len() as u64;
        match self {
            Self::Text => text_serialized_len(payload.len()),
            Self::Bytes | Self::TypedBytes => 4 + length,
            _ => length,
        }
    }

    /// Appends the serialised form, as the class's `write` does.
    pub fn write_serialized(&self, payload: &[u8], out: &mut Vec<u8>) {
        match self {
            Self::Text => write_vlong(payload.len() as i64, out),
            Self::Bytes | Self::TypedBytes => out.extend_from_slice(&(payload.len() as u32).to_be_bytes()),
            _ => {}
        }
        out.extend_from_slice(payload);
    }

    /// Takes one serialised value off the front of `bytes`: its payload, and what follows it.
    ///
    /// Nothing tells where a value of an [`WritableKind::Other`] class ends, so it is all of `bytes`.
    ///
    /// # Errors
    /// The bytes end inside the value, or its length is negative.
    pub fn read_serialized<'a>(&self, bytes: &'a [u8]) -> Result<(&'a [u8], &'a [u8]), WritableError> {
        match self {
            Self::Text => {
                let (length, rest) = read_vint(bytes)?;
                take("Text", i64::from(length), rest)
            }
            Self::Bytes | Self::TypedBytes => {
                let (length, rest) = take("the length of a BytesWritable", 4, bytes)?;
                take("BytesWritable", i64::from(be_i32(length)), rest)
            }
            Self::Long => take("LongWritable", 8, bytes),
            Self::Double => take("DoubleWritable", 8, bytes),
            Self::Int => take("IntWritable", 4, bytes),
            Self::Float => take("FloatWritable", 4, bytes),
            Self::Short => take("ShortWritable", 2, bytes),
            Self::Byte => take("ByteWritable", 1, bytes),
            Self::Boolean => take("BooleanWritable", 1, bytes),
            Self::Null => take("NullWritable", 0, bytes),
            Self::VInt => {
                let (_, rest) = read_vint(bytes)?;
                Ok(bytes.split_at(bytes.len() - rest.len()))
            }
            Self::VLong => {
                let (_, rest) = read_vlong(bytes)?;
                Ok(bytes.split_at(bytes.len() - rest.len()))
            }
            Self::Other(_) => Ok((bytes, &[])),
        }
    }

    /// The class's `hashCode`: what `HashPartitioner` spreads keys by.
    ///
    /// A class without a form here is hashed like bytes, over its serialised form; Hadoop's own hash of it
    /// is not known.
    pub fn hash_code(&self, payload: &[u8]) -> i32 {
        match self {
            Self::Null => 0,
            Self::Boolean => i32::from(payload.first().is_none_or(|byte| *byte == 0)),
            Self::Byte | Self::Short | Self::Int | Self::Long | Self::VInt | Self::VLong => {
                self.integer(payload) as i32
            }
            Self::Float => java_number::canonical_float(be_f32(payload)).to_bits() as i32,
            Self::Double => java_number::canonical_double(be_f64(payload)).to_bits() as i32,
            Self::Text | Self::Bytes | Self::TypedBytes | Self::Other(_) => hash_bytes(payload),
        }
    }

    /// The class's own order (`compareTo`), on payloads: bytes as unsigned, numbers as numbers. A class
    /// without a form here is ordered by its serialised bytes.
    pub fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Self::Byte | Self::Short | Self::Int | Self::Long | Self::VInt | Self::VLong => {
                self.integer(a).cmp(&self.integer(b))
            }
            Self::Float => java_number::compare(f64::from(be_f32(a)), f64::from(be_f32(b))),
            Self::Double => java_number::compare(be_f64(a), be_f64(b)),
            Self::Null => Ordering::Equal,
            Self::Text | Self::Bytes | Self::TypedBytes | Self::Boolean | Self::Other(_) => a.cmp(b),
        }
    }

    /// The number in the payload of an integer class; 0 for a payload that is none, which
    /// [`WritableKind::read_serialized`] never returns.
    fn integer(&self, payload: &[u8]) -> i64 {
        match self {
            Self::VInt | Self::VLong => read_vlong(payload).map_or(0, |(value, _)| value),
            _ => be_integer(payload),
        }
    }
}

/// Length in bytes of a serialised `Text` of `length` bytes; the hot path of the sort buffer asks by length.
#[inline]
pub fn text_serialized_len(length: usize) -> u64 {
    (vlong_len(length as i64) + length) as u64
}

/// Hadoop's hash of bytes, which are signed in Java. Hadoop: `WritableComparator.hashBytes`.
pub fn hash_bytes(bytes: &[u8]) -> i32 {
    bytes.iter().fold(1_i32, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(*byte as i8)))
}

/// Cuts `length` bytes off the front of `bytes`.
fn take<'a>(
    class: &'static str,
    length: i64,
    bytes: &'a [u8],
) -> Result<(&'a [u8], &'a [u8]), WritableError> {
    if length < 0 {
        return Err(WritableError::Range { what: class, value: length, expected: "a length of 0 or more" });
    }
    bytes.split_at_checked(length as usize).ok_or(WritableError::Short {
        class,
        needed: length as u64,
        found: bytes.len() as u64,
    })
}

/// A signed big-endian number of up to eight bytes.
fn be_integer(bytes: &[u8]) -> i64 {
    let sign = bytes.first().map_or(0, |byte| i64::from(*byte as i8) >> 7);
    bytes.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte))
}

fn be_i32(bytes: &[u8]) -> i32 {
    be_integer(bytes) as i32
}

fn be_f32(bytes: &[u8]) -> f32 {
    f32::from_bits(be_integer(bytes) as u32)
}

fn be_f64(bytes: &[u8]) -> f64 {
    f64::from_bits(be_integer(bytes) as u64)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(kind: &WritableKind, payload: &[u8], serialized: &[u8], hash: i32) {
        let mut written = Vec::new();
        kind.write_serialized(payload, &mut written);
        assert_eq!(written, serialized, "{kind:?}");
        assert_eq!(kind.serialized_len(payload), serialized.len() as u64, "{kind:?}");
        assert_eq!(kind.hash_code(payload), hash, "{kind:?}");
        for cut in 0..written.len() {
            assert!(kind.read_serialized(&written[..cut]).is_err(), "{kind:?} cut at {cut}");
        }
        written.push(77);
        assert_eq!(kind.read_serialized(&written), Ok((payload, &[77][..])), "{kind:?}");
    }

    #[test]
    fn values_are_serialised_and_hashed_as_in_hadoop() {
        check(&WritableKind::Text, b"ab", b"\x02ab", (31 + 97) * 31 + 98);
        check(&WritableKind::Text, b"", b"\0", 1);
        check(&WritableKind::Bytes, &[0xff], &[0, 0, 0, 1, 0xff], 30);
        check(&WritableKind::TypedBytes, &[1, 2], &[0, 0, 0, 2, 1, 2], 994);
        check(&WritableKind::Null, &[], &[], 0);
        check(&WritableKind::Boolean, &[1], &[1], 0);
        check(&WritableKind::Boolean, &[0], &[0], 1);
        check(&WritableKind::Byte, &[0xfe], &[0xfe], -2);
        check(&WritableKind::Short, &[0xff, 0], &[0xff, 0], -256);
        check(&WritableKind::Int, &[0x80, 0, 0, 0], &[0x80, 0, 0, 0], i32::MIN);
        check(&WritableKind::Long, &[0, 0, 0, 1, 0, 0, 0, 5], &[0, 0, 0, 1, 0, 0, 0, 5], 5);
        check(&WritableKind::VInt, &[0x8f, 0x80], &[0x8f, 0x80], 128);
        check(&WritableKind::VLong, &[0x87, 0x70], &[0x87, 0x70], -113);
        check(&WritableKind::Float, &1_f32.to_be_bytes(), &1_f32.to_be_bytes(), 0x3f80_0000);
        let tenth = 0.1_f64.to_be_bytes();
        check(&WritableKind::Double, &tenth, &tenth, 0x9999_999a_u32 as i32);
    }

    #[test]
    fn a_long_text_counts_a_longer_length() {
        assert_eq!(WritableKind::Text.serialized_len(&[0; 127]), 128);
        assert_eq!(WritableKind::Text.serialized_len(&[0; 128]), 130);
        assert_eq!(text_serialized_len(256), 259);
    }

    #[test]
    fn a_negative_length_is_refused() {
        assert!(WritableKind::Text.read_serialized(&[0xff, 1]).is_err());
        assert!(WritableKind::Bytes.read_serialized(&[0xff; 8]).is_err());
    }

    fn check_order(kind: &WritableKind, less: &[u8], more: &[u8]) {
        assert_eq!(kind.compare(less, more), Ordering::Less, "{kind:?}");
        assert_eq!(kind.compare(more, less), Ordering::Greater, "{kind:?}");
        assert_eq!(kind.compare(less, less), Ordering::Equal, "{kind:?}");
    }

    #[test]
    fn bytes_order_unsigned_and_numbers_signed() {
        check_order(&WritableKind::Text, b"a\x7f", b"a\x80");
        check_order(&WritableKind::Bytes, b"a", b"aa");
        check_order(&WritableKind::Long, &(-1_i64).to_be_bytes(), &0_i64.to_be_bytes());
        check_order(&WritableKind::Int, &i32::MIN.to_be_bytes(), &i32::MAX.to_be_bytes());
        check_order(&WritableKind::Byte, &[0x80], &[0x7f]);
        check_order(&WritableKind::Short, &[0xff, 0xff], &[0, 0]);
        check_order(&WritableKind::VInt, &[0x87, 0xff], &[0x90]);
        check_order(&WritableKind::VLong, &[100], &[0x8f, 0x80]);
        check_order(&WritableKind::Boolean, &[0], &[1]);
        check_order(&WritableKind::Float, &(-1_f32).to_be_bytes(), &1_f32.to_be_bytes());
        check_order(&WritableKind::Double, &f64::INFINITY.to_be_bytes(), &f64::NAN.to_be_bytes());
        assert_eq!(WritableKind::Null.compare(b"", b""), Ordering::Equal);
    }

    #[test]
    fn class_names_lead_to_their_kind_and_back() {
        for (kind, class) in CLASSES {
            assert_eq!(WritableKind::from_class(class), kind);
            assert_eq!(kind.class_name(), class);
        }
        let other = WritableKind::from_class("Text");
        assert_eq!(other, WritableKind::Other("Text".to_owned()));
        assert_eq!(other.class_name(), "Text");
    }
}
