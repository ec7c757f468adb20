//! A [`RawValue`] of JSON text that is known to be valid, made without parsing it again.

use serde::Deserialize;
use serde::de::value::{BorrowedStrDeserializer, Error};
use serde::de::{DeserializeSeed, Deserializer, Error as _, MapAccess, Visitor};
use serde::forward_to_deserialize_any;
use serde_json::value::RawValue;

/// Returns the text as a value. The text must be one valid JSON value without white space around it.
///
/// `serde_json` gives a [`RawValue`] its text as the only member of a map, under the name of the type; [`Text`] does the
/// same. A version of `serde_json` that does it in another way makes this `None`, and the caller parses the text.
pub(super) fn raw_value(json: &str) -> Option<&RawValue> {
    <&RawValue>::deserialize(Text(json)).ok()
}

struct Text<'a>(&'a str);

impl<'de> Deserializer<'de> for Text<'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, _visitor: V) -> Result<V::Value, Error> {
        Err(Error::custom("the type is not a raw value"))
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Error> {
        visitor.visit_map(Member { name: Some(name), json: self.0 })
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct seq
        tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// A map of one member.
struct Member<'a> {
    name: Option<&'static str>,
    json: &'a str,
}

impl<'de> MapAccess<'de> for Member<'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Error> {
        self.name.take().map(|name| seed.deserialize(BorrowedStrDeserializer::new(name))).transpose()
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value, Error> {
        seed.deserialize(BorrowedStrDeserializer::new(self.json))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_raw_value_is_made_without_parsing() {
        for json in [r#"{"a":[1,null]}"#, "[]", "7", r#""a\"b""#, "null"] {
            assert_eq!(raw_value(json).map(RawValue::get), Some(json));
        }
        // The text is not parsed.
        assert_eq!(raw_value("{").map(RawValue::get), Some("{"));
    }
}
