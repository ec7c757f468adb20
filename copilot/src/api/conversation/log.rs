//! Lines in a session's log.

use crate::error::Result;
use crate::protocol::controls::LogParams;
use crate::session::Session;

pub use crate::protocol::controls::{LogKind, LogOptions};

impl Session {
    /// Writes a line into the session's log, where it becomes a `session.info`, `session.warning` or `session.error`
    /// event for all clients.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// use copilot::log::{LogKind, LogOptions};
    ///
    /// session.log("the index is old", LogOptions::new().level(LogKind::Warning)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.log`, a [command](crate#commands). From 1.0.10 on.
    pub async fn log(&self, message: &str, options: LogOptions) -> Result<()> {
        self.order("session.log", &LogParams { session_id: self.id(), message, options: &options }).await
    }
}
