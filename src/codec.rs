//! Compression codecs, by file extension and by Hadoop class name, and the streams they make.
//!
//! `stream` decodes the formats that end themselves (gzip, zlib, bzip2, zstd), `block` reads and writes
//! the framing Hadoop puts around snappy and LZ4, `foreign` reads what other tools make of those two, and
//! `bzip2_blocks` reads a split of a bzip2 file. In all of them data that stops early is an error, never a
//! short result.

mod block;
pub(crate) mod bzip2_blocks;
mod foreign;
mod stream;

use serde::{Deserialize, Serialize};
use std::io::{self, BufRead, BufReader, Read, Write};
use std::path::Path;

/// A codec of Hadoop's.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Codec {
    /// `GzipCodec`, `.gz`.
    Gzip,
    /// `DefaultCodec` and `DeflateCodec`, `.deflate`: a zlib stream.
    Deflate,
    /// `BZip2Codec`, `.bz2`.
    Bzip2,
    /// `ZStandardCodec`, `.zst`.
    Zstd,
    /// `SnappyCodec`, `.snappy`: Hadoop's block framing.
    Snappy,
    /// `Lz4Codec`, `.lz4`: Hadoop's block framing.
    Lz4,
}

/// Every codec, its extension and its class in `org.apache.hadoop.io.compress`.
const CODECS: [(Codec, &str, &str); 6] = [
    (Codec::Gzip, ".gz", "org.apache.hadoop.io.compress.GzipCodec"),
    (Codec::Deflate, ".deflate", "org.apache.hadoop.io.compress.DefaultCodec"),
    (Codec::Bzip2, ".bz2", "org.apache.hadoop.io.compress.BZip2Codec"),
    (Codec::Zstd, ".zst", "org.apache.hadoop.io.compress.ZStandardCodec"),
    (Codec::Snappy, ".snappy", "org.apache.hadoop.io.compress.SnappyCodec"),
    (Codec::Lz4, ".lz4", "org.apache.hadoop.io.compress.Lz4Codec"),
];

/// The second name of [`Codec::Deflate`].
const DEFLATE_CLASS: &str = "org.apache.hadoop.io.compress.DeflateCodec";

/// Hadoop's level for zstd (`io.compression.codec.zstd.level`); zlib and bzip2 use their libraries' own.
const ZSTD_LEVEL: i32 = 3;

/// Compressed bytes read at a time.
const BUFFER_BYTES: usize = 64 * 1_024;

/// A writer that must be finished: dropping it instead leaves a file that readers call truncated.
pub trait FinishWrite: Write + Send {
    /// Writes what is held back and the format's end, and flushes the writer below.
    ///
    /// # Errors
    /// The writer below failed.
    fn finish(self: Box<Self>) -> io::Result<()>;
}

impl Codec {
    /// The codec of a file name's extension, in exact case; `None` for a file to be read as it is.
    /// Hadoop: `CompressionCodecFactory.getCodec`.
    pub fn from_path(path: &Path) -> Option<Self> {
        let name = path.file_name()?.as_encoded_bytes();
        let fits = |extension: &str| name.len() > extension.len() && name.ends_with(extension.as_bytes());
        CODECS.iter().find(|(_, extension, _)| fits(extension)).map(|(codec, _, _)| *codec)
    }

    /// The codec of a full Java class name, in exact case.
    pub fn from_class(name: &str) -> Option<Self> {
        if name == DEFLATE_CLASS {
            return Some(Self::Deflate);
        }
        CODECS.iter().find(|(_, _, class)| *class == name).map(|(codec, _, _)| *codec)
    }

    /// The full Java name of every codec class.
    pub fn classes() -> impl Iterator<Item = &'static str> {
        CODECS.iter().map(|(_, _, class)| *class).chain([DEFLATE_CLASS])
    }

    /// The full Java class name.
    pub fn class_name(self) -> &'static str {
        self.names().1
    }

    /// The extension with its dot.
    pub fn extension(self) -> &'static str {
        self.names().0
    }

    /// Whether a file may be read from its middle (Hadoop's `SplittableCompressionCodec`).
    pub fn splittable(self) -> bool {
        self == Self::Bzip2
    }

    /// A reader of the decompressed bytes of `input`, which may hold several streams one after the other.
    ///
    /// Reads fail with [`io::ErrorKind::UnexpectedEof`] where the data stops early, an empty gzip, zlib or
    /// zstd file included, and with another kind where it is corrupt. As in Hadoop an empty bzip2, snappy or
    /// LZ4 file is empty data.
    pub fn decoder<'a>(self, input: Box<dyn Read + Send + 'a>) -> Box<dyn Read + Send + 'a> {
        self.buffered_decoder(BufReader::with_capacity(BUFFER_BYTES, input))
    }

    /// Decompresses all of `input` to the end of `out`, at most `bytes_max` bytes.
    ///
    /// # Errors
    /// As [`Codec::decoder`], and data that is longer.
    pub fn decode(self, input: &[u8], bytes_max: usize, out: &mut Vec<u8>) -> io::Result<()> {
        let before = out.len();
        self.buffered_decoder(input).take((bytes_max as u64).saturating_add(1)).read_to_end(out)?;
        if out.len() - before > bytes_max {
            return Err(corrupt(format!("more than {bytes_max} bytes of decompressed data")));
        }
        Ok(())
    }

    fn buffered_decoder<'a>(self, input: impl BufRead + Send + 'a) -> Box<dyn Read + Send + 'a> {
        match self {
            Self::Gzip => Box::new(stream::StreamReader::new(input, stream::Gzip::new())),
            Self::Deflate => Box::new(stream::StreamReader::new(input, stream::Deflate::new())),
            Self::Bzip2 => Box::new(stream::StreamReader::new(input, stream::Bzip2::new())),
            Self::Zstd => Box::new(stream::StreamReader::new(input, stream::Zstd::new())),
            Self::Snappy => Box::new(foreign::SniffingReader::new(input, block::Algorithm::Snappy)),
            Self::Lz4 => Box::new(foreign::SniffingReader::new(input, block::Algorithm::Lz4)),
        }
    }

    /// A writer that compresses into `output`, at Hadoop's default level.
    ///
    /// # Errors
    /// The compressor cannot be set up.
    pub fn encoder<'a>(self, output: Box<dyn Write + Send + 'a>) -> io::Result<Box<dyn FinishWrite + 'a>> {
        let level = flate2::Compression::default();
        Ok(match self {
            Self::Gzip => Box::new(Finishing {
                encoder: flate2::write::GzEncoder::new(output, level),
                finish: flate2::write::GzEncoder::finish,
            }),
            Self::Deflate => Box::new(Finishing {
                encoder: flate2::write::ZlibEncoder::new(output, level),
                finish: flate2::write::ZlibEncoder::finish,
            }),
            Self::Bzip2 => Box::new(Finishing {
                encoder: bzip2::write::BzEncoder::new(output, bzip2::Compression::best()),
                finish: bzip2::write::BzEncoder::finish,
            }),
            Self::Zstd => Box::new(Finishing {
                encoder: zstd::stream::write::Encoder::new(output, ZSTD_LEVEL)?,
                finish: zstd::stream::write::Encoder::finish,
            }),
            Self::Snappy => Box::new(block::BlockWriter::new(output, block::Algorithm::Snappy)),
            Self::Lz4 => Box::new(block::BlockWriter::new(output, block::Algorithm::Lz4)),
        })
    }

    fn names(self) -> (&'static str, &'static str) {
        CODECS.iter().find(|(codec, _, _)| *codec == self).map_or(("", ""), |(_, name, class)| (name, class))
    }
}

/// An encoder of one of the codec crates, which each have their own `finish`.
struct Finishing<E, W> {
    encoder: E,
    finish: fn(E) -> io::Result<W>,
}

impl<E: Write, W> Write for Finishing<E, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.encoder.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.encoder.flush()
    }
}

impl<E: Write + Send, W: Write> FinishWrite for Finishing<E, W> {
    fn finish(self: Box<Self>) -> io::Result<()> {
        (self.finish)(self.encoder)?.flush()
    }
}

/// The error of data that stops early.
fn truncated(what: &str) -> io::Error {
    io::Error::new(io::ErrorKind::UnexpectedEof, format!("{what} ends early, the file may be cut short"))
}

/// An error of the data, with the place in the compressed bytes of the header or block that is wrong.
#[derive(Debug)]
struct Located {
    offset: u64,
    source: io::Error,
}

impl std::fmt::Display for Located {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.source.fmt(f)
    }
}

impl std::error::Error for Located {}

/// Adds the place of the header or block that is wrong.
fn located(source: io::Error, offset: u64) -> io::Error {
    io::Error::new(source.kind(), Located { offset, source })
}

/// Where the header or block begins that an error of a decoder is about, in the compressed bytes. `None` for an error of
/// the reader below, and for a stream that ends early.
pub(crate) fn fault_offset(error: &io::Error) -> Option<u64> {
    error.get_ref()?.downcast_ref::<Located>().map(|located| located.offset)
}

/// A reader that counts, and that tells its own errors from those of the data.
struct Counted<R> {
    input: R,
    /// Bytes read.
    at: u64,
    /// Where the header or block began that is being read.
    unit: u64,
    has_failed: bool,
}

impl<R: Read> Counted<R> {
    fn new(input: R, at: u64) -> Self {
        Self { input, at, unit: at, has_failed: false }
    }

    /// A header or a block begins here.
    fn begin_unit(&mut self) {
        self.unit = self.at;
    }

    /// Adds the place to an error of the data.
    fn locate(&self, error: io::Error) -> io::Error {
        if self.has_failed { error } else { located(error, self.unit) }
    }
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, output: &mut [u8]) -> io::Result<usize> {
        let read = self.input.read(output);
        match &read {
            Ok(count) => self.at += *count as u64,
            Err(error) => self.has_failed |= error.kind() != io::ErrorKind::Interrupted,
        }
        read
    }
}

/// The error of data that is not what it should be.
fn corrupt(what: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests;
