//! Records that the CLI retains for the analysis of failures. Wire: `diagnostics` and `lifecycleDiagnostics`.

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
