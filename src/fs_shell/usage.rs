//! `-usage` and `-help`. Hadoop: `FsShell.printInfo`.

use super::Call;
use super::error::FsError;
use super::verbs::{VERBS, Verb, find};
use std::fmt::Write as _;

const PREFIX: &str = "Usage: hadoop fs [generic options]";

/// Hadoop: `GenericOptionsParser.printGenericCommandUsage`, less what sends files along.
const GENERIC: &str = "\
Generic options supported are:
-conf <configuration file>        specify an application configuration file
-D <property=value>               define a value for a given property
-fs <file:///|hdfs://namenode:port> specify default filesystem URL to use, overrides 'fs.defaultFS' property from configurations.

The general command line syntax is:
command [genericOptions] [commandOptions]

";

/// The usage of all verbs.
pub(super) fn all() -> String {
    let mut text = format!("{PREFIX}\n");
    for verb in VERBS.iter().filter(|verb| verb.successor.is_none()) {
        writeln!(text, "\t[{}]", words_of(verb)).expect("a string takes everything");
    }
    text + "\n" + GENERIC
}

/// The usage of one verb.
pub(super) fn of(verb: &Verb) -> String {
    format!("{PREFIX} {}\n", words_of(verb))
}

fn words_of(verb: &Verb) -> String {
    format!("-{} {}", verb.name, verb.usage).trim_end().to_owned()
}

fn explained(verb: &Verb) -> String {
    let help = match verb.successor {
        Some(successor) => format!("(DEPRECATED) Same as '{successor}'"),
        None => verb.help.to_owned(),
    };
    format!("{} :\n  {help}\n", words_of(verb))
}

pub(super) fn usage(call: &mut Call<'_, '_>, names: Vec<String>) -> Result<(), FsError> {
    if names.is_empty() {
        return call.print(&all());
    }
    names.into_iter().try_for_each(|name| call.print(&of(known(&name)?)))
}

pub(super) fn help(call: &mut Call<'_, '_>, names: Vec<String>) -> Result<(), FsError> {
    if !names.is_empty() {
        return names.into_iter().try_for_each(|name| call.print(&explained(known(&name)?)));
    }
    call.print(&all())?;
    let verbs = VERBS.iter().filter(|verb| verb.successor.is_none());
    verbs.map(explained).try_for_each(|text| call.print(&format!("{text}\n")))
}

fn known(name: &str) -> Result<&'static Verb, FsError> {
    find(&format!("-{name}")).ok_or_else(|| FsError::Usage(format!("`{name}': Unknown command")))
}
