//! Support for older CLIs: everything that the newest one does not need.
//!
//! `versions` refuses features that the running CLI lacks, `turns` keeps turns apart where events do not name their
//! message, `protocol_2` answers the requests of protocol 2, and `permission_words` has the older words for decisions. A
//! session gets them at the handshake as [`Compat`], and their handlers as a topic.

mod permission_words;
mod protocol_2;
mod turns;
mod versions;

use std::sync::Arc;

use crate::error::Result;
use crate::events::EventName;
use crate::protocol::connection::CliVersion;
use crate::protocol::session::SendOptions;
use crate::session::core::{Settings, Topic};
use crate::session::link::{Compat, TurnGate};
use crate::session::permissions::decision::WordsFor;

/// The requests and methods of older CLIs.
pub(crate) const TOPIC: Topic = Topic {
    requests: &[("tool.call", protocol_2::tool_call), ("permission.request", protocol_2::permission_request)],
    state_events: &[(EventName::Abort, protocol_2::aborted)],
    refuse: Some(protocol_2::refuse),
    handler_of: &[("permission.request", "on_permission", |session| session.permission_handler().is_some())],
    old_methods: &[
        ("session.detach", "session.destroy"),
        ("session.history.compact", "session.compaction.compact"),
        ("session.workspaces.listFiles", "session.workspace.listFiles"),
        ("session.workspaces.readFile", "session.workspace.readFile"),
        ("session.workspaces.createFile", "session.workspace.createFile"),
    ],
    ..Topic::NONE
};

/// Returns the differences of a CLI from the newest one.
pub(crate) fn of(cli: &Arc<CliVersion>) -> Arc<dyn Compat> {
    Arc::new(Differences(Arc::clone(cli)))
}

/// The differences of one CLI from the newest one.
#[derive(Debug)]
struct Differences(Arc<CliVersion>);

impl Compat for Differences {
    fn check(&self, settings: &Settings) -> Result<()> {
        versions::check(&self.0, settings)
    }

    fn adapt(&self, settings: &mut Settings, tools: &mut dyn Iterator<Item = &str>) {
        versions::narrow(&self.0, &mut settings.members, tools);
    }

    fn check_message(&self, message: &SendOptions) -> Result<()> {
        versions::check_message(&self.0, message)
    }

    fn has_safe_defaults(&self) -> bool {
        self.0.protocol > 2
    }

    fn method(&self, method: &'static str) -> &'static str {
        match method {
            "session.detach" if !self.0.at_least([1, 0, 82]) => "session.destroy",
            other => other,
        }
    }

    fn has_response_format(&self) -> bool {
        versions::has_response_format(&self.0)
    }

    fn permission_words(&self) -> WordsFor {
        permission_words::choose
    }

    fn turn_gate(&self) -> Option<Box<dyn TurnGate>> {
        (!self.0.correlates_messages()).then(|| Box::new(turns::OneByOne::default()) as _)
    }
}
