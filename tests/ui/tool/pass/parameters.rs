//! A tool with every kind of parameter.
#![allow(clippy::too_many_arguments)]

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::path::Path;

/// Everything.
#[copilot::tool(docs = allow)]
async fn everything(
    text: &str,
    owned: String,
    shared: Box<str>,
    cow: Cow<'_, str>,
    path: &Path,
    list: &[Vec<u8>],
    map: &BTreeMap<String, (i8, bool)>,
    maybe: Option<&str>,
    many: Option<Vec<Option<f32>>>,
    any: serde_json::Value,
    #[arg(default)] flag: bool,
) -> Result<Option<copilot::Json<usize>>, Box<dyn std::error::Error + Send + Sync>> {
    let _ = (owned, shared, cow, path, list, map, maybe, many, any, flag);
    Ok(Some(copilot::Json(text.len())))
}

#[test]
fn parameters_of_every_kind() {
    let tool = everything::TOOL;
    let schema = tool.schema().unwrap().unwrap();
    assert!(schema.get().starts_with(r#"{"type":"object","properties":{"text""#), "{schema}");
}
