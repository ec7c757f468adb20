//! Readers for values that CLIs write in more than one form.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, Error, Visitor};

/// Reads a count: the CLI writes `33`, and sometimes `33.0`.
pub(crate) fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    deserializer.deserialize_any(Count).map(Option::unwrap_or_default)
}

/// Reads a count that may be absent or null.
pub(crate) fn maybe_count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<u64>, D::Error> {
    deserializer.deserialize_any(Count)
}

/// Reads a text that some versions write as a number.
pub(crate) fn text<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Text::deserialize(deserializer)? {
        Text::Text(text) => text,
        Text::Number(number) => number.to_string(),
    })
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Text {
    Text(String),
    Number(u64),
}

struct Count;

impl Visitor<'_> for Count {
    type Value = Option<u64>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a count")
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_u64<E>(self, count: u64) -> Result<Self::Value, E> {
        Ok(Some(count))
    }

    fn visit_i64<E: Error>(self, count: i64) -> Result<Self::Value, E> {
        // A negative count says nothing more than none.
        Ok(Some(u64::try_from(count).unwrap_or_default()))
    }

    fn visit_f64<E: Error>(self, count: f64) -> Result<Self::Value, E> {
        // `as` saturates, and a fraction of a token or millisecond means nothing.
        Ok(Some(count as u64))
    }
}

#[cfg(test)]
mod tests {
    use serde::Deserialize;

    #[derive(Deserialize, Debug, PartialEq)]
    #[serde(default)]
    #[derive(Default)]
    struct Counts {
        #[serde(deserialize_with = "super::count")]
        a: u64,
        #[serde(deserialize_with = "super::maybe_count")]
        b: Option<u64>,
    }

    #[test]
    fn counts_come_as_integers_floats_and_nothing() {
        let read = |json: &str| serde_json::from_str::<Counts>(json).unwrap();
        assert_eq!(read(r#"{"a":33,"b":33.0}"#), Counts { a: 33, b: Some(33) });
        assert_eq!(read(r#"{"a":-1,"b":null}"#), Counts { a: 0, b: None });
        assert_eq!(read("{}"), Counts::default());
        assert!(serde_json::from_str::<Counts>(r#"{"a":"33"}"#).is_err());
    }
}
