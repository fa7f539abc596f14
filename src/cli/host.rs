//! The facts of this machine and process, read once.

use crate::conf::HostFacts;
use crate::fs_shell::Accounts;
use crate::local_fs;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// The accounts of this machine.
const ACCOUNTS: &str = "/etc/passwd";

/// The groups of this machine.
const GROUPS: &str = "/etc/group";

/// The variable that names the folder that stands for HDFS.
const HDFS_ROOT: &str = "MRSTREAM_HDFS_ROOT";

/// Assumed where the system does not say how much memory there is.
const MEMORY_BYTES_UNKNOWN: u64 = 2 << 30;

/// Reads the environment, the current folder and the machine's size.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads them")]
pub(super) fn facts() -> std::io::Result<HostFacts> {
    let environment: Vec<_> = std::env::vars_os().collect();
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let user =
        variable("USER").or_else(|| variable("LOGNAME")).map(|user| user.to_string_lossy().into_owned());
    let home = variable("HOME").map_or_else(|| "/".into(), PathBuf::from);
    let current_dir = std::env::current_dir()?;
    // The folders of the XDG Base Directory Specification.
    let below_home = |name: &str, otherwise: &str| {
        let given = variable(name).map(PathBuf::from).filter(|folder| folder.is_absolute());
        given.unwrap_or_else(|| home.join(otherwise)).join("mr-stream")
    };
    let hdfs_root = match variable(HDFS_ROOT) {
        Some(root) => current_dir.join(root),
        None => below_home("XDG_DATA_HOME", ".local/share").join("hdfs"),
    };
    let has_home = variable("XDG_STATE_HOME").or_else(|| variable("HOME")).is_some();
    let state_dir = has_home.then(|| below_home("XDG_STATE_HOME", ".local/state"));
    let host_name = rustix::system::uname().nodename().to_string_lossy().into_owned();
    Ok(HostFacts {
        user: account_name().or(user).unwrap_or_else(|| "user".into()),
        host_name: Some(host_name).filter(|name| !name.is_empty()),
        home,
        current_dir,
        temp_dir: std::env::temp_dir(),
        hdfs_root,
        default_fs: "file:///",
        state_dir,
        program: std::env::current_exe().ok(),
        command_line: std::env::args_os().map(|word| word.to_string_lossy().into_owned()).collect(),
        logs_dir: None,
        memory_bytes: memory_bytes(),
        cores: available_parallelism().map_or(1, |cores| cores.get() as u32),
        slots_max: local_fs::slots_max(),
        environment,
    })
}

/// The faults that a test asks for: `MRSTREAM_FAULT`, `MRSTREAM_FAULT_LOG`. Not in a release build.
///
/// # Errors
/// What is wrong with them.
#[cfg(debug_assertions)]
#[expect(clippy::disallowed_methods, reason = "faults are not for the conf")]
pub(super) fn arm_faults() -> Result<Option<crate::fault::Faults>, String> {
    let (rules, log) = (std::env::var_os("MRSTREAM_FAULT"), std::env::var_os("MRSTREAM_FAULT_LOG"));
    if rules.is_none() && log.is_none() {
        return Ok(None);
    }
    crate::fault::arm(&rules.unwrap_or_default().to_string_lossy(), log.map(PathBuf::from)).map(Some)
}

/// The names of users and groups of this machine.
pub(super) fn accounts() -> Accounts {
    let read = |path: &str| std::fs::read(path).unwrap_or_default();
    let text = |path: &str| String::from_utf8_lossy(&read(path)).into_owned();
    Accounts::new(&text(ACCOUNTS), &text(GROUPS))
}

/// The name of the account we run under, as Java finds it; accounts that are not in the file are not found.
fn account_name() -> Option<String> {
    let accounts = std::fs::read(ACCOUNTS).ok()?;
    let number = rustix::process::getuid().as_raw().to_string();
    name_in(&String::from_utf8_lossy(&accounts), &number)
}

/// The name of the account with this number: lines of `name:password:number:...`.
fn name_in(accounts: &str, number: &str) -> Option<String> {
    let mut accounts = accounts.lines().map(|line| line.split(':'));
    accounts.find_map(|mut fields| {
        let name = fields.next().filter(|name| !name.is_empty())?;
        (fields.nth(1) == Some(number)).then(|| name.to_owned())
    })
}

/// Memory of the machine, of the smallest control group we are in, or of this process (`ulimit -v`, `ulimit -d`).
fn memory_bytes() -> u64 {
    let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
    });
    group_limits().chain(process_limits()).chain(total).min().unwrap_or(MEMORY_BYTES_UNKNOWN)
}

fn process_limits() -> impl Iterator<Item = u64> {
    use rustix::process::{Resource, getrlimit};
    [Resource::As, Resource::Data].into_iter().filter_map(|resource| getrlimit(resource).current)
}

/// The memory limits of our control group and of those around it, of either version.
fn group_limits() -> impl Iterator<Item = u64> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    let mut files = Vec::new();
    for line in groups.lines() {
        let mut fields = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(group)) = (fields.next(), fields.next()) else { continue };
        let (root, file) = match controllers {
            "" => ("/sys/fs/cgroup", "memory.max"),
            _ if controllers.split(',').any(|name| name == "memory") => {
                ("/sys/fs/cgroup/memory", "memory.limit_in_bytes")
            }
            _ => continue,
        };
        let group = Path::new(group.trim_start_matches('/'));
        files.extend(group.ancestors().map(|folder| Path::new(root).join(folder).join(file)));
    }
    files.into_iter().filter_map(|file| std::fs::read_to_string(file).ok()?.trim().parse().ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_are_found_by_number() {
        let accounts =
            "root:x:0:0:root:/root:/bin/sh\n\n:x:7\nann:x:1000:100::/home/ann:/bin/sh\nbob:x:1000:1\n";
        let check = |number: &str, expect: Option<&str>| {
            assert_eq!(name_in(accounts, number).as_deref(), expect, "{number}");
        };
        check("0", Some("root"));
        check("1000", Some("ann"));
        check("100", None);
        check("7", None);
    }
}
