//! With which keys the blocks of a segment begin: what it takes to begin reading in the middle of it.
//!
//! ```text
//!   keys = (offset from the segment's first byte u64, key length u16, key)*, checksum u64
//! ```
//!
//! A segment's keys are bounded, so not every block of a very large one has its own, and blocks that begin with a very
//! long key have none. Whoever reads may leave out more. Each key left out means that more is read than is wanted.

use super::comparator::Order;
use crate::checksum;
use std::cmp::Ordering;
use std::ops::Range;

/// Keys of a segment are bounded to this, in bytes of the file: enough for each block of some 400 MB.
const BYTES_MAX: usize = 512 << 10;
/// No longer key is kept.
const KEY_BYTES_MAX: usize = 256;
/// Bytes before a key, and of the checksum.
const HEADER_BYTES: usize = 10;
const CHECKSUM_BYTES: usize = 8;

/// The keys of a segment that is being written.
#[derive(Debug)]
pub(super) struct BlockKeysWriter {
    bytes: Vec<u8>,
    bytes_max: usize,
    /// Keeps the key of each so many blocks.
    every: u64,
    blocks: u64,
}

impl BlockKeysWriter {
    pub(super) fn new() -> Self {
        Self::bounded(BYTES_MAX)
    }

    fn bounded(bytes_max: usize) -> Self {
        Self { bytes: Vec::new(), bytes_max, every: 1, blocks: 0 }
    }

    /// Takes note of a block so many bytes behind the begin of its segment.
    pub(super) fn add(&mut self, offset: u64, key: &[u8]) {
        let number = self.blocks;
        self.blocks += 1;
        if !number.is_multiple_of(self.every) || key.len() > KEY_BYTES_MAX {
            return;
        }
        self.bytes.extend_from_slice(&offset.to_le_bytes());
        self.bytes.extend_from_slice(&(key.len() as u16).to_le_bytes());
        self.bytes.extend_from_slice(key);
        if self.bytes.len() > self.bytes_max {
            self.thin();
        }
    }

    /// Drops every other key, and from now on every other one that would have been kept.
    fn thin(&mut self) {
        let all = std::mem::take(&mut self.bytes);
        for (_, _, encoded) in decode(&all).step_by(2) {
            self.bytes.extend_from_slice(encoded);
        }
        self.every *= 2;
    }

    /// The keys for the file, none if there are none. The next segment begins.
    pub(super) fn finish(&mut self) -> Vec<u8> {
        let mut bytes = std::mem::replace(self, Self::bounded(self.bytes_max)).bytes;
        if !bytes.is_empty() {
            let checksum = checksum::of(&bytes).to_le_bytes();
            bytes.extend_from_slice(&checksum);
        }
        bytes
    }
}

/// Offset, key and all bytes of each key.
fn decode(mut bytes: &[u8]) -> impl Iterator<Item = (u64, &[u8], &[u8])> {
    std::iter::from_fn(move || {
        let (header, rest) = bytes.split_first_chunk::<HEADER_BYTES>()?;
        let (offset, length) = header.split_at(8);
        let offset = u64::from_le_bytes(offset.try_into().ok()?);
        let key = rest.get(..usize::from(u16::from_le_bytes(length.try_into().ok()?)))?;
        let encoded = &bytes[..HEADER_BYTES + key.len()];
        bytes = &rest[key.len()..];
        Some((offset, key, encoded))
    })
}

/// A key at which ranges of keys are cut.
#[derive(Clone, Debug)]
pub(crate) struct Bound {
    pub(super) prefix: u64,
    pub(super) key: Box<[u8]>,
}

impl Bound {
    /// Whether a key comes before this one.
    pub(super) fn is_after(
        &self,
        prefix: u64,
        key: &[u8],
        compare: impl FnOnce(&[u8], &[u8]) -> Ordering,
    ) -> bool {
        prefix < self.prefix || prefix == self.prefix && compare(key, &self.key).is_lt()
    }
}

/// The keys of a segment on disk, as far as they are held in memory.
#[derive(Debug)]
pub(crate) struct BlockKeys {
    places: Vec<Place>,
    keys: Vec<u8>,
    /// All blocks of the segment, as places in the file.
    blocks: Range<u64>,
}

#[derive(Debug)]
struct Place {
    prefix: u64,
    block_at: u64,
    key_at: u32,
    key_len: u32,
}

impl BlockKeys {
    /// Takes each `every`th key out of what a writer made for a segment whose blocks are `blocks`. `None` if the
    /// bytes are not what was written.
    pub(super) fn read(bytes: &[u8], blocks: Range<u64>, every: usize, order: &Order) -> Option<Self> {
        let mut read = Self { places: Vec::new(), keys: Vec::new(), blocks };
        if bytes.is_empty() {
            return Some(read);
        }
        let (encoded, stored) = bytes.split_at_checked(bytes.len().checked_sub(CHECKSUM_BYTES)?)?;
        if checksum::of(encoded).to_le_bytes() != stored {
            return None;
        }
        for (offset, key, _) in decode(encoded).step_by(every) {
            if offset >= read.blocks.end - read.blocks.start {
                return None;
            }
            read.places.push(Place {
                prefix: order.prefix(key),
                block_at: read.blocks.start + offset,
                key_at: read.keys.len() as u32,
                key_len: key.len() as u32,
            });
            read.keys.extend_from_slice(key);
        }
        Some(read)
    }

    pub(super) fn len(&self) -> usize {
        self.places.len()
    }

    /// Prefix and bytes of a key.
    pub(super) fn key(&self, number: usize) -> (u64, &[u8]) {
        self.key_of(&self.places[number])
    }

    fn key_of(&self, place: &Place) -> (u64, &[u8]) {
        (place.prefix, &self.keys[place.key_at as usize..][..place.key_len as usize])
    }

    /// The blocks that may hold keys from `begin` on and before `end`.
    pub(super) fn between(&self, begin: Option<&Bound>, end: Option<&Bound>, order: &Order) -> Range<u64> {
        let before = |bound: &Bound| {
            self.places.partition_point(|place| {
                let (prefix, key) = self.key_of(place);
                bound.is_after(prefix, key, |a, b| order.compare(a, b))
            })
        };
        // Keys that equal the bound may begin in the block before the first that begins with it.
        let begin = begin.and_then(|bound| before(bound).checked_sub(1));
        let end = end.and_then(|bound| self.places.get(before(bound)));
        let start = begin.map_or(self.blocks.start, |place| self.places[place].block_at);
        start..end.map_or(self.blocks.end, |place| place.block_at)
    }
}

#[cfg(test)]
mod tests {
    use super::super::comparator::ByteOrder;
    use super::*;

    const ORDER: Order = Order::Bytes(ByteOrder);

    fn bound(key: &str) -> Bound {
        Bound { prefix: ORDER.prefix(key.as_bytes()), key: key.as_bytes().into() }
    }

    #[test]
    fn ranges_begin_before_the_first_key_and_end_at_the_first_beyond() {
        let mut writer = BlockKeysWriter::new();
        for (number, key) in [b"b", b"d", b"d", b"d", b"f"].into_iter().enumerate() {
            writer.add(number as u64 * 10, key);
        }
        let keys = BlockKeys::read(&writer.finish(), 100..150, 1, &ORDER).unwrap();
        let check = |begin: &str, end: &str, expect: Range<u64>| {
            let of = |key: &str| (!key.is_empty()).then(|| bound(key));
            let blocks = keys.between(of(begin).as_ref(), of(end).as_ref(), &ORDER);
            assert_eq!(blocks, expect, "{begin}..{end}");
        };
        check("", "", 100..150);
        check("", "a", 100..100);
        check("a", "b", 100..100);
        check("b", "c", 100..110);
        check("c", "d", 100..110);
        check("d", "e", 100..140);
        check("e", "", 130..150);
        check("f", "g", 130..150);
        check("g", "", 140..150);
    }
    /// Where a range that begins before block 70 of 100, or at its key, is read from.
    #[test]
    fn keys_left_out_cost_reading_only() {
        let check = |bytes_max, every, long_key: bool, expect: u64| {
            let mut writer = BlockKeysWriter::bounded(bytes_max);
            let key = |number: u64| {
                let fill = if long_key && number % 10 != 5 { KEY_BYTES_MAX } else { 0 };
                format!("{number:02}{}", "x".repeat(fill))
            };
            (0..100).for_each(|number| writer.add(number * 7, key(number).as_bytes()));
            let bytes = writer.finish();
            assert!(bytes.len() <= bytes_max + CHECKSUM_BYTES, "{bytes_max}");
            assert!(writer.finish().is_empty());
            let keys = BlockKeys::read(&bytes, 0..700, every, &ORDER).unwrap();
            let blocks = keys.between(Some(&bound("70")), None, &ORDER);
            assert_eq!(blocks, expect * 7..700, "{bytes_max} bytes, every {every}, long {long_key}");
        };
        check(1 << 20, 1, false, 69);
        check(1 << 20, 4, false, 68);
        check(100 * 12, 1, false, 69);
        check(99 * 12, 1, false, 68);
        check(26 * 12, 2, false, 64);
        check(1 << 20, 1, true, 65);
    }

    #[test]
    fn damaged_keys_are_refused() {
        let mut writer = BlockKeysWriter::new();
        writer.add(0, b"key");
        let good = writer.finish();
        assert_eq!(BlockKeys::read(&good, 0..1, 1, &ORDER).unwrap().len(), 1);
        for length in 1..good.len() {
            assert!(BlockKeys::read(&good[..length], 0..1, 1, &ORDER).is_none(), "{length}");
        }
    }
}
