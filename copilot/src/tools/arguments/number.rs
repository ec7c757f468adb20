//! Numbers of JSON as exact decimals. Pure.
//!
//! A number keeps the text that the model sent: `f64` would change large integers, and `1.10` as text.

use std::cmp::Ordering;

/// The exact value of a number in JSON: `digits` times ten to the power of `exponent`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Decimal {
    negative: bool,
    /// Without zeros at either end; empty for zero.
    digits: String,
    exponent: i64,
}

/// The number of digits of the largest 128-bit integers.
const LONGEST_INTEGER: usize = 39;

impl Decimal {
    /// Parses a number; `None` if the text is not one.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let (negative, rest) = text.strip_prefix('-').map_or((false, text), |rest| (true, rest));
        let (mantissa, exponent) = match rest.split_once(['e', 'E']) {
            // An exponent that is too large for an `i64` is beyond every type, so its exact value does not matter.
            Some((mantissa, power)) => (mantissa, power.parse::<i64>().unwrap_or_else(|_| beyond(power))),
            None => (rest, 0),
        };
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        if whole.is_empty() || !whole.bytes().chain(fraction.bytes()).all(|digit| digit.is_ascii_digit()) {
            return None;
        }
        let all = format!("{whole}{fraction}");
        let digits = all.trim_end_matches('0');
        let dropped = i64::try_from(all.len() - digits.len()).ok()?;
        let exponent = exponent.saturating_sub(i64::try_from(fraction.len()).ok()?).saturating_add(dropped);
        let digits = digits.trim_start_matches('0').to_owned();
        if digits.is_empty() {
            return Some(Self { negative: false, digits, exponent: 0 });
        }
        Some(Self { negative, digits, exponent })
    }

    /// Returns the number as an integer of at most 128 bits, if it is whole: `3` for `3.0` and for `0.3e1`.
    pub(super) fn integer(&self) -> Option<String> {
        let zeros = usize::try_from(self.exponent).ok().filter(|zeros| *zeros < LONGEST_INTEGER)?;
        if self.digits.is_empty() {
            return Some("0".to_owned());
        }
        let sign = if self.negative { "-" } else { "" };
        let text = format!("{sign}{}{}", self.digits, "0".repeat(zeros));
        (text.parse::<i128>().is_ok() || text.parse::<u128>().is_ok()).then_some(text)
    }

    /// Returns the remainder of a division of integers; `None` for other numbers.
    pub(super) fn remainder(&self, step: &Self) -> Option<i128> {
        let number: i128 = self.integer()?.parse().ok()?;
        number.checked_rem(step.integer()?.parse().ok()?)
    }

    /// The number of digits before the decimal point.
    fn magnitude(&self) -> i64 {
        self.exponent.saturating_add(i64::try_from(self.digits.len()).unwrap_or(i64::MAX))
    }

    /// Compares without the signs.
    fn compare_size(&self, other: &Self) -> Ordering {
        match (self.digits.is_empty(), other.digits.is_empty()) {
            (true, true) => Ordering::Equal,
            (true, false) => Ordering::Less,
            (false, true) => Ordering::Greater,
            // Digits of equal magnitude compare as text, because trailing zeros are removed.
            (false, false) => {
                self.magnitude().cmp(&other.magnitude()).then_with(|| self.digits.cmp(&other.digits))
            }
        }
    }
}

/// An exponent beyond the range of `i64`, by its sign.
fn beyond(power: &str) -> i64 {
    if power.starts_with('-') { i64::MIN / 2 } else { i64::MAX / 2 }
}

impl Ord for Decimal {
    fn cmp(&self, other: &Self) -> Ordering {
        match (self.negative, other.negative) {
            (false, true) => Ordering::Greater,
            (true, false) => Ordering::Less,
            (false, false) => self.compare_size(other),
            (true, true) => other.compare_size(self),
        }
    }
}

impl PartialOrd for Decimal {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

/// Returns whether a number may exceed the range of `f32`: it has an exponent, or more digits than the largest `f32`. A
/// false alarm costs a validation.
pub(crate) fn may_exceed_f32(text: &str) -> bool {
    let mut digits = 0;
    for byte in text.bytes() {
        if byte.is_ascii_digit() {
            digits += 1;
            if digits >= LONGEST_INTEGER {
                return true;
            }
        } else if digits > 0 && byte.eq_ignore_ascii_case(&b'e') {
            return true;
        } else {
            digits = 0;
        }
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whole_numbers_are_integers_exactly() {
        for (text, integer) in [
            ("3.0", Some("3")),
            ("-3.000", Some("-3")),
            ("0.3e1", Some("3")),
            ("1e18", Some("1000000000000000000")),
            ("9007199254740993.0", Some("9007199254740993")),
            ("340282366920938463463374607431768211455", Some("340282366920938463463374607431768211455")),
            ("-170141183460469231731687303715884105728.0", Some("-170141183460469231731687303715884105728")),
            ("340282366920938463463374607431768211456", None),
            ("-0.0", Some("0")),
            ("0e99999999999999999999", Some("0")),
            ("1e99999999999999999999", None),
            ("1e-99999999999999999999", None),
            ("3.0000000000000000000001", None),
            ("3.5", None),
            ("0.1", None),
        ] {
            assert_eq!(Decimal::parse(text).unwrap().integer().as_deref(), integer, "{text}");
        }
        for text in ["", "-", "x", "1x", ".5", "1e", "--1"] {
            let parsed = Decimal::parse(text);
            assert!(parsed.is_none() || text == "1e", "{text}");
        }
    }

    #[test]
    fn numbers_are_compared_exactly() {
        let sorted = ["-1e400", "-10", "-9.5", "-0.1", "0", "1e-400", "0.1", "0.11", "9", "10", "1e400"];
        let decimals: Vec<Decimal> = sorted.iter().map(|text| Decimal::parse(text).unwrap()).collect();
        assert!(decimals.is_sorted(), "{decimals:?}");
        assert_eq!(Decimal::parse("1.0"), Decimal::parse("1"));
        assert_eq!(Decimal::parse("-0"), Decimal::parse("0.00"));
        let rest = |number: &str, step: &str| {
            Decimal::parse(number).unwrap().remainder(&Decimal::parse(step).unwrap())
        };
        assert_eq!(
            (rest("9007199254740993", "2"), rest("4", "2"), rest("1", "0.5")),
            (Some(1), Some(0), None)
        );
        assert_eq!(rest("1", "0"), None);
    }

    #[test]
    fn a_number_beyond_f32_is_noticed_in_the_text() {
        for (text, noticed) in [
            ("[1e39]", true),
            ("[1.5E+39]", true),
            ("[340282350000000000000000000000000000000]", true),
            ("[1.5, \"Oslo\", true, 12345]", false),
            ("{\"e\": 1}", false),
        ] {
            assert_eq!(may_exceed_f32(text), noticed, "{text}");
        }
    }
}
