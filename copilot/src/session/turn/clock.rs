//! The limits of a turn with their setters, and the clock that watches them from the call to the end of the turn.
//!
//! They count from the call, so that the wait for the connection, for other messages and for the CLI to take the
//! message counts too. The limits without any event begin again with each event of the session, and stand still while
//! the agent waits for the program: for a tool, a handler, a deferred call or a permission that was left for later.

use std::borrow::Cow;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use tokio::time::{Instant, Sleep, sleep_until, timeout};

use super::budget::Budget;
use crate::error::{Error, ErrorKind};
use crate::events::{Event, EventName, RecoveryCause, TurnStalled};
use crate::protocol::mcp::{McpListResponse, McpStatus};
use crate::protocol::session::SessionParams;
use crate::rpc::Peer;
use crate::session::core::SessionCore;
use crate::task::{self, DropGuard, Task};

/// How long a turn may be silent unless its request says otherwise: five minutes.
const IDLE: Duration = Duration::from_secs(300);

/// How long a turn may be silent before that is reported, unless its request says otherwise: one minute.
const SILENCE: Duration = Duration::from_secs(60);

/// How long the CLI may take to report what it waits for.
const REPORT: Duration = Duration::from_secs(1);

/// How long an answered turn may be silent before the CLI is asked whether it has ended.
const ANSWERED: Duration = Duration::from_secs(2);

/// How long a turn may take, and what is kept of it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// From the message to the end.
    pub(super) total: Option<Duration>,
    /// Without any event.
    pub(super) idle: Option<Duration>,
    /// Without any event, until that is reported.
    pub(super) silence: Option<Duration>,
    /// Whether the reply has the events.
    pub(super) keep_events: bool,
    /// Whether the turn is left when only deferred answers are open.
    pub(super) return_deferred: bool,
    /// The budget of the turn; `None` for that of the session.
    pub(super) budget: Option<Budget>,
}

impl Limits {
    pub(super) const DEFAULT: Self = Self {
        total: None,
        idle: Some(IDLE),
        silence: Some(SILENCE),
        keep_events: true,
        return_deferred: false,
        budget: None,
    };
}

/// The setters of the limits, for each request that waits for a turn.
macro_rules! turn_options {
    () => {
        /// How long the turn may take from the message to its end; no limit unless set.
        ///
        /// The error says what the session was doing. The agent continues; [`Session::abort`] stops it.
        pub fn timeout(mut self, limit: Duration) -> Self {
            self.limits.total = Some(limit);
            self
        }

        /// How long nothing happens in the turn before all subscribers of the session get an
        /// [`EventKind::TurnStalled`](crate::EventKind::TurnStalled), which says what the session waits for; one minute
        /// unless set. `Duration::MAX` disables it. The clock stands still while a tool of this
        /// program runs, and while an answer is deferred.
        pub fn report_silence(mut self, after: Duration) -> Self {
            self.limits.silence = (after != Duration::MAX).then_some(after);
            self
        }

        /// Keeps no event of the turn for the [`Reply`](crate::Reply). Without this a request that waits for the reply
        /// keeps all events that the history has until the turn has ended, which in one that takes hours is a lot.
        pub fn without_events(mut self) -> Self {
            self.limits.keep_events = false;
            self
        }

        /// Sets the tokens, the cost and the tool calls that the turn may use. Default: the
        /// [budget of the session's turns](crate::limits::Limits::turn_budget), which has no limit unless it is set.
        pub fn budget(mut self, budget: $crate::session::Budget) -> Self {
            self.limits.budget = Some(budget);
            self
        }

        /// How long nothing may happen in the turn; five minutes unless set. The clock stands still while the agent
        /// waits for this program: while a tool runs, while a handler waits for a person, while a
        /// [deferred](crate::deferred) call is not settled, and while a permission is left for later.
        pub fn idle_timeout(mut self, limit: Duration) -> Self {
            self.limits.idle = Some(limit);
            self
        }
    };
}

pub(super) use turn_options;

/// Where a turn is, for errors to say.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Step {
    /// The CLI has not taken the message.
    Sending,
    /// The CLI has the message.
    Working,
    /// The agent has answered, and the end of the turn follows.
    Answered,
}

/// Watches the limits of one turn.
pub(super) struct Clock {
    limits: Limits,
    /// When the message was given to us.
    began: Instant,
    last_event: Option<(Last, Instant)>,
    /// Until the agent has reached the message, the session's events count instead of the turn's; the guard keeps the
    /// last one known.
    unbegun: Option<DropGuard<Arc<SessionCore>>>,
    timer: Option<Pin<Box<Sleep>>>,
    /// The silence that lasts was reported.
    reported: bool,
    /// Finds out what the CLI waits for and reports it.
    report: Option<Task>,
    /// How often the CLI was asked during this silence whether the turn has ended.
    asked: u32,
    /// Asks the CLI whether the turn has ended.
    end: Option<Task>,
}

/// The last event, for errors and reports to name.
enum Last {
    Event(Event),
    Name(Cow<'static, str>),
}

impl Last {
    fn name(&self) -> &str {
        match self {
            Self::Event(event) => event.name(),
            Self::Name(name) => name,
        }
    }
}

impl Clock {
    pub(super) fn start(core: &Arc<SessionCore>, limits: Limits) -> Self {
        core.subscribers.expect();
        let unbegun: DropGuard<Arc<SessionCore>> =
            DropGuard::new(Arc::clone(core), |core| core.subscribers.begun());
        Self {
            limits,
            began: Instant::now(),
            last_event: None,
            unbegun: Some(unbegun),
            timer: None,
            reported: false,
            report: None,
            asked: 0,
            end: None,
        }
    }

    /// An event of the turn has come at this time.
    pub(super) fn event(&mut self, event: &Event, at: Instant) {
        if event.event_name() != EventName::TurnStalled {
            self.heard(Last::Event(event.clone()), at);
        }
    }

    /// An event of this name has come, which the turn does not receive.
    pub(super) fn passed(&mut self, name: Cow<'static, str>, at: Instant) {
        self.heard(Last::Name(name), at);
    }

    fn heard(&mut self, last: Last, at: Instant) {
        self.last_event = Some((last, at));
        self.reported = false;
        self.asked = 0;
    }

    /// Whether an event can only make the deadlines later, so that it may be read when the timer fires. After a report of
    /// a silence the next event begins another one, and after a question to the CLI the pauses between them are short
    /// again.
    pub(super) fn only_gets_later(&self) -> bool {
        !self.reported && self.asked == 0
    }

    /// Whether the reply has the events.
    pub(super) fn keeps_events(&self) -> bool {
        self.limits.keep_events
    }

    /// The agent has reached the message.
    pub(super) fn begun(&mut self) {
        self.unbegun = None;
    }

    /// Gives the error when a limit has passed. `error` makes it whole.
    pub(super) fn poll(&mut self, cx: &mut Context<'_>, core: &Arc<SessionCore>, step: Step) -> Poll<Error> {
        loop {
            self.look(core);
            let now = Instant::now();
            let active = self.last_event.as_ref().map_or(self.began, |(_, at)| *at);
            // Our own work takes the time it takes: the agent cannot do anything meanwhile.
            let (tools, work) = core.last_active(now);
            let latest = |at: Option<Instant>| at.map_or(active, |at| at.max(active));
            // A handler that does not return is reported, because a person may wait for it.
            let (quiet, active) = (latest(tools), latest(work));
            // A deadline too far away to be represented never comes.
            let total = self.limits.total.and_then(|limit| self.began.checked_add(limit));
            let idle = self.limits.idle.and_then(|limit| active.checked_add(limit));
            if let (Some(limit), Some(_)) = (self.limits.total, total.filter(|deadline| *deadline <= now)) {
                let what = match step {
                    Step::Sending => format!("the CLI did not take the message within {limit:?}"),
                    Step::Working | Step::Answered => format!("the turn did not end within {limit:?}"),
                };
                return Poll::Ready(self.timed_out(&what, core, step));
            }
            if let (Some(limit), Some(_)) = (self.limits.idle, idle.filter(|deadline| *deadline <= now)) {
                let what = match step {
                    Step::Sending => {
                        format!("the CLI did not take the message, and nothing happened for {limit:?}")
                    }
                    Step::Working | Step::Answered => format!("nothing happened in the turn for {limit:?}"),
                };
                return Poll::Ready(self.timed_out(&what, core, step));
            }
            let limit = self.limits.silence.filter(|_| !self.reported);
            let silence = limit.and_then(|limit| quiet.checked_add(limit));
            if let (Some(limit), Some(_)) = (limit, silence.filter(|deadline| *deadline <= now)) {
                self.reported = true;
                self.report_silence(core, limit, now - quiet);
            }
            let silence = silence.filter(|_| !self.reported);
            // The pauses double, because a turn may end late without a loss: after a long hook, for example.
            let end = || active.checked_add(ANSWERED * (2_u32.pow(self.asked.min(16) + 1) - 1));
            let end = if step == Step::Answered { end() } else { None };
            if end.is_some_and(|deadline| deadline <= now) {
                self.asked += 1;
                let core = Arc::clone(core);
                self.end = Some(task::spawn(async move { core.recover_idle().await }));
                continue;
            }
            let Some(deadline) = [total, idle, silence, end].into_iter().flatten().min() else {
                return Poll::Pending;
            };
            let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(deadline)));
            if timer.is_elapsed() || timer.deadline() > deadline {
                timer.as_mut().reset(deadline);
            }
            // An event moves the deadline; the timer is reset only when it fires, not at each event.
            if timer.as_mut().poll(cx).is_pending() {
                return Poll::Pending;
            }
        }
    }

    /// Takes note of the session's last event while it counts.
    fn look(&mut self, core: &SessionCore) {
        let Some((event, at)) = self.unbegun.as_ref().and_then(|_| core.subscribers.last()) else { return };
        if at > self.began && self.last_event.as_ref().is_none_or(|(_, last)| at > *last) {
            self.last_event = Some((Last::Event(event), at));
            self.reported = false;
        }
    }

    /// Sends a [`TurnStalled`] to all subscribers of the session, after the CLI was asked for questions that were lost.
    fn report_silence(&mut self, core: &Arc<SessionCore>, limit: Duration, silent_for: Duration) {
        if !core.subscribers.reports(limit) {
            return;
        }
        let last_event = self.last_event.as_ref().map(|(event, _)| event.name().to_owned());
        let core = Arc::clone(core);
        self.report = Some(task::spawn(async move {
            let (mut waiting_for, mut connecting) = (core.describe_work(), Vec::new());
            if let Some(peer) = core.connection.current() {
                // A CLI that does not answer in time is not waited for, and an old one does not know the requests.
                let params = SessionParams { session_id: &core.id };
                let listed = timeout(REPORT, core.recover(RecoveryCause::TurnStalled)).await;
                let servers = timeout(REPORT, connecting_servers(&peer, &params)).await;
                waiting_for = core.calls.describe();
                // The program's own are described already, under the same ids.
                let id = |described: &str| described.rfind('(').map(|at| described[at..].to_owned());
                let own: Vec<_> = waiting_for.iter().map(|own| id(own)).collect();
                waiting_for.extend(
                    listed.unwrap_or_default().into_iter().filter(|listed| !own.contains(&id(listed))),
                );
                connecting = servers.unwrap_or_default();
            }
            tracing::info!(
                session = %core.id, ?silent_for, ?last_event, ?waiting_for, ?connecting, "a turn is stalled"
            );
            let stalled = TurnStalled { silent_for, last_event, waiting_for, connecting };
            core.subscribers.publish(&Event::turn_stalled(stalled));
        }));
    }

    /// The error for a time limit, with what the session was doing.
    fn timed_out(&self, what: &str, core: &SessionCore, step: Step) -> Error {
        let mut message = format!("{what}; session {}", core.id);
        match &self.last_event {
            Some((event, at)) => {
                message += &format!(", last event {} {:.1?} ago", event.name(), at.elapsed());
            }
            None => message += ", no event at all",
        }
        let pending = core.describe_work();
        if !pending.is_empty() {
            message += &format!(", waiting for {}", pending.join(", "));
        }
        if step != Step::Sending {
            message += "; the agent continues: `abort` stops it";
        }
        Error::new(ErrorKind::Timeout, message)
    }
}

/// The MCP servers that the CLI is still connecting to.
///
/// Wire: `session.mcp.list`, to the CLI.
async fn connecting_servers(peer: &Peer, params: &SessionParams<'_>) -> Vec<String> {
    let listed = peer.request("session.mcp.list", params).decoded::<McpListResponse>().await;
    let servers = listed.map(|listed| listed.servers).unwrap_or_default();
    let connecting = servers.into_iter().filter(|server| server.status == McpStatus::Pending);
    connecting.map(|server| server.name).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::events::Restarted;
    use crate::session::core::{Settings, ToolPolicy};
    use crate::tools::ToolSet;

    #[tokio::test]
    async fn the_last_event_of_the_session_is_kept_only_until_the_turn_begins() {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let (tools, states) = (ToolSet::default(), Arc::default());
        let (topics, settings) = (&crate::api::TOPICS, Settings::default());
        let core = SessionCore::new(
            "s".into(),
            (peer, Arc::default()),
            topics,
            settings,
            tools,
            states,
            ToolPolicy::default(),
        );
        let cause = Error::new(ErrorKind::Disconnected, "the CLI has exited");
        let (cancelled, continued) = (Vec::new(), Vec::new());
        let event = Event::restarted(Restarted { cause, cancelled, continued });
        let mut clock = Clock::start(&core, Limits::DEFAULT);
        core.subscribers.publish(&event);
        assert!(core.subscribers.last().is_some());
        clock.begun();
        core.subscribers.publish(&event);
        assert!(core.subscribers.last().is_none());
    }
}
