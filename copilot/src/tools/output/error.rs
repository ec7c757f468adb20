//! The errors of a tool: the part that the model reads, and the part that only the log of the program contains.

use std::borrow::Cow;
use std::fmt;

use crate::contain::{self, UserValue};
use crate::tools::output::result::ToolResult;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// The error of a tool.
///
/// A foreign error converted by `?` is *hidden*: the model reads a neutral sentence with a reference, and the log of the
/// program contains the error under the same reference. [`tell`](Self::tell), and [`or_tell`](OrTell::or_tell) on the
/// failing expression, create an error whose text the model reads. [How a tool fails](crate::tool#failures) has a table
/// of all ways.
///
/// Does not implement [`std::error::Error`], so that any error converts into it.
pub struct ToolError(Box<Inner>);

/// The visibility of foreign errors for the model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ToolErrors {
    /// A neutral sentence with a reference, unless a tool has `errors = visible`.
    #[default]
    Hidden,
    /// The text of the error, unless a tool has `errors = hidden`. For development, because errors may contain secrets.
    Visible,
}

struct Inner {
    visibility: Visibility,
    source: Option<UserValue<Source>>,
}

enum Visibility {
    /// The model reads the text.
    Tell(Cow<'static, str>),
    /// The model reads the text, and that a later call may succeed.
    Retry(Cow<'static, str>),
    /// The model reads the text, as a denial.
    Refused(Cow<'static, str>),
    /// The model reads a neutral sentence.
    Hidden,
}

impl ToolError {
    /// Creates an error whose text the model reads.
    pub fn tell(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Visibility::Tell(text.into()), None)
    }

    /// Creates the error of a transient failure: the model reads the text, and that the same call may succeed later.
    pub fn retry(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Visibility::Retry(text.into()), None)
    }

    /// Creates the error of an operation that is not permitted: the model reads the text, and the call is denied.
    pub fn refused(text: impl Into<Cow<'static, str>>) -> Self {
        Self::new(Visibility::Refused(text.into()), None)
    }

    /// Creates an error that only the log of the program contains, as `?` does for a foreign error.
    pub fn hidden(source: impl Into<Source>) -> Self {
        Self::new(Visibility::Hidden, Some(source.into()))
    }

    /// Sets the cause, for the log of the program.
    #[must_use]
    pub fn because(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(UserValue::new(source.into()));
        self
    }

    /// Returns whether the model reads a neutral sentence only.
    pub fn is_hidden(&self) -> bool {
        matches!(self.0.visibility, Visibility::Hidden)
    }

    /// Creates the hidden error of a panic with this message.
    pub(crate) fn panicked(message: &str) -> Self {
        Self::hidden(Panicked(message.to_owned()))
    }

    /// Returns the message of the panic that the error was made from.
    pub(crate) fn panic(&self) -> Option<&str> {
        self.source()?.downcast_ref::<Panicked>().map(|panicked| panicked.0.as_str())
    }

    fn new(visibility: Visibility, source: Option<Source>) -> Self {
        Self(Box::new(Inner { visibility, source: source.map(UserValue::new) }))
    }

    pub(crate) fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_ref().map(|source| &***source as _)
    }

    /// Returns the source and its causes on one line.
    fn chain(&self) -> String {
        let mut text = String::new();
        let mut next = self.source();
        while let Some(error) = next {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&contain::text(error));
            next = contain::run(|| error.source()).unwrap_or_default();
        }
        text
    }

    pub(crate) fn is_retry(&self) -> bool {
        matches!(self.0.visibility, Visibility::Retry(_))
    }

    /// Returns the result of the call; `reference` names the entry in the log of the program.
    pub(crate) fn to_result(&self, tool: &str, reference: &str, visible: bool) -> ToolResult {
        match &self.0.visibility {
            Visibility::Hidden if visible => ToolResult::failure(self.chain()),
            Visibility::Tell(text) => ToolResult::failure(text.as_ref()),
            Visibility::Retry(text) => {
                ToolResult::failure(format!("{text}\nThis may pass: the same call can succeed later."))
            }
            Visibility::Refused(text) => ToolResult::denied(text.as_ref()),
            Visibility::Hidden => ToolResult::failure(format!(
                "`{tool}` failed for an internal reason. The details are in the log of the program under reference \
                 {reference}; they are not known here."
            )),
        }
    }
}

/// The panic of a tool, with its message.
struct Panicked(String);

impl std::error::Error for Panicked {}

impl fmt::Debug for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(&self.to_string(), f)
    }
}

impl fmt::Display for Panicked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "panicked: {}", self.0)
    }
}

/// The visibility and the text, and the source with its causes.
impl fmt::Debug for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (name, text) = match &self.0.visibility {
            Visibility::Tell(text) => ("Tell", Some(text)),
            Visibility::Retry(text) => ("Retry", Some(text)),
            Visibility::Refused(text) => ("Refused", Some(text)),
            Visibility::Hidden => ("Hidden", None),
        };
        let alternate = f.alternate();
        let mut tuple = f.debug_tuple(name);
        if let Some(text) = text {
            tuple.field(text);
        }
        if let Some(source) = &self.0.source {
            tuple.field(&format_args!("{}", contain::debug(&**source, alternate)));
        }
        tuple.finish()
    }
}

impl fmt::Display for ToolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.visibility {
            Visibility::Tell(text) | Visibility::Retry(text) | Visibility::Refused(text) => f.write_str(text),
            Visibility::Hidden => match &self.0.source {
                Some(source) => f.write_str(&contain::text(&**source)),
                None => f.write_str("hidden"),
            },
        }
    }
}

impl<E: Into<Source> + 'static> From<E> for ToolError {
    fn from(error: E) -> Self {
        from_foreign(error)
    }
}

/// Converts text to a visible error, and other errors to a hidden one.
pub(crate) fn from_foreign<E: Into<Source> + 'static>(error: E) -> ToolError {
    let any: &dyn std::any::Any = &error;
    if any.is::<String>() || any.is::<&'static str>() || any.is::<Cow<'static, str>>() {
        return ToolError::tell(error.into().to_string());
    }
    ToolError::hidden(error)
}

mod sealed {
    pub trait Sealed {}
    impl<T, E> Sealed for Result<T, E> {}
    impl<T> Sealed for Option<T> {}
}

/// Converts the failure of an expression to an error whose text the model reads.
pub trait OrTell<T>: sealed::Sealed {
    /// Converts a failure to an error whose text the model reads. The original error is in the log of the program.
    ///
    /// # Errors
    ///
    /// Returns an error if `self` is `Err` or `None`.
    fn or_tell(self, text: impl Into<Cow<'static, str>>) -> Result<T, ToolError>;

    /// Converts a failure to a transient one: the model reads the text, and that the same call may succeed later.
    ///
    /// # Errors
    ///
    /// Returns an error if `self` is `Err` or `None`.
    fn or_retry(self, text: impl Into<Cow<'static, str>>) -> Result<T, ToolError>;
}

impl<T, E: Into<Source>> OrTell<T> for Result<T, E> {
    fn or_tell(self, text: impl Into<Cow<'static, str>>) -> Result<T, ToolError> {
        self.map_err(|error| ToolError::tell(text).because(error))
    }

    fn or_retry(self, text: impl Into<Cow<'static, str>>) -> Result<T, ToolError> {
        self.map_err(|error| ToolError::retry(text).because(error))
    }
}

impl<T> OrTell<T> for Option<T> {
    fn or_tell(self, text: impl Into<Cow<'static, str>>) -> Result<T, ToolError> {
        self.ok_or_else(|| ToolError::tell(text))
    }

    fn or_retry(self, text: impl Into<Cow<'static, str>>) -> Result<T, ToolError> {
        self.ok_or_else(|| ToolError::retry(text))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn result_of(error: &ToolError) -> ToolResult {
        error.to_result("weather", "r1", false)
    }

    #[test]
    fn foreign_errors_are_hidden_and_text_is_visible() {
        fn fails(text: bool) -> Result<(), ToolError> {
            if text {
                Err("no such city")?;
            }
            Err(std::io::Error::other("password=hunter2"))?;
            Ok(())
        }
        assert_eq!(result_of(&fails(true).unwrap_err()), ToolResult::failure("no such city"));
        let hidden = fails(false).unwrap_err();
        assert!(hidden.is_hidden());
        assert!(format!("{hidden:?}").contains("hunter2"));
        let text = result_of(&hidden).text().to_owned();
        assert!(text.contains("r1") && !text.contains("hunter2"), "{text}");
    }

    #[test]
    fn a_source_that_cannot_be_printed_is_still_a_failure() {
        struct Unprintable;

        impl fmt::Debug for Unprintable {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                panic!("no words")
            }
        }

        impl fmt::Display for Unprintable {
            fn fmt(&self, _: &mut fmt::Formatter<'_>) -> fmt::Result {
                Err(fmt::Error)
            }
        }

        impl std::error::Error for Unprintable {
            fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
                panic!("no cause")
            }
        }

        let error = ToolError::hidden(Unprintable);
        assert_eq!(format!("{error:?}"), "Hidden(<not printable: no words>)");
        assert!(error.to_string().starts_with("<not printable: "), "{error}");
        let visible = error.to_result("weather", "r1", true);
        assert!(visible.text().starts_with("<not printable: "), "{visible:?}");
    }

    #[test]
    fn a_visible_error_keeps_its_cause_for_the_log() {
        let error =
            Err::<(), _>(std::io::Error::other("refused")).or_tell("the service is down").unwrap_err();
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("refused"));
        assert_eq!(result_of(&error), ToolResult::failure("the service is down"));
        assert_eq!(result_of(&None::<()>.or_tell("nothing").unwrap_err()), ToolResult::failure("nothing"));
        assert_eq!(result_of(&ToolError::refused("not yours")), ToolResult::denied("not yours"));
    }
}
