//! The account and the tools of a CLI, and the GitHub identity of a session.

use std::collections::BTreeMap;

use crate::client::Client;
use crate::error::Result;
use crate::protocol::account::{QuotaResponse, ToolListParams, ToolListResponse};
use crate::protocol::secret::Secret;
use crate::rpc::NoParams;
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

/// The CLI and its account.
impl Client {
    /// Returns the version and the protocol that the CLI reports.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost or the CLI returns an error.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `status.get`, to the CLI.
    pub async fn status(&self) -> Result<Status> {
        self.query("status.get", &NoParams {}).await
    }

    /// Returns the state of the login.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost or the CLI returns an error.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `auth.getStatus`, to the CLI.
    pub async fn auth_status(&self) -> Result<AuthStatus> {
        self.query("auth.getStatus", &NoParams {}).await
    }

    /// Returns the quotas of the user, by the counted feature.
    ///
    /// # Errors
    ///
    /// Returns an error if no user is logged in, the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `account.getQuota`, to the CLI.
    pub async fn quota(&self) -> Result<BTreeMap<String, Quota>> {
        let answer: QuotaResponse = self.query("account.getQuota", &NoParams {}).await?;
        Ok(answer.quota_snapshots)
    }

    /// Returns the built-in tools of the CLI, as the given model sees them.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost, or the CLI returns an error or is too old.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `tools.list`, to the CLI.
    pub async fn builtin_tools(&self, model: Option<&str>) -> Result<Vec<ToolInfo>> {
        let params = ToolListParams { model };
        self.query::<ToolListResponse>("tools.list", &params).await.map(|answer| answer.tools)
    }
}

pub(crate) const TOPIC: Topic = Topic { members: MEMBERS, ..Topic::NONE };
