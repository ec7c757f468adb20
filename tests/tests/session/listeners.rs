//! Listeners and subscribers: panics, drops, order and wakers.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use copilot_tests::fake::{all, settle};
use serde_json::json;
use tokio::time::{Instant, timeout};

use crate::asks::{SECOND, by_hand};

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn a_dropped_subscription_is_not_called_again_after_the_call_in_progress() {
    let (fake, session) = by_hand().await;
    let (calls, counted) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let (called, was_called) = std::sync::mpsc::channel();
    let (release, released) = std::sync::mpsc::channel::<()>();
    let count = Arc::clone(&calls);
    let subscription = session.on(move |_| {
        if count.fetch_add(1, Ordering::SeqCst) == 0 {
            called.send(()).unwrap();
            released.recv().unwrap();
        }
    });
    let count = Arc::clone(&counted);
    let _other = session.on(move |_| {
        count.fetch_add(1, Ordering::SeqCst);
    });
    for _ in 0..100 {
        fake.cli.event(session.id(), "assistant.intent", json!({}));
    }
    was_called.recv().unwrap();
    // All of them wait for the listener by the time it is dropped.
    while counted.load(Ordering::SeqCst) < 100 {
        tokio::task::yield_now().await;
    }
    drop(subscription);
    release.send(()).unwrap();
    // Its task ends, and with it the last other owner of the count.
    while Arc::strong_count(&calls) > 1 {
        tokio::task::yield_now().await;
    }
    assert_eq!(calls.load(Ordering::SeqCst), 1);
}

/// Panics when it is dropped.
struct Explosive(&'static str);

impl Drop for Explosive {
    fn drop(&mut self) {
        if !std::thread::panicking() {
            panic!("{}", self.0);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_listener_whose_panics_and_drops_panic_does_not_stop_itself_or_others() {
    let (fake, session) = by_hand().await;
    let seen: Arc<Mutex<Vec<&str>>> = Arc::default();
    let listen = |name: &'static str| {
        let seen = Arc::clone(&seen);
        move || seen.lock().unwrap().push(name)
    };
    let (first, panicking, last) = (listen("first"), listen("panicking"), listen("last"));
    let _first = session.on(move |_| first());
    let own = Arc::new(Mutex::new(None));
    let (itself, explosive) = (Arc::clone(&own), Explosive("the listener is dropped"));
    let subscription = session.on(move |_| {
        let _ = &explosive;
        panicking();
        std::panic::panic_any(Explosive("the payload is dropped"));
    });
    *own.lock().unwrap() = Some(subscription);
    let dropping = session.on(move |_| {
        // Drops the other listener, and panics with it.
        let other = itself.lock().unwrap().take();
        drop(other);
        panic!("after the drop");
    });
    let _last = session.on(move |_| last());
    for _ in 0..3 {
        fake.cli.event(session.id(), "assistant.intent", json!({}));
        settle().await;
    }
    let seen = seen.lock().unwrap().clone();
    let of = |name: &str| seen.iter().filter(|seen| **seen == name).count();
    assert_eq!((of("first"), of("last")), (3, 3), "{seen:?}");
    assert!(of("panicking") >= 1);
    drop(dropping);
}

#[tokio::test(start_paused = true)]
async fn a_listener_is_called_again_after_a_panic_whose_payload_panics() {
    let (fake, session) = by_hand().await;
    let calls = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&calls);
    let _subscription = session.on(move |_| {
        counted.fetch_add(1, Ordering::SeqCst);
        std::panic::panic_any(Explosive("the payload is dropped"));
    });
    for _ in 0..3 {
        fake.cli.event(session.id(), "assistant.intent", json!({}));
    }
    settle().await;
    assert_eq!(calls.load(Ordering::SeqCst), 3);
}

#[tokio::test(start_paused = true)]
async fn every_subscriber_that_sleeps_is_woken() {
    let (fake, session) = by_hand().await;
    let other = fake.session().start().await.unwrap();
    let streams = [session.events(), session.events(), other.events(), other.events(), session.events()];
    let waiting = streams.into_iter().map(|mut stream| async move {
        timeout(10 * SECOND, async { while stream.next().await.unwrap().name() != "assistant.intent" {} })
            .await
    });
    let began = Instant::now();
    let (woken, ()) = tokio::join!(all(waiting), async {
        settle().await;
        // In one write, so that the reader wakes all of them together.
        fake.cli.event(session.id(), "assistant.intent", json!({}));
        fake.cli.event(other.id(), "assistant.intent", json!({}));
    });
    assert!(woken.iter().all(Result::is_ok), "{woken:?}");
    // One that is not woken finds its event when the limit wakes it.
    assert!(began.elapsed() < SECOND, "one was woken after {:?}", began.elapsed());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_subscriber_that_has_an_event_sees_the_state_that_it_changed() {
    let (fake, session) = by_hand().await;
    let mut events = session.events();
    for number in 0..200 {
        let wanted = number % 2 == 0;
        fake.cli.event(session.id(), "capabilities.changed", json!({"ui": {"elicitation": wanted}}));
        while events.next().await.unwrap().name() != "capabilities.changed" {}
        let ui = session.capabilities().ui;
        assert_eq!(ui.elicitation, Some(wanted), "after {number} changes");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_listener_may_be_added_on_a_thread_without_a_runtime() {
    let (fake, session) = by_hand().await;
    let (heard, mut events) = tokio::sync::mpsc::channel(100);
    let adder = session.clone();
    let added =
        std::thread::spawn(move || adder.on(move |event| heard.try_send(event.name().to_owned()).unwrap()));
    let _subscription = added.join().unwrap();
    fake.cli.event(session.id(), "assistant.intent", json!({}));
    assert_eq!(timeout(SECOND * 20, events.recv()).await.unwrap().unwrap(), "assistant.intent");
}
