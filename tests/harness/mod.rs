//! What the tests share: a folder for one job, the command run in it, and what came of it.
//!
//! The command runs with an empty environment but for PATH and a TMPDIR inside the job's folder. So a
//! forgotten temporary file is found there, and a forgotten process by the folder's name in its
//! environment or its current folder. How options, tasks and internal properties are spelt is known here
//! and nowhere else.

mod process;
mod random;

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

pub(crate) use process::{MrCommand, Running};
pub(crate) use random::Random;

/// Time between two looks at something that a test waits for: a busy loop would take the processor from the job.
const LOOK_EVERY: std::time::Duration = std::time::Duration::from_millis(2);

/// How often a job in the background is looked for; one look takes hundreds of turns of the scheduler.
const LOOKS_MAX: usize = 1000;

/// A folder of its own for one job, with `tmp` inside as the job's TMPDIR. Removed at the end, unless
/// `MRSTREAM_TEST_KEEP` is set.
pub(crate) struct JobDir {
    root: tempfile::TempDir,
}

impl JobDir {
    pub(crate) fn new() -> Self {
        let keep = std::env::var_os("MRSTREAM_TEST_KEEP").is_some();
        let root = tempfile::Builder::new().prefix("mr-test-").disable_cleanup(keep).tempdir().unwrap();
        fs::create_dir(root.path().join("tmp")).unwrap();
        fs::create_dir(root.path().join("job")).unwrap();
        Self { root }
    }

    /// A path in the folder the command runs in.
    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.root.path().join("job").join(name)
    }

    /// A path beside that folder, for what the job must not see.
    pub(crate) fn beside(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Writes a file, and the folders above it.
    pub(crate) fn write(&self, name: &str, bytes: impl AsRef<[u8]>) -> &Self {
        let path = self.path(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, bytes).unwrap();
        self
    }

    /// Writes an executable file.
    pub(crate) fn script(&self, name: &str, text: &str) -> &Self {
        self.write(name, text);
        fs::set_permissions(self.path(name), fs::Permissions::from_mode(0o755)).unwrap();
        self
    }

    /// The command, to be run in this folder.
    pub(crate) fn command<S: AsRef<str>>(&self, args: &[S]) -> MrCommand {
        MrCommand::new(self.root.path(), args)
    }

    /// Runs the command with these blank-separated arguments.
    pub(crate) fn run(&self, args: &str) -> Output {
        self.command(&args.split_whitespace().collect::<Vec<_>>()).run()
    }

    /// Every file under a folder: path relative to it, contents. No folder, no files.
    pub(crate) fn files(&self, folder: &str) -> BTreeMap<String, Vec<u8>> {
        let mut found = BTreeMap::new();
        collect_files(&self.path(folder), "", &mut found);
        found
    }

    /// The contents of `out/part-*`, in order, as one.
    pub(crate) fn parts_joined(&self) -> Vec<u8> {
        let parts = self.files("out").into_iter().filter(|(name, _)| name.starts_with("part-"));
        parts.flat_map(|(_, bytes)| bytes).collect()
    }

    /// Waits for a job in the background to be over: until nothing of it runs any more.
    pub(crate) fn wait_for_background(&self) {
        let over = (0..LOOKS_MAX).any(|_| process::left_running(self.root.path()).is_empty());
        assert!(over, "the job in the background does not end");
    }

    /// Waits until a guard has done its work, and checks it.
    #[track_caller]
    pub(crate) fn wait_until_clean(&self) {
        wait_until_gone("running", || process::left_running(self.root.path()));
        wait_until_gone("in the temp folder", || list_tree(&self.root.path().join("tmp")));
        self.assert_clean();
    }

    /// The folders of failed attempts that stand below `folder`; by default it is the job's temp folder.
    pub(crate) fn kept(&self, folder: Option<&str>) -> Vec<PathBuf> {
        let user = rustix::process::geteuid().as_raw();
        let above = folder.map_or_else(
            || self.beside("tmp").join(format!("mr-stream-failed-{user}")),
            |folder| self.path(folder),
        );
        let mut found: Vec<_> =
            fs::read_dir(above).into_iter().flatten().map(|entry| entry.unwrap().path()).collect();
        found.sort();
        found
    }

    /// Nothing temporary is left, on disk or running, but the last failed attempt, which is kept.
    #[track_caller]
    pub(crate) fn assert_clean(&self) {
        let mut left = list_tree(&self.root.path().join("tmp"));
        left.retain(|path| !path.to_string_lossy().contains("/tmp/mr-stream-failed-"));
        assert!(left.is_empty(), "left in the temp folder: {left:?}");
        self.assert_nobody_runs();
    }

    /// The numbers of the processes of the job that carry the name of its folder.
    pub(crate) fn processes(&self) -> Vec<i32> {
        process::processes_of(self.root.path())
    }

    /// No process of the job is left.
    #[track_caller]
    pub(crate) fn assert_nobody_runs(&self) {
        let running = process::left_running(self.root.path());
        assert!(running.is_empty(), "left running: {running:?}");
    }

    /// No folder `out` that a reader could take for a result, and nothing temporary.
    #[track_caller]
    pub(crate) fn assert_no_output(&self) {
        let left = list_tree(&self.path("out"));
        let looks_finished = |path: &PathBuf| {
            let name = path.file_name().unwrap().to_string_lossy();
            name == "_SUCCESS" || name == "_temporary" || name.starts_with("part-")
        };
        assert!(!left.iter().any(looks_finished), "left in the output folder: {left:?}");
        self.assert_clean();
    }
}

/// What one run of the command did.
pub(crate) struct Output {
    /// The exit code; `None` after a signal.
    pub(crate) code: Option<i32>,
    pub(crate) stdout: String,
    pub(crate) stderr: String,
    /// Command and folder, for failure messages.
    pub(crate) shown: String,
}

impl Output {
    /// The run ended with this exit code.
    #[track_caller]
    pub(crate) fn expect_code(self, code: i32) -> Self {
        assert_eq!(self.code, Some(code), "wrong exit code\n{}", self.report());
        self
    }

    /// Standard error holds each of these texts.
    #[track_caller]
    pub(crate) fn expect_stderr(self, texts: &[&str]) -> Self {
        for text in texts {
            assert!(self.stderr.contains(text), "message lacks {text:?}\n{}", self.report());
        }
        self
    }

    /// All there is to know, for a failing test.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("$ {}\nexit code {:?}\n", self.shown, self.code);
        let _ = write!(text, "-- stdout --\n{}\n-- stderr --\n{}", self.stdout, self.stderr);
        text
    }
}

/// Cuts a job into one process per task: plans it, runs every map and then every reduce in the order that
/// `shuffle` gives them, commits. Panics when a step fails.
pub(crate) fn run_task_by_task(dir: &JobDir, args: &[&str], shuffle: impl Fn(usize) -> Vec<usize>) {
    let planned = |extra: &[&str]| dir.command(&[&["plan"], args, extra].concat()).run().expect_code(0);
    let plan: serde_json::Value = serde_json::from_str(&planned(&["--json"]).stdout).unwrap();
    let maps = plan["maps"].as_array().unwrap().len();
    let reduces = plan["reduces"].as_u64().unwrap() as usize;

    let (plan_file, work) = (dir.beside("job.plan"), dir.beside("work"));
    planned(&["-o", plan_file.to_str().unwrap()]);
    fs::create_dir(&work).unwrap();
    let task = |what: &[&str]| {
        let common = ["task", "--plan", plan_file.to_str().unwrap(), "--work", work.to_str().unwrap()];
        dir.command(&[&common, what].concat()).run().expect_code(0);
    };
    for number in shuffle(maps) {
        task(&["map", &number.to_string()]);
    }
    for number in shuffle(reduces) {
        task(&["reduce", &number.to_string()]);
    }
    task(&["commit"]);
}

/// The repository's root.
pub(crate) fn repository() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Whether PATH has this program.
pub(crate) fn has_program(name: &str) -> bool {
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::split_paths(&path).any(|folder| folder.join(name).is_file())
}

/// Says something past the test runner's capture: a skipped test must not look like a passed one.
pub(crate) fn say(text: &str) {
    let line = format!("\nmr-stream tests: {text}\n");
    std::io::stderr().write_all(line.as_bytes()).unwrap();
}

/// True when the program is missing, after saying what is skipped for it.
pub(crate) fn skip_without(program: &str, what: &str) -> bool {
    let missing = !has_program(program);
    if missing {
        say(&format!("SKIPPED for want of {program}: {what}"));
    }
    missing
}

/// Copies a folder with its permissions, without the names in `except` at its top.
pub(crate) fn copy_tree(from: &Path, to: &Path, except: &[&str]) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let name = entry.file_name();
        if except.iter().any(|&left_out| name == left_out) {
            continue;
        }
        let target = to.join(&name);
        if entry.file_type().unwrap().is_dir() {
            copy_tree(&entry.path(), &target, &[]);
        } else {
            fs::copy(entry.path(), &target).unwrap();
        }
    }
}

/// Waits until something is so that nobody tells of.
#[track_caller]
pub(crate) fn wait_until(what: &str, is_so: impl Fn() -> bool) {
    wait_until_gone("waited for in vain", || Vec::from_iter((!is_so()).then_some(what)));
}

/// Waits until none of these is there any more.
#[track_caller]
fn wait_until_gone<T: std::fmt::Debug>(what: &str, look: impl Fn() -> Vec<T>) {
    let began = std::time::Instant::now();
    loop {
        let left = look();
        if left.is_empty() {
            return;
        }
        assert!(began.elapsed() < process::HUNG_AFTER, "still {what}: {left:?}");
        std::thread::park_timeout(LOOK_EVERY);
    }
}

/// Every file below `folder` into `found`, under `prefix`.
pub(crate) fn collect_files(folder: &Path, prefix: &str, found: &mut BTreeMap<String, Vec<u8>>) {
    let Ok(entries) = fs::read_dir(folder) else { return };
    for entry in entries.map(Result::unwrap) {
        let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
        if entry.file_type().unwrap().is_dir() {
            collect_files(&entry.path(), &format!("{name}/"), found);
        } else if !entry.path().is_dir() {
            // A pipe would be waited for.
            let is_file = entry.path().is_file();
            found.insert(name, if is_file { fs::read(entry.path()).unwrap() } else { Vec::new() });
        }
    }
}

/// Every file and folder below `folder`.
fn list_tree(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let Ok(entries) = fs::read_dir(folder) else { return found };
    for entry in entries.map(Result::unwrap) {
        found.push(entry.path());
        if entry.file_type().unwrap().is_dir() {
            found.extend(list_tree(&entry.path()));
        }
    }
    found
}
