//! Changing the tools of a running session.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::Session;
use crate::error::{Error, ErrorKind, Result};
use crate::protocol::SessionId;
use crate::tools::{Tool, ToolSet};

/// The tools that this program gives to a running session. Made by [`Session::tools`].
///
/// A change holds for the agent's next request to the model; calls that run go on.
///
/// # Examples
///
/// ```no_run
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
        self.0.inbox().tools().iter().cloned().collect()
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
    /// The future waits for earlier changes first, and dropped until then it changes nothing. Afterwards the change is
    /// on its way to the CLI and takes place when the CLI answers, also for a future that was dropped.
    ///
    /// Wire: `session.tools.set`, to the CLI.
    pub async fn add(&self, tools: impl IntoIterator<Item = Tool>) -> Result<()> {
        let added: Vec<Tool> = tools.into_iter().collect();
        self.change(|mut tools| {
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
        self.change(|tools| {
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
    pub async fn set(&self, tools: impl IntoIterator<Item = Tool>) -> Result<()> {
        let tools = tools.into_iter().collect();
        self.change(|_| Ok(tools)).await
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
        let mut disabled = self.0.0.disabled_tools.lock().await;
        let tools = self.0.inbox().tools();
        let (off, on): (Vec<Tool>, Vec<Tool>) =
            tools.iter().cloned().partition(|tool| names.contains(tool.name()));
        check_names(&names, &off, "to disable")?;
        self.apply(on).await?;
        disabled.extend(off);
        Ok(())
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
        let mut disabled = self.0.0.disabled_tools.lock().await;
        let (on, off): (Vec<Tool>, Vec<Tool>) =
            disabled.iter().cloned().partition(|tool| names.contains(tool.name()));
        check_names(&names, &on, "that is disabled")?;
        let tools = self.0.inbox().tools();
        self.apply(tools.iter().cloned().chain(on).collect()).await?;
        *disabled = off;
        Ok(())
    }

    /// Changes the tools, one change after the other.
    async fn change(&self, change: impl FnOnce(Vec<Tool>) -> Result<Vec<Tool>>) -> Result<()> {
        let _alone = self.0.0.disabled_tools.lock().await;
        self.apply(change(self.list())?).await
    }

    async fn apply(&self, new: Vec<Tool>) -> Result<()> {
        let session = self.0;
        let inbox = session.inbox();
        let old = inbox.tools();
        let new = Arc::new(ToolSet::new(new, &inbox.states)?.in_profile(old.profile())?);
        // A call may come before the answer, and may be of either set; so both are there until the CLI has answered.
        let names: BTreeSet<&str> = new.iter().map(Tool::name).collect();
        let gone = old.iter().filter(|tool| !names.contains(tool.name()));
        let both = ToolSet::new(new.iter().chain(gone).cloned().collect(), &inbox.states)?;
        let both = both.in_profile(old.profile())?;
        let undo = Undo { session, tools: Some(old) };
        inbox.set_tools(Arc::new(both));
        let params = ToolsSetParams { session_id: session.id(), tools: &new };
        session.order("session.tools.set", &params).await?;
        undo.forget();
        inbox.set_tools(new);
        Ok(())
    }
}

/// Every name must have found its tool.
fn check_names(names: &BTreeSet<String>, found: &[Tool], what: &str) -> Result<()> {
    match names.iter().find(|name| !found.iter().any(|tool| tool.name() == *name)) {
        Some(name) => Err(Error::new(ErrorKind::Tools, format!("this session has no tool `{name}` {what}"))),
        None => Ok(()),
    }
}

/// Puts the old tools back when a change was refused, or its future dropped.
struct Undo<'a> {
    session: &'a Session,
    tools: Option<Arc<ToolSet>>,
}

impl Undo<'_> {
    fn forget(mut self) {
        self.tools = None;
    }
}

impl Drop for Undo<'_> {
    fn drop(&mut self) {
        if let Some(tools) = self.tools.take() {
            self.session.inbox().set_tools(tools);
        }
    }
}
