//! The members that `session.create` and `session.resume` share, and what is set right after.

use std::collections::BTreeMap;

use serde::Serialize;

use super::agents::{CustomAgent, DefaultAgent};
use super::diagnostics::{Diagnostics, LifecycleDiagnostics};
use super::experiments::Experiments;
use super::managed::ManagedSettings;
use super::mcp::{GithubMcp, McpServer, Storage};
use super::providers::{ModelOverrides, NamedProvider, Provider, ProviderModel};
use super::sandbox::Sandbox;
use super::secret::{RawMembers, Secret, Url};
use super::settings::settings;
use super::system_message::SystemMessageConfig;
use super::vocabulary::vocabulary;

/// Declares the configuration of a session together with the table of its members on the wire.
macro_rules! session_config {
    ($($wire:literal $field:ident: $type:ty,)*) => {
        /// A session as the caller configured it. Members that are not set are not sent.
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        pub(crate) struct SessionConfig {
            $(
                #[serde(rename = $wire, skip_serializing_if = "Option::is_none")]
                pub(crate) $field: Option<$type>,
            )*
            /// What is set with a request of its own.
            #[serde(skip)]
            pub(crate) options: SessionOptions,
            /// What there is no setter for.
            #[serde(flatten)]
            pub(crate) raw: RawMembers,
        }

        impl SessionConfig {
            /// Each member with the setter that sets it.
            pub(crate) const MEMBERS: &[(&str, &str)] = &[$(($wire, stringify!($field)),)*];

            /// The setters of the members that are set.
            pub(crate) fn set(&self) -> impl Iterator<Item = &'static str> {
                let members = [$((stringify!($field), self.$field.is_some()),)*];
                members.into_iter().filter_map(|(setter, set)| set.then_some(setter))
            }
        }
    };
}

// What is large and rarely set is kept in a box: every session holds its configuration.
session_config! {
    "model" model: String,
    "allowedModels" allowed_models: Vec<String>,
    "clientName" client_name: String,
    "name" name: String,
    "reasoningEffort" reasoning_effort: String,
    "reasoningSummary" reasoning_summary: ReasoningSummary,
    "contextTier" context_tier: ContextTier,
    "modelCapabilities" model_capabilities: Box<ModelOverrides>,
    "streaming" streaming: bool,
    "includeSubAgentStreamingEvents" sub_agent_streaming: bool,
    "systemMessage" system_message: SystemMessageConfig,
    "availableTools" available_tools: Vec<String>,
    "excludedTools" excluded_tools: Vec<String>,
    "toolSearch" tool_search: ToolSearch,
    "largeOutput" large_output: LargeOutput,
    "imageGeneration" image_generation: ImageGeneration,
    "memory" memory: Memory,
    "infiniteSessions" infinite_sessions: InfiniteSessions,
    "mcpServers" mcp_server: BTreeMap<String, McpServer>,
    "disabledMcpServers" disabled_mcp_servers: Vec<String>,
    "mcpOAuthTokenStorage" mcp_token_storage: Storage,
    "authClientIdMetadataUrl" auth_client_id_metadata_url: Url,
    "githubMcpToolConfig" github_mcp: GithubMcp,
    "customAgents" custom_agent: Vec<CustomAgent>,
    "customAgentsLocalOnly" custom_agents_local_only: bool,
    "agent" agent: String,
    "defaultAgent" default_agent_excluded_tools: DefaultAgent,
    "excludedBuiltinAgents" excluded_builtin_agents: Vec<String>,
    "configDir" config_dir: String,
    "workingDirectory" working_directory: String,
    "additionalDirectories" additional_directories: Vec<String>,
    "trustWorkingDirectory" trust_working_directory: Trust,
    "skillDirectories" skill_directories: Vec<String>,
    "agentDirectories" agent_directories: Vec<String>,
    "hookDirectories" hook_directories: Vec<String>,
    "instructionDirectories" instruction_directories: Vec<String>,
    "pluginDirectories" plugin_directories: Vec<String>,
    "disabledSkills" disabled_skills: Vec<String>,
    "provider" provider: Box<Provider>,
    "providers" named_provider: Vec<NamedProvider>,
    "models" provider_model: Vec<ProviderModel>,
    "capi" copilot_api: CopilotApi,
    "gitHubToken" github_token: Secret,
    "enableConfigDiscovery" config_discovery: bool,
    "skipEmbeddingRetrieval" skip_embedding_retrieval: bool,
    "embeddingCacheStorage" embedding_cache: Storage,
    "organizationCustomInstructions" organization_instructions: String,
    "refreshCustomInstructions" refresh_instructions: bool,
    "enableOnDemandInstructionDiscovery" on_demand_instructions: bool,
    "enableFileHooks" file_hooks: bool,
    "enableHostGitOperations" host_git_operations: bool,
    "enableSessionStore" session_store: bool,
    "enableSkills" skills: bool,
    "enableSessionTelemetry" session_telemetry: bool,
    "enableCitations" citations: bool,
    "enableFileChangeTracking" file_change_tracking: bool,
    "isExperimentalMode" experimental: bool,
    "interactiveUser" interactive_user: bool,
    "sessionLimits" max_ai_credits: SessionLimits,
    "autopilot" autopilot: Autopilot,
    "sandboxConfig" sandbox: Box<Sandbox>,
    "managedSettings" managed_permissions: Box<ManagedSettings>,
    "enableManagedSettings" fetch_managed_settings: bool,
    "excludedManagedSettings" excluded_managed_settings: Vec<String>,
    "enforceManagedModelDefaults" enforce_managed_model: bool,
    "featureFlags" feature_flag: BTreeMap<String, bool>,
    "expAssignments" experiments: Box<Experiments>,
    "requestExtensions" extensions: bool,
    "extensionSdkPath" extension_sdk_path: String,
    "extensionInfo" extension_info: ExtensionInfo,
    "requestMcpApps" mcp_apps: bool,
    "askUserVariant" ask_user_variant: AskUserVariant,
    "diagnostics" mcp_diagnostics: Diagnostics,
    "lifecycleDiagnostics" lifecycle_diagnostics: LifecycleDiagnostics,
    "remoteSession" remote_session: RemoteSession,
    "disableResume" disable_resume_event: bool,
    "continuePendingWork" continue_pending_work: bool,
    "allowTranscriptRecovery" transcript_recovery: bool,
    "traceparent" traceparent: String,
    "tracestate" tracestate: String,
}

/// Settings that the CLI takes only once the session exists. Wire: `session.options.update`.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionOptions {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) skip_custom_instructions: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) custom_agents_local_only: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) coauthor_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) manage_schedule_enabled: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) included_builtin_skills: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) installed_plugins: Option<Vec<String>>,
}

vocabulary! {
    /// How much the model tells of its thinking.
    ReasoningSummary {
        /// Nothing.
        None = "none",
        /// A little.
        Concise = "concise",
        /// A lot.
        Detailed = "detailed",
    }
}

vocabulary! {
    /// How large a context window the model gets, where it has several.
    ContextTier {
        /// The usual one.
        Default = "default",
        /// The long one.
        LongContext = "long_context",
    }
}

vocabulary! {
    /// For how long the working directory is trusted.
    Trust {
        /// For this session.
        Session = "session",
        /// From now on, for this user.
        User = "user",
    }
}

vocabulary! {
    /// Whether the session can be followed and steered from elsewhere.
    RemoteSession {
        /// It cannot.
        Off = "off",
        /// It can be followed.
        Export = "export",
        /// It can be followed and steered.
        On = "on",
    }
}

vocabulary! {
    /// In which form the model asks the user.
    AskUserVariant {
        /// A question, with answers to choose from. It reaches
        /// [`on_user_input`](crate::SessionBuilder::on_user_input).
        Question = "legacy",
        /// A form. It reaches [`on_elicitation`](crate::SessionBuilder::on_elicitation).
        Form = "elicitation",
    }
}

/// Who a program is towards the CLI's extensions.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct ExtensionInfo {
    pub(crate) source: String,
    pub(crate) name: String,
}

settings! {
    /// How a conversation that outgrows the model's context window goes on: it is summarised in the background
    /// before the window is full. On unless disabled. Wire: `infiniteSessions`.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::Session;
    /// use copilot::config::InfiniteSessions;
    ///
    /// let early = InfiniteSessions::new().background_compaction_threshold(0.5);
    /// let builder = Session::builder().infinite_sessions(early);
    /// let builder = builder.infinite_sessions(InfiniteSessions::disabled());
    /// # drop(builder);
    /// ```
    InfiniteSessions {
        /// Whether conversations are summarised, and the session has a directory of its own.
        enabled: flag,
        /// How full the window is when summarising starts, from 0 to 1; 0.8 unless set.
        background_compaction_threshold: (f64),
        /// How full the window is when the agent waits for the summary, from 0 to 1; 0.95 unless set.
        buffer_exhaustion_threshold: (f64),
    }
}

impl InfiniteSessions {
    /// No summaries, and no directory for the session.
    pub fn disabled() -> Self {
        Self::new().enabled(false)
    }
}

settings! {
    /// What becomes of a tool's long output: the model gets its beginning and the path of a file with all of it.
    /// Wire: `largeOutput`.
    LargeOutput {
        /// Whether long output goes to a file.
        enabled: flag,
        /// How long output may be before it does, in bytes.
        max_size_bytes: (u64),
        /// The directory for these files.
        output_dir: text,
    }
}

impl LargeOutput {
    /// All output goes to the model, however long.
    pub fn disabled() -> Self {
        Self::new().enabled(false)
    }
}

settings! {
    /// Whether the model searches for tools when there are many, instead of being told all of them. Wire:
    /// `toolSearch`.
    ToolSearch {
        /// Whether it may search.
        enabled: flag,
        /// How many tools there are before it does; 30 unless set.
        defer_threshold: (u64),
    }
}

settings! {
    /// Whether the agent makes images. Wire: `imageGeneration`.
    ImageGeneration {
        /// Whether it does.
        enabled: flag,
        /// Whether they are marked as made by a machine.
        watermark: flag,
        /// Whether they are saved.
        save_to_disk: flag,
    }
}

settings! {
    /// Whether the agent remembers things across sessions. Wire: `memory`.
    Memory {
        /// Whether it does.
        enabled: flag,
        /// Where the model reads what is remembered.
        mode: (MemoryMode),
    }
}

vocabulary! {
    /// Where the model reads what is remembered.
    MemoryMode {
        /// In the instructions.
        SystemPrompt = "system-prompt",
        /// With the user's message.
        UserPrompt = "user-prompt",
    }
}

settings! {
    /// How the agent goes on by itself. Wire: `autopilot`.
    Autopilot {
        /// Whether it goes on when it believes to be done with a step.
        continuation_enabled: flag,
        /// How often it goes on.
        max_continues: (u64),
    }
}

settings! {
    /// How requests to Copilot's own models travel. Wire: `capi`.
    CopilotApi {
        /// The tier that `auto` picks a model from.
        auto_tier: text,
        /// Whether the responses API is spoken over a WebSocket.
        enable_web_socket_responses: flag,
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionLimits {
    pub(crate) max_ai_credits: f64,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn members_that_are_not_set_are_not_sent() {
        assert_eq!(serde_json::to_value(SessionConfig::default()).unwrap(), json!({}));
        assert_eq!(serde_json::to_value(SessionOptions::default()).unwrap(), json!({}));
    }

    #[test]
    fn every_member_is_there_once() {
        let mut names: Vec<_> = SessionConfig::MEMBERS.iter().map(|(wire, _)| wire).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), SessionConfig::MEMBERS.len());
    }

    #[test]
    fn groups_reach_the_wire() {
        let wire = |value: &dyn erased::ToJson| value.to_json();
        assert_eq!(wire(&InfiniteSessions::disabled()), json!({"enabled": false}));
        assert_eq!(
            wire(
                &InfiniteSessions::new()
                    .background_compaction_threshold(0.5)
                    .buffer_exhaustion_threshold(0.75)
            ),
            json!({"backgroundCompactionThreshold": 0.5, "bufferExhaustionThreshold": 0.75})
        );
        assert_eq!(
            wire(&LargeOutput::new().max_size_bytes(9).output_dir("/o")),
            json!({"maxSizeBytes": 9, "outputDir": "/o"})
        );
        assert_eq!(wire(&Memory::new().mode(MemoryMode::UserPrompt)), json!({"mode": "user-prompt"}));
        assert_eq!(wire(&ToolSearch::new().defer_threshold(3)), json!({"deferThreshold": 3}));
        assert_eq!(wire(&Autopilot::new().max_continues(2)), json!({"maxContinues": 2}));
        assert_eq!(
            wire(&CopilotApi::new().enable_web_socket_responses(false)),
            json!({"enableWebSocketResponses": false})
        );
    }

    /// `Serialize` as an object, to hold values of several types against JSON.
    mod erased {
        pub(super) trait ToJson {
            fn to_json(&self) -> serde_json::Value;
        }

        impl<T: serde::Serialize> ToJson for T {
            fn to_json(&self) -> serde_json::Value {
                serde_json::to_value(self).unwrap()
            }
        }
    }
}
