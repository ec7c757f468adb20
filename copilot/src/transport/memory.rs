//! A connection inside the process, for tests and benchmarks.

use tokio::io::{DuplexStream, duplex};

use super::Transport;

/// Returns the client's end of a connection, and the reader and the writer of the other side.
///
/// At most `capacity` bytes are buffered in each direction. The directions are two pipes, so that each can end
/// separately, as those of a child process do.
pub(crate) fn pair(capacity: usize) -> (Transport, DuplexStream, DuplexStream) {
    let (near_reader, far_writer) = duplex(capacity);
    let (near_writer, far_reader) = duplex(capacity);
    (Transport::new(near_reader, near_writer), far_reader, far_writer)
}
