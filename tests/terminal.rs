//! Hostile text at a terminal and in a pipe: names, messages and the output of children.

use crate::harness::{JobDir, MrCommand};
use std::os::unix::fs::symlink;

/// Text that a terminal would obey, and what is shown instead.
const HOSTILE: &str = "A\u{1b}[2JBC\u{8}D\u{9b}1mE\u{202e}F\u{7}";
const SHOWN: &str = "A\\u{1b}[2JBC\\u{8}D\\u{9b}1mE\\u{202e}F\\u{7}";

fn command(dir: &JobDir, args: &[&str]) -> MrCommand {
    dir.command(args).with("HOME", dir.path("home"))
}

/// What a terminal gets, without what it may get: line ends and the drawing of the progress.
#[track_caller]
fn at_terminal(command: MrCommand) -> String {
    let got = command.run_at_terminal().stdout;
    let text = got.replace("\r\n", "\n").replace("\r\u{1b}[K", "").replace("\u{1b}[K", "");
    // Each drawing of the progress begins with a return to the margin.
    let text = text.replace("\r map ", " map ");
    let is_harmful = |letter: char| {
        (letter.is_control() && letter != '\n' && letter != '\t')
            || ('\u{202a}'..='\u{202e}').contains(&letter)
    };
    assert!(!text.contains(is_harmful), "the terminal gets control characters: {text:?}");
    text
}

#[track_caller]
fn check(command: MrCommand, says: &[&str]) {
    let text = at_terminal(command);
    for part in says {
        assert!(text.contains(part), "no {part:?}\n{text}");
    }
}

/// A mapper that writes [`HOSTILE`] on its standard error, as a line and as a counter.
fn job_dir() -> JobDir {
    let dir = JobDir::new();
    dir.write("in", "x\n").write("hostile", HOSTILE);
    dir.script(
        "m.sh",
        "#!/bin/sh\ncat\necho \"$H\" >&2\nprintf '\\377bytes\\n' >&2\necho \"reporter:counter:$H,$H,1\" >&2\n",
    );
    dir
}

fn job<'a>(name: &'a str, output: &'a str) -> Vec<&'a str> {
    let words = ["-D", name, "-files", "m.sh", "-mapper", "m.sh", "-input", "in", "-output", output];
    [&words[..], &["-numReduceTasks", "0"]].concat()
}

#[test]
fn a_job_shows_a_terminal_no_control_characters() {
    let dir = job_dir();
    let name = format!("mapreduce.job.name=N{HOSTILE}\r\nforged line");
    let line = format!("{SHOWN}\n\\xffbytes\n");
    let counter = format!("\n\t{SHOWN}\n\t\t{SHOWN}=1\n");
    let output = format!("out{HOSTILE}");
    let shown = format!("Output directory: out{SHOWN}\n");
    let run = |output: &str| command(&dir, &job(&name, output)).with("H", HOSTILE);
    check(run(&output), &[&line, &counter, &shown]);

    let id = command(&dir, &["jobs"]).run().stdout.split(' ').next().unwrap().to_owned();
    check(command(&dir, &["jobs"]), &[&format!("N{SHOWN}\\r\\nforged line -files"), SHOWN]);
    check(
        command(&dir, &["jobs", "show", &id]),
        &[&format!("name:     N{SHOWN}\\r\\nforged line\n"), &format!("output:   out{SHOWN}\n"), &counter],
    );
    check(command(&dir, &["jobs", HOSTILE]), &[SHOWN]);
    check(
        command(&dir, &["plan", "--json"].iter().chain(&job(&name, "o")).copied().collect::<Vec<_>>()),
        &[],
    );
}

#[test]
fn messages_show_a_terminal_no_control_characters() {
    let dir = job_dir();
    let path = format!("no{HOSTILE}\nsuch");
    let shown = format!("no{SHOWN}\\nsuch");
    let option = format!("-{HOSTILE}\nforged line");
    check(command(&dir, &[&option]), &[&format!("unrecognized option: -{SHOWN}\\nforged line\n")]);
    let missing = ["-input", &path, "-output", "out", "-mapper", "cat"];
    check(command(&dir, &missing), &[&shown]);
    let property = format!("mapreduce.{HOSTILE}\nsuch=1");
    check(
        command(&dir, &job(&property, "out")),
        &[&format!("WARN property mapreduce.{SHOWN}\\nsuch is unknown")],
    );
    // A file whose name is hostile, in the report of a failed task.
    dir.write(&format!("inputs/{HOSTILE}\nx"), "x\n");
    let failing = ["-input", "inputs", "-output", "out2", "-mapper", "false"];
    check(command(&dir, &failing), &[&format!("inputs/{SHOWN}\\nx:0+2\n")]);
}

#[test]
fn hadoops_names_show_a_terminal_no_control_characters() {
    let dir = job_dir();
    symlink(env!("CARGO_BIN_EXE_mr-stream"), dir.path("hadoop")).unwrap();
    dir.write(&format!("names/{HOSTILE}"), HOSTILE);
    let sh = |script: &str| {
        let run = dir.command(&[] as &[&str]).after(&format!("PATH=.:$PATH; {script}; exit;"));
        run.with("HOME", dir.path("home")).with("H", HOSTILE)
    };
    check(sh("hadoop fs -ls file://$PWD/names"), &[&format!("names/{SHOWN}\n")]);
    check(sh("hadoop fs -cat \"file://$PWD/names/$H\""), &[SHOWN]);
    check(sh("hadoop fs -cat \"file:///no/$H\""), &[&format!("in \"{SHOWN}\"\n")]);
    check(sh("hadoop \"$H\""), &[&format!("ERROR: {SHOWN} is not built in here.\n")]);
    check(sh("hadoop job -status \"$H\""), &[&format!("JobId string : {SHOWN} is not")]);
    let job = "-D mapreduce.job.name=\"$H\" -D fs.defaultFS=file:/// -mapper 'sh m.sh' -files m.sh -input in -output";
    let failing =
        format!("hadoop jar hadoop-streaming.jar {job} \"out$H\" -numReduceTasks 0 -cmdenv H=\"$H\"");
    check(
        sh(&failing),
        &[&format!("INFO streaming.StreamJob: Output directory: out{SHOWN}\n"), &format!("\t\t{SHOWN}=1\n")],
    );
    check(sh("hadoop job -list all"), &[&SHOWN[..20]]);
}

#[test]
fn a_pipe_gets_every_byte_of_a_child_and_one_line_a_message() {
    let dir = job_dir();
    let run = command(&dir, &job("a=b", "out")).with("H", HOSTILE).run().expect_code(0);
    run.expect_stderr(&[&format!("{HOSTILE}\n")]);
    let run = command(&dir, &["-a\nWARN forged"]).run().expect_code(1);
    assert!(run.stderr.starts_with("mr-stream: unrecognized option: -a\\nWARN forged\n"), "{}", run.stderr);
    let run =
        command(&dir, &["-input", "no\nsuch", "-output", "o\nx", "-mapper", "cat"]).run().expect_code(5);
    assert_eq!(run.stderr.lines().count(), 2, "{}", run.stderr);
}
