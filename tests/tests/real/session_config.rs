//! The settings of a session, on the real CLI.

use copilot::agents::{Agents, CustomAgent};
use copilot::attachments::{GithubFileVersion, GithubReferenceKind, GithubRepo, GithubRevision, Position};
use copilot::diagnostics::Diagnostics;
use copilot::discovery::Discovery;
use copilot::instructions::Instructions;
use copilot::limits::Limits;
use copilot::mcp::{Mcp, McpServer, McpStatus};
use copilot::memory::Memory;
use copilot::models::ModelOptions;
use copilot::permissions::PermissionKind;
use copilot::providers::{ProviderModel, Providers};
use copilot::resume::Resume;
use copilot::skills::Skills;
use copilot::system_message::SystemMessage;
use copilot::testing::{Script, hermetic_client};
use copilot::tool_filter::{ToolFilter, ToolOptions, ToolSearch};
use copilot::trace::TraceContext;
use copilot::unstable::Unstable;
use copilot::workspace::Workspace;
use copilot::{Attachment, ErrorKind, Message, Permissions};
use copilot_tests::files::{RED_DOT_PNG, write_skills};
use copilot_tests::mcp_http::McpHttp;
use copilot_tests::real::Real;
use serde_json::json;

use crate::providers::increment;

/// Say something long.
#[copilot::tool(read_only)]
pub(crate) async fn long() -> String {
    "all work and no play ".repeat(3000)
}

#[tokio::test]
async fn an_mcp_server_over_pipes_gives_its_tools() {
    let script = Script::new()
        .expect("only one of its tools", |request| {
            let names = request.tool_names();
            names.contains(&"echo-say") && !names.contains(&"echo-shout")
        })
        .call("echo-say", json!({"text": "there"}))
        .expect_tool_result("echo-say", |text| text.contains("hello there"))
        .say("It greets.");
    let real = Real::over_stdio(script).await;
    let server = McpServer::stdio(env!("CARGO_BIN_EXE_mcp-echo")).env("GREETING", "hello ").tools(["say"]);
    let session = real
        .session()
        .mcp_server("echo", server)
        .mcp_server("broken", McpServer::stdio("/does/not/exist"))
        .permissions(Permissions::deny_all().allow(PermissionKind::Mcp))
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("Greet.").await.unwrap().text(), "It greets.");
    let servers = session.mcp().servers().await.unwrap();
    let status = |name: &str| servers.iter().find(|server| server.name == name).unwrap().status.clone();
    assert_eq!((status("echo"), status("broken")), (McpStatus::Connected, McpStatus::Failed));
    session.close().await.unwrap();
    real.finish().await;
}

#[tokio::test]
async fn an_mcp_server_over_http_gives_its_tools() {
    for sse in [false, true] {
        let script = Script::new()
            .call("greeter-say", json!({"text": "there"}))
            .expect_tool_result("greeter-say", |text| text.contains("hello there"))
            .say("It greets.");
        let real = Real::over_stdio(script).await;
        let server = McpHttp::start().await;
        let config = if sse { McpServer::sse(server.events()) } else { McpServer::http(server.streamable()) };
        let session = real
            .session()
            .mcp_server("greeter", config.header("Greeting", "hello"))
            .permissions(Permissions::deny_all().allow(PermissionKind::Mcp))
            .start()
            .await
            .unwrap();
        assert_eq!(session.ask("Greet.").await.unwrap().text(), "It greets.", "sse: {sse}");
        let tools = session.mcp().tools("greeter").await.unwrap();
        assert_eq!(tools.iter().map(|tool| tool.name.as_str()).collect::<Vec<_>>(), ["say"]);
        let status = async || session.mcp().servers().await.unwrap()[0].status.clone();
        assert_eq!(status().await, McpStatus::Connected, "sse: {sse}");
        session.mcp().disable("greeter").await.unwrap();
        assert_eq!(status().await, McpStatus::Disabled);
        assert!(session.mcp().tools("greeter").await.unwrap_err().to_string().contains("not connected"));
        session.mcp().enable("greeter").await.unwrap();
        assert_eq!(status().await, McpStatus::Connected);
        real.finish().await;
    }
}

#[tokio::test]
async fn a_session_can_talk_to_a_custom_agent() {
    let script = Script::new()
        .expect("the agent's instructions", |request| {
            request.system().is_some_and(|text| text.contains("You only speak Latin."))
        })
        .expect("the agent's tools", |request| {
            // Two of the CLI's own are there whatever the agent says.
            let own = |name: &&str| !matches!(*name, "skill" | "sql");
            request.tool_names().into_iter().filter(own).eq(["increment"])
        })
        .say("Salve.");
    let real = Real::over_stdio(script).await;
    let agent = CustomAgent::new("latin", "You only speak Latin.").tools(["increment"]);
    let session = real
        .session()
        .custom_agent(agent)
        .agent("latin")
        .with_tools([increment::TOOL])
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("Hello.").await.unwrap().text(), "Salve.");
    assert_eq!(session.agents().current().await.unwrap().unwrap().name, "latin");
    session.agents().deselect().await.unwrap();
    assert_eq!(session.agents().current().await.unwrap(), None);
    session.agents().select("latin").await.unwrap();
    let names: Vec<_> = session.agents().list().await.unwrap().into_iter().map(|agent| agent.name).collect();
    assert_eq!(names, ["latin"]);
    assert!(session.agents().select("greek").await.unwrap_err().to_string().contains("greek"));
    real.finish().await;
}

#[tokio::test]
async fn skills_come_from_directories_and_can_be_disabled() {
    let real = Real::over_stdio(Script::new()).await;
    let skills = real.state.path().join("skills");
    write_skills(&skills, &["juggling", "whistling"]);
    let session = real
        .session()
        .skills(Skills::new().directories([skills.to_str().unwrap()]))
        .skills(Skills::new().disabled(["whistling"]))
        .start()
        .await
        .unwrap();
    let skills = session.skills().list().await.unwrap();
    let enabled = |name: &str| skills.iter().find(|skill| skill.name == name).map(|skill| skill.enabled);
    assert_eq!((enabled("juggling"), enabled("whistling")), (Some(true), Some(false)));
    assert_eq!(session.skills().reload().await.unwrap().errors, [""; 0]);
    session.skills().disable("juggling").await.unwrap();
    session.skills().enable("whistling").await.unwrap();
    let skills = session.skills().list().await.unwrap();
    let enabled = |name: &str| skills.iter().find(|skill| skill.name == name).map(|skill| skill.enabled);
    assert_eq!((enabled("juggling"), enabled("whistling")), (Some(false), Some(true)));
    real.finish().await;
}

#[tokio::test]
async fn tools_are_filtered_by_name_and_source() {
    let script = Script::new()
        .expect("these tools", |request| {
            let mut names = request.tool_names();
            names.sort_unstable();
            names == ["increment", "view"]
        })
        .say("Few.");
    let real = Real::over_stdio(script).await;
    let session = real
        .session()
        .with_tools([increment::TOOL, long::TOOL])
        .available_tools([ToolFilter::all_custom(), ToolFilter::builtin("view"), "builtin:bash".into()])
        .excluded_tools(["bash", "custom:long"])
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("Which?").await.unwrap().text(), "Few.");
    let refused = real.session().available_tools(["*"]).start().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    real.finish().await;
}

#[tokio::test]
async fn several_providers_have_models_of_their_own() {
    let script = Script::new()
        .expect("the endpoint's own name for the model", |request| request.model() == "big-2025")
        .say("Big.");
    let real = Real::over_stdio(script).await;
    let session = real
        .client
        .session()
        .providers(
            Providers::new()
                .provider("here", real.model.provider())
                .model(ProviderModel::new("here", "big").wire_model("big-2025"))
                .model(ProviderModel::new("here", "small")),
        )
        .model("here/big")
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("Who are you?").await.unwrap().text(), "Big.");
    assert_eq!(session.current_model().await.unwrap().model_id.as_deref(), Some("here/big"));
    session.set_model("here/small").await.unwrap();
    assert_eq!(session.current_model().await.unwrap().model_id.as_deref(), Some("here/small"));
    real.finish().await;
}

#[tokio::test]
async fn an_empty_session_gets_nothing_by_itself() {
    let script = Script::new()
        .expect("one tool", |request| request.tool_names() == ["increment"])
        .expect("nothing of this machine", |request| {
            let system = request.system().unwrap_or_default();
            !system.contains("Current working directory") && !system.contains("never say never")
        })
        .say("Quiet.");
    let real = Real::over_stdio(script).await;
    std::fs::write(real.state.path().join("AGENTS.md"), "Rule one: never say never.\n").unwrap();
    let builder = real.session().isolated().with_tools([increment::TOOL, long::TOOL]);
    let session = builder.available_tools([ToolFilter::custom("increment")]).start().await.unwrap();
    assert_eq!(session.ask("Anything?").await.unwrap().text(), "Quiet.");
    let refused = real.session().isolated().start().await.unwrap_err();
    assert!(refused.to_string().contains("`available_tools`"), "{refused}");
    real.finish().await;
}

#[tokio::test]
async fn every_member_is_taken_by_the_cli() {
    let real = Real::over_stdio(Script::new().say("Fine.")).await;
    let here = real.state.path().to_str().unwrap();
    let session = real
        .session()
        .name("everything")
        .model_options(ModelOptions::new().client_name("copilot-tests"))
        .system_message(SystemMessage::append("Be brief."))
        .model_options(ModelOptions::new().reasoning_summary(copilot::models::ReasoningSummary::Concise))
        .model_options(ModelOptions::new().context_tier(copilot::models::ContextTier::Default))
        .model_options(ModelOptions::new().allowed([real.model.model_name()]))
        .memory(Memory::new().enabled(false))
        .tool_options(ToolOptions::new().search(ToolSearch::new().enabled(false).defer_threshold(50)))
        .model_options(
            ModelOptions::new().image_generation(copilot::models::ImageGeneration::new().enabled(false)),
        )
        .autopilot(copilot::modes::Autopilot::new().continuation_enabled(true).max_continues(2))
        .model_options(
            ModelOptions::new()
                .copilot_api(copilot::models::CopilotApi::new().enable_web_socket_responses(false)),
        )
        .mcp(
            Mcp::new()
                .github(copilot::mcp::GithubMcp::new().enable_all_tools(false).additional_toolsets(["x"])),
        )
        .mcp(Mcp::new().token_storage(copilot::memory::Storage::InMemory))
        .unstable(Unstable::new().embedding_cache(copilot::memory::Storage::InMemory))
        .unstable(Unstable::new().remote_session(copilot::unstable::RemoteSession::Off))
        .workspace(Workspace::new().trust(copilot::workspace::Trust::Session))
        .limits(Limits::new().max_ai_credits(30.0))
        .working_directory(here)
        .workspace(Workspace::new().additional_directories([here]))
        .agents(Agents::new().directories([here]))
        .discovery(Discovery::new().hook_directories([here]))
        .instructions(Instructions::new().directories([here]))
        .discovery(Discovery::new().plugin_directories([here]))
        .instructions(Instructions::new().organization("Be kind."))
        .agents(Agents::new().default_excluded_tools(["bash"]))
        .agents(Agents::new().excluded_builtin(["explore"]))
        .mcp(Mcp::new().disabled_servers(["nothing"]))
        .skills(Skills::new().builtin([""; 0]))
        .agents(Agents::new().local_only(true))
        .agents(Agents::new().sub_agent_streaming(false))
        .instructions(Instructions::new().refresh(false))
        .instructions(Instructions::new().on_demand(false))
        .instructions(Instructions::new().files(false))
        .discovery(Discovery::new().agents_and_skills(false))
        .skills(Skills::new().enabled(false))
        .discovery(Discovery::new().file_hooks(false))
        .workspace(Workspace::new().host_git_operations(false))
        .unstable(Unstable::new().session_store(false))
        .diagnostics(Diagnostics::new().session_telemetry(false))
        .model_options(ModelOptions::new().citations(false))
        .workspace(Workspace::new().file_change_tracking(false))
        .unstable(Unstable::new().experimental(false))
        .unstable(Unstable::new().interactive_user(false))
        .unstable(Unstable::new().embedding_retrieval(false))
        .workspace(Workspace::new().coauthor(false))
        .unstable(Unstable::new().manage_schedule(false))
        .diagnostics(
            Diagnostics::new()
                .trace_context(TraceContext::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")),
        )
        .start()
        .await
        .unwrap();
    assert_eq!(session.ask("All right?").await.unwrap().text(), "Fine.");
    assert_eq!(session.name().await.unwrap().as_deref(), Some("everything"));
    let request = real.model.request(0).await;
    let system = request.system().unwrap();
    assert!(system.contains("Be brief.") && system.contains("Be kind."), "{system}");
    assert!(!request.tool_names().contains(&"bash"));
    real.finish().await;
}

#[tokio::test]
async fn attachments_survive_a_resume() {
    let script = Script::new().say("Seen.").say("Again.");
    let real = Real::over_stdio(script).await;
    let file = real.state.path().join("notes.txt");
    std::fs::write(&file, "one\ntwo\nthree\n").unwrap();
    let repo = GithubRepo::new("octo", "cat");
    let message = Message::new("Look.")
        .attach(Attachment::file(file.to_str().unwrap()).lines(2..=3))
        .attach(Attachment::directory(real.state.path().to_str().unwrap()))
        .attach(Attachment::blob(RED_DOT_PNG, "image/png").display_name("dot.png"))
        .attach(Attachment::github(GithubReferenceKind::Issue, &repo, 42, "It breaks", "open"))
        .attach(Attachment::github_commit(repo.clone(), "0123abcd", "Mend it"))
        .attach(Attachment::github_release(repo.clone(), "v1", "One"))
        .attach(Attachment::github_actions_job(
            repo.clone(),
            7,
            "test",
            "CI",
            "https://github.com/octo/cat/actions",
        ))
        .attach(Attachment::github_repository(repo.clone()))
        .attach(Attachment::github_file(repo.clone(), "main", "a.rs"))
        .attach(Attachment::github_file(repo, "main", "a.rs").lines(1..=2))
        .attach(Attachment::github_url("https://github.com/octo/cat/wiki"))
        .display_prompt("Look at all this.")
        .trace_context(TraceContext::new("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"));
    let session = real.session().start().await.unwrap();
    assert_eq!(session.ask(message).await.unwrap().text(), "Seen.");
    let prompt = real.model.request(0).await.raw().to_string();
    for part in ["notes.txt", "It breaks", "0123abcd"] {
        assert!(prompt.contains(part), "{part}: {prompt}");
    }
    let id = session.id().clone();
    session.close().await.unwrap();
    let resumed =
        real.client.resume(id).scripted_model(&real.model).resume_options(Resume::new().event(false));
    let resumed = resumed.resume_options(Resume::new().continue_pending_work(true)).start().await.unwrap();
    let shown = resumed
        .history()
        .events()
        .await
        .unwrap()
        .iter()
        .any(|event| event.raw_data().contains("Look at all this."));
    assert!(shown);
    assert_eq!(resumed.ask("Once more.").await.unwrap().text(), "Again.");
    real.finish().await;
}

#[tokio::test]
async fn a_session_with_any_attachment_can_be_resumed_by_another_cli() {
    let script = || Script::new().for_every_conversation().say("Seen.").say("Again.");
    let first = Real::over_stdio(script()).await;
    let file = first.state.path().join("notes.txt");
    std::fs::write(&file, "one\ntwo\nthree\n").unwrap();
    let (file, here) = (file.to_str().unwrap(), first.state.path().to_str().unwrap());
    let repo = || GithubRepo::new("octo", "cat");
    let version = |reference| GithubFileVersion::new(repo(), reference, "a.rs");
    let (start, end) = (Position { line: 0, character: 0 }, Position { line: 0, character: 3 });
    let attachments = [
        ("file", Attachment::file(file)),
        ("lines", Attachment::file(file).lines(2..=3)),
        ("missing", Attachment::selection("/does/not/exist.txt", "one", start, end)),
        ("directory", Attachment::directory(here)),
        ("selection", Attachment::selection(file, "one", start, end)),
        ("blob", Attachment::blob(RED_DOT_PNG, "image/png").display_name("dot.png")),
        ("text-blob", Attachment::blob("some text", "text/plain")),
        ("issue", Attachment::github(GithubReferenceKind::Issue, &repo(), 42, "It breaks", "open")),
        ("commit", Attachment::github_commit(repo(), "0123abcd", "Mend it")),
        ("release", Attachment::github_release(repo(), "v1", "One")),
        (
            "job",
            Attachment::github_actions_job(repo(), 7, "test", "CI", "https://github.com/octo/cat/actions"),
        ),
        ("repository", Attachment::github_repository(repo())),
        ("github-file", Attachment::github_file(repo(), "main", "a.rs")),
        ("snippet", Attachment::github_file(repo(), "main", "a.rs").lines(1..=2)),
        ("url", Attachment::github_url("https://github.com/octo/cat/wiki")),
        (
            "diff",
            Attachment::github_file_diff(
                version("main"),
                version("fix"),
                "https://github.com/octo/cat/pull/1/files",
            ),
        ),
        (
            "new",
            Attachment::github_file_diff(None, version("fix"), "https://github.com/octo/cat/pull/1/files"),
        ),
        (
            "comparison",
            Attachment::github_comparison(
                GithubRevision::new(repo(), "main"),
                GithubRevision::new(repo(), "fix"),
            ),
        ),
        (
            "context",
            Attachment::extension_context("ext", "A board", json!({"cards": 3}), "2026-01-01T00:00:00Z"),
        ),
    ];
    let mut sessions = Vec::new();
    for (name, attachment) in attachments {
        let session = first.session().id(name).start().await.unwrap();
        let reply = session.ask(Message::new(format!("Look at {name}.")).attach(attachment)).await;
        assert_eq!(reply.unwrap_or_else(|error| panic!("{name}: {error}")).text(), "Seen.");
        session.close().await.unwrap();
        sessions.push(name);
    }
    first.client.shutdown().await.unwrap();

    let second = hermetic_client(first.state.path()).start().await.unwrap();
    for name in sessions {
        let resumed = second.resume(name).scripted_model(&first.model).start().await;
        let resumed = resumed.unwrap_or_else(|error| panic!("{name}: {error}"));
        let history = resumed.history().events().await.unwrap();
        let attached = |event: &copilot::Event| {
            let data: serde_json::Value = event.data().unwrap();
            event.name() == "user.message"
                && data["attachments"].as_array().is_some_and(|list| list.len() == 1)
        };
        assert!(history.iter().any(attached), "{name}");
        assert_eq!(resumed.ask("Once more.").await.unwrap().text(), "Again.", "{name}");
    }
    second.shutdown().await.unwrap();
}
