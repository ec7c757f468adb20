//! One turn: the stream of its events, its end, and the reply.

use std::fmt;
use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll};

use futures_core::Stream;
use tokio::time::Instant;

use super::budget::{Budget, Spending};
use super::clock::{Clock, Limits, Step};
use super::open_calls::OpenCalls;
use super::reply::Reply;
use super::tracker::{Progress, TurnTracker};
use crate::deferred::Ticket;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, EventKind, EventName, EventStream, Interest};
use crate::protocol::MessageId;
use crate::session::handle::Session;
use crate::session::link::TurnPass;
use crate::task::{self, Task};

/// The events of one turn, from the message to the agent's silence, as a [`Stream`].
///
/// It ends when the agent has finished with the message, or with an error when the connection is lost or a time limit
/// expires. Events that come before the turn's `user.message`, such as those of hooks, are in it; after the CLI was lost,
/// the end of a tool call of an earlier turn may be among them. Dropping it stops listening; the agent continues (see
/// [`Session::abort`]).
#[must_use]
pub struct Turn {
    session: Session,
    events: EventStream,
    tracker: TurnTracker,
    clock: Clock,
    ended: Option<Option<Error>>,
    /// The last event of a turn whose answer is looked for.
    ending: Option<Box<Ending>>,
    /// The loss of the CLI, which may be restarted and continue the turn.
    lost: Option<Error>,
    /// Excludes other turns on CLIs whose events do not name their message.
    pass: Option<Box<dyn TurnPass>>,
    /// The calls that the agent waits for, of a turn that is left when only deferred answers are open.
    held: Option<OpenCalls>,
    /// Whether the turn was left.
    is_waiting: bool,
    /// Whether only the end of the turn is waited for.
    awaits_end: bool,
    /// The part of its budget that the turn has used; `None` without a budget.
    spending: Option<Box<Spending>>,
}

/// The end of a turn that lacks its answer.
struct Ending {
    /// The event that has ended the turn; `None` where the next event belongs to another one.
    last: Option<Event>,
    /// Looks for the answer in the log of the CLI.
    search: Option<Task<Result<Vec<Event>>>>,
    /// The events that were found, the last one first.
    found: Vec<Event>,
}

/// A turn whose message the CLI has accepted.
pub(super) struct Accepted {
    pub(super) events: EventStream,
    pub(super) tracker: TurnTracker,
    pub(super) pass: Option<Box<dyn TurnPass>>,
    pub(super) held: Option<OpenCalls>,
}

impl Session {
    /// Returns the turn that the agent is in, from now on: of a message that another program has sent, or that this one
    /// has sent before it resumed the session with
    /// [`continue_pending_work`](crate::resume::Resume::continue_pending_work). Earlier events are not a part of it, and
    /// nothing is sent. If the agent is idle, the turn ends with the next work of the agent.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # use copilot::deferred::Ticket;
    /// # async fn example(session: copilot::Session, ticket: Ticket<String>) -> copilot::Result<()> {
    /// let turn = session.current_turn();
    /// session.settle(&ticket, "approved by Ada".to_owned()).await?;
    /// println!("{}", turn.reply().await?.text());
    /// # Ok(()) }
    /// ```
    pub fn current_turn(&self) -> Turn {
        let core = &self.0.core;
        let mut clock = Clock::start(core, Limits::DEFAULT);
        clock.begun();
        let events = core.subscribers.subscribe(self.0.event_budget);
        let tracker = TurnTracker::of_work_in_progress();
        Turn::new(self.clone(), Accepted { events, tracker, pass: None, held: None }, clock)
    }

    /// As [`current_turn`](Self::current_turn), and ends when the agent waits only for deferred answers.
    pub(crate) fn current_turn_or_deferred(&self) -> Turn {
        self.current_turn().holding(OpenCalls::unknown())
    }
}

impl Turn {
    pub(super) fn new(session: Session, accepted: Accepted, clock: Clock) -> Self {
        let Accepted { events, tracker, pass, held } = accepted;
        Self {
            session,
            events,
            tracker,
            clock,
            ended: None,
            ending: None,
            lost: None,
            pass,
            held,
            is_waiting: false,
            awaits_end: false,
            spending: None,
        }
    }

    /// Sets the budget of the turn.
    pub(super) fn within(mut self, budget: Option<Budget>) -> Self {
        self.spending = budget.map(|budget| Box::new(Spending::new(budget, &self.session, &self.tracker)));
        self
    }

    /// Ends the turn when the agent waits only for deferred answers.
    pub(super) fn holding(mut self, calls: OpenCalls) -> Self {
        self.held = Some(calls);
        self
    }

    /// The next event, or `None` when the turn is over.
    ///
    /// # Errors
    ///
    /// When the connection is lost, the session is closed or a time limit passes, and when the turn has ended without an
    /// answer and the log of the CLI, which may have it, cannot be read; nothing follows.
    ///
    /// # Cancel safety
    ///
    /// Cancel safe: an event is taken only when the future completes.
    pub async fn next(&mut self) -> Option<Result<Event>> {
        poll_fn(|cx| self.poll_event(cx)).await
    }

    /// Returns the id of the message that the turn is for. Empty in a turn of
    /// [`Session::current_turn`](crate::Session::current_turn) until the agent has named its message.
    pub fn message_id(&self) -> &MessageId {
        self.tracker.message()
    }

    /// Returns the session of the turn.
    pub(crate) fn session(&self) -> &Session {
        &self.session
    }

    /// Ends the turn as aborted, because its message does not reach the agent any more.
    pub(crate) fn end_without_its_message(&mut self) {
        let error = Error::new(ErrorKind::Session, "the message was withdrawn from the queue");
        self.session.core().spans.turn_failed(self.tracker.message(), &error);
        if self.ended.is_none() {
            self.tracker.withdraw();
            (self.pass, self.ended) = (None, Some(None));
        }
    }

    /// Waits for the end of the turn and gives the agent's reply. [`Reply::events`] and [`Reply::tool_calls`] have the
    /// events that the program has not read from this turn.
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
        if self.clock.keeps_events() {
            self.tracker.retain_events();
        }
        self.awaits_end = true;
        while let Some(event) = self.next().await {
            event?;
        }
        if let Some(Some(error)) = self.ended.take() {
            return Err(error);
        }
        if let Some(error) = self.tracker.error.take() {
            return Err(self.with_reply(error));
        }
        if let Some(Err(why)) = self.tracker.answer().and_then(Event::assistant_message) {
            let message = format!(
                "the agent's answer cannot be read: {why}; `Error::partial_reply` has the events of the turn"
            );
            return Err(self.with_reply(Error::new(ErrorKind::Decode, message)));
        }
        Ok(self.take_reply())
    }

    /// The reply as far as it has come.
    fn take_reply(&mut self) -> Reply {
        let TurnTracker { aborted, usage, events, .. } = &mut self.tracker;
        let (aborted, usage, events) = (*aborted, std::mem::take(usage), std::mem::take(events));
        let open = &self.session.core().open_answers;
        let deferred = if open.is_empty() { Vec::new() } else { open.calls() };
        let deferred = deferred.into_iter().map(Ticket::new).collect();
        let is_waiting = self.is_waiting;
        Reply { message: self.tracker.answer().cloned(), events, usage, aborted, deferred, is_waiting }
    }

    /// The error with the reply as far as it has come, if there is an answer.
    fn with_reply(&mut self, error: Error) -> Error {
        if self.tracker.answer().is_none() {
            return error;
        }
        error.with_partial(self.take_reply())
    }

    fn poll_event(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        let polled = self.poll_turn(cx);
        if let (Poll::Ready(None), Some(spending), Some(ended)) = (&polled, &mut self.spending, &self.ended)
            && let Some(error) = spending.end().filter(|_| ended.is_none())
        {
            return self.fail(error);
        }
        // A turn that is over does not hold up the next one, although the program still has it.
        if matches!((&polled, &self.ended), (Poll::Ready(None), Some(None))) {
            self.pass = None;
        }
        polled
    }

    fn poll_turn(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        if self.ended.is_some() {
            return Poll::Ready(None);
        }
        if self.ending.is_some() {
            return self.poll_ending(cx);
        }
        loop {
            let interest = self.interest();
            match self.events.poll_for(interest, cx) {
                Poll::Ready(Some(event)) => {
                    if let Some(polled) = self.take(event, cx) {
                        return polled;
                    }
                }
                Poll::Ready(None) => {
                    let closed =
                        || Error::new(ErrorKind::Closed, "the session was closed before the turn ended");
                    let cause = self.lost.take().unwrap_or_else(closed);
                    return self.fail(cause);
                }
                Poll::Pending if self.is_held() => {
                    self.is_waiting = true;
                    self.ended = Some(None);
                    return Poll::Ready(None);
                }
                Poll::Pending => {
                    if self.awaits_end
                        && let Some((name, at)) = self.events.take_passed()
                    {
                        self.clock.passed(name, at);
                    }
                    let step = if self.tracker.is_answered() { Step::Answered } else { Step::Working };
                    if let Poll::Ready(error) = self.clock.poll(cx, &self.session.0.core, step) {
                        return self.fail(error);
                    }
                    // After a report or a question to the CLI, the next event may bring a limit forward.
                    if interest == self.interest() {
                        return Poll::Pending;
                    }
                }
            }
        }
    }

    /// Applies the next event; returns `None` for one of the turn that the message waits behind.
    fn take(&mut self, event: Event, cx: &mut Context<'_>) -> Option<Poll<Option<Result<Event>>>> {
        if let Some(cause) = self.is_over(&event) {
            self.pass = None;
            return Some(self.fail(cause));
        }
        let quiet_since = if self.awaits_end { self.events.quiet_since() } else { None };
        self.clock.event(&event, quiet_since.unwrap_or_else(Instant::now));
        let subscribers = &self.session.0.core.subscribers;
        let progress = self.tracker.observe(&event, |message| subscribers.is_sent(message));
        if progress == Progress::HasEnded {
            if self.tracker.lacks_answer() {
                self.ending = Some(Box::new(self.search_answer(None)));
                return Some(self.poll_ending(cx));
            }
            self.ended = Some(None);
            return Some(Poll::Ready(None));
        }
        let over = progress == Progress::Ends;
        if self.tracker.has_begun() {
            self.clock.begun();
        }
        if let Some(held) = &mut self.held {
            held.observe(&event);
        }
        if let Some(spending) = &mut self.spending {
            spending.observe(&event, &self.tracker, &self.session);
        }
        if over && self.tracker.lacks_answer() {
            self.ending = Some(Box::new(self.search_answer(Some(event))));
            return Some(self.poll_ending(cx));
        }
        if over {
            self.ended = Some(None);
        } else if self.tracker.is_behind() && !event.event_name().is_local() {
            return None;
        }
        Some(Poll::Ready(Some(Ok(event))))
    }

    /// The events that the task is woken for. The others can be read later, if no caller reads them, no budget counts
    /// them, and no limit comes earlier because of them.
    fn interest(&self) -> Interest {
        let reads_later = self.awaits_end && self.held.is_none() && self.spending.is_none();
        match reads_later && self.clock.only_gets_later() {
            true => Interest::Decisive,
            false => Interest::All,
        }
    }

    /// Whether the agent waits only for deferred answers, and the caller does not. A message behind another turn waits
    /// for the open answers of that turn.
    fn is_held(&self) -> bool {
        let core = self.session.core();
        self.held.as_ref().is_some_and(|calls| {
            let is_held = || {
                self.tracker.has_begun() && calls.are_held(&core.open_answers, core.calls.is_empty())
                    || self.tracker.is_behind()
            };
            !core.open_answers.is_empty() && is_held()
        })
    }

    /// Looks for the answer of a turn that has ended without one.
    fn search_answer(&self, last: Option<Event>) -> Ending {
        // CLIs that let one turn pass at a time do not name the message of an answer, so none could be found.
        if self.pass.is_some() {
            return Ending { last, search: None, found: Vec::new() };
        }
        let (core, message) = (Arc::clone(&self.session.0.core), self.tracker.message().clone());
        let since = self.tracker.first().map(|first| first.id().to_owned());
        let seen = self.tracker.answer().map(|answer| answer.id().to_owned());
        let search = task::spawn(async move { core.recover_answer(message, since, seen).await });
        Ending { last, search: Some(search), found: Vec::new() }
    }

    /// Gives the events that were found, and then the last event of the turn.
    fn poll_ending(&mut self, cx: &mut Context<'_>) -> Poll<Option<Result<Event>>> {
        let Some(ending) = &mut self.ending else { return Poll::Ready(None) };
        if let Some(search) = &mut ending.search {
            let Poll::Ready(found) = pin!(search.join()).poll(cx) else { return Poll::Pending };
            ending.search = None;
            match found {
                Some(Ok(found)) => ending.found = found,
                Some(Err(error)) => {
                    (self.ending, self.pass) = (None, None);
                    return self.fail(error);
                }
                // Its runtime ends.
                None => {
                    (self.ending, self.pass) = (None, None);
                    let message = "the runtime ended before the lost answer of the turn was found";
                    return self.fail(Error::new(ErrorKind::Closed, message));
                }
            }
            ending.found.reverse();
        }
        if let Some(event) = ending.found.pop() {
            self.tracker.recover(&event);
            return Poll::Ready(Some(Ok(event)));
        }
        let last = self.ending.take().and_then(|ending| ending.last);
        self.ended = Some(None);
        Poll::Ready(last.map(Ok))
    }

    /// Returns the cause when this event ends the turn early.
    fn is_over(&mut self, event: &Event) -> Option<Error> {
        match event.local_kind() {
            EventKind::Disconnected(cause) if self.lost.is_none() && self.session.core().continues() => {
                self.lost = Some(cause.clone());
                None
            }
            EventKind::Disconnected(cause) => Some(cause.clone()),
            EventKind::Lagged(missed) => self.events.lost_turn().map(|budget| over_budget(budget, *missed)),
            // The CLI continues a turn only where it has waited for tools.
            EventKind::Restarted(restarted) => {
                let continues = !restarted.continued.is_empty() && self.tracker.has_begun();
                self.lost.take().filter(|_| !continues)
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
        self.session.core().spans.turn_failed(self.tracker.message(), &error);
        let error = self.with_reply(error);
        self.ended = Some(Some(error.clone()));
        Poll::Ready(Some(Err(error)))
    }
}

/// The error of a turn that cannot be whole, because events that decide it were discarded.
fn over_budget(budget: usize, missed: u64) -> Error {
    let message = format!(
        "{missed} events of the turn were discarded, the answer or the end of the turn among them, because more than \
         {budget} bytes of events waited to be read; raise the limit with `SessionBuilder::event_budget`, or read the \
         events of the turn faster"
    );
    Error::new(ErrorKind::Configuration, message)
}

impl Drop for Turn {
    fn drop(&mut self) {
        let Some(pass) = self.pass.take() else { return };
        if matches!(self.ended, Some(None)) {
            return;
        }
        let events = std::mem::replace(&mut self.events, EventStream::ended());
        let nothing = TurnTracker::new(MessageId::default(), true);
        pass.abandon(events, std::mem::replace(&mut self.tracker, nothing).into_watch());
    }
}

impl Stream for Turn {
    type Item = Result<Event>;

    fn poll_next(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.get_mut().poll_event(cx)
    }
}

impl fmt::Debug for Turn {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Turn").field("session", self.session.id()).field("tracker", &self.tracker).finish()
    }
}
