#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 and power cuts of semd while a management server is at work.

    lwm2m-kill.py [N [SEED]]

N times: a server writes scripts, runs them, observes their state, reads what came out
and clears them, until semd is killed at a random moment. Every second time it is a
power cut: the software SE dies too, and of semd's state there is what a disk would have
(powercut.py). Then both are started again, and the server asks. The SE's own APDU
log is the witness:

  * no APDU of a script ran twice, whatever was repeated, the server's old requests too
  * a Run that was answered is not forgotten; what is said of it is what the log has
  * what the server cleared is not reported again
  * the device comes back by itself; where it does so by an Update, its observations live

TAP on stdout.
"""

import argparse
import collections
import importlib.util
import itertools
import os
import random
import signal
import struct
import subprocess
import sys
import tempfile
import threading
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, HERE)

from powercut import Disk  # noqa: E402
from rawcoap import RST, RawServer  # noqa: E402

from aiocoap import Message  # noqa: E402
from aiocoap.numbers.codes import CHANGED, CONTENT, EMPTY, GET, POST, PUT  # noqa: E402
from script import command_script, parse_response  # noqa: E402
from stack import free_port  # noqa: E402

spec = importlib.util.spec_from_file_location("job_kill", os.path.join(HERE, "job-kill.py"))
kill = importlib.util.module_from_spec(spec)
spec.loader.exec_module(kill)

SCRIPT = (26242, 0)
AID, COMMAND, RUN, STATE, EXECUTED, RESPONSE, CLEAR = 1, 2, 3, 4, 5, 7, 11
IDLE, QUEUED, RUNNING, DONE, FAILED, UNKNOWN = range(6)
OPAQUE = 42
APDUS = 12
SPAN = 0.35         # seconds that a round has before the axe falls, at most


class Killed(Exception):
    """semd does not answer, and that is why."""


class Server(RawServer):
    """Notifications of the state, in the order that they came."""

    def __init__(self, port):
        super().__init__(port)
        self.updates = 0
        self.watched = []       # tokens of the observations, this round's last
        self.states = []
        self.killed = False

    def serve(self, message, address):
        if message.code.is_request() and message.opt.uri_path[:1] == ("rd",):
            if len(message.opt.uri_path) > 1 and message.code == POST:
                self.updates += 1
            self.client = address
        if not message.code.is_request() and message.opt.observe is not None \
                and message.token in self.watched:
            if message.token == self.watched[-1]:
                self.states.append(int(message.payload))
                self.acknowledge(message, address)
            else:       # of an earlier round: a server that forgot it says so
                self.sock.sendto(Message(code=EMPTY, mtype=RST, mid=message.mid,
                                         token=b"").encode(), address)
            return True
        return super().serve(message, address)

    def ask(self, code, path, payload=b"", **options):
        """The answer; a request is repeated only while semd lives."""
        message = self.build(code, path, payload, **options)
        return message, self.repeat(message)

    def repeat(self, message, times=40):
        for _ in range(times):
            self.send(message)
            got = self.answers(message, 1.5)
            if got:
                return got[0]
            if self.killed:
                raise Killed
        raise AssertionError(f"no answer to {message.code} {'/'.join(message.opt.uri_path)}")

    def wait(self, test, seconds):
        """Serves until the test is true, or AssertionError."""
        end = time.monotonic() + seconds
        while not test():
            if time.monotonic() > end:
                return False
            got = self.receive(0.02)
            if got:
                self.serve(got[0], got[2])
        return True


class Round:
    """One script of the load, and how far it came."""

    def __init__(self, numbers):
        self.numbers = numbers      # P1P2 of its commands
        self.run = None             # the request, once it was sent
        self.answered = self.clear = self.cleared = False

    def script(self):
        return command_script([struct.pack(">BBHB", 0x80, 0x20, n, 0) for n in self.numbers])


class Rig(kill.Rig):
    """softse, semd on its socket, and a server; the state lies on a disk that forgets."""

    def __init__(self, folder, server):
        self.server = server
        super().__init__(folder)
        os.mkdir(f"{folder}/state", 0o700)
        os.mkdir(f"{folder}/disk")
        self.disk = Disk(f"{folder}/state", f"{folder}/disk",
                         os.path.join(kill.OUT, "interop/powercut.so"))
        with open(os.path.join(folder, "semd.conf"), "a", encoding="ascii") as f:
            f.write(f"[server main]\nuri=coap://127.0.0.1:{server.port}\nendpoint=killed\n"
                    "ssid=101\nlifetime=600\n")

    def start(self):
        self.server.killed = False
        with open(os.path.join(self.folder, "semd.log"), "ab") as log:
            self.semd = subprocess.Popen(
                [os.path.join(kill.OUT, "semd"), f"--config={self.folder}/semd.conf"],
                stderr=log, env={**os.environ, **self.disk.env})

    def restart_card(self):
        self.softse.send_signal(signal.SIGKILL)
        self.softse.wait()
        os.unlink(self.sock)
        self.softse = subprocess.Popen(
            [os.path.join(kill.OUT, "softse"), f"--apdu-socket={self.sock}",
             f"--state={self.folder}/se.state", f"--log={self.log}", "--work-ms=1"],
            stdout=subprocess.PIPE, text=True)
        if "ready" not in self.softse.stdout.readline():
            raise AssertionError("softse did not start again")

    def counts(self, since):
        """How often each number ran after this mark of the log."""
        return collections.Counter(int.from_bytes(r.header[2:], "big") for r in self.ran(since)
                                   if r.header[0] & 0x80 and r.header[1] == 0x20)

    def axe(self, with_card):
        self.server.killed = True
        if with_card:
            self.softse.send_signal(signal.SIGKILL)
        self.semd.send_signal(signal.SIGKILL)


def path(resource):
    return (*SCRIPT, resource)


def value(answer):
    if answer.code != CONTENT:
        raise AssertionError(f"Read answered {answer.code}: {answer.payload.decode()}")
    return int(answer.payload)


def observe(server):
    message = server.build(GET, path(STATE), observe=0)
    first = server.repeat(message)
    server.watched.append(message.token)
    if first.code != CONTENT or first.opt.observe is None:
        raise AssertionError(f"Observe answered {first.code}")


def load(server, numbers, rounds):
    """Scripts, one after the other, until semd is killed."""
    while True:
        r = Round([next(numbers) for _ in range(APDUS)])
        rounds.append(r)
        for resource, payload in ((AID, kill.APPLET), (COMMAND, r.script())):
            _, a = server.ask(PUT, path(resource), payload, content_format=OPAQUE)
            if a.code != CHANGED:
                raise AssertionError(f"Write of {resource}: {a.code} {a.payload.decode()}")
        r.run = server.build(POST, path(RUN))
        a = server.repeat(r.run)
        if a.code != CHANGED:
            raise AssertionError(f"Run: {a.code} {a.payload.decode()}")
        r.answered = True
        while True:
            _, a = server.ask(GET, path(STATE), accept=0)
            if value(a) not in (QUEUED, RUNNING):
                break
        if value(a) != DONE:
            raise AssertionError(f"state {value(a)} without a kill")
        _, a = server.ask(GET, path(RESPONSE), accept=OPAQUE)
        if parse_response(a.payload).executed != APDUS:
            raise AssertionError(f"{parse_response(a.payload).executed} executed")
        r.clear = True
        _, a = server.ask(POST, path(CLEAR))
        if a.code != CHANGED:
            raise AssertionError(f"Clear: {a.code} {a.payload.decode()}")
        r.cleared = True


def judge(rig, rounds, since):
    """A complaint about what is said after the restart, or None."""
    server, last = rig.server, rounds[-1]
    end = time.monotonic() + 60
    while True:
        state = value(server.ask(GET, path(STATE), accept=0)[1])
        if state not in (QUEUED, RUNNING) or time.monotonic() > end:
            break
    executed = value(server.ask(GET, path(EXECUTED), accept=0)[1])
    ran = rig.counts(since)
    twice = [n for n, times in ran.items() if times > 1]
    if twice:
        return f"ran twice: {twice}"
    for r in rounds[:-1]:
        if any(ran[n] != 1 for n in r.numbers):
            return "a script that was done is not in the card's log"
    mine = sum(ran[n] for n in last.numbers)
    if not last.run and (mine or state != IDLE):
        return f"{mine} ran and state {state}, although nobody said Run"
    if last.answered and not last.clear and state not in (DONE, FAILED, UNKNOWN):
        return f"state {state}, although Run was answered"
    if last.cleared and (state != IDLE or executed):
        return f"state {state} after Clear was answered"
    if state == IDLE and not last.clear and mine:
        return f"idle, but {mine} ran"
    if state == DONE and (mine != APDUS or executed != APDUS):
        return f"done with {mine} of {APDUS} in the card's log, {executed} said"
    if state in (FAILED, UNKNOWN) and not executed <= mine <= executed + (state == UNKNOWN):
        return f"state {state}: {executed} said, {mine} in the card's log"
    return None


def repeated(rig, rounds, numbers):
    """The server's last Run arrives once more, with another script in its place."""
    server = rig.server
    _, a = server.ask(POST, path(CLEAR))
    other = Round([next(numbers) for _ in range(APDUS)])
    server.ask(PUT, path(COMMAND), other.script(), content_format=OPAQUE)
    since = rig.mark()
    run = next((r.run for r in reversed(rounds) if r.answered), None)
    if not run:
        return None
    server.repeat(run)
    time.sleep(0.05)
    state = value(server.ask(GET, path(STATE), accept=0)[1])
    if state != IDLE or rig.counts(since):
        return f"an old Run that came again started a script (state {state})"
    return None


def alive(server):
    """Does the observation live on? A Run changes the state, which must be told."""
    before = len(server.states)
    server.ask(POST, path(RUN))
    if not server.wait(lambda: DONE in server.states[before:], 60):
        return f"registration kept, observation lost: {server.states[before:]}"
    server.ask(POST, path(CLEAR))
    return None


Seen = collections.namedtuple("Seen", "complaint how jobs")


def one(rig, numbers, rng, cut):
    server = rig.server
    rounds, since = [], rig.mark()
    observe(server)
    timer = threading.Timer(rng.random() * SPAN, rig.axe, (cut,))
    timer.start()
    try:
        load(server, numbers, rounds)
    except Killed:
        pass
    except AssertionError:
        # the card went first, and semd had the time to say so; judge() has its last word
        if not server.killed:
            raise
    timer.join()
    rig.semd.wait()
    torn = 0
    if cut:
        rig.restart_card()
        torn = rig.disk.cut(rng)
    registrations, updates = server.registrations, server.updates
    rig.start()
    if not server.wait(lambda: server.registrations + server.updates > registrations + updates, 90):
        return Seen("the device did not come back within 90 s", "lost", len(rounds))
    kept = server.registrations == registrations
    how = ("power cut, " if cut else "killed, ") + ("Update" if kept else "Register")
    complaint = judge(rig, rounds, since) or repeated(rig, rounds, numbers)
    if not complaint and kept:
        complaint = alive(server)
    if not complaint:
        server.ask(POST, path(CLEAR))
    return Seen(complaint, how + (f", {torn} files torn" if torn else ""), len(rounds))


def main():
    p = argparse.ArgumentParser(description="kill -9 and power cuts under a server's load")
    p.add_argument("n", nargs="?", type=int, default=20, metavar="N", help="rounds (20)")
    p.add_argument("seed", nargs="?", type=int, default=random.randrange(1 << 30),
                   metavar="SEED", help="repeat a run")
    opt = p.parse_args()
    rng = random.Random(opt.seed)
    tap = kill.Tap(opt.n + 2)
    print(f"# seed {opt.seed}")
    numbers = itertools.cycle(range(1024))  # the applet counts each; a round has fewer
    seen = []
    with tempfile.TemporaryDirectory(prefix="lwm2m-kill-") as folder:
        server = Server(free_port())
        rig = Rig(folder, server)
        try:
            rig.start()
            tap.line("registered", None if server.wait(lambda: server.registrations, 60)
                     else "not within 60 s")
            for i in range(opt.n):
                seen.append(one(rig, numbers, rng, i % 2 == 1))
                tap.line(seen[-1].how, seen[-1].complaint)
            jobs = sum(s.jobs for s in seen)
            tap.line(f"{jobs} scripts begun under load", None if jobs >= opt.n else "too few")
        except Exception:   # as in job-kill.py
            tap.gave_up(rig)
        finally:
            rig.stop()
            if tap.bad:
                with open(os.path.join(folder, "semd.log"), encoding="utf-8") as f:
                    print("# " + "# ".join(f.readlines()[-30:]))
            server.close()
    for how, n in sorted(collections.Counter(s.how.split(", ")[0] + ", " + s.how.split(", ")[1]
                                             for s in seen).items()):
        print(f"# {n} {how}")
    return 1 if tap.bad else 0


if __name__ == "__main__":
    sys.exit(main())
