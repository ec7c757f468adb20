//! Differences of old CLIs: protocol 2, the first vocabulary of permissions, missing features. On the fake CLI;
//! `tests/matrix/run` shows the same on the real ones.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};

use copilot::permissions::PermissionKind;
use copilot::testing::FakeCli;
use copilot::{Decision, ErrorKind, Permissions, State, ToolContext};
use copilot_tests::fake::{Fake, settle};
use serde_json::{Value, json};

const VERSIONS: [&str; 9] =
    ["0.0.394", "0.0.403", "0.0.423", "1.0.10", "1.0.32", "1.0.57", "1.0.82", "1.0.92", "1.0.102"];

/// Destroy something.
#[copilot::tool(destructive)]
fn destroy() -> &'static str {
    "destroyed"
}

/// Do something that needs no permission.
#[copilot::tool(skip_permission)]
fn tidy_up() -> &'static str {
    "tidied"
}

/// Look at something.
#[copilot::tool(read_only)]
fn look() -> &'static str {
    "seen"
}

/// Wait to be cancelled.
#[copilot::tool]
async fn wait(cx: &ToolContext, ended: State<Arc<AtomicBool>>) -> &'static str {
    cx.cancelled().await;
    ended.store(true, Ordering::SeqCst);
    "cancelled"
}

/// The answer to a tool call without a permission request before it, as in protocol 2.
async fn called(permissions: Permissions, tool: &str) -> (Value, Value) {
    let fake = Fake::of_version("0.0.394").await;
    let tools = [destroy::TOOL, tidy_up::TOOL, look::TOOL];
    let session = fake.session().with_tools(tools).permissions(permissions).start().await;
    let session = session.expect("the played CLI opens every session");
    let result = fake.cli.call_tool(session.id(), tool, json!({})).await;
    (result["resultType"].clone(), result["textResultForLlm"].clone())
}

#[tokio::test(start_paused = true)]
async fn protocol_2_runs_no_tool_that_the_program_does_not_permit() {
    let done = |text: &str| (json!("success"), json!(text));
    assert_eq!(called(Permissions::default(), "look").await, done("seen"));
    assert_eq!(called(Permissions::default(), "tidy_up").await, done("tidied"));
    assert_eq!(called(Permissions::approve_all(), "destroy").await, done("destroyed"));
    for (permissions, tool) in [(Permissions::default(), "destroy"), (Permissions::deny_all(), "look")] {
        let (kind, text) = called(permissions, tool).await;
        assert_eq!(kind, "denied", "{tool}");
        assert!(text.as_str().unwrap().starts_with("Permission denied"), "{text}");
    }
}

#[tokio::test(start_paused = true)]
async fn protocol_2_asks_the_programs_handler_about_its_tools_too() {
    let fake = Fake::of_version("0.0.403").await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let session = fake.session().with_tools([destroy::TOOL, look::TOOL]).on_permission({
        let asked = Arc::clone(&asked);
        move |request| {
            asked.lock().unwrap().push((request.kind().clone(), request.tool_name().map(str::to_owned)));
            let decision = match request.tool_name() {
                Some("destroy") => Decision::reject("not on Fridays"),
                _ => panic!("cannot decide"),
            };
            async { decision }
        }
    });
    let session = session.start().await.unwrap();
    let rejected = fake.cli.call_tool(session.id(), "destroy", json!({})).await;
    assert_eq!(rejected["textResultForLlm"], "The user rejected this call: not on Fridays");
    let undecided = fake.cli.call_tool(session.id(), "look", json!({})).await;
    assert_eq!(undecided["resultType"], "denied");
    let custom = |name: &str| (PermissionKind::CustomTool, Some(name.to_owned()));
    assert_eq!(*asked.lock().unwrap(), [custom("destroy"), custom("look")]);
}

#[tokio::test(start_paused = true)]
async fn every_generation_is_denied_in_its_own_words() {
    for (at, version) in VERSIONS.into_iter().enumerate() {
        let fake = Fake::of_version(version).await;
        let session = fake.session().start().await.unwrap();
        let ask = |request| fake.cli.ask_permission(session.id(), request);
        let denied = if at < 5 {
            json!({"kind": "denied-no-approval-rule-and-could-not-request-from-user"})
        } else {
            json!({"kind": "user-not-available"})
        };
        assert_eq!(ask(json!({"kind": "shell", "fullCommandText": "ls"})).await, denied, "{version}");
        // An unreadable request is answered too: old CLIs wait without a limit.
        assert_eq!(ask(json!({"kind": "shell", "commands": 1})).await, denied, "{version}");
        assert_eq!(ask(Value::Null).await, denied, "{version}");
        assert_eq!(fake.cli.requests("session.create")[0]["requestPermission"], true, "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_permission_undecided_at_the_end_of_the_session_is_denied_with_the_old_word() {
    let fake = Fake::of_version("0.0.394").await;
    let session = fake.session().on_permission(|_| std::future::pending::<Decision>()).start().await.unwrap();
    let params = json!({"sessionId": session.id(), "permissionRequest": {"kind": "shell"}});
    let asking = fake.cli.request("permission.request", params);
    let (answer, ()) = tokio::join!(asking, async {
        settle().await;
        session.close().await.unwrap();
    });
    // An error would be a yes to the oldest ones.
    let answer = answer.unwrap();
    assert_eq!(
        answer["result"]["kind"], "denied-no-approval-rule-and-could-not-request-from-user",
        "{answer}"
    );
}

#[tokio::test(start_paused = true)]
async fn what_other_clients_are_asked_is_not_ours_to_answer() {
    // Up to 1.0.57 everybody sees everything.
    for version in ["0.0.423", "1.0.57"] {
        let fake = Fake::of_version(version).await;
        let session = fake.session().with_tools([look::TOOL]).start().await.unwrap();
        let mut events = session.events();
        let other = "of-another-client".into();
        let call = fake.cli.call_tool(&other, "look", json!({})).start();
        let wish = fake.cli.ask_permission(&other, json!({"kind": "shell"})).start();
        settle().await;
        assert!(!call.is_answered() && !wish.is_answered(), "{version}");
        session.close().await.unwrap();
        while let Some(event) = events.next().await {
            assert!(!event.name().ends_with(".requested"), "{version}: {}", event.name());
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_abort_cancels_what_an_old_cli_does_not_call_back() {
    for version in ["0.0.394", "0.0.423"] {
        let fake = Fake::of_version(version).await;
        let ended = Arc::new(AtomicBool::new(false));
        let session =
            fake.session().with_tools([wait::TOOL]).state(Arc::clone(&ended)).start().await.unwrap();
        let call = fake.cli.call_tool(session.id(), "wait", json!({})).start();
        settle().await;
        fake.cli.event(session.id(), "abort", json!({"reason": "user_initiated"}));
        settle().await;
        assert!(ended.load(Ordering::SeqCst), "{version}");
        // A request is answered all the same; a question by event is settled, and needs no answer.
        assert_eq!(call.is_answered(), version == "0.0.394", "{version}");
        session.close().await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn sessions_are_detached_with_the_method_that_the_cli_knows() {
    for (version, way) in
        [("0.0.394", "session.destroy"), ("1.0.57", "session.destroy"), ("1.0.82", "session.detach")]
    {
        let fake = Fake::of_version(version).await;
        fake.session().start().await.unwrap().close().await.unwrap();
        let dropped = fake.session().start().await.unwrap().id().clone();
        assert_eq!(fake.cli.requested(way, 2).await[1], json!({"sessionId": dropped}), "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn what_a_cli_lacks_is_an_error_that_names_its_version() {
    for (version, named) in [("0.0.403", "0.0.403 (protocol 2)"), ("1.0.57", "1.0.57 (protocol 3)")] {
        let fake = Fake::of_version(version).await;
        assert_eq!(fake.client.cli_version().await.unwrap().version.as_deref(), Some(version));
        let session = fake.session().start().await.unwrap();
        let error = session.call::<_, Value>("session.tools.set", json!({"tools": []})).await.unwrap_err();
        assert!(error.is_unsupported() && error.to_string().contains(named), "{error}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_accepts_every_client_is_refused() {
    for version in ["0.0.394", "1.0.10", "1.0.32"] {
        let cli = FakeCli::of_version(version);
        let error = cli.client_builder().connection_token("secret").start().await.unwrap_err();
        let reported = error.to_string();
        assert!(error.kind() == ErrorKind::Unsupported && reported.contains(version), "{reported}");
        assert!(!reported.contains("secret"), "{reported}");
    }
    assert!(FakeCli::of_version("1.0.57").client_builder().connection_token("secret").start().await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_state_directory_that_the_cli_would_ignore_is_refused() {
    let state = tempfile::tempdir().unwrap();
    let start = async |version: &str, variables: &[&str]| {
        let cli = FakeCli::of_version(version);
        let builder = cli.client_builder().state_dir(state.path());
        variables.iter().fold(builder, |builder, name| builder.env(name, state.path())).start().await
    };
    let old = "1.0.9";
    for variables in [&[][..], &["XDG_STATE_HOME"], &["XDG_CONFIG_HOME"], &["HOME"]] {
        let error = start(old, variables).await.expect_err("it would use the directory of the user");
        assert!(
            error.kind() == ErrorKind::Unsupported && error.to_string().contains("`state_dir`"),
            "{error}"
        );
    }
    start(old, &["XDG_STATE_HOME", "XDG_CONFIG_HOME"]).await.unwrap();
    start("1.0.10", &[]).await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_setting_that_the_cli_would_ignore_is_refused_before_the_session_is_opened() {
    let fake = Fake::of_version("1.0.32").await;
    let error = fake.session().agent("latin").start().await.unwrap_err();
    assert!(error.kind() == ErrorKind::Unsupported && error.to_string().contains("`agent`"), "{error}");
    assert!(fake.cli.requests("session.create").is_empty());
}

#[tokio::test(start_paused = true)]
async fn tools_that_are_not_available_are_excluded_where_the_cli_does_not() {
    for (version, excluded) in [("1.0.82", json!(["custom:tidy_up"])), ("1.0.102", Value::Null)] {
        let fake = Fake::of_version(version).await;
        let session = fake.session().with_tools([look::TOOL, tidy_up::TOOL]).available_tools(["look"]);
        let _session = session.start().await.unwrap();
        assert_eq!(fake.cli.requests("session.create")[0]["excludedTools"], excluded, "{version}");
    }
}
