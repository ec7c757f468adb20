//! The topics of the CLI, one a file: settings, types, methods and handlers.
//!
//! A topic registers its handlers and members with the session core, which knows none of them.

pub mod account;
pub mod agents;
pub mod canvas;
pub mod commands;
pub(crate) mod conversation;
mod entry;
pub(crate) mod environment;
pub mod hooks;
pub(crate) mod interaction;
pub(crate) mod isolated;
pub mod limits;
pub mod mcp;
pub mod models;
pub(crate) mod names;
pub mod providers;
pub(crate) mod requests;
pub mod skills;
pub mod system_message;
pub mod tokens;
pub mod tool_filter;
pub mod unstable;

use std::sync::LazyLock;

use crate::session::core::{Topic, Topics};

/// All topics, ready for lookup.
pub(crate) static TOPICS: LazyLock<Topics> = LazyLock::new(|| Topics::new(ALL));

const ALL: &[&Topic] = &[
    &crate::session::core::incoming::TOPIC,
    &crate::session::permissions::TOPIC,
    &crate::session::tool_calls::TOPIC,
    &crate::compat::TOPIC,
    &names::TOPIC,
    &account::TOPIC,
    &agents::TOPIC,
    &canvas::TOPIC,
    &commands::TOPIC,
    &environment::diagnostics::TOPIC,
    &environment::discovery::TOPIC,
    &interaction::elicitation::TOPIC,
    &environment::experiments::TOPIC,
    &environment::extensions::TOPIC,
    &hooks::TOPIC,
    &environment::instructions::TOPIC,
    &limits::TOPIC,
    &environment::managed::TOPIC,
    &mcp::TOPIC,
    &mcp::headers::TOPIC,
    &mcp::login::TOPIC,
    &environment::memory::TOPIC,
    &models::TOPIC,
    &interaction::modes::TOPIC,
    &providers::TOPIC,
    &conversation::resume::TOPIC,
    &mcp::sampling::TOPIC,
    &environment::sandbox::TOPIC,
    &requests::TOPIC,
    &skills::TOPIC,
    &system_message::TOPIC,
    &tokens::TOPIC,
    &tool_filter::TOPIC,
    &interaction::user_input::TOPIC,
    &environment::workspace::TOPIC,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::agents::CustomAgent;
    use crate::memory::InfiniteSessions;
    use crate::models::ModelOptions;
    use crate::providers::{Provider, ProviderModel, Providers};
    use crate::session::core::Occasion;
    use crate::{Session, SessionBuilder};

    fn refusal(builder: &SessionBuilder, occasion: Occasion) -> Option<String> {
        TOPICS.check(&builder.settings, occasion).err().map(|error| error.to_string())
    }

    #[test]
    fn contradictory_settings_are_refused_by_name() {
        let builder = Session::builder;
        let provider = || Provider::openai("http://h/v1");
        let agent = CustomAgent::new("a", "p");
        for (builder, expected) in [
            (builder().raw("model", "x"), "`.model(..)`"),
            (builder().raw("hooks", true), "`.hooks(..)`"),
            (builder().raw("tools", "x"), "`.with_tools(..)`"),
            (
                builder().provider(provider()).providers(Providers::new().provider("n", provider())),
                "`provider` and `providers`",
            ),
            (builder().provider(provider()).github_token("gho_1"), "`provider` and `github_token`"),
            (builder().available_tools(["*"]), "`custom:*`"),
            (builder().model_options(ModelOptions::new().allowed([""; 0])), "`ModelOptions::allowed`"),
            (builder().name(" "), "`name`"),
            (builder().custom_agent(agent.clone()).custom_agent(agent), "two custom agents"),
            (
                builder().providers(
                    Providers::new().provider("n", provider()).model(ProviderModel::new("m", "x")),
                ),
                "provider `m`",
            ),
            (
                builder().infinite_sessions(InfiniteSessions::new().background_compaction_threshold(5.0)),
                "from 0 to 1",
            ),
        ] {
            let refused = refusal(&builder, Occasion::Create).unwrap();
            assert!(refused.contains(expected) && !refused.contains("gho_1"), "{refused}");
        }
    }

    #[test]
    fn settings_of_new_and_of_resumed_sessions_are_distinguished() {
        let builder = Session::builder().raw("new", 1).name("n").model("m").provider(Provider::openai("u"));
        assert_eq!(refusal(&builder, Occasion::Create), None);
        assert!(refusal(&builder, Occasion::Resume).unwrap().contains("set_name"));
        let builder = Session::builder().resume_options(crate::resume::Resume::new().event(false));
        assert_eq!(refusal(&builder, Occasion::Resume), None);
        assert!(refusal(&builder, Occasion::Create).unwrap().contains("`client.resume`"));
    }

    #[test]
    fn a_name_on_the_wire_belongs_to_one_topic() {
        let mut names: Vec<_> = ALL.iter().flat_map(|topic| topic.members).map(|(wire, _)| *wire).collect();
        names.extend(ALL.iter().flat_map(|topic| topic.requests).map(|(method, _)| *method));
        names.extend(ALL.iter().flat_map(|topic| topic.events).map(|(event, _)| event.as_str()));
        names.retain(|name| !name.is_empty());
        names.sort_unstable();
        let twice: Vec<_> = names.windows(2).filter(|pair| pair[0] == pair[1]).collect();
        assert!(twice.is_empty(), "{twice:?}");
    }

    #[test]
    fn tokens_do_not_show() {
        let shown = format!("{:?}", Session::builder().github_token("gho_1"));
        assert!(!shown.contains("gho_1") && shown.contains("redacted"), "{shown}");
    }
}
