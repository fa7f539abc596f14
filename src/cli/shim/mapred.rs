//! `mapred job`: the runs on this machine in the words of Hadoop's client. Hadoop:
//! `org.apache.hadoop.mapreduce.tools.CLI`.
//!
//! Its messages go to standard output, and what went wrong is answered by -1, but for a name that is none.

use crate::cli::jobs::{self, EndError};
use crate::cli::{exit, print, task_logs, voice};
use crate::conf::HostFacts;
use crate::report::record::{RunRecord, RunState};
use std::fmt::Write as _;

/// What can be asked, each with the words behind it.
const USAGES: [(&str, &str); 6] = [
    ("-status", " <job-id>"),
    ("-counter", " <job-id> <group-name> <counter-name>"),
    ("-kill", " <job-id>"),
    ("-history", " [all] <jobHistoryFile|jobId>"),
    ("-list", " [all]"),
    ("-logs", " <job-id>"),
];

/// Runs `mapred job WORDS`; returns the exit code.
pub(super) fn job(words: &[String], host: &HostFacts) -> u8 {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["-list"] => list(host, false),
        ["-list", "all"] => list(host, true),
        ["-status", id] => with(host, id, |record| print(&record.status())),
        ["-counter", id, group, name] => {
            with(host, id, |record| print(&format!("{}\n", record.counter(group, name))))
        }
        ["-kill", id] => with(host, id, kill),
        ["-history", id] | ["-history", "all", id] => with(host, id, |record| print(&record.show())),
        ["-logs", id] => with(host, id, |_| task_logs::show(host, &id.replacen("job", "application", 1))),
        ref words => usage(words.first().copied().unwrap_or_default()),
    }
}

fn with(host: &HostFacts, id: &str, act: impl FnOnce(&RunRecord) -> u8) -> u8 {
    if !is_job_id(id) {
        voice::put(&format!(
            "Exception in thread \"main\" java.lang.IllegalArgumentException: JobId string : {id} is not properly formed"
        ));
        return exit::JOB_FAILED;
    }
    match jobs::find(host, id) {
        Some(record) => act(&record),
        None => refuse(&format!("Could not find job {id}\n")),
    }
}

/// Hadoop: `JobID.forName`.
fn is_job_id(text: &str) -> bool {
    let parts: Vec<&str> = text.split('_').collect();
    matches!(parts[..], ["job", _, number] if number.parse::<i32>().is_ok())
}

fn refuse(text: &str) -> u8 {
    print(text);
    exit::HADOOP_ERROR
}

fn kill(record: &RunRecord) -> u8 {
    let id = &record.id;
    match (record.state, jobs::end(record)) {
        (_, Ok(())) => print(&format!("Killed job {id}\n")),
        (RunState::Failed, _) => {
            refuse(&format!("Could not mark the job {id} as killed, as it has already failed.\n"))
        }
        (RunState::Succeeded, _) => {
            refuse(&format!("Could not kill the job {id}, as it has already succeeded.\n"))
        }
        (RunState::Running, Err(EndError::Refused(error))) => {
            refuse(&format!("Could not kill the job {id}, process {}: {error}\n", record.process.0))
        }
        (_, Err(_)) => refuse(&format!("The job {id} has already been killed.\n")),
    }
}

fn list(host: &HostFacts, with_ended: bool) -> u8 {
    let mut records = jobs::all(host);
    records.retain(|record| with_ended || record.state == RunState::Running);
    let mut text = format!("Total jobs:{}\n{}", records.len(), RunRecord::list_head());
    text.extend(records.iter().map(RunRecord::list_line));
    print(&text)
}

fn usage(command: &str) -> u8 {
    if let Some((name, words)) = USAGES.iter().find(|(name, _)| *name == command) {
        voice::put(&format!("Usage: job [{name}{words}]"));
    } else {
        let mut text = String::from("Usage: job <command> <args>");
        for (name, words) in USAGES {
            write!(text, "\n\t[{name}{words}]").expect("a string takes everything");
        }
        voice::put_lines(&text);
    }
    exit::HADOOP_ERROR
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_jobs_are_checked() {
        let check = |text: &str, expect: bool| assert_eq!(is_job_id(text), expect, "{text}");
        check("job_1795280740494_0001", true);
        check("job_local1_0001", true);
        check("job_1", false);
        check("job_1_x", false);
        check("application_1_0001", false);
        check("job_1_1_1", false);
    }
}
