//! Java's regular expressions on the regex crate. Java: `java.util.regex.Pattern` and `Matcher`.
//!
//! [`JavaRegex`] takes a pattern in Java's syntax; `translate` writes it as the regex crate has it, or says
//! what cannot be had there: looking ahead and behind, references to groups, possessive repetitions. Matches
//! come, and texts are split, as Java's `find` and `split` do it. Who uses patterns for what is not known
//! here.

mod translate;

#[cfg(test)]
mod tests;

pub use translate::JavaRegexError;
use translate::Translated;

use regex::{CaptureLocations, Regex};
use std::ops::Range;

/// A compiled pattern.
#[derive(Clone, Debug)]
pub struct JavaRegex {
    regex: Regex,
    /// The number in `regex` of each group of the pattern, the whole match first.
    groups: Vec<usize>,
    /// The groups in `regex` where a match ends whose `$` took a line end along.
    ends: Vec<usize>,
}

impl JavaRegex {
    /// Compiles a pattern in Java's syntax, without flags.
    ///
    /// # Errors
    /// A pattern that Java would not take, or that needs what the regex crate lacks.
    pub fn new(pattern: &str) -> Result<Self, JavaRegexError> {
        let Translated { pattern, groups, ends } = translate::translate(pattern)?;
        // The message's last line is the reason; those before it draw the translated pattern, which the
        // user never wrote.
        let reason = |error: regex::Error| {
            let text = error.to_string();
            let last = text.lines().last().unwrap_or_default();
            JavaRegexError::Compile(last.trim_start_matches("error: ").to_owned())
        };
        let regex = Regex::new(&pattern).map_err(reason)?;
        Ok(Self { regex, groups, ends })
    }

    /// How many groups the pattern has, the whole match not counted.
    pub fn groups(&self) -> usize {
        self.groups.len() - 1
    }

    /// The matches in `text`, one after the other.
    pub fn matches<'a>(&'a self, text: &'a str) -> Matches<'a> {
        let found = self.regex.capture_locations();
        Matches { pattern: self, text, next: Some(0), found, end: text.len() }
    }

    /// What stands between the matches, empty texts at the end left out. Java: `Pattern.split`.
    ///
    /// A letter that Java keeps as two surrogates has room for a match of nothing in its middle, and each half
    /// then comes out as a question mark, as which Java writes it.
    pub fn split<'a>(&'a self, text: &'a str) -> Vec<&'a str> {
        let mut parts = Vec::new();
        let mut from = 0;
        let mut matches = self.matches(text);
        while let Some(found) = matches.find() {
            // A match of nothing at the very start parts nothing.
            if found.end > 0 {
                let part = &text[from..found.start];
                match part.chars().next() {
                    Some(letter) if found.is_empty() && letter.len_utf8() == 4 && part.len() == 4 => {
                        parts.extend(["?", "?"]);
                    }
                    _ => parts.push(part),
                }
                from = found.end;
            }
        }
        if from == 0 {
            return vec![text];
        }
        parts.push(&text[from..]);
        while parts.last().is_some_and(|part| part.is_empty()) {
            parts.pop();
        }
        parts
    }
}

/// The matches in a text. Java: `Matcher`.
#[derive(Clone, Debug)]
pub struct Matches<'a> {
    pattern: &'a JavaRegex,
    text: &'a str,
    /// Where the next search begins; `None` behind the last match.
    next: Option<usize>,
    found: CaptureLocations,
    /// Where the present match ends, and with it its groups.
    end: usize,
}

impl<'a> Matches<'a> {
    /// Goes to the next match and returns where it is, in bytes. Java: `Matcher.find`.
    ///
    /// It begins at the end of the match before, or one letter later if that was empty; unlike in the regex
    /// crate an empty match may follow another one at once.
    pub fn find(&mut self) -> Option<Range<usize>> {
        loop {
            let from = self.next.take()?;
            let found = self.pattern.regex.captures_read_at(&mut self.found, self.text, from)?.range();
            let marked = self.pattern.ends.iter().find_map(|group| self.found.get(*group));
            self.end = marked.map_or(found.end, |(end, _)| end);
            self.next = if found.start == self.end {
                self.text[self.end..].chars().next().map(|letter| self.end + letter.len_utf8())
            } else {
                Some(self.end)
            };
            // No `$` stands between CR and LF.
            let (before, behind) = self.text.split_at(self.end);
            if found.start < self.end
                || marked.is_none()
                || !before.ends_with('\r')
                || !behind.starts_with('\n')
            {
                return Some(found.start..self.end);
            }
        }
    }

    /// What a group of the present match holds; group 0 is the whole match. `None` if the group has no part
    /// in the match or is not in the pattern. To be called behind a successful [`find`](Self::find).
    pub fn group(&self, number: usize) -> Option<&'a str> {
        let (start, end) = self.found.get(*self.pattern.groups.get(number)?)?;
        Some(&self.text[start..end.min(self.end)])
    }
}
