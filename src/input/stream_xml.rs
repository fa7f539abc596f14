//! Records between two marks. Hadoop: `StreamXmlRecordReader`.
//!
//! ```text
//! ... noise <page> record </page> noise <page> ...
//!           ^begin mark          ^behind the end mark: all between is one record, the key of a pair
//! ```
//!
//! The record belongs to the split that holds the first byte of its begin mark. What it is made of does not
//! matter: the marks are bytes, or with `slowmatch` regular expressions that do not count inside CDATA. A
//! file is read as stored even if its name says it is compressed. Memory holds one record, or with
//! `slowmatch` the bytes of one search.

use super::source::{BUFFER_BYTES, Window};
use super::{InputError, Position, RecordReader};
use crate::java_regex::JavaRegex;
use crate::plan::{InputSplit, XmlReaderSpec};
use crate::record::RecordRef;
use crate::record_room::RecordRoom;
use crate::stop::StopFlag;
use crate::writable::{WritableKind, decode_utf8};
use memchr::memchr;

/// Longest record that Hadoop's buffer takes. A begin mark without an end mark would otherwise fill memory
/// with the rest of the file.
const RECORD_BYTES_MAX: usize = i32::MAX as usize;

/// The records of one split: record, nothing.
pub(super) struct XmlReader {
    window: Window,
    marks: Marks,
    /// Where Hadoop thinks it is in the file: it counts UTF-16 units when it matches patterns.
    position: u64,
    split: InputSplit,
    record: Vec<u8>,
    record_bytes_max: usize,
    room: RecordRoom,
    /// A search found nothing. Another one might, further on, but Hadoop asks no more.
    ended: bool,
}

enum Marks {
    Bytes {
        begin: Vec<u8>,
        end: Vec<u8>,
    },
    Patterns {
        begin: JavaRegex,
        end: JavaRegex,
        /// Bytes that one search sees. A longer record ends the split.
        search_bytes: usize,
        /// Whether CDATA is open at the next byte is known: it is not.
        synced: bool,
    },
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mark {
    /// Stop in front of it.
    Begin,
    /// Stop behind it and keep all that was passed.
    End,
}

impl XmlReader {
    pub(super) fn open(
        split: &InputSplit,
        spec: &XmlReaderSpec,
        stop: &StopFlag,
        room: RecordRoom,
    ) -> Result<Self, InputError> {
        Self::with_sizes(split, spec, (BUFFER_BYTES, RECORD_BYTES_MAX), stop, room)
    }

    fn with_sizes(
        split: &InputSplit,
        spec: &XmlReaderSpec,
        (buffer_bytes, record_bytes_max): (usize, usize),
        stop: &StopFlag,
        room: RecordRoom,
    ) -> Result<Self, InputError> {
        let split = InputSplit { codec: None, ..split.clone() };
        let marks = Marks::new(spec)?;
        let mut window = Window::new(buffer_bytes);
        window.heed(stop);
        window.open(&split)?;
        let position = split.start;
        let record = Vec::new();
        let mut reader =
            Self { window, marks, position, split, record, record_bytes_max, room, ended: false };
        // A search with patterns that finds nothing here has used up its bytes, so this is not idle.
        reader.find(Mark::Begin)?;
        Ok(reader)
    }

    fn split_end(&self) -> u64 {
        self.split.start + self.split.length
    }

    /// Goes to the next mark; false if there is none.
    fn find(&mut self, mark: Mark) -> Result<bool, InputError> {
        match &mut self.marks {
            Marks::Bytes { begin, end } => {
                let bytes = if mark == Mark::Begin { begin } else { end };
                let most = self.record_bytes_max;
                let limit = self.room.limit().min(most);
                let room = &mut self.room;
                let mut make_room = |bytes| {
                    room.wait_for(bytes);
                    bytes <= limit
                };
                let found = find_bytes(&mut self.window, bytes, mark, &mut self.record, &mut make_room)?;
                let Some(found) = found else {
                    let path = self.split.path.clone();
                    if limit < most {
                        let (offset, bytes) = (self.position, self.record.len());
                        return Err(InputError::RecordTooLarge { path, offset, bytes, limit });
                    }
                    let what = format!("a record of more than {most} bytes; expected an end mark before");
                    return Err(InputError::Malformed { path, offset: self.window.offset(), what });
                };
                self.position = self.window.offset();
                Ok(found)
            }
            Marks::Patterns { begin, end, search_bytes, synced } => {
                let pattern = if mark == Mark::Begin { begin } else { end };
                while self.window.data().len() < *search_bytes && !self.window.at_end() {
                    self.window.fill()?;
                }
                let at_hand = self.window.data().len().min(*search_bytes);
                let text = decode_utf8(&self.window.data()[..at_hand]);
                let Some(end) = search(pattern, &text, mark, synced) else {
                    self.window.consume(at_hand);
                    return Ok(false);
                };
                // Hadoop steps over as many bytes as it saw UTF-16 units, and keeps the low byte of each.
                let units = || text[..end].encode_utf16();
                let passed = units().count();
                if mark == Mark::End {
                    self.record.extend(units().map(|unit| unit.to_le_bytes()[0]));
                }
                self.window.consume(passed);
                self.position += passed as u64;
                Ok(true)
            }
        }
    }
}

impl Marks {
    fn new(spec: &XmlReaderSpec) -> Result<Self, InputError> {
        const BEGIN: &str = "stream.recordreader.begin";
        const END: &str = "stream.recordreader.end";
        for (property, mark) in [(BEGIN, &spec.begin), (END, &spec.end)] {
            if mark.is_empty() {
                let expected = "the text that marks a record";
                return Err(InputError::Setting { property, value: "empty".to_owned(), expected });
            }
        }
        Ok(if spec.slow_match {
            Self::Patterns {
                begin: cdata_or(BEGIN, &spec.begin)?,
                end: cdata_or(END, &spec.end)?,
                search_bytes: spec.record_bytes_max.max(spec.look_ahead_bytes) as usize,
                synced: false,
            }
        } else {
            Self::Bytes { begin: spec.begin.clone().into_bytes(), end: spec.end.clone().into_bytes() }
        })
    }
}

/// A mark, or what begins or ends CDATA, as groups 3, 1 and 2.
fn cdata_or(property: &'static str, mark: &str) -> Result<JavaRegex, InputError> {
    // The mark alone first, for letters to be counted from its own start.
    JavaRegex::new(mark).and_then(|_| JavaRegex::new(&format!(r"(CDATA\[)|(\]\]>)|({mark})"))).map_err(
        |error| InputError::Setting {
            property,
            value: format!("{mark:?} ({error})"),
            expected: "with slowmatch=true a regular expression",
        },
    )
}

/// Goes to the next `mark` byte by byte; `None` if `make_room` has none for so many bytes of a record. A byte that
/// breaks off a begun mark is not looked at again, so `<re<rec>` hides the mark `<rec>`, as in Hadoop.
fn find_bytes(
    window: &mut Window,
    bytes: &[u8],
    mark: Mark,
    record: &mut Vec<u8>,
    make_room: &mut dyn FnMut(usize) -> bool,
) -> Result<Option<bool>, InputError> {
    // `seen` bytes of the window were looked at; the last `begun` of them begin a mark.
    let (mut seen, mut begun) = (0, 0);
    loop {
        let data = window.data();
        while seen < data.len() && begun < bytes.len() {
            if begun == 0 {
                let skipped = memchr(bytes[0], &data[seen..]);
                seen += skipped.map_or(data.len() - seen, |at| at + 1);
                begun = usize::from(skipped.is_some());
            } else {
                begun = if data[seen] == bytes[begun] { begun + 1 } else { 0 };
                seen += 1;
            }
        }
        let found = begun == bytes.len();
        let passed = if mark == Mark::End && found { seen } else { seen - begun };
        if mark == Mark::End {
            if !make_room(record.len() + passed) {
                return Ok(None);
            }
            record.extend_from_slice(&data[..passed]);
        }
        window.consume(passed);
        if found || window.at_end() {
            return Ok(Some(found));
        }
        seen = begun;
        window.fill()?;
    }
}

/// Where CDATA may be open.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Cdata {
    Inside,
    Outside,
    /// Nothing of the file's start has been seen, so it may be either.
    Unknown,
}

/// Searches for a mark that is not in CDATA; returns where it begins or ends in `text`.
///
/// While it is unknown whether CDATA is open, the first mark counts unless what follows shows that it stood
/// in CDATA after all. Where a pattern matches nothing at all, Hadoop would search for ever; here the search
/// goes on one letter later.
fn search(pattern: &JavaRegex, text: &str, mark: Mark, synced: &mut bool) -> Option<usize> {
    let mut cdata = if *synced { Cdata::Outside } else { Cdata::Unknown };
    let mut first = None;
    let mut accepted = false;
    let mut matches = pattern.matches(text);
    while !accepted {
        let Some(found) = matches.find() else { break };
        if matches.group(1).is_some() {
            cdata = Cdata::Inside;
        } else if matches.group(2).is_some() {
            first = None;
            cdata = Cdata::Outside;
        } else {
            first = first.or(Some(found));
            accepted = cdata == Cdata::Outside;
        }
    }
    *synced |= cdata != Cdata::Unknown;
    let first = first.filter(|_| accepted || cdata == Cdata::Unknown)?;
    Some(if mark == Mark::Begin { first.start } else { first.end })
}

impl RecordReader for XmlReader {
    fn kinds(&self) -> (WritableKind, WritableKind) {
        (WritableKind::Text, WritableKind::Text)
    }

    fn next_record(&mut self) -> Result<Option<RecordRef<'_>>, InputError> {
        self.record.clear();
        for mark in [Mark::Begin, Mark::End] {
            self.ended = self.ended || self.position >= self.split_end() || !self.find(mark)?;
        }
        if self.ended {
            return Ok(None);
        }
        if self.record.is_empty() {
            // Hadoop hangs here, and so would we: the same nothing would come again and again.
            let what = "both marks match without a single character; expected an end mark with characters";
            let path = self.split.path.clone();
            return Err(InputError::Malformed { path, offset: self.position, what: what.to_owned() });
        }
        Ok(Some(RecordRef { key: &self.record, value: &[] }))
    }

    fn position(&self) -> Position {
        let path = self.split.path.clone();
        let consumed = self.position.saturating_sub(self.split.start).min(self.split.length);
        Position { path, offset: self.position, consumed }
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::{Folder, split};
    use super::*;
    use proptest::prelude::*;

    fn fast() -> XmlReaderSpec {
        XmlReaderSpec {
            begin: "<r>".to_owned(),
            end: "</r>".to_owned(),
            slow_match: false,
            record_bytes_max: 50_000,
            look_ahead_bytes: 100_000,
        }
    }

    fn slow() -> XmlReaderSpec {
        XmlReaderSpec { slow_match: true, ..fast() }
    }

    fn marked(begin: &str, end: &str, spec: &XmlReaderSpec) -> XmlReaderSpec {
        XmlReaderSpec { begin: begin.to_owned(), end: end.to_owned(), ..spec.clone() }
    }

    fn read_with(
        spec: &XmlReaderSpec,
        data: &[u8],
        range: std::ops::Range<usize>,
        buffer_bytes: usize,
    ) -> Vec<Vec<u8>> {
        let folder = Folder::new();
        let path = folder.write("data.gz", data); // the name must not matter
        let split = split(&path, range.start, range.end);
        let mut reader = XmlReader::with_sizes(
            &split,
            spec,
            (buffer_bytes, RECORD_BYTES_MAX),
            &StopFlag::default(),
            RecordRoom::unlimited(),
        )
        .unwrap();
        let mut records = Vec::new();
        while let Some(record) = reader.next_record().unwrap() {
            assert_eq!(record.value, b"");
            records.push(record.key.to_vec());
        }
        assert!(reader.next_record().unwrap().is_none(), "the end is the end");
        assert!(reader.position().consumed <= split.length);
        records
    }

    fn read(spec: &XmlReaderSpec, data: &[u8], start: usize, end: usize) -> Vec<Vec<u8>> {
        read_with(spec, data, start..end, BUFFER_BYTES)
    }

    fn check(spec: &XmlReaderSpec, data: &str, expect: &[&str]) {
        let expect: Vec<Vec<u8>> = expect.iter().map(|record| record.as_bytes().to_vec()).collect();
        assert_eq!(read(spec, data.as_bytes(), 0, data.len()), expect, "{data:?}");
    }

    #[test]
    fn records_are_what_stands_between_marks() {
        check(&fast(), "x<r>1</r> y <r>2\n</r><r>3</r>", &["<r>1</r>", "<r>2\n</r>", "<r>3</r>"]);
        check(&fast(), "<r>a<r>b</r>c</r><r>d</r>", &["<r>a<r>b</r>", "<r>d</r>"]); // xml-nested
        check(&fast(), "<r>été</r>日<r>本語</r>", &["<r>été</r>", "<r>本語</r>"]); // xml-utf8
        check(&fast(), "<r>never ended", &[]);
        check(&fast(), "nothing", &[]);
        check(&fast(), "", &[]);
        check(&marked("|", "|", &fast()), "a|b|c", &["|", "|"]);
    }

    #[test]
    fn matching_does_not_go_back() {
        let rec = marked("<rec>", "</rec>", &fast()); // xml-partial-marks
        let data = "<re<rec>lost</rec> <rec>one</re</rec> still one</rec><<rec>lost</rec><rec>two</rec>";
        check(&rec, data, &["<rec>one</re</rec> still one</rec>", "<rec>two</rec>"]);
    }

    #[test]
    fn a_record_belongs_to_the_split_of_its_first_byte() {
        let page = |number: u8| format!("<r>page {}</r>\n", char::from(b'a' + number));
        let data: String = (0..12).map(page).collect();
        for spec in [fast(), slow()] {
            let whole = read(&spec, data.as_bytes(), 0, data.len());
            assert_eq!(whole.len(), 12);
            for cut in 1..data.len() {
                let halves =
                    [read(&spec, data.as_bytes(), 0, cut), read(&spec, data.as_bytes(), cut, data.len())];
                assert_eq!(halves.concat(), whole, "cut at {cut}");
            }
        }
    }

    #[test]
    fn long_records_span_buffers() {
        for pad in BUFFER_BYTES - 6..BUFFER_BYTES + 2 {
            let record = format!("<r>{}</r>", "y".repeat(2 * BUFFER_BYTES - pad % 3));
            let data = format!("{}{record}<r>b</r>", "x".repeat(pad));
            let records = read(&fast(), data.as_bytes(), 0, data.len());
            // Not assert_eq: nobody wants to read these bytes.
            assert!(records == [record.as_bytes(), b"<r>b</r>"], "behind {pad} bytes");
        }
    }

    #[test]
    fn a_record_without_end_does_not_fill_memory() {
        let folder = Folder::new();
        let path = folder.write("data", b"<r>1</r><r>23456789...");
        let split = split(&path, 0, 22);
        let mut reader =
            XmlReader::with_sizes(&split, &fast(), (4, 10), &StopFlag::default(), RecordRoom::unlimited())
                .unwrap();
        assert_eq!(reader.next_record().unwrap().unwrap().key, b"<r>1</r>");
        let error = reader.next_record().unwrap_err().to_string();
        assert!(error.contains("more than 10 bytes"), "{error}");
        assert!(reader.window.capacity() <= 16);
    }

    #[test]
    fn slow_marks_are_patterns_and_know_cdata() {
        let digit = marked("<r[0-9]>", "</r[0-9]>", &slow()); // xml-slowmatch-regex
        check(&digit, "<r1>a</r1><rx>no</rx><r2>b</r2>", &["<r1>a</r1>", "<r2>b</r2>"]);
        check(&slow(), "<r>1</r><r>2</r>", &["<r>1</r>", "<r>2</r>"]);
        // The first record with CDATA is lost, and a mark inside CDATA does not count afterwards.
        let cdata = "<r>a<![CDATA[ </r> ]]>b</r> <r>c<![CDATA[</r>]]>d</r>";
        check(&slow(), cdata, &["<r>c<![CDATA[</r>]]>d</r>"]);
        // What is not found within the bytes of one search ends the split.
        let short = XmlReaderSpec { record_bytes_max: 4, look_ahead_bytes: 8, ..slow() };
        check(&short, "<r>1</r><r>long one</r><r>3</r>", &["<r>1</r>"]);
        // A record of other letters than Latin-1 is cut to the low bytes of its UTF-16 units, as long as
        // the position is still right by chance.
        assert_eq!(read(&slow(), "<r>\u{20ac}</r>".as_bytes(), 0, 10), [b"<r>\xac</r>"]);
    }

    #[test]
    fn marks_of_nothing_do_not_hang() {
        let folder = Folder::new();
        let split = split(&folder.write("data", b"ab"), 0, 2);
        let mut reader = XmlReader::open(
            &split,
            &marked("x*", "y*", &slow()),
            &StopFlag::default(),
            RecordRoom::unlimited(),
        )
        .unwrap();
        let error = reader.next_record().unwrap_err().to_string();
        assert!(error.contains("both marks match without"), "{error}");
    }

    #[test]
    fn bad_marks_are_errors_that_name_the_property() {
        for (spec, says) in [
            (marked("", "x", &fast()), "stream.recordreader.begin"),
            (marked("x", "", &slow()), "stream.recordreader.end"),
            (marked("x", "(?=y)", &slow()), "stream.recordreader.end is \"(?=y)\" (at letter"),
        ] {
            let Err(error) = XmlReader::open(
                &split(std::path::Path::new("/"), 0, 0),
                &spec,
                &StopFlag::default(),
                RecordRoom::unlimited(),
            ) else {
                panic!("{spec:?}")
            };
            assert!(error.to_string().contains(says), "{error}");
        }
    }

    /// The records of a split, by Hadoop's rules and one byte at a time, in memory.
    struct Oracle<'a> {
        spec: &'a XmlReaderSpec,
        data: &'a [u8],
        /// Where the next read begins.
        read: usize,
        /// Where Hadoop believes to be.
        position: usize,
        synced: bool,
    }

    impl Oracle<'_> {
        fn records(mut self, end: usize) -> Vec<Vec<u8>> {
            let mut records = Vec::new();
            self.find(false);
            while self.position < end {
                let begun = self.find(false).is_some() && self.position < end;
                let Some(record) = begun.then(|| self.find(true)).flatten() else { break };
                records.push(record);
            }
            records
        }

        fn find(&mut self, behind: bool) -> Option<Vec<u8>> {
            if self.spec.slow_match { self.find_pattern(behind) } else { self.find_text(behind) }
        }

        fn find_text(&mut self, behind: bool) -> Option<Vec<u8>> {
            let mark = if behind { self.spec.end.as_bytes() } else { self.spec.begin.as_bytes() };
            let from = self.read;
            let mut fitting = 0;
            while self.read < self.data.len() {
                self.read += 1;
                fitting = if self.data[self.read - 1] == mark[fitting] { fitting + 1 } else { 0 };
                if fitting == mark.len() {
                    self.read -= if behind { 0 } else { mark.len() };
                    self.position = self.read;
                    return Some(self.data[from..self.read].to_vec());
                }
            }
            None
        }

        /// For data in ASCII, where letters are bytes.
        fn find_pattern(&mut self, behind: bool) -> Option<Vec<u8>> {
            let mark = if behind { &self.spec.end } else { &self.spec.begin };
            let window = (self.spec.record_bytes_max.max(self.spec.look_ahead_bytes) as usize)
                .min(self.data.len() - self.read);
            let text = std::str::from_utf8(&self.data[self.read..self.read + window]).unwrap();
            let (mut at, mut inside, mut outside, mut candidate) = (0, false, self.synced, None);
            while at < text.len() {
                let rest = &text[at..];
                let mark = mark.as_str();
                if rest.starts_with("CDATA[") {
                    (inside, outside) = (true, false);
                    at += 6;
                } else if rest.starts_with("]]>") {
                    (inside, outside, candidate) = (false, true, None);
                    at += 3;
                } else if rest.starts_with(mark) {
                    candidate = candidate.or(Some(at));
                    if outside {
                        break;
                    }
                    at += mark.len();
                } else {
                    at += 1;
                }
            }
            self.synced |= inside || outside;
            let accepted = outside && at < text.len();
            let Some(found) = candidate.filter(|_| accepted || !inside && !outside) else {
                self.read += window;
                return None;
            };
            let passed = found + if behind { mark.len() } else { 0 };
            let record = text.as_bytes()[..passed].to_vec();
            self.read += passed;
            self.position += passed;
            Some(record)
        }
    }

    proptest! {
        #[test]
        fn any_buffer_any_split_the_oracles_records(
            words in prop::collection::vec(
                prop::sample::select(vec!["<r>", "</r>", "<", "r", "</", "x", "CDATA[", "]]>", "]"]),
                0..40,
            ),
            cuts in (0.0..1.0, 0.0..1.0),
            slow_match: bool,
            search_bytes in 1_u32..60,
            buffer_bytes in 1_usize..40,
        ) {
            let data = words.concat().into_bytes();
            let cut = |share: f64| (share * data.len() as f64) as usize;
            let (start, end) = (cut(cuts.0).min(cut(cuts.1)), cut(cuts.0).max(cut(cuts.1)));
            let spec = XmlReaderSpec {
                slow_match,
                record_bytes_max: search_bytes / 2,
                look_ahead_bytes: search_bytes,
                ..fast()
            };
            let oracle = Oracle { spec: &spec, data: &data, read: start, position: start, synced: false };
            let expect = oracle.records(end);
            prop_assert_eq!(read_with(&spec, &data, start..end, buffer_bytes), expect);
        }
    }
}
