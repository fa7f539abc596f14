//! What is special to the values of options, generic ones above all: quotes, `name=value`, and the order that
//! a cluster wants. Hadoop: `GenericOptionsParser`, `org.apache.commons.cli.Util`.

use super::args::{Class, Given};
use crate::streaming::command::shell_word;

/// Drops the pair of double quotes around a value that has no other ones. Hadoop 3.4:
/// `Util.stripLeadingAndTrailingQuotes` of commons-cli 1.9; with 1.2, before, a quote at one end went too.
pub fn strip_quotes(value: &str) -> &str {
    let inner = value.strip_prefix('"').and_then(|rest| rest.strip_suffix('"'));
    inner.filter(|inner| !inner.contains('"')).unwrap_or(value)
}

/// The name and the value of `name=value`, cut at the first equals sign; `None` without one.
pub fn property(text: &str) -> Option<(String, String)> {
    text.split_once('=').map(|(name, value)| (name.to_owned(), value.to_owned()))
}

/// When a generic option comes after a streaming option: a note with the order that Hadoop insists on, since
/// the same command is then refused by a cluster. Options that are not Hadoop's are left out of it.
pub(super) fn in_cluster_order(given: &[Given]) -> Option<String> {
    let first_streaming = given.iter().position(|given| given.option.class == Class::StreamJob)?;
    given[first_streaming..].iter().find(|given| given.option.generic())?;
    let mut words = Vec::new();
    for class in [Class::GenericOptionsParser, Class::StreamJob] {
        for given in given.iter().filter(|given| given.option.class == class) {
            words.push(format!("-{}", given.option.name));
            words.extend(given.values.iter().map(|value| shell_word(value)));
        }
    }
    Some(format!("a Hadoop cluster wants generic options first: {}", words.join(" ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pair_of_quotes_around_a_value_goes() {
        for (value, stripped) in [
            ("plain", "plain"),
            ("\"a b\"", "a b"),
            ("q=\"x\"", "q=\"x\""),
            ("\"x\" y", "\"x\" y"),
            ("args.py \"\"", "args.py \"\""),
            ("\"a\" \"b\"", "\"a\" \"b\""),
            ("\"\"x\"\"", "\"\"x\"\""),
            ("\"\"", ""),
            ("\"", "\""),
            ("", ""),
            ("'x'", "'x'"),
        ] {
            assert_eq!(strip_quotes(value), stripped, "{value}");
        }
    }

    #[test]
    fn a_property_is_cut_at_the_first_equals_sign() {
        let pair = |name: &str, value: &str| Some((name.to_owned(), value.to_owned()));
        for (text, cut) in
            [("a=b", pair("a", "b")), ("a=b=c", pair("a", "b=c")), ("a=", pair("a", "")), ("a", None)]
        {
            assert_eq!(property(text), cut, "{text}");
        }
    }
}
