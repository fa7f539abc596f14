//! Views of one record, and the search for the separator between its key and its value.

use memchr::{memchr, memmem};

/// A record as two byte slices. What the bytes mean is said by the
/// [`WritableKind`](crate::writable::WritableKind)s that travel beside a stream of records.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RecordRef<'a> {
    /// The key's payload.
    pub key: &'a [u8],
    /// The value's payload.
    pub value: &'a [u8],
}

/// Where a line is cut into key and value: after `key_fields` fields ended by `separator`.
///
/// Hadoop: `TextOutputReader.splitKeyVal`. A line with fewer separators is all key. Zero fields mean one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct KeyFields<'a> {
    /// The separator, one byte or more; a tab unless the job says otherwise.
    pub separator: &'a [u8],
    /// How many fields the key has.
    pub key_fields: usize,
}

impl KeyFields<'_> {
    /// Cuts `line` (without its line end).
    pub fn split<'l>(&self, line: &'l [u8]) -> RecordRef<'l> {
        let cut = match self.separator {
            [one] if self.key_fields <= 1 => memchr(*one, line),
            _ => self.nth_separator(line),
        };
        match cut {
            Some(at) => RecordRef { key: &line[..at], value: &line[at + self.separator.len()..] },
            None => RecordRef { key: line, value: &[] },
        }
    }

    fn nth_separator(&self, line: &[u8]) -> Option<usize> {
        let mut from = 0;
        for field in 1.. {
            let at = from + memmem::find(&line[from..], self.separator)?;
            if field >= self.key_fields {
                return Some(at);
            }
            from = at + self.separator.len();
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(separator: &str, key_fields: usize, line: &str, key: &str, value: &str) {
        let cut = KeyFields { separator: separator.as_bytes(), key_fields }.split(line.as_bytes());
        assert_eq!((cut.key, cut.value), (key.as_bytes(), value.as_bytes()), "{line:?}");
    }

    #[test]
    fn a_line_is_cut_at_the_nth_separator() {
        check("\t", 1, "a\tb\tc", "a", "b\tc");
        check("\t", 0, "a\tb", "a", "b");
        check("\t", 2, "a\tb\tc", "a\tb", "c");
        check("\t", 2, "a\tb", "a\tb", "");
        check("\t", 1, "", "", "");
        check("::", 2, "a::b:::c", "a::b", ":c");
        check("::", 1, ":::", "", ":");
    }
}
