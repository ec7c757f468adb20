//! Changing and asking a running session and a running client, on the real CLI.

use std::sync::Arc;
use std::time::Duration;

use copilot::client::Telemetry;
use copilot::history::{EventQuery, RewindMode, RewindOutcome};
use copilot::log::{LogKind, LogOptions};
use copilot::managed::{BypassMode, ManagedPermissions, ManagedSettings};
use copilot::permission_mode::PermissionMode;
use copilot::queue::QueueItemKind;
use copilot::sessions::{LifecycleKind, SessionFilter};
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use copilot::workspace::Workspace;
use copilot::{AgentMode, ErrorKind, EventKind, Permissions, State, Turn};
use copilot_tests::real::Real;
use copilot_tests::tested;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::json;
use tokio::sync::Notify;

use crate::providers::increment;

/// Subtract one.
#[copilot::tool(read_only)]
async fn decrement(
    /// The number.
    n: i64,
) -> i64 {
    n - 1
}

/// Wait until the program has sent another message.
#[copilot::tool(read_only)]
async fn waits(sent: State<Arc<Notify>>) {
    sent.notified().await;
}

#[tokio::test]
async fn a_message_in_the_queue_waits_for_the_end_of_a_turn_with_tools() {
    if !tested::since([1, 0, 92]) {
        return tested::not_supported("its events do not name their message");
    }
    let script =
        Script::new().call("waits", json!({})).call("decrement", json!({"n": 1})).say("One.").say("Two.");
    let real = Real::over_stdio(script).await;
    let sent = Arc::<Notify>::default();
    let tools = [waits::TOOL, decrement::TOOL];
    let session = real.session().with_tools(tools).state(Arc::clone(&sent)).start().await.unwrap();
    let one = session.stream("One?").await.unwrap();
    let two = session.stream("Two?").await.unwrap();
    sent.notify_one();
    let read = async |mut turn: Turn| {
        let mut said = Vec::new();
        while let Some(event) = turn.next().await {
            match event.unwrap().kind() {
                EventKind::UserMessage(message) => said.push(format!("> {}", message.content)),
                EventKind::ToolExecutionComplete(complete) => said.push(format!("{}", complete.success)),
                EventKind::AssistantMessage(message) => said.push(message.content.clone()),
                _ => {}
            }
        }
        (said, turn.reply().await.unwrap().text().to_owned())
    };
    let (one, two) = tokio::join!(read(one), read(two));
    let said = ["> One?", "", "true", "", "true", "One."].map(str::to_owned).to_vec();
    assert_eq!(one, (said, "One.".to_owned()));
    assert_eq!(two, (["> Two?", "Two."].map(str::to_owned).to_vec(), "Two.".to_owned()));
    real.finish().await;
}

#[tokio::test]
async fn a_session_changes_its_model_mode_plan_and_name() {
    let script = Script::new()
        .expect("another model that thinks", |request| {
            request.model() == "other" && request.raw()["reasoning_effort"] == "low"
        })
        .say("Other.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let changed = session.set_model("other").reasoning_effort("low").await.unwrap();
    assert_eq!((changed.status.as_str(), changed.model_id.as_deref()), ("applied", Some("other")));
    let current = session.current_model().await.unwrap();
    assert_eq!(current.reasoning_effort.as_deref(), Some("low"));
    assert_eq!(session.ask("Who are you?").await.unwrap().text(), "Other.");

    assert_eq!(session.mode().await.unwrap(), AgentMode::Interactive);
    session.set_mode(AgentMode::Plan).await.unwrap();
    assert_eq!(session.mode().await.unwrap(), AgentMode::Plan);

    assert!(!session.plan().read().await.unwrap().exists);
    session.plan().write("# First this\n").await.unwrap();
    assert_eq!(session.plan().read().await.unwrap().content.as_deref(), Some("# First this\n"));
    session.plan().delete().await.unwrap();
    assert!(!session.plan().read().await.unwrap().exists);

    session.set_name("a good name").await.unwrap();
    assert_eq!(session.name().await.unwrap().as_deref(), Some("a good name"));
    real.finish().await;
}

#[tokio::test]
async fn log_lines_are_events() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let mut events = session.events();
    session.log("the index is old", LogOptions::new().level(LogKind::Warning)).await.unwrap();
    loop {
        let event = events.next().await.unwrap();
        if let EventKind::SessionWarning(notice) = event.kind() {
            assert_eq!(notice.message, "the index is old");
            break;
        }
    }
    real.finish().await;
}

#[tokio::test]
async fn a_conversation_is_summarised_and_its_usage_reported() {
    let script = Script::new().say("One.").say("Two.").say("A summary of it all.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let nothing = session.history().compact(None).await.unwrap_err();
    assert!(nothing.to_string().contains("Nothing to compact"), "{nothing}");
    session.ask("First.").await.unwrap();
    session.ask("Second.").await.unwrap();
    let usage = session.usage().await.unwrap();
    assert_eq!(usage.total_user_requests, 2);
    let by_model = &usage.model_metrics[real.model.model_name()];
    assert!(by_model.requests.count == 2 && by_model.usage.input_tokens > 0, "{usage:?}");
    let compaction = session.history().compact(Some("Keep the numbers.")).await.unwrap();
    assert!(compaction.success, "{compaction:?}");
    assert!(compaction.summary_content.unwrap().contains("A summary of it all."));
    real.finish().await;
}

#[tokio::test]
async fn a_session_has_a_workspace() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    session.workspace().write("notes/a.txt", "hello").await.unwrap();
    assert_eq!(session.workspace().files().await.unwrap(), ["notes/a.txt"]);
    assert_eq!(session.workspace().read("notes/a.txt").await.unwrap(), "hello");
    assert!(session.workspace().read("b.txt").await.is_err());
    assert_eq!(session.capabilities().ui.elicitation, Some(false));
    real.finish().await;
}

#[tokio::test]
async fn tools_come_and_go_in_a_running_session() {
    let offers = |expected: &'static [&'static str]| {
        move |request: &copilot::testing::RecordedRequest| {
            let names = request.tool_names();
            ["increment", "decrement"].iter().all(|name| names.contains(name) == expected.contains(name))
        }
    };
    let script = Script::new()
        .expect("one", offers(&["increment"]))
        .say("One.")
        .expect("both", offers(&["increment", "decrement"]))
        .call("decrement", json!({"n": 43}))
        .expect_tool_result("decrement", |text| text == "42")
        .say("Both.")
        .expect("the other", offers(&["decrement"]))
        .say("The other.")
        .expect("both again", offers(&["increment", "decrement"]))
        .say("Both again.")
        .expect("none", offers(&[]))
        .say("None.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([increment::TOOL]).start().await.unwrap();
    let tools = session.tools();
    assert_eq!(session.ask("1").await.unwrap().text(), "One.");
    tools.add([decrement::TOOL]).await.unwrap();
    assert_eq!(session.ask("2").await.unwrap().text(), "Both.");
    tools.disable(["increment"]).await.unwrap();
    assert_eq!(session.ask("3").await.unwrap().text(), "The other.");
    tools.enable(["increment"]).await.unwrap();
    assert_eq!(session.ask("4").await.unwrap().text(), "Both again.");
    let refused = tools.remove(["increment", "nonsense"]).await.unwrap_err();
    assert!(refused.kind() == ErrorKind::Tools && refused.to_string().contains("nonsense"), "{refused}");
    assert_eq!(tools.list().len(), 2);
    tools.remove(["increment", "decrement"]).await.unwrap();
    assert_eq!(session.ask("5").await.unwrap().text(), "None.");
    real.finish().await;
}

/// The result of a review.
#[derive(Debug, PartialEq, Deserialize, JsonSchema)]
struct Verdict {
    /// Whether it can be merged.
    approved: bool,
    /// The problems of the code.
    problems: Vec<String>,
}

#[tokio::test]
async fn an_answer_has_the_type_that_was_asked_for() {
    let format = |request: &copilot::testing::RecordedRequest| {
        let format = &request.raw()["response_format"];
        format["type"] == "json_schema"
            && format["json_schema"]["strict"] == true
            && format["json_schema"]["schema"]["properties"]["approved"]["type"] == "boolean"
    };
    let script = Script::new()
        .expect("the schema", format)
        .say(r#"{"approved": false, "problems": ["no tests"]}"#)
        .say("I'd rather not.")
        .expect_prompt(|prompt| prompt.contains("does not fit the schema"))
        .expect("the schema again", format)
        .say(
            r#"```json
{"approved": true, "problems": []}
```"#,
        )
        .say("Certainly not.")
        .say(r#"{"value": [1, 2]}"#);
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let verdict: Verdict = session.ask_as("Review.").await.unwrap();
    assert_eq!(verdict, Verdict { approved: false, problems: vec!["no tests".into()] });
    let verdict: Verdict = session.ask_as("Again.").retries(1).await.unwrap();
    assert!(verdict.approved);
    let error = session.ask_as::<Verdict>("Once more.").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Decode);
    assert!(error.to_string().contains("Certainly not."), "{error}");
    assert_eq!(session.ask_as::<Vec<i64>>("Count.").await.unwrap(), [1, 2]);
    real.finish().await;
}

#[tokio::test]
async fn a_client_knows_its_sessions() {
    let real = Real::over_stdio(Script::new().say("Hello.")).await;
    let mut lifecycle = real.client.lifecycle();
    let session = real.session().name("listed").start().await.unwrap();
    session.ask("Hello?").await.unwrap();
    let id = session.id().clone();
    let first = lifecycle.next().await.unwrap();
    assert_eq!((first.kind, &first.session_id), (LifecycleKind::Created, &id));

    let here = SessionFilter::new().cwd(real.state.path().to_str().unwrap());
    let listed = real.client.list_sessions(Some(&here)).await.unwrap();
    assert_eq!(listed.len(), 1);
    assert_eq!((&listed[0].session_id, listed[0].name.as_deref()), (&id, Some("listed")));
    let nowhere = SessionFilter::new().cwd("/nowhere");
    assert_eq!(real.client.list_sessions(Some(&nowhere)).await.unwrap(), []);
    assert_eq!(real.client.session_info(&id).await.unwrap().unwrap().name.as_deref(), Some("listed"));
    assert_eq!(real.client.session_info(&"unknown".into()).await.unwrap(), None);
    assert_eq!(real.client.last_session_id().await.unwrap(), Some(id.clone()));
    assert_eq!(real.client.foreground_session().await.unwrap(), None);
    let refused = real.client.set_foreground_session(&id).await.unwrap_err();
    assert!(refused.to_string().contains("TUI"), "{refused}");

    session.delete().await.unwrap();
    assert_eq!(real.client.list_sessions(None).await.unwrap(), []);
    assert!(real.client.delete_session(&"unknown".into()).await.is_err());
    while lifecycle.next().await.unwrap().kind != LifecycleKind::Deleted {}
    real.finish().await;
}

#[tokio::test]
async fn a_client_knows_itself_and_its_user() {
    let real = Real::over_stdio(Script::new()).await;
    assert_eq!(real.client.status().await.unwrap().protocol_version, 3);
    assert!(!real.client.auth_status().await.unwrap().is_authenticated);
    assert!(real.client.models().await.unwrap_err().to_string().contains("Not authenticated"));
    assert!(real.client.quota().await.unwrap_err().to_string().contains("Not authenticated"));
    let tools = real.client.builtin_tools(None).await.unwrap();
    assert!(tools.iter().any(|tool| tool.name == "bash" && tool.parameters.is_some()));
    real.finish().await;
}

#[tokio::test]
async fn a_missing_feature_is_an_error_with_the_version_of_the_cli() {
    let real = Real::over_stdio(Script::new()).await;
    let session = real.session().start().await.unwrap();
    let error = session.call::<_, serde_json::Value>("session.fly", json!({})).await.unwrap_err();
    assert!(error.is_unsupported() && error.kind() == ErrorKind::Unsupported, "{error:?}");
    let version = real.client.cli_version().await.unwrap().version.unwrap();
    assert!(error.to_string().contains(&version) && error.to_string().contains("session.fly"), "{error}");
    real.finish().await;
}

#[tokio::test]
async fn traces_are_written_where_the_program_says() {
    let directory = tempfile::tempdir().unwrap();
    let traces = directory.path().join("traces.jsonl");
    let model = ScriptedModel::start(Script::new().say("Traced.")).await.unwrap();
    let client = hermetic_client(directory.path())
        .telemetry(Telemetry::file(traces.to_str().unwrap()).source_name("copilot-tests"))
        .session_idle_timeout(Duration::from_secs(600))
        .start()
        .await
        .unwrap();
    let trace = "0af7651916cd43dd8448eb211c80319c";
    let context = copilot::trace::TraceContext::new(format!("00-{trace}-b7ad6b7169203331-01"));
    let session = client.session().scripted_model(&model).start().await.unwrap();
    session.ask("Hello.").trace_context(context).await.unwrap();
    session.close().await.unwrap();
    client.shutdown().await.unwrap();
    let written = std::fs::read_to_string(&traces).unwrap();
    assert!(written.contains(trace), "{written}");
}

#[tokio::test]
async fn messages_that_wait_can_be_moved_edited_and_taken_out() {
    let script = Script::new()
        .expect_prompt(|text| text.contains("drei"))
        .say("Three.")
        .expect_prompt(|text| text.contains("second"))
        .say("Two.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let (mut events, queue) = (session.events(), session.queue());
    queue.pause().await.unwrap();
    for prompt in ["second", "third", "fourth", "fifth"] {
        session.send(prompt).await.unwrap();
    }
    let items = queue.content().await.unwrap().items;
    let texts: Vec<_> = items.iter().map(|item| item.display_text.as_str()).collect();
    assert_eq!(texts, ["second", "third", "fourth", "fifth"]);
    assert_eq!(items[0].kind, QueueItemKind::Message);
    queue.edit(&items[1].id, "drei").await.unwrap();
    queue.move_to(&items[1].id, 0).await.unwrap();
    queue.remove(&items[2].id).await.unwrap();
    assert!(queue.remove_newest().await.unwrap());
    let refused = queue.remove("nonsense").await.unwrap_err();
    assert!(refused.to_string().contains("nonsense"), "{refused}");
    queue.resume().await.unwrap();
    let mut said = Vec::new();
    while said.len() < 2 {
        if let EventKind::AssistantMessage(message) = events.next().await.unwrap().kind() {
            said.push(message.content.clone());
        }
    }
    assert_eq!(said, ["Three.", "Two."]);
    queue.clear().await.unwrap();
    assert!(!queue.remove_newest().await.unwrap());
    assert_eq!(queue.content().await.unwrap().items, []);
    real.finish().await;
}

#[tokio::test]
async fn a_message_that_waits_can_be_withdrawn_by_its_turn() {
    let script = Script::new().say("One.").expect_prompt(|text| text.contains("third")).say("Three.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    session.queue().pause().await.unwrap();
    let first = session.stream("first").await.unwrap();
    let mut second = session.stream("second").await.unwrap();
    let third = session.stream("third").await.unwrap();
    assert!(second.withdraw().await.unwrap());
    assert!(second.reply().await.unwrap().is_aborted());
    session.queue().resume().await.unwrap();
    assert_eq!(first.reply().await.unwrap().text(), "One.");
    let mut third = third;
    while third.next().await.is_some() {}
    assert!(!third.withdraw().await.unwrap(), "its turn is over");
    real.finish().await;
}

#[tokio::test]
async fn events_can_be_read_from_a_place_on() {
    let real = Real::over_stdio(Script::new().say("One.")).await;
    let session = real.session().start().await.unwrap();
    let cursor = session.history().cursor().await.unwrap();
    session.ask("First.").await.unwrap();
    let query = EventQuery::new().cursor(cursor).types(["user.message", "assistant.message"]).max(1);
    let page = session.history().page(&query).await.unwrap();
    assert!(page.has_more && !page.expired, "{page:?}");
    let EventKind::UserMessage(message) = page.events[0].kind() else { panic!("{page:?}") };
    assert_eq!(message.content, "First.");
    let page = session.history().page(&query.cursor(page.cursor)).await.unwrap();
    let EventKind::AssistantMessage(message) = page.events[0].kind() else { panic!("{page:?}") };
    assert_eq!((message.content.as_str(), page.events.len()), ("One.", 1));
    // Nothing happens any more, and waiting for it ends.
    let tail = session.history().cursor().await.unwrap();
    let page = session.history().page(&EventQuery::new().cursor(tail).wait_ms(10)).await.unwrap();
    assert!(page.events.is_empty() && !page.has_more);
    real.finish().await;
}

#[tokio::test]
async fn a_session_goes_back_to_an_earlier_message() {
    let script =
        Script::new().say("One.").say("Two.").expect_prompt(|text| !text.contains("Second.")).say("Again.");
    let real = Real::over_stdio(script).await;
    // Without hooks, whose events the CLI keeps although it goes back.
    let session = real
        .session()
        .workspace(Workspace::new().file_change_tracking(true))
        .permissions(Permissions::approve_all());
    let session = session.start().await.unwrap();
    session.ask("First.").await.unwrap();
    session.ask("Second.").await.unwrap();
    let points = loop {
        // Right after a turn the CLI is still busy writing.
        let points = session.history().rewind_points().await.unwrap();
        if points.unavailable_reason.is_none() {
            break points;
        }
    };
    assert!(points.file_change_tracking_enabled, "{points:?}");
    let second = points.points.iter().find(|point| point.user_message.contains("Second.")).unwrap();
    let rewound = session.history().rewind(&second.event_id, RewindMode::Conversation).await.unwrap();
    assert_eq!(rewound.outcome, RewindOutcome::Success, "{rewound:?}");
    let left = session.history().events().await.unwrap();
    assert!(left.iter().all(|event| !event.raw_data().contains("Second.")));
    assert_eq!(session.ask("Third.").await.unwrap().text(), "Again.");
    assert!(session.history().rewind("nonsense", RewindMode::Conversation).await.is_err());
    real.finish().await;
}

#[tokio::test]
async fn a_session_reports_its_instructions_and_permissions() {
    let script = Script::new().call("bash", json!({"command": "echo hi", "description": "Greet"}));
    let script = script.expect_tool_result("bash", |text| text.contains("hi")).say("Done.");
    let real = Real::over_stdio(script).await;
    std::fs::write(real.state.path().join("AGENTS.md"), "Never say never.\n").unwrap();
    let session = real.session().permissions(Permissions::deny_all()).start().await.unwrap();
    let sources = session.instructions().await.unwrap();
    assert_eq!((sources[0].label.as_str(), sources[0].content.as_str()), ("AGENTS.md", "Never say never.\n"));
    assert_eq!(session.permission_mode().await.unwrap(), PermissionMode::Manual);
    session.set_permission_mode(&PermissionMode::AllowAll).await.unwrap();
    assert_eq!(session.permission_mode().await.unwrap(), PermissionMode::AllowAll);
    // No handler was asked, so no handler has denied.
    assert_eq!(session.ask("Greet.").await.unwrap().text(), "Done.");
    session.set_permission_mode(&PermissionMode::Manual).await.unwrap();
    session.forget_approvals().await.unwrap();
    assert!(session.pending().await.unwrap().is_empty());
    let rules = ManagedPermissions::new().bypass(BypassMode::Disable);
    let managed =
        real.session().managed_settings(ManagedSettings::new().permissions(rules)).start().await.unwrap();
    let refused = managed.set_permission_mode(&PermissionMode::AllowAll).await.unwrap_err();
    assert!(refused.to_string().contains("allow-all"), "{refused}");
    real.finish().await;
}

#[tokio::test]
async fn a_fleet_begins_with_a_prompt() {
    let script = Script::new().expect_prompt(|text| text.contains("Tidy up.")).say("Tidied.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let mut events = session.events();
    assert!(session.agents().start_fleet(Some("Tidy up.")).await.unwrap());
    loop {
        if let EventKind::AssistantMessage(message) = events.next().await.unwrap().kind() {
            assert_eq!(message.content, "Tidied.");
            break;
        }
    }
    real.finish().await;
}

#[tokio::test]
async fn a_session_is_taken_over_by_another_handle_before_and_after_its_first_message() {
    let script = Script::new().say("One.").call("increment", json!({"n": 1})).say("Two.");
    let real = Real::over_stdio(script).await;
    let first = real.session().with_tools([decrement::TOOL]).start().await.unwrap();
    let resume = || real.client.resume(first.id().clone()).scripted_model(&real.model);
    let second = resume().with_tools([decrement::TOOL]).start().await.unwrap();
    assert!(first.ask("?").await.unwrap_err().is_closed());
    assert_eq!(second.ask("Count.").await.unwrap().text(), "One.");
    let third = resume().with_tools([increment::TOOL]).start().await.unwrap();
    let mut events = third.events();
    assert_eq!(third.ask("Continue.").await.unwrap().text(), "Two.");
    let mut messages = 0;
    while let Some(event) = events.try_next() {
        messages +=
            usize::from(matches!(event.kind(), EventKind::AssistantMessage(said) if said.content == "Two."));
    }
    assert_eq!(messages, 1, "no event is doubled");
    assert!(real.model.requests().last().unwrap().tool_result("increment").unwrap().contains('2'));
    third.close().await.unwrap();
    real.finish().await;
}

#[tokio::test]
async fn the_context_is_truncated_and_asked_beside_the_conversation() {
    let script = Script::new().say("One.").say("Two.").say("A chat.").say("Three.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    assert_eq!(session.activity().await.unwrap(), Default::default());
    session.ask("First.").await.unwrap();
    session.ask("Second.").await.unwrap();
    assert_eq!(session.ephemeral_query("Which title?").await.unwrap(), "A chat.");
    let request = real.model.requests().pop().unwrap();
    assert!(
        request.raw().to_string().contains("Which title?") && request.raw().to_string().contains("Second.")
    );
    assert!(
        request.raw().get("tools").is_none_or(|tools| tools == &json!([])),
        "{:?}",
        request.raw()["tools"]
    );

    let events = session.history().events().await.unwrap();
    let second = events.iter().filter(|event| event.name() == "user.message").nth(1).unwrap();
    let removed = session.history().truncate(second.id()).await.unwrap();
    assert!(removed.events_removed >= 2 && removed.checkpoint_cleanup_error.is_none(), "{removed:?}");
    assert_eq!(session.ask("Third.").await.unwrap().text(), "Three.");
    let sent = real.model.requests().pop().unwrap().raw().to_string();
    assert!(sent.contains("First.") && sent.contains("Third."), "{sent}");
    assert!(!sent.contains("Second.") && !sent.contains("Which title?"), "{sent}");
    real.finish().await;
}
