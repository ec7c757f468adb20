//! The requests of a running tool to the person at the terminal.

use std::io::IsTerminal as _;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;
use serde_json::value::RawValue;
use tokio::sync::Mutex;

use super::terminal::{self, BOLD, DIM, can_ask, harmless, one_line, report, styled};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::ToolCallId;
use crate::tools::output::ticket::TicketRecord;
use crate::tools::{Timeouts, ToolHost};

/// The host of the one call.
pub(super) struct TerminalHost {
    pub(super) tool: String,
    pub(super) timeouts: Timeouts,
    /// Held while a question is asked, because a tool may ask several concurrently.
    pub(super) asking: Mutex<()>,
}

impl ToolHost for TerminalHost {
    fn progress(&self, _: &ToolCallId, _: &str, fraction: Option<f64>, message: &str) {
        let percent = fraction.map_or_else(String::new, |fraction| format!("{:3.0} % ", fraction * 100.0));
        best_effort(&styled(DIM, &format!("{percent}{}", harmless(message))));
    }

    fn log(&self, level: &str, message: &str) {
        best_effort(&styled(DIM, &format!("{level}: {}", harmless(message))));
    }

    fn call(&self, method: String, _: Box<RawValue>) -> BoxFuture<'_, Result<Box<RawValue>>> {
        let message = format!(
            "`{method}` cannot be sent: the tool was called from the command line, and not by a session"
        );
        Box::pin(async move { Err(Error::new(ErrorKind::Unsupported, message)) })
    }

    fn reserve(&self, _: Arc<TicketRecord>) -> BoxFuture<'_, Result<()>> {
        let message = format!(
            "the call of `{}` cannot be deferred: it was made from the command line, and ends with the program",
            self.tool
        );
        Box::pin(async move { Err(Error::new(ErrorKind::Unsupported, message)) })
    }

    fn timeout(&self, group: Option<&str>) -> Duration {
        self.timeouts.of(group)
    }

    fn ask_user(&self, question: String, choices: Vec<String>) -> BoxFuture<'_, Result<String>> {
        Box::pin(async move {
            let _asking = self.asking.lock().await;
            ask(&question, &choices).await
        })
    }
}

/// Asks the person a question. A number selects one of the choices.
pub(super) async fn ask(question: &str, choices: &[String]) -> Result<String> {
    let failed = |message: String| Error::new(ErrorKind::Session, message);
    if !can_ask() && !std::io::stdin().is_terminal() {
        return Err(failed(format!("the person cannot be asked `{question}`: stdin is not a terminal")));
    }
    let mut text = format!("{} {}\n", styled(BOLD, "?"), harmless(question));
    for (number, choice) in choices.iter().enumerate() {
        text.push_str(&format!("  {}. {}\n", number + 1, one_line(choice)));
    }
    text.push_str("> ");
    terminal::prompt(&text).map_err(|error| failed(format!("the question cannot be printed: {error}")))?;
    let answer =
        terminal::line().await.map_err(|error| failed(format!("the answer cannot be read: {error}")))?;
    let answer = answer.ok_or_else(|| failed("the person dismissed the question".to_owned()))?;
    let chosen = answer.trim().parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
    Ok(chosen.cloned().unwrap_or(answer))
}

/// Writes a line of a report that the call does not depend on.
fn best_effort(line: &str) {
    // A closed stderr does not end the call.
    let _ = report(&format!("{line}\n"));
}
