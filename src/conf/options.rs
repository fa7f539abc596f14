//! The command line as typed: what `cli` read, before any property or file is looked at.

use crate::plan::Existing;
use std::path::PathBuf;

/// The options of `StreamJob` and `GenericOptionsParser`, unresolved. Single-valued options hold the first
/// value given; lists hold every value in order.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "each switch is an option of its own")]
pub struct StreamOptions {
    /// `-D name=value`, in order.
    pub properties: Vec<(String, String)>,
    /// `-jobconf name=value`, in order; they beat `-D`.
    pub jobconf: Vec<(String, String)>,
    /// `-conf FILE`, in order.
    pub conf_files: Vec<PathBuf>,
    /// `-additionalconfspec FILE`.
    pub additional_conf: Option<PathBuf>,
    /// `-fs URI`, or `-dfs URI`, which wins.
    pub fs: Option<String>,
    /// `-jt ADDRESS`.
    pub jt: Option<String>,
    /// `-files A,B#link`, the first one given.
    pub files: Option<String>,
    /// `-archives A,B#link`, the first one given.
    pub archives: Option<String>,
    /// `-libjars A,B`.
    pub libjars: Option<String>,
    /// `-input`, every value.
    pub inputs: Vec<String>,
    /// `-output`.
    pub output: Option<String>,
    /// `-mapper`.
    pub mapper: Option<String>,
    /// `-combiner`.
    pub combiner: Option<String>,
    /// `-reducer`.
    pub reducer: Option<String>,
    /// `-numReduceTasks`, not yet a number.
    pub num_reduce_tasks: Option<String>,
    /// `-file`, every value.
    pub file: Vec<String>,
    /// `-cacheFile`, every value.
    pub cache_file: Vec<String>,
    /// `-cacheArchive`, every value.
    pub cache_archive: Vec<String>,
    /// `-cmdenv`, every value.
    pub cmdenv: Vec<String>,
    /// `-inputformat`.
    pub input_format: Option<String>,
    /// `-outputformat`.
    pub output_format: Option<String>,
    /// `-partitioner`.
    pub partitioner: Option<String>,
    /// `-inputreader`.
    pub input_reader: Option<String>,
    /// `-io`.
    pub io: Option<String>,
    /// `-mapdebug`.
    pub map_debug: Option<String>,
    /// `-reducedebug`.
    pub reduce_debug: Option<String>,
    /// `-lazyOutput`.
    pub lazy_output: bool,
    /// `-background`.
    pub background: bool,
    /// `-verbose`.
    pub verbose: bool,
    /// `-debug`.
    pub debug: bool,
    /// `-keep-failed FOLDER`, our own.
    pub keep_failed: Option<String>,
    /// `-resume` or `-overwrite`, our own.
    pub existing: Existing,
    /// `-counters-json FILE`, our own.
    pub counters_json: Option<PathBuf>,
}
