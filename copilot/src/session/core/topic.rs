//! What a topic of the CLI adds to sessions: members of the open request, and handlers of requests and events.
//!
//! The session core has one table of handlers, by their names on the wire, and knows no topic itself.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde_json::value::RawValue;

use crate::error::{Error, ErrorKind, Result};
use crate::events::EventName;
use crate::protocol::decode;
use crate::protocol::secret::RawMembers;
use crate::protocol::tools::Settled;
use crate::rpc::{METHOD_NOT_FOUND, Peer, Responder};
use crate::session::core::Inbox;
use crate::session::core::members::Members;
use crate::session::core::safe_answers::{Named, Unreadable};

/// Handles a request of the CLI. Runs on the reader task.
pub(crate) type OnRequest = fn(&Arc<Inbox>, &RawValue, Responder);

/// Handles an event of the CLI. Runs on the reader task.
pub(crate) type OnEvent = fn(&Arc<Inbox>, &RawValue);

/// Gives the safe answer to an event that asks and cannot be read; `None` where another client answers.
pub(crate) type OnUnreadable = fn(&Inbox, &Named<'_>, &serde_json::Error) -> Option<Unreadable>;

/// Handles a request of any method. Runs on the reader task.
pub(crate) type OnUnknown = fn(&Arc<Inbox>, method: &str, &RawValue, Responder);

/// Whether a request that names no session is meant for this one: method and parameters.
pub(crate) type Claims = fn(&Inbox, &str, &RawValue) -> bool;

/// Answers a request that no session can take, by method and parameters; gives the responder back where it does not.
pub(crate) type Refuse = fn(&str, &RawValue, Responder) -> Option<Responder>;

/// Whether the program has set a handler.
pub(crate) type IsSet = fn(&Inbox) -> bool;

/// Runs when the CLI has opened a session; `None` where there is nothing to do.
pub(crate) type OnOpened = for<'a> fn(&'a Inbox, &'a Peer) -> Option<BoxFuture<'a, Result<()>>>;

/// Asks the user a question with choices.
pub(crate) type AskUser = for<'a> fn(&'a Inbox, String, Vec<String>) -> BoxFuture<'a, Result<String>>;

/// One topic, declared by its file under `api/`.
pub(crate) struct Topic {
    /// The members of `session.create` that this library sets, each with the name of its setter.
    pub(crate) members: &'static [(&'static str, &'static str)],
    pub(crate) requests: &'static [(&'static str, OnRequest)],
    pub(crate) events: &'static [(EventName, OnEvent)],
    /// Handles requests of methods that no topic has.
    pub(crate) unknown: Option<OnUnknown>,
    /// Answers whether a request without `sessionId` is meant for this session.
    pub(crate) claims: Option<Claims>,
    /// Answers a request that no session can take; gives the responder back where an error does.
    pub(crate) refuse: Option<Refuse>,
    /// Safe answers to events that ask and cannot be read.
    pub(crate) unreadable: &'static [(EventName, OnUnreadable)],
    /// The setter of the handler that a request asks, and whether the program has set it.
    pub(crate) handler_of: &'static [(&'static str, &'static str, IsSet)],
    /// Sets what the safe default of this library is and the CLI's is not.
    pub(crate) defaults: Option<fn(&mut Settings)>,
    /// Refuses settings that contradict each other. Runs before anything is started.
    pub(crate) check: Option<fn(&Settings, Occasion) -> Result<()>>,
    /// Runs when the CLI has opened the session, before the program gets it, and again after a restart.
    pub(crate) opened: Option<OnOpened>,
    /// Asks the user for a tool of the program: question and choices.
    pub(crate) ask_user: Option<AskUser>,
}

impl Topic {
    pub(crate) const NONE: Self = Self {
        members: &[],
        requests: &[],
        events: &[],
        unknown: None,
        claims: None,
        refuse: None,
        unreadable: &[],
        handler_of: &[],
        defaults: None,
        check: None,
        opened: None,
        ask_user: None,
    };
}

/// Whether a session is new.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Occasion {
    Create,
    Resume,
}

/// The topics of this library, sorted for lookup.
pub(crate) struct Topics {
    topics: &'static [&'static Topic],
    requests: Vec<(&'static str, OnRequest)>,
    /// By [`EventName`] as an index.
    events: [Option<OnEvent>; EventName::COUNT],
}

impl Topics {
    pub(crate) fn new(topics: &'static [&'static Topic]) -> Self {
        let mut requests: Vec<_> = topics.iter().flat_map(|topic| topic.requests).copied().collect();
        requests.sort_unstable_by_key(|(method, _)| *method);
        let mut events = [None; EventName::COUNT];
        for (name, handle) in topics.iter().flat_map(|topic| topic.events) {
            events[*name as usize] = Some(*handle);
        }
        Self { topics, requests, events }
    }

    pub(crate) fn request(&self, method: &str) -> Option<OnRequest> {
        let found = self.requests.binary_search_by_key(&method, |(method, _)| method).ok()?;
        Some(self.requests[found].1)
    }

    /// The members of the open request that topics set.
    #[cfg(feature = "testing")]
    pub(crate) fn members(&self) -> impl Iterator<Item = &'static str> {
        let all = self.topics.iter().flat_map(|topic| topic.members).map(|(member, _)| *member);
        all.filter(|member| !member.is_empty())
    }

    /// Handles a request of a method that no topic has.
    pub(crate) fn unknown(
        &self,
        session: &Arc<Inbox>,
        method: &str,
        params: &RawValue,
        responder: Responder,
    ) {
        match self.topics.iter().find_map(|topic| topic.unknown) {
            Some(handle) => handle(session, method, params, responder),
            None => responder.error(METHOD_NOT_FOUND, &format!("Unhandled method {method}")),
        }
    }

    /// Whether sessions answer requests of this method.
    pub(crate) fn has_method(&self, method: &str) -> bool {
        OF_OLD_CLIS.contains(&method) || self.request(method).is_some()
    }

    pub(crate) fn event(&self, name: EventName) -> Option<OnEvent> {
        self.events[name as usize]
    }

    /// Whether a session claims a request that does not name one.
    pub(crate) fn claims(&self, session: &Inbox, method: &str, params: &RawValue) -> bool {
        self.topics.iter().filter_map(|topic| topic.claims).any(|claims| claims(session, method, params))
    }

    /// Answers a request that no session can take with the safe answer of its topic; gives the responder back where
    /// there is none.
    pub(crate) fn refuse(&self, method: &str, params: &RawValue, responder: Responder) -> Option<Responder> {
        let mut responder = responder;
        for refuse in self.topics.iter().filter_map(|topic| topic.refuse) {
            responder = refuse(method, params, responder)?;
        }
        Some(responder)
    }

    /// The safe answer to an event that asks and cannot be read.
    pub(crate) fn unreadable(&self, name: EventName) -> Option<OnUnreadable> {
        let all = self.topics.iter().flat_map(|topic| topic.unreadable);
        all.copied().find(|(event, _)| *event == name).map(|(_, safe)| safe)
    }

    /// The setter of the handler that a request would have asked, if the program has set one.
    pub(crate) fn handler_of(&self, session: &Inbox, method: &str) -> Option<&'static str> {
        let mut all = self.topics.iter().flat_map(|topic| topic.handler_of);
        all.find(|(of, _, is_set)| *of == method && is_set(session)).map(|(_, setter, _)| *setter)
    }

    /// Sets safe defaults where the program has set nothing.
    pub(crate) fn fill_defaults(&self, settings: &mut Settings) {
        self.topics.iter().filter_map(|topic| topic.defaults).for_each(|fill| fill(settings));
    }

    /// Refuses settings that contradict each other.
    pub(crate) fn check(&self, settings: &Settings, occasion: Occasion) -> Result<()> {
        self.check_raw(settings)?;
        self.topics.iter().filter_map(|topic| topic.check).try_for_each(|check| check(settings, occasion))
    }

    /// A member that is set twice would reach the CLI twice.
    fn check_raw(&self, settings: &Settings) -> Result<()> {
        let members = || self.topics.iter().flat_map(|topic| topic.members);
        for member in settings.raw.keys() {
            if let Some((_, setter)) = members().find(|(wire, _)| wire == member) {
                let end = if setter.contains('(') { ")" } else { "" };
                let message =
                    format!("`.raw(\"{member}\", ..)`: this member is set with `.{setter}(..){end}`");
                return Err(Error::new(ErrorKind::Configuration, message));
            }
            if let Some((_, instead)) = OWN_MEMBERS.iter().find(|(own, _)| own == member) {
                let message = format!("`.raw(\"{member}\", ..)`: {instead}");
                return Err(Error::new(ErrorKind::Configuration, message));
            }
        }
        Ok(())
    }

    /// Runs after the CLI has opened a session.
    pub(crate) async fn opened(&self, session: &Inbox, peer: &Peer) -> Result<()> {
        for opened in self.topics.iter().filter_map(|topic| topic.opened) {
            if let Some(opened) = opened(session, peer) {
                opened.await?;
            }
        }
        Ok(())
    }
}

impl Inbox {
    /// Asks the user for a tool of the program.
    pub(in crate::session) async fn ask_user(
        &self,
        question: String,
        choices: Vec<String>,
    ) -> Result<String> {
        match self.topics.topics.iter().find_map(|topic| topic.ask_user) {
            Some(ask) => ask(self, question, choices).await,
            None => Err(Error::new(ErrorKind::Unsupported, "this build cannot ask the user")),
        }
    }
}

/// Members of the open request that the session core sends, or never sends, and why or what to use instead.
const OWN_MEMBERS: &[(&str, &str)] = &[
    ("sessionId", "this member is set with `.id(..)`"),
    ("tools", "this member is set with `.with_tools(..)`"),
    ("requestPermission", "this member is always true; use `.permissions(..)`"),
    ("toolFilterPrecedence", "excluded tools always stay excluded; leave it out"),
    ("envValueMode", "values are always literal; leave it out"),
    (
        "cloud",
        "the CLI gives such sessions their ids itself, and here a session has one from the start; leave it out",
    ),
];

/// Requests of protocol 2, in place of events.
const OF_OLD_CLIS: &[&str] = &["tool.call", "permission.request"];

/// Cancels the handler of a request that was answered elsewhere. For the `*.completed` events.
pub(crate) fn settled(session: &Arc<Inbox>, data: &RawValue) {
    if let Ok(settled) = decode::question::<Settled<'_>>(data.get()) {
        session.calls.cancel(&settled.request_id);
    }
}

/// The settings of a session, as the program made them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Settings {
    /// Members of `session.create` and `session.resume`.
    pub(crate) members: Members,
    /// Members of `session.options.update`, which follows.
    pub(crate) options: Members,
    /// Members without a setter.
    pub(crate) raw: RawMembers,
    /// Features that depend on a value and that old CLIs lack, beside the members; see `compat`.
    pub(crate) features: Vec<&'static str>,
    /// Handlers and other state of the topics.
    pub(crate) state: TopicState,
}

impl Settings {
    /// Takes over what `other` sets, in place of earlier values.
    pub(crate) fn merge(&mut self, other: Self) {
        self.members.merge(other.members);
        self.options.merge(other.options);
        self.raw.extend(other.raw);
        self.features.extend(other.features);
        self.state.merge(other.state);
    }
}

/// State of topics in one session, by type.
#[derive(Clone, Default)]
pub(crate) struct TopicState(Vec<Arc<dyn State>>);

trait State: Any + fmt::Debug + Send + Sync {}

impl<T: Any + fmt::Debug + Send + Sync> State for T {}

impl TopicState {
    pub(crate) fn get<T: 'static>(&self) -> Option<&T> {
        self.0.iter().find_map(|state| {
            let state: &dyn Any = &**state;
            state.downcast_ref()
        })
    }

    /// Puts in a value, in place of an earlier one of its type.
    pub(crate) fn set<T: fmt::Debug + Send + Sync + 'static>(&mut self, value: T) {
        self.0.retain(|state| {
            let state: &dyn Any = &**state;
            !state.is::<T>()
        });
        self.0.push(Arc::new(value));
    }

    /// Puts in all values of `other`, in place of earlier ones of their types.
    fn merge(&mut self, other: Self) {
        for value in other.0 {
            let of = |state: &Arc<dyn State>| {
                let state: &dyn Any = &**state;
                state.type_id()
            };
            self.0.retain(|state| of(state) != of(&value));
            self.0.push(value);
        }
    }

    /// Changes a value, beginning with the default.
    pub(crate) fn update<T>(&mut self, change: impl FnOnce(&mut T))
    where
        T: Clone + Default + fmt::Debug + Send + Sync + 'static,
    {
        let mut value = self.get::<T>().cloned().unwrap_or_default();
        change(&mut value);
        self.set(value);
    }
}

impl fmt::Debug for TopicState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(&self.0).finish()
    }
}
