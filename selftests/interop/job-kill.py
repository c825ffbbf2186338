#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of semd at random points of a script: the journal tells what ran.

    job-kill.py [N [SEED]]

N times: a script of 40 counter commands is given to semd, semd is killed at a
random moment, started again, and asked. The software SE's own APDU log is the
witness: each command that the journal calls executed is in the log exactly
once, none that it calls not-sent is, and at most one, the one that was in
flight, is unknown. Afterwards nothing runs by itself. TAP on stdout.
"""

import base64
import collections
import json
import os
import random
import signal
import socket
import struct
import subprocess
import sys
import tempfile
import time

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
OUT = os.path.join(TOP, "build/out", os.environ.get("V", "release"))
sys.path.insert(0, os.path.join(TOP, "selftests/server"))

import gp  # noqa: E402
import scp03  # noqa: E402
from script import command_script  # noqa: E402

ELF = bytes.fromhex("F0534553414D4501")
MODULE = ELF + b"\x01"
APPLET = ELF + b"\x02"
COMMANDS = 40
KEY = bytes(range(0x40, 0x50))


class ApduSocket:
    """A connection to the software SE."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.connect(path)

    def transmit(self, capdu):
        self.s.sendall(struct.pack(">H", len(capdu)) + capdu)
        n = struct.unpack(">H", self.take(2))[0]
        return self.take(n)

    def take(self, n):
        out = b""
        while len(out) < n:
            part = self.s.recv(n - len(out))
            if not part:
                raise EOFError("the software SE hung up")
            out += part
        return out


def install_applet(path):
    """The test applet, over SCP03, as a management server would."""
    se = ApduSocket(path)
    se.transmit(gp.select(gp.ISD))
    session = scp03.Session(scp03.Keys(0x30, KEY, KEY, KEY))
    session.card_answer(se.transmit(session.initialize_update()))
    session.authenticated(se.transmit(session.external_authenticate(0x33)))
    load = gp.synthetic_load_file(200)
    for c in [gp.install_for_load(ELF, load.hash), *load.loads(session.max_data - 8),
              gp.install_and_make_selectable(ELF, MODULE, APPLET)]:
        w = session.wrap(c)
        _, sw = session.unwrap(se.transmit(w.apdu), w)
        if sw != 0x9000:
            raise AssertionError(f"{c[:4].hex()}: the card answered {sw:04X}")


class Varlink:
    """Calls of io.sesame.Manager, by hand: JSON and a NUL."""

    def __init__(self, path):
        self.s = socket.socket(socket.AF_UNIX)
        self.s.settimeout(20)
        self.s.connect(path)
        self.buf = b""

    def send(self, method, more=False, **parameters):
        call = {"method": "io.sesame.Manager." + method, "parameters": parameters}
        if more:
            call["more"] = True
        self.s.sendall(json.dumps(call).encode() + b"\0")

    def reply(self):
        while b"\0" not in self.buf:
            part = self.s.recv(65536)
            if not part:
                raise EOFError("semd hung up")
            self.buf += part
        one, self.buf = self.buf.split(b"\0", 1)
        answer = json.loads(one)
        if "error" in answer:
            raise AssertionError(f"{answer}")
        return answer["parameters"]

    def call(self, method, **parameters):
        self.send(method, **parameters)
        return self.reply()


class Rig:
    def __init__(self, folder):
        self.folder = folder
        self.log = os.path.join(folder, "apdu.log")
        self.sock = os.path.join(folder, "se.sock")
        self.varlink = os.path.join(folder, "run/io.sesame.Manager")
        self.semd = None
        os.mkdir(os.path.join(folder, "run"), 0o755)
        with open(os.path.join(folder, "semd.conf"), "w", encoding="ascii") as f:
            f.write(f"[semd]\nstate_dir={folder}/state\nruntime_dir={folder}/run\n"
                    f"[job]\nchunk=8\n[se se0]\nopen=socket:{self.sock}\n")
        self.softse = subprocess.Popen(
            [os.path.join(OUT, "softse"), f"--apdu-socket={self.sock}", "--no-fsync",
             f"--state={folder}/se.state", f"--log={self.log}", "--work-ms=1"],
            stdout=subprocess.DEVNULL)
        self.until(lambda: os.path.exists(self.sock), "softse's socket")
        install_applet(self.sock)

    @staticmethod
    def until(test, what, seconds=20):
        end = time.monotonic() + seconds
        while not test():
            if time.monotonic() > end:
                raise AssertionError(f"{what}: not within {seconds} s")
            time.sleep(0.002)

    def start(self):
        if os.path.exists(self.varlink):
            os.unlink(self.varlink)
        with open(os.path.join(self.folder, "semd.log"), "ab") as log:
            self.semd = subprocess.Popen(
                [os.path.join(OUT, "semd"), f"--config={self.folder}/semd.conf"], stderr=log)

        def ready():
            if self.semd.poll() is not None:
                raise AssertionError(f"semd ended with {self.semd.returncode}")
            try:
                return Varlink(self.varlink)
            except OSError:
                return None
        found = []
        self.until(lambda: found.append(ready()) or found[-1], "semd's socket")
        return found[-1]

    def kill(self):
        self.semd.send_signal(signal.SIGKILL)
        self.semd.wait()

    def witness(self, since):
        """How often each index of the script ran after byte since of the log."""
        with open(self.log, encoding="ascii") as f:
            f.seek(since)
            heads = [line.split()[3] for line in f.read().splitlines()]
        return collections.Counter(int(h[4:], 16) for h in heads
                                   if h[0] == "8" and h[2:4] == "20")

    def stop(self):
        for p in (self.semd, self.softse):
            if p and p.poll() is None:
                p.terminate()
                try:
                    p.wait(10)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()


def judge(job, apdus, ran):
    """A sentence about what is wrong, or None."""
    by = collections.defaultdict(set)
    for a in apdus:
        by[a["outcome"]].add(a["index"])
    twice = [i for i, n in ran.items() if n > 1]
    if twice:
        return f"ran twice: {twice}"
    if len(by["executed"]) != job["executed"]:
        return f"{job['executed']} by the job, {len(by['executed'])} by its APDUs"
    if len(by["unknown"]) > 1:
        return f"{len(by['unknown'])} unknown"
    if by["executed"] - set(ran):
        return f"not in the card's log: {sorted(by['executed'] - set(ran))}"
    if set(ran) - by["executed"] - by["unknown"]:
        return f"ran without being told: {sorted(set(ran) - by['executed'] - by['unknown'])}"
    if any(a["outcome"] == "executed" and a["sw"] != "9000" for a in apdus):
        return "executed without its status word"
    want = {"failed", "done"} if not by["unknown"] else {"unknown"}
    if job["state"] not in want:
        return f"state {job['state']} with {len(by['unknown'])} unknown"
    if job["state"] == "done" and len(ran) != COMMANDS:
        return f"done with {len(ran)} of {COMMANDS}"
    return None


def one(rig, rng, span):
    """One kill; (complaint or None, state)."""
    script = command_script([bytes([0x80, 0x20, 0, i, 0]) for i in range(COMMANDS)])
    since = os.path.getsize(rig.log)
    vl = rig.start()
    job = vl.call("RunScript", se="se0", aid=APPLET.hex(),
                  script=base64.b64encode(script).decode())["id"]
    time.sleep(rng.random() * span)
    rig.kill()
    before = rig.witness(since)
    vl = rig.start()
    # A job that was still queued may start now: nothing of it was sent.
    got = vl.call("GetJob", id=job)
    if got["job"]["state"] in ("queued", "running"):
        if before:
            return f"queued, but {len(before)} ran", "queued"
        vl.send("MonitorJob", more=True, id=job)
        while vl.reply()["job"]["state"] in ("queued", "running"):
            pass
        got = vl.call("GetJob", id=job)
    ran = rig.witness(since)
    complaint = judge(got["job"], got["apdus"], ran)
    vl.call("AckJob", id=job)
    rig.kill()
    if not complaint and rig.witness(since) != ran:
        complaint = "something ran by itself after the restart"
    return complaint, got["job"]["state"]


def main():
    n = int(sys.argv[1]) if len(sys.argv) > 1 else 20
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(1 << 30)
    rng = random.Random(seed)
    states = collections.Counter()
    bad = 0
    print(f"TAP version 13\n1..{n}\n# seed {seed}")
    with tempfile.TemporaryDirectory(prefix="job-kill-") as folder:
        rig = Rig(folder)
        try:
            for i in range(1, n + 1):
                complaint, state = one(rig, rng, 0.06)
                states[state] += 1
                bad += complaint is not None
                print(f"{'not ok' if complaint else 'ok'} {i} - killed, {state}"
                      + (f": {complaint}" if complaint else ""), flush=True)
        finally:
            rig.stop()
            if bad:
                with open(os.path.join(folder, "semd.log"), encoding="utf-8") as f:
                    print("# " + "# ".join(f.readlines()[-20:]))
    print("# " + ", ".join(f"{k}: {v}" for k, v in sorted(states.items())))
    return 1 if bad else 0


sys.exit(main())
