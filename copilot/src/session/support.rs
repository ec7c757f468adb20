//! What a running CLI is too old for. Pure.
//!
//! A CLI passes over the members that it does not know, so a session that relies on one would go without it, and nobody
//! would learn of it. The versions here were driven: each is the newest one seen without a thing. Versions between it
//! and the oldest one seen with the thing are given the benefit of the doubt.

use super::handlers::Handlers;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::config::SessionConfig;
use crate::protocol::connection::CliVersion;
use crate::protocol::session::SendOptions;
use crate::protocol::system_message::SystemMessageConfig;

type Version = [u64; 3];

/// The newest version that lacks anything; newer ones are not looked at.
const NEWEST: Version = [1, 0, 82];

/// The newest version that is not told the shape of an answer.
const NO_RESPONSE_FORMAT: Version = [1, 0, 82];

/// What protocol 2 knows, as setters.
const OF_PROTOCOL_2: &[&str] = &[
    "model",
    "streaming",
    "system_message",
    "available_tools",
    "excluded_tools",
    "provider",
    "mcp_server",
    "custom_agent",
    "config_dir",
    "skill_directories",
    "disabled_skills",
    "infinite_sessions",
    "large_output",
    // Of no consequence where they are not known.
    "client_name",
    "disable_resume_event",
    "session_telemetry",
    "traceparent",
    "tracestate",
];

/// Refuses a session that asks this CLI for what it does not have, naming all of it.
pub(super) fn check(
    cli: &CliVersion,
    config: &SessionConfig,
    handlers: &Handlers,
    empty: bool,
) -> Result<()> {
    if !cli.is_at_most(NEWEST) {
        return Ok(());
    }
    let by_source = |tools: &Option<Vec<String>>| tools.iter().flatten().any(|tool| tool.contains(':'));
    let asks_for_tokens = config.provider.as_ref().is_some_and(|provider| provider.has_bearer_token_provider);
    let mut lacking: Vec<&str> = [
        ("empty", [1, 0, 32], empty),
        ("agent", [1, 0, 57], config.agent.is_some()),
        ("named_provider", [1, 0, 57], config.named_provider.is_some()),
        ("provider_model", [1, 0, 57], config.provider_model.is_some()),
        ("bearer_token_from", [1, 0, 57], asks_for_tokens),
        (
            "SystemMessage::customize",
            [0, 0, 423],
            matches!(config.system_message, Some(SystemMessageConfig::Customize { .. })),
        ),
        ("available_tools by source", [1, 0, 32], by_source(&config.available_tools)),
        ("excluded_tools by source", [1, 0, 32], by_source(&config.excluded_tools)),
        (
            "LargeOutput::disabled",
            [1, 0, 57],
            config.large_output.as_ref().is_some_and(|large| large.enabled == Some(false)),
        ),
        (
            "McpServer::stdio(..).env",
            [0, 0, 403],
            config.mcp_server.iter().flatten().any(|(_, server)| server.has_env()),
        ),
        ("on_user_input", [0, 0, 394], handlers.user_input.is_some()),
        ("on_exit_plan_mode", [0, 0, 403], handlers.exit_plan_mode.is_some()),
        ("on_elicitation", [1, 0, 10], handlers.elicitation.is_some()),
        ("command", [1, 0, 32], !handlers.commands.is_empty()),
    ]
    .into_iter()
    .filter(|(_, last, wanted)| *wanted && cli.is_at_most(*last))
    .map(|(setter, ..)| setter)
    .collect();
    lacking.extend(
        handlers
            .hooks
            .kinds()
            .filter(|(kind, _)| cli.is_at_most(last_without_hook(kind)))
            .map(|(_, setter)| setter),
    );
    // What makes a session empty is many members, none of which the caller has named.
    if cli.protocol == 2 && !empty {
        lacking.extend(config.set().filter(|setter| !OF_PROTOCOL_2.contains(setter)));
    }
    lacking.dedup();
    refuse(cli, "start", &lacking)
}

/// Has this CLI leave out the program's tools that `available_tools` does not name, where it would not by itself: the
/// versions after 1.0.57 and before 1.0.102 offer all of them.
pub(super) fn narrow<'a>(cli: &CliVersion, config: &mut SessionConfig, tools: impl Iterator<Item = &'a str>) {
    if !cli.at_least([1, 0, 58]) || !cli.is_at_most([1, 0, 101]) {
        return;
    }
    let Some(available) = &config.available_tools else { return };
    let named = |tool: &str| {
        available.iter().any(|filter| match filter.strip_prefix("custom:") {
            Some(name) => name == "*" || name == tool,
            None => filter == tool,
        })
    };
    let left_out: Vec<String> =
        tools.filter(|tool| !named(tool)).map(|tool| format!("custom:{tool}")).collect();
    if !left_out.is_empty() {
        config.excluded_tools.get_or_insert_default().extend(left_out);
    }
}

/// The newest version that has no hooks of this kind.
fn last_without_hook(kind: &str) -> Version {
    match kind {
        "agentStop" => [1, 0, 57],
        "postToolUseFailure" => [1, 0, 10],
        _ => [0, 0, 394],
    }
}

/// Refuses a message that asks this CLI for what it does not have, naming all of it.
pub(super) fn check_message(cli: &CliVersion, message: &SendOptions) -> Result<()> {
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

/// Whether the CLI hands the shape of an answer on to the model.
pub(super) fn has_response_format(cli: &CliVersion) -> bool {
    !cli.is_at_most(NO_RESPONSE_FORMAT)
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
    use crate::protocol::config::SessionLimits;

    fn cli(version: &str, protocol: u64) -> CliVersion {
        CliVersion { protocol, version: Some(version.to_owned()) }
    }

    fn refusal(cli: &CliVersion, config: &SessionConfig) -> Option<String> {
        check(cli, config, &Handlers::default(), false).err().map(|error| error.to_string())
    }

    #[test]
    fn everything_that_is_lacking_is_named_with_the_version() {
        let config = SessionConfig {
            agent: Some("latin".into()),
            available_tools: Some(vec!["custom:*".into()]),
            model: Some("m".into()),
            ..SessionConfig::default()
        };
        let told = refusal(&cli("1.0.32", 3), &config).unwrap();
        assert!(told.contains("`agent`, `available_tools by source`"), "{told}");
        assert!(told.contains("1.0.32") && !told.contains("`model`"), "{told}");
        let told = refusal(&cli("1.0.57", 3), &config).unwrap();
        assert!(told.contains("`agent`") && !told.contains("by source"), "{told}");
        assert_eq!(refusal(&cli("1.0.82", 3), &config), None);
    }

    #[test]
    fn versions_in_between_and_unknown_ones_are_not_refused() {
        let config = SessionConfig { agent: Some("latin".into()), ..SessionConfig::default() };
        assert_eq!(refusal(&cli("1.0.70", 3), &config), None);
        assert_eq!(refusal(&CliVersion { protocol: 3, version: None }, &config), None);
    }

    #[test]
    fn tools_that_are_not_available_are_excluded_where_the_cli_does_not() {
        let excluded = |version: &str| {
            let available = ["add", "custom:shout", "builtin:view"].map(str::to_owned).to_vec();
            let mut config = SessionConfig { available_tools: Some(available), ..SessionConfig::default() };
            narrow(&cli(version, 3), &mut config, ["add", "shout", "long"].into_iter());
            config.excluded_tools
        };
        assert_eq!(excluded("1.0.92"), Some(vec!["custom:long".to_owned()]));
        assert_eq!((excluded("1.0.57"), excluded("1.0.102")), (None, None));
    }

    #[test]
    fn protocol_2_knows_few_members() {
        let known = SessionConfig {
            model: Some("m".into()),
            streaming: Some(true),
            client_name: Some("n".into()),
            ..SessionConfig::default()
        };
        assert_eq!(refusal(&cli("0.0.403", 2), &known), None);
        let unknown = SessionConfig { max_ai_credits: Some(SessionLimits { max_ai_credits: 40.0 }), ..known };
        let told = refusal(&cli("0.0.403", 2), &unknown).unwrap();
        assert!(told.contains("`max_ai_credits`") && told.contains("0.0.403"), "{told}");
    }

    #[test]
    fn a_message_of_an_old_cli_has_files_only() {
        let mut message = SendOptions::default();
        message.attachments.push(Attachment::file("a.rs"));
        assert!(check_message(&cli("0.0.394", 2), &message).is_ok());
        message.attachments.push(Attachment::blob([1], "image/png"));
        let told = check_message(&cli("0.0.423", 3), &message).unwrap_err().to_string();
        assert!(told.contains("attachments other than files"), "{told}");
        assert!(check_message(&cli("1.0.10", 3), &message).is_ok());
    }
}
