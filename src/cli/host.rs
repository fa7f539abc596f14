//! The facts of this machine and process, read once.

use crate::conf::HostFacts;
use std::path::{Path, PathBuf};
use std::thread::available_parallelism;

/// Assumed where the system does not say how much memory there is.
const MEMORY_BYTES_UNKNOWN: u64 = 2 << 30;

/// Reads the environment, the current folder and the machine's size.
#[expect(clippy::disallowed_methods, reason = "this is the one place that reads them")]
pub(super) fn facts() -> std::io::Result<HostFacts> {
    let environment: Vec<_> = std::env::vars_os().collect();
    let variable = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty());
    let user = variable("USER").or_else(|| variable("LOGNAME"));
    Ok(HostFacts {
        user: user.map_or_else(|| "user".into(), |user| user.to_string_lossy().into_owned()),
        home: variable("HOME").map_or_else(|| "/".into(), PathBuf::from),
        current_dir: std::env::current_dir()?,
        temp_dir: std::env::temp_dir(),
        memory_bytes: memory_bytes(),
        cores: available_parallelism().map_or(1, |cores| cores.get() as u32),
        environment,
    })
}

/// Memory of the machine or of the smallest control group we are in.
fn memory_bytes() -> u64 {
    let total = std::fs::read_to_string("/proc/meminfo").ok().and_then(|text| {
        let line = text.lines().find_map(|line| line.strip_prefix("MemTotal:"))?;
        Some(line.trim().strip_suffix("kB")?.trim().parse::<u64>().ok()? << 10)
    });
    group_limits().chain(total).min().unwrap_or(MEMORY_BYTES_UNKNOWN)
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
