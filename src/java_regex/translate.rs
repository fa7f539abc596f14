//! A pattern in Java's syntax as one in the regex crate's.
//!
//! The same letters mean different things: `\d`, `\w` and `\s` are ASCII in Java, `.` stops at five kinds of
//! line end, `(?i)` folds ASCII only, brackets nest by other rules. So every construct is written anew.
//! Among the matches that begin first both take the one that Java's order of trying finds.
//!
//! Without `(?m)` a `$` stands at the very end of the text and before a line end there. The regex crate cannot
//! look ahead, so a `$` behind which nothing more can match takes that line end along, and an empty group
//! marks where the match really ends.
//!
//! Known to differ: a `$` that more of the pattern follows is the very end only, and so is one of two that
//! stand between CR and LF; with `(?m)` only LF, CR and CR LF end a line. All of it needs a text with line
//! ends in it, which the lines of text files are not.

mod class;

use std::fmt::Write as _;

/// Why a pattern cannot be used. Positions are letters from the start, from 1.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum JavaRegexError {
    /// Java would not take it either.
    #[error("not a regular expression: at letter {at}: {what}")]
    Syntax {
        /// Where.
        at: usize,
        /// What is wrong.
        what: &'static str,
    },
    /// Java's, but not built in here.
    #[error("at letter {at}: {what}: this part of Java's regular expressions is not supported here")]
    Unsupported {
        /// Where.
        at: usize,
        /// The construct.
        what: &'static str,
    },
    /// Refused by the regex crate, which says why.
    #[error("not a regular expression: {0}")]
    Compile(String),
}

/// A pattern in the regex crate's syntax, and what its groups stand for there.
#[derive(Debug, Default)]
pub(super) struct Translated {
    pub(super) pattern: String,
    /// The number there of each group of the pattern as given; the whole match, group 0, is the first.
    pub(super) groups: Vec<usize>,
    /// The groups that mark where a `$` stands.
    pub(super) ends: Vec<usize>,
}

/// Writes the pattern in the regex crate's syntax.
pub(super) fn translate(pattern: &str) -> Result<Translated, JavaRegexError> {
    let letters = without_quotes(pattern);
    let mut translator = Translator {
        letters,
        at: 0,
        flags: Flags(0),
        outer: Vec::new(),
        repeatable: false,
        out: Translated { groups: vec![0], ..Translated::default() },
    };
    translator.pattern()?;
    Ok(translator.out)
}

/// Writes the letters of `\Q...\E` as escapes, as Java does before anything else: `Pattern.RemoveQEQuoting`.
fn without_quotes(pattern: &str) -> Vec<char> {
    let mut letters = Vec::with_capacity(pattern.len());
    let mut rest = pattern;
    while let Some(letter) = rest.chars().next() {
        let Some(quoted) = rest.strip_prefix("\\Q") else {
            // An escaped letter goes along, so that `\\Q` is a backslash and a Q.
            let pair = if letter == '\\' { 2 } else { 1 };
            letters.extend(rest.chars().take(pair));
            rest = rest.char_indices().nth(pair).map_or("", |(at, _)| &rest[at..]);
            continue;
        };
        let (inside, behind) = quoted.split_once("\\E").unwrap_or((quoted, ""));
        for letter in inside.chars() {
            match letter {
                _ if letter.is_ascii_digit() => letters.extend(['\\', 'x', '3', letter]),
                _ if letter.is_ascii() && !letter.is_ascii_alphabetic() => letters.extend(['\\', letter]),
                _ => letters.push(letter),
            }
        }
        rest = behind;
    }
    letters
}

/// Which of Java's flags are on.
#[derive(Clone, Copy, Debug)]
struct Flags(u8);

impl Flags {
    const IGNORE_CASE: u8 = 1;
    const UNICODE_CASE: u8 = 2;
    const MULTILINE: u8 = 4;
    const DOT_ALL: u8 = 8;
    const UNIX_LINES: u8 = 16;
    const COMMENTS: u8 = 32;

    fn has(self, flag: u8) -> bool {
        self.0 & flag != 0
    }

    /// Letters match in either case, ASCII ones only.
    fn folds_ascii(self) -> bool {
        self.has(Self::IGNORE_CASE) && !self.has(Self::UNICODE_CASE)
    }

    /// Letters match in either case, all of them.
    fn folds_unicode(self) -> bool {
        self.has(Self::IGNORE_CASE) && self.has(Self::UNICODE_CASE)
    }
}

/// A line end as the last thing of a text, or nothing, behind a group that marks the place.
const ANY_LINE_END_AT_END: &str = r"()(?:\r\n|[\n\r\x{85}\x{2028}\x{2029}])?\z";

/// What an escape stands for.
enum Escape {
    Letter(char),
    /// What stands between the brackets of a class, and whether it is negated.
    Set(String, bool),
    /// Anything else, as the regex crate writes it.
    Other(&'static str),
}

struct Translator {
    letters: Vec<char>,
    /// Index of the next letter.
    at: usize,
    flags: Flags,
    /// The flags round each group that is open.
    outer: Vec<Flags>,
    /// Something stands before that a repetition can refer to.
    repeatable: bool,
    out: Translated,
}

impl Translator {
    fn pattern(&mut self) -> Result<(), JavaRegexError> {
        loop {
            self.skip_comments();
            let Some(letter) = self.next() else { break };
            match letter {
                '(' => self.open_group()?,
                ')' => self.close_group()?,
                '|' => self.put("|", false),
                '*' | '+' | '?' | '{' => self.repetition(letter)?,
                '[' => {
                    let class = self.class()?;
                    let fold = self.flags.folds_unicode();
                    self.put(&if fold { format!("(?i:{class})") } else { class }, true);
                }
                '.' => self.put(self.dot(), true),
                '^' => self.put(self.line_edge("(?m:^)", "(?mR:^)").unwrap_or(r"\A"), true),
                '$' => match self.line_edge("(?m:$)", "(?mR:$)") {
                    Some(edge) => self.put(edge, true),
                    None => self.end_of_text(),
                },
                '\\' if self.eat('Z') => self.end_of_text(),
                '\\' => match self.escape()? {
                    Escape::Letter(letter) => self.literal(letter),
                    Escape::Set(set, negated) => self.put(&bracketed(&set, negated), true),
                    Escape::Other(text) => self.put(text, true),
                },
                letter => self.literal(letter),
            }
        }
        if self.outer.is_empty() { Ok(()) } else { Err(self.syntax("a group is not closed")) }
    }

    fn next(&mut self) -> Option<char> {
        let letter = self.peek(0)?;
        self.at += 1;
        Some(letter)
    }

    /// The letter `ahead` places behind the next one.
    fn peek(&self, ahead: usize) -> Option<char> {
        self.letters.get(self.at + ahead).copied()
    }

    fn eat(&mut self, letter: char) -> bool {
        let there = self.peek(0) == Some(letter);
        self.at += usize::from(there);
        there
    }

    /// The letters up to `end`, which is passed over.
    fn until(&mut self, end: char) -> Result<String, JavaRegexError> {
        let rest = &self.letters[self.at..];
        let Some(length) = rest.iter().position(|letter| *letter == end) else {
            return Err(self.syntax("a brace or an angle bracket is not closed"));
        };
        let text = rest[..length].iter().collect();
        self.at += length + 1;
        Ok(text)
    }

    fn put(&mut self, text: &str, repeatable: bool) {
        self.out.pattern.push_str(text);
        self.repeatable = repeatable;
    }

    /// Opens a group that has a number.
    fn put_group(&mut self, text: &str) {
        self.out.groups.push(self.out.groups.len() + self.out.ends.len());
        self.put(text, false);
    }

    fn literal(&mut self, letter: char) {
        let text = if self.flags.folds_ascii() && letter.is_ascii_alphabetic() {
            format!("[{}{}]", letter.to_ascii_lowercase(), letter.to_ascii_uppercase())
        } else if self.flags.folds_unicode() {
            format!("(?i:{})", plain(letter))
        } else {
            plain(letter)
        };
        self.put(&text, true);
    }

    /// With `(?x)` blanks and comments mean nothing. Java: `Pattern.peekPastWhitespace`.
    fn skip_comments(&mut self) {
        if !self.flags.has(Flags::COMMENTS) {
            return;
        }
        while let Some(letter) = self.peek(0) {
            match letter {
                '\t'..='\r' | ' ' => self.at += 1,
                '#' => while self.next().is_some_and(|letter| !is_line_end(letter)) {},
                _ => return,
            }
        }
    }

    fn dot(&self) -> &'static str {
        if self.flags.has(Flags::DOT_ALL) {
            "(?s:.)"
        } else if self.flags.has(Flags::UNIX_LINES) {
            r"[^\n]"
        } else {
            r"[^\n\r\x{85}\x{2028}\x{2029}]"
        }
    }

    /// What stands at the start or the end of a line, when lines count.
    fn line_edge(&self, of_unix: &'static str, of_any: &'static str) -> Option<&'static str> {
        let edge = if self.flags.has(Flags::UNIX_LINES) { of_unix } else { of_any };
        self.flags.has(Flags::MULTILINE).then_some(edge)
    }

    /// `$` without `(?m)`, and `\Z`. Java: `Pattern.Dollar`, `Pattern.UnixDollar`.
    fn end_of_text(&mut self) {
        if !self.ends_here() {
            self.put(r"\z", true);
            return;
        }
        let group = self.out.groups.len() + self.out.ends.len();
        self.out.ends.push(group);
        self.put(if self.flags.has(Flags::UNIX_LINES) { r"()\n?\z" } else { ANY_LINE_END_AT_END }, true);
    }

    /// Whether nothing more can match behind this place: up to the pattern's end only groups are closed, and
    /// other branches passed over. In doubt something can.
    fn ends_here(&self) -> bool {
        let mut at = self.at;
        // How many groups are open in a branch that is passed over.
        let mut passed = None;
        while let Some(letter) = self.letters.get(at) {
            at += 1;
            passed = match (passed, letter) {
                (None | Some(0), ')') => match self.letters.get(at) {
                    Some('*' | '+' | '?' | '{') => return false,
                    _ => None,
                },
                (None, '|') => Some(0),
                // Brackets nest by rules of their own.
                (None, _) | (Some(_), '[') => return false,
                (Some(_), '\\') => {
                    at += 1;
                    passed
                }
                (Some(open), '(') => Some(open + 1),
                (Some(open), ')') => Some(open - 1),
                (Some(_), _) => passed,
            };
        }
        true
    }

    /// What follows a `(`.
    fn open_group(&mut self) -> Result<(), JavaRegexError> {
        let outside = self.flags;
        if !self.eat('?') {
            self.outer.push(outside);
            self.put_group("(");
            return Ok(());
        }
        match (self.peek(0), self.peek(1)) {
            (Some('=' | '!'), _) | (Some('<'), Some('=' | '!')) => {
                return Err(self.unsupported("looking ahead or behind ((?= (?! (?<= (?<!)"));
            }
            (Some('>'), _) => return Err(self.unsupported("an atomic group, (?>")),
            (Some('<'), _) => {
                self.at += 1;
                let name = self.until('>')?;
                self.outer.push(outside);
                self.put_group(&format!("(?P<{name}>"));
            }
            _ if self.inline_flags()? => self.repeatable = false,
            _ => {
                self.outer.push(outside);
                self.put("(?:", false);
            }
        }
        Ok(())
    }

    /// The flags of `(?i-s)` or `(?i-s:...)`; whether it was the first, which has no group.
    fn inline_flags(&mut self) -> Result<bool, JavaRegexError> {
        let mut on = true;
        loop {
            let flag = match self.next() {
                Some(')') => return Ok(true),
                Some(':') => return Ok(false),
                Some('-') if on => {
                    on = false;
                    continue;
                }
                Some('i') => Flags::IGNORE_CASE,
                Some('u') => Flags::UNICODE_CASE,
                Some('m') => Flags::MULTILINE,
                Some('s') => Flags::DOT_ALL,
                Some('d') => Flags::UNIX_LINES,
                Some('x') => Flags::COMMENTS,
                Some('U') => return Err(self.unsupported("the flag U")),
                _ => return Err(self.syntax("an unknown flag behind (?")),
            };
            self.flags.0 = if on { self.flags.0 | flag } else { self.flags.0 & !flag };
        }
    }

    fn close_group(&mut self) -> Result<(), JavaRegexError> {
        let Some(outside) = self.outer.pop() else {
            return Err(self.syntax("a group is closed that was not opened"));
        };
        self.flags = outside;
        self.put(")", true);
        Ok(())
    }

    fn repetition(&mut self, sign: char) -> Result<(), JavaRegexError> {
        if !self.repeatable {
            return Err(self.syntax("nothing stands before a repetition"));
        }
        self.out.pattern.push(sign);
        if sign == '{' {
            let bounds = self.until('}')?;
            let (least, most) = bounds.split_once(',').unwrap_or((&bounds, ""));
            let is_number = |text: &str| text.bytes().all(|byte| byte.is_ascii_digit());
            if least.is_empty() || !is_number(least) || !is_number(most) {
                return Err(self.syntax("a repetition in braces is not {n}, {n,} or {n,m}"));
            }
            self.out.pattern.push_str(&bounds);
            self.out.pattern.push('}');
        }
        if self.eat('+') {
            return Err(self.unsupported("a possessive repetition, *+ ++ ?+ {n}+"));
        }
        if self.eat('?') {
            self.out.pattern.push('?');
        }
        self.repeatable = false;
        Ok(())
    }

    /// What follows a backslash.
    fn escape(&mut self) -> Result<Escape, JavaRegexError> {
        let Some(letter) = self.next() else {
            return Err(self.syntax("nothing stands behind a backslash"));
        };
        if let Some((set, negated)) = class::predefined(letter) {
            return Ok(Escape::Set(set.to_owned(), negated));
        }
        Ok(match letter {
            'b' if self.peek(0) == Some('{') => return Err(self.unsupported(r"\b{")),
            'b' => Escape::Other(r"\b"),
            'B' => Escape::Other(r"\B"),
            'A' => Escape::Other(r"\A"),
            'z' | 'Z' => Escape::Other(r"\z"),
            'R' => Escape::Other(r"(?:\r\n|[\n-\r\x{85}\x{2028}\x{2029}])"),
            'G' => return Err(self.unsupported(r"the end of the match before, \G")),
            'X' | 'N' => return Err(self.unsupported(r"\X or \N")),
            '1'..='9' | 'k' => return Err(self.unsupported("a reference to a group")),
            'p' | 'P' => {
                let name = if self.eat('{') { self.until('}')? } else { self.next().into_iter().collect() };
                let Some(set) = class::property(&name) else {
                    return Err(self.unsupported(r"this name behind \p"));
                };
                Escape::Set(set, letter == 'P')
            }
            _ => Escape::Letter(self.escaped_letter(letter)?),
        })
    }

    fn escaped_letter(&mut self, letter: char) -> Result<char, JavaRegexError> {
        Ok(match letter {
            't' => '\t',
            'n' => '\n',
            'r' => '\r',
            'f' => '\x0C',
            'a' => '\x07',
            'e' => '\x1B',
            '0' => return self.octal(),
            'x' if self.eat('{') => {
                let digits = self.until('}')?;
                return self.code_point(u32::from_str_radix(&digits, 16).ok());
            }
            'x' => {
                let code = self.hex(2)?;
                return self.code_point(Some(code));
            }
            'u' => return self.utf16(),
            'c' => {
                let control = self.next().filter(char::is_ascii);
                let control = control.ok_or_else(|| self.syntax(r"no letter stands behind \c"))?;
                char::from(control as u8 ^ 64)
            }
            letter if letter.is_ascii_alphabetic() => return Err(self.syntax("an unknown escape")),
            letter => letter,
        })
    }

    fn hex(&mut self, digits: usize) -> Result<u32, JavaRegexError> {
        let text: String = self.letters.iter().skip(self.at).take(digits).collect();
        self.at += digits;
        let code = u32::from_str_radix(&text, 16).ok().filter(|_| text.len() == digits);
        code.ok_or_else(|| self.syntax("an escape lacks hexadecimal digits"))
    }

    /// `\uD83D\uDE00` is one letter.
    fn utf16(&mut self) -> Result<char, JavaRegexError> {
        let first = self.hex(4)?;
        if (0xD800..0xDC00).contains(&first) && self.peek(0) == Some('\\') && self.peek(1) == Some('u') {
            self.at += 2;
            let second = self.hex(4)?;
            let joined = 0x10000 + ((first - 0xD800) << 10) + second.wrapping_sub(0xDC00);
            return self.code_point(Some(joined).filter(|_| (0xDC00..0xE000).contains(&second)));
        }
        self.code_point(Some(first))
    }

    fn octal(&mut self) -> Result<char, JavaRegexError> {
        let mut code = 0;
        let mut count = 0;
        while let Some(digit) = self.peek(0).and_then(|letter| letter.to_digit(8)) {
            // Three digits only up to \0377.
            if count == 3 || count == 2 && code > 0o37 {
                break;
            }
            code = code * 8 + digit;
            count += 1;
            self.at += 1;
        }
        if count == 0 {
            Err(self.syntax(r"no octal digit stands behind \0"))
        } else {
            self.code_point(Some(code))
        }
    }

    fn code_point(&self, code: Option<u32>) -> Result<char, JavaRegexError> {
        match code {
            Some(0xD800..=0xDFFF) => Err(self.unsupported("half of a letter of two units")),
            Some(code) => char::from_u32(code).ok_or_else(|| self.syntax("an escape is no letter's number")),
            None => Err(self.syntax("an escape is no letter's number")),
        }
    }

    fn syntax(&self, what: &'static str) -> JavaRegexError {
        JavaRegexError::Syntax { at: self.at, what }
    }

    fn unsupported(&self, what: &'static str) -> JavaRegexError {
        JavaRegexError::Unsupported { at: self.at, what }
    }
}

fn bracketed(set: &str, negated: bool) -> String {
    format!("[{}{set}]", if negated { "^" } else { "" })
}

/// A letter that stands for itself, in and out of brackets.
fn plain(letter: char) -> String {
    let mut text = String::new();
    if letter.is_ascii() && !letter.is_ascii_alphanumeric() {
        write!(text, r"\x{{{:X}}}", u32::from(letter)).expect("a string takes everything");
    } else {
        text.push(letter);
    }
    text
}

fn is_line_end(letter: char) -> bool {
    matches!(letter, '\n' | '\r' | '\u{85}' | '\u{2028}' | '\u{2029}')
}
