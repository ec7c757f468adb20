//! Payloads about a session as a whole: its start, its errors, its end.

use std::collections::BTreeMap;

use serde_json::Value;

use super::changes::{AutoTier, FileOperation, Verbosity};
use crate::protocol::capabilities::UiCapabilities;
use crate::protocol::config::{ContextTier, ReasoningSummary};
use crate::protocol::session::AgentMode;
use crate::protocol::timestamp::Timestamp;
use crate::protocol::vocabulary::vocabulary;
use crate::protocol::{MessageId, RequestId, SessionId};

payload! {
    /// The start of a session.
    pub struct SessionStart {
        /// The id of the session.
        pub session_id: SessionId,
        /// The version of the history's format.
        pub version: u64,
        /// The program that writes the history.
        pub producer: String,
        /// The version of the CLI.
        pub copilot_version: String,
        /// When the session began.
        pub start_time: Option<Timestamp>,
        /// The model; `None` if the CLI chooses it later.
        pub selected_model: Option<String>,
        /// The model's reasoning effort.
        pub reasoning_effort: Option<String>,
        /// The summary of the reasoning that the model is asked for.
        pub reasoning_summary: Option<ReasoningSummary>,
        /// The length of answers that the model is asked for.
        pub verbosity: Option<Verbosity>,
        /// The model's context window; `None` for models with one.
        pub context_tier: Option<ContextTier>,
        /// The preference by which the CLI chooses models.
        pub auto_tier: Option<AutoTier>,
        /// The limits of the session.
        pub session_limits: Option<AiCreditLimit>,
        /// The directory and repository that the agent works in.
        pub context: WorkingContext,
        /// Whether another client was using the session.
        pub already_in_use: bool,
        /// Whether the session can be steered from GitHub.
        pub remote_steerable: bool,
        /// The session that this one continues in the background.
        pub detached_from_spawning_parent_session_id: Option<SessionId>,
    }

    /// A session was resumed.
    pub struct SessionResume {
        /// When the session was resumed.
        pub resume_time: Option<Timestamp>,
        /// The number of events in its history.
        pub event_count: u64,
        /// The size of its history, in bytes.
        pub events_file_size_bytes: Option<u64>,
        /// The id of the model; `None` if the CLI chooses it later.
        pub selected_model: Option<String>,
        /// The model's reasoning effort.
        pub reasoning_effort: Option<String>,
        /// The summary of the reasoning that the model is asked for.
        pub reasoning_summary: Option<ReasoningSummary>,
        /// The length of answers that the model is asked for.
        pub verbosity: Option<Verbosity>,
        /// The model's context window; `None` for models with one.
        pub context_tier: Option<ContextTier>,
        /// The preference by which the CLI chooses models.
        pub auto_tier: Option<AutoTier>,
        /// The limits of the session.
        pub session_limits: Option<AiCreditLimit>,
        /// The directory and repository that the agent works in.
        pub context: Option<WorkingContext>,
        /// Whether another client was using the session.
        pub already_in_use: bool,
        /// Whether work was running in the session, which this client has joined.
        pub session_was_active: bool,
        /// Whether the session can be steered from GitHub.
        pub remote_steerable: bool,
        /// Whether open requests stay open.
        pub continue_pending_work: bool,
    }

    /// Limits of a session.
    pub struct AiCreditLimit {
        /// The number of AI credits that the session may use; `None` for any number.
        pub max_ai_credits: Option<f64>,
    }

    /// The limits of the session changed.
    pub struct SessionLimitsChanged {
        /// The new limits; `None` if there are none.
        pub session_limits: Option<AiCreditLimit>,
    }

    /// The directory and repository that an agent works in.
    pub struct WorkingContext {
        /// The path of the working directory.
        pub cwd: String,
        /// The root of the repository; `None` outside of one.
        pub git_root: Option<String>,
        /// The repository, as `owner/name`.
        pub repository: Option<String>,
        /// The kind of host: `github` or `ado`.
        pub host_type: Option<String>,
        /// The host's name, such as `github.com`.
        pub repository_host: Option<String>,
        /// The name of the branch; `None` without one.
        pub branch: Option<String>,
        /// The commit at the head of the branch.
        pub head_commit: Option<String>,
        /// The commit that the branch started from.
        pub base_commit: Option<String>,
        /// Whether the repository is still being read; another event follows.
        pub pending_git_context: bool,
    }

    /// The directory or repository changed.
    pub struct ContextChanged {
        /// The directory and repository from here on.
        #[serde(flatten)]
        pub context: WorkingContext,
    }

    /// The queue of messages is empty.
    pub struct SessionIdle {
        /// Whether the work was aborted; CLI 1.0.82 and later.
        pub aborted: bool,
        /// The agent's mode; `None` on CLIs that do not send it.
        pub mode: Option<AgentMode>,
    }

    /// Work on a message failed.
    pub struct SessionError {
        /// The kind of error, such as `authentication`, `quota`, `rate_limit` or `query`.
        pub error_type: String,
        /// The error text, for people.
        pub message: String,
        /// The HTTP status of the model's service.
        pub status_code: Option<u64>,
        /// The service's code for the error.
        pub error_code: Option<String>,
        /// The CLI's stack trace.
        pub stack: Option<String>,
        /// A page about the error.
        pub url: Option<String>,
        /// Whether the CLI offers another model after a rate limit.
        pub eligible_for_auto_switch: bool,
        /// The message that failed; CLI 1.0.92 and later.
        pub originating_message_id: Option<MessageId>,
        /// GitHub's id of the request, for support.
        pub provider_call_id: Option<String>,
        /// The Copilot service's id of the request, for support.
        pub service_request_id: Option<String>,
    }

    /// A warning or information about the session.
    pub struct Notice {
        /// The kind of notice.
        #[serde(alias = "warningType", alias = "infoType")]
        pub kind: String,
        /// The text, for people.
        pub message: String,
        /// A page about it.
        pub url: Option<String>,
        /// A hint for the user.
        pub tip: Option<String>,
    }

    /// A new title of the session.
    pub struct TitleChanged {
        /// The title, for people.
        pub title: String,
    }

    /// The agent finished its task.
    pub struct TaskComplete {
        /// The agent's summary of its work; `None` without one.
        pub summary: Option<String>,
        /// Whether the task was accepted as complete.
        pub success: Option<bool>,
        /// The decision about the task.
        pub outcome: Option<TaskOutcome>,
        /// The reason for the decision.
        pub reason: Option<String>,
        /// The objective of autopilot that was reviewed.
        pub objective_id: Option<u64>,
    }

    /// The end of autopilot's work.
    pub struct AutopilotStopped {
        /// The message that autopilot was continuing.
        pub request_id: Option<RequestId>,
        /// The reason, in a word.
        pub reason: String,
    }

    /// A change of autopilot's objective.
    pub struct AutopilotObjectiveChanged {
        /// The operation on the objective.
        pub operation: FileOperation,
        /// The objective; `None` if there is none.
        pub id: Option<u64>,
        /// The objective's state: `active`, `paused`, `cap_reached` or `completed`.
        pub status: Option<String>,
    }

    /// Something changed; a request says what there is now.
    pub struct Changed {}

    /// The capabilities of the user interface changed; absent members are unchanged.
    pub struct CapabilitiesChanged {
        /// Capabilities of the user interface.
        pub ui: UiCapabilities,
    }

    /// The abort of the agent's work.
    pub struct Abort {
        /// The cause of the abort.
        pub reason: AbortReason,
    }

    /// A session was handed over from elsewhere.
    pub struct Handoff {
        /// When it was handed over.
        pub handoff_time: Option<Timestamp>,
        /// Where it comes from.
        pub source_type: HandoffSource,
        /// The repository of the session; `None` without one.
        pub repository: Option<HandoffRepository>,
        /// More about the session, as text for the agent.
        pub context: Option<String>,
        /// The work so far.
        pub summary: Option<String>,
        /// The session on the other side.
        pub remote_session_id: Option<SessionId>,
        /// The GitHub host, such as `https://github.com`.
        pub host: Option<String>,
    }

    /// The repository of a session that was handed over.
    pub struct HandoffRepository {
        /// The user or organization that owns it.
        pub owner: String,
        /// The name, as it was sent.
        pub name: String,
        /// The name of the branch; `None` without one.
        pub branch: Option<String>,
    }

    /// The session can be steered from GitHub, or no longer.
    pub struct RemoteSteerableChanged {
        /// Whether it can be.
        pub remote_steerable: bool,
    }

    /// A message of an extension, in its own format.
    pub struct CustomNotification {
        /// The namespace of the sender, unique among extensions.
        pub source: String,
        /// The sender's name for the message.
        pub name: String,
        /// The version of the payload's format.
        pub version: Option<u64>,
        /// Ids of what the message is about, by kind.
        pub subject: BTreeMap<String, String>,
        /// The message, in the sender's format.
        pub payload: Value,
    }

    /// The text or the state of a question beside the conversation.
    pub struct EphemeralQuery {
        /// The id of the question.
        pub request_id: RequestId,
        /// `started`, `chunk`, `completed`, `failed` or `aborted`.
        pub phase: String,
        /// A piece of the answer, in phase `chunk`.
        pub chunk: Option<String>,
        /// The whole answer, in phase `completed`.
        pub answer: Option<String>,
        /// The error text, in phase `failed`.
        pub error: Option<String>,
    }

    /// Bytes that other events refer to by their id.
    pub struct BinaryAsset {
        /// The id, by which other events refer to the bytes.
        pub asset_id: String,
        /// The kind: `image` or `resource`.
        #[serde(rename = "type")]
        pub kind: String,
        /// The media type, such as `image/png`.
        pub mime_type: String,
        /// The number of bytes.
        pub byte_length: u64,
        /// The bytes in Base64.
        pub data: String,
        /// A description for people.
        pub description: Option<String>,
        /// More about the bytes, from the tool that made them.
        pub metadata: BTreeMap<String, Value>,
    }
}

vocabulary! {
    /// The decision about a task.
    TaskOutcome {
        /// The task is complete.
        Completed = "completed",
        /// The agent continues with it.
        Continue = "continue",
        /// The agent cannot continue with it.
        Blocked = "blocked",
    }
}

vocabulary! {
    /// Why work was aborted.
    AbortReason {
        /// The program or the user aborted it.
        UserInitiated = "user_initiated",
        /// It was aborted from GitHub.
        RemoteCommand = "remote_command",
        /// The user pressed a key.
        UserAbort = "user_abort",
        /// Autopilot used up its credits.
        AutopilotCreditLimit = "autopilot_credit_limit",
    }
}

vocabulary! {
    /// Where a session comes from.
    HandoffSource {
        /// The session comes from GitHub.
        Remote = "remote",
        /// The session comes from this machine.
        Local = "local",
    }
}
