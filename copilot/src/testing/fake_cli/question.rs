//! Tool calls and permission requests of the CLI: events in protocol 3, requests in protocol 2.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde_json::{Value, json};

use super::exchange::Shared;
use crate::protocol::SessionId;
use crate::random;

/// A tool call to the program, created by [`FakeCli::call_tool`](super::FakeCli::call_tool). Awaiting it returns the
/// result.
///
/// # Cancel safety
///
/// The first poll sends the question; dropping the future discards the answer.
#[must_use = "a question is sent only when awaited or started"]
pub struct ToolCallQuestion {
    shared: Arc<Shared>,
    session: SessionId,
    data: Value,
    agent: Option<String>,
}

impl ToolCallQuestion {
    pub(super) fn new(shared: &Arc<Shared>, session: &SessionId, tool: &str, arguments: Value) -> Self {
        let mut data = json!({
            "requestId": random::id(),
            "sessionId": session,
            "toolCallId": format!("call_{}", random::id()),
            "toolName": tool,
        });
        data["arguments"] = arguments;
        Self { shared: Arc::clone(shared), session: session.clone(), data, agent: None }
    }

    /// Sets the id of the tool call. Default: a random id.
    pub fn call_id(self, id: &str) -> Self {
        self.with("toolCallId", id.into())
    }

    /// Sets the id of the request. Default: a random id. Protocol 2 has none.
    pub fn request_id(self, id: &str) -> Self {
        self.with("requestId", id.into())
    }

    /// Sets the id of the calling sub-agent. Protocol 2 does not send it. Default: the main agent.
    pub fn agent(mut self, id: &str) -> Self {
        self.agent = Some(id.to_owned());
        self
    }

    /// Sets a member of the call, such as `workingDirectory`.
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.data[member] = value;
        self
    }

    /// Sends the question and returns a handle to wait for the answer.
    pub fn start(self) -> PendingQuestion {
        let Self { shared, session, mut data, agent } = self;
        let tool = data["toolName"].as_str().unwrap_or_default();
        let what = format!("the result of the tool {tool}");
        if shared.cli.protocol == 2 {
            if let Some(members) = data.as_object_mut() {
                members.remove("requestId");
            }
            let asked = By::Request(shared.send_request("tool.call", &data));
            return PendingQuestion { shared, session, what, asked };
        }
        let mut event = json!({"type": "external_tool.requested", "data": data});
        if let Some(agent) = agent {
            event["agentId"] = agent.into();
        }
        PendingQuestion::ask(shared, session, what, event)
    }
}

/// A permission request to the program, created by [`FakeCli::ask_permission`](super::FakeCli::ask_permission).
/// Awaiting it returns the decision.
///
/// # Cancel safety
///
/// The first poll sends the question; dropping the future discards the answer.
#[must_use = "a question is sent only when awaited or started"]
pub struct PermissionQuestion {
    shared: Arc<Shared>,
    session: SessionId,
    data: Value,
}

impl PermissionQuestion {
    pub(super) fn new(shared: &Arc<Shared>, session: &SessionId, request: Value) -> Self {
        let mut data = json!({"requestId": random::id()});
        data["permissionRequest"] = request;
        // Clients detect by this member which permission decisions the CLI supports.
        if shared.cli.at_least([1, 0, 57]) {
            data["promptRequest"] = json!({"kind": data["permissionRequest"]["kind"]});
        }
        Self { shared: Arc::clone(shared), session: session.clone(), data }
    }

    /// Sets the id of the request. Default: a random id. Protocol 2 has none.
    pub fn request_id(self, id: &str) -> Self {
        self.with("requestId", id.into())
    }

    /// Sets a member beside `permissionRequest`, such as `resolvedByHook`.
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.data[member] = value;
        self
    }

    /// Sends the question and returns a handle to wait for the answer.
    pub fn start(self) -> PendingQuestion {
        let Self { shared, session, data } = self;
        let what = format!("the decision on {}", data["permissionRequest"]);
        if shared.cli.protocol == 2 {
            let params = json!({"sessionId": session, "permissionRequest": data["permissionRequest"]});
            let asked = By::Request(shared.send_request("permission.request", &params));
            return PendingQuestion { shared, session, what, asked };
        }
        let event = json!({"type": "permission.requested", "data": data});
        PendingQuestion::ask(shared, session, what, event)
    }
}

/// A question that was sent. Dropping it has no effect.
pub struct PendingQuestion {
    shared: Arc<Shared>,
    session: SessionId,
    what: String,
    asked: By,
}

/// A question that was sent as an event and is not answered.
pub(super) struct OpenQuestion {
    pub(super) session: SessionId,
    /// The payload of the event.
    pub(super) data: Value,
}

impl Shared {
    /// The tool calls that wait for a result, as the CLI lists them.
    pub(super) fn pending_calls(&self, session: &SessionId) -> Value {
        let call = |id: &String, data: &Value| {
            json!({"requestId": id, "toolCallId": data["toolCallId"], "toolName": data["toolName"],
                   "arguments": data["arguments"]})
        };
        self.pending(session, "toolName", call)
    }

    /// The permission requests that wait for a decision, as the CLI lists them.
    pub(super) fn pending_permissions(&self, session: &SessionId) -> Value {
        let request =
            |id: &String, data: &Value| json!({"requestId": id, "request": data["permissionRequest"]});
        self.pending(session, "permissionRequest", request)
    }

    fn pending(&self, session: &SessionId, of: &str, item: impl Fn(&String, &Value) -> Value) -> Value {
        let state = self.state();
        let open = state.open.iter().filter(|(_, open)| open.session == *session && !open.data[of].is_null());
        let items: Vec<Value> = open.map(|(id, open)| item(id, &open.data)).collect();
        json!({"items": items})
    }
}

enum By {
    Event { request: String, completed: &'static str },
    Request(u64),
}

impl PendingQuestion {
    fn ask(shared: Arc<Shared>, session: SessionId, what: String, event: Value) -> Self {
        let request = event["data"]["requestId"].as_str().unwrap_or_default().to_owned();
        let completed = match event["type"].as_str() {
            Some("permission.requested") => "permission.completed",
            _ => "external_tool.completed",
        };
        let open = OpenQuestion { session: session.clone(), data: event["data"].clone() };
        shared.state().open.insert(request.clone(), open);
        shared.event(&session, event);
        Self { shared, session, what, asked: By::Event { request, completed } }
    }

    /// Returns whether the program has answered.
    pub fn is_answered(&self) -> bool {
        match &self.asked {
            By::Event { request, .. } => self.shared.state().settled.contains_key(request),
            By::Request(id) => self.shared.is_answered(*id),
        }
    }

    /// Sends the event that the question is completed, as after an answer of another client. No effect in protocol 2.
    pub fn settle(&self) {
        if let By::Event { request, completed } = &self.asked {
            self.shared.state().open.remove(request);
            self.shared.event(&self.session, json!({"type": completed, "data": {"requestId": request}}));
        }
    }

    /// Waits for the answer and returns the result of the tool or the permission decision. An answer without a result
    /// is returned whole, such as `{"error": ..}`.
    ///
    /// # Panics
    ///
    /// Panics if no answer arrives within one minute.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: dropping the future has no effect, and the answer can be awaited again.
    pub async fn answer(&self) -> Value {
        let answer = match &self.asked {
            By::Event { request, .. } => {
                let first =
                    |state: &mut super::exchange::CliState| state.settled.get(request)?.first().cloned();
                self.shared.until(&self.what, first).await
            }
            By::Request(id) => match self.shared.response(*id, &self.what).await {
                Ok(answer) => answer,
                Err(error) => json!({"error": error.to_json()}),
            },
        };
        answer.get("result").cloned().unwrap_or(answer)
    }
}

macro_rules! question {
    ($($name:ident)*) => {$(
        impl IntoFuture for $name {
            type Output = Value;
            type IntoFuture = BoxFuture<'static, Value>;

            fn into_future(self) -> Self::IntoFuture {
                Box::pin(async move { self.start().answer().await })
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.debug_struct(stringify!($name)).field("session", &self.session).field("data", &self.data).finish_non_exhaustive()
            }
        }
    )*};
}

question! { ToolCallQuestion PermissionQuestion }

impl fmt::Debug for PendingQuestion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PendingQuestion").field("what", &self.what).finish_non_exhaustive()
    }
}
