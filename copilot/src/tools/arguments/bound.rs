//! Bounds of numbers that the program writes as constants or expressions, whose types only the compiler knows.
//!
//! A constant expression cannot call a method of a trait, so the macro converts the value with casts to the widest types,
//! and [`bound`] selects one of them by the type.

use crate::tools::arguments::param_def::Scalar;

/// A type of numbers.
#[diagnostic::on_unimplemented(
    message = "a bound of an argument is a number, and `{Self}` is not one",
    label = "an integer or a floating-point number is expected"
)]
pub trait Number: Copy {
    /// The type itself. As an associated type it does not exist for other types, so that a cast of their values is not a
    /// second error.
    type Same: Number;

    /// The family of the type.
    const FAMILY: Family;
}

/// The types that have all values of a type of numbers.
#[derive(Clone, Copy, Debug)]
pub enum Family {
    /// The signed integers.
    Signed,
    /// The unsigned integers.
    Unsigned,
    /// `f32`.
    Single,
    /// `f64`.
    Double,
}

macro_rules! families {
    ($($family:ident => $($type:ty)+;)*) => {$($(
        impl Number for $type {
            type Same = Self;

            const FAMILY: Family = Family::$family;
        }
    )+)*};
}

families! {
    Signed => i8 i16 i32 i64 i128 isize;
    Unsigned => u8 u16 u32 u64 u128 usize;
    Single => f32;
    Double => f64;
}

/// Returns the value, which is one of a type of numbers.
pub const fn number<T: Number<Same = T>>(value: T) -> <T as Number>::Same {
    value
}

/// Returns the value of a bound, which the other arguments are casts of.
pub const fn bound<T: Number>(_: T, signed: i128, unsigned: u128, double: f64) -> Scalar {
    match T::FAMILY {
        Family::Signed => Scalar::Int(signed),
        // A larger one is beyond every bound anyway.
        Family::Unsigned if unsigned > i128::MAX as u128 => Scalar::Int(i128::MAX),
        Family::Unsigned => Scalar::Int(unsigned as i128),
        #[expect(clippy::cast_possible_truncation, reason = "it was an `f32`")]
        Family::Single => Scalar::Single(double as f32),
        Family::Double => Scalar::Float(double),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    macro_rules! of {
        ($value:expr) => {{
            let value = number($value);
            bound(value, value as i128, value as u128, value as f64)
        }};
    }

    #[test]
    #[allow(trivial_numeric_casts, clippy::cast_lossless, reason = "the macro covers all types")]
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, clippy::cast_precision_loss)]
    fn bounds_keep_their_values() {
        const BOUNDS: [Scalar; 5] = [of!(u64::MAX), of!(i8::MIN), of!(60 * 60), of!(-99.5), of!(0.1_f32)];
        let expected = [
            Scalar::Int(u64::MAX.into()),
            Scalar::Int(-128),
            Scalar::Int(3600),
            Scalar::Float(-99.5),
            Scalar::Single(0.1),
        ];
        assert_eq!(BOUNDS, expected);
        let values: Vec<String> = BOUNDS.map(|bound| serde_json::Value::from(bound).to_string()).to_vec();
        assert_eq!(values, ["18446744073709551615", "-128", "3600", "-99.5", "0.1"]);
        assert_eq!(of!(u128::MAX), Scalar::Int(i128::MAX));
        assert!(!of!(u128::MAX).is_number() && !of!(f64::NAN).is_number());
    }
}
