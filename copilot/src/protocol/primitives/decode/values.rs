//! How values that are not objects of the protocol are read.

use std::borrow::Cow;
#[cfg(test)]
use std::collections::BTreeSet;
use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use serde::de::IgnoredAny;
use serde_json::value::RawValue;
use serde_json::{Map, Value};

use super::{Decode, Fault, Reader, Result};

/// Gives every sample of a type the same value.
macro_rules! sample {
    ($($value:tt)+) => {
        #[cfg(test)]
        fn sample(_: &mut std::collections::BTreeSet<String>) -> serde_json::Value {
            serde_json::json!($($value)+)
        }
    };
}
pub(crate) use sample;

/// Texts, which have no absent form.
macro_rules! texts {
    ($($type:ty)*) => {$(
        impl<'de> Decode<'de> for $type {
            const HAS_ABSENT_FORM: bool = false;

            fn decode(reader: &mut Reader<'de>) -> Result<Self> {
                reader.text().map(Self::from)
            }

            sample!("x");
        }
    )*};
}

texts! { String Box<str> Arc<str> }

impl<'de> Decode<'de> for Cow<'de, str> {
    const HAS_ABSENT_FORM: bool = false;

    fn decode(reader: &mut Reader<'de>) -> Result<Self> {
        reader.text()
    }

    sample!("x");
}

/// A text without escapes.
impl<'de> Decode<'de> for &'de str {
    const HAS_ABSENT_FORM: bool = false;

    fn decode(reader: &mut Reader<'de>) -> Result<Self> {
        match reader.text()? {
            Cow::Borrowed(text) => Ok(text),
            Cow::Owned(_) => Err(Fault::custom("a text with escapes")),
        }
    }

    sample!("x");
}

impl<'de> Decode<'de> for bool {
    fn decode(reader: &mut Reader<'de>) -> Result<Self> {
        reader.next_byte();
        if reader.word("true") {
            Ok(true)
        } else if reader.word("false") {
            Ok(false)
        } else {
            Err(reader.mismatch("a boolean"))
        }
    }

    sample!(true);
}

/// A count. The CLI writes `33`, and sometimes `33.0`.
impl<'de> Decode<'de> for u64 {
    fn decode(reader: &mut Reader<'de>) -> Result<Self> {
        if let Some(count) = reader.digits() {
            return Ok(count);
        }
        let Some(number) = reader.number() else { return Err(reader.mismatch("a count")) };
        match number.parse() {
            Ok(count) => Ok(count),
            // A negative count says nothing more than none. `as` saturates, and a fraction of a token or millisecond means
            // nothing.
            Err(_) => serde_json::from_str::<f64>(number).map(|count| count as Self).map_err(Fault::custom),
        }
    }

    sample!(1);
}

macro_rules! integers {
    ($($type:ty)*) => {$(
        impl<'de> Decode<'de> for $type {
            fn decode(reader: &mut Reader<'de>) -> Result<Self> {
                let Some(number) = reader.number() else { return Err(reader.mismatch(stringify!($type))) };
                serde_json::from_str(number).map_err(Fault::custom)
            }

            sample!(1);
        }
    )*};
}

integers! { u8 u16 u32 i64 f64 }

impl<'de, T: Decode<'de>> Decode<'de> for Option<T> {
    const READS_NULL: bool = true;

    fn decode(reader: &mut Reader<'de>) -> Result<Self> {
        reader.next_byte();
        if reader.null() { Ok(None) } else { T::decode_option(reader) }
    }

    fn absent() -> Option<Self> {
        Some(None)
    }

    #[cfg(test)]
    fn sample(seen: &mut BTreeSet<String>) -> Value {
        T::sample(seen)
    }
}

impl<'de, T: Decode<'de>> Decode<'de> for Box<T> {
    const HAS_ABSENT_FORM: bool = T::HAS_ABSENT_FORM;
    const READS_NULL: bool = T::READS_NULL;

    fn decode(reader: &mut Reader<'de>) -> Result<Self> {
        T::decode(reader).map(Self::new)
    }

    #[cfg(test)]
    fn sample(seen: &mut BTreeSet<String>) -> Value {
        T::sample(seen)
    }
}

impl<'de, T: Decode<'de>> Decode<'de> for Vec<T> {
    fn decode(reader: &mut Reader<'de>) -> Result<Self> {
        let mut items = Self::new();
        reader.list(T::READS_NULL, &mut |reader| {
            items.push(T::decode(reader)?);
            Ok(())
        })?;
        Ok(items)
    }

    #[cfg(test)]
    fn sample(seen: &mut BTreeSet<String>) -> Value {
        vec![T::sample(seen)].into()
    }
}

macro_rules! maps {
    ($($map:ident)*) => {$(
        impl<'de, T: Decode<'de>> Decode<'de> for $map<String, T> {
            fn decode(reader: &mut Reader<'de>) -> Result<Self> {
                let mut entries = Self::new();
                reader.map(T::READS_NULL, &mut |name, reader| {
                    let value = T::decode(reader).map_err(|fault| fault.in_member(T::HAS_ABSENT_FORM))?;
                    entries.insert(name.to_owned(), value);
                    Ok(())
                })?;
                Ok(entries)
            }

            #[cfg(test)]
            fn sample(seen: &mut BTreeSet<String>) -> Value {
                super::samples::object("", &[(super::samples::KEY, T::sample)], seen)
            }
        }
    )*};
}

maps! { BTreeMap HashMap }

impl<'de> Decode<'de> for &'de RawValue {
    const READS_NULL: bool = true;

    fn decode(reader: &mut Reader<'de>) -> Result<Self> {
        reader.raw()
    }

    sample!({"raw": 1});
}

impl<'de> Decode<'de> for Box<RawValue> {
    const READS_NULL: bool = true;

    fn decode(reader: &mut Reader<'de>) -> Result<Self> {
        reader.raw().map(ToOwned::to_owned)
    }

    sample!({"raw": 1});
}

impl<'de> Decode<'de> for IgnoredAny {
    const READS_NULL: bool = true;

    fn decode(reader: &mut Reader<'de>) -> Result<Self> {
        reader.skip().map(|()| Self)
    }

    sample!(1);
}

/// Values of any shape.
macro_rules! values {
    ($($type:ty = $reads_null:literal, $sample:tt;)*) => {$(
        impl<'de> Decode<'de> for $type {
            const READS_NULL: bool = $reads_null;

            fn decode(reader: &mut Reader<'de>) -> Result<Self> {
                reader.by_serde()
            }

            sample!($sample);
        }
    )*};
}

values! {
    Value = true, 1;
    Map<String, Value> = false, {"key": 1};
}
