//! Text that a terminal displays and does not obey. File names, options and the output of children can hold any bytes.
//!
//! [`printable`] is for text of several lines, [`one_line`] for a name or a message. Both escape control characters,
//! marks that change the direction of text, and bytes that are not UTF-8. Only `cli/voice` decides where they are used
//! on output.

use std::borrow::Cow;
use std::fmt::Write as _;

/// `text` with everything but text, line ends and tabs escaped.
pub(crate) fn printable(text: &[u8]) -> Cow<'_, str> {
    escaped(text, true)
}

/// The same with line ends escaped too.
pub(crate) fn one_line(text: &str) -> Cow<'_, str> {
    escaped(text.as_bytes(), false)
}

/// Length of `text` without a UTF-8 character at its end that is cut off.
pub(crate) fn whole_characters(text: &[u8]) -> usize {
    let last = text.utf8_chunks().last().map_or(&[][..], |chunk| chunk.invalid());
    let is_cut = std::str::from_utf8(last).is_err_and(|error| error.error_len().is_none());
    text.len() - if is_cut { last.len() } else { 0 }
}

fn escaped(text: &[u8], keeps_line_ends: bool) -> Cow<'_, str> {
    let is_plain = |letter: char| !is_harmful(letter) || (letter == '\n' && keeps_line_ends);
    if let Ok(text) = std::str::from_utf8(text)
        && text.chars().all(is_plain)
    {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len() + 16);
    for chunk in text.utf8_chunks() {
        for letter in chunk.valid().chars() {
            if is_plain(letter) {
                shown.push(letter);
            } else {
                shown.extend(letter.escape_default());
            }
        }
        for byte in chunk.invalid() {
            write!(shown, "\\x{byte:02x}").expect("a string takes everything");
        }
    }
    Cow::Owned(shown)
}

/// Whether a terminal obeys this character, or a program that reads lines takes it for a line end.
fn is_harmful(letter: char) -> bool {
    let is_separator_or_direction =
        matches!(letter, '\u{2028}'..='\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    (letter.is_control() && letter != '\t') || is_separator_or_direction
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn control_characters_are_escaped() {
        let check = |text: &[u8], expect: &str| assert_eq!(printable(text), expect, "{text:?}");
        check(b"", "");
        check(b"a\tb\n\xc3\xa9", "a\tb\n\u{e9}");
        check(b"\x1b[2Jx\r\x07\x08\x7f", "\\u{1b}[2Jx\\r\\u{7}\\u{8}\\u{7f}");
        check("\u{9b}31m\u{85}".as_bytes(), "\\u{9b}31m\\u{85}");
        check(b"\x9b31m\xff", "\\x9b31m\\xff");
        check(b"cut \xe2\x82", "cut \\xe2\\x82");
        check(
            "\u{202e}\u{202a}\u{2066}\u{2069}\u{2028}\u{200d}".as_bytes(),
            "\\u{202e}\\u{202a}\\u{2066}\\u{2069}\\u{2028}\u{200d}",
        );
    }

    #[test]
    fn one_line_has_no_line_ends() {
        assert_eq!(one_line("a\nb\tc\r\u{2029}"), "a\\nb\tc\\r\\u{2029}");
        assert!(matches!(one_line("plain"), Cow::Borrowed("plain")));
    }

    #[test]
    fn characters_that_are_cut_are_found() {
        let check = |text: &[u8], expect: usize| assert_eq!(whole_characters(text), expect, "{text:?}");
        check(b"", 0);
        check(b"ab", 2);
        check(b"ab\xe2\x82", 2);
        check(b"ab\xe2\x82\xac", 5);
        check(b"ab\xf0\x9f\x98", 2);
        check(b"ab\x82", 3);
        check(b"\xffab", 3);
    }
}
