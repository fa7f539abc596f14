//! Bytes that should be UTF-8, decoded as Java decodes them: everything that is not becomes U+FFFD. Java:
//! `new String(bytes, UTF_8)`; Hadoop: `Text.toString`, `Text.decode`.
//!
//! Who needs the text of a key or a value decodes here. Records on their way are never decoded.

use std::borrow::Cow;

/// The text that Java makes of `bytes`.
///
/// Java and the standard library agree on how many bytes each U+FFFD stands for, surrogates excepted: one that
/// is encoded, whole or cut short, is one error to Java, while the standard library counts each of its bytes.
/// The number matters, since every error becomes a letter.
pub fn decode_utf8(bytes: &[u8]) -> Cow<'_, str> {
    let mut text = String::new();
    let mut rest = bytes;
    loop {
        let error = match str::from_utf8(rest) {
            Ok(valid) if text.is_empty() => return Cow::Borrowed(valid),
            Ok(valid) => return Cow::Owned(text + valid),
            Err(error) => error,
        };
        let (valid, bad) = rest.split_at(error.valid_up_to());
        text.push_str(str::from_utf8(valid).unwrap_or_default());
        text.push(char::REPLACEMENT_CHARACTER);
        let error_bytes = match bad {
            [0xED, 0xA0..=0xBF, 0x80..=0xBF, ..] => 3,
            [0xED, 0xA0..=0xBF, ..] => 2,
            _ => error.error_len().unwrap_or(bad.len()),
        };
        rest = &bad[error_bytes..];
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Checks a text in which `?` stands for U+FFFD.
    fn check(bytes: &[u8], expect: &str) {
        assert_eq!(decode_utf8(bytes), expect.replace('?', "\u{FFFD}"), "{bytes:x?}");
    }

    #[test]
    fn what_is_not_utf8_is_replaced_as_java_does() {
        check(b"", "");
        check("plain \u{1F600}".as_bytes(), "plain \u{1F600}");
        check(b"a\xFFb\xC0\x80", "a?b??");
        check(b"\xE2\x82", "?");
        check(b"\xE2\x82(\xF0\x9F\x98(", "?(?(");
        check(b"\xF4\x90\x80\x80", "????");
        // A surrogate is one mistake, whole or cut short.
        check(b"\xED\xA0\x80\xED\xBF\xBFx", "??x");
        check(b"\xED\xA0\x80\x80", "??");
        check(b"\xED\xA0(\xED\xA0\xED\xA0", "?(??");
        check(b"\xED\xA0x\x80", "?x?");
        check(b"\xED(\xED\x80", "?(?");
        check(b"\xE0\x80\x80\xED\xA0b", "????b");
    }
}
