//! Cassettes of the real CLI: recorded through both seams, and replayed without the model.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use copilot::cassette::Cassette;
use copilot::providers::Provider;
use copilot::testing::{ModelApi, Script, ScriptedModel, hermetic_client};
use copilot::{ClientBuilder, ErrorKind, Session, SessionBuilder, State};
use serde_json::json;
use tempfile::TempDir;

/// The amount that the tool reports, and the number of its calls.
struct Bank {
    report: String,
    calls: AtomicUsize,
}

impl Bank {
    fn new(report: impl Into<String>) -> Arc<Self> {
        Arc::new(Self { report: report.into(), calls: AtomicUsize::new(0) })
    }
}

/// Refunds an order.
#[copilot::tool]
fn refund(
    /// The number of the order.
    order: u32,
    bank: State<Bank>,
) -> String {
    bank.calls.fetch_add(1, Ordering::Relaxed);
    format!("order {order}: {}", bank.report)
}

fn script() -> Script {
    Script::new()
        .call("refund", json!({"order": 42}))
        .expect_tool_result("refund", |result| result.contains("order 42"))
        .stream(["12 EUR ", "are refunded."])
}

/// A directory with the cassette and the files of the CLIs.
struct Place(TempDir);

impl Place {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn cassette(&self) -> PathBuf {
        self.0.path().join("refund.jsonl")
    }

    fn text(&self) -> String {
        std::fs::read_to_string(self.cassette()).unwrap()
    }

    /// A client whose CLI has a directory of this name.
    fn client(&self, name: &str) -> ClientBuilder {
        let directory = self.0.path().join(name);
        std::fs::create_dir(&directory).unwrap();
        hermetic_client(directory)
    }
}

fn session(client: &copilot::Client, bank: &Arc<Bank>) -> SessionBuilder {
    client.session().with_tools([refund::TOOL]).shared_state(Arc::clone(bank)).streaming(true)
}

async fn ask(session: SessionBuilder) -> copilot::Result<String> {
    Ok(session.start().await?.ask("Refund order 42.").await?.text().to_owned())
}

/// Records the script with the session's seam, in one of the protocols.
async fn record(place: &Place, api: ModelApi, bank: &Arc<Bank>) {
    let model = ScriptedModel::start(script()).await.unwrap();
    let cassette = Cassette::record(place.cassette()).await.unwrap();
    let client = place.client("recording").start().await.unwrap();
    let session = session(&client, bank).provider(model.provider_of(api)).model(model.model_name());
    assert_eq!(ask(session.cassette(&cassette)).await.unwrap(), "12 EUR are refunded.");
    client.shutdown().await.unwrap();
    model.finish().unwrap();
    cassette.finish().unwrap();
}

#[tokio::test]
async fn a_session_is_recorded_and_replayed_in_every_protocol() {
    for api in [ModelApi::ChatCompletions, ModelApi::Responses, ModelApi::Messages] {
        let (place, bank) = (Place::new(), Bank::new("done"));
        record(&place, api, &bank).await;
        assert_eq!(Cassette::load(place.cassette()).unwrap().requests(), 2, "{}", place.text());

        let cassette = Cassette::replay(place.cassette()).await.unwrap();
        let client = place.client("replay").start().await.unwrap();
        let reply = ask(session(&client, &bank).cassette(&cassette)).await;
        client.shutdown().await.unwrap();
        cassette.finish().unwrap();
        assert_eq!(reply.unwrap(), "12 EUR are refunded.", "{api:?}");
        // The program's tool runs in the replay too.
        assert_eq!(bank.calls.load(Ordering::Relaxed), 2);
    }
}

#[tokio::test]
async fn both_seams_together_record_each_request_once() {
    let (place, bank) = (Place::new(), Bank::new("done"));
    let model = ScriptedModel::start(script()).await.unwrap();
    let cassette = Cassette::record(place.cassette()).await.unwrap();
    let client = place.client("recording").cassette(&cassette).start().await.unwrap();
    let with_provider =
        |builder: SessionBuilder| builder.provider(model.provider()).model(model.model_name());
    let reply = ask(with_provider(session(&client, &bank)).cassette(&cassette)).await.unwrap();
    assert_eq!(reply, "12 EUR are refunded.");
    client.shutdown().await.unwrap();
    cassette.finish().unwrap();
    model.finish().unwrap();
    assert_eq!(Cassette::load(place.cassette()).unwrap().requests(), 2, "{}", place.text());

    // In the replay, a provider that is not there would be asked without the interception.
    let cassette = Cassette::replay(place.cassette()).await.unwrap();
    let client = place.client("replay").github_token("not-used-in-a-replay").cassette(&cassette);
    let client = client.start().await.unwrap();
    let nowhere = Provider::openai("http://nowhere.invalid/v1");
    let reply = ask(session(&client, &bank).provider(nowhere).model("any")).await;
    client.shutdown().await.unwrap();
    cassette.finish().unwrap();
    assert_eq!(reply.unwrap(), "12 EUR are refunded.");
}

#[tokio::test]
async fn a_difference_fails_the_turn_and_names_the_message() {
    let place = Place::new();
    record(&place, ModelApi::ChatCompletions, &Bank::new("12 EUR")).await;
    let cassette = Cassette::replay(place.cassette()).await.unwrap();
    let client = place.client("replay").start().await.unwrap();
    let error = ask(session(&client, &Bank::new("13 EUR")).cassette(&cassette)).await.unwrap_err();
    client.shutdown().await.unwrap();
    let report = "request 2 differs from request 2 of the cassette refund.jsonl:\n  message 3 (result of `refund`):\n    \
                  - order 42: 12 EUR\n    + order 42: 13 EUR";
    assert!(error.to_string().contains("message 3 (result of `refund`)"), "{error}");
    let different = cassette.finish().unwrap_err();
    assert_eq!(different.kind(), ErrorKind::Cassette);
    // The CLI has not repeated the request.
    let rest = "request 2 of the cassette refund.jsonl was not made; its last message (result of `refund`) is \
                \"order 42: 12 EUR\"";
    assert_eq!(different.to_string(), format!("{report}\n{rest}"));
}

#[tokio::test]
async fn secrets_and_paths_of_a_conversation_do_not_reach_the_file() {
    let place = Place::new();
    let directory = place.0.path().to_owned();
    // The CLI itself hides tokens of GitHub in the results of tools.
    let token = "hf_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8";
    let (key, variable) = ("key-of-the-provider-1234", "value-of-a-variable-5678");
    let bank = Bank::new(format!("{token} {key} {variable} in {}", directory.display()));
    let model = ScriptedModel::start(Script::new().call("refund", json!({"order": 42})).stream([
        "The token ",
        &token[..9],
        &token[9..20],
        &token[20..],
        " and ",
        &key[..5],
        &key[5..],
        ".",
    ]))
    .await
    .unwrap();
    let cassette = Cassette::record(place.cassette()).directory("work", &directory).await.unwrap();
    let client = place.client("recording").env("SERVICE_TOKEN", variable).cassette(&cassette);
    let client = client.start().await.unwrap();
    let provider = Provider::openai(model.base_url()).api_key(key);
    let recorded = session(&client, &bank).provider(provider).model(model.model_name()).cassette(&cassette);
    let reply = ask(recorded).await.unwrap();
    assert_eq!(reply, format!("The token {token} and {key}."), "the CLI gets the text unchanged");
    client.shutdown().await.unwrap();
    cassette.finish().unwrap();
    let text = place.text();
    for secret in [token, key, variable, &token[9..20], &directory.display().to_string()] {
        assert!(!text.contains(secret), "{secret} is in the file: {text}");
    }
    assert!(text.contains("order 42: <<secret>> <<secret>> <<secret>> in <<work>>"), "{text}");

    // On another machine, the same conversation has other secrets and paths.
    let elsewhere = tempfile::tempdir().unwrap();
    let other = "hf_Z9y8X7w6V5u4T3s2R1q0P9o8N7m6L5k4J3i2";
    let other_key = "another-key-of-the-provider";
    let report = format!("{other} {other_key} {other} in {}", elsewhere.path().display());
    let replay = Cassette::replay(place.cassette()).directory("work", elsewhere.path()).scrub(other_key);
    let cassette = replay.await.unwrap();
    let client = place.client("replay").start().await.unwrap();
    let reply = ask(session(&client, &Bank::new(report)).cassette(&cassette)).await;
    client.shutdown().await.unwrap();
    cassette.finish().unwrap();
    assert_eq!(reply.unwrap(), "The token <<secret>> and <<secret>>.");
}

#[tokio::test]
async fn a_failure_and_its_retry_are_recorded_and_replayed() {
    let place = Place::new();
    let script = Script::new().fail_once(503, "busy").break_off("half of a sen").say("Whole.");
    let model = ScriptedModel::start(script).await.unwrap();
    let bank = Bank::new("unused");
    for replay in [false, true] {
        let (name, builder) = match replay {
            false => ("recording", Cassette::record(place.cassette())),
            true => ("replay", Cassette::replay(place.cassette())),
        };
        let cassette = builder.await.unwrap();
        let client = place.client(name).start().await.unwrap();
        let reply = ask(session(&client, &bank).scripted_model(&model).cassette(&cassette)).await;
        client.shutdown().await.unwrap();
        cassette.finish().unwrap();
        assert_eq!(reply.unwrap(), "Whole.");
    }
    model.finish().unwrap();
    assert!(place.text().contains("\"ending\":\"broken\""), "{}", place.text());
}

#[tokio::test]
async fn an_abort_is_recorded_and_replayed() {
    let place = Place::new();
    let hour = Duration::from_secs(3600);
    let script = Script::new().pace(hour).stream(["now", "later"]).say("Next.");
    let model = ScriptedModel::start(script).await.unwrap();
    for replay in [false, true] {
        let (name, builder) = match replay {
            false => ("recording", Cassette::record(place.cassette())),
            true => ("replay", Cassette::replay(place.cassette())),
        };
        let cassette = builder.await.unwrap();
        let client = place.client(name).start().await.unwrap();
        let session = client.session().scripted_model(&model).streaming(true).cassette(&cassette);
        let session = session.start().await.unwrap();
        aborted_turn(&session).await;
        assert_eq!(session.ask("And now?").await.unwrap().text(), "Next.");
        client.shutdown().await.unwrap();
        cassette.finish().unwrap();
    }
    assert!(place.text().contains("\"ending\":\"cancelled\""), "{}", place.text());
}

async fn aborted_turn(session: &Session) {
    let mut turn = session.stream("Take your time.").await.unwrap();
    while let Some(event) = turn.next().await {
        if matches!(event.unwrap().kind(), copilot::EventKind::AssistantMessageDelta(_)) {
            session.abort().await.unwrap();
        }
    }
}

#[tokio::test]
async fn a_recording_becomes_a_script_that_the_cli_follows() {
    let (place, bank) = (Place::new(), Bank::new("done"));
    record(&place, ModelApi::Messages, &bank).await;
    let recording = Cassette::load(place.cassette()).unwrap();
    let source = recording.script_source();
    assert!(source.contains(r#".call("refund", json!({"order":42}))"#), "{source}");
    assert!(source.contains(r#".say("12 EUR are refunded.")"#), "{source}");
    let model = ScriptedModel::start(recording.scripts()).await.unwrap();
    let client = place.client("scripted").start().await.unwrap();
    let reply = ask(session(&client, &bank).scripted_model(&model)).await.unwrap();
    client.shutdown().await.unwrap();
    model.finish().unwrap();
    assert_eq!(reply, "12 EUR are refunded.");
}
