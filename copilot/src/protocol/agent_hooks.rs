//! Commands that the CLI itself runs at certain points of an agent's work. Wire: `hooks` of a custom agent.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::Serialize;

use crate::protocol::secret::Secret;
use crate::protocol::settings::setter;
use crate::protocol::vocabulary::vocabulary;

/// A command that the CLI runs at a certain point of an agent's work; it gets JSON on its standard input, and what
/// it writes is read as JSON. The hooks of `copilot::hooks` run in the program itself instead.
///
/// # Examples
///
/// ```
/// use copilot::agents::{AgentHook, AgentHookEvent, CustomAgent};
///
/// let agent = CustomAgent::new("builder", "You build things.")
///     .hook(AgentHookEvent::PreToolUse, AgentHook::bash("./check-tool.sh").cwd("scripts"));
/// # drop(agent);
/// ```
#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(rename_all = "camelCase")]
#[must_use]
pub struct AgentHook {
    #[serde(rename = "type")]
    kind: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    bash: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    powershell: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    cwd: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    env: BTreeMap<String, Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    timeout_sec: Option<u64>,
}

impl AgentHook {
    /// Creates a hook that runs this command in bash.
    pub fn bash(command: impl Into<String>) -> Self {
        Self { bash: Some(command.into()), ..Self::new() }
    }

    /// Creates a hook that runs this command in PowerShell.
    pub fn powershell(command: impl Into<String>) -> Self {
        Self { powershell: Some(command.into()), ..Self::new() }
    }

    fn new() -> Self {
        Self {
            kind: "command",
            bash: None,
            powershell: None,
            cwd: None,
            env: BTreeMap::new(),
            timeout_sec: None,
        }
    }

    /// Sets the command that runs instead where PowerShell is the shell.
    pub fn or_powershell(mut self, command: impl Into<String>) -> Self {
        self.powershell = Some(command.into());
        self
    }

    setter! {
        /// Sets the directory that the command runs in.
        cwd: text in cwd
    }

    /// Sets an environment variable of the command; the value does not show in `Debug`.
    pub fn env(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
        self.env.insert(name.into(), Secret::from(value));
        self
    }

    /// Sets the time limit of the command, in whole seconds: a part of a second counts as one. Default: 30 seconds.
    pub fn timeout(mut self, limit: Duration) -> Self {
        self.timeout_sec = Some(limit.as_secs().saturating_add(u64::from(limit.subsec_nanos() > 0)).max(1));
        self
    }
}

vocabulary! {
    /// The point of an agent's work at which the CLI runs a hook.
    AgentHookEvent {
        /// The session's work begins.
        SessionStart = "sessionStart",
        /// The session's work ends.
        SessionEnd = "sessionEnd",
        /// The user submitted a prompt.
        UserPromptSubmitted = "userPromptSubmitted",
        /// A tool is about to run.
        PreToolUse = "preToolUse",
        /// A tool has run.
        PostToolUse = "postToolUse",
        /// An error occurred in the agent's work.
        ErrorOccurred = "errorOccurred",
        /// The agent considers its work done.
        AgentStop = "agentStop",
        /// A sub-agent considers its work done.
        SubagentStop = "subagentStop",
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_hook_reaches_the_wire() {
        let wire = |hook| serde_json::to_value::<AgentHook>(hook).unwrap();
        assert_eq!(wire(AgentHook::bash("true")), json!({"type": "command", "bash": "true"}));
        assert_eq!(wire(AgentHook::powershell("exit")), json!({"type": "command", "powershell": "exit"}));
        let full = AgentHook::bash("true").or_powershell("exit").cwd("d").env("K", "v");
        assert_eq!(
            wire(full.timeout(Duration::from_secs(5))),
            json!({"type": "command", "bash": "true", "powershell": "exit", "cwd": "d", "env": {"K": "v"},
                   "timeoutSec": 5})
        );
        for (limit, seconds) in [(0, 1), (1, 1), (500, 1), (1_001, 2)] {
            let hook = wire(AgentHook::bash("true").timeout(Duration::from_millis(limit)));
            assert_eq!(hook["timeoutSec"], seconds, "{limit} ms");
        }
    }
}
