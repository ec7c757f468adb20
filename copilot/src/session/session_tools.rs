//! Changing the tools of a running session.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::OwnedMutexGuard;

use crate::error::{Error, ErrorKind, Result};
use crate::protocol::SessionId;
use crate::rpc::Outcome;
use crate::session::core::SessionCore;
use crate::session::handle::Session;
use crate::session::tool_changes::ToolChanges;
use crate::task::DropGuard;
use crate::tools::{Tool, ToolList, ToolSet};

/// The tools that this program gives to a running session. Made by [`Session::tools`].
///
/// A change holds for the agent's next request to the model; running calls continue.
///
/// # Examples
///
/// ```no_run,standalone_crate
/// /// Deploy the program.
/// #[copilot::tool(destructive)]
/// async fn deploy() -> String {
///     "deployed".to_owned()
/// }
///
/// # async fn example(session: copilot::Session) -> copilot::Result<()> {
/// session.tools().add([deploy::TOOL]).await?;
/// session.ask("Deploy it.").await?;
/// session.tools().remove(["deploy"]).await?;
/// # Ok(())
/// # }
/// ```
///
/// Wire: `session.tools.set`, to the CLI.
#[derive(Clone, Copy, Debug)]
#[must_use]
pub struct SessionTools<'a>(&'a Session);

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ToolsSetParams<'a> {
    session_id: &'a SessionId,
    tools: &'a ToolSet,
}

impl Session {
    /// The tools that this program gives to the session, to look at and to change.
    pub fn tools(&self) -> SessionTools<'_> {
        SessionTools(self)
    }
}

impl SessionTools<'_> {
    /// The tools that the session has now, sorted by name.
    pub fn list(&self) -> Vec<Tool> {
        self.0.core().tools().iter().cloned().collect()
    }

    /// Adds tools.
    ///
    /// # Errors
    ///
    /// When one does not fit to the others or lacks state, when the connection is lost, and when the CLI is too old
    /// (before 1.0.82). The tools are then as before.
    ///
    /// # Cancel safety
    ///
    /// The future waits for earlier changes and for a connection first, and dropped until then it changes nothing.
    /// Afterwards the change is on its way to the CLI and takes place when the CLI answers, also for a future that was
    /// dropped.
    ///
    /// Wire: `session.tools.set`, to the CLI.
    pub async fn add(&self, tools: impl ToolList) -> Result<()> {
        let added: Vec<Tool> = tools.into_iter().collect();
        self.change(|mut tools, _| {
            tools.extend(added);
            Ok(tools)
        })
        .await
    }

    /// Takes tools away, by name.
    ///
    /// # Errors
    ///
    /// When the session has no tool of that name, when the connection is lost, and when the CLI is too old (before
    /// 1.0.82). The tools are then as before.
    ///
    /// # Cancel safety
    ///
    /// As [`SessionTools::add`].
    ///
    /// Wire: `session.tools.set`, to the CLI.
    pub async fn remove(&self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<()> {
        let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        self.change(|tools, _| {
            let (gone, kept): (Vec<Tool>, Vec<Tool>) =
                tools.into_iter().partition(|tool| names.contains(tool.name()));
            check_names(&names, &gone, "to take away")?;
            Ok(kept)
        })
        .await
    }

    /// Puts these tools in place of all that there are.
    ///
    /// # Errors
    ///
    /// As [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// As [`SessionTools::add`].
    ///
    /// Wire: `session.tools.set`, to the CLI.
    pub async fn set(&self, tools: impl ToolList) -> Result<()> {
        let tools = tools.into_iter().collect();
        self.change(|_, _| Ok(tools)).await
    }

    /// Takes tools away for a while, by name; [`enable`](Self::enable) brings them back.
    ///
    /// # Errors
    ///
    /// As [`remove`](Self::remove).
    ///
    /// # Cancel safety
    ///
    /// As [`SessionTools::add`].
    ///
    /// Wire: `session.tools.set`, to the CLI.
    pub async fn disable(&self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<()> {
        let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        self.change(|tools, disabled| {
            let (off, on): (Vec<Tool>, Vec<Tool>) =
                tools.into_iter().partition(|tool| names.contains(tool.name()));
            check_names(&names, &off, "to disable")?;
            disabled.extend(off);
            Ok(on)
        })
        .await
    }

    /// Brings disabled tools back, by name.
    ///
    /// # Errors
    ///
    /// When no tool of that name is disabled, and as [`add`](Self::add).
    ///
    /// # Cancel safety
    ///
    /// As [`SessionTools::add`].
    ///
    /// Wire: `session.tools.set`, to the CLI.
    pub async fn enable(&self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<()> {
        let names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        self.change(|mut tools, disabled| {
            let (on, off): (Vec<Tool>, Vec<Tool>) =
                std::mem::take(disabled).into_iter().partition(|tool| names.contains(tool.name()));
            check_names(&names, &on, "that is disabled")?;
            *disabled = off;
            tools.extend(on);
            Ok(tools)
        })
        .await
    }

    /// Changes the tools, those in use and those that are disabled, one change after the other.
    async fn change(
        &self,
        change: impl FnOnce(Vec<Tool>, &mut Vec<Tool>) -> Result<Vec<Tool>>,
    ) -> Result<()> {
        let session = self.0;
        let mut changes = Arc::clone(session.0.tool_changes.get_or_init(Arc::default)).lock_owned().await;
        changes.retired.clear();
        let mut disabled = changes.disabled.clone();
        let new = change(self.list(), &mut disabled)?;
        let core = &session.0.core;
        let old = core.tools();
        let new = Arc::new(ToolSet::new(new, &core.states)?.in_profile(old.profile())?);
        // A call may come before the answer, and may be of either set; so both are there until the CLI has answered.
        let names: BTreeSet<&str> = new.iter().map(Tool::name).collect();
        let gone: Vec<Tool> = old.iter().filter(|tool| !names.contains(tool.name())).cloned().collect();
        let both = if gone.is_empty() {
            Arc::clone(&new)
        } else {
            let both = ToolSet::new(new.iter().cloned().chain(gone).collect(), &core.states)?;
            Arc::new(both.in_profile(old.profile())?)
        };
        // Before the tools change: a session that is resumed meanwhile gets those that the CLI has accepted.
        let peer = session.peer().await?;
        let change = Change { core: Arc::clone(core), old, new: Arc::clone(&new), disabled, changes };
        let change = DropGuard::new(change, Change::never_sent);
        drop(core.swap_tools(both));
        let params = ToolsSetParams { session_id: session.id(), tools: &new };
        let settle = move |outcome| change.dismiss().settle(&outcome);
        peer.request("session.tools.set", &params).on_end(settle).raw().await.map(drop)
    }
}

/// Every name must have found its tool.
fn check_names(names: &BTreeSet<String>, found: &[Tool], what: &str) -> Result<()> {
    match names.iter().find(|name| !found.iter().any(|tool| tool.name() == *name)) {
        Some(name) => Err(Error::new(ErrorKind::Tools, format!("this session has no tool `{name}` {what}"))),
        None => Ok(()),
    }
}

/// A change that the CLI has not answered yet. It holds the lock, so that the next change finds what became of it.
///
/// The tools of the session have to be those that the CLI has: the new ones when it has taken them, else the old ones.
struct Change {
    core: Arc<SessionCore>,
    old: Arc<ToolSet>,
    new: Arc<ToolSet>,
    disabled: Vec<Tool>,
    changes: OwnedMutexGuard<ToolChanges>,
}

impl Change {
    fn settle(self, outcome: &Outcome) {
        let Self { core, old, new, disabled, mut changes } = self;
        let before = if outcome.done {
            changes.disabled = disabled;
            core.swap_tools(new)
        } else {
            core.swap_tools(old)
        };
        if !outcome.awaited {
            changes.retired.push(before);
        }
    }

    fn never_sent(self) {
        self.settle(&Outcome { done: false, awaited: false });
    }
}
