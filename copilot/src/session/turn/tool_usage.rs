//! The use of tools, by tool, from the events of the history.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::time::Duration;

use crate::events::{Event, EventName};
use crate::protocol::decode::{self, Decode};
use crate::protocol::timestamp::Timestamp;

/// The calls of one tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ToolUsage {
    /// The number of calls that have begun.
    pub calls: u64,
    /// The number of calls that have failed, or were denied.
    pub failures: u64,
    /// The time from the beginning to the end of all calls that have ended, as the CLI reports it: the wait for a
    /// permission is a part of it. Concurrent calls count separately.
    pub time: Duration,
}

#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct Started<'a> {
    #[serde(default)]
    tool_call_id: Cow<'a, str>,
    #[serde(default)]
    tool_name: Cow<'a, str>,
}

#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct Completed<'a> {
    #[serde(default)]
    tool_call_id: Cow<'a, str>,
    #[serde(default)]
    success: bool,
}

/// Returns the use of each tool in these events, by the name that the model uses.
pub(crate) fn by_tool<'e>(events: impl IntoIterator<Item = &'e Event>) -> BTreeMap<String, ToolUsage> {
    let mut tools: BTreeMap<String, ToolUsage> = BTreeMap::new();
    let mut open: HashMap<String, (String, Option<Timestamp>)> = HashMap::new();
    for event in events {
        match event.event_name() {
            EventName::ToolExecutionStart => {
                let Ok(started) = decode::event::<Started<'_>>(event.raw_data()) else { continue };
                tools.entry(started.tool_name.clone().into_owned()).or_default().calls += 1;
                let call = (started.tool_name.into_owned(), event.timestamp());
                open.insert(started.tool_call_id.into_owned(), call);
            }
            EventName::ToolExecutionComplete => {
                let Ok(completed) = decode::event::<Completed<'_>>(event.raw_data()) else { continue };
                let Some((tool, began)) = open.remove(&*completed.tool_call_id) else { continue };
                let usage = tools.entry(tool).or_default();
                usage.failures += u64::from(!completed.success);
                if let (Some(began), Some(ended)) = (began, event.timestamp()) {
                    let milliseconds = ended.unix_millis().saturating_sub(began.unix_millis());
                    usage.time = usage.time.saturating_add(Duration::from_millis(milliseconds));
                }
            }
            _ => {}
        }
    }
    tools
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn event(name: &str, at: u64, data: &Value) -> Event {
        let timestamp = format!("2026-01-01T00:00:{:02}.{:03}Z", at / 1000, at % 1000);
        let event = json!({"type": name, "id": "", "parentId": null, "timestamp": timestamp, "data": data});
        serde_json::from_str(&event.to_string()).unwrap()
    }

    fn start(at: u64, call: &str, tool: &str) -> Event {
        event("tool.execution_start", at, &json!({"toolCallId": call, "toolName": tool}))
    }

    fn complete(at: u64, call: &str, success: bool) -> Event {
        event("tool.execution_complete", at, &json!({"toolCallId": call, "success": success}))
    }

    #[test]
    fn calls_failures_and_times_are_counted_by_tool() {
        let events = [
            start(0, "1", "search"),
            start(10, "2", "search"),
            complete(40, "1", true),
            start(50, "3", "bash"),
            complete(1110, "2", false),
            complete(2000, "unknown", false),
            event("session.idle", 3000, &json!({})),
        ];
        let expected = [
            ("bash", ToolUsage { calls: 1, failures: 0, time: Duration::ZERO }),
            ("search", ToolUsage { calls: 2, failures: 1, time: Duration::from_millis(1140) }),
        ];
        assert_eq!(by_tool(&events), expected.map(|(name, usage)| (name.to_owned(), usage)).into());
    }
}
