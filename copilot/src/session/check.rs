//! Whether what a session was configured with fits together. Pure; runs before anything is started.

use super::filter;
use crate::error::{Error, ErrorKind, Result};
use crate::input::{check_name, check_path, check_secret, shown};
use crate::protocol::agents::CustomAgent;
use crate::protocol::config::{InfiniteSessions, SessionConfig};
use crate::protocol::secret::redacted;

/// Members that this library answers for, and what to use instead.
const OWN_MEMBERS: &[(&str, &str)] = &[
    ("sessionId", "`.id(..)`"),
    ("tools", "`.with_tools(..)`"),
    ("hooks", "`.on_pre_tool_use(..)` and its like"),
    ("requestUserInput", "`.on_user_input(..)`"),
    ("requestElicitation", "`.on_elicitation(..)`"),
    ("requestExitPlanMode", "`.on_exit_plan_mode(..)`"),
    ("requestAutoModeSwitch", "`.on_auto_mode_switch(..)`"),
    ("commands", "`.command(..)`"),
    ("hasSkillProvider", "`.skill(..)`"),
    ("requestCanvasRenderer", "`.canvas(..)`"),
    ("canvases", "`.canvas(..)`"),
    ("canvasProvider", "`.canvas_provider(..)`"),
    ("gitHubTokenProviderRegistrationId", "`.on_github_token(..)`"),
    ("requestPermission", "`.permissions(..)`"),
    ("toolFilterPrecedence", "nothing: excluded tools always stay excluded"),
    ("envValueMode", "nothing: values are always meant literally"),
    ("cloud", "nothing: the CLI gives such sessions their ids itself, and here each has one from the start"),
];

/// Refuses what contradicts itself, naming the setters.
pub(super) fn check(config: &SessionConfig, resume: bool) -> Result<()> {
    check_raw(config)?;
    check_texts(config)?;
    check_exclusions(config)?;
    check_occasion(config, resume)?;
    filter::check("available_tools", config.available_tools.as_deref())?;
    filter::check("excluded_tools", config.excluded_tools.as_deref())?;
    if config.allowed_models.as_ref().is_some_and(Vec::is_empty) {
        return refuse("`allowed_models` is empty: name at least one model, or leave it out");
    }
    if config.name.as_ref().is_some_and(|name| name.trim().is_empty()) {
        return refuse("`name` is empty: leave it out for a session without a name");
    }
    check_thresholds(config.infinite_sessions.as_ref())?;
    check_agents(config)?;
    check_models(config)
}

fn refuse<T>(message: impl Into<String>) -> Result<T> {
    Err(Error::new(ErrorKind::Config, message))
}

/// Refuses names that no CLI can take; the paths are checked where they are made absolute.
fn check_texts(config: &SessionConfig) -> Result<()> {
    for (setter, text) in [
        ("model", &config.model),
        ("reasoning_effort", &config.reasoning_effort),
        ("client_name", &config.client_name),
        ("agent", &config.agent),
        ("name", &config.name),
    ] {
        if let Some(text) = text {
            check_name(setter, text)?;
        }
    }
    for (setter, list) in [
        ("allowed_models", &config.allowed_models),
        ("disabled_mcp_servers", &config.disabled_mcp_servers),
        ("excluded_builtin_agents", &config.excluded_builtin_agents),
        ("disabled_skills", &config.disabled_skills),
        ("included_builtin_skills", &config.options.included_builtin_skills),
    ] {
        for text in list.iter().flatten() {
            check_name(setter, text)?;
        }
    }
    for agent in config.custom_agent.iter().flatten() {
        check_name("custom_agent", &agent.name)?;
    }
    let of_agents = config.custom_agent.iter().flatten().flat_map(CustomAgent::mcp_servers);
    for (name, server) in config.mcp_server.iter().flatten().chain(of_agents) {
        check_name("mcp_server", name)?;
        if let Some(command) = server.command() {
            check_path(&format!("command of the MCP server {name}"), command)?;
        }
        if let Some(url) = server.url() {
            check_url(&format!("URL of the MCP server {name}"), url)?;
        }
    }
    if let Some(provider) = &config.provider {
        check_url("base_url of the provider", provider.base_url.as_str())?;
    }
    for named in config.named_provider.iter().flatten() {
        check_name("named_provider", &named.name)?;
        check_url(&format!("base_url of the provider {}", named.name), named.provider.base_url.as_str())?;
    }
    for model in config.provider_model.iter().flatten() {
        check_name("provider_model", &model.id)?;
    }
    config
        .github_token
        .as_ref()
        .map_or(Ok(()), |token| check_secret("github_token", "GitHub token", token.as_str()))
}

/// A URL may hold secrets, so it shows without them.
fn check_url(what: &str, url: &str) -> Result<()> {
    let problem = if url.trim().is_empty() {
        "is empty"
    } else if url.contains(|c: char| c.is_control() || c.is_whitespace()) {
        "has white space or a control character"
    } else {
        return Ok(());
    };
    refuse(format!(
        "`{what}` is {}, which {problem}; write a URL such as `https://host/path`",
        shown(&redacted(url))
    ))
}

/// A member that is there twice would reach the CLI twice.
fn check_raw(config: &SessionConfig) -> Result<()> {
    for member in config.raw.keys() {
        let setter = SessionConfig::MEMBERS.iter().find(|(wire, _)| wire == member);
        let own = OWN_MEMBERS.iter().find(|(wire, _)| wire == member);
        let instead = match (setter, own) {
            (Some((_, setter)), _) => format!("`.{setter}(..)`"),
            (None, Some((_, instead))) => (*instead).to_owned(),
            (None, None) => continue,
        };
        return refuse(format!("`.raw(\"{member}\", ..)`: this member is set with {instead}"));
    }
    Ok(())
}

/// The CLI refuses these pairs, or takes one of the two without a word.
fn check_exclusions(config: &SessionConfig) -> Result<()> {
    let provider = ("provider", config.provider.is_some());
    for ((one, one_set), (other, other_set), why) in [
        (
            provider,
            ("named_provider", config.named_provider.is_some()),
            "a session has one endpoint or a list of them",
        ),
        (
            provider,
            ("provider_model", config.provider_model.is_some()),
            "models are listed for named providers",
        ),
        (
            provider,
            ("github_token", config.github_token.is_some()),
            "a session with an endpoint of its own does not use GitHub's",
        ),
    ] {
        if one_set && other_set {
            return refuse(format!("`{one}` and `{other}` exclude each other: {why}; leave one out"));
        }
    }
    Ok(())
}

/// Some members only make sense for new sessions, some only for old ones.
fn check_occasion(config: &SessionConfig, resume: bool) -> Result<()> {
    let set = |members: &[(&'static str, bool)]| members.iter().find(|(_, set)| *set).map(|(name, _)| *name);
    if resume {
        let only_new = [
            ("name", config.name.is_some()),
            ("trust_working_directory", config.trust_working_directory.is_some()),
            ("refresh_instructions", config.refresh_instructions.is_some()),
        ];
        if let Some(name) = set(&only_new) {
            let hint = if name == "name" { "; use `session.set_name(..)`" } else { "; leave it out" };
            return refuse(format!(
                "`{name}` is for new sessions, and `client.resume` takes an old one up{hint}"
            ));
        }
        return Ok(());
    }
    let only_old = [
        ("disable_resume_event", config.disable_resume_event.is_some()),
        ("transcript_recovery", config.transcript_recovery.is_some()),
    ];
    match set(&only_old) {
        Some(name) => {
            refuse(format!("`{name}` is for `client.resume`, and this session is new; leave it out"))
        }
        None => Ok(()),
    }
}

/// The CLI takes any number, and then never or always compacts.
fn check_thresholds(infinite: Option<&InfiniteSessions>) -> Result<()> {
    let Some(infinite) = infinite else { return Ok(()) };
    let (background, exhaustion) =
        (infinite.background_compaction_threshold, infinite.buffer_exhaustion_threshold);
    for (name, value) in
        [("background_compaction_threshold", background), ("buffer_exhaustion_threshold", exhaustion)]
    {
        if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
            return refuse(format!("`{name}` is a part of the context window, from 0 to 1, not {value}"));
        }
    }
    if let (Some(background), Some(exhaustion)) = (background, exhaustion)
        && background > exhaustion
    {
        return refuse(format!(
            "`background_compaction_threshold` ({background}) must not be above `buffer_exhaustion_threshold` \
             ({exhaustion})"
        ));
    }
    Ok(())
}

fn check_agents(config: &SessionConfig) -> Result<()> {
    let mut names: Vec<_> = config.custom_agent.iter().flatten().map(|agent| agent.name.as_str()).collect();
    names.sort_unstable();
    match names.windows(2).find(|pair| pair[0] == pair[1]) {
        Some(pair) => refuse(format!("two custom agents are named `{}`; rename one", pair[0])),
        None => Ok(()),
    }
}

fn check_models(config: &SessionConfig) -> Result<()> {
    let providers: Vec<_> =
        config.named_provider.iter().flatten().map(|provider| provider.name.as_str()).collect();
    for model in config.provider_model.iter().flatten() {
        if !providers.contains(&model.provider.as_str()) {
            return refuse(format!(
                "model `{}` is of provider `{}`, which no `named_provider(..)` describes",
                model.id, model.provider
            ));
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::ProviderModel;
    use crate::{Provider, Session, SessionBuilder};

    fn refusal(builder: &SessionBuilder) -> String {
        check(&builder.config, false).unwrap_err().to_string()
    }

    #[test]
    fn what_contradicts_itself_is_refused_by_name() {
        let builder = Session::builder;
        let provider = || Provider::openai("http://h/v1");
        let twice = CustomAgent::new("a", "p");
        let cases = [
            (builder().raw("model", "x"), "`.model(..)`"),
            (builder().raw("tools", "x"), "`.with_tools(..)`"),
            (
                builder().provider(provider()).named_provider("n", provider()),
                "`provider` and `named_provider`",
            ),
            (builder().provider(provider()).github_token("gho_1"), "`provider` and `github_token`"),
            (builder().available_tools(["*"]), "`custom:*`"),
            (builder().allowed_models([""; 0]), "`allowed_models`"),
            (builder().name(" "), "`name`"),
            (builder().custom_agent(twice.clone()).custom_agent(twice), "two custom agents"),
            (
                builder().named_provider("n", provider()).provider_model(ProviderModel::new("m", "x")),
                "provider `m`",
            ),
            (
                builder().infinite_sessions(InfiniteSessions::new().background_compaction_threshold(5.0)),
                "from 0 to 1",
            ),
        ];
        for (builder, expected) in cases {
            let refused = refusal(&builder);
            assert!(refused.contains(expected) && !refused.contains("gho_1"), "{refused}");
        }
    }

    #[test]
    fn a_name_that_cannot_be_is_refused_with_its_setter() {
        use crate::config::McpServer;

        let builder = Session::builder;
        let long = "x".repeat(5000);
        for bad in ["", "a\0b", "a\nb", &long] {
            let provider = Provider::openai("http://h/v1");
            for (builder, setter) in [
                (builder().model(bad), "`model`"),
                (builder().agent(bad), "`agent`"),
                (builder().client_name(bad), "`client_name`"),
                (builder().name(bad), "`name`"),
                (builder().allowed_models([bad]), "`allowed_models`"),
                (builder().disabled_skills([bad]), "`disabled_skills`"),
                (builder().custom_agent(CustomAgent::new(bad, "p")), "`custom_agent`"),
                (builder().mcp_server(bad, McpServer::stdio("x")), "`mcp_server`"),
                (builder().mcp_server("m", McpServer::stdio(bad)), "MCP server m"),
                (builder().named_provider(bad, provider), "`named_provider`"),
            ] {
                let refused = refusal(&builder);
                assert!(refused.contains(setter), "{bad:?}: {refused}");
            }
        }
        for bad in ["", " ", "http://u:hunter2@h/\n?q=hunter2"] {
            for builder in [
                builder().provider(Provider::openai(bad)),
                builder().named_provider("n", Provider::openai(bad)),
                builder().mcp_server("m", McpServer::http(bad)),
                builder().github_token(format!("hunter2{bad}\n")),
            ] {
                let refused = refusal(&builder);
                assert!(refused.contains('`') && !refused.contains("hunter2"), "{refused}");
            }
        }
    }

    #[test]
    fn what_fits_together_is_taken() {
        let builder = Session::builder().raw("new", 1).name("n").model("m").provider(Provider::openai("u"));
        assert!(check(&builder.config, false).is_ok());
        let refused = check(&builder.config, true).unwrap_err().to_string();
        assert!(refused.contains("set_name"), "{refused}");
    }

    #[test]
    fn tokens_do_not_show() {
        let shown = format!("{:?}", Session::builder().github_token("gho_1"));
        assert!(!shown.contains("gho_1") && shown.contains("redacted"), "{shown}");
    }
}
