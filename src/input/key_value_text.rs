//! Lines cut into key and value. Hadoop: `KeyValueTextInputFormat`, `mapred.KeyValueLineRecordReader`.
//!
//! The line is cut at the first separator; a line without one is all key. What a line is, `text` knows.

use super::{InputError, LineReader, Position, RecordReader};
use crate::record::{KeyFields, RecordRef};
use crate::writable::WritableKind;

/// The records of the task's lines.
pub(super) struct KeyValueReader {
    lines: LineReader,
    separator: [u8; 1],
}

impl KeyValueReader {
    pub(super) fn new(lines: LineReader, separator: u8) -> Self {
        Self { lines, separator: [separator] }
    }
}

impl RecordReader for KeyValueReader {
    fn kinds(&self) -> (WritableKind, WritableKind) {
        (WritableKind::Text, WritableKind::Text)
    }

    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, InputError> {
        let fields = KeyFields { separator: &self.separator, key_fields: 1 };
        Ok(self.lines.next_record()?.map(|line| fields.split(line.value)))
    }

    fn position(&self) -> Position {
        self.lines.position()
    }
}

#[cfg(test)]
mod tests {
    use super::super::LineOptions;
    use super::super::testing::{Folder, split};
    use super::*;

    fn check(text: &str, separator: u8, expect: &[(&str, &str)]) {
        let folder = Folder::new();
        let path = folder.write("data", text.as_bytes());
        let lines = LineReader::new(vec![split(&path, 0, text.len())], &LineOptions::default());
        let mut reader = KeyValueReader::new(lines, separator);
        for (key, value) in expect {
            let record = RecordRef { key: key.as_bytes(), value: value.as_bytes() };
            assert_eq!(reader.next_record().unwrap(), Some(record), "{text:?}");
        }
        assert_eq!(reader.next_record().unwrap(), None, "{text:?}");
    }

    #[test]
    fn lines_are_cut_at_the_first_separator() {
        check(
            "k\tv\nno\n\tv\na\tb\tc\n\n",
            b'\t',
            &[("k", "v"), ("no", ""), ("", "v"), ("a", "b\tc"), ("", "")],
        );
        check("k\tv=w=x", b'=', &[("k\tv", "w=x")]);
    }
}
