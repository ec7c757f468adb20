//! The errors of trial runs, and the deserializers that do not depend on the place of a value. Pure.

use std::fmt;

use serde::de::value::{StrDeserializer, StringDeserializer};
use serde::de::{
    self, DeserializeSeed, Deserializer, Expected, IntoDeserializer, MapAccess, Unexpected, Visitor,
};

use crate::tools::arguments::node::Step;

/// The names of an enum's variants, in the order of its declaration.
pub(crate) type VariantNames = &'static [&'static str];

/// The reason why a type rejects a value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// The text of the type's own error.
    Own(String),
    /// The type describes the values that it accepts.
    Expected(String),
    /// The name of a variant is not known.
    Variant { got: String, allowed: VariantNames },
    /// The name of a field is not known.
    Field { got: String, known: &'static [&'static str] },
    /// A field is missing.
    Missing(&'static str),
    /// The name at the end of the path is rejected, and not the value.
    Name(Box<Self>),
}

/// The error of a trial run.
#[derive(Debug)]
pub(crate) struct TrialError {
    /// The place of the value; `None` until the value is left.
    pub(super) path: Option<Vec<Step>>,
    pub(super) fault: Fault,
}

impl TrialError {
    pub(super) fn new(fault: Fault) -> Self {
        Self { path: None, fault }
    }

    /// Marks the reason as that of the name of a member, at this place.
    pub(super) fn of_name(self, path: Vec<Step>) -> Self {
        Self { path: Some(path), fault: Fault::Name(Box::new(self.fault)) }
    }

    /// Sets the place, unless a part of the value has set its own.
    pub(super) fn at(mut self, path: impl FnOnce() -> Vec<Step>) -> Self {
        self.path.get_or_insert_with(path);
        self
    }
}

impl fmt::Display for TrialError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.fault)
    }
}

impl std::error::Error for TrialError {}

impl de::Error for TrialError {
    fn custom<T: fmt::Display>(text: T) -> Self {
        Self::new(Fault::Own(text.to_string()))
    }

    fn invalid_type(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Fault::Expected(expected.to_string()))
    }

    fn invalid_value(_: Unexpected<'_>, expected: &dyn Expected) -> Self {
        Self::new(Fault::Expected(expected.to_string()))
    }

    fn invalid_length(_: usize, expected: &dyn Expected) -> Self {
        Self::new(Fault::Expected(expected.to_string()))
    }

    fn unknown_variant(got: &str, allowed: &'static [&'static str]) -> Self {
        Self::new(Fault::Variant { got: got.to_owned(), allowed })
    }

    fn unknown_field(got: &str, known: &'static [&'static str]) -> Self {
        Self::new(Fault::Field { got: got.to_owned(), known })
    }

    fn missing_field(name: &'static str) -> Self {
        Self::new(Fault::Missing(name))
    }
}

/// The name under which serde_json passes JSON as text.
pub(super) const RAW_VALUE: &str = "$serde_json::private::RawValue";

/// Deserializes the text of a number.
pub(super) fn number<'de, V: Visitor<'de>>(text: &str, visitor: V) -> Result<V::Value, TrialError> {
    if let Ok(number) = text.parse() {
        visitor.visit_u64(number)
    } else if let Ok(number) = text.parse() {
        visitor.visit_i64(number)
    } else {
        visitor.visit_f64(text.parse().map_err(de::Error::custom)?)
    }
}

macro_rules! number_keys {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
            match self.0.parse::<f64>() {
                Ok(_) => number(self.0, visitor),
                Err(_) => visitor.visit_str(self.0),
            }
        }
    )*};
}

/// The name of a member, which may stand for a number or a boolean.
pub(super) struct Key<'t>(pub(super) &'t str);

impl<'de> Deserializer<'de> for Key<'_> {
    type Error = TrialError;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_str(self.0)
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0.parse() {
            Ok(value) => visitor.visit_bool(value),
            Err(_) => visitor.visit_str(self.0),
        }
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        visitor.visit_some(self)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: VariantNames,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        let name_of_variant: StrDeserializer<'_, TrialError> = self.0.into_deserializer();
        name_of_variant.deserialize_enum(name, variants, visitor)
    }

    fn deserialize_i128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0.parse() {
            Ok(value) => visitor.visit_i128(value),
            Err(_) => visitor.visit_str(self.0),
        }
    }

    fn deserialize_u128<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.0.parse() {
            Ok(value) => visitor.visit_u128(value),
            Err(_) => visitor.visit_str(self.0),
        }
    }

    number_keys! {
        deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_u8 deserialize_u16 deserialize_u32
        deserialize_u64 deserialize_f32 deserialize_f64
    }

    serde::forward_to_deserialize_any! {
        char str string bytes byte_buf unit unit_struct seq tuple tuple_struct map struct identifier ignored_any
    }
}

/// JSON as text, in the form of serde_json.
pub(super) struct RawText(pub(super) Option<String>);

impl<'de> MapAccess<'de> for RawText {
    type Error = TrialError;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>, Self::Error> {
        if self.0.is_none() {
            return Ok(None);
        }
        let name: StrDeserializer<'_, TrialError> = RAW_VALUE.into_deserializer();
        seed.deserialize(name).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Self::Error> {
        let text: StringDeserializer<TrialError> = self.0.take().unwrap_or_default().into_deserializer();
        seed.deserialize(text)
    }
}
