//! Times as Hadoop's commands write and read them, in the user's time zone (`TZ`, or the machine's) and in UTC. The
//! only room that knows jiff.

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use std::time::{SystemTime, UNIX_EPOCH};

/// Milliseconds since 1970 of now. Java: `System.currentTimeMillis`.
pub(crate) fn now_ms() -> i64 {
    ms(SystemTime::now())
}

/// Milliseconds since 1970 of a time.
pub(crate) fn ms(time: SystemTime) -> i64 {
    match time.duration_since(UNIX_EPOCH) {
        Ok(since) => i64::try_from(since.as_millis()).unwrap_or(i64::MAX),
        Err(before) => i64::try_from(before.duration().as_millis()).map_or(i64::MIN, |ms| -ms),
    }
}

/// A time in the user's zone, by a pattern of `strftime`.
pub(crate) fn local(ms: i64, pattern: &str) -> String {
    show(ms, pattern, TimeZone::system())
}

/// A time in UTC.
pub(crate) fn utc(ms: i64, pattern: &str) -> String {
    show(ms, pattern, TimeZone::UTC)
}

/// What a log line begins with. log4j: `%d{ISO8601}`.
pub(crate) fn log_stamp() -> String {
    let now = now_ms();
    format!("{},{:03}", local(now, "%Y-%m-%d %H:%M:%S"), now.rem_euclid(1000))
}

fn show(ms: i64, pattern: &str, zone: TimeZone) -> String {
    // Times that no calendar holds come from odd file systems only.
    let time = Timestamp::from_millisecond(ms).unwrap_or(Timestamp::UNIX_EPOCH);
    time.to_zoned(zone).strftime(pattern).to_string()
}

/// Reads a time in the user's zone; `None` if it is not written by the pattern.
pub(crate) fn parse_local(text: &str, pattern: &str) -> Option<i64> {
    let time = DateTime::strptime(pattern, text).ok()?;
    Some(time.to_zoned(TimeZone::system()).ok()?.timestamp().as_millisecond())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_and_read() {
        let check = |ms: i64, pattern: &str, expect: &str| assert_eq!(utc(ms, pattern), expect);
        check(0, "%Y-%m-%d %H:%M:%S", "1970-01-01 00:00:00");
        check(1_767_322_985_999, "%Y-%m-%d %H:%M", "2026-01-02 03:03");
        check(1_767_322_985_999, "%y%m%d%H%M%S", "260102030305");
        check(-1, "%Y-%m-%d %H:%M:%S", "1969-12-31 23:59:59");
        check(i64::MAX, "%Y", "1970");
        let pattern = "%y%m%d%H%M%S";
        let time = 1_767_322_985_000;
        assert_eq!(parse_local(&local(time, pattern), pattern), Some(time));
        assert_eq!(parse_local("today", pattern), None);
        assert_eq!(log_stamp().len(), "2026-01-02 03:04:05,678".len());
    }
}
