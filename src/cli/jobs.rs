//! The list of runs on this machine: a record of each, in the user's state folder.
//!
//! | file in `jobs` | what it is |
//! |---|---|
//! | `<id>.json` | a claim while the job is planned, then its record |
//! | `<id>.new` | the next version of the record, until it is renamed |
//! | `<id>.log` | what a job in the background says |
//! | `lock` | held by a process that removes old records, or that takes over the record of the run it continues |
//!
//! An id is taken by making its file, which only one process can do. The record is written when a job begins, now and
//! then while it runs, and when it ends. It is the user's alone. The oldest records go when there are too many, those
//! of runs that live excepted. Records are help, not output: where none can be written, nothing is said and the job
//! runs as it would; only one in the background needs its record.

use super::{exit, print, voice};
use crate::clock;
use crate::conf::HostFacts;
use crate::counters::Counters;
use crate::error::{At, IoError};
use crate::ids::{JobId, TaskId};
use crate::plan::JobPlan;
use crate::printable::printable;
use crate::report::history::History;
use crate::report::record::{self, ProcessStart, RunRecord, RunState, TASKS_MAX, TaskRow};
use rustix::fs::{FlockOperation, flock};
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
/// Most looks at the record of a run that is to be continued, until the record says that the run is over.
const END_LOOKS: usize = 50;
/// Most tries to get the lock, and the pause between two.
const LOCK_TRIES: usize = 100;
const LOCK_WAIT_MS: u64 = 10;
/// Largest number of a job that begins in the same millisecond as others.
const NUMBER_MAX: u32 = 9_999;
/// An empty claim that is younger belongs to a process that is about to write into it.
const EMPTY_CLAIM_MS: i64 = 60_000;
/// How long what a record says of a running job may be behind. Short jobs write none but the first and the last.
const PROGRESS_EVERY: Duration = Duration::from_secs(1);
/// The newest run, in place of an id.
const LAST: &str = "last";
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
    /// The run to continue still lives.
    #[error("{id} is running already, as process {process}")]
    Running { id: String, process: u32 },
    /// The operating system refused.
    #[error("cannot keep a record of the job, for which XDG_STATE_HOME may name another folder")]
    Io(#[from] IoError),
}

/// What is known of a run at its end.
pub(super) struct Ended {
    pub(super) exit_code: u8,
    pub(super) counters: Counters,
    pub(super) tasks: BTreeMap<TaskId, TaskRow>,
    pub(super) failure: Option<String>,
    pub(super) history: History,
}

/// The id of a job that is being planned. No other job of this user has it.
pub(super) struct JobClaim {
    pub(super) id: JobId,
    /// The file that was made for it, until a record takes its place.
    file: Option<PathBuf>,
}

impl JobClaim {
    /// Takes an id: the time, and a number that counts the jobs which begin in the same millisecond. Where no file can be
    /// made for it, the number is that of the process, behind all those that count.
    pub(super) fn new(host: &HostFacts) -> Self {
        let stamp = clock::now_ms().to_string();
        let taken = jobs_folder(host).and_then(|folder| {
            make_folder(&folder).ok()?;
            let ids = (1..=NUMBER_MAX).map(|number| JobId { stamp: stamp.clone(), number });
            ids.map(|id| (path_of(&folder, &id.to_string()), id)).find_map(|(path, id)| {
                match make_claim(&path) {
                    Ok(()) => Some(Some(Self { id, file: Some(path) })),
                    Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => None,
                    Err(_) => Some(None),
                }
            })?
        });
        taken.unwrap_or_else(|| {
            let number = NUMBER_MAX.saturating_add(1).saturating_add(std::process::id());
            Self { id: JobId { stamp, number }, file: None }
        })
    }
}

impl Drop for JobClaim {
    fn drop(&mut self) {
        let Some(path) = self.file.take() else { return };
        // The id must not be taken again: until the millisecond is over another process could do so.
        while clock::now_ms().to_string() == self.id.stamp {
            std::thread::yield_now();
        }
        crate::fs::remove_file(path).ok();
    }
}

fn make_claim(path: &Path) -> std::io::Result<()> {
    let mut file = crate::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    // A claim without an owner is removed like the record of a run that is over.
    let claim = own_process().map(record::claim).unwrap_or_default();
    std::io::Write::write_all(&mut file, &claim).inspect_err(|_| drop(crate::fs::remove_file(path)))
}

impl Run {
    /// Writes that a job begins.
    pub(super) fn begin(
        mut claim: JobClaim,
        plan: &JobPlan,
        queue: String,
        host: &HostFacts,
    ) -> Result<Self, RecordError> {
        let folder = jobs_folder(host).ok_or(RecordError::NoFolder)?;
        // A job that is continued keeps its id.
        let is_continued = plan.job_id != claim.id;
        let _lock = if is_continued {
            wait_for_end(&folder, &plan.job_id.to_string())?;
            lock(&folder, LOCK_TRIES)
        } else {
            None
        };
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
            process: own_process().ok_or(RecordError::NoProcesses)?,
            begun_ms: clock::now_ms(),
            ended_ms: None,
            state: RunState::Running,
            exit_code: None,
            progress: [0.0; 2],
            queue,
            maps: plan.maps.len() as u32,
            reduces: plan.reduces,
            output: plan.output.shown.clone(),
            logs: logs.map(|logs| logs.to_string_lossy().into_owned()),
            log: None,
            counters: BTreeMap::new(),
            history: None,
            tasks: BTreeMap::new(),
            failure: None,
        };
        let mut run = Self { folder, record, written: Instant::now() };
        run.write()?;
        if !is_continued {
            claim.file = None;
            remove_old(&run.folder);
        }
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
    pub(super) fn end(mut self, ended: Ended) {
        let record = &mut self.record;
        record.ended_ms = Some(clock::now_ms());
        record.exit_code = Some(ended.exit_code);
        record.state = match ended.exit_code {
            exit::OK => RunState::Succeeded,
            code if code > exit::SIGNAL_BASE => RunState::Killed,
            _ => RunState::Failed,
        };
        record.set_counters(&ended.counters);
        let tasks = ended.tasks.into_iter().take(TASKS_MAX);
        record.tasks = tasks.map(|(task, row)| (task.to_string(), row)).collect();
        record.failure = ended.failure;
        record.history = Some(ended.history);
        self.write().ok();
    }

    fn write(&mut self) -> Result<(), IoError> {
        self.written = Instant::now();
        let folder = &self.folder;
        make_folder(folder).at("make folder", folder)?;
        let path = path_of(folder, &self.record.id);
        let aside = path.with_extension("new");
        let mut options = crate::fs::OpenOptions::new();
        let file = options.write(true).create(true).truncate(true).mode(0o600).open(&aside);
        file.and_then(|mut file| std::io::Write::write_all(&mut file, &self.record.to_json()))
            .at("write", &aside)?;
        crate::fs::rename(&aside, &path).at("make", &path)
    }
}

fn jobs_folder(host: &HostFacts) -> Option<PathBuf> {
    Some(host.state_dir.as_ref()?.join("jobs"))
}

fn make_folder(folder: &Path) -> std::io::Result<()> {
    crate::fs::DirBuilder::new().recursive(true).mode(0o700).create(folder)
}

/// Waits until the run that is to be continued has written its last record. It has released the output folder already.
fn wait_for_end(folder: &Path, id: &str) -> Result<(), RecordError> {
    for _ in 0..END_LOOKS {
        match read(folder, id) {
            Some(record) if record.state == RunState::Running => {}
            _ => return Ok(()),
        }
        std::thread::sleep(Duration::from_millis(WAIT_MS));
    }
    let process = read(folder, id).map_or(0, |record| record.process.0);
    Err(RecordError::Running { id: id.to_owned(), process })
}

/// Locks the folder against other processes; `None` if one has it for long, or there is no lock.
fn lock(folder: &Path, tries: usize) -> Option<crate::fs::File> {
    let mut options = crate::fs::OpenOptions::new();
    let file = options.write(true).create(true).mode(0o600).open(folder.join("lock")).ok()?;
    for _ in 1..tries {
        if flock(&file, FlockOperation::NonBlockingLockExclusive).is_ok() {
            return Some(file);
        }
        std::thread::sleep(Duration::from_millis(LOCK_WAIT_MS));
    }
    flock(&file, FlockOperation::NonBlockingLockExclusive).ok().map(|()| file)
}

/// Removes the records that were written longest ago, with their logs, until [`RECORDS_MAX`] are left. Keeps those of
/// runs that live. Does nothing while another process does the same.
fn remove_old(folder: &Path) {
    let names = names(folder);
    let mut too_many = names.len().saturating_sub(RECORDS_MAX);
    if too_many == 0 {
        return;
    }
    let Some(_lock) = lock(folder, 1) else { return };
    let mut by_age: Vec<_> = names.into_iter().map(|name| (written_ms(&folder.join(&name)), name)).collect();
    by_age.sort();
    for (_, name) in by_age {
        let path = folder.join(name);
        if too_many == 0 || is_owned(&path) {
            continue;
        }
        for extension in ["log", "new", "json"] {
            crate::fs::remove_file(path.with_extension(extension)).ok();
        }
        too_many -= 1;
    }
}

/// When a file was written last, in milliseconds since 1970.
fn written_ms(path: &Path) -> Option<i64> {
    Some(clock::ms(crate::fs::metadata(path).ok()?.modified().ok()?))
}

/// Whether a claim, or the record of a run, belongs to a process that lives. Logs of tasks have a claim too.
pub(super) fn is_owned(path: &Path) -> bool {
    let Ok(bytes) = crate::fs::read(path) else { return false };
    if bytes.is_empty() {
        return written_ms(path).is_some_and(|written| clock::now_ms() - written < EMPTY_CLAIM_MS);
    }
    record::owner(&bytes).is_some_and(is_process)
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
    is_process(record.process)
}

fn is_process((number, start): ProcessStart) -> bool {
    started(number) == Some(start)
}

/// This process; `None` where the machine does not show its processes.
pub(super) fn own_process() -> Option<ProcessStart> {
    let number = std::process::id();
    Some((number, started(number)?))
}

/// A record as it stands now. A run whose process is gone without a word was killed, when its record was written last.
fn read(folder: &Path, id: &str) -> Option<RunRecord> {
    let record = read_file(folder, id)?;
    if record.state != RunState::Running || is_alive(&record) {
        return Some(record);
    }
    // Its last words may have come between the two looks.
    let mut record = read_file(folder, id)?;
    if record.state == RunState::Running {
        record.state = RunState::Killed;
        record.ended_ms = Some(written_ms(&path_of(folder, id)).unwrap_or(record.begun_ms));
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
    let Some(folder) = jobs_folder(host) else { return Vec::new() };
    let names = names(&folder);
    let ids = names.iter().filter_map(|name| name.strip_suffix(".json"));
    let mut records: Vec<RunRecord> = ids.filter_map(|id| read(&folder, id)).collect();
    records.sort_by(|one, other| (one.begun_ms, &one.id).cmp(&(other.begun_ms, &other.id)));
    records
}

/// The run of an id; `last` is the newest.
pub(super) fn find(host: &HostFacts, id: &str) -> Option<RunRecord> {
    if id == LAST {
        return all(host).pop();
    }
    let is_id = id
        .strip_prefix("job_")
        .is_some_and(|rest| rest.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_'));
    jobs_folder(host).filter(|_| is_id).and_then(|folder| read(&folder, id))
}

/// The same, or a message.
fn found(host: &HostFacts, id: &str) -> Result<RunRecord, u8> {
    find(host, id).ok_or_else(|| {
        voice::put(&format!("Could not find job {id}"));
        exit::HADOOP_ERROR
    })
}

/// `mr-stream jobs`: the newest `count` of them, 0 for all.
pub(super) fn list(host: &HostFacts, count: usize, as_json: bool) -> u8 {
    let mut records = all(host);
    records.reverse();
    records.truncate(if count == 0 { usize::MAX } else { count });
    if as_json {
        return print(&RunRecord::list_json(&records));
    }
    print(&RunRecord::list(&records, clock::now_ms(), voice::stdout_columns()))
}

/// `mr-stream jobs show ID`.
pub(super) fn show(host: &HostFacts, id: &str, as_json: bool) -> u8 {
    let record = match found(host, id) {
        Ok(record) => record,
        Err(code) => return code,
    };
    if as_json {
        return print(&record.shown_json());
    }
    let log = record.log.as_deref().filter(|_| record.state == RunState::Running);
    let log = log.map(|path| format!("end of the log:\n{}", log_end(path)));
    print(&(record.show() + &log.unwrap_or_default()))
}

/// `mr-stream jobs wait ID`: until it is over; answers its exit code.
pub(super) fn wait(host: &HostFacts, id: &str) -> u8 {
    let mut run = found(host, id);
    loop {
        match run {
            Err(code) => return code,
            Ok(record) if record.state != RunState::Running && !is_there(&record) => {
                return record.exit_code.unwrap_or(exit::JOB_FAILED);
            }
            Ok(record) => {
                std::thread::sleep(Duration::from_millis(WAIT_MS));
                // The newest run may be another by now.
                run = found(host, &record.id);
            }
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
        Ok(()) => print(&format!("Killed job {}\n", record.id)),
        Err(EndError::Over) => {
            voice::put(&format!("{} does not run: {}", record.id, record.state.word()));
            exit::JOB_FAILED
        }
        Err(EndError::Refused(error)) => {
            voice::put(&format!("cannot end {}, process {}: {error}", record.id, record.process.0));
            exit::JOB_FAILED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn host(state: &Path) -> HostFacts {
        HostFacts { state_dir: Some(state.to_path_buf()), ..HostFacts::example() }
    }

    fn files(state: &Path) -> Vec<String> {
        names(&state.join("jobs"))
    }

    #[test]
    fn ids_are_taken_by_one_claim_each() {
        let state = tempfile::tempdir().unwrap();
        let host = host(state.path());
        let claims: Vec<JobClaim> = std::thread::scope(|scope| {
            let claim = || (0..25).map(|_| JobClaim::new(&host)).collect::<Vec<_>>();
            let threads: Vec<_> = (0..8).map(|_| scope.spawn(claim)).collect();
            threads.into_iter().flat_map(|thread| thread.join().unwrap()).collect()
        });
        let mut ids: Vec<String> = claims.iter().map(|claim| claim.id.to_string()).collect();
        ids.sort();
        ids.dedup();
        assert_eq!(ids.len(), 200);
        assert_eq!(files(state.path()).len(), 200);
        drop(claims);
        assert_eq!(files(state.path()).len(), 0, "what is not used leaves nothing");
    }

    #[test]
    fn without_a_folder_ids_have_the_number_of_the_process() {
        let claim = JobClaim::new(&host(Path::new("/dev/null")));
        assert_eq!(claim.id.number, 10_000 + std::process::id());
        assert!(claim.file.is_none());
    }

    #[test]
    fn what_lives_is_not_removed() {
        let state = tempfile::tempdir().unwrap();
        let folder = state.path().join("jobs");
        make_folder(&folder).unwrap();
        let write = |number: u32, bytes: &[u8]| {
            for kind in ["json", "log", "new"] {
                std::fs::write(folder.join(format!("job_{number:03}_0001.{kind}")), bytes).unwrap();
            }
        };
        let own = own_process().unwrap();
        // Another process had the number of this one before.
        let dead = (own.0, own.1 + 1);
        write(0, &record::claim(own));
        write(1, b"");
        for number in 2..300 {
            write(number, &record::claim(dead));
        }
        let held = lock(&folder, 1).unwrap();
        remove_old(&folder);
        assert_eq!(files(state.path()).len(), 300, "another process removes them at this moment");
        drop(held);
        std::thread::scope(|scope| (0..4).for_each(|_| drop(scope.spawn(|| remove_old(&folder)))));
        let left = files(state.path());
        assert_eq!(left.len(), RECORDS_MAX);
        for number in [0, 1, 102, 299] {
            assert!(left.contains(&format!("job_{number:03}_0001.json")), "{number}: {left:?}");
        }
        let all = std::fs::read_dir(&folder).unwrap().count();
        assert_eq!(all, 3 * RECORDS_MAX + 1, "logs go with their records, and the lock stays");
    }

    #[test]
    fn processes_are_told_apart() {
        let own = std::process::id();
        assert!(started(own).is_some());
        assert_eq!(started(own), started(own));
        assert_eq!(started(u32::MAX), None);
    }
}
