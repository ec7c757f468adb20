//! What the CLI tells GitHub about itself, told to the program.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use copilot::testing::{FakeCli, Script, ScriptedModel, hermetic_client};
use copilot_tests::tested;
use serde_json::json;

#[tokio::test]
async fn the_real_cli_tells_about_a_turn() {
    if !tested::since([1, 0, 82]) {
        return tested::not_supported("it does not tell its telemetry");
    }
    let state = tempfile::tempdir().unwrap();
    let model = ScriptedModel::start(Script::new().say("Hello.")).await.unwrap();
    let client = hermetic_client(state.path()).forward_github_telemetry(true).lazy().unwrap();
    let mut telemetry = client.github_telemetry();
    let session = client.session().scripted_model(&model).start().await.unwrap();
    session.ask("Say hello.").await.unwrap();
    loop {
        let told = telemetry.next().await.expect("the message is told of before the end");
        if told.event.kind == "user_message" {
            assert_eq!(told.session_id.as_ref(), Some(session.id()));
            assert!(told.event.metrics["content_length"] > 0.0, "{told:?}");
            break;
        }
    }
    assert_eq!(telemetry.missed(), 0);
    client.shutdown().await.unwrap();
    model.finish().unwrap();
}

#[tokio::test]
async fn it_is_asked_for_when_connecting_and_only_if_wanted() {
    for wanted in [false, true] {
        let cli = FakeCli::new();
        let builder = cli.client_builder();
        let builder = if wanted { builder.forward_github_telemetry(true) } else { builder };
        let client = builder.start().await.unwrap();
        assert_eq!(cli.requests("connect")[0].get("enableGitHubTelemetryForwarding").is_some(), wanted);
        let mut telemetry = client.github_telemetry();
        cli.notify("gitHubTelemetry.event", json!({"restricted": "no", "event": 5}));
        cli.notify("gitHubTelemetry.event", json!({"restricted": true, "event": {"kind": "odd"}}));
        let told = telemetry.next().await.unwrap();
        assert_eq!((told.restricted, told.event.kind.as_str(), told.session_id), (true, "odd", None));
        client.shutdown().await.unwrap();
        assert!(telemetry.next().await.is_none(), "it ends with the client");
    }
}
