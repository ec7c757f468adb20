//! The needs of a session that its client and `compat` implement; a session names neither.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use futures_core::future::BoxFuture;

use super::core::{Occasion, SessionCore, Settings};
use super::paths::Files;
use super::permissions::decision::{Decision, WordsFor};
use crate::error::Result;
use crate::events::{Event, EventStream, Subscribers};
use crate::protocol::connection::CliVersion;
use crate::protocol::session::SendOptions;
use crate::rpc::Peer;
use crate::trace::Observation;

/// The method that detaches a session.
pub(super) const DETACH: &str = "session.detach";

/// Provides a connection, starting one where there is none.
pub(crate) trait Connect: Send {
    /// Returns the place of the files of its sessions.
    fn files(&self) -> Files;

    /// With `isolated`, connects only to a CLI that does not read the user's own settings, as far as the client can
    /// know; any other is refused before it is started.
    fn connect(self: Box<Self>, isolated: bool) -> BoxFuture<'static, Result<Link>>;
}

/// A session's side of a connection.
#[derive(Clone)]
pub(crate) struct Link {
    pub(crate) peer: Peer,
    pub(crate) cli: Arc<CliVersion>,
    /// The differences of the CLI from the newest one, chosen at the handshake.
    pub(crate) compat: Arc<dyn Compat>,
    pub(crate) carrier: Arc<dyn Carrier>,
    /// Whether the CLI was there before, and may have other clients.
    pub(crate) shared: bool,
}

/// The connection that a session lives on; holding it keeps the connection open.
pub(crate) trait Carrier: Send + Sync {
    /// Delivers messages for the session to its core. A resumed session replaces the one that has its id on this client; a
    /// new one fails when the id is taken. Fails when the connection has ended. Returns whether the session replaces another
    /// one, and so is open on the CLI already.
    fn register(&self, core: Arc<SessionCore>, occasion: Occasion) -> Result<bool>;

    /// Stops delivering messages to this core; another session that has the same id by now is kept.
    fn unregister(&self, core: &SessionCore);

    /// Handles the end of the session: a connection that was started only for it is stopped.
    fn release(&self) -> BoxFuture<'_, Result<()>>;

    /// Returns the spans and measurements that the client wants.
    fn observation(&self) -> &Arc<Observation>;
}

/// The differences of the running CLI from the newest one. The default of each method is the newest CLI.
pub(crate) trait Compat: fmt::Debug + Send + Sync {
    /// Refuses settings that the CLI lacks, and would ignore silently.
    fn check(&self, settings: &Settings) -> Result<()> {
        let _ = settings;
        Ok(())
    }

    /// Changes settings that the CLI reads in another way. `tools` are the names of the program's tools.
    fn adapt(&self, settings: &mut Settings, tools: &mut dyn Iterator<Item = &str>) {
        let _ = (settings, tools);
    }

    /// Refuses options of a message that the CLI lacks.
    fn check_message(&self, message: &SendOptions) -> Result<()> {
        let _ = message;
        Ok(())
    }

    /// Whether the CLI knows the members of the safe defaults.
    fn has_safe_defaults(&self) -> bool {
        true
    }

    /// Returns the name of a method where its response cannot be waited for.
    fn method(&self, method: &'static str) -> &'static str {
        method
    }

    /// Whether the model gets the schema of a typed reply.
    fn has_response_format(&self) -> bool {
        true
    }

    /// Returns the words for decisions about permissions.
    fn permission_words(&self) -> WordsFor {
        |_| Decision::to_wire
    }

    /// Returns the gate that keeps the turns of a session apart, where the events of the CLI do not name their message.
    fn turn_gate(&self) -> Option<Box<dyn TurnGate>> {
        None
    }
}

/// Lets the turns of one session pass one after the other.
pub(crate) trait TurnGate: Send + Sync {
    /// Waits for the turns before. An abandoned turn is not waited for when the session has been silent for half of
    /// `idle_timeout`.
    fn pass<'a>(
        &'a self,
        subscribers: &'a Subscribers,
        idle_timeout: Option<Duration>,
    ) -> BoxFuture<'a, Box<dyn TurnPass>>;
}

/// Returns whether a message can no longer be confused with the next one, for each event, and once without an event.
pub(crate) type Watch = Box<dyn FnMut(Option<&Event>) -> bool + Send>;

/// The right to send a message. Its drop lets the next turn pass.
pub(crate) trait TurnPass: Send {
    /// Keeps the right until `watch` returns `true` or the events end, because the agent may still begin with the
    /// message.
    fn abandon(self: Box<Self>, events: EventStream, watch: Watch);
}
