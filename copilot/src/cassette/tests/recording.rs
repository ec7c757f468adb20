//! Recording and replaying a file.

use super::*;

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
