//! Reading a session's events from a place on, and going back to an earlier message.

use crate::error::{ErrorKind, Result};
use crate::events::Event;
use crate::protocol::controls::CompactParams;
use crate::protocol::controls::Compaction;
use crate::protocol::event_log::{EventPageResponse, EventQuery, EventQueryParams, EventTail};
use crate::protocol::rewind::{RewindMode, RewindParams, RewindPoints, Rewound};
use crate::protocol::session::SessionMessagesResponse;
use crate::rpc::decode;
use crate::session::Session;

/// How many events of the history are read at once.
const PAGE: u64 = 1000;

/// Some events of a session, and where the next ones are.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EventPage {
    /// The events, the oldest first.
    pub events: Vec<Event>,
    /// The place after them; `EventQuery::cursor` reads on from there.
    pub cursor: String,
    /// Whether there are more already.
    pub has_more: bool,
    /// Whether the place that was asked for was not known any more, and the events are those from the beginning.
    pub expired: bool,
}

impl Session {
    /// The place after the newest event, for [`read_events`](Self::read_events). A program that keeps it can go on
    /// reading where it was, also after a restart of its own.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.eventLog.tail`, to the CLI.
    pub async fn event_cursor(&self) -> Result<String> {
        self.ask_for::<EventTail>("session.eventLog.tail").await.map(|tail| tail.cursor)
    }

    /// Reads events from a place on.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// use copilot::config::EventQuery;
    ///
    /// let mut page = session.read_events(&EventQuery::new().types(["assistant.message"])).await?;
    /// while page.has_more {
    ///     page = session.read_events(&EventQuery::new().cursor(page.cursor)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.eventLog.read`, to the CLI.
    pub async fn read_events(&self, query: &EventQuery) -> Result<EventPage> {
        let method = "session.eventLog.read";
        let params = EventQueryParams { session_id: self.id(), query };
        let answer = self.peer().await?.call_raw(method, &params).await?;
        let page: EventPageResponse<Event> = decode(method, &answer)?;
        let expired = page.cursor_status.as_deref() == Some("expired");
        Ok(EventPage { events: page.events, cursor: page.cursor, has_more: page.has_more, expired })
    }

    /// All persisted events, page by page.
    pub(crate) async fn all_events(&self) -> Result<Vec<Event>> {
        let (mut events, mut size, mut cursor) = (Vec::new(), PAGE, None::<String>);
        loop {
            let mut query = EventQuery::new().max(size).include_ephemeral(false);
            if let Some(cursor) = &cursor {
                query = query.cursor(cursor.as_str());
            }
            let page = match self.read_events(&query).await {
                Err(error) if error.is_unsupported() && cursor.is_none() => return self.messages().await,
                // Skipped, because so many events are over the limit of a message.
                Err(error) if error.kind() == ErrorKind::Transport && size > 1 => {
                    size /= 10;
                    continue;
                }
                other => other?,
            };
            if page.expired {
                // The CLI has begun from the beginning, and so does the list.
                events.clear();
            }
            let stands_still = page.events.is_empty() && cursor.as_ref() == Some(&page.cursor);
            events.extend(page.events);
            if !page.has_more || stands_still {
                return Ok(events);
            }
            cursor = Some(page.cursor);
        }
    }

    /// The same in one message.
    async fn messages(&self) -> Result<Vec<Event>> {
        let method = "session.getMessages";
        let answer = self.peer().await?.call_raw(method, &self.params()).await?;
        decode::<SessionMessagesResponse<Event>>(method, &answer).map(|answer| answer.events)
    }

    /// The messages that the session can go back to.
    ///
    /// # Errors
    ///
    /// When the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. The CLI may still be asked, which changes nothing.
    ///
    /// Wire: `session.history.listRewindPoints`, to the CLI.
    pub async fn rewind_points(&self) -> Result<RewindPoints> {
        self.ask_for("session.history.listRewindPoints").await
    }

    /// Goes back to before a message, whose event has this id. Whether it did is in the answer's `outcome`.
    ///
    /// # Errors
    ///
    /// When there is no such message, the connection is lost, or the CLI is too old.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the session may still go back.
    ///
    /// Wire: `session.history.rewind`, to the CLI.
    pub async fn rewind(&self, event_id: &str, mode: RewindMode) -> Result<Rewound> {
        let params = RewindParams { session_id: self.id(), event_id, mode };
        self.peer().await?.call("session.history.rewind", &params).await
    }
}

impl Session {
    /// Has the conversation summarised now, so that it takes less of the model's context window.
    /// `instructions` say what the summary must keep.
    ///
    /// # Errors
    ///
    /// When the connection is lost, when there is nothing to summarise, and when the CLI refuses or is too old
    /// (before 0.0.423).
    ///
    /// # Cancel safety
    ///
    /// Dropping the future forgets the call. Once it was polled, the conversation may still be summarised.
    ///
    /// Wire: `session.history.compact`, or `session.compaction.compact` on CLIs before 1.0.32, to the CLI.
    pub async fn compact(&self, instructions: Option<&str>) -> Result<Compaction> {
        let params = CompactParams { session_id: self.id(), custom_instructions: instructions };
        self.call_by_any_name("session.history.compact", &params).await
    }
}
