//! The context of the model: its newest part is removed, and questions are asked beside the conversation.

use serde::Serialize;

use super::history::History;
use crate::error::Result;
use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
use crate::session::Session;

/// The result of [`History::truncate`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Truncation {
    /// The number of removed events.
    pub events_removed: u64,
    /// The reason why snapshots of the workspace are left; `None` where they are removed too.
    pub checkpoint_cleanup_error: Option<String>,
}

/// The current activity of a session. Returned by [`Session::activity`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct Activity {
    /// Whether [`Session::abort`] would stop something.
    pub abortable: bool,
    /// Whether a turn or a task is running.
    pub has_active_work: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct TruncateParams<'a> {
    session_id: &'a SessionId,
    event_id: &'a str,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct QueryParams<'a> {
    session_id: &'a SessionId,
    question: &'a str,
}

#[derive(Decode)]
struct QueryResponse {
    answer: String,
}

impl History<'_> {
    /// Removes an event and all events after it from the history, by the id of the event. The files that the agent has
    /// changed stay as they are; [`rewind`](Self::rewind) restores them. The CLI calls this experimental.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such event.
    ///
    /// Wire: `session.history.truncate`, a [command](crate#commands).
    pub async fn truncate(&self, event_id: &str) -> Result<Truncation> {
        let params = TruncateParams { session_id: self.session().id(), event_id };
        self.session().peer().await?.request("session.history.truncate", &params).decoded().await
    }
}

impl Session {
    /// Asks the model a question about the conversation, without tools. Neither the question nor the answer becomes part
    /// of the conversation. The CLI calls this experimental.
    ///
    /// # Errors
    ///
    /// As every command, and when the model fails.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// let title = session.ephemeral_query("Which title would this conversation have?").await?;
    /// # drop(title); Ok(()) }
    /// ```
    ///
    /// Wire: `session.ui.ephemeralQuery`, a [command](crate#commands).
    pub async fn ephemeral_query(&self, question: &str) -> Result<String> {
        let params = QueryParams { session_id: self.id(), question };
        let peer = self.peer().await?;
        let response: QueryResponse = peer.request("session.ui.ephemeralQuery", &params).decoded().await?;
        Ok(response.answer)
    }

    /// Returns the current activity of the session. The CLI calls this experimental.
    ///
    /// Wire: `session.metadata.activity`, a [query](crate#queries).
    pub async fn activity(&self) -> Result<Activity> {
        self.ask_for("session.metadata.activity").await
    }
}
