//! Defaults of parameters: as JSON for the schema, and written as text.

use serde::Serialize;
use serde_json::Value;

/// Converts a default to JSON for the schema, if its type implements `Serialize`.
#[derive(Debug)]
pub struct MaybeJson<'a, T>(pub &'a T);

impl<T: Serialize> MaybeJson<'_, T> {
    /// Returns the default as JSON.
    pub fn json(&self) -> Option<Value> {
        serde_json::to_value(self.0).ok()
    }
}

/// The fallback of [`MaybeJson`] for types that do not implement `Serialize`.
pub trait NoJson {
    /// Returns `None`.
    fn json(&self) -> Option<Value>;
}

impl<T> NoJson for MaybeJson<'_, T> {
    fn json(&self) -> Option<Value> {
        None
    }
}

/// The types whose default can be written as text.
#[diagnostic::on_unimplemented(
    message = "text cannot be the default of an argument of type `{Self}`",
    label = "this is text, the argument is `{Self}`",
    note = "write the default as a value of that type"
)]
pub trait FromText {
    /// Converts the text.
    fn from_text(text: &'static str) -> Self;
}

#[diagnostic::do_not_recommend]
impl<T: From<&'static str>> FromText for T {
    fn from_text(text: &'static str) -> Self {
        text.into()
    }
}

/// Converts a default that is written as text.
pub fn text<T: FromText>(text: &'static str) -> T {
    T::from_text(text)
}
