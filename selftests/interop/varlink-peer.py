#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Peers of io.sesame.Manager as they should not be: varlink-peer.py SOCKET.

Each line "ok - WHAT" or "not ok - WHAT"; varlink.sh counts them.
"""

import base64
import contextlib
import json
import socket
import sys
import time

PATH = sys.argv[1]
LIST = {"version": 1, "sessions": [{"keys": "isd"}], "operations": [{"op": "list"}]}
BAD = 0


def connect():
    s = socket.socket(socket.AF_UNIX)
    s.settimeout(120)
    s.connect(PATH)
    return s


def send(s, method, more=False, **parameters):
    call = {"method": "io.sesame.Manager." + method, "parameters": parameters}
    if more:
        call["more"] = True
    s.sendall(json.dumps(call).encode() + b"\0")


def reply(s):
    data = b""
    while not data.endswith(b"\0"):
        part = s.recv(1 << 20)
        if not part:
            return None
        data += part
    return json.loads(data.split(b"\0")[0])


def ask(method, **parameters):
    s = connect()
    send(s, method, **parameters)
    r = reply(s)
    s.close()
    return r


def line(what, ok):
    global BAD
    BAD += not ok
    print(f"{'ok' if ok else 'not ok'} - {what}", flush=True)


def alive():
    r = ask("GetStatus")
    return r is not None and "parameters" in r and "error" not in r


def alive_again():
    """The same, where a connection may be refused or hung up on for a while."""
    end = time.monotonic() + 60
    while time.monotonic() < end:
        with contextlib.suppress(OSError):
            if alive():
                return True
        time.sleep(0.05)
    return False


def raw(what, data):
    """Bytes that are no call: the connection ends, nothing else does."""
    s = connect()
    try:
        s.sendall(data)
        s.shutdown(socket.SHUT_WR)  # else half a call is waited for, and we wait with it
        while s.recv(65536):
            pass
    except OSError:
        pass
    s.close()
    line(what, alive())


def main():
    raw("no JSON", b"hello\0")
    raw("half a call, then gone", b'{"method":"io.ses')
    raw("binary", bytes(range(256)) * 40 + b"\0")
    raw("JSON, but no call", b"[1,2,3]\0")
    raw("no end in 40 MiB", b" " * (40 << 20))
    raw("nested too deep", b'{"method":"io.sesame.Manager.ListJobs","parameters":'
        + b'{"a":' * 5000 + b"1" + b"}" * 5000 + b"}\0")

    r = ask("RunScript", se="se0", script=base64.b64encode(bytes(6 << 20)).decode())
    line("a script above the limit: refused in words",
         r["error"].endswith("Refused") and r["parameters"]["code"] == "script-too-long")
    big = {**LIST, "operations": [{"op": "list", "label": "x" * 63}] * 255}
    r = ask("RunPlan", se="se0", plan={**big, "name": "x" * 5000000})
    line("a plan above the limit: refused in words", r["error"].endswith("Refused"))
    line("nothing is left of them", ask("ListJobs")["parameters"]["jobs"] == [])

    # a peer that goes away in the middle of its answers
    job = ask("RunPlan", se="se0", plan=big)["parameters"]["id"]
    for more in ("MonitorJob", "MonitorElements"):
        s = connect()
        send(s, more, more=True, **({"id": job} if more == "MonitorJob" else {}))
        reply(s)
        s.close()
    line("gone in the middle of more", alive())
    s = connect()
    send(s, "MonitorJob", more=True, id=job)
    for _ in range(5000):
        r = reply(s)
        if r is None or not r.get("continues"):
            break
    state = r["parameters"]["job"]["state"] if r and "parameters" in r else r
    line(f"the job of it goes on: {state}", state == "done")
    s.close()
    ask("AckJob", id=job)

    # one that never reads, while the daemon has much to say
    mute = connect()
    for _ in range(200):
        try:
            mute.settimeout(0.2)
            send(mute, "GetStats", se="se0")
        except OSError:
            break
    line("a peer that never reads holds nobody up", alive())
    mute.close()

    # a call that made a job of its own, and its peer is gone: the job goes, too
    for _ in range(5):
        s = connect()
        send(s, "ListApplications", se="se0", keySet="isd")
        s.close()
    end = time.monotonic() + 60
    while ask("ListJobs")["parameters"]["jobs"] and time.monotonic() < end:
        time.sleep(0.05)
    line("nobody waits for it: its job is deleted",
         ask("ListJobs")["parameters"]["jobs"] == [])

    # more connections than there may be, and then again
    many = []
    try:
        for _ in range(100):
            many.append(connect())
    except OSError:
        pass
    for s in many:
        s.close()
    line(f"{len(many)} connections at once, then one", alive_again())

    # pipelined calls are answered in order
    s = connect()
    for _ in range(20):
        send(s, "GetStatus")
    data = b""
    while data.count(b"\0") < 20:
        data += s.recv(65536)
    line("20 calls in one go", data.count(b'"servers"') == 20)
    s.close()
    return 1 if BAD else 0


sys.exit(main())
