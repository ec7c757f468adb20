//! The state of one session.

use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, RwLock};

use tokio::time::Instant;
use tracing::Span;

use super::call_budgets::CallBudgets;
use super::call_watch::CallWatch;
use super::handler::Handler;
use super::history::History;
use super::in_flight::{self, InFlight, Owner};
use super::members::Members;
use super::open_answers::OpenAnswers;
use super::settings::{Settings, TopicState};
use super::topic;
use crate::error::{Error, ErrorKind, Result};
use crate::events::Subscribers;
use crate::protocol::SessionId;
use crate::protocol::capabilities::Capabilities;
use crate::protocol::secret::RawMembers;
use crate::protocol::session::AgentMode;
use crate::rpc::{Peer, Reconnectable};
use crate::session::turn::spans::SessionSpans;
use crate::task::{lock, read, write};
use crate::tools::{CancellationToken, StateMap, Timeouts, ToolErrors, ToolSet};
use crate::trace::{InSpan, Observation, handler, secrets_of};

/// A topic of a session.
pub(crate) type Topic = topic::Topic<SessionCore>;

/// The topics of a session, sorted for lookup.
pub(crate) type Topics = topic::Topics<SessionCore>;

/// The entry of work in the table of a session.
pub(crate) type Entry = in_flight::Entry<SessionCore>;

/// The state of one session.
pub(crate) struct SessionCore {
    pub(crate) id: SessionId,
    pub(crate) connection: Reconnectable<Peer>,
    /// The members that open the session, and open it again after a restart, with the changes of the program.
    opening: RwLock<Arc<OpenMembers>>,
    /// The mode that the program has set since, which is not a member of the open request.
    mode: Mutex<Option<Box<AgentMode>>>,
    /// Swapped as a whole when the program changes its tools.
    tools: RwLock<Arc<ToolSet>>,
    capabilities: Mutex<Capabilities>,
    pub(crate) states: Arc<StateMap>,
    pub(in crate::session) tool_policy: ToolPolicy,
    pub(in crate::session) topics: &'static Topics,
    topic_state: TopicState,
    pub(crate) subscribers: Subscribers,
    /// The spans and measurements of turns and calls.
    pub(crate) spans: SessionSpans,
    pub(crate) calls: InFlight,
    /// The answers that the program gives later.
    pub(in crate::session) open_answers: OpenAnswers,
    /// The calls that the agent has announced and the CLI has not requested.
    pub(in crate::session) watch: CallWatch,
    /// How often tools may be called in a turn.
    pub(in crate::session) call_budgets: CallBudgets,
    pub(in crate::session) history: History,
    pub(super) closed: AtomicBool,
    /// Whether another handle of the client has taken the session over, and so it stays open on the CLI.
    pub(super) replaced: AtomicBool,
}

/// The members that open a session.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct OpenMembers {
    pub(in crate::session) members: Members,
    pub(in crate::session) options: Members,
    pub(in crate::session) raw: RawMembers,
}

/// How long tools run, and how their results reach the model.
#[derive(Clone, Debug)]
pub(crate) struct ToolPolicy {
    /// Whether the model reads foreign errors.
    pub(in crate::session) errors: ToolErrors,
    /// The largest result, in bytes. Default: 128 MiB, half of the limit of a frame.
    pub(in crate::session) max_result: usize,
    /// The timeouts of tools without one of their own; `None` for the default.
    pub(in crate::session) timeouts: Option<Box<Timeouts>>,
}

impl Default for ToolPolicy {
    fn default() -> Self {
        Self { errors: ToolErrors::default(), max_result: 128 << 20, timeouts: None }
    }
}

impl Owner for SessionCore {
    fn in_flight(&self) -> &InFlight {
        &self.calls
    }
}

impl SessionCore {
    pub(crate) fn new(
        id: SessionId,
        (peer, observation): (Peer, Arc<Observation>),
        topics: &'static Topics,
        settings: Settings,
        tools: ToolSet,
        states: Arc<StateMap>,
        tool_policy: ToolPolicy,
    ) -> Arc<Self> {
        let Settings { members, options, raw, state, .. } = settings;
        let subscribers = Subscribers::new(observation.recorder.clone());
        let spans = SessionSpans::new(observation, || {
            let all =
                [serde_json::to_value(&members), serde_json::to_value(&options), serde_json::to_value(&raw)];
            all.iter().flatten().flat_map(secrets_of).collect()
        });
        Arc::new(Self {
            id,
            connection: Reconnectable::new(Some(peer)),
            opening: RwLock::new(Arc::new(OpenMembers { members, options, raw })),
            mode: Mutex::default(),
            tools: RwLock::new(Arc::new(tools)),
            capabilities: Mutex::default(),
            states,
            tool_policy,
            topics,
            topic_state: state,
            subscribers,
            spans,
            calls: InFlight::default(),
            open_answers: OpenAnswers::default(),
            watch: CallWatch::default(),
            call_budgets: CallBudgets::default(),
            history: History::default(),
            closed: AtomicBool::new(false),
            replaced: AtomicBool::new(false),
        })
    }

    /// Returns the connection for an answer, once there is one: events of a session may arrive before it is resumed
    /// completely. `None` when the work is cancelled or the connection has ended.
    pub(in crate::session) async fn peer_unless_cancelled(&self, cancel: &CancellationToken) -> Option<Peer> {
        let peer = match self.connection.current() {
            Some(peer) => peer,
            // Boxed, so that no answer has to make room for what is rare.
            None => Box::pin(cancel.run_until_cancelled(self.connection.ready())).await?.ok()?,
        };
        Some(peer).filter(|_| !cancel.is_cancelled())
    }

    /// Returns the tools that the CLI may call now.
    pub(crate) fn tools(&self) -> Arc<ToolSet> {
        Arc::clone(&read(&self.tools))
    }

    /// Replaces the tools that the CLI may call. Returns the old ones: they may hold a user's values, whose drop is
    /// user code, so the caller chooses where it runs.
    #[must_use]
    pub(crate) fn swap_tools(&self, tools: Arc<ToolSet>) -> Arc<ToolSet> {
        let mut now = write(&self.tools);
        std::mem::replace(&mut *now, tools)
    }

    /// Returns the members that would open the session now.
    pub(in crate::session) fn opening(&self) -> Arc<OpenMembers> {
        Arc::clone(&read(&self.opening))
    }

    /// Retains a change of the program, so that it holds after a restart as well.
    pub(crate) fn remember(&self, change: impl FnOnce(&mut Members)) {
        let mut opening = write(&self.opening);
        change(&mut Arc::make_mut(&mut opening).members);
    }

    /// Whether running tools survive the CLI that has called them.
    pub(in crate::session) fn continues(&self) -> bool {
        self.topics.continues(&self.opening().members)
    }

    /// Returns when the agent last waited for a tool of the program, and when for anything in the program: `now` while it
    /// does, and `None` before the first time. An answer that was deferred counts as both.
    pub(in crate::session) fn last_active(&self, now: Instant) -> (Option<Instant>, Option<Instant>) {
        if self.open_answers.is_empty() { self.calls.last_active(now) } else { (Some(now), Some(now)) }
    }

    /// Returns a description of everything that the agent waits for in this program.
    pub(in crate::session) fn describe_work(&self) -> Vec<String> {
        let mut all = self.calls.describe();
        all.extend(self.open_answers.describe());
        all
    }

    /// Returns the state of a topic.
    pub(crate) fn topic<T: 'static>(&self) -> Option<&T> {
        self.topic_state.get()
    }

    /// Returns the program's handler of requests of this type.
    pub(crate) fn handler<Q: 'static, A: 'static>(&self) -> Option<Handler<Q, A>> {
        self.topic::<Handler<Q, A>>().cloned()
    }

    pub(in crate::session) fn mode(&self) -> Option<AgentMode> {
        lock(&self.mode).as_deref().cloned()
    }

    pub(crate) fn remember_mode(&self, mode: AgentMode) {
        *lock(&self.mode) = Some(Box::new(mode));
    }

    /// Returns the capabilities of the CLI, as far as it has reported them.
    pub(crate) fn capabilities(&self) -> Capabilities {
        lock(&self.capabilities).clone()
    }

    /// Adds capabilities that the CLI has reported.
    pub(in crate::session) fn merge_capabilities(&self, newer: &Capabilities) {
        lock(&self.capabilities).merge(newer);
    }

    /// Asks the user for a tool of the program.
    pub(in crate::session) async fn ask_user(
        &self,
        question: String,
        choices: Vec<String>,
    ) -> Result<String> {
        match self.topics.ask_user() {
            Some(ask) => {
                let span = handler(&Span::current(), self.id.as_str(), "on_user_input", None);
                InSpan::new(span, ask(self, question, choices)).await
            }
            None => Err(Error::new(ErrorKind::Unsupported, "this build cannot ask the user")),
        }
    }
}
