//! The history of a session: pages of its events, and the rewind to an earlier message.

use crate::error::{ErrorKind, Result};
use crate::events::Event;
use crate::protocol::controls::CompactParams;
use crate::protocol::event_log::{EventPageResponse, EventQueryParams, EventTail};
use crate::protocol::rewind::RewindParams;
use crate::protocol::session::SessionMessagesResponse;
use crate::rpc::decode;
use crate::session::Session;

pub use crate::protocol::controls::Compaction;
pub use crate::protocol::event_log::EventQuery;
pub use crate::protocol::rewind::{RewindMode, RewindOutcome, RewindPoint, RewindPoints, Rewound};

/// The page size with which [`History::events`] reads all events.
const PAGE: u64 = 1000;

/// A page of a session's events, with the position of the next page.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub struct EventPage {
    /// The events, the oldest first.
    pub events: Vec<Event>,
    /// The position after the events; `EventQuery::cursor` continues from there.
    pub cursor: String,
    /// Whether the history has more events already.
    pub has_more: bool,
    /// Whether the CLI no longer knows the requested position, so that the events are those from the beginning.
    pub expired: bool,
}

/// The history of a session: its persisted events. Returned by [`Session::history`].
///
/// # Examples
///
/// ```no_run
/// # async fn example(session: &copilot::Session) -> copilot::Result<()> {
/// for event in session.history().events().await? {
///     println!("{}", event.name());
/// }
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy, Debug)]
pub struct History<'a>(&'a Session);

impl Session {
    /// Returns the view on the session's history.
    pub fn history(&self) -> History<'_> {
        History(self)
    }
}

impl<'a> History<'a> {
    pub(super) fn session(self) -> &'a Session {
        self.0
    }
}

impl History<'_> {
    /// Returns the position after the newest event, for [`page`](Self::page). A program that stores it can continue
    /// reading there, also after the program was restarted.
    ///
    /// Wire: `session.eventLog.tail`, a [query](crate#queries).
    pub async fn cursor(&self) -> Result<String> {
        self.0.ask_for::<EventTail>("session.eventLog.tail").await.map(|tail| tail.cursor)
    }

    /// Returns a page of events.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// use copilot::history::EventQuery;
    ///
    /// let mut page = session.history().page(&EventQuery::new().types(["assistant.message"])).await?;
    /// while page.has_more {
    ///     page = session.history().page(&EventQuery::new().cursor(page.cursor)).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// Wire: `session.eventLog.read`, a [query](crate#queries).
    pub async fn page(&self, query: &EventQuery) -> Result<EventPage> {
        let method = "session.eventLog.read";
        let params = EventQueryParams { session_id: self.0.id(), query };
        let answer = self.0.peer().await?.request(method, &params).raw().await?;
        let page: EventPageResponse<Event> = decode(method, &answer)?;
        let expired = page.cursor_status.as_deref() == Some("expired");
        Ok(EventPage { events: page.events, cursor: page.cursor, has_more: page.has_more, expired })
    }

    /// Returns the persisted events of the session so far, the oldest first.
    ///
    /// They are read in pages, so that a long history does not reach the limit of
    /// [`max_frame_bytes`](crate::ClientBuilder::max_frame_bytes). Old CLIs send all of them in one message.
    /// [`page`](Self::page) reads single pages.
    ///
    /// # Errors
    ///
    /// As every query, and when a single event is over the limit.
    ///
    /// Wire: `session.eventLog.read`, or `session.getMessages` on CLIs without it, a [query](crate#queries).
    pub async fn events(&self) -> Result<Vec<Event>> {
        let (mut events, mut size, mut cursor) = (Vec::new(), PAGE, None::<String>);
        loop {
            let mut query = EventQuery::new().max(size).include_ephemeral(false);
            if let Some(cursor) = &cursor {
                query = query.cursor(cursor.as_str());
            }
            let page = match self.page(&query).await {
                Err(error) if error.is_unsupported() && cursor.is_none() => return self.messages().await,
                // The page was skipped: so many events are over the limit of a message.
                Err(error) if error.kind() == ErrorKind::Transport && size > 1 => {
                    size /= 10;
                    continue;
                }
                other => other?,
            };
            if page.expired {
                // The CLI starts from the beginning, and so does the list.
                events.clear();
            }
            // Another request would get the same page.
            let stands_still = cursor.as_ref() == Some(&page.cursor);
            events.extend(page.events);
            if !page.has_more || stands_still {
                return Ok(events);
            }
            cursor = Some(page.cursor);
        }
    }

    /// Returns the persisted events, which the CLI sends in one message.
    async fn messages(&self) -> Result<Vec<Event>> {
        let method = "session.getMessages";
        let answer = self.0.peer().await?.request(method, &self.0.params()).raw().await?;
        decode::<SessionMessagesResponse<Event>>(method, &answer).map(|answer| answer.events)
    }

    /// Returns the messages to which the session can be rewound.
    ///
    /// Wire: `session.history.listRewindPoints`, a [query](crate#queries).
    pub async fn rewind_points(&self) -> Result<RewindPoints> {
        self.0.ask_for("session.history.listRewindPoints").await
    }

    /// Rewinds the session to the state before a message, by the id of its event. The `outcome` of the answer is the
    /// result.
    ///
    /// # Errors
    ///
    /// As every command, and when there is no such message.
    ///
    /// Wire: `session.history.rewind`, a [command](crate#commands).
    pub async fn rewind(&self, event_id: &str, mode: RewindMode) -> Result<Rewound> {
        let params = RewindParams { session_id: self.0.id(), event_id, mode };
        self.0.peer().await?.request("session.history.rewind", &params).decoded().await
    }
}

impl History<'_> {
    /// Summarises the conversation now, so that it takes less of the model's context window. The summary retains what
    /// `instructions` name.
    ///
    /// # Errors
    ///
    /// As every command, and when there is nothing to summarise.
    ///
    /// Wire: `session.history.compact`, or `session.compaction.compact` on CLIs before 1.0.32, a
    /// [command](crate#commands). From 0.0.423 on.
    pub async fn compact(&self, instructions: Option<&str>) -> Result<Compaction> {
        let params = CompactParams { session_id: self.0.id(), custom_instructions: instructions };
        self.0.call_by_any_name("session.history.compact", &params).await
    }
}
