//! Deferred calls: the marks that outlive the program and the CLI, and the settlement.
//!
//! A mark is an entry of the session's client metadata, which the CLI persists before it responds. The mark is made
//! before the function runs, so that a CLI without metadata, or with too many entries, is an error before a request is
//! filed. When the function has returned, the mark is changed, and no program runs the function again. Events reach the
//! disk some 40 ms after subscribers, so `sessions.save` comes before the mark, and before a settlement is reported.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::timeout;

use super::core::SessionCore;
use super::core::open_answers::OpenAnswer;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{AnswerDeferred, Event, EventKind, EventName, EventStream};
use crate::protocol::decode::Decode;
use crate::protocol::session::{SessionParams, Success};
use crate::protocol::tools::{ToolAnswerParams, ToolsPendingResponse};
use crate::protocol::{SessionId, ToolCallId, decode, encode};
use crate::rpc::Peer;
use crate::sorted::SortedMap;
use crate::tools::output::ticket::TicketRecord;
use crate::tools::{CancellationToken, ToolResult};

/// The method that changes the client metadata of a session.
const UPDATE: &str = "session.metadata.updateClientMetadata";
/// The method that returns the client metadata of a session.
const READ: &str = "session.metadata.getClientMetadata";
/// The method that writes the events of a session to the disk.
const SAVE: &str = "sessions.save";
/// The method that answers a call.
const ANSWER: &str = "session.tools.handlePendingToolCall";

/// The prefix of the key of a deferred call, before the id of its request.
const CALL: &str = "copilot-tools/deferred/";

/// The prefix of the key of an approved call, before the id of the call.
const APPROVED: &str = "copilot-tools/approved/";

/// How long the CLI may take to record a result that it has accepted; hooks of the program run meanwhile.
const RECORD: Duration = Duration::from_secs(60);

/// The budget of the events that are read until a result is recorded; more are discarded, and counted.
const EVENTS: usize = 1 << 20;

/// The mark of a deferred call.
#[derive(Debug, Deserialize, Serialize)]
pub(super) struct Mark {
    /// Whether the function has returned.
    filed: bool,
    ticket: TicketRecord,
}

/// The mark of a call that a person has approved.
#[derive(Debug, Deserialize, Serialize)]
struct Approved {
    /// The arguments that the person has edited; `None` for those of the call.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    arguments: Option<Box<RawValue>>,
}

/// The marks of a session.
#[derive(Debug, Default)]
pub(super) struct Marks {
    /// By the id of the request.
    calls: SortedMap<Mark>,
    /// By the id of the call.
    approved: SortedMap<Approved>,
}

impl Marks {
    /// Returns the tickets of the calls whose functions have returned, by the ids of their requests.
    pub(super) fn tickets(self) -> SortedMap<Arc<TicketRecord>> {
        let filed = self.calls.into_iter().filter(|(_, mark)| mark.filed);
        let mut tickets = SortedMap::new();
        for (id, mark) in filed {
            tickets.insert(id, Arc::new(mark.ticket));
        }
        tickets
    }

    /// Removes the mark of a call whose function has returned, and returns the call.
    pub(super) fn take_filed(&mut self, request_id: &str) -> Option<TicketRecord> {
        self.calls.remove(request_id).filter(|mark| mark.filed).map(|mark| mark.ticket)
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct UpdateParams<'a> {
    session_id: &'a SessionId,
    #[serde(skip_serializing_if = "SortedMap::is_empty")]
    set: SortedMap<String>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    remove: Vec<String>,
}

fn key_of(request_id: &str) -> String {
    format!("{CALL}{request_id}")
}

fn entry(key: String, mark: String) -> SortedMap<String> {
    let mut set = SortedMap::new();
    set.insert(key, mark);
    set
}

impl SessionCore {
    /// Persists a call and marks it as one that may stay open.
    pub(super) async fn reserve_call(&self, record: &TicketRecord) -> Result<()> {
        let peer = self.connection.ready().await?;
        self.save_events(&peer).await?;
        match self.mark(&peer, record, false).await {
            Err(error) if is_full(&error) => {
                // The metadata may be full of the marks of calls that were aborted.
                tracing::debug!(%error, session = %self.id, "marks of old calls are removed");
                self.prune(&peer).await?;
                self.mark(&peer, record, false).await
            }
            other => other,
        }
    }

    /// Marks a call as one that stays open, and reports it. Nothing is done if the call is answered meanwhile.
    pub(super) async fn defer(&self, record: &Arc<TicketRecord>, cancel: &CancellationToken) {
        /// How often the mark is sent; a CLI that was restarted meanwhile gets it again.
        const TRIES: u32 = 3;
        for _ in 0..TRIES {
            let Some(peer) = self.peer_unless_cancelled(cancel).await else { return };
            match self.mark(&peer, record, true).await {
                Ok(()) => break,
                Err(error) if error.is_disconnected() => {}
                Err(error) => {
                    tracing::error!(%error, session = %self.id, call = %record.tool_call,
                        "a deferred call was not marked, and runs again if the program ends");
                    break;
                }
            }
        }
        let id = record.request.as_str();
        self.open_answers.insert(id, OpenAnswer::Call(Arc::clone(record)));
        if cancel.is_cancelled() {
            self.open_answers.remove(id);
            return;
        }
        self.spans.recorder().deferred();
        self.subscribers.publish(&Event::answer_deferred(AnswerDeferred {
            request_id: record.request.clone(),
            tool_call_id: Some(record.tool_call.clone()),
            tool_name: Some(record.tool.clone()),
            is_permission: false,
        }));
    }

    async fn mark(&self, peer: &Peer, record: &TicketRecord, filed: bool) -> Result<()> {
        let mark = Mark { filed, ticket: record.clone() };
        let mark = encode::text(&mark).expect("a mark has only names as keys");
        let set = entry(key_of(record.request.as_str()), mark);
        self.update_metadata(peer, set, Vec::new()).await
    }

    /// Records the approval of a call, with the arguments that a person has edited, and applies it here.
    pub(super) async fn mark_approved(
        &self,
        peer: &Peer,
        call: &ToolCallId,
        edited: Option<&Value>,
    ) -> Result<()> {
        let arguments = edited.map(serde_json::value::to_raw_value).transpose().map_err(|source| {
            Error::with_source(ErrorKind::InvalidInput, "the edited arguments are not JSON", source)
        })?;
        let mark = Approved { arguments };
        let text = encode::text(&mark).expect("JSON is JSON");
        let set = || entry(format!("{APPROVED}{call}"), text.clone());
        match self.update_metadata(peer, set(), Vec::new()).await {
            Err(error) if is_full(&error) => {
                self.prune(peer).await?;
                self.update_metadata(peer, set(), Vec::new()).await?;
            }
            other => other?,
        }
        if let Some(arguments) = mark.arguments {
            self.open_answers.edit(call.clone(), arguments);
        }
        Ok(())
    }

    /// Removes the record of an approval that came too late.
    pub(super) async fn unmark_approved(&self, peer: &Peer, call: &ToolCallId) {
        drop(self.open_answers.take_edited(call.as_str()));
        let mark = vec![format!("{APPROVED}{call}")];
        if let Err(error) = self.update_metadata(peer, SortedMap::new(), mark).await {
            tracing::debug!(%error, session = %self.id, "the mark of an approval stays");
        }
    }

    /// Applies the approval of a call that is found after a resumption.
    pub(super) fn apply_approval(&self, marks: &mut Marks, call: &str) {
        let Some(approved) = marks.approved.remove(call) else { return };
        self.permit_call(call);
        if let Some(arguments) = approved.arguments {
            self.open_answers.edit(call.into(), arguments);
        }
    }

    async fn update_metadata(&self, peer: &Peer, set: SortedMap<String>, remove: Vec<String>) -> Result<()> {
        let params = UpdateParams { session_id: &self.id, set, remove };
        peer.request(UPDATE, &params).raw().await.map(drop)
    }

    pub(super) async fn save_events(&self, peer: &Peer) -> Result<()> {
        peer.request(SAVE, &SessionParams { session_id: &self.id }).raw().await.map(drop)
    }

    /// Returns the marks of the session; none where the CLI has no metadata.
    pub(super) async fn marks(&self, peer: &Peer) -> Result<Marks> {
        let params = SessionParams { session_id: &self.id };
        let metadata: BTreeMap<String, String> = self.call_or_default(peer, READ, &params).await?;
        let mut marks = Marks::default();
        for (key, text) in metadata {
            let read = if let Some(request_id) = key.strip_prefix(CALL) {
                serde_json::from_str(&text).map(|mark| drop(marks.calls.insert(request_id.to_owned(), mark)))
            } else if let Some(call) = key.strip_prefix(APPROVED) {
                serde_json::from_str(&text).map(|mark| drop(marks.approved.insert(call.to_owned(), mark)))
            } else {
                continue;
            };
            if let Err(error) = read {
                tracing::error!(%error, session = %self.id, key, "the mark of a call cannot be read");
            }
        }
        Ok(marks)
    }

    /// Removes the marks of calls that the CLI does not wait for.
    async fn prune(&self, peer: &Peer) -> Result<()> {
        let params = SessionParams { session_id: &self.id };
        let pending: ToolsPendingResponse =
            peer.request("session.tools.listPendingRequests", &params).decoded().await?;
        let marks = self.marks(peer).await?;
        let asked = self.pending_permissions(peer).await?;
        let of_call = |id: &str| {
            pending.items.iter().any(|call| call.tool_call_id == id)
                || asked.iter().any(|asked| asked.request.get().contains(id))
        };
        let is_old = |id: &&String| !pending.items.iter().any(|call| call.request_id == **id);
        let calls = marks.calls.keys().filter(is_old).map(|id| key_of(id));
        let approved = marks.approved.keys().filter(|id| !of_call(id)).map(|id| format!("{APPROVED}{id}"));
        self.update_metadata(peer, SortedMap::new(), calls.chain(approved).collect()).await
    }

    /// Returns the tickets of deferred calls, by the ids of their requests.
    pub(crate) async fn tickets(&self, peer: &Peer) -> Result<SortedMap<Arc<TicketRecord>>> {
        self.marks(peer).await.map(Marks::tickets)
    }

    /// Answers a deferred call, and returns when the CLI has recorded the result on the disk.
    pub(crate) async fn settle(&self, record: &TicketRecord, result: &ToolResult) -> Result<()> {
        if record.session != self.id {
            let message = format!(
                "the ticket belongs to session {}, and this is session {}; resume that one with `client.resume(..)`",
                record.session, self.id
            );
            return Err(Error::new(ErrorKind::InvalidInput, message));
        }
        let peer = self.connection.ready().await?;
        let mut events = self.subscribers.subscribe(EVENTS);
        let request_id = record.request.as_str();
        let params = ToolAnswerParams { session_id: &self.id, request_id, result };
        let answer: Success = peer.request(ANSWER, &params).decoded().await?;
        if !answer.success {
            return Err(self.not_open(&peer, record, answer.error).await);
        }
        self.open_answers.remove(request_id);
        let recorded = timeout(RECORD, self.recorded(&peer, &mut events, &record.tool_call)).await;
        drop(events);
        if let Ok(Err(cause)) = recorded {
            let message = format!(
                "the CLI has accepted the result of the deferred call of `{}`, and the connection ended before it \
                 recorded the result; settle the call again",
                record.tool
            );
            return Err(cause.context(message));
        }
        self.save_events(&peer).await?;
        if recorded.is_err() {
            let message = format!(
                "the CLI has accepted the result of the deferred call of `{}` and not recorded it within {RECORD:?}; \
                 the result is lost if the CLI is killed now",
                record.tool
            );
            return Err(Error::new(ErrorKind::Timeout, message));
        }
        if let Err(error) = self.update_metadata(&peer, SortedMap::new(), vec![key_of(request_id)]).await {
            // A mark without a call has no effect.
            tracing::debug!(%error, session = %self.id, "the mark of a settled call stays");
        }
        Ok(())
    }

    /// Returns the error of a call that the CLI does not wait for.
    async fn not_open(&self, peer: &Peer, record: &TicketRecord, reason: Option<String>) -> Error {
        let why = match (reason, self.result_of(peer, &record.tool_call).await) {
            (Some(reason), _) => reason,
            (None, Ok(Some(true))) => "it has a result already".to_owned(),
            (None, Ok(Some(false))) => "it has failed, was aborted, or was settled with an error".to_owned(),
            (None, Ok(None) | Err(_)) => {
                "the agent has given it up, or the session does not have it".to_owned()
            }
        };
        let (tool, call, session) = (&record.tool, &record.tool_call, &self.id);
        let message = format!("the call {call} of `{tool}` in session {session} cannot be settled: {why}");
        Error::new(ErrorKind::Session, message)
    }

    /// Waits until the CLI has recorded the result of a call. Returns the cause of a connection's end: the next CLI has
    /// read the log, and emits no event for a result that is in it.
    async fn recorded(&self, peer: &Peer, events: &mut EventStream, call: &ToolCallId) -> Result<()> {
        while let Some(event) = events.next().await {
            match event.event_name() {
                EventName::ToolExecutionComplete if event.tool_call_id().as_ref() == Some(call) => {
                    return Ok(());
                }
                // The event may be among the discarded ones, as a large one is.
                EventName::Lagged if matches!(self.result_of(peer, call).await, Ok(Some(_))) => return Ok(()),
                _ => {}
            }
            if let EventKind::Disconnected(cause) = event.local_kind() {
                return Err(cause.clone());
            }
        }
        Err(Error::new(ErrorKind::Closed, "the session was closed"))
    }

    /// Returns whether a call has succeeded; `None` where the history has no result of it.
    async fn result_of(&self, peer: &Peer, call: &ToolCallId) -> Result<Option<bool>> {
        #[derive(Decode)]
        struct Logged {
            data: Complete,
        }
        #[derive(Decode)]
        #[serde(rename_all = "camelCase")]
        struct Complete {
            tool_call_id: ToolCallId,
            #[serde(default)]
            success: bool,
        }
        let mut result = None;
        let visit = |event: Box<RawValue>| {
            if let Ok(Logged { data }) = decode::event(event.get())
                && data.tool_call_id == *call
            {
                result = Some(data.success);
            }
            ControlFlow::Continue(())
        };
        self.read_log(peer, &[EventName::ToolExecutionComplete], None, visit).await?;
        Ok(result)
    }
}

/// Whether the metadata may have no room.
fn is_full(error: &Error) -> bool {
    error.kind() == ErrorKind::Response && !error.is_unsupported()
}
