//! The default answers of the CLI.

use std::sync::Arc;

use serde_json::{Value, json};

use super::answer::{Answer, RpcError};
use super::exchange::Shared;
use crate::protocol::SessionId;

/// The first CLI version with each method that not all versions have.
const SINCE: &[(&str, [u64; 3])] = &[
    ("connect", [1, 0, 57]),
    ("llmInference.setProvider", [1, 0, 82]),
    ("runtime.shutdown", [1, 0, 57]),
    ("session.detach", [1, 0, 82]),
    ("session.eventLog.read", [1, 0, 57]),
    ("session.log", [1, 0, 10]),
    ("session.metadata.getClientMetadata", [1, 0, 102]),
    ("session.metadata.updateClientMetadata", [1, 0, 102]),
    ("session.permissions.pendingRequests", [1, 0, 82]),
    ("session.tools.listPendingRequests", [1, 0, 102]),
    ("session.tools.set", [1, 0, 82]),
    ("sessionFs.setProvider", [1, 0, 32]),
    ("sessions.save", [1, 0, 57]),
    ("session.getMetadata", [1, 0, 32]),
];

pub(super) fn answer(shared: &Arc<Shared>, method: &str, params: &Value) -> Answer {
    if SINCE.iter().any(|(name, since)| *name == method && !shared.cli.at_least(*since)) {
        return RpcError::unknown_method(method).into();
    }
    let connection = match method {
        "connect" => {
            json!({"ok": true, "protocolVersion": shared.cli.protocol, "version": shared.cli.version})
        }
        "ping" => ping(shared, params),
        "status.get" => json!({"version": shared.cli.version, "protocolVersion": shared.cli.protocol}),
        "auth.getStatus" => json!({"isAuthenticated": false}),
        "models.list" => json!({"models": [
            {"id": "gpt-5", "name": "GPT-5", "capabilities": {
                "supports": {"vision": false}, "limits": {"max_context_window_tokens": 128_000}}},
        ]}),
        "runtime.shutdown" => Value::Null,
        "sessionFs.setProvider" | "llmInference.setProvider" => json!({"success": true}),
        "llmInference.httpResponseStart" | "llmInference.httpResponseChunk" => json!({"accepted": true}),
        "session.list" => shared.list_sessions(),
        "session.getMetadata" => shared.session_metadata(params),
        "session.create" => return shared.create_session(params).into(),
        "session.resume" => return shared.resume_session(params).into(),
        _ => return of_session(shared, method, params).into(),
    };
    connection.into()
}

fn ping(shared: &Shared, params: &Value) -> Value {
    let message = params["message"].as_str().map_or("pong".to_owned(), |message| format!("pong: {message}"));
    let timestamp = if shared.cli.at_least([1, 0, 57]) {
        json!("2026-01-01T00:00:00.000Z")
    } else {
        json!(1_767_225_600_000_u64)
    };
    json!({"message": message, "timestamp": timestamp, "protocolVersion": shared.cli.protocol})
}

fn of_session(shared: &Arc<Shared>, method: &str, params: &Value) -> Result<Value, RpcError> {
    let id = SessionId::from(params["sessionId"].as_str().unwrap_or_default());
    let known = shared.state().sessions.contains_key(id.as_str());
    match method {
        // Detaching an unknown session is not an error.
        "session.detach" | "session.destroy" => {
            shared.detach(&id);
            return Ok(json!({"success": known || shared.cli.protocol == 2 || method == "session.detach"}));
        }
        "session.delete" => {
            let gone = shared.state().sessions.remove(id.as_str());
            drop(gone);
            return Ok(if known {
                json!({"success": true})
            } else {
                json!({"success": false, "error": "Session not found"})
            });
        }
        "session.send"
        | "session.abort"
        | "session.eventLog.read"
        | "session.getMessages"
        | "session.log"
        | "session.tools.set"
        | "session.metadata.getClientMetadata"
        | "session.metadata.updateClientMetadata"
        | "sessions.save"
        | "session.tools.handlePendingToolCall"
        | "session.tools.listPendingRequests"
        | "session.permissions.handlePendingPermissionRequest"
        | "session.permissions.pendingRequests" => {}
        _ => return Err(RpcError::unknown_method(method)),
    }
    if !known {
        return Err(RpcError::failed(method, &format!("Session not found: {id}")));
    }
    Ok(match method {
        "session.send" => json!({"messageId": shared.enqueue(&id, params)}),
        "session.abort" => {
            shared.abort(&id, params["reason"].as_str().unwrap_or("user_initiated"));
            json!({"success": true})
        }
        "session.getMessages" => shared.history(&id),
        "session.eventLog.read" => shared.event_page(&id, params),
        "session.tools.listPendingRequests" => shared.pending_calls(&id),
        "session.permissions.pendingRequests" => shared.pending_permissions(&id),
        "session.log" => {
            let notice = json!({"infoType": "log", "message": params["message"]});
            json!({"eventId": shared.event(&id, json!({"type": "session.info", "data": notice}))})
        }
        "sessions.save" => json!({}),
        "session.metadata.getClientMetadata" | "session.metadata.updateClientMetadata" => {
            shared.change_metadata(&id, params)
        }
        "session.tools.set" => {
            shared.set_tools(&id, &params["tools"]);
            json!({})
        }
        _ => {
            let settles = if method.starts_with("session.tools.") { "external_tool" } else { "permission" };
            json!({"success": shared.settle(&id, settles, params)})
        }
    })
}
