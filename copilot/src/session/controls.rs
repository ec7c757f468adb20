//! Changing a running session: its model, mode, plan and name, its log and its history, and asking what it has.

use std::pin::Pin;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::SessionId;
use crate::protocol::agents::{AgentCurrentResponse, AgentInfo, AgentListResponse};
use crate::protocol::config::{ContextTier, ReasoningSummary};
use crate::protocol::controls::{
    CompactParams, Compaction, LogOptions, LogParams, ModeGetResponse, ModeSetParams, NameParams,
    NameResponse, Plan, PlanUpdateParams, UsageMetrics,
};
use crate::protocol::mcp::{McpListResponse, McpServerInfo};
use crate::protocol::models::{CurrentModel, ModelChanged, ModelSwitch, ModelSwitchParams};
use crate::protocol::providers::ModelOverrides;
use crate::protocol::session::{AgentMode, Success};
use crate::protocol::settings::setter;
use crate::protocol::skills::{SkillInfo, SkillListResponse, SkillProblems};

/// The model, the mode, the plan and the name.
impl Session {
    /// The model that the session works with.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.model.getCurrent`, to the CLI.
    pub async fn current_model(&self) -> Result<CurrentModel> {
        self.ask_for("session.model.getCurrent").await
    }

    /// Changes the model; await it. It goes on with the same conversation.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the model may still be another one.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// session.set_model("gpt-5").reasoning_effort("high").await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.model.switchTo`, to the CLI.
    pub fn set_model(&self, model: impl Into<String>) -> ModelRequest<'_> {
        ModelRequest { session: self, model: model.into(), options: ModelSwitch::default() }
    }

    /// How the agent works on messages.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.mode.get`, to the CLI.
    pub async fn mode(&self) -> Result<AgentMode> {
        self.ask_for::<ModeGetResponse>("session.mode.get").await.map(AgentMode::from)
    }

    /// Changes how the agent works on messages from here on.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.mode.set`, to the CLI.
    pub async fn set_mode(&self, mode: AgentMode) -> Result<()> {
        self.order("session.mode.set", &ModeSetParams { session_id: self.id(), mode: &mode }).await?;
        self.inbox().remember_mode(mode);
        Ok(())
    }

    /// The agent's plan.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.plan.read`, to the CLI.
    pub async fn plan(&self) -> Result<Plan> {
        self.ask_for("session.plan.read").await
    }

    /// Writes the agent's plan.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.plan.update`, to the CLI.
    pub async fn set_plan(&self, content: &str) -> Result<()> {
        self.order("session.plan.update", &PlanUpdateParams { session_id: self.id(), content }).await
    }

    /// Deletes the agent's plan.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.plan.delete`, to the CLI.
    pub async fn delete_plan(&self) -> Result<()> {
        self.order("session.plan.delete", &self.params()).await
    }

    /// The name of the session, if it was given one.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.name.get`, to the CLI.
    pub async fn name(&self) -> Result<Option<String>> {
        self.ask_for::<NameResponse>("session.name.get").await.map(|answer| answer.name)
    }

    /// Gives the session a name, for lists.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.name.set`, to the CLI.
    pub async fn set_name(&self, name: &str) -> Result<()> {
        self.order("session.name.set", &NameParams { session_id: self.id(), name }).await?;
        self.inbox().remember(|config| config.name = Some(name.to_owned()));
        Ok(())
    }
}

/// The log and the history.
impl Session {
    /// Writes a line into the session's log, where it becomes a `session.info`, `session.warning` or `session.error`
    /// event for everybody.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old (before 1.0.10).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// use copilot::config::{LogKind, LogOptions};
    ///
    /// session.log("the index is old", LogOptions::new().level(LogKind::Warning)).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.log`, to the CLI.
    pub async fn log(&self, message: &str, options: LogOptions) -> Result<()> {
        self.order("session.log", &LogParams { session_id: self.id(), message, options: &options }).await
    }

    /// Has the conversation summarised now, so that it takes less of the model's context window.
    /// `instructions` say what the summary must keep.
    ///
    /// # Errors
    ///
    /// When the connection is lost, when there is nothing to summarise, and when the CLI refuses or is too old
    /// (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the conversation may still be summarised.
    ///
    /// Wire: `session.history.compact`, or `session.compaction.compact` on CLIs before 1.0.32, to the CLI.
    pub async fn compact(&self, instructions: Option<&str>) -> Result<Compaction> {
        let params = CompactParams { session_id: self.id(), custom_instructions: instructions };
        self.with_fallback("session.history.compact", "session.compaction.compact", &params).await
    }

    /// What the session has cost so far.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.usage.getMetrics`, to the CLI.
    pub async fn usage(&self) -> Result<UsageMetrics> {
        self.ask_for("session.usage.getMetrics").await
    }

    /// Ends the session here and deletes it from disk.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI could not delete it; the session is closed all the same.
    ///
    /// # Cancel safety
    ///
    /// Once it was polled, the CLI may delete the session even if the future is dropped. Here the session is then still
    /// open and can be deleted again, or closed as [`close`](Self::close) leaves it;
    /// [`Client::delete_session`](crate::Client::delete_session) deletes it then.
    ///
    /// Wire: `session.delete`, to the CLI.
    pub async fn delete(&self) -> Result<()> {
        let deleted = match self.peer().await?.call("session.delete", &self.params()).await {
            Ok(answer) => done("session.delete", answer),
            Err(error) => Err(error),
        };
        let closed = self.close().await;
        // The CLI has nothing left to let go of, and old ones say so with an error.
        deleted.and(match closed {
            Err(error) if matches!(error.kind(), ErrorKind::Rpc(_)) => Ok(()),
            other => other,
        })
    }
}

/// What the session has.
impl Session {
    /// The skills.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.skills.list`, to the CLI.
    pub async fn skills(&self) -> Result<Vec<SkillInfo>> {
        self.ask_for::<SkillListResponse>("session.skills.list").await.map(|answer| answer.skills)
    }

    /// Reads the skills again, and tells what is wrong with them.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.skills.reload`, to the CLI.
    pub async fn reload_skills(&self) -> Result<SkillProblems> {
        self.ask_for::<Option<SkillProblems>>("session.skills.reload").await.map(Option::unwrap_or_default)
    }

    /// The custom agents.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.agent.list`, to the CLI.
    pub async fn agents(&self) -> Result<Vec<AgentInfo>> {
        self.ask_for::<AgentListResponse>("session.agent.list").await.map(|answer| answer.agents)
    }

    /// The custom agent that the session talks to, if it is not the CLI's own.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.agent.getCurrent`, to the CLI.
    pub async fn current_agent(&self) -> Result<Option<AgentInfo>> {
        self.ask_for::<AgentCurrentResponse>("session.agent.getCurrent").await.map(|answer| answer.agent)
    }

    /// From here on the session talks to this custom agent.
    ///
    /// # Errors
    ///
    /// When the connection is lost, when there is no such agent, and when the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.agent.select`, to the CLI.
    pub async fn select_agent(&self, name: &str) -> Result<()> {
        self.order("session.agent.select", &NameParams { session_id: self.id(), name }).await?;
        self.inbox().remember(|config| config.agent = Some(name.to_owned()));
        Ok(())
    }

    /// From here on the session talks to the CLI's own agent.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.agent.deselect`, to the CLI.
    pub async fn deselect_agent(&self) -> Result<()> {
        self.order("session.agent.deselect", &self.params()).await?;
        self.inbox().remember(|config| config.agent = None);
        Ok(())
    }

    /// The MCP servers, and how they are.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.mcp.list`, to the CLI.
    pub async fn mcp_servers(&self) -> Result<Vec<McpServerInfo>> {
        self.ask_for::<McpListResponse>("session.mcp.list").await.map(|answer| answer.servers)
    }
}

impl Session {
    /// Calls a method that takes nothing but the session.
    pub(super) async fn ask_for<R: DeserializeOwned>(&self, method: &'static str) -> Result<R> {
        self.peer().await?.call(method, &self.params()).await
    }

    /// Calls a method whose answer says nothing.
    pub(super) async fn order<P: Serialize>(&self, method: &'static str, params: &P) -> Result<()> {
        self.peer().await?.call_raw(method, params).await.map(drop)
    }

    /// Calls a method that old CLIs know by another name.
    pub(super) async fn with_fallback<P, R>(
        &self,
        now: &'static str,
        once: &'static str,
        params: &P,
    ) -> Result<R>
    where
        P: Serialize,
        R: DeserializeOwned,
    {
        let peer = self.peer().await?;
        match peer.call(now, params).await {
            // A CLI that knows neither is better told by the name that counts today.
            Err(error) if error.is_unsupported() => match peer.call(once, params).await {
                Err(second) if second.is_unsupported() => Err(error),
                other => other,
            },
            other => other,
        }
    }
}

/// Turns a failure that came in-band into an error.
pub(crate) fn done(method: &str, answer: Success) -> Result<()> {
    if answer.success {
        return Ok(());
    }
    let why = answer.error.unwrap_or_else(|| "the CLI gives no reason".to_owned());
    Err(Error::new(ErrorKind::Session, format!("{method}: {why}")))
}

/// Changes a session's model; await it. Made by [`Session::set_model`].
///
/// # Cancel safety
///
/// As [`Session::set_model`].
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct ModelRequest<'a> {
    session: &'a Session,
    model: String,
    options: ModelSwitch,
}

impl ModelRequest<'_> {
    setter! {
        /// How hard it thinks, such as `low` or `high`.
        reasoning_effort: text in options.reasoning_effort
    }
    setter! {
        /// How much it tells of its thinking.
        reasoning_summary: (ReasoningSummary) in options.reasoning_summary
    }
    setter! {
        /// How large a context window it gets.
        context_tier: (ContextTier) in options.context_tier
    }
    setter! {
        /// What it can do, in place of what the CLI thinks of it.
        capabilities: (ModelOverrides) in options.model_capabilities
    }
}

impl<'a> IntoFuture for ModelRequest<'a> {
    type Output = Result<ModelChanged>;
    type IntoFuture = Pin<Box<dyn Future<Output = Self::Output> + Send + 'a>>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let Self { session, model, options } = self;
            let session_id: &SessionId = session.id();
            let params = ModelSwitchParams { session_id, model_id: &model, options: &options };
            let changed = session.peer().await?.call("session.model.switchTo", &params).await?;
            session.inbox().remember(|config| {
                config.model = Some(model);
                // What is not said is the new model's own.
                config.reasoning_effort = options.reasoning_effort;
                config.reasoning_summary = options.reasoning_summary;
                config.context_tier = options.context_tier;
                config.model_capabilities = options.model_capabilities.map(Box::new);
            });
            Ok(changed)
        })
    }
}
