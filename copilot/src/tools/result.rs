//! What the model is told about a call.

use std::fmt;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::content::{Binary, Content};

/// The result of a call, in full control of what the model reads and what is kept beside it.
///
/// Most tools return something simpler; see [`#[copilot::tool]`](crate::tool).
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a result does nothing until the tool returns it"]
pub struct ToolResult {
    result_type: ResultType,
    text: String,
    extras: Option<Box<Extras>>,
}

/// What few results have.
#[derive(Clone, Debug, Default, PartialEq)]
struct Extras {
    binaries: Vec<Binary>,
    session_log: Option<String>,
    telemetry: Map<String, Value>,
}

/// How a call ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResultType {
    /// The tool did what it was asked; the model reads the text.
    Success,
    /// The tool could not do it; the model reads why.
    Failure,
    /// The tool may not do it; the model reads why.
    Denied,
    /// The turn ends here: the model is not asked again and reads nothing.
    Rejected,
    /// The tool took too long; the model reads so.
    Timeout,
}

impl ToolResult {
    /// The tool did what it was asked.
    pub fn success(text: impl Into<String>) -> Self {
        Self::new(ResultType::Success, text)
    }

    /// The tool could not do it; the model reads `text`.
    pub fn failure(text: impl Into<String>) -> Self {
        Self::new(ResultType::Failure, text)
    }

    /// The tool may not do it; the model reads `text`.
    pub fn denied(text: impl Into<String>) -> Self {
        Self::new(ResultType::Denied, text)
    }

    /// The turn ends here; the model reads nothing, `text` is for the session's events.
    pub fn rejected(text: impl Into<String>) -> Self {
        Self::new(ResultType::Rejected, text)
    }

    /// The tool took too long; the model reads `text`.
    pub fn timeout(text: impl Into<String>) -> Self {
        Self::new(ResultType::Timeout, text)
    }

    fn new(result_type: ResultType, text: impl Into<String>) -> Self {
        Self { result_type, text: text.into(), extras: None }
    }

    /// Adds a piece of content: text on a line of its own, anything else beside the text.
    pub fn content(mut self, content: impl Into<Content>) -> Self {
        match content.into().split() {
            Ok(text) => {
                if !self.text.is_empty() {
                    self.text.push('\n');
                }
                self.text.push_str(&text);
            }
            Err(binary) => self.extras_mut().binaries.push(binary),
        }
        self
    }

    /// Adds what the session's log and its events show instead of the text; the model does not see it.
    pub fn session_log(mut self, text: impl Into<String>) -> Self {
        self.extras_mut().session_log = Some(text.into());
        self
    }

    /// Adds a figure to the telemetry of the call; the model does not see it.
    pub fn telemetry(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extras_mut().telemetry.insert(key.into(), value.into());
        self
    }

    /// How the call ended.
    pub fn result_type(&self) -> ResultType {
        self.result_type
    }

    /// Whether the tool did what it was asked.
    pub fn is_success(&self) -> bool {
        self.result_type == ResultType::Success
    }

    /// What the model reads.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Cuts the text in the middle, where least is lost, to about `limit` bytes, and says so there.
    pub(crate) fn cut(mut self, limit: usize) -> Self {
        if self.text.len() <= limit {
            return self;
        }
        let start = (0..=limit / 2).rev().find(|&index| self.text.is_char_boundary(index)).unwrap_or(0);
        let end =
            (self.text.len() - limit / 2..=self.text.len()).find(|&index| self.text.is_char_boundary(index));
        let end = end.unwrap_or(self.text.len());
        let marker = format!("\n[.. {} bytes left out here ..]\n", end - start);
        self.text.replace_range(start..end, &marker);
        self
    }

    /// Replaces a result that is larger than `limit` bytes by a failure that says so.
    pub(crate) fn within(self, limit: usize, tool: &str) -> Self {
        let rest = self.extras.as_deref().map_or(0, |rest| {
            let binaries: usize = rest.binaries.iter().map(Binary::size).sum();
            binaries + rest.session_log.as_ref().map_or(0, String::len)
        });
        let size = self.text.len() + rest;
        if size <= limit {
            return self;
        }
        tracing::warn!(tool, size, limit, "a tool's result is too large");
        Self::failure(format!(
            "The result of `{tool}` has {size} bytes, and more than {limit} cannot be returned. Ask for less of it."
        ))
    }

    fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

impl ResultType {
    /// The word on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
        }
    }
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The object form, with its type always said: old CLIs take a result without one for a failure.
impl Serialize for ToolResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let session_log = self.extras.as_ref().and_then(|rest| rest.session_log.as_ref());
        let telemetry = self.extras.as_ref().map(|rest| &rest.telemetry).filter(|map| !map.is_empty());
        let binaries =
            self.extras.as_ref().map(|rest| &rest.binaries).filter(|binaries| !binaries.is_empty());
        let mut members = 2;
        members += usize::from(binaries.is_some());
        members += usize::from(session_log.is_some());
        members += usize::from(telemetry.is_some());
        let mut object = serializer.serialize_struct("ToolResult", members)?;
        match binaries {
            // A model that cannot look or listen would read nothing at all.
            Some(binaries) if self.text.is_empty() => {
                let names: Vec<String> = binaries.iter().map(ToString::to_string).collect();
                object.serialize_field("textResultForLlm", &names.join("\n"))?;
            }
            _ => object.serialize_field("textResultForLlm", &self.text)?,
        }
        object.serialize_field("resultType", self.result_type.as_str())?;
        if let Some(binaries) = binaries {
            object.serialize_field("binaryResultsForLlm", binaries)?;
        }
        if let Some(session_log) = session_log {
            object.serialize_field("sessionLog", session_log)?;
        }
        if let Some(telemetry) = telemetry {
            object.serialize_field("toolTelemetry", telemetry)?;
        }
        object.end()
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::content::{Image, Resource};
    use super::*;

    #[test]
    fn content_lies_in_the_text_and_beside_it() {
        let result = ToolResult::success("")
            .content("a")
            .content(Image::png(b"foo").description("a foo"))
            .content(Resource::text("file:///a", "b"))
            .content(Resource::bytes("file:///c", "x/y", b"fo"));
        assert_eq!(
            serde_json::to_value(&result).unwrap(),
            json!({
                "textResultForLlm": "a\nfile:///a\nb",
                "resultType": "success",
                "binaryResultsForLlm": [
                    { "type": "image", "data": "Zm9v", "mimeType": "image/png", "description": "a foo" },
                    { "type": "resource", "data": "Zm8=", "mimeType": "x/y", "description": "file:///c" },
                ],
            })
        );
    }

    #[test]
    fn long_text_is_cut_in_the_middle() {
        let text = format!("{}é{}", "a".repeat(49), "z".repeat(100));
        let cut = ToolResult::success(text).cut(100);
        let expected = format!("{}\n[.. 52 bytes left out here ..]\n{}", "a".repeat(49), "z".repeat(50));
        assert_eq!(cut.text(), expected);
        assert_eq!(ToolResult::success("short").cut(100).text(), "short");
    }

    #[test]
    fn the_type_is_always_on_the_wire() {
        let check = |result: ToolResult, expected: Value| {
            assert_eq!(serde_json::to_value(&result).unwrap(), expected);
        };
        check(ToolResult::success("4 °C"), json!({ "textResultForLlm": "4 °C", "resultType": "success" }));
        check(
            ToolResult::denied("no").session_log("asked for it").telemetry("tries", 2),
            json!({
                "textResultForLlm": "no", "resultType": "denied",
                "sessionLog": "asked for it", "toolTelemetry": { "tries": 2 },
            }),
        );
    }
}
