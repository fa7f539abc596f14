//! Payloads as text: Java's `toString` of each class, and the two places that make exceptions from it.

use super::{
    WritableError, WritableKind, be_f32, be_f64, be_i32, be_integer, decode_utf8, java_number, take,
};
use std::cmp::Ordering;

/// How deep lists and maps of typed bytes may nest; Java's stack gives up at some depth too.
const NESTING_MAX: u32 = 200;

impl WritableKind {
    /// Appends what `TextOutputFormat` prints: text as its own bytes, anything else as Java's `toString`
    /// (`BytesWritable` as hex pairs with blanks, `NullWritable` as `(null)`; the format itself leaves
    /// `NullWritable` out). Hadoop: `TextOutputFormat.LineRecordWriter.writeObject`.
    ///
    /// # Errors
    /// The class has no text form here, or typed bytes are malformed.
    pub fn write_display(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), WritableError> {
        match self {
            Self::Text => out.extend_from_slice(payload),
            _ => return self.write_string(payload, out),
        }
        Ok(())
    }

    /// Appends what a text child reads: text, bytes and typed bytes as their own bytes, anything else as
    /// Java's `toString`. Hadoop: `TextInputWriter.writeUTF8`.
    ///
    /// # Errors
    /// The class has no text form here.
    pub fn write_pipe_text(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), WritableError> {
        match self {
            Self::Text | Self::Bytes | Self::TypedBytes => out.extend_from_slice(payload),
            _ => return self.write_string(payload, out),
        }
        Ok(())
    }

    /// Appends Java's `toString` in UTF-8: what `SequenceFileAsTextInputFormat` makes of a key or value.
    /// Text that is not UTF-8 gets replacement characters.
    ///
    /// # Errors
    /// The class has no text form here, or typed bytes are malformed.
    pub fn write_string(&self, payload: &[u8], out: &mut Vec<u8>) -> Result<(), WritableError> {
        match self {
            Self::Text => out.extend_from_slice(decode_utf8(payload).as_bytes()),
            Self::Bytes => write_hex(payload, b" ", out),
            Self::TypedBytes => return write_typed(payload, out),
            Self::Byte | Self::Short | Self::Int | Self::Long | Self::VInt | Self::VLong => {
                write_integer(self.integer(payload), out);
            }
            Self::Double => java_number::write_double(be_f64(payload), out),
            Self::Float => java_number::write_float(be_f32(payload), out),
            Self::Boolean => out.extend_from_slice(boolean(payload.first().is_some_and(|byte| *byte != 0))),
            Self::Null => out.extend_from_slice(b"(null)"),
            Self::Other(class) => return Err(WritableError::NoText(class.clone())),
        }
        Ok(())
    }
}

fn write_integer(value: i64, out: &mut Vec<u8>) {
    out.extend_from_slice(value.to_string().as_bytes());
}

fn boolean(value: bool) -> &'static [u8] {
    if value { b"true" } else { b"false" }
}

fn write_hex(bytes: &[u8], between: &[u8], out: &mut Vec<u8>) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for (index, byte) in bytes.iter().enumerate() {
        if index > 0 {
            out.extend_from_slice(between);
        }
        out.extend_from_slice(&[DIGITS[usize::from(byte >> 4)], DIGITS[usize::from(byte & 15)]]);
    }
}

/// Appends the text of one typed-bytes value. Hadoop: `TypedBytesWritable.toString`.
fn write_typed(payload: &[u8], out: &mut Vec<u8>) -> Result<(), WritableError> {
    match (Typed { rest: payload, depth: 0 }).value()? {
        Some(value) => value.write(out),
        None => return Err(WritableError::TypedBytes("no value, expected a type code".to_owned())),
    }
    Ok(())
}

/// A typed-bytes value as the Java object that Hadoop makes of it. Hadoop: `TypedBytesInput.read`.
enum Value<'a> {
    Buffer(&'a [u8]),
    Bool(bool),
    Integer {
        code: u8,
        value: i64,
    },
    Float(f32),
    Double(f64),
    Text(String),
    List(Vec<Option<Value<'a>>>),
    /// Sorted by key, each key once.
    Map(Vec<(Value<'a>, Option<Value<'a>>)>),
}

impl Value<'_> {
    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Buffer(bytes) => write_hex(bytes, b"", out),
            Self::Bool(value) => out.extend_from_slice(boolean(*value)),
            Self::Integer { value, .. } => write_integer(*value, out),
            Self::Float(value) => java_number::write_float(*value, out),
            Self::Double(value) => java_number::write_double(*value, out),
            Self::Text(text) => out.extend_from_slice(text.as_bytes()),
            Self::List(values) => {
                out.push(b'[');
                for (index, value) in values.iter().enumerate() {
                    comma(index, out);
                    write_or_null(value.as_ref(), out);
                }
                out.push(b']');
            }
            Self::Map(entries) => {
                out.push(b'{');
                for (index, (key, value)) in entries.iter().enumerate() {
                    comma(index, out);
                    key.write(out);
                    out.push(b'=');
                    write_or_null(value.as_ref(), out);
                }
                out.push(b'}');
            }
        }
    }

    /// The order of two keys of a Java `TreeMap`; `None` where Java's `compareTo` throws.
    fn order(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Buffer(a), Self::Buffer(b)) => Some(a.cmp(b)),
            (Self::Bool(a), Self::Bool(b)) => Some(a.cmp(b)),
            (Self::Integer { code: a_code, value: a }, Self::Integer { code: b_code, value: b })
                if a_code == b_code =>
            {
                Some(a.cmp(b))
            }
            (Self::Float(a), Self::Float(b)) => Some(java_number::compare(f64::from(*a), f64::from(*b))),
            (Self::Double(a), Self::Double(b)) => Some(java_number::compare(*a, *b)),
            // Java compares strings by UTF-16 units.
            (Self::Text(a), Self::Text(b)) => Some(a.encode_utf16().cmp(b.encode_utf16())),
            _ => None,
        }
    }
}

fn comma(index: usize, out: &mut Vec<u8>) {
    if index > 0 {
        out.extend_from_slice(b", ");
    }
}

fn write_or_null(value: Option<&Value<'_>>, out: &mut Vec<u8>) {
    match value {
        Some(value) => value.write(out),
        None => out.extend_from_slice(b"null"),
    }
}

/// A reader of typed bytes.
struct Typed<'a> {
    rest: &'a [u8],
    depth: u32,
}

impl<'a> Typed<'a> {
    /// The next value; `None` where Java gets `null`: at the end, at a list's end mark, for a string of
    /// length -1.
    fn value(&mut self) -> Result<Option<Value<'a>>, WritableError> {
        let Some((code, rest)) = self.rest.split_first() else { return Ok(None) };
        self.rest = rest;
        let value = match *code {
            0 | 50..=200 => Value::Buffer(self.counted()?),
            code @ 1 => Value::Integer { code, value: be_integer(self.bytes(1)?) },
            2 => Value::Bool(self.bytes(1)? != [0]),
            code @ 3 => Value::Integer { code, value: be_integer(self.bytes(4)?) },
            code @ 4 => Value::Integer { code, value: be_integer(self.bytes(8)?) },
            5 => Value::Float(be_f32(self.bytes(4)?)),
            6 => Value::Double(be_f64(self.bytes(8)?)),
            7 if self.rest.starts_with(&[0xff; 4]) => {
                self.bytes(4)?;
                return Ok(None);
            }
            7 => Value::Text(decode_utf8(self.counted()?).into_owned()),
            8 => self.nested(Self::vector)?,
            9 => self.nested(Self::list)?,
            10 => self.nested(Self::map)?,
            255 => return Ok(None),
            code => return Err(WritableError::TypedBytes(format!("unknown type code {code}"))),
        };
        Ok(Some(value))
    }

    fn bytes(&mut self, count: i64) -> Result<&'a [u8], WritableError> {
        let (bytes, rest) = take("a typed-bytes value", count, self.rest)?;
        self.rest = rest;
        Ok(bytes)
    }

    fn length(&mut self) -> Result<i64, WritableError> {
        Ok(i64::from(be_i32(self.bytes(4)?)))
    }

    fn counted(&mut self) -> Result<&'a [u8], WritableError> {
        let length = self.length()?;
        self.bytes(length)
    }

    fn nested(
        &mut self,
        read: fn(&mut Self) -> Result<Value<'a>, WritableError>,
    ) -> Result<Value<'a>, WritableError> {
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(WritableError::TypedBytes(format!(
                "more than {NESTING_MAX} lists inside each other"
            )));
        }
        let value = read(self)?;
        self.depth -= 1;
        Ok(value)
    }

    /// A count of elements. Every element takes a byte at least, so a larger count would only be a way to
    /// ask for memory. Java reads elements past the end as `null`; no writer makes them.
    fn count(&mut self) -> Result<usize, WritableError> {
        let count = self.length()?;
        if count < 0 || count as usize > self.rest.len() {
            return Err(WritableError::Range {
                what: "the count of a typed-bytes vector or map",
                value: count,
                expected: "0 or more, and no more than there are bytes",
            });
        }
        Ok(count as usize)
    }

    fn vector(&mut self) -> Result<Value<'a>, WritableError> {
        let count = self.count()?;
        (0..count).map(|_| self.value()).collect::<Result<_, _>>().map(Value::List)
    }

    fn list(&mut self) -> Result<Value<'a>, WritableError> {
        let mut values = Vec::new();
        while let Some(value) = self.value()? {
            values.push(Some(value));
        }
        Ok(Value::List(values))
    }

    fn map(&mut self) -> Result<Value<'a>, WritableError> {
        let no_key =
            || WritableError::TypedBytes("a map key that cannot be ordered among the map's keys".to_owned());
        let mut entries: Vec<(Value<'a>, Option<Value<'a>>)> = Vec::new();
        for _ in 0..self.count()? {
            let key = self.value()?.ok_or_else(no_key)?;
            let value = self.value()?;
            key.order(&key).ok_or_else(no_key)?;
            // All keys there are of one class, so any of them tells whether this one can be compared.
            if let Some((first, _)) = entries.first() {
                key.order(first).ok_or_else(no_key)?;
            }
            match entries.binary_search_by(|(other, _)| other.order(&key).unwrap_or(Ordering::Equal)) {
                Ok(at) => entries[at].1 = value,
                Err(at) => entries.insert(at, (key, value)),
            }
        }
        Ok(Value::Map(entries))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    type Write = fn(&WritableKind, &[u8], &mut Vec<u8>) -> Result<(), WritableError>;

    /// `display` is `TextOutputFormat`, `pipe` the text child, `string` `toString`.
    fn check(kind: &WritableKind, payload: &[u8], display: &[u8], pipe: &[u8], string: &[u8]) {
        let shown = |write: Write| {
            let mut out = Vec::new();
            write(kind, payload, &mut out).map(|()| out)
        };
        assert_eq!(shown(WritableKind::write_display), Ok(display.to_vec()), "{kind:?} {payload:?}");
        assert_eq!(shown(WritableKind::write_pipe_text), Ok(pipe.to_vec()), "{kind:?} {payload:?}");
        assert_eq!(shown(WritableKind::write_string), Ok(string.to_vec()), "{kind:?} {payload:?}");
    }

    fn check_same(kind: &WritableKind, payload: &[u8], text: &str) {
        check(kind, payload, text.as_bytes(), text.as_bytes(), text.as_bytes());
    }

    fn check_typed(payload: &[u8], text: &str) {
        check(&WritableKind::TypedBytes, payload, text.as_bytes(), payload, text.as_bytes());
    }

    #[test]
    fn text_and_bytes_are_shown_differently_in_each_place() {
        check(&WritableKind::Text, b"a\xff", b"a\xff", b"a\xff", "a\u{fffd}".as_bytes());
        check(&WritableKind::Bytes, &[0, 0xab, 9], b"00 ab 09", &[0, 0xab, 9], b"00 ab 09");
        check(&WritableKind::Bytes, b"", b"", b"", b"");
    }

    #[test]
    fn numbers_are_shown_as_java_shows_them() {
        check_same(&WritableKind::Long, &(-5_i64).to_be_bytes(), "-5");
        check_same(&WritableKind::Int, &i32::MIN.to_be_bytes(), "-2147483648");
        check_same(&WritableKind::Short, &[0x80, 0], "-32768");
        check_same(&WritableKind::Byte, &[200], "-56");
        check_same(&WritableKind::VInt, &[0x8f, 0x80], "128");
        check_same(&WritableKind::VLong, &[0x87, 0x70], "-113");
        check_same(&WritableKind::Double, &1e7_f64.to_be_bytes(), "1.0E7");
        check_same(&WritableKind::Float, &0.5_f32.to_be_bytes(), "0.5");
        check_same(&WritableKind::Boolean, &[2], "true");
        check_same(&WritableKind::Boolean, &[0], "false");
        check_same(&WritableKind::Null, &[], "(null)");
    }

    #[test]
    fn typed_bytes_are_shown_by_type() {
        check_typed(&[0, 0, 0, 0, 2, 0xab, 1], "ab01");
        check_typed(&[50, 0, 0, 0, 1, 7], "07");
        check_typed(&[1, 0xff], "-1");
        check_typed(&[2, 1], "true");
        check_typed(&[3, 0, 0, 0, 9], "9");
        check_typed(&[4, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xfe], "-2");
        check_typed(&[5, 0x3f, 0x80, 0, 0], "1.0");
        check_typed(&[6, 0x40, 0x59, 0, 0, 0, 0, 0, 0], "100.0");
        check_typed(&[7, 0, 0, 0, 2, 0xc3, 0xa9], "\u{e9}");
        check_typed(&[8, 0, 0, 0, 2, 1, 1, 255], "[1, null]");
        check_typed(&[9, 7, 0, 0, 0, 1, b'a', 9, 255, 1, 2, 255], "[a, [], 2]");
        // Java orders strings by UTF-16 units, where U+10000 comes before U+FFFF.
        let utf_16_order = "\n\0\0\0\x02\x07\0\0\0\x03\u{ffff}\x01\x01\x07\0\0\0\x04\u{10000}\x01\x02";
        check_typed(utf_16_order.as_bytes(), "{\u{10000}=2, \u{ffff}=1}");
        check_typed(&[10, 0, 0, 0, 3, 1, 2, 1, 0, 1, 1, 2, 1, 1, 2, 1, 5], "{1=true, 2=5}");
    }

    #[test]
    fn what_has_no_text_is_refused() {
        let refused = |kind: WritableKind, payload: &[u8]| {
            let mut out = Vec::new();
            assert!(kind.write_display(payload, &mut out).is_err(), "{kind:?} {payload:?}");
        };
        refused(WritableKind::Other("com.example.Point".to_owned()), b"x");
        refused(WritableKind::TypedBytes, b"");
        refused(WritableKind::TypedBytes, &[255]);
        refused(WritableKind::TypedBytes, &[11]);
        refused(WritableKind::TypedBytes, &[3, 0, 0]);
        refused(WritableKind::TypedBytes, &[7, 0x80, 0, 0, 0]);
        refused(WritableKind::TypedBytes, &[8, 0x7f, 0xff, 0xff, 0xff, 1, 1]);
        refused(WritableKind::TypedBytes, &[10, 0, 0, 0, 2, 1, 1, 1, 1, 2, 1, 1, 1]);
        refused(WritableKind::TypedBytes, &[10, 0, 0, 0, 1, 9, 255, 1, 1]);
        refused(WritableKind::TypedBytes, &vec![9; 100_000]);
    }
}
