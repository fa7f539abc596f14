//! Path patterns, and what they match on the disk. Hadoop: `GlobExpander`, `GlobPattern`, `Globber`.
//!
//! `*` any characters, `?` one, `[a-c]` `[^a-c]` `[!a-c]` one of or none of, `{a,b}` either, `\x` just x. No
//! pattern matches a slash; braces that hold one are therefore expanded into several patterns first. Names
//! that are not UTF-8 are matched as text with U+FFFD in place of the odd bytes.
//!
//! Which of the matches count, and in what order, is the caller's business.

mod walk;

pub(crate) use walk::{Entry, GlobError, find, java_order, read_folder};

use regex::Regex;

/// A pattern that cannot be read; says where and why.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct BadPattern(pub(crate) String);

/// Expands braces that hold a slash, the outermost and leftmost first; other braces stay as they are.
fn expand(pattern: &[u8]) -> Result<Vec<Vec<u8>>, BadPattern> {
    let mut done = Vec::new();
    // A stack, so that the results come out in order. The offset is where the search goes on.
    let mut open = vec![(pattern.to_vec(), 0)];
    while let Some((pattern, offset)) = open.pop() {
        match leftmost_braces_with_slash(&pattern, offset)? {
            None => done.push(pattern),
            Some(begin) => {
                let alternatives = expand_braces(&pattern, begin);
                open.extend(alternatives.into_iter().rev().map(|one| (one, begin)));
            }
        }
    }
    Ok(done)
}

/// The leftmost outer brace, from `offset` on, that holds a slash.
fn leftmost_braces_with_slash(pattern: &[u8], offset: usize) -> Result<Option<usize>, BadPattern> {
    let (mut depth, mut leftmost, mut seen_slash) = (0, 0, false);
    let mut at = offset;
    while at < pattern.len() {
        match pattern[at] {
            b'\\' => {
                at += 1;
                if at == pattern.len() {
                    return Err(BadPattern("a backslash at the end escapes nothing".to_owned()));
                }
            }
            b'{' => {
                if depth == 0 {
                    leftmost = at;
                }
                depth += 1;
            }
            b'}' if depth > 0 => {
                depth -= 1;
                // As in Hadoop, a slash in braces further left counts too; expanding these does no harm.
                if depth == 0 && seen_slash {
                    return Ok(Some(leftmost));
                }
            }
            b'/' if depth > 0 => seen_slash = true,
            _ => {}
        }
        at += 1;
    }
    Ok(None)
}

/// One pattern for each alternative of the braces that open at `begin`. Escapes inside them are resolved.
fn expand_braces(pattern: &[u8], begin: usize) -> Vec<Vec<u8>> {
    let mut alternatives = vec![Vec::new()];
    let mut depth = 1;
    let mut at = begin + 1;
    while depth > 0 && at < pattern.len() {
        let byte = pattern[at];
        let mut kept = Some(byte);
        match byte {
            b'\\' => {
                at += 1;
                kept = pattern.get(at).copied();
            }
            b'{' => depth += 1,
            b'}' => {
                depth -= 1;
                kept = (depth > 0).then_some(byte);
            }
            b',' if depth == 1 => {
                alternatives.push(Vec::new());
                kept = None;
            }
            _ => {}
        }
        if let (Some(byte), Some(last)) = (kept, alternatives.last_mut()) {
            last.push(byte);
        }
        at += 1;
    }
    let around = |one: Vec<u8>| [&pattern[..begin], &one, &pattern[at..]].concat();
    alternatives.into_iter().map(around).collect()
}

/// Takes the meaning off every letter of a path that a pattern would read.
pub(crate) fn escape(path: &str) -> String {
    let mut escaped = String::with_capacity(path.len());
    for letter in path.chars() {
        if matches!(letter, '\\' | '*' | '?' | '[' | ']' | '{' | '}' | '^' | ',') {
            escaped.push('\\');
        }
        escaped.push(letter);
    }
    escaped
}

/// One component of a path pattern.
pub(crate) enum Component {
    /// Just this name.
    Name(Vec<u8>),
    /// Every name that matches.
    Pattern(Regex),
}

impl Component {
    pub(crate) fn new(component: &[u8]) -> Result<Self, BadPattern> {
        let text = String::from_utf8_lossy(component);
        let (expression, has_wildcard) = translate(&text)?;
        if !has_wildcard {
            return Ok(Self::Name(unescape(component)));
        }
        match Regex::new(&expression) {
            Ok(regex) => Ok(Self::Pattern(regex)),
            Err(error) => Err(BadPattern(format!("{text:?} cannot be compiled: {error}"))),
        }
    }
}

fn unescape(component: &[u8]) -> Vec<u8> {
    let mut name = Vec::with_capacity(component.len());
    let mut bytes = component.iter();
    while let Some(&byte) = bytes.next() {
        name.push(if byte == b'\\' { *bytes.next().unwrap_or(&byte) } else { byte });
    }
    name
}

/// Turns a component into a regular expression; says too whether it has a wildcard.
fn translate(component: &str) -> Result<(String, bool), BadPattern> {
    let fail = |what: &str| Err(BadPattern(format!("{what} in {component:?}")));
    let mut regex = String::from("(?s)^(?:");
    let (mut in_set, mut braces, mut has_wildcard) = (false, 0, false);
    let mut before = '\0';
    let mut characters = component.chars();
    while let Some(character) = characters.next() {
        match character {
            '\\' => match characters.next() {
                Some(escaped) => regex.push_str(&regex::escape(escaped.encode_utf8(&mut [0; 4]))),
                None => return fail("a backslash at the end escapes nothing"),
            },
            '[' if in_set => return fail("an unclosed character class"),
            '[' => (in_set, has_wildcard) = (true, true),
            '*' | '?' | '{' if !in_set => has_wildcard = true,
            _ => {}
        }
        match character {
            '\\' => {}
            '!' if before == '[' => regex.push('^'),
            '[' | ']' => regex.push(character),
            '^' | '-' if in_set => regex.push(character),
            '*' if !in_set => regex.push_str(".*"),
            '?' if !in_set => regex.push('.'),
            '{' if !in_set => {
                regex.push_str("(?:");
                braces += 1;
            }
            ',' if braces > 0 && !in_set => regex.push('|'),
            '}' if braces > 0 && !in_set => {
                regex.push(')');
                braces -= 1;
            }
            _ => regex.push_str(&regex::escape(character.encode_utf8(&mut [0; 4]))),
        }
        in_set &= character != ']';
        before = character;
    }
    match (in_set, braces) {
        (true, _) => fail("an unclosed character class"),
        (_, 1..) => fail("an unclosed brace"),
        _ => Ok((regex + ")$", has_wildcard)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_expand(pattern: &str, expect: &[&str]) {
        let expect: Vec<Vec<u8>> = expect.iter().map(|one| one.as_bytes().to_vec()).collect();
        assert_eq!(expand(pattern.as_bytes()), Ok(expect), "{pattern:?}");
    }

    #[test]
    fn braces_with_a_slash_are_expanded() {
        check_expand("a/b", &["a/b"]);
        check_expand("{a,b}/c", &["{a,b}/c"]);
        check_expand("{a/b}", &["a/b"]);
        check_expand("/}{a/b}", &["/}a/b"]);
        check_expand("p{a/b,c/d}s", &["pa/bs", "pc/ds"]);
        check_expand("{a/b,c/d,{e,f}}", &["a/b", "c/d", "{e,f}"]);
        check_expand("{a/b,c/d}{e,f}", &["a/b{e,f}", "c/d{e,f}"]);
        check_expand("{a,b}/{b,{c/d,e/f}}", &["{a,b}/b", "{a,b}/c/d", "{a,b}/e/f"]);
        check_expand("{a,b}/{c/\\d}", &["{a,b}/c/d"]);
        assert!(expand(b"{a/b}\\").is_err());
    }

    /// Each name with whether it matches.
    fn check(pattern: &str, names: &[(&str, bool)]) {
        let component = Component::new(pattern.as_bytes()).unwrap();
        for &(name, expect) in names {
            let matches = match &component {
                Component::Name(only) => only == name.as_bytes(),
                Component::Pattern(regex) => regex.is_match(name),
            };
            assert_eq!(matches, expect, "{pattern:?} on {name:?}");
        }
    }

    #[test]
    fn patterns_match_whole_names() {
        check(
            "*.txt",
            &[("a.txt", true), (".txt", true), ("atxt", false), ("a.txt.gz", false), ("a\n.txt", true)],
        );
        check("?", &[("a", true), ("é", true), ("", false), ("ab", false)]);
        check("[a-c]x", &[("bx", true), ("dx", false), ("-x", false)]);
        check("[^a-c]x", &[("bx", false), ("dx", true)]);
        check("[!a]", &[("a", false), ("!", true)]);
        check("a!*", &[("a!b", true), ("ab", false)]);
        check("{a,bc}*", &[("a1", true), ("bc1", true), ("b1", false)]);
        check("{a,{b,c}}", &[("c", true), ("{b", false)]);
        check("a,b*", &[("a,bc", true), ("a", false)]);
        check("a+(b)|$^*", &[("a+(b)|$^c", true), ("aab", false)]);
        check("a}*", &[("a}b", true)]);
    }

    #[test]
    fn a_backslash_makes_any_character_plain() {
        check("s\\*r", &[("s*r", true), ("star", false)]);
        check("\\[*\\]", &[("[x]", true), ("x", false)]);
        check("[\\]]", &[("]", true), ("\\", false)]);
        check("a\\b", &[("ab", true), ("a\\b", false)]);
    }

    #[test]
    fn escaped_paths_match_themselves() {
        for (path, other) in [
            ("a", "b"),
            ("a*b", "axb"),
            ("a?b", "axb"),
            ("[x]", "x"),
            ("{a,b}", "a"),
            ("back\\slash", "backslash"),
            ("^", ""),
        ] {
            check(&escape(path), &[(path, true), (other, false)]);
        }
    }

    #[test]
    fn bad_patterns_say_why() {
        for (pattern, expect) in
            [("[a", "class"), ("{a", "brace"), ("a\\", "backslash"), ("[b-a]", "compiled")]
        {
            let Err(BadPattern(what)) = Component::new(pattern.as_bytes()) else { panic!("{pattern:?}") };
            assert!(what.contains(expect), "{pattern:?}: {what}");
        }
    }
}
