//! Typed bytes: a type code and a value. Hadoop: `TypedBytesInput.readRaw`, `TypedBytesWritableOutput`.

use crate::writable::{WritableKind, decode_utf8, read_vlong};
use std::io;

const BYTES: u8 = 0;
const BYTE: u8 = 1;
const BOOL: u8 = 2;
const INT: u8 = 3;
const LONG: u8 = 4;
const FLOAT: u8 = 5;
const DOUBLE: u8 = 6;
const STRING: u8 = 7;
const VECTOR: u8 = 8;
const LIST: u8 = 9;
const MAP: u8 = 10;
const WRITABLE: u8 = 50;
const LAST_APPLICATION: u8 = 200;
const MARKER: u8 = 255;

/// Lists inside lists go no deeper than this: hostile bytes must not use up our stack.
const DEPTH_MAX: u32 = 200;

/// Whether `bytes` begin with the mark behind the values of a list. Hadoop: `Type.MARKER`.
pub(super) fn is_marker(bytes: &[u8]) -> bool {
    bytes.first() == Some(&MARKER)
}

/// Length of the value at the start of `bytes`, type code included; `None` when it is not all there.
///
/// # Errors
/// When a type code is unknown, a length negative or the nesting absurd.
pub(super) fn value_len(bytes: &[u8]) -> io::Result<Option<usize>> {
    measure(bytes, 0, DEPTH_MAX)
}

/// End of the value that starts at `at`.
fn measure(bytes: &[u8], at: usize, depth: u32) -> io::Result<Option<usize>> {
    let Some(&code) = bytes.get(at) else { return Ok(None) };
    let at = at + 1;
    let end = match code {
        BYTE | BOOL => at + 1,
        INT | FLOAT => at + 4,
        LONG | DOUBLE => at + 8,
        BYTES | STRING | WRITABLE..=LAST_APPLICATION => match count_at(bytes, at)? {
            Some(length) => at + 4 + length,
            None => return Ok(None),
        },
        VECTOR | MAP | LIST if depth == 0 => return Err(invalid("values are nested too deep")),
        VECTOR | MAP => {
            let Some(count) = count_at(bytes, at)? else { return Ok(None) };
            let values = if code == MAP { 2 * count } else { count };
            return measure_values(bytes, at + 4, values, depth);
        }
        LIST => return measure_list(bytes, at, depth),
        _ => return Err(invalid(&format!("type code {code} is unknown"))),
    };
    Ok((end <= bytes.len()).then_some(end))
}

fn measure_values(bytes: &[u8], mut at: usize, count: usize, depth: u32) -> io::Result<Option<usize>> {
    for _ in 0..count {
        match measure(bytes, at, depth - 1)? {
            Some(end) => at = end,
            None => return Ok(None),
        }
    }
    Ok(Some(at))
}

fn measure_list(bytes: &[u8], mut at: usize, depth: u32) -> io::Result<Option<usize>> {
    while bytes.get(at) != Some(&MARKER) {
        match measure(bytes, at, depth - 1)? {
            Some(end) => at = end,
            None => return Ok(None),
        }
    }
    Ok(Some(at + 1))
}

fn count_at(bytes: &[u8], at: usize) -> io::Result<Option<usize>> {
    let Some(length) = bytes.get(at..).and_then(|rest| rest.first_chunk::<4>()) else { return Ok(None) };
    let length = i32::from_be_bytes(*length);
    usize::try_from(length).map(Some).map_err(|_| invalid(&format!("a length is negative: {length}")))
}

fn invalid(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, format!("typed bytes: {what}"))
}

/// Appends a key or value of any class as typed bytes.
pub(super) fn write_value(kind: &WritableKind, payload: &[u8], out: &mut Vec<u8>) {
    let fixed = |code: u8, out: &mut Vec<u8>| {
        out.push(code);
        out.extend_from_slice(payload);
    };
    match kind {
        WritableKind::TypedBytes => out.extend_from_slice(payload),
        WritableKind::Bytes => write_counted(BYTES, payload, out),
        WritableKind::Byte => fixed(BYTE, out),
        WritableKind::Boolean => fixed(BOOL, out),
        WritableKind::Int => fixed(INT, out),
        WritableKind::Long => fixed(LONG, out),
        WritableKind::Float => fixed(FLOAT, out),
        WritableKind::Double => fixed(DOUBLE, out),
        WritableKind::VInt => {
            out.push(INT);
            out.extend_from_slice(&(variable(payload) as i32).to_be_bytes());
        }
        WritableKind::VLong => {
            out.push(LONG);
            out.extend_from_slice(&variable(payload).to_be_bytes());
        }
        WritableKind::Text => write_counted(STRING, decode_utf8(payload).as_bytes(), out),
        _ => {
            let class = kind.class_name().as_bytes();
            let mut value = Vec::with_capacity(4 + class.len() + payload.len());
            // WritableUtils.writeString: four bytes of length, other than Text's.
            value.extend_from_slice(&(class.len() as u32).to_be_bytes());
            value.extend_from_slice(class);
            kind.write_serialized(payload, &mut value);
            write_counted(WRITABLE, &value, out);
        }
    }
}

/// The number of a payload of variable length, which its reader has measured.
fn variable(payload: &[u8]) -> i64 {
    read_vlong(payload).map_or(0, |(value, _)| value)
}

fn write_counted(code: u8, value: &[u8], out: &mut Vec<u8>) {
    out.push(code);
    out.extend_from_slice(&(value.len() as u32).to_be_bytes());
    out.extend_from_slice(value);
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(bytes: &[u8], expect: Option<usize>) {
        assert_eq!(value_len(bytes).unwrap(), expect, "{bytes:?}");
        if let Some(length) = expect {
            for cut in 0..length {
                assert_eq!(value_len(&bytes[..cut]).unwrap(), None, "{bytes:?} cut at {cut}");
            }
        }
    }

    #[test]
    fn values_are_measured() {
        check(&[BOOL, 1, 9], Some(2));
        check(&[LONG, 0, 0, 0, 0, 0, 0, 0, 1], Some(9));
        check(&[STRING, 0, 0, 0, 2, b'a', b'b', 7], Some(7));
        check(&[LIST, INT, 0, 0, 0, 1, BYTE, 2, MARKER], Some(9));
        check(&[VECTOR, 0, 0, 0, 2, BYTE, 1, LIST, MARKER], Some(9));
        check(&[MAP, 0, 0, 0, 1, BYTE, 1, BYTE, 2], Some(9));
        check(&[77, 0, 0, 0, 1, 5], Some(6));
    }

    #[test]
    fn nonsense_is_refused() {
        assert!(value_len(&[33]).is_err());
        assert!(value_len(&[BYTES, 0xff, 0, 0, 0]).is_err());
        assert!(value_len(&[LIST; 1000]).is_err());
    }

    #[test]
    fn writables_become_typed_bytes() {
        let mut out = Vec::new();
        write_value(&WritableKind::Text, b"ab", &mut out);
        write_value(&WritableKind::Long, &7i64.to_be_bytes(), &mut out);
        assert_eq!(out, [7, 0, 0, 0, 2, b'a', b'b', 4, 0, 0, 0, 0, 0, 0, 0, 7]);
        out.clear();
        write_value(&WritableKind::VInt, &[0x87, 0x80], &mut out);
        write_value(&WritableKind::VLong, &[5], &mut out);
        assert_eq!(out, [3, 0xff, 0xff, 0xff, 0x7f, 4, 0, 0, 0, 0, 0, 0, 0, 5]);
        out.clear();
        write_value(&WritableKind::Null, b"", &mut out);
        assert_eq!(out, b"\x32\0\0\0\x25\0\0\0\x21org.apache.hadoop.io.NullWritable");
    }

    proptest! {
        /// `PROPTEST_CASES` sets how many.
        #[test]
        fn any_bytes_have_a_length_or_none(
            bytes in proptest::collection::vec(prop_oneof![3 => 0..=12_u8, 1 => any::<u8>()], 0..60),
        ) {
            if let Ok(Some(length)) = value_len(&bytes) {
                prop_assert!((1..=bytes.len()).contains(&length));
                prop_assert_eq!(value_len(&bytes[..length - 1]).unwrap(), None, "it is whole only at its end");
            }
        }
    }
}
