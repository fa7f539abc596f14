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

/// Largest `mapreduce.task.io.sort.mb`.
const SORT_MB_MAX: i32 = 2047;

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

    /// Fails on a framework that Hadoop has no client for. One on a cluster is understood, and the job runs here. Hadoop:
    /// `Cluster.initialize`.
    pub(super) fn check_framework(&self) -> Result<(), ConfError> {
        const NAME: &str = "mapreduce.framework.name";
        let given = self.properties.text_or(NAME, "local")?;
        if ["local", "yarn", "yarn-tez"].contains(&given.as_str()) {
            return Ok(());
        }
        Err(self.properties.malformed(NAME, given, "local or yarn"))
    }

    /// Fails on settings of the sort buffer that no map task of Hadoop's starts with. Hadoop:
    /// `MapTask.MapOutputBuffer.init`.
    pub(super) fn check_sort_settings(&self, reduces: u32) -> Result<(), ConfError> {
        const BUFFER: &str = "mapreduce.task.io.sort.mb";
        const SPILL: &str = "mapreduce.map.sort.spill.percent";
        if reduces == 0 {
            return Ok(());
        }
        if let Some(mib) = self.properties.int(BUFFER)?.filter(|mib| !(0..=SORT_MB_MAX).contains(mib)) {
            let expected =
                "a number of MiB up to 2047 (mrstream.memory.mb is the memory of the whole engine)";
            return Err(self.properties.malformed(BUFFER, mib.to_string(), expected));
        }
        if let Some(share) = self.properties.float(SPILL)?.filter(|share| !(*share > 0.0 && *share <= 1.0)) {
            return Err(self.properties.malformed(SPILL, share.to_string(), "a number above 0, 1 at most"));
        }
        Ok(())
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
