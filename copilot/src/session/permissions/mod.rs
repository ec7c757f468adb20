//! Permissions: requests of the CLI, decisions of the program, and the guard of calls that the CLI makes no request for.
//!
//! `policy`, `decision`, `request`, `granted` and `tool_origin` are pure. `decide` answers requests, `pending` those of the
//! CLI's list, and `guard` answers the CLI's `preToolUse` hook. They find the settings of their session in `state`.

pub(crate) mod decide;
pub(crate) mod decision;
mod granted;
mod guard;
pub(in crate::session) mod name_clash;
pub(in crate::session) mod pending;
pub(crate) mod policy;
pub(crate) mod request;
pub(in crate::session) mod state;
mod tool_origin;

use super::core::Topic;
use crate::events::EventName;

/// The handlers of permission requests.
pub(crate) const TOPIC: Topic = Topic {
    events: &[
        (EventName::PermissionRequested, decide::requested),
        (EventName::McpServersLoaded, |session, data| session.servers_loaded(data)),
        (EventName::McpServerStatusChanged, |session, _| session.look_for_clashes()),
    ],
    state_events: &[(EventName::PermissionCompleted, |session, event| session.permission_completed(event))],
    unreadable: &[(EventName::PermissionRequested, decide::unreadable)],
    opened: Some(|session, _| guard::opened(session)),
    ..Topic::NONE
};
