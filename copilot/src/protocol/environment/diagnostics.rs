//! Records that the CLI retains for the analysis of failures. Wire: `diagnostics` and `lifecycleDiagnostics`.

use serde::Serialize;

use crate::protocol::settings::settings;
use crate::protocol::vocabulary::vocabulary;

/// The level of records for each source; MCP servers are the only source so far.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct Diagnostics {
    sources: Sources,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Sources {
    mcp: Source,
}

#[derive(Clone, Debug, PartialEq, Serialize)]
struct Source {
    level: DiagnosticLevel,
}

impl Diagnostics {
    pub(crate) fn of_mcp_servers(level: DiagnosticLevel) -> Self {
        Self { sources: Sources { mcp: Source { level } } }
    }
}

vocabulary! {
    /// The lowest level that is recorded.
    DiagnosticLevel {
        /// The CLI records nothing.
        Off = "off",
        /// The CLI records errors.
        Error = "error",
        /// The CLI records errors and warnings.
        Warning = "warning",
        /// The CLI records information about normal work as well.
        Info = "info",
        /// The CLI records details for developers as well.
        Debug = "debug",
        /// The CLI records everything.
        Trace = "trace",
    }
}

settings! {
    /// Records of how a session begins and ends. Wire: `lifecycleDiagnostics`.
    LifecycleDiagnostics {
        /// Sets whether the records can be requested.
        expose: flag,
        /// Sets whether the records are written to `diagnostics.jsonl` in the session's directory.
        persist: flag,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn levels_reach_the_wire() {
        let diagnostics = Diagnostics::of_mcp_servers(DiagnosticLevel::Debug);
        let wire = serde_json::to_value(diagnostics).unwrap();
        assert_eq!(wire, json!({"sources": {"mcp": {"level": "debug"}}}));
        let lifecycle = LifecycleDiagnostics::new().expose(true).persist(false);
        assert_eq!(serde_json::to_value(lifecycle).unwrap(), json!({"expose": true, "persist": false}));
    }
}
