//! The one error type of the crate.
//!
//! Knows nothing of transports, sessions or tools: they describe their failures with the constructors here.
//! Cloning is cheap, so that every waiter of a lost connection gets the same first cause.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

/// What this crate's fallible functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Arc<dyn std::error::Error + Send + Sync>;

/// What went wrong, with the place and, where one is known, the fix.
///
/// `Display` gives the whole message without the [source](std::error::Error::source); [`kind`](Self::kind) is what
/// programs branch on.
#[derive(Clone)]
pub struct Error(Arc<Inner>);

struct Inner {
    kind: ErrorKind,
    message: Box<str>,
    source: Option<Source>,
    /// What there was before the failure, of a type that only its maker knows.
    partial: Option<Partial>,
}

type Partial = Arc<dyn Any + Send + Sync>;

/// The kinds of [`Error`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// The caller asked for something that cannot be: options that exclude each other, a bad id, a missing state.
    Config,
    /// The tools of a session do not fit together: nothing linked, duplicate names, an unusable schema.
    Tools,
    /// No Copilot CLI was found, or it could not be started.
    Cli,
    /// The Copilot CLI could not be fetched or unpacked.
    Install,
    /// Bytes could not be read from or written to the CLI.
    Transport,
    /// The connection ended while something was waiting for an answer.
    Disconnected,
    /// The CLI answered a request with an error; the JSON-RPC code is inside.
    Rpc(i64),
    /// An answer of the CLI did not have the expected shape.
    Decode,
    /// The running CLI lacks what was asked for.
    Unsupported,
    /// The session reported an error while it worked on a message.
    Session,
    /// A time limit passed.
    Timeout,
    /// The session or the client was closed before the operation finished.
    Closed,
}

impl Error {
    pub(crate) fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self(Arc::new(Inner { kind, message: message.into().into_boxed_str(), source: None, partial: None }))
    }

    pub(crate) fn with_source(
        kind: ErrorKind,
        message: impl Into<String>,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        let source = Some(Source::from(source.into()));
        Self(Arc::new(Inner { kind, message: message.into().into_boxed_str(), source, partial: None }))
    }

    /// The same error with the part of a result that there was before it.
    pub(crate) fn with_partial<T: Any + Send + Sync>(&self, partial: T) -> Self {
        let Inner { kind, message, source, .. } = &*self.0;
        let (message, source) = (message.clone(), source.clone());
        Self(Arc::new(Inner { kind: *kind, message, source, partial: Some(Arc::new(partial)) }))
    }

    /// The part of a result that there was before the failure.
    pub(crate) fn partial<T: Any + Send + Sync>(&self) -> Option<&T> {
        self.0.partial.as_ref()?.downcast_ref()
    }

    /// What kind of failure this is.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// Whether a time limit passed.
    pub fn is_timeout(&self) -> bool {
        self.kind() == ErrorKind::Timeout
    }

    /// Whether the connection to the CLI is gone, so that a new client or a restart is needed.
    pub fn is_disconnected(&self) -> bool {
        self.kind() == ErrorKind::Disconnected
    }

    /// Whether the same may well succeed if it is tried again: the connection was lost, or a time limit passed.
    ///
    /// A lost connection has ended the turn, so that the message can be sent once more. After a time limit the agent may
    /// still be at work: [`abort`](crate::Session::abort) stops it first.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// let reply = match session.ask("Run the tests.").await {
    ///     // The CLI is started again meanwhile; this waits for it.
    ///     Err(error) if error.is_disconnected() => session.ask("Run the tests.").await?,
    ///     other => other?,
    /// };
    /// # drop(reply); Ok(()) }
    /// ```
    pub fn is_retryable(&self) -> bool {
        self.is_disconnected() || self.is_timeout()
    }

    /// Whether the running CLI does not know what was asked for.
    pub fn is_unsupported(&self) -> bool {
        self.kind() == ErrorKind::Unsupported
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

/// Written for people, because a `main` that returns an error prints this: the kind, the message, and what caused it.
/// `{:#?}` gives the fields.
impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !f.alternate() {
            write!(f, "{:?}: {self}", self.0.kind)?;
            let mut causes = std::iter::successors(std::error::Error::source(self), |cause| cause.source());
            return causes.try_for_each(|cause| write!(f, "\n  caused by: {cause}"));
        }
        let mut debug = f.debug_struct("Error");
        debug.field("kind", &self.0.kind).field("message", &self.0.message);
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
    fn debug_is_what_a_main_prints() {
        let source = std::io::Error::other("broken pipe");
        let error = Error::with_source(ErrorKind::Transport, "cannot write:\n  two lines", source);
        assert_eq!(format!("{error:?}"), "Transport: cannot write:\n  two lines\n  caused by: broken pipe");
        assert!(format!("{error:#?}").contains("kind: Transport"));
    }

    #[test]
    fn an_error_stays_small() {
        assert_eq!(size_of::<Error>(), size_of::<usize>());
    }
}
