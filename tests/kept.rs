//! Failed attempts that are kept, and the script that runs one of them again.

use crate::harness::{JobDir, Output};
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::process::ExitStatusExt;
use std::path::Path;
use std::process::Command;

/// A child that says all it was given, on standard output and into a file for each time it runs, and fails.
/// Folders that go with the job are named otherwise when it runs again.
const CHILD: &str = r#"#!/bin/sh
number=$(ls "$SEEN" | wc -l)
{
    printf '%s\n' "$@"
    env | grep -v -e local_dir= -e output_dir= -e '^PWD=' -e '^_=' | sort
    cat
} | tee "$SEEN/$number"
printf 'first\nlast words' >&2
"#;

/// A job folder with the child, which ends with these words, and three lines of input.
fn job_dir(end: &str) -> JobDir {
    let dir = JobDir::new();
    dir.script("child.sh", &format!("{CHILD}{end}\n")).write("in/a.txt", "b\ttwo\na\tone\nc\t\u{e9}\n");
    fs::create_dir(dir.path("seen")).unwrap();
    dir
}

/// Runs the job, which must fail.
fn fail(dir: &JobDir, options: &[&str]) -> Output {
    let seen = format!("SEEN={}", dir.path("seen").display());
    let odd = "ODD=it's $HOME `ls` \\ \"\n\u{e9}";
    let args = ["-input", "in", "-output", "out", "-cmdenv", &seen, "-cmdenv", odd];
    let output = dir.command(&[&args, options].concat()).run().expect_code(1);
    dir.assert_no_output();
    output
}

/// The script of the one attempt that is kept; the failed attempt and the state of the job must name it.
#[track_caller]
fn check_kept(dir: &JobDir, output: Output) -> std::path::PathBuf {
    let kept = dir.kept(None);
    let [kept] = kept.as_slice() else { panic!("one attempt is kept, not {kept:?}\n{}", output.report()) };
    let script = kept.join("repeat.sh");
    let named = format!("  repeat:  sh {}\n", script.display());
    let state = "State: there is no output folder out; the failed attempt is kept, see \"repeat:\" above\n";
    let output = output.expect_stderr(&[&named]);
    assert!(output.stderr.ends_with(state), "{}", output.report());
    assert_eq!(output.stderr.matches("repeat.sh").count(), 1, "{}", output.report());
    script
}

/// Runs the script from another folder; it must do what the child did.
#[track_caller]
fn check_repeat(dir: &JobDir, script: &Path, code: Result<i32, i32>) {
    let ran = Command::new("sh").arg(script).current_dir("/").env("ODD", "other").output().unwrap();
    let shown = String::from_utf8_lossy(&ran.stderr);
    assert_eq!(ran.status.code().ok_or(ran.status.signal().unwrap_or(0)), code, "{shown}");
    let first = fs::read(dir.path("seen/0")).unwrap();
    assert!(
        ran.stdout == first,
        "{}\n{}",
        String::from_utf8_lossy(&ran.stdout),
        String::from_utf8_lossy(&first)
    );
    assert_eq!(ran.stdout, fs::read(dir.path("seen/1")).unwrap());
    let said = fs::read(script.with_file_name("stderr")).unwrap();
    assert_eq!(said, [&ran.stderr[..], b"\n"].concat());
    let again = Command::new("./repeat.sh").current_dir(script.parent().unwrap()).output().unwrap();
    assert_eq!((again.status, again.stdout), (ran.status, ran.stdout));
}

#[test]
fn a_mapper_runs_again() {
    for (end, code) in [("exit 7", Ok(7)), ("kill -SEGV $$", Err(11))] {
        for shipped in [&[][..], &["-files", "child.sh"]] {
            let dir = job_dir(end);
            let mapper = ["-mapper", "sh child.sh 'a b' it\"'\"s"];
            let script = check_kept(&dir, fail(&dir, &[shipped, &mapper].concat()));
            let folder = script.parent().unwrap();
            assert_eq!(folder.metadata().unwrap().permissions().mode() & 0o777, 0o700);
            let input = fs::read(folder.join("input")).unwrap();
            assert_eq!(String::from_utf8(input).unwrap(), "b\ttwo\na\tone\nc\t\u{e9}\n");
            check_repeat(&dir, &script, code);
        }
    }
}

#[test]
fn an_attempt_that_was_ended_for_its_silence_is_kept() {
    // Again it is silent, but nobody waits.
    let dir = job_dir("[ -e \"$SEEN/1\" ] || exec tail -f /dev/null; exit 4");
    let options = ["-mapper", "./child.sh", "-D", "mapreduce.task.timeout=300"];
    let output = fail(&dir, &options).expect_stderr(&["no sign of life for", "mapreduce.task.timeout=300"]);
    let script = check_kept(&dir, output);
    let about = fs::read_to_string(script.with_file_name("about.txt")).unwrap();
    assert!(about.contains("failure: no sign of life for"), "{about}");
    let ran = Command::new("sh").arg(&script).output().unwrap();
    assert_eq!((ran.status.code(), &ran.stdout), (Some(4), &fs::read(dir.path("seen/0")).unwrap()));
}

#[test]
fn a_mapper_runs_again_on_its_own_split_and_framing() {
    let dir = job_dir("exit 1");
    dir.write("in/a.txt", "1\n2\n3\n4\n5\n");
    let options = ["-mapper", "./child.sh", "-files", "child.sh", "-numReduceTasks", "0"];
    let split = ["-D", "fs.local.block.size=6", "-D", "stream.map.input.ignoreKey=false"];
    let slots = ["-D", "mapreduce.local.map.tasks.maximum=1"];
    let script = check_kept(&dir, fail(&dir, &[&options[..], &split, &slots].concat()));
    assert_eq!(fs::read(script.with_file_name("input")).unwrap(), b"0\t1\n2\t2\n4\t3\n6\t4\n");
    check_repeat(&dir, &script, Ok(1));
}

#[test]
fn a_reducer_runs_again() {
    for combiner in [&[][..], &["-combiner", "cat"]] {
        let dir = job_dir("exit 5");
        let options = ["-mapper", "cat", "-reducer", "./child.sh x", "-numReduceTasks", "2"];
        let slots = ["-D", "mapreduce.local.reduce.tasks.maximum=1"];
        let script = check_kept(&dir, fail(&dir, &[&options[..], &slots, combiner].concat()));
        assert_eq!(fs::read(script.with_file_name("input")).unwrap(), "a\tone\nc\t\u{e9}\n".as_bytes());
        check_repeat(&dir, &script, Ok(5));
    }
}

#[test]
fn archives_are_kept_too() {
    let dir = job_dir("cat words/list; exit 2");
    let mut archive = tar::Builder::new(Vec::new());
    let mut header = tar::Header::new_gnu();
    header.set_size(5);
    header.set_mode(0o644);
    header.set_cksum();
    archive.append_data(&mut header, "list", &b"word\n"[..]).unwrap();
    dir.write("words.tar", archive.into_inner().unwrap());
    let options = ["-mapper", "sh child.sh", "-archives", "words.tar#words"];
    let script = check_kept(&dir, fail(&dir, &options));
    let ran = Command::new("sh").arg(script).output().unwrap();
    assert_eq!(ran.status.code(), Some(2));
    assert!(ran.stdout.ends_with(b"c\t\xC3\xA9\nword\n"), "{}", String::from_utf8_lossy(&ran.stdout));
}

#[test]
fn what_is_kept_can_be_chosen() {
    let dir = job_dir("exit 1");
    let mapper = ["-mapper", "./child.sh"];
    let output = fail(&dir, &[&mapper[..], &["-D", "mrstream.keep.failed=none"]].concat());
    assert!(output.stderr.ends_with("; nothing else is kept\n") && !output.stderr.contains("repeat"));
    assert!(dir.kept(None).is_empty());
    // The last one of all jobs.
    let mut names = Vec::new();
    for _ in 0..2 {
        names.push(check_kept(&dir, fail(&dir, &mapper)));
    }
    assert_ne!(names[0], names[1]);
    // Each one, elsewhere.
    let each = ["-keep-failed", "new/kept", "-D", "mapreduce.map.maxattempts=2"];
    fail(&dir, &[&mapper[..], &each].concat()).expect_stderr(&["new/kept/attempt_"]);
    let kept = dir.kept(Some("new/kept"));
    assert_eq!(kept.len(), 2);
    assert!(kept[0].to_string_lossy().ends_with("_m_000000_0") && kept[1].to_string_lossy().ends_with("_1"));
    // As much of it as there is room for.
    let script =
        check_kept(&dir, fail(&dir, &[&mapper[..], &["-D", "mrstream.keep.failed.max.mb=0"]].concat()));
    assert_eq!(fs::read(script.with_file_name("input")).unwrap(), b"");
    let about = fs::read_to_string(script.with_file_name("about.txt")).unwrap();
    assert!(
        about.contains("exit status: 1\n")
            && about.ends_with("input is cut: it has only the first 0 bytes\n")
    );
}

#[test]
fn what_is_nobodys_fault_is_not_kept() {
    for options in [
        &["-mapper", "cat", "-combiner", "false"][..],
        &["-mapper", "cat", "-reducer", "org.apache.hadoop.mapred.lib.LongSumReducer"],
    ] {
        let dir = job_dir("");
        let output = fail(&dir, options);
        assert!(dir.kept(None).is_empty(), "{}", output.report());
    }
    // A place that cannot be had is a warning.
    let dir = job_dir("exit 1");
    let output = fail(&dir, &["-mapper", "./child.sh", "-keep-failed", "in/a.txt/x"]);
    output.expect_stderr(&["WARN attempt_", "the failed attempt cannot be kept: cannot make folder", "exit"]);
}
