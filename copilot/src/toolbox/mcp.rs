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
    let command = command.arg(
        Arg::new("http")
            .long("http")
            .value_name("ADDR")
            .help("Serve over HTTP at an address, such as `127.0.0.1:8080` or `8080`, instead"),
    );
    command
}

/// Serves until the client closes stdin, or until the program is asked to end.
pub(super) async fn serve(toolbox: Toolbox, matches: &ArgMatches) -> Outcome {
    #[cfg(feature = "toolbox-http")]
    if let Some(address) = super::arguments::text(matches, "http") {
        return http::serve(server(toolbox, matches)?, address).await;
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
    use std::time::Duration;

    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper_util::rt::{TokioIo, TokioTimer};
    use tokio::net::TcpListener;
    use tower_service::Service as _;

    use super::super::call::either;
    use super::super::exit::{Exit, Outcome};
    use super::super::signals::Interrupts;
    use super::super::terminal::report;
    use crate::api::mcp::Server;
    use crate::task::{self, Task};

    /// The time for running calls to end after the signal.
    const GRACE: Duration = Duration::from_secs(10);

    /// Serves until Ctrl-C or SIGTERM, and then lets running calls end.
    pub(super) async fn serve(server: Server, address: &str) -> Outcome {
        let service = server.http()?;
        let mut interrupts = Interrupts::with_terminations()?;
        let listener = bound(address).await?;
        report(&format!("listening on http://{}/mcp\n", listener.local_addr()?))?;
        // A connection ends with its client; those that are left are dropped with this.
        let mut connections: Vec<Task> = Vec::new();
        loop {
            let Some(accepted) = either(&mut Box::pin(listener.accept()), interrupts.next()).await else {
                break;
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    tracing::warn!(%error, "a connection was not accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let service = service.clone();
            connections.retain(|connection| !connection.is_finished());
            connections.push(task::spawn(async move {
                let answer = service_fn(move |request| service.clone().call(request));
                let served = http1::Builder::new()
                    .timer(TokioTimer::new())
                    .serve_connection(TokioIo::new(stream), answer);
                if let Err(error) = served.await {
                    tracing::debug!(%error, "a connection of an MCP client ended");
                }
            }));
        }
        service.drain();
        service.shutdown(GRACE).await;
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
