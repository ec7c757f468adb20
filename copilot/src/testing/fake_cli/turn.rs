//! The turn of the simulated agent for one message.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde_json::{Value, json};

use super::FakeCli;
use super::exchange::Shared;
use super::question::{PermissionQuestion, ToolCallQuestion};
use crate::protocol::{MessageId, SessionId};
use crate::random;
use crate::task;

pub(super) type Play = Arc<dyn Fn(FakeTurn) -> BoxFuture<'static, ()> + Send + Sync>;

/// A queued message.
pub(super) struct Sent {
    session: SessionId,
    message: MessageId,
    params: Value,
}

impl Sent {
    pub(super) fn new(session: &SessionId, message: &MessageId, params: &Value) -> Self {
        Self { session: session.clone(), message: message.clone(), params: params.clone() }
    }
}

/// Runs the turn for one message, from `user.message` to `assistant.turn_end`.
pub(super) async fn play(shared: &Arc<Shared>, sent: Sent) {
    let turn_id = random::id();
    let turn =
        FakeTurn { cli: FakeCli::inner(shared), sent: Arc::new(sent), turn_id: turn_id.as_str().into() };
    let mut user = json!({"content": turn.prompt(), "turnId": turn_id});
    if turn.correlates() {
        user["messageId"] = turn.message_id().as_str().into();
    }
    turn.event("user.message", user);
    turn.event("assistant.turn_start", json!({"turnId": turn_id}));
    let played = shared.state().play.clone();
    let failed = match played {
        Some(play) => task::catch(async { play(turn.clone()).await }).await.err(),
        None => {
            let text = shared.state().texts.pop_front();
            turn.say(text.as_deref().unwrap_or("OK."));
            None
        }
    };
    if let Some(panic) = failed {
        turn.fail(&format!("the test's turn panicked: {panic}"));
    }
    turn.event("assistant.turn_end", json!({"turnId": turn_id}));
}

/// The turn for one message, passed to the closure of [`FakeCli::on_turn`]. Clones share it.
#[derive(Clone)]
pub struct FakeTurn {
    cli: FakeCli,
    sent: Arc<Sent>,
    turn_id: Arc<str>,
}

impl FakeTurn {
    /// Returns the CLI that runs the turn.
    pub fn cli(&self) -> &FakeCli {
        &self.cli
    }

    /// Returns the id of the session.
    pub fn session_id(&self) -> &SessionId {
        &self.sent.session
    }

    /// Returns the id of the message.
    pub fn message_id(&self) -> &MessageId {
        &self.sent.message
    }

    /// Returns the text of the message.
    pub fn prompt(&self) -> &str {
        self.sent.params["prompt"].as_str().unwrap_or_default()
    }

    /// Returns the parameters of the `session.send` request.
    pub fn params(&self) -> &Value {
        &self.sent.params
    }

    /// Sends an event of the session and returns its id.
    pub fn event(&self, name: &str, data: Value) -> String {
        self.cli.event(self.session_id(), name, data)
    }

    /// Sends a message of the agent. In a streaming session, deltas of one word each precede it.
    pub fn say(&self, text: impl AsRef<str>) {
        let (id, text) = (random::id(), text.as_ref());
        if self.config()["streaming"] == true {
            self.event("assistant.message_start", json!({"messageId": id}));
            for piece in text.split_inclusive(' ') {
                self.event("assistant.message_delta", json!({"messageId": id, "deltaContent": piece}));
            }
        }
        self.message(json!({"messageId": id, "content": text}));
    }

    /// Sends a tool call to the program and returns the result on the wire.
    ///
    /// As with the real agent, a permission request precedes the call unless the tool skips it. The result of a call
    /// that is not permitted has the `resultType` `denied`.
    ///
    /// # Panics
    ///
    /// Panics if the session has no such tool, or if no answer arrives within one minute.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future discards the result; the tool continues to run.
    pub async fn call_tool(&self, tool: &str, arguments: Value) -> Value {
        let id = format!("call_{}", random::id());
        let request = json!({"toolCallId": id, "name": tool, "arguments": arguments, "type": "function"});
        self.message(json!({"messageId": random::id(), "content": "", "toolRequests": [request]}));
        self.event(
            "tool.execution_start",
            json!({"toolCallId": id, "toolName": tool, "arguments": arguments}),
        );
        let result = self.run_tool(&id, tool, &arguments).await;
        let success = result["resultType"] == "success" || result.is_string();
        let text = result["textResultForLlm"].as_str().or(result.as_str()).unwrap_or_default();
        let mut complete = json!({"toolCallId": id, "success": success});
        if success {
            complete["result"] = json!({"content": text});
        } else {
            complete["error"] = json!({"message": text, "code": result["resultType"]});
        }
        self.event("tool.execution_complete", complete);
        result
    }

    /// Sends `session.error`. The turn ends when the closure returns.
    pub fn fail(&self, message: &str) {
        let mut error = json!({"errorType": "query", "message": message});
        self.correlate(&mut error);
        self.event("session.error", error);
    }

    async fn run_tool(&self, id: &str, tool: &str, arguments: &Value) -> Value {
        let config = self.config();
        let tools = config["tools"].as_array().map_or(&[][..], Vec::as_slice);
        let Some(definition) = tools.iter().find(|definition| definition["name"] == tool) else {
            let names: Vec<_> = tools.iter().filter_map(|definition| definition["name"].as_str()).collect();
            panic!("the session has no tool `{tool}`; it has {names:?}");
        };
        let shared = &self.cli.shared;
        if shared.cli.protocol > 2 && definition["skipPermission"] != true {
            let request = json!({"kind": "custom-tool", "toolCallId": id, "toolName": tool,
                                 "toolDescription": definition["description"], "args": arguments});
            let decision = PermissionQuestion::new(shared, self.session_id(), request).await;
            if !decision["kind"].as_str().is_some_and(|kind| kind.starts_with("approve")) {
                let text = "Permission denied and could not request permission from user";
                return json!({"resultType": "denied", "textResultForLlm": text});
            }
        }
        ToolCallQuestion::new(shared, self.session_id(), tool, arguments.clone()).call_id(id).await
    }

    fn message(&self, mut message: Value) {
        self.correlate(&mut message);
        self.event("assistant.message", message);
    }

    fn correlate(&self, data: &mut Value) {
        if self.correlates() {
            data["originatingMessageId"] = self.message_id().as_str().into();
        }
    }

    fn correlates(&self) -> bool {
        self.cli.shared.cli.correlates_messages()
    }

    fn config(&self) -> Value {
        let state = self.cli.shared.state();
        state
            .sessions
            .get(self.session_id().as_str())
            .map(|session| session.config.clone())
            .unwrap_or_default()
    }
}

impl fmt::Debug for FakeTurn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FakeTurn")
            .field("session", self.session_id())
            .field("turn", &self.turn_id)
            .field("params", self.params())
            .finish_non_exhaustive()
    }
}
