//! Opening a session on a connection: the first time, and again when the CLI was restarted.

use super::controls::done;
use super::inbox::Inbox;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, Restarted};
use crate::protocol::SessionId;
use crate::protocol::config::SessionOptions;
use crate::protocol::session::{SessionOpenParams, SessionOpenResponse, SessionOptionsParams, SessionParams};
use crate::rpc::{Outcome, Peer, decode};

/// Whether the CLI makes a session or takes one up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    Create,
    Resume,
}

impl Inbox {
    /// When it fails or is dropped on the way, the CLI lets go of the session again.
    ///
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
        let (to, id) = (peer.clone(), self.id.clone());
        let settle = move |outcome: Outcome| {
            if outcome.done && !outcome.awaited {
                let_go(&to, &id);
            }
        };
        let answer = peer.call_and_settle(method, &params, settle).await?;
        let opened = Opened { peer, id: &self.id };
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
        opened.keep();
        Ok(answer)
    }

    /// Sets what the CLI takes only once the session exists.
    ///
    /// Wire: `session.options.update`, to the CLI.
    async fn apply_options(&self, peer: &Peer) -> Result<()> {
        if self.config.options == SessionOptions::default() {
            return Ok(());
        }
        let method = "session.options.update";
        let params = SessionOptionsParams { session_id: &self.id, options: &self.config.options };
        done(method, peer.call(method, &params).await?)
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

/// A session that the CLI has opened and that may still lack something; dropped like this, it is let go of.
struct Opened<'a> {
    peer: &'a Peer,
    id: &'a SessionId,
}

impl Opened<'_> {
    fn keep(self) {
        std::mem::forget(self);
    }
}

impl Drop for Opened<'_> {
    fn drop(&mut self) {
        let_go(self.peer, self.id);
    }
}

/// Lets go of a session without waiting for it; best effort, because nobody is left who could be told.
fn let_go(peer: &Peer, id: &SessionId) {
    let unsent = |sent: Result<()>, id: &SessionId| {
        if let Err(error) = sent {
            tracing::debug!(%error, session = %id, "a session was not let go of");
        }
    };
    let (to, session) = (peer.clone(), id.clone());
    let sent = peer.post_and_settle("session.detach", &SessionParams { session_id: id }, move |outcome| {
        // Old CLIs know only this.
        if !outcome.done {
            unsent(to.post_answer("session.destroy", &SessionParams { session_id: &session }), &session);
        }
    });
    unsent(sent, id);
}

/// The CLI has no code for it, only words.
fn is_unknown_session(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Rpc(_)) && error.to_string().contains("Session not found")
}
