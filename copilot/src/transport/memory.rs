//! A connection inside the process, for tests and benchmarks.

use tokio::io::{DuplexStream, duplex};

use super::Transport;

/// Our end of a connection, and the other side's: what it reads from and what it writes to.
///
/// At most `capacity` bytes wait in each direction, then the writer waits. The directions are two pipes, so that each
/// can end by itself, as those of a child process do.
pub(crate) fn pair(capacity: usize) -> (Transport, DuplexStream, DuplexStream) {
    let (near_reader, far_writer) = duplex(capacity);
    let (near_writer, far_reader) = duplex(capacity);
    (Transport::new(near_reader, near_writer), far_reader, far_writer)
}
