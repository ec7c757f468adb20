//! The events that announce calls, and the task that asks for their requests.

use std::borrow::Cow;
use std::sync::{Arc, Weak};
use std::time::Duration;

use serde_json::value::RawValue;
use tokio::time::{Instant, sleep_until};

use crate::events::{EventHead, EventName, Idle, RecoveryCause};
use crate::protocol::decode::{self, Decode};
use crate::session::core::announced::{Announced, CallKey};
use crate::session::core::call_watch::{Overdue, Watched};
use crate::session::core::{SessionCore, Topic};
use crate::task;

/// The handlers of events that announce calls, or say that none follows.
pub(crate) const TOPIC: Topic = Topic {
    state_events: &[
        (EventName::AssistantMessage, announced_by_message),
        (EventName::ToolExecutionStart, announced_by_start),
        (EventName::ToolExecutionComplete, ended),
        (EventName::SessionIdle, at_rest),
    ],
    ..Topic::NONE
};

/// A call in the payload of an event that announces it.
#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct Announcement<'a> {
    #[serde(default)]
    tool_call_id: Cow<'a, str>,
    /// The tool, in `tool.execution_start`.
    #[serde(default)]
    tool_name: Cow<'a, str>,
    /// The tool, in `assistant.message`.
    #[serde(default)]
    name: Cow<'a, str>,
}

#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct AgentMessage<'a> {
    #[serde(default)]
    tool_requests: Option<&'a RawValue>,
}

/// An announcement that cannot be read announces nothing: the other events of the call do.
fn announced_by_message(session: &Arc<SessionCore>, event: &EventHead<'_>) {
    if session.tools().is_empty() {
        return;
    }
    let Ok(AgentMessage { tool_requests: Some(requests) }) = decode::event(event.data().get()) else {
        return;
    };
    let read = decode::each(requests.get(), |call: Announcement<'_>| {
        session.announced(&call.name, &call.tool_call_id);
    });
    if let Err(error) = read {
        tracing::debug!(%error, session = %session.id, "the tool calls of a message cannot be read");
    }
}

fn announced_by_start(session: &Arc<SessionCore>, event: &EventHead<'_>) {
    if let Ok(call) = decode::event::<Announcement<'_>>(event.data().get()) {
        session.announced(&call.tool_name, &call.tool_call_id);
    }
}

fn ended(session: &Arc<SessionCore>, event: &EventHead<'_>) {
    if session.watch.is_used()
        && let Ok(call) = decode::event::<Announcement<'_>>(event.data().get())
    {
        session.watch.update(|announced| announced.ended(Announced::key(&call.tool_call_id)));
    }
}

fn at_rest(session: &Arc<SessionCore>, event: &EventHead<'_>) {
    if event.agent().is_none() && Idle::read(event.data().get()).is_end() {
        session.watch.update(Announced::clear);
        session.call_budgets.reset_tools();
    }
}

/// The longest time between two looks at the table: a later announcement may be due before an earlier one.
const LOOK: Duration = Duration::from_secs(2);

/// Asks the CLI for requests that are missing, until none is.
///
/// The task does not end before the time that the first request has, although most requests come immediately: so a session
/// with many calls does not start it for each.
async fn watch(session: Weak<SessionCore>, mut due: Instant) {
    loop {
        sleep_until(due.min(Instant::now() + LOOK)).await;
        let Some(session) = session.upgrade() else { return };
        match session.watch.take_overdue(session.calls.is_consulted()) {
            Some(Overdue::Call) => drop(session.recover(RecoveryCause::CallNotRequested).await),
            Some(Overdue::Skipped) => drop(session.recover(RecoveryCause::MessageSkipped).await),
            None => {}
        }
        let Some(next) = session.watch.next_due() else { return };
        due = next;
    }
}

impl SessionCore {
    /// The agent is about to call a tool. One of another program is not waited for.
    fn announced(self: &Arc<Self>, tool: &str, call: &str) {
        if !call.is_empty() && self.tools().get(tool).is_some() {
            self.watch_for(|watched| watched.announce(call));
        }
    }

    /// A permission for a call was requested; returns the key of the call. One of another program's tool is not waited for.
    pub(in crate::session) fn deciding(
        self: &Arc<Self>,
        tool: Option<&str>,
        call: Option<&str>,
    ) -> Option<CallKey> {
        self.tools().get(tool?)?;
        let call = call?;
        self.watch_for(|watched| watched.deciding(call))
    }

    /// This program has permitted or denied a call.
    pub(in crate::session) fn decided(self: &Arc<Self>, call: CallKey, is_permitted: bool) {
        self.watch_for(|watched| watched.decided(call, is_permitted));
    }

    /// The CLI reports that a call was permitted or denied. One that is not watched is of another program's tool.
    pub(in crate::session) fn call_decided(self: &Arc<Self>, call: &str, is_permitted: bool) {
        if self.watch.is_used() {
            self.watch_for(|watched| watched.decided(Announced::key(call), is_permitted));
        }
    }

    /// A message was skipped that may have been a question.
    pub(in crate::session) fn ask_for_skipped(self: &Arc<Self>) {
        self.watch_for(|watched| watched.has_skipped = true);
    }

    fn watch_for<T>(self: &Arc<Self>, change: impl FnOnce(&mut Watched) -> T) -> Option<T> {
        let start = |due| task::spawn(watch(Arc::downgrade(self), due));
        (!self.is_closed()).then(|| self.watch.begin(change, start))
    }
}
