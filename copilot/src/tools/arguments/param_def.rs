//! The declaration of a parameter, as constant data.

use serde_json::{Number, Value};

/// One parameter of a tool's function.
#[derive(Debug)]
pub struct ParamDef {
    /// The name in the arguments object.
    pub name: &'static str,
    /// The doc comment; empty without one.
    pub description: &'static str,
    /// The minimum of a number.
    pub min: Option<Scalar>,
    /// The maximum of a number.
    pub max: Option<Scalar>,
    /// The minimum length of text, a list or a map.
    pub min_len: Option<usize>,
    /// The maximum length of text, a list or a map.
    pub max_len: Option<usize>,
    /// The regular expression that text must match.
    pub pattern: Option<&'static str>,
    /// The allowed values; empty for any.
    pub one_of: &'static [Scalar],
    /// Example values for the schema; empty for none.
    pub examples: &'static [Scalar],
    /// The placement in the arguments object.
    pub shape: Shape,
}

/// The value of a literal in an attribute.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Scalar {
    /// The value of a string or character literal.
    Text(&'static str),
    /// The value of an integer.
    Int(i128),
    /// The value of a floating-point literal, or of a constant of type `f64`.
    Float(f64),
    /// The value of a constant of type `f32`.
    Single(f32),
    /// The value of a boolean literal.
    Bool(bool),
}

/// The placement of an argument in the arguments object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// A property, or the whole object for a single argument whose type is a struct of the program.
    Auto,
    /// The fields of the argument are properties.
    Flatten,
    /// A property, even for a single struct of the program.
    Nest,
    /// The argument is the arguments object, also without fields.
    Whole,
}

impl ParamDef {
    /// The default value of every field.
    pub const BASE: Self = Self {
        name: "",
        description: "",
        min: None,
        max: None,
        min_len: None,
        max_len: None,
        pattern: None,
        one_of: &[],
        examples: &[],
        shape: Shape::Auto,
    };
}

impl Scalar {
    /// Returns whether the value is a number that JSON can have here: a finite one, or an integer of 64 bits.
    pub(crate) const fn is_number(self) -> bool {
        match self {
            Self::Text(_) | Self::Bool(_) => false,
            Self::Int(number) => i64::MIN as i128 <= number && number <= u64::MAX as i128,
            Self::Float(number) => number.is_finite(),
            Self::Single(number) => number.is_finite(),
        }
    }
}

impl From<Scalar> for Value {
    fn from(scalar: Scalar) -> Self {
        match scalar {
            Scalar::Text(text) => text.into(),
            Scalar::Int(number) => Number::from_i128(number).map_or(Self::Null, Self::Number),
            Scalar::Float(number) => number.into(),
            // The shortest decimal that is this `f32`: the value as an `f64` would have digits that the program did not
            // write, and a minimum of 0.1 would refuse 0.1.
            Scalar::Single(number) => number.to_string().parse::<f64>().unwrap_or(f64::NAN).into(),
            Scalar::Bool(value) => value.into(),
        }
    }
}
