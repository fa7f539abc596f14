//! Mappers that count parts of a text: `TokenCountMapper` and `RegexMapper`. Both take values of class
//! `Text`, do not look at keys, and emit each part with a `LongWritable` of 1.

use super::error::shortened;
use super::{BuiltInError, Emit, RecordMapper, TaskFailure};
use crate::java_regex::JavaRegex;
use crate::record::RecordRef;
use crate::writable::decode_utf8;

/// The payload of a `LongWritable` of 1.
const ONE: [u8; 8] = 1_i64.to_be_bytes();

/// The parts between blanks. Hadoop: `TokenCountMapper`; Java: `StringTokenizer`, whose blanks are these
/// five.
pub(super) struct TokenCount;

impl RecordMapper for TokenCount {
    fn map(&mut self, record: RecordRef<'_>, emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        let text = decode_utf8(record.value);
        let words = text.split([' ', '\t', '\n', '\r', '\x0C']).filter(|word| !word.is_empty());
        for word in words {
            emit(RecordRef { key: word.as_bytes(), value: &ONE })?;
        }
        Ok(())
    }
}

/// One group of each match. Hadoop: `RegexMapper`.
pub(super) struct RegexMatches {
    regex: JavaRegex,
    pattern: String,
    group: i32,
}

impl RegexMatches {
    pub(super) fn new(pattern: &str, group: i32) -> Result<Self, BuiltInError> {
        let class = "RegexMapper";
        let failed = |source| BuiltInError::Pattern { class, pattern: pattern.to_owned(), source };
        Ok(Self { regex: JavaRegex::new(pattern).map_err(failed)?, pattern: pattern.to_owned(), group })
    }
}

impl RecordMapper for RegexMatches {
    fn map(&mut self, record: RecordRef<'_>, emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        let text = decode_utf8(record.value);
        let mut matches = self.regex.matches(&text);
        while let Some(found) = matches.find() {
            let group = usize::try_from(self.group).ok().and_then(|number| matches.group(number));
            let Some(part) = group else {
                let found = shortened(&text[found]);
                return Err(
                    BuiltInError::Group { group: self.group, pattern: self.pattern.clone(), found }.into()
                );
            };
            emit(RecordRef { key: part.as_bytes(), value: &ONE })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{long, map_all, text};
    use crate::plan::{BuiltIn, Processor};
    use crate::writable::WritableKind::{Long, Text};

    fn check(class: BuiltIn, value: &[u8], expect: &[&str]) {
        let kinds = (Long, Text);
        let records = map_all(&Processor::BuiltIn(class), &kinds, &[(&long(0), value)]).unwrap();
        let expect: Vec<_> = expect.iter().map(|word| (text(word), long(1))).collect();
        assert_eq!(records, expect, "{value:?}");
    }

    fn regex(pattern: &str, group: i32) -> BuiltIn {
        BuiltIn::Regex { pattern: pattern.into(), group }
    }

    /// Hadoop: `TokenCountMapper`.
    #[test]
    fn words_stand_between_five_kinds_of_blank() {
        check(BuiltIn::TokenCount, b" a\tb\x0Cc\nd\re  a ", &["a", "b", "c", "d", "e", "a"]);
        check(BuiltIn::TokenCount, "a\u{a0}b\x0Bc".as_bytes(), &["a\u{a0}b\x0Bc"]);
        check(BuiltIn::TokenCount, b" ", &[]);
        check(BuiltIn::TokenCount, b"x\xFF y", &["x\u{FFFD}", "y"]);
    }

    /// Hadoop: `RegexMapper`.
    #[test]
    fn a_group_of_each_match_is_counted() {
        check(regex("([a-z]+)at", 1), b"cat mat 7at", &["c", "m"]);
        check(regex("([a-z]+)at", 0), b"cat mat", &["cat", "mat"]);
        check(regex("a*", 0), b"ba", &["", "a", ""]);
        check(regex("a", 5), b"z", &[]);
        check(regex("a", -1), b"bcd", &[]);
    }

    #[test]
    fn a_group_that_a_match_lacks_fails_the_task() {
        let check = |pattern: &str, group: i32, expect: &str| {
            let class = Processor::BuiltIn(regex(pattern, group));
            let error = map_all(&class, &(Long, Text), &[(&long(0), b"xb")]).unwrap_err();
            let error = crate::error::chain(&error);
            assert!(error.contains(expect), "{error}");
        };
        check("b", 1, "group 1 of pattern \"b\" is not in its match \"b\"");
        check("b", -1, "group -1 of pattern");
        check("(a)|b", 1, "group 1 of pattern \"(a)|b\"");
        check("(", 0, "RegexMapper: pattern \"(\": not a regular expression");
    }
}
