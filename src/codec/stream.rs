//! Decoding of formats whose streams end themselves: gzip, zlib, bzip2, zstd.
//!
//! One loop feeds all four, so that the two rules are the same for each: when a stream has ended and bytes
//! follow, they are the next stream; when the input ends, a stream must have ended just there. Hadoop:
//! `DecompressorStream`. The decoders of the codec crates are not used because not all of them tell a
//! truncated stream from an ended one.

use super::{corrupt, located, truncated};
use std::io::{self, BufRead, Read};
use zstd::stream::raw::Operation as _;

/// What one step did.
pub(super) struct Step {
    consumed: usize,
    produced: usize,
    /// The stream's end was met.
    ended: bool,
}

/// One format's decompressor.
pub(super) trait Decompress: Send {
    /// The format's name, for messages.
    const NAME: &'static str;
    /// Whether no bytes at all are no streams, rather than a stream that is cut short.
    const MAY_BE_EMPTY: bool = false;

    /// Decompresses some of `input` into `output`.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step>;

    /// After a failed step: where the header or block begins that is wrong, from the stream's start on.
    fn fault_at(&self) -> u64;

    /// Gets ready for another stream.
    fn restart(&mut self) -> io::Result<()>;
}

/// The decompressed bytes of a file of one or more streams.
pub(super) struct StreamReader<R, D> {
    input: R,
    decompressor: D,
    /// The input may end here: a stream has ended and no byte of another has been seen.
    between_streams: bool,
    /// The last output was full, so there may be more of it in the decompressor.
    pending: bool,
    /// Bytes of the input that were decompressed.
    at: u64,
    /// Where the stream began.
    stream_start: u64,
}

impl<R: BufRead, D: Decompress> StreamReader<R, D> {
    pub(super) fn new(input: R, decompressor: D) -> Self {
        Self { input, decompressor, between_streams: D::MAY_BE_EMPTY, pending: false, at: 0, stream_start: 0 }
    }
}

impl<R: BufRead, D: Decompress> Read for StreamReader<R, D> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        if output.is_empty() {
            return Ok(0);
        }
        // Before more input is asked for, all that the bytes so far say is given out: which text belongs to
        // which bytes then does not depend on how much is read at once.
        if std::mem::take(&mut self.pending) {
            let step = self.decompressor.step(&[], output);
            let step =
                step.map_err(|error| located(error, self.stream_start + self.decompressor.fault_at()))?;
            self.between_streams = step.ended;
            if step.produced > 0 {
                self.pending = step.produced == output.len() && !step.ended;
                return Ok(step.produced);
            }
        }
        loop {
            // None of the decompressors takes a stream's last byte before it has given all of its output,
            // so no output can be left when the input has ended.
            let input = self.input.fill_buf()?;
            if input.is_empty() {
                return if self.between_streams { Ok(0) } else { Err(truncated(D::NAME)) };
            }
            if self.between_streams {
                self.decompressor.restart()?;
                self.between_streams = false;
                self.stream_start = self.at;
            }
            let step = self.decompressor.step(input, output).and_then(|step| match step {
                Step { consumed: 0, produced: 0, ended: false } => {
                    Err(corrupt(format!("corrupt {} data", D::NAME)))
                }
                step => Ok(step),
            });
            let step =
                step.map_err(|error| located(error, self.stream_start + self.decompressor.fault_at()))?;
            self.input.consume(step.consumed);
            self.at += step.consumed as u64;
            self.between_streams = step.ended;
            self.pending = step.produced == output.len() && !step.ended;
            if step.produced > 0 {
                return Ok(step.produced);
            }
        }
    }
}

/// gzip and zlib.
pub(super) struct Zlib<const GZIP: bool>(flate2::Decompress);

pub(super) type Gzip = Zlib<true>;
pub(super) type Deflate = Zlib<false>;

/// Window of 32 KiB, the largest there is, as two's power.
const ZLIB_WINDOW_BITS: u8 = 15;

impl Gzip {
    pub(super) fn new() -> Self {
        Self(flate2::Decompress::new_gzip(ZLIB_WINDOW_BITS))
    }
}

impl Deflate {
    pub(super) fn new() -> Self {
        Self(flate2::Decompress::new(true))
    }
}

impl<const GZIP: bool> Decompress for Zlib<GZIP> {
    const NAME: &'static str = if GZIP { "gzip" } else { "zlib" };

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        let (read, written) = (self.0.total_in(), self.0.total_out());
        let status = self
            .0
            .decompress(input, output, flate2::FlushDecompress::None)
            .map_err(|error| corrupt(format!("corrupt {} data: {error}", Self::NAME)))?;
        Ok(Step {
            consumed: (self.0.total_in() - read) as usize,
            produced: (self.0.total_out() - written) as usize,
            ended: status == flate2::Status::StreamEnd,
        })
    }

    fn fault_at(&self) -> u64 {
        // A byte of the header is refused some bytes later.
        let header_bytes = if GZIP { 10 } else { 2 };
        Some(self.0.total_in()).filter(|at| *at > header_bytes).unwrap_or(0)
    }

    fn restart(&mut self) -> io::Result<()> {
        // A reset keeps the zlib or no header that it is told, but knows no gzip; making one anew is cheap
        // beside reading a member.
        self.0 = if GZIP { Gzip::new().0 } else { Deflate::new().0 };
        Ok(())
    }
}

/// Bytes that the bzip2 library may have read behind the end of a block.
const BZIP2_AHEAD_BYTES: u64 = 8;

/// bzip2. Takes in one block, gives all of it out, and only then takes in the next one: so it is known which block an
/// error is in.
pub(super) struct Bzip2 {
    library: bzip2::Decompress,
    /// Where the current block begins, or some bytes before; 0 for the first one.
    block_at: u64,
    /// The library holds a block that is not all given out.
    is_loaded: bool,
}

impl Bzip2 {
    pub(super) fn new() -> Self {
        Self { library: bzip2::Decompress::new(false), block_at: 0, is_loaded: false }
    }

    fn call(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        let (read, written) = (self.library.total_in(), self.library.total_out());
        let status = self
            .library
            .decompress(input, output)
            .map_err(|error| corrupt(format!("corrupt {} data: {error}", Self::NAME)))?;
        Ok(Step {
            consumed: (self.library.total_in() - read) as usize,
            produced: (self.library.total_out() - written) as usize,
            ended: status == bzip2::Status::StreamEnd,
        })
    }
}

impl Decompress for Bzip2 {
    const NAME: &'static str = "bzip2";
    // Hadoop looks for the mark of a first block and is content with none (`CBZip2InputStream`).
    const MAY_BE_EMPTY: bool = true;

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        if self.is_loaded {
            let given = self.call(&[], output)?;
            if given.produced > 0 || given.ended {
                return Ok(given);
            }
            self.is_loaded = false;
            self.block_at = self.library.total_in().saturating_sub(BZIP2_AHEAD_BYTES);
        }
        let taken = self.call(input, &mut [])?;
        if taken.ended {
            return Ok(taken);
        }
        let given = self.call(&[], output)?;
        self.is_loaded = given.produced > 0;
        Ok(Step { consumed: taken.consumed, ..given })
    }

    fn fault_at(&self) -> u64 {
        self.block_at
    }

    fn restart(&mut self) -> io::Result<()> {
        *self = Self::new();
        Ok(())
    }
}

/// What the zstd library asks for first: the part of a frame's header that tells how long it is.
const ZSTD_FIRST_BYTES: usize = 5;
/// Header of a zstd block, which the library asks for together with what stands before it.
const ZSTD_BLOCK_HEADER_BYTES: u64 = 3;

/// Zstandard. Gives the library exactly what it asks for, one block at a time: so it is known which block an error is
/// in.
pub(super) struct Zstd {
    /// Made on first use, because making it can fail.
    decoder: Option<zstd::stream::raw::Decoder<'static>>,
    /// Bytes of the frame that were taken.
    taken: u64,
    /// Where the bytes began that the library asked for last, and how many of them it lacks.
    wanted_at: u64,
    wanted: usize,
    /// Whether the frame's header and the first block's were taken.
    is_behind_header: bool,
}

impl Zstd {
    pub(super) fn new() -> Self {
        Self { decoder: None, taken: 0, wanted_at: 0, wanted: ZSTD_FIRST_BYTES, is_behind_header: false }
    }
}

impl Decompress for Zstd {
    const NAME: &'static str = "zstd";

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        if self.decoder.is_none() {
            self.decoder = Some(zstd::stream::raw::Decoder::new()?);
        }
        let Some(decoder) = &mut self.decoder else { return Err(corrupt("no zstd decoder")) };
        let input = &input[..input.len().min(self.wanted)];
        let status = decoder
            .run_on_buffers(input, output)
            .map_err(|error| corrupt(format!("corrupt {} data: {error}", Self::NAME)))?;
        self.taken += status.bytes_read as u64;
        if status.bytes_read == self.wanted {
            self.is_behind_header |= self.wanted_at > 0;
            self.wanted_at = self.taken;
        }
        self.wanted = status.remaining;
        Ok(Step { consumed: status.bytes_read, produced: status.bytes_written, ended: status.remaining == 0 })
    }

    fn fault_at(&self) -> u64 {
        if self.is_behind_header { self.wanted_at - ZSTD_BLOCK_HEADER_BYTES } else { 0 }
    }

    fn restart(&mut self) -> io::Result<()> {
        let mut decoder = self.decoder.take();
        decoder.as_mut().map_or(Ok(()), zstd::stream::raw::Operation::reinit)?;
        *self = Self { decoder, ..Self::new() };
        Ok(())
    }
}
