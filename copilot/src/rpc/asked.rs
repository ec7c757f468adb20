//! Requests of the other side that wait for an answer, so that it can take them back.
//!
//! Pure state. An id that is used a second time while the first waits is answered all the same; only the first of the
//! two can be taken back. Each is answered once.

use std::collections::{HashMap, HashSet};

/// What a request is called within this process: its number on its connection, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct AskedId(u64);

/// The table of such requests.
#[derive(Debug, Default)]
pub(super) struct Asked {
    waiting: HashMap<Box<str>, AskedId>,
    /// Those whose id waits already.
    repeated: HashSet<AskedId>,
    last: u64,
}

/// The request of one responder.
#[derive(Clone, Copy, Debug)]
pub(super) struct Asks {
    id: AskedId,
    /// Whether the table has it.
    listed: bool,
}

impl Asks {
    pub(super) fn id(&self) -> AskedId {
        self.id
    }
}

impl Asked {
    /// A request with this id has come.
    pub(super) fn insert(&mut self, raw: &str) -> Asks {
        self.last += 1;
        let id = AskedId(self.last);
        let listed = !self.waiting.contains_key(raw);
        if listed {
            self.waiting.insert(raw.into(), id);
        } else {
            self.repeated.insert(id);
        }
        Asks { id, listed }
    }

    /// Whether it still waits: it was neither answered nor taken back.
    pub(super) fn waits(&self, raw: &str, asks: &Asks) -> bool {
        if asks.listed { self.waiting.get(raw) == Some(&asks.id) } else { self.repeated.contains(&asks.id) }
    }

    /// It is about to be answered; `false` when it was answered or taken back before.
    pub(super) fn settle(&mut self, raw: &str, asks: &Asks) -> bool {
        if !asks.listed {
            return self.repeated.remove(&asks.id);
        }
        let waits = self.waits(raw, asks);
        if waits {
            self.waiting.remove(raw);
        }
        waits
    }

    /// The other side takes it back; `None` when it was answered, or never came.
    pub(super) fn take_back(&mut self, raw: &str) -> Option<AskedId> {
        self.waiting.remove(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_or_taken_back_and_never_both() {
        let mut asked = Asked::default();
        let (answered, taken_back) = (asked.insert("1"), asked.insert("\"a\""));
        assert!(asked.settle("1", &answered));
        assert_eq!(asked.take_back("1"), None);
        assert_eq!(asked.take_back("\"a\""), Some(taken_back.id()));
        assert!(!asked.settle("\"a\"", &taken_back));
        assert!(asked.waiting.is_empty());
    }

    #[test]
    fn an_id_that_is_used_twice_is_answered_twice() {
        let mut asked = Asked::default();
        let (first, second) = (asked.insert("1"), asked.insert("1"));
        assert_eq!(asked.take_back("1"), Some(first.id()));
        let third = asked.insert("1");
        assert!(asked.settle("1", &second));
        assert!(!asked.settle("1", &first));
        assert!(asked.settle("1", &third));
        assert!(![first, second, third].iter().any(|asks| asked.settle("1", asks)), "once each");
        assert!(asked.repeated.is_empty());
    }
}
