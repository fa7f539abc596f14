//! Raw properties: name to text, with where each came from.
//!
//! Hadoop's `Configuration` keeps two layers, what files say and what was set over it, and ties older names
//! to present ones. Here every name is kept under its present name only, with the same outcome:
//!
//! - Of several files the later one wins, but not over a property that an earlier one called final. What
//!   is set on the command line wins over all of them, final or not.
//! - When the command line sets a property by an older name *and* by the present one, the present name wins
//!   whatever the order: Hadoop learns the older names of MapReduce only after the command line was read,
//!   and then prefers what is there under the present name.
//! - A value of no letters counts as unset: it is lost when Hadoop writes the job's configuration down for
//!   its tasks.

use super::error::{ConfError, Warning};
use super::host::HostFacts;
use super::keys::{self, Default, Kind};
use super::value;
use super::xml::FileProperty;
use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::fmt;
use std::path::{Path, PathBuf};

/// Hadoop's default of `fs.defaultFS`.
const LOCAL_FS: &str = "file:///";

/// How deep references to other properties may be nested (`Configuration.MAX_SUBST`).
const EXPANSIONS_MAX: usize = 20;

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// Hadoop's default.
    Default,
    /// A `-conf` file.
    File(PathBuf),
    /// `-D`.
    CommandLine,
    /// Another option, by its name.
    Option(&'static str),
}

impl fmt::Display for Source {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Source::Default => to.write_str("default"),
            Source::File(path) => write!(to, "from {}", path.display()),
            Source::CommandLine => to.write_str("from -D"),
            Source::Option(option) => write!(to, "from {option}"),
        }
    }
}

/// A value and where it came from.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Value {
    text: String,
    source: Source,
}

/// Properties by their present names.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Properties {
    values: BTreeMap<String, Value>,
    finals: BTreeSet<String>,
    /// The files that were read.
    files: Vec<PathBuf>,
    /// Java's system properties, for `${user.name}` and the like.
    system: HashMap<&'static str, String>,
    /// The environment, for `${env.NAME}`; what is not UTF-8 is shown as Java shows it.
    environment: HashMap<String, String>,
}

impl Properties {
    /// Nothing but the defaults.
    pub fn new(host: &HostFacts) -> Properties {
        let text = |path: &Path| path.to_string_lossy().into_owned();
        let system = [
            ("user.name", host.user.clone()),
            ("user.home", text(&host.home)),
            ("user.dir", text(&host.current_dir)),
            ("java.io.tmpdir", text(&host.temp_dir)),
            ("file.separator", "/".to_owned()),
            ("path.separator", ":".to_owned()),
            ("line.separator", "\n".to_owned()),
            ("os.name", "Linux".to_owned()),
        ];
        let variable = |(name, value): &(std::ffi::OsString, std::ffi::OsString)| {
            (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
        };
        let mut values = BTreeMap::new();
        if host.default_fs != LOCAL_FS {
            let value = Value { text: host.default_fs.to_owned(), source: Source::Default };
            values.insert("fs.defaultFS".to_owned(), value);
        }
        Properties {
            values,
            finals: BTreeSet::new(),
            files: Vec::new(),
            system: system.into(),
            environment: host.environment.iter().map(variable).collect(),
        }
    }

    /// Adds what a configuration file says. Returns remarks on older names.
    pub(crate) fn add_file(&mut self, path: &Path, file: Vec<FileProperty>) -> Vec<Warning> {
        self.files.push(path.to_path_buf());
        let mut warnings = Vec::new();
        for FileProperty { name, value, is_final } in file {
            let present = note_older_name(&name, &mut warnings);
            if let Some(text) = value.filter(|_| !self.finals.contains(&present)) {
                let source = Source::File(path.to_path_buf());
                self.values.insert(present.clone(), Value { text, source });
            }
            if is_final {
                self.finals.insert(present);
            }
        }
        warnings
    }

    /// Adds everything the command line sets, in order, over all files. Returns remarks on older names.
    pub(crate) fn add_command_line(&mut self, given: Vec<(String, String, Source)>) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let trimmed = given.into_iter().map(|(name, text, source)| (name.trim().to_owned(), text, source));
        let (present, older): (Vec<_>, Vec<_>) =
            trimmed.partition(|(name, ..)| keys::present_name(name) == name);
        for (name, text, source) in older.into_iter().chain(present) {
            let present = note_older_name(&name, &mut warnings);
            self.values.insert(present, Value { text, source });
        }
        warnings
    }

    /// Sets a property, whatever it was.
    pub fn set(&mut self, name: &str, text: impl Into<String>, option: &'static str) {
        let value = Value { text: text.into(), source: Source::Option(option) };
        self.values.insert(keys::present_name(name).to_owned(), value);
    }

    /// The text as given, references unresolved, or its default; `None` when it has neither or is empty.
    pub fn raw(&self, name: &str) -> Option<&str> {
        let name = keys::present_name(name);
        let set = self.values.get(name).map(|value| value.text.as_str()).filter(|text| !text.is_empty());
        set.or_else(|| match keys::property(name)?.default {
            // What only Hadoop's code knows is not there for references either; getters add it.
            Default::Unset | Default::Code(_) => None,
            Default::File(value) => Some(value),
        })
    }

    /// Was it set to something, rather than left at its default?
    pub fn is_set(&self, name: &str) -> bool {
        self.values.get(keys::present_name(name)).is_some_and(|value| !value.text.is_empty())
    }

    /// Where its value came from.
    pub fn source(&self, name: &str) -> Source {
        match self.values.get(keys::present_name(name)) {
            Some(value) if !value.text.is_empty() => value.source.clone(),
            _ => Source::Default,
        }
    }

    /// The files that were read, in order.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// The names of everything set or in Hadoop's default files, in alphabetical order.
    pub fn names(&self) -> Vec<&str> {
        let is_default = |property: &&keys::Property| matches!(property.default, Default::File(_));
        let defaults = keys::properties().iter().filter(is_default).map(|property| property.name);
        let set = self.values.iter().filter(|(_, value)| !value.text.is_empty());
        let names: BTreeSet<&str> = set.map(|(name, _)| name.as_str()).chain(defaults).collect();
        names.into_iter().collect()
    }

    /// The names of what was set, in alphabetical order.
    pub fn names_set(&self) -> impl Iterator<Item = &str> {
        self.values.iter().filter(|(_, value)| !value.text.is_empty()).map(|(name, _)| name.as_str())
    }

    /// The text with references resolved, or its default.
    ///
    /// Hadoop: `Configuration.get` and `substituteVars`. `${name}` is a system property, else a property;
    /// `${env.NAME}`, `${env.NAME-default}` and `${env.NAME:-default}` are variables of the environment. A
    /// reference to nothing ends the search and stays; a value that refers to itself stays as it was given.
    pub fn get(&self, name: &str) -> Result<Option<String>, ConfError> {
        let default = || keys::property(name).and_then(|property| property.default.value());
        match self.raw(name).or_else(default) {
            Some(text) => self.expand(name, text).map(Some),
            None => Ok(None),
        }
    }

    fn expand(&self, name: &str, given: &str) -> Result<String, ConfError> {
        let mut text = given.to_owned();
        for _ in 0..EXPANSIONS_MAX {
            let Some((start, end)) = find_reference(&text) else {
                return Ok(text);
            };
            let Some(value) = self.referred(&text[start..end]) else {
                return Ok(text);
            };
            let reference = start - "${".len()..=end;
            if value.contains(&text[reference.clone()]) {
                return Ok(given.to_owned());
            }
            text.replace_range(reference, &value);
        }
        let value = given.to_owned();
        Err(ConfError::Expansion { name: name.to_owned(), value, depth: EXPANSIONS_MAX })
    }

    fn referred(&self, variable: &str) -> Option<String> {
        let found = match variable.strip_prefix("env.").filter(|name| !name.is_empty()) {
            Some(expression) => self.environment_value(expression),
            None => self.system.get(variable).cloned(),
        };
        found.or_else(|| self.raw(variable).map(str::to_owned))
    }

    fn environment_value(&self, expression: &str) -> Option<String> {
        // The first of "-" and ":-" decides, even when the other follows in the default.
        let Some(dash) = expression.find('-') else {
            return self.environment.get(expression).cloned();
        };
        let default = || expression[dash + 1..].to_owned();
        match expression[..dash].strip_suffix(':') {
            Some(name) => {
                let value = self.environment.get(name).filter(|value| !value.is_empty());
                Some(value.cloned().unwrap_or_else(default))
            }
            None => Some(self.environment.get(&expression[..dash]).cloned().unwrap_or_else(default)),
        }
    }

    /// A text, or `otherwise` when it is unset.
    pub fn text_or(&self, name: &str, otherwise: &str) -> Result<String, ConfError> {
        Ok(self.get(name)?.unwrap_or_else(|| otherwise.to_owned()))
    }

    /// A whole number of 32 bits (`Configuration.getInt`).
    pub fn int(&self, name: &str) -> Result<Option<i32>, ConfError> {
        self.typed(name, Kind::Int, value::int)
    }

    /// A whole number of 64 bits (`Configuration.getLong`).
    pub fn long(&self, name: &str) -> Result<Option<i64>, ConfError> {
        self.typed(name, Kind::Long, value::long)
    }

    /// A number of bytes (`Configuration.getLongBytes`).
    pub fn byte_size(&self, name: &str) -> Result<Option<u64>, ConfError> {
        self.typed(name, Kind::ByteSize, value::byte_size)
    }

    /// A number (`Configuration.getFloat`).
    pub fn float(&self, name: &str) -> Result<Option<f64>, ConfError> {
        self.typed(name, Kind::Float, value::float)
    }

    /// A switch (`Configuration.getBoolean`): what is neither true nor false counts as unset.
    pub fn switch(&self, name: &str, otherwise: bool) -> Result<bool, ConfError> {
        Ok(self.get(name)?.and_then(|text| value::boolean(&text)).unwrap_or(otherwise))
    }

    /// A class name (`Configuration.getClass` trims it).
    pub fn class(&self, name: &str) -> Result<Option<String>, ConfError> {
        Ok(self.get(name)?.map(|text| text.trim().to_owned()))
    }

    /// A list (`Configuration.getTrimmedStrings`).
    pub fn list(&self, name: &str) -> Result<Vec<String>, ConfError> {
        Ok(self.get(name)?.map(|text| value::trimmed_list(&text)).unwrap_or_default())
    }

    fn typed<T>(&self, name: &str, kind: Kind, parse: fn(&str) -> Option<T>) -> Result<Option<T>, ConfError> {
        let Some(text) = self.get(name)? else { return Ok(None) };
        match parse(&text) {
            Some(value) => Ok(Some(value)),
            None => Err(self.malformed(name, text, value::expected(kind))),
        }
    }

    /// Fails if a number was set to a value of no letters. What tasks read counts as unset then, but Hadoop's
    /// client has the value as it was given, and it is no number (`Configuration.getInt`).
    pub(crate) fn refuse_empty(&self, name: &str) -> Result<(), ConfError> {
        match (self.values.get(name), keys::property(name)) {
            (Some(value), Some(property)) if value.text.is_empty() => Err(ConfError::Value {
                name: name.to_owned(),
                value: String::new(),
                origin: value.source.clone(),
                expected: value::expected(property.kind),
            }),
            _ => Ok(()),
        }
    }

    /// The error for a value that is of the right kind but out of range.
    pub(crate) fn malformed(&self, name: &str, value: String, expected: &'static str) -> ConfError {
        let name = keys::present_name(name);
        ConfError::Value { name: name.to_owned(), value, origin: self.source(name), expected }
    }
}

/// The present name for a name as given, with a remark the first time an older one is met.
fn note_older_name(given: &str, warnings: &mut Vec<Warning>) -> String {
    if let Some(property) = keys::property(given).filter(|property| property.name != given) {
        let warning = Warning::DeprecatedName { given: given.to_owned(), present: property.name };
        if !warnings.contains(&warning) {
            warnings.push(warning);
        }
    }
    keys::present_name(given).to_owned()
}

/// Where the first `${name}` has its name. Hadoop: `Configuration.findSubVariable`; a blank or a dollar
/// inside the braces, or nothing, is no name.
fn find_reference(text: &str) -> Option<(usize, usize)> {
    let bytes = text.as_bytes();
    let mut from = 1;
    'search: while let Some(brace) = bytes.get(from..)?.iter().position(|byte| *byte == b'{') {
        let start = from + brace + 1;
        from = start;
        if bytes[start - 2] != b'$' {
            continue;
        }
        for (at, byte) in bytes.iter().enumerate().skip(start) {
            match byte {
                b'}' if at > start => return Some((start, at)),
                b'}' | b' ' | b'$' => {
                    from = at + 1;
                    continue 'search;
                }
                _ => {}
            }
        }
        return None;
    }
    None
}

#[cfg(test)]
mod tests {
    use super::*;

    fn command_line(set: &[(&str, &str)]) -> Properties {
        let mut properties = Properties::new(&HostFacts::example());
        let given =
            |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned(), Source::CommandLine);
        properties.add_command_line(set.iter().map(given).collect());
        properties
    }

    fn entry(name: &str, value: &str, is_final: bool) -> FileProperty {
        FileProperty { name: name.into(), value: Some(value.into()), is_final }
    }

    fn check(set: &[(&str, &str)], name: &str, expect: Option<&str>) {
        assert_eq!(command_line(set).get(name).unwrap().as_deref(), expect, "{name} of {set:?}");
    }

    #[test]
    fn older_and_present_names_are_one_property() {
        check(&[("mapred.reduce.tasks", "3")], "mapreduce.job.reduces", Some("3"));
        check(&[("mapreduce.job.reduces", "3")], "mapred.reduce.tasks", Some("3"));
        check(
            &[("mapred.reduce.tasks", "3"), ("mapreduce.job.reduces", "4")],
            "mapred.reduce.tasks",
            Some("4"),
        );
        check(
            &[("mapreduce.job.reduces", "4"), ("mapred.reduce.tasks", "3")],
            "mapred.reduce.tasks",
            Some("4"),
        );
        check(&[("a", "1"), (" a ", "2")], "a", Some("2"));
        check(&[], "mapred.reduce.tasks", Some("1"));
        check(&[("mapreduce.job.reduces", "")], "mapreduce.job.reduces", Some("1"));
        check(&[("p", "")], "p", None);
    }

    #[test]
    fn references_are_resolved() {
        let base = [("base", "foo"), ("derived", "${base}-bar")];
        let with = |text: &'static str| [base[0], base[1], ("p", text)];
        check(&with("${derived}/${base}"), "p", Some("foo-bar/foo"));
        check(&with("${no.such}${base}"), "p", Some("${no.such}${base}"));
        check(&with("${base}${no.such}"), "p", Some("foo${no.such}"));
        check(&with("${p}x"), "p", Some("${p}x"));
        check(&with("a${base}b${"), "p", Some("afoob${"));
        check(&with("${}${ base}${$}x{base}${base"), "p", Some("${}${ base}${$}x{base}${base"));
        check(&with("${user.name} ${java.io.tmpdir} ${user.dir}"), "p", Some("ann /tmp /start"));
        check(&with("é${base}é"), "p", Some("éfooé"));
        check(&[("mapred.reduce.tasks", "7"), ("p", "${mapreduce.job.reduces}")], "p", Some("7"));
        check(&[("p", "${mapred.reduce.tasks}")], "p", Some("1"));
    }

    #[test]
    fn the_environment_is_referred_to_with_defaults() {
        check(&[("p", "${env.PATH}")], "p", Some("/bin"));
        check(&[("p", "${env.GONE}")], "p", Some("${env.GONE}"));
        check(&[("p", "${env.GONE-a-b}")], "p", Some("a-b"));
        check(&[("p", "${env.GONE:-a:-b}")], "p", Some("a:-b"));
        check(&[("p", "[${env.EMPTY-a}]")], "p", Some("[]"));
        check(&[("p", "${env.EMPTY:-a}")], "p", Some("a"));
    }

    #[test]
    fn endless_references_are_an_error() {
        let properties = command_line(&[("a", "${b}"), ("b", "${a}")]);
        assert!(matches!(properties.get("a"), Err(ConfError::Expansion { depth: EXPANSIONS_MAX, .. })));
    }

    #[test]
    fn later_files_win_but_not_over_final_values() {
        let mut properties = command_line(&[("over", "d")]);
        let first = vec![entry("a", "1", true), entry("b", "1", false), entry("over", "1", true)];
        properties.values.clear();
        properties.add_file(Path::new("first.xml"), first);
        properties.add_file(Path::new("second.xml"), vec![entry("a", "2", false), entry("b", "2", false)]);
        properties.add_command_line(vec![("over".into(), "d".into(), Source::CommandLine)]);
        let get = |name: &str| properties.get(name).unwrap().unwrap();
        assert_eq!((get("a"), get("b"), get("over")), ("1".into(), "2".into(), "d".into()));
        assert_eq!(properties.source("b"), Source::File("second.xml".into()));
        assert_eq!(properties.source("mapreduce.job.reduces"), Source::Default);
    }

    #[test]
    fn older_names_are_remarked_once() {
        let mut properties = Properties::new(&HostFacts::example());
        let twice = vec![entry("mapred.job.name", "x", false), entry("mapred.job.name", "y", false)];
        let warnings = properties.add_file(Path::new("f"), twice);
        let expect =
            Warning::DeprecatedName { given: "mapred.job.name".into(), present: "mapreduce.job.name" };
        assert_eq!(warnings, [expect]);
        assert_eq!(properties.get("mapreduce.job.name").unwrap().as_deref(), Some("y"));
    }

    #[test]
    fn values_of_the_wrong_kind_are_named() {
        let error = command_line(&[("mapred.reduce.tasks", "abc")]).int("mapred.reduce.tasks").unwrap_err();
        let said = "property mapreduce.job.reduces = \"abc\" (from -D): expected a whole number of 32 bits";
        assert_eq!(error.to_string(), said);
        let properties = command_line(&[("b", "yes"), ("t", "True")]);
        assert!(properties.switch("b", true).unwrap() && !properties.switch("b", false).unwrap());
        assert!(properties.switch("t", false).unwrap());
    }
}
