//! Changing the tools of a running server.

use std::collections::BTreeSet;

use super::core::Core;
use crate::error::{Error, ErrorKind, Result};
use crate::tools::{Tool, ToolList};

/// A view of the tools of a server. Made by [`ServerHandle::tools`](super::ServerHandle::tools).
///
/// Clients that have subscribed to changes are notified of each. Running calls continue. A server behind a load balancer
/// has the same tools on every replica only if each changes them.
///
/// # Examples
///
/// ```
/// /// Deploy the program.
/// #[copilot::tool]
/// async fn deploy() {}
///
/// # fn main() -> copilot::Result<()> {
/// let server = copilot::mcp::Server::new("acme").handle()?;
/// server.tools().add([deploy::TOOL])?;
/// assert_eq!(server.tools().list()[0].name(), "deploy");
/// server.tools().remove(["deploy"])?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Copy)]
#[must_use]
pub struct ServerTools<'a>(&'a Core);

impl<'a> ServerTools<'a> {
    pub(super) fn new(core: &'a Core) -> Self {
        Self(core)
    }

    /// Returns the tools, sorted by name.
    pub fn list(&self) -> Vec<Tool> {
        self.0.listed().tools.iter().cloned().collect()
    }

    /// Adds tools.
    ///
    /// # Errors
    ///
    /// Returns an error if a tool clashes with another one or lacks state. The tools then stay as they are.
    pub fn add(&self, tools: impl ToolList) -> Result<()> {
        let added: Vec<Tool> = tools.into_iter().collect();
        self.0.change(|mut all| {
            all.extend(added);
            Ok(all)
        })
    }

    /// Removes tools, by name.
    ///
    /// # Errors
    ///
    /// Returns an error if the server has no tool of that name. The tools then stay as they are.
    pub fn remove(&self, names: impl IntoIterator<Item = impl Into<String>>) -> Result<()> {
        let mut names: BTreeSet<String> = names.into_iter().map(Into::into).collect();
        self.0.change(|all| {
            let kept = all.into_iter().filter(|tool| !names.remove(tool.name())).collect();
            match names.first() {
                None => Ok(kept),
                Some(name) => {
                    let message = format!("this server has no tool `{name}` to remove");
                    Err(Error::new(ErrorKind::Tools, message))
                }
            }
        })
    }
}

impl std::fmt::Debug for ServerTools<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ServerTools").field(&self.list()).finish()
    }
}
