//! The command line: the only room that reads the environment and prints.
//!
//! `mr-stream OPTIONS` runs a job with Hadoop Streaming's own options ([`args`]). A first word without a
//! dash is a command of ours ([`commands`]): `plan`, `sample`, `properties`, `classes`, and `task`, which engines call.
//! Called by one of Hadoop's names the program is a [`shim`].

mod arenas;
pub mod args;
mod background;
mod commands;
pub mod exit;
pub mod generic_options;
mod guard;
mod host;
mod inherited;
mod jobs;
mod sampling;
mod shim;
mod signals;
mod task_logs;
pub mod usage;
mod voice;
mod watcher;

use crate::conf::{ConfError, HostFacts, JobConf, StreamOptions};
use crate::counters::Counters;
use crate::engine::JobError;
use crate::engine::local::LocalEngine;
use crate::error::{self, At};
use crate::fs::File;
use crate::hint::{self, Facts, Stage};
use crate::job::{Job, SetupError};
use crate::local_fs;
use crate::output::committer::CommitError;
use crate::plan::{Existing, OutputFormat, OutputSpec, StreamSplits};
use crate::planner::PlanError;
use crate::report::history::History;
use crate::report::{EndState, OutputState, advice, summary};
use crate::task::TaskFailure;
use args::{ArgsError, Parsed};
use guard::Guarded;
use jobs::JobClaim;
use std::ffi::{OsStr, OsString};
use std::path::Path;
use voice::{print, print_bytes, say, say_lines};
use watcher::{Left, Watcher, lacking_text};

/// Runs the program with its name and the words behind it; returns the exit code.
pub fn main(words: Vec<OsString>) -> u8 {
    let mut words = words.into_iter();
    let mut program = words.next().unwrap_or_default();
    let mut argv: Vec<OsString> = words.collect();
    let script = shim::take_name(&mut argv);
    let is_script = script.is_some();
    program = script.unwrap_or(program);
    let shim = shim::called_as(&program);
    if argv.first().is_some_and(|word| guard::is_wanted(word)) {
        return guard::run();
    }
    arenas::limit(&program, &argv);
    #[cfg(debug_assertions)]
    let _faults = match host::arm_faults() {
        Ok(faults) => faults,
        Err(wrong) => {
            say(&format!("mr-stream: no such fault: {wrong}"));
            return exit::USAGE;
        }
    };
    if shim.is_none() {
        local_fs::raise_open_files();
    }
    let mut host = match host::facts() {
        Ok(host) => host,
        Err(error) => {
            say(&format!("mr-stream: cannot find the current folder: {error}"));
            return exit::USAGE;
        }
    };
    inherited::undo();
    if is_script {
        host.command_line.splice(..3, [program.to_string_lossy().into_owned()]);
    }
    signals::let_large_writes_fail();
    background::begin_if_wanted(&mut argv, &mut host);
    if let Some(name) = shim {
        return shim::run(name, &program, argv, host);
    }
    if argv.first().is_some_and(|word| commands::is_command(word)) {
        return commands::run(&argv, &host);
    }
    if let Some(code) = help_by_other_names(&argv, &host) {
        return code;
    }
    let first = argv.first().cloned();
    match args::parse(argv) {
        Ok(Parsed::Help) => print(&usage::help()),
        Ok(Parsed::Info) => print(&usage::info()),
        Ok(Parsed::Version) => print(&usage::version()),
        Ok(Parsed::Job { options, .. }) if background::is_to_start(options.background) => background::start(),
        Ok(Parsed::Job { options, notes, order }) => {
            say_notes(&options, &notes, order);
            run_job(&options, &host)
        }
        Err(error) => refuse_command(first.as_deref()).unwrap_or_else(|| refuse(&error)),
    }
}

/// Help and version under the names that they have in other programs.
fn help_by_other_names(argv: &[OsString], host: &HostFacts) -> Option<u8> {
    match (argv.first()?.to_str()?, argv.get(1)) {
        ("help", Some(command)) if commands::is_command(command) => {
            Some(commands::run(&[command.clone(), "--help".into()], host))
        }
        ("-h" | "help", _) => Some(print(&usage::help())),
        ("-V" | "version", _) => Some(print(&usage::version())),
        _ => None,
    }
}

/// Refuses a command that is misspelt; `None` if no command is like it.
fn refuse_command(first: Option<&OsStr>) -> Option<u8> {
    let word = first?.to_str().filter(|word| !word.starts_with('-'))?;
    let near = commands::nearest(word)?;
    say(&format!("mr-stream: there is no command {word}: did you mean {near}?"));
    say("Try -help for more information");
    Some(exit::USAGE)
}

/// Tells what is odd about a command line. The order that a cluster wants matters to those who write for one.
fn say_notes(options: &StreamOptions, notes: &[String], order: Option<String>) {
    let order = order.filter(|_| options.verbose || voice::is_hadoops());
    order.iter().chain(notes).for_each(|note| say(note));
}

fn refuse(error: &ArgsError) -> u8 {
    say(&format!("mr-stream: {}", error::chain(error)));
    say("Try -help for more information");
    exit::USAGE
}

/// Configures a job, telling what is odd about it.
fn configure(options: &StreamOptions, host: &HostFacts) -> Result<JobConf, u8> {
    let (conf, warnings) =
        Job::configure(options, host).map_err(|error| refuse_setup(&SetupError::from(error)))?;
    for warning in warnings {
        say(&format!("WARN {warning}"));
    }
    Ok(conf)
}

/// Configures and plans a job that runs elsewhere.
fn plan_job(options: &StreamOptions, host: &HostFacts) -> Result<Job, u8> {
    Ok(plan_configured(configure(options, host)?, host)?.0)
}

/// Plans a job. Its id stays taken for as long as the claim lives, or for good once it has a record.
fn plan_configured(conf: JobConf, host: &HostFacts) -> Result<(Job, JobClaim), u8> {
    let conf = sampling::sample_if_wanted(conf, host)?;
    let claim = JobClaim::new(host);
    let job =
        Job::plan(conf, host, claim.id.clone()).map_err(|error| refuse_setup(&SetupError::from(error)))?;
    if !job.changed_variables.is_empty() {
        say(&format!(
            "WARN -resume: not as in the run that began this output: {}; if the programs use them, start again with \
             -overwrite",
            job.changed_variables.join(", ")
        ));
    }
    Ok((job, claim))
}

fn refuse_setup(error: &SetupError) -> u8 {
    let is_launch = matches!(error, SetupError::Plan(error) if error.is_launch_error());
    let doing = if voice::is_hadoops() && is_launch { "Error Launching job : " } else { "" };
    say(&format!("mr-stream: {doing}{}{}", error::chain(error), setup_hint(error)));
    match error {
        SetupError::Conf(ConfError::InvalidJob { .. }) => exit::INVALID_JOB,
        SetupError::Conf(_) => exit::CONFIGURATION,
        SetupError::Plan(PlanError::Cache { by_option: false, .. }) => exit::MISSING_FILE,
        SetupError::Plan(error) if error.is_launch_error() => exit::NOT_STARTED,
        SetupError::Plan(_) => exit::JOB_FAILED,
    }
}

/// What mends a refusal. Programs that drive Hadoop get its own words alone.
fn setup_hint(error: &SetupError) -> String {
    let SetupError::Plan(PlanError::Output(CommitError::Exists { shown })) = error else {
        return String::new();
    };
    let output_is_finished = Path::new(shown).join("_SUCCESS").exists();
    let facts = Facts { output: Some(shown), output_is_finished, ..Facts::NONE };
    let hint = hint::first(Stage::Refusal, &facts).filter(|_| !voice::is_hadoops());
    hint.map(|hint| format!(": {hint}")).unwrap_or_default()
}

fn run_job(options: &StreamOptions, host: &HostFacts) -> u8 {
    let conf = match configure(options, host) {
        Ok(conf) => conf,
        Err(code) => return code,
    };
    if voice::is_hadoops() {
        shim::prepare_hdfs(&conf.hdfs_root, host);
    }
    let output = conf.output.clone();
    match plan_configured(conf, host) {
        Ok((job, claim)) => run_planned(&job, claim, host),
        Err(code) => {
            say_state(&output, output_before(&output), false, false);
            code
        }
    }
}

/// What stands in the place of the output of a job that did not start.
fn output_before(output: &OutputSpec) -> OutputState {
    let is_there = output.dir.symlink_metadata().is_ok();
    if is_there { OutputState::AsBefore } else { OutputState::Absent }
}

/// The last line of a job.
fn say_state(spec: &OutputSpec, output: OutputState, started: bool, kept: bool) {
    // Hadoop's client says nothing more when all went well.
    if voice::is_hadoops() && output == OutputState::Finished {
        return;
    }
    say(&EndState { shown: &spec.shown, output, started, kept }.render());
}

fn run_planned(job: &Job, claim: JobClaim, host: &HostFacts) -> u8 {
    if let Err(limit) = host::check_limits() {
        say(&format!("mr-stream: {limit}"));
        say_state(&job.plan.output, output_before(&job.plan.output), false, false);
        return exit::NOT_STARTED;
    }
    let in_background = job.conf.background;
    let (guarded, stop) = Guarded::start_and_watch();
    let (run, log) = match begin_record(job, claim, host) {
        Ok((run, log)) => (Some(run), log),
        Err(error) if in_background => {
            guarded.dismiss();
            say(&format!("mr-stream: -background: {}", error::chain(&error)));
            say_state(&job.plan.output, output_before(&job.plan.output), false, false);
            return exit::NOT_STARTED;
        }
        Err(_) => (None, None),
    };
    let engine = LocalEngine {
        launch: host.launch(),
        stop,
        children: guarded.children.clone(),
        facts: job.facts.clone(),
    };
    let (verbose, filter) = (job.conf.verbose, job.conf.output_filter);
    let watcher = Watcher::new(&job.plan, verbose, filter, host.logs_dir.as_deref(), run, log);
    watcher.begin();
    if !job.conf.properties.is_set(StreamSplits::PROPERTY)
        && let Some(hint) =
            advice::on_idle_slots(&job.plan.maps, &job.plan.input, job.plan.resources.map_slots)
    {
        watcher.line(hint.as_bytes());
    }
    let ended = job.run(&engine, &watcher);
    let mut left = watcher.finish();
    guarded.dismiss();
    let run = left.run.take();
    let mut counters = ended.as_ref().ok().or(left.counters.as_ref()).cloned().unwrap_or_default();
    left.add_job_counters(&mut counters);
    let (exit_code, failure) = match &ended {
        Ok(of_tasks) => (finish(job, of_tasks, &counters, &left), None),
        Err(error) => {
            let exit_code = fail(job, error, left.counters.is_some().then_some(&counters), left.kept);
            (exit_code, left.failure.take().or_else(|| Some(error::chain(error))))
        }
    };
    if let Some(run) = run {
        let history = History::new(&counters, &left.reduces, &left.tasks);
        run.end(jobs::Ended { exit_code, counters, tasks: left.tasks, failure, history });
    }
    exit_code
}

/// Writes the record of a job, and opens the log of one in the background.
fn begin_record(
    job: &Job,
    claim: JobClaim,
    host: &HostFacts,
) -> Result<(jobs::Run, Option<File>), jobs::RecordError> {
    let queue = job.conf.properties.text_or("mapreduce.job.queuename", "default").unwrap_or_default();
    let mut run = jobs::Run::begin(claim, &job.plan, queue, host)?;
    let log = if job.conf.background { Some(run.open_log()?) } else { None };
    Ok((run, log))
}

/// `of_job` are the counters with those of the job itself, which Hadoop's client shows of a cluster's jobs.
fn finish(job: &Job, of_tasks: &Counters, of_job: &Counters, left: &Left) -> u8 {
    say(&format!("Job {} completed successfully", job.plan.job_id));
    let shown = if voice::is_hadoops() { of_job } else { of_tasks };
    say_lines(summary::counters_text(shown).trim_end());
    let code = match &job.conf.counters_json {
        Some(path) if path == Path::new("-") => print(&summary::counters_json(of_tasks)),
        Some(path) => write_counters(path, of_tasks),
        None => exit::OK,
    };
    say(&format!("Output directory: {}", job.plan.output.shown));
    if !left.lacking.is_empty() {
        say_lines(lacking_text(&job.plan, &left.lacking).trim_end());
    }
    say_state(&job.plan.output, OutputState::Finished, true, left.kept);
    code
}

fn write_counters(path: &Path, counters: &Counters) -> u8 {
    match crate::fs::write(path, summary::counters_json(counters)).at("write counters to", path) {
        Ok(()) => exit::OK,
        Err(error) => {
            // Half a document is worse than none. What is no file, a pipe or a device, is left alone.
            if path.is_file() {
                drop(crate::fs::remove_file(path));
            }
            say(&format!("mr-stream: the job succeeded, but: {}", error::chain(&error)));
            exit::JOB_FAILED
        }
    }
}

fn fail(job: &Job, error: &JobError, counters: Option<&Counters>, kept: bool) -> u8 {
    match error {
        // The watcher has told all about it.
        JobError::Task(_) => {}
        error => {
            let refused =
                advice::refused_by_disk(error, &job.plan.output.dir, &job.plan.resources.local_dirs);
            let facts = Facts { refused_by_disk: refused, ..Facts::NONE };
            let hint = hint::first(Stage::Failure, &facts).map_or(String::new(), |hint| format!("; {hint}"));
            say(&format!("mr-stream: {}{hint}", error::chain(error)));
        }
    }
    watcher::say_failed(&job.plan, error, counters);
    say("Job not successful!");
    say_state(&job.plan.output, output_after(job, error), true, kept);
    match error {
        JobError::Stopped { signal } => exit::SIGNAL_BASE + *signal as u8,
        // Hadoop unpacks before it starts the job.
        JobError::Archive(_) => exit::NOT_STARTED,
        JobError::Panic { .. } => exit::INTERNAL,
        JobError::Task(error) if matches!(error.failure, TaskFailure::Panic { .. }) => exit::INTERNAL,
        JobError::Commit(error) if error.is_refusal() => exit::NOT_STARTED,
        _ => exit::JOB_FAILED,
    }
}

/// What stands in the place of a failed job's output.
fn output_after(job: &Job, error: &JobError) -> OutputState {
    let spec = &job.plan.output;
    if spec.dir.symlink_metadata().is_err() {
        return OutputState::Absent;
    }
    match error {
        // Without an output format the folder is the user's.
        _ if spec.format == OutputFormat::Null => OutputState::AsBefore,
        JobError::Commit(error) if error.is_refusal() => OutputState::AsBefore,
        JobError::Stopped { .. } if spec.existing == Existing::Continue => OutputState::Unfinished,
        _ => OutputState::Remains,
    }
}
