//! Results of tools as MCP results.

use rmcp::model::{CallToolResult, ContentBlock, MetaObject};
use serde_json::Value;

use crate::tools::ToolResult;

/// Converts a result. Blocks of a type that `rmcp` does not know, which only a result of
/// [`ToolResult::from_mcp`](crate::ToolResult::from_mcp) has, become their JSON as text.
pub(super) fn converted(result: &ToolResult) -> CallToolResult {
    let (content, meta) =
        if result.is_only_text() { (text(result.text()), None) } else { blocks(result.to_mcp()) };
    let mut converted = CallToolResult::success(content);
    converted.structured_content = result.structured();
    converted.is_error = Some(!result.is_success());
    converted.meta = meta;
    converted
}

fn text(text: &str) -> Vec<ContentBlock> {
    if text.is_empty() { Vec::new() } else { vec![ContentBlock::text(text)] }
}

fn blocks(mut result: Value) -> (Vec<ContentBlock>, Option<MetaObject>) {
    let meta = match result["_meta"].take() {
        Value::Object(meta) => Some(MetaObject(meta)),
        _ => None,
    };
    let Value::Array(blocks) = result["content"].take() else { return (Vec::new(), meta) };
    let block = |block: Value| {
        serde_json::from_value(block.clone()).unwrap_or_else(|_| ContentBlock::text(block.to_string()))
    };
    (blocks.into_iter().map(block).collect(), meta)
}
