//! The name of a session, and its removal from disk.

use serde::{Deserialize, Serialize};

use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::SessionId;
use crate::protocol::controls::NameParams;
use crate::protocol::controls::NameResponse;
use crate::protocol::settings::settings;
use crate::session::Session;
use crate::session::call::done;

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

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ForkParams<'a> {
    session_id: &'a SessionId,
    #[serde(flatten)]
    fork: &'a Fork,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ForkResponse {
    session_id: SessionId,
}

impl Session {
    /// The name of the session, if it was given one.
    ///
    /// Wire: `session.name.get`, a [query](crate#queries).
    pub async fn name(&self) -> Result<Option<String>> {
        self.ask_for::<NameResponse>("session.name.get").await.map(|answer| answer.name)
    }

    /// Gives the session a name, for lists.
    ///
    /// Wire: `session.name.set`, a [command](crate#commands).
    pub async fn set_name(&self, name: &str) -> Result<()> {
        self.order("session.name.set", &NameParams { session_id: self.id(), name }).await?;
        self.inbox().remember(|members| members.set("name", name.to_owned()));
        Ok(())
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

    /// Ends the session here and deletes it from disk.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI could not delete it; the session is closed all the same.
    ///
    /// # Cancel safety
    ///
    /// Once it was polled, the CLI may delete the session even if the future is dropped. Here the session is then still
    /// open and can be deleted again, or closed as [`close`](Self::close) leaves it;
    /// [`Client::delete_session`](crate::Client::delete_session) deletes it then.
    ///
    /// Wire: `session.delete`, to the CLI.
    pub async fn delete(&self) -> Result<()> {
        let deleted = match self.peer().await?.request("session.delete", &self.params()).decoded().await {
            Ok(answer) => done("session.delete", answer),
            Err(error) => Err(error),
        };
        let closed = self.close().await;
        // The CLI has nothing left to let go of, and old ones say so with an error.
        deleted.and(match closed {
            Err(error) if error.kind() == ErrorKind::Response => Ok(()),
            other => other,
        })
    }
}
