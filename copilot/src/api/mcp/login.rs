//! Logins to MCP servers.

use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Mcp;
use crate::error::Result;
use crate::events::EventName;
use crate::protocol::mcp_login::{InterestParams, McpLoginAnswerParams, McpLoginRequest, McpLoginResult};
use crate::protocol::secret::Secret;
use crate::rpc::Peer;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::Unreadable;
use crate::session::core::settled;
use crate::session::core::{Handler, IntoAnswer};

/// The answer to an [`McpLoginRequest`].
#[derive(Clone, Debug, PartialEq, Eq)]
#[must_use]
pub struct McpLoginResponse(Given);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Given {
    Token { token: Secret, token_type: Option<String>, expires_in: Option<Duration> },
    Cancelled,
    RuntimeRefresh,
}

impl McpLoginResponse {
    /// Returns an access token, with which the CLI continues the login.
    pub fn token(token: impl Into<Secret>) -> Self {
        Self(Given::Token { token: token.into(), token_type: None, expires_in: None })
    }

    /// Sets how long the token is valid, without effect on other answers. Default: unknown.
    pub fn expires_in(mut self, time: Duration) -> Self {
        if let Given::Token { expires_in, .. } = &mut self.0 {
            *expires_in = Some(time);
        }
        self
    }

    /// Sets the type of the token, without effect on other answers. Default: `Bearer`.
    pub fn token_type(mut self, name: impl Into<String>) -> Self {
        if let Given::Token { token_type, .. } = &mut self.0 {
            *token_type = Some(name.into());
        }
        self
    }

    /// Cancels the login: the session continues without the server.
    pub fn cancelled() -> Self {
        Self(Given::Cancelled)
    }

    /// Lets the CLI refresh the token, if the request says that it can.
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

impl Mcp {
    /// Runs when an MCP server requires a login; returns the token.
    ///
    /// When the handler fails, the session continues without the server.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::mcp::{Mcp, McpLoginResponse};
    ///
    /// let logins = Mcp::new().on_login(|login| async move {
    ///     match std::env::var(format!("{}_TOKEN", login.server_name.to_uppercase())) {
    ///         Ok(token) => McpLoginResponse::token(token),
    ///         Err(_) => McpLoginResponse::cancelled(),
    ///     }
    /// });
    /// let builder = Session::builder().mcp(logins);
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `mcp.oauth_required`, from the CLI.
    pub fn on_login<F, R>(mut self, handler: impl Fn(McpLoginRequest) -> F + Send + Sync + 'static) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<McpLoginResponse>,
    {
        self.settings.state.set(Handler::new(handler));
        self
    }
}

/// Registers the session as a source of logins; without it the CLI sends no request.
async fn register_interest(session: &SessionCore, peer: &Peer) -> Result<()> {
    let params = InterestParams { session_id: &session.id, event_type: EventName::McpOauthRequired.as_str() };
    peer.request("session.eventLog.registerInterest", &params).raw().await.map(drop)
}

fn mcp_login_wanted(session: &Arc<SessionCore>, login: McpLoginRequest) {
    let Some(handler) = session.handler() else { return };
    let id = login.request_id.clone();
    let what = format!("a login to {}", login.server_name);
    let question = Question::event("Mcp::on_login", what, id.as_str());
    session.consult(question, handler.ask(login), move |inbox, answer| {
        let answer = answer.unwrap_or_else(McpLoginResponse::cancelled);
        let params =
            McpLoginAnswerParams { session_id: &inbox.id, request_id: &id, result: answer.as_wire() };
        inbox.post_answer("session.mcp.oauth.handlePendingRequest", &params);
    });
}

pub(crate) const TOPIC: Topic = Topic {
    events: &[
        (EventName::McpOauthRequired, |session, data| {
            session.read_event(EventName::McpOauthRequired, data, mcp_login_wanted);
        }),
        (EventName::McpOauthCompleted, settled),
    ],
    opened: Some(|session, peer| {
        session.topic::<Handler<McpLoginRequest, McpLoginResponse>>()?;
        Some(Box::pin(register_interest(session, peer)))
    }),
    unreadable: &[(EventName::McpOauthRequired, |session, _, _| {
        session.topic::<Handler<McpLoginRequest, McpLoginResponse>>()?;
        let answer = json!({"result": McpLoginResponse::cancelled().as_wire()});
        Some(Unreadable::new("Mcp::on_login", "session.mcp.oauth.handlePendingRequest", answer))
    })],
    ..Topic::NONE
};
