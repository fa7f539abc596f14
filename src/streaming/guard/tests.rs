use super::watch::Told;
use super::*;
use crate::streaming::process_table;
use std::path::PathBuf;
use std::process::{Command, Stdio};

fn told(messages: &str) -> Told {
    Told::from(messages.as_bytes())
}

#[test]
fn what_is_left_is_what_was_told_last() {
    let path = PathBuf::from;
    let some = told("s7\0+12\0+13\0f/tmp/a b\n\0f/tmp/c\0-12\0k/tmp/c\0");
    assert_eq!(some.session, Some(7));
    assert_eq!(some.groups, [13].into());
    assert_eq!(some.folders, [path("/tmp/a b\n")].into());
    assert_eq!(some.kept, [path("/tmp/c")].into());
    assert!(!some.goodbye && told("+1\0.\0").goodbye);
    // Broken off, unknown, or no number.
    assert_eq!(told("?\0\0+x\0"), Told::default());
}

/// A process that runs until its standard input ends, started with these arguments before it.
#[expect(clippy::disallowed_methods, reason = "a process to look at")]
fn start(wrapper: &[&str], mark: &Path) -> std::process::Child {
    let mut words = wrapper.iter().copied().chain(["cat"]);
    let mut command = Command::new(words.next().unwrap());
    let child = command.args(words).env("MARK", mark).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = child.spawn().unwrap();
    // It has become what it shall be when it answers.
    child.stdin.as_mut().unwrap().write_all(b"x").unwrap();
    std::io::Read::read_exact(child.stdout.as_mut().unwrap(), &mut [0]).unwrap();
    child
}

#[test]
fn who_carries_the_mark_is_ended_and_nobody_else() {
    let ours = tempfile::tempdir().unwrap();
    let theirs = tempfile::tempdir().unwrap();
    let mut killed = [start(&["cat"][..0], ours.path()), start(&["setsid"], ours.path())];
    let mut spared = [start(&["cat"][..0], theirs.path()), start(&["env", "-u", "MARK"], ours.path())];
    // A number that was used again: no session is known, or another one.
    for session in ["", "s1\0"] {
        let message = format!("{session}+{}\0f{}\0", spared[0].id(), ours.path().display());
        told(&message).clean_up();
    }
    for child in &mut killed {
        assert!(!child.wait().unwrap().success());
    }
    for child in &mut spared {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
    assert!(!ours.path().exists() && theirs.path().exists());
}

#[test]
#[expect(clippy::disallowed_methods, reason = "a process to look at")]
fn groups_of_the_session_are_ended_though_they_carry_nothing() {
    use std::os::unix::process::CommandExt;
    let mut command = Command::new("cat");
    let mut child = command.env_clear().process_group(0).stdin(Stdio::piped()).spawn().unwrap();
    let entry = process_table::entry(child.id() as i32).unwrap();
    told(&format!("s{}\0+{}\0", entry.session, entry.group)).clean_up();
    assert!(!child.wait().unwrap().success());
}
