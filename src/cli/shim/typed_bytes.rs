//! `hadoop jar STREAMING.jar dumptb` and `loadtb`: files as typed bytes on standard output, and back. Programs that
//! drive Hadoop read results by the first and write input by the second. Hadoop: `DumpTypedBytes`, `LoadTypedBytes`.

use super::fs;
use crate::cli::{exit, print, voice};
use crate::codec::Codec;
use crate::conf::HostFacts;
use crate::dfs::{Addresses, Purpose};
use crate::error::{self, At};
use crate::fs_shell::Shell;
use crate::glob;
use crate::ids::{AttemptId, TaskId};
use crate::input;
use crate::plan::{Encoding, InputFormat, InputSpec, InputSplit, MapTask, StreamSpec};
use crate::record::RecordRef;
use crate::record_room::{LongRecords, RecordRoom};
use crate::sequence_file::{BLOCK_BYTES, Compression, SequenceSpec, SequenceWriter, sync_marker};
use crate::stop::StopFlag;
use crate::streaming::input_writer::InputWriter;
use crate::streaming::output_reader::{Framing, RecordSource};
use crate::writable::WritableKind;
use std::cell::RefCell;
use std::ffi::OsString;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::rc::Rc;

/// Bytes of output that are written at a time.
const OUTPUT_BYTES: usize = 64 * 1024;

/// `dumptb PATTERN`: the file, or the files of the folder, that is the first to match.
pub(super) fn dump(words: Vec<OsString>, host: &HostFacts) -> u8 {
    let (options, words) = match fs::options_and_words(words) {
        Ok(given) => given,
        Err(code) => return code,
    };
    let Some(pattern) = words.first() else {
        voice::put("Too few arguments!");
        return usage(
            "dumptb <glob-pattern>",
            "Dumps all files that match the given pattern to standard output as typed bytes.\n  The files can be text or sequence files",
        );
    };
    fs::with_shell(&options, host, &mut io::empty(), |shell| {
        let dumped = match files(&shell.addresses, pattern) {
            Ok(None) => return exit::HADOOP_ERROR,
            Ok(Some(files)) => files.iter().try_for_each(|file| dump_file(file, host.memory_bytes, shell)),
            Err(error) => Err(error),
        };
        match dumped.and_then(|()| shell.out.flush().map_err(|error| writing(&error))) {
            Ok(()) | Err(DumpError::ReaderGone) => exit::OK,
            Err(DumpError::Failed(text)) => {
                voice::put(&format!("dumptb: {text}"));
                exit::JOB_FAILED
            }
        }
    })
}

/// Why a dump ends early.
enum DumpError {
    /// The reader of standard output has closed it.
    ReaderGone,
    Failed(String),
}

fn failed(error: &dyn std::error::Error) -> DumpError {
    DumpError::Failed(error::chain(error))
}

fn writing(error: &io::Error) -> DumpError {
    match error.kind() {
        io::ErrorKind::BrokenPipe => DumpError::ReaderGone,
        _ => DumpError::Failed(format!("cannot write to standard output: {error}")),
    }
}

/// Shows how a tool is called; returns the exit code.
fn usage(words: &str, what: &str) -> u8 {
    print(&format!("Usage: mapred streaming {words}\n  {what}\n"));
    exit::USAGE
}

/// What the first match of a pattern holds; `None` if it matches nothing.
fn files(addresses: &Addresses, pattern: &str) -> Result<Option<Vec<PathBuf>>, DumpError> {
    let first = if pattern.contains(['*', '?', '[', '{', '\\']) {
        let (_, pattern) =
            addresses.locate_pattern(pattern, Purpose::Read).map_err(|error| failed(&error))?;
        let (found, _) = glob::find(pattern.as_bytes()).map_err(|error| failed(&error))?;
        match found.into_iter().next() {
            Some(entry) => entry.path,
            None => return Ok(None),
        }
    } else {
        addresses.locate(pattern, Purpose::Read).map_err(|error| failed(&error))?.path
    };
    let facts = crate::fs::metadata(&first).at("read", &first).map_err(|error| failed(&error))?;
    if !facts.is_dir() {
        return Ok(Some(vec![first]));
    }
    let entries = glob::read_folder(&first).map_err(|error| failed(&error))?;
    Ok(Some(entries.into_iter().map(|entry| entry.path).collect()))
}

/// Writes the records of a sequence file, or the lines of a text and where they begin.
fn dump_file(path: &Path, memory_bytes: u64, shell: &mut Shell<'_>) -> Result<(), DumpError> {
    let facts = crate::fs::metadata(path).at("read", path).map_err(|error| failed(&error))?;
    let split = InputSplit::new(path.to_path_buf(), 0, facts.len(), Codec::from_path(path));
    let spec = InputSpec {
        format: InputFormat::Auto,
        record_delimiter: None,
        line_bytes_max: i32::MAX as u64,
        key_value_separator: b'\t',
        record_bytes: 0,
        xml_reader: None,
    };
    let task = MapTask { splits: vec![split] };
    let mut reader =
        input::open(&spec, &task, &StopFlag::default(), memory_bytes).map_err(|error| failed(&error))?;
    let pipe = StreamSpec {
        input: Encoding::TypedBytes,
        output: Encoding::TypedBytes,
        input_separator: Vec::new(),
        output_separator: Vec::new(),
        key_fields: 1,
        ignore_key: false,
    };
    let (key_kind, value_kind) = reader.kinds();
    let writer = InputWriter::new(&pipe, key_kind, value_kind);
    let mut bytes = Vec::with_capacity(OUTPUT_BYTES);
    while let Some(record) = reader.records().next_record().map_err(|error| failed(&error))? {
        writer.write(record, &mut bytes).map_err(|error| failed(&error))?;
        if bytes.len() >= OUTPUT_BYTES {
            shell.out.write_all(&bytes).map_err(|error| writing(&error))?;
            bytes.clear();
        }
    }
    shell.out.write_all(&bytes).map_err(|error| writing(&error))
}

/// `loadtb PATH < TYPEDBYTES`: a sequence file of the pairs on standard input.
pub(super) fn load(words: Vec<OsString>, host: &HostFacts) -> u8 {
    let (options, words) = match fs::options_and_words(words) {
        Ok(given) => given,
        Err(code) => return code,
    };
    let Some(path) = words.into_iter().next() else {
        voice::put("Too few arguments!");
        return usage(
            "loadtb <path>",
            "Reads typed bytes from standard input and stores them in a sequence file in the specified path",
        );
    };
    let mut stdin = io::stdin();
    let mut file = match Encoded::new(&mut stdin, &path, host.memory_bytes) {
        Ok(file) => file,
        Err(error) => {
            voice::put(&format!("loadtb: {error}"));
            return exit::JOB_FAILED;
        }
    };
    fs::with_shell(&options, host, &mut file, |shell| {
        let place = shell.addresses.locate(&path, Purpose::Write);
        if place.is_ok_and(|place| place.path.symlink_metadata().is_ok()) {
            voice::put("given path exists already!");
            return exit::HADOOP_ERROR;
        }
        // The file appears whole or not at all, in folders that are made for it.
        let above =
            path.rfind('/').map(|at| &path[..at]).filter(|above| !above.is_empty() && !above.ends_with('/'));
        let made =
            above.map_or(exit::OK, |above| shell.run(["-mkdir", "-p", above].map(str::to_owned).to_vec()));
        match made {
            exit::OK => shell.run(["-put", "-", path.as_str()].map(str::to_owned).to_vec()),
            code => code,
        }
    })
}

/// Typed bytes, read as the sequence file that holds them.
struct Encoded<'a> {
    pairs: RecordSource<'a>,
    /// `None` when all is in `ready`.
    writer: Option<SequenceWriter<Ready>>,
    ready: Ready,
    /// So many bytes of `ready` were read.
    read: usize,
}

/// What a writer has written.
#[derive(Clone, Default)]
struct Ready(Rc<RefCell<Vec<u8>>>);

impl Write for Ready {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl<'a> Encoded<'a> {
    fn new(input: &'a mut dyn Read, path: &str, memory_bytes: u64) -> io::Result<Self> {
        let alone = AttemptId { task: TaskId::map(0), attempt: 0 };
        let room = RecordRoom::new(&LongRecords::new(u64::MAX, memory_bytes), alone);
        let class = WritableKind::TypedBytes.class_name().to_owned();
        let ready = Ready::default();
        // Hadoop: the defaults of SequenceFile.createWriter.
        let spec = SequenceSpec {
            key_class: class.clone(),
            value_class: class,
            compression: Compression::Record,
            codec: Codec::from_class("org.apache.hadoop.io.compress.DefaultCodec").unwrap_or(Codec::Deflate),
            block_bytes: BLOCK_BYTES,
            marker: sync_marker(path.as_bytes()),
        };
        let writer = Some(SequenceWriter::new(ready.clone(), spec)?);
        Ok(Self { pairs: RecordSource::new(input, Framing::TypedBytes, room), writer, ready, read: 0 })
    }

    /// Adds a pair, or what is held back when there is none.
    fn more(&mut self) -> io::Result<()> {
        let Some(writer) = &mut self.writer else { return Ok(()) };
        let Some(pair) = self.pairs.next_record()? else {
            return self.writer.take().map_or(Ok(()), |writer| writer.finish().map(drop));
        };
        let (mut key, mut value) = (Vec::new(), Vec::new());
        WritableKind::TypedBytes.write_serialized(pair.key, &mut key);
        WritableKind::TypedBytes.write_serialized(pair.value, &mut value);
        writer.append(RecordRef { key: &key, value: &value })
    }
}

impl Read for Encoded<'_> {
    fn read(&mut self, space: &mut [u8]) -> io::Result<usize> {
        loop {
            {
                let mut ready = self.ready.0.borrow_mut();
                if self.read < ready.len() {
                    let count = (&ready[self.read..]).read(space)?;
                    self.read += count;
                    return Ok(count);
                }
                ready.clear();
                self.read = 0;
            }
            if self.writer.is_none() {
                return Ok(0);
            }
            self.more()?;
        }
    }
}
