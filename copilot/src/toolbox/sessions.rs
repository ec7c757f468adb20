//! Earlier sessions, as far as they concern the person: those of the current directory.

use crate::api::conversation::sessions::SessionInfo;
use crate::client::Client;
use crate::error::Result;

/// Returns the sessions of the current directory, and those of which the CLI reports no directory; the one that was changed
/// last is the first.
pub(super) async fn here(client: &Client) -> Result<Vec<SessionInfo>> {
    let here = std::env::current_dir().ok().and_then(|path| path.to_str().map(str::to_owned));
    let mut sessions = client.list_sessions(None).await?;
    sessions.retain(|session| is_of(session, here.as_deref()));
    sessions.sort_by(|a, b| b.modified_time.cmp(&a.modified_time));
    Ok(sessions)
}

fn is_of(session: &SessionInfo, directory: Option<&str>) -> bool {
    let of_session =
        session.context.as_ref().map(|context| context.cwd.as_str()).filter(|cwd| !cwd.is_empty());
    of_session.is_none_or(|cwd| directory == Some(cwd))
}

/// Returns the subject of a session; empty where the CLI has none yet.
pub(super) fn subject(session: &SessionInfo) -> &str {
    session.name.as_deref().or(session.summary.as_deref()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn sessions_of_other_directories_are_left_out() {
        let session = |context| -> SessionInfo {
            let info = json!({"sessionId": "s", "startTime": "", "modifiedTime": "", "isRemote": false, "context": context});
            serde_json::from_value(info).unwrap()
        };
        for (context, expected) in
            [(json!(null), true), (json!({"cwd": "/here"}), true), (json!({"cwd": "/elsewhere"}), false)]
        {
            assert_eq!(is_of(&session(context.clone()), Some("/here")), expected, "{context}");
        }
    }
}
