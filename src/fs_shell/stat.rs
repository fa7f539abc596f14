//! What is known of a file or folder, and how Hadoop writes it. Hadoop: `FileStatus`, `FsPermission`.

use super::attributes;
use crate::clock;
use crate::dfs::Scheme;
use crate::fs::Metadata;
use std::collections::HashMap;
use std::io::{self, ErrorKind};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

/// Block size that HDFS would have (`dfs.blocksize`).
const HDFS_BLOCK_BYTES: u64 = /* 128 MiB */ 128 << 20;
/// Block size of the local file system (`fs.local.block.size`).
const LOCAL_BLOCK_BYTES: u64 = /* 32 MiB */ 32 << 20;

/// A file or folder; links are followed.
#[derive(Clone, Debug)]
pub(super) struct Stat {
    pub(super) is_dir: bool,
    /// Bytes of a file. Folders have none in HDFS.
    pub(super) bytes: u64,
    /// Permissions: `rwx` three times, and above them the sticky bit.
    pub(super) mode: u32,
    pub(super) uid: u32,
    pub(super) gid: u32,
    pub(super) modified_ms: i64,
    pub(super) read_ms: i64,
    pub(super) block_bytes: u64,
    /// Copies of a file; folders have none.
    pub(super) copies: u32,
    /// Names of owner and group that no account of this machine has.
    pub(super) names: Names,
}

/// Owner and group by names that are kept beside a file: HDFS does not know the accounts of its clients' machines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Names {
    pub(super) owner: Option<String>,
    pub(super) group: Option<String>,
}

impl Names {
    /// The extended attributes that hold them.
    pub(super) const ATTRIBUTES: [&str; 2] = ["user.mrstream.owner", "user.mrstream.group"];

    fn of(path: &Path) -> Self {
        let [owner, group] = Self::ATTRIBUTES.map(|name| {
            let value = attributes::get(path, name).ok().flatten();
            value.and_then(|value| String::from_utf8(value).ok())
        });
        Self { owner, group }
    }
}

impl Stat {
    pub(super) fn new(scheme: Scheme, path: &Path, metadata: &Metadata) -> Self {
        let (is_dir, is_hdfs) = (metadata.is_dir(), scheme == Scheme::Hdfs);
        let ms = |time: io::Result<std::time::SystemTime>| time.map_or(0, clock::ms);
        Self {
            is_dir,
            bytes: if is_dir && is_hdfs { 0 } else { metadata.len() },
            mode: metadata.mode() & 0o1777,
            uid: metadata.uid(),
            gid: metadata.gid(),
            modified_ms: ms(metadata.modified()),
            // HDFS keeps no time of reading for folders.
            read_ms: if is_dir && is_hdfs { 0 } else { ms(metadata.accessed()) },
            block_bytes: match (is_dir, is_hdfs) {
                (true, true) => 0,
                (false, true) => HDFS_BLOCK_BYTES,
                (_, false) => LOCAL_BLOCK_BYTES,
            },
            copies: u32::from(!is_dir || !is_hdfs),
            names: if is_hdfs { Names::of(path) } else { Names::default() },
        }
    }

    /// What is at a path, if anything is.
    pub(super) fn look(scheme: Scheme, path: &Path) -> io::Result<Option<Self>> {
        match crate::fs::metadata(path) {
            Ok(metadata) => Ok(Some(Self::new(scheme, path, &metadata))),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::NotADirectory) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The owner's name.
    pub(super) fn owner(&self, accounts: &Accounts) -> String {
        self.names.owner.clone().unwrap_or_else(|| accounts.user(self.uid))
    }

    /// The group's name.
    pub(super) fn group(&self, accounts: &Accounts) -> String {
        self.names.group.clone().unwrap_or_else(|| accounts.group(self.gid))
    }

    /// `rwxr-xr-x`, with a `t` at the end for the sticky bit. Hadoop: `FsPermission.toString`.
    pub(super) fn permission(&self) -> String {
        let mut text = String::with_capacity(9);
        for shift in [6, 3, 0] {
            let bits = self.mode >> shift;
            for (bit, letter) in [(4, 'r'), (2, 'w'), (1, 'x')] {
                text.push(if bits & bit == 0 { '-' } else { letter });
            }
        }
        if self.mode & 0o1000 != 0 {
            let last = if text.ends_with('x') { 't' } else { 'T' };
            text.pop();
            text.push(last);
        }
        text
    }
}

/// Names of users and groups by number.
#[derive(Debug, Default)]
pub struct Accounts {
    users: HashMap<u32, String>,
    groups: HashMap<u32, String>,
}

impl Accounts {
    /// From the text of `/etc/passwd` and `/etc/group`: lines of `name:password:number:...`.
    pub fn new(users: &str, groups: &str) -> Self {
        let read = |text: &str| {
            let entry = |line: &str| {
                let mut fields = line.split(':');
                let name = fields.next()?.to_owned();
                Some((fields.nth(1)?.parse().ok()?, name))
            };
            // The first name of a number counts.
            text.lines().rev().filter_map(entry).collect()
        };
        Self { users: read(users), groups: read(groups) }
    }

    fn user(&self, number: u32) -> String {
        self.users.get(&number).cloned().unwrap_or_else(|| number.to_string())
    }

    fn group(&self, number: u32) -> String {
        self.groups.get(&number).cloned().unwrap_or_else(|| number.to_string())
    }

    /// The number of a user's name, or the number that it is.
    pub(super) fn user_number(&self, name: &str) -> Option<u32> {
        number_of(&self.users, name)
    }

    /// The same for a group.
    pub(super) fn group_number(&self, name: &str) -> Option<u32> {
        number_of(&self.groups, name)
    }
}

fn number_of(names: &HashMap<u32, String>, name: &str) -> Option<u32> {
    names.iter().find(|(_, known)| *known == name).map(|(number, _)| *number).or_else(|| name.parse().ok())
}

/// A size as it is, or as `1.5 K`. Hadoop: `StringUtils.TraditionalBinaryPrefix.long2String` with one decimal.
pub(super) fn size(bytes: u64, is_human: bool) -> String {
    if !is_human || bytes < 1024 {
        return bytes.to_string();
    }
    let letters = ['K', 'M', 'G', 'T', 'P', 'E'];
    let mut power = ((bytes.ilog2() / 10) as usize).min(letters.len());
    let unit = |power: usize| 1u64 << (10 * power);
    if bytes.is_multiple_of(unit(power)) {
        return format!("{} {}", bytes / unit(power), letters[power - 1]);
    }
    let mut text = rounded(bytes, unit(power));
    if text.starts_with("1024") && power < letters.len() {
        power += 1;
        text = rounded(bytes, unit(power));
    }
    format!("{text} {}", letters[power - 1])
}

/// One decimal, halves up as Java rounds them.
fn rounded(bytes: u64, unit: u64) -> String {
    let tenths = (u128::from(bytes) * 20 + u128::from(unit)) / (u128::from(unit) * 2);
    format!("{}.{}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_written_as_java_does() {
        // StringUtils.TraditionalBinaryPrefix.long2String
        let check = |bytes: u64, expect: &str| assert_eq!(size(bytes, true), expect, "{bytes}");
        check(0, "0");
        check(1023, "1023");
        check(1024, "1 K");
        check(1536, "1.5 K");
        check(1025, "1.0 K");
        check(1100, "1.1 K");
        check((1 << 20) - 1, "1.0 M");
        check(5 << 20, "5 M");
        check((1 << 30) + (1 << 29), "1.5 G");
        check(u64::MAX, "16.0 E");
        assert_eq!(size(1 << 20, false), "1048576");
    }

    #[test]
    fn permissions_are_written_as_java_does() {
        let check = |mode: u32, expect: &str| {
            let metadata = std::fs::metadata("/").unwrap();
            let stat = Stat { mode, ..Stat::new(Scheme::Hdfs, Path::new("/"), &metadata) };
            assert_eq!(stat.permission(), expect);
        };
        check(0o644, "rw-r--r--");
        check(0o1777, "rwxrwxrwt");
        check(0o1776, "rwxrwxrwT");
        check(0o501, "r-x-----x");
    }

    #[test]
    fn accounts_have_names_or_numbers() {
        let accounts =
            Accounts::new("root:x:0:0::/:\nann:x:1000:7::/:\nagain:x:1000:7\nbad\n", "staff:x:7:\n");
        assert_eq!((accounts.user(1000).as_str(), accounts.user(5).as_str()), ("ann", "5"));
        assert_eq!((accounts.group(7).as_str(), accounts.group(8).as_str()), ("staff", "8"));
        assert_eq!(accounts.user_number("ann"), Some(1000));
        assert_eq!(accounts.user_number("77"), Some(77));
        assert_eq!(accounts.group_number("none"), None);
    }
}
