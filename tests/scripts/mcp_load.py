"""A load of calls of the tool `replica`, during which one replica is killed and another one is drained.

Arguments: the URL, the process to kill, the process to drain. Half of the workers speak the revision 2026-07-28, the
others an older one without a handshake, which another replica may have had.
"""

import http.client
import json
import os
import signal
import sys
import threading
import time
import urllib.parse

WORKERS = 8
CALLS = 250

url, killed, drained = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
address = urllib.parse.urlsplit(url)
lock = threading.Lock()
served, repeated, failed = {}, [], []


def body(stateless, number):
    params = {"name": "replica", "arguments": {"pause": 5}}
    if stateless:
        params["_meta"] = {
            "io.modelcontextprotocol/protocolVersion": "2026-07-28",
            "io.modelcontextprotocol/clientCapabilities": {},
        }
    return json.dumps({"jsonrpc": "2.0", "id": number, "method": "tools/call", "params": params})


def call(stateless, number):
    connection = http.client.HTTPConnection(address.hostname, address.port, timeout=30)
    headers = {"content-type": "application/json", "accept": "application/json, text/event-stream"}
    headers["mcp-protocol-version"] = "2026-07-28" if stateless else "2025-06-18"
    if stateless:
        headers |= {"mcp-method": "tools/call", "mcp-name": "replica"}
    try:
        connection.request("POST", address.path, body(stateless, number), headers)
        response = connection.getresponse()
        text = response.read().decode()
        if response.status != 200:
            raise OSError(f"{response.status}: {text[:200]}")
        return json.loads(text)["result"]["content"][0]["text"]
    finally:
        connection.close()


def work(stateless):
    for number in range(CALLS):
        for attempt in range(2):
            try:
                name = call(stateless, number)
                with lock:
                    served[name] = served.get(name, 0) + 1
                break
            except (OSError, http.client.HTTPException, ValueError) as error:
                with lock:
                    (failed if attempt else repeated).append(repr(error))
                # Until the proxy has noticed the dead replica, which is checked every 200 ms.
                time.sleep(0.5)


def started():
    for _ in range(200):
        try:
            return call(True, 0)
        except (OSError, http.client.HTTPException, ValueError):
            time.sleep(0.05)
    sys.exit("the replicas cannot be reached")


started()
time.sleep(1)
workers = [threading.Thread(target=work, args=(index % 2 == 0,)) for index in range(WORKERS)]
for worker in workers:
    worker.start()


def after(calls):
    while sum(served.values()) < calls:
        time.sleep(0.005)


after(WORKERS * CALLS // 4)
os.kill(killed, signal.SIGKILL)
at_kill = dict(served)
after(WORKERS * CALLS // 2)
before_drain = len(repeated)
os.kill(drained, signal.SIGTERM)
for worker in workers:
    worker.join()
print(f"{sum(served.values())} calls, by replica {served}; repeated {len(repeated)}, failed {len(failed)}")
for error in repeated + failed:
    print("  ", error)
assert sum(served.values()) == WORKERS * CALLS, "a call is missing"
assert not failed, "a repeated call failed"
assert len(at_kill) == 3 and served["one"] - at_kill.get("one", 0) <= WORKERS, "the load was on all three replicas"
assert before_drain <= WORKERS, "only calls in flight on the killed replica may be repeated"
assert len(repeated) == before_drain, "a drained replica loses no call"
