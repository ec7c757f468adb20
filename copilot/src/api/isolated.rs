//! Isolated sessions, in which every unset source of configuration is off. Pure.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::config::Memory;
use crate::protocol::mcp::Storage;
use crate::protocol::system_message::{Section, SectionChange, SystemMessageConfig};
use crate::session::SessionBuilder;
use crate::session::core::Settings;

impl SessionBuilder {
    /// Enables the isolation of the session from this machine: no instructions, skills, agents, plugins or memory of
    /// this machine, no telemetry, no data on disk that outlives the session, and only the tools of
    /// [`available_tools`](Self::available_tools), which must be set. The system message has no section about the
    /// environment, such as the working directory. Explicit settings remain. Default: off.
    ///
    /// The client needs a separate `state_dir`, or a `session_fs`. A CLI that is started only for this session does not
    /// use the user's keychain; for another client, set the variable `COPILOT_DISABLE_KEYTAR` to `1`.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example() -> copilot::Result<()> {
    /// use copilot::tool_filter::ToolFilter;
    /// use copilot::{Client, Session};
    ///
    /// let session = Session::builder()
    ///     .client(Client::builder().state_dir("/srv/agent/state"))
    ///     .isolated()
    ///     .available_tools([ToolFilter::all_custom()])
    ///     .with_all_tools()
    ///     .start()
    ///     .await?;
    /// # session.close().await
    /// # }
    /// ```
    pub fn isolated(mut self) -> Self {
        self.isolate = Some(fill);
        self.settings.features.push("isolated");
        self
    }
}

/// Disables every source of configuration that is not set.
fn fill(settings: &mut Settings) -> Result<()> {
    let Settings { members, options, .. } = settings;
    if !members.has("availableTools") {
        let message = "`isolated` needs `available_tools`; name the tools of the agent, such as `custom:*`";
        return Err(Error::new(ErrorKind::Configuration, message));
    }
    for (member, value) in [
        ("enableSessionTelemetry", false),
        ("skipEmbeddingRetrieval", true),
        ("enableOnDemandInstructionDiscovery", false),
        ("enableFileHooks", false),
        ("enableHostGitOperations", false),
        ("enableSessionStore", false),
        ("enableSkills", false),
        ("isExperimentalMode", false),
        ("customAgentsLocalOnly", true),
    ] {
        members.set_default(member, value);
    }
    for (member, value) in [
        ("skipCustomInstructions", true),
        ("customAgentsLocalOnly", true),
        ("coauthorEnabled", false),
        ("manageScheduleEnabled", false),
    ] {
        options.set_default(member, value);
    }
    members.set_default("mcpOAuthTokenStorage", Storage::InMemory);
    members.set_default("embeddingCacheStorage", Storage::InMemory);
    members.set_default("memory", Memory::new().enabled(false));
    options.set_default("includedBuiltinSkills", Vec::<String>::new());
    options.set_default("installedPlugins", Vec::<String>::new());
    let message = match members.get::<SystemMessageConfig>("systemMessage") {
        Some(SystemMessageConfig::Append { content }) => {
            SystemMessageConfig::without_environment(Some(content.clone()))
        }
        None => SystemMessageConfig::without_environment(None),
        Some(SystemMessageConfig::Customize { content, sections }) => {
            let mut sections = sections.clone();
            let environment = Section::EnvironmentContext.as_str().to_owned();
            sections.entry(environment).or_insert(SectionChange::Remove);
            SystemMessageConfig::Customize { content: content.clone(), sections }
        }
        Some(_) => return Ok(()),
    };
    members.set("systemMessage", message);
    Ok(())
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;
    use crate::system_message::SystemMessage;

    #[test]
    fn unset_settings_are_off() {
        let mut settings = Settings::default();
        assert!(fill(&mut settings).is_err());
        settings.members.set("availableTools", vec!["custom:*".to_owned()]);
        settings.members.set("enableSkills", true);
        fill(&mut settings).unwrap();
        let wire: Value = serde_json::to_value(&settings.members).unwrap();
        assert_eq!(wire["enableSkills"], true);
        assert_eq!(wire["enableFileHooks"], false);
        assert_eq!(wire["memory"], json!({"enabled": false}));
        assert_eq!(
            wire["systemMessage"],
            json!({"mode": "customize", "sections": {"environment_context": {"action": "remove"}}})
        );
        let message = |message: SystemMessage| {
            let builder = crate::Session::builder().available_tools(["custom:*"]).system_message(message);
            let mut settings = builder.settings;
            fill(&mut settings).unwrap();
            serde_json::to_value(&settings.members).unwrap()["systemMessage"].clone()
        };
        let customize = SystemMessage::customize;
        assert_eq!(
            message(customize().remove(Section::Tone).content("Be brief.").into()),
            json!({"mode": "customize", "content": "Be brief.", "sections": {
                "environment_context": {"action": "remove"}, "tone": {"action": "remove"}}})
        );
        let set = message(customize().append(Section::EnvironmentContext, "A boat.").into());
        assert_eq!(set["sections"]["environment_context"], json!({"action": "append", "content": "A boat."}));
        let appended = message(SystemMessage::append("Be brief."));
        assert_eq!(appended["sections"]["environment_context"]["action"], "remove");
        assert_eq!(appended["content"], "Be brief.");
        assert_eq!(message(SystemMessage::replace("All."))["mode"], "replace");
        assert_eq!(
            serde_json::to_value(&settings.options).unwrap(),
            json!({"skipCustomInstructions": true, "customAgentsLocalOnly": true, "coauthorEnabled": false,
                   "manageScheduleEnabled": false, "includedBuiltinSkills": [], "installedPlugins": []})
        );
    }
}
