//! The messages that the program has sent in a session.

use std::collections::VecDeque;
use std::sync::Mutex;

use crate::protocol::MessageId;
use crate::task::lock;

/// The number of messages whose ids are retained.
const RETAINED: usize = 256;

/// The ids of the last messages, by which a turn recognizes the messages of other turns. A message with another id comes
/// from a hook that makes the agent continue, or from another client.
#[derive(Debug, Default)]
pub(in crate::session) struct SentMessages(Mutex<VecDeque<MessageId>>);

impl SentMessages {
    /// Adds a message that the CLI has accepted. The reader calls this in order with the events.
    pub(in crate::session) fn add(&self, message: MessageId) {
        let mut messages = lock(&self.0);
        if messages.len() == RETAINED {
            messages.pop_front();
        }
        messages.push_back(message);
    }

    pub(in crate::session) fn contains(&self, message: &MessageId) -> bool {
        // Usually one of the last.
        lock(&self.0).iter().rev().any(|sent| sent == message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_the_last_messages_are_retained() {
        let sent = SentMessages::default();
        for number in 0..=RETAINED {
            sent.add(number.to_string().into());
        }
        assert!(!sent.contains(&"0".into()) && sent.contains(&"1".into()));
        assert!(sent.contains(&RETAINED.to_string().into()));
        assert_eq!(lock(&sent.0).len(), RETAINED);
    }
}
