//! `FieldSelectionMapReduce`: keys and values made of chosen fields. Hadoop: that class and
//! `FieldSelectionHelper`.

use super::{BuiltInError, Emit, GroupReducer, RecordMapper, TaskFailure, text_of};
use crate::java_regex::JavaRegex;
use crate::plan::{FieldSelection, SelectedFields};
use crate::record::RecordRef;
use crate::writable::{WritableKind, decode_utf8};

/// Cuts records into fields and puts chosen ones together.
struct Selector {
    selection: FieldSelection,
    separator: JavaRegex,
    /// The key just made, and the value.
    key: String,
    value: String,
}

impl Selector {
    fn new(selection: &FieldSelection) -> Result<Self, BuiltInError> {
        let failed = |source| BuiltInError::Pattern {
            class: "FieldSelectionMapReduce",
            pattern: selection.separator.clone(),
            source,
        };
        Ok(Self {
            separator: JavaRegex::new(&selection.separator).map_err(failed)?,
            selection: selection.clone(),
            key: String::new(),
            value: String::new(),
        })
    }

    /// Makes key and value of a row.
    fn select(&mut self, row: &str) {
        let fields = self.separator.split(row);
        let SelectedFields { key, value, value_from } = &self.selection.fields;
        join(&fields, key, None, &self.selection.separator, &mut self.key);
        join(&fields, value, *value_from, &self.selection.separator, &mut self.value);
    }
}

/// Joins the fields of `list`, and all those from `from` on. A field that the row lacks is empty in the
/// list and missing behind it.
fn join(fields: &[&str], list: &[u32], from: Option<u32>, separator: &str, joined: &mut String) {
    joined.clear();
    let listed = list.iter().map(|index| fields.get(*index as usize).copied().unwrap_or_default());
    let rest = from.and_then(|from| fields.get(from as usize..)).unwrap_or_default();
    for field in listed.chain(rest.iter().copied()) {
        joined.push_str(field);
        joined.push_str(separator);
    }
    // Hadoop takes one unit of UTF-16 off the end, whatever the separator's length. Half a letter that this
    // leaves is a question mark when it is written.
    if joined.pop().is_some_and(|last| last.len_utf16() > 1) {
        joined.push('?');
    }
}

/// The class as mapper. A selection without key fields makes the value's fields the key.
pub(super) struct FieldMapper {
    selector: Selector,
    key_kind: WritableKind,
    value_kind: WritableKind,
}

impl FieldMapper {
    pub(super) fn new(
        selection: &FieldSelection,
        key_kind: &WritableKind,
        value_kind: &WritableKind,
    ) -> Result<Self, BuiltInError> {
        let selector = Selector::new(selection)?;
        Ok(Self { selector, key_kind: key_kind.clone(), value_kind: value_kind.clone() })
    }
}

impl RecordMapper for FieldMapper {
    fn map(&mut self, record: RecordRef<'_>, emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        let value = text_of(&self.value_kind, record.value)?;
        if self.selector.selection.ignore_key {
            self.selector.select(&value);
        } else {
            // Nothing stands between the two.
            let row = text_of(&self.key_kind, record.key)? + &*value;
            self.selector.select(&row);
        }
        let Selector { selection, key, value, .. } = &self.selector;
        let (key, value) = if selection.fields.key.is_empty() {
            (value.as_str(), "")
        } else {
            (key.as_str(), value.as_str())
        };
        emit(RecordRef { key: key.as_bytes(), value: value.as_bytes() })
    }
}

/// The class as reducer: each value is a row of its own, behind the key and a separator.
pub(super) struct FieldReducer {
    selector: Selector,
    row: String,
}

impl FieldReducer {
    pub(super) fn new(selection: &FieldSelection) -> Result<Self, BuiltInError> {
        Ok(Self { selector: Selector::new(selection)?, row: String::new() })
    }
}

impl GroupReducer for FieldReducer {
    fn begin(&mut self, _: &[u8]) -> Result<(), TaskFailure> {
        Ok(())
    }

    fn value(&mut self, key: &[u8], value: &[u8], emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        self.row.clear();
        self.row.push_str(&decode_utf8(key));
        self.row.push_str(&self.selector.selection.separator);
        self.row.push_str(&decode_utf8(value));
        self.selector.select(&self.row);
        emit(RecordRef { key: self.selector.key.as_bytes(), value: self.selector.value.as_bytes() })
    }

    fn end(&mut self, _: &[u8], _: &mut Emit<'_>) -> Result<(), TaskFailure> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{long, map_all, reduce_all, texts};
    use super::*;
    use crate::plan::{BuiltIn, Processor};
    use crate::writable::WritableKind::{Long, Text};

    fn class(separator: &str, spec: &str, ignore_key: bool) -> Processor {
        let fields = SelectedFields::parse(spec).unwrap();
        Processor::BuiltIn(BuiltIn::FieldSelection(FieldSelection {
            separator: separator.into(),
            ignore_key,
            fields,
        }))
    }

    /// Checks what a mapper makes of a line at offset 7.
    fn check_map(separator: &str, spec: &str, line: &str, key: &str, value: &str) {
        let input = [(&long(7)[..], line.as_bytes())];
        let records = map_all(&class(separator, spec, true), &(Long, Text), &input).unwrap();
        assert_eq!(records, texts(&[(key, value)]), "{spec:?} of {line:?}");
    }

    fn check_reduce(separator: &str, spec: &str, record: (&str, &str), key: &str, value: &str) {
        let input = [(record.0.as_bytes(), record.1.as_bytes())];
        let records = reduce_all(&class(separator, spec, false), &(Text, Text), &input).unwrap();
        assert_eq!(records, texts(&[(key, value)]), "{spec:?} of {record:?}");
    }

    /// Hadoop: `FieldSelectionHelper.selectFields`.
    #[test]
    fn fields_are_chosen_by_number() {
        check_map(",", "1:2,0", "a,b,c", "b", "c,a");
        check_map(",", "0:1-", "a,b,c", "a", "b,c");
        check_map(",", "2,5:1-,0,9", "a,b,c", "c,", "a,,b,c");
        check_map(",", "0-1:7-", "a,b,c", "a,b", "");
        check_map(",", "0:", "a,b", "a", "");
        check_map(",", ":1", "a,b", "b", "");
        check_map(",", "0-:", "a,b", "", "");
        check_map(",", "0-:0-", "a,b,,", "a,b", "");
        check_map(",", "0:1", "", "", "");
    }

    #[test]
    fn the_separator_splits_as_a_pattern_and_joins_as_text() {
        check_map("[:;]", "1:0,2", "a:b;c", "b[:;", "a[:;]c[:;");
        check_map("::", "0,1:2", "a::b::c", "a::b:", "c:");
        check_map(".", "0:0-", "abc", "", "");
        check_map("|", "0:1-", "ab", "a", "b");
        check_map("\u{1F600}", "0:1", "a\u{1F600}b", "a?", "b?");
    }

    #[test]
    fn a_key_that_is_no_offset_stands_right_before_the_value() {
        let input = [(&b"k1,"[..], &b"v1,v2"[..])];
        let records = map_all(&class(",", "1:0", false), &(Text, Text), &input).unwrap();
        assert_eq!(records, texts(&[("v1", "k1")]));
        let input = [(&long(12)[..], &b"3,x"[..])];
        let records = map_all(&class(",", "0:1", false), &(Long, Text), &input).unwrap();
        assert_eq!(records, texts(&[("123", "x")]));
    }

    /// Hadoop: `FieldSelectionMapReduce.reduce`.
    #[test]
    fn a_reducer_takes_key_separator_and_value_for_a_row() {
        check_reduce("\t", "0:2,1", ("k", "a\tb"), "k", "b\ta");
        check_reduce("\t", "0:2,1", ("k", "f"), "k", "\tf");
        check_reduce("\t", "0:1-", ("k", ""), "k", "");
        check_reduce("\t", "1:0", ("k", ""), "", "k");
        // Nothing chosen is nothing written, see `kinds::reduced`.
        check_reduce("\t", "0-:1", ("k", "v"), "", "v");
    }

    #[test]
    fn a_separator_that_is_no_pattern_fails_the_task() {
        let error = map_all(&class("(", "0:1", true), &(Long, Text), &[]).unwrap_err();
        let error = crate::error::chain(&error);
        assert!(
            error.starts_with("FieldSelectionMapReduce: pattern \"(\": not a regular expression"),
            "{error}"
        );
    }
}
