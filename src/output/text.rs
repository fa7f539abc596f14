//! Text files: key, separator, value, newline. Hadoop: `TextOutputFormat.LineRecordWriter`.
//!
//! Two ways in. [`TextWriter::write`] takes one record of any classes. [`TextWriter::write_lines`] takes a
//! block of lines as a child wrote them: cutting such a line at its first tab and joining the halves with a
//! tab again changes nothing but lines without a tab, which gain one at their end, so a block is searched
//! for those and goes to the file as it is. Whether the job allows that is for the caller to know.

use super::part_file::{BUFFER_BYTES, PartFile};
use super::{OutputError, Stored};
use crate::codec::{Codec, FinishWrite};
use crate::error::At;
use crate::plan::OutputSpec;
use crate::record::RecordRef;
use crate::writable::WritableKind;
use std::io::Write;
use std::path::{Path, PathBuf};

/// Blocks at least this long go to the file without a stop in the buffer: copying them would cost more than
/// the system call.
const DIRECT_BYTES: usize = 64 * 1024;

/// Writes one text file.
pub struct TextWriter {
    path: PathBuf,
    codec: Option<Codec>,
    separator: Vec<u8>,
    key_kind: WritableKind,
    value_kind: WritableKind,
    /// `None` until the first record of a writer that makes no empty file.
    sink: Option<Sink>,
    buffer: Vec<u8>,
    records: u64,
    /// The line that [`TextWriter::write_lines`] was last given the beginning of has a tab.
    begun_has_tab: bool,
}

enum Sink {
    Plain(PartFile),
    Encoded(Box<dyn FinishWrite>, PartFile),
}

impl TextWriter {
    /// Writes `path`, to which the codec's extension is added. With `no_empty_file` the file is made when
    /// the first record comes; otherwise now, and an empty one is still a valid file of its codec.
    pub(super) fn create(spec: &OutputSpec, path: &Path, no_empty_file: bool) -> Result<Self, OutputError> {
        let mut path = path.to_path_buf();
        if let Some(codec) = spec.codec {
            path.as_mut_os_string().push(codec.extension());
        }
        let mut writer = Self {
            path,
            codec: spec.codec,
            separator: spec.separator.clone(),
            key_kind: spec.key_kind.clone(),
            value_kind: spec.value_kind.clone(),
            sink: None,
            buffer: Vec::new(),
            records: 0,
            begun_has_tab: false,
        };
        if !no_empty_file {
            writer.open()?;
        }
        Ok(writer)
    }

    /// Whether text lines may come in blocks: keys and values are text, and a tab stands between them.
    pub fn takes_lines(&self) -> bool {
        let text = |kind: &WritableKind| *kind == WritableKind::Text;
        text(&self.key_kind) && text(&self.value_kind) && self.separator == b"\t"
    }

    /// Records taken so far.
    pub fn records(&self) -> u64 {
        self.records
    }

    /// Adds one record. A `NullWritable` takes its separator with it, and two of them leave no line.
    pub fn write(&mut self, record: RecordRef<'_>) -> Result<(), OutputError> {
        self.records += 1;
        let (has_key, has_value) =
            (self.key_kind != WritableKind::Null, self.value_kind != WritableKind::Null);
        if has_key {
            self.key_kind.write_display(record.key, &mut self.buffer)?;
        }
        if has_key && has_value {
            self.buffer.extend_from_slice(&self.separator);
        }
        if has_value {
            if self.value_kind == WritableKind::Bytes {
                self.display_in_pieces(record.value)?;
            } else {
                self.value_kind.write_display(record.value, &mut self.buffer)?;
            }
        }
        if has_key || has_value {
            self.buffer.push(b'\n');
        }
        self.empty_buffer_when_full()
    }

    /// Adds the text of a value of bytes, which is three times as long.
    fn display_in_pieces(&mut self, value: &[u8]) -> Result<(), OutputError> {
        for (number, piece) in value.chunks(DIRECT_BYTES).enumerate() {
            if number > 0 {
                self.buffer.push(b' ');
            }
            WritableKind::Bytes.write_display(piece, &mut self.buffer)?;
            self.empty_buffer_when_full()?;
        }
        Ok(())
    }

    /// Adds the lines of `block`, each ended by its newline and without a carriage return, as text records
    /// cut at the first tab. The last one may go on in the next block. Returns how many end in this one. Only for a
    /// writer that [takes lines].
    ///
    /// [takes lines]: Self::takes_lines
    pub fn write_lines(&mut self, block: &[u8]) -> Result<u64, OutputError> {
        debug_assert!(self.takes_lines(), "lines for a file of other records");
        let buffer = &mut self.buffer;
        let mut from = 0;
        let lines = scan_lines(block, &mut self.begun_has_tab, |newline| {
            buffer.extend_from_slice(&block[from..newline]);
            buffer.push(b'\t');
            from = newline;
        });
        self.records += lines;
        let rest = &block[from..];
        if rest.len() >= DIRECT_BYTES {
            self.empty_buffer()?;
            self.store(rest)?;
        } else {
            self.buffer.extend_from_slice(rest);
            self.empty_buffer_when_full()?;
        }
        Ok(lines)
    }

    /// Writes what is left and returns what the file has, compressed if it is; nothing without a file.
    pub fn finish(mut self) -> Result<Stored, OutputError> {
        if self.records > 0 {
            self.open()?;
        }
        self.empty_buffer()?;
        match self.sink {
            None => Ok(Stored::default()),
            Some(Sink::Plain(file)) => Ok(file.finish()?),
            Some(Sink::Encoded(encoder, file)) => {
                encoder.finish().at("compress output file", &self.path)?;
                Ok(file.finish()?)
            }
        }
    }

    fn open(&mut self) -> Result<&mut Sink, OutputError> {
        if self.sink.is_none() {
            let file = PartFile::create(&self.path)?;
            let sink = match self.codec {
                None => Sink::Plain(file),
                Some(codec) => {
                    let encoder = codec.encoder(Box::new(file.clone())).at("compress", file.path())?;
                    Sink::Encoded(encoder, file)
                }
            };
            self.sink = Some(sink);
        }
        Ok(self.sink.as_mut().expect("a sink was just put there"))
    }

    fn empty_buffer_when_full(&mut self) -> Result<(), OutputError> {
        if self.buffer.len() >= BUFFER_BYTES { self.empty_buffer() } else { Ok(()) }
    }

    fn empty_buffer(&mut self) -> Result<(), OutputError> {
        if self.buffer.is_empty() {
            return Ok(());
        }
        let gathered = std::mem::take(&mut self.buffer);
        self.store(&gathered)?;
        self.buffer = gathered;
        self.buffer.clear();
        Ok(())
    }

    fn store(&mut self, bytes: &[u8]) -> Result<(), OutputError> {
        let written = match self.open()? {
            Sink::Plain(file) => file.write_all(bytes),
            Sink::Encoded(encoder, _) => encoder.write_all(bytes),
        };
        Ok(written.at_write("write output file", &self.path, bytes.len() as u64)?)
    }
}

/// Counts the lines of `block` and calls `without_tab` with the position of each newline whose line has no
/// tab before it. `begun_has_tab` is whether there is one in what came before of the first line, and then in what
/// there is of the one that is broken off.
///
/// Eight bytes at a time and without a branch per line, because lines are short: a search for each tab and
/// each newline would spend its time on being called. In a word's mask the top bit of a byte stands for a
/// match. A bit put behind each tab and added to the bytes that are neither tab nor newline runs on as a
/// carry to the next match, into the next word if need be; a newline that no carry reaches has no tab.
fn scan_lines(block: &[u8], begun_has_tab: &mut bool, mut without_tab: impl FnMut(usize)) -> u64 {
    let mut lines = 0;
    let mut after_tab = u64::from(*begun_has_tab);
    let (words, tail) = block.as_chunks::<8>();
    let mut padded = [0; 8];
    padded[..tail.len()].copy_from_slice(tail);
    for (number, word) in words.iter().chain([&padded]).enumerate() {
        let word = u64::from_le_bytes(*word);
        let (tabs, newlines) = (matches(word, b'\t'), matches(word, b'\n'));
        let (ran, left) = (!(tabs | newlines)).overflowing_add(tabs << 1 | after_tab);
        let mut missing = newlines & !ran;
        after_tab = u64::from(left) | tabs >> 63;
        lines += (newlines >> 7).wrapping_mul(ONES) >> 56;
        while missing != 0 {
            without_tab(number * 8 + missing.trailing_zeros() as usize / 8);
            missing &= missing - 1;
        }
    }
    *begun_has_tab = after_tab != 0; // a carry that runs on met no newline, and the zeros behind do not stop it
    lines
}

/// One in each byte.
const ONES: u64 = u64::from_le_bytes([1; 8]);

/// The top bit of each byte of `word` that is `byte`; exact, unlike the usual test for a zero byte.
fn matches(word: u64, byte: u8) -> u64 {
    const LOW: u64 = ONES * 0x7f;
    let differing = word ^ (ONES * u64::from(byte));
    !(((differing & LOW) + LOW) | differing | LOW)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::output::tests::spec;
    use crate::plan::OutputFormat;
    use proptest::prelude::*;

    /// What the file holds after `write` has had the writer.
    fn written(spec: &OutputSpec, write: impl FnOnce(&mut TextWriter)) -> (Vec<u8>, u64) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("part");
        let mut writer = TextWriter::create(spec, &path, false).unwrap();
        write(&mut writer);
        let records = writer.records();
        let stored = writer.finish().unwrap().bytes;
        let bytes = std::fs::read(&path).unwrap();
        assert_eq!(bytes.len() as u64, stored);
        (bytes, records)
    }

    fn text_spec() -> OutputSpec {
        spec(OutputFormat::Text, Path::new("/out"))
    }

    fn check(kinds: [WritableKind; 2], separator: &str, key: &[u8], value: &[u8], expect: &str) {
        let [key_kind, value_kind] = kinds;
        let spec = OutputSpec { key_kind, value_kind, separator: separator.into(), ..text_spec() };
        let (bytes, records) = written(&spec, |writer| writer.write(RecordRef { key, value }).unwrap());
        assert_eq!((String::from_utf8_lossy(&bytes).as_ref(), records), (expect, 1));
    }

    #[test]
    fn records_are_printed_by_class() {
        use WritableKind::{Bytes, Long, Null, Text};
        let two = 2_i64.to_be_bytes();
        check([Text, Text], "\t", b"k", b"v", "k\tv\n");
        check([Text, Text], "::", b"k", b"", "k::\n");
        check([Text, Text], "", b"k", b"v", "kv\n");
        check([Long, Text], "\t", &two, b"v", "2\tv\n");
        check([Bytes, Text], "\t", b"\x0a\xff", b"v", "0a ff\tv\n");
        check([Text, Bytes], "\t", b"k", b"", "k\t\n");
        let long = vec![b'\n'; 2 * DIRECT_BYTES + 1];
        check([Text, Bytes], "\t", b"k", &long, &format!("k\t0a{}\n", " 0a".repeat(2 * DIRECT_BYTES)));
        check([Null, Text], "\t", b"", b"v", "v\n");
        check([Text, Null], "\t", b"k", b"", "k\n");
        check([Null, Null], "\t", b"", b"", "");
    }

    #[test]
    fn only_text_around_a_tab_is_taken_in_blocks() {
        let takes = |spec: OutputSpec| {
            TextWriter::create(&spec, Path::new("/nowhere/part"), true).unwrap().takes_lines()
        };
        assert!(takes(text_spec()));
        assert!(!takes(OutputSpec { separator: b",".to_vec(), ..text_spec() }));
        assert!(!takes(OutputSpec { key_kind: WritableKind::Long, ..text_spec() }));
        assert!(!takes(OutputSpec { value_kind: WritableKind::Null, ..text_spec() }));
    }

    #[test]
    fn a_record_that_leaves_no_line_still_makes_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let kinds =
            OutputSpec { key_kind: WritableKind::Null, value_kind: WritableKind::Null, ..text_spec() };
        for records in [0, 1] {
            let path = folder.path().join("part");
            let mut writer = TextWriter::create(&kinds, &path, true).unwrap();
            for _ in 0..records {
                writer.write(RecordRef::default()).unwrap();
            }
            assert_eq!(writer.finish().unwrap().bytes, 0);
            assert_eq!(path.exists(), records > 0);
        }
    }

    /// Blocks must give what their lines give one by one.
    fn check_blocks(blocks: &[Vec<u8>]) {
        let mut expect = Vec::new();
        let mut lines = 0;
        for line in blocks.concat().split_inclusive(|byte| *byte == b'\n') {
            lines += 1;
            expect.extend_from_slice(&line[..line.len() - 1]);
            expect.extend_from_slice(if line.contains(&b'\t') { b"\n" } else { b"\t\n" });
        }
        let (bytes, records) = written(&text_spec(), |writer| {
            let taken: u64 = blocks.iter().map(|block| writer.write_lines(block).unwrap()).sum();
            assert_eq!(taken, lines);
        });
        assert!(bytes == expect, "{blocks:?}: {:?}", String::from_utf8_lossy(&bytes));
        assert_eq!(records, lines);
    }

    #[test]
    fn large_blocks_go_round_the_buffer_in_order() {
        let lines = |line: &[u8], count| line.repeat(count);
        check_blocks(&[lines(b"a\tb\n", 3), lines(b"c\td\n", DIRECT_BYTES), lines(b"e\n", 3)]);
        check_blocks(&[lines(b"word\n", BUFFER_BYTES), lines(b"x\ty\n", 2)]);
        let mut late = lines(b"\n", 2);
        late.extend(lines(b"k\tv\n", DIRECT_BYTES));
        check_blocks(&[late]);
    }

    proptest! {
        #[test]
        fn lines_without_a_tab_gain_one(bytes in proptest::collection::vec(
            prop_oneof![Just(b'\t'), Just(b'\n'), Just(b'\x08'), Just(b'\x0b'), Just(0x89), Just(0x8a), any::<u8>()],
            0..80,
        ), cut in 0..80_usize) {
            let mut first = bytes[..cut.min(bytes.len())].to_vec();
            let mut second = bytes[cut.min(bytes.len())..].to_vec();
            second.push(b'\n');
            check_blocks(&[first.clone(), second.clone(), Vec::new()]);
            first.push(b'\n');
            check_blocks(&[first, second]);
        }
    }

    /// `cargo test --release -- --ignored --nocapture nanoseconds`
    #[test]
    #[ignore = "a measurement"]
    fn nanoseconds_per_line() {
        for line in ["word\t1\n", "word\n", &format!("{:>10}\t{:>88}\n", "key", "value")] {
            let block = line.as_bytes().repeat((64 << 10) / line.len());
            let path = Path::new("/dev/null");
            let mut writer = TextWriter::create(&text_spec(), path, false).unwrap();
            let start = std::time::Instant::now();
            while writer.records() < 20_000_000 {
                writer.write_lines(&block).unwrap();
            }
            let spent = start.elapsed().as_secs_f64();
            let bytes = writer.records() as f64 * line.len() as f64;
            println!("{line:?}: {:.1} ns/line, {:.1} GB/s", spent * 1e9 / 2e7, bytes / spent / 1e9);
        }
    }
}
