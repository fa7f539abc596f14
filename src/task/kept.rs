//! A failed attempt, kept so that its user can look at it and run it again.
//!
//! ```text
//!   attempt_..._m_000003_0/
//!     repeat.sh     runs the child alone: its program, arguments, environment, folder and input
//!     input         what the child was given, made again from the split or the segments
//!     stderr        its last words
//!     about.txt     what failed, and what was cut or left out here
//!     work/         the attempt's folder with its links, if the job ships files
//!     archives/     what the job's archives held
//!     output/       where side files go
//! ```
//!
//! Good attempts pay nothing for it: all this is made when one has failed. The environment is the attempt's own but
//! for folders that go with the job, in whose place stand folders in here. What a combiner was given depends on
//! memory and cannot be made again, so its attempts are not kept.

mod script;

use super::environment::Places;
use super::map_task::{self, command_of};
use super::workdir::{UnpackedArchives, Workplace};
use super::{TaskError, TaskFailure, TaskHost, reduce_task};
use crate::error::{self, At, IoError};
use crate::fs::{self, DirBuilder, File, Permissions};
use crate::ids::TaskKind;
use crate::local_fs::LastFailure;
use crate::plan::KeepPlace;
use crate::shuffle::run::Run;
use crate::streaming::child::{ChildInput, Feed};
use script::Script;
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Keeps what `error` tells of, if the job wants that and the child failed by itself; `error` then says where. `runs`
/// is all map output, for a reduce attempt. That it cannot be kept is a warning.
pub(crate) fn keep(host: &TaskHost<'_>, runs: &[Arc<Run>], error: &mut TaskError) {
    let plan = host.plan;
    let processor = if error.attempt.task.kind == TaskKind::Map { &plan.mapper } else { &plan.reducer };
    let command = command_of(processor).filter(|command| error.command.as_deref() == Some(command));
    let Some(command) = command.filter(|_| error.failure.is_the_childs()) else { return };
    match keep_in_place(host, runs, error, command) {
        Ok(kept) => error.kept = kept,
        // Its input is not read again when the job is to end.
        Err(_) if host.groups.stopped() => {}
        Err(failure) => {
            let text = format!("the failed attempt cannot be kept: {}", error::chain(&failure));
            host.events.warning(error.attempt, &text);
        }
    }
}

fn keep_in_place(
    host: &TaskHost<'_>,
    runs: &[Arc<Run>],
    failed: &TaskError,
    command: &[String],
) -> Result<Option<PathBuf>, TaskFailure> {
    let last;
    let above = match &host.plan.keep_failed.place {
        KeepPlace::Nowhere => return Ok(None),
        KeepPlace::Last => {
            last = LastFailure::take(&host.plan.resources.local_dirs[0])?;
            last.path()
        }
        KeepPlace::Below(dir) => dir,
    };
    let dir = above.join(failed.attempt.in_job(&host.plan.job_id));
    let private = DirBuilder::new().mode(0o700).recursive(true).create(above);
    private.and_then(|()| DirBuilder::new().mode(0o700).create(&dir)).at("make folder", &dir)?;
    let mut kept = Kept { host, failed, dir: &dir, left: host.plan.keep_failed.bytes_max, notes: Vec::new() };
    if let Err(failure) = kept.fill(runs, command) {
        // Half of an attempt would only mislead.
        drop(fs::remove_dir_all(&dir));
        return Err(failure);
    }
    Ok(Some(dir))
}

/// An attempt on its way into its folder.
struct Kept<'a> {
    host: &'a TaskHost<'a>,
    failed: &'a TaskError,
    dir: &'a Path,
    /// Bytes that may still be kept.
    left: u64,
    /// What is not as it was.
    notes: Vec<String>,
}

impl Kept<'_> {
    fn fill(&mut self, runs: &[Arc<Run>], command: &[String]) -> Result<(), TaskFailure> {
        self.keep_input(runs)?;
        let archives = self.keep_archives()?;
        let (host, attempt) = (self.host, self.failed.attempt);
        let output = self.dir.join("output");
        let is_map = attempt.task.kind == TaskKind::Map;
        if !is_map || host.plan.reduces == 0 {
            // As in the job: a mapper before a shuffle makes the folder itself, if it has side files.
            fs::create_dir(&output).at("make folder", &output)?;
        }
        let places =
            Places { output: &output, local_dirs: vec![self.dir.join("local")], archives: &archives };
        let commands = if is_map { map_task::map_commands(host.plan) } else { vec![command] };
        let work = self.dir.join("work");
        let workplace = Workplace::prepare_again(host, attempt, &commands, &places, work)?;
        let title = attempt.in_job(&host.plan.job_id);
        let script = Script { title: &title, command: &workplace.command(command), dir: workplace.dir() };
        self.write("repeat.sh", &script.render())?;
        let path = self.dir.join("repeat.sh");
        fs::set_permissions(&path, Permissions::from_mode(0o700)).at("make executable", &path)?;
        let stderr: Vec<u8> =
            self.failed.stderr_tail.iter().flat_map(|line| [line, &b"\n"[..]].concat()).collect();
        self.write("stderr", &stderr)?;
        self.write("about.txt", self.about(command).as_bytes())?;
        Ok(())
    }

    fn write(&self, name: &str, bytes: &[u8]) -> Result<(), IoError> {
        let path = self.dir.join(name);
        fs::write(&path, bytes).at("write", &path)
    }

    /// What the child was given.
    fn keep_input(&mut self, runs: &[Arc<Run>]) -> Result<(), TaskFailure> {
        let path = self.dir.join("input");
        let file = File::create_new(&path).at("make", &path)?;
        let mut slice = Slice { file, left: self.left, is_cut: false };
        let (host, attempt) = (self.host, self.failed.attempt);
        match attempt.task.kind {
            TaskKind::Map => map_task::write_input(host, attempt, &mut slice),
            TaskKind::Reduce => reduce_task::write_input(host, attempt, runs, &mut slice),
        }
        .or_else(|failure| match failure {
            // There is a file where else the child is.
            TaskFailure::Pipe { source, .. } => Err(source).at("write", &path).map_err(Into::into),
            failure => Err(failure),
        })?;
        if slice.is_cut {
            self.notes.push(format!("input is cut: it has only the first {} bytes", self.left));
        }
        self.left = slice.left;
        Ok(())
    }

    /// Copies what the job's archives were unpacked to, which goes with the job.
    fn keep_archives(&mut self) -> Result<UnpackedArchives, TaskFailure> {
        let mut copies = UnpackedArchives::default();
        for (archive, content) in &self.host.archives.0 {
            let copy = self.dir.join("archives").join(copies.0.len().to_string());
            if !copy_tree(content, &copy, &mut self.left)? {
                self.notes.push(format!("what {} held is cut", archive.display()));
            }
            copies.0.insert(archive.clone(), copy);
        }
        Ok(copies)
    }

    fn about(&self, command: &[String]) -> String {
        let failed = self.failed;
        let mut lines = vec![
            format!("attempt: {}", failed.attempt.in_job(&self.host.plan.job_id)),
            format!("command: {}", command.join(" ")),
            format!("failure: {}", error::chain(&failed.failure)),
            format!("records given to the child: {}", failed.records),
        ];
        let splits = self.host.plan.maps.get(failed.attempt.task.number as usize);
        match (failed.attempt.task.kind, splits) {
            (TaskKind::Map, Some(map)) => lines.extend(map.splits.iter().map(|split| {
                format!("split: {} from byte {}, {} bytes", split.path.display(), split.start, split.length)
            })),
            _ => lines.push(format!("partition: {}", failed.attempt.task.number)),
        }
        lines.push("stderr holds the last 64 KiB, without reporter lines".to_owned());
        lines.extend_from_slice(&self.notes);
        lines.join("\n") + "\n"
    }
}

/// A file that takes a child's input up to some number of bytes.
struct Slice {
    file: File,
    left: u64,
    is_cut: bool,
}

impl ChildInput for Slice {
    fn write(&mut self, block: &[u8]) -> io::Result<Feed> {
        let taken = usize::try_from(self.left).unwrap_or(usize::MAX).min(block.len());
        self.file.write_all(&block[..taken])?;
        self.left -= taken as u64;
        self.is_cut |= taken < block.len();
        Ok(if self.is_cut { Feed::Refused } else { Feed::More })
    }
}

/// Copies a folder of an archive, or as much of it as there are bytes left; false if that is not all.
fn copy_tree(from: &Path, to: &Path, left: &mut u64) -> Result<bool, IoError> {
    fs::create_dir_all(to).at("make folder", to)?;
    let mut is_whole = true;
    for entry in fs::read_dir(from).at("list", from)? {
        let entry = entry.at("list", from)?;
        let (path, copy) = (entry.path(), to.join(entry.file_name()));
        let facts = path.symlink_metadata().at("look at", &path)?;
        if facts.is_dir() {
            is_whole &= copy_tree(&path, &copy, left)?;
        } else if facts.is_symlink() {
            let target = fs::read_link(&path).at("read link", &path)?;
            symlink(target, &copy).at("make link", &copy)?;
        } else if facts.len() <= *left {
            *left -= fs::copy(&path, &copy).at("copy a file to", &copy)?;
        } else {
            is_whole = false;
        }
    }
    Ok(is_whole)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn input_is_cut_at_its_bound() {
        let check = |left: u64, expect: &[u8], is_cut: bool| {
            let mut slice = Slice { file: tempfile::tempfile().unwrap().into(), left, is_cut: false };
            for block in [&b"abc"[..], b"def"] {
                if slice.write(block).unwrap() != Feed::More {
                    break;
                }
            }
            let mut found = Vec::new();
            io::Seek::rewind(&mut slice.file).unwrap();
            io::Read::read_to_end(&mut slice.file, &mut found).unwrap();
            assert_eq!((found.as_slice(), slice.is_cut), (expect, is_cut), "{left}");
        };
        check(100, b"abcdef", false);
        check(6, b"abcdef", false);
        check(5, b"abcde", true);
        check(2, b"ab", true);
        check(0, b"", true);
    }

    #[test]
    fn folders_are_copied_as_far_as_there_is_room() {
        let root = tempfile::tempdir().unwrap();
        let from = root.path().join("from");
        fs::create_dir_all(from.join("deep/empty")).unwrap();
        fs::write(from.join("deep/file"), "12345").unwrap();
        symlink("deep/file", from.join("link")).unwrap();
        for (room, is_whole) in [(5, true), (4, false)] {
            let (to, mut left) = (root.path().join(room.to_string()), room);
            assert_eq!(copy_tree(&from, &to, &mut left).unwrap(), is_whole);
            assert!(to.join("deep/empty").is_dir());
            assert_eq!(fs::read_link(to.join("link")).unwrap(), Path::new("deep/file"));
            assert_eq!(fs::read(to.join("link")).ok(), is_whole.then(|| b"12345".to_vec()));
        }
    }
}
