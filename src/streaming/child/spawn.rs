//! Starting a process, and taking it off the system's list.
//!
//! There are two ways. `posix_spawn` takes the environment as lines that the job has ready: the standard
//! library's `Command` sorts and copies the 300 variables of a task three times for each child, a tenth of the
//! time of a job of very small tasks. But only `Command` can start a child in another folder, or look for the
//! program itself.

use crate::fault::{self, Op};
use crate::streaming::process_table;
use nix::spawn::{PosixSpawnAttr, PosixSpawnFileActions, PosixSpawnFlags, posix_spawn};
use nix::sys::signal::{SigSet, Signal};
use rustix::fs::{Mode, OFlags, fcntl_setfl, open};
use rustix::io::Errno;
use rustix::process::{Pid, WaitOptions, waitpid};
use std::borrow::Cow;
use std::ffi::{CStr, CString, OsStr, OsString};
use std::io::{self, PipeReader, PipeWriter};
use std::os::fd::AsRawFd;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::os::unix::process::{CommandExt, ExitStatusExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};

/// What to start.
#[derive(Clone, Debug)]
pub(crate) struct ChildCommand<'a> {
    /// The program, looked up already.
    pub(crate) program: PathBuf,
    /// Its arguments, without the program.
    pub(crate) args: Vec<OsString>,
    /// Its current folder, if that is not ours.
    pub(crate) dir: Option<&'a Path>,
    /// Its whole environment: `NAME=value`.
    pub(crate) environment: &'a [Cow<'a, CStr>],
}

/// A process that runs, and our ends of its pipes.
pub(super) struct Started {
    pub(super) id: i32,
    /// It does not block.
    pub(super) stdin: PipeWriter,
    pub(super) stdout: PipeReader,
    pub(super) stderr: PipeReader,
}

/// The child's ends of its pipes.
struct ChildEnds {
    stdin: PipeReader,
    stdout: PipeWriter,
    stderr: PipeWriter,
}

impl ChildCommand<'_> {
    /// Starts it in a process group of its own, with signals as a program expects to find them.
    pub(super) fn start(&self) -> io::Result<Started> {
        fault::point(Op::Spawn, &self.program)?;
        let (stdin, our_stdin) = io::pipe()?;
        // A flag of our end alone: the child's reads block as usual.
        fcntl_setfl(&our_stdin, OFlags::NONBLOCK)?;
        let (our_stdout, stdout) = io::pipe()?;
        let (our_stderr, stderr) = io::pipe()?;
        let ends = ChildEnds { stdin, stdout, stderr };
        let id = match self.dir {
            None if self.program.is_absolute() => self.spawn_here(&ends)?,
            _ => self.spawn_elsewhere(ends)?,
        };
        Ok(Started { id, stdin: our_stdin, stdout: our_stdout, stderr: our_stderr })
    }

    fn spawn_here(&self, ends: &ChildEnds) -> io::Result<i32> {
        let program = CString::new(self.program.as_os_str().as_bytes())?;
        let args = self.args.iter().map(|word| CString::new(word.as_bytes()));
        let words = std::iter::once(Ok(program.clone())).chain(args).collect::<Result<Vec<_>, _>>()?;
        let mut actions = PosixSpawnFileActions::init()?;
        for (end, number) in
            [(ends.stdin.as_raw_fd(), 0), (ends.stdout.as_raw_fd(), 1), (ends.stderr.as_raw_fd(), 2)]
        {
            actions.add_dup2(end, number)?;
        }
        let mut attributes = PosixSpawnAttr::init()?;
        attributes.set_pgroup(nix::unistd::Pid::from_raw(0))?;
        // Rust ignores it for itself; `yes | head` must end in a child.
        attributes.set_sigdefault(&SigSet::from_iter([Signal::SIGPIPE]))?;
        attributes.set_sigmask(&SigSet::empty())?;
        attributes.set_flags(
            PosixSpawnFlags::POSIX_SPAWN_SETPGROUP
                | PosixSpawnFlags::POSIX_SPAWN_SETSIGDEF
                | PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK,
        )?;
        let environment: Vec<&CStr> = self.environment.iter().map(AsRef::as_ref).collect();
        let id = posix_spawn(&*program, &actions, &attributes, &words, &environment)?;
        Ok(id.as_raw())
    }

    #[expect(clippy::disallowed_methods, reason = "this is the one place that starts processes")]
    fn spawn_elsewhere(&self, ends: ChildEnds) -> io::Result<i32> {
        let mut command = Command::new(&self.program);
        command.args(&self.args).env_clear().process_group(0);
        command.envs(self.environment.iter().map(|line| variable(line)));
        if let Some(dir) = self.dir {
            command.current_dir(dir);
        }
        let child = command.stdin(ends.stdin).stdout(ends.stdout).stderr(ends.stderr).spawn()?;
        Ok(child.id() as i32)
    }
}

/// Starts the guard in a session of its own, with `line` as its standard input, nothing else and no environment.
/// No signal reaches it but the one that none can hold off.
pub(crate) fn start_guard([program, word]: &[&str; 2], line: &PipeReader) -> io::Result<i32> {
    let nothing = open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    let program = CString::new(*program)?;
    let words = [program.clone(), CString::new(*word)?];
    let mut actions = PosixSpawnFileActions::init()?;
    for (end, number) in [(line.as_raw_fd(), 0), (nothing.as_raw_fd(), 1), (nothing.as_raw_fd(), 2)] {
        actions.add_dup2(end, number)?;
    }
    let mut attributes = PosixSpawnAttr::init()?;
    attributes.set_sigmask(&SigSet::all())?;
    let new_session =
        PosixSpawnFlags::from_bits_retain(nix::libc::c_int::from(nix::libc::POSIX_SPAWN_SETSID));
    attributes.set_flags(PosixSpawnFlags::POSIX_SPAWN_SETSIGMASK | new_session)?;
    let no_environment: [&CStr; 0] = [];
    Ok(posix_spawn(&*program, &actions, &attributes, &words, &no_environment)?.as_raw())
}

/// Closes what a process was given beyond its three standard files.
pub(crate) fn close_others() {
    for file in process_table::our_files().into_iter().filter(|file| *file > 2) {
        // The list's own, that has been closed, is in it.
        nix::unistd::close(file).ok();
    }
}

/// Name and value of a line.
fn variable(line: &CStr) -> (&OsStr, &OsStr) {
    let bytes = line.to_bytes();
    let end = memchr::memchr(b'=', bytes).unwrap_or(bytes.len());
    let value = bytes.get(end + 1..).unwrap_or_default();
    (OsStr::from_bytes(&bytes[..end]), OsStr::from_bytes(value))
}

/// A line of an environment; `None` if it cannot be, because it holds a NUL.
pub(crate) fn environment_line(name: &OsStr, value: &OsStr) -> Option<CString> {
    let mut line = OsString::with_capacity(name.len() + value.len() + 2);
    line.push(name);
    line.push("=");
    line.push(value);
    CString::new(line.into_vec()).ok()
}

/// Takes a process that is dead, or soon will be, off the system's list.
pub(super) fn wait(child: i32) -> io::Result<ExitStatus> {
    fault::point(Op::Wait, Path::new("child"))?;
    loop {
        match waitpid(Pid::from_raw(child), WaitOptions::empty()) {
            Err(Errno::INTR) | Ok(None) => {}
            Ok(Some((_, status))) => return Ok(ExitStatus::from_raw(status.as_raw())),
            Err(error) => return Err(error.into()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Read;

    /// Runs a shell's words in a folder, or here; its output.
    fn check(dir: Option<&Path>, script: &str, expect: &str) {
        let names = [("A", "1=2"), ("PATH", "/usr/bin:/bin")];
        let environment: Vec<Cow<'_, CStr>> = names
            .iter()
            .map(|(name, value)| environment_line(name.as_ref(), value.as_ref()).unwrap().into())
            .collect();
        let args = vec!["-c".into(), script.into()];
        let command = ChildCommand { program: "/bin/sh".into(), args, dir, environment: &environment };
        let mut started = command.start().unwrap();
        drop(started.stdin);
        let mut output = String::new();
        started.stdout.read_to_string(&mut output).unwrap();
        started.stderr.read_to_string(&mut output).unwrap();
        assert_eq!(output, expect, "{dir:?} {script}");
        assert!(wait(started.id).unwrap().success());
    }

    #[test]
    fn both_ways_start_the_same_process() {
        let here = std::fs::canonicalize(".").unwrap();
        for (dir, shown) in [(None, here.as_path()), (Some(Path::new("/")), Path::new("/"))] {
            check(dir, "echo $A; echo oops >&2; cat", "1=2\noops\n");
            check(dir, "pwd -P", &format!("{}\n", shown.display()));
            check(dir, "env | grep -c '^A=\\|^PATH='", "2\n");
            // A group of its own, no signal blocked, a broken pipe as a program expects it.
            check(dir, "test $(ps -o pgid= -p $$) = $$ && echo own", "own\n");
            check(dir, "sh -c 'kill -PIPE $$'; echo $?", "141\n");
            check(dir, "grep -c 'SigBlk:.0*$' /proc/self/status", "1\n");
        }
    }

    #[test]
    fn what_cannot_be_started_is_an_error() {
        for dir in [None, Some(Path::new("/"))] {
            let program = PathBuf::from("/nowhere/program");
            let command = ChildCommand { program, args: Vec::new(), dir, environment: &[] };
            assert_eq!(command.start().err().unwrap().kind(), io::ErrorKind::NotFound);
        }
    }

    #[test]
    fn a_nul_has_no_place_in_an_environment() {
        assert_eq!(environment_line("A".as_ref(), "b\0c".as_ref()), None);
    }
}
