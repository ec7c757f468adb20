//! The open requests of the other side, which it can cancel. Pure.
//!
//! A request with an id that is in use already is answered too, but cannot be cancelled. Each request is answered once.

use std::collections::{HashMap, HashSet};

/// The number of an incoming request on its connection, in the order of arrival.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) struct IncomingId(u64);

/// The table of requests that are neither answered nor cancelled.
#[derive(Debug, Default)]
pub(super) struct OpenRequests {
    by_id: HashMap<Box<str>, IncomingId>,
    /// Requests whose id was in use when they arrived.
    repeated: HashSet<IncomingId>,
    last: u64,
}

/// A request in the table.
#[derive(Clone, Copy, Debug)]
pub(super) struct OpenRequest {
    number: IncomingId,
    /// Whether the table finds it by its id.
    by_id: bool,
}

impl OpenRequest {
    pub(super) fn number(&self) -> IncomingId {
        self.number
    }
}

impl OpenRequests {
    /// Adds a request that arrived with this id.
    pub(super) fn insert(&mut self, id: &str) -> OpenRequest {
        self.last += 1;
        let number = IncomingId(self.last);
        let by_id = !self.by_id.contains_key(id);
        if by_id {
            self.by_id.insert(id.into(), number);
        } else {
            self.repeated.insert(number);
        }
        OpenRequest { number, by_id }
    }

    /// Returns whether the request is neither answered nor cancelled.
    pub(super) fn is_open(&self, id: &str, request: &OpenRequest) -> bool {
        if request.by_id {
            self.by_id.get(id) == Some(&request.number)
        } else {
            self.repeated.contains(&request.number)
        }
    }

    /// Removes a request that is about to be answered; `false` when it was answered or cancelled before.
    pub(super) fn complete(&mut self, id: &str, request: &OpenRequest) -> bool {
        if !request.by_id {
            return self.repeated.remove(&request.number);
        }
        let open = self.is_open(id, request);
        if open {
            self.by_id.remove(id);
        }
        open
    }

    /// Removes a request that the other side cancels; `None` when no open request has this id.
    pub(super) fn cancel(&mut self, id: &str) -> Option<IncomingId> {
        self.by_id.remove(id)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_answered_or_cancelled_and_never_both() {
        let mut open = OpenRequests::default();
        let (answered, cancelled) = (open.insert("1"), open.insert("\"a\""));
        assert!(open.complete("1", &answered));
        assert_eq!(open.cancel("1"), None);
        assert_eq!(open.cancel("\"a\""), Some(cancelled.number()));
        assert!(!open.complete("\"a\"", &cancelled));
        assert!(open.by_id.is_empty());
    }

    #[test]
    fn an_id_that_is_used_twice_is_answered_twice() {
        let mut open = OpenRequests::default();
        let (first, second) = (open.insert("1"), open.insert("1"));
        assert_eq!(open.cancel("1"), Some(first.number()));
        let third = open.insert("1");
        assert!(open.complete("1", &second));
        assert!(!open.complete("1", &first));
        assert!(open.complete("1", &third));
        assert!(![first, second, third].iter().any(|request| open.complete("1", request)), "once each");
        assert!(open.repeated.is_empty());
    }
}
