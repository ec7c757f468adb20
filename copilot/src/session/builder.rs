//! The builder of a session.

use std::fmt;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, OnceLock};

use futures_core::future::BoxFuture;
use serde_json::Value;
use tokio::runtime::Handle;
use tokio::sync::Mutex;

use super::core::{Handler, Occasion, SessionCore, Settings, ToolPolicy, Topics};
use super::handle::{Session, Shared};
use super::link::Connect;
use super::open::check_is_new;
use super::paths::Files;
use super::permissions::decision::IntoDecision;
use super::permissions::name_clash;
use super::permissions::policy::Permissions;
use super::permissions::request::PermissionRequest;
use super::permissions::state::{PermissionSettings, PermissionState};
use super::subscription::Subscription;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{DEFAULT_BUDGET, Event};
use crate::input::shown;
use crate::protocol::SessionId;
use crate::random;
use crate::task::DropGuard;
use crate::tools::{
    Prefixes, SchemaProfile, SelectionContext, StateMap, Timeouts, Tool, ToolSelection, ToolSet,
};

/// A listener, which is called with each event.
type Listener = Box<dyn FnMut(&Event) + Send>;

/// Configures a session. Returned by [`Session::builder`], [`Client::session`](crate::Client::session) and
/// [`Client::resume`](crate::Client::resume).
#[must_use = "a builder does nothing until `start` is awaited"]
pub struct SessionBuilder {
    connect: Box<dyn Connect>,
    /// Whether an existing session is resumed.
    resume: bool,
    id: Option<SessionId>,
    topics: &'static Topics,
    pub(crate) settings: Settings,
    /// The function that disables unset settings, for an isolated session.
    pub(crate) isolate: Option<fn(&mut Settings) -> Result<()>>,
    pub(in crate::session) tools: ToolSelection,
    pub(in crate::session) states: StateMap,
    permissions: PermissionSettings,
    pub(in crate::session) tool_policy: ToolPolicy,
    event_budget: usize,
    listeners: Vec<Listener>,
}

impl SessionBuilder {
    pub(crate) fn new(connect: Box<dyn Connect>, topics: &'static Topics) -> Self {
        Self {
            connect,
            resume: false,
            id: None,
            topics,
            settings: Settings::default(),
            isolate: None,
            tools: ToolSelection::default(),
            states: StateMap::default(),
            permissions: PermissionSettings::default(),
            tool_policy: ToolPolicy::default(),
            event_budget: DEFAULT_BUDGET,
            listeners: Vec::new(),
        }
    }

    pub(crate) fn resuming(connect: Box<dyn Connect>, id: SessionId, topics: &'static Topics) -> Self {
        Self { resume: true, id: Some(id), ..Self::new(connect, topics) }
    }

    pub(crate) fn connect(mut self, connect: Box<dyn Connect>) -> Self {
        self.connect = connect;
        self
    }

    /// Sets the id of the new session: at most 250 ASCII letters, digits, `_` and `-`. Default: a random UUID.
    ///
    /// [`start`](Self::start) fails if the CLI has a session with this id; [`Client::resume`](crate::Client::resume)
    /// opens that one. [`Client::session_info`](crate::Client::session_info) says whether there is one.
    ///
    /// Wire: `session.getMetadata`, to the CLI (1.0.32 and later).
    pub fn id(mut self, id: impl Into<SessionId>) -> Self {
        self.id = Some(id.into());
        self
    }

    /// Sets the permissions of the agent; see [`Permissions`] for the default.
    ///
    /// A program that [resumes](crate::Client::resume) a session on a CLI that it has not started, and that sets
    /// neither this nor [`on_permission`](Self::on_permission), leaves requests that are not about its own tools to the
    /// other clients of the session, and denies those that have no decision after four minutes.
    pub fn permissions(mut self, permissions: Permissions) -> Self {
        self.permissions.policy = permissions;
        self.permissions.decides = true;
        self
    }

    /// Runs when the agent requests a permission, also for the program's own tools; returns the
    /// [`Decision`](crate::Decision). [`Decision::Default`](crate::Decision::Default) applies the session's
    /// [`permissions`](Self::permissions), which by default deny tools marked `destructive`. When the handler fails, the
    /// request is denied. The agent may send several requests concurrently, so a handler that asks the user at a
    /// terminal should hold a lock meanwhile. When another client decides, the agent is aborted or the connection is lost,
    /// the handler's future is dropped: a dialog should close with it.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::permissions::PermissionKind;
    /// use copilot::{Decision, Session};
    ///
    /// let builder = Session::builder().on_permission(|request| async move {
    ///     match request.kind() {
    ///         PermissionKind::Read => Decision::Approve,
    ///         PermissionKind::Shell => Decision::reject("this program only looks"),
    ///         _ => Decision::Default,
    ///     }
    /// });
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `permission.requested`, from the CLI.
    pub fn on_permission<F, R>(
        mut self,
        handler: impl Fn(PermissionRequest) -> F + Send + Sync + 'static,
    ) -> Self
    where
        F: Future<Output = R> + Send + 'static,
        R: IntoDecision,
    {
        self.permissions.handler = Some(Handler::new(handler));
        self.permissions.decides = true;
        self
    }

    /// Sets the number of bytes of events that wait for a slow subscriber; past it the oldest events are discarded.
    /// Default: 64 MiB.
    pub fn event_budget(mut self, bytes: usize) -> Self {
        self.event_budget = bytes;
        self
    }

    /// Adds a listener, which receives every event from the first on, also those before the session is open. The
    /// session holds it until it ends. Otherwise as [`Session::on`].
    pub fn on_event(mut self, listener: impl FnMut(&Event) + Send + 'static) -> Self {
        self.listeners.push(Box::new(listener));
        self
    }

    /// Sets a member of `session.create` that has no setter. [`start`](Self::start) refuses a member that has one.
    pub fn raw(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
        self.settings.raw.insert(member.into(), value.into());
        self
    }

    /// Opens the session, on a separate CLI unless a client was given.
    ///
    /// # Errors
    ///
    /// Returns an error before it starts anything if tools clash or lack state, or options exclude each other; and
    /// later if no CLI is found, it cannot be started, it is too old for the configuration, or it refuses the session.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future stops a CLI that it has started. On a given client the session is detached as soon as
    /// the CLI has opened it; its files stay on disk.
    ///
    /// Wire: `session.create` or `session.resume`, to the CLI.
    pub async fn start(self) -> Result<Session> {
        self.start_boxed().await
    }

    /// Boxed, so that the crate of the user does not compile it again. A block, because the future of an `async fn` has
    /// room for its arguments twice.
    fn start_boxed(mut self) -> BoxFuture<'static, Result<Session>> {
        Box::pin(async move {
            let occasion = if self.resume { Occasion::Resume } else { Occasion::Create };
            let is_named = self.id.is_some();
            let (id, tools, files) = self.prepare(occasion)?;
            let link = self.connect.connect(self.isolate.is_some()).await?;
            let mut settings = self.settings;
            link.compat.check(&settings)?;
            let joins = self.resume && link.shared && !self.permissions.decides;
            if !joins && link.compat.has_safe_defaults() {
                self.topics.fill_defaults(&mut settings);
            }
            link.compat.adapt(&mut settings, &mut tools.iter().map(Tool::name));
            let servers = self.topics.tool_servers(&settings.members);
            let watches_names = name_clash::possible(&servers, tools.iter().map(Tool::name));
            let words = link.compat.permission_words();
            let permissions = PermissionState::new(self.permissions, joins, watches_names, words);
            if permissions.guards() {
                self.topics.guard(&mut settings.members);
            }
            settings.state.set(permissions);
            let states = self.states.shared();
            let core = SessionCore::new(
                id,
                (link.peer.clone(), Arc::clone(link.carrier.observation())),
                self.topics,
                settings,
                tools,
                states,
                self.tool_policy,
            );
            if self.resume {
                core.history.resumed();
            }
            let runtime = Handle::current();
            let listening = |listener| {
                Subscription::start(&runtime, core.subscribers.subscribe(self.event_budget), listener)
            };
            let listeners = self.listeners.into_iter().map(listening).collect();
            // Before the request is sent, because events and requests may come before the response.
            let is_open = link.carrier.register(Arc::clone(&core), occasion)?;
            let mut unopened = DropGuard::new((&core, is_open), |(core, is_open)| {
                // First, so that a listener that receives the end can open the session again.
                link.carrier.unregister(core);
                core.close();
                core.calls.abort();
                if is_open {
                    core.abandon(&link.peer);
                }
            });
            if occasion == Occasion::Create && is_named {
                check_is_new(&link.peer, &core.id).await?;
            }
            let answer = core.open(&link.peer, occasion).await?;
            unopened.1 = true;
            if self.resume {
                let pending = core.pending(&link.peer).await?;
                core.continue_pending(pending);
            }
            unopened.dismiss();
            let gate = link.compat.turn_gate();
            Ok(Session(Arc::new(Shared {
                core,
                link,
                workspace_path: answer.workspace_path,
                files,
                event_budget: self.event_budget,
                runtime,
                _listeners: listeners,
                spoken: AtomicBool::new(self.resume),
                sending: Mutex::new(()),
                gate,
                tool_changes: OnceLock::new(),
            })))
        })
    }

    /// Returns the permissions that the program has set.
    #[cfg(feature = "toolbox")]
    pub(crate) fn policy(&self) -> &Permissions {
        &self.permissions.policy
    }

    /// Returns the tools of the session under the names that they have there, unchecked.
    #[cfg(feature = "testing")]
    pub(crate) fn selected_tools(&self) -> Result<Vec<Tool>> {
        let id = self.id.clone().unwrap_or_else(|| "test-session".into());
        let mut tools = self.tools.clone();
        if let Some(prefixes) = self.settings.state.get::<Prefixes>() {
            tools.prefixes = prefixes.clone();
        }
        tools.selected(&self.selection_context(&id))
    }

    /// Returns the states of the session.
    #[cfg(feature = "testing")]
    pub(crate) fn states_of_tools(&self) -> StateMap {
        self.states.clone()
    }

    fn selection_context<'a>(&'a self, id: &'a SessionId) -> SelectionContext<'a> {
        SelectionContext {
            session_id: id,
            model: self.topics.model(&self.settings.members),
            resumes: self.resume,
            states: &self.states,
        }
    }

    /// Checks and completes the settings, before anything is started. Returns the id of the session, its tools, and the
    /// location of its files.
    fn prepare(&mut self, occasion: Occasion) -> Result<(SessionId, ToolSet, Files)> {
        if let Some(fill) = self.isolate {
            fill(&mut self.settings)?;
        }
        self.topics.check(&self.settings, occasion)?;
        let files = self.topics.resolve(&mut self.settings.members, self.connect.files())?;
        if let Some(profile) = self.settings.state.get::<SchemaProfile>() {
            self.tools.profile = *profile;
        }
        if let Some(prefixes) = self.settings.state.get::<Prefixes>() {
            self.tools.prefixes = prefixes.clone();
        }
        if let Some(MaxToolResult(largest)) = self.settings.state.get() {
            self.tool_policy.max_result = *largest;
        }
        if let Some(timeouts) = self.settings.state.get::<Timeouts>() {
            self.tools.check_groups(timeouts.groups.keys().map(String::as_str))?;
            self.tool_policy.timeouts = (!timeouts.is_empty()).then(|| Box::new(timeouts.clone()));
        }
        let saved_approvals = self.settings.state.get().is_some_and(|SavedApprovals(on)| *on);
        self.permissions.saved_approvals = saved_approvals;
        let id = match self.id.take() {
            Some(id) => checked(id)?,
            None => random::id().into(),
        };
        let tools = self.tools.resolve(&self.selection_context(&id))?;
        name_clash::check(&self.topics.tool_servers(&self.settings.members), tools.iter().map(Tool::name))?;
        Ok((id, tools, files))
    }
}

impl fmt::Debug for SessionBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SessionBuilder")
            .field("id", &self.id)
            .field("settings", &self.settings)
            .field("tools", &self.tools)
            .field("permissions", &self.permissions)
            .finish_non_exhaustive()
    }
}

/// Whether approvals of earlier sessions apply.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SavedApprovals(pub(crate) bool);

/// The largest result of a tool, in bytes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct MaxToolResult(pub(crate) usize);

/// The maximum length of an id. The CLI names a directory after the id, and a file after the id and `.lock`; file
/// systems accept 255 bytes.
const MAX_ID: usize = 250;

fn checked(id: SessionId) -> Result<SessionId> {
    let text = id.as_str();
    let good =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
    if good && text.len() <= MAX_ID {
        return Ok(id);
    }
    let shown = shown(text);
    let message = if good {
        format!(
            "the session id {shown} has {} characters, too many for a file name of the CLI; use at most {MAX_ID}",
            text.len()
        )
    } else {
        format!("{shown} is not a session id: use ASCII letters, digits, `_` and `-`")
    };
    Err(Error::new(ErrorKind::Configuration, message))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_before_anything_is_started() {
        assert!(checked("GH-42_a".into()).is_ok() && checked("x".repeat(MAX_ID).into()).is_ok());
        let error = checked("x".repeat(5000).into()).unwrap_err().to_string();
        assert!(
            error.contains("5000 characters") && error.contains("at most 250") && error.len() < 300,
            "{error}"
        );
        for bad in ["", "a/b", "é", "a b"] {
            let error = checked(bad.into()).unwrap_err();
            assert!(error.to_string().contains("session id"), "{error}");
        }
    }
}
