//! The settings of traces, and what a client makes of them.

use std::fmt;
use std::sync::Arc;

use tracing::Span;

use super::content::{Content, Redact};
use super::operation::is_enabled;
use super::{Propagation, TraceContext};
use crate::contain;
use crate::metrics::Recorder;

/// The name of the session's own agent, unless the program sets one.
const AGENT: &str = "copilot";

/// The contents of spans, and their place in a distributed trace. Set by
/// [`ClientBuilder::tracing`](crate::ClientBuilder::tracing).
///
/// # Examples
///
/// ```
/// use copilot::Client;
/// use copilot::trace::Tracing;
///
/// let tracing = Tracing::new().agent_name("refunds").content(true).redact(|text| text.replace("Ada", "A."));
/// let builder = Client::builder().tracing(tracing);
/// # drop(builder);
/// ```
#[derive(Clone, Default)]
#[must_use]
pub struct Tracing {
    agent: Option<String>,
    content: bool,
    redact: Option<Redact>,
    propagation: Option<Arc<dyn Propagation>>,
    cli_spans: Option<bool>,
}

impl Tracing {
    /// Creates the default settings: spans without content, in traces that end at this process.
    pub fn new() -> Self {
        Self::default()
    }

    /// Sets the name of the sessions' own agent, in `gen_ai.agent.name` and in the name of its spans. Default: `copilot`.
    pub fn agent_name(mut self, name: impl Into<String>) -> Self {
        self.agent = Some(name.into());
        self
    }

    /// Enables prompts and answers on the spans of turns, and arguments and results on those of tool calls. Each text is
    /// cut to 32 KiB. Secrets that the program has given to the library, and that have at least eight bytes, are replaced:
    /// tokens, the keys of providers, and the headers and variables of MCP servers. Default: off.
    pub fn content(mut self, on: bool) -> Self {
        self.content = on;
        self
    }

    /// Sets a function that redacts each text before it is recorded; it runs after the known secrets are replaced. A text
    /// whose redaction panics is left out. Arguments are JSON text. It runs on the task that reads from the CLI, so it must
    /// not block.
    pub fn redact(mut self, redact: impl Fn(&str) -> String + Send + Sync + 'static) -> Self {
        self.redact = Some(Arc::new(redact));
        self
    }

    /// Sets the propagation between the traces of the program and those of the CLI. Default: none; traces end at this
    /// process.
    pub fn propagation(mut self, propagation: impl Propagation + 'static) -> Self {
        self.propagation = Some(Arc::new(propagation));
        self
    }

    /// Declares that the CLI exports its spans to the same place. Then the library opens no spans for model requests,
    /// sub-agents and the tools of the CLI, because those of the CLI are in the same trace, and `execute_tool` of a tool
    /// of the program is a child of the CLI's span of the call. Default: whether
    /// [`telemetry`](crate::ClientBuilder::telemetry) and [`propagation`](Self::propagation) are set.
    pub fn cli_spans(mut self, on: bool) -> Self {
        self.cli_spans = Some(on);
        self
    }
}

impl fmt::Debug for Tracing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tracing")
            .field("agent", &self.agent)
            .field("content", &self.content)
            .field("redact", &self.redact.is_some())
            .field("propagation", &self.propagation.is_some())
            .field("cli_spans", &self.cli_spans)
            .finish()
    }
}

/// The spans and measurements that the sessions of a client want.
#[derive(Clone, Default)]
pub(crate) struct Observation {
    /// `None` where no content is recorded.
    pub(crate) content: Option<Content>,
    /// Whether the spans of the CLI are in the same trace.
    pub(crate) cli_spans: bool,
    pub(crate) recorder: Recorder,
    agent: Option<String>,
    propagation: Option<Arc<dyn Propagation>>,
}

impl Observation {
    /// `telemetry` is whether the CLI exports its spans, and `secrets` are those of the client.
    pub(crate) fn new(
        tracing: Tracing,
        recorder: Recorder,
        telemetry: bool,
        secrets: impl IntoIterator<Item = String>,
    ) -> Self {
        let Tracing { agent, content, redact, propagation, cli_spans } = tracing;
        let content = content.then(|| Content { redact, ..Content::default() }.with_secrets(secrets));
        let cli_spans = cli_spans.unwrap_or(telemetry && propagation.is_some());
        Self { content, cli_spans, recorder, agent, propagation }
    }

    /// Returns the same for a session with these secrets.
    pub(crate) fn with_secrets(&self, secrets: impl IntoIterator<Item = String>) -> Self {
        let content = self.content.as_ref().map(|content| content.with_secrets(secrets));
        Self { content, ..self.clone() }
    }

    /// Returns whether spans or measurements are wanted.
    pub(crate) fn is_on(&self) -> bool {
        is_enabled() || self.recorder.is_on()
    }

    /// Returns the name of the session's own agent.
    pub(crate) fn agent(&self) -> &str {
        self.agent.as_deref().unwrap_or(AGENT)
    }

    /// Returns the context of a span for the CLI.
    pub(crate) fn inject(&self, span: &Span) -> Option<TraceContext> {
        let propagation = self.propagation.as_ref().filter(|_| !span.is_disabled())?;
        contain::run(|| propagation.inject(span)).unwrap_or_else(|panic| {
            tracing::error!(panic, "the propagation of a trace panicked");
            None
        })
    }

    /// Makes a context of the CLI the parent of a new span.
    pub(crate) fn extract(&self, span: &Span, parent: Option<(&str, Option<&str>)>) {
        let Some(propagation) = self.propagation.as_ref().filter(|_| !span.is_disabled()) else { return };
        let Some((traceparent, tracestate)) = parent else { return };
        let mut parent = TraceContext::new(traceparent);
        parent.tracestate = tracestate.map(str::to_owned);
        contain::logged("the propagation of a trace", || propagation.extract(span, &parent));
    }
}

impl fmt::Debug for Observation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Observation")
            .field("agent", &self.agent)
            .field("content", &self.content.is_some())
            .field("propagation", &self.propagation.is_some())
            .field("cli_spans", &self.cli_spans)
            .finish_non_exhaustive()
    }
}
