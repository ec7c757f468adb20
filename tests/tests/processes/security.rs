//! Security failures that must never happen: a secret in a log, an old CLI that runs something unasked, a stranger on the port.

#![allow(clippy::unwrap_used, reason = "a test fails where something is missing")]

use std::fmt::{Debug, Write as _};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use copilot::agents::CustomAgent;
use copilot::client::Telemetry;
use copilot::client::TransportKind;
use copilot::mcp::{Mcp, McpLoginResponse, McpServer};
use copilot::providers::{Provider, Providers};
use copilot::testing::{Answer, FakeCli, RpcError};
use copilot::tokens::GithubTokenResponse;
use copilot::tool_filter::ToolOptions;
use copilot::{Attachment, Client, Event, Image, Message, ToolResult};
use copilot_tests::fake::{Fake, settle};
use copilot_tests::real::Real;
use serde_json::{Value, json};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Metadata, Subscriber};

/// Changes something.
#[copilot::tool(destructive)]
async fn change() -> String {
    panic!("it runs")
}

/// Looks at something.
#[copilot::tool]
async fn look() -> String {
    "seen".to_owned()
}

/// Everything that is logged, at every level.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<String>>);

impl Visit for Log {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        let _ = writeln!(self.0.lock().unwrap(), "{field}={value:?}");
    }
}

impl Subscriber for Log {
    fn enabled(&self, _: &Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        span.record(&mut self.clone());
        Id::from_u64(1)
    }

    fn record(&self, _: &Id, values: &Record<'_>) {
        values.record(&mut self.clone());
    }

    fn record_follows_from(&self, _: &Id, _: &Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        event.record(&mut self.clone());
    }

    fn enter(&self, _: &Id) {}

    fn exit(&self, _: &Id) {}
}

/// A text that is in every secret, and nowhere else.
const MARK: &str = "hunter2";

/// A secret, identified by a word that may show.
fn secret(what: &str) -> String {
    format!("{what}-{MARK}")
}

/// A URL with secrets in it.
fn url(what: &str) -> String {
    format!("http://user:{0}@127.0.0.1:1/v1?key={0}#{0}", secret(what))
}

#[tokio::test(start_paused = true)]
async fn no_secret_shows_in_logs_errors_or_debug() {
    let log = Log::default();
    // With one subscriber in the program, `tracing` asks that of the thread which comes to an event first, and other tests
    // have none. With two it asks all of them.
    let _second = tracing::Dispatch::new(log.clone());
    let _listening = tracing::subscriber::set_default(log.clone());
    let mut shown = String::new();
    let mut show = |what: &dyn Debug| writeln!(shown, "{what:?}").unwrap();

    // Of a client.
    let builder = Client::builder()
        .github_token(secret("github"))
        .env("SERVICE_TOKEN", secret("env"))
        .connection_token(secret("connection"))
        .transport(TransportKind::Tcp)
        .telemetry(Telemetry::otlp(url("telemetry")))
        .cli_args(["--header", &secret("argument")])
        .cli_path("/nowhere/copilot");
    show(&builder);
    let error = builder.start().await.unwrap_err();
    show(&error);
    show(&error.to_string());
    let both = Client::builder().cli_url("4321").github_token(secret("github")).lazy().unwrap_err();
    show(&both.to_string());
    show(&Telemetry::otlp(url("telemetry")));
    for scheme in ["http", "https", "ws"] {
        let address = format!("{scheme}://{}:{}@127.0.0.1:9?key={MARK}", secret("user"), secret("password"));
        let builder = Client::builder().cli_url(address);
        show(&builder);
        show(&builder.lazy().unwrap_err());
    }

    // Of a connection that is refused.
    let refusing = FakeCli::new();
    refusing.on("connect", |_, _| RpcError::new(-32002, "AUTHENTICATION_FAILED"));
    let refused = refusing.client_builder().connection_token(secret("connection")).start().await;
    show(&refused.unwrap_err());

    // Of a session, in every place that takes one.
    let cli = FakeCli::new();
    cli.on("session.eventLog.registerInterest", |_, _| json!({}));
    let fake =
        Fake { client: cli.client_builder().connection_token(secret("x")).start().await.unwrap(), cli };
    let provider = Provider::openai(url("base-url"))
        .api_key_command(secret("key-command"))
        .api_key(secret("key"))
        .bearer_token(secret("bearer"))
        .header("X-Key", secret("provider-header"))
        .bearer_token_from(|_| async { Ok::<_, String>(secret("bearer-from")) });
    show(&provider);
    let (first, events) =
        (Arc::new(Mutex::new(Vec::<Event>::new())), Arc::new(Mutex::new(Vec::<Event>::new())));
    let heard = Arc::clone(&first);
    let asked = Arc::new(Mutex::new(Vec::new()));
    let logins = Arc::clone(&asked);
    let builder = fake
        .session()
        .provider(provider)
        .mcp_server(
            "local",
            McpServer::stdio("true")
                .args(["--token", &secret("mcp-argument")])
                .env("TOKEN", secret("mcp-env")),
        )
        .mcp_server("remote", McpServer::http(url("mcp-url")).header("Authorization", secret("mcp-header")))
        .mcp_server("events", McpServer::sse(url("sse-url")))
        .custom_agent(
            CustomAgent::new("helper", "Help.")
                .mcp_server("of the agent", McpServer::stdio("true").args([secret("agent-argument")])),
        )
        .mcp(Mcp::new().client_id_metadata_url(url("metadata-url")))
        .mcp(Mcp::new().on_login(move |login| {
            logins.lock().unwrap().push(format!("{login:?}"));
            async { McpLoginResponse::token(secret("login")) }
        }))
        .raw("newMember", secret("raw"))
        .with_tools([look::TOOL])
        .on_event(move |event| heard.lock().unwrap().push(event.clone()));
    show(&builder);
    let session = builder.start().await.unwrap();
    show(&session);
    show(&fake.client);
    let heard = Arc::clone(&events);
    let listening = session.on(move |event| heard.lock().unwrap().push(event.clone()));
    fake.cli.on_turn(|turn| async move {
        turn.call_tool("look", json!({})).await;
        turn.say("seen");
    });
    let attachment = Attachment::github_url(url("github-url"));
    show(&attachment);
    let message = Message::new("look").attach(attachment).request_header("X-Trace", secret("request-header"));
    let message = message.raw("newMember", json!({"token": secret("raw-message")}));
    show(&message);
    let ask = session.ask(message).request_header("X-Other", secret("ask-header"));
    show(&ask);
    show(&ask.await.unwrap());
    for (method, params) in [
        ("providerToken.getToken", json!({"sessionId": session.id(), "providerName": "default"})),
        ("providerToken.getToken", json!({"sessionId": session.id(), "providerName": 7})),
        ("gitHubToken.getToken", json!({"sessionId": session.id(), "registrationId": "?", "host": "h"})),
    ] {
        if let Err(error) = fake.cli.request(method, params).await {
            show(&error);
        }
    }
    let login = json!({"requestId": "r", "serverName": "remote", "serverUrl": url("mcp-url"),
                       "httpResponse": {"body": secret("body")}});
    fake.cli.event(session.id(), "mcp.oauth_required", login);
    settle().await;
    let asked = std::mem::take(&mut *asked.lock().unwrap());
    assert_eq!(asked.len(), 1);
    show(&asked);

    // Of sessions with a login of their own, which the CLI does not take together with a provider.
    let builder = fake.session().github_token(secret("session"));
    show(&builder);
    let with_token = builder.start().await.unwrap();
    let builder = fake.session().on_github_token(|_| async {
        GithubTokenResponse::new(secret("rotating"), Duration::from_secs(7200))
    });
    show(&builder);
    let rotating = builder.start().await.unwrap();
    let created = fake.cli.requests("session.create").pop().unwrap();
    let registration = &created["gitHubTokenProviderRegistrationId"];
    let wanted =
        json!({"sessionId": rotating.id(), "registrationId": registration, "host": "h", "reason": "initial"});
    let token = fake.cli.request("gitHubToken.getToken", wanted).await.unwrap();
    assert!(token.to_string().contains(&secret("rotating")), "{token}");
    let named = Provider::openai("http://127.0.0.1:1/v1").api_key(secret("named"));
    let builder = fake.session().providers(Providers::new().provider("mine", named));
    show(&builder);
    drop((with_token, rotating, builder.start().await.unwrap()));

    // Of inputs that are refused.
    let broken = |what: &str| format!("{}\n", url(what));
    for builder in [
        fake.session().provider(Provider::openai(broken("base-url"))),
        fake.session().providers(Providers::new().provider("mine", Provider::openai(broken("base-url")))),
        fake.session().mcp_server("remote", McpServer::http(broken("mcp-url"))),
        fake.session().github_token(secret("line-end\n")),
    ] {
        show(&builder);
        show(&builder.start().await.unwrap_err());
    }

    // Of what fails.
    for answer in [Answer::Error(RpcError::new(-32603, "no")), json!(7).into()] {
        fake.cli.on("session.send", move |_, _| answer.clone());
        let failed = session.send("?").request_header("X-Key", secret("failed-header")).await;
        show(&failed.unwrap_err());
    }
    fake.cli.raw(b"garbage\r\n\r\n");
    fake.cli.frame(format!("{{\"token\": \"{}\"", secret("unread")));
    fake.cli.hang_up();
    show(&session.ask("?").await.unwrap_err());
    drop(listening);

    let sent = serde_json::to_string(&fake.cli.received()).unwrap();
    for what in [
        "x",
        "key",
        "bearer",
        "provider-header",
        "bearer-from",
        "named",
        "mcp-env",
        "mcp-header",
        "session",
        "request-header",
        "ask-header",
        "login",
        "failed-header",
        "raw",
        "raw-message",
        "base-url",
        "key-command",
        "mcp-argument",
        "agent-argument",
        "mcp-url",
        "sse-url",
        "metadata-url",
        "github-url",
    ] {
        assert!(sent.contains(&secret(what)), "the secret `{what}` reaches the CLI");
    }
    let log = log.0.lock().unwrap().clone();
    assert!(log.contains("connected to the CLI"), "everything is logged: {log}");
    assert!(!events.lock().unwrap().is_empty(), "events are heard");
    for event in events.lock().unwrap().iter() {
        show(event);
    }
    for line in shown.lines().chain(log.lines()) {
        assert!(!line.contains(MARK), "a secret shows: {line}");
    }
}

/// The denial of protocol 2, and nothing else.
fn denied() -> Value {
    json!({"result": {"kind": "denied-no-approval-rule-and-could-not-request-from-user"}})
}

#[tokio::test(start_paused = true)]
async fn protocol_2_gets_a_no_in_its_own_words_whatever_it_asks() {
    for version in ["0.0.394", "0.0.403"] {
        let fake = Fake::of_version(version).await;
        let session = fake.session().with_tools([change::TOOL, look::TOOL]).start().await.unwrap();
        let id = session.id();
        for params in [
            json!({"sessionId": id, "permissionRequest": {"kind": "shell", "fullCommandText": "rm -rf /"}}),
            json!({"sessionId": id, "permissionRequest": {"kind": "never heard of"}}),
            json!({"sessionId": id, "permissionRequest": {"kind": 7}}),
            json!({"sessionId": id, "permissionRequest": {"kind": null}}),
            json!({"sessionId": id, "permissionRequest": {}}),
            json!({"sessionId": id, "permissionRequest": {"kind": "read", "commands": "x", "path": [1]}}),
            json!({"sessionId": id, "permissionRequest": {"kind": "custom-tool", "toolName": "change"}}),
            json!({"sessionId": id, "permissionRequest": {"kind": "custom-tool", "toolName": "not ours"}}),
            json!({"sessionId": id, "permissionRequest": {"kind": "custom-tool"}}),
            json!({"sessionId": id, "permissionRequest": null}),
            json!({"sessionId": id, "permissionRequest": "approved"}),
            json!({"sessionId": id, "permissionRequest": [{"kind": "read"}]}),
            json!({"sessionId": id}),
            json!({"sessionId": "of another client", "permissionRequest": {"kind": "read"}}),
            json!({"sessionId": 7, "permissionRequest": {"kind": "read"}}),
            json!({"sessionId": null, "permissionRequest": {"kind": "read"}}),
            json!({"permissionRequest": {"kind": "read"}}),
            json!({}),
            json!([]),
            json!(null),
        ] {
            let answer = fake.cli.request("permission.request", params.clone()).await;
            assert_eq!(answer, Ok(denied()), "{version}: {params}");
        }
        // Without a decision: a handler that panics, or that leaves it to others.
        session.close().await.unwrap();
        for decision in [Some(copilot::Decision::Later), Some(copilot::Decision::Default), None] {
            let decide = move |_| {
                let decision = decision.clone();
                async move { decision.expect("a panic") }
            };
            let session = fake.session().on_permission(decide).start().await.unwrap();
            let params = json!({"sessionId": session.id(), "permissionRequest": {"kind": "shell"}});
            assert_eq!(fake.cli.request("permission.request", params).await, Ok(denied()), "{version}");
        }
    }
}

#[tokio::test(start_paused = true)]
async fn protocol_2_runs_none_but_the_tools_that_it_may() {
    for version in ["0.0.394", "0.0.403"] {
        let fake = Fake::of_version(version).await;
        let session = fake.session().with_tools([change::TOOL, look::TOOL]).start().await.unwrap();
        let call = |name: Value| json!({"sessionId": session.id(), "toolCallId": "c", "toolName": name, "arguments": {}});
        let answer = fake.cli.request("tool.call", call("look".into())).await.unwrap();
        assert_eq!(answer["result"]["resultType"], "success", "{version}: {answer}");
        for (name, kind) in [
            (json!("change"), "denied"),
            (json!("not ours"), "failure"),
            (json!(7), "failure"),
            (json!(null), "failure"),
        ] {
            let answer = fake.cli.request("tool.call", call(name.clone())).await.unwrap();
            assert_eq!(answer["result"]["resultType"], kind, "{version}, {name}: {answer}");
        }
        let elsewhere = json!({"sessionId": "other", "toolCallId": "c", "toolName": "look", "arguments": {}});
        assert!(fake.cli.request("tool.call", elsewhere).await.is_err(), "{version}");
    }
}

/// Gives much.
#[copilot::tool]
async fn much(
    /// How many bytes.
    bytes: usize,
    /// Whether they are a picture.
    picture: bool,
) -> ToolResult {
    if picture {
        return ToolResult::success("").content(Image::png(vec![0; bytes]));
    }
    ToolResult::success("x".repeat(bytes))
}

#[tokio::test(start_paused = true)]
async fn a_result_that_is_too_large_is_an_error_that_the_model_reads() {
    for version in ["0.0.403", "1.0.102"] {
        let fake = Fake::of_version(version).await;
        let session = fake
            .session()
            .with_tools([much::TOOL])
            .tool_options(ToolOptions::new().max_result(1024))
            .start()
            .await
            .unwrap();
        for (bytes, picture, kind) in [
            (1024, false, "success"),
            (1025, false, "failure"),
            (700, true, "success"),
            (900, true, "failure"),
        ] {
            let arguments = json!({"bytes": bytes, "picture": picture});
            let result = fake.cli.call_tool(session.id(), "much", arguments).await;
            assert_eq!(result["resultType"], kind, "{version}, {bytes}, {picture}: {result}");
            let reported = result["textResultForLlm"].as_str().unwrap();
            assert_eq!(reported.contains("exceeds the limit of 1024 bytes"), kind == "failure", "{reported}");
        }
        // The largest that is let through unless something else is said.
        let session = fake.session().with_tools([much::TOOL]).start().await.unwrap();
        let arguments = json!({"bytes": (128 << 20) + 1, "picture": false});
        let result = fake.cli.call_tool(session.id(), "much", arguments).await;
        assert_eq!(result["resultType"], "failure", "{version}");
    }
}

#[tokio::test]
async fn a_real_cli_on_tcp_is_reached_on_the_loopback_interface_with_the_token_only() {
    if Real::is_refused_over_tcp().await {
        return;
    }
    let (state, token) = (tempfile::tempdir().unwrap(), secret("connection"));
    let client = copilot::testing::hermetic_client(state.path())
        .transport(TransportKind::Tcp)
        .connection_token(&token)
        .start()
        .await
        .unwrap();
    let port = listening_port(client.process_id().unwrap());
    let connect = |token: Option<&str>| {
        let builder = Client::builder().cli_url(port.to_string()).auto_restart(false);
        match token {
            Some(token) => builder.connection_token(token),
            None => builder,
        }
        .start()
    };
    for wrong in [None, Some("another-token"), Some("")] {
        let error = connect(wrong).await.unwrap_err();
        assert!(error.to_string().contains("connection token"), "{error}");
        assert!(!format!("{error:?}").contains(MARK), "{error:?}");
    }
    connect(Some(&token)).await.unwrap().shutdown().await.unwrap();
    client.ping("still there").await.unwrap();
    client.shutdown().await.unwrap();
}

/// The port that a process listens on, which must be on the loopback interface only.
fn listening_port(process: u32) -> u16 {
    let sockets: Vec<String> = std::fs::read_dir(format!("/proc/{process}/fd"))
        .unwrap()
        .filter_map(|entry| std::fs::read_link(entry.ok()?.path()).ok()?.to_str().map(str::to_owned))
        .filter_map(|link| Some(link.strip_prefix("socket:[")?.strip_suffix(']')?.to_owned()))
        .collect();
    let mut listening = Vec::new();
    for table in ["tcp", "tcp6"] {
        let table = std::fs::read_to_string(format!("/proc/{process}/net/{table}")).unwrap_or_default();
        for row in table.lines().skip(1) {
            let columns: Vec<&str> = row.split_whitespace().collect();
            // `0A` is the state of a socket that listens.
            if columns[3] == "0A" && sockets.iter().any(|inode| inode == columns[9]) {
                listening.push(columns[1].to_owned());
            }
        }
    }
    assert_eq!(listening.len(), 1, "it listens once: {listening:?}");
    let (address, port) = listening[0].split_once(':').unwrap();
    // 127.0.0.1 in the byte order of this machine.
    assert_eq!(address, "0100007F", "it listens on the loopback interface only");
    u16::from_str_radix(port, 16).unwrap()
}
