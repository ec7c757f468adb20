//! One message and what becomes of it: the stream of its events, its end, and the reply.

pub(in crate::session) mod limits;
pub(in crate::session) mod send;
pub(in crate::session) mod sent_message;
pub(in crate::session) mod structured;
pub(in crate::session) mod tracker;

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};

use futures_core::Stream;

use crate::error::{Error, ErrorKind, Result};
use crate::events::{AssistantMessage, Event, EventKind, EventName, EventStream, ToolRequest};
use crate::protocol::MessageId;
use crate::session::handle::Session;
use crate::session::turn::limits::{Clock, Stage};
use crate::session::turn::sent_message::{Alone, Lock};
use crate::session::turn::tracker::{Progress, Usage};

/// The events of one turn, from the message to the agent's silence, as a [`Stream`].
///
/// It ends when the agent is done with the message, with an error when it cannot be: a lost connection, a passed time
/// limit. Dropping it stops listening; the agent goes on (see [`Session::abort`]).
#[must_use]
pub struct Turn {
    session: Session,
    events: EventStream,
    progress: Progress,
    clock: Clock,
    ended: Option<Option<Error>>,
    /// The CLI is lost, and may come back and go on.
    lost: Option<Error>,
    /// Keeps turns apart on CLIs that do not tell them apart.
    lock: Lock,
}

/// A turn whose message the CLI has taken.
pub(in crate::session) struct Begun {
    pub(in crate::session) events: EventStream,
    pub(in crate::session) progress: Progress,
    pub(in crate::session) lock: Lock,
}

impl Turn {
    pub(in crate::session) fn new(session: Session, begun: Begun, clock: Clock) -> Self {
        let Begun { events, progress, lock } = begun;
        Self { session, events, progress, clock, ended: None, lost: None, lock }
    }

    /// The next event, or `None` when the turn is over.
    ///
    /// # Errors
    ///
    /// When the connection is lost, the session is closed or a time limit passes; nothing follows.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an event is taken only when the future completes.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Waits for the end of the turn and gives the agent's reply.
    ///
    /// # Errors
    ///
    /// As [`Turn::next`], when the agent reports that it failed, and of kind [`Decode`](ErrorKind::Decode) when its
    /// answer cannot be read. Inside of a tool or handler of the same session it would wait for itself, and fails. An
    /// answer that had arrived before the error is in [`Error::partial_reply`].
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the turn, and stops listening as that does.
    pub async fn reply(mut self) -> Result<Reply> {
        if self.ended.is_none() {
            self.session.can_wait("reply")?;
        }
        while let Some(event) = self.next().await {
            event?;
        }
        if let Some(Some(error)) = self.ended.take() {
            return Err(error);
        }
        if let Some(error) = self.progress.error.take() {
            return Err(self.with_reply(error));
        }
        if let Some(EventKind::Invalid(why)) = self.progress.answer().map(Event::kind) {
            let message = format!(
                "the agent's answer cannot be read: {why}; `Error::partial_reply` has the events of the turn"
            );
            return Err(self.with_reply(Error::new(ErrorKind::Decode, message)));
        }
        Ok(self.take_reply())
    }

    /// The reply as far as it has come.
    fn take_reply(&mut self) -> Reply {
        let Progress { aborted, usage, kept, .. } = &mut self.progress;
        let (aborted, usage, events) = (*aborted, std::mem::take(usage), std::mem::take(kept));
        Reply { message: self.progress.answer().cloned(), events, usage, aborted }
    }

    /// The error with the reply as far as it has come, if there is an answer.
    fn with_reply(&mut self, error: Error) -> Error {
        if self.progress.answer().is_none() {
            return error;
        }
        error.with_partial(self.take_reply())
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        if self.ended.is_some() {
            return Poll::Ready(None);
        }
        match Pin::new(&mut self.events).poll_next(cx) {
            Poll::Ready(Some(event)) => {
                if let Some(cause) = self.is_over(&event) {
                    self.lock = None;
                    return self.fail(cause);
                }
                self.clock.event(&event);
                let over = self.progress.observe(&event);
                if self.progress.has_begun() {
                    self.clock.begun();
                }
                if over {
                    self.ended = Some(None);
                }
                Poll::Ready(Some(Ok(event)))
            }
            Poll::Ready(None) => {
                let closed = || Error::new(ErrorKind::Closed, "the session was closed before the turn ended");
                let cause = self.lost.take().unwrap_or_else(closed);
                self.fail(cause)
            }
            Poll::Pending => match self.clock.poll(cx, &self.session.0.inbox, Stage::Taken) {
                Poll::Ready(error) => self.fail(error),
                Poll::Pending => Poll::Pending,
            },
        }
    }

    /// Why nothing more comes of the turn, if this event tells that.
    fn is_over(&mut self, event: &Event) -> Option<Error> {
        match local_kind(event) {
            EventKind::Disconnected(cause) if self.lost.is_none() && self.session.inbox().continues() => {
                self.lost = Some(cause.clone());
                None
            }
            EventKind::Disconnected(cause) => Some(cause.clone()),
            EventKind::Lagged(missed) => self.events.lost_turn().map(|budget| over_budget(budget, *missed)),
            // The CLI goes on with a turn only for the sake of tools that it has waited for.
            EventKind::Restarted(restarted) => {
                let goes_on = !restarted.continued.is_empty() && self.progress.has_begun();
                self.lost.take().filter(|_| !goes_on)
            }
            // The answer may have been in it.
            EventKind::MessageSkipped(skipped) => {
                let may_be = skipped
                    .event
                    .as_deref()
                    .is_none_or(|event| EventName::read(event) == EventName::AssistantMessage);
                may_be.then(|| skipped.error.clone())
            }
            _ => None,
        }
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Event>>> {
        let error = self.with_reply(error);
        self.ended = Some(Some(error.clone()));
        Poll::Ready(Some(Err(error)))
    }
}

/// The error of a turn that cannot be whole, because events that decide it were discarded.
fn over_budget(budget: usize, missed: u64) -> Error {
    let message = format!(
        "{missed} events of the turn were discarded, the answer or the end of the turn among them, because more than          {budget} bytes of events waited to be read; raise the limit with `SessionBuilder::event_budget`, or read the          events of the turn faster"
    );
    Error::new(ErrorKind::Configuration, message)
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(lock) = self.lock.take() else { return };
        if matches!(self.ended, Some(None)) {
            return;
        }
        // The agent may not have begun with the message, and the next one must not be taken for this.
        let events = std::mem::replace(&mut self.events, EventStream::ended());
        let nothing = Progress::new(MessageId::default(), true);
        let progress = std::mem::replace(&mut self.progress, nothing).keeping(false);
        self.session.inbox().left.keep(Alone { events, progress, _lock: lock });
    }
}

/// The kind of events that the library makes itself; others stay undecoded.
fn local_kind(event: &Event) -> &EventKind {
    if event.event_name().is_local() { event.kind() } else { &EventKind::Other }
}

impl Stream for Turn {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("session", self.session.id()).field("progress", &self.progress).finish()
    }
}

/// What the agent answered, and how it got there.
#[derive(Clone, Debug)]
pub struct Reply {
    message: Option<Event>,
    events: Vec<Event>,
    usage: Usage,
    aborted: bool,
}

impl Reply {
    /// The text of the final message; empty when there was none.
    pub fn text(&self) -> &str {
        self.message().map_or("", |message| &message.content)
    }

    /// The final message.
    pub fn message(&self) -> Option<&AssistantMessage> {
        match self.message.as_ref()?.kind() {
            EventKind::AssistantMessage(message) => Some(message),
            _ => None,
        }
    }

    /// The id of the user's message that this answers, on CLIs that tell it.
    pub fn originating_message_id(&self) -> Option<&MessageId> {
        self.message()?.originating_message_id.as_ref()
    }

    /// What happened in the turn, without what is not kept in the history, such as deltas; empty
    /// [`without_events`](crate::AskRequest::without_events).
    pub fn events(&self) -> &[Event] {
        &self.events
    }

    /// The tool calls that the model made, in order; none [`without_events`](crate::AskRequest::without_events).
    pub fn tool_calls(&self) -> impl Iterator<Item = &ToolRequest> {
        self.events.iter().filter(|event| event.event_name() == EventName::AssistantMessage).flat_map(
            |event| match event.kind() {
                EventKind::AssistantMessage(message) => message.tool_requests.as_slice(),
                _ => &[],
            },
        )
    }

    /// What the turn cost.
    pub fn usage(&self) -> &Usage {
        &self.usage
    }

    /// Whether the work was aborted.
    pub fn is_aborted(&self) -> bool {
        self.aborted
    }
}

impl Error {
    /// Returns what had arrived of a reply before a turn failed; `None` when there was no answer of the agent. Of a
    /// turn that a time limit has ended it may be the whole reply, of which only the end was lost.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// let text = match session.ask("Run the tests.").await {
    ///     Ok(reply) => reply.text().to_owned(),
    ///     Err(error) => match error.partial_reply() {
    ///         Some(reply) => format!("{}\n(incomplete: {error})", reply.text()),
    ///         None => return Err(error),
    ///     },
    /// };
    /// # drop(text); Ok(()) }
    /// ```
    pub fn partial_reply(&self) -> Option<&Reply> {
        self.partial()
    }
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
