//! The names and fields of the spans. Knows nothing of sessions and tools.

use serde_json::json;
use tracing::field::Empty;
use tracing::{Level, Span, info_span, span_enabled};

use crate::events::AssistantUsage;
use crate::metrics::{Labels, Measured, Recorder};

/// Returns whether a subscriber is interested in the spans.
pub(crate) fn is_enabled() -> bool {
    span_enabled!(target: "copilot", Level::INFO)
}

/// The reason why a tool call of the program has failed, in `error.type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Failure {
    /// The tool has returned an error or a failure that the model reads.
    Failed,
    /// The tool has returned an error that is hidden from the model.
    Internal,
    InvalidArguments,
    Panicked,
    Cancelled,
    TimedOut,
    /// A permission, or the tool, has refused the call.
    Denied,
    Rejected,
    TooLarge,
    /// The budget of the turn or of the tool was used up.
    OverBudget,
}

impl Failure {
    pub(crate) const fn as_str(self) -> &'static str {
        match self {
            Self::Failed => "failed",
            Self::Internal => "internal",
            Self::InvalidArguments => "invalid_arguments",
            Self::Panicked => "panic",
            Self::Cancelled => "cancelled",
            Self::TimedOut => "timeout",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::TooLarge => "result_too_large",
            Self::OverBudget => "over_budget",
        }
    }
}

/// An operation of the conventions: its span, and where measurements are wanted, its duration. It ends with its drop.
#[derive(Debug)]
pub(crate) struct Operation {
    pub(crate) span: Span,
    measured: Option<Box<Measured>>,
    has_failed: bool,
}

impl Operation {
    /// `name` is that of the operation in the conventions.
    pub(crate) fn new(span: Span, recorder: &Recorder, name: &'static str) -> Self {
        Self { span, measured: recorder.measure(name), has_failed: false }
    }

    /// Changes the attributes of the measurement.
    pub(crate) fn label(&mut self, change: impl FnOnce(&mut Labels)) {
        if let Some(measured) = &mut self.measured {
            change(&mut measured.labels);
        }
    }

    /// Marks the operation as failed. The first failure counts.
    pub(crate) fn fail(&mut self, error_type: &str) {
        if !self.has_failed {
            self.has_failed = true;
            fail(&self.span, Some(error_type));
            self.label(|labels| labels.error_type = Some(error_type.to_owned()));
        }
    }

    /// Records the tokens and the cost of a model request.
    pub(crate) fn used(&mut self, usage: &AssistantUsage) {
        record_usage(&self.span, usage);
        if let Some(measured) = &mut self.measured {
            measured.labels.provider = Some(provider(usage).to_owned());
            measured.labels.response_model = Some(usage.model.clone());
            measured.tokens(usage.input_tokens, usage.output_tokens);
        }
    }
}

/// The parts of a span of an agent.
#[derive(Debug)]
pub(crate) struct AgentSpan<'a> {
    pub(crate) parent: &'a Span,
    pub(crate) name: &'a str,
    /// The id of a sub-agent; `None` for the session's own agent.
    pub(crate) agent_id: Option<&'a str>,
    pub(crate) conversation: &'a str,
    pub(crate) model: Option<&'a str>,
    /// The messages for the agent, where content is recorded.
    pub(crate) input: Option<String>,
}

/// Opens the span of a turn, or of the work of a sub-agent.
pub(crate) fn invoke_agent(of: &AgentSpan<'_>) -> Span {
    // A sub-agent runs in the process of its caller.
    let kind = if of.agent_id.is_some() { "internal" } else { "client" };
    info_span!(
        target: "copilot",
        parent: of.parent,
        "invoke_agent",
        otel.name = format_args!("invoke_agent {}", of.name),
        otel.kind = kind,
        otel.status_code = Empty,
        gen_ai.operation.name = "invoke_agent",
        gen_ai.provider.name = Empty,
        gen_ai.conversation.id = of.conversation,
        gen_ai.agent.id = of.agent_id,
        gen_ai.agent.name = of.name,
        gen_ai.request.model = of.model,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.cache_creation.input_tokens = Empty,
        gen_ai.usage.reasoning.output_tokens = Empty,
        gen_ai.input.messages = of.input,
        gen_ai.output.messages = Empty,
        github.copilot.cost = Empty,
        github.copilot.nano_aiu = Empty,
        copilot.message.id = Empty,
        copilot.model_requests = Empty,
        copilot.aborted = Empty,
        error.type = Empty,
    )
}

/// Opens the span of a request to a model.
pub(crate) fn chat(parent: &Span, conversation: &str, agent_id: Option<&str>, model: Option<&str>) -> Span {
    let name = model.map_or_else(|| "chat".to_owned(), |model| format!("chat {model}"));
    info_span!(
        target: "copilot",
        parent: parent,
        "chat",
        otel.name = name,
        otel.kind = "client",
        otel.status_code = Empty,
        gen_ai.operation.name = "chat",
        gen_ai.provider.name = Empty,
        gen_ai.conversation.id = conversation,
        gen_ai.agent.id = agent_id,
        gen_ai.request.model = model,
        gen_ai.response.model = Empty,
        gen_ai.response.id = Empty,
        gen_ai.response.finish_reasons = Empty,
        gen_ai.response.time_to_first_chunk = Empty,
        gen_ai.usage.input_tokens = Empty,
        gen_ai.usage.output_tokens = Empty,
        gen_ai.usage.cache_read.input_tokens = Empty,
        gen_ai.usage.cache_creation.input_tokens = Empty,
        gen_ai.usage.reasoning.output_tokens = Empty,
        github.copilot.cost = Empty,
        github.copilot.nano_aiu = Empty,
        copilot.duration = Empty,
        error.type = Empty,
    )
}

/// The parts of a span of a tool call.
#[derive(Debug, Default)]
pub(crate) struct ToolSpan<'a> {
    pub(crate) tool: &'a str,
    pub(crate) call_id: &'a str,
    pub(crate) conversation: &'a str,
    pub(crate) agent_id: Option<&'a str>,
    pub(crate) description: Option<&'a str>,
    /// Whether the tool runs in this program; otherwise in the CLI.
    pub(crate) is_own: bool,
    pub(crate) read_only: bool,
    pub(crate) destructive: bool,
    pub(crate) idempotent: bool,
    pub(crate) open_world: bool,
    /// The MCP server that has the tool.
    pub(crate) mcp_server: Option<&'a str>,
    /// The arguments, where content is recorded.
    pub(crate) arguments: Option<String>,
}

impl ToolSpan<'_> {
    /// Opens the span of a tool call.
    pub(crate) fn open(self, parent: &Span) -> Span {
        info_span!(
            target: "copilot",
            parent: parent,
            "execute_tool",
            otel.name = format_args!("execute_tool {}", self.tool),
            otel.kind = "internal",
            otel.status_code = Empty,
            gen_ai.operation.name = "execute_tool",
            gen_ai.conversation.id = self.conversation,
            gen_ai.agent.id = self.agent_id,
            gen_ai.tool.name = self.tool,
            gen_ai.tool.call.id = self.call_id,
            gen_ai.tool.type = if self.is_own { "function" } else { "extension" },
            gen_ai.tool.description = self.description,
            gen_ai.tool.call.arguments = self.arguments,
            gen_ai.tool.call.result = Empty,
            copilot.tool.read_only = self.read_only.then_some(true),
            copilot.tool.destructive = self.destructive.then_some(true),
            copilot.tool.idempotent = self.idempotent.then_some(true),
            copilot.tool.open_world = self.open_world.then_some(true),
            copilot.tool.mcp_server = self.mcp_server,
            copilot.tool.result_type = Empty,
            copilot.tool.retries = Empty,
            copilot.tool.permit_wait = Empty,
            copilot.tool.permission_wait = Empty,
            error.type = Empty,
        )
    }
}

/// Records the end of a tool call. `failure` is recorded unless the code that ran the tool has done so.
pub(crate) fn tool_ended(span: &Span, result_type: &str, failure: Option<Failure>, result: Option<String>) {
    span.record("copilot.tool.result_type", result_type);
    if let Some(failure) = failure {
        span.record("error.type", failure.as_str());
    }
    if !matches!(result_type, "success" | "deferred") {
        fail(span, None);
    }
    if let Some(result) = result {
        span.record("gen_ai.tool.call.result", result);
    }
}

/// Opens the span of a decision about a permission.
pub(crate) fn permission(parent: &Span, conversation: &str, kind: &str, call_id: Option<&str>) -> Span {
    info_span!(
        target: "copilot",
        parent: parent,
        "permission",
        otel.name = format_args!("permission {kind}"),
        otel.kind = "internal",
        otel.status_code = Empty,
        gen_ai.conversation.id = conversation,
        gen_ai.tool.call.id = call_id,
        copilot.permission.kind = kind,
        copilot.permission.decision = Empty,
        error.type = Empty,
    )
}

/// Opens the span of a call of a handler of the program, which is named by its setter.
pub(crate) fn handler(parent: &Span, conversation: &str, setter: &str, call_id: Option<&str>) -> Span {
    info_span!(
        target: "copilot",
        parent: parent,
        "handler",
        otel.name = format_args!("handler {setter}"),
        otel.kind = "internal",
        otel.status_code = Empty,
        gen_ai.conversation.id = conversation,
        gen_ai.tool.call.id = call_id,
        copilot.handler = setter,
        error.type = Empty,
    )
}

/// Records that the work of a span has failed.
pub(crate) fn fail(span: &Span, error_type: Option<&str>) {
    if let Some(error_type) = error_type {
        span.record("error.type", error_type);
    }
    span.record("otel.status_code", "ERROR");
}

/// Adds an event to a span.
pub(crate) fn event(span: &Span, name: &'static str, error_type: Option<&str>) {
    if !span.is_disabled() {
        tracing::info!(target: "copilot", parent: span, { error.type = error_type }, "{name}");
    }
}

/// Records the tokens and the cost of a request to a model.
fn record_usage(span: &Span, usage: &AssistantUsage) {
    if span.is_disabled() {
        return;
    }
    span.record("gen_ai.provider.name", provider(usage));
    span.record("gen_ai.response.model", usage.model.as_str());
    if let Some(id) = &usage.api_call_id {
        span.record("gen_ai.response.id", id.as_str());
    }
    if let Some(reason) = &usage.finish_reason {
        span.record("gen_ai.response.finish_reasons", json!([reason.as_str()]).to_string());
    }
    if let Some(milliseconds) = usage.time_to_first_token_ms {
        span.record("gen_ai.response.time_to_first_chunk", milliseconds / 1000.0);
    }
    for (name, count) in [
        ("gen_ai.usage.input_tokens", usage.input_tokens),
        ("gen_ai.usage.output_tokens", usage.output_tokens),
        ("gen_ai.usage.cache_read.input_tokens", usage.cache_read_tokens),
        ("gen_ai.usage.cache_creation.input_tokens", usage.cache_write_tokens),
        ("gen_ai.usage.reasoning.output_tokens", usage.reasoning_tokens),
    ] {
        if let Some(count) = count {
            record_count(span, name, count);
        }
    }
    if let Some(cost) = usage.cost {
        span.record("github.copilot.cost", cost);
    }
    if let Some(cost) = &usage.copilot_usage {
        span.record("github.copilot.nano_aiu", cost.total.nano());
    }
}

/// Records a count; signed, because OpenTelemetry has no unsigned numbers.
pub(crate) fn record_count(span: &Span, name: &'static str, count: u64) {
    span.record(name, i64::try_from(count).unwrap_or(i64::MAX));
}

/// Returns the name of a provider in the conventions.
pub(crate) fn provider(usage: &AssistantUsage) -> &str {
    match usage.provider_type.as_deref() {
        Some("azure") => "azure.ai.openai",
        Some(other) => other,
        // The models that come with a Copilot login.
        None => "github.copilot",
    }
}
