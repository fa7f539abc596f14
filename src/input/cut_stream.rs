//! The part of a compressed stream's text that belongs to one split, though no reader can begin in its middle.
//!
//! A split owns the text that its compressed bytes add to that of the bytes before them. So its reader
//! decompresses the file from the start, drops what comes out before the split's first byte is asked for, and
//! goes on behind the split's last byte for as long as it is asked to:
//!
//! ```text
//! stored:  | split 1    | split 2    | split 3    |
//! text:    |  dropped            |  split 2's           | read on to the end of a line ...
//!                                ^ came when all bytes before split 2 were used, and no other
//! ```
//!
//! Decoders give out all that their bytes say before they ask for more, so both neighbours find the same place,
//! whatever their buffers. Nothing is shared between them: an attempt can be run again, or elsewhere.

use crate::codec::bzip2_blocks::Piece;
use crate::error::uninterrupted;
use std::io::{self, Read};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// A reader of a split's text, and then of the text behind it.
pub(super) struct CutStream {
    decoder: Box<dyn Read + Send>,
    /// Stored bytes that the decoder was given. Its input never gives bytes of two splits at once.
    given: Arc<AtomicU64>,
    /// First byte of the split, and first byte behind it.
    start: u64,
    end: u64,
    place: Place,
    /// Text that came while it turned out that another split's begins; not given out yet.
    held: Vec<u8>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Place {
    Before,
    Inside,
    Beyond,
}

impl CutStream {
    /// `decoder` decompresses a file from its start, and `given` says how many of its bytes it was given.
    pub(super) fn new(decoder: Box<dyn Read + Send>, given: Arc<AtomicU64>, start: u64, end: u64) -> Self {
        let place = if start == 0 { Place::Inside } else { Place::Before };
        Self { decoder, given, start, end, place, held: Vec::new() }
    }

    /// Stored bytes of the split that were used.
    pub(super) fn taken(&self) -> u64 {
        self.given.load(Relaxed).saturating_sub(self.start)
    }

    /// Goes to the split's text and returns its offset in that of the file. `space` is overwritten and must not
    /// be empty.
    pub(super) fn skip_to_start(&mut self, space: &mut [u8]) -> io::Result<u64> {
        let mut dropped = 0;
        while self.place == Place::Before {
            let count = uninterrupted(|| self.decoder.read(space))?;
            if count > 0 && self.given.load(Relaxed) <= self.start {
                dropped += count as u64;
                continue;
            }
            self.place = Place::Inside;
            self.held.extend_from_slice(&space[..count]);
        }
        Ok(dropped)
    }

    /// Decompresses to the front of `text`, which must not be empty.
    pub(super) fn read(&mut self, text: &mut [u8]) -> io::Result<Piece> {
        let held = self.held.len().min(text.len());
        let count = if held == 0 { uninterrupted(|| self.decoder.read(text))? } else { held };
        if self.place == Place::Inside && self.given.load(Relaxed) > self.end {
            self.place = Place::Beyond;
            if held == 0 {
                self.held.extend_from_slice(&text[..count]);
            }
            return Ok(Piece::SplitEnd);
        }
        if held > 0 {
            text[..held].copy_from_slice(&self.held[..held]);
            self.held.drain(..held);
        }
        Ok(if count == 0 { Piece::End } else { Piece::Text(count) })
    }
}
