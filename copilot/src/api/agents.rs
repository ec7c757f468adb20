//! Custom agents of a session.

use crate::api::tool_filter::ToolFilter;
use crate::error::Error;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::agents::AgentCurrentResponse;
use crate::protocol::agents::AgentInfo;
use crate::protocol::agents::AgentListResponse;
use crate::protocol::agents::CustomAgent;
use crate::protocol::agents::DefaultAgent;
use crate::protocol::controls::NameParams;
use crate::protocol::instructions::FleetParams;
use crate::protocol::instructions::FleetResponse;
use crate::session::Session;
use crate::session::SessionBuilder;
use crate::session::core::Occasion;
use crate::session::core::Settings;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// The custom agent that the session talks to; the CLI's own unless set.
    ///
    /// Wire: `session.create`, `agent`.
    agent: text in members "agent";

    /// Agents of the CLI's own that the session does without.
    ///
    /// Wire: `session.create`, `excludedBuiltinAgents`.
    excluded_builtin_agents: list in members "excludedBuiltinAgents";

    /// Directories with custom agents.
    ///
    /// Wire: `session.create`, `agentDirectories`.
    agent_directories: list in members "agentDirectories";

    /// Whether the pieces of sub-agents' messages come as well.
    ///
    /// Wire: `session.create`, `includeSubAgentStreamingEvents`.
    sub_agent_streaming: flag in members "includeSubAgentStreamingEvents";

    @also "customAgents" custom_agent, "defaultAgent" default_agent_excluded_tools, "customAgentsLocalOnly" custom_agents_local_only,
}

impl SessionBuilder {
    /// Adds an agent with instructions and tools of its own.
    ///
    /// Wire: `session.create`, `customAgents`.
    pub fn custom_agent(mut self, agent: CustomAgent) -> Self {
        self.settings.members.update("customAgents", |all: &mut Vec<CustomAgent>| all.push(agent));
        self
    }

    /// Tools that the CLI's own agent does not get, and custom agents may.
    ///
    /// Wire: `session.create`, `defaultAgent`.
    pub fn default_agent_excluded_tools(
        mut self,
        tools: impl IntoIterator<Item = impl Into<ToolFilter>>,
    ) -> Self {
        let excluded_tools = tools.into_iter().map(|tool| tool.into().0).collect();
        self.settings.members.set("defaultAgent", DefaultAgent { excluded_tools });
        self
    }

    /// Whether only custom agents of this machine count, and none of an organization.
    ///
    /// Wire: `session.create` and `session.options.update`, `customAgentsLocalOnly`.
    pub fn custom_agents_local_only(mut self, on: bool) -> Self {
        self.settings.members.set("customAgentsLocalOnly", on);
        self.settings.options.set("customAgentsLocalOnly", on);
        self
    }
}

impl Session {
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
        self.core().remember(|members| members.set("agent", name.to_owned()));
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
        self.core().remember(|members| members.remove("agent"));
        Ok(())
    }

    /// Has several sub-agents work at once, on this or on the plan; says whether they began.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the fleet may still begin.
    ///
    /// Wire: `session.fleet.start`, to the CLI.
    pub async fn start_fleet(&self, prompt: Option<&str>) -> Result<bool> {
        let params = FleetParams { session_id: self.id(), prompt };
        let answer: FleetResponse = self.peer().await?.call("session.fleet.start", &params).await?;
        Ok(answer.started)
    }
}

fn check(settings: &Settings, _: Occasion) -> Result<()> {
    let agents = settings.members.get::<Vec<CustomAgent>>("customAgents");
    let mut names: Vec<_> = agents.into_iter().flatten().map(|agent| agent.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => {
            let message = format!("two custom agents are named `{}`; rename one", pair[0]);
            Err(Error::new(ErrorKind::Config, message))
        }
        None => Ok(()),
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, check: Some(check), ..Topic::NONE };
