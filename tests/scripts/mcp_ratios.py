"""Builds and measures the two programs of mcp_ratios.sh. Arguments: their directory, the number of rounds, what to measure."""

import os
import pathlib
import shutil
import statistics
import subprocess
import sys

work, rounds, what = pathlib.Path(sys.argv[1]), int(sys.argv[2]), sys.argv[3]
programs = {"ours": "ours", "rmcp": "rmcp-macros-server"}
# Way, in flight, calls.
LOADS = [("stdio", 1, 20_000), ("stdio", 16, 40_000), ("http", 1, 10_000), ("http", 16, 20_000)]
BUILDS = 3
# What the figures of the library are about: the crates that only one of the programs has, and the macros.
LIBRARIES = {"ours": {"copilot", "copilot_macros"}, "rmcp": {"rmcp_macros"}}


def report(figure, of):
    """Prints a figure of both programs, and its ratio."""
    print(f"{figure:48}{of['ours']:11.1f}{of['rmcp']:11.1f}{of['ours'] / of['rmcp']:11.2f}", flush=True)


def build(name, profile, tools):
    """Builds a program with so many tools; returns the CPU seconds by crate."""
    directory, log = work / programs[name], work / "log"
    shutil.copyfile(directory / f"{tools}.rs", directory / "src/main.rs")
    log.unlink(missing_ok=True)
    environment = {**os.environ, "RUSTC_WRAPPER": str(work / "measured"), "MEASURED": str(log)}
    release = ["--release"] if profile == "release" else []
    subprocess.run(["cargo", "build", "--quiet", *release], cwd=directory, env=environment, check=True)
    used = {}
    for line in log.read_text().splitlines():
        seconds, crate = line.split()
        used[crate] = used.get(crate, 0) + float(seconds)
    return used


def build_costs(profile):
    """Builds both programs, and reports what that costs."""
    clean = {name: build(name, profile, 20) for name in programs}
    report(f"{profile}: clean build, all crates, s CPU", {name: sum(used.values()) for name, used in clean.items()})
    own = {name: sum(used.get(crate, 0) for crate in LIBRARIES[name]) for name, used in clean.items()}
    report(f"{profile}: crates of the library, s CPU", own)
    # The crate of the program alone, which changes with each build.
    cpu = {(name, tools): [] for name in programs for tools in (1, 20)}
    for _ in range(BUILDS):
        for tools in (1, 20):
            for name, program in programs.items():
                cpu[name, tools].append(build(name, profile, tools)[program.replace("-", "_")])
    least = {key: min(seconds) for key, seconds in cpu.items()}
    report(f"{profile}: the program of 20 tools, s CPU", {name: least[name, 20] for name in programs})
    tool = {name: (least[name, 20] - least[name, 1]) / 19 * 1000 for name in programs}
    report(f"{profile}: each further tool, ms CPU", tool)


print(f"{'':48}{'ours':>11}{'rmcp':>11}{'ours/rmcp':>11}")
if what == "loads":
    for name in programs:
        build(name, "release", 20)
else:
    build_costs("release")
binaries = {name: work / program / "target/release" / program for name, program in programs.items()}
report("stripped size, KiB", {name: binary.stat().st_size / 1024 for name, binary in binaries.items()})
for way, in_flight, calls in LOADS:
    runs = {name: [] for name in programs}
    for number in range(rounds):
        # In alternate order, so that neither is always the first.
        for name in list(programs)[:: 1 if number % 2 == 0 else -1]:
            arguments = [work / "client/client", way, str(in_flight), str(calls), binaries[name]]
            printed = subprocess.run(arguments, check=True, stdout=subprocess.PIPE, text=True).stdout
            runs[name].append([float(figure) for figure in printed.split()])
    medians = {name: [statistics.median(column) for column in zip(*of)] for name, of in runs.items()}
    for index, figure in enumerate(["calls per second", "us CPU of the server", "peak memory, KiB"]):
        report(f"{way}, {in_flight} in flight: {figure}", {name: of[index] for name, of in medians.items()})
if what != "loads":
    build_costs("dev")
