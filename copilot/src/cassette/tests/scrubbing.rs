//! Secrets, directories and rules.

use super::*;

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
fn a_directory_of_windows_stays_json_inside_of_a_string() {
    let mut scrubber = Scrubber::default();
    scrubber.directory("cwd", Path::new(r"C:\Users\me"));
    for form in [r"C:\Users\me", "C:/Users/me", r"C:\\Users\\me", r"C:\\\\Users\\\\me"] {
        assert_eq!(scrubber.text(&format!("in {form}!")), "in <<cwd>>!");
    }
    assert_eq!(scrubber.expanded(r"It is in <<cwd>>\src."), r"It is in C:\Users\me\src.");
    let arguments = json!({"path": r"C:\Users\me\src", "json": json!({"in": r"C:\Users\me"}).to_string()});
    let whole = arguments.to_string();
    let pieces = [&whole[..9], &whole[9..]];
    let part = |text: &str| json!({"type": "input_json_delta", "partial_json": text});
    let mut body = StoredBody {
        events: Some(vec![
            json!({"choices": [{"delta": {"tool_calls": [{"function": {"arguments": whole}}]}}]}),
            json!({"type": "response.function_call_arguments.delta", "delta": whole}),
            json!({"type": "tool_result", "content": whole}),
            json!({"type": "content_block_delta", "delta": part(pieces[0])}),
            json!({"type": "content_block_delta", "delta": part(pieces[1])}),
        ]),
        ..StoredBody::default()
    };
    body.scrub(&scrubber);
    assert!(!json!(body).to_string().contains("Users"), "{body:?}");
    body.expand(&scrubber);
    let events = body.events.unwrap();
    let read = |text: &Value| serde_json::from_str::<Value>(text.as_str().unwrap()).unwrap();
    let both = events[3..].iter().map(|event| event["delta"]["partial_json"].as_str().unwrap());
    for replayed in [
        read(&events[0]["choices"][0]["delta"]["tool_calls"][0]["function"]["arguments"]),
        read(&events[1]["delta"]),
        read(&events[2]["content"]),
        read(&both.collect::<String>().into()),
    ] {
        assert_eq!(replayed["path"], r"C:/Users/me\src");
        assert_eq!(read(&replayed["json"])["in"], "C:/Users/me");
    }
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
