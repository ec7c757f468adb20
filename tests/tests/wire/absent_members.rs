//! Members that are absent, `null` or of a wrong type: what real CLIs have sent is read as far as it can be, and every
//! question gets exactly one answer.

use std::path::Path;

use copilot::history::EventQuery;
use copilot::{Event, EventKind};
use copilot_tests::fake::Fake;
use serde_json::{Value, json};

/// The events that real CLIs have sent.
fn recorded() -> Vec<Value> {
    let fixtures = Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures");
    let mut events = Vec::new();
    for entry in std::fs::read_dir(fixtures).expect("the fixtures are there") {
        let path = entry.expect("the directory can be read").path().join("events.jsonl");
        if let Ok(text) = std::fs::read_to_string(path) {
            events.extend(text.lines().map(|line| serde_json::from_str::<Value>(line).expect("JSON")));
        }
    }
    assert!(events.len() > 50);
    events
}

/// The paths of all members within a value.
pub(crate) fn members(value: &Value, path: &str, found: &mut Vec<String>) {
    let Value::Object(members_of) = value else {
        if let Value::Array(items) = value {
            items.iter().enumerate().for_each(|(at, item)| members(item, &format!("{path}/{at}"), found));
        }
        return;
    };
    for (name, value) in members_of {
        let path = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
        members(value, &path, found);
        found.push(path);
    }
}

pub(crate) fn members_of(value: &Value) -> Vec<String> {
    let mut found = Vec::new();
    members(value, "", &mut found);
    found
}

pub(crate) fn with(value: &Value, path: &str, put: Value) -> Value {
    let mut value = value.clone();
    *value.pointer_mut(path).expect("it is there") = put;
    value
}

pub(crate) fn without(value: &Value, path: &str) -> Value {
    let mut value = value.clone();
    let (container, name) = path.rsplit_once('/').expect("a path");
    let name = name.replace("~1", "/").replace("~0", "~");
    value.pointer_mut(container).and_then(Value::as_object_mut).expect("an object").remove(&name);
    value
}

/// A value of each type that is not the type of this one.
pub(crate) fn wrong(value: &Value) -> Vec<Value> {
    let all = [json!(7), json!("no"), json!(true), json!([[]]), json!({"a": {}})];
    all.into_iter().filter(|other| std::mem::discriminant(other) != std::mem::discriminant(value)).collect()
}

/// The view of a program on an event.
pub(crate) fn seen(event: &Value) -> Result<String, String> {
    let event: Event = serde_json::from_str(&event.to_string()).map_err(|error| error.to_string())?;
    Ok(format!("{:?} {:?} {:?}", event.parent_id(), event.agent_id(), event.kind()))
}

#[test]
fn null_means_absent_in_every_member_of_the_recorded_events() {
    let mut looked_at = 0;
    for event in recorded() {
        for path in members_of(&event) {
            let (null, absent) = (seen(&with(&event, &path, Value::Null)), seen(&without(&event, &path)));
            let nulls =
                |text: &Result<String, String>| format!("{text:?}").to_lowercase().matches("null").count();
            // A value that the library hands on as JSON, such as a tool's argument, may be `null`.
            if nulls(&null) > nulls(&absent) {
                continue;
            }
            // An error names a column, which depends on the text.
            assert_eq!(null.as_ref().ok(), absent.as_ref().ok(), "{path} of {event}");
            assert!(path == "/type" || null.is_ok(), "{path} of {event}");
            looked_at += 1;
        }
    }
    assert!(looked_at > 1000, "{looked_at}");
}

#[test]
fn one_member_of_a_wrong_type_costs_no_more_than_it_must() {
    for event in recorded() {
        let is_text = |path: &str| event.pointer(path).is_some_and(Value::is_string);
        for path in members_of(&event).into_iter().filter(|path| path.starts_with("/data/")) {
            for wrong in wrong(event.pointer(&path).expect("it is there")) {
                let changed = with(&event, &path, wrong);
                let read: Event =
                    serde_json::from_str(&changed.to_string()).expect("the envelope is unchanged");
                assert_eq!(serde_json::from_str::<Value>(read.raw_data()).unwrap(), changed["data"]);
                if let EventKind::Invalid(why) = read.kind() {
                    assert!(is_text(&path) && why.starts_with('`'), "{path} of {changed}: {why}");
                }
            }
        }
    }
}

#[test]
fn an_answer_and_an_end_are_read_whatever_their_other_members_are() {
    let event = |name: &str, data: Value| -> Event {
        let event = json!({"type": name, "id": "i", "timestamp": "t", "data": data});
        serde_json::from_str(&event.to_string()).unwrap()
    };
    for odd in [json!(null), json!(7), json!({}), json!([7]), json!([{"name": 7}])] {
        let message = event(
            "assistant.message",
            json!({"messageId": "m", "content": "Hi", "toolRequests": odd, "reasoningText": odd}),
        );
        let EventKind::AssistantMessage(message) = message.kind() else { panic!("{message:?}") };
        assert_eq!((&*message.content, message.tool_requests.len()), ("Hi", 0));
        let idle = event("session.idle", json!({"aborted": odd, "mode": odd}));
        assert!(matches!(idle.kind(), EventKind::SessionIdle(idle) if !idle.aborted), "{odd}");
        let error = event("session.error", json!({"message": "m", "errorType": "quota", "statusCode": odd}));
        assert!(matches!(error.kind(), EventKind::SessionError(error) if error.message == "m"), "{odd}");
        let user = event("user.message", json!({"content": "c", "messageId": null, "delivery": odd}));
        assert!(matches!(user.kind(), EventKind::UserMessage(user) if user.content == "c"), "{odd}");
        assert!(matches!(event("abort", json!({"reason": null, "x": odd})).kind(), EventKind::Abort(_)));
    }
    // The text itself has no absent form: an empty answer must not stand in for it.
    let message = event("assistant.message", json!({"content": 7}));
    let EventKind::Invalid(why) = message.kind() else { panic!("{message:?}") };
    assert_eq!(why, "`content`: invalid type: integer `7`, expected a string");
    assert_eq!(message.raw_data(), r#"{"content":7}"#);
}

#[tokio::test(start_paused = true)]
async fn a_turn_with_null_members_ends_with_its_answer() {
    let fake = Fake::start().await;
    fake.cli.on_turn(|turn| async move {
        let id = turn.session_id().clone();
        let message = json!({"messageId": "m", "content": "Hi.", "toolRequests": null, "reasoningText": null});
        turn.cli().whole_event(&id, json!({"type": "assistant.message", "agentId": null, "parentId": null, "ephemeral": null, "timestamp": null, "id": null, "data": message}));
        turn.cli().whole_event(&id, json!({"type": "session.idle", "agentId": null, "data": {"aborted": null, "backgroundTasks": null}}));
    });
    let session = fake.session().start().await.unwrap();
    assert_eq!(session.ask("?").await.unwrap().text(), "Hi.");
}

#[tokio::test(start_paused = true)]
async fn an_event_with_a_member_of_a_wrong_type_reaches_the_program() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let mut events = session.events();
    let event = json!({"type": "assistant.message", "id": 7, "timestamp": {}, "parentId": [], "agentId": 5,
                       "ephemeral": "x", "data": {"content": 7}});
    fake.cli.whole_event(session.id(), event);
    let event = events.next().await.unwrap();
    assert_eq!((event.name(), event.id(), event.raw_data()), ("assistant.message", "", r#"{"content":7}"#));
    // An agent whose id is odd is not the session's own.
    assert_eq!((event.agent_id(), event.parent_id()), (Some("5"), None));
    assert!(matches!(event.kind(), EventKind::Invalid(why) if why.starts_with("`content`")));
    // Neither ends a sub-agent's event a turn, nor does `null` hide an event without data.
    fake.cli.whole_event(session.id(), json!({"type": "session.idle", "data": null}));
    assert!(matches!(events.next().await.unwrap().kind(), EventKind::Invalid(_) | EventKind::SessionIdle(_)));
}

#[tokio::test(start_paused = true)]
async fn an_envelope_of_wrong_types_fails_neither_its_event_nor_its_page() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    let time = "2026-11-22T11:07:56.346Z";
    let odd =
        [json!(7), json!("yesterday"), json!({"a": [1]}), json!(true), json!(null), json!(-1), json!(1e300)];
    let event = |timestamp: &Value| {
        json!({"type": "session.info", "timestamp": timestamp, "id": timestamp, "parentId": 7, "ephemeral": 7,
               "agentId": "a\u{1}\"", "data": {"message": "m"}})
    };
    let all: Vec<_> = odd.iter().chain([&json!(time)]).map(event).collect();
    let expected: Vec<_> =
        [Some("1970-01-01T00:00:00.007Z"), None, None, None, None, None, None, Some(time)].into();
    let check = |events: &[Event]| {
        let read = |event: &Event| event.timestamp().map(|time| time.to_string());
        assert_eq!(
            events.iter().map(read).collect::<Vec<_>>(),
            expected.iter().map(|time| time.map(String::from)).collect::<Vec<_>>()
        );
        for (event, sent) in events.iter().zip(&all) {
            assert!(matches!(event.kind(), EventKind::SessionInfo(info) if info.message == "m"), "{event:?}");
            assert_eq!((event.agent_id(), event.parent_id()), (Some("a\u{1}\""), None));
            // The time is kept as it was sent, so that a history that is written down loses nothing.
            let written = serde_json::to_value(event).unwrap();
            assert_eq!(written.get("timestamp").unwrap_or(&json!(null)), &sent["timestamp"]);
        }
    };
    let mut events = session.events();
    let mut live = Vec::new();
    for event in &all {
        fake.cli.whole_event(session.id(), event.clone());
        live.push(events.next().await.unwrap());
    }
    check(&live);
    let page = json!({"events": all, "cursor": "1"});
    fake.cli.on("session.eventLog.read", move |_, _| page.clone());
    check(&session.history().page(&EventQuery::new()).await.unwrap().events);
}

#[tokio::test(start_paused = true)]
async fn null_members_of_answers_are_absent() {
    let fake = Fake::start().await;
    let session = fake.session().start().await.unwrap();
    fake.cli.on(
        "session.commands.list",
        |_, _| json!({"commands": [{"name": "a", "aliases": null, "description": null, "kind": null}, null]}),
    );
    let commands = session.commands().list().await.unwrap();
    assert_eq!((commands.len(), &*commands[0].name, commands[0].aliases.len()), (1, "a", 0));
    fake.cli.on("session.commands.list", |_, _| json!({"commands": null}));
    assert!(session.commands().list().await.unwrap().is_empty());
    fake.cli.on("session.commands.list", |_, _| json!({"commands": [{"name": "a", "aliases": [7]}]}));
    let error = session.commands().list().await.unwrap_err();
    let source = std::error::Error::source(&error).map(ToString::to_string).unwrap_or_default();
    assert!(format!("{error} {source}").contains("`commands[0].aliases[0]`"), "{error} {source}");
}

/// Where JSON is decoded past `protocol::decode`, how often, and why that is not a payload of the wire.
const OTHER_DECODING: &[(&str, usize, &str)] = &[
    ("api/conversation/pending/settle.rs", 1, "an example"),
    ("api/hooks.rs", 1, "a constant"),
    ("api/interaction/elicitation.rs", 1, "a type of the caller"),
    ("api/mcp/sampling.rs", 1, "a type of the caller"),
    ("api/mcp/server/definition.rs", 1, "the wire form that this library has made"),
    ("api/mcp/server/questions.rs", 3, "a state that this library has made, and types of `rmcp`"),
    ("api/mcp/server/results.rs", 1, "a type of `rmcp`"),
    ("api/requests.rs", 1, "a type of the caller"),
    ("events/event.rs", 3, "a type of the caller, and the payload as text"),
    ("events/head.rs", 1, "members of an envelope, each read so that one cannot fail the others"),
    ("events/subscribers.rs", 3, "single members, each read by itself so that one cannot hide another"),
    ("host/inference/body.rs", 1, "a type of the caller"),
    ("host/object_store/record.rs", 1, "a record that this library has written"),
    ("protocol/permission/hooks.rs", 1, "arguments that are a text"),
    ("protocol/primitives/decode/fault.rs", 2, "the position of an error of the grammar"),
    ("protocol/primitives/decode/reader.rs", 5, "the place itself"),
    ("protocol/primitives/decode/values.rs", 2, "numbers with a fraction, an exponent or a sign"),
    ("protocol/primitives/scan.rs", 1, "payloads as text"),
    ("rpc/call.rs", 1, "a type of the caller"),
    ("rpc/head.rs", 2, "the head of a message that is not read whole"),
    ("rpc/message.rs", 1, "a type of the caller"),
    ("rpc/reader.rs", 3, "the grammar of a body, and single members of one that is not a message"),
    ("session/core/tool_host.rs", 1, "parameters of the program"),
    ("session/deferred.rs", 2, "marks that this library has stored"),
    ("session/permissions/guard.rs", 1, "the output of the program's own hook"),
    ("session/permissions/request.rs", 1, "a type of the caller"),
    ("session/turn/typed_reply.rs", 3, "the text of an answer"),
];

#[test]
fn payloads_of_the_wire_are_decoded_in_one_place() {
    fn sources(folder: &Path, found: &mut Vec<std::path::PathBuf>) {
        for entry in std::fs::read_dir(folder).expect("the folder is there") {
            let path = entry.expect("it can be listed").path();
            if path.ends_with("tests.rs") || path.ends_with("tests") {
                continue;
            }
            if path.is_dir() {
                sources(&path, found);
            } else {
                found.push(path);
            }
        }
    }
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("a workspace").join("copilot/src");
    let mut found = Vec::new();
    for folder in ["api", "client", "compat", "events", "host", "protocol", "rpc", "session"] {
        sources(&root.join(folder), &mut found);
    }
    found.sort();
    let mut counts = Vec::new();
    for path in found {
        let text = std::fs::read_to_string(&path).expect("a source is UTF-8");
        let text = text.split("\n#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        let calls = ["serde_json::from_", "serde_json::Deserializer::from_"];
        let count = calls.iter().map(|call| text.matches(call).count()).sum::<usize>();
        if count > 0 {
            let name = path.strip_prefix(&root).expect("it was found there").display().to_string();
            counts.push((name.replace('\\', "/"), count));
        }
    }
    let expected: Vec<_> =
        OTHER_DECODING.iter().map(|(name, count, _)| ((*name).to_owned(), *count)).collect();
    assert_eq!(counts, expected, "payloads of the wire are read with `protocol::decode`");
}
