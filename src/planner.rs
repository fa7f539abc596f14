//! A job's configuration to its plan: looks at the world once, before any work.
//!
//! Everything that can be known before the first task starts is checked here, in the order in which Hadoop
//! would find it out: shipped files, the output folder, the input, the partition file; and last what
//! Hadoop finds out only when every task has failed: whether the commands can run at all.

mod facts;
mod needs;
pub mod partition_file;
mod protected;

use crate::conf::{
    CacheFile, ConfError, HostFacts, JobConf, ProcessorChoice, Properties, SplitSpec, child_environment,
};
use crate::error::{At, IoError};
use crate::ids::{JobId, TaskKind};
use crate::input::listing::{self, ListError, ListSettings};
use crate::input::{self, InputError, SplitSettings};
use crate::output::committer::CommitError;
use crate::output::existing;
use crate::output::journal::Fact;
use crate::plan::{
    AttemptSpec, CacheEntry, ChildSpec, Environment, InputFormat, JobPlan, MapTask, PartitionerSpec,
    Processor, ShuffleSpec, StreamSplits,
};
use crate::shuffle::comparator::Order;
use crate::shuffle::partitioner::{CutError, check_cuts};
use crate::streaming::command::split_args;
use crate::streaming::preflight::{self, PreflightError};
use crate::task;
use std::ffi::OsString;
use std::path::PathBuf;

/// Block size of Hadoop's local file system (`fs.local.block.size`). Without reducers each split becomes a
/// part file, so there Hadoop's size is kept; before a shuffle smaller splits keep more slots busy.
const LOCAL_BLOCK_BYTES: u64 = 32 << 20;

/// What gives a job its name in Hadoop: the jar of the version that is the measure here.
const STREAMING_JAR: &str = "hadoop-streaming-3.4.2.jar";

/// Why a job cannot be planned.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PlanError {
    /// The output folder is there already.
    #[error(transparent)]
    Output(#[from] CommitError),
    /// The input cannot be listed.
    #[error(transparent)]
    List(#[from] ListError),
    /// The input cannot be read while it is split.
    #[error(transparent)]
    Input(#[from] InputError),
    /// A shipped file is not there.
    #[error(
        "cannot ship {given}: {} does not exist ({property}){}{}", path.display(), glob_advice(given),
        near.as_ref().map(|near| format!("; did you mean {near}?")).unwrap_or_default()
    )]
    Cache {
        /// What the user gave.
        given: String,
        /// Where it was looked for.
        path: PathBuf,
        /// The property it came by.
        property: &'static str,
        /// The file that may have been meant.
        near: Option<String>,
        /// Named by an option whose files Hadoop looks for while it reads the command line.
        by_option: bool,
    },
    /// The sizes of combined splits contradict each other.
    #[error("{} is {}, more than {}, which is {}: lower the first or raise the second", least.0, least.1, most.0, most.1)]
    SplitSizes {
        /// The property that is too large, with its value.
        least: (&'static str, u64),
        /// The property that bounds it, with its value.
        most: (&'static str, u64),
    },
    /// A folder that `-file` names cannot be read.
    #[error("cannot ship what is in a folder")]
    Packed(#[from] IoError),
    /// A property of Hadoop's newer interface, in Hadoop's own letters.
    #[error("{name} is incompatible with {mode} mode.")]
    NewApi {
        /// The property.
        name: &'static str,
        /// The mode that streaming runs in.
        mode: &'static str,
    },
    /// The partition file of a total order cannot be used.
    #[error("cannot use partition file {}", path.display())]
    Partitions {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A command cannot run.
    #[error(transparent)]
    Command(#[from] PreflightError),
    /// The children's environment cannot be made.
    #[error(transparent)]
    Conf(#[from] ConfError),
}

fn glob_advice(given: &str) -> &'static str {
    if given.contains(['*', '?', '[', '{']) { "; globs mean nothing here, as in Hadoop" } else { "" }
}

impl PlanError {
    /// Whether Hadoop answers this with the code of a job that could not be launched.
    pub fn is_launch_error(&self) -> bool {
        matches!(
            self,
            Self::Output(_) | Self::List(_) | Self::Input(_) | Self::SplitSizes { .. } | Self::NewApi { .. }
        )
    }
}

/// Makes the plan.
///
/// # Errors
/// The first thing that cannot work.
pub fn plan_job(conf: &JobConf, host: &HostFacts, job_id: JobId) -> Result<JobPlan, PlanError> {
    conf.cache.iter().filter(|file| file.by_option).try_for_each(find_shipped)?;
    if let Some((name, mode)) = conf.new_api {
        return Err(PlanError::NewApi { name, mode });
    }
    existing::refuse(&conf.output)?;
    conf.cache.iter().try_for_each(find_shipped)?;
    let (maps, files) = plan_maps(conf, host)?;
    let job_name = job_name(conf, &job_id);
    let submitted = submitted(conf, host, &job_name, maps.len(), files)?;
    let plan = JobPlan {
        job_id,
        job_name,
        reduces: conf.reduces,
        mapper: processor(&conf.mapper),
        combiner: conf.combiner.as_ref().map(processor),
        reducer: processor(&conf.reducer),
        input: conf.input.clone(),
        map_stream: conf.map_stream.clone(),
        reduce_stream: conf.reduce_stream.clone(),
        shuffle: with_cuts(conf)?,
        output: conf.output.clone(),
        children: ChildSpec { environment: environment(conf, &submitted)?, ..conf.children.clone() },
        cache: cache_entries(conf)?,
        maps,
        counter_limits: conf.counter_limits,
        attempts: AttemptSpec {
            map_max: conf.retries.map_attempts_max.unwrap_or(1),
            reduce_max: conf.retries.reduce_attempts_max.unwrap_or(1),
            map_failures_percent_max: conf.retries.map_failures_percent_max,
            reduce_failures_percent_max: conf.retries.reduce_failures_percent_max,
            timeout_ms: conf.retries.task_timeout_ms,
        },
        skip: conf.skip.clone(),
        keep_failed: conf.keep_failed.clone(),
        resources: conf.resources.clone(),
    };
    check_commands(&plan, host)?;
    Ok(plan)
}

/// What decides about the result of a job, for its output's journal. Refuses an output folder that holds too much to be
/// cleared, and one in which a run of another job was killed if that is to be continued.
pub fn check_existing(conf: &JobConf, plan: &JobPlan, host: &HostFacts) -> Result<Vec<Fact>, PlanError> {
    protected::refuse(conf, plan, host)?;
    let facts = facts::of(conf, plan, host)?;
    existing::refuse_change(&plan.output, &facts)?;
    Ok(facts)
}

/// The children's environment. Only attempts with a folder of their own have a `job.xml` there.
fn environment(conf: &JobConf, submitted: &Properties) -> Result<Environment, ConfError> {
    let mut environment = child_environment(submitted)?;
    if conf.cache.is_empty() && conf.packed.is_empty() {
        environment.properties.clear();
    }
    Ok(environment)
}

/// The job's name: unless the user gave one, that of its jar, which is streaming's own or one made for `-file`.
/// Hadoop: `JobResourceUploader.uploadJobJar`, `StreamJob.packageJobJar`, in local mode.
fn job_name(conf: &JobConf, job_id: &JobId) -> String {
    match &conf.job_name {
        Some(name) => name.clone(),
        None if !conf.packed.is_empty() => format!("streamjob{}.jar", job_id.stamp),
        None => STREAMING_JAR.to_owned(),
    }
}

/// The properties with what submission adds to them, for the children to see. Hadoop: `JobClient`,
/// `JobSubmitter`, `JobResourceUploader`; `FileInputFormat.getSplits` for the number of files, which two formats
/// do not count.
fn submitted(
    conf: &JobConf,
    host: &HostFacts,
    job_name: &str,
    maps: usize,
    files: usize,
) -> Result<Properties, ConfError> {
    let counts_files = !matches!(conf.input.format, InputFormat::NLine | InputFormat::CombineText);
    // What is sent along is not copied to another place first, since there is no other file system.
    let joined = |names: [&str; 2]| -> Result<String, ConfError> {
        let lists = names.iter().map(|name| conf.properties.get(name)).collect::<Result<Vec<_>, _>>()?;
        Ok(lists.into_iter().flatten().collect::<Vec<_>>().join(","))
    };
    let added = [
        ("mapred.mapper.new-api", Some("false".to_owned())),
        ("mapred.reducer.new-api", Some("false".to_owned())),
        ("mapreduce.input.fileinputformat.numinputfiles", counts_files.then(|| files.to_string())),
        ("mapreduce.job.cache.archives", Some(joined(["mapreduce.job.cache.archives", "tmparchives"])?)),
        ("mapreduce.job.cache.files", Some(joined(["mapreduce.job.cache.files", "tmpfiles"])?)),
        ("mapreduce.job.maps", Some(maps.to_string())),
        ("mapreduce.job.name", Some(job_name.to_owned())),
        ("mapreduce.job.submithostname", host.host_name.clone()),
        ("mapreduce.job.user.name", Some(host.job_user())),
    ];
    let mut properties = conf.properties.clone();
    for (name, value) in added {
        if let Some(value) = value {
            properties.set(name, value, "submission");
        }
    }
    Ok(properties)
}

/// The map tasks, and how many files they are made of.
fn plan_maps(conf: &JobConf, host: &HostFacts) -> Result<(Vec<MapTask>, usize), PlanError> {
    let format = conf.input.format;
    if format == InputFormat::CombineText {
        check_combined(&conf.split)?;
    }
    let list = ListSettings {
        recursive: conf.split.recursive,
        ignore_subdirs: conf.split.ignore_subdirs || format == InputFormat::CombineText,
        map_files: matches!(
            format,
            InputFormat::SequenceFile | InputFormat::SequenceFileAsText | InputFormat::SequenceFileAsBinary
        ),
        cwd: host.current_dir.clone(),
        hdfs_root: conf.hdfs_root.clone(),
    };
    let files = listing::list(&conf.inputs, &list)?;
    let settings = SplitSettings {
        format,
        maps_wanted: conf.split.maps_hint.unwrap_or(1).into(),
        split_bytes_min: conf.split.bytes_min,
        split_bytes_max: conf.split.combine_bytes_max,
        node_bytes_min: conf.split.combine_bytes_min_node,
        block_bytes: conf.split.block_bytes.or((conf.reduces == 0).then_some(LOCAL_BLOCK_BYTES)),
        lines_per_map: conf.split.lines_per_map.into(),
        // Marks of records are looked for in what is stored.
        streams: if conf.input.xml_reader.is_some() { StreamSplits::Whole } else { conf.split.streams },
    };
    Ok((input::plan_tasks(&files, &settings)?, files.len()))
}

/// Hadoop: `CombineFileInputFormat.getSplits`.
fn check_combined(split: &SplitSpec) -> Result<(), PlanError> {
    let max = ("mapreduce.input.fileinputformat.split.maxsize", split.combine_bytes_max);
    let node = ("mapreduce.input.fileinputformat.split.minsize.per.node", split.combine_bytes_min_node);
    let rack = ("mapreduce.input.fileinputformat.split.minsize.per.rack", split.combine_bytes_min_rack);
    for (least, most) in [(node, max), (rack, max), (node, rack)] {
        if most.1 != 0 && least.1 > most.1 {
            return Err(PlanError::SplitSizes { least, most });
        }
    }
    Ok(())
}

fn processor(choice: &ProcessorChoice) -> Processor {
    match choice {
        ProcessorChoice::Identity => Processor::Identity,
        ProcessorChoice::Command(command) => Processor::Command(split_args(command)),
        ProcessorChoice::BuiltIn(class) => Processor::BuiltIn(class.clone()),
    }
}

/// Hadoop: `GenericOptionsParser.validateFiles`, `JobResourceUploader.checkLocalizationLimits`.
fn find_shipped(file: &CacheFile) -> Result<(), PlanError> {
    let CacheFile { given, path, property, by_option, .. } = file;
    if path.exists() {
        return Ok(());
    }
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let near = preflight::nearest_file(&name, path);
    let (given, path) = (given.clone(), path.clone());
    Err(PlanError::Cache { given, path, property, near, by_option: *by_option })
}

/// What attempts find in their folders: shipped files under their names; and what is in a folder that `-file` names,
/// unless a shipped file has that name. Hadoop: `StreamJob.packageJobJar`, whose jar is unpacked there.
fn cache_entries(conf: &JobConf) -> Result<Vec<CacheEntry>, PlanError> {
    let mut entries: Vec<_> = conf.cache.iter().map(cache_entry).collect();
    for folder in conf.packed.iter().filter(|path| path.is_dir()) {
        let listed = crate::fs::read_dir(folder).at("read folder", folder)?;
        let listed = listed.collect::<Result<Vec<_>, _>>().at("read folder", folder)?;
        let mut paths: Vec<_> = listed.into_iter().map(|entry| entry.path()).collect();
        paths.sort();
        for path in paths {
            let link = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if entries.iter().all(|entry| entry.link != link) {
                entries.push(CacheEntry { path, link, archive: None, in_jar: true });
            }
        }
    }
    Ok(entries)
}

fn cache_entry(file: &CacheFile) -> CacheEntry {
    let CacheFile { path, link, archive, .. } = file;
    // A folder given as an archive is linked as it is.
    let archive = archive.filter(|_| path.is_file());
    CacheEntry { path: path.clone(), link: link.clone(), archive, in_jar: false }
}

/// The shuffle with the cut points of a total order read in. Hadoop: `TotalOrderPartitioner.setConf`.
fn with_cuts(conf: &JobConf) -> Result<ShuffleSpec, PlanError> {
    let mut shuffle = conf.shuffle.clone();
    let (PartitionerSpec::TotalOrder { cuts, .. }, Some(path)) =
        (&mut shuffle.partitioner, partition_file::path(conf))
    else {
        return Ok(shuffle);
    };
    let failed = |source| PlanError::Partitions { path: path.clone(), source };
    *cuts = match &conf.cuts {
        Some(found) => found.clone(),
        None => partition_file::read(&path, &shuffle.key_kind).map_err(failed)?,
    };
    let order = Order::new(&shuffle.order, &shuffle.key_kind);
    check_cuts(cuts, &order, conf.reduces).map_err(|error: CutError| failed(Box::new(error)))?;
    Ok(shuffle)
}

/// The job's commands, and the `PATH` in which each looks for its program.
fn commands<'a>(plan: &'a JobPlan, host: &HostFacts) -> Vec<(&'a [String], OsString)> {
    let path_of = |kind| {
        let variables = plan.children.environment.of_children(kind, &host.launch());
        let path = variables.into_iter().find(|(name, _)| name == "PATH");
        path.map_or_else(|| "/usr/bin:/bin".into(), |(_, path)| path)
    };
    let (map, reduce) = (path_of(TaskKind::Map), path_of(TaskKind::Reduce));
    let of_maps = task::map_task::map_commands(plan).into_iter().map(|command| (command, map.clone()));
    of_maps.chain(task::map_task::reduce_command(plan).map(|command| (command, reduce))).collect()
}

fn check_commands(plan: &JobPlan, host: &HostFacts) -> Result<(), PlanError> {
    let shipped: Vec<(String, PathBuf)> =
        plan.cache.iter().map(|entry| (entry.link.clone(), entry.path.clone())).collect();
    let environment = &plan.children.environment;
    let environments =
        [TaskKind::Map, TaskKind::Reduce].map(|kind| environment.of_children(kind, &host.launch()));
    for (command, path) in commands(plan, host) {
        preflight::check(command, &shipped, &path, &host.current_dir)?;
        for variables in &environments {
            preflight::check_environment(command, variables)?;
        }
    }
    Ok(())
}
