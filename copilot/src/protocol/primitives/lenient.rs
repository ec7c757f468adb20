//! Readers for values that CLIs write in more than one form.

use crate::protocol::decode::{Decode, Reader, Result};

/// Reads a text that some versions write as a number, which is the text as it is written.
pub(crate) fn text(reader: &mut Reader<'_>) -> Result<String> {
    match reader.next_byte() {
        Some(b'0'..=b'9' | b'-') => reader.raw().map(|number| number.get().to_owned()),
        _ => String::decode(reader),
    }
}

#[cfg(test)]
mod tests {
    use crate::protocol::controls::UsageMetrics;
    use crate::protocol::decode;

    #[test]
    fn a_number_is_a_text_with_all_of_its_digits() {
        let start = |value: &str| {
            let text = format!(r#"{{"sessionStartTime": {value} }}"#);
            decode::answer::<UsageMetrics>(&text).map(|metrics| metrics.session_start_time)
        };
        for number in ["0", "1764504000123", "1.5", "-3", "1e3", "18446744073709551616"] {
            assert_eq!(start(number).unwrap(), number);
        }
        assert_eq!(start(r#""2025-11-30T12:00:00Z""#).unwrap(), "2025-11-30T12:00:00Z");
        for wrong in ["true", "[1]", "1.", "-"] {
            assert!(start(wrong).is_err(), "{wrong}");
        }
    }
}
