//! Called by Hadoop's names: `hadoop`, `hdfs`, `mapred` and `yarn`, by scripts that run this program or links to it.
//!
//! What course scripts and programs such as mrjob call of a Hadoop installation works here: streaming jobs, the
//! version, the class path. What is not built in is named in the message. Hadoop: the scripts in its `bin` folder.

mod absent;
mod admin;
mod fs;
mod fsck;
pub(super) mod install;
mod mapred;
mod typed_bytes;
mod yarn;

use super::args::{self, Parsed};
use super::{background, exit, print, refuse, run_job, say_notes, usage, voice};
use crate::conf::HostFacts;
use crate::dfs::{Addresses, Scheme};
use crate::error;
use std::ffi::{OsStr, OsString};
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

/// The Hadoop whose behaviour is the measure here.
pub(super) const HADOOP_VERSION: &str = "3.4.2";

/// The first word by which a script says that it is one of Hadoop's commands; its path follows.
pub(super) const CALLED_AS: &str = "called-as";

/// The default file system by these names.
const DEFAULT_FS: &str = "hdfs:///";

/// The main class of Hadoop Streaming, which may stand behind its jar.
const MAIN_CLASS: &str = "org.apache.hadoop.streaming.HadoopStreaming";

/// One of Hadoop's commands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    Hadoop,
    Hdfs,
    Mapred,
    Yarn,
}

impl Name {
    pub(super) const ALL: [Self; 4] = [Self::Hadoop, Self::Hdfs, Self::Mapred, Self::Yarn];

    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Hadoop => "hadoop",
            Self::Hdfs => "hdfs",
            Self::Mapred => "mapred",
            Self::Yarn => "yarn",
        }
    }

    /// What the command understands here, for its usage.
    fn commands(self) -> &'static [&'static str] {
        match self {
            Self::Hadoop => &[
                "fs <verb> [args]",
                "jar <jar> [streaming options]",
                "jar <streaming jar> dumptb <path>|loadtb <path>",
                "streaming [streaming options]",
                "checknative [-a]",
                "version",
                "classpath [--glob]",
            ],
            Self::Hdfs => &[
                "dfs <verb> [args]",
                "getconf -namenodes|-confKey <key>",
                "dfsadmin -report|-safemode get",
                "fsck <path>",
                "version",
                "classpath [--glob]",
            ],
            Self::Mapred => &[
                "streaming [streaming options]",
                "job -list|-status|-kill|-counter|-history|-events|-logs",
                "queue -list",
                "version",
                "classpath [--glob]",
            ],
            Self::Yarn => &[
                "jar <jar> [streaming options]",
                "application -list|-status|-kill",
                "node -list",
                "logs -applicationId <id>",
                "version",
                "classpath [--glob]",
            ],
        }
    }
}

/// The name by which the program was called, if it is one of Hadoop's.
pub(super) fn called_as(program: &OsStr) -> Option<Name> {
    let name = Path::new(program).file_name()?;
    Name::ALL.into_iter().find(|known| name == known.word())
}

/// Takes the words off by which a script says what it was called, and returns its path.
pub(super) fn take_name(argv: &mut Vec<OsString>) -> Option<OsString> {
    if argv.len() < 2 || argv[0] != CALLED_AS {
        return None;
    }
    argv.drain(..2).nth(1)
}

/// The command of Hadoop's that one of `hadoop`'s older words belongs to. Hadoop: `bin/hadoop`.
fn successor(command: &str) -> Option<Name> {
    match command {
        "dfs" | "dfsadmin" | "fsck" | "balancer" | "namenode" | "secondarynamenode" | "datanode"
        | "fetchdt" | "oiv" | "dfsgroups" | "portmap" | "nfs3" => Some(Name::Hdfs),
        "job" | "queue" | "pipes" | "mrgroups" => Some(Name::Mapred),
        _ => None,
    }
}

/// Runs what is asked of one of Hadoop's commands; `argv` begins behind its name.
pub(super) fn run(name: Name, program: &OsStr, argv: Vec<OsString>, host: HostFacts) -> u8 {
    if argv.iter().any(|word| word == "--daemon") {
        return print(&absent::no_daemon(name.word()));
    }
    let mut words = without_launcher_options(argv);
    let logs_dir = logs_dir(program, &host);
    let host = HostFacts { default_fs: DEFAULT_FS, logs_dir, ..host };
    if words.is_empty() {
        voice::put_lines(usage_of(name).trim_end());
        return exit::USAGE;
    }
    let command = words.remove(0);
    let mut command = command.to_str().unwrap_or_default();
    let mut name = name;
    if let Some(better) = successor(command).filter(|_| name == Name::Hadoop) {
        voice::put(&format!("WARNING: Use of this script to execute {command} is deprecated."));
        command = match command {
            "dfsgroups" | "mrgroups" => "groups",
            other => other,
        };
        name = better;
        voice::put_lines(&format!(
            "WARNING: Attempting to execute replacement \"{} {command}\" instead.\n",
            name.word()
        ));
    }
    match (name, command) {
        (Name::Hadoop | Name::Yarn, "jar") => jar(words, &host),
        (Name::Hadoop | Name::Hdfs, "fs" | "dfs") => fs::run(words, &host),
        // Hadoop has it behind mapred alone.
        (Name::Mapred | Name::Hadoop, "streaming") => job(words, &host),
        (Name::Mapred, "job") => mapred::job(&lossy(&words), &host),
        (Name::Mapred, "queue") => mapred::queue(&lossy(&words), &host),
        (Name::Yarn, "node") => yarn::nodes(&lossy(&words)),
        (Name::Hdfs, "fsck") => fsck::run(&lossy(&words), &host),
        (Name::Yarn, "application" | "app") => yarn::application(&lossy(&words), &host),
        (Name::Yarn, "logs") => yarn::logs(&lossy(&words), &host),
        (Name::Hdfs, "getconf") => admin::getconf(&lossy(&words), &host),
        (Name::Hdfs, "dfsadmin") => admin::dfsadmin(&lossy(&words), &host),
        (Name::Hadoop, "checknative") => admin::checknative(&lossy(&words)),
        (_, "version" | "-version" | "--version") => print(&version()),
        (_, "classpath") => {
            let as_glob = words.first().is_some_and(|word| word == "--glob");
            print(&format!("{}\n", classpath(program, &host, as_glob)))
        }
        (_, "help" | "-help" | "--help" | "-h") => print(&usage_of(name)),
        (name, other) => absent::tell(name, other).unwrap_or_else(|| {
            voice::put(&format!("ERROR: {other} is not built in here."));
            voice::put_lines(usage_of(name).trim_end());
            exit::USAGE
        }),
    }
}

/// Where logs of tasks are kept: where `HADOOP_LOG_DIR` says, in the folder that was laid out for us, or else with the
/// user's other state.
fn logs_dir(program: &OsStr, host: &HostFacts) -> Option<PathBuf> {
    let variable =
        host.environment.iter().find(|(name, value)| name == "HADOOP_LOG_DIR" && !value.is_empty());
    let named = variable.map(|(_, folder)| host.current_dir.join(folder));
    let laid_out = || install::prefix_of(program, host).map(|prefix| prefix.join("logs"));
    let may_write = |folder: &PathBuf| {
        let above = folder.ancestors().find(|part| part.is_dir()).unwrap_or(folder);
        rustix::fs::access(above, rustix::fs::Access::WRITE_OK).is_ok()
    };
    named.or_else(laid_out).filter(may_write).or_else(|| Some(host.state_dir.as_ref()?.join("logs")))
}

/// The words behind the options of the launcher itself, which say how Java is to be started. Hadoop:
/// `hadoop_parse_args` in `hadoop-functions.sh`.
fn without_launcher_options(argv: Vec<OsString>) -> Vec<OsString> {
    let mut words = argv.into_iter().peekable();
    while let Some(word) = words.peek().and_then(|word| word.to_str()) {
        match word {
            "--config" | "--loglevel" | "--hosts" | "--hostnames" => drop((words.next(), words.next())),
            "--debug" | "--workers" | "--buildpaths" => drop(words.next()),
            _ => break,
        }
    }
    words.collect()
}

fn usage_of(name: Name) -> String {
    let word = name.word();
    let mut text = format!("Usage: {word} COMMAND [ARGS]\n\nBuilt in here, without Hadoop:\n");
    for command in name.commands() {
        writeln!(text, "  {word} {command}").expect("a string takes everything");
    }
    text
}

/// Hadoop: `VersionInfo`. Programs read the number in the first line.
fn version() -> String {
    format!("Hadoop {HADOOP_VERSION}\nThis is {}", usage::version())
}

/// A class path for whoever asks, with names in the place of `*` if wanted; nothing is ever loaded from it.
fn classpath(program: &OsStr, host: &HostFacts, as_glob: bool) -> String {
    let prefix = install::prefix_of(program, host).unwrap_or_else(|| "/opt/hadoop".into());
    let below = |name: &str| prefix.join(name).display().to_string();
    let jars = if as_glob {
        install::jar_in(&prefix).display().to_string()
    } else {
        below("share/hadoop/tools/lib/*")
    };
    [below("etc/hadoop"), jars].join(":")
}

fn lossy(words: &[OsString]) -> Vec<String> {
    words.iter().map(|word| word.to_string_lossy().into_owned()).collect()
}

/// `hadoop jar`. Of all jars streaming's can be run here, and need not exist. Hadoop: `RunJar`.
fn jar(mut words: Vec<OsString>, host: &HostFacts) -> u8 {
    if words.is_empty() {
        voice::put("RunJar jarFile [mainClass] args...");
        return exit::HADOOP_ERROR;
    }
    let jar = PathBuf::from(words.remove(0));
    if words.first().is_some_and(|word| word == MAIN_CLASS) {
        words.remove(0);
    }
    if words.first().is_some_and(|word| word.eq_ignore_ascii_case("streamjob")) {
        words.remove(0);
    }
    let is_streaming = |name: &OsStr| name.to_string_lossy().to_lowercase().contains("streaming");
    let named = jar.file_name().is_some_and(is_streaming);
    if let Some(tool) = words.first().filter(|_| named).map(|word| word.to_string_lossy().to_lowercase()) {
        let tool: Option<Tool> = match tool.as_str() {
            "dumptb" => Some(typed_bytes::dump),
            "loadtb" => Some(typed_bytes::load),
            _ => None,
        };
        if let Some(tool) = tool {
            words.remove(0);
            return with_verdict(tool(words, host));
        }
    }
    // Whatever the jar, what follows are options of streaming.
    let meant = words.first().is_some_and(|word| word.to_string_lossy().starts_with('-'));
    if named || meant {
        return job(words, host);
    }
    if host.current_dir.join(&jar).is_file() {
        voice::put(&format!(
            "Not a valid JAR: {}: only Hadoop Streaming is built in here, no Java class can be run",
            jar.display()
        ));
    } else {
        let shown = host.current_dir.join(&jar);
        voice::put(&format!("JAR does not exist or is not a normal file: {}", shown.display()));
    }
    exit::HADOOP_ERROR
}

/// One of the tools of streaming's jar: takes the words behind its name and answers its exit code.
type Tool = fn(Vec<OsString>, &HostFacts) -> u8;

/// Says when a tool has failed. Hadoop: `HadoopStreaming.main`.
fn with_verdict(code: u8) -> u8 {
    if code != exit::OK {
        voice::put("Streaming Command Failed!");
    }
    code
}

/// A streaming job. Hadoop: `HadoopStreaming.main`.
fn job(words: Vec<OsString>, host: &HostFacts) -> u8 {
    voice::be_hadoops();
    let code = match args::parse(words) {
        // It says itself what is wrong.
        Ok(Parsed::Job { options, .. }) if background::is_to_start(options.background) => {
            return background::start();
        }
        Ok(Parsed::Help) => print(&usage::help()),
        Ok(Parsed::Info) => print(&usage::info()),
        Ok(Parsed::Version) => print(&version()),
        // Other notes tell of other ways to write the command, and this is the way that a cluster takes or refuses.
        Ok(Parsed::Job { options, order, .. }) => {
            say_notes(&options, &[], order);
            run_job(&options, host)
        }
        Err(error) => refuse(&error),
    };
    with_verdict(code)
}

/// Makes the folder that stands for HDFS as a cluster has it, before the first job writes there.
pub(super) fn prepare_hdfs(root: &Path, host: &HostFacts) {
    let addresses = Addresses {
        root: root.to_path_buf(),
        user: host.job_user(),
        working_dir: host.current_dir.clone(),
        default: Scheme::Hdfs,
    };
    if let Err(error) = addresses.prepare() {
        voice::say(&format!("WARN {}", error::chain(&error)));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hadoops_names_are_shims() {
        let check = |program: &str, expect: Option<Name>| {
            assert_eq!(called_as(OsStr::new(program)), expect, "{program}");
        };
        check("hadoop", Some(Name::Hadoop));
        check("/opt/x/bin/hdfs", Some(Name::Hdfs));
        check("../mapred", Some(Name::Mapred));
        check("bin/yarn", Some(Name::Yarn));
        check("/usr/bin/mr-stream", None);
        check("hadoop-x", None);
        check("", None);
    }

    #[test]
    fn options_of_the_launcher_are_passed_over() {
        let check = |line: &str, expect: &str| {
            let words = line.split_whitespace().map(OsString::from).collect();
            let left = without_launcher_options(words);
            assert_eq!(left, expect.split_whitespace().map(OsString::from).collect::<Vec<_>>(), "{line}");
        };
        check("--config /etc --loglevel WARN fs -ls", "fs -ls");
        check("--debug jar a.jar --config x", "jar a.jar --config x");
        check("--config", "");
        check("version", "version");
    }
}
