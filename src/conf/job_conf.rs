//! A job, typed: every property that matters, read once, under names that say meaning and unit.

mod input;
mod limits;
mod output;
mod process;
mod reader;
mod shuffle;
#[cfg(test)]
mod tests;

use super::cache::{self, CacheFile};
use super::classes::{ProcessorChoice, Role};
use super::error::ConfError;
use super::host::HostFacts;
use super::properties::Properties;
use crate::counters::Limits;
use crate::plan::{
    ChildSpec, InputFormat, InputSpec, KeepSpec, KeyOrderSpec, OutputSpec, ResourceSpec, ShuffleSpec,
    SkipSpec, StreamSpec, StreamSplits,
};
use reader::Reader;
use std::path::PathBuf;

/// A job as the user wants it. What it needs of the world (which files there are, what is in the partition
/// file) is not in here yet.
#[derive(Clone, Debug)]
pub struct JobConf {
    /// Everything this was read from, for the tasks' environment and for listings.
    pub properties: Properties,
    /// `mapreduce.job.name`, when the user set it.
    pub job_name: Option<String>,
    /// Input paths, absolute, globs unresolved.
    pub inputs: Vec<String>,
    /// How input becomes map tasks.
    pub split: SplitSpec,
    /// How splits become records.
    pub input: InputSpec,
    /// What map tasks run.
    pub mapper: ProcessorChoice,
    /// What shrinks map output; never set without reduce tasks.
    pub combiner: Option<ProcessorChoice>,
    /// What reduce tasks run; not looked at, and identity, without reduce tasks.
    pub reducer: ProcessorChoice,
    /// Number of reduce tasks.
    pub reduces: u32,
    /// The mapper's pipes.
    pub map_stream: StreamSpec,
    /// The reducer's and the combiner's pipes.
    pub reduce_stream: StreamSpec,
    /// From map to reduce. The cuts of a total order are empty; they are in `total_order`'s file.
    pub shuffle: ShuffleSpec,
    /// The partition file, when the partitioner needs one.
    pub total_order: Option<TotalOrderFile>,
    /// Cut points of a total order that were found already, as payloads: used in place of the file's.
    pub cuts: Option<Vec<Vec<u8>>>,
    /// Which keys make one group for a reducer of Java's; commands group by bytes whatever this is.
    pub group_order: KeyOrderSpec,
    /// What becomes of the output.
    pub output: OutputSpec,
    /// How children are run; the environment is empty, see [`super::child_environment`].
    pub children: ChildSpec,
    /// Files and archives for the attempts' folders.
    pub cache: Vec<CacheFile>,
    /// The folder that stands for HDFS, absolute.
    pub hdfs_root: PathBuf,
    /// Memory, slots and disk.
    pub resources: ResourceSpec,
    /// What becomes of failures.
    pub retries: RetrySpec,
    /// What is kept of failed attempts.
    pub keep_failed: KeepSpec,
    /// Skipping of bad records, when switched on.
    pub skip: Option<SkipSpec>,
    /// Share of map tasks, 0 to 1, that must be done before reduce tasks start.
    pub slow_start: f64,
    /// Bounds on counters.
    pub counter_limits: Limits,
    /// Where to write the counters, absolute.
    pub counters_json: Option<PathBuf>,
    /// What `-file` names, absolute: Hadoop packs it into a jar made for the job.
    pub packed: Vec<PathBuf>,
    /// A property of Hadoop's newer interface that is refused beside the older one, and the mode that it is refused
    /// in.
    pub new_api: Option<(&'static str, &'static str)>,
    /// Which attempts the log of Hadoop's client names.
    pub output_filter: OutputFilter,
    /// `-verbose`.
    pub verbose: bool,
    /// `-background`: nobody waits for the job.
    pub background: bool,
}

/// `mapreduce.client.output.filter`: which attempts the log of Hadoop's client names. Hadoop: `Job.TaskStatusFilter`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OutputFilter {
    /// None. No attempt is killed here, so `KILLED` is the same.
    None,
    /// Those that succeed.
    Succeeded,
    /// Those that fail.
    Failed,
    /// Both.
    All,
}

impl OutputFilter {
    /// Whether it names attempts that end so.
    pub fn shows(self, success: bool) -> bool {
        self == Self::All || self == if success { Self::Succeeded } else { Self::Failed }
    }
}

/// How input becomes map tasks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SplitSpec {
    /// Read folders inside input folders.
    pub recursive: bool,
    /// Pass over folders inside input folders, when not recursive.
    pub ignore_subdirs: bool,
    /// Wished number of map tasks, when the user set it.
    pub maps_hint: Option<u32>,
    /// Least bytes of a split, at least 1.
    pub bytes_min: u64,
    /// Bytes of a block, when the user set it.
    pub block_bytes: Option<u64>,
    /// `CombineTextInputFormat`: most bytes of a split; 0 is no bound.
    pub combine_bytes_max: u64,
    /// `CombineTextInputFormat`: least bytes of a split of one node; 0 is no bound.
    pub combine_bytes_min_node: u64,
    /// `CombineTextInputFormat`: least bytes of a split of one rack; 0 is no bound.
    pub combine_bytes_min_rack: u64,
    /// `NLineInputFormat`: lines of a split, at least 1.
    pub lines_per_map: u32,
    /// `mrstream.input.compressed.splits`: how compressed files are cut that are one stream.
    pub streams: StreamSplits,
}

/// Where the cut points of `TotalOrderPartitioner` are.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TotalOrderFile {
    /// The sequence file, absolute. If it is not there, a file of the name in the attempt's folder counts.
    pub path: PathBuf,
    /// As the user wrote it.
    pub given: String,
    /// `mrstream.totalorder.sample`: while it does not exist, find the cut points by sampling.
    pub sampled_if_missing: bool,
}

/// What becomes of failures. Unset values are the engine's choice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RetrySpec {
    /// Tries of a map task, at least 1, when the user set it.
    pub map_attempts_max: Option<u32>,
    /// Tries of a reduce task, at least 1, when the user set it.
    pub reduce_attempts_max: Option<u32>,
    /// Percentage of map tasks that may fail.
    pub map_failures_percent_max: u32,
    /// Percentage of reduce tasks that may fail.
    pub reduce_failures_percent_max: u32,
    /// Silence in milliseconds after which an attempt is killed, when the user set one other than 0.
    pub task_timeout_ms: Option<u64>,
}

impl JobConf {
    /// Reads the properties that `stream_job` completed. The command line's own switches are not in them
    /// and stay off.
    pub(super) fn read(properties: Properties, host: &HostFacts) -> Result<JobConf, ConfError> {
        let read = Reader { properties: &properties, host };
        let reduces = read.count("mapreduce.job.reduces", 0)?;
        let (format, xml_reader) = read.input_format()?;
        read.refuse_empty_numbers(format)?;
        read.check_framework()?;
        read.check_codecs(reduces)?;
        read.check_sort_settings(reduces)?;
        let (key_kind, value_kind) = read.map_output_kinds()?;
        let order = match reduces {
            // Without reduce tasks nothing is ever compared, so Hadoop does not look at the options.
            0 => KeyOrderSpec::Natural,
            _ => read.key_order("mapreduce.job.output.key.comparator.class", &key_kind)?,
        };
        let (partitioner, total_order) = read.partitioner(reduces, &key_kind)?;
        Ok(JobConf {
            job_name: properties.get("mapreduce.job.name")?,
            inputs: read.inputs()?,
            split: read.split()?,
            input: InputSpec { xml_reader, ..read.input(format)? },
            mapper: read.processor("mapred.mapper.class", Role::Mapper)?,
            combiner: read.combiner(reduces)?,
            reducer: match reduces {
                0 => ProcessorChoice::Identity,
                _ => read.processor("mapred.reducer.class", Role::Reducer)?,
            },
            reduces,
            map_stream: read.map_stream(format == InputFormat::Text)?,
            reduce_stream: read.reduce_stream()?,
            group_order: read.group_order(reduces, &key_kind, order.clone())?,
            shuffle: read.shuffle(key_kind, value_kind, order, partitioner)?,
            total_order,
            cuts: None,
            output: read.output()?,
            children: read.children()?,
            cache: cache::read(&properties, &read.addresses()?)?.0,
            hdfs_root: read.addresses()?.root,
            resources: read.resources()?,
            retries: read.retries()?,
            keep_failed: read.keep_failed()?,
            skip: read.skip()?,
            slow_start: read.slow_start()?,
            counter_limits: read.counter_limits()?,
            counters_json: None,
            packed: Vec::new(),
            new_api: read.new_api(reduces),
            output_filter: read.output_filter()?,
            verbose: false,
            background: false,
            properties,
        })
    }
}
