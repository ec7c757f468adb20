//! The list of tools, and its changes.

use serde_json::{Value, json};

use crate::client::{Client, STATELESS};
use crate::{mcp_add, mcp_list, mcp_remove, server};
use copilot::mcp::Server;
use copilot::tool_filter::{ToolOptions, ToolSearch};
use copilot::tools::ToolsBuilder;
use copilot::{DynTool, group};

fn names(answer: &Value) -> Vec<&str> {
    answer["result"]["tools"].as_array().unwrap().iter().map(|tool| tool["name"].as_str().unwrap()).collect()
}

#[tokio::test]
async fn a_tool_is_listed_with_all_that_clients_know() {
    let mut client =
        Client::of("2025-11-25", server().only(["mcp_add", "mcp_list", "mcp_remove"]), json!({})).await;
    let answer = client.request("tools/list", json!({})).await;
    assert_eq!(
        answer["result"]["tools"],
        json!([
            {
                "name": "mcp_add",
                "title": "Adder",
                "description": "Add two numbers.",
                "inputSchema": {
                    "type": "object",
                    "properties": {
                        "a": { "type": "integer", "description": "First summand." },
                        "b": { "type": "integer", "description": "Second summand." },
                    },
                    "required": ["a", "b"],
                    "additionalProperties": false,
                },
                "outputSchema": {
                    "type": "object",
                    "properties": { "sum": { "type": "integer" } },
                    "required": ["sum"],
                },
                "annotations": {
                    "title": "Adder",
                    "readOnlyHint": true,
                    "destructiveHint": false,
                    "idempotentHint": true,
                    "openWorldHint": false,
                },
                "_meta": { "acme:team": "blue", "copilot-tools/group": "math", "copilot-tools/tags": ["cheap"] },
            },
            {
                "name": "mcp_list",
                "description": "Return a list.",
                "inputSchema": { "type": "object", "properties": {}, "additionalProperties": false },
                "annotations": {
                    "readOnlyHint": false,
                    "destructiveHint": false,
                    "idempotentHint": true,
                    "openWorldHint": true,
                },
            },
            {
                "name": "mcp_remove",
                "description": "Remove a file.",
                "inputSchema": {
                    "type": "object",
                    "properties": { "path": { "type": "string", "description": "The path." } },
                    "required": ["path"],
                    "additionalProperties": false,
                },
                "annotations": {
                    "readOnlyHint": false,
                    "destructiveHint": true,
                    "idempotentHint": false,
                    "openWorldHint": false,
                },
            },
        ])
    );
    client.close().await.unwrap();
}

#[tokio::test]
async fn every_revision_that_clients_speak_is_served() {
    for revision in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = Client::of(revision, server(), json!({})).await;
        assert_eq!(names(&client.request("tools/list", json!({})).await).len(), 12, "{revision}");
    }
    let mut client = Client::stateless(server(), &json!({}));
    let discovered = client.request("server/discover", json!({})).await;
    let versions = discovered["result"]["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!(STATELESS)), "{discovered}");
    let listed = client.request("tools/list", json!({})).await;
    let list = listed["result"]["tools"].as_array().unwrap();
    // Since this revision a schema of results may be that of any value.
    let schema = list.iter().find(|tool| tool["name"] == "mcp_list").unwrap()["outputSchema"].clone();
    assert_eq!(schema, json!({ "type": "array", "items": { "type": "integer" } }));
}

#[tokio::test]
async fn the_server_presents_itself() {
    let server = server().title("The tools of Acme").instructions("Add first.");
    let mut client = Client::connect(server);
    let info = json!({ "name": "test", "version": "1" });
    let params = json!({ "protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info });
    let answer = client.request("initialize", params).await;
    let result = &answer["result"];
    assert_eq!(
        result["serverInfo"],
        json!({ "name": "acme", "title": "The tools of Acme", "version": "1.2.3" })
    );
    assert_eq!(result["instructions"], "Add first.");
    assert_eq!(result["capabilities"], json!({ "tools": { "listChanged": true }, "logging": {} }));
}

#[tokio::test]
async fn a_long_list_has_pages_that_stand_alone() {
    let mut client = Client::of("2025-06-18", server().page_size(5), json!({})).await;
    let mut all = Vec::new();
    let mut cursor = json!({});
    for page in [5, 5, 2] {
        let answer = client.request("tools/list", cursor).await;
        assert_eq!(names(&answer).len(), page);
        all.extend(names(&answer).into_iter().map(str::to_owned));
        cursor = json!({ "cursor": answer["result"]["nextCursor"] });
    }
    assert_eq!(cursor["cursor"], Value::Null);
    assert_eq!(all.len(), 12);
    assert!(all.is_sorted());
    // A replica that never saw the first page has the second one, and so has a server without the last tool of the first.
    let second = json!({ "cursor": "mcp_contenu" });
    assert_eq!(names(&client.request("tools/list", second).await)[0], "mcp_context");
}

#[tokio::test]
async fn clients_are_notified_of_changes() {
    let mut client = Client::of("2025-06-18", server().only(["mcp_add"]), json!({})).await;
    client.request("ping", json!({})).await;
    client.server.tools().add([mcp_list::TOOL]).unwrap();
    client.receive("notifications/tools/list_changed").await;
    assert_eq!(names(&client.request("tools/list", json!({})).await), ["mcp_add", "mcp_list"]);
    client.server.tools().remove(["mcp_add"]).unwrap();
    client.receive("notifications/tools/list_changed").await;
    assert_eq!(names(&client.request("tools/list", json!({})).await), ["mcp_list"]);
    let error = client.server.tools().remove(["mcp_lost"]).unwrap_err().to_string();
    assert!(error.contains("no tool `mcp_lost`"), "{error}");
    let twin = DynTool::new("mcp_list", "Another.").run(|_, _| async {});
    client.server.tools().add([twin]).unwrap_err();
    assert_eq!(client.server.tools().list().len(), 1);
}

#[tokio::test]
async fn clients_without_sessions_subscribe_to_changes() {
    let mut client = Client::stateless(server().only(["mcp_add"]), &json!({}));
    let subscription =
        client.send("subscriptions/listen", json!({ "notifications": { "toolsListChanged": true } })).await;
    client.receive("notifications/subscriptions/acknowledged").await;
    client.server.tools().add([mcp_remove::TOOL]).unwrap();
    client.receive("notifications/tools/list_changed").await;
    client.notify("notifications/cancelled", json!({ "requestId": subscription })).await;
    assert_eq!(names(&client.request("tools/list", json!({})).await), ["mcp_add", "mcp_remove"]);
}

#[test]
fn a_server_is_checked_before_it_serves() {
    let refused = |server: Server| server.handle().unwrap_err().to_string();
    assert!(refused(server().only([group("maths")])).contains("did you mean `math`"));
    let needs_state = DynTool::new("declared", "Declared.").declare();
    assert!(refused(server().with_tools([needs_state])).contains("`declared` at "));
    let search = ToolOptions::new().search(ToolSearch::new());
    let error = refused(server().tool_options(search));
    assert!(error.contains("`toolSearch`") && error.contains("a setting of the CLI"), "{error}");
    let timeout = ToolOptions::new().group_timeout("maths", std::time::Duration::from_secs(1));
    assert!(refused(server().tool_options(timeout)).contains("did you mean `math`"));
    assert!(refused(Server::new("")).contains("name"));
    assert!(refused(server().page_size(0)).contains("page_size"));
}

#[test]
fn one_function_configures_sessions_and_servers() {
    fn cheap<B: ToolsBuilder>(builder: B) -> B {
        builder.with_tools([mcp_add::TOOL, mcp_list::TOOL]).only([copilot::tag("cheap")])
    }
    let tools = cheap(Server::new("acme")).handle().unwrap();
    assert_eq!(tools.tools().list().iter().map(copilot::Tool::name).collect::<Vec<_>>(), ["mcp_add"]);
    drop(cheap(copilot::Session::builder()));
}
