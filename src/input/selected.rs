//! Some of a task's records, by their numbers. Hadoop: `MapTask.SkippingRecordReader`.

use super::{InputError, Position, RecordReader};
use crate::record::RecordRef;
use crate::writable::WritableKind;
use std::ops::Range;

/// A reader without the records whose numbers, from 0, are in some ranges, and without any from some number on.
pub(crate) struct Selected {
    records: Box<dyn RecordReader>,
    /// What is left out, in order.
    left_out: std::vec::IntoIter<Range<u64>>,
    current: Option<Range<u64>>,
    end: u64,
    /// The next record's number.
    next: u64,
}

impl Selected {
    /// All but `left_out`: ranges in order that do not overlap.
    pub(crate) fn without(records: Box<dyn RecordReader>, left_out: Vec<Range<u64>>) -> Self {
        let mut left_out = left_out.into_iter();
        let current = left_out.next();
        Self { records, left_out, current, end: u64::MAX, next: 0 }
    }

    /// `range` alone.
    pub(crate) fn only(records: Box<dyn RecordReader>, range: Range<u64>) -> Self {
        let before = Some(0..range.start);
        Self { current: before, end: range.end, ..Self::without(records, Vec::new()) }
    }
}

impl RecordReader for Selected {
    fn kinds(&self) -> (WritableKind, WritableKind) {
        self.records.kinds()
    }

    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, InputError> {
        while let Some(range) = self.current.clone().filter(|range| range.start <= self.next) {
            while self.next < range.end {
                if self.records.next_record()?.is_none() {
                    return Ok(None);
                }
                self.next += 1;
            }
            self.current = self.left_out.next();
        }
        if self.next >= self.end {
            return Ok(None);
        }
        self.next += 1;
        self.records.next_record()
    }

    fn position(&self) -> Position {
        self.records.position()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Records whose values are their numbers.
    struct Numbers {
        next: u8,
        end: u8,
        value: [u8; 1],
    }

    impl RecordReader for Numbers {
        fn kinds(&self) -> (WritableKind, WritableKind) {
            (WritableKind::Text, WritableKind::Text)
        }

        fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, InputError> {
            if self.next == self.end {
                return Ok(None);
            }
            self.value = [self.next];
            self.next += 1;
            Ok(Some(RecordRef { key: b"", value: &self.value }))
        }

        fn position(&self) -> Position {
            Position::default()
        }
    }

    fn check(end: u8, select: impl FnOnce(Box<dyn RecordReader>) -> Selected, expect: &[u8]) {
        let mut selected = select(Box::new(Numbers { next: 0, end, value: [0] }));
        let mut found = Vec::new();
        while let Some(record) = selected.next_record().unwrap() {
            found.extend_from_slice(record.value);
        }
        assert_eq!(found, expect);
        assert!(selected.next_record().unwrap().is_none());
    }

    #[test]
    fn ranges_are_left_out() {
        let without = |ranges: &[(u64, u64)]| {
            let ranges = ranges.iter().map(|&(start, end)| start..end).collect();
            |records| Selected::without(records, ranges)
        };
        check(4, without(&[]), &[0, 1, 2, 3]);
        check(4, without(&[(0, 1)]), &[1, 2, 3]);
        check(6, without(&[(1, 2), (2, 3), (5, 6)]), &[0, 3, 4]);
        check(4, without(&[(2, 9)]), &[0, 1]);
        check(3, without(&[(0, 3)]), &[]);
    }

    #[test]
    fn a_range_is_read_alone() {
        check(6, |records| Selected::only(records, 0..2), &[0, 1]);
        check(6, |records| Selected::only(records, 2..4), &[2, 3]);
        check(6, |records| Selected::only(records, 4..9), &[4, 5]);
        check(6, |records| Selected::only(records, 0..0), &[]);
        check(2, |records| Selected::only(records, 5..6), &[]);
    }
}
