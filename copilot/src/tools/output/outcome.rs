//! What a tool may return, and the result that the model is told of it.

use std::borrow::Cow;

use serde::Serialize;

use crate::contain;
use crate::tools::output::content::{Audio, Content, Image, Resource};
use crate::tools::output::error::{ToolError, from_foreign};
use crate::tools::output::result::ToolResult;

/// A value that the model reads as JSON: return `Json(value)` from a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json<T>(pub T);

/// What a tool may return.
#[diagnostic::on_unimplemented(
    message = "a tool cannot return `{Self}`",
    label = "the model cannot be told what this is",
    note = "return `()`, text, a number, a `bool`, `Option<T>`, `Json(value)` of anything that implements \
            `serde::Serialize`, an `Image`, `Audio` or `Vec<Content>`, a `ToolResult`, or a `Result<T, E>` of those",
    note = "`E` is any `std::error::Error + Send + Sync + 'static` or `anyhow::Error`, of which the model reads \
            nothing, or `String` or `ToolError`, which it reads"
)]
pub trait Outcome<M> {
    /// The result, or why there is none.
    ///
    /// # Errors
    ///
    /// When the tool failed.
    fn into_result(self) -> Result<ToolResult, ToolError>;
}

/// Turns what a tool returned into what is told.
///
/// # Errors
///
/// When the tool failed.
pub fn outcome<T: Outcome<M>, M>(returned: T) -> Result<ToolResult, ToolError> {
    returned.into_result()
}

/// Marks single types.
#[derive(Debug)]
pub struct Single;
/// Marks [`Json`].
#[derive(Debug)]
pub struct Structured;
/// Marks `Option`.
#[derive(Debug)]
pub struct Optional<M>(M);
/// Marks `Result`.
#[derive(Debug)]
pub struct Fallible<M, N>(M, N);

macro_rules! by_display {
    ($($type:ty)*) => {$(
        impl Outcome<Single> for $type {
            fn into_result(self) -> Result<ToolResult, ToolError> {
                Ok(ToolResult::success(self.to_string()))
            }
        }
    )*};
}

by_display! { bool char f32 f64 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }

/// The model has to read something, or it calls again.
impl Outcome<Single> for () {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success("Done."))
    }
}

impl Outcome<Single> for String {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success(self))
    }
}

impl Outcome<Single> for &str {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success(self))
    }
}

impl Outcome<Single> for Cow<'_, str> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success(self))
    }
}

impl Outcome<Single> for Box<str> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success(self))
    }
}

impl Outcome<Single> for ToolResult {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(self)
    }
}

macro_rules! by_content {
    ($($type:ty)*) => {$(
        impl Outcome<Single> for $type {
            fn into_result(self) -> Result<ToolResult, ToolError> {
                Ok(ToolResult::success("").content(self))
            }
        }
    )*};
}

by_content! { Audio Content Image Resource }

impl Outcome<Single> for Vec<Content> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(self.into_iter().fold(ToolResult::success(""), ToolResult::content))
    }
}

impl<T: Serialize> Outcome<Structured> for Json<T> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        let text = serde_json::to_string(&self.0);
        contain::discard(self.0);
        Ok(ToolResult::success(text?))
    }
}

impl<T: Outcome<M>, M> Outcome<Optional<M>> for Option<T> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        self.map_or_else(|| Ok(ToolResult::success("Nothing was found.")), Outcome::into_result)
    }
}

impl<T: Outcome<M>, E: Failure<N>, M, N> Outcome<Fallible<M, N>> for Result<T, E> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        self.map_err(Failure::into_error)?.into_result()
    }
}

/// What a tool may fail with.
#[diagnostic::on_unimplemented(
    message = "a tool cannot fail with `{Self}`",
    label = "neither an error nor text",
    note = "fail with any `std::error::Error + Send + Sync + 'static` or `anyhow::Error`, of which the model reads \
            nothing, or with `String` or `ToolError`, which it reads"
)]
pub trait Failure<N> {
    /// The error.
    fn into_error(self) -> ToolError;
}

/// Marks errors that are not ours.
#[derive(Debug)]
pub struct Foreign;

impl Failure<Single> for ToolError {
    fn into_error(self) -> ToolError {
        self
    }
}

#[diagnostic::do_not_recommend]
impl<E: Into<Box<dyn std::error::Error + Send + Sync>> + 'static> Failure<Foreign> for E {
    fn into_error(self) -> ToolError {
        from_foreign(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told<T: Outcome<M>, M>(returned: T) -> String {
        match outcome(returned) {
            Ok(result) => format!("{}: {}", result.result_type(), result.text()),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn every_form_is_told() {
        let number = "7".parse::<u8>();
        let text: Result<u8, String> = Err("no".into());
        let ours: Result<Json<Vec<u8>>, ToolError> = Err(ToolError::refused("never"));
        for (told, expected) in [
            (told(()), "success: Done."),
            (told("text"), "success: text"),
            (told(String::from("text")), "success: text"),
            (told(1.5_f32), "success: 1.5"),
            (told(true), "success: true"),
            (told(Some(Json([1, 2]))), "success: [1,2]"),
            (told(None::<u8>), "success: Nothing was found."),
            (told(ToolResult::rejected("stop")), "rejected: stop"),
            (told(number), "success: 7"),
            (told(text), "Tell(\"no\")"),
            (told(ours), "Refused(\"never\")"),
            (told("x".parse::<u8>()), "Hidden(ParseIntError { kind: InvalidDigit })"),
        ] {
            assert_eq!(told, expected);
        }
    }
}
