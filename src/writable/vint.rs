//! Hadoop's integers of variable length: one byte from -112 to 127, else a byte that tells sign and
//! length, then up to eight bytes, highest first. Hadoop: `WritableUtils`.

use super::WritableError;

/// Appends `value`. Hadoop: `WritableUtils.writeVInt`; the same bytes as [`write_vlong`].
pub fn write_vint(value: i32, out: &mut Vec<u8>) {
    write_vlong(i64::from(value), out);
}

/// Appends `value`, one to nine bytes. Hadoop: `WritableUtils.writeVLong`.
pub fn write_vlong(value: i64, out: &mut Vec<u8>) {
    if (-112..=127).contains(&value) {
        out.push(value as u8);
        return;
    }
    let (magnitude, marker) = if value < 0 { (!value, -120_i8) } else { (value, -112) };
    let count = bytes_of(magnitude);
    out.push((marker - count as i8) as u8);
    out.extend_from_slice(&magnitude.to_be_bytes()[8 - count..]);
}

/// Length in bytes of what [`write_vlong`] appends.
pub fn vlong_len(value: i64) -> usize {
    match value {
        -112..=127 => 1,
        _ => 1 + bytes_of(value ^ (value >> 63)),
    }
}

/// Takes an `int` off the front of `bytes`: the number, and what follows it.
///
/// # Errors
/// The bytes end inside the number, or it is no 32-bit number.
pub fn read_vint(bytes: &[u8]) -> Result<(i32, &[u8]), WritableError> {
    let (value, rest) = read_vlong(bytes)?;
    let int = i32::try_from(value).map_err(|_| WritableError::Range {
        what: "a variable-length int",
        value,
        expected: "a 32-bit number",
    })?;
    Ok((int, rest))
}

/// Takes a `long` off the front of `bytes`: the number, and what follows it.
///
/// # Errors
/// The bytes end inside the number.
pub fn read_vlong(bytes: &[u8]) -> Result<(i64, &[u8]), WritableError> {
    let short = |needed| WritableError::Short {
        class: "a variable-length number",
        needed,
        found: bytes.len() as u64,
    };
    let (first, rest) = bytes.split_first().ok_or_else(|| short(1))?;
    let (negative, count) = match *first as i8 {
        first @ -128..=-121 => (true, (-120 - first) as usize),
        first @ -120..=-113 => (false, (-112 - first) as usize),
        first => return Ok((i64::from(first), rest)),
    };
    let (digits, rest) = rest.split_at_checked(count).ok_or_else(|| short(1 + count as u64))?;
    let magnitude = digits.iter().fold(0_i64, |value, byte| value << 8 | i64::from(*byte));
    Ok((if negative { !magnitude } else { magnitude }, rest))
}

/// How many bytes the non-negative `magnitude` needs, at least one.
fn bytes_of(magnitude: i64) -> usize {
    (64 - magnitude.leading_zeros() as usize).div_ceil(8).max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn check(value: i64, bytes: &[u8]) {
        let mut written = Vec::new();
        write_vlong(value, &mut written);
        assert_eq!(written, bytes, "{value}");
        assert_eq!(vlong_len(value), bytes.len(), "{value}");
        written.push(9);
        assert_eq!(read_vlong(&written), Ok((value, &[9][..])), "{value}");
    }

    #[test]
    fn numbers_have_the_bytes_of_hadoop() {
        check(0, &[0]);
        check(127, &[0x7f]);
        check(-112, &[0x90]);
        check(128, &[0x8f, 0x80]);
        check(-113, &[0x87, 0x70]);
        check(-256, &[0x87, 0xff]);
        check(-257, &[0x86, 1, 0]);
        check(256, &[0x8e, 1, 0]);
        check(i64::MAX, &[0x88, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
        check(i64::MIN, &[0x80, 0x7f, 255, 255, 255, 255, 255, 255, 255]);
    }

    #[test]
    fn a_number_cut_short_or_too_large_is_refused() {
        let mut large = Vec::new();
        write_vlong(1 << 31, &mut large);
        assert!(read_vint(&large).is_err());
        assert!(read_vlong(&large).is_ok());
        assert!(read_vlong(&large[..large.len() - 1]).is_err());
        assert!(read_vlong(&[]).is_err());
    }

    proptest! {
        #[test]
        fn every_number_comes_back(value: i64, shift in 0_u32..64) {
            let value = value >> shift;
            let mut written = Vec::new();
            write_vlong(value, &mut written);
            prop_assert_eq!(written.len(), vlong_len(value));
            prop_assert_eq!(read_vlong(&written), Ok((value, &[][..])));
        }
    }
}
