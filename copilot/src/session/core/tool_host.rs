//! The requests of a running tool to its session.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use serde::Serialize;
use serde_json::value::RawValue;

use super::state::SessionCore;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, ToolProgress};
use crate::protocol::{SessionId, ToolCallId};
use crate::tools::output::ticket::TicketRecord;
use crate::tools::{Timeouts, ToolHost};

impl ToolHost for SessionCore {
    fn progress(&self, call: &ToolCallId, tool: &str, fraction: Option<f64>, message: &str) {
        if self.subscribers.is_empty() {
            return;
        }
        self.subscribers.publish(&Event::tool_progress(ToolProgress {
            tool_call_id: call.clone(),
            tool_name: tool.to_owned(),
            fraction,
            message: message.to_owned(),
        }));
    }

    fn log(&self, level: &str, message: &str) {
        #[derive(Serialize)]
        #[serde(rename_all = "camelCase")]
        struct LogParams<'a> {
            session_id: &'a SessionId,
            message: &'a str,
            level: &'a str,
        }
        let params = LogParams { session_id: &self.id, message, level };
        let Some(peer) = self.connection.current() else { return };
        if let Err(error) = peer.request("session.log", &params).detach() {
            tracing::debug!(%error, "a tool's log line was not sent");
        }
    }

    fn call(&self, method: String, params: Box<RawValue>) -> BoxFuture<'_, Result<Box<RawValue>>> {
        Box::pin(async move {
            let params = with_session(&method, &self.id, &params)?;
            self.connection.ready().await?.request(&method, &params).raw().await
        })
    }

    fn reserve(&self, record: Arc<TicketRecord>) -> BoxFuture<'_, Result<()>> {
        Box::pin(async move { self.reserve_call(&record).await })
    }

    fn timeout(&self, group: Option<&str>) -> Duration {
        self.tool_policy.timeouts.as_ref().map_or(Timeouts::DEFAULT, |timeouts| timeouts.of(group))
    }

    fn ask_user(&self, question: String, choices: Vec<String>) -> BoxFuture<'_, Result<String>> {
        Box::pin(Self::ask_user(self, question, choices))
    }
}

/// The parameters with `sessionId` among them.
pub(in crate::session) fn with_session(
    method: &str,
    session: &SessionId,
    params: &RawValue,
) -> Result<BTreeMap<String, Box<RawValue>>> {
    let read = serde_json::from_str::<Option<BTreeMap<String, Box<RawValue>>>>(params.get());
    let mut members = read
        .map_err(|source| {
            let message =
                format!("{method}: the parameters must be an object, to which `sessionId` is added");
            Error::with_source(ErrorKind::InvalidInput, message, source)
        })?
        .unwrap_or_default();
    let session = serde_json::value::to_raw_value(session).expect("an id is a string");
    members.insert("sessionId".to_owned(), session);
    Ok(members)
}
