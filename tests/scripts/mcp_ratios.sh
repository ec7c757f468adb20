#!/usr/bin/env bash
# Compares an MCP server of 20 tools that is made with this library with one that is made with the macros of rmcp: calls
# per second over stdio and over HTTP, with 1 and with 16 in flight, CPU of the server for a call, memory, size, and the CPU
# time to build them. The programs are written and built in a temporary directory. The runs alternate, so that a busy machine
# slows both. Prints ratios; takes some ten minutes on two cores. Needs Linux and Python.
#
#   tests/scripts/mcp_ratios.sh [ROUNDS [loads]]     default: 7; `loads` leaves out the cost of building
set -euo pipefail
root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
unset RUSTC_WRAPPER RUSTFLAGS CARGO_TARGET_DIR CARGO_PROFILE_DEV_DEBUG
export CARGO_INCREMENTAL=0 CARGO_TERM_COLOR=never

manifest() { # NAME, and the line of the library on stdin
    mkdir -p "$work/$1/src"
    cat >"$work/$1/Cargo.toml" <<EOF
[workspace]
[package]
name = "$1"
version = "0.0.0"
edition = "2024"
[dependencies]
axum = { version = "0.8", default-features = false, features = ["http1", "tokio"] }
schemars = "1"
serde = { version = "1", features = ["derive"] }
tokio = { version = "1", features = ["io-std", "macros", "net", "rt-multi-thread"] }
$(cat)
[profile.release]
strip = true
EOF
    # The same versions as the library, as far as it has them.
    cp "$root/Cargo.lock" "$work/$1/"
}

ours() { # TOOLS
    echo '//! Written by mcp_ratios.sh.'
    for i in $(seq "$1"); do
        cat <<EOF
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Out$i { text: String, count: u32 }
/// Tool number $i.
#[copilot::tool(read_only)]
async fn tool_$i(
    /// The text.
    text: String,
    /// The number of repetitions.
    count: u32,
    /// Whether to shout.
    shout: Option<bool>,
) -> copilot::Json<Out$i> {
    let text = if shout == Some(true) { text.to_uppercase() } else { text };
    copilot::Json(Out$i { text, count })
}
EOF
    done
    cat <<'EOF'
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let server = copilot::mcp::Server::new("ours").with_all_tools();
    if std::env::args().nth(1).is_none() {
        return Ok(server.stdio().await?);
    }
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, axum::Router::new().nest_service("/mcp", server.http()?)).await?)
}
EOF
}

theirs() { # TOOLS
    echo '//! Written by mcp_ratios.sh.'
    echo 'use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};'
    echo 'use rmcp::transport::streamable_http_server::session::never::NeverSessionManager;'
    echo 'use rmcp::{Json, ServerHandler, ServiceExt, handler::server::wrapper::Parameters, tool, tool_handler, tool_router};'
    for i in $(seq "$1"); do
        cat <<EOF
#[derive(serde::Serialize, schemars::JsonSchema)]
struct Out$i { text: String, count: u32 }
#[derive(serde::Deserialize, schemars::JsonSchema)]
struct In$i {
    /// The text.
    text: String,
    /// The number of repetitions.
    count: u32,
    /// Whether to shout.
    shout: Option<bool>,
}
EOF
    done
    echo '#[derive(Clone)] struct Tools;'
    echo '#[tool_router] impl Tools {'
    for i in $(seq "$1"); do
        cat <<EOF
    /// Tool number $i.
    #[tool(annotations(read_only_hint = true))]
    async fn tool_$i(&self, Parameters(In$i { text, count, shout }): Parameters<In$i>) -> Json<Out$i> {
        let text = if shout == Some(true) { text.to_uppercase() } else { text };
        Json(Out$i { text, count })
    }
EOF
    done
    cat <<'EOF'
}
#[tool_handler]
impl ServerHandler for Tools {}
#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    if std::env::args().nth(1).is_none() {
        Tools.serve(rmcp::transport::stdio()).await?.waiting().await?;
        return Ok(());
    }
    // Without sessions and with answers as JSON, as the service of this library is.
    let config = StreamableHttpServerConfig::default().with_legacy_session_mode(false).with_json_response(true);
    let service = StreamableHttpService::new(|| Ok(Tools), std::sync::Arc::new(NeverSessionManager::default()), config);
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    println!("{}", listener.local_addr()?);
    Ok(axum::serve(listener, axum::Router::new().nest_service("/mcp", service)).await?)
}
EOF
}

manifest ours <<<"copilot = { package = \"copilot-tools\", path = \"$root/copilot\", features = [\"mcp\"] }"
manifest rmcp-macros-server \
    <<<'rmcp = { version = "3.11", default-features = false, features = ["server", "macros", "transport-io", "transport-streamable-http-server"] }'
for tools in 1 20; do
    ours $tools >"$work/ours/$tools.rs"
    theirs $tools >"$work/rmcp-macros-server/$tools.rs"
done

# Stands before rustc: appends the user and system seconds of each crate.
cat >"$work/measured" <<'EOF'
#!/usr/bin/env python3
import os, resource, subprocess, sys
# Open descriptors are passed on: the jobserver is among them.
code = subprocess.run(sys.argv[1:], close_fds=False).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
if "--crate-name" in sys.argv:
    with open(os.environ["MEASURED"], "a") as log:
        log.write(f"{used.ru_utime + used.ru_stime:.3f} {sys.argv[sys.argv.index('--crate-name') + 1]}\n")
sys.exit(code)
EOF
chmod +x "$work/measured"
mkdir "$work/client"
rustc --edition 2024 -O -o "$work/client/client" "$root/tests/scripts/mcp_ratios_client.rs"
python3 "$root/tests/scripts/mcp_ratios.py" "$work" "${1:-7}" "${2:-all}"
