//! The sessions that a CLI knows: `session.list`, `session.getMetadata`, `session.lifecycle` and the like.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::protocol::SessionId;
use crate::protocol::settings::settings;
use crate::protocol::vocabulary::vocabulary;

settings! {
    /// Which sessions are listed; all that are set must fit. Wire: `session.list`, `filter`.
    SessionFilter {
        /// Those of this working directory.
        cwd: text,
        /// Those in the repository with this root.
        git_root: text,
        /// Those of this repository, as `owner/name`.
        repository: text,
        /// Those on this branch.
        branch: text,
    }
}

#[derive(Debug, Serialize)]
pub(crate) struct SessionListParams<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) filter: Option<&'a SessionFilter>,
}

/// A session on disk, or live. Wire: `session.list`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionInfo {
    /// Its id; [`Client::resume`](crate::Client::resume) takes it.
    pub session_id: SessionId,
    /// When it began, as RFC 3339.
    pub start_time: String,
    /// When something last happened, as RFC 3339.
    pub modified_time: String,
    /// The subject of the session in a few words; `None` where the CLI has none yet.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
    /// The name that it was given.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Whether it runs elsewhere.
    pub is_remote: bool,
    /// The program that opened it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub client_name: Option<String>,
    /// The place where the session's agent works; `None` on CLIs that do not report it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub context: Option<SessionContext>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

/// Where the agent of a session works.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionContext {
    /// The working directory of the session.
    pub cwd: String,
    /// The root of the repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub git_root: Option<String>,
    /// The repository, as `owner/name`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub repository: Option<String>,
    /// The Git branch that is checked out; `None` outside a repository.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub branch: Option<String>,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SessionListResponse {
    #[serde(default)]
    pub(crate) sessions: Vec<SessionInfo>,
}

#[derive(Debug, Deserialize)]
pub(crate) struct SessionMetadataResponse {
    #[serde(default)]
    pub(crate) session: Option<SessionInfo>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct SessionIdResponse {
    #[serde(default)]
    pub(crate) session_id: Option<SessionId>,
}

vocabulary! {
    /// The kind of a change in a session's life. Wire: `session.lifecycle`, `type`.
    LifecycleKind {
        /// It was opened for the first time.
        Created = "session.created",
        /// Something was added to it.
        Updated = "session.updated",
        /// It was deleted from disk.
        Deleted = "session.deleted",
        /// The user of the terminal looks at it.
        Foreground = "session.foreground",
        /// The user of the terminal no longer looks at it.
        Background = "session.background",
    }
}

/// The data about a session that come with a change in its life.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct LifecycleMetadata {
    /// When it began, as RFC 3339.
    pub start_time: String,
    /// When something last happened, as RFC 3339.
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

    #[test]
    fn a_list_is_asked_for_and_read() {
        let filter = SessionFilter::new().cwd("/w").branch("main");
        assert_eq!(
            serde_json::to_value(SessionListParams { filter: Some(&filter) }).unwrap(),
            json!({"filter": {"cwd": "/w", "branch": "main"}})
        );
        let list: SessionListResponse = serde_json::from_str(
            r#"{"sessions":[{"sessionId":"s1","startTime":"2026-11-22T17:50:08.591Z",
                "modifiedTime":"2026-11-22T17:50:08.741Z","isRemote":false,"isDetached":false,
                "summary":"my name","name":"my name","clientName":"sdk","context":{"cwd":"/tmp/x"}}]}"#,
        )
        .unwrap();
        let session = &list.sessions[0];
        assert_eq!((session.session_id.as_str(), session.name.as_deref()), ("s1", Some("my name")));
        assert_eq!(session.context.as_ref().unwrap().cwd, "/tmp/x");
        let none: SessionMetadataResponse = serde_json::from_str("{}").unwrap();
        assert_eq!(none.session, None);
    }
}
