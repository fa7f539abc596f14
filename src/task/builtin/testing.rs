//! Records through a mapper or a reducer, for the tests of this room and of combiners.

use super::kinds::{Kinds, check_mapper, check_reducer};
use super::{TaskFailure, mapper, reduce_groups, reducer};
use crate::plan::Processor;
use crate::record::RecordRef;
use crate::shuffle::ShuffleError;
use crate::shuffle::merge::{Filled, Merged, RecordStream};
use crate::shuffle::spill::SpillWriter;

/// A record's payloads.
pub(in crate::task) type Record = (Vec<u8>, Vec<u8>);

/// The payload of a `LongWritable`.
pub(in crate::task) fn long(value: i64) -> Vec<u8> {
    value.to_be_bytes().to_vec()
}

/// The payload of a `Text`.
pub(in crate::task) fn text(text: &str) -> Vec<u8> {
    text.as_bytes().to_vec()
}

/// Records of texts.
pub(super) fn texts(records: &[(&str, &str)]) -> Vec<Record> {
    records.iter().map(|(key, value)| (text(key), text(value))).collect()
}

/// What a mapper that reads the file `file:/in` makes of records.
pub(super) fn map_all(
    processor: &Processor,
    kinds: &Kinds,
    records: &[(&[u8], &[u8])],
) -> Result<Vec<Record>, TaskFailure> {
    let mut made = Vec::new();
    let mut mapper = mapper(processor, kinds, Some("file:/in"))?;
    check_mapper(processor, kinds)?;
    for (key, value) in records {
        mapper.map(RecordRef { key, value }, &mut keep_in(&mut made))?;
    }
    Ok(made)
}

/// What a reducer makes of records, whose equal keys stand together.
pub(super) fn reduce_all(
    processor: &Processor,
    kinds: &Kinds,
    records: &[(&[u8], &[u8])],
) -> Result<Vec<Record>, TaskFailure> {
    let mut made = Vec::new();
    let mut reducer = reducer(processor, &kinds.1)?;
    check_reducer(processor, kinds)?;
    let mut stream = Given { records, next: 0 };
    let (mut read, mut groups) = (0, 0);
    reduce_groups(&mut stream, &mut *reducer, &mut keep_in(&mut made), &mut |filled: Filled| {
        read += filled.records;
        groups += filled.groups;
    })?;
    assert_eq!(read, records.len() as u64);
    assert_eq!(groups, records.chunk_by(|one, other| one.0 == other.0).count() as u64);
    Ok(made)
}

fn keep_in(made: &mut Vec<Record>) -> impl FnMut(RecordRef<'_>) -> Result<(), TaskFailure> {
    |record| {
        made.push((record.key.to_vec(), record.value.to_vec()));
        Ok(())
    }
}

/// Records that are sorted already.
pub(in crate::task) struct Given<'a> {
    pub(in crate::task) records: &'a [(&'a [u8], &'a [u8])],
    pub(in crate::task) next: usize,
}

impl RecordStream for Given<'_> {
    fn next_record(&mut self) -> Result<Option<Merged<'_>>, ShuffleError> {
        let Some((key, value)) = self.records.get(self.next) else { return Ok(None) };
        let new_group = self.next == 0 || self.records[self.next - 1].0 != *key;
        self.next += 1;
        Ok(Some(Merged { record: RecordRef { key, value }, copies: 1, new_group }))
    }

    fn fill_lines(&mut self, _: &mut Vec<u8>, _: &[u8], _: usize) -> Result<Filled, ShuffleError> {
        unreachable!("built-in classes take records")
    }

    fn append_to(&mut self, _: &mut SpillWriter) -> Result<(), ShuffleError> {
        unreachable!("built-in classes take records")
    }
}
