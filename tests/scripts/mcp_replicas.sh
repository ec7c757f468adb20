#!/usr/bin/env bash
# Three replicas of an MCP server behind haproxy, round-robin and without stickiness. One is killed and one is drained
# during a load of calls; no call may fail except those in flight on the killed one, which the load repeats because the
# tool is idempotent. Needs haproxy (a Debian package) in PATH, or in HAPROXY.
set -euo pipefail
cd "$(dirname "$0")/../.."

haproxy=${HAPROXY:-haproxy}
if ! "$haproxy" -v >/dev/null 2>&1; then
    echo "###"
    echo "### NOT CHECKED: replicas of an MCP server. There is no haproxy; install it, or set HAPROXY."
    echo "###"
    exit 0
fi

cargo build --quiet --package copilot-tests --bin mcp-server
server="${CARGO_TARGET_DIR:-target}/debug/mcp-server"
files=$(mktemp -d)
processes=()
trap 'kill "${processes[@]}" 2>/dev/null || true; rm -rf "$files"' EXIT

replicas=()
for name in one two three; do
    REPLICA=$name "$server" --http 127.0.0.1:0 >"$files/$name" &
    processes+=($!)
    replicas+=($!)
done
for name in one two three; do
    until [ -s "$files/$name" ]; do sleep 0.05; done
done

front=$(python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])')
{
    cat <<EOF
defaults
    mode http
    timeout connect 1s
    timeout client 30s
    timeout server 30s
    option redispatch 1
    # Requests that no server has taken; those in flight are repeated by their clients.
    retry-on conn-failure 503
    retries 3
frontend front
    bind 127.0.0.1:$front
    default_backend replicas
backend replicas
    balance roundrobin
    option httpchk GET /mcp/ready
EOF
    for name in one two three; do
        echo "    server $name $(cat "$files/$name") check inter 200ms fall 1 rise 1"
    done
} >"$files/haproxy.cfg"
"$haproxy" -q -f "$files/haproxy.cfg" &
processes+=($!)

python3 tests/scripts/mcp_load.py "http://127.0.0.1:$front/mcp" "${replicas[0]}" "${replicas[1]}"
