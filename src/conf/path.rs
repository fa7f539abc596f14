//! Path strings, by the rules of Hadoop's `Path` and `FileInputFormat`.

use super::error::ConfError;
use crate::dfs::{Address, AddressError, Addresses, Purpose, Scheme};
use std::path::{Path, PathBuf};

/// A path of this machine, less the scheme `file:`: absolute, no empty, `.` or `..` parts, no slash at the end. Hadoop:
/// `new Path(workingDirectory, path)`. Globs are ordinary letters here. HDFS is no place for what is asked so.
pub(super) fn absolute(what: &'static str, given: &str, working_dir: &str) -> Result<String, ConfError> {
    let here = Addresses {
        root: PathBuf::new(),
        user: String::new(),
        working_dir: working_dir.into(),
        default: Scheme::File,
    };
    match Address::parse(given) {
        Ok(Address { scheme: Some(Scheme::Hdfs), .. }) => {
            Err(ConfError::NotOnDisk { what, given: given.to_owned() })
        }
        _ => located(what, given, &here, Purpose::Read),
    }
}

/// The path of this machine that an address means.
pub(super) fn located(
    what: &'static str,
    given: &str,
    addresses: &Addresses,
    purpose: Purpose,
) -> Result<String, ConfError> {
    let place = addresses.locate(given, purpose).map_err(|source| refused(what, given, source))?;
    Ok(place.path.to_string_lossy().into_owned())
}

/// The same for a pattern.
pub(super) fn located_pattern(
    what: &'static str,
    given: &str,
    addresses: &Addresses,
) -> Result<String, ConfError> {
    let found = addresses.locate_pattern(given, Purpose::Read);
    found.map(|(_, pattern)| pattern).map_err(|source| refused(what, given, source))
}

fn refused(what: &'static str, given: &str, source: AddressError) -> ConfError {
    ConfError::Address { what, given: given.to_owned(), source }
}

/// A configuration file. Hadoop takes the path of its URI, whatever the scheme and the host:
/// `Configuration.loadResource`.
pub(super) fn conf_file(given: &Path, current_dir: &Path) -> PathBuf {
    let text = given.to_string_lossy();
    let scheme = |letter: char| letter.is_ascii_alphanumeric() || "+-.".contains(letter);
    let behind = text.trim_start_matches(scheme).strip_prefix(':').filter(|behind| behind.starts_with('/'));
    match behind {
        None => current_dir.join(given),
        Some(behind) => match behind.strip_prefix("//") {
            Some(authority) => PathBuf::from(&authority[authority.find('/').unwrap_or(authority.len())..]),
            None => PathBuf::from(behind),
        },
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
        check("hdfs://h/x", "-output \"hdfs://h/x\": expected a folder of this machine, not of HDFS");
        check("s3://b/x", "-output \"s3://b/x\": only file: and hdfs: are known here, not s3:");
        check("file:in", "-output \"file:in\": expected an absolute path behind file:");
        check("", "-output \"\": a path is empty");
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
