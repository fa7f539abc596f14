//! The list of runs on this machine: a record of each, in the user's state folder.
//!
//! A record is written when a job begins, now and then while it runs, and when it ends, aside and then renamed. It is
//! the user's alone, and the oldest go when there are too many. Records are help, not output: where none can be
//! written, nothing is said and the job runs as it would; only one in the background needs its record, and has a log
//! beside it.

use super::{exit, print, voice};
use crate::clock;
use crate::conf::HostFacts;
use crate::counters::Counters;
use crate::error::{At, IoError};
use crate::ids::TaskId;
use crate::plan::JobPlan;
use crate::report::printable;
use crate::report::record::{RunRecord, RunState, TASKS_MAX, TaskRow};
use std::collections::BTreeMap;
use std::io::{Read, Seek, SeekFrom};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Records that are kept.
const RECORDS_MAX: usize = 200;
/// A record that is longer is not read: it is none of ours.
const RECORD_BYTES_MAX: u64 = /* 1 MiB */ 1 << 20;
/// Pause between two looks at a process that is waited for.
const WAIT_MS: u64 = 100;
/// How long what a record says of a running job may be behind. Short jobs write none but the first and the last.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// Lines and bytes at the end of a log that are shown.
const LOG_LINES_SHOWN: usize = 10;
const LOG_BYTES_SHOWN: u64 = /* 4 KiB */ 4 << 10;

/// The record of the run that this process is.
pub(super) struct Run {
    folder: PathBuf,
    record: RunRecord,
    written: Instant,
}

/// Why a run has no record.
#[derive(Debug, thiserror::Error)]
pub(super) enum RecordError {
    /// The user has no home.
    #[error("there is no folder for the record of the job: set XDG_STATE_HOME or HOME")]
    NoFolder,
    /// The machine does not show its processes.
    #[error("there is no /proc, by which the job could be found")]
    NoProcesses,
    /// It would stand in the place of another.
    #[error("{id} is running already, as process {process}")]
    Running { id: String, process: u32 },
    /// The operating system refused.
    #[error("cannot keep a record of the job, for which XDG_STATE_HOME may name another folder")]
    Io(#[from] IoError),
}

/// What is known of a run at its end.
pub(super) struct Ended<'a> {
    pub(super) exit_code: u8,
    pub(super) counters: Option<&'a Counters>,
    pub(super) tasks: BTreeMap<TaskId, TaskRow>,
    pub(super) failure: Option<String>,
}

impl Run {
    /// Writes that a job begins.
    pub(super) fn begin(plan: &JobPlan, host: &HostFacts) -> Result<Self, RecordError> {
        let folder = host.state_dir.as_ref().ok_or(RecordError::NoFolder)?.join("jobs");
        let number = std::process::id();
        // A job that is continued keeps its name.
        let earlier = read(&folder, &plan.job_id.to_string());
        if let Some(RunRecord { id, process, state: RunState::Running, .. }) = earlier {
            return Err(RecordError::Running { id, process: process.0 });
        }
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
            process: (number, started(number).ok_or(RecordError::NoProcesses)?),
            begun_ms: clock::now_ms(),
            ended_ms: None,
            state: RunState::Running,
            exit_code: None,
            progress: [0.0; 2],
            maps: plan.maps.len() as u32,
            reduces: plan.reduces,
            output: plan.output.shown.clone(),
            logs: logs.map(|logs| logs.to_string_lossy().into_owned()),
            log: None,
            counters: BTreeMap::new(),
            tasks: BTreeMap::new(),
            failure: None,
        };
        let mut run = Self { folder, record, written: Instant::now() };
        run.write()?;
        run.remove_old();
        Ok(run)
    }

    /// Opens the log of a job in the background.
    pub(super) fn open_log(&mut self) -> Result<crate::fs::File, RecordError> {
        let path = log_of(&self.folder, &self.record.id);
        self.record.log = Some(path.to_string_lossy().into_owned());
        self.write()?;
        let mut options = crate::fs::OpenOptions::new();
        Ok(options.append(true).create(true).mode(0o600).open(&path).at("open log", &path)?)
    }

    /// Writes now and then how far it is: shares of the map and the reduce phase.
    pub(super) fn progress(&mut self, progress: [f32; 2]) {
        self.record.progress = progress;
        if self.written.elapsed() >= PROGRESS_EVERY {
            self.write().ok();
        }
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

    fn write(&mut self) -> Result<(), IoError> {
        self.written = Instant::now();
        let folder = &self.folder;
        crate::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder).at("make folder", folder)?;
        let path = path_of(folder, &self.record.id);
        let aside = path.with_extension("new");
        let mut options = crate::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&aside);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, &self.record.to_json()))
            .at("write", &aside)?;
        crate::fs::rename(&aside, &path).at("make", &path)
    }

    fn remove_old(&self) {
        let mut names = names(&self.folder);
        // Names begin with the time; those of one length are in its order.
        names.sort_by_key(|name| (name.len(), name.clone()));
        for name in &names[..names.len().saturating_sub(RECORDS_MAX)] {
            let record = self.folder.join(name);
            crate::fs::remove_file(record.with_extension("log")).ok();
            crate::fs::remove_file(record).ok();
        }
    }
}

fn path_of(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.json"))
}

fn log_of(folder: &Path, id: &str) -> PathBuf {
    folder.join(format!("{id}.log"))
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
    record.state == RunState::Running && is_there(record)
}

/// The same of a run that may be over but for its last words.
fn is_there(record: &RunRecord) -> bool {
    started(record.process.0) == Some(record.process.1)
}

/// A record as it stands now: a run whose process is gone without a word was killed.
fn read(folder: &Path, id: &str) -> Option<RunRecord> {
    let record = read_file(folder, id)?;
    if record.state != RunState::Running || is_alive(&record) {
        return Some(record);
    }
    // Its last words may have come between the two looks.
    let mut record = read_file(folder, id)?;
    if record.state == RunState::Running {
        record.state = RunState::Killed;
    }
    Some(record)
}

fn read_file(folder: &Path, id: &str) -> Option<RunRecord> {
    let path = path_of(folder, id);
    let fits = crate::fs::metadata(&path).is_ok_and(|metadata| metadata.len() <= RECORD_BYTES_MAX);
    RunRecord::from_json(&crate::fs::read(&path).ok().filter(|_| fits)?)
}

/// The last lines of a log; nothing where there is none.
fn log_end(path: &str) -> String {
    let read = || {
        let mut file = crate::fs::File::open(path)?;
        let begin = file.metadata()?.len().saturating_sub(LOG_BYTES_SHOWN);
        file.seek(SeekFrom::Start(begin))?;
        let mut bytes = Vec::new();
        file.take(LOG_BYTES_SHOWN).read_to_end(&mut bytes)?;
        std::io::Result::Ok(bytes)
    };
    let text = String::from_utf8_lossy(&read().unwrap_or_default()).into_owned();
    let lines: Vec<&str> = text.lines().collect();
    let last = &lines[lines.len().saturating_sub(LOG_LINES_SHOWN)..];
    last.iter().map(|line| "  ".to_owned() + &printable(line.as_bytes()) + "\n").collect()
}

/// All runs, the latest last.
pub(super) fn all(host: &HostFacts) -> Vec<RunRecord> {
    let Some(folder) = host.state_dir.as_ref().map(|state| state.join("jobs")) else { return Vec::new() };
    let names = names(&folder);
    let ids = names.iter().filter_map(|name| name.strip_suffix(".json"));
    let mut records: Vec<RunRecord> = ids.filter_map(|id| read(&folder, id)).collect();
    records.sort_by(|one, other| (one.begun_ms, &one.id).cmp(&(other.begun_ms, &other.id)));
    records
}

/// The run of a name.
pub(super) fn find(host: &HostFacts, id: &str) -> Option<RunRecord> {
    let is_id = id
        .strip_prefix("job_")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    let folder = host.state_dir.as_ref().map(|state| state.join("jobs"));
    folder.filter(|_| is_id).and_then(|folder| read(&folder, id))
}

/// The same, or a message.
fn found(host: &HostFacts, id: &str) -> Result<RunRecord, u8> {
    find(host, id).ok_or_else(|| {
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
    let record = match found(host, id) {
        Ok(record) => record,
        Err(code) => return code,
    };
    let log = record.log.as_deref().filter(|_| record.state == RunState::Running);
    let log = log.map(|path| format!("end of the log:\n{}", log_end(path)));
    print(&(record.show() + &log.unwrap_or_default()))
}

/// `mr-stream jobs wait ID`: until it is over; answers its exit code.
pub(super) fn wait(host: &HostFacts, id: &str) -> u8 {
    loop {
        match found(host, id) {
            Err(code) => return code,
            Ok(record) if record.state != RunState::Running && !is_there(&record) => {
                return record.exit_code.unwrap_or(exit::JOB_FAILED);
            }
            Ok(_) => std::thread::sleep(Duration::from_millis(WAIT_MS)),
        }
    }
}

/// Why a run could not be ended.
pub(super) enum EndError {
    /// It is over.
    Over,
    /// The operating system refused.
    Refused(std::io::Error),
}

/// Asks a run to end in order, as an interrupt does.
pub(super) fn end(record: &RunRecord) -> Result<(), EndError> {
    let process = rustix::process::Pid::from_raw(record.process.0 as i32).filter(|_| is_alive(record));
    let process = process.ok_or(EndError::Over)?;
    let killed = rustix::process::kill_process(process, rustix::process::Signal::TERM);
    killed.map_err(|error| EndError::Refused(error.into()))
}

/// `mr-stream jobs kill ID`.
pub(super) fn kill(host: &HostFacts, id: &str) -> u8 {
    let record = match found(host, id) {
        Ok(record) => record,
        Err(code) => return code,
    };
    match end(&record) {
        Ok(()) => print(&format!("Killed job {id}\n")),
        Err(EndError::Over) => {
            voice::put(&format!("{id} does not run: {}", record.state.word()));
            exit::JOB_FAILED
        }
        Err(EndError::Refused(error)) => {
            voice::put(&format!("cannot end {id}, process {}: {error}", record.process.0));
            exit::JOB_FAILED
        }
    }
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
