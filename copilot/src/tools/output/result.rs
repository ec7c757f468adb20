//! The result of a tool call.

use std::fmt;
use std::sync::Arc;

use serde::ser::SerializeStruct;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use crate::tools::output::content::{Binary, Content, Part, PartKind, length};
use crate::tools::output::ticket::TicketRecord;

/// The result of a tool call, with full control of the text, the content and the metadata.
///
/// Most tools return a simpler type; see [`#[copilot::tool]`](crate::tool).
#[derive(Clone, Debug, PartialEq)]
#[must_use = "a result has no effect until the tool returns it"]
pub struct ToolResult {
    result_type: ResultType,
    pub(super) text: String,
    /// Whether the text is the JSON of a value, which is the structured content.
    is_json: bool,
    pub(super) extras: Option<Box<Extras>>,
}

/// Members that few results have.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Extras {
    /// The parts, in order; empty for a result of one text.
    pub(super) parts: Vec<Part>,
    pub(super) structured_content: Option<Value>,
    /// The members of an MCP result that the library does not use, such as `_meta`.
    pub(super) mcp_others: Map<String, Value>,
    session_log: Option<String>,
    telemetry: Map<String, Value>,
    /// The call that stays open, of a deferred result.
    deferred: Option<Arc<TicketRecord>>,
}

impl Extras {
    fn binaries(&self) -> impl Iterator<Item = &Binary> + Clone {
        self.parts.iter().filter_map(|part| match &part.kind {
            PartKind::Binary(binary) => Some(binary),
            _ => None,
        })
    }

    /// Returns the approximate size on the wire of all but the text, in bytes. Structured content that repeats the text
    /// does not count.
    fn size(&self, receiver: Receiver, text: &str) -> usize {
        let binaries: usize = self.binaries().map(Binary::size).sum();
        let others = match receiver {
            Receiver::Cli => {
                let telemetry = if self.telemetry.is_empty() { 0 } else { length(&self.telemetry) };
                telemetry + self.session_log.as_ref().map_or(0, String::len)
            }
            Receiver::Mcp => {
                let structured = self.structured_content.as_ref().map_or(0, length);
                let json = || serde_json::to_string(self.structured_content.as_ref()?).ok();
                let repeats = structured == text.len() && json().is_some_and(|json| json == text);
                let parts: usize = self.parts.iter().map(Part::size_of_others).sum();
                let others = if self.mcp_others.is_empty() { 0 } else { length(&self.mcp_others) };
                others + parts + if repeats { 0 } else { structured }
            }
        };
        binaries + others
    }
}

/// The receiver of a result, which decides about the members that are sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Receiver {
    /// The CLI, for its model.
    Cli,
    /// An MCP client, or the command line, as [`ToolResult::to_mcp`] says.
    #[cfg_attr(
        not(any(test, feature = "mcp", feature = "toolbox")),
        expect(dead_code, reason = "of a feature")
    )]
    Mcp,
}

/// The outcome of a tool call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ResultType {
    /// The tool succeeded; the model reads the text.
    Success,
    /// The tool failed; the model reads the reason.
    Failure,
    /// The call was not permitted; the model reads the reason.
    Denied,
    /// The call was rejected and the turn ends; the model reads nothing.
    Rejected,
    /// The tool timed out; the model reads the text.
    Timeout,
    /// The call stays open, and a [ticket](crate::deferred::Ticket) settles it later. Never sent to the CLI.
    Deferred,
}

impl ToolResult {
    /// Creates the result of a successful call; the model reads `text`.
    pub fn success(text: impl Into<String>) -> Self {
        Self::new(ResultType::Success, text)
    }

    /// Creates the result of a failed call; the model reads `text`.
    ///
    /// The same result as that of [`ToolError::tell`](crate::ToolError::tell), for failures with
    /// [content](Self::content), a [session log](Self::session_log) or [telemetry](Self::telemetry). See [how a tool
    /// fails](crate::tool#failures).
    #[doc(alias = "error")]
    pub fn failure(text: impl Into<String>) -> Self {
        Self::new(ResultType::Failure, text)
    }

    /// Creates the result of a call that is not permitted; the model reads `text`. The same result as that of
    /// [`ToolError::refused`](crate::ToolError::refused).
    pub fn denied(text: impl Into<String>) -> Self {
        Self::new(ResultType::Denied, text)
    }

    /// Creates a result that ends the turn. The model reads nothing; `text` appears in the session's events.
    pub fn rejected(text: impl Into<String>) -> Self {
        Self::new(ResultType::Rejected, text)
    }

    /// Creates the result of a call that timed out; the model reads `text`.
    pub fn timeout(text: impl Into<String>) -> Self {
        Self::new(ResultType::Timeout, text)
    }

    /// Creates the result of a call that stays open.
    pub(crate) fn deferred(record: Arc<TicketRecord>) -> Self {
        let mut result = Self::new(ResultType::Deferred, "");
        result.extras_mut().deferred = Some(record);
        result
    }

    /// Returns the call that stays open.
    pub(crate) fn ticket(&self) -> Option<&Arc<TicketRecord>> {
        self.extras.as_ref()?.deferred.as_ref()
    }

    fn new(result_type: ResultType, text: impl Into<String>) -> Self {
        Self { result_type, text: text.into(), is_json: false, extras: None }
    }

    /// Creates the result of a successful call from the JSON of a value.
    pub(crate) fn json(text: String) -> Self {
        Self { is_json: true, ..Self::success(text) }
    }

    /// Adds a part of content: text on a new line, other content beside the text.
    pub fn content(mut self, content: impl Into<Content>) -> Self {
        let content = content.into();
        let before = self.text.len();
        let has_parts = self.extras.as_ref().is_some_and(|extras| !extras.parts.is_empty());
        if matches!(content, Content::Text(_)) && !has_parts {
            content.into_part(&mut self.text);
        } else {
            self.add(|text| content.into_part(text).into());
        }
        self.is_json &= self.text.len() == before;
        self
    }

    /// Sets the structured content, a JSON object for MCP clients; see [`to_mcp`](Self::to_mcp). The model of a session
    /// reads the text instead, which is the JSON of the structured content if the result has no text yet.
    pub fn structured_content(mut self, value: impl Into<Value>) -> Self {
        let value = value.into();
        if self.text.is_empty() {
            self = self.content(value.to_string());
        }
        self.extras_mut().structured_content = Some(value);
        self
    }

    /// Sets the text that the session's log and events show in place of the result. The model does not see it.
    pub fn session_log(mut self, text: impl Into<String>) -> Self {
        self.extras_mut().session_log = Some(text.into());
        self
    }

    /// Adds a value to the telemetry of the call. The model does not see it.
    pub fn telemetry(mut self, key: impl Into<String>, value: impl Into<Value>) -> Self {
        self.extras_mut().telemetry.insert(key.into(), value.into());
        self
    }

    /// Returns the outcome of the call.
    pub fn result_type(&self) -> ResultType {
        self.result_type
    }

    /// Returns whether the tool succeeded.
    pub fn is_success(&self) -> bool {
        self.result_type == ResultType::Success
    }

    /// Returns the text that the model reads.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Returns the structured content: that which is set, or the value whose JSON the text is.
    pub(crate) fn structured(&self) -> Option<Value> {
        match self.extras.as_ref().and_then(|extras| extras.structured_content.as_ref()) {
            Some(structured) => Some(structured.clone()),
            None if self.is_json => serde_json::from_str(&self.text).ok(),
            None => None,
        }
    }

    /// Returns whether the text is all there is.
    #[cfg(feature = "mcp")]
    pub(crate) fn is_only_text(&self) -> bool {
        self.extras.is_none()
    }

    /// Adds the part that `make` returns, which appends its text to the text of the result.
    pub(super) fn add(&mut self, make: impl FnOnce(&mut String) -> Part) {
        let parts = &mut self.extras.get_or_insert_default().parts;
        if parts.is_empty() && !self.text.is_empty() {
            parts.push(PartKind::Text(0..self.text.len()).into());
        }
        parts.push(make(&mut self.text));
    }

    /// Truncates the text in the middle to at most `limit` bytes, with a notice that counts towards the limit.
    pub(crate) fn cut(mut self, limit: usize) -> Self {
        if self.text.len() <= limit {
            return self;
        }
        let notice = |bytes: usize| format!("\n[.. {bytes} bytes left out here ..]\n");
        self.is_json = false;
        const SHORT: &str = "[..]";
        // The number in the notice has at most as many digits as the length.
        let longest = notice(self.text.len()).len();
        let reserved = [longest, SHORT.len(), 0].into_iter().find(|length| *length <= limit).unwrap_or(0);
        let kept = limit - reserved;
        let is_boundary = |index: &usize| self.text.is_char_boundary(*index);
        let start = (0..=kept.div_ceil(2)).rev().find(is_boundary).unwrap_or(0);
        let end = (self.text.len() - kept / 2..).find(is_boundary).unwrap_or(self.text.len());
        let marker = match reserved {
            0 => String::new(),
            length if length == longest => notice(end - start),
            _ => SHORT.to_owned(),
        };
        self.text.replace_range(start..end, &marker);
        if let Some(extras) = &mut self.extras
            && !extras.parts.is_empty()
        {
            extras.parts.retain(|part| matches!(part.kind, PartKind::Binary(_)));
            extras.parts.insert(0, PartKind::Text(0..self.text.len()).into());
        }
        self
    }

    /// Replaces a result larger than `limit` bytes by a failure. The members that are not for the receiver do not count.
    pub(crate) fn within(self, limit: usize, tool: &str, receiver: Receiver) -> Self {
        let rest = self.extras.as_deref().map_or(0, |rest| rest.size(receiver, &self.text));
        let size = self.text.len() + rest;
        if size <= limit {
            return self;
        }
        tracing::warn!(tool, size, limit, "discarded the result of a tool because it exceeds the limit");
        Self::failure(format!(
            "The result of `{tool}` has {size} bytes, which exceeds the limit of {limit} bytes. Request less data."
        ))
    }

    pub(super) fn extras_mut(&mut self) -> &mut Extras {
        self.extras.get_or_insert_default()
    }
}

impl ResultType {
    /// Returns the value on the wire.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Success => "success",
            Self::Failure => "failure",
            Self::Denied => "denied",
            Self::Rejected => "rejected",
            Self::Timeout => "timeout",
            Self::Deferred => "deferred",
        }
    }
}

impl fmt::Display for ResultType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// The object form. The result type is always present, because old CLIs treat a result without one as a failure.
impl Serialize for ToolResult {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let session_log = self.extras.as_ref().and_then(|rest| rest.session_log.as_ref());
        let telemetry = self.extras.as_ref().map(|rest| &rest.telemetry).filter(|map| !map.is_empty());
        let binaries = self.extras.as_ref().map(|rest| rest.binaries());
        let binaries = binaries.filter(|binaries| binaries.clone().next().is_some());
        let mut members = 2;
        members += usize::from(binaries.is_some());
        members += usize::from(session_log.is_some());
        members += usize::from(telemetry.is_some());
        let mut object = serializer.serialize_struct("ToolResult", members)?;
        match &binaries {
            // A model without image or audio input would otherwise read nothing.
            Some(binaries) if self.text.is_empty() => {
                let names: Vec<String> = binaries.clone().map(ToString::to_string).collect();
                object.serialize_field("textResultForLlm", &names.join("\n"))?;
            }
            _ => object.serialize_field("textResultForLlm", &self.text)?,
        }
        object.serialize_field("resultType", self.result_type.as_str())?;
        if let Some(binaries) = binaries {
            object.serialize_field("binaryResultsForLlm", &binaries.collect::<Vec<_>>())?;
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

    use super::*;
    use crate::tools::output::content::{Image, Resource};

    #[test]
    fn content_is_in_the_text_or_beside_it() {
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
    fn a_failure_may_have_content_and_a_session_log() {
        let failed = ToolResult::failure("2 of 9 checks failed")
            .content("- `width`: too narrow")
            .content(Image::png(b"foo"))
            .session_log("see run 17");
        assert!(!failed.is_success());
        assert_eq!(
            serde_json::to_value(&failed).unwrap(),
            json!({
                "textResultForLlm": "2 of 9 checks failed\n- `width`: too narrow",
                "resultType": "failure",
                "binaryResultsForLlm": [{ "type": "image", "data": "Zm9v", "mimeType": "image/png" }],
                "sessionLog": "see run 17",
            })
        );
    }

    #[test]
    fn long_text_is_cut_in_the_middle() {
        let text = format!("{}é{}", "a".repeat(49), "z".repeat(100));
        let cut = ToolResult::success(text).cut(133);
        let expected = format!("{}\n[.. 52 bytes left out here ..]\n{}", "a".repeat(49), "z".repeat(50));
        assert_eq!(cut.text(), expected);
        assert_eq!(ToolResult::success("short").cut(100).text(), "short");
    }

    #[test]
    fn each_member_that_is_sent_counts_towards_the_limit() {
        let long = "x".repeat(1_000);
        let read = |result: Value| ToolResult::from_mcp(result).unwrap();
        let image = |members: Value| {
            let mut block = json!({ "type": "image", "data": "Zm9v", "mimeType": "image/png" });
            block.as_object_mut().unwrap().extend(members.as_object().unwrap().clone());
            read(json!({ "content": [block] }))
        };
        let resource = json!({ "uri": "file:///a", "blob": "Zm9v", "_meta": { "a": long } });
        let link = json!({ "type": "resource_link", "uri": "file:///a", "name": long, "title": "a" });
        let short = || ToolResult::success("short");
        for (result, to_cli, to_mcp) in [
            (ToolResult::success(&*long), true, true),
            (short().content(Image::png("x".repeat(750))), true, true),
            (short().content(Image::png("x").description(&*long)), true, true),
            (short().content(Image::new(&*long, "x")), true, true),
            (short().session_log(&*long), true, false),
            (short().telemetry("a", &*long), true, false),
            (short().telemetry(&*long, 1), true, false),
            (short().structured_content(json!({ "a": long })), false, true),
            (read(json!({ "content": [], "_meta": { "a": long } })), false, true),
            (image(json!({ "annotations": { "a": long } })), false, true),
            (read(json!({ "content": [{ "type": "resource", "resource": resource }] })), false, true),
            (read(json!({ "content": [link] })), false, true),
            (
                read(json!({ "content": [{ "type": "text", "text": "a", "_meta": { "a": long } }] })),
                false,
                true,
            ),
        ] {
            for (receiver, counts) in [(Receiver::Cli, to_cli), (Receiver::Mcp, to_mcp)] {
                let limited = result.clone().within(900, "t", receiver);
                assert_eq!(limited != result, counts, "{receiver:?}: {result:?}");
                assert!(limited == result || limited.text().contains("exceeds the limit of 900 bytes"));
                assert_eq!(result.clone().within(1_200, "t", receiver), result, "{receiver:?}");
            }
        }
        // Content that is sent twice counts once.
        let value = json!({ "a": long });
        let repeated = [
            ToolResult::json(value.to_string()),
            ToolResult::success("").structured_content(value.clone()),
            read(json!({ "content": [{ "type": "unknown", "a": long }] })),
        ];
        for result in repeated {
            assert_eq!(result.clone().within(1_100, "t", Receiver::Mcp), result);
            assert_ne!(result.clone().within(1_000, "t", Receiver::Mcp), result);
        }
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
