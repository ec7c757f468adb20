//! The types that a tool may return, and their conversion to a result.

use std::borrow::Cow;
use std::sync::Arc;

use serde::Serialize;

use crate::contain;
use crate::tools::output::content::{Audio, Content, Image, Resource};
use crate::tools::output::error::{ToolError, from_foreign};
use crate::tools::output::result::ToolResult;

/// A value that the model reads as JSON: return `Json(value)` from a tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Json<T>(pub T);

/// A type that a tool may return.
#[diagnostic::on_unimplemented(
    message = "a tool cannot return `{Self}`",
    label = "for JSON, return `copilot::Json<{Self}>`: `Json(value)`",
    note = "`Json` takes any type that implements `serde::Serialize`: derive it for types of the program",
    note = "for text, return `String`: `value.to_string()`",
    note = "other results are `()`, a number, a `bool`, `Option<T>`, an `Image`, `Audio` or `Vec<Content>`, a \
            `ToolResult`, and a `Result<T, E>` of those"
)]
pub trait Outcome<M> {
    /// Converts the value to a result.
    ///
    /// # Errors
    ///
    /// Returns the error of the tool.
    fn into_result(self) -> Result<ToolResult, ToolError>;
}

/// Converts the returned value of a tool to a result.
///
/// # Errors
///
/// Returns the error of the tool.
pub fn outcome<T: Outcome<M>, M>(returned: T) -> Result<ToolResult, ToolError> {
    returned.into_result()
}

/// The marker of types without parameters.
#[derive(Debug)]
pub struct Single;
/// The marker of [`Json`].
#[derive(Debug)]
pub struct Structured;
/// The marker of `Option`.
#[derive(Debug)]
pub struct Optional<M>(M);
/// The marker of `Result`.
#[derive(Debug)]
pub struct Fallible<M, N>(M, N);

macro_rules! by_display {
    ($($type:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Outcome<Single> for $type {
            fn into_result(self) -> Result<ToolResult, ToolError> {
                Ok(ToolResult::success(self.to_string()))
            }
        }
    )*};
}

by_display! { bool char f32 f64 i8 i16 i32 i64 i128 isize u8 u16 u32 u64 u128 usize }

/// The text is not empty, because models repeat a call without a result.
#[diagnostic::do_not_recommend]
impl Outcome<Single> for () {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success("Done."))
    }
}

#[diagnostic::do_not_recommend]
impl Outcome<Single> for String {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success(self))
    }
}

#[diagnostic::do_not_recommend]
impl Outcome<Single> for &str {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success(self))
    }
}

#[diagnostic::do_not_recommend]
impl Outcome<Single> for Cow<'_, str> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success(self))
    }
}

#[diagnostic::do_not_recommend]
impl Outcome<Single> for Box<str> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success(self))
    }
}

#[diagnostic::do_not_recommend]
impl Outcome<Single> for Arc<str> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(ToolResult::success(&*self))
    }
}

#[diagnostic::do_not_recommend]
impl Outcome<Single> for ToolResult {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(self)
    }
}

macro_rules! by_content {
    ($($type:ty)*) => {$(
        #[diagnostic::do_not_recommend]
        impl Outcome<Single> for $type {
            fn into_result(self) -> Result<ToolResult, ToolError> {
                Ok(ToolResult::success("").content(self))
            }
        }
    )*};
}

by_content! { Audio Content Image Resource }

#[diagnostic::do_not_recommend]
impl Outcome<Single> for Vec<Content> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        Ok(self.into_iter().fold(ToolResult::success(""), ToolResult::content))
    }
}

#[diagnostic::do_not_recommend]
impl<T: Serialize> Outcome<Structured> for Json<T> {
    fn into_result(self) -> Result<ToolResult, ToolError> {
        let text = serde_json::to_string(&self.0);
        contain::discard(self.0);
        Ok(ToolResult::json(text?))
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

/// An error that a tool may return.
#[diagnostic::on_unimplemented(
    message = "a tool cannot fail with `{Self}`",
    label = "neither text nor an error that is `Send + Sync + 'static`",
    note = "for `Box<dyn Error>` write `Box<dyn Error + Send + Sync>`",
    note = "`String`, `&'static str` and `ToolError` are read by the model; the text of `anyhow::Error`, of \
            `Box<dyn Error + Send + Sync>` and of any `std::error::Error + Send + Sync + 'static` is hidden from it"
)]
pub trait Failure<N> {
    /// Converts the value to an error.
    fn into_error(self) -> ToolError;
}

/// The marker of foreign errors.
#[derive(Debug)]
pub struct Foreign;

#[diagnostic::do_not_recommend]
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

    fn shown<T: Outcome<M>, M>(returned: T) -> String {
        match outcome(returned) {
            Ok(result) => format!("{}: {}", result.result_type(), result.text()),
            Err(error) => format!("{error:?}"),
        }
    }

    #[test]
    fn every_form_has_a_result() {
        let number = "7".parse::<u8>();
        let text: Result<u8, String> = Err("no".into());
        let ours: Result<Json<Vec<u8>>, ToolError> = Err(ToolError::refused("never"));
        for (shown, expected) in [
            (shown(()), "success: Done."),
            (shown("text"), "success: text"),
            (shown(String::from("text")), "success: text"),
            (shown(Arc::<str>::from("text")), "success: text"),
            (shown(1.5_f32), "success: 1.5"),
            (shown(true), "success: true"),
            (shown(Some(Json([1, 2]))), "success: [1,2]"),
            (shown(None::<u8>), "success: Nothing was found."),
            (shown(ToolResult::rejected("stop")), "rejected: stop"),
            (shown(number), "success: 7"),
            (shown(text), "Tell(\"no\")"),
            (shown(ours), "Refused(\"never\")"),
            (shown("x".parse::<u8>()), "Hidden(ParseIntError { kind: InvalidDigit })"),
        ] {
            assert_eq!(shown, expected);
        }
    }
}
