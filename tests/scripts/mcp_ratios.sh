#!/usr/bin/env bash
# Compares an MCP server of 20 tools made with this library with one made with the macros of rmcp: the CPU time to build
# the program when its dependencies are built, its size, its memory, and calls per second over stdio. The programs are
# written into the target directory. Prints ratios; takes some minutes, and more on a busy machine.
set -euo pipefail
cd "$(dirname "$0")/../.."

root=$PWD
work="$(realpath "${CARGO_TARGET_DIR:-target}")/mcp-ratios"
tools=20
mkdir -p "$work/ours/src" "$work/rmcp/src"

manifest() {
    printf '[workspace]\n[package]\nname = "%s"\nversion = "0.0.0"\nedition = "2024"\n[dependencies]\n' "$1"
    printf 'schemars = "1"\nserde = { version = "1", features = ["derive"] }\n'
    printf 'tokio = { version = "1", features = ["macros", "rt-multi-thread"] }\n'
}
{
    manifest ours
    echo "copilot = { package = \"copilot-tools\", path = \"$root/copilot\", features = [\"mcp\"] }"
} >"$work/ours/Cargo.toml"
{
    manifest rmcp-macros-server
    echo 'rmcp = { version = "3.11", features = ["server", "macros", "transport-io"] }'
} >"$work/rmcp/Cargo.toml"
cp Cargo.lock "$work/ours/"
cp Cargo.lock "$work/rmcp/"

{
    echo '//! Written by mcp_ratios.sh.'
    echo 'use copilot::Json;'
    for i in $(seq $tools); do
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
) -> Json<Out$i> {
    let text = if shout == Some(true) { text.to_uppercase() } else { text };
    Json(Out$i { text, count })
}
EOF
    done
    echo '#[tokio::main] async fn main() -> copilot::Result<()> {'
    echo '    copilot::mcp::Server::new("ours").with_all_tools().stdio().await'
    echo '}'
} >"$work/ours/src/main.rs"

{
    echo '//! Written by mcp_ratios.sh.'
    echo 'use rmcp::{Json, ServerHandler, ServiceExt, handler::server::wrapper::Parameters, tool, tool_handler, tool_router};'
    for i in $(seq $tools); do
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
    for i in $(seq $tools); do
        cat <<EOF
    /// Tool number $i.
    #[tool(annotations(read_only_hint = true))]
    async fn tool_$i(&self, Parameters(In$i { text, count, shout }): Parameters<In$i>) -> Json<Out$i> {
        let text = if shout == Some(true) { text.to_uppercase() } else { text };
        Json(Out$i { text, count })
    }
EOF
    done
    echo '}'
    echo '#[tool_handler] impl ServerHandler for Tools {}'
    echo '#[tokio::main] async fn main() -> Result<(), Box<dyn std::error::Error>> {'
    echo '    Tools.serve(rmcp::transport::stdio()).await?.waiting().await?;'
    echo '    Ok(())'
    echo '}'
} >"$work/rmcp/src/main.rs"

export CARGO_TARGET_DIR="$work/target" CARGO_INCREMENTAL=0 CARGO_PROFILE_RELEASE_DEBUG=0
for name in ours rmcp; do
    (cd "$work/$name" && cargo build --quiet --release)
done
python3 tests/scripts/mcp_ratios.py "$work" "$tools"
