//! The sessions of a CLI, the name of a session, its copies, and its removal from disk.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::Value;

use crate::client::Client;
use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::SessionId;
use crate::protocol::controls::NameParams;
use crate::protocol::controls::NameResponse;
use crate::protocol::decode::Decode;
use crate::protocol::session::{AgentMode, SessionParams, Success};
use crate::protocol::sessions::{
    SessionIdResponse, SessionListParams, SessionListResponse, SessionMetadataResponse,
};
use crate::protocol::settings::settings;
use crate::protocol::timestamp::Timestamp;
use crate::rpc::NoParams;
use crate::session::Session;
use crate::session::answers::done;

pub use crate::protocol::sessions::{
    LifecycleKind, LifecycleMetadata, SessionContext, SessionFilter, SessionInfo,
};

settings! {
    /// How a session is copied: see [`Session::fork`].
    Fork {
        /// Sets the id of the event before which the copy ends. Default: the copy has all events.
        before: text as "toEventId",
        /// Sets the name of the new session.
        name: text,
    }
}

/// An open session as the CLI has it. Returned by [`Session::metadata`].
#[derive(Clone, Debug, Default, PartialEq, Eq, Decode)]
#[serde(rename_all = "camelCase", default)]
#[non_exhaustive]
pub struct SessionMetadata {
    /// The time when the session was created; `None` where the CLI does not report it.
    pub start_time: Option<Timestamp>,
    /// The time of the last change; `None` where the CLI does not report it.
    pub modified_time: Option<Timestamp>,
    /// The mode of the agent.
    pub current_mode: AgentMode,
    /// The id of the model; `None` before one is selected.
    pub selected_model: Option<String>,
    /// The working directory of the agent.
    pub working_directory: String,
    /// The directory of the session's own files; `None` for a session without one.
    pub workspace_path: Option<String>,
    /// Whether another CLI has the session open too.
    pub already_in_use: bool,
    /// Whether the session runs on another machine.
    pub is_remote: bool,
    /// Other members that the CLI sent.
    #[serde(flatten)]
    pub other: BTreeMap<String, Value>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ForkParams<'a> {
    session_id: &'a SessionId,
    #[serde(flatten)]
    fork: &'a Fork,
}

#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct ForkResponse {
    session_id: SessionId,
}

impl Session {
    /// Returns the name of the session; `None` without a name.
    ///
    /// Wire: `session.name.get`, a [query](crate#queries).
    pub async fn name(&self) -> Result<Option<String>> {
        self.ask_for::<NameResponse>("session.name.get").await.map(|answer| answer.name)
    }

    /// Sets the name of the session, for lists.
    ///
    /// Wire: `session.name.set`, a [command](crate#commands).
    pub async fn set_name(&self, name: &str) -> Result<()> {
        self.order("session.name.set", &NameParams { session_id: self.id(), name }).await?;
        self.core().remember(|members| members.set("name", name.to_owned()));
        Ok(())
    }

    /// Returns the session's metadata: its times, mode, model and directories. The CLI calls this experimental.
    ///
    /// Wire: `session.metadata.snapshot`, a [query](crate#queries).
    pub async fn metadata(&self) -> Result<SessionMetadata> {
        self.ask_for("session.metadata.snapshot").await
    }

    /// Stops the agent and writes the session to disk, so that another program can resume it. Calls of tools are
    /// cancelled, and a running turn ends as aborted. The session stays open: the next message continues it. The CLI calls
    /// this experimental.
    ///
    /// Wire: `session.suspend`, a [command](crate#commands).
    pub async fn suspend(&self) -> Result<()> {
        self.order("session.suspend", &self.params()).await
    }

    /// Creates a session with a copy of this session's history, which continues independently of it. The new session is
    /// not open: [`Client::resume`](crate::Client::resume) opens it by its id. The CLI calls this experimental.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(client: copilot::Client, session: copilot::Session) -> copilot::Result<()> {
    /// use copilot::sessions::Fork;
    ///
    /// let copy = session.fork(Fork::new().name("another way")).await?;
    /// let other = client.resume(copy).start().await?;
    /// # other.close().await
    /// # }
    /// ```
    ///
    /// Wire: `sessions.fork`, a [command](crate#commands).
    pub async fn fork(&self, fork: Fork) -> Result<SessionId> {
        let params = ForkParams { session_id: self.id(), fork: &fork };
        let answer: ForkResponse = self.peer().await?.request("sessions.fork", &params).decoded().await?;
        Ok(answer.session_id)
    }

    /// Closes the session and deletes it from disk.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI could not delete it; the session is closed in any case.
    ///
    /// # Cancel safety
    ///
    /// Once it was polled, the CLI may delete the session even if the future is dropped. The session is then still open
    /// in this program: it can be deleted again, or closed with [`close`](Self::close) and deleted with
    /// [`Client::delete_session`](crate::Client::delete_session).
    ///
    /// Wire: `session.delete`, to the CLI.
    pub async fn delete(&self) -> Result<()> {
        let deleted = match self.peer().await?.request("session.delete", &self.params()).decoded().await {
            Ok(answer) => done("session.delete", answer),
            Err(error) => Err(error),
        };
        let closed = self.close().await;
        // There is nothing left to detach, and old CLIs report that as an error.
        deleted.and(match closed {
            Err(error) if error.kind() == ErrorKind::Response => Ok(()),
            other => other,
        })
    }
}

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
        self.query::<SessionListResponse>("session.list", &params).await.map(|answer| answer.sessions)
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
        match self.query::<SessionMetadataResponse>("session.getMetadata", &params).await {
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
}
