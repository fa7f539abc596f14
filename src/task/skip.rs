//! Which records a child cannot take. Hadoop: `SkipBadRecords`, `SortedRanges`.
//!
//! Hadoop halves the range in question with each failed attempt, and since a child has read further than it has
//! worked, its ranges are guesses. Here children are run on halves of the range, and what they write is thrown away,
//! until each range that fails is short enough: so the attempt that counts is the last one and reads exactly the
//! records that are left.
//!
//! It is only looked for records that fail alone. A child that fails of what it has read altogether, or always, is not
//! helped.

use super::{TaskFailure, TaskHost, writer};
use crate::codec::Codec;
use crate::error::At;
use crate::ids::{AttemptId, TaskKind};
use crate::output::{self, OutputError, TaskOutput};
use crate::plan::{JobPlan, OutputFormat, OutputSpec};
use crate::record::RecordRef;
use crate::writable::WritableKind;
use std::ops::Range;
use std::path::PathBuf;

/// Most times that a child is run to find the bad records of one task.
const TRIALS_MAX: u32 = 10_000;

/// How many records or groups round a bad one an attempt may lose; `None` if it must take what comes. Hadoop:
/// `TaskInProgress.startSkipping`.
pub(super) fn allowance(plan: &JobPlan, attempt: AttemptId) -> Option<u64> {
    let skip = plan.skip.as_ref().filter(|skip| attempt.attempt >= skip.start_after_attempts)?;
    let allowed = match attempt.task.kind {
        TaskKind::Map => skip.map_records_max,
        TaskKind::Reduce => skip.reduce_groups_max,
    };
    Some(allowed).filter(|allowed| *allowed > 0)
}

/// The file of an attempt's skipped records, as sequence file. Below the output folder it is published with what the
/// attempt writes; elsewhere it stays where it is made.
pub(super) struct SkipFile {
    output: TaskOutput,
    /// Where it will be found.
    shown: PathBuf,
}

impl SkipFile {
    /// Makes the file, if the job wants one. Hadoop: `SkippingRecordReader.writeSkippedRec`.
    pub(super) fn create(
        host: &TaskHost<'_>,
        attempt: AttemptId,
        (key_kind, value_kind): &(WritableKind, WritableKind),
    ) -> Result<Option<Self>, TaskFailure> {
        let plan = host.plan;
        let Some(folder) = plan.skip.as_ref().and_then(|skip| skip.dir.as_deref()) else { return Ok(None) };
        let dir = match folder.strip_prefix(&plan.output.dir) {
            Ok(below) => host.committer.attempt_dir(attempt).join(below),
            Err(_) => folder.to_path_buf(),
        };
        crate::fs::create_dir_all(&dir).at("make the folder of skipped records", &dir)?;
        let spec = OutputSpec {
            format: OutputFormat::SequenceFile,
            lazy: false,
            key_kind: key_kind.clone(),
            value_kind: value_kind.clone(),
            codec: Some(Codec::Deflate),
            block_compressed: true,
            trailing_legs: 0,
            ..plan.output.clone()
        };
        let name = attempt.in_job(&plan.job_id);
        let output = output::open(&spec, &dir, &name, None, writer::marker_seed(plan, attempt.task))?;
        Ok(Some(Self { output, shown: folder.join(name) }))
    }

    pub(super) fn write(&mut self, record: RecordRef<'_>) -> Result<(), OutputError> {
        self.output.write(record)
    }

    /// Ends the file; returns where it will be found.
    pub(super) fn finish(self) -> Result<PathBuf, OutputError> {
        self.output.finish()?;
        Ok(self.shown)
    }
}

/// Why bad records cannot be told from good ones.
#[derive(Debug, thiserror::Error)]
pub(super) enum SkipError<E: std::error::Error + 'static> {
    /// A trial could not be made.
    #[error(transparent)]
    Trial(#[from] E),
    /// It is not the records.
    #[error("it fails without any record too")]
    Always,
    /// Not of one record.
    #[error("records {} to {} fail together, but not their halves", range.start, range.end - 1)]
    Together {
        /// The records.
        range: Range<u64>,
    },
    /// Too many of them are bad.
    #[error("after {TRIALS_MAX} trials it is still not known which records are bad")]
    Trials,
}

/// The ranges of records, of which there are `count`, that make a child fail: in order, none longer than `longest`, and
/// each fails. `fails` runs a child on some records.
pub(super) fn find_bad<E: std::error::Error + 'static>(
    count: u64,
    longest: u64,
    fails: &mut dyn FnMut(Range<u64>) -> Result<bool, E>,
) -> Result<Vec<Range<u64>>, SkipError<E>> {
    let mut search = Search { longest: longest.max(1), fails, trials: 0, bad: Vec::new() };
    if search.fails(0..count)? {
        if search.fails(0..0)? {
            return Err(SkipError::Always);
        }
        search.halve(0..count)?;
    }
    Ok(search.bad)
}

struct Search<'a, E> {
    longest: u64,
    fails: &'a mut dyn FnMut(Range<u64>) -> Result<bool, E>,
    trials: u32,
    bad: Vec<Range<u64>>,
}

impl<E: std::error::Error + 'static> Search<'_, E> {
    fn fails(&mut self, range: Range<u64>) -> Result<bool, SkipError<E>> {
        if self.trials == TRIALS_MAX {
            return Err(SkipError::Trials);
        }
        self.trials += 1;
        Ok((self.fails)(range)?)
    }

    /// Looks into a range that fails.
    fn halve(&mut self, range: Range<u64>) -> Result<(), SkipError<E>> {
        if range.end - range.start <= self.longest {
            self.bad.push(range);
            return Ok(());
        }
        let middle = u64::midpoint(range.start, range.end);
        let known = self.bad.len();
        for half in [range.start..middle, middle..range.end] {
            if self.fails(half.clone())? {
                self.halve(half)?;
            }
        }
        if self.bad.len() == known { Err(SkipError::Together { range }) } else { Ok(()) }
    }
}

/// Ranges of record numbers for people: `3, 7-9`.
pub(super) fn shown(ranges: &[Range<u64>]) -> String {
    const SHOWN_MAX: usize = 10;
    let shown = |range: &Range<u64>| match range.end - range.start {
        1 => range.start.to_string(),
        _ => format!("{}-{}", range.start, range.end - 1),
    };
    let mut list = ranges.iter().take(SHOWN_MAX).map(shown).collect::<Vec<_>>().join(", ");
    if ranges.len() > SHOWN_MAX {
        list.push_str(", ...");
    }
    list
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::convert::Infallible;

    fn find(count: u64, longest: u64, bad: &[u64]) -> (Result<Vec<Range<u64>>, String>, u32) {
        let mut trials = 0;
        let mut fails = |range: Range<u64>| -> Result<bool, Infallible> {
            trials += 1;
            Ok(bad.iter().any(|number| range.contains(number)))
        };
        let found = find_bad(count, longest, &mut fails).map_err(|error| error.to_string());
        (found, trials)
    }

    fn check(count: u64, longest: u64, bad: &[u64], expect: &[(u64, u64)]) {
        let found = find(count, longest, bad).0.unwrap();
        let found: Vec<_> = found.iter().map(|range| (range.start, range.end)).collect();
        assert_eq!(found, expect, "{bad:?} of {count}, {longest}");
    }

    #[test]
    fn bad_records_are_found() {
        check(0, 1, &[], &[]);
        check(8, 1, &[], &[]);
        check(8, 1, &[3], &[(3, 4)]);
        check(8, 1, &[0, 1, 7], &[(0, 1), (1, 2), (7, 8)]);
        check(8, 2, &[3], &[(2, 4)]);
        check(8, 3, &[0, 7], &[(0, 2), (6, 8)]);
        check(8, u64::MAX, &[5], &[(0, 8)]);
        check(1, 1, &[0], &[(0, 1)]);
        // A single bad record costs two trials for each time that a million can be halved.
        assert!(find(1 << 20, 1, &[777_777]).1 <= 2 + 2 * 20);
    }

    #[test]
    fn what_is_not_the_records_is_said() {
        let check = |fails: &dyn Fn(&Range<u64>) -> bool, expect: &str| {
            let mut fails = |range: Range<u64>| -> Result<bool, Infallible> { Ok(fails(&range)) };
            assert_eq!(find_bad(100_000, 1, &mut fails).unwrap_err().to_string(), expect);
        };
        check(&|_| true, "it fails without any record too");
        let together = "records 0 to 99999 fail together, but not their halves";
        check(&|range| range.end - range.start > 50_000, together);
        let trials = "after 10000 trials it is still not known which records are bad";
        check(&|range| !range.is_empty(), trials);
    }

    #[test]
    fn ranges_are_shown_in_short() {
        assert_eq!(shown(&[3..4, 7..10]), "3, 7-9");
        assert_eq!(shown(&vec![0..1; 12]), format!("{}...", "0, ".repeat(10)));
    }

    proptest! {
        #[test]
        fn every_bad_record_is_in_one_short_range(
            count in 1..200u64,
            longest in 1..9u64,
            bad in proptest::collection::btree_set(0..200u64, 0..12),
        ) {
            let bad: Vec<u64> = bad.into_iter().filter(|number| *number < count).collect();
            let ranges = find(count, longest, &bad).0.unwrap();
            prop_assert!(ranges.is_sorted_by(|a, b| a.end <= b.start));
            for range in &ranges {
                prop_assert!(range.end - range.start <= longest && range.end <= count);
                prop_assert!(bad.iter().any(|number| range.contains(number)));
            }
            prop_assert!(bad.iter().all(|number| ranges.iter().any(|range| range.contains(number))));
        }
    }
}
