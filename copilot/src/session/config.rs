//! What a session can be told before it is opened: the setters of [`SessionBuilder`] that become members of
//! `session.create` and `session.resume`.

use std::collections::BTreeMap;

use serde_json::Value;

use super::SessionBuilder;
use super::filter::ToolFilter;
use super::provider::Provider;
use crate::protocol::agents::{CustomAgent, DefaultAgent};
use crate::protocol::config::{
    Autopilot, ContextTier, CopilotApi, ImageGeneration, InfiniteSessions, LargeOutput, Memory,
    ReasoningSummary, RemoteSession, SessionLimits, ToolSearch, Trust,
};
use crate::protocol::mcp::{GithubMcp, McpServer, Storage};
use crate::protocol::providers::{ModelOverrides, NamedProvider, ProviderModel};
use crate::protocol::settings::setter;
use crate::protocol::trace::TraceContext;

/// The model, and what it is told.
impl SessionBuilder {
    setter! {
        /// The model that answers, such as `gpt-5`, or `auto`.
        ///
        /// Wire: `session.create`, `model`.
        model: text in config.model
    }
    setter! {
        /// The only models that the session may use.
        ///
        /// Wire: `session.create`, `allowedModels`.
        allowed_models: list in config.allowed_models
    }
    setter! {
        /// How hard the model thinks, such as `low` or `high`; which efforts there are depends on the model.
        ///
        /// Wire: `session.create`, `reasoningEffort`.
        reasoning_effort: text in config.reasoning_effort
    }
    setter! {
        /// How much the model tells of its thinking.
        ///
        /// Wire: `session.create`, `reasoningSummary`.
        reasoning_summary: (ReasoningSummary) in config.reasoning_summary
    }
    setter! {
        /// How large a context window the model gets, where it has several.
        ///
        /// Wire: `session.create`, `contextTier`.
        context_tier: (ContextTier) in config.context_tier
    }
    setter! {
        /// What the model can do, in place of what the CLI thinks of it.
        ///
        /// Wire: `session.create`, `modelCapabilities`.
        model_capabilities: boxed (ModelOverrides) in config.model_capabilities
    }
    setter! {
        /// Whether messages also come in pieces while the model writes them; off unless set.
        ///
        /// Wire: `session.create`, `streaming`.
        streaming: flag in config.streaming
    }
    setter! {
        /// Whether the pieces of sub-agents' messages come as well.
        ///
        /// Wire: `session.create`, `includeSubAgentStreamingEvents`.
        sub_agent_streaming: flag in config.sub_agent_streaming
    }

    /// A model's endpoint of your own, instead of a Copilot login.
    ///
    /// Wire: `session.create`, `provider`.
    pub fn provider(mut self, provider: Provider) -> Self {
        let (wire, token) = provider.into_parts();
        self.config.provider = Some(Box::new(wire));
        self.handlers.provider_tokens.set_default(token);
        self
    }

    /// Adds one of several endpoints of your own; their models are told with
    /// [`provider_model`](Self::provider_model).
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::config::ProviderModel;
    /// use copilot::{Provider, Session};
    ///
    /// let builder = Session::builder()
    ///     .named_provider("local", Provider::openai("http://127.0.0.1:11434/v1"))
    ///     .provider_model(ProviderModel::new("local", "small").wire_model("llama3.2"))
    ///     .model("local/small");
    /// # drop(builder);
    /// ```
    ///
    /// Wire: `session.create`, `providers`.
    pub fn named_provider(mut self, name: impl Into<String>, provider: Provider) -> Self {
        let (name, (wire, token)) = (name.into(), provider.into_parts());
        self.handlers.provider_tokens.set(&name, token);
        let named = NamedProvider { name, provider: wire };
        self.config.named_provider.get_or_insert_default().push(named);
        self
    }

    /// Adds a model of a named provider; [`model`](Self::model) selects it as `provider/id`.
    ///
    /// Wire: `session.create`, `models`.
    pub fn provider_model(mut self, model: ProviderModel) -> Self {
        self.config.provider_model.get_or_insert_default().push(model);
        self
    }

    /// The GitHub token that this session uses, instead of the client's. It does not show in `Debug`.
    ///
    /// Wire: `session.create`, `gitHubToken`.
    pub fn github_token(mut self, token: impl Into<String>) -> Self {
        self.config.github_token = Some(token.into().into());
        self
    }

    setter! {
        /// How requests to Copilot's own models travel.
        ///
        /// Wire: `session.create`, `capi`.
        copilot_api: (CopilotApi) in config.copilot_api
    }
    setter! {
        /// The name that this program gives itself towards the model's service.
        ///
        /// Wire: `session.create`, `clientName`.
        client_name: text in config.client_name
    }
}

/// Tools, MCP servers and agents.
impl SessionBuilder {
    /// The only tools that the model sees, by name or by source; all unless set. See [`ToolFilter`].
    ///
    /// Wire: `session.create`, `availableTools`.
    pub fn available_tools(mut self, tools: impl IntoIterator<Item = impl Into<ToolFilter>>) -> Self {
        self.config.available_tools = Some(tools.into_iter().map(|tool| tool.into().0).collect());
        self
    }

    /// Tools that the model does not see, by name or by source. See [`ToolFilter`].
    ///
    /// Wire: `session.create`, `excludedTools`.
    pub fn excluded_tools(mut self, tools: impl IntoIterator<Item = impl Into<ToolFilter>>) -> Self {
        self.config.excluded_tools = Some(tools.into_iter().map(|tool| tool.into().0).collect());
        self
    }

    setter! {
        /// Whether the model searches for tools when there are many, instead of being told all of them.
        ///
        /// Wire: `session.create`, `toolSearch`.
        tool_search: (ToolSearch) in config.tool_search
    }
    setter! {
        /// What becomes of a tool's long output.
        ///
        /// Wire: `session.create`, `largeOutput`.
        large_output: (LargeOutput) in config.large_output
    }
    setter! {
        /// Whether the agent makes images.
        ///
        /// Wire: `session.create`, `imageGeneration`.
        image_generation: (ImageGeneration) in config.image_generation
    }

    /// Adds an MCP server. The model knows its tools as `name-tool`, and they need permission like any other.
    ///
    /// Wire: `session.create`, `mcpServers`.
    pub fn mcp_server(mut self, name: impl Into<String>, server: impl Into<McpServer>) -> Self {
        self.config.mcp_server.get_or_insert_with(BTreeMap::new).insert(name.into(), server.into());
        self
    }

    setter! {
        /// MCP servers that are configured on this machine and that the session does without.
        ///
        /// Wire: `session.create`, `disabledMcpServers`.
        disabled_mcp_servers: list in config.disabled_mcp_servers
    }
    setter! {
        /// How long logins to MCP servers are kept.
        ///
        /// Wire: `session.create`, `mcpOAuthTokenStorage`.
        mcp_token_storage: (Storage) in config.mcp_token_storage
    }
    setter! {
        /// The URL of the document that tells MCP servers which client this is.
        ///
        /// Wire: `session.create`, `authClientIdMetadataUrl`.
        auth_client_id_metadata_url: url in config.auth_client_id_metadata_url
    }
    setter! {
        /// What the agent gets of GitHub's own MCP server.
        ///
        /// Wire: `session.create`, `githubMcpToolConfig`.
        github_mcp: (GithubMcp) in config.github_mcp
    }

    /// Adds an agent with instructions and tools of its own.
    ///
    /// Wire: `session.create`, `customAgents`.
    pub fn custom_agent(mut self, agent: CustomAgent) -> Self {
        self.config.custom_agent.get_or_insert_default().push(agent);
        self
    }

    setter! {
        /// The custom agent that the session talks to; the CLI's own unless set.
        ///
        /// Wire: `session.create`, `agent`.
        agent: text in config.agent
    }

    /// Tools that the CLI's own agent does not get, and custom agents may.
    ///
    /// Wire: `session.create`, `defaultAgent`.
    pub fn default_agent_excluded_tools(
        mut self,
        tools: impl IntoIterator<Item = impl Into<ToolFilter>>,
    ) -> Self {
        let excluded_tools = tools.into_iter().map(|tool| tool.into().0).collect();
        self.config.default_agent_excluded_tools = Some(DefaultAgent { excluded_tools });
        self
    }

    setter! {
        /// Agents of the CLI's own that the session does without.
        ///
        /// Wire: `session.create`, `excludedBuiltinAgents`.
        excluded_builtin_agents: list in config.excluded_builtin_agents
    }

    /// Whether only custom agents of this machine count, and none of an organization.
    ///
    /// Wire: `session.create` and `session.options.update`, `customAgentsLocalOnly`.
    pub fn custom_agents_local_only(mut self, on: bool) -> Self {
        self.config.custom_agents_local_only = Some(on);
        self.config.options.custom_agents_local_only = Some(on);
        self
    }
}

/// Directories, skills and instructions.
impl SessionBuilder {
    setter! {
        /// The directory that the agent works in; the CLI's own unless set. It must exist. A relative one starts from the
        /// client's [`cwd`](crate::ClientBuilder::cwd), else from the directory that was this program's when the
        /// client was configured, and the session's other relative paths start from it. With [`cli_url`](crate::ClientBuilder::cli_url) or a
        /// `session_fs` all of them must be absolute, and are not looked for.
        ///
        /// Wire: `session.create`, `workingDirectory`.
        working_directory: text in config.working_directory
    }
    setter! {
        /// For how long the working directory is trusted. For new sessions only.
        ///
        /// Wire: `session.create`, `trustWorkingDirectory`.
        trust_working_directory: (Trust) in config.trust_working_directory
    }
    setter! {
        /// Other directories that the agent may work in.
        ///
        /// Wire: `session.create`, `additionalDirectories`.
        additional_directories: list in config.additional_directories
    }
    setter! {
        /// The directory where this session's configuration and state are, instead of the client's `state_dir`.
        ///
        /// Wire: `session.create`, `configDir`.
        config_dir: text in config.config_dir
    }
    setter! {
        /// Directories with skills.
        ///
        /// Wire: `session.create`, `skillDirectories`.
        skill_directories: list in config.skill_directories
    }
    setter! {
        /// Skills that the session does without.
        ///
        /// Wire: `session.create`, `disabledSkills`.
        disabled_skills: list in config.disabled_skills
    }
    setter! {
        /// The only skills of the CLI's own that the session gets.
        ///
        /// Wire: `session.options.update`, `includedBuiltinSkills`.
        included_builtin_skills: list in config.options.included_builtin_skills
    }
    setter! {
        /// Directories with custom agents.
        ///
        /// Wire: `session.create`, `agentDirectories`.
        agent_directories: list in config.agent_directories
    }
    setter! {
        /// Directories with hooks that the CLI runs itself.
        ///
        /// Wire: `session.create`, `hookDirectories`.
        hook_directories: list in config.hook_directories
    }
    setter! {
        /// Directories with instructions for the agent.
        ///
        /// Wire: `session.create`, `instructionDirectories`.
        instruction_directories: list in config.instruction_directories
    }
    setter! {
        /// Directories with plugins.
        ///
        /// Wire: `session.create`, `pluginDirectories`.
        plugin_directories: list in config.plugin_directories
    }
    setter! {
        /// Instructions of the user's organization.
        ///
        /// Wire: `session.create`, `organizationCustomInstructions`.
        organization_instructions: text in config.organization_instructions
    }
    setter! {
        /// Whether instructions are read again. For new sessions only.
        ///
        /// Wire: `session.create`, `refreshCustomInstructions`.
        refresh_instructions: flag in config.refresh_instructions
    }
    setter! {
        /// Whether instructions are also looked for in the directories that the agent comes by.
        ///
        /// Wire: `session.create`, `enableOnDemandInstructionDiscovery`.
        on_demand_instructions: flag in config.on_demand_instructions
    }
    setter! {
        /// Whether the instructions that are found in files are left out.
        ///
        /// Wire: `session.options.update`, `skipCustomInstructions`.
        skip_custom_instructions: flag in config.options.skip_custom_instructions
    }
}

/// How the session lives.
impl SessionBuilder {
    setter! {
        /// The name of the session, for lists. For new sessions only; [`Session::set_name`](crate::Session::set_name)
        /// changes it later.
        ///
        /// Wire: `session.create`, `name`.
        name: text in config.name
    }
    setter! {
        /// How a conversation that outgrows the model's context window goes on.
        ///
        /// Wire: `session.create`, `infiniteSessions`.
        infinite_sessions: (InfiniteSessions) in config.infinite_sessions
    }
    setter! {
        /// Whether the agent remembers things across sessions.
        ///
        /// Wire: `session.create`, `memory`.
        memory: (Memory) in config.memory
    }
    setter! {
        /// How the agent goes on by itself.
        ///
        /// Wire: `session.create`, `autopilot`.
        autopilot: (Autopilot) in config.autopilot
    }

    /// How many AI credits the session may use; CLIs take 30 or more.
    ///
    /// Wire: `session.create`, `sessionLimits`.
    pub fn max_ai_credits(mut self, credits: f64) -> Self {
        self.config.max_ai_credits = Some(SessionLimits { max_ai_credits: credits });
        self
    }

    setter! {
        /// Whether the session can be followed and steered from elsewhere.
        ///
        /// Wire: `session.create`, `remoteSession`.
        remote_session: (RemoteSession) in config.remote_session
    }
    setter! {
        /// Whether tools that ran when the CLI was lost, or when the session was left, go on; off unless set.
        ///
        /// Off, they are cancelled, the turn fails with an error that [is retryable](crate::Error::is_retryable), and
        /// the agent reads with the next message that they were interrupted.
        ///
        /// On, they run on while the CLI is started again, it gets their results when the session is resumed, and the
        /// turn goes on, as does whoever waits for it. Whatever else the CLI still waits for is run once more, so a
        /// tool may run twice: its result may have been lost on the way. Permissions that were asked for are asked for
        /// again. The same holds when [`Client::resume`](crate::Client::resume) takes up a session that was left in the
        /// middle of a turn. What the CLI was not able to write down before it was lost, and a call of the model
        /// itself, is interrupted all the same; [`Restarted::continued`](crate::events::Restarted::continued) tells
        /// what goes on.
        ///
        /// Wire: `session.resume`, `continuePendingWork`; `session.tools.listPendingRequests` and
        /// `session.permissions.pendingRequests`, to the CLI.
        continue_pending_work: flag in config.continue_pending_work
    }
    setter! {
        /// When taking a session up: whether the history does not get a `session.resume` event.
        ///
        /// Wire: `session.resume`, `disableResume`.
        disable_resume_event: flag in config.disable_resume_event
    }
    setter! {
        /// When taking a session up: whether a damaged history is mended; it is unless set.
        ///
        /// Wire: `session.resume`, `allowTranscriptRecovery`.
        transcript_recovery: flag in config.transcript_recovery
    }

    /// The trace that the session belongs to.
    ///
    /// Wire: `session.create`, `traceparent` and `tracestate`.
    pub fn trace_context(mut self, context: TraceContext) -> Self {
        self.config.traceparent = context.traceparent;
        self.config.tracestate = context.tracestate;
        self
    }

    /// Sets a member of `session.create` that has no method here. Setting one that has is an error at `start`.
    pub fn raw(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
        self.config.raw.insert(member.into(), value.into());
        self
    }
}

/// Features of the CLI, each on or off as the CLI thinks best unless set.
impl SessionBuilder {
    setter! {
        /// Enables agents and skills of the working directory and of the state directory. An agent of a repository may
        /// bring MCP servers, which are programs that the CLI starts with the agent. Default: off, as in the CLI.
        ///
        /// Wire: `session.create`, `enableConfigDiscovery`.
        config_discovery: flag in config.config_discovery
    }
    setter! {
        /// Whether there are skills.
        ///
        /// Wire: `session.create`, `enableSkills`.
        skills: flag in config.skills
    }
    setter! {
        /// Enables the hooks of the working directory: commands in `.github/hooks/*.json`, in
        /// `.github/copilot/settings.json` and in `.claude/settings.json` (their `.local.json` variants included).
        ///
        /// Enable it only for repositories that you trust. The commands run on this machine from the start of the session
        /// on, without a request, and may change the arguments of tools. They do not grant permissions: where such a hook
        /// allows a call, the session's [`permissions`](Self::permissions) still decide. Default: off.
        ///
        /// Wire: `session.create`, `enableFileHooks`.
        file_hooks: flag in config.file_hooks
    }
    setter! {
        /// Whether the CLI itself runs git on this machine.
        ///
        /// Wire: `session.create`, `enableHostGitOperations`.
        host_git_operations: flag in config.host_git_operations
    }
    setter! {
        /// Whether sessions are put into a store that can be searched.
        ///
        /// Wire: `session.create`, `enableSessionStore`.
        session_store: flag in config.session_store
    }
    setter! {
        /// Whether the CLI reports to GitHub how it is used.
        ///
        /// Wire: `session.create`, `enableSessionTelemetry`.
        session_telemetry: flag in config.session_telemetry
    }
    setter! {
        /// Whether answers name their sources.
        ///
        /// Wire: `session.create`, `enableCitations`.
        citations: flag in config.citations
    }
    setter! {
        /// Whether changes to files are tracked.
        ///
        /// Wire: `session.create`, `enableFileChangeTracking`.
        file_change_tracking: flag in config.file_change_tracking
    }
    setter! {
        /// Whether features that are not finished may be used.
        ///
        /// Wire: `session.create`, `isExperimentalMode`.
        experimental: flag in config.experimental
    }
    setter! {
        /// Whether a person is there to answer.
        ///
        /// Wire: `session.create`, `interactiveUser`.
        interactive_user: flag in config.interactive_user
    }
    setter! {
        /// Whether nothing is looked up by similarity.
        ///
        /// Wire: `session.create`, `skipEmbeddingRetrieval`.
        skip_embedding_retrieval: flag in config.skip_embedding_retrieval
    }
    setter! {
        /// How long what is needed for looking up by similarity is kept.
        ///
        /// Wire: `session.create`, `embeddingCacheStorage`.
        embedding_cache: (Storage) in config.embedding_cache
    }
    setter! {
        /// Whether the agent names itself as co-author of commits.
        ///
        /// Wire: `session.options.update`, `coauthorEnabled`.
        coauthor: flag in config.options.coauthor_enabled
    }
    setter! {
        /// Whether the agent may plan work for later.
        ///
        /// Wire: `session.options.update`, `manageScheduleEnabled`.
        manage_schedule: flag in config.options.manage_schedule_enabled
    }
}
