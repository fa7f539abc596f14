//! The options of a verb. Hadoop: `CommandFormat`.

use super::error::FsError;

/// Options that were given, and what follows them.
#[derive(Debug, Default)]
pub(super) struct Given {
    switches: Vec<&'static str>,
    values: Vec<(&'static str, String)>,
    pub(super) args: Vec<String>,
}

impl Given {
    pub(super) fn has(&self, switch: &str) -> bool {
        self.switches.contains(&switch)
    }

    pub(super) fn any(&self, switches: &[&str]) -> bool {
        switches.iter().any(|switch| self.has(switch))
    }

    pub(super) fn value(&self, name: &str) -> Option<&str> {
        self.values.iter().rev().find(|(known, _)| *known == name).map(|(_, value)| value.as_str())
    }

    /// The different switches that were given.
    pub(super) fn switches(&self) -> Vec<&'static str> {
        let mut switches = self.switches.clone();
        switches.sort_unstable();
        switches.dedup();
        switches
    }
}

/// What a verb takes.
pub(super) struct Format {
    pub(super) min: usize,
    pub(super) max: usize,
    pub(super) switches: &'static [&'static str],
    /// Options with a value.
    pub(super) valued: &'static [&'static str],
    /// Other words with a hyphen are arguments.
    pub(super) lenient: bool,
}

impl Format {
    /// So many arguments, and these switches.
    pub(super) const fn new(min: usize, max: usize, switches: &'static [&'static str]) -> Self {
        Self { min, max, switches, valued: &[], lenient: false }
    }

    pub(super) fn parse(&self, words: Vec<String>) -> Result<Given, FsError> {
        let mut given = Given { args: words, ..Given::default() };
        let mut at = 0;
        while let Some(word) = given.args.get(at).filter(|word| word.starts_with('-') && *word != "-") {
            let option = &word[1..];
            if word == "--" {
                given.args.remove(at);
                break;
            }
            if let Some(switch) = self.switches.iter().find(|known| **known == option) {
                given.switches.push(switch);
                given.args.remove(at);
            } else if let Some(name) = self.valued.iter().find(|known| **known == option) {
                given.args.remove(at);
                let is_there = given.args.get(at).is_some_and(|next| !next.starts_with('-'));
                let value = if is_there && given.args.len() > self.min {
                    given.args.remove(at)
                } else {
                    String::new()
                };
                given.values.push((name, value));
            } else if self.lenient {
                at += 1;
            } else {
                return Err(FsError::Usage(format!("Illegal option {word}")));
            }
        }
        let count = given.args.len();
        if count < self.min {
            return Err(FsError::Usage(format!(
                "Not enough arguments: expected {} but got {count}",
                self.min
            )));
        }
        if count > self.max {
            return Err(FsError::Usage(format!("Too many arguments: expected {} but got {count}", self.max)));
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `Ok` with switches, values and arguments, or the message. Hadoop: `CommandFormat.parse`.
    fn check(line: &str, expect: &str) {
        let format = Format { valued: &["t"], ..Format::new(1, 2, &["f", "R", "-long"]) };
        let said = match format.parse(line.split_whitespace().map(str::to_owned).collect()) {
            Ok(given) => {
                format!(
                    "{:?} {:?} {}",
                    given.switches(),
                    given.value("t").unwrap_or("none"),
                    given.args.join(" ")
                )
            }
            Err(error) => error.to_string(),
        };
        assert_eq!(said, expect, "{line}");
    }

    #[test]
    fn options_come_before_arguments() {
        check("-f -f a", "[\"f\"] \"none\" a");
        check("-R -f a -f", "[\"R\", \"f\"] \"none\" a -f");
        check("--long a", "[\"-long\"] \"none\" a");
        check("-- -f", "[] \"none\" -f");
        check("- a", "[] \"none\" - a");
        check("-t 5 a", "[] \"5\" a");
        check("-t a", "[] \"\" a");
        check("-x a", "Illegal option -x");
        check("-fR a", "Illegal option -fR");
        check("-f", "Not enough arguments: expected 1 but got 0");
        check("a b c", "Too many arguments: expected 2 but got 3");
    }
}
