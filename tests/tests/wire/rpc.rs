//! Calls in both directions: each ends, each is answered once, and none disturbs another.

use std::time::Duration;

use copilot::testing::{Answer, FakeCli, RpcError};
use copilot::{Decision, ErrorKind};
use copilot_tests::fake::{Fake, all, call, settle};
use serde_json::json;
use tokio::time::timeout;

/// Never ends by itself.
#[copilot::tool]
async fn endless() {
    std::future::pending::<()>().await;
}

#[tokio::test(start_paused = true)]
async fn calls_are_answered_in_any_order() {
    let fake = Fake::start().await;
    fake.cli.hold("x.y");
    let calls = all((0..20).map(|number| call(&fake.client, json!({"number": number}))));
    let answers = async {
        let mut held = Vec::new();
        for _ in 0..20 {
            held.push(fake.cli.held("x.y").await);
        }
        for request in held.iter().rev() {
            request.answer(json!([request.params()["number"]]));
        }
    };
    let (results, ()) = tokio::join!(calls, answers);
    let results: Vec<_> = results.into_iter().map(Result::unwrap).collect();
    assert_eq!(results, (0..20).map(|number| json!([number])).collect::<Vec<_>>());
    assert_eq!(fake.calls_pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn dropping_a_call_frees_its_id_and_its_late_answer_is_ignored() {
    let fake = Fake::start().await;
    fake.cli.hold("x.y");
    let dropped = timeout(Duration::from_secs(1), call(&fake.client, json!(1))).await;
    assert!(dropped.is_err() && fake.calls_pending() == 0);
    let late = fake.cli.held("x.y").await;
    let (answer, ()) = tokio::join!(call(&fake.client, json!(2)), async {
        let request = fake.cli.held("x.y").await;
        assert_ne!(request.id(), late.id());
        late.answer(json!("late"));
        late.answer(RpcError::new(-32800, "cancelled"));
        request.answer(json!("in time"));
    });
    assert_eq!(answer.unwrap(), "in time");
}

#[tokio::test(start_paused = true)]
async fn a_call_that_is_never_polled_sends_nothing() {
    let fake = Fake::start().await;
    drop(call(&fake.client, json!(1)));
    settle().await;
    assert_eq!((fake.cli.requests("x.y").len(), fake.calls_pending()), (0, 0));
}

#[tokio::test(start_paused = true)]
async fn answers_with_unknown_ids_and_second_answers_are_ignored() {
    let fake = Fake::start().await;
    fake.cli.hold("x.y");
    let (answer, ()) = tokio::join!(call(&fake.client, json!({})), async {
        let request = fake.cli.held("x.y").await;
        for id in ["999", "-1", "1.5", "18446744073709551616", r#""1""#, "true", "[1]", r#"{"id":1}"#] {
            fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","id":{id},"result":"foreign"}}"#));
        }
        request.answer(json!("first"));
        request.answer(json!("second"));
        request.answer(RpcError::new(1, "third"));
    });
    assert_eq!(answer.unwrap(), "first");
    assert!(fake.client.ping("still there").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn every_shape_of_answer_ends_its_call() {
    let fake = Fake::start().await;
    fake.cli.hold("x.y");
    for (members, expected) in [
        (r#""result":null"#, Ok(json!(null))),
        (r#""result":{"a":1}"#, Ok(json!({"a": 1}))),
        // No CLI sends this one, but a call must not wait without a limit.
        (r#""extra":1"#, Ok(json!(null))),
        (r#""error":{"code":-32001}"#, Err((ErrorKind::Response, Some(-32001), None))),
        (
            r#""error":{"code":-32603,"message":"no","data":{"why":1}},"result":null"#,
            Err((ErrorKind::Response, Some(-32603), Some(json!({"why": 1})))),
        ),
        (r#""error":"odd""#, Err((ErrorKind::Response, Some(-32603), None))),
        (r#""error":null,"result":7"#, Ok(json!(7))),
        (r#""result":1,"result":2"#, Err((ErrorKind::Decode, None, None))),
    ] {
        let (answer, ()) =
            tokio::join!(timeout(Duration::from_secs(1), call(&fake.client, json!({}))), async {
                let id = fake.cli.held("x.y").await.id().clone();
                fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","id":{id},{members}}}"#));
            });
        let answer = answer.unwrap_or_else(|_| panic!("{members} leaves its call waiting"));
        let answer = answer.map_err(|error| (error.kind(), error.code(), error.data().cloned()));
        assert_eq!(answer, expected, "{members}");
    }
    // An answer with invalid UTF-8 in places is repaired, as long as it is JSON.
    let (answer, ()) = tokio::join!(timeout(Duration::from_secs(1), call(&fake.client, json!({}))), async {
        let id = fake.cli.held("x.y").await.id().clone();
        fake.cli.frame([format!(r#"{{"id":{id},"result":"a"#).as_bytes(), b"\xff\xfe", br#"b"}"#].concat());
    });
    assert_eq!(answer.expect("it ends").unwrap(), "a\u{fffd}\u{fffd}b");
}

#[tokio::test(start_paused = true)]
async fn an_error_without_id_fails_the_calls_that_wait_and_no_later_one() {
    let fake = Fake::start().await;
    fake.cli.hold("x.y");
    let calls = all((0..3).map(|number| call(&fake.client, json!(number))));
    let (results, ()) = tokio::join!(calls, async {
        fake.cli.requested("x.y", 3).await;
        fake.cli.frame(
            r#"{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"recursion limit exceeded"}}"#,
        );
    });
    for result in results {
        let error = result.unwrap_err();
        assert_eq!((error.kind(), error.code()), (ErrorKind::Response, Some(-32700)));
        assert_eq!(error.to_string(), "x.y: recursion limit exceeded (error -32700)");
    }
    assert!(fake.client.ping("still there").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn each_waiter_learns_the_first_cause_of_the_end() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.hold("x.y");
    fake.cli.hold("session.send");
    let mut events = session.events();
    let calls = all((0..3).map(|number| call(&fake.client, json!(number))));
    let ask = async { session.ask("?").await.map(|reply| reply.to_string()) };
    let (results, asked, ()) = tokio::join!(calls, ask, async {
        fake.cli.requested("x.y", 3).await;
        fake.cli.requested("session.send", 1).await;
        fake.cli.hang_up();
    });
    let mut errors: Vec<_> = results.into_iter().map(Result::unwrap_err).collect();
    errors.push(asked.unwrap_err());
    // Later calls receive it too.
    errors.push(call(&fake.client, json!(4)).await.unwrap_err());
    errors.push(session.send("!").await.unwrap_err());
    errors.push(fake.session().start().await.unwrap_err());
    let last = events.next().await.unwrap();
    match last.kind() {
        copilot::EventKind::Disconnected(cause) => errors.push(cause.clone()),
        other => panic!("{other:?}"),
    }
    assert!(events.next().await.is_none());
    for error in errors {
        assert_eq!(error.kind(), ErrorKind::Disconnected);
        assert_eq!(error.to_string(), "the connection to the CLI ended: it closed its side");
    }
    session.close().await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn parameters_that_the_cli_could_not_read_are_refused_before_they_are_sent() {
    let fake = Fake::start().await;
    let deep = (0..200).fold(json!(1), |inner, _| json!([inner]));
    let error = call(&fake.client, json!({"deep": deep})).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    let source = std::error::Error::source(&error).unwrap().to_string();
    assert!(source.contains("127 levels"), "{source}");
    settle().await;
    assert_eq!((fake.cli.requests("x.y").len(), fake.calls_pending()), (0, 0));
    assert!(fake.client.ping("still there").await.is_ok());
}

#[tokio::test(start_paused = true)]
async fn every_request_of_the_cli_is_answered_once() {
    let fake = Fake::start().await;
    let _session = fake.session().id("s").with_tools([endless::TOOL]).start().await.unwrap();
    for (id, method, params, code) in [
        ("1", "no.such", r#"{"sessionId":"s"}"#, -32601),
        ("2", "no.such", "{}", -32601),
        ("3", "no.such", "null", -32601),
        ("4", "tool.call", r#"{"sessionId":"foreign","toolName":"endless"}"#, -32603),
        ("5", "tool.call", r#"{"toolName":"endless"}"#, -32602),
        ("8", "tool.call", r#"{"sessionId":5}"#, -32602),
        ("9", "tool.call", "5", -32602),
        (r#""a string""#, "no.such", "{}", -32601),
        ("9007199254740993", "no.such", "{}", -32601),
        ("-1", "no.such", "{}", -32601),
    ] {
        fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#));
        settle().await;
        let answers = fake.answers_to(&serde_json::from_str(id).unwrap());
        let codes: Vec<_> = answers.iter().map(|answer| answer["error"]["code"].as_i64()).collect();
        assert_eq!(codes, [Some(code)], "{method} {params}: {answers:?}");
    }
    // Of these an error would say too little: `security.rs` has their answers.
    for (id, method, params) in [
        (6, "permission.request", r#"{"permissionRequest":{"kind":"read"}}"#),
        (7, "tool.call", r#"{"sessionId":"s","toolName":5}"#),
    ] {
        fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","id":{id},"method":"{method}","params":{params}}}"#));
        settle().await;
        let answers = fake.answers_to(&json!(id));
        assert!(answers.len() == 1 && answers[0]["result"].is_object(), "{method} {params}: {answers:?}");
    }
    // An unreadable message is answered if it has an id.
    fake.cli.frame(r#"{"jsonrpc":"2.0","id":70,"method":["tool.call"],"params":{}}"#);
    settle().await;
    assert_eq!(fake.answers_to(&json!(70))[0]["error"]["code"], -32602);
    // The same id as one of our own calls, and one that has been used already: both are the CLI's own.
    for _ in 0..2 {
        fake.cli.frame(r#"{"jsonrpc":"2.0","id":1,"method":"no.such"}"#);
    }
    settle().await;
    assert_eq!(fake.answers_to(&json!(1)).len(), 3);
}

#[tokio::test(start_paused = true)]
async fn notifications_are_never_answered() {
    let fake = Fake::start().await;
    let _session = fake.session().id("s").start().await.unwrap();
    let before = fake.cli.received().len();
    for params in ["null", "5", "[]", "{}", r#"{"sessionId":"s"}"#, r#"{"sessionId":5,"event":5}"#] {
        for method in ["session.event", "session.lifecycle", "host.event", "$/cancelRequest", "tool.call"] {
            fake.cli.frame(format!(r#"{{"jsonrpc":"2.0","method":"{method}","params":{params}}}"#));
        }
    }
    fake.cli.frame(r#"{"jsonrpc":"2.0","id":null,"method":"tool.call","params":{}}"#);
    settle().await;
    assert_eq!(fake.cli.received().len(), before);
}

#[tokio::test(start_paused = true)]
async fn a_handler_that_is_dropped_still_answers() {
    let fake = Fake::of_version("0.0.403").await;
    let asks = async |_| std::future::pending::<Decision>().await;
    let session =
        fake.session().id("s").on_permission(asks).with_tools([endless::TOOL]).start().await.unwrap();
    let permission = fake.cli.ask_permission(session.id(), json!({"kind": "read"})).start();
    let call = fake.cli.call_tool(session.id(), "endless", json!({})).start();
    settle().await;
    assert!(!permission.is_answered() && !call.is_answered());
    session.close().await.unwrap();
    // In words: the oldest CLIs take an error for a yes.
    let denied = "denied-no-approval-rule-and-could-not-request-from-user";
    assert_eq!(permission.answer().await["kind"], denied);
    settle().await;
    assert!(call.is_answered());
}

#[tokio::test(start_paused = true)]
async fn a_call_waits_for_a_cli_that_never_answers_only_as_long_as_its_caller() {
    let cli = FakeCli::new();
    cli.on("x.y", |_, _| Answer::Never);
    let fake = Fake::on(cli).await;
    assert!(timeout(Duration::from_secs(3600), call(&fake.client, json!({}))).await.is_err());
    assert_eq!(fake.calls_pending(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_does_not_greet_is_given_up_after_the_startup_timeout() {
    let cli = FakeCli::new();
    cli.on("connect", |_, _| Answer::Never);
    let error = cli.client_builder().startup_timeout(Duration::from_secs(5)).start().await.unwrap_err();
    assert!(error.is_timeout() && error.to_string().contains("`startup_timeout`"), "{error}");
    cli.disconnected().await;
}

#[tokio::test(start_paused = true)]
async fn a_startup_timeout_may_be_longer_than_any_time() {
    let cli = FakeCli::new();
    let client = cli.client_builder().startup_timeout(Duration::MAX).start().await.unwrap();
    client.ping("?").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_protocol_that_we_do_not_speak_is_refused_by_name() {
    for (answer, said) in [
        (
            json!({"protocolVersion": 4, "version": "2.0.0"}),
            "the CLI 2.0.0 speaks protocol 4, this library 2 to 3",
        ),
        (json!({"protocolVersion": 1}), "the CLI of unknown version speaks protocol 1"),
        (json!({}), "has no protocol version"),
    ] {
        let cli = FakeCli::new();
        cli.on("connect", move |_, _| answer.clone());
        let error = cli.client_builder().start().await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(said), "{error}");
    }
}
