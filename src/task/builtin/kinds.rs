//! Which classes of keys and values go into a built-in class and come out of it.

use super::BuiltInError;
use crate::plan::{BuiltIn, Processor};
use crate::writable::WritableKind;

/// Classes of keys and of values.
pub(in crate::task) type Kinds = (WritableKind, WritableKind);

/// What comes out of a mapper that is given records of `kinds`.
pub(in crate::task) fn mapped(processor: &Processor, kinds: &Kinds) -> Kinds {
    match processor {
        Processor::BuiltIn(BuiltIn::Inverse) => (kinds.1.clone(), kinds.0.clone()),
        Processor::BuiltIn(BuiltIn::TokenCount | BuiltIn::Regex { .. }) => {
            (WritableKind::Text, WritableKind::Long)
        }
        Processor::BuiltIn(BuiltIn::FieldSelection(_) | BuiltIn::AggregateMapper) => {
            (WritableKind::Text, WritableKind::Text)
        }
        _ => kinds.clone(),
    }
}

/// What comes out of a reducer that is given records of `kinds`.
pub(in crate::task) fn reduced(processor: &Processor, kinds: &Kinds) -> Kinds {
    match processor {
        Processor::BuiltIn(BuiltIn::LongSum) => (kinds.0.clone(), WritableKind::Long),
        Processor::BuiltIn(BuiltIn::AggregateReducer { .. } | BuiltIn::AggregateCombiner { .. }) => {
            (WritableKind::Text, WritableKind::Text)
        }
        Processor::BuiltIn(BuiltIn::FieldSelection(selection)) => {
            // Hadoop hands on Java's null where nothing is selected, and the text format takes that for a
            // NullWritable.
            let kind = |selected: bool| if selected { WritableKind::Text } else { WritableKind::Null };
            let fields = &selection.fields;
            (kind(!fields.key.is_empty()), kind(!fields.value.is_empty() || fields.value_from.is_some()))
        }
        _ => kinds.clone(),
    }
}

/// Checks what goes into a mapper.
///
/// # Errors
/// [`BuiltInError::Input`] for a class that it cannot take.
pub(in crate::task) fn check_mapper(processor: &Processor, kinds: &Kinds) -> Result<(), BuiltInError> {
    match processor {
        Processor::BuiltIn(class @ (BuiltIn::TokenCount | BuiltIn::Regex { .. })) => {
            check(class, "value", &kinds.1, WritableKind::Text)
        }
        _ => Ok(()),
    }
}

/// Checks what goes into a reducer or combiner.
///
/// # Errors
/// [`BuiltInError::Input`] for a class that it cannot take.
pub(in crate::task) fn check_reducer(processor: &Processor, kinds: &Kinds) -> Result<(), BuiltInError> {
    let Processor::BuiltIn(class) = processor else { return Ok(()) };
    match class {
        BuiltIn::LongSum => check(class, "value", &kinds.1, WritableKind::Long),
        BuiltIn::FieldSelection(_) => {
            check(class, "key", &kinds.0, WritableKind::Text)?;
            check(class, "value", &kinds.1, WritableKind::Text)
        }
        // Values only have to have a text.
        BuiltIn::AggregateReducer { .. } | BuiltIn::AggregateCombiner { .. } => {
            check(class, "key", &kinds.0, WritableKind::Text)
        }
        _ => Ok(()),
    }
}

fn check(
    class: &BuiltIn,
    what: &'static str,
    received: &WritableKind,
    expected: WritableKind,
) -> Result<(), BuiltInError> {
    if *received == expected {
        return Ok(());
    }
    Err(BuiltInError::Input { class: class.class_name(), what, received: received.clone(), expected })
}

/// Checks what comes out of a combiner against the classes of map output.
///
/// # Errors
/// [`BuiltInError::Combined`] for a class that the shuffle does not carry.
pub(in crate::task) fn check_combined(processor: &Processor, kinds: &Kinds) -> Result<(), BuiltInError> {
    let class = match processor {
        Processor::BuiltIn(class) => class.class_name(),
        _ => return Ok(()),
    };
    let written = reduced(processor, kinds);
    for (what, received, expected, property) in [
        ("key", written.0, &kinds.0, "mapreduce.map.output.key.class"),
        ("value", written.1, &kinds.1, "mapreduce.map.output.value.class"),
    ] {
        if received != *expected {
            let expected = expected.clone();
            return Err(BuiltInError::Combined { class, what, received, expected, property });
        }
    }
    Ok(())
}
