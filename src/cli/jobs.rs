//! The list of runs on this machine: a record of each, in the user's state folder.
//!
//! A record is written when a job begins and again when it ends, aside and then renamed. It is the user's alone, and
//! the oldest go when there are too many. Records are help, not output: where none can be written, nothing is said and
//! the job runs as it would.

use super::{exit, print, voice};
use crate::clock;
use crate::conf::HostFacts;
use crate::counters::Counters;
use crate::ids::TaskId;
use crate::plan::JobPlan;
use crate::report::record::{RunRecord, RunState, TASKS_MAX, TaskRow};
use std::collections::BTreeMap;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

/// Records that are kept.
const RECORDS_MAX: usize = 200;
/// A record that is longer is not read: it is none of ours.
const RECORD_BYTES_MAX: u64 = /* 1 MiB */ 1 << 20;
/// Pause between two looks at a process that is waited for.
const WAIT_MS: u64 = 100;

/// The record of the run that this process is.
pub(super) struct Run {
    folder: PathBuf,
    record: RunRecord,
}

/// What is known of a run at its end.
pub(super) struct Ended<'a> {
    pub(super) exit_code: u8,
    pub(super) counters: Option<&'a Counters>,
    pub(super) tasks: BTreeMap<TaskId, TaskRow>,
    pub(super) failure: Option<String>,
}

impl Run {
    /// Writes that a job begins. `None` where no records are kept.
    pub(super) fn begin(plan: &JobPlan, host: &HostFacts) -> Option<Self> {
        let folder = host.state_dir.as_ref()?.join("jobs");
        let number = std::process::id();
        let logs = host
            .logs_dir
            .as_ref()
            .map(|logs| logs.join("userlogs").join(super::task_logs::application(&plan.job_id)));
        let record = RunRecord {
            id: plan.job_id.to_string(),
            name: plan.job_name.clone(),
            user: host.job_user(),
            command: host.command_line.clone(),
            folder: host.current_dir.to_string_lossy().into_owned(),
            process: (number, started(number)?),
            begun_ms: clock::now_ms(),
            ended_ms: None,
            state: RunState::Running,
            exit_code: None,
            maps: plan.maps.len() as u32,
            reduces: plan.reduces,
            output: plan.output.shown.clone(),
            logs: logs.map(|logs| logs.to_string_lossy().into_owned()),
            counters: BTreeMap::new(),
            tasks: BTreeMap::new(),
            failure: None,
        };
        let run = Self { folder, record };
        run.write().ok()?;
        run.remove_old();
        Some(run)
    }

    /// Writes how it ended.
    pub(super) fn end(mut self, ended: Ended<'_>) {
        let record = &mut self.record;
        record.ended_ms = Some(clock::now_ms());
        record.exit_code = Some(ended.exit_code);
        record.state = match ended.exit_code {
            exit::OK => RunState::Succeeded,
            code if code > exit::SIGNAL_BASE => RunState::Killed,
            _ => RunState::Failed,
        };
        if let Some(counters) = ended.counters {
            record.set_counters(counters);
        }
        let tasks = ended.tasks.into_iter().take(TASKS_MAX);
        record.tasks = tasks.map(|(task, row)| (task.to_string(), row)).collect();
        record.failure = ended.failure;
        self.write().ok();
    }

    fn write(&self) -> std::io::Result<()> {
        crate::fs::DirBuilder::new().recursive(true).mode(0o700).create(&self.folder)?;
        let path = path_of(&self.folder, &self.record.id);
        let aside = path.with_extension("new");
        let mut options = crate::fs::OpenOptions::new();
        let mut file = options.write(true).create(true).truncate(true).mode(0o600).open(&aside)?;
        std::io::Write::write_all(&mut file, &self.record.to_json())?;
        crate::fs::rename(&aside, &path)
    }

    fn remove_old(&self) {
        let mut names = names(&self.folder);
        // Names begin with the time; those of one length are in its order.
        names.sort_by_key(|name| (name.len(), name.clone()));
        for name in &names[..names.len().saturating_sub(RECORDS_MAX)] {
            crate::fs::remove_file(self.folder.join(name)).ok();
        }
    }
}

fn path_of(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.json"))
}

fn names(folder: &Path) -> Vec<String> {
    let Ok(entries) = crate::fs::read_dir(folder) else { return Vec::new() };
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    names.filter(|name| name.starts_with("job_") && name.strip_suffix(".json").is_some()).collect()
}

/// When the kernel started a process, in its own ticks; `None` if there is none of this number.
fn started(number: u32) -> Option<u64> {
    let text = crate::fs::read(format!("/proc/{number}/stat")).ok()?;
    // The name, in parentheses, may hold anything; field 22 is the 20th behind it.
    let text = String::from_utf8_lossy(&text).into_owned();
    let (_, fields) = text.rsplit_once(") ")?;
    let mut fields = fields.split(' ');
    // A process that nobody has waited for yet is over all the same.
    let is_over = fields.next()? == "Z";
    fields.nth(18)?.parse().ok().filter(|_| !is_over)
}

/// Whether the process of a run is there.
fn is_alive(record: &RunRecord) -> bool {
    record.state == RunState::Running && started(record.process.0) == Some(record.process.1)
}

/// A record as it stands now: a run whose process is gone without a word was killed.
fn read(folder: &Path, id: &str) -> Option<RunRecord> {
    let path = path_of(folder, id);
    let fits = crate::fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= RECORD_BYTES_MAX);
    let mut record = RunRecord::from_json(&crate::fs::read(&path).ok().filter(|_| fits)?)?;
    if record.state == RunState::Running && !is_alive(&record) {
        record.state = RunState::Killed;
    }
    Some(record)
}

/// All runs, the latest last.
fn all(host: &HostFacts) -> Vec<RunRecord> {
    let Some(folder) = host.state_dir.as_ref().map(|state| state.join("jobs")) else { return Vec::new() };
    let names = names(&folder);
    let ids = names.iter().filter_map(|name| name.strip_suffix(".json"));
    let mut records: Vec<RunRecord> = ids.filter_map(|id| read(&folder, id)).collect();
    records.sort_by(|one, other| (one.begun_ms, &one.id).cmp(&(other.begun_ms, &other.id)));
    records
}

/// The run of a name, or a message.
fn find(host: &HostFacts, id: &str) -> Result<RunRecord, u8> {
    let is_id = id
        .strip_prefix("job_")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    let folder = host.state_dir.as_ref().map(|state| state.join("jobs"));
    folder.filter(|_| is_id).and_then(|folder| read(&folder, id)).ok_or_else(|| {
        voice::put(&format!("Could not find job {id}"));
        exit::HADOOP_ERROR
    })
}

/// `mr-stream jobs`.
pub(super) fn list(host: &HostFacts) -> u8 {
    let now = clock::now_ms();
    print(&all(host).iter().map(|record| record.line(now) + "\n").collect::<String>())
}

/// `mr-stream jobs show ID`.
pub(super) fn show(host: &HostFacts, id: &str) -> u8 {
    find(host, id).map_or_else(|code| code, |record| print(&record.show()))
}

/// `mr-stream jobs wait ID`: until it is over; answers its exit code.
pub(super) fn wait(host: &HostFacts, id: &str) -> u8 {
    loop {
        match find(host, id) {
            Err(code) => return code,
            Ok(record) if record.state != RunState::Running => {
                return record.exit_code.unwrap_or(exit::JOB_FAILED);
            }
            Ok(_) => std::thread::sleep(Duration::from_millis(WAIT_MS)),
        }
    }
}

/// `mr-stream jobs kill ID`: asks it to end in order, as an interrupt does.
pub(super) fn kill(host: &HostFacts, id: &str) -> u8 {
    let record = match find(host, id) {
        Ok(record) => record,
        Err(code) => return code,
    };
    let process = rustix::process::Pid::from_raw(record.process.0 as i32).filter(|_| is_alive(&record));
    let Some(process) = process else {
        voice::put(&format!("{id} does not run: {}", record.state.word()));
        return exit::JOB_FAILED;
    };
    match rustix::process::kill_process(process, rustix::process::Signal::TERM) {
        Ok(()) => print(&format!("Killed job {id}\n")),
        Err(error) => {
            voice::put(&format!("cannot end {id}, process {}: {error}", record.process.0));
            exit::JOB_FAILED
        }
    }
}

/// `mapred job`. Hadoop: `org.apache.hadoop.mapreduce.tools.CLI`.
pub(super) fn mapred_job(words: &[String], host: &HostFacts) -> u8 {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["-list"] => mapred_list(host, false),
        ["-list", "all"] => mapred_list(host, true),
        ["-status", id] => find(host, id).map_or_else(|code| code, |record| print(&record.status())),
        ["-kill", id] => kill(host, id),
        ["-history", .., id] => show(host, id),
        ["-counter", id, group, name] => match find(host, id) {
            Ok(record) => {
                let value = record.counters.get(group).and_then(|group| group.get(name)).copied();
                print(&format!("{}\n", value.unwrap_or(0)))
            }
            Err(code) => code,
        },
        _ => {
            voice::put(
                "Usage: job <command> <args>\n\t[-list [all]]\n\t[-status <job-id>]\n\t[-kill <job-id>]\n\t\
                 [-counter <job-id> <group-name> <counter-name>]\n\t[-history <job-id>]",
            );
            exit::HADOOP_ERROR
        }
    }
}

fn mapred_list(host: &HostFacts, with_ended: bool) -> u8 {
    let mut records = all(host);
    records.retain(|record| with_ended || record.state == RunState::Running);
    let head = format!(
        "{:>23}\t{:>20}\t{:>10}\t{:>14}\t{:>12}\t{:>12}",
        "JobId", "JobName", "State", "StartTime", "UserName", "Queue"
    );
    let mut lines = vec![format!("Total jobs:{}", records.len()), head];
    lines.extend(records.iter().map(RunRecord::list_line));
    print(&(lines.join("\n") + "\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn processes_are_told_apart() {
        let own = std::process::id();
        assert!(started(own).is_some());
        assert_eq!(started(own), started(own));
        assert_eq!(started(u32::MAX), None);
    }
}
