//! `session.tools.*` and `tool.call`: calls of the program's tools.

use std::borrow::Cow;

use serde::Serialize;
use serde_json::value::RawValue;

use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
use crate::protocol::scan::{Scan, Scanner};

/// The payload of `external_tool.requested`, and the parameters of protocol 2's `tool.call`, which has no request id.
#[derive(Debug, Default, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolRequested<'a> {
    #[serde(default)]
    pub(crate) request_id: Cow<'a, str>,
    #[serde(default)]
    pub(crate) tool_call_id: Cow<'a, str>,
    #[serde(default)]
    pub(crate) tool_name: Cow<'a, str>,
    #[serde(default)]
    pub(crate) arguments: Option<&'a RawValue>,
    #[serde(default)]
    pub(crate) working_directory: Option<Box<str>>,
    #[serde(default)]
    pub(crate) traceparent: Option<Box<str>>,
    #[serde(default)]
    pub(crate) tracestate: Option<Box<str>>,
}

impl<'a> Scan<'a> for ToolRequested<'a> {
    fn member(&mut self, name: &'a str, scanner: &mut Scanner<'a>) -> Option<u32> {
        Some(match name {
            "requestId" => {
                self.request_id = scanner.text()?.into();
                0
            }
            "toolCallId" => {
                self.tool_call_id = scanner.text()?.into();
                1
            }
            "toolName" => {
                self.tool_name = scanner.text()?.into();
                2
            }
            "arguments" => {
                self.arguments = scanner.value()?;
                3
            }
            "workingDirectory" => {
                self.working_directory = Some(scanner.text()?.into());
                4
            }
            "traceparent" => {
                self.traceparent = Some(scanner.text()?.into());
                5
            }
            "tracestate" => {
                self.tracestate = Some(scanner.text()?.into());
                6
            }
            _ => scanner.other()?,
        })
    }
}

/// The answer to `session.tools.listPendingRequests`: what the CLI still waits for.
#[derive(Debug, Default, Decode)]
pub(crate) struct ToolsPendingResponse {
    #[serde(default)]
    pub(crate) items: Vec<PendingTool>,
}

/// A call that was requested by an event which is past.
#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct PendingTool {
    pub(crate) request_id: String,
    #[serde(default)]
    pub(crate) tool_call_id: String,
    pub(crate) tool_name: String,
    #[serde(default)]
    pub(crate) arguments: Option<Box<RawValue>>,
}

impl PendingTool {
    /// Returns the call as the event reported it.
    pub(crate) fn as_requested(&self) -> ToolRequested<'_> {
        ToolRequested {
            request_id: self.request_id.as_str().into(),
            tool_call_id: self.tool_call_id.as_str().into(),
            tool_name: self.tool_name.as_str().into(),
            arguments: self.arguments.as_deref(),
            working_directory: None,
            traceparent: None,
            tracestate: None,
        }
    }
}

/// The payload of `external_tool.completed`, and of every event that says that a question is settled.
#[derive(Debug, Default, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Settled<'a> {
    #[serde(default)]
    pub(crate) request_id: Cow<'a, str>,
}

impl<'a> Scan<'a> for Settled<'a> {
    fn member(&mut self, name: &'a str, scanner: &mut Scanner<'a>) -> Option<u32> {
        if name != "requestId" {
            return scanner.other();
        }
        self.request_id = scanner.text()?.into();
        Some(0)
    }
}

/// The parameters of `session.tools.handlePendingToolCall`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolAnswerParams<'a, R> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) request_id: &'a str,
    pub(crate) result: &'a R,
}

/// The parameters of `session.tools.handlePendingToolCall` for a call that failed to run.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct ToolErrorParams<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) request_id: &'a str,
    pub(crate) error: &'a str,
}

/// The reply to `tool.call`, and to protocol 2's `permission.request`.
#[derive(Serialize)]
pub(crate) struct Wrapped<'a, R> {
    pub(crate) result: &'a R,
}
