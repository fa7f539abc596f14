//! Patterns and texts as Java's `Pattern` and `Matcher` take them.

use super::*;

/// Checks group 0 of all matches, joined by `|`.
fn check(pattern: &str, text: &str, expect: &str) {
    let regex = JavaRegex::new(pattern).unwrap();
    let mut matches = regex.matches(text);
    let mut found = Vec::new();
    while matches.find().is_some() {
        found.push(matches.group(0).unwrap());
    }
    assert_eq!(found.join("|"), expect, "{pattern:?} in {text:?}");
}

#[test]
fn classes_are_ascii_as_in_java() {
    check(r"\d+", "1٣2", "1|2");
    check(r"\w+", "aé_1", "a|_1");
    check(r"\s", "a\u{a0}b c", " ");
    check(r"\W", "aé", "é");
    check(r"[\d\s]+", "1 2x٣", "1 2");
    check(r"[^\D]", "a1", "1");
    check(r"\p{Lower}\p{Punct}", "é!a!", "a!");
    check(r"\p{L}\P{L}", "é!", "é!");
    check(r"\pL+", "aé1", "aé");
    check(r"\p{IsGreek}+\p{IsLu}\p{script=Latin}", "αβAa", "αβAa");
    check(r"\h\v\R", " \n\r\n", " \n\r\n");
}

#[test]
fn a_dot_stops_at_line_ends() {
    check(".+", "a\u{85}b\rc\u{2028}d", "a|b|c|d");
    check("(?d).+", "a\rb\nc", "a\rb|c");
    check("(?s).+", "a\nb", "a\nb");
    check("(?s:.).", "\n\n\na", "\na");
    check("(?m)^a$", "b\na\nc", "a");
    check("^a", "a\na", "a");
    check(r"a\Z", "aa", "a");
}

#[test]
fn case_is_ignored_for_ascii_unless_asked_for_more() {
    check("(?i)k\u{e9}", "k\u{e9}K\u{e9}\u{212a}\u{e9}K\u{c9}", "k\u{e9}|K\u{e9}");
    check("(?iu)\u{e9}", "\u{c9}", "\u{c9}");
    check("(?i)[a-cX]+", "ABxd", "ABx");
    check("(?iu)[\u{e9}]", "\u{c9}", "\u{c9}");
    check("(a(?i)b)c", "aBc aBC", "aBc");
    check("(?i)a(?-i)b", "Ab AB", "Ab");
    check("(?i:a)a", "Aa aA", "Aa");
}

#[test]
fn letters_are_escaped_and_quoted() {
    check(r"\Qa.b*\E+", "a.b** a.bb", "a.b**");
    check(r"[\Q^]\E]+", "]^a", "]^");
    check(r"\x41\x{42}\u0043\0104\uD83D\uDE00", "ABCD😀", "ABCD😀");
    check(r"\t\n\r\f\a\e\cA\.\-\#", "\t\n\r\x0C\x07\x1B\x01.-#", "\t\n\r\x0C\x07\x1B\x01.-#");
    check(r"\\Q", r"\Q", r"\Q");
    check(r"\0400", " 0", " 0");
    check("a&&b~~c--d", "a&&b~~c--d", "a&&b~~c--d");
    check("]}", "]}", "]}");
    check("(?x) a # one\n b", "ab", "ab");
}

#[test]
fn brackets_follow_java() {
    check("[]a]+", "]a[", "]a");
    check("[^]a]", "]ab", "b");
    check("[a-c&&[^b]]+", "abca", "a|ca");
    check("[a-c[x-z]]+", "bxd", "bx");
    check("[a-]+", "a-b", "a-");
    check("[-a]+", "a-b", "a-");
    check("[a-c-e]+", "b-ed", "b-e");
    check("[~&-]+", "~&-", "~&-");
    check("[.$|()*+?{^]+", ".$|()*+?{^", ".$|()*+?{^");
}

#[test]
fn matches_come_as_find_finds_them() {
    check("a*", "baac", "|aa||");
    check("", "ab", "||");
    check("x*", "é", "|");
    check("a|ab", "ab", "a");
    check("a+?", "aa", "a|a");
    check("a{2}|b{1,}?|c{1,2}", "aabbccc", "aa|b|b|cc|c");
    check(r"\bé", "aé é", "é");
}

#[test]
fn groups_are_numbered() {
    let regex = JavaRegex::new("(?:x)(?<n>a)|(b)(?i)").unwrap();
    assert_eq!(regex.groups(), 2);
    let mut matches = regex.matches("xa b");
    matches.find();
    assert_eq!((matches.group(1), matches.group(2), matches.group(3)), (Some("a"), None, None));
    matches.find();
    assert_eq!((matches.group(1), matches.group(2)), (None, Some("b")));
}

#[test]
fn a_dollar_stands_before_the_last_line_end_too() {
    // Matches and groups end at the `$`, whatever the engine had to take along.
    check("a$", "a\na\n", "a");
    check("a.$", "ab\r\n", "ab");
    check("a$", "a\u{85}", "a");
    check("a$", "a\n\n", "");
    check(r"a\Z", "a\u{2028}", "a");
    check("(?d)a$", "a\r", "");
    check("(?d)a$", "a\n", "a");
    check("(?s)a.*$", "ab\n", "ab\n");
    check("(?s)a.*?$", "ab\n", "ab");
    check("$", "a\n", "|");
    check("$", "a\r\n", "|");
    check("a$|b", "b a\n", "b|a");
    check("(?:a$|(b))|c(d)", "cdba\n", "cd|b|a");
    // More of the pattern follows: the very end only.
    check("(?:a$)*b", "ab", "b");
    check("a$b?", "a\n", "");
    check("(?m)^a$", "a\ra\r\na\nb", "a|a|a");
    check("(?md)a$", "a\ra\nb", "a");
    check("(?m)a$", "a\u{85}", "");
    let regex = JavaRegex::new("(x$)|(?<n>a(b$))|(c)").unwrap();
    assert_eq!(regex.groups(), 4);
    let mut matches = regex.matches("cab\n");
    assert_eq!((matches.find(), matches.group(4)), (Some(0..1), Some("c")));
    assert_eq!((matches.find(), matches.group(2), matches.group(3)), (Some(1..3), Some("ab"), Some("b")));
    assert_eq!((matches.group(1), matches.find()), (None, None));
}

#[test]
fn what_cannot_be_used_is_an_error_that_names_it() {
    let check = |pattern: &str, expect: &str| {
        let error = JavaRegex::new(pattern).unwrap_err().to_string();
        assert!(error.contains(expect), "{pattern:?}: {error}");
    };
    for pattern in ["a(?=b)", "(?!b)", "(?<=b)", "(?<!b)"] {
        check(pattern, "looking ahead or behind ((?= (?! (?<= (?<!): this part of Java's");
    }
    check(r"(a)\1", "at letter 5: a reference to a group");
    check(r"(?<n>a)\k<n>", "a reference to a group");
    check("a*+", "possessive");
    check("(?>a)", "atomic");
    check(r"\Ga", r"\G");
    check("(?U)a", "flag U");
    check(r"\p{InGreek}", "this name");
    check(r"\p{Latin}", "this name");
    check(r"\uD83D", "half of a letter");
    check("*a", "not a regular expression: at letter 1: nothing stands before");
    check("a**", "nothing stands before");
    check("a|{2}", "nothing stands before");
    check("a{x}", "{n}, {n,} or {n,m}");
    check("a{2", "not closed");
    check("(a", "a group is not closed");
    check("a)", "not opened");
    check("[a", "a class is not closed");
    check("[]", "a class is not closed");
    check("[b-a]", "ends before it begins");
    check(r"[a-\d]", "ends before it begins");
    check(r"[\b]", "stands for no letter");
    check("[a&&]", "both sides");
    check("a\\", "behind a backslash");
    check(r"\y", "unknown escape");
    check(r"\x4", "hexadecimal");
    check(r"\x{110000}", "no letter's number");
    check(r"\08", "octal");
    check("(?q)", "unknown flag");
    check("a{2,1}", "not a regular expression");
}

#[test]
fn texts_are_split_as_java_splits_them() {
    let check = |pattern: &str, text: &str, expect: &[&str]| {
        assert_eq!(JavaRegex::new(pattern).unwrap().split(text), expect, "{text:?} by {pattern:?}");
    };
    check(",", "a,b", &["a", "b"]);
    check(",", ",a,,b,,", &["", "a", "", "b"]);
    check(",", "", &[""]);
    check(",", "ab", &["ab"]);
    check(",", ",,", &[]);
    check("", "ab", &["a", "b"]);
    check("x*", "axxb", &["a", "", "b"]);
    check("(?s).", "abc", &[]);
    check("[:,]+", "a:,b", &["a", "b"]);
    check("|", "a\u{1f600}b", &["a", "?", "?", "b"]);
    check("|", "\u{1f600}", &["?", "?"]);
    check(",", "\u{1f600},b", &["\u{1f600}", "b"]);
}
