//! Times, which the CLI writes as RFC 3339 and older CLIs as milliseconds since 1970.

use std::fmt;
use std::time::{Duration, SystemTime};

use serde::de::{Deserializer, Error, Visitor};

/// Reads a time that may be absent or null. A time that cannot be read says as much as none.
pub(crate) fn maybe_time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<SystemTime>, D::Error> {
    deserializer.deserialize_any(Time)
}

struct Time;

impl Visitor<'_> for Time {
    type Value = Option<SystemTime>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a time")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, milliseconds: u64) -> Result<Self::Value, E> {
        Ok(SystemTime::UNIX_EPOCH.checked_add(Duration::from_millis(milliseconds)))
    }

    fn visit_f64<E: Error>(self, milliseconds: f64) -> Result<Self::Value, E> {
        // `as` saturates, and a fraction of a millisecond means nothing.
        self.visit_u64(milliseconds as u64)
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Self::Value, E> {
        Ok(parse(text))
    }
}

/// Reads a time of RFC 3339 from 1970 on.
fn parse(text: &str) -> Option<SystemTime> {
    let number = |range: std::ops::Range<usize>| text.get(range)?.parse::<u32>().ok();
    let (year, month, day) = (number(0..4)?, number(5..7)?, number(8..10)?);
    let (hour, minute, second) = (number(11..13)?, number(14..16)?, number(17..19)?);
    let signs = [(4, "-"), (7, "-"), (10, "Tt "), (13, ":"), (16, ":")];
    let has = |(at, allowed): (usize, &str)| text.get(at..=at).is_some_and(|sign| allowed.contains(sign));
    if !signs.into_iter().all(has)
        || !(1..=12).contains(&month)
        || !(1..=31).contains(&day)
        || hour > 23
        || minute > 59
        || second > 60
    {
        return None;
    }
    let rest = text.get(19..)?;
    let digits = rest.strip_prefix('.').map_or("", |rest| {
        rest.split_once(|each: char| !each.is_ascii_digit()).map_or(rest, |(digits, _)| digits)
    });
    let zone = rest.trim_start_matches(|each: char| each == '.' || each.is_ascii_digit());
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let minutes = |range: std::ops::Range<usize>| zone.get(range)?.parse::<i64>().ok();
            let ahead = minutes(1..3)? * 60 + minutes(4..6)?;
            match zone.as_bytes()[0] {
                b'+' => ahead,
                b'-' => -ahead,
                _ => return None,
            }
        }
    };
    let seconds =
        days(year, month, day) * 86_400 + i64::from(hour * 3600 + minute * 60 + second) - offset * 60;
    let nanoseconds = format!("{digits:0<9.9}").parse().ok()?;
    SystemTime::UNIX_EPOCH.checked_add(Duration::new(u64::try_from(seconds).ok()?, nanoseconds))
}

/// The days from 1970 to a date of the Gregorian calendar. Years begin in March, so that leap days end them.
fn days(year: u32, month: u32, day: u32) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.saturating_sub(1), month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    i64::from(year * 365 + leaps + (month * 153 + 2) / 5 + day) - 719_469
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nanoseconds(text: &str) -> Option<u128> {
        let since = parse(text)?.duration_since(SystemTime::UNIX_EPOCH).ok()?;
        Some(since.as_nanos())
    }

    #[test]
    fn times_are_read() {
        assert_eq!(nanoseconds("1970-01-01T00:00:00Z"), Some(0));
        assert_eq!(nanoseconds("2000-02-29T12:34:56.5Z"), Some(951_827_696_500_000_000));
        assert_eq!(nanoseconds("2026-11-22T11:07:56.346123456Z"), Some(1_795_345_676_346_123_456));
        assert_eq!(nanoseconds("2026-11-22T12:07:56+01:00"), Some(1_795_345_676_000_000_000));
        assert_eq!(nanoseconds("2026-11-22T10:37:56.000-00:30"), Some(1_795_345_676_000_000_000));
    }

    #[test]
    fn other_texts_are_not_times() {
        for text in [
            "",
            "now",
            "2026-13-01T00:00:00Z",
            "2026-11-22",
            "2026-11-22T11:07:56",
            "1969-01-01T00:00:00Z",
            "2026-11-22T11:07:56é",
            "2026-11-22T11:07:56+1",
            "2026/11/22T11:07:56Z",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
