#!/usr/bin/env bash
# Real clients of an MCP server of this library, over its pipes and over HTTP: the Python package `mcp`, the CLI of the
# MCP inspector, and those scenarios of the official conformance suite that are about tools. They are fetched into the
# target directory with pip and npm. The inspector needs Node.js 22.19 or newer: NODE names another one than `node`.
set -euo pipefail
cd "$(dirname "$0")/../.."

python_version=2.3.0 inspector_version=2.12.0 conformance_version=0.1.16
target=$(realpath "${CARGO_TARGET_DIR:-target}")
skipped() {
    echo "###"
    echo "### NOT CHECKED: $1"
    echo "###"
}

cargo build --quiet --package copilot-tests --bin mcp-server
server="$target/debug/mcp-server"
files=$(mktemp -d)
"$server" --conformance --http 127.0.0.1:0 >"$files/conformance" &
conformance=$!
"$server" --http 127.0.0.1:0 >"$files/address" &
service=$!
trap 'kill $service $conformance 2>/dev/null || true; rm -rf "$files"' EXIT
for file in address conformance; do
    until [ -s "$files/$file" ]; do sleep 0.05; done
done
url="http://$(cat "$files/address")/mcp"

python="$target/tools/mcp-python-$python_version"
if ! [ -e "$python/complete" ]; then
    rm -rf "$python"
    if python3 -m venv "$python" && "$python/bin/pip" install --quiet "mcp==$python_version"; then
        touch "$python/complete"
    fi
fi
if [ -e "$python/complete" ]; then
    "$python/bin/python" tests/scripts/mcp_python_client.py "$server" "$url"
else
    skipped "the Python package mcp, which pip did not install."
fi

node=${NODE:-node}
is_new='const [a, b] = process.versions.node.split(".").map(Number); process.exit(a > 22 || (a === 22 && b >= 19) ? 0 : 1)'
if ! "$node" -e "$is_new" 2>/dev/null; then
    skipped "the MCP inspector and the conformance suite, which need Node.js 22.19; set NODE."
    exit 0
fi
clients="$target/tools/mcp-node-$inspector_version-$conformance_version"
if ! [ -e "$clients/complete" ]; then
    rm -rf "$clients"
    mkdir -p "$clients"
    if npm install --silent --no-audit --no-fund --ignore-scripts --prefix "$clients" \
        "@modelcontextprotocol/inspector@$inspector_version" "@modelcontextprotocol/conformance@$conformance_version"; then
        touch "$clients/complete"
    fi
fi
if ! [ -e "$clients/complete" ]; then
    skipped "the MCP inspector and the conformance suite, which npm did not install."
    exit 0
fi
PATH="$(dirname "$(realpath "$(command -v "$node")")"):$clients/node_modules/.bin:$PATH"

expect() {
    local expected=$1 printed
    shift
    printed=$("$@" 2>&1) || true
    if ! grep -qF "$expected" <<<"$printed"; then
        printf 'expected %s of %s:\n%s\n' "$expected" "$*" "$printed"
        exit 1
    fi
}
add=(--method tools/call --tool-name add --tool-arg a=40 --tool-arg b=2)
for way in "$server" "$url --transport http"; do
    # shellcheck disable=SC2086
    expect '"title": "Adder"' mcp-inspector --cli $way --method tools/list
    # shellcheck disable=SC2086
    expect '"sum": 42' mcp-inspector --cli $way "${add[@]}"
    # shellcheck disable=SC2086
    expect 'there is no city' mcp-inspector --cli $way --method tools/call --tool-name fail --tool-arg visible=true
    echo "the MCP inspector, ${way##*--}: as expected"
done

# The other scenarios are about prompts, resources and completions, or need a connection that outlasts a request.
scenarios=(server-initialize ping tools-list tools-call-simple-text tools-call-image tools-call-audio
    tools-call-embedded-resource tools-call-mixed-content tools-call-with-logging tools-call-error
    tools-call-with-progress logging-set-level dns-rebinding-protection)
for scenario in "${scenarios[@]}"; do
    (cd "$files" && conformance server --url "http://$(cat conformance)/mcp" --scenario "$scenario") >"$files/log" 2>&1 || {
        cat "$files/log"
        echo "the conformance scenario $scenario fails"
        exit 1
    }
done
echo "the conformance suite: ${#scenarios[@]} scenarios pass"
