//! A connection over streams that the program provides, in place of a child process or a socket.

use std::sync::Mutex;

use crate::error::{Error, ErrorKind, Result};
use crate::task::lock;
use crate::transport::Transport;

/// The source of the client's end of a connection.
pub(crate) struct Streams {
    connect: Mutex<Box<dyn FnMut() -> Option<Transport> + Send>>,
    /// Whether the streams came from the program: then the CLI may run on another machine, and a lost connection cannot
    /// be restored.
    pub(super) external: bool,
}

impl Streams {
    /// Returns a source that connects once, to a CLI that may run anywhere.
    pub(super) fn external(transport: Transport) -> Self {
        let mut transport = Some(transport);
        Self { connect: Mutex::new(Box::new(move || transport.take())), external: true }
    }

    /// Returns a source that connects to a CLI in this process, as long as `connect` returns a connection.
    #[cfg(any(test, feature = "testing"))]
    pub(crate) fn in_process(connect: impl FnMut() -> Option<Transport> + Send + 'static) -> Self {
        Self { connect: Mutex::new(Box::new(connect)), external: false }
    }

    pub(super) fn connect(&self) -> Result<Transport> {
        let connected = (lock(&self.connect))();
        connected.ok_or_else(|| {
            let message =
                "the streams of the connection were used before; make a new client with new streams";
            Error::new(ErrorKind::Transport, message)
        })
    }
}
