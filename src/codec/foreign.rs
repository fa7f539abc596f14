//! Snappy and LZ4 files that Hadoop did not write, told apart by their first bytes: the snappy framing
//! format, the streams of the Java snappy library, the LZ4 frame format. They are read because people have
//! them under the same extensions; nothing writes them here.

use super::block::{Algorithm, BlockReader, read_chunk, read_length};
use super::{Counted, corrupt, truncated};
use std::io::{self, Chain, Cursor, Read};

const SNAPPY_FRAMED: &[u8] = b"\xff\x06\0\0sNaPpY";
const SNAPPY_JAVA: &[u8] = b"\x82SNAPPY\0";
const LZ4_FRAME: &[u8] = b"\x04\x22\x4d\x18";

/// Two versions follow the magic of a Java snappy stream.
const SNAPPY_JAVA_HEADER_BYTES: usize = SNAPPY_JAVA.len() + 8;

/// A decompressed block of Java snappy is no longer than this; its writer's default is 32 KiB.
const SNAPPY_JAVA_BLOCK_MAX: usize = 512 * 1_024 * 1_024;

/// The input with its first bytes put back.
type Whole<R> = Chain<Cursor<Vec<u8>>, R>;
type Input<R> = Counted<Whole<R>>;

/// Decompresses snappy or LZ4 in whichever form the first bytes show, Hadoop's if none.
pub(super) struct SniffingReader<R: Read> {
    algorithm: Algorithm,
    form: Form<R>,
}

enum Form<R: Read> {
    /// Nothing has been read; `None` after a failure to read the first bytes.
    Unknown(Option<R>),
    Hadoop(BlockReader<Whole<R>>),
    Framed(snap::read::FrameDecoder<Input<R>>),
    Java(JavaReader<Whole<R>>),
    Lz4Frames(FrameReader<Whole<R>>),
}

impl<R: Read> SniffingReader<R> {
    pub(super) fn new(input: R, algorithm: Algorithm) -> Self {
        Self { algorithm, form: Form::Unknown(Some(input)) }
    }

    fn sniff(algorithm: Algorithm, mut input: R) -> io::Result<Form<R>> {
        let mut first = Vec::new();
        input.by_ref().take(SNAPPY_FRAMED.len() as u64).read_to_end(&mut first)?;
        let starts = |magic| first.starts_with(magic);
        let (framed, java, lz4) = (starts(SNAPPY_FRAMED), starts(SNAPPY_JAVA), starts(LZ4_FRAME));
        let input = Counted::new(Cursor::new(first).chain(input), 0);
        Ok(match algorithm {
            Algorithm::Snappy if framed => Form::Framed(snap::read::FrameDecoder::new(input)),
            Algorithm::Snappy if java => Form::Java(JavaReader::new(input)),
            Algorithm::Lz4 if lz4 => Form::Lz4Frames(FrameReader::new(input)),
            _ => Form::Hadoop(BlockReader::new(input, algorithm)),
        })
    }
}

impl<R: Read> Read for SniffingReader<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if let Form::Unknown(input) = &mut self.form {
            let Some(input) = input.take() else { return Err(truncated(self.algorithm.name())) };
            self.form = Self::sniff(self.algorithm, input)?;
        }
        match &mut self.form {
            Form::Unknown(_) => Ok(0),
            Form::Hadoop(reader) => reader.read(output).map_err(|error| reader.input.locate(error)),
            Form::Framed(reader) => {
                reader.get_mut().begin_unit();
                reader.read(output).map_err(|error| reader.get_ref().locate(error))
            }
            Form::Java(reader) => reader.read(output).map_err(|error| reader.input.locate(error)),
            Form::Lz4Frames(reader) => {
                reader.read(output).map_err(|error| reader.decoder.get_ref().input.locate(error))
            }
        }
    }
}

/// Reads what `SnappyOutputStream` of the Java snappy library writes: a header, then blocks of four bytes of
/// length, big-endian, and a snappy block. A header may come again where files were put together.
struct JavaReader<R> {
    input: Counted<R>,
    chunk: Vec<u8>,
    decompressed: Cursor<Vec<u8>>,
}

impl<R: Read> JavaReader<R> {
    fn new(input: Counted<R>) -> Self {
        Self { input, chunk: Vec::new(), decompressed: Cursor::default() }
    }

    /// Decompresses the next block; false at the end.
    fn next_block(&mut self) -> io::Result<bool> {
        self.input.begin_unit();
        self.chunk.clear();
        self.input.by_ref().take(4).read_to_end(&mut self.chunk)?;
        match self.chunk.len() {
            0 => return Ok(false),
            1..4 => return Err(truncated("snappy")),
            _ => {}
        }
        if SNAPPY_JAVA.starts_with(&self.chunk) {
            let mut header = [0; SNAPPY_JAVA_HEADER_BYTES - 4];
            self.input.read_exact(&mut header)?;
            if !header.starts_with(&SNAPPY_JAVA[4..]) {
                return Err(corrupt("corrupt snappy data: a broken header of a Java snappy stream"));
            }
            return Ok(true);
        }
        let length = read_length(&mut self.chunk.as_slice(), Algorithm::Snappy)?.unwrap_or(0);
        read_chunk(&mut self.input, length, Algorithm::Snappy, &mut self.chunk)?;
        Algorithm::Snappy.decompress(&self.chunk, SNAPPY_JAVA_BLOCK_MAX, self.decompressed.get_mut())?;
        self.decompressed.set_position(0);
        Ok(true)
    }
}

impl<R: Read> Read for JavaReader<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.decompressed.read(output)?;
            if count > 0 || output.is_empty() || !self.next_block()? {
                return Ok(count);
            }
        }
    }
}

/// Reads LZ4 frames one after the other.
///
/// The decoder returns 0 both after a frame's end mark and where the input stops between two blocks. It
/// reads no byte ahead, so what it asked of the input tells the two apart.
struct FrameReader<R: Read> {
    decoder: lz4_flex::frame::FrameDecoder<Watched<R>>,
}

/// An input that remembers how much was read since the last frame, and whether it ended.
struct Watched<R> {
    input: Counted<R>,
    frame_bytes: u64,
    ended: bool,
}

impl<R: Read> FrameReader<R> {
    fn new(input: Counted<R>) -> Self {
        let watched = Watched { input, frame_bytes: 0, ended: false };
        Self { decoder: lz4_flex::frame::FrameDecoder::new(watched) }
    }
}

impl<R: Read> Read for FrameReader<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        loop {
            self.decoder.get_mut().input.begin_unit();
            let count = self.decoder.read(output)?;
            if count > 0 || output.is_empty() {
                return Ok(count);
            }
            let input = self.decoder.get_mut();
            if input.ended {
                return if input.frame_bytes == 0 { Ok(0) } else { Err(truncated("LZ4")) };
            }
            input.frame_bytes = 0;
        }
    }
}

impl<R: Read> Read for Watched<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let count = self.input.read(output)?;
        self.frame_bytes += count as u64;
        self.ended |= count == 0 && !output.is_empty();
        Ok(count)
    }
}
