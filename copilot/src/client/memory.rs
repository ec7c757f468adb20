//! A CLI inside the process, for tests and benchmarks.

use std::sync::{Mutex, PoisonError};

use crate::error::{Error, ErrorKind, Result};
use crate::transport::Transport;

/// Our end of a connection, which can be taken once.
pub(crate) struct Ends(Mutex<Option<Transport>>);

impl Ends {
    pub(crate) fn new(transport: Transport) -> Self {
        Self(Mutex::new(Some(transport)))
    }

    pub(super) fn take(&self) -> Result<Transport> {
        let end = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        end.ok_or_else(|| Error::new(ErrorKind::Transport, "a connection in memory can be made only once"))
    }
}
