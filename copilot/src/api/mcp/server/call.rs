//! A tool call of an MCP client.

use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use rmcp::model::{CallToolRequestParams, CallToolResponse, ErrorData};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;
use serde_json::value::{RawValue, to_raw_value};

use super::core::Core;
use super::host::CallHost;
use super::outgoing::Outgoing;
use super::questions::{Asker, Form, Open, unless_cancelled};
use super::results::converted;
use crate::contain;
use crate::task::CancellationToken;
use crate::tools::{Invocation, Receiver, Tool, ToolResult, unknown_tool};

/// The time for the last notifications of a call to leave before its result.
const LAST_NOTIFICATIONS: Duration = Duration::from_secs(5);

/// The end of a call.
enum End {
    Result(ToolResult),
    /// A question needs another round.
    Asks(Open),
}

/// Runs a tool for a call. `logs` is whether the client reads log messages.
pub(super) async fn call(
    core: &Arc<Core>,
    mut request: CallToolRequestParams,
    context: RequestContext<RoleServer>,
    logs: bool,
) -> Result<CallToolResponse, ErrorData> {
    let listed = core.listed();
    let Some(tool) = listed.tools.get(&request.name) else {
        let unknown = unknown_tool(&request.name, &listed.tools);
        return Err(ErrorData::invalid_params(unknown.text().to_owned(), None));
    };
    let cancel = CancellationToken::default();
    let outgoing = Arc::new(Outgoing::default());
    let asker = Asker::new(&mut request, &context, &cancel, &outgoing)?;
    let arguments = request.arguments.take().map(Value::Object).unwrap_or_default();
    let text = (!arguments.is_null()).then(|| to_raw_value(&arguments).expect("a JSON value is JSON"));
    if needs_approval(core, tool, &arguments) {
        let text = text.as_deref().map_or("{}", RawValue::get);
        let ask = approve(tool, text, &asker);
        let mut round = pin!(asker.needs_round());
        let decided = poll_either(&context, ask, round.as_mut()).await;
        match decided {
            Some(Ok(None)) => {}
            Some(Ok(Some(refusal))) => return Ok(converted(&refusal).into()),
            Some(Err(open)) => return asker.round(open),
            None => {
                outgoing.close();
                outgoing.send(&context.peer).await;
                return Ok(converted(&ToolResult::failure("The call was cancelled.")).into());
            }
        }
    }
    let host = Arc::new(CallHost {
        core: Arc::clone(core),
        tool: tool.name().to_owned(),
        progress: context.meta.get_progress_token(),
        reported: Mutex::new(None),
        logs,
        asker,
        outgoing,
    });
    let invocation = Invocation {
        session_id: core.id.clone(),
        call_id: context.id.to_string().into(),
        // The client waits for its call, which ends with the connection.
        request_id: None,
        agent_id: None,
        working_directory: None,
        traceparent: context.meta.get_traceparent().map(Into::into),
        tracestate: context.meta.get_tracestate().map(Into::into),
        arguments: text,
        states: Arc::clone(&core.states),
        host: Arc::clone(&host) as _,
        cancel: cancel.clone(),
        errors_visible: core.policy.errors_visible,
        on_thread: AtomicBool::new(false),
    };
    match run(tool, invocation, &host, &context, &cancel).await {
        End::Result(result) => {
            let result = result.within(core.policy.max_result, tool.name(), Receiver::Mcp);
            Ok(converted(&result).into())
        }
        End::Asks(open) => host.asker.round(open),
    }
}

/// Runs the tool, sends its notifications, and passes a cancellation by the client on.
async fn run(
    tool: &Tool,
    invocation: Invocation,
    host: &CallHost,
    context: &RequestContext<RoleServer>,
    cancel: &CancellationToken,
) -> End {
    let mut running = Some(tool.invoke_in_span(invocation));
    let mut sending = pin!(host.outgoing.send(&context.peer));
    let mut asks = pin!(host.asker.needs_round());
    let mut cancelled = pin!(context.ct.cancelled());
    let mut sent = false;
    let end = poll_fn(|cx| {
        if let Some(running) = &mut running
            && let Poll::Ready(result) = running.as_mut().poll(cx)
        {
            return Poll::Ready(End::Result(result));
        }
        if let Poll::Ready(open) = asks.as_mut().poll(cx) {
            return Poll::Ready(End::Asks(open));
        }
        if !cancel.is_cancelled() && cancelled.as_mut().poll(cx).is_ready() {
            cancel.cancel();
        }
        sent = sent || sending.as_mut().poll(cx).is_ready();
        Poll::Pending
    })
    .await;
    // A tool that asks runs again from its beginning; this run of it ends.
    drop(running);
    if matches!(end, End::Asks(_)) {
        cancel.cancel();
    }
    host.outgoing.close();
    if !sent && tokio::time::timeout(LAST_NOTIFICATIONS, sending).await.is_err() {
        tracing::debug!(
            tool = tool.name(),
            "the last notifications of a tool were not sent to the MCP client"
        );
    }
    end
}

/// Returns whether the call has to be approved. The option `needs_approval` is code of the program; if it panics, an
/// approval is needed.
fn needs_approval(core: &Core, tool: &Tool, arguments: &Value) -> bool {
    !core.policy.unattended
        && contain::run(|| tool.needs_approval(arguments)).unwrap_or_else(|panic| {
            tracing::error!(panic, tool = tool.name(), "`needs_approval` of a tool panicked");
            true
        })
}

/// Asks the user whether the call may run; returns the refusal if not.
async fn approve(tool: &Tool, arguments: &str, asker: &Asker) -> Option<ToolResult> {
    let name = tool.name();
    if matches!(asker, Asker::Unable) {
        return Some(ToolResult::denied(format!(
            "`{name}` was not run: the call needs an approval, and this client cannot ask its user for one."
        )));
    }
    match asker.ask(Form::approval(name, arguments)).await {
        Ok(Some(answer)) if answer.get("approve") == Some(&Value::Bool(true)) => None,
        Ok(_) => Some(ToolResult::denied(format!("`{name}` was not run: the user declined."))),
        Err(error) => {
            tracing::warn!(tool = name, %error, "the approval of a call could not be asked for");
            Some(ToolResult::denied(format!(
                "`{name}` was not run: the user could not be asked for an approval."
            )))
        }
    }
}

/// Waits for the decision, a question that needs another round, or the cancellation of the request.
async fn poll_either<T>(
    context: &RequestContext<RoleServer>,
    decision: impl Future<Output = T>,
    mut round: std::pin::Pin<&mut impl Future<Output = Open>>,
) -> Option<Result<T, Open>> {
    let mut decision = pin!(decision);
    let either = poll_fn(|cx| match decision.as_mut().poll(cx) {
        Poll::Ready(decided) => Poll::Ready(Ok(decided)),
        Poll::Pending => round.as_mut().poll(cx).map(Err),
    });
    unless_cancelled(context, either).await
}
