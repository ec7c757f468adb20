//! The payload of decisions about the sandbox.

use crate::protocol::ToolCallId;
use crate::protocol::vocabulary::vocabulary;

payload! {
    /// A decision about the sandbox. Members that do not belong to its kind are `None`.
    pub struct SandboxDecision {
        /// The subject of the decision.
        pub kind: SandboxDecisionKind,
        /// The resource: `process`, `filesystem`, `network`, `routing`, `bypass`, `credentials` or `platform`.
        pub control: String,
        /// The outcome: `resolved`, `inactive`, `engaged`, `succeeded`, `failed` or `degraded`.
        pub outcome: String,
        /// The tool call that it was for; `None` if it was for none.
        pub tool_call_id: Option<ToolCallId>,
        /// The system: `macos`, `linux`, `windows` or `other`.
        pub platform: String,
        /// The mechanism: `seatbelt`, `bubblewrap`, `process_container` or `unsupported`.
        pub backend: String,
        /// The part of the CLI: `shell`, `builtin_filesystem`, `search`, `web_fetch`, `mcp` or `lsp`.
        pub enforcement_point: String,
        /// Why the sandbox is weaker than configured: `denied_paths_unsupported` or `unsupported_platform`.
        pub degradation_reason: Option<String>,
        /// How long the start of the process took, in milliseconds.
        pub duration_ms: Option<f64>,
        /// The sign by which the state was detected: `spawn_succeeded` or `unsupported`.
        pub attestation: Option<String>,
        /// Where the policy comes from: `default_policy` or `user_policy`.
        pub policy_source: Option<String>,
        /// The number of rules for paths that can be written.
        pub readwrite_paths_count: Option<u64>,
        /// The number of rules for paths that can be read.
        pub readonly_paths_count: Option<u64>,
        /// The number of rules for paths that are closed.
        pub denied_paths_count: Option<u64>,
        /// Whether the working directory was added to the paths that can be written.
        pub add_current_working_directory: Option<bool>,
        /// Whether processes may reach the network.
        pub allow_outbound: Option<bool>,
        /// Whether processes may reach this machine and its local network.
        pub allow_local_network: Option<bool>,
        /// The proxy: `none`, `loopback` or `external`.
        pub proxy_mode: Option<String>,
        /// Whether single commands may run outside of the sandbox.
        pub allow_bypass: Option<bool>,
        /// Whether processes may use the credentials of git.
        pub git_auth: Option<bool>,
        /// Whether processes may use the credentials of the GitHub CLI.
        pub gh_auth: Option<bool>,
        /// Whether processes may use the keychain of macOS.
        pub keychain_access: Option<bool>,
        /// The paths of the policy; `None` unless the session captures content.
        pub effective_filesystem_policy: Option<SandboxPaths>,
    }

    /// The paths of a sandbox's policy.
    pub struct SandboxPaths {
        /// Paths that can be read and written.
        pub readwrite_paths: Vec<String>,
        /// Paths that can be read.
        pub readonly_paths: Vec<String>,
        /// Paths that are closed.
        pub denied_paths: Vec<String>,
    }
}

vocabulary! {
    /// The subject of a decision about the sandbox.
    SandboxDecisionKind {
        /// The policy that is in force.
        PolicyResolved = "policy_resolved",
        /// The start of a process in the sandbox.
        SpawnCompleted = "spawn_completed",
        /// Whether the policy is enforced.
        EnforcementState = "enforcement_state",
    }
}
