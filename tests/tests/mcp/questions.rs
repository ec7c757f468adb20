//! Questions to the user of the client, and approvals.

use serde_json::{Value, json};

use crate::client::{Client, text};
use crate::server;

fn accepted(content: &Value) -> Value {
    json!({ "action": "accept", "content": content })
}

/// A client of an older revision that can ask its user.
async fn asking() -> Client {
    Client::of("2025-06-18", server(), json!({ "elicitation": {} })).await
}

#[tokio::test]
async fn a_client_with_a_connection_is_asked_during_the_call() {
    let mut client = asking().await;
    client.answers = vec![accepted(&json!({ "answer": "red" })), accepted(&json!({ "answer": "Ada" }))];
    assert_eq!(text(&client.call("mcp_ask", json!({})).await), "Ada is red");
    let questions: Vec<Value> = client.received.iter().map(|question| question["params"].clone()).collect();
    assert_eq!(questions[0]["message"], "Which colour?");
    assert_eq!(
        questions[0]["requestedSchema"]["properties"]["answer"]["enum"],
        json!(["red", "blue"]),
        "{questions:?}"
    );
    assert_eq!(questions[1]["requestedSchema"]["properties"]["answer"]["type"], "string");
    client.answers = vec![json!({ "action": "decline" })];
    let declined = client.call("mcp_ask", json!({})).await;
    assert!(text(&declined).contains("dismissed"), "{declined}");
}

#[tokio::test]
async fn a_client_without_elicitation_is_not_asked() {
    let mut clients = [
        Client::of("2025-06-18", server(), json!({})).await,
        Client::of("2025-11-25", server(), json!({ "elicitation": { "url": {} } })).await,
        Client::stateless(server(), &json!({})),
    ];
    for client in &mut clients {
        let failed = client.call("mcp_ask", json!({})).await;
        assert!(text(&failed).contains("has no elicitation") && failed["isError"] == true, "{failed}");
        let refused = client.call("mcp_remove", json!({ "path": "a" })).await;
        assert!(text(&refused).contains("cannot ask its user") && refused["isError"] == true, "{refused}");
        // Only calls that need an approval are refused.
        assert_eq!(text(&client.call("mcp_write", json!({ "path": "/tmp/a" })).await), "wrote /tmp/a");
        for path in ["/etc/a", "/panic"] {
            assert_eq!(client.call("mcp_write", json!({ "path": path })).await["isError"], true, "{path}");
        }
    }
}

#[tokio::test]
async fn a_question_of_a_call_that_ended_is_cancelled() {
    let mut client = asking().await;
    let late = client.call("mcp_ask_shortly", json!({})).await;
    assert!(text(&late).contains("0.3 s"), "{late}");
    let question = client.receive("elicitation/create").await;
    let cancelled = client.receive("notifications/cancelled").await;
    assert_eq!(cancelled["params"]["requestId"], question["id"]);
}

#[tokio::test]
async fn the_question_of_a_cancelled_call_is_cancelled() {
    let mut client = asking().await;
    let call = client.send("tools/call", json!({ "name": "mcp_remove", "arguments": { "path": "a" } })).await;
    let question = client.receive("elicitation/create").await;
    client.notify("notifications/cancelled", json!({ "requestId": call })).await;
    let cancelled = client.receive("notifications/cancelled").await;
    assert_eq!(cancelled["params"]["requestId"], question["id"]);
    assert_eq!(client.call("mcp_add", json!({ "a": 1, "b": 2 })).await["isError"], false);
}

#[tokio::test]
async fn a_client_without_sessions_is_asked_in_rounds_that_any_replica_serves() {
    let elicits = json!({ "elicitation": { "form": {} } });
    let mut params = json!({ "name": "mcp_ask", "arguments": {} });
    let mut messages = Vec::new();
    for answer in ["red", "Ada"] {
        let mut replica = Client::stateless(server(), &elicits);
        let round = replica.request("tools/call", params.clone()).await["result"].take();
        assert_eq!(round["resultType"], "input_required", "{round}");
        let questions = round["inputRequests"].as_object().unwrap();
        assert_eq!(questions.len(), 1);
        let (key, question) = questions.iter().next().unwrap();
        assert_eq!(question["method"], "elicitation/create");
        messages.push(question["params"]["message"].clone());
        params["inputResponses"] = json!({ key: accepted(&json!({ "answer": answer })) });
        params["requestState"] = round["requestState"].clone();
    }
    assert_eq!(messages, ["Which colour?", "Which name?"]);
    let mut replica = Client::stateless(server(), &elicits);
    let result = replica.request("tools/call", params.clone()).await["result"].take();
    assert_eq!((text(&result), &result["resultType"]), ("Ada is red", &json!("complete")));
    params["requestState"] = json!("{");
    assert_eq!(replica.request("tools/call", params).await["error"]["code"], -32602);
}

#[tokio::test]
async fn a_call_that_needs_an_approval_is_shown_to_the_user() {
    let mut client = asking().await;
    for (answer, expected) in [
        (accepted(&json!({ "approve": true })), "removed a"),
        (accepted(&json!({ "approve": false })), "the user declined"),
        (accepted(&json!({})), "the user declined"),
        (json!({ "action": "cancel" }), "the user declined"),
    ] {
        client.answers = vec![answer.clone()];
        let result = client.call("mcp_remove", json!({ "path": "a" })).await;
        assert!(text(&result).contains(expected), "{answer}: {result}");
        assert_eq!(result["isError"], expected != "removed a");
        let question = client.receive("elicitation/create").await;
        let message = question["params"]["message"].as_str().unwrap();
        assert!(message.contains("`mcp_remove`") && message.contains(r#"{"path":"a"}"#), "{message}");
    }
    let mut open = Client::of("2025-06-18", server().allow_unattended(), json!({})).await;
    assert_eq!(text(&open.call("mcp_remove", json!({ "path": "a" })).await), "removed a");
}

#[tokio::test]
async fn an_approval_holds_for_the_arguments_that_were_shown() {
    let elicits = json!({ "elicitation": {} });
    let mut client = Client::stateless(server(), &elicits);
    let mut params = json!({ "name": "mcp_remove", "arguments": { "path": "a" } });
    let round = client.request("tools/call", params.clone()).await["result"].take();
    let key = round["inputRequests"].as_object().unwrap().keys().next().unwrap().clone();
    params["inputResponses"] = json!({ key: accepted(&json!({ "approve": true })) });
    params["requestState"] = round["requestState"].clone();
    let mut other = params.clone();
    other["arguments"]["path"] = json!("b");
    let again = client.request("tools/call", other).await["result"].take();
    assert_eq!(again["resultType"], "input_required", "{again}");
    let result = client.request("tools/call", params).await["result"].take();
    assert_eq!(text(&result), "removed a");
}
