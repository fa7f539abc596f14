//! `mr-stream install-commands PREFIX`: a folder that programs take for a Hadoop installation.
//!
//! ```text
//! PREFIX/bin/{hadoop,hdfs,mapred,yarn}                        scripts that run this program
//! PREFIX/sbin/{start-dfs.sh,stop-all.sh,...}                  scripts that say that nothing needs starting
//! PREFIX/share/hadoop/tools/lib/hadoop-streaming-3.4.2.jar    an empty archive, for those who look for the jar
//! PREFIX/logs/userlogs/                                       logs of tasks
//! ```
//!
//! They are scripts, as Hadoop's are, so that `sh bin/hadoop` works too. Nothing that stands there already is replaced,
//! scripts of ours and links to this program excepted: no real Hadoop is ever changed.

use super::{CALLED_AS, HADOOP_VERSION, Name, absent};
use crate::conf::HostFacts;
use crate::error::{At, IoError};
use crate::fs::Permissions;
use crate::streaming::command::shell_word;
use std::ffi::OsStr;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

/// An archive without entries, as zip writes it: only the record at its end.
const EMPTY_JAR: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Why the folder cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum InstallError {
    /// Another program has the name.
    #[error("{} is there already and is not mr-stream's; choose another folder, or remove it", .0.display())]
    Taken(PathBuf),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

pub(super) fn jar_in(prefix: &Path) -> PathBuf {
    prefix.join(format!("share/hadoop/tools/lib/hadoop-streaming-{HADOOP_VERSION}.jar"))
}

/// Lays out `prefix` with scripts that run `program`; returns the lines that a shell needs.
pub(in crate::cli) fn install(prefix: &Path, program: &Path) -> Result<String, InstallError> {
    let scripts = scripts(prefix, program);
    // Looked at before anything is made.
    if let Some((taken, _)) = scripts.iter().find(|(path, _)| !is_free(path, program)) {
        return Err(InstallError::Taken(taken.clone()));
    }
    for folder in ["bin", "sbin"].map(|name| prefix.join(name)) {
        crate::fs::create_dir_all(&folder).at("make folder", &folder)?;
    }
    for (path, text) in &scripts {
        // A script is made aside and moved there, so that the command is never missing.
        let fresh = path.with_extension("new");
        crate::fs::remove_file(&fresh).ok();
        crate::fs::write(&fresh, text).at("write", &fresh)?;
        crate::fs::set_permissions(&fresh, Permissions::from_mode(0o755)).at("make executable", &fresh)?;
        crate::fs::rename(&fresh, path).at("make", path)?;
    }
    put_jar(prefix)?;
    let prefix = prefix.canonicalize().at("look at folder", prefix)?;
    let bin = prefix.join("bin");
    let home = shell_word(&prefix.to_string_lossy());
    let bin = shell_word(&bin.to_string_lossy());
    Ok(format!("export HADOOP_HOME={home}\nexport PATH={bin}:\"$PATH\"\n"))
}

/// Every script and its text.
fn scripts(prefix: &Path, program: &Path) -> Vec<(PathBuf, String)> {
    let word = |path: &Path| shell_word(&path.to_string_lossy());
    let commands = Name::ALL.map(|name| {
        let path = prefix.join("bin").join(name.word());
        let text = format!("#!/bin/sh\nexec {} {CALLED_AS} {} \"$@\"\n", word(program), word(&path));
        (path, text)
    });
    let daemons = absent::SCRIPTS.map(|name| {
        let text = format!("#!/bin/sh\necho '{}'\n", absent::script_text(name));
        (prefix.join("sbin").join(name), text)
    });
    commands.into_iter().chain(daemons).collect()
}

/// Whether a script of ours may stand there: nothing does, or one of ours, or a link to this program.
fn is_free(path: &Path, program: &Path) -> bool {
    let is_ours = |to: PathBuf| to.file_name().is_some_and(|name| name == "mr-stream") || to == program;
    if path.symlink_metadata().is_err() || crate::fs::read_link(path).is_ok_and(is_ours) {
        return true;
    }
    let text = crate::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text).into_owned();
    let is_command = text.starts_with("#!/bin/sh\nexec ") && text.contains(&format!(" {CALLED_AS} "));
    is_command
        || (text.starts_with("#!/bin/sh\necho ") && text.contains("mr-stream runs jobs without daemons"))
}

/// Writes the empty jar and removes those of other versions.
fn put_jar(prefix: &Path) -> Result<(), InstallError> {
    let jar = jar_in(prefix);
    let folder = jar.parent().unwrap_or(prefix);
    crate::fs::create_dir_all(folder).at("make folder", folder)?;
    for entry in crate::fs::read_dir(folder).at("list", folder)?.filter_map(Result::ok) {
        let is_jar = entry.file_name().to_string_lossy().starts_with("hadoop-streaming-");
        if is_jar
            && entry.path() != jar
            && crate::fs::read(entry.path()).is_ok_and(|bytes| bytes == EMPTY_JAR)
        {
            crate::fs::remove_file(entry.path()).at("remove", &entry.path())?;
        }
    }
    if jar.symlink_metadata().is_err() {
        crate::fs::write(&jar, EMPTY_JAR).at("write", &jar)?;
    }
    Ok(())
}

/// The folder that was laid out for the command that was called, if it was: by the path in its name, or by PATH.
pub(in crate::cli) fn prefix_of(program: &OsStr, host: &HostFacts) -> Option<PathBuf> {
    let given = Path::new(program);
    let link = if given.components().count() > 1 {
        host.current_dir.join(given)
    } else {
        let path = host.environment.iter().find(|(name, _)| name == "PATH").map(|(_, path)| path)?;
        let mut folders = std::env::split_paths(path);
        folders.find_map(|folder| Some(folder.join(given)).filter(|file| file.is_file()))?
    };
    let prefix = link.parent()?.canonicalize().ok()?.parent()?.to_path_buf();
    jar_in(&prefix).is_file().then_some(prefix)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_folder_is_laid_out_again_but_never_over_another_hadoop() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().canonicalize().unwrap().join("it's");
        let program = folder.path().join("mr-stream");
        std::fs::write(&program, "").unwrap();
        let lines = install(&prefix, &program).unwrap();
        assert_eq!(install(&prefix, &program).unwrap(), lines);
        assert!(lines.contains("HADOOP_HOME='") && lines.contains("it'\\''s/bin':\"$PATH\""), "{lines}");
        assert!(jar_in(&prefix).is_file());
        // A link of an earlier version gives way, and so does its jar.
        let old_jar = jar_in(&prefix).with_file_name("hadoop-streaming-3.3.4.jar");
        std::fs::write(&old_jar, EMPTY_JAR).unwrap();
        std::fs::remove_file(prefix.join("bin/hdfs")).unwrap();
        std::os::unix::fs::symlink(&program, prefix.join("bin/hdfs")).unwrap();
        install(&prefix, &program).unwrap();
        assert!(!old_jar.exists());
        for name in Name::ALL {
            let script = std::fs::read_to_string(prefix.join("bin").join(name.word())).unwrap();
            assert!(script.starts_with("#!/bin/sh\nexec ") && script.ends_with(" \"$@\"\n"), "{script}");
        }
        std::fs::write(prefix.join("bin/yarn"), "theirs").unwrap();
        std::fs::remove_file(prefix.join("bin/hdfs")).unwrap();
        assert!(matches!(install(&prefix, &program), Err(InstallError::Taken(_))));
        assert!(!prefix.join("bin/hdfs").exists());
    }

    #[test]
    fn a_command_finds_its_folder() {
        let folder = tempfile::tempdir().unwrap();
        let prefix = folder.path().canonicalize().unwrap().join("h");
        let program = folder.path().join("mr-stream");
        std::fs::write(&program, "").unwrap();
        install(&prefix, &program).unwrap();
        let mut host = HostFacts::example();
        assert_eq!(prefix_of(prefix.join("bin/hadoop").as_os_str(), &host).as_deref(), Some(&*prefix));
        assert_eq!(prefix_of(OsStr::new("hadoop"), &host), None);
        host.environment = vec![("PATH".into(), prefix.join("bin").into())];
        assert_eq!(prefix_of(OsStr::new("hadoop"), &host).as_deref(), Some(&*prefix));
        assert_eq!(prefix_of(program.as_os_str(), &host), None);
    }
}
