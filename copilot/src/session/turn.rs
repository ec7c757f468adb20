//! One message and what becomes of it: the stream of its events, its end, and the reply.

use std::fmt;
use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_core::Stream;
use tokio::time::{Instant, Sleep, sleep_until};

use super::Session;
use super::outgoing::{Alone, Lock};
use super::progress::{Progress, Usage};
use crate::error::{Error, ErrorKind, Result};
use crate::events::{
    AssistantMessage, Event, EventKind, EventStream, MessageSkipped, TURN_SILENT, ToolRequest, TurnSilence,
};
use crate::protocol::MessageId;

/// The events of one turn, from the message to the agent's silence, as a [`Stream`].
///
/// It ends when the agent is done with the message, with an error when it cannot be: a lost connection, a passed time
/// limit. Dropping it stops listening; the agent goes on (see [`Session::abort`]).
#[must_use]
pub struct Turn {
    session: Session,
    events: EventStream,
    progress: Progress,
    limits: Limits,
    /// When the message was given to us.
    began: Instant,
    /// When the CLI took it.
    sent: Instant,
    last_event: Option<(Event, Instant)>,
    timer: Option<Pin<Box<Sleep>>>,
    /// The silence that lasts was told.
    silence_told: bool,
    ended: Option<Option<Error>>,
    /// The CLI is lost, and may come back and go on.
    lost: Option<Error>,
    /// Keeps turns apart on CLIs that do not tell them apart.
    lock: Lock,
}

/// How long a turn may take, and what is kept of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From the message to the end.
    pub(super) total: Option<Duration>,
    /// Without any event.
    pub(super) idle: Option<Duration>,
    /// Without any event, until that is told.
    pub(super) silence: Option<Duration>,
    /// Whether the reply has the events.
    pub(super) keep_events: bool,
}

/// How long a turn may be silent unless its request says otherwise: five minutes.
pub(super) const DEFAULT_IDLE_TIMEOUT: Duration = Duration::from_secs(300);
/// How long a turn may be silent before that is told, unless its request says otherwise: one minute.
pub(super) const DEFAULT_SILENCE: Duration = Duration::from_secs(60);

impl Turn {
    pub(super) fn new(
        session: Session,
        events: EventStream,
        progress: Progress,
        limits: Limits,
        lock: Lock,
    ) -> Self {
        let sent = Instant::now();
        Self {
            session,
            events,
            progress,
            limits,
            began: sent,
            sent,
            last_event: None,
            timer: None,
            silence_told: false,
            ended: None,
            lost: None,
            lock,
        }
    }

    /// Counts the turn's time from here.
    pub(super) fn since(mut self, began: Instant) -> Self {
        self.began = began;
        self
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
    /// As [`Turn::next`], and when the agent reports that it failed.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future drops the turn, and stops listening as that does.
    pub async fn reply(mut self) -> Result<Reply> {
        while let Some(event) = self.next().await {
            event?;
        }
        if let Some(Some(error)) = self.ended.take() {
            return Err(error);
        }
        let Progress { error, aborted, usage, kept, .. } = &mut self.progress;
        if let Some(error) = error.take() {
            return Err(error);
        }
        let (aborted, usage, events) = (*aborted, std::mem::take(usage), std::mem::take(kept));
        Ok(Reply { message: self.progress.answer().cloned(), events, usage, aborted })
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
                if event.name() != TURN_SILENT
                    && (self.limits.idle.is_some() || self.limits.silence.is_some())
                {
                    self.last_event = Some((event.clone(), Instant::now()));
                    self.silence_told = false;
                }
                if self.progress.observe(&event) {
                    self.ended = Some(None);
                }
                Poll::Ready(Some(Ok(event)))
            }
            Poll::Ready(None) => {
                let closed = || Error::new(ErrorKind::Closed, "the session was closed before the turn ended");
                let cause = self.lost.take().unwrap_or_else(closed);
                self.fail(cause)
            }
            Poll::Pending => self.poll_limits(cx),
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
            // The CLI goes on with a turn only for the sake of tools that it has waited for.
            EventKind::Restarted(restarted) => {
                let goes_on = !restarted.continued.is_empty() && self.progress.has_begun();
                self.lost.take().filter(|_| !goes_on)
            }
            // The answer may have been in it.
            EventKind::MessageSkipped(MessageSkipped { event, error }) => {
                let may_be = event.as_deref().is_none_or(|event| event == "assistant.message");
                may_be.then(|| error.clone())
            }
            _ => None,
        }
    }

    fn poll_limits(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        loop {
            let now = Instant::now();
            let active = self.last_event.as_ref().map_or(self.sent, |(_, at)| *at);
            // Our own tools take the time they take: the agent cannot do anything meanwhile.
            let active = self.session.inbox().calls.tools_active(now).map_or(active, |at| at.max(active));
            // What is too far away to be told never comes.
            let total = self.limits.total.and_then(|limit| self.began.checked_add(limit));
            let idle = self.limits.idle.and_then(|limit| active.checked_add(limit));
            if let (Some(limit), Some(_)) = (self.limits.total, total.filter(|deadline| *deadline <= now)) {
                return self.fail(self.timed_out(&format!("the turn did not end within {limit:?}")));
            }
            if let (Some(limit), Some(_)) = (self.limits.idle, idle.filter(|deadline| *deadline <= now)) {
                return self.fail(self.timed_out(&format!("nothing happened in the turn for {limit:?}")));
            }
            let silence = self.limits.silence.filter(|_| !self.silence_told);
            let silence = silence.and_then(|limit| active.checked_add(limit));
            if silence.is_some_and(|deadline| deadline <= now) {
                self.silence_told = true;
                self.tell_silence(now - active);
            }
            let silence = silence.filter(|_| !self.silence_told);
            let Some(deadline) = [total, idle, silence].into_iter().flatten().min() else {
                return Poll::Pending;
            };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.is_elapsed() {
                timer.as_mut().reset(deadline);
            }
            // An event moves the deadline; the timer is set anew only when it fires, not at each event.
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    fn fail(&mut self, error: Error) -> Poll<Option<Result<Event>>> {
        self.ended = Some(Some(error.clone()));
        Poll::Ready(Some(Err(error)))
    }

    /// Tells everybody who listens, this turn included.
    fn tell_silence(&self, silent_for: Duration) {
        let inbox = self.session.inbox();
        let last_event = self.last_event.as_ref().map(|(event, _)| event.name().to_owned());
        let waiting_for = inbox.calls.describe();
        tracing::info!(session = %inbox.id, ?silent_for, ?last_event, ?waiting_for, "a turn is silent");
        inbox.subscribers.publish(&Event::turn_silent(TurnSilence { silent_for, last_event, waiting_for }));
    }

    /// The error for a time limit, with what the session was doing.
    fn timed_out(&self, what: &str) -> Error {
        let mut message = format!("{what}; session {}", self.session.id());
        match &self.last_event {
            Some((event, at)) => {
                message += &format!(", last event {} {:.1?} ago", event.name(), at.elapsed());
            }
            None => message += ", no event at all",
        }
        let pending = self.session.inbox().calls.describe();
        if !pending.is_empty() {
            message += &format!(", waiting for {}", pending.join(", "));
        }
        Error::new(ErrorKind::Timeout, message + "; the agent goes on: `abort` stops it")
    }
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
    if event.name().starts_with("copilot.") { event.kind() } else { &EventKind::Other }
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
        self.events.iter().filter(|event| event.name() == "assistant.message").flat_map(|event| {
            match event.kind() {
                EventKind::AssistantMessage(message) => message.tool_requests.as_slice(),
                _ => &[],
            }
        })
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

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.text())
    }
}
