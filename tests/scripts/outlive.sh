#!/usr/bin/env bash
# Ends programs and their CLIs at every point between the request of a deferred call and the end of its turn, and prints
# what has become of the calls. Takes several minutes. Needs Linux.
set -euo pipefail

cd "$(dirname "$0")/../.."
OUTLIVE=all cargo test -p copilot-tests --test processes -- --nocapture deferred_calls
