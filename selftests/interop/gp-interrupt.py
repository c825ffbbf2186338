#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Interruptions of a card content management plan, between processes. TAP on stdout.

    gp-interrupt.py [--every N]

gp-host runs a plan (a security domain, its keys, load, install, make selectable,
personalise, lock) on the software SE, through a proxy that lets something happen at the
k-th C-APDU, for every k (or every N-th), or at the k-th step of the SE's disk:

    kill-host   the host is killed, the command reaches the SE
    cut-host    the cable is pulled before the command leaves
    lose-answer the SE executes it, the cable is pulled then
    power       the SE is killed (its image is on the disk), before the command
    power-after the same after the command
    reset       the SE is reset before the command
    write       the SE's power goes before the k-th step that changes its disk, with fsync

After each the plan is resumed, and in another pass rolled back. Then the card, read by a
plan that lists it, has to be as a run left it that nobody interrupted, or as it was. The
SE's own APDU log and its count of failed authentications are witnesses.
"""

import argparse
import base64
import json
import os
import queue
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import threading
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
from tap import tap  # noqa: E402

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
OUT = os.path.join(TOP, "build/out", os.environ.get("V", "release"))
WAYS = ["kill-host", "cut-host", "lose-answer", "power", "power-after", "reset"]
CODE = base64.b64encode(b"\xc4\x3c" + bytes(60)).decode()
SSD, ELF, APP = "F0534553414D455344", "F0000000010101", "F000000001010102"

PLAN = {
    "version": 1, "name": "install",
    "sessions": [{"keys": "isd"}, {"sd": SSD, "keys": "isd"}],
    "operations": [
        {"op": "sd-create", "aid": SSD},
        {"op": "put-key", "session": 1, "keys": "new"},
        {"op": "load", "aid": ELF, "code": CODE, "block": 16},
        {"op": "install", "elf": ELF, "module": "F000000001010101", "aid": APP},
        {"op": "make-selectable", "aid": APP},
        {"op": "personalise", "aid": SSD, "repeatable": True, "form": "dgi",
         "data": "007006420411223344007006450455667788"},
        {"op": "lock", "aid": APP}]}
LIST = {"version": 1, "sessions": [{"keys": "isd"}],
        "operations": [{"op": "list"}, {"op": "get-data", "tag": "E0"}]}
KEYS = """[keyset isd]
type=aes
kvn=30
enc=404142434445464748494A4B4C4D4E4F
mac=404142434445464748494A4B4C4D4E4F
dek=404142434445464748494A4B4C4D4E4F
[keyset new]
type=aes
kvn=31
enc=101112131415161718191A1B1C1D1E1F
mac=202122232425262728292A2B2C2D2E2F
dek=303132333435363738393A3B3C3D3E3F
"""


def recv_frame(s):
    head = b""
    while len(head) < 2:
        more = s.recv(2 - len(head))
        if not more:
            return None
        head += more
    body, want = b"", struct.unpack(">H", head)[0]
    while len(body) < want:
        more = s.recv(want - len(body))
        if not more:
            return None
        body += more
    return head + body


OVER = "the plan was done before that"


class Card:
    """softse with a state file, and a proxy in front of it."""

    def __init__(self, folder):
        self.folder = folder
        self.path = os.path.join(folder, "se")
        self.front = os.path.join(folder, "front")
        self.log = os.path.join(folder, "log")
        self.way = self.at = None
        self.hosts = queue.SimpleQueue()
        self.count = 0
        self.happened = False
        self.start()
        self.listener = socket.socket(socket.AF_UNIX)
        self.listener.bind(self.front)
        self.listener.listen(4)
        self.server = threading.Thread(target=self.serve, daemon=True)
        self.server.start()

    def start(self, power_cut=None):
        how = f"--power-cut={power_cut}" if power_cut else "--no-fsync"
        self.softse = subprocess.Popen(
            [os.path.join(OUT, "softse"), f"--apdu-socket={self.path}", how,
             f"--state={self.folder}/image", f"--log={self.log}"],
            stdout=subprocess.PIPE, text=True)
        while "ready" not in self.softse.stdout.readline():
            if self.softse.poll() is not None:
                sys.exit("softse does not start")

    def power_off(self):
        self.softse.kill()
        self.softse.wait()
        self.softse.stdout.close()
        if os.path.exists(self.path):
            os.unlink(self.path)

    def stop(self):
        # a thread that still waited in accept() would, after a stop of this process, wait for
        # whatever has the number of its descriptor by then
        self.listener.shutdown(socket.SHUT_RDWR)
        self.server.join(20)
        self.listener.close()
        self.power_off()

    def serve(self):
        while True:
            try:
                client, _ = self.listener.accept()
            except OSError:
                return
            try:
                self.relay(client)
            except OSError:
                pass
            client.close()

    def happen(self, way, card, frame):
        """What happens at the APDU; True: the connection is over."""
        self.happened = True
        if way in ("kill-host", "lose-answer", "power-after"):
            card.sendall(frame)
            recv_frame(card)            # it was executed
        if way == "kill-host":
            self.hosts.get().send_signal(signal.SIGKILL)
        if way in ("power", "power-after"):
            card.close()
            self.power_off()
            self.start()
        if way == "reset":
            card.sendall(b"\x00\x01\x02")
        return True

    def relay(self, client):
        card = socket.socket(socket.AF_UNIX)
        card.connect(self.path)
        with card:
            while frame := recv_frame(client):
                if len(frame) > 3:
                    self.count += 1
                    if self.way and self.count == self.at and \
                            self.happen(self.way, card, frame):
                        return
                card.sendall(frame)
                if len(frame) > 3 or frame[2] == 4:
                    answer = recv_frame(card)
                    if answer is None:
                        return
                    client.sendall(answer)

    def executed(self):
        """The SE's log: number, time, channel, header, Lc, status, digest."""
        with open(self.log, encoding="ascii") as f:
            return [line.split() for line in f]


def run(card, folder, plan, mode, *more):
    name = os.path.join(folder, "plan.json")
    with open(name, "w", encoding="ascii") as f:
        json.dump(plan, f)
    card.count = 0      # from its first APDU on, which may come before we hear of the process
    while not card.hosts.empty():
        card.hosts.get()
    host = subprocess.Popen(
        [os.path.join(OUT, "interop/gp-host"), f"socket:{card.front}", name,
         f"file:{folder}/keys", folder, mode, *more],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    card.hosts.put(host)
    out, err = host.communicate(timeout=120)
    return host.returncode, json.loads(out) if out.startswith("{") else None, err.strip()


def photo(card, folder):
    """The card as it lists itself; the record is another folder's."""
    card.way = None
    inner = os.path.join(folder, "look")
    os.makedirs(inner, mode=0o700, exist_ok=True)
    with open(os.path.join(inner, "keys"), "w", opener=private, encoding="ascii") as f:
        f.write(KEYS)
    rc, result, err = run(card, inner, LIST, "forward", "retry")
    if rc:
        return f"cannot be listed: {err}"
    return json.dumps([s["data"] for s in result["steps"]], indent=1)


def private(path, flags):
    return os.open(path, flags, 0o600)


def world(folder):
    os.chmod(folder, 0o700)
    with open(os.path.join(folder, "keys"), "w", opener=private, encoding="ascii") as f:
        f.write(KEYS)
    return Card(folder)


def without_cut():
    """(number of C-APDUs, the card before, the card afterwards)"""
    with tempfile.TemporaryDirectory() as folder:
        card = world(folder)
        before = photo(card, folder)
        rc, result, err = run(card, folder, PLAN, "forward")
        n = card.count - 1      # the last one closes the channel of a plan that is done
        if not tap(rc == 0 and result["state"] == "done", "the plan runs", err or f"{n} C-APDUs"):
            print(json.dumps(result, indent=1))
            sys.exit(tap.done())
        after = photo(card, folder)
        card.stop()
        return n, before, after


def writes(want, every):
    """The SE's disk instead of its APDUs."""
    low, high = 1, 2048             # how many there are: by halves
    while low < high:
        k = (low + high) // 2
        if one(k, "write", "resume", want["resume"]) == OVER:
            high = k
        else:
            low = k + 1
    n = low - 1
    for mode in want:
        wrong, tried, start = [], 0, time.monotonic()
        for k in range(1, n + 1, every):
            why = one(k, "write", mode, want[mode])
            tried += 1
            if why:
                wrong.append(f"step {k}: {why}")
        tap(n > 80 and not wrong, f"write at {tried} of {n} steps, then {mode}",
            wrong[0][:1500] if wrong else f"{time.monotonic() - start:.1f} s")


def one(k, way, mode, want):
    """None, or what is wrong."""
    with tempfile.TemporaryDirectory() as folder:
        card = world(folder)
        try:
            if way == "write":
                card.power_off()
                card.start(k)
            else:
                card.way, card.at = way, k
            rc, result, err = run(card, folder, PLAN, "forward")
            card.way = None
            if way == "write":
                if rc == 0:
                    return OVER
                if card.softse.wait(60) != 0:
                    return "the SE has not ended by itself"
                card.power_off()
                card.start()
            elif not card.happened:
                return "nothing happened"
            if rc == 0:
                return "the host has not noticed"
            if not os.path.exists(os.path.join(folder, "record")):
                if mode == "rollback":      # nothing was changed
                    now = photo(card, folder)
                    return None if now == want else f"the card is {now}"
                mode = "forward"
            rc, result, err = run(card, folder, PLAN, mode)
            if rc and "attempt-unknown" in err:
                # an EXTERNAL AUTHENTICATE was under way: it takes a person's word to go on
                rc, result, err = run(card, folder, PLAN, mode, "retry")
            if rc:
                return f"{mode}: {err}"
            now = photo(card, folder)
            if now != want:
                return f"after {mode} the card is {now}, not {want}"
            return witness(card, mode)
        finally:
            card.stop()


def witness(card, mode):
    """What the SE's own log says: no authentication failed, nothing took effect twice."""
    seen = {}
    for line in card.executed():
        header, status = line[3], line[5]
        ins, p1 = header[2:4], header[4:6]
        if ins == "82" and status != "9000":
            return f"an authentication failed: {' '.join(line)}"
        # what has an effect by itself: all INSTALL but [for load] and [for personalization],
        # the last LOAD, PUT KEY, SET STATUS
        effect = (ins == "E6" and p1 not in ("02", "20")) or (ins == "E8" and p1 == "80") or \
            ins in ("D8", "F0")
        if effect and status == "9000":
            seen[ins + p1] = seen.get(ins + p1, 0) + 1
    twice = [k for k, n in seen.items() if n > 1]
    if mode != "rollback" and twice:
        return f"took effect twice: {', '.join(twice)}"
    if mode != "rollback" and len(seen) < 6:
        return f"the log knows of {sorted(seen)} only"
    return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--every", type=int, default=1)
    args = parser.parse_args()
    n, before, after = without_cut()
    for mode, want in (("resume", after), ("rollback", before)):
        for way in WAYS:
            wrong, tried, start = [], 0, time.monotonic()
            for k in range(1, n + 1, args.every):
                why = one(k, way, mode, want)
                tried += 1
                if why:
                    wrong.append(f"APDU {k}: {why}")
            tap(not wrong, f"{way} at {tried} of {n} APDUs, then {mode}",
                wrong[0][:1500] if wrong else f"{time.monotonic() - start:.1f} s")
    writes({"resume": after, "rollback": before}, args.every)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
