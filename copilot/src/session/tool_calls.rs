//! Tool calls of the CLI: from the event that requests a call to the result that answers it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use serde_json::json;
use serde_json::value::RawValue;

use super::core::in_flight::{self, Cause, Work};
use super::core::reentrancy::within_session;
use super::core::{Entry, Named, SessionCore, Topic, Unreadable, log_unsent, settled};
use super::permissions::decision::Decision;
use super::permissions::request::PermissionRequest;
use super::turn::spans::{CallWork, OwnCall};
use crate::events::{EventHead, EventName};
use crate::protocol::tools::{ToolAnswerParams, ToolErrorParams, ToolRequested};
use crate::protocol::{RequestId, ToolCallId, decode};
use crate::task;
use crate::tools::{
    CancellationToken, Invocation, Receiver, SerialPlace, Tool, ToolContext, ToolErrors, ToolResult,
};
use crate::trace::{Failure, InSpan};

/// The method that answers a call.
const METHOD: &str = "session.tools.handlePendingToolCall";

/// The handlers of tool calls.
pub(crate) const TOPIC: Topic = Topic {
    head_events: &[(EventName::ExternalToolRequested, requested)],
    state_events: &[(EventName::ExternalToolCompleted, |session, event| settled(session, event.data()))],
    unreadable: &[(EventName::ExternalToolRequested, unreadable)],
    ..Topic::NONE
};

/// The way of a result to the CLI.
pub(crate) trait ToolReply: Send + 'static {
    fn send(
        self,
        session: &SessionCore,
        result: &ToolResult,
        cancel: &CancellationToken,
    ) -> impl Future<Output = ()> + Send;
}

/// A call that the CLI has sent to all clients of the session as an event.
struct PendingCall(Arc<str>);

impl ToolReply for PendingCall {
    async fn send(self, session: &SessionCore, result: &ToolResult, cancel: &CancellationToken) {
        let Some(peer) = session.peer_unless_cancelled(cancel).await else { return };
        peer.room().await;
        let params = ToolAnswerParams { session_id: &session.id, request_id: &self.0, result };
        log_unsent(peer.request(METHOD, &params).detach(), "a tool's result");
    }
}

/// Handles `external_tool.requested`.
fn requested(session: &Arc<SessionCore>, event: &EventHead<'_>) {
    let data = event.data();
    match decode::usual_question::<ToolRequested<'_>>(data.get()) {
        Ok(call) if call.request_id.is_empty() => {
            tracing::error!(session = %session.id, "a tool call without `requestId` cannot be answered");
        }
        Ok(call) => pending(session, call, event.agent()),
        Err(error) => session.answer_unreadable(EventName::ExternalToolRequested, data, &error),
    }
}

/// Runs a tool that another CLI, or another program, has left without a result, unless it still runs.
pub(super) fn again(session: &Arc<SessionCore>, call: ToolRequested<'_>) {
    pending(session, call, None);
}

fn pending(session: &Arc<SessionCore>, call: ToolRequested<'_>, agent: Option<&str>) {
    let tools = session.tools();
    // The CLI asks every client of the session, and the tool belongs to another one.
    let Some(tool) = tools.get(&call.tool_name) else { return };
    session.watch.requested(&call.tool_call_id);
    let id: Arc<str> = call.request_id.as_ref().into();
    if call.tool_call_id.is_empty() {
        let error = &without_id(session, &call);
        let params = ToolErrorParams { session_id: &session.id, request_id: &id, error };
        return session.post_answer(METHOD, &params);
    }
    let edited = session.open_answers.take_edited(&call.tool_call_id);
    let call = ToolRequested { arguments: edited.as_deref().or(call.arguments), ..call };
    // The CLI requests the permission before the call, or should have.
    let permitted = !session.is_unpermitted(tool, &call.tool_call_id);
    run(session, Call { call, tool, agent, permitted }, Cause::Event(Arc::clone(&id)), PendingCall(id));
}

/// Returns the error of a call without an id, whose progress could not be distinguished from that of another call.
pub(crate) fn without_id(session: &SessionCore, call: &ToolRequested<'_>) -> String {
    let error = format!("the call of `{}` has no `toolCallId`, and was not run", call.tool_name);
    tracing::error!(error, session = %session.id, "a tool call is refused");
    error
}

/// A call of one of the program's tools.
pub(crate) struct Call<'a> {
    pub(crate) call: ToolRequested<'a>,
    pub(crate) tool: &'a Tool,
    /// The sub-agent that calls; `None` for the session's own agent.
    pub(crate) agent: Option<&'a str>,
    /// Whether the call needs no further decision.
    pub(crate) permitted: bool,
}

/// Runs a tool in a separate task and sends its result, unless the table of work in flight does not admit the call.
pub(crate) fn run<R: ToolReply>(session: &Arc<SessionCore>, call: Call<'_>, cause: Cause, reply: R) {
    let Call { call, tool, agent, permitted } = call;
    // Boxed, so that no other call has to make room for it.
    let undecided = (!permitted).then(|| Box::new(PermissionRequest::for_own_tool(&session.id, tool, &call)));
    let cancel = CancellationToken::default();
    // In the order of the calls. One that waits for a decision must not delay others, and enters afterwards.
    let place = if permitted { tool.enter_queue(call.arguments.map(RawValue::get)) } else { None };
    // Only a call that was requested by an event outlives the CLI.
    let request_id = match &cause {
        Cause::Event(id) => Some(RequestId::from(Arc::clone(id))),
        _ => None,
    };
    let trace = session.spans.is_on().then(|| (call.traceparent.clone(), call.tracestate.clone()));
    let invocation = Invocation {
        session_id: session.id.clone(),
        call_id: ToolCallId::from(&*call.tool_call_id),
        request_id,
        agent_id: agent.map(Into::into),
        working_directory: call.working_directory,
        traceparent: call.traceparent,
        tracestate: call.tracestate,
        arguments: call.arguments.map(ToOwned::to_owned),
        states: Arc::clone(&session.states),
        host: Arc::clone(session) as _,
        cancel: cancel.clone(),
        errors_visible: session.tool_policy.errors == ToolErrors::Visible,
        on_thread: AtomicBool::new(false),
    };
    let context = ToolContext::new(tool.clone(), invocation);
    let work = Work::Tool(tool.clone());
    let own = tool;
    let (tool, token) = (tool.clone(), cancel.clone());
    let future = |entry: Entry, mut observed: CallWork| async move {
        let refusal = match undecided {
            Some(request) => match token.run_until_cancelled(Box::pin(decide(&entry, *request))).await {
                Some(decision) => decision.refusal().map(|refusal| (refusal, Failure::Denied)),
                None => Some((cancelled(&tool), Failure::Cancelled)),
            },
            None => None,
        };
        let (result, failure) = match refusal {
            Some((refusal, failure)) => (refusal, Some(failure)),
            None => run_permitted(&entry, &tool, context, place).await,
        };
        entry.spans.called(&mut observed, &result, failure);
        match result.ticket() {
            None => reply.send(&entry, &result, &token).await,
            Some(record) if *record.request.as_str() == **entry.id() => {
                Box::pin(entry.defer(record, &token)).await;
            }
            Some(record) => {
                let other = &record.tool_call;
                tracing::error!(tool = tool.name(), %other, "a tool returned the ticket of another call");
                let text = format!("`{}` failed: it returned the ticket of another call.", tool.name());
                reply.send(&entry, &ToolResult::failure(text), &token).await;
            }
        }
    };
    let (id, arguments) = (&*call.tool_call_id, call.arguments.map(RawValue::get));
    let trace = trace.as_ref().and_then(|(parent, state)| Some((parent.as_deref()?, state.as_deref())));
    let start = |entry| {
        let observed = session.spans.call(&session.id, own, &OwnCall { id, agent, arguments, trace });
        let span = observed.span();
        // Boxed before the layers around it would move it.
        within_session(session, span, Box::pin(future(entry, observed)))
    };
    if !in_flight::run(session, cause, work, cancel, start) {
        let (call, tool) = (&*call.tool_call_id, &*call.tool_name);
        tracing::debug!(call, tool, "a tool call came twice, or after the session was closed");
    }
}

/// Returns the result of a call that was cancelled before there was a decision about it.
fn cancelled(tool: &Tool) -> ToolResult {
    ToolResult::failure(format!("`{}` was cancelled.", tool.name()))
}

/// Decides about a call that the CLI has requested no permission for.
async fn decide(session: &SessionCore, request: PermissionRequest) -> Decision {
    let call_id = request.tool_call_id();
    let call_id = call_id.as_ref().map(ToolCallId::as_str);
    let deciding = session.spans.permission(&session.id, request.kind(), call_id);
    let decision = InSpan::new(deciding.span(), session.decide_here(request)).await.decision;
    deciding.decided(&session.spans, &decision);
    decision
}

/// Runs a permitted call, if a budget admits it. Returns the result, and the reason of a failure that is not the tool's.
async fn run_permitted(
    session: &SessionCore,
    tool: &Tool,
    context: ToolContext,
    place: Option<Arc<SerialPlace>>,
) -> (ToolResult, Option<Failure>) {
    let admitted = match session.call_budgets.admit(tool) {
        Ok(admitted) => admitted,
        Err(refusal) => return (refusal, Some(Failure::OverBudget)),
    };
    // A tool answers its panics itself; this is for a panic in the code around it.
    match task::catch(tool.call(context, place)).await {
        Ok(result) => {
            let is_success = result.is_success();
            let result = result.within(session.tool_policy.max_result, tool.name(), Receiver::Cli);
            let failure = (is_success && !result.is_success()).then_some(Failure::TooLarge);
            (admitted.inform(result, tool.name()), failure)
        }
        Err(panic) => {
            tracing::error!(panic, tool = tool.name(), "a tool call failed");
            let text = format!("`{}` failed for an internal reason.", tool.name());
            (ToolResult::failure(text), Some(Failure::Internal))
        }
    }
}

/// Returns the safe answer to an `external_tool.requested` that cannot be read.
fn unreadable(session: &SessionCore, named: &Named<'_>, error: &serde_json::Error) -> Option<Unreadable> {
    let tool = named.tool();
    // A call whose tool cannot be read does not belong to another client either; one whose tool is not known may.
    if named.is_skipped && tool.is_none()
        || tool.as_deref().is_some_and(|tool| session.tools().get(tool).is_none())
    {
        return None;
    }
    let answer = json!({"result": unreadable_call(tool.as_deref(), error)});
    Some(Unreadable { handler: None, method: METHOD, answer })
}

/// Returns the result of a call that cannot be read.
pub(crate) fn unreadable_call(tool: Option<&str>, error: &serde_json::Error) -> ToolResult {
    let tool = tool.map_or_else(String::new, |tool| format!(" of `{tool}`"));
    ToolResult::failure(format!("The call{tool} cannot be read, and the tool was not run: {error}"))
}
