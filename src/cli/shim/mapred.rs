//! `mapred job`: the runs on this machine in the words of Hadoop's client. Hadoop:
//! `org.apache.hadoop.mapreduce.tools.CLI`.
//!
//! Its messages go to standard output, and what went wrong is answered by -1, but for a name that is none.

use crate::cli::jobs::{self, EndError};
use crate::cli::{exit, print, task_logs, voice};
use crate::conf::HostFacts;
use crate::error::{self, At};
use crate::ids::TaskKind;
use crate::report::history;
use crate::report::record::{RunRecord, RunState};
use std::fmt::Write as _;

/// What can be asked, each with the words behind it.
const USAGES: [(&str, &str); 10] = [
    ("-status", " <job-id>"),
    ("-counter", " <job-id> <group-name> <counter-name>"),
    ("-kill", " <job-id>"),
    ("-events", " <job-id> <from-event-#> <#-of-events>"),
    ("-history", " [all] <jobHistoryFile|jobId> [-outfile <file>] [-format <human|json>]"),
    ("-list", " [all]"),
    ("-list-active-trackers", ""),
    ("-list-blacklisted-trackers", ""),
    ("-list-attempt-ids", " <job-id> <task-type> <task-state>"),
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
        ["-history", "all", ref rest @ ..] if !rest.is_empty() => view_history(host, rest, true),
        ["-history", ref rest @ ..] if !rest.is_empty() => view_history(host, rest, false),
        ["-events", id, from, count] => with(host, id, |record| list_events(record, from, count)),
        ["-list-active-trackers"] => print("tracker_localhost\n"),
        ["-list-blacklisted-trackers"] => exit::OK,
        ["-list-attempt-ids", id, kind, state] => {
            with(host, id, |record| print(&attempt_ids(record, kind, state)))
        }
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

/// `-history`: the words behind it say which run, where to, and in which format. Hadoop: `HistoryViewer`.
fn view_history(host: &HostFacts, words: &[&str], with_all: bool) -> u8 {
    let (id, mut rest) = (words[0], &words[1..]);
    let mut value_of = |option: &str| match rest {
        [name, value, more @ ..] if *name == option => {
            rest = more;
            Some(*value)
        }
        _ => None,
    };
    let (file, format) = (value_of("-outfile"), value_of("-format").unwrap_or("human"));
    if !rest.is_empty() {
        return usage("-history");
    }
    let is_json = format.eq_ignore_ascii_case("json");
    if !is_json && !format.eq_ignore_ascii_case("human") {
        voice::put(&format!("Invalid format specified: {format}"));
        voice::put(
            "Exception in thread \"main\" java.lang.IllegalArgumentException: Unable to initialize History Viewer",
        );
        return exit::JOB_FAILED;
    }
    // A history file begins with the name of its job.
    let name = id.rsplit('/').next().filter(|name| name.split('.').next_back() == Some("jhist"));
    let id = name.and_then(|name| name.split('-').next()).unwrap_or(id);
    with(host, id, |record| {
        if record.state == RunState::Running {
            return refuse(&format!("History file for job {id} is currently unavailable.\n"));
        }
        let text = if is_json { history::json(record, with_all) } else { history::human(record, with_all) };
        let Some(file) = file.map(|file| host.current_dir.join(file)) else { return print(&text) };
        match crate::fs::write(&file, text).at("write the history to", &file) {
            Ok(()) => exit::OK,
            Err(error) => {
                voice::put(&format!("job: {}", error::chain(&error)));
                exit::JOB_FAILED
            }
        }
    })
}

fn list_events(record: &RunRecord, from: &str, count: &str) -> u8 {
    let (Ok(from), Ok(count)) = (from.parse::<usize>(), count.parse::<usize>()) else {
        return usage("-events");
    };
    let events = history::events(record);
    let shown: Vec<_> = events.iter().skip(from).take(count).collect();
    let mut text = format!(
        "Task completion events for {}\nNumber of events (from {from}) are: {}\n",
        record.id,
        shown.len()
    );
    for (state, attempt) in shown {
        writeln!(text, "{state} {attempt} N/A").expect("a string takes everything");
    }
    print(&text)
}

/// The attempts of tasks of a kind in a state. Those that are done are known.
fn attempt_ids(record: &RunRecord, kind: &str, state: &str) -> String {
    let kind = match kind.to_ascii_lowercase().as_str() {
        "map" => TaskKind::Map,
        "reduce" => TaskKind::Reduce,
        _ => return String::new(),
    };
    let done = if state == "completed" { history::successes(record, kind) } else { Vec::new() };
    done.into_iter().map(|attempt| attempt + "\n").collect()
}

/// `mapred queue WORDS`: the one queue. Hadoop: `JobQueueClient`.
pub(super) fn queue(words: &[String], host: &HostFacts) -> u8 {
    let info = |name: &str| {
        let rule = "=".repeat(22);
        format!(
            "{rule}\nQueue Name : {name} \nQueue State : running \nScheduling Info : Capacity: 100.0, MaximumCapacity: \
             100.0, CurrentCapacity: 0.0 \n"
        )
    };
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["-list"] | ["-info", "default"] => print(&info("default")),
        ["-info", "default", "-showJobs"] => match print(&info("default")) {
            exit::OK => list(host, false),
            code => code,
        },
        ["-info", name] => print(&format!(
            "Queue \"{name}\" does not exist: there is the queue default, in which all jobs run.\n"
        )),
        ["-showacls"] => print(&format!(
            "Queue acls for user :  {}\n\nQueue  Operations\n=====================\ndefault  \
             ADMINISTER_QUEUE,SUBMIT_APPLICATIONS\n",
            host.job_user()
        )),
        _ => {
            voice::put_lines(
                "Usage: queue <command> <args>\n\t[-list]\n\t[-info <job-queue-name> [-showJobs]]\n\t[-showacls]",
            );
            exit::HADOOP_ERROR
        }
    }
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
