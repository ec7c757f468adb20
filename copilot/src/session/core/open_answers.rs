//! The answers that the CLI waits for and that no running work gives: deferred calls, and permission requests that a
//! handler has left for later. Pure.

use std::sync::{Arc, Mutex, MutexGuard};

use serde_json::value::RawValue;

use crate::protocol::ToolCallId;
use crate::task::lock;
use crate::tools::output::ticket::TicketRecord;

/// The open answers of one session, by the ids of their requests. Absent until there is one: most sessions need none.
#[derive(Debug, Default)]
pub(crate) struct OpenAnswers(Mutex<Option<Box<Table>>>);

#[derive(Debug, Default)]
struct Table {
    open: Vec<(Arc<str>, OpenAnswer)>,
    /// The arguments that a person has edited, by the id of the call, until the call runs.
    edited: Vec<(ToolCallId, Box<RawValue>)>,
}

/// An answer that the CLI waits for.
#[derive(Clone, Debug)]
pub(crate) enum OpenAnswer {
    /// The result of a deferred call.
    Call(Arc<TicketRecord>),
    /// The decision about a permission request, with the call that it is for.
    Permission(Option<ToolCallId>),
}

impl OpenAnswer {
    fn call_id(&self) -> Option<&ToolCallId> {
        match self {
            Self::Call(record) => Some(&record.tool_call),
            Self::Permission(call) => call.as_ref(),
        }
    }
}

impl OpenAnswers {
    /// Adds an answer, or replaces it.
    pub(crate) fn insert(&self, id: &str, answer: OpenAnswer) {
        let mut table = self.table();
        let open = &mut table.get_or_insert_default().open;
        open.retain(|(known, _)| **known != *id);
        open.push((id.into(), answer));
    }

    /// Removes an answer; returns whether it was open.
    pub(crate) fn remove(&self, id: &str) -> bool {
        let mut table = self.table();
        let Some(table) = table.as_mut() else { return false };
        let before = table.open.len();
        table.open.retain(|(known, _)| **known != *id);
        table.open.len() < before
    }

    /// Removes the answers that the CLI does not wait for.
    pub(crate) fn retain(&self, is_pending: impl Fn(&str) -> bool) {
        if let Some(table) = self.table().as_mut() {
            table.open.retain(|(id, _)| is_pending(id));
        }
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.table().as_ref().is_none_or(|table| table.open.is_empty())
    }

    pub(crate) fn contains(&self, id: &str) -> bool {
        self.read(|open| open.iter().any(|(known, _)| **known == *id))
    }

    /// Returns the deferred calls, in the order in which they were deferred.
    pub(crate) fn calls(&self) -> Vec<Arc<TicketRecord>> {
        let of_call = |(_, answer): &(Arc<str>, OpenAnswer)| match answer {
            OpenAnswer::Call(record) => Some(Arc::clone(record)),
            OpenAnswer::Permission(_) => None,
        };
        self.read(|open| open.iter().filter_map(of_call).collect())
    }

    /// Returns whether a call waits for its result or for its permission.
    pub(crate) fn holds(&self, call: &ToolCallId) -> bool {
        self.read(|open| open.iter().any(|(_, answer)| answer.call_id() == Some(call)))
    }

    /// Returns whether a permission request waits for its decision. The CLI then asks for no other permission.
    pub(crate) fn has_permission(&self) -> bool {
        self.read(|open| open.iter().any(|(_, answer)| matches!(answer, OpenAnswer::Permission(_))))
    }

    /// Returns a description of each answer, for people.
    pub(crate) fn describe(&self) -> Vec<String> {
        let described = |(id, answer): &(Arc<str>, OpenAnswer)| match answer {
            OpenAnswer::Call(record) => format!("deferred {} ({id})", record.tool),
            OpenAnswer::Permission(_) => format!("undecided permission ({id})"),
        };
        self.read(|open| open.iter().map(described).collect())
    }

    /// Replaces the arguments with which a call will run.
    pub(crate) fn edit(&self, call: ToolCallId, arguments: Box<RawValue>) {
        let mut table = self.table();
        let edited = &mut table.get_or_insert_default().edited;
        edited.retain(|(known, _)| *known != call);
        edited.push((call, arguments));
    }

    /// Returns the arguments with which a call runs after the edit of a person.
    pub(crate) fn take_edited(&self, call: &str) -> Option<Box<RawValue>> {
        let mut table = self.table();
        let edited = &mut table.as_mut()?.edited;
        let place = edited.iter().position(|(known, _)| *known == call)?;
        Some(edited.swap_remove(place).1)
    }

    /// Reads the answers.
    fn read<T>(&self, read: impl FnOnce(&[(Arc<str>, OpenAnswer)]) -> T) -> T {
        read(self.table().as_ref().map_or(&[], |table| &table.open))
    }

    fn table(&self) -> MutexGuard<'_, Option<Box<Table>>> {
        lock(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_is_open_until_it_is_removed_or_not_pending_any_more() {
        let open = OpenAnswers::default();
        assert!(open.is_empty() && !open.remove("a"));
        open.insert("a", OpenAnswer::Permission(Some("c".into())));
        open.insert("a", OpenAnswer::Permission(Some("c".into())));
        open.insert("b", OpenAnswer::Permission(None));
        assert!(open.holds(&"c".into()) && open.has_permission() && open.calls().is_empty());
        open.retain(|id| id == "a");
        assert!(open.contains("a") && !open.contains("b"));
        assert!(open.remove("a") && open.is_empty());
    }
}
