#!/usr/bin/env bash
# Finds misspelled words. Deliberate ones are listed in the manifest of the workspace. Without a typos of your own it
# fetches one into `target`, as a wheel of PyPI, whose hash stands below.
set -euo pipefail
cd "$(dirname "$0")/../.."

version=1.52.0
wheel="typos==$version --hash=sha256:418fd85f7fc11dec14e5482e747f6e916af56da96207cde0cdd69540a4b389f6"
tools="${CARGO_TARGET_DIR:-target}/tools/typos-$version"

if typos --version >/dev/null 2>&1; then
    typos=typos
else
    typos="$tools/bin/typos"
    if ! [ -x "$typos" ] && ! python3 -m pip install --quiet --no-cache-dir --no-deps --only-binary :all: \
        --require-hashes --target "$tools" --requirement /dev/stdin <<<"$wheel"; then
        rm -rf "$tools"
        echo "###"
        echo "### NOT CHECKED: spelling. There is no wheel of typos $version for this machine; install typos yourself."
        echo "###"
        exit 0
    fi
fi

"$typos" --format brief
