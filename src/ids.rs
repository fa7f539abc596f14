//! Names of jobs, tasks and attempts, in Hadoop's spelling.

use serde::{Deserialize, Serialize};
use std::fmt;

/// A job: `job_<start stamp>_<number>`. Hadoop: `JobID`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct JobId {
    /// When the job's engine started, digits only: `202611210102` or `local1234`.
    pub stamp: String,
    /// The job's number under that stamp, from 1.
    pub number: u32,
}

impl fmt::Display for JobId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "job_{}_{:04}", self.stamp, self.number)
    }
}

/// Which side of the shuffle a task is on. Hadoop: `TaskType`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum TaskKind {
    /// Reads one split.
    Map,
    /// Reads one partition.
    Reduce,
}

impl TaskKind {
    fn letter(self) -> char {
        match self {
            Self::Map => 'm',
            Self::Reduce => 'r',
        }
    }

    /// `map` or `reduce`.
    pub fn word(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Reduce => "reduce",
        }
    }
}

/// A task inside a job.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TaskId {
    /// Map or reduce.
    pub kind: TaskKind,
    /// The task's number among its kind, from 0; for a reduce task also its partition.
    pub number: u32,
}

impl TaskId {
    /// The map task of this number.
    pub fn map(number: u32) -> Self {
        Self { kind: TaskKind::Map, number }
    }

    /// The reduce task of this partition.
    pub fn reduce(number: u32) -> Self {
        Self { kind: TaskKind::Reduce, number }
    }

    /// `task_<stamp>_<job>_m_000000`. Hadoop: `TaskID.toString`.
    pub fn in_job(self, job: &JobId) -> String {
        format!("task_{}", self.tail(job))
    }

    fn tail(self, job: &JobId) -> String {
        format!("{}_{:04}_{}_{:06}", job.stamp, job.number, self.kind.letter(), self.number)
    }
}

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{:06}", self.kind.letter(), self.number)
    }
}

/// One try of a task.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct AttemptId {
    /// The task tried.
    pub task: TaskId,
    /// Which try it is, from 0.
    pub attempt: u32,
}

impl AttemptId {
    /// `attempt_<stamp>_<job>_m_000000_0`. Hadoop: `TaskAttemptID.toString`.
    pub fn in_job(self, job: &JobId) -> String {
        format!("attempt_{}_{}", self.task.tail(job), self.attempt)
    }
}

impl fmt::Display for AttemptId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}_{}", self.task, self.attempt)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_spelt_as_hadoop_spells_them() {
        let job = JobId { stamp: "202611210102".into(), number: 7 };
        let attempt = AttemptId { task: TaskId::reduce(12), attempt: 1 };
        assert_eq!(job.to_string(), "job_202611210102_0007");
        assert_eq!(attempt.task.in_job(&job), "task_202611210102_0007_r_000012");
        assert_eq!(attempt.in_job(&job), "attempt_202611210102_0007_r_000012_1");
        assert_eq!(attempt.to_string(), "r_000012_1");
    }
}
