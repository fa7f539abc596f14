//! Where an attempt's child runs, and which program its command names there.
//!
//! A job that ships no files runs its children in the folder mr-stream was started in, as Hadoop's local
//! mode does. One that ships files gives each attempt a folder of its own with links to them, as a cluster
//! does; what the command names in the starting folder is linked too, so that `python3 mapper.py` finds a
//! script that was not shipped. Archives are unpacked once for all attempts; their links lead there.

use super::environment::{self, Places};
use super::{TaskFailure, TaskHost, job_file};
use crate::archive::{self, Allowance, ArchiveError};
use crate::error::{At, IoError};
use crate::fault::{self, Op};
use crate::ids::{AttemptId, TaskKind};
use crate::local_fs::Scratch;
use crate::plan::{CacheEntry, JobPlan};
use crate::stop::StopFlag;
use crate::streaming::child::ChildCommand;
use crate::streaming::command::{self, Place, find_program};
use crate::streaming::preflight::needs_shell;
use crate::sync::lock;
use std::borrow::Cow;
use std::collections::HashMap;
use std::ffi::{CStr, OsStr, OsString};
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Component, Path, PathBuf};
use std::sync::Mutex;

/// What runs scripts that do not say what runs them, as Java's process start has it.
const SHELL: &str = "/bin/sh";

/// The archives of a job, unpacked into its scratch folders: archive, and where its content is.
#[derive(Debug, Default)]
pub(super) struct UnpackedArchives(pub(super) HashMap<PathBuf, PathBuf>);

impl UnpackedArchives {
    /// Unpacks each archive of the plan once, however many links lead to it. Hadoop:
    /// `LocalDistributedCacheManager.setup`, once per link.
    pub(super) fn unpack(plan: &JobPlan, scratch: &Scratch, stop: &StopFlag) -> Result<Self, ArchiveError> {
        let mut unpacked = HashMap::new();
        let resources = &plan.resources;
        let mut left =
            Allowance { bytes: resources.archive_bytes_max, entries: resources.archive_entries_max };
        for entry in &plan.cache {
            let Some(kind) = entry.archive.filter(|_| !unpacked.contains_key(&entry.path)) else { continue };
            let into = scratch.next_dir().join(format!("archive_{}", unpacked.len()));
            archive::unpack(&entry.path, kind, &into, &mut left, stop)?;
            unpacked.insert(entry.path.clone(), into);
        }
        Ok(Self(unpacked))
    }

    /// What the link of an entry leads to.
    pub(super) fn target<'a>(&'a self, entry: &'a CacheEntry) -> &'a Path {
        let content = if entry.archive.is_some() { self.0.get(&entry.path) } else { None };
        content.unwrap_or(&entry.path)
    }
}

/// What runs a command: found once for all attempts that run in the launch folder, for that took a dozen
/// system calls of a small task's hundred.
pub(super) struct Programs {
    found: Mutex<HashMap<(TaskKind, String), Program>>,
    /// The launch folder is this process's own current folder.
    is_current: bool,
}

#[derive(Clone)]
struct Program {
    path: PathBuf,
    /// It is a script that does not say what runs it.
    needs_shell: bool,
}

impl Programs {
    pub(super) fn new(launch_dir: &Path) -> Self {
        let identity = |dir: &Path| dir.metadata().map(|dir| (dir.dev(), dir.ino())).ok();
        let here = identity(Path::new("."));
        Self { found: Mutex::default(), is_current: here.is_some() && here == identity(launch_dir) }
    }
}

impl Program {
    fn find(name: &str, dir: &Path, path_env: &OsStr) -> Self {
        let found = find_program(name, dir, path_env);
        let needs_shell = found.place != Place::Nowhere && needs_shell(&found.path);
        Self { path: found.path, needs_shell }
    }
}

/// The folder and the environment of an attempt's children.
pub(super) struct Workplace<'a> {
    host: &'a TaskHost<'a>,
    kind: TaskKind,
    dir: PathBuf,
    environment: Vec<Cow<'a, CStr>>,
    /// The folder is the attempt's own.
    own: bool,
    /// It is kept when the attempt is over.
    stays: bool,
}

impl<'a> Workplace<'a> {
    /// Makes ready for `commands`. `output` is where side files may go; it need not be there yet.
    pub(super) fn prepare(
        host: &'a TaskHost<'a>,
        attempt: AttemptId,
        commands: &[&[String]],
        output: &Path,
    ) -> Result<Self, TaskFailure> {
        let dir = host.scratch.first_dir().join(format!("work_{attempt}"));
        Self::make(host, attempt, commands, &Places::in_job(host, attempt, output), dir, false)
    }

    /// As [`Self::prepare`], for an attempt that is over: if it had a folder of its own, that is now `dir`, which
    /// stays.
    pub(super) fn prepare_again(
        host: &'a TaskHost<'a>,
        attempt: AttemptId,
        commands: &[&[String]],
        places: &Places<'_>,
        dir: PathBuf,
    ) -> Result<Self, TaskFailure> {
        Self::make(host, attempt, commands, places, dir, true)
    }

    fn make(
        host: &'a TaskHost<'a>,
        attempt: AttemptId,
        commands: &[&[String]],
        places: &Places<'_>,
        dir: PathBuf,
        stays: bool,
    ) -> Result<Self, TaskFailure> {
        let failed = |source| TaskFailure::Pipe { action: "make the environment", source };
        let environment = environment::of_attempt(host, attempt, places).map_err(failed)?;
        let kind = attempt.task.kind;
        if host.plan.cache.is_empty() {
            return Ok(Self {
                host,
                kind,
                dir: host.launch_dir.to_path_buf(),
                environment,
                own: false,
                stays,
            });
        }
        crate::fs::create_dir(&dir).at("make the attempt's folder", &dir)?;
        let place = Self { host, kind, dir, environment, own: true, stays };
        for entry in &host.plan.cache {
            link(places.archives.target(entry), &place.dir.join(&entry.link))?;
        }
        place.give_job_file()?;
        for word in commands.iter().copied().flatten() {
            place.link_named(word, host.launch_dir)?;
        }
        for command in commands {
            place.make_runnable(command)?;
        }
        Ok(place)
    }

    /// Gives the attempt the job's properties in a file, unless a shipped file has that name. A folder that stays has a
    /// copy.
    fn give_job_file(&self) -> Result<(), IoError> {
        let path = self.dir.join(job_file::NAME);
        if path.symlink_metadata().is_ok() {
            return Ok(());
        }
        let Some(file) = self.host.job_file.of(self.host.plan, self.host.scratch)? else { return Ok(()) };
        if self.stays { crate::fs::copy(file, &path).at("copy", &path).map(drop) } else { link(&file, &path) }
    }

    /// Links what `word` names in the launch folder, unless a shipped file has that name.
    fn link_named(&self, word: &str, launch_dir: &Path) -> Result<(), IoError> {
        let mut parts = Path::new(word).components().filter(|part| *part != Component::CurDir);
        let Some(Component::Normal(first)) = parts.next() else { return Ok(()) };
        let (target, name) = (launch_dir.join(first), self.dir.join(first));
        if launch_dir.join(word).exists() && name.symlink_metadata().is_err() {
            link(&target, &name)?;
        }
        Ok(())
    }

    /// Hadoop sets the run bit of a program in the task's folder. Ours is a link to the user's own file,
    /// which is not ours to change: a copy takes its place.
    fn make_runnable(&self, command: &[String]) -> Result<(), IoError> {
        let Some(program) = command.first().filter(|program| !Path::new(program).is_absolute()) else {
            return Ok(());
        };
        let path = self.dir.join(program);
        let is_link = path.symlink_metadata().is_ok_and(|link| link.is_symlink());
        let runnable = rustix::fs::access(&path, rustix::fs::Access::EXEC_OK).is_ok();
        if !is_link || !path.is_file() || runnable && has_run_bit(&path) {
            return Ok(());
        }
        let original = path.canonicalize().at("find", &path)?;
        crate::fs::remove_file(&path).at("remove the link", &path)?;
        crate::fs::copy(&original, &path).at("copy a program to", &path)?;
        command::make_executable(&path)
    }

    /// The folder.
    pub(super) fn dir(&self) -> &Path {
        &self.dir
    }

    /// The command as it is started here.
    pub(super) fn command(&self, argv: &[String]) -> ChildCommand<'_> {
        let Program { path, needs_shell } = self.program(argv.first().map_or("", String::as_str));
        let args = argv.iter().skip(1).map(OsString::from);
        let (program, args) = if needs_shell {
            (PathBuf::from(SHELL), std::iter::once(path.into()).chain(args).collect())
        } else {
            (path, args.collect())
        };
        let dir = (self.own || !self.host.programs.is_current).then_some(self.dir.as_path());
        ChildCommand { program, args, dir, environment: &self.environment }
    }

    fn program(&self, name: &str) -> Program {
        let path = self.host.environment.get(self.kind, "PATH").unwrap_or(OsStr::new("/usr/bin:/bin"));
        if self.own {
            return Program::find(name, &self.dir, path);
        }
        let mut found = lock(&self.host.programs.found);
        let program =
            found.entry((self.kind, name.to_owned())).or_insert_with(|| Program::find(name, &self.dir, path));
        program.clone()
    }
}

impl Drop for Workplace<'_> {
    fn drop(&mut self) {
        if self.own && !self.stays {
            // What cannot be removed here goes with the job's scratch folder.
            drop(crate::fs::remove_dir_all(&self.dir));
        }
    }
}

fn link(target: &Path, name: &Path) -> Result<(), IoError> {
    fault::point(Op::Link, name).and_then(|()| symlink(target, name)).at("link a shipped file as", name)
}

/// Root may run what has any run bit, but not what has none.
fn has_run_bit(path: &Path) -> bool {
    use std::os::unix::fs::PermissionsExt;
    path.metadata().is_ok_and(|file| file.permissions().mode() & 0o111 != 0)
}
