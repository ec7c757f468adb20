//! `session.*`: creating, sending, reading back, closing.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::offers::Offers;
use super::system_message::SystemMessageConfig;
use super::vocabulary::vocabulary;
use super::{MessageId, SessionId};

/// The members that `session.create` and `session.resume` share, as the caller configured them.
#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionConfig {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) model: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) client_name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) reasoning_effort: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) streaming: Option<bool>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) system_message: Option<SystemMessageConfig>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) available_tools: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) excluded_tools: Option<Vec<String>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) working_directory: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) provider: Option<Provider>,
    /// What there is no setter for; it wins over what there is one for.
    #[serde(flatten)]
    pub(crate) raw: BTreeMap<String, Value>,
}

/// The parameters of `session.create` and `session.resume`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionOpenParams<'a, T> {
    pub(crate) session_id: &'a SessionId,
    #[serde(flatten)]
    pub(crate) config: &'a SessionConfig,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) tools: Option<T>,
    #[serde(flatten)]
    pub(crate) offers: Offers,
    /// Always: a session without it is denied everything, its own tools included, or on old CLIs nothing at all.
    pub(crate) request_permission: bool,
    /// Always: otherwise a list of available tools makes the CLI ignore the excluded ones.
    pub(crate) tool_filter_precedence: &'static str,
    /// Always: values of environment variables are meant literally.
    pub(crate) env_value_mode: &'static str,
}

/// A model's endpoint of the user's own. Wire: the member `provider`.
#[derive(Clone, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Provider {
    #[serde(rename = "type")]
    pub(crate) kind: &'static str,
    pub(crate) base_url: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) wire_api: Option<&'static str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) bearer_token: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub(crate) has_bearer_token_provider: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) azure: Option<AzureProvider>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) headers: BTreeMap<String, String>,
}

#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AzureProvider {
    pub(crate) api_version: String,
}

impl std::fmt::Debug for Provider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let secret = |value: &Option<String>| value.as_ref().map(|_| "<redacted>");
        f.debug_struct("Provider")
            .field("kind", &self.kind)
            .field("base_url", &self.base_url)
            .field("wire_api", &self.wire_api)
            .field("api_key", &secret(&self.api_key))
            .field("bearer_token", &secret(&self.bearer_token))
            .field("azure", &self.azure)
            // Headers carry keys as often as not.
            .field("headers", &self.headers.keys())
            .finish()
    }
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionOpenResponse {
    #[serde(default)]
    pub(crate) session_id: Option<SessionId>,
    #[serde(default)]
    pub(crate) workspace_path: Option<String>,
    #[serde(default)]
    pub(crate) capabilities: Value,
}

/// The parameters of every method that takes nothing but the session.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionParams<'a> {
    pub(crate) session_id: &'a SessionId,
}

/// Whether an operation did something; failures come in-band.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct Success {
    #[serde(default)]
    pub(crate) success: bool,
    #[serde(default)]
    pub(crate) error: Option<String>,
}

vocabulary! {
    /// What happens to a message that is sent while the agent works. Wire: `session.send`, `mode`.
    DeliveryMode {
        /// It waits for its turn.
        Enqueue = "enqueue",
        /// It steers what the agent is doing.
        Immediate = "immediate",
    }
}

vocabulary! {
    /// How the agent works on a message. Wire: `session.send`, `agentMode`.
    AgentMode {
        /// Step by step, with the user.
        Interactive = "interactive",
        /// It plans and changes nothing.
        Plan = "plan",
        /// It goes on by itself.
        Autopilot = "autopilot",
        /// It runs the message as a shell command.
        Shell = "shell",
    }
}

#[derive(Clone, Debug, Default, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SendOptions {
    pub(crate) prompt: String,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) attachments: Vec<Attachment>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) mode: Option<DeliveryMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) agent_mode: Option<AgentMode>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) display_prompt: Option<String>,
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) request_headers: BTreeMap<String, String>,
    #[serde(flatten)]
    pub(crate) raw: BTreeMap<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionSendParams<'a> {
    pub(crate) session_id: &'a SessionId,
    #[serde(flatten)]
    pub(crate) message: &'a SendOptions,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionSendResponse {
    pub(crate) message_id: MessageId,
}

/// A place in a text, counted from 0.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Position {
    /// The line.
    pub line: u32,
    /// The character in the line.
    pub character: u32,
}

#[derive(Clone, Copy, Debug, Serialize)]
pub(crate) struct Range {
    pub(crate) start: Position,
    pub(crate) end: Position,
}

/// Something that goes with a message. Wire: `session.send`, `attachments`.
#[derive(Clone, Debug, Serialize)]
#[serde(transparent)]
pub struct Attachment(AttachmentKind);

#[derive(Clone, Debug, Serialize)]
#[serde(tag = "type", rename_all = "camelCase", rename_all_fields = "camelCase")]
enum AttachmentKind {
    File { path: String, display_name: String },
    Directory { path: String, display_name: String },
    Selection { file_path: String, display_name: String, text: String, selection: Range },
}

impl Attachment {
    /// A file, by its path.
    pub fn file(path: impl Into<String>) -> Self {
        let path = path.into();
        Self(AttachmentKind::File { display_name: file_name(&path), path })
    }

    /// A directory, by its path.
    pub fn directory(path: impl Into<String>) -> Self {
        let path = path.into();
        Self(AttachmentKind::Directory { display_name: file_name(&path), path })
    }

    /// A piece of a file, with its text and its place.
    pub fn selection(
        path: impl Into<String>,
        text: impl Into<String>,
        start: Position,
        end: Position,
    ) -> Self {
        let (file_path, text) = (path.into(), text.into());
        let display_name = file_name(&file_path);
        Self(AttachmentKind::Selection { file_path, display_name, text, selection: Range { start, end } })
    }
}

/// The CLI wants a name for each attachment; without one the stored session can never be resumed.
fn file_name(path: &str) -> String {
    let name = path.trim_end_matches(['/', '\\']).rsplit(['/', '\\']).next().unwrap_or_default();
    if name.is_empty() { path.to_owned() } else { name.to_owned() }
}

#[derive(Debug, Deserialize)]
pub(crate) struct SessionMessagesResponse<E> {
    #[serde(default = "Vec::new")]
    pub(crate) events: Vec<E>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn attachments_always_have_a_name() {
        let wire = |attachment: Attachment| serde_json::to_value(attachment).unwrap();
        assert_eq!(
            wire(Attachment::file("/a/b.rs")),
            json!({"type": "file", "path": "/a/b.rs", "displayName": "b.rs"})
        );
        assert_eq!(
            wire(Attachment::directory("/a/b/")),
            json!({"type": "directory", "path": "/a/b/", "displayName": "b"})
        );
        assert_eq!(wire(Attachment::directory("/"))["displayName"], "/");
        let (start, end) = (Position { line: 1, character: 2 }, Position { line: 3, character: 4 });
        assert_eq!(
            wire(Attachment::selection(r"C:\a\b.rs", "x", start, end)),
            json!({"type": "selection", "filePath": r"C:\a\b.rs", "displayName": "b.rs", "text": "x",
                   "selection": {"start": {"line": 1, "character": 2}, "end": {"line": 3, "character": 4}}})
        );
    }

    #[test]
    fn unset_members_are_left_out_and_raw_ones_are_added() {
        let mut config = SessionConfig { model: Some("m".into()), ..SessionConfig::default() };
        config.system_message = Some(SystemMessageConfig::Append { content: "be brief".into() });
        config.raw.insert("memory".into(), json!({"enabled": false}));
        let id = SessionId::from("s");
        let open = SessionOpenParams::<Value> {
            session_id: &id,
            config: &config,
            tools: None,
            offers: Offers::default(),
            request_permission: true,
            tool_filter_precedence: "excluded",
            env_value_mode: "direct",
        };
        assert_eq!(
            serde_json::to_value(open).unwrap(),
            json!({"sessionId": "s", "model": "m", "systemMessage": {"mode": "append", "content": "be brief"},
                   "memory": {"enabled": false}, "requestPermission": true, "toolFilterPrecedence": "excluded",
                   "envValueMode": "direct"})
        );
    }

    #[test]
    fn keys_do_not_show() {
        let provider = Provider {
            api_key: Some("sk-1".into()),
            bearer_token: Some("t-2".into()),
            ..Provider::default()
        };
        let shown = format!("{provider:?}");
        assert!(!shown.contains("sk-1") && !shown.contains("t-2") && shown.contains("<redacted>"), "{shown}");
    }
}
