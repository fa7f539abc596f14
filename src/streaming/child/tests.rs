use super::*;
use crate::fs::File;
use crate::streaming::reporter::StderrSink;
use std::borrow::Cow;
use std::ffi::CStr;
use std::io::{Read, Write};

struct Deaf;

impl StderrSink for Deaf {
    fn counter(&self, _: &str, _: &str, _: i64) {}
    fn status(&self, _: &str) {}
    fn line(&self, _: &[u8]) {}
    fn malformed(&self, _: &str) {}
}

const STRICT: Leniency = Leniency { any_exit: false, unread: false, join_delay: None };

/// Runs a shell's words over so many blocks of so many bytes; its output and the last line of its standard
/// error, or the failure.
fn shell(
    script: &str,
    length: InputLength,
    leniency: Leniency,
    (blocks, bytes): (usize, usize),
) -> Result<(Vec<u8>, String), ChildError<io::Error>> {
    let environment: [Cow<'_, CStr>; 1] = [Cow::Borrowed(c"PATH=/usr/bin:/bin")];
    let args = vec!["-c".into(), script.into()];
    let command = ChildCommand { program: "/bin/sh".into(), args, dir: None, environment: &environment };
    let mut reporter = Reporter::new("reporter:", &Deaf);
    let mut left = (1..=blocks).rev();
    let feed = |pipe: &mut InputPipe| {
        for number in left.by_ref() {
            let block = vec![b'0' + (number % 10) as u8; bytes];
            if pipe.write(&block)? != Feed::More {
                break;
            }
        }
        Ok(())
    };
    let mut output = Vec::new();
    let drain = |stdout: &mut OutputPipe<'_, '_>| stdout.read_to_end(&mut output).map(drop);
    let groups = ChildGroups::default();
    run(&command, &groups, &mut reporter, leniency, (length, feed), drain)?;
    assert!(groups.are_empty());
    let said = reporter.into_tail().pop().unwrap_or_default();
    Ok((output, String::from_utf8(said).unwrap()))
}

/// What becomes of a script whose input is so long, said to be short or not.
fn check(script: &str, input: (usize, usize), expect: Result<(usize, &str), &str>) {
    for length in [InputLength::Short, InputLength::Unknown] {
        match (shell(script, length, STRICT, input), expect) {
            (Ok((output, said)), Ok((bytes, expect))) => {
                assert_eq!((output.len(), &*said), (bytes, expect), "{script} {length:?} {input:?}");
                // Blocks come in their order, each once.
                assert!(output.len() != input.0 * input.1 || output.is_sorted_by(|a, b| a >= b), "{script}");
            }
            (found, expect) => assert_eq!(found.unwrap_err().to_string(), expect.unwrap_err(), "{script}"),
        }
    }
}

#[test]
fn input_of_any_length_comes_out_again() {
    for input in [(0, 0), (1, 0), (1, 10), (9, 7_000), (9, 9_000), (1, 300_000), (9, 100_000)] {
        check("cat", input, Ok((input.0 * input.1, "")));
    }
}

#[test]
fn standard_error_is_heard_whatever_the_other_pipes_do() {
    let flood = "yes said | head -c 1000000 >&2";
    check(&format!("{flood}; cat"), (9, 9_000), Ok((81_000, "said")));
    check(&format!("cat; {flood}"), (9, 9_000), Ok((81_000, "said")));
    check(&format!("cat; exec >&-; {flood}; printf end >&2"), (1, 10), Ok((10, "end")));
    check("exec 2>&-; cat", (9, 9_000), Ok((81_000, "")));
}

#[test]
fn unread_input_is_forgiven_up_to_hadoops_buffer() {
    check("true", (1, 130_000), Ok((0, "")));
    check("head -c 5", (1, 130_000), Ok((5, "")));
    for input in [(1, 200_000), (9, 100_000)] {
        for length in [InputLength::Short, InputLength::Unknown] {
            let error = shell("true", length, STRICT, input).unwrap_err().to_string();
            assert!(error.starts_with("the child stopped reading after"), "{error}");
            let lenient = Leniency { unread: true, ..STRICT };
            assert!(shell("true", length, lenient, input).is_ok());
        }
    }
}

#[test]
fn a_failed_child_is_not_waited_for_by_those_who_hold_its_pipes() {
    let failed = Err("the child failed: exit status: 3");
    check("sleep 1000 & exit 3", (1, 10), failed);
    check("yes & exit 3", (1, 10), failed);
    check("yes >&2 & exit 3", (1, 10), failed);
    check("exec >&-; sleep 1000 & exit 3", (9, 100_000), failed);
    // One that ended well is done when its output is.
    check("sleep 1000 >/dev/null & cat", (1, 10), Ok((10, "")));
    check("exec 3<&0; (cat <&3; echo more) & exit 0", (1, 10), Ok((15, "")));
}

/// How far ahead of the child its pipe was filled, or whether it was closed before the child ended, is chance.
#[test]
fn what_is_forgiven_depends_on_what_was_read_alone() {
    let refused = |bytes: usize| format!("the child stopped reading after {bytes} bytes of its input");
    // Whole buffers of Hadoop's, less what its pipe would have taken.
    for (input, least) in [((3, 100_000), 196_608), ((20, 100_000), 1_900_544)] {
        for _ in 0..3 {
            check(&format!("head -c {least}"), input, Ok((least, "")));
            check(&format!("head -c {}", least - 1), input, Err(&refused(least - 1)));
            check(&format!("head -c {}; exec <&-; echo", least - 1), input, Err(&refused(least - 1)));
        }
    }
}

#[test]
#[expect(clippy::disallowed_methods, reason = "FIFOs are made by a program")]
fn who_left_the_group_and_holds_the_pipes_is_not_waited_for() {
    let folder = tempfile::tempdir().unwrap();
    let (ready, fifo) = (folder.path().join("ready"), folder.path().join("fifo"));
    assert!(std::process::Command::new("mkfifo").args([&ready, &fifo]).status().unwrap().success());
    // It stays until somebody opens the other end.
    let stays = format!("setsid sh -c 'echo >{}; exec 3<{}'", ready.display(), fifo.display());
    let left = format!("read line <{}", ready.display());
    let failed = Err("the child failed: exit status: 3");
    let release = || drop(std::fs::File::options().write(true).open(&fifo).unwrap());
    for (script, input, expect) in [
        (format!("{stays} & {left}; exit 3"), (1, 10), failed),
        (format!("{stays} <&0 & {left}; exit 3"), (9, 100_000), failed),
        (format!("{stays} <&0 >/dev/null & {left}; exec <&-; exit 3"), (9, 100_000), failed),
        (format!("{stays} >/dev/null & {left}; cat"), (1, 10), Ok(10)),
    ] {
        for length in [InputLength::Short, InputLength::Unknown] {
            let ran = shell(&script, length, STRICT, input);
            match expect {
                Ok(bytes) => assert_eq!(ran.unwrap().0.len(), bytes, "{script}"),
                Err(expect) => assert_eq!(ran.unwrap_err().to_string(), expect, "{script}"),
            }
            release();
        }
    }
}

/// Writes so many bytes in blocks from a file that has the first of them; the child's output and whether it
/// got them all.
fn check_file(script: &str, block_bytes: usize, bytes: usize, in_file: usize, expect: bool) {
    let text: Vec<u8> = (0..bytes).map(|at| (at % 251) as u8).collect();
    let mut file = File::from(tempfile::tempfile().unwrap());
    file.write_all(&text[..in_file]).unwrap();
    let mut blocks = (0..).zip(text.chunks(block_bytes));
    let feed = |pipe: &mut InputPipe| {
        for (number, block) in blocks.by_ref() {
            if pipe.write_from(&file, number * block_bytes as u64, block)? != Feed::More {
                break;
            }
        }
        Ok(())
    };
    let mut output = Vec::new();
    let drain = |stdout: &mut OutputPipe<'_, '_>| stdout.read_to_end(&mut output).map(drop);
    let args = vec!["-c".into(), script.into()];
    let environment: [Cow<'_, CStr>; 1] = [Cow::Borrowed(c"PATH=/usr/bin:/bin")];
    let command = ChildCommand { program: "/bin/sh".into(), args, dir: None, environment: &environment };
    let mut reporter = Reporter::new("reporter:", &Deaf);
    let groups = ChildGroups::default();
    let ran = run(&command, &groups, &mut reporter, STRICT, (InputLength::Unknown, feed), drain);
    assert_eq!(ran.map_err(|error| error.to_string()).is_ok(), expect, "{script} {block_bytes}");
    assert!(text.starts_with(&output) && (output.len() == bytes) == expect, "{script} {block_bytes}");
}

#[test]
fn blocks_of_a_file_arrive_in_order_and_refusals_are_seen() {
    for block in [1000, 100_000, 300_000, 2_000_000] {
        check_file("cat", block, 2_000_000, 2_000_000, true);
        check_file("head -c 500000", block, 2_000_000, 2_000_000, false);
        // The file became shorter after it was read: what was counted arrives all the same.
        check_file("cat", block, 2_000_000, 1_234_567, true);
    }
}

#[test]
fn an_exit_can_be_forgiven() {
    let lenient = Leniency { any_exit: true, ..STRICT };
    assert_eq!(shell("cat; exit 3", InputLength::Short, lenient, (1, 10)).unwrap().0.len(), 10);
}

/// Hadoop: `PipeMapRed.waitOutputThreads`, where 0 is for ever.
#[test]
fn a_daemon_that_holds_the_output_can_be_left() {
    let impatient = Leniency { join_delay: Some(Duration::from_millis(1)), ..STRICT };
    let (output, _) =
        shell("echo one; cat > /dev/null; sleep 100000 &", InputLength::Unknown, impatient, (1, 2)).unwrap();
    assert_eq!(output, b"one\n");
    // Who writes on is heard until then, and who fails has failed.
    assert_eq!(shell("cat", InputLength::Unknown, impatient, (40, 100_000)).unwrap().0.len(), 4_000_000);
    assert!(shell("sleep 100000 & exit 3", InputLength::Unknown, impatient, (0, 0)).is_err());
}

#[test]
fn children_of_a_job_that_was_stopped_are_ended() {
    let groups = ChildGroups::default();
    groups.stop();
    let args = vec!["1000".into()];
    let command = ChildCommand { program: "/bin/sleep".into(), args, dir: None, environment: &[] };
    let mut reporter = Reporter::new("reporter:", &Deaf);
    let drain = |stdout: &mut OutputPipe<'_, '_>| stdout.read_to_end(&mut Vec::new());
    let feed = |_: &mut InputPipe| Ok::<(), io::Error>(());
    let ran = run(&command, &groups, &mut reporter, STRICT, (InputLength::Unknown, feed), drain);
    assert!(matches!(ran, Err(ChildError::Stopped)));
}

/// Runs a child that would go on for ever, with a feed or a drain that panics.
fn check_panic(feed_panics: bool) {
    let args = vec!["-c".into(), "while :; do echo; done; sleep 1000".into()];
    let command = ChildCommand { program: "/bin/sh".into(), args, dir: None, environment: &[] };
    let groups = ChildGroups::default();
    let ran = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        let mut reporter = Reporter::new("reporter:", &Deaf);
        let drain = |stdout: &mut OutputPipe<'_, '_>| {
            assert!(feed_panics, "in the drain");
            stdout.read_to_end(&mut Vec::new()).map(drop)
        };
        let feed = |pipe: &mut InputPipe| {
            assert!(!feed_panics, "in the feed");
            while pipe.write(&[b'x'; 9_000])? == Feed::More {}
            Ok::<(), io::Error>(())
        };
        run(&command, &groups, &mut reporter, STRICT, (InputLength::Unknown, feed), drain)
    }));
    let text = if feed_panics { "in the feed" } else { "in the drain" };
    assert_eq!(ran.err().unwrap().downcast_ref::<&str>(), Some(&text));
    assert!(groups.are_empty());
}

#[test]
fn a_panic_ends_the_child_and_goes_on() {
    for feed_panics in [true, false] {
        check_panic(feed_panics);
    }
}

/// How many signs of life a script gives that is fed so many bytes.
fn beats(script: &str, bytes: usize) -> u64 {
    let args = vec!["-c".into(), script.into()];
    let command = ChildCommand { program: "/bin/sh".into(), args, dir: None, environment: &[] };
    let (mut reporter, groups) = (Reporter::new("reporter:", &Deaf), ChildGroups::default());
    let drain = |stdout: &mut OutputPipe<'_, '_>| stdout.read_to_end(&mut Vec::new()).map(drop);
    let feed = |pipe: &mut InputPipe| pipe.write(&vec![b'x'; bytes]).map(drop);
    run(&command, &groups, &mut reporter, STRICT, (InputLength::Unknown, feed), drain).unwrap();
    groups.beats()
}

#[test]
fn each_pipe_shows_that_a_child_lives() {
    // The end of standard output is one sign, and so may be the end of standard error.
    let silent = beats("exec 2>&-; :", 0);
    assert!(beats("exec 2>&-; read -r x; :", 1) > silent);
    assert!(beats("exec 2>&-; echo said", 0) > silent);
    assert!(beats("echo said >&2", 0) > silent);
}
