//! Resumption of a session on a CLI that was restarted: which turns continue, and what is an error.

#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]
#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::Arc;
use std::time::Duration;

use copilot::hooks::{Hooks, PreToolUse, PreToolUseInput};
use copilot::resume::Resume;
use copilot::testing::{FakeCli, RpcError};
use copilot::{EventKind, Session};
use copilot_tests::events::next_event;
use copilot_tests::fake::settle;
use serde_json::json;
use tokio::time::{sleep, timeout};

use crate::recovery::{Gates, IMMEDIATELY, gate};

/// A client whose CLI says after each restart that it waits for the tool `gate`, in the call `r1`.
async fn waiting_for_the_gate() -> (FakeCli, copilot::Client, Session) {
    let cli = FakeCli::new();
    cli.on("session.send", |_, asked| json!({"messageId": format!("m{}", asked.count())}));
    cli.on("session.tools.listPendingRequests", |_, _| {
        json!({"items": [{"requestId": "r1", "toolCallId": "c1", "toolName": "gate", "arguments": {}}]})
    });
    cli.on("session.permissions.pendingRequests", |_, _| json!({"items": []}));
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let gates = Arc::new(Gates::default());
    let session = client.session().with_tools([gate::TOOL]).state(Arc::clone(&gates));
    let session = session.resume_options(Resume::new().continue_pending_work(true)).start().await.unwrap();
    let _call = cli.call_tool(session.id(), "gate", json!({})).request_id("r1").start();
    gates.begun.notified().await;
    (cli, client, session)
}

#[tokio::test(start_paused = true)]
async fn a_message_that_waits_behind_a_turn_that_continues_fails_with_the_cause() {
    let (cli, _client, session) = waiting_for_the_gate().await;
    let mut working = session.stream("one").await.unwrap();
    cli.event(session.id(), "user.message", json!({"content": "one", "messageId": "m1"}));
    let waiting = session.stream("two").await.unwrap();
    cli.hang_up();
    let failed = timeout(IMMEDIATELY, waiting.reply()).await.expect("it does not wait").unwrap_err();
    assert!(failed.is_disconnected(), "{failed:?}");
    while let Ok(event) = timeout(IMMEDIATELY, working.next()).await {
        event.expect("the turn is not over").unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn a_turn_whose_cli_is_lost_again_before_its_session_is_resumed_fails_with_the_cause() {
    let (cli, _client, session) = waiting_for_the_gate().await;
    let turn = session.stream("one").await.unwrap();
    cli.event(session.id(), "user.message", json!({"content": "one", "messageId": "m1"}));
    cli.hold("session.resume");
    cli.hang_up();
    let held = cli.held("session.resume").await;
    cli.hang_up();
    drop(held);
    let failed = timeout(Duration::from_secs(60), turn.reply()).await.expect("it does not wait").unwrap_err();
    assert!(failed.is_disconnected(), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn pending_work_that_cannot_be_listed_is_an_error_unless_the_cli_does_not_know_the_method() {
    let methods = ["session.tools.listPendingRequests", "session.permissions.pendingRequests"];
    for broken in methods {
        let cli = FakeCli::new();
        for method in methods {
            cli.on(method, move |_, _| RpcError::unknown_method(method));
        }
        let client = cli.client_builder().start().await.unwrap();
        client.session().id("s").start().await.unwrap().close().await.unwrap();
        let resume = || client.resume("s").resume_options(Resume::new().continue_pending_work(true)).start();
        resume().await.expect("a CLI without the methods has no pending work").close().await.unwrap();
        cli.on(broken, |_, _| RpcError::new(-32603, "the list is lost"));
        let error = resume().await.unwrap_err();
        assert!(error.to_string().contains("the list is lost"), "{broken}: {error}");
        // The CLI has opened it by then, also where the future is dropped.
        cli.requested("session.detach", 3).await;
        cli.hold(broken);
        assert!(timeout(IMMEDIATELY, resume()).await.is_err());
        cli.requested("session.detach", 4).await;
        assert!(cli.open_sessions().is_empty(), "{broken}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_without_a_message_is_created_again_on_a_cli_that_does_not_have_it() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let session = client.session().id("s").start().await.unwrap();
    let mut events = session.events();
    cli.on("session.resume", |_, _| RpcError::new(-32603, "Session not found: s"));
    cli.hang_up();
    next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
    assert_eq!(cli.requests("session.create").len(), 2);
    assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
}

#[tokio::test(start_paused = true)]
async fn a_session_with_a_conversation_is_not_replaced_by_an_empty_one() {
    for is_resumed in [false, true] {
        let cli = FakeCli::new();
        let client = cli.client_builder().auto_restart(true).start().await.unwrap();
        let mut session = client.session().id("s").start().await.unwrap();
        if is_resumed {
            session.close().await.unwrap();
            session = client.resume("s").start().await.unwrap();
        } else {
            session.ask("Remember this.").await.unwrap();
            // Until the CLI has written it.
            sleep(Duration::from_secs(11)).await;
        }
        let mut events = session.events();
        cli.on("session.resume", |_, _| RpcError::new(-32603, "Session not found: s"));
        cli.hang_up();
        let mut last = None;
        while let Some(event) = timeout(Duration::from_secs(60), events.next()).await.expect("it ends") {
            last = Some(event);
        }
        let last = last.expect("an event");
        let EventKind::Disconnected(cause) = last.kind() else { panic!("{last:?}") };
        assert!(cause.to_string().contains("its conversation is lost"), "{cause}");
        assert_eq!(cli.requests("session.create").len(), 1, "resumed: {is_resumed}");
        assert!(session.ask("?").await.unwrap_err().to_string().contains("its conversation is lost"));
        client.session().start().await.expect("the client works");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_the_cli_cannot_have_written_is_created_again() {
    for is_interrupted in [true, false] {
        let cli = FakeCli::new();
        cli.on_turn(move |turn| async move {
            if is_interrupted {
                std::future::pending::<()>().await;
            }
            turn.say("OK.");
        });
        let client = cli.client_builder().auto_restart(true).start().await.unwrap();
        let session = client.session().id("s").start().await.unwrap();
        let mut events = session.events();
        let turn = session.stream("?").await.unwrap();
        if is_interrupted {
            next_event(&mut events, |kind| matches!(kind, EventKind::UserMessage(_))).await;
        } else {
            next_event(&mut events, |kind| matches!(kind, EventKind::SessionIdle(_))).await;
        }
        cli.on("session.resume", |_, _| RpcError::new(-32603, "Session not found: s"));
        cli.hang_up();
        assert_eq!(turn.reply().await.is_ok(), !is_interrupted);
        next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
        assert_eq!(cli.requests("session.create").len(), 2);
        // The new one has no turn, however long it lasts.
        sleep(Duration::from_secs(20)).await;
        cli.hang_up();
        next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
        assert_eq!(cli.requests("session.create").len(), 3);
    }
}

/// A session with a slow hook that has to be asked before a tool, on a CLI that is lost meanwhile.
#[tokio::test(start_paused = true)]
async fn a_hook_that_outlasts_the_cli_does_not_block_the_resumption() {
    let cli = FakeCli::new();
    cli.on("session.tools.listPendingRequests", |_, _| json!({"items": []}));
    cli.on("session.permissions.pendingRequests", |_, _| json!({"items": []}));
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let gates = Arc::new(Gates::default());
    let hook = {
        let gates = Arc::clone(&gates);
        move |_: PreToolUseInput, _| {
            let gates = Arc::clone(&gates);
            async move {
                gates.begun.notify_one();
                gates.open.notified().await;
                PreToolUse::pass()
            }
        }
    };
    let session = client
        .session()
        .hooks(Hooks::new().on_pre_tool_use(hook))
        .resume_options(Resume::new().continue_pending_work(true))
        .start()
        .await
        .unwrap();
    let mut events = session.events();
    let step = json!({
        "sessionId": session.id(), "hookType": "preToolUse", "input": {"toolName": "bash", "toolArgs": {}},
    });
    let asking = cli.clone();
    let _asked = tokio::spawn(async move { asking.request("hooks.invoke", step).await });
    gates.begun.notified().await;
    for _ in 0..2 {
        cli.hold("session.resume");
        cli.hang_up();
        let held = cli.held("session.resume").await;
        // The hook has to wait for the connection, to find out which other hooks there are.
        gates.open.notify_one();
        settle().await;
        held.answer_by_default();
        next_event(&mut events, |kind| matches!(kind, EventKind::Restarted(_))).await;
        assert_eq!(session.ask("?").await.unwrap().text(), "OK.");
    }
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_closed_in_the_last_step_of_its_resumption_is_detached() {
    let (cli, _client, session) = waiting_for_the_gate().await;
    cli.hold("session.tools.listPendingRequests");
    cli.hang_up();
    let held = cli.held("session.tools.listPendingRequests").await;
    let before = cli.requests("session.detach").len();
    session.close().await.unwrap();
    held.answer_by_default();
    cli.requested("session.detach", before + 1).await;
    assert!(cli.open_sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_does_not_continue_fails_before_the_cli_is_back() {
    let cli = FakeCli::new();
    cli.on_turn(|_| std::future::pending());
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let session = client.session().start().await.unwrap();
    let turn = session.stream("?").await.unwrap();
    cli.hold("session.resume");
    cli.hang_up();
    let failed = timeout(IMMEDIATELY, turn.reply()).await.expect("it does not wait").unwrap_err();
    assert!(failed.is_disconnected(), "{failed:?}");
}

#[tokio::test(start_paused = true)]
async fn a_session_that_is_taken_over_during_a_restart_stays_open() {
    let cli = FakeCli::new();
    let client = cli.client_builder().auto_restart(true).start().await.unwrap();
    let first = client.session().id("s").start().await.unwrap();
    cli.hold("session.resume");
    cli.hang_up();
    let of_the_first = cli.held("session.resume").await;
    let taking_over = tokio::join!(client.resume("s").start(), async {
        let of_the_second = cli.held("session.resume").await;
        of_the_first.answer_by_default();
        of_the_second.answer_by_default();
    });
    let second = taking_over.0.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert!(cli.requests("session.detach").is_empty());
    assert!(first.ask("?").await.unwrap_err().is_closed());
    assert_eq!(second.ask("?").await.unwrap().text(), "OK.");
}

#[tokio::test(start_paused = true)]
async fn a_session_is_detached_when_the_handle_that_takes_it_over_cannot_resume_it() {
    let cli = FakeCli::new();
    let client = cli.client_builder().start().await.unwrap();
    let first = client.session().id("s").start().await.unwrap();
    cli.on("session.resume", |_, _| RpcError::new(-32603, "no such model"));
    client.resume("s").start().await.unwrap_err();
    assert!(first.ask("?").await.unwrap_err().is_closed());
    cli.requested("session.detach", 1).await;
    assert!(cli.open_sessions().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_session_that_cannot_be_resumed_completely_is_detached() {
    for refuses in [
        |cli: &FakeCli| cli.on("session.mode.set", |_, _| RpcError::new(-32603, "no such mode")),
        // In another mode the agent may do more than the program wants.
        |cli: &FakeCli| {
            cli.on("session.mode.set", |_, _| json!({"modeApplied": false, "error": "no such mode"}));
        },
    ] {
        let cli = FakeCli::new();
        let client = cli.client_builder().auto_restart(true).start().await.unwrap();
        let session = client.session().id("s").start().await.unwrap();
        cli.on("session.mode.set", |_, _| json!({}));
        session.set_mode(copilot::AgentMode::Plan).await.unwrap();
        refuses(&cli);
        cli.hang_up();
        cli.requested("session.detach", 1).await;
        assert!(session.ask("?").await.unwrap_err().to_string().contains("no such mode"));
    }
}
