//! Recorded messages of real CLIs, written by `tests/fixtures/capture`: all can be read, and no member is
//! lost on the way through the library's types.

use std::mem::discriminant;
use std::path::Path;

use copilot::account::{AuthStatus, Status, ToolInfo};
use copilot::agents::AgentInfo;
use copilot::capabilities::Capabilities;
use copilot::commands::CommandInfo;
use copilot::history::Compaction;
use copilot::mcp::McpServerInfo;
use copilot::models::{CurrentModel, ModelChanged};
use copilot::plan::Plan;
use copilot::sessions::SessionInfo;
use copilot::skills::{SkillInfo, SkillProblems};
use copilot::usage::UsageMetrics;
use copilot::{AgentMode, Event, EventKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

/// The records in the files of this name, with the version of the CLI that they are from.
fn records(name: &str) -> Vec<(String, String)> {
    let mut records = Vec::new();
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    for entry in std::fs::read_dir(fixtures).expect("the fixtures are there") {
        let path = entry.expect("the directory can be read").path();
        if let Ok(text) = std::fs::read_to_string(path.join(name)) {
            let version = path.file_name().expect("it is in a directory").to_string_lossy().into_owned();
            records.extend(text.lines().map(|line| (version.clone(), line.to_owned())));
        }
    }
    assert!(records.len() > 50, "{name}: {}", records.len());
    records
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text}"))
}

/// A member that no CLI has sent yet.
fn with_news(mut value: Value) -> Value {
    if let Some(object) = value.as_object_mut() {
        object.insert("neverHeardOf".into(), json!({"a": [1, null, "b"]}));
    }
    value
}

#[test]
fn every_event_is_written_as_it_was_read() {
    for (version, line) in records("events.jsonl") {
        let captured = json(&line);
        let event: Event = serde_json::from_str(&line).unwrap();
        assert_eq!(serde_json::to_value(&event).unwrap(), captured, "{version}");
        assert_eq!(json(event.raw_data()), captured["data"], "{version}");
        assert!(!matches!(event.kind(), EventKind::Invalid(_)), "{version}: {event:?}: {:?}", event.kind());

        let mut newer = captured;
        newer["data"] = with_news(newer["data"].take());
        let text = newer.to_string();
        let read: Event = serde_json::from_str(&text).unwrap();
        assert_eq!(discriminant(read.kind()), discriminant(event.kind()), "{version}: {text}");
        assert_eq!(serde_json::to_value(&read).unwrap(), newer, "{version}");
    }
}

#[test]
fn every_event_but_the_internal_ones_has_a_typed_payload() {
    // The CLI's own traces; `wire-left-out.json` says why they have none.
    let internal = |name: &str| name.starts_with("model.") || name == "session.indexed_search";
    for (version, line) in records("events.jsonl") {
        let event: Event = serde_json::from_str(&line).unwrap();
        let typed = !matches!(event.kind(), EventKind::Other);
        assert!(typed || internal(event.name()), "{version}: {} has no type", event.name());
    }
}

/// The paths of what is in `before` and not in `after`. An absent member says as much as one that is null, and `33.0`
/// as much as `33`.
fn lost(before: &Value, after: &Value, path: &str) -> Vec<String> {
    match (before, after) {
        (Value::Null, _) => Vec::new(),
        (Value::Object(before), Value::Object(after)) => {
            let members = before.iter();
            let lost = |(name, value): (&String, &Value)| {
                lost(value, after.get(name).unwrap_or(&Value::Null), &format!("{path}/{name}"))
            };
            members.flat_map(lost).collect()
        }
        (Value::Array(before), Value::Array(after)) if before.len() == after.len() => {
            let items = before.iter().zip(after).enumerate();
            items.flat_map(|(at, (before, after))| lost(before, after, &format!("{path}/{at}"))).collect()
        }
        (Value::Number(before), Value::Number(after)) if before.as_f64() == after.as_f64() => Vec::new(),
        _ if before == after => Vec::new(),
        _ => vec![format!("{path}: {before} is now {after}")],
    }
}

#[track_caller]
fn check<T: Serialize + DeserializeOwned>(value: &Value) {
    for value in [value.clone(), with_news(value.clone())] {
        let read: T =
            serde_json::from_value(value.clone()).unwrap_or_else(|error| panic!("{error}: {value}"));
        let written = serde_json::to_value(read).expect("what was JSON is JSON");
        assert_eq!(lost(&value, &written, ""), [""; 0]);
    }
}

#[track_caller]
fn check_all<T: Serialize + DeserializeOwned>(list: &Value) {
    list.as_array().expect("a list").iter().for_each(check::<T>);
}

#[test]
fn every_answer_can_be_read_and_nothing_of_it_is_lost() {
    for (_, line) in records("answers.jsonl") {
        let record = json(&line);
        // Other tests read the notifications and requests of the CLI.
        let Some(method) = record["answer"].as_str() else { continue };
        let result = &record["result"];
        match method {
            "session.create" | "session.resume" if result["capabilities"].is_null() => {}
            "session.create" | "session.resume" => check::<Capabilities>(&result["capabilities"]),
            "session.list" => check_all::<SessionInfo>(&result["sessions"]),
            "session.getMetadata" => check::<SessionInfo>(&result["session"]),
            "session.model.getCurrent" => check::<CurrentModel>(result),
            "session.model.switchTo" => check::<ModelChanged>(result),
            "session.mode.get" if result.is_string() => {
                let mode: AgentMode = serde_json::from_value(result.clone()).unwrap();
                assert_eq!(mode.as_str(), result.as_str().unwrap());
            }
            "session.plan.read" => check::<Plan>(result),
            "session.agent.list" => check_all::<AgentInfo>(&result["agents"]),
            "session.agent.getCurrent" | "session.agent.select" => check::<AgentInfo>(&result["agent"]),
            "session.skills.list" => check_all::<SkillInfo>(&result["skills"]),
            "session.skills.reload" if result.is_null() => {}
            "session.skills.reload" => check::<SkillProblems>(result),
            "session.mcp.list" => check_all::<McpServerInfo>(&result["servers"]),
            "session.commands.list" => check_all::<CommandInfo>(&result["commands"]),
            "session.usage.getMetrics" => check::<UsageMetrics>(result),
            "session.history.compact" | "session.compaction.compact" => check::<Compaction>(result),
            "tools.list" => check_all::<ToolInfo>(&result["tools"]),
            "status.get" => check::<Status>(result),
            "auth.getStatus" => check::<AuthStatus>(result),
            // One or two members, or none, that a method of the session or client gives as they are.
            "connect"
            | "ping"
            | "session.send"
            | "session.abort"
            | "session.delete"
            | "session.getLastId"
            | "session.getForeground"
            | "session.mode.get"
            | "session.mode.set"
            | "session.plan.update"
            | "session.plan.delete"
            | "session.name.get"
            | "session.name.set"
            | "session.log"
            | "session.agent.deselect"
            | "session.commands.invoke"
            | "session.ui.elicitation"
            | "session.workspaces.createFile"
            | "session.workspaces.listFiles"
            | "session.workspaces.readFile"
            | "session.instructions.getSources"
            | "session.queue.pendingItems"
            | "session.permissions.getMode"
            | "session.permissions.setMode"
            | "session.eventLog.tail"
            | "session.tools.getCurrentMetadata"
            | "session.tools.listPendingRequests" => {}
            other => panic!("{other}: say here how its answer is read"),
        }
    }
}
