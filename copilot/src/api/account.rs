//! The GitHub identity of a session.

use crate::protocol::secret::Secret;
use crate::session::SessionBuilder;
use crate::session::core::Topic;
use crate::session::core::setters::members;

pub use crate::protocol::account::{AuthStatus, Quota, Status, ToolInfo};

members! {
    @also "gitHubToken" github_token,
}

impl SessionBuilder {
    /// Sets the GitHub token of this session; it prints as `<redacted>`. Default: the client's token.
    ///
    /// Wire: `session.create`, `gitHubToken`.
    pub fn github_token(mut self, token: impl Into<String>) -> Self {
        self.settings.members.set::<Secret>("gitHubToken", token.into().into());
        self
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
