//! A connection inside the process, for tests and benchmarks.

use super::Transport;

/// Two ends of one connection; at most `capacity` bytes wait in each direction, then the writer waits.
pub(crate) fn pair(capacity: usize) -> (Transport, Transport) {
    let (near, far) = tokio::io::duplex(capacity);
    let (near_reader, near_writer) = tokio::io::split(near);
    let (far_reader, far_writer) = tokio::io::split(far);
    (Transport::new(near_reader, near_writer), Transport::new(far_reader, far_writer))
}
