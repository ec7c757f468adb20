//! Tool calls that wait for a result.

use crate::error::Result;
use crate::protocol::instructions::PendingToolCallsResponse;
use crate::session::Session;

pub use crate::protocol::instructions::PendingToolCall;

impl Session {
    /// Returns the calls of programs' tools that wait for their results, such as after a resume with
    /// [`continue_pending_work`](crate::resume::Resume::continue_pending_work).
    ///
    /// Wire: `session.tools.listPendingRequests`, a [query](crate#queries).
    pub async fn pending_tool_calls(&self) -> Result<Vec<PendingToolCall>> {
        let answer: PendingToolCallsResponse = self.ask_for("session.tools.listPendingRequests").await?;
        Ok(answer.items)
    }
}
