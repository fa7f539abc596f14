//! A job's configuration to its plan: looks at the world once, before any work.
//!
//! Everything that can be known before the first task starts is checked here, in the order in which Hadoop
//! would find it out: shipped files, the output folder, the input, the partition file; and last what
//! Hadoop finds out only when every task has failed: whether the commands can run at all.

mod facts;
mod needs;
pub mod partition_file;
mod protected;

use crate::conf::{CacheFile, ConfError, HostFacts, JobConf, ProcessorChoice, Properties, child_environment};
use crate::ids::JobId;
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
use std::ffi::OsStr;
use std::path::PathBuf;

/// Block size of Hadoop's local file system (`fs.local.block.size`). Without reducers each split becomes a
/// part file, so there Hadoop's size is kept; before a shuffle smaller splits keep more slots busy.
const LOCAL_BLOCK_BYTES: u64 = 32 << 20;

/// What gives a job its name in Hadoop: the jar of the version that is the measure here.
const STREAMING_JAR: &str = "hadoop-streaming-3.3.4.jar";

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
    #[error("cannot ship {given}: {} does not exist ({property}){}", path.display(), glob_advice(given))]
    Cache {
        /// What the user gave.
        given: String,
        /// Where it was looked for.
        path: PathBuf,
        /// The property it came by.
        property: &'static str,
        /// Named by an option whose files Hadoop looks for while it reads the command line.
        by_option: bool,
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
        matches!(self, Self::Output(_) | Self::List(_) | Self::Input(_))
    }
}

/// Makes the plan.
///
/// # Errors
/// The first thing that cannot work.
pub fn plan_job(conf: &JobConf, host: &HostFacts, job_id: JobId) -> Result<JobPlan, PlanError> {
    conf.cache.iter().filter(|file| file.by_option).try_for_each(find_shipped)?;
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
        children: ChildSpec { environment: environment(conf, &submitted, host)?, ..conf.children.clone() },
        cache: conf.cache.iter().map(cache_entry).collect(),
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
fn environment(conf: &JobConf, submitted: &Properties, host: &HostFacts) -> Result<Environment, ConfError> {
    let mut environment = child_environment(submitted, host)?;
    if conf.cache.is_empty() {
        environment.properties.clear();
    }
    Ok(environment)
}

/// The job's name: unless the user gave one, that of its jar, which is streaming's own or one made for `-file`.
/// Hadoop: `JobResourceUploader.uploadJobJar`, `StreamJob.packageJobJar`, in local mode.
fn job_name(conf: &JobConf, job_id: &JobId) -> String {
    match &conf.job_name {
        Some(name) => name.clone(),
        None if conf.packs_jar => format!("streamjob{}.jar", job_id.stamp),
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
        block_bytes: conf.split.block_bytes.or((conf.reduces == 0).then_some(LOCAL_BLOCK_BYTES)),
        lines_per_map: conf.split.lines_per_map.into(),
        // Marks of records are looked for in what is stored.
        streams: if conf.input.xml_reader.is_some() { StreamSplits::Whole } else { conf.split.streams },
    };
    Ok((input::plan_tasks(&files, &settings)?, files.len()))
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
    let (given, path) = (given.clone(), path.clone());
    Err(PlanError::Cache { given, path, property, by_option: *by_option })
}

fn cache_entry(file: &CacheFile) -> CacheEntry {
    let CacheFile { path, link, archive, .. } = file;
    // A folder given as an archive is linked as it is.
    CacheEntry { path: path.clone(), link: link.clone(), archive: archive.filter(|_| path.is_file()) }
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

fn check_commands(plan: &JobPlan, host: &HostFacts) -> Result<(), PlanError> {
    let shipped: Vec<(String, PathBuf)> =
        plan.cache.iter().map(|entry| (entry.link.clone(), entry.path.clone())).collect();
    let path = plan.children.environment.get("PATH").unwrap_or(OsStr::new("/usr/bin:/bin"));
    for command in task::map_task::commands(plan) {
        preflight::check(command, &shipped, path, &host.current_dir)?;
    }
    Ok(())
}
