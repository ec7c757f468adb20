//! A CLI inside the process, for tests and benchmarks.

use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::transport::Transport;

/// Makes our end of a connection, each time that the client connects.
pub(crate) struct Ends(Mutex<Box<dyn FnMut() -> Option<Transport> + Send>>);

impl Ends {
    /// A connection that can be made once.
    pub(crate) fn once(transport: Transport) -> Self {
        let mut transport = Some(transport);
        Self::new(move || transport.take())
    }

    /// A connection that can be made as often as `connect` gives one.
    pub(crate) fn new(connect: impl FnMut() -> Option<Transport> + Send + 'static) -> Self {
        Self(Mutex::new(Box::new(connect)))
    }

    pub(super) fn take(&self) -> Result<Transport> {
        let mut connect = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        connect().ok_or_else(|| Error::new(ErrorKind::Transport, "nobody is there to connect to any more"))
    }
}
