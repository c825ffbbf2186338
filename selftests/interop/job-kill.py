#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""kill -9 of semd at random points of a script: the journal tells what ran.

    job-kill.py [--kernel] [N [SEED]]

N times: a script of 40 commands is given to semd, semd is killed at a random
moment, started again, and asked. The software SE's own APDU log is the witness:
each command that the journal calls executed is in the log exactly once, none
that it calls not-sent is, and at most one, the one that was in flight, is
unknown. Afterwards nothing runs by itself. TAP on stdout.

With --kernel (as root, in the virtual machine) semd works on /dev/se0. The
kernel lives on when semd does not, so more is asked for: no command is unknown,
not even one that is on the wire when semd is killed (some take the SE long, so
that many are); the channel of the killed is closed; the SE is never reset.
"""

import argparse
import base64
import collections
import contextlib
import fcntl
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
import traceback

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
CHANNELS = range(1, 20)
SE_IOC_CHANNEL_OPEN = 0xC038E702        # <linux/se.h>
SE_CHANNEL_OPEN = struct.Struct("=QQIIIIQQHHI")
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
        self.s.settimeout(120)
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


Ran = collections.namedtuple("Ran", "ns header sw")


class Rig:
    """The software SE, and semd on its socket."""

    unknown_max = 1     # the command in flight dies with semd
    slow = False

    def __init__(self, folder):
        self.folder = folder
        self.log = os.path.join(folder, "apdu.log")
        self.sock = os.path.join(folder, "se.sock")
        self.varlink = os.path.join(folder, "run/io.sesame.Manager")
        self.semd = None
        self.script = [self.command(i) for i in range(COMMANDS)]
        self.index = {c[1:4]: i for i, c in enumerate(self.script)}
        os.mkdir(os.path.join(folder, "run"), 0o755)
        self.softse = subprocess.Popen(
            [os.path.join(OUT, "softse"), f"--apdu-socket={self.sock}", "--no-fsync",
             f"--state={folder}/se.state", f"--log={self.log}", "--work-ms=1", *self.plug()],
            stdout=subprocess.PIPE, text=True)
        if "ready" not in self.softse.stdout.readline():
            raise AssertionError("softse did not start")
        install_applet(self.sock)
        with open(os.path.join(folder, "semd.conf"), "w", encoding="ascii") as f:
            f.write(f"[semd]\nstate_dir={folder}/state\nruntime_dir={folder}/run\n"
                    f"[job]\nchunk=8\n[se se0]\nopen={self.address()}\n")

    def plug(self):
        """More options for softse."""
        return []

    def address(self):
        """Of the SE, once it is there."""
        return f"socket:{self.sock}"

    def command(self, i):
        """The test applet counts (INS 20) or works for P1P2 milliseconds (INS 30)."""
        if self.slow and i % 5 == 2:
            ms = 400 if i == 22 else 40 + i     # 400: asks for more time
            return struct.pack(">BBHB", 0x80, 0x30, ms, 0)
        return struct.pack(">BBHB", 0x80, 0x20, i, 0)

    def connections(self):
        """How many clients the software SE has: sockets beside the one that listens."""
        fds, found = f"/proc/{self.softse.pid}/fd", []
        for fd in os.listdir(fds):
            with contextlib.suppress(FileNotFoundError):    # closed since it was listed
                found.append(os.readlink(f"{fds}/{fd}"))
        return sum(name.startswith("socket:") for name in found) - 1

    def bereaved(self):
        """semd was killed: a sentence about what it left behind, or None. What it had sent has
        run then, and does not run amid what the next one sends."""
        self.until(lambda: not self.connections(), "the SE has done what was sent, and hung up")
        return None

    @staticmethod
    def until(test, what, seconds=240):
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

    def mark(self):
        """Where the log's last whole line ends: a writer that crosses a page shows half of one."""
        with open(self.log, "rb") as f:
            return f.read().rfind(b"\n") + 1

    def ran(self, since=0):
        """What ran after byte since of the log, which is a mark()."""
        with open(self.log, encoding="ascii") as f:
            f.seek(since)
            whole, _, _ = f.read().rpartition("\n")  # the last line may be half there
        lines = [line.split() for line in whole.splitlines()]
        return [Ran(int(w[1]), bytes.fromhex(w[3]), w[5]) for w in lines]

    def witness(self, since):
        """How often each index of the script ran after byte since of the log."""
        return collections.Counter(self.index[r.header[1:]] for r in self.ran(since)
                                   if r.header[0] & 0x80 and r.header[1:] in self.index)

    def on_the_wire(self, since, ns):
        """Was the SE at work for one of the script's slow commands at this time?"""
        return any(0 <= ns - r.ns < int.from_bytes(r.header[2:], "big") * 1000000
                   for r in self.ran(since) if r.header[0] & 0x80 and r.header[1] == 0x30)

    def stop(self):
        for p in (self.semd, self.softse):
            if p and p.poll() is None:
                p.terminate()
                try:
                    p.wait(10)
                except subprocess.TimeoutExpired:
                    p.kill()
                    p.wait()


class KernelRig(Rig):
    """The same SE on the virtual bus, and semd on /dev/se0."""

    unknown_max = 0
    slow = True
    generation = None

    def plug(self):
        for name in ("se", "se-spi", "se-sim"):
            subprocess.run(["insmod", os.path.join(TOP, f"build/kmod/driver/{name}.ko")],
                           check=True)
        return ["--sim"]

    def address(self):
        self.until(lambda: os.path.exists("/dev/se0"), "/dev/se0")
        self.generation = self.device()["generation"]
        return "ioctl:/dev/se0"

    @staticmethod
    def device():
        """What the kernel says about the SE."""
        out = subprocess.run([os.path.join(OUT, "sectl"), "--json", "list"], check=True,
                             stdout=subprocess.PIPE).stdout
        return next(d for d in json.loads(out)["result"]["elements"] if d["name"] == "se0")

    def open_channels(self):
        """Opened and not closed, by the card's log."""
        n = 0
        for r in self.ran():
            if r.header[:2] == b"\x00\x70" and r.sw == "9000":
                n += -1 if r.header[2] & 0x80 else 1
        return n

    def bereaved(self):
        try:
            self.until(lambda: not self.open_channels(), "its channel is closed")
        except AssertionError as e:
            return f"{e}; {self.open_channels()} open, the kernel says {self.device()}"
        d = self.device()
        if d["channelsInUse"]:
            return f"the kernel holds channels {d['channelsInUse']:#x} of a dead process"
        if d["generation"] != self.generation:
            return f"the SE was reset: generation {self.generation}, now {d['generation']}"
        return None

    def all_channels(self):
        """Can every channel be had at once? None, or what is wrong."""
        got, files = set(), []
        try:
            for _ in CHANNELS:
                files.append(os.open("/dev/se0", os.O_RDWR | os.O_CLOEXEC))
                arg = bytearray(SE_CHANNEL_OPEN.size)
                fcntl.ioctl(files[-1], SE_IOC_CHANNEL_OPEN, arg)
                got.add(SE_CHANNEL_OPEN.unpack(arg)[-1])
        except OSError as e:
            return f"{e.strerror} after {sorted(got)}"
        finally:
            for fd in files:
                os.close(fd)
        return None if got == set(CHANNELS) else f"only {sorted(got)}"


def judge(rig, job, apdus, ran):
    """A sentence about what is wrong, or None."""
    by = collections.defaultdict(set)
    for a in apdus:
        by[a["outcome"]].add(a["index"])
    twice = [i for i, n in ran.items() if n > 1]
    if twice:
        return f"ran twice: {twice}"
    if len(by["executed"]) != job["executed"]:
        return f"{job['executed']} by the job, {len(by['executed'])} by its APDUs"
    if len(by["unknown"]) > rig.unknown_max:
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


def submit(rig, vl):
    """A job, and where the log ended before it."""
    since = rig.mark()
    script = base64.b64encode(command_script(rig.script)).decode()
    return vl.call("RunScript", se="se0", aid=APPLET.hex(), script=script)["id"], since


def finished(vl, job):
    """The job's account, once it has ended."""
    vl.send("MonitorJob", more=True, id=job)
    while vl.reply()["job"]["state"] in ("queued", "running"):
        pass
    return vl.call("GetJob", id=job)


def undisturbed(rig, vl):
    """A run that nobody kills: (complaint or None, seconds)."""
    start = time.monotonic()
    job, since = submit(rig, vl)
    got = finished(vl, job)
    took = time.monotonic() - start
    vl.call("AckJob", id=job)
    if got["job"]["state"] != "done":
        return f"{got['job']['code']}: {got['job']['detail']}", took
    return judge(rig, got["job"], got["apdus"], rig.witness(since)), took


Kill = collections.namedtuple("Kill", "complaint state hit")


def one(rig, vl, seconds):
    """A job, and a kill so many seconds later; the result and the next semd."""
    job, since = submit(rig, vl)
    time.sleep(seconds)
    at = time.monotonic_ns()
    rig.kill()
    hit = rig.on_the_wire(since, at)
    complaint = rig.bereaved()
    before = rig.witness(since)
    vl = rig.start()
    got = vl.call("GetJob", id=job)
    if got["job"]["state"] in ("queued", "running"):
        # A job that was still queued may start now: nothing of it was sent.
        if before:
            complaint = complaint or f"queued, but {len(before)} ran"
        got = finished(vl, job)
    ran = rig.witness(since)
    complaint = complaint or judge(rig, got["job"], got["apdus"], ran)
    vl.call("AckJob", id=job)
    if not complaint and rig.witness(since) != ran:
        complaint = "something ran by itself after the restart"
    return Kill(complaint, got["job"]["state"], hit), vl


class Tap:
    """TAP lines, and how many of them say 'not ok'."""

    def gave_up(self, rig):
        """The test itself could not go on: say why, which nobody else will."""
        words = traceback.format_exc().strip().splitlines()
        self.line("the test goes on", f"{words[-1]} (semd {rig.semd and rig.semd.poll()}, "
                  f"softse {rig.softse.poll()})")
        print("# " + "\n# ".join(words), flush=True)

    def __init__(self, plan):
        self.done = self.bad = 0
        print(f"TAP version 13\n1..{plan}")

    def line(self, what, complaint):
        self.done += 1
        self.bad += complaint is not None
        print(f"{'not ok' if complaint else 'ok'} {self.done} - {what}"
              + (f": {complaint}" if complaint else ""), flush=True)


def run(rig, tap, rng, n):
    """n kills, and what can be said of all of them together."""
    kills = []
    vl = rig.start()
    complaint, span = undisturbed(rig, vl)
    tap.line("nobody killed, done", complaint)
    print(f"# {span * 1000:.0f} ms", flush=True)
    for _ in range(n):
        k, vl = one(rig, vl, rng.random() * span)
        kills.append(k)
        tap.line(f"killed, {k.state}" + (", was on the wire" if k.hit else ""), k.complaint)
    states = collections.Counter(k.state for k in kills)
    print("# " + ", ".join(f"{k}: {v}" for k, v in sorted(states.items())))
    if not isinstance(rig, KernelRig):
        return
    hits = sum(k.hit for k in kills)
    tap.line(f"an APDU was on the wire in {hits} of {n} kills",
             "none" if n >= 20 and not hits else None)
    rig.kill()
    tap.line("every channel of the SE can be had", rig.bereaved() or rig.all_channels())


def main():
    p = argparse.ArgumentParser(description="kill -9 of semd at random points of a script")
    p.add_argument("--kernel", action="store_true", help="through /dev/se0 (in the machine)")
    p.add_argument("n", nargs="?", type=int, default=20, metavar="N", help="kills (20)")
    p.add_argument("seed", nargs="?", type=int, default=random.randrange(1 << 30),
                   metavar="SEED", help="repeat a run")
    opt = p.parse_args()
    tap = Tap(opt.n + (3 if opt.kernel else 1))
    print(f"# seed {opt.seed}")
    with tempfile.TemporaryDirectory(prefix="job-kill-") as folder:
        rig = (KernelRig if opt.kernel else Rig)(folder)
        try:
            run(rig, tap, random.Random(opt.seed), opt.n)
        except Exception:   # whatever it was, the log of the stage must have it
            tap.gave_up(rig)
        finally:
            rig.stop()
            if tap.bad:
                with open(os.path.join(folder, "semd.log"), encoding="utf-8") as f:
                    print("# " + "# ".join(f.readlines()[-20:]))
    return 1 if tap.bad else 0


if __name__ == "__main__":
    sys.exit(main())
