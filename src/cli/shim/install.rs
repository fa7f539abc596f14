//! `mr-stream install-commands PREFIX`: a folder that programs take for a Hadoop installation.
//!
//! ```text
//! PREFIX/bin/{hadoop,hdfs,mapred,yarn}                        links to this program
//! PREFIX/share/hadoop/tools/lib/hadoop-streaming-3.3.4.jar    an empty archive, for those who look for the jar
//! PREFIX/logs/userlogs/                                       logs of tasks
//! ```
//!
//! Nothing that stands there already is replaced, links to this program excepted: no real Hadoop is ever changed.

use super::{HADOOP_VERSION, Name};
use crate::conf::HostFacts;
use crate::error::{At, IoError};
use crate::streaming::command::shell_word;
use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

/// An archive without entries, as zip writes it: only the record at its end.
const EMPTY_JAR: &[u8] = b"PK\x05\x06\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0";

/// Why the folder cannot be laid out.
#[derive(Debug, thiserror::Error)]
pub(in crate::cli) enum InstallError {
    /// Another program has the name.
    #[error("{} is there already and is no link to mr-stream; choose another folder, or remove it", .0.display())]
    Taken(PathBuf),
    /// The operating system refused.
    #[error(transparent)]
    Io(#[from] IoError),
}

pub(super) fn jar_in(prefix: &Path) -> PathBuf {
    prefix.join(format!("share/hadoop/tools/lib/hadoop-streaming-{HADOOP_VERSION}.jar"))
}

/// Lays out `prefix` with links to `program`; returns the lines that a shell needs.
pub(in crate::cli) fn install(prefix: &Path, program: &Path) -> Result<String, InstallError> {
    let bin = prefix.join("bin");
    let links = Name::ALL.map(|name| bin.join(name.word()));
    // Looked at before anything is made.
    for link in &links {
        let ours = |to: PathBuf| to.file_name().is_some_and(|name| name == "mr-stream") || to == program;
        if link.symlink_metadata().is_ok() && !crate::fs::read_link(link).is_ok_and(ours) {
            return Err(InstallError::Taken(link.clone()));
        }
    }
    crate::fs::create_dir_all(&bin).at("make folder", &bin)?;
    for link in &links {
        // A link is made aside and moved there, so that the command is never missing.
        let fresh = link.with_extension("new");
        crate::fs::remove_file(&fresh).ok();
        symlink(program, &fresh).at("make link", &fresh)?;
        crate::fs::rename(&fresh, link).at("make link", link)?;
    }
    let jar = jar_in(prefix);
    if jar.symlink_metadata().is_err() {
        let folder = jar.parent().unwrap_or(prefix);
        crate::fs::create_dir_all(folder).at("make folder", folder)?;
        crate::fs::write(&jar, EMPTY_JAR).at("write", &jar)?;
    }
    let prefix = prefix.canonicalize().at("look at folder", prefix)?;
    let bin = prefix.join("bin");
    let home = shell_word(&prefix.to_string_lossy());
    let bin = shell_word(&bin.to_string_lossy());
    Ok(format!("export HADOOP_HOME={home}\nexport PATH={bin}:\"$PATH\"\n"))
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
        for name in Name::ALL {
            assert_eq!(std::fs::read_link(prefix.join("bin").join(name.word())).unwrap(), program);
        }
        std::fs::remove_file(prefix.join("bin/yarn")).unwrap();
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
