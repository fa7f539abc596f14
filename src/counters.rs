//! Counters: group, name, value. Hadoop: `Counters`, `TaskCounter`, `FileSystemCounter`,
//! `FileInputFormatCounter`, `FileOutputFormatCounter`, with the display names of their `.properties`.
//!
//! The framework's own counters live in arrays, so that a task adds to them without a lookup; whatever a
//! child reports by name goes through [`Counters::add_user`], which knows the names under which Hadoop's
//! own counters can be reached. Printing them is the business of `report::summary`.

mod named;

pub use named::{NamedCounter, NamedGroup};

use crate::ids::TaskKind;
use serde::{Deserialize, Serialize};
use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::BTreeMap;

/// The framework's own counters, in the order in which Hadoop declares and prints them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum TaskCounter {
    /// Records the reader gave the mapper.
    MapInputRecords,
    /// Records the mapper gave the collector.
    MapOutputRecords,
    /// Records kept from a failing mapper.
    MapSkippedRecords,
    /// Their serialised keys and values, without record framing.
    MapOutputBytes,
    /// Map output as it was left for the reducers, framing and compression included.
    MapOutputMaterializedBytes,
    /// Serialised splits, as Hadoop would have sent them.
    SplitRawBytes,
    /// Records given to the combiner.
    CombineInputRecords,
    /// Records the combiner gave back.
    CombineOutputRecords,
    /// Keys given to the reducer.
    ReduceInputGroups,
    /// Map output moved to the reduce side.
    ReduceShuffleBytes,
    /// Records given to the reducer.
    ReduceInputRecords,
    /// Records the reducer wrote.
    ReduceOutputRecords,
    /// Keys kept from a failing reducer.
    ReduceSkippedGroups,
    /// Records kept from a failing reducer.
    ReduceSkippedRecords,
    /// Records written by sorts and merges, on both sides.
    SpilledRecords,
    /// Map outputs moved to reducers.
    ShuffledMaps,
    /// Map outputs that could not be moved.
    FailedShuffle,
    /// Map outputs that took part in a merge on the reduce side.
    MergedMapOutputs,
    /// Time of the Java garbage collector.
    GcTimeMillis,
    /// Processor time.
    CpuMilliseconds,
    /// Resident memory when last looked at.
    PhysicalMemoryBytes,
    /// Address space when last looked at.
    VirtualMemoryBytes,
    /// Java heap.
    CommittedHeapBytes,
    /// Largest resident memory of a map task; the larger of two, not their sum.
    MapPhysicalMemoryBytesMax,
    /// Largest address space of a map task.
    MapVirtualMemoryBytesMax,
    /// Largest resident memory of a reduce task.
    ReducePhysicalMemoryBytesMax,
    /// Largest address space of a reduce task.
    ReduceVirtualMemoryBytesMax,
}

/// Enum name, by which a child can add to it, and display name of each [`TaskCounter`], in its order. The
/// blank after `Shuffled Maps` is Hadoop's.
const TASK_COUNTERS: [(&str, &str); 27] = [
    ("MAP_INPUT_RECORDS", "Map input records"),
    ("MAP_OUTPUT_RECORDS", "Map output records"),
    ("MAP_SKIPPED_RECORDS", "Map skipped records"),
    ("MAP_OUTPUT_BYTES", "Map output bytes"),
    ("MAP_OUTPUT_MATERIALIZED_BYTES", "Map output materialized bytes"),
    ("SPLIT_RAW_BYTES", "Input split bytes"),
    ("COMBINE_INPUT_RECORDS", "Combine input records"),
    ("COMBINE_OUTPUT_RECORDS", "Combine output records"),
    ("REDUCE_INPUT_GROUPS", "Reduce input groups"),
    ("REDUCE_SHUFFLE_BYTES", "Reduce shuffle bytes"),
    ("REDUCE_INPUT_RECORDS", "Reduce input records"),
    ("REDUCE_OUTPUT_RECORDS", "Reduce output records"),
    ("REDUCE_SKIPPED_GROUPS", "Reduce skipped groups"),
    ("REDUCE_SKIPPED_RECORDS", "Reduce skipped records"),
    ("SPILLED_RECORDS", "Spilled Records"),
    ("SHUFFLED_MAPS", "Shuffled Maps "),
    ("FAILED_SHUFFLE", "Failed Shuffles"),
    ("MERGED_MAP_OUTPUTS", "Merged Map outputs"),
    ("GC_TIME_MILLIS", "GC time elapsed (ms)"),
    ("CPU_MILLISECONDS", "CPU time spent (ms)"),
    ("PHYSICAL_MEMORY_BYTES", "Physical memory (bytes) snapshot"),
    ("VIRTUAL_MEMORY_BYTES", "Virtual memory (bytes) snapshot"),
    ("COMMITTED_HEAP_BYTES", "Total committed heap usage (bytes)"),
    ("MAP_PHYSICAL_MEMORY_BYTES_MAX", "Peak Map Physical memory (bytes)"),
    ("MAP_VIRTUAL_MEMORY_BYTES_MAX", "Peak Map Virtual memory (bytes)"),
    ("REDUCE_PHYSICAL_MEMORY_BYTES_MAX", "Peak Reduce Physical memory (bytes)"),
    ("REDUCE_VIRTUAL_MEMORY_BYTES_MAX", "Peak Reduce Virtual memory (bytes)"),
];

/// The counters of a job's tasks as a whole, in Hadoop's order. The engine keeps none of them (nor does
/// Hadoop's local job runner), but a child may report them. Those without a display name show their own.
const JOB_COUNTERS: [(&str, &str); 27] = [
    ("NUM_FAILED_MAPS", "Failed map tasks"),
    ("NUM_FAILED_REDUCES", "Failed reduce tasks"),
    ("NUM_KILLED_MAPS", "Killed map tasks"),
    ("NUM_KILLED_REDUCES", "Killed reduce tasks"),
    ("TOTAL_LAUNCHED_MAPS", "Launched map tasks"),
    ("TOTAL_LAUNCHED_REDUCES", "Launched reduce tasks"),
    ("OTHER_LOCAL_MAPS", "Other local map tasks"),
    ("DATA_LOCAL_MAPS", "Data-local map tasks"),
    ("RACK_LOCAL_MAPS", "Rack-local map tasks"),
    ("SLOTS_MILLIS_MAPS", "Total time spent by all maps in occupied slots (ms)"),
    ("SLOTS_MILLIS_REDUCES", "Total time spent by all reduces in occupied slots (ms)"),
    ("FALLOW_SLOTS_MILLIS_MAPS", "Total time spent by all maps waiting after reserving slots (ms)"),
    ("FALLOW_SLOTS_MILLIS_REDUCES", "Total time spent by all reduces waiting after reserving slots (ms)"),
    ("TOTAL_LAUNCHED_UBERTASKS", "TOTAL_LAUNCHED_UBERTASKS"),
    ("NUM_UBER_SUBMAPS", "NUM_UBER_SUBMAPS"),
    ("NUM_UBER_SUBREDUCES", "NUM_UBER_SUBREDUCES"),
    ("NUM_FAILED_UBERTASKS", "NUM_FAILED_UBERTASKS"),
    ("TASKS_REQ_PREEMPT", "Tasks that have been asked to preempt"),
    ("CHECKPOINTS", "Number of checkpoints reported"),
    ("CHECKPOINT_BYTES", "Total amount of bytes in checkpoints"),
    ("CHECKPOINT_TIME", "Total time spent checkpointing (ms)"),
    ("MILLIS_MAPS", "Total time spent by all map tasks (ms)"),
    ("MILLIS_REDUCES", "Total time spent by all reduce tasks (ms)"),
    ("VCORES_MILLIS_MAPS", "Total vcore-milliseconds taken by all map tasks"),
    ("VCORES_MILLIS_REDUCES", "Total vcore-milliseconds taken by all reduce tasks"),
    ("MB_MILLIS_MAPS", "Total megabyte-milliseconds taken by all map tasks"),
    ("MB_MILLIS_REDUCES", "Total megabyte-milliseconds taken by all reduce tasks"),
];

/// What is counted per file system, in the order in which Hadoop declares and prints it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum FileSystemCounter {
    /// Bytes read.
    BytesRead,
    /// Bytes written.
    BytesWritten,
    /// Read operations.
    ReadOps,
    /// Listings of large folders and the like.
    LargeReadOps,
    /// Write operations.
    WriteOps,
    /// Bytes read that were erasure-coded.
    BytesReadEc,
}

/// Enum name and display name of each [`FileSystemCounter`]; the scheme goes before either.
const FILE_SYSTEM_COUNTERS: [(&str, &str); 6] = [
    ("BYTES_READ", "Number of bytes read"),
    ("BYTES_WRITTEN", "Number of bytes written"),
    ("READ_OPS", "Number of read operations"),
    ("LARGE_READ_OPS", "Number of large read operations"),
    ("WRITE_OPS", "Number of write operations"),
    ("BYTES_READ_EC", "Number of bytes read erasure-coded"),
];

/// Group of [`TaskCounter`], as Hadoop shows it.
pub const FRAMEWORK_GROUP: &str = "Map-Reduce Framework";
/// Group of the job's task counts, as Hadoop shows it.
pub const JOB_GROUP: &str = "Job Counters ";
/// Group of the bytes read and written per file system.
pub const FILE_SYSTEM_GROUP: &str = "File System Counters";
/// Group of the shuffle's failures.
pub const SHUFFLE_ERRORS_GROUP: &str = "Shuffle Errors";
/// Group of the input format's bytes.
pub const INPUT_FORMAT_GROUP: &str = "File Input Format Counters ";
/// Group of the output format's bytes.
pub const OUTPUT_FORMAT_GROUP: &str = "File Output Format Counters ";

const TASK_CLASS: &str = "org.apache.hadoop.mapreduce.TaskCounter";
/// Group of the job's task counts, as programs name it.
pub const JOB_CLASS: &str = "org.apache.hadoop.mapreduce.JobCounter";
const FILE_SYSTEM_CLASS: &str = "org.apache.hadoop.mapreduce.FileSystemCounter";
const INPUT_FORMAT_CLASS: &str = "org.apache.hadoop.mapreduce.lib.input.FileInputFormatCounter";
const OUTPUT_FORMAT_CLASS: &str = "org.apache.hadoop.mapreduce.lib.output.FileOutputFormatCounter";
const INPUT_BYTES: &str = "BYTES_READ";
const OUTPUT_BYTES: &str = "BYTES_WRITTEN";

/// Group names of old Hadoop versions and what they mean now. Hadoop: `AbstractCounters.legacyMap` and
/// `Counters.depricatedCounterMap`.
const OLD_GROUPS: [(&str, &str); 7] = [
    ("org.apache.hadoop.mapred.Task$Counter", TASK_CLASS),
    ("org.apache.hadoop.mapred.JobInProgress$Counter", JOB_CLASS),
    ("FileSystemCounters", FILE_SYSTEM_CLASS),
    ("org.apache.hadoop.mapred.FileInputFormat$Counter", INPUT_FORMAT_CLASS),
    ("org.apache.hadoop.mapreduce.lib.input.FileInputFormat$Counter", INPUT_FORMAT_CLASS),
    ("org.apache.hadoop.mapred.FileOutputFormat$Counter", OUTPUT_FORMAT_CLASS),
    ("org.apache.hadoop.mapreduce.lib.output.FileOutputFormat$Counter", OUTPUT_FORMAT_CLASS),
];

/// The kinds of failure that Hadoop's shuffle counts, each printed by every job that reduces.
const SHUFFLE_ERRORS: [&str; 6] =
    ["BAD_ID", "CONNECTION", "IO_ERROR", "WRONG_LENGTH", "WRONG_MAP", "WRONG_REDUCE"];

/// How many counters a task may make up, and how long their names may be. Hadoop: `Limits`.
///
/// Only counters that a group of the framework's own does not hold are counted. Longer names are cut, not
/// refused: to one less than the limit, in UTF-16 units, as Hadoop cuts them.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// `mapreduce.job.counters.max`.
    pub counters_max: usize,
    /// `mapreduce.job.counters.groups.max`.
    pub groups_max: usize,
    /// `mapreduce.job.counters.counter.name.max`, in UTF-16 units.
    pub counter_name_max: usize,
    /// `mapreduce.job.counters.group.name.max`, in UTF-16 units.
    pub group_name_max: usize,
}

impl Default for Limits {
    /// Hadoop's defaults.
    fn default() -> Self {
        Self { counters_max: 120, groups_max: 50, counter_name_max: 64, group_name_max: 128 }
    }
}

/// Why a reported counter cannot be added. Each fails the task, as in Hadoop, where the thread that reads
/// the child's standard error dies of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CounterError {
    /// One counter more than [`Limits::counters_max`].
    #[error(
        "cannot add counter {name:?} of group {group:?}: a task may have {max} counters, the limit of mapreduce.job.counters.max"
    )]
    TooManyCounters {
        /// The group reported.
        group: String,
        /// The counter reported.
        name: String,
        /// The limit.
        max: usize,
    },
    /// One group more than [`Limits::groups_max`].
    #[error(
        "cannot add counter group {group:?}: a task may have {max} groups, the limit of mapreduce.job.counters.groups.max"
    )]
    TooManyGroups {
        /// The group reported.
        group: String,
        /// The limit.
        max: usize,
    },
    /// A group of the framework's own has no such counter, and can be given none.
    #[error("cannot add to counter {name:?}: Hadoop's group {group} has no counter of that name")]
    Unknown {
        /// The group reported.
        group: String,
        /// The counter reported.
        name: String,
    },
}

/// The counters of a task, or of a job: the sum of its tasks'.
///
/// Values wrap round as Java's `long` does. A counter of the framework's own appears once something was
/// added to it, be it 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Counters {
    task: [Option<i64>; TASK_COUNTERS.len()],
    job: [Option<i64>; JOB_COUNTERS.len()],
    /// By upper-case scheme.
    file_system: BTreeMap<String, [Option<i64>; FILE_SYSTEM_COUNTERS.len()]>,
    /// Everything else, the groups of the file formats and of the shuffle included.
    named: BTreeMap<String, BTreeMap<String, i64>>,
    /// Checked where counters come in. A task's own business: they do not travel.
    #[serde(skip)]
    limits: Option<Limits>,
}

/// One group as it is shown.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CounterGroup<'a> {
    /// Its display name, with the blank that ends some of Hadoop's.
    pub display_name: &'a str,
    /// Whether it is one of Hadoop's.
    pub built_in: bool,
    /// Display names and values, in order.
    pub counters: Vec<(Cow<'a, str>, i64)>,
}

impl Counters {
    /// No counters and no limits.
    pub fn new() -> Self {
        Self::default()
    }

    /// No counters yet; [`Self::add_user`] enforces `limits`.
    pub fn limited(limits: Limits) -> Self {
        Self { limits: Some(limits), ..Self::default() }
    }

    /// Adds to one of the framework's own counters; 0 makes it appear.
    pub fn add(&mut self, counter: TaskCounter, amount: u64) {
        add_task(&mut self.task, counter as usize, amount as i64);
    }

    /// Adds failed attempts, those whose output was lost included. Hadoop: `TaskAttemptImpl`, `JobCounter`.
    pub fn add_failed_attempts(&mut self, kind: TaskKind, amount: u64) {
        // The first two of the table.
        let counter = match kind {
            TaskKind::Map => 0,
            TaskKind::Reduce => 1,
        };
        add_slot(&mut self.job[counter], amount as i64);
    }

    /// Adds attempts that were launched, and the milliseconds that they ran in sum, as for containers of one core and
    /// 1024 MB on the node that has their input. Hadoop: `JobImpl`, `TaskAttemptImpl`, `JobCounter`.
    pub fn add_launched_attempts(&mut self, kind: TaskKind, attempts: u64, millis: u64) {
        let times = ["SLOTS_MILLIS", "MILLIS", "VCORES_MILLIS", "MB_MILLIS"];
        let (plural, local) = match kind {
            TaskKind::Map => ("MAPS", Some("DATA_LOCAL_MAPS")),
            TaskKind::Reduce => ("REDUCES", None),
        };
        let mut add = |name: &str, amount: u64| {
            let at = position(&JOB_COUNTERS, name).expect("the table has all of them");
            add_slot(&mut self.job[at], amount as i64);
        };
        add(&format!("TOTAL_LAUNCHED_{plural}"), attempts);
        if let Some(name) = local {
            add(name, attempts);
        }
        for name in times {
            let factor = if name == "MB_MILLIS" { 1_024 } else { 1 };
            add(&format!("{name}_{plural}"), millis * factor);
        }
    }

    /// Adds to a counter of a file system: `file`, `hdfs`. The scheme is shown in upper case.
    pub fn add_file_system(&mut self, scheme: &str, counter: FileSystemCounter, amount: u64) {
        let slots = self.file_system.entry(scheme.to_uppercase()).or_default();
        add_slot(&mut slots[counter as usize], amount as i64);
    }

    /// Adds to `Bytes Read` of the input format. Hadoop: `FileInputFormatCounter`.
    pub fn add_input_bytes(&mut self, amount: u64) {
        self.add_named(INPUT_FORMAT_CLASS, INPUT_BYTES, amount as i64);
    }

    /// Adds to `Bytes Written` of the output format. Hadoop: `FileOutputFormatCounter`.
    pub fn add_output_bytes(&mut self, amount: u64) {
        self.add_named(OUTPUT_FORMAT_CLASS, OUTPUT_BYTES, amount as i64);
    }

    /// Makes the counters of the shuffle's failures appear, all 0: nothing is fetched from anywhere here.
    /// Hadoop: `Fetcher`.
    pub fn add_shuffle_errors(&mut self) {
        for name in SHUFFLE_ERRORS {
            self.add_named(SHUFFLE_ERRORS_GROUP, name, 0);
        }
    }

    /// Adds to the counter that a child names. Hadoop: `Counters.incrCounter(String, String, long)`.
    ///
    /// The class name of a group of the framework's own, today's or an old one, with an enum name reaches
    /// the framework's own counter. Anything else is a counter of the child's.
    pub fn add_user(&mut self, group: &str, name: &str, amount: i64) -> Result<(), CounterError> {
        // Hadoop looks at this name whatever the group is.
        if name == "MAP_INPUT_BYTES" {
            return self.add_limited(INPUT_FORMAT_CLASS, INPUT_BYTES, amount);
        }
        let old = OLD_GROUPS.iter().find(|(old, _)| *old == group);
        let found = match old.map_or(group, |(_, new)| new) {
            TASK_CLASS => position(&TASK_COUNTERS, name).map(|index| add_task(&mut self.task, index, amount)),
            JOB_CLASS => position(&JOB_COUNTERS, name).map(|index| add_slot(&mut self.job[index], amount)),
            FILE_SYSTEM_CLASS => self.add_scheme_counter(name, amount),
            group => return self.add_limited(group, name, amount),
        };
        found.ok_or_else(|| CounterError::Unknown { group: group.to_owned(), name: name.to_owned() })
    }

    /// `FILE_BYTES_READ`: everything before the first underscore is the scheme.
    fn add_scheme_counter(&mut self, name: &str, amount: i64) -> Option<()> {
        let (scheme, counter) = name.split_once('_')?;
        let index = position(&FILE_SYSTEM_COUNTERS, counter)?;
        let slots = self.file_system.entry(scheme.to_uppercase()).or_default();
        add_slot(&mut slots[index], amount);
        Some(())
    }

    fn add_limited(&mut self, group: &str, name: &str, amount: i64) -> Result<(), CounterError> {
        let Some(limits) = self.limits else {
            self.add_named(group, name, amount);
            return Ok(());
        };
        let (group, name) = (cut(group, limits.group_name_max), cut(name, limits.counter_name_max));
        let held = self.named.get(group.as_ref());
        if held.is_none() && self.named.len() >= limits.groups_max {
            return Err(CounterError::TooManyGroups { group: group.into_owned(), max: limits.groups_max });
        }
        let new = !held.is_some_and(|counters| counters.contains_key(name.as_ref()));
        if new && self.named.values().map(BTreeMap::len).sum::<usize>() >= limits.counters_max {
            let (group, name) = (group.into_owned(), name.into_owned());
            return Err(CounterError::TooManyCounters { group, name, max: limits.counters_max });
        }
        self.add_named(&group, &name, amount);
        Ok(())
    }

    /// Allocates only for a counter that is new: some children report one per record.
    fn add_named(&mut self, group: &str, name: &str, amount: i64) {
        let held = self.named.get_mut(group).and_then(|counters| counters.get_mut(name));
        if let Some(value) = held {
            *value = value.wrapping_add(amount);
        } else {
            self.named.entry(group.to_owned()).or_default().insert(name.to_owned(), amount);
        }
    }

    /// Adds every counter of `other`, the peaks excepted: of those the higher one stays.
    ///
    /// No limit applies: what each task was allowed to count is not lost when the job sums it up.
    pub fn merge(&mut self, other: &Self) {
        for (index, value) in other.task.iter().enumerate() {
            if let Some(value) = value {
                add_task(&mut self.task, index, *value);
            }
        }
        add_slots(&mut self.job, &other.job);
        for (scheme, slots) in &other.file_system {
            add_slots(self.file_system.entry(scheme.clone()).or_default(), slots);
        }
        for (group, counters) in &other.named {
            for (name, value) in counters {
                self.add_named(group, name, *value);
            }
        }
    }

    /// Value of one of the framework's own counters; 0 when nothing was added to it.
    pub fn get(&self, counter: TaskCounter) -> i64 {
        self.task[counter as usize].unwrap_or(0)
    }

    /// Value of a counter that a child named; 0 when there is none.
    pub fn get_user(&self, group: &str, name: &str) -> i64 {
        self.named.get(group).and_then(|counters| counters.get(name)).copied().unwrap_or(0)
    }

    /// Every group in the order in which Hadoop prints them: the framework's own by class name, then the
    /// others by name.
    pub fn groups(&self) -> Vec<CounterGroup<'_>> {
        let mut groups = Vec::new();
        let mut own = |display_name, counters: Vec<_>| {
            if !counters.is_empty() {
                groups.push(CounterGroup { display_name, built_in: true, counters });
            }
        };
        own(FILE_SYSTEM_GROUP, self.shown_file_systems());
        own(JOB_GROUP, shown_slots(&self.job, &JOB_COUNTERS));
        own(FRAMEWORK_GROUP, shown_slots(&self.task, &TASK_COUNTERS));
        let mut named: Vec<_> = self.named.iter().collect();
        named.sort_by(|one, other| java_order(one.0, other.0));
        groups.extend(named.into_iter().map(|(name, counters)| shown_named(name, counters)));
        groups
    }

    fn shown_file_systems(&self) -> Vec<(Cow<'_, str>, i64)> {
        let mut shown = Vec::new();
        for (scheme, slots) in &self.file_system {
            for (name, value) in shown_slots(slots, &FILE_SYSTEM_COUNTERS) {
                shown.push((Cow::Owned(format!("{scheme}: {name}")), value));
            }
        }
        shown
    }
}

fn position(table: &[(&str, &str)], name: &str) -> Option<usize> {
    table.iter().position(|(own, _)| *own == name)
}

/// Adds to one of the framework's own counters, or keeps the higher value of a peak. Hadoop:
/// `FrameworkCounterGroup.FrameworkCounter.increment`.
fn add_task(slots: &mut [Option<i64>], index: usize, amount: i64) {
    if TASK_COUNTERS[index].0.ends_with("_MAX") {
        // A counter starts at 0 in Hadoop, so a peak is never negative.
        slots[index] = Some(slots[index].unwrap_or(0).max(amount));
    } else {
        add_slot(&mut slots[index], amount);
    }
}

fn add_slot(slot: &mut Option<i64>, amount: i64) {
    *slot = Some(slot.unwrap_or(0).wrapping_add(amount));
}

fn add_slots(slots: &mut [Option<i64>], more: &[Option<i64>]) {
    for (slot, value) in slots.iter_mut().zip(more) {
        if let Some(value) = value {
            add_slot(slot, *value);
        }
    }
}

fn shown_slots<'a>(slots: &[Option<i64>], table: &[(&str, &'a str)]) -> Vec<(Cow<'a, str>, i64)> {
    let values = slots.iter().zip(table);
    values.filter_map(|(value, (_, shown))| value.map(|value| (Cow::Borrowed(*shown), value))).collect()
}

fn shown_named<'a>(name: &'a str, counters: &'a BTreeMap<String, i64>) -> CounterGroup<'a> {
    // The class, its display name, and the one counter that has a display name of its own.
    let (display_name, own, shown) = match name {
        INPUT_FORMAT_CLASS => (INPUT_FORMAT_GROUP, INPUT_BYTES, "Bytes Read"),
        OUTPUT_FORMAT_CLASS => (OUTPUT_FORMAT_GROUP, OUTPUT_BYTES, "Bytes Written"),
        _ => (name, "", ""),
    };
    let built_in = !own.is_empty() || name == SHUFFLE_ERRORS_GROUP;
    let mut counters: Vec<_> = counters.iter().map(|(name, value)| (name.as_str(), *value)).collect();
    counters.sort_by(|one, other| java_order(one.0, other.0));
    let display = |name: &'a str| Cow::Borrowed(if name == own { shown } else { name });
    let counters = counters.into_iter().map(|(name, value)| (display(name), value)).collect();
    CounterGroup { display_name, built_in, counters }
}

/// Order of Java's `String.compareTo`: by UTF-16 units, which differs from byte order beyond the basic plane.
fn java_order(one: &str, other: &str) -> Ordering {
    one.encode_utf16().cmp(other.encode_utf16())
}

/// Cuts a name longer than `units_max` to one unit less. Hadoop: `Limits.filterName`. Half a pair that the
/// cut leaves becomes a question mark, as it does when Java writes it out.
fn cut(name: &str, units_max: usize) -> Cow<'_, str> {
    if name.encode_utf16().count() <= units_max {
        return Cow::Borrowed(name);
    }
    let mut left = units_max.saturating_sub(1);
    let mut kept = String::new();
    for letter in name.chars() {
        if left == 0 {
            break;
        }
        kept.push(if letter.len_utf16() > left { '?' } else { letter });
        left = left.saturating_sub(letter.len_utf16());
    }
    Cow::Owned(kept)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Groups with their counters, one `group|counter=value` each.
    fn shown(counters: &Counters) -> Vec<String> {
        let lines = |group: CounterGroup<'_>| -> Vec<String> {
            let line = |(name, value): &(Cow<'_, str>, i64)| format!("{}|{name}={value}", group.display_name);
            group.counters.iter().map(line).collect()
        };
        counters.groups().into_iter().flat_map(lines).collect()
    }

    /// What a child's `group,name,amount` reports come to.
    fn check(reports: &[(&str, &str, i64)], expect: &[&str]) {
        let mut counters = Counters::new();
        for (group, name, amount) in reports {
            counters.add_user(group, name, *amount).unwrap();
        }
        assert_eq!(shown(&counters), expect, "{reports:?}");
    }

    #[test]
    fn children_reach_the_frameworks_counters_by_class_and_enum_name() {
        check(&[(TASK_CLASS, "MAP_INPUT_RECORDS", 100)], &["Map-Reduce Framework|Map input records=100"]);
        check(
            &[("org.apache.hadoop.mapred.Task$Counter", "SHUFFLED_MAPS", 2)],
            &["Map-Reduce Framework|Shuffled Maps =2"],
        );
        check(
            &[("org.apache.hadoop.mapred.JobInProgress$Counter", "TOTAL_LAUNCHED_MAPS", 2)],
            &["Job Counters |Launched map tasks=2"],
        );
        check(
            &[("FileSystemCounters", "hdfs_LARGE_READ_OPS", 2)],
            &["File System Counters|HDFS: Number of large read operations=2"],
        );
        check(
            &[
                ("org.apache.hadoop.mapred.FileInputFormat$Counter", "BYTES_READ", 2),
                ("any", "MAP_INPUT_BYTES", 3),
            ],
            &["File Input Format Counters |Bytes Read=5"],
        );
        // The display name of a group is not its name.
        check(&[(FRAMEWORK_GROUP, "Map input records", 1)], &["Map-Reduce Framework|Map input records=1"]);
        check(&[("", "c", 1), ("G", "", 2)], &["|c=1", "G|=2"]);
    }

    #[test]
    fn the_frameworks_groups_take_no_other_names() {
        for (group, name) in [
            (TASK_CLASS, "map_input_records"),
            (TASK_CLASS, "Map input records"),
            (JOB_CLASS, ""),
            ("FileSystemCounters", "FILEBYTES"),
            ("FileSystemCounters", "FILE_BYTES"),
        ] {
            let error = Counters::new().add_user(group, name, 1).unwrap_err();
            assert_eq!(error, CounterError::Unknown { group: group.into(), name: name.into() });
        }
    }

    #[test]
    fn values_wrap_and_peaks_do_not_add_up() {
        check(&[("G", "max", i64::MAX), ("G", "max", 2)], &[&format!("G|max={}", i64::MIN + 1)]);
        check(&[(TASK_CLASS, "SPILLED_RECORDS", -2)], &["Map-Reduce Framework|Spilled Records=-2"]);
        let mut counters = Counters::new();
        for peak in [5, 9, 7] {
            let mut task = Counters::new();
            task.add(TaskCounter::MapPhysicalMemoryBytesMax, peak);
            task.add(TaskCounter::MapInputRecords, peak);
            counters.merge(&task);
        }
        assert_eq!(counters.get(TaskCounter::MapPhysicalMemoryBytesMax), 9);
        assert_eq!(counters.get(TaskCounter::MapInputRecords), 21);
    }

    #[test]
    fn groups_come_in_hadoops_order() {
        let mut counters = Counters::new();
        // In byte order U+FF5E sorts before U+1F600; Java compares the latter's first half, D83D.
        for name in ["\u{ff5e}", "\u{1f600}", "a"] {
            counters.add_user("Zebra", name, 1).unwrap();
        }
        counters.add_user("A", "x", 1).unwrap();
        counters.add_output_bytes(7);
        counters.add_input_bytes(8);
        counters.add_shuffle_errors();
        counters.add(TaskCounter::CombineInputRecords, 0);
        counters.add(TaskCounter::MapInputRecords, 3);
        counters.add_file_system("file", FileSystemCounter::BytesWritten, 2);
        counters.add_file_system("file", FileSystemCounter::BytesRead, 1);
        assert_eq!(
            shown(&counters),
            [
                "File System Counters|FILE: Number of bytes read=1",
                "File System Counters|FILE: Number of bytes written=2",
                "Map-Reduce Framework|Map input records=3",
                "Map-Reduce Framework|Combine input records=0",
                "A|x=1",
                "Shuffle Errors|BAD_ID=0",
                "Shuffle Errors|CONNECTION=0",
                "Shuffle Errors|IO_ERROR=0",
                "Shuffle Errors|WRONG_LENGTH=0",
                "Shuffle Errors|WRONG_MAP=0",
                "Shuffle Errors|WRONG_REDUCE=0",
                "Zebra|a=1",
                "Zebra|\u{1f600}=1",
                "Zebra|\u{ff5e}=1",
                "File Input Format Counters |Bytes Read=8",
                "File Output Format Counters |Bytes Written=7",
            ]
        );
        let built_in: Vec<_> = counters.groups().iter().map(|group| group.built_in).collect();
        assert_eq!(built_in, [true, true, false, true, false, true, true]);
    }

    #[test]
    fn the_tables_follow_their_enums() {
        assert_eq!(TASK_COUNTERS.len(), TaskCounter::ReduceVirtualMemoryBytesMax as usize + 1);
        assert_eq!(FILE_SYSTEM_COUNTERS.len(), FileSystemCounter::BytesReadEc as usize + 1);
        let spelt = |name: &str| name.replace('_', "").to_lowercase();
        for (counter, index) in [
            (TaskCounter::MapOutputMaterializedBytes, 4),
            (TaskCounter::ReduceOutputRecords, 11),
            (TaskCounter::MergedMapOutputs, 17),
            (TaskCounter::CommittedHeapBytes, 22),
        ] {
            assert_eq!(counter as usize, index);
            assert_eq!(spelt(TASK_COUNTERS[index].0), format!("{counter:?}").to_lowercase());
        }
    }

    #[test]
    fn limits_refuse_what_is_new_and_cut_names() {
        let limits = Limits { counters_max: 3, groups_max: 2, counter_name_max: 4, group_name_max: 4 };
        let mut counters = Counters::limited(limits);
        counters.add_user("groups", "abcd", 1).unwrap();
        counters.add_user("groups", "abcde", 1).unwrap();
        counters.add_user("H", "ab\u{1f600}d", 1).unwrap();
        let too_many = counters.add_user("H", "y", 1).unwrap_err();
        assert_eq!(too_many, CounterError::TooManyCounters { group: "H".into(), name: "y".into(), max: 3 });
        let too_many = counters.add_user("I", "y", 1).unwrap_err();
        assert_eq!(too_many, CounterError::TooManyGroups { group: "I".into(), max: 2 });
        // What is there already still counts, and so do the framework's own.
        counters.add_user("groups", "abcd", 1).unwrap();
        counters.add_user(TASK_CLASS, "MAP_INPUT_RECORDS", 1).unwrap();
        let expect = ["Map-Reduce Framework|Map input records=1", "H|ab?=1", "gro|abc=1", "gro|abcd=2"];
        assert_eq!(shown(&counters), expect);
    }
}
