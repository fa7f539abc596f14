//! Output files in a form that can be compared: decompressed, and sequence files as lines.
//!
//! Written apart from the engine's own readers on purpose: a shared mistake would go unseen.

use std::io::Read;

/// What stands in the file, whatever its compression. `Err` says why it cannot be decoded.
pub(crate) fn normalise(name: &str, data: &[u8], ordered: bool) -> Result<Vec<u8>, String> {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension);
    let mut plain = Vec::new();
    let read = match extension {
        "gz" => flate2::read::MultiGzDecoder::new(data).read_to_end(&mut plain),
        "bz2" => bzip2::read::MultiBzDecoder::new(data).read_to_end(&mut plain),
        "deflate" => flate2::read::ZlibDecoder::new(data).read_to_end(&mut plain),
        _ => {
            let sequence = data.starts_with(b"SEQ\x06");
            plain = if sequence { dump_sequence_file(data) } else { Some(data.to_vec()) }
                .ok_or("a damaged sequence file")?;
            Ok(plain.len())
        }
    };
    read.map_err(|why| format!("cannot decompress: {why}"))?;
    if !ordered {
        let mut lines: Vec<&[u8]> = plain.split_inclusive(|&byte| byte == b'\n').collect();
        lines.sort_unstable();
        plain = lines.concat();
    }
    Ok(plain)
}

/// Bytes being read from the front.
struct Cursor<'a>(&'a [u8]);

impl<'a> Cursor<'a> {
    fn take(&mut self, count: usize) -> Option<&'a [u8]> {
        let (head, tail) = self.0.split_at_checked(count)?;
        self.0 = tail;
        Some(head)
    }

    /// A big-endian number of four bytes.
    fn int(&mut self) -> Option<i32> {
        Some(i32::from_be_bytes(self.take(4)?.try_into().ok()?))
    }

    /// Hadoop's variable-length number.
    fn vint(&mut self) -> Option<usize> {
        let first = i64::from(self.take(1)?[0] as i8);
        if first >= -112 {
            return usize::try_from(first).ok();
        }
        let count = if first >= -120 { -first - 112 } else { -first - 120 };
        let value =
            self.take(count as usize)?.iter().fold(0_i64, |value, &byte| value << 8 | i64::from(byte));
        usize::try_from(if first >= -120 { value } else { !value }).ok()
    }

    /// Bytes behind their length.
    fn sized(&mut self) -> Option<&'a [u8]> {
        let count = self.vint()?;
        self.take(count)
    }
}

/// The class names, that of the codec too, then hex of each key and value; sync marks and metadata left out.
fn dump_sequence_file(data: &[u8]) -> Option<Vec<u8>> {
    let mut input = Cursor(data);
    input.take(4)?;
    let mut lines = vec![input.sized()?.to_vec(), input.sized()?.to_vec()];
    let flags = input.take(2)?;
    let (compressed, block) = (flags[0] != 0, flags[1] != 0);
    if compressed {
        lines.push(input.sized()?.to_vec());
    }
    for _ in 0..2 * input.int()? {
        input.sized()?;
    }
    input.take(16)?;
    while !input.0.is_empty() {
        if block {
            dump_block(&mut input, &mut lines)?;
        } else {
            dump_record(&mut input, compressed, &mut lines)?;
        }
    }
    Some(lines.into_iter().flat_map(|line| [line, b"\n".to_vec()].concat()).collect())
}

/// One record, or a sync mark.
fn dump_record(input: &mut Cursor<'_>, compressed: bool, lines: &mut Vec<Vec<u8>>) -> Option<()> {
    let total = input.int()?;
    if total == -1 {
        return input.take(16).map(drop);
    }
    let key_bytes = usize::try_from(input.int()?).ok()?;
    let (key, value) =
        (input.take(key_bytes)?, input.take(usize::try_from(total).ok()?.checked_sub(key_bytes)?)?);
    lines.push(hex_line(key, &if compressed { inflate(value)? } else { value.to_vec() }));
    Some(())
}

/// One block of a block-compressed file, with the sync mark before it.
fn dump_block(input: &mut Cursor<'_>, lines: &mut Vec<Vec<u8>>) -> Option<()> {
    input.take(20)?;
    let count = input.vint()?;
    let mut buffers = Vec::new();
    for _ in 0..4 {
        let stored = input.sized()?;
        buffers.push(if stored.is_empty() { Vec::new() } else { inflate(stored)? });
    }
    let [key_sizes, keys, value_sizes, values] = buffers.as_slice() else { return None };
    let (mut key_sizes, mut keys) = (Cursor(key_sizes), Cursor(keys));
    let (mut value_sizes, mut values) = (Cursor(value_sizes), Cursor(values));
    for _ in 0..count {
        let key = keys.take(key_sizes.vint()?)?;
        lines.push(hex_line(key, values.take(value_sizes.vint()?)?));
    }
    Some(())
}

fn inflate(data: &[u8]) -> Option<Vec<u8>> {
    let mut plain = Vec::new();
    flate2::read::ZlibDecoder::new(data).read_to_end(&mut plain).ok()?;
    Some(plain)
}

fn hex_line(key: &[u8], value: &[u8]) -> Vec<u8> {
    let digit = |half: u8| b"0123456789abcdef"[usize::from(half)];
    let hex = |bytes: &[u8]| {
        bytes.iter().flat_map(|&byte| [digit(byte >> 4), digit(byte & 15)]).collect::<Vec<_>>()
    };
    [hex(key), hex(value)].join(&b' ')
}

#[test]
fn sequence_files_of_every_kind_decode() {
    // The golden jobs hold record files, compressed record files and block files; each must give lines.
    let mut files = std::collections::BTreeMap::new();
    crate::harness::collect_files(&crate::harness::repository().join("testdata/jobs"), "", &mut files);
    let files: Vec<_> = files.iter().filter(|(_, bytes)| bytes.starts_with(b"SEQ\x06")).collect();
    assert!(files.len() > 5, "no sequence files among the golden jobs");
    for (name, bytes) in files {
        let whole = normalise(name, bytes, true).unwrap_or_else(|why| panic!("{name}: {why}"));
        assert!(whole.starts_with(b"org.apache.hadoop"), "{name}: class names come first");
        let cut = normalise(name, &bytes[..bytes.len() - 1], true);
        assert!(cut.as_ref() != Ok(&whole), "{name}: a cut file must not pass for the whole one");
    }
}
