//! Logins that MCP servers want.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use crate::api::models::tokens::Secret;
use crate::error::Result;
use crate::protocol::mcp_login::{
    InterestParams, McpLogin, McpLoginAnswerParams, McpLoginResult, OAUTH_REQUIRED,
};
use crate::rpc::Peer;
use crate::session::SessionBuilder;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::Unreadable;
use crate::session::core::settled;
use crate::session::core::{Handler, IntoAnswer};

/// The answer to a [`McpLogin`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct McpLoginAnswer(Given);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Token { token: Secret, token_type: Option<String>, expires_in: Option<Duration> },
    Cancelled,
    RuntimeRefresh,
}

impl McpLoginAnswer {
    /// Go on with this access token.
    pub fn token(token: impl Into<Secret>) -> Self {
        Self(Given::Token { token: token.into(), token_type: None, expires_in: None })
    }

    /// Says how long the token is good for; nothing for another answer than a token.
    pub fn expires_in(mut self, time: Duration) -> Self {
        if let Given::Token { expires_in, .. } = &mut self.0 {
            *expires_in = Some(time);
        }
        self
    }

    /// Says what kind of token it is, `Bearer` unless set; nothing for another answer than a token.
    pub fn token_type(mut self, name: impl Into<String>) -> Self {
        if let Given::Token { token_type, .. } = &mut self.0 {
            *token_type = Some(name.into());
        }
        self
    }

    /// Go on without this server.
    pub fn cancelled() -> Self {
        Self(Given::Cancelled)
    }

    /// The CLI is to refresh the token by itself, where the request says that it can.
    pub fn runtime_refresh() -> Self {
        Self(Given::RuntimeRefresh)
    }

    pub(super) fn as_wire(&self) -> McpLoginResult<'_> {
        match &self.0 {
            Given::Token { token, token_type, expires_in } => McpLoginResult::Token {
                access_token: token.as_str(),
                token_type: token_type.as_deref(),
                expires_in: expires_in.map(|time| time.as_secs()),
            },
            Given::Cancelled => McpLoginResult::Cancelled,
            Given::RuntimeRefresh => McpLoginResult::RuntimeRefresh,
        }
    }
}

impl SessionBuilder {
    /// Has the program give the token when an MCP server wants a login.
    ///
    /// A handler that fails leaves the session without the server.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::{McpLoginAnswer, Session};
    ///
    /// let builder = Session::builder().on_mcp_login(|login| async move {
    ///     match std::env::var(format!("{}_TOKEN", login.server_name.to_uppercase())) {
    ///         Ok(token) => McpLoginAnswer::token(token),
    ///         Err(_) => McpLoginAnswer::cancelled(),
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `mcp.oauth_required`, from the CLI.
    pub fn on_mcp_login<F, R>(mut self, handler: impl Fn(McpLogin) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<McpLoginAnswer>,
    {
        self.settings.state.set(Handler::new(handler));
        self
    }
}

/// Tells the CLI that this session gives logins, if it does; otherwise it does not ask.
async fn register_interest(session: &SessionCore, peer: &Peer) -> Result<()> {
    let params = InterestParams { session_id: &session.id, event_type: OAUTH_REQUIRED };
    peer.call_raw("session.eventLog.registerInterest", &params).await.map(drop)
}

fn mcp_login_wanted(session: &Arc<SessionCore>, login: McpLogin) {
    let Some(handler) = session.handler() else { return };
    let id = login.request_id.clone();
    let what = format!("a login to {}", login.server_name);
    let question = Question::event("on_mcp_login", what, id.as_str());
    session.consult(question, handler.ask(login), move |inbox, answer| {
        let answer = answer.unwrap_or_else(McpLoginAnswer::cancelled);
        let params =
            McpLoginAnswerParams { session_id: &inbox.id, request_id: &id, result: answer.as_wire() };
        inbox.post_answer("session.mcp.oauth.handlePendingRequest", &params);
    });
}

pub(crate) const TOPIC: Topic = Topic {
    events: &[
        (OAUTH_REQUIRED, |session, data| session.read_event(OAUTH_REQUIRED, data, mcp_login_wanted)),
        ("mcp.oauth_completed", settled),
    ],
    opened: Some(|session, peer| {
        session.topic::<Handler<McpLogin, McpLoginAnswer>>()?;
        Some(Box::pin(register_interest(session, peer)))
    }),
    unreadable: &[(OAUTH_REQUIRED, |session, _, _| {
        session.topic::<Handler<McpLogin, McpLoginAnswer>>()?;
        let answer = json!({"result": McpLoginAnswer::cancelled().as_wire()});
        Some(Unreadable::new("on_mcp_login", "session.mcp.oauth.handlePendingRequest", answer))
    })],
    ..Topic::NONE
};
