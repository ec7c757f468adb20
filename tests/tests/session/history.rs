//! The history of a session, read in pages.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use copilot::testing::Script;
use copilot::{Event, EventKind, SessionId};
use copilot_tests::events::within;
use copilot_tests::fake::Fake;
use copilot_tests::real::Real;
use serde_json::{Value, json};

use crate::lifecycle::echo;

#[tokio::test(start_paused = true)]
async fn a_history_is_read_in_pages_that_fit() {
    let fake = Fake::start_with(|client| client.max_frame_bytes(64 << 10)).await;
    let session = fake.session().start().await.unwrap();
    for number in 0..2500 {
        fake.cli.event(session.id(), "session.info", json!({"message": number.to_string()}));
    }
    let messages = |events: &[Event]| -> Vec<String> {
        let notices = events.iter().filter_map(|event| match event.kind() {
            EventKind::SessionInfo(notice) => Some(notice.message.clone()),
            _ => None,
        });
        notices.collect()
    };
    let expected: Vec<String> = (0..2500).map(|number| number.to_string()).collect();
    let history = within(session.history().events()).await.unwrap();
    assert_eq!(messages(&history), expected);
    // A thousand of these are over the limit.
    let sizes: Vec<_> =
        fake.cli.requests("session.eventLog.read").iter().map(|asked| asked["max"].clone()).collect();
    assert!(sizes[0] == 1000 && sizes[1..].iter().all(|size| *size == 100), "{sizes:?}");
    assert!(fake.cli.requests("session.getMessages").is_empty());
    // Old CLIs know only this.
    let fake = Fake::of_version("1.0.32").await;
    let session = fake.session().start().await.unwrap();
    fake.cli.event(session.id(), "session.info", json!({"message": "0"}));
    assert_eq!(messages(&within(session.history().events()).await.unwrap()), ["0"]);
}

#[tokio::test(start_paused = true)]
async fn a_history_ends_whatever_the_cli_says_of_its_pages() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.on("session.eventLog.read", |_, _| json!({"events": [], "cursor": "c", "hasMore": true}));
    assert!(within(session.history().events()).await.unwrap().is_empty());
    fake.cli.on("session.eventLog.read", |_, _| {
        let event = json!({"type": "session.info", "id": "e", "timestamp": "", "data": {"message": "m"}});
        json!({"events": [event], "cursor": "c", "hasMore": true})
    });
    assert_eq!(within(session.history().events()).await.unwrap().len(), 2);
    // A place that is forgotten meanwhile begins the list again.
    fake.cli.on("session.eventLog.read", |params, asked| {
        let event = json!({"type": "session.info", "id": "e", "timestamp": "", "data": {"message": "m"}});
        match asked.count() {
            4 => json!({"events": [event], "cursor": "1", "hasMore": true}),
            5 => json!({"events": [event], "cursor": "2", "hasMore": false, "cursorStatus": "expired"}),
            count => panic!("{count} {params}"),
        }
    });
    assert_eq!(within(session.history().events()).await.unwrap().len(), 1);
}

#[tokio::test]
async fn on_the_real_cli_the_pages_of_a_history_are_complete() {
    let script = Script::new().call("echo", json!({"text": "three"})).say("Three.").say("Bye.");
    let real = Real::over_stdio(script).await;
    let session = real.session().with_tools([echo::TOOL]).streaming(true).start().await.unwrap();
    session.ask("One and two?").await.unwrap();
    session.ask("Bye?").await.unwrap();
    let whole = whole_of(&session).await;
    let of_pages = |events: &[Event]| -> Vec<_> {
        let data = |event: &Event| serde_json::from_str(event.raw_data()).unwrap();
        events.iter().map(|event| (json!(event.id()), json!(event.name()), data(event))).collect()
    };
    assert!(whole.len() > 5, "{whole:?}");
    assert_eq!(of_pages(&session.history().events().await.unwrap()), whole);
    let mut query = copilot::history::EventQuery::new().max(2).include_ephemeral(false);
    let mut events = Vec::new();
    loop {
        let page = session.history().page(&query).await.unwrap();
        assert!(page.events.len() <= 2);
        events.extend(page.events);
        if !page.has_more {
            break;
        }
        query = query.cursor(page.cursor);
    }
    assert_eq!(of_pages(&events), whole);
    // Also after the session was taken from the disk.
    let id: SessionId = session.id().clone();
    session.close().await.unwrap();
    let session = real.client.resume(id).scripted_model(&real.model).start().await.unwrap();
    assert_eq!(of_pages(&session.history().events().await.unwrap()), whole_of(&session).await);
    real.finish().await;
}

/// The events as the CLI gives them in one message: id, type and data.
async fn whole_of(session: &copilot::Session) -> Vec<(Value, Value, Value)> {
    let whole: Value = session.call("session.getMessages", json!({})).await.unwrap();
    let shape = |event: &Value| (event["id"].clone(), event["type"].clone(), event["data"].clone());
    whole["events"].as_array().unwrap().iter().map(shape).collect()
}
