//! Requests and answers of a custom endpoint: each protocol and login, on the real CLI.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use copilot::providers::{ModelLimits, ModelOverrides, Provider, ProviderModel, Providers};
use copilot::testing::{ModelApi, RecordedRequest, Script, Tokens};
use copilot::{EventKind, SessionBuilder};
use copilot_tests::real::Real;
use serde_json::{Value, json};

/// Add one.
#[copilot::tool(read_only)]
pub(crate) async fn increment(
    /// The number.
    n: i64,
) -> i64 {
    n + 1
}

/// A conversation with everything that a protocol has: reasoning, a call, its result, and an answer in pieces.
fn conversation() -> Script {
    Script::new()
        .reasoning("It is one more.")
        .call("increment", json!({"n": 41}))
        .expect_tool_result("increment", |text| text == "42")
        .tokens(Tokens { input: 1234, output: 56 })
        .stream(["Forty-", "two."])
}

fn session(real: &Real, provider: Provider) -> SessionBuilder {
    real.client.session().provider(provider).model("scripted").with_tools([increment::TOOL])
}

/// Plays the conversation through this provider, whole and in pieces; gives the requests.
async fn played(provider: impl Fn(&Real) -> Provider, api: ModelApi) -> Vec<RecordedRequest> {
    let mut requests = Vec::new();
    for streaming in [false, true] {
        let real = Real::over_stdio(conversation()).await;
        let session =
            session(&real, provider(&real)).streaming(streaming).start().await.expect("the session starts");
        let mut events = session.events();
        let reply = session.ask("What is one more than 41?").await.expect("the model answers");
        assert_eq!(reply.text(), "Forty-two.");
        let (mut pieces, mut reasoning, mut usage) = (String::new(), String::new(), None);
        while let Some(event) = events.try_next() {
            match event.kind() {
                EventKind::AssistantMessageDelta(delta) => pieces.push_str(&delta.delta_content),
                EventKind::AssistantReasoning(reported) => reasoning.clone_from(&reported.content),
                EventKind::AssistantUsage(reported) => {
                    usage = Some((reported.input_tokens, reported.output_tokens));
                }
                _ => {}
            }
        }
        assert_eq!(pieces, if streaming { "Forty-two." } else { "" });
        assert_eq!(reasoning, "It is one more.", "streaming: {streaming}");
        assert_eq!(usage, Some((Some(1234), Some(56))), "streaming: {streaming}");
        let asked = real.model.requests();
        assert_eq!(asked.len(), 2);
        let initiators: Vec<_> = asked.iter().map(|request| request.header("x-initiator")).collect();
        assert_eq!(initiators, [Some("user"), Some("agent")]);
        for request in &asked {
            assert_eq!((request.api(), request.model()), (api, "scripted"));
            assert!(request.system().is_some_and(|text| text.contains("Copilot")));
            let tool = request.tool("increment").expect("it is offered");
            assert_eq!(tool["parameters"]["properties"]["n"]["type"], "integer");
        }
        requests.extend(asked);
        real.finish().await;
    }
    requests
}

#[tokio::test]
async fn openai_is_asked_for_chat_completions() {
    let provider = |real: &Real| real.model.provider().header("X-Team", "blue");
    for request in played(provider, ModelApi::ChatCompletions).await {
        assert_eq!(request.path(), "/v1/chat/completions");
        assert_eq!(request.header("authorization"), Some("Bearer scripted"));
        assert_eq!(request.header("x-team"), Some("blue"));
        assert_eq!(request.raw()["messages"][0]["role"], "system");
    }
}

#[tokio::test]
async fn openai_is_asked_for_responses() {
    let provider = |real: &Real| real.model.provider_of(ModelApi::Responses).bearer_token("t-1");
    let requests = played(provider, ModelApi::Responses).await;
    for request in &requests {
        assert_eq!(request.path(), "/v1/responses");
        // A token wins over the key that is there too.
        assert_eq!(request.header("authorization"), Some("Bearer t-1"));
        assert_eq!(request.raw()["store"], false);
    }
    assert!(!requests[0].is_streamed() && requests[2].is_streamed());
}

#[tokio::test]
async fn anthropic_is_asked_for_messages() {
    let provider = |real: &Real| real.model.provider_of(ModelApi::Messages);
    for request in played(provider, ModelApi::Messages).await {
        assert_eq!(request.path(), "/v1/messages");
        assert_eq!(request.header("x-api-key"), Some("scripted"));
        assert_eq!(request.header("authorization"), None);
        assert_eq!(request.header("anthropic-version"), Some("2023-06-01"));
        // The CLI wants these in pieces whatever the session wants.
        assert!(request.is_streamed());
    }
    let provider = |real: &Real| Provider::anthropic(real.model.origin()).bearer_token("t-2");
    for request in played(provider, ModelApi::Messages).await {
        assert_eq!(
            (request.header("authorization"), request.header("x-api-key")),
            (Some("Bearer t-2"), None)
        );
    }
}

#[tokio::test]
async fn azure_is_asked_in_the_version_that_is_given() {
    let provider = |real: &Real| Provider::azure(real.model.origin(), "2024-10-21").api_key("a-1");
    for request in played(provider, ModelApi::ChatCompletions).await {
        let path = "/openai/deployments/scripted/chat/completions?api-version=2024-10-21";
        assert_eq!(request.path(), path);
        assert_eq!((request.header("api-key"), request.header("authorization")), (Some("a-1"), None));
    }
}

#[tokio::test]
async fn azure_is_asked_as_openai_where_no_version_is_given() {
    let provider = |real: &Real| Provider::azure_v1(real.model.origin()).api_key("a-1").responses();
    for request in played(provider, ModelApi::Responses).await {
        assert_eq!((request.path(), request.header("api-key")), ("/openai/v1/responses", Some("a-1")));
    }
}

#[tokio::test]
async fn the_program_gives_a_token_for_every_request() {
    let real = Real::over_stdio(conversation()).await;
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&asked);
    let provider = Provider::openai(real.model.base_url()).bearer_token_from(move |_| {
        let number = counter.fetch_add(1, Ordering::Relaxed);
        async move { Ok::<_, std::io::Error>(format!("token-{number}")) }
    });
    let session = session(&real, provider).start().await.unwrap();
    assert_eq!(session.ask("What is one more than 41?").await.unwrap().text(), "Forty-two.");
    let seen: Vec<_> = real
        .model
        .requests()
        .iter()
        .map(|request| request.header("authorization").unwrap_or_default().to_owned())
        .collect();
    assert!(seen.iter().all(|header| header.starts_with("Bearer token-")), "{seen:?}");
    assert_ne!(seen[0], seen[1]);
    assert!(asked.load(Ordering::Relaxed) >= 2);
    real.finish().await;
}

#[tokio::test]
async fn each_of_several_providers_is_asked_in_its_own_way() {
    let scripts = [
        Script::when("First").say("One."),
        Script::when("Second").say("Two."),
        Script::when("Third").say("Three."),
    ];
    let real = Real::over_stdio(scripts).await;
    let limits = ModelOverrides::new().limits(ModelLimits::new().max_prompt_tokens(50_000));
    let builder = || {
        real.client.session().providers(
            Providers::new()
                .provider("chat", real.model.provider().header("X-Own", "1"))
                .provider("claude", Provider::anthropic(real.model.origin()).api_key("c-1"))
                .provider(
                    "tokens",
                    Provider::openai(real.model.base_url()).responses().bearer_token_from(
                        |request| async move { Ok::<_, std::io::Error>(format!("for-{}", request.provider)) },
                    ),
                )
                .model(ProviderModel::new("chat", "small").wire_model("small-2025"))
                .model(ProviderModel::new("claude", "big").max_output_tokens(77).capabilities(limits.clone()))
                .model(ProviderModel::new("tokens", "new")),
        )
    };
    for (model, prompt, answer) in
        [("chat/small", "First", "One."), ("claude/big", "Second", "Two."), ("tokens/new", "Third", "Three.")]
    {
        let session = builder().model(model).start().await.unwrap();
        assert_eq!(session.ask(prompt).await.unwrap().text(), answer);
    }
    let of = |prompt: &str| {
        let asked = |request: &RecordedRequest| request.prompt().is_some_and(|text| text.contains(prompt));
        real.model.requests().into_iter().find(asked).unwrap()
    };
    let (first, second, third) = (of("First"), of("Second"), of("Third"));
    assert_eq!(
        (first.path(), first.model(), first.header("x-own")),
        ("/v1/chat/completions", "small-2025", Some("1"))
    );
    assert_eq!((second.path(), second.model(), second.header("x-own")), ("/v1/messages", "big", None));
    assert_eq!((second.header("x-api-key"), &second.raw()["max_tokens"]), (Some("c-1"), &Value::from(77)));
    assert_eq!((third.path(), third.model()), ("/v1/responses", "new"));
    assert_eq!(third.header("authorization"), Some("Bearer for-tokens"));
    real.finish().await;
}

#[tokio::test]
async fn failures_and_broken_answers_are_reported_in_every_protocol() {
    for api in [ModelApi::ChatCompletions, ModelApi::Responses, ModelApi::Messages] {
        let script = Script::new().break_off("Hal").say("Whole.").fail(400, "too many cooks");
        let real = Real::over_stdio(script).await;
        let session = session(&real, real.model.provider_of(api)).streaming(true).start().await.unwrap();
        assert_eq!(session.ask("Say it.").await.unwrap().text(), "Whole.", "{api:?}");
        let failed = session.ask("And again.").await.unwrap_err();
        assert!(failed.to_string().contains("too many cooks"), "{api:?}: {failed}");
        real.finish().await;
    }
}
