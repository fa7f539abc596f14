//! The system's list of processes, as `/proc` shows it. Where there is none, nothing is found.

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, kill_process, pidfd_open, pidfd_send_signal};
use std::fs;
use std::os::fd::OwnedFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, Instant};

/// What the list says of a process.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Entry {
    pub(super) parent: i32,
    pub(super) group: i32,
    pub(super) session: i32,
    /// It is dead and waits for its parent to notice.
    pub(super) is_dead: bool,
    /// When it was started, in ticks of the system's clock: together with its number that is nobody else's.
    pub(super) started: u64,
    /// It may have an environment though none can be read: its program is just being started.
    may_have_environment: bool,
}

/// Among the flags of a process: it is a thread of the kernel and has no environment.
const KERNEL_THREAD: u64 = 0x0020_0000;

/// Whether the list has processes by the numbers that we know them by. It may be that of the container around ours.
fn is_ours() -> bool {
    fs::read_link("/proc/self").is_ok_and(|ours| ours == Path::new(&us().to_string()))
}

fn us() -> i32 {
    Pid::as_raw(Some(rustix::process::getpid()))
}

/// The numbers of all processes.
pub(super) fn all() -> impl Iterator<Item = i32> {
    let folder = is_ours().then(|| fs::read_dir("/proc")).into_iter().flatten().flatten().flatten();
    folder.filter_map(|entry| entry.file_name().to_str()?.parse().ok())
}

/// What is known of a process, if there is one.
pub(super) fn entry(process: i32) -> Option<Entry> {
    // The name is cut to fifteen bytes, which may be in the middle of a letter.
    parse(&String::from_utf8_lossy(&fs::read(format!("/proc/{process}/stat")).ok()?))
}

/// `number (name) state parent group session ...`; the name may hold anything.
fn parse(stat: &str) -> Option<Entry> {
    let (_, behind) = stat.rsplit_once(") ")?;
    let fields: Vec<&str> = behind.split_whitespace().collect();
    let number = |field: usize| fields.get(field)?.parse::<i32>().ok();
    let large = |field: usize| fields.get(field)?.parse::<u64>().ok();
    let is_dead = matches!(*fields.first()?, "Z" | "X");
    // From where to where its environment is in its memory. A program that is just being started has no place for it
    // yet; one that has none, a place without bytes.
    let (begin, end) = (large(47).unwrap_or(0), large(48).unwrap_or(0));
    Some(Entry {
        parent: number(1)?,
        group: number(2)?,
        session: number(3)?,
        is_dead,
        started: large(19)?,
        may_have_environment: !is_dead && large(6)? & KERNEL_THREAD == 0 && (end == 0 || end > begin),
    })
}

/// The environment that a process was started with: `NAME=value`, each with a NUL behind; empty if it may not be seen.
/// `None` if there is none to be seen yet.
pub(super) fn environment(process: i32) -> Option<Vec<u8>> {
    // It is refused for others' processes.
    let Ok(text) = fs::read(format!("/proc/{process}/environ")) else { return Some(Vec::new()) };
    let may_come = || entry(process).is_some_and(|entry| entry.may_have_environment);
    (!text.is_empty() || !may_come()).then_some(text)
}

/// The words that a process was started with, each with a NUL behind. Empty if it is gone.
pub(super) fn command_line(process: i32) -> Vec<u8> {
    fs::read(format!("/proc/{process}/cmdline")).unwrap_or_default()
}

/// Whether a process runs the program that this one runs, under whatever name.
pub(super) fn is_our_program(process: i32) -> bool {
    let file = |process: &str| {
        let program = fs::metadata(format!("/proc/{process}/exe")).ok()?;
        Some((program.dev(), program.ino()))
    };
    file("self").is_some_and(|ours| file(&process.to_string()) == Some(ours))
}

/// A process that no other one can take the number of, where the kernel has such descriptors.
#[derive(Debug)]
pub(super) struct Held {
    process: Pid,
    descriptor: Option<OwnedFd>,
}

impl Held {
    /// Holds a process if it is still the one that `entry` was read of.
    pub(super) fn new(process: i32, entry: &Entry) -> Option<Self> {
        let id = Pid::from_raw(process)?;
        let descriptor = match pidfd_open(id, PidfdFlags::empty()) {
            Ok(descriptor) => Some(descriptor),
            // The kernel has no such descriptors, or a filter of system calls does not know them.
            Err(Errno::NOSYS | Errno::PERM) => None,
            Err(_) => return None,
        };
        self::entry(process).filter(|now| now.started == entry.started && !now.is_dead)?;
        Some(Self { process: id, descriptor })
    }

    /// Sends a signal; whether there was a process to get it.
    pub(super) fn send(&self, signal: Signal) -> bool {
        match &self.descriptor {
            // If what is held ends now, the signal goes nowhere.
            Some(descriptor) => pidfd_send_signal(descriptor, signal).is_ok(),
            None => kill_process(self.process, signal).is_ok(),
        }
    }

    /// Waits for its end, if the kernel can tell it; whether it waited.
    pub(super) fn wait(&self, at_most: Duration) -> bool {
        let Some(descriptor) = &self.descriptor else { return false };
        let until = Instant::now().checked_add(at_most);
        // Signals interrupt the wait, and a stop often comes as several of them.
        loop {
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let left = left.and_then(|left| Timespec::try_from(left).ok());
            // It can be read from when the process has ended.
            match poll(&mut [PollFd::new(descriptor, PollFlags::IN)], left.as_ref()) {
                Err(Errno::INTR) => {}
                _ => return true,
            }
        }
    }
}

/// The numbers of this process's open files.
pub(super) fn our_files() -> Vec<i32> {
    let folder = fs::read_dir("/proc/self/fd").into_iter().flatten().flatten();
    // Not one by one: each entry holds the folder open.
    folder.filter_map(|entry| entry.file_name().to_str()?.parse().ok()).collect()
}

/// The children of this process, dead ones too.
pub(super) fn our_children() -> Vec<i32> {
    if !is_ours() {
        return Vec::new();
    }
    let threads = fs::read_dir("/proc/self/task").into_iter().flatten().flatten();
    let lists: Option<Vec<String>> =
        threads.map(|thread| fs::read_to_string(thread.path().join("children")).ok()).collect();
    if let Some(lists) = lists.filter(|lists| !lists.is_empty()) {
        lists.iter().flat_map(|list| list.split_whitespace()).filter_map(|id| id.parse().ok()).collect()
    } else {
        // Not every kernel has these lists.
        all().filter(|process| entry(*process).is_some_and(|entry| entry.parent == us())).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Read, Write};

    /// A line of `/proc/7/stat` with these first fields, these flags and this place of the environment.
    fn stat(begin: &str, flags: u64, (from, to): (u64, u64)) -> String {
        let zeros = |count: usize| vec!["0"; count].join(" ");
        format!("{begin} 0 -1 {flags} {} 5 {} {from} {to} 0\n", zeros(12), zeros(27))
    }

    #[test]
    fn names_may_hold_anything() {
        let check = |begin: &str, expect: Option<(i32, i32, i32, bool)>| {
            let found = parse(&stat(begin, 0, (0, 0)));
            assert!(found.is_none_or(|entry| entry.started == 5));
            let found = found.map(|entry| (entry.parent, entry.group, entry.session, entry.is_dead));
            assert_eq!(found, expect, "{begin}");
        };
        check("7 (cat) S 1 2 3", Some((1, 2, 3, false)));
        check("7 (a) Z 9 9 9 (b)) Z 1 2 3", Some((1, 2, 3, true)));
        check("7 cat S 1 2 3", None);
        assert_eq!(parse("7 (cat) S 1 2"), None);
        assert_eq!(parse(""), None);
    }

    #[test]
    fn an_environment_that_is_yet_to_come_is_known() {
        let check = |begin: &str, flags: u64, environment: (u64, u64), expect: bool| {
            let found = parse(&stat(begin, flags, environment)).unwrap();
            assert_eq!(found.may_have_environment, expect, "{begin} {flags} {environment:?}");
        };
        // Being started; started meanwhile; with an empty one; dead; the kernel's.
        check("7 (cat) R 1 2 3", 0, (0, 0), true);
        check("7 (cat) R 1 2 3", 0, (10, 20), true);
        check("7 (cat) R 1 2 3", 0, (10, 10), false);
        check("7 (cat) Z 1 2 3", 0, (0, 0), false);
        check("7 (cat) S 1 2 3", KERNEL_THREAD, (0, 0), false);
        let ours = entry(us()).unwrap();
        assert!(ours.may_have_environment && ours.started > 0);
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
        assert!(environment(id).unwrap().split(|byte| *byte == 0).any(|line| line == b"MARK=here"));
        drop(child.stdin.take());
        child.wait().unwrap();
        assert!(!our_children().contains(&id));
    }
}
