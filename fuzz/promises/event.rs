//! Payloads to typed events: an event retains its name and its text with payloads of any shape.

use serde_json::value::RawValue;

use crate::events::{Event, EventHead, EventKind};

/// Decodes an event whose type is the first line of the input and whose payload is the rest.
///
/// # Panics
///
/// Panics when a promise of the events is broken.
pub fn event(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let (name, payload) = text.split_once('\n').unwrap_or((text, "{}"));
    let Ok(payload) = serde_json::from_str::<&RawValue>(payload) else { return };
    let event = Event::new(&EventHead {
        tag: name.into(),
        id: "id".into(),
        timestamp: None,
        parent: "".into(),
        agent: name.into(),
        ephemeral: false,
        data: Some(payload),
        whole: None,
    });
    assert_eq!((event.name(), event.id(), event.parent_id()), (name, "id", None));
    assert_eq!((event.timestamp(), event.raw_data()), (None, payload.get()));
    assert_eq!(event.agent_id(), Some(name).filter(|name| !name.is_empty()));
    match event.kind() {
        EventKind::Invalid(why) => assert!(!why.is_empty()),
        kind => assert!(!format!("{kind:?}").is_empty()),
    }
}
