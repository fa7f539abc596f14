//! Path strings, by the rules of Hadoop's `Path` and `FileInputFormat`, for local files only.

use super::error::ConfError;

/// A path as Hadoop's `new Path(workingDirectory, path)` leaves it, less the scheme `file:`: absolute, no
/// empty, `.` or `..` parts (taken away by letters alone, links unseen), no slash at the end. Globs are
/// ordinary letters here.
pub(super) fn absolute(what: &'static str, given: &str, working_dir: &str) -> Result<String, ConfError> {
    let local = local(what, given)?;
    let parts = if local.starts_with('/') { "" } else { working_dir };
    let mut kept: Vec<&str> = Vec::new();
    for part in parts.split('/').chain(local.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                kept.pop();
            }
            part => kept.push(part),
        }
    }
    Ok(format!("/{}", kept.join("/")))
}

/// A path without its scheme, if that is `file:`.
fn local<'a>(what: &'static str, given: &'a str) -> Result<&'a str, ConfError> {
    if given.is_empty() {
        return Err(ConfError::EmptyPath { what, given: given.to_owned() });
    }
    if let Some(local) = given.strip_prefix("file:") {
        // "file:///a" and "file:/a"; java.net.URI takes no relative path behind a scheme.
        let local = local.strip_prefix("//").unwrap_or(local);
        return if local.starts_with('/') {
            Ok(local)
        } else {
            Err(ConfError::RelativeUri { what, uri: given.to_owned() })
        };
    }
    let scheme = given.split_once("://").map(|(scheme, _)| scheme);
    let is_scheme = |text: &str| {
        !text.is_empty() && text.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'+' | b'-' | b'.'))
    };
    match scheme.filter(|text| is_scheme(text)) {
        Some(_) => Err(ConfError::NotLocal { what, uri: given.to_owned() }),
        None => Ok(given),
    }
}

/// The paths in one `-input` value: commas part them, except inside braces. Hadoop:
/// `FileInputFormat.getPathStrings`, which takes a backslash for an ordinary letter.
pub(super) fn comma_parts(given: &str) -> Vec<&str> {
    let mut parts = Vec::new();
    let (mut braces, mut start, mut in_glob) = (0_i32, 0, false);
    for (at, letter) in given.char_indices() {
        match letter {
            '{' => {
                braces += 1;
                in_glob = true;
            }
            '}' => {
                braces -= 1;
                in_glob &= braces != 0;
            }
            ',' if !in_glob => {
                parts.push(&given[start..at]);
                start = at + 1;
            }
            _ => {}
        }
    }
    parts.push(&given[start..]);
    parts
}

/// A path as an item of a list with commas. Hadoop: `StringUtils.escapeString`.
pub(super) fn escape(path: &str) -> String {
    path.replace('\\', "\\\\").replace(',', "\\,")
}

/// The paths of a list with commas; a backslash takes the meaning off a comma and another backslash.
/// `None` if one stands before anything else, or at the end. Hadoop: `StringUtils.split` and
/// `unEscapeString`; empty items at the end are dropped.
pub(super) fn unescape_list(list: &str) -> Option<Vec<String>> {
    let mut items = vec![String::new()];
    let mut letters = list.chars();
    while let Some(letter) = letters.next() {
        match letter {
            ',' => items.push(String::new()),
            '\\' => {
                let escaped = letters.next().filter(|letter| matches!(letter, ',' | '\\'))?;
                items.last_mut()?.push(escaped);
            }
            letter => items.last_mut()?.push(letter),
        }
    }
    while items.last().is_some_and(String::is_empty) {
        items.pop();
    }
    Some(items)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_become_absolute_and_plain() {
        let check = |given: &str, expect: &str| {
            assert_eq!(absolute("-input", given, "/start").unwrap(), expect, "{given}");
        };
        check("in", "/start/in");
        check("./in//a/../b/", "/start/in/b");
        check("/in/*.txt", "/in/*.txt");
        check("file:///in", "/in");
        check("file:/in", "/in");
        check("..", "/");
        check("/", "/");
        check("a:b", "/start/a:b");
    }

    #[test]
    fn other_file_systems_and_nothing_are_refused() {
        let check = |given: &str, expect: &str| {
            assert_eq!(absolute("-output", given, "/start").unwrap_err().to_string(), expect);
        };
        check("hdfs://h/x", "-output \"hdfs://h/x\": only the local file system (file:) is known here");
        check("file:in", "-output \"file:in\": expected an absolute path behind file:");
        check("", "-output: a path is empty in \"\"");
    }

    #[test]
    fn commas_part_paths_outside_of_braces() {
        let check = |given: &str, expect: &[&str]| assert_eq!(comma_parts(given), expect, "{given}");
        check("a,b", &["a", "b"]);
        check("a.{x,y},b", &["a.{x,y}", "b"]);
        check("{{a,b},c},d", &["{{a,b},c}", "d"]);
        check("a\\,b", &["a\\", "b"]);
        check("a,,b,", &["a", "", "b", ""]);
        check("a},b", &["a}", "b"]);
    }

    #[test]
    fn lists_keep_commas_and_backslashes() {
        let check = |list: &str, expect: Option<&[&str]>| {
            let items = unescape_list(list);
            let items: Option<Vec<&str>> = items.as_ref().map(|v| v.iter().map(String::as_str).collect());
            assert_eq!(items.as_deref(), expect, "{list}");
        };
        check("a,b", Some(&["a", "b"]));
        check("a\\,b,c\\\\", Some(&["a,b", "c\\"]));
        check("a,,b,,", Some(&["a", "", "b"]));
        check("", Some(&[]));
        check("a\\b", None);
        check("a\\", None);
        assert_eq!(escape("a,b\\c"), "a\\,b\\\\c");
    }
}
