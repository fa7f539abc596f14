//! Command lines through [`parse`].

use super::*;
use std::collections::BTreeSet;
use std::os::unix::ffi::OsStringExt;

fn parsed(words: &[&str]) -> Result<Parsed, ArgsError> {
    parse(words.iter().map(OsString::from).collect())
}

/// The options and notes of a job with `words` behind its input and output.
fn job(words: &[&str]) -> (StreamOptions, Vec<String>) {
    match parsed(&[&["-input", "in", "-output", "out"], words].concat()) {
        Ok(Parsed::Job { options, notes, .. }) => (*options, notes),
        other => panic!("{words:?}: {other:?}"),
    }
}

/// Checks the message of a command line that is refused.
fn check_error(words: &[&str], message: &str) {
    assert_eq!(parsed(words).unwrap_err().to_string(), message, "{words:?}");
}

fn strings(words: &[&str]) -> Vec<String> {
    words.iter().map(ToString::to_string).collect()
}

fn pairs(words: &[(&str, &str)]) -> Vec<(String, String)> {
    words.iter().map(|(name, value)| (name.to_string(), value.to_string())).collect()
}

#[test]
fn the_table_names_every_option_once() {
    let names: BTreeSet<&str> = OPTIONS.iter().map(|opt| opt.name).collect();
    assert_eq!(names.len(), OPTIONS.len());
    for opt in OPTIONS {
        assert!(!opt.help.is_empty() && !opt.help.ends_with('.'), "-{}", opt.name);
        if let Support::Deprecated(instead) = opt.support {
            assert!(names.contains(instead), "-{} names -{instead}", opt.name);
        }
    }
    // StreamJob.setupOptions and GenericOptionsParser.buildGeneralOptions of Hadoop 3.4.2.
    let count = |class| OPTIONS.iter().filter(|opt| opt.class == class).count();
    assert_eq!((count(Class::StreamJob), count(Class::GenericOptionsParser)), (26, 8));
}

/// Each option of the table must reach its own field: a job with one option differs from one without.
#[test]
fn every_option_of_a_job_changes_its_options() {
    let asks_for_text = ["help", "info", "version"];
    let unused = ["tokenCacheFile"];
    let plain = job(&[]).0;
    let mut seen = Vec::new();
    for opt in OPTIONS.iter().filter(|opt| ![&asks_for_text[..], &unused[..]].concat().contains(&opt.name)) {
        let name = format!("-{}", opt.name);
        let changed = match (opt.argument, opt.name) {
            (Argument::None, _) => job(&[&name]).0,
            // The first value counts, so another must come before.
            (_, "output") => match parsed(&["-output", "x=y", "-input", "in"]) {
                Ok(Parsed::Job { options, .. }) => *options,
                other => panic!("{other:?}"),
            },
            _ => job(&[&name, "x=y"]).0,
        };
        assert_ne!(changed, plain, "{name}");
        // -fs and -dfs share a field.
        assert!(opt.name == "dfs" || opt.name == "fs" || !seen.contains(&changed), "{name}");
        seen.push(changed);
    }
}

#[test]
fn values_go_up_to_the_next_option() {
    let (options, _) =
        job(&["-input", "a", "-b", "-1", "--mapper", "awk \"{print}\"", "-numReduceTasks", "-1"]);
    assert_eq!(options.inputs, strings(&["in", "a", "-b", "-1"]));
    assert_eq!(options.mapper.as_deref(), Some("awk \"{print}\""));
    assert_eq!(options.num_reduce_tasks.as_deref(), Some("-1"));

    let (options, _) = job(&["-mapper", "", "-file", "a", "b", "-file", "c", "-io", "\"text\""]);
    assert_eq!(options.mapper.as_deref(), Some(""));
    assert_eq!(options.file, strings(&["a", "b", "c"]));
    assert_eq!(options.io.as_deref(), Some("text"));

    assert_eq!(job(&["-input", "a", "--", "b"]).0.inputs, strings(&["in", "a", "b"]));
    assert_eq!(job(&["-mapper", "-"]).0.mapper.as_deref(), Some("-"));
    assert_eq!(job(&["-fs", "--"]).0.fs.as_deref(), Some("--"));
}

#[test]
fn of_one_value_the_first_counts_and_of_several_all() {
    let (options, notes) =
        job(&["-mapper", "cat", "-mapper", "false", "-mapper", "x", "-files", "a", "-files", "b"]);
    assert_eq!((options.mapper.as_deref(), options.files.as_deref()), (Some("cat"), Some("a")));
    assert_eq!(notes.iter().filter(|note| note.contains("the first value counts")).count(), 2, "{notes:?}");

    let (options, _) =
        job(&["-D", "a=1", "-D", "a=2", "-conf", "x", "-conf", "y", "-cmdenv", "A=1", "-cmdenv", "B"]);
    assert_eq!(options.properties, pairs(&[("a", "1"), ("a", "2")]));
    assert_eq!(options.conf_files, [PathBuf::from("x"), PathBuf::from("y")]);
    assert_eq!(options.cmdenv, strings(&["A=1", "B"]));
    assert_eq!(job(&["-fs", "file:///", "-dfs", "local"]).0.fs.as_deref(), Some("local"));
}

#[test]
fn properties_are_written_in_several_ways() {
    for (words, expected) in [
        (&["-D", "a=b"][..], &[("a", "b")][..]),
        (&["-Da=b"], &[("a", "b")]),
        (&["--D", "a=b=c"], &[("a", "b=c")]),
        (&["-D", "q=\"x\""], &[("q", "\"x\"")]),
        (&["-Dq=\"x\""], &[("q", "\"x\"")]),
        (&["-D", "\"a=b c\""], &[("a", "b c")]),
        (&["-D", "a="], &[("a", "")]),
        (&["-D", " a= b "], &[(" a", " b ")]),
        (&["-D", "name"], &[]),
        (&["-D=x"], &[]),
        (&["-D", "-x=y"], &[("-x", "y")]),
    ] {
        assert_eq!(job(words).0.properties, pairs(expected), "{words:?}");
    }
    assert_eq!(job(&["-files=a,b#c"]).0.files.as_deref(), Some("a,b#c"));
    assert_eq!(job(&["--counters-json=c"]).0.counters_json, Some(PathBuf::from("c")));
    assert_eq!(job(&["-jobconf", "a=b=c"]).0.jobconf, pairs(&[("a", "b=c")]));
}

#[test]
fn notes_tell_what_a_cluster_would_say() {
    for (words, expected) in [
        (&["-mapper", "cat"][..], vec![]),
        (&["-D", "a=b c", "-mapper", "it's", "-files=x", "-counters-json", "j"], vec![]),
        (&["-jobconf", "a=b", "-jobconf", "c=d"], vec!["-jobconf is deprecated: use -D".to_owned()]),
        (&["-file", "a", "b"], vec!["-file is deprecated: use -files".to_owned()]),
        (&["-debug"], vec!["-debug has no effect: there is no job jar to keep".to_owned()]),
        (&["-cmdenv", "A=1", "-cmdenv", "B=2"], vec![]),
        (&["-D", "name"], vec!["-D name is ignored: expected name=value".to_owned()]),
        (
            &["-input", "a", "-maper", "cat"],
            vec!["-maper is read as a value of -input: did you mean -mapper?".to_owned()],
        ),
    ] {
        assert_eq!(job(words).1, expected, "{words:?}");
    }
}

#[test]
fn the_order_that_a_cluster_wants_is_known() {
    let check = |words: &[&str], expected: Option<&str>| {
        let Ok(Parsed::Job { order, .. }) = parsed(words) else { panic!("expected a job") };
        let expected = expected.map(|words| format!("a Hadoop cluster wants generic options first: {words}"));
        assert_eq!(order, expected, "{words:?}");
    };
    check(
        &[
            "-input",
            "in",
            "-output",
            "out",
            "-D",
            "a=b c",
            "-mapper",
            "it's",
            "-files=x",
            "-counters-json",
            "j",
        ],
        Some(r"-D 'a=b c' -files x -input in -output out -mapper 'it'\''s'"),
    );
    check(&["-counters-json", "c", "-D", "a=b", "-input", "in", "-output", "o"], None);
}

#[test]
fn what_cannot_be_understood_is_named() {
    for (words, message) in [
        (&[][..], "no arguments given: expected at least -input, -output and -mapper"),
        (&["streamjob"], "no arguments given: expected at least -input, -output and -mapper"),
        (&["-mapper", "cat", "-nosuchoption"], "unrecognized option: -nosuchoption"),
        (&["-mapper", "cat", "-redcuer", "x"], "unrecognized option: -redcuer: did you mean -reducer?"),
        (&["-Output", "x"], "unrecognized option: -Output: did you mean -output?"),
        (&["-l"], "unrecognized option: -l"),
        (&["-inpxyz"], "unrecognized option: -inpxyz"),
        (&["-h"], "unrecognized option: -h: did you mean -help?"),
        (&["-mapper=cat"], "unrecognized option: -mapper=cat: write -mapper cat, without ="),
        (&["-verbose=1"], "unrecognized option: -verbose=1: write -verbose 1, without ="),
        (&["-mapper"], "missing argument for option: -mapper: expected <cmd|class>"),
        (
            &["-input", "-output", "o"],
            "missing argument for option: -input: expected <path> but found the option -output",
        ),
        (
            &["-mapper", "wc", "-l", "-input", "a"],
            "unrecognized option: -l: a command with arguments needs quotes: -mapper 'wc -l'",
        ),
        (
            &["-mapper", "wc", "a", "b", "-verbose", "c"],
            "found 3 unexpected arguments on the command line [a, b, c]: expected an option; values with blanks need quotes",
        ),
        (
            &["-"],
            "found 1 unexpected arguments on the command line [-]: expected an option; values with blanks need quotes",
        ),
        (&["-output", "o", "-mapper", "cat"], "required argument: -input <path>"),
        (&["-input", "i", "-mapper", "cat"], "required argument: -output <path>"),
        (&["-input", "i", "-output", "o", "-jobconf", "a"], "cannot use -jobconf a: expected name=value"),
        (
            &["-input", "i", "-output", "-"],
            "cannot write the output to standard output: -output - names no folder; give one, and read it with cat FOLDER/part-*",
        ),
        (
            &["-input", "i", "-output", "o", "-background", "-counters-json", "-"],
            "cannot use -counters-json - with -background: give a file",
        ),
    ] {
        check_error(words, message);
    }
    let odd = parse(vec![OsString::from("-input"), OsString::from_vec(b"a\xff".to_vec())]).unwrap_err();
    assert_eq!(odd.to_string(), "cannot read argument a\u{fffd}: expected UTF-8");
}

#[test]
fn texts_win_over_the_job() {
    for (words, expected) in [
        (&["-help"][..], Parsed::Help),
        (&["--help"], Parsed::Help),
        (&["-input", "in", "-mapper", "cat", "-help"], Parsed::Help),
        (&["-help", "-info"], Parsed::Info),
        (&["-version"], Parsed::Version),
        (&["StreamJob", "-version", "-help"], Parsed::Help),
    ] {
        assert_eq!(parsed(words).unwrap(), expected, "{words:?}");
    }
    check_error(&["-help", "-nosuchoption"], "unrecognized option: -nosuchoption");
}
