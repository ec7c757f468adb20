//! Diagnostics that the CLI keeps.

use crate::protocol::diagnostics::LifecycleDiagnostics;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// What the CLI keeps about how the session begins and ends.
    ///
    /// Wire: `session.create`, `lifecycleDiagnostics`.
    lifecycle_diagnostics: (LifecycleDiagnostics) in members "lifecycleDiagnostics";
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
