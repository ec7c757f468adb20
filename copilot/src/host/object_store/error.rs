//! The errors of sessions in a store.

use std::fmt;
use std::sync::Arc;

use crate::host::session_fs::FsError;
use crate::protocol::SessionId;

/// Why a session in a store cannot be read or written.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum BucketError {
    /// Another process holds the session, and has shown that it lives.
    #[non_exhaustive]
    Held {
        /// The session.
        session: SessionId,
        /// The name of the holder.
        holder: String,
    },
    /// Another process has taken the session over since this one has opened it. Changes that were not in the
    /// store yet are lost. [`BucketFs::release`](super::BucketFs::release) forgets the session, which can
    /// then be opened again.
    #[non_exhaustive]
    Lost {
        /// The session.
        session: SessionId,
        /// The name of the holder that has taken it over, where it is known.
        holder: Option<String>,
    },
    /// The files of the session would be larger than
    /// [`BucketFs::max_session_bytes`](super::BucketFs::max_session_bytes).
    #[non_exhaustive]
    TooLarge {
        /// The size that was refused, in bytes.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// An object of the session is missing, or has another content than this version writes.
    #[non_exhaustive]
    Corrupt {
        /// The path of the object.
        path: String,
        /// The difference.
        reason: String,
    },
    /// The id cannot be the name of a folder: it has other characters than letters, digits, `_` and `-`.
    #[non_exhaustive]
    InvalidId {
        /// The id.
        session: SessionId,
    },
    /// The store failed, or did not answer.
    #[non_exhaustive]
    Store {
        /// The failure.
        source: Arc<object_store::Error>,
    },
}

impl BucketError {
    /// Whether another process holds the session.
    pub fn is_held(&self) -> bool {
        matches!(self, Self::Held { .. })
    }

    /// Whether another process has taken the session over.
    pub fn is_lost(&self) -> bool {
        matches!(self, Self::Lost { .. })
    }

    pub(super) fn corrupt(path: &object_store::path::Path, reason: &str) -> Self {
        Self::Corrupt { path: path.to_string(), reason: reason.into() }
    }

    /// A failure that the store has not reported as its own.
    pub(super) fn store_message(message: String) -> Self {
        object_store::Error::Generic { store: "object store", source: message.into() }.into()
    }
}

impl fmt::Display for BucketError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Held { session, holder } => write!(f, "session {session} is held by {holder}"),
            Self::Lost { session, holder } => {
                let holder = holder.as_deref().unwrap_or("another process");
                write!(f, "session {session} was taken over by {holder}, and this process may not write it")
            }
            Self::TooLarge { bytes, limit } => {
                write!(f, "the files of the session would have {bytes} bytes, and the limit is {limit}")
            }
            Self::Corrupt { path, reason } => write!(f, "cannot read {path} of the store: {reason}"),
            Self::InvalidId { session } => {
                write!(f, "{:?} cannot be the name of a session in a store", session.as_str())
            }
            Self::Store { source } => write!(f, "the store failed: {source}"),
        }
    }
}

impl std::error::Error for BucketError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Store { source } => Some(source),
            _ => None,
        }
    }
}

impl From<object_store::Error> for BucketError {
    fn from(error: object_store::Error) -> Self {
        Self::Store { source: Arc::new(error) }
    }
}

impl From<BucketError> for FsError {
    fn from(error: BucketError) -> Self {
        Self::new(error.to_string())
    }
}
