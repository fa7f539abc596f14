//! A job on one page: configure, plan, run.

use crate::conf::{self, ConfError, HostFacts, JobConf, StreamOptions, Warning};
use crate::counters::Counters;
use crate::engine::event::JobEvents;
use crate::engine::{Engine, JobError};
use crate::ids::JobId;
use crate::plan::JobPlan;
use crate::planner::{self, PlanError};

/// Why a job ended before its first task.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SetupError {
    /// The options or properties are wrong.
    #[error(transparent)]
    Conf(#[from] ConfError),
    /// The world is not as the job needs it.
    #[error(transparent)]
    Plan(#[from] PlanError),
}

/// A job that is ready to run.
#[derive(Debug)]
pub struct Job {
    /// What the user wants.
    pub conf: JobConf,
    /// What will be done.
    pub plan: JobPlan,
}

impl Job {
    /// Reads the configuration. Nothing but `-conf` files is looked at.
    pub fn configure(
        options: &StreamOptions,
        host: &HostFacts,
    ) -> Result<(JobConf, Vec<Warning>), ConfError> {
        conf::resolve(options, host)
    }

    /// Looks at the world and makes the plan.
    pub fn plan(conf: JobConf, host: &HostFacts, job_id: JobId) -> Result<Self, PlanError> {
        let plan = planner::plan_job(&conf, host, job_id)?;
        Ok(Self { conf, plan })
    }

    /// Runs the plan: maps, shuffle, reduces, commit.
    pub fn run(&self, engine: &dyn Engine, events: &dyn JobEvents) -> Result<Counters, JobError> {
        engine.run(&self.plan, events)
    }
}
