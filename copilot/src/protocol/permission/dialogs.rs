//! The texts of a dialog about a permission request, which older requests are listed with in place of the request.

use serde_json::value::{RawValue, to_raw_value};
use serde_json::{Map, Value, json};

use crate::protocol::decode;

/// The kinds of dialogs that leave out members on which a decision depends: what a command does, and whether the action
/// leaves the sandbox.
const INCOMPLETE: [&str; 4] = ["commands", "path", "read", "write"];

/// Whether the request has members that its dialog leaves out.
pub(crate) fn is_incomplete(dialog: &RawValue) -> bool {
    members(dialog).is_none_or(|members| INCOMPLETE.contains(&kind(&members)))
}

/// Returns the request that a dialog is about, as far as the dialog shows it. It counts as one that leaves the sandbox
/// where the dialog does not say whether it does.
pub(crate) fn request(dialog: &RawValue) -> Box<RawValue> {
    let Some(mut members) = members(dialog) else { return dialog.to_owned() };
    match kind(&members).to_owned().as_str() {
        "commands" => commands(&mut members),
        "path" => path(&mut members),
        "read" | "write" => {}
        _ => return dialog.to_owned(),
    }
    members.insert("requestSandboxBypass".into(), true.into());
    to_raw_value(&members).expect("JSON values are JSON")
}

fn members(dialog: &RawValue) -> Option<Map<String, Value>> {
    decode::question(dialog.get()).ok()
}

fn kind(members: &Map<String, Value>) -> &str {
    members.get("kind").and_then(Value::as_str).unwrap_or_default()
}

/// A command line. The dialog does not say which commands only read.
fn commands(members: &mut Map<String, Value>) {
    let identifiers = members.get("commandIdentifiers").and_then(Value::as_array);
    let commands: Vec<Value> = identifiers
        .into_iter()
        .flatten()
        .map(|identifier| json!({"identifier": identifier, "readOnly": false}))
        .collect();
    members.insert("kind".into(), "shell".into());
    members.insert("commands".into(), commands.into());
    members.insert("hasWriteFileRedirection".into(), true.into());
}

/// Files outside the directories of the session.
fn path(members: &mut Map<String, Value>) {
    let first = members.get("paths").and_then(|paths| paths.get(0)).cloned().unwrap_or_default();
    let (kind, member) = match members.get("accessKind").and_then(Value::as_str) {
        Some("read") => ("read", "path"),
        Some("write") => ("write", "fileName"),
        _ => ("shell", "path"),
    };
    members.insert("kind".into(), kind.into());
    members.insert(member.into(), first);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dialog_becomes_a_request_that_grants_no_more_than_it_shows() {
        for (dialog, expected) in [
            (
                json!({"kind": "commands", "fullCommandText": "ls; rm x", "commandIdentifiers": ["ls", "rm x"],
                       "toolCallId": "c"}),
                json!({"kind": "shell", "fullCommandText": "ls; rm x", "commandIdentifiers": ["ls", "rm x"],
                       "commands": [{"identifier": "ls", "readOnly": false}, {"identifier": "rm x", "readOnly": false}],
                       "hasWriteFileRedirection": true, "requestSandboxBypass": true, "toolCallId": "c"}),
            ),
            (
                json!({"kind": "path", "accessKind": "write", "paths": ["/a", "/b"]}),
                json!({"kind": "write", "accessKind": "write", "paths": ["/a", "/b"], "fileName": "/a",
                       "requestSandboxBypass": true}),
            ),
            (
                json!({"kind": "path", "accessKind": "shell", "paths": ["/a"]}),
                json!({"kind": "shell", "accessKind": "shell", "paths": ["/a"], "path": "/a",
                       "requestSandboxBypass": true}),
            ),
            (
                json!({"kind": "read", "path": "/a"}),
                json!({"kind": "read", "path": "/a", "requestSandboxBypass": true}),
            ),
        ] {
            let raw = to_raw_value(&dialog).unwrap();
            assert!(is_incomplete(&raw), "{dialog}");
            let read: Value = serde_json::from_str(request(&raw).get()).unwrap();
            assert_eq!(read, expected);
        }
    }

    #[test]
    fn a_dialog_with_all_members_stays_as_it_is() {
        for text in [r#"{"kind":"custom-tool","toolName":"t","args":{}}"#, r#"{"kind":"url","url":"u"}"#] {
            let raw = RawValue::from_string(text.to_owned()).unwrap();
            assert!(!is_incomplete(&raw));
            assert_eq!(request(&raw).get(), text);
        }
        let no_object = RawValue::from_string("7".to_owned()).unwrap();
        assert!(is_incomplete(&no_object));
        assert_eq!(request(&no_object).get(), "7");
    }
}
