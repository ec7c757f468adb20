//! Each expectation holds for a good run, and says what it expected of a wrong one.

use copilot::evals::expect::{self, Expectation, Verdict};
use copilot::evals::{Case, RunResult, Suite};
use serde_json::{Value, json};

use crate::{client, good, is_small, shop};

/// Runs one case with this expectation on the good agent. Returns the text of the unmet expectation.
async fn unmet(expectation: impl Into<Expectation>) -> Option<String> {
    let (_cli, client) = client(good).await;
    let suite = Suite::new("refunds").client(client).session(|session, _| shop(session));
    let case = Case::new("small refund").prompt("Refund order 17.").expect(expectation);
    let report = suite.case(case).run().await.unwrap();
    match &report.cases()[0].runs[0].result {
        RunResult::Passed => None,
        RunResult::Failed(unmet) => {
            Some(unmet.iter().map(ToString::to_string).collect::<Vec<_>>().join("; "))
        }
        other => panic!("{other:?}"),
    }
}

const CALLS: &str = r#"the calls were lookup_order({"order":17}), refund({"cents":400,"order":17})"#;
const ANSWER: &str = r#"the answer was "4 euros are refunded.""#;

#[tokio::test]
async fn calls_are_expected_by_name_order_and_arguments() {
    let met: [Expectation; 11] = [
        expect::calls(["refund", "lookup_order"]).into(),
        expect::calls(["lookup_order", "refund"]).in_order().only().into(),
        expect::calls(["refund"]).in_order().into(),
        expect::call("refund").into(),
        expect::call("refund").arguments(is_small).times(1).into(),
        expect::call("refund").with(json!({"cents": 400})).by_main_agent().into(),
        expect::call("refund").schema(json!({"properties": {"cents": {"maximum": 400}}})).into(),
        expect::call("escalate").times(0).into(),
        expect::no_call("escalate").into(),
        expect::tool_calls().at_most(2).into(),
        expect::custom(
            "two calls",
            |outcome| if outcome.calls.len() == 2 { Ok(()) } else { Err(String::new()) },
        )
        .into(),
    ];
    for expectation in met {
        let shown = format!("{expectation:?}");
        assert_eq!(unmet(expectation).await, None, "{shown}");
    }
    let wrong: [(Expectation, &str); 11] = [
        (expect::calls(["refund", "escalate"]).into(), "calls of `refund`, `escalate`"),
        (expect::calls(["refund", "refund"]).into(), "calls of `refund`, `refund`"),
        (
            expect::calls(["refund", "lookup_order"]).in_order().into(),
            "calls of `refund`, `lookup_order` in this order",
        ),
        (expect::calls(["refund"]).only().into(), "calls of `refund` and no others"),
        (expect::call("escalate").into(), "a call of `escalate`"),
        (expect::call("refund").times(2).into(), "2 calls of `refund`"),
        (
            expect::call("refund").arguments(|arguments: &Value| arguments["cents"] == 5).into(),
            "a call of `refund` with arguments that meet the predicate",
        ),
        (
            expect::call("refund").with(json!({"order": 17})).with(json!({"cents": 4})).into(),
            r#"a call of `refund` with the arguments {"order":17} and the arguments {"cents":4}"#,
        ),
        (
            expect::call("refund").schema(json!({"required": ["reason"]})).times(1).into(),
            r#"1 call of `refund` with arguments that fit the schema {"required":["reason"]}"#,
        ),
        (expect::no_call("refund").into(), "no call of `refund`"),
        (expect::no_calls().into(), "no calls"),
    ];
    for (expectation, expected) in wrong {
        assert_eq!(unmet(expectation).await, Some(format!("expected {expected}; {CALLS}")));
    }
}

#[tokio::test]
async fn the_answer_and_the_cost_are_expected() {
    let met: [Expectation; 6] = [
        expect::answer().into(),
        expect::answer()
            .contains("refunded")
            .lacks("sorry")
            .matches("^[0-9] euros")
            .satisfies(|text| text.len() < 30)
            .into(),
        expect::answer().equals(" 4 euros are refunded.\n").into(),
        expect::tokens().at_most(1_200).into(),
        expect::cost().at_most(0.5).into(),
        expect::requests().at_most(1).into(),
    ];
    for expectation in met {
        let shown = format!("{expectation:?}");
        assert_eq!(unmet(expectation).await, None, "{shown}");
    }
    let wrong: [(Expectation, &str); 5] = [
        (
            expect::answer().contains("refunded").contains("sorry").into(),
            r#"an answer that contains "sorry""#,
        ),
        (expect::answer().lacks("euros").into(), r#"an answer that does not contain "euros""#),
        (expect::answer().equals("4 euros").into(), r#"the answer "4 euros""#),
        (expect::answer().matches("^euros").into(), "an answer that matches `^euros`"),
        (expect::answer().satisfies(str::is_empty).into(), "an answer that meets the predicate"),
    ];
    for (expectation, expected) in wrong {
        assert_eq!(unmet(expectation).await, Some(format!("expected {expected}; {ANSWER}")));
    }
    let text = unmet(expect::tokens().at_most(1_199)).await;
    assert_eq!(text.as_deref(), Some("expected at most 1199 tokens; there were 1200"));
    let text = unmet(expect::cost().at_most(0.25)).await;
    assert_eq!(text.as_deref(), Some("expected at most 0.25 premium requests; there were 0.5"));
    let text = unmet(expect::custom("an empty till", |_| Err("it has 3 euros".to_owned()))).await;
    assert_eq!(text.as_deref(), Some("expected an empty till; it has 3 euros"));
}

#[tokio::test]
async fn a_judge_decides_by_the_prompt_and_the_answer() {
    let judge = |score| {
        expect::judge(move |prompt: String, answer: String| async move {
            assert_eq!((prompt.as_str(), answer.as_str()), ("Refund order 17.", "4 euros are refunded."));
            Verdict::new(score, "it names no order")
        })
    };
    assert_eq!(unmet(judge(0.5)).await, None);
    assert_eq!(unmet(judge(0.7).at_least(0.7)).await, None);
    assert_eq!(
        unmet(judge(0.25).at_least(0.7)).await,
        Some(format!(
            "expected a score of at least 0.7 by the judge; the score was 0.25: it names no order; {ANSWER}"
        ))
    );
}

#[tokio::test]
async fn a_judge_that_fails_is_an_error_of_the_run() {
    let (_cli, client) = client(good).await;
    let broken = expect::judge(async |_, _| Err::<Verdict, _>("the rubric is lost"));
    let wild = expect::judge(async |_, _| Verdict::new(7.0, "very good"));
    let suite = Suite::new("refunds").client(client).session(|session, _| shop(session));
    let case = |name| Case::new(name).prompt("Refund order 17.");
    let report =
        suite.case(case("broken").expect(broken)).case(case("wild").expect(wild)).run().await.unwrap();
    let errors: Vec<_> = report.cases().iter().map(|case| case.runs[0].result.clone()).collect();
    assert_eq!(
        errors,
        [
            RunResult::Error("the judge has failed: the rubric is lost".to_owned()),
            RunResult::Error("a judge has returned the score 7, which is not between 0 and 1".to_owned()),
        ]
    );
}

#[tokio::test]
async fn a_model_judges_by_a_rubric() {
    let (_cli, client) = client(|turn| async move {
        if turn.prompt().contains("Judge the answer") {
            assert!(
                turn.prompt().contains("names the amount") && turn.prompt().contains("4 euros are refunded.")
            );
            turn.say(r#"{"score": 0.25, "reason": "No order is named."}"#);
        } else {
            good(turn).await;
        }
    })
    .await;
    let suite = Suite::new("refunds").client(client).session(|session, _| shop(session));
    let judge = expect::judge_with(|session| session, "The answer names the amount and the order.");
    let report = suite.case(Case::new("small").prompt("Refund order 17.").expect(judge)).run().await.unwrap();
    assert_eq!(
        report.failures(),
        "small, run 1 of 1:\n  - expected a score of at least 0.5 by the rubric \"The answer names the amount and the \
         order.\"; the score was 0.25: No order is named.; the answer was \"4 euros are refunded.\""
    );
}

#[tokio::test]
async fn calls_of_sub_agents_are_marked() {
    let (_cli, client) = client(|turn| async move {
        let request =
            json!({"toolCallId": "c1", "name": "refund", "arguments": {"order": 1}, "type": "function"});
        let data = json!({"messageId": "m1", "content": "", "toolRequests": [request]});
        turn.cli().whole_event(
            turn.session_id(),
            json!({"type": "assistant.message", "agentId": "a7", "data": data}),
        );
        turn.say("done");
    })
    .await;
    let suite = Suite::new("refunds").client(client).session(|session, _| shop(session));
    let case = Case::new("small")
        .prompt("Refund.")
        .expect(expect::call("refund"))
        .expect(expect::call("refund").by_main_agent());
    let report = suite.case(case).run().await.unwrap();
    assert_eq!(
        report.failures(),
        "small, run 1 of 1:\n  - expected a call of `refund` with the main agent as the caller; the calls were \
         refund({\"order\":1}) by sub-agent a7"
    );
}
