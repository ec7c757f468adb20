//! The form of a tool, and of the server, that clients receive.

use std::sync::Arc;

use rmcp::model::{
    self, Implementation, JsonObject, MetaObject, ServerCapabilities, ServerConfig, ToolAnnotations,
};
use serde::Deserialize;
use serde_json::{Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::tools::{SchemaProfile, Tool};

/// The keys in `_meta` for options that MCP has no member for.
const GROUP: &str = "copilot-tools/group";
const TAGS: &str = "copilot-tools/tags";

/// The members of a tool on the wire of the CLI that clients receive too.
#[derive(Deserialize)]
struct Wire {
    parameters: Option<JsonObject>,
    #[serde(default)]
    metadata: JsonObject,
}

/// Returns the form of a tool that clients receive.
pub(super) fn definition(tool: &Tool, profile: SchemaProfile) -> Result<model::Tool> {
    let wire: Wire = serde_json::from_str(tool.wire(profile)?.get()).map_err(|error| {
        let message = format!("the tool `{}` cannot be described for MCP", tool.name());
        Error::with_source(ErrorKind::Tools, message, error)
    })?;
    let input = wire.parameters.unwrap_or_else(|| {
        JsonObject::from_iter([
            ("type".to_owned(), json!("object")),
            ("properties".to_owned(), json!({})),
            ("additionalProperties".to_owned(), json!(false)),
        ])
    });
    let mut definition =
        model::Tool::new(tool.name().to_owned(), tool.description().to_owned(), Arc::new(input));
    definition.title = tool.title().map(str::to_owned);
    definition.output_schema = match tool.output_schema() {
        Some(Value::Object(schema)) => Some(Arc::new(schema)),
        _ => None,
    };
    definition.annotations = Some(annotations(tool));
    let mut meta = wire.metadata;
    meta.extend(tool.group().map(|group| (GROUP.to_owned(), group.into())));
    let tags: Vec<Value> = tool.tags().map(Into::into).collect();
    meta.extend((!tags.is_empty()).then(|| (TAGS.to_owned(), tags.into())));
    definition.meta = (!meta.is_empty()).then_some(MetaObject(meta));
    Ok(definition)
}

/// Returns the hints. All are set, because absent ones have the most careful meaning: destructive and open.
fn annotations(tool: &Tool) -> ToolAnnotations {
    let def = tool.def();
    ToolAnnotations::from_raw(
        tool.title().map(str::to_owned),
        Some(def.read_only),
        Some(def.destructive),
        Some(tool.is_idempotent()),
        Some(def.open_world),
    )
}

/// Returns the description of the server.
#[expect(deprecated, reason = "clients of older revisions set the level of log messages")]
pub(super) fn server(
    name: &str,
    version: &str,
    title: Option<String>,
    instructions: Option<String>,
) -> ServerConfig {
    let capabilities =
        ServerCapabilities::builder().enable_tools().enable_tool_list_changed().enable_logging().build();
    let mut implementation = Implementation::new(name, version);
    implementation.title = title;
    let mut info = ServerConfig::new(capabilities).with_server_info(implementation);
    info.instructions = instructions;
    info
}
