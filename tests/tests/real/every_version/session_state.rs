//! Model, mode, plan, name, files and other state of sessions, on every generation of the real CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use copilot::log::{LogKind, LogOptions};
use copilot::memory::InfiniteSessions;
use copilot::testing::Script;
use copilot::{AgentMode, EventKind};
use copilot_tests::real::Real;
use copilot_tests::tested;
use schemars::JsonSchema;
use serde::Deserialize;

#[tokio::test]
async fn infinite_sessions_have_a_directory_unless_disabled() {
    let real = Real::over_stdio(Script::new()).await;
    let workspace = async |settings: InfiniteSessions| {
        let session = real.session().infinite_sessions(settings).start().await.unwrap();
        session.workspace_path().map(str::to_owned)
    };
    let thresholds =
        InfiniteSessions::new().background_compaction_threshold(0.5).buffer_exhaustion_threshold(0.9);
    assert!(workspace(InfiniteSessions::new()).await.is_some());
    assert!(workspace(thresholds).await.is_some());
    assert_eq!(workspace(InfiniteSessions::disabled()).await, None);
    real.finish().await;
}

#[tokio::test]
async fn the_model_is_changed() {
    let script = Script::new().expect("the other model", |request| request.model() == "other").say("Other.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let outcome = session.set_model("other").await;
    if tested::unless_refused([0, 0, 403], outcome).is_none() {
        return real.leave().await;
    }
    assert_eq!(session.current_model().await.unwrap().model_id.as_deref(), Some("other"));
    assert_eq!(session.ask("Who are you?").await.unwrap().text(), "Other.");
    real.finish().await;
}

#[tokio::test]
async fn the_mode_is_changed() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let Some(mode) = tested::unless_refused([0, 0, 403], session.mode().await) else {
        return real.leave().await;
    };
    assert_eq!(mode, AgentMode::Interactive);
    session.set_mode(AgentMode::Plan).await.unwrap();
    assert_eq!(session.mode().await.unwrap(), AgentMode::Plan);
    real.finish().await;
}

#[tokio::test]
async fn the_plan_is_written_and_read() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let Some(plan) = tested::unless_refused([0, 0, 403], session.plan().read().await) else {
        return real.leave().await;
    };
    assert!(!plan.exists);
    session.plan().write("# First this\n").await.unwrap();
    assert_eq!(session.plan().read().await.unwrap().content.as_deref(), Some("# First this\n"));
    real.finish().await;
}

#[tokio::test]
async fn a_session_has_a_name() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let outcome = session.set_name("mine").await;
    if tested::unless_refused([1, 0, 10], outcome).is_none() {
        return real.leave().await;
    }
    assert_eq!(session.name().await.unwrap().as_deref(), Some("mine"));
    real.finish().await;
}

#[tokio::test]
async fn a_log_line_is_an_event() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let mut events = session.events();
    let outcome = session.log("the index is old", LogOptions::new().level(LogKind::Warning)).await;
    if tested::unless_refused([0, 0, 423], outcome).is_none() {
        return real.leave().await;
    }
    loop {
        if let EventKind::SessionWarning(notice) = events.next().await.unwrap().kind() {
            assert_eq!(notice.message, "the index is old");
            break;
        }
    }
    real.finish().await;
}

#[tokio::test]
async fn a_conversation_is_summarised() {
    let real = Real::over_stdio(Script::new().say("One.").say("Two.").say("A summary of it all.")).await;
    let session = real.session().start().await.unwrap();
    session.ask("First.").await.unwrap();
    session.ask("Second.").await.unwrap();
    let compacted = session.history().compact(None).await;
    if tested::version() == Some("0.0.423") {
        assert!(compacted.unwrap_err().to_string().contains("Authentication required"));
        tested::not_supported("it summarises with a login only");
        return real.leave().await;
    }
    let Some(compaction) = tested::unless_refused([0, 0, 403], compacted) else { return real.leave().await };
    assert!(compaction.success);
    real.finish().await;
}

#[tokio::test]
async fn the_usage_is_reported() {
    let real = Real::over_stdio(Script::new().say("One.")).await;
    let session = real.session().start().await.unwrap();
    session.ask("First.").await.unwrap();
    let Some(usage) = tested::unless_refused([1, 0, 10], session.usage().await) else {
        return real.leave().await;
    };
    assert_eq!(usage.total_user_requests, 1);
    real.finish().await;
}

#[tokio::test]
async fn a_session_has_a_workspace() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let outcome = session.workspace().write("notes/a.txt", "hello").await;
    if tested::unless_refused([0, 0, 403], outcome).is_none() {
        return real.leave().await;
    }
    assert_eq!(session.workspace().files().await.unwrap(), ["notes/a.txt"]);
    assert_eq!(session.workspace().read("notes/a.txt").await.unwrap(), "hello");
    real.finish().await;
}

/// How a review went.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Verdict {
    /// Whether it can be merged.
    approved: bool,
}

#[tokio::test]
async fn an_answer_has_the_type_that_was_asked_for() {
    let script = Script::new().say(r#"{"approved": false}"#);
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let verdict: Verdict = session.ask_as("Review.").await.unwrap();
    assert_eq!(verdict, Verdict { approved: false });
    let request = real.model.request(0).await;
    if tested::since([1, 0, 92]) {
        assert_eq!(request.raw()["response_format"]["type"], "json_schema");
    } else {
        assert!(request.raw().to_string().contains("fits this JSON schema"), "{request:?}");
    }
    real.finish().await;
}

#[tokio::test]
async fn sessions_are_listed_and_deleted() {
    let real = Real::over_stdio(Script::new().say("Hello.")).await;
    let session = real.session().start().await.unwrap();
    session.ask("Hello?").await.unwrap();
    let id = session.id().clone();
    session.close().await.unwrap();
    let listed = real.client.list_sessions(None).await.unwrap();
    assert_eq!(listed.iter().map(|info| &info.session_id).collect::<Vec<_>>(), [&id]);
    assert_eq!(real.client.last_session_id().await.unwrap(), Some(id.clone()));
    real.client.delete_session(&id).await.unwrap();
    assert_eq!(real.client.list_sessions(None).await.unwrap(), []);
    real.finish().await;
}

#[tokio::test]
async fn one_session_is_looked_up() {
    let real = Real::over_stdio(Script::new().say("Hello.")).await;
    let session = real.session().start().await.unwrap();
    session.ask("Hello?").await.unwrap();
    session.close().await.unwrap();
    let found = real.client.session_info(session.id()).await.unwrap().unwrap();
    assert_eq!(&found.session_id, session.id());
    // A new session would continue its file.
    if tested::since([1, 0, 32]) {
        let error = real.session().id(session.id().clone()).start().await.unwrap_err().to_string();
        assert!(error.contains("exists already") && error.contains("`Client::resume`"), "{error}");
    }
    assert_eq!(real.client.session_info(&"unknown".into()).await.unwrap(), None);
    real.finish().await;
}

#[tokio::test]
async fn a_client_knows_itself_and_its_user() {
    let real = Real::over_stdio(Script::new()).await;
    let status = real.client.status().await.unwrap();
    assert!((2..=3).contains(&status.protocol_version));
    assert!(!real.client.auth_status().await.unwrap().is_authenticated);
    assert!(real.client.models().await.unwrap_err().to_string().contains("Not authenticated"));
    real.finish().await;
}
