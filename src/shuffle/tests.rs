//! The whole shuffle against a stupid oracle: whatever the buffers, the merge width, the tasks and their
//! order of finishing are, records come out sorted by partition and key, and equal keys by task and
//! emission, folded ones behind those by value.

use super::collector::{CollectSpec, Collector, MapRuns};
use super::combine::Combine;
use super::comparator::{KeyOrder, Order};
use super::fold::FoldTables;
use super::memory::MemoryPlan;
use super::merge::RecordStream;
use super::outputs::{MapOutputs, OnDisk};
use super::partitioner::Partitioner;
use super::passes::{Passes, merge_runs};
use super::run::Run;
use super::shared_fold::LineSpec;
use super::sort_buffer::{BufferLimits, SortBuffer};
use super::spill::{Spill, SpillWriter};
use super::{ShuffleError, comparator};
use crate::ids::{AttemptId, TaskId};
use crate::local_fs::Scratch;
use crate::plan::{Fold, KeyOrderSpec, PartitionerSpec};
use crate::record::{KeyFields, RecordRef};
use crate::record_room::LongRecords;
use crate::writable::WritableKind;
use proptest::prelude::*;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

type Record = (Vec<u8>, Vec<u8>);

/// A shuffle to be tried.
#[derive(Clone, Debug)]
struct Trial {
    /// Output of each map task.
    tasks: Vec<Vec<Record>>,
    /// Order in which the tasks finish: a sort key for each.
    finish: Vec<u8>,
    partitions: u32,
    sort_buffer_bytes: u64,
    held_bytes: u64,
    block_bytes: u64,
    merge_width_max: usize,
    /// Give the collector lines of so many bytes at once, or records when 0.
    read_bytes: usize,
    number_keys: bool,
    /// How each task folds.
    fold: Vec<Fold>,
    shared_table_bytes: u64,
    /// Threads that hand runs in.
    slots: u32,
}

impl Trial {
    fn order(&self) -> Order {
        Order::new(&KeyOrderSpec::Natural, &self.kind())
    }

    fn kind(&self) -> WritableKind {
        if self.number_keys { WritableKind::Long } else { WritableKind::Text }
    }

    fn partitioner(&self) -> Partitioner {
        Partitioner::new(&PartitionerSpec::Hash, &self.kind(), self.partitions)
    }

    fn memory(&self) -> MemoryPlan {
        MemoryPlan {
            sort_buffer_bytes: self.sort_buffer_bytes,
            record_bytes_max: 1 << 20,
            copied_bytes_max: 1 << 20,
            own_copied_bytes: 1 << 20,
            held_bytes: self.held_bytes,
            shared_table_bytes: self.shared_table_bytes,
            block_bytes: self.block_bytes,
            read_bytes: 3 * self.block_bytes,
            merge_width_max: self.merge_width_max,
        }
    }

    /// What must come out: each partition's records.
    fn expected(&self) -> Vec<Vec<Record>> {
        let lines = self.read_bytes > 0 && !self.number_keys;
        let (mut folded, mut all) = (Vec::new(), Vec::new());
        for (records, fold) in self.tasks.iter().zip(&self.fold) {
            let kind = if lines && *fold == Fold::Always { &mut folded } else { &mut all };
            kind.extend_from_slice(records);
        }
        folded.sort();
        all.append(&mut folded);
        all.sort_by(|a, b| self.kind().compare(&a.0, &b.0));
        let partitioner = self.partitioner();
        let of = |number| {
            let mut records = all.clone();
            records.retain(|record| partitioner.partition(&record.0) == number);
            records
        };
        (0..self.partitions).map(of).collect()
    }

    fn run(&self, combiner: Option<&dyn Combine>) -> Vec<Vec<Record>> {
        let dir = tempfile::tempdir().unwrap();
        let scratch = Scratch::create(&[dir.path().to_path_buf()]).unwrap();
        let (order, partitioner, memory) = (self.order(), self.partitioner(), self.memory());
        let (tables, fields) = (FoldTables::default(), KeyFields { separator: b"\t", key_fields: 1 });
        let lines = LineSpec { order: &order, partitioner: &partitioner, fields };
        let numbers = [self.tasks.len() as u32, self.partitions, self.slots];
        let outputs = MapOutputs::new(lines, &tables, memory, &scratch, numbers);
        let mut made = Vec::new();
        let mut numbers: Vec<usize> = (0..self.tasks.len()).collect();
        numbers.sort_by_key(|&number| self.finish.get(number));
        for number in numbers {
            let name = number.to_string();
            let spec = CollectSpec {
                order: &order,
                partitioner: &partitioner,
                partitions: self.partitions,
                memory: &memory,
                scratch: &scratch,
                combiner,
                combine_spills_min: 3,
                name: &name,
                expected_bytes: 10,
                fields,
                fold: if combiner.is_some() { Fold::Never } else { self.fold[number] },
                tables: &tables,
                long_records: &LongRecords::new(1 << 20, 1 << 20),
                attempt: AttemptId { task: TaskId::map(0), attempt: 0 },
                kinds: (&WritableKind::Text, &WritableKind::Text),
            };
            let runs = match order.clone() {
                Order::Bytes(order) => self.collect(spec, order, number),
                Order::Number(order) => self.collect(spec, order, number),
                Order::Fields(_) => unreachable!("no trial has field options"),
            };
            made.push((number as u32, runs));
        }
        self.add_at_once(&outputs, made);
        let runs = outputs.runs().unwrap();
        let partition = |number: u32| {
            let name = format!("r{number}");
            let passes = Passes { order: &order, memory: &memory, scratch: &scratch, name };
            let (inputs, _) = passes.narrow(&runs, number).unwrap();
            let mut stream = merge_runs(&inputs, number..number + 1, &order, memory.read_bytes);
            records_of(&mut *stream)
        };
        (0..self.partitions).map(partition).collect()
    }

    /// Hands the runs in from as many threads as there are slots, each in its order.
    fn add_at_once(&self, outputs: &MapOutputs<'_>, made: Vec<(u32, MapRuns)>) {
        let slots = self.slots as usize;
        let mut shares: Vec<Vec<_>> = (0..slots).map(|_| Vec::new()).collect();
        for (place, runs) in made.into_iter().enumerate() {
            shares[place % slots].push(runs);
        }
        thread::scope(|scope| {
            for share in shares {
                scope.spawn(|| {
                    for (number, left) in share {
                        outputs.add(number, left.runs, left.folded).unwrap();
                    }
                });
            }
        });
    }

    fn collect<O: KeyOrder>(&self, spec: CollectSpec<'_>, order: O, number: usize) -> MapRuns {
        thread::scope(|scope| {
            let mut collector = Collector::new(spec, order, scope).unwrap();
            if self.read_bytes == 0 || self.number_keys {
                for (key, value) in &self.tasks[number] {
                    collector.collect(RecordRef { key, value }).unwrap();
                }
            } else {
                let lines = lines_of(&self.tasks[number]);
                let mut rest = lines.as_slice();
                while !rest.is_empty() {
                    let room = collector.room().unwrap();
                    let count = rest.len().min(room.len()).min(self.read_bytes);
                    room[..count].copy_from_slice(&rest[..count]);
                    rest = &rest[count..];
                    collector.take_lines(count).unwrap();
                }
            }
            collector.finish().unwrap()
        })
    }
}

fn lines_of(records: &[Record]) -> Vec<u8> {
    records.iter().flat_map(|(key, value)| [key.as_slice(), b"\t", value, b"\n"].concat()).collect()
}

fn records_of(stream: &mut dyn RecordStream) -> Vec<Record> {
    let mut records = Vec::<Record>::new();
    while let Some(merged) = stream.next_record().unwrap() {
        let same = records.last().is_some_and(|last| last.0 == merged.record.key);
        assert_eq!(merged.new_group, !same, "at record {}", records.len());
        let record = (merged.record.key.to_vec(), merged.record.value.to_vec());
        records.extend(std::iter::repeat_n(record, merged.copies as usize));
    }
    records
}

fn key() -> impl Strategy<Value = Vec<u8>> {
    prop_oneof![
        prop::sample::select(vec![
            &b""[..],
            b"a",
            b"a\0",
            b"ab",
            b"prefix__",
            b"prefix__a",
            b"prefix__b",
            b"\xff"
        ])
        .prop_map(<[u8]>::to_vec),
        prop::collection::vec(prop::sample::select(vec![0u8, b'a', b'b', 0x7f, 0x80, 0xff]), 0..20),
    ]
}

fn trial() -> impl Strategy<Value = Trial> {
    let value = prop::collection::vec(prop::sample::select(b"xyz\t ".to_vec()), 0..30);
    let tasks = prop::collection::vec(prop::collection::vec((key(), value), 0..40), 0..8);
    let sizes = (1..5u32, 1..3000u64, 0..3000u64, 1..200u64, 2..6usize);
    let fold = prop_oneof![Just(Fold::Never), Just(Fold::Always), Just(Fold::IfRepeated)];
    let fold = prop::collection::vec(fold, 8);
    let shared = prop_oneof![Just(0), 1..3000u64, Just(1 << 20)];
    let how = (0..50usize, any::<bool>(), fold, shared, 1..5u32);
    (tasks, prop::collection::vec(any::<u8>(), 8), sizes, how).prop_map(
        |(mut tasks, finish, sizes, (read_bytes, number_keys, fold, shared_table_bytes, slots))| {
            let (partitions, sort, held_bytes, block_bytes, width) = sizes;
            for (key, _) in tasks.iter_mut().flatten().filter(|_| number_keys) {
                key.resize(8, 0xfe);
            }
            Trial {
                tasks,
                finish,
                partitions,
                sort_buffer_bytes: sort,
                held_bytes,
                block_bytes,
                merge_width_max: width,
                read_bytes,
                number_keys,
                fold,
                shared_table_bytes,
                slots,
            }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(400) })]

    #[test]
    fn records_come_out_sorted_and_stable(trial in trial()) {
        prop_assert_eq!(trial.run(None), trial.expected());
    }

    #[test]
    fn a_combiner_sees_every_record_and_its_output_is_kept(mut trial in trial()) {
        // A combiner that counts records: however often it runs, the counts add up.
        for (_, value) in trial.tasks.iter_mut().flatten() {
            *value = b"1".to_vec();
        }
        let combiner = Counting::default();
        let combined = trial.run(Some(&combiner));
        let sums = |parts: &[Vec<Record>]| -> Vec<Vec<(Vec<u8>, u64)>> {
            let sum = |records: &Vec<Record>| {
                let mut sums = std::collections::BTreeMap::<Vec<u8>, u64>::new();
                for (key, value) in records {
                    *sums.entry(key.clone()).or_default() += number(value);
                }
                sums.into_iter().collect()
            };
            parts.iter().map(sum).collect()
        };
        prop_assert_eq!(sums(&combined), sums(&trial.expected()));
        prop_assert_eq!(combiner.calls.load(Relaxed) > 0, trial.tasks.iter().any(|task| !task.is_empty()));
    }
}

#[derive(Default)]
struct Counting {
    calls: AtomicU64,
}

impl Combine for Counting {
    fn combine(
        &self,
        input: &mut dyn RecordStream,
        output: &mut dyn FnMut(RecordRef<'_>) -> Result<(), ShuffleError>,
    ) -> Result<(), ShuffleError> {
        self.calls.fetch_add(1, Relaxed);
        let (mut key, mut sum) = (Vec::new(), 0);
        while let Some(merged) = input.next_record()? {
            if merged.new_group && sum > 0 {
                output(RecordRef { key: &key, value: sum.to_string().as_bytes() })?;
                sum = 0;
            }
            key = merged.record.key.to_vec();
            sum += number(merged.record.value) * merged.copies;
        }
        output(RecordRef { key: &key, value: sum.to_string().as_bytes() })
    }
}

fn number(text: &[u8]) -> u64 {
    String::from_utf8_lossy(text).parse().unwrap()
}

#[test]
fn one_record_may_outgrow_the_buffer_but_not_the_limit() {
    let records = |bytes: usize| {
        let of = |key: &[u8], value: u8, bytes: usize| (key.to_vec(), vec![value; bytes]);
        vec![
            of(b"a", b'x', 10),
            of(b"b", b'y', bytes),
            of(b"b", b'x', 10),
            of(b"b", b'a', 9),
            of(b"b", b'x', 5),
        ]
    };
    let large = |bytes: usize, fold: Fold, read_bytes: usize| Trial {
        tasks: vec![records(bytes), records(bytes)],
        finish: vec![0],
        partitions: 1,
        sort_buffer_bytes: 64,
        held_bytes: 0,
        block_bytes: 16,
        merge_width_max: 2,
        read_bytes,
        number_keys: false,
        fold: vec![fold; 2],
        shared_table_bytes: 0,
        slots: 1,
    };
    for fold in [Fold::Never, Fold::Always, Fold::IfRepeated] {
        for read_bytes in [0, 1_000, 1 << 20] {
            let fits = large(500_000, fold, read_bytes);
            assert_eq!(fits.run(None), fits.expected(), "{fold:?} {read_bytes}");
            let caught = std::panic::catch_unwind(|| large(2 << 20, fold, read_bytes).run(None));
            assert!(caught.is_err(), "a record over the limit went through: {fold:?} {read_bytes}");
        }
    }
}

/// Whatever a map task leaves goes to disk.
const NOTHING_HELD: MemoryPlan = MemoryPlan {
    sort_buffer_bytes: 1 << 20,
    record_bytes_max: 1 << 20,
    copied_bytes_max: 1 << 20,
    own_copied_bytes: 1 << 20,
    held_bytes: 0,
    shared_table_bytes: 0,
    block_bytes: 16,
    read_bytes: 16,
    merge_width_max: 2,
};

/// Runs in memory that no disk takes: each task that brings one is told so, and none waits for another.
#[test]
fn a_failed_eviction_holds_nobody_up() {
    let order = Order::Bytes(comparator::ByteOrder);
    let memory = NOTHING_HELD;
    let dir = tempfile::tempdir().unwrap();
    let scratch = Scratch::create(&[dir.path().to_path_buf()]).unwrap();
    std::fs::remove_dir_all(dir.path()).unwrap();
    let (tables, partitioner) =
        (FoldTables::default(), Partitioner::new(&PartitionerSpec::Hash, &WritableKind::Text, 1));
    let fields = KeyFields { separator: b"\t", key_fields: 1 };
    let lines = LineSpec { order: &order, partitioner: &partitioner, fields };
    let outputs = MapOutputs::new(lines, &tables, memory, &scratch, [3, 1, 3]);
    let run = || {
        let mut buffer = SortBuffer::new(memory.buffer_limits(), 0, 1).unwrap();
        assert!(buffer.collect(0, 0, RecordRef { key: b"k", value: b"v" }).unwrap());
        Run::Memory(buffer.sort(&comparator::ByteOrder))
    };
    let failed = thread::scope(|scope| {
        let (outputs, run) = (&outputs, &run);
        let added = [0, 1, 2].map(|map| scope.spawn(move || outputs.add(map, vec![run()], None)));
        added.map(|added| added.join().unwrap().is_err())
    });
    assert_eq!(failed, [true; 3]);
    // Nothing stays of an attempt that failed.
    assert!(outputs.add(1, vec![run()], None).is_err());
    assert!(outputs.runs().unwrap().is_empty() && !outputs.has(1));
}

/// Loses the run in the file `bad`: the tasks that this takes, and the runs that are there once they have come again.
/// Each task brings a run in memory, those with an even number a spill of their own before it, and every two of them
/// go to disk together. Who takes the files over from another process loses the same.
fn check_lost(bad: &str, expect: &[u32], left: &[&str]) {
    let order = Order::Bytes(comparator::ByteOrder);
    let mut memory = MemoryPlan { merge_width_max: 9, ..NOTHING_HELD };
    let in_memory = |limits| {
        let mut buffer = SortBuffer::new(limits, 0, 1).unwrap();
        assert!(buffer.collect(0, 0, RecordRef { key: b"k", value: b"v" }).unwrap());
        buffer.sort(&comparator::ByteOrder).shrink().unwrap()
    };
    memory.held_bytes = in_memory(memory.buffer_limits()).bytes_held() as u64 * 3 / 2;
    let scratch = Scratch::create(&[std::env::temp_dir()]).unwrap();
    let path = |name: &str| scratch.next_dir().join(name);
    let (tables, partitioner) =
        (FoldTables::default(), Partitioner::new(&PartitionerSpec::Hash, &WritableKind::Text, 1));
    let fields = KeyFields { separator: b"\t", key_fields: 1 };
    let lines = LineSpec { order: &order, partitioner: &partitioner, fields };
    let outputs = MapOutputs::new(lines, &tables, memory, &scratch, [4, 1, 1]);
    let bring = |map: u32, attempt: char| {
        let mut runs = Vec::new();
        if map.is_multiple_of(2) {
            let mut writer = SpillWriter::create(path(&format!("{map}{attempt}")), 16).unwrap();
            writer.write(0, RecordRef { key: b"k", value: b"v" }, 1).unwrap();
            runs.push(Run::Disk(writer.finish(1).unwrap()));
        }
        runs.push(Run::Memory(in_memory(memory.buffer_limits())));
        outputs.add(map, runs, None).unwrap()
    };
    let names = |outputs: &MapOutputs<'_>| -> Vec<String> {
        let name = |run: &Arc<Run>| match &**run {
            Run::Disk(spill) => spill.path().file_name().unwrap().to_string_lossy().into_owned(),
            Run::Memory(_) => "memory".to_owned(),
        };
        outputs.runs().unwrap().iter().map(name).collect()
    };
    let on_disk: Vec<_> = (0..4).flat_map(|map| bring(map, 'a')).collect();
    assert_eq!(names(&outputs), ["0a", "held_1", "2a", "held_2"]);
    let taken_over = MapOutputs::new(lines, &tables, memory, &scratch, [4, 1, 1]);
    (0..4).for_each(|map| taken_over.restore_task(map));
    for OnDisk { pieces, path, bytes } in on_disk.into_iter().rev() {
        let spill = Spill::open(path).unwrap();
        assert_eq!(spill.bytes(), bytes);
        taken_over.restore(&pieces, spill);
    }
    assert_eq!(names(&taken_over), names(&outputs));
    assert!(taken_over.lose(&path(bad)).iter().eq(expect), "{bad}, taken over");
    assert!(outputs.lose(&path(bad)).iter().eq(expect), "{bad}");
    assert!(outputs.lose(&path(bad)).is_empty(), "{bad}");
    assert!((0..4).all(|map| outputs.has(map) != expect.contains(&map)));
    for map in expect {
        bring(*map, 'b');
    }
    assert_eq!(names(&outputs), left, "{bad}");
}

#[test]
fn tasks_whose_output_is_lost_bring_it_again() {
    check_lost("nobody's", &[], &["0a", "held_1", "2a", "held_2"]);
    check_lost("0a", &[0, 1], &["0b", "held_3", "2a", "held_2"]);
    check_lost("held_2", &[2, 3], &["0a", "held_1", "2b", "held_3"]);
}

#[test]
fn fill_lines_writes_what_next_record_gives() {
    let order = Order::Bytes(comparator::ByteOrder);
    let trial = Trial {
        tasks: vec![
            vec![(b"k".to_vec(), b"1".to_vec()), (b"k".to_vec(), b"2".to_vec())],
            vec![(b"j".to_vec(), Vec::new())],
        ],
        finish: vec![1, 0],
        partitions: 1,
        sort_buffer_bytes: 1 << 10,
        held_bytes: 1 << 20,
        block_bytes: 16,
        merge_width_max: 2,
        read_bytes: 0,
        number_keys: false,
        fold: vec![Fold::Never; 2],
        shared_table_bytes: 0,
        slots: 1,
    };
    let (partitioner, memory) = (trial.partitioner(), trial.memory());
    let dir = tempfile::tempdir().unwrap();
    let scratch = Scratch::create(&[dir.path().to_path_buf()]).unwrap();
    let runs: Vec<_> = (0..2)
        .flat_map(|number| {
            let name = number.to_string();
            let spec = CollectSpec {
                order: &order,
                partitioner: &partitioner,
                partitions: 1,
                memory: &memory,
                scratch: &scratch,
                combiner: None,
                combine_spills_min: 3,
                name: &name,
                expected_bytes: 10,
                fields: KeyFields { separator: b"\t", key_fields: 1 },
                fold: Fold::Never,
                tables: &FoldTables::default(),
                long_records: &LongRecords::new(1 << 20, 1 << 20),
                attempt: AttemptId { task: TaskId::map(0), attempt: 0 },
                kinds: (&WritableKind::Text, &WritableKind::Text),
            };
            trial.collect(spec, comparator::ByteOrder, number).runs
        })
        .map(std::sync::Arc::new)
        .collect();
    // Lines longer than what is wanted come in pieces.
    for bytes in [1, 2, 3, 5, 8, 1 << 10] {
        let mut stream = merge_runs(&runs, 0..1, &order, 1 << 10);
        let (mut all, mut records, mut groups) = (Vec::new(), 0, 0);
        loop {
            let mut out = Vec::new();
            let filled = stream.fill_lines(&mut out, b"::", bytes).unwrap();
            if out.is_empty() {
                break;
            }
            assert!(out.len() < bytes + 5, "{bytes}: {out:?}");
            all.extend(out);
            (records, groups) = (records + filled.records, groups + filled.groups);
        }
        assert_eq!(String::from_utf8_lossy(&all), "j::\nk::1\nk::2\n", "{bytes}");
        assert_eq!((records, groups), (3, 2), "{bytes}");
    }
}

/// Keys of this length are not copied on their way.
#[test]
fn long_keys_are_grouped_wherever_they_lie() {
    let dir = tempfile::tempdir().unwrap();
    let long = |last: &str| [&"k".repeat(1 << 17), last].concat();
    let spill = |name: &str, keys: &[&str]| {
        let mut writer = SpillWriter::create(dir.path().join(name), 1 << 10).unwrap();
        for key in keys {
            writer.write(0, RecordRef { key: key.as_bytes(), value: name.as_bytes() }, 1).unwrap();
        }
        std::sync::Arc::new(Run::Disk(writer.finish(1).unwrap()))
    };
    let (a, b) = (long("a"), long("b"));
    let runs = [spill("0", &["j", &a, &a, &b]), spill("1", &[&a, &b, &b, "l"]), spill("2", &[&b])];
    let order = Order::Bytes(comparator::ByteOrder);
    let mut stream = merge_runs(&runs, 0..1, &order, 1 << 10);
    let mut found = Vec::new();
    while let Some(merged) = stream.next_record().unwrap() {
        let key = match merged.record.key {
            key if key == a.as_bytes() => "a",
            key if key == b.as_bytes() => "b",
            _ => "short",
        };
        found.push((key, merged.record.value.to_vec(), merged.new_group));
    }
    let expect = [
        ("short", "0", true),
        ("a", "0", true),
        ("a", "0", false),
        ("a", "1", false),
        ("b", "0", true),
        ("b", "1", false),
        ("b", "1", false),
        ("b", "2", false),
        ("short", "1", true),
    ];
    assert_eq!(found, expect.map(|(key, value, new)| (key, value.as_bytes().to_vec(), new)));
}

/// Which of these lines a buffer lends out as they are, to whoever wants this separator.
fn check_lent(lines: &str, wanted: &str, expect: &[Option<&str>]) {
    let limits = BufferLimits { bytes: 1 << 20, record_bytes_max: 1 << 20 };
    let fields = KeyFields { separator: b"\t", key_fields: 1 };
    let mut buffer = SortBuffer::new(limits, 0, 1).unwrap();
    buffer.room().unwrap().unwrap()[..lines.len()].copy_from_slice(lines.as_bytes());
    buffer.extend(lines.len());
    let partitioner = Partitioner::new(&PartitionerSpec::Hash, &WritableKind::Text, 1);
    buffer.cut_lines(&fields, &comparator::ByteOrder, &partitioner);
    let run = buffer.into_run();
    let lent: Vec<_> = run.entries().iter().map(|entry| run.line(entry, wanted.as_bytes())).collect();
    let expect: Vec<_> = expect.iter().map(|line| line.map(str::as_bytes)).collect();
    assert_eq!(lent, expect, "{lines:?} {wanted:?}");
}

#[test]
fn only_lines_that_a_child_would_read_just_so_are_lent() {
    let lines = "a\tb\tc\n\td\ne\t\nf\n\n";
    check_lent(lines, "\t", &[Some("a\tb\tc\n"), Some("\td\n"), Some("e\t\n"), None, None]);
    check_lent(lines, "=", &[None; 5]);
    check_lent(lines, "", &[None; 5]);
    check_lent("a\tb\n", "\tb", &[None]);
}
