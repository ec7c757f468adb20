"""Drives the example for Restate, for restate.sh.

Arguments: the program of the server, the program of the example, a directory, and the number of points at which the
processes are killed in addition to those at which the workflow waits for a person.
"""

import json
import os
import pathlib
import random
import signal
import socket
import statistics
import subprocess
import sys
import time
import urllib.error
import urllib.request

server_program, service_program, work, points = sys.argv[1], sys.argv[2], pathlib.Path(sys.argv[3]), int(sys.argv[4])
desk = work / "desk"
PATIENCE = 120
# The first start may fetch the CLI.
FETCH = 600


def free_ports(count):
    sockets = [socket.socket() for _ in range(count)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


INGRESS, ADMIN, FABRIC, SERVICE = free_ports(4)


def request(port, path, body=None, method=None):
    data = None if body is None else json.dumps(body).encode()
    call = urllib.request.Request(f"http://127.0.0.1:{port}{path}", data, {"content-type": "application/json"})
    call.method = method or ("GET" if data is None else "POST")
    with urllib.request.urlopen(call, timeout=PATIENCE) as response:
        return response.status, response.read().decode()


def until(what, done, patience=PATIENCE):
    """Repeats `done` until it returns a value, and returns that."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        try:
            value = done()
            if value is not None and value is not False:
                return value
        except (OSError, ValueError):
            # The process is not there yet, or it was killed while it answered.
            pass
        time.sleep(0.01)
    sys.exit(f"{what}: not within {patience} s")


class Process:
    """A process with a log, in a separate group."""

    def __init__(self, name, ready, arguments, environment=(), patience=PATIENCE):
        self.name, self.ready, self.arguments, self.patience = name, ready, arguments, patience
        self.environment = {**os.environ, **dict(environment)}
        self.log = work / f"{name}.log"
        self.child = None

    def start(self):
        with open(self.log, "ab") as log:
            self.child = subprocess.Popen(
                self.arguments, env=self.environment, stdout=log, stderr=log, cwd=work, start_new_session=True
            )

    def wait(self):
        def ready():
            if self.child.poll() is not None:
                sys.exit(f"{self.name} has ended:\n{self.log.read_text()[-4000:]}")
            return self.ready()

        until(f"{self.name} is ready", ready, self.patience)

    def kill(self):
        """Kills this process alone: the processes that it has started must end without help."""
        self.child.kill()
        self.child.wait()


server = Process(
    "server",
    lambda: request(ADMIN, "/health")[0] == 200 and request(INGRESS, "/restate/health")[0] == 200,
    [server_program, "--no-logo", "--base-dir", work / "restate", "--node-name", "one", "--listen-mode", "tcp"],
    {
        "RESTATE_BIND_ADDRESS": f"127.0.0.1:{FABRIC}",
        "RESTATE_INGRESS__BIND_ADDRESS": f"127.0.0.1:{INGRESS}",
        "RESTATE_ADMIN__BIND_ADDRESS": f"127.0.0.1:{ADMIN}",
        "RESTATE_DISABLE_TELEMETRY": "true",
        "RESTATE_DEFAULT_NUM_PARTITIONS": "2",
        "RESTATE_LOG_DISABLE_ANSI_CODES": "true",
    },
)


def listens():
    socket.create_connection(("127.0.0.1", SERVICE), timeout=1).close()
    return True


service = Process("service", listens, [service_program, desk, f"127.0.0.1:{SERVICE}"], {"RUST_BACKTRACE": "1"}, FETCH)


def begin(case):
    request(INGRESS, f"/Refund/{case}/run/send", f"Refund order {case}, please: 42.00.")


def filed(case):
    """The request that waits for a person."""
    for path in desk.glob("inbox-*.json"):
        entry = json.loads(path.read_text())
        if entry["order"] == case:
            return entry
    return None


def decide(case, approved=True):
    entry = until(f"the request of {case} is in the inbox", lambda: filed(case))
    decision = {"approved": approved, "by": "Ada"}
    until("the decision is accepted", lambda: request(INGRESS, f"/restate/awakeables/{entry['awakeable']}/resolve", decision))


def result(case):
    def output():
        status, text = request(INGRESS, f"/restate/workflow/Refund/{case}/output")
        return json.loads(text) if status == 200 else None

    return until(f"the result of {case}", output)


def texts(path):
    return [line for line in path.read_text(errors="replace").splitlines() if line]


runs_again = settled_before = given_up = 0


def check(case, approved, once):
    """Checks what has become of a case that has ended."""
    global runs_again, settled_before, given_up
    text = result(case)
    assert text == ("You get 42.00 back." if approved else "I cannot refund that."), f"{case}: {text!r}"
    requests = [json.loads(path.read_text()) for path in desk.glob("request-*.json")]
    (ticket,) = [found["ticket"] for found in requests if found["order"] == case]
    log = texts(service.log)
    paid = (desk / f"payment-{ticket['request']}.json").exists()
    payments = log.count(f"paid 4200 cents for {case}")
    assert paid == approved and payments <= approved, f"{case} was paid {payments} times"
    runs = log.count(f"the function runs for {ticket['request']}")
    assert runs == 1 if once else runs >= 1, f"{case}: the function ran {runs} times"
    runs_again += runs - 1
    call = ticket["toolCall"]
    settled_before += sum("settled before" in line and f"case-{case} " in line for line in log)
    # The session has the result of the call once, and a text of the agent after it.
    state = until("the session is on the disk", lambda: next(desk.glob(f"copilot/**/case-{case}/events.jsonl"), None))
    events = [json.loads(line) for line in texts(state)]
    results = [i for i, e in enumerate(events) if e["type"] == "tool.execution_complete" and e["data"]["toolCallId"] == call]
    answers = [i for i in results if "Ada" in json.dumps(events[i]["data"])]
    assert len(answers) == 1, f"{case}: the call was answered {len(answers)} times"
    # A CLI that loses the program before it has the permission of a call ends the call, and the agent makes it again. The
    # scripted model repeats the id.
    given_up += len(results) - 1
    assert not (once and results[1:]), f"{case}: the call has {len(results)} results"
    said = [e["data"]["content"] for e in events[answers[0] :] if e["type"] == "assistant.message"]
    assert text in said, f"{case}: the agent has not continued: {said}"
    asked = [e for e in events if e["type"] == "user.message" and "Refund order" in e["data"]["content"]]
    assert len(asked) == 1, f"{case}: the message was sent {len(asked)} times"


def restart(killed):
    for process in killed:
        process.start()
    for process in killed:
        process.wait()


def waiting(case, killed, approved=True):
    """Kills processes while the case waits for a person. Returns the seconds from the decision to the result."""
    begin(case)
    until(f"the request of {case} is in the inbox", lambda: filed(case))
    for process in killed:
        process.kill()
    restart(killed)
    start = time.monotonic()
    decide(case, approved)
    result(case)
    took = time.monotonic() - start
    check(case, approved, once=True)
    names = " and ".join(process.name for process in killed) or "nothing"
    print(f"  {case}: killed {names} while it waited; continued in {took:.1f} s", flush=True)
    return took


def elsewhere(case, killed, after_decision, delay):
    """Kills processes some time after the message, or after the decision."""
    begin(case)
    if after_decision:
        decide(case)
    time.sleep(delay)
    for process in killed:
        process.kill()
    restart(killed)
    start = time.monotonic()
    if not after_decision:
        decide(case)
    result(case)
    took = time.monotonic() - start
    check(case, True, once=False)
    return took


def main():
    server.start()
    service.start()
    server.wait()
    service.wait()
    registered = {"uri": f"http://127.0.0.1:{SERVICE}"}
    until("the service is registered", lambda: request(ADMIN, "/deployments", registered)[0] in (200, 201))

    print("== while it waits for a person")
    waiting("W-1", [])
    # The length of both halves, to spread the points over.
    start = time.monotonic()
    begin("W-2")
    until("the request is in the inbox", lambda: filed("W-2"))
    first = time.monotonic() - start
    start = time.monotonic()
    decide("W-2")
    result("W-2")
    second = time.monotonic() - start
    check("W-2", True, once=True)
    waiting("W-3", [], approved=False)
    waiting("W-4", [service])
    waiting("W-5", [server])
    waiting("W-6", [service, server])
    waiting("W-7", [service, server], approved=False)

    print(f"== at {points} other points: within {first:.2f} s of the message, and {second:.2f} s of the decision")
    took = []
    chosen = random.Random(7)
    for point in range(points):
        killed = [[service], [service, server], [service], [server]][point % 4]
        after_decision = point % 2 == 1 if point % 4 in (0, 1) else point // 4 % 2 == 1
        delay = chosen.uniform(0, second if after_decision else first)
        took.append(elsewhere(f"P-{point}", killed, after_decision, delay))
    cases = points + 7
    print(f"{cases} cases, {points + 4} of them with a kill: each call answered once, each refund paid once, none lost")
    print(f"functions that ran again, with the same ticket: {runs_again}; settlements that were repeated: {settled_before}")
    print(f"calls that ended with the program before their function ran, and that the agent made again: {given_up}")
    if took:
        print(f"from the restart to the result: median {statistics.median(took):.1f} s, longest {max(took):.1f} s")


try:
    main()
finally:
    for process in (service, server):
        if process.child and process.child.poll() is None:
            # In an orderly way, so that the service ends its CLI.
            process.child.send_signal(signal.SIGINT)
            try:
                process.child.wait(20)
            except subprocess.TimeoutExpired:
                process.kill()
    failed = sys.exc_info()[0] is not None
    if failed:
        print(f"--- the end of the service's log\n{chr(10).join(texts(service.log)[-60:])}")
        print(f"--- the end of the server's log\n{chr(10).join(texts(server.log)[-60:])}")
