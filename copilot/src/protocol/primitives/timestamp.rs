//! Times, which the CLI writes as RFC 3339 and older CLIs as milliseconds since 1970.

use std::fmt;
use std::str::FromStr;
use std::time::{Duration, SystemTime};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::protocol::decode::{self, Decode, Reader};

/// A moment between the years 1970 and 9999, to the nanosecond.
///
/// Its text, by [`Display`](fmt::Display), [`FromStr`] and serde, is RFC 3339: `2026-11-22T11:07:56.346Z`. The text is
/// written in UTC and read in any time zone. Where older CLIs send milliseconds since 1970 instead, these are read.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use copilot::events::Timestamp;
///
/// let start: Timestamp = "2026-11-22T12:07:56.346+01:00".parse()?;
/// assert_eq!(start.to_string(), "2026-11-22T11:07:56.346Z");
/// assert!(start < Timestamp::from(SystemTime::from(start) + Duration::from_secs(1)));
/// # Ok::<(), copilot::events::InvalidTimestamp>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp {
    /// Since 1970 in UTC.
    since: Duration,
}

/// The last second of the year 9999.
const LAST: u64 = 253_402_300_799;

impl Timestamp {
    /// Returns the current time of the machine.
    pub fn now() -> Self {
        SystemTime::now().into()
    }

    /// Returns the milliseconds since 1970.
    pub fn unix_millis(self) -> u64 {
        self.since.as_secs() * 1000 + u64::from(self.since.subsec_millis())
    }

    fn from_millis(milliseconds: u64) -> Option<Self> {
        Self::since_epoch(Duration::from_millis(milliseconds))
    }

    fn since_epoch(since: Duration) -> Option<Self> {
        (since.as_secs() <= LAST).then_some(Self { since })
    }
}

/// A time outside of the years 1970 to 9999 becomes the nearest one inside.
impl From<SystemTime> for Timestamp {
    fn from(time: SystemTime) -> Self {
        let since = time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        Self { since: since.min(Duration::new(LAST, 999_999_999)) }
    }
}

impl From<Timestamp> for SystemTime {
    fn from(time: Timestamp) -> Self {
        Self::UNIX_EPOCH + time.since
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (seconds, nanoseconds) = (self.since.as_secs(), self.since.subsec_nanos());
        let (year, month, day) = date(seconds / 86_400);
        let (hour, minute, second) = (seconds / 3600 % 24, seconds / 60 % 60, seconds % 60);
        write!(f, "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}")?;
        match nanoseconds % 1_000_000 {
            0 => write!(f, ".{:03}Z", nanoseconds / 1_000_000),
            _ => write!(f, ".{nanoseconds:09}Z"),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A text that is not a time of RFC 3339 between the years 1970 and 9999.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InvalidTimestamp {
    text: String,
}

impl fmt::Display for InvalidTimestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} is not a time of RFC 3339 between the years 1970 and 9999", self.text)
    }
}

impl std::error::Error for InvalidTimestamp {}

impl FromStr for Timestamp {
    type Err = InvalidTimestamp;

    fn from_str(text: &str) -> Result<Self, InvalidTimestamp> {
        parse(text).ok_or_else(|| InvalidTimestamp { text: text.to_owned() })
    }
}

impl Serialize for Timestamp {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Timestamp {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        decode::from_serde(deserializer)
    }
}

impl<'de> Decode<'de> for Timestamp {
    fn decode(reader: &mut Reader<'de>) -> decode::Result<Self> {
        Self::decode_option(reader)?.ok_or_else(|| decode::Fault::custom("expected a time of RFC 3339"))
    }

    /// A value that is not a time counts as absent: a time is never worth the message that it is part of.
    fn decode_option(reader: &mut Reader<'de>) -> decode::Result<Option<Self>> {
        Ok(match reader.next_byte() {
            Some(b'"') => parse(&reader.text()?),
            // A fraction of a millisecond is noise.
            Some(b'0'..=b'9') => Self::from_millis(u64::decode(reader)?),
            _ => {
                reader.skip()?;
                None
            }
        })
    }

    decode::sample!(1);
}

/// Reads a time of RFC 3339 from 1970 on.
fn parse(text: &str) -> Option<Timestamp> {
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
    let nanoseconds = (0..9)
        .fold(0, |all, at| all * 10 + digits.as_bytes().get(at).map_or(0, |digit| u32::from(digit - b'0')));
    Timestamp::since_epoch(Duration::new(u64::try_from(seconds).ok()?, nanoseconds))
}

/// The days from 1970 to a date of the Gregorian calendar. Years begin in March, so that leap days end them.
fn days(year: u32, month: u32, day: u32) -> i64 {
    let (year, month) = if month > 2 { (year, month - 3) } else { (year.saturating_sub(1), month + 9) };
    let leaps = year / 4 - year / 100 + year / 400;
    i64::from(year * 365 + leaps + (month * 153 + 2) / 5 + day) - 719_469
}

/// The year, month and day of the Gregorian calendar this many days after 1970 began; the inverse of [`days`].
fn date(days: u64) -> (u64, u64, u64) {
    let since = days + 719_468;
    let (era, of_era) = (since / 146_097, since % 146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let (day, month) = (of_year - (153 * from_march + 2) / 5 + 1, (from_march + 2) % 12 + 1);
    (era * 400 + year_of_era + u64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn nanoseconds(text: &str) -> Option<u128> {
        parse(text).map(|time| time.since.as_nanos())
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
            "9999-12-31T23:59:59-01:00",
        ] {
            assert_eq!(parse(text), None, "{text}");
            let error = text.parse::<Timestamp>().unwrap_err().to_string();
            assert!(error.contains("RFC 3339"), "{error}");
        }
    }

    #[test]
    fn a_time_is_written_as_it_is_read() {
        for text in [
            "1970-01-01T00:00:00.000Z",
            "2000-02-29T12:34:56.500Z",
            "2026-11-22T11:07:56.346123456Z",
            "2100-03-01T00:00:00.000Z",
            "9999-12-31T23:59:59.999Z",
        ] {
            let time: Timestamp = text.parse().unwrap();
            assert_eq!((time.to_string(), json!(time)), (text.to_owned(), json!(text)));
            assert_eq!(Timestamp::from(SystemTime::from(time)), time);
        }
        // Each day of four centuries, after which the calendar repeats.
        for day in 0..146_097 {
            let time = Timestamp { since: Duration::from_secs(day * 86_400) };
            assert_eq!(time.to_string().parse(), Ok(time));
        }
    }

    #[test]
    fn a_value_that_is_not_a_time_counts_as_absent() {
        let read = |value: Value| -> Option<String> {
            let time: Option<Timestamp> = decode::question(&value.to_string()).unwrap();
            time.map(|time| time.to_string())
        };
        assert_eq!(read(json!(951_827_696_500_u64)).as_deref(), Some("2000-02-29T12:34:56.500Z"));
        assert_eq!(read(json!(951_827_696_500.25)).as_deref(), Some("2000-02-29T12:34:56.500Z"));
        assert_eq!(read(json!(7)).as_deref(), Some("1970-01-01T00:00:00.007Z"));
        let garbage = [json!(null), json!(true), json!("now"), json!(-7), json!(u64::MAX), json!(1e300)];
        for value in garbage.into_iter().chain([json!([7, [8]]), json!({"a": {"b": 1}})]) {
            assert_eq!(read(value.clone()), None, "{value}");
        }
        assert!(serde_json::from_value::<Timestamp>(json!("now")).is_err());
    }
}
