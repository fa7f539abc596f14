//! The script that runs a failed attempt's child again, alone, in POSIX shell.
//!
//! The child takes the script's place in its process, so that its exit code or signal is the script's.

use crate::streaming::child::ChildCommand;
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// What the script runs.
pub(super) struct Script<'a> {
    /// The attempt, for the head.
    pub(super) title: &'a str,
    pub(super) command: &'a ChildCommand<'a>,
    /// The child's folder, absolute.
    pub(super) dir: &'a Path,
}

impl Script<'_> {
    /// The text of the script, which need not be UTF-8.
    pub(super) fn render(&self) -> Vec<u8> {
        let mut text = format!(
            "#!/bin/sh\n# Runs {} again, alone: the same program, arguments, environment, folder and input.\n\
             # Its output and its exit code are those of the child.\n\
             case $0 in */*) here=${{0%/*}} ;; *) here=. ;; esac\n\
             here=$(CDPATH= cd -- \"$here\" && pwd) || exit 125\n\
             cd ",
            self.title
        )
        .into_bytes();
        push_word(&mut text, self.dir.as_os_str().as_bytes());
        text.extend_from_slice(b" || exit 125\nexec env -i -- \\\n");
        for line in self.command.environment {
            // A variable without a name can be inherited, but not set.
            if !line.to_bytes().starts_with(b"=") {
                push_word(&mut text, line.to_bytes());
                text.extend_from_slice(b" \\\n");
            }
        }
        let program = self.command.program.as_os_str().as_bytes();
        if program.contains(&b'=') {
            // To env it would be one more variable.
            text.extend_from_slice(b"/bin/sh -c 'exec \"$0\" \"$@\"' ");
        }
        push_word(&mut text, program);
        for word in &self.command.args {
            text.push(b' ');
            push_word(&mut text, word.as_bytes());
        }
        text.extend_from_slice(b" <\"$here/input\"\n");
        text
    }
}

/// Adds bytes as one word of a POSIX shell, which takes everything but a single quote literally between such.
fn push_word(text: &mut Vec<u8>, bytes: &[u8]) {
    text.push(b'\'');
    for (number, part) in bytes.split(|byte| *byte == b'\'').enumerate() {
        if number > 0 {
            text.extend_from_slice(br"'\''");
        }
        text.extend_from_slice(part);
    }
    text.push(b'\'');
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::borrow::Cow;
    use std::ffi::{CStr, OsStr, OsString};

    #[test]
    fn every_byte_stands_for_itself() {
        let check = |bytes: &[u8], expect: &[u8]| {
            let mut text = Vec::new();
            push_word(&mut text, bytes);
            assert_eq!(text, expect, "{}", bytes.escape_ascii());
        };
        check(b"", b"''");
        check(b"a b", b"'a b'");
        check(b"it's", br"'it'\''s'");
        check(b"''", br"''\'''\'''");
        check(b"\n$x`\\\xFF\"", b"'\n$x`\\\xFF\"'");
    }

    #[test]
    fn the_child_takes_the_scripts_place() {
        let environment: [Cow<'_, CStr>; 3] = [c"A=it's".into(), c"=x".into(), c"b.c=\n".into()];
        let args = vec![OsString::from("-x"), OsStr::from_bytes(b"\xFF").to_owned()];
        let command = ChildCommand { program: "/bin/a=b".into(), args, dir: None, environment: &environment };
        let script = Script { title: "attempt_1", command: &command, dir: Path::new("/it's") };
        let text = script.render();
        let tail = b"cd '/it'\\''s' || exit 125\nexec env -i -- \\\n'A=it'\\''s' \\\n'b.c=\n' \\\n\
            /bin/sh -c 'exec \"$0\" \"$@\"' '/bin/a=b' '-x' '\xFF' <\"$here/input\"\n";
        assert!(text.ends_with(tail), "{}", text.escape_ascii());
    }
}
