//! `yarn application` and `yarn logs`: the runs on this machine as a cluster's applications. Hadoop: `ApplicationCLI`,
//! `LogsCLI`.

use crate::cli::{exit, jobs, print, task_logs, voice};
use crate::conf::HostFacts;
use crate::printable::{one_line, printable};
use crate::report::record::{RunRecord, RunState};

/// States of an application that can be asked for, in Hadoop's order. Hadoop: `YarnApplicationState`.
const STATES: [&str; 8] =
    ["NEW", "NEW_SAVING", "SUBMITTED", "ACCEPTED", "RUNNING", "FINISHED", "FAILED", "KILLED"];
/// Those that are listed unless others are asked for.
const STATES_AT_WORK: [&str; 3] = ["SUBMITTED", "ACCEPTED", "RUNNING"];

/// Runs `yarn application WORDS`; returns the exit code.
pub(super) fn application(words: &[String], host: &HostFacts) -> u8 {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["-list"] => list(host, &STATES_AT_WORK),
        ["-list", "-appStates", states] | ["-appStates", states, "-list"] => list_states(host, states),
        ["-status", id] => match find(host, id) {
            Some(record) => print(&report(&record)),
            None => unknown(id, "RM or Timeline Server"),
        },
        ["-kill", id] => kill(host, id),
        _ => {
            voice::put_lines(
                "Invalid Command Usage : \nusage: application\n -kill <Application ID>\n -list [-appStates <States>]\n \
                 -status <Application ID>",
            );
            exit::HADOOP_ERROR
        }
    }
}

/// The run that is the application of this name.
fn find(host: &HostFacts, id: &str) -> Option<RunRecord> {
    let number = id.strip_prefix("application_")?;
    jobs::find(host, &format!("job_{number}"))
}

fn unknown(id: &str, place: &str) -> u8 {
    print(&format!("Application with id '{id}' doesn't exist in {place}.\n"));
    exit::HADOOP_ERROR
}

fn kill(host: &HostFacts, id: &str) -> u8 {
    let Some(record) = find(host, id) else { return unknown(id, "RM") };
    match jobs::end(&record) {
        Ok(()) => print(&format!("Killing application {id}\n")),
        Err(jobs::EndError::Over) => print(&format!("Application {id} has already finished \n")),
        Err(jobs::EndError::Refused(error)) => {
            print(&format!("Cannot kill application {id}, process {}: {error}\n", record.process.0));
            exit::HADOOP_ERROR
        }
    }
}

fn list_states(host: &HostFacts, states: &str) -> u8 {
    let mut wanted = Vec::new();
    for state in states.split(',').map(str::trim).filter(|state| !state.is_empty()) {
        match STATES.iter().find(|known| known.eq_ignore_ascii_case(state)) {
            Some(known) => wanted.push(*known),
            None if state.eq_ignore_ascii_case("ALL") => return list(host, &STATES),
            None => {
                print(&format!(
                    "The application state {state} is invalid.\nThe valid application state can be one of the \
                     following: ALL,{}\n",
                    STATES.join(",")
                ));
                return exit::HADOOP_ERROR;
            }
        }
    }
    wanted.sort_by_key(|state| STATES.iter().position(|known| known == state));
    list(host, &wanted)
}

fn list(host: &HostFacts, states: &[&str]) -> u8 {
    let mut records = jobs::all(host);
    records.retain(|record| states.contains(&state(record)));
    let mut text = format!(
        "Total number of applications (application-types: [], states: [{}] and tags: []):{}\n",
        states.join(", "),
        records.len()
    );
    text.push_str(&line([
        "Application-Id",
        "Application-Name",
        "Application-Type",
        "User",
        "Queue",
        "State",
        "Final-State",
        "Progress",
        "Tracking-URL",
    ]));
    for record in &records {
        let (id, progress) = (application_id(record), progress(record));
        let (name, user, log) = (one_line(&record.name), &record.user, place_of_log(record));
        let (state, end) = (state(record), final_state(record));
        text.push_str(&line([&id, &name, "MAPREDUCE", user, &record.queue, state, end, &progress, log]));
    }
    print(&text)
}

fn line(fields: [&str; 9]) -> String {
    let [id, name, kind, user, queue, state, end, progress, url] = fields;
    format!(
        "{id:>30}\t{name:>20}\t{kind:>20}\t{user:>10}\t{queue:>10}\t{state:>18}\t{end:>18}\t{progress:>15}\t{url:>35}\n"
    )
}

fn report(record: &RunRecord) -> String {
    let diagnostics = printable(record.failure.as_deref().unwrap_or_default().trim_end().as_bytes());
    format!(
        "Application Report : \n\tApplication-Id : {}\n\tApplication-Name : {}\n\tApplication-Type : MAPREDUCE\n\tUser : \
         {}\n\tQueue : {}\n\tStart-Time : {}\n\tFinish-Time : {}\n\tProgress : {}\n\tState : {}\n\tFinal-State : \
         {}\n\tTracking-URL : {}\n\tDiagnostics : {diagnostics}\n",
        application_id(record),
        one_line(&record.name),
        record.user,
        record.queue,
        record.begun_ms,
        record.ended_ms.unwrap_or(0),
        progress(record),
        state(record),
        final_state(record),
        place_of_log(record)
    )
}

fn application_id(record: &RunRecord) -> String {
    record.id.replacen("job", "application", 1)
}

fn state(record: &RunRecord) -> &'static str {
    match record.state {
        RunState::Running => "RUNNING",
        RunState::Succeeded | RunState::Failed => "FINISHED",
        RunState::Killed => "KILLED",
    }
}

fn final_state(record: &RunRecord) -> &'static str {
    if record.state == RunState::Running { "UNDEFINED" } else { record.state.word() }
}

/// Hadoop's masters give both phases nearly the same weight.
fn progress(record: &RunRecord) -> String {
    let [map, reduce] = record.completion();
    let share = if record.reduces == 0 { map } else { f32::midpoint(map, reduce) };
    format!("{:.0}%", share * 100.0)
}

fn place_of_log(record: &RunRecord) -> &str {
    record.log.as_deref().or(record.logs.as_deref()).unwrap_or("N/A")
}

/// Runs `yarn node WORDS`; returns the exit code. Hadoop: `NodeCLI`.
pub(super) fn nodes(words: &[String]) -> u8 {
    if !words.iter().any(|word| word == "-list") {
        voice::put_lines("Invalid Command Usage : \nusage: node\n -list   List all running nodes.");
        return exit::HADOOP_ERROR;
    }
    let row = |node: &str, state: &str, address: &str, count: &str| {
        format!("{node:>16}\t{state:>15}\t{address:>17}\t{count:>28}\n")
    };
    print(&format!(
        "Total Nodes:1\n{}{}",
        row("Node-Id", "Node-State", "Node-Http-Address", "Number-of-Running-Containers"),
        row("localhost:0", "RUNNING", "N/A", "0")
    ))
}

/// Runs `yarn logs WORDS`; returns the exit code.
pub(super) fn logs(words: &[String], host: &HostFacts) -> u8 {
    let at = words.iter().position(|word| word == "-applicationId");
    let Some(id) = at.and_then(|at| words.get(at + 1)) else {
        voice::put_lines(
            "Both applicationId and containerId are missing,  one of them must be specified.\nRetrieve logs for YARN \
             applications.\nusage: yarn logs -applicationId <application ID> [OPTIONS]",
        );
        return exit::HADOOP_ERROR;
    };
    task_logs::show(host, id)
}
