//! `hooks.invoke`: the CLI reports an action before or after it, and a hook may change or block it.
//!
//! Inputs come in slightly different spellings from version to version, so they are read leniently; outputs leave
//! out what the program did not set.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::value::RawValue;

use crate::error::{Error, Result};
use crate::protocol::decode::{self, Decode, Reader};
use crate::protocol::vocabulary::vocabulary;
use crate::protocol::{SessionId, ToolCallId};

/// The parameters of `hooks.invoke`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct HookInvokeParams<'a> {
    pub(crate) hook_type: Cow<'a, str>,
    #[serde(default)]
    pub(crate) input: Option<&'a RawValue>,
}

/// The answer to `hooks.invoke`.
#[derive(Debug, Serialize)]
pub(crate) struct HookInvokeResponse<'a> {
    pub(crate) output: &'a RawValue,
}

/// Members of the input of every hook.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
pub(crate) struct HookCommon {
    /// Absent on CLI 0.0.403.
    pub(crate) session_id: Option<SessionId>,
    pub(crate) timestamp: Option<f64>,
    pub(crate) cwd: Option<String>,
    pub(crate) agent_id: Option<String>,
    pub(crate) agent_type: Option<String>,
    pub(crate) parent_agent_id: Option<String>,
    pub(crate) tool_call_id: Option<ToolCallId>,
    pub(crate) traceparent: Option<String>,
    pub(crate) tracestate: Option<String>,
}

/// Input of the hook that runs before a tool call.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PreToolUseInput {
    /// The name of the tool.
    pub tool_name: String,
    /// The arguments of the call, as the model wrote them.
    #[decode(with = arguments)]
    pub tool_args: Value,
}

/// Input of the hook that runs before a call of an MCP server's tool.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PreMcpToolCallInput {
    /// The name of the MCP server.
    pub server_name: String,
    /// The name of the tool on that server.
    pub tool_name: String,
    /// The arguments of the call, as the model wrote them.
    #[decode(with = arguments)]
    pub arguments: Value,
    /// The request's `_meta`, as it will be sent.
    #[serde(rename = "_meta")]
    pub meta: Option<Value>,
}

/// Input of the hook that runs after a tool call that succeeded.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PostToolUseInput {
    /// The name of the tool.
    pub tool_name: String,
    /// The arguments of the call.
    #[decode(with = arguments)]
    pub tool_args: Value,
    /// The result of the call.
    pub tool_result: HookToolResult,
}

/// The result of a tool call, as a hook reads it.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct HookToolResult {
    /// The text of the result for the model.
    pub text_result_for_llm: String,
    /// The kind of result, such as `success` or `failure`.
    pub result_type: String,
    /// The text of the result for people; `None` where it is the same.
    pub session_log: Option<String>,
    /// The text of the error; `None` where the tool succeeded.
    pub error: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Input of the hook that runs after a tool call that failed.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct PostToolUseFailureInput {
    /// The name of the tool.
    pub tool_name: String,
    /// The arguments of the call.
    #[decode(with = arguments)]
    pub tool_args: Value,
    /// The text of the error.
    pub error: String,
}

macro_rules! typed_arguments {
    ($($input:ident . $field:ident)*) => {$(
        impl $input {
            /// Decodes the arguments as a type of your own.
            ///
            /// # Errors
            ///
            /// Fails when the arguments do not have the shape of the type.
            pub fn args<T: DeserializeOwned>(&self) -> Result<T> {
                T::deserialize(&self.$field)
                    .map_err(|source| Error::decode("the arguments of the tool have another shape", source))
            }
        }
    )*};
}
typed_arguments!(PreToolUseInput.tool_args PreMcpToolCallInput.arguments PostToolUseInput.tool_args PostToolUseFailureInput.tool_args);

/// Input of the hook that runs when the user submits a prompt, before it reaches the model.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct UserPromptSubmittedInput {
    /// The text of the user's message.
    pub prompt: String,
}

/// Input of the hook that runs when the CLI has added context to the user's message.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct UserPromptTransformedInput {
    /// The text of the user's message.
    pub prompt: String,
    /// The text that the model would get.
    pub transformed_prompt: String,
}

vocabulary! {
    /// The way in which a session starts.
    SessionSource {
        /// The session is new.
        New = "new",
        /// The session starts together with the CLI.
        Startup = "startup",
        /// The session is resumed.
        Resume = "resume",
    }
}

/// Input of the hook that runs when a session starts.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionStartInput {
    /// The way in which the session starts.
    pub source: SessionSource,
    /// The first message of the session; `None` where there is none.
    pub initial_prompt: Option<String>,
}

vocabulary! {
    /// The reason of a session's end.
    SessionEndReason {
        /// The work is complete.
        Complete = "complete",
        /// The session ends with an error.
        Error = "error",
        /// The session was aborted.
        Abort = "abort",
        /// The session exceeded its time limit.
        Timeout = "timeout",
        /// The user left the session.
        UserExit = "user_exit",
    }
}

/// Input of the hook that runs when a session ends.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionEndInput {
    /// The reason of the session's end.
    pub reason: SessionEndReason,
    /// The last message of the agent; `None` where there is none.
    pub final_message: Option<String>,
    /// The error that ended the session; `None` where there was none.
    #[decode(with = maybe_failure)]
    pub error: Option<HookError>,
}

/// Input of the hook that runs when an error occurred.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct ErrorOccurredInput {
    /// The error that occurred.
    #[decode(with = failure)]
    pub error: HookError,
    /// The operation that failed, such as `model_call` or `tool_execution`; `None` where the CLI does not report it.
    pub error_context: Option<String>,
    /// Whether a repetition may succeed; `None` where the CLI does not report it.
    pub recoverable: Option<bool>,
}

/// An error, as a hook reads it.
#[derive(Clone, Debug, Default, PartialEq, Eq, Decode)]
#[serde(default)]
#[non_exhaustive]
pub struct HookError {
    /// The text of the error.
    pub message: String,
    /// The kind of error; `None` where the CLI does not report it.
    pub name: Option<String>,
    /// The stack trace in the CLI's code; `None` where the CLI does not report it.
    pub stack: Option<String>,
}

/// Input of the hook that runs before the agent ends its turn.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct AgentStopInput {
    /// The reason of the stop, such as `end_turn`; `None` on CLIs that do not report it.
    pub stop_reason: Option<String>,
    /// The path of the file that holds the session's events; `None` on CLIs that do not report it.
    pub transcript_path: Option<String>,
    /// Whether the agent continues only because this hook has blocked its stop before: a hook that always blocks never
    /// ends.
    #[serde(rename = "stop_hook_active")]
    pub stop_hook_active: bool,
}

/// Input of the hook that runs when a sub-agent starts.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SubagentStartInput {
    /// The name of the agent.
    pub agent_name: String,
    /// The name of the agent, for people; `None` where it has none.
    pub agent_display_name: Option<String>,
    /// The purpose of the agent; `None` where it has no description.
    pub agent_description: Option<String>,
    /// The path of the file that holds the session's events; `None` on CLIs that do not report it.
    pub transcript_path: Option<String>,
}

/// Input of the hook that runs before a sub-agent returns its answer.
#[derive(Clone, Debug, Default, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SubagentStopInput {
    /// The name of the agent.
    pub agent_name: String,
    /// The name of the agent, for people; `None` where it has none.
    pub agent_display_name: Option<String>,
    /// The type of the agent; `None` on CLIs that do not report it.
    pub agent_type: Option<String>,
    /// The id of the running agent; `None` on CLIs that do not report it.
    pub agent_id: Option<String>,
    /// The reason of the stop, such as `end_turn`; `None` on CLIs that do not report it.
    pub stop_reason: Option<String>,
    /// The answer of the sub-agent; `None` on CLIs that do not report it.
    pub response: Option<String>,
    /// The path of the file that holds the session's events; `None` on CLIs that do not report it.
    pub transcript_path: Option<String>,
}

/// Reads arguments: an object, or on CLIs up to 1.0.57 the text of one.
fn arguments(reader: &mut Reader<'_>) -> decode::Result<Value> {
    Ok(match Value::decode(reader)? {
        Value::String(text) => serde_json::from_str(&text).unwrap_or(Value::String(text)),
        value => value,
    })
}

/// Reads an error: an object, or its message alone.
fn failure(reader: &mut Reader<'_>) -> decode::Result<HookError> {
    let error = reader.raw()?.get();
    Ok(match decode::question::<Value>(error)? {
        Value::String(message) => HookError { message, ..HookError::default() },
        other => decode::question(error)
            .unwrap_or_else(|_| HookError { message: other.to_string(), ..HookError::default() }),
    })
}

fn maybe_failure(reader: &mut Reader<'_>) -> decode::Result<Option<HookError>> {
    failure(reader).map(Some)
}

/// Declares the output of a hook: optional members, and a setter for each.
macro_rules! outputs {
    ($(
        $(#[$doc:meta])*
        $name:ident { $($(#[$field_doc:meta])* $field:ident: $type:ty,)* }
    )*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, Default, PartialEq, Serialize)]
        #[serde(rename_all = "camelCase")]
        #[must_use]
        pub struct $name {
            $(#[serde(skip_serializing_if = "Option::is_none")] $field: Option<$type>,)*
            #[serde(flatten)]
            raw: BTreeMap<String, Value>,
        }

        impl $name {
            /// Returns an answer without an opinion: everything continues as if there were no hook.
            pub fn pass() -> Self {
                Self::default()
            }

            $(
                $(#[$field_doc])*
                pub fn $field(mut self, $field: impl Into<$type>) -> Self {
                    self.$field = Some($field.into());
                    self
                }
            )*

            /// Sets a member of the output that has no method here.
            pub fn raw(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
                self.raw.insert(member.into(), value.into());
                self
            }
        }
    )*};
}

vocabulary! {
    /// The decision of a hook on a tool call that is about to run.
    HookPermission {
        /// The tool runs without a permission request.
        Allow = "allow",
        /// The tool does not run.
        Deny = "deny",
        /// The CLI requests permission, even where none is needed.
        Ask = "ask",
    }
}

vocabulary! {
    /// The decision of a hook on an action that is about to happen.
    HookDecision {
        /// The action is blocked.
        Block = "block",
    }
}

vocabulary! {
    /// The CLI's reaction to an error.
    ErrorHandling {
        /// The failed operation is repeated.
        Retry = "retry",
        /// The CLI continues without the failed operation.
        Skip = "skip",
        /// The work is aborted.
        Abort = "abort",
    }
}

outputs! {
    /// The answer to [`PreToolUseInput`].
    PreToolUse {
        /// Sets whether the tool may run.
        permission_decision: HookPermission,
        /// Sets the reason of the decision, for the model.
        permission_decision_reason: String,
        /// Sets the arguments that the tool runs with instead.
        modified_args: Value,
        /// Sets a text for the model, after the tool's result.
        additional_context: String,
        /// Sets whether the tool's output is hidden from people.
        suppress_output: bool,
    }

    /// The answer to [`PreMcpToolCallInput`].
    PreMcpToolCall {
        /// Sets the `_meta` of the request; null removes it.
        meta_to_use: Value,
    }

    /// The answer to [`PostToolUseInput`].
    PostToolUse {
        /// Sets a result in place of the tool's.
        modified_result: Value,
        /// Sets a text for the model, after the tool's result.
        additional_context: String,
        /// Sets whether the tool's output is hidden from people.
        suppress_output: bool,
    }

    /// The answer to [`PostToolUseFailureInput`].
    PostToolUseFailure {
        /// Sets a text for the model, after the failure.
        additional_context: String,
    }

    /// The answer to [`UserPromptSubmittedInput`].
    UserPromptSubmitted {
        /// Sets a message in place of the user's.
        modified_prompt: String,
        /// Sets a text for the model, beside the message.
        additional_context: String,
        /// Sets whether the message is hidden from people.
        suppress_output: bool,
        /// Sets whether the message reaches the model.
        decision: HookDecision,
        /// Sets the reason of a block, for the user.
        reason: String,
    }

    /// The answer to [`UserPromptTransformedInput`].
    UserPromptTransformed {
        /// Sets the text that the model gets instead.
        modified_transformed_prompt: String,
    }

    /// The answer to [`SessionStartInput`].
    SessionStart {
        /// Sets a text that the model reads in the session.
        additional_context: String,
        /// Sets settings in place of the session's.
        modified_config: Value,
    }

    /// The answer to [`SessionEndInput`].
    SessionEnd {
        /// Sets whether the end is hidden from people.
        suppress_output: bool,
        /// Sets the descriptions of work that remains after the session.
        cleanup_actions: Vec<String>,
        /// Sets a summary of the session's work.
        session_summary: String,
    }

    /// The answer to [`ErrorOccurredInput`].
    ErrorOccurred {
        /// Sets whether the error is hidden from people.
        suppress_output: bool,
        /// Sets the reaction to the error.
        error_handling: ErrorHandling,
        /// Sets how often the operation is repeated.
        retry_count: u32,
        /// Sets the text about the error that people read.
        user_notification: String,
    }

    /// The answer to [`AgentStopInput`].
    AgentStop {
        /// Sets whether the agent may stop.
        decision: HookDecision,
        /// Sets the agent's next message, with the reason to continue.
        reason: String,
    }

    /// The answer to [`SubagentStartInput`].
    SubagentStart {
        /// Sets a text for the sub-agent.
        additional_context: String,
    }

    /// The answer to [`SubagentStopInput`].
    SubagentStop {
        /// Sets whether the sub-agent may stop.
        decision: HookDecision,
        /// Sets the sub-agent's next message, with the reason to continue.
        reason: String,
        /// Sets an answer in place of the sub-agent's.
        modified_response: String,
    }
}

impl PreToolUse {
    /// Runs the tool without a permission request.
    pub fn allow() -> Self {
        Self::pass().permission_decision(HookPermission::Allow)
    }

    /// Denies the call; the model reads the reason.
    pub fn deny(reason: impl Into<String>) -> Self {
        Self::pass().permission_decision(HookPermission::Deny).permission_decision_reason(reason)
    }

    /// Requests permission, even where none is needed.
    pub fn ask() -> Self {
        Self::pass().permission_decision(HookPermission::Ask)
    }

    /// Replaces the arguments. Whether the tool may run is decided as without the hook.
    pub fn modify(args: impl Into<Value>) -> Self {
        Self::pass().modified_args(args)
    }
}

impl PreMcpToolCall {
    /// Removes the `_meta` of the request.
    pub fn drop_meta() -> Self {
        Self::pass().meta_to_use(Value::Null)
    }

    /// Replaces the `_meta` of the request.
    pub fn replace_meta(meta: impl Into<Value>) -> Self {
        Self::pass().meta_to_use(meta)
    }
}

impl PostToolUse {
    /// Replaces the result of the tool by this text for the model. CLIs up to 1.0.32 ignore it.
    pub fn replace(text: impl Into<String>) -> Self {
        let result =
            BTreeMap::from([("textResultForLlm", text.into()), ("resultType", "success".to_owned())]);
        Self::pass().modified_result(result.into_iter().map(|(k, v)| (k.to_owned(), v)).collect::<Value>())
    }

    /// Adds this text for the model after the tool's result.
    pub fn context(text: impl Into<String>) -> Self {
        Self::pass().additional_context(text)
    }
}

impl UserPromptSubmitted {
    /// Replaces the user's message by this text.
    pub fn replace(prompt: impl Into<String>) -> Self {
        Self::pass().modified_prompt(prompt)
    }

    /// Blocks the message; the session warns with the reason, and the turn ends.
    pub fn block(reason: impl Into<String>) -> Self {
        Self::pass().decision(HookDecision::Block).reason(reason)
    }
}

impl UserPromptTransformed {
    /// Replaces the text for the model by this text.
    pub fn replace(prompt: impl Into<String>) -> Self {
        Self::pass().modified_transformed_prompt(prompt)
    }
}

impl AgentStop {
    /// Blocks the stop: the agent continues, with this as its next message.
    pub fn block(reason: impl Into<String>) -> Self {
        Self::pass().decision(HookDecision::Block).reason(reason)
    }
}

impl SubagentStop {
    /// Blocks the stop: the sub-agent continues, with this as its next message.
    pub fn block(reason: impl Into<String>) -> Self {
        Self::pass().decision(HookDecision::Block).reason(reason)
    }

    /// Replaces the sub-agent's answer by this text.
    pub fn replace(response: impl Into<String>) -> Self {
        Self::pass().modified_response(response)
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode::DecodeOwned;

    fn read<T: DecodeOwned>(input: &Value) -> T {
        decode::question(&input.to_string()).unwrap()
    }

    #[test]
    fn inputs_of_1_0_102_are_read() {
        let input = json!({"sessionId": "s", "timestamp": 1_795_370_052_164_u64, "cwd": "/w", "toolName": "bash",
                           "toolArgs": {"command": "ls"}, "never": "heard of"});
        let common: HookCommon = read(&input);
        assert_eq!((common.session_id.unwrap().as_str(), common.cwd.as_deref()), ("s", Some("/w")));
        assert_eq!(common.timestamp, Some(1_795_370_052_164.0));
        let tool: PreToolUseInput = read(&input);
        assert_eq!((tool.tool_name.as_str(), &tool.tool_args), ("bash", &json!({"command": "ls"})));
        let args: BTreeMap<String, String> = tool.args().unwrap();
        assert_eq!(args["command"], "ls");

        let input = json!({"toolName": "view", "toolArgs": {"path": "/x"}, "toolResult": {"resultType": "success",
            "textResultForLlm": "vm\n", "toolTelemetry": {"metrics": {"resultLength": 3}}, "skipLargeOutputProcessing": true}});
        let result = read::<PostToolUseInput>(&input).tool_result;
        assert_eq!((result.text_result_for_llm.as_str(), result.result_type.as_str()), ("vm\n", "success"));
        assert_eq!(result.other["skipLargeOutputProcessing"], true);

        let stop: AgentStopInput =
            read(&json!({"transcriptPath": "/t", "stopReason": "end_turn", "stop_hook_active": true}));
        assert!(stop.stop_hook_active);
        assert_eq!(stop.stop_reason.as_deref(), Some("end_turn"));
        let start: SessionStartInput = read(&json!({"source": "new", "initialPrompt": "hi"}));
        assert_eq!((start.source, start.initial_prompt.as_deref()), (SessionSource::New, Some("hi")));
        let end: SessionEndInput = read(&json!({"reason": "user_exit"}));
        assert_eq!(end.reason, SessionEndReason::UserExit);
    }

    #[test]
    fn old_spellings_are_read() {
        let old = json!({"timestamp": 1.5, "cwd": "/w", "toolName": "t", "toolArgs": "{\"a\":1}"});
        assert_eq!(read::<PreToolUseInput>(&old).tool_args, json!({"a": 1}));
        assert!(read::<HookCommon>(&old).session_id.is_none());
        assert_eq!(read::<PreToolUseInput>(&json!({"toolArgs": "no json"})).tool_args, json!("no json"));
        let error = |value: Value| read::<ErrorOccurredInput>(&json!({"error": value})).error;
        assert_eq!(error(json!("broken")).message, "broken");
        assert_eq!(error(json!({"name": "E", "message": "broken"})).name.as_deref(), Some("E"));
        assert_eq!(error(json!(7)).message, "7");
    }

    #[test]
    fn outputs_say_only_what_was_set() {
        let wire = |output: &dyn erased::Output| output.json();
        for (output, expected) in [
            (&PreToolUse::pass() as &dyn erased::Output, json!({})),
            (&PreToolUse::allow(), json!({"permissionDecision": "allow"})),
            (
                &PreToolUse::deny("no"),
                json!({"permissionDecision": "deny", "permissionDecisionReason": "no"}),
            ),
            (&PreToolUse::modify(json!({"a": 1})), json!({"modifiedArgs": {"a": 1}})),
            (&PreMcpToolCall::pass(), json!({})),
            (&PreMcpToolCall::drop_meta(), json!({"metaToUse": null})),
            (
                &PostToolUse::replace("x").additional_context("y").raw("z", 1),
                json!({"modifiedResult": {"textResultForLlm": "x", "resultType": "success"},
                       "additionalContext": "y", "z": 1}),
            ),
            (&UserPromptSubmitted::block("why"), json!({"decision": "block", "reason": "why"})),
            (
                &ErrorOccurred::pass().error_handling(ErrorHandling::Retry).retry_count(2_u32),
                json!({"errorHandling": "retry", "retryCount": 2}),
            ),
            (&SubagentStop::replace("r"), json!({"modifiedResponse": "r"})),
        ] {
            assert_eq!(wire(output), expected);
        }
    }

    /// So that one table can hold outputs of all types.
    mod erased {
        pub(super) trait Output {
            fn json(&self) -> serde_json::Value;
        }

        impl<T: serde::Serialize> Output for T {
            fn json(&self) -> serde_json::Value {
                serde_json::to_value(self).unwrap()
            }
        }
    }
}
