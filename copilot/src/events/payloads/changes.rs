//! Payloads of settings that changed while a session was open: its model, its modes, its plan, its schedules.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::protocol::config::{ContextTier, ReasoningSummary};
use crate::protocol::instructions::PermissionMode;
use crate::protocol::session::AgentMode;
use crate::protocol::timestamp::Timestamp;
use crate::protocol::vocabulary::vocabulary;

vocabulary! {
    /// An operation on a file or an entry.
    FileOperation {
        /// The file was created.
        Create = "create",
        /// The file was changed.
        Update = "update",
        /// The file was deleted.
        Delete = "delete",
    }
}

vocabulary! {
    /// The length of answers that a model is asked for.
    Verbosity {
        /// Answers are short.
        Low = "low",
        /// Answers have the usual length.
        Medium = "medium",
        /// Answers are long.
        High = "high",
    }
}

vocabulary! {
    /// The preference by which the CLI chooses models.
    AutoTier {
        /// The CLI prefers cheap models.
        Efficiency = "efficiency",
        /// Models between cheap and capable.
        Balance = "balance",
        /// The CLI prefers capable models.
        Intelligence = "intelligence",
    }
}

payload! {
    /// The session's model changed, or how it works.
    pub struct ModelChange {
        /// The model before the change; `None` if none was chosen.
        pub previous_model: Option<String>,
        /// The model from here on.
        pub new_model: String,
        /// The reasoning effort before.
        pub previous_reasoning_effort: Option<String>,
        /// The reasoning effort from here on.
        pub reasoning_effort: Option<String>,
        /// The summary of the reasoning before.
        pub previous_reasoning_summary: Option<ReasoningSummary>,
        /// The summary of the reasoning from here on.
        pub reasoning_summary: Option<ReasoningSummary>,
        /// The length of answers before.
        pub previous_verbosity: Option<Verbosity>,
        /// The length of answers from here on.
        pub verbosity: Option<Verbosity>,
        /// The context window from here on; `None` for models with one.
        pub context_tier: Option<ContextTier>,
        /// Why the CLI changed the model, such as `rate_limit_auto_switch`; `None` if the user did.
        pub cause: Option<String>,
        /// The cause of the change, such as `model_command`, `plan_mode`, `automatic` or `sdk`.
        pub source: Option<String>,
    }

    /// The agent's mode changed.
    pub struct ModeChanged {
        /// The mode before the change.
        pub previous_mode: AgentMode,
        /// The mode from here on.
        pub new_mode: AgentMode,
    }

    /// A change of the session's plan.
    pub struct PlanChanged {
        /// The operation on the plan.
        pub operation: FileOperation,
    }

    /// The CLI's own permission mode changed.
    pub struct PermissionsChanged {
        /// The mode before the change; `None` where the CLI does not send it.
        pub previous_mode: Option<PermissionMode>,
        /// The mode from here on.
        pub mode: PermissionMode,
        /// The model that decides in mode `assisted`.
        pub assisted_approval_model: Option<String>,
    }

    /// A file in the session's workspace was written.
    pub struct WorkspaceFileChanged {
        /// The path, relative to the workspace.
        pub path: String,
        /// The operation on the file.
        pub operation: FileOperation,
    }

    /// The set of tools changed.
    pub struct ToolsUpdated {
        /// The model that the tools are for.
        pub model: Option<String>,
    }

    /// Tools were found by a search, and the model can call them from here on.
    pub struct ToolSearchActivated {
        /// How they were searched for.
        pub strategy: String,
        /// The names of the tools that were found.
        pub tool_names: Vec<String>,
    }

    /// The CLI chose a model.
    pub struct AutoModeResolved {
        /// The id of the chosen model.
        pub chosen_model: String,
        /// How hard the request looks: `low`, `medium` or `high`.
        pub reasoning_bucket: Option<String>,
        /// How much the request is of each category, from 0 to 1.
        pub category_scores: BTreeMap<String, f64>,
        /// The category that was predicted.
        pub predicted_label: Option<String>,
        /// How certain the prediction is, from 0 to 1.
        pub confidence: Option<f64>,
        /// The models that were recommended, the best first.
        pub candidate_models: Vec<String>,
        /// How the model was chosen.
        pub routing_method: Option<String>,
        /// The models that could be chosen.
        pub available_models: Vec<String>,
        /// Whether the choice fell back on the usual model.
        pub fallback: Option<bool>,
        /// The reason of the fallback; `None` without one.
        pub fallback_reason: Option<String>,
        /// Whether an earlier choice was kept.
        pub sticky_override: Option<bool>,
        /// The time that the service took to choose, in milliseconds.
        pub router_latency_ms: Option<f64>,
        /// The time that the CLI waited for the choice, in milliseconds.
        pub end_to_end_latency_ms: Option<f64>,
        /// How much worse the model scores than the best one.
        pub chosen_shortfall: Option<f64>,
        /// Whether the message has an image.
        pub has_image: Option<bool>,
    }

    /// A message was scheduled.
    pub struct ScheduleCreated {
        /// The schedule, by its number in the session.
        pub id: u64,
        /// The time between two messages, in milliseconds; `None` for other schedules.
        pub interval_ms: Option<u64>,
        /// The times as a cron expression of five fields; `None` for other schedules.
        pub cron: Option<String>,
        /// The time zone of `cron`, by its IANA name.
        pub tz: Option<String>,
        /// The time of a single message, in milliseconds since 1970; `None` for other schedules.
        pub at: Option<u64>,
        /// The message that is scheduled.
        pub prompt: String,
        /// Whether the message is sent again and again.
        pub recurring: Option<bool>,
        /// Whether the agent sets each next time itself.
        pub self_paced: bool,
        /// The text that is shown in place of the message.
        pub display_prompt: Option<String>,
        /// Whose schedule it is: `user` or `model`; `None` in histories of older CLIs.
        pub origin: Option<String>,
    }

    /// A schedule was cancelled.
    pub struct ScheduleCancelled {
        /// The id of the schedule.
        pub id: u64,
    }

    /// The agent set the next time of a schedule.
    pub struct ScheduleRearmed {
        /// The id of the schedule.
        pub id: u64,
        /// When the message is sent next.
        pub next_run_at: Option<Timestamp>,
    }

    /// The settings that an organization or a device prescribes were read.
    pub struct ManagedSettingsResolved {
        /// Where they come from: `server`, `device`, `client`, `mixed` or `none`.
        pub source: String,
        /// Whether the organization prescribes some.
        pub server_managed: bool,
        /// Whether the device prescribes some.
        pub device_managed: bool,
        /// Whether the program prescribes some.
        pub client_managed: Option<bool>,
        /// Whether a helper program prescribes some; CLI 1.0.102 and later.
        pub policy_helper_managed: Option<bool>,
        /// Whether they could not be read, so that the strictest ones are in force.
        pub fail_closed: bool,
        /// Whether the sandbox is on only because they could not be read.
        pub sandbox_enabled_by_undetermined_policy: Option<bool>,
        /// Whether the permission mode that allows everything is forbidden.
        pub bypass_permissions_disabled: bool,
        /// Whether several lists of what is allowed are combined.
        pub permissions_allow_intersected: Option<bool>,
        /// The names of the settings that are prescribed.
        pub managed_keys: Vec<String>,
        /// The settings; `None` if none are prescribed.
        pub settings: Option<Value>,
    }

    /// A prescribed setting has forbidden something.
    pub struct ManagedSettingsEnforced {
        /// The action that was forbidden, such as `bypass_permissions_blocked`.
        pub action: String,
        /// The form of it, such as `allow_all`.
        pub escalation: Option<String>,
        /// The name of the setting.
        pub setting: String,
        /// Whether it is in force only because the settings could not be read.
        pub fail_closed: bool,
        /// An explanation for the user.
        pub message: String,
    }
}
