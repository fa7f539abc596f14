//! The system's list of processes, as `/proc` shows it. Where there is none, nothing is found.

use rustix::process::Pid;
use std::fs;

/// What the list says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// It is dead and waits for its parent to notice.
    pub(super) is_dead: bool,
}

/// The numbers of all processes.
pub(super) fn all() -> impl Iterator<Item = i32> {
    let folder = fs::read_dir("/proc").into_iter().flatten().flatten();
    folder.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What is known of a process, if there is one.
pub(super) fn entry(process: i32) -> Option<Entry> {
    parse(&fs::read_to_string(format!("/proc/{process}/stat")).ok()?)
}

/// `number (name) state parent group session ...`; the name may hold anything.
fn parse(stat: &str) -> Option<Entry> {
    let (_, behind) = stat.rsplit_once(") ")?;
    let mut fields = behind.split(' ');
    let is_dead = matches!(fields.next()?, "Z" | "X");
    let mut number = || fields.next()?.parse().ok();
    Some(Entry { parent: number()?, group: number()?, session: number()?, is_dead })
}

/// The environment that a process was started with: `NAME=value`, each with a NUL behind. Empty if it may not be seen.
pub(super) fn environment(process: i32) -> Vec<u8> {
    fs::read(format!("/proc/{process}/environ")).unwrap_or_default()
}

/// The numbers of this process's open files.
pub(super) fn our_files() -> Vec<i32> {
    let folder = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    // Not one by one: each entry holds the folder open.
    folder.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The children of this process, dead ones too.
pub(super) fn our_children() -> Vec<i32> {
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists: Option<Vec<String>> =
        threads.map(|thread| fs::read_to_string(thread.path().join("children")).ok()).collect();
    if let Some(lists) = lists.filter(|lists| !lists.is_empty()) {
        lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|id| id.parse().ok()).collect()
    } else {
        // Not every kernel has these lists.
        let us = Pid::as_raw(Some(rustix::process::getpid()));
        all().filter(|process| entry(*process).is_some_and(|entry| entry.parent == us)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    #[test]
    fn names_may_hold_anything() {
        let check = |stat: &str, expect: Option<(i32, i32, i32, bool)>| {
            let found = parse(stat).map(|entry| (entry.parent, entry.group, entry.session, entry.is_dead));
            assert_eq!(found, expect, "{stat}");
        };
        check("7 (cat) S 1 2 3 0 -1", Some((1, 2, 3, false)));
        check("7 (a) Z 9 9 9 (b)) Z 1 2 3 0", Some((1, 2, 3, true)));
        check("7 (cat) S 1 2", None);
        check("", None);
    }

    #[test]
    #[expect(clippy::disallowed_methods, reason = "a process to look at")]
    fn a_child_is_found() {
        let mut child = std::process::Command::new("/bin/cat")
            .env("MARK", "here")
            .stdin(std::process::Stdio::piped())
            .stdout(std::process::Stdio::piped())
            .spawn()
            .unwrap();
        // A program that has only just begun has no environment yet.
        child.stdin.as_mut().unwrap().write_all(b".").unwrap();
        child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
        let id = child.id() as i32;
        assert!(our_children().contains(&id));
        assert!(all().any(|process| process == id));
        assert!(environment(id).split(|byte| *byte == 0).any(|line| line == b"MARK=here"));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!our_children().contains(&id));
    }
}
