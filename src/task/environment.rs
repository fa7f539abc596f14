//! The names that only one attempt's child finds in its environment.
//! Hadoop: `Task.localizeConfiguration`, `MapTask.updateJobWithSplit`, `FileOutputFormat`.

use super::TaskHost;
use crate::ids::{AttemptId, TaskKind};
use std::ffi::{OsStr, OsString};
use std::path::Path;

/// The whole environment of an attempt's child: the job's, and over it the attempt's own names. `output`
/// is where the attempt may leave side files.
pub(super) fn of_attempt(
    host: &TaskHost<'_>,
    attempt: AttemptId,
    output: Option<&Path>,
) -> Vec<(OsString, OsString)> {
    let plan = host.plan;
    let mut environment = plan.children.environment.clone();
    let mut names: Vec<(&str, OsString)> = vec![
        ("mapreduce_job_id", plan.job_id.to_string().into()),
        ("mapreduce_task_id", attempt.task.in_job(&plan.job_id).into()),
        ("mapreduce_task_attempt_id", attempt.in_job(&plan.job_id).into()),
        ("mapreduce_task_partition", attempt.task.number.to_string().into()),
        ("mapreduce_task_ismap", (attempt.task.kind == TaskKind::Map).to_string().into()),
    ];
    names.extend(output.map(|dir| ("mapreduce_task_output_dir", as_uri(dir))));
    if let (TaskKind::Map, Some(split)) =
        (attempt.task.kind, plan.maps.get(attempt.task.number as usize).and_then(|map| map.splits.first()))
    {
        names.push(("mapreduce_map_input_file", as_uri(&split.path)));
        names.push(("mapreduce_map_input_start", split.start.to_string().into()));
        names.push(("mapreduce_map_input_length", split.length.to_string().into()));
    }
    for (name, value) in names {
        set(&mut environment, name, &value);
    }
    environment
}

/// Sets a variable, and the one of the name that old Hadoop versions had. What a task sets itself is seen under
/// both names, what the job's files say under the new one only. Hadoop: `PipeMapRed.addJobConfToEnvironment`,
/// which calls `Configuration.setDeprecatedProperties`.
fn set(environment: &mut Vec<(OsString, OsString)>, name: &str, value: &OsStr) {
    let old_name = OLD_NAMES.iter().find(|(new, _)| *new == name).map(|(_, old)| *old);
    for name in std::iter::once(name).chain(old_name) {
        environment.retain(|(known, _)| known != name);
        environment.push((name.into(), value.into()));
    }
}

/// Names of an attempt's own, today's and the old one. Hadoop: `ConfigUtil.addDeprecatedKeys`.
const OLD_NAMES: [(&str, &str); 9] = [
    ("mapreduce_job_id", "mapred_job_id"),
    ("mapreduce_task_id", "mapred_tip_id"),
    ("mapreduce_task_attempt_id", "mapred_task_id"),
    ("mapreduce_task_partition", "mapred_task_partition"),
    ("mapreduce_task_ismap", "mapred_task_is_map"),
    ("mapreduce_task_output_dir", "mapred_work_output_dir"),
    ("mapreduce_map_input_file", "map_input_file"),
    ("mapreduce_map_input_start", "map_input_start"),
    ("mapreduce_map_input_length", "map_input_length"),
];

/// `file:/path`, as Hadoop's `Path` prints a path of the local file system.
fn as_uri(path: &Path) -> OsString {
    let mut uri = OsString::from("file:");
    uri.push(path);
    uri
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_attempts_names_are_there_in_both_spellings() {
        let check = |name: &str, expect: &[(&str, &str)]| {
            let own = |(name, value): &(&str, &str)| (OsString::from(*name), OsString::from(*value));
            let mut environment: Vec<_> = [("A", "a"), ("map_input_file", "outer")].iter().map(own).collect();
            set(&mut environment, name, "v".as_ref());
            assert_eq!(environment, expect.iter().map(own).collect::<Vec<_>>(), "{name}");
        };
        check(
            "mapreduce_map_input_file",
            &[("A", "a"), ("mapreduce_map_input_file", "v"), ("map_input_file", "v")],
        );
        check(
            "mapreduce_task_partition",
            &[
                ("A", "a"),
                ("map_input_file", "outer"),
                ("mapreduce_task_partition", "v"),
                ("mapred_task_partition", "v"),
            ],
        );
        check("A", &[("map_input_file", "outer"), ("A", "v")]);
    }
}
