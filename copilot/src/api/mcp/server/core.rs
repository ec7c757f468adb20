//! The parts of a server that all connections share.

use std::sync::{Arc, Mutex, RwLock};

use rmcp::model;
use tokio::sync::watch;

use super::definition::definition;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::SessionId;
use crate::task::{CancellationToken, lock, read, write};
use crate::tools::{SchemaProfile, StateMap, Timeouts, Tool, ToolSet};

pub(super) struct Core {
    pub(super) info: model::ServerConfig,
    pub(super) id: SessionId,
    pub(super) states: Arc<StateMap>,
    pub(super) policy: Policy,
    /// Cancelled when the service for HTTP ends, so that subscriptions end.
    pub(super) closing: CancellationToken,
    tools: RwLock<Arc<Listed>>,
    /// Held during a change, so that none is lost.
    changing: Mutex<()>,
    changes: watch::Sender<()>,
}

/// The settings of all calls.
pub(super) struct Policy {
    /// Whether clients read the text of foreign errors.
    pub(super) errors_visible: bool,
    /// The largest result, in bytes.
    pub(super) max_result: usize,
    pub(super) timeouts: Timeouts,
    /// Whether calls that need an approval run without one.
    pub(super) unattended: bool,
    /// The number of tools in one answer.
    pub(super) page: usize,
}

/// The tools at one time, sorted by name, each with the form that clients receive.
pub(super) struct Listed {
    pub(super) tools: ToolSet,
    pub(super) definitions: Vec<model::Tool>,
}

impl Listed {
    fn new(tools: ToolSet) -> Result<Self> {
        let profile = tools.profile();
        if let Some(declared) = tools.iter().find(|tool| tool.is_declared_only()) {
            let message = format!(
                "the tool `{}` at {} has no function, so an MCP server cannot run it; make it with `run` or `typed`",
                declared.name(),
                declared.location()
            );
            return Err(Error::new(ErrorKind::Tools, message));
        }
        let definitions = tools.iter().map(|tool| definition(tool, profile)).collect::<Result<_>>()?;
        Ok(Self { tools, definitions })
    }

    /// Returns the form that clients receive of the tool of that name.
    pub(super) fn definition(&self, name: &str) -> Option<&model::Tool> {
        let index = self.definitions.binary_search_by(|tool| (*tool.name).cmp(name)).ok()?;
        self.definitions.get(index)
    }
}

impl Core {
    pub(super) fn new(
        info: model::ServerConfig,
        id: SessionId,
        tools: ToolSet,
        states: Arc<StateMap>,
        policy: Policy,
    ) -> Result<Self> {
        Ok(Self {
            info,
            id,
            states,
            policy,
            closing: CancellationToken::default(),
            tools: RwLock::new(Arc::new(Listed::new(tools)?)),
            changing: Mutex::new(()),
            changes: watch::Sender::new(()),
        })
    }

    pub(super) fn listed(&self) -> Arc<Listed> {
        Arc::clone(&read(&self.tools))
    }

    /// Returns a receiver of the changes of the tools from now on.
    pub(super) fn changes(&self) -> watch::Receiver<()> {
        self.changes.subscribe()
    }

    /// Changes the tools, and notifies the clients. With an error they stay as they are.
    pub(super) fn change(&self, change: impl FnOnce(Vec<Tool>) -> Result<Vec<Tool>>) -> Result<()> {
        // Dropped after the lock is released, because the drop of a tool is code of the program.
        let old;
        let _one = lock(&self.changing);
        old = self.listed();
        let profile: SchemaProfile = old.tools.profile();
        let tools = ToolSet::new(change(old.tools.iter().cloned().collect())?, &self.states)?;
        let new = Arc::new(Listed::new(tools.in_profile(profile)?)?);
        *write(&self.tools) = new;
        self.changes.send_replace(());
        Ok(())
    }
}
