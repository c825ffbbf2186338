# SPDX-License-Identifier: Apache-2.0
"""leshan.py HTTP-PORT: drives semd through the REST interface of a running Leshan
demo server, which has our object definitions. Prints TAP. See leshan.sh."""

import json
import os
import queue
import sys
import threading
import time
import urllib.error
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, "../server"))

import gp  # noqa: E402
import script  # noqa: E402
from tap import tap  # noqa: E402

BASE = f"http://127.0.0.1:{sys.argv[1]}/api"
EP = "sesame-test"
SE, SCRIPT = 26241, 26242


def rest(method, path, body=None, **query):
    """(HTTP status, JSON or text)"""
    q = "&".join(f"{k}={v}" for k, v in {"timeout": 60, **query}.items())
    data = None if body is None else json.dumps(body).encode()
    request = urllib.request.Request(f"{BASE}{path}?{q}", data=data, method=method)
    if data is not None:
        request.add_header("Content-Type", "application/json")
    try:
        with urllib.request.urlopen(request, timeout=90) as r:
            status, text = r.status, r.read().decode()
    except urllib.error.HTTPError as e:
        status, text = e.code, e.read().decode()
    try:
        return status, json.loads(text)
    except ValueError:
        return status, text


def coap(method, path, body=None, **query):
    """(CoAP status name of the device's answer, content)"""
    status, answer = rest(method, f"/clients/{EP}{path}", body, **query)
    if not isinstance(answer, dict) or "status" not in answer:
        return f"HTTP {status}", answer
    return str(answer["status"]), answer.get("content", answer)


class Events(threading.Thread):
    """The server-sent events of Leshan, in a queue."""

    def __init__(self):
        super().__init__(daemon=True)
        self.queue = queue.Queue()
        request = urllib.request.Request(f"{BASE}/event?ep={EP}")
        request.add_header("Accept", "text/event-stream")
        self.stream = urllib.request.urlopen(request, timeout=300)
        self.start()

    def run(self):
        name = None
        try:
            for line in self.stream:
                line = line.decode().strip()
                if line.startswith("event:"):
                    name = line[6:].strip()
                elif line.startswith("data:"):
                    self.queue.put((name, json.loads(line[5:])))
        except (OSError, ValueError):
            pass

    def wait(self, name, test, seconds):
        end = time.monotonic() + seconds
        while (left := end - time.monotonic()) > 0:
            try:
                kind, data = self.queue.get(timeout=left)
            except queue.Empty:
                return None
            if kind == name and test(data):
                return data
        return None


def value(content):
    return content.get("value", content.get("values")) if isinstance(content, dict) else content


def main():
    end = time.monotonic() + 90
    client = None
    while time.monotonic() < end and not client:
        status, answer = rest("GET", f"/clients/{EP}")
        client = answer if status == 200 and isinstance(answer, dict) else time.sleep(0.2)
    tap(bool(client), "registration", client and f"LwM2M {client.get('lwM2mVersion')}")
    if not client:
        return 1
    _, specs = rest("GET", f"/objectspecs/{EP}")
    known = {o["id"]: o for o in specs} if isinstance(specs, list) else {}
    tap({SE, SCRIPT} <= set(known), "Leshan takes our object definitions",
        str({k: len(known[k]["resourcedefs"]) for k in (SE, SCRIPT) if k in known}))
    events = Events()

    for fmt in ("TLV", "SENML_CBOR", "TEXT"):
        status, content = coap("GET", f"/{SE}/0/0", format=fmt)
        tap(status.startswith("CONTENT") and value(content) == "se0", f"Read of a resource, {fmt}",
            f"{status} {value(content)}")
    for fmt in ("TLV", "SENML_CBOR"):
        status, content = coap("GET", f"/{SE}/0", format=fmt)
        ids = [r["id"] for r in content.get("resources", [])] if isinstance(content, dict) else content
        tap(status.startswith("CONTENT") and 0 in ids and 4 in ids, f"Read of an instance, {fmt}",
            f"{status} resources {ids}")
    status, content = coap("GET", f"/{SE}", format="TLV")
    tap(status.startswith("CONTENT") and len(content.get("instances", [])) == 1,
        "Read of an object, TLV", status)
    status, content = rest("GET", f"/clients/{EP}/{SE}/discover")
    links = content.get("objectLinks", []) if isinstance(content, dict) else []
    urls = [x.get("url") for x in links]
    tap(f"/{SE}/0/0" in urls and f"/{SE}/0/11" in urls, "Discover", f"{len(urls)} links")

    # Leshan's REST interface cannot express an object link: resource 0 stays at its
    # default, the first SE.
    status, content = coap("POST", f"/{SCRIPT}", {"id": 5, "resources": [
        {"id": 12, "value": False}, {"id": 13, "value": 60}]}, format="TLV")
    tap(status.startswith("CREATED"), "Create of instance 5", f"{status} {content}")
    where = f"/{SCRIPT}/5"
    for fmt, number in (("TLV", 70), ("TEXT", 80), ("SENML_CBOR", 90)):
        status, _ = coap("PUT", f"{where}/13", {"id": 13, "value": number}, format=fmt)
        _, content = coap("GET", f"{where}/13", format="TLV")
        tap(status.startswith("CHANGED") and value(content) == number,
            f"Write of an integer, {fmt}", f"{status}, reads {value(content)}")
    status, content = coap("POST", f"{where}/4/observe", format="TLV")
    tap(status.startswith("CONTENT") and value(content) == 0, "Observe the state", status)
    # The answer stays below the 8192 bytes that Californium takes by default.
    body = script.command_script([gp.get_data(0x42)] * 400)
    status, content = coap("PUT", f"{where}/2", {"id": 2, "value": body.hex()}, format="TLV")
    tap(status.startswith("CHANGED"), f"Write of {len(body)} bytes, block-wise",
        f"{status} {content}")
    status, _ = coap("POST", f"{where}/3")
    tap(status.startswith("CHANGED"), "Execute Run", status)
    data = events.wait("NOTIFICATION", lambda d: value(d.get("val", {})) == 3, 90)
    tap(data is not None, "Notify: the state becomes 3, done", data and data.get("res"))
    status, content = coap("GET", f"{where}/7", format="OPAQUE")
    try:
        r = script.parse_response(bytes.fromhex(value(content)))
        good, said = r.executed == 400, f"{r.executed} commands, {len(value(content)) // 2} bytes"
    except (ValueError, TypeError) as e:
        good, said = False, f"{status} {e} {content}"[:400]
    tap(good, "Read of the response script, block-wise", said)
    status, _ = coap("POST", f"{where}/3")
    tap(status.startswith("METHOD_NOT_ALLOWED"), "Execute Run before Clear is refused", status)
    status, _ = coap("POST", f"{where}/11")
    tap(status.startswith("CHANGED"), "Execute Clear", status)
    status, _ = rest("DELETE", f"/clients/{EP}{where}/4/observe")
    tap(status in (200, 204), "cancel the observation", f"HTTP {status}")
    status, _ = coap("DELETE", where)
    tap(status.startswith("DELETED"), "Delete of the instance", status)
    status, _ = coap("GET", f"/{SE}/0/99", format="TLV")
    tap("NOT_FOUND" in status, "Read of what is not there", status)
    status, _ = coap("POST", "/1/0/8")
    data = events.wait("UPDATED", lambda d: True, 90)
    tap(status.startswith("CHANGED") and data is not None, "registration update on request", status)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
