//! Long conversations, and data that is kept across sessions.

use crate::api::unstable::Unstable;
use crate::error::{Error, ErrorKind, Result};
use crate::session::core::Topic;
use crate::session::core::setters::members;

pub use crate::protocol::config::{InfiniteSessions, Memory, MemoryMode};
pub use crate::protocol::mcp::Storage;

members! {
    /// Sets how a conversation that outgrows the model's context window is summarised.
    ///
    /// Wire: `session.create`, `infiniteSessions`.
    infinite_sessions: (InfiniteSessions) in members "infiniteSessions";

    /// Sets the memory of the agent across sessions.
    ///
    /// Wire: `session.create`, `memory`.
    memory: (Memory) in members "memory";

    @unstable Unstable {
        /// Enables the store with which sessions can be searched.
        ///
        /// Wire: `session.create`, `enableSessionStore`.
        session_store: flag in members "enableSessionStore";

        /// Sets how long the data for lookups by similarity is kept.
        ///
        /// Wire: `session.create`, `embeddingCacheStorage`.
        embedding_cache: (Storage) in members "embeddingCacheStorage";

        @also "skipEmbeddingRetrieval" embedding_retrieval,
    }
}

impl Unstable {
    /// Enables lookups by similarity. Default: on.
    ///
    /// Wire: `session.create`, `skipEmbeddingRetrieval`.
    pub fn embedding_retrieval(mut self, on: bool) -> Self {
        self.settings.members.set("skipEmbeddingRetrieval", !on);
        self
    }
}

/// Refuses thresholds outside of the valid range: the CLI accepts any number, and then compacts never or always.
fn check_thresholds(infinite: Option<&InfiniteSessions>) -> Result<()> {
    let Some(infinite) = infinite else { return Ok(()) };
    let (background, exhaustion) =
        (infinite.background_compaction_threshold, infinite.buffer_exhaustion_threshold);
    for (name, value) in
        [("background_compaction_threshold", background), ("buffer_exhaustion_threshold", exhaustion)]
    {
        if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
            return Err(refuse(format!(
                "`{name}` is {value}; set a fraction of the context window, from 0 to 1"
            )));
        }
    }
    if let (Some(background), Some(exhaustion)) = (background, exhaustion)
        && background > exhaustion
    {
        return Err(refuse(format!(
            "`background_compaction_threshold` ({background}) must not be above `buffer_exhaustion_threshold` \
             ({exhaustion})"
        )));
    }
    Ok(())
}

fn refuse(message: String) -> Error {
    Error::new(ErrorKind::Configuration, message)
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    check: Some(|settings, _| check_thresholds(settings.members.get("infiniteSessions"))),
    ..Topic::NONE
};
