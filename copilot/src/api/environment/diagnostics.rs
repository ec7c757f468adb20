//! Diagnostics that the CLI keeps.

use crate::protocol::diagnostics::Diagnostics as Kept;
use crate::protocol::trace::TraceContext;
use crate::session::core::Topic;
use crate::session::core::setters::members;

pub use crate::protocol::diagnostics::{DiagnosticLevel, LifecycleDiagnostics};

members! {
    @group
        /// Diagnostics that the CLI keeps about a session, and the telemetry that it sends.
        ///
        /// # Examples
        ///
        /// ```
        /// use copilot::Session;
        /// use copilot::diagnostics::{DiagnosticLevel, Diagnostics};
        ///
        /// let diagnostics = Diagnostics::new().mcp_servers(DiagnosticLevel::Trace).session_telemetry(false);
        /// let builder = Session::builder().diagnostics(diagnostics);
        /// # drop(builder);
        /// ```
        Diagnostics
        /// Sets the diagnostics that the CLI keeps, and the telemetry that it sends.
        diagnostics {
            /// Sets the records of the start and the end of the session.
            ///
            /// Wire: `session.create`, `lifecycleDiagnostics`.
            lifecycle: (LifecycleDiagnostics) in members "lifecycleDiagnostics";

            /// Enables the reports of the CLI to GitHub about how the session is used.
            ///
            /// Wire: `session.create`, `enableSessionTelemetry`.
            session_telemetry: flag in members "enableSessionTelemetry";

            @also "diagnostics" mcp_servers, "traceparent" trace_context, "tracestate" trace_context,
        }
}

impl Diagnostics {
    /// Sets which messages of MCP servers the CLI keeps.
    ///
    /// Wire: `session.create`, `diagnostics`.
    pub fn mcp_servers(mut self, level: DiagnosticLevel) -> Self {
        self.settings.members.set("diagnostics", Kept::of_mcp_servers(level));
        self
    }

    /// Sets the trace that the session belongs to.
    ///
    /// Wire: `session.create`, `traceparent` and `tracestate`.
    pub fn trace_context(mut self, context: TraceContext) -> Self {
        self.settings.members.set_or_remove("traceparent", context.traceparent);
        self.settings.members.set_or_remove("tracestate", context.tracestate);
        self
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
