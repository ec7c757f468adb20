//! Permissions of the agent: the default, the words of each generation, and handlers that are slow or fail.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use copilot::permissions::PermissionKind;
use copilot::testing::FakeCli;
use copilot::{Decision, DynTool, EventKind, Permissions};
use copilot_tests::fake::{Fake, settle};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::{Value, json};
use tokio::time::sleep;

use crate::policy::{harmful, harmless};

/// One version of each way to ask, with its words for yes, no, and no answer.
const GENERATIONS: &[(&str, [&str; 3])] =
    &[("0.0.403", OLD), ("0.0.423", OLD), ("1.0.32", OLD), ("1.0.57", NEW), ("1.0.102", NEW)];
const OLD: [&str; 3] =
    ["approved", "denied-interactively-by-user", "denied-no-approval-rule-and-could-not-request-from-user"];
const NEW: [&str; 3] = ["approve-once", "reject", "user-not-available"];

fn tool(name: &str) -> Value {
    json!({"kind": "custom-tool", "toolName": name, "toolDescription": "", "args": {}})
}

fn requests() -> Vec<Value> {
    vec![
        json!({"kind": "shell", "fullCommandText": "ls", "commands": [{"identifier": "ls", "readOnly": true}]}),
        json!({"kind": "write", "fileName": "/x"}),
        json!({"kind": "read", "path": "/x"}),
        json!({"kind": "mcp", "serverName": "s", "toolName": "t", "readOnly": true}),
        json!({"kind": "url", "url": "http://localhost"}),
        json!({"kind": "never-heard-of"}),
        tool("harmful"),
        tool("not_ours"),
    ]
}

#[tokio::test(start_paused = true)]
async fn by_default_only_our_own_harmless_tools_may_run_on_every_generation() {
    for (version, [yes, _, unanswered]) in GENERATIONS {
        let fake = Fake::of_version(version).await;
        let session = fake.session().with_tools([harmless::TOOL, harmful::TOOL]).start().await.unwrap();
        let ask = async |request: Value| fake.cli.ask_permission(session.id(), request).await;
        assert_eq!(ask(tool("harmless")).await["kind"], *yes, "{version}");
        for request in requests() {
            assert_eq!(ask(request.clone()).await["kind"], *unanswered, "{version}: {request}");
        }
        // Always, even without a handler: without it old CLIs run everything, or hang.
        assert_eq!(fake.cli.requests("session.create")[0]["requestPermission"], true);
    }
}

#[tokio::test(start_paused = true)]
async fn policies_decide_on_every_generation() {
    for (version, [yes, _, unanswered]) in GENERATIONS {
        let fake = Fake::of_version(version).await;
        let all = fake.session().permissions(Permissions::approve_all()).start().await.unwrap();
        let none = fake.session().permissions(Permissions::deny_all()).with_tools([harmless::TOOL]);
        let none = none.start().await.unwrap();
        for request in requests() {
            assert_eq!(fake.cli.ask_permission(all.id(), request).await["kind"], *yes, "{version}");
        }
        assert_eq!(
            fake.cli.ask_permission(none.id(), tool("harmless")).await["kind"],
            *unanswered,
            "{version}"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_decides_in_the_words_of_the_cli() {
    for (version, [yes, no, unanswered]) in GENERATIONS {
        let fake = Fake::of_version(version).await;
        let session = fake.session().with_tools([harmless::TOOL]).on_permission(async |request| {
            sleep(Duration::from_secs(5)).await;
            match request.kind() {
                PermissionKind::Read => Decision::Approve,
                PermissionKind::Write => Decision::reject("not here"),
                _ => Decision::Unavailable,
            }
        });
        let session = session.start().await.unwrap();
        let ask = async |request: Value| fake.cli.ask_permission(session.id(), request).await;
        assert_eq!(ask(json!({"kind": "read", "path": "/x"})).await, json!({"kind": yes}), "{version}");
        let rejected = json!({"kind": no, "feedback": "not here"});
        assert_eq!(ask(json!({"kind": "write", "fileName": "/x"})).await, rejected, "{version}");
        // The handler wins over the default, for our own tools too.
        assert_eq!(ask(tool("harmless")).await, json!({"kind": unanswered}), "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_may_leave_a_request_to_the_policy() {
    for (version, [yes, _, unanswered]) in GENERATIONS {
        let fake = Fake::of_version(version).await;
        let session = fake.session().with_tools([harmless::TOOL, harmful::TOOL]);
        let session = session.permissions(Permissions::default().allow(PermissionKind::Url));
        let session = session.on_permission(async |_| Decision::Default).start().await.unwrap();
        let ask = async |request: Value| fake.cli.ask_permission(session.id(), request).await;
        assert_eq!(ask(tool("harmless")).await, json!({"kind": yes}), "{version}");
        assert_eq!(ask(tool("harmful")).await, json!({"kind": unanswered}), "{version}");
        assert_eq!(ask(json!({"kind": "url"})).await, json!({"kind": yes}), "{version}");
        assert_eq!(ask(json!({"kind": "read"})).await, json!({"kind": unanswered}), "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_panics_denies_and_is_reported() {
    for (version, [_, _, unanswered]) in GENERATIONS {
        let fake = Fake::of_version(version).await;
        let session = fake.session().on_permission(async |request| match request.path() {
            Some(path) => panic!("cannot look at {path}"),
            None => Decision::Approve,
        });
        let session = session.start().await.unwrap();
        let mut events = session.events();
        let asked = fake.cli.ask_permission(session.id(), json!({"kind": "read", "path": "/x"})).await;
        assert_eq!(asked["kind"], *unanswered, "{version}");
        settle().await;
        let failures: Vec<_> = std::iter::from_fn(|| events.try_next())
            .filter_map(|event| match event.kind() {
                EventKind::HandlerFailed(failure) => Some((failure.handler, failure.error.to_string())),
                _ => None,
            })
            .collect();
        assert_eq!(failures.len(), 1, "{version}");
        assert_eq!(failures[0].0, "on_permission");
        assert!(failures[0].1.contains("cannot look at /x"), "{failures:?}");
        // The next question is answered as ever.
        let asked = fake.cli.ask_permission(session.id(), json!({"kind": "url"})).await;
        assert!(asked["kind"].as_str().unwrap().starts_with("approve"), "{version}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_slow_handler_delays_no_other_request() {
    let fake = Fake::start().await;
    let session =
        fake.session().with_tools([harmless::TOOL]).on_permission(async |request| match request.kind() {
            PermissionKind::Read => std::future::pending().await,
            _ => Decision::Approve,
        });
    let (session, other) = (session.start().await.unwrap(), fake.session().start().await.unwrap());
    let slow = fake.cli.ask_permission(session.id(), json!({"kind": "read"})).start();
    assert_eq!(fake.cli.ask_permission(session.id(), json!({"kind": "url"})).await["kind"], "approve-once");
    assert_eq!(fake.cli.call_tool(session.id(), "harmless", json!({})).await["resultType"], "success");
    assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
    assert_eq!(other.ask("?").await.unwrap().text(), "OK.");
    assert!(!slow.is_answered());
    session.close().await.unwrap();
    assert!(!slow.is_answered());
}

#[tokio::test(start_paused = true)]
async fn a_question_that_is_settled_is_not_answered() {
    let fake = Fake::start().await;
    let session = fake.session().on_permission(async |_| {
        sleep(Duration::from_secs(5)).await;
        Decision::Approve
    });
    let session = session.start().await.unwrap();
    let by_hook = fake.cli.ask_permission(session.id(), json!({"kind": "url"}));
    let by_hook = by_hook.with("resolvedByHook", json!(true)).start();
    let elsewhere = fake.cli.ask_permission(session.id(), json!({"kind": "url"})).start();
    settle().await;
    elsewhere.settle();
    sleep(Duration::from_secs(60)).await;
    assert!(!by_hook.is_answered() && !elsewhere.is_answered());
}

#[tokio::test(start_paused = true)]
async fn a_question_with_an_odd_member_is_answered() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let asked = fake.cli.ask_permission(session.id(), json!({"kind": "url"}));
    assert_eq!(asked.with("resolvedByHook", json!("no")).await["kind"], "user-not-available");
}

#[tokio::test(start_paused = true)]
async fn a_question_that_comes_twice_is_answered_once() {
    let fake = Fake::start().await;
    let session = fake.session().on_permission(async |_| {
        sleep(Duration::from_secs(5)).await;
        Decision::Approve
    });
    let session = session.start().await.unwrap();
    for _ in 0..2 {
        let _asked = fake.cli.ask_permission(session.id(), json!({"kind": "url"})).request_id("p").start();
    }
    sleep(Duration::from_secs(60)).await;
    assert_eq!(fake.cli.requests("session.permissions.handlePendingPermissionRequest").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_question_that_comes_again_after_its_answer_is_not_asked_again() {
    let fake = Fake::start().await;
    let asked = Arc::new(AtomicUsize::new(0));
    let session = fake.session().on_permission({
        let asked = Arc::clone(&asked);
        move |_| {
            asked.fetch_add(1, Ordering::Relaxed);
            async { Decision::Approve }
        }
    });
    let session = session.start().await.unwrap();
    for _ in 0..2 {
        fake.cli.ask_permission(session.id(), json!({"kind": "url"})).request_id("p").await;
        settle().await;
    }
    assert_eq!(asked.load(Ordering::Relaxed), 1);
    assert_eq!(fake.cli.requests("session.permissions.handlePendingPermissionRequest").len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_policy_answers_a_question_that_comes_twice_once() {
    let fake = Fake::start().await;
    let session = fake.session().permissions(Permissions::approve_all()).start().await.unwrap();
    for _ in 0..2 {
        fake.cli.ask_permission(session.id(), json!({"kind": "url"})).request_id("p").await;
        settle().await;
    }
    assert_eq!(fake.cli.requests("session.permissions.handlePendingPermissionRequest").len(), 1);
}

/// Its check for harmlessness panics.
#[copilot::tool(needs_approval = panics_when_asked)]
async fn unclear() {}

fn panics_when_asked(_: &Value) -> bool {
    panic!("no idea")
}

#[tokio::test(start_paused = true)]
async fn a_tool_that_cannot_say_whether_it_needs_approval_is_denied_and_that_is_reported() {
    for (version, [yes, _, unanswered]) in GENERATIONS {
        let fake = Fake::of_version(version).await;
        let session = fake.session().with_tools([harmless::TOOL, unclear::TOOL]).start().await.unwrap();
        let mut events = session.events();
        let ask = async |name: &str| fake.cli.ask_permission(session.id(), tool(name)).await;
        assert_eq!(ask("unclear").await["kind"], *unanswered, "{version}");
        let failures: Vec<_> = std::iter::from_fn(|| events.try_next())
            .filter_map(|event| match event.kind() {
                EventKind::HandlerFailed(failure) => Some((failure.handler, failure.error.to_string())),
                _ => None,
            })
            .collect();
        assert_eq!(failures.len(), 1, "{version}: {failures:?}");
        assert!(failures[0].0 == "needs_approval" && failures[0].1.contains("no idea"), "{failures:?}");
        assert_eq!(ask("harmless").await["kind"], *yes, "{version}: the session continues");
    }
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_errs_denies_and_is_reported() {
    for (version, [_, _, unanswered]) in GENERATIONS {
        let fake = Fake::of_version(version).await;
        let session = fake.session().on_permission(async |request| match request.path() {
            Some(path) => Err(format!("unknown file {path}")),
            None => Ok(Decision::Approve),
        });
        let session = session.start().await.unwrap();
        let mut events = session.events();
        let asked = fake.cli.ask_permission(session.id(), json!({"kind": "read", "path": "/x"})).await;
        assert_eq!(asked["kind"], *unanswered, "{version}");
        let failure = loop {
            let event = events.next().await.expect("the failure is reported before the end");
            if let EventKind::HandlerFailed(failure) = event.kind() {
                break failure.clone();
            }
        };
        assert_eq!(failure.handler, "on_permission");
        assert!(failure.error.to_string().contains("unknown file /x"), "{failure:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_question_that_cannot_be_read_is_denied() {
    for (version, [_, _, unanswered]) in GENERATIONS {
        let fake = Fake::of_version(version).await;
        let session = fake.session().permissions(Permissions::approve_all()).start().await.unwrap();
        for request in [json!({"kind": 5}), json!(["shell"]), json!("shell"), json!(null)] {
            let decision = fake.cli.ask_permission(session.id(), request.clone()).await;
            assert_eq!(decision["kind"], *unanswered, "{version}: {request}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn what_an_administrator_wants_a_person_to_see_is_not_approved_by_a_policy() {
    let fake = Fake::start().await;
    let session = fake.session().permissions(Permissions::approve_all()).start().await.unwrap();
    let rules = requests().iter().fold(Permissions::approve_all(), |rules, request| {
        rules.allow(request["kind"].as_str().unwrap().into())
    });
    let ruled = fake.session().with_tools([harmless::TOOL]).permissions(rules).start().await.unwrap();
    for mut request in requests().into_iter().chain([tool("harmless")]) {
        request["managedApprovalRequired"] = json!(true);
        for session in [&session, &ruled] {
            let decision = fake.cli.ask_permission(session.id(), request.clone()).await;
            assert_eq!(decision["kind"], "user-not-available", "{request}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_denied_tool_is_never_called() {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        let result = turn.call_tool("harmful", json!({})).await;
        turn.say(result["resultType"].as_str().unwrap());
    });
    let fake = Fake::on(cli).await;
    let session = fake.session().with_tools([harmful::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("?").await.unwrap().text(), "denied");
    assert!(fake.cli.requests("session.tools.handlePendingToolCall").is_empty());
}

static REMOVED: AtomicUsize = AtomicUsize::new(0);

fn removed() -> &'static str {
    REMOVED.fetch_add(1, Ordering::SeqCst);
    "removed"
}

#[derive(Deserialize, JsonSchema)]
struct Removal {
    /// Path below the root directory.
    path: String,
}

/// Remove a file.
#[copilot::tool(needs_approval = |path| !path.starts_with("tmp/"))]
async fn remove(
    /// Path below the root directory.
    path: &str,
) -> &'static str {
    let _ = path;
    removed()
}

#[tokio::test(start_paused = true)]
async fn a_call_without_a_permission_request_is_decided_by_every_kind_of_tool() {
    let is_elsewhere = |removal: &Removal| !removal.path.starts_with("tmp/");
    let dynamic = |name: &str| DynTool::new(name, "Remove a file.").needs_approval(is_elsewhere);
    let schema = json!({"type": "object", "properties": {"path": {"type": "string"}}, "required": ["path"]});
    let run =
        |name: &str| dynamic(name).schema(schema.clone()).unwrap().run(|_: Value, _| async { removed() });
    let typed = |name: &str| dynamic(name).typed(|_: Removal, _| async { removed() });
    let tools = [
        remove::TOOL,
        remove::TOOL.renamed("remove_again"),
        run("run"),
        run("run").renamed("run_again"),
        typed("typed"),
        typed("typed").prefixed("other_"),
    ];
    let fake = Fake::start().await;
    for tool in tools {
        let session = fake.session().with_tools([tool.clone()]).start().await.unwrap();
        for (path, result, runs) in [("etc/passwd", "denied", 0), ("tmp/a", "success", 1)] {
            REMOVED.store(0, Ordering::SeqCst);
            let answer = fake.cli.call_tool(session.id(), tool.name(), json!({"path": path})).await;
            assert_eq!(answer["resultType"], result, "{} {path}: {answer}", tool.name());
            assert_eq!(REMOVED.load(Ordering::SeqCst), runs, "{} {path}", tool.name());
        }
    }
}
