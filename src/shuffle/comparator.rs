//! Order of keys: which of two keys the reducer sees first.
//!
//! Every order comes with a *prefix*, eight bytes of a key as one number that sorts as the key does as far
//! as it goes. Sorting and merging compare prefixes and look at whole keys where those tie. Callers match
//! [`Order`] once per task and call code that is generic over [`KeyOrder`].
//!
//! Each order here is a consistent one: transitive, and the same from both sides. Hadoop's
//! `KeyFieldBasedComparator` is not always, and then what its sort makes of it depends on where each record
//! happens to stand; std's sort would even be free to panic. Where a spec makes one key less than another in
//! Hadoop, it does in [`FieldOrder`]; where Hadoop takes odd numbers for equal, they may differ here, see
//! [`numeral`].
//!
//! What makes a reduce group is not decided here: Hadoop compares whole keys for that.

mod numeral;

use crate::plan::{KeyOrderSpec, KeySpec};
use crate::writable::{WritableKind, read_vlong};
use numeral::Numeral;
use std::cmp::Ordering;

/// An order of keys, by their payloads.
pub(crate) trait KeyOrder: Clone + Send + Sync {
    /// Keys that are equal in this order are the same bytes.
    const EQUAL_IS_SAME: bool;

    /// A number that sorts as the key does: `prefix(a) < prefix(b)` implies that `a` comes before `b`.
    fn prefix(&self, key: &[u8]) -> u64;

    /// The whole order.
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering;

    /// Whether keys of these lengths, in bytes, whose prefixes are equal are certainly equal in this order.
    fn prefix_decides(&self, a_len: usize, b_len: usize) -> bool;
}

/// The order of a job's keys.
#[derive(Clone, Debug)]
pub(crate) enum Order {
    /// As bytes.
    Bytes(ByteOrder),
    /// As numbers.
    Number(NumberOrder),
    /// By fields of the key.
    Fields(FieldOrder),
}

impl Order {
    /// The order that `spec` means for keys of class `kind`.
    pub(crate) fn new(spec: &KeyOrderSpec, kind: &WritableKind) -> Self {
        match spec {
            KeyOrderSpec::Natural => match NumberForm::of(kind) {
                Some(form) => Self::Number(NumberOrder { form, decreasing: false }),
                None => Self::Bytes(ByteOrder),
            },
            // The configuration lets only long integers come here.
            KeyOrderSpec::Decreasing => {
                let form = NumberForm::of(kind).unwrap_or(NumberForm::Fixed);
                Self::Number(NumberOrder { form, decreasing: true })
            }
            // Without options the class compares the bytes behind the length, which is all there is to text.
            KeyOrderSpec::KeyFields { specs, .. } if specs.is_empty() && *kind == WritableKind::Text => {
                Self::Bytes(ByteOrder)
            }
            KeyOrderSpec::KeyFields { specs, separator } => {
                Self::Fields(FieldOrder::new(specs, separator, kind))
            }
        }
    }

    /// [`KeyOrder::prefix`] for callers that are in no hurry.
    pub(crate) fn prefix(&self, key: &[u8]) -> u64 {
        match self {
            Self::Bytes(order) => order.prefix(key),
            Self::Number(order) => order.prefix(key),
            Self::Fields(order) => order.prefix(key),
        }
    }

    /// [`KeyOrder::compare`] for callers that are in no hurry.
    pub(crate) fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        match self {
            Self::Bytes(order) => order.compare(a, b),
            Self::Number(order) => order.compare(a, b),
            Self::Fields(order) => order.compare(a, b),
        }
    }
}

/// Unsigned bytes, the shorter key first: text, bytes, typed bytes and any class that is not read here.
#[derive(Clone, Debug, Default)]
pub(crate) struct ByteOrder;

impl KeyOrder for ByteOrder {
    const EQUAL_IS_SAME: bool = true;

    #[inline]
    fn prefix(&self, key: &[u8]) -> u64 {
        byte_prefix(key)
    }

    #[inline]
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        a.cmp(b)
    }

    #[inline]
    fn prefix_decides(&self, a_len: usize, b_len: usize) -> bool {
        // A short key's prefix is filled up with zeros, so `a` and `a\0` tie.
        a_len == b_len && a_len <= 8
    }
}

/// The first eight bytes, big-endian; zeros after the end.
#[inline]
fn byte_prefix(key: &[u8]) -> u64 {
    if let Some(first) = key.first_chunk() {
        return u64::from_be_bytes(*first);
    }
    let unused_bits = 64 - 8 * key.len() as u32;
    // Two reads that overlap where the key is shorter than both: the shared bytes fall on themselves.
    if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        return u64::from(u32::from_be_bytes(*first)) << 32
            | u64::from(u32::from_be_bytes(*last)) << unused_bits;
    }
    if let (Some(first), Some(last)) = (key.first_chunk(), key.last_chunk()) {
        return u64::from(u16::from_be_bytes(*first)) << 48
            | u64::from(u16::from_be_bytes(*last)) << unused_bits;
    }
    key.first().map_or(0, |byte| u64::from(*byte) << 56)
}

/// Numbers of one of Hadoop's classes.
#[derive(Clone, Debug)]
pub(crate) struct NumberOrder {
    form: NumberForm,
    /// The largest first.
    decreasing: bool,
}

/// How a payload holds its number.
#[derive(Clone, Copy, Debug)]
enum NumberForm {
    /// Signed, big-endian, up to eight bytes.
    Fixed,
    /// `WritableUtils.writeVLong`.
    Variable,
    /// IEEE single.
    Float,
    /// IEEE double.
    Double,
}

impl NumberForm {
    fn of(kind: &WritableKind) -> Option<Self> {
        match kind {
            WritableKind::Long | WritableKind::Int | WritableKind::Short | WritableKind::Byte => {
                Some(Self::Fixed)
            }
            WritableKind::VInt | WritableKind::VLong => Some(Self::Variable),
            WritableKind::Float => Some(Self::Float),
            WritableKind::Double => Some(Self::Double),
            WritableKind::Text
            | WritableKind::Bytes
            | WritableKind::TypedBytes
            | WritableKind::Boolean
            | WritableKind::Null
            | WritableKind::Other(_) => None,
        }
    }
}

impl KeyOrder for NumberOrder {
    const EQUAL_IS_SAME: bool = false; // not of floats, and lines of text have no numbers

    #[inline]
    fn prefix(&self, key: &[u8]) -> u64 {
        let prefix = match self.form {
            NumberForm::Fixed => signed_prefix(big_endian(key)),
            NumberForm::Variable => signed_prefix(read_vlong(key).map_or(0, |(value, _)| value)),
            NumberForm::Float => float_prefix(f64::from(f32::from_bits(big_endian(key) as u32))),
            NumberForm::Double => float_prefix(f64::from_bits(big_endian(key) as u64)),
        };
        if self.decreasing { !prefix } else { prefix }
    }

    #[inline]
    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        self.prefix(a).cmp(&self.prefix(b))
    }

    #[inline]
    fn prefix_decides(&self, _: usize, _: usize) -> bool {
        true
    }
}

fn big_endian(key: &[u8]) -> i64 {
    let sign = key.first().map_or(0, |byte| i64::from(*byte as i8) >> 7);
    key.iter().fold(sign, |value, byte| value << 8 | i64::from(*byte))
}

fn signed_prefix(value: i64) -> u64 {
    value as u64 ^ 1 << 63
}

/// Java's `Double.compare` as a number: -0.0 before 0.0, every NaN alike and last.
fn float_prefix(value: f64) -> u64 {
    let bits = if value.is_nan() { f64::NAN.to_bits() & !(1 << 63) } else { value.to_bits() };
    if bits >> 63 == 1 { !bits } else { bits | 1 << 63 }
}

/// Order by fields of the key. Hadoop: `KeyFieldBasedComparator`.
///
/// The specs are asked one after another. Keys that they all call equal are equal: the rest of the key has
/// no say. A key that lacks a spec's field comes before those that have it (after them in a reversed spec),
/// and two keys that both lack it are equal whatever the specs behind it say.
#[derive(Clone, Debug)]
pub(crate) struct FieldOrder {
    specs: Vec<KeySpec>,
    separator: Vec<u8>,
    /// Set when payloads are not what Hadoop would look at.
    serialized_as: Option<WritableKind>,
}

impl FieldOrder {
    fn new(specs: &[KeySpec], separator: &[u8], kind: &WritableKind) -> Self {
        // Hadoop takes any serialised key for text, a length in one to nine bytes and then the payload. For
        // other classes that cuts off the wrong bytes, and character 0 of a key is a byte of the length.
        let payload_suffices = *kind == WritableKind::Text && specs.iter().all(|spec| spec.begin_char > 0);
        let serialized_as = (!payload_suffices).then(|| kind.clone());
        Self { specs: specs.to_vec(), separator: separator.to_vec(), serialized_as }
    }

    fn compare_views(&self, a: &KeyView<'_>, b: &KeyView<'_>) -> Ordering {
        if self.specs.is_empty() {
            return a.key().cmp(b.key());
        }
        for spec in &self.specs {
            let ordering = match (a.part(spec, &self.separator), b.part(spec, &self.separator)) {
                (None, None) => return Ordering::Equal,
                (None, Some(_)) => Ordering::Less,
                (Some(_), None) => Ordering::Greater,
                (Some(a), Some(b)) if spec.numeric => a.numeral().compare(&b.numeral()),
                (Some(a), Some(b)) => a.bytes().cmp(b.bytes()).then(a.length().cmp(&b.length())),
            };
            if ordering.is_ne() {
                return if spec.reverse { ordering.reverse() } else { ordering };
            }
        }
        Ordering::Equal
    }
}

impl KeyOrder for FieldOrder {
    const EQUAL_IS_SAME: bool = false;

    fn prefix(&self, key: &[u8]) -> u64 {
        // One prefix for all is always right, and the odd cases are not worth more.
        let (Some(spec), None) = (self.specs.first(), &self.serialized_as) else { return 0 };
        let prefix = match KeyView::of_payload(key).part(spec, &self.separator) {
            None => 0,
            Some(part) if spec.numeric => part.numeral().prefix(),
            Some(part) => byte_prefix(part.bytes()),
        };
        if spec.reverse { !prefix } else { prefix }
    }

    fn compare(&self, a: &[u8], b: &[u8]) -> Ordering {
        match &self.serialized_as {
            None => self.compare_views(&KeyView::of_payload(a), &KeyView::of_payload(b)),
            Some(kind) => {
                let (mut a_bytes, mut b_bytes) = (Vec::new(), Vec::new());
                kind.write_serialized(a, &mut a_bytes);
                kind.write_serialized(b, &mut b_bytes);
                self.compare_views(&KeyView::of_serialized(&a_bytes), &KeyView::of_serialized(&b_bytes))
            }
        }
    }

    fn prefix_decides(&self, _: usize, _: usize) -> bool {
        false
    }
}

/// A key as the field rules see it: the bytes that count as the key, and what stands before them.
struct KeyView<'a> {
    bytes: &'a [u8],
    key_at: usize,
}

impl<'a> KeyView<'a> {
    fn of_payload(bytes: &'a [u8]) -> Self {
        Self { bytes, key_at: 0 }
    }

    /// Leaves out what looks like a length. Hadoop: `WritableUtils.decodeVIntSize`.
    fn of_serialized(bytes: &'a [u8]) -> Self {
        let length_bytes = match bytes.first().map_or(0, |first| *first as i8) {
            first @ ..-120 => -119 - i32::from(first),
            first @ -120..-112 => -111 - i32::from(first),
            _ => 1,
        };
        Self { bytes, key_at: bytes.len().min(length_bytes as usize) }
    }

    fn key(&self) -> &'a [u8] {
        &self.bytes[self.key_at..]
    }

    /// The bytes that `spec` means; `None` if there are none. A part that would begin before the serialised
    /// key is treated as missing: in Hadoop such bytes are whatever lies there.
    fn part(&self, spec: &KeySpec, separator: &[u8]) -> Option<KeyPart<'a>> {
        let range = spec.range(self.key(), separator)?;
        let start = usize::try_from(range.start + self.key_at as i64).ok()?;
        Some(KeyPart { bytes: self.bytes, start, end: range.end + self.key_at as i64 })
    }
}

/// What one spec means in one key. `start` is a byte of the key also when there is nothing up to `end`.
struct KeyPart<'a> {
    bytes: &'a [u8],
    start: usize,
    end: i64,
}

impl<'a> KeyPart<'a> {
    fn bytes(&self) -> &'a [u8] {
        let end = usize::try_from(self.end).unwrap_or(0).max(self.start);
        &self.bytes[self.start..end]
    }

    /// Below 0 for an end before the start, which Hadoop compares like any length.
    fn length(&self) -> i64 {
        self.end - self.start as i64
    }

    /// The part as a number. Hadoop looks at the first byte even if the part is empty.
    fn numeral(&self) -> Numeral<'a> {
        Numeral::new(self.bytes[self.start], self.bytes())
    }
}

#[cfg(test)]
mod tests;
