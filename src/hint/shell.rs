//! A shell's syntax in a command that no shell reads.

use super::Facts;

/// Words of a command, cut as streaming cuts them, each with whether it stood in quotes. Hadoop:
/// `PipeMapRed.splitArgs`.
///
/// Only blanks separate words; a tab does not. A quote, single or double, always ends the word before it and
/// begins or ends a quoted one, also in the middle of what a shell would call a word: `x'y z'w` is three
/// words. The other kind of quote is data inside a quoted word. An empty quoted word vanishes, an unclosed
/// quote runs to the end, and a backslash is an ordinary character.
pub fn words_of(command: &str) -> Vec<(&str, bool)> {
    let mut words = Vec::new();
    let mut quote = None;
    let mut start = 0;
    for (at, mark) in command.char_indices() {
        let was_quoted = quote.is_some();
        let ends_word = match (quote, mark) {
            (None, '\'' | '"') => {
                quote = Some(mark);
                true
            }
            (None, ' ') => true,
            (Some(open), _) if open == mark => {
                quote = None;
                true
            }
            _ => false,
        };
        if ends_word {
            words.push((&command[start..at], was_quoted));
            start = at + 1;
        }
    }
    words.push((&command[start..], quote.is_some()));
    words.retain(|(word, _)| !word.is_empty());
    words
}

/// Text as one word of a POSIX shell, in quotes only if it needs them; for the commands that messages
/// propose.
pub fn shell_word(text: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "_-./:=,@%+".contains(c);
    if !text.is_empty() && text.chars().all(plain) {
        text.to_owned()
    } else {
        format!("'{}'", text.replace('\'', r"'\''"))
    }
}

pub(super) fn program_of(word: &str) -> &str {
    let name = word.rsplit('/').next().unwrap_or(word);
    name.trim_end_matches(|c: char| c == '.' || c.is_ascii_digit())
}

/// A shell's operators between the words of a command.
const OPERATORS: [&str; 11] = ["|", "||", "&&", ">", ">>", "<", "<<", "2>", "2>>", "&>", "2>&1"];
/// Programs whose arguments look like a shell's operators, variables or globs.
const PATTERN_PROGRAMS: [&str; 16] = [
    "awk", "gawk", "mawk", "nawk", "perl", "sed", "grep", "egrep", "fgrep", "expr", "test", "find", "tr",
    "ruby", "php", "jq",
];
/// Options behind which any character may stand: a delimiter, a pattern.
const CHARACTER_OPTIONS: [&str; 5] = ["-d", "-F", "-t", "-s", "-e"];

pub(super) fn on_operator_in_text(facts: &Facts<'_>) -> Option<String> {
    operator(&words_of(facts.text), facts.text)
}

pub(super) fn on_expansion_in_text(facts: &Facts<'_>) -> Option<String> {
    // An operator says as much, once.
    let words = words_of(facts.text);
    if operator(&words, facts.text).is_some() { None } else { expansion(&words, facts.text) }
}

/// In the words of a command that failed: quotes are gone, so only what is hardly an argument counts.
pub(super) fn on_shell_syntax(facts: &Facts<'_>) -> Option<String> {
    facts.code?;
    let words: Vec<(&str, bool)> =
        facts.command.iter().map(|word| (*word, word.contains([' ', '\'', '"', '\\']))).collect();
    let text = facts.command.iter().map(|word| quoted_again(word)).collect::<Vec<_>>().join(" ");
    operator(&words, &text).or_else(|| expansion(&words, &text))
}

fn quoted_again(word: &str) -> String {
    let quote = if word.contains('\'') { '"' } else { '\'' };
    if word.contains(' ') { format!("{quote}{word}{quote}") } else { word.to_owned() }
}

fn operator(words: &[(&str, bool)], text: &str) -> Option<String> {
    let program = words.first()?.0;
    let at = (1..words.len()).find(|&at| {
        let (word, is_quoted) = words[at];
        let (before, _) = words[at - 1];
        let is_last = at + 1 == words.len();
        let joins = OPERATORS.contains(&word) && (!is_last || word == "2>&1");
        let redirects = word.len() > 1
            && !word.ends_with('>')
            && (word.starts_with("2>") || word.starts_with('>') || word.starts_with('<'));
        let ends = is_last && word == "&";
        !is_quoted && !CHARACTER_OPTIONS.contains(&before) && (joins || redirects || ends)
    })?;
    if ["tr", "expr", "test", "["].contains(&program_of(program)) {
        return None;
    }
    let word = words[at].0;
    Some(format!(
        "commands run without a shell, so {word} is an argument of {program}: write {}",
        in_shell(text)
    ))
}

fn expansion(words: &[(&str, bool)], text: &str) -> Option<String> {
    let program = program_of(words.first()?.0);
    if PATTERN_PROGRAMS.contains(&program) {
        return None;
    }
    let expands = |word: &str| {
        let behind_dollar = word.split('$').skip(1).any(|rest| {
            rest.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '{' || c == '(')
        });
        let is_glob = word.starts_with("*.") || word.contains("/*") || word.ends_with('*') && word.len() > 1;
        !word.starts_with('-') && (behind_dollar || is_glob || word.starts_with("~/"))
    };
    let (word, _) = words.iter().skip(1).find(|(word, is_quoted)| !is_quoted && expands(word))?;
    Some(format!("commands run without a shell, so {word} stays as it is: write {}", in_shell(text)))
}

/// A command for a shell, quoted as streaming reads it.
fn in_shell(text: &str) -> String {
    match (text.contains('\''), text.contains('"')) {
        (false, _) => format!("sh -c '{text}'"),
        (true, false) => format!("sh -c \"{text}\""),
        // Streaming knows no way to quote both.
        (true, true) => "it into a script, and ship that with -files".to_owned(),
    }
}
