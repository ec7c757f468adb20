#!/usr/bin/env bash
# What the library costs to build: crates, CPU and memory of a clean build, size of a binary, time of a rebuild.
# Makes a minimal project in a temporary folder, as a newcomer has it: one tool, one question. Needs Linux.
set -euo pipefail

root=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
export CARGO_TARGET_DIR="$work/target"
unset RUSTC_WRAPPER RUSTFLAGS

mkdir "$work/src"
cat > "$work/Cargo.toml" <<EOF
[package]
name = "lean"
version = "0.0.0"
edition = "2024"

[dependencies]
copilot = { path = "$root/copilot", package = "copilot-tools" }
tokio = { version = "1", features = ["macros", "rt-multi-thread"] }

[profile.release]
strip = true

[workspace]
EOF
cp "$root/Cargo.lock" "$work/Cargo.lock"
cat > "$work/src/main.rs" <<'EOF'
/// Gives its input back.
#[copilot::tool]
fn echo(
    /// Text to give back.
    input: String,
) -> String {
    input
}

#[tokio::main]
async fn main() -> copilot::Result<()> {
    let session = copilot::Session::builder().with_all_tools().start().await?;
    println!("{}", session.ask("Echo hello.").await?);
    session.close().await
}
EOF

# Stands before rustc: appends user and system seconds and peak memory of each call.
cat > "$work/measured" <<'EOF'
#!/usr/bin/env python3
import os, resource, subprocess, sys
# Open descriptors are passed on: the jobserver is among them.
code = subprocess.run(sys.argv[1:], close_fds=False).returncode
used = resource.getrusage(resource.RUSAGE_CHILDREN)
name = sys.argv[sys.argv.index("--crate-name") + 1] if "--crate-name" in sys.argv else "-"
with open(os.environ["MEASURED"], "a") as log:
    log.write(f"{used.ru_utime + used.ru_stime:.2f} {used.ru_maxrss // 1024} {name}\n")
sys.exit(code)
EOF
chmod +x "$work/measured"

build() { # LOG ARGS.. : builds, and prints the seconds it took
    local log=$1 begin
    shift
    begin=$(date +%s.%N)
    MEASURED="$work/$log" RUSTC_WRAPPER="$work/measured" cargo build --quiet "$@"
    echo "$(date +%s.%N) - $begin" | bc
}
cpu() { awk '{ cpu += $1 } END { printf "%.1f", cpu }' "$work/$1"; }

cd "$work"
cargo fetch --quiet
echo "crates, default features:      $(cd "$root" && cargo tree -p copilot-tools -e normal --prefix none | sort -u | wc -l)"
echo "crates, project with tokio:    $(cargo tree -e normal --prefix none | sort -u | wc -l)"
wall=$(build dev)
echo "clean dev build:               $(cpu dev) s CPU of rustc, $wall s on $(nproc) CPUs"
echo "largest rustc:                 $(sort -k2 -n "$work/dev" | tail -1 | awk '{ print $2 " MiB, " $3 }')"
touch src/main.rs
echo "rebuild after touching main:   $(build again) s"
wall=$(build release --release)
echo "clean release build:           $(cpu release) s CPU of rustc, $wall s"
echo "release binary, stripped:      $(stat -c %s target/release/lean | awk '{ printf "%.2f MiB", $1 / 1048576 }')"
touch src/main.rs
echo "rebuild, release:              $(build again-release --release) s"
