//! Decisions that last, and decisions that are left to others, on the real CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::io::{BufRead as _, BufReader};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};

use copilot::install::Installer;
use copilot::permissions::PermissionKind;
use copilot::permissions::PermissionSubject;
use copilot::testing::{Script, ScriptedModel};
use copilot::{Client, Decision, EventKind, PermissionRequest, Permissions, State, ToolContext};
use copilot_tests::events::{next_event, within};
use copilot_tests::mcp::LoopbackMcp;
use copilot_tests::real::Real;
use copilot_tests::tested;
use serde_json::json;
use tokio::sync::Notify;

#[tokio::test]
async fn an_approval_of_an_address_lasts_for_its_origin() {
    let server = LoopbackMcp::open().await;
    let fetch = |path: &str| json!({"url": format!("{}/{path}", server.url)});
    let script = || Script::new().call("web_fetch", fetch("a")).call("web_fetch", fetch("b")).say("Done.");
    for for_all_sessions in [false, true] {
        let real = Real::over_stdio(script()).await;
        let asked = Arc::new(Mutex::new(Vec::new()));
        let session = real.session().on_permission({
            let asked = Arc::clone(&asked);
            move |request| {
                let (origin, subject) = (request.origin().unwrap().to_owned(), request.subject().unwrap());
                let answer = match for_all_sessions {
                    true => Decision::ApprovePermanently { domain: origin.clone() },
                    false => request.approve_for_session(),
                };
                asked.lock().unwrap().push((origin, subject));
                async move { answer }
            }
        });
        let session = session.start().await.unwrap();
        assert_eq!(session.ask("Fetch both.").await.unwrap().text(), "Done.");
        let asked = std::mem::take(&mut *asked.lock().unwrap());
        let [(origin, PermissionSubject::Url(address))] = &asked[..] else { panic!("asked {asked:?}") };
        assert!(address.url.starts_with(&server.url) && server.url.starts_with(origin), "{origin}");
        real.finish().await;
    }
}

#[tokio::test]
async fn a_rejection_lets_the_agent_continue_and_one_that_stops_ends_the_turn() {
    let bash = json!({"command": "echo x", "description": "x"});
    for (decision, reason) in [
        (Decision::reject("not today"), Some("not today")),
        (Decision::reject(""), Some("no reason was given")),
        (Decision::RejectAndStop, None),
    ] {
        let real = Real::over_stdio(Script::new().call("bash", bash.clone()).say("Then not.")).await;
        let session = real.session().on_permission(move |_| {
            let decision = decision.clone();
            async move { decision }
        });
        let reply = session.start().await.unwrap().ask("Run it.").await.unwrap();
        assert_eq!(reply.is_aborted(), reason.is_none(), "{reason:?}");
        let requests = real.model.requests();
        match reason {
            Some(reason) => {
                assert_eq!(reply.text(), "Then not.");
                let result = requests[1].tool_result("bash").unwrap();
                assert!(result.contains(reason), "{result}");
            }
            None => assert_eq!((requests.len(), reply.text()), (1, "")),
        }
    }
}

/// A CLI on a separate port, which several clients may use. It ends when this is dropped.
struct Served {
    child: Child,
    address: String,
}

const TOKEN: &str = "of-this-test";

impl Served {
    async fn start(state: &Path) -> Self {
        let cli = match std::env::var_os("COPILOT_CLI_PATH") {
            Some(path) => path.into(),
            None => Installer::new().ensure().await.unwrap(),
        };
        let mut child = Command::new(cli)
            .args(["--server", "--port", "0", "--no-auto-update", "--no-auto-login"])
            .current_dir(state)
            .env("COPILOT_HOME", state)
            .env("COPILOT_CONNECTION_TOKEN", TOKEN)
            .env("NO_PROXY", "127.0.0.1")
            .env("no_proxy", "127.0.0.1")
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let said = BufReader::new(child.stdout.take().unwrap()).lines().map_while(Result::ok);
        let port =
            said.filter_map(|line| line.split_once("on port ").map(|(_, port)| port.to_owned())).next();
        Self { child, address: format!("127.0.0.1:{}", port.unwrap()) }
    }

    async fn client(&self) -> Client {
        Client::builder().cli_url(&self.address).connection_token(TOKEN).start().await.unwrap()
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

#[tokio::test]
async fn a_client_that_has_no_say_leaves_the_decision_to_the_other_one() {
    if !tested::since([1, 0, 57]) {
        return tested::not_supported("over TCP it serves every client");
    }
    let script = Script::new()
        .call("bash", json!({"command": "echo hello", "description": "x"}))
        .expect_tool_result("bash", |text| text.starts_with("hello"))
        .say("Done.");
    let (model, state) = (ScriptedModel::start(script).await.unwrap(), tempfile::tempdir().unwrap());
    let cli = Served::start(state.path()).await;
    let asked = Arc::new(Mutex::new(Vec::new()));
    let says = |name: &'static str, decision: Decision| {
        let asked = Arc::clone(&asked);
        move |request: PermissionRequest| {
            assert_eq!(*request.kind(), PermissionKind::Shell);
            asked.lock().unwrap().push(name);
            let decision = decision.clone();
            async move { decision }
        }
    };
    let (one, two) = (cli.client().await, cli.client().await);
    let first = one.session().scripted_model(&model).on_permission(says("first", Decision::Later));
    let first = first.start().await.unwrap();
    let second = two.resume(first.id().clone()).scripted_model(&model);
    let second = second.on_permission(says("second", Decision::Approve)).start().await.unwrap();
    assert_eq!(first.ask("Say hello.").await.unwrap().text(), "Done.");
    let mut asked = std::mem::take(&mut *asked.lock().unwrap());
    asked.sort_unstable();
    assert_eq!(asked, ["first", "second"]);
    second.close().await.unwrap();
    one.shutdown().await.unwrap();
    two.shutdown().await.unwrap();
    model.finish().unwrap();
}

/// A number.
#[copilot::tool(destructive)]
async fn magic_number() -> i64 {
    42
}

#[tokio::test]
async fn a_client_that_only_joins_does_not_deny_the_tools_of_the_first() {
    if !tested::since([1, 0, 57]) {
        return tested::not_supported("over TCP it serves every client");
    }
    let script = Script::new()
        .call("magic_number", json!({}))
        .expect_tool_result("magic_number", |text| text == "42")
        .call("bash", json!({"command": "echo hello", "description": "x"}))
        .expect_tool_result("bash", |text| text.starts_with("hello"))
        .say("Done.");
    let (model, state) = (ScriptedModel::start(script).await.unwrap(), tempfile::tempdir().unwrap());
    let cli = Served::start(state.path()).await;
    let (one, two) = (cli.client().await, cli.client().await);
    // The decision of the first client comes last.
    let first = one.session().scripted_model(&model).with_tools([magic_number::TOOL]);
    let first = first.on_permission(async |_| {
        tokio::time::sleep(std::time::Duration::from_millis(500)).await;
        Decision::Approve
    });
    let first = first.start().await.unwrap();
    let second = two.resume(first.id().clone()).scripted_model(&model).start().await.unwrap();
    assert_eq!(first.ask("Which number?").await.unwrap().text(), "Done.");
    second.close().await.unwrap();
    one.shutdown().await.unwrap();
    two.shutdown().await.unwrap();
    model.finish().unwrap();
}

/// Where the tools of the sub-agent are.
#[derive(Default)]
struct Progress {
    called: Notify,
    may_end: Notify,
    cancelled: Notify,
}

/// Look for something, which takes a while.
#[copilot::tool]
async fn look(cx: &ToolContext, progress: State<Arc<Progress>>) -> String {
    progress.called.notify_one();
    tokio::select! {
        () = cx.cancelled() => progress.cancelled.notify_one(),
        () = progress.may_end.notified() => {}
    }
    "behind the sofa".to_owned()
}

/// Buy a new one.
#[copilot::tool]
fn buy() {}

/// The conversations of an agent and its helper, which works in the background.
fn helped(main: impl FnOnce(Script) -> Script, helper: impl FnOnce(Script) -> Script) -> [Script; 2] {
    let task = json!({"agent_type": "general-purpose", "mode": "background", "name": "helper", "description": "help",
        "prompt": "Look for the keys."});
    [main(Script::when("Ask a helper").call("task", task)), helper(Script::when("Look for the keys"))]
}

#[tokio::test]
async fn a_rejection_that_stops_the_agent_leaves_its_sub_agents() {
    if !tested::since([1, 0, 102]) {
        return tested::not_supported(
            "it reports no `abort` then, and does not name the sub-agent of a call",
        );
    }
    let scripts = helped(
        |main| main.call("buy", json!({})),
        |helper| {
            let found = |text: &str| text.contains("behind the sofa");
            helper.call("look", json!({})).expect_tool_result("look", found).say("Found.")
        },
    );
    let (real, progress) = (Real::over_stdio(scripts).await, Arc::<Progress>::default());
    let session = real.session().with_tools([look::TOOL, buy::TOOL]).state(Arc::clone(&progress));
    let of_helper = Arc::clone(&progress);
    let session = session.on_permission(move |request| {
        let (progress, buys) = (Arc::clone(&of_helper), request.tool_name() == Some("buy"));
        async move {
            if !buys {
                return Decision::Approve;
            }
            progress.called.notified().await;
            Decision::RejectAndStop
        }
    });
    let session = session.start().await.unwrap();
    let mut events = session.events();
    session.send("Ask a helper.").await.unwrap();
    next_event(&mut events, |kind| matches!(kind, EventKind::Abort(_))).await;
    progress.may_end.notify_one();
    let ended = next_event(&mut events, |kind| matches!(kind, EventKind::SubagentCompleted(_))).await;
    assert!(!ended.raw_data().contains(r#""cancelled":true"#), "{}", ended.raw_data());
    real.leave().await;
}

#[tokio::test]
async fn an_abort_ends_the_calls_of_a_background_agent() {
    if !tested::since([1, 0, 102]) {
        return tested::not_supported("it may leave the agent running");
    }
    let scripts =
        helped(|main| main.say("It looks."), |helper| helper.call("look", json!({})).say("It stopped."));
    let (real, progress) = (Real::over_stdio(scripts).await, Arc::<Progress>::default());
    let session = real.session().with_tools([look::TOOL]).state(Arc::clone(&progress));
    let session = session.permissions(Permissions::approve_all()).start().await.unwrap();
    session.send("Ask a helper.").await.unwrap();
    within(progress.called.notified()).await;
    session.abort().await.unwrap();
    within(progress.cancelled.notified()).await;
    real.leave().await;
}
