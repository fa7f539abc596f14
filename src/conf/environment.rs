//! The environment of the children: what Hadoop's `PipeMapRed` puts there. The names that only one task
//! has, such as `mapreduce_task_id`, are added by the task.

use super::error::ConfError;
use super::host::HostFacts;
use super::properties::Properties;
use crate::plan::Environment;
use std::collections::{BTreeMap, BTreeSet};
use std::ffi::OsString;

/// The environment of every child of a job: the one we were started in; over it the whole configuration,
/// references resolved, dots and other odd letters of the names turned to `_`; over that what `-cmdenv` says;
/// and the folder for temporary files.
///
/// Where two properties differ in odd letters only, the alphabetically later one is seen; Hadoop leaves it
/// to chance.
pub fn child_environment(properties: &Properties, host: &HostFacts) -> Result<Environment, ConfError> {
    let mut variables: BTreeMap<OsString, OsString> = host.environment.iter().cloned().collect();
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
    variables.insert("TMPDIR".into(), host.temp_dir.clone().into());
    // Neither can stand in an environment; Java refuses the first and drops what has the second.
    variables.retain(|name, value| {
        !name.is_empty() && ![name, value].iter().any(|text| text.as_encoded_bytes().contains(&0))
    });
    environment.variables = variables.into_iter().collect();
    let raw = |name: &str| (name.to_owned(), properties.raw(name).unwrap_or_default().to_owned());
    environment.properties = properties.names().into_iter().map(raw).collect();
    environment.fixed = fixed.into_iter().collect();
    Ok(environment)
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
    use super::super::properties::Source;
    use super::*;

    fn environment(set: &[(&str, &str)]) -> BTreeMap<String, String> {
        let host = HostFacts::example();
        let mut properties = Properties::new(&host);
        let given =
            |(name, text): &(&str, &str)| ((*name).to_owned(), (*text).to_owned(), Source::CommandLine);
        properties.add_command_line(set.iter().map(given).collect());
        let text = |text: OsString| text.into_string().unwrap();
        let environment = child_environment(&properties, &host).unwrap();
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
    fn added_pairs_beat_properties_and_the_outer_environment() {
        check(&[], "PATH", Some("/bin"));
        check(&[], "TMPDIR", Some("/tmp"));
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
    fn what_is_added_stays_over_an_attempts_properties() {
        let host = HostFacts::example();
        let mut properties = Properties::new(&host);
        properties.set("stream.addenvironment", "B=2 A=1 B=3 NOVALUE", "-cmdenv");
        assert_eq!(child_environment(&properties, &host).unwrap().fixed, ["A", "B", "TMPDIR"]);
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
