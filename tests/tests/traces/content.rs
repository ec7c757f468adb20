//! Content is recorded only where the program enables it, and redacted.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use copilot::ClientBuilder;
use copilot::providers::Provider;
use copilot::testing::FakeCli;
use copilot::trace::Tracing;
use copilot_tests::fake::{Fake, settle};
use serde_json::json;

use crate::capture::{fields, install};
use crate::tools;

const PROMPT: &str = "Find the needle; my key is key-of-the-provider.";

/// Plays a turn with words that are content: of the prompt, arguments, results, errors and the answer.
async fn play(id: &str, tracing: Tracing) -> Vec<(String, String)> {
    install();
    let configure = |client: ClientBuilder| client.tracing(tracing).github_token("gho_of_the_client");
    let fake = Fake::on_with(FakeCli::new(), configure).await;
    fake.cli.on("session.send", |_, _| json!({"messageId": "m"}));
    let provider = Provider::openai("http://127.0.0.1:1").api_key("key-of-the-provider");
    let session = fake.session().id(id).model("gpt-5").provider(provider).with_tools(tools::all());
    let session = session.start().await.unwrap();
    session.send(PROMPT).await.unwrap();
    fake.begin_turn(&session);
    tools::call(&fake, &session, "finds", "c1", json!({"what": "needle gho_of_the_client"})).await;
    tools::call(&fake, &session, "fails", "c2", json!({})).await;
    let arguments = json!({"command": "echo needle"});
    tools::begin_call(&fake, &session, "bash", "c3", &arguments);
    let result = json!({"toolCallId": "c3", "success": true, "result": {"content": "needle\n"}});
    fake.cli.event(session.id(), "tool.execution_complete", result);
    fake.say(&session, "The needle is found.");
    fake.cli.event(session.id(), "session.idle", json!({}));
    settle().await;
    session.close().await.unwrap();
    fields(id)
}

#[tokio::test(start_paused = true)]
async fn no_content_is_recorded_by_default() {
    let fields = play("no-content", Tracing::new()).await;
    assert!(fields.len() > 20, "{fields:?}");
    for word in ["needle", "found", "nothing", "key-of", "gho_"] {
        let with: Vec<_> = fields.iter().filter(|(_, value)| value.contains(word)).collect();
        assert!(with.is_empty(), "{word} is in {with:?}");
    }
}

#[tokio::test(start_paused = true)]
async fn content_is_recorded_without_secrets_and_redacted_by_the_program() {
    let redact = |text: &str| text.replace("needle", "******");
    let fields = play("content", Tracing::new().content(true).redact(redact)).await;
    let of = |name: &str| -> Vec<&str> {
        fields.iter().filter(|(field, _)| field == name).map(|(_, value)| value.as_str()).collect()
    };
    assert_eq!(
        of("gen_ai.input.messages"),
        [r#"[{"parts":[{"content":"Find the ******; my key is <redacted>.","type":"text"}],"role":"user"}]"#]
    );
    assert_eq!(
        of("gen_ai.output.messages"),
        [
            r#"[{"finish_reason":"stop","parts":[{"content":"The ****** is found.","type":"text"}],"role":"assistant"}]"#
        ]
    );
    assert_eq!(
        of("gen_ai.tool.call.arguments"),
        [r#"{"what":"****** <redacted>"}"#, "{}", r#"{"command":"echo ******"}"#]
    );
    assert_eq!(of("gen_ai.tool.call.result"), ["found ****** <redacted>", "there is nothing", "******\n"]);
}
