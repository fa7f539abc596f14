//! The functions of Aggregate: values one after another, and what becomes of them. Values are texts, as
//! commands write them and Java's `toString` makes them.

use super::number::java_double;
use crate::writable::{parse_long, write_double};
use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};

/// The names of the functions. Hadoop: `ValueAggregatorBaseDescriptor`.
pub(super) const FUNCTIONS: [&str; 8] = [
    "LongValueSum",
    "LongValueMax",
    "LongValueMin",
    "DoubleValueSum",
    "StringValueMax",
    "StringValueMin",
    "UniqValueCount",
    "ValueHistogram",
];

/// What a value should have been.
pub(super) const LONG: &str = "a whole number of 64 bits without blanks";
/// As [`LONG`].
pub(super) const DOUBLE: &str = "a number";
/// As [`LONG`].
pub(super) const COUNTED: &str = "a whole number of 64 bits as count behind the last tab";

/// One function at work on the values of one key.
#[derive(Debug)]
pub(super) enum Aggregator {
    /// `LongValueSum`, which wraps round.
    LongSum(i64),
    /// `LongValueMax`.
    LongMax(i64),
    /// `LongValueMin`.
    LongMin(i64),
    /// `DoubleValueSum`, in the order in which values come.
    DoubleSum(f64),
    /// `StringValueMax`, in the order of UTF-16 units.
    StringMax(Option<JavaString>),
    /// `StringValueMin`.
    StringMin(Option<JavaString>),
    /// `UniqValueCount`: no value is added to more than `values_max` of them.
    Unique { values: BTreeSet<JavaString>, values_max: u64 },
    /// `ValueHistogram`: how often each value came.
    Histogram(BTreeMap<JavaString, i64>),
}

impl Aggregator {
    /// The function of that name, in any case, and the name as it is written. `None` if there is none.
    pub(super) fn new(name: &str, unique_values_max: u64) -> Option<(Self, &'static str)> {
        let name = FUNCTIONS.into_iter().find(|function| function.eq_ignore_ascii_case(name))?;
        let aggregator = match name {
            "LongValueSum" => Self::LongSum(0),
            "LongValueMax" => Self::LongMax(i64::MIN),
            "LongValueMin" => Self::LongMin(i64::MAX),
            "DoubleValueSum" => Self::DoubleSum(0.0),
            "StringValueMax" => Self::StringMax(None),
            "StringValueMin" => Self::StringMin(None),
            "UniqValueCount" => Self::Unique { values: BTreeSet::new(), values_max: unique_values_max },
            _ => Self::Histogram(BTreeMap::new()),
        };
        Some((aggregator, name))
    }

    /// Adds a value.
    ///
    /// # Errors
    /// What the value should have been.
    pub(super) fn add(&mut self, value: &str) -> Result<(), &'static str> {
        match self {
            Self::LongSum(sum) => *sum = sum.wrapping_add(parse_long(value).ok_or(LONG)?),
            Self::LongMax(max) => *max = (*max).max(parse_long(value).ok_or(LONG)?),
            Self::LongMin(min) => *min = (*min).min(parse_long(value).ok_or(LONG)?),
            Self::DoubleSum(sum) => *sum += java_double(value).ok_or(DOUBLE)?,
            Self::StringMax(max) => keep(max, value, Ordering::Greater),
            Self::StringMin(min) => keep(min, value, Ordering::Less),
            Self::Unique { values, values_max } => {
                // Hadoop compares before it adds, so one more than the limit is counted.
                if values.len() as u64 <= *values_max {
                    values.insert(JavaString(value.to_owned()));
                }
            }
            Self::Histogram(counts) => {
                let (value, count) = match value.rsplit_once('\t') {
                    Some((value, count)) => (value, parse_long(count).ok_or(COUNTED)?),
                    None => (value, 1),
                };
                let sum = counts.entry(JavaString(value.to_owned())).or_default();
                *sum = sum.wrapping_add(count);
            }
        }
        Ok(())
    }

    /// The result. Hadoop: `ValueAggregator.getReport`.
    pub(super) fn report(&self) -> String {
        match self {
            Self::LongSum(number) | Self::LongMax(number) | Self::LongMin(number) => number.to_string(),
            Self::DoubleSum(sum) => double_text(*sum),
            Self::StringMax(best) | Self::StringMin(best) => {
                best.as_ref().map(|text| text.0.clone()).unwrap_or_default()
            }
            Self::Unique { values, .. } => values.len().to_string(),
            Self::Histogram(counts) => statistics(counts.values().copied().collect()),
        }
    }

    /// The values with which another of this function can go on. Hadoop:
    /// `ValueAggregator.getCombinerOutput`.
    pub(super) fn partial(&self) -> Vec<String> {
        match self {
            Self::Unique { values, .. } => values.iter().map(|value| value.0.clone()).collect(),
            Self::Histogram(counts) => {
                counts.iter().map(|(value, count)| format!("{}\t{count}", value.0)).collect()
            }
            _ => vec![self.report()],
        }
    }
}

/// Keeps the value that compares as `wanted` with the one kept so far.
fn keep(best: &mut Option<JavaString>, value: &str, wanted: Ordering) {
    if best.as_ref().is_none_or(|best| java_order(value, &best.0) == wanted) {
        *best = Some(JavaString(value.to_owned()));
    }
}

/// Number of values, then the least, the middle (the upper one of two), the greatest, the average and the
/// standard deviation of their counts. Hadoop: `ValueHistogram.getReport`.
fn statistics(mut counts: Vec<i64>) -> String {
    counts.sort_unstable();
    let (Some(least), Some(greatest)) = (counts.first(), counts.last()) else { return "0".to_owned() };
    let number = counts.len() as f64;
    let sum = counts.iter().fold(0_i64, |sum, count| sum.wrapping_add(*count));
    let average = sum as f64 / number;
    // In the order of the sorted counts, because sums of doubles depend on it.
    let squares = counts.iter().fold(0.0, |squares, count| {
        let difference = *count as f64 - average;
        squares + difference * difference
    });
    let deviation = (squares / number).sqrt();
    let middle = counts[counts.len() / 2];
    let (average, deviation) = (double_text(average), double_text(deviation));
    format!("{}\t{least}\t{middle}\t{greatest}\t{average}\t{deviation}", counts.len())
}

fn double_text(value: f64) -> String {
    let mut text = Vec::new();
    write_double(value, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// A text that sorts as Java's strings do.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct JavaString(String);

impl PartialOrd for JavaString {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for JavaString {
    fn cmp(&self, other: &Self) -> Ordering {
        java_order(&self.0, &other.0)
    }
}

/// The order of UTF-16 units. Java: `String.compareTo`.
///
/// It is the order of bytes but for letters beyond the basic plane, whose units are below those of U+E000 and
/// up: their first bytes are 0xF0 and up, of the others 0xEE and 0xEF.
fn java_order(one: &str, other: &str) -> Ordering {
    let rank = |byte: u8| if matches!(byte, 0xEE | 0xEF) { byte + 0x10 } else { byte };
    let differs = one.bytes().zip(other.bytes()).find(|(a, b)| a != b);
    differs.map_or(one.len().cmp(&other.len()), |(a, b)| rank(a).cmp(&rank(b)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn aggregator(function: &str, values: &[&str], unique_values_max: u64) -> Aggregator {
        let (mut aggregator, name) = Aggregator::new(function, unique_values_max).unwrap();
        assert!(name.eq_ignore_ascii_case(function));
        for value in values {
            aggregator.add(value).unwrap_or_else(|expected| panic!("{value:?}: expected {expected}"));
        }
        aggregator
    }

    fn check(function: &str, values: &[&str], report: &str, partial: &[&str]) {
        let aggregator = aggregator(function, values, u64::MAX);
        assert_eq!(aggregator.report(), report, "{function} {values:?}");
        assert_eq!(aggregator.partial(), partial, "{function} {values:?}");
    }

    /// Hadoop: `LongValueSum`, `LongValueMax`, `LongValueMin`.
    #[test]
    fn longs_are_summed_and_compared() {
        check("LongValueSum", &["1", "-3", "+9000000000"], "8999999998", &["8999999998"]);
        check(
            "longvaluesum",
            &["9223372036854775807", "1"],
            "-9223372036854775808",
            &["-9223372036854775808"],
        );
        check("LongValueMax", &["-5", "-7"], "-5", &["-5"]);
        check("LongValueMin", &["-5", "3", "-7"], "-7", &["-7"]);
    }

    /// Hadoop: `DoubleValueSum`.
    #[test]
    fn doubles_are_summed_and_printed_as_java_prints_them() {
        check("DoubleValueSum", &["10000000"], "1.0E7", &["1.0E7"]);
        check("DoubleValueSum", &[" 0.1", "0.2 "], "0.30000000000000004", &["0.30000000000000004"]);
        check("DoubleValueSum", &["1", "Infinity", "-Infinity"], "NaN", &["NaN"]);
        check("DoubleValueSum", &["-0.0"], "0.0", &["0.0"]);
    }

    /// Hadoop: `StringValueMax`, `StringValueMin`.
    #[test]
    fn strings_are_compared_by_their_units() {
        check("StringValueMax", &["B", "abc", "ab"], "abc", &["abc"]);
        check("StringValueMin", &["ab", "a", ""], "", &[""]);
        check("StringValueMax", &["\u{1F600}", "\u{FFFD}"], "\u{FFFD}", &["\u{FFFD}"]);
        check("StringValueMin", &["\u{FFFD}", "\u{1F600}"], "\u{1F600}", &["\u{1F600}"]);
    }

    /// Hadoop: `UniqValueCount`.
    #[test]
    fn unique_values_are_counted_to_one_above_the_limit() {
        check("UniqValueCount", &["b", "a", "b"], "2", &["a", "b"]);
        check("UniqValueCount", &["\u{FFFD}", "\u{1F600}"], "2", &["\u{1F600}", "\u{FFFD}"]);
        for (limit, expect) in [(1, "2"), (4, "5"), (9, "6")] {
            let limited = aggregator("UniqValueCount", &["1", "2", "3", "4", "5", "6", "1"], limit);
            assert_eq!(limited.report(), expect, "limit {limit}");
        }
    }

    /// Hadoop: `ValueHistogram`.
    #[test]
    fn a_histogram_tells_of_its_counts() {
        let values = ["a", "a", "a", "b", "b", "c", "d\t4", "d"];
        check(
            "ValueHistogram",
            &values,
            "4\t1\t3\t5\t2.75\t1.479019945774904",
            &["a\t3", "b\t2", "c\t1", "d\t5"],
        );
        check("ValueHistogram", &["x\ty\t-2", "x\ty\t1"], "1\t-1\t-1\t-1\t-1.0\t0.0", &["x\ty\t-1"]);
        check("ValueHistogram", &[], "0", &[]);
    }

    #[test]
    fn what_a_function_cannot_read_is_an_error() {
        let check = |function: &str, value: &str, expect: &'static str| {
            let (mut aggregator, _) = Aggregator::new(function, 1).unwrap();
            assert_eq!(aggregator.add(value), Err(expect), "{function} {value:?}");
        };
        for function in ["LongValueSum", "LongValueMax", "LongValueMin"] {
            check(function, " 1", LONG);
            check(function, "1.5", LONG);
        }
        check("DoubleValueSum", "1,5", DOUBLE);
        check("ValueHistogram", "a\tb", COUNTED);
        check("ValueHistogram", "a\t", COUNTED);
        assert!(Aggregator::new("LongValueSum ", 1).is_none());
        assert!(Aggregator::new("", 1).is_none());
    }

    proptest! {
        #[test]
        fn the_order_is_that_of_utf_16(one in "[a\u{E000}-\u{FFFD}\u{1F600}-\u{1F6FF}é]{0,3}", other in "[a\u{E000}-\u{FFFD}\u{1F600}-\u{1F6FF}é]{0,3}") {
            prop_assert_eq!(java_order(&one, &other), one.encode_utf16().cmp(other.encode_utf16()));
        }

        #[test]
        fn combining_changes_no_result(
            values in prop::collection::vec(-9_i64..9, 1..20),
            cut in 0_usize..20,
            function in 0_usize..8,
        ) {
            let values: Vec<String> = values.iter().map(ToString::to_string).collect();
            let name = FUNCTIONS[function];
            let all: Vec<&str> = values.iter().map(String::as_str).collect();
            let (left, right) = all.split_at(cut.min(all.len()));
            let parts: Vec<String> = [left, right]
                .iter()
                .filter(|part| !part.is_empty())
                .flat_map(|part| aggregator(name, part, u64::MAX).partial())
                .collect();
            let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
            let whole = aggregator(name, &all, u64::MAX).report();
            prop_assert_eq!(aggregator(name, &parts, u64::MAX).report(), whole);
        }
    }
}
