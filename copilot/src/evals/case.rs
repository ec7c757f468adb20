//! A case of a suite: prompts, the session that they are asked in, and expectations.

use std::fmt;
use std::sync::Arc;

use super::check::Expectation;
use super::outcome::Run;
use crate::session::builder::SessionBuilder;

/// Configures the session of a run.
pub(super) type Configure = Arc<dyn Fn(SessionBuilder, &Run) -> SessionBuilder + Send + Sync>;

/// A case of a [`Suite`](super::Suite).
#[derive(Clone)]
#[must_use = "a case is run by a suite"]
pub struct Case {
    pub(super) name: String,
    pub(super) prompts: Vec<String>,
    pub(super) session: Option<Configure>,
    pub(super) expectations: Vec<Expectation>,
    pub(super) runs: Option<u32>,
    pub(super) pass_at_least: Option<u32>,
}

impl Case {
    /// Creates a case. Names are unique in a suite, because the baseline refers to them.
    pub fn new(name: impl Into<String>) -> Self {
        Self {
            name: name.into(),
            prompts: Vec::new(),
            session: None,
            expectations: Vec::new(),
            runs: None,
            pass_at_least: None,
        }
    }

    /// Adds a prompt. Several are asked one after another in the same session.
    pub fn prompt(mut self, text: impl Into<String>) -> Self {
        self.prompts.push(text.into());
        self
    }

    /// Configures the session of this case, after the [suite](super::Suite::session) and its
    /// [variant](super::Suite::variant): states, tools and permissions.
    pub fn session(
        mut self,
        configure: impl Fn(SessionBuilder, &Run) -> SessionBuilder + Send + Sync + 'static,
    ) -> Self {
        self.session = Some(Arc::new(configure));
        self
    }

    /// Adds an expectation. A run passes if it meets all of them.
    pub fn expect(mut self, expectation: impl Into<Expectation>) -> Self {
        self.expectations.push(expectation.into());
        self
    }

    /// Sets the number of runs with each variant. Default: that of the [suite](super::Suite::runs).
    pub fn runs(mut self, runs: u32) -> Self {
        self.runs = Some(runs);
        self
    }

    /// Sets the number of runs that must pass. Default: all.
    pub fn pass_at_least(mut self, runs: u32) -> Self {
        self.pass_at_least = Some(runs);
        self
    }
}

impl fmt::Debug for Case {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Case")
            .field("name", &self.name)
            .field("prompts", &self.prompts)
            .field("expectations", &self.expectations)
            .field("runs", &self.runs)
            .field("pass_at_least", &self.pass_at_least)
            .finish_non_exhaustive()
    }
}
