//! Text to typed values, by the rules of Hadoop's `Configuration`. Each function returns `None` for a text
//! it cannot read; the caller knows whose value it was.

use super::keys::Kind;
use crate::units;
use crate::writable::parse_long;
use std::str::FromStr;

/// What a kind expects, as the words after "expected".
pub(super) fn expected(kind: Kind) -> &'static str {
    match kind {
        Kind::Text => "a text",
        Kind::Int => "a whole number of 32 bits",
        Kind::Long => "a whole number of 64 bits",
        Kind::ByteSize => "a number of bytes, with k, m, g, t, p or e for powers of 1024",
        Kind::Float => "a number",
        Kind::Bool => "true or false",
        Kind::Class => "the full name of a Java class",
        Kind::List => "a list with commas",
        Kind::Ranges => "ranges of whole numbers such as 0-2,7",
    }
}

/// Can `text` be a value of this kind?
pub(super) fn fits(kind: Kind, text: &str) -> bool {
    match kind {
        Kind::Text | Kind::List => true,
        Kind::Int => int(text).is_some(),
        Kind::Long => long(text).is_some(),
        Kind::ByteSize => byte_size(text).is_some(),
        Kind::Float => float(text).is_some(),
        Kind::Bool => boolean(text).is_some(),
        Kind::Class => !text.is_empty() && !text.contains([' ', ',']),
        Kind::Ranges => ranges(text).is_some(),
    }
}

/// `Configuration.getInt`: decimal, or hexadecimal after `0x`; blanks round it are dropped.
pub(super) fn int(text: &str) -> Option<i32> {
    i32::try_from(long(text)?).ok()
}

/// `Configuration.getLong`: as [`int`] with 64 bits.
pub(super) fn long(text: &str) -> Option<i64> {
    let text = text.trim();
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    match digits.strip_prefix("0x").or_else(|| digits.strip_prefix("0X")) {
        Some(hex) => i64::from_str_radix(&format!("{sign}{hex}"), 16).ok(),
        None => parse_long(text),
    }
}

/// `Configuration.getLongBytes`, less the negative ones: a number and at most one letter k, m, g, t, p or e.
pub(super) fn byte_size(text: &str) -> Option<u64> {
    units::parse_bytes(text).ok()
}

/// `Configuration.getFloat`; Java also allows an `f` or `d` at the end.
pub(super) fn float(text: &str) -> Option<f64> {
    let text = text.trim();
    f64::from_str(text.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(text)).ok()
}

/// `Configuration.getBoolean`, less its default: `true` or `false` in either case.
pub(super) fn boolean(text: &str) -> Option<bool> {
    let text = text.trim();
    if text.eq_ignore_ascii_case("true") {
        Some(true)
    } else if text.eq_ignore_ascii_case("false") {
        Some(false)
    } else {
        None
    }
}

/// `StringUtils.getTrimmedStrings`: the texts between commas or newlines, trimmed; empty ones at the end
/// are dropped.
pub(super) fn trimmed_list(text: &str) -> Vec<String> {
    let items = text.trim().split([',', '\n']);
    let mut items: Vec<String> = items.map(|item| item.trim().to_owned()).collect();
    while items.last().is_some_and(String::is_empty) {
        items.pop();
    }
    items
}

/// `Configuration.IntegerRanges`: `2`, `2-5`, `-5` (from 0) and `2-` (to the end), with commas.
pub(super) fn ranges(text: &str) -> Option<Vec<(i32, i32)>> {
    let bound = |text: &str, open: i32| match text.trim() {
        "" => Some(open),
        number => number.parse().ok(),
    };
    let range = |item: &str| {
        let (start, end) = match item.trim().split_once('-') {
            None => (bound(item, 0)?, bound(item, 0)?),
            Some((start, end)) => (bound(start, 0)?, bound(end, i32::MAX)?),
        };
        (start <= end).then_some((start, end))
    };
    text.split(',').filter(|item| !item.is_empty()).map(range).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_decimal_or_hexadecimal() {
        let check = |text: &str, number: Option<i32>| assert_eq!(int(text), number, "{text:?}");
        check("12", Some(12));
        check(" -7\t", Some(-7));
        check("0x1F", Some(31));
        check("-0X10", Some(-16));
        check("\u{663}", Some(3));
        check("2147483648", None);
        check("1k", None);
        check("1.0", None);
        check("", None);
        assert_eq!(long("0x7fffffffffffffff"), Some(i64::MAX));
    }

    #[test]
    fn switches_are_true_or_false() {
        let check = |text: &str, on: Option<bool>| assert_eq!(boolean(text), on, "{text:?}");
        check(" TRUE ", Some(true));
        check("False", Some(false));
        check("yes", None);
        check("1", None);
        check("", None);
    }

    #[test]
    fn lists_and_ranges_split_at_commas() {
        assert_eq!(trimmed_list(" a, b ,,c,,"), ["a", "b", "", "c"]);
        assert_eq!(trimmed_list(""), Vec::<String>::new());
        let check = |text: &str, expect: Option<&[(i32, i32)]>| {
            assert_eq!(ranges(text).as_deref(), expect, "{text:?}");
        };
        check("0-2, 7", Some(&[(0, 2), (7, 7)]));
        check("-3,5-", Some(&[(0, 3), (5, i32::MAX)]));
        check("3-2", None);
        check("1-2-3", None);
        check("x", None);
    }

    #[test]
    fn numbers_may_end_as_in_java() {
        assert_eq!(float(" 0.8f "), Some(0.8));
        assert_eq!(float("1e-2"), Some(0.01));
        assert_eq!(float("a"), None);
    }
}
