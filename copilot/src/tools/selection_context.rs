//! The session that tools are selected for.

use std::fmt;

use crate::protocol::SessionId;
use crate::tools::state::{State, StateMap};

/// The session that tools are selected for, as the option `enabled` of a tool sees it. The session has not started.
pub struct SelectionContext<'a> {
    pub(crate) session_id: &'a SessionId,
    pub(crate) model: Option<&'a str>,
    pub(crate) resumes: bool,
    pub(crate) states: &'a StateMap,
}

impl<'a> SelectionContext<'a> {
    /// Returns a new session with these states.
    #[cfg(test)]
    pub(crate) fn of_test(states: &'a StateMap) -> Self {
        static ID: std::sync::LazyLock<SessionId> = std::sync::LazyLock::new(|| "s1".into());
        Self { session_id: &ID, model: None, resumes: false, states }
    }
    /// Returns the id of the session.
    pub fn session_id(&self) -> &SessionId {
        self.session_id
    }

    /// Returns the model that the session's builder sets; `None` for the CLI's default.
    pub fn model(&self) -> Option<&str> {
        self.model
    }

    /// Returns whether an existing session is resumed.
    pub fn resumes(&self) -> bool {
        self.resumes
    }

    /// Returns the session's state of type `T`; `None` when the session has none. A lazily built state is built here,
    /// and blocks the thread meanwhile.
    pub fn state<T: Send + Sync + ?Sized + 'static>(&self) -> Option<State<T>> {
        self.states.get()
    }
}

impl fmt::Debug for SelectionContext<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SelectionContext")
            .field("session_id", &self.session_id)
            .field("model", &self.model)
            .field("resumes", &self.resumes)
            .finish_non_exhaustive()
    }
}
