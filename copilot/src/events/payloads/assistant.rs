//! Payloads of messages: those of the user, and those of the agent as the model writes them.

use serde_json::Value;

use super::attachment::MessageAttachment;
use super::citation::Citations;
use super::usage::ModelEndpoint;
use crate::protocol::inference::InferenceTransport;
use crate::protocol::session::AgentMode;
use crate::protocol::vocabulary::vocabulary;
use crate::protocol::{MessageId, ToolCallId};

vocabulary! {
    /// When a message reached the agent, as seen from the agent's work.
    MessageDelivery {
        /// While the agent was idle; the message started its work.
        Idle = "idle",
        /// From the queue, after earlier messages.
        Queued = "queued",
        /// During the work on an earlier message, which it steers.
        Steering = "steering",
    }
}

vocabulary! {
    /// The form in which a model calls a tool.
    ToolCallKind {
        /// A function, whose arguments are JSON.
        Function = "function",
        /// Arguments are text in a grammar of the tool.
        Custom = "custom",
    }
}

payload! {
    /// A message that reached the agent.
    pub struct UserMessage {
        /// The text as it is shown.
        pub content: String,
        /// The text as the model received it, with what the CLI added.
        pub transformed_content: Option<String>,
        /// Files, selections and other things that came with the message.
        pub attachments: Vec<MessageAttachment>,
        /// The id that `send` returned; CLI 1.0.92 and later.
        pub message_id: Option<MessageId>,
        /// The origin of the message, such as `user`, `system` or `skill-<name>`; `None` for the user.
        pub source: Option<String>,
        /// When the message reached the agent.
        pub delivery: Option<MessageDelivery>,
        /// The agent's mode when the message was sent.
        pub agent_mode: Option<AgentMode>,
        /// Whether autopilot wrote the message to continue its own work.
        pub is_autopilot_continuation: bool,
        /// The interaction that the message belongs to, as in [`AssistantTurn::interaction_id`].
        pub interaction_id: Option<String>,
        /// The step that took the message; `None` if no step did.
        pub turn_id: Option<String>,
        /// The task of the agent that sent the message, for messages between agents.
        pub parent_agent_task_id: Option<String>,
        /// Media types of the documents that the model received as they are, not as text.
        pub supported_native_document_mime_types: Vec<String>,
        /// Paths of documents that could not be sent as they are, so that the agent has to read them.
        pub native_document_path_fallback_paths: Vec<String>,
    }

    /// The start or end of a step of the agent: one request to the model and the tools it calls.
    pub struct AssistantTurn {
        /// The number of the step within the work on one message.
        pub turn_id: String,
        /// The interaction that the step belongs to; not sent at the end of a step.
        pub interaction_id: Option<String>,
        /// The model of the step.
        pub model: Option<String>,
        /// The call that started the sub-agent whose step it is; `None` for the session's own agent.
        pub parent_tool_call_id: Option<ToolCallId>,
    }

    /// The request of a step is sent to the model again, after a failure.
    pub struct AssistantTurnRetry {
        /// The number of the step.
        pub turn_id: String,
        /// The model that is asked again.
        pub model: Option<String>,
        /// The reason for the retry.
        pub reason: Option<String>,
    }

    /// The intention that the agent reports.
    pub struct AssistantIntent {
        /// The intention in a few words.
        pub intent: String,
    }

    /// The start of a message.
    pub struct AssistantMessageStart {
        /// The id of the agent's message; not the one that `send` returned.
        pub message_id: MessageId,
        /// The phase of the answer, for models that have phases.
        pub phase: Option<String>,
    }

    /// A piece of a message's text.
    pub struct AssistantMessageDelta {
        /// The id of the agent's message that the piece belongs to; not the one that `send` returned.
        pub message_id: MessageId,
        /// The piece, to append to those before it.
        pub delta_content: String,
        /// The call that started the sub-agent that writes; `None` for the session's own agent.
        pub parent_tool_call_id: Option<ToolCallId>,
    }

    /// A whole message of the agent.
    pub struct AssistantMessage {
        /// The id of the agent's message; not the one that `send` returned.
        pub message_id: MessageId,
        /// The text; often empty when tools are called.
        pub content: String,
        /// The tools that the model calls.
        pub tool_requests: Vec<ToolRequest>,
        /// The user's message that it answers, by the id that `send` returned; CLI 1.0.92 and later.
        pub originating_message_id: Option<MessageId>,
        /// The model's reasoning, for models that show it.
        pub reasoning_text: Option<String>,
        /// The model that wrote the message.
        pub model: Option<String>,
        /// The phase of the answer, for models that have phases.
        pub phase: Option<String>,
        /// The position of this message in an answer that was split, from 0; `None` if it was not.
        pub chunk_index: Option<u64>,
        /// The number of messages that the answer was split into; `None` if it was not.
        pub chunk_count: Option<u64>,
        /// Tokens of the answer.
        pub output_tokens: Option<u64>,
        /// The call that started the sub-agent that writes; `None` for the session's own agent.
        pub parent_tool_call_id: Option<ToolCallId>,
        /// The interaction that the message belongs to.
        pub interaction_id: Option<String>,
        /// The step that the message belongs to.
        pub turn_id: Option<String>,
        /// Sources of the text, in sessions with citations.
        pub citations: Option<Citations>,
        /// Tools that the provider ran by itself to write the message, such as a search.
        pub server_tools: Option<ServerTools>,
        /// The provider's id of the answer; all messages of a split answer share it.
        pub api_call_id: Option<String>,
        /// GitHub's id of the request, for support.
        pub request_id: Option<String>,
        /// The CLI's own id of the request.
        pub client_request_id: Option<String>,
        /// The Copilot service's id of the request, for support.
        pub service_request_id: Option<String>,
    }

    /// One tool that the model calls.
    pub struct ToolRequest {
        /// The id of the tool call.
        pub tool_call_id: ToolCallId,
        /// The name of the tool, as the model calls it.
        pub name: String,
        /// The arguments as the model wrote them.
        pub arguments: Value,
        /// The form of the call; `None` means [`Function`](ToolCallKind::Function).
        #[serde(rename = "type")]
        pub kind: Option<ToolCallKind>,
        /// The tool's name for people.
        pub tool_title: Option<String>,
        /// The MCP server that has the tool; `None` for other tools.
        pub mcp_server_name: Option<String>,
        /// The tool's name on that server.
        pub mcp_tool_name: Option<String>,
        /// The purpose of this call, in a few words.
        pub intention_summary: Option<String>,
        /// The program that made the call, where a program of the provider did and not the model.
        pub caller: Option<ToolCaller>,
    }

    /// A program of the provider that calls tools.
    pub struct ToolCaller {
        /// The kind of caller, such as `program`.
        #[serde(rename = "type")]
        pub kind: String,
        /// The id of the caller, as the provider gives it.
        pub caller_id: String,
    }

    /// Tools that a provider ran by itself. Their items are in the provider's own format.
    pub struct ServerTools {
        /// The provider that ran the tools.
        pub provider: String,
        /// The model that gave advice, if one did.
        pub advisor_model: Option<String>,
        /// The tools and results, as the provider writes them.
        pub items: Vec<Value>,
    }

    /// Progress of a tool that the provider runs by itself.
    pub struct AssistantServerToolProgress {
        /// The position of the call in the answer; the same for all events of one call.
        pub output_index: u64,
        /// The tool, such as `web_search`.
        pub kind: String,
        /// `in_progress`, `searching` or `completed`.
        pub status: String,
    }

    /// The model's reasoning as a whole.
    pub struct AssistantReasoning {
        /// The id of the reasoning, as in its deltas.
        pub reasoning_id: String,
        /// The text, as the model reads or writes it.
        pub content: String,
    }

    /// A piece of the model's reasoning.
    pub struct AssistantReasoningDelta {
        /// The reasoning that the piece belongs to.
        pub reasoning_id: String,
        /// The piece, to append to those before it.
        pub delta_content: String,
    }

    /// The size of an answer that is being received.
    pub struct AssistantStreamingDelta {
        /// Bytes received so far.
        pub total_response_size_bytes: u64,
    }

    /// A piece of the arguments that the model is writing.
    pub struct AssistantToolCallDelta {
        /// The id of the tool call.
        pub tool_call_id: ToolCallId,
        /// The tool; `None` until the model has named it.
        pub tool_name: Option<String>,
        /// The form of the call; `None` means [`Function`](ToolCallKind::Function).
        pub tool_type: Option<ToolCallKind>,
        /// The piece, as text of a JSON document.
        pub input_delta: String,
    }

    /// The agent has finished its work.
    pub struct AssistantIdle {
        /// Whether the work was aborted.
        pub aborted: bool,
    }
}

vocabulary! {
    /// The work during which an agent was interrupted.
    InterruptedActivity {
        /// The model was asked.
        ModelCall = "model_call",
        /// The CLI was waiting before it would ask the model again.
        RetryBackoff = "retry_backoff",
        /// Tool calls were running.
        ToolCall = "tool_call",
        /// Sub-agents were running in the background.
        BackgroundAgent = "background_agent",
    }
}

payload! {
    /// The agent was interrupted.
    pub struct AgentInterrupted {
        /// The work that was interrupted.
        pub activity: InterruptedActivity,
        /// How long that work had taken, in milliseconds.
        pub elapsed_ms: Option<u64>,
        /// The number of the step, from 0.
        pub turn: Option<u64>,
        /// Tools that were running.
        pub tool_names: Vec<String>,
        /// Those of `tool_names` that say nothing about the user's data.
        pub safe_tool_names: Vec<String>,
        /// The calls of the tools that were running.
        pub tool_call_ids: Vec<ToolCallId>,
        /// The model that was asked; `None` if none was.
        pub model: Option<String>,
        /// The reasoning effort that the model was asked for.
        pub reasoning_effort: Option<String>,
        /// The path of the model's service.
        pub api_endpoint: Option<ModelEndpoint>,
        /// How the model's service was reached.
        pub transport: Option<InferenceTransport>,
        /// `pre_first_token` or `mid_stream`, if a model was asked.
        pub cancel_phase: Option<String>,
        /// The time to the first output of the model, in milliseconds; only where output had begun.
        pub output_ttft_ms: Option<f64>,
        /// The number of sub-agents that were stopped.
        pub interrupted_agent_count: Option<u64>,
    }
}
