//! What a session runs in: its sandbox, its administrator, experiments, extensions and diagnostics.

use std::time::Duration;

use copilot::agents::{AgentHook, AgentHookEvent, CustomAgent};
use copilot::diagnostics::{DiagnosticLevel, Diagnostics, LifecycleDiagnostics};
use copilot::managed::{BypassMode, ManagedPermissions, ManagedSettings};
use copilot::mcp::Mcp;
use copilot::providers::{ModelMaker, Provider};
use copilot::sandbox::{Sandbox, SandboxFiles, SandboxLogins, SandboxNetwork, SandboxProxy};
use copilot::testing::Script;
use copilot::unstable::{AskUserVariant, Experiments, Unstable};
use copilot::user_input::UserInputResponse;
use copilot::{Client, ErrorKind, Session, SessionBuilder};
use copilot_tests::fake::Fake;
use copilot_tests::real::Real;
use serde_json::{Value, json};

fn sandbox() -> Sandbox {
    Sandbox::on()
        .working_directory(true)
        .bypass(false)
        .dev_tools(false)
        .mcp_servers(true)
        .lsp_servers(true)
        .extensions(true)
        .keychain(false)
        .logins(SandboxLogins::new().git(false).gh(false))
        .files(SandboxFiles::new().readonly(["/usr"]).readwrite(["/var/tmp"]).denied(["/root"]))
        .network(
            SandboxNetwork::new()
                .outbound(false)
                .local(true)
                .allowed_hosts(["a.example"])
                .blocked_hosts(["b.example"])
                .proxy(SandboxProxy::new("http://proxy.example:3128").login("user", "word")),
        )
}

fn rules() -> ManagedPermissions {
    ManagedPermissions::new()
        .deny(["shell(rm)"])
        .ask(["write"])
        .allow(["read"])
        .limit_to(["Domain(example.com)"])
        .bypass(BypassMode::Disable)
        .no_assistance(true)
}

fn everything(builder: SessionBuilder) -> SessionBuilder {
    builder
        .sandbox(sandbox())
        .managed_settings(ManagedSettings::new().permissions(rules()))
        .managed_settings(ManagedSettings::new().excluded(["permissions.deny"]))
        .managed_settings(ManagedSettings::new().enforce_model(true))
        .unstable(Unstable::new().feature_flag("one", true))
        .unstable(Unstable::new().feature_flag("two", false))
        .unstable(
            Unstable::new().experiments(
                Experiments::new("context").feature("f").flight("a", "b").config("c", [("p", 1)]),
            ),
        )
        .unstable(Unstable::new().extensions(true))
        .unstable(Unstable::new().extension_sdk_path("/nowhere"))
        .unstable(Unstable::new().extension_info("copilot-tests", "surroundings"))
        .mcp(Mcp::new().apps(true))
        .unstable(Unstable::new().ask_user_variant(AskUserVariant::Form))
        .diagnostics(Diagnostics::new().mcp_servers(DiagnosticLevel::Debug))
        .diagnostics(Diagnostics::new().lifecycle(LifecycleDiagnostics::new().expose(true).persist(true)))
}

#[tokio::test(start_paused = true)]
async fn each_setting_is_a_member_of_create_and_resume() {
    let fake = Fake::start().await;
    let session = everything(fake.session())
        .managed_settings(ManagedSettings::new().fetch(true))
        .start()
        .await
        .unwrap();
    let id = session.id().clone();
    session.close().await.unwrap();
    everything(fake.client.resume(id))
        .managed_settings(ManagedSettings::new().fetch(true))
        .start()
        .await
        .unwrap();
    for method in ["session.create", "session.resume"] {
        let sent = &fake.cli.requests(method)[0];
        for (member, value) in [
            ("enableManagedSettings", json!(true)),
            ("excludedManagedSettings", json!(["permissions.deny"])),
            ("enforceManagedModelDefaults", json!(true)),
            ("featureFlags", json!({"one": true, "two": false})),
            ("requestExtensions", json!(true)),
            ("extensionSdkPath", json!("/nowhere")),
            ("extensionInfo", json!({"source": "copilot-tests", "name": "surroundings"})),
            ("requestMcpApps", json!(true)),
            ("askUserVariant", json!("elicitation")),
            ("diagnostics", json!({"sources": {"mcp": {"level": "debug"}}})),
            ("lifecycleDiagnostics", json!({"expose": true, "persist": true})),
        ] {
            assert_eq!(sent[member], value, "{method}: {member}");
        }
        assert_eq!(sent["sandboxConfig"]["userPolicy"]["filesystem"]["deniedPaths"], json!(["/root"]));
        assert_eq!(sent["managedSettings"]["permissions"]["disableBypassPermissionsMode"], "disable");
        assert_eq!(sent["expAssignments"]["Configs"], json!([{"Id": "c", "Parameters": {"p": 1}}]));
    }
}

#[tokio::test(start_paused = true)]
async fn what_has_a_setter_is_not_taken_raw() {
    let fake = Fake::start().await;
    for (member, hint) in [
        ("sandboxConfig", "`.sandbox(..)`"),
        ("managedSettings", "`.managed_settings(ManagedSettings::new().permissions(..))`"),
        ("featureFlags", "`.unstable(Unstable::new().feature_flag(..))`"),
        ("cloud", "gives such sessions their ids itself"),
    ] {
        let refused = fake.session().raw(member, json!({})).start().await.unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Configuration);
        assert!(refused.to_string().contains(hint), "{refused}");
    }
    assert_eq!(fake.cli.requests("session.create"), [Value::Null; 0]);
}

#[tokio::test]
async fn the_cli_takes_what_the_session_runs_in() {
    let real = Real::over_stdio(Script::new().say("Held in.")).await;
    let session = everything(real.session()).start().await.unwrap();
    // The CLI grants extensions, and no pages of MCP servers where they are not unlocked.
    assert_eq!(session.capabilities().extensions, Some(true));
    assert_eq!(session.capabilities().ui.mcp_apps, Some(false));
    assert_eq!(session.ask("Where are you?").await.unwrap().text(), "Held in.");
    // What the administrator rules out stays so: nobody switches permissions off.
    let switched: Value =
        session.call("session.permissions.setMode", json!({"mode": "allow-all"})).await.unwrap();
    assert_eq!(switched["success"], false);
    real.finish().await;
}

#[tokio::test]
async fn the_cli_refuses_levels_that_it_does_not_know() {
    let real = Real::over_stdio(Script::new()).await;
    let refused = real
        .session()
        .diagnostics(Diagnostics::new().mcp_servers(DiagnosticLevel::from("loud")))
        .start()
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("loud"), "{refused}");
    let refused = real
        .session()
        .unstable(Unstable::new().ask_user_variant(AskUserVariant::from("shout")))
        .start()
        .await
        .unwrap_err();
    assert!(refused.to_string().contains("askUserVariant"), "{refused}");
    real.finish().await;
}

#[tokio::test]
async fn the_model_asks_the_user_in_the_form_that_was_chosen() {
    let offers = |parameter: &'static str| {
        move |request: &copilot::testing::RecordedRequest| {
            let tool = request.tool("ask_user").expect("the CLI offers it where somebody answers");
            tool["parameters"]["properties"].get(parameter).is_some()
        }
    };
    let scripts = [
        Script::when("Question").expect("a question", offers("question")).say("A question."),
        Script::when("Form").expect("a form", offers("requestedSchema")).say("A form."),
    ];
    let real = Real::over_stdio(scripts).await;
    let builder = || {
        let builder = real.session().on_user_input(|_| async { UserInputResponse::new("yes") });
        builder.on_elicitation(|_| async { copilot::elicitation::ElicitationResponse::decline() })
    };
    let session =
        builder().unstable(Unstable::new().ask_user_variant(AskUserVariant::Question)).start().await.unwrap();
    assert_eq!(session.ask("Question?").await.unwrap().text(), "A question.");
    let session =
        builder().unstable(Unstable::new().ask_user_variant(AskUserVariant::Form)).start().await.unwrap();
    assert_eq!(session.ask("Form?").await.unwrap().text(), "A form.");
    real.finish().await;
}

#[tokio::test]
async fn an_agents_hooks_run_in_the_cli() {
    let real = Real::over_stdio(Script::new().say("Done.")).await;
    let hook = AgentHook::bash("cat > \"$MARK\"; echo '{}'")
        .cwd(real.state.path().to_str().unwrap())
        .env("MARK", "prompt.json")
        .timeout(Duration::from_secs(60));
    let agent =
        CustomAgent::new("careful", "You are careful.").hook(AgentHookEvent::UserPromptSubmitted, hook);
    let session = real.session().custom_agent(agent).agent("careful").start().await.unwrap();
    assert_eq!(session.ask("Mind the gap.").await.unwrap().text(), "Done.");
    let told = std::fs::read_to_string(real.state.path().join("prompt.json")).unwrap();
    assert!(told.contains("Mind the gap."), "{told}");
    real.finish().await;
}

#[tokio::test]
async fn a_command_gives_the_key() {
    let real = Real::over_stdio(Script::new().say("Let in.")).await;
    let provider = |command| {
        Provider::openai(real.model.base_url()).api_key_command(command).model_maker(ModelMaker::Ollama)
    };
    let builder = real.client.session().model("scripted").provider(provider("echo from-a-command"));
    let session = builder.start().await.unwrap();
    assert_eq!(session.ask("Knock.").await.unwrap().text(), "Let in.");
    assert_eq!(real.model.request(0).await.header("authorization"), Some("Bearer from-a-command"));
    let builder = real.client.session().model("scripted").provider(provider("exit 3"));
    let failed = builder.start().await.unwrap().ask("Knock.").await.unwrap_err();
    assert!(failed.to_string().contains("exited with status 3"), "{failed}");
    real.finish().await;
}

/// A program that writes its environment to a file and is no CLI.
#[cfg(unix)]
fn tell_tale(directory: &std::path::Path) -> std::path::PathBuf {
    use std::os::unix::fs::PermissionsExt as _;

    let path = directory.join("tell-tale");
    let script = format!("#!/bin/sh\nenv > '{}'\nexit 1\n", directory.join("environment").display());
    std::fs::write(&path, script).expect("the directory can be written");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o700)).expect("the file is there");
    path
}

#[cfg(unix)]
#[tokio::test]
async fn an_empty_session_keeps_away_from_what_is_the_users() {
    let directory = tempfile::tempdir().unwrap();
    let program = tell_tale(directory.path());
    let environment = directory.path().join("environment");
    let empty = |client| Session::builder().client(client).isolated().available_tools(["custom:*"]);

    // Where the client would share the user's files nothing is even started.
    let refused = empty(Client::builder().cli_path(&program)).start().await.unwrap_err();
    assert!(
        refused.kind() == ErrorKind::Configuration && refused.to_string().contains("`state_dir`"),
        "{refused}"
    );
    let shared = Client::builder().cli_path(&program).lazy().unwrap();
    let refused = shared.session().isolated().available_tools(["custom:*"]).start().await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Configuration);
    assert!(!environment.exists());

    let client = Client::builder().cli_path(&program).state_dir(directory.path().join("state"));
    empty(client).start().await.expect_err("it is no CLI");
    let told = std::fs::read_to_string(&environment).unwrap();
    assert!(told.lines().any(|line| line == "COPILOT_DISABLE_KEYTAR=1"), "{told}");
}
