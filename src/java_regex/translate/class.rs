//! Character classes: brackets, the predefined ones, properties.

use super::{Escape, Flags, JavaRegexError, Translator, bracketed, plain};

impl Translator {
    /// What follows a `[`, as a class in brackets. Java: `Pattern.clazz`.
    pub(super) fn class(&mut self) -> Result<String, JavaRegexError> {
        let mut class = String::from("[");
        if self.eat('^') {
            class.push('^');
        }
        // A bracket that comes first, or first behind &&, stands for itself.
        let mut begun = false;
        loop {
            self.skip_comments();
            let Some(letter) = self.next() else { return Err(self.syntax("a class is not closed")) };
            match letter {
                ']' if begun => {
                    class.push(']');
                    return Ok(class);
                }
                '[' => class.push_str(&self.class()?),
                '&' if self.peek(0) == Some('&') => {
                    self.at += 1;
                    if !begun || self.peek(0) == Some(']') {
                        return Err(self.syntax("&& needs something on both sides"));
                    }
                    class.push_str("&&");
                    begun = false;
                    continue;
                }
                letter => self.class_item(letter, &mut class)?,
            }
            begun = true;
        }
    }

    /// A letter, a range or a set that begins with `letter`.
    fn class_item(&mut self, letter: char, class: &mut String) -> Result<(), JavaRegexError> {
        let low = match self.class_letter(letter)? {
            Ok(low) => low,
            Err(set) => {
                class.push_str(&set);
                return Ok(());
            }
        };
        let is_range =
            self.peek(0) == Some('-') && self.peek(1).is_some_and(|behind| !matches!(behind, ']' | '['));
        if !is_range {
            self.push_range(low, low, class);
            return Ok(());
        }
        self.at += 1;
        let letter = self.next().unwrap_or('-');
        match self.class_letter(letter)? {
            Ok(high) if high >= low => {
                self.push_range(low, high, class);
                Ok(())
            }
            _ => Err(self.syntax("a range in a class ends before it begins")),
        }
    }

    /// One letter of a class, or a whole set in its brackets.
    fn class_letter(&mut self, letter: char) -> Result<Result<char, String>, JavaRegexError> {
        if letter != '\\' {
            return Ok(Ok(letter));
        }
        match self.escape()? {
            Escape::Letter(letter) => Ok(Ok(letter)),
            Escape::Set(set, negated) => Ok(Err(bracketed(&set, negated))),
            Escape::Other(_) => Err(self.syntax("an escape that stands for no letter is in a class")),
        }
    }

    fn push_range(&self, low: char, high: char, class: &mut String) {
        let mut push = |low: char, high: char| {
            class.push_str(&plain(low));
            if low != high {
                class.push('-');
                class.push_str(&plain(high));
            }
        };
        push(low, high);
        if !self.flags.has(Flags::IGNORE_CASE) || self.flags.has(Flags::UNICODE_CASE) {
            return;
        }
        // The same letters in the other case, as far as they are ASCII letters.
        let (first, last) = (low.max('a'), high.min('z'));
        if first <= last {
            push(first.to_ascii_uppercase(), last.to_ascii_uppercase());
        }
        let (first, last) = (low.max('A'), high.min('Z'));
        if first <= last {
            push(first.to_ascii_lowercase(), last.to_ascii_lowercase());
        }
    }
}

/// The set of `\d`, `\w` and their like, and whether the letter means all but these.
pub(super) fn predefined(letter: char) -> Option<(&'static str, bool)> {
    let set = match letter.to_ascii_lowercase() {
        'd' => "0-9",
        'w' => "a-zA-Z0-9_",
        's' => r"\t-\r\x{20}",
        'h' => r"\t\x{20}\x{A0}\x{1680}\x{180E}\x{2000}-\x{200A}\x{202F}\x{205F}\x{3000}",
        'v' => r"\n-\r\x{85}\x{2028}\x{2029}",
        _ => return None,
    };
    Some((set, letter.is_ascii_uppercase()))
}

/// The set of a name behind `\p`, `None` if it is not known here. Java: `Pattern.family`.
pub(super) fn property(name: &str) -> Option<String> {
    let ascii = match name {
        "Lower" => "a-z",
        "Upper" => "A-Z",
        "ASCII" => r"\x{0}-\x{7F}",
        "Alpha" => "a-zA-Z",
        "Digit" => "0-9",
        "Alnum" => "a-zA-Z0-9",
        "Punct" => r"\x{21}-\x{2F}\x{3A}-\x{40}\x{5B}-\x{60}\x{7B}-\x{7E}",
        "Graph" => r"\x{21}-\x{7E}",
        "Print" => r"\x{20}-\x{7E}",
        "Blank" => r"\t\x{20}",
        "Cntrl" => r"\x{0}-\x{1F}\x{7F}",
        "XDigit" => "0-9A-Fa-f",
        "Space" => r"\t-\r\x{20}",
        "L1" => r"\x{0}-\x{FF}",
        "javaLowerCase" => r"\p{Lowercase}",
        "javaUpperCase" => r"\p{Uppercase}",
        "javaLetter" => r"\p{L}",
        "javaDigit" => r"\p{Nd}",
        "LD" | "javaLetterOrDigit" => r"\p{L}\p{Nd}",
        "javaAlphabetic" => r"\p{Alphabetic}",
        _ => "",
    };
    if !ascii.is_empty() {
        return Some(ascii.to_owned());
    }
    let set = match name.split_once('=') {
        Some(("sc" | "script", script)) => format!(r"\p{{sc={script}}}"),
        Some(("gc" | "general_category", category)) => format!(r"\p{{gc={category}}}"),
        Some(_) => return None,
        None => unnamed_property(name)?,
    };
    // The regex crate knows the names of scripts and categories; Java's table is of the same Unicode.
    regex::Regex::new(&set).is_ok().then_some(set)
}

/// `L`, `Lu`, `IsLu`, `IsLatin`, `IsAlphabetic`.
fn unnamed_property(name: &str) -> Option<String> {
    let Some(is) = name.strip_prefix("Is") else {
        // Without `Is` Java knows only categories, of one or two letters.
        return (name.len() <= 2).then(|| format!(r"\p{{gc={name}}}"));
    };
    Some(match is.to_ascii_lowercase().as_str() {
        "letter" => r"\p{L}".to_owned(),
        "digit" => r"\p{Nd}".to_owned(),
        "punctuation" => r"\p{P}".to_owned(),
        "control" => r"\p{Cc}".to_owned(),
        "titlecase" => r"\p{Lt}".to_owned(),
        _ => format!(r"\p{{{is}}}"),
    })
}
