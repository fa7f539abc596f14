//! Decoding of formats whose streams end themselves: gzip, zlib, bzip2, zstd.
//!
//! One loop feeds all four, so that the two rules are the same for each: when a stream has ended and bytes
//! follow, they are the next stream; when the input ends, a stream must have ended just there. Hadoop:
//! `DecompressorStream`. The decoders of the codec crates are not used because not all of them tell a
//! truncated stream from an ended one.

use super::{corrupt, truncated};
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
}

impl<R: BufRead, D: Decompress> StreamReader<R, D> {
    pub(super) fn new(input: R, decompressor: D) -> Self {
        Self { input, decompressor, between_streams: D::MAY_BE_EMPTY, pending: false }
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
            let step = self.decompressor.step(&[], output)?;
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
            }
            let step = self.decompressor.step(input, output)?;
            if step.consumed == 0 && step.produced == 0 && !step.ended {
                return Err(corrupt(format!("corrupt {} data", D::NAME)));
            }
            self.input.consume(step.consumed);
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

    fn restart(&mut self) -> io::Result<()> {
        // A reset keeps the zlib or no header that it is told, but knows no gzip; making one anew is cheap
        // beside reading a member.
        self.0 = if GZIP { Gzip::new().0 } else { Deflate::new().0 };
        Ok(())
    }
}

/// bzip2.
pub(super) struct Bzip2(bzip2::Decompress);

impl Bzip2 {
    pub(super) fn new() -> Self {
        Self(bzip2::Decompress::new(false))
    }
}

impl Decompress for Bzip2 {
    const NAME: &'static str = "bzip2";
    // Hadoop looks for the mark of a first block and is content with none (`CBZip2InputStream`).
    const MAY_BE_EMPTY: bool = true;

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        let (read, written) = (self.0.total_in(), self.0.total_out());
        let status = self
            .0
            .decompress(input, output)
            .map_err(|error| corrupt(format!("corrupt {} data: {error}", Self::NAME)))?;
        Ok(Step {
            consumed: (self.0.total_in() - read) as usize,
            produced: (self.0.total_out() - written) as usize,
            ended: status == bzip2::Status::StreamEnd,
        })
    }

    fn restart(&mut self) -> io::Result<()> {
        *self = Self::new();
        Ok(())
    }
}

/// Zstandard. The context is made on first use, because making it can fail.
pub(super) struct Zstd(Option<zstd::stream::raw::Decoder<'static>>);

impl Zstd {
    pub(super) fn new() -> Self {
        Self(None)
    }
}

impl Decompress for Zstd {
    const NAME: &'static str = "zstd";

    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<Step> {
        if self.0.is_none() {
            self.0 = Some(zstd::stream::raw::Decoder::new()?);
        }
        let Some(decoder) = &mut self.0 else { return Err(corrupt("no zstd decoder")) };
        let status = decoder
            .run_on_buffers(input, output)
            .map_err(|error| corrupt(format!("corrupt {} data: {error}", Self::NAME)))?;
        Ok(Step { consumed: status.bytes_read, produced: status.bytes_written, ended: status.remaining == 0 })
    }

    fn restart(&mut self) -> io::Result<()> {
        self.0.as_mut().map_or(Ok(()), zstd::stream::raw::Operation::reinit)
    }
}
