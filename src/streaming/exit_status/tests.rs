//! Raw wait statuses: a code in the second byte, a signal in the first.

use super::*;

fn words(command: &str) -> Vec<String> {
    command.split(' ').filter(|word| !word.is_empty()).map(str::to_owned).collect()
}

/// Checks code, text and a piece of the hint (`""`: no hint).
fn check(raw: i32, command: &str, stderr: &str, code: i32, text: &str, hint: &str) {
    let verdict = judge(ExitStatus::from_raw(raw), &words(command), stderr.as_bytes());
    assert_eq!((verdict.code, verdict.text.as_str()), (code, text), "{command}");
    assert_eq!(verdict.success, code == 0, "{command}");
    match verdict.hint {
        Some(said) => assert!(!hint.is_empty() && said.contains(hint), "{command}: {said}"),
        None => assert_eq!(hint, "", "{command}"),
    }
}

#[test]
fn codes_and_signals_have_words() {
    check(0, "cat", "noise: not found", 0, "exited with code 0", "");
    check(3 << 8, "sh m.sh", "", 3, "exited with code 3", "");
    check(255 << 8, "x", "", 255, "exited with code 255", "");
    check(9, "x", "", 137, "was killed by SIGKILL (signal 9)", "memory");
    check(0x8b, "x", "", 139, "was killed by SIGSEGV (signal 11), leaving a core dump", "crashed");
    check(3, "x", "", 131, "was killed by SIGQUIT (signal 3)", "");
    check(40, "x", "", 168, "was killed by signal 40", "");
    check(137 << 8, "x", "", 137, "exited with code 137 (a shell's word for SIGKILL (signal 9))", "memory");
    check(129 << 8, "x", "", 129, "exited with code 129 (a shell's word for SIGHUP (signal 1))", "terminal");
    check(200 << 8, "x", "", 200, "exited with code 200", "");
}

#[test]
fn code_127_names_what_is_missing() {
    for (command, stderr, hint) in [
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
        check(127 << 8, command, stderr, 127, "exited with code 127 (program not found)", hint);
    }
}

#[test]
fn code_126_says_how_to_make_it_run() {
    for (command, stderr, hint) in [
        ("sh m.sh", "m.sh: 1: ./tool: Permission denied\n", "chmod +x ./tool"),
        ("env x.sh", "env: ‘x.sh’: Permission denied\n", "chmod +x x.sh"),
        ("./m.sh", "", "chmod +x ./m.sh"),
        ("./m.sh", "./m.sh: /bin/bash^M: bad interpreter: No such file or directory\n", "sed -i"),
        ("./m.sh", "bash: ./m.sh: /no/such: bad interpreter: No such file\n", "names /no/such"),
        ("", "", "empty"),
    ] {
        check(126 << 8, command, stderr, 126, "exited with code 126 (program cannot be run)", hint);
    }
}

#[test]
fn a_script_that_was_not_shipped_is_named() {
    for (command, stderr, hint) in [
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
        check(2 << 8, command, stderr, 2, "exited with code 2", hint);
    }
}
