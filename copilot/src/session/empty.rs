//! The session that gets nothing by itself. Pure.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::config::{Memory, SessionConfig};
use crate::protocol::mcp::Storage;
use crate::protocol::system_message::SystemMessageConfig;

/// Switches everything off that was not set.
pub(super) fn fill(config: &mut SessionConfig) -> Result<()> {
    if config.available_tools.is_none() {
        let message =
            "`empty` needs `available_tools`: name the tools that the agent gets, such as `custom:*`";
        return Err(Error::new(ErrorKind::Config, message));
    }
    let options = &mut config.options;
    for (flag, value) in [
        (&mut config.session_telemetry, false),
        (&mut config.skip_embedding_retrieval, true),
        (&mut config.on_demand_instructions, false),
        (&mut config.file_hooks, false),
        (&mut config.host_git_operations, false),
        (&mut config.session_store, false),
        (&mut config.skills, false),
        (&mut config.experimental, false),
        (&mut config.custom_agents_local_only, true),
        (&mut options.skip_custom_instructions, true),
        (&mut options.custom_agents_local_only, true),
        (&mut options.coauthor_enabled, false),
        (&mut options.manage_schedule_enabled, false),
    ] {
        flag.get_or_insert(value);
    }
    config.mcp_token_storage.get_or_insert(Storage::InMemory);
    config.embedding_cache.get_or_insert(Storage::InMemory);
    config.memory.get_or_insert_with(|| Memory::new().enabled(false));
    options.included_builtin_skills.get_or_insert_default();
    options.installed_plugins.get_or_insert_default();
    let message = config.system_message.take();
    config.system_message = Some(match message {
        Some(SystemMessageConfig::Append { content }) => {
            SystemMessageConfig::without_environment(Some(content))
        }
        None => SystemMessageConfig::without_environment(None),
        Some(other) => other,
    });
    Ok(())
}

/// The error for a client that shares its state with the user.
pub(crate) fn shared_state() -> Error {
    let message = "`empty` needs a client with `state_dir` or `session_fs`: without it the CLI reads and writes the \
                   user's own files";
    Error::new(ErrorKind::Config, message)
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    #[test]
    fn everything_is_off_but_what_was_set() {
        let mut config = SessionConfig::default();
        assert!(fill(&mut config).is_err());
        config.available_tools = Some(vec!["custom:*".into()]);
        config.skills = Some(true);
        fill(&mut config).unwrap();
        let wire: Value = serde_json::to_value(&config).unwrap();
        assert_eq!(wire["enableSkills"], true);
        assert_eq!(wire["enableFileHooks"], false);
        assert_eq!(wire["memory"], json!({"enabled": false}));
        assert_eq!(
            wire["systemMessage"],
            json!({"mode": "customize", "sections": {"environment_context": {"action": "remove"}}})
        );
        assert_eq!(
            serde_json::to_value(&config.options).unwrap(),
            json!({"skipCustomInstructions": true, "customAgentsLocalOnly": true, "coauthorEnabled": false,
                   "manageScheduleEnabled": false, "includedBuiltinSkills": [], "installedPlugins": []})
        );
    }
}
