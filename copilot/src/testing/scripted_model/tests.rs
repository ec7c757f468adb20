//! Tests of the model over HTTP, with the requests of the CLI.

use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full};
use hyper::client::conn::http1;
use hyper::{Request, Response};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

use serde_json::{Value, json};

use super::*;

/// A response: the status, the header that controls retries, the body, and whether the body was complete.
#[derive(Debug)]
struct HttpAnswer {
    status: u16,
    should_retry: Option<String>,
    body: String,
    whole: bool,
}

impl HttpAnswer {
    fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_else(|error| panic!("{error}: {}", self.body))
    }

    fn said(&self) -> String {
        self.json()["choices"][0]["message"]["content"].as_str().unwrap_or_default().to_owned()
    }

    /// Returns the content of each event of a stream.
    fn pieces(&self) -> Vec<String> {
        let events = self.body.split_terminator("\n\n").map(|event| event.strip_prefix("data: ").unwrap());
        let chunks =
            events.filter(|data| *data != "[DONE]").map(|data| serde_json::from_str::<Value>(data).unwrap());
        let content = chunks
            .map(|chunk| chunk["choices"][0]["delta"]["content"].as_str().unwrap_or_default().to_owned());
        content.filter(|piece| !piece.is_empty()).collect()
    }
}

/// Sends a request to the model and returns the response before its body.
async fn send(
    model: &ScriptedModel,
    method: &str,
    path: &str,
    body: String,
) -> Response<hyper::body::Incoming> {
    let stream = TcpStream::connect(model.address.unwrap()).await.unwrap();
    let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.unwrap();
    let connection = task::spawn(connection);
    let request = Request::builder().method(method).uri(path).header("host", "localhost");
    let mut response =
        sender.send_request(request.body(Full::new(Bytes::from(body))).unwrap()).await.unwrap();
    // The connection task must live as long as the response.
    response.extensions_mut().insert(Arc::new(connection));
    response
}

async fn ask(model: &ScriptedModel, body: Value) -> HttpAnswer {
    read(send(model, "POST", "/v1/chat/completions", body.to_string()).await).await
}

async fn read(mut response: Response<hyper::body::Incoming>) -> HttpAnswer {
    let should_retry =
        response.headers().get("x-should-retry").map(|value| value.to_str().unwrap().to_owned());
    let (mut body, mut whole) = (Vec::new(), true);
    while let Some(frame) = response.body_mut().frame().await {
        match frame {
            Ok(frame) => body.extend_from_slice(frame.data_ref().map_or(&[], |data| &data[..])),
            Err(_) => whole = false,
        }
    }
    let body = String::from_utf8(body).unwrap();
    HttpAnswer { status: response.status().as_u16(), should_retry, body, whole }
}

/// Returns a request with this prompt that offers the tools `a` and `b`.
fn prompt(text: &str) -> Value {
    let tool = |name: &str| json!({"type": "function", "function": {"name": name, "parameters": {"type": "object"}}});
    json!({
        "model": "scripted",
        "messages": [{"role": "user", "content": text}],
        "tools": [tool("a"), tool("b")],
    })
}

/// Returns the next request of a conversation: the calls of `answer` with this text as the result of each.
fn results(request: &Value, answer: &HttpAnswer, text: &str) -> Value {
    let mut next = request.clone();
    let messages = next["messages"].as_array_mut().unwrap();
    let message = answer.json()["choices"][0]["message"].clone();
    let calls = message["tool_calls"].as_array().unwrap().clone();
    messages.push(message);
    for call in calls {
        messages.push(json!({"role": "tool", "tool_call_id": call["id"], "content": text}));
    }
    next
}

fn streamed(mut request: Value) -> Value {
    request["stream"] = json!(true);
    request
}

#[tokio::test]
async fn the_model_continues_after_the_result_of_a_call() {
    let script =
        Script::new().call("a", json!({"x": 1})).expect_tool_result("a", |text| text == "yes").say("Done.");
    let model = ScriptedModel::start(script).await.unwrap();
    let first = prompt("go");
    let call = ask(&model, first.clone()).await;
    let called = &call.json()["choices"][0]["message"]["tool_calls"][0]["function"];
    assert_eq!(called, &json!({"name": "a", "arguments": "{\"x\":1}"}));
    assert_eq!(ask(&model, results(&first, &call, "yes")).await.said(), "Done.");

    let requests = model.requests();
    assert_eq!(requests.len(), 2);
    assert_eq!(requests[1].tool_result("a").as_deref(), Some("yes"));
    assert_eq!(requests[1].ended().await, Ending::Answered);
    assert_eq!(requests[0].header("host"), Some("localhost"));
    model.finish().unwrap();
}

#[tokio::test]
async fn several_tools_are_called_in_parallel() {
    let script =
        Script::new().calls([ToolUse::new("a", json!({})), ToolUse::new("b", json!({}))]).say("Done.");
    let model = ScriptedModel::start(script).await.unwrap();
    let first = prompt("go");
    let calls = ask(&model, first.clone()).await;
    let names = calls.json()["choices"][0]["message"]["tool_calls"].as_array().unwrap().len();
    assert_eq!(names, 2);
    assert_eq!(ask(&model, results(&first, &calls, "ok")).await.said(), "Done.");
    model.finish().unwrap();
}

#[tokio::test]
async fn a_stream_comes_in_its_pieces_and_ends_with_a_mark() {
    let model = ScriptedModel::start(Script::new().stream(["GH-42 ", "is ", "open."])).await.unwrap();
    let answer = ask(&model, streamed(prompt("go"))).await;
    assert_eq!(answer.pieces(), ["GH-42 ", "is ", "open."]);
    assert!(answer.whole && answer.body.ends_with("data: [DONE]\n\n"), "{answer:?}");
    assert!(!answer.body.contains("usage"), "the request has no `include_usage`");
    model.finish().unwrap();
}

#[tokio::test]
async fn the_token_usage_is_sent_on_request() {
    let script = Script::new().tokens(Tokens { input: 11, output: 7 }).say("x").say("y");
    let model = ScriptedModel::start(script).await.unwrap();
    let mut request = streamed(prompt("go"));
    request["stream_options"] = json!({"include_usage": true});
    let answer = ask(&model, request).await;
    assert!(answer.body.contains("\"total_tokens\":18"), "{answer:?}");
    assert!(ask(&model, prompt("go")).await.json()["usage"]["prompt_tokens"].as_u64() > Some(0));
}

#[tokio::test(start_paused = true)]
async fn a_delay_and_a_pace_are_kept() {
    let (delay, pace) = (Duration::from_secs(60), Duration::from_secs(10));
    let model =
        ScriptedModel::start(Script::new().delay(delay).pace(pace).stream(["1", "2", "3"])).await.unwrap();
    let begin = tokio::time::Instant::now();
    let response = send(&model, "POST", "/v1/chat/completions", streamed(prompt("go")).to_string()).await;
    assert_eq!(begin.elapsed().as_secs(), 60);
    assert_eq!(read(response).await.pieces(), ["1", "2", "3"]);
    assert_eq!(begin.elapsed().as_secs(), 80);
}

#[tokio::test]
async fn failures_control_the_retry() {
    let script = Script::new().fail_once(503, "busy").fail(429, "slow down").say("fine");
    let model = ScriptedModel::start(script).await.unwrap();
    let check = |answer: HttpAnswer, status: u16, retry: &str, message: &str| {
        assert_eq!((answer.status, answer.should_retry.as_deref()), (status, Some(retry)));
        assert_eq!(answer.json()["error"]["message"], message);
    };
    check(ask(&model, prompt("go")).await, 503, "true", "busy");
    check(ask(&model, streamed(prompt("go"))).await, 429, "false", "slow down");
    assert_eq!(ask(&model, prompt("go")).await.said(), "fine");
    model.finish().unwrap();
}

#[tokio::test]
async fn a_broken_answer_has_its_beginning_and_no_end() {
    for request in [streamed(prompt("go")), prompt("go")] {
        let model = ScriptedModel::start(Script::new().break_off("half of a sen")).await.unwrap();
        let answer = ask(&model, request.clone()).await;
        assert!(!answer.whole, "{answer:?}");
        if request["stream"] == true {
            assert_eq!(answer.pieces(), ["half of a sen"]);
        } else {
            assert!(answer.body.starts_with('{'), "{answer:?}");
        }
        assert_eq!(model.request(0).await.ended().await, Ending::BrokenOff);
        model.finish().unwrap();
    }
}

#[tokio::test]
async fn leaving_the_script_is_an_error_for_both_sides() {
    let model = ScriptedModel::start(Script::new().say("x")).await.unwrap();
    ask(&model, prompt("go")).await;
    let answer = ask(&model, prompt("continue")).await;
    assert_eq!((answer.status, answer.should_retry.as_deref()), (400, Some("false")));
    let message = answer.json()["error"]["message"].as_str().unwrap().to_owned();
    assert!(message.starts_with("the conversation left the script at its end, after turn 1"), "{message}");
    assert_eq!(model.requests()[1].ending(), Some(Ending::Refused));
    let left = model.finish().unwrap_err();
    assert_eq!((left.to_string(), format!("{left:?}")), (message.clone(), message));
}

#[tokio::test]
async fn unused_turns_are_an_error() {
    let model = ScriptedModel::start(Script::new().say("x")).await.unwrap();
    let error = model.finish().unwrap_err();
    assert_eq!(error.to_string(), "the script was not used; its first turn is to say \"x\"");
}

#[tokio::test]
async fn a_disconnect_is_recorded_before_and_during_the_answer() {
    let hour = Duration::from_secs(3600);
    let script = Script::new().delay(hour).say("late").pace(hour).stream(["soon", "late"]).say("now");
    let model = ScriptedModel::start(script).await.unwrap();

    let waiting = ask(&model, prompt("go"));
    tokio::select! {
        answer = waiting => panic!("it was not delayed: {answer:?}"),
        request = model.request(0) => assert_eq!(request.ending(), None),
    }
    assert_eq!(model.request(0).await.ended().await, Ending::Disconnected);

    let response = send(&model, "POST", "/v1/chat/completions", streamed(prompt("go")).to_string()).await;
    drop(response);
    assert_eq!(model.request(1).await.ended().await, Ending::Disconnected);

    assert_eq!(ask(&model, prompt("go")).await.said(), "now");
    model.finish().unwrap();
}

#[tokio::test]
async fn two_conversations_share_a_model() {
    let slow = Script::when("alpha").delay(Duration::from_millis(50)).say("a");
    let model = ScriptedModel::start([slow, Script::when("beta").say("b")]).await.unwrap();
    let (alpha, beta) = tokio::join!(ask(&model, prompt("the alpha")), ask(&model, prompt("the beta")));
    assert_eq!((alpha.said().as_str(), beta.said().as_str()), ("a", "b"));
    model.finish().unwrap();
}

#[tokio::test]
async fn dropping_the_model_closes_its_port_and_connections() {
    let model =
        ScriptedModel::start(Script::new().pace(Duration::from_secs(3600)).stream(["1", "2"])).await.unwrap();
    let address = model.address.unwrap();
    let response = send(&model, "POST", "/v1/chat/completions", streamed(prompt("go")).to_string()).await;
    drop(model);
    assert!(!read(response).await.whole);
    assert!(TcpStream::connect(address).await.is_err());
}

#[tokio::test]
async fn other_requests_are_answered_too() {
    let model = ScriptedModel::start(Script::new()).await.unwrap();
    let models = read(send(&model, "GET", "/v1/models", String::new()).await).await;
    assert_eq!(models.json()["data"][0]["id"], model.model_name());
    assert_eq!(read(send(&model, "GET", "/v1/what", String::new()).await).await.status, 404);
    let garbage = read(send(&model, "POST", "/v1/chat/completions", "{".to_owned()).await).await;
    assert_eq!((garbage.status, garbage.should_retry.as_deref()), (400, Some("false")));
    assert_eq!(model.requests().len(), 0);
    model.finish().unwrap();
}
