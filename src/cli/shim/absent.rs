//! Commands that mean nothing on one machine: a line that says why, and what to use.
//!
//! Scripts of tutorials start daemons and format HDFS before they run jobs. Nothing needs that here, so these commands
//! succeed. Commands that would have done something which cannot be had here fail, as an unknown command does.

use super::Name;
use crate::cli::{exit, print, voice};

/// The daemons of Hadoop, which are commands too.
const DAEMONS: [&str; 15] = [
    "datanode",
    "dfsrouter",
    "historyserver",
    "httpfs",
    "journalnode",
    "namenode",
    "nfs3",
    "nodemanager",
    "portmap",
    "proxyserver",
    "resourcemanager",
    "secondarynamenode",
    "sharedcachemanager",
    "timelineserver",
    "zkfc",
];

/// Scripts in `sbin` that start and stop daemons.
pub(super) const SCRIPTS: [&str; 20] = [
    "distribute-exclude.sh",
    "hadoop-daemon.sh",
    "hadoop-daemons.sh",
    "httpfs.sh",
    "kms.sh",
    "mr-jobhistory-daemon.sh",
    "refresh-namenodes.sh",
    "start-all.sh",
    "start-balancer.sh",
    "start-dfs.sh",
    "start-secure-dns.sh",
    "start-yarn.sh",
    "stop-all.sh",
    "stop-balancer.sh",
    "stop-dfs.sh",
    "stop-secure-dns.sh",
    "stop-yarn.sh",
    "workers.sh",
    "yarn-daemon.sh",
    "yarn-daemons.sh",
];

/// Commands that fail, and why.
const REFUSED: [(&str, &str); 22] = [
    ("archive", "it would make .har files, which are not read here; use tar"),
    ("archive-logs", "logs are in the folder that yarn logs names, and few are kept"),
    ("cacheadmin", "nothing of HDFS is pinned in memory; it is a folder"),
    ("credential", "there is no store for secrets; use files that only you can read"),
    ("crypto", "HDFS is a folder here; encrypt the disk that it is on"),
    ("daemonlog", "there are no daemons; mr-stream -verbose says more of a job"),
    ("distcp", "there is one file system here; use hadoop fs -cp"),
    ("dtutil", "there are no tokens; files belong to the user"),
    ("ec", "HDFS is a folder here, and its disk keeps one copy of each file"),
    ("fetchdt", "there are no tokens; files belong to the user"),
    ("haadmin", "there are no daemons, so there is nothing to fail over"),
    ("jmxget", "there are no daemons that would answer"),
    ("key", "there is no store for keys"),
    ("kms", "there is no store for keys"),
    ("minicluster", "jobs run without a cluster; use mapred streaming"),
    ("mover", "HDFS is a folder here, on one disk"),
    ("oev", "there is no edit log; HDFS is a folder"),
    ("oiv", "there is no image of HDFS; it is a folder, see hadoop fs -ls -R /"),
    ("pipes", "it runs programs of Hadoop's own C++ library; use mapred streaming"),
    ("rmadmin", "there is no resource manager; all jobs run at once"),
    ("snapshotDiff", "there are no snapshots here"),
    ("storagepolicies", "HDFS is a folder here, on one disk"),
];

/// Commands that do nothing and succeed, and what is said.
const NEEDLESS: [(&str, &str); 4] = [
    ("balancer", "The cluster is balanced. Exiting..."),
    ("diskbalancer", "HDFS is a folder here, on one disk: there is nothing to balance."),
    ("lsSnapshottableDir", ""),
    ("rolling-upgrade", "There are no daemons to upgrade."),
];

/// Message printed instead of starting a daemon.
pub(super) fn no_daemon(name: &str) -> String {
    format!("{name}: there are no daemons: jobs run without them, and HDFS is a folder. Nothing was done.\n")
}

/// What a script in `sbin` prints.
pub(super) fn script_text(name: &str) -> String {
    let doing = if name.starts_with("stop-") { "stopping" } else { "starting" };
    format!("{name}: nothing needs {doing}: mr-stream runs jobs without daemons, and HDFS is a folder.")
}

/// Tells of a command that is absent here; returns the exit code, or `None` if Hadoop has no such command either.
pub(super) fn tell(name: Name, command: &str) -> Option<u8> {
    if DAEMONS.contains(&command) {
        return Some(print(&no_daemon(&format!("{} {command}", name.word()))));
    }
    if let Some((_, text)) = NEEDLESS.iter().find(|(known, _)| *known == command) {
        return Some(print(&if text.is_empty() { String::new() } else { format!("{text}\n") }));
    }
    let (_, why) = REFUSED.iter().find(|(known, _)| *known == command)?;
    voice::put(&format!("ERROR: {} {command} is not built in here: {why}.", name.word()));
    Some(exit::USAGE)
}
