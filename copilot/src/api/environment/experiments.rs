//! Experiments and feature flags.

use std::collections::BTreeMap;

use crate::protocol::experiments::Experiments;
use crate::session::SessionBuilder;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// The experiments that the session takes part in, in place of those that the CLI would fetch.
    ///
    /// Wire: `session.create`, `expAssignments`.
    experiments: (Experiments) in members "expAssignments";

    /// Whether features that are not finished may be used.
    ///
    /// Wire: `session.create`, `isExperimentalMode`.
    experimental: flag in members "isExperimentalMode";

    @also "featureFlags" feature_flag,
}

impl SessionBuilder {
    /// Switches a feature of the CLI on or off, by the CLI's own name for it.
    ///
    /// Wire: `session.create`, `featureFlags`.
    pub fn feature_flag(mut self, name: impl Into<String>, on: bool) -> Self {
        self.settings.members.update("featureFlags", |flags: &mut BTreeMap<String, bool>| {
            flags.insert(name.into(), on);
        });
        self
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
