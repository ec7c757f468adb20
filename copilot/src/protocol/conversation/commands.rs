//! `command.execute` and `session.commands.*`: slash commands.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
use crate::protocol::vocabulary::vocabulary;

/// A command that the program offers. Wire: `session.create`, `commands`.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub(crate) struct CommandDef {
    pub(crate) name: String,
    pub(crate) description: String,
}

/// The payload of `command.execute`.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommandExecute<'a> {
    pub(crate) request_id: Cow<'a, str>,
    #[serde(default)]
    pub(crate) command: Cow<'a, str>,
    #[serde(default)]
    pub(crate) command_name: Cow<'a, str>,
    #[serde(default)]
    pub(crate) args: Cow<'a, str>,
}

/// The parameters of `session.commands.handlePendingCommand`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommandAnswerParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) request_id: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) error: Option<&'a str>,
}

/// The result of `session.commands.list`.
#[derive(Debug, Decode)]
pub(crate) struct CommandsListResponse {
    #[serde(default)]
    pub(crate) commands: Vec<CommandInfo>,
}

vocabulary! {
    /// The origin of a command.
    CommandKind {
        /// A command that is built into the CLI.
        Builtin = "builtin",
        /// A command that a program registered.
        Client = "client",
        /// A command that runs a skill.
        Skill = "skill",
    }
}

/// A slash command of a session.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct CommandInfo {
    /// The name of the command, without the slash.
    pub name: String,
    /// Other names that invoke the command.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub aliases: Vec<String>,
    /// The effect of the command, for the user.
    pub description: String,
    /// The origin of the command.
    pub kind: CommandKind,
    /// Whether it can be used while the agent works.
    pub allow_during_agent_execution: bool,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The parameters of `session.commands.invoke`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct CommandInvokeParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) name: &'a str,
    pub(crate) input: &'a str,
}

/// The result of a command. Wire: `session.commands.invoke`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(default)]
#[non_exhaustive]
pub struct CommandOutcome {
    /// The kind of result, such as `completed` or `text`.
    pub kind: String,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    #[test]
    fn commands_of_1_0_102_round_trip() {
        for wire in [
            json!({"name": "deploy", "description": "Deploys", "kind": "client", "allowDuringAgentExecution": false}),
            json!({"name": "allow-all", "aliases": ["yolo"], "description": "Enable all permissions", "kind": "builtin",
                   "input": {"hint": "[on|off|show]"}, "allowDuringAgentExecution": true, "schedulable": false}),
        ] {
            let info: CommandInfo = serde_json::from_value(wire.clone()).unwrap();
            assert_eq!(serde_json::to_value(info).unwrap(), wire);
        }
        let asked: CommandExecute<'_> = decode::answer(
            r#"{"requestId":"r","command":"/deploy \"prod\"","commandName":"deploy","args":"\"prod\""}"#,
        )
        .unwrap();
        assert_eq!(
            (&*asked.command, &*asked.command_name, &*asked.args),
            ("/deploy \"prod\"", "deploy", "\"prod\"")
        );
    }
}
