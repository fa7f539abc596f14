//! Sizes and times as people write and read them.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

/// A size or a time that cannot be read.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is no {what}: expected {expected}")]
pub struct UnitError {
    /// What was given.
    pub text: String,
    /// `size` or `time`.
    pub what: &'static str,
    /// What would have been understood.
    pub expected: &'static str,
}

/// Reads a size in bytes: a number that may end in one of the letters `k m g t p e`, in either case, for
/// powers of 1024. Hadoop: `StringUtils.TraditionalBinaryPrefix.string2long`, less the negative sizes.
///
/// # Errors
/// Anything else, and a size of 2⁶³ bytes or more.
pub fn parse_bytes(text: &str) -> Result<u64, UnitError> {
    const PREFIXES: &str = "kmgtpe";
    let error = || UnitError {
        text: text.to_owned(),
        what: "size",
        expected: "a number of bytes that may end in k, m, g, t, p or e",
    };
    let trimmed = text.trim();
    let last = trimmed.chars().last().ok_or_else(error)?;
    let power = PREFIXES.find(last.to_ascii_lowercase()).map_or(0, |at| at + 1);
    let digits = if power > 0 { &trimmed[..trimmed.len() - 1] } else { trimmed };
    let number = digits_only(digits).ok_or_else(error)?;
    let bytes = number.checked_mul(1 << (10 * power)).ok_or_else(error)?;
    if i64::try_from(bytes).is_ok() { Ok(bytes) } else { Err(error()) }
}

/// Reads a time: a number and one of `ns us ms s m h d`, in either case; a bare number is milliseconds.
/// Hadoop: `Configuration.getTimeDuration`.
///
/// # Errors
/// Anything else, and a time of 2⁶⁴ nanoseconds or more.
pub fn parse_duration(text: &str) -> Result<Duration, UnitError> {
    /// Longer suffixes first: `ms` ends in `s`.
    const NANOS: [(&str, u64); 7] = [
        ("ns", 1),
        ("us", 1_000),
        ("ms", 1_000_000),
        ("s", 1_000_000_000),
        ("m", 60_000_000_000),
        ("h", 3_600_000_000_000),
        ("d", 86_400_000_000_000),
    ];
    let error = || UnitError {
        text: text.to_owned(),
        what: "time",
        expected: "a number and ns, us, ms, s, m, h or d",
    };
    let lower = text.trim().to_ascii_lowercase();
    let found = NANOS.iter().find_map(|(unit, nanos)| Some((lower.strip_suffix(unit)?, *nanos)));
    let (digits, nanos) = found.unwrap_or((&lower, 1_000_000));
    let number = digits_only(digits).ok_or_else(error)?;
    number.checked_mul(nanos).map(Duration::from_nanos).ok_or_else(error)
}

/// `str::parse` alone would take a sign.
fn digits_only(text: &str) -> Option<u64> {
    if text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

/// A size for people, in powers of 1024 with three digits or so: `512 B`, `1.5 KiB`, `23.4 MiB`.
pub fn bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let mut size = bytes as f64 / 1024.0;
    let mut units = UNITS.iter();
    let mut unit = units.next();
    // From 1023.95 on one decimal would print 1024.0.
    while size >= 1023.95 {
        size /= 1024.0;
        unit = units.next();
    }
    format!("{size:.1} {}", unit.unwrap_or(&UNITS[5]))
}

/// A time for people: `250 ms`, `7.3 s`, `2m 05s`, `1h 02m`, `3d 04h`.
pub fn duration(time: Duration) -> String {
    let seconds = time.as_secs();
    match seconds {
        0 => format!("{} ms", time.as_millis()),
        1..60 => format!("{}.{} s", seconds, time.subsec_millis() / 100),
        60..3_600 => format!("{}m {:02}s", seconds / 60, seconds % 60),
        3_600..86_400 => format!("{}h {:02}m", seconds / 3_600, seconds / 60 % 60),
        _ => format!("{}d {:02}h", seconds / 86_400, seconds / 3_600 % 24),
    }
}

/// A point in time for people and scripts: `2026-11-21 10:26:39 UTC`.
pub fn utc(time: SystemTime) -> String {
    let seconds = time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs();
    let (days, second) = (seconds / 86_400, seconds % 86_400);
    // Years that begin in March, so that a leap day is the last day of its year; 400 of them have 146 097 days.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1_460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let day = day - (153 * month + 2) / 5 + 1;
    let (month, carry) = if month < 10 { (month + 3, 0) } else { (month - 9, 1) };
    let year = 400 * era + year + carry;
    let (hour, minute, second) = (second / 3_600, second / 60 % 60, second % 60);
    format!("{year}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02} UTC")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check_bytes(text: &str, expect: Option<u64>) {
        assert_eq!(parse_bytes(text).ok(), expect, "{text:?}");
    }

    #[test]
    fn sizes_are_powers_of_1024() {
        check_bytes("0", Some(0));
        check_bytes(" 100 ", Some(100));
        check_bytes("64k", Some(64 << 10));
        check_bytes("3M", Some(3 << 20));
        check_bytes("2g", Some(2 << 30));
        check_bytes("1t", Some(1 << 40));
        check_bytes("1p", Some(1 << 50));
        check_bytes("7e", Some(7 << 60));
        for wrong in ["", "k", "8e", "-1", "+1", "1.5g", "1kb", "1\u{b5}", "99999999999999999999"] {
            check_bytes(wrong, None);
        }
        let error = parse_bytes("1kb").unwrap_err().to_string();
        assert_eq!(
            error,
            "\"1kb\" is no size: expected a number of bytes that may end in k, m, g, t, p or e"
        );
    }

    fn check_duration(text: &str, expect: Option<Duration>) {
        assert_eq!(parse_duration(text).ok(), expect, "{text:?}");
    }

    #[test]
    fn times_have_units() {
        check_duration("600000", Some(Duration::from_secs(600)));
        check_duration(" 5s ", Some(Duration::from_secs(5)));
        check_duration("5MS", Some(Duration::from_millis(5)));
        check_duration("5us", Some(Duration::from_micros(5)));
        check_duration("5ns", Some(Duration::from_nanos(5)));
        check_duration("2m", Some(Duration::from_secs(120)));
        check_duration("2h", Some(Duration::from_secs(7_200)));
        check_duration("1d", Some(Duration::from_secs(86_400)));
        for wrong in ["", "s", "-1s", "1.5s", "9999999999999d", "1w", "5 s"] {
            check_duration(wrong, None);
        }
    }

    #[test]
    fn people_read_short_numbers() {
        let sizes = [0, 1023, 1024, 1536, 1_048_524, 1_048_525, 1 << 30, u64::MAX].map(bytes);
        assert_eq!(
            sizes,
            ["0 B", "1023 B", "1.0 KiB", "1.5 KiB", "1023.9 KiB", "1.0 MiB", "1.0 GiB", "16.0 EiB"]
        );
        let times = [0, 250, 7_349, 59_999, 60_000, 3_725_000, 93_784_000]
            .map(|ms| duration(Duration::from_millis(ms)));
        assert_eq!(times, ["0 ms", "250 ms", "7.3 s", "59.9 s", "1m 00s", "1h 02m", "1d 02h"]);
    }

    #[test]
    fn points_in_time_are_days_of_the_calendar() {
        for (seconds, expect) in [
            (0, "1970-01-01 00:00:00 UTC"),
            (951_782_400, "2000-02-29 00:00:00 UTC"),
            (951_868_799, "2000-02-29 23:59:59 UTC"),
            (1_709_251_199, "2024-02-29 23:59:59 UTC"),
            (1_735_689_599, "2024-12-31 23:59:59 UTC"),
            (1_795_256_799, "2026-11-21 10:26:39 UTC"),
            (4_107_542_400, "2100-03-01 00:00:00 UTC"),
        ] {
            assert_eq!(utc(UNIX_EPOCH + Duration::from_secs(seconds)), expect);
        }
    }
}
