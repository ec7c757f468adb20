//! Tests of the parts of a cassette, without a CLI.

#![allow(clippy::needless_pass_by_value, reason = "a test writes its values in place")]

use std::fs;
use std::path::Path;
use std::time::Duration;

use proptest::prelude::*;
use serde_json::{Value, json};

use super::answer::Answer;
use super::body::{StoredBody, StoredResponse, TimedPiece};
use super::builder::is_secret_name;
use super::compare::{Compare, Expected, differences, digest};
use super::conversation::{Conversation, api_of};
use super::scrub::{Rule, Scrubber, distribute};
use super::*;
use crate::host::inference::{Headers, Inference, InferenceRequest, InferenceResponse, RequestBody};
use crate::protocol::base64;
use crate::testing::{ModelApi, Script, ScriptedModel, Tokens, ToolUse};

/// A request of a CLI in the protocol of chat completions.
fn chat(messages: Value) -> Value {
    let parameters =
        json!({"type": "object", "properties": {"order": {"type": "integer", "description": "Number."}}});
    let tool = json!({"type": "function", "function": {"name": "refund", "parameters": parameters}});
    json!({"model": "gpt", "stream": true, "messages": messages, "tools": [tool]})
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn called(id: &str) -> Value {
    let function = json!({"name": "refund", "arguments": "{\"order\":42}"});
    json!({"role": "assistant", "content": null, "tool_calls": [{"id": id, "type": "function", "function": function}]})
}

fn result(id: &str, text: &str) -> Value {
    json!({"role": "tool", "tool_call_id": id, "content": text})
}

fn read(body: &Value) -> Conversation {
    Conversation::read(ModelApi::ChatCompletions, body, &Scrubber::default())
}

fn expected(body: &Value) -> Expected {
    let Conversation { messages, system, tools, .. } = read(body);
    Expected {
        messages,
        system_digest: digest(&system),
        system: Some(system),
        tool_names: tools.keys().cloned().collect(),
        called: tools.keys().cloned().collect(),
        tools: tools.into_iter().collect(),
    }
}

fn differ(recorded: Value, came: Value) -> String {
    differences(&expected(&chat(recorded)), &read(&chat(came)), Compare::default())
}

/// Sends a request to the cassette, as the CLI does.
async fn ask(cassette: &Cassette, api: ModelApi, body: &Value) -> (u16, Headers, String) {
    let path = match api {
        ModelApi::ChatCompletions => "chat/completions",
        ModelApi::Responses => "responses",
        ModelApi::Messages => "messages",
    };
    let mut headers = Headers::default();
    headers.add("authorization", "Bearer key-of-the-provider".to_owned());
    let url = format!("https://models.invalid/v1/{path}");
    let body = RequestBody::whole(body.to_string().into_bytes());
    let seam = Seam(Arc::clone(&cassette.shared));
    let request = InferenceRequest::http("POST".to_owned(), url, headers, body);
    let (status, headers, mut chunks) = seam.respond(request).await.unwrap().into_parts();
    let mut text = Vec::new();
    while let Some(chunk) = std::future::poll_fn(|cx| chunks.as_mut().poll_next(cx)).await {
        text.extend_from_slice(chunk.unwrap().as_bytes());
    }
    (status, headers, String::from_utf8(text).unwrap())
}

/// Records one answer of the script to each request.
async fn record(path: &Path, script: Script, requests: &[Value]) -> CassetteBuilder {
    let model = ScriptedModel::without_server(script).unwrap();
    let cassette = Cassette::record(path).upstream(model.inference()).await.unwrap();
    for request in requests {
        ask(&cassette, ModelApi::ChatCompletions, request).await;
    }
    cassette.finish().unwrap();
    model.finish().unwrap();
    Cassette::replay(path)
}

#[test]
fn the_same_conversation_on_another_machine_is_equal() {
    let id = |first: char| format!("{first}b21f9e0-3c4d-4a5e-8f60-718293a4b5c6");
    let text = |time: &str, first: char| {
        format!("<current_datetime>{time}</current_datetime>\n\nAt {time}: {}", id(first))
    };
    let recorded =
        json!([user(&text("2026-11-29T10:00:00Z", '1')), called("call_1"), result("call_1", "ok\r\n")]);
    let came = json!([
        {"role": "system", "content": "of another version"},
        user(&text("2027-01-02T11:12:13.456+01:00", '2')),
        called("toolu_9"),
        result("toolu_9", "ok"),
    ]);
    assert_eq!(differ(recorded, came), "");
}

#[test]
fn times_are_compared_on_request() {
    let (one, other) = (json!([user("due 2026-11-29")]), json!([user("due 2026-11-30")]));
    assert_eq!(differ(one.clone(), other.clone()), "");
    let compare = Compare { times: true, ..Compare::default() };
    let report = differences(&expected(&chat(one)), &read(&chat(other)), compare);
    assert_eq!(report, "  message 1 (user):\n    - due 2026-11-29\n    + due 2026-11-30\n");
}

#[test]
fn parallel_results_have_no_order() {
    let calls = |ids: [&str; 2]| {
        let call = |id: &str| json!({"id": id, "function": {"name": "refund", "arguments": "{}"}});
        json!({"role": "assistant", "tool_calls": ids.map(call)})
    };
    let recorded = json!([user("go"), calls(["1", "2"]), result("1", "one"), result("2", "two")]);
    let came = json!([user("go"), calls(["1", "2"]), result("2", "two"), result("1", "one")]);
    assert_eq!(differ(recorded.clone(), came), "");
    let swapped = json!([user("go"), calls(["1", "2"]), result("1", "two"), result("2", "one")]);
    assert!(differ(recorded, swapped).contains("message 3 (result of `refund`)"));
}

#[test]
fn a_difference_names_the_message() {
    let begin = |text: &str| json!([user("Refund 42."), called("1"), result("1", text)]);
    assert_eq!(
        differ(begin("12 EUR are refunded"), begin("13 EUR are refunded")),
        "  message 3 (result of `refund`):\n    - 12 EUR are refunded\n    + 13 EUR are refunded\n"
    );
    let long = |word: &str| begin(&format!("same\nsame\n{}{word}{}\nend", "a".repeat(300), "b".repeat(300)));
    let report = differ(long("ONE"), long("TWO"));
    assert!(report.contains("    (2 equal lines)\n    - ...aaa") && report.contains("aONEb"), "{report}");
    assert!(report.lines().all(|line| line.len() < 200), "{report}");
    assert_eq!(
        differ(begin("x"), json!([user("Refund 42."), called("1")])),
        "  message 3 (result of `refund`) is missing:\n    - x\n"
    );
    assert_eq!(
        differ(json!([user("a")]), json!([user("a"), user("b")])),
        "  message 2 (user) was not recorded:\n    + b\n"
    );
    assert!(
        differ(json!([user("a"), called("1")]), json!([user("a"), user("b")]))
            .starts_with("  message 2, recorded as assistant, calls of `refund`, came as user:\n")
    );
}

#[test]
fn a_tool_that_is_called_must_have_its_parameters() {
    let recorded = expected(&chat(json!([user("go")])));
    let mut came = chat(json!([user("go")]));
    let parameters = &mut came["tools"][0]["function"]["parameters"];
    parameters["properties"]["order"]["description"] = json!("Another text.");
    parameters["properties"]["order"]["minimum"] = json!(1);
    assert_eq!(differences(&recorded, &read(&came), Compare::default()), "");
    came["tools"][0]["function"]["parameters"]["properties"]["minimum"] = json!({"type": "integer"});
    let report = differences(&recorded, &read(&came), Compare::default());
    assert!(report.contains("\"minimum\": {"), "{report}");
    let parameters = &mut came["tools"][0]["function"]["parameters"];
    parameters["properties"] = json!({"order": {"type": "string"}});
    let report = differences(&recorded, &read(&came), Compare::default());
    let begin = "  the parameters of the tool `refund`:\n    (3 equal lines)\n";
    assert!(report.starts_with(begin) && report.contains("+       \"type\": \"string\""), "{report}");
    came["tools"] = json!([]);
    let report = differences(&recorded, &read(&came), Compare::default());
    assert_eq!(report, "  the tool `refund` is not offered to the model\n");
    // Tools that the model does not call belong to a version of the CLI.
    let uncalled = Expected { called: Vec::new(), ..recorded };
    assert_eq!(differences(&uncalled, &read(&came), Compare::default()), "");
    let compare = Compare { tools: true, ..Compare::default() };
    assert!(!differences(&uncalled, &read(&came), compare).is_empty());
}

#[test]
fn the_system_prompt_is_compared_on_request() {
    let with = |text: &str| chat(json!([{"role": "system", "content": text}, user("go")]));
    let compare = Compare { system: true, ..Compare::default() };
    let differ = |expected: Expected| differences(&expected, &read(&with("Be brief.")), compare);
    let recorded = expected(&with("Be kind."));
    assert_eq!(differ(recorded.clone()), "  the system prompt:\n    - Be kind.\n    + Be brief.\n");
    assert!(differ(Expected { system: None, ..recorded }).contains("its digest differs"));
    assert_eq!(differ(expected(&with("Be brief."))), "");
}

#[test]
fn the_protocol_is_that_of_the_path() {
    for (url, api) in [
        ("https://api.githubcopilot.com/chat/completions", Some(ModelApi::ChatCompletions)),
        ("http://host/openai/deployments/x/chat/completions?api-version=1", Some(ModelApi::ChatCompletions)),
        ("https://api.openai.com/v1/responses", Some(ModelApi::Responses)),
        ("https://api.anthropic.com/v1/messages/", Some(ModelApi::Messages)),
        ("https://api.githubcopilot.com/models", None),
    ] {
        assert_eq!(api_of(url), api, "{url}");
    }
}

#[test]
fn the_events_of_a_stream_are_restored() {
    for text in [
        "data: {\"a\":1}\n\ndata: [DONE]\n\n",
        "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n",
        "event: ping\ndata: {\"type\":\"other\"}\n\ndata: two\ndata: lines\n\n",
    ] {
        let body = StoredBody::read(&[(Duration::ZERO, text.into())], "text/event-stream", false, true);
        let restored: Vec<u8> = body.pieces().into_iter().flat_map(|(_, piece)| piece).collect();
        assert_eq!(String::from_utf8(restored).unwrap(), text);
    }
    let typed = StoredBody::read(
        &[(Duration::ZERO, "event: x\r\ndata: {\"type\":\"x\"}\r\n\r\n: comment\r\n".into())],
        "text/event-stream; charset=utf-8",
        false,
        true,
    );
    assert_eq!(typed.typed_events, Some(vec![json!({"type": "x"})]));
    let cut = [(Duration::ZERO, "data: {\"a\":1}\n\ndata: {\"b\"".into())];
    assert_eq!(StoredBody::read(&cut, "text/event-stream", false, false).events, Some(vec![json!({"a": 1})]));
    let bytes = [(Duration::ZERO, vec![0xFF, 0x00])];
    let body = StoredBody::read(&bytes, "application/octet-stream", false, true);
    assert_eq!((body.base64.as_deref(), body.pieces()), (Some("/wA="), bytes.to_vec()));
}

#[test]
fn the_delays_of_events_are_those_of_the_pieces_that_end_them() {
    let at = Duration::from_millis;
    let pieces: Vec<TimedPiece> =
        vec![(at(10), b"data: 1\n\nda".to_vec()), (at(30), b"ta: 2\n\ndata: 3\n\n".to_vec())];
    let body = StoredBody::read(&pieces, "text/event-stream", true, true);
    assert_eq!(body.after_ms, Some(vec![10, 20, 0]));
    assert_eq!(body.pieces().iter().map(|(delay, _)| delay.as_millis()).collect::<Vec<_>>(), [10, 20, 0]);
}

#[test]
fn an_answer_is_read_from_each_protocol() {
    let tokens = Tokens { input: 11, output: 7 };
    let calls = [ToolUse::new("refund", json!({"order": 42})), ToolUse::raw("b", "{not json")];
    let script = Script::new().reasoning("Hm.").preamble("I look.").tokens(tokens).calls(calls);
    for api in [ModelApi::ChatCompletions, ModelApi::Responses, ModelApi::Messages] {
        for streamed in [true, false] {
            let ids = vec!["1".to_owned(), "2".to_owned()];
            let pieces = api.render(&script, ids, streamed).into_iter().map(|piece| (Duration::ZERO, piece));
            let kind = if streamed { "text/event-stream" } else { "application/json" };
            let body = StoredBody::read(&pieces.collect::<Vec<_>>(), kind, false, true);
            assert!(body.has_final_event(), "{api:?} {streamed}");
            let answer =
                Answer::read(api, &StoredResponse { status: 200, body, ..StoredResponse::default() });
            assert_eq!(answer.text.concat(), "I look.", "{api:?} {streamed}");
            assert_eq!(
                (answer.reasoning.as_str(), answer.tokens),
                ("Hm.", Some(tokens)),
                "{api:?} {streamed}"
            );
            let read: Vec<_> = answer
                .calls
                .iter()
                .map(|call| (call.id.as_str(), call.name.as_str(), &call.arguments))
                .collect();
            let (order, raw) = (json!({"order": 42}), json!("{not json"));
            assert_eq!(read, [("1", "refund", &order), ("2", "b", &raw)], "{api:?} {streamed}");
        }
    }
}

#[tokio::test]
async fn a_conversation_is_recorded_and_replayed() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("below").join("refund.jsonl");
    let first = chat(json!([user("Refund 42.")]));
    let second = chat(json!([user("Refund 42."), called("call_1"), result("call_1", "12 EUR")]));
    let script = Script::new().call("refund", json!({"order": 42})).stream(["12 EUR ", "are refunded."]);
    let replay = record(&path, script, &[first.clone(), second.clone()]).await;

    let text = fs::read_to_string(&path).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let kinds: Vec<_> =
        lines.iter().map(|line| line.as_object().unwrap().keys().next().unwrap().as_str()).collect();
    assert_eq!(kinds, ["cassette", "tool", "request", "response", "request", "response", "end"], "{text}");
    // A request has only what is new in it.
    assert_eq!(lines[4]["request"]["messages"].as_array().unwrap().len(), 2, "{text}");
    assert!(!text.contains("key-of-the-provider"), "{text}");

    let cassette = replay.await.unwrap();
    let (status, _, answer) = ask(&cassette, ModelApi::ChatCompletions, &first).await;
    assert!(status == 200 && answer.contains("call_1") && answer.ends_with("data: [DONE]\n\n"), "{answer}");
    let (status, _, answer) = ask(&cassette, ModelApi::ChatCompletions, &second).await;
    assert!(status == 200 && answer.contains("are refunded."), "{answer}");
    cassette.finish().unwrap();
}

#[tokio::test]
async fn a_recorded_answer_has_the_form_of_the_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refund.jsonl");
    let request = chat(json!([user("Refund 42.")]));
    let script = || Script::new().call("refund", json!({"order": 42}));
    drop(record(&path, script(), std::slice::from_ref(&request)).await);

    let parameters = request["tools"][0]["function"]["parameters"].clone();
    let responses = json!({
        "model": "other", "input": "Refund 42.", "stream": false,
        "tools": [{"type": "function", "name": "refund", "parameters": parameters}],
    });
    let cassette = Cassette::replay(&path).await.unwrap();
    let (status, headers, answer) = ask(&cassette, ModelApi::Responses, &responses).await;
    assert_eq!((status, headers.get("content-type")), (200, Some("application/json")));
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(
        (&answer["output"][0]["call_id"], &answer["output"][0]["name"]),
        (&json!("call_1"), &json!("refund"))
    );
    cassette.finish().unwrap();

    let cassette = Cassette::replay(&path).await.unwrap();
    let mut whole = request;
    whole["stream"] = json!(false);
    let (_, _, answer) = ask(&cassette, ModelApi::ChatCompletions, &whole).await;
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["choices"][0]["message"]["tool_calls"][0]["id"], "call_1");
}

#[tokio::test]
async fn a_request_that_differs_is_refused_for_good() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refund.jsonl");
    let recorded = chat(json!([user("Refund 42.")]));
    let replay = record(&path, Script::new().say("Done."), std::slice::from_ref(&recorded)).await;
    let cassette = replay.await.unwrap();
    let other = chat(json!([user("Refund 43.")]));
    let (status, headers, answer) = ask(&cassette, ModelApi::ChatCompletions, &other).await;
    assert_eq!((status, headers.get("x-should-retry")), (400, Some("false")));
    let expected = "request 1 differs from request 1 of the cassette refund.jsonl:\n  message 1 (user):\n    \
                    - Refund 42.\n    + Refund 43.";
    let answer: Value = serde_json::from_str(&answer).unwrap();
    assert_eq!(answer["error"]["message"], expected);
    // The recorded request is still there, and is answered once.
    assert_eq!(ask(&cassette, ModelApi::ChatCompletions, &recorded).await.0, 200);
    assert_eq!(ask(&cassette, ModelApi::ChatCompletions, &recorded).await.0, 400);
    // A repeated refusal is reported once.
    assert_eq!(ask(&cassette, ModelApi::ChatCompletions, &recorded).await.0, 400);
    let error = cassette.finish().unwrap_err();
    let report = error.to_string();
    let again = "request 3 is not in the cassette refund.jsonl, whose requests (1) have all been made; its last message \
                 (user) is \"Refund 42.\"";
    assert_eq!((error.kind(), report), (ErrorKind::Cassette, format!("{expected}\n{again}")));
}

#[tokio::test]
async fn a_recorded_request_that_is_not_made_is_an_error() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refund.jsonl");
    let replay = record(&path, Script::new().say("Done."), &[chat(json!([user("Refund 42.")]))]).await;
    let error = replay.await.unwrap().finish().unwrap_err().to_string();
    assert_eq!(
        error,
        "request 1 of the cassette refund.jsonl was not made; its last message (user) is \"Refund 42.\""
    );
}

#[tokio::test]
async fn equal_requests_get_their_answers_in_order() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("twice.jsonl");
    let request = chat(json!([user("Roll.")]));
    let numbered = std::sync::atomic::AtomicUsize::new(0);
    let upstream = move |_: InferenceRequest| {
        let number = numbered.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        async move {
            let event = json!({"choices": [{"index": 0, "delta": {"content": format!("number {number}")}}]});
            Ok(InferenceResponse::new(200)
                .header("content-type", "text/event-stream")
                .body(format!("data: {event}\n\ndata: [DONE]\n\n")))
        }
    };
    let cassette = Cassette::record(&path).upstream(upstream).await.unwrap();
    for _ in 0..3 {
        ask(&cassette, ModelApi::ChatCompletions, &request).await;
    }
    cassette.finish().unwrap();
    let cassette = Cassette::replay(&path).await.unwrap();
    for number in 0..3 {
        let (_, _, answer) = ask(&cassette, ModelApi::ChatCompletions, &request).await;
        assert!(answer.contains(&format!("number {number}")), "{answer}");
    }
    cassette.finish().unwrap();
}

#[tokio::test]
async fn an_unfinished_recording_leaves_the_cassette_and_says_that_it_is_incomplete() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refund.jsonl");
    let request = chat(json!([user("Refund 42.")]));
    drop(record(&path, Script::new().say("Old."), std::slice::from_ref(&request)).await);
    let old = fs::read_to_string(&path).unwrap();

    let model = ScriptedModel::without_server(Script::new().say("New.")).unwrap();
    let cassette = Cassette::record(&path).upstream(model.inference()).await.unwrap();
    let twice = Cassette::record(&path).await.unwrap_err();
    assert!(twice.to_string().contains("is being recorded by this program already"), "{twice}");
    ask(&cassette, ModelApi::ChatCompletions, &request).await;
    drop(cassette);

    assert_eq!(fs::read_to_string(&path).unwrap(), old);
    let incomplete = directory.path().join("refund.jsonl.incomplete");
    assert!(fs::read_to_string(&incomplete).unwrap().contains("New."));
    let error = Cassette::load(&incomplete).unwrap_err().to_string();
    assert!(error.contains("is incomplete: its recording did not reach `finish`"), "{error}");
    // Without requests, the cassette stays as well.
    let empty = Cassette::record(&path).await.unwrap().finish().unwrap_err().to_string();
    assert!(empty.contains("nothing was recorded") && !incomplete.exists(), "{empty}");
    assert_eq!(fs::read_to_string(&path).unwrap(), old);
}

#[test]
fn files_that_cannot_be_read_are_refused_with_the_reason() {
    let directory = tempfile::tempdir().unwrap();
    let load = |text: &str| {
        let path = directory.path().join("x.jsonl");
        fs::write(&path, text).unwrap();
        Cassette::load(path).unwrap_err().to_string()
    };
    let header = r#"{"cassette":{"format":1,"recorded":"2026-11-29","library":"0.1.0","directories":[]}}"#;
    assert!(load("").contains("is not a cassette"));
    assert!(load(&header.replace("\"format\":1", "\"format\":2")).contains("has the format 2"));
    assert!(load(&format!("{header}\n{{\"what\":1}}")).contains("line 2 of the cassette"));
    assert!(
        load(&format!("{header}\n{{\"response\":{{\"request\":1,\"status\":200}}}}"))
            .contains("does not fit")
    );
    let missing = Cassette::load(directory.path().join("none")).unwrap_err().to_string();
    assert!(missing.contains("COPILOT_CASSETTE=record"), "{missing}");
}

#[tokio::test]
async fn a_recording_becomes_a_script() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("refund.jsonl");
    let first = chat(json!([user("Refund 42.")]));
    let second = chat(json!([user("Refund 42."), called("call_1"), result("call_1", "12 EUR")]));
    let script = Script::new().preamble("I look.").call("refund", json!({"order": 42})).say("Done.");
    drop(record(&path, script, &[first, second]).await);
    let recording = Cassette::load(&path).unwrap();
    assert_eq!(recording.requests(), 2);
    assert_eq!(
        recording.script_source(),
        r#"Script::new()
    .expect_prompt(|prompt| prompt.contains("Refund 42."))
    .preamble("I look.")
    .call("refund", json!({"order":42}))
    .expect_tool_result("refund", |result| result.contains("12 EUR"))
    .say("Done.")"#
    );
    let turns = format!("{:?}", recording.to_script());
    assert!(turns.contains("refund") && turns.contains("Done.") && turns.contains("I look."), "{turns}");
    assert_eq!(recording.scripts().len(), 1);
}

#[test]
fn known_tokens_are_removed() {
    let scrubber = Scrubber::default();
    let body = "a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8s9T0";
    for token in [
        format!("ghp_{body}"),
        format!("gho_{body}"),
        format!("github_pat_{body}_{body}"),
        format!("sk-{body}"),
        format!("sk-ant-api03-{body}"),
        "AKIAIOSFODNN7EXAMPLE".to_owned(),
        format!("AIza{body}"),
        format!("glpat-{body}"),
        format!("npm_{body}"),
        format!("xoxb-{body}"),
        format!("hf_{body}"),
        "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NSJ9.c2lnbmF0dXJl".to_owned(),
        "tid=0123456789abcdef;exp=1764000000;sku=x".to_owned(),
    ] {
        for text in [format!("the token {token}, here"), format!("\"{token}\""), token.clone()] {
            let scrubbed = scrubber.text(&text);
            assert!(!scrubbed.contains(&token[6..]) && scrubbed.contains("<<secret>>"), "{text}: {scrubbed}");
        }
    }
    assert_eq!(scrubber.text("https://ada:hunter2@host/x"), "https://ada:<<secret>>@host/x");
    assert_eq!(scrubber.text("Bearer abcdefghijklmnop1"), "Bearer <<secret>>");
    let key = "-----BEGIN RSA PRIVATE KEY-----\nMIIE\n-----END RSA PRIVATE KEY-----";
    assert!(!scrubber.text(key).contains("MIIE"));
    for harmless in ["a task-management-system-of-old", "see https://host:8080/a@b", "sk-short"] {
        assert_eq!(scrubber.text(harmless), harmless);
    }
}

#[test]
fn directories_and_the_user_have_placeholders_that_a_replay_restores() {
    let mut recorder = Scrubber::default();
    recorder.directory("cwd", Path::new("/home/ada/project"));
    recorder.directory("home", Path::new("/home/ada"));
    recorder.directory("root", Path::new("/"));
    recorder.user("ada");
    let text = "/home/ada/project/src and /home/ada/.ssh, not /home/adam, by ada, not adaptive: {\"p\":\"\\n/home/ada\"}";
    let stored = recorder.text(text);
    assert_eq!(
        stored,
        "<<cwd>>/src and <<home>>/.ssh, not /home/adam, by <<user>>, not adaptive: {\"p\":\"\\n<<home>>\"}"
    );
    assert_eq!(recorder.expanded(&stored), text);
    let mut other = Scrubber::default();
    other.directory("cwd", Path::new("/build/x"));
    assert_eq!(other.expanded("<<cwd>>/src"), "/build/x/src");
    let mut shared = Scrubber::default();
    shared.user("root");
    assert_eq!(shared.text("the root cause"), "the root cause");
}

#[test]
fn rules_of_the_program_apply_to_requests_and_to_streams() {
    let rules = vec![
        Rule::Literal("Acme \"Inc\"".to_owned()),
        Rule::Pattern(regex_lite::Regex::new(r"C-\d+").unwrap()),
        Rule::Function(Arc::new(|text| text.replace("Ada Lovelace", "<<customer>>"))),
    ];
    let scrubber = Scrubber::new(rules, true);
    assert_eq!(
        scrubber
            .text("Acme \"Inc\" has C-123 of Ada Lovelace, ada@acme.example; {\"a\":\"Acme \\\"Inc\\\"\"}"),
        "<<secret>> has <<secret>> of <<customer>>, <<email>>; {\"a\":\"<<secret>>\"}"
    );
    let event = |text: &str| json!({"id": "c", "choices": [{"index": 0, "delta": {"content": text}}]});
    let mut body = StoredBody {
        events: Some(vec![event("from Ada Lo"), event("velace"), event(", bye")]),
        ..StoredBody::default()
    };
    body.scrub(&scrubber);
    assert_eq!(body.events.unwrap(), [event("from <<customer>>"), event(""), event(", bye")]);
}

#[test]
fn names_of_credentials_are_recognized() {
    for name in
        ["GH_TOKEN", "OPENAI_API_KEY", "authorization", "x-api-key", "AWS_SECRET_ACCESS_KEY", "BASIC_AUTH"]
    {
        assert!(is_secret_name(name), "{name}");
    }
    for name in ["PATH", "GIT_AUTHOR_NAME", "accept", "SSH_AUTH_SOCK"] {
        assert!(!is_secret_name(name), "{name}");
    }
}

/// Returns the bytes of a stream in which the text is in pieces of these lengths.
fn streamed(text: &str, lengths: &[usize]) -> Vec<TimedPiece> {
    let mut rest: Vec<char> = text.chars().collect();
    let mut pieces = Vec::new();
    let mut lengths = lengths.iter().copied().cycle();
    while !rest.is_empty() {
        let length = lengths.next().unwrap_or(7).clamp(1, rest.len());
        let piece: String = rest.drain(..length).collect();
        let event = json!({"id": "chatcmpl-1", "choices": [{"index": 0, "delta": {"content": piece}}]});
        pieces.push((Duration::ZERO, format!("data: {event}\n\n").into_bytes()));
    }
    pieces
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn a_planted_secret_is_never_in_the_output(
        secret in "[A-Za-z0-9+/=\"\\\\ ._-]{4}[A-Za-z0-9+/_-]{10,36}[A-Za-z0-9]",
        before in "\\PC{0,40}",
        after in "\\PC{0,40}",
        lengths in prop::collection::vec(1_usize..12, 1..6),
        padding in 0_usize..3,
    ) {
        let scrubber = Scrubber::default();
        let secret = secret.trim().to_owned();
        scrubber.learn(&secret);
        let encoded = base64::encode(format!("{}{secret}", "x".repeat(padding)).as_bytes());
        let text = format!("{before}{secret}{after} {encoded} {}", json!({"key": secret}));
        prop_assert!(!scrubber.text(&text).contains(&secret));
        prop_assert!(!scrubber.text(&text).contains(&encoded[4..encoded.len() - 4]));

        let mut body = StoredBody::read(&streamed(&text, &lengths), "text/event-stream", false, true);
        body.scrub(&scrubber);
        let said: String = body.event_data().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
        prop_assert!(!said.contains(&secret), "{said}");
        let line = scrubber.line(serde_json::to_string(&body).unwrap());
        prop_assert!(!line.contains(&secret), "{line}");
        prop_assert!(serde_json::from_str::<Value>(&line).is_ok(), "{line}");
    }

    #[test]
    fn a_token_in_a_stream_is_never_in_the_output(
        body in "[A-Za-z0-9]{36}",
        before in "\\PC{0,20}",
        lengths in prop::collection::vec(1_usize..30, 1..6),
    ) {
        let token = format!("ghp_{body}");
        let pieces = streamed(&format!("{before} {token} end"), &lengths);
        let mut body = StoredBody::read(&pieces, "text/event-stream", false, true);
        body.scrub(&Scrubber::default());
        let said: String = body.event_data().filter_map(|event| event["choices"][0]["delta"]["content"].as_str()).collect();
        prop_assert!(!said.contains(&token[4..24]) && said.ends_with("<<secret>> end"), "{said}");
    }

    #[test]
    fn a_distributed_text_is_the_changed_text(
        pieces in prop::collection::vec("[aäb<]{0,4}", 1..8),
        changed in "[aäb<]{0,20}",
    ) {
        let pieces: Vec<&str> = pieces.iter().map(String::as_str).collect();
        prop_assert_eq!(distribute(&pieces, &changed).concat(), changed);
        let unchanged = distribute(&pieces, &pieces.concat());
        prop_assert_eq!(unchanged, pieces);
    }
}

/// Secrets at every place of a recorded exchange are not in the bytes of the file.
#[tokio::test]
async fn no_token_reaches_the_file() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("secrets.jsonl");
    let planted = [
        "ghp_a1B2c3D4e5F6g7H8i9J0k1L2m3N4o5P6q7R8",
        "key-of-the-provider",
        "AKIAIOSFODNN7EXAMPLE",
        "literal of the program",
    ];
    let upstream = move |_: InferenceRequest| async move {
        let mut stream = String::new();
        for secret in planted {
            let (one, two) = secret.split_at(secret.len() / 2);
            for piece in [one, two, " "] {
                let event = json!({"choices": [{"index": 0, "delta": {"content": piece, secret: secret}}]});
                stream.push_str(&format!("data: {event}\n\n"));
            }
            let arguments = json!({"token": base64::encode(secret.as_bytes())}).to_string();
            let function = json!({"name": "refund", "arguments": arguments});
            let call = json!({"index": 0, "id": "call_1", "function": function});
            let event = json!({"choices": [{"index": 0, "delta": {"tool_calls": [call]}}]});
            stream.push_str(&format!("data: {event}\n\n"));
        }
        let response = InferenceResponse::new(200).header("content-type", "text/event-stream");
        Ok(response.header("set-cookie", planted[0]).header("x-token", planted[1]).body(stream))
    };
    let all = planted.join(" ");
    let mut request = chat(json!([
        {"role": "system", "content": all},
        user(&all),
        called("call_1"),
        result("call_1", &format!("{all} {}", base64::encode(planted[1].as_bytes()))),
    ]));
    request["tools"][0]["function"]["description"] = json!(all);
    request["model"] = json!(planted[0]);
    let cassette = Cassette::record(&path)
        .compare_system_prompt()
        .compare_tools()
        .scrub(planted[3])
        .upstream(upstream)
        .await
        .unwrap();
    ask(&cassette, ModelApi::ChatCompletions, &request).await;
    cassette.finish().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("<<secret>>"), "{text}");
    for secret in planted {
        assert!(!text.contains(secret), "{secret}: {text}");
        let encoded = base64::encode(secret.as_bytes());
        let is_shape = secret.starts_with("ghp_") || secret.starts_with("AKIA");
        assert!(is_shape || !text.contains(&encoded[..encoded.len() - 4]), "{secret}: {text}");
    }
    assert!(!text.contains("set-cookie") && !text.contains("x-token"), "headers are in the file: {text}");
    Cassette::load(&path).unwrap();
}

#[tokio::test]
async fn an_upstream_that_fails_is_not_recorded() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("retry.jsonl");
    let tries = std::sync::atomic::AtomicUsize::new(0);
    let upstream = move |_: InferenceRequest| {
        let first = tries.fetch_add(1, std::sync::atomic::Ordering::Relaxed) == 0;
        async move {
            if first {
                return Err("no route".into());
            }
            InferenceResponse::json(200, &json!({"choices": []}))
        }
    };
    let cassette = Cassette::record(&path).upstream(upstream).await.unwrap();
    let request = chat(json!([user("go")]));
    let body = || RequestBody::whole(request.to_string().into_bytes());
    let url = "https://models.invalid/v1/chat/completions".to_owned();
    let seam = Seam(Arc::clone(&cassette.shared));
    let ask_once =
        || seam.respond(InferenceRequest::http("POST".into(), url.clone(), Headers::default(), body()));
    ask_once().await.unwrap_err();
    ask(&cassette, ModelApi::ChatCompletions, &request).await;
    cassette.finish().unwrap();
    assert_eq!(Cassette::load(&path).unwrap().requests(), 1);
}

#[tokio::test]
async fn a_cancelled_request_is_recorded_as_such() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("abort.jsonl");
    let upstream = |_: InferenceRequest| async {
        let response = InferenceResponse::new(200).header("content-type", "text/event-stream");
        Ok(response.write(|body| async move {
            body.send("data: {\"choices\":[]}\n\ndata: {\"unfin").await?;
            std::future::pending().await
        }))
    };
    let cassette = Cassette::record(&path).upstream(upstream).await.unwrap();
    let request = chat(json!([user("go")]));
    let seam = Seam(Arc::clone(&cassette.shared));
    let ask_once = |seam: Seam| {
        let (body, url) =
            (request.to_string().into_bytes(), "https://models.invalid/v1/chat/completions".to_owned());
        async move {
            let request =
                InferenceRequest::http("POST".into(), url, Headers::default(), RequestBody::whole(body));
            let (_, _, mut chunks) = seam.respond(request).await.unwrap().into_parts();
            let first = std::future::poll_fn(|cx| chunks.as_mut().poll_next(cx)).await.unwrap().unwrap();
            let second =
                std::future::poll_fn(|cx| std::task::Poll::Ready(chunks.as_mut().poll_next(cx).is_pending()));
            (first, second.await)
        }
    };
    assert!(ask_once(seam).await.1);
    cassette.finish().unwrap();
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains("\"ending\":\"cancelled\"") && !text.contains("unfin"), "{text}");
    let cassette = Cassette::replay(&path).await.unwrap();
    let (first, waits) = ask_once(Seam(Arc::clone(&cassette.shared))).await;
    assert_eq!((first.as_bytes(), waits), (&b"data: {\"choices\":[]}\n\n"[..], true));
    cassette.finish().unwrap();
}

#[tokio::test(start_paused = true)]
async fn the_timing_is_replayed_on_request() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("slow.jsonl");
    let request = chat(json!([user("go")]));
    let script = Script::new().pace(Duration::from_secs(10)).stream(["1", "2", "3"]);
    let model = ScriptedModel::without_server(script).unwrap();
    let cassette = Cassette::record(&path).with_timing().upstream(model.inference()).await.unwrap();
    ask(&cassette, ModelApi::ChatCompletions, &request).await;
    cassette.finish().unwrap();
    for (builder, seconds) in [(Cassette::replay(&path).with_timing(), 20), (Cassette::replay(&path), 0)] {
        let cassette = builder.await.unwrap();
        let begin = tokio::time::Instant::now();
        ask(&cassette, ModelApi::ChatCompletions, &request).await;
        assert_eq!(begin.elapsed().as_secs(), seconds);
        cassette.finish().unwrap();
    }
}

#[tokio::test]
async fn settings_that_are_invalid_are_refused() {
    let error = Cassette::replay("missing.jsonl").scrub_matches("(").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Configuration);
    let error = Cassette::replay("missing.jsonl").await.unwrap_err();
    assert!(error.kind() == ErrorKind::Cassette && error.to_string().contains("missing.jsonl"), "{error}");
}
