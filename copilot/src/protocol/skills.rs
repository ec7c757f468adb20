//! Skills of a session: `session.skills.*`.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::decode::Decode;

/// A skill that a session has. Wire: `session.skills.list`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SkillInfo {
    /// The name of the skill.
    pub name: String,
    /// The purpose of the skill, as the model reads it.
    pub description: String,
    /// The place that the skill comes from, such as `builtin` or `project`.
    pub source: String,
    /// Whether the user can invoke the skill by its name.
    pub user_invocable: bool,
    /// Whether the agent can use the skill.
    pub enabled: bool,
    /// The slash command that invokes the skill; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub command_name: Option<String>,
    /// A hint about the arguments of the command; `None` where the skill has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub argument_hint: Option<String>,
    /// The name of the plugin that provides the skill; `None` for other skills.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub plugin_name: Option<String>,
    /// The path of the skill's file; `None` where it has none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub path: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Debug, Decode)]
pub(crate) struct SkillListResponse {
    #[serde(default)]
    pub(crate) skills: Vec<SkillInfo>,
}

/// The problems of reloading the skills. Wire: `session.skills.reload`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SkillProblems {
    /// Texts about skills that were read but may not work as intended.
    pub warnings: Vec<String>,
    /// Texts about skills that could not be read.
    pub errors: Vec<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::decode;

    #[test]
    fn what_the_cli_lists_is_read() {
        let json = r#"{"skills":[{"name":"a","commandName":"a","description":"d","source":"builtin",
            "userInvocable":false,"enabled":true,"path":"/p/SKILL.md"}]}"#;
        let list: SkillListResponse = decode::answer(json).unwrap();
        let skill = &list.skills[0];
        assert_eq!((skill.name.as_str(), skill.source.as_str(), skill.enabled), ("a", "builtin", true));
    }
}
