//! Aggregate: keys that name a function, `LongValueSum:word`, and the classes that apply it. Hadoop: the
//! package `org.apache.hadoop.mapred.lib.aggregate`, with the descriptor that is its own; descriptors of
//! users are classes and cannot be loaded.

use super::aggregator::{Aggregator, FUNCTIONS};
use super::error::shortened;
use super::{BuiltInError, Emit, GroupReducer, RecordMapper, TaskFailure, text_of};
use crate::record::RecordRef;
use crate::writable::{WritableKind, decode_utf8};
use std::borrow::Cow;

/// Counts records, and records of each input file. Hadoop: `ValueAggregatorMapper`,
/// `ValueAggregatorBaseDescriptor.generateKeyValPairs`.
pub(super) struct RecordCountMapper {
    keys: Vec<String>,
}

impl RecordCountMapper {
    pub(super) fn new(input_file: Option<&str>) -> Self {
        let counted = ["record_count"].into_iter().chain(input_file);
        Self { keys: counted.map(|id| format!("LongValueSum:{id}")).collect() }
    }
}

impl RecordMapper for RecordCountMapper {
    fn map(&mut self, _: RecordRef<'_>, emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        for key in &self.keys {
            emit(RecordRef { key: key.as_bytes(), value: b"1" })?;
        }
        Ok(())
    }
}

/// A function and the key that named it.
struct Group {
    aggregator: Aggregator,
    function: &'static str,
    /// The key without the function's name.
    key: String,
}

impl Group {
    fn begin(key: &[u8], unique_values_max: u64) -> Result<Self, BuiltInError> {
        let key = decode_utf8(key);
        let Some((function, rest)) = key.split_once(':') else {
            return Err(BuiltInError::NoFunction { key: shortened(&key) });
        };
        let Some((aggregator, function)) = Aggregator::new(function, unique_values_max) else {
            return Err(BuiltInError::UnknownFunction {
                key: shortened(&key),
                functions: FUNCTIONS.join(", "),
            });
        };
        Ok(Self { aggregator, function, key: rest.to_owned() })
    }

    fn add(&mut self, value: &str) -> Result<(), BuiltInError> {
        let failed = |expected| BuiltInError::Value {
            function: self.function,
            value: shortened(value),
            key: shortened(&self.key),
            expected,
        };
        self.aggregator.add(value).map_err(failed)
    }
}

/// The values of one key after another, each through the function that its key names.
struct Groups {
    value_kind: WritableKind,
    unique_values_max: u64,
    current: Option<Group>,
}

impl Groups {
    fn new(value_kind: &WritableKind, unique_values_max: u64) -> Self {
        Self { value_kind: value_kind.clone(), unique_values_max, current: None }
    }

    fn begin(&mut self, key: &[u8]) -> Result<(), TaskFailure> {
        self.current = Some(Group::begin(key, self.unique_values_max)?);
        Ok(())
    }

    fn add(&mut self, value: &[u8]) -> Result<(), TaskFailure> {
        let value: Cow<'_, str> = text_of(&self.value_kind, value)?;
        match &mut self.current {
            Some(group) => Ok(group.add(&value)?),
            None => Ok(()),
        }
    }
}

/// One record for each key, without the function's name: the result. Hadoop: `ValueAggregatorReducer`.
pub(super) struct ReportReducer(Groups);

impl ReportReducer {
    pub(super) fn new(value_kind: &WritableKind, unique_values_max: u64) -> Self {
        Self(Groups::new(value_kind, unique_values_max))
    }
}

impl GroupReducer for ReportReducer {
    fn begin(&mut self, key: &[u8]) -> Result<(), TaskFailure> {
        self.0.begin(key)
    }

    fn value(&mut self, _: &[u8], value: &[u8], _: &mut Emit<'_>) -> Result<(), TaskFailure> {
        self.0.add(value)
    }

    fn end(&mut self, _: &[u8], emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        match self.0.current.take() {
            Some(Group { aggregator, key, .. }) => {
                emit(RecordRef { key: key.as_bytes(), value: aggregator.report().as_bytes() })
            }
            None => Ok(()),
        }
    }
}

/// Records of the same key from which the result can still be had. Hadoop: `ValueAggregatorCombiner`.
pub(super) struct PartialReducer(Groups);

impl PartialReducer {
    pub(super) fn new(value_kind: &WritableKind, unique_values_max: u64) -> Self {
        Self(Groups::new(value_kind, unique_values_max))
    }
}

impl GroupReducer for PartialReducer {
    fn begin(&mut self, key: &[u8]) -> Result<(), TaskFailure> {
        self.0.begin(key)
    }

    fn value(&mut self, _: &[u8], value: &[u8], _: &mut Emit<'_>) -> Result<(), TaskFailure> {
        self.0.add(value)
    }

    fn end(&mut self, key: &[u8], emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        for value in self.0.current.take().iter().flat_map(|group| group.aggregator.partial()) {
            emit(RecordRef { key, value: value.as_bytes() })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Record, long, map_all, reduce_all, text, texts};
    use crate::plan::{BuiltIn, Processor};
    use crate::writable::WritableKind::{Long, Text};

    fn reducer(unique_values_max: u64) -> Processor {
        Processor::BuiltIn(BuiltIn::AggregateReducer { unique_values_max })
    }

    fn combiner() -> Processor {
        Processor::BuiltIn(BuiltIn::AggregateCombiner { unique_values_max: u64::MAX })
    }

    fn check(class: &Processor, input: &[(&str, &str)], expect: &[(&str, &str)]) {
        let input: Vec<_> = input.iter().map(|(key, value)| (key.as_bytes(), value.as_bytes())).collect();
        assert_eq!(reduce_all(class, &(Text, Text), &input).unwrap(), texts(expect), "{input:?}");
    }

    /// Hadoop: `ValueAggregatorReducer`, `ValueAggregatorCombiner`.
    #[test]
    fn each_key_names_its_function() {
        let input = [
            ("LongValueSum::x", "4"),
            ("LongValueSum:a:b", "1"),
            ("LongValueSum:a:b", "2"),
            ("UNIQVALUECOUNT:u", "y"),
            ("UNIQVALUECOUNT:u", "x"),
            ("ValueHistogram:h", "v"),
        ];
        let reduced = [(":x", "4"), ("a:b", "3"), ("u", "2"), ("h", "1\t1\t1\t1\t1.0\t0.0")];
        check(&reducer(u64::MAX), &input, &reduced);
        let combined = [
            ("LongValueSum::x", "4"),
            ("LongValueSum:a:b", "3"),
            ("UNIQVALUECOUNT:u", "x"),
            ("UNIQVALUECOUNT:u", "y"),
            ("ValueHistogram:h", "v\t1"),
        ];
        check(&combiner(), &input, &combined);
        check(&combiner(), &[], &[]);
    }

    #[test]
    fn the_limit_of_unique_values_counts() {
        let input = [("UniqValueCount:u", "1"), ("UniqValueCount:u", "2"), ("UniqValueCount:u", "3")];
        check(&reducer(1), &input, &[("u", "2")]);
    }

    #[test]
    fn values_need_only_have_a_text() {
        let records = [(&b"LongValueSum:a"[..], &long(-3)[..]), (&b"LongValueSum:a"[..], &long(5)[..])];
        let reduced = reduce_all(&reducer(1), &(Text, Long), &records).unwrap();
        assert_eq!(reduced, texts(&[("a", "2")]));
    }

    #[test]
    fn what_is_not_utf_8_is_replaced() {
        let records = [(&b"StringValueMax:\xFF"[..], &b"\xFE"[..])];
        let reduced = reduce_all(&reducer(1), &(Text, Text), &records).unwrap();
        assert_eq!(reduced, texts(&[("\u{FFFD}", "\u{FFFD}")]));
        let combined = reduce_all(&combiner(), &(Text, Text), &records).unwrap();
        let expect: Vec<Record> = vec![(b"StringValueMax:\xFF".to_vec(), text("\u{FFFD}"))];
        assert_eq!(combined, expect);
    }

    #[test]
    fn bad_keys_and_values_are_named() {
        let check = |key: &str, value: &str, expect: &str| {
            for class in [reducer(1), combiner()] {
                let input = [(key.as_bytes(), value.as_bytes())];
                let error = reduce_all(&class, &(Text, Text), &input).unwrap_err().to_string();
                assert!(error.contains(expect), "{error}");
            }
        };
        check("LongValueSum:a", "x1", "LongValueSum cannot read value \"x1\" of key \"a\", expected a whole");
        check("plain", "2", "key \"plain\" has no colon");
        check("Sum:a", "2", "key \"Sum:a\" names no function, expected one of LongValueSum, LongValueMax");
        check("LongValueSum:a", &"9".repeat(90), &format!("value \"{}...\"", "9".repeat(80)));
    }

    /// Hadoop: `ValueAggregatorBaseDescriptor.generateKeyValPairs`.
    #[test]
    fn the_mapper_counts_records_and_those_of_the_file() {
        let class = Processor::BuiltIn(BuiltIn::AggregateMapper);
        let one = [("LongValueSum:record_count", "1"), ("LongValueSum:file:/in", "1")];
        let records = map_all(&class, &(Long, Text), &[(&long(0), b"a"), (&long(2), b"b")]).unwrap();
        assert_eq!(records, texts(&[one[0], one[1], one[0], one[1]]));
    }
}
