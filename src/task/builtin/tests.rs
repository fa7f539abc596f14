//! What all classes have in common: which records go in and come out, and groups.

use super::kinds::{Kinds, check_combined, check_mapper, check_reducer, mapped, reduced};
use super::testing::{long, map_all, reduce_all, texts};
use super::*;
use crate::plan::{FieldSelection, SelectedFields};
use WritableKind::{Long, Null, Text};

fn fields(spec: &str) -> BuiltIn {
    let fields = SelectedFields::parse(spec).unwrap();
    BuiltIn::FieldSelection(FieldSelection { separator: "\t".into(), ignore_key: true, fields })
}

const AGGREGATE: BuiltIn = BuiltIn::AggregateReducer { unique_values_max: 1 };
const PARTIAL: BuiltIn = BuiltIn::AggregateCombiner { unique_values_max: 1 };

#[test]
fn identity_and_inverse_change_no_payload() {
    let input = [(&b"k"[..], &b"v"[..]), (b"k", b"w"), (b"l", b"")];
    let kinds = (Text, Text);
    let same = texts(&[("k", "v"), ("k", "w"), ("l", "")]);
    assert_eq!(map_all(&Processor::Identity, &kinds, &input).unwrap(), same);
    assert_eq!(reduce_all(&Processor::Identity, &kinds, &input).unwrap(), same);
    let inverse = Processor::BuiltIn(BuiltIn::Inverse);
    let swapped = texts(&[("v", "k"), ("w", "k"), ("", "l")]);
    assert_eq!(map_all(&inverse, &kinds, &input).unwrap(), swapped);
}

#[test]
fn classes_of_output_are_the_java_classes_own() {
    let from = (Long, Text);
    let check = |class: BuiltIn, expect: Kinds| {
        assert_eq!(mapped(&Processor::BuiltIn(class.clone()), &from), expect, "{class:?}");
    };
    check(BuiltIn::Inverse, (Text, Long));
    check(BuiltIn::TokenCount, (Text, Long));
    check(BuiltIn::Regex { pattern: "a".into(), group: 0 }, (Text, Long));
    check(BuiltIn::AggregateMapper, (Text, Text));
    check(fields("0-:"), (Text, Text));
    let check = |class: BuiltIn, expect: Kinds| {
        assert_eq!(reduced(&Processor::BuiltIn(class.clone()), &from), expect, "{class:?}");
    };
    check(BuiltIn::LongSum, (Long, Long));
    check(AGGREGATE, (Text, Text));
    check(PARTIAL, (Text, Text));
    check(fields("0:1-"), (Text, Text));
    check(fields("0-:1"), (Null, Text));
    check(fields("0:"), (Text, Null));
    assert_eq!(mapped(&Processor::Identity, &from), from);
    assert_eq!(reduced(&Processor::Identity, &from), from);
}

#[test]
fn records_that_a_class_cannot_take_are_refused() {
    let check = |class: BuiltIn, kinds: Kinds, as_mapper: bool, expect: Option<&str>| {
        let check = if as_mapper { check_mapper } else { check_reducer };
        let error = check(&Processor::BuiltIn(class), &kinds).err().map(|error| error.to_string());
        let prefix = error.as_deref().map(|error| &error[..error.len().min(expect.unwrap_or("").len())]);
        assert_eq!(prefix, expect, "{error:?}");
    };
    let value = "TokenCountMapper cannot take values of class org.apache.hadoop.io.LongWritable, expected";
    check(BuiltIn::TokenCount, (Text, Long), true, Some(value));
    check(BuiltIn::TokenCount, (Long, Text), true, None);
    check(BuiltIn::Regex { pattern: String::new(), group: 0 }, (Text, Null), true, Some("RegexMapper"));
    check(fields(""), (Long, Long), true, None);
    check(BuiltIn::LongSum, (Long, Text), false, Some("LongSumReducer cannot take values of class"));
    check(BuiltIn::LongSum, (Null, Long), false, None);
    check(AGGREGATE, (Long, Text), false, Some("ValueAggregatorReducer cannot take keys of class"));
    check(AGGREGATE, (Text, Long), false, None);
    check(fields(""), (Text, Long), false, Some("FieldSelectionMapReduce cannot take values"));
    check(fields(""), (Long, Text), false, Some("FieldSelectionMapReduce cannot take keys"));
}

/// Hadoop: `IFile.Writer.append`.
#[test]
fn a_combiner_must_write_what_mappers_write() {
    let check = |class: BuiltIn, kinds: Kinds, fits: bool| {
        let checked = check_combined(&Processor::BuiltIn(class.clone()), &kinds);
        assert_eq!(checked.is_ok(), fits, "{class:?} {kinds:?}");
    };
    check(PARTIAL, (Text, Text), true);
    check(PARTIAL, (Text, Long), false);
    check(BuiltIn::LongSum, (Long, Long), true);
    check(fields("0-:1"), (Text, Text), false);
    check(fields("0:1"), (Text, Text), true);
    assert!(check_combined(&Processor::Identity, &(Long, Null)).is_ok());
}

#[test]
fn a_class_in_the_wrong_place_is_an_error() {
    let error = mapper(&Processor::BuiltIn(BuiltIn::LongSum), &(Text, Long), None).err().unwrap();
    assert_eq!(error.to_string(), "LongSumReducer is no mapper that is built in");
    let error = reducer(&Processor::BuiltIn(BuiltIn::Inverse), &Text).err().unwrap();
    assert_eq!(error.to_string(), "InverseMapper is no reducer that is built in");
    assert!(reducer(&Processor::Command(Vec::new()), &Text).is_err());
}

#[test]
fn a_group_ends_before_the_next_begins() {
    let records = [(&b"a"[..], &long(1)[..]), (b"a", &long(2)), (b"", &long(4)), (b"b", &long(8))];
    let reduced = reduce_all(&Processor::BuiltIn(BuiltIn::LongSum), &(Text, Long), &records).unwrap();
    let expect: Vec<_> = [("a", 3), ("", 4), ("b", 8)].map(|(key, sum)| (key.into(), long(sum))).into();
    assert_eq!(reduced, expect);
    assert_eq!(reduce_all(&Processor::BuiltIn(BuiltIn::LongSum), &(Text, Long), &[]).unwrap(), []);
}
