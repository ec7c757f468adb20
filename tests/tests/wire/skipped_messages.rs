//! Messages that are skipped: over the limit, cut off, or not JSON. The call or turn that each belongs to ends, and no other.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use copilot::elicitation::ElicitationResponse;
use copilot::testing::FakeCli;
use copilot::{ErrorKind, EventKind, Permissions};
use copilot_tests::events::{next_event, within};
use copilot_tests::fake::{Fake, all, call, settle};
use serde_json::json;

/// The limit of a frame in the tests that meet it.
const LIMIT: u32 = 64 << 10;

/// Take a text.
#[copilot::tool]
async fn swallow(
    /// The text.
    text: String,
) -> usize {
    text.len()
}

async fn limited() -> Fake {
    let cli = FakeCli::new();
    let client = cli.client_builder().max_frame_bytes(LIMIT).start().await.unwrap();
    Fake { cli, client }
}

#[tokio::test(start_paused = true)]
async fn an_answer_over_the_limit_ends_its_call_and_no_other() {
    let fake = limited().await;
    fake.cli.hold("x.y");
    let big = "x".repeat(2 * LIMIT as usize);
    for (before, after) in [
        (r#""jsonrpc":"2.0","id":ID,"result":""#, r#"""#),
        (r#""id":ID,"jsonrpc":"2.0","result":{"a":{"b":""#, r#""}}"#),
        (r#""error":null,"id":ID,"result":[""#, r#""]"#),
        (r#""id":ID,"error":{"code":1,"message":""#, r#""}"#),
    ] {
        let calls = all((0..2).map(|number| call(&fake.client, json!([number]))));
        let answer = async {
            let (first, second) = (fake.cli.held("x.y").await, fake.cli.held("x.y").await);
            let before = before.replace("ID", &first.id().to_string());
            fake.cli.frame(format!("{{{before}{big}{after}}}"));
            settle().await;
            second.answer(second.params().clone());
            first.params()[0].as_u64().unwrap()
        };
        let (results, skipped) = tokio::join!(within(calls), answer);
        for (number, result) in results.into_iter().enumerate() {
            if number as u64 != skipped {
                assert_eq!(result.unwrap(), json!([number]));
                continue;
            }
            let error = result.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Transport);
            let text = error.to_string();
            assert!(text.starts_with("x.y: the CLI's response was discarded"), "{text}");
            assert!(text.contains("the limit is 65536") && text.contains("`max_frame_bytes`"), "{text}");
        }
        fake.client.ping("?").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_over_the_limit_that_may_be_any_call_s_ends_them_all() {
    let fake = limited().await;
    fake.cli.hold("x.y");
    let calls = all((0..3).map(|number| call(&fake.client, json!(number))));
    let answer = async {
        let held = [fake.cli.held("x.y").await, fake.cli.held("x.y").await, fake.cli.held("x.y").await];
        let big = "x".repeat(2 * LIMIT as usize);
        fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","result":"{big}","id":{}}}"#, held[1].id()));
        settle().await;
        held.iter().for_each(|request| request.answer(json!("late")));
    };
    let (results, ()) = tokio::join!(within(calls), answer);
    for result in results {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Transport);
        assert!(error.to_string().contains("the limit is 65536"), "{error}");
    }
    fake.client.ping("?").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_whose_method_stands_last_is_not_an_answer() {
    let fake = limited().await;
    let _session = fake.session().id("s").start().await.unwrap();
    fake.cli.hold("x.y");
    let big = "x".repeat(2 * LIMIT as usize);
    let answer = async {
        let held = fake.cli.held("x.y").await;
        let event = format!(r#"{{"params":{{"sessionId":"s","a":"{big}"}},"method":"session.event"}}"#);
        fake.cli.frame(event);
        let request = format!(r#"{{"id":804,"params":{{"sessionId":"s","a":"{big}"}},"method":"m.n"}}"#);
        fake.cli.frame(request);
        settle().await;
        assert_eq!(fake.answers_to(&json!(804))[0]["error"]["code"], -32602);
        held.answer(json!("good"));
    };
    let (result, ()) = tokio::join!(within(call(&fake.client, json!(0))), answer);
    assert_eq!(result.unwrap(), "good");
}

#[tokio::test(start_paused = true)]
async fn a_request_over_the_limit_or_cut_off_gets_the_safe_answer() {
    let fake = limited().await;
    let _session = fake.session().id("s").start().await.unwrap();
    let big = "x".repeat(2 * LIMIT as usize);
    for (shape, tail) in [("over the limit", format!(r#""{big}"}}}}"#)), ("not JSON", "oops".to_owned())] {
        for (id, method) in [(801, "userInput.request"), (802, "permission.request"), (803, "hooks.invoke")] {
            let head =
                format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{{"sessionId":"s","a":"#);
            let before = fake.answers_to(&json!(id)).len();
            fake.cli.frame(format!("{head}{tail}"));
            settle().await;
            let answers = fake.answers_to(&json!(id));
            assert_eq!(answers.len(), before + 1, "{method}, {shape}");
            let answer = &answers[before];
            match method {
                "userInput.request" => {
                    assert_eq!(answer["error"]["code"], -32602);
                    let why = answer["error"]["message"].as_str().unwrap();
                    let reason = if shape == "not JSON" { "not JSON" } else { "the limit is 65536" };
                    assert!(why.contains(reason), "{why}");
                }
                "permission.request" => {
                    let denied = "denied-no-approval-rule-and-could-not-request-from-user";
                    assert_eq!(answer["result"]["result"]["kind"], denied);
                }
                _ => assert_eq!(answer["result"]["output"]["permissionDecision"], "deny"),
            }
        }
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_over_the_limit_is_reported_and_ends_the_turn_whose_answer_it_may_be() {
    let fake = limited().await;
    // With the members in the order of the real CLI.
    let event = |name: &str, data: &str| {
        let event =
            format!(r#"{{"type":"{name}","data":{{{data}"{}"}},"id":"e"}}"#, "x".repeat(2 * LIMIT as usize));
        let params = format!(r#"{{"sessionId":"s","event":{event}}}"#);
        format!(r#"{{"jsonrpc":"2.0","method":"session.event","params":{params}}}"#)
    };
    let answer = event("assistant.message", r#""messageId":"m","content":"#);
    fake.cli.on_turn(move |turn| {
        turn.cli().frame(&answer);
        async {}
    });
    let session = fake.session().id("s").with_tools([swallow::TOOL]).start().await.unwrap();
    let mut events = session.events();
    let error = within(session.ask("?")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Transport);
    assert!(error.to_string().contains("the limit is 65536"), "{error}");
    let reported = next_event(&mut events, |kind| matches!(kind, EventKind::MessageSkipped(_))).await;
    let EventKind::MessageSkipped(skipped) = reported.kind() else { unreachable!() };
    assert_eq!(skipped.event.as_deref(), Some("assistant.message"));
    assert!(skipped.error.to_string().contains("the limit is 65536"), "{skipped:?}");
    // A tool call that is too large is answered, so that the agent does not wait.
    let call = r#""requestId":"r","toolCallId":"c","toolName":"swallow","arguments":"#;
    fake.cli.frame(event("external_tool.requested", call));
    let answers = within(fake.cli.requested("session.tools.handlePendingToolCall", 1)).await;
    assert_eq!(
        (&answers[0]["requestId"], &answers[0]["result"]["resultType"]),
        (&json!("r"), &json!("failure"))
    );
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_is_not_json_ends_its_call() {
    let fake = Fake::start().await;
    fake.cli.hold("x.y");
    let answer = async |shape: &str| {
        let id = fake.cli.held("x.y").await.id().to_string();
        match shape {
            "broken" => fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":{{"a":oops}}}}"#)),
            "short" => fake
                .cli
                .raw(format!("Content-Length: 30\r\n\r\n{{\"id\":{id},\"result\":\"a longer text\"}}")),
            _ => fake.cli.raw(format!("Content-Length: 900\r\n\r\n{{\"id\":{id},\"result\":\"cut")),
        }
        fake.cli.frame("{}");
    };
    for (shape, kind) in
        [("broken", ErrorKind::Decode), ("short", ErrorKind::Decode), ("cut off", ErrorKind::Transport)]
    {
        let (result, ()) = tokio::join!(within(call(&fake.client, json!({}))), answer(shape));
        assert_eq!(result.unwrap_err().kind(), kind, "{shape}");
        fake.client.ping("?").await.unwrap();
    }
}

#[tokio::test(start_paused = true)]
async fn half_a_character_costs_no_message() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    fake.cli.hold("x.y");
    let (result, ()) = tokio::join!(within(call(&fake.client, json!({}))), async {
        let id = fake.cli.held("x.y").await.id().to_string();
        fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"a\ud83d b \ud83d\ude00"}}"#));
    });
    assert_eq!(result.unwrap(), "a\u{fffd} b \u{1f600}");
    let event = r#"{"type":"session.info","id":"e","timestamp":"","data":{"message":"half \ude00"}}"#;
    fake.cli.frame(format!(
        r#"{{"jsonrpc":"2.0","method":"session.event","params":{{"sessionId":"{}","event":{event}}}}}"#,
        session.id()
    ));
    let event = next_event(&mut events, |kind| matches!(kind, EventKind::SessionInfo(_))).await;
    let EventKind::SessionInfo(notice) = event.kind() else { unreachable!() };
    assert_eq!(notice.message, "half \u{fffd}");
}

#[tokio::test(start_paused = true)]
async fn good_frames_inside_a_large_broken_one_arrive() {
    let fake = Fake::start().await;
    fake.cli.hold("x.y");
    for filler in [&b"x"[..], b"\xff"] {
        let (result, ()) = tokio::join!(within(call(&fake.client, json!({}))), async {
            let id = fake.cli.held("x.y").await.id().to_string();
            let body = format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"inside"}}"#);
            let frame = format!("Content-Length: {}\r\n\r\n{body}", body.len());
            // At the end, so that the whole of the broken frame is there when the other is seen.
            let broken = [&filler.repeat(1 << 20)[..], frame.as_bytes()].concat();
            fake.cli.frame(broken);
        });
        assert_eq!(result.unwrap(), "inside");
    }
}

#[tokio::test(start_paused = true)]
async fn an_event_over_the_limit_that_asks_gets_the_safe_answer() {
    let fake = limited().await;
    // The members of the real CLI, in its order.
    let event = |name: &str, request: &str, member: &str| {
        let data = format!(
            r#"{{"requestId":"{request}","{member}":{{"a":"{}"}},"promptRequest":{{}}}}"#,
            "x".repeat(2 * LIMIT as usize)
        );
        let params = format!(r#"{{"sessionId":"s","event":{{"type":"{name}","data":{data},"id":"e"}}}}"#);
        format!(r#"{{"jsonrpc":"2.0","method":"session.event","params":{params}}}"#)
    };
    let answer = async |method: &str| within(fake.cli.requested(method, 1)).await.remove(0);
    // The permissions of the session grant it; what cannot be read is denied all the same.
    let session = fake.session().id("s").permissions(Permissions::approve_all());
    let session = session.on_elicitation(|_| async { ElicitationResponse::decline() });
    let _session = session.start().await.unwrap();
    fake.cli.frame(event("permission.requested", "p", "permissionRequest"));
    let denied = answer("session.permissions.handlePendingPermissionRequest").await;
    assert_eq!(
        (&denied["requestId"], &denied["result"]["kind"]),
        (&json!("p"), &json!("user-not-available"))
    );
    fake.cli.frame(event("elicitation.requested", "f", "requestedSchema"));
    let cancelled = answer("session.ui.handlePendingElicitation").await;
    assert_eq!((&cancelled["requestId"], &cancelled["result"]["action"]), (&json!("f"), &json!("cancel")));
}
