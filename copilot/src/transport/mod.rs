//! Bytes to and from the CLI: a reading half, a writing half, and the framing between them.
//!
//! Knows frames, never what is inside them.

mod beginning;
pub(crate) mod framing;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod memory;
mod tcp;

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use beginning::Beginning;
pub(crate) use tcp::connect as connect_tcp;

/// What frames are read from.
pub(crate) type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
/// What frames are written to.
pub(crate) type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// A connection to a CLI, whatever carries it: the pipes of a child, a socket, or memory.
pub(crate) struct Transport {
    pub(crate) reader: ReadHalf,
    pub(crate) writer: WriteHalf,
    /// Where the CLI listens, if it does.
    pub(crate) address: Option<String>,
}

impl Transport {
    pub(crate) fn new(
        reader: impl AsyncRead + Send + Unpin + 'static,
        writer: impl AsyncWrite + Send + Unpin + 'static,
    ) -> Self {
        Self { reader: Box::new(reader), writer: Box::new(writer), address: None }
    }
}

impl fmt::Debug for Transport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Transport")
    }
}
