//! The `-k` options of `KeyFieldBasedComparator` and `KeyFieldBasedPartitioner`: how they are read, and which
//! bytes of a key each one means. Hadoop: `KeyFieldHelper`.
//!
//! Fields are what stands between separators and characters are bytes, both counted from 1. What a spec
//! does with its bytes (compare, hash) is not known here.

use serde::{Deserialize, Serialize};

/// One `-kFIELD[.CHAR][nr][,FIELD[.CHAR][nr]]`.
///
/// The numbers are signed because Hadoop takes negative ones too. Fields below 1 then mean the first, and
/// characters below 1 lie before the field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeySpec {
    /// First field, from 1.
    pub begin_field: i32,
    /// First character in it, from 1.
    pub begin_char: i32,
    /// Last field, from 1; 0 is the end of the key.
    pub end_field: i32,
    /// Last character in it, from 1; 0 is the end of the field.
    pub end_char: i32,
    /// Compare as numbers.
    pub numeric: bool,
    /// Turn the order round.
    pub reverse: bool,
}

/// A `-k` option that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("cannot read key option -k{option}: {reason}; expected -kFIELD[.CHAR][n][r][,FIELD[.CHAR][n][r]]")]
pub struct KeySpecError {
    /// What followed `-k`.
    pub option: String,
    /// What is wrong with it.
    pub reason: String,
}

/// Where the bytes of a spec lie in a key, as offsets from the key's first byte.
///
/// Signed, as in Hadoop: an `end` before `start` is a range of nothing, and a character 0 of the first
/// field makes `start` -1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct KeyRange {
    /// The first byte; never past the key's last one.
    pub(crate) start: i64,
    /// One past the last byte; never past the key's end.
    pub(crate) end: i64,
}

impl KeySpec {
    /// The whole key, compared as bytes.
    pub const WHOLE_KEY: Self =
        Self { begin_field: 1, begin_char: 1, end_field: 0, end_char: 0, numeric: false, reverse: false };

    /// What `num.key.fields.for.partition` stands for: the first `count` fields as one spec, or no spec at
    /// all for a count below 1. Hadoop: `KeyFieldHelper.setKeyFieldSpec`.
    pub fn first_fields(count: i32) -> Vec<Self> {
        if count < 1 {
            return Vec::new();
        }
        vec![Self { end_field: count, ..Self::WHOLE_KEY }]
    }

    /// The bytes that this spec means in `key`, or `None` if the key has no such field or character.
    ///
    /// Hadoop: `KeyFieldHelper.getStartOffset` and `getEndOffset` on `getWordLengths`. A character may lie
    /// beyond its field, even in the next one; an end beyond the key is the key's end.
    pub(crate) fn range(&self, key: &[u8], separator: &[u8]) -> Option<KeyRange> {
        let length = key.len() as i64;
        let width = separator.len() as i64;
        // Hadoop looks for the next separator one byte, not one separator, after the last. With a separator
        // of several bytes its field lengths, and so the sums of them, are too large by the difference.
        let field_start = |number: i32, separator_at: usize| {
            separator_at as i64 + width + i64::from(number - 2) * (width - 1)
        };
        let mut before_begin = None;
        let mut start = 0;
        if self.begin_field > 1 {
            let at = find_nth(key, separator, 0, self.begin_field - 1)?;
            before_begin = Some(at);
            start = field_start(self.begin_field, at);
        }
        if start + i64::from(self.begin_char) > length {
            return None;
        }
        // The search for the end goes on where the one for the beginning stopped.
        let nth_separator = |number: i32| match before_begin {
            Some(at) if number == self.begin_field - 1 => Some(at),
            Some(at) if number >= self.begin_field => {
                find_nth(key, separator, at + 1, number - self.begin_field + 1)
            }
            _ => find_nth(key, separator, 0, number),
        };
        let end_field = self.end_field.max(1);
        let end = if self.end_field == 0 {
            None
        } else if self.end_char == 0 {
            nth_separator(end_field).map(|at| at as i64 + i64::from(end_field - 1) * (width - 1))
        } else if end_field == 1 {
            Some(i64::from(self.end_char))
        } else {
            let before_end = nth_separator(end_field - 1);
            before_end.map(|at| field_start(end_field, at) + i64::from(self.end_char))
        };
        let end = end.map_or(length, |end| end.min(length));
        Some(KeyRange { start: start + i64::from(self.begin_char) - 1, end })
    }
}

/// Where the `number`th separator from `from` on begins; they may overlap. Hadoop:
/// `UTF8ByteArrayUtils.findBytes`, called as `KeyFieldHelper.getWordLengths` does.
fn find_nth(key: &[u8], separator: &[u8], from: usize, number: i32) -> Option<usize> {
    let nth = usize::try_from(number - 1).ok()?;
    if let [byte] = *separator {
        return memchr::memchr_iter(byte, key.get(from..)?).nth(nth).map(|at| from + at);
    }
    let mut from = from;
    for _ in 0..nth {
        from += memchr::memmem::find(key.get(from..)?, separator)? + 1;
    }
    Some(from + memchr::memmem::find(key.get(from..)?, separator)?)
}

/// Reads `mapreduce.partition.keycomparator.options` or `mapreduce.partition.keypartitioner.options`.
///
/// `-n`, `-r` and `-nr` on their own hold for every spec that has neither flag itself, and make a spec of
/// the whole key if there is no `-k`. No text means no spec; text that says nothing (blanks, unknown
/// options, which Hadoop passes over) means the whole key. Hadoop: `KeyFieldHelper.parseOption`.
///
/// # Errors
/// The first `-k` that is not of the form above, as in Hadoop, where the job's tasks then fail.
pub fn parse_key_specs(options: &str) -> Result<Vec<KeySpec>, KeySpecError> {
    if options.is_empty() {
        return Ok(Vec::new());
    }
    let mut global = KeySpec::WHOLE_KEY;
    let mut specs = Vec::new();
    let blank = |character| matches!(character, ' ' | '\t' | '\n' | '\r' | '\x0c');
    let mut words = options.split(blank).filter(|word| !word.is_empty());
    while let Some(word) = words.next() {
        match word {
            "-n" => global.numeric = true,
            "-r" => global.reverse = true,
            "-nr" => (global.numeric, global.reverse) = (true, true),
            // A last -k with nothing behind it is passed over.
            "-k" => specs.extend(words.next().map(parse_key).transpose()?),
            _ => specs.extend(word.strip_prefix("-k").map(parse_key).transpose()?),
        }
    }
    for spec in &mut specs {
        if !spec.numeric && !spec.reverse {
            (spec.numeric, spec.reverse) = (global.numeric, global.reverse);
        }
    }
    if specs.is_empty() {
        specs.push(global);
    }
    Ok(specs)
}

/// Reads what follows `-k`. Hadoop: `KeyFieldHelper.parseKey`.
fn parse_key(option: &str) -> Result<KeySpec, KeySpecError> {
    let mut spec = KeySpec::WHOLE_KEY;
    let mut rest = KeyText { option, rest: option };
    spec.begin_field = rest.number()?;
    if rest.take('.') {
        spec.begin_char = rest.number()?;
    }
    rest.flags(&mut spec);
    if rest.take(',') {
        spec.end_field = rest.number()?;
        if rest.take('.') {
            spec.end_char = rest.number()?;
        }
        rest.flags(&mut spec);
    }
    match rest.rest {
        "" => Ok(spec),
        extra => Err(rest.wrong(format!("{extra:?} does not belong there"))),
    }
}

/// The part of a `-k` option that is still to be read.
struct KeyText<'a> {
    option: &'a str,
    rest: &'a str,
}

impl KeyText<'_> {
    fn take(&mut self, character: char) -> bool {
        self.rest.strip_prefix(character).map(|rest| self.rest = rest).is_some()
    }

    fn flags(&mut self, spec: &mut KeySpec) {
        loop {
            if self.take('n') {
                spec.numeric = true;
            } else if self.take('r') {
                spec.reverse = true;
            } else {
                return;
            }
        }
    }

    fn number(&mut self) -> Result<i32, KeySpecError> {
        let (number, rest) =
            self.rest.split_at(self.rest.find(['n', 'r', '.', ',']).unwrap_or(self.rest.len()));
        self.rest = rest;
        number.parse().map_err(|_| self.wrong(format!("{number:?} is not a number")))
    }

    fn wrong(&self, reason: String) -> KeySpecError {
        KeySpecError { option: self.option.to_owned(), reason }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_options(options: &str, expected: &[(i32, i32, i32, i32, &str)]) {
        let spec = |&(begin_field, begin_char, end_field, end_char, flags): &(i32, i32, i32, i32, &str)| {
            let (numeric, reverse) = (flags.contains('n'), flags.contains('r'));
            KeySpec { begin_field, begin_char, end_field, end_char, numeric, reverse }
        };
        let expected = Ok(expected.iter().map(spec).collect());
        assert_eq!(parse_key_specs(options), expected, "{options:?}");
    }

    #[test]
    fn options_become_specs() {
        check_options("", &[]);
        check_options("-k1", &[(1, 1, 0, 0, "")]);
        check_options("-k 2,3", &[(2, 1, 3, 0, "")]);
        check_options("-k1.2,3.4", &[(1, 2, 3, 4, "")]);
        check_options("-k2n,2r", &[(2, 1, 2, 0, "nr")]);
        check_options("-k1.2nn", &[(1, 2, 0, 0, "n")]);
        check_options("-k1,1\t-k2,2nr", &[(1, 1, 1, 0, ""), (2, 1, 2, 0, "nr")]);
        check_options("-k0.-1,+4", &[(0, -1, 4, 0, "")]);
    }

    #[test]
    fn flags_of_their_own_are_for_specs_without_any() {
        check_options("-n", &[(1, 1, 0, 0, "n")]);
        check_options("-n -r", &[(1, 1, 0, 0, "nr")]);
        check_options("-k1 -k2r -nr", &[(1, 1, 0, 0, "nr"), (2, 1, 0, 0, "r")]);
        // Text that says nothing still makes a spec, and what Hadoop does not know says nothing.
        check_options("  ", &[(1, 1, 0, 0, "")]);
        check_options("-rn -b", &[(1, 1, 0, 0, "")]);
        check_options("-k", &[(1, 1, 0, 0, "")]);
    }

    #[test]
    fn options_that_hadoop_rejects_are_errors() {
        let bad = [
            "-kx",
            "-k1x",
            "-k1.",
            "-k1,",
            "-k,1",
            "-k1.x",
            "-k1,2x",
            "-k1n.2",
            "-k1,2n.3",
            "-k1,,2",
            "-kn",
            "-k99999999999",
            "-k1.2.3",
            "-k1,2,3",
            "-k -n",
            "-k1 -k2x",
        ];
        for options in bad {
            assert!(parse_key_specs(options).is_err(), "{options}");
        }
        let error = parse_key_specs("-n -kx").unwrap_err();
        assert_eq!((&*error.option, &*error.reason), ("x", "\"x\" is not a number"));
    }

    #[test]
    fn a_count_of_fields_is_one_spec() {
        assert_eq!(KeySpec::first_fields(2), parse_key_specs("-k1,2").unwrap());
        assert_eq!(KeySpec::first_fields(0), []);
    }

    fn check_range(options: &str, separator: &str, key: &str, expected: Option<(i64, i64)>) {
        let specs = parse_key_specs(options).unwrap();
        let range = specs[0].range(key.as_bytes(), separator.as_bytes());
        assert_eq!(range.map(|range| (range.start, range.end)), expected, "{options} of {key:?}");
    }

    #[test]
    fn a_spec_means_a_range_of_bytes() {
        check_range("-k1", ".", "ab.c", Some((0, 4)));
        check_range("-k1,1", ".", "ab.c.d", Some((0, 2)));
        check_range("-k2,2", ".", "ab.c.d", Some((3, 4)));
        check_range("-k2,3", ".", "ab.c.d", Some((3, 6)));
        check_range("-k3,3", ".", "ab.c.d", Some((5, 6)));
        check_range("-k1.2,1.3", ".", "abcd.e", Some((1, 3)));
        check_range("-k2.2,3.1", ".", "ab.cd.ef", Some((4, 7)));
        check_range("-k1,1", ".", "no separator", Some((0, 12)));
    }

    #[test]
    fn fields_and_characters_may_be_missing() {
        check_range("-k1", ".", "", None);
        check_range("-k3,3", ".", "a.b", None);
        check_range("-k2", ".", "a.", None);
        check_range("-k2,2", ".", "a..b", Some((2, 2)));
        check_range("-k1.3", ".", "ab", None);
        // Characters go on into the next field, and an end that is not there is the end of the key.
        check_range("-k1.3,1", ".", "ab.c", Some((2, 2)));
        check_range("-k1,1.9", ".", "ab.c", Some((0, 4)));
        check_range("-k1,5", ".", "ab.c", Some((0, 4)));
        check_range("-k1,5.2", ".", "ab.c", Some((0, 4)));
        check_range("-k3,1", ".", "ab.c.d", Some((5, 2)));
        check_range("-k1.0", ".", "ab", Some((-1, 2)));
        check_range("-k2.-1,1.-2", ".", "ab.c", Some((1, -2)));
    }

    #[test]
    fn long_separators_shift_the_third_field() {
        check_range("-k2,2", "::", "a::b::c", Some((3, 5)));
        check_range("-k3,3", "::", "a::b::cd::", Some((7, 10)));
        // Separators overlap: the second one begins at byte 2.
        check_range("-k3", "aa", "xaaa45", Some((5, 6)));
        check_range("-k1", "", "ab", Some((0, 2)));
    }
}
