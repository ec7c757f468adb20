//! The tools of a program as JSON, for comparison with a file.

use serde_json::Value;

use crate::error::{Error, ErrorKind, Result};
use crate::tools::selection::registry::ToolSet;

/// Returns the names, descriptions and schemas of tools, those of results included, sorted by name.
pub(crate) fn snapshot(tools: &ToolSet) -> Result<Value> {
    let mut snapshot = serde_json::to_value(tools).map_err(|error| {
        Error::with_source(ErrorKind::Tools, "the tools cannot be written as JSON", error)
    })?;
    for (tool, entry) in tools.iter().zip(snapshot.as_array_mut().into_iter().flatten()) {
        if let (Some(schema), Value::Object(entry)) = (tool.output_schema(), entry) {
            entry.insert("outputSchema".to_owned(), schema);
        }
    }
    Ok(snapshot)
}
