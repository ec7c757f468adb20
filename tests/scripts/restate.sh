#!/usr/bin/env bash
# The example for Restate, with its server: a refund is approved and declined, the service, the server and both are
# killed while it waits for a person, and both are killed at other points. Each call must be answered once, each refund be
# paid once, and the agent must continue with the result. The server (npm `@restatedev/restate-server`, under the Business
# Source License) is fetched into a temporary directory; everything listens on free ports of the loopback interface.
# Prints figures for RELIABILITY.md, and loudly what was skipped. Needs Rust 1.90, npm, Python and Linux.
#
#   tests/scripts/restate.sh [POINTS]     default: 40
set -euo pipefail
cd "$(dirname "$0")/../.."

version=1.7.12
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
skipped() { printf '###\n### SKIPPED: %s\n###\n' "$*"; }

# Without scripts: one of them reports the installation to a third party.
if ! npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$work/npm" \
    "@restatedev/restate-server@$version"; then
    skipped "the example for Restate: npm did not install its server $version."
    exit 0
fi
server=$(find "$work/npm/node_modules" -path '*/bin/restate-server' -type f -perm -u+x | head -1)
if [ -z "$server" ] || ! "$server" --version; then
    skipped "the example for Restate: its server $version does not run on this machine."
    exit 0
fi

target=$(realpath "${CARGO_TARGET_DIR:-target}")
CARGO_TARGET_DIR=$target cargo build --quiet --locked --manifest-path examples/restate/Cargo.toml
python3 tests/scripts/restate.py "$server" "$target/debug/copilot-restate-example" "$work" "${1:-40}"
