//! The permissions of one session: its settings, and what it has granted.

use std::sync::atomic::{AtomicBool, AtomicUsize};
use std::sync::{Mutex, OnceLock};

use super::decision::{Decided, WordsFor};
use super::granted::Granted;
use super::policy::Permissions;
use super::request::PermissionRequest;
use crate::session::core::SessionCore;
use crate::session::core::handler::Handler;

/// The permissions as the program has set them.
#[derive(Clone, Debug, Default)]
pub(in crate::session) struct PermissionSettings {
    /// Decides where there is no handler.
    pub(in crate::session) policy: Permissions,
    pub(in crate::session) handler: Option<Handler<PermissionRequest, Decided>>,
    /// Whether the program has set one of the two.
    pub(in crate::session) decides: bool,
    /// Whether approvals of earlier sessions count.
    pub(in crate::session) saved_approvals: bool,
}

impl PermissionSettings {
    /// Whether there are calls that may be denied.
    fn decides_calls(&self) -> bool {
        self.handler.is_some() || !self.policy.grants_all()
    }
}

/// The permissions of one session.
#[derive(Debug)]
pub(in crate::session) struct PermissionState {
    pub(super) settings: PermissionSettings,
    /// Whether the program has joined the session of other clients, and leaves decisions to them.
    pub(super) joins: bool,
    /// Whether a tool of the program may have the name of a tool of an MCP server.
    pub(super) watches_names: bool,
    /// The words for decisions that the CLI reads.
    pub(super) words: WordsFor,
    /// Absent until something is remembered: most sessions need none of it.
    memory: OnceLock<Box<Memory>>,
}

/// The memory of a session about its permissions.
#[derive(Debug, Default)]
pub(super) struct Memory {
    pub(super) granted: Granted,
    /// Whether hooks of files and plugins may permit calls.
    pub(super) foreign_hooks: AtomicBool,
    /// How often the CLI has opened the session since something is remembered.
    pub(super) opened: AtomicUsize,
    /// The opening after which the CLI was asked for such hooks.
    pub(super) prepared: tokio::sync::Mutex<Option<usize>>,
    /// The MCP servers that the CLI has found beside the configured ones.
    pub(super) servers: Mutex<Vec<String>>,
    /// The tools whose names were reported.
    pub(super) clashes: Mutex<Vec<String>>,
    /// The tools whose denial for want of a rule was logged.
    pub(super) denied: Mutex<Vec<String>>,
}

impl PermissionState {
    pub(in crate::session) fn new(
        settings: PermissionSettings,
        joins: bool,
        watches_names: bool,
        words: WordsFor,
    ) -> Self {
        Self { settings, joins, watches_names, words, memory: OnceLock::new() }
    }

    /// Whether there are calls that may be denied.
    pub(super) fn decides_calls(&self) -> bool {
        self.settings.decides_calls()
    }

    /// Whether this library answers the CLI's `preToolUse` hook.
    pub(in crate::session) fn guards(&self) -> bool {
        !self.joins && (self.decides_calls() || self.watches_names)
    }

    pub(super) fn memory(&self) -> &Memory {
        self.memory.get_or_init(Box::default)
    }

    /// The same, where something was remembered.
    pub(super) fn existing_memory(&self) -> Option<&Memory> {
        self.memory.get().map(|memory| &**memory)
    }

    pub(super) fn granted(&self) -> &Granted {
        &self.memory().granted
    }
}

impl SessionCore {
    pub(super) fn permissions(&self) -> &PermissionState {
        self.topic().expect("the builder of a session sets its permissions")
    }
}
