//! A job on one page: configure, plan, run.

use crate::conf::{self, ConfError, HostFacts, JobConf, StreamOptions, Warning};
use crate::counters::Counters;
use crate::engine::event::JobEvents;
use crate::engine::{Engine, JobError};
use crate::ids::JobId;
use crate::output::existing;
use crate::output::journal::Fact;
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
    /// What decides about the result.
    pub facts: Vec<Fact>,
    /// Inherited variables that were others for the run that is continued, and may change the result.
    pub changed_variables: Vec<String>,
}

impl Job {
    /// Reads the configuration. Nothing but `-conf` files is looked at.
    pub fn configure(
        options: &StreamOptions,
        host: &HostFacts,
    ) -> Result<(JobConf, Vec<Warning>), ConfError> {
        conf::resolve(options, host)
    }

    /// Looks at the world and makes the plan. A job that goes on where another run was killed is that run's job.
    pub fn plan(conf: JobConf, host: &HostFacts, job_id: JobId) -> Result<Self, PlanError> {
        let job_id = existing::run_to_continue(&conf.output).map_or(job_id, |begun| begun.job);
        let plan = planner::plan_job(&conf, host, job_id)?;
        let facts = planner::check_existing(&conf, &plan, host)?;
        let changed_variables = existing::changed_variables(&plan.output, &facts);
        Ok(Self { conf, plan, facts, changed_variables })
    }

    /// Runs the plan: maps, shuffle, reduces, commit.
    pub fn run(&self, engine: &dyn Engine, events: &dyn JobEvents) -> Result<Counters, JobError> {
        engine.run(&self.plan, events)
    }
}
