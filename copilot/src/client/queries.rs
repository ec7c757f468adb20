//! Asking the CLI about itself, its user and its sessions.

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

/// Its sessions.
impl Client {
    /// The sessions that are on disk or live, all or those that fit the filter. Old CLIs know no filter and list all.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses.
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

    /// What the CLI knows of a session; `None` if it knows no such session.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses.
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

    /// The session in which something happened last; [`Client::resume`] takes it up.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses.
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
    /// When the connection is lost, and when the CLI cannot delete it: it knows no such session.
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

    /// The session that the user of the CLI's terminal looks at, if it has one.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
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

    /// Shows a session to the user of the CLI's terminal.
    ///
    /// # Errors
    ///
    /// When the connection is lost, and when the CLI has no terminal or is too old.
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

    /// What happens to the CLI's sessions from now on, those of its other clients included. The CLI tells
    /// `Updated` after every event that it keeps. Version 0.0.394 does not tell anything.
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
        LifecycleEvents(self.0.router.lifecycle.watch())
    }
}

/// Itself and its user.
impl Client {
    /// What the CLI says about itself.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `status.get`, to the CLI.
    pub async fn status(&self) -> Result<Status> {
        self.query("status.get", &NoParams {}).await
    }

    /// Whether somebody is logged in.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses.
    ///
    /// # Cancel safety
    ///
    /// As [`Client::ping`].
    ///
    /// Wire: `auth.getStatus`, to the CLI.
    pub async fn auth_status(&self) -> Result<AuthStatus> {
        self.query("auth.getStatus", &NoParams {}).await
    }

    /// The models that Copilot offers. The CLI is asked until it has answered once; models of endpoints of your own
    /// are not among them.
    ///
    /// # Errors
    ///
    /// When nobody is logged in, and when the connection is lost.
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

    /// The CLI's own tools, as a model would see them.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
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

    /// How much the user has used, by what it is counted for.
    ///
    /// # Errors
    ///
    /// When nobody is logged in, when the connection is lost, and when the CLI is too old.
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
        self.connection().await?.peer.call(method, params).await
    }
}
