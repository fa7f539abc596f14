//! Folded lines against a map from line to number.

use super::*;
use crate::plan::PartitionerSpec;
use crate::shuffle::comparator::ByteOrder;
use crate::shuffle::sort_buffer::MemoryRun;
use crate::writable::WritableKind;
use proptest::prelude::*;
use std::collections::BTreeMap;

const FIELDS: KeyFields<'static> = KeyFields { separator: b"\t", key_fields: 1 };
const LIMITS: BufferLimits = BufferLimits { bytes: 1 << 20, record_bytes_max: 1 << 20 };

fn partitioner() -> Partitioner {
    Partitioner::new(&PartitionerSpec::Hash, &WritableKind::Text, 1)
}

/// A child's output in a table, read in pieces of `read` bytes.
fn table(output: &[u8], read: usize) -> FoldBuffer {
    let mut fold = FoldBuffer::new(LIMITS);
    for piece in output.chunks(read) {
        let mut rest = piece;
        while !rest.is_empty() {
            let room = fold.room();
            let count = room.len().min(rest.len());
            room[..count].copy_from_slice(&rest[..count]);
            fold.take_lines(count);
            rest = &rest[count..];
        }
    }
    fold
}

/// Empties a table.
fn sorted(mut fold: FoldBuffer) -> (MemoryRun, Collected) {
    let mut buffer = SortBuffer::new(LIMITS, 0, 1).unwrap();
    let collected = fold.collected(&FIELDS);
    fold.lay_out(&mut buffer, &FIELDS, &ByteOrder, &partitioner()).unwrap();
    fold.clear();
    assert!(fold.is_empty());
    (buffer.sort(&ByteOrder), collected)
}

/// Folds a child's output.
fn folded(output: &[u8], read: usize) -> (MemoryRun, Collected) {
    sorted(table(output, read))
}

proptest! {
    #[test]
    fn each_line_is_there_once_with_its_number(
        lines in prop::collection::vec(
            (prop::collection::vec(prop::sample::select(b"ab\0\xff\t".to_vec()), 0..40), 1..4_usize), 0..60),
        read in 1..200_usize,
    ) {
        let mut expect = BTreeMap::<(Vec<u8>, Vec<u8>), u64>::new();
        let mut output = Vec::new();
        for (line, times) in &lines {
            let record = FIELDS.split(line);
            *expect.entry((record.key.to_vec(), record.value.to_vec())).or_default() += *times as u64;
            for _ in 0..*times {
                output.extend_from_slice(line);
                output.push(b'\n');
            }
        }
        let (run, collected) = folded(&output, read);
        let mut got = BTreeMap::<(Vec<u8>, Vec<u8>), u64>::new();
        let mut last = None;
        for entry in run.entries() {
            let record = run.record(entry);
            let record = (record.key.to_vec(), record.value.to_vec());
            prop_assert!(last.as_ref().is_none_or(|last| *last <= record), "by key and value");
            *got.entry(record.clone()).or_default() += run.copies(entry);
            last = Some(record);
        }
        prop_assert_eq!(&got, &expect);
        prop_assert_eq!((run.records(), collected.records), (got.values().sum(), got.values().sum()));
    }
}

/// One short or long line for each number.
fn lines(numbers: std::ops::Range<usize>) -> String {
    let line = |number: usize| {
        if number.is_multiple_of(3) { format!("{number:030}\n") } else { format!("{number}\n") }
    };
    numbers.map(line).collect()
}

#[test]
fn a_table_takes_in_another() {
    for (one, other) in [(0..0, 0..9), (0..9, 0..0), (0..70_000, 50_000..60_000), (0..600, 300..200_000)] {
        let both = lines(one.clone()).repeat(2) + &lines(other.clone()).repeat(3);
        let mut absorbing = table(lines(one).repeat(2).as_bytes(), 70_000);
        absorbing.absorb(&table(lines(other).repeat(3).as_bytes(), 70_000));
        let (expect, expect_collected) = folded(both.as_bytes(), 70_000);
        let (got, collected) = sorted(absorbing);
        let records = |run: &MemoryRun| -> Vec<_> {
            run.entries().iter().map(|entry| (run.key(entry).to_vec(), run.copies(entry))).collect()
        };
        assert_eq!((records(&got), collected), (records(&expect), expect_collected));
    }
}

#[test]
fn tables_grow() {
    let output = lines(0..200_000);
    let (run, collected) = folded(&output.repeat(2).into_bytes(), 70_000);
    assert_eq!((run.entries().len(), collected.records), (200_000, 400_000));
    assert!(run.entries().iter().all(|entry| run.copies(entry) == 2));
}

#[test]
fn a_table_that_was_emptied_is_not_full() {
    let limits = BufferLimits { bytes: 1 << 20, record_bytes_max: 1 << 20 };
    let mut fold = FoldBuffer::new(limits);
    let numbers = (0..30_000).fold(String::new(), |text, number| text + &number.to_string() + "\n");
    let mut drained = 0;
    for line in numbers.lines().chain(numbers.lines().take(500).cycle().take(100_000)) {
        if fold.is_full() {
            let mut buffer = SortBuffer::new(limits, 0, 1).unwrap();
            fold.lay_out(&mut buffer, &FIELDS, &ByteOrder, &partitioner()).unwrap();
            fold.clear();
            drained += 1;
        }
        let line = format!("{line}\n").into_bytes();
        fold.room()[..line.len()].copy_from_slice(&line);
        fold.take_lines(line.len());
    }
    assert!((1..5).contains(&drained), "{drained} times");
}

#[test]
fn a_long_line_comes_in_pieces() {
    let output = [vec![b'x'; 300_000], b"\n".to_vec()].concat();
    let (run, _) = folded(&output.repeat(3), 1_000);
    assert_eq!((run.entries().len(), run.copies(&run.entries()[0])), (1, 3));
    let mut fold = FoldBuffer::new(BufferLimits { bytes: 1 << 12, record_bytes_max: 1 << 12 });
    for (bytes, outgrown) in [(1_000, false), (1_000, false), (48, false), (1, true)] {
        fold.room()[..bytes].fill(b'x');
        fold.take_lines(bytes);
        assert_eq!(fold.is_outgrown(), outgrown, "{bytes}");
    }
    assert_eq!(fold.take_begun(), [b'x'; 2_049]);
    fold.take_in(b"a\nb\na\nbe");
    assert_eq!((fold.short_used, fold.filled), (2, 2));
}

/// What a sample says of an output, read in pieces of each size.
fn check_sample(output: &str, expect: Option<bool>) {
    for read in [1, 7, 1_000, output.len()] {
        let mut buffer = SortBuffer::new(LIMITS, 1 << 20, 1).unwrap();
        let mut sample = Sample::new();
        let decided = output.as_bytes().chunks(read.max(1)).find_map(|piece| {
            buffer.room().unwrap().unwrap()[..piece.len()].copy_from_slice(piece);
            buffer.extend(piece.len());
            buffer.cut_lines(&FIELDS, &ByteOrder, &partitioner());
            sample.decide(&buffer)
        });
        assert_eq!(decided, expect, "{:?}... by {read}", output.get(..20));
    }
}

#[test]
fn the_first_records_decide() {
    let numbers = |from: usize, to: usize| {
        (from..to).fold(String::new(), |text, number| text + &number.to_string() + "\t1\n")
    };
    check_sample("", None);
    check_sample(&"a\t1\n".repeat(SAMPLE_RECORDS - 1), None);
    check_sample(&"a\t1\n".repeat(SAMPLE_RECORDS), Some(true));
    check_sample(&numbers(0, SAMPLE_RECORDS), Some(false));
    let half = SAMPLE_RECORDS / 2;
    check_sample(&(numbers(0, half) + &"0\t1\n".repeat(half)), Some(true));
    check_sample(&(numbers(0, half + 1) + &"0\t1\n".repeat(half - 1)), Some(false));
    // What is longer than the sample's bytes does not count, and what comes behind neither.
    let long = "x".repeat(SAMPLE_BYTES + 2);
    check_sample(&long, Some(false));
    check_sample(&format!("a\na\n{long}"), Some(true));
    check_sample(&format!("a\nb\n{long}\n"), Some(false));
}
