//! The environment of a job's children.
//!
//! A plan holds what the job itself names. What children inherit from the process that starts them, [`Launch`], is
//! joined with it when tasks run, so that a plan can be shown to others and run elsewhere.

use super::wire;
use crate::ids::TaskKind;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

/// What a job adds to the environment that its children inherit. Hadoop: `PipeMapRed`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Environment {
    /// Name and value, in the order of names, each name once: the job's properties, over them `-cmdenv`.
    #[serde(with = "wire::os_pairs")]
    pub variables: Vec<(OsString, OsString)>,
    /// In order, the names of those that are set over the configuration, an attempt's part of it included:
    /// by `-cmdenv`, and `TMPDIR`.
    pub fixed: Vec<String>,
    /// `stream.jobconf.truncate.limit`: longest value of a property in UTF-16 units; `None` is no limit.
    pub value_units_max: Option<u32>,
    /// `mapreduce.admin.user.env` and `mapreduce.map.env`: name and value, references unresolved, in order.
    pub map_definitions: Vec<(String, String)>,
    /// `mapreduce.admin.user.env` and `mapreduce.reduce.env`, likewise.
    pub reduce_definitions: Vec<(String, String)>,
    /// The properties that attempts with a folder of their own find in `job.xml`: name and value as given, in order.
    pub properties: Vec<(String, String)>,
}

/// What children get from the process that starts them. It is never part of a plan.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Launch {
    /// The folder it was started in.
    pub dir: PathBuf,
    /// Its environment.
    pub environment: Vec<(OsString, OsString)>,
    /// Its folder for temporary files (Java's `java.io.tmpdir`).
    pub temp_dir: PathBuf,
}

impl Environment {
    /// The value of a variable that the job sets.
    pub fn get(&self, name: &str) -> Option<&OsStr> {
        find(&self.variables, name)
    }

    /// All variables of the children of this kind of task, in the order of names: what they inherit, over it the
    /// definitions, over these the properties and `-cmdenv`, and `TMPDIR`.
    pub fn of_children(&self, kind: TaskKind, launch: &Launch) -> Vec<(OsString, OsString)> {
        let inherited: BTreeMap<OsString, OsString> = launch.environment.iter().cloned().collect();
        let definitions = match kind {
            TaskKind::Map => &self.map_definitions,
            TaskKind::Reduce => &self.reduce_definitions,
        };
        let defined = resolve(definitions, &inherited);
        let mut all = inherited;
        all.extend(defined);
        all.extend(self.variables.iter().cloned());
        all.insert("TMPDIR".into(), launch.temp_dir.clone().into());
        all.into_iter().collect()
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

/// The value of a name in a list in the order of names.
pub(crate) fn find<'a>(variables: &'a [(OsString, OsString)], name: &str) -> Option<&'a OsStr> {
    let found = variables.binary_search_by(|(known, _)| known.as_os_str().cmp(OsStr::new(name)));
    found.ok().map(|at| variables[at].1.as_os_str())
}

/// The values of definitions. Hadoop: `Apps.setEnvFromInputProperty`, which replaces `$NAME` and appends to a name
/// that is defined already, with a colon; `ContainerLaunch`, whose script replaces `{{NAME}}` and `${NAME}`, and
/// writes `<CPS>` as a colon. `%NAME%` means something on Windows only.
fn resolve(
    definitions: &[(String, String)],
    inherited: &BTreeMap<OsString, OsString>,
) -> BTreeMap<OsString, OsString> {
    let mut defined = BTreeMap::<OsString, OsString>::new();
    for (name, value) in definitions {
        let value = replaced(value, &[("$", "")], &defined, inherited);
        let joined = match defined.remove(OsStr::new(name)) {
            Some(mut before) => {
                before.push(":");
                before.push(value);
                before
            }
            None => value,
        };
        defined.insert(name.into(), joined);
    }
    let first = defined.clone();
    for value in defined.values_mut() {
        if let Some(text) = value.to_str() {
            let text = text.replace("<CPS>", ":");
            *value = replaced(&text, &[("{{", "}}"), ("${", "}")], &first, inherited);
        }
    }
    defined
}

/// A value with its references replaced; what is between the marks must be a name. An unknown name is nothing.
fn replaced(
    value: &str,
    marks: &[(&str, &str)],
    defined: &BTreeMap<OsString, OsString>,
    inherited: &BTreeMap<OsString, OsString>,
) -> OsString {
    let (mut result, mut rest) = (OsString::new(), value);
    while !rest.is_empty() {
        let reference = marks.iter().find_map(|(before, after)| {
            let inner = rest.strip_prefix(before)?;
            let (name, behind) = inner.split_at(name_length(inner));
            Some((name, behind.strip_prefix(after)?)).filter(|(name, _)| !name.is_empty())
        });
        if let Some((name, behind)) = reference {
            let name = OsStr::new(name);
            result
                .push(defined.get(name).or_else(|| inherited.get(name)).map_or("".as_ref(), |text| &**text));
            rest = behind;
        } else {
            let (letter, behind) = rest.split_at(rest.chars().next().map_or(0, char::len_utf8));
            result.push(letter);
            rest = behind;
        }
    }
    result
}

/// Bytes of the name of a variable that a text begins with; 0 if it begins with none. Hadoop:
/// `Shell.ENV_NAME_REGEX`.
pub(crate) fn name_length(text: &str) -> usize {
    let in_name = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let length = text.bytes().take_while(|byte| in_name(*byte)).count();
    if text.starts_with(|first: char| first.is_ascii_digit()) { 0 } else { length }
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

    #[test]
    fn definitions_are_resolved_as_on_a_cluster() {
        let check = |definitions: &[(&str, &str)], expect: &[(&str, &str)]| {
            let definitions: Vec<_> =
                definitions.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect();
            let inherited = pairs(&[("HOME", "/h"), ("PATH", "/bin")]).into_iter().collect();
            let found: Vec<_> = resolve(&definitions, &inherited).into_iter().collect();
            assert_eq!(found, pairs(expect), "{definitions:?}");
        };
        check(&[("q", "fox")], &[("q", "fox")]);
        check(&[("PATH", "/x:$PATH")], &[("PATH", "/x:/bin")]);
        check(&[("A", "1"), ("A", "2"), ("B", "$A$NONE.")], &[("A", "1:2"), ("B", "1:2.")]);
        check(&[("A", "{{HOME}}/a"), ("B", "${HOME}<CPS>$")], &[("A", "/h/a"), ("B", "/h:$")]);
        check(&[("A", "%HOME% $1 {{1}} ${} é")], &[("A", "%HOME% $1 {{1}} ${} é")]);
    }

    #[test]
    fn properties_win_over_definitions_and_these_over_what_is_inherited() {
        let own = |name: &str, value: &str| vec![(name.to_owned(), value.to_owned())];
        let environment = Environment {
            variables: pairs(&[("A", "property"), ("TMPDIR", "property")]),
            map_definitions: own("A", "defined"),
            reduce_definitions: own("B", "defined"),
            ..Environment::default()
        };
        let launch = Launch {
            dir: "/".into(),
            environment: pairs(&[("C", "inherited"), ("A", "inherited"), ("B", "inherited")]),
            temp_dir: "/t".into(),
        };
        let common = [("A", "property"), ("C", "inherited"), ("TMPDIR", "/t")];
        let expect = |b: (&str, &str)| pairs(&[common[0], b, common[1], common[2]]);
        assert_eq!(environment.of_children(TaskKind::Map, &launch), expect(("B", "inherited")));
        assert_eq!(environment.of_children(TaskKind::Reduce, &launch), expect(("B", "defined")));
    }
}
