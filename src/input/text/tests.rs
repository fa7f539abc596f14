//! Lines against a stupid oracle that goes byte by byte and knows no buffers.

use super::super::testing::{Folder, split};
use super::*;
use crate::codec::Codec;
use proptest::prelude::*;
use std::fs::OpenOptions;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;

/// Buffer sizes that put every byte at every edge of a buffer.
const BUFFERS: [usize; 5] = [1, 2, 3, 5, 64];

type Records = Vec<(u64, Vec<u8>)>;

/// The rules of one reading, spelled out over a whole file in memory.
struct Oracle<'a> {
    data: &'a [u8],
    end: usize,
    delimiter: Option<&'a [u8]>,
    max: Option<usize>,
}

struct Line {
    content: Range<usize>,
    next: usize,
    cut: bool,
}

impl Oracle<'_> {
    fn stops(&self, from: usize, at: usize) -> bool {
        at == self.end && from < self.end && self.max.is_some_and(|max| self.end - from >= max)
    }

    fn line(&self, from: usize) -> Option<Line> {
        let line = |end, next| Some(Line { content: from..end, next, cut: false });
        for at in from.. {
            match self.data.get(at) {
                _ if self.stops(from, at) => return line(at, at),
                None if at == from => return None,
                None => return line(at, at),
                Some(b'\r') if self.data.get(at + 1) == Some(&b'\n') => return line(at, at + 2),
                Some(b'\n' | b'\r') => return line(at, at + 1),
                _ => {}
            }
        }
        None
    }

    /// One byte after the other, with the number of delimiter bytes seen; a failed match starts again a byte
    /// after it began, or at the split's end if it began before that.
    fn delimited(&self, from: usize, delimiter: &[u8]) -> Option<Line> {
        let (mut at, mut seen, mut crossed) = (from, 0, false);
        loop {
            if seen == 0 && !crossed && self.stops(from, at) {
                return Some(Line { content: from..at, next: at, cut: false });
            }
            let Some(&byte) = self.data.get(at) else {
                return (at > from).then_some(Line { content: from..at, next: at, cut: false });
            };
            let begin = at - seen;
            if byte == delimiter[seen] {
                (at, seen) = (at + 1, seen + 1);
                if seen == delimiter.len() {
                    return Some(Line {
                        content: from..begin,
                        next: at,
                        cut: begin < self.end && at > self.end,
                    });
                }
            } else if begin < self.end && at >= self.end && seen > 0 {
                (at, seen, crossed) = (self.end, 0, true);
            } else {
                (at, seen) = (begin + 1, 0);
            }
        }
    }

    fn next(&self, from: usize) -> Option<Line> {
        self.delimiter.map_or_else(|| self.line(from), |delimiter| self.delimited(from, delimiter))
    }

    fn records(&self, start: usize) -> Records {
        let (mut at, mut one_more, mut last) = (start, false, false);
        if start > 0
            && let Some(line) = self.next(start)
        {
            (at, one_more) = (line.next, line.cut);
        }
        let mut records = Records::new();
        while !last && (at <= self.end || one_more) {
            let Some(Line { mut content, next, cut }) = self.next(at) else { break };
            let mut size = next - at;
            if at == 0 && self.data[content.clone()].starts_with(BYTE_ORDER_MARK) {
                content.start += 3;
                size -= 3;
            }
            if size == 0 {
                break;
            }
            if self.max.is_none_or(|max| size < max) {
                records.push((at as u64, self.data[content].to_vec()));
            }
            (last, one_more, at) = (one_more, cut, next);
        }
        records
    }
}

fn options(delimiter: Option<&[u8]>, max: Option<usize>, buffer_bytes: usize) -> LineOptions {
    let line_bytes_max = max.map_or(u64::MAX, |max| max as u64);
    let delimiter = delimiter.map(<[u8]>::to_vec);
    LineOptions { delimiter, line_bytes_max, buffer_bytes }
}

fn read_records(reader: &mut LineReader) -> Records {
    let mut records = Records::new();
    while let Some(record) = reader.next_record().unwrap() {
        records.push((u64::from_be_bytes(record.key.try_into().unwrap()), record.value.to_vec()));
    }
    records
}

fn read_blocks(reader: &mut LineReader) -> (Vec<u8>, u64) {
    let (mut bytes, mut records) = (Vec::new(), 0);
    while let Some(block) = reader.next_block().unwrap() {
        let begun = block.records == 0;
        assert!(if begun { !block.bytes.contains(&b'\n') } else { block.bytes.ends_with(b"\n") });
        assert!(!block.bytes.is_empty());
        if let Some((file, offset)) = block.file {
            let mut same = vec![0; block.bytes.len()];
            file.read_exact_at(&mut same, offset).unwrap();
            assert_eq!(same, block.bytes);
        }
        bytes.extend_from_slice(block.bytes);
        records += block.records;
    }
    (bytes, records)
}

/// Both ways of reading a split must give what the oracle says, with each buffer size. Returns it.
fn check(path: &Path, oracle: &Oracle<'_>, start: usize, buffers: &[usize]) -> Records {
    let expect = oracle.records(start);
    let text: Vec<u8> = expect.iter().flat_map(|(_, line)| [line, b"\n".as_slice()].concat()).collect();
    for &buffer in buffers {
        let options = options(oracle.delimiter, oracle.max, buffer);
        let splits = vec![split(path, start, oracle.end)];
        let shown = || {
            format!(
                "{:?} from {start} to {} delimiter {:?} max {:?} buffer {buffer}",
                String::from_utf8_lossy(oracle.data),
                oracle.end,
                oracle.delimiter.map(String::from_utf8_lossy),
                oracle.max
            )
        };
        let mut reader = LineReader::new(splits.clone(), &options);
        assert_eq!(read_records(&mut reader), expect, "{}", shown());
        assert!(reader.position().consumed <= (oracle.end - start) as u64, "{}", shown());
        let mut reader = LineReader::new(splits, &options);
        assert_eq!(read_blocks(&mut reader), (text.clone(), expect.len() as u64), "{}", shown());
    }
    expect
}

/// Every split of `data` against the oracle; if `tiles`, also that two splits give each record once.
fn check_splits(folder: &Folder, data: &[u8], delimiter: Option<&[u8]>, max: Option<usize>, tiles: bool) {
    let path = folder.write("data", data);
    let read = |start, end| check(&path, &Oracle { data, end, delimiter, max }, start, &BUFFERS);
    let whole = read(0, data.len());
    for cut in 1..data.len() {
        let halves = [read(0, cut), read(cut, data.len())].concat();
        assert!(!tiles || halves == whole, "{data:?} cut at {cut}: {halves:?}, not {whole:?}");
        for end in cut..data.len() {
            read(cut, end);
        }
    }
}

/// Every string over `alphabet` of up to `longest` bytes.
fn strings(alphabet: &[u8], longest: u32) -> impl Iterator<Item = Vec<u8>> {
    let base = alphabet.len();
    (0..=longest).flat_map(move |length| {
        (0..base.pow(length))
            .map(move |number| (0..length).map(|digit| alphabet[number / base.pow(digit) % base]).collect())
    })
}

#[test]
fn all_short_files_with_all_line_ends_and_all_splits() {
    let folder = Folder::new();
    for data in strings(b"a\n\r", 5) {
        check_splits(&folder, &data, None, None, true);
    }
}

#[test]
fn all_short_files_with_a_longest_line() {
    let folder = Folder::new();
    for data in strings(b"a\n\r", 4).chain([b"aaaaaa\naa\na\n".to_vec(), b"aaaaaaaaaaaaaaaaaaaaa".to_vec()]) {
        for max in [0, 1, 2, 3, 5] {
            check_splits(&folder, &data, None, Some(max), false);
        }
    }
}

#[test]
fn all_short_files_with_delimiters_and_all_splits() {
    let folder = Folder::new();
    for delimiter in [b"b".as_slice(), b"ab", b"aab", b"aa", b"\n"] {
        for data in strings(b"ab", 6).chain(strings(b"a\n", 4)) {
            // A delimiter that overlaps itself makes Hadoop read a record twice when a split's end cuts it.
            let tiles = !matches!(delimiter, b"aa" | b"aab");
            check_splits(&folder, &data, Some(delimiter), None, tiles);
            check_splits(&folder, &data, Some(delimiter), Some(3), false);
        }
    }
}

/// Found by breaking the code: a line that is let go in part must not make a begun delimiter look whole.
#[test]
fn a_long_line_let_go_at_the_split_end_keeps_the_delimiter_rule() {
    let folder = Folder::new();
    let data = b"xxxxxxxxxxxxxaaabyaabz";
    let path = folder.write("data", data);
    let oracle = Oracle { data, end: 15, delimiter: Some(b"aab"), max: Some(5) };
    assert_eq!(check(&path, &oracle, 0, &[16]), []);
}

#[test]
fn the_byte_order_mark_goes_at_the_start_of_a_file_only() {
    let folder = Folder::new();
    for tail in [b"".as_slice(), b"\n", b"\r\n", b"a", b"a\nb\n", b"\xEF\xBB\xBFa\n", b"a\n\xEF\xBB\xBFb"] {
        let data = [BYTE_ORDER_MARK, tail].concat();
        check_splits(&folder, &data, None, None, true);
        check_splits(&folder, &data, None, Some(5), false);
        check_splits(&folder, &data, Some(b"b"), None, true);
    }
    check_splits(&folder, b"\xEF\xBB", None, None, true);
}

proptest! {
    #[test]
    fn longer_files(
        data in proptest::collection::vec(prop_oneof![8 => Just(b'a'), 2 => Just(b'\n'), 1 => Just(b'\r')], 0..300),
        cuts in (0..1000_usize, 0..1000_usize),
        buffer in 1..64_usize,
        max in proptest::option::of(1..40_usize),
        delimiter in proptest::option::of("[a\n]{1,4}"),
    ) {
        let folder = Folder::new();
        let path = folder.write("data", &data);
        let (one, two) = (cuts.0 % (data.len() + 1), cuts.1 % (data.len() + 1));
        let (start, end) = (one.min(two), one.max(two));
        let oracle = Oracle { data: &data, end, delimiter: delimiter.as_deref().map(str::as_bytes), max };
        check(&path, &oracle, start, &[buffer, BUFFER_BYTES]);
    }
}

/// A bzip2 file with a block for each piece, and the byte in which each block begins.
fn bzip2(pieces: &[Vec<u8>]) -> (Vec<u8>, Vec<usize>) {
    let (mut file, mut blocks) = (Vec::new(), Vec::new());
    for piece in pieces {
        blocks.push(file.len() + 4);
        let mut encoder = Codec::Bzip2.encoder(Box::new(&mut file)).unwrap();
        encoder.write_all(piece).unwrap();
        encoder.finish().unwrap();
    }
    (file, blocks)
}

/// A split has the lines that its own blocks would have as a split of the text. Keys are counted from the
/// split's start. Hadoop: `CompressedSplitLineReader`.
fn check_bzip2(pieces: &[Vec<u8>], size: usize, delimiter: Option<&[u8]>, buffer: usize) {
    let (file, blocks) = bzip2(pieces);
    let folder = Folder::new();
    let path = folder.write("data.bz2", &file);
    for start in (0..file.len()).step_by(size) {
        let end = file.len().min(start + size);
        // A file's first block belongs to its first split, whatever its size.
        let owner = |at: usize| if at == 0 { 0 } else { blocks[at] };
        let own: Vec<usize> = (0..pieces.len()).filter(|&at| (start..end).contains(&owner(at))).collect();
        let before = if start == 0 { vec![] } else { vec![b'x'] };
        let first = own.first().copied().unwrap_or(pieces.len());
        let data = [before.clone(), pieces[first..].concat()].concat();
        let own_bytes: usize = own.iter().map(|&at| pieces[at].len()).sum();
        let oracle = Oracle { data: &data, end: before.len() + own_bytes, delimiter, max: None };
        let mut expect = if own.is_empty() { Records::new() } else { oracle.records(before.len()) };
        for (key, _) in &mut expect {
            *key += (start - before.len()) as u64;
        }

        let split = InputSplit { codec: Some(Codec::Bzip2), ..split(&path, start, end) };
        let mut reader = LineReader::new(vec![split], &options(delimiter, None, buffer));
        assert_eq!(
            read_records(&mut reader),
            expect,
            "{pieces:?} by {size}, {start}..{end}, buffer {buffer}"
        );
    }
}

proptest! {
    #[test]
    fn splits_of_bzip2(
        pieces in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![6 => Just(b'a'), 2 => Just(b'\n'), 1 => Just(b'\r')], 1..12),
            1..6,
        ),
        size in 1..120_usize,
        buffer in 1..20_usize,
        delimiter in proptest::option::of("[a\n]{1,3}"),
    ) {
        check_bzip2(&pieces, size, delimiter.as_deref().map(str::as_bytes), buffer);
    }
}

/// Length of the text that the first bytes of a compressed file say: what comes before a decoder misses the rest.
fn said_by(codec: Codec, stored: &[u8]) -> usize {
    let (mut said, mut piece) = (0, [0; 7]);
    let mut decoder = codec.decoder(Box::new(stored));
    while let Ok(count @ 1..) = decoder.read(&mut piece) {
        said += count;
    }
    said
}

/// A split of a compressed stream has the lines that the text its bytes add would have as a split of all the text,
/// with their offsets there; so all splits together have each line once.
fn check_cut_stream(codec: Codec, members: &[Vec<u8>], size: usize, delimiter: Option<&[u8]>, buffer: usize) {
    let mut stored = Vec::new();
    for member in members {
        let mut encoder = codec.encoder(Box::new(&mut stored)).unwrap();
        encoder.write_all(member).unwrap();
        encoder.finish().unwrap();
    }
    let text = members.concat();
    let folder = Folder::new();
    let path = folder.write("data", &stored);
    let (mut all, mut consumed) = (Records::new(), 0);
    for start in (0..stored.len()).step_by(size) {
        let end = stored.len().min(start + size);
        // The oracle takes what begins at 0 for the start of a file.
        let before = vec![b'x'; usize::from(start > 0)];
        let data = [before.clone(), text.clone()].concat();
        let oracle_end = before.len() + said_by(codec, &stored[..end]);
        let oracle = Oracle { data: &data, end: oracle_end, delimiter, max: None };
        let mut expect = oracle.records(before.len() + said_by(codec, &stored[..start]));
        for (key, _) in &mut expect {
            *key -= before.len() as u64;
        }

        let cut_stream_bytes = Some(stored.len() as u64);
        let split = InputSplit { codec: Some(codec), cut_stream_bytes, ..split(&path, start, end) };
        let options = options(delimiter, None, buffer);
        let mut reader = LineReader::new(vec![split.clone()], &options);
        let records = read_records(&mut reader);
        assert_eq!(records, expect, "{codec:?} {members:?} by {size}, {start}..{end}, buffer {buffer}");
        let lines: Vec<u8> = expect.iter().flat_map(|(_, line)| [line, &b"\n"[..]].concat()).collect();
        assert_eq!(read_blocks(&mut LineReader::new(vec![split], &options)), (lines, expect.len() as u64));
        consumed += reader.position().consumed;
        all.extend(records);
    }
    assert_eq!(consumed, stored.len() as u64, "{codec:?} {members:?} by {size}");
    if delimiter.is_none() {
        let whole = Oracle { data: &text, end: text.len(), delimiter, max: None };
        assert_eq!(all, whole.records(0), "{codec:?} {members:?} by {size}: each line once");
    }
}

/// Codecs whose files are one stream.
const STREAMS: [Codec; 5] = [Codec::Gzip, Codec::Deflate, Codec::Zstd, Codec::Snappy, Codec::Lz4];

#[test]
fn every_byte_of_a_compressed_stream_can_be_a_split_boundary() {
    let text = b"a\r\n\nbb\rccc\n\r\r\ndddd".to_vec();
    for codec in STREAMS {
        for size in 1..80 {
            check_cut_stream(codec, &[text.clone(), b"\ne\n".to_vec(), b"f".to_vec()], size, None, 3);
        }
    }
}

#[test]
fn a_cut_stream_is_decompressed_in_many_steps() {
    // Noise, so that it takes many reads of the stored file, and long lines among it.
    let mut state = 1_u64;
    let mut letter = || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let letter = (state >> 58) as u8;
        if letter == 0 { b'\n' } else { letter + b'0' }
    };
    let text: Vec<u8> = std::iter::repeat_with(&mut letter).take(400_000).collect();
    let zeros = [vec![b'0'; 600_000], b"\n1".to_vec()].concat();
    for codec in STREAMS {
        for (size, buffer) in [(40_001, BUFFER_BYTES), (150_000, 1_000)] {
            check_cut_stream(codec, &[text.clone(), zeros.clone(), text.clone()], size, None, buffer);
        }
    }
}

proptest! {
    #[test]
    fn splits_of_compressed_streams(
        members in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![6 => Just(b'a'), 2 => Just(b'\n'), 1 => Just(b'\r')], 0..60),
            1..4,
        ),
        codec in proptest::sample::select(STREAMS.to_vec()),
        size in 1..80_usize,
        buffer in 1..20_usize,
        delimiter in proptest::option::of("[a\n]{1,3}"),
    ) {
        let empty_ends = matches!(codec, Codec::Snappy | Codec::Lz4);
        let kept = |member: &Vec<u8>| !(empty_ends && member.is_empty());
        let members: Vec<Vec<u8>> = members.into_iter().filter(kept).collect();
        check_cut_stream(codec, &members, size, delimiter.as_deref().map(str::as_bytes), buffer);
    }
}

/// Reads all of `data` as one split.
fn check_text(data: &str, expect: &[&str]) {
    let folder = Folder::new();
    let path = folder.write("data", data.as_bytes());
    let oracle = Oracle { data: data.as_bytes(), end: data.len(), delimiter: None, max: None };
    let lines: Vec<Vec<u8>> = check(&path, &oracle, 0, &BUFFERS).into_iter().map(|(_, line)| line).collect();
    assert_eq!(lines, expect.iter().map(|line| line.as_bytes()).collect::<Vec<_>>(), "{data:?}");
}

#[test]
fn line_ends() {
    check_text("", &[]);
    check_text("a", &["a"]);
    check_text("a\n\nb", &["a", "", "b"]);
    check_text("a\r\nb\rc\r\r\nd\r", &["a", "b", "c", "", "d"]);
    check_text("\u{FEFF}", &[]);
    check_text("\u{FEFF}\n", &[""]);
}

#[test]
fn a_block_without_cr_is_the_buffer_itself() {
    let folder = Folder::new();
    let path = folder.write("data", b"one\ntwo\nthr");
    let mut reader = LineReader::new(vec![split(&path, 0, 11)], &LineOptions::default());
    let block = reader.next_block().unwrap().unwrap();
    assert_eq!((block.bytes, block.records), (&b"one\ntwo\n"[..], 2));
    assert_eq!(block.file.map(|(_, offset)| offset), Some(0));
    assert_eq!(reader.position(), Position { path, offset: 8, consumed: 8 });
    assert_eq!(reader.next_record().unwrap().unwrap().value, b"thr");
    assert!(reader.next_block().unwrap().is_none());
    assert!(reader.rewritten.is_empty(), "nothing was copied");
}

#[test]
fn several_splits_are_read_in_turn() {
    let folder = Folder::new();
    let paths = [folder.write("a", b"a1\na2"), folder.write("empty", b""), folder.write("b", b"b1\r\n")];
    let splits = vec![split(&paths[0], 0, 5), split(&paths[1], 0, 0), split(&paths[2], 0, 4)];
    let mut reader = LineReader::new(splits.clone(), &LineOptions::default());
    assert_eq!(reader.position(), Position { path: paths[0].clone(), offset: 0, consumed: 0 });
    assert_eq!(read_blocks(&mut reader), (b"a1\na2\nb1\n".to_vec(), 3));
    assert_eq!(reader.position(), Position { path: paths[2].clone(), offset: 4, consumed: 9 });
    let mut reader = LineReader::new(splits, &LineOptions::default());
    let offsets: Vec<u64> = read_records(&mut reader).iter().map(|(offset, _)| *offset).collect();
    assert_eq!(offsets, [0, 3, 0]);
}

#[test]
fn a_line_longer_than_the_buffer_is_whole() {
    let folder = Folder::new();
    let mut data = vec![b'x'; 3 * BUFFER_BYTES + 7];
    data.extend_from_slice(b"\nend\n");
    let path = folder.write("data", &data);
    let mut reader = LineReader::new(vec![split(&path, 0, data.len())], &LineOptions::default());
    assert_eq!(read_blocks(&mut reader), (data.clone(), 2));
    let mut reader = LineReader::new(vec![split(&path, 5, data.len())], &LineOptions::default());
    assert_eq!(read_blocks(&mut reader), (b"end\n".to_vec(), 1));
}

/// Whoever reads blocks need not hold the lines; and who reads records holds little more than the longest.
#[test]
fn a_long_line_takes_no_more_memory_than_it_must() {
    let folder = Folder::new();
    let mut data = vec![b'x'; 9 << 20];
    data.extend_from_slice(b"\n\xEF\xBB\xBFend\r\n");
    let path = folder.write("data", &data);
    let splits = vec![split(&path, 0, data.len())];
    data.remove(data.len() - 2);
    let mut reader = LineReader::new(splits.clone(), &LineOptions::default());
    assert!(read_blocks(&mut reader) == (data, 2));
    assert!(reader.window.capacity() <= BUFFER_BYTES, "{}", reader.window.capacity());
    let mut reader = LineReader::new(splits, &LineOptions::default());
    assert_eq!(read_records(&mut reader).len(), 2);
    assert!(reader.window.touched() <= 10 << 20, "{}", reader.window.touched());
}

/// A mark in the middle of the first line is not at its start, wherever the line was broken.
#[test]
fn a_line_that_has_begun_keeps_its_byte_order_marks() {
    let folder = Folder::new();
    for at in 0..6 {
        check_splits(
            &folder,
            &[&b"aaaaaa"[..at], BYTE_ORDER_MARK, BYTE_ORDER_MARK, b"b\rc"].concat(),
            None,
            None,
            true,
        );
    }
}

#[test]
fn dropped_lines_do_not_fill_the_memory() {
    let folder = Folder::new();
    let mut data = vec![b'x'; 1 << 20];
    data.extend_from_slice(b"\nend\n");
    let path = folder.write("data", &data);
    for (start, max) in [(0, Some(10)), (1, None)] {
        let mut reader = LineReader::new(vec![split(&path, start, data.len())], &options(None, max, 1_024));
        assert_eq!(read_blocks(&mut reader), (b"end\n".to_vec(), 1));
        assert!(reader.window.data().is_empty() && reader.window.capacity() < 16_384, "from {start}");
    }
}

#[test]
fn compressed_files_are_one_split_with_offsets_in_the_text() {
    let folder = Folder::new();
    let member = |text: &[u8]| {
        let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
        writer.write_all(text).unwrap();
        writer.finish().unwrap()
    };
    // A line spans the members.
    let stored = [member(b"\xEF\xBB\xBFone\r\ntw"), member(b"o\nthree")].concat();
    let path = folder.write("a.gz", &stored);
    let whole = InputSplit { codec: Some(Codec::Gzip), ..split(&path, 0, stored.len()) };
    for buffer in BUFFERS {
        let mut reader = LineReader::new(vec![whole.clone()], &options(None, None, buffer));
        let expect = [(0, b"one".to_vec()), (8, b"two".to_vec()), (12, b"three".to_vec())];
        assert_eq!(read_records(&mut reader), expect);
        assert_eq!(reader.position().consumed, stored.len() as u64);
    }
    let middle = InputSplit { start: 1, ..whole };
    let mut reader = LineReader::new(vec![middle], &LineOptions::default());
    assert!(matches!(reader.next_record(), Err(InputError::Malformed { offset: 1, .. })));
}

#[test]
fn a_file_that_shrank_is_an_error_that_names_it() {
    let folder = Folder::new();
    let path = folder.write("data", b"one\ntwo\nthree\n");
    let mut reader = LineReader::new(vec![split(&path, 0, 14)], &options(None, None, 4));
    assert!(reader.next_block().unwrap().is_some());
    OpenOptions::new().write(true).open(&path).unwrap().set_len(6).unwrap();
    let error = loop {
        match reader.next_block() {
            Ok(block) => assert!(block.is_some(), "the end came without an error"),
            Err(error) => break error,
        }
    };
    let text = error.to_string();
    assert!(text.contains(path.to_str().unwrap()) && text.contains("cut short"), "{text}");
}

#[test]
fn a_missing_file_is_an_error_that_names_it() {
    let folder = Folder::new();
    let mut reader = LineReader::new(vec![split(&folder.path().join("gone"), 0, 1)], &LineOptions::default());
    let error = reader.next_block().unwrap_err();
    assert!(error.to_string().contains("gone"), "{error}");
}
