//! Hadoop's own mappers, reducers and combiners, built in under their Java names.
//!
//! ```text
//!  record ─> RecordMapper ─> records        key, values ─> GroupReducer ─> records
//! ```
//!
//! [`mapper`] and [`reducer`] make one of a plan's [`Processor`]; [`reduce_groups`] leads sorted records
//! through a reducer, group by group. A group is the records whose keys are equal as the key's class has it,
//! in the combiner too: Hadoop asks a comparator for objects there, and `KeyFieldBasedComparator` compares
//! objects as their class does. Which classes of keys and values go in and out is said by [`kinds`]; in
//! Hadoop a wrong one is found by the first record, so it is not looked for without records here either.
//!
//! The classes are those of `org.apache.hadoop.mapred.lib`. Their twins in `mapreduce.lib` are of another
//! interface, which streaming cannot run. Commands are not this room's business.

mod aggregate;
mod aggregator;
mod error;
mod field_selection;
pub(super) mod kinds;
mod number;
mod words;

pub use error::BuiltInError;

use super::TaskFailure;
use crate::plan::{BuiltIn, Processor};
use crate::record::RecordRef;
use crate::shuffle::merge::{Filled, RecordStream};
use crate::writable::{WritableError, WritableKind, decode_utf8};
use std::borrow::Cow;

/// Where a processor's records go.
pub(super) type Emit<'a> = dyn FnMut(RecordRef<'_>) -> Result<(), TaskFailure> + 'a;

/// Makes records of each record. Hadoop: `Mapper.map`.
pub(super) trait RecordMapper {
    /// Takes one record and gives any number to `emit`.
    fn map(&mut self, record: RecordRef<'_>, emit: &mut Emit<'_>) -> Result<(), TaskFailure>;
}

/// Makes records of a key and its values. Hadoop: `Reducer.reduce`, which pulls the values that come one by
/// one here.
pub(super) trait GroupReducer {
    /// A new key, before its values.
    fn begin(&mut self, key: &[u8]) -> Result<(), TaskFailure>;
    /// One value of the key.
    fn value(&mut self, key: &[u8], value: &[u8], emit: &mut Emit<'_>) -> Result<(), TaskFailure>;
    /// After the key's last value.
    fn end(&mut self, key: &[u8], emit: &mut Emit<'_>) -> Result<(), TaskFailure>;
}

/// The mapper for records of the classes `kinds`. `input_file` is the file that the task reads, as its
/// children know it.
///
/// # Errors
/// `processor` is no built-in mapper, or its settings cannot be used.
pub(super) fn mapper(
    processor: &Processor,
    (key_kind, value_kind): &(WritableKind, WritableKind),
    input_file: Option<&str>,
) -> Result<Box<dyn RecordMapper>, TaskFailure> {
    Ok(match processor {
        Processor::Identity => Box::new(Identity),
        Processor::BuiltIn(BuiltIn::Inverse) => Box::new(Inverse),
        Processor::BuiltIn(BuiltIn::TokenCount) => Box::new(words::TokenCount),
        Processor::BuiltIn(BuiltIn::Regex { pattern, group }) => {
            Box::new(words::RegexMatches::new(pattern, *group)?)
        }
        Processor::BuiltIn(BuiltIn::FieldSelection(selection)) => {
            Box::new(field_selection::FieldMapper::new(selection, key_kind, value_kind)?)
        }
        Processor::BuiltIn(BuiltIn::AggregateMapper) => {
            Box::new(aggregate::RecordCountMapper::new(input_file))
        }
        other => return Err(BuiltInError::role(other, "mapper").into()),
    })
}

/// The reducer, or combiner, for values of class `value_kind`.
///
/// # Errors
/// `processor` is no built-in reducer, or its settings cannot be used.
pub(super) fn reducer(
    processor: &Processor,
    value_kind: &WritableKind,
) -> Result<Box<dyn GroupReducer>, TaskFailure> {
    Ok(match processor {
        Processor::Identity => Box::new(Identity),
        Processor::BuiltIn(BuiltIn::LongSum) => Box::new(number::LongSum::default()),
        Processor::BuiltIn(BuiltIn::FieldSelection(selection)) => {
            Box::new(field_selection::FieldReducer::new(selection)?)
        }
        Processor::BuiltIn(BuiltIn::AggregateReducer { unique_values_max }) => {
            Box::new(aggregate::ReportReducer::new(value_kind, *unique_values_max))
        }
        Processor::BuiltIn(BuiltIn::AggregateCombiner { unique_values_max }) => {
            Box::new(aggregate::PartialReducer::new(value_kind, *unique_values_max))
        }
        other => return Err(BuiltInError::role(other, "reducer").into()),
    })
}

/// Leads all records of `stream` through `reducer`, telling `note` of each.
pub(super) fn reduce_groups(
    stream: &mut dyn RecordStream,
    reducer: &mut dyn GroupReducer,
    emit: &mut Emit<'_>,
    note: &mut dyn FnMut(Filled),
) -> Result<(), TaskFailure> {
    let mut key = None::<Vec<u8>>;
    while let Some(merged) = stream.next_record()? {
        note(Filled { records: merged.copies, groups: u64::from(merged.new_group) });
        if merged.new_group || key.is_none() {
            if let Some(done) = &key {
                reducer.end(done, emit)?;
            }
            let key = key.get_or_insert_default();
            key.clear();
            key.extend_from_slice(merged.record.key);
            reducer.begin(key)?;
        }
        for _ in 0..merged.copies {
            reducer.value(merged.record.key, merged.record.value, emit)?;
        }
    }
    match &key {
        Some(done) => reducer.end(done, emit),
        None => Ok(()),
    }
}

/// `IdentityMapper` and `IdentityReducer`.
struct Identity;

impl RecordMapper for Identity {
    fn map(&mut self, record: RecordRef<'_>, emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        emit(record)
    }
}

impl GroupReducer for Identity {
    fn begin(&mut self, _: &[u8]) -> Result<(), TaskFailure> {
        Ok(())
    }

    fn value(&mut self, key: &[u8], value: &[u8], emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        emit(RecordRef { key, value })
    }

    fn end(&mut self, _: &[u8], _: &mut Emit<'_>) -> Result<(), TaskFailure> {
        Ok(())
    }
}

/// `InverseMapper`.
struct Inverse;

impl RecordMapper for Inverse {
    fn map(&mut self, record: RecordRef<'_>, emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        emit(RecordRef { key: record.value, value: record.key })
    }
}

/// A payload as Java's `toString` has it: text that is not UTF-8 with replacement characters.
fn text_of<'a>(kind: &WritableKind, payload: &'a [u8]) -> Result<Cow<'a, str>, WritableError> {
    if *kind == WritableKind::Text {
        return Ok(decode_utf8(payload));
    }
    let mut text = Vec::new();
    kind.write_string(payload, &mut text)?;
    Ok(Cow::Owned(String::from_utf8_lossy(&text).into_owned()))
}

#[cfg(test)]
pub(super) mod testing;
#[cfg(test)]
mod tests;
