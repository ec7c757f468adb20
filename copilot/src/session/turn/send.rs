//! Sending a message: `send`, `stream` and `ask`, and the message until the CLI has accepted it.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;

use super::clock::{Clock, Limits, Step, turn_options};
use super::message::{Message, message_options};
use super::open_calls::OpenCalls;
use super::reply::Reply;
use super::spans::SentTurn;
use super::stream::{Accepted, Turn};
use super::tracker::TurnTracker;
use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, EventName, EventStream};
use crate::protocol::attachments::Attachment;
use crate::protocol::session::{
    AgentMode, DeliveryMode, SendOptions, SessionSendParams, SessionSendResponse,
};
use crate::protocol::{MessageId, decode};
use crate::rpc;
use crate::session::core::SessionCore;
use crate::session::core::reentrancy::is_within_session;
use crate::session::handle::Session;
use crate::session::link::TurnPass;
use crate::session::open::is_unknown_session;
use crate::task::lock;
use crate::trace::InSpan;

/// Sends a message; await it for the message's id. Made by [`Session::send`].
///
/// # Cancel safety
///
/// As [`Session::send`].
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct SendRequest<'a> {
    session: &'a Session,
    message: Message,
}

/// Sends a message; await it for the turn's events. Made by [`Session::stream`].
///
/// # Cancel safety
///
/// As [`Session::stream`].
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct StreamRequest<'a> {
    session: &'a Session,
    message: Message,
    limits: Limits,
}

/// Sends a message; await it for the agent's reply. Made by [`Session::ask`].
///
/// # Cancel safety
///
/// As [`Session::ask`].
#[derive(Debug)]
#[must_use = "a request does nothing until it is awaited"]
pub struct AskRequest<'a> {
    session: &'a Session,
    message: Message,
    limits: Limits,
}

impl SendRequest<'_> {
    message_options!(message.0);
}

impl StreamRequest<'_> {
    message_options!(message.0);
    turn_options!();

    /// Ends the stream when the agent waits only for [deferred](crate::deferred) calls and for permissions that were
    /// left for later; otherwise as [`AskRequest::return_deferred`].
    pub fn return_deferred(mut self) -> Self {
        self.limits.return_deferred = true;
        self
    }
}

impl AskRequest<'_> {
    message_options!(message.0);
    turn_options!();

    /// Returns when the agent waits only for [deferred](crate::deferred) calls, and for permissions that were
    /// [left for later](crate::Decision::Later): the reply has their tickets, and
    /// [`Reply::is_waiting`](crate::Reply::is_waiting) is `true`. So it does when the message waits behind a turn with such
    /// a call; the agent begins with the message when that turn has ended. Default: the request waits until the calls are
    /// settled, and its idle limit stands still meanwhile.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// # async fn example(session: copilot::Session) -> copilot::Result<()> {
    /// let reply = session.ask("Refund order 42.").return_deferred().await?;
    /// for ticket in reply.deferred() {
    ///     println!("{} waits for {}", ticket.tool(), ticket.result_type());
    /// }
    /// # Ok(()) }
    /// ```
    pub fn return_deferred(mut self) -> Self {
        self.limits.return_deferred = true;
        self
    }
}

impl Session {
    /// Sends a message and does not wait for what becomes of it.
    ///
    /// Messages reach the agent in the order in which their requests are first polled.
    ///
    /// # Errors
    ///
    /// When an attached file does not exist, in which case nothing is sent; when the connection is lost or the CLI
    /// refuses the message. A session that the CLI has evicted after a time without use is resumed once, with its tools
    /// and handlers, and the message is sent again.
    ///
    /// # Cancel safety
    ///
    /// Once polled, the message may be on its way even if the future is dropped.
    ///
    /// Wire: `session.send`, to the CLI.
    pub fn send(&self, message: impl Into<Message>) -> SendRequest<'_> {
        SendRequest { session: self, message: message.into() }
    }

    /// Sends a message and gives the events of the turn as they come. Pieces of the answer are among them only in a
    /// session with [`streaming`](crate::SessionBuilder::streaming) on; the whole message always is.
    ///
    /// # Errors
    ///
    /// As [`Session::send`]; the turn has separate errors.
    ///
    /// # Cancel safety
    ///
    /// As [`Session::send`].
    ///
    /// Wire: `session.send`, to the CLI.
    pub fn stream(&self, message: impl Into<Message>) -> StreamRequest<'_> {
        StreamRequest { session: self, message: message.into(), limits: Limits::DEFAULT }
    }

    /// Sends a message and waits for the agent's reply. A turn that was aborted, or that ended because the user
    /// rejected a tool, has a reply too: [`Reply::is_aborted`] is true, and the text may be empty.
    ///
    /// With CLI 1.0.92 and later, concurrent requests are independent, because each answer names its message. With an older
    /// CLI a request waits until the one before has its reply. If the future of that one was dropped, the request waits until
    /// the agent has begun with its message.
    ///
    /// # Errors
    ///
    /// As [`Session::send`], when the agent reports that it failed, and when a time limit passes; the time limits count
    /// from the call. An answer that had arrived before the error is in [`Error::partial_reply`]. When more events wait
    /// than [`event_budget`](crate::SessionBuilder::event_budget) allows and the answer is lost, the error says so.
    /// A turn that has ended without an answer fails if the log of the CLI, which may have it, cannot be read.
    /// Inside of a tool or handler of the same session the request fails, because it would wait for itself.
    ///
    /// # Cancel safety
    ///
    /// As [`Session::send`]; the agent continues with the message.
    ///
    /// Wire: `session.send`, to the CLI.
    pub fn ask(&self, message: impl Into<Message>) -> AskRequest<'_> {
        AskRequest { session: self, message: message.into(), limits: Limits::DEFAULT }
    }

    /// Sends the message. `prepare` runs right before; the function that it returns runs on the reader when the CLI has
    /// responded, in order with everything else that arrives, and with `keep` also when this future was dropped.
    async fn post<N>(
        &self,
        message: &Message,
        keep: bool,
        mut prepare: impl FnMut() -> N + Send,
    ) -> Result<MessageId>
    where
        N: FnOnce(Option<&RawValue>) + Send + 'static,
    {
        self.0.link.compat.check_message(&message.0)?;
        let mut message = message.resolve(&self.0.files)?;
        let turn = SentTurn::open(&self.0.core, &mut message);
        let posted = self.post_in(&turn, &message, keep, &mut prepare);
        let posted = InSpan::new(turn.span(), posted).await;
        turn.ended(posted)
    }

    /// Sends the message of a turn.
    async fn post_in<N>(
        &self,
        turn: &SentTurn,
        message: &SendOptions,
        keep: bool,
        prepare: &mut (dyn FnMut() -> N + Send),
    ) -> Result<MessageId>
    where
        N: FnOnce(Option<&RawValue>) + Send + 'static,
    {
        // The CLI may handle requests in any order, and messages are meant to be read in the order of their requests.
        let _sending = self.0.sending.lock().await;
        let params = SessionSendParams { session_id: self.id(), message };
        let method = "session.send";
        let peer = self.0.core.connection.ready().await?;
        peer.room().await;
        let sent =
            match peer.request(method, &params).on_response(keep, turn.on_response(prepare())).raw().await {
                Err(error) if is_unknown_session(&error) => {
                    let spoken = self.0.spoken.load(Ordering::Relaxed);
                    Box::pin(self.0.core.reopen(&peer, spoken, &error)).await?;
                    let prepared = turn.on_response(prepare());
                    peer.request(method, &params).on_response(keep, prepared).raw().await?
                }
                sent => sent?,
            };
        self.0.spoken.store(true, Ordering::Relaxed);
        rpc::decode::<SessionSendResponse>(method, &sent).map(|sent| sent.message_id)
    }

    /// Sends the message and returns its turn.
    pub(super) async fn begin(&self, message: Message, limits: Limits) -> Result<Turn> {
        let core = &self.0.core;
        let mut clock = Clock::start(core, limits);
        let accepted = {
            let mut accepted = pin!(self.start_turn(message, limits));
            poll_fn(|cx| match accepted.as_mut().poll(cx) {
                Poll::Pending => clock.poll(cx, core, Step::Sending).map(Err),
                ready => ready,
            })
            .await?
        };
        let budget = limits.budget.or_else(|| core.topic().copied());
        Ok(Turn::new(self.clone(), accepted, clock).within(budget))
    }

    async fn start_turn(&self, message: Message, limits: Limits) -> Result<Accepted> {
        let core = &self.0.core;
        let mut pass = match &self.0.gate {
            Some(gate) => Some(gate.pass(&core.subscribers, limits.idle).await),
            None => None,
        };
        let (keep, mut sent) = (pass.is_some(), None::<SentMessage>);
        let prepare = || {
            // The pass of a message that the CLI has refused is used again.
            let refused = sent.take().and_then(SentMessage::accepted);
            let pass = pass.take().or_else(|| refused.and_then(|(prepared, _)| prepared.pass));
            // Before the message is sent, because events may arrive before the response.
            let (events, was_idle) = core.subscribers.subscribe_turn(self.0.event_budget);
            sent.insert(SentMessage::new(Prepared { events, was_idle, pass }, core)).on_response()
        };
        let id = self.post(&message, keep, prepare).await?;
        let lost = || Error::new(ErrorKind::Closed, "the message was abandoned");
        let (Prepared { events, was_idle, pass }, earlier_aborts) =
            sent.and_then(SentMessage::accepted).ok_or_else(lost)?;
        let tracker = TurnTracker::new(id, was_idle).after_aborts(earlier_aborts);
        let held = limits.return_deferred.then(OpenCalls::default);
        Ok(Accepted { events, tracker, pass, held })
    }

    /// Refuses to wait for a turn where the turn waits for the caller.
    pub(super) fn can_wait(&self, method: &str) -> Result<()> {
        if !is_within_session(&self.0.core) {
            return Ok(());
        }
        let message = format!(
            "`{method}` waits for the agent of session {}, which waits for the tool or handler that calls it; use \
             `Session::send`, or another session",
            self.id()
        );
        Err(Error::new(ErrorKind::InvalidInput, message))
    }
}

/// The parts of a turn that exist before the CLI has accepted its message.
struct Prepared {
    /// The events since before the message was sent.
    events: EventStream,
    /// Whether the agent was idle then.
    was_idle: bool,
    /// Excludes other turns on CLIs whose events do not name their message.
    pass: Option<Box<dyn TurnPass>>,
}

/// Shared by the sender, whose future may be dropped, and the reader, which sees the response.
struct SendState {
    prepared: Option<Prepared>,
    /// The number of aborts before the CLI accepted the message; `None` until it has.
    earlier_aborts: Option<u32>,
    /// Whether the sender's future was dropped.
    is_abandoned: bool,
    core: Arc<SessionCore>,
}

impl SendState {
    /// Watches an accepted message without a sender until it cannot be confused with the next one.
    fn abandon(&mut self) {
        let Some((Prepared { events, was_idle, pass: Some(pass) }, aborts)) =
            self.prepared.take().zip(self.earlier_aborts)
        else {
            return;
        };
        // The id does not matter where events do not name it.
        let tracker = TurnTracker::new(MessageId::default(), was_idle).after_aborts(aborts);
        pass.abandon(events, tracker.into_watch());
    }
}

/// A message that was sent and that the CLI has not accepted yet; dropped before [`accepted`](Self::accepted), it
/// abandons the message.
///
/// The reader notes the response of the CLI before it delivers anything later, so that every event is known to be from
/// before or after it.
struct SentMessage(Arc<Mutex<SendState>>);

impl SentMessage {
    fn new(prepared: Prepared, core: &Arc<SessionCore>) -> Self {
        let core = Arc::clone(core);
        let state = SendState { prepared: Some(prepared), earlier_aborts: None, is_abandoned: false, core };
        Self(Arc::new(Mutex::new(state)))
    }

    /// Returns the function that the reader calls with the response, which is `None` where the CLI has refused the
    /// message.
    fn on_response(&self) -> impl FnOnce(Option<&RawValue>) + Send + use<> {
        let state = Arc::clone(&self.0);
        move |response| {
            let mut state = lock(&state);
            let Some(response) = response else { return };
            if let Some(prepared) = state.prepared.as_ref().filter(|prepared| prepared.pass.is_none())
                && let Ok(sent) = decode::answer::<SessionSendResponse>(response.get())
            {
                state.core.subscribers.sent(sent.message_id.clone());
                state.core.subscribers.taken(&prepared.events, sent.message_id);
            }
            let is_abort =
                |event: &Event| event.event_name() == EventName::Abort && event.agent_id().is_none();
            let aborts = state.prepared.as_ref().map_or(0, |prepared| prepared.events.count(is_abort));
            state.earlier_aborts = Some(u32::try_from(aborts).unwrap_or(u32::MAX));
            if state.is_abandoned {
                state.abandon();
            }
        }
    }

    /// Returns the parts of the turn, and the number of aborts before the CLI accepted the message.
    fn accepted(self) -> Option<(Prepared, u32)> {
        let mut state = lock(&self.0);
        Some((state.prepared.take()?, state.earlier_aborts.unwrap_or_default()))
    }
}

impl Drop for SentMessage {
    fn drop(&mut self) {
        let mut state = lock(&self.0);
        state.is_abandoned = true;
        if state.earlier_aborts.is_some() {
            state.abandon();
        }
    }
}

/// The future of a request.
pub(super) type Sending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl<'a> IntoFuture for SendRequest<'a> {
    type Output = Result<MessageId>;
    type IntoFuture = Sending<'a, MessageId>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            let core = &self.session.0.core;
            let prepare = || {
                let core = Arc::clone(core);
                move |response: Option<&RawValue>| {
                    if let Some(Ok(sent)) =
                        response.map(|sent| decode::answer::<SessionSendResponse>(sent.get()))
                    {
                        core.subscribers.sent(sent.message_id);
                    }
                }
            };
            self.session.post(&self.message, false, prepare).await
        })
    }
}

impl<'a> IntoFuture for StreamRequest<'a> {
    type Output = Result<Turn>;
    type IntoFuture = Sending<'a, Turn>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(self.session.begin(self.message, self.limits))
    }
}

impl<'a> IntoFuture for AskRequest<'a> {
    type Output = Result<Reply>;
    type IntoFuture = Sending<'a, Reply>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move {
            self.session.can_wait("ask")?;
            self.session.begin(self.message, self.limits).await?.reply().await
        })
    }
}
