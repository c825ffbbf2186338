#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""softse and semd without a kernel module, for tests against peers.

As a module: the class Stack. As a program it starts both in a private folder,
runs a command and takes them down again:

    stack.py --uri coap://127.0.0.1:5683 [--set server.version=1.0] -- COMMAND…

The command finds the folder in $STACK_DIR. V=san takes the sanitizer build.
"""

import argparse
import os
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

TOP = os.path.normpath(os.path.join(os.path.dirname(os.path.abspath(__file__)), "../.."))
OUT = os.path.join(TOP, "build/out", os.environ.get("V", "release"))


given = set()


def free_port():
    """A port of 127.0.0.1 that is free now, UDP and TCP; another one each time, and none of
    those that the kernel gives to whoever asks for any (from 32768 on)."""
    while True:
        port = random.randrange(10000, 30000)
        if port in given:
            continue
        given.add(port)
        try:
            for kind in (socket.SOCK_DGRAM, socket.SOCK_STREAM):
                with socket.socket(socket.AF_INET, kind) as s:
                    s.bind(("127.0.0.1", port))
        except OSError:
            continue
        return port


def wait_until(test, seconds, what):
    """Polls test until it is true; AssertionError names what did not happen."""
    end = time.monotonic() + seconds
    while not (value := test()):
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {seconds} s")
        time.sleep(0.02)
    return value


def wait_bound(port, seconds=60):
    """Until somebody has the UDP port, or listens at the TCP port: a peer that was started."""
    def bound():
        for name, state in (("udp", "07"), ("udp6", "07"), ("tcp", "0A"), ("tcp6", "0A")):
            try:
                with open(f"/proc/net/{name}", encoding="ascii") as f:
                    lines = [line.split() for line in f]
            except FileNotFoundError:  # no IPv6 here
                continue
            if any(x[1].endswith(f":{port:04X}") and x[3] == state for x in lines[1:]):
                return True
        return False
    wait_until(bound, seconds, f"somebody at port {port}")


class Stack:
    """One software SE behind one semd. set holds "section.key": value, which go
    over the defaults; value None leaves the key out. uri None: no LwM2M server."""

    def __init__(self, uri, set=None, folder=None):
        self.folder = folder or tempfile.mkdtemp(prefix="stack-")
        self.uri = uri
        self.set = set or {}
        self.softse = self.semd = None
        self.state_dir = os.path.join(self.folder, "state")
        self.config = os.path.join(self.folder, "semd.conf")
        self.apdu_log = os.path.join(self.folder, "apdu.log")
        self.socket = os.path.join(self.folder, "se.sock")

    def path(self, name):
        return os.path.join(self.folder, name)

    def write_config(self):
        """The configuration file of semd."""
        os.makedirs(self.state_dir, exist_ok=True)
        os.makedirs(self.path("run"), exist_ok=True)
        sections = {
            "semd": {"state_dir": self.state_dir, "runtime_dir": self.path("run")},
            "se se0": {"open": f"socket:{self.socket}", "type": "eSE"},
            "server test": {"uri": self.uri, "endpoint": "sesame-test", "lifetime": "300",
                            "ssid": "101"},
        }
        if self.uri is None:
            del sections["server test"]
        names = {"server": "server test", "se": "se se0"}
        for key, value in self.set.items():
            section, _, key = key.partition(".")
            part = sections.setdefault(names.get(section, section), {})
            if value is None:
                part.pop(key, None)
            else:
                part[key] = value
        with open(self.config, "w", encoding="utf-8") as f:
            for name, part in sections.items():
                f.write(f"[{name}]\n" + "".join(f"{k}={v}\n" for k, v in part.items()) + "\n")

    def start_softse(self, *options):
        if os.path.exists(self.socket):
            os.unlink(self.socket)
        with open(self.path("softse.log"), "ab") as log:
            self.softse = subprocess.Popen(
                [os.path.join(OUT, "softse"), f"--apdu-socket={self.socket}",
                 f"--state={self.path('se.state')}", f"--log={self.apdu_log}", *options],
                stdout=log, stderr=log)
        wait_until(lambda: os.path.exists(self.socket) or self.softse.poll() is not None, 60,
                   "softse's socket")
        if self.softse.poll() is not None:
            raise AssertionError(f"softse ended: {self.text('softse.log')}")

    def start_semd(self):
        self.write_config()
        with open(self.path("semd.log"), "ab") as log:
            self.semd = subprocess.Popen([os.path.join(OUT, "semd"), f"--config={self.config}"],
                                         stdout=log, stderr=log)

    def start(self):
        self.start_softse()
        self.start_semd()
        return self

    @staticmethod
    def _end(process, sig):
        if process is None or process.poll() is not None:
            return process.returncode if process else None
        process.send_signal(sig)
        try:
            return process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            return "had to be killed"

    def stop_softse(self, sig=signal.SIGTERM):
        return self._end(self.softse, sig)

    def stop_semd(self, sig=signal.SIGTERM):
        return self._end(self.semd, sig)

    def stop(self):
        """Ends both; the status of semd."""
        status = self.stop_semd()
        self.stop_softse()
        return status

    def text(self, name):
        try:
            with open(self.path(name), encoding="utf-8", errors="replace") as f:
                return f.read()
        except FileNotFoundError:
            return ""

    def apdus(self):
        """The software SE's own witness: a list of words for each executed C-APDU."""
        return [line.split() for line in self.text("apdu.log").splitlines()]

    def executed(self, header):
        """How often a C-APDU with this CLA (channel bits apart) INS P1 P2 ran."""
        # seq ns channel HEADER lc SW hash
        want = header.upper()
        return sum(1 for w in self.apdus() if len(w) > 3 and w[3][2:] == want[2:]
                   and int(w[3][:2], 16) & 0x80 == int(want[:2], 16) & 0x80)

    def remove(self):
        shutil.rmtree(self.folder, ignore_errors=True)


def main():
    p = argparse.ArgumentParser(description="run a command beside softse and semd")
    p.add_argument("--uri", required=True)
    p.add_argument("--set", action="append", default=[], metavar="SECTION.KEY=VALUE")
    p.add_argument("command", nargs="+")
    args = p.parse_args()
    stack = Stack(args.uri, dict(s.partition("=")[::2] for s in args.set))
    try:
        stack.start()
        status = subprocess.run(args.command, check=False,
                                env={**os.environ, "STACK_DIR": stack.folder}).returncode
        ended = stack.stop()
        print(f"{'ok' if ended == 0 else 'not ok'} - semd ends with status 0 on SIGTERM"
              + ("" if ended == 0 else f" ({ended})"))
        if status or ended:
            status = status or 1
            for name in ("semd.log", "softse.log"):
                for line in stack.text(name).splitlines()[-30:]:
                    print(f"# {name}: {line}")
    finally:
        stack.stop()
        stack.remove()
    return status


if __name__ == "__main__":
    sys.exit(main())
