//! Sending a message: the three verbs and what can be said with each.

use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::outgoing::{Lock, OnItsWay, Outgoing};
use super::progress::Progress;
use super::turn::{DEFAULT_IDLE_TIMEOUT, DEFAULT_SILENCE, Limits, Reply, Turn};
use super::{Session, support};
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::MessageId;
use crate::protocol::attachments::Attachment;
use crate::protocol::session::{
    AgentMode, DeliveryMode, SendOptions, SessionSendParams, SessionSendResponse,
};
use crate::rpc::decode;

/// What is sent to the agent: a text, and what goes with it. A string is a message.
#[derive(Clone, Debug, Default)]
#[must_use]
pub struct Message(pub(super) SendOptions);

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

pub(super) use message_options;

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
        /// [`EventKind::TurnSilent`](crate::EventKind::TurnSilent), which says what the session waits for; one minute
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

pub(super) use turn_options;

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
    /// refuses the message.
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
    /// As [`Session::send`], when the agent reports that it failed, and when a time limit passes.
    ///
    /// # Cancel safety
    ///
    /// As [`Session::send`]; the agent goes on with the message.
    ///
    /// Wire: `session.send`, to the CLI.
    pub fn ask(&self, message: impl Into<Message>) -> AskRequest<'_> {
        AskRequest { session: self, message: message.into(), limits: Limits::DEFAULT }
    }

    /// Sends the message; `note` learns in order with what else arrives whether the CLI has taken it, with `keep` also
    /// when nobody waits for that any more.
    async fn post(
        &self,
        message: &Message,
        keep: bool,
        note: impl FnOnce(bool) + Send + 'static,
    ) -> Result<MessageId> {
        support::check_message(&self.0.link.cli, &message.0)?;
        let message = self.0.files.resolve_message(&message.0)?;
        // The CLI takes requests in any order, and messages are meant to be read in the order they were sent.
        let _turn = self.0.sending.lock().await;
        let params = SessionSendParams { session_id: self.id(), message: &message };
        let method = "session.send";
        let sent = self.peer().await?.call_and_note(method, &params, keep, note).await?;
        decode::<SessionSendResponse>(method, &sent).map(|sent| sent.message_id)
    }

    pub(super) async fn begin(&self, message: Message, limits: Limits) -> Result<Turn> {
        let began = Instant::now();
        let begun = self.start_turn(message, limits);
        let turn = match limits.total {
            None => begun.await?,
            Some(limit) => timeout(limit, begun).await.map_err(|_| {
                let message =
                    format!("the CLI did not take the message within {limit:?}; session {}", self.id());
                Error::new(ErrorKind::Timeout, message)
            })??,
        };
        Ok(turn.since(began))
    }

    async fn start_turn(&self, message: Message, limits: Limits) -> Result<Turn> {
        let lock = self.alone(limits).await;
        // Before the events are listened to: a loss that is about to be published is not this turn's.
        self.peer().await?;
        // Before the message is sent, because events may come before the answer.
        let mut events = self.events();
        let mut was_idle = !self.inbox().is_busy();
        // What is here already is of other turns. The reader may be between an event and what it tells.
        while let Some(event) = events.try_next() {
            was_idle &= event.name() != "user.message" || event.agent_id().is_some();
        }
        let keep = lock.is_some();
        let on_its_way = OnItsWay::new(Outgoing { events, was_idle, lock }, &self.0.inbox);
        let id = self.post(&message, keep, on_its_way.note()).await?;
        let lost = || Error::new(ErrorKind::Closed, "the message was given up");
        let (Outgoing { events, was_idle, lock }, earlier) = on_its_way.taken().ok_or_else(lost)?;
        // Aborts that came before the CLI had the message are none of its business.
        let progress = Progress::new(id, was_idle).after_aborts(earlier).keeping(limits.keep_events);
        Ok(Turn::new(self.clone(), events, progress, limits, lock))
    }

    /// What keeps turns apart where events do not tell.
    async fn alone(&self, limits: Limits) -> Lock {
        if self.0.link.cli.correlates_messages() {
            return None;
        }
        let mut lock = pin!(Arc::clone(&self.0.alone).lock_owned());
        let Some(idle) = limits.idle else { return Some(lock.await) };
        loop {
            match timeout(idle, &mut lock).await {
                Ok(lock) => return Some(lock),
                // A CLI that has not begun with a message for so long does not begin with it any more.
                Err(_) => self.inbox().left.give_up(idle),
            }
        }
    }
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        total: None,
        idle: Some(DEFAULT_IDLE_TIMEOUT),
        silence: Some(DEFAULT_SILENCE),
        keep_events: true,
    };
}

/// The future of a request.
pub(super) type Sending<'a, T> = Pin<Box<dyn Future<Output = Result<T>> + Send + 'a>>;

impl<'a> IntoFuture for SendRequest<'a> {
    type Output = Result<MessageId>;
    type IntoFuture = Sending<'a, MessageId>;

    fn into_future(self) -> Self::IntoFuture {
        Box::pin(async move { self.session.post(&self.message, false, |_| {}).await })
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
        Box::pin(async move { self.session.begin(self.message, self.limits).await?.reply().await })
    }
}
