//! Sending a message: the three verbs and what can be said with each.

use std::future::poll_fn;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::task::Poll;
use std::time::Duration;

use serde_json::Value;
use serde_json::value::RawValue;
use tokio::time::timeout;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::MessageId;
use crate::protocol::attachments::Attachment;
use crate::protocol::session::{
    AgentMode, DeliveryMode, SendOptions, SessionSendParams, SessionSendResponse,
};
use crate::rpc::{Peer, decode};
use crate::session::core::reentrancy::is_answering;
use crate::session::handle::Session;
use crate::session::open::is_unknown_session;
use crate::session::turn::limits::{Clock, Limits, Stage};
use crate::session::turn::sent_message::{Lock, OnItsWay, Outgoing};
use crate::session::turn::tracker::Progress;
use crate::session::turn::{Begun, Reply, Turn};

/// What is sent to the agent: a text, and what goes with it. A string is a message.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Message(pub(in crate::session) SendOptions);

impl Message {
    /// A message of this text.
    pub fn new(prompt: impl Into<String>) -> Self {
        Self(SendOptions { prompt: prompt.into(), ..SendOptions::default() })
    }
}

impl<S: Into<String>> From<S> for Message {
    fn from(prompt: S) -> Self {
        Self::new(prompt)
    }
}

/// The options of a message, for the message and for each request alike.
macro_rules! message_options {
    ($($field:tt)+) => {
        /// Adds something that goes with the message.
        pub fn attach(mut self, attachment: Attachment) -> Self {
            self.$($field)+.attachments.push(attachment);
            self
        }

        /// Says what happens when the agent is at work: wait for its turn (the default), or steer.
        pub fn delivery(mut self, mode: DeliveryMode) -> Self {
            self.$($field)+.mode = Some(mode);
            self
        }

        /// Says how the agent works on this message.
        pub fn mode(mut self, mode: AgentMode) -> Self {
            self.$($field)+.agent_mode = Some(mode);
            self
        }

        /// What the history shows in place of the text.
        pub fn display_prompt(mut self, text: impl Into<String>) -> Self {
            self.$($field)+.display_prompt = Some(text.into());
            self
        }

        /// Adds a header to the requests that the model's provider gets for this message.
        pub fn request_header(mut self, name: impl Into<String>, value: impl Into<String>) -> Self {
            self.$($field)+.request_headers.insert(name.into(), value.into().into());
            self
        }

        /// The trace that the message belongs to.
        pub fn trace_context(mut self, context: $crate::protocol::trace::TraceContext) -> Self {
            self.$($field)+.trace = context;
            self
        }

        /// Sets a member of `session.send` that has no method here.
        pub fn raw(mut self, member: impl Into<String>, value: impl Into<Value>) -> Self {
            self.$($field)+.raw.insert(member.into(), value.into());
            self
        }
    };
}

pub(in crate::session) use message_options;

/// The time limits of a turn.
macro_rules! turn_options {
    () => {
        /// How long the turn may take from the message to its end; no limit unless set.
        ///
        /// The error says what the session was doing. The agent goes on; [`Session::abort`] stops it.
        pub fn timeout(mut self, limit: Duration) -> Self {
            self.limits.total = Some(limit);
            self
        }

        /// How long nothing happens in the turn before all subscribers of the session get an
        /// [`EventKind::TurnStalled`](crate::EventKind::TurnStalled), which says what the session waits for; one minute
        /// unless set. `Duration::MAX` never tells. While a tool of this program runs the clock stands still.
        pub fn report_silence(mut self, after: Duration) -> Self {
            self.limits.silence = (after != Duration::MAX).then_some(after);
            self
        }

        /// Keeps no event of the turn for the [`Reply`](crate::Reply). Without this a turn keeps all that the
        /// history does until it has ended, which in one that takes hours is a lot.
        pub fn without_events(mut self) -> Self {
            self.limits.keep_events = false;
            self
        }

        /// How long nothing may happen in the turn; five minutes unless set. While a tool of this program runs the
        /// clock stands still; while a handler waits for a person, as one that is asked for a permission may, it does
        /// not.
        pub fn idle_timeout(mut self, limit: Duration) -> Self {
            self.limits.idle = Some(limit);
            self
        }
    };
}

pub(in crate::session) use turn_options;

impl Message {
    message_options!(0);
}

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
}

impl AskRequest<'_> {
    message_options!(message.0);
    turn_options!();
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
    /// As [`Session::send`]; the turn has errors of its own.
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
    /// rejected a tool, has a reply too: [`Reply::is_aborted`] tells, and the text may be empty.
    ///
    /// Several at once are told apart where the CLI says which message an answer belongs to (1.0.92 and later), and
    /// wait for one another where it does not; there one that is given up is waited for until the agent has its message.
    ///
    /// # Errors
    ///
    /// As [`Session::send`], when the agent reports that it failed, and when a time limit passes; the time limits count
    /// from the call. An answer that had arrived before the error is in [`Error::partial_reply`]. When more events wait
    /// than [`event_budget`](crate::SessionBuilder::event_budget) allows and the answer is lost, the error says so.
    /// Inside of a tool or handler of the same session the request fails, because it would wait for itself.
    ///
    /// # Cancel safety
    ///
    /// As [`Session::send`]; the agent goes on with the message.
    ///
    /// Wire: `session.send`, to the CLI.
    pub fn ask(&self, message: impl Into<Message>) -> AskRequest<'_> {
        AskRequest { session: self, message: message.into(), limits: Limits::DEFAULT }
    }

    /// Sends the message. `prepare` runs when nothing but the CLI delays it any more; the note that it returns
    /// runs on the reader, in order with everything else that arrives, when the CLI has taken the message; with `keep`
    /// also after the caller has gone.
    async fn post<N>(
        &self,
        message: &Message,
        keep: bool,
        mut prepare: impl FnMut() -> N,
    ) -> Result<MessageId>
    where
        N: FnOnce(Option<&RawValue>) + Send + 'static,
    {
        self.0.link.compat.check_message(self.cli(), &message.0)?;
        let message = self.0.files.resolve_message(&message.0)?;
        // The CLI takes requests in any order, and messages are meant to be read in the order they were sent.
        let _turn = self.0.sending.lock().await;
        let params = SessionSendParams { session_id: self.id(), message: &message };
        let method = "session.send";
        let peer = self.peer().await?;
        peer.room().await;
        let sent = match peer.request(method, &params).on_response(keep, prepare()).raw().await {
            Err(error) if is_unknown_session(&error) => {
                Box::pin(self.reopen(&peer, &error)).await?;
                peer.request(method, &params).on_response(keep, prepare()).raw().await?
            }
            sent => sent?,
        };
        self.0.spoken.store(true, Ordering::Relaxed);
        decode::<SessionSendResponse>(method, &sent).map(|sent| sent.message_id)
    }

    /// Resumes the session on a CLI that has evicted it, as CLIs do with sessions that have not been used for a while.
    async fn reopen(&self, peer: &Peer, unknown: &Error) -> Result<()> {
        tracing::info!(session = %self.id(), %unknown, "the CLI has evicted the session, which is resumed");
        let spoken = self.0.spoken.load(Ordering::Relaxed);
        self.0.inbox.reopen(peer, spoken).await.map_err(|source| {
            let message = format!(
                "session.send: the CLI does not have session {} any more, and it cannot be resumed: {source}; a new \
                 session is needed",
                self.id()
            );
            source.context(message)
        })
    }

    pub(in crate::session) async fn begin(&self, message: Message, limits: Limits) -> Result<Turn> {
        let inbox = &self.0.inbox;
        let mut clock = Clock::start(inbox, limits);
        let begun = {
            let mut begun = pin!(self.start_turn(message, limits));
            poll_fn(|cx| match begun.as_mut().poll(cx) {
                Poll::Pending => clock.poll(cx, inbox, Stage::Sending).map(Err),
                ready => ready,
            })
            .await?
        };
        Ok(Turn::new(self.clone(), begun, clock))
    }

    async fn start_turn(&self, message: Message, limits: Limits) -> Result<Begun> {
        let lock = self.alone(limits).await;
        let (keep, correlates) = (lock.is_some(), self.0.link.cli.correlates_messages());
        let (mut lock, mut on_its_way) = (lock, None::<OnItsWay>);
        let prepare = || {
            // The lock of a message that the CLI has refused is used again.
            let refused = on_its_way.take().and_then(OnItsWay::taken);
            let lock = lock.take().or_else(|| refused.and_then(|(outgoing, _)| outgoing.lock));
            // Before the message is sent, because events may come before the answer.
            let (events, was_idle) = self.0.inbox.subscribers.subscribe_turn(self.0.event_budget);
            let outgoing = Outgoing { events, was_idle, lock, correlates };
            on_its_way.insert(OnItsWay::new(outgoing, &self.0.inbox)).note()
        };
        let id = self.post(&message, keep, prepare).await?;
        let lost = || Error::new(ErrorKind::Closed, "the message was given up");
        let (Outgoing { events, was_idle, lock, .. }, earlier) =
            on_its_way.and_then(OnItsWay::taken).ok_or_else(lost)?;
        // Aborts that came before the CLI had the message do not concern it.
        let progress = Progress::new(id, was_idle).after_aborts(earlier).keeping(limits.keep_events);
        Ok(Begun { events, progress, lock })
    }

    /// The lock that keeps turns apart where events do not.
    async fn alone(&self, limits: Limits) -> Lock {
        if self.0.link.cli.correlates_messages() {
            return None;
        }
        let inbox = &self.0.inbox;
        let mut lock = pin!(Arc::clone(self.0.alone.get_or_init(Arc::default)).lock_owned());
        // Half of the limit, so that the other half is left for this message.
        let Some(patience) = limits.idle.map(|idle| idle / 2) else { return Some(lock.await) };
        loop {
            match timeout(patience, &mut lock).await {
                Ok(lock) => return Some(lock),
                // A CLI that has done nothing with a message for so long does not begin with it any more.
                Err(_) => {
                    let quiet = inbox.subscribers.last().is_none_or(|(_, at)| at.elapsed() >= patience);
                    if quiet {
                        inbox.left.give_up(patience);
                    }
                }
            }
        }
    }

    /// Refuses to wait for a turn where the turn waits for the caller.
    pub(in crate::session) fn can_wait(&self, method: &str) -> Result<()> {
        if !is_answering(&self.0.inbox) {
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

/// The future of a request.
pub(in crate::session) type Sending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl<'a> IntoFuture for SendRequest<'a> {
    type Output = Result<MessageId>;
    type IntoFuture = Sending<'a, MessageId>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.session.post(&self.message, false, || |_: Option<&RawValue>| {}).await })
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
