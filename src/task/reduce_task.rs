//! A reduce attempt: one partition of all map output through the reducer to a part file.
//! Hadoop: `ReduceTask`, `PipeReducer`.

use super::builtin::{self, kinds::Kinds};
use super::map_task::{command_of, encoded_kinds};
use super::pipes::Child;
use super::sink::{NoSink, OutputSink, RecordSink};
use super::skip::{self, SkipError, SkipFile};
use super::workdir::Workplace;
use super::writer::{self, Part};
use super::{SharedCounters, TaskError, TaskFailure, TaskHost};
use crate::counters::{Counters, FileSystemCounter, TaskCounter};
use crate::error::At;
use crate::ids::AttemptId;
use crate::plan::{Processor, StreamSpec};
use crate::record::{KeyFields, RecordRef};
use crate::shuffle::ShuffleError;
use crate::shuffle::merge::{Filled, Merged, RecordStream};
use crate::shuffle::passes::{self, Passes};
use crate::shuffle::ranges::{Means, Ranges};
use crate::shuffle::run::Run;
use crate::streaming::child::{ChildInput, Feed, InputLength, InputPipe};
use crate::streaming::input_writer::{InputWriter, is_plain_text};
use crate::sync::{into_inner, lock};
use crate::writable::WritableKind;
use std::fmt::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

/// Bytes of records that are gathered for one write to the reducer's pipe. With 256 KiB the reducer waits longer for
/// the pipe's lock, and blocks leave the second-level cache before they are written: W1 took a twentieth more.
const FEED_BYTES: usize = 64 << 10;

/// What reduces read.
#[derive(Default)]
pub(crate) struct MapOutput {
    /// All runs, in rank order.
    pub(crate) runs: Vec<Arc<Run>>,
    /// Map tasks whose output this is.
    pub(crate) maps: u32,
}

/// Runs an attempt over all map output. Its part file is committed when this returns.
pub(crate) fn run(
    host: &TaskHost<'_>,
    attempt: AttemptId,
    map_output: &MapOutput,
) -> Result<Counters, Box<TaskError>> {
    let mut reduce = ReduceAttempt::new(host, attempt);
    match reduce.run(map_output) {
        Ok(()) => Ok(reduce.counters.into_inner()),
        Err(failure) => Err(Box::new(TaskError {
            attempt,
            command: command_of(&host.plan.reducer).map(<[String]>::to_vec),
            records: reduce.records.into_inner(),
            position: None,
            stderr_tail: into_inner(reduce.tail),
            kept: None,
            failure,
        })),
    }
}

/// Writes what the reducer of an attempt is given to `target`, counting nothing.
pub(super) fn write_input(
    host: &TaskHost<'_>,
    attempt: AttemptId,
    runs: &[Arc<Run>],
    target: &mut dyn ChildInput,
) -> Result<(), TaskFailure> {
    let reduce = ReduceAttempt::new(host, attempt);
    let (inputs, _) = reduce.passes(format!("{attempt}_kept")).narrow(runs, attempt.task.number)?;
    let plan = host.plan;
    let kinds = (&plan.shuffle.key_kind, &plan.shuffle.value_kind);
    feed_stream(&mut *reduce.merge(&inputs), &plan.reduce_stream, kinds, target, &mut |_| {})
}

struct ReduceAttempt<'a> {
    host: &'a TaskHost<'a>,
    attempt: AttemptId,
    /// It is run to see how it ends: what it writes, counts and says is nobody's business.
    is_trial: bool,
    /// Groups of records that a command is not given, by their numbers in the task.
    left_out: Vec<Range<u64>>,
    counters: SharedCounters,
    /// Records given to the reducer.
    records: AtomicU64,
    /// Keys given to the reducer.
    groups: AtomicU64,
    tail: Mutex<Vec<Vec<u8>>>,
}

impl<'a> ReduceAttempt<'a> {
    fn new(host: &'a TaskHost<'a>, attempt: AttemptId) -> Self {
        Self {
            host,
            attempt,
            is_trial: false,
            left_out: Vec::new(),
            counters: SharedCounters::limited(host.plan.counter_limits),
            records: AtomicU64::new(0),
            groups: AtomicU64::new(0),
            tail: Mutex::default(),
        }
    }

    /// Merges before the last one, to files of this name.
    fn passes(&self, name: String) -> Passes<'_> {
        let host = self.host;
        Passes { order: &host.order, memory: &host.memory, scratch: host.scratch, name }
    }

    /// Finds out which groups the reducer cannot take, if the job allows that this attempt leaves some out.
    fn leave_out_bad_groups(&mut self, inputs: &[Arc<Run>]) -> Result<(), TaskFailure> {
        let is_command = command_of(&self.host.plan.reducer).is_some();
        let allowance = skip::allowance(self.host.plan, self.attempt).filter(|_| is_command);
        let Some(allowance) = allowance else { return Ok(()) };
        let mut count = 0;
        self.each_record(inputs, &mut |group, _| {
            count = group + 1;
            Ok(())
        })?;
        match skip::find_bad(count, allowance, &mut |range| self.fails_on(inputs, range)) {
            Ok(left_out) => self.left_out = left_out,
            Err(SkipError::Trial(failure)) => return Err(failure),
            Err(error) => {
                let text = format!("cannot skip groups that make the reducer fail: {error}");
                self.host.events.warning(self.attempt, &text);
            }
        }
        self.keep_skipped(inputs)
    }

    /// Whether the reducer fails on these groups alone.
    fn fails_on(&self, inputs: &[Arc<Run>], range: Range<u64>) -> Result<bool, TaskFailure> {
        let left_out = vec![0..range.start, range.end..u64::MAX];
        let trial = Self { is_trial: true, left_out, ..Self::new(self.host, self.attempt) };
        let discarded = self.host.scratch.first_dir().join(format!("{}_output", self.attempt));
        let ended = trial.process(inputs, &discarded, &mut NoSink::new());
        self.host.records_reduced.fetch_sub(trial.records.into_inner(), Relaxed);
        match ended {
            Ok(()) => Ok(false),
            Err(failure) if failure.may_be_a_records() => Ok(true),
            Err(failure) => Err(failure),
        }
    }

    /// Writes the groups that are left out to the folder of skipped records, counts them and tells of them.
    fn keep_skipped(&self, inputs: &[Arc<Run>]) -> Result<(), TaskFailure> {
        let groups: u64 = self.left_out.iter().map(|range| range.end - range.start).sum();
        let mut records = 0;
        if groups > 0 {
            let ranges = skip::shown(&self.left_out);
            let mut text = format!("skips {groups} groups on which the reducer fails, by number: {ranges}");
            let mut file = SkipFile::create(self.host, self.attempt, &self.input_kinds())?;
            self.each_record(inputs, &mut |group, merged| {
                for _ in 0..if is_in(&self.left_out, group) { merged.copies } else { 0 } {
                    records += 1;
                    file.as_mut().map_or(Ok(()), |file| file.write(merged.record))?;
                }
                Ok(())
            })?;
            if let Some(file) = file {
                write!(text, "; they are in {}", file.finish()?.display())
                    .expect("a string takes everything");
            }
            self.host.events.warning(self.attempt, &text);
        }
        self.counters.with(|counters| {
            counters.add(TaskCounter::ReduceSkippedGroups, groups);
            counters.add(TaskCounter::ReduceSkippedRecords, records);
        });
        Ok(())
    }

    /// Hands each record of the input with its group's number to `take`.
    fn each_record(
        &self,
        inputs: &[Arc<Run>],
        take: &mut dyn FnMut(u64, Merged<'_>) -> Result<(), TaskFailure>,
    ) -> Result<(), TaskFailure> {
        let mut stream = self.merge(inputs);
        let mut groups = 0;
        while let Some(merged) = stream.next_record()? {
            groups += u64::from(merged.new_group);
            take(groups - 1, merged)?;
        }
        Ok(())
    }

    /// Writes the records of all groups but those that are left out.
    fn feed_selected(&self, inputs: &[Arc<Run>], pipe: &mut dyn ChildInput) -> Result<(), TaskFailure> {
        let (key_kind, value_kind) = self.input_kinds();
        let writer = InputWriter::new(&self.host.plan.reduce_stream, key_kind, value_kind);
        let mut block = Vec::with_capacity(2 * FEED_BYTES);
        let mut is_read = true;
        let mut flush = |block: &mut Vec<u8>| -> Result<(), TaskFailure> {
            let written = if is_read { pipe.write(block) } else { Ok(Feed::Refused) };
            let fed =
                written.map_err(|source| TaskFailure::Pipe { action: "write standard input", source })?;
            is_read = fed == Feed::More;
            block.clear();
            Ok(())
        };
        self.each_record(inputs, &mut |group, merged| {
            if is_in(&self.left_out, group) {
                return Ok(());
            }
            for _ in 0..merged.copies {
                writer.write(merged.record, &mut block)?;
            }
            self.note(Filled { records: merged.copies, groups: u64::from(merged.new_group) });
            if block.len() < FEED_BYTES { Ok(()) } else { flush(&mut block) }
        })?;
        flush(&mut block)
    }

    fn run(&mut self, map_output: &MapOutput) -> Result<(), TaskFailure> {
        let host = self.host;
        let partition = self.attempt.task.number;
        let (inputs, merged_records) =
            self.passes(self.attempt.to_string()).narrow(&map_output.runs, partition)?;
        self.leave_out_bad_groups(&inputs)?;
        let dir = host.committer.attempt_dir(self.attempt);
        crate::fs::create_dir_all(&dir).at("make folder", &dir)?;
        let seed = writer::marker_seed(host.plan, self.attempt.task);
        let part = Part { dir: &dir, number: partition, seed, input_file: None };
        let opened = writer::open(&host.plan.output, self.output_kinds(), part)?;
        let mut sink = OutputSink::new(opened, self.fields(), host.record_room(self.attempt));
        // A reducer without input runs all the same, and what it writes and counts is dropped.
        let has_input = !inputs.is_empty();
        let mut dropped = NoSink::new();
        let kept: &mut dyn RecordSink = if has_input { &mut sink } else { &mut dropped };
        self.process(&inputs, &dir, kept)?;
        let (records, stored) = sink.finish()?;
        let bytes = stored.bytes;
        host.committer.commit_task(self.attempt, stored.files)?;
        host.reduces_done.fetch_add(1, Relaxed);
        self.counters.with(|counters| {
            let fed = self.records.load(Relaxed);
            counters.add(TaskCounter::ReduceInputRecords, fed);
            counters.add(TaskCounter::ReduceInputGroups, self.groups.load(Relaxed));
            counters.add(TaskCounter::ReduceOutputRecords, records);
            counters.add(TaskCounter::SpilledRecords, fed + merged_records);
            counters.add(TaskCounter::ShuffledMaps, u64::from(map_output.maps));
            counters.add(TaskCounter::MergedMapOutputs, u64::from(map_output.maps));
            counters.add(TaskCounter::FailedShuffle, 0);
            counters.add_shuffle_errors();
            counters.add_output_bytes(bytes);
            counters.add_file_system("FILE", FileSystemCounter::BytesWritten, bytes);
        });
        Ok(())
    }

    fn process(&self, inputs: &[Arc<Run>], dir: &Path, sink: &mut dyn RecordSink) -> Result<(), TaskFailure> {
        let plan = self.host.plan;
        let has_input = !inputs.is_empty();
        let Processor::Command(command) = &plan.reducer else {
            return self.reduce_records(&mut *self.merge(inputs), has_input, sink);
        };
        let ranges = self.ranges(inputs)?;
        let workplace = Workplace::prepare(self.host, self.attempt, &[command], dir)?;
        let mut child = Child::new(self.host, self.attempt, command, &workplace);
        child.counters = Some(&self.counters).filter(|_| has_input && !self.is_trial);
        child.is_heard = !self.is_trial;
        let kinds = (&plan.shuffle.key_kind, &plan.shuffle.value_kind);
        let feed = |pipe: &mut InputPipe| {
            if !self.left_out.is_empty() {
                return self.feed_selected(inputs, pipe);
            }
            if let Some(ranges) = &ranges {
                return self.feed_ranges(ranges, pipe);
            }
            // Begun here, for the first records are read at once.
            let stream = &mut *self.merge(inputs);
            feed_stream(stream, &plan.reduce_stream, kinds, pipe, &mut |filled| self.note(filled))
        };
        let ran = child.run((InputLength::Unknown, feed), sink);
        *lock(&self.tail) = child.into_tail();
        ran
    }

    /// The input in one merge.
    fn merge<'r>(&'r self, inputs: &'r [Arc<Run>]) -> Box<dyn RecordStream + 'r> {
        let partition = self.attempt.task.number;
        let read_bytes = self.host.memory.read_bytes;
        passes::merge_runs(inputs, partition..partition + 1, &self.host.order, read_bytes)
    }

    /// The input cut into ranges, if there is more than one core and the child wants lines.
    fn ranges<'r>(&'r self, inputs: &'r [Arc<Run>]) -> Result<Option<Ranges<'r>>, ShuffleError> {
        let spec = &self.host.plan.reduce_stream;
        let (key_kind, value_kind) = self.input_kinds();
        // What a combiner wrote need not be sorted, and then there is nothing to cut at.
        let combined = self.host.plan.combiner.is_some();
        let plan = self.host.plan;
        let resources = &plan.resources;
        let at_once = resources.reduce_slots.min(plan.reduces).max(1);
        let means = Means {
            workers: resources.map_slots.max(resources.reduce_slots) as usize,
            budget_bytes: resources.memory_bytes / u64::from(at_once),
            memory: &self.host.memory,
        };
        if combined || means.workers < 2 || !is_plain_text(spec, &key_kind, &value_kind) {
            return Ok(None);
        }
        Ranges::cut(inputs, self.attempt.task.number, &self.host.order, means)
    }

    /// Threads that may merge for this attempt at present: its share of the slots, all of them if it is the last.
    fn merge_workers(&self) -> usize {
        let plan = self.host.plan;
        let left = plan.reduces.saturating_sub(self.host.reduces_done.load(Relaxed));
        let at_once = plan.resources.reduce_slots.min(left).max(1);
        (plan.resources.map_slots.max(plan.resources.reduce_slots) / at_once) as usize
    }

    fn feed_ranges(&self, ranges: &Ranges<'_>, pipe: &mut dyn ChildInput) -> Result<(), TaskFailure> {
        let separator = &self.host.plan.reduce_stream.input_separator;
        ranges.lines(&|| self.merge_workers(), separator, FEED_BYTES, |lines, filled| {
            self.note(filled);
            let written = pipe.write(lines);
            let fed =
                written.map_err(|source| TaskFailure::Pipe { action: "write standard input", source })?;
            Ok(fed == Feed::More)
        })
    }

    /// Runs a class that is built in.
    fn reduce_records(
        &self,
        stream: &mut dyn RecordStream,
        has_input: bool,
        sink: &mut dyn RecordSink,
    ) -> Result<(), TaskFailure> {
        let (class, kinds) = (&self.host.plan.reducer, self.input_kinds());
        let mut reducer = builtin::reducer(class, &kinds.1)?;
        if has_input {
            builtin::kinds::check_reducer(class, &kinds)?;
        }
        let stop = self.host.groups.stop_flag();
        let mut emit = |record: RecordRef<'_>| {
            stop.check()?;
            sink.record(record)
        };
        builtin::reduce_groups(stream, &mut *reducer, &mut emit, &mut |filled| self.note(filled))
    }

    fn input_kinds(&self) -> Kinds {
        let shuffle = &self.host.plan.shuffle;
        (shuffle.key_kind.clone(), shuffle.value_kind.clone())
    }

    /// Classes of the reducer's output.
    fn output_kinds(&self) -> Kinds {
        let plan = self.host.plan;
        match &plan.reducer {
            Processor::Command(_) => encoded_kinds(plan.reduce_stream.output),
            class => builtin::kinds::reduced(class, &self.input_kinds()),
        }
    }

    fn note(&self, filled: Filled) {
        self.records.fetch_add(filled.records, Relaxed);
        self.groups.fetch_add(filled.groups, Relaxed);
        self.host.records_reduced.fetch_add(filled.records, Relaxed);
    }

    fn fields(&self) -> KeyFields<'_> {
        let stream = &self.host.plan.reduce_stream;
        KeyFields { separator: &stream.output_separator, key_fields: stream.key_fields }
    }
}

/// Whether a number is in one of some ranges.
fn is_in(ranges: &[Range<u64>], number: u64) -> bool {
    let after = ranges.partition_point(|range| range.end <= number);
    ranges.get(after).is_some_and(|range| range.contains(&number))
}

/// Writes sorted records to a reducer or a combiner, telling `note` of each batch.
pub(super) fn feed_stream(
    stream: &mut dyn RecordStream,
    spec: &StreamSpec,
    (key_kind, value_kind): (&WritableKind, &WritableKind),
    pipe: &mut dyn ChildInput,
    note: &mut dyn FnMut(Filled),
) -> Result<(), TaskFailure> {
    let failed = |source| TaskFailure::Pipe { action: "write standard input", source };
    let writer = InputWriter::new(spec, key_kind.clone(), value_kind.clone());
    let plain = is_plain_text(spec, key_kind, value_kind);
    let mut block = Vec::with_capacity(FEED_BYTES + (8 << 10));
    loop {
        block.clear();
        let filled = if plain {
            stream.fill_lines(&mut block, &spec.input_separator, FEED_BYTES)?
        } else {
            fill_records(stream, &writer, &mut block)?
        };
        if filled.records == 0 && block.is_empty() {
            return Ok(());
        }
        note(filled);
        if pipe.write(&block).map_err(failed)? != Feed::More {
            return Ok(());
        }
    }
}

fn fill_records(
    stream: &mut dyn RecordStream,
    writer: &InputWriter<'_>,
    block: &mut Vec<u8>,
) -> Result<Filled, TaskFailure> {
    let mut filled = Filled::default();
    while block.len() < FEED_BYTES {
        let Some(merged) = stream.next_record()? else { break };
        for _ in 0..merged.copies {
            writer.write(merged.record, block)?;
        }
        filled.records += merged.copies;
        filled.groups += u64::from(merged.new_group);
    }
    Ok(filled)
}
