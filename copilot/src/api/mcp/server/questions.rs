//! Questions of a call to the user of the client: elicitations.
//!
//! Up to the revision 2025-11-25 a question is a request to the client, which needs a connection. Since 2026-07-28 it is
//! an incomplete result: the client calls the tool again, with the answers, and any replica can serve that call. The
//! state that the client returns has the answers of earlier rounds. It needs no protection, because all of it was
//! answered by that client.

use std::collections::BTreeMap;
use std::future::poll_fn;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::task::Poll;

use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CancelledNotification, CancelledNotificationParam, ClientResult,
    ElicitRequest, ElicitRequestParams, ElicitResult, ElicitationAction, ElicitationSchema, ErrorData,
    InputRequest, InputRequiredResult, JsonObject, ProtocolVersion, ServerNotification, ServerRequest,
};
use rmcp::service::{Peer, PeerRequestOptions, RequestContext, RoleServer};
use serde_json::{Value, json};
use tokio::sync::Notify;

use super::outgoing::Outgoing;
use crate::error::{Error, ErrorKind, Result};
use crate::task::{CancellationToken, DropGuard, lock};

/// The way to the user of the client.
pub(super) enum Asker {
    /// The client cannot be asked.
    Unable,
    /// By a request to the client.
    Requests(Peer<RoleServer>, Arc<Outgoing>),
    /// By an incomplete result.
    Rounds(Box<Rounds>),
}

/// The questions of a call that may be one of several rounds.
pub(super) struct Rounds {
    answers: BTreeMap<String, Value>,
    /// The number of questions that the call has asked.
    count: AtomicUsize,
    open: Mutex<Option<Open>>,
    asked: Notify,
    cancel: CancellationToken,
}

/// A question without an answer.
pub(super) struct Open {
    key: String,
    request: ElicitRequest,
}

/// A question, and the schema of its answer.
pub(super) struct Form {
    pub(super) message: String,
    pub(super) schema: Value,
    /// Distinguishes questions with the same text.
    pub(super) subject: String,
}

impl Asker {
    /// Returns the way to the user for a call.
    pub(super) fn new(
        request: &mut CallToolRequestParams,
        context: &RequestContext<RoleServer>,
        cancel: &CancellationToken,
        outgoing: &Arc<Outgoing>,
    ) -> std::result::Result<Self, ErrorData> {
        let elicitation = context.client_capabilities().and_then(|capabilities| capabilities.elicitation);
        // Without members it means forms.
        if !elicitation.is_some_and(|can| can.form.is_some() || can.url.is_none()) {
            return Ok(Self::Unable);
        }
        if context.protocol_version().is_none_or(|version| version < ProtocolVersion::V_2026_07_28) {
            return Ok(Self::Requests(context.peer.clone(), Arc::clone(outgoing)));
        }
        let mut answers: BTreeMap<String, Value> = match request.request_state.take() {
            None => BTreeMap::new(),
            Some(state) => serde_json::from_str(&state).map_err(|error| {
                ErrorData::invalid_params(format!("`requestState` is not of this server: {error}"), None)
            })?,
        };
        answers.extend(request.input_responses.take().unwrap_or_default());
        Ok(Self::Rounds(Box::new(Rounds {
            answers,
            count: AtomicUsize::new(0),
            open: Mutex::new(None),
            asked: Notify::new(),
            cancel: cancel.clone(),
        })))
    }

    /// Asks the user; `None` if the user declines. In a call of several rounds the future ends only when the answer is
    /// known or the call is cancelled.
    pub(super) async fn ask(&self, form: Form) -> Result<Option<JsonObject>> {
        match self {
            Self::Unable => {
                let message = "the MCP client cannot ask its user: it has no elicitation";
                Err(Error::new(ErrorKind::Unsupported, message))
            }
            Self::Requests(peer, outgoing) => request(peer, outgoing, form.request()?).await,
            Self::Rounds(rounds) => rounds.ask(&form).await,
        }
    }

    /// Completes when a question needs another round.
    pub(super) async fn needs_round(&self) -> Open {
        let Self::Rounds(rounds) = self else { return std::future::pending().await };
        loop {
            let asked = rounds.asked.notified();
            if let Some(open) = lock(&rounds.open).take() {
                return open;
            }
            asked.await;
        }
    }

    /// Returns the incomplete result that asks a question.
    pub(super) fn round(&self, open: Open) -> std::result::Result<CallToolResponse, ErrorData> {
        let Self::Rounds(rounds) = self else {
            return Err(ErrorData::internal_error("a question without a round", None));
        };
        let state = serde_json::to_string(&rounds.answers)
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        let requests = BTreeMap::from([(open.key, InputRequest::Elicitation(open.request))]);
        Ok(InputRequiredResult::new(Some(requests), Some(state)).into())
    }
}

/// Asks by a request, which is cancelled when the future is dropped.
async fn request(
    peer: &Peer<RoleServer>,
    outgoing: &Arc<Outgoing>,
    question: ElicitRequest,
) -> Result<Option<JsonObject>> {
    let failed =
        |error| Error::with_source(ErrorKind::Response, "the MCP client could not ask its user", error);
    let question = ServerRequest::ElicitRequest(question);
    let asked = peer.send_cancellable_request(question, PeerRequestOptions::no_options());
    let asked = asked.await.map_err(failed)?;
    let open = DropGuard::new((Arc::clone(outgoing), asked.id.clone()), |(outgoing, id)| {
        let params = CancelledNotificationParam::new(Some(id), Some("the call has ended".to_owned()));
        let cancelled = CancelledNotification::new(params);
        outgoing.push(ServerNotification::CancelledNotification(cancelled));
    });
    let answer = asked.await_response().await;
    open.dismiss();
    match answer.map_err(failed)? {
        ClientResult::ElicitResult(result) => content(result),
        other => {
            let message = format!("the MCP client answered a question with {other:?}");
            Err(Error::new(ErrorKind::Decode, message))
        }
    }
}

impl Rounds {
    async fn ask(&self, form: &Form) -> Result<Option<JsonObject>> {
        // The same in each round and on each replica, and another one for another question.
        let number = self.count.fetch_add(1, Ordering::Relaxed);
        let key = format!("{number}-{:016x}", fnv([&form.message, &form.subject]));
        if let Some(answer) = self.answers.get(&key) {
            let result: ElicitResult = serde_json::from_value(answer.clone()).map_err(|error| {
                Error::with_source(ErrorKind::Decode, "cannot read the answer of the MCP client", error)
            })?;
            return content(result);
        }
        lock(&self.open).get_or_insert(Open { key, request: form.request()? });
        self.asked.notify_one();
        self.cancel.cancelled().await;
        Err(Error::new(ErrorKind::Closed, "the MCP client calls the tool again with the answer"))
    }
}

impl Form {
    fn request(&self) -> Result<ElicitRequest> {
        let invalid = |error| Error::with_source(ErrorKind::InvalidInput, "cannot ask the question", error);
        let schema: ElicitationSchema = serde_json::from_value(self.schema.clone()).map_err(invalid)?;
        Ok(ElicitRequest::new(ElicitRequestParams::FormElicitationParams {
            meta: None,
            message: self.message.clone(),
            requested_schema: schema,
        }))
    }

    /// Returns the question for [`ToolContext::ask_user`](crate::ToolContext::ask_user).
    pub(super) fn question(message: String, choices: &[String]) -> Self {
        let mut answer = json!({ "type": "string", "title": "Answer" });
        if !choices.is_empty() {
            answer["enum"] = choices.into();
        }
        Self { message, schema: schema("answer", &answer), subject: choices.join("\n") }
    }

    /// Returns the question whether a call may run.
    pub(super) fn approval(tool: &str, arguments: &str) -> Self {
        const SHOWN: usize = 1000;
        let shown: String = arguments.chars().take(SHOWN).collect();
        let rest = if shown.len() < arguments.len() { " .." } else { "" };
        let approve = json!({ "type": "boolean", "title": "Run the tool" });
        Self {
            message: format!("The tool `{tool}` needs an approval. Arguments: {shown}{rest}"),
            schema: schema("approve", &approve),
            subject: arguments.to_owned(),
        }
    }
}

fn schema(name: &str, value: &Value) -> Value {
    json!({ "type": "object", "properties": { name: value }, "required": [name] })
}

/// Returns the content of an answer; `None` if the user has declined.
fn content(result: ElicitResult) -> Result<Option<JsonObject>> {
    match (result.action, result.content) {
        (ElicitationAction::Accept, Some(Value::Object(content))) => Ok(Some(content)),
        (ElicitationAction::Accept, content) => {
            let message = format!("the MCP client accepted a question with the content {content:?}");
            Err(Error::new(ErrorKind::Decode, message))
        }
        _ => Ok(None),
    }
}

/// The hash FNV-1a, which is the same in every build.
fn fnv<'a>(texts: impl IntoIterator<Item = &'a String>) -> u64 {
    let bytes = texts.into_iter().flat_map(|text| text.bytes().chain([0]));
    bytes.fold(0xcbf2_9ce4_8422_2325, |hash, byte| (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
}

/// Runs a future until the token of a request is cancelled; `None` if it is.
pub(super) async fn unless_cancelled<F: Future>(
    context: &RequestContext<RoleServer>,
    future: F,
) -> Option<F::Output> {
    let mut cancelled = pin!(context.ct.cancelled());
    let mut future = pin!(future);
    poll_fn(|cx| match future.as_mut().poll(cx) {
        Poll::Ready(output) => Poll::Ready(Some(output)),
        Poll::Pending => cancelled.as_mut().poll(cx).map(|()| None),
    })
    .await
}
