//! Permission requests that the CLI waits for: its list of them, and the decision about one by its id.
//!
//! The list has the texts of a dialog in place of a request. They leave out whether a command leaves the sandbox, for
//! example, so the request is read from the history of the session.

use std::ops::ControlFlow;

use serde_json::Value;
use serde_json::value::RawValue;

use super::decide::METHOD;
use super::decision::{Decided, Decision};
use super::request::PermissionRequest;
use crate::error::{Error, ErrorKind, Result};
use crate::events::EventName;
use crate::protocol::decode::Decode;
use crate::protocol::permissions::{
    PendingPermission, PermissionAnswerParams, PermissionAsked, PermissionKind, PermissionsPendingResponse,
};
use crate::protocol::session::{SessionParams, Success};
use crate::protocol::{decode, dialogs};
use crate::rpc::Peer;
use crate::session::call::done;
use crate::session::core::SessionCore;
use crate::sorted::SortedMap;
use crate::tools::mismatches;

/// The method that lists the requests.
pub(super) const LIST: &str = "session.permissions.pendingRequests";

/// An event of the history.
#[derive(Decode)]
struct Logged<'a> {
    data: &'a RawValue,
}

impl SessionCore {
    /// Returns the permission requests that the CLI waits for; none where the CLI cannot list them.
    ///
    /// Wire: `session.permissions.pendingRequests`, and `session.eventLog.read` where the list leaves out members, to the
    /// CLI.
    pub(in crate::session) async fn pending_permissions(
        &self,
        peer: &Peer,
    ) -> Result<Vec<PendingPermission>> {
        let params = SessionParams { session_id: &self.id };
        let listed: PermissionsPendingResponse = self.call_or_default(peer, LIST, &params).await?;
        self.completed(peer, listed.items).await
    }

    /// As [`pending_permissions`](Self::pending_permissions), and an error where the CLI cannot list them.
    pub(crate) async fn list_pending_permissions(&self, peer: &Peer) -> Result<Vec<PendingPermission>> {
        let params = SessionParams { session_id: &self.id };
        let listed: PermissionsPendingResponse = peer.request(LIST, &params).decoded().await?;
        self.completed(peer, listed.items).await
    }

    /// Replaces the dialogs by the requests.
    async fn completed(
        &self,
        peer: &Peer,
        mut pending: Vec<PendingPermission>,
    ) -> Result<Vec<PendingPermission>> {
        if !pending.iter().any(|asked| dialogs::is_incomplete(&asked.request)) {
            return Ok(pending);
        }
        // Boxed, so that the opening of a session has no room for it.
        let wanted: Vec<&str> = pending.iter().map(|asked| &*asked.request_id).collect();
        let mut requests = match Box::pin(self.requests_in_history(peer, &wanted)).await {
            Ok(requests) => requests,
            Err(error) if error.is_disconnected() => return Err(error),
            Err(error) => {
                tracing::warn!(%error, session = %self.id, "permission requests are not in the history; their dialogs are used");
                SortedMap::new()
            }
        };
        for asked in &mut pending {
            asked.request =
                requests.remove(&asked.request_id).unwrap_or_else(|| dialogs::request(&asked.request));
        }
        Ok(pending)
    }

    /// Returns these permission requests of the session, by their ids, as far as the history has them.
    async fn requests_in_history(&self, peer: &Peer, wanted: &[&str]) -> Result<SortedMap<Box<RawValue>>> {
        let mut requests = SortedMap::new();
        let visit = |event: Box<RawValue>| {
            if let Ok(Logged { data }) = decode::event::<Logged<'_>>(event.get())
                && let Ok(asked) = decode::question::<PermissionAsked<'_>>(data.get())
                && wanted.contains(&&*asked.request_id)
            {
                requests.insert(asked.request_id.into_owned(), asked.permission_request.to_owned());
            }
            if requests.len() == wanted.len() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        self.read_log(peer, &[EventName::PermissionRequested], None, visit).await?;
        Ok(requests)
    }

    /// Decides about a request that the CLI waits for.
    pub(crate) async fn decide_pending(
        &self,
        peer: &Peer,
        request_id: &str,
        decided: Decided,
        edited: Option<&Value>,
    ) -> Result<()> {
        let params = SessionParams { session_id: &self.id };
        let listed: PermissionsPendingResponse = peer.request(LIST, &params).decoded().await?;
        let of_id = listed.items.into_iter().filter(|asked| asked.request_id == request_id);
        let found = self.completed(peer, of_id.collect()).await?;
        let Some(asked) = found.first() else { return Err(self.not_pending(request_id)) };
        let request = PermissionRequest::listed(&self.id, &asked.request)?;
        let Decided { decision, context } = decided;
        let decision = match decision {
            Decision::Default => self.by_policy(&request).await,
            other => self.within_sandbox(&request, other),
        };
        if decision == Decision::Later {
            return Ok(());
        }
        if decision.refusal().is_none() {
            self.record_approval(peer, &request, edited).await?;
        }
        let decision = self.remembered(&request, decision);
        let result = &decision.to_wire();
        let decision_context = context.as_ref();
        let params = PermissionAnswerParams { session_id: &self.id, request_id, result, decision_context };
        let answer: Success = peer.request(METHOD, &params).decoded().await?;
        if !answer.success
            && let Some(call) = request.tool_call_id()
        {
            self.unmark_approved(peer, &call).await;
        }
        match answer.success {
            false if answer.error.is_none() => Err(self.not_pending(request_id)),
            _ => done(METHOD, answer),
        }
    }

    /// Records that a person has approved a call of a program's tool, for the program that runs it: a later one decides
    /// again about calls that it finds, and does not know the edited arguments.
    async fn record_approval(
        &self,
        peer: &Peer,
        request: &PermissionRequest,
        edited: Option<&Value>,
    ) -> Result<()> {
        if let Some(arguments) = edited {
            self.check_edited(request, arguments)?;
        }
        if *request.kind() != PermissionKind::CustomTool {
            return Ok(());
        }
        let Some(call) = request.tool_call_id() else { return Ok(()) };
        match self.mark_approved(peer, &call, edited).await {
            // A program that was not asked for the permission asks again.
            Err(error) if edited.is_none() && error.is_unsupported() => Ok(()),
            other => other,
        }
    }

    /// Refuses edited arguments of calls that the CLI runs itself, and those that do not fit the tool.
    fn check_edited(&self, request: &PermissionRequest, arguments: &Value) -> Result<()> {
        let refuse = |message| Err(Error::new(ErrorKind::InvalidInput, message));
        let tools = self.tools();
        let own = request.tool_name().filter(|_| *request.kind() == PermissionKind::CustomTool);
        let Some(tool) = own.and_then(|name| tools.get(name)) else {
            return refuse(format!(
                "the arguments of a {} request cannot be edited, because the tool is not one of this session; deny it \
                 with a reason from which the model learns the arguments",
                request.kind()
            ));
        };
        let mistakes = mismatches(&tool.compiled()?.arguments.schema, arguments);
        if mistakes.is_empty() {
            return Ok(());
        }
        refuse(format!("the edited arguments do not fit `{}`: {}", tool.name(), mistakes.join("; ")))
    }

    fn not_pending(&self, request_id: &str) -> Error {
        let message = format!(
            "the CLI does not wait for a decision about permission request {request_id}: it was decided, or the turn has ended"
        );
        Error::new(ErrorKind::Session, message)
    }
}
