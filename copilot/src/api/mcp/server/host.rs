//! The requests of a running tool to its MCP client.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_core::future::BoxFuture;
use rmcp::model::{
    JsonObject, ProgressNotification, ProgressNotificationParam, ProgressToken, ServerNotification,
};
#[expect(
    deprecated,
    reason = "clients of older revisions, and those that request it, read log messages"
)]
use rmcp::model::{LoggingLevel, LoggingMessageNotification, LoggingMessageNotificationParam};
use serde_json::Value;
use serde_json::value::RawValue;

use super::core::Core;
use super::outgoing::Outgoing;
use super::questions::{Asker, Form};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::ToolCallId;
use crate::task::lock;
use crate::tools::ToolHost;
use crate::tools::output::ticket::TicketRecord;

/// The host of one call.
pub(super) struct CallHost {
    pub(super) core: Arc<Core>,
    pub(super) tool: String,
    /// The token of the client's progress reports; `None` if it wants none.
    pub(super) progress: Option<ProgressToken>,
    /// The part that the last progress report named, which the next one has to exceed.
    pub(super) reported: Mutex<Option<f64>>,
    /// Whether the client reads log messages of the level `info`.
    pub(super) logs: bool,
    pub(super) asker: Asker,
    pub(super) outgoing: Arc<Outgoing>,
}

impl ToolHost for CallHost {
    fn progress(&self, _: &ToolCallId, _: &str, fraction: Option<f64>, message: &str) {
        let Some(token) = &self.progress else { return };
        // Held until the report is in the queue, because threads of a tool may report concurrently.
        let mut reported = lock(&self.reported);
        let increased = fraction.filter(|fraction| reported.is_none_or(|reported| *fraction > reported));
        // The protocol requires that the progress increases with each notification.
        let Some(fraction) = increased else {
            drop(reported);
            return self.log("info", message);
        };
        *reported = Some(fraction);
        let progress =
            ProgressNotificationParam::new(token.clone(), fraction).with_total(1.0).with_message(message);
        self.outgoing.push(ServerNotification::ProgressNotification(ProgressNotification::new(progress)));
    }

    #[expect(deprecated, reason = "clients of older revisions, and those that request it, read log messages")]
    fn log(&self, _: &str, message: &str) {
        if !self.logs {
            return;
        }
        let data = Value::String(message.to_owned());
        let line = LoggingMessageNotificationParam::new(LoggingLevel::Info, data).with_logger(&self.tool);
        let line = LoggingMessageNotification::new(line);
        self.outgoing.push(ServerNotification::LoggingMessageNotification(line));
    }

    fn call(&self, method: String, _: Box<RawValue>) -> BoxFuture<'_, Result<Box<RawValue>>> {
        let message = format!("`{method}` cannot be sent: an MCP client called the tool, and not a session");
        Box::pin(async move { Err(Error::new(ErrorKind::Unsupported, message)) })
    }

    fn reserve(&self, _: Arc<TicketRecord>) -> BoxFuture<'_, Result<()>> {
        let message = format!(
            "the call of `{}` cannot be deferred: an MCP client called the tool, and its call ends with the connection",
            self.tool
        );
        Box::pin(async move { Err(Error::new(ErrorKind::Unsupported, message)) })
    }

    fn timeout(&self, group: Option<&str>) -> Duration {
        self.core.policy.timeouts.of(group)
    }

    fn ask_user(&self, question: String, choices: Vec<String>) -> BoxFuture<'_, Result<String>> {
        Box::pin(async move {
            let answer = self.asker.ask(Form::question(question, &choices)).await?;
            let answer =
                answer.ok_or_else(|| Error::new(ErrorKind::Session, "the user dismissed the question"))?;
            text(&answer)
        })
    }
}

/// Returns the answer to a question.
fn text(answer: &JsonObject) -> Result<String> {
    match answer.get("answer") {
        Some(Value::String(text)) => Ok(text.clone()),
        _ => Err(Error::new(ErrorKind::Decode, "the answer of the MCP client has no text `answer`")),
    }
}
