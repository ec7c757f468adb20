//! What the CLI asks the program on a session's behalf: by event in protocol 3, by request in protocol 2.

use std::fmt;
use std::future::IntoFuture;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde_json::{Value, json};

use super::exchange::Shared;
use crate::protocol::SessionId;
use crate::random;

/// Asks the program to run a tool; await it for the result. Made by [`FakeCli::call_tool`](super::FakeCli::call_tool).
///
/// # Cancel safety
///
/// Once polled the question is asked; dropping the future forgets the answer.
#[must_use = "nothing is asked until it is awaited or started"]
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

    /// The call's id; a random one unless set.
    pub fn call_id(self, id: &str) -> Self {
        self.with("toolCallId", id.into())
    }

    /// The question's id; a random one unless set. Protocol 2 has none.
    pub fn request_id(self, id: &str) -> Self {
        self.with("requestId", id.into())
    }

    /// The sub-agent that calls. Protocol 2 does not tell.
    pub fn agent(mut self, id: &str) -> Self {
        self.agent = Some(id.to_owned());
        self
    }

    /// Adds a member, such as `workingDirectory`, or replaces one.
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.data[member] = value;
        self
    }

    /// Asks now; the answer is waited for separately.
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

/// Asks the program for a permission; await it for the decision. Made by
/// [`FakeCli::ask_permission`](super::FakeCli::ask_permission).
///
/// # Cancel safety
///
/// Once polled the question is asked; dropping the future forgets the answer.
#[must_use = "nothing is asked until it is awaited or started"]
pub struct PermissionQuestion {
    shared: Arc<Shared>,
    session: SessionId,
    data: Value,
}

impl PermissionQuestion {
    pub(super) fn new(shared: &Arc<Shared>, session: &SessionId, request: Value) -> Self {
        let mut data = json!({"requestId": random::id()});
        data["permissionRequest"] = request;
        // This is how a client tells which words the CLI understands.
        if shared.cli.at_least([1, 0, 57]) {
            data["promptRequest"] = json!({"kind": data["permissionRequest"]["kind"]});
        }
        Self { shared: Arc::clone(shared), session: session.clone(), data }
    }

    /// The question's id; a random one unless set. Protocol 2 has none.
    pub fn request_id(self, id: &str) -> Self {
        self.with("requestId", id.into())
    }

    /// Adds a member beside `permissionRequest`, such as `resolvedByHook`, or replaces one.
    pub fn with(mut self, member: &str, value: Value) -> Self {
        self.data[member] = value;
        self
    }

    /// Asks now; the answer is waited for separately.
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

/// A question that was asked. Dropping it changes nothing.
pub struct PendingQuestion {
    shared: Arc<Shared>,
    session: SessionId,
    what: String,
    asked: By,
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
        shared.state().open.insert(request.clone(), session.to_string());
        shared.event(&session, event);
        Self { shared, session, what, asked: By::Event { request, completed } }
    }

    /// Whether the program has answered.
    pub fn is_answered(&self) -> bool {
        match &self.asked {
            By::Event { request, .. } => self.shared.state().settled.contains_key(request),
            By::Request(id) => self.shared.is_answered(*id),
        }
    }

    /// Tells the program that the question is settled, as when somebody else has answered it. Protocol 2 cannot.
    pub fn settle(&self) {
        if let By::Event { request, completed } = &self.asked {
            self.shared.state().open.remove(request);
            self.shared.event(&self.session, json!({"type": completed, "data": {"requestId": request}}));
        }
    }

    /// Waits for the answer: the result of a tool, the decision on a permission. An answer without one gives the
    /// whole of it, such as `{"error": ..}`.
    ///
    /// # Panics
    ///
    /// When no answer comes within a minute.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future changes nothing; the answer can be waited for again.
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
