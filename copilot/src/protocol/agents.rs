//! Custom agents: their definition in a session, and `session.agent.*`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::agent_hooks::{AgentHook, AgentHookEvent};
use crate::protocol::decode::Decode;
use crate::protocol::mcp::McpServer;
use crate::protocol::settings::setter;
use crate::protocol::vocabulary::vocabulary;

/// An agent with separate instructions and tools. The session's agent can hand work to it, or it can be the session's
/// agent itself. Wire: `customAgents`.
///
/// # Examples
///
/// ```
/// use copilot::Session;
/// use copilot::agents::CustomAgent;
///
/// let reviewer = CustomAgent::new("reviewer", "You review Rust code. You never change it.")
///     .description("Reviews code")
///     .tools(["view", "grep"]);
/// let builder = Session::builder().custom_agent(reviewer).agent("reviewer");
/// # drop(builder);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct CustomAgent {
    pub(crate) name: String,
    prompt: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    display_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tools: Option<Vec<String>>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    mcp_servers: BTreeMap<String, McpServer>,
    #[serde(skip_serializing_if = "Option::is_none")]
    infer: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    skills: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_policy: Option<ModelPolicy>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reasoning_effort: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    hooks: BTreeMap<String, Vec<AgentHook>>,
}

vocabulary! {
    /// Whether an agent needs the model that is set for it.
    ModelPolicy {
        /// The agent uses another model when the one that is set is not available.
        Preferred = "preferred",
        /// The agent does not work without the model that is set.
        Required = "required",
    }
}

impl CustomAgent {
    pub(crate) fn mcp_servers(&self) -> &BTreeMap<String, McpServer> {
        &self.mcp_servers
    }

    pub(crate) fn mcp_servers_mut(&mut self) -> &mut BTreeMap<String, McpServer> {
        &mut self.mcp_servers
    }

    /// Whether commands of the agent run as hooks.
    pub(crate) fn has_hooks(&self) -> bool {
        !self.hooks.is_empty()
    }
}

impl CustomAgent {
    /// Creates an agent with this name and these instructions.
    pub fn new(name: impl Into<String>, prompt: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            prompt: prompt.into(),
            display_name: None,
            description: None,
            tools: None,
            mcp_servers: BTreeMap::new(),
            infer: None,
            skills: None,
            model: None,
            model_policy: None,
            reasoning_effort: None,
            hooks: BTreeMap::new(),
        }
    }

    setter! {
        /// Sets the name that people see.
        display_name: text in display_name
    }
    setter! {
        /// Sets the purpose of the agent; the session's agent reads it when it selects an agent.
        description: text in description
    }
    setter! {
        /// Sets the only tools that the agent has. Default: all tools.
        tools: list in tools
    }
    setter! {
        /// Sets whether the session's agent may select this agent itself. Default: true.
        infer: flag in infer
    }
    setter! {
        /// Sets the skills that the agent reads from the start.
        skills: list in skills
    }
    setter! {
        /// Sets the model of the agent.
        model: text in model
    }
    setter! {
        /// Sets whether the agent needs that model.
        model_policy: (ModelPolicy) in model_policy
    }
    setter! {
        /// Sets the reasoning effort of the model, such as `low`.
        reasoning_effort: text in reasoning_effort
    }

    /// Adds an MCP server that only this agent uses, under this name.
    pub fn mcp_server(mut self, name: impl Into<String>, server: impl Into<McpServer>) -> Self {
        self.mcp_servers.insert(name.into(), server.into());
        self
    }

    /// Adds a command that the CLI runs at this point of the agent's work.
    pub fn hook(mut self, event: impl Into<AgentHookEvent>, hook: AgentHook) -> Self {
        self.hooks.entry(event.into().as_str().to_owned()).or_default().push(hook);
        self
    }
}

/// Changes to the agent that every session has. Wire: `defaultAgent`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct DefaultAgent {
    pub(crate) excluded_tools: Vec<String>,
}

/// An agent that a session has. Wire: `session.agent.list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AgentInfo {
    /// The name that selects the agent.
    pub name: String,
    /// The name that people see.
    pub display_name: String,
    /// The purpose of the agent, as the session's agent reads it.
    pub description: String,
    /// The id of the agent; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub id: Option<String>,
    /// The tools that it may call; `None` for all.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub tools: Option<Vec<String>>,
    /// Whether the user can select it; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_invocable: Option<bool>,
    /// The model of the agent; `None` for that of the session.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The path of the file that defines the agent; `None` where there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// The place where the agent was found; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Debug, Decode)]
pub(crate) struct AgentListResponse {
    #[serde(default)]
    pub(crate) agents: Vec<AgentInfo>,
}

#[derive(Debug, Decode)]
pub(crate) struct AgentCurrentResponse {
    #[serde(default)]
    pub(crate) agent: Option<AgentInfo>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    #[test]
    fn an_agent_reaches_the_wire() {
        let wire = |agent| serde_json::to_value::<CustomAgent>(agent).unwrap();
        assert_eq!(wire(CustomAgent::new("a", "p")), json!({"name": "a", "prompt": "p"}));
        let full = CustomAgent::new("a", "p")
            .display_name("A")
            .description("d")
            .tools(["t"])
            .mcp_server("m", McpServer::http("http://h"))
            .infer(false)
            .skills(["s"])
            .model("m")
            .model_policy(ModelPolicy::Required)
            .reasoning_effort("low")
            .hook(AgentHookEvent::PreToolUse, AgentHook::bash("true"));
        assert_eq!(
            wire(full),
            json!({"name": "a", "prompt": "p", "displayName": "A", "description": "d", "tools": ["t"],
                   "mcpServers": {"m": {"type": "http", "url": "http://h", "tools": ["*"]}}, "infer": false, "skills": ["s"],
                   "model": "m", "modelPolicy": "required", "reasoningEffort": "low",
                   "hooks": {"preToolUse": [{"type": "command", "bash": "true"}]}})
        );
    }

    #[test]
    fn what_the_cli_lists_is_read() {
        let answer: AgentCurrentResponse = decode::answer(r#"{"agent":null}"#).unwrap();
        assert_eq!(answer.agent, None);
        let json = r#"{"agents":[{"name":"a","id":"a","displayName":"a","description":""}]}"#;
        let list: AgentListResponse = decode::answer(json).unwrap();
        assert_eq!(list.agents[0].name, "a");
    }
}
