#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""sectl on the driver, in the virtual machine (selftests/rig/vm -- python3
selftests/interop/sectl-vm.py): what needs /dev/seN and its netlink family. Events
and blocks while they happen, captures that tshark reads and that hold no payload;
all JSON against the schema."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
import time

import jsonschema
from pcscd import Softse
from tap import tap

SECTL = "build/out/release/sectl"
SCHEMA = "Documentation/sectl.schema.json"
MODULES = "build/kmod/driver"
CPLC = "80CA9F7F00"


def sectl(*args, status=0):
    done = subprocess.run([SECTL, *args], capture_output=True, text=True, timeout=300, check=False)
    if done.returncode != status:
        tap(False, f"sectl {' '.join(args)} ends with {status}",
            f"{done.returncode} {done.stdout[-300:]}{done.stderr[-300:]}")
    return done.stdout


def until(test, seconds=60):
    """What the test says in the end."""
    end = time.monotonic() + seconds
    while not (good := test()) and time.monotonic() < end:
        time.sleep(0.05)
    return good


class Following:
    """A verb that goes on until it is interrupted; its lines."""

    def __init__(self, *args):
        self.out = tempfile.TemporaryFile("w+")
        self.err = tempfile.TemporaryFile("w+")
        self.process = subprocess.Popen([SECTL, *args], stdout=self.out, stderr=self.err)
        if not until(lambda: self.queues()):
            tap(False, f"sectl {' '.join(args)} listens", f"status {self.process.poll()}")

    def queues(self):
        """Of its sockets that have joined a multicast group: octets that wait to be read."""
        mine = set()
        for fd in os.listdir(f"/proc/{self.process.pid}/fd"):
            with contextlib.suppress(FileNotFoundError):
                mine.add(os.readlink(f"/proc/{self.process.pid}/fd/{fd}"))
        with open("/proc/net/netlink", encoding="ascii") as f:
            sockets = [line.split() for line in f][1:]  # sk eth pid groups rmem … inode
        return [int(s[4]) for s in sockets
                if f"socket:[{s[-1]}]" in mine and int(s[3], 16)]

    def text(self):
        size = os.fstat(self.out.fileno()).st_size
        return os.pread(self.out.fileno(), size, 0).decode()

    def lines(self, enough=lambda text: True):
        """Interrupted as soon as it has printed enough and read all that there was."""
        until(lambda: enough(self.text()) and not any(self.queues()))
        self.process.send_signal(signal.SIGINT)
        status = self.process.wait(timeout=120)
        self.err.seek(0)
        return status, self.text().splitlines(), self.err.read()


def outputs_fit(lines):
    with open(SCHEMA, encoding="utf-8") as f:
        judge = jsonschema.Draft202012Validator(json.load(f))
    bad = [e for line in lines for e in judge.iter_errors(json.loads(line))]
    tap(lines and not bad, f"{len(lines)} outputs fit the schema",
        f"{bad[0].json_path}: {bad[0].message[:300]}" if bad else "")


def one_time(se):
    table = sectl("se", "list")
    tap(se in table and "gp" in table, "se list shows it", table)
    lines = [sectl("--json", *verb) for verb in
             (("se", "list"), ("se", "info", se), ("se", "stats", se),
              ("apdu", f"--se={se}", CPLC))]
    listed = json.loads(lines[0])["result"]["elements"]
    tap(len(listed) == 1 and listed[0]["name"] == se, "and in JSON", lines[0])
    info = sectl("se", "info", se)
    tap(info.startswith(se), "se info names it", info)
    return lines


def events(se):
    monitor = Following("monitor", "--json")
    sectl("se", "reset", se, "--level=software")
    status, lines, err = monitor.lines(
        lambda text: "state-change" in text and "generation-change" in text)
    seen = {json.loads(line)["result"]["event"] for line in lines}
    tap(seen >= {"state-change", "generation-change"}, "monitor tells of a reset while it happens",
        f"{sorted(seen)} {err}")
    tap(status == 0, "and ends well when interrupted", str(status))
    return lines


def blocks(se):
    monitor = Following("monitor", "--blocks", "--json")
    sectl("apdu", f"--se={se}", CPLC)
    _, lines, err = monitor.lines(lambda text: text.count("\n") >= 2)
    text = "".join(lines)
    tap(len(lines) >= 2, "monitor --blocks shows blocks both ways", f"{len(lines)} {err}")
    tap("9F7F" not in text.upper(), "and nothing of what is in them")
    return lines


def tshark(capture, *args):
    done = subprocess.run(["tshark", "-r", capture, *args], capture_output=True, text=True,
                          timeout=600, check=False)
    return done.stdout.splitlines(), done.stderr


def captures(se, folder):
    wire = os.path.join(folder, "wire.pcapng")
    trace = Following("trace", wire)
    sectl("apdu", f"--se={se}", CPLC)
    status, _, err = trace.lines()
    with open(wire, "rb") as f:
        data = f.read()
    packets, said = tshark(wire)
    tap(status == 0 and len(packets) >= 2, "trace FILE is a capture that tshark reads",
        f"{status} {len(packets)} {err}{said}")
    tap(b"\x9f\x7f\x2a" not in data, "with headers of blocks and no more")
    for name, more, shown in (("redacted", [], False), ("whole", ["--show-payload"], True)):
        path = os.path.join(folder, name)
        sectl("apdu", f"--se={se}", CPLC, f"--trace={path}", *more)
        with open(path, "rb") as f:
            data = f.read()
        packets, said = tshark(path, "-Y", "gsm_sim")
        tap(len(packets) >= 1, f"--trace {' '.join(more)} is one of APDUs", said)
        tap((b"\x9f\x7f\x2a" in data) == shown,
            "with their payload" if shown else "without their payload")
        tap(os.stat(path).st_mode & 0o077 == 0, "that nobody else can read")


def main():
    for m in ("se", "se-spi", "se-sim"):
        subprocess.run(["insmod", f"{MODULES}/{m}.ko"], check=True)
    none = sectl("se", "list", "--json")
    with Softse("--sim", vpcd=False), tempfile.TemporaryDirectory() as folder:
        tap(until(lambda: os.path.exists("/dev/se0"), 120), "the driver finds an SE")
        lines = [none, *one_time("se0"), *events("se0"), *blocks("se0")]
        outputs_fit(lines)
        captures("se0", folder)
    return tap.done()


if __name__ == "__main__":
    sys.exit(main())
