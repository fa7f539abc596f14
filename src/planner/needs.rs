//! The files and folders that a job reads or keeps, in one list.
//!
//! [`super::facts`] takes from it what decides about the result, [`super::protected`] what an output folder may not
//! hold. The structs that a job is made from are taken apart field by field, without `..`: a new field does not
//! compile here until it is said whether it names a path.

use super::partition_file;
use crate::conf::{HostFacts, JobConf};
use crate::plan::{JobPlan, KeepPlace};
use crate::streaming::command::find_program;
use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// A file or folder that a job or its user needs.
pub(super) struct Need {
    /// What it is, for messages.
    pub(super) what: &'static str,
    /// Absolute; nothing may be there.
    pub(super) path: PathBuf,
    /// Whether its bytes decide about the result, and nothing else of the job tells of them.
    pub(super) decides: bool,
}

fn need(what: &'static str, path: &Path) -> Need {
    Need { what, path: path.to_path_buf(), decides: false }
}

fn deciding(what: &'static str, path: &Path) -> Need {
    Need { decides: true, ..need(what, path) }
}

/// Everything, the machine's own folders first.
pub(super) fn list(conf: &JobConf, plan: &JobPlan, host: &HostFacts) -> Vec<Need> {
    let mut needs = of_host(host);
    needs.extend(of_plan(plan, host));
    needs.extend(of_conf(conf));
    needs
}

fn of_host(host: &HostFacts) -> Vec<Need> {
    let HostFacts {
        home,
        current_dir,
        temp_dir,
        hdfs_root,
        state_dir,
        program,
        logs_dir,
        environment: _,
        user: _,
        host_name: _,
        default_fs: _,
        command_line: _,
        memory_bytes: _,
        cores: _,
        slots_max: _,
    } = host;
    let mut needs = vec![
        need("the root folder", Path::new("/")),
        need("the home folder", home),
        need("the current folder", current_dir),
        need("the folder for temporary files", temp_dir),
        need("the folder that stands for HDFS", hdfs_root),
    ];
    // The logs of jobs in the background are with their records.
    needs.extend(state_dir.iter().map(|path| need("the folder of the records of jobs", path)));
    needs.extend(logs_dir.iter().map(|path| need("the folder of the logs of tasks", path)));
    needs.extend(program.iter().map(|path| need("this program", path)));
    needs
}

fn of_plan(plan: &JobPlan, host: &HostFacts) -> Vec<Need> {
    let JobPlan {
        maps,
        cache,
        keep_failed,
        resources,
        // The commands in these: see `programs`.
        mapper: _,
        combiner: _,
        reducer: _,
        children: _,
        // What the job may clear.
        output: _,
        job_id: _,
        job_name: _,
        reduces: _,
        input: _,
        map_stream: _,
        reduce_stream: _,
        shuffle: _,
        counter_limits: _,
        attempts: _,
        skip: _,
    } = plan;
    let inputs: BTreeSet<&Path> =
        maps.iter().flat_map(|map| &map.splits).map(|split| split.path.as_path()).collect();
    let mut needs: Vec<Need> = inputs.into_iter().map(|path| deciding("input", path)).collect();
    needs.extend(cache.iter().map(|entry| deciding("shipped file", &entry.path)));
    needs.extend(programs(plan, host).iter().map(|path| deciding("program", path)));
    needs.extend(resources.local_dirs.iter().map(|path| need("the folder for temporary files", path)));
    match &keep_failed.place {
        KeepPlace::Below(path) => needs.push(need("the folder of -keep-failed", path)),
        // The latter is in a folder for temporary files.
        KeepPlace::Nowhere | KeepPlace::Last => {}
    }
    needs
}

fn of_conf(conf: &JobConf) -> Vec<Need> {
    let JobConf {
        properties,
        inputs,
        hdfs_root,
        counters_json,
        packed,
        // See `partition_file::path`.
        total_order: _,
        cuts: _,
        // In the plan.
        cache: _,
        mapper: _,
        combiner: _,
        reducer: _,
        output: _,
        children: _,
        resources: _,
        keep_failed: _,
        job_name: _,
        split: _,
        input: _,
        reduces: _,
        map_stream: _,
        reduce_stream: _,
        shuffle: _,
        group_order: _,
        retries: _,
        skip: _,
        slow_start: _,
        counter_limits: _,
        new_api: _,
        verbose: _,
        background: _,
        output_filter: _,
    } = conf;
    let mut needs = vec![need("the folder that stands for HDFS", hdfs_root)];
    needs.extend(inputs.iter().map(|path| need("input", Path::new(path))));
    needs.extend(properties.files().iter().map(|path| need("configuration file", path)));
    needs.extend(partition_file::path(conf).iter().map(|path| need("partition file", path)));
    needs.extend(packed.iter().map(|path| need("shipped file", path)));
    needs.extend(counters_json.iter().map(|path| need("the file of -counters-json", path)));
    needs
}

/// The files that the job's commands name, programs in `PATH` included.
fn programs(plan: &JobPlan, host: &HostFacts) -> BTreeSet<PathBuf> {
    // A script of `sh -c` and the value of an option hold names too.
    let ends_name = |letter: char| letter.is_whitespace() || "'\"=:,;|&<>()`".contains(letter);
    let mut found = BTreeSet::new();
    for (command, path) in super::commands(plan, host) {
        found.extend(command.first().map(|name| find_program(name, &host.current_dir, &path).path));
        for word in command {
            let names = [word.as_str()].into_iter().chain(word.split(ends_name));
            found.extend(names.filter(|name| !name.is_empty()).map(|name| host.current_dir.join(name)));
        }
    }
    found.retain(|path| path.is_absolute() && path.is_file());
    found
}
