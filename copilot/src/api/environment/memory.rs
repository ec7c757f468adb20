//! Long conversations, and what is kept across sessions.

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::config::InfiniteSessions;
use crate::protocol::config::Memory;
use crate::protocol::mcp::Storage;
use crate::session::core::Topic;
use crate::session::core::setters::members;

members! {
    /// How a conversation that outgrows the model's context window goes on.
    ///
    /// Wire: `session.create`, `infiniteSessions`.
    infinite_sessions: (InfiniteSessions) in members "infiniteSessions";

    /// Whether the agent remembers things across sessions.
    ///
    /// Wire: `session.create`, `memory`.
    memory: (Memory) in members "memory";

    /// Whether sessions are put into a store that can be searched.
    ///
    /// Wire: `session.create`, `enableSessionStore`.
    session_store: flag in members "enableSessionStore";

    /// Whether nothing is looked up by similarity.
    ///
    /// Wire: `session.create`, `skipEmbeddingRetrieval`.
    skip_embedding_retrieval: flag in members "skipEmbeddingRetrieval";

    /// How long what is needed for looking up by similarity is kept.
    ///
    /// Wire: `session.create`, `embeddingCacheStorage`.
    embedding_cache: (Storage) in members "embeddingCacheStorage";
}

/// The CLI takes any number, and then never or always compacts.
fn check_thresholds(infinite: Option<&InfiniteSessions>) -> Result<()> {
    let Some(infinite) = infinite else { return Ok(()) };
    let (background, exhaustion) =
        (infinite.background_compaction_threshold, infinite.buffer_exhaustion_threshold);
    for (name, value) in
        [("background_compaction_threshold", background), ("buffer_exhaustion_threshold", exhaustion)]
    {
        if let Some(value) = value.filter(|value| !(0.0..=1.0).contains(value)) {
            return Err(refuse(format!(
                "`{name}` is a part of the context window, from 0 to 1, not {value}"
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
    Error::new(ErrorKind::Config, message)
}

pub(crate) const TOPIC: Topic = Topic {
    members: MEMBERS,
    check: Some(|settings, _| check_thresholds(settings.members.get("infiniteSessions"))),
    ..Topic::NONE
};
