//! Opening a session on a connection: the first time, and again when the CLI was restarted.

use super::inbox::Inbox;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, Restarted};
use crate::protocol::session::{SessionOpenParams, SessionOpenResponse, SessionParams};
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
        let params = SessionOpenParams {
            session_id: &self.id,
            config: &self.config,
            offers: self.handlers.offers(),
            tools: (!self.tools.is_empty()).then_some(&self.tools),
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
        self.shows_forms_if(&answer.capabilities);
        self.wants_mcp_logins(peer).await?;
        Ok(answer)
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
