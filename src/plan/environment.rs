//! The environment of a job's children.

use super::wire;
use serde::{Deserialize, Serialize};
use std::ffi::{OsStr, OsString};

/// What all children of a job find in their environment. Hadoop: `PipeMapRed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Name and value, in the order of names, each name once.
    #[serde(with = "wire::os_pairs")]
    pub variables: Vec<(OsString, OsString)>,
    /// In order, the names of those that are set over the configuration, an attempt's part of it included:
    /// by `-cmdenv`, and `TMPDIR`.
    pub fixed: Vec<String>,
    /// `stream.jobconf.truncate.limit`: longest value of a property in UTF-16 units; `None` is no limit.
    pub value_units_max: Option<u32>,
    /// The properties that attempts with a folder of their own find in `job.xml`: name and value as given, in order.
    pub properties: Vec<(String, String)>,
}

impl Environment {
    /// The value of a variable.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        let found = self.variables.binary_search_by(|(known, _)| known.as_os_str().cmp(OsStr::new(name)));
        found.ok().map(|at| self.variables[at].1.as_os_str())
    }

    /// A property's value as a variable shows it, cut to the limit as Java counts; a letter cut in two is left
    /// out. Hadoop: `PipeMapRed.addJobConfToEnvironment`.
    pub(crate) fn cut<'a>(&self, value: &'a str) -> &'a str {
        let Some(units_max) = self.value_units_max else { return value };
        let mut units = 0;
        for (at, letter) in value.char_indices() {
            units += letter.len_utf16() as u64;
            if units > units_max.into() {
                return &value[..at];
            }
        }
        value
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        list.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    #[test]
    fn variables_are_found_and_letters_counted_as_java_does() {
        let environment = Environment {
            variables: pairs(&[("A", "a"), ("B", "b")]),
            value_units_max: Some(3),
            ..Environment::default()
        };
        assert_eq!((environment.get("B"), environment.get("C")), (Some(OsStr::new("b")), None));
        for (value, expect) in
            [("abcdef", "abc"), ("a\u{e9}\u{65e5}x", "a\u{e9}\u{65e5}"), ("ab\u{1d11e}", "ab"), ("", "")]
        {
            assert_eq!(environment.cut(value), expect);
        }
    }
}
