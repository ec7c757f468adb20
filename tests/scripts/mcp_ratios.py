"""Measures the two programs of mcp_ratios.sh. Arguments: their folder, and the number of tools."""

import json
import os
import pathlib
import resource
import statistics
import subprocess
import sys
import time

work, tools = pathlib.Path(sys.argv[1]), int(sys.argv[2])
programs = {"ours": work / "target/release/ours", "rmcp": work / "target/release/rmcp-macros-server"}
CALLS, ROUNDS, BUILDS = 20000, 5, 3


def build_cpu(name):
    """The CPU seconds of the last crate alone."""
    source = work / name / "src/main.rs"
    os.utime(source)
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["cargo", "build", "--quiet", "--release"], cwd=work / name, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


class Client:
    def __init__(self, program):
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        info = {"name": "ratios", "version": "1"}
        params = {"protocolVersion": "2025-06-18", "capabilities": {}, "clientInfo": info}
        self.write({"id": 0, "method": "initialize", "params": params})
        self.process.stdin.flush()
        self.process.stdout.readline()
        self.write({"method": "notifications/initialized"})

    def write(self, message):
        self.process.stdin.write(json.dumps({"jsonrpc": "2.0", **message}).encode() + b"\n")

    def calls(self, count):
        """CPU seconds of the server for each call, and calls per second with 32 in flight."""
        lines = []
        for number in range(count):
            arguments = {"text": "some text", "count": number, "shout": number % 2 == 0}
            params = {"name": f"tool_{number % tools + 1}", "arguments": arguments}
            request = {"jsonrpc": "2.0", "id": number + 1, "method": "tools/call", "params": params}
            lines.append(json.dumps(request).encode() + b"\n")
        cpu, start = self.cpu(), time.perf_counter()
        for at in range(0, count, 32):
            chunk = lines[at : at + 32]
            self.process.stdin.write(b"".join(chunk))
            self.process.stdin.flush()
            for _ in chunk:
                answer = self.process.stdout.readline()
                assert b"structuredContent" in answer, answer
        return (self.cpu() - cpu) / count, count / (time.perf_counter() - start)

    def cpu(self):
        fields = pathlib.Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def memory(self):
        status = pathlib.Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmRSS:")[1].split()[0])

    def close(self):
        self.process.stdin.close()
        self.process.wait()


figures = {name: {} for name in programs}
for name in programs:
    figures[name]["build CPU, s"] = min(build_cpu(name) for _ in range(BUILDS))
    figures[name]["size, kB"] = programs[name].stat().st_size / 1000
rates = {name: [] for name in programs}
costs = {name: [] for name in programs}
# In turns, so that a busy machine slows both.
for _ in range(ROUNDS):
    for name, program in programs.items():
        client = Client(program)
        client.calls(500)
        cost, rate = client.calls(CALLS)
        rates[name].append(rate)
        costs[name].append(cost * 1e6)
        figures[name]["memory, kB"] = client.memory()
        client.close()
for name in programs:
    figures[name]["calls per second"] = max(rates[name])
    figures[name]["CPU per call, us"] = statistics.median(costs[name])
print(f"{'':20}{'ours':>12}{'rmcp':>12}{'ours/rmcp':>12}")
for figure in figures["ours"]:
    ours, rmcp = figures["ours"][figure], figures["rmcp"][figure]
    print(f"{figure:20}{ours:12.1f}{rmcp:12.1f}{ours / rmcp:12.2f}")
