//! From the text of `-mapper`, `-combiner` or `-reducer` to words, and from the first word to a program.
//!
//! No shell is involved: the words go to the program as they are. The quoting is Hadoop's own and differs
//! from every shell's; see [`split_args`]. This file starts nothing; `child` does.

use crate::error::{At, IoError};
pub use crate::hint::shell_word;
use crate::hint::words_of;
use rustix::fs::{Access, access};
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// The run bits of owner, group and others.
const RUN_BITS: u32 = 0o111;

/// Splits a command into words; see [`words_of`]. Hadoop: `PipeMapRed.splitArgs`.
pub fn split_args(command: &str) -> Vec<String> {
    words_of(command).into_iter().map(|(word, _)| word.to_owned()).collect()
}

/// Where a program was found.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// It was named by its absolute path, which nobody has looked at yet.
    Absolute,
    /// In the task's folder; Hadoop makes it executable there, see [`make_executable`].
    TaskDir,
    /// In a folder of `PATH`.
    SearchPath,
    /// Nowhere: `path` is the name as given, for the operating system to try.
    Nowhere,
}

/// What [`find_program`] found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Found {
    /// What to run.
    pub path: PathBuf,
    /// Where that is.
    pub place: Place,
}

/// Finds the program of a command: an absolute path as it is, any other name in the task's folder first and
/// in the folders of `path_env` (the value of `PATH`) next. Hadoop: `PipeMapRed.configure` and `PathFinder`.
///
/// The first readable file counts, with or without run bits, so a data file named `sort` in the task's
/// folder hides the system's. Folders that `PATH` leaves empty are passed over. Unlike `PathFinder`, which
/// would run a *file* that stands in `PATH` whatever program was asked for, only folders are looked into.
pub fn find_program(program: &str, task_dir: &Path, path_env: &OsStr) -> Found {
    if Path::new(program).is_absolute() {
        return Found { path: PathBuf::from(program), place: Place::Absolute };
    }
    let in_task_dir = task_dir.join(program);
    if is_readable_file(&in_task_dir) {
        return Found { path: in_task_dir, place: Place::TaskDir };
    }
    search_folders(path_env)
        .map(|folder| folder.join(program))
        .find(|candidate| is_readable_file(candidate))
        .map_or_else(
            || Found { path: PathBuf::from(program), place: Place::Nowhere },
            |path| Found { path, place: Place::SearchPath },
        )
}

/// Gives a program of the task's folder the run bits it lacks, for everybody, as `PipeMapRed.configure` does.
/// Follows links.
pub fn make_executable(program: &Path) -> Result<(), IoError> {
    let metadata = crate::fs::metadata(program).at("look at", program)?;
    let mode = metadata.permissions().mode();
    if mode & RUN_BITS == RUN_BITS {
        return Ok(());
    }
    crate::fs::set_permissions(program, crate::fs::Permissions::from_mode(mode | RUN_BITS))
        .at("make executable", program)
}

/// The folders of a `PATH` value, blanks around them dropped and empty ones left out, as `PathFinder` does.
pub(super) fn search_folders(path_env: &OsStr) -> impl Iterator<Item = &Path> {
    path_env
        .as_bytes()
        .split(|&byte| byte == b':')
        .map(<[u8]>::trim_ascii)
        .filter(|entry| !entry.is_empty())
        .map(|entry| Path::new(OsStr::from_bytes(entry)))
}

/// Whether this process could run the file: a regular file with a run bit that counts for it.
pub(super) fn is_runnable_file(path: &Path) -> bool {
    path.is_file() && access(path, Access::EXEC_OK).is_ok()
}

fn is_readable_file(path: &Path) -> bool {
    path.is_file() && access(path, Access::READ_OK).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::fs;

    fn check(command: &str, words: &[&str]) {
        assert_eq!(split_args(command), words, "{command:?}");
    }

    #[test]
    fn blanks_and_quotes_cut_words() {
        check("", &[]);
        check("   ", &[]);
        check("cat", &["cat"]);
        check("  uniq   -c ", &["uniq", "-c"]);
        check("a\tb c", &["a\tb", "c"]);
        check("a 'b c' \"d 'e' f\" 'g \"h\" i' j", &["a", "b c", "d 'e' f", "g \"h\" i", "j"]);
        check("x'y z'w a\"b\"c --name='v w'", &["x", "y z", "w", "a", "b", "c", "--name=", "v w"]);
        check("a '' \"\" b", &["a", "b"]);
        check("a 'b c d", &["a", "b c d"]);
        check("a '", &["a"]);
        check(r"a\ b \' x y", &[r"a\", "b", r"\", " x y"]);
        check("a | b > c ; d && e", &["a", "|", "b", ">", "c", ";", "d", "&&", "e"]);
        check("é 'ü ß'日", &["é", "ü ß", "日"]);
    }

    /// The same rule told differently: quotes cut the text into stretches, and every other stretch is quoted.
    fn split_by_stretches(command: &str) -> Vec<String> {
        let mut words = Vec::new();
        let mut rest = command;
        while let Some(at) = rest.find(['\'', '"']) {
            words.extend(rest[..at].split(' ').map(str::to_owned));
            let quote = &rest[at..=at];
            let inside = &rest[at + 1..];
            let (quoted, after) = inside.split_once(quote).unwrap_or((inside, ""));
            words.push(quoted.to_owned());
            rest = after;
        }
        words.extend(rest.split(' ').map(str::to_owned));
        words.retain(|word| !word.is_empty());
        words
    }

    proptest! {
        #[test]
        fn words_agree_with_the_rule_told_by_stretches(command in r#"[ab é\\"' ]{0,24}"#) {
            prop_assert_eq!(split_args(&command), split_by_stretches(&command));
        }
    }

    fn check_found(program: &str, place: Place, path: &Path, search: &[&Path], task_dir: &Path) {
        let path_env = std::env::join_paths(search).unwrap();
        let found = find_program(program, task_dir, &path_env);
        assert_eq!(found, Found { path: path.to_path_buf(), place }, "{program}");
    }

    #[test]
    fn the_task_folder_comes_before_the_search_path() {
        let dir = tempfile::tempdir().unwrap();
        let (task, first, second) = (dir.path().join("task"), dir.path().join("a"), dir.path().join("b"));
        for file in ["task/both", "a/both", "b/both", "b/later", "b/folder", "task/sub/tool"] {
            let file = dir.path().join(file);
            fs::create_dir_all(file.parent().unwrap()).unwrap();
            fs::write(file, "x").unwrap();
        }
        fs::create_dir(first.join("folder")).unwrap();
        let search: [&Path; 3] = [&first, Path::new(""), &second];

        check_found("/no/such", Place::Absolute, Path::new("/no/such"), &search, &task);
        check_found("both", Place::TaskDir, &task.join("both"), &search, &task);
        check_found("./both", Place::TaskDir, &task.join("./both"), &search, &task);
        check_found("sub/tool", Place::TaskDir, &task.join("sub/tool"), &search, &task);
        check_found("later", Place::SearchPath, &second.join("later"), &search, &task);
        check_found("folder", Place::SearchPath, &second.join("folder"), &search, &task);
        check_found("none", Place::Nowhere, Path::new("none"), &search, &task);
        check_found("later", Place::Nowhere, Path::new("later"), &[second.join("later").as_path()], &task);
    }

    #[test]
    fn missing_run_bits_are_added_and_no_other() {
        let dir = tempfile::tempdir().unwrap();
        let script = dir.path().join("run.me");
        fs::write(&script, "cat\n").unwrap();
        fs::set_permissions(&script, fs::Permissions::from_mode(0o640)).unwrap();
        make_executable(&script).unwrap();
        assert_eq!(fs::metadata(&script).unwrap().permissions().mode() & 0o777, 0o751);

        let missing = make_executable(&dir.path().join("gone")).unwrap_err();
        assert!(missing.to_string().contains("gone"), "{missing}");
    }

    #[test]
    fn shell_words_are_quoted_when_a_shell_would_change_them() {
        for (text, word) in [("a-b_c/d.e", "a-b_c/d.e"), ("", "''"), ("a b", "'a b'"), ("it's", r"'it'\''s'")]
        {
            assert_eq!(shell_word(text), word);
        }
    }
}
