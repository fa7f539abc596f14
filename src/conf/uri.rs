//! URIs, as the lists of shipped files are made of them. Java: `java.net.URI`.

use super::error::ConfError;

/// A path, and the name that a `#` asks for, both with their escapes decoded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileUri {
    /// All before the `#`, scheme and host included.
    pub(super) path: String,
    /// What stands behind it.
    pub(super) fragment: Option<String>,
}

impl FileUri {
    /// Reads a URI.
    ///
    /// # Errors
    /// A character that must be escaped, or an escape that is none.
    pub(super) fn parse(what: &'static str, given: &str) -> Result<Self, ConfError> {
        let (path, fragment) = match given.split_once('#') {
            Some((path, fragment)) => (path, Some(fragment)),
            None => (given, None),
        };
        let decoded = |part: &str, also: &str| {
            decode(part, also).map_err(|why| ConfError::Uri { what, given: given.to_owned(), why })
        };
        Ok(Self { path: decoded(path, "")?, fragment: fragment.map(|text| decoded(text, "[]")).transpose()? })
    }
}

/// A path as part of a URI: with escapes for what may not stand in one.
pub(super) fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for letter in path.chars() {
        if letter == '%' || letter == '?' || !is_legal(letter, "") {
            let mut bytes = [0; 4];
            for byte in letter.encode_utf8(&mut bytes).bytes() {
                encoded.push_str(&format!("%{byte:02X}"));
            }
        } else {
            encoded.push(letter);
        }
    }
    encoded
}

/// Whether a letter may stand for itself; of those that are not ASCII all but blanks and controls may.
fn is_legal(letter: char, also: &str) -> bool {
    match letter {
        '/' | '?' | '%' => true,
        _ if letter.is_ascii_alphanumeric() || "_-!.~'()*;:@&=+$,".contains(letter) => true,
        _ if letter.is_ascii() => also.contains(letter),
        _ => !letter.is_whitespace() && !letter.is_control(),
    }
}

/// A part with its escapes decoded; bytes that are no UTF-8 are replaced, as Java does.
fn decode(part: &str, also: &str) -> Result<String, String> {
    if let Some((at, letter)) = part.char_indices().find(|(_, letter)| !is_legal(*letter, also)) {
        let globs = if "[]{}".contains(letter) { "; globs mean nothing here, as in Hadoop" } else { "" };
        return Err(format!(
            "{letter:?} at character {} may not stand in a URI: write {}{globs}",
            part[..at].chars().count() + 1,
            encode(letter.encode_utf8(&mut [0; 4])),
        ));
    }
    let (mut bytes, mut rest) = (Vec::with_capacity(part.len()), part);
    while let Some((before, behind)) = rest.split_once('%') {
        bytes.extend_from_slice(before.as_bytes());
        let digits = behind.get(..2).filter(|text| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let byte = digits.and_then(|digits| u8::from_str_radix(digits, 16).ok());
        let Some(byte) = byte else {
            return Err("'%' without two hexadecimal digits: write %25 for a per cent sign".to_owned());
        };
        bytes.push(byte);
        rest = &behind[2..];
    }
    bytes.extend_from_slice(rest.as_bytes());
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn escapes_are_decoded_in_both_parts() {
        let check = |given: &str, path: &str, fragment: Option<&str>| {
            let expect = FileUri { path: path.into(), fragment: fragment.map(Into::into) };
            assert_eq!(FileUri::parse("-files", given).unwrap(), expect, "{given}");
        };
        check("a.py", "a.py", None);
        check("file:/a%20b#c%41", "file:/a b", Some("cA"));
        check("a%25#", "a%", Some(""));
        check("caf\u{e9}%C3%A9*", "caf\u{e9}\u{e9}*", None);
        check("hdfs://h:1/x?y", "hdfs://h:1/x?y", None);
    }

    #[test]
    fn what_is_no_uri_is_refused_with_the_reason() {
        let check = |given: &str, says: &str| {
            let error = FileUri::parse("-files", given).unwrap_err().to_string();
            assert!(error.contains(says), "{error}");
        };
        check("my file", "' ' at character 3 may not stand in a URI: write %20");
        check("f#te st", "' ' at character 3");
        check("f#x^", "'^' at character 2 may not stand in a URI: write %5E");
        check("a#b#c", "'#' at character 2");
        check("a%4", "'%' without two hexadecimal digits");
        check("50%.txt", "'%' without two");
        check("x[1].py", "globs mean nothing here");
    }

    #[test]
    fn a_path_comes_back_from_its_uri() {
        for path in ["/a/b.py", "/my dir/50% [x]?#\u{e9}", "/tab\there"] {
            assert_eq!(FileUri::parse("-files", &encode(path)).unwrap().path, path);
        }
        assert_eq!(encode("/a-b_c.d/e:f,g"), "/a-b_c.d/e:f,g");
    }
}
