//! What the CLI keeps for finding out what went wrong. Wire: `diagnostics` and `lifecycleDiagnostics`.

use serde::Serialize;

use crate::protocol::settings::settings;
use crate::protocol::vocabulary::vocabulary;

/// How much is kept of each source; MCP servers are the only one so far.
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
    /// From which level on something is kept.
    DiagnosticLevel {
        /// Nothing is.
        Off = "off",
        /// Errors.
        Error = "error",
        /// Warnings too.
        Warning = "warning",
        /// What one may want to know too.
        Info = "info",
        /// What a developer may want to know too.
        Debug = "debug",
        /// Everything.
        Trace = "trace",
    }
}

settings! {
    /// What the CLI keeps about how a session begins and ends. Wire: `lifecycleDiagnostics`.
    LifecycleDiagnostics {
        /// Whether it can be asked for.
        expose: flag,
        /// Whether it goes into `diagnostics.jsonl` in the session's directory.
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
