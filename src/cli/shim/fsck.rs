//! `hdfs fsck PATH`: a report on the folder that stands for HDFS. Each file is one copy on the local disk, so all are
//! healthy. Hadoop: `DFSck`, `NamenodeFsck`.

use crate::cli::{exit, print, voice};
use crate::clock;
use crate::conf::{self, HostFacts, StreamOptions};
use crate::dfs::Purpose;
use crate::error::{self, At, IoError};
use crate::glob;
use std::fmt::Write as _;
use std::path::Path;

/// Bytes of a block of HDFS (`dfs.blocksize`).
const BLOCK_BYTES: u64 = /* 128 MiB */ 128 << 20;

/// What is in a folder, itself included.
#[derive(Default)]
struct Found {
    folders: u64,
    files: u64,
    blocks: u64,
    bytes: u64,
    /// A line for each file, if wanted.
    lines: String,
}

/// Runs `hdfs fsck WORDS`; returns the exit code.
pub(super) fn run(words: &[String], host: &HostFacts) -> u8 {
    let Some(given) = words.iter().find(|word| !word.starts_with('-')) else {
        voice::put_lines(
            "Usage: hdfs fsck <path> [-files]\n\t<path>\tstart checking from this path\n\t-files\tprint out files being checked\nOther options are accepted: each file is one copy on the local disk.",
        );
        return exit::HADOOP_ERROR;
    };
    let conf = match conf::resolve_fs(&StreamOptions::default(), host) {
        Ok(conf) => conf,
        Err(error) => {
            voice::put(&format!("fsck: {}", error::chain(&error)));
            return exit::JOB_FAILED;
        }
    };
    let place = match conf.addresses.locate(given, Purpose::Write) {
        Ok(place) => place,
        Err(error) => {
            voice::put(&format!("fsck: {}", error::chain(&error)));
            return exit::JOB_FAILED;
        }
    };
    let root = &conf.addresses.root;
    let path = format!("/{}", place.path.strip_prefix(root).unwrap_or(&place.path).display());
    if !place.path.exists() {
        voice::put("FileSystem is inaccessible due to:");
        voice::put(&format!("java.io.FileNotFoundException: File does not exist: {path}"));
        voice::put("DFSck exiting.");
        return exit::OK;
    }
    let (user, begun) = (host.job_user(), clock::now_ms());
    let shows_files = words.iter().any(|word| word == "-files");
    let mut found = Found::default();
    if let Err(error) = found.look(&place.path, root, shows_files) {
        voice::put(&format!("fsck: {}", error::chain(&error)));
        return exit::JOB_FAILED;
    }
    let (stamp, ended) = ("%a %b %d %H:%M:%S %Z %Y", clock::now_ms());
    print(&format!(
        "FSCK started by {user} (auth:SIMPLE) from /127.0.0.1 for path {path} at {}\n{}\n\nStatus: HEALTHY\n{}\nFSCK ended \
         at {} in {} milliseconds\n\n\nThe filesystem under path '{path}' is HEALTHY\n",
        clock::local(begun, stamp),
        found.lines,
        found.report(),
        clock::local(ended, stamp),
        ended - begun
    ))
}

impl Found {
    fn look(&mut self, path: &Path, root: &Path, shows_files: bool) -> Result<(), IoError> {
        let facts = crate::fs::metadata(path).at("look at", path)?;
        let shown = format!("/{}", path.strip_prefix(root).unwrap_or(path).display());
        if facts.is_dir() {
            self.folders += 1;
            if shows_files {
                writeln!(self.lines, "{shown} <dir>").expect("a string takes everything");
            }
            let entries = glob::read_folder(path)?;
            return entries.iter().try_for_each(|entry| self.look(&entry.path, root, shows_files));
        }
        let (bytes, blocks) = (facts.len(), facts.len().div_ceil(BLOCK_BYTES));
        self.files += 1;
        self.blocks += blocks;
        self.bytes += bytes;
        if shows_files {
            writeln!(self.lines, "{shown} {bytes} bytes, replicated: replication=1, {blocks} block(s):  OK")
                .expect("a string takes everything");
        }
        Ok(())
    }

    fn report(&self) -> String {
        let Self { folders, files, blocks, bytes, .. } = self;
        let average = match blocks {
            0 => String::new(),
            _ => format!(" (avg. block size {} B)", bytes / blocks),
        };
        let share = |part: u64| match blocks {
            0 => String::new(),
            _ => format!(" ({:.1} %)", part as f64 * 100.0 / *blocks as f64),
        };
        let copies = if *blocks == 0 { "0.0" } else { "1.0" };
        format!(
            " Number of data-nodes:\t1\n Number of racks:\t\t1\n Total dirs:\t\t\t{folders}\n Total symlinks:\t\t0\n\n\
             Replicated Blocks:\n Total size:\t{bytes} B\n Total files:\t{files}\n Total blocks (validated):\t{blocks}{average}\n \
             Minimally replicated blocks:\t{blocks}{}\n Over-replicated blocks:\t0{none}\n Under-replicated blocks:\t0{none}\n \
             Mis-replicated blocks:\t\t0{none}\n Default replication factor:\t1\n Average block replication:\t{copies}\n \
             Missing blocks:\t\t0\n Corrupt blocks:\t\t0\n Missing replicas:\t\t0{none}\n Blocks queued for replication:\t0\n\n\
             Erasure Coded Block Groups:\n Total size:\t0 B\n Total files:\t0\n Total block groups (validated):\t0\n Minimally \
             erasure-coded block groups:\t0\n Over-erasure-coded block groups:\t0\n Under-erasure-coded block \
             groups:\t0\n Unsatisfactory placement block groups:\t0\n Average block group size:\t0.0\n Missing block \
             groups:\t\t0\n Corrupt block groups:\t\t0\n Missing internal blocks:\t0\n Blocks queued for \
             replication:\t0",
            share(*blocks),
            none = share(0)
        )
    }
}
