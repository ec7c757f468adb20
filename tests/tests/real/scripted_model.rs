//! What the scripted model does to the real CLI beside answering: it fails, breaks off, waits, and refuses what is not
//! in its script.

use std::time::Duration;

use copilot::ErrorKind;
use copilot::testing::{Ending, RecordedRequest, Script, Tokens, ToolUse};
use copilot_tests::real::Real;
use serde_json::json;

/// Tell the state of an issue.
#[copilot::tool(read_only)]
async fn lookup(
    /// Its number.
    id: &str,
) -> String {
    format!("{id} is open")
}

async fn start(script: Script) -> Real {
    Real::over_stdio(script).await
}

#[tokio::test]
async fn the_cli_asks_again_after_failures_that_invite_it() {
    for streaming in [true, false] {
        let script = Script::new().fail_once(400, "odd").break_off("half of a sen").say("A whole sentence.");
        let real = start(script).await;
        let session = real.session().streaming(streaming).start().await.unwrap();
        assert_eq!(session.ask("Speak.").await.unwrap().text(), "A whole sentence.");
        let endings: Vec<_> = real.model.requests().iter().map(RecordedRequest::ending).collect();
        assert_eq!(endings, [Some(Ending::Answered), Some(Ending::BrokenOff), Some(Ending::Answered)]);
        real.finish().await;
    }
}

#[tokio::test]
async fn a_failure_for_good_and_an_end_that_broke_off_cost_no_retries() {
    let real = start(Script::new().fail(503, "out of order").break_off("half of a sen")).await;
    let session = real.session().start().await.unwrap();
    let error = session.ask("Speak.").await.unwrap_err();
    assert!(error.to_string().contains("out of order"), "{error}");
    assert_eq!(real.model.requests().len(), 1);
    let error = session.ask("Speak!").await.unwrap_err();
    assert!(error.to_string().contains("broke off"), "{error}");
    assert_eq!(real.model.requests().len(), 3);
    real.finish().await;
}

#[tokio::test]
async fn leaving_the_script_is_told_to_the_session_and_to_the_test() {
    let script = Script::new()
        .call("lookup", json!({"id": "GH-42"}))
        .expect_tool_result("lookup", |text| text.contains("closed"))
        .say("It is closed.");
    let real = start(script).await;
    let session = real.session().with_tools([lookup::TOOL]).start().await.unwrap();
    let error = session.ask("What is the state of GH-42?").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Session);
    real.client.shutdown().await.unwrap();
    let left = real.model.finish().unwrap_err().to_string();
    assert_eq!(
        left,
        "the conversation left the script at turn 2 of 2, to say \"It is closed.\"\n  \
         expected: a fitting result of `lookup`\n  came: \"GH-42 is open\""
    );
    assert!(error.to_string().contains(&left), "{error}");
}

#[tokio::test]
async fn arguments_that_are_no_json_and_tools_that_are_none_go_back_to_the_model() {
    let script = Script::new()
        .calls([ToolUse::raw("lookup", "{\"id\": GH-42"), ToolUse::new("look_down", json!({})).not_offered()])
        .expect_tool_result("lookup", |text| text.contains("not valid JSON"))
        .expect_tool_result("look_down", |text| text.contains("does not exist"))
        .say("I gave up.");
    let real = start(script).await;
    let session = real.session().with_tools([lookup::TOOL]).start().await.unwrap();
    assert_eq!(session.ask("What is the state of GH-42?").await.unwrap().text(), "I gave up.");
    real.finish().await;
}

#[tokio::test]
async fn an_abort_reaches_the_model_and_the_next_turn_goes_on() {
    let hour = Duration::from_secs(3600);
    let script = Script::new().delay(hour).say("1").pace(hour).stream(["2", "never"]).say("3");
    let real = start(script).await;
    let session = real.session().streaming(true).start().await.unwrap();
    for request in 0..2 {
        let aborting = async {
            real.model.request(request).await;
            session.abort().await.unwrap();
        };
        let (reply, ()) = tokio::join!(session.ask("Speak."), aborting);
        assert!(reply.unwrap().is_aborted());
        assert_eq!(real.model.request(request).await.ended().await, Ending::Disconnected);
    }
    assert_eq!(session.ask("Speak!").await.unwrap().text(), "3");
    real.finish().await;
}

#[tokio::test]
async fn reasoning_and_tokens_arrive() {
    let script =
        || Script::new().reasoning("Let me see.").tokens(Tokens { input: 11, output: 7 }).say("Seen.");
    for streaming in [true, false] {
        let real = start(script()).await;
        let session = real.session().streaming(streaming).start().await.unwrap();
        let reply = session.ask("Look.").await.unwrap();
        let message = reply.message().unwrap();
        assert_eq!(
            (message.content.as_str(), message.reasoning_text.as_deref()),
            ("Seen.", Some("Let me see."))
        );
        assert_eq!((reply.usage().input_tokens, reply.usage().output_tokens), (11, 7));
        real.finish().await;
    }
}

#[tokio::test]
async fn a_sub_agent_plays_a_script_of_its_own() {
    let task = json!({
        "agent_type": "general-purpose",
        "mode": "sync",
        "name": "helper",
        "description": "help",
        "prompt": "Look for GH-42.",
    });
    let scripts = [
        Script::when("Ask somebody")
            .call("task", task)
            .expect_tool_result("task", |text| text.contains("nowhere"))
            .say("The helper found nothing."),
        Script::when("Look for").say("It is nowhere."),
    ];
    let real = Real::over_stdio(scripts).await;
    let session = real.session().permissions(copilot::Permissions::approve_all()).start().await.unwrap();
    assert_eq!(session.ask("Ask somebody.").await.unwrap().text(), "The helper found nothing.");
    real.finish().await;
}
