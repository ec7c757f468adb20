//! What bytes may look like and still be read, and what is too long. `faults.rs` has those that are no message.

use copilot::EventKind;
use copilot::testing::memory_client;
use copilot_tests::fake::{Fake, settle};
use copilot_tests::faulty::messages::frame;
use serde_json::json;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test(start_paused = true)]
async fn messages_survive_any_cut() {
    let fake = Fake::start().await;
    let session = fake.session().id("s").start().await.unwrap();
    let mut events = session.events();
    let event = |number: usize| {
        let event = json!({"type": "session.info", "id": number.to_string(), "timestamp": "", "data": {"message": "größer"}});
        let message = json!({"jsonrpc": "2.0", "method": "session.event", "params": {"sessionId": "s", "event": event}});
        frame(message.to_string().as_bytes())
    };
    let length = event(0).len();
    for cut in 0..length {
        let bytes = [event(2 * cut), event(2 * cut + 1)].concat();
        fake.cli.raw(&bytes[..cut]);
        settle().await;
        fake.cli.raw(&bytes[cut..length + cut]);
        settle().await;
        fake.cli.raw(&bytes[length + cut..]);
    }
    settle().await;
    let ids: Vec<_> = std::iter::from_fn(|| events.try_next()).map(|event| event.id().to_owned()).collect();
    assert_eq!(ids, (0..2 * length).map(|number| number.to_string()).collect::<Vec<_>>());
}

#[tokio::test(start_paused = true)]
async fn headers_are_read_in_any_order_and_case() {
    let fake = Fake::start().await;
    let session = fake.session().id("s").start().await.unwrap();
    let mut events = session.events();
    let body = r#"{"jsonrpc":"2.0","method":"session.event","params":{"sessionId":"s","event":{"type":"x","id":"1","timestamp":"","data":{}}}}"#;
    let length = body.len();
    for headers in [
        format!("content-length:{length}"),
        format!("CONTENT-LENGTH:    {length}   "),
        format!("Content-Type: application/vscode-jsonrpc; charset=utf-8\r\nContent-Length: {length}"),
        format!("Content-Length: {length}\r\nContent-Type: application/json"),
        format!("X-One: 1\r\nContent-Length: {length}\r\nX-Two: 2"),
    ] {
        fake.cli.raw(format!("{headers}\r\n\r\n{body}"));
        let seen = events.next().await.map(|event| event.name().to_owned());
        assert_eq!(seen.as_deref(), Some("x"), "{headers}");
    }
}

#[tokio::test(start_paused = true)]
async fn half_characters_and_broken_text_are_replaced_wherever_they_stand() {
    let fake = Fake::start().await;
    let session = fake.session().id("s").start().await.unwrap();
    let mut events = session.events();
    for (content, expected) in [
        (&br"half \ud83d of it"[..], "half \u{fffd} of it"),
        (br"\uDE00\ud83d\uDe00", "\u{fffd}\u{1f600}"),
        (br"\\ud83d is no escape", "\\ud83d is no escape"),
        (b"not \xff text", "not \u{fffd} text"),
        (b"\\ud83d and \xf0\x9f\x98", "\u{fffd} and \u{fffd}"),
    ] {
        let head = br#"{"jsonrpc":"2.0","method":"session.event","params":{"sessionId":"s","event":{"type":"assistant.message","id":"1","timestamp":"","data":{"messageId":"m","content":""#;
        fake.cli.frame([head, content, br#""}}}}"#].concat());
        let event = events.next().await.unwrap();
        let EventKind::AssistantMessage(message) = event.kind() else { panic!("{event:?}") };
        assert_eq!(message.content, expected);
    }
}

#[tokio::test(start_paused = true)]
async fn events_with_unusual_envelopes_arrive() {
    let fake = Fake::start().await;
    let session = fake.session().id("s").start().await.unwrap();
    let mut events = session.events();
    for (event, name) in [
        (r#"{"type":"x","id":"1","timestamp":"t","data":{},"extra":[1]}"#, "x"),
        (r#"{"type":"x\u0041\n","id":"\"","timestamp":"t","data":{}}"#, "xA\n"),
        (r#"{"type":"x"}"#, "x"),
        (
            r#"{"type":"x","id":null,"timestamp":null,"parentId":null,"agentId":null,"ephemeral":null,"data":null}"#,
            "x",
        ),
        (
            r#"{"data":[1],"ephemeral":true,"agentId":"a","parentId":"p","timestamp":"t","id":"1","type":"x"}"#,
            "x",
        ),
    ] {
        fake.cli.frame(format!(
            r#"{{"method":"session.event","params":{{"event":{event},"sessionId":"s"}},"jsonrpc":"2.0"}}"#
        ));
        settle().await;
        let seen = events.try_next().map(|event| event.name().to_owned());
        assert_eq!(seen.as_deref(), Some(name), "{event}");
    }
}

/// What a client that has not been told of a limit takes is tested where frames are cut.
#[tokio::test(start_paused = true)]
async fn a_message_over_the_limit_is_left_out_and_the_next_one_is_read() {
    let cli = copilot::testing::FakeCli::new();
    let client = cli.client_builder().max_frame_bytes(2000).start().await.unwrap();
    let session = client.session().start().await.unwrap();
    let mut events = session.events();
    cli.event(session.id(), "large", json!({"text": "x".repeat(5000)}));
    cli.event(session.id(), "small", json!({}));
    settle().await;
    let seen: Vec<_> =
        std::iter::from_fn(|| events.try_next()).map(|event| event.name().to_owned()).collect();
    assert_eq!(seen, ["small"]);
}

#[tokio::test(start_paused = true)]
async fn a_client_waits_no_longer_for_a_cli_that_ends_within_a_frame() {
    let (builder, mut far) = memory_client(1024);
    let play = async {
        let mut greeting = [0; 1024];
        let _ = far.reader.read(&mut greeting).await.unwrap();
        far.writer.write_all(b"Content-Length: 1000\r\n\r\n{\"jsonrpc\"").await.unwrap();
        drop(far);
    };
    let (started, ()) = tokio::join!(builder.start(), play);
    assert!(started.unwrap_err().is_disconnected());
}
