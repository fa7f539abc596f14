//! One attempt of one task, from its split or its segments to its committed output.
//!
//! ```text
//!  map_task     split ─> reader ─> child ─> sink: collector, or part file without reducers
//!  reduce_task  segments ─> merge ─> child ─> sink: part file
//! ```
//!
//! Both are functions of a [`TaskHost`] and an attempt. They hold no state between attempts, so a thread
//! of this process and a process of its own ([`remote`]) run the same code.

mod builtin;
mod combiner;
mod counters;
mod environment;
mod failure;
mod job_file;
mod kept;
mod key_sink;
pub(crate) mod map_task;
mod pipes;
pub(crate) mod reduce_task;
pub mod remote;
mod sink;
mod skip;
mod vitals;
mod workdir;
mod writer;

pub use builtin::BuiltInError;
pub use failure::{TaskError, TaskFailure};
pub(crate) use kept::keep;
pub(crate) use vitals::Vitals;

use crate::archive::ArchiveError;
use crate::counters::{Counters, Limits};
use crate::ids::AttemptId;
use crate::local_fs::{self, Scratch};
use crate::output::committer::JobCommitter;
use crate::plan::{JobPlan, Launch, PartitionerSpec, ShuffleSpec};
use crate::record::KeyFields;
use crate::record_room::{LongRecords, RecordRoom};
use crate::shuffle::comparator::Order;
use crate::shuffle::fold::FoldTables;
use crate::shuffle::memory::MemoryPlan;
use crate::shuffle::partitioner::Partitioner;
use crate::shuffle::shared_fold::LineSpec;
use crate::streaming::ChildGroups;
use crate::sync::{into_inner, lock};
use environment::JobEnvironment;
use job_file::JobFile;
use std::path::Path;
use std::sync::atomic::{AtomicU32, AtomicU64};
use std::sync::{Arc, Mutex};
use workdir::{Programs, UnpackedArchives};

/// What all attempts of a job in this process share.
pub(crate) struct TaskHost<'a> {
    pub(crate) plan: &'a JobPlan,
    pub(crate) order: Order,
    pub(crate) partitioner: Partitioner,
    pub(crate) memory: MemoryPlan,
    pub(crate) fold_tables: FoldTables,
    pub(crate) long_records: Arc<LongRecords>,
    pub(crate) scratch: &'a Scratch,
    /// The folders that the job's archives were unpacked into.
    archives: UnpackedArchives,
    environment: JobEnvironment<'a>,
    programs: Programs,
    job_file: JobFile,
    pub(crate) committer: &'a JobCommitter,
    pub(crate) groups: ChildGroups,
    pub(crate) vitals: Vitals,
    /// The folder mr-stream was started in: where children run when the job ships no files.
    pub(crate) launch_dir: &'a Path,
    pub(crate) events: &'a dyn TaskEvents,
    /// Bytes of all splits read so far, for progress.
    pub(crate) bytes_read: AtomicU64,
    /// Records given to reducers so far, for progress.
    pub(crate) records_reduced: AtomicU64,
    /// Reduce tasks that are done.
    pub(crate) reduces_done: AtomicU32,
}

impl<'a> TaskHost<'a> {
    /// The shared parts of `plan`'s attempts, whose children go to `groups` and inherit what `launch` says. Unpacks
    /// the job's archives, once for all attempts.
    ///
    /// # Errors
    /// An archive that cannot be unpacked.
    pub(crate) fn new(
        plan: &'a JobPlan,
        scratch: &'a Scratch,
        committer: &'a JobCommitter,
        launch: &'a Launch,
        events: &'a dyn TaskEvents,
        groups: ChildGroups,
    ) -> Result<Self, ArchiveError> {
        scratch.dirs().for_each(|folder| groups.guard_folder(folder));
        scratch.heed(groups.stop_flag());
        let shuffle = &plan.shuffle;
        let order = Order::new(&shuffle.order, &shuffle.key_kind);
        let partitioner = partitioner(shuffle, &order, plan.reduces);
        let slots = plan.resources.map_slots.max(plan.resources.reduce_slots);
        let open_files_max = local_fs::open_files_max(slots);
        let memory = MemoryPlan::new(&plan.resources, shuffle.merge_width_max, open_files_max);
        Ok(Self {
            plan,
            order,
            partitioner,
            memory,
            fold_tables: FoldTables::default(),
            long_records: LongRecords::new(memory.own_copied_bytes, memory.copied_bytes_max),
            scratch,
            archives: UnpackedArchives::unpack(plan, scratch, groups.stop_flag())?,
            environment: JobEnvironment::new(&plan.children.environment, launch),
            programs: Programs::new(&launch.dir),
            job_file: JobFile::default(),
            committer,
            vitals: Vitals::new(groups.clone()),
            groups,
            launch_dir: &launch.dir,
            events,
            bytes_read: AtomicU64::new(0),
            records_reduced: AtomicU64::new(0),
            reduces_done: AtomicU32::new(0),
        })
    }
}

impl TaskHost<'_> {
    /// Where a stage of an attempt has the record that it is at.
    pub(crate) fn record_room(&self, attempt: AttemptId) -> RecordRoom {
        RecordRoom::new(&self.long_records, attempt)
    }

    /// How lines that a mapper writes become records.
    pub(crate) fn lines(&self) -> LineSpec<'_> {
        let stream = &self.plan.map_stream;
        let fields = KeyFields { separator: &stream.output_separator, key_fields: stream.key_fields };
        LineSpec { order: &self.order, partitioner: &self.partitioner, fields }
    }
}

impl Drop for TaskHost<'_> {
    /// Nobody may write to the folders of a job that is over.
    fn drop(&mut self) {
        self.groups.end_orphans();
    }
}

/// The partitioner of a shuffle whose keys are in `order`. Hadoop: `TotalOrderPartitioner.setConf` for the one
/// that depends on it.
fn partitioner(shuffle: &ShuffleSpec, order: &Order, reduces: u32) -> Partitioner {
    match &shuffle.partitioner {
        PartitionerSpec::TotalOrder { cuts, by_bytes: false } if reduces > 1 => {
            Partitioner::with_order(cuts, order.clone())
        }
        spec => Partitioner::new(spec, &shuffle.key_kind, reduces),
    }
}

/// What an attempt says while it runs.
pub trait TaskEvents: Sync {
    /// A line of a child's standard error that is no reporter line.
    fn stderr_line(&self, attempt: AttemptId, line: &[u8]);
    /// The status that a child reports.
    fn status(&self, attempt: AttemptId, text: &str);
    /// Something the user should know though the job goes on.
    fn warning(&self, attempt: AttemptId, text: &str);
}

/// Counters of an attempt, shared by its pipes.
#[derive(Default)]
pub(crate) struct SharedCounters(Mutex<Counters>);

impl SharedCounters {
    pub(crate) fn limited(limits: Limits) -> Self {
        Self(Mutex::new(Counters::limited(limits)))
    }

    pub(crate) fn with<T>(&self, change: impl FnOnce(&mut Counters) -> T) -> T {
        change(&mut lock(&self.0))
    }

    pub(crate) fn into_inner(self) -> Counters {
        into_inner(self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::plan::{KeyOrderSpec, parse_key_specs};
    use crate::writable::WritableKind;

    /// Checks where keys go whose order is the reverse of their bytes, with cuts at `m` and `f`.
    fn check(by_bytes: bool, reduces: u32, expect: [u32; 4]) {
        let specs = parse_key_specs("-r").unwrap();
        let shuffle = ShuffleSpec {
            key_kind: WritableKind::Text,
            value_kind: WritableKind::Text,
            order: KeyOrderSpec::KeyFields { specs, separator: b"\t".to_vec() },
            partitioner: PartitionerSpec::TotalOrder { cuts: vec![b"m".to_vec(), b"f".to_vec()], by_bytes },
            merge_width_max: None,
            combine_spills_min: 3,
            fold: crate::plan::Fold::Never,
        };
        let order = Order::new(&shuffle.order, &shuffle.key_kind);
        let partitioner = partitioner(&shuffle, &order, reduces);
        let found = [&b"z"[..], b"m", b"h", b"a"].map(|key| partitioner.partition(key));
        assert_eq!(found, expect, "by bytes: {by_bytes}");
    }

    /// Hadoop: `TotalOrderPartitioner.BinarySearchNode`.
    #[test]
    fn cuts_are_searched_in_the_jobs_order_if_not_by_bytes() {
        check(false, 3, [0, 1, 1, 2]);
        check(false, 1, [0; 4]);
        // By bytes these cuts make no sense, and the answer differs.
        check(true, 3, [2, 2, 2, 0]);
    }
}
