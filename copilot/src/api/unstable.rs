//! Features that the CLI calls experimental, outside of the semantic versioning of this crate.
//!
//! Each setter is in the file of its topic; this file has the struct that holds their settings.

use std::collections::BTreeMap;

use crate::session::SessionBuilder;
use crate::session::core::Settings;

pub use super::requests::UnknownRequest;
pub use crate::protocol::config::{AskUserVariant, RemoteSession};
pub use crate::protocol::experiments::Experiments;

/// The member with the flags.
pub(crate) const FEATURE_FLAGS: &str = "featureFlags";

/// Features of the CLI, by name.
pub(crate) type FeatureFlags = BTreeMap<String, bool>;

/// Settings of features that the CLI calls experimental. They may change or disappear in any release.
///
/// # Examples
///
/// ```
/// use copilot::Session;
/// use copilot::unstable::Unstable;
///
/// let builder = Session::builder().unstable(Unstable::new().feature_flag("QUEUE_V2", true));
/// # drop(builder);
/// ```
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Unstable {
    pub(crate) settings: Settings,
}

impl Unstable {
    /// Creates settings in which nothing is set.
    pub fn new() -> Self {
        Self::default()
    }
}

impl SessionBuilder {
    /// Sets features that the CLI calls experimental.
    ///
    /// A second call keeps the settings of the first that it does not set itself.
    pub fn unstable(mut self, mut settings: Unstable) -> Self {
        if let Some(flags) = self.settings.members.get::<FeatureFlags>(FEATURE_FLAGS) {
            let mut flags = flags.clone();
            flags.extend(
                settings.settings.members.get::<FeatureFlags>(FEATURE_FLAGS).cloned().unwrap_or_default(),
            );
            settings.settings.members.set(FEATURE_FLAGS, flags);
        }
        self.settings.merge(settings.settings);
        self
    }
}
