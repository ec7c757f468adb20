//! The table of topics: what each topic of the CLI adds to a session.
//!
//! A topic sets members of the open request and handles requests and events. The session core looks handlers up by
//! their names on the wire and knows no topic itself. The table does not know the session core either: `S` is the type
//! of a session.

use std::sync::Arc;

use futures_core::future::BoxFuture;
use serde_json::Value;
use serde_json::value::RawValue;

use super::members::Members;
use super::settings::{Occasion, Settings};
use super::unreadable::{Named, Unreadable};
use crate::error::{Error, ErrorKind, Result};
use crate::events::{EventHead, EventName};
use crate::rpc::{METHOD_NOT_FOUND, Peer, Responder};
use crate::session::paths::Files;

/// Handles a request of the CLI. Runs on the reader task.
pub(crate) type OnRequest<S> = fn(&Arc<S>, &RawValue, Responder);

/// Handles the payload of an event of the CLI. Runs on the reader task.
pub(crate) type OnEvent<S> = fn(&Arc<S>, &RawValue);

/// Handles an event of the CLI with its envelope. Runs on the reader task.
pub(crate) type OnHead<S> = fn(&Arc<S>, &EventHead<'_>);

/// Returns the safe answer to an event that asks and cannot be read; `None` where another client answers.
pub(crate) type OnUnreadable<S> = fn(&S, &Named<'_>, &serde_json::Error) -> Option<Unreadable>;

/// Handles a request of any method. Runs on the reader task.
pub(crate) type OnUnknown<S> = fn(&Arc<S>, method: &str, &RawValue, Responder);

/// Returns whether a request that names no session is meant for this one: method and parameters.
pub(crate) type Claims<S> = fn(&S, &str, &RawValue) -> bool;

/// Answers a request that no session can take, by method and parameters; returns the responder where it does not.
pub(crate) type Refuse = fn(&str, &RawValue, Responder) -> Option<Responder>;

/// Returns whether the program has set a handler.
pub(crate) type IsSet<S> = fn(&S) -> bool;

/// Runs when the CLI has opened a session; `None` where there is nothing to do.
pub(crate) type OnOpened<S> = for<'a> fn(&'a S, &'a Peer) -> Option<BoxFuture<'a, Result<()>>>;

/// Asks the user a question with choices.
pub(crate) type AskUser<S> = for<'a> fn(&'a S, String, Vec<String>) -> BoxFuture<'a, Result<String>>;

/// A server whose tools the CLI calls by the name of the server, a hyphen and their own name.
pub(crate) struct ToolServer<'a> {
    pub(crate) name: &'a str,
    /// The tools that the program has named among those that it wants.
    pub(crate) wanted: &'a [String],
}

/// One topic, declared by its file.
pub(crate) struct Topic<S: 'static> {
    /// The members of `session.create` that this library sets, each with the name of its setter.
    pub(crate) members: &'static [(&'static str, &'static str)],
    /// Members that only `session.resume` carries.
    pub(crate) resume_only: &'static [&'static str],
    pub(crate) requests: &'static [(&'static str, OnRequest<S>)],
    /// Handlers of events, which run after subscribers have received the event.
    pub(crate) events: &'static [(EventName, OnEvent<S>)],
    /// The same for handlers that read the envelope.
    pub(crate) head_events: &'static [(EventName, OnHead<S>)],
    /// Handlers of events that change the state of the session, which run before subscribers receive the event.
    pub(crate) state_events: &'static [(EventName, OnHead<S>)],
    /// Handles requests of methods that no topic has.
    pub(crate) unknown: Option<OnUnknown<S>>,
    /// Returns whether a request without `sessionId` is meant for this session.
    pub(crate) claims: Option<Claims<S>>,
    /// Answers a request that no session can take; returns the responder where an error answers it.
    pub(crate) refuse: Option<Refuse>,
    /// Safe answers to events that ask and cannot be read.
    pub(crate) unreadable: &'static [(EventName, OnUnreadable<S>)],
    /// The setter of the handler that a request asks, and whether the program has set it.
    pub(crate) handler_of: &'static [(&'static str, &'static str, IsSet<S>)],
    /// Names of methods on older CLIs: today's name and the older one.
    pub(crate) old_methods: &'static [(&'static str, &'static str)],
    /// Sets the safe default of this library where the default of the CLI is another one.
    pub(crate) defaults: Option<fn(&mut Settings)>,
    /// Refuses settings that contradict each other. Runs before anything is started.
    pub(crate) check: Option<fn(&Settings, Occasion) -> Result<()>>,
    /// Makes the directory absolute that relative paths of the session start from; returns the files that start there.
    pub(crate) start: Option<fn(&mut Members, Files) -> Result<Files>>,
    /// Makes the paths of the topic's members absolute. Those that the CLI reads must exist; it makes the others.
    pub(crate) paths: Option<fn(&mut Members, &Files) -> Result<()>>,
    /// Returns the servers of tools that the program has configured.
    pub(crate) tool_servers: Option<fn(&Members) -> Vec<ToolServer<'_>>>,
    /// Returns whether the program has configured hooks beside its own closures, which may permit calls of tools.
    pub(crate) foreign_hooks: Option<fn(&Members) -> bool>,
    /// Sets the members with which the CLI requests the answer of this library before each call of a tool.
    pub(crate) guard: Option<fn(&mut Members)>,
    /// Returns the model that the program has chosen.
    pub(crate) model: Option<fn(&Members) -> Option<&str>>,
    /// Returns whether running tools survive the CLI that has called them.
    pub(crate) continues: Option<fn(&Members) -> bool>,
    /// Returns whether a call of a built-in tool runs what the program has configured: tool and arguments.
    pub(crate) owns_call: Option<fn(&Members, &str, &Value) -> bool>,
    /// Runs when the CLI has opened the session, before the program gets it, and again after a restart.
    pub(crate) opened: Option<OnOpened<S>>,
    /// Asks the user for a tool of the program: question and choices.
    pub(crate) ask_user: Option<AskUser<S>>,
}

impl<S> Topic<S> {
    pub(crate) const NONE: Self = Self {
        members: &[],
        resume_only: &[],
        requests: &[],
        events: &[],
        head_events: &[],
        state_events: &[],
        unknown: None,
        claims: None,
        refuse: None,
        unreadable: &[],
        handler_of: &[],
        old_methods: &[],
        defaults: None,
        check: None,
        start: None,
        paths: None,
        tool_servers: None,
        foreign_hooks: None,
        guard: None,
        model: None,
        continues: None,
        owns_call: None,
        opened: None,
        ask_user: None,
    };
}

/// The handlers of one event.
#[derive(Debug)]
pub(crate) struct EventHandlers<S> {
    /// Runs before subscribers receive the event.
    pub(crate) state: Option<OnHead<S>>,
    /// Run after subscribers have received the event.
    pub(crate) payload: Option<OnEvent<S>>,
    pub(crate) head: Option<OnHead<S>>,
}

impl<S> EventHandlers<S> {
    const NONE: Self = Self { state: None, payload: None, head: None };
}

/// The topics of this library, sorted for lookup.
pub(crate) struct Topics<S: 'static> {
    topics: &'static [&'static Topic<S>],
    requests: Vec<(&'static str, OnRequest<S>)>,
    /// By [`EventName`] as an index.
    events: [EventHandlers<S>; EventName::COUNT],
}

impl<S> Topics<S> {
    pub(crate) fn new(topics: &'static [&'static Topic<S>]) -> Self {
        let mut requests: Vec<_> = topics.iter().flat_map(|topic| topic.requests).copied().collect();
        requests.sort_unstable_by_key(|(method, _)| *method);
        let mut events = [const { EventHandlers::NONE }; EventName::COUNT];
        for topic in topics {
            for (name, handle) in topic.state_events {
                events[*name as usize].state = Some(*handle);
            }
            for (name, handle) in topic.events {
                events[*name as usize].payload = Some(*handle);
            }
            for (name, handle) in topic.head_events {
                events[*name as usize].head = Some(*handle);
            }
        }
        Self { topics, requests, events }
    }

    pub(crate) fn request(&self, method: &str) -> Option<OnRequest<S>> {
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
    pub(crate) fn unknown(&self, session: &Arc<S>, method: &str, params: &RawValue, responder: Responder) {
        match self.topics.iter().find_map(|topic| topic.unknown) {
            Some(handle) => handle(session, method, params, responder),
            None => responder.error(METHOD_NOT_FOUND, &format!("Unhandled method {method}")),
        }
    }

    /// Whether sessions answer requests of this method.
    pub(crate) fn has_method(&self, method: &str) -> bool {
        self.request(method).is_some()
    }

    pub(crate) fn event(&self, name: EventName) -> &EventHandlers<S> {
        &self.events[name as usize]
    }

    /// Whether a session claims a request that does not name one.
    pub(crate) fn claims(&self, session: &S, method: &str, params: &RawValue) -> bool {
        self.topics.iter().filter_map(|topic| topic.claims).any(|claims| claims(session, method, params))
    }

    /// Answers a request that no session can take with the safe answer of its topic; returns the responder where there
    /// is none.
    pub(crate) fn refuse(&self, method: &str, params: &RawValue, responder: Responder) -> Option<Responder> {
        let mut responder = responder;
        for refuse in self.topics.iter().filter_map(|topic| topic.refuse) {
            responder = refuse(method, params, responder)?;
        }
        Some(responder)
    }

    /// The safe answer to an event that asks and cannot be read.
    pub(crate) fn unreadable(&self, name: EventName) -> Option<OnUnreadable<S>> {
        let all = self.topics.iter().flat_map(|topic| topic.unreadable);
        all.copied().find(|(event, _)| *event == name).map(|(_, safe)| safe)
    }

    /// The setter of the handler that a request would have asked, if the program has set one.
    pub(crate) fn handler_of(&self, session: &S, method: &str) -> Option<&'static str> {
        let mut all = self.topics.iter().flat_map(|topic| topic.handler_of);
        all.find(|(of, _, is_set)| *of == method && is_set(session)).map(|(_, setter, _)| *setter)
    }

    /// The name of a method on older CLIs.
    pub(crate) fn old_method(&self, method: &str) -> Option<&'static str> {
        let mut all = self.topics.iter().flat_map(|topic| topic.old_methods);
        all.find(|(now, _)| *now == method).map(|(_, old)| *old)
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

    /// Makes the paths of all members absolute; returns the files of the session.
    pub(crate) fn resolve(&self, members: &mut Members, files: Files) -> Result<Files> {
        let mut starts = self.topics.iter().filter_map(|topic| topic.start);
        let files = starts.try_fold(files, |files, start| start(members, files))?;
        self.topics.iter().filter_map(|topic| topic.paths).try_for_each(|paths| paths(members, &files))?;
        Ok(files)
    }

    /// Returns the servers of tools that the program has configured.
    pub(crate) fn tool_servers<'a>(&self, members: &'a Members) -> Vec<ToolServer<'a>> {
        self.topics
            .iter()
            .filter_map(|topic| topic.tool_servers)
            .flat_map(|servers| servers(members))
            .collect()
    }

    /// Whether the program has configured hooks beside its own closures.
    pub(crate) fn has_foreign_hooks(&self, members: &Members) -> bool {
        self.topics.iter().filter_map(|topic| topic.foreign_hooks).any(|has_hooks| has_hooks(members))
    }

    /// Removes the members that only `session.resume` carries.
    pub(crate) fn keep_for_create(&self, members: &mut Members) {
        self.resume_only().for_each(|member| members.remove(member));
    }

    /// Whether there are members that only `session.resume` carries.
    pub(crate) fn has_resume_only(&self, members: &Members) -> bool {
        self.resume_only().any(|member| members.has(member))
    }

    fn resume_only(&self) -> impl Iterator<Item = &'static str> {
        self.topics.iter().flat_map(|topic| topic.resume_only).copied()
    }

    /// Has the CLI request the answer of this library before each call of a tool.
    pub(crate) fn guard(&self, members: &mut Members) {
        self.topics.iter().filter_map(|topic| topic.guard).for_each(|guard| guard(members));
    }

    /// Returns the model that the program has chosen.
    pub(crate) fn model<'a>(&self, members: &'a Members) -> Option<&'a str> {
        self.topics.iter().filter_map(|topic| topic.model).find_map(|model| model(members))
    }

    /// Whether running tools survive the CLI that has called them.
    pub(crate) fn continues(&self, members: &Members) -> bool {
        self.topics.iter().filter_map(|topic| topic.continues).any(|continues| continues(members))
    }

    /// Whether a call of a built-in tool runs what the program has configured.
    pub(crate) fn owns_call(&self, members: &Members, tool: &str, arguments: &Value) -> bool {
        self.topics.iter().filter_map(|topic| topic.owns_call).any(|owns| owns(members, tool, arguments))
    }

    /// Refuses a raw member that this library sets: it would reach the CLI twice.
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
    pub(crate) async fn opened(&self, session: &S, peer: &Peer) -> Result<()> {
        for opened in self.topics.iter().filter_map(|topic| topic.opened) {
            if let Some(opened) = opened(session, peer) {
                opened.await?;
            }
        }
        Ok(())
    }

    /// The function that asks the user for a tool of the program.
    pub(crate) fn ask_user(&self) -> Option<AskUser<S>> {
        self.topics.iter().find_map(|topic| topic.ask_user)
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
