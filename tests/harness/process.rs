//! Running the command, and finding what it left running.

use super::Output;
use rustix::process::Pid;
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use std::ffi::OsString;
use std::fmt::Write as _;
use std::fs;
use std::io::Read as _;
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc;
use std::time::Duration;

/// After this long a run counts as hung. Far above what any test takes on a slow machine.
pub(super) const HUNG_AFTER: Duration = Duration::from_secs(240);

/// One run of mr-stream, not yet started.
pub(crate) struct MrCommand {
    args: Vec<String>,
    /// The job folder with `job` and `tmp` inside.
    root: PathBuf,
    environment: Vec<(OsString, OsString)>,
    /// Shell commands to run first, in the process that becomes mr-stream.
    prelude: String,
}

impl MrCommand {
    pub(super) fn new<S: AsRef<str>>(root: &Path, args: &[S]) -> Self {
        let mut environment = vec![("TMPDIR".into(), root.join("tmp").into())];
        environment.extend(std::env::var_os("PATH").map(|path| ("PATH".into(), path)));
        let args = args.iter().map(|arg| arg.as_ref().to_owned()).collect();
        Self { args, root: root.to_path_buf(), environment, prelude: String::new() }
    }

    /// Shell commands such as `ulimit` that set up the process before it becomes mr-stream.
    pub(crate) fn after(mut self, prelude: &str) -> Self {
        prelude.clone_into(&mut self.prelude);
        self
    }

    /// Sets a variable of its environment.
    pub(crate) fn with(mut self, name: &str, value: impl Into<OsString>) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Runs to the end: until the process is gone and nobody holds its output open any more.
    #[track_caller]
    pub(crate) fn run(self) -> Output {
        self.start().finish()
    }

    /// Runs to the end with a terminal as standard output and standard error. What the terminal got is in `stdout`.
    #[track_caller]
    pub(crate) fn run_at_terminal(self) -> Output {
        let master = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY | OpenptFlags::CLOEXEC).unwrap();
        grantpt(&master).unwrap();
        unlockpt(&master).unwrap();
        let name = ptsname(&master, Vec::new()).unwrap().into_string().unwrap();
        let slave = fs::File::options().read(true).write(true).open(name).unwrap();
        let child = self.command().stdout(slave.try_clone().unwrap()).stderr(slave).spawn().unwrap();
        self.running(child, move |mut child| {
            let mut stdout = Vec::new();
            // The read fails when no process has the terminal open any more.
            drop(fs::File::from(master).read_to_end(&mut stdout));
            Ok(std::process::Output { status: child.wait()?, stdout, stderr: Vec::new() })
        })
        .finish()
    }

    /// Starts it, in a process group of its own.
    #[track_caller]
    pub(crate) fn start(self) -> Running {
        let child = self.command().stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        self.running(child, Child::wait_with_output)
    }

    fn running(
        self,
        child: Child,
        wait: impl FnOnce(Child) -> std::io::Result<std::process::Output> + Send + 'static,
    ) -> Running {
        let (pid, shown) = (Pid::from_child(&child), self.shown());
        let (sender, ended) = mpsc::channel();
        std::thread::spawn(move || drop(sender.send(wait(child))));
        Running { pid, ended, shown, root: self.root }
    }

    fn command(&self) -> Command {
        let mut command = shell();
        command
            .args(["-c", &format!("{} exec \"$0\" \"$@\"", self.prelude)])
            .arg(env!("CARGO_BIN_EXE_mr-stream"))
            .args(&self.args)
            .current_dir(self.root.join("job"))
            .env_clear()
            .envs(self.environment.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::null())
            .process_group(0);
        command
    }

    /// The command as one could type it.
    fn shown(&self) -> String {
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_./=:,+@%".contains(c);
        let quoted = |arg: &String| {
            let is_plain = !arg.is_empty() && arg.chars().all(plain);
            if is_plain { arg.clone() } else { format!("'{}'", arg.replace('\'', r"'\''")) }
        };
        let words: Vec<_> = self.args.iter().map(quoted).collect();
        format!("cd {} && mr-stream {}", self.root.join("job").display(), words.join(" "))
    }
}

/// A shell in which HUP is not ignored, as it is below `nohup`: mr-stream would ignore it too.
fn shell() -> Command {
    let status = fs::read_to_string("/proc/self/status").unwrap_or_default();
    let ignored = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let is_ignored = ignored.is_some_and(|mask| u64::from_str_radix(mask.trim(), 16).unwrap_or(0) & 1 == 1);
    if !is_ignored {
        return Command::new("sh");
    }
    let mut command = Command::new("env");
    command.args(["--default-signal=HUP", "sh"]);
    command
}

/// A run of mr-stream.
pub(crate) struct Running {
    /// Its number, and that of its process group.
    pub(crate) pid: Pid,
    ended: mpsc::Receiver<std::io::Result<std::process::Output>>,
    shown: String,
    root: PathBuf,
}

impl Running {
    /// Waits until the process has stopped (SIGSTOP) or ended.
    pub(crate) fn wait_until_stopped(&self) {
        let stat = format!("/proc/{}/stat", self.pid.as_raw_nonzero());
        let rests = |stat: String| [") T ", ") t ", ") Z "].iter().any(|state| stat.contains(state));
        super::wait_until("it runs", || fs::read_to_string(&stat).map_or(true, rests));
    }

    /// Lets a process that has stopped go on.
    pub(crate) fn go_on(&self) {
        // One that has ended is no error.
        rustix::process::kill_process(self.pid, rustix::process::Signal::CONT).ok();
    }

    /// Waits until the process is gone and nobody holds its output open any more.
    #[track_caller]
    pub(crate) fn finish(self) -> Output {
        let Self { pid, ended, shown, root } = self;
        let Ok(ended) = ended.recv_timeout(HUNG_AFTER) else {
            let _ = rustix::process::kill_process_group(pid, rustix::process::Signal::KILL);
            panic!("hung, or left a process with its output open\n$ {shown}\n{:?}", left_running(&root));
        };
        let ended = ended.unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        let mut stderr = text(&ended.stderr);
        if let Some(signal) = ended.status.signal() {
            let _ = write!(stderr, "\n(ended by signal {signal})");
        }
        Output { code: ended.status.code(), stdout: text(&ended.stdout), stderr, shown }
    }
}

/// Command lines of processes that belong to the job folder: its name stands in their environment, or
/// they run inside it. A process that is just being reaped or killed gets some looks' time to go.
pub(crate) fn left_running(root: &Path) -> Vec<String> {
    let mut found = look_for(root);
    for _ in 0..200 {
        if found.is_empty() {
            break;
        }
        std::thread::park_timeout(super::LOOK_EVERY);
        found = look_for(root);
    }
    found
}

/// One look at the process table, where there is one to look at.
fn look_for(root: &Path) -> Vec<String> {
    let shown = |number: i32| {
        let command = fs::read(format!("/proc/{number}/cmdline")).unwrap_or_default();
        format!("{number}: {}", String::from_utf8_lossy(&command).replace('\0', " "))
    };
    processes_of(root).into_iter().map(shown).collect()
}

/// The processes that belong to the job folder.
pub(crate) fn processes_of(root: &Path) -> Vec<i32> {
    let name = root.as_os_str().as_encoded_bytes();
    let mut found = Vec::new();
    for process in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let path = process.path();
        let in_environment =
            fs::read(path.join("environ")).is_ok_and(|text| memchr::memmem::find(&text, name).is_some());
        if in_environment || fs::read_link(path.join("cwd")).is_ok_and(|folder| folder.starts_with(root)) {
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            found.extend(name.parse::<i32>().ok());
        }
    }
    found
}
