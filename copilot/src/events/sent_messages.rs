//! The messages that the program has sent in a session.

use std::collections::VecDeque;

use crate::protocol::MessageId;

/// The number of messages whose ids are retained.
const RETAINED: usize = 256;

/// The ids of the last messages, by which a turn recognizes the messages of other turns. A message with another id comes
/// from a hook that makes the agent continue, or from another client.
#[derive(Debug, Default)]
pub(super) struct SentMessages(VecDeque<MessageId>);

impl SentMessages {
    pub(super) fn add(&mut self, message: MessageId) {
        if self.0.len() == RETAINED {
            self.0.pop_front();
        }
        self.0.push_back(message);
    }

    pub(super) fn contains(&self, message: &MessageId) -> bool {
        // Usually one of the last.
        self.0.iter().rev().any(|sent| sent == message)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ids_of_the_last_messages_are_retained() {
        let mut sent = SentMessages::default();
        for number in 0..=RETAINED {
            sent.add(number.to_string().into());
        }
        assert!(!sent.contains(&"0".into()) && sent.contains(&"1".into()));
        assert!(sent.contains(&RETAINED.to_string().into()));
        assert_eq!(sent.0.len(), RETAINED);
    }
}
