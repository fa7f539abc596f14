//! Memory, slots, failures and other bounds.

use super::super::error::ConfError;
use super::super::path;
use super::RetrySpec;
use super::reader::Reader;
use crate::counters::Limits;
use crate::plan::{KeepPlace, KeepSpec, ResourceSpec, SkipSpec};
use std::path::PathBuf;

/// Bytes in the unit of the properties that end in `.mb`.
const MIB: u64 = 1 << 20;

/// Least memory for records that is taken by default.
const MEMORY_BYTES_MIN: u64 = 16 * MIB;

impl Reader<'_> {
    pub(super) fn resources(&self) -> Result<ResourceSpec, ConfError> {
        let memory_mb = self.count_if_set("mrstream.memory.mb", 1)?.map(|mib| u64::from(mib) * MIB);
        let memory = self.count_if_set("mrstream.memory.bytes", 1)?.map(u64::from).or(memory_mb);
        let sort_buffer = self.count_if_set("mapreduce.task.io.sort.mb", 1)?.map(|mib| u64::from(mib) * MIB);
        Ok(ResourceSpec {
            memory_bytes: memory.unwrap_or_else(|| (self.host.memory_bytes / 4).max(MEMORY_BYTES_MIN)),
            sort_buffer_bytes: sort_buffer,
            map_slots: self.slots("map")?,
            reduce_slots: self.slots("reduce")?,
            archive_bytes_max: u64::from(self.count("mrstream.archive.max.mb", 0)?) * MIB,
            archive_entries_max: self.count("mrstream.archive.max.entries", 0)?.into(),
            checkpoint_seconds: self.count("mrstream.checkpoint.seconds", 0)?,
            local_dirs: self.local_dirs()?,
        })
    }

    /// Attempts at once: our own property, else that of Hadoop's local mode, else one per core; never more
    /// than the job's limit.
    fn slots(&self, side: &str) -> Result<u32, ConfError> {
        let own = self.count_if_set(&format!("mrstream.{side}.slots"), 1)?;
        let local = self.count_if_set(&format!("mapreduce.local.{side}.tasks.maximum"), 1)?;
        // Fewer than were asked for change nothing but the time a job takes.
        let slots = own.or(local).unwrap_or(self.host.cores).min(self.host.slots_max).max(1);
        match self.properties.int(&format!("mapreduce.job.running.{side}.limit"))?.unwrap_or(0) {
            limit @ 1.. => Ok(slots.min(limit as u32)),
            _ => Ok(slots),
        }
    }

    fn local_dirs(&self) -> Result<Vec<PathBuf>, ConfError> {
        const NAME: &str = "mapreduce.cluster.local.dir";
        let given = if self.properties.is_set(NAME) { self.properties.list(NAME)? } else { Vec::new() };
        let absolute = |dir: &String| path::absolute(NAME, dir, &self.current_dir()).map(PathBuf::from);
        let dirs: Vec<PathBuf> = given.iter().map(absolute).collect::<Result<_, _>>()?;
        Ok(if dirs.is_empty() { vec![self.host.temp_dir.clone()] } else { dirs })
    }

    pub(super) fn retries(&self) -> Result<RetrySpec, ConfError> {
        const TIMEOUT: &str = "mapreduce.task.timeout";
        let timeout = if self.properties.is_set(TIMEOUT) { self.amount(TIMEOUT)? } else { 0 };
        Ok(RetrySpec {
            map_attempts_max: self.count_if_set("mapreduce.map.maxattempts", 1)?,
            reduce_attempts_max: self.count_if_set("mapreduce.reduce.maxattempts", 1)?,
            map_failures_percent_max: self.count("mapreduce.map.failures.maxpercent", 0)?,
            reduce_failures_percent_max: self.count("mapreduce.reduce.failures.maxpercent", 0)?,
            task_timeout_ms: Some(timeout).filter(|ms| *ms > 0),
        })
    }

    pub(super) fn keep_failed(&self) -> Result<KeepSpec, ConfError> {
        const NAME: &str = "mrstream.keep.failed";
        let place = match self.properties.text_or(NAME, "last")?.as_str() {
            "last" => KeepPlace::Last,
            "none" => KeepPlace::Nowhere,
            dir => KeepPlace::Below(path::absolute(NAME, dir, &self.current_dir())?.into()),
        };
        let bytes_max = u64::from(self.count("mrstream.keep.failed.max.mb", 0)?) * MIB;
        Ok(KeepSpec { place, bytes_max })
    }

    pub(super) fn skip(&self) -> Result<Option<SkipSpec>, ConfError> {
        const DIR: &str = "mapreduce.job.skip.outdir";
        let map_records_max = self.amount("mapreduce.map.skip.maxrecords")?;
        let reduce_groups_max = self.amount("mapreduce.reduce.skip.maxgroups")?;
        if map_records_max == 0 && reduce_groups_max == 0 {
            return Ok(None);
        }
        let dir = match self.properties.get(DIR)? {
            Some(none) if none == "none" => None,
            Some(dir) => Some(path::absolute(DIR, &dir, &self.current_dir())?.into()),
            None => Some(self.output()?.dir.join("_logs/skip")),
        };
        let start_after_attempts = self.count("mapreduce.task.skip.start.attempts", 0)?;
        Ok(Some(SkipSpec { start_after_attempts, map_records_max, reduce_groups_max, dir }))
    }

    pub(super) fn slow_start(&self) -> Result<f64, ConfError> {
        let share = self.properties.float("mapreduce.job.reduce.slowstart.completedmaps")?;
        Ok(share.unwrap_or(0.05).clamp(0.0, 1.0))
    }

    pub(super) fn counter_limits(&self) -> Result<Limits, ConfError> {
        let limit = |name| self.count(name, 0).map(|count| count as usize);
        Ok(Limits {
            counters_max: limit("mapreduce.job.counters.max")?,
            groups_max: limit("mapreduce.job.counters.groups.max")?,
            counter_name_max: limit("mapreduce.job.counters.counter.name.max")?,
            group_name_max: limit("mapreduce.job.counters.group.name.max")?,
        })
    }
}
