//! Hadoop's framing of snappy and LZ4, whose own formats are single blocks.
//!
//! A file is any number of blocks; a block is its decompressed length and then one chunk or more until that
//! length is reached. All lengths are four bytes, big-endian. Hadoop: `BlockCompressorStream`,
//! `BlockDecompressorStream`.
//!
//! ```text
//! block length | chunk length | compressed chunk | chunk length | compressed chunk | block length | ...
//! ```
//!
//! A block of length 0 ends the data, whatever follows; Hadoop writes one for empty data.

use super::{Counted, FinishWrite, corrupt, truncated};
use std::io::{self, Read, Write};

/// Hadoop's buffer (`io.compression.codec.snappy.buffersize`, `...lz4.buffersize`); a block is less by the
/// most that compression could add to it.
const BUFFER_BYTES: usize = 256 * 1_024;

/// What the blocks are compressed with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Algorithm {
    Snappy,
    Lz4,
}

impl Algorithm {
    /// The codec's name, for messages.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Snappy => "snappy",
            Self::Lz4 => "LZ4",
        }
    }

    /// The longest block written, in decompressed bytes.
    fn block_bytes_max(self) -> usize {
        match self {
            Self::Snappy => BUFFER_BYTES - (BUFFER_BYTES / 6 + 32),
            Self::Lz4 => BUFFER_BYTES - (BUFFER_BYTES / 255 + 16),
        }
    }

    fn compress(self, block: &[u8]) -> io::Result<Vec<u8>> {
        match self {
            Self::Snappy => snap::raw::Encoder::new().compress_vec(block).map_err(corrupt),
            Self::Lz4 => Ok(lz4_flex::block::compress(block)),
        }
    }

    /// Decompresses `chunk` to no more than `bytes_max` bytes.
    pub(super) fn decompress(self, chunk: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let bad = |error: String| corrupt(format!("corrupt {} data: {error}", self.name()));
        // In neither format a byte stands for more than 256, so no length alone can make us ask for much memory.
        let most = bytes_max.min(chunk.len().saturating_mul(256));
        let length = match self {
            Self::Snappy => snap::raw::decompress_len(chunk).map_err(|error| bad(error.to_string()))?,
            Self::Lz4 => most,
        };
        if length > most {
            return Err(bad(format!("a chunk of {length} bytes where no more than {most} are possible")));
        }
        out.clear();
        out.resize(length, 0);
        let length = match self {
            Self::Snappy => {
                snap::raw::Decoder::new().decompress(chunk, out).map_err(|error| bad(error.to_string()))?
            }
            Self::Lz4 => {
                lz4_flex::block::decompress_into(chunk, out).map_err(|error| bad(error.to_string()))?
            }
        };
        out.truncate(length);
        Ok(())
    }
}

/// Compresses into Hadoop's framing.
pub(super) struct BlockWriter<'a> {
    output: Box<dyn Write + Send + 'a>,
    algorithm: Algorithm,
    /// The block being collected.
    block: Vec<u8>,
    /// No block has been written yet.
    empty: bool,
}

impl<'a> BlockWriter<'a> {
    pub(super) fn new(output: Box<dyn Write + Send + 'a>, algorithm: Algorithm) -> Self {
        Self { output, algorithm, block: Vec::new(), empty: true }
    }

    fn write_block(&mut self) -> io::Result<()> {
        if self.block.is_empty() {
            return Ok(());
        }
        let chunk = self.algorithm.compress(&self.block)?;
        self.output.write_all(&(self.block.len() as u32).to_be_bytes())?;
        self.output.write_all(&(chunk.len() as u32).to_be_bytes())?;
        self.output.write_all(&chunk)?;
        self.block.clear();
        self.empty = false;
        Ok(())
    }
}

impl Write for BlockWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.block.len() == self.algorithm.block_bytes_max() {
            self.write_block()?;
        }
        let room = self.algorithm.block_bytes_max() - self.block.len();
        let taken = &bytes[..bytes.len().min(room)];
        self.block.extend_from_slice(taken);
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.write_block()?;
        self.output.flush()
    }
}

impl FinishWrite for BlockWriter<'_> {
    fn finish(mut self: Box<Self>) -> io::Result<()> {
        self.write_block()?;
        if self.empty {
            self.output.write_all(&[0; 4])?;
        }
        self.output.flush()
    }
}

/// Where a reader of blocks stands.
#[derive(PartialEq, Eq)]
enum State {
    /// This many bytes of the block are still to come; 0 before a block.
    InBlock(usize),
    Ended,
}

/// Decompresses Hadoop's framing.
pub(super) struct BlockReader<R> {
    pub(super) input: Counted<R>,
    algorithm: Algorithm,
    state: State,
    chunk: Vec<u8>,
    decompressed: Vec<u8>,
    /// The part of `decompressed` already handed out.
    taken: usize,
}

impl<R: Read> BlockReader<R> {
    pub(super) fn new(input: Counted<R>, algorithm: Algorithm) -> Self {
        Self {
            input,
            algorithm,
            state: State::InBlock(0),
            chunk: Vec::new(),
            decompressed: Vec::new(),
            taken: 0,
        }
    }

    /// Decompresses the next chunk; false at the end.
    fn next_chunk(&mut self) -> io::Result<bool> {
        self.input.begin_unit();
        let left = match self.state {
            State::Ended => return Ok(false),
            State::InBlock(0) => match read_length(&mut self.input, self.algorithm)? {
                None | Some(0) => {
                    self.state = State::Ended;
                    return Ok(false);
                }
                Some(length) => length,
            },
            State::InBlock(left) => left,
        };
        let length =
            read_length(&mut self.input, self.algorithm)?.ok_or_else(|| truncated(self.algorithm.name()))?;
        read_chunk(&mut self.input, length, self.algorithm, &mut self.chunk)?;
        self.algorithm.decompress(&self.chunk, left, &mut self.decompressed)?;
        self.taken = 0;
        self.state = State::InBlock(left - self.decompressed.len());
        Ok(true)
    }
}

impl<R: Read> Read for BlockReader<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        while self.taken == self.decompressed.len() {
            if output.is_empty() || !self.next_chunk()? {
                return Ok(0);
            }
        }
        let count = (&self.decompressed[self.taken..]).read(output)?;
        self.taken += count;
        Ok(count)
    }
}

/// Reads a four-byte length; `None` if the input ends before it.
pub(super) fn read_length(input: &mut impl Read, algorithm: Algorithm) -> io::Result<Option<usize>> {
    let mut bytes = Vec::with_capacity(4);
    input.by_ref().take(4).read_to_end(&mut bytes)?;
    match <[u8; 4]>::try_from(bytes.as_slice()) {
        Ok(bytes) => match i32::from_be_bytes(bytes) {
            length @ 0.. => Ok(Some(length as usize)),
            length => Err(corrupt(format!(
                "corrupt {} data: a length of {length}, expected Hadoop's blocks or the format's own frames",
                algorithm.name()
            ))),
        },
        Err(_) if bytes.is_empty() => Ok(None),
        Err(_) => Err(truncated(algorithm.name())),
    }
}

/// Reads a chunk of `length` bytes, growing the buffer only as bytes come.
pub(super) fn read_chunk(
    input: &mut impl Read,
    length: usize,
    algorithm: Algorithm,
    chunk: &mut Vec<u8>,
) -> io::Result<()> {
    chunk.clear();
    input.by_ref().take(length as u64).read_to_end(chunk)?;
    if chunk.len() == length { Ok(()) } else { Err(truncated(algorithm.name())) }
}
