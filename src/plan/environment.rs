//! The environment of a job's children, and how an attempt's own names come into it.

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

    /// The variables with an attempt's properties among them, names being variables' names already, each once.
    ///
    /// Both lists are in order, so one pass joins them: the first is long, and every attempt does this.
    pub(crate) fn with(&self, mut own: Vec<(&str, OsString)>) -> Vec<(OsString, OsString)> {
        own.retain(|(name, _)| self.fixed.binary_search_by(|fixed| fixed.as_str().cmp(name)).is_err());
        own.sort_unstable_by_key(|(name, _)| *name);
        let mut joined = Vec::with_capacity(self.variables.len() + own.len());
        let mut own = own.into_iter().map(|(name, value)| (name, self.cut_os(value))).peekable();
        for (name, value) in &self.variables {
            while let Some((new, value)) = own.next_if(|(new, _)| OsStr::new(new) < name.as_os_str()) {
                joined.push((new.into(), value));
            }
            let replaced = own.next_if(|(new, _)| OsStr::new(new) == name.as_os_str());
            joined.push((name.clone(), replaced.map_or_else(|| value.clone(), |(_, value)| value)));
        }
        joined.extend(own.map(|(name, value)| (name.into(), value)));
        joined
    }

    /// A path that is not UTF-8 stays whole: Java has no such paths.
    fn cut_os(&self, value: OsString) -> OsString {
        match value.to_str() {
            Some(text) if self.value_units_max.is_some() => self.cut(text).into(),
            _ => value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(list: &[(&str, &str)]) -> Vec<(OsString, OsString)> {
        list.iter().map(|(name, value)| (name.into(), value.into())).collect()
    }

    fn check(fixed: &[&str], units_max: Option<u32>, own: &[(&'static str, &str)], expect: &[(&str, &str)]) {
        let environment = Environment {
            variables: pairs(&[("B", "job"), ("D", "job"), ("b", "job")]),
            fixed: fixed.iter().map(ToString::to_string).collect(),
            value_units_max: units_max,
        };
        let own = own.iter().map(|(name, value)| (*name, value.into())).collect();
        assert_eq!(environment.with(own), pairs(expect), "{expect:?}");
    }

    #[test]
    fn an_attempts_properties_find_their_places() {
        check(&[], None, &[], &[("B", "job"), ("D", "job"), ("b", "job")]);
        check(&[], None, &[("D", "own")], &[("B", "job"), ("D", "own"), ("b", "job")]);
        let own = [("c", "own"), ("b", "own"), ("C", "own"), ("A", "own"), ("a", "own")];
        let expect = [
            ("A", "own"),
            ("B", "job"),
            ("C", "own"),
            ("D", "job"),
            ("a", "own"),
            ("b", "own"),
            ("c", "own"),
        ];
        check(&[], None, &own, &expect);
    }

    #[test]
    fn fixed_names_stay_and_long_values_are_cut() {
        let own = [("B", "own"), ("C", "own")];
        check(&["A", "B"], None, &own, &[("B", "job"), ("C", "own"), ("D", "job"), ("b", "job")]);
        check(&["C"], None, &own, &[("B", "own"), ("D", "job"), ("b", "job")]);
        check(&[], Some(2), &own, &[("B", "ow"), ("C", "ow"), ("D", "job"), ("b", "job")]);
        check(&[], Some(0), &own, &[("B", ""), ("C", ""), ("D", "job"), ("b", "job")]);
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
