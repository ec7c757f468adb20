//! The agent's plan.

use crate::error::Result;
use crate::protocol::controls::PlanUpdateParams;
use crate::session::Session;

pub use crate::protocol::controls::Plan;

/// The plan of the agent. Returned by [`Session::plan`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
/// session.plan().write("1. Read the logs.").await?;
/// println!("{:?}", session.plan().read().await?.content);
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SessionPlan<'a>(&'a Session);

impl Session {
    /// Returns the view on the agent's plan.
    pub fn plan(&self) -> SessionPlan<'_> {
        SessionPlan(self)
    }
}

impl SessionPlan<'_> {
    /// Returns the agent's plan.
    ///
    /// Wire: `session.plan.read`, a [query](crate#queries). From 0.0.423 on.
    pub async fn read(&self) -> Result<Plan> {
        self.0.ask_for("session.plan.read").await
    }

    /// Replaces the agent's plan.
    ///
    /// Wire: `session.plan.update`, a [command](crate#commands). From 0.0.423 on.
    pub async fn write(&self, content: &str) -> Result<()> {
        self.0.order("session.plan.update", &PlanUpdateParams { session_id: self.0.id(), content }).await
    }

    /// Deletes the agent's plan.
    ///
    /// Wire: `session.plan.delete`, a [command](crate#commands). From 0.0.423 on.
    pub async fn delete(&self) -> Result<()> {
        self.0.order("session.plan.delete", &self.0.params()).await
    }
}
