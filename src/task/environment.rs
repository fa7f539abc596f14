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
    let mut set = |name: &str, value: OsString| {
        environment.retain(|(known, _)| known != name);
        environment.push((name.into(), value));
    };
    set("mapreduce_job_id", plan.job_id.to_string().into());
    set("mapreduce_task_id", attempt.task.in_job(&plan.job_id).into());
    set("mapreduce_task_attempt_id", attempt.in_job(&plan.job_id).into());
    set("mapreduce_task_partition", attempt.task.number.to_string().into());
    set("mapreduce_task_ismap", (attempt.task.kind == TaskKind::Map).to_string().into());
    if let Some(dir) = output {
        set("mapreduce_task_output_dir", as_uri(dir));
    }
    if let (TaskKind::Map, Some(split)) =
        (attempt.task.kind, plan.maps.get(attempt.task.number as usize).and_then(|map| map.splits.first()))
    {
        set("mapreduce_map_input_file", as_uri(&split.path));
        set("mapreduce_map_input_start", split.start.to_string().into());
        set("mapreduce_map_input_length", split.length.to_string().into());
    }
    environment
}

/// `file:/path`, as Hadoop's `Path` prints a path of the local file system.
fn as_uri(path: &Path) -> OsString {
    let mut uri = OsString::from("file:");
    uri.push(path);
    uri
}
