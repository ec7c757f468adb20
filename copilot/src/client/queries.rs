//! Queries of the client: sessions, models, the account and the CLI itself.

use std::collections::BTreeMap;

use serde::Serialize;
use serde::de::DeserializeOwned;

use super::Client;
use super::lifecycle::LifecycleEvents;
use crate::error::Result;
use crate::protocol::SessionId;
use crate::protocol::account::{
    AuthStatus, Quota, QuotaResponse, Status, ToolInfo, ToolListParams, ToolListResponse,
};
use crate::protocol::models::{ModelInfo, ModelListResponse};
use crate::protocol::session::{SessionParams, Success};
use crate::protocol::sessions::{
    SessionFilter, SessionIdResponse, SessionInfo, SessionListParams, SessionListResponse,
    SessionMetadataResponse,
};
use crate::rpc::NoParams;
use crate::session::call::done;

/// Sessions of the CLI.
impl Client {
    /// Returns the sessions that are on disk or open, optionally those that match a filter. Old CLIs ignore the filter.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost or the CLI returns an error.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: copilot::Client) -> copilot::Result<()> {
    /// use copilot::sessions::SessionFilter;
    ///
    /// let here = SessionFilter::new().cwd("/srv/docs");
    /// for session in client.list_sessions(Some(&here)).await? {
    ///     println!("{} {}", session.session_id, session.summary.unwrap_or_default());
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.list`, to the CLI.
    pub async fn list_sessions(&self, filter: Option<&SessionFilter>) -> Result<Vec<SessionInfo>> {
        let params = SessionListParams { filter };
        self.query::<_, SessionListResponse>("session.list", &params).await.map(|answer| answer.sessions)
    }

    /// Returns the metadata of a session; `None` if the CLI does not have the session.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost or the CLI returns an error.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `session.getMetadata`, to the CLI; on those before 1.0.32 `session.list`.
    pub async fn session_info(&self, id: &SessionId) -> Result<Option<SessionInfo>> {
        let params = SessionParams { session_id: id };
        match self.query::<_, SessionMetadataResponse>("session.getMetadata", &params).await {
            Err(error) if error.is_unsupported() => {}
            answer => return answer.map(|answer| answer.session),
        }
        let listed = self.list_sessions(None).await?;
        Ok(listed.into_iter().find(|session| session.session_id == *id))
    }

    /// Returns the id of the session that was used last; [`Client::resume`] resumes it.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost or the CLI returns an error.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `session.getLastId`, to the CLI.
    pub async fn last_session_id(&self) -> Result<Option<SessionId>> {
        let answer: SessionIdResponse = self.query("session.getLastId", &NoParams {}).await?;
        Ok(answer.session_id)
    }

    /// Deletes a session from disk.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost or the CLI cannot delete the session, as when it does not exist.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::call`].
    ///
    /// Wire: `session.delete`, to the CLI.
    pub async fn delete_session(&self, id: &SessionId) -> Result<()> {
        let answer: Success = self.query("session.delete", &SessionParams { session_id: id }).await?;
        done("session.delete", answer)
    }

    /// Returns the session in the foreground of the CLI's terminal; `None` without a terminal.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost, or the CLI returns an error or is too old.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `session.getForeground`, to the CLI.
    pub async fn foreground_session(&self) -> Result<Option<SessionId>> {
        let answer: SessionIdResponse = self.query("session.getForeground", &NoParams {}).await?;
        Ok(answer.session_id)
    }

    /// Brings a session to the foreground of the CLI's terminal.
    ///
    /// # Errors
    ///
    /// Returns an error if the connection is lost, or the CLI has no terminal or is too old.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::call`].
    ///
    /// Wire: `session.setForeground`, to the CLI.
    pub async fn set_foreground_session(&self, id: &SessionId) -> Result<()> {
        let answer: Success = self.query("session.setForeground", &SessionParams { session_id: id }).await?;
        done("session.setForeground", answer)
    }

    /// Returns a stream of the lifecycle of the CLI's sessions from now on, those of its other clients included. The CLI
    /// sends `Updated` after every event that it stores. Version 0.0.394 sends no changes.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: copilot::Client) {
    /// let mut lifecycle = client.lifecycle();
    /// while let Some(event) = lifecycle.next().await {
    ///     println!("{}: {}", event.session_id, event.kind);
    /// }
    /// # }
    /// ```
    ///
    /// Wire: `session.lifecycle`, from the CLI.
    pub fn lifecycle(&self) -> LifecycleEvents {
        LifecycleEvents(self.0.router.lifecycle.subscribe())
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

    /// Returns the models that Copilot offers, without those of configured providers. The first response is cached.
    ///
    /// # Errors
    ///
    /// Returns an error if no user is logged in or the connection is lost.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `models.list`, to the CLI.
    pub async fn models(&self) -> Result<Vec<ModelInfo>> {
        if let Some(models) = self.0.models.get() {
            return Ok(models.clone());
        }
        let answer: ModelListResponse = self.query("models.list", &NoParams {}).await?;
        Ok(self.0.models.get_or_init(|| answer.models).clone())
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
        self.query::<_, ToolListResponse>("tools.list", &params).await.map(|answer| answer.tools)
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

    async fn query<P, R>(&self, method: &'static str, params: &P) -> Result<R>
    where
        P: Serialize,
        R: DeserializeOwned,
    {
        self.connection().await?.peer.request(method, params).decoded().await
    }
}
