//! A suite on the real CLI, with a scripted model, and with cassettes.

use copilot::evals::{Case, Suite, expect};
use copilot::testing::{Script, ScriptedModel, hermetic_client};
use serde_json::json;

use crate::shop;

fn refunds() -> Suite {
    Suite::new("refunds").case(
        Case::new("small refund")
            .prompt("Refund order 17, 4 euros.")
            .runs(2)
            .expect(expect::calls(["lookup_order", "refund"]).in_order())
            .expect(expect::call("refund").with(json!({"order": 17, "cents": 400})))
            .expect(expect::answer().contains("refunded"))
            .expect(expect::tokens().at_most(100_000)),
    )
}

async fn model() -> ScriptedModel {
    let script = Script::new()
        .for_every_conversation()
        .call("lookup_order", json!({"order": 17}))
        .call("refund", json!({"order": 17, "cents": 400}))
        .say("4 euros are refunded.");
    ScriptedModel::start(script).await.unwrap()
}

#[tokio::test]
async fn a_suite_runs_on_the_real_cli() {
    let directory = tempfile::tempdir().unwrap();
    let model = model().await;
    let provider = model.provider();
    let name = model.model_name();
    let client = hermetic_client(directory.path()).start().await.unwrap();
    let report = refunds()
        .client(client.clone())
        .session(move |session, _| shop(session).provider(provider.clone()).model(name))
        .run()
        .await
        .unwrap();
    report.assert_passed();
    assert!(report.cases()[0].tokens() > 0, "{report}");
    client.shutdown().await.unwrap();
    model.finish().unwrap();
}

#[tokio::test]
async fn a_suite_is_recorded_and_replayed_without_the_model() {
    let directory = tempfile::tempdir().unwrap();
    let cassettes = directory.path().join("cassettes");
    let client = hermetic_client(directory.path()).start().await.unwrap();
    let model = model().await;
    let (provider, name) = (model.provider(), model.model_name());
    let suite = || {
        let provider = provider.clone();
        refunds()
            .client(client.clone())
            .session(move |session, _| shop(session).provider(provider.clone()).model(name))
            .cassettes(&cassettes)
    };
    let recorded = suite().run().await.unwrap();
    recorded.assert_passed();
    let requests = model.requests().len();
    for number in [1, 2] {
        assert!(cassettes.join(format!("small-refund/run-{number}.jsonl")).exists());
    }
    let replayed = suite().run().await.unwrap();
    replayed.assert_passed();
    assert_eq!(model.requests().len(), requests, "a replay asks no model");
    client.shutdown().await.unwrap();
}
