//! The program answers the CLI's requests to models.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]
#![allow(clippy::disallowed_methods, reason = "a task of a test ends with it")]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use copilot::host::inference::{
    Chunk, Inference, InferenceError, InferenceRequest, InferenceResponse, InferenceTransport,
};
use copilot::host::session_fs::{FsLayout, MemoryFs};
use copilot::providers::{Provider, ProviderTransport};
use copilot::testing::{FakeCli, RpcError, Script, ScriptedModel, hermetic_client};
use copilot::{Client, ErrorKind, EventKind};
use copilot_tests::tested;
use serde_json::{Value, json};
use tokio::sync::{Notify, mpsc};

use crate::callbacks::add;

const START: &str = "llmInference.httpRequestStart";
const CHUNK: &str = "llmInference.httpRequestChunk";
const HEAD: &str = "llmInference.httpResponseStart";
const PIECE: &str = "llmInference.httpResponseChunk";

type Answer = Result<InferenceResponse, InferenceError>;

async fn start(models: impl Inference) -> (FakeCli, Client) {
    let cli = FakeCli::new();
    let client = cli.client_builder().inference(models).start().await.unwrap();
    (cli, client)
}

/// The CLI makes a request with this body.
async fn ask(cli: &FakeCli, id: &str, body: &str) {
    begin(cli, id, "http").await;
    chunk(cli, json!({"requestId": id, "data": body, "end": true})).await;
}

async fn begin(cli: &FakeCli, id: &str, transport: &str) {
    let start = json!({
        "requestId": id, "method": "POST", "url": "http://models/v1/chat/completions?key=sk_3",
        "headers": {"authorization": ["Bearer sk_1"], "accept": ["text/event-stream"]}, "transport": transport,
        "sessionId": "s", "agentId": "s", "agentInvocationId": "i", "interactionType": "conversation-agent",
    });
    assert_eq!(cli.request(START, start).await.unwrap(), json!({}));
}

async fn chunk(cli: &FakeCli, chunk: Value) {
    assert_eq!(cli.request(CHUNK, chunk).await.unwrap(), json!({}));
}

/// The text of all pieces of an answer, once it has ended.
async fn answered(cli: &FakeCli, id: &str) -> String {
    let mut count = 0;
    loop {
        count += 1;
        let pieces = cli.requested(PIECE, count).await;
        let of_answer: Vec<_> = pieces.into_iter().filter(|piece| piece["requestId"] == id).collect();
        if of_answer.last().is_some_and(|last| last["end"] == true) {
            return of_answer.iter().map(|piece| piece["data"].as_str().unwrap()).collect();
        }
    }
}

/// Reports its drop.
struct OnDrop(Arc<Notify>);

impl Drop for OnDrop {
    fn drop(&mut self) {
        self.0.notify_one();
    }
}

#[tokio::test]
async fn a_request_is_decoded_and_its_response_sent_complete() {
    let seen = Arc::new(Mutex::new(String::new()));
    let reported = Arc::clone(&seen);
    let (cli, _client) = start(move |mut request: InferenceRequest| {
        *reported.lock().unwrap() = format!("{request:?}");
        async move {
            assert_eq!(
                (request.method.as_str(), request.headers.get("Authorization")),
                ("POST", Some("Bearer sk_1"))
            );
            assert_eq!(request.url, "http://models/v1/chat/completions?key=sk_3");
            assert_eq!(request.transport, InferenceTransport::Http);
            assert_eq!(request.session_id.unwrap(), "s");
            assert_eq!(
                (request.agent_id.as_deref(), request.agent_invocation_id.as_deref()),
                (Some("s"), Some("i"))
            );
            assert_eq!(request.interaction_type.as_deref(), Some("conversation-agent"));
            let body: Value = request.body.json().await?;
            Ok(InferenceResponse::json(200, &json!({"got": body["model"]}))?
                .header("x-a", "1")
                .header("X-A", "2"))
        }
    })
    .await;
    assert_eq!(cli.requests("llmInference.setProvider"), [json!({})]);
    // The body comes in pieces, one of them as bytes.
    begin(&cli, "r", "http").await;
    chunk(&cli, json!({"requestId": "r", "data": "{\"model\""})).await;
    chunk(&cli, json!({"requestId": "r", "data": "OiAibSJ9", "binary": true, "end": true})).await;
    assert_eq!(answered(&cli, "r").await, r#"{"got":"m"}"#);
    let headers = json!({"content-type": ["application/json"], "x-a": ["1", "2"]});
    assert_eq!(cli.requests(HEAD), [json!({"requestId": "r", "status": 200, "headers": headers})]);
    assert_eq!(cli.requests(PIECE).len(), 1);
    let shown = seen.lock().unwrap().clone();
    assert!(!shown.contains("sk_") && shown.contains("text/event-stream"), "{shown}");
}

#[tokio::test]
async fn pieces_are_made_as_fast_as_the_cli_takes_them() {
    let made = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&made);
    let (cli, _client) = start(move |_: InferenceRequest| {
        let made = Arc::clone(&counter);
        async move {
            Ok(InferenceResponse::new(200).write(|body| async move {
                for at in 0..10 {
                    made.fetch_add(1, Ordering::Relaxed);
                    body.send(format!("{at} ")).await?;
                }
                Ok(())
            }))
        }
    })
    .await;
    cli.hold(PIECE);
    ask(&cli, "r", "{}").await;
    for taken in 0..10 {
        let piece = cli.held(PIECE).await;
        assert_eq!(piece.params()["data"], format!("{taken} "));
        // One is with the CLI, one waits, and one may be about to.
        assert!(made.load(Ordering::Relaxed) <= taken + 3);
        piece.answer(json!({"accepted": true}));
    }
    let last = cli.held(PIECE).await;
    assert_eq!(last.params(), &json!({"requestId": "r", "data": "", "end": true}));
    last.answer(json!({"accepted": true}));
}

#[tokio::test]
async fn bytes_that_are_no_text_travel_as_base64() {
    let (cli, _client) =
        start(|_: InferenceRequest| async { Ok(InferenceResponse::new(200).body(vec![0xFF, 0xFF, 0x00])) })
            .await;
    ask(&cli, "r", "{}").await;
    let piece = &cli.requested(PIECE, 1).await[0];
    assert_eq!(*piece, json!({"requestId": "r", "data": "//8A", "binary": true, "end": true}));
}

#[tokio::test]
async fn each_failure_is_reported_to_the_cli_once() {
    let (cli, _client) = start(|mut request: InferenceRequest| async move {
        match &*request.body.collect().await {
            b"error" => Err(InferenceError::new("no model today").code("closed")),
            b"panic" => panic!("not a model"),
            b"json" => Err(serde_json::from_str::<u8>("x").unwrap_err().into()),
            b"late error" => Ok(InferenceResponse::new(200).write(|body| async move {
                body.send("first").await?;
                Err("broken off".into())
            })),
            b"late panic" => Ok(InferenceResponse::new(200).write(|body| async move {
                body.send("first").await?;
                if body.send("second").await.is_ok() {
                    panic!("not a stream");
                }
                Ok(())
            })),
            other => panic!("{other:?}"),
        }
    })
    .await;
    for (at, (body, heads, message)) in [
        ("error", 0, "no model today"),
        ("panic", 0, "the program panicked: not a model"),
        ("json", 0, "expected value"),
        ("late error", 1, "broken off"),
        ("late panic", 1, "the program panicked: not a stream"),
    ]
    .into_iter()
    .enumerate()
    {
        let id = format!("r{at}");
        ask(&cli, &id, body).await;
        let failed = loop {
            let count = cli.requests(PIECE).len();
            let of_this = cli.requests(PIECE).into_iter().filter(|piece| piece["requestId"] == *id);
            if let Some(failed) = of_this.into_iter().find(|piece| piece.get("error").is_some()) {
                break failed;
            }
            cli.requested(PIECE, count + 1).await;
        };
        assert!(failed["error"]["message"].as_str().unwrap().contains(message), "{body}: {failed}");
        assert_eq!(failed["error"].get("code").is_some(), body == "error", "{failed}");
        let of_this =
            |method| cli.requests(method).into_iter().filter(|sent| sent["requestId"] == *id).count();
        assert_eq!(of_this(HEAD), heads, "{body}");
        // Later pieces are acknowledged and change nothing.
        chunk(&cli, json!({"requestId": id, "data": "more", "end": true})).await;
        let failures = cli.requests(PIECE).into_iter();
        let failures = failures.filter(|piece| piece["requestId"] == *id && piece.get("error").is_some());
        assert_eq!(failures.count(), 1, "{body}");
    }
    let bad = cli.request(CHUNK, json!({"requestId": "r", "data": "!", "binary": true})).await;
    assert!(bad.unwrap_err().message.contains("base64"));
    assert_eq!(cli.request(START, json!({"url": "x"})).await.unwrap_err().code, -32602);
    assert_eq!(cli.request("llmInference.other", json!({})).await.unwrap_err().code, -32601);
}

/// Models that never answer, and report when they begin and are dropped.
fn endless() -> (impl Inference, Arc<Notify>, Arc<Notify>) {
    let (begun, dropped) = (Arc::new(Notify::new()), Arc::new(Notify::new()));
    let (begins, drops) = (Arc::clone(&begun), Arc::clone(&dropped));
    let models = move |_: InferenceRequest| {
        let guard = OnDrop(Arc::clone(&drops));
        begins.notify_one();
        async move {
            let _guard = guard;
            std::future::pending::<Answer>().await
        }
    };
    (models, begun, dropped)
}

#[tokio::test]
async fn what_the_cli_cancels_is_dropped() {
    let (models, begun, dropped) = endless();
    let (cli, _client) = start(models).await;
    ask(&cli, "r", "{}").await;
    begun.notified().await;
    chunk(&cli, json!({"requestId": "r", "data": "", "end": true, "cancel": true, "cancelReason": "abort"}))
        .await;
    dropped.notified().await;
    assert!(cli.requests(HEAD).is_empty() && cli.requests(PIECE).is_empty());
}

#[tokio::test]
async fn what_the_cli_takes_no_more_of_is_dropped() {
    let dropped = Arc::new(Notify::new());
    let drops = Arc::clone(&dropped);
    let (cli, _client) = start(move |_: InferenceRequest| {
        let guard = OnDrop(Arc::clone(&drops));
        async move {
            Ok(InferenceResponse::new(200).write(|body| async move {
                let _guard = guard;
                loop {
                    body.send("again").await?;
                }
                #[expect(unreachable_code, reason = "it says what the error is")]
                Ok(())
            }))
        }
    })
    .await;
    cli.on(PIECE, |_, asked| json!({"accepted": asked.count() < 3}));
    ask(&cli, "r", "{}").await;
    dropped.notified().await;
    assert_eq!(cli.requests(PIECE).len(), 3);
    cli.on(PIECE, |_, _| RpcError::new(-32603, "gone"));
    ask(&cli, "r2", "{}").await;
    dropped.notified().await;
    assert_eq!(cli.requests(PIECE).len(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_lost_connection_drops_what_runs_and_the_next_one_is_offered_again() {
    let (models, begun, dropped) = endless();
    let cli = FakeCli::new();
    let builder = cli.client_builder().auto_restart(true).inference(models);
    let client = builder.session_fs(MemoryFs::new().layout(FsLayout::posix())).start().await.unwrap();
    let session = client.session().start().await.unwrap();
    let mut events = session.events();
    ask(&cli, "r", "{}").await;
    begun.notified().await;
    cli.hang_up();
    dropped.notified().await;
    while !matches!(events.next().await.unwrap().kind(), EventKind::Restarted(_)) {}
    let methods: Vec<_> =
        cli.received().iter().filter_map(|m| m["method"].as_str().map(str::to_owned)).collect();
    let again = ["connect", "sessionFs.setProvider", "llmInference.setProvider", "session.resume"];
    assert_eq!(methods[methods.len() - 4..], again);
    ask(&cli, "r", "{}").await;
    begun.notified().await;
    drop((session, client));
    dropped.notified().await;
}

#[tokio::test]
async fn a_body_without_a_reader_ends_the_request() {
    let (models, begun, dropped) = endless();
    let (cli, _client) = start(models).await;
    begin(&cli, "r", "http").await;
    begun.notified().await;
    // The handler has dropped the request, but its exchange continues.
    chunk(&cli, json!({"requestId": "r", "data": "x"})).await;
    chunk(&cli, json!({"requestId": "r", "data": "x".repeat(64 << 20)})).await;
    dropped.notified().await;
    let given_up = &cli.requested(PIECE, 1).await[0];
    assert!(given_up["error"]["message"].as_str().unwrap().contains("as fast as it arrives"), "{given_up}");
}

#[tokio::test]
async fn a_websocket_is_messages_in_both_directions() {
    let (cli, _client) = start(|mut request: InferenceRequest| async move {
        if !request.is_websocket() {
            return Ok(InferenceResponse::new(200).body("over HTTP"));
        }
        Ok(InferenceResponse::new(101).write(|messages| async move {
            while let Some(message) = request.body.next().await {
                messages.send(message).await?;
            }
            Ok(())
        }))
    })
    .await;
    begin(&cli, "w", "websocket").await;
    let head = cli.requested(HEAD, 1).await;
    assert_eq!(head[0]["status"], 101);
    for (sent, is_binary) in [("text", false), ("Ynl0ZXM=", true)] {
        let before = cli.requests(PIECE).len();
        chunk(&cli, json!({"requestId": "w", "data": sent, "binary": is_binary})).await;
        let back = cli.requested(PIECE, before + 1).await.pop().unwrap();
        assert_eq!((&back["data"], back["binary"] == true), (&json!(sent), is_binary), "{back}");
    }
    chunk(&cli, json!({"requestId": "w", "data": "", "end": true})).await;
    assert_eq!(cli.requested(PIECE, 3).await[2]["end"], true);
}

#[tokio::test]
async fn a_cli_without_it_is_an_error_that_names_the_version() {
    let cli = FakeCli::of_version("1.0.32");
    let models = ScriptedModel::without_server(Script::new().say("Hi.")).unwrap();
    let error = cli.client_builder().inference(models.inference()).start().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    let reported = error.to_string();
    assert!(reported.contains("`inference` needs CLI") && reported.contains("1.0.32"), "{reported}");
}

/// Whether a real CLI of the version under test asks for inference; if not, that it is said.
async fn is_offered(client: copilot::ClientBuilder) -> Option<Client> {
    let started = client.start().await;
    if tested::since([1, 0, 82]) {
        return Some(started.unwrap());
    }
    let error = started.unwrap_err();
    assert!(error.is_unsupported() && error.to_string().contains("1.0.82"), "{error:?}");
    tested::not_supported("it asks no program for inference, and the library says so");
    None
}

#[tokio::test]
async fn a_turn_with_a_tool_needs_no_server() {
    let script = Script::new()
        .call("add", json!({"a": 40, "b": 2}))
        .expect_tool_result("add", |text| text == "42")
        .say("It is forty-two.");
    let model = ScriptedModel::without_server(script).unwrap();
    let state = tempfile::tempdir().unwrap();
    let client = hermetic_client(state.path()).inference(model.inference());
    let Some(client) = is_offered(client).await else { return };
    let session = client.session().scripted_model(&model).with_tools([add::TOOL]).streaming(true);
    let session = session.start().await.unwrap();
    assert_eq!(session.ask("40 + 2?").await.unwrap().text(), "It is forty-two.");
    assert_eq!(model.requests().len(), 2);
    session.close().await.unwrap();
    client.shutdown().await.unwrap();
    model.finish().unwrap();
}

#[tokio::test]
async fn the_real_cli_names_the_session_of_a_request_and_cancels_it_when_the_turn_is_aborted() {
    let (reported, mut requests) = mpsc::channel(8);
    let dropped = Arc::new(Notify::new());
    let drops = Arc::clone(&dropped);
    let state = tempfile::tempdir().unwrap();
    let client = hermetic_client(state.path()).inference(move |request: InferenceRequest| {
        let (reported, guard) = (reported.clone(), OnDrop(Arc::clone(&drops)));
        async move {
            let _guard = guard;
            reported.send(request).await?;
            std::future::pending::<Answer>().await
        }
    });
    let Some(client) = is_offered(client).await else { return };
    let provider = Provider::openai("http://nowhere.invalid/v1").api_key("sk_secret");
    let session = client.session().provider(provider).model("mine").start().await.unwrap();
    let turn = tokio::spawn({
        let session = session.clone();
        async move { session.ask("Hello?").await }
    });
    let mut request = requests.recv().await.unwrap();
    assert_eq!(request.session_id.as_ref(), Some(session.id()));
    assert_eq!(request.agent_id.as_deref(), Some(session.id().as_str()));
    assert_eq!(
        (request.method.as_str(), request.url.as_str()),
        ("POST", "http://nowhere.invalid/v1/chat/completions")
    );
    assert_eq!(request.headers.get("authorization"), Some("Bearer sk_secret"));
    assert!(!format!("{request:?}").contains("sk_secret"));
    let body: Value = request.body.json().await.unwrap();
    assert_eq!(body["model"], "mine");
    session.abort().await.unwrap();
    dropped.notified().await;
    turn.await.unwrap().ok();
    client.shutdown().await.unwrap();
}

#[tokio::test]
async fn a_refusal_is_the_sessions_error() {
    let state = tempfile::tempdir().unwrap();
    let client = hermetic_client(state.path()).inference(|_: InferenceRequest| async {
        let error = json!({"error": {"message": "not with this program"}});
        Ok(InferenceResponse::json(400, &error)?.header("x-should-retry", "false"))
    });
    let Some(client) = is_offered(client).await else { return };
    let provider = Provider::openai("http://nowhere.invalid/v1").api_key("k");
    let session = client.session().provider(provider).model("mine").start().await.unwrap();
    let error = session.ask("Hello?").await.unwrap_err();
    assert!(error.to_string().contains("not with this program"), "{error}");
    client.shutdown().await.unwrap();
}

/// The events of an answer that says this, in the `responses` protocol of OpenAI.
fn response_events(text: &str) -> Vec<Value> {
    let response = json!({"id": "r1", "object": "response", "created_at": 1, "model": "m", "output": []});
    let with = |more: Value| {
        let mut response = response.clone();
        response.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        response
    };
    let part = json!({"type": "output_text", "text": text, "annotations": []});
    let item =
        json!({"id": "i1", "type": "message", "role": "assistant", "status": "completed", "content": [part]});
    let begun =
        json!({"id": "i1", "type": "message", "role": "assistant", "status": "in_progress", "content": []});
    let usage = json!({"input_tokens": 1, "output_tokens": 1, "total_tokens": 2});
    let empty = json!({"type": "output_text", "text": "", "annotations": []});
    let mut events = [
        json!({"type": "response.created", "response": with(json!({"status": "in_progress"}))}),
        json!({"type": "response.output_item.added", "output_index": 0, "item": begun}),
        json!({"type": "response.content_part.added", "item_id": "i1", "output_index": 0, "content_index": 0,
               "part": empty}),
        json!({"type": "response.output_text.delta", "item_id": "i1", "output_index": 0, "content_index": 0,
               "delta": text}),
        json!({"type": "response.output_item.done", "output_index": 0, "item": item}),
        json!({"type": "response.completed",
               "response": with(json!({"status": "completed", "output": [item], "usage": usage}))}),
    ];
    for (at, event) in events.iter_mut().enumerate() {
        event["sequence_number"] = at.into();
    }
    events.to_vec()
}

#[tokio::test]
async fn the_real_cli_speaks_over_a_websocket_or_over_http_where_that_is_declined() {
    let transports = Arc::new(Mutex::new(Vec::new()));
    for accepts in [true, false] {
        let seen = Arc::clone(&transports);
        let state = tempfile::tempdir().unwrap();
        let client = hermetic_client(state.path()).inference(move |mut request: InferenceRequest| {
            seen.lock().unwrap().push(request.transport.clone());
            async move {
                if !request.is_websocket() {
                    let lines = response_events("Over HTTP.").into_iter().map(|event| {
                        format!("event: {}\ndata: {event}\n\n", event["type"].as_str().unwrap_or_default())
                    });
                    let body: String = lines.collect();
                    return Ok(InferenceResponse::new(200)
                        .header("content-type", "text/event-stream")
                        .body(body));
                }
                if !accepts {
                    return Ok(InferenceResponse::new(501));
                }
                Ok(InferenceResponse::new(101).write(|messages| async move {
                    while let Some(message) = request.body.next().await {
                        assert!(matches!(message, Chunk::Text(_)), "{message:?}");
                        for event in response_events("Over a WebSocket.") {
                            messages.send(event.to_string()).await?;
                        }
                    }
                    Ok(())
                }))
            }
        });
        let Some(client) = is_offered(client).await else { return };
        let provider = Provider::openai("http://nowhere.invalid/v1").api_key("k").responses();
        let provider = provider.transport(ProviderTransport::Websockets);
        let session =
            client.session().provider(provider).model("mine").streaming(true).start().await.unwrap();
        let expected = if accepts { "Over a WebSocket." } else { "Over HTTP." };
        for _ in 0..2 {
            assert_eq!(session.ask("How do you speak?").await.unwrap().text(), expected);
        }
        client.shutdown().await.unwrap();
    }
    println!("{:?}", transports.lock().unwrap());
}
