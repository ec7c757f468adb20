//! The error type of the crate.
//!
//! Imports nothing of the crate: transports, sessions and tools describe their failures with the constructors here.
//! Cloning is cheap, so that every waiter of a lost connection gets the same first cause.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use serde_json::Value;

/// The result of the crate's fallible functions.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// The error of the crate's fallible functions: what failed, why, and the remedy where there is one.
///
/// `Display` writes the whole message without the [source](std::error::Error::source). [`kind`](Self::kind) and the
/// questions below it are for programs to branch on.
///
/// # Examples
///
/// ```no_run
/// use copilot::{Client, ErrorKind};
///
/// # async fn example(client: Client) -> copilot::Result<()> {
/// if let Err(error) = client.call::<_, serde_json::Value>("models.list", ()).await {
///     match error.kind() {
///         ErrorKind::Unsupported => println!("the CLI is too old: {error}"),
///         ErrorKind::Response => println!("error {:?} with data {:?}", error.code(), error.data()),
///         _ => return Err(error),
///     }
/// }
/// # Ok(()) }
/// ```
#[derive(Clone)]
pub struct Error(Arc<Inner>);

#[derive(Clone)]
struct Inner {
    kind: ErrorKind,
    message: Box<str>,
    source: Option<Source>,
    /// The JSON-RPC error of the CLI, kept by every error that is made from it.
    response: Option<Arc<ResponseError>>,
    /// The part of a result that arrived before the failure, of a type that only its maker knows.
    partial: Option<Partial>,
}

type Partial = Arc<dyn Any + Send + Sync>;

/// The parts of a JSON-RPC error besides its message.
struct ResponseError {
    code: i64,
    data: Option<Value>,
}

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The settings of a client, a session or an installer are invalid or contradict each other.
    Configuration,
    /// An argument of a call is invalid: it cannot be written as JSON, or the call is not possible there.
    InvalidInput,
    /// The tools of a session do not fit together: none is linked, two have the same name, or a schema is unusable.
    Tools,
    /// The program of the CLI was not found, could not be started, or did not exit.
    Cli,
    /// The CLI could not be downloaded or unpacked.
    Install,
    /// Bytes could not be read from the CLI or written to it, or a message exceeded the limit.
    Transport,
    /// The connection ended before the response arrived.
    Disconnected,
    /// The CLI returned a JSON-RPC error, with a [code](Error::code) and perhaps [data](Error::data).
    Response,
    /// A response or a payload of the CLI, or a result of an MCP tool, could not be decoded as the expected type.
    Decode,
    /// The running CLI does not support the operation.
    Unsupported,
    /// The CLI or the agent reported a failure of the operation.
    Session,
    /// A cassette could not be read or written, or a conversation differs from it (feature `cassette`).
    Cassette,
    /// A time limit expired.
    Timeout,
    /// The session or the client was closed before the operation finished.
    Closed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        let message = message.into().into_boxed_str();
        Self(Arc::new(Inner { kind, message, source: None, response: None, partial: None }))
    }

    pub(crate) fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let (message, source) = (message.into().into_boxed_str(), Some(Source::from(source.into())));
        Self(Arc::new(Inner { kind, message, source, response: None, partial: None }))
    }

    /// Returns the error of a value that does not have the shape of the type that it is read as.
    pub(crate) fn decode(
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        Self::with_source(ErrorKind::Decode, message, source)
    }

    /// Returns the error of a JSON-RPC error response.
    pub(crate) fn response(
        kind: ErrorKind,
        message: impl Into<String>,
        code: i64,
        data: Option<Value>,
    ) -> Self {
        let response = Some(Arc::new(ResponseError { code, data }));
        let message = message.into().into_boxed_str();
        Self(Arc::new(Inner { kind, message, source: None, response, partial: None }))
    }

    /// Returns an error of the same kind, with the same code and data, whose source is this one.
    pub(crate) fn context(self, message: impl Into<String>) -> Self {
        let response = self.0.response.clone();
        let (kind, message) = (self.kind(), message.into().into_boxed_str());
        Self(Arc::new(Inner { kind, message, source: Some(Arc::new(self)), response, partial: None }))
    }

    /// Returns the same error with the part of a result that arrived before it.
    pub(crate) fn with_partial<T: Any + Send + Sync>(&self, partial: T) -> Self {
        Self(Arc::new(Inner { partial: Some(Arc::new(partial)), ..Inner::clone(&self.0) }))
    }

    /// Returns the part of a result that arrived before the failure.
    pub(crate) fn partial<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.partial.as_ref()?.downcast_ref()
    }

    /// Returns the kind of the failure.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Returns the code of the CLI's JSON-RPC error, such as `-32603`; `None` when the failure is of another origin.
    pub fn code(&self) -> Option<i64> {
        Some(self.0.response.as_ref()?.code)
    }

    /// Returns the `data` member of the CLI's JSON-RPC error; `None` when there is none.
    pub fn data(&self) -> Option<&Value> {
        self.0.response.as_ref()?.data.as_ref()
    }

    /// Returns `true` if a time limit expired. The agent may still be working.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Returns `true` if the connection to the CLI was lost, so that a restart or a new client is needed.
    pub fn is_disconnected(&self) -> bool {
        self.kind() == ErrorKind::Disconnected
    }

    /// Returns `true` if the session or the client was closed before the operation finished.
    pub fn is_closed(&self) -> bool {
        self.kind() == ErrorKind::Closed
    }

    /// Returns `true` if repeating the operation may succeed and cannot do the work twice: only for a lost connection.
    ///
    /// A lost connection ends the turn, so a repeated message is the only one that the agent works on. Tool calls that
    /// completed before the loss are not undone. An expired time limit is not retryable, because the agent may still be
    /// working on the message; [`abort`](crate::Session::abort) stops it first.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// let reply = match session.ask("Run the tests.").await {
    ///     // The client restarts the CLI; the second call waits for it.
    ///     Err(error) if error.is_retryable() => session.ask("Run the tests.").await?,
    ///     other => other?,
    /// };
    /// # drop(reply); Ok(()) }
    /// ```
    pub fn is_retryable(&self) -> bool {
        self.is_disconnected()
    }

    /// Returns `true` if the running CLI does not support the operation.
    pub fn is_unsupported(&self) -> bool {
        self.kind() == ErrorKind::Unsupported
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Writes the kind, the message and the sources, because a `main` that returns an error prints this. `{:#?}` writes the
/// fields.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            write!(f, "{:?}: {self}", self.0.kind)?;
            let mut causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
            return causes.try_for_each(|cause| write!(f, "\n  caused by: {cause}"));
        }
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
        if let Some(response) = &self.0.response {
            debug.field("code", &response.code).field("data", &response.data);
        }
        if let Some(source) = &self.0.source {
            debug.field("source", source);
        }
        debug.finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

#[cfg(test)]
mod tests {
    use std::error::Error as _;

    use super::*;

    #[test]
    fn display_does_not_repeat_the_source() {
        let error = Error::with_source(
            ErrorKind::Transport,
            "cannot write to the CLI",
            std::io::Error::other("broken pipe"),
        );
        assert_eq!(error.to_string(), "cannot write to the CLI");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("broken pipe"));
    }

    #[test]
    fn debug_has_the_kind_the_message_and_the_sources() {
        let source = std::io::Error::other("broken pipe");
        let error = Error::with_source(ErrorKind::Transport, "cannot write:\n  two lines", source);
        assert_eq!(format!("{error:?}"), "Transport: cannot write:\n  two lines\n  caused by: broken pipe");
        assert!(format!("{error:#?}").contains("kind: Transport"));
    }

    #[test]
    fn only_a_lost_connection_is_retryable() {
        use ErrorKind as Kind;
        for (kind, retryable) in [
            (Kind::Configuration, false),
            (Kind::InvalidInput, false),
            (Kind::Tools, false),
            (Kind::Cli, false),
            (Kind::Install, false),
            (Kind::Transport, false),
            (Kind::Disconnected, true),
            (Kind::Response, false),
            (Kind::Decode, false),
            (Kind::Unsupported, false),
            (Kind::Session, false),
            (Kind::Timeout, false),
            (Kind::Closed, false),
        ] {
            let error = Error::new(kind, "failed");
            assert_eq!((error.kind(), error.is_retryable()), (kind, retryable));
            assert_eq!(error.is_timeout(), kind == Kind::Timeout);
            assert_eq!(error.is_disconnected(), kind == Kind::Disconnected);
            assert_eq!(error.is_unsupported(), kind == Kind::Unsupported);
            assert_eq!(error.is_closed(), kind == Kind::Closed);
            assert_eq!((error.code(), error.data()), (None, None));
        }
    }

    #[test]
    fn context_keeps_kind_code_and_data() {
        let data = serde_json::json!({"why": 1});
        let first = Error::response(ErrorKind::Response, "no", -32002, Some(data.clone()));
        for error in [first.clone(), first.clone().context("the token is wrong"), first.with_partial(7)] {
            assert_eq!((error.kind(), error.code()), (ErrorKind::Response, Some(-32002)));
            assert_eq!(error.data(), Some(&data));
        }
        let error = first.context("the token is wrong");
        assert_eq!(error.source().map(ToString::to_string).as_deref(), Some("no"));
        assert!(format!("{error:#?}").contains("-32002"));
    }

    #[test]
    fn an_error_stays_small() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
