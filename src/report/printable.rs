//! Text that a terminal prints and does not obey: file names and what children write may hold anything.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with control characters escaped, but for line ends and tabs. Bytes that are no UTF-8 are replaced.
pub fn printable(text: &[u8]) -> Cow<'_, str> {
    let text = String::from_utf8_lossy(text);
    let is_plain = |letter: char| !letter.is_control() || letter == '\t' || letter == '\n';
    if text.chars().all(is_plain) {
        return text;
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for letter in text.chars() {
        if is_plain(letter) {
            shown.push(letter);
        } else {
            write!(shown, "{}", letter.escape_default()).expect("a string takes everything");
        }
    }
    Cow::Owned(shown)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_terminal_obeys_what_is_printed() {
        let check = |text: &[u8], expect: &str| assert_eq!(printable(text), expect, "{text:?}");
        check(b"", "");
        check(b"a\tb\n\xc3\xa9", "a\tb\n\u{e9}");
        check(b"\x1b[2Jx\r\x07\x7f", "\\u{1b}[2Jx\\r\\u{7}\\u{7f}");
        check("\u{9b}31m".as_bytes(), "\\u{9b}31m");
        check(b"\x9b31m\xff", "\u{fffd}31m\u{fffd}");
    }
}
