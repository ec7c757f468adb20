//! The topics of the CLI, one a file: settings, types, methods and handlers.
//!
//! A topic registers its handlers and members with the session core, which knows none of them.

pub(crate) mod account;
pub(crate) mod agents;
pub(crate) mod canvas;
pub(crate) mod commands;
pub(crate) mod conversation;
mod entry;
pub(crate) mod environment;
pub mod hooks;
pub(crate) mod interaction;
pub(crate) mod isolated;
pub(crate) mod limits;
pub(crate) mod mcp;
pub(crate) mod models;
pub(crate) mod names;
pub(crate) mod permission_mode;
pub(crate) mod requests;
pub(crate) mod skills;
pub(crate) mod tool_filter;

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
    &models::providers::TOPIC,
    &conversation::resume::TOPIC,
    &mcp::sampling::TOPIC,
    &environment::sandbox::TOPIC,
    &requests::TOPIC,
    &skills::TOPIC,
    &models::system_message::TOPIC,
    &models::tokens::TOPIC,
    &tool_filter::TOPIC,
    &conversation::trace::TOPIC,
    &interaction::user_input::TOPIC,
    &environment::workspace::TOPIC,
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::{CustomAgent, InfiniteSessions, ProviderModel};
    use crate::session::core::Occasion;
    use crate::{Provider, Session, SessionBuilder};

    fn refusal(builder: &SessionBuilder, occasion: Occasion) -> Option<String> {
        TOPICS.check(&builder.settings, occasion).err().map(|error| error.to_string())
    }

    #[test]
    fn contradictions_are_refused_by_name() {
        let builder = Session::builder;
        let provider = || Provider::openai("http://h/v1");
        let agent = CustomAgent::new("a", "p");
        for (builder, expected) in [
            (builder().raw("model", "x"), "`.model(..)`"),
            (builder().raw("hooks", true), "`.on_pre_tool_use(..)`"),
            (builder().raw("tools", "x"), "`.with_tools(..)`"),
            (
                builder().provider(provider()).named_provider("n", provider()),
                "`provider` and `named_provider`",
            ),
            (builder().provider(provider()).github_token("gho_1"), "`provider` and `github_token`"),
            (builder().available_tools(["*"]), "`custom:*`"),
            (builder().allowed_models([""; 0]), "`allowed_models`"),
            (builder().name(" "), "`name`"),
            (builder().custom_agent(agent.clone()).custom_agent(agent), "two custom agents"),
            (
                builder().named_provider("n", provider()).provider_model(ProviderModel::new("m", "x")),
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
    fn settings_of_new_and_of_resumed_sessions_are_told_apart() {
        let builder = Session::builder().raw("new", 1).name("n").model("m").provider(Provider::openai("u"));
        assert_eq!(refusal(&builder, Occasion::Create), None);
        assert!(refusal(&builder, Occasion::Resume).unwrap().contains("set_name"));
        let builder = Session::builder().disable_resume_event(true);
        assert_eq!(refusal(&builder, Occasion::Resume), None);
        assert!(refusal(&builder, Occasion::Create).unwrap().contains("`client.resume`"));
    }

    #[test]
    fn a_name_on_the_wire_belongs_to_one_topic() {
        let mut names: Vec<_> = ALL.iter().flat_map(|topic| topic.members).map(|(wire, _)| *wire).collect();
        names.extend(ALL.iter().flat_map(|topic| topic.requests).map(|(method, _)| *method));
        names.extend(ALL.iter().flat_map(|topic| topic.events).map(|(event, _)| *event));
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
