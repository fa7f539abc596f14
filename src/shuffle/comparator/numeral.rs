//! Numbers as `-n` reads them from text: a sign, digits, and what follows. Hadoop:
//! `KeyFieldBasedComparator.numericalCompare`.
//!
//! ```text
//!   -007.25x     minus   leading zeros   digits "7"   tail ".25x"
//! ```
//!
//! Whole digits decide first, and then the tail: a fraction above zero is the greatest; a tail that begins
//! with another character is ranked by that character (as a signed byte), and no tail at all by the first
//! character of the text, so that `05` comes before `5`, as in Hadoop. A fraction of zero is equal to all of
//! these there, which no order can be, as `05` and `5` are not equal: here it ranks like the number without
//! leading zeros, `5.0` with `5`. Likewise a negative zero, `-0` or `-x`, equals every zero there and takes
//! its place among them here.

use std::cmp::Ordering;

/// How many decimal digits a prefix has room for: 10^17 is less than 2^57.
const PREFIX_DIGITS: usize = 17;

/// Text read as a number.
#[derive(Debug)]
pub(super) struct Numeral<'a> {
    negative: bool,
    /// The whole digits, less leading zeros.
    digits: &'a [u8],
    tail: Tail,
    /// What follows the point, with whatever is not a digit; empty without a point.
    fraction: &'a [u8],
}

/// What follows the whole digits, in order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Tail {
    /// Nothing, where the first character lies behind an empty part and is a point.
    Lowest,
    /// Nothing, a fraction of zero, or another character: the byte it is ranked by.
    Byte(i16),
    /// A fraction above zero.
    Fraction,
}

impl<'a> Numeral<'a> {
    /// Reads `text`, whose first byte is `first`. Of an empty text `first` is the byte behind it: Hadoop
    /// reads it before it looks at the length.
    pub(super) fn new(first: u8, text: &'a [u8]) -> Self {
        let negative = first == b'-';
        let unsigned = if negative { text.get(1..).unwrap_or(&[]) } else { text };
        let zeros = unsigned.iter().take_while(|byte| **byte == b'0').count();
        let digits_and_tail = &unsigned[zeros..];
        let count = digits_and_tail.iter().take_while(|byte| byte.is_ascii_digit()).count();
        let (digits, rest) = digits_and_tail.split_at(count);
        let (tail, fraction) = match rest {
            [] if first == b'.' => (Tail::Lowest, rest),
            [] => (Tail::byte(first), rest),
            [b'.', fraction @ ..] if is_above_zero(fraction) => (Tail::Fraction, fraction),
            [b'.', fraction @ ..] => {
                let like = if negative { b'-' } else { *digits.first().unwrap_or(&b'0') };
                (Tail::byte(like), fraction)
            }
            [other, ..] => (Tail::byte(*other), &rest[..0]),
        };
        Self { negative, digits, tail, fraction }
    }

    /// Which of the two is smaller.
    pub(super) fn compare(&self, other: &Self) -> Ordering {
        self.sign().cmp(&other.sign()).then_with(|| match self.sign() {
            1 => self.compare_magnitude(other),
            -1 => other.compare_magnitude(self),
            _ => self.compare_zero(other),
        })
    }

    /// -1, 0 or 1.
    fn sign(&self) -> i32 {
        match (self.digits.is_empty() && self.tail != Tail::Fraction, self.negative) {
            (true, _) => 0,
            (false, true) => -1,
            (false, false) => 1,
        }
    }

    fn compare_magnitude(&self, other: &Self) -> Ordering {
        let digits = self.digits.len().cmp(&other.digits.len()).then_with(|| self.digits.cmp(other.digits));
        digits
            .then_with(|| self.tail.cmp(&other.tail))
            .then_with(|| compare_fractions(self.fraction, other.fraction))
    }

    /// Negative zeros run the other way, `-0` beside `0`.
    fn compare_zero(&self, other: &Self) -> Ordering {
        let rank = |zero: &Self| match zero.tail {
            Tail::Byte(byte) if zero.negative => Tail::Byte(i16::from(b'0') + i16::from(b'-') - byte),
            tail => tail,
        };
        let fraction = |zero: &Self| {
            let ordering = compare_fractions(zero.fraction, &[]);
            if zero.negative { ordering.reverse() } else { ordering }
        };
        rank(self).cmp(&rank(other)).then_with(|| match (self.negative, other.negative) {
            (false, false) => compare_fractions(self.fraction, other.fraction),
            (true, true) => compare_fractions(other.fraction, self.fraction),
            _ => fraction(self).cmp(&fraction(other)),
        })
    }

    /// A number above 0 that sorts as [`Self::compare`] does: sign, number of whole digits, first digits.
    pub(super) fn prefix(&self) -> u64 {
        const ZERO: u64 = 1 << 63;
        match self.sign() {
            1 => ZERO + self.magnitude_prefix(),
            -1 => ZERO - self.magnitude_prefix(),
            _ => ZERO,
        }
    }

    fn magnitude_prefix(&self) -> u64 {
        const COUNT_MAX: usize = 63;
        if self.digits.len() >= COUNT_MAX {
            // Numbers so long share one prefix, as the count of their digits does not fit.
            return (COUNT_MAX as u64) << 57;
        }
        // A fraction of zero adds nothing, and what is not a digit ends the number like an endless row of
        // zeros; a character ranks below 0, but not below other zeros' prefix.
        let fraction = self.fraction.iter().take_while(|byte| byte.is_ascii_digit());
        let padding = std::iter::repeat(&b'0');
        let digits = self.digits.iter().chain(fraction).chain(padding).take(PREFIX_DIGITS);
        let leading = digits.fold(0, |value, digit| value * 10 + u64::from(digit - b'0'));
        (self.digits.len() as u64) << 57 | leading
    }
}

impl Tail {
    fn byte(byte: u8) -> Self {
        Self::Byte(i16::from(byte as i8))
    }
}

/// Whether the digits that `fraction` begins with are more than zeros.
fn is_above_zero(fraction: &[u8]) -> bool {
    fraction.iter().find(|byte| **byte != b'0').is_some_and(u8::is_ascii_digit)
}

/// Compares what follows two points: digit by digit, zeros after the end, anything else below 0.
fn compare_fractions(a: &[u8], b: &[u8]) -> Ordering {
    let ranks = |fraction: &[u8], at: usize| match fraction.get(at) {
        None => b'0',
        Some(byte) if byte.is_ascii_digit() => *byte,
        Some(_) => 0,
    };
    let length = a.len().max(b.len());
    (0..length)
        .map(|at| ranks(a, at).cmp(&ranks(b, at)))
        .find(|ordering| ordering.is_ne())
        .unwrap_or(Ordering::Equal)
}
