//! The inbox of a session: tool calls and permission requests that wait for an answer, and the answers.

mod settle;

use serde_json::Value;

use crate::deferred::{Settlement, Ticket};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::instructions::{PendingToolCall, PendingToolCallsResponse};
use crate::protocol::permissions::PermissionKind;
use crate::protocol::session::Success;
use crate::protocol::tools::ToolAnswerParams;
use crate::protocol::{RequestId, ToolCallId};
use crate::session::answers::done;
use crate::session::permissions::decision::Decided;
use crate::session::permissions::request::PermissionRequest;
use crate::session::{Decision, Session};
use crate::tools::ToolResult;

pub use settle::SettleRequest;

/// The requests that a session waits for. Returned by [`Session::pending`].
#[derive(Clone, Debug)]
pub struct Pending {
    tool_calls: Vec<PendingCall>,
    permissions: Vec<PendingPermission>,
}

/// A call of a program's tool that waits for its result.
#[derive(Clone, Debug)]
pub struct PendingCall {
    session: Session,
    call: PendingToolCall,
    ticket: Option<Ticket<Value>>,
}

/// A permission request that waits for a decision.
#[derive(Clone, Debug)]
pub struct PendingPermission {
    session: Session,
    request_id: RequestId,
    request: PermissionRequest,
}

impl Session {
    /// Returns the inbox of the session: the calls of programs' tools that wait for their results, and the permission
    /// requests that wait for a decision, those of an earlier program included after a resume with
    /// [`continue_pending_work`](crate::resume::Resume::continue_pending_work).
    ///
    /// A program that only shows the inbox resumes the session with a handler that leaves the requests open, and with
    /// tools that are only [declared](crate::DynTool::declare), so that it can approve their calls.
    ///
    /// # Errors
    ///
    /// As every query; [unsupported](crate::Error::is_unsupported) on CLIs that do not list both.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: copilot::Client) -> copilot::Result<()> {
    /// use copilot::Decision;
    /// use copilot::resume::Resume;
    ///
    /// let session = client
    ///     .resume("GH-42")
    ///     .resume_options(Resume::new().continue_pending_work(true))
    ///     .on_permission(async |_| Decision::Later)
    ///     .start()
    ///     .await?;
    /// for asked in session.pending().await?.permissions() {
    ///     println!("{:?} {}", asked.request().tool_name(), asked.request().arguments());
    ///     asked.deny("not today").await?;
    /// }
    /// # session.close().await
    /// # }
    /// ```
    ///
    /// Wire: `session.tools.listPendingRequests`, a [query](crate#queries), `session.permissions.pendingRequests`,
    /// `session.metadata.getClientMetadata`, and `session.eventLog.read` where the list leaves out members of a request.
    pub async fn pending(&self) -> Result<Pending> {
        let answer: PendingToolCallsResponse = self.ask_for("session.tools.listPendingRequests").await?;
        let peer = self.peer().await?;
        let mut tickets =
            if answer.items.is_empty() { Default::default() } else { self.core().tickets(&peer).await? };
        let tool_calls = answer.items.into_iter().map(|call| {
            let ticket = tickets.remove(call.request_id.as_str()).map(Ticket::new);
            PendingCall { session: self.clone(), call, ticket }
        });
        let tool_calls = tool_calls.collect();
        let permissions = self.core().list_pending_permissions(&peer).await?.into_iter().map(|asked| {
            let request = PermissionRequest::listed(self.id(), &asked.request)?;
            Ok(PendingPermission { session: self.clone(), request_id: asked.request_id.into(), request })
        });
        let permissions = permissions.collect::<Result<_>>()?;
        Ok(Pending { tool_calls, permissions })
    }
}

impl Pending {
    /// Returns the calls that wait for their results.
    pub fn tool_calls(&self) -> &[PendingCall] {
        &self.tool_calls
    }

    /// Returns the permission requests that wait for a decision.
    pub fn permissions(&self) -> &[PendingPermission] {
        &self.permissions
    }

    /// Returns the call with this request; `None` when the session does not wait for it any more.
    pub fn tool_call(&self, request_id: &RequestId) -> Option<&PendingCall> {
        self.tool_calls.iter().find(|call| call.request_id() == request_id)
    }

    /// Returns the permission request with this id; `None` when the session does not wait for it any more.
    pub fn permission(&self, request_id: &RequestId) -> Option<&PendingPermission> {
        self.permissions.iter().find(|asked| asked.request_id == *request_id)
    }

    /// Returns whether the session waits for nothing.
    pub fn is_empty(&self) -> bool {
        self.tool_calls.is_empty() && self.permissions.is_empty()
    }
}

impl PendingCall {
    /// Returns the id of the request, which stays the same when the session is resumed.
    pub fn request_id(&self) -> &RequestId {
        &self.call.request_id
    }

    /// Returns the id of the call, as the model made it.
    pub fn call_id(&self) -> &ToolCallId {
        &self.call.tool_call_id
    }

    /// Returns the name of the tool.
    pub fn tool(&self) -> &str {
        &self.call.tool_name
    }

    /// Returns the arguments of the call, as the model wrote them.
    pub fn arguments(&self) -> &Value {
        &self.call.arguments
    }

    /// Returns the ticket of a [deferred](crate::deferred) call; `None` for one whose tool runs, or runs again in the next
    /// program that has the tool.
    pub fn ticket(&self) -> Option<&Ticket<Value>> {
        self.ticket.as_ref()
    }

    /// Settles a deferred call as [`Session::settle`] does.
    ///
    /// # Errors
    ///
    /// As [`Session::settle`], and of kind [`InvalidInput`](crate::ErrorKind::InvalidInput) for a call that is not
    /// deferred; [`answer`](Self::answer) answers that.
    ///
    /// Wire: `session.tools.handlePendingToolCall`, a [command](crate#commands).
    pub async fn settle(&self, value: impl Settlement<Value>) -> Result<()> {
        let Some(ticket) = &self.ticket else {
            let message = format!("the call {} of `{}` is not deferred", self.call_id(), self.tool());
            return Err(Error::new(ErrorKind::InvalidInput, message));
        };
        self.session.settle(ticket, value).await
    }

    /// Answers the call with a result, whatever its type is. If a tool of this program is running for the call, it is
    /// cancelled.
    ///
    /// # Errors
    ///
    /// As every command, and when the CLI does not wait for this result: the call was answered, or the turn has ended.
    ///
    /// Wire: `session.tools.handlePendingToolCall`, a [command](crate#commands).
    pub async fn answer(&self, result: &ToolResult) -> Result<()> {
        if let Some(ticket) = &self.ticket {
            return self.session.settle_with(ticket.record(), result).await;
        }
        let method = "session.tools.handlePendingToolCall";
        let request_id = self.request_id();
        let params =
            ToolAnswerParams { session_id: self.session.id(), request_id: request_id.as_str(), result };
        let answer: Success = self.session.peer().await?.request(method, &params).decoded().await?;
        if !answer.success && answer.error.is_none() {
            let message = format!(
                "the CLI does not wait for the result of tool call {request_id}: it was answered, or the turn has ended"
            );
            return Err(Error::new(ErrorKind::Session, message));
        }
        done(method, answer)
    }

    /// Answers the call as one that is not permitted; the model reads the reason.
    ///
    /// # Errors
    ///
    /// As [`answer`](Self::answer).
    ///
    /// Wire: `session.tools.handlePendingToolCall`, a [command](crate#commands).
    pub async fn deny(&self, reason: impl Into<String>) -> Result<()> {
        self.answer(&ToolResult::denied(reason)).await
    }
}

impl PendingPermission {
    /// Returns the id of the request, which stays the same when the session is resumed.
    pub fn request_id(&self) -> &RequestId {
        &self.request_id
    }

    /// Returns the request. Where the CLI does not have it in full, it counts as one that
    /// [leaves the sandbox](PermissionRequest::requests_sandbox_bypass).
    pub fn request(&self) -> &PermissionRequest {
        &self.request
    }

    /// Approves the request, this once.
    ///
    /// # Errors
    ///
    /// As [`decide`](Self::decide), and of kind [`InvalidInput`](crate::ErrorKind::InvalidInput) for a request that leaves
    /// the sandbox: [`Decision::ApproveSandboxBypass`] approves that.
    ///
    /// Wire: `session.permissions.handlePendingPermissionRequest`, a [command](crate#commands).
    pub async fn approve(&self) -> Result<()> {
        if self.request.requests_sandbox_bypass() {
            let id = &self.request_id;
            let message = format!(
                "permission request {id} leaves the sandbox; approve that with \
                 `decide(Decision::ApproveSandboxBypass)`"
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        self.decide(Decision::Approve).await
    }

    /// Approves a call of a tool of this session, this once and with other arguments. The model is not asked, and its
    /// call keeps the original arguments in the history.
    ///
    /// # Errors
    ///
    /// As [`decide`](Self::decide), and of kind [`InvalidInput`](crate::ErrorKind::InvalidInput) when the arguments do not
    /// fit the tool, or the tool is not one of this session: the CLI runs its own tools with the arguments of the model.
    ///
    /// Wire: `session.permissions.handlePendingPermissionRequest`, a [command](crate#commands), and
    /// `session.metadata.updateClientMetadata`.
    pub async fn approve_with(&self, arguments: impl Into<Value>) -> Result<()> {
        self.send(Decision::Approve.into(), Some(arguments.into())).await
    }

    /// Denies the request; the agent reads the reason and continues.
    ///
    /// # Errors
    ///
    /// As [`decide`](Self::decide).
    ///
    /// Wire: `session.permissions.handlePendingPermissionRequest`, a [command](crate#commands).
    pub async fn deny(&self, reason: impl Into<String>) -> Result<()> {
        self.decide(Decision::reject(reason)).await
    }

    /// Decides about the request. The handler of the session is not asked.
    /// [`Decision::Default`] applies the permissions of the session, and [`Decision::Later`] leaves the request open.
    ///
    /// # Errors
    ///
    /// As every command, and when the CLI does not wait for this decision: it was made, or the turn has ended. An approval
    /// of a program's tool is of kind [`InvalidInput`](crate::ErrorKind::InvalidInput) when neither this session nor
    /// another client has the tool; a session that only shows the inbox
    /// [declares](crate::DynTool::declare) it.
    ///
    /// Wire: `session.permissions.handlePendingPermissionRequest`, a [command](crate#commands).
    pub async fn decide(&self, decision: impl Into<Decided>) -> Result<()> {
        let decided = decision.into();
        if decided.decision.refusal().is_none() {
            self.check_tool()?;
        }
        self.send(decided, None).await
    }

    /// Refuses the approval of a call whose tool no client has: the CLI would give up the call.
    fn check_tool(&self) -> Result<()> {
        let tool = self.request.tool_name().filter(|_| *self.request.kind() == PermissionKind::CustomTool);
        let Some(tool) = tool.filter(|_| !self.session.shares_cli()) else { return Ok(()) };
        if self.session.core().tools().iter().any(|own| own.name() == tool) {
            return Ok(());
        }
        let message = format!(
            "the session does not have the tool `{tool}`, so the CLI would give up an approved call of it; resume the \
             session with the tool, or with a `DynTool` that is declared only, so that a later program runs the call"
        );
        Err(Error::new(ErrorKind::InvalidInput, message))
    }

    async fn send(&self, decided: Decided, edited: Option<Value>) -> Result<()> {
        let (core, peer) = (self.session.core(), self.session.peer().await?);
        core.decide_pending(&peer, self.request_id.as_str(), decided, edited.as_ref()).await
    }
}
