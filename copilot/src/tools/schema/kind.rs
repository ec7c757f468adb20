//! The kinds of arguments whose types the compiler knows, for checks of `#[arg(..)]` at compile time. All other types
//! are checked when their schema exists.

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet, VecDeque};
use std::num;
use std::path::{Path, PathBuf};

use serde_json::Map;

use crate::tools::arguments::param::Probe;
use crate::tools::arguments::param_def::Scalar;

/// The kind of an argument, as far as rules distinguish types.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Known only by its schema.
    Unknown,
    /// A boolean.
    Bool,
    /// Text.
    Text,
    /// An integer, with the range of its type.
    Integer(i128, i128),
    /// A floating-point number.
    Number,
    /// A list, a set or a map.
    Collection,
}

impl Kind {
    /// Returns whether the literal is a value of this kind.
    pub const fn takes(self, value: Scalar) -> bool {
        match (self, value) {
            (Self::Unknown, _)
            | (Self::Bool, Scalar::Bool(_))
            | (Self::Text, Scalar::Text(_))
            | (Self::Number, Scalar::Int(_) | Scalar::Float(_) | Scalar::Single(_)) => true,
            (Self::Integer(least, most), Scalar::Int(number)) => least <= number && number <= most,
            _ => false,
        }
    }

    /// Returns whether the value can be the bound of a number of this kind.
    pub const fn is_bounded_by(self, bound: Scalar) -> bool {
        match (self, bound) {
            _ if !bound.is_number() => false,
            (Self::Integer(..), Scalar::Single(number)) => self.is_bounded_by(Scalar::Float(number as f64)),
            // A whole float is an integer.
            (Self::Integer(..), Scalar::Float(number))
                if number.abs() < 9e18 && (number as i64) as f64 == number =>
            {
                #[expect(clippy::cast_possible_truncation, reason = "it is whole and in range")]
                self.takes(Scalar::Int(number as i128))
            }
            (Self::Bool | Self::Text | Self::Collection, _) => false,
            _ => self.takes(bound),
        }
    }

    /// Returns whether values of this kind have a length.
    pub const fn has_length(self) -> bool {
        matches!(self, Self::Unknown | Self::Text | Self::Collection)
    }

    /// Returns whether values of this kind can match a pattern.
    pub const fn is_text(self) -> bool {
        matches!(self, Self::Unknown | Self::Text)
    }
}

/// The types whose kind the compiler knows.
pub trait Known {
    /// The kind of the type's values.
    const KIND: Kind;
}

impl<T: Known> Probe<T> {
    /// The kind of the type's values.
    pub const KIND: Kind = T::KIND;
}

/// The fallback of `Known` for all other types.
pub trait Unknown {
    /// No kind.
    const KIND: Kind = Kind::Unknown;
}

impl<T> Unknown for Probe<T> {}

macro_rules! known {
    ($($kind:expr => $($type:ty)+;)*) => {$($(
        impl Known for $type {
            const KIND: Kind = $kind;
        }
    )+)*};
}

known! {
    Kind::Bool => bool;
    Kind::Text => str String char Path PathBuf;
    Kind::Number => f32 f64;
    Kind::Collection => Map<String, serde_json::Value>;
}

macro_rules! integers {
    ($($type:ident $non_zero:ident)*) => {$(
        impl Known for $type {
            #[allow(clippy::cast_possible_wrap, clippy::cast_lossless, reason = "the macro covers all types")]
            const KIND: Kind = Kind::Integer(
                $type::MIN as i128,
                if $type::MAX as u128 > i128::MAX as u128 { i128::MAX } else { $type::MAX as i128 },
            );
        }

        impl Known for num::$non_zero {
            const KIND: Kind = match $type::KIND {
                // Zero is left out where it is a bound.
                Kind::Integer(0, most) => Kind::Integer(1, most),
                other => other,
            };
        }
    )*};
}

integers! {
    i8 NonZeroI8 i16 NonZeroI16 i32 NonZeroI32 i64 NonZeroI64 i128 NonZeroI128 isize NonZeroIsize
    u8 NonZeroU8 u16 NonZeroU16 u32 NonZeroU32 u64 NonZeroU64 u128 NonZeroU128 usize NonZeroUsize
}

macro_rules! collections {
    ($(<$($name:ident),+> $type:ty;)*) => {$(
        impl<$($name),+> Known for $type {
            const KIND: Kind = Kind::Collection;
        }
    )*};
}

collections! {
    <T> [T];
    <T> Vec<T>;
    <T> VecDeque<T>;
    <T> BTreeSet<T>;
    <T, S> HashSet<T, S>;
    <K, V> BTreeMap<K, V>;
    <K, V, S> HashMap<K, V, S>;
}

macro_rules! wrappers {
    ($($type:ty;)*) => {$(
        impl<T: Known + ?Sized> Known for $type {
            const KIND: Kind = T::KIND;
        }
    )*};
}

wrappers! { &T; Box<T>; }

impl<T: Known> Known for Option<T> {
    const KIND: Kind = T::KIND;
}

impl<T: Known + ToOwned + ?Sized> Known for Cow<'_, T> {
    const KIND: Kind = T::KIND;
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Own;

    #[test]
    fn kinds_follow_the_types() {
        for (kind, expected) in [
            (Probe::<u8>::KIND, "Integer(0, 255)"),
            (Probe::<Option<Box<i8>>>::KIND, "Integer(-128, 127)"),
            (Probe::<num::NonZeroU8>::KIND, "Integer(1, 255)"),
            (Probe::<num::NonZeroI8>::KIND, "Integer(-128, 127)"),
            (Probe::<&str>::KIND, "Text"),
            (Probe::<Option<&Path>>::KIND, "Text"),
            (Probe::<Cow<'_, str>>::KIND, "Text"),
            (Probe::<&[Own]>::KIND, "Collection"),
            (Probe::<HashMap<String, Own>>::KIND, "Collection"),
            (Probe::<f32>::KIND, "Number"),
            (Probe::<Own>::KIND, "Unknown"),
            (Probe::<Option<Own>>::KIND, "Unknown"),
            (Probe::<&Own>::KIND, "Unknown"),
        ] {
            assert_eq!(format!("{kind:?}"), expected);
        }
    }

    #[test]
    fn bounds_are_numbers_of_the_type() {
        let small = Probe::<u8>::KIND;
        for bound in [Scalar::Int(0), Scalar::Int(255), Scalar::Float(3.0)] {
            assert!(small.is_bounded_by(bound), "{bound:?}");
        }
        for bound in
            [Scalar::Int(-1), Scalar::Int(256), Scalar::Float(0.5), Scalar::Float(1e30), Scalar::Text("1")]
        {
            assert!(!small.is_bounded_by(bound), "{bound:?}");
        }
        assert!(small.is_bounded_by(Scalar::Single(3.0)) && !small.is_bounded_by(Scalar::Single(0.5)));
        assert!(Probe::<u64>::KIND.is_bounded_by(Scalar::Int(u64::MAX.into())));
        for bound in [
            Scalar::Int(i128::from(u64::MAX) + 1),
            Scalar::Int(i128::from(i64::MIN) - 1),
            Scalar::Float(f64::NAN),
            Scalar::Single(f32::INFINITY),
        ] {
            for kind in [Probe::<u128>::KIND, Probe::<f64>::KIND, Probe::<Own>::KIND] {
                assert!(!kind.is_bounded_by(bound), "{bound:?} of {kind:?}");
            }
        }
        assert!(Probe::<u128>::KIND.is_bounded_by(Scalar::Int(i64::MAX.into())));
        assert!(Probe::<f64>::KIND.is_bounded_by(Scalar::Float(0.5)));
        assert!(!Probe::<&str>::KIND.is_bounded_by(Scalar::Int(1)));
        assert!(Probe::<Own>::KIND.is_bounded_by(Scalar::Int(1)));
    }

    #[test]
    fn literals_are_values_of_the_type() {
        assert!(Probe::<u8>::KIND.takes(Scalar::Int(1)) && !Probe::<u8>::KIND.takes(Scalar::Float(1.5)));
        assert!(Probe::<f32>::KIND.takes(Scalar::Int(1)) && Probe::<f32>::KIND.takes(Scalar::Float(1.5)));
        assert!(Probe::<&str>::KIND.takes(Scalar::Text("a")) && !Probe::<&str>::KIND.takes(Scalar::Int(1)));
        assert!(
            Probe::<bool>::KIND.takes(Scalar::Bool(true)) && !Probe::<bool>::KIND.takes(Scalar::Text("true"))
        );
        assert!(!Probe::<Vec<u8>>::KIND.takes(Scalar::Int(1)));
    }
}
