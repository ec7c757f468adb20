//! The results of MCP tools (`CallToolResult`), and their conversion from and to [`ToolResult`].

use serde_json::{Map, Value, json};

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::base64;
use crate::tools::output::content::{Binary, BinaryKind, Part, PartKind, ResourceLink, append};
use crate::tools::output::result::ToolResult;

/// The key in `_meta` for the description of an image or of audio, which MCP has no member for.
const DESCRIPTION: &str = "copilot-tools/description";

/// The media type of bytes without one.
const BYTES: &str = "application/octet-stream";

impl ToolResult {
    /// Creates the result from that of an MCP tool, the result of `tools/call`.
    ///
    /// | MCP | Result |
    /// |---|---|
    /// | `text` | text that the model reads, each on a new line |
    /// | `image`, `audio`, `resource` with `blob` | content beside the text |
    /// | `resource` with `text` | the URI and the text, in the text |
    /// | `resource_link` | the name, the URI and the description, in the text |
    /// | a block of another type | its JSON, in the text |
    /// | `structuredContent` | its JSON, in the text, if there is no other text; MCP servers repeat it as text |
    /// | `isError` | a failure |
    ///
    /// `annotations`, `_meta` and other members are retained for [`to_mcp`](Self::to_mcp) and do not change the result:
    /// the model also reads blocks whose `audience` is the user.
    ///
    /// # Errors
    ///
    /// Returns an error of kind [`Decode`](ErrorKind::Decode) that names the member, such as `content[1].data`, if a
    /// member of a known block is missing or has another type, or if data is not base64. `content` may be missing where
    /// `structuredContent` is present.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::ToolResult;
    /// use serde_json::json;
    ///
    /// # fn main() -> copilot::Result<()> {
    /// let result = ToolResult::from_mcp(json!({
    ///     "content": [{ "type": "text", "text": "no such city" }],
    ///     "isError": true,
    /// }))?;
    /// assert_eq!(result, ToolResult::failure("no such city"));
    ///
    /// let error = ToolResult::from_mcp(json!({ "content": [{ "type": "text" }] })).unwrap_err();
    /// assert!(error.to_string().contains("`content[0].text` is missing"));
    /// # Ok(())
    /// # }
    /// ```
    pub fn from_mcp(result: Value) -> Result<Self> {
        read(result).map_err(|problem| {
            Error::new(ErrorKind::Decode, format!("cannot read the result of an MCP tool: {problem}"))
        })
    }

    /// Creates the result as [`from_mcp`](Self::from_mcp), from JSON text.
    ///
    /// # Errors
    ///
    /// Returns an error also if the text is not JSON.
    pub fn from_mcp_slice(json: &[u8]) -> Result<Self> {
        let result = serde_json::from_slice(json)
            .map_err(|error| Error::decode("the result of an MCP tool is not JSON", error))?;
        Self::from_mcp(result)
    }

    /// Returns the result as that of an MCP tool, for an MCP server.
    ///
    /// A result of [`from_mcp`](Self::from_mcp) has the same blocks, in order, with the members that it was read with;
    /// after a cut of its text by `max_output`, one block of text before its other content. The description of an image
    /// is `_meta["copilot-tools/description"]`. The value of a [`Json`](crate::Json) that is an object is also the
    /// structured content. `isError` is `true` for every result that is not a
    /// [success](Self::is_success).
    ///
    /// The [session log](Self::session_log) and the [telemetry](Self::telemetry) are for the CLI and are left out.
    ///
    /// # Examples
    ///
    /// ```
    /// use copilot::{Image, ToolResult};
    /// use serde_json::json;
    ///
    /// let result = ToolResult::success("A dot.").content(Image::png(b"dot"));
    /// assert_eq!(
    ///     result.to_mcp(),
    ///     json!({
    ///         "content": [
    ///             { "type": "text", "text": "A dot." },
    ///             { "type": "image", "data": "ZG90", "mimeType": "image/png" },
    ///         ],
    ///         "isError": false,
    ///     }),
    /// );
    /// ```
    pub fn to_mcp(&self) -> Value {
        let extras = self.extras.as_deref();
        let content: Vec<Value> = match extras.map(|extras| &extras.parts[..]) {
            None | Some([]) if self.text.is_empty() => Vec::new(),
            None | Some([]) => vec![json!({ "type": "text", "text": self.text })],
            Some(parts) => parts.iter().map(|part| block(part, &self.text)).collect(),
        };
        let mut result = extras.map(|extras| extras.mcp_others.clone()).unwrap_or_default();
        result.insert("content".to_owned(), content.into());
        let is_set = extras.is_some_and(|extras| extras.structured_content.is_some());
        // Before the revision 2026-07-28 of MCP it is an object.
        if let Some(structured) = self.structured().filter(|structured| is_set || structured.is_object()) {
            result.insert("structuredContent".to_owned(), structured);
        }
        result.insert("isError".to_owned(), (!self.is_success()).into());
        result.into()
    }
}

/// Returns the content block of a part.
fn block(part: &Part, text: &str) -> Value {
    let mut block = part.others.clone();
    let mut set = |name: &str, value: Value| block.insert(name.to_owned(), value);
    match &part.kind {
        PartKind::Unknown => {}
        PartKind::Text(range) => {
            set("type", "text".into());
            set("text", text[range.clone()].into());
        }
        PartKind::Resource { uri, text: range } => {
            let mut resource = part.resource_others.clone();
            resource.insert("uri".to_owned(), uri.as_str().into());
            resource.insert("text".to_owned(), text[range.clone()].into());
            set("type", "resource".into());
            set("resource", resource.into());
        }
        PartKind::Binary(Binary { kind: BinaryKind::Resource, media_type, data, description }) => {
            let mut resource = part.resource_others.clone();
            resource.insert("uri".to_owned(), description.as_deref().unwrap_or_default().into());
            resource.insert("mimeType".to_owned(), media_type.as_str().into());
            resource.insert("blob".to_owned(), data.as_str().into());
            set("type", "resource".into());
            set("resource", resource.into());
        }
        PartKind::Binary(Binary { kind, media_type, data, description }) => {
            set("type", if *kind == BinaryKind::Image { "image" } else { "audio" }.into());
            set("mimeType", media_type.as_str().into());
            set("data", data.as_str().into());
            if let Some(description) = description {
                let meta = block.entry("_meta").or_insert_with(|| Map::new().into());
                // `_meta` of another type was not read with a description.
                if let Value::Object(meta) = meta {
                    meta.insert(DESCRIPTION.to_owned(), description.as_str().into());
                }
            }
        }
        PartKind::Link(ResourceLink { uri, name, title, description, media_type, size }) => {
            set("type", "resource_link".into());
            set("uri", uri.as_str().into());
            set("name", name.as_str().into());
            for (member, value) in [("title", title), ("description", description), ("mimeType", media_type)]
            {
                if let Some(value) = value {
                    set(member, value.as_str().into());
                }
            }
            if let Some(size) = size {
                set("size", (*size).into());
            }
        }
    }
    block.into()
}

/// A message that names the member.
type Problem = String;

/// Reads the result of an MCP tool.
fn read(result: Value) -> Result<ToolResult, Problem> {
    let mut members = Members::new(result, String::new())?;
    let structured = members.take("structuredContent");
    let is_error = match members.take("isError") {
        None => false,
        Some(Value::Bool(is_error)) => is_error,
        Some(other) => return Err(members.mistyped("isError", "a boolean", &other)),
    };
    let blocks = match members.take("content") {
        Some(Value::Array(blocks)) => blocks,
        Some(other) => return Err(members.mistyped("content", "a list", &other)),
        None if structured.is_some() => Vec::new(),
        None => return Err(members.missing("content")),
    };
    let mut result = if is_error { ToolResult::failure("") } else { ToolResult::success("") };
    let single = blocks.len() == 1;
    for (index, block) in blocks.into_iter().enumerate() {
        let block = Block::read(block, &format!("content[{index}]"))?;
        match block {
            // Needs no parts.
            Block { content: BlockContent::Text(text), others, .. }
                if single && others.is_empty() && !text.is_empty() =>
            {
                result.text = text;
            }
            block => result.add(|text| block.into_part(text)),
        }
    }
    if let Some(structured) = structured {
        result = result.structured_content(structured);
    }
    if !members.members.is_empty() {
        result.extras_mut().mcp_others = members.members;
    }
    Ok(result)
}

/// A content block.
struct Block {
    content: BlockContent,
    others: Map<String, Value>,
    resource_others: Map<String, Value>,
}

enum BlockContent {
    Text(String),
    Resource { uri: String, text: String },
    Binary(Binary),
    Link(ResourceLink),
    Unknown,
}

impl Block {
    fn read(block: Value, path: &str) -> Result<Self, Problem> {
        let mut members = Members::new(block, path.to_owned())?;
        let block_type = members.text("type")?;
        let mut resource_others = Map::new();
        let content = match block_type.as_str() {
            "text" => BlockContent::Text(members.text("text")?),
            "image" | "audio" => {
                let kind = if block_type == "image" { BinaryKind::Image } else { BinaryKind::Audio };
                let (data, media_type) = (members.base64("data")?, members.text("mimeType")?);
                BlockContent::Binary(Binary { kind, media_type, data, description: members.description() })
            }
            "resource" => {
                let resource = members.take("resource").ok_or_else(|| members.missing("resource"))?;
                let mut resource = Members::new(resource, format!("{path}.resource"))?;
                let uri = resource.text("uri")?;
                let has = |name| resource.members.get(name).is_some_and(|value| !value.is_null());
                let content = match (has("text"), has("blob")) {
                    (true, false) => BlockContent::Resource { uri, text: resource.text("text")? },
                    (false, true) => {
                        let media_type =
                            resource.optional_text("mimeType")?.unwrap_or_else(|| BYTES.to_owned());
                        let data = resource.base64("blob")?;
                        let kind = BinaryKind::Resource;
                        BlockContent::Binary(Binary { kind, media_type, data, description: Some(uri) })
                    }
                    (false, false) => return Err(format!("`{path}.resource` has neither `text` nor `blob`")),
                    (true, true) => return Err(format!("`{path}.resource` has `text` and `blob`")),
                };
                resource_others = resource.members;
                content
            }
            "resource_link" => BlockContent::Link(ResourceLink {
                uri: members.text("uri")?,
                name: members.text("name")?,
                title: members.optional_text("title")?,
                description: members.optional_text("description")?,
                media_type: members.optional_text("mimeType")?,
                size: members.size("size")?,
            }),
            _ => {
                members.members.insert("type".to_owned(), block_type.into());
                BlockContent::Unknown
            }
        };
        Ok(Self { content, others: members.members, resource_others })
    }

    /// Returns the part of a result, and appends its text to that of the result.
    fn into_part(self, text: &mut String) -> Part {
        let Self { content, others, resource_others } = self;
        let kind = match content {
            BlockContent::Text(added) => PartKind::Text(append(text, &added)),
            BlockContent::Resource { uri, text: added } => {
                append(text, &uri);
                PartKind::Resource { uri, text: append(text, &added) }
            }
            BlockContent::Binary(binary) => PartKind::Binary(binary),
            BlockContent::Link(link) => {
                append(text, &link.to_string());
                PartKind::Link(link)
            }
            BlockContent::Unknown => {
                append(text, &Value::Object(others.clone()).to_string());
                PartKind::Unknown
            }
        };
        Part { kind, others, resource_others }
    }
}

/// The members of an object that are not read yet.
struct Members {
    members: Map<String, Value>,
    /// The path of the object; empty for the result.
    path: String,
}

impl Members {
    fn new(value: Value, path: String) -> Result<Self, Problem> {
        match value {
            Value::Object(members) => Ok(Self { members, path }),
            other if path.is_empty() => Err(format!("expected an object, got {}", type_of(&other))),
            other => Err(format!("`{path}`: expected an object, got {}", type_of(&other))),
        }
    }

    /// Removes a member. `null` means absent.
    fn take(&mut self, name: &str) -> Option<Value> {
        self.members.remove(name).filter(|value| !value.is_null())
    }

    fn optional_text(&mut self, name: &str) -> Result<Option<String>, Problem> {
        match self.take(name) {
            None => Ok(None),
            Some(Value::String(text)) => Ok(Some(text)),
            Some(other) => Err(self.mistyped(name, "a string", &other)),
        }
    }

    fn text(&mut self, name: &str) -> Result<String, Problem> {
        self.optional_text(name)?.ok_or_else(|| self.missing(name))
    }

    fn base64(&mut self, name: &str) -> Result<String, Problem> {
        let data = self.text(name)?;
        match base64::decode(&data) {
            Some(_) => Ok(data),
            None => Err(format!("`{}` is not base64", self.path_of(name))),
        }
    }

    fn size(&mut self, name: &str) -> Result<Option<u64>, Problem> {
        let Some(value) = self.take(name) else { return Ok(None) };
        value.as_u64().map(Some).ok_or_else(|| self.mistyped(name, "a whole number", &value))
    }

    /// Removes the description that `to_mcp` writes into `_meta`.
    fn description(&mut self) -> Option<String> {
        let Some(Value::Object(meta)) = self.members.get_mut("_meta") else { return None };
        let description = match meta.remove(DESCRIPTION)? {
            Value::String(description) => description,
            other => {
                meta.insert(DESCRIPTION.to_owned(), other);
                return None;
            }
        };
        if meta.is_empty() {
            self.members.remove("_meta");
        }
        Some(description)
    }

    fn missing(&self, name: &str) -> Problem {
        format!("`{}` is missing", self.path_of(name))
    }

    fn mistyped(&self, name: &str, expected: &str, got: &Value) -> Problem {
        format!("`{}`: expected {expected}, got {}", self.path_of(name), type_of(got))
    }

    fn path_of(&self, name: &str) -> String {
        if self.path.is_empty() { name.to_owned() } else { format!("{}.{name}", self.path) }
    }
}

fn type_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::String(_) => "a string",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tools::output::content::{Audio, Image, Resource};

    fn wire(result: &ToolResult) -> Value {
        serde_json::to_value(result).unwrap()
    }

    /// A result with each type of block, and with members that the library does not use at each place.
    fn full() -> Value {
        let annotations =
            json!({ "audience": ["user"], "priority": 0.5, "lastModified": "2026-01-12T15:00:58Z" });
        json!({
            "content": [
                { "type": "text", "text": "first", "annotations": annotations, "_meta": { "a": 1 } },
                { "type": "image", "data": "Zm9v", "mimeType": "image/png", "annotations": annotations },
                { "type": "text", "text": "" },
                { "type": "audio", "data": "Zm8=", "mimeType": "audio/wav", "_meta": { "b": [2] } },
                {
                    "type": "resource", "annotations": annotations,
                    "resource": { "uri": "note:///1", "mimeType": "text/plain", "text": "a\nnote", "_meta": {} },
                },
                {
                    "type": "resource", "_meta": { "c": null },
                    "resource": { "uri": "file:///x", "mimeType": "x/y", "blob": "Zg==", "_meta": { "d": 4 } },
                },
                {
                    "type": "resource_link", "uri": "file:///r", "name": "r", "title": "Report", "size": 7,
                    "description": "All of it.", "mimeType": "text/csv", "annotations": annotations,
                    "icons": [{ "src": "i.png" }],
                },
                { "type": "hologram", "beams": 3 },
                { "type": "text", "text": "last" },
            ],
            "structuredContent": { "n": [1, null] },
            "isError": true,
            "_meta": { "trace": "t" },
            "later": [true],
        })
    }

    #[test]
    fn every_member_is_read_and_written_again() {
        let result = ToolResult::from_mcp(full()).unwrap();
        assert_eq!(result.to_mcp(), full());
        assert_eq!(ToolResult::from_mcp_slice(full().to_string().as_bytes()).unwrap(), result);
    }

    #[test]
    fn every_block_reaches_the_model_of_a_session() {
        assert_eq!(
            wire(&ToolResult::from_mcp(full()).unwrap()),
            json!({
                "textResultForLlm": "first\n\nnote:///1\na\nnote\nReport: file:///r (text/csv, 7 bytes)\nAll of it.\n\
                    {\"beams\":3,\"type\":\"hologram\"}\nlast",
                "resultType": "failure",
                "binaryResultsForLlm": [
                    { "type": "image", "data": "Zm9v", "mimeType": "image/png" },
                    { "type": "resource", "data": "Zm8=", "mimeType": "audio/wav" },
                    { "type": "resource", "data": "Zg==", "mimeType": "x/y", "description": "file:///x" },
                ],
            })
        );
    }

    #[test]
    fn plain_results_are_the_same_on_both_sides() {
        let cases = [
            (
                ToolResult::success("text"),
                json!({ "content": [{ "type": "text", "text": "text" }], "isError": false }),
            ),
            (ToolResult::success(""), json!({ "content": [], "isError": false })),
            (
                ToolResult::failure("no"),
                json!({ "content": [{ "type": "text", "text": "no" }], "isError": true }),
            ),
        ];
        for (result, mcp) in cases {
            assert_eq!(result.to_mcp(), mcp);
            assert_eq!(ToolResult::from_mcp(mcp).unwrap(), result);
        }
        for refused in [ToolResult::denied("no"), ToolResult::rejected("no"), ToolResult::timeout("no")] {
            assert_eq!(refused.to_mcp()["isError"], true, "{refused:?}");
        }
    }

    #[test]
    fn content_of_a_tool_is_written_in_order() {
        let result = ToolResult::success("a")
            .content("b")
            .content(Image::png(b"foo").description("a foo"))
            .content(Resource::bytes("file:///c", "x/y", b"f"))
            .content("c")
            .content(Audio::wav(b"fo"))
            .content(Resource::text("note:///1", "d"))
            .session_log("asked for it")
            .telemetry("tries", 2);
        let mcp = result.to_mcp();
        assert_eq!(
            mcp["content"],
            json!([
                { "type": "text", "text": "a\nb" },
                {
                    "type": "image", "data": "Zm9v", "mimeType": "image/png",
                    "_meta": { "copilot-tools/description": "a foo" },
                },
                { "type": "resource", "resource": { "uri": "file:///c", "mimeType": "x/y", "blob": "Zg==" } },
                { "type": "text", "text": "c" },
                { "type": "audio", "data": "Zm8=", "mimeType": "audio/wav" },
                { "type": "resource", "resource": { "uri": "note:///1", "text": "d" } },
            ])
        );
        assert_eq!(mcp.as_object().unwrap().len(), 2, "{mcp}");
        let read = ToolResult::from_mcp(mcp.clone()).unwrap();
        assert_eq!(read.to_mcp(), mcp);
        assert_eq!(read.text(), result.text());
        assert_eq!(wire(&read)["binaryResultsForLlm"], wire(&result)["binaryResultsForLlm"]);
    }

    #[test]
    fn structured_content_is_read_where_there_is_no_text() {
        let structured = json!({ "n": 3 });
        let text = |text: &str| json!([{ "type": "text", "text": text }]);
        for content in [json!([]), Value::Null] {
            let result =
                ToolResult::from_mcp(json!({ "content": content, "structuredContent": structured })).unwrap();
            assert_eq!(result.text(), r#"{"n":3}"#);
            assert_eq!(
                result.to_mcp(),
                json!({ "content": text(r#"{"n":3}"#), "structuredContent": structured, "isError": false })
            );
        }
        let result = ToolResult::success("three").structured_content(structured.clone());
        assert_eq!((result.text(), &result.to_mcp()["structuredContent"]), ("three", &structured));
        let image = json!({ "type": "image", "data": "", "mimeType": "image/png" });
        let read =
            ToolResult::from_mcp(json!({ "content": [image], "structuredContent": structured })).unwrap();
        assert_eq!(read.to_mcp()["content"], json!([image, { "type": "text", "text": r#"{"n":3}"# }]));
    }

    #[test]
    fn a_cut_leaves_one_text_and_the_other_content() {
        let cut = ToolResult::success("x".repeat(500))
            .content(Image::png(b"foo"))
            .content(Resource::text("note:///1", "y".repeat(500)))
            .cut(100);
        let mcp = cut.to_mcp();
        let blocks = mcp["content"].as_array().unwrap();
        assert_eq!(blocks.len(), 2, "{mcp}");
        assert_eq!((&blocks[0]["text"], &blocks[1]["type"]), (&json!(cut.text()), &json!("image")));
        assert!(cut.text().len() <= 100 && cut.text().contains("left out here"));
    }

    #[test]
    fn errors_name_the_member() {
        let block = |block: Value| json!({ "content": [{ "type": "text", "text": "" }, block] });
        let cases = [
            (json!([]), "expected an object, got a list"),
            (json!({}), "`content` is missing"),
            (json!({ "content": "text" }), "`content`: expected a list, got a string"),
            (json!({ "content": [], "isError": "yes" }), "`isError`: expected a boolean, got a string"),
            (block(json!(1)), "`content[1]`: expected an object, got a number"),
            (block(json!({ "text": "a" })), "`content[1].type` is missing"),
            (block(json!({ "type": "text", "text": null })), "`content[1].text` is missing"),
            (
                block(json!({ "type": "text", "text": {} })),
                "`content[1].text`: expected a string, got an object",
            ),
            (
                block(json!({ "type": "image", "data": "a b", "mimeType": "x/y" })),
                "`content[1].data` is not base64",
            ),
            (block(json!({ "type": "audio", "data": "" })), "`content[1].mimeType` is missing"),
            (block(json!({ "type": "resource" })), "`content[1].resource` is missing"),
            (
                block(json!({ "type": "resource", "resource": { "text": "a" } })),
                "`content[1].resource.uri` is missing",
            ),
            (
                block(json!({ "type": "resource", "resource": { "uri": "a:b" } })),
                "`content[1].resource` has neither `text` nor `blob`",
            ),
            (
                block(json!({ "type": "resource", "resource": { "uri": "a:b", "text": "", "blob": "" } })),
                "`content[1].resource` has `text` and `blob`",
            ),
            (
                block(json!({ "type": "resource", "resource": { "uri": "a:b", "blob": "?" } })),
                "`content[1].resource.blob` is not base64",
            ),
            (block(json!({ "type": "resource_link", "uri": "a:b" })), "`content[1].name` is missing"),
            (
                block(json!({ "type": "resource_link", "uri": "a:b", "name": "a", "size": -1 })),
                "`content[1].size`: expected a whole number, got a number",
            ),
        ];
        for (result, expected) in cases {
            let error = ToolResult::from_mcp(result).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Decode);
            assert_eq!(error.to_string(), format!("cannot read the result of an MCP tool: {expected}"));
        }
        let error = ToolResult::from_mcp_slice(b"{").unwrap_err();
        assert_eq!(error.to_string(), "the result of an MCP tool is not JSON");
    }
}
