//! The table of properties: every name that is known, its older names, what its value looks like, what it
//! is unless set, and what it does here. Help, documentation, warnings and the tasks' environment are made
//! from it; nothing in it reads a value.
//!
//! Older names are those of Hadoop's `Configuration` and `ConfigUtil`, defaults those of its
//! `mapred-default.xml` and `core-default.xml`.

mod honoured;
mod no_effect;
mod refused;

use crate::hint::edit_distance;
use std::collections::HashMap;
use std::sync::OnceLock;

/// One known property.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Property {
    /// Hadoop's present name.
    pub name: &'static str,
    /// Older names that mean the same.
    pub deprecated: &'static [&'static str],
    /// What its value looks like.
    pub kind: Kind,
    /// What it is unless set.
    pub default: Default,
    /// What it does here.
    pub support: Support,
    /// One or two sentences for people.
    pub doc: &'static str,
}

/// What a value looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Any text.
    Text,
    /// A whole number of 32 bits, hexadecimal after `0x`.
    Int,
    /// A whole number of 64 bits, hexadecimal after `0x`.
    Long,
    /// A number of bytes, with k, m, g, t, p or e for powers of 1024.
    ByteSize,
    /// A number.
    Float,
    /// `true` or `false`.
    Bool,
    /// The full name of a Java class.
    Class,
    /// Texts with commas between them.
    List,
    /// Ranges of whole numbers, `0-2,7`.
    Ranges,
}

/// What a property is unless set.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Default {
    /// Nothing.
    Unset,
    /// Hadoop's default files say so, hence tasks see it in their environment.
    File(&'static str),
    /// Hadoop's code says so; tasks do not see it.
    Code(&'static str),
}

impl Default {
    /// The value, wherever it is said.
    pub fn value(self) -> Option<&'static str> {
        match self {
            Default::Unset => None,
            Default::File(value) | Default::Code(value) => Some(value),
        }
    }
}

/// What a property does here.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Support {
    /// What it does in Hadoop.
    Honoured,
    /// Nothing; it cannot change a job's result.
    NoEffect,
    /// It would change the result in a way that is not built in: an error when set to anything else than
    /// its default.
    Refused,
}

/// A line of a table: name, older names, kind, default, doc.
struct Row(&'static str, &'static [&'static str], Kind, Default, &'static str);

/// A line whose doc stands above its group: name, older names, kind, default.
struct Bare(&'static str, &'static [&'static str], Kind, Default);

/// Every known property: the honoured ones by subject, then the refused ones, then those without effect.
pub fn properties() -> &'static [Property] {
    static ALL: OnceLock<Vec<Property>> = OnceLock::new();
    ALL.get_or_init(|| {
        let rows = |rows: &'static [Row], support| {
            rows.iter().map(move |row| {
                let &Row(name, deprecated, kind, default, doc) = row;
                Property { name, deprecated, kind, default, support, doc }
            })
        };
        let bare = no_effect::GROUPS.iter().flat_map(|(doc, group)| {
            group.iter().map(move |row| {
                let &Bare(name, deprecated, kind, default) = row;
                Property { name, deprecated, kind, default, support: Support::NoEffect, doc }
            })
        });
        rows(honoured::ROWS, Support::Honoured)
            .chain(rows(refused::ROWS, Support::Refused))
            .chain(bare)
            .collect()
    })
}

/// The property of a present or an older name.
pub fn property(name: &str) -> Option<&'static Property> {
    static BY_NAME: OnceLock<HashMap<&'static str, &'static Property>> = OnceLock::new();
    let by_name = BY_NAME.get_or_init(|| {
        let names = |property: &'static Property| {
            let older = property.deprecated.iter().map(move |older| (*older, property));
            older.chain([(property.name, property)])
        };
        properties().iter().flat_map(names).collect()
    });
    by_name.get(name).copied()
}

/// The present name for a present, an older or an unknown name.
pub fn present_name(name: &str) -> &str {
    property(name).map_or(name, |property| property.name)
}

/// Beginnings of names that take any ending.
const OPEN_PREFIXES: &[&str] = &[
    "stream.recordreader.",
    "mapreduce.admin.user.env.",
    "mapreduce.aggregate.descriptor.",
    "mapreduce.chain.",
    "mapreduce.job.input.file.",
    "mapreduce.jdbc.",
    "mapreduce.map.env.",
    "mapreduce.map.resource.",
    "mapreduce.multipleoutputs.",
    "mapreduce.outputcommitter.factory.scheme.",
    "mapreduce.reduce.env.",
    "mapreduce.reduce.resource.",
    "mapreduce.workflow.",
    "mapred.queue.",
];

/// Beginnings that make a name look like one of ours or of Hadoop's.
const FAMILIES: &[&str] = &["mapreduce.", "mapred.", "stream.", "mrstream."];

/// The known name nearest to `name`, when `name` looks as if it should be known but is not. Any other name
/// is the user's own business, for instance a variable for the tasks.
///
/// The outer `None` is "nothing to say", the inner one "unknown, and nothing is like it".
pub fn misspelt(name: &str) -> Option<Option<&'static str>> {
    let ours = FAMILIES.iter().any(|family| name.starts_with(family));
    let open = OPEN_PREFIXES.iter().any(|prefix| name.starts_with(prefix));
    if !ours || open || property(name).is_some() {
        return None;
    }
    // Beyond a quarter of the letters it is another word, not a slip.
    let far = (name.len() / 4).max(2);
    let known = properties().iter().flat_map(|p| p.deprecated.iter().chain([&p.name]));
    let near = known.map(|known| (edit_distance(name, known), *known)).filter(|(apart, _)| *apart <= far);
    Some(near.min().map(|(_, known)| known))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::value;
    use std::collections::HashSet;

    #[test]
    fn names_and_older_names_are_unique() {
        let mut seen = HashSet::new();
        for property in properties() {
            for name in property.deprecated.iter().chain([&property.name]) {
                assert!(seen.insert(*name), "{name} twice");
                assert_eq!(name.trim(), *name);
            }
            assert!(property.doc.ends_with('.'), "{}", property.name);
        }
    }

    #[test]
    fn defaults_are_of_their_kind() {
        for property in properties() {
            // A reference to another property has no kind of its own.
            if let Some(default) = property.default.value().filter(|text| !text.contains("${")) {
                assert!(value::fits(property.kind, default), "{} = {default}", property.name);
            }
        }
    }

    #[test]
    fn older_names_lead_to_present_ones() {
        let check = |given: &str, present: &str| assert_eq!(present_name(given), present);
        check("mapred.reduce.tasks", "mapreduce.job.reduces");
        check("mapreduce.job.reduces", "mapreduce.job.reduces");
        check("map.output.key.field.separator", "mapreduce.map.output.key.field.separator");
        check("fs.default.name", "fs.defaultFS");
        check("no.such.name", "no.such.name");
    }

    #[test]
    fn slips_are_told_from_other_names() {
        let check = |given: &str, said: Option<Option<&str>>| assert_eq!(misspelt(given), said, "{given}");
        check("mapreduce.job.reduce", Some(Some("mapreduce.job.reduces")));
        check("mapred.reduce.task", Some(Some("mapred.reduce.tasks")));
        check("stream.map.output.field.seperator", Some(Some("stream.map.output.field.separator")));
        check("mapreduce.job.redcues", Some(Some("mapreduce.job.reduces")));
        check("stream.utter.nonsense.of.mine", Some(None));
        check("mapreduce.job.reduces", None);
        check("mapred.reduce.tasks", None);
        check("stream.recordreader.anything", None);
        check("my.own.name", None);
    }
}
