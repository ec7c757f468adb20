//! The agent's plan.

use crate::error::Result;
use crate::protocol::controls::PlanUpdateParams;
use crate::session::Session;

pub use crate::protocol::controls::Plan;

impl Session {
    /// The agent's plan.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.plan.read`, to the CLI.
    pub async fn plan(&self) -> Result<Plan> {
        self.ask_for("session.plan.read").await
    }

    /// Writes the agent's plan.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.plan.update`, to the CLI.
    pub async fn set_plan(&self, content: &str) -> Result<()> {
        self.order("session.plan.update", &PlanUpdateParams { session_id: self.id(), content }).await
    }

    /// Deletes the agent's plan.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.plan.delete`, to the CLI.
    pub async fn delete_plan(&self) -> Result<()> {
        self.order("session.plan.delete", &self.params()).await
    }
}
