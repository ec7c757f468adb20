//! The check of an expectation.

use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;

use super::outcome::Outcome;
use crate::error::Result;
use crate::session::builder::SessionBuilder;

/// Creates the session of a judge, which the argument configures.
pub(super) type NewSession<'a> =
    &'a (dyn Fn(&dyn Fn(SessionBuilder) -> SessionBuilder) -> SessionBuilder + Send + Sync);

/// An expectation that a run did not meet.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unmet {
    /// The expectation.
    pub expected: String,
    /// The observation.
    pub observed: String,
}

impl fmt::Display for Unmet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "expected {}; {}", self.expected, self.observed)
    }
}

/// An expectation of a case. The functions of [`expect`](super::expect) create them.
#[derive(Clone)]
pub struct Expectation(Arc<dyn Check>);

/// The check of an expectation.
pub(super) trait Check: fmt::Debug + Send + Sync {
    /// Returns the reason why a run does not meet the expectation. An error is that of the run.
    fn check<'a>(
        &'a self,
        outcome: &'a Outcome,
        sessions: NewSession<'a>,
    ) -> BoxFuture<'a, Result<Option<Unmet>>>;
}

impl Expectation {
    pub(super) fn new(check: impl Check + 'static) -> Self {
        Self(Arc::new(check))
    }

    pub(super) async fn check(&self, outcome: &Outcome, sessions: NewSession<'_>) -> Result<Option<Unmet>> {
        self.0.check(outcome, sessions).await
    }
}

impl fmt::Debug for Expectation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}
