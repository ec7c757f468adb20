#!/usr/bin/env bash
# Draws `copilot/src/docs/toolbox.svg`, the picture of the README: real runs of the example `toolbox` under a
# pseudo-terminal. Needs the Copilot CLI, which the example fetches with npm.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
cd "$root"
target=${CARGO_TARGET_DIR:-$root/target}
cargo build --locked --package copilot-examples --example toolbox
cargo build --locked --package copilot-tests --bin terminal-picture
"$target/debug/terminal-picture" "$target/debug/examples/toolbox" copilot/src/docs/toolbox.svg
echo "wrote copilot/src/docs/toolbox.svg"
