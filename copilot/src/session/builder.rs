//! Configuring a session, and opening it.

use std::fmt;
use std::sync::Arc;

use serde_json::Value;
use tokio::sync::Mutex;

use super::handlers::Handlers;
use super::inbox::Inbox;
use super::link::{Connect, Link};
use super::open::Opening;
use super::permissions::{Decision, PermissionRequest, Permissions};
use super::provider::Provider;
use super::{Session, Shared};
use crate::error::{Error, ErrorKind, Result};
use crate::events::DEFAULT_BUDGET;
use crate::protocol::SessionId;
use crate::protocol::session::SessionConfig;
use crate::random;
use crate::tools::{StateMap, ToolSelection};

/// Configures a session. Made by [`Session::builder`], [`Client::session`](crate::Client::session) and
/// [`Client::resume`](crate::Client::resume).
#[must_use = "a builder does nothing until `start` is awaited"]
pub struct SessionBuilder {
    connect: Box<dyn Connect>,
    /// The session to take up again, or nothing for a new one.
    resume: bool,
    id: Option<SessionId>,
    pub(super) config: SessionConfig,
    pub(super) tools: ToolSelection,
    pub(super) states: StateMap,
    pub(super) handlers: Handlers,
    event_budget: usize,
}

impl SessionBuilder {
    pub(crate) fn new(connect: Box<dyn Connect>) -> Self {
        Self {
            connect,
            resume: false,
            id: None,
            config: SessionConfig::default(),
            tools: ToolSelection::default(),
            states: StateMap::default(),
            handlers: Handlers::default(),
            event_budget: DEFAULT_BUDGET,
        }
    }

    pub(crate) fn resuming(connect: Box<dyn Connect>, id: SessionId) -> Self {
        Self { resume: true, id: Some(id), ..Self::new(connect) }
    }

    pub(crate) fn connect(mut self, connect: Box<dyn Connect>) -> Self {
        self.connect = connect;
        self
    }

    /// The id of the new session: ASCII letters, digits, `_` and `-`; a random UUID unless set.
    pub fn id(mut self, id: impl Into<SessionId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// The model that answers, such as `gpt-5`.
    pub fn model(mut self, model: impl Into<String>) -> Self {
        self.config.model = Some(model.into());
        self
    }

    /// How hard the model thinks, such as `low` or `high`; which efforts there are depends on the model.
    pub fn reasoning_effort(mut self, effort: impl Into<String>) -> Self {
        self.config.reasoning_effort = Some(effort.into());
        self
    }

    /// Whether messages also come in pieces while the model writes them; off unless set.
    pub fn streaming(mut self, on: bool) -> Self {
        self.config.streaming = Some(on);
        self
    }

    /// A model's endpoint of your own, instead of a Copilot login.
    pub fn provider(mut self, provider: Provider) -> Self {
        let (wire, token) = provider.into_parts();
        self.config.provider = Some(wire);
        self.handlers.provider_tokens.set_default(token);
        self
    }

    /// The name that this program gives itself towards the model's service.
    pub fn client_name(mut self, name: impl Into<String>) -> Self {
        self.config.client_name = Some(name.into());
        self
    }

    /// The directory that the agent works in; the CLI's own unless set.
    pub fn working_directory(mut self, path: impl Into<String>) -> Self {
        self.config.working_directory = Some(path.into());
        self
    }

    /// The only tools that the model sees, by name or by source, such as `custom:*`; all unless set.
    pub fn available_tools(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.config.available_tools = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Tools that the model does not see, by name or by source, such as `builtin:*`.
    pub fn excluded_tools(mut self, names: impl IntoIterator<Item = impl Into<String>>) -> Self {
        self.config.excluded_tools = Some(names.into_iter().map(Into::into).collect());
        self
    }

    /// Sets a member of `session.create` that has no method here. Setting one that has is an error at `start`.
    pub fn raw(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
        self.config.raw.insert(member.into(), value.into());
        self
    }

    /// What the agent may do; see [`Permissions`] for what it may unless set.
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.handlers.permissions = permissions;
        self
    }

    /// Has the program decide what the agent may do, its own tools included. It wins over
    /// [`permissions`](Self::permissions); a handler that panics denies.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::{Decision, PermissionKind, Session};
    ///
    /// let builder = Session::builder().on_permission(|request| async move {
    ///     match request.kind() {
    ///         PermissionKind::Read | PermissionKind::CustomTool => Decision::Approve,
    ///         _ => Decision::reject("this program only looks"),
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `permission.requested`, from the CLI.
    pub fn on_permission<F>(
        mut self,
        handler: impl Fn(PermissionRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = Decision> + Send + 'static,
    {
        self.handlers.permission = Some(Arc::new(move |request| Box::pin(handler(request))));
        self
    }

    /// How many bytes of events wait for a slow subscriber before the oldest are dropped; 64 MiB unless set.
    pub fn event_budget(mut self, bytes: usize) -> Self {
        self.event_budget = bytes;
        self
    }

    /// Opens the session, on a CLI of its own unless a client was given.
    ///
    /// # Errors
    ///
    /// Before anything is started: when the tools do not fit together or lack state, and when options contradict.
    /// Then: when no CLI is found, it cannot be started, or it refuses.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops a CLI that it has started; on a given client the session may be left in the CLI.
    ///
    /// Wire: `session.create` or `session.resume`, to the CLI.
    pub async fn start(self) -> Result<Session> {
        let tools = self.tools.resolve(&self.states)?;
        check_raw(&self.config)?;
        let id = match self.id {
            Some(id) => checked(id)?,
            None => random::id().into(),
        };
        let link = self.connect.connect().await?;
        let states = Arc::new(self.states);
        let inbox = Inbox::new(id, link.peer.clone(), self.config, tools, states, self.handlers);
        // Before the request is sent, because events and questions may come before the answer.
        link.carrier.register(Arc::clone(&inbox))?;
        let unopened = Unopened { inbox: &inbox, link: &link, opened: false };
        let opening = if self.resume { Opening::Resume } else { Opening::Create };
        let answer = inbox.open(&link.peer, opening).await?;
        unopened.done();
        Ok(Session(Arc::new(Shared {
            inbox,
            link,
            workspace_path: answer.workspace_path,
            capabilities: answer.capabilities,
            event_budget: self.event_budget,
            sending: Mutex::new(()),
            alone: Arc::new(Mutex::new(())),
        })))
    }
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder")
            .field("id", &self.id)
            .field("config", &self.config)
            .field("tools", &self.tools)
            .field("handlers", &self.handlers)
            .finish_non_exhaustive()
    }
}

/// A session that is being opened; dropped before it is, nothing is delivered to it any more.
struct Unopened<'a> {
    inbox: &'a Arc<Inbox>,
    link: &'a Link,
    opened: bool,
}

impl Unopened<'_> {
    fn done(mut self) {
        self.opened = true;
    }
}

impl Drop for Unopened<'_> {
    fn drop(&mut self) {
        if !self.opened {
            self.inbox.close();
            self.inbox.calls.abort();
            self.link.carrier.unregister(&self.inbox.id);
        }
    }
}

/// The members of `session.create` that have setters, or that this library answers for.
const OWN_MEMBERS: &[(&str, &str)] = &[
    ("sessionId", "`.id(..)`"),
    ("model", "`.model(..)`"),
    ("clientName", "`.client_name(..)`"),
    ("reasoningEffort", "`.reasoning_effort(..)`"),
    ("streaming", "`.streaming(..)`"),
    ("systemMessage", "`.system_message(..)`"),
    ("availableTools", "`.available_tools(..)`"),
    ("excludedTools", "`.excluded_tools(..)`"),
    ("workingDirectory", "`.working_directory(..)`"),
    ("provider", "`.provider(..)`"),
    ("tools", "`.with_tools(..)`"),
    ("hooks", "`.on_pre_tool_use(..)` and its like"),
    ("requestUserInput", "`.on_user_input(..)`"),
    ("requestElicitation", "`.on_elicitation(..)`"),
    ("requestExitPlanMode", "`.on_exit_plan_mode(..)`"),
    ("requestAutoModeSwitch", "`.on_auto_mode_switch(..)`"),
    ("commands", "`.command(..)`"),
    ("gitHubTokenProviderRegistrationId", "`.on_github_token(..)`"),
    ("requestPermission", "`.permissions(..)`"),
    ("toolFilterPrecedence", "nothing: excluded tools always stay excluded"),
    ("envValueMode", "nothing: values are always meant literally"),
];

/// A member that is there twice would reach the CLI twice.
fn check_raw(config: &SessionConfig) -> Result<()> {
    for (member, setter) in OWN_MEMBERS {
        if config.raw.contains_key(*member) {
            let message = format!("`.raw(\"{member}\", ..)`: this member is set with {setter}");
            return Err(Error::new(ErrorKind::Config, message));
        }
    }
    Ok(())
}

fn checked(id: SessionId) -> Result<SessionId> {
    let text = id.as_str();
    let good =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if good {
        return Ok(id);
    }
    let message = format!("{text:?} is no session id: use ASCII letters, digits, `_` and `-`");
    Err(Error::new(ErrorKind::Config, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_before_anything_is_started() {
        assert!(checked("GH-42_a".into()).is_ok());
        for bad in ["", "a/b", "é", "a b"] {
            let error = checked(bad.into()).unwrap_err();
            assert!(error.to_string().contains("session id"), "{error}");
        }
    }

    #[test]
    fn a_raw_member_that_has_a_setter_is_refused() {
        let mut config = SessionConfig::default();
        config.raw.insert("memory".into(), Value::Null);
        assert!(check_raw(&config).is_ok());
        config.raw.insert("model".into(), "x".into());
        let error = check_raw(&config).unwrap_err().to_string();
        assert!(error.contains(".model(..)"), "{error}");
    }
}
