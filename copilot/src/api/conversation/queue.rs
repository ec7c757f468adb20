//! The messages of a session that wait for their turn.

use serde::Serialize;
use serde::de::IgnoredAny;

use crate::error::Result;
use crate::protocol::queue::{QueueParams, QueueRemoved};
use crate::session::Session;

pub use crate::protocol::queue::{QueueContent, QueueItem, QueueItemKind};

/// The messages of a session that wait for their turn. Made by [`Session::queue`].
///
/// Every method is an error of kind `Unsupported` on CLIs that are too old for it, and when the connection is lost.
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
    /// The messages that wait for their turn.
    pub fn queue(&self) -> Queue<'_> {
        Queue(self)
    }
}

impl Queue<'_> {
    /// What waits.
    ///
    /// Wire: `session.queue.pendingItems`, a [query](crate#queries).
    pub async fn content(&self) -> Result<QueueContent> {
        self.0.ask_for("session.queue.pendingItems").await
    }

    /// Takes everything out.
    ///
    /// Wire: `session.queue.clear`, a [command](crate#commands).
    pub async fn clear(&self) -> Result<()> {
        self.0.order("session.queue.clear", &self.params()).await
    }

    /// Takes one item out.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such item.
    ///
    /// Wire: `session.queue.removeAt`, a [command](crate#commands).
    pub async fn remove(&self, item: &str) -> Result<()> {
        self.order("session.queue.removeAt", &QueueParams { id: Some(item), ..self.params() }).await
    }

    /// Takes the newest item out; says whether there was one.
    ///
    /// Wire: `session.queue.removeMostRecent`, a [command](crate#commands).
    pub async fn remove_newest(&self) -> Result<bool> {
        let removed: QueueRemoved = self.0.ask_for("session.queue.removeMostRecent").await?;
        Ok(removed.removed)
    }

    /// Puts another text in place of an item's.
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

    /// Moves an item to this place, counted from 0.
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

    /// Has an item steer what the agent is doing, instead of waiting for its turn.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such item.
    ///
    /// Wire: `session.queue.sendNow`, a [command](crate#commands).
    pub async fn send_now(&self, item: &str) -> Result<()> {
        self.order("session.queue.sendNow", &QueueParams { id: Some(item), ..self.params() }).await
    }

    /// Keeps everything waiting: once the agent is done with its work, it is idle, whatever the queue holds.
    ///
    /// Wire: `session.queue.setDrainPaused`, a [command](crate#commands).
    pub async fn pause(&self) -> Result<()> {
        self.order("session.queue.setDrainPaused", &QueueParams { paused: Some(true), ..self.params() }).await
    }

    /// Undoes [`pause`](Self::pause).
    ///
    /// Wire: `session.queue.setDrainPaused`, a [command](crate#commands).
    pub async fn go_on(&self) -> Result<()> {
        self.order("session.queue.setDrainPaused", &QueueParams { paused: Some(false), ..self.params() })
            .await
    }

    async fn order<P: Serialize>(&self, method: &'static str, params: &P) -> Result<()> {
        let _: Option<IgnoredAny> = self.0.peer().await?.request(method, params).decoded().await?;
        Ok(())
    }

    fn params(&self) -> QueueParams<'_> {
        QueueParams { session_id: Some(self.0.id()), ..QueueParams::default() }
    }
}
