//! Whether a command can start at all, asked before the job does, so that a wrong name or a script with
//! Windows line ends is one clear message instead of a failed attempt per task.
//!
//! It follows the steps of Hadoop's `PipeMapRed.configure` and then of the kernel: find the program, look at
//! its run bits, read its `#!` line, find the interpreter. Only what is sure to fail is refused; what cannot
//! be judged from outside (a program inside an archive, an unreadable binary) passes. Nothing is run or
//! changed.

use super::command::{Found, Place, find_program, is_runnable_file, search_folders, shell_word};
use crate::fs::File;
use crate::hint::{self, Facts, Stage};
use rustix::process::{Resource, getrlimit};
use std::ffi::{OsStr, OsString};
use std::io::Read;
use std::os::unix::ffi::OsStrExt;
use std::path::{Component, Path, PathBuf};

/// How much of a file is read for its `#!` line; the kernel reads 256 bytes.
const HEAD_BYTES: u64 = 1024;

/// Largest variable on x86-64: 32 pages without the NUL (`MAX_ARG_STRLEN`).
const VARIABLE_BYTES_MAX: u64 = (128 << 10) - 1;
/// Bounds of the size of environment and arguments (`ARG_MAX`, `_STK_LIM / 4 * 3`).
const TOTAL_BYTES_MIN: u64 = 128 << 10;
const TOTAL_BYTES_MAX: u64 = 6 << 20;

/// Why a command cannot start.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum PreflightError {
    /// No word is left of the command.
    #[error("cannot run an empty command: expected a program and its arguments")]
    EmptyCommand,
    /// There is no such program.
    #[error("cannot run {program}: {}{}", not_found_advice(program), did_you_mean(near.as_deref()))]
    NotFound {
        /// The program as given.
        program: String,
        /// The file that may have been meant.
        near: Option<String>,
    },
    /// There is no such script for the program to run.
    #[error(
        "cannot run {program} {script}: there is no file {script} here{}",
        near.as_deref().map_or_else(
            || format!("; if it is elsewhere, ship it with -files PATH/{script}"),
            |near| did_you_mean(Some(near))
        )
    )]
    NoScript {
        /// The program as given.
        program: String,
        /// The script as given.
        script: String,
        /// The file that may have been meant.
        near: Option<String>,
    },
    /// A script in another language than the shell's that does not say so.
    #[error(
        "cannot run {program}: it has no #! line, so the shell would run it: write {interpreter} {program}"
    )]
    NoInterpreterLine {
        /// The program as given.
        program: String,
        /// What runs such scripts.
        interpreter: &'static str,
    },
    /// The system would refuse to start any program with this environment.
    #[error(
        "cannot start {program}: its environment is too large: {variable} has {bytes} of {total_bytes} bytes, and the \
         system takes {limit_bytes}{whole}; {}",
        hint::first(Stage::Refusal, &Facts { variable: Some(variable), ..Facts::NONE }).unwrap_or_default(),
        whole = if *is_alone { " in a variable" } else { " in all" },
    )]
    Environment {
        /// The program as given.
        program: String,
        /// The largest variable.
        variable: String,
        /// Its size, name included.
        bytes: u64,
        /// The size of all variables and arguments.
        total_bytes: u64,
        /// What the system takes.
        limit_bytes: u64,
        /// The limit is that of one variable.
        is_alone: bool,
    },
    /// The program is a folder.
    #[error("cannot run {program}: {} is a folder, expected a program", path.display())]
    Folder {
        /// The program as given.
        program: String,
        /// What it stands for.
        path: PathBuf,
    },
    /// The program has no content.
    #[error("cannot run {program}: the file {} is empty, expected a script or a binary", path.display())]
    Empty {
        /// The program as given.
        program: String,
        /// The file.
        path: PathBuf,
    },
    /// The program lacks its run bit and is not in the task's folder, where it would be given one.
    #[error("cannot run {program}: {} is not executable; to mend it: chmod +x {}", path.display(), word(path))]
    NotExecutable {
        /// The program as given.
        program: String,
        /// The file.
        path: PathBuf,
    },
    /// The script's first line ends in CR LF, and the CR becomes part of the interpreter's name.
    #[error(
        "cannot run {program}: its first line ends in a carriage return (Windows line ends), so the system \
         looks for an interpreter named {interpreter}\\r; to mend it: sed -i 's/\\r$//' {}",
        word(path)
    )]
    CarriageReturn {
        /// The program as given.
        program: String,
        /// The file.
        path: PathBuf,
        /// The interpreter, without the CR.
        interpreter: String,
    },
    /// The script's first line names an interpreter that is not there.
    #[error(
        "cannot run {program}: the first line of {} is {first_line} but there is no program {interpreter}{}",
        path.display(), split_advice(first_line, interpreter)
    )]
    NoInterpreter {
        /// The program as given.
        program: String,
        /// The file.
        path: PathBuf,
        /// The script's first line.
        first_line: String,
        /// What is looked for.
        interpreter: String,
    },
}

fn not_found_advice(program: &str) -> String {
    if Path::new(program).is_absolute() {
        return "no such file".to_owned();
    }
    let name = program.strip_prefix("./").unwrap_or(program);
    format!(
        "it is neither in the task's folder nor in PATH; if it is a file of yours, ship it with -files {}",
        shell_word(name)
    )
}

fn did_you_mean(near: Option<&str>) -> String {
    near.map(|near| format!("; did you mean {near}?")).unwrap_or_default()
}

/// The file beside a missing one whose name is most like its own, as `given` is written.
pub fn nearest_file(given: &str, path: &Path) -> Option<String> {
    let name = path.file_name()?.to_str()?;
    let entries = crate::fs::read_dir(path.parent()?).ok()?;
    let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
    let near = hint::nearest(name, names)?;
    Some(Path::new(given).with_file_name(near).to_string_lossy().into_owned())
}

/// Linux hands everything behind `env` over as one word.
fn split_advice(first_line: &str, interpreter: &str) -> String {
    let env = interpreter.contains(' ').then(|| first_line.find("env ")).flatten();
    env.map(|at| format!("; to give it arguments: {} -S {interpreter}", &first_line[..at + 3]))
        .unwrap_or_default()
}

fn word(path: &Path) -> String {
    shell_word(&path.to_string_lossy())
}

/// Checks that a command can start.
///
/// `shipped` are the files that the job links into the tasks' folder: the name there, and the file. A program
/// of that folder needs no run bit, since it is given one. `path_env` is the value of `PATH` for programs and
/// interpreters; `cwd` is the folder that stands for the tasks' folder as far as nothing is shipped.
pub fn check(
    command: &[String],
    shipped: &[(String, PathBuf)],
    path_env: &OsStr,
    cwd: &Path,
) -> Result<(), PreflightError> {
    let program = command.first().ok_or(PreflightError::EmptyCommand)?;
    let surroundings = Surroundings { shipped, path_env, cwd };
    surroundings.check_script(command)?;
    let Some(path) = surroundings.locate(program)? else {
        return Ok(());
    };
    let Some(head) = read_head(&path) else {
        return Ok(());
    };
    if head.is_empty() {
        return Err(PreflightError::Empty { program: program.clone(), path });
    }
    if let Some(shebang) = Shebang::parse(&head) {
        return surroundings.check_interpreter(program, path, &shebang);
    }
    match hint::interpreter_of(program) {
        Some(interpreter) if is_text(&head) => {
            Err(PreflightError::NoInterpreterLine { program: program.clone(), interpreter })
        }
        _ => Ok(()),
    }
}

/// Checks that the system can start a command with this environment, by the limits of Linux: `MAX_ARG_STRLEN` for one
/// variable and a quarter of the stack, within bounds, for all of them and the arguments.
pub fn check_environment(
    command: &[String],
    variables: &[(OsString, OsString)],
) -> Result<(), PreflightError> {
    /// Each string has a NUL, and a pointer to it.
    const EACH_BYTES: u64 = 9;
    let size = |(name, value): &(OsString, OsString)| (name.len() + value.len() + 1) as u64;
    let Some(largest) = variables.iter().max_by_key(|pair| size(pair)) else { return Ok(()) };
    let of_variables: u64 = variables.iter().map(|pair| size(pair) + EACH_BYTES).sum();
    let total_bytes = of_variables + command.iter().map(|word| word.len() as u64 + EACH_BYTES).sum::<u64>();
    let stack = getrlimit(Resource::Stack).current.unwrap_or(u64::MAX);
    let total_max = (stack / 4).clamp(TOTAL_BYTES_MIN, TOTAL_BYTES_MAX);
    // One variable may have 32 pages, and pages are larger on other machines.
    let is_alone = cfg!(target_arch = "x86_64") && size(largest) > VARIABLE_BYTES_MAX;
    if !is_alone && total_bytes <= total_max {
        return Ok(());
    }
    Err(PreflightError::Environment {
        program: command.first().cloned().unwrap_or_default(),
        variable: largest.0.to_string_lossy().into_owned(),
        bytes: size(largest),
        total_bytes,
        limit_bytes: if is_alone { VARIABLE_BYTES_MAX } else { total_max },
        is_alone,
    })
}

/// Whether a program is text without a `#!` line, which the kernel refuses to run (`ENOEXEC`) and Java's
/// `ProcessBuilder` then gives to `/bin/sh`, its path before its arguments. A file that cannot be read is
/// taken for a binary.
pub fn needs_shell(program: &Path) -> bool {
    read_head(program).is_some_and(|head| Shebang::parse(&head).is_none() && is_text(&head))
}

/// Whether a file that begins so is no binary of any system.
fn is_text(head: &[u8]) -> bool {
    const BINARY_MAGICS: [&[u8]; 5] =
        [b"\x7fELF", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\xce\xfa\xed\xfe", b"MZ"];
    !BINARY_MAGICS.iter().any(|magic| head.starts_with(magic))
}

/// The first bytes of a regular file; `None` if it cannot be read.
fn read_head(path: &Path) -> Option<Vec<u8>> {
    let mut head = Vec::new();
    let file = File::open(path).ok()?;
    file.metadata().ok()?.is_file().then_some(())?;
    file.take(HEAD_BYTES).read_to_end(&mut head).ok()?;
    Some(head)
}

/// Where programs are looked for.
struct Surroundings<'a> {
    shipped: &'a [(String, PathBuf)],
    path_env: &'a OsStr,
    cwd: &'a Path,
}

impl Surroundings<'_> {
    /// The file of a program, or `None` if it may exist and cannot be seen from here.
    fn locate(&self, program: &str) -> Result<Option<PathBuf>, PreflightError> {
        let folder = match self.shipped_source(program) {
            Shipped::File(path) => return Ok(Some(path)),
            Shipped::InArchive => return Ok(None),
            // A folder hides no program of that name in PATH.
            Shipped::Folder(path) => path,
            Shipped::No => self.cwd.join(program),
        };
        let Found { path, place } = find_program(program, self.cwd, self.path_env);
        let runnable = is_runnable_file(&path);
        let program = program.to_owned();
        // A job that ships nothing runs the file where it stands, and its mode is not changed there.
        let is_made_runnable = place == Place::TaskDir && (!self.shipped.is_empty() || needs_shell(&path));
        if is_made_runnable || runnable {
            Ok(Some(path))
        } else if place == Place::TaskDir {
            Err(PreflightError::NotExecutable { path: PathBuf::from(&program), program })
        } else if place == Place::Nowhere && self.is_in_search_path(&program) {
            // It may be run but not read: there is nothing more to see.
            Ok(None)
        } else if folder.is_dir() {
            Err(PreflightError::Folder { program, path: folder })
        } else if path.is_file() {
            Err(PreflightError::NotExecutable { program, path })
        } else {
            let near = nearest_file(&program, &self.cwd.join(&program));
            Err(PreflightError::NotFound { program, near })
        }
    }

    /// Looks for the script of a command such as `python3 m.py`.
    fn check_script(&self, command: &[String]) -> Result<(), PreflightError> {
        let Some(script) = hint::script_of(command) else { return Ok(()) };
        // What lies in a folder or an archive that is shipped may lie in the task's folder too.
        let may_be_there = self.cwd.join(script).exists()
            || self.shipped.iter().any(|(link, path)| !path.is_file() || Path::new(script).starts_with(link))
            || !matches!(self.shipped_source(script), Shipped::No);
        if may_be_there || (hint::is_shell(&command[0]) && self.is_in_search_path(script)) {
            return Ok(());
        }
        let near = nearest_file(script, &self.cwd.join(script));
        Err(PreflightError::NoScript { program: command[0].clone(), script: script.to_owned(), near })
    }

    fn shipped_source(&self, program: &str) -> Shipped {
        let relative = Path::new(program).strip_prefix(".").unwrap_or(Path::new(program));
        let mut parts = relative.components();
        let Some(Component::Normal(first)) = parts.next() else {
            return Shipped::No;
        };
        let Some((_, source)) = self.shipped.iter().find(|(name, _)| first == OsStr::new(name)) else {
            return Shipped::No;
        };
        let inner = parts.as_path();
        let path = if inner.as_os_str().is_empty() { source.clone() } else { source.join(inner) };
        if path.is_file() {
            Shipped::File(path)
        } else if path.is_dir() {
            Shipped::Folder(path)
        } else if source.is_file() {
            Shipped::InArchive
        } else {
            Shipped::No
        }
    }

    fn check_interpreter(
        &self,
        program: &str,
        path: PathBuf,
        shebang: &Shebang,
    ) -> Result<(), PreflightError> {
        let wanted = match shebang.env_program() {
            Some(wanted) if self.has_interpreter(&shebang.interpreter) => wanted,
            _ => &shebang.interpreter,
        };
        let by_path = wanted.contains('/') || wanted == shebang.interpreter;
        let there = if by_path { self.has_interpreter(wanted) } else { self.is_in_search_path(wanted) };
        if there {
            return Ok(());
        }
        let program = program.to_owned();
        if let Some(interpreter) = wanted.strip_suffix('\r') {
            return Err(PreflightError::CarriageReturn {
                program,
                path,
                interpreter: interpreter.to_owned(),
            });
        }
        let first_line = shebang.line.clone();
        Err(PreflightError::NoInterpreter { program, path, first_line, interpreter: wanted.to_owned() })
    }

    /// Whether the kernel would find an interpreter: by its path, which may start at the task's folder.
    fn has_interpreter(&self, interpreter: &str) -> bool {
        is_runnable_file(&self.cwd.join(interpreter))
            || !matches!(self.shipped_source(interpreter), Shipped::No)
    }

    fn is_in_search_path(&self, name: &str) -> bool {
        search_folders(self.path_env).any(|folder| is_runnable_file(&folder.join(name)))
    }
}

/// What a name in the tasks' folder stands for.
enum Shipped {
    /// A file.
    File(PathBuf),
    /// A folder.
    Folder(PathBuf),
    /// Something inside an archive, which is not unpacked yet.
    InArchive,
    /// Nothing that the job ships.
    No,
}

/// The first line of a script, cut as Linux cuts it: the interpreter up to the first blank, and all the rest
/// as one argument. A CR before the line's end belongs to the line.
struct Shebang {
    line: String,
    interpreter: String,
    argument: String,
}

impl Shebang {
    fn parse(head: &[u8]) -> Option<Self> {
        let line = head.split(|&byte| byte == b'\n').next()?;
        let line = String::from_utf8_lossy(line).into_owned();
        let blank = [' ', '\t'];
        let text = line.strip_prefix("#!")?.trim_matches(blank);
        let (interpreter, argument) = text.split_once(blank).unwrap_or((text, ""));
        if interpreter.is_empty() {
            return None;
        }
        let (interpreter, argument) = (interpreter.to_owned(), argument.trim_start_matches(blank).to_owned());
        Some(Self { line: line.trim_end().to_owned(), interpreter, argument })
    }

    /// What `env` looks for when it is the interpreter; `None` if that cannot be told for sure.
    fn env_program(&self) -> Option<&str> {
        if Path::new(&self.interpreter).file_name() != Some(OsStr::from_bytes(b"env")) {
            return None;
        }
        let argument = match self.argument.strip_prefix("-S") {
            Some(words) => words.split([' ', '\t']).find(|word| !word.is_empty())?,
            None => self.argument.as_str(),
        };
        let is_plain =
            !argument.is_empty() && !argument.starts_with('-') && !argument.contains(['=', '$', '"', '\'']);
        is_plain.then_some(argument)
    }
}

#[cfg(test)]
mod tests;
