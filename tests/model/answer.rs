//! What a job must leave, found in the simplest way: all records in one list, sorted by a stable sort.

use super::job::{Format, Job, Partition, Work};
use std::cmp::Reverse;

/// What a job must leave.
#[derive(Debug, Default)]
pub(super) struct Answer {
    /// The part files, by number, as text; with `-lazyOutput` an empty one is not there.
    pub(super) parts: Vec<Vec<u8>>,
    pub(super) map_input: usize,
    pub(super) map_output: usize,
    pub(super) reduce_output: usize,
    pub(super) groups: usize,
}

struct Record {
    key: Vec<u8>,
    value: Vec<u8>,
}

/// The answer to a job.
pub(super) fn answer(job: &Job) -> Answer {
    let splits = splits(job);
    let count = if job.reduces == 0 { splits.len() } else { job.reduces };
    let mut parts: Vec<Vec<Record>> = Vec::new();
    parts.resize_with(count, Vec::new);
    let mut answer = Answer::default();
    for (task, records) in splits.iter().enumerate() {
        answer.map_input += records.len();
        let mapped = match job.mapper {
            Work::Identity => records.iter().map(|record| split_at(record, b"\t", 1)).collect(),
            Work::Cat | Work::Flaky => cat(records, job.map_output),
        };
        for (key, value) in mapped {
            answer.map_output += 1;
            let part = if job.reduces == 0 { task } else { partition(job, &key) };
            parts[part].push(Record { key, value });
        }
    }
    for part in parts {
        let reduced = if job.reduces == 0 { pairs(part) } else { reduce(job, part, &mut answer) };
        let line =
            |(key, value): (Vec<u8>, Vec<u8>)| [&key, job.text_output.as_bytes(), &value, b"\n"].concat();
        answer.parts.push(reduced.into_iter().flat_map(line).collect());
    }
    answer
}

fn pairs(part: Vec<Record>) -> Vec<(Vec<u8>, Vec<u8>)> {
    part.into_iter().map(|record| (record.key, record.value)).collect()
}

fn reduce(job: &Job, mut part: Vec<Record>, answer: &mut Answer) -> Vec<(Vec<u8>, Vec<u8>)> {
    if job.fold == "always" {
        part.sort_by(|a, b| (&a.key, &a.value).cmp(&(&b.key, &b.value)));
    } else {
        part.sort_by(|a, b| match (sort_key(job, a), sort_key(job, b)) {
            (a, b) if job.order.reverse => b.cmp(a),
            (a, b) => a.cmp(b),
        });
    }
    // Keys that differ are groups of their own, even if KeyFieldBasedComparator calls them equal.
    answer.groups += part.chunk_by(|a, b| a.key == b.key).count();
    let reduced = match job.reducer {
        Work::Identity => pairs(part),
        Work::Cat | Work::Flaky => {
            let separator = job.reduce_input.as_bytes();
            let fed: Vec<_> =
                part.iter().map(|record| [&record.key, separator, &record.value].concat()).collect();
            cat(&fed, job.reduce_output)
        }
    };
    answer.reduce_output += reduced.len();
    reduced
}

fn sort_key<'a>(job: &Job, record: &'a Record) -> &'a [u8] {
    let end = find(&record.key, job.key_separator().as_bytes(), 1).filter(|_| job.order.first_field);
    &record.key[..end.unwrap_or(record.key.len())]
}

/// What comes back from `cat` that is given these records: its lines, cut into key and value.
fn cat(records: &[Vec<u8>], (separator, fields): (&str, usize)) -> Vec<(Vec<u8>, Vec<u8>)> {
    let text: Vec<u8> = records.iter().flat_map(|record| [record, &b"\n"[..]].concat()).collect();
    let lines = lines(&text).into_iter();
    lines.map(|line| split_at(&text[line.start..line.end], separator.as_bytes(), fields)).collect()
}

/// Key and value of a line: `UTF8ByteArrayUtils.findNthBytes`.
fn split_at(line: &[u8], separator: &[u8], fields: usize) -> (Vec<u8>, Vec<u8>) {
    match find(line, separator, fields) {
        Some(at) => (line[..at].to_vec(), line[at + separator.len()..].to_vec()),
        None => (line.to_vec(), Vec::new()),
    }
}

/// Where the separator stands for the `count`th time.
fn find(text: &[u8], separator: &[u8], count: usize) -> Option<usize> {
    let mut from = 0;
    for number in 1..=count {
        let at = text[from..].windows(separator.len()).position(|part| part == separator)? + from;
        if number == count {
            return Some(at);
        }
        from = at + separator.len();
    }
    None
}

fn partition(job: &Job, key: &[u8]) -> usize {
    let hash = |bytes: &[u8], from: i32| {
        bytes.iter().fold(from, |hash, &byte| hash.wrapping_mul(31).wrapping_add(i32::from(byte as i8)))
    };
    let hash = match job.partition {
        Partition::Hash => hash(key, 1),
        Partition::Fields(None) => String::from_utf8_lossy(key)
            .encode_utf16()
            .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit))),
        Partition::Fields(Some((first, last))) => {
            let key = String::from_utf8_lossy(key).into_owned().into_bytes();
            let separator = job.key_separator().as_bytes();
            let begin = match first {
                1 => Some(0),
                _ => find(&key, separator, first - 1).map(|at| at + separator.len()),
            };
            let end = if last == 0 { None } else { find(&key, separator, last) }.unwrap_or(key.len());
            begin.map_or(0, |begin| hash(&key[begin..end.max(begin)], 0))
        }
    };
    (hash & i32::MAX) as usize % job.reduces
}

/// The records of each map task, as its mapper is given them.
fn splits(job: &Job) -> Vec<Vec<Vec<u8>>> {
    let mut splits: Vec<(usize, Vec<Vec<u8>>)> = Vec::new();
    for file in &job.files {
        let text = &file.text;
        let lines = records(text, job.format);
        let taken = |lines: &[Line]| -> Vec<Vec<u8>> {
            lines
                .iter()
                .filter(|line| line.is_record)
                .map(|line| given(job, &text[line.start..line.end]))
                .collect()
        };
        if let Format::NLine(count) = job.format {
            let mut begin = 0;
            let Some(first) = lines.first().copied() else { continue };
            for lines in lines.chunks(count) {
                let after = lines.last().map_or(begin, |line| line.next);
                // NLineInputFormat.createFileSplit: the first split is a byte shorter, the others begin one earlier.
                let bytes = after - begin - usize::from(begin == 0);
                let mut records = taken(lines);
                if begin == 1 {
                    // Which is then the file's first byte, where no reader looks for the end of a line before.
                    records.splice(0..0, taken(&[first]));
                }
                splits.push((bytes, records));
                begin = after;
            }
            continue;
        }
        if file.codec.is_some() {
            splits.push((file.stored().len(), taken(&lines)));
            continue;
        }
        let (mut start, mut left) = (0, text.len());
        let mut within = |start: usize, length: usize| {
            // LineRecordReader: a line that begins at a split's first byte belongs to the split before.
            let belongs =
                |line: &&Line| (line.at == 0 && start == 0) || (start < line.at && line.at <= start + length);
            splits.push((length, taken(&lines.iter().filter(belongs).copied().collect::<Vec<_>>())));
        };
        // FileInputFormat: a rest of up to a tenth of a split joins the last one.
        while left * 10 > job.split_bytes * 11 {
            within(start, job.split_bytes);
            (start, left) = (start + job.split_bytes, left - job.split_bytes);
        }
        within(start, left);
    }
    // JobSubmitter: the longest split is the first map task.
    splits.sort_by_key(|(length, _)| Reverse(*length));
    splits.into_iter().map(|(_, records)| records).collect()
}

/// What the mapper is given of a line.
fn given(job: &Job, line: &[u8]) -> Vec<u8> {
    if job.format != Format::KeyValue || job.mapper == Work::Identity {
        return line.to_vec();
    }
    let (key, value) = split_at(line, b"\t", 1);
    [&key[..], b"\t", &value].concat()
}

/// A line of a file.
#[derive(Clone, Copy, Debug)]
struct Line {
    /// Where it begins.
    at: usize,
    /// What it says, without mark and end.
    start: usize,
    end: usize,
    /// Where the next one begins.
    next: usize,
    /// A byte order mark alone is none.
    is_record: bool,
}

fn records(text: &[u8], format: Format) -> Vec<Line> {
    let mut found = if format == Format::Delimited { delimited(text) } else { lines(text) };
    if let (Some(first), true) = (found.first_mut(), text.starts_with(b"\xEF\xBB\xBF")) {
        first.start += 3;
        first.is_record = first.start < first.next;
    }
    found
}

/// LF, CR LF and CR end a line.
fn lines(text: &[u8]) -> Vec<Line> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let end =
            text[at..].iter().position(|byte| b"\r\n".contains(byte)).map_or(text.len(), |end| at + end);
        let next = if text[end..].starts_with(b"\r\n") { end + 2 } else { (end + 1).min(text.len()) };
        found.push(Line { at, start: at, end, next, is_record: true });
        at = next;
    }
    found
}

fn delimited(text: &[u8]) -> Vec<Line> {
    let (mut found, mut at) = (Vec::new(), 0);
    while at < text.len() {
        let end = text[at..].iter().position(|byte| *byte == b';').map_or(text.len(), |end| at + end);
        let next = (end + 1).min(text.len());
        found.push(Line { at, start: at, end, next, is_record: true });
        at = next;
    }
    found
}
