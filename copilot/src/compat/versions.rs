//! Features that a running CLI is too old for. Pure.
//!
//! A CLI ignores members that it does not know, so a session that relies on one would run without it, and silently.
//! The versions here were driven: each is the newest one seen without a feature. Versions between it and the oldest one
//! seen with the feature are assumed to have it.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::connection::CliVersion;
use crate::protocol::session::SendOptions;
use crate::session::core::members::Members;
use crate::session::core::topic::Settings;
use crate::session::link::Compat;

type Version = [u64; 3];

/// The newest version that lacks anything; newer ones are not looked at.
const NEWEST: Version = [1, 0, 82];

/// The newest version that does not get the schema of an answer.
const NO_RESPONSE_FORMAT: Version = [1, 0, 82];

/// The members of `session.create` that protocol 2 knows, and those that do not matter where they are ignored.
const PROTOCOL_2: &[&str] = &[
    "model",
    "streaming",
    "systemMessage",
    "availableTools",
    "excludedTools",
    "provider",
    "mcpServers",
    "customAgents",
    "configDir",
    "skillDirectories",
    "disabledSkills",
    "infiniteSessions",
    "largeOutput",
    "requestUserInput",
    "requestElicitation",
    "requestExitPlanMode",
    "requestAutoModeSwitch",
    "commands",
    "hooks",
    "hasSkillProvider",
    "canvases",
    "canvasProvider",
    "requestCanvasRenderer",
    "gitHubTokenProviderRegistrationId",
    "clientName",
    "disableResume",
    "enableSessionTelemetry",
    "traceparent",
    "tracestate",
];

/// Features of a session, by setter, with the newest version that lacks each.
const SESSION: &[(&str, Version)] = &[
    ("isolated", [1, 0, 32]),
    ("bearer_token_from", [1, 0, 57]),
    ("SystemMessage::customize", [0, 0, 423]),
    ("available_tools by source", [1, 0, 32]),
    ("excluded_tools by source", [1, 0, 32]),
    ("LargeOutput::disabled", [1, 0, 57]),
    ("McpServer::stdio(..).env", [0, 0, 403]),
    ("on_user_input", [0, 0, 394]),
    ("on_exit_plan_mode", [0, 0, 403]),
    ("on_elicitation", [1, 0, 10]),
    ("command", [1, 0, 32]),
    ("on_pre_tool_use", [0, 0, 394]),
    ("on_pre_mcp_tool_call", [0, 0, 394]),
    ("on_post_tool_use", [0, 0, 394]),
    ("on_post_tool_use_failure", [1, 0, 10]),
    ("on_user_prompt_submitted", [0, 0, 394]),
    ("on_user_prompt_transformed", [0, 0, 394]),
    ("on_session_start", [0, 0, 394]),
    ("on_session_end", [0, 0, 394]),
    ("on_error_occurred", [0, 0, 394]),
    ("on_agent_stop", [1, 0, 57]),
    ("on_subagent_start", [0, 0, 394]),
    ("on_subagent_stop", [0, 0, 394]),
];

/// Members of `session.create`, with the setter and the newest version that lacks each.
const MEMBERS: &[(&str, &str, Version)] = &[
    ("agent", "agent", [1, 0, 57]),
    ("providers", "named_provider", [1, 0, 57]),
    ("models", "provider_model", [1, 0, 57]),
];

/// The version table, as a session uses it.
pub(crate) struct Versions;

impl Compat for Versions {
    fn check(&self, cli: &CliVersion, settings: &Settings) -> Result<()> {
        check(cli, settings)
    }

    fn adapt(&self, cli: &CliVersion, settings: &mut Settings, tools: &mut dyn Iterator<Item = &str>) {
        narrow(cli, &mut settings.members, tools);
    }

    fn check_message(&self, cli: &CliVersion, message: &SendOptions) -> Result<()> {
        check_message(cli, message)
    }

    fn has_response_format(&self, cli: &CliVersion) -> bool {
        !cli.is_at_most(NO_RESPONSE_FORMAT)
    }
}

/// Refuses a session that needs features which this CLI lacks, naming all of them.
fn check(cli: &CliVersion, settings: &Settings) -> Result<()> {
    if !cli.is_at_most(NEWEST) {
        return Ok(());
    }
    let Settings { members, features, .. } = settings;
    let of_session = SESSION
        .iter()
        .filter(|(feature, last)| features.contains(feature) && cli.is_at_most(*last))
        .map(|(feature, _)| *feature);
    let of_members = MEMBERS
        .iter()
        .filter(|(member, _, last)| members.has(member) && cli.is_at_most(*last))
        .map(|(_, setter, _)| *setter);
    let mut lacking: Vec<&str> = of_members.chain(of_session).collect();
    // An isolated session has many members, none of which the caller has named.
    if cli.protocol == 2 && !features.contains(&"isolated") {
        lacking.extend(members.names().filter(|member| {
            !PROTOCOL_2.contains(member) && !MEMBERS.iter().any(|(known, ..)| known == member)
        }));
    }
    refuse(cli, "start", &lacking)
}

/// Has this CLI leave out the program's tools that `available_tools` does not name, where it would not by itself: the
/// versions after 1.0.57 and before 1.0.102 offer all of them.
fn narrow<'a>(cli: &CliVersion, members: &mut Members, tools: impl Iterator<Item = &'a str>) {
    if !cli.at_least([1, 0, 58]) || !cli.is_at_most([1, 0, 101]) {
        return;
    }
    let Some(available) = members.get::<Vec<String>>("availableTools") else { return };
    let named = |tool: &str| {
        available.iter().any(|filter| match filter.strip_prefix("custom:") {
            Some(name) => name == "*" || name == tool,
            None => filter == tool,
        })
    };
    let left_out: Vec<String> =
        tools.filter(|tool| !named(tool)).map(|tool| format!("custom:{tool}")).collect();
    if !left_out.is_empty() {
        members.update("excludedTools", |excluded: &mut Vec<String>| excluded.extend(left_out));
    }
}

/// Refuses a message that asks this CLI for what it does not have, naming all of it.
fn check_message(cli: &CliVersion, message: &SendOptions) -> Result<()> {
    if !cli.is_at_most(NEWEST) {
        return Ok(());
    }
    let lacking: Vec<&str> = [
        (
            "attachments other than files and directories",
            [0, 0, 423],
            message.attachments.iter().any(|attachment| !attachment.is_path()),
        ),
        ("request_header", [1, 0, 10], !message.request_headers.is_empty()),
    ]
    .into_iter()
    .filter(|(_, last, wanted)| *wanted && cli.is_at_most(*last))
    .map(|(option, ..)| option)
    .collect();
    refuse(cli, "send", &lacking)
}

fn refuse(cli: &CliVersion, verb: &str, lacking: &[&str]) -> Result<()> {
    if lacking.is_empty() {
        return Ok(());
    }
    let list: Vec<String> = lacking.iter().map(|thing| format!("`{thing}`")).collect();
    let message = format!(
        "{verb}: the running CLI {cli} is too old for {}, and would pass over it without a word; use a newer CLI, or \
         leave it out",
        list.join(", ")
    );
    Err(Error::new(ErrorKind::Unsupported, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::protocol::attachments::Attachment;
    use crate::{Session, SessionBuilder};

    fn cli(version: &str, protocol: u64) -> CliVersion {
        CliVersion { protocol, version: Some(version.to_owned()) }
    }

    fn refusal(cli: &CliVersion, builder: &SessionBuilder) -> Option<String> {
        check(cli, &builder.settings).err().map(|error| error.to_string())
    }

    #[test]
    fn all_lacking_features_are_named_with_the_version() {
        let builder = Session::builder().agent("latin").available_tools(["custom:*"]).model("m");
        let refused = refusal(&cli("1.0.32", 3), &builder).unwrap();
        assert!(refused.contains("`agent`, `available_tools by source`"), "{refused}");
        assert!(refused.contains("1.0.32") && !refused.contains("`model`"), "{refused}");
        let refused = refusal(&cli("1.0.57", 3), &builder).unwrap();
        assert!(refused.contains("`agent`") && !refused.contains("by source"), "{refused}");
        assert_eq!(refusal(&cli("1.0.82", 3), &builder), None);
    }

    #[test]
    fn versions_in_between_and_unknown_ones_are_not_refused() {
        let builder = Session::builder().agent("latin");
        assert_eq!(refusal(&cli("1.0.70", 3), &builder), None);
        assert_eq!(refusal(&CliVersion { protocol: 3, version: None }, &builder), None);
    }

    #[test]
    fn tools_that_are_not_available_are_excluded_where_the_cli_does_not() {
        let excluded = |version: &str| {
            let mut settings =
                Session::builder().available_tools(["add", "custom:shout", "builtin:view"]).settings;
            narrow(&cli(version, 3), &mut settings.members, ["add", "shout", "long"].into_iter());
            settings.members.get::<Vec<String>>("excludedTools").cloned()
        };
        assert_eq!(excluded("1.0.92"), Some(vec!["custom:long".to_owned()]));
        assert_eq!((excluded("1.0.57"), excluded("1.0.102")), (None, None));
    }

    #[test]
    fn protocol_2_knows_few_members() {
        let known = || {
            Session::builder()
                .model("m")
                .streaming(true)
                .model_options(crate::models::ModelOptions::new().client_name("n"))
        };
        assert_eq!(refusal(&cli("0.0.403", 2), &known()), None);
        let refused =
            refusal(&cli("0.0.403", 2), &known().limits(crate::limits::Limits::new().max_ai_credits(40.0)))
                .unwrap();
        assert!(refused.contains("`sessionLimits`") && refused.contains("0.0.403"), "{refused}");
    }

    #[test]
    fn a_message_of_an_old_cli_has_files_only() {
        let mut message = SendOptions::default();
        message.attachments.push(Attachment::file("a.rs"));
        assert!(check_message(&cli("0.0.394", 2), &message).is_ok());
        message.attachments.push(Attachment::blob([1], "image/png"));
        let refused = check_message(&cli("0.0.423", 3), &message).unwrap_err().to_string();
        assert!(refused.contains("attachments other than files"), "{refused}");
        assert!(check_message(&cli("1.0.10", 3), &message).is_ok());
    }
}
