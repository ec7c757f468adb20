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
    &crate::session::recovery::announcements::TOPIC,
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
    use crate::agents::{Agents, CustomAgent};
    use crate::discovery::Discovery;
    use crate::instructions::Instructions;
    use crate::mcp::McpServer;
    use crate::memory::InfiniteSessions;
    use crate::models::ModelOptions;
    use crate::providers::{Provider, ProviderModel, Providers};
    use crate::session::core::Occasion;
    use crate::session::paths::Files;
    use crate::skills::Skills;
    use crate::tool_filter::{LargeOutput, ToolOptions};
    use crate::unstable::Unstable;
    use crate::workspace::Workspace;
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
        let builder =
            Session::builder().raw("new", 1).name("n").model("m").provider(Provider::openai("http://u"));
        assert_eq!(refusal(&builder, Occasion::Create), None);
        assert!(refusal(&builder, Occasion::Resume).unwrap().contains("set_name"));
        let builder = Session::builder().resume_options(crate::resume::Resume::new().event(false));
        assert_eq!(refusal(&builder, Occasion::Resume), None);
        assert!(refusal(&builder, Occasion::Create).unwrap().contains("`client.resume`"));
    }

    #[test]
    fn relative_paths_start_from_the_working_directory() {
        let root = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(root.path().join("project/skills")).unwrap();
        let at = |path: &str| root.path().join(path).to_str().unwrap().to_owned();
        let mut members = Session::builder()
            .working_directory("./project")
            .skills(Skills::new().directories(["skills"]))
            .workspace(Workspace::new().additional_directories([at("project")]).config_dir("made-later"))
            .agents(Agents::new().directories(["skills"]))
            .discovery(Discovery::new().hook_directories(["skills"]).plugin_directories(["skills"]))
            .instructions(Instructions::new().directories(["skills"]))
            .unstable(Unstable::new().extension_sdk_path("sdk"))
            .tool_options(ToolOptions::new().large_output(LargeOutput::new().output_dir("output")))
            .mcp_server("x", McpServer::stdio("x").cwd("skills"))
            .custom_agent(CustomAgent::new("a", "p").mcp_server("y", McpServer::stdio("y").cwd("skills")))
            .settings
            .members;
        let files = TOPICS.resolve(&mut members, Files::here(root.path().to_owned(), true)).unwrap();
        let wire = serde_json::to_value(&members).unwrap();
        for (path, expected) in [
            (&wire["workingDirectory"], "project"),
            (&wire["skillDirectories"][0], "project/skills"),
            (&wire["additionalDirectories"][0], "project"),
            (&wire["configDir"], "project/made-later"),
            (&wire["agentDirectories"][0], "project/skills"),
            (&wire["hookDirectories"][0], "project/skills"),
            (&wire["pluginDirectories"][0], "project/skills"),
            (&wire["instructionDirectories"][0], "project/skills"),
            (&wire["extensionSdkPath"], "project/sdk"),
            (&wire["largeOutput"]["outputDir"], "project/output"),
            (&wire["mcpServers"]["x"]["cwd"], "project/skills"),
            (&wire["customAgents"][0]["mcpServers"]["y"]["cwd"], "project/skills"),
        ] {
            assert_eq!(*path, at(expected));
        }
        assert_eq!(files.absolute("a message", "a.rs").unwrap(), at("project/a.rs"));
    }

    #[cfg(unix)]
    #[test]
    fn the_directory_of_long_output_is_created_for_this_user_alone() {
        use std::os::unix::fs::PermissionsExt as _;

        let root = tempfile::tempdir().unwrap();
        let resolve = |directory: &str, checked| {
            let output = LargeOutput::new().output_dir(directory);
            let builder = Session::builder().tool_options(ToolOptions::new().large_output(output));
            let files = Files::here(root.path().to_owned(), checked);
            TOPICS.resolve(&mut builder.settings.members.clone(), files).map(drop)
        };
        let mode = |path: &str| {
            let metadata = std::fs::metadata(root.path().join(path));
            metadata.map(|metadata| metadata.permissions().mode() & 0o777).ok()
        };
        resolve("made/here", true).unwrap();
        assert_eq!((mode("made"), mode("made/here")), (Some(0o700), Some(0o700)));
        let shared = std::fs::Permissions::from_mode(0o755);
        std::fs::set_permissions(root.path().join("made/here"), shared).unwrap();
        resolve("made/here", true).unwrap();
        assert_eq!(mode("made/here"), Some(0o755));
        resolve("elsewhere", false).unwrap();
        assert_eq!(mode("elsewhere"), None);
        std::fs::write(root.path().join("file"), "").unwrap();
        let refused = resolve("file", true).unwrap_err().to_string();
        assert!(refused.starts_with("`LargeOutput::output_dir` is "), "{refused}");
        assert!(refused.contains("which cannot be created: "), "{refused}");
    }

    #[test]
    fn a_path_that_does_not_exist_is_refused_by_name() {
        let root = tempfile::tempdir().unwrap();
        std::fs::write(root.path().join("file"), "").unwrap();
        let file = root.path().join("file").to_str().unwrap().to_owned();
        let builder = Session::builder;
        let directories = ["missing"];
        for (builder, setter, why) in [
            (builder().working_directory("missing"), "working_directory", "does not exist"),
            (builder().working_directory(&file), "working_directory", "not a directory"),
            (
                builder().workspace(Workspace::new().additional_directories(directories)),
                "Workspace::additional_directories",
                "does not exist",
            ),
            (
                builder().skills(Skills::new().directories(directories)),
                "Skills::directories",
                "does not exist",
            ),
            (
                builder().agents(Agents::new().directories(directories)),
                "Agents::directories",
                "does not exist",
            ),
            (
                builder().discovery(Discovery::new().hook_directories(directories)),
                "Discovery::hook_directories",
                "does not exist",
            ),
            (
                builder().instructions(Instructions::new().directories(directories)),
                "Instructions::directories",
                "does not exist",
            ),
            (
                builder().discovery(Discovery::new().plugin_directories(directories)),
                "Discovery::plugin_directories",
                "does not exist",
            ),
            (
                builder().mcp_server("x", McpServer::stdio("x").cwd("missing")),
                "MCP server x",
                "does not exist",
            ),
            (builder().working_directory(""), "working_directory", "empty"),
            (builder().workspace(Workspace::new().config_dir("a\0b")), "Workspace::config_dir", r"'\0'"),
        ] {
            let mut members = builder.settings.members;
            let files = Files::here(root.path().to_owned(), true);
            let refused = TOPICS.resolve(&mut members, files).unwrap_err().to_string();
            assert!(refused.contains(setter) && refused.contains(why), "{refused}");
        }
    }

    #[test]
    fn paths_elsewhere_stay_unchanged() {
        for path in ["/no/such/directory", r"C:\no\such", r"\\server\no\such"] {
            let builder =
                Session::builder().working_directory(path).skills(Skills::new().directories([path]));
            let mut members = builder.settings.members;
            TOPICS.resolve(&mut members, Files::ELSEWHERE).unwrap();
            let wire = serde_json::to_value(&members).unwrap();
            assert_eq!(
                (&wire["workingDirectory"], &wire["skillDirectories"][0]),
                (&path.into(), &path.into())
            );
        }
        let mut members = Session::builder().working_directory("relative").settings.members;
        let refused = TOPICS.resolve(&mut members, Files::ELSEWHERE).unwrap_err().to_string();
        assert!(
            refused.contains("`working_directory` is \"relative\"") && refused.contains("absolute"),
            "{refused}"
        );
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
