//! A CLI that misbehaves, over memory, over the pipes of a process and over TCP: what is good arrives, and whoever
//! waits for what does not come learns why.

use std::time::Duration;

use copilot::testing::FakeCli;
use copilot::{ErrorKind, EventKind, EventStream};
use copilot_tests::fake::{Fake, all};
use copilot_tests::faulty::endings::{Ending, noticed};
use copilot_tests::faulty::messages::{event, frame, malformed, unexpected};
use copilot_tests::faulty::mix::{Mixed, mixed};
use copilot_tests::faulty::{Carrier, Manner, tasks, tasks_fall_to};
use serde_json::{Value, json};
use tokio::time::timeout;

use crate::backpressure::echo;

const RELAY: &str = env!("CARGO_BIN_EXE_relay");
/// Only what never ends takes this long.
const PATIENCE: Duration = Duration::from_secs(120);

/// The number in the next event that has one.
async fn number(events: &mut EventStream) -> Value {
    loop {
        let event =
            timeout(PATIENCE, events.next()).await.expect("an event comes").expect("the stream goes on");
        if event.name() == "test.good" {
            return event.data::<Value>().expect("a payload")["number"].clone();
        }
    }
}

fn good(fake: &Fake, number: usize) {
    fake.cli.event(&"s".into(), "test.good", json!({"number": number}));
}

#[tokio::test]
async fn good_messages_follow_malformed_bytes() {
    for carrier in Carrier::all(RELAY) {
        let before = tasks();
        let fake = carrier.connect(FakeCli::new()).await;
        let session = fake.session().id("s").with_tools([echo::TOOL]).start().await.unwrap();
        let mut events = session.events();
        for (name, bytes) in malformed() {
            for at in [1, 2] {
                fake.cli.raw(&bytes);
                good(&fake, at);
                assert_eq!(number(&mut events).await, at, "{carrier:?}: after {name}");
            }
            // An answer may stand behind it as well, and a turn.
            fake.cli.raw(&bytes);
            assert!(fake.client.ping("?").await.is_ok(), "{carrier:?}: after {name}");
            assert_eq!(session.ask("?").await.unwrap().text(), "OK.", "{carrier:?}: after {name}");
        }
        assert_eq!(fake.calls_pending(), 0);
        fake.client.shutdown().await.unwrap();
        drop((fake, session, events));
        timeout(PATIENCE, tasks_fall_to(before)).await.expect("no task is left");
    }
}

#[tokio::test]
async fn good_messages_follow_unexpected_ones() {
    for carrier in Carrier::all(RELAY) {
        let fake = carrier.connect(FakeCli::new()).await;
        let session = fake.session().id("s").with_tools([echo::TOOL]).start().await.unwrap();
        let mut events = session.events();
        for (name, message) in unexpected() {
            for at in [1, 2] {
                fake.cli.frame(message.to_string());
                good(&fake, at);
                assert_eq!(number(&mut events).await, at, "{carrier:?}: after {name}");
            }
            let result = fake.cli.call_tool(session.id(), "echo", json!({"text": name})).await;
            assert_eq!(result["textResultForLlm"], name, "{carrier:?}");
            assert_eq!(session.ask("?").await.unwrap().text(), "OK.", "{carrier:?}: after {name}");
        }
        // Each request among them was answered as often as it was sent, and nothing else was.
        let requests = unexpected()
            .iter()
            .filter(|(_, message)| message["id"] == 987_654 && message.get("method").is_some())
            .count();
        assert_eq!(fake.answers_to(&json!(987_654)).len(), 2 * requests, "{carrier:?}");
        assert_eq!(fake.calls_pending(), 0);
    }
}

#[tokio::test]
async fn what_stands_on_stdout_before_the_first_frame_is_passed_over() {
    for carrier in Carrier::all(RELAY) {
        for (name, bytes) in malformed() {
            // Before the first answer the client waits for one, and a process is dear.
            if matches!(carrier, Carrier::Pipes(_)) && !name.starts_with("a l") {
                continue;
            }
            let manner = Manner { greeting: bytes, ..Manner::default() };
            let connected = timeout(PATIENCE, carrier.connect_with(FakeCli::new(), &manner)).await;
            let fake = connected.unwrap_or_else(|_| panic!("{carrier:?}: no connection after {name}"));
            assert!(fake.client.ping("?").await.is_ok(), "{carrier:?}: after {name}");
        }
    }
}

#[tokio::test]
async fn a_turn_that_arrives_byte_by_byte_is_whole() {
    for carrier in Carrier::all(RELAY) {
        let cli = FakeCli::new();
        cli.on_turn(|turn| async move {
            let result = turn.call_tool("echo", json!({"text": "größer als \u{1f600}"})).await;
            turn.say(result["textResultForLlm"].as_str().unwrap());
        });
        let manner = Manner { pieces: vec![1], ..Manner::default() };
        let fake = carrier.connect_with(cli, &manner).await;
        let session = fake.session().with_tools([echo::TOOL]).start().await.unwrap();
        assert_eq!(session.ask("?").await.unwrap().text(), "größer als \u{1f600}", "{carrier:?}");
    }
}

#[tokio::test]
async fn faults_at_random_cost_no_good_message() {
    for carrier in Carrier::all(RELAY) {
        let before = tasks();
        for seed in 0..8 {
            let Mixed { faults, good, lost } = timeout(PATIENCE, mixed(carrier, seed, 60))
                .await
                .unwrap_or_else(|_| panic!("{carrier:?}, seed {seed}: something never came"));
            assert!(faults > 40 && good >= 60, "{carrier:?}, seed {seed}: {faults} faults among {good}");
            assert_eq!(lost, 0, "{carrier:?}, seed {seed}");
        }
        timeout(PATIENCE, tasks_fall_to(before)).await.expect("no task is left");
    }
}

#[tokio::test]
async fn whoever_waits_learns_how_a_connection_ended() {
    for carrier in Carrier::all(RELAY) {
        for ending in Ending::of(carrier) {
            noticed(carrier, *ending).await;
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_cli_that_no_longer_listens_is_heard_out_before_it_is_given_up() {
    let fake = Carrier::Memory.connect(FakeCli::new()).await;
    fake.cli.hold("x.y");
    fake.cli.on("x.deafen", |_, _| json!(null));
    let call = fake.client.call::<_, Value>("x.y", json!({}));
    let (answer, ()) = tokio::join!(call, async {
        let request = fake.cli.held("x.y").await;
        fake.client.call::<_, Value>("x.deafen", json!({})).await.unwrap();
        // This is what breaks the pipe; the answer to the other call is still on its way.
        let (unheard, ()) = tokio::join!(fake.client.ping("?"), async {
            tokio::task::yield_now().await;
            request.answer(json!("said before"));
        });
        let error = unheard.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Disconnected);
        let source = std::error::Error::source(&error).expect("why writing failed").to_string();
        assert!(source.contains("pipe"), "{source}");
    });
    assert_eq!(answer.unwrap(), "said before");
}

#[tokio::test]
async fn an_answer_to_a_dropped_call_disturbs_nobody() {
    for carrier in Carrier::all(RELAY) {
        let fake = carrier.connect(FakeCli::new()).await;
        fake.cli.hold("x.y");
        for _ in 0..20 {
            let call = fake.client.call::<_, Value>("x.y", json!({}));
            let dropped = tokio::select! {
                _ = call => panic!("nobody answers"),
                request = fake.cli.held("x.y") => request,
            };
            assert_eq!(fake.calls_pending(), 0);
            dropped.answer(json!("late"));
            dropped.answer(json!("and twice"));
            assert!(fake.client.ping("?").await.is_ok(), "{carrier:?}");
        }
    }
}

#[tokio::test]
async fn a_cli_that_does_not_read_stops_its_callers_and_nothing_else() {
    const PIECE: usize = 64 << 10;
    // Four MiB may wait in the client, and the sockets of two processes hold some as well.
    const MOST: usize = (4 + 24) * ((1 << 20) / PIECE);
    for carrier in Carrier::all(RELAY) {
        let fake = carrier.connect(FakeCli::new()).await;
        fake.cli.on("x.y", |params, _| json!(params["text"].as_str().map(str::len)));
        let session = fake.session().id("s").start().await.unwrap();
        let mut events = session.events();
        fake.cli.stop_reading();
        let text = "x".repeat(PIECE);
        let calls = all((0..MOST + 50).map(|_| {
            let (client, params) = (fake.client.clone(), json!({"text": text}));
            async move { client.call::<_, usize>("x.y", params).await }
        }));
        let meanwhile = async {
            for at in 0..200 {
                good(&fake, at);
                assert_eq!(number(&mut events).await, at, "{carrier:?}");
                let pending = fake.calls_pending();
                assert!(pending < MOST, "{carrier:?}: {pending} calls were let through");
            }
            fake.cli.read_on();
        };
        let (answers, ()) =
            timeout(PATIENCE, async { tokio::join!(calls, meanwhile) }).await.expect("all are answered");
        assert!(answers.into_iter().all(|answer| answer.unwrap() == PIECE), "{carrier:?}");
        assert_eq!(fake.calls_pending(), 0);
    }
}

#[tokio::test]
async fn no_event_of_a_flood_is_lost() {
    const EVENTS: usize = 20_000;
    for carrier in Carrier::all(RELAY) {
        let fake = carrier.connect(FakeCli::new()).await;
        let session = fake.session().id("s").with_tools([echo::TOOL]).start().await.unwrap();
        let mut events = session.events();
        // All at once, and foreign ones between them.
        let foreign = frame(event("foreign", "test.good", json!({"number": 0})).to_string().as_bytes());
        for at in 0..EVENTS {
            good(&fake, at);
            fake.cli.raw(&foreign);
        }
        let result = fake.cli.call_tool(session.id(), "echo", json!({"text": "behind the flood"})).await;
        assert_eq!(result["textResultForLlm"], "behind the flood", "{carrier:?}");
        for at in 0..EVENTS {
            assert_eq!(number(&mut events).await, at, "{carrier:?}");
        }
        while let Some(event) = events.try_next() {
            assert!(!matches!(event.kind(), EventKind::Lagged(_)), "{carrier:?}");
        }
    }
}
