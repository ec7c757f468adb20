//! The sessions that a CLI knows: `session.list`, `session.getMetadata`, `session.lifecycle` and the like.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::protocol::SessionId;
use crate::protocol::decode::Decode;
use crate::protocol::settings::settings;
use crate::protocol::vocabulary::vocabulary;

settings! {
    /// A filter of sessions; a session must meet all conditions that are set. Wire: `session.list`, `filter`.
    SessionFilter {
        /// Sets the working directory of the sessions.
        cwd: text,
        /// Sets the root of the repository of the sessions.
        git_root: text,
        /// Sets the repository of the sessions, as `owner/name`.
        repository: text,
        /// Sets the branch of the sessions.
        branch: text,
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct SessionListParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<&'a SessionFilter>,
}

/// A session on disk, or live. Wire: `session.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionInfo {
    /// The id of the session; [`Client::resume`](crate::Client::resume) takes it.
    pub session_id: SessionId,
    /// The start of the session, as RFC 3339.
    pub start_time: String,
    /// The time of the last change, as RFC 3339.
    pub modified_time: String,
    /// The subject of the session in a few words; `None` where the CLI has none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The name of the session; `None` where it was not named.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether the session runs on another machine.
    pub is_remote: bool,
    /// The name of the program that opened the session; `None` where the CLI does not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The place where the session's agent works; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<SessionContext>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// The place where the agent of a session works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionContext {
    /// The working directory of the session.
    pub cwd: String,
    /// The root of the Git repository; `None` outside a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_root: Option<String>,
    /// The repository, as `owner/name`; `None` where the CLI does not know it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The Git branch that is checked out; `None` outside a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Debug, Decode)]
pub(crate) struct SessionListResponse {
    #[serde(default)]
    pub(crate) sessions: Vec<SessionInfo>,
}

#[derive(Debug, Decode)]
pub(crate) struct SessionMetadataResponse {
    #[serde(default)]
    pub(crate) session: Option<SessionInfo>,
}

#[derive(Debug, Decode)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionIdResponse {
    #[serde(default)]
    pub(crate) session_id: Option<SessionId>,
}

vocabulary! {
    /// The kind of a change in a session's life. Wire: `session.lifecycle`, `type`.
    LifecycleKind {
        /// The session was opened for the first time.
        Created = "session.created",
        /// The session has new events.
        Updated = "session.updated",
        /// The session was deleted from disk.
        Deleted = "session.deleted",
        /// The terminal's user switched to the session.
        Foreground = "session.foreground",
        /// The terminal's user switched away from the session.
        Background = "session.background",
    }
}

/// The data about a session that come with a change in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct LifecycleMetadata {
    /// The start of the session, as RFC 3339.
    pub start_time: String,
    /// The time of the last change, as RFC 3339.
    pub modified_time: String,
    /// The subject of the session in a few words; `None` where the CLI has none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;
    use crate::protocol::decode;

    #[test]
    fn a_list_is_asked_for_and_read() {
        let filter = SessionFilter::new().cwd("/w").branch("main");
        assert_eq!(
            serde_json::to_value(SessionListParams { filter: Some(&filter) }).unwrap(),
            json!({"filter": {"cwd": "/w", "branch": "main"}})
        );
        let list: SessionListResponse = decode::answer(
            r#"{"sessions":[{"sessionId":"s1","startTime":"2026-11-22T17:50:08.591Z",
                "modifiedTime":"2026-11-22T17:50:08.741Z","isRemote":false,"isDetached":false,
                "summary":"my name","name":"my name","clientName":"sdk","context":{"cwd":"/tmp/x"}}]}"#,
        )
        .unwrap();
        let session = &list.sessions[0];
        assert_eq!((session.session_id.as_str(), session.name.as_deref()), ("s1", Some("my name")));
        assert_eq!(session.context.as_ref().unwrap().cwd, "/tmp/x");
        let none: SessionMetadataResponse = decode::answer("{}").unwrap();
        assert_eq!(none.session, None);
    }
}
