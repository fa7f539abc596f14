//! The blocks of a bzip2 file that belong to one split. Hadoop: `BZip2Codec` and `CBZip2InputStream` in their
//! `BYBLOCK` mode.
//!
//! A block belongs to the split that holds the byte in which its mark begins. Marks may begin at any bit:
//!
//! ```text
//! file:    BZh9 | mark, CRC, data | mark, CRC, data | end mark, CRC of all, bits to the next byte | BZh9 ...
//! split:            ^ found by a search of all bits   ^ met, since decoding ends just before it
//! ```
//!
//! The bits from the first mark on are moved to whole bytes and given to the library behind a header of our
//! own. It takes in a whole block before it gives any of it out, so while there is no room for output it stops
//! where the block ends, a few bytes read ahead; the next mark begins at one of the bits there. The CRC of each
//! block is checked. That of a whole stream is not, as a split may begin in its middle.

use super::{Counted, corrupt, located, truncated};
use std::io::{self, Read};

const BLOCK_MARK: u64 = 0x3141_5926_5359;
const STREAM_END_MARK: u64 = 0x1772_4538_5090;
const MARK_BITS: u64 = 48;
/// Behind the end mark: the CRC of all blocks.
const STREAM_CRC_BITS: u64 = 32;
/// `BZh` and a digit for the size of blocks.
const HEADER_BYTES: u64 = 4;
/// Put before blocks taken out of their stream; the digit is the largest and fits blocks of any size.
const HEADER: &[u8] = b"BZh9";
/// Bytes read, and bytes moved, at a time.
const BUFFER_BYTES: usize = 64 * 1_024;
/// The library reads ahead by as much as its buffer holds; the C library by less than a byte.
const AHEAD_BITS: u64 = 64;
const NAME: &str = "bzip2";

/// What a read gave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Piece {
    /// So many bytes of text, one at least; all of the split's own blocks, or all of later ones.
    Text(usize),
    /// The split's own blocks are used up, and what follows belongs to another split. Said once.
    SplitEnd,
    /// Nothing follows.
    End,
}

/// A reader of the blocks that begin in a split, and then of those behind it.
pub(crate) struct Bzip2Blocks<R> {
    input: BitInput<R>,
    /// Of the file: first byte of the split, and first byte behind it.
    start: u64,
    end: u64,
    library: bzip2::Decompress,
    /// First file bit that the library has not been given. It is moved to the front of a byte.
    fed: u64,
    /// Bytes moved and not yet taken by the library.
    moved: Vec<u8>,
    state: State,
    /// Where the stream or block begins that is being read.
    unit: u64,
    /// [`Piece::SplitEnd`] was said.
    beyond: bool,
}

#[derive(Clone, Copy)]
enum State {
    /// Nothing was read.
    New,
    /// A block is in the library, and this follows it.
    Loaded(Next),
    /// All that was loaded was given out.
    Before(Next),
}

/// What follows a block.
#[derive(Clone, Copy)]
enum Next {
    /// A block of the same stream, beginning at this bit of the file.
    Block(u64),
    /// The end of the stream. Another may begin at this byte of the file.
    Stream(u64),
    End,
}

impl<R: Read> Bzip2Blocks<R> {
    /// `input` gives the bytes of a file from byte `start` on, to the end of the file and not of the split,
    /// which is byte `end`.
    pub(crate) fn new(input: R, start: u64, end: u64) -> Self {
        Self {
            input: BitInput {
                input: Counted::new(input, start),
                bytes: Vec::new(),
                offset: start,
                at_end: false,
            },
            start,
            // The first block of a file belongs to its first split, however short that is.
            end: if start == 0 { end.max(HEADER_BYTES + 1) } else { end },
            library: bzip2::Decompress::new(false),
            fed: 0,
            moved: Vec::new(),
            state: State::New,
            unit: start,
            beyond: false,
        }
    }

    /// Decompresses to the front of `text`, which must not be empty.
    ///
    /// # Errors
    /// As [`Codec::decoder`](super::Codec::decoder).
    pub(crate) fn read(&mut self, text: &mut [u8]) -> io::Result<Piece> {
        self.read_piece(text).map_err(|error| match error.kind() {
            io::ErrorKind::InvalidData if !self.input.input.has_failed => located(error, self.unit),
            _ => error,
        })
    }

    fn read_piece(&mut self, text: &mut [u8]) -> io::Result<Piece> {
        loop {
            self.state = match self.state {
                State::New => State::Before(self.first()?),
                State::Loaded(next) => match self.step(&[], text)?.1 {
                    0 => State::Before(next),
                    bytes => return Ok(Piece::Text(bytes)),
                },
                State::Before(Next::Stream(byte)) => State::Before(self.enter_stream(byte)?),
                State::Before(Next::End) => return Ok(Piece::End),
                State::Before(Next::Block(bit)) if bit / 8 >= self.end && !self.beyond => {
                    self.beyond = true;
                    return Ok(Piece::SplitEnd);
                }
                State::Before(Next::Block(bit)) => {
                    self.unit = bit / 8;
                    self.load()?;
                    State::Loaded(self.next()?)
                }
            }
        }
    }

    /// Finds the split's first block.
    fn first(&mut self) -> io::Result<Next> {
        if self.start == 0 {
            return Ok(Next::Stream(0));
        }
        let from = self.start.max(HEADER_BYTES + 1);
        let Some(bit) = self.input.find_block(from, self.end)? else { return Ok(Next::End) };
        self.restart(bit)?;
        Ok(Next::Block(bit))
    }

    /// Reads the header of a stream; a stream need not have a block.
    fn enter_stream(&mut self, byte: u64) -> io::Result<Next> {
        if self.input.ends_at(byte)? {
            return Ok(Next::End);
        }
        self.unit = byte;
        let header = self.input.bits(byte * 8, HEADER_BYTES * 8)?.to_be_bytes();
        let [.., b'B', b'Z', b'h', b'1'..=b'9'] = header else {
            return Err(corrupt("corrupt bzip2 data: expected a stream, which begins with BZh and a digit"));
        };
        let first = (byte + HEADER_BYTES) * 8;
        match self.input.bits(first, MARK_BITS)? {
            BLOCK_MARK => {
                self.restart(first)?;
                Ok(Next::Block(first))
            }
            STREAM_END_MARK => self.end_of_stream(first),
            _ => Err(corrupt("corrupt bzip2 data: expected the mark of a block")),
        }
    }

    /// Has the library begin anew, with the block at a bit of the file.
    fn restart(&mut self, bit: u64) -> io::Result<()> {
        self.library = bzip2::Decompress::new(false);
        self.moved.clear();
        self.fed = bit;
        self.step(HEADER, &mut [])?;
        Ok(())
    }

    /// Has the library take in a block.
    fn load(&mut self) -> io::Result<()> {
        loop {
            if self.moved.is_empty() {
                let mut moved = std::mem::take(&mut self.moved);
                self.input.read_moved(self.fed, &mut moved)?;
                self.moved = moved;
            }
            if self.moved.is_empty() {
                return Err(truncated(NAME));
            }
            let moved = std::mem::take(&mut self.moved);
            let taken = self.step(&moved, &mut [])?.0;
            self.fed += taken as u64 * 8;
            self.moved = moved;
            self.moved.drain(..taken);
            // What asks for more takes all there is.
            if !self.moved.is_empty() {
                return Ok(());
            }
        }
    }

    /// Looks at what is behind the block that was just loaded, whose end is among the last bits that the library
    /// took.
    fn next(&mut self) -> io::Result<Next> {
        for bit in self.fed - AHEAD_BITS..=self.fed {
            match self.input.bits(bit, MARK_BITS)? {
                BLOCK_MARK => return Ok(Next::Block(bit)),
                STREAM_END_MARK => return self.end_of_stream(bit),
                _ => {}
            }
        }
        Err(corrupt("corrupt bzip2 data: expected the mark of a block or of the stream's end"))
    }

    /// Steps over the end of a stream, which begins at a bit of the file.
    fn end_of_stream(&mut self, bit: u64) -> io::Result<Next> {
        self.input.bits(bit + MARK_BITS, STREAM_CRC_BITS)?;
        Ok(Next::Stream((bit + MARK_BITS + STREAM_CRC_BITS).div_ceil(8)))
    }

    /// One call of the library; returns the bytes that it took and gave.
    fn step(&mut self, input: &[u8], output: &mut [u8]) -> io::Result<(usize, usize)> {
        let (taken, given) = (self.library.total_in(), self.library.total_out());
        self.library
            .decompress(input, output)
            .map_err(|error| corrupt(format!("corrupt {NAME} data: {error}")))?;
        Ok(((self.library.total_in() - taken) as usize, (self.library.total_out() - given) as usize))
    }
}

/// Bits of a file by their place. Places asked for must not go back by more than [`KEPT_BYTES`].
struct BitInput<R> {
    input: Counted<R>,
    /// Bytes of the file from `offset` on.
    bytes: Vec<u8>,
    offset: u64,
    at_end: bool,
}

/// Bytes kept before the place that was last asked for.
const KEPT_BYTES: u64 = 16;

impl<R: Read> BitInput<R> {
    /// Makes sure of the bytes from `byte` on, `count` of them or all that the file has, and returns them and
    /// what else is at hand.
    fn bytes_at(&mut self, byte: u64, count: usize) -> io::Result<&[u8]> {
        let mut at = (byte - self.offset) as usize;
        while !self.at_end && self.bytes.len() < at + count {
            let let_go = (byte - KEPT_BYTES.min(byte)).saturating_sub(self.offset);
            let let_go = self.bytes.len().min(let_go as usize);
            self.bytes.drain(..let_go);
            self.offset += let_go as u64;
            at -= let_go;
            let mut more = (&mut self.input).take(BUFFER_BYTES as u64);
            self.at_end = more.read_to_end(&mut self.bytes)? == 0;
        }
        Ok(self.bytes.get(at..).unwrap_or_default())
    }

    /// Whether the file has no byte at this place.
    fn ends_at(&mut self, byte: u64) -> io::Result<bool> {
        Ok(self.bytes_at(byte, 1)?.is_empty())
    }

    /// Up to 56 bits.
    fn bits(&mut self, from: u64, count: u64) -> io::Result<u64> {
        let bytes = (from % 8 + count).div_ceil(8) as usize;
        let Some(bytes) = self.bytes_at(from / 8, bytes)?.get(..bytes) else { return Err(truncated(NAME)) };
        let whole = bytes.iter().fold(0, |bits, byte| bits << 8 | u64::from(*byte));
        let behind = bytes.len() as u64 * 8 - from % 8 - count;
        Ok((whole >> behind) & ((1 << count) - 1))
    }

    /// Replaces `moved` by some bytes from bit `from` on, moved to begin with it; none at the file's end.
    fn read_moved(&mut self, from: u64, moved: &mut Vec<u8>) -> io::Result<()> {
        moved.clear();
        let shift = from % 8;
        let bytes = self.bytes_at(from / 8, BUFFER_BYTES + 1)?;
        let bytes = &bytes[..bytes.len().min(BUFFER_BYTES + 1)];
        let pairs = bytes.windows(2);
        moved.extend(pairs.map(|pair| (u16::from_be_bytes([pair[0], pair[1]]) << shift >> 8) as u8));
        if bytes.len() <= BUFFER_BYTES {
            moved.extend(bytes.last().map(|last| last << shift));
        }
        Ok(())
    }

    /// The first bit of the first mark that begins in bytes `from..end`.
    fn find_block(&mut self, from: u64, end: u64) -> io::Result<Option<u64>> {
        let mut seen = 0;
        let mut byte = from;
        // A mark that begins in the last byte ends six bytes behind it.
        let stop = end.saturating_add(MARK_BITS / 8);
        while byte < stop {
            let bytes = self.bytes_at(byte, 1)?;
            if bytes.is_empty() {
                return Ok(None);
            }
            for &next in bytes {
                seen = seen << 8 | u64::from(next);
                byte += 1;
                if MAY_END_MARK[(seen >> 8) as usize & 0xff]
                    && let Some(bit) = mark_in(seen, byte * 8, from * 8)
                {
                    return Ok((bit / 8 < end).then_some(bit));
                }
            }
        }
        Ok(None)
    }
}

/// Finds a mark in the last 55 bits before bit `behind` of the file, of which those from `from` on are known.
fn mark_in(seen: u64, behind: u64, from: u64) -> Option<u64> {
    let at = (0..8).rev().find(|shift| (seen >> shift) & ((1 << MARK_BITS) - 1) == BLOCK_MARK)?;
    behind.checked_sub(at + MARK_BITS).filter(|bit| *bit >= from)
}

/// The values that the last byte but one can have when a mark ends in the last: a quick look at it spares most
/// places a slower one.
const MAY_END_MARK: [bool; 256] = {
    let mut may = [false; 256];
    let mut shift = 0;
    while shift < 8 {
        may[(BLOCK_MARK >> (8 - shift)) as usize & 0xff] = true;
        shift += 1;
    }
    may
};

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    /// A file of streams, each compressed in blocks of 100 kB.
    fn file(streams: &[&[u8]]) -> Vec<u8> {
        let compress = |text: &&[u8]| {
            let mut writer = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
            writer.write_all(text).unwrap();
            writer.finish().unwrap()
        };
        streams.iter().flat_map(compress).collect()
    }

    /// Text that hardly compresses, so that there are many blocks, at many bits.
    fn text(bytes: usize) -> Vec<u8> {
        let mut state = 7_u64;
        let next = || {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (state >> 56) as u8
        };
        std::iter::repeat_with(next).take(bytes).collect()
    }

    /// The text of a split's own blocks, and all that follows.
    fn read(file: &[u8], start: usize, end: usize, buffer: usize) -> io::Result<[Vec<u8>; 2]> {
        let mut blocks = Bzip2Blocks::new(&file[start..], start as u64, end as u64);
        let mut texts = [Vec::new(), Vec::new()];
        let mut beyond = 0;
        let mut buffer = vec![0; buffer];
        loop {
            match blocks.read(&mut buffer)? {
                Piece::Text(bytes) => texts[beyond].extend_from_slice(&buffer[..bytes]),
                Piece::SplitEnd => beyond += 1,
                Piece::End => return Ok(texts),
            }
        }
    }

    fn check(streams: &[&[u8]], sizes: &[usize]) {
        let file = file(streams);
        let text = streams.concat();
        for &size in sizes {
            let mut joined = Vec::new();
            for start in (0..file.len()).step_by(size) {
                let end = file.len().min(start + size);
                let [own, later] = read(&file, start, end, 70_000).unwrap();
                joined.extend_from_slice(&own);
                assert!(own.is_empty() || text[joined.len()..] == later, "{start}..{end} goes on");
            }
            assert!(joined == text, "splits of {size} of {} bytes: {} bytes", file.len(), joined.len());
        }
    }

    #[test]
    fn splits_have_each_block_once() {
        let text = text(500_000);
        check(&[&text], &[1_000_000, 300_000, 99_999, 50_001, 10_007]);
        check(&[&text[..250_000], b"", b"a\n", &text[250_000..]], &[300_000, 99_999, 20_011]);
        check(&[b"short"], &[1, 2, 3, 4, 5, 6, 7, 100]);
        check(&[b""], &[1, 5, 100]);
        check(&[&vec![b'a'; 3_000_000], &text], &[30_000]);
    }

    #[test]
    fn the_place_of_what_is_wrong_is_known() {
        let text = text(500_000);
        let whole = file(&[&text]);
        let rubbish = [&whole[..], b"some text behind it"].concat();
        let fault = |file: &[u8], start| {
            super::super::fault_offset(&read(file, start, file.len(), 70_000).unwrap_err()).unwrap()
        };
        assert_eq!(fault(&rubbish, 250_000), whole.len() as u64);
        let mut input =
            BitInput { input: Counted::new(&whole[..], 0), bytes: Vec::new(), offset: 0, at_end: false };
        let block = input.find_block(250_000, u64::MAX).unwrap().unwrap() / 8;
        let mut broken = whole.clone();
        broken[block as usize + 5_000..][..20].fill(0x55);
        assert_eq!(fault(&broken, 100_000), block);
    }

    #[test]
    fn any_cut_beside_a_mark_is_right() {
        let text = text(220_000);
        let file = file(&[&text]);
        let mut input =
            BitInput { input: Counted::new(&file[..], 0), bytes: Vec::new(), offset: 0, at_end: false };
        let second = input.find_block(5, u64::MAX).unwrap().unwrap() / 8;
        for cut in second - 8..second + 8 {
            let [first, _] = read(&file, 0, cut as usize, 1 << 20).unwrap();
            let [rest, _] = read(&file, cut as usize, file.len(), 1 << 20).unwrap();
            assert!([first, rest].concat() == text, "cut at {cut}, mark in {second}");
        }
    }

    #[test]
    fn buffers_of_any_size_give_the_same() {
        let text = text(150_000);
        let file = file(&[&text]);
        for buffer in [1, 7, 4_096, 1 << 20] {
            assert!(read(&file, 0, 10, buffer).unwrap().concat() == text, "{buffer}");
        }
    }

    #[test]
    fn damage_is_an_error() {
        let text = text(250_000);
        let whole = file(&[&text]);
        let check = |file: &[u8], kind: io::ErrorKind, what: &str| {
            let error = read(file, 0, file.len() / 2, 4_096).unwrap_err();
            assert_eq!(error.kind(), kind, "{what}: {error}");
        };
        for cut in [3, 9, 1_000, whole.len() / 2, whole.len() - 6, whole.len() - 1] {
            check(&whole[..cut], io::ErrorKind::UnexpectedEof, &format!("cut at {cut}"));
        }
        for at in [0, 2, 3, 4, 12, 40_000, whole.len() - 9] {
            let mut broken = whole.clone();
            broken[at] ^= 0x40;
            check(&broken, io::ErrorKind::InvalidData, &format!("broken at {at}"));
        }
        check(&[&whole[..], b"rubbish behind"].concat(), io::ErrorKind::InvalidData, "rubbish");
    }
}
