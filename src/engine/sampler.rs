//! The cut points of a total order, from a sample of what a job's mapper writes.
//!
//! ```text
//!   plan, without reducers' concerns ─> some map attempts, one after the other ─> keys ─> cut points
//! ```
//!
//! Hadoop's `InputSampler` samples the keys of the *input*, which for lines of text are offsets: of no use to
//! streaming, where the mapper makes the keys. So the mapper is run over the sampled splits here and the keys
//! of its output are taken. Attempts run one by one, so that a sample depends on its seed and not on timing.

use crate::archive::ArchiveError;
use crate::conf::JobConf;
use crate::error::IoError;
use crate::ids::{AttemptId, TaskId};
use crate::local_fs::Scratch;
use crate::output::committer::JobCommitter;
use crate::plan::{JobPlan, Launch, PartitionerSpec};
use crate::shuffle::TooFewKeys;
use crate::shuffle::cut_points::choose_cuts;
use crate::shuffle::sample::{KeySampler, SampleSpec};
use crate::streaming::ChildGroups;
use crate::task::{TaskError, TaskEvents, TaskHost, map_task};
use crossbeam_channel::{Receiver, bounded, never, select};
use std::path::Path;
use std::thread;

/// What sampling found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CutPoints {
    /// The cut points, as payloads in the job's order: one less than reduce tasks.
    pub cuts: Vec<Vec<u8>>,
    /// Keys in the sample.
    pub keys: usize,
    /// Map tasks that were run for it.
    pub tasks: usize,
}

/// Why there are no cut points.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SampleError {
    /// A folder for temporary files cannot be made or removed.
    #[error(transparent)]
    Io(#[from] IoError),
    /// An archive of the job cannot be unpacked.
    #[error(transparent)]
    Archive(#[from] ArchiveError),
    /// A map attempt failed.
    #[error("cannot sample the keys of the mapper")]
    Task(#[source] Box<TaskError>),
    /// The keys do not suffice.
    #[error("cannot choose cut points")]
    TooFewKeys(#[from] TooFewKeys),
    /// The user stopped it.
    #[error("stopped by signal {signal}")]
    Stopped {
        /// The signal.
        signal: i32,
    },
}

/// The job as it is sampled: no cut points yet, nothing behind the mapper, and without the partition file
/// among the files it ships, because that is what will be made.
pub fn sampled_conf(conf: &JobConf, partition_file: Option<&Path>) -> JobConf {
    let mut conf = conf.clone();
    conf.shuffle.partitioner = PartitionerSpec::Hash;
    conf.total_order = None;
    conf.combiner = None;
    conf.cache.retain(|shipped| Some(shipped.path.as_path()) != partition_file);
    conf
}

/// Runs mappers of `plan`, made from [`sampled_conf`].
#[derive(Debug)]
pub struct Sampler {
    /// What children get from this process.
    pub launch: Launch,
    /// Signals that shall stop it, as numbers.
    pub stop: Option<Receiver<i32>>,
    /// Where children are taken in.
    pub children: ChildGroups,
}

impl Sampler {
    /// Takes a sample and chooses cut points. When this returns, children and temporary files are gone.
    ///
    /// # Errors
    /// A mapper failed, or its keys are too few.
    pub fn run(
        &self,
        plan: &JobPlan,
        spec: SampleSpec,
        events: &dyn TaskEvents,
    ) -> Result<CutPoints, SampleError> {
        let scratch = Scratch::create(&plan.resources.local_dirs)?;
        // Nothing is written to the output, so the committer has nothing to set up.
        let committer = JobCommitter::of(&plan.output, &plan.job_id);
        let host = TaskHost::new(plan, &scratch, &committer, &self.launch, events, self.children.clone())?;
        let sampled = self.guarded(&host.groups, || {
            let mut sampler = KeySampler::new(spec, in_input_order(plan));
            while let Some(number) = sampler.next_task() {
                let attempt = AttemptId { task: TaskId::map(number), attempt: 0 };
                map_task::run_for_keys(&host, attempt, &mut |key| sampler.offer(key))
                    .map_err(SampleError::Task)?;
            }
            Ok(sampler)
        });
        let order = host.order.clone();
        drop(host);
        scratch.remove()?;
        let sampler = sampled?;
        let tasks = sampler.tasks_begun();
        let sample = sampler.into_keys();
        let keys = sample.len();
        Ok(CutPoints { cuts: choose_cuts(sample, &order, plan.reduces)?, keys, tasks })
    }

    /// Does `work`, whose children are in `groups`, and ends them when a signal comes.
    fn guarded<T>(
        &self,
        groups: &ChildGroups,
        work: impl FnOnce() -> Result<T, SampleError>,
    ) -> Result<T, SampleError> {
        let nobody = never();
        let stop = self.stop.as_ref().unwrap_or(&nobody);
        let (done, over) = bounded::<()>(0);
        thread::scope(|scope| {
            let guard = scope.spawn(move || {
                select! {
                    recv(over) -> _ => None,
                    recv(stop) -> signal => {
                        groups.stop();
                        signal.ok()
                    }
                }
            });
            let worked = work();
            drop(done);
            let signal = guard.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic));
            signal.map_or(worked, |signal| Err(SampleError::Stopped { signal }))
        })
    }
}

/// The map tasks by file and place. The plan has the longest first, which says nothing about where in a
/// sorted input their keys are.
fn in_input_order(plan: &JobPlan) -> Vec<u32> {
    let mut tasks: Vec<u32> = (0..plan.maps.len() as u32).collect();
    tasks.sort_by_key(|number| {
        plan.maps[*number as usize].splits.first().map(|split| (&split.path, split.start))
    });
    tasks
}
