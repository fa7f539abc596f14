//! What scripts ask of a cluster before they use it: `hdfs getconf`, `hdfs dfsadmin`, `hadoop checknative`. Hadoop:
//! `GetConf`, `DFSAdmin`, `NativeLibraryChecker`.

use crate::cli::{exit, print, voice};
use crate::conf::keys::{present_name, property};
use crate::conf::{self, HostFacts, StreamOptions};
use crate::error;
use std::fmt::Write as _;

/// `hdfs getconf WORDS`: defaults, for there are no files of a configuration.
pub(super) fn getconf(words: &[String], host: &HostFacts) -> u8 {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        ["-namenodes"] => print("localhost\n"),
        ["-confKey", key] => {
            let value = match present_name(key) {
                "fs.defaultFS" => Some(host.default_fs),
                name => property(name).and_then(|property| property.default.value()),
            };
            if let Some(value) = value {
                return print(&format!("{value}\n"));
            }
            voice::put(&format!("Configuration {key} is missing."));
            exit::HADOOP_ERROR
        }
        _ => misused(
            "hdfs getconf is utility for getting configuration information from the config file.\n\n\
                      hadoop getconf \n\t[-namenodes]\t\t\tgets list of namenodes in the cluster.\n\t[-confKey \
                      [key]]\t\t\tgets a specific key from the configuration",
        ),
    }
}

/// `hdfs dfsadmin WORDS`.
pub(super) fn dfsadmin(words: &[String], host: &HostFacts) -> u8 {
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    match words[..] {
        // Nothing here is ever in it.
        ["-safemode", "get" | "leave" | "wait"] => print("Safe mode is OFF\n"),
        ["-report", ..] => report(host),
        _ => misused(
            "Usage: hdfs dfsadmin\n\t[-report]\n\t[-safemode <get | leave | wait>]\nThe rest is for those who run a \
             cluster: HDFS is a folder here, see mr-stream properties, mrstream.hdfs.root.",
        ),
    }
}

fn misused(usage: &str) -> u8 {
    voice::put_lines(usage);
    exit::HADOOP_ERROR
}

/// The disk that the folder for HDFS is on.
fn report(host: &HostFacts) -> u8 {
    let looked = conf::resolve_fs(&StreamOptions::default(), host)
        .map_err(|error| error::chain(&error))
        .and_then(|conf| {
            let root = conf.addresses.root.clone();
            conf.addresses.prepare().map_err(|error| error::chain(&error))?;
            let disk = rustix::fs::statvfs(&root).map_err(|error| format!("{}: {error}", root.display()))?;
            Ok((root, disk))
        });
    let (root, disk) = match looked {
        Ok(looked) => looked,
        Err(error) => {
            voice::put(&format!("report: {error}"));
            return exit::HADOOP_ERROR;
        }
    };
    let total = disk.f_blocks * disk.f_frsize;
    let used = total.saturating_sub(disk.f_bfree * disk.f_frsize);
    let free = disk.f_bavail * disk.f_frsize;
    let share = used as f64 / (used + free).max(1) as f64 * 100.0;
    let mut text = String::new();
    for (name, bytes) in [
        ("Configured Capacity", total),
        ("Present Capacity", used + free),
        ("DFS Remaining", free),
        ("DFS Used", used),
    ] {
        writeln!(text, "{name}: {bytes} ({})", described(bytes)).expect("a string takes everything");
    }
    print(&format!(
        "{text}DFS Used%: {share:.2}%\n\n{}\nLive datanodes (1):\n\nName: localhost (the folder {})\n",
        "-".repeat(49),
        root.display()
    ))
}

/// Hadoop: `StringUtils.byteDesc`.
fn described(bytes: u64) -> String {
    let (mut value, mut unit) = (bytes as f64 / 1024.0, "KB");
    for larger in ["MB", "GB", "TB", "PB", "EB"] {
        if value < 1024.0 {
            break;
        }
        (value, unit) = (value / 1024.0, larger);
    }
    format!("{value:.2} {unit}")
}

/// `hadoop checknative WORDS`: all codecs that it tells of are built in.
pub(super) fn checknative(words: &[String]) -> u8 {
    let codecs = ["hadoop: ", "zlib:   ", "zstd  : ", "snappy: ", "lz4:    ", "bzip2:  "];
    let mut text = String::from("Native library checking:\n");
    for name in codecs {
        writeln!(text, "{name} true built in").expect("a string takes everything");
    }
    text.push_str("openssl: false \nISA-L:   false \nPMDK:    false \n");
    print(&text);
    let want_all = words.iter().any(|word| word == "-a");
    if want_all { exit::JOB_FAILED } else { exit::OK }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_described() {
        let check = |bytes: u64, expect: &str| assert_eq!(described(bytes), expect);
        check(0, "0.00 KB");
        check(1023, "1.00 KB");
        check(1 << 20, "1.00 MB");
        check(249_769_230_336, "232.62 GB");
        check(u64::MAX, "16.00 EB");
    }
}
