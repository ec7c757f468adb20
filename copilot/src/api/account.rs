//! The GitHub identity of a session.

use crate::protocol::secret::Secret;
use crate::session::SessionBuilder;
use crate::session::core::setters::members;
use crate::session::core::topic::Topic;

pub use crate::protocol::account::{AuthStatus, Quota, Status, ToolInfo};

members! {
    @also "gitHubToken" github_token,
}

impl SessionBuilder {
    /// The GitHub token that this session uses, instead of the client's. It does not show in `Debug`.
    ///
    /// Wire: `session.create`, `gitHubToken`.
    pub fn github_token(mut self, token: impl Into<String>) -> Self {
        self.settings.members.set::<Secret>("gitHubToken", token.into().into());
        self
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
