//! Requests of protocol 2, in place of events: `tool.call` and `permission.request`.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::permission_words::old_words;
use crate::events::EventHead;
use crate::protocol::decode;
use crate::protocol::permissions::PermissionRequestParams;
use crate::protocol::tools::{ToolRequested, Wrapped};
use crate::random;
use crate::rpc::Responder;
use crate::session::core::in_flight::{Cause, SafeResponse};
use crate::session::core::{Named, SessionCore};
use crate::session::permissions::decide::{PermissionReply, decide};
use crate::session::permissions::decision::{self, Decided};
use crate::session::tool_calls::{Call, ToolReply, run, unreadable_call, without_id};
use crate::task::DropGuard;
use crate::tools::{CancellationToken, ToolResult, unknown_tool};

/// Handles `tool.call`.
pub(super) fn tool_call(session: &Arc<SessionCore>, params: &RawValue, responder: Responder) {
    let call = match decode::question::<ToolRequested<'_>>(params.get()) {
        Ok(call) => call,
        Err(error) => {
            tracing::error!(%error, session = %session.id, "a tool call cannot be read");
            let named = Named::read(params);
            let tool = named.as_ref().and_then(Named::tool);
            return answer(responder, &unreadable_call(tool.as_deref(), &error));
        }
    };
    let tools = session.tools();
    let Some(tool) = tools.get(&call.tool_name) else {
        return answer(responder, &unknown_tool(&call.tool_name, &tools));
    };
    if call.tool_call_id.is_empty() {
        let error = without_id(session, &call);
        return answer(responder, &ToolResult::failure(error));
    }
    // There is no request id, and the id of the call is as unique.
    let cause = Cause::Call(call.tool_call_id.as_ref().into(), SafeResponse::new(&responder, cancelled));
    // This CLI requests no permission for tools of the program.
    let permitted = tool.def().skip_permission;
    run(session, Call { call, tool, agent: None, permitted }, cause, ToolResponse(responder));
}

struct ToolResponse(Responder);

impl ToolReply for ToolResponse {
    async fn send(self, _: &SessionCore, result: &ToolResult, _: &CancellationToken) {
        answer(self.0, result);
    }
}

/// Answers a call whose tool was aborted.
fn cancelled(responder: Responder) {
    answer(responder, &ToolResult::failure("The call was cancelled: the session is closed."));
}

fn answer(responder: Responder, result: &ToolResult) {
    responder.ok(&Wrapped { result });
}

/// Handles `permission.request`.
pub(super) fn permission_request(session: &Arc<SessionCore>, params: &RawValue, responder: Responder) {
    match decode::question::<PermissionRequestParams<'_>>(params.get()) {
        Ok(asked) => {
            let cause = Cause::Call(random::id().into(), SafeResponse::new(&responder, deny));
            decide(
                session,
                asked.permission_request,
                cause,
                PermissionResponse(DropGuard::new(responder, deny)),
            );
        }
        Err(error) => session.refuse_unreadable("permission.request", params, responder, &error),
    }
}

/// The response to a permission request. One that is dropped without a decision denies, and is never an error: the
/// oldest CLIs read an unknown word as an approval.
struct PermissionResponse(DropGuard<Responder>);

impl PermissionReply for PermissionResponse {
    const SHARED: bool = false;

    async fn send(self, _: &SessionCore, decided: &Decided, _: &CancellationToken) {
        self.0.dismiss().ok(&Wrapped { result: &old_words(&decided.decision) });
    }
}

fn deny(responder: Responder) {
    responder.ok(&Wrapped { result: &old_words(&decision::SAFE) });
}

/// Denies a permission request that no session can take.
pub(super) fn refuse(method: &str, _: &RawValue, responder: Responder) -> Option<Responder> {
    if method != "permission.request" {
        return Some(responder);
    }
    tracing::error!("a permission request belongs to no session, or cannot be read; denied");
    deny(responder);
    None
}

/// Cancels running work when the agent is aborted: CLIs up to 0.0.423 send no other sign of it. Sub-agents in the
/// background may continue, as after `Decision::RejectAndStop`; newer CLIs report the end of each question.
pub(super) fn aborted(session: &Arc<SessionCore>, event: &EventHead<'_>) {
    if event.agent().is_none() {
        session.calls.cancel_own();
    }
}
