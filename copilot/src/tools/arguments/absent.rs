//! Probes of a type's `Deserialize` implementation. Pure.

use std::cell::Cell;

use serde::de::{self, DeserializeOwned, DeserializeSeed, Deserializer, SeqAccess};

/// A deserializer of a missing field: it succeeds only for types that accept absence, such as `Option`.
///
/// With `names`, it descends into options, lists and wrappers instead, to find the names of an enum's variants.
pub(crate) struct Absent<'n> {
    names: Option<&'n Cell<VariantNames>>,
    /// The remaining depth. Wrappers may contain themselves.
    depth: u8,
}

/// The names of an enum's variants, in the order of its declaration.
pub(crate) type VariantNames = &'static [&'static str];

impl Absent<'static> {
    pub(crate) const VALUE: Self = Self { names: None, depth: 0 };
}

impl<'n> Absent<'n> {
    /// Returns the deserializer of an inner value; `None` if it does not descend.
    fn inner(&self) -> Option<Self> {
        let names = self.names.filter(|_| self.depth > 0)?;
        Some(Self { names: Some(names), depth: self.depth - 1 })
    }
}

/// The result of [`probe`].
pub(crate) struct AbsenceProbe {
    /// Whether the type accepts a missing field.
    pub(crate) accepts_absence: bool,
    /// The names of the variants of an enum; empty for other types.
    pub(crate) variants: VariantNames,
}

/// Deserializes a type from nothing, to find out whether it accepts absence and which variants it has.
pub(crate) fn probe<T: DeserializeOwned>() -> AbsenceProbe {
    let variants = Cell::new(&[][..]);
    // Fails or returns a value that is not used; only the names matter.
    drop(T::deserialize(Absent { names: Some(&variants), depth: 8 }));
    AbsenceProbe { accepts_absence: T::deserialize(Absent::VALUE).is_ok(), variants: variants.get() }
}

impl<'de> Deserializer<'de> for Absent<'_> {
    type Error = de::value::Error;

    fn deserialize_any<V: de::Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
        Err(de::Error::custom("missing"))
    }

    fn deserialize_option<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.inner() {
            Some(inner) => visitor.visit_some(inner),
            None => visitor.visit_none(),
        }
    }

    fn deserialize_newtype_struct<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        match self.inner() {
            Some(inner) => visitor.visit_newtype_struct(inner),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_seq<V: de::Visitor<'de>>(self, visitor: V) -> Result<V::Value, Self::Error> {
        match self.inner() {
            Some(inner) => visitor.visit_seq(OneItem(Some(inner))),
            None => self.deserialize_any(visitor),
        }
    }

    fn deserialize_enum<V: de::Visitor<'de>>(
        self,
        _: &'static str,
        variants: VariantNames,
        visitor: V,
    ) -> Result<V::Value, Self::Error> {
        if let Some(names) = self.names {
            names.set(variants);
        }
        self.deserialize_any(visitor)
    }

    serde::forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf unit unit_struct
        tuple tuple_struct map struct identifier ignored_any
    }
}

/// A list of one item, to descend into.
struct OneItem<'n>(Option<Absent<'n>>);

impl<'de> SeqAccess<'de> for OneItem<'_> {
    type Error = de::value::Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Self::Error> {
        self.0.take().map(|item| seed.deserialize(item)).transpose()
    }
}
