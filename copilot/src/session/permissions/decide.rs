//! Permission requests of the CLI: the decision, and its way back.
//!
//! The reader task only reads the request. The decision is made in a separate task, because the handler and what a tool
//! says about its arguments are the program's. Whatever happens to that task, a request without a decision is denied.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;
use serde_json::value::RawValue;

use super::decision::{self, Decided, Decision, Words};
use super::policy::OwnTool;
use super::request::PermissionRequest;
use super::state::PermissionState;
use crate::events::{AnswerDeferred, Event, EventName};
use crate::protocol::decode;
use crate::protocol::permissions::{PermissionAnswerParams, PermissionAsked, PermissionKind};
use crate::session::core::in_flight::{self, Cause, Work};
use crate::session::core::open_answers::OpenAnswer;
use crate::session::core::reentrancy::within_session;
use crate::session::core::{Entry, Named, SessionCore, Unreadable, log_unsent};
use crate::session::turn::spans::Deciding;
use crate::task::{self, lock};
use crate::tools::CancellationToken;

/// The method that answers a request.
pub(super) const METHOD: &str = "session.permissions.handlePendingPermissionRequest";

/// How long a client that has only joined a session leaves a decision to the others; less than an `ask` waits for the
/// next event.
const PATIENCE: Duration = Duration::from_secs(240);

/// The way of a decision to the CLI.
pub(crate) trait PermissionReply: Send + 'static {
    /// Whether other clients of the session have got the request too.
    const SHARED: bool;

    fn send(
        self,
        session: &SessionCore,
        decided: &Decided,
        cancel: &CancellationToken,
    ) -> impl Future<Output = ()> + Send;
}

/// A request that the CLI has sent to all clients of the session as an event.
struct PendingRequest {
    id: Arc<str>,
    words: Words,
}

impl PermissionReply for PendingRequest {
    const SHARED: bool = true;

    async fn send(self, session: &SessionCore, decided: &Decided, cancel: &CancellationToken) {
        let Decided { decision, context } = decided;
        let Some(peer) = session.peer_unless_cancelled(cancel).await else { return };
        let result = &(self.words)(decision);
        let (request_id, decision_context) = (&*self.id, context.as_ref());
        let params = PermissionAnswerParams { session_id: &session.id, request_id, result, decision_context };
        log_unsent(peer.request(METHOD, &params).detach(), "a permission decision");
    }
}

/// Handles `permission.requested`.
pub(super) fn requested(session: &Arc<SessionCore>, data: &RawValue) {
    match decode::question::<PermissionAsked<'_>>(data.get()) {
        Ok(asked) if asked.resolved_by_hook.is_some_and(|resolved| resolved.get() == "true") => {}
        Ok(_) if !session.can_be_answered(EventName::PermissionRequested, data) => {}
        Ok(asked) => {
            let words = (session.permissions().words)(asked.prompt_request.is_some());
            pending(session, &asked.request_id, asked.permission_request, words);
        }
        Err(error) => session.answer_unreadable(EventName::PermissionRequested, data, &error),
    }
}

/// Returns the safe answer to a `permission.requested` that cannot be read.
pub(super) fn unreadable(
    session: &SessionCore,
    named: &Named<'_>,
    _: &serde_json::Error,
) -> Option<Unreadable> {
    // In a session of other clients these decide about a request that was skipped.
    if named.is_skipped && session.permissions().joins
        || named.resolved_by_hook.is_some_and(|resolved| resolved.get() == "true")
    {
        return None;
    }
    let words = (session.permissions().words)(named.prompt_request.is_some());
    let answer = json!({"result": words(&decision::SAFE)});
    Some(Unreadable { handler: session.permission_handler(), method: METHOD, answer })
}

/// Decides about a request that another CLI, or another program, has left without a decision.
pub(in crate::session) fn again(session: &Arc<SessionCore>, request_id: &str, request: &RawValue) {
    pending(session, request_id, request, Decision::to_wire);
}

fn pending(session: &Arc<SessionCore>, id: &str, request: &RawValue, words: Words) {
    let id: Arc<str> = id.into();
    decide(session, request, Cause::Event(Arc::clone(&id)), PendingRequest { id, words });
}

/// Decides about a request in a separate task and sends the decision, unless the table of work in flight does not admit
/// it.
pub(crate) fn decide<R: PermissionReply>(session: &Arc<SessionCore>, raw: &RawValue, cause: Cause, reply: R) {
    let mut call = None;
    let (description, request) = match PermissionRequest::read(&session.id, raw) {
        Ok(request) => {
            call = session.deciding(request.tool_name(), request.details.tool_call_id.as_deref());
            (format!("permission for {}", request.kind()), Some(request))
        }
        Err(error) => {
            tracing::error!(%error, session = %session.id, "a permission request cannot be read; denied");
            if let Some(handler) = session.permission_handler() {
                session.handler_failed(handler, format!("the request cannot be read: {error}").into());
            }
            ("a permission".to_owned(), None)
        }
    };
    let cancel = CancellationToken::default();
    let token = cancel.clone();
    let waits = R::SHARED && session.permissions().joins;
    let deciding = match &request {
        Some(request) => {
            let call_id = request.details.tool_call_id.as_deref();
            session.spans.permission(&session.id, request.kind(), call_id)
        }
        None => Deciding::default(),
    };
    let span = deciding.span();
    let work = |entry: Entry| async move {
        let decided = match request {
            Some(request) => {
                if waits && !entry.owns(&request) {
                    entry.leave_to_others(&token).await;
                }
                // Settled elsewhere, aborted or lost: a decision would come too late, and must not be remembered. A reply
                // that has to be given is given when it is dropped.
                let Some(decided) = token.run_until_cancelled(entry.decide_on(&request)).await else {
                    return;
                };
                if R::SHARED && decided.decision == Decision::Later {
                    deciding.decided(&entry.spans, &decided.decision);
                    return Box::pin(entry.leave_open(entry.id(), &request, &token)).await;
                }
                decided
            }
            None => decision::SAFE.into(),
        };
        deciding.decided(&entry.spans, &decided.decision);
        reply.send(&entry, &decided, &token).await;
        if let Some(call) = call.filter(|_| decided.decision != Decision::Later) {
            entry.decided(call, decided.decision.refusal().is_none());
        }
    };
    let started = in_flight::run(session, cause, Work::Request(description), cancel, |entry| {
        within_session(session, span, Box::pin(work(entry)))
    });
    if !started {
        tracing::debug!(session = %session.id, "a permission request came twice, or after the session was closed");
    }
}

impl SessionCore {
    /// The setter of the program's handler, where it is set.
    pub(crate) fn permission_handler(&self) -> Option<&'static str> {
        self.permissions().settings.handler.as_ref().map(|_| "on_permission")
    }

    /// Whether the request is about a tool of this program.
    fn owns(&self, request: &PermissionRequest) -> bool {
        request.tool_name().is_some_and(|tool| self.tools().get(tool).is_some())
    }

    /// Gives the other clients of the session, which may have to ask a person, time for their decision.
    async fn leave_to_others(&self, cancel: &CancellationToken) {
        if cancel.run_until_cancelled(tokio::time::sleep(PATIENCE)).await.is_some() {
            tracing::warn!(session = %self.id, "no client has decided about a permission; denied");
        }
    }

    /// Whether the program has approved this and its like already.
    fn is_covered(&self, request: &PermissionRequest) -> bool {
        !request.managed_approval_required()
            && !request.requests_sandbox_bypass()
            && self.permissions().existing_memory().is_some_and(|memory| memory.granted.covers(request))
    }

    /// The program's decision about what the CLI has requested, which may be the request of a hook.
    async fn decide_on(&self, request: &PermissionRequest) -> Decided {
        let Decided { decision, context } = match self.behind(request) {
            Some((behind, true)) if self.is_covered(&behind) => return Decision::Approve.into(),
            Some((behind, true)) => self.decide_here(behind).await,
            _ if self.is_covered(request) => Decision::Approve.into(),
            _ => self.decide_here(request.clone()).await,
        };
        Decided { decision: self.remembered(request, decision), context }
    }

    /// Leaves a request open for a later decision, persists it, and reports it.
    async fn leave_open(&self, id: &str, request: &PermissionRequest, cancel: &CancellationToken) {
        let tool_call_id = request.tool_call_id();
        self.open_answers.insert(id, OpenAnswer::Permission(tool_call_id.clone()));
        if let Some(peer) = self.peer_unless_cancelled(cancel).await
            && let Err(error) = self.save_events(&peer).await
        {
            tracing::debug!(%error, session = %self.id, "an open permission request was not persisted");
        }
        if cancel.is_cancelled() {
            self.open_answers.remove(id);
            return;
        }
        self.subscribers.publish(&Event::answer_deferred(AnswerDeferred {
            request_id: id.into(),
            tool_call_id,
            tool_name: request.tool_name().map(str::to_owned),
            is_permission: true,
        }));
    }

    /// Remembers what a decision about a request permits, and returns the decision for the CLI.
    pub(super) fn remembered(&self, request: &PermissionRequest, decision: Decision) -> Decision {
        let Some((behind, true)) = self.behind(request) else {
            self.note(request, &decision);
            return decision;
        };
        self.note(&behind, &decision);
        // The CLI would remember it for hooks; here it is remembered for the tool.
        decision.once()
    }

    /// The program's decision, by its handler or its policy.
    pub(in crate::session) async fn decide_here(&self, request: PermissionRequest) -> Decided {
        let Some(handler) = self.permissions().settings.handler.clone() else {
            return self.by_policy(&request).await.into();
        };
        let asked = request.clone();
        let error = match task::catch(handler.ask(asked)).await {
            Ok(Ok(Decided { decision: Decision::Default, .. })) => {
                return self.by_policy(&request).await.into();
            }
            Ok(Ok(Decided { decision, context })) => {
                return Decided { decision: self.within_sandbox(&request, decision), context };
            }
            Ok(Err(error)) => error,
            Err(panic) => format!("it panicked: {panic}").into(),
        };
        self.handler_failed("on_permission", error);
        decision::SAFE.into()
    }

    /// No decision that does not name it lets a command leave the sandbox.
    pub(super) fn within_sandbox(&self, request: &PermissionRequest, decision: Decision) -> Decision {
        if !request.requests_sandbox_bypass()
            || self.permissions().settings.policy.grants_sandbox_bypass()
            || matches!(decision, Decision::ApproveSandboxBypass)
            || decision.refusal().is_some()
        {
            return decision;
        }
        tracing::warn!(session = %self.id, "`Decision::ApproveSandboxBypass` alone grants leaving the sandbox; denied");
        Decision::Unavailable
    }

    /// The decision of the session's permissions. A hook that requires a confirmation grants nothing: its tool has to
    /// be granted as well.
    pub(in crate::session) async fn by_policy(&self, request: &PermissionRequest) -> Decision {
        let decision = self.decide_by_policy(request).await;
        match self.behind(request) {
            Some((behind, _)) if decision == Decision::Approve => self.decide_by_policy(&behind).await,
            _ => decision,
        }
    }

    async fn decide_by_policy(&self, request: &PermissionRequest) -> Decision {
        match task::catch(async { self.own_tool(request) }).await {
            Ok(own) => {
                let decision = self.permissions().settings.policy.decide(request, own);
                if own.is_some_and(|tool| tool.needs_approval) && decision.refusal().is_some() {
                    self.warn_without_rule(request);
                }
                decision
            }
            Err(panic) => {
                self.handler_failed("needs_approval", format!("it panicked: {panic}").into());
                decision::SAFE
            }
        }
    }

    /// Logs the first denial of each tool that only a missing handler or rule has caused.
    fn warn_without_rule(&self, request: &PermissionRequest) {
        let PermissionState { settings, .. } = self.permissions();
        let Some(tool) = request.tool_name() else { return };
        if settings.handler.is_some()
            || settings.policy.rules_on(request.kind())
            || request.managed_approval_required()
        {
            return;
        }
        let is_first = {
            let mut denied = lock(&self.permissions().memory().denied);
            let is_first = !denied.iter().any(|other| other == tool);
            if is_first {
                denied.push(tool.to_owned());
            }
            is_first
        };
        // A subscriber of the program may run here: not under the lock.
        if is_first {
            tracing::warn!(
                session = %self.id,
                "`{tool}` needs a permission, and this session has neither `on_permission` nor a rule for it; denied"
            );
        }
    }

    fn own_tool(&self, request: &PermissionRequest) -> Option<OwnTool> {
        match request.kind() {
            PermissionKind::CustomTool => {}
            PermissionKind::BuiltinTool => return self.own_configuration(request),
            _ => return None,
        }
        let tools = self.tools();
        let tool = tools.get(request.tool_name()?)?;
        let arguments = request.arguments();
        Some(OwnTool { needs_approval: tool.needs_approval(&arguments) })
    }

    /// A call of a built-in tool that runs what the program has configured is the program's own, as one of an agent,
    /// whose calls are decided one by one.
    fn own_configuration(&self, request: &PermissionRequest) -> Option<OwnTool> {
        let owns = self.topics.owns_call(&self.opening().members, request.tool_name()?, &request.arguments());
        owns.then_some(OwnTool { needs_approval: false })
    }
}
