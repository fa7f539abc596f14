//! Which reduce task a key goes to.
//!
//! One struct per rule, each a [`Partition`]; [`Partitioner`] is the one that a plan asks for. A rule's
//! answer is always below the number of reduces, and no rule can fail: what the plan says was checked when
//! it was made, the cuts of a total order by [`check_cuts`].

use super::comparator::{ByteOrder, FieldOrder, KeyOrder, NumberOrder, Order};
use crate::plan::{KeySpec, PartitionerSpec};
use crate::writable::{WritableKind, decode_utf8};
use std::borrow::Cow;
use std::str;

/// A rule that gives each key its partition.
pub(crate) trait Partition: Clone + Send + Sync {
    /// The key's partition, from its payload.
    fn partition(&self, key: &[u8]) -> u32;
}

/// The partitioner of a job. Match it once per task where records are many.
#[derive(Clone, Debug)]
pub(crate) enum Partitioner {
    /// One reduce task: no rule is asked. Hadoop: `MapTask.NewOutputCollector`.
    Single(SinglePartition),
    /// Hash of bytes.
    Hash(HashPartition),
    /// Hash of any other class.
    KindHash(KindHashPartition),
    /// Hash of fields.
    Fields(FieldPartition),
    /// Hash of the key as a Java string.
    String(StringPartition),
    /// Hash of a range of bytes.
    Binary(BinaryPartition),
    /// Ranges of keys, by bytes.
    ByteRanges(RangePartition<ByteOrder>),
    /// Ranges of keys, by numbers.
    NumberRanges(RangePartition<NumberOrder>),
    /// Ranges of keys, by fields.
    FieldRanges(RangePartition<FieldOrder>),
}

impl Partitioner {
    /// The rule of `spec` for keys of class `kind` and `reduces` reduce tasks; 0 is taken for 1.
    ///
    /// Cut points are searched in the class's own order; [`Partitioner::with_order`] takes another one.
    pub(crate) fn new(spec: &PartitionerSpec, kind: &WritableKind, reduces: u32) -> Self {
        if reduces <= 1 {
            return Self::Single(SinglePartition);
        }
        let text = KeyText(kind.clone());
        match spec {
            PartitionerSpec::Hash => match kind {
                WritableKind::Text | WritableKind::Bytes | WritableKind::TypedBytes => {
                    Self::Hash(HashPartition { reduces })
                }
                _ => Self::KindHash(KindHashPartition { kind: kind.clone(), reduces }),
            },
            PartitionerSpec::KeyFields { specs, .. } if specs.is_empty() => {
                Self::String(StringPartition { text, reduces })
            }
            PartitionerSpec::KeyFields { specs, separator } => {
                let (specs, separator) = (specs.clone(), separator.clone());
                Self::Fields(FieldPartition { specs, separator, text, reduces })
            }
            PartitionerSpec::Binary { left, right } => {
                Self::Binary(BinaryPartition { left: *left, right: *right, reduces })
            }
            PartitionerSpec::TotalOrder { cuts, .. } => {
                Self::with_order(cuts, Order::new(&crate::plan::KeyOrderSpec::Natural, kind))
            }
        }
    }

    /// A total order whose cut points are searched in an order of its own:
    /// `mapreduce.totalorderpartitioner.naturalorder=false`, and keys that are not bytes.
    pub(crate) fn with_order(cuts: &[Vec<u8>], order: Order) -> Self {
        match order {
            Order::Bytes(order) => Self::ByteRanges(RangePartition::new(cuts, order)),
            Order::Number(order) => Self::NumberRanges(RangePartition::new(cuts, order)),
            Order::Fields(order) => Self::FieldRanges(RangePartition::new(cuts, order)),
        }
    }

    /// [`Partition::partition`], choosing the rule anew for this key.
    #[inline]
    pub(crate) fn partition(&self, key: &[u8]) -> u32 {
        match self {
            Self::Single(rule) => rule.partition(key),
            Self::Hash(rule) => rule.partition(key),
            Self::KindHash(rule) => rule.partition(key),
            Self::Fields(rule) => rule.partition(key),
            Self::String(rule) => rule.partition(key),
            Self::Binary(rule) => rule.partition(key),
            Self::ByteRanges(rule) => rule.partition(key),
            Self::NumberRanges(rule) => rule.partition(key),
            Self::FieldRanges(rule) => rule.partition(key),
        }
    }
}

/// Everything to partition 0.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SinglePartition;

impl Partition for SinglePartition {
    #[inline]
    fn partition(&self, _: &[u8]) -> u32 {
        0
    }
}

/// `HashPartitioner` over `Text`, `BytesWritable` and `TypedBytesWritable`: the hash of their bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct HashPartition {
    reduces: u32,
}

impl Partition for HashPartition {
    #[inline]
    fn partition(&self, key: &[u8]) -> u32 {
        spread(hash_from(1, key), self.reduces)
    }
}

/// `HashPartitioner` over any other class.
#[derive(Clone, Debug)]
pub(crate) struct KindHashPartition {
    kind: WritableKind,
    reduces: u32,
}

impl Partition for KindHashPartition {
    fn partition(&self, key: &[u8]) -> u32 {
        spread(self.kind.hash_code(key), self.reduces)
    }
}

/// `KeyFieldBasedPartitioner` with options: the hash of the specs' bytes one after another. A spec that the
/// key lacks adds nothing, so a key without any of them goes to partition 0.
#[derive(Clone, Debug)]
pub(crate) struct FieldPartition {
    specs: Vec<KeySpec>,
    separator: Vec<u8>,
    text: KeyText,
    reduces: u32,
}

impl Partition for FieldPartition {
    fn partition(&self, key: &[u8]) -> u32 {
        let text = self.text.of(key);
        let hash = self.specs.iter().fold(0, |hash, spec| {
            let Some(range) = spec.range(&text, &self.separator) else { return hash };
            // Hadoop takes any beginning before the key for a missing field.
            let (Ok(start), Ok(end)) = (usize::try_from(range.start), usize::try_from(range.end)) else {
                return hash;
            };
            hash_from(hash, text.get(start..end).unwrap_or(&[]))
        });
        spread(hash, self.reduces)
    }
}

/// `KeyFieldBasedPartitioner` without options: Java's `String.hashCode` of the key as text.
#[derive(Clone, Debug)]
pub(crate) struct StringPartition {
    text: KeyText,
    reduces: u32,
}

impl Partition for StringPartition {
    fn partition(&self, key: &[u8]) -> u32 {
        let text = self.text.of(key);
        let hash = match str::from_utf8(&text) {
            // A character of ASCII is one unit of UTF-16 and one byte of UTF-8, never a negative one.
            Ok(text) if !text.is_ascii() => text
                .encode_utf16()
                .fold(0_i32, |hash, unit| hash.wrapping_mul(31).wrapping_add(i32::from(unit))),
            _ => hash_from(0, &text),
        };
        spread(hash, self.reduces)
    }
}

/// `BinaryPartitioner`: the hash of the bytes from `left` to `right`, both included, negative ones counted
/// from the end.
///
/// For an empty key, and one shorter than a negative offset, Hadoop's task dies of an exception (a division
/// by zero, an index out of bounds); here an offset before the key is the key's first byte.
#[derive(Clone, Copy, Debug)]
pub(crate) struct BinaryPartition {
    left: i32,
    right: i32,
    reduces: u32,
}

impl Partition for BinaryPartition {
    fn partition(&self, key: &[u8]) -> u32 {
        let length = key.len() as i64;
        let index = |offset: i32| (i64::from(offset) + length).checked_rem(length).unwrap_or(0);
        let (start, end) = (index(self.left).max(0), index(self.right) + 1);
        let range = start as usize..end.max(start) as usize;
        spread(hash_from(1, key.get(range).unwrap_or(&[])), self.reduces)
    }
}

/// `TotalOrderPartitioner`: as many partitions as cut points and one; a key equal to a cut point goes to the
/// higher one.
#[derive(Clone, Debug)]
pub(crate) struct RangePartition<O> {
    order: O,
    /// The cut points and their prefixes, in order.
    cuts: Vec<(u64, Vec<u8>)>,
}

impl<O: KeyOrder> RangePartition<O> {
    fn new(cuts: &[Vec<u8>], order: O) -> Self {
        let cuts = cuts.iter().map(|cut| (order.prefix(cut), cut.clone())).collect();
        Self { order, cuts }
    }
}

impl<O: KeyOrder> Partition for RangePartition<O> {
    fn partition(&self, key: &[u8]) -> u32 {
        let prefix = self.order.prefix(key);
        self.cuts.partition_point(|(cut_prefix, cut)| {
            cut_prefix.cmp(&prefix).then_with(|| self.order.compare(cut, key)).is_le()
        }) as u32
    }
}

/// Why cut points cannot be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub(crate) enum CutError {
    /// Not one less than reduce tasks.
    #[error("{found} cut points, expected {expected}: one less than reduce tasks")]
    Count {
        /// Cut points there.
        found: usize,
        /// Cut points needed.
        expected: usize,
    },
    /// A cut point that is not greater than the one before it.
    #[error("cut point {number} is not greater than the one before it, expected them in key order")]
    Order {
        /// Its number, from 1.
        number: usize,
    },
}

/// Checks the cut points of a total order by the job's key order. Hadoop: `TotalOrderPartitioner.setConf`,
/// which is not reached with a single reduce task.
pub(crate) fn check_cuts(cuts: &[Vec<u8>], order: &Order, reduces: u32) -> Result<(), CutError> {
    if reduces <= 1 {
        return Ok(());
    }
    let (found, expected) = (cuts.len(), reduces as usize - 1);
    if found != expected {
        return Err(CutError::Count { found, expected });
    }
    match cuts.windows(2).position(|pair| order.compare(&pair[0], &pair[1]).is_ge()) {
        Some(at) => Err(CutError::Order { number: at + 2 }),
        None => Ok(()),
    }
}

/// Keys as text: their class's `toString` in UTF-8.
#[derive(Clone, Debug)]
struct KeyText(WritableKind);

impl KeyText {
    fn of<'a>(&self, key: &'a [u8]) -> Cow<'a, [u8]> {
        if self.0 == WritableKind::Text {
            return match decode_utf8(key) {
                Cow::Borrowed(text) => text.as_bytes().into(),
                Cow::Owned(text) => text.into_bytes().into(),
            };
        }
        let mut text = Vec::new();
        match self.0.write_string(key, &mut text) {
            Ok(()) => text.into(),
            // A class without text here, or bytes that are not its own: the bytes are all there is.
            Err(_) => key.into(),
        }
    }
}

/// A hash as a partition. Hadoop: `HashPartitioner.getPartition`.
#[inline]
fn spread(hash: i32, reduces: u32) -> u32 {
    (hash as u32 & 0x7FFF_FFFF) % reduces
}

/// Goes on with a hash over `bytes`, which are signed in Java: `31 * hash + byte` for each. Hadoop:
/// `WritableComparator.hashBytes` (from 1) and `KeyFieldBasedPartitioner.hashCode` (from 0).
///
/// Byte by byte each multiplication waits for the one before it; eight bytes at a time only one in eight
/// does. The bytes that are left over are too few to be worth another way.
#[inline]
fn hash_from(hash: i32, bytes: &[u8]) -> i32 {
    const POWER: i32 = 31_i32.wrapping_pow(8);
    let (eights, rest) = bytes.as_chunks();
    let hash =
        eights.iter().fold(hash, |hash, eight| hash.wrapping_mul(POWER).wrapping_add(hash_eight(*eight)));
    rest.iter().fold(hash, |hash, byte| hash.wrapping_mul(31).wrapping_add(i32::from(*byte as i8)))
}

/// The hash of eight bytes, from 0: neighbours are joined to four numbers of 16 bits, these to two of 32
/// bits, and those to one, all within one register.
#[inline]
fn hash_eight(bytes: [u8; 8]) -> i32 {
    const LOW_8_OF_16: u64 = 0x00FF_00FF_00FF_00FF;
    const LOW_16_OF_32: u64 = 0x0000_FFFF_0000_FFFF;
    /// What turning the sign bits has added: 128 for each byte times the sum of the powers of 31 up to the
    /// seventh, (31^8 - 1) / 30.
    const EXCESS: u32 = 128_u32.wrapping_mul((31_u64.pow(8) / 30) as u32);
    // A turned sign bit makes signed bytes unsigned, so that no number borrows from the one beside it. The
    // largest are 255 * 32 and that times 962: they fit. The first byte is the lowest.
    let unsigned = u64::from_le_bytes(bytes) ^ 0x8080_8080_8080_8080;
    let pairs = (unsigned & LOW_8_OF_16) * 31 + (unsigned >> 8 & LOW_8_OF_16);
    let fours = (pairs & LOW_16_OF_32) * 31_u64.pow(2) + (pairs >> 16 & LOW_16_OF_32);
    let eight = (fours as u32).wrapping_mul(31_u32.pow(4)).wrapping_add((fours >> 32) as u32);
    eight.wrapping_sub(EXCESS) as i32
}

#[cfg(test)]
mod tests;
