//! The environment of the children: what Hadoop's `PipeMapRed` puts there. The names that only one task
//! has, such as `mapreduce_task_id`, are added by the task, and so is what children inherit.

use super::error::ConfError;
use super::properties::Properties;
use crate::plan::{Environment, name_length};
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

/// What a job adds to the environment of its children: what `mapreduce.map.env` and its kin define; over it the
/// whole configuration, references resolved, dots and other odd letters of the names turned to `_`; over that what
/// `-cmdenv` says.
///
/// Where two properties differ in odd letters only, the alphabetically later one is seen; Hadoop leaves it
/// to chance.
pub fn child_environment(properties: &Properties) -> Result<Environment, ConfError> {
    let mut variables = BTreeMap::<OsString, OsString>::new();
    let units_max = properties.int("stream.jobconf.truncate.limit")?.unwrap_or(-1);
    let mut environment =
        Environment { value_units_max: u32::try_from(units_max).ok(), ..Environment::default() };
    for name in properties.names() {
        let value = properties.get(name)?.unwrap_or_default();
        variables.insert(variable_name(name).into(), environment.cut(&value).into());
    }
    let mut fixed = BTreeSet::from(["TMPDIR".to_owned()]);
    let added = properties.get("stream.addenvironment")?.unwrap_or_default();
    // What has no "=" is passed over, so a value cannot hold a blank.
    for (name, value) in added.split(' ').filter_map(|pair| pair.split_once('=')) {
        variables.insert(name.into(), value.into());
        fixed.insert(name.to_owned());
    }
    // Neither can stand in an environment; Java refuses the first and drops what has the second.
    variables.retain(|name, value| {
        !name.is_empty() && ![name, value].iter().any(|text| text.as_encoded_bytes().contains(&0))
    });
    environment.variables = variables.into_iter().collect();
    let raw = |name: &str| (name.to_owned(), properties.raw(name).unwrap_or_default().to_owned());
    environment.properties = properties.names().into_iter().map(raw).collect();
    environment.fixed = fixed.into_iter().collect();
    environment.map_definitions = definitions(properties, "mapreduce.map.env")?;
    environment.reduce_definitions = definitions(properties, "mapreduce.reduce.env")?;
    Ok(environment)
}

/// The variables that properties define for one kind of task, in order, those of the administrator first. Hadoop:
/// `TaskAttemptImpl.createCommonContainerLaunchContext`, `MapReduceChildJVM.setVMEnv`.
fn definitions(properties: &Properties, property: &str) -> Result<Vec<(String, String)>, ConfError> {
    let mut found = defined_by(properties, "mapreduce.admin.user.env", None)?;
    found.extend(defined_by(properties, property, Some("mapred.child.env"))?);
    Ok(found)
}

/// What a property `A=1,B=2`, or another one in its place, defines with those of the form `property.A=1`, which win
/// (MAPREDUCE-7069). A part of the list that begins with no name means nothing. Hadoop:
/// `Apps.setEnvFromInputProperty`.
fn defined_by(
    properties: &Properties,
    property: &str,
    otherwise: Option<&str>,
) -> Result<Vec<(String, String)>, ConfError> {
    let mut list = properties.get(property)?;
    if let (None, Some(otherwise)) = (&list, otherwise) {
        list = properties.get(otherwise)?;
    }
    let list = list.unwrap_or_default();
    let named = |part: &str| {
        let (name, value) = part.split_at(name_length(part));
        let value = value.strip_prefix('=').filter(|_| !name.is_empty())?;
        Some((name.to_owned(), value.to_owned()))
    };
    let mut found: Vec<_> = list.split(',').filter_map(named).collect();
    for whole in properties.names_set() {
        let name = whole.strip_prefix(property).and_then(|rest| rest.strip_prefix('.'));
        if let Some(name) = name.filter(|name| !name.is_empty() && !name.contains(['=', '\0'])) {
            found.retain(|(listed, _)| listed != name);
            found.push((name.to_owned(), properties.get(whole)?.unwrap_or_default()));
        }
    }
    found.retain(|(_, value)| !value.contains('\0'));
    Ok(found)
}

/// A property's name as a variable's. Hadoop: `PipeMapRed.safeEnvVarName`, which counts letters in UTF-16.
pub(crate) fn variable_name(property: &str) -> String {
    let safe = |unit: u16| match u8::try_from(unit) {
        Ok(byte) if byte.is_ascii_alphanumeric() => char::from(byte),
        _ => '_',
    };
    property.encode_utf16().map(safe).collect()
}

#[cfg(test)]
mod tests {
    use super::super::host::HostFacts;
    use super::super::properties::Source;
    use super::*;

    fn environment(set: &[(&str, &str)]) -> BTreeMap<String, String> {
        let mut properties = Properties::new(&HostFacts::example());
        let given =
            |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned(), Source::CommandLine);
        properties.add_command_line(set.iter().map(given).collect());
        let text = |text: OsString| text.into_string().unwrap();
        let environment = child_environment(&properties).unwrap();
        environment.variables.into_iter().map(|(name, value)| (text(name), text(value))).collect()
    }

    fn check(set: &[(&str, &str)], variable: &str, expect: Option<&str>) {
        assert_eq!(environment(set).get(variable).map(String::as_str), expect, "{variable} of {set:?}");
    }

    #[test]
    fn properties_are_seen_under_safe_names() {
        check(&[("0start", "zero")], "0start", Some("zero"));
        check(&[("xééy", "acc")], "x__y", Some("acc"));
        check(&[("p", " lead and trail ")], "p", Some(" lead and trail "));
        check(&[("p", "")], "p", None);
        check(&[("base", "foo"), ("p", "${base}-bar")], "p", Some("foo-bar"));
        check(&[("mapred.job.name", "old way")], "mapreduce_job_name", Some("old way"));
        check(&[("mapred.job.name", "old way")], "mapred_job_name", None);
        check(&[("\u{1d11e}", "clef")], "__", Some("clef"));
    }

    #[test]
    fn defaults_of_hadoops_files_are_seen() {
        check(&[], "mapreduce_job_reduces", Some("1"));
        check(&[], "hadoop_tmp_dir", Some("/tmp/hadoop-ann"));
        check(&[], "mapreduce_cluster_local_dir", Some("/tmp/hadoop-ann/mapred/local"));
        check(&[], "stream_non_zero_exit_is_failure", None);
    }

    #[test]
    fn added_pairs_beat_properties() {
        check(&[], "PATH", None);
        check(&[], "TMPDIR", None);
        let added = ("stream.addenvironment", "HADOOP_ROOT_LOGGER= A=1 B=x=y C= NOVALUE  PATH=/x");
        check(&[added], "HADOOP_ROOT_LOGGER", Some(""));
        check(&[added], "B", Some("x=y"));
        check(&[added], "C", Some(""));
        check(&[added], "NOVALUE", None);
        check(&[added], "PATH", Some("/x"));
        check(&[added, ("A", "property")], "A", Some("1"));
        check(&[added, ("stream.jobconf.truncate.limit", "1")], "B", Some("x=y"));
    }

    #[test]
    fn definitions_come_from_lists_and_single_properties() {
        let check = |set: &[(&str, &str)], maps: &str, reduces: &str| {
            let mut properties = Properties::new(&HostFacts::example());
            for (name, text) in set {
                properties.set(name, *text, "-D");
            }
            let environment = child_environment(&properties).unwrap();
            let shown = |list: &[(String, String)]| {
                list.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join(" ")
            };
            assert_eq!(shown(&environment.map_definitions), maps, "{set:?}");
            assert_eq!(shown(&environment.reduce_definitions), reduces, "{set:?}");
        };
        check(&[("mapreduce.map.env", "A=1,B=x=y,3=a, C=1,D,_E=")], "A=1 B=x=y _E=", "");
        check(&[("mapred.map.child.env", "A=1"), ("mapreduce.map.env.A", "2,3")], "A=2,3", "");
        check(&[("mapred.child.env", "A=1"), ("mapreduce.reduce.env", "B=2")], "A=1", "B=2");
        check(&[("mapreduce.admin.user.env", "A=1"), ("mapreduce.map.env.B", "2")], "A=1 B=2", "A=1");
    }

    #[test]
    fn what_is_added_stays_over_an_attempts_properties() {
        let mut properties = Properties::new(&HostFacts::example());
        properties.set("stream.addenvironment", "B=2 A=1 B=3 NOVALUE", "-cmdenv");
        assert_eq!(child_environment(&properties).unwrap().fixed, ["A", "B", "TMPDIR"]);
    }

    #[test]
    fn long_values_are_cut_on_request() {
        let limit = ("stream.jobconf.truncate.limit", "3");
        check(&[limit, ("p", "abcdef")], "p", Some("abc"));
        check(&[limit, ("p", "aé日x")], "p", Some("aé日"));
        check(&[limit, ("p", "ab\u{1d11e}")], "p", Some("ab"));
        check(&[("stream.jobconf.truncate.limit", "-1"), ("p", "abcdef")], "p", Some("abcdef"));
        check(&[("stream.jobconf.truncate.limit", "0"), ("p", "a")], "p", Some(""));
    }
}
