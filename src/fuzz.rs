//! Doors for the fuzzer (`scripts/fuzz.sh`) to readers that are private, and to what the writers of their files make.
//! Only in a fuzzing build. What the fuzzer reads through public doors is in `scripts/fuzz/main.rs`.

use crate::output::journal;
use crate::record::RecordRef;
use crate::record_room::RecordRoom;
use crate::shuffle::ShuffleError;
use crate::shuffle::comparator::{ByteOrder, Order};
use crate::shuffle::passes::merge_runs;
use crate::shuffle::run::Run;
use crate::shuffle::spill::{Spill, SpillWriter};
use crate::streaming::output_reader::{Framing, RecordSource};
use std::path::Path;
use std::sync::Arc;

/// Of a spill at most so many records and batches of lines are read: a few bytes can stand for any number.
const STEPS_MAX: usize = 1_000;

/// Reads all that a spill file holds: its checksums, its records merged with themselves, and as lines.
///
/// # Errors
/// What is wrong with it.
pub fn read_spill(path: &Path) -> Result<(), ShuffleError> {
    let order = Order::Bytes(ByteOrder);
    let spill = Spill::open(path.to_path_buf())?;
    let partitions = 0..spill.partitions();
    let checked = spill.check(&order);
    let runs = [Arc::new(Run::Disk(spill))];
    let twice = [Arc::clone(&runs[0]), Arc::clone(&runs[0])];
    let mut records = merge_runs(&twice, partitions.clone(), &order, 64);
    for _ in 0..STEPS_MAX {
        if records.next_record()?.is_none() {
            break;
        }
    }
    let mut lines = merge_runs(&runs, partitions, &order, 1 << 10);
    let mut out = Vec::new();
    for _ in 0..STEPS_MAX {
        out.clear();
        lines.fill_lines(&mut out, b"\t", 1 << 12)?;
        if out.is_empty() {
            break;
        }
    }
    checked
}

/// Writes a spill file as a map task does.
pub fn write_spill(path: &Path) {
    let mut writer = SpillWriter::create(path.to_path_buf(), 40).expect("a folder to write to");
    let records =
        [(0, "a", "1", 1), (0, "b", "", 3), (2, "c", "a value as long as a block is, and longer", 1)];
    for (partition, key, value, copies) in records {
        let record = RecordRef { key: key.as_bytes(), value: value.as_bytes() };
        writer.write(partition, record, copies).expect("room for a few bytes");
    }
    drop(writer.finish(4).expect("room for a few bytes"));
}

/// Reads the entries of a journal, up to the first that is damaged.
pub fn read_journal(bytes: &[u8]) -> Vec<journal::Entry> {
    journal::whole_entries(bytes)
}

/// Reads what a child writes: typed bytes, raw bytes, or lines, by `kind`.
pub fn read_child(kind: u8, mut bytes: &[u8]) {
    let framing = [Framing::TypedBytes, Framing::RawBytes, Framing::KeyOnlyLines][usize::from(kind % 3)];
    let mut records = RecordSource::new(&mut bytes, framing, RecordRoom::unlimited());
    while let Ok(Some(_)) = records.next_record() {}
}
