//! Tool calls and permission requests that wait for an answer, and the answers by their ids.

mod settle;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::RequestId;
use crate::protocol::instructions::PendingToolCallsResponse;
use crate::protocol::session::Success;
use crate::protocol::tools::ToolAnswerParams;
use crate::session::Session;
use crate::session::call::done;
use crate::session::permissions::decision::Decided;
use crate::session::permissions::request::PermissionRequest;
use crate::tools::ToolResult;

pub use crate::protocol::instructions::PendingToolCall;
pub use settle::SettleRequest;

/// A permission request that waits for a decision. Returned by [`Session::pending_permissions`].
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct PendingPermissionRequest {
    /// The id of the request, by which it is decided.
    pub request_id: RequestId,
    /// The request. Where the CLI does not have it in full, it counts as one that
    /// [leaves the sandbox](PermissionRequest::requests_sandbox_bypass).
    pub request: PermissionRequest,
}

impl Session {
    /// Returns the calls of programs' tools that wait for their results, such as after a resume with
    /// [`continue_pending_work`](crate::resume::Resume::continue_pending_work).
    ///
    /// Wire: `session.tools.listPendingRequests`, a [query](crate#queries).
    pub async fn pending_tool_calls(&self) -> Result<Vec<PendingToolCall>> {
        let answer: PendingToolCallsResponse = self.ask_for("session.tools.listPendingRequests").await?;
        Ok(answer.items)
    }

    /// Answers a call that waits for its result, by the id of its request. If a tool of this program is running for the
    /// call, it is cancelled.
    ///
    /// # Errors
    ///
    /// As every command, and when the CLI does not wait for this result: the call was answered, or the turn has ended.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// use copilot::ToolResult;
    ///
    /// for call in session.pending_tool_calls().await? {
    ///     session.answer_tool_call(&call.request_id, &ToolResult::success("approved by Ada")).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.tools.handlePendingToolCall`, a [command](crate#commands).
    pub async fn answer_tool_call(&self, request_id: &RequestId, result: &ToolResult) -> Result<()> {
        let method = "session.tools.handlePendingToolCall";
        let params = ToolAnswerParams { session_id: self.id(), request_id: request_id.as_str(), result };
        let answer: Success = self.peer().await?.request(method, &params).decoded().await?;
        if !answer.success && answer.error.is_none() {
            let message = format!(
                "the CLI does not wait for the result of tool call {request_id}: it was answered, or the turn has ended"
            );
            return Err(Error::new(ErrorKind::Session, message));
        }
        done(method, answer)
    }

    /// Returns the permission requests that wait for a decision: those that a handler has left to others with
    /// [`Decision::NoResult`](crate::Decision::NoResult), or that an earlier program has left open.
    ///
    /// Wire: `session.permissions.pendingRequests`, a [query](crate#queries), and `session.eventLog.read` where that
    /// leaves out members of a request.
    pub async fn pending_permissions(&self) -> Result<Vec<PendingPermissionRequest>> {
        self.core()
            .list_pending_permissions(&self.peer().await?)
            .await?
            .into_iter()
            .map(|asked| {
                let request = PermissionRequest::listed(self.id(), &asked.request)?;
                Ok(PendingPermissionRequest { request_id: asked.request_id.into(), request })
            })
            .collect()
    }

    /// Decides about a permission request that waits for a decision, by its id. The handler of the session is not asked.
    /// [`Decision::Default`](crate::Decision::Default) applies the permissions of the session, and
    /// [`Decision::NoResult`](crate::Decision::NoResult) leaves the request open.
    ///
    /// # Errors
    ///
    /// As every command, and when the CLI does not wait for this decision: it was made, or the turn has ended.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// use copilot::Decision;
    ///
    /// for asked in session.pending_permissions().await? {
    ///     println!("{:?}", asked.request.command());
    ///     session.decide_permission(&asked.request_id, Decision::reject("not today")).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.permissions.handlePendingPermissionRequest`, a [command](crate#commands).
    pub async fn decide_permission(
        &self,
        request_id: &RequestId,
        decision: impl Into<Decided>,
    ) -> Result<()> {
        let decided = decision.into();
        self.core().decide_pending(&self.peer().await?, request_id.as_str(), decided).await
    }
}
