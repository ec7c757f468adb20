//! Budgets of turns and of tools, and what a turn reports of its use.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use copilot::limits::Limits;
use copilot::session::Budget;
use copilot::testing::{FakeCli, FakeTurn};
use copilot::{Error, ErrorKind, EventKind, Session, State};
use copilot_tests::fake::Fake;
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

#[derive(Default)]
struct Calls(AtomicU32);

/// Look something up.
#[copilot::tool]
async fn look_up(calls: State<Calls>) -> &'static str {
    calls.0.fetch_add(1, Ordering::Relaxed);
    "found"
}

/// Search everywhere.
#[copilot::tool(budget = 2)]
async fn search(calls: State<Calls>) -> &'static str {
    calls.0.fetch_add(1, Ordering::Relaxed);
    "found"
}

/// A step of the agent: it uses 100 tokens of the model and calls a tool.
async fn step(turn: &FakeTurn, tool: &str) -> Value {
    turn.event("assistant.turn_start", json!({"turnId": "0"}));
    sleep(Duration::from_millis(250)).await;
    let usage = json!({"model": "m", "inputTokens": 90, "outputTokens": 10, "cost": 0.5, "duration": 250});
    turn.event("assistant.usage", usage);
    turn.call_tool(tool, json!({})).await
}

/// A session whose agent calls `look_up` until it is aborted, or as often as the message says.
async fn working(limits: Limits) -> (Fake, Session, Arc<Calls>) {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        for _ in 0..turn.prompt().parse().unwrap_or(1000) {
            step(&turn, "look_up").await;
        }
        turn.event("assistant.turn_start", json!({"turnId": "0"}));
        turn.event("assistant.usage", json!({"model": "m", "inputTokens": 90, "outputTokens": 10}));
        turn.say("done");
    });
    let fake = Fake::on(cli).await;
    let calls = Arc::<Calls>::default();
    let session = fake
        .session()
        .with_tools([look_up::TOOL, search::TOOL])
        .shared_state(Arc::clone(&calls))
        .limits(limits)
        .start()
        .await
        .unwrap();
    (fake, session, calls)
}

fn exceeded(error: &Error) -> String {
    assert_eq!(error.kind(), ErrorKind::Budget, "{error:?}");
    assert!(!error.is_retryable());
    let text = error.to_string();
    let used = text.strip_prefix("the turn needs more than its budget and was aborted: it ");
    let used = used.unwrap_or_else(|| panic!("{text}")).split(';').next().unwrap();
    used.strip_prefix("has come to ").unwrap_or(used).to_owned()
}

#[tokio::test(start_paused = true)]
async fn a_turn_without_tools_is_aborted_at_the_request_that_exceeds_its_budget() {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        for _ in 0..50 {
            turn.event("assistant.turn_start", json!({"turnId": "0"}));
            let usage = json!({"model": "m", "inputTokens": 90, "outputTokens": 10});
            turn.event("assistant.usage", usage);
            sleep(Duration::from_secs(1)).await;
        }
        turn.say("done");
    });
    let fake = Fake::on(cli).await;
    let session = fake.session().start().await.unwrap();
    let began = Instant::now();
    let error = session.ask("go").budget(Budget::new().tokens(300)).await.unwrap_err();
    assert_eq!(exceeded(&error), "300 tokens of `Budget::tokens(300)`");
    assert!(began.elapsed() < Duration::from_secs(4), "{:?}", began.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_turn_that_needs_more_than_its_budget_is_aborted_and_says_which() {
    for (budget, used, runs) in [
        (Budget::new().tokens(300), "300 tokens of `Budget::tokens(300)`", 2),
        (Budget::new().tokens(301), "400 tokens of `Budget::tokens(301)`", 3),
        (Budget::new().requests(1), "1 requests to models of `Budget::requests(1)`", 0),
        (Budget::new().cost(1.0), "1 premium requests of `Budget::cost(1)`", 1),
        (Budget::new().tool_calls(3), "asks for 4 tool calls, of which `Budget::tool_calls(3)` allows 3", 3),
        (Budget::new().tool_calls(0), "asks for 1 tool calls, of which `Budget::tool_calls(0)` allows 0", 0),
    ] {
        let (fake, session, calls) = working(Limits::new()).await;
        let error = session.ask("go").budget(budget).await.unwrap_err();
        assert_eq!(exceeded(&error), used);
        assert_eq!(fake.cli.requests("session.abort").len(), 1, "{used}");
        // The message that has exceeded the budget is there, with the events of the turn.
        let reply = error.partial_reply().unwrap();
        assert!(reply.is_aborted() && reply.tool_calls().count() > 0);
        // A call that is requested before the abort arrives runs only within the budget of calls.
        let ran = calls.0.load(Ordering::Relaxed);
        assert!((runs..=runs + 1).contains(&ran), "{ran} calls, {used}");
        if used.contains("tool calls") {
            assert_eq!(ran, runs, "{used}");
        }
        // The next turn has its own budget.
        assert_eq!(
            session.ask("1").budget(Budget::new().tool_calls(1).tokens(300)).await.unwrap().text(),
            "done"
        );
    }
}

#[tokio::test(start_paused = true)]
async fn an_answer_that_has_arrived_is_not_lost_to_the_budget() {
    let (fake, session, _) = working(Limits::new()).await;
    // The last request exceeds the budget, and its answer is the end.
    let budget = Budget::new().tokens(250).requests(3).tool_calls(2);
    let reply = session.ask("2").budget(budget).await.unwrap();
    assert_eq!((reply.text(), reply.usage().tokens()), ("done", 300));
    assert_eq!(fake.cli.requests("session.abort").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_stream_has_all_events_and_then_the_error() {
    let (_fake, session, _) = working(Limits::new()).await;
    let mut turn = session.stream("go").budget(Budget::new().tool_calls(1)).await.unwrap();
    let mut is_idle = false;
    let error = loop {
        match turn.next().await.expect("an error ends the turn") {
            Ok(event) => is_idle = matches!(event.kind(), EventKind::SessionIdle(_)),
            Err(error) => break error,
        }
    };
    assert_eq!(exceeded(&error), "asks for 2 tool calls, of which `Budget::tool_calls(1)` allows 1");
    assert!(is_idle && turn.next().await.is_none());
}

#[tokio::test(start_paused = true)]
async fn the_budget_of_the_session_holds_for_each_request_that_sets_none() {
    let limits = Limits::new().turn_budget(Budget::new().tool_calls(2));
    let (_fake, session, calls) = working(limits).await;
    for _ in 0..2 {
        assert_eq!(session.ask("2").await.unwrap().text(), "done");
    }
    assert_eq!(
        exceeded(&session.ask("3").await.unwrap_err()),
        "asks for 3 tool calls, of which `Budget::tool_calls(2)` allows 2"
    );
    // No limit of an earlier turn is left.
    let before = calls.0.load(Ordering::Relaxed);
    assert_eq!(session.ask("3").budget(Budget::new()).await.unwrap().text(), "done");
    assert_eq!(calls.0.load(Ordering::Relaxed) - before, 3);
}

#[tokio::test(start_paused = true)]
async fn a_message_behind_another_turn_spends_its_own_budget_only() {
    let (_fake, session, calls) = working(Limits::new()).await;
    let first = session.ask("5").into_future();
    let second = session.ask("2").budget(Budget::new().tool_calls(2).tokens(1000)).into_future();
    let (first, second) = tokio::join!(first, second);
    assert_eq!((first.unwrap().text(), second.unwrap().text()), ("done", "done"));
    assert_eq!(calls.0.load(Ordering::Relaxed), 7);
}

#[tokio::test(start_paused = true)]
async fn each_of_two_messages_in_the_queue_has_the_budget_of_a_turn() {
    for budget in [Budget::new().tool_calls(3), Budget::new().requests(4), Budget::new().tokens(500)] {
        let (fake, session, calls) = working(Limits::new().turn_budget(budget)).await;
        // The second one is sent while the agent works on the first.
        let (first, second) = tokio::join!(session.ask("3"), session.ask("3"));
        let (first, second) = (first.unwrap(), second.unwrap());
        assert_eq!((first.text(), second.text()), ("done", "done"));
        assert!(!first.is_aborted() && !second.is_aborted());
        assert_eq!((first.usage().requests, second.usage().requests), (4, 4));
        assert_eq!(calls.0.load(Ordering::Relaxed), 6);
        assert_eq!(fake.cli.requests("session.abort").len(), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn the_message_of_another_client_is_not_charged() {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        let work = |message: &str| {
            turn.event("assistant.turn_start", json!({"turnId": "0"}));
            turn.event("assistant.usage", json!({"model": "m", "inputTokens": 90, "outputTokens": 10}));
            let data = json!({"content": message, "originatingMessageId": message});
            turn.event("assistant.message", data);
        };
        work(turn.message_id().as_str());
        turn.event("user.message", json!({"messageId": "other", "content": "?", "delivery": "queued"}));
        work("other");
        sleep(Duration::from_secs(1)).await;
    });
    let fake = Fake::on(cli).await;
    let session = fake.session().start().await.unwrap();
    let reply = session.ask("go").budget(Budget::new().requests(1)).await.unwrap();
    assert_eq!((reply.usage().requests, reply.is_aborted()), (1, false));
    assert_eq!(reply.originating_message_id().map(ToString::to_string), Some(reply.text().to_owned()));
    assert_eq!(fake.cli.requests("session.abort").len(), 0);
}

#[tokio::test(start_paused = true)]
async fn a_tool_with_a_budget_informs_the_model_and_begins_again_with_the_next_turn() {
    let cli = FakeCli::new();
    cli.on_turn(|turn| async move {
        let mut texts = Vec::new();
        for _ in 0..3 {
            let result = step(&turn, "search").await;
            texts.push(format!("{}: {}", result["resultType"], result["textResultForLlm"]));
        }
        let other = step(&turn, "look_up").await;
        texts.push(other["textResultForLlm"].to_string());
        turn.say(texts.join("\n"));
    });
    let fake = Fake::on(cli).await;
    let calls = Arc::<Calls>::default();
    let tools = [look_up::TOOL, search::TOOL];
    let session = fake.session().with_tools(tools).shared_state(Arc::clone(&calls)).start().await.unwrap();
    for turn in 1..=2 {
        let reply = session.ask("search").await.unwrap();
        assert_eq!(
            reply.text(),
            "\"success\": \"found\\n[Calls of `search` that are left in this turn: 1 of 2.]\"\n\
             \"success\": \"found\\n[This was the last call of `search` in this turn, which may have 2.]\"\n\
             \"failure\": \"`search` was not run: it may be called at most twice a turn, and was. Answer with what you \
             have.\"\n\
             \"found\""
        );
        assert_eq!(calls.0.load(Ordering::Relaxed), 3 * turn);
    }
    // Also where the agent is not idle between the turns.
    let (first, second) = tokio::join!(session.ask("search"), session.ask("search"));
    assert!(first.unwrap().text().contains("1 of 2") && second.unwrap().text().contains("1 of 2"));
    assert_eq!(calls.0.load(Ordering::Relaxed), 12);
}

#[tokio::test]
async fn a_reply_and_a_session_report_the_use_of_each_tool() {
    let (_fake, session, _) = working(Limits::new()).await;
    let reply = session.ask("3").await.unwrap();
    let usage = reply.usage();
    assert_eq!((usage.requests, usage.tokens(), usage.cost), (4, 400, 1.5));
    assert_eq!(usage.model_time, Duration::from_millis(750));
    let tools = reply.tool_usage();
    assert_eq!(tools.len(), 1);
    assert_eq!((tools["look_up"].calls, tools["look_up"].failures), (3, 0));
    assert!(session.ask("2").without_events().await.unwrap().tool_usage().is_empty());
    let tools = session.tool_usage().await.unwrap();
    assert_eq!((tools["look_up"].calls, tools["look_up"].failures), (5, 0));
}
