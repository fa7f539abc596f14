//! Commands of our own, behind a first word without a dash. Their options have two dashes, so clap reads
//! them.

use super::args::{self, Parsed};
use super::guard::Guarded;
use super::voice::{self, say, say_lines};
use super::watcher::failure_text;
use super::{exit, jobs, plan_job, print, refuse, sampling, say_notes, shim, summary};
use crate::codec::Codec;
use crate::conf::keys::{self, Support};
use crate::conf::{HostFacts, StreamOptions, known_classes};
use crate::error::{self, At};
use crate::fs::{OpenOptions, Permissions};
use crate::hint;
use crate::ids::{AttemptId, TaskId};
use crate::plan::{JobPlan, wire};
use crate::printable::one_line;
use crate::task::TaskEvents;
use crate::task::remote::RemoteTask;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use std::borrow::Cow;
use std::ffi::{OsStr, OsString};
use std::fmt::Write;
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

const CLASSES: &str = "classes";
const JOBS: &str = "jobs";
const INSTALL: &str = "install-commands";
const PLAN: &str = "plan";
const PROPERTIES: &str = "properties";
const SAMPLE: &str = "sample";
const TASK: &str = "task";

/// Whether the first word of the command line is one of ours.
pub(super) fn is_command(word: &OsStr) -> bool {
    [CLASSES, INSTALL, JOBS, PLAN, PROPERTIES, SAMPLE, TASK].iter().any(|name| word == *name)
}

/// The command that a misspelt one is most like.
pub(super) fn nearest(word: &str) -> Option<&'static str> {
    hint::nearest(word, [CLASSES, INSTALL, JOBS, PLAN, PROPERTIES, SAMPLE, "help", "version"])
}

/// A line for each command: name and meaning, for the help.
pub(super) fn list() -> Vec<(String, String)> {
    let definition = definition();
    let shown = definition.get_subcommands().filter(|command| !command.is_hide_set());
    shown
        .map(|command| {
            let about = command.get_about().map(ToString::to_string).unwrap_or_default();
            (command.get_name().to_owned(), about)
        })
        .collect()
}

fn definition() -> Command {
    let file = |name: &'static str| Arg::new(name).value_parser(value_parser!(PathBuf));
    Command::new("mr-stream")
        .disable_help_subcommand(true)
        .subcommand(
            Command::new(PLAN)
                .about("Write the plan of a job instead of running it")
                .arg(json("As JSON, for people"))
                .arg(file("output").short('o').long("to").help("Into this file instead of standard output"))
                .arg(job_words()),
        )
        .subcommand(sampling::definition(SAMPLE, job_words()))
        .subcommand(Command::new(PROPERTIES).about("List the properties that mr-stream knows"))
        .subcommand(
            Command::new(INSTALL)
                .about("Write the commands hadoop, hdfs, mapred and yarn into PREFIX/bin")
                .arg(file("prefix").value_name("PREFIX").required(true)),
        )
        .subcommand(
            Command::new(JOBS)
                .about("List the jobs of this machine, newest first, or do something with one")
                .args_conflicts_with_subcommands(true)
                .arg(
                    Arg::new("count")
                        .short('n')
                        .value_name("N")
                        .default_value("20")
                        .value_parser(value_parser!(usize))
                        .help("Jobs to list, 0 for all"),
                )
                .arg(json("As JSON, all that is known of each"))
                .subcommand(
                    Command::new("show")
                        .about("All that is known of a job")
                        .arg(json("As JSON"))
                        .arg(job_id()),
                )
                .subcommand(
                    Command::new("wait")
                        .about("Wait until a job is over; answer its exit code")
                        .arg(job_id()),
                )
                .subcommand(Command::new("kill").about("End a job in order").arg(job_id())),
        )
        .subcommand(Command::new(CLASSES).about("List the Java classes that options and properties can name"))
        .subcommand(
            Command::new(TASK)
                .hide(true)
                .about("Run one attempt of a plan in this process")
                .arg(file("plan").long("plan").required(true))
                .arg(file("work").long("work").required(true))
                .subcommand_required(true)
                .subcommand(Command::new("map").arg(task_number()))
                .subcommand(Command::new("reduce").arg(task_number()))
                .subcommand(Command::new("commit")),
        )
}

fn job_words() -> Arg {
    Arg::new("job")
        .num_args(0..)
        .trailing_var_arg(true)
        .allow_hyphen_values(true)
        .value_parser(value_parser!(OsString))
        .help("The job, as without this command")
}

fn json(help: &'static str) -> Arg {
    Arg::new("json").long("json").action(ArgAction::SetTrue).help(help)
}

fn job_id() -> Arg {
    Arg::new("id").value_name("ID").required(true).help("The id of a job, or last for the newest one")
}

fn task_number() -> Arg {
    Arg::new("number").required(true).value_parser(value_parser!(u32))
}

/// Runs the command; `argv` begins with its name.
pub(super) fn run(argv: &[OsString], host: &HostFacts) -> u8 {
    let words = std::iter::once(OsString::from("mr-stream")).chain(pull_out(argv));
    let matches = match definition().try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) if error.use_stderr() => {
            say_lines(clap_text(&error, argv).trim_end());
            return exit::USAGE;
        }
        Err(error) => return print(&error.to_string()),
    };
    match matches.subcommand() {
        Some((PLAN, given)) => match job_options(PLAN, given) {
            Ok(options) => plan(given, &options, host),
            Err(code) => code,
        },
        Some((SAMPLE, given)) => match job_options(SAMPLE, given) {
            Ok(options) => sampling::run(given, &options, host),
            Err(code) => code,
        },
        Some((TASK, given)) => task(given, host),
        Some((CLASSES, _)) => print(&classes()),
        Some((INSTALL, given)) => install(given, host),
        Some((JOBS, given)) => list_jobs(given, host),
        _ => print(&properties()),
    }
}

/// What clap says of arguments that are wrong. The arguments in it are made one line each.
fn clap_text(error: &clap::Error, argv: &[OsString]) -> String {
    argv.iter().fold(error.to_string(), |text, word| {
        let word = word.to_string_lossy();
        match one_line(&word) {
            Cow::Owned(shown) => text.replace(&*word, &shown),
            Cow::Borrowed(_) => text,
        }
    })
}

/// Moves the options of a command that takes a job before the job's words, where clap looks for them.
fn pull_out(argv: &[OsString]) -> Vec<OsString> {
    let with_value: &[&str] = match argv.first() {
        Some(name) if name == PLAN => &["-o", "--to"],
        Some(name) if name == SAMPLE => &sampling::VALUE_OPTIONS,
        _ => return argv.to_vec(),
    };
    let (mut ours, mut job) = (vec![argv[0].clone()], Vec::new());
    let mut words = argv[1..].iter();
    while let Some(word) = words.next() {
        let text = word.to_string_lossy();
        let (name, joined) = text.split_once('=').map_or((&*text, false), |(name, _)| (name, true));
        if word == "--json" || word == "--help" || (joined && name != "-o" && with_value.contains(&name)) {
            ours.push(word.clone());
        } else if with_value.contains(&&*text) {
            ours.push(word.clone());
            ours.extend(words.next().cloned());
        } else {
            job.push(word.clone());
        }
    }
    ours.push("--".into());
    ours.append(&mut job);
    ours
}

fn list_jobs(given: &ArgMatches, host: &HostFacts) -> u8 {
    let id = |given: &ArgMatches| given.get_one::<String>("id").expect("required").clone();
    match given.subcommand() {
        Some(("show", given)) => jobs::show(host, &id(given), given.get_flag("json")),
        Some(("wait", given)) => jobs::wait(host, &id(given)),
        Some(("kill", given)) => jobs::kill(host, &id(given)),
        _ => {
            let count = *given.get_one::<usize>("count").expect("it has a default");
            jobs::list(host, count, given.get_flag("json"))
        }
    }
}

fn install(given: &ArgMatches, host: &HostFacts) -> u8 {
    let prefix = given.get_one::<PathBuf>("prefix").expect("required");
    let program = match std::env::current_exe() {
        Ok(program) => program,
        Err(error) => {
            say(&format!("mr-stream: cannot find this program's file: {error}"));
            return exit::USAGE;
        }
    };
    match shim::install::install(&host.current_dir.join(prefix), &program) {
        Ok(lines) => print(&lines),
        Err(error) => report(Err(error)),
    }
}

/// The options of the job that a command was given.
fn job_options(command: &str, given: &ArgMatches) -> Result<StreamOptions, u8> {
    let words = given.get_many::<OsString>("job").unwrap_or_default().cloned().collect();
    match args::parse(words) {
        Ok(Parsed::Job { options, notes, order }) => {
            say_notes(&options, &notes, order);
            Ok(*options)
        }
        Ok(_) => {
            say(&format!("mr-stream {command}: give it the options of a job"));
            Err(exit::USAGE)
        }
        Err(error) => Err(refuse(&error)),
    }
}

fn plan(given: &ArgMatches, options: &StreamOptions, host: &HostFacts) -> u8 {
    let plan = match plan_job(options, host) {
        Ok(job) => job.plan,
        Err(code) => return code,
    };
    let document = if given.get_flag("json") {
        let mut text = wire::to_json(&plan).into_bytes();
        text.push(b'\n');
        text
    } else {
        wire::to_bytes(&plan)
    };
    report(match given.get_one::<PathBuf>("output") {
        Some(path) => write_private(path, &document).at("write the plan to", path),
        None if !given.get_flag("json") && voice::stdout_is_terminal() => {
            say(
                "mr-stream plan: a plan is binary and not for a terminal: give -o FILE to keep it, or --json to read it",
            );
            return exit::USAGE;
        }
        None => std::io::Write::write_all(&mut voice::stdout(), &document)
            .at("write to", Path::new("standard output")),
    })
}

/// Writes a file that only its owner may read: properties may hold what is secret.
fn write_private(path: &Path, bytes: &[u8]) -> std::io::Result<()> {
    const OWNER: u32 = 0o600;
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(OWNER).open(path)?;
    // A pipe or a device is not ours to change.
    if file.metadata()?.is_file() {
        file.set_permissions(Permissions::from_mode(OWNER))?;
    }
    std::io::Write::write_all(&mut file, bytes)
}

fn report<E: std::error::Error>(outcome: Result<(), E>) -> u8 {
    match outcome {
        Ok(()) => exit::OK,
        Err(error) => {
            say(&format!("mr-stream: {}", error::chain(&error)));
            exit::JOB_FAILED
        }
    }
}

fn task(given: &ArgMatches, host: &HostFacts) -> u8 {
    let path = |name: &str| given.get_one::<PathBuf>(name).expect("required");
    let plan: JobPlan = match read_plan(path("plan")) {
        Ok(plan) => plan,
        Err(code) => return code,
    };
    let guarded = Guarded::start();
    let children = &guarded.children;
    let remote = RemoteTask { plan: &plan, work_dir: path("work"), launch: &host.launch(), children };
    let code = remote_task(&remote, given);
    guarded.dismiss();
    code
}

fn remote_task(remote: &RemoteTask<'_>, given: &ArgMatches) -> u8 {
    let plan = remote.plan;
    let (kind, given) = given.subcommand().expect("required");
    if kind == "commit" {
        return match remote.commit() {
            Ok(counters) => print(&summary::counters_json(&counters)),
            Err(error) => report(Err(error)),
        };
    }
    let number = *given.get_one::<u32>("number").expect("required");
    let (task, tasks) = match kind {
        "map" => (TaskId::map(number), plan.maps.len() as u32),
        _ => (TaskId::reduce(number), plan.reduces),
    };
    if number >= tasks {
        say(&format!("mr-stream task: the plan has {tasks} {kind} tasks, there is no number {number}"));
        return exit::USAGE;
    }
    match remote.run(task, &Lines) {
        Ok(()) => exit::OK,
        Err(error) => {
            say_lines(failure_text(plan, &error).trim_end());
            exit::JOB_FAILED
        }
    }
}

/// Most bytes of a plan that is read: 1 GiB.
const PLAN_BYTES_MAX: u64 = /* 1 GiB */ 1_024 * 1_024 * 1_024;

fn read_plan(path: &Path) -> Result<JobPlan, u8> {
    let bytes = crate::local_fs::read_small(path, PLAN_BYTES_MAX);
    let bytes = bytes.at("read plan", path).map_err(|error| report(Err(error)))?;
    wire::from_bytes(&bytes).map_err(|error| {
        say(&format!("mr-stream: cannot read plan {}: {}", path.display(), error::chain(&error)));
        exit::JOB_FAILED
    })
}

/// Passes on what a child of this process says.
pub(super) struct Lines;

impl TaskEvents for Lines {
    fn stderr_line(&self, _: AttemptId, line: &[u8]) {
        voice::child_line(line);
    }

    fn status(&self, attempt: AttemptId, text: &str) {
        say(&format!("{attempt}: {text}"));
    }

    fn warning(&self, attempt: AttemptId, text: &str) {
        say(&format!("WARN {attempt}: {text}"));
    }
}

/// The table of properties, a line each: name, support, default, older names, meaning, with tabs between.
fn properties() -> String {
    let mut text = String::from("property\tsupport\tdefault\tolder names\tmeaning\n");
    for property in keys::properties() {
        let support = match property.support {
            Support::Honoured => "honoured",
            Support::NoEffect => "no effect",
            Support::Refused => "refused",
        };
        let default =
            property.default.value().map_or_else(|| "-".into(), |value| value.escape_default().to_string());
        let older = if property.deprecated.is_empty() { "-".into() } else { property.deprecated.join(",") };
        writeln!(text, "{}\t{support}\t{default}\t{older}\t{}", property.name, property.doc)
            .expect("a string takes everything");
    }
    text
}

/// The table of Java classes, a line each: place, support, name, with tabs between.
fn classes() -> String {
    let mut text = String::from("place\tsupport\tclass\n");
    let mut line = |place: &str, built_in: bool, name: &str| {
        let support = if built_in { "built in" } else { "refused" };
        writeln!(text, "{place}\t{support}\t{name}").expect("a string takes everything");
    };
    for class in known_classes() {
        line(class.place, class.built_in, class.name);
    }
    for name in Codec::classes() {
        line("codec", true, name);
    }
    text
}
