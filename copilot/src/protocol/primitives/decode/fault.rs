//! Why a value cannot be read, and where it is.

use std::fmt;

use serde::de::{Error as _, IgnoredAny, Unexpected};

use super::Result;

/// The reason why a value cannot be read.
#[derive(Debug)]
pub(crate) struct Fault(Box<Place>);

#[derive(Debug)]
struct Place {
    /// The members around the value; empty for the outermost value.
    path: String,
    error: serde_json::Error,
    /// Whether the value can be left out of a message that reports.
    can_be_left_out: bool,
}

impl Fault {
    /// Reports a value of another type.
    pub(super) fn mismatch(found: Unexpected<'_>, expected: &str) -> Self {
        serde_json::Error::invalid_type(found, &expected).into()
    }

    pub(crate) fn custom(why: impl fmt::Display) -> Self {
        serde_json::Error::custom(why).into()
    }

    /// Reports a text that is not JSON.
    #[cold]
    pub(super) fn syntax(text: &str) -> Self {
        match serde_json::from_str::<IgnoredAny>(text) {
            Err(error) => error.into(),
            Ok(_) => Self::custom("the JSON cannot be read"),
        }
    }

    /// Notes whether the member that cannot be read can be left out.
    #[cold]
    pub(super) fn in_member(mut self, can_be_left_out: bool) -> Self {
        self.0.can_be_left_out = can_be_left_out;
        self
    }

    pub(super) fn can_be_left_out(&self) -> bool {
        self.0.can_be_left_out
    }

    /// Adds the name of the member, or the index of the element, that the value is in.
    #[cold]
    pub(super) fn within(mut self, container: &str) -> Self {
        let member = &self.0.path;
        let separator = if member.is_empty() || member.starts_with('[') { "" } else { "." };
        self.0.path = format!("{container}{separator}{member}");
        self.0.can_be_left_out = false;
        self
    }

    /// Returns the error for the caller, who knows neither the text nor a position in it.
    pub(super) fn into_error(self, text: &str) -> serde_json::Error {
        let Place { path, error, .. } = *self.0;
        if !error.is_data()
            && let Err(error) = serde_json::from_str::<IgnoredAny>(text)
        {
            // The text is not JSON, and the position is that in the whole of it.
            return error;
        }
        let message = error.to_string();
        // A position within a part of the text means nothing to a reader.
        let message = message.rsplit_once(" at line ").map_or(message.as_str(), |(message, _)| message);
        match path.as_str() {
            "" => serde_json::Error::custom(message),
            path => serde_json::Error::custom(format_args!("`{path}`: {message}")),
        }
    }
}

impl From<serde_json::Error> for Fault {
    #[cold]
    fn from(error: serde_json::Error) -> Self {
        Self(Box::new(Place { path: String::new(), error, can_be_left_out: false }))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}`: {}", self.0.path, self.0.error)
    }
}

/// Returns a member that was read, or what it is where it was not sent.
pub(crate) fn present<'de, T: super::Decode<'de>>(read: Option<T>, name: &'static str) -> Result<T> {
    match read.or_else(T::absent) {
        Some(value) => Ok(value),
        None => Err(serde_json::Error::missing_field(name).into()),
    }
}
