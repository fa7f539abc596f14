//! What a built-in class cannot do with its settings or its records.

use crate::java_regex::JavaRegexError;
use crate::plan::Processor;
use crate::writable::WritableKind;

/// Letters of a value that a message shows.
const SHOWN_MAX: usize = 80;

/// Why a built-in class failed. Each would fail the task in Hadoop too, most with an exception that names
/// neither the class nor the value.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuiltInError {
    /// Keys or values that the class cannot take, in Hadoop a `ClassCastException`.
    #[error(
        "{class} cannot take {what}s of class {}, expected {}", received.class_name(), expected.class_name()
    )]
    Input {
        /// The built-in class.
        class: &'static str,
        /// `key` or `value`.
        what: &'static str,
        /// The class that is there.
        received: WritableKind,
        /// The class it takes.
        expected: WritableKind,
    },
    /// A combiner's output that is not of the map output's classes. Hadoop: `IFile.Writer.append`.
    #[error(
        "{class} writes {what}s of class {}, expected the {} of {property}; use another combiner",
        received.class_name(), expected.class_name()
    )]
    Combined {
        /// The built-in class.
        class: &'static str,
        /// `key` or `value`.
        what: &'static str,
        /// The class it writes.
        received: WritableKind,
        /// The class of map output.
        expected: WritableKind,
        /// The property that says so.
        property: &'static str,
    },
    /// A value that its function cannot read.
    #[error("aggregate: {function} cannot read value {value:?} of key {key:?}, expected {expected}")]
    Value {
        /// The function.
        function: &'static str,
        /// The value, shortened.
        value: String,
        /// Its key without the function's name, shortened.
        key: String,
        /// What it should have been.
        expected: &'static str,
    },
    /// A key without a function's name in front.
    #[error("aggregate: key {key:?} has no colon, expected the name of a function, a colon and the key")]
    NoFunction {
        /// The key, shortened.
        key: String,
    },
    /// A function that does not exist.
    #[error("aggregate: key {key:?} names no function, expected one of {functions}")]
    UnknownFunction {
        /// The whole key, shortened.
        key: String,
        /// The functions that exist.
        functions: String,
    },
    /// A pattern that cannot be used.
    #[error("{class}: pattern {pattern:?}")]
    Pattern {
        /// The built-in class.
        class: &'static str,
        /// The pattern.
        pattern: String,
        /// What is wrong with it.
        #[source]
        source: JavaRegexError,
    },
    /// A group that a match does not have: in Hadoop an `IndexOutOfBoundsException`, or the
    /// `NullPointerException` of a group that took no part in the match.
    #[error(
        "RegexMapper: group {group} of pattern {pattern:?} is not in its match {found:?}; \
         set mapreduce.mapper.regexmapper..group"
    )]
    Group {
        /// The group's number.
        group: i32,
        /// The pattern.
        pattern: String,
        /// The match, shortened.
        found: String,
    },
    /// A class in the wrong place; the configuration lets none through.
    #[error("{class} is no {role} that is built in")]
    Role {
        /// The class.
        class: String,
        /// `mapper` or `reducer`.
        role: &'static str,
    },
}

impl BuiltInError {
    /// `processor` cannot be a `role`.
    pub(super) fn role(processor: &Processor, role: &'static str) -> Self {
        let class = match processor {
            Processor::Identity => "Identity".to_owned(),
            Processor::Command(_) => "a command".to_owned(),
            Processor::BuiltIn(class) => class.class_name().to_owned(),
        };
        Self::Role { class, role }
    }
}

/// A text as messages show it.
pub(super) fn shortened(text: &str) -> String {
    match text.char_indices().nth(SHOWN_MAX) {
        Some((end, _)) => format!("{}...", &text[..end]),
        None => text.to_owned(),
    }
}
