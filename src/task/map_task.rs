//! A map attempt: the records of a split through the mapper to the shuffle, or to a part file when the
//! job has no reducers. Hadoop: `MapTask`, `PipeMapper`.

use super::builtin::{self, kinds::Kinds};
use super::combiner::{BuiltInCombiner, CommandCombiner};
use super::counters;
use super::key_sink::KeySink;
use super::pipes::Child;
use super::sink::{CollectorSink, NoSink, OutputSink, RecordSink};
use super::skip::{self, SkipError, SkipFile};
use super::workdir::Workplace;
use super::writer::{self, Part};
use super::{SharedCounters, TaskError, TaskFailure, TaskHost};
use crate::counters::{Counters, FileSystemCounter, TaskCounter};
use crate::error::At;
use crate::ids::AttemptId;
use crate::input::{self, Reader, RecordReader, Selected};
use crate::plan::{Encoding, JobPlan, MapTask, Processor};
use crate::record::{KeyFields, RecordRef};
use crate::record_room::RecordRoom;
use crate::shuffle::collector::{CollectSpec, Collector, MapRuns};
use crate::shuffle::combine::Combine;
use crate::shuffle::comparator::{KeyOrder, Order};
use crate::shuffle::fold::FoldBuffer;
use crate::shuffle::run::Run;
use crate::stop::StopFlag;
use crate::streaming::child::{ChildInput, Feed, InputLength, InputPipe};
use crate::streaming::input_writer::InputWriter;
use crate::sync::{into_inner, lock};
use crate::writable::WritableKind;
use std::fmt::Write;
use std::ops::{ControlFlow, Range};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::thread;

/// Bytes of records that are gathered for one write to a pipe.
pub(super) const FEED_BYTES: usize = 128 << 10;

/// Lines that a pipe takes before anybody reads them.
const SHORT_BYTES_MAX: u64 = 64 << 10;

/// Output to expect for each byte of input: enough for a mapper that adds a little to each word, so that
/// most buffers never move. Compressed input holds several times its size.
const EXPECTED_PERCENT: [u64; 2] = [140, 600];

/// What a map attempt leaves.
pub(crate) struct MapOutcome {
    pub(crate) counters: Counters,
    /// Its output for the reducers; empty without reducers.
    pub(crate) runs: Vec<Run>,
    /// Its output instead, if that repeats itself and may be put together with that of other tasks.
    pub(crate) folded: Option<Box<FoldBuffer>>,
}

/// Runs an attempt. Without reducers its part file is committed when this returns.
pub(crate) fn run(host: &TaskHost<'_>, attempt: AttemptId) -> Result<MapOutcome, Box<TaskError>> {
    let mut map = MapAttempt::new(host, attempt);
    match map.run_without_bad_records() {
        Ok(MapRuns { runs, folded, .. }) => {
            Ok(MapOutcome { counters: map.counters.into_inner(), runs, folded })
        }
        Err(failure) => Err(Box::new(map.into_error(failure))),
    }
}

/// Runs the attempt of a job with reducers for the keys of its output alone: `take` gets each of them until
/// it breaks off, nothing is kept, written or counted.
pub(crate) fn run_for_keys(
    host: &TaskHost<'_>,
    attempt: AttemptId,
    take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>,
) -> Result<(), Box<TaskError>> {
    let map = MapAttempt::new(host, attempt);
    map.run_for_keys(take).map_err(|failure| Box::new(map.into_error(failure)))
}

/// Writes what the mapper of an attempt is given to `target`, counting nothing.
pub(super) fn write_input(
    host: &TaskHost<'_>,
    attempt: AttemptId,
    target: &mut dyn ChildInput,
) -> Result<(), TaskFailure> {
    let map = MapAttempt::new(host, attempt);
    let mut reader = map.open_all()?;
    let fed = map.feed(&mut reader, target);
    host.bytes_read.fetch_sub(map.consumed.into_inner(), Relaxed);
    fed
}

struct MapAttempt<'a> {
    host: &'a TaskHost<'a>,
    attempt: AttemptId,
    /// It is run to see how it ends: what it writes, counts and says is nobody's business.
    is_trial: bool,
    /// Records that it leaves out, by their numbers in the task.
    left_out: Vec<Range<u64>>,
    task: &'a MapTask,
    counters: SharedCounters,
    /// Records given to the mapper.
    records: AtomicU64,
    /// The file being read and the offset of the next record in it.
    position: Mutex<(PathBuf, u64)>,
    /// Bytes of the split already added to the host's progress.
    consumed: AtomicU64,
    tail: Mutex<Vec<Vec<u8>>>,
}

impl<'a> MapAttempt<'a> {
    fn new(host: &'a TaskHost<'a>, attempt: AttemptId) -> Self {
        let task = &host.plan.maps[attempt.task.number as usize];
        let first = task.splits.first().map(|split| split.path.clone()).unwrap_or_default();
        Self {
            host,
            attempt,
            is_trial: false,
            left_out: Vec::new(),
            task,
            counters: SharedCounters::limited(host.plan.counter_limits),
            records: AtomicU64::new(0),
            position: Mutex::new((first, 0)),
            consumed: AtomicU64::new(0),
            tail: Mutex::default(),
        }
    }

    fn run_for_keys(&self, take: &mut dyn FnMut(&[u8]) -> ControlFlow<()>) -> Result<(), TaskFailure> {
        let reader = self.open_all()?;
        // Side files of a mapper that is run for its keys are nobody's output: they go with the scratch folder.
        let discarded = self.host.scratch.first_dir().join(format!("{}_output", self.attempt));
        let workplace = self.workplace(&discarded)?;
        let mut sink = KeySink::new(self.fields(), &self.host.groups, self.record_room(), take);
        match self.process(reader, workplace.as_ref(), &mut sink) {
            // The sink ends an attempt that is of no more use by failing it.
            Err(_) if sink.is_full() => Ok(()),
            ended => ended,
        }
    }

    /// Finds out first which records the mapper cannot take, if the job allows that this attempt leaves some out.
    fn run_without_bad_records(&mut self) -> Result<MapRuns, TaskFailure> {
        let Some(allowance) = skip::allowance(self.host.plan, self.attempt) else { return self.run() };
        let count = self.count_records()?;
        match skip::find_bad(count, allowance, &mut |range| self.fails_on(range)) {
            Ok(left_out) => self.left_out = left_out,
            Err(SkipError::Trial(failure)) => return Err(failure),
            Err(error) => {
                let text = format!("cannot skip records that make the mapper fail: {error}");
                self.host.events.warning(self.attempt, &text);
            }
        }
        let skipped: u64 = self.left_out.iter().map(|range| range.end - range.start).sum();
        self.counters.with(|counters| counters.add(TaskCounter::MapSkippedRecords, skipped));
        if skipped > 0 {
            self.keep_skipped(skipped)?;
        }
        self.run()
    }

    fn count_records(&self) -> Result<u64, TaskFailure> {
        let mut reader = self.open_all()?;
        let mut count = 0;
        while reader.records().next_record()?.is_some() {
            count += 1;
        }
        Ok(count)
    }

    /// Whether the mapper fails on these records alone.
    fn fails_on(&self, range: Range<u64>) -> Result<bool, TaskFailure> {
        let host = self.host;
        let trial = Self { is_trial: true, ..Self::new(host, self.attempt) };
        let records = self.open_all()?.into_records();
        let reader = Reader::Records(Box::new(Selected::only(records, range)));
        let discarded = host.scratch.first_dir().join(format!("{}_output", self.attempt));
        let ended = trial
            .workplace(&discarded)
            .and_then(|workplace| trial.process(reader, workplace.as_ref(), &mut NoSink::new()));
        host.bytes_read.fetch_sub(trial.consumed.into_inner(), Relaxed);
        match ended {
            Ok(()) => Ok(false),
            Err(failure) if failure.may_be_a_records() => Ok(true),
            Err(failure) => Err(failure),
        }
    }

    /// Writes the records that are left out to the folder of skipped records, and tells of them.
    fn keep_skipped(&self, skipped: u64) -> Result<(), TaskFailure> {
        let ranges = skip::shown(&self.left_out);
        let mut text = format!("skips {skipped} records on which the mapper fails, by number: {ranges}");
        if let Some(mut file) = SkipFile::create(self.host, self.attempt, &self.input_kinds()?)? {
            for range in &self.left_out {
                let records = self.open_all()?.into_records();
                let mut selected = Selected::only(records, range.clone());
                while let Some(record) = selected.next_record()? {
                    file.write(record)?;
                }
            }
            write!(text, "; they are in {}", file.finish()?.display()).expect("a string takes everything");
        }
        self.host.events.warning(self.attempt, &text);
        Ok(())
    }

    fn record_room(&self) -> RecordRoom {
        self.host.record_room(self.attempt)
    }

    fn input_kinds(&self) -> Result<Kinds, TaskFailure> {
        Ok(self.open_all()?.kinds())
    }

    /// All records of the task.
    fn open_all(&self) -> Result<Reader, TaskFailure> {
        Ok(input::open_within(&self.host.plan.input, self.task, self.stop(), self.record_room())?)
    }

    fn open_input(&self) -> Result<Reader, TaskFailure> {
        let reader = self.open_all()?;
        if self.left_out.is_empty() {
            return Ok(reader);
        }
        let selected = Selected::without(reader.into_records(), self.left_out.clone());
        Ok(Reader::Records(Box::new(selected)))
    }

    fn run(&self) -> Result<MapRuns, TaskFailure> {
        let plan = self.host.plan;
        input::check_unchanged(self.task)?;
        let reader = self.open_input()?;
        let kinds = self.output_kinds(&reader);
        let runs = if plan.reduces == 0 {
            self.run_to_output(reader, kinds)?;
            MapRuns::default()
        } else {
            let runs = self.run_to_shuffle(reader)?;
            // Side files of the mapper are output of the job, with reducers too.
            self.host.committer.commit_task(self.attempt, Vec::new())?;
            runs
        };
        self.counters.with(|counters| {
            counters.add(TaskCounter::MapInputRecords, self.records.load(Relaxed));
            counters.add(TaskCounter::SplitRawBytes, counters::split_bytes(plan.input.format, self.task));
            counters.add_input_bytes(self.consumed.load(Relaxed));
            counters.add_file_system("FILE", FileSystemCounter::BytesRead, self.consumed.load(Relaxed));
        });
        Ok(runs)
    }

    /// Map-only: straight to a part file.
    fn run_to_output(&self, reader: Reader, kinds: Kinds) -> Result<(), TaskFailure> {
        let spec = &self.host.plan.output;
        let dir = self.host.committer.attempt_dir(self.attempt);
        crate::fs::create_dir_all(&dir).at("make folder", &dir)?;
        let (task, input_file) = (self.attempt.task, self.input_file());
        let seed = writer::marker_seed(self.host.plan, task);
        let part = Part { dir: &dir, number: task.number, seed, input_file };
        let opened = writer::open(spec, kinds, part)?;
        let mut sink = OutputSink::new(opened, self.fields(), self.record_room());
        let workplace = self.workplace(&dir)?;
        self.process(reader, workplace.as_ref(), &mut sink)?;
        let (records, stored) = sink.finish()?;
        let bytes = stored.bytes;
        self.host.committer.commit_task(self.attempt, stored.files)?;
        self.counters.with(|counters| {
            counters.add(TaskCounter::MapOutputRecords, records);
            counters.add_output_bytes(bytes);
            counters.add_file_system("FILE", FileSystemCounter::BytesWritten, bytes);
        });
        Ok(())
    }

    fn run_to_shuffle(&self, reader: Reader) -> Result<MapRuns, TaskFailure> {
        let host = self.host;
        let plan = host.plan;
        let workplace = self.workplace(&host.committer.attempt_dir(self.attempt))?;
        let combiner = self.combiner(workplace.as_ref());
        let name = self.attempt.to_string();
        let compressed = self.task.splits.iter().any(|split| split.codec.is_some());
        let percent = EXPECTED_PERCENT[usize::from(compressed)];
        let spec = CollectSpec {
            order: &host.order,
            partitioner: &host.partitioner,
            partitions: plan.reduces,
            memory: &host.memory,
            scratch: host.scratch,
            combiner: combiner.as_deref(),
            combine_spills_min: plan.shuffle.combine_spills_min,
            name: &name,
            expected_bytes: self.task.length().saturating_mul(percent) / 100,
            fields: self.fields(),
            fold: plan.shuffle.fold,
            tables: &host.fold_tables,
            long_records: &host.long_records,
            attempt: self.attempt,
            kinds: (&plan.shuffle.key_kind, &plan.shuffle.value_kind),
        };
        match &host.order {
            Order::Bytes(order) => self.collect(reader, workplace.as_ref(), spec, order.clone()),
            Order::Number(order) => self.collect(reader, workplace.as_ref(), spec, order.clone()),
            Order::Fields(order) => self.collect(reader, workplace.as_ref(), spec, order.clone()),
        }
    }

    fn collect<O: KeyOrder>(
        &self,
        reader: Reader,
        workplace: Option<&Workplace<'_>>,
        spec: CollectSpec<'_>,
        order: O,
    ) -> Result<MapRuns, TaskFailure> {
        let kinds = (&self.host.plan.shuffle.key_kind, &self.host.plan.shuffle.value_kind);
        thread::scope(|scope| {
            let collector = Collector::new(spec, order, scope)?;
            let mut sink = CollectorSink::new(collector, kinds);
            self.process(reader, workplace, &mut sink)?;
            let (left, collected) = sink.finish()?;
            let kept = if self.host.plan.combiner.is_some() { left.combined } else { collected };
            self.counters.with(|counters| {
                counters::count_map_output(counters, self.host.plan, collected, kept);
                counters.add(TaskCounter::SpilledRecords, left.spilled_records);
            });
            Ok(left)
        })
    }

    /// Takes every record from the reader through the mapper to the sink, from files that stay as they are.
    fn process(
        &self,
        reader: Reader,
        workplace: Option<&Workplace<'_>>,
        sink: &mut dyn RecordSink,
    ) -> Result<(), TaskFailure> {
        let processed = self.process_records(reader, workplace, sink);
        if let Ok(()) | Err(TaskFailure::Input(_)) = processed {
            // It says more than what came of it: bytes that make no sense, or nothing at all.
            input::check_unchanged(self.task)?;
        }
        processed
    }

    fn process_records(
        &self,
        mut reader: Reader,
        workplace: Option<&Workplace<'_>>,
        sink: &mut dyn RecordSink,
    ) -> Result<(), TaskFailure> {
        match (&self.host.plan.mapper, workplace) {
            (Processor::Command(command), Some(workplace)) => {
                let mut child = Child::new(self.host, self.attempt, command, workplace);
                child.output = self.host.plan.map_stream.output;
                child.counters = Some(&self.counters).filter(|_| !self.is_trial);
                child.is_heard = !self.is_trial;
                child.mapper = true;
                let length = self.input_length(&reader);
                let ran = child.run((length, |pipe: &mut InputPipe| self.feed(&mut reader, pipe)), sink);
                *lock(&self.tail) = child.into_tail();
                ran.map_err(|failure| self.name_record(failure))
            }
            (class, _) => self.map_records(class, &mut reader, sink),
        }
    }

    /// Runs a class that is built in.
    fn map_records(
        &self,
        class: &Processor,
        reader: &mut Reader,
        sink: &mut dyn RecordSink,
    ) -> Result<(), TaskFailure> {
        let kinds = reader.kinds();
        let input_file = self.input_file().map(|path| format!("file:{}", path.display()));
        let mut mapper = builtin::mapper(class, &kinds, input_file.as_deref())?;
        // Hadoop looks at the classes of each record; here the first one stands for all.
        let mut unchecked = self.host.plan.reduces > 0;
        let mut emit = |record: RecordRef<'_>| {
            if std::mem::take(&mut unchecked) {
                self.check_kinds(&builtin::kinds::mapped(class, &kinds))?;
            }
            sink.record(record)
        };
        let mut count = 0u64;
        while let Some(record) = reader.records().next_record()? {
            if count == 0 {
                builtin::kinds::check_mapper(class, &kinds)?;
            }
            mapper.map(record, &mut emit)?;
            count += 1;
            if count.is_multiple_of(1 << 12) {
                self.stop().check()?;
                self.progress(reader, 1 << 12);
            }
        }
        self.progress(reader, count % (1 << 12));
        Ok(())
    }

    /// How long the lines of the split are altogether.
    fn input_length(&self, reader: &Reader) -> InputLength {
        let stored = self.task.splits.iter().all(|split| split.codec.is_none());
        match reader {
            Reader::Lines(_) if stored && self.task.length() <= SHORT_BYTES_MAX => InputLength::Short,
            _ => InputLength::Unknown,
        }
    }

    /// Writes the records of the split to the mapper. Goes on where it stopped when it is called again.
    fn feed(&self, reader: &mut Reader, pipe: &mut dyn ChildInput) -> Result<(), TaskFailure> {
        let failed = |source| TaskFailure::Pipe { action: "write standard input", source };
        let spec = &self.host.plan.map_stream;
        let lines_alone = spec.input == Encoding::Text && spec.ignore_key;
        if let (true, Reader::Lines(lines)) = (lines_alone, &mut *reader) {
            // The block is what the mapper reads: nothing is looked at or copied on the way.
            while let Some(block) = lines.next_block()? {
                let fed = match block.file {
                    Some((file, offset)) => pipe.write_from(file, offset, block.bytes),
                    None => pipe.write(block.bytes),
                };
                let (records, fed) = (block.records, fed.map_err(failed)?);
                self.note(input::RecordReader::position(lines.as_ref()), records);
                if fed != Feed::More {
                    return Ok(());
                }
            }
            // What came after the last record was read too: a compressed file of no lines, lines too long.
            self.note(input::RecordReader::position(lines.as_ref()), 0);
            return Ok(());
        }
        let (key_kind, value_kind) = reader.kinds();
        let writer = InputWriter::new(spec, key_kind, value_kind);
        let mut block = Vec::with_capacity(2 * FEED_BYTES);
        loop {
            self.stop().check()?;
            let mut records = 0;
            while block.len() < FEED_BYTES {
                let Some(record) = reader.records().next_record()? else { break };
                writer.write(record, &mut block)?;
                records += 1;
            }
            let fed = pipe.write(&block).map_err(failed)?;
            self.progress(reader, records);
            if records == 0 || fed != Feed::More {
                return Ok(());
            }
            block.clear();
        }
    }

    /// Says of a mapper that left its input unread where it stopped.
    fn name_record(&self, failure: TaskFailure) -> TaskFailure {
        match failure {
            TaskFailure::Unread { read_bytes, mapper, .. } => {
                // The input was read without fault before; if it is not now, the failure alone has to do.
                let record = self.records_begun(read_bytes).ok();
                TaskFailure::Unread { read_bytes, record, mapper }
            }
            failure => failure,
        }
    }

    /// Records of the split that begin in so many bytes of the mapper's input. Reads the split again.
    fn records_begun(&self, input_bytes: u64) -> Result<u64, TaskFailure> {
        let mut reader = self.open_all()?;
        let (key_kind, value_kind) = reader.kinds();
        let writer = InputWriter::new(&self.host.plan.map_stream, key_kind, value_kind);
        let (mut records, mut bytes) = (0, 0);
        let mut written = Vec::new();
        while bytes < input_bytes
            && let Some(record) = reader.records().next_record()?
        {
            written.clear();
            writer.write(record, &mut written)?;
            bytes += written.len() as u64;
            records += 1;
        }
        Ok(records)
    }

    fn progress(&self, reader: &Reader, records: u64) {
        self.note(reader.position(), records);
    }

    fn note(&self, position: input::Position, records: u64) {
        self.records.fetch_add(records, Relaxed);
        let before = self.consumed.swap(position.consumed, Relaxed);
        self.host.bytes_read.fetch_add(position.consumed.saturating_sub(before), Relaxed);
        *lock(&self.position) = (position.path, position.offset);
    }

    fn stop(&self) -> &StopFlag {
        self.host.groups.stop_flag()
    }

    fn fields(&self) -> KeyFields<'_> {
        let stream = &self.host.plan.map_stream;
        KeyFields { separator: &stream.output_separator, key_fields: stream.key_fields }
    }

    fn workplace(&self, output: &Path) -> Result<Option<Workplace<'_>>, TaskFailure> {
        let commands = map_commands(self.host.plan);
        if commands.is_empty() {
            return Ok(None);
        }
        Workplace::prepare(self.host, self.attempt, &commands, output).map(Some)
    }

    fn combiner<'c>(&'c self, workplace: Option<&'c Workplace<'_>>) -> Option<Box<dyn Combine + 'c>> {
        let (host, attempt, counters) = (self.host, self.attempt, &self.counters);
        match (host.plan.combiner.as_ref()?, workplace) {
            (Processor::Command(command), Some(workplace)) => {
                Some(Box::new(CommandCombiner { host, attempt, command, workplace, counters }))
            }
            (class, _) => Some(Box::new(BuiltInCombiner { shuffle: &host.plan.shuffle, class, counters })),
        }
    }

    /// The file that the attempt reads, the first one if there are several.
    fn input_file(&self) -> Option<&Path> {
        self.task.splits.first().map(|split| split.path.as_path())
    }

    /// Classes of the mapper's output.
    fn output_kinds(&self, reader: &Reader) -> Kinds {
        let plan = self.host.plan;
        match &plan.mapper {
            Processor::Command(_) => encoded_kinds(plan.map_stream.output),
            class => builtin::kinds::mapped(class, &reader.kinds()),
        }
    }

    fn check_kinds(&self, (key, value): &Kinds) -> Result<(), TaskFailure> {
        let expected = &self.host.plan.shuffle;
        for (what, expected, received, property) in [
            ("key", &expected.key_kind, key, "mapreduce.map.output.key.class"),
            ("value", &expected.value_kind, value, "mapreduce.map.output.value.class"),
        ] {
            if expected != received {
                let (expected, received) = (expected.clone(), received.clone());
                return Err(TaskFailure::Kind { what, expected, received, property });
            }
        }
        Ok(())
    }

    fn into_error(self, failure: TaskFailure) -> TaskError {
        TaskError {
            attempt: self.attempt,
            command: command_of(&self.host.plan.mapper).map(<[String]>::to_vec),
            records: self.records.into_inner(),
            position: Some(into_inner(self.position)),
            stderr_tail: into_inner(self.tail),
            kept: None,
            failure,
        }
        .blame_combiner()
    }
}

/// The words of a processor that is a command.
pub(super) fn command_of(processor: &Processor) -> Option<&[String]> {
    match processor {
        Processor::Command(words) => Some(words),
        _ => None,
    }
}

/// Classes of what a child writes in an encoding. Hadoop: `IdentifierResolver`.
pub(super) fn encoded_kinds(encoding: Encoding) -> Kinds {
    match encoding {
        Encoding::Text => (WritableKind::Text, WritableKind::Text),
        Encoding::RawBytes => (WritableKind::Bytes, WritableKind::Bytes),
        Encoding::TypedBytes => (WritableKind::TypedBytes, WritableKind::TypedBytes),
        Encoding::KeyOnlyText => (WritableKind::Text, WritableKind::Null),
    }
}

/// The commands that a plan's map attempts will start.
pub(super) fn map_commands(plan: &JobPlan) -> Vec<&[String]> {
    let combiner = plan.combiner.as_ref().filter(|_| plan.reduces > 0);
    [Some(&plan.mapper), combiner].into_iter().flatten().filter_map(command_of).collect()
}

/// The commands that a plan's attempts will start.
pub(crate) fn commands(plan: &JobPlan) -> Vec<&[String]> {
    let reducer = Some(&plan.reducer).filter(|_| plan.reduces > 0).and_then(command_of);
    map_commands(plan).into_iter().chain(reducer).collect()
}
