//! `LongSumReducer`, and numbers as Java reads them.

use super::{Emit, GroupReducer, TaskFailure};
use crate::record::RecordRef;

/// The sum of `LongWritable`s, which wraps round as Java's `long` does. Hadoop: `LongSumReducer`.
#[derive(Default)]
pub(super) struct LongSum {
    sum: i64,
}

impl GroupReducer for LongSum {
    fn begin(&mut self, _: &[u8]) -> Result<(), TaskFailure> {
        self.sum = 0;
        Ok(())
    }

    fn value(&mut self, _: &[u8], value: &[u8], _: &mut Emit<'_>) -> Result<(), TaskFailure> {
        // What is no number of eight bytes never came out of a reader or a mapper.
        let number = value.first_chunk().map_or(0, |bytes| i64::from_be_bytes(*bytes));
        self.sum = self.sum.wrapping_add(number);
        Ok(())
    }

    fn end(&mut self, key: &[u8], emit: &mut Emit<'_>) -> Result<(), TaskFailure> {
        emit(RecordRef { key, value: &self.sum.to_be_bytes() })
    }
}

/// Java: `Double.parseDouble`. Blanks and control characters round the number are dropped, `1.5f` and `2d`
/// are numbers, and so are `NaN`, `Infinity` and hexadecimal numbers such as `0x1.8p3`.
pub(super) fn java_double(text: &str) -> Option<f64> {
    let text = text.trim_matches(|letter| letter <= ' ');
    let (negative, number) = match text.strip_prefix(['+', '-']) {
        Some(number) => (text.starts_with('-'), number),
        None => (false, text),
    };
    let value = match number {
        "NaN" => f64::NAN,
        "Infinity" => f64::INFINITY,
        _ => {
            let number = number.strip_suffix(['f', 'F', 'd', 'D']).unwrap_or(number);
            match number.strip_prefix("0x").or_else(|| number.strip_prefix("0X")) {
                Some(hex) => hexadecimal(hex)?,
                // Rust's own reader takes words and a second sign too.
                None if number.starts_with(|c: char| c.is_ascii_digit() || c == '.') => {
                    number.parse().ok()?
                }
                None => return None,
            }
        }
    };
    Some(if negative { -value } else { value })
}

/// `1.8p3`: a hexadecimal number, the exponent of two in decimal.
fn hexadecimal(text: &str) -> Option<f64> {
    let (digits, exponent) = text.split_once(['p', 'P'])?;
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let mut exponent = match exponent.parse::<i64>() {
        Ok(exponent) => exponent.clamp(-100_000, 100_000),
        Err(_) => return None,
    };
    exponent -= 4 * fraction.len() as i64;
    // 60 bits hold every digit that matters; a bit for all the others decides about rounding.
    let (mut value, mut rest) = (0_u64, false);
    for digit in whole.chars().chain(fraction.chars()) {
        let digit = u64::from(digit.to_digit(16)?);
        if value >> 56 == 0 {
            value = value << 4 | digit;
        } else {
            rest |= digit != 0;
            exponent += 4;
        }
    }
    Some(scaled(value << 1 | u64::from(rest), exponent - 1))
}

/// `value * 2^exponent`, rounded once. The lowest bit of a long value may stand for many that follow it.
fn scaled(value: u64, exponent: i64) -> f64 {
    if value == 0 {
        return 0.0;
    }
    let bits = 64 - i64::from(value.leading_zeros());
    // A double has 53 bits, fewer from 2^-1022 down.
    let kept = 53.min(exponent + bits + 1074);
    let drop = bits - kept;
    if kept < 0 {
        return 0.0;
    }
    if drop <= 0 {
        return power(value as f64, exponent);
    }
    let (whole, part) = if drop == 64 { (0, value) } else { (value >> drop, value & ((1 << drop) - 1)) };
    let half = 1_u64 << (drop - 1);
    let up = part > half || part == half && whole & 1 == 1;
    power((whole + u64::from(up)) as f64, exponent + drop)
}

/// `value * 2^exponent` for a value that stays exact on the way.
fn power(mut value: f64, mut exponent: i64) -> f64 {
    while exponent != 0 && value != 0.0 && value.is_finite() {
        let step = exponent.clamp(-1000, 1000);
        value *= 2_f64.powi(step as i32);
        exponent -= step;
    }
    value
}

#[cfg(test)]
mod tests {
    use super::super::testing::{long, reduce_all, text};
    use super::*;
    use crate::plan::{BuiltIn, Processor};
    use crate::writable::WritableKind::{Long, Text};
    use proptest::prelude::*;

    /// Hadoop: `LongSumReducer`.
    #[test]
    fn longs_are_summed_and_wrap_round() {
        let (a, b) = (text("a"), text("b"));
        let check = |values: &[i64], sum: i64| {
            let records: Vec<_> = values.iter().map(|value| (a.clone(), long(*value))).collect();
            let last = (b.clone(), long(7));
            let records = records.iter().chain([&last]);
            let records: Vec<_> = records.map(|(key, value)| (key.as_slice(), value.as_slice())).collect();
            let reduced = reduce_all(&Processor::BuiltIn(BuiltIn::LongSum), &(Text, Long), &records);
            assert_eq!(reduced.unwrap(), [(a.clone(), long(sum)), (b.clone(), long(7))], "{values:?}");
        };
        check(&[1, -5, 2], -2);
        check(&[0], 0);
        check(&[i64::MAX, 1], i64::MIN);
    }

    #[test]
    fn doubles_are_read_as_java_reads_them() {
        let check = |text: &str, expect: f64| {
            let value = java_double(text).unwrap_or_else(|| panic!("{text:?} is a number"));
            assert_eq!(value.to_bits(), expect.to_bits(), "{text:?}");
        };
        check(" 1.5\t", 1.5);
        check("1.", 1.0);
        check("-.5e1", -5.0);
        check("+1E-5f", 1e-5);
        check("2D", 2.0);
        check("-0", -0.0);
        check("1e999", f64::INFINITY);
        check("-Infinity", f64::NEG_INFINITY);
        check("NaN", f64::NAN);
        check("0x1.8p3", 12.0);
        check("-0X.8P0d", -0.5);
        check("0x1.fffffffffffff8p0", 2.0);
        check("0x1.fffffffffffff7p0", 1.999_999_999_999_999_8);
        check("0x1.00000000000008p0", 1.0);
        check("0x1.000000000000080000001p0", 1.000_000_000_000_000_2);
        check("0x1p-1074", f64::from_bits(1));
        check("0x1p-1075", 0.0);
        check("0x1.8p-1075", f64::from_bits(1));
        check("0x0p5", 0.0);
        check("0x1p99999999999", f64::INFINITY);
        for text in
            ["", ".", "e1", "1e", "1 2", "inf", "infinity", "nan", "NaNf", "+-1", "0x1", "0xp1", "1,5", "ff"]
        {
            assert_eq!(java_double(text), None, "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn a_hexadecimal_number_is_exact(bits in 0_u64..0x7ff0_0000_0000_0000) {
            let value = f64::from_bits(bits);
            let (exponent, fraction) = (bits >> 52, bits & ((1 << 52) - 1));
            let text = if exponent == 0 {
                format!("0x0.{fraction:013x}p-1022")
            } else {
                format!("0x1.{fraction:013x}p{}", exponent as i64 - 1023)
            };
            prop_assert_eq!(java_double(&text), Some(value));
        }
    }
}
