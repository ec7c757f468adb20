//! The names of events, decoded once where an event arrives.

use std::sync::LazyLock;

use super::EventName;
use crate::hash::IdMap;

/// The names on the wire.
static BY_NAME: LazyLock<IdMap<&str, EventName>> =
    LazyLock::new(|| EventName::NAMES.iter().copied().collect());

impl EventName {
    /// The number of names; each is less, as an index.
    pub(crate) const COUNT: usize = Self::EventsRecovered as usize + 1;

    /// Reads a name as the CLI sends it. The names of local events are not among them.
    pub(crate) fn read(text: &str) -> Self {
        BY_NAME.get(text).copied().unwrap_or(Self::Other)
    }

    /// Whether events of this name are made by this library.
    pub(crate) fn is_local(self) -> bool {
        self > Self::Other
    }

    /// Whether an event of this type may end a turn.
    pub(super) fn may_end_a_turn(self) -> bool {
        matches!(self, Self::SessionIdle | Self::SessionError | Self::Abort)
    }

    /// Whether an ephemeral event of this type matters to the reply of a turn: to its end or to its cost.
    pub(crate) fn matters_to_replies(self) -> bool {
        self.may_end_a_turn() || self == Self::AssistantUsage
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_name_is_read_as_it_is_written() {
        for (text, name) in EventName::NAMES {
            assert_eq!((EventName::read(text), name.as_str(), name.is_local()), (*name, *text, false));
        }
        for text in ["", "session", "session.idl", "session.idle2", "copilot.restarted", "copilot.lagged"] {
            assert_eq!(EventName::read(text), EventName::Other, "{text}");
        }
    }

    #[test]
    fn names_of_local_events_are_the_last() {
        assert!(EventName::Lagged.is_local() && EventName::EventsRecovered.is_local());
        assert!(!EventName::Other.is_local());
        assert_eq!(EventName::NAMES.len() + 10, EventName::COUNT);
    }
}
