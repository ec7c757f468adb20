//! The warning for an argument without a description. Whether a parameter needs one depends on its type.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::tools::arguments::param::Probe;

/// Types such as numbers and text, which do not say what an argument is for, so that it needs a description.
pub trait Plain {}

macro_rules! plain {
    ($($type:ty)*) => {$(
        impl Plain for $type {}
    )*};
}

plain! {
    bool char f32 f64 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize
    &str &Path String PathBuf Box<str> Value serde_json::Map<String, Value>
}

impl<T> Plain for Vec<T> {}
impl<T> Plain for &[T] {}
impl<T: Plain> Plain for Option<T> {}

/// Causes a warning by the lint for deprecated items.
#[deprecated(
    note = "the description of this tool has more than 1,024 characters, and OpenAI refuses such a tool; move \
                     details to its arguments or its results"
)]
pub const fn long_description() {}

/// The method of all parameters. The expansion has a deprecated one for [`Plain`] types, which takes precedence because
/// it takes `self` by value.
pub trait Described: Sized {
    /// Causes no warning.
    fn has_no_description(&self) {}
}

impl<T> Described for Probe<T> {}
