//! The router from incoming messages to sessions.
//!
//! The reader delivers directly to the session core, without a queue. Messages for sessions of other clients are dropped
//! before they are decoded: old CLIs send the events of all sessions to all clients.

use std::borrow::Borrow;
use std::sync::{Arc, Mutex, MutexGuard, RwLock, RwLockReadGuard, RwLockWriteGuard};
use std::task::Waker;

use serde_json::value::RawValue;

use super::broadcast::Broadcast;
use super::lifecycle::LifecycleEvent;
use super::{github_telemetry, lifecycle};
use crate::error::{Error, ErrorKind, Result};
use crate::events::EventHead;
use crate::hash::IdMap;
use crate::host::Providers;
use crate::protocol::SessionId;
use crate::protocol::decode::{self, Decode};
use crate::protocol::github_telemetry::GithubTelemetry;
use crate::protocol::scan::{Scan, Scanner};
use crate::rpc::{Head, INTERNAL_ERROR, INVALID_PARAMS, IncomingId, METHOD_NOT_FOUND, Responder, Service};
use crate::session::core::{Occasion, SessionCore, Topics};
use crate::task::{lock, read, write};

/// The open sessions of a client.
pub(super) struct Router {
    topics: &'static Topics,
    sessions: RwLock<Sessions>,
    /// Wakers of subscribers, woken once the reader has caught up. Only the reader's task locks it.
    asleep: Mutex<Vec<Waker>>,
    pub(super) lifecycle: Broadcast<LifecycleEvent>,
    pub(super) telemetry: Broadcast<GithubTelemetry>,
    /// The services for requests outside of sessions.
    pub(super) providers: Providers,
}

#[derive(Default)]
struct Sessions {
    inboxes: IdMap<SessionId, Arc<SessionCore>>,
    /// The cause of the end of the client.
    ended: Option<Error>,
}

impl Router {
    pub(super) fn new(providers: Providers, topics: &'static Topics) -> Self {
        Self {
            topics,
            sessions: RwLock::default(),
            asleep: Mutex::default(),
            lifecycle: Broadcast::default(),
            telemetry: Broadcast::default(),
            providers,
        }
    }

    /// Adds a session. A resumed one replaces the session that has its id, which ends; returns whether there is one.
    pub(super) fn register(&self, inbox: Arc<SessionCore>, occasion: Occasion) -> Result<bool> {
        let replaced = {
            let mut sessions = self.write();
            if let Some(cause) = &sessions.ended {
                return Err(cause.clone());
            }
            if occasion == Occasion::Create && sessions.inboxes.contains_key(&inbox.id) {
                let message = format!(
                    "session {} is open on this client already; close it first, or take it over with `Client::resume`",
                    inbox.id
                );
                return Err(Error::new(ErrorKind::Configuration, message));
            }
            sessions.inboxes.insert(inbox.id.clone(), inbox)
        };
        let Some(replaced) = replaced else { return Ok(false) };
        // Runs wakers and drops of the program: not under the lock.
        crate::contain::logged("a subscriber", || replaced.replaced());
        Ok(true)
    }

    /// Removes a session, unless another one was opened with the same id meanwhile.
    pub(super) fn unregister(&self, inbox: &SessionCore) {
        let mut sessions = self.write();
        let is_it =
            sessions.inboxes.get(&inbox.id).is_some_and(|other| std::ptr::eq(&raw const **other, inbox));
        let gone = if is_it { sessions.inboxes.remove(&inbox.id) } else { None };
        drop(sessions);
        // The drop of its handlers runs code of the program: not under the lock.
        drop(gone);
    }

    pub(super) fn all(&self) -> Vec<Arc<SessionCore>> {
        self.read().inboxes.values().cloned().collect()
    }

    /// Interrupts all sessions: the connection is lost, and may be restored. Running work is cancelled. Returns the sessions,
    /// each with its cancelled work.
    pub(super) fn interrupt(&self, cause: &Error) -> Vec<(Arc<SessionCore>, Vec<String>)> {
        self.providers.interrupt();
        let inboxes = self.all();
        // All of them, before the first event reports it.
        inboxes.iter().for_each(|inbox| inbox.connection.set_disconnected());
        let interrupt = |inbox: Arc<SessionCore>| {
            let mut cancelled = Vec::new();
            crate::contain::logged("a subscriber", || cancelled = inbox.interrupt(cause));
            (inbox, cancelled)
        };
        inboxes.into_iter().map(interrupt).collect()
    }

    /// Ends all sessions with the cause, and refuses further ones.
    pub(super) fn disconnect(&self, cause: &Error) {
        let inboxes = {
            let mut sessions = self.write();
            sessions.ended.get_or_insert_with(|| cause.clone());
            std::mem::take(&mut sessions.inboxes)
        };
        self.lifecycle.close();
        self.telemetry.close();
        self.providers.interrupt();
        inboxes.values().for_each(|inbox| drop(inbox.connection.close(cause)));
        for inbox in inboxes.values() {
            crate::contain::logged("a subscriber", || inbox.disconnect(cause));
        }
    }

    fn get(&self, id: &str) -> Option<Arc<SessionCore>> {
        self.read().inboxes.get(id).cloned()
    }

    /// Returns the session that claims a request without a session id.
    fn claimed(&self, method: &str, params: &RawValue) -> Option<Arc<SessionCore>> {
        self.read().inboxes.values().find(|inbox| self.topics.claims(inbox, method, params)).cloned()
    }

    /// Answers a request that no session can handle.
    fn refuse(&self, method: &str, params: &RawValue, responder: Responder, code: i64, why: &str) {
        SessionCore::refuse(self.topics, method, params, responder, code, why);
    }

    fn event(&self, session: &str, head: &EventHead<'_>) {
        if let Some(inbox) = self.get(session) {
            inbox.event(head, &mut self.asleep());
        }
    }

    fn read(&self) -> RwLockReadGuard<'_, Sessions> {
        read(&self.sessions)
    }

    fn write(&self) -> RwLockWriteGuard<'_, Sessions> {
        write(&self.sessions)
    }

    fn asleep(&self) -> MutexGuard<'_, Vec<Waker>> {
        lock(&self.asleep)
    }
}

/// The members of most notifications, decoded together with the envelope.
#[derive(Default, Decode)]
pub(super) struct Routed<'a> {
    #[serde(rename = "sessionId", default)]
    session: Option<&'a str>,
    #[serde(default)]
    event: Option<EventHead<'a>>,
    /// The kind of the change, in `session.lifecycle`.
    #[serde(rename = "type", default)]
    kind: Option<&'a str>,
    #[serde(default)]
    metadata: Option<&'a RawValue>,
}

impl<'a> Scan<'a> for Routed<'a> {
    #[inline]
    fn member(&mut self, name: &'a str, scanner: &mut Scanner<'a>) -> Option<u32> {
        Some(match name {
            "sessionId" => {
                self.session = Some(scanner.text()?);
                0
            }
            "event" => {
                scanner.object(self.event.insert(EventHead::default()))?;
                1
            }
            "type" => {
                self.kind = Some(scanner.text()?);
                2
            }
            "metadata" => {
                self.metadata = scanner.value()?;
                3
            }
            _ => scanner.other()?,
        })
    }
}

/// An event with escapes in its ids, or without some of them.
#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct Unusual<'a> {
    session_id: String,
    event: EventHead<'a>,
}

#[derive(Decode)]
#[serde(rename_all = "camelCase")]
struct OnlySession {
    #[serde(default)]
    session_id: Option<String>,
}

impl Service for Router {
    type Params<'a> = Routed<'a>;

    fn notification<'a>(&self, method: &str, params: &mut Routed<'a>, whole: Option<&'a Arc<String>>) {
        match (method, params) {
            ("session.event", Routed { session: Some(session), event: Some(head), .. }) => {
                head.whole = whole;
                self.event(session, head);
            }
            ("session.lifecycle", Routed { session: Some(session), kind: Some(kind), metadata, .. }) => {
                lifecycle::publish(&self.lifecycle, kind, session, *metadata);
            }
            // `host.event` is not documented.
            _ => tracing::trace!(method, "a notification without a handler"),
        }
    }

    fn unusual_notification(&self, method: &str, params: &RawValue) {
        if method == "gitHubTelemetry.event" {
            return github_telemetry::publish(&self.telemetry, params);
        }
        if method != "session.event" {
            return tracing::trace!(method, "a notification without a handler");
        }
        match decode::event::<Unusual<'_>>(params.get()) {
            Ok(Unusual { session_id, event }) => self.event(&session_id, &event),
            Err(error) => tracing::warn!(%error, "an event cannot be decoded"),
        }
    }

    fn caught_up(&self) {
        // A waker that panics must not leave the others asleep.
        self.asleep().drain(..).for_each(|waker| crate::contain::logged("a waker", || waker.wake()));
    }

    fn request(&self, method: &str, params: &RawValue, responder: Responder) {
        // Some requests are for sessions that are not open yet, or not any more.
        let Some(responder) = self.providers.request(method, params, responder) else { return };
        let session = match decode::question::<Option<OnlySession>>(params.get()) {
            Ok(read) => read.and_then(|params| params.session_id),
            Err(error) => {
                let why = format!("{method}: {error}");
                return self.refuse(method, params, responder, INVALID_PARAMS, &why);
            }
        };
        let Some(session) = session else {
            if let Some(inbox) = self.claimed(method, params) {
                return inbox.request(method, params, responder);
            }
            if self.topics.has_method(method) {
                let why = format!("{method}: `sessionId` is missing");
                return self.refuse(method, params, responder, INVALID_PARAMS, &why);
            }
            return responder.error(METHOD_NOT_FOUND, &format!("Unhandled method {method}"));
        };
        match self.get(&session) {
            Some(inbox) => inbox.request(method, params, responder),
            None => {
                let why = format!("Session not found: {session}");
                self.refuse(method, params, responder, INTERNAL_ERROR, &why);
            }
        }
    }

    fn unreadable_request(&self, method: &str, responder: Responder, why: &str) {
        self.refuse(method, RawValue::NULL, responder, INVALID_PARAMS, why);
    }

    fn skipped(&self, head: &Head<'_>, why: &str) {
        match head.session.as_deref().and_then(|session| self.get(session)) {
            Some(inbox) => inbox.skipped(head, why),
            None => {
                tracing::warn!(event = head.event, session = head.session, why, "a notification was skipped");
            }
        }
    }

    fn cancelled(&self, id: IncomingId) {
        // Rare, so every session is searched.
        self.all().iter().for_each(|inbox| inbox.calls.cancel_request(id));
    }
}

impl Borrow<str> for SessionId {
    fn borrow(&self) -> &str {
        self.as_str()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::api::TOPICS;
    use crate::rpc::Peer;
    use crate::session::core::Settings;
    use crate::session::core::ToolPolicy;
    use crate::tools::{StateMap, ToolSet};

    fn inbox(id: &str) -> Arc<SessionCore> {
        let peer = Peer::new(Box::new(tokio::io::sink()));
        let (settings, tools) = (Settings::default(), ToolSet::default());
        let states = Arc::new(StateMap::default());
        SessionCore::new(
            id.into(),
            (peer, Arc::default()),
            &TOPICS,
            settings,
            tools,
            states,
            ToolPolicy::default(),
        )
    }

    #[test]
    fn a_session_removes_only_itself() {
        let router = Router::new(Providers::default(), &TOPICS);
        let (first, second) = (inbox("s"), inbox("s"));
        router.register(Arc::clone(&first), Occasion::Create).unwrap();
        let refused = router.register(Arc::clone(&second), Occasion::Create).unwrap_err();
        assert_eq!(refused.kind(), ErrorKind::Configuration);
        router.unregister(&second);
        assert!(router.get("s").is_some());
        router.register(second, Occasion::Resume).unwrap();
        assert!(first.is_closed());
        router.unregister(&first);
        assert!(router.get("s").is_some());
    }

    #[test]
    fn a_client_that_has_ended_refuses_sessions() {
        let router = Router::new(Providers::default(), &TOPICS);
        router.disconnect(&Error::new(ErrorKind::Closed, "the end"));
        assert_eq!(router.register(inbox("s"), Occasion::Resume).unwrap_err().to_string(), "the end");
        assert!(router.get("s").is_none());
    }
}
