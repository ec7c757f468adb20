//! Experiments and feature flags.

use crate::api::unstable::{FEATURE_FLAGS, FeatureFlags, Unstable};
use crate::protocol::experiments::Experiments;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    @unstable Unstable {
        /// Sets the experiments of the session. Default: those that the CLI fetches.
        ///
        /// Wire: `session.create`, `expAssignments`.
        experiments: (Experiments) in members "expAssignments";

        /// Enables features of the CLI that are not finished. Default: off.
        ///
        /// Wire: `session.create`, `isExperimentalMode`.
        experimental: flag in members "isExperimentalMode";

        @also "featureFlags" feature_flag,
    }
}

impl Unstable {
    /// Enables or disables a feature of the CLI, by the CLI's name for it.
    ///
    /// Wire: `session.create`, `featureFlags`.
    pub fn feature_flag(mut self, name: impl Into<String>, on: bool) -> Self {
        self.settings.members.update(FEATURE_FLAGS, |flags: &mut FeatureFlags| {
            flags.insert(name.into(), on);
        });
        self
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
