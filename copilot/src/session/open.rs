//! Opening a session on a connection: the first time, and again when the CLI was restarted.

use std::sync::Arc;
use std::time::Duration;

use serde_json::value::RawValue;

use super::call::done;
use super::core::open_answers::OpenAnswer;
use super::core::{Members, Occasion, SessionCore, Topics};
use super::deferred::Marks;
use super::link::DETACH;
use super::permissions::decide;
use super::tool_calls;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, Restarted};
use crate::protocol::SessionId;
use crate::protocol::controls::ModeSetParams;
use crate::protocol::decode::Decode;
use crate::protocol::permissions::PendingPermission;
use crate::protocol::session::{SessionOpenParams, SessionOpenResponse, SessionOptionsParams, SessionParams};
use crate::protocol::tools::{PendingTool, ToolsPendingResponse};
use crate::rpc::{Outcome, Peer, decode};
use crate::task::DropGuard;

/// The CLI writes a session to the disk some time after its first turn: one that is killed earlier does not have it.
const WRITTEN_WITHIN: Duration = Duration::from_secs(10);

impl SessionCore {
    /// Opens the session. When it fails or is dropped before its end, the session is detached again.
    ///
    /// Wire: `session.create` or `session.resume`, to the CLI.
    pub(in crate::session) async fn open(
        &self,
        peer: &Peer,
        occasion: Occasion,
    ) -> Result<SessionOpenResponse> {
        let method = match occasion {
            Occasion::Create => "session.create",
            Occasion::Resume => "session.resume",
        };
        let (tools, mut opening) = (self.tools(), self.opening());
        if occasion == Occasion::Create && self.topics.has_resume_only(&opening.members) {
            self.topics.keep_for_create(&mut Arc::make_mut(&mut opening).members);
        }
        let params = SessionOpenParams {
            session_id: &self.id,
            members: &opening.members,
            raw: &opening.raw,
            tools: (!tools.is_empty()).then_some(&*tools),
            request_permission: true,
            tool_filter_precedence: "excluded",
            env_value_mode: "direct",
        };
        let (to, id, topics) = (peer.clone(), self.id.clone(), self.topics);
        let settle = move |outcome: Outcome| {
            if outcome.done && !outcome.awaited {
                detach(&to, &id, topics);
            }
        };
        let answer = peer.request(method, &params).on_end(settle).raw().await?;
        let opened = DropGuard::new(peer, |peer| self.abandon(peer));
        let answer: SessionOpenResponse = decode(method, &answer)?;
        if let Some(other) = answer.session_id.as_ref().filter(|other| **other != self.id) {
            let message = format!("{method}: asked for session {}, the CLI opened {other}", self.id);
            return Err(Error::new(ErrorKind::Decode, message));
        }
        self.apply_options(peer, &opening.options).await?;
        if let Some(capabilities) = &answer.capabilities {
            self.merge_capabilities(capabilities);
        }
        self.topics.opened(self, peer).await?;
        opened.dismiss();
        Ok(answer)
    }

    /// Detaches a session that is open on the CLI and has no handle, without waiting for the response. One that another
    /// handle has taken over stays open.
    pub(super) fn abandon(&self, peer: &Peer) {
        if !self.is_replaced() {
            detach(peer, &self.id, self.topics);
        }
    }

    /// Sets the members that the CLI accepts only once the session exists.
    ///
    /// Wire: `session.options.update`, to the CLI.
    async fn apply_options(&self, peer: &Peer, options: &Members) -> Result<()> {
        if options.is_empty() {
            return Ok(());
        }
        let method = "session.options.update";
        let params = SessionOptionsParams { session_id: &self.id, options };
        done(method, peer.request(method, &params).decoded().await?)
    }

    /// Resumes the session on a restarted CLI, with its tools and handlers.
    pub(crate) async fn resume(
        self: &Arc<Self>,
        peer: &Peer,
        cause: &Error,
        mut cancelled: Vec<String>,
    ) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let resumed = match self.open(peer, Occasion::Resume).await {
            // A session without a turn is not on disk: nothing is lost when it is created again.
            Err(error) if is_unknown_session(&error) && !self.was_written() => {
                if self.subscribers.first_turn_before_loss().is_some() {
                    tracing::warn!(
                        session = %self.id,
                        "the CLI was lost before it had written the session, which begins again without its first turns"
                    );
                }
                self.subscribers.begin_again();
                self.open(peer, Occasion::Create).await
            }
            Err(error) if is_unknown_session(&error) => {
                let message = format!(
                    "the CLI that was restarted does not have session {}, so its conversation is lost: {error}; a new \
                     session is needed",
                    self.id
                );
                Err(error.context(message))
            }
            other => other,
        };
        resumed?;
        // One that is closed meanwhile, had no connection to be detached on.
        let opened = DropGuard::new(peer, |peer| self.abandon(peer));
        self.restore_mode(peer).await?;
        if self.is_closed() {
            return Ok(());
        }
        let mut pending = self.pending(peer).await?;
        if !self.connection.set_connected(peer.clone()) {
            return Ok(());
        }
        opened.dismiss();
        cancelled.append(&mut pending.cancelled);
        let continued = self.continue_pending(pending);
        let restarted = Restarted { cause: cause.clone(), cancelled, continued };
        self.spans.restarted(&restarted);
        self.subscribers.publish(&Event::restarted(restarted));
        Ok(())
    }
}

impl SessionCore {
    /// Resumes a session that the CLI has evicted, as CLIs do with sessions that have not been used for a while;
    /// `unknown` is the error that showed it.
    pub(in crate::session) async fn reopen(&self, peer: &Peer, spoken: bool, unknown: &Error) -> Result<()> {
        tracing::info!(session = %self.id, %unknown, "the CLI has evicted the session, which is resumed");
        self.open_evicted(peer, spoken).await.map_err(|source| {
            let message = format!(
                "session.send: the CLI does not have session {} any more, and it cannot be resumed: {source}; a new \
                 session is needed",
                self.id
            );
            source.context(message)
        })
    }

    /// Whether the CLI must have written the session to the disk before it was lost.
    fn was_written(&self) -> bool {
        let before = self.subscribers.first_turn_before_loss();
        self.history.is_resumed() || before.is_some_and(|before| before > WRITTEN_WITHIN)
    }

    /// Sets the mode that the program has chosen.
    ///
    /// Wire: `session.mode.set`, to the CLI.
    async fn restore_mode(&self, peer: &Peer) -> Result<()> {
        let Some(mode) = self.mode() else { return Ok(()) };
        self.order(peer, "session.mode.set", &ModeSetParams { session_id: &self.id, mode: &mode }).await
    }

    /// Opens a session that the CLI has evicted. One without a message is not on disk, and is created.
    async fn open_evicted(&self, peer: &Peer, spoken: bool) -> Result<()> {
        match self.open(peer, Occasion::Resume).await {
            Err(error) if !spoken && is_unknown_session(&error) => self.open(peer, Occasion::Create).await?,
            other => other?,
        };
        self.restore_mode(peer).await?;
        // The agent is idle now, whatever the last events of the session have reported.
        self.subscribers.rest();
        Ok(())
    }

    /// Returns the requests that the CLI still waits for, where the program wants to continue them, and cancels all other
    /// work.
    ///
    /// Wire: `session.tools.listPendingRequests` and `session.permissions.pendingRequests`, to the CLI.
    pub(in crate::session) async fn pending(&self, peer: &Peer) -> Result<Pending> {
        if !self.continues() {
            self.open_answers.retain(|_| false);
            return Ok(Pending::default());
        }
        let params = SessionParams { session_id: &self.id };
        let tools: ToolsPendingResponse =
            self.call_or_default(peer, "session.tools.listPendingRequests", &params).await?;
        let permissions = self.pending_permissions(peer).await?;
        let ids = tools.items.iter().map(|call| &*call.request_id);
        let wanted: Vec<&str> = ids.chain(permissions.iter().map(|asked| &*asked.request_id)).collect();
        let cancelled = self.calls.cancel_others(&wanted);
        self.open_answers.retain(|id| wanted.contains(&id));
        // Boxed, so that the opening of a session has no room for it.
        let marks = if wanted.is_empty() { Marks::default() } else { Box::pin(self.marks(peer)).await? };
        Ok(Pending { tools: tools.items, permissions, marks, cancelled })
    }

    /// Continues the requests that the CLI waits for; returns their descriptions.
    pub(in crate::session) fn continue_pending(self: &Arc<Self>, mut pending: Pending) -> Vec<String> {
        let ours = self.tools();
        let mut continued = Vec::new();
        // Before an answer, after which the agent may be idle again.
        if !pending.tools.is_empty() || !pending.permissions.is_empty() {
            self.subscribers.work();
        }
        for call in pending.tools {
            let id = &*call.request_id;
            // The function of a deferred call has returned, and does not run again.
            if let Some(record) = pending.marks.take_filed(id) {
                self.open_answers.insert(id, OpenAnswer::Call(Arc::new(record)));
            }
            if self.open_answers.contains(id) {
                continued.push(format!("deferred {} ({id})", call.tool_name));
            } else if ours.get(&call.tool_name).is_some() {
                self.apply_approval(&mut pending.marks, &call.tool_call_id);
                continued.push(format!("{} ({id})", call.tool_name));
                tool_calls::again(self, call.as_requested());
            }
        }
        for asked in pending.permissions {
            continued.push(format!("permission ({})", asked.request_id));
            decide::again(self, &asked.request_id, &asked.request);
        }
        continued
    }
}

/// The requests that the CLI waits for when a session is resumed.
#[derive(Default)]
pub(in crate::session) struct Pending {
    tools: Vec<PendingTool>,
    permissions: Vec<PendingPermission>,
    marks: Marks,
    /// The work that was cancelled.
    cancelled: Vec<String>,
}

/// Detaches a session without waiting for the response. Best effort, because no caller is left that could get an error.
fn detach(peer: &Peer, id: &SessionId, topics: &'static Topics) {
    let log = |sent: Result<()>, id: &SessionId| {
        if let Err(error) = sent {
            tracing::debug!(%error, session = %id, "a session was not detached");
        }
    };
    let (to, session) = (peer.clone(), id.clone());
    let sent = peer
        .request(DETACH, &SessionParams { session_id: id })
        .on_end(move |outcome| {
            if let Some(old) = topics.old_method(DETACH).filter(|_| !outcome.done) {
                log(to.request(old, &SessionParams { session_id: &session }).detach(), &session);
            }
        })
        .detach();
    log(sent, id);
}

/// Refuses to create a session that the CLI has on disk: it would continue the file of that session, without its
/// conversation. CLIs before 1.0.32 do not say whether there is one.
///
/// Wire: `session.getMetadata`, to the CLI.
pub(super) async fn check_is_new(peer: &Peer, id: &SessionId) -> Result<()> {
    #[derive(Decode)]
    struct Known {
        session: Option<Box<RawValue>>,
    }
    let method = "session.getMetadata";
    let answer = peer.request(method, &SessionParams { session_id: id }).raw().await;
    let is_known =
        answer.and_then(|answer| decode::<Known>(method, &answer).map(|known| known.session.is_some()));
    match is_known {
        Ok(false) => Ok(()),
        Ok(true) => {
            let message = format!(
                "session {id} exists already; resume it with `Client::resume`, delete it with `Client::delete_session`, \
                 or choose another id"
            );
            Err(Error::new(ErrorKind::Configuration, message))
        }
        Err(error) if error.is_disconnected() => Err(error),
        Err(error) => {
            tracing::debug!(%error, session = %id, "it is not known whether the session exists");
            Ok(())
        }
    }
}

/// Whether the CLI does not have the session. It has no error code for that, only a text.
pub(in crate::session) fn is_unknown_session(error: &Error) -> bool {
    error.kind() == ErrorKind::Response && error.to_string().contains("Session not found")
}
