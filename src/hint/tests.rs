//! The table as a whole, and a test for the cases of each row.

use super::*;
use std::collections::BTreeSet;

/// Checks the hint for a failed command: a piece of it, `""` for none.
#[track_caller]
fn check(command: &str, code: i32, stderr: &str, says: &str) {
    let words: Vec<&str> = command.split(' ').filter(|word| !word.is_empty()).collect();
    check_failure(&Facts { command: &words, code: Some(code), stderr, ..Facts::NONE }, says);
}

#[track_caller]
fn check_failure(facts: &Facts<'_>, says: &str) {
    match first(Stage::Failure, facts) {
        Some(hint) => assert!(!says.is_empty() && hint.contains(says), "{facts:?}: {hint}"),
        None => assert_eq!(says, "", "{facts:?}"),
    }
}

/// Checks the warnings for a command as the user wrote it: a piece of the only one, `""` for none.
#[track_caller]
fn check_text(text: &str, says: &str) {
    let hints = all(Stage::Warning, &Facts { text, ..Facts::NONE });
    assert_eq!(hints.len(), usize::from(!says.is_empty()), "{text}: {hints:?}");
    assert!(hints.iter().all(|hint| hint.contains(says)), "{text}: {hints:?}");
}

#[track_caller]
fn check_settings(settings: &[(&str, &str)], says: &str) {
    let hints = all(Stage::Warning, &Facts { settings, ..Facts::NONE });
    assert_eq!(hints.len(), usize::from(!says.is_empty()), "{settings:?}: {hints:?}");
    assert!(hints.iter().all(|hint| hint.contains(says)), "{settings:?}: {hints:?}");
}

#[test]
fn each_row_says_what_its_example_promises() {
    let mut names = BTreeSet::new();
    for hint in HINTS {
        let (facts, says) = &hint.example;
        assert!(names.insert(hint.name), "{} is there twice", hint.name);
        assert_eq!(first(hint.stage, facts).as_deref(), Some(*says), "{}", hint.name);
        assert_eq!((hint.find)(facts).as_deref(), Some(*says), "{}: another row comes first", hint.name);
        assert_eq!((hint.find)(&Facts::NONE), None, "{} applies to everything", hint.name);
        assert!(!says.contains('\n') && !says.ends_with('.') && says.len() < 250, "{}", hint.name);
    }
}

#[test]
fn shell_operators_outside_quotes_are_named() {
    check_text("sort | uniq -c", "so | is an argument of sort: write sh -c 'sort | uniq -c'");
    check_text("cat > /tmp/x", "so > is an argument of cat");
    check_text("./m.py 2>/dev/null", "so 2>/dev/null is an argument of ./m.py");
    check_text("true && cat", "so && is");
    check_text("cat <in.txt", "so <in.txt is");
    check_text("grep 'a b' | wc", "write sh -c \"grep 'a b' | wc\"");
    check_text("grep 'a' \"b\" | wc", "it into a script");
    for fine in [
        "sh -c 'sort | uniq'",
        "grep '|'",
        "cut -d | -f 1",
        "awk '$1 > 3 { print }'",
        "tr | x",
        "expr 1 > 2",
        "grep <b>",
        "sort -t '>' -k2",
        "",
    ] {
        check_text(fine, "");
    }
}

#[test]
fn variables_and_globs_outside_quotes_are_named() {
    check_text("cat $HOME/x", "so $HOME/x stays as it is");
    check_text("cat ${X}", "so ${X} stays");
    check_text("cat *.txt", "so *.txt stays");
    check_text("cat in/*", "so in/* stays");
    check_text("cat ~/x", "so ~/x stays");
    for fine in ["awk {print$NF}", "sed s/*/x/", "m.py '$x'", "m.py a$", "m.py *", "m.py --glob=*.x"] {
        check_text(fine, "");
    }
}

#[test]
fn shell_syntax_is_named_when_the_command_fails() {
    check("cat | wc", 1, "cat: '|': No such file or directory", "so | is an argument of cat");
    check("cat > /tmp/x", 1, "cat: /tmp/x: No such file or directory", "so > is an argument of cat");
    check("cat $HOME/x", 1, "cat: $HOME/x: No such file or directory", "so $HOME/x stays as it is");
    check("grep | -c", 1, "", "so | is");
    check("cut -d | -f 1", 1, "oops", "");
}

#[test]
fn separators_of_several_characters_are_named() {
    check_settings(&[("mapreduce.output.textoutputformat.separator", "\\t")], "the two characters \\ and t");
    check_settings(
        &[("stream.reduce.output.field.separator", "\\001")],
        "the four characters \\ and 001: in bash",
    );
    check_settings(&[("stream.map.output.field.separator", "\t")], "");
    check_settings(&[("stream.map.output.field.separator", "\\")], "");
}

#[test]
fn options_without_their_class_are_named() {
    let class = ("mapreduce.job.output.key.comparator.class", KEY_COMPARATOR);
    let group = ("mapreduce.job.output.group.comparator.class", KEY_COMPARATOR);
    check_settings(&[(COMPARATOR_OPTIONS, "-k2n")], "has no effect without -D mapreduce.job");
    check_settings(&[(COMPARATOR_OPTIONS, "-k2n"), class], "");
    check_settings(&[(COMPARATOR_OPTIONS, "-k2n"), group], "");
    let partitioner = ("mapred.partitioner.class", KEY_PARTITIONER);
    check_settings(&[("num.key.fields.for.partition", "1")], "has no effect without -partitioner");
    check_settings(&[("num.key.fields.for.partition", "1"), partitioner], "");
}

#[test]
fn options_that_are_passed_over_are_named() {
    let class = ("mapreduce.job.output.key.comparator.class", KEY_COMPARATOR);
    check_settings(&[(COMPARATOR_OPTIONS, "-rn"), class], "-rn is passed over");
    check_settings(&[(COMPARATOR_OPTIONS, "-k 1 2,2nr"), class], "2,2nr is passed over");
    for fine in ["-nr", "-k 2nr", "-k1,1 -k2,2n -r", "-k"] {
        check_settings(&[(COMPARATOR_OPTIONS, fine), class], "");
    }
}

#[test]
fn a_folder_that_is_no_output_is_not_to_be_overwritten() {
    let facts = Facts { output: Some("out"), ..Facts::NONE };
    assert_eq!(first(Stage::Refusal, &facts).as_deref(), Some("remove it with rm -r out"));
}

#[test]
fn commands_that_stop_reading_have_others_that_do_not() {
    let unread = |command: &[&str], says: &str| {
        check_failure(&Facts { command, read_bytes: Some(1), ..Facts::NONE }, says);
    };
    unread(&["head"], "sed -n 1,10p reads to the end");
    unread(&["/usr/bin/head", "-n", "3"], "head stops after 3 lines and leaves the rest unread: sed -n 1,3p");
    unread(&["head", "-n5"], "sed -n 1,5p");
    unread(&["sed", "7q"], "sed stops after 7 lines");
    unread(&["head", "-c", "10"], "");
    unread(&["head", "-c10"], "");
    unread(&["m.py"], "");
}

#[test]
fn signals_have_likely_causes() {
    check("x", 137, "", "memory");
    check("x", 139, "", "crashed");
    check("x", 129, "", "terminal");
    check("x", 131, "", "");
    check("x", 168, "", "");
}

#[test]
fn a_script_that_the_shell_ran_is_named() {
    check("m.py", 2, "./m.py: line 1: import: command not found", "write python3 m.py");
    check("./m.pl a", 2, "./m.pl: 1: use: not found", "write perl ./m.pl");
    check("m.py", 1, "Traceback", "");
    check("m.py", 1, "m.py: error", "");
}

#[test]
fn code_127_names_what_is_missing() {
    for (command, stderr, says) in [
        ("sh m.sh", "m.sh: 3: frob: not found\n", "frob is not installed"),
        ("bash m.sh", "m.sh: line 3: frob: command not found\nbye\n", "frob is not installed"),
        ("bash m.sh", "m.sh: line 1: ./x: cannot execute: required file not found\n", "./x is not installed"),
        ("./m.py", "/usr/bin/env: ‘python9’: No such file or directory\n", "python9 is not installed"),
        ("./m.py", "env: 'python9': No such file or directory\n", "python9 is not installed"),
        ("./m.py", "", "./m.py is not installed"),
        ("./m.py a", "/usr/bin/env: ‘python3\\r’: No such file or directory\n", "sed -i 's/\\r$//' ./m.py"),
        ("sh -e m.sh", "m.sh: 2: cat\r: not found\n", "sed -i 's/\\r$//' m.sh"),
        ("bash m.sh", "bash: m.sh: No such file or directory\n", "-files m.sh"),
        ("", "", "empty"),
    ] {
        check(command, 127, stderr, says);
    }
}

#[test]
fn code_126_says_how_to_make_it_run() {
    for (command, stderr, says) in [
        ("sh m.sh", "m.sh: 1: ./tool: Permission denied\n", "chmod +x ./tool"),
        ("env x.sh", "env: ‘x.sh’: Permission denied\n", "chmod +x x.sh"),
        ("./m.sh", "", "chmod +x ./m.sh"),
        ("./m.sh", "./m.sh: /bin/bash^M: bad interpreter: No such file or directory\n", "sed -i"),
        ("./m.sh", "bash: ./m.sh: /no/such: bad interpreter: No such file\n", "names /no/such"),
        ("", "", "empty"),
    ] {
        check(command, 126, stderr, says);
    }
}

#[test]
fn a_script_that_was_not_shipped_is_named() {
    for (command, stderr, says) in [
        (
            "python3 m.py",
            "python3: can't open file '/task/m.py': [Errno 2] No such file or directory\n",
            "-files m.py",
        ),
        ("sh m.sh x", "sh: 0: cannot open m.sh: No such file\n", "-files m.sh"),
        ("perl m.pl", "Can't open perl script \"m.pl\": No such file or directory\n", "-files m.pl"),
        ("awk -f m.awk", "awk: cannot open m.awk (No such file or directory)\n", "-files m.awk"),
        ("python3 m.py", "FileNotFoundError: [Errno 2] No such file or directory: 'other.txt'\n", ""),
        ("python3 m.py", "FileNotFoundError: [Errno 2] No such file or directory: 'm.pyc'\n", ""),
        ("python3 m.py", "FileNotFoundError: [Errno 2] No such file or directory: 'am.py'\n", ""),
        ("python3 m.py", "Traceback\n", ""),
    ] {
        check(command, 2, stderr, says);
    }
}

#[test]
fn grep_without_a_match_is_explained() {
    check("/bin/egrep -v x", 1, "", "egrep exits with 1 when no line matches");
    check("grep x", 2, "", "");
    check("grep x", 1, "grep: x: binary file matches\n", "");
    let script = ["sh", "-c", "sort | grep x"];
    check_failure(&Facts { command: &script, code: Some(1), ..Facts::NONE }, "grep exits with 1");
    let script = ["sh", "-c", "grep x | sort"];
    check_failure(&Facts { command: &script, code: Some(1), ..Facts::NONE }, "");
}

#[test]
fn records_without_a_value_are_counted() {
    let facts = Facts { code: Some(1), records_without_value: Some(7), separator: ";", ..Facts::NONE };
    check_failure(
        &facts,
        "none of the 7 records that the reducer was given has a value: a mapper line without the separator \";\"",
    );
    check_failure(&Facts { records_without_value: Some(0), ..facts }, "");
}

#[test]
fn scripts_are_found_in_commands() {
    let check = |command: &str, script: Option<&str>| {
        let words: Vec<String> = command.split(' ').map(str::to_owned).collect();
        assert_eq!(script_of(&words), script, "{command}");
    };
    check("python3 m.py x", Some("m.py"));
    check("/usr/bin/python3.11 -u m.py", Some("m.py"));
    check("bash m.sh", Some("m.sh"));
    for other in ["python3 -m m.py", "python3 -c m.py", "python3", "cat m.py", "sh -c m.sh", "python3 m"] {
        check(other, None);
    }
}

#[test]
fn the_nearest_name_is_near() {
    let names = ["mapper.py", "reducer.py", "x"];
    assert_eq!(nearest("maper.py", names), Some("mapper.py"));
    assert_eq!(nearest("Mapper.PY", names), Some("mapper.py"));
    assert_eq!(nearest("other.sh", names), None);
    assert_eq!(nearest("y", names), None);
    for (a, b, edits) in [
        ("", "", 0),
        ("", "abc", 3),
        ("kitten", "sitting", 3),
        ("abc", "abc", 0),
        ("ab", "ba", 1),
        ("jbos", "jobs", 1),
    ] {
        assert_eq!((edit_distance(a, b), edit_distance(b, a)), (edits, edits), "{a} {b}");
    }
}
