//! Subscribers: each at its own pace, none in the way of another.

use std::sync::{Arc, Mutex, mpsc};

use copilot::EventKind;
use copilot_tests::fake::{Fake, settle};
use serde_json::json;

use crate::lifecycle::echo;

#[tokio::test(start_paused = true)]
async fn every_subscriber_gets_every_event_in_order() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let mut streams: Vec<_> = (0..3).map(|_| session.events()).collect();
    let seen = Arc::new(Mutex::new(Vec::new()));
    let guard = session.on({
        let seen = Arc::clone(&seen);
        move |event| seen.lock().unwrap().push(event.id().to_owned())
    });
    let sent: Vec<_> =
        (0..5_000).map(|number| fake.cli.event(session.id(), "session.info", json!({"n": number}))).collect();
    settle().await;
    for stream in &mut streams {
        let ids: Vec<_> =
            std::iter::from_fn(|| stream.try_next()).map(|event| event.id().to_owned()).collect();
        assert_eq!(ids, sent);
    }
    assert_eq!(*seen.lock().unwrap(), sent);
    drop(guard);
}

#[tokio::test(start_paused = true)]
async fn dropping_the_guard_of_a_listener_unsubscribes_it() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let count = Arc::new(Mutex::new(0));
    let guard = session.on({
        let count = Arc::clone(&count);
        move |_| *count.lock().unwrap() += 1
    });
    fake.cli.event(session.id(), "session.info", json!({}));
    settle().await;
    drop(guard);
    settle().await;
    // The listener itself is gone, with what it held.
    assert_eq!(Arc::strong_count(&count), 1);
    fake.cli.event(session.id(), "session.info", json!({}));
    settle().await;
    assert_eq!(*count.lock().unwrap(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_listener_that_panics_is_called_again_and_disturbs_nobody() {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([echo::TOOL]).start().await.unwrap();
    let count = Arc::new(Mutex::new(0));
    let _guard = session.on({
        let count = Arc::clone(&count);
        move |_| {
            *count.lock().unwrap() += 1;
            panic!("in a listener");
        }
    });
    let mut events = session.events();
    for _ in 0..2 {
        let result = fake.cli.call_tool(session.id(), "echo", json!({"text": "still here"})).await;
        assert_eq!(result["textResultForLlm"], "still here");
    }
    settle().await;
    let seen = std::iter::from_fn(|| events.try_next()).count();
    assert!(seen >= 4);
    // Its mutex is poisoned by the panic outside of it only if it was held, and it was not.
    assert_eq!(*count.lock().unwrap(), seen);
}

#[tokio::test(start_paused = true)]
async fn a_slow_subscriber_is_told_what_it_missed_and_delays_nobody() {
    let fake = Fake::start().await;
    let session = fake.session().event_budget(10_000).with_tools([echo::TOOL]).start().await.unwrap();
    let (mut slow, mut quick) = (session.events(), session.events());
    let mut read = 0;
    for number in 0..1000 {
        fake.cli.event(session.id(), "session.info", json!({"message": "x".repeat(100), "n": number}));
        while quick.try_next().is_some() {
            read += 1;
        }
        settle().await;
    }
    while quick.try_next().is_some() {
        read += 1;
    }
    assert_eq!(read, 1000);
    let result = fake.cli.call_tool(session.id(), "echo", json!({"text": "in time"})).await;
    assert_eq!(result["textResultForLlm"], "in time");
    settle().await;

    let first = slow.try_next().unwrap();
    let EventKind::Lagged(missed) = first.kind() else { panic!("{first:?}") };
    let left: Vec<_> = std::iter::from_fn(|| slow.try_next()).collect();
    assert!(left.iter().all(|event| !matches!(event.kind(), EventKind::Lagged(_))), "it is told once");
    // The call was two events: asked and completed.
    assert_eq!(missed + left.len() as u64, 1002);
    assert_eq!(left.last().unwrap().name(), "external_tool.completed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_that_blocks_its_thread_delays_neither_tools_nor_other_subscribers() {
    let fake = Fake::start().await;
    let session = fake.session().with_tools([echo::TOOL]).start().await.unwrap();
    let (release, blocked) = mpsc::channel::<()>();
    let _guard = session.on(move |_| {
        // Until the sender is dropped.
        let _ = blocked.recv();
    });
    let mut events = session.events();
    fake.cli.event(session.id(), "session.info", json!({}));
    let result = fake.cli.call_tool(session.id(), "echo", json!({"text": "in time"})).await;
    assert_eq!(result["textResultForLlm"], "in time");
    assert_eq!(events.next().await.unwrap().name(), "session.info");
    drop(release);
}

#[tokio::test(start_paused = true)]
async fn a_stream_gives_what_came_before_the_close_and_then_ends() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    for _ in 0..3 {
        fake.cli.event(session.id(), "session.info", json!({}));
    }
    settle().await;
    session.close().await.unwrap();
    for _ in 0..3 {
        assert_eq!(events.next().await.unwrap().name(), "session.info");
    }
    assert!(events.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn unknown_types_and_odd_payloads_are_events_too() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    fake.cli.event(session.id(), "never.heard_of", json!({"a": [1]}));
    fake.cli.event(session.id(), "assistant.message", json!({"content": 5}));
    fake.cli.whole_event(session.id(), json!({"type": "session.idle", "agentId": "a", "ephemeral": true}));
    let unknown = events.next().await.unwrap();
    assert!(matches!(unknown.kind(), EventKind::Other));
    assert_eq!((unknown.name(), unknown.raw_data()), ("never.heard_of", r#"{"a":[1]}"#));
    assert!(matches!(events.next().await.unwrap().kind(), EventKind::Invalid(_)));
    let inner = events.next().await.unwrap();
    assert_eq!((inner.agent_id(), inner.is_ephemeral()), (Some("a"), true));
}
