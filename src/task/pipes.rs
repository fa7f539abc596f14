//! A child between a feed of records and a sink for them.

use super::sink::RecordSink;
use super::workdir::Workplace;
use super::{SharedCounters, TaskFailure, TaskHost};
use crate::counters::CounterError;
use crate::ids::AttemptId;
use crate::plan::Encoding;
use crate::record_room::RecordRoom;
use crate::streaming::ChildGroups;
use crate::streaming::child::{self, ChildError, InputLength, InputPipe, Leniency};
use crate::streaming::output_reader::{Framing, LineSource, RecordSource};
use crate::streaming::reporter::{Reporter, StderrSink};
use crate::sync::{into_inner, lock};
use std::io::Read;
use std::sync::Mutex;
use std::time::Duration;

/// One child of an attempt and what it says on standard error.
pub(super) struct Child<'a> {
    host: &'a TaskHost<'a>,
    attempt: AttemptId,
    command: &'a [String],
    workplace: &'a Workplace<'a>,
    /// What it writes.
    pub(super) output: Encoding,
    /// Where its counters go; `None` drops them.
    pub(super) counters: Option<&'a SharedCounters>,
    /// What it says on standard error is passed on.
    pub(super) is_heard: bool,
    /// A mapper, for which unread input can be allowed.
    pub(super) mapper: bool,
    tail: Mutex<Vec<Vec<u8>>>,
    /// The first counter that Hadoop would not have taken: the attempt fails of it in the end.
    refused_counter: Mutex<Option<CounterError>>,
}

impl<'a> Child<'a> {
    /// A child of an attempt that has not been started. It writes what reducers write and its counters are
    /// dropped.
    pub(super) fn new(
        host: &'a TaskHost<'a>,
        attempt: AttemptId,
        command: &'a [String],
        workplace: &'a Workplace<'a>,
    ) -> Self {
        Self {
            host,
            attempt,
            command,
            workplace,
            output: host.plan.reduce_stream.output,
            counters: None,
            is_heard: true,
            mapper: false,
            tail: Mutex::default(),
            refused_counter: Mutex::default(),
        }
    }

    /// The last lines of its standard error, for the report of a failure.
    pub(super) fn into_tail(self) -> Vec<Vec<u8>> {
        into_inner(self.tail)
    }

    /// Runs the child: `feed` writes its input, its output goes to `sink`. See [`child::run`].
    pub(super) fn run(
        &self,
        feed: (InputLength, impl FnMut(&mut InputPipe) -> Result<(), TaskFailure> + Send),
        sink: &mut dyn RecordSink,
    ) -> Result<(), TaskFailure> {
        let spec = &self.host.plan.children;
        let command = self.workplace.command(self.command);
        let mut reporter = Reporter::new(&spec.reporter_prefix, self);
        // Hadoop asks how many records the mapper had written when its pipe broke; a property of 0, the
        // one value in use, is always met, and any other is met or not by chance of timing.
        let unread = self.mapper && spec.unread_allowed_after == Some(0);
        let join_delay = spec.join_delay_ms.map(Duration::from_millis);
        let leniency = Leniency { any_exit: !spec.non_zero_exit_is_failure, unread, join_delay };
        let watched = Watched::begin(self.host, self.attempt);
        let ran = child::run(&command, &watched.children, &mut reporter, leniency, feed, |stdout| {
            drain(stdout, self.output, self.host.record_room(self.attempt), sink)
        });
        drop(watched);
        *lock(&self.tail) = reporter.into_tail();
        ran.map_err(|error| match (error, self.host.vitals.ended_after(self.attempt)) {
            (ChildError::Stopped, Some(silence)) => TaskFailure::Silent {
                seconds: silence.as_secs_f64(),
                timeout_ms: self.host.plan.attempts.timeout_ms.unwrap_or_default(),
            },
            (error, _) => TaskFailure::from_child(error, self.mapper),
        })?;
        match lock(&self.refused_counter).take() {
            Some(error) => Err(error.into()),
            None => Ok(()),
        }
    }
}

/// A child while it runs, for whoever looks after silent ones.
struct Watched<'a> {
    host: &'a TaskHost<'a>,
    attempt: AttemptId,
    children: ChildGroups,
}

impl<'a> Watched<'a> {
    fn begin(host: &'a TaskHost<'a>, attempt: AttemptId) -> Self {
        Self { host, attempt, children: host.vitals.child_begins(attempt) }
    }
}

impl Drop for Watched<'_> {
    fn drop(&mut self) {
        self.host.vitals.child_ended(self.attempt);
    }
}

impl StderrSink for Child<'_> {
    fn counter(&self, group: &str, name: &str, amount: i64) {
        let added =
            self.counters.map(|shared| shared.with(|counters| counters.add_user(group, name, amount)));
        if let Some(Err(error)) = added {
            lock(&self.refused_counter).get_or_insert(error);
        }
    }

    fn status(&self, text: &str) {
        if self.is_heard {
            self.host.events.status(self.attempt, text);
        }
    }

    fn line(&self, line: &[u8]) {
        if self.is_heard {
            self.host.events.stderr_line(self.attempt, line);
        }
    }

    fn malformed(&self, line: &str) {
        if self.is_heard {
            self.host.events.warning(self.attempt, &format!("cannot parse reporter line: {line}"));
        }
    }
}

/// Carries a child's output to the sink until it ends.
fn drain(
    stdout: &mut impl Read,
    encoding: Encoding,
    room: RecordRoom,
    sink: &mut dyn RecordSink,
) -> Result<(), TaskFailure> {
    let failed = |source| TaskFailure::Pipe { action: "read standard output", source };
    let framing = match encoding {
        Encoding::Text => {
            let mut lines = LineSource::new(stdout);
            loop {
                match lines.read(sink.room()?).map_err(failed)? {
                    0 => return Ok(()),
                    count => sink.take_lines(count)?,
                }
            }
        }
        Encoding::RawBytes => Framing::RawBytes,
        Encoding::TypedBytes => Framing::TypedBytes,
        Encoding::KeyOnlyText => Framing::KeyOnlyLines,
    };
    let mut records = RecordSource::new(stdout, framing, room);
    while let Some(record) = records.next_record().map_err(failed)? {
        sink.record(record)?;
    }
    Ok(())
}
