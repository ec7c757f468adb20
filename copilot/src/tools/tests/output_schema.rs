//! Schemas of results, and structured content.

#![allow(deprecated, reason = "a deprecated type may be returned")]

use schemars::JsonSchema;
use serde::Serialize;
use serde_json::json;

use super::invocation;
use crate::tools::{DynTool, Tool, ToolError, ToolResult};
use crate::{Json, toolset};

#[derive(Serialize, JsonSchema)]
struct Sum {
    sum: i64,
}

#[derive(Serialize, JsonSchema)]
struct Quote<'a> {
    text: &'a str,
}

/// A type without a schema.
#[derive(Serialize)]
struct Plain {
    plain: bool,
}

type Answer<T> = Result<Json<T>, ToolError>;

/// Return a value.
#[crate::tool]
async fn value() -> Json<Sum> {
    Json(Sum { sum: 3 })
}

/// Return a value or an error.
#[crate::tool]
async fn aliased() -> Answer<Sum> {
    Err(ToolError::tell("no sum"))
}

/// Return a list.
#[crate::tool]
async fn list() -> Json<Vec<Sum>> {
    Json(vec![Sum { sum: 3 }])
}

/// Return borrowed text.
#[crate::tool]
async fn borrowed() -> Json<Quote<'static>> {
    Json(Quote { text: "a" })
}

/// Return a type without a schema.
#[crate::tool]
async fn plain() -> Json<Plain> {
    Json(Plain { plain: true })
}

/// Return a value, or nothing.
#[crate::tool]
async fn optional() -> Option<Json<Sum>> {
    None
}

/// Return an unnamed type.
#[crate::tool]
async fn unnamed() -> Json<impl Serialize> {
    Json(Sum { sum: 3 })
}

/// Return text.
#[crate::tool]
async fn text() -> String {
    "{}".to_owned()
}

/// Return a value that may be cut.
#[crate::tool(max_output = 4)]
async fn cut() -> Json<Sum> {
    Json(Sum { sum: 3 })
}

struct Shop;

#[crate::tools]
impl Shop {
    /// Return a value of the type.
    #[tool]
    async fn total() -> Json<Sum> {
        Json(Sum { sum: 3 })
    }
}

async fn called(tool: Tool) -> ToolResult {
    tool.invoke(invocation(&json!({})), None).await
}

#[test]
fn a_json_of_a_type_with_a_schema_has_an_output_schema() {
    let sum = json!({
        "type": "object", "properties": { "sum": { "type": "integer" } }, "required": ["sum"],
    });
    let dynamic = DynTool::new("d", "D.").returns::<Sum>().run(|_, _| async { Json(Sum { sum: 3 }) });
    let total = <Shop as crate::Toolset>::tools().remove(0);
    for tool in [value::TOOL, aliased::TOOL, total, dynamic] {
        assert_eq!(tool.output_schema(), Some(sum.clone()), "{}", tool.name());
    }
    assert_eq!(list::TOOL.output_schema(), Some(json!({ "type": "array", "items": sum })));
    assert_eq!(borrowed::TOOL.output_schema().unwrap()["properties"]["text"]["type"], "string");
    for tool in toolset![plain, optional, unnamed, text, cut] {
        assert_eq!(tool.output_schema(), None, "{}", tool.name());
    }
}

#[tokio::test]
async fn the_value_of_a_json_is_the_structured_content_for_mcp_clients() {
    let structured = json!({ "sum": 3 });
    let result = called(value::TOOL).await;
    assert_eq!(result.text(), structured.to_string());
    assert_eq!(result.to_mcp()["structuredContent"], structured);
    assert_eq!(called(unnamed::TOOL).await.to_mcp()["structuredContent"], structured);
    // Only an object is structured content in every revision of MCP.
    let list = called(list::TOOL).await;
    assert_eq!(
        (list.structured(), list.to_mcp().get("structuredContent")),
        (Some(json!([structured])), None)
    );
    for tool in toolset![text, cut, aliased, optional] {
        assert_eq!(called(tool.clone()).await.structured(), None, "{}", tool.name());
    }
    assert_eq!(result.clone().content("more").structured(), None);
}
