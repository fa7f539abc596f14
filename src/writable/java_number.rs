//! Floating-point numbers as Java prints and orders them: `1.0`, `1.0E7`, `-0.0`, `NaN`; whole ones as it reads them.
//!
//! Java before version 19, which is what Hadoop 3 runs on, does not always print the fewest digits that read
//! back as the same number: 8.41E21 is printed as `8.409999999999999E21`. To give the same bytes, [`digits`]
//! follows the same method, taking off digits until the rest is below half a unit in the last place, with the
//! same shortcuts, tests and even overflows: numbers that Java holds in 32 or 64 bits are cut to that width
//! on purpose.

use std::cmp::Ordering;

/// Bits behind the leading one of a double.
const FRACTION_BITS: i32 = 52;

/// The code point of each script's zero in the basic plane, for `Character.digit`; the other nine digits follow it.
const ZEROS: [u16; 37] = [
    0x0030, 0x0660, 0x06f0, 0x07c0, 0x0966, 0x09e6, 0x0a66, 0x0ae6, 0x0b66, 0x0be6, 0x0c66, 0x0ce6, 0x0d66,
    0x0de6, 0x0e50, 0x0ed0, 0x0f20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50,
    0x1bb0, 0x1c40, 0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0xff10,
];

/// `Long.parseLong`: a sign or none and decimal digits of any script of the basic plane, without blanks.
pub fn parse_long(text: &str) -> Option<i64> {
    if text.is_ascii() {
        return text.parse().ok();
    }
    let ascii = |letter| match letter {
        '+' | '-' => Some(letter),
        digit => {
            let value = ZEROS.iter().filter_map(|zero| u32::from(digit).checked_sub(u32::from(*zero)));
            char::from_digit(value.min().filter(|value| *value < 10)?, 10)
        }
    };
    text.chars().map(ascii).collect::<Option<String>>()?.parse().ok()
}

/// Appends a double as `Double.toString` prints it.
pub fn write_double(value: f64, out: &mut Vec<u8>) {
    let bits = value.abs().to_bits();
    let fraction = bits & ((1 << FRACTION_BITS) - 1);
    let exponent = (bits >> FRACTION_BITS) as i32;
    write_number(value, &Binary::new(fraction, exponent, FRACTION_BITS, 1023), out);
}

/// Appends a float as `Float.toString` prints it.
pub fn write_float(value: f32, out: &mut Vec<u8>) {
    let bits = value.abs().to_bits();
    let fraction = u64::from(bits & ((1 << 23) - 1));
    let exponent = (bits >> 23) as i32;
    write_number(f64::from(value), &Binary::new(fraction, exponent, 23, 127), out);
}

/// The order of `Double.compare`: -0.0 before 0.0, every NaN alike and last.
pub(super) fn compare(a: f64, b: f64) -> Ordering {
    canonical_double(a).total_cmp(&canonical_double(b))
}

/// The number with the one NaN that `Double.doubleToLongBits` knows.
pub(super) fn canonical_double(value: f64) -> f64 {
    if value.is_nan() { f64::from_bits(0x7ff8_0000_0000_0000) } else { value }
}

/// The number with the one NaN that `Float.floatToIntBits` knows.
pub(super) fn canonical_float(value: f32) -> f32 {
    if value.is_nan() { f32::from_bits(0x7fc0_0000) } else { value }
}

/// A positive number as `fraction / 2^52 * 2^exponent` with bit 52 of `fraction` set.
struct Binary {
    fraction: u64,
    exponent: i32,
    /// Bits of the fraction that the number's own format stores, fewer for subnormal numbers.
    significant_bits: i32,
}

impl Binary {
    /// From the fields of a format with `bits` of fraction and exponent bias `bias`.
    fn new(fraction: u64, exponent: i32, bits: i32, bias: i32) -> Self {
        let widen = FRACTION_BITS - bits;
        if exponent != 0 {
            let fraction = (fraction | 1 << bits) << widen;
            return Self { fraction, exponent: exponent - bias, significant_bits: bits + 1 };
        }
        let significant_bits = 64 - fraction.leading_zeros() as i32;
        let shift = bits + 1 - significant_bits;
        Self { fraction: fraction << (shift + widen).min(63), exponent: 1 - shift - bias, significant_bits }
    }
}

fn write_number(value: f64, binary: &Binary, out: &mut Vec<u8>) {
    if value.is_nan() {
        return out.extend_from_slice(b"NaN");
    }
    if value.is_sign_negative() {
        out.push(b'-');
    }
    if value.is_infinite() {
        out.extend_from_slice(b"Infinity");
    } else if value == 0.0 {
        out.extend_from_slice(b"0.0");
    } else {
        digits(binary).write(out);
    }
}

/// The decimal number `0.DIGITS * 10^exponent`.
struct Decimal {
    /// ASCII digits, at least one.
    digits: Vec<u8>,
    exponent: i32,
}

impl Decimal {
    /// Appends it in Java's layout: plain from 10^-3 to 10^7, with an exponent outside.
    fn write(&self, out: &mut Vec<u8>) {
        let (whole, fraction) = match self.exponent {
            1..=7 => self.digits.split_at(self.digits.len().min(self.exponent as usize)),
            -2..=0 => (&[][..], &self.digits[..]),
            _ => self.digits.split_at(1),
        };
        let plain = (-2..=7).contains(&self.exponent);
        let zeros = |count: i32| std::iter::repeat_n(b'0', count.max(0) as usize);
        out.extend_from_slice(if whole.is_empty() { b"0" } else { whole });
        if plain && self.exponent > 0 {
            out.extend(zeros(self.exponent - whole.len() as i32));
        }
        out.push(b'.');
        if plain {
            out.extend(zeros(-self.exponent));
        }
        out.extend_from_slice(if fraction.is_empty() { b"0" } else { fraction });
        if !plain {
            out.extend_from_slice(format!("E{}", self.exponent - 1).as_bytes());
        }
    }

    /// Adds one to the last digit. A carry leaves its zeros, as in Java.
    fn round_up(&mut self) {
        for digit in self.digits.iter_mut().rev() {
            if *digit != b'9' {
                *digit += 1;
                return;
            }
            *digit = b'0';
        }
        self.digits[0] = b'1';
        self.exponent += 1;
    }
}

/// The digits Java prints. Java: `FloatingDecimal.BinaryToASCIIBuffer`.
fn digits(number: &Binary) -> Decimal {
    let fraction_bits = FRACTION_BITS + 1 - number.fraction.trailing_zeros() as i32;
    // Bits right of the binary point.
    let tiny_bits = (fraction_bits - number.exponent - 1).max(0);
    if tiny_bits == 0 && number.exponent <= 62 {
        return whole_digits(number);
    }
    let estimate = exponent_estimate(number);
    Ratio::new(number, fraction_bits, tiny_bits, estimate).digits(estimate)
}

/// The digits of a whole number below 2^63. Digits that the format cannot tell apart become zeros.
fn whole_digits(number: &Binary) -> Decimal {
    let shift = number.exponent - FRACTION_BITS;
    let mut value = if shift >= 0 { number.fraction << shift } else { number.fraction >> -shift };
    let spare_bits = number.exponent - number.significant_bits - 1;
    let mut dropped = 0;
    if spare_bits > 1 {
        dropped = (1_u64 << spare_bits).ilog10();
        let unit = 10_u64.pow(dropped);
        value = value / unit + u64::from(dropped > 0 && value % unit >= unit / 2);
    }
    let mut digits = value.to_string().into_bytes();
    let exponent = digits.len() as i32 + dropped as i32;
    while digits.len() > 1 && digits.ends_with(b"0") {
        digits.pop();
    }
    Decimal { digits, exponent }
}

/// Java's log10(2), which is not the nearest double to it.
#[expect(clippy::approx_constant, reason = "the last bits decide which exponent Java guesses")]
const JAVA_LOG10_2: f64 = 0.301_029_995_663_981;

/// A guess at the decimal exponent, right or one too high; double arithmetic in Java's order of operations,
/// because its rounding decides.
fn exponent_estimate(number: &Binary) -> i32 {
    let unit = f64::from_bits(0x3ff0_0000_0000_0000 | (number.fraction & ((1 << FRACTION_BITS) - 1)));
    let log = (unit - 1.5) * 0.289_529_654 + 0.176_091_259 + f64::from(number.exponent) * JAVA_LOG10_2;
    log.floor() as i32
}

/// The number as `value / scale`, with `margin / scale` half the distance to its neighbour.
struct Ratio {
    value: Big,
    scale: Big,
    margin: Big,
    /// In how many bits Java computes: 32, 64, or `None` for as many as it takes.
    width: Option<u32>,
}

impl Ratio {
    fn new(number: &Binary, fraction_bits: i32, tiny_bits: i32, exponent: i32) -> Self {
        let value_fives = (-exponent).max(0);
        let scale_fives = exponent.max(0);
        let unscaled_twos = value_fives + tiny_bits + number.exponent;
        let mut margin_twos = unscaled_twos - number.significant_bits;
        let mut value_twos = unscaled_twos - (fraction_bits - 1);
        let mut scale_twos = scale_fives + tiny_bits;
        let common = value_twos.min(scale_twos);
        value_twos -= common;
        scale_twos -= common;
        margin_twos -= common;
        if fraction_bits == 1 {
            // Below a power of two the neighbour is half as far away.
            margin_twos -= 1;
        }
        let lift = (-margin_twos).max(0);
        value_twos += lift;
        scale_twos += lift;
        margin_twos += lift;
        let value_bits = fraction_bits + value_twos + five_bits(value_fives);
        let tenfold_bits = scale_twos + 1 + five_bits(scale_fives + 1);
        let fraction = number.fraction >> number.fraction.trailing_zeros();
        Self {
            value: Big::new(fraction, value_fives, value_twos),
            scale: Big::new(1, scale_fives, scale_twos),
            margin: Big::new(1, value_fives, margin_twos),
            width: [32, 64]
                .into_iter()
                .find(|width| value_bits < *width && tenfold_bits < *width)
                .map(|w| w as u32),
        }
    }

    /// Takes digits off until what is left is below the margin, from below or from above.
    fn digits(mut self, estimate: i32) -> Decimal {
        let mut decimal = Decimal { digits: Vec::with_capacity(20), exponent: estimate + 1 };
        let tenfold = self.scale.times(10);
        let digit = self.next_digit();
        let (mut low, mut high) = self.limits(&tenfold, true);
        if digit == 0 && !high {
            decimal.exponent -= 1;
        } else {
            decimal.digits.push(b'0' + digit);
        }
        if !(-2..=8).contains(&decimal.exponent) {
            // The layout with an exponent shows two digits at least.
            (low, high) = (false, false);
        }
        while !low && !high {
            decimal.digits.push(b'0' + self.next_digit());
            (low, high) = self.limits(&tenfold, false);
        }
        let odd = decimal.digits.last().is_some_and(|digit| digit % 2 == 1);
        let half = if low { self.value.times(2).cmp(&tenfold) } else { Ordering::Greater };
        if high && (half.is_gt() || half.is_eq() && odd) {
            decimal.round_up();
        }
        decimal
    }

    /// Divides, keeps ten times the rest, and widens the margin with it.
    fn next_digit(&mut self) -> u8 {
        let digit = self.value.take_quotient(&self.scale);
        self.value = self.value.times(10);
        self.margin = self.margin.times(10);
        digit
    }

    /// Whether the rest is within the margin of zero, and of one.
    fn limits(&self, tenfold: &Big, first: bool) -> (bool, bool) {
        let Some(width) = self.width else {
            return (self.value < self.margin, self.value.plus(&self.margin) >= *tenfold);
        };
        let wrap = |bits: u64| if width == 32 { i64::from(bits as i32) } else { bits as i64 };
        let (value, margin) = (wrap(self.value.low_bits()), wrap(self.margin.low_bits()));
        if margin <= 0 && !first {
            return (true, true);
        }
        let sum = wrap(value.wrapping_add(margin) as u64);
        (value < margin, sum > wrap(tenfold.low_bits()))
    }
}

/// Bits of 5^power as Java counts them: exactly up to 26, roughly above.
fn five_bits(power: i32) -> i32 {
    match power {
        0 => 0,
        1..=26 => 64 - 5_u64.pow(power as u32).leading_zeros() as i32,
        _ => power * 3,
    }
}

/// A non-negative whole number of any size: 32-bit digits, lowest first, the last one not 0.
#[derive(Clone, PartialEq, Eq)]
struct Big(Vec<u32>);

impl Big {
    /// `factor * 5^fives * 2^twos`.
    fn new(factor: u64, fives: i32, twos: i32) -> Self {
        let mut number = Self(vec![factor as u32, (factor >> 32) as u32]);
        for _ in 0..fives / 13 {
            number = number.times(1_220_703_125);
        }
        number = number.times(5_u32.pow(fives as u32 % 13)).times(1 << (twos % 32));
        let whole = (twos / 32) as usize;
        number.0.splice(0..0, std::iter::repeat_n(0, whole));
        number.trim()
    }

    fn trim(mut self) -> Self {
        while self.0.last() == Some(&0) {
            self.0.pop();
        }
        self
    }

    fn times(&self, factor: u32) -> Self {
        let mut carry = 0_u64;
        let mut digits = Vec::with_capacity(self.0.len() + 1);
        for digit in &self.0 {
            carry += u64::from(*digit) * u64::from(factor);
            digits.push(carry as u32);
            carry >>= 32;
        }
        digits.push(carry as u32);
        Self(digits).trim()
    }

    fn plus(&self, other: &Self) -> Self {
        let mut carry = 0_u64;
        let mut digits = Vec::with_capacity(self.0.len().max(other.0.len()) + 1);
        for index in 0..self.0.len().max(other.0.len()) {
            carry += u64::from(self.digit(index)) + u64::from(other.digit(index));
            digits.push(carry as u32);
            carry >>= 32;
        }
        digits.push(carry as u32);
        Self(digits).trim()
    }

    /// Divides by `divisor`, leaves the rest, and returns the quotient, which must be below 256.
    fn take_quotient(&mut self, divisor: &Self) -> u8 {
        let mut quotient = 0;
        while *self >= *divisor {
            let mut borrow = 0_i64;
            for index in 0..self.0.len() {
                borrow += i64::from(self.0[index]) - i64::from(divisor.digit(index));
                self.0[index] = borrow as u32;
                borrow >>= 32;
            }
            *self = Self(std::mem::take(&mut self.0)).trim();
            quotient += 1;
        }
        quotient
    }

    fn digit(&self, index: usize) -> u32 {
        self.0.get(index).copied().unwrap_or(0)
    }

    fn low_bits(&self) -> u64 {
        u64::from(self.digit(1)) << 32 | u64::from(self.digit(0))
    }
}

impl PartialOrd for Big {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Big {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.len().cmp(&other.0.len()).then_with(|| self.0.iter().rev().cmp(other.0.iter().rev()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn longs_are_read_as_java_reads_them() {
        let check = |text: &str, expect: Option<i64>| assert_eq!(parse_long(text), expect, "{text:?}");
        check("-7", Some(-7));
        check("+7", Some(7));
        check("007", Some(7));
        check("9223372036854775807", Some(i64::MAX));
        // Arabic, Devanagari and wide digits.
        check("\u{661}\u{662}", Some(12));
        check("-\u{96f}0", Some(-90));
        check("+\u{ff15}", Some(5));
        for text in ["9223372036854775808", "", "+", " 1", "1 ", "1.0", "0x1", "x1", "--1", "1L"] {
            check(text, None);
        }
        // No digit of the basic plane; no sign of Java's.
        for text in ["\u{1d7cf}", "\u{b2}", "\u{ff0d}1", "\u{661}x", "\u{661}-1", "\u{66a}"] {
            check(text, None);
        }
    }
    use proptest::prelude::*;

    fn check(value: f64, text: &str) {
        let mut out = Vec::new();
        write_double(value, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), text, "{value:e}");
    }

    fn check_float(value: f32, text: &str) {
        let mut out = Vec::new();
        write_float(value, &mut out);
        assert_eq!(String::from_utf8_lossy(&out), text, "{value:e}");
    }

    #[test]
    fn doubles_are_printed_as_java_prints_them() {
        check(0.0, "0.0");
        check(-0.0, "-0.0");
        check(1.0, "1.0");
        check(-100.0, "-100.0");
        check(0.3, "0.3");
        check(1.0e7, "1.0E7");
        check(9_999_999.5, "9999999.5");
        check(0.001, "0.001");
        check(1.0e-4, "1.0E-4");
        check(f64::INFINITY, "Infinity");
        check(f64::NEG_INFINITY, "-Infinity");
        check(-f64::NAN, "NaN");
        check(f64::MAX, "1.7976931348623157E308");
        check(f64::MIN_POSITIVE, "2.2250738585072014E-308");
        check(f64::from_bits(1), "4.9E-324");
    }

    #[test]
    fn java_s_needless_digits_are_there() {
        check(8.41e21, "8.409999999999999E21");
        check(1e23, "9.999999999999999E22");
        check(4.872_657_005_7e288, "4.8726570056999995E288");
        check(9.397_900_335_161_29e17, "9.3979003351612902E17");
        check(9_007_199_254_740_992.0, "9.007199254740992E15");
        check(123_456_789_012_345_680.0, "1.2345678901234568E17");
        check(2.980_232_238_769_531_2e-8, "2.9802322387695312E-8");
    }

    #[test]
    fn floats_have_their_own_digits() {
        check_float(1.1, "1.1");
        check_float(f32::MAX, "3.4028235E38");
        check_float(f32::from_bits(1), "1.4E-45");
        check_float(8.5e9, "8.4999997E9");
        check_float(16_777_216.0, "1.6777216E7");
        check_float(f32::NAN, "NaN");
        check_float(-0.0, "-0.0");
    }

    #[test]
    fn nan_is_last_and_minus_zero_before_zero() {
        let sorted = [f64::NEG_INFINITY, -1.0, -0.0, 0.0, 1.0, f64::INFINITY, f64::NAN];
        for (i, a) in sorted.iter().enumerate() {
            for (j, b) in sorted.iter().enumerate() {
                assert_eq!(compare(*a, *b), i.cmp(&j), "{a} {b}");
            }
        }
        assert_eq!(compare(f64::NAN, -f64::NAN), Ordering::Equal);
    }

    proptest! {
        #[test]
        fn what_is_printed_reads_back(bits: u64) {
            let value = f64::from_bits(bits);
            prop_assume!(value.is_finite());
            let mut out = Vec::new();
            write_double(value, &mut out);
            prop_assert_eq!(String::from_utf8_lossy(&out).parse::<f64>(), Ok(value));
        }
    }
}
