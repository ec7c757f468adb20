//! The runs of a suite: how many, how many at a time, in which sessions, and their errors.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use copilot::evals::{Case, Report, RunResult, Suite, expect};
use copilot::testing::FakeCli;

use crate::{client, good, shop};

fn results(report: &Report) -> Vec<&RunResult> {
    report.cases().iter().flat_map(|case| case.runs.iter().map(|run| &run.result)).collect()
}

fn case(name: &str) -> Case {
    Case::new(name).prompt("Refund order 17.").expect(expect::answer().contains("refunded"))
}

#[tokio::test]
async fn a_case_passes_if_enough_runs_pass() {
    let turns = Arc::new(AtomicUsize::new(0));
    let shared = Arc::clone(&turns);
    let (_cli, client) = client(move |turn| {
        let number = shared.fetch_add(1, Ordering::Relaxed);
        async move { turn.say(if number % 4 == 3 { "no" } else { "refunded" }) }
    })
    .await;
    let suite = |least: u32| {
        let case = case("k of n").runs(4).pass_at_least(least);
        Suite::new("s").client(client.clone()).case(case).concurrency(1).run()
    };
    let report = suite(3).await.unwrap();
    assert!(report.has_passed());
    assert_eq!((report.cases()[0].passed_runs(), report.cases()[0].needed), (3, 3));
    report.assert_passed();
    let report = suite(4).await.unwrap();
    assert!(!report.has_passed());
    let panicked = std::panic::catch_unwind(|| report.assert_passed()).unwrap_err();
    let text = panicked.downcast_ref::<String>().unwrap();
    assert!(text.starts_with("the suite `s` did not pass:\n") && text.contains("run 4 of 4"), "{text}");
}

#[tokio::test]
async fn errors_and_panics_of_runs_stop_no_other_run() {
    let (_cli, client) = client(|turn| async move {
        match turn.prompt() {
            "fail" => turn.fail("the model is overloaded"),
            "hang" => std::future::pending().await,
            _ => good(turn).await,
        }
    })
    .await;
    let asks = |prompt: &str| Case::new(prompt).prompt(prompt).expect(expect::answer());
    let report = Suite::new("s")
        .client(client)
        .session(|session, _| shop(session))
        .timeout(Duration::from_millis(500))
        .cases([asks("fail"), asks("hang"), asks("works")])
        .case(asks("panics").expect(expect::custom("a panic", |_| panic!("no verdict"))))
        .run()
        .await
        .unwrap();
    let results = results(&report);
    assert!(
        matches!(results[0], RunResult::Error(text) if text.contains("the model is overloaded")),
        "{results:?}"
    );
    assert_eq!(*results[1], RunResult::Error("the run did not end within 500ms".to_owned()));
    assert_eq!(*results[2], RunResult::Passed);
    assert_eq!(*results[3], RunResult::Error("a function of the suite panicked: no verdict".to_owned()));
    assert_eq!(report.cases().iter().filter(|case| case.errors() == 1).count(), 3);
}

#[tokio::test]
async fn a_lost_connection_is_an_error_of_its_runs() {
    let (cli, client) = client(|turn| async move {
        turn.cli().hang_up();
        std::future::pending::<()>().await;
    })
    .await;
    let report = Suite::new("s").client(client).case(case("a").runs(2)).run().await.unwrap();
    assert!(results(&report).iter().all(|result| matches!(result, RunResult::Error(_))), "{report}");
    drop(cli);
}

#[tokio::test]
async fn runs_are_concurrent_up_to_the_limit() {
    for limit in [1, 3] {
        let running = Arc::new((AtomicUsize::new(0), AtomicUsize::new(0)));
        let shared = Arc::clone(&running);
        let (_cli, client) = client(move |turn| {
            let shared = Arc::clone(&shared);
            async move {
                let now = shared.0.fetch_add(1, Ordering::SeqCst) + 1;
                shared.1.fetch_max(now, Ordering::SeqCst);
                // Other runs start while this one waits.
                for _ in 0..500 {
                    tokio::task::yield_now().await;
                }
                shared.0.fetch_sub(1, Ordering::SeqCst);
                turn.say("refunded");
            }
        })
        .await;
        let suite = Suite::new("s").client(client).case(case("a").runs(6)).case(case("b").runs(6));
        let report = suite.concurrency(limit).run().await.unwrap();
        assert!(report.has_passed(), "{report}");
        assert_eq!(running.1.load(Ordering::SeqCst), limit);
    }
}

#[tokio::test]
async fn a_session_is_configured_by_the_suite_the_variant_and_the_case() {
    let (cli, client) = client(good).await;
    let report = Suite::new("s")
        .client(client)
        .session(|session, _| shop(session).model("suite").streaming(false))
        .variant("plain", |session, _| session)
        .variant("other", |session, run| {
            session.model(format!("{}-{}-{}", run.case, run.variant, run.number))
        })
        .case(case("a").runs(2).session(|session, _| session.streaming(true)))
        .case(case("b"))
        .concurrency(1)
        .run()
        .await
        .unwrap();
    assert!(report.has_passed(), "{report}");
    let opened: Vec<String> = cli
        .requests("session.create")
        .iter()
        .map(|params| format!("{} {}", params["model"].as_str().unwrap(), params["streaming"]))
        .collect();
    assert_eq!(
        opened,
        ["suite true", "a-other-1 true", "suite false", "b-other-1 false", "suite true", "a-other-2 true"]
    );
    assert!(cli.open_sessions().is_empty(), "the sessions are closed");
    let columns: Vec<_> = report
        .cases()
        .iter()
        .map(|case| (case.case.as_str(), case.variant.as_str(), case.runs.len()))
        .collect();
    assert_eq!(columns, [("a", "plain", 2), ("a", "other", 2), ("b", "plain", 1), ("b", "other", 1)]);
}

#[tokio::test]
async fn prompts_of_a_case_are_one_conversation() {
    let (cli, client) = client(|turn| async move {
        match turn.prompt() {
            "first" => {
                turn.call_tool("lookup_order", serde_json::json!({"order": 1})).await;
                crate::usage(&turn, 10, 1, 0.0);
            }
            _ => crate::usage(&turn, 20, 2, 0.0),
        }
        turn.say(format!("answer to {}", turn.prompt()));
    })
    .await;
    let case =
        Case::new("two").prompt("first").prompt("second").expect(expect::answer().equals("answer to second"));
    let case = case.expect(expect::call("lookup_order")).expect(expect::tokens().at_most(33));
    let report =
        Suite::new("s").client(client).session(|session, _| shop(session)).case(case).run().await.unwrap();
    assert!(report.has_passed(), "{report}");
    assert_eq!(report.cases()[0].tokens(), 33);
    assert_eq!(cli.requests("session.create").len(), 1);
}

#[tokio::test]
async fn a_run_can_have_a_client() {
    let clis: Vec<FakeCli> = (0..2).map(|_| FakeCli::new()).collect();
    clis.iter().for_each(|cli| cli.says(["refunded", "refunded"]));
    let shared = clis.clone();
    let report = Suite::new("s")
        .client_of_run(move |run| shared[run.number as usize - 1].client_builder())
        .case(case("a").runs(2))
        .run()
        .await
        .unwrap();
    assert!(report.has_passed(), "{report}");
    for cli in &clis {
        assert_eq!(cli.requests("session.create").len(), 1);
        cli.disconnected().await;
    }
}

#[tokio::test]
async fn an_incomplete_suite_is_refused() {
    let (_cli, client) = client(good).await;
    let suite = || Suite::new("s").client(client.clone());
    for (suite, problem) in [
        (suite(), "it has no cases"),
        (suite().case(case("a")).case(case("a")), "it has two cases `a`"),
        (suite().case(Case::new("a").expect(expect::answer())), "the case `a` has no prompt"),
        (suite().case(Case::new("a").prompt("p")), "the case `a` has no expectation"),
        (suite().case(case("a").runs(2).pass_at_least(3)), "3 runs of the case `a` must pass, and it has 2"),
        (suite().case(case("a").runs(0)), "the case `a` has no runs"),
        (suite().case(case("a")).concurrency(0), "its concurrency is 0"),
        (
            suite().case(case("a")).variant("v", |session, _| session).variant("v", |session, _| session),
            "it has two variants `v`",
        ),
        (
            suite().cassettes("c").case(case("Small refund")).case(case("small refund!")),
            "the cases `Small refund` and `small refund!` would share the cassettes of `small-refund`; rename one",
        ),
        (
            suite().cassettes("c").case(case("?!")),
            "`?!`, one of the cases, needs a letter or a digit, of which the path of its cassettes is made",
        ),
        (
            suite()
                .cassettes("c")
                .case(case("a"))
                .variant("v 1", |session, _| session)
                .variant("V-1", |session, _| session),
            "the variants `v 1` and `V-1` would share the cassettes of `v-1`; rename one",
        ),
    ] {
        let error = suite.run().await.unwrap_err();
        assert_eq!(error.to_string(), format!("the suite `s` cannot run: {problem}"));
    }
}
