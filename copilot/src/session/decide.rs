//! Permissions that the CLI asks for: who decides, and how the CLI learns of it.
//!
//! The reader's task only reads the question; the decision is made in a task of its own, for the handler and what a tool
//! says about its arguments are the program's. Whatever happens to that task, what was not granted is denied.

use std::sync::Arc;

use serde_json::value::RawValue;

use super::answering::answering;
use super::calls::{By, What};
use super::inbox::{Inbox, ReplyTo, log_unsent};
use super::permission_request::PermissionRequest;
use super::permissions::{Decision, OwnTool};
use crate::protocol::permissions::{
    PermissionAnswerParams, PermissionAsked, PermissionKind, PermissionRequestParams, Vocabulary,
};
use crate::protocol::tools::Wrapped;
use crate::random;
use crate::rpc::{INVALID_PARAMS, Responder};
use crate::task;
use crate::tools::Cancellation;

impl Inbox {
    /// Protocol 3 asks by an event.
    pub(super) fn permission_requested(self: &Arc<Self>, data: &RawValue) {
        match serde_json::from_str::<PermissionAsked<'_>>(data.get()) {
            Ok(asked) if asked.resolved_by_hook.is_some_and(|resolved| resolved.get() == "true") => {}
            Ok(asked) => {
                let vocabulary =
                    if asked.prompt_request.is_some() { Vocabulary::New } else { Vocabulary::Old };
                let reply = ReplyTo::Call(asked.request_id.as_ref().into());
                self.decide(asked.permission_request, vocabulary, reply);
            }
            Err(error) => tracing::error!(%error, session = %self.id, "a permission request cannot be read"),
        }
    }

    /// Protocol 2 asks by a request.
    pub(super) fn permission_wanted(self: &Arc<Self>, params: &RawValue, responder: Responder) {
        let method = "permission.request";
        match serde_json::from_str::<PermissionRequestParams<'_>>(params.get()) {
            Ok(asked) => self.decide(asked.permission_request, Vocabulary::Old, ReplyTo::Request(responder)),
            Err(error) => {
                Self::refuse(method, params, responder, INVALID_PARAMS, &format!("{method}: {error}"));
            }
        }
    }

    /// Decides what another CLI, or another program, has left undecided, unless that is being done.
    pub(super) fn decide_again(self: &Arc<Self>, request_id: &str, request: &RawValue) {
        // Every CLI that continues has the new words.
        self.decide(request, Vocabulary::New, ReplyTo::Call(request_id.into()));
    }

    fn decide(self: &Arc<Self>, raw: &RawValue, vocabulary: Vocabulary, reply: ReplyTo) {
        let (by, asker) = match reply {
            ReplyTo::Call(id) => (By::Event(Arc::clone(&id)), Asker(Some(ReplyTo::Call(id)))),
            ReplyTo::Request(responder) => {
                let by = By::Call(random::id().into(), responder.asked_id());
                (by, Asker(Some(ReplyTo::Request(responder))))
            }
        };
        let (what, request) = match PermissionRequest::read(&self.id, raw) {
            Ok(request) => (format!("permission for {}", request.kind()), Some(request)),
            Err(error) => {
                tracing::error!(%error, session = %self.id, "a permission request cannot be read; denied");
                ("a permission".to_owned(), None)
            }
        };
        let (inbox, cancel, key) = (Arc::clone(self), Cancellation::default(), Arc::clone(by.id()));
        let token = cancel.clone();
        let work = answering(self, async move {
            let decision = match request {
                Some(request) => inbox.decide_here(request).await,
                None => Decision::Unavailable,
            };
            inbox.answer_permission(asker, &decision, vocabulary, &token).await;
            inbox.calls.finish(&key);
        });
        let started = self.calls.start(by, What::Question(what), cancel, work);
        if !started {
            tracing::debug!(session = %self.id, "a permission was asked for twice, or after the session was closed");
        }
    }

    /// The program's decision, by its handler or its policy.
    pub(super) async fn decide_here(&self, request: PermissionRequest) -> Decision {
        let Some(handler) = self.handlers.permission.clone() else {
            return self.decide_by_policy(&request).await;
        };
        let asked = request.clone();
        let error = match task::catch(handler.ask(asked)).await {
            Ok(Ok(Decision::Default)) => return self.decide_by_policy(&request).await,
            Ok(Ok(decision)) => return decision,
            Ok(Err(error)) => error,
            Err(panic) => format!("it panicked: {panic}").into(),
        };
        self.handler_failed("on_permission", &error);
        Decision::Unavailable
    }

    async fn decide_by_policy(&self, request: &PermissionRequest) -> Decision {
        match task::catch(async { self.own_tool(request) }).await {
            Ok(own) => self.handlers.permissions.decide(request, own),
            Err(panic) => {
                self.handler_failed("needs_approval", &format!("it panicked: {panic}").into());
                Decision::Unavailable
            }
        }
    }

    fn own_tool(&self, request: &PermissionRequest) -> Option<OwnTool> {
        if *request.kind() != PermissionKind::CustomTool {
            return None;
        }
        let tools = self.tools();
        let tool = tools.get(request.tool_name()?)?;
        let arguments = request.arguments();
        Some(OwnTool { needs_approval: tool.needs_approval(&arguments) })
    }

    async fn answer_permission(
        &self,
        mut asker: Asker,
        decision: &Decision,
        vocabulary: Vocabulary,
        cancel: &Cancellation,
    ) {
        match asker.0.take() {
            Some(ReplyTo::Request(responder)) => {
                responder.ok(&Wrapped { result: &decision.to_wire(vocabulary) });
            }
            Some(ReplyTo::Call(id)) if *decision != Decision::NoResult => {
                let Some(peer) = self.asker(cancel).await else { return };
                let result = &decision.to_wire(vocabulary);
                let params = PermissionAnswerParams { session_id: &self.id, request_id: &id, result };
                let sent = peer.post_answer("session.permissions.handlePendingPermissionRequest", &params);
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
            responder.ok(&Wrapped { result: &Decision::Unavailable.to_wire(Vocabulary::Old) });
        }
    }
}
