//! `mr-stream sample`, and jobs that sample for themselves: finding the cut points of a total order.
//!
//! What a sample is and which cut points follow from it is said below, in
//! [`shuffle::sample`](crate::shuffle::sample) and
//! [`engine::sampler`](crate::engine::sampler); here it is asked for and told.

use super::commands::Lines;
use super::guard::Guarded;
use super::jobs::JobClaim;
use super::voice::{say, say_lines};
use super::watcher::failure_text;
use super::{configure, exit, refuse_setup, signals};
use crate::conf::{HostFacts, JobConf, StreamOptions};
use crate::engine::sampler::{CutPoints, SampleError, Sampler, sampled_conf};
use crate::error;
use crate::job::SetupError;
use crate::output::existing;
use crate::plan::{KeyOrderSpec, PartitionerSpec};
use crate::planner::{self, partition_file};
use crate::shuffle::sample::{SampleMethod, SampleSpec};
use clap::builder::{PossibleValuesParser, RangedU64ValueParser};
use clap::{Arg, ArgMatches, Command, value_parser};
use std::path::{Path, PathBuf};

/// The share of keys that the interval method takes unless told. Hadoop's default (`InputSampler.run`).
const INTERVAL_FREQUENCY: f64 = 0.1;

/// The options of the sample command that take a value, as typed.
pub(super) const VALUE_OPTIONS: [&str; 7] =
    ["-o", "--to", "--method", "--records", "--splits", "--frequency", "--seed"];

/// The sample command; `job` takes the words of the job.
pub(super) fn definition(name: &'static str, job: Arg) -> Command {
    let number = |name: &'static str| Arg::new(name).long(name).value_name("N");
    Command::new(name)
        .about("Write the partition file of TotalOrderPartitioner from a sample of keys")
        .arg(
            Arg::new("output")
                .short('o')
                .long("to")
                .value_name("FILE")
                .value_parser(value_parser!(PathBuf))
                .help("Into this file instead of mapreduce.totalorderpartitioner.path; it is replaced"),
        )
        .arg(
            Arg::new("method")
                .long("method")
                .value_parser(PossibleValuesParser::new(["random", "split", "interval"]))
                .default_value("random")
                .help("Keys at random, the first ones of each split, or every so manieth"),
        )
        .arg(
            number("records")
                .value_parser(RangedU64ValueParser::<usize>::new().range(1..=i32::MAX as u64))
                .help("Keys to take at most [default: 10000]; not with interval"),
        )
        .arg(
            number("splits")
                .value_parser(value_parser!(usize))
                .help("Splits to run the mapper over, 0 for all [default: 10]"),
        )
        .arg(
            Arg::new("frequency")
                .long("frequency")
                .value_name("SHARE")
                .value_parser(share)
                .help("Share of the keys to take, up to 1 [default: 1, interval 0.1]"),
        )
        .arg(number("seed").value_parser(value_parser!(u64)).help("Of the random method [default: 0]"))
        .arg(job)
}

fn share(given: &str) -> Result<f64, String> {
    match given.parse() {
        Ok(share) if share > 0.0 && share <= 1.0 => Ok(share),
        _ => Err("expected a number above 0, up to 1".to_owned()),
    }
}

fn spec(given: &ArgMatches) -> SampleSpec {
    let method = match given.get_one::<String>("method").map(String::as_str) {
        Some("split") => SampleMethod::Split,
        Some("interval") => SampleMethod::Interval,
        _ => SampleMethod::Random,
    };
    let default = SampleSpec::DEFAULT;
    let frequency = if method == SampleMethod::Interval { INTERVAL_FREQUENCY } else { default.frequency };
    SampleSpec {
        method,
        keys_max: given.get_one("records").copied().unwrap_or(default.keys_max),
        splits_max: given.get_one("splits").copied().unwrap_or(default.splits_max),
        frequency: given.get_one("frequency").copied().unwrap_or(frequency),
        seed: given.get_one("seed").copied().unwrap_or(default.seed),
    }
}

/// Runs the command for the job of `options`.
pub(super) fn run(given: &ArgMatches, options: &StreamOptions, host: &HostFacts) -> u8 {
    let conf = match configure(options, host) {
        Ok(conf) => conf,
        Err(code) => return code,
    };
    if conf.reduces < 2 {
        say("mr-stream sample: one reduce task needs no cut points; give the job -numReduceTasks 2 or more");
        return exit::USAGE;
    }
    let given_path = given.get_one::<PathBuf>("output").map(|path| host.current_dir.join(path));
    let Some(path) = given_path.or_else(|| partition_file::path(&conf)) else {
        say("mr-stream sample: give -o FILE, or give the job -partitioner \
             org.apache.hadoop.mapred.lib.TotalOrderPartitioner and -D mapreduce.totalorderpartitioner.path=FILE");
        return exit::USAGE;
    };
    let found = match find_cuts(&conf, spec(given), &path, host) {
        Ok(found) => found,
        Err(code) => return code,
    };
    match partition_file::write(&path, &conf.shuffle.key_kind, &found.cuts) {
        Ok(()) => {
            say(&told(&found, &format!("written to {}", path.display())));
            exit::OK
        }
        Err(error) => {
            say(&format!("mr-stream: {}", error::chain(&error)));
            exit::JOB_FAILED
        }
    }
}

/// Gives a job the cut points that it is to find by itself, if it is and they are not there.
pub(super) fn sample_if_wanted(conf: JobConf, host: &HostFacts) -> Result<JobConf, u8> {
    let wanted = conf.total_order.as_ref().is_some_and(|file| file.sampled_if_missing);
    match partition_file::path(&conf) {
        Some(path) if wanted && !path.exists() => {
            if let Some(cuts) = existing::run_to_continue(&conf.output).and_then(|begun| begun.cuts) {
                return Ok(JobConf { cuts: Some(cuts), ..conf });
            }
            let found = find_cuts(&conf, SampleSpec::DEFAULT, &path, host)?;
            say(&told(&found, "for this job alone"));
            Ok(JobConf { cuts: Some(found.cuts), ..conf })
        }
        _ => Ok(conf),
    }
}

fn told(found: &CutPoints, what_becomes: &str) -> String {
    let CutPoints { cuts, keys, tasks } = found;
    format!("{} cut points from {keys} keys of {tasks} map tasks, {what_becomes}", cuts.len())
}

/// Samples the job, which reads its cut points from `path`, and tells what goes wrong.
fn find_cuts(conf: &JobConf, spec: SampleSpec, path: &Path, host: &HostFacts) -> Result<CutPoints, u8> {
    let by_bytes = matches!(conf.shuffle.partitioner, PartitionerSpec::TotalOrder { by_bytes: true, .. });
    if by_bytes && conf.shuffle.order != KeyOrderSpec::Natural {
        say("WARN TotalOrderPartitioner searches cut points by bytes, but the job sorts in another order: \
             set mapreduce.totalorderpartitioner.naturalorder=false");
    }
    let claim = JobClaim::new(host);
    let plan = planner::plan_job(&sampled_conf(conf, Some(path)), host, claim.id.clone())
        .map_err(|error| refuse_setup(&SetupError::from(error)))?;
    let (guarded, stop) = Guarded::start_and_watch();
    let sampler = Sampler { launch: host.launch(), stop, children: guarded.children.clone() };
    let found = sampler.run(&plan, spec, &Lines);
    // A signal ends the job too that samples for itself, whatever came of the sample.
    let stopped = signals::release().map(|signal| SampleError::Stopped { signal });
    guarded.dismiss();
    let found = stopped.map_or(found, Err);
    found.map_err(|error| match error {
        SampleError::Task(error) => {
            say_lines(failure_text(&plan, &error).trim_end());
            say("No cut points were found: the mapper failed on a sampled split");
            exit::JOB_FAILED
        }
        error => {
            say(&format!("mr-stream: {}", error::chain(&error)));
            match error {
                SampleError::Stopped { signal } => exit::SIGNAL_BASE + signal as u8,
                _ => exit::JOB_FAILED,
            }
        }
    })
}
