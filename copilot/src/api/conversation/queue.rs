//! The messages of a session that wait for their turn.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::MessageId;
use crate::protocol::encode::Encode;
use crate::protocol::queue::{QueueParams, QueueRemoved};
use crate::session::Session;
use crate::session::turn::Turn;

pub use crate::protocol::queue::{QueueContent, QueueItem, QueueItemKind};

/// The messages of a session that wait for their turn. Returned by [`Session::queue`]. [`Turn::withdraw`] removes the message
/// of one turn.
///
/// Every method returns an error on CLIs that are too old for it (kind `Unsupported`), and when the connection is lost.
///
/// # Examples
///
/// ```no_run
/// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
/// for item in session.queue().content().await?.items {
///     println!("{}: {}", item.id, item.display_text);
/// }
/// session.queue().clear().await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Queue<'a>(&'a Session);

impl Session {
    /// Returns the view on the messages that wait for their turn.
    pub fn queue(&self) -> Queue<'_> {
        Queue(self)
    }
}

impl Queue<'_> {
    /// Returns the waiting messages and commands.
    ///
    /// Wire: `session.queue.pendingItems`, a [query](crate#queries).
    pub async fn content(&self) -> Result<QueueContent> {
        self.0.ask_for("session.queue.pendingItems").await
    }

    /// Removes all items.
    ///
    /// Wire: `session.queue.clear`, a [command](crate#commands).
    pub async fn clear(&self) -> Result<()> {
        self.0.order("session.queue.clear", &self.params()).await
    }

    /// Removes one item, by its id.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such item.
    ///
    /// Wire: `session.queue.removeAt`, a [command](crate#commands).
    pub async fn remove(&self, item: &str) -> Result<()> {
        self.order("session.queue.removeAt", &QueueParams { id: Some(item), ..self.params() }).await
    }

    /// Removes the newest item. Returns whether there was one.
    ///
    /// Wire: `session.queue.removeMostRecent`, a [command](crate#commands).
    pub async fn remove_newest(&self) -> Result<bool> {
        let removed: QueueRemoved = self.0.ask_for("session.queue.removeMostRecent").await?;
        Ok(removed.removed)
    }

    /// Replaces the text of an item.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such item.
    ///
    /// Wire: `session.queue.updateText`, a [command](crate#commands).
    pub async fn edit(&self, item: &str, prompt: &str) -> Result<()> {
        let params = QueueParams { id: Some(item), prompt: Some(prompt), ..self.params() };
        self.order("session.queue.updateText", &params).await
    }

    /// Moves an item to this position, counted from 0.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such item.
    ///
    /// Wire: `session.queue.moveItem`, a [command](crate#commands).
    pub async fn move_to(&self, item: &str, position: usize) -> Result<()> {
        let params = QueueParams { id: Some(item), to_position: Some(position), ..self.params() };
        self.order("session.queue.moveItem", &params).await
    }

    /// Sends an item immediately: it steers the running turn, instead of waiting for its own.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such item.
    ///
    /// Wire: `session.queue.sendNow`, a [command](crate#commands).
    pub async fn send_now(&self, item: &str) -> Result<()> {
        self.order("session.queue.sendNow", &QueueParams { id: Some(item), ..self.params() }).await
    }

    /// Pauses the queue: when the running turn ends, the agent is idle, and all items wait until
    /// [`resume`](Self::resume).
    ///
    /// Wire: `session.queue.setDrainPaused`, a [command](crate#commands).
    pub async fn pause(&self) -> Result<()> {
        self.order("session.queue.setDrainPaused", &QueueParams { paused: Some(true), ..self.params() }).await
    }

    /// Resumes the queue after [`pause`](Self::pause).
    ///
    /// Wire: `session.queue.setDrainPaused`, a [command](crate#commands).
    pub async fn resume(&self) -> Result<()> {
        self.order("session.queue.setDrainPaused", &QueueParams { paused: Some(false), ..self.params() })
            .await
    }

    /// Returns the item of this message.
    async fn waiting(&self, message: &MessageId) -> Result<Option<String>> {
        let QueueContent { items, .. } = self.content().await?;
        let mut messages = items.iter().filter(|item| item.kind == QueueItemKind::Message);
        if messages.any(|item| item.message_id.is_none()) {
            let message =
                "session.queue.pendingItems: the running CLI does not name the messages in its queue";
            return Err(Error::new(ErrorKind::Unsupported, message));
        }
        let item = items.into_iter().find(|item| item.message_id.as_ref() == Some(message));
        Ok(item.map(|item| item.id))
    }

    async fn order(&self, method: &'static str, params: &dyn Encode) -> Result<()> {
        self.0.order(method, params).await
    }

    fn params(&self) -> QueueParams<'_> {
        QueueParams { session_id: Some(self.0.id()), ..QueueParams::default() }
    }
}

impl Turn {
    /// Withdraws the message of the turn while it waits in the queue. Returns whether it did: the turn is over then, and
    /// its reply is [aborted](crate::Reply::is_aborted) and empty. Returns `false` if the agent has begun with the message,
    /// or the turn is over; [`Session::abort`] stops the agent, and discards all messages that wait.
    ///
    /// # Errors
    ///
    /// As every command, and on CLIs whose queue does not name its messages (kind `Unsupported`).
    ///
    /// # Cancel safety
    ///
    /// Once polled, the message may be withdrawn even if the future is dropped. Calling it again returns `false` then, and
    /// the turn ends when the agent is idle.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
    /// let first = session.stream("Write a long report.").await?;
    /// let mut second = session.stream("Translate it.").await?;
    /// if second.withdraw().await? {
    ///     println!("the report is not translated");
    /// }
    /// # drop(first);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.queue.pendingItems` and `session.queue.removeAt`, to the CLI.
    pub async fn withdraw(&mut self) -> Result<bool> {
        let session = self.session().clone();
        let queue = session.queue();
        let Some(item) = queue.waiting(self.message_id()).await? else { return Ok(false) };
        if let Err(error) = queue.remove(&item).await {
            // The agent may have begun with it meanwhile.
            return match queue.waiting(self.message_id()).await? {
                Some(_) => Err(error),
                None => Ok(false),
            };
        }
        self.end_without_its_message();
        Ok(true)
    }
}
