//! Raw wait statuses: a code in the second byte, a signal in the first.

use super::*;

#[track_caller]
fn check(raw: i32, code: i32, text: &str) {
    let verdict = judge(ExitStatus::from_raw(raw));
    assert_eq!((verdict.code, verdict.text.as_str()), (code, text));
    assert_eq!(verdict.success, code == 0);
}

#[test]
fn codes_and_signals_have_words() {
    check(0, 0, "exited with code 0");
    check(3 << 8, 3, "exited with code 3");
    check(255 << 8, 255, "exited with code 255");
    check(9, 137, "was killed by SIGKILL (signal 9)");
    check(0x8b, 139, "was killed by SIGSEGV (signal 11), leaving a core dump");
    check(3, 131, "was killed by SIGQUIT (signal 3)");
    check(40, 168, "was killed by signal 40");
    check(137 << 8, 137, "exited with code 137 (a shell's code for SIGKILL (signal 9))");
    check(129 << 8, 129, "exited with code 129 (a shell's code for SIGHUP (signal 1))");
    check(200 << 8, 200, "exited with code 200");
    check(127 << 8, 127, "exited with code 127 (program not found)");
    check(126 << 8, 126, "exited with code 126 (program cannot be run)");
}
