//! Logs of tasks as a cluster keeps them: `userlogs/application_*/container_*/{stderr,syslog}`.
//!
//! `stderr` is what an attempt's child wrote there; `syslog` tells of a failure in the words that programs look for in
//! it. A link with the attempt's name leads to its container: mrjob looks for it by that name, as it has no job history
//! that would tell the container. An attempt that says nothing and does not fail leaves none. Logs are help, not output:
//! when they cannot be written, one warning says so and the job goes on.

use super::voice::{self, say};
use super::{exit, jobs, print, print_bytes};
use crate::clock;
use crate::conf::HostFacts;
use crate::error::{self, At, IoError};
use crate::fs::{File, OpenOptions};
use crate::ids::{AttemptId, JobId};
use crate::report::record;
use crate::sync::lock;
use std::collections::BTreeMap;
use std::io::Write;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::Mutex;

/// Most bytes of one attempt's standard error that are kept; what follows is cut off, with a line that says so.
const STDERR_BYTES_MAX: u64 = /* 10 MiB */ 10 << 20;

/// Jobs whose logs are kept. When a new job writes its first, those that were begun longest ago are removed, but for
/// those of jobs that run.
const JOBS_MAX: usize = 50;

/// Stands in each folder of ours, so that no other's is ever removed. Says which process writes there.
const MARK: &str = ".mr-stream";

/// The application that a job would be on a cluster. Hadoop: `ApplicationId`.
pub(super) fn application(job: &JobId) -> String {
    format!("application_{}_{:04}", job.stamp, job.number)
}

/// The logs of one job.
pub(super) struct TaskLogs {
    userlogs: PathBuf,
    job: JobId,
    containers: Mutex<Containers>,
}

#[derive(Default)]
struct Containers {
    /// What has been opened, in the order of the containers' numbers.
    open: BTreeMap<AttemptId, Container>,
    /// How many an earlier run of the job left.
    before: usize,
    /// Set when the logs cannot be written, and said.
    is_broken: bool,
}

struct Container {
    folder: PathBuf,
    stderr: File,
    stderr_bytes: u64,
}

impl TaskLogs {
    /// Logs of `job` below `logs`. Nothing is made yet.
    pub(super) fn new(logs: &Path, job: &JobId) -> Self {
        Self { userlogs: logs.join("userlogs"), job: job.clone(), containers: Mutex::default() }
    }

    /// Keeps a line of an attempt's standard error.
    pub(super) fn stderr_line(&self, attempt: AttemptId, line: &[u8]) {
        self.with(attempt, |container| {
            let before = container.stderr_bytes;
            container.stderr_bytes += line.len() as u64 + 1;
            if before > STDERR_BYTES_MAX {
                return Ok(());
            }
            let text = match container.stderr_bytes {
                0..=STDERR_BYTES_MAX => [line, b"\n"].concat(),
                _ => b"(cut off here by mr-stream)\n".to_vec(),
            };
            container.stderr.write_all(&text).at("write task log in", &container.folder)
        });
    }

    /// Tells of a failure: the split of a map task, what Hadoop would have called it, and the `facts` of our report.
    /// Hadoop: `MapTask`, `YarnChild`.
    pub(super) fn failed(&self, attempt: AttemptId, split: Option<&str>, exception: &str, facts: &str) {
        let stamp = clock::log_stamp();
        let split = split.map_or_else(String::new, |split| {
            format!("{stamp} INFO [main] org.apache.hadoop.mapred.MapTask: Processing split: {split}\n")
        });
        let text = format!(
            "{split}{stamp} WARN [main] org.apache.hadoop.mapred.YarnChild: Exception running child : {exception}\n\
             \tat org.apache.hadoop.streaming.PipeMapRed.waitOutputThreads(PipeMapRed.java:326)\n{facts}"
        );
        self.with(attempt, |container| {
            let path = container.folder.join("syslog");
            crate::fs::write(&path, text.as_bytes()).at("write task log", &path)
        });
    }

    fn with(&self, attempt: AttemptId, act: impl FnOnce(&mut Container) -> Result<(), IoError>) {
        let mut containers = lock(&self.containers);
        if containers.is_broken {
            return;
        }
        if let Err(error) = self.container(&mut containers, attempt).and_then(act) {
            containers.is_broken = true;
            say(&format!("WARN no more task logs are kept: {}", error::chain(&error)));
        }
    }

    fn container<'a>(
        &self,
        containers: &'a mut Containers,
        attempt: AttemptId,
    ) -> Result<&'a mut Container, IoError> {
        if containers.open.is_empty() {
            containers.before = self.open_application()?;
            remove_old(&self.userlogs);
        }
        // Number 1 is that of the job itself, on a cluster.
        let number = containers.before + containers.open.len() + 2;
        match containers.open.entry(attempt) {
            std::collections::btree_map::Entry::Occupied(open) => Ok(open.into_mut()),
            std::collections::btree_map::Entry::Vacant(place) => {
                Ok(place.insert(self.open_container(number, attempt)?))
            }
        }
    }

    /// Makes the job's folder; returns how many containers an earlier run of the job left there.
    fn open_application(&self) -> Result<usize, IoError> {
        let application = self.userlogs.join(application(&self.job));
        make_private(&application)?;
        let (mark, aside) = (application.join(MARK), application.join(MARK.to_owned() + ".new"));
        let owner = jobs::own_process().map(record::claim).unwrap_or_default();
        crate::fs::write(&aside, owner).at("write", &aside)?;
        crate::fs::rename(&aside, &mark).at("make", &mark)?;
        let entries = crate::fs::read_dir(&application).at("list", &application)?;
        let names = entries.filter_map(|entry| Some(entry.ok()?.file_name()));
        Ok(names.filter(|name| name.as_encoded_bytes().starts_with(b"container_")).count())
    }

    fn open_container(&self, number: usize, attempt: AttemptId) -> Result<Container, IoError> {
        let JobId { stamp, number: job } = &self.job;
        let application = self.userlogs.join(application(&self.job));
        let name = format!("container_{stamp}_{job:04}_01_{number:06}");
        let folder = application.join(&name);
        make_private(&folder)?;
        let link = application.join(attempt.in_job(&self.job));
        // A run that was continued may have begun the same attempt.
        crate::fs::remove_file(&link).ok();
        symlink(name, &link).at("make link", &link)?;
        let path = folder.join("stderr");
        let stderr =
            OpenOptions::new().write(true).create_new(true).open(&path).at("write task log", &path)?;
        Ok(Container { folder, stderr, stderr_bytes: 0 })
    }
}

/// What tasks print may be private.
fn make_private(folder: &Path) -> Result<(), IoError> {
    use std::os::unix::fs::DirBuilderExt;
    let mut private = crate::fs::DirBuilder::new();
    private.recursive(true).mode(0o700);
    private.create(folder).at("make folder", folder)
}

/// Removes the logs of the oldest jobs, by their names, so that few enough stay. Those of jobs that run stay too.
fn remove_old(userlogs: &Path) {
    let Ok(entries) = crate::fs::read_dir(userlogs) else { return };
    let paths = entries.filter_map(|entry| Some(entry.ok()?.path()));
    let mut ours: Vec<PathBuf> = paths.filter(|path| path.join(MARK).is_file()).collect();
    ours.sort();
    let too_many = ours.len().saturating_sub(JOBS_MAX);
    for old in ours.iter().filter(|folder| !jobs::is_owned(&folder.join(MARK))).take(too_many) {
        // Another job may be at it as well.
        crate::fs::remove_dir_all(old).ok();
    }
}

/// Shows the logs of an application; returns the exit code. Hadoop: `LogsCLI`.
pub(super) fn show(host: &HostFacts, application: &str) -> u8 {
    if !is_application(application) {
        voice::put("Invalid ApplicationId specified");
        return exit::HADOOP_ERROR;
    }
    if let Some(text) = host.logs_dir.as_deref().and_then(|logs| read(logs, application)) {
        return print_bytes(&text);
    }
    if jobs::find(host, &application.replacen("application", "job", 1)).is_some() {
        return print(&format!(
            "The tasks of {application} wrote nothing on standard error, and none failed.\n"
        ));
    }
    let owner = host.job_user();
    voice::put(&format!(
        "Can not find the logs for the application: {application} with the appOwner: {owner}"
    ));
    voice::put("It is too old, or not of this machine.");
    exit::HADOOP_ERROR
}

/// Hadoop: `ApplicationId.fromString`.
fn is_application(text: &str) -> bool {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let numbers = text.strip_prefix("application_").and_then(|rest| rest.split_once('_'));
    numbers.is_some_and(|(stamp, number)| is_number(stamp) && is_number(number))
}

/// The logs of an application, each with a head as `yarn logs` writes it. `None` if there are none.
fn read(logs: &Path, application: &str) -> Option<Vec<u8>> {
    let folder = Some(logs.join("userlogs").join(application)).filter(|_| is_application(application))?;
    let entries = crate::fs::read_dir(folder).ok()?;
    let mut containers: Vec<PathBuf> =
        entries.filter_map(|entry| Some(entry.ok()?.path())).filter(|path| !path.is_symlink()).collect();
    containers.sort();
    let mut text = Vec::new();
    for container in &containers {
        let name = container.file_name().unwrap_or_default().to_string_lossy();
        for kind in ["stderr", "syslog"] {
            let Ok(bytes) = crate::fs::read(container.join(kind)) else { continue };
            let rule = "=".repeat(80);
            let head = format!(
                "Container: {name} on localhost\n{rule}\nLogType:{kind}\nLogLength:{}\nLog Contents:\n",
                bytes.len()
            );
            text.extend_from_slice(head.as_bytes());
            text.extend_from_slice(&bytes);
            text.extend_from_slice(format!("\nEnd of LogType:{kind}\n\n").as_bytes());
        }
    }
    Some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::TaskId;

    fn job(stamp: &str) -> JobId {
        JobId { stamp: stamp.into(), number: 1 }
    }

    fn attempt(number: u32) -> AttemptId {
        AttemptId { task: TaskId::map(number), attempt: 0 }
    }

    #[test]
    fn each_attempt_has_a_container() {
        let logs = tempfile::tempdir().unwrap();
        let kept = TaskLogs::new(logs.path(), &job("7"));
        kept.stderr_line(attempt(3), b"one \xff");
        kept.stderr_line(attempt(1), b"other");
        kept.stderr_line(attempt(3), b"two");
        kept.failed(attempt(1), Some("/in:0+5"), "java.lang.RuntimeException: boom", "map task failed\n");
        kept.failed(attempt(3), None, "java.lang.RuntimeException: bang", "");
        let read =
            |name: &str| std::fs::read(logs.path().join("userlogs/application_7_0001").join(name)).unwrap();
        assert_eq!(read("container_7_0001_01_000002/stderr"), b"one \xff\ntwo\n");
        assert_eq!(read("container_7_0001_01_000003/stderr"), b"other\n");
        let syslog = String::from_utf8(read("container_7_0001_01_000003/syslog")).unwrap();
        for part in [
            ": Processing split: /in:0+5\n",
            "Exception running child : java.lang.RuntimeException: boom\n\tat ",
            ".java:326)\nmap task failed\n",
        ] {
            assert!(syslog.contains(part), "no {part}\n{syslog}");
        }
        assert_eq!(read("attempt_7_0001_m_000001_0/syslog"), syslog.as_bytes());
        assert!(!String::from_utf8(read("attempt_7_0001_m_000003_0/syslog")).unwrap().contains("split"));
        let shown = super::read(logs.path(), "application_7_0001").unwrap();
        assert!(shown.starts_with(b"Container: container_7_0001_01_000002 on localhost\n"));
        assert_eq!(String::from_utf8_lossy(&shown).matches("End of LogType:stderr").count(), 2);
        assert!(super::read(logs.path(), "application_8_0001").is_none());
        assert!(super::read(logs.path(), "application_../..").is_none());
    }

    #[test]
    fn a_run_that_continues_another_adds_to_its_logs() {
        let logs = tempfile::tempdir().unwrap();
        for text in ["one", "two"] {
            TaskLogs::new(logs.path(), &job("7")).stderr_line(attempt(3), text.as_bytes());
        }
        let read =
            |name: &str| std::fs::read(logs.path().join("userlogs/application_7_0001").join(name)).unwrap();
        assert_eq!(read("container_7_0001_01_000002/stderr"), b"one\n");
        assert_eq!(read("attempt_7_0001_m_000003_0/stderr"), b"two\n");
    }

    #[test]
    fn logs_are_bounded() {
        let logs = tempfile::tempdir().unwrap();
        let theirs = logs.path().join("userlogs/application_0_0001");
        std::fs::create_dir_all(&theirs).unwrap();
        let folder = |number: usize| logs.path().join(format!("userlogs/application_{number}_0001"));
        let own = jobs::own_process().unwrap();
        for number in 100..100 + JOBS_MAX + 3 {
            TaskLogs::new(logs.path(), &job(&number.to_string())).stderr_line(attempt(0), b"x");
            // All but the first one are those of a process that is gone.
            let owner = if number == 100 { own } else { (own.0, own.1 + 1) };
            std::fs::write(folder(number).join(MARK), record::claim(owner)).unwrap();
        }
        assert!(theirs.is_dir());
        assert!(folder(100).is_dir() && !folder(101).is_dir(), "logs of a job that runs stay");
        assert_eq!(std::fs::read_dir(logs.path().join("userlogs")).unwrap().count(), JOBS_MAX + 1);
        let kept = TaskLogs::new(logs.path(), &job("900"));
        let line = vec![b'x'; 4 << 20];
        (0..5).for_each(|_| kept.stderr_line(attempt(0), &line));
        let stderr = logs.path().join("userlogs/application_900_0001/container_900_0001_01_000002/stderr");
        assert!(std::fs::metadata(stderr).unwrap().len() < STDERR_BYTES_MAX);
    }
}
