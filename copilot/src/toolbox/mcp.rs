//! The command `mcp`. Nothing but the protocol is written to stdout.

use clap::{Arg, ArgAction, ArgMatches, Command};

use super::Toolbox;
use super::exit::{Exit, Outcome};
use crate::api::mcp::Server;
use crate::tools::ToolsBuilder as _;

pub(super) fn command() -> Command {
    let command = Command::new("mcp").about("Serve the tools to MCP clients, over stdin and stdout").arg(
        Arg::new("allow-unattended")
            .long("allow-unattended")
            .action(ArgAction::SetTrue)
            .help("Run calls that need an approval without one"),
    );
    #[cfg(feature = "toolbox-http")]
    let command = command
        .arg(
            Arg::new("http")
                .long("http")
                .value_name("ADDR")
                .help("Serve over HTTP at an address, such as `127.0.0.1:8080` or `8080`, instead"),
        )
        .arg(
            Arg::new("max-connections")
                .long("max-connections")
                .value_name("N")
                .requires("http")
                .value_parser(clap::value_parser!(u16).range(1..))
                .help("Accept at most N connections at a time; further ones wait [default: 256]"),
        );
    command
}

/// Serves until the client closes stdin, or until the program is asked to end.
pub(super) async fn serve(toolbox: Toolbox, matches: &ArgMatches) -> Outcome {
    #[cfg(feature = "toolbox-http")]
    if let Some(address) = super::arguments::text(matches, "http") {
        let connections = matches.get_one("max-connections").copied();
        let connections = connections.unwrap_or(super::serve_http::Limits::DEFAULT.connections);
        return http::serve(server(toolbox, matches)?, address, connections).await;
    }
    server(toolbox, matches)?.stdio().await?;
    Ok(Exit::Success)
}

fn server(toolbox: Toolbox, matches: &ArgMatches) -> crate::Result<Server> {
    let tools = toolbox.selection()?;
    let mut server = Server::new(toolbox.name).version(toolbox.version).tool_options(toolbox.options);
    if let Some(about) = toolbox.about {
        server = server.instructions(about);
    }
    if matches.get_flag("allow-unattended") {
        server = server.allow_unattended();
    }
    let settings = server.tool_settings();
    *settings.tools = tools;
    *settings.states = toolbox.states;
    *settings.errors = toolbox.errors;
    Ok(server)
}

#[cfg(feature = "toolbox-http")]
mod http {
    use std::net::{Ipv4Addr, SocketAddr};

    use tokio::net::TcpListener;

    use super::super::call::either;
    use super::super::exit::{Exit, Outcome};
    use super::super::serve_http::{self, Limits};
    use super::super::signals::Interrupts;
    use super::super::terminal::report;
    use crate::api::mcp::Server;
    use crate::task::CancellationToken;

    /// Serves until Ctrl-C or SIGTERM, and then lets running calls end. A second signal ends them.
    pub(super) async fn serve(server: Server, address: &str, connections: u16) -> Outcome {
        let service = server.http()?;
        let mut interrupts = Interrupts::with_terminations()?;
        let listener = bound(address).await?;
        report(&format!("listening on http://{}/mcp\n", listener.local_addr()?))?;
        let limits = Limits { connections, ..Limits::DEFAULT };
        let stop = CancellationToken::default();
        let mut served = Box::pin(serve_http::serve(service, listener, limits, &stop));
        if either(&mut served, interrupts.next()).await.is_none() {
            stop.cancel();
            either(&mut served, interrupts.next()).await;
        }
        Ok(Exit::Success)
    }

    /// Listens at an address, or at a port of the loopback interface.
    async fn bound(address: &str) -> Result<TcpListener, String> {
        let port = address.parse().map(|port| SocketAddr::from((Ipv4Addr::LOCALHOST, port)));
        let listener = match port {
            Ok(address) => TcpListener::bind(address).await,
            Err(_) => TcpListener::bind(address).await,
        };
        listener.map_err(|error| format!("cannot listen at {address}: {error}"))
    }
}
