//! Usage of a session so far.

use crate::error::Result;
use crate::session::Session;

pub use crate::protocol::ai_units::AiUnits;
pub use crate::protocol::controls::{
    CodeChanges, ModelMetrics, RequestMetrics, TokenCount, TokenMetrics, UsageMetrics,
};

impl Session {
    /// What the session has cost so far.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.usage.getMetrics`, to the CLI.
    pub async fn usage(&self) -> Result<UsageMetrics> {
        self.ask_for("session.usage.getMetrics").await
    }
}
