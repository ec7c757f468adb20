//! Bytes to and from the CLI: a reading half, a writing half, and the frames in the bytes that are read.
//!
//! The content of frames is opaque here.

mod first_bytes;
pub(crate) mod framing;
#[cfg(any(test, feature = "testing"))]
pub(crate) mod memory;
mod tcp;

use std::fmt;

use tokio::io::{AsyncRead, AsyncWrite};

pub(crate) use first_bytes::FirstBytes;
pub(crate) use tcp::connect as connect_tcp;

/// The source of frames.
pub(crate) type ReadHalf = Box<dyn AsyncRead + Send + Unpin>;
/// The destination of frames.
pub(crate) type WriteHalf = Box<dyn AsyncWrite + Send + Unpin>;

/// A connection to a CLI: the pipes of a child, a socket, streams of the program, or memory.
pub(crate) struct Transport {
    pub(crate) reader: ReadHalf,
    pub(crate) writer: WriteHalf,
    /// The `host:port` of a CLI that listens on TCP.
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
