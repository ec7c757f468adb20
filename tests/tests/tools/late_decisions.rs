//! Decisions about permissions that come too late, because another client has decided, or the agent was aborted.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use copilot::{ErrorKind, Session};
use copilot_tests::fake::{Fake, failure, settle};
use serde_json::{Value, json};
use tokio::sync::Notify;
use tokio::time::{Instant, timeout};

use crate::policy::harmful;

/// A person who is asked, and answers when the dialog is let through.
#[derive(Clone, Default)]
struct Person {
    asked: Arc<AtomicUsize>,
    answers: Arc<Notify>,
    dismissed: Arc<Notify>,
}

/// A dialog that was closed without an answer.
struct Dialog(Arc<Notify>);

impl Drop for Dialog {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

impl Person {
    /// A session whose permissions this person grants, for the whole session.
    async fn session(&self, fake: &Fake) -> Session {
        let person = self.clone();
        let builder = fake.session().with_tools([harmful::TOOL]).on_permission(move |request| {
            let person = person.clone();
            async move {
                let _dialog = Dialog(person.dismissed);
                person.asked.fetch_add(1, Ordering::SeqCst);
                person.answers.notified().await;
                request.approve_for_session()
            }
        });
        builder.start().await.unwrap()
    }

    fn times_asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

fn request(call: &str) -> Value {
    json!({"kind": "custom-tool", "toolName": "harmful", "toolCallId": call, "args": {}})
}

const SOON: Duration = Duration::from_secs(1);

#[tokio::test(start_paused = true)]
async fn a_decision_that_another_client_has_made_is_not_waited_for() {
    let (fake, person) = (Fake::start().await, Person::default());
    let session = person.session(&fake).await;
    for (nth, call) in ["c1", "c2"].into_iter().enumerate() {
        let asked = fake.cli.ask_permission(session.id(), request(call)).start();
        settle().await;
        assert_eq!(person.times_asked(), nth + 1, "nothing was granted before");
        asked.settle();
        timeout(SOON, person.dismissed.notified()).await.expect("the dialog is closed");
        // It comes too late, and grants nothing.
        person.answers.notify_waiters();
    }
    assert!(fake.cli.requests("session.permissions.handlePendingPermissionRequest").is_empty());
}

#[tokio::test(start_paused = true)]
async fn an_aborted_agent_and_a_lost_cli_close_the_dialog() {
    let (fake, person) = (Fake::start().await, Person::default());
    let session = person.session(&fake).await;
    let _asked = fake.cli.ask_permission(session.id(), request("c1")).start();
    settle().await;
    fake.cli.event(session.id(), "abort", json!({"reason": "user initiated"}));
    timeout(SOON, person.dismissed.notified()).await.expect("the dialog is closed");
    let _asked = fake.cli.ask_permission(session.id(), request("c2")).start();
    settle().await;
    assert_eq!(person.times_asked(), 2);
    fake.cli.hang_up();
    timeout(SOON, person.dismissed.notified()).await.expect("the dialog is closed");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_settled_while_the_program_decides_does_not_run() {
    let (fake, person) = (Fake::start().await, Person::default());
    let session = person.session(&fake).await;
    let call = fake.cli.call_tool(session.id(), "harmful", json!({})).start();
    settle().await;
    assert_eq!(person.times_asked(), 1);
    call.settle();
    timeout(SOON, person.dismissed.notified()).await.expect("the dialog is closed");
    settle().await;
    assert!(fake.cli.requests("session.tools.handlePendingToolCall").is_empty());
}

#[tokio::test(start_paused = true)]
async fn the_limits_of_a_turn_do_not_stand_still_for_a_settled_permission() {
    let (fake, person) = (Fake::start().await, Person::default());
    fake.cli.on_turn(|_| std::future::pending());
    let session = person.session(&fake).await;
    let asked = fake.cli.ask_permission(session.id(), request("c1")).start();
    settle().await;
    asked.settle();
    let begun = Instant::now();
    let error = failure(session.ask("?").idle_timeout(10 * SOON).timeout(60 * SOON)).await;
    assert_eq!((error.kind(), begun.elapsed().as_secs()), (ErrorKind::Timeout, 10), "{error}");
}
