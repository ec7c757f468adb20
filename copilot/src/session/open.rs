//! Opening a session on a connection: the first time, and again when the CLI was restarted.

use std::sync::Arc;

use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, Restarted};
use crate::protocol::SessionId;
use crate::protocol::controls::ModeSetParams;
use crate::protocol::permissions::{PendingPermission, PermissionsPendingResponse};
use crate::protocol::session::{SessionOpenParams, SessionOpenResponse, SessionOptionsParams, SessionParams};
use crate::protocol::tools::{PendingTool, ToolsPendingResponse};
use crate::rpc::{Outcome, Peer, decode};
use crate::session::call::done;
use crate::session::core::Inbox;
use crate::session::core::members::Members;
use crate::session::core::topic::Occasion;
use crate::task::DropGuard;

impl Inbox {
    /// When it fails or is dropped on the way, the CLI lets go of the session again.
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
        if occasion == Occasion::Create && opening.members.has("continuePendingWork") {
            // Of a session that is new there is nothing to continue.
            Arc::make_mut(&mut opening).members.remove("continuePendingWork");
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
        let (to, id) = (peer.clone(), self.id.clone());
        let settle = move |outcome: Outcome| {
            if outcome.done && !outcome.awaited {
                let_go(&to, &id);
            }
        };
        let answer = peer.request(method, &params).on_end(settle).raw().await?;
        // Dropped before the session is complete, the CLI is asked to detach from it.
        let opened = DropGuard::new((peer, &self.id), |(peer, id)| let_go(peer, id));
        let answer: SessionOpenResponse = decode(method, &answer)?;
        if let Some(other) = answer.session_id.as_ref().filter(|other| **other != self.id) {
            let message = format!("{method}: asked for session {}, the CLI opened {other}", self.id);
            return Err(Error::new(ErrorKind::Decode, message));
        }
        self.apply_options(peer, &opening.options).await?;
        self.forget_preparation().await;
        if let Some(capabilities) = &answer.capabilities {
            self.learn(capabilities);
        }
        self.topics.opened(self, peer).await?;
        opened.dismiss();
        Ok(answer)
    }

    /// Sets what the CLI takes only once the session exists.
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

    /// Takes the session up on a CLI that was started again, with its tools and handlers.
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
            // A session in which nothing was said yet is not on disk: there is nothing to lose in making it anew.
            Err(error) if is_unknown_session(&error) => self.open(peer, Occasion::Create).await,
            other => other,
        };
        resumed?;
        if let Some(mode) = self.mode() {
            peer.request("session.mode.set", &ModeSetParams { session_id: &self.id, mode: &mode })
                .raw()
                .await?;
        }
        if self.is_closed() {
            // The program has closed it meanwhile, when there was no CLI that could have been told.
            let_go(peer, &self.id);
            return Ok(());
        }
        let mut pending = self.pending(peer).await?;
        cancelled.append(&mut pending.cancelled);
        self.connection.set_connected(peer.clone());
        let continued = self.go_on(pending);
        self.subscribers.publish(&Event::restarted(Restarted { cause: cause.clone(), cancelled, continued }));
        Ok(())
    }
}

impl Inbox {
    /// Resumes a session that the CLI has evicted. One in which nothing was said is not on disk, and is created.
    pub(in crate::session) async fn reopen(&self, peer: &Peer, spoken: bool) -> Result<()> {
        match self.open(peer, Occasion::Resume).await {
            Err(error) if !spoken && is_unknown_session(&error) => self.open(peer, Occasion::Create).await?,
            other => other?,
        };
        if let Some(mode) = self.mode() {
            peer.request("session.mode.set", &ModeSetParams { session_id: &self.id, mode: &mode })
                .raw()
                .await?;
        }
        // Whatever its last events have said, it does nothing now.
        self.subscribers.rest();
        Ok(())
    }

    /// Finds out what the CLI still waits for, where the program wants to go on with that, and cancels what it does
    /// not wait for.
    ///
    /// Wire: `session.tools.listPendingRequests` and `session.permissions.pendingRequests`, to the CLI.
    pub(in crate::session) async fn pending(&self, peer: &Peer) -> Result<Pending> {
        if !self.continues() {
            return Ok(Pending::default());
        }
        let tools: ToolsPendingResponse =
            self.unless_unsupported(peer, "session.tools.listPendingRequests").await?;
        let permissions: PermissionsPendingResponse =
            self.unless_unsupported(peer, "session.permissions.pendingRequests").await?;
        let ids = tools.items.iter().map(|call| &*call.request_id);
        let wanted: Vec<&str> = ids.chain(permissions.items.iter().map(|asked| &*asked.request_id)).collect();
        let cancelled = self.calls.cancel_others(&wanted);
        Ok(Pending { tools: tools.items, permissions: permissions.items, cancelled })
    }

    /// Old CLIs have forgotten all.
    async fn unless_unsupported<R: DeserializeOwned + Default>(
        &self,
        peer: &Peer,
        method: &'static str,
    ) -> Result<R> {
        self.unless_unsupported_with(peer, method, &SessionParams { session_id: &self.id }).await
    }

    pub(in crate::session) async fn unless_unsupported_with<R: DeserializeOwned + Default>(
        &self,
        peer: &Peer,
        method: &'static str,
        params: &impl Serialize,
    ) -> Result<R> {
        match peer.request(method, params).decoded().await {
            Err(error) if error.is_unsupported() => Ok(R::default()),
            other => other,
        }
    }

    /// Goes on with what the CLI waits for; says what that is.
    pub(in crate::session) fn go_on(self: &Arc<Self>, pending: Pending) -> Vec<String> {
        let ours = self.tools();
        let mut continued = Vec::new();
        for call in pending.tools.into_iter().filter(|call| ours.get(&call.tool_name).is_some()) {
            continued.push(format!("{} ({})", call.tool_name, call.request_id));
            self.run_again(call.as_requested());
        }
        for asked in pending.permissions {
            continued.push(format!("permission ({})", asked.request_id));
            self.decide_again(&asked.request_id, &asked.request);
        }
        continued
    }
}

/// What the CLI waits for when a session is taken up.
#[derive(Default)]
pub(in crate::session) struct Pending {
    tools: Vec<PendingTool>,
    permissions: Vec<PendingPermission>,
    /// What was running and is not waited for.
    cancelled: Vec<String>,
}

/// Lets go of a session without waiting for it; best effort, because nobody is left who could be told.
fn let_go(peer: &Peer, id: &SessionId) {
    let unsent = |sent: Result<()>, id: &SessionId| {
        if let Err(error) = sent {
            tracing::debug!(%error, session = %id, "a session was not let go of");
        }
    };
    let (to, session) = (peer.clone(), id.clone());
    let sent = peer
        .request("session.detach", &SessionParams { session_id: id })
        .on_end(move |outcome| {
            // Old CLIs know only this.
            if !outcome.done {
                unsent(
                    to.request("session.destroy", &SessionParams { session_id: &session }).detach(),
                    &session,
                );
            }
        })
        .detach();
    unsent(sent, id);
}

/// The CLI has no code for it, only words.
pub(in crate::session) fn is_unknown_session(error: &Error) -> bool {
    error.kind() == ErrorKind::Response && error.to_string().contains("Session not found")
}
