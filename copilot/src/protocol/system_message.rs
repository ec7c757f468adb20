//! The member `systemMessage` of `session.create`, and `systemMessage.transform`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::protocol::decode::Decode;
use crate::protocol::vocabulary::vocabulary;

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "mode", rename_all = "camelCase")]
pub(crate) enum SystemMessageConfig {
    Append {
        content: String,
    },
    Replace {
        content: String,
    },
    Customize {
        #[serde(skip_serializing_if = "Option::is_none")]
        content: Option<String>,
        sections: BTreeMap<String, SectionChange>,
    },
}

impl SystemMessageConfig {
    /// Returns the CLI's message without its section on this machine, and with this text added.
    pub(crate) fn without_environment(content: Option<String>) -> Self {
        let mut sections = BTreeMap::new();
        sections.insert("environment_context".to_owned(), SectionChange::Remove);
        Self::Customize { content, sections }
    }
}

#[derive(Clone, Debug, PartialEq, Serialize)]
#[serde(tag = "action", rename_all = "camelCase")]
pub(crate) enum SectionChange {
    Replace { content: String },
    Remove,
    Append { content: String },
    Prepend { content: String },
    Preserve,
    Transform,
}

vocabulary! {
    /// A section of the CLI's system message.
    Section {
        /// The introduction at the beginning.
        Preamble = "preamble",
        /// The identity of the agent; `Tone` and `ToolEfficiency` are part of it.
        Identity = "identity",
        /// The tone of the agent's answers.
        Tone = "tone",
        /// The rules for efficient use of tools.
        ToolEfficiency = "tool_efficiency",
        /// The machine and the directory that the agent works in.
        EnvironmentContext = "environment_context",
        /// The rules for changes of code.
        CodeChangeRules = "code_change_rules",
        /// The guidelines of the agent's work.
        Guidelines = "guidelines",
        /// The actions that the agent must not take.
        Safety = "safety",
        /// The rules for the use of each tool.
        ToolInstructions = "tool_instructions",
        /// The instructions of the user and the repository.
        CustomInstructions = "custom_instructions",
        /// The instructions of the CLI for this session.
        RuntimeInstructions = "runtime_instructions",
        /// The instructions at the end.
        LastInstructions = "last_instructions",
    }
}

/// The parameters of `systemMessage.transform`, and its result.
#[derive(Debug, Default, PartialEq, Serialize, Decode)]
pub(crate) struct TransformSections {
    #[serde(default)]
    pub(crate) sections: BTreeMap<String, SectionContent>,
}

#[derive(Debug, Default, PartialEq, Serialize, Decode)]
#[serde(default)]
pub(crate) struct SectionContent {
    pub(crate) content: String,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    #[test]
    fn each_change_has_its_action() {
        let content = || "x".to_owned();
        let sections = [
            ("tone", SectionChange::Replace { content: content() }),
            ("safety", SectionChange::Remove),
            ("identity", SectionChange::Transform),
            ("preamble", SectionChange::Prepend { content: content() }),
        ];
        let sections = sections.map(|(section, change)| (section.to_owned(), change)).into();
        assert_eq!(
            serde_json::to_value(SystemMessageConfig::Customize { content: None, sections }).unwrap(),
            json!({"mode": "customize", "sections": {
                "tone": {"action": "replace", "content": "x"}, "safety": {"action": "remove"},
                "identity": {"action": "transform"}, "preamble": {"action": "prepend", "content": "x"}}})
        );
    }

    #[test]
    fn sections_of_1_0_102_round_trip() {
        let wire = json!({"sections": {"tone": {"content": "# Tone and style\n* When providing output"}}});
        let sections: TransformSections = decode::question(&wire.to_string()).unwrap();
        assert_eq!(serde_json::to_value(sections).unwrap(), wire);
    }
}
