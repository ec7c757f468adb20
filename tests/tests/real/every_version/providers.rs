//! Providers of models on every generation of the real CLI.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use copilot::Message;
use copilot::providers::{Provider, ProviderModel, Providers};
use copilot::testing::Script;
use copilot_tests::real::Real;
use copilot_tests::tested;

#[tokio::test]
async fn several_providers_have_models_of_their_own() {
    let script = Script::new().expect("its name there", |request| request.model() == "big-2025").say("Big.");
    let real = Real::over_stdio(script).await;
    let started = real
        .client
        .session()
        .providers(
            Providers::new()
                .provider("here", real.model.provider())
                .model(ProviderModel::new("here", "big").wire_model("big-2025")),
        )
        .model("here/big")
        .start()
        .await;
    let Some(session) = tested::unless_refused([1, 0, 57], started) else { return real.leave().await };
    assert_eq!(session.ask("Who are you?").await.unwrap().text(), "Big.");
    real.finish().await;
}

#[tokio::test]
async fn the_program_gives_the_providers_token() {
    let script = Script::new()
        .expect("the token", |request| request.header("authorization") == Some("Bearer token-1"))
        .say("Hello.");
    let real = Real::over_stdio(script).await;
    let provider = Provider::openai(real.model.base_url())
        .bearer_token_from(|_| async { Ok::<_, String>("token-1".to_owned()) });
    let session = real.client.session().model(real.model.model_name()).provider(provider);
    let Some(session) = tested::unless_refused([1, 0, 57], session.start().await) else {
        return real.leave().await;
    };
    assert_eq!(session.ask("Hello?").await.unwrap().text(), "Hello.");
    real.finish().await;
}

#[tokio::test]
async fn a_provider_has_a_token_and_headers() {
    let script = Script::new()
        .expect("the token", |request| request.header("authorization") == Some("Bearer hush"))
        .say("Hello.");
    let real = Real::over_stdio(script).await;
    let provider = Provider::openai(real.model.base_url()).bearer_token("hush");
    let session = real.client.session().model(real.model.model_name()).provider(provider);
    assert_eq!(session.start().await.unwrap().ask("Hello?").await.unwrap().text(), "Hello.");
    real.finish().await;
}

#[tokio::test]
async fn headers_of_a_message_reach_the_model() {
    let script =
        Script::new().expect("the header", |request| request.header("x-ours") == Some("7")).say("Seen.");
    let real = Real::over_stdio(script).await;
    let session = real.session().start().await.unwrap();
    let message = Message::new("Look.").request_header("x-ours", "7");
    let Some(reply) = tested::unless_refused([1, 0, 10], session.ask(message).await) else {
        return real.leave().await;
    };
    assert_eq!(reply.text(), "Seen.");
    real.finish().await;
}
