//! The names that only one attempt's child finds in its environment.
//! Hadoop: `Task.localizeConfiguration`, `MapTask.updateJobWithSplit`, `FileOutputFormat`.

use super::TaskHost;
use crate::ids::{AttemptId, TaskKind};
use std::ffi::OsString;
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
        for name in std::iter::once(name).chain(old_name(name)) {
            environment.retain(|(known, _)| known != name);
            environment.push((name.into(), value.clone()));
        }
    }
    environment
}

/// The name of old Hadoop versions. What a task sets itself is seen under both names, what the job's files say
/// under the new one only. Hadoop: `PipeMapRed.addJobConfToEnvironment`, which calls
/// `Configuration.setDeprecatedProperties`.
fn old_name(name: &str) -> Option<&'static str> {
    OLD_NAMES.iter().find(|(new, _)| *new == name).map(|(_, old)| *old)
}

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
