//! Calls, and their results and notifications.

use serde_json::{Value, json};

use crate::client::{Client, text};
use crate::server;
use copilot::tool_filter::ToolOptions;
use copilot::tools::ToolErrors;
use copilot::{DynTool, State, ToolContext, ToolResult};

/// A client of the revision that most clients speak.
async fn client() -> Client {
    Client::of("2025-06-18", server(), json!({})).await
}

#[tokio::test]
async fn results_keep_their_kinds() {
    let mut client = client().await;
    assert_eq!(
        client.call("mcp_add", json!({ "a": 1, "b": 2 })).await,
        json!({
            "content": [{ "type": "text", "text": "{\"sum\":3}" }],
            "structuredContent": { "sum": 3 },
            "isError": false,
        })
    );
    // Structured content is an object before the revision 2026-07-28.
    let list = client.call("mcp_list", json!({})).await;
    assert_eq!((text(&list), list.get("structuredContent")), ("[1,2]", None));
    assert_eq!(
        client.call("mcp_content", json!({})).await["content"],
        json!([
            { "type": "text", "text": "A dot." },
            {
                "type": "image", "data": "ZG90", "mimeType": "image/png",
                "_meta": { "copilot-tools/description": "a dot" },
            },
        ])
    );
    let mut stateless = Client::stateless(server(), &json!({}));
    let list = stateless.call("mcp_list", json!({})).await;
    assert_eq!((&list["structuredContent"], &list["resultType"]), (&json!([1, 2]), &json!("complete")));
}

#[tokio::test]
async fn errors_are_visible_or_neutral() {
    let mut client = client().await;
    let failed = client.call("mcp_fail", json!({ "how": "visibly" })).await;
    assert_eq!((text(&failed), &failed["isError"]), ("there is no city", &json!(true)));
    for how in ["hidden", "panic"] {
        let failed = client.call("mcp_fail", json!({ "how": how })).await;
        assert_eq!(failed["isError"], true);
        assert!(
            !failed.to_string().contains("hunter2") && !failed.to_string().contains("panics"),
            "{failed}"
        );
        assert!(text(&failed).contains("mcp_fail"), "{failed}");
    }
    let visible = server().tool_errors(ToolErrors::Visible);
    let mut open = Client::of("2025-06-18", visible, json!({})).await;
    assert!(text(&open.call("mcp_fail", json!({ "how": "hidden" })).await).contains("hunter2"));
    // The server is as before.
    assert_eq!(client.call("mcp_add", json!({ "a": "1", "b": 2 })).await["structuredContent"]["sum"], 3);
}

#[tokio::test]
async fn all_problems_of_arguments_are_reported_together() {
    let mut client = client().await;
    let failed = client.call("mcp_add", json!({ "a": "one", "c": 1 })).await;
    assert_eq!(failed["isError"], true);
    for problem in ["`a`", "`b`", "`c`"] {
        assert!(text(&failed).contains(problem), "{problem}: {failed}");
    }
    let answer = client.request("tools/call", json!({ "name": "mcp_ad" })).await;
    assert_eq!(answer["error"]["code"], -32602);
    assert!(answer["error"]["message"].as_str().unwrap().contains("did you mean `mcp_add`"), "{answer}");
}

#[tokio::test]
async fn progress_and_log_lines_are_notifications_before_the_result() {
    let mut client = client().await;
    client.meta("progressToken", "p1");
    assert_eq!(text(&client.call("mcp_progress", json!({})).await), "done");
    let received: Vec<(String, Value)> = client
        .received
        .drain(..)
        .map(|message| (message["method"].as_str().unwrap().to_owned(), message["params"].clone()))
        .collect();
    let progress = |fraction: f64, message: &str| {
        let params = json!({ "progressToken": "p1", "progress": fraction, "total": 1.0, "message": message });
        ("notifications/progress".to_owned(), params)
    };
    let line = json!({ "level": "info", "logger": "mcp_progress", "data": "a line" });
    let expected =
        [progress(0.25, "a quarter"), ("notifications/message".to_owned(), line), progress(1.0, "all")];
    assert_eq!(received, expected);
    client.request("logging/setLevel", json!({ "level": "warning" })).await;
    client.meta("progressToken", Value::Null);
    client.call("mcp_progress", json!({})).await;
    assert_eq!(client.received, Vec::<Value>::new());
}

#[tokio::test]
async fn the_progress_of_a_call_increases_with_each_notification() {
    let report = DynTool::new("mcp_odd_progress", "Report parts in an odd order.").run(|_, cx| async move {
        for part in [f64::NAN, -1.0, 0.0, 0.9, 0.1, 0.9, f64::INFINITY, 7.0, 1.0] {
            cx.progress(part, format!("{part}"));
        }
    });
    let mut client = Client::of("2025-06-18", server().with_tools([report]), json!({})).await;
    client.meta("progressToken", "p1");
    client.call("mcp_odd_progress", json!({})).await;
    let received = client.received.drain(..).map(|message| {
        let params = &message["params"];
        match message["method"].as_str() {
            Some("notifications/progress") => format!("{}: {}", params["progress"], params["message"]),
            _ => format!("{}", params["data"]),
        }
    });
    let received: Vec<String> = received.map(|line| line.replace('"', "")).collect();
    assert_eq!(received, ["NaN", "0.0: -1", "0", "0.9: 0.9", "0.1", "0.9", "inf", "1.0: 7", "1"]);
    client.request("logging/setLevel", json!({ "level": "warning" })).await;
    client.call("mcp_odd_progress", json!({})).await;
    let methods: Vec<&Value> = client.received.iter().map(|message| &message["method"]).collect();
    assert_eq!(methods, ["notifications/progress"; 3], "the others are not sent without a log");
}

#[tokio::test]
async fn a_client_without_sessions_requests_log_lines_with_a_call() {
    let mut client = Client::stateless(server(), &json!({}));
    client.call("mcp_progress", json!({})).await;
    assert_eq!(client.received, Vec::<Value>::new());
    client.meta("io.modelcontextprotocol/logLevel", "info");
    client.call("mcp_progress", json!({})).await;
    assert_eq!(client.received.len(), 1);
    client.meta("io.modelcontextprotocol/logLevel", "error");
    client.call("mcp_progress", json!({})).await;
    assert_eq!(client.received.len(), 1);
}

#[tokio::test]
async fn a_cancelled_call_stops_its_tool_and_has_no_answer() {
    let mut client = client().await;
    client.meta("progressToken", 7);
    let call = client.send("tools/call", json!({ "name": "mcp_wait" })).await;
    client.receive("notifications/progress").await;
    client.notify("notifications/cancelled", json!({ "requestId": call })).await;
    let stopped = client.receive("notifications/progress").await;
    assert_eq!(stopped["params"]["message"], "stopped");
    client.request("ping", json!({})).await;
    assert!(client.received.iter().all(|message| message["id"] != call), "{:?}", client.received);
}

#[tokio::test]
async fn the_end_of_the_connection_cancels_calls() {
    let mut client = client().await;
    client.meta("progressToken", 7);
    client.send("tools/call", json!({ "name": "mcp_wait" })).await;
    client.receive("notifications/progress").await;
    client.close().await.unwrap();
}

#[tokio::test]
async fn a_dropped_server_ends_the_connection() {
    let mut client = client().await;
    client.meta("progressToken", 7);
    client.send("tools/call", json!({ "name": "mcp_wait" })).await;
    client.receive("notifications/progress").await;
    client.stop();
    // The tool reports that it has stopped, and the connection ends.
    while client.ends_or_reads().await {}
}

#[tokio::test]
async fn a_client_that_sends_nothing_is_not_an_error_and_one_that_does_not_speak_mcp_is() {
    Client::connect(server()).close().await.unwrap();
    let mut client = Client::connect(server());
    client.notify("notifications/initialized", json!({})).await;
    let error = client.close().await.unwrap_err();
    assert!(error.to_string().contains("MCP client"), "{error}");
}

#[tokio::test]
async fn the_context_is_that_of_the_request() {
    let mut client = client().await;
    client.meta("traceparent", "00-11111111111111111111111111111111-2222222222222222-01");
    let result = client.call("mcp_context", json!({})).await;
    assert_eq!(
        text(&result),
        "acme 2 Some(\"00-11111111111111111111111111111111-2222222222222222-01\") Err(Unsupported)"
    );
}

#[tokio::test]
async fn options_and_state_are_those_of_a_session() {
    let stored = DynTool::new("stored", "Return the state.").run(|_, cx: ToolContext| async move {
        cx.state::<String>().map(|state: State<String>| state.to_string())
    });
    let slow = DynTool::new("slow", "Wait.").group("slow").run(|_, _| std::future::pending::<()>());
    let structured = DynTool::new("structured", "Return a large value.").run(|_, _| async {
        ToolResult::success("short").structured_content(json!({ "value": "x".repeat(5_000) }))
    });
    let options = ToolOptions::new()
        .max_result(4000)
        .group_timeout("slow", std::time::Duration::from_millis(20))
        .prefix("my_", ["stored"]);
    let server =
        server().with_tools([stored, slow, structured]).state("kept".to_owned()).tool_options(options);
    let mut client = Client::of("2025-06-18", server, json!({})).await;
    assert_eq!(text(&client.call("my_stored", json!({})).await), "kept");
    let late = client.call("slow", json!({})).await;
    assert!(text(&late).contains("0.02 s") && late["isError"] == true, "{late}");
    for tool in ["mcp_long", "structured"] {
        let large = client.call(tool, json!({})).await;
        assert!(text(&large).contains("exceeds the limit of 4000 bytes"), "{large}");
        assert!(large["isError"] == true && large.get("structuredContent").is_none(), "{large}");
    }
}
