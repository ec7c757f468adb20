//! Custom agents of a session.

use serde_json::Value;

use crate::api::mcp;
use crate::api::tool_filter::ToolFilter;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::agents::AgentCurrentResponse;
use crate::protocol::agents::AgentListResponse;
use crate::protocol::agents::DefaultAgent;
use crate::protocol::controls::NameParams;
use crate::protocol::instructions::FleetParams;
use crate::protocol::instructions::FleetResponse;
use crate::session::Session;
use crate::session::SessionBuilder;
use crate::session::core::Members;
use crate::session::core::Occasion;
use crate::session::core::Settings;
use crate::session::core::Topic;
use crate::session::core::setters::members;
use crate::session::paths::Files;

pub use crate::protocol::agent_hooks::{AgentHook, AgentHookEvent};
pub use crate::protocol::agents::{AgentInfo, CustomAgent, ModelPolicy};

members! {
    /// Sets the custom agent that the session uses. Default: the CLI's agent.
    ///
    /// Wire: `session.create`, `agent`.
    agent: text in members "agent";

    @also "customAgents" custom_agent,

    @group
        /// Rare settings of the agents of a session. [`custom_agent`](crate::SessionBuilder::custom_agent) adds one.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::agents::Agents;
        ///
        /// let builder = Session::builder().agents(Agents::new().excluded_builtin(["research"]).local_only(true));
        /// # drop(builder);
        /// ```
        Agents
        /// Sets rare settings of the session's agents.
        agents {
            /// Excludes agents that are built into the CLI.
            ///
            /// Wire: `session.create`, `excludedBuiltinAgents`.
            excluded_builtin: list in members "excludedBuiltinAgents";

            /// Sets the directories with custom agents.
            ///
            /// Wire: `session.create`, `agentDirectories`.
            directories: list in members "agentDirectories";

            /// Enables events for the pieces of sub-agents' messages. Default: off.
            ///
            /// Wire: `session.create`, `includeSubAgentStreamingEvents`.
            sub_agent_streaming: flag in members "includeSubAgentStreamingEvents";

            @also "defaultAgent" default_excluded_tools, "customAgentsLocalOnly" local_only,
        }
}

impl SessionBuilder {
    /// Adds an agent with separate instructions and tools.
    ///
    /// Wire: `session.create`, `customAgents`.
    pub fn custom_agent(mut self, agent: CustomAgent) -> Self {
        self.settings.members.update("customAgents", |all: &mut Vec<CustomAgent>| all.push(agent));
        self
    }
}

impl Agents {
    /// Excludes tools from the CLI's default agent; custom agents may have them.
    ///
    /// Wire: `session.create`, `defaultAgent`.
    pub fn default_excluded_tools(mut self, tools: impl IntoIterator<Item = impl Into<ToolFilter>>) -> Self {
        let excluded_tools = tools.into_iter().map(|tool| tool.into().0).collect();
        self.settings.members.set("defaultAgent", DefaultAgent { excluded_tools });
        self
    }

    /// Enables the exclusion of an organization's custom agents: only those of this machine remain. Default: off.
    ///
    /// Wire: `session.create` and `session.options.update`, `customAgentsLocalOnly`.
    pub fn local_only(mut self, on: bool) -> Self {
        self.settings.members.set("customAgentsLocalOnly", on);
        self.settings.options.set("customAgentsLocalOnly", on);
        self
    }
}

/// The custom agents of a session. Returned by [`Session::agents`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
/// session.agents().select("reviewer").await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct SessionAgents<'a>(&'a Session);

impl Session {
    /// Returns the view on the session's custom agents.
    pub fn agents(&self) -> SessionAgents<'_> {
        SessionAgents(self)
    }
}

impl SessionAgents<'_> {
    /// Returns the custom agents of the session.
    ///
    /// Wire: `session.agent.list`, a [query](crate#queries).
    pub async fn list(&self) -> Result<Vec<AgentInfo>> {
        self.0.ask_for::<AgentListResponse>("session.agent.list").await.map(|answer| answer.agents)
    }

    /// Returns the custom agent that the session uses; `None` for the CLI's own agent.
    ///
    /// Wire: `session.agent.getCurrent`, a [query](crate#queries).
    pub async fn current(&self) -> Result<Option<AgentInfo>> {
        self.0.ask_for::<AgentCurrentResponse>("session.agent.getCurrent").await.map(|answer| answer.agent)
    }

    /// Selects the custom agent for the messages from now on.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such agent.
    ///
    /// Wire: `session.agent.select`, a [command](crate#commands).
    pub async fn select(&self, name: &str) -> Result<()> {
        self.0.order("session.agent.select", &NameParams { session_id: self.0.id(), name }).await?;
        self.0.core().remember(|members| members.set("agent", name.to_owned()));
        Ok(())
    }

    /// Selects the CLI's own agent for the messages from now on.
    ///
    /// Wire: `session.agent.deselect`, a [command](crate#commands).
    pub async fn deselect(&self) -> Result<()> {
        self.0.order("session.agent.deselect", &self.0.params()).await?;
        self.0.core().remember(|members| members.remove("agent"));
        Ok(())
    }

    /// Starts several sub-agents that work concurrently, on `prompt` or else on the plan. Returns whether they started.
    ///
    /// Wire: `session.fleet.start`, a [command](crate#commands).
    pub async fn start_fleet(&self, prompt: Option<&str>) -> Result<bool> {
        let params = FleetParams { session_id: self.0.id(), prompt };
        let answer: FleetResponse =
            self.0.peer().await?.request("session.fleet.start", &params).decoded().await?;
        Ok(answer.started)
    }
}

fn check(settings: &Settings, _: Occasion) -> Result<()> {
    let mut names: Vec<_> = configured(&settings.members).map(|agent| agent.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let message = format!("two custom agents are named `{}`; rename one", pair[0]);
            Err(Error::new(ErrorKind::Configuration, message))
        }
        None => Ok(()),
    }
}

fn paths(members: &mut Members, files: &Files) -> Result<()> {
    members.change("agentDirectories", |paths: &mut Vec<String>| {
        files.directories("Agents::directories", paths)
    })?;
    members.change("customAgents", |agents: &mut Vec<CustomAgent>| {
        agents.iter_mut().try_for_each(|agent| mcp::resolve_directories(agent.mcp_servers_mut(), files))
    })
}

/// Returns the agents that the program has configured.
fn configured(members: &Members) -> impl Iterator<Item = &CustomAgent> {
    members.get::<Vec<CustomAgent>>("customAgents").into_iter().flatten()
}

/// Returns whether this call of a built-in tool runs an agent that the program has configured.
fn owns_call(members: &Members, tool: &str, arguments: &Value) -> bool {
    let agent = arguments.get("agent_type").filter(|_| tool == "task").and_then(Value::as_str);
    agent.is_some_and(|agent| configured(members).any(|own| own.name == agent))
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    check: Some(check),
    paths: Some(paths),
    foreign_hooks: Some(|members| configured(members).any(CustomAgent::has_hooks)),
    owns_call: Some(owns_call),
    ..Topic::NONE
};
