//! The reply of the agent to one message.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value;

use super::tool_usage::{self, ToolUsage};
use super::usage::Usage;
use crate::deferred::Ticket;
use crate::error::Error;
use crate::events::{AssistantMessage, Event, ToolRequest};
use crate::protocol::MessageId;

/// The answer of the agent, with the events of its turn.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(super) message: Option<Event>,
    pub(super) events: Vec<Event>,
    pub(super) usage: Usage,
    pub(super) aborted: bool,
    pub(super) deferred: Vec<Ticket<Value>>,
    pub(super) is_waiting: bool,
}

impl Reply {
    /// The text of the final message; empty when there was none.
    pub fn text(&self) -> &str {
        self.message().map_or("", |message| &message.content)
    }

    /// The final message.
    pub fn message(&self) -> Option<&AssistantMessage> {
        self.message.as_ref()?.assistant_message()?.ok()
    }

    /// Returns the id of the user's message that this answers; `None` on CLIs that do not send it.
    pub fn originating_message_id(&self) -> Option<&MessageId> {
        self.message()?.originating_message_id.as_ref()
    }

    /// Returns the events of the turn, without ephemeral ones such as deltas, and without those that were read from a
    /// [`Turn`](crate::Turn) before [`Turn::reply`](crate::Turn::reply). Empty
    /// [`without_events`](crate::session::AskRequest::without_events).
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// Returns the tool calls that the model made, in order, as far as they are in the [`events`](Self::events).
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolRequest> {
        self.events
            .iter()
            .filter_map(|event| event.assistant_message()?.ok())
            .flat_map(|message| &message.tool_requests)
    }

    /// Returns the requests, tokens, cost and time of the turn.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Returns the calls, failures and time of each tool in the turn, by the name that the model uses, as far as they are
    /// in the [`events`](Self::events). Calls of sub-agents count. [`Session::tool_usage`](crate::Session::tool_usage)
    /// has those of the whole session.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// let reply = session.ask("Find the oldest issue.").await?;
    /// for (tool, usage) in reply.tool_usage() {
    ///     println!("{tool}: {} calls, {:?}", usage.calls, usage.time);
    /// }
    /// # Ok(()) }
    /// ```
    pub fn tool_usage(&self) -> BTreeMap<String, ToolUsage> {
        tool_usage::by_tool(&self.events)
    }

    /// Returns the tickets of the session's [deferred](crate::deferred) calls that were open when the reply was made, in
    /// the order in which they were deferred. [`Session::settle`](crate::Session::settle) settles them.
    pub fn deferred(&self) -> &[Ticket<Value>] {
        &self.deferred
    }

    /// Returns whether the agent has not finished: it waits for the [deferred](Self::deferred) calls, and for the
    /// permissions that [`Session::pending`](crate::Session::pending) lists. Only with
    /// [`return_deferred`](crate::session::AskRequest::return_deferred).
    pub fn is_waiting(&self) -> bool {
        self.is_waiting
    }

    /// Whether the work was aborted.
    pub fn is_aborted(&self) -> bool {
        self.aborted
    }
}

impl Error {
    /// Returns what had arrived of a reply before a turn failed; `None` when there was no answer of the agent. Of a
    /// turn that a time limit has ended it may be the whole reply, of which only the end was lost.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// let text = match session.ask("Run the tests.").await {
    ///     Ok(reply) => reply.text().to_owned(),
    ///     Err(error) => match error.partial_reply() {
    ///         Some(reply) => format!("{}\n(incomplete: {error})", reply.text()),
    ///         None => return Err(error),
    ///     },
    /// };
    /// # drop(text); Ok(()) }
    /// ```
    pub fn partial_reply(&self) -> Option<&Reply> {
        self.partial()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
