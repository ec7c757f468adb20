//! The sessions of the CLI with their events and message queues.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::RpcError;
use super::exchange::Shared;
use super::question::OpenQuestion;
use super::turn::{self, Sent};
use crate::protocol::{MessageId, SessionId};
use crate::random;
use crate::task::{self, Task};

#[derive(Default)]
pub(super) struct FakeSession {
    /// The parameters of the request that opened the session.
    pub(super) config: Value,
    /// Whether a program has the session open: from `session.create` or `session.resume` until it is detached.
    open: bool,
    /// The event log, with the ephemeral events that stay in it.
    history: Vec<Value>,
    queue: VecDeque<Sent>,
    /// The client metadata.
    metadata: BTreeMap<String, Value>,
    /// The task that processes the queue; `None` while the agent is idle.
    agent: Option<Task>,
}

/// Frequent event types that the real CLI does not store.
const EPHEMERAL: &[&str] = &[
    "assistant.idle",
    "assistant.intent",
    "assistant.message_delta",
    "assistant.message_start",
    "assistant.reasoning_delta",
    "assistant.streaming_delta",
    "assistant.tool_call_delta",
    "assistant.usage",
    "session.idle",
    "session.title_changed",
    "session.usage_info",
    "tool.execution_partial_result",
    "tool.execution_progress",
];

/// The ephemeral event types that stay in the event log. The real CLI keeps the others for a while too.
const LOGGED: &[&str] = &["session.idle"];

fn metadata(id: &str) -> Value {
    let time = "2026-01-01T00:00:00.000Z";
    json!({"sessionId": id, "startTime": time, "modifiedTime": time, "isRemote": false})
}

impl Shared {
    pub(super) fn create_session(&self, params: &Value) -> Result<Value, RpcError> {
        let id = params["sessionId"].as_str().map_or_else(random::id, str::to_owned);
        let good =
            !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        if !good {
            return Err(RpcError::failed("session.create", &format!("Invalid session id: {id}")));
        }
        let id = SessionId::from(id);
        self.state().sessions.entry(id.to_string()).or_default().open(params);
        let start = json!({"sessionId": id, "copilotVersion": self.cli.version, "startTime": "2026-01-01T00:00:00.000Z",
                           "selectedModel": params["model"], "context": {"cwd": "/"}});
        self.event(&id, json!({"type": "session.start", "data": start}));
        Ok(self.opened(&id))
    }

    pub(super) fn resume_session(&self, params: &Value) -> Result<Value, RpcError> {
        let id = SessionId::from(params["sessionId"].as_str().unwrap_or_default());
        let (count, stopped) = match self.state().sessions.get_mut(id.as_str()) {
            Some(session) => {
                session.open(params);
                // The pending work of a lost CLI ends, unless the request continues it.
                let stopped = (params["continuePendingWork"] != true).then(|| session.stop());
                (session.stored().count(), stopped)
            }
            None => return Err(RpcError::failed("session.resume", &format!("Session not found: {id}"))),
        };
        drop(stopped);
        if params["disableResume"] != true {
            let resume = json!({"resumeTime": "2026-01-01T00:00:00.000Z", "eventCount": count});
            self.event(&id, json!({"type": "session.resume", "data": resume}));
        }
        Ok(self.opened(&id))
    }

    fn opened(&self, id: &SessionId) -> Value {
        let mut opened = json!({"sessionId": id, "workspacePath": format!("/fake/{id}")});
        if self.cli.at_least([1, 0, 10]) {
            opened["capabilities"] = json!({"ui": {"elicitation": false}});
        }
        opened
    }

    pub(super) fn list_sessions(&self) -> Value {
        let state = self.state();
        let mut ids: Vec<_> = state.sessions.keys().collect();
        ids.sort();
        json!({"sessions": ids.into_iter().map(|id| metadata(id)).collect::<Vec<_>>()})
    }

    /// A session without a message is not on disk.
    pub(super) fn session_metadata(&self, params: &Value) -> Value {
        let state = self.state();
        let has_message =
            |session: &FakeSession| session.history.iter().any(|event| event["type"] == "user.message");
        let known =
            params["sessionId"].as_str().filter(|id| state.sessions.get(*id).is_some_and(has_message));
        json!({"session": known.map(metadata)})
    }

    pub(super) fn history(&self, id: &SessionId) -> Value {
        let state = self.state();
        json!({"events": state.sessions.get(id.as_str()).map(|session| session.stored().collect::<Vec<_>>())})
    }

    /// The places of the real CLI are opaque; here they are numbers. One that is not known is expired.
    pub(super) fn event_page(&self, id: &SessionId, params: &Value) -> Value {
        let state = self.state();
        let events = state.sessions.get(id.as_str()).map_or(&[][..], |session| &session.history);
        let known = params["cursor"].as_str().map(|cursor| cursor.parse().ok());
        let from = known.flatten().unwrap_or(0);
        let (ephemeral, types) = (params["includeEphemeral"] == true, params["types"].as_array());
        let wanted = |event: &Value| {
            (ephemeral || event["ephemeral"] != true)
                && types.is_none_or(|types| types.contains(&event["type"]))
        };
        let rest = events.iter().enumerate().skip(from).filter(|(_, event)| wanted(event));
        let most = params["max"].as_u64().map_or(usize::MAX, |most| most as usize);
        let page: Vec<_> = rest.clone().take(most).collect();
        let has_more = rest.count() > page.len();
        let next = if has_more { page.last().map_or(from, |(at, _)| at + 1) } else { events.len() };
        let status = if known == Some(None) { "expired" } else { "ok" };
        let page: Vec<&Value> = page.into_iter().map(|(_, event)| event).collect();
        json!({"events": page, "cursor": next.to_string(), "hasMore": has_more, "cursorStatus": status})
    }

    pub(super) fn set_tools(&self, id: &SessionId, tools: &Value) {
        if let Some(session) = self.state().sessions.get_mut(id.as_str()) {
            session.config["tools"] = tools.clone();
        }
    }

    /// Changes the client metadata and returns it.
    pub(super) fn change_metadata(&self, id: &SessionId, changes: &Value) -> Value {
        let mut state = self.state();
        let Some(session) = state.sessions.get_mut(id.as_str()) else { return json!({}) };
        for key in changes["remove"].as_array().into_iter().flatten().filter_map(Value::as_str) {
            session.metadata.remove(key);
        }
        for (key, value) in changes["set"].as_object().into_iter().flatten() {
            session.metadata.insert(key.clone(), value.clone());
        }
        json!(session.metadata)
    }

    /// Stops the agent. The history is kept.
    pub(super) fn detach(&self, id: &SessionId) {
        let stopped = self.state().sessions.get_mut(id.as_str()).map(|session| {
            session.open = false;
            session.stop()
        });
        drop(stopped);
    }

    pub(super) fn open_sessions(&self) -> Vec<SessionId> {
        let state = self.state();
        let open = state.sessions.iter().filter(|(_, session)| session.open);
        let mut ids: Vec<_> = open.map(|(id, _)| SessionId::from(id.as_str())).collect();
        ids.sort_by(|a, b| a.as_str().cmp(b.as_str()));
        ids
    }

    /// Fills in the missing members of an event, stores it, sends it and returns its id.
    pub(super) fn event(&self, session: &SessionId, mut event: Value) -> String {
        let members = event.as_object_mut().expect("an event is an object");
        let name = members.get("type").and_then(Value::as_str).unwrap_or_default().to_owned();
        let mut state = self.state();
        let number = state.events;
        state.events += 1;
        let known = state.sessions.get_mut(session.as_str());
        if !members.contains_key("ephemeral") && EPHEMERAL.contains(&name.as_str()) {
            members.insert("ephemeral".to_owned(), true.into());
        }
        let kept = members.get("ephemeral") != Some(&Value::Bool(true));
        let parent =
            known.as_ref().and_then(|session| session.stored().next_back()).map(|event| event["id"].clone());
        let time = format!(
            "2026-01-01T00:{:02}:{:02}.{:03}Z",
            number / 60_000 % 60,
            number / 1000 % 60,
            number % 1000
        );
        members.entry("id").or_insert_with(|| random::id().into());
        members.entry("timestamp").or_insert_with(|| time.into());
        members.entry("parentId").or_insert_with(|| parent.unwrap_or_default());
        members.entry("data").or_insert_with(|| json!({}));
        let id = members["id"].as_str().unwrap_or_default().to_owned();
        if let Some(session) = known.filter(|_| kept || LOGGED.contains(&name.as_str())) {
            session.history.push(event.clone());
        }
        drop(state);
        self.send_event(session, event);
        id
    }

    /// Queues a message and starts the agent if it is idle.
    pub(super) fn enqueue(self: &Arc<Self>, id: &SessionId, params: &Value) -> MessageId {
        let message = MessageId::from(random::id());
        let mut state = self.state();
        if let Some(session) = state.sessions.get_mut(id.as_str()) {
            session.queue.push_back(Sent::new(id, &message, params));
            if session.agent.is_none() {
                session.agent = Some(task::spawn(work(Arc::clone(self), id.clone())));
            }
        }
        message
    }

    pub(super) fn abort(&self, id: &SessionId, reason: &str) {
        let (stopped, open) = {
            let mut state = self.state();
            let stopped = state.sessions.get_mut(id.as_str()).map(FakeSession::stop);
            let is_of_session = |open: &OpenQuestion| open.session == *id;
            let open: Vec<_> =
                state.open.keys().filter(|request| is_of_session(&state.open[*request])).cloned().collect();
            state.open.retain(|_, open| !is_of_session(open));
            (stopped, open)
        };
        let worked = stopped.as_ref().is_some_and(Option::is_some) || !open.is_empty();
        drop(stopped);
        for request in open {
            self.event(id, json!({"type": "external_tool.completed", "data": {"requestId": request}}));
        }
        if worked {
            self.event(id, json!({"type": "abort", "data": {"reason": reason}}));
            self.idle(id, true);
        }
    }

    pub(super) fn idle(&self, id: &SessionId, aborted: bool) {
        let mut data = json!({});
        if self.cli.at_least([1, 0, 82]) {
            data = json!({"mode": "interactive"});
            if aborted {
                data["aborted"] = true.into();
            }
        }
        self.event(id, json!({"type": "session.idle", "data": data}));
    }

    /// Completes a question sent as an event. Returns `false` when it is unknown or already answered.
    pub(super) fn settle(&self, id: &SessionId, what: &str, params: &Value) -> bool {
        let request = params["requestId"].as_str().unwrap_or_default();
        let Some(open) = self.state().open.remove(request) else { return false };
        let mut data = json!({"requestId": request});
        if what == "permission" {
            data["result"] = params["result"].clone();
            let call = &open.data["permissionRequest"]["toolCallId"];
            if !call.is_null() {
                data["toolCallId"] = call.clone();
            }
        }
        self.event(id, json!({"type": format!("{what}.completed"), "data": data}));
        true
    }
}

impl FakeSession {
    /// The events that are not ephemeral.
    fn stored(&self) -> impl DoubleEndedIterator<Item = &Value> {
        self.history.iter().filter(|event| event["ephemeral"] != true)
    }

    fn open(&mut self, params: &Value) {
        self.config = params.clone();
        self.open = true;
    }

    fn stop(&mut self) -> Option<Task> {
        self.queue.clear();
        self.agent.take()
    }
}

/// Processes a session's messages in order. One `session.idle` follows the last one.
async fn work(shared: Arc<Shared>, id: SessionId) {
    loop {
        let sent = {
            let mut state = shared.state();
            let Some(session) = state.sessions.get_mut(id.as_str()) else { return };
            session.queue.pop_front()
        };
        if let Some(sent) = sent {
            turn::play(&shared, sent).await;
            continue;
        }
        shared.idle(&id, false);
        let mut state = shared.state();
        let Some(session) = state.sessions.get_mut(id.as_str()) else { return };
        if session.queue.is_empty() {
            // Ends this task; a later message starts a new one.
            let agent = session.agent.take();
            drop(state);
            return drop(agent);
        }
    }
}
