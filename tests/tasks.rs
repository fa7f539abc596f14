//! The seam on which distributed engines will stand: a job run task by task, each in a process of its
//! own that shares only files with the others, gives the bytes of the plain run.

use crate::harness::{JobDir, repository, run_task_by_task, skip_without};
use std::fmt::Write as _;
use std::os::unix::fs::PermissionsExt;

/// Puts 0..count into an order that is neither ascending nor descending.
fn scrambled(count: usize) -> Vec<usize> {
    let mut order: Vec<usize> = (0..count).collect();
    order.sort_by_key(|number| (number * 7 + 3) % 11);
    order
}

/// Runs the job plainly and in pieces; both must write the same files.
fn check(args: &[&str], fill: impl Fn(&JobDir)) {
    let whole = JobDir::new();
    fill(&whole);
    whole.command(args).run().expect_code(0);
    assert!(whole.files("out").len() > 1, "the plain run wrote no part");

    let pieces = JobDir::new();
    fill(&pieces);
    run_task_by_task(&pieces, args, scrambled);
    assert_eq!(pieces.files("out"), whole.files("out"));
    pieces.assert_clean();
}

#[test]
fn word_count_in_pieces() {
    let samples = repository().join("mappers");
    let (mapper, reducer) = (samples.join("wordcount_map.sh"), samples.join("wordcount_reduce.sh"));
    let (mapper, reducer) = (mapper.to_str().unwrap(), reducer.to_str().unwrap());
    let text = std::fs::read(repository().join("testdata/98.txt")).unwrap();
    let args = ["-D", "fs.local.block.size=30000", "-numReduceTasks", "5", "-mapper", mapper];
    let args =
        [&args[..], &["-combiner", reducer, "-reducer", reducer, "-input", "in", "-output", "out"]].concat();
    check(&args, |dir| {
        dir.write("in/98.txt", &text);
    });
}

#[test]
fn equal_keys_keep_map_order_in_pieces() {
    let args = "-D fs.local.block.size=40 -mapper cat -reducer cat -numReduceTasks 3 -input in -output out";
    check(&args.split(' ').collect::<Vec<_>>(), |dir| {
        let line = |number: usize| format!("k{}\t{number}", number % 4);
        let text = (0..60).map(line).collect::<Vec<_>>().join("\n");
        dir.write("in/a", &text).write("in/b", text.replace('k', "l"));
    });
}

#[test]
fn map_only_in_pieces() {
    let args = "-D fs.local.block.size=7 -mapper cat -reducer NONE -input in -output out";
    check(&args.split(' ').collect::<Vec<_>>(), |dir| {
        dir.write("in/a", "one\ntwo\r\nthree\tIII\n\nfour\n").write("in/empty", "");
    });
}

#[test]
fn files_travel_with_the_plan() {
    let args = "-files m.sh -mapper m.sh -reducer cat -input in -output out";
    check(&args.split(' ').collect::<Vec<_>>(), |dir| {
        dir.write("in/a", "x\ny\n").script("m.sh", "#!/bin/sh\nsed 's/^/seen\t/'\n");
    });
}

/// The engine folds the lines of maps that repeat them, and merges those after the others.
#[test]
fn maps_that_repeat_lines_and_maps_that_do_not_are_merged_as_whole_jobs_do() {
    for first in ["a", "b"] {
        let args = "-mapper cat -reducer cat -input in -output out";
        check(&args.split(' ').collect::<Vec<_>>(), |dir| {
            let (mut repeated, mut unique) = (String::new(), String::new());
            for number in 0..40_000 {
                writeln!(repeated, "k{}\trepeat{}", number % 10, number % 7).unwrap();
                writeln!(unique, "k{}\tu{number}", number % 10).unwrap();
            }
            let second = if first == "a" { "b" } else { "a" };
            dir.write(&format!("in/{first}"), repeated).write(&format!("in/{second}"), unique);
        });
    }
}

/// Words of a job over `in` to `out`.
fn job<'a>(words: &[&'a str]) -> Vec<&'a str> {
    [&["-input", "in", "-output", "out", "-reducer", "cat"], words].concat()
}

/// Runs a command of one word per argument.
fn task(dir: &JobDir, plan: &str, what: &[&str]) -> crate::harness::MrCommand {
    let (plan, work) = (dir.beside(plan), dir.beside("work"));
    let common = ["task", "--plan", plan.to_str().unwrap(), "--work", work.to_str().unwrap()];
    dir.command(&[&common, what].concat())
}

/// Writes a plan beside the job's folder.
fn plan(dir: &JobDir, words: &[&str]) -> crate::harness::MrCommand {
    let file = dir.beside("plan");
    dir.command(&[&["plan", "-o", file.to_str().unwrap()], words].concat())
}

#[test]
fn a_plan_holds_no_foreign_environment_and_only_its_owner_may_read_it() {
    let dir = JobDir::new();
    dir.write("in/a", "x\n");
    let words = job(&["-cmdenv", "NAMED=by-the-job", "-mapper", "sh -c 'echo $NAMED $WHERE $TMPDIR'"]);
    std::fs::write(dir.beside("plan"), "an older one").unwrap();
    std::fs::set_permissions(dir.beside("plan"), std::fs::Permissions::from_mode(0o644)).unwrap();
    for file in ["plan", "new"] {
        let path = dir.beside(file);
        let command = dir.command(&[&["plan", "-o", path.to_str().unwrap()], &words[..]].concat());
        command.with("SECRET_NAME", "secret-value").with("WHERE", "planned").run().expect_code(0);
        let bytes = std::fs::read(&path).unwrap();
        let text = String::from_utf8_lossy(&bytes);
        for foreign in ["SECRET_NAME", "secret-value", "planned", "PATH"] {
            assert!(!text.contains(foreign), "{foreign} is in the plan");
        }
        assert!(text.contains("by-the-job"));
        assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600, "{file}");
    }
    let shown = dir.command(&[&["plan", "--json"], &words[..]].concat()).with("SECRET_NAME", "x").run();
    assert!(!shown.expect_code(0).stdout.contains("SECRET_NAME"));
    for what in [&["map", "0"][..], &["reduce", "0"], &["commit"]] {
        task(&dir, "plan", what).with("WHERE", "run").run().expect_code(0);
    }
    let temp_dir = dir.beside("tmp");
    let line = format!("by-the-job run {}\t\n", temp_dir.display());
    assert_eq!(String::from_utf8(dir.parts_joined()).unwrap(), line);
}

#[test]
fn a_plan_is_not_written_to_a_terminal() {
    if skip_without("script", "a plan on a terminal") {
        return;
    }
    let dir = JobDir::new();
    dir.write("in/a", "x\n");
    let program = env!("CARGO_BIN_EXE_mr-stream");
    let on_terminal = |option: &str| {
        let line = format!("{program} plan {option} -input in -output out -mapper cat");
        let mut command = std::process::Command::new("script");
        let output = command.args(["-qec", &line, "/dev/null"]).current_dir(dir.path("")).output().unwrap();
        (output.status.code(), output.stdout)
    };
    let (code, said) = on_terminal("");
    assert_eq!(code, Some(1));
    assert!(
        String::from_utf8(said).unwrap().contains("a plan is binary and not for a terminal: give -o FILE")
    );
    let (code, said) = on_terminal("--json");
    assert_eq!(code, Some(0));
    assert!(String::from_utf8(said).unwrap().contains("\"maps\""));
}

#[test]
fn commit_clears_an_existing_output_if_the_plan_says_so() {
    let dir = JobDir::new();
    dir.write("in/a", "x\n").write("out/part-00007", "old\n").write("out/_SUCCESS", "");
    plan(&dir, &job(&["-mapper", "cat", "-overwrite"])).run().expect_code(0);
    task(&dir, "plan", &["map", "0"]).run().expect_code(0);
    // Nothing is cleared before all tasks are done.
    task(&dir, "plan", &["commit"]).run().expect_code(1).expect_stderr(&["read the report of a task"]);
    assert_eq!(dir.files("out")["part-00007"], b"old\n");
    task(&dir, "plan", &["reduce", "0"]).run().expect_code(0);
    task(&dir, "plan", &["commit"]).run().expect_code(0);
    let files: Vec<_> = dir.files("out").into_iter().collect();
    assert_eq!(files, [("_SUCCESS".into(), b"".to_vec()), ("part-00000".into(), b"x\t\n".to_vec())]);
}

#[test]
fn commit_refuses_an_existing_output_as_the_local_engine_does() {
    let check = |option: &[&str], file: &str, says: &str| {
        let dir = JobDir::new();
        dir.write("in/a", "x\n");
        plan(&dir, &[&job(&["-mapper", "cat"])[..], option].concat()).run().expect_code(0);
        task(&dir, "plan", &["map", "0"]).run().expect_code(0);
        task(&dir, "plan", &["reduce", "0"]).run().expect_code(0);
        dir.write(&format!("out/{file}"), "theirs\n");
        task(&dir, "plan", &["commit"]).run().expect_code(1).expect_stderr(&[says]);
        let files = dir.files("out");
        assert_eq!(files[file], b"theirs\n");
        assert!(!files.contains_key("_SUCCESS") && !files.contains_key("part-00000"), "{files:?}");
    };
    check(&[], "part-00007", "Output directory out already exists");
    check(&[], "notes.txt", "Output directory out already exists");
    check(&["-overwrite"], "notes.txt", "cannot overwrite out: it is no output of a job");
}
