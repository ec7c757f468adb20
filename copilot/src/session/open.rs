//! Opening a session on a connection: the first time, and again when the CLI was restarted.

use super::controls::done;
use super::inbox::Inbox;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, Restarted};
use crate::protocol::config::SessionOptions;
use crate::protocol::session::{SessionOpenParams, SessionOpenResponse, SessionOptionsParams, SessionParams};
use crate::rpc::{Peer, decode};

/// Whether the CLI makes a session or takes one up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Create,
    Resume,
}

impl Inbox {
    /// Wire: `session.create` or `session.resume`, to the CLI.
    pub(super) async fn open(&self, peer: &Peer, opening: Opening) -> Result<SessionOpenResponse> {
        let method = match opening {
            Opening::Create => "session.create",
            Opening::Resume => "session.resume",
        };
        let tools = self.tools();
        let params = SessionOpenParams {
            session_id: &self.id,
            config: &self.config,
            offers: self.handlers.offers(),
            tools: (!tools.is_empty()).then_some(&*tools),
            request_permission: true,
            tool_filter_precedence: "excluded",
            env_value_mode: "direct",
        };
        let answer = peer.call_raw(method, &params).await?;
        let answer: SessionOpenResponse = decode(method, &answer)?;
        if let Some(other) = answer.session_id.as_ref().filter(|other| **other != self.id) {
            let message = format!("{method}: asked for session {}, the CLI opened {other}", self.id);
            return Err(Error::new(ErrorKind::Decode, message));
        }
        self.apply_options(peer).await?;
        if let Some(capabilities) = &answer.capabilities {
            self.learn(capabilities);
        }
        self.wants_mcp_logins(peer).await?;
        self.wants_mcp_headers(peer).await?;
        Ok(answer)
    }

    /// Sets what the CLI takes only once the session exists. A session without what was asked for is let go again.
    ///
    /// Wire: `session.options.update`, to the CLI.
    async fn apply_options(&self, peer: &Peer) -> Result<()> {
        if self.config.options == SessionOptions::default() {
            return Ok(());
        }
        let method = "session.options.update";
        let params = SessionOptionsParams { session_id: &self.id, options: &self.config.options };
        let answer = peer.call(method, &params).await.and_then(|answer| done(method, answer));
        if answer.is_err() {
            let detached = peer.post_answer("session.detach", &SessionParams { session_id: &self.id });
            // Best effort: the refusal is what the caller learns.
            if let Err(error) = detached {
                tracing::debug!(%error, session = %self.id, "a refused session was not detached");
            }
        }
        answer
    }

    /// Takes the session up on a CLI that was started again, with its tools and handlers.
    pub(crate) async fn resume(&self, peer: &Peer, cause: &Error, cancelled: Vec<String>) -> Result<()> {
        if self.is_closed() {
            return Ok(());
        }
        let resumed = match self.open(peer, Opening::Resume).await {
            // A session in which nothing was said yet is not on disk: there is nothing to lose in making it anew.
            Err(error) if is_unknown_session(&error) => self.open(peer, Opening::Create).await,
            other => other,
        };
        resumed?;
        if self.is_closed() {
            // The program has closed it meanwhile, when there was no CLI that could have been told.
            return peer.post_answer("session.detach", &SessionParams { session_id: &self.id });
        }
        self.line.up(peer.clone());
        self.subscribers.publish(&Event::restarted(Restarted { cause: cause.clone(), cancelled }));
        Ok(())
    }
}

/// The CLI has no code for it, only words.
fn is_unknown_session(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Rpc(_)) && error.to_string().contains("Session not found")
}
