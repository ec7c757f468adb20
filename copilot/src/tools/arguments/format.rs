//! The formats of text and numbers in schemas. Pure.

use crate::tools::arguments::number::Decimal;

/// The formats that JSON Schema defines. All others stay inside of the library: their bounds or words replace them.
const STANDARD: &[&str] = &[
    "date",
    "date-time",
    "duration",
    "email",
    "hostname",
    "idn-email",
    "idn-hostname",
    "ipv4",
    "ipv6",
    "iri",
    "iri-reference",
    "json-pointer",
    "regex",
    "relative-json-pointer",
    "time",
    "uri",
    "uri-reference",
    "uri-template",
    "uuid",
];

/// Returns whether JSON Schema defines the format.
pub(crate) fn is_standard(format: &str) -> bool {
    STANDARD.contains(&format)
}

/// Returns whether the format is that of one of Rust's numbers.
pub(crate) fn is_of_number(format: &str) -> bool {
    matches!(format, "float" | "double") || integer_bits(format).is_some()
}

/// Describes text of a format, with an example; `None` for an unknown format.
pub(crate) fn in_words(format: &str) -> Option<&'static str> {
    Some(match format {
        "date" => "a date, such as \"2026-01-31\"",
        "date-time" => "a date and time with a time zone, such as \"2026-01-31T10:00:00Z\"",
        "partial-date-time" => "a date and time without a time zone, such as \"2026-01-31T10:00:00\"",
        "zoned-date-time" => {
            "a date and time with the name of a time zone, such as \"2026-01-31T10:00:00+01:00[Europe/Oslo]\""
        }
        "time" | "partial-time" => "a time, such as \"10:00:00\"",
        "duration" => "a duration in ISO 8601, such as \"PT1H30M\"",
        "email" | "idn-email" => "an email address, such as \"ada@example.com\"",
        "hostname" | "idn-hostname" => "a host name, such as \"example.com\"",
        "ip" => "an IPv4 or IPv6 address, such as \"192.0.2.1\" or \"2001:db8::1\"",
        "ipv4" => "an IPv4 address, such as \"192.0.2.1\"",
        "ipv6" => "an IPv6 address, such as \"2001:db8::1\"",
        "uri" | "iri" => "an absolute URL, such as \"https://example.com/a\"",
        "uri-reference" | "iri-reference" => "a URL, such as \"https://example.com/a\" or \"../a\"",
        "uuid" => "a UUID, such as \"67e55044-10b1-426f-9247-bb680e5fe0c8\"",
        "regex" => "a regular expression",
        "json-pointer" => "a JSON pointer, such as \"/a/0\"",
        _ => return None,
    })
}

/// Returns the least and the greatest integer of a format; `None` if the format is not that of an integer.
pub(crate) fn integer_range(format: &str) -> Option<(String, String)> {
    let (signed, bits) = integer_bits(format)?;
    Some(if signed {
        ((i128::MIN >> (128 - bits)).to_string(), (i128::MAX >> (128 - bits)).to_string())
    } else {
        ("0".to_owned(), (u128::MAX >> (128 - bits)).to_string())
    })
}

/// Returns whether the integer is signed, and its size.
fn integer_bits(format: &str) -> Option<(bool, u32)> {
    let (signed, bits) = match format.strip_prefix('u') {
        Some(rest) => (false, rest.strip_prefix("int")?),
        None => (true, format.strip_prefix("int")?),
    };
    match bits {
        "" => Some((signed, usize::BITS)),
        "8" | "16" | "32" | "64" | "128" => Some((signed, bits.parse().ok()?)),
        _ => None,
    }
}

/// Returns whether a number is finite in the type of a format: `1e39` is infinite as `f32`.
pub(super) fn is_finite(format: Option<&str>, number: &str) -> bool {
    let within = number.parse::<f64>().is_ok_and(f64::is_finite);
    within && (format != Some("float") || number.parse::<f32>().is_ok_and(f32::is_finite))
}

/// Describes the numbers that are finite in the type of a format.
pub(super) fn finite_in_words(format: Option<&str>) -> String {
    let largest = if format == Some("float") { "3.4e38" } else { "1.7e308" };
    format!("a number from -{largest} to {largest}")
}

/// Returns whether an integer, in digits, is within the range of a format.
pub(super) fn is_within(integer: &str, (least, greatest): &(String, String)) -> bool {
    let [number, least, greatest] = [integer, least, greatest].map(Decimal::parse);
    number >= least && number <= greatest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_integer_type_has_its_range() {
        macro_rules! check {
            ($($format:literal $ty:ty),*) => {$(
                assert_eq!(integer_range($format), Some((<$ty>::MIN.to_string(), <$ty>::MAX.to_string())), $format);
            )*};
        }
        check!(
            "int8" i8, "int16" i16, "int32" i32, "int64" i64, "int128" i128, "int" isize, "uint8" u8, "uint16" u16,
            "uint32" u32, "uint64" u64, "uint128" u128, "uint" usize
        );
        assert!(
            ["integer", "u", "uint7", "float", "date"].iter().all(|format| integer_range(format).is_none())
        );
        let range = integer_range("uint128").unwrap();
        assert!(is_within("18446744073709551616", &range) && !is_within("-1", &range));
    }

    #[test]
    fn a_number_that_a_float_cannot_hold_is_not_finite() {
        for (format, number, finite) in [
            (Some("float"), "3.4e38", true),
            (Some("float"), "1e39", false),
            (Some("float"), "-1e39", false),
            (Some("double"), "1e39", true),
            (None, "1e309", false),
        ] {
            assert_eq!(is_finite(format, number), finite, "{format:?} {number}");
        }
    }
}
