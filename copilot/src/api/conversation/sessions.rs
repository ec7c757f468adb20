//! The name of a session, and its removal from disk.

use crate::error::ErrorKind;
use crate::error::Result;
use crate::protocol::controls::NameParams;
use crate::protocol::controls::NameResponse;
use crate::session::Session;
use crate::session::call::done;

impl Session {
    /// The name of the session, if it was given one.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.name.get`, to the CLI.
    pub async fn name(&self) -> Result<Option<String>> {
        self.ask_for::<NameResponse>("session.name.get").await.map(|answer| answer.name)
    }

    /// Gives the session a name, for lists.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI refuses or is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the CLI may still do what it was asked.
    ///
    /// Wire: `session.name.set`, to the CLI.
    pub async fn set_name(&self, name: &str) -> Result<()> {
        self.order("session.name.set", &NameParams { session_id: self.id(), name }).await?;
        self.core().remember(|members| members.set("name", name.to_owned()));
        Ok(())
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
        let deleted = match self.peer().await?.call("session.delete", &self.params()).await {
            Ok(answer) => done("session.delete", answer),
            Err(error) => Err(error),
        };
        let closed = self.close().await;
        // The CLI has nothing left to let go of, and old ones say so with an error.
        deleted.and(match closed {
            Err(error) if matches!(error.kind(), ErrorKind::Rpc(_)) => Ok(()),
            other => other,
        })
    }
}
