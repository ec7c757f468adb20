//! Validation of the names and URLs in settings.

use std::collections::BTreeMap;

use crate::error::{Error, ErrorKind, Result};
use crate::input::{check_name, check_path, check_secret, shown};
use crate::protocol::agents::CustomAgent;
use crate::protocol::mcp::McpServer;
use crate::protocol::providers::{NamedProvider, Provider, ProviderModel};
use crate::protocol::secret::{Secret, redacted};
use crate::session::core::{Settings, Topic};

pub(crate) const TOPIC: Topic = Topic { check: Some(|settings, _| check(settings)), ..Topic::NONE };

/// Refuses names and URLs that no CLI accepts; paths are checked where they are made absolute.
fn check(settings: &Settings) -> Result<()> {
    let Settings { members, options, .. } = settings;
    for (setter, member) in [
        ("model", "model"),
        ("reasoning_effort", "reasoningEffort"),
        ("ModelOptions::client_name", "clientName"),
        ("agent", "agent"),
        ("name", "name"),
    ] {
        if let Some(text) = members.get::<String>(member) {
            check_name(setter, text)?;
        }
    }
    for (setter, list) in [
        ("ModelOptions::allowed", members.get::<Vec<String>>("allowedModels")),
        ("Mcp::disabled_servers", members.get("disabledMcpServers")),
        ("Agents::excluded_builtin", members.get("excludedBuiltinAgents")),
        ("Skills::disabled", members.get("disabledSkills")),
        ("Skills::builtin", options.get("includedBuiltinSkills")),
    ] {
        list.into_iter().flatten().try_for_each(|text| check_name(setter, text))?;
    }
    let agents = || members.get::<Vec<CustomAgent>>("customAgents").into_iter().flatten();
    agents().try_for_each(|agent| check_name("custom_agent", &agent.name))?;
    let servers = members.get::<BTreeMap<String, McpServer>>("mcpServers").into_iter().flatten();
    for (name, server) in servers.chain(agents().flat_map(CustomAgent::mcp_servers)) {
        check_name("mcp_server", name)?;
        if let Some(command) = server.command() {
            check_path(&format!("command of the MCP server {name}"), command)?;
        }
        if let Some(url) = server.url() {
            check_url(&format!("URL of the MCP server {name}"), url)?;
        }
    }
    if let Some(provider) = members.get::<Provider>("provider") {
        check_endpoint("base_url of the provider", provider.base_url.as_str())?;
    }
    for named in members.get::<Vec<NamedProvider>>("providers").into_iter().flatten() {
        check_name("Providers::provider", &named.name)?;
        check_endpoint(
            &format!("base_url of the provider {}", named.name),
            named.provider.base_url.as_str(),
        )?;
    }
    let models = members.get::<Vec<ProviderModel>>("models").into_iter().flatten();
    models.into_iter().try_for_each(|model| check_name("Providers::model", &model.id))?;
    members
        .get::<Secret>("gitHubToken")
        .map_or(Ok(()), |token| check_secret("github_token", "GitHub token", token.as_str()))
}

/// Refuses the URL of a provider that the CLI would refuse only at the first message, after several attempts.
fn check_endpoint(what: &str, url: &str) -> Result<()> {
    check_url(what, url)?;
    let scheme = url.split_once("://").map(|(scheme, _)| scheme);
    match scheme.is_some_and(|s| s.eq_ignore_ascii_case("http") || s.eq_ignore_ascii_case("https")) {
        true => Ok(()),
        false => refuse_url(what, url, "does not begin with `http://` or `https://`"),
    }
}

/// Refuses a URL that is empty or has white space.
fn check_url(what: &str, url: &str) -> Result<()> {
    if url.trim().is_empty() {
        refuse_url(what, url, "is empty")
    } else if url.contains(|c: char| c.is_control() || c.is_whitespace()) {
        refuse_url(what, url, "has white space or a control character")
    } else {
        Ok(())
    }
}

/// Returns an error that shows the URL without its secrets.
fn refuse_url(what: &str, url: &str, problem: &str) -> Result<()> {
    let message = format!(
        "`{what}` is {}, which {problem}; write a URL such as `https://host/path`",
        shown(&redacted(url))
    );
    Err(Error::new(ErrorKind::Configuration, message))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::providers::{Provider, Providers};
    use crate::{Session, SessionBuilder};

    fn refusal(builder: &SessionBuilder) -> String {
        check(&builder.settings).unwrap_err().to_string()
    }

    #[test]
    fn invalid_names_are_refused_with_their_setters() {
        use crate::mcp::McpServer;

        let builder = Session::builder;
        let long = "x".repeat(5000);
        for bad in ["", "a\0b", "a\nb", &long] {
            let provider = Provider::openai("http://h/v1");
            for (builder, setter) in [
                (builder().model(bad), "`model`"),
                (builder().agent(bad), "`agent`"),
                (
                    builder().model_options(crate::models::ModelOptions::new().client_name(bad)),
                    "`ModelOptions::client_name`",
                ),
                (builder().name(bad), "`name`"),
                (
                    builder().model_options(crate::models::ModelOptions::new().allowed([bad])),
                    "`ModelOptions::allowed`",
                ),
                (builder().skills(crate::skills::Skills::new().disabled([bad])), "`Skills::disabled`"),
                (builder().custom_agent(CustomAgent::new(bad, "p")), "`custom_agent`"),
                (builder().mcp_server(bad, McpServer::stdio("x")), "`mcp_server`"),
                (builder().mcp_server("m", McpServer::stdio(bad)), "MCP server m"),
                (builder().providers(Providers::new().provider(bad, provider)), "`Providers::provider`"),
            ] {
                let refused = refusal(&builder);
                assert!(refused.contains(setter), "{bad:?}: {refused}");
            }
        }
        for bad in ["", " ", "http://u:hunter2@h/\n?q=hunter2"] {
            for builder in [
                builder().provider(Provider::openai(bad)),
                builder().providers(Providers::new().provider("n", Provider::openai(bad))),
                builder().mcp_server("m", McpServer::http(bad)),
                builder().github_token(format!("hunter2{bad}\n")),
            ] {
                let refused = refusal(&builder);
                assert!(refused.contains('`') && !refused.contains("hunter2"), "{refused}");
            }
        }
    }

    #[test]
    fn a_provider_has_a_url_of_http() {
        let named = |url| Providers::new().provider("n", Provider::anthropic(url));
        for bad in ["ftp://u:hunter2@h/v1", "h/v1", "file:///v1", "localhost:11434/v1"] {
            for builder in
                [Session::builder().provider(Provider::openai(bad)), Session::builder().providers(named(bad))]
            {
                let refused = refusal(&builder);
                assert!(refused.contains("`base_url of the provider") && refused.contains("`https://`"));
                assert!(!refused.contains("hunter2"), "{refused}");
            }
        }
        for good in ["http://h/v1", "HTTPS://h"] {
            assert!(check(&Session::builder().provider(Provider::openai(good)).settings).is_ok());
        }
    }
}
