//! What is in files: `-cat`, `-text`, `-head`, `-tail`, `-checksum`. Hadoop: `Display`, `Head`, `Tail`.

use super::Call;
use super::checksum;
use super::error::FsError;
use super::item::Item;
use super::options::Format;
use crate::codec::Codec;
use crate::dfs::{Purpose, Scheme};
use crate::fs::File;
use crate::sequence_file::SequenceReader;
use crate::writable::WritableKind;
use std::io::{ErrorKind, Read, Seek, SeekFrom, Write};
use std::time::Duration;

/// Bytes that `-head` and `-tail` show.
const END_BYTES: u64 = 1024;
/// Pause of `-tail -f` in milliseconds.
const FOLLOW_MS: u64 = 5000;
/// Bytes copied at a time.
const BUFFER_BYTES: usize = 128 * 1024;

const SOURCES: Format = Format::new(1, usize::MAX, &["ignoreCrc"]);

pub(super) fn cat(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    let given = SOURCES.parse(words)?;
    call.each(&given.args, Purpose::Read, |call, item| {
        item.file()?;
        let mut file = open(item)?;
        copy(&mut file, call.shell.out, &item.shown)
    })
}

pub(super) fn text(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    let given = SOURCES.parse(words)?;
    call.each(&given.args, Purpose::Read, |call, item| {
        item.file()?;
        show_text(call, item)
    })
}

/// The first bytes tell gzip and sequence files, the name the other codecs.
fn show_text(call: &mut Call<'_, '_>, item: &Item) -> Result<(), FsError> {
    let failed = |error: &std::io::Error| FsError::io(&item.shown, error);
    let mut file = open(item)?;
    let mut start = Vec::new();
    Read::by_ref(&mut file).take(3).read_to_end(&mut start).map_err(|error| failed(&error))?;
    file.seek(SeekFrom::Start(0)).map_err(|error| failed(&error))?;
    let codec = match start.as_slice() {
        // Too short to be anything.
        [] | [_] => None,
        [0x1f, 0x8b, ..] => Some(Codec::Gzip),
        b"SEQ" => return show_records(call, item, file),
        _ => Codec::from_path(&item.path),
    };
    match codec {
        Some(codec) => copy(&mut *codec.decoder(Box::new(file)), call.shell.out, &item.shown),
        None => copy(&mut file, call.shell.out, &item.shown),
    }
}

/// A sequence file as lines of key, tab and value. Hadoop: `Display.TextRecordInputStream`.
fn show_records(call: &mut Call<'_, '_>, item: &Item, file: File) -> Result<(), FsError> {
    let broken = |what: String| FsError::Path(item.shown.clone(), what);
    let bytes = item.stat()?.bytes;
    let mut records = SequenceReader::open(file, bytes).map_err(|error| broken(error.to_string()))?;
    let kinds = {
        let header = records.header();
        [WritableKind::from_class(&header.key_class), WritableKind::from_class(&header.value_class)]
    };
    let mut line = Vec::new();
    while let Some(record) = records.next_record().map_err(|error| broken(error.to_string()))? {
        line.clear();
        for (kind, (serialised, end)) in kinds.iter().zip([(record.key, b'\t'), (record.value, b'\n')]) {
            let read = kind.read_serialized(serialised);
            let (payload, _) = read.map_err(|error| broken(error.to_string()))?;
            kind.write_string(payload, &mut line).map_err(|error| broken(error.to_string()))?;
            line.push(end);
        }
        call.shell.out.write_all(&line).map_err(|_| FsError::Output)?;
    }
    Ok(())
}

pub(super) fn head(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(1, 1, &[]);
    let given = FORMAT.parse(words)?;
    let item = the_file(call, &given.args[0])?;
    copy(&mut open(&item)?.take(END_BYTES), call.shell.out, &item.shown)
}

pub(super) fn tail(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format { valued: &["s"], ..Format::new(1, 1, &["f"]) };
    let given = FORMAT.parse(words)?;
    let pause = given.value("s").and_then(|text| text.parse().ok()).filter(|ms| *ms > 0).unwrap_or(FOLLOW_MS);
    let item = the_file(call, &given.args[0])?;
    let mut offset = item.file()?.bytes.saturating_sub(END_BYTES);
    loop {
        let mut file = open(&item)?;
        let failed = |error: std::io::Error| FsError::io(&item.shown, &error);
        // A file that became shorter is shown from its new end on.
        let bytes = file.metadata().map_err(failed)?.len();
        if offset <= bytes {
            file.seek(SeekFrom::Start(offset)).map_err(failed)?;
            copy(&mut file, call.shell.out, &item.shown)?;
            offset = file.stream_position().map_err(failed)?;
        } else {
            offset = bytes;
        }
        if !given.has("f") {
            return Ok(());
        }
        call.shell.out.flush().map_err(|_| FsError::Output)?;
        std::thread::sleep(Duration::from_millis(pause));
    }
}

/// The one file of a verb that takes no patterns.
fn the_file(call: &Call<'_, '_>, given: &str) -> Result<Item, FsError> {
    let item = Item::plain(call.addresses(), given, Purpose::Read)?;
    item.file()?;
    Ok(item)
}

/// HDFS sums up the checksums that it keeps; a local file system tells of none, and Hadoop says so.
pub(super) fn checksum(call: &mut Call<'_, '_>, words: Vec<String>) -> Result<(), FsError> {
    const FORMAT: Format = Format::new(1, usize::MAX, &["v"]);
    let given = FORMAT.parse(words)?;
    let with_block = given.has("v");
    call.each(&given.args, Purpose::Read, |call, item| {
        let block = item.file()?.block_bytes;
        let tail = if with_block { format!("\tBlockSize={block}") } else { String::new() };
        let sum = match item.scheme {
            Scheme::Hdfs => {
                checksum::of(open(item)?, block).map_err(|error| FsError::io(&item.shown, &error))?
            }
            Scheme::File => "NONE".to_owned(),
        };
        call.line(&format!("{}\t{sum}{tail}", item.shown))
    })
}

pub(super) fn open(item: &Item) -> Result<File, FsError> {
    File::open(&item.path).map_err(|error| FsError::io(&item.shown, &error))
}

/// Copies to the end; whose fault it is when it fails, is told apart.
pub(super) fn copy(from: &mut dyn Read, to: &mut dyn Write, shown: &str) -> Result<(), FsError> {
    let mut buffer = vec![0; BUFFER_BYTES];
    loop {
        match from.read(&mut buffer) {
            Ok(0) => return Ok(()),
            Ok(count) => to.write_all(&buffer[..count]).map_err(|_| FsError::Output)?,
            Err(error) if error.kind() == ErrorKind::Interrupted => {}
            Err(error) => return Err(FsError::io(shown, &error)),
        }
    }
}
