//! A tool of the program and a tool of an MCP server that have one name for the model.
//!
//! The CLI calls a tool `boom` of a server `x` by the name `x-boom`, and runs it where the program has a tool of that
//! name as well. A clash with a list of tools that the program itself has written is refused at the start; any other
//! one is found when the server lists its tools, is reported with both names, and its calls are denied.

use std::sync::Arc;

use serde_json::value::RawValue;
use tracing::Span;

use crate::error::{Error, ErrorKind, Result};
use crate::events::{Event, HandlerFailure};
use crate::protocol::decode::{self, Decode};
use crate::protocol::mcp::McpToolsParams;
use crate::random;
use crate::session::core::in_flight::{self, Cause, Work};
use crate::session::core::reentrancy::within_session;
use crate::session::core::{Entry, SessionCore, ToolServer};
use crate::task::lock;
use crate::tools::{CancellationToken, Tool};

/// The server's own name for a tool that the model calls `tool`, if it may be one of this server.
pub(in crate::session) fn bare<'a>(tool: &'a str, server: &str) -> Option<&'a str> {
    tool.strip_prefix(server)?.strip_prefix('-').filter(|bare| !bare.is_empty())
}

/// Whether a tool of the program may have the name of a tool of these servers.
pub(in crate::session) fn possible<'a>(
    servers: &[ToolServer<'_>],
    mut tools: impl Iterator<Item = &'a str>,
) -> bool {
    tools.any(|tool| servers.iter().any(|server| bare(tool, server.name).is_some()))
}

/// Refuses a tool of the program that has the name of a tool that the program wants of a server.
pub(in crate::session) fn check<'a>(
    servers: &[ToolServer<'_>],
    tools: impl Iterator<Item = &'a str>,
) -> Result<()> {
    for tool in tools {
        for ToolServer { name, wanted } in servers {
            if let Some(bare) = bare(tool, name).filter(|bare| wanted.iter().any(|wanted| wanted == bare)) {
                return Err(Error::new(ErrorKind::Tools, message(tool, name, bare)));
            }
        }
    }
    Ok(())
}

fn message(tool: &str, server: &str, bare: &str) -> String {
    format!(
        "the tool `{tool}` of this program and the tool `{bare}` of the MCP server `{server}` have one name, and the \
         CLI would run the server's; rename the tool or the server"
    )
}

/// The answer to `session.mcp.listTools`.
#[derive(Decode)]
struct Listed {
    #[serde(default)]
    tools: Vec<ListedTool>,
}

#[derive(Decode)]
struct ListedTool {
    name: String,
}

impl SessionCore {
    /// Takes the names of the servers from `session.mcp_servers_loaded`, and looks for clashes.
    pub(in crate::session) fn servers_loaded(self: &Arc<Self>, data: &RawValue) {
        #[derive(Decode)]
        struct Loaded {
            servers: Vec<Server>,
        }
        #[derive(Decode)]
        struct Server {
            name: String,
        }
        let Ok(Loaded { servers }) = decode::event(data.get()) else { return };
        let known = self.servers();
        let new: Vec<String> =
            servers.into_iter().map(|server| server.name).filter(|name| !known.contains(name)).collect();
        if !new.is_empty() {
            lock(&self.permissions().memory().servers).extend(new);
        }
        self.look_for_clashes();
    }

    /// Reports clashes, once a server may have listed its tools.
    pub(in crate::session) fn look_for_clashes(self: &Arc<Self>) {
        let (tools, servers) = (self.tools(), self.servers());
        let suspects: Vec<String> = tools
            .iter()
            .map(Tool::name)
            .filter(|tool| servers.iter().any(|server| bare(tool, server).is_some()))
            .map(str::to_owned)
            .collect();
        if suspects.is_empty() {
            return;
        }
        let (cause, work) =
            (Cause::Event(random::id().into()), Work::Request("names of MCP tools".to_owned()));
        let compare = |entry: Entry| async move {
            for tool in suspects {
                entry.clash_of(&tool).await;
            }
        };
        let started = in_flight::run(self, cause, work, CancellationToken::default(), |entry| {
            within_session(self, Span::none(), Box::pin(compare(entry)))
        });
        if !started {
            tracing::debug!(session = %self.id, "the names of tools are not compared in a closed session");
        }
    }

    /// The clash of a tool of the program with a tool that a server lists; reported the first time.
    pub(in crate::session) async fn clash_of(&self, tool: &str) -> Option<String> {
        if !self.tools().iter().any(|own| own.name() == tool) {
            return None;
        }
        for server in &self.servers() {
            let Some(bare) = bare(tool, server) else { continue };
            let params = McpToolsParams { session_id: &self.id, server_name: server };
            let peer = self.connection.current()?;
            // A server that is not connected has no tools that the CLI could call.
            let listed: Result<Listed> = peer.request("session.mcp.listTools", &params).decoded().await;
            if listed.is_ok_and(|listed| listed.tools.iter().any(|listed| listed.name == bare)) {
                let message = message(tool, server, bare);
                self.report_clash(tool, &message);
                return Some(message);
            }
        }
        None
    }

    fn report_clash(&self, tool: &str, message: &str) {
        let mut reported = lock(&self.permissions().memory().clashes);
        if reported.iter().any(|reported| reported == tool) {
            return;
        }
        reported.push(tool.to_owned());
        drop(reported);
        tracing::error!(session = %self.id, "{message}");
        let error = Error::new(ErrorKind::Tools, message);
        self.subscribers.publish(&Event::handler_failed(HandlerFailure { handler: "with_tools", error }));
    }
}
