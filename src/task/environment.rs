//! The names that only one attempt's child finds in its environment.
//! Hadoop: `Task.localizeConfiguration` and `Task.initialize`, `MapTask.updateJobWithSplit`, `LocalJobRunner`,
//! `LocalDistributedCacheManager`.
//!
//! Not there, since they mean nothing on one machine: the job's jar and staging folder, and sizes, times and
//! visibility of shipped files.

use super::workdir::UnpackedArchives;
use super::{TaskHost, skip};
use crate::ids::{AttemptId, TaskKind};
use crate::plan::Environment;
use crate::streaming::child::environment_line;
use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

/// Variables by name.
type Names = Vec<(&'static str, OsString)>;

/// The environment that all children of a job have, as lines that need not be made again for each of them.
pub(super) struct JobEnvironment<'a> {
    plan: &'a Environment,
    /// One for each variable of the plan; `None` if it holds a NUL.
    lines: Vec<Option<CString>>,
}

impl<'a> JobEnvironment<'a> {
    pub(super) fn new(plan: &'a Environment) -> Self {
        let lines = plan.variables.iter().map(|(name, value)| environment_line(name, value)).collect();
        Self { plan, lines }
    }

    /// The variables with an attempt's properties among them, names being variables' names already, each once.
    ///
    /// Both lists are in order, so one pass joins them: the first is long, and every attempt does this.
    fn with(&self, mut own: Names) -> io::Result<Vec<Cow<'_, CStr>>> {
        let fixed = &self.plan.fixed;
        own.retain(|(name, _)| fixed.binary_search_by(|fixed| fixed.as_str().cmp(name)).is_err());
        own.sort_unstable_by_key(|(name, _)| *name);
        let mut joined = Vec::with_capacity(self.lines.len() + own.len());
        let mut own = own.into_iter().peekable();
        for ((name, _), line) in self.plan.variables.iter().zip(&self.lines) {
            while let Some((new, value)) = own.next_if(|(new, _)| OsStr::new(new) < name.as_os_str()) {
                joined.push(self.own_line(new, &value)?);
            }
            joined.push(match own.next_if(|(new, _)| OsStr::new(new) == name.as_os_str()) {
                Some((name, value)) => self.own_line(name, &value)?,
                None => Cow::Borrowed(line.as_deref().ok_or_else(|| holds_nul(name))?),
            });
        }
        for (name, value) in own {
            joined.push(self.own_line(name, &value)?);
        }
        Ok(joined)
    }

    fn own_line(&self, name: &str, value: &OsStr) -> io::Result<Cow<'_, CStr>> {
        // A path that is not UTF-8 stays whole: Java has no such paths.
        let value = value.to_str().map_or(value, |text| OsStr::new(self.plan.cut(text)));
        let line = environment_line(name.as_ref(), value);
        Ok(Cow::Owned(line.ok_or_else(|| holds_nul(name.as_ref()))?))
    }
}

fn holds_nul(name: &OsStr) -> io::Error {
    let text = format!("the value of {} holds a NUL byte", name.display());
    io::Error::new(io::ErrorKind::InvalidInput, text)
}

/// Folders that an attempt's environment names.
pub(super) struct Places<'a> {
    /// Where the attempt may leave side files.
    pub(super) output: &'a Path,
    /// Folders of the attempt's own, which whoever wants one makes, as in Hadoop.
    pub(super) local_dirs: Vec<PathBuf>,
    /// Where the archives of the job are unpacked.
    pub(super) archives: &'a UnpackedArchives,
}

impl<'a> Places<'a> {
    /// Those of an attempt while its job runs; they go with the job.
    pub(super) fn in_job(host: &'a TaskHost<'_>, attempt: AttemptId, output: &'a Path) -> Self {
        let id = attempt.in_job(&host.plan.job_id);
        let local_dirs = host.scratch.dirs().map(|dir| dir.join(&id)).collect();
        Self { output, local_dirs, archives: &host.archives }
    }
}

/// The whole environment of an attempt's child: the job's, and the attempt's own properties in it.
pub(super) fn of_attempt<'a>(
    host: &'a TaskHost<'_>,
    attempt: AttemptId,
    places: &Places<'_>,
) -> io::Result<Vec<Cow<'a, CStr>>> {
    let plan = host.plan;
    let id = attempt.in_job(&plan.job_id);
    let local_dirs = places.local_dirs.iter().map(|dir| dir.clone().into_os_string());
    let mut names: Names = vec![
        ("mapreduce_cluster_local_dir", joined(local_dirs)),
        ("mapreduce_job_id", plan.job_id.to_string().into()),
        ("mapreduce_job_skiprecords", skip::allowance(plan, attempt).is_some().to_string().into()),
        ("mapreduce_task_attempt_id", id.into()),
        ("mapreduce_task_id", attempt.task.in_job(&plan.job_id).into()),
        ("mapreduce_task_ismap", (attempt.task.kind == TaskKind::Map).to_string().into()),
        ("mapreduce_task_output_dir", as_uri(places.output)),
        ("mapreduce_task_partition", attempt.task.number.to_string().into()),
    ];
    // Hadoop sets the user's name once more for each task, hence under both names.
    let user = plan.children.environment.get("mapreduce_job_user_name");
    names.extend(user.map(|user| ("mapreduce_job_user_name", user.to_owned())));
    match attempt.task.kind {
        TaskKind::Map => names.extend(of_split(host, attempt)),
        TaskKind::Reduce => {
            names.push(("mapreduce_job_maps", plan.maps.len().to_string().into()));
            names.push(("mapreduce_jobtracker_address", "local".into()));
        }
    }
    names = under_both_names(names);
    names.extend(local_copies(host, places.archives));
    host.environment.with(names)
}

/// What a map attempt reads.
fn of_split(host: &TaskHost<'_>, attempt: AttemptId) -> Names {
    let map = host.plan.maps.get(attempt.task.number as usize);
    let Some(split) = map.and_then(|map| map.splits.first()) else { return Names::new() };
    vec![
        ("mapreduce_map_input_file", as_uri(&split.path)),
        ("mapreduce_map_input_length", split.length.to_string().into()),
        ("mapreduce_map_input_start", split.start.to_string().into()),
    ]
}

/// Where what the job ships lies on this machine: archives unpacked, files where they are.
fn local_copies(host: &TaskHost<'_>, archives: &UnpackedArchives) -> Names {
    let uris = |unpacked: bool| {
        let entries = host.plan.cache.iter().filter(|entry| entry.archive.is_some() == unpacked);
        joined(entries.map(|entry| {
            let mut uri = OsString::from("file://");
            uri.push(archives.target(entry));
            uri
        }))
    };
    let mut names = vec![
        ("mapreduce_job_cache_local_archives", uris(true)),
        ("mapreduce_job_cache_local_files", uris(false)),
    ];
    names.retain(|(_, uris)| !uris.is_empty());
    names
}

/// Adds the names that old Hadoop versions had. What a task sets itself is seen under both, what the job's files
/// say under the new one only. Hadoop: `PipeMapRed.addJobConfToEnvironment`, which calls
/// `Configuration.setDeprecatedProperties`.
fn under_both_names(mut names: Names) -> Names {
    let old_name = |name: &str| OLD_NAMES.iter().find(|(new, _)| *new == name).map(|(_, old)| *old);
    let old: Names =
        names.iter().filter_map(|(name, value)| Some((old_name(name)?, value.clone()))).collect();
    names.extend(old);
    names
}

/// Names of properties that tasks set, today's and the old one, as variables. Hadoop:
/// `ConfigUtil.addDeprecatedKeys`.
const OLD_NAMES: [(&str, &str); 14] = [
    ("mapreduce_cluster_local_dir", "mapred_local_dir"),
    ("mapreduce_job_id", "mapred_job_id"),
    ("mapreduce_job_maps", "mapred_map_tasks"),
    ("mapreduce_job_skiprecords", "mapred_skip_on"),
    ("mapreduce_job_user_name", "user_name"),
    ("mapreduce_jobtracker_address", "mapred_job_tracker"),
    ("mapreduce_map_input_file", "map_input_file"),
    ("mapreduce_map_input_length", "map_input_length"),
    ("mapreduce_map_input_start", "map_input_start"),
    ("mapreduce_task_attempt_id", "mapred_task_id"),
    ("mapreduce_task_id", "mapred_tip_id"),
    ("mapreduce_task_ismap", "mapred_task_is_map"),
    ("mapreduce_task_output_dir", "mapred_work_output_dir"),
    ("mapreduce_task_partition", "mapred_task_partition"),
];

/// A list with commas.
fn joined(items: impl Iterator<Item = OsString>) -> OsString {
    items.collect::<Vec<_>>().join(OsStr::new(","))
}

/// `file:/path`, as Hadoop's `Path` prints a path of the local file system.
fn as_uri(path: &Path) -> OsString {
    let mut uri = OsString::from("file:");
    uri.push(path);
    uri
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::conf::keys;

    fn check(fixed: &[&str], units_max: Option<u32>, own: &[(&'static str, &str)], expect: &str) {
        let plan = Environment {
            variables: ["B", "D", "b"].map(|name| (name.into(), "job".into())).to_vec(),
            fixed: fixed.iter().map(ToString::to_string).collect(),
            value_units_max: units_max,
            properties: Vec::new(),
        };
        let own = own.iter().map(|(name, value)| (*name, value.into())).collect();
        let job = JobEnvironment::new(&plan);
        let found = match job.with(own) {
            Ok(lines) => lines.iter().map(|line| line.to_str().unwrap()).collect::<Vec<_>>().join(" "),
            Err(error) => error.to_string(),
        };
        assert_eq!(found, expect);
    }

    #[test]
    fn an_attempts_properties_find_their_places() {
        check(&[], None, &[], "B=job D=job b=job");
        check(&[], None, &[("D", "own")], "B=job D=own b=job");
        let own = [("c", "own"), ("b", "own"), ("C", "own"), ("A", "own"), ("a", "own")];
        check(&[], None, &own, "A=own B=job C=own D=job a=own b=own c=own");
    }

    #[test]
    fn fixed_names_stay_and_long_values_are_cut() {
        let own = [("B", "own"), ("C", "own")];
        check(&["A", "B"], None, &own, "B=job C=own D=job b=job");
        check(&["C"], None, &own, "B=own D=job b=job");
        check(&[], Some(2), &own, "B=ow C=ow D=job b=job");
        check(&[], Some(0), &own, "B= C= D=job b=job");
        check(&[], None, &[("C", "a\0b")], "the value of C holds a NUL byte");
    }

    #[test]
    fn an_attempts_names_are_there_in_both_spellings() {
        let check = |names: &[&'static str], expect: &[&str]| {
            let names = under_both_names(names.iter().map(|name| (*name, "v".into())).collect());
            assert!(names.iter().all(|(_, value)| value == "v"));
            assert_eq!(names.iter().map(|(name, _)| *name).collect::<Vec<_>>(), expect);
        };
        check(&["mapreduce_job_id", "A"], &["mapreduce_job_id", "A", "mapred_job_id"]);
        check(&["mapreduce_job_user_name"], &["mapreduce_job_user_name", "user_name"]);
    }

    #[test]
    fn old_names_are_those_of_the_property_table() {
        for (new, old) in OLD_NAMES {
            let variable = |name: &str| name.replace(['.', '-'], "_");
            let property = keys::properties().iter().find(|property| variable(property.name) == new);
            if let Some(property) = property {
                assert!(property.deprecated.iter().any(|name| variable(name) == old), "{new} {old}");
            }
        }
    }
}
