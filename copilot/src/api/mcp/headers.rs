//! Headers with a limited lifetime, for the requests to MCP servers.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use serde_json::json;

use super::Mcp;
use crate::error::Result;
use crate::events::EventName;
use crate::protocol::mcp_headers::{McpHeadersAnswerParams, McpHeadersRequest, McpHeadersResult};
use crate::protocol::mcp_login::InterestParams;
use crate::protocol::secret::Secret;
use crate::rpc::Peer;
use crate::session::core::Question;
use crate::session::core::SessionCore;
use crate::session::core::Topic;
use crate::session::core::Unreadable;
use crate::session::core::settled;
use crate::session::core::{Handler, IntoAnswer};

/// The answer to an [`McpHeadersRequest`]; the values print as `<redacted>`.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[must_use]
pub struct McpHeadersResponse {
    headers: BTreeMap<String, Secret>,
    good_for: Option<Duration>,
}

impl McpHeadersResponse {
    /// Returns no headers: the requests have those of the configuration.
    pub fn none() -> Self {
        Self::default()
    }

    /// Returns one header; it replaces one of the same name in the configuration.
    pub fn new(name: impl Into<String>, value: impl Into<Secret>) -> Self {
        Self::default().header(name, value)
    }

    /// Adds a header.
    pub fn header(mut self, name: impl Into<String>, value: impl Into<Secret>) -> Self {
        self.headers.insert(name.into(), value.into());
        self
    }

    /// Sets how long the headers are valid. Default and maximum: the time of
    /// [`headers_refresh`](crate::mcp::RemoteServer::headers_refresh).
    pub fn good_for(mut self, time: Duration) -> Self {
        self.good_for = Some(time);
        self
    }

    fn as_wire(&self) -> McpHeadersResult<'_> {
        if self.headers.is_empty() {
            return McpHeadersResult::None;
        }
        McpHeadersResult::Headers {
            headers: &self.headers,
            ttl_ms: self.good_for.map(|time| u64::try_from(time.as_millis()).unwrap_or(u64::MAX)),
        }
    }
}

impl Mcp {
    /// Runs when the CLI needs headers for an MCP server that is configured with
    /// [`headers_refresh`](crate::mcp::RemoteServer::headers_refresh): before it connects, when the headers have
    /// expired, and when the server refuses them.
    ///
    /// When the handler fails the CLI does not connect to the server.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use copilot::Session;
    /// use copilot::mcp::{Mcp, McpHeadersResponse, McpServer};
    ///
    /// let vault = McpServer::http("https://vault.example.com/mcp").headers_refresh(Duration::from_secs(300));
    /// let headers = Mcp::new().on_headers(|wanted| async move {
    ///     let key = std::env::var(format!("{}_KEY", wanted.server_name.to_uppercase()))?;
    ///     Ok::<_, std::env::VarError>(McpHeadersResponse::new("X-Api-Key", key))
    /// });
    /// let builder = Session::builder().mcp_server("vault", vault).mcp(headers);
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `mcp.headers_refresh_required`, from the CLI.
    pub fn on_headers<F, R>(
        mut self,
        handler: impl Fn(McpHeadersRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoAnswer<McpHeadersResponse>,
    {
        self.settings.state.set(Handler::new(handler));
        self
    }
}

/// Registers the session as a source of headers; without it the CLI sends no request.
async fn register_interest(session: &SessionCore, peer: &Peer) -> Result<()> {
    let params =
        InterestParams { session_id: &session.id, event_type: EventName::McpHeadersRequired.as_str() };
    peer.request("session.eventLog.registerInterest", &params).raw().await.map(drop)
}

fn mcp_headers_wanted(session: &Arc<SessionCore>, wanted: McpHeadersRequest) {
    let Some(handler) = session.handler() else { return };
    let id = wanted.request_id.clone();
    let what = format!("headers for {}", wanted.server_name);
    let question = Question::event("Mcp::on_headers", what, id.as_str());
    session.consult(question, handler.ask(wanted), move |inbox, headers| {
        let result = headers.as_ref().map_or(FAILED, McpHeadersResponse::as_wire);
        let params = McpHeadersAnswerParams { session_id: &inbox.id, request_id: &id, result };
        inbox.post_answer("session.mcp.headers.handlePendingHeadersRefreshRequest", &params);
    });
}

pub(crate) const TOPIC: Topic = Topic {
    events: &[
        (EventName::McpHeadersRequired, |session, data| {
            session.read_event(EventName::McpHeadersRequired, data, mcp_headers_wanted);
        }),
        (EventName::McpHeadersCompleted, settled),
    ],
    opened: Some(|session, peer| {
        session.topic::<Handler<McpHeadersRequest, McpHeadersResponse>>()?;
        Some(Box::pin(register_interest(session, peer)))
    }),
    unreadable: &[(EventName::McpHeadersRequired, |session, _, _| {
        session.topic::<Handler<McpHeadersRequest, McpHeadersResponse>>()?;
        let method = "session.mcp.headers.handlePendingHeadersRefreshRequest";
        Some(Unreadable::new("Mcp::on_headers", method, json!({"result": FAILED})))
    })],
    ..Topic::NONE
};

/// The answer when the handler fails.
const FAILED: McpHeadersResult<'_> =
    McpHeadersResult::Error { message: "the program could not give the headers" };

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_do_not_show() {
        let headers = McpHeadersResponse::new("X-Key", "k1").good_for(Duration::from_secs(1));
        let shown = format!("{headers:?}");
        assert!(shown.contains("X-Key") && !shown.contains("k1"), "{shown}");
    }
}
