//! Ranges against one merge of the same runs, whatever lies in memory and what on disk.

use super::super::comparator::ByteOrder;
use super::super::sort_buffer::{BufferLimits, SortBuffer};
use super::super::spill::SpillWriter;
use super::*;
use crate::local_fs::Scratch;
use crate::plan::{KeyOrderSpec, KeySpec};
use crate::record::RecordRef;
use crate::writable::WritableKind;
use proptest::prelude::*;

const BYTES: Order = Order::Bytes(ByteOrder);

const MEMORY: MemoryPlan = MemoryPlan {
    sort_buffer_bytes: 1 << 20,
    record_bytes_max: 1 << 20,
    copied_bytes_max: 1 << 20,
    own_copied_bytes: 1 << 20,
    held_bytes: 1 << 20,
    shared_table_bytes: 0,
    block_bytes: 24,
    read_bytes: 100,
    merge_width_max: 64,
};

/// Key, value, how often, of a map task.
type Record = (Vec<u8>, u8, u64);

fn scratch() -> Scratch {
    Scratch::create(&[std::env::temp_dir()]).unwrap()
}

fn means(workers: usize) -> Means<'static> {
    Means { workers, budget_bytes: 1 << 20, memory: &MEMORY }
}

fn memory_run(records: &[Record], order: &Order, folded: bool) -> Arc<Run> {
    let limits = BufferLimits { bytes: 1 << 20, record_bytes_max: 1 << 20 };
    let mut buffer = SortBuffer::new(limits, 0, 1).unwrap();
    for (key, value, copies) in records {
        let (prefix, record) = (order.prefix(key), RecordRef { key, value: &[*value] });
        if folded {
            let line = [key, &b"\t"[..], record.value].concat();
            buffer.collect_folded(0, prefix, &line, record, *copies).unwrap();
        } else {
            (0..*copies).for_each(|_| assert!(buffer.collect(0, prefix, record).unwrap()));
        }
    }
    Arc::new(Run::Memory(match order {
        Order::Bytes(order) => buffer.sort(order),
        Order::Number(order) => buffer.sort(order),
        Order::Fields(order) => buffer.sort(order),
    }))
}

/// A run whose blocks hold a record or two.
fn disk_run(records: &[Record], order: &Order, scratch: &Scratch, number: usize, folded: bool) -> Arc<Run> {
    let mut sorted = records.to_vec();
    sorted.sort_by(|a, b| {
        let keys = order.prefix(&a.0).cmp(&order.prefix(&b.0)).then_with(|| order.compare(&a.0, &b.0));
        if folded { keys.then(a.1.cmp(&b.1)) } else { keys }
    });
    let path = scratch.next_dir().join(number.to_string());
    let mut writer = SpillWriter::create(path, MEMORY.block_bytes).unwrap();
    writer.mark(folded);
    for (key, value, copies) in sorted {
        writer.write(0, RecordRef { key: &key, value: &[value] }, copies).unwrap();
    }
    Arc::new(Run::Disk(writer.finish(2).unwrap()))
}

fn add(total: &mut Filled, more: Filled) {
    total.records += more.records;
    total.groups += more.groups;
}

/// All lines and what they count, by one merge.
fn merged(runs: &[Arc<Run>], order: &Order) -> (Vec<u8>, Filled) {
    let mut stream = passes::merge_runs(runs, 0..1, order, 64);
    let mut lines = Vec::new();
    let filled = stream.fill_lines(&mut lines, b"=", usize::MAX).unwrap();
    (lines, filled)
}

fn order(number: usize) -> Order {
    let fields = |spec| KeyOrderSpec::KeyFields { specs: vec![spec], separator: b"b".to_vec() };
    let second = KeySpec { begin_field: 2, end_field: 2, ..KeySpec::WHOLE_KEY };
    match number {
        0 => Order::new(&KeyOrderSpec::Natural, &WritableKind::Text),
        1 => Order::new(&KeyOrderSpec::Decreasing, &WritableKind::Long),
        2 => Order::new(&fields(second), &WritableKind::Text),
        3 => Order::new(&fields(KeySpec { numeric: true, reverse: true, ..second }), &WritableKind::Text),
        // Every prefix is 0.
        _ => Order::new(&fields(KeySpec { begin_char: 0, ..KeySpec::WHOLE_KEY }), &WritableKind::Text),
    }
}

fn records() -> impl Strategy<Value = Vec<Record>> {
    let key = prop_oneof![
        prop::collection::vec(b'a'..b'd', 0..12),
        prop::collection::vec(b'0'..b'4', 1..3).prop_map(|tail| [b"ab", &tail[..]].concat()),
        prop::collection::vec(b'a'..b'c', 1..3).prop_map(|tail| [&[b'c'; 300], &tail[..]].concat()),
    ];
    prop::collection::vec((key, 0..9_u8, prop_oneof![4 => Just(1_u64), 1 => 2..40_u64]), 0..60)
}

proptest! {
    #[test]
    fn ranges_are_one_merge_cut_up(
        runs in prop::collection::vec((records(), any::<[bool; 2]>()), 1..6),
        (range_entries, workers, block, order_number) in (1..40_usize, 2..4_usize, 1..200_usize, 0..5_usize),
    ) {
        let (scratch, order) = (scratch(), order(order_number));
        let mut runs: Vec<Arc<Run>> = runs
            .iter()
            .enumerate()
            .map(|(number, (records, [on_disk, folded]))| match on_disk {
                true => disk_run(records, &order, &scratch, number, *folded),
                false => memory_run(records, &order, *folded),
            })
            .collect();
        runs.sort_by_key(|run| run.is_folded());
        let (expect, expect_filled) = merged(&runs, &order);
        let Some(ranges) = Ranges::cut_by([range_entries, 1], &runs, 0, &order, means(workers)).unwrap() else {
            return Ok(());
        };
        let (mut lines, mut filled) = (Vec::new(), Filled::default());
        let outcome: Result<(), ShuffleError> = ranges.lines(&|| workers, b"=", block, |block, more| {
            lines.extend_from_slice(block);
            add(&mut filled, more);
            Ok(true)
        });
        outcome.unwrap();
        prop_assert_eq!(lines, expect);
        prop_assert_eq!(filled, expect_filled);
    }
}

fn numbered(records: u32) -> Vec<Record> {
    (0..records).map(|key| (key.to_be_bytes().to_vec(), b'x', 1)).collect()
}

#[test]
fn many_small_runs_make_few_ranges() {
    let check = |runs: u32, records: u32, range_entries, expect| {
        let run = |number| {
            memory_run(&vec![(u32::to_be_bytes(number).to_vec(), b'x', 1); records as usize], &BYTES, false)
        };
        let runs: Vec<_> = (0..runs).map(run).collect();
        let ranges = Ranges::cut_by([range_entries, 1], &runs, 0, &BYTES, means(2)).unwrap();
        assert_eq!(ranges.map_or(1, |ranges| ranges.bounds.len() + 1), expect, "{records} {range_entries}");
    };
    check(1000, 8, 2000, 4);
    check(1000, 1, 250, 1);
    check(100, 8, 80, 8);
    check(2, 800, 400, 3); // one before the first key
}

/// Runs of 5000 records on disk, two in a block of 26 bytes, which makes 13 bytes a line. A border in each of them
/// takes two records, and a range must have twice and should have twenty times those of all borders.
#[test]
fn ranges_on_disk_are_as_large_as_their_borders_and_memory_ask_for() {
    let check_copies =
        |copies, runs: usize, [range_entries, workers]: [usize; 2], budget_bytes, keys_bytes, expect| {
            let scratch = scratch();
            let records: Vec<_> =
                numbered(5_000).into_iter().map(|(key, value, _)| (key, value, copies)).collect();
            let run = |number| disk_run(&records, &BYTES, &scratch, number, false);
            let runs: Vec<_> = (0..runs).map(run).collect();
            let inputs = inputs(&runs, 0, &BYTES, keys_bytes).unwrap();
            let sizes = Sizes::of(&inputs, range_entries, Means { workers, budget_bytes, memory: &MEMORY });
            let got =
                sizes.map(|sizes| (sizes.range_entries, sizes.workers, sizes.ahead_bytes, sizes.read_bytes));
            assert_eq!(got, expect, "{} runs, {workers} workers, {budget_bytes} bytes", runs.len());
        };
    let check = |runs, sizes, budget_bytes, expect| {
        check_copies(1, runs, sizes, budget_bytes, 1 << 30, expect);
    };
    // Room for all: the border asks for 20 * 2 entries, or the caller for more.
    check(1, [1, 2], 12 << 10, Some((40, 2, 1 << 10, 100)));
    check(1, [50, 2], 12 << 10, Some((50, 2, 1 << 10, 100)));
    // Rooms of 240, 18 lines, are left when each has 4800 / 4 / 5; a read is 4800 / 4 / 4 runs / 4 workers.
    check(4, [1, 4], 4_800, Some((18, 4, 240, 75)));
    // More workers would not have the 208 bytes of 2 * 8 lines each, so there are fewer; 1 is not enough.
    check(4, [1, 64], 4_800, Some((18, 4, 240, 75)));
    check(4, [1, 3], 4_800, Some((23, 3, 300, 100)));
    check(4, [1, 64], 2_496, Some((16, 2, 208, 78)));
    check(4, [1, 64], 2_492, None);
    // With copies records take 14 bytes on disk and 42 as lines: 4 of them fill a room.
    check_copies(3, 1, [1, 64], 2_400, 1 << 30, Some((4, 2, 200, 100)));
    // A sixteenth of this has room for every other key, and borders become twice as large.
    check_copies(1, 1, [1, 2], 24 << 10, 1 << 20, Some((80, 2, 2 << 10, 100)));
}

#[test]
fn a_consumer_may_stop() {
    let scratch = scratch();
    let runs =
        [memory_run(&numbered(5_000), &BYTES, false), disk_run(&numbered(5_000), &BYTES, &scratch, 0, false)];
    let ranges = Ranges::cut_by([10, 1], &runs, 0, &BYTES, means(3)).unwrap().unwrap();
    let mut blocks = 0;
    let outcome: Result<(), ShuffleError> = ranges.lines(&|| 3, b"=", 50, |_, _| {
        blocks += 1;
        Ok(blocks < 7)
    });
    outcome.unwrap();
    assert_eq!(blocks, 7);
    let failed =
        ranges.lines(&|| 3, b"=", 50, |_, _| Err(ShuffleError::RecordTooLarge { bytes: 1, limit: 0 }));
    assert!(failed.is_err());
}

/// A share that grows from one worker to three is filled while ranges are left.
#[test]
fn workers_come_when_the_share_grows() {
    let runs = [memory_run(&numbered(5_000), &BYTES, false)];
    let ranges = Ranges::cut_by([10, 1], &runs, 0, &BYTES, means(3)).unwrap().unwrap();
    let (consumed, threads) = (AtomicUsize::new(0), std::sync::Mutex::new(std::collections::HashSet::new()));
    let share = || {
        threads.lock().unwrap().insert(thread::current().id());
        if consumed.load(Relaxed) < 1_000 { 1 } else { 3 }
    };
    let mut threads_at_half = 0;
    let outcome: Result<(), ShuffleError> = ranges.lines(&share, b"=", 50, |_, filled| {
        if consumed.fetch_add(filled.records as usize, Relaxed) < 1_000 {
            threads_at_half = threads.lock().unwrap().len();
        }
        Ok(true)
    });
    outcome.unwrap();
    assert_eq!(threads_at_half, 1);
    assert!(threads.lock().unwrap().len() > 1, "nobody was called in");
}

/// The block that a worker cannot read ends the job, not the others' patience.
#[test]
fn a_damaged_block_is_an_error() {
    let scratch = scratch();
    let runs: Vec<_> =
        (0..2).map(|number| disk_run(&numbered(5_000), &BYTES, &scratch, number, false)).collect();
    let ranges = Ranges::cut_by([10, 1], &runs, 0, &BYTES, means(3)).unwrap().unwrap();
    let Run::Disk(spill) = &*runs[1] else { unreachable!() };
    let file = std::fs::OpenOptions::new().write(true).open(spill.path()).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, b"damage", spill.span(0).unwrap().length / 2).unwrap();
    let outcome: Result<(), ShuffleError> = ranges.lines(&|| 3, b"=", 50, |_, _| Ok(true));
    assert!(matches!(outcome, Err(ShuffleError::Corrupt { .. })));
}
