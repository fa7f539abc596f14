//! Who and where we are, as the command line found it.

use std::ffi::OsString;
use std::path::PathBuf;

/// The facts of machine and process that configuration depends on. Read once by `cli` and passed down.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HostFacts {
    /// The environment.
    pub environment: Vec<(OsString, OsString)>,
    /// The user's name (Java's `user.name`).
    pub user: String,
    /// The machine's name, if it has one.
    pub host_name: Option<String>,
    /// The user's home (Java's `user.home`).
    pub home: PathBuf,
    /// The current folder, absolute.
    pub current_dir: PathBuf,
    /// The folder for temporary files, absolute (Java's `java.io.tmpdir`).
    pub temp_dir: PathBuf,
    /// The folder that stands for HDFS unless a property names another ([`crate::dfs`]), absolute.
    pub hdfs_root: PathBuf,
    /// The file system of paths without a scheme, unless `fs.defaultFS` is given.
    pub default_fs: &'static str,
    /// The folder for what this program remembers of its runs, absolute; a user without a home has none.
    pub state_dir: Option<PathBuf>,
    /// This program's file, if the system tells.
    pub program: Option<PathBuf>,
    /// The command line, the program's name included, for those who remember it.
    pub command_line: Vec<String>,
    /// Where logs of tasks are kept, if they are: a folder with `userlogs` in it, absolute.
    pub logs_dir: Option<PathBuf>,
    /// Memory this process may use in bytes, limits of containers applied.
    pub memory_bytes: u64,
    /// Cores this process may use, at least one.
    pub cores: u32,
    /// Attempts that may run at once for all the descriptors they need.
    pub slots_max: u32,
}

impl HostFacts {
    /// The user in whose name jobs run. Hadoop: `UserGroupInformation`, without Kerberos.
    pub fn job_user(&self) -> String {
        let given = self.environment.iter().find(|(name, _)| name == "HADOOP_USER_NAME");
        given.map_or_else(|| self.user.clone(), |(_, user)| user.to_string_lossy().into_owned())
    }
}

#[cfg(test)]
impl HostFacts {
    /// A machine for tests: user `ann`, 1 GiB, 4 cores, `/start` as current folder.
    pub(crate) fn example() -> HostFacts {
        let environment = [("PATH", "/bin"), ("HOME", "/home/ann"), ("EMPTY", "")];
        HostFacts {
            environment: environment.iter().map(|(name, value)| (name.into(), value.into())).collect(),
            user: "ann".into(),
            host_name: Some("house".into()),
            home: "/home/ann".into(),
            current_dir: "/start".into(),
            temp_dir: "/tmp".into(),
            hdfs_root: "/home/ann/dfs".into(),
            default_fs: "file:///",
            state_dir: None,
            program: None,
            command_line: Vec::new(),
            logs_dir: None,
            memory_bytes: 1 << 30,
            cores: 4,
            slots_max: 1 << 10,
        }
    }
}
