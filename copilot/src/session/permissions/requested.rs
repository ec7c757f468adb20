//! Permissions that the CLI asks for: who decides, and how the CLI learns of it.
//!
//! The reader's task only reads the question; the decision is made in a task of its own, for the handler and what a tool
//! says about its arguments are the program's. Whatever happens to that task, what was not granted is denied.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use crate::events::EventName;
use crate::protocol::agents::CustomAgent;
use crate::protocol::decode;
use crate::protocol::permissions::{
    PermissionAnswerParams, PermissionAsked, PermissionKind, PermissionRequestParams, Vocabulary,
};
use crate::protocol::tools::Wrapped;
use crate::random;
use crate::rpc::Responder;
use crate::session::core::consult::unless_cancelled;
use crate::session::core::reentrancy::answering;
use crate::session::core::running::{By, Owed, What};
use crate::session::core::safe_answers;
use crate::session::core::{Entry, Inbox, ReplyTo, log_unsent};
use crate::session::permissions::policy::{Decision, OwnTool};
use crate::session::permissions::request::PermissionRequest;
use crate::task;
use crate::tools::CancellationToken;

/// How long a client that has only joined a session leaves a decision to the others; less than an `ask` waits for the
/// next event.
const PATIENCE: Duration = Duration::from_secs(240);

impl Inbox {
    /// Protocol 3 asks by an event.
    pub(in crate::session) fn permission_requested(self: &Arc<Self>, data: &RawValue) {
        match decode::question::<PermissionAsked<'_>>(data.get()) {
            Ok(asked) if asked.resolved_by_hook.is_some_and(|resolved| resolved.get() == "true") => {}
            Ok(_) if !self.can_be_answered(EventName::PermissionRequested, data) => {}
            Ok(asked) => {
                let vocabulary =
                    if asked.prompt_request.is_some() { Vocabulary::New } else { Vocabulary::Old };
                let reply = ReplyTo::Call(asked.request_id.as_ref().into());
                self.decide(asked.permission_request, vocabulary, reply);
            }
            Err(error) => self.answer_unreadable(EventName::PermissionRequested, data, &error),
        }
    }

    /// Protocol 2 asks by a request.
    pub(in crate::session) fn permission_wanted(self: &Arc<Self>, params: &RawValue, responder: Responder) {
        let method = "permission.request";
        match decode::question::<PermissionRequestParams<'_>>(params.get()) {
            Ok(asked) => self.decide(asked.permission_request, Vocabulary::Old, ReplyTo::Request(responder)),
            Err(error) => self.refuse_unreadable(method, params, responder, &error),
        }
    }

    /// Decides what another CLI, or another program, has left undecided, unless that is being done.
    pub(in crate::session) fn decide_again(self: &Arc<Self>, request_id: &str, request: &RawValue) {
        // Every CLI that continues has the new words.
        self.decide(request, Vocabulary::New, ReplyTo::Call(request_id.into()));
    }

    fn decide(self: &Arc<Self>, raw: &RawValue, vocabulary: Vocabulary, reply: ReplyTo) {
        let (by, asker) = match reply {
            ReplyTo::Call(id) => (By::Event(Arc::clone(&id)), Asker(Some(ReplyTo::Call(id)))),
            ReplyTo::Request(responder) => {
                let by = By::Call(random::id().into(), Owed::new(&responder, deny));
                (by, Asker(Some(ReplyTo::Request(responder))))
            }
        };
        let (what, request) = match PermissionRequest::read(&self.id, raw) {
            Ok(request) => (format!("permission for {}", request.kind()), Some(request)),
            Err(error) => {
                tracing::error!(%error, session = %self.id, "a permission request cannot be read; denied");
                if self.policy.handler.is_some() {
                    self.handler_failed(
                        "on_permission",
                        format!("the question cannot be read: {error}").into(),
                    );
                }
                ("a permission".to_owned(), None)
            }
        };
        let cancel = CancellationToken::default();
        let token = cancel.clone();
        let waits = self.joins && matches!(asker.0, Some(ReplyTo::Call(_)));
        let work = |entry: Entry| async move {
            let decision = match request {
                Some(request) => {
                    if waits && !entry.owns(&request) {
                        entry.leave_to_others(&token).await;
                    }
                    entry.decide_on(request).await
                }
                None => safe_answers::PERMISSION,
            };
            entry.answer_permission(asker, &decision, vocabulary, &token).await;
        };
        let started = self.run(by, What::Question(what), cancel, |entry| answering(self, work(entry)));
        if !started {
            tracing::debug!(session = %self.id, "a permission was asked for twice, or after the session was closed");
        }
    }

    /// Whether the request is about a tool of this program.
    fn owns(&self, request: &PermissionRequest) -> bool {
        request.tool_name().is_some_and(|tool| self.tools().get(tool).is_some())
    }

    /// Gives the other clients of the session, which may have to ask a person, time for their decision.
    async fn leave_to_others(&self, cancel: &CancellationToken) {
        if unless_cancelled(cancel, tokio::time::sleep(PATIENCE)).await.is_some() {
            tracing::warn!(session = %self.id, "no client has decided about a permission; denied");
        }
    }

    /// Whether the program has approved this and its like already.
    fn is_covered(&self, request: &PermissionRequest) -> bool {
        !request.managed_approval_required()
            && !request.requests_sandbox_bypass()
            && self.guard.get().is_some_and(|guard| guard.granted.covers(request))
    }

    /// The program's decision about what the CLI has requested, which may be the request of a hook.
    async fn decide_on(&self, request: PermissionRequest) -> Decision {
        let decision = match self.behind(&request) {
            Some((behind, true)) => {
                if self.is_covered(&behind) {
                    return Decision::Approve;
                }
                let decision = self.decide_here(behind.clone()).await;
                self.note(&behind, &decision);
                // The CLI would remember it for hooks; here it is remembered for the tool.
                return decision.once();
            }
            _ if self.is_covered(&request) => Decision::Approve,
            _ => self.decide_here(request.clone()).await,
        };
        self.note(&request, &decision);
        decision
    }

    /// The program's decision, by its handler or its policy.
    pub(in crate::session) async fn decide_here(&self, request: PermissionRequest) -> Decision {
        let Some(handler) = self.policy.handler.clone() else {
            return self.by_policy(&request).await;
        };
        let asked = request.clone();
        let error = match task::catch(handler.ask(asked)).await {
            Ok(Ok(Decision::Default)) => return self.by_policy(&request).await,
            Ok(Ok(decision)) => return self.within_sandbox(&request, decision),
            Ok(Err(error)) => error,
            Err(panic) => format!("it panicked: {panic}").into(),
        };
        self.handler_failed("on_permission", error);
        safe_answers::PERMISSION
    }

    /// No decision that does not name it lets a command leave the sandbox.
    fn within_sandbox(&self, request: &PermissionRequest, decision: Decision) -> Decision {
        if !request.requests_sandbox_bypass()
            || self.policy.permissions.grants_sandbox_bypass()
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
            Ok(own) => self.policy.permissions.decide(request, own),
            Err(panic) => {
                self.handler_failed("needs_approval", format!("it panicked: {panic}").into());
                safe_answers::PERMISSION
            }
        }
    }

    fn own_tool(&self, request: &PermissionRequest) -> Option<OwnTool> {
        match request.kind() {
            PermissionKind::CustomTool => {}
            PermissionKind::BuiltinTool => return self.own_agent(request),
            _ => return None,
        }
        let tools = self.tools();
        let tool = tools.get(request.tool_name()?)?;
        let arguments = request.arguments();
        Some(OwnTool { needs_approval: tool.needs_approval(&arguments) })
    }

    /// An agent that the program has configured is the program's own, and its calls are decided one by one.
    fn own_agent(&self, request: &PermissionRequest) -> Option<OwnTool> {
        let arguments = request.arguments();
        let agent = arguments.get("agent_type").filter(|_| request.tool_name() == Some("task"))?.as_str()?;
        let opening = self.opening();
        let agents = opening.members.get::<Vec<CustomAgent>>("customAgents");
        let own = agents.into_iter().flatten().any(|own| own.name == agent);
        own.then_some(OwnTool { needs_approval: false })
    }

    async fn answer_permission(
        &self,
        mut asker: Asker,
        decision: &Decision,
        vocabulary: Vocabulary,
        cancel: &CancellationToken,
    ) {
        match asker.0.take() {
            Some(ReplyTo::Request(responder)) => {
                responder.ok(&Wrapped { result: &decision.to_wire(vocabulary) });
            }
            Some(ReplyTo::Call(id)) if *decision != Decision::NoResult => {
                let Some(peer) = self.asker(cancel).await else { return };
                let result = &decision.to_wire(vocabulary);
                let params = PermissionAnswerParams { session_id: &self.id, request_id: &id, result };
                let sent =
                    peer.request("session.permissions.handlePendingPermissionRequest", &params).detach();
                log_unsent(sent, "a permission decision");
            }
            Some(ReplyTo::Call(_)) | None => {}
        }
    }
}

/// Who waits for the decision. A request that is given up without one is denied, and never by an error: the oldest
/// CLIs take what they do not know for a yes.
struct Asker(Option<ReplyTo>);

impl Drop for Asker {
    fn drop(&mut self) {
        if let Some(ReplyTo::Request(responder)) = self.0.take() {
            deny(responder);
        }
    }
}

fn deny(responder: Responder) {
    responder.ok(&Wrapped { result: &safe_answers::PERMISSION.to_wire(Vocabulary::Old) });
}
