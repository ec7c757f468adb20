//! Budgets of turns on the real CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::sync::atomic::{AtomicU32, Ordering};

use copilot::session::Budget;
use copilot::testing::{Script, Tokens};
use copilot::{ErrorKind, State};
use copilot_tests::real::Real;
use serde_json::json;

#[derive(Default)]
struct Calls(AtomicU32);

/// Look something up.
#[copilot::tool(read_only, budget = 2)]
async fn look_up(calls: State<Calls>) -> &'static str {
    calls.0.fetch_add(1, Ordering::Relaxed);
    "found"
}

#[tokio::test]
async fn the_real_agent_ends_a_turn_at_its_budget_and_works_on_the_next() {
    let tokens = Tokens { input: 1000, output: 10 };
    for (budget, runs, used) in [
        (Budget::new().tokens(2000), 1, "2020 tokens of"),
        (Budget::new().requests(2), 1, "2 requests to models of"),
        (Budget::new().tool_calls(1), 1, "asks for 2 tool calls"),
    ] {
        let script = Script::new()
            .tokens(tokens)
            .call("look_up", json!({}))
            .tokens(tokens)
            .call("look_up", json!({}))
            .say("The next turn.");
        let real = Real::over_stdio(script).await;
        let calls = std::sync::Arc::<Calls>::default();
        let session = real
            .session()
            .with_tools([look_up::TOOL])
            .shared_state(std::sync::Arc::clone(&calls))
            .start()
            .await
            .unwrap();
        let error = session.ask("Look it up.").budget(budget).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Budget, "{error:?}");
        assert!(error.to_string().contains(used), "{error}");
        // The abort may come after the CLI has requested the second call, which only the budget of calls refuses.
        let ran = calls.0.load(Ordering::Relaxed);
        assert!((runs..=2).contains(&ran) && (ran == 1 || !used.contains("calls")), "{ran} calls, {used}");
        assert_eq!(session.ask("And now?").await.unwrap().text(), "The next turn.");
        session.close().await.unwrap();
    }
}

#[tokio::test]
async fn the_model_reads_the_rest_of_a_tools_budget_and_the_use_of_tools_is_counted() {
    let mut script = Script::new();
    for rest in
        ["left in this turn: 1 of 2.]", "the last call of `look_up` in this turn", "at most twice a turn"]
    {
        script =
            script.call("look_up", json!({})).expect_tool_result("look_up", move |text| text.contains(rest));
    }
    let real = Real::over_stdio(script.say("Done.")).await;
    let session = real.session().with_tools([look_up::TOOL]).state(Calls::default()).start().await.unwrap();
    let reply = session.ask("Look it up.").await.unwrap();
    assert_eq!(reply.text(), "Done.");
    let usage = reply.tool_usage()["look_up"];
    assert_eq!((usage.calls, usage.failures), (3, 1));
    assert_eq!(reply.usage().requests, 4);
    assert!(!usage.time.is_zero() && !reply.usage().model_time.is_zero(), "{usage:?} {:?}", reply.usage());
    assert_eq!(session.tool_usage().await.unwrap()["look_up"].calls, 3);
    session.close().await.unwrap();
}
