//! The Java classes of Hadoop that are built in, with what each needs of the job's properties.

use serde::{Deserialize, Serialize};

/// A mapper, a reducer or a combiner that is built in under its Java name. Which of these a class can be is
/// decided where class names are read; a task refuses one in the wrong place.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum BuiltIn {
    /// `InverseMapper`: swaps key and value.
    Inverse,
    /// `TokenCountMapper`: each word of the value, and 1.
    TokenCount,
    /// `RegexMapper`: a group of each match in the value, and 1.
    Regex {
        /// `mapreduce.mapper.regex`, in Java's syntax.
        pattern: String,
        /// `mapreduce.mapper.regexmapper..group`; one that the pattern lacks is an error when it matches.
        group: i32,
    },
    /// `LongSumReducer`: the sum of the values.
    LongSum,
    /// `FieldSelectionMapReduce`, as mapper or as reducer.
    FieldSelection(FieldSelection),
    /// `ValueAggregatorMapper` with Hadoop's own descriptor: counts records, and records of each file.
    AggregateMapper,
    /// `ValueAggregatorReducer`: the value of the function that the key names.
    AggregateReducer {
        /// `aggregate.max.num.unique.values`; one more than this is counted, as in Hadoop.
        unique_values_max: u64,
    },
    /// `ValueAggregatorCombiner`: what the function needs to go on with.
    AggregateCombiner {
        /// As of the reducer.
        unique_values_max: u64,
    },
}

impl BuiltIn {
    /// The class's name without its package.
    pub fn class_name(&self) -> &'static str {
        match self {
            Self::Inverse => "InverseMapper",
            Self::TokenCount => "TokenCountMapper",
            Self::Regex { .. } => "RegexMapper",
            Self::LongSum => "LongSumReducer",
            Self::FieldSelection(_) => "FieldSelectionMapReduce",
            Self::AggregateMapper => "ValueAggregatorMapper",
            Self::AggregateReducer { .. } => "ValueAggregatorReducer",
            Self::AggregateCombiner { .. } => "ValueAggregatorCombiner",
        }
    }
}

/// Which fields `FieldSelectionMapReduce` makes keys and values of. Hadoop: `FieldSelectionHelper`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FieldSelection {
    /// `mapreduce.fieldsel.data.field.separator`: Java's regular expression to split, text to join.
    pub separator: String,
    /// Only the value has fields: the key is an offset.
    pub ignore_key: bool,
    /// What is selected.
    pub fields: SelectedFields,
}

/// Fields by number, from 0.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SelectedFields {
    /// Fields of the key, in this order.
    pub key: Vec<u32>,
    /// Fields of the value, in this order.
    pub value: Vec<u32>,
    /// And then all fields from this one on.
    pub value_from: Option<u32>,
}

/// A list of fields that one property may name. Without a bound `0-2000000000` would take all memory.
const FIELDS_MAX: usize = 1 << 20;

impl SelectedFields {
    /// Reads `KEY:VALUE`, each of them numbers and ranges with commas: `0,2-4:1,5-`. `None` for what is no
    /// number, and for more than a million fields.
    ///
    /// Hadoop: `FieldSelectionHelper.parseOutputKeyValueSpec`. A range without an end counts in the value
    /// only, the last one wins, and it stands behind all numbers wherever it is written.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split(':');
        let mut selected = Self::default();
        parse_list(parts.next().unwrap_or_default(), &mut selected.key, &mut None)?;
        let value = parts.next().unwrap_or_default();
        parse_list(value, &mut selected.value, &mut selected.value_from)?;
        Some(selected)
    }
}

/// Reads one list; a range without an end goes to `from`.
fn parse_list(text: &str, fields: &mut Vec<u32>, from: &mut Option<u32>) -> Option<()> {
    for item in text.split(',').filter(|item| !item.is_empty()) {
        let (start, end) = match item.split_once('-') {
            None => (item, item),
            Some(("", end)) => ("0", end),
            Some(range) => range,
        };
        let start = java_int(start)?;
        if end.is_empty() {
            *from = Some(start as u32);
            continue;
        }
        let range = start..=java_int(end)?;
        if range.clone().count() > FIELDS_MAX - fields.len().min(FIELDS_MAX) {
            return None;
        }
        fields.extend(range.map(|field| field as u32));
    }
    Some(())
}

/// Java: `Integer.parseInt`, of ASCII digits.
fn java_int(text: &str) -> Option<i32> {
    text.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(text: &str, key: &[u32], value: &[u32], value_from: Option<u32>) {
        let expect = SelectedFields { key: key.to_vec(), value: value.to_vec(), value_from };
        assert_eq!(SelectedFields::parse(text), Some(expect), "{text:?}");
    }

    /// Hadoop: `FieldSelectionHelper.extractFields`.
    #[test]
    fn numbers_and_ranges_are_read() {
        check("0-:", &[], &[], None);
        check("1:2,0", &[1], &[2, 0], None);
        check("0,2-4:1,5-", &[0, 2, 3, 4], &[1], Some(5));
        check("-2:-", &[0, 1, 2], &[], Some(0));
        check("3-1,,+4", &[4], &[], None);
        check("0--5:7-,1,6-,2:9", &[], &[1, 2], Some(6));
        check("", &[], &[], None);
    }

    #[test]
    fn what_is_no_number_is_refused() {
        for text in ["a", "0, 1", "0:x-", "1-b", "2147483648", "0-2147483647:", ":0-1048575,3"] {
            assert_eq!(SelectedFields::parse(text), None, "{text:?}");
        }
        assert!(SelectedFields::parse(":0-1048575").is_some());
    }
}
